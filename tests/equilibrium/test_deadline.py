"""One limit for a whole answer: seconds on a clock, nodes, and parts of what is left."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from equilibrium.deadline import Deadline
from equilibrium.programs.program import INF, Instance
from equilibrium.programs.solvers import Status, solve_mixed


class Hand:
    """A clock that shows what its hand was set to."""

    def __init__(self) -> None:
        self.at = 100.0

    def __call__(self) -> float:
        return self.at


def test_time_runs_out() -> None:
    clock = Hand()
    deadline = Deadline(10.0, clock=clock)
    assert (deadline.left, deadline.nodes_left, deadline.passed) == (10.0, math.inf, False)
    clock.at = 107.0
    assert deadline.left == 3.0
    clock.at = 110.0
    assert (deadline.left, deadline.passed, deadline.what) == (0.0, True, "time limit")
    clock.at = 200.0
    assert deadline.left == 0.0


def test_nodes_run_out() -> None:
    deadline = Deadline(nodes=3, clock=Hand())
    deadline.spend(2)
    assert (deadline.left, deadline.nodes_left, deadline.passed, deadline.what) == (math.inf, 1, False, "time limit")
    deadline.spend(2)
    assert (deadline.left, deadline.nodes_left, deadline.passed, deadline.what) == (0.0, 0, True, "node limit")


def test_without_limits_there_is_no_end() -> None:
    deadline = Deadline()
    deadline.spend(10**9)
    assert (deadline.left, deadline.nodes_left, deadline.passed) == (math.inf, math.inf, False)


def test_a_part_has_its_share_and_its_own_most() -> None:
    clock = Hand()
    whole = Deadline(10.0, 100, clock)
    clock.at = 102.0
    assert (whole.part(0.5).left, whole.part(0.5).nodes_left) == (4.0, 50)
    assert (whole.part(seconds=3.0).left, whole.part(nodes=7).nodes_left) == (3.0, 7)
    assert (whole.part(seconds=30.0).left, whole.part(nodes=700).nodes_left) == (8.0, 100)


def test_what_a_part_spends_the_whole_has_spent() -> None:
    whole = Deadline(nodes=10)
    one, other = whole.part(0.5), whole.part()
    one.spend(4)
    assert (whole.nodes_left, one.nodes_left, other.nodes_left) == (6, 1, 6)
    other.spend(6)
    assert one.passed
    assert whole.passed


@given(
    nodes=st.integers(1, 1000),
    steps=st.lists(st.tuples(st.floats(0.0, 1.0), st.integers(0, 50), st.floats(0.0, 5.0)), max_size=8),
)
def test_no_part_outlives_the_whole(nodes: int, steps: list[tuple[float, int, float]]) -> None:
    clock = Hand()
    whole = Deadline(10.0, nodes, clock)
    deepest = whole
    for share, spent, seconds in steps:
        deepest = deepest.part(share)
        deepest.spend(spent)
        clock.at += seconds
        assert 0.0 <= deepest.left <= whole.left + 1e-9
        assert 0 <= deepest.nodes_left <= whole.nodes_left
        assert whole.passed <= deepest.passed


@pytest.mark.parametrize("solver", ["gurobi", "highs"])
def test_both_solvers_stop_at_a_limit_of_nodes(solver: str) -> None:
    """Twenty knapsacks over the same forty things: no solver closes them at the root."""
    draw = np.random.default_rng(0)
    weight, worth = draw.integers(1, 50, (20, 40)).astype(float), draw.integers(10, 60, 40).astype(float)
    room = np.floor(weight.sum(axis=1) / 3.0)
    knapsack = Instance(sp.csr_array(weight), -worth, np.full(20, -INF), room, np.zeros(40), np.ones(40))
    whole = np.ones(40, dtype=bool)
    best, cut = solve_mixed(knapsack, whole, solver), solve_mixed(knapsack, whole, solver, node_limit=1)
    assert best.status is Status.OPTIMAL
    assert best.nodes > 1
    assert cut.status is Status.LIMIT
    assert cut.nodes <= 1
    assert cut.bound < best.objective <= cut.objective
    again = solve_mixed(knapsack, whole, solver, node_limit=best.nodes + 1)
    assert again.status is Status.OPTIMAL
    np.testing.assert_allclose(again.objective, best.objective)
