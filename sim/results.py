"""One finished day of the local market, as the model shows it and as a store writes it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from agents.records import LotRecord, OperatorRecord, SessionRecord
from equilibrium.clearing import Clearing
from equilibrium.day import MarketDay
from scenarios.day import ScenarioDay


@dataclass(frozen=True, eq=False)
class DayResult:
    """All that one day left behind.

    Attributes
    ----------
    index
        Day of the run, 0 first.
    date
        Calendar date, or ``None`` for a paper's typical day.
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
    turned_away
        Drivers who found no place today, in order of arrival.
    operator
        What the operator has seen since the start of the run.
    seconds
        Wall time of the whole day, s; ``clearing.seconds`` is the market's part of it.
    """

    index: int
    date: dt.date | None
    scenario: ScenarioDay
    market: MarketDay
    clearing: Clearing
    lots: tuple[LotRecord, ...]
    finished: tuple[SessionRecord, ...]
    turned_away: tuple[SessionRecord, ...]
    operator: OperatorRecord
    seconds: float
