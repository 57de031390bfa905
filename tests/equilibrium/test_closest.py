"""The optimum that is published: the closest of all, whatever optimum and multipliers led to it."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from equilibrium.arrays import FloatArray
from equilibrium.errors import SolverError
from equilibrium.programs import closest
from equilibrium.programs.closest import CLOSE, closest_optimum
from equilibrium.programs.duality import kkt_residuals
from equilibrium.programs.nearest import Polyhedra
from equilibrium.programs.program import INF, Instance
from equilibrium.programs.solvers import Solution, solve_linear


def shared(load: float, *cost: float) -> Instance:
    """Units of these costs that serve a load together, up to 3 each."""
    count = len(cost)
    return Instance(
        sp.csr_array(np.ones((1, count))),
        np.array(cost),
        np.array([load]),
        np.array([load]),
        np.zeros(count),
        np.full(count, 3.0),
    )


def settled(instance: Instance, ideal: FloatArray | None = None) -> FloatArray:
    found = solve_linear(instance)
    return closest_optimum(instance, found.x, found.y, np.zeros(found.x.size) if ideal is None else ideal)


def test_units_of_one_cost_share_and_a_dearer_one_rests() -> None:
    assert settled(shared(4.0, 1.0, 1.0, 2.0)) == pytest.approx([2.0, 2.0, 0.0])


def test_an_ideal_draws_and_a_limit_holds() -> None:
    assert settled(shared(4.0, 1.0, 1.0), np.array([4.0, 1.0])) == pytest.approx([3.0, 1.0])


def test_one_optimum_stays_what_it_is() -> None:
    assert settled(shared(4.0, 1.0, 2.0)).tolist() == [3.0, 1.0]


def random_program(rng: np.random.Generator) -> Instance:
    """Small whole numbers everywhere, so that optima are many; a row is stated twice, and some have two sides."""
    rows, columns = int(rng.integers(1, 5)), int(rng.integers(2, 7))
    matrix = rng.integers(-1, 3, (rows, columns)).astype(float)
    matrix = np.vstack([matrix, matrix[:1]])
    inside = rng.integers(0, 3, columns).astype(float)
    value = matrix @ inside
    return Instance(
        sp.csr_array(matrix),
        rng.integers(0, 3, columns).astype(float),
        np.where(rng.random(rows + 1) < 0.3, value, value - rng.integers(0, 3, rows + 1)),
        np.where(rng.random(rows + 1) < 0.5, value, INF),
        np.zeros(columns),
        np.full(columns, 4.0),
    )


def another_optimum(instance: Instance, rng: np.random.Generator) -> Solution:
    """An optimum and multipliers found on another way: columns in another order, rows too."""
    columns, rows = rng.permutation(instance.shape[1]), rng.permutation(instance.shape[0])
    turned = Instance(
        sp.csr_array(instance.matrix.toarray()[rows][:, columns]),
        instance.cost[columns],
        instance.row_lower[rows],
        instance.row_upper[rows],
        instance.col_lower[columns],
        instance.col_upper[columns],
    )
    found = solve_linear(turned)
    x, y = np.zeros(columns.size), np.zeros(rows.size)
    x[columns], y[rows] = found.x, found.y
    return Solution(found.status, x, y, found.seconds)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_every_way_ends_at_one_point_and_no_optimum_is_closer(seed: int) -> None:
    rng = np.random.default_rng(seed)
    instance = random_program(rng)
    ideal = rng.integers(-1, 5, instance.shape[1]).astype(float)
    first = solve_linear(instance)
    point = closest_optimum(instance, first.x, first.y, ideal)
    assert kkt_residuals(instance, point, first.y).worst < 1e-9  # an optimum
    for _ in range(3):
        other = another_optimum(instance, rng)
        assert closest_optimum(instance, other.x, other.y, ideal) == pytest.approx(point, abs=1e-8)
        away = other.x - point  # closest: every other optimum lies behind the plane through the point
        assert float((point - ideal) @ away) >= -1e-7
        assert float(instance.cost @ away) == pytest.approx(0.0, abs=1e-8)


@pytest.mark.parametrize("answer", ["none", "wrong"])
def test_where_the_solver_finds_no_point_limits_are_let_in_one_by_one(
    answer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = closest.solve_quadratic_highs

    def broken(*given: object, **more: object) -> Solution:
        if answer == "none":
            raise SolverError("nothing")
        found = right(*given, **more)  # type: ignore[arg-type]
        return Solution(found.status, found.x + 1e-6, found.y, found.seconds)

    monkeypatch.setattr(closest, "solve_quadratic_highs", broken)
    asked = []
    nearest = Polyhedra.nearest
    monkeypatch.setattr(Polyhedra, "nearest", lambda own, target: asked.append(0) or nearest(own, target))
    assert settled(shared(4.0, 1.0, 1.0, 2.0)) == pytest.approx([2.0, 2.0, 0.0], abs=1e-9)
    assert len(asked) == 1
    monkeypatch.setattr(closest, "FEW", 1)
    with pytest.raises(SolverError, match="not found to the last digits"):
        settled(shared(4.0, 1.0, 1.0, 2.0))


def square(side: float = 4.0) -> Instance:
    """Two columns of 0 to 9 that would rather be 1 and -2, of which the sum is at least a side and at most 7."""
    return Instance(
        sp.csr_array([[1.0, 1.0]]),
        np.array([-1.0, 2.0]),
        np.array([side]),
        np.array([7.0]),
        np.zeros(2),
        np.full(2, 9.0),
    )


@pytest.mark.parametrize(
    ("x", "y", "missed"),
    [
        ([3.5, 0.5], 2.5, 0.0),  # 1 and -2 with 2.5 on each, at a sum of 4
        ([3.5, 0.75], 2.5, 0.25),
        ([3.25, 0.5], 2.5, 0.25),  # off by a quarter, and the sum is short by one
        ([4.0, 1.0], 3.0, 1.0),  # what it says, but the row has a multiplier and is not at its side
        ([1.0, 0.0], 0.0, 3.0),  # no multiplier, and the sum is short by three
        ([9.0, 9.0], -11.0, 11.0),  # beyond the upper side
        ([9.0, 0.0], 20.0, 9.0),  # columns are kept within their limits: 9 and 9
    ],
)
def test_how_far_a_point_is_from_what_multipliers_say(x: list[float], y: float, missed: float) -> None:
    """Relative to one more than the largest column."""
    found = closest._missed(square(), np.array(x), np.array([y]))
    assert found == pytest.approx(missed / (1.0 + max(x)))


def test_a_multiplier_that_is_rounding_holds_nothing() -> None:
    """Up to a billionth of one more than the largest column."""
    inside = square(side=-9.0)
    x = np.array([1.0, 0.0])
    assert closest._missed(inside, x, np.array([0.9 * 2.0 * CLOSE])) < 2.0 * CLOSE
    assert closest._missed(inside, x, np.array([1.1 * 2.0 * CLOSE])) == pytest.approx(5.0)


def test_limits_one_by_one() -> None:
    assert closest._one_by_one(square()) == pytest.approx([3.5, 0.5], abs=1e-8)
    assert closest._one_by_one(square(side=-1.0)) == pytest.approx([1.0, 0.0], abs=1e-8)
