"""Convex quadratic programs that are made around their optimum: every way comes to it, and every bound is below it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from equilibrium.complementarity import convex
from equilibrium.complementarity.convex import POLISHED, minimise
from equilibrium.errors import SolverError
from equilibrium.programs.program import Instance
from equilibrium.programs.solvers import Solution, Status, open_handle

SEEDS = st.integers(0, 2**32 - 1)
FEW = settings(max_examples=15, deadline=None, derandomize=True)


def made(seed: int, rank: int = 2) -> tuple[Instance, sp.csr_array, np.ndarray, np.ndarray]:
    """A program, its hessian of a rank, its optimum and multipliers: columns at bounds, rows that bind, and slack."""
    draw = np.random.default_rng(seed)
    n, m = 5, 3
    root = draw.normal(size=(rank, n))
    hessian, matrix = root.T @ root, draw.normal(size=(m, n))
    x = draw.uniform(-2.0, 2.0, n)
    low, high = x - draw.uniform(0.5, 2.0, n), x + draw.uniform(0.5, 2.0, n)
    low[0], high[1] = x[0], x[1]
    z = np.array([draw.uniform(0.1, 1.0), -draw.uniform(0.1, 1.0), 0.0, 0.0, 0.0])
    activity, y = matrix @ x, np.array([draw.uniform(0.1, 1.0), -draw.uniform(0.1, 1.0), 0.0])
    row_low = np.array([activity[0], -np.inf, activity[2] - 1.0])
    row_high = np.array([np.inf, activity[1], activity[2] + 2.0])
    cost = matrix.T @ y + z - hessian @ x
    return Instance(sp.csr_array(matrix), cost, row_low, row_high, low, high), sp.csr_array(hessian), x, y


def value(instance: Instance, hessian: sp.csr_array, x: np.ndarray) -> float:
    return float(instance.cost @ x + 0.5 * x @ (hessian @ x))


@FEW
@given(SEEDS, st.sampled_from([1, 2, 5]))
def test_the_optimum_that_was_made_is_found_and_proved(seed: int, rank: int) -> None:
    instance, hessian, x, _ = made(seed, rank)
    found, best = minimise(instance, hessian), value(instance, hessian, x)
    assert found.status is Status.OPTIMAL
    assert found.value == pytest.approx(best, abs=1e-8)
    assert found.value == pytest.approx(value(instance, hessian, found.x), abs=1e-12)
    assert best - 1e-7 <= found.bound <= best + 1e-9
    if rank == 5:
        assert found.x == pytest.approx(x, abs=1e-6)


@FEW
@given(SEEDS)
def test_cuts_alone_come_to_the_same(seed: int) -> None:
    instance, hessian, x, _ = made(seed)
    rated, best = convex._by_cuts(instance, hessian), value(instance, hessian, x)
    assert rated is not None
    assert rated[1].value == pytest.approx(best, abs=1e-6)
    assert best - 1e-6 <= rated[1].bound <= best + 1e-7


@FEW
@given(SEEDS)
def test_any_multipliers_prove_a_bound_that_is_not_above_the_optimum(seed: int) -> None:
    """At the optimum with its multipliers the bound is the value; elsewhere it is less, and the residual tells."""
    instance, hessian, x, y = made(seed)
    best, draw = value(instance, hessian, x), np.random.default_rng(seed)
    residual, there = convex._measured(instance, hessian, x, y)
    assert residual <= 1e-12
    assert there.bound == pytest.approx(best, abs=1e-9)
    point = np.clip(x + draw.normal(size=x.size), instance.col_lower, instance.col_upper)
    residual, beside = convex._measured(instance, hessian, point, np.zeros(3))
    assert residual > 1e-6
    assert beside.value == pytest.approx(value(instance, hessian, point))
    assert beside.bound <= min(best, beside.value) + 1e-9


@FEW
@given(SEEDS)
def test_a_rough_point_is_polished_to_the_last_digits(seed: int) -> None:
    instance, hessian, x, y = made(seed, 5)
    draw = np.random.default_rng(seed)
    rough = x + 1e-7 * draw.uniform(-1.0, 1.0, x.size)
    rough[0], rough[1] = x[0] + 1e-8, x[1] - 1e-8
    polished = convex._polish(instance, hessian, rough, y + 1e-7 * draw.uniform(-1.0, 1.0, 3) * (y != 0.0))
    assert polished is not None
    assert polished[0] <= POLISHED
    assert polished[1].x == pytest.approx(x, abs=1e-9)
    assert polished[1].y == pytest.approx(y, abs=1e-8)


def test_a_solver_that_fails_is_replaced_by_cuts_and_where_they_fail_too_it_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fails(*_: object) -> Solution:
        raise SolverError("no")

    instance, hessian, x, _ = made(3)
    monkeypatch.setattr(convex, "solve_quadratic_highs", fails)
    assert convex._by_solver(instance, hessian) is None
    assert minimise(instance, hessian).value == pytest.approx(value(instance, hessian, x), abs=1e-6)
    monkeypatch.setattr(convex, "_by_cuts", lambda *_: None)
    with pytest.raises(SolverError, match="a convex quadratic program found no point"):
        minimise(instance, hessian)


@pytest.mark.parametrize("broken", [{"status": Status.LIMIT}, {"x": np.array([np.nan] * 5)}])
def test_an_answer_that_is_none_is_not_taken(broken: dict[str, object], monkeypatch: pytest.MonkeyPatch) -> None:
    instance, hessian, x, y = made(4)
    good = Solution(Status.OPTIMAL, x, y, 0.0)
    monkeypatch.setattr(convex, "solve_quadratic_highs", lambda *_: good)
    assert convex._by_solver(instance, hessian) is not None
    monkeypatch.setattr(convex, "solve_quadratic_highs", lambda *_: replace(good, **broken))  # type: ignore[arg-type]
    assert convex._by_solver(instance, hessian) is None


def test_a_point_that_misses_its_conditions_proves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    instance, hessian, x, _ = made(5)
    rough = Solution(Status.OPTIMAL, np.clip(x + 0.3, instance.col_lower, instance.col_upper), np.zeros(3), 0.0)
    monkeypatch.setattr(convex, "solve_quadratic_highs", lambda *_: rough)
    monkeypatch.setattr(convex, "_polish", lambda *_: None)
    monkeypatch.setattr(convex, "_priced", lambda *_: None)
    rated = convex._by_solver(instance, hessian)
    assert rated is not None
    assert rated[1].bound == -np.inf


def free(cost: list[float], low: list[float], row: list[float] | None = None) -> Instance:
    """A program in columns with lower bounds alone, with one row of at most 1 where one is given."""
    n = len(cost)
    matrix = sp.csr_array(np.array([row]) if row else np.zeros((0, n)))
    sides = np.full(matrix.shape[0], -np.inf), np.ones(matrix.shape[0])
    return Instance(matrix, np.array(cost), *sides, np.array(low), np.full(n, np.inf))


def test_what_has_no_end_and_what_has_no_point() -> None:
    """x² bends; along y the cost falls for ever, unless it rises, or a bound or a row holds it."""
    square = sp.csr_array(np.diag([2.0, 0.0]))
    down = minimise(free([1.0, -1.0], [-np.inf, -np.inf]), square)
    assert (down.status, down.value, down.bound) == (Status.UNBOUNDED, -np.inf, -np.inf)
    assert minimise(free([1.0, 1.0], [-np.inf, 3.0]), square).value == pytest.approx(-0.25 + 3.0)
    held = minimise(free([-4.0, -1.0], [-np.inf, -np.inf], [0.0, 1.0]), square)
    assert (held.value, held.bound) == (pytest.approx(-4.0 - 1.0), pytest.approx(-5.0))
    never = replace(free([0.0, 0.0], [2.0, 0.0], [1.0, 0.0]), col_upper=np.array([3.0, 1.0]))
    none = minimise(never, square)
    assert (none.status, none.value, none.bound) == (Status.INFEASIBLE, np.inf, np.inf)
    linear = sp.csr_array((2, 2))
    assert minimise(free([1.0, -1.0], [0.0, 0.0]), linear).status is Status.UNBOUNDED
    assert (minimise(never, linear).value, minimise(never, linear).bound) == (np.inf, -np.inf)


def test_a_linear_program_is_solved_where_it_is_loaded() -> None:
    instance = free([1.0, -1.0], [2.0, 0.0], [0.0, 1.0])
    handle = open_handle(instance.with_cost(np.zeros(2)))
    found = minimise(instance, sp.csr_array((2, 2)), handle)
    assert (found.value, found.bound, found.x.tolist()) == (1.0, 1.0, [2.0, 1.0])
