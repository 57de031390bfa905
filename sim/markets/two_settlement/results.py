"""One finished day of the market of two settlements, as its model shows it and as its tables are filled from it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from agents.two_settlement.records import BidderRecord, OperatorRecord
from agents.two_settlement.settlement import DaySettled
from equilibrium.markets.two_settlement.clearing import DayAheadClearing
from equilibrium.markets.two_settlement.system import ActiveSystem
from scenarios.markets.two_settlement.day import TwoSettlementInputs
from scenarios.time_axis import TimeAxis


@dataclass(frozen=True, eq=False)
class TwoSettlementDayResult:
    """All that one day of the market of two settlements left behind.

    Attributes
    ----------
    index
        Day of the run, 0 first.
    date
        Calendar date, or ``None`` for a typical day.
    day
        What the scenario brought.
    system
        What the operator runs.
    distance
        Largest Kantorovich distance between a source's draws and what was kept of them, kW.
    plan
        How the day-ahead market scheduled the day.
    settlement
        What was planned, what came, and who paid whom.
    missing_kwh
        Energy that vehicles of each lot left without, kWh.
    operator, bidders
        What the agents wrote down.
    seconds, real_time_seconds
        Wall time of the whole day, and of real time, s.
    """

    index: int
    date: dt.date | None
    day: TwoSettlementInputs
    system: ActiveSystem
    distance: float
    plan: DayAheadClearing
    settlement: DaySettled
    missing_kwh: tuple[float, ...]
    operator: OperatorRecord
    bidders: tuple[BidderRecord, ...]
    seconds: float
    real_time_seconds: float

    @property
    def axis(self) -> TimeAxis:
        """The periods of real time."""
        return self.day.quarters
