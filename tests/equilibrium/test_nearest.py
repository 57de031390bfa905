"""Nearest points of polyhedra against their optimality conditions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import lsq_linear

from equilibrium.errors import SolverError
from equilibrium.programs.nearest import Polyhedra, nearest_on_face
from equilibrium.programs.program import INF, Instance


def polyhedra(matrix: list[list[float]], lower: list[float], upper: list[float], low: float, high: float) -> Polyhedra:
    a = np.array(matrix)
    box = np.ones((1, a.shape[1]))
    return Polyhedra(a, np.array([lower]), np.array([upper]), np.full(len(lower), 1e-9), low * box, high * box)


def test_a_half_plane():
    found = polyhedra([[1.0, 1.0]], [-INF], [2.0], -INF, INF).nearest(np.array([[2.0, 3.0]]))
    assert found[0] == pytest.approx([0.5, 1.5], abs=1e-12)


def test_a_row_that_came_in_goes_out_again():
    """The nearest point of the corner x + y <= 0, x <= -1 to (0, 5) is (-5/2, 5/2): x <= -1 does not hold it."""
    found = polyhedra([[1.0, 0.0], [1.0, 1.0]], [-INF, -INF], [-1.0, 0.0], -INF, INF).nearest(np.array([[0.0, 5.0]]))
    assert found[0] == pytest.approx([-2.5, 2.5], abs=1e-12)


def test_a_fixed_variable_stays():
    hull = Polyhedra(
        np.array([[1.0, 1.0]]),
        np.array([[4.0]]),
        np.array([[4.0]]),
        np.array([1e-9]),
        np.array([[1.0, -INF]]),
        np.array([[1.0, INF]]),
    )
    assert hull.nearest(np.zeros((1, 2)))[0] == pytest.approx([1.0, 3.0], abs=1e-12)


def test_a_row_that_is_stated_three_times_is_one_row():
    found = polyhedra([[1.0, 2.0], [2.0, 4.0], [0.5, 1.0]], [5.0, 10.0, 2.5], [5.0, 10.0, 2.5], -INF, INF)
    assert found.nearest(np.zeros((1, 2)))[0] == pytest.approx([1.0, 2.0], abs=1e-12)


def test_limits_that_exclude_each_other_have_no_nearest_point():
    with pytest.raises(SolverError, match="exclude each other"):
        polyhedra([[1.0, 0.0], [1.0, 0.0]], [1.0, -INF], [INF, 0.0], -INF, INF).nearest(np.zeros((1, 2)))


def test_limits_that_a_known_point_misses_by_little_have_room_for_it():
    """Two rows nearly parallel, and x at most 1: they are tight at (1, 2) but for 1e-5, and meet at x = 11."""
    tilted, room = 1e-6, 1e-5
    hull = polyhedra([[0.0, 1.0], [tilted, 1.0]], [2.0, 2.0 + tilted + room], [2.0, 2.0 + tilted + room], -INF, 1.0)
    hull = replace(hull, high=np.array([[1.0, INF]]))
    with pytest.raises(SolverError, match="exclude each other"):
        hull.nearest(np.array([[0.5, 0.0]]))
    found = hull.nearest(np.array([[0.5, 0.0]]), np.array([[1.0, 2.0]]))[0]
    assert found == pytest.approx([1.0, 2.0], abs=5e-3)
    two = Polyhedra(
        hull.matrix,
        *(np.repeat(side, 2, axis=0) for side in (hull.lower, hull.upper)),
        hull.tolerance,
        *(np.repeat(side, 2, axis=0) for side in (hull.low, hull.high)),
    )
    two.lower[1, 1], two.upper[1, 1] = -INF, INF
    both = two.nearest(np.array([[0.5, 0.0], [0.5, 0.0]]), np.array([[1.0, 2.0], [9.0, 9.0]]))
    assert both[0] == pytest.approx(found, abs=0.0)
    assert both[1] == pytest.approx([0.5, 2.0], abs=1e-12)  # what is not empty is as it was


def test_a_face_on_which_other_columns_follow():
    """x + y + s = 4 with s between 0 and 1, and nothing asked of s: (x, y) nearest to 0 with x + y >= 3."""
    face = Instance(
        sp.csr_array([[1.0, 1.0, 1.0]]),
        np.zeros(3),
        np.array([4.0]),
        np.array([4.0]),
        np.array([0.0, 0.0, 0.0]),
        np.array([9.0, 9.0, 1.0]),
    )
    found = nearest_on_face(face, np.array([4.0, 0.0, 0.0]), np.array([0, 1]), np.array([1.0, 2.0]), np.zeros(2))
    # of x^2 + (y/2)^2 at x + y = 3: y = 4 x
    assert found == pytest.approx([0.6, 2.4, 1.0], abs=1e-9)


def off_optimal(hull: Polyhedra, matrix: np.ndarray, problem: int, target: np.ndarray, x: np.ndarray) -> float:
    """How far ``x - target`` is from the cone of the rows that are tight: 0 at the nearest point, and nowhere else."""
    rows = np.vstack([matrix, np.eye(x.size)])
    lower = np.concatenate([hull.lower[problem], hull.low[problem]])
    upper = np.concatenate([hull.upper[problem], hull.high[problem]])
    value = rows @ x
    assert np.all(value >= lower - 1e-7)
    assert np.all(value <= upper + 1e-7)
    inward = np.vstack([rows[value <= lower + 1e-6], -rows[value >= upper - 1e-6]])
    if not inward.size:
        return float(np.abs(x - target).max(initial=0.0))
    found = lsq_linear(inward.T, x - target, (0.0, np.inf), method="bvls", tol=1e-14)
    return float(np.abs(inward.T @ found.x - (x - target)).max())


@given(st.integers(0, 2**32 - 1), st.integers(1, 7), st.integers(1, 40), st.integers(1, 6), st.booleans())
def test_the_difference_lies_in_the_cone_of_the_tight_rows(seed: int, n: int, m: int, count: int, sparse: bool) -> None:
    rng = np.random.default_rng(seed)
    matrix = rng.integers(-3, 4, (m, n)).astype(float)
    matrix[~matrix.any(axis=1), 0] = 1.0
    matrix = np.vstack([matrix, 2.0 * matrix[: m // 3]])  # some rows twice
    inside = rng.integers(-5, 6, (count, n)).astype(float)
    value = inside @ matrix.T

    def around(centre: np.ndarray, gone: float) -> tuple[np.ndarray, np.ndarray]:
        low, high = centre - rng.integers(0, 3, centre.shape), centre + rng.integers(0, 3, centre.shape)
        low[rng.random(centre.shape) < gone], high[rng.random(centre.shape) < gone] = -INF, INF
        return low, high

    sides, bounds = around(value, 0.4), around(inside, 0.3)
    rows = sp.csr_array(matrix) if sparse else matrix
    hull = Polyhedra(rows, *sides, np.full(len(matrix), 1e-9), *bounds)
    target = 6.0 * rng.normal(size=(count, n))
    found = hull.nearest(target)
    for problem in range(count):
        assert off_optimal(hull, matrix, problem, target[problem], found[problem]) < 1e-8
