"""Unit commitment: schedules by hand and by enumeration, prices by rule, and one line for what cannot be committed."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import scipy.optimize as so
from hypothesis import given, settings
from hypothesis import strategies as st

from equilibrium.errors import InfeasibleError, InputError
from equilibrium.programs.commitment import (
    PRICE_RULES,
    Demand,
    Line,
    Reserve,
    Schedule,
    Store,
    System,
    Unit,
    commit,
    price_schedule,
)
from equilibrium.programs.commitment.program import compile_commitment
from equilibrium.programs.duality import kkt_residuals
from equilibrium.programs.solvers import Status, solve_linear

BASE = Unit("base", [0.0, 100.0], [0.0, 2000.0])
PEAK = Unit("peak", [50.0, 100.0], [3000.0, 6500.0], start_cost=(400.0,))


def system(load: list[float], *units: Unit, **more: Any) -> System:
    """One bus."""
    return System(len(load), {"bus": np.array(load)}, units, **more)


def test_least_output_and_start_by_hand() -> None:
    """The peak unit runs at 50 or more: the base unit steps back to 80 in the second hour.

    Hours of 90, 130 and 90 MW cost 1800, 1600 + 3000 + 400 for the start, and 1800.
    """
    answer = commit(system([90.0, 130.0, 90.0], BASE, PEAK))
    assert answer.cost == pytest.approx(8600.0)
    assert answer.on.astype(int).tolist() == [[1, 1, 1], [0, 1, 0]]
    assert answer.power.tolist() == [pytest.approx([90.0, 80.0, 90.0]), pytest.approx([0.0, 50.0, 0.0])]
    assert answer.finished
    assert answer.gap <= 1e-9
    assert replace(answer, bound=8514.0).gap == pytest.approx(0.01)


def test_minimum_times_hold_a_unit_on_and_off() -> None:
    slow = replace(PEAK, min_up=3)
    answer = commit(system([90.0, 130.0, 90.0, 90.0, 90.0], BASE, slow))
    assert answer.on[1].sum() == 3
    assert answer.cost == pytest.approx(100 * 18 + 80 * 20 + 2 * 40 * 20 + 3 * 3000 + 400 + 1800)
    tired = replace(PEAK, min_down=3, initial=-1)
    with pytest.raises(InfeasibleError, match="no schedule of the units"):
        commit(system([90.0, 130.0, 90.0], BASE, tired))
    assert commit(system([90.0, 90.0, 130.0], BASE, tired)).on[1].tolist() == [False, False, True]
    kept = replace(PEAK, min_up=3, initial=1, initial_power=60.0)
    assert commit(system([90.0, 90.0, 90.0], BASE, kept)).on[1].tolist() == [True, True, False]


def test_a_longer_rest_costs_a_colder_start() -> None:
    """Off for two hours costs 400 to start, for three or more 900; the unit was off for one hour before the day."""
    tiers = replace(PEAK, start_delay=(1, 3), start_cost=(400.0, 900.0), initial=-1)
    for load, start in (([90, 130], 400.0), ([90, 90, 130], 900.0)):
        answer = commit(system([float(each) for each in load], BASE, tiers))
        assert answer.cost == pytest.approx(1800.0 * (len(load) - 1) + 1600.0 + 3000.0 + start)
    twice = commit(system([130.0, 90.0, 90.0, 130.0], BASE, replace(tiers, initial=-5)))
    assert twice.cost == pytest.approx(2 * 4600.0 + 3600.0 + 900.0 + 400.0)


def test_ramps_and_limits_of_start_and_stop() -> None:
    """From 60 MW the unit rises by 10 and falls by 20 an hour; it stops from at most 55."""
    slow = replace(PEAK, ramp_up=10.0, ramp_down=20.0, start_limit=55.0, stop_limit=55.0, initial=3, initial_power=60.0)
    answer = commit(system([160.0, 190.0, 195.0], BASE, slow, shed_cost=1e4))
    assert answer.power[1].tolist() == pytest.approx([70.0, 80.0, 90.0])
    assert answer.shed.sum() == pytest.approx(15.0)
    down = commit(system([170.0, 90.0, 90.0], BASE, replace(slow, initial_power=70.0)))
    assert down.power[1].tolist() == pytest.approx([70.0, 50.0, 0.0])


def test_reserve_is_kept_free_and_missing_reserve_is_paid() -> None:
    both = [replace(unit, reserves=("spin",)) for unit in (BASE, PEAK)]
    answer = commit(system([90.0], *both, reserves=(Reserve("spin", 30.0),)))
    assert answer.on[1].all()
    assert answer.reserve.sum() == pytest.approx(30.0)
    paid = commit(system([90.0], *both, reserves=(Reserve("spin", 30.0, 10.0),)))
    assert paid.cost == pytest.approx(1800.0 + 20.0 * 10.0)


def test_storage_carries_energy_with_losses() -> None:
    """A MWh of 20 is stored at 0.8 and given at 0.9: 1 / 0.72 of it, 27.8, beats 100 from the second unit."""
    dear = Unit("dear", [0.0, 100.0], [0.0, 10000.0])
    store = Store("store", 50.0, 50.0, 40.0, charge_efficiency=0.8, discharge_efficiency=0.9, initial=0.0)
    answer = commit(system([50.0, 120.0], BASE, dear, stores=(store,)))
    assert answer.cost == pytest.approx(20.0 * (50.0 + 20.0 / 0.72 + 100.0))
    assert answer.discharge[0].tolist() == pytest.approx([0.0, 20.0])
    kept = replace(store, initial=30.0, final_min=30.0, final_max=35.0)
    assert commit(system([50.0, 50.0], BASE, dear, stores=(kept,))).cost == pytest.approx(2000.0)
    emptied = replace(store, initial=30.0, final_max=12.0)
    assert commit(system([50.0, 50.0], BASE, dear, stores=(emptied,))).discharge.sum() == pytest.approx(27.0)
    leaking = replace(store, initial=30.0, loss=0.5, charge_max=0.0, final_min=7.0)  # a quarter of 30 is 7.5
    late = commit(system([50.0, 120.0], BASE, dear, stores=(leaking,))).discharge[0]
    assert late.tolist() == pytest.approx([0.0, 0.45])
    single = replace(store, charge_min=30.0, both_ways=False)
    assert commit(system([50.0, 120.0], BASE, dear, stores=(single,))).charge[0, 0] == pytest.approx(30.0)


def test_a_triangle_of_lines_by_hand() -> None:
    """100 MW at C and 50 at B over three equal lines of 25 MW: C takes 25 from each, so none flows from A to B."""
    units = [Unit(name, [0.0, 1000.0], [0.0, 1000.0 * cost], bus) for name, bus, cost in
             (("a", "A", 50.0), ("b", "B", 70.0), ("c", "C", 100.0))]  # fmt: skip
    lines = tuple(Line(f"{s}{e}", s, e, 1.0, 25.0) for s, e in ("AB", "BC", "AC"))
    answer = commit(System(1, {"A": 0.0, "B": 50.0, "C": 100.0}, tuple(units), lines=lines))
    assert answer.power[:, 0].tolist() == pytest.approx([25.0, 75.0, 50.0])
    assert price_schedule(answer).energy[:, 0].tolist() == pytest.approx([50.0, 70.0, 100.0])


def test_demand_and_profiled_generation() -> None:
    wind = Demand("wind", -1.0, 30.0, 5.0)
    flexible = Demand("flexible", 1.0, 40.0, 15.0)
    answer = commit(system([20.0], BASE, demands=(wind, flexible)))
    assert answer.demand[:, 0].tolist() == pytest.approx([30.0, 10.0])
    assert answer.cost == pytest.approx(30 * 5.0 - 10 * 15.0)


# Prices

W = Unit("W", [0.0, 200.0, 230.0, 260.0], [0.0, 10000.0, 11590.0, 13270.0])
X = Unit("X", [100.0, 140.0, 180.0], [6000.0, 8600.0, 11360.0], start_cost=(30000.0,))
Y = Unit("Y", [50.0, 100.0, 150.0], [10000.0, 21050.0, 33100.0], start_cost=(5000.0,))


@pytest.mark.parametrize(
    ("rule", "price"),
    [
        ("fixed-commitment", 241.0),  # the last block of Y
        ("aelmp-online", 241.0 + 5000.0 / 150.0),
        ("aelmp", 65.0 + 30000.0 / 180.0),  # X stands by
    ],
)
def test_prices_of_three_units_by_hand(rule: str, price: float) -> None:
    answer = commit(system([365.0], W, X, Y))
    assert answer.cost == pytest.approx(13270.0 + 22255.0 + 5000.0)
    prices = price_schedule(answer, rule)
    assert prices.energy[0, 0] == pytest.approx(price)
    assert prices.profit.tolist() == pytest.approx([260 * price - 13270.0, 0.0, 105 * price - 27255.0])
    assert prices.residuals.worst <= 1e-8
    assert prices.make_whole[2] == pytest.approx(max(0.0, 27255.0 - 105 * price))


def test_convex_hull_prices_leave_the_least_lost_opportunity() -> None:
    """Y costs 38100 / 150 = 254 a MWh at its best, so that is the price; the sum of what is lost is the duality gap."""
    answer = commit(system([365.0], W, X, Y))
    hull = price_schedule(answer, "convex-hull")
    others = [price_schedule(answer, rule).lost_opportunity.sum() for rule in PRICE_RULES if rule != "convex-hull"]
    assert hull.lost_opportunity.sum() <= min(others) + 1e-6
    relaxed = solve_linear(answer.compiled.instance)
    gap = answer.cost - float(answer.compiled.instance.cost @ relaxed.x)
    assert hull.lost_opportunity.sum() == pytest.approx(gap, rel=1e-6)


def test_profits_and_reserve_prices_of_a_day() -> None:
    both = tuple(replace(unit, reserves=("spin",)) for unit in (BASE, PEAK))
    answer = commit(system([90.0, 95.0], *both, reserves=(Reserve("spin", 30.0),)))
    prices = price_schedule(answer)
    assert prices.reserve.shape == (1, 2)
    assert (prices.best_profit >= prices.profit - 1e-6).all()
    with pytest.raises(InputError, match="prices: rule: got 'none'"):
        price_schedule(answer, "none")


@pytest.mark.parametrize("hours", [1.0, 0.5])
def test_a_unit_earns_as_much_with_what_it_keeps_free(hours: float) -> None:
    """It keeps 20 of 100 MW free, and a dearer one gives 10 MW at 50: both are worth 30 more than they cost it."""
    dear = Unit("dear", [0.0, 100.0], [0.0, 5000.0])
    units = replace(BASE, reserves=("slow", "spin")), dear
    reserves = Reserve("slow", 0.0), Reserve("spin", 20.0)
    prices = price_schedule(commit(system([90.0], *units, reserves=reserves, hours=hours)))
    assert prices.energy.tolist() == [[pytest.approx(50.0)]]
    assert prices.reserve[1].tolist() == [pytest.approx(30.0)]
    assert prices.profit.tolist() == pytest.approx([hours * 100.0 * 30.0, 0.0], abs=1e-6)
    assert prices.best_profit.tolist() == pytest.approx([hours * 100.0 * 30.0, 0.0], abs=1e-6)


# Against enumeration


@st.composite
def days(draw: st.DrawFn) -> System:
    """Two or three units, four hours, with everything that joins them."""
    units = []
    for k in range(draw(st.integers(2, 3))):
        least, more = draw(st.integers(0, 5)) * 10.0, draw(st.integers(1, 6)) * 10.0
        power = [least, least + more / 2, least + more]
        slope = draw(st.integers(10, 60))
        cost = [draw(st.integers(0, 500)), 0.0, 0.0]
        cost[1] = cost[0] + slope * more / 2
        cost[2] = cost[1] + (slope + 5) * more / 2
        on = draw(st.booleans())
        units.append(
            Unit(
                f"u{k}",
                power,
                cost,
                start_delay=(1, 3),
                start_cost=(100.0, draw(st.sampled_from([100.0, 300.0]))),
                stop_cost=draw(st.sampled_from([0.0, 50.0])),
                ramp_up=draw(st.sampled_from([20.0, 40.0, 200.0])),
                ramp_down=draw(st.sampled_from([20.0, 40.0, 200.0])),
                start_limit=least + draw(st.sampled_from([0.0, 20.0, 200.0])),
                stop_limit=least + draw(st.sampled_from([0.0, 20.0, 200.0])),
                min_up=draw(st.integers(1, 3)),
                min_down=draw(st.integers(1, 3)),
                initial=draw(st.integers(1, 3)) * (1 if on else -1),
                initial_power=least if on else 0.0,
                reserves=("spin",),
            )
        )
    load = [draw(st.integers(0, 12)) * 10.0 for _ in range(4)]
    return system(load, *units, reserves=(Reserve("spin", 10.0, 40.0),), shed_cost=500.0, spill_cost=500.0)


def states(unit: Unit, periods: int) -> list[tuple[int, ...]]:
    """All states of a unit that keep its minimum times, counted run by run."""
    found = []
    for each in itertools.product((0, 1), repeat=periods):
        runs = [(int(unit.initial > 0), abs(unit.initial))]
        for state in each:
            runs = [*runs[:-1], (state, runs[-1][1] + 1)] if state == runs[-1][0] else [*runs, (state, 1)]
        if all(length >= (unit.min_up if state else unit.min_down) for state, length in runs[:-1]):
            found.append(each)
    return found


def cost_of(made: System, plan: tuple[tuple[int, ...], ...]) -> float:
    """Cost of a plan by a program of its own: outputs, ramps and reserve, with starts and stops as constants."""
    constant, periods, count = 0.0, made.periods, len(made.units)
    cost = np.zeros((count, 4, periods))  # two segments, reserve, unused
    bounds, rows, sides = np.zeros((count, 4, periods, 2)), [], []
    for g, (unit, on) in enumerate(zip(made.units, plan, strict=True)):
        power, price = unit.curve(periods)
        before, length = int(unit.initial > 0), abs(unit.initial)
        for t, state in enumerate(on):
            constant += state * price[t, 0]
            if state and not before:
                constant += unit.start_cost[0] if length < unit.start_delay[1] else unit.start_cost[1]
            constant += unit.stop_cost * (before and not state)
            length = length + 1 if state == before else 1
            bounds[g, :2, t, 1] = state * np.diff(power[t])
            cost[g, :2, t] = np.diff(price[t]) / np.diff(power[t])
            bounds[g, 2, t, 1] = state * power[t, -1]
            whole, now = np.zeros((count, 4, periods)), state * power[t, 0]
            whole[g, :3, t] = 1.0
            stops = t + 1 < periods and not on[t + 1]
            top = [power[t, -1]] + [unit.start_limit] * (not before) + [unit.stop_limit] * stops
            if state:
                rows.append(whole)
                sides.append(min(top) - now)
            last = on[t - 1] * power[t - 1, 0] if t else unit.initial_power * before
            up, down = np.zeros_like(whole), np.zeros_like(whole)
            up[g, :3, t], down[g, :2, t] = 1.0, -1.0
            if t:
                up[g, :2, t - 1], down[g, :2, t - 1] = -1.0, 1.0
            if state and before:
                rows += [up, down]
                sides += [unit.ramp_up + last - now, unit.ramp_down - last + now]
            if before and not state and t == 0 and unit.initial_power > unit.stop_limit:
                return np.inf
            before = state
    extra = 3 * periods  # shed, spill, missing reserve
    equal, upper = np.zeros((periods, count * 4 * periods + extra)), []
    for t in range(periods):
        take = np.zeros((count, 4, periods))
        take[:, :2, t] = 1.0
        equal[t, : take.size] = take.ravel()
        equal[t, take.size + t], equal[t, take.size + periods + t] = 1.0, -1.0
        spin = np.zeros((count, 4, periods))
        spin[:, 2, t] = -1.0
        line = np.concatenate([spin.ravel(), np.zeros(extra)])
        line[take.size + 2 * periods + t] = -1.0
        upper.append(line)
    least = np.array(
        [[u.curve(periods)[0][t, 0] * plan[g][t] for t in range(periods)] for g, u in enumerate(made.units)]
    )
    need = made.series(made.load["bus"]) - least.sum(axis=0)
    upper += [np.concatenate([row.ravel(), np.zeros(extra)]) for row in rows]
    price_of = np.concatenate([cost.ravel(), np.full(2 * periods, 500.0), np.full(periods, 40.0)])
    limits = np.concatenate([bounds.reshape(-1, 2), np.tile([0.0, np.inf], (extra, 1))])
    found = so.linprog(price_of, np.array(upper), np.concatenate([np.full(periods, -10.0), sides]), equal, need, limits)
    return constant + found.fun if found.status == 0 else np.inf


@settings(max_examples=5)
@given(days())
def test_the_schedule_is_the_best_of_all_plans(made: System) -> None:
    plans = itertools.product(*(states(unit, made.periods) for unit in made.units[:2]))
    two = replace_units(made, made.units[:2])
    best = min((cost_of(two, plan) for plan in plans), default=np.inf)
    answer = commit(two)
    assert answer.cost == pytest.approx(best, rel=1e-7, abs=1e-6)


def replace_units(made: System, units: tuple[Unit, ...]) -> System:
    """The same day with other units."""
    return System(
        made.periods, made.load, units, reserves=made.reserves, shed_cost=made.shed_cost, spill_cost=made.spill_cost
    )


@settings(max_examples=4)
@given(days())
def test_prices_rest_on_what_they_say(made: System) -> None:
    answer = commit(made)
    for rule in PRICE_RULES:
        prices = price_schedule(answer, rule)
        assert prices.residuals.worst <= 1e-7
        assert (prices.lost_opportunity >= 0.0).all()
        assert prices.schedule_gap == answer.gap
    hull = price_schedule(answer, "convex-hull")
    assert kkt_residuals(answer.compiled.instance, *relaxed(answer)).worst <= 1e-7
    assert hull.lost_opportunity.sum() >= -1e-6


def relaxed(answer: Schedule) -> tuple[np.ndarray, np.ndarray]:
    """Point and multipliers of the relaxation."""
    solution = solve_linear(answer.compiled.instance)
    return solution.x, solution.y


def test_both_solvers_agree() -> None:
    made = system([90.0, 150.0, 130.0, 60.0], BASE, replace(PEAK, min_up=2, ramp_up=20.0), shed_cost=1e3)
    assert commit(made, solver="highs").cost == pytest.approx(commit(made, solver="gurobi").cost, rel=1e-9)


def test_states_alone_are_asked_to_be_whole() -> None:
    compiled = compile_commitment(system([90.0, 130.0, 90.0], BASE, PEAK))
    assert compiled.integer.sum() == 6
    assert solve_linear(compiled.instance).status is Status.OPTIMAL


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"min_up": -4}, "peak: min_up: got -4, expected a number of periods from 0"),
        ({"min_down": -1}, "peak: min_down: got -1"),
        ({"cost": [3000.0]}, "peak: power and cost"),
        ({"power": [100.0, 50.0]}, "peak: power: got [100.0, 50.0], expected ascending"),
        ({"power": [0.0, 50.0, 100.0], "cost": [0.0, 500.0, 600.0]}, "peak: cost: got [10.0, 2.0], expected a convex"),
        ({"start_delay": (3, 1), "start_cost": (1.0, 2.0)}, "peak: start_delay: got (3, 1)"),
        ({"start_cost": (1.0, 2.0)}, "peak: start_cost"),
        ({"initial": 0}, "peak: initial: got 0"),
        ({"ramp_up": -1.0}, "peak: ramp_up: got -1.0"),
        ({"bus": "nowhere"}, "peak: bus: got 'nowhere', expected one of bus"),
        ({"reserves": ("spin",)}, "peak: reserves: got 'spin', expected one of none"),
        ({"name": "base"}, "system: name: got 'base'"),
    ],
)
def test_one_line_names_what_cannot_be_committed(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError) as caught:
        system([90.0, 130.0, 90.0], BASE, replace(PEAK, **changes))
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
