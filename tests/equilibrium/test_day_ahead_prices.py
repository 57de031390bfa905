"""Prices of a scheduled day by hand: what a generator earns by them, and what it would earn by its own best."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from equilibrium.grid.assets import RenewableUnit, StorageUnit
from equilibrium.markets.two_settlement.market import DayAheadMarket, Options
from equilibrium.markets.two_settlement.system import DayAhead, Generator, Scenario
from equilibrium.programs.program import GAP
from tests.equilibrium.two_settlement_real import all_prices, bid, penalties, system


def priced(rule: str, hours: float, load_kw: float, **unit: Any) -> Any:
    """5 kW come from upstream at 0.2 for bus 2, where a generator gives 8 or 9 kW at 0.3; bus 1 has 1 kW worth 0.1."""
    given = {"least_kw": 8.0, "most_kw": 9.0, "rating_kva": 9.0, "cost_per_kwh": 0.3}
    given |= {"min_up_h": hours, "min_down_h": hours, **unit}
    worth = np.array([10.0, 0.1, 10.0, 10.0, 10.0])
    made = system(generators=(Generator("g", 2, **given),), trade_max_kw=5.0, lost_load_value=worth)
    load = load_kw * np.eye(5)[[2]] + np.eye(5)[[1]]
    scenario = Scenario(1.0, load, 0.0 * load, np.zeros((1, 0)), all_prices([0.2]))
    nothing = np.zeros(1)
    day = DayAhead(np.array([hours]), (scenario,), (), nothing, nothing, penalties(1, output=0.05), nothing)
    with DayAheadMarket(made, Options(gap=GAP, prices=(rule,))) as market:
        market.prepare(day)
        return market.clear(day).prices[rule]


@pytest.mark.parametrize("hours", [1.0, 0.5])
def test_a_generator_that_has_to_run_loses_and_would_rather_rest(hours: float) -> None:
    """It gives 8 of 10 kW, the next comes at 0.2: each of the 8 loses 0.1, and it pays to idle and start."""
    found = priced("fixed-commitment", hours, 10.0, idle_cost_per_h=0.25, start_cost=0.125)
    assert found.energy[2].tolist() == pytest.approx([0.2])
    assert found.energy[1].tolist() == pytest.approx([0.1])  # all of its load is shed, and so would be more
    assert found.profit.tolist() == pytest.approx([-hours * (0.8 + 0.25) - 0.125])
    assert found.best_profit.tolist() == pytest.approx([0.0], abs=1e-9)
    assert found.lost_opportunity.tolist() == found.make_whole.tolist() == pytest.approx([hours * 1.05 + 0.125])


def test_a_relaxed_state_sets_the_price_at_what_the_generator_costs() -> None:
    """A part of it gives the 5 kW that are missing: at 0.3 it neither wins nor loses, at rest or not."""
    found = priced("convex-hull", 1.0, 10.0)
    assert found.energy[2].tolist() == pytest.approx([0.3])
    assert found.profit.tolist() == pytest.approx([0.0], abs=1e-9)
    assert found.best_profit.tolist() == pytest.approx([0.0], abs=1e-9)


def test_where_load_is_shed_a_generator_earns_what_lost_load_is_worth() -> None:
    """16 kW are asked for and 14 are there: the next one is shed at 10, and it gives all that it can."""
    found = priced("fixed-commitment", 1.0, 16.0)
    assert found.energy[2].tolist() == pytest.approx([10.0])
    assert found.profit.tolist() == pytest.approx([9.0 * 9.7])
    assert found.best_profit.tolist() == pytest.approx([9.0 * 9.7])


@pytest.mark.parametrize("kind", ["renewables", "storages", "generators", "bids"])
def test_whatever_a_source_gives_passes_the_root(kind: str) -> None:
    """40 kW of one source alone beside a load of 1 kW: nothing but the limit of trade would keep 39 from being sold."""
    made = {
        "renewables": (RenewableUnit("sun", 2, 40.0, "pv"),),
        "storages": (StorageUnit("store", 2, 40.0, 40.0, 40.0, 40.0, 1.0, 1.0),),
        "generators": (Generator("g", 2, 0.0, 40.0, 40.0, 0.1),),
    }
    two = np.ones(2)
    load = np.outer(two, np.eye(5)[2])
    power = np.array([[40.0], [40.0]]) if kind == "renewables" else np.zeros((2, 0))
    scenario = Scenario(1.0, load, 0.0 * load, power, all_prices([0.2, 0.3]))
    bids = (bid([40.0, 40.0], 2, sold_price=0.05 * two),) if kind == "bids" else ()
    day = DayAhead(two, (scenario,), bids, 0.0 * two, 0.0 * two, penalties(2, energy=0.05), 0.0 * two)
    found_in = system(**{kind: made[kind]} if kind in made else {})
    with DayAheadMarket(found_in, Options(gap=GAP)) as market:
        market.prepare(day)
        trade = market.clear(day).positions.trade_kw
    # The store begins and ends full: what it sells in the dearer hour it has bought before, so it rests in the first.
    assert trade.tolist() == pytest.approx([-39.0, -39.0] if kind != "storages" else [1.0, 1.0])
