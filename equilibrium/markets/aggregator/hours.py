"""What the feeder makes of generators and the retailer in single periods, lots given a price of losses.

The lots' expected consumption enters losses and limits. A copy of it with a price per kWh cuts the leader's problem in
two: lots at upstream prices plus that price, and single periods in which generators, load and the copies meet. For any
price of losses the sum of both optima bounds the leader's profit, network and limits included.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from equilibrium.arrays import FloatArray
from equilibrium.errors import InfeasibleError
from equilibrium.markets.aggregator.day import AggregatorDay
from equilibrium.markets.aggregator.flow import Flows, Powers
from equilibrium.markets.aggregator.pieces import Piece, Seers, pieces, seers
from equilibrium.markets.aggregator.pools import lot_pools

Graphs = Mapping[str, Sequence[Sequence[Piece]]]
"""For a price by name: its pieces in every period."""


@dataclass(frozen=True, eq=False)
class Rest:
    """What prices that no lot sees earn at most, and which they are.

    Attributes
    ----------
    bound
        Currency.
    prices
        By name, shape ``(periods,)``.
    """

    bound: float
    prices: Mapping[str, FloatArray]


class Hours:
    """The periods of a day at a price of losses.

    Parameters
    ----------
    flows
        The feeder, or ``None``: then losses cost nothing and their price must be zero.
    """

    def __init__(self, day: AggregatorDay, flows: Flows | None) -> None:
        self.day, self.flows, self._seers = day, flows, seers(day)
        self._graphs = {
            name: [pieces(day, who, period) for period in range(day.periods)] for name, who in self._seers.items()
        }
        self._lots = _reach(day)

    def graphs(self, loss_price: FloatArray) -> Graphs:
        """Return the pieces of the uniform price, losses counted; nothing under pay-as-bid.

        Raises
        ------
        InfeasibleError
            When no price keeps the limits of a period.
        """
        if not self.day.uniform:
            return {}
        if self.flows is None:
            return self._graphs
        who, found = self._seers["energy"], []
        for period, every in enumerate(self._graphs["energy"]):
            kept = [piece for each in every if (piece := self._priced(period, who, each, loss_price)) is not None]
            if not kept:
                raise InfeasibleError((_unservable(period),))
            found.append(kept)
        return {"energy": found}

    def rest(self, loss_price: FloatArray) -> Rest:
        """Return what the prices that no lot sees earn at most, losses counted.

        At a breakpoint the indifferent may do all that they do beside it, so breakpoints suffice.
        """
        names = [] if self.day.uniform else list(self._seers)
        prices = {name: np.zeros(self.day.periods) for name in names}
        if self.day.uniform and self.flows is not None:
            return Rest(0.0, {})
        total = 0.0
        for period in range(self.day.periods):
            offers = [[piece for piece in self._graphs[name][period] if piece.low == piece.high] for name in names]
            if self.flows is None:
                chosen: Sequence[Piece] = [_best_alone(each) for each in offers]
                total += sum(piece.at_low for piece in chosen)
            else:
                value, chosen = self._best(period, names, [_undominated(each) for each in offers], loss_price)
                total += value
            for name, piece in zip(names, chosen, strict=True):
                prices[name][period] = piece.low
        return Rest(total, prices)

    def _best(
        self, period: int, names: Sequence[str], offers: Sequence[Sequence[Piece]], loss_price: FloatArray
    ) -> tuple[float, Sequence[Piece]]:
        """Return the best combination of breakpoints of one period and its value."""
        best: tuple[float, Sequence[Piece]] | None = None
        for chosen in itertools.product(*offers):
            value = self._value(period, [self._seers[name] for name in names], chosen, loss_price)
            if value is not None and (best is None or value > best[0]):
                best = value, chosen
        if best is None:
            raise InfeasibleError((_unservable(period),))
        return best

    def _priced(self, period: int, who: Seers, piece: Piece, loss_price: FloatArray) -> Piece | None:
        """Return a piece with losses and copies counted, ``None`` where no flow is allowed on it."""
        value = self._value(period, [who], [piece], loss_price)
        if value is None:
            return None
        if piece.low == piece.high:
            return replace(piece, at_low=value, at_high=value)
        return replace(piece, at_low=value, at_high=value + piece.at_high - piece.at_low)

    def _value(
        self, period: int, who: Sequence[Seers], chosen: Sequence[Piece], loss_price: FloatArray
    ) -> float | None:
        """Return the most that a period earns on some pieces, at their lower ends."""
        assert self.flows is not None
        day, length = self.day, float(self.day.length_h[period])
        upstream = float(day.energy_price[period])
        generators, output = np.zeros((2, len(day.generators))), np.zeros(len(day.generators))
        served, load = np.zeros(2), 0.0
        for each, piece in zip(who, chosen, strict=True):
            at = list(each.generators)
            generators[:, at] = piece.least[: len(at)], piece.most[: len(at)]
            output[at] = (upstream - piece.low) * length
            if each.retailer:
                served[:] = piece.least[-1], piece.most[-1]
                load = (piece.low - upstream) * length
        earn = np.concatenate([loss_price[period] * length, -output, [load]])
        flow = self.flows.solve(period, Powers(self._lots[:, period], generators, served), earn)
        return None if flow is None else -flow.value


def _undominated(offers: Sequence[Piece]) -> list[Piece]:
    """Return the breakpoints of a price of generators or of the load that no other one beats.

    One that allows all that another does beats it where generators are paid less, or the load pays more.
    """

    def better(one: Piece, other: Piece) -> bool:
        pays = one.low < other.low if one.generators else one.low > other.low
        return pays and bool((one.least <= other.least).all() and (one.most >= other.most).all())

    return [piece for piece in offers if not any(better(one, piece) for one in offers)]


def _best_alone(offers: Sequence[Piece]) -> Piece:
    """Return the best breakpoint, of equal ones the lowest for generators and the highest for the retailer."""
    return max(offers, key=lambda piece: (piece.at_low, -piece.low if piece.generators else piece.low))


def _reach(day: AggregatorDay) -> FloatArray:
    """Return the least and greatest expected net consumption of the lots, kW, shape ``(2, periods, lots)``."""
    reach = np.zeros((2, day.periods, len(day.lots)))
    for number, lot in enumerate(day.lots):
        for scenario, weight in enumerate(day.probability):
            pools = lot_pools(day, lot, scenario)
            reach[0, :, number] -= weight * pools.v2g.power_kw
            reach[1, :, number] += weight * (pools.g2v.power_kw + pools.v2g.power_kw)
    return reach


def _unservable(period: int) -> str:
    return f"period {period}: no prices of generators and retailer keep voltages and currents within their limits"


def graph_value(graph: Sequence[Piece], price: float) -> float:
    """Return the most that the pieces earn at a price; minus infinity where none of them is."""
    best = -np.inf
    for piece in graph:
        if piece.low <= price <= piece.high:
            share = (price - piece.low) / (piece.high - piece.low) if piece.high > piece.low else 0.0
            best = max(best, (1.0 - share) * piece.at_low + share * piece.at_high)
    return float(best)
