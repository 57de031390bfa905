"""Bounds of a node whatever the curvature: the objective on its equalities, secants over ranges, rays that fall."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
import scipy.sparse as sp

from equilibrium.complementarity import relaxation as module
from equilibrium.complementarity.problem import Mpcc
from equilibrium.complementarity.relaxation import Node, Relaxation
from equilibrium.programs.program import Instance
from equilibrium.programs.solvers import Status

INF = float("inf")


def problem(
    hessian: np.ndarray,
    cost: list[float],
    bounds: list[tuple[float, float]],
    rows: list[tuple[list[float], float, float]] = [],  # noqa: B006
    constant: float = 0.0,
) -> Mpcc:
    """A quadratic objective over a box and rows with both sides."""
    n = len(cost)
    matrix = np.array([row for row, _, _ in rows]).reshape(-1, n)
    sides = np.array([(low, high) for _, low, high in rows]).reshape(-1, 2)
    low, high = np.array(bounds, dtype=float).T
    base = Instance(sp.csr_array(matrix), np.array(cost), sides[:, 0], sides[:, 1], low.copy(), high.copy())
    none = np.zeros((0, 2), dtype=np.int64)
    return Mpcc(base, constant, sp.csr_array(hessian), none, np.zeros(n, dtype=bool), (), (), {})


def whole(mpcc: Mpcc) -> Node:
    return Node(mpcc.instance.col_lower.copy(), mpcc.instance.col_upper.copy())


@pytest.mark.parametrize("seed", range(6))
def test_the_objective_on_the_equalities_of_a_node(seed: int) -> None:
    """At every point that keeps them it is what the reduced form says: a constant, a line and squares of directions."""
    rng = np.random.default_rng(seed)
    n, rows = 6, int(rng.integers(0, 3))
    dense = rng.normal(size=(n, n))
    dense[:, 4] = dense[4, :] = 0.0
    equal = [(rng.normal(size=n).tolist(), 1.0 + k, 1.0 + k) for k in range(rows)]
    loose = [(rng.normal(size=n).tolist(), -99.0, 99.0)]
    cost = rng.normal(size=n).tolist()
    mpcc = problem(dense + dense.T, cost, [(-5.0, 5.0)] * n, [*loose, *equal], 7.0)
    fixed = np.isin(np.arange(n), [1, 4] if seed % 2 else [])
    base = np.where(fixed, [9.0, 0.5, 9.0, 9.0, -2.0, 9.0], 0.0)
    shape = Relaxation(mpcc)._reduce(fixed, base)
    matrix = np.array([row for row, _, _ in equal]).reshape(rows, n)
    free = np.flatnonzero(~fixed)
    start = base.copy()
    if rows:
        start[free] += np.linalg.lstsq(matrix[:, free], np.arange(1.0, rows + 1.0) - matrix @ base, rcond=None)[0]
    assert matrix @ start == pytest.approx(np.arange(1.0, rows + 1.0))
    null = np.linalg.svd(matrix[:, free])[2][rows:].T if rows else np.eye(free.size)
    for _ in range(5):
        v = start.copy()
        v[free] += null @ rng.normal(size=null.shape[1])
        squares = 0.5 * float(shape.curvature @ (shape.directions @ v) ** 2)
        assert shape.constant + shape.cost @ v + squares == pytest.approx(mpcc.value(v), rel=1e-9, abs=1e-9)
    inner = shape.directions @ shape.directions.T
    assert inner == pytest.approx(np.eye(len(inner)), abs=1e-9)
    assert not shape.directions[:, fixed].any()
    assert (shape.directions @ matrix.T) == pytest.approx(0.0, abs=1e-9)
    assert mpcc.instance.cost.tolist() == cost


@pytest.mark.parametrize(
    ("cost", "low", "high", "value", "at"),
    [
        (0.0, 1.0, 3.0, -9.0, 3.0),
        (3.0, 1.0, 3.0, 0.0, 3.0),  # -x^2 + 3 x: at the ends 2 and 0
        (5.0, 1.0, 3.0, 4.0, 1.0),  # at the ends 4 and 6
        (5.0, -2.0, 3.0, -14.0, -2.0),
    ],
)
def test_a_bent_direction_has_its_secant(cost: float, low: float, high: float, value: float, at: float) -> None:
    mpcc = problem(np.array([[-2.0]]), [cost], [(low, high)], constant=100.0)
    found = Relaxation(mpcc).bound(whole(mpcc))
    assert found.status is Status.OPTIMAL
    assert (found.bound, found.v[0]) == pytest.approx((100.0 + value, at))
    assert np.abs(found.directions) == pytest.approx(np.ones((1, 1)))
    assert sorted(np.abs(found.ranges[0])) == pytest.approx(sorted([abs(low), abs(high)]))
    assert found.weights == pytest.approx([-2.0])


def test_a_bowl_beside_a_bent_direction_keeps_its_curve() -> None:
    """-x^2 + 3x on [1, 3] and y^2 - 4y on [0, 9]: 0 and -4; the secant of x is -x + 3."""
    mpcc = problem(np.diag([-2.0, 2.0]), [3.0, -4.0], [(1.0, 3.0), (0.0, 9.0)])
    found = Relaxation(mpcc).bound(whole(mpcc))
    assert found.bound == pytest.approx(-4.0, abs=1e-6)
    assert found.v == pytest.approx([3.0, 2.0], abs=1e-4)
    assert (found.directions.shape, found.weights.shape) == ((1, 2), (1,))


def test_a_product_is_bounded_from_both_sides() -> None:
    """x y on [0, 2] x [1, 3] is 0 at least; no bound is above, and in a corner it is exact."""
    mpcc = problem(np.array([[0.0, 1.0], [1.0, 0.0]]), [0.0, 0.0], [(0.0, 2.0), (1.0, 3.0)])
    relax = Relaxation(mpcc)
    for low, high in ((0.0, 2.0), (0.5, 1.0), (1.25, 1.25)):
        node = Node(np.array([low, 1.0]), np.array([high, 3.0]))
        found = relax.bound(node)
        grid = min(x * y for x, y in product(np.linspace(low, high, 9), np.linspace(1.0, 3.0, 9)))
        assert found.bound <= grid + 1e-7
        assert found.bound >= grid - 0.5 * (high - low + 2.0) ** 2 / 4.0
    assert relax.bound(Node(np.array([1.25, 1.0]), np.array([1.25, 3.0]))).bound == pytest.approx(1.25)
    assert relax.bound(Node(np.array([2.0, 1.0]), np.array([2.0, 3.0]))).bound == pytest.approx(2.0)


def test_a_cut_narrows_the_range_of_its_direction() -> None:
    mpcc = problem(np.array([[-2.0]]), [0.0], [(-4.0, 4.0)])
    relax = Relaxation(mpcc)
    node = replace(whole(mpcc), cuts=((np.array([1.0]), -1.0, 2.0), (np.array([1.0]), -INF, 1.5)))
    found = relax.bound(node)
    assert found.bound == pytest.approx(-2.25)
    assert sorted(np.abs(found.ranges[0])) == pytest.approx([1.0, 1.5])
    assert relax.bound(whole(mpcc)).bound == pytest.approx(-16.0)
    empty = replace(node, cuts=((np.array([1.0]), 5.0, 9.0),))
    assert relax.bound(empty).status is Status.INFEASIBLE
    assert relax.bound(empty).bound == INF


def test_a_bent_direction_without_an_end_is_unbounded_so_far() -> None:
    mpcc = problem(np.diag([-2.0, 2.0]), [0.0, 1.0], [(-INF, 4.0), (1.0, 2.0)])
    found = Relaxation(mpcc).bound(whole(mpcc))
    assert (found.status, found.bound) == (Status.UNBOUNDED, -INF)
    assert np.abs(found.directions) == pytest.approx(np.array([[1.0, 0.0]]))
    assert found.weights == pytest.approx([-2.0])
    assert 1.0 <= found.v[1] <= 2.0


def test_bounds_where_nothing_is_bent() -> None:
    """A line, and a bowl: (x - 1)^2 + 6 on [2, 3]."""
    line = problem(np.zeros((2, 2)), [2.0, -1.0], [(1.0, 3.0), (0.0, 5.0)], [([1.0, 1.0], -INF, 4.0)], 10.0)
    relax = Relaxation(line)
    assert relax.bound(whole(line)).bound == pytest.approx(9.0)
    cut = replace(whole(line), cuts=((np.array([0.0, 1.0]), -INF, 2.0),))
    assert relax.bound(cut).bound == pytest.approx(10.0)
    assert relax.bound(whole(line)).bound == pytest.approx(9.0)
    assert relax.any_point(whole(line)).bound == pytest.approx(-1.0)  # without the constant
    bowl = problem(np.array([[2.0]]), [-2.0], [(2.0, 3.0)], constant=7.0)
    found = Relaxation(bowl).bound(whole(bowl))
    assert found.bound == pytest.approx(7.0, abs=1e-6)
    assert found.weights.size == 0
    point = Relaxation(bowl).any_point(whole(bowl))
    assert (point.status, point.bound) == (Status.OPTIMAL, 0.0)


def test_every_set_of_fixed_columns_has_its_own_form() -> None:
    """x y - x with x fixed at 1 and at 3: 0 and what y in [2, 4] makes of it."""
    mpcc = problem(np.array([[0.0, 1.0], [1.0, 0.0]]), [-1.0, 0.0], [(0.0, 5.0), (2.0, 4.0)])
    relax = Relaxation(mpcc)
    found = [relax.bound(Node(np.array([x, 2.0]), np.array([x, 4.0]))).bound for x in (1.0, 3.0, 1.0)]
    assert found == pytest.approx([1.0, 3.0, 1.0])
    y = [relax.bound(Node(np.array([0.0, y]), np.array([5.0, y]))).bound for y in (2.0, 4.0)]
    assert y == pytest.approx([0.0, 0.0])
    assert len(relax._shapes) == 4


@pytest.mark.parametrize(
    ("hessian", "bounds", "rows", "falls"),
    [
        (np.diag([-1.0, 0.0]), [(0.0, INF), (0.0, 1.0)], [], True),
        (np.diag([-1.0, 0.0]), [(-INF, 0.0), (0.0, 1.0)], [], True),
        (np.diag([-1.0, 0.0]), [(0.0, 9.0), (0.0, INF)], [], False),
        (np.array([[0.0, 1.0], [1.0, 0.0]]), [(0.0, INF), (0.0, INF)], [], False),
        (np.array([[0.0, 1.0], [1.0, 0.0]]), [(0.0, INF), (-INF, INF)], [], True),
        (np.diag([-1.0, 0.0]), [(0.0, INF), (0.0, INF)], [([1.0, 1.0], -INF, 5.0)], False),
        (np.diag([-1.0, 0.0]), [(0.0, INF), (0.0, INF)], [([1.0, -1.0], -3.0, 5.0)], True),
        (np.diag([-1.0, 2.0]), [(0.0, INF), (0.0, INF)], [([1.0, -1.0], -3.0, 5.0)], False),
        (np.diag([-1.0, 0.0]), [(0.0, INF), (0.0, INF)], [([1.0, -1.0], 5.0, INF)], True),
        (np.diag([-1.0, 0.0]), [(0.0, INF), (0.0, INF)], [([1.0, -1.0], -INF, 5.0)], True),
        (np.diag([-1.0, 0.0]), [(0.0, INF), (-INF, INF)], [([1.0, 1.0], -INF, 5.0)], True),
    ],
)
def test_a_ray_of_negative_curvature(
    hessian: np.ndarray,
    bounds: list[tuple[float, float]],
    rows: list[tuple[list[float], float, float]],
    falls: bool,
) -> None:
    mpcc = problem(hessian, [0.0, 0.0], bounds, rows)
    relax = Relaxation(mpcc)
    values, vectors = np.linalg.eigh(hessian)
    assert relax.falls_for_ever(whole(mpcc), vectors.T[values < 0.0]) is falls


def test_directions_that_rows_leave() -> None:
    assert module._null_space(np.zeros((0, 3))).tolist() == np.eye(3).tolist()
    matrix = np.array([[1.0, 2.0, 3.0, 4.0], [2.0, 4.0, 6.0, 8.0], [0.0, 1.0, 0.0, 1.0]])
    for almost in (0.0, 1e-12):
        shifted = matrix + almost * np.eye(3, 4)
        null = module._null_space(shifted)
        assert null.shape == (4, 2)
        assert matrix @ null == pytest.approx(0.0, abs=1e-9)
        assert null.T @ null == pytest.approx(np.eye(2), abs=1e-12)
    assert module._null_space(matrix + 1e-6 * np.eye(3, 4)).shape == (4, 1)
    assert module._null_space(1e-13 * np.eye(2)).shape == (2, 2)


def test_what_rounding_leaves_of_a_zero() -> None:
    small = np.array([[2e-14, -0.5e-14], [1.0, -2e-14]])
    assert module._clean(small).tolist() == [[2e-14, 0.0], [1.0, -2e-14]]
    assert module._clean(1e3 * small).tolist() == [[2e-11, 0.0], [1e3, -2e-11]]
    assert module._clean(1e-3 * small).tolist() == [[0.0, 0.0], [1e-3, 0.0]]


@pytest.mark.parametrize("size", [1.0, 1e6])
def test_what_counts_as_no_curvature(size: float) -> None:
    """Relative to the largest entry, and of the columns that stand in it alone."""
    for least, convex in ((0.0, True), (-0.9e-10, True), (-1.1e-10, False), (1.0, True), (-1.0, False)):
        made = np.zeros((4, 4))
        made[1, 1], made[3, 3] = 1.0, least
        assert module._semidefinite(sp.csr_array(size * made)) is convex
