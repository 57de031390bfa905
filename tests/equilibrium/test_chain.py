"""The greedy answer on a state-of-energy chain against a linear program."""

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from equilibrium.fleet.chain import fill
from equilibrium.programs.program import INF, Instance
from equilibrium.programs.solvers import Status, solve_linear
from tests.equilibrium.oracle import examples

SMALL = st.integers(0, 8).map(float)


@st.composite
def chains(draw):
    """Few different gains, lengths and limits: ties, empty hours, tight and contradictory limits are common."""
    hours = draw(st.integers(1, 5))
    first = draw(st.lists(SMALL, min_size=hours, max_size=hours))
    steps = [
        [(0.25 * gain, length) for gain, length in sorted(draw(st.lists(st.tuples(st.integers(-4, 4), SMALL))))[::-1]]
        for _ in range(hours)
    ]
    pairs = draw(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), min_size=hours, max_size=hours))
    lower = [float(min(pair)) if min(pair) > 4 else -INF for pair in pairs]
    upper = [float(max(pair)) if max(pair) < 38 else INF for pair in pairs]
    return first, steps, lower, upper


def gain(steps, drawn):
    """What energies beyond the first are worth, the best pieces of every hour first."""
    total = 0.0
    for pieces, energy in zip(steps, drawn, strict=True):
        for worth, length in pieces:
            total += worth * min(length, energy)
            energy -= min(length, energy)
        assert energy == pytest.approx(0.0, abs=1e-9)
    return total


def program(first, steps, lower, upper):
    hour = np.array([k for k, pieces in enumerate(steps) for _ in pieces], dtype=int)
    worth, length = np.array([piece for pieces in steps for piece in pieces]).reshape(-1, 2).T
    offset = np.cumsum(first)
    return Instance(
        matrix=sp.csr_array(np.tri(len(first))[:, hour]),
        cost=-worth,
        row_lower=lower - offset,
        row_upper=upper - offset,
        col_lower=np.zeros(hour.size),
        col_upper=length.copy(),
    )


@examples(200)
@given(chains())
def test_it_is_the_optimum_of_the_linear_program(chain):
    first, steps, lower, upper = chain
    energy = fill(first, steps, lower, upper)
    if not any(steps):
        inside = [low <= at <= high for low, at, high in zip(lower, np.cumsum(first), upper, strict=True)]
        assert (energy == first) if all(inside) else energy is None
        return
    solution = solve_linear(program(*chain))
    if energy is None:
        assert solution.status is Status.INFEASIBLE
        return
    assert solution.status is Status.OPTIMAL
    drawn = np.cumsum(energy)
    assert np.all(drawn >= np.array(lower) - 1e-9)
    assert np.all(drawn <= np.array(upper) + 1e-9)
    assert np.all(np.array(energy) >= first)
    best = -float(program(*chain).cost @ solution.x)
    assert gain(steps, np.array(energy) - first) == pytest.approx(best, abs=1e-7)


def test_of_equal_gains_the_earlier_hour_is_filled_first():
    steps = [[(1.0, 4.0)], [(1.0, 4.0)], [(2.0, 1.0), (1.0, 4.0)]]
    assert fill([0.0] * 3, steps, [-INF] * 3, [INF, INF, 6.0]) == [4.0, 1.0, 1.0]


def test_what_a_limit_forces_is_taken_from_the_best_hours_so_far():
    steps = [[(-1.0, 5.0)], [(-3.0, 5.0)], [(9.0, 5.0)]]
    assert fill([0.0] * 3, steps, [-INF, 7.0, -INF], [INF] * 3) == [5.0, 2.0, 5.0]


def test_a_limit_out_of_reach_leaves_nothing():
    assert fill([1.0], [[(1.0, 2.0)]], [4.0], [INF]) is None
    assert fill([1.0], [[(1.0, 2.0)]], [-INF], [0.5]) is None
