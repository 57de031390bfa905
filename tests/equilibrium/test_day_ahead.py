"""The day ahead of two settlements against brute force: states enumerated, flows stated anew, outages restored."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equilibrium.certificate import RESIDUAL_TOLERANCE, Verdict
from equilibrium.deadline import Deadline
from equilibrium.errors import InputError
from equilibrium.markets.two_settlement.clearing import DayAheadClearing
from equilibrium.markets.two_settlement.day_ahead import compile_day_ahead
from equilibrium.markets.two_settlement.market import DayAheadMarket, Options
from equilibrium.markets.two_settlement.network import broken_limits, radial_of
from equilibrium.markets.two_settlement.search import PROFIT, DaySearch
from equilibrium.markets.two_settlement.system import ActiveSystem, DayAhead, Generator
from equilibrium.programs.duality import kkt_residuals
from equilibrium.programs.program import GAP
from equilibrium.programs.solvers import solve_linear
from tests.equilibrium.day_ahead_days import every_state, least_cost, made_day, made_system, outage_cost

EXACT = Options(gap=GAP)


def made(seed: int) -> tuple[ActiveSystem, DayAhead]:
    rng = np.random.default_rng(seed)
    return made_system(rng), made_day(rng)


def cleared(system: ActiveSystem, day: DayAhead, solver: str = "auto", **changes: Any) -> DayAheadClearing:
    with DayAheadMarket(system, replace(EXACT, **changes), solver=solver) as market:
        market.prepare(day)
        return market.clear(day)


@settings(max_examples=4, deadline=None)
@given(st.integers(0, 10_000))
def test_the_most_profit_is_that_of_brute_force(seed: int) -> None:
    system, day = made(seed)
    best = max(-least_cost(system, day, on) for on in every_state(system, day))
    answer = cleared(system, day)
    assert answer.objective == pytest.approx(best, rel=1e-7, abs=1e-6)
    assert answer.profit == pytest.approx(answer.objective)
    assert answer.certificate.verdict is Verdict.EXACT
    assert answer.interruption == pytest.approx(outage_cost(system, day, answer.positions.on), rel=1e-7)


@pytest.mark.parametrize("seed", [14, pytest.param(2, marks=pytest.mark.long), pytest.param(5, marks=pytest.mark.long)])
def test_both_objectives_are_those_of_brute_force(seed: int) -> None:
    """In the first of these a store would charge and discharge at once: it must not."""
    system, day = made(seed)
    states = list(every_state(system, day))
    profit = -np.array([least_cost(system, day, on) for on in states])
    lost = np.array([outage_cost(system, day, on) for on in states])
    total = cleared(system, day, aim="total")
    assert total.objective == pytest.approx((profit - lost).max(), rel=1e-7, abs=1e-6)
    assert total.profit - total.interruption == pytest.approx(total.objective)
    least = cleared(system, day, aim="interruption")
    assert least.interruption == pytest.approx(lost.min(), rel=1e-6)
    assert least.profit == pytest.approx(profit[lost <= lost.min() * (1 + 1e-6)].max(), rel=1e-6, abs=1e-5)
    assert (np.minimum(least.dispatch.charge_kw, least.dispatch.discharge_kw) <= 1e-6).all()


def test_both_solvers_find_the_same() -> None:
    system, day = made(3)
    one, other = cleared(system, day, aim="total"), cleared(system, day, "gurobi", aim="total")
    assert "Gurobi" in other.certificate.solver
    assert other.objective == pytest.approx(one.objective, rel=1e-8)
    assert other.certificate.verdict is Verdict.EXACT


def test_a_front_ends_at_the_lexicographic_optima() -> None:
    system, day = made(2)
    profit, least = cleared(system, day), cleared(system, day, aim="interruption")
    answer = cleared(system, day, aim="compromise", points=5)
    front = answer.front
    assert len(front) >= 2
    assert (np.diff(front, axis=0) < 0.0).all()  # less profit, less interruption: none dominates another
    assert front[0, 0] == pytest.approx(profit.profit, rel=1e-6)
    assert front[-1] == pytest.approx([least.profit, least.interruption], rel=1e-6)
    good = (front - front.min(axis=0)) / np.ptp(front, axis=0) * np.array([1.0, -1.0]) + np.array([0.0, 1.0])
    assert answer.chosen == int((good @ [0.5, 0.5]).argmax())
    assert [answer.profit, answer.interruption] == pytest.approx(front[answer.chosen], rel=1e-6)


def test_a_budget_of_prices() -> None:
    """Nothing at 0, the whole box at the number of periods, and by the sorted deviations in between."""
    system, day = made(4)
    nominal = cleared(system, day)
    values = []
    for gamma in (0.0, 1.0, 1.5, 3.0):
        answer = cleared(system, day, gamma=gamma)
        paid = np.sort(day.length_h * day.price_deviation * np.abs(answer.positions.trade_kw))[::-1]
        share = np.clip(gamma - np.arange(3), 0.0, 1.0)
        assert answer.protection == pytest.approx(float(share @ paid), abs=1e-9)
        assert answer.objective == pytest.approx(answer.profit - answer.protection)
        assert answer.profit <= nominal.profit + 1e-6
        values.append(answer.objective)
    assert values[0] == pytest.approx(nominal.objective)
    assert (np.diff(values) <= 1e-9).all()
    steps = np.diff([values[0], values[1], values[3]]) / np.array([1.0, 2.0])
    assert steps[0] <= steps[1] + 1e-9  # each further period takes less


def test_what_an_operator_may_do_is_worth_something() -> None:
    """Theorems of inclusion: less may be done, less is earned and more is lost."""
    system, day = made(5)
    free, idle = cleared(system, day), cleared(system, day, arbitrage=False)
    assert idle.profit <= free.profit + 1e-7
    assert idle.dispatch.charge_kw.max() == idle.dispatch.discharge_kw.max() == idle.dispatch.ready_kw.max() == 0.0
    own = idle.dispatch.generator_kw.sum(axis=2) + idle.dispatch.renewable_kw.sum(axis=2)
    assert (-idle.positions.trade_kw <= own + 1e-6).all()
    tied, still = (cleared(system, day, aim="interruption", switching=each) for each in (True, False))
    assert tied.interruption < still.interruption
    assert still.interruption == pytest.approx(outage_cost(system, day, still.positions.on, switching=False))


def test_accounts_and_balances_of_what_is_published() -> None:
    system, day = made(6)
    answer = cleared(system, day)
    plan = answer.dispatch
    assert sum(answer.accounts.values()) == pytest.approx(answer.objective)
    for k, scenario in enumerate(day.scenarios):
        served = (scenario.load_kw - plan.shed_kw[k]).sum(axis=1)
        stored = (plan.discharge_kw - plan.charge_kw)[k].sum(axis=1)
        given = plan.generator_kw[k].sum(axis=1) + plan.renewable_kw[k].sum(axis=1) + stored
        given += answer.positions.accepted_kw.sum(axis=1) + plan.root_kw[k].sum(axis=1)
        assert given == pytest.approx(served)
        traded = answer.positions.trade_kw + plan.more[k, 0] - plan.less[k, 0]
        assert plan.root_kw[k].sum(axis=1) == pytest.approx(traded)
    assert (plan.voltage_pu >= 0.96 - 1e-9).all()
    assert (plan.voltage_pu <= 1.03 + 1e-9).all()
    assert answer.interruption_by_period.sum() == pytest.approx(answer.interruption)


@pytest.mark.parametrize("rule", ["fixed-commitment", "convex-hull"])
def test_a_price_is_what_one_more_kilowatt_costs(rule: str) -> None:
    """The derivative of the priced program, at a bus below a binding voltage or rating too."""
    system, day = made(14)
    answer = cleared(system, day, prices=(rule,))
    prices = answer.prices[rule]
    assert prices.residuals.worst <= 1e-7
    assert (prices.best_profit >= prices.profit - 1e-9).all()
    if rule == "fixed-commitment":
        for bus, period in ((1, 0), (2, 1), (4, 2), (3, 0)):
            costs = []
            for step in (-1e-3, 1e-3):
                moved = tuple(
                    replace(each, load_kw=each.load_kw + step * np.eye(3)[:, [period]] * np.eye(6)[bus])
                    for each in day.scenarios
                )
                costs.append(least_cost(system, replace(day, scenarios=moved), answer.positions.on))
            slope = (costs[1] - costs[0]) / 2e-3 / day.length_h[0]
            assert prices.energy[bus, period] == pytest.approx(slope, rel=1e-3, abs=1e-5)


def test_the_relaxation_that_gives_prices_keeps_the_limits_of_the_grid() -> None:
    """Its point differs from those that the search met, and breaks a limit that none of them broke."""
    system, day = made(14)
    market = DayAheadMarket(system, EXACT)
    compiled = compile_day_ahead(system, radial_of(system.grid), day, market.interruptions(day))
    search = DaySearch(compiled, 0.0, GAP, Deadline(), "auto")
    asked, _ = search.required(search.costs[PROFIT])
    injections = [each.injections for each in compiled.scenarios]
    assert broken_limits(compiled.setting.radial, injections, solve_linear(search.stated(asked)).x)
    relaxed = search.relaxed(asked)
    assert broken_limits(compiled.setting.radial, injections, relaxed.x) == []
    prices = cleared(system, day, prices=("convex-hull",)).prices["convex-hull"]
    assert prices.residuals.worst <= RESIDUAL_TOLERANCE
    assert kkt_residuals(relaxed.fixed, relaxed.x, relaxed.y).worst <= RESIDUAL_TOLERANCE


def test_a_generator_whose_own_best_schedule_puzzles_a_solver() -> None:
    """HiGHS ends a unit's own mixed-integer program with an error; the bound of multipliers needs none of it."""
    system, day = made(17)
    prices = cleared(system, day, gap=1e-3, prices=("convex-hull",)).prices["convex-hull"]
    assert np.isfinite(prices.best_profit).all()
    assert (prices.best_profit >= prices.profit).all()


