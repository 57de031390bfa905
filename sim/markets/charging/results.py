"""One finished day of a market, as its model shows it and as a store writes it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from agents.disco.settlement import DiscoSettlement
from agents.records import (
    CompanyRecord,
    LotRecord,
    OperatorRecord,
    OwnerRecord,
    PoolRecord,
    RetailRecord,
    SessionRecord,
)
from equilibrium.markets.charging.clearing import Clearing
from equilibrium.markets.charging.day import MarketDay
from scenarios.markets.charging.day import ScenarioDay
from scenarios.markets.disco.day import CompanyDay


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


@dataclass(frozen=True, eq=False)
class DiscoDayResult:
    """All that one day of the DISCO market left behind.

    Attributes
    ----------
    index
        Day of the run, 0 first.
    date
        Calendar date, or ``None`` for a typical day.
    day
        What the scenario brought: loads without a program, and the upstream price.
    distance
        Kantorovich distance between the scenarios that were drawn for the forecast and those that were kept.
    settlement
        What the market was given and what it returned, for the forecast and for the day as it came.
    retail, owner, pools, company
        What the agents wrote down.
    finished
        Sessions of the day, lot by lot.
    seconds
        Wall time of the whole day, s.
    """

    index: int
    date: dt.date | None
    day: CompanyDay
    distance: float
    settlement: DiscoSettlement
    retail: RetailRecord
    owner: OwnerRecord
    pools: tuple[PoolRecord, ...]
    company: CompanyRecord
    finished: tuple[SessionRecord, ...]
    seconds: float
