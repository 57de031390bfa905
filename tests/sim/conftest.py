"""Days to write, draw and tell: cleared by the real market, with hand-made records of lots and sessions."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from agents.charging.records import DriversRecord, LotRecord, OperatorRecord
from agents.records import Outcome, SessionRecord
from equilibrium.grid.network import Network
from equilibrium.markets.charging.clearing import Clearing
from equilibrium.markets.charging.day import MarketDay
from equilibrium.markets.lots_lead.market import LotsLeadMarket
from scenarios.markets.charging.day import ScenarioDay
from scenarios.published.epec_lots import epec_lots_case
from scenarios.time_axis import day_axis
from sim.columns import Columns
from sim.markets.charging.results import DayResult
from sim.markets.lots_lead.kind import KIND
from sim.options import RunOptions
from sim.reproduce.epec_lots.compute import Results, compute
from sim.run import run_scenario
from sim.store import Run, RunWriter
from tests.sim.two_settlement_town import town


@dataclass(frozen=True)
class Cleared:
    network: Network
    market: MarketDay
    clearing: Clearing


@pytest.fixture(scope="session")
def cleared() -> Cleared:
    network, market = epec_lots_case("33", 1)
    return Cleared(network, market, LotsLeadMarket(network).clear(market))


@pytest.fixture(scope="session")
def results() -> Results:
    """The reproduction of the study on lots that lead."""
    return compute("highs")


@pytest.fixture(scope="session")
def make_day(cleared: Cleared) -> Callable[..., DayResult]:
    """Return a maker of days that differ in index, date and whatever the clearing is changed to."""

    def make(index: int = 0, clearing: Clearing | None = None, *, dated: bool = True) -> DayResult:
        clearing = clearing or cleared.clearing
        market = cleared.market
        date = dt.date(2024, 6, 10) + dt.timedelta(days=index) if dated else None
        scenario = ScenarioDay(
            index,
            date,
            day_axis(date),
            24.0 * index,
            market.wholesale_price,
            market.load_kw,
            market.load_kvar,
            market.renewable_kw,
            market.microturbine_available,
        )
        lots = tuple(
            LotRecord(site.name, 0.5, 9, 1, 8, 1, 7, float(clearing.lot_kw[:, k].sum()), 10.0, 0.0, 0.0, 0.0, 0.0)
            for k, site in enumerate(cleared.network.lots)
        )
        times = (24.0 * index + 8, 24.0 * index + 12)
        served = SessionRecord(
            f"{index}-0", index, "lot-1", 0, *times, 1, 50.0, 15.0, 10.0, 0.0, 10.0, 10.5, 5.25, Outcome.SERVED
        )
        refused = replace(served, name=f"{index}-1", lot="", got_kwh=0.0, drawn_kwh=0.0, outcome=Outcome.FULL)
        away = replace(refused, name=f"{index}-2", tries=0, outcome=Outcome.AWAY)
        operator = OperatorRecord(None, 0.0)
        drivers = DriversRecord((refused,), (away,), np.full(len(lots), 0.9))
        network = cleared.network
        return DayResult(index, date, network, scenario, market, clearing, lots, (served,), drivers, operator, 0.25)

    return make


def rows_of(day: DayResult) -> dict[str, Columns]:
    """Return the rows that a day of the lots-lead market adds to its tables."""
    rows = {table.name: table.of(day) for table in KIND.tables}
    return {name: columns for name, columns in rows.items() if columns is not None}


@pytest.fixture
def stored(tmp_path: Path) -> Callable[..., Run]:
    """Return a maker of finished runs from days."""

    def store(*days: DayResult) -> Run:
        writer = RunWriter(tmp_path / "run", KIND.name, KIND.tables)
        for day in days:
            writer.add(day.index, rows_of(day))
        writer.close()
        return Run(tmp_path / "run")

    return store


@pytest.fixture(scope="session")
def town_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Two days of the town of two settlements; with so many failures something is out of order on some of them."""
    folder = tmp_path_factory.mktemp("two-settlement-town")
    return run_scenario(town(folder), folder / "run", RunOptions(days=2, seed=1)).run
