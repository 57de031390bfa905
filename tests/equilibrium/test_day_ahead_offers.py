"""Prices of offers without states: by hand, against slopes, and against the rule of one scenario."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from equilibrium.deadline import Deadline
from equilibrium.markets.two_settlement.day_ahead import compile_day_ahead
from equilibrium.markets.two_settlement.market import DayAheadMarket, Options
from equilibrium.markets.two_settlement.network import radial_of
from equilibrium.markets.two_settlement.offers import clear_offers
from equilibrium.markets.two_settlement.search import PROFIT, DaySearch
from equilibrium.markets.two_settlement.system import ActiveSystem, DayAhead, Generator, Scenario
from equilibrium.programs.commitment import Demand, System, Unit, commit, price_schedule
from equilibrium.programs.commitment.prices import Prices
from equilibrium.programs.program import GAP
from tests.equilibrium.day_ahead_days import made_day, made_system
from tests.equilibrium.two_settlement_real import all_prices, penalties, system

SLOW = Generator(
    "slow", 2, least_kw=8.0, most_kw=9.0, rating_kva=9.0, cost_per_kwh=0.3, idle_cost_per_h=0.25, start_cost=0.125
)
QUICK = Generator("quick", 2, least_kw=0.0, most_kw=6.0, rating_kva=6.0, cost_per_kwh=0.325)
ABOVE = 0.3 + 0.125 / 9.0
"""What a kWh above the least output is offered at: its cost, and its part of a start."""
LEAST = ABOVE + 0.25 / 8.0
"""And one of the least output, with what running idle costs."""


def priced(rule: str, loads: list[float], chances: list[float], *generators: Generator) -> Prices:
    """Up to 5 kW come from upstream at 0.2 for bus 2, in an hour of several scenarios."""
    made_of = system(generators=generators, trade_max_kw=5.0)
    load = [kw * np.eye(5)[[2]] for kw in loads]
    scenarios = tuple(
        Scenario(chance, each, 0.0 * each, np.zeros((1, 0)), all_prices([0.2]))
        for chance, each in zip(chances, load, strict=True)
    )
    none = np.zeros(1)
    day = DayAhead(np.ones(1), scenarios, (), none, none, penalties(1, energy=0.05), none)
    with DayAheadMarket(made_of, Options(gap=GAP, prices=(rule,))) as market:
        market.prepare(day)
        return market.clear(day).prices[rule]


def test_the_offer_of_one_scenario_by_hand() -> None:
    """Of 10 kW 5 come from upstream, 1 from above the least output and 4 from it, which sets the price."""
    found = priced("aelmp", [10.0], [1.0], SLOW)
    assert found.energy[2].tolist() == pytest.approx([LEAST])
    assert found.profit.tolist() == pytest.approx([8.0 * LEAST - (8.0 * 0.3 + 0.25 + 0.125)])
    assert found.best_profit.tolist() == pytest.approx([9.0 * LEAST - (9.0 * 0.3 + 0.25 + 0.125)])
    assert found.make_whole.tolist() == pytest.approx([8.0 * (0.3 - LEAST) + 0.375])
    assert not found.reserve.any()


def test_with_scenarios_a_price_is_what_the_next_kilowatt_is_expected_to_cost() -> None:
    """With 5.5 kW the block above the least output is last, with 10 kW the least one: a quarter and three quarters."""
    found = priced("aelmp", [5.5, 10.0], [0.25, 0.75], SLOW)
    assert found.energy[2].tolist() == pytest.approx([0.25 * ABOVE + 0.75 * LEAST])
    assert found.residuals.worst <= 1e-9


def test_of_generators_that_stand_still_only_one_rule_knows() -> None:
    """The quick one alone serves 8 kW; the slow one stands by, and its kilowatt above the least output is cheaper."""
    loads, chances = [5.5, 8.0], [0.5, 0.5]
    slow = replace(SLOW, idle_cost_per_h=5.0)
    assert priced("aelmp", loads, chances, slow, QUICK).energy[2].tolist() == pytest.approx([0.5 * ABOVE + 0.5 * 0.325])
    online = priced("aelmp-online", loads, chances, slow, QUICK)
    assert online.energy[2].tolist() == pytest.approx([0.325])
    assert online.profit.tolist() == pytest.approx([0.0, 0.0], abs=1e-9)


def searched(made_of: ActiveSystem, day: DayAhead) -> DaySearch:
    market = DayAheadMarket(made_of, Options(gap=GAP))
    compiled = compile_day_ahead(made_of, radial_of(made_of.grid), day, market.interruptions(day))
    return DaySearch(compiled, 0.0, GAP, Deadline(), "auto")


@pytest.mark.parametrize("seed", [14, 17])
def test_a_price_of_offers_is_what_one_more_kilowatt_costs_them(seed: int) -> None:
    """At buses below binding voltages and ratings too, in a day of several scenarios and periods."""
    rng = np.random.default_rng(seed)
    made_of, day = made_system(rng), made_day(rng)
    with DayAheadMarket(made_of, Options(gap=GAP, prices=("aelmp",))) as market:
        market.prepare(day)
        prices = market.clear(day).prices["aelmp"]
    assert prices.residuals.worst <= 1e-7
    assert (prices.best_profit >= prices.profit - 1e-9).all()

    def worth(bus: int, period: int, step: float) -> float:
        moved = tuple(
            replace(each, load_kw=each.load_kw + step * np.eye(len(day.length_h))[:, [period]] * np.eye(6)[bus])
            for each in day.scenarios
        )
        search = searched(made_of, replace(day, scenarios=moved))
        asked, _ = search.required(search.costs[PROFIT])
        offered = clear_offers(search, asked, None)
        return float(offered.instance.cost @ offered.x)

    for bus, period in ((1, 0), (2, 1), (4, 2), (3, 0)):
        slope = (worth(bus, period, 1e-3) - worth(bus, period, -1e-3)) / 2e-3 / day.length_h[0]
        assert prices.energy[bus, period] == pytest.approx(slope, rel=1e-3, abs=1e-5)


def test_with_one_scenario_it_is_the_rule_of_a_commitment() -> None:
    """The same units, upstream as a supply of 5 kW at 0.2, load by load."""
    curves = [Unit(each.name, np.array([each.least_kw, each.most_kw]),
                   each.idle_cost_per_h + each.cost_per_kwh * np.array([each.least_kw, each.most_kw]),
                   start_cost=(each.start_cost,)) for each in (SLOW, QUICK)]  # fmt: skip
    upstream = Demand("upstream", -1.0, 5.0, 0.2)
    for load in (4.0, 5.5, 8.0, 12.5, 17.0):
        schedule = commit(System(1, {"2": load}, tuple(curves), demands=(upstream,)))
        for rule in ("aelmp", "aelmp-online"):
            alone = price_schedule(schedule, rule).energy[0]
            assert priced(rule, [load], [1.0], SLOW, QUICK).energy[2].tolist() == pytest.approx(alone.tolist())
