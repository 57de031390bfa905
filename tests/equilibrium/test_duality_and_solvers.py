import logging

import numpy as np
import pytest
import scipy.sparse as sp
from highspy import HighsModelStatus
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linprog

from equilibrium.errors import InputError, SolverError
from equilibrium.programs.duality import (
    dual_objective,
    dualise,
    kkt_residuals,
    optimal_face,
    proved_bound,
    reduced_costs,
)
from equilibrium.programs.program import INF, Instance, ProgramBuilder
from equilibrium.programs.reduction import ReducedModel
from equilibrium.programs.solvers import Status, highs, open_handle, solve_mixed
from equilibrium.programs.solvers.choose import log_fallback
from equilibrium.programs.solvers.farkas import least_violation
from equilibrium.programs.solvers.highs import HighsHandle


@st.composite
def linear_programs(draw: st.DrawFn) -> Instance:
    """Feasible and bounded: built around a primal point and a dual point, with every kind of row and bound."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    rows, columns = draw(st.integers(1, 6)), draw(st.integers(1, 8))
    matrix = np.where(rng.random((rows, columns)) < 0.6, rng.integers(-4, 5, (rows, columns)), 0).astype(float)
    x = rng.integers(-3, 4, columns).astype(float)
    y, z = np.zeros(rows), np.zeros(columns)
    sides = []
    for value, multiplier in ((matrix @ x, y), (x, z)):
        low = value - rng.integers(0, 3, value.size)
        high = value + rng.integers(0, 3, value.size)
        multiplier[:] = np.where(low == value, rng.integers(0, 4, value.size), 0.0)
        multiplier[:] -= np.where(high == value, rng.integers(0, 4, value.size), 0.0)
        low = np.where((rng.random(value.size) < 0.4) & (multiplier <= 0), -INF, low)
        high = np.where((rng.random(value.size) < 0.4) & (multiplier >= 0), INF, high)
        sides += [low, high]
    cost = matrix.T @ y + z
    return Instance(sp.csr_array(matrix), cost, *sides)


def reference(instance: Instance) -> float:
    """Optimal value by an independent interface."""
    a = instance.matrix.toarray()
    low, high = np.isfinite(instance.row_lower), np.isfinite(instance.row_upper)
    upper = np.vstack([a[high], -a[low]])
    limit = np.concatenate([instance.row_upper[high], -instance.row_lower[low]])
    bounds = list(zip(instance.col_lower, instance.col_upper, strict=True))
    return float(linprog(instance.cost, upper, limit, bounds=bounds, method="highs-ipm").fun)


@given(linear_programs(), st.sampled_from(["highs", "gurobi"]))
def test_solutions_satisfy_the_optimality_conditions(instance: Instance, solver: str):
    answer = open_handle(instance, solver).solve()
    assert answer.status is Status.OPTIMAL
    assert float(instance.cost @ answer.x) == pytest.approx(reference(instance), abs=1e-6)
    assert kkt_residuals(instance, answer.x, answer.y).worst < 1e-8


@given(linear_programs(), st.integers(0, 2**32 - 1))
def test_the_gap_is_what_a_feasible_point_costs_too_much(instance: Instance, seed: int):
    best = open_handle(instance).solve()
    low, high = np.maximum(instance.col_lower, best.x - 5.0), np.minimum(instance.col_upper, best.x + 5.0)
    boxed = instance.with_columns(np.arange(best.x.size), low, high)
    other = open_handle(boxed.with_cost(np.random.default_rng(seed).normal(size=instance.shape[1]))).solve()
    value = float(instance.cost @ other.x)
    residuals = kkt_residuals(instance, other.x, best.y)
    assert residuals.primal < 1e-8
    assert residuals.gap * (1 + abs(value)) == pytest.approx(value - reference(instance), abs=1e-5)


def test_every_residual_sees_its_own_error():
    instance = Instance(
        sp.csr_array([[1.0, 1.0]]), np.array([1.0, 2.0]), np.array([2.0]), np.array([INF]), np.zeros(2), np.full(2, INF)
    )
    x, y = np.array([2.0, 0.0]), np.array([1.0])
    assert kkt_residuals(instance, x, y).worst == 0.0
    assert kkt_residuals(instance, np.array([1.0, 0.0]), y).primal > 0.1
    assert kkt_residuals(instance, np.array([0.0, -1.0]), y).primal > 0.1
    assert kkt_residuals(instance, x, np.array([3.0])).dual > 0.1
    assert kkt_residuals(instance, x, np.array([-1.0])).dual > 0.1
    wrong = kkt_residuals(instance, np.array([0.0, 2.0]), y)
    assert wrong.complementarity > 0.1
    assert wrong.gap > 0.1


@given(linear_programs())
def test_the_dual_has_the_same_value_and_prices(instance: Instance):
    dual = dualise(instance)
    answer = open_handle(dual.instance).solve()
    assert answer.status is Status.OPTIMAL
    assert -float(dual.instance.cost @ answer.x) == pytest.approx(reference(instance), abs=1e-6)
    y = dual.multipliers(answer.x)
    z = reduced_costs(instance, y)
    assert dual_objective(instance, y, z) == pytest.approx(reference(instance), abs=1e-6)


@given(linear_programs())
def test_dualising_twice_gives_the_primal_value_back(instance: Instance):
    again = dualise(dualise(instance).instance).instance
    answer = open_handle(again).solve()
    assert float(again.cost @ answer.x) == pytest.approx(reference(instance), abs=1e-6)


@given(linear_programs(), st.integers(0, 2**32 - 1))
def test_the_optimal_face_is_optimal_everywhere(instance: Instance, seed: int):
    best = open_handle(instance).solve()
    boxed = instance.with_columns(
        np.arange(instance.shape[1]), np.maximum(instance.col_lower, -50.0), np.minimum(instance.col_upper, 50.0)
    )
    face = optimal_face(boxed, best.y)
    answer = open_handle(face.with_cost(np.random.default_rng(seed).normal(size=instance.shape[1]))).solve()
    assert answer.status is Status.OPTIMAL
    value = float(instance.cost @ best.x)
    assert float(instance.cost @ answer.x) == pytest.approx(value, abs=1e-6 * (1 + abs(value)))


@given(linear_programs(), st.integers(0, 2**32 - 1))
def test_the_face_around_a_point_holds_it_to_the_last_digit(instance: Instance, seed: int):
    rng = np.random.default_rng(seed)
    best = open_handle(instance).solve()
    missed = best.x + 1e-10 * rng.normal(size=best.x.size)
    face = optimal_face(instance, best.y, point=missed)
    value = face.matrix @ missed
    assert ((face.row_lower <= value) & (value <= face.row_upper)).all()
    assert ((face.col_lower <= missed) & (missed <= face.col_upper)).all()
    plain = optimal_face(instance, best.y)
    assert ((plain.row_lower == plain.row_upper) <= (face.row_lower == face.row_upper)).all()  # equalities stay so
    np.testing.assert_allclose(face.row_lower, plain.row_lower, atol=1e-8)
    far = optimal_face(instance, best.y, point=best.x + 1.0)  # more than rounding moves nothing
    outside = np.maximum(plain.col_lower - best.x - 1.0, best.x + 1.0 - plain.col_upper) > 1e-6
    np.testing.assert_array_equal(far.col_upper[outside], plain.col_upper[outside])


@given(linear_programs(), st.integers(0, 7), st.floats(0.01, 3.0))
def test_a_ray_of_an_infeasible_program_proves_how_far_it_is(instance: Instance, column: int, beyond: float):
    column %= instance.shape[1]
    unit = np.eye(instance.shape[1])[column]
    asked = instance.with_cost(-unit)
    most = open_handle(asked).solve()
    if most.status is not Status.OPTIMAL:
        return
    limit = most.x[column] + beyond
    apart = instance.with_rows(sp.csr_array(unit[None]), np.array([limit]), np.array([INF]))
    ray = np.concatenate([most.y, [1.0]])  # the optimum's multipliers prove that no more is possible
    rows, columns = (apart.row_lower, apart.row_upper), (apart.col_lower, apart.col_upper)
    missed = least_violation(apart.matrix, rows, columns, ray)
    held = linprog(  # the least relative violation that any point has
        np.append(np.zeros(unit.size), 1.0), *_relaxed(apart), bounds=[(None, None)] * unit.size + [(0.0, None)]
    )
    assert 0.0 < missed <= held.fun + 1e-9
    assert least_violation(apart.matrix, rows, columns, -ray) == 0.0
    assert least_violation(apart.matrix, rows, columns, np.zeros(ray.size)) == 0.0
    assert open_handle(apart).solve().status is Status.INFEASIBLE


def _relaxed(instance: Instance) -> tuple[np.ndarray, np.ndarray]:
    """Return all sides as ``matrix x <= right``, with a last column that moves each by one plus its size."""
    dense = np.vstack([instance.matrix.toarray(), np.eye(instance.shape[1])])
    lower = np.concatenate([instance.row_lower, instance.col_lower])
    upper = np.concatenate([instance.row_upper, instance.col_upper])
    matrix, right = np.vstack([dense, -dense]), np.concatenate([upper, -lower])
    there = np.isfinite(right)
    return np.hstack([matrix, -(1.0 + np.abs(np.where(there, right, 0.0)))[:, None]])[there], right[there]


def test_an_infeasibility_without_a_proof_is_asked_twice(monkeypatch: pytest.MonkeyPatch):
    # x + y = 1 with x and y at least 0.5 + 4e-10 misses by 8e-10 / 5 only: less than rounding, so no proof.
    def at_least(low: float) -> Instance:
        return Instance(
            sp.csr_array([[1.0, 1.0]]), np.zeros(2), np.ones(1), np.ones(1), np.full(2, low), np.full(2, INF)
        )

    near = at_least(0.5 + 4e-10)
    rows, columns = (near.row_lower, near.row_upper), (near.col_lower, near.col_upper)
    assert least_violation(near.matrix, rows, columns, -np.ones(1)) == pytest.approx(8e-10 / 5.0, rel=1e-3)

    asked, solve_unscaled = [], HighsHandle._unscaled

    def unscaled(handle: HighsHandle):
        asked.append(handle)
        return solve_unscaled(handle)

    monkeypatch.setattr(HighsHandle, "_unscaled", unscaled)
    assert HighsHandle(at_least(0.6)).solve().status is Status.INFEASIBLE
    assert not asked  # the ray proves it
    monkeypatch.setattr("equilibrium.programs.solvers.highs.least_violation", lambda *_: 0.0)
    assert HighsHandle(at_least(0.6)).solve().status is Status.INFEASIBLE
    assert len(asked) == 1
    handle = HighsHandle(at_least(0.6))
    monkeypatch.setattr(handle, "_unscaled", lambda: (0.0, HighsModelStatus.kOptimal))
    assert handle.solve().status is Status.OPTIMAL  # the second word counts


def test_where_the_dual_simplex_has_no_verdict_the_primal_one_is_asked(monkeypatch):
    """Once warm, once from nothing, then by the other method; the setting is the usual one again afterwards."""
    instance = Instance(
        sp.csr_array([[1.0, 1.0]]), np.array([1.0, 2.0]), np.ones(1), np.ones(1), np.zeros(2), np.full(2, INF)
    )
    handle, methods = HighsHandle(instance), []
    run = HighsHandle._run

    def no_verdict(own: HighsHandle):
        method = own._solver.getOptionValue("simplex_strategy")[1]
        methods.append(method)
        seconds, status = run(own)
        return seconds, status if method == 4 else HighsModelStatus.kUnknown

    monkeypatch.setattr(HighsHandle, "_run", no_verdict)
    found = handle.solve()
    assert found.status is Status.OPTIMAL
    np.testing.assert_allclose(found.x, [1.0, 0.0])
    usual = HighsHandle(instance)._solver.getOptionValue("simplex_strategy")[1]
    assert methods == [usual, usual, 4]
    assert handle._solver.getOptionValue("simplex_strategy")[1] == usual != 4
    monkeypatch.setattr(HighsHandle, "_run", lambda _own: (0.0, HighsModelStatus.kUnknown))
    with pytest.raises(SolverError, match="HiGHS ended with"):
        HighsHandle(instance).solve()


@given(linear_programs(), linear_programs(), st.sampled_from(["highs", "gurobi"]))
def test_a_handle_takes_rows_and_gives_them_back(instance: Instance, other: Instance, solver: str):
    handle = open_handle(instance, solver)
    before = handle.solve()
    basis = handle.basis()
    width = instance.shape[1]
    row = sp.csr_array(np.resize(other.cost, (1, width)))
    value = (row @ before.x).item()
    handle.add_rows(row, np.array([value]), np.array([value]))
    with_row = handle.solve()
    assert float(instance.cost @ with_row.x) == pytest.approx(float(instance.cost @ before.x), abs=1e-6)
    handle.drop_rows(instance.shape[0])
    handle.restore(basis)
    after = handle.solve()
    assert after.y.size == instance.shape[0]
    assert float(instance.cost @ after.x) == pytest.approx(float(instance.cost @ before.x), abs=1e-6)


@given(linear_programs(), st.booleans())
def test_costs_that_are_not_perturbed_give_the_same_optimum(instance: Instance, restored: bool):
    plain, usual = open_handle(instance, restored=restored, perturbed=False), HighsHandle(instance)
    option = "dual_simplex_cost_perturbation_multiplier"
    assert plain._solver.getOptionValue(option)[1] == 0.0 < usual._solver.getOptionValue(option)[1]
    here, there = plain.solve(), usual.solve()
    assert here.status is there.status
    assert float(instance.cost @ here.x) == pytest.approx(float(instance.cost @ there.x), abs=1e-6)


def test_a_handle_knows_how_large_its_model_is(monkeypatch: pytest.MonkeyPatch):
    """Rows that are gone do not count: what stays small is solved where it is called."""
    sizes: list[int] = []
    monkeypatch.setattr(highs, "_run", lambda solver, entries: (sizes.append(entries), solver.run())[1])
    row = sp.csr_array(np.ones((1, 2)))
    handle = HighsHandle(Instance(row, np.ones(2), np.ones(1), np.ones(1), np.zeros(2), np.ones(2)))
    for _ in range(3):
        handle.solve()
        handle.add_rows(row, np.zeros(1), np.ones(1))
        handle.solve()
        handle.drop_rows(1)
    assert sizes == [2, 4] * 3


@pytest.mark.parametrize("solver", ["highs", "gurobi"])
def test_a_handle_that_lost_rows_is_as_one_that_never_had_them(solver: str):
    """Rows with one side, with two and with none in between are added, some dropped, and others put in their place."""
    never = np.full(2, INF)
    start = Instance(
        sp.csr_array(np.eye(2)), np.array([-1.0, -1.0]), np.array([1.0, -INF]), np.full(2, 9.0), -never, never
    )
    more = sp.csr_array(np.array([[1.0, 1.0], [1.0, -1.0], [0.0, 1.0]]))
    low, high = np.array([2.0, -3.0, 0.0]), np.array([12.0, 3.0, 4.0])
    handle = open_handle(start, solver)
    for count, best in ((3, -11.0), (2, -12.0), (1, -12.0), (3, -11.0), (0, -18.0), (1, -12.0)):
        handle.drop_rows(2)
        handle.add_rows(more[:count], low[:count], high[:count])
        assert float(start.cost @ handle.solve().x) == pytest.approx(best), count
        handle.drop_rows(2 + count // 2)  # some of the added rows stay for a moment
        assert float(start.cost @ handle.solve().x) == pytest.approx(-18.0 if count < 2 else -12.0), count


@pytest.mark.parametrize("solver", ["highs", "gurobi"])
def test_a_handle_follows_changed_bounds_and_costs(solver: str):
    matrix = sp.csr_array(np.array([[1.0, 1.0], [1.0, -1.0]]))
    first = Instance(
        matrix, np.array([1.0, 2.0]), np.array([2.0, -1.0]), np.array([INF, 1.0]), np.zeros(2), np.full(2, 9.0)
    )
    handle = open_handle(first, solver)
    assert handle.solve().x.tolist() == pytest.approx([1.5, 0.5])
    second = Instance(
        matrix, np.array([2.0, 1.0]), np.array([2.0, 0.0]), np.array([2.0, 0.0]), np.zeros(2), np.full(2, 9.0)
    )
    handle.update(second)
    assert handle.solve().x.tolist() == pytest.approx([1.0, 1.0])


@pytest.mark.parametrize("solver", ["highs", "gurobi"])
@pytest.mark.parametrize(("low", "high", "status"), [(2.0, 3.0, Status.INFEASIBLE), (-INF, 3.0, Status.UNBOUNDED)])
def test_statuses(solver: str, low: float, high: float, status: Status):
    instance = Instance(
        sp.csr_array([[1.0]]),
        np.array([1.0]),
        np.array([low]),
        np.array([high]),
        np.array([-INF]),
        np.array([1.0 if low > 0 else INF]),
    )
    assert open_handle(instance, solver).solve().status is status


def too_large() -> Instance:
    size = 2100
    return Instance(
        sp.identity(size, format="csr"),
        np.ones(size),
        np.ones(size),
        np.full(size, INF),
        np.zeros(size),
        np.full(size, INF),
    )


def test_a_too_large_model_falls_over_to_highs_with_one_line(caplog: pytest.LogCaptureFixture):
    log_fallback.cache_clear()
    build = ProgramBuilder()
    x = build.columns("x", (2100,), cost=1.0)
    s = build.columns("s", (1,), lower=-INF)
    row = build.rows("r", (2100,), lower=1.0)
    build.coefficients(row, x, 1.0)
    state = build.rows("state", (1,), lower=0.0, upper=0.0)
    build.coefficients(state, s, 1.0)
    build.coefficients(state, x[:1], -1.0)
    program = build.compile()
    model = ReducedModel(program, ["s"], ["state"], "gurobi")
    with caplog.at_level(logging.WARNING):
        answers = [model.solve(program.bind({})) for _ in range(2)]
    assert all(answer.x.sum() == pytest.approx(2101.0) for answer in answers)
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == 1
    assert "HiGHS takes over" in lines[0]


def test_a_too_large_mixed_model_falls_over_too(caplog: pytest.LogCaptureFixture):
    log_fallback.cache_clear()
    instance = too_large()
    with caplog.at_level(logging.WARNING):
        answer = solve_mixed(instance, np.zeros(instance.shape[1], dtype=bool), "gurobi")
    assert answer.objective == pytest.approx(2100.0)
    assert "HiGHS takes over" in caplog.text


@pytest.mark.parametrize("solver", ["highs", "gurobi"])
def test_a_knapsack(solver: str):
    instance = Instance(
        sp.csr_array([[3.0, 4.0, 2.0]]),
        np.array([-5.0, -6.0, -3.0]),
        np.array([-INF]),
        np.array([6.0]),
        np.zeros(3),
        np.ones(3),
    )
    answer = solve_mixed(instance, np.ones(3, dtype=bool), solver)
    assert answer.objective == pytest.approx(-9.0)
    assert answer.bound == pytest.approx(-9.0)
    assert answer.x.round().tolist() == [0, 1, 1]


def test_an_unknown_solver_is_refused():
    with pytest.raises(InputError, match=r"cplex.*one of auto, highs, gurobi"):
        open_handle(too_large(), "cplex")


def test_any_multipliers_prove_a_bound() -> None:
    """min x + y with x + y >= 2 and x, y in [0, 3]: the multiplier 1 proves 2, others prove less, none proves wrong."""
    build = ProgramBuilder()
    column = build.columns("x", (2,), upper=[3.0, np.inf], cost=1.0)
    row = build.rows("demand", (), lower=2.0)
    build.coefficients(row, column, 1.0)
    instance = build.compile().bind({})
    assert proved_bound(instance, np.array([1.0])) == 2.0
    assert proved_bound(instance, np.array([0.5])) == 1.0
    assert proved_bound(instance, np.array([-1.0])) == 0.0  # a side that the row does not have
    assert proved_bound(instance, np.array([2.0])) == -np.inf  # the second column has no upper bound
    held = instance.with_columns(np.array([1]), 0.0, 3.0)
    assert proved_bound(held, np.array([2.0])) == -2.0
