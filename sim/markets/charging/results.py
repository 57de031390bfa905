"""One finished day of a market of charging lots, as its model shows it and as its tables are filled from it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from agents.charging.records import DriversRecord, LotRecord, OperatorRecord
from agents.records import SessionRecord
from equilibrium.grid.network import Network
from equilibrium.markets.charging.clearing import Clearing
from equilibrium.markets.charging.day import MarketDay
from scenarios.markets.charging.day import ScenarioDay
from scenarios.time_axis import TimeAxis
from sim.acflow import FlowCheck
from sim.markets.charging.yardstick import PriceMeasure


@dataclass(frozen=True, eq=False)
class DayResult:
    """All that one day left behind.

    Attributes
    ----------
    index
        Day of the run, 0 first.
    date
        Calendar date, or ``None`` for a paper's typical day.
    network
        The network that was cleared.
    scenario
        What the scenario brought: prices, loads, sun, wind, sessions.
    market
        What the market was given: the same with every lot's offer.
    clearing
        What the market returned, with its certificate.
    lots
        One record for each lot, in the order of the network.
    finished
        Sessions that ended today at a lot, in the order of the lots and of the departures.
    drivers
        Who found no place today, and what drivers think of the lots.
    operator
        What the operator has seen since the start of the run.
    seconds
        Wall time of the whole day, s; ``clearing.seconds`` is the market's part of it.
    flow
        The day's AC power flow, where it was asked for.
    prices
        The posted prices beside their equilibrium, where the yardstick was asked for and drivers came.
    """

    index: int
    date: dt.date | None
    network: Network
    scenario: ScenarioDay
    market: MarketDay
    clearing: Clearing
    lots: tuple[LotRecord, ...]
    finished: tuple[SessionRecord, ...]
    drivers: DriversRecord
    operator: OperatorRecord
    seconds: float
    flow: FlowCheck | None = None
    prices: PriceMeasure | None = None

    @property
    def axis(self) -> TimeAxis:
        """The periods of the day."""
        return self.scenario.axis
