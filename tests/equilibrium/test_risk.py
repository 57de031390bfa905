"""Risk of a profit: closed forms, the theorems, and the block of a program against both."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from equilibrium.errors import InputError
from equilibrium.programs.program import INF, ProgramBuilder
from equilibrium.programs.risk import add_cvar, cvar, expected, mean_cvar, value_at_risk
from equilibrium.programs.solvers import Status, open_handle

LEVELS = st.floats(0.01, 0.99)


@st.composite
def profits(draw):
    size = draw(st.integers(1, 12))
    value = np.array(draw(st.lists(st.floats(-1e3, 1e3), min_size=size, max_size=size)))
    weight = np.array(draw(st.lists(st.integers(0, 5), min_size=size, max_size=size).filter(any)), dtype=float)
    return value, weight / weight.sum()


@pytest.mark.parametrize(("alpha", "known"), [(0.9, 1.0), (0.8, 1.5), (0.75, (1 + 2 + 0.5 * 3) / 2.5), (0.5, 3.0)])
def test_cvar_of_equiprobable_scenarios_is_the_mean_of_the_worst(alpha, known):
    values = np.array([5.0, 3.0, 1.0, 2.0, 4.0, 6.0, 7.0, 8.0, 9.0, 10.0])
    assert cvar(values, np.full(10, 0.1), alpha) == pytest.approx(known, rel=1e-12)


def test_value_at_risk_is_the_quantile_of_the_lower_tail():
    values, weight = np.array([3.0, -1.0, 2.0]), np.array([0.5, 0.2, 0.3])
    assert [value_at_risk(values, weight, alpha) for alpha in (0.9, 0.8, 0.7, 0.4)] == [-1.0, -1.0, 2.0, 3.0]


def test_an_impossible_scenario_does_not_count():
    assert cvar([-1e9, 1.0, 2.0], [0.0, 0.5, 0.5], 0.95) == 1.0
    assert value_at_risk([-1e9, 1.0, 2.0], [0.0, 0.5, 0.5], 0.95) == 1.0


@given(value=st.floats(-1e6, 1e6), alpha=LEVELS, beta=st.floats(0.0, 1.0))
def test_one_scenario_is_its_own_risk(value, alpha, beta):
    assert cvar([value], [1.0], alpha) == value
    assert value_at_risk([value], [1.0], alpha) == value
    assert mean_cvar([value], [1.0], alpha, beta) == pytest.approx(value)


@given(case=profits(), alpha=LEVELS)
def test_cvar_is_the_maximum_of_its_definition(case, alpha):
    """(46): the function of xi is piecewise linear with kinks at the profits, so the best profit is its maximum."""
    value, weight = case
    best = max(xi - weight @ np.maximum(xi - value, 0.0) / (1.0 - alpha) for xi in value)
    assert cvar(value, weight, alpha) == pytest.approx(best, rel=1e-9, abs=1e-7)
    xi = value_at_risk(value, weight, alpha)
    at_risk = xi - weight @ np.maximum(xi - value, 0.0) / (1.0 - alpha)
    assert at_risk == pytest.approx(best, rel=1e-9, abs=1e-7)


@given(case=profits(), levels=st.tuples(LEVELS, LEVELS))
def test_risk_is_ordered(case, levels):
    value, weight = case
    low, high = sorted(levels)
    room = 1e-9 * (1.0 + np.abs(value).max())
    assert cvar(value, weight, high) <= cvar(value, weight, low) + room
    assert cvar(value, weight, low) <= expected(value, weight) + room
    assert cvar(value, weight, low) <= value_at_risk(value, weight, low) + room
    assert cvar(value, weight, high) >= value[weight > 0].min() - room


@given(case=profits(), alpha=LEVELS, shift=st.floats(-100, 100), scale=st.floats(0.1, 10))
def test_cvar_is_coherent(case, alpha, shift, scale):
    value, weight = case
    moved = cvar(scale * value + shift, weight, alpha)
    assert moved == pytest.approx(scale * cvar(value, weight, alpha) + shift, rel=1e-9, abs=1e-6)
    other = value[::-1]
    both = cvar(value + other, weight, alpha)
    assert both >= cvar(value, weight, alpha) + cvar(other, weight, alpha) - 1e-6  # diversification does not hurt


@given(case=profits(), alpha=LEVELS, beta=st.floats(0.0, 1.0))
def test_the_block_of_a_program_has_the_closed_form_as_its_value(case, alpha, beta):
    """One decision x in [0, 1] that earns ``v_s`` per unit in scenario s, and 1 for free."""
    value, weight = case
    build = ProgramBuilder()
    power = build.columns("power", (1,), lower=1.0, upper=1.0)
    block = add_cvar(build, [(power, v) for v in value], weight, alpha, beta, constant=1.0)
    instance = build.compile().bind({})
    answer = open_handle(instance).solve()
    assert answer.status is Status.OPTIMAL
    known = mean_cvar(value + 1.0, weight, alpha, beta)
    assert -float(instance.cost @ answer.x) == pytest.approx(known, rel=1e-7, abs=1e-6)
    np.testing.assert_allclose(answer.x[block.profit], value + 1.0, rtol=1e-9, atol=1e-7)


@given(case=profits(), alpha=LEVELS, weights=st.tuples(st.floats(0.0, 1.0), st.floats(0.0, 1.0)))
def test_more_aversion_costs_expectation_and_buys_cvar(case, alpha, weights):
    """A here-and-now decision: how much of a risky profit to take beside a safe one of the same mean plus a little."""
    value, weight = case
    results = []
    for beta in sorted(weights):
        build = ProgramBuilder()
        risky = build.columns("risky", (1,), upper=1.0)
        safe = build.columns("safe", (1,), upper=1.0)
        row = build.rows("share", (1,), lower=1.0, upper=1.0)
        build.coefficients(row, risky, 1.0)
        build.coefficients(row, safe, 1.0)
        sure = expected(value, weight) - 1.0
        columns = np.concatenate([risky, safe])
        add_cvar(build, [(columns, [v, sure]) for v in value], weight, alpha, beta)
        instance = build.compile().bind({})
        answer = open_handle(instance).solve()
        profit = value * answer.x[risky] + sure * answer.x[safe]
        results.append((expected(profit, weight), cvar(profit, weight, alpha)))
        assert -float(instance.cost @ answer.x) == pytest.approx(mean_cvar(profit, weight, alpha, beta), abs=1e-5)
    assert results[1][0] <= results[0][0] + 1e-6
    if sorted(weights)[0] < 1.0:  # at beta = 1 twice both answers are only the same in CVaR
        assert results[1][1] >= results[0][1] - 1e-6


@pytest.mark.parametrize(
    ("probability", "alpha", "beta", "named"),
    [
        ([0.5, 0.5], 0.0, 0.0, "alpha"),
        ([0.5, 0.5], 1.0, 0.0, "alpha"),
        ([0.5, 0.5], float("nan"), 0.0, "alpha"),
        ([0.5, 0.5], 0.95, -0.1, "beta"),
        ([0.5, 0.5], 0.95, 1.1, "beta"),
        ([0.5, 0.4], 0.95, 0.5, "sum"),
        ([1.5, -0.5], 0.95, 0.5, "scenario 1"),
        ([0.5, float("nan")], 0.95, 0.5, "scenario 1"),
        ([0.2, 0.3, 0.5], 0.95, 0.5, "scenarios"),
    ],
)
def test_bad_descriptions_of_risk_are_refused(probability, alpha, beta, named):
    with pytest.raises(InputError, match=named):
        mean_cvar([1.0, 2.0], probability, alpha, beta)
    build = ProgramBuilder()
    power = build.columns("power", (1,), lower=-INF)
    with pytest.raises(InputError, match=named):
        add_cvar(build, [(power, 1.0), (power, 2.0)], probability, alpha, beta)


def test_a_profit_that_is_not_a_number_is_refused():
    with pytest.raises(InputError, match="profits"):
        cvar([1.0, float("nan")], [0.5, 0.5], 0.9)
