"""What generators and the retailer earn the leader as a function of one price: pieces between their breakpoints.

At a price a generator is on, off or indifferent, and the retailer serves everything, the least, or is indifferent. So
over an open interval between two breakpoints the quantities are fixed and the leader's margin is a line; at a
breakpoint it is the best of what the indifferent may do. Points and lines together are the exact graph, and weights on
their ends its exact hull, without a multiplier or a bound on one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from equilibrium.arrays import FloatArray
from equilibrium.markets.aggregator.day import AggregatorDay


@dataclass(frozen=True, eq=False)
class Piece:
    """A breakpoint, or the interval between two of them, in one period.

    Attributes
    ----------
    low, high
        Its ends, currency/kWh; equal for a breakpoint.
    least, most
        Limits of the quantities there, kW: of each generator that sees the price, then of the served load if the
        retailer sees it; equal where nobody is indifferent.
    at_low, at_high
        The leader's margin at both ends with these quantities, the best of them where they are free, currency.
    generators
        How many of the quantities are generators'.
    """

    low: float
    high: float
    least: FloatArray
    most: FloatArray
    at_low: float
    at_high: float
    generators: int

    def quantities(self, upstream: float, price: float) -> FloatArray:
        """Return the quantities that the leader prefers at a price, kW; the most where it is indifferent too."""
        sign = np.where(np.arange(self.least.size) < self.generators, 1.0, -1.0)
        return np.where(sign * (upstream - price) >= 0.0, self.most, self.least)


@dataclass(frozen=True)
class Seers:
    """Who sees a price: some generators, by their position in the day, and perhaps the retailer."""

    generators: tuple[int, ...]
    retailer: bool


def seers(day: AggregatorDay) -> dict[str, Seers]:
    """Return who of generators and retailer sees which price, by its name."""
    every = tuple(range(len(day.generators)))
    if day.uniform:
        return {"energy": Seers(every, True)}
    found = {"retailer": Seers((), True)}
    if day.reading.generator_price == "unit":
        return found | {f"{day.generators[k].name} output": Seers((k,), False) for k in every}
    return found | ({"generators": Seers(every, False)} if every else {})


def pieces(day: AggregatorDay, who: Seers, period: int) -> tuple[Piece, ...]:
    """Return the pieces of one period, by rising price from 0 to the cap."""
    units = [day.generators[k] for k in who.generators]
    worth, cap = float(day.retailer.worth[period]), day.energy_cap
    breaks = {unit.cost for unit in units} | ({worth} if who.retailer else set())
    ends = sorted({0.0, cap} | {price for price in breaks if 0.0 < price < cap})
    found: list[Piece] = []
    for low, high in zip(ends, [*ends[1:], ends[-1]], strict=True):
        found.append(_piece(day, who, period, low, low))
        if high > low:
            found.append(_piece(day, who, period, low, high))
    return tuple(found)


def _piece(day: AggregatorDay, who: Seers, period: int, low: float, high: float) -> Piece:
    middle = 0.5 * (low + high)
    least, most = [], []
    for unit in (day.generators[k] for k in who.generators):
        least.append(unit.capacity_kw if middle > unit.cost else 0.0)
        most.append(unit.capacity_kw if middle >= unit.cost else 0.0)
    if who.retailer:
        worth, load = day.retailer.worth[period], day.retailer.load_kw[period]
        least.append(load if middle < worth else day.retailer.least_kw[period])
        most.append(load if middle <= worth else day.retailer.least_kw[period])
    count = len(who.generators)
    piece = Piece(low, high, np.array(least), np.array(most), 0.0, 0.0, count)
    upstream, length = float(day.energy_price[period]), float(day.length_h[period])
    ends = []
    for price in (low, high):
        kw = piece.quantities(upstream, price)
        ends.append((upstream - price) * float(kw[:count].sum() - kw[count:].sum()) * length)
    return Piece(low, high, piece.least, piece.most, ends[0], ends[1], count)