FIRST = made(0)


def unit(**changes: Any) -> Generator:
    return replace(FIRST[0].generators[0], **changes)


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ({"generators": (unit(min_up_h=9.0),)}, "unit 0: min_up_h: got 9.0, expected at most the horizon"),
        ({"generators": (unit(least_kw=400.0),)}, "unit 0: least_kw, most_kw, rating_kva: got"),
        ({"generators": (unit(on_before_h=0.0),)}, "unit 0: on_before_h: got 0.0, expected hours on"),
        ({"generators": (unit(), unit())}, "system: asset: got 'unit 0', expected a name of its own"),
        ({"generators": (unit(bus=9),)}, "unit 0: bus: got 9, expected an index from 0 to 5"),
        (
            {"outage_probability": np.full(3, -0.1)},
            "system: outage_probability at 0: got -0.1, expected numbers from 0",
        ),
        ({"trade_max_kw": -1.0}, "system: trade_max_kw: got -1.0, expected a number from 0"),
    ],
)
def test_a_system_that_cannot_be(where: dict[str, Any], message: str) -> None:
    system, day = FIRST
    with pytest.raises(InputError, match=message):
        cleared(replace(system, **where), day)


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ({"length_h": np.array([1.0, 1.0, 0.5])}, "day: length_h: got .*, expected periods of one length"),
        ({"scenarios": ()}, "day: scenarios: got 0, expected at least one scenario"),
        ({"scenarios": FIRST[1].scenarios[:1]}, "day: probability of scenarios: got .*sum to 1"),
        ({"spinning_need_kw": np.array([0.0, -1.0, 0.0])}, "day: spinning_need_kw at 1: got -1.0"),
        ({"bids": FIRST[1].bids * 2}, "day: bid: got 'aggregator', expected a name of its own"),
        (
            {"penalties": replace(FIRST[1].penalties, spinning=np.zeros(3))},
            "penalties: spinning in period 0: got 0.0, expected at least the expected price",
        ),
    ],
)
def test_a_day_that_cannot_be(where: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        cleared(FIRST[0], replace(FIRST[1], **where))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"gamma": -1.0}, "day-ahead market: gamma: got -1.0"),
        ({"gamma": 4.0}, "day-ahead market: gamma: got 4.0, expected a number from 0 to 3"),
        ({"aim": "fame"}, "day-ahead market: aim: got 'fame', expected one of profit, interruption"),
        ({"points": 1}, "day-ahead market: points: got 1, expected at least 2"),
        ({"prices": ("free",)}, "day-ahead market: prices: got 'free', expected one of fixed-commitment"),
    ],
)
def test_an_option_that_cannot_be(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        cleared(*FIRST, **changes)


def test_a_price_of_selling_above_that_of_buying() -> None:
    system, day = FIRST
    scenario = day.scenarios[0]
    prices = replace(scenario.prices, sell=scenario.prices.buy + 0.01)
    broken = replace(day, scenarios=(replace(scenario, prices=prices), *day.scenarios[1:]))
    with pytest.raises(InputError, match=r"scenario 0: price sell in period 0: got .*, expected at most the price"):
        cleared(system, broken)
