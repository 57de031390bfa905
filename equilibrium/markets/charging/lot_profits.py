"""What the lots earn at posted prices: the data of their game, and its profits at many points at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from equilibrium.arrays import FloatArray
from equilibrium.errors import InputError
from equilibrium.markets.charging.demand import SOURCE, LogitDemand
from equilibrium.shapes import check_shape

_ULPS_PER_NUMBER = 4.0
"""Units in the last place that a term of a profit loses at each step in which lots fill, generously counted."""


@dataclass(frozen=True, eq=False)
class LotProfits:
    """The lots' profits as functions of all posted prices.

    A lot earns ``sum_m (price - cost_m) * energy_m * admitted_m(prices)``, where ``admitted`` are the drivers of
    :meth:`LogitDemand.admitted`.

    Attributes
    ----------
    demand
        The drivers.
    cost
        What a kWh costs a lot by type of driver, currency/kWh, shape ``(types, lots)``; the types differ in it by the
        hours in which they charge.
    price_min, price_max
        Prices that each lot may post, currency/kWh, shape ``(lots,)``.
    places
        Drivers that each lot can take in the day, above 0, infinite for a lot that never fills, shape ``(lots,)``.
    names
        Names of the lots.
    """

    demand: LogitDemand
    cost: FloatArray
    price_min: FloatArray
    price_max: FloatArray
    places: FloatArray
    names: tuple[str, ...]

    @classmethod
    def of(
        cls,
        demand: LogitDemand,
        cost: ArrayLike,
        price_min: ArrayLike,
        price_max: ArrayLike,
        places: ArrayLike,
        names: Sequence[str],
    ) -> LotProfits:
        """Check the data; ``cost`` may also have the shape ``(lots,)`` or be one number, the others one number.

        Raises
        ------
        InputError
            For a shape that does not fit, a number that is none, no price to choose, a lot without places.
        """
        lots = demand.lots
        known = tuple(names) or tuple(f"lot {lot}" for lot in range(lots))
        if len(known) != lots:
            raise InputError(SOURCE, "names", len(known), f"{lots} names, one for each lot")
        if np.ndim(cost) == 2:
            check_shape(SOURCE, "cost", cost, (demand.types, lots))
        costs = np.asarray(cost, dtype=np.float64)
        full = costs if costs.ndim == 2 else np.tile(_each_lot("cost", costs, lots), (demand.types, 1))
        low, high = (
            _each_lot(name, value, lots) for name, value in (("price_min", price_min), ("price_max", price_max))
        )
        room = np.asarray(places, dtype=np.float64)
        room = np.full(lots, float(room)) if room.ndim == 0 else room.copy()
        if room.shape != (lots,):
            raise InputError(SOURCE, "places", room.shape, f"one number, or shape ({lots},)")
        for lot, name in enumerate(known):
            if not room[lot] > 0.0:
                raise InputError(SOURCE, f"places of {name}", float(room[lot]), "more than 0 (infinite: never full)")
            if low[lot] > high[lot]:
                found = (float(low[lot]), float(high[lot]))
                raise InputError(SOURCE, f"prices of {name}", found, "a price_min up to price_max")
        return cls(demand, full.copy(), low, high, room, known)

    def gathered(self) -> LotProfits:
        """Return the same game with types that choose alike as one: a day of sessions has few that differ.

        The lots' profits need only the drivers, the energy and its cost in sum over types with the same utilities.
        """
        demand = self.demand
        choice = np.column_stack([demand.price_utility_per_kwh, demand.outside, demand.attraction])
        kinds, kind = np.unique(choice, axis=0, return_inverse=True)
        if len(kinds) == demand.types:
            return self
        drivers, energy = np.zeros(len(kinds)), np.zeros(len(kinds))
        paid = np.zeros((len(kinds), self.lots))
        asked = demand.drivers * demand.energy_kwh
        for total, part in ((drivers, demand.drivers), (energy, asked), (paid, asked[:, None] * self.cost)):
            np.add.at(total, kind.ravel(), part)
        each = np.divide(energy, drivers, out=np.zeros_like(energy), where=drivers > 0.0)
        cost = np.divide(paid, energy[:, None], out=np.zeros_like(paid), where=energy[:, None] > 0.0)
        few = LogitDemand(drivers, each, kinds[:, 0], kinds[:, 2:], kinds[:, 1])
        return LotProfits(few, cost, self.price_min, self.price_max, self.places, self.names)

    @property
    def lots(self) -> int:
        """Number of lots."""
        return self.demand.lots

    def profits(self, prices: FloatArray) -> FloatArray:
        """Return every lot's profit, currency, at points of shape ``(points, lots)``; the same shape."""
        admitted = self.demand.admitted(prices, self.places)
        energy = admitted * self.demand.energy_kwh[:, None]
        profits: FloatArray = prices * energy.sum(axis=1) - (energy * self.cost).sum(axis=1)
        return profits

    def along(self, lot: int, prices: FloatArray, own: FloatArray) -> FloatArray:
        """Return one lot's profit at own prices of shape ``(points,)``, the rivals at ``prices`` ``(lots,)``."""
        points = np.tile(prices, (own.size, 1))
        points[:, lot] = own
        return self.profits(points)[:, lot]

    def check_prices(self, prices: ArrayLike) -> FloatArray:
        """Return posted prices as an array, shape ``(lots,)``.

        Raises
        ------
        InputError
            For another shape, or a number that is none.
        """
        check_shape(SOURCE, "prices", prices, (self.lots,))
        return np.array(prices, dtype=np.float64)

    @cached_property
    def rounding(self) -> FloatArray:
        """How far rounding moves a computed profit of each lot, currency, and a slope, kWh, at most; ``(2, lots)``."""
        demand = self.demand
        ends = np.stack([self.price_min, self.price_max])
        utility = float(np.abs(demand.utility(ends)).max(initial=0.0))
        outside = float(np.abs(demand.outside[np.isfinite(demand.outside)]).max(initial=0.0))
        margin = np.abs(ends[:, None, :] - self.cost).max(axis=0)
        asked = demand.drivers * demand.energy_kwh
        at_stake = np.stack([asked @ margin, asked @ (1.0 - demand.price_utility_per_kwh[:, None] * margin)])
        terms = (self.lots + 1) * (demand.types + utility + outside + 16.0)
        bound: FloatArray = _ULPS_PER_NUMBER * np.finfo(np.float64).eps * terms * at_stake
        return bound

    def against(self, lot: int, prices: FloatArray) -> tuple[LotProfits, int, FloatArray]:
        """Return the game that one lot sees when the others' prices stand, rivals that are alike made one.

        Rivals with the same utilities and places fill at the same moment, so they are one lot with the sum of their
        weights and places.

        Returns
        -------
        tuple
            The game, the lot's number in it, and its prices.
        """
        utility = self.demand.utility(prices)
        rivals = [k for k in range(self.lots) if k != lot]
        alike: dict[bytes, list[int]] = {}
        for k in rivals:
            alike.setdefault(utility[:, k].tobytes() + self.places[k].tobytes(), []).append(k)
        if len(alike) == len(rivals):
            return self, lot, prices
        groups = [[lot], *alike.values()]
        first = [group[0] for group in groups]
        count = np.array([len(group) for group in groups], dtype=np.float64)
        demand = self.demand
        attraction = demand.attraction[:, first] + np.log(count)
        one = LogitDemand(demand.drivers, demand.energy_kwh, demand.price_utility_per_kwh, attraction, demand.outside)
        names = tuple(self.names[k] for k in first)
        game = LotProfits(
            one, self.cost[:, first], self.price_min[first], self.price_max[first], self.places[first] * count, names
        )
        return game, 0, prices[first]


def _each_lot(name: str, value: ArrayLike, lots: int) -> FloatArray:
    """Return one finite number for each lot."""
    array = np.asarray(value, dtype=np.float64)
    array = np.full(lots, float(array)) if array.ndim == 0 else array.copy()
    check_shape(SOURCE, name, array, (lots,))
    return array
