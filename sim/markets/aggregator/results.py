"""One finished day of the aggregator market, as its model shows it and as its tables are filled from it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from agents.aggregator.records import (
    AggregatorRecord,
    ContractLotRecord,
    ContractRecord,
    GeneratorRecord,
    LoadRetailRecord,
)
from agents.aggregator.settlement import AggregatorSettlement
from equilibrium.markets.aggregator.vehicles import PoolError
from scenarios.markets.aggregator.day import AggregatorInputs
from scenarios.time_axis import TimeAxis


@dataclass(frozen=True, eq=False)
class AggregatorDayResult:
    """All that one day of the aggregator market left behind.

    Attributes
    ----------
    index
        Day of the run, 0 first.
    date
        Calendar date, or ``None`` for a typical day.
    day
        What the scenario brought.
    distance
        Kantorovich distance between the arrivals that were drawn for the forecast and those that were kept, vehicles.
    settlement
        What the market was given, what it returned, and what the followers did when the day came.
    aggregator, lots, drivers, generators, retailer
        What the agents wrote down.
    seconds
        Wall time of the whole day, s.
    pool_errors
        How far each lot's pools are from its vehicles, where the scenario asks for it.
    """

    index: int
    date: dt.date | None
    day: AggregatorInputs
    distance: float
    settlement: AggregatorSettlement
    aggregator: AggregatorRecord
    lots: tuple[ContractLotRecord, ...]
    drivers: tuple[ContractRecord, ...]
    generators: tuple[GeneratorRecord, ...]
    retailer: LoadRetailRecord
    seconds: float
    pool_errors: tuple[PoolError, ...] = ()

    @property
    def axis(self) -> TimeAxis:
        """The periods of the day."""
        return self.day.axis
