"""Numbers of a system and of a day of two settlements at the edge of what is allowed: taken there, refused beyond."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from equilibrium.errors import InputError
from equilibrium.markets.two_settlement.checks import _check_least, check_day, check_system
from equilibrium.markets.two_settlement.clearing import DayAheadClearing
from equilibrium.markets.two_settlement.day_ahead import as_unit
from equilibrium.markets.two_settlement.market import DayAheadMarket
from equilibrium.markets.two_settlement.system import ActiveSystem, DayAhead, Generator
from equilibrium.programs.solvers.highs import HighsHandle
from tests.equilibrium.day_ahead_days import made_day, made_system

TINY = 1e-9
SYSTEM, DAY = made_system(np.random.default_rng(1)), made_day(np.random.default_rng(2), length_h=np.ones(3))


def system(**changes: Any) -> None:
    check_system(replace(SYSTEM, **changes))


def unit(**changes: Any) -> None:
    """Change the second generator, off before the day unless said otherwise."""
    first, second = SYSTEM.generators
    check_system(replace(SYSTEM, generators=(first, replace(second, **{"on_before_h": -3.0} | changes))))


def day(**changes: Any) -> None:
    check_day(SYSTEM, replace(DAY, **changes))


def long_lived(**changes: float) -> None:
    """A unit whose least time on or off is as long as the day of three hours."""
    generators = tuple(replace(each, **changes) for each in SYSTEM.generators)
    check_day(replace(SYSTEM, generators=generators), DAY)


def scenario(**changes: Any) -> None:
    first, second = DAY.scenarios
    check_day(SYSTEM, replace(DAY, scenarios=(first, replace(second, **changes))))


def prices(**changes: Any) -> None:
    scenario(prices=replace(DAY.scenarios[1].prices, **changes))


def bid(**changes: Any) -> None:
    check_day(SYSTEM, replace(DAY, bids=(replace(DAY.bids[0], **changes),)))


def penalties(**changes: Any) -> None:
    check_day(SYSTEM, replace(DAY, penalties=replace(DAY.penalties, **changes)))


def chances(first: float, second: float) -> None:
    pair = zip(DAY.scenarios, (first, second), strict=True)
    check_day(SYSTEM, replace(DAY, scenarios=tuple(replace(each, probability=p) for each, p in pair)))


def three(value: float) -> np.ndarray:
    return np.full(3, value)


BUY = DAY.scenarios[1].prices.buy
EXPECTED_SPINNING = sum(each.probability * each.prices.spinning for each in DAY.scenarios)
Case = tuple[Callable[..., None], list[dict[str, Any]], list[dict[str, Any]]]
EDGES: list[Case] = [
    (system, [{"trade_max_kw": 0.0}, {"trade_max_kw": np.inf}], [{"trade_max_kw": -TINY}, {"trade_max_kw": np.nan}]),
    (system, [{"reactive_share": -0.5}, {"reactive_share": None}], [{"reactive_share": np.inf}]),
    (
        system,
        [{"lost_load_value": np.zeros(6)}],
        [{"lost_load_value": np.full(6, -TINY)}, {"lost_load_value": np.zeros(5)}],
    ),
    (
        system,
        [{"outage_probability": np.zeros(len(SYSTEM.outages))}],
        [{"outage_probability": np.full(len(SYSTEM.outages), -TINY)}, {"outage_probability": np.zeros(1)}],
    ),
    (system, [], [{"generators": (SYSTEM.generators[0],) * 2}]),
    (unit, [{"bus": 0}, {"bus": 5}], [{"bus": -1}, {"bus": 6}]),
    *(
        (unit, [{name: 0.0}], [{name: -TINY}, {name: np.nan}, {name: np.inf}])
        for name in ("idle_cost_per_h", "start_cost", "before_kw")
    ),
    (unit, [{"least_kw": 0.0}, {"least_kw": 300.0}], [{"least_kw": -TINY}, {"least_kw": 300.0 + TINY}]),
    (unit, [{"most_kw": 100.0}, {"most_kw": 350.0}], [{"most_kw": 100.0 - TINY}, {"most_kw": 350.0 + 1e-9}]),
    (unit, [{"cost_per_kwh": -1.0}], [{"cost_per_kwh": np.inf}]),
    *((unit, [{n: 0.0}, {n: np.inf}], [{n: -TINY}, {n: np.nan}]) for n in ("ramp_kw_per_h",)),
    *((unit, [{n: 0.0}, {n: 0.5}], [{n: -TINY}, {n: np.nan}]) for n in ("min_up_h", "min_down_h")),
    (unit, [{"on_before_h": TINY}, {"on_before_h": -TINY}], [{"on_before_h": 0.0}, {"on_before_h": np.nan}]),
    (
        unit,
        [{"on_before_h": 1.0, "before_kw": 100.0}, {"on_before_h": 1.0, "before_kw": 300.0}],
        [{"on_before_h": 1.0, "before_kw": 100.0 - TINY}, {"on_before_h": 1.0, "before_kw": 300.0 + 1e-9}],
    ),
    *((long_lived, [{n: 3.0}, {n: 0.0}], [{n: 3.0 + TINY}]) for n in ("min_up_h", "min_down_h")),
    (
        day,
        [{"length_h": three(0.5)}],
        [{"length_h": np.array([0.0, 1.0, 1.0])}, {"length_h": np.array([1.0, 1.0, 2.0])}],
    ),
    (day, [{"held": 1}], [{"held": 0}, {"held": 2}, {"scenarios": ()}, {"bids": DAY.bids * 2}]),
    *(
        (day, [{n: three(0.0)}], [{n: three(-TINY)}, {n: np.zeros(2)}])
        for n in ("spinning_need_kw", "regulating_need_kw", "price_deviation")
    ),
    (
        chances,
        [{"first": 0.5, "second": 0.5 + 9e-10}, {"first": TINY, "second": 1.0 - TINY}],
        [{"first": 0.0, "second": 1.0}, {"first": 0.5, "second": 0.5 + 2e-9}, {"first": 1.5, "second": -0.5}],
    ),
    (scenario, [{"load_kw": np.zeros((3, 6))}], [{"load_kw": np.full((3, 6), -TINY)}, {"load_kw": np.zeros((2, 6))}]),
    (scenario, [{"load_kvar": np.full((3, 6), -1.0)}], [{"load_kvar": np.zeros((3, 5))}]),
    (scenario, [{"available_kw": np.zeros((3, 1))}], [{"available_kw": np.full((3, 1), -TINY)}]),
    (prices, [{"sell": BUY}], [{"sell": BUY + 1e-9}, {"spinning": np.zeros(2)}]),
    (bid, [{"bus": 0}, {"bus": 5}, {"reactive_share": -1.0}], [{"bus": -1}, {"bus": 6}, {"reactive_share": np.nan}]),
    *((bid, [{n: three(0.0)}], [{n: three(-TINY)}, {n: np.zeros(2)}]) for n in ("spinning_kw", "regulating_kw")),
    *((penalties, [{n: three(0.0)}], [{n: three(-TINY)}]) for n in ("energy", "reactive", "output")),
    (penalties, [{"spinning": EXPECTED_SPINNING}], [{"spinning": EXPECTED_SPINNING - 1e-9}]),
]


@pytest.mark.parametrize(("check", "allowed", "refused"), EDGES)
def test_numbers_at_the_edge(
    check: Callable[..., None], allowed: list[dict[str, Any]], refused: list[dict[str, Any]]
) -> None:
    for given in allowed:
        check(**given)
    for given in refused:
        with pytest.raises(InputError) as caught:
            check(**given)
        assert "\n" not in str(caught.value)


def test_what_is_sound_is_taken() -> None:
    assert isinstance(SYSTEM, ActiveSystem)
    assert isinstance(DAY, DayAhead)
    check_system(SYSTEM)
    check_day(SYSTEM, DAY)


def test_values_held_over_periods_stay_what_they_are_in_between() -> None:
    two = made_day(np.random.default_rng(3), periods=4, length_h=np.ones(4), held=2)
    same = {name: np.array([1.0, 1.0, 2.0, 2.0]) for name in ("power_kw", "spinning_kw", "regulating_kw")}
    check_day(SYSTEM, replace(two, bids=(replace(two.bids[0], **same),)))
    for name in same:
        other = same | {name: np.array([1.0, 1.0, 2.0, 2.0 + 1e-9])}
        with pytest.raises(InputError, match="one value for every 2 periods"):
            check_day(SYSTEM, replace(two, bids=(replace(two.bids[0], **other),)))


@pytest.mark.parametrize(
    ("hours", "length", "periods"),
    [
        (0.1, 0.25, 1),
        (0.25, 0.25, 1),
        (0.6, 0.25, 2),
        (3.0, 1.0, 3),
        (-0.1, 0.25, -1),
        (-0.6, 0.25, -2),
        (-3.0, 1.0, -3),
    ],
)
def test_a_generator_is_a_unit_with_durations_in_whole_periods(hours: float, length: float, periods: int) -> None:
    """A state begun is one of at least a period; what must be kept up is rounded up, what has been is rounded down."""
    made = Generator(
        "g", 1, 10.0, 50.0, 60.0, cost_per_kwh=0.2, idle_cost_per_h=3.0, start_cost=7.0, min_up_h=1.1, min_down_h=0.0,
        ramp_kw_per_h=80.0, on_before_h=hours, before_kw=20.0 if hours > 0 else 0.0,
    )  # fmt: skip
    unit = as_unit(made, length)
    assert unit.initial == periods
    assert (unit.min_up, unit.min_down) == (5 if length == 0.25 else 2, 1)
    assert (np.asarray(unit.power).tolist(), np.asarray(unit.cost).tolist()) == ([10.0, 50.0], [5.0, 13.0])
    assert (unit.name, unit.start_cost, unit.initial_power) == ("g", (7.0,), made.before_kw)
    ramp = 80.0 * length
    assert (unit.ramp_up, unit.ramp_down) == (ramp, ramp)
    assert (unit.start_limit, unit.stop_limit) == (max(10.0, ramp), max(10.0, ramp))
    assert as_unit(replace(made, ramp_kw_per_h=20.0), 0.25).start_limit == 10.0
    assert unit.reserves == ("spinning", "regulating")


@pytest.mark.parametrize(("solver", "named"), [("auto", HighsHandle.name), ("highs", HighsHandle.name), ("gurobi", "")])
def test_a_certificate_names_highs_first_unless_another_solver_was_asked_for(solver: str, named: str) -> None:
    assert DayAheadMarket(SYSTEM, solver=solver)._named == named


def test_the_first_number_that_is_too_small_is_named_with_its_place() -> None:
    for values, told in (
        (np.array([[1.0, -1.0], [-2.0, 3.0]]), "day: load at (0, 1): got -1.0, expected numbers from 0"),
        (np.array([1.0, 0.0, -3.0, -4.0]), "day: load at 2: got -3.0, expected numbers from 0"),
    ):
        with pytest.raises(InputError) as caught:
            _check_least("day", "load", values, 0.0)
        assert str(caught.value) == told
    _check_least("day", "load", np.array([0.5, 0.25]), 0.25)
    with pytest.raises(InputError) as caught:
        day(scenarios=())
    assert str(caught.value) == "day: scenarios: got 0, expected at least one scenario"


@pytest.mark.parametrize(
    ("bound", "objective", "gap"),
    [(10.5, 10.0, 0.05), (-9.0, -10.0, 0.1), (0.75, 0.5, 0.25), (9.5, 10.0, 0.0), (-0.2, 0.5, 0.0)],
)
def test_the_gap_is_relative_and_never_below_nothing(bound: float, objective: float, gap: float) -> None:
    cleared = SimpleNamespace(bound=bound, objective=objective)
    assert DayAheadClearing.gap.__get__(cleared) == pytest.approx(gap, abs=1e-15)
