"""A day of posted prices beside the equilibrium that the same drivers, costs and places have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from agents.charging.drivers import Drivers
from agents.charging.lot import ParkingLot
from equilibrium.arrays import FloatArray, IntArray
from equilibrium.errors import InputError
from equilibrium.markets.charging.clearing import Clearing
from equilibrium.markets.charging.demand import LogitDemand
from equilibrium.markets.charging.posted_prices import PostedPriceGame
from equilibrium.markets.charging.price_points import Yardstick
from scenarios.markets.charging.case import ChargingCase
from scenarios.markets.charging.day import ScenarioDay
from scenarios.markets.charging.driver_schema import SessionDrivers


@dataclass(frozen=True, eq=False)
class PriceMeasure:
    """What the yardstick says of one day.

    Attributes
    ----------
    lots
        Names of the lots that drivers choose among, in the order of all arrays.
    cost
        What a kWh cost each of them, network charge included, currency/kWh.
    yardstick
        The posted prices, the equilibrium nearest to them, and what each lot forgoes.
    """

    lots: tuple[str, ...]
    cost: FloatArray
    yardstick: Yardstick


class PriceYardstick:
    """Measures each day's posted prices.

    Drivers are types by the lot where their session was recorded, since they differ in nothing else when they choose;
    all types ask for the mean energy of the day. A kWh costs a lot what it paid for one that day, with the network
    charge (where it drew nothing, the mean DLMP at its bus). A lot on which drivers found no place has as many as it
    let in; any other one has room for all. Each lot may post what its scenario lets it learn: from the lowest to the
    highest price of its grid.

    Parameters
    ----------
    case
        The scenario.

    Raises
    ------
    InputError
        When no driver chooses by the price.
    """

    def __init__(self, case: ChargingCase) -> None:
        drivers, source = case.drivers, f"scenario {case.name}"
        if not isinstance(drivers, SessionDrivers):
            raise InputError(source, "yardstick", "counts", "drivers who choose among lots: source replay or resample")
        if not drivers.choice.price_utility_per_kwh < 0.0:
            value = drivers.choice.price_utility_per_kwh
            raise InputError(source, "drivers.choice.price_utility", value, "less than 0 for a yardstick of prices")
        self._price_utility = drivers.choice.price_utility_per_kwh
        self._outside = drivers.choice.outside
        public = [lot for lot in case.lots if lot.residents is None]
        self._low = np.array([min(lot.learned_prices()) for lot in public])
        self._high = np.array([max(lot.learned_prices()) for lot in public])
        self._efficiency = float(np.mean([lot.efficiency for lot in public]))
        self._count: IntArray = np.zeros(0, dtype=np.int64)

    def observe(self, day: ScenarioDay, drivers: Drivers) -> None:
        """Take in who chooses and how they like the lots, in the morning: the evening changes what drivers think.

        Parameters
        ----------
        day
            Whose sessions look for a place.
        drivers
            Who choose.
        """
        homes = np.array([session.home_lot for session in day.sessions], dtype=np.int64)
        types, self._count = np.unique(homes, return_counts=True)
        self._attraction = drivers.attraction(types)
        self._length_h = day.axis.length_h
        asked = [session.energy_kwh for session in day.sessions]
        self._energy_kwh = float(np.mean(asked)) / self._efficiency if asked else 0.0

    def measure(self, lots: Sequence[ParkingLot], clearing: Clearing) -> PriceMeasure | None:
        """Measure the observed day once it is settled; ``None`` where no driver came.

        Parameters
        ----------
        lots
            All lots.
        clearing
            What the market returned.
        """
        if not self._count.size:
            return None
        public = [lot for lot in lots if not lot.homes]
        cost = np.array([_cost(lot, self._length_h, clearing) for lot in public])
        outside = -np.inf
        if self._outside is not None:
            outside = self._price_utility * self._outside.price_per_kwh + self._outside.constant
        posted = np.array([lot.price for lot in public])
        game = PostedPriceGame(
            LogitDemand(
                self._count.astype(np.float64),
                np.full(self._count.size, self._energy_kwh),
                self._price_utility,
                self._attraction,
                outside,
            ),
            cost=cost,
            price_min=self._low,
            price_max=self._high,
            places=np.array([_places(lot) for lot in public]),
            names=[lot.name for lot in public],
        )
        return PriceMeasure(tuple(lot.name for lot in public), cost, game.measure(posted))


def _places(lot: ParkingLot) -> float:
    """Return the drivers that a lot can take in the day: those it let in where it was full, else any number."""
    record = lot.record()
    return float(max(record.arrivals, 1)) if record.refused else np.inf


def _cost(lot: ParkingLot, length_h: FloatArray, clearing: Clearing) -> float:
    """Return what a kWh cost a lot today, network charge included, currency/kWh."""
    record = lot.record()
    if record.energy_kwh > 0.0:
        return (record.payment + record.network_charge) / record.energy_kwh
    return float(np.average(clearing.lot_price[:, lot.index], weights=length_h))
