"""Multipliers that price a growth: the derivative of the optimum to that side, also where it bends."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from equilibrium.markets.disco.upper.growth import MET, directional, met_sides, rates
from equilibrium.programs.program import INF, Instance
from equilibrium.programs.solvers import Status, solve_linear

SMALL = 1e-4


def made(seed: int) -> tuple[Instance, np.ndarray]:
    """A program in small whole numbers, so that its optimum is degenerate, and how its limits rise: some fall."""
    draw = np.random.default_rng(seed)
    matrix = draw.integers(0, 3, (5, 4)).astype(float)
    matrix[:, 0] = 1.0  # so that every row can be met
    cost, low = draw.integers(1, 5, 4).astype(float), draw.integers(0, 7, 5).astype(float)
    high = np.where(np.arange(5) == 4, low, INF)
    rise = draw.integers(-2, 4, 5).astype(float)
    rise[4] = abs(rise[4])
    return Instance(sp.csr_array(matrix), cost, low, high, np.zeros(4), np.full(4, 20.0)), rise


def cost_at(instance: Instance, rise: np.ndarray, step: float) -> float | None:
    moved = Instance(
        instance.matrix, instance.cost, instance.row_lower + step * rise, instance.row_upper + step * rise,
        instance.col_lower, instance.col_upper,
    )  # fmt: skip
    answer = solve_linear(moved)
    return float(instance.cost @ answer.x) if answer.status is Status.OPTIMAL else None


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.integers(0, 2**32 - 1))
def test_multipliers_are_the_derivative_to_the_side_of_the_growth(seed: int) -> None:
    instance, rise = made(seed)
    answer = solve_linear(instance)
    if answer.status is not Status.OPTIMAL:
        return
    here, beyond = cost_at(instance, rise, 0.0), cost_at(instance, rise, SMALL)
    found = directional(instance, answer.x, rise, "auto")
    assert (found is None) == (beyond is None)
    if found is not None and here is not None and beyond is not None:
        assert float(found @ rise) == pytest.approx((beyond - here) / SMALL, abs=1e-5)


def test_a_limit_is_met_within_a_small_distance() -> None:
    instance = Instance(
        sp.csr_array(np.eye(4)), np.ones(4), np.array([3.0, -INF, 3.0, 3.0]), np.array([INF, 3.0, 3.0, 5.0]),
        np.zeros(4), np.ones(4),
    )  # fmt: skip
    near = 4.0 * MET
    low, high = met_sides(instance, np.array([3.0 + 0.9 * near, 3.0 - 0.9 * near, 3.0, 4.0]))
    assert (low.tolist(), high.tolist()) == ([True, False, True, False], [False, True, True, False])
    low, high = met_sides(instance, np.array([3.0 + 1.1 * near, 3.0 - 1.1 * near, 3.0 + 1.1 * near, 5.0]))
    assert (low.tolist(), high.tolist()) == ([False] * 4, [False, False, True, True])


def test_no_two_scenarios_grow_alike() -> None:
    assert list(rates(3)) == pytest.approx([1.0, 12.0 / 11.0, 13.0 / 11.0])
