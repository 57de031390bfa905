"""A program without its state columns: rows, limits and costs against plain algebra, answers against the whole."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.optimize import linprog, milp

from equilibrium.programs import reduction
from equilibrium.programs.duality import kkt_residuals
from equilibrium.programs.program import INF, Instance, Program, ProgramBuilder
from equilibrium.programs.reduction import ReducedModel
from equilibrium.programs.solvers import Status
from equilibrium.programs.solvers.base import Handle, ModelTooLargeError, Solution
from equilibrium.programs.solvers.choose import open_handle
from tests.frozen.work import measured

PERIODS = 2


@dataclass(frozen=True, eq=False)
class Made:
    """A program of two periods, a day of it, and what its states are of its free columns: ``x = ways u + base``."""

    program: Program
    instance: Instance
    ways: np.ndarray
    base: np.ndarray

    @property
    def all_rows(self) -> np.ndarray:
        """The program's rows, then a row for the state that has limits in each period."""
        states = self.program.columns["state"].index[:, 1]
        return np.vstack([self.program.matrix.toarray(), np.eye(self.program.shape[1])[states]])


def made(seed: int = 1, *, state_cost: bool = True) -> Made:
    """Two states a period, the second of them with limits, between three free columns; rows with and without states.

    Per period: one state follows u and v, the other the first state and w; ``mixed`` has states, ``plain`` none, and
    ``even`` is an equality with a state.
    """
    draw = np.random.default_rng(seed)
    build = ProgramBuilder()
    first = build.columns("first", (PERIODS, 1), lower=-1.0, upper=4.0, cost=[[-3.0], [-2.0]])
    state = build.columns("state", (PERIODS, 2), lower=[-INF, -2.5], upper=[INF, 3.5])
    more = build.columns("more", (PERIODS, 2), upper=[5.0, 6.0], cost=[[-1.0, 2.0], [1.5, -2.5]])
    plain = build.rows("plain", (PERIODS, 1), upper=[[6.0], [5.0]])
    follows = build.rows("follows", (PERIODS, 2), lower=[[1.0, -0.5], [0.25, 2.0]], upper=[[1.0, -0.5], [0.25, 2.0]])
    mixed = build.rows("mixed", (PERIODS, 2), lower=[-4.0, -INF], upper=[INF, 5.0])
    even = build.rows("even", (PERIODS, 1), lower=1.0, upper=1.0)
    build.coefficients(plain, first, 1.0)
    build.coefficients(plain, more[:, 1:], 1.0)
    build.coefficients(follows[:, 0], state[:, 0], [2.0, 4.0])
    build.coefficients(follows[:, 0], first[:, 0], [-1.0, 3.0])
    build.coefficients(follows[:, 0], more[:, 0], 0.5)
    build.coefficients(follows[:, 1], state[:, 1], 1.0)
    build.coefficients(follows[:, 1], state[:, 0], [-1.0, 0.5])
    build.coefficients(follows[:, 1], more[:, 1], draw.uniform(0.5, 1.5, PERIODS))
    build.coefficients(mixed[:, 0], state[:, 0], [1.0, -2.0])
    build.coefficients(mixed[:, 0], more[:, 0], 1.0)
    build.coefficients(mixed[:, 1], state[:, 1], -1.0)
    build.coefficients(mixed[:, 1], first[:, 0], [2.0, 1.0])
    build.coefficients(even[:, 0], state[:, 0], [1.0, 3.0])
    build.coefficients(even[:, 0], more[:, 0], 1.0)
    program = build.compile()
    cost = program.cost.copy()
    if state_cost:
        cost[state.ravel()] = [0.5, -0.25, 0.0, 0.75]
    instance = program.bind({}).with_cost(cost)
    free = np.concatenate([first.ravel(), more.ravel()])
    dense, rows, states = program.matrix.toarray(), follows.ravel(), state.ravel()
    inverse = np.linalg.inv(dense[np.ix_(rows, states)])
    ways, base = np.zeros((program.shape[1], free.size)), np.zeros(program.shape[1])
    ways[free, np.arange(free.size)] = 1.0
    ways[states], base[states] = -inverse @ dense[np.ix_(rows, free)], inverse @ program.row_lower[rows]
    return Made(program, instance, ways, base)


def model(one: Made, **options: object) -> ReducedModel:
    return ReducedModel(one.program, ["state"], ["follows"], **options)  # type: ignore[arg-type]


def optimum(instance: Instance) -> float:
    """The least cost by another solver's interface, every row stated."""
    dense, low, high = instance.matrix.toarray(), instance.row_lower, instance.row_upper
    up, down = np.isfinite(high), np.isfinite(low)
    found = linprog(
        instance.cost,
        A_ub=np.vstack([dense[up], -dense[down]]),
        b_ub=np.concatenate([high[up], -low[down]]),
        bounds=list(zip(instance.col_lower, instance.col_upper, strict=True)),
    )
    assert found.status == 0
    return float(found.fun)


CUT = (np.array([[0.0, 0.0, 1.0, 2.0, 0.0, -1.0, 0.0, 0.0, 0.5, 0.0], [1.0, 1.0] + [0.0] * 8]), [-INF, 2.0], [1.5, 6.0])


def with_cuts(instance: Instance) -> Instance:
    """One more row over states and one over free columns alone."""
    return instance.with_rows(sp.csr_array(CUT[0]), np.array(CUT[1]), np.array(CUT[2]))


def test_which_columns_and_rows_are_left() -> None:
    """The program's 12 rows are plain 2, follows 4, mixed 4, even 2; then the limited state of both periods."""
    reduced = model(made())
    assert reduced.free.tolist() == [0, 1, 6, 7, 8, 9]
    assert reduced.row_ids.tolist() == [0, 1, 6, 7, 8, 9, 10, 11, 12, 13]
    kinds = reduced.row_kinds(np.arange(14))
    groups = [[0, 1], [2, 4], [3, 5], [6, 8], [7, 9], [10, 11], [12, 13]]
    assert sorted(np.flatnonzero(kinds == kind).tolist() for kind in set(kinds.tolist())) == groups
    columns = reduced.column_kinds()
    assert sorted(np.flatnonzero(columns == kind).tolist() for kind in set(columns.tolist())) == [
        [0, 1],
        [2, 4],
        [3, 5],
    ]


def test_rows_and_limits_over_the_free_columns() -> None:
    one = made()
    reduced, ids = model(one), np.array([7, 0, 13, 10, 8])
    assert reduced.rows_of(ids).toarray() == pytest.approx(one.all_rows[ids] @ one.ways, abs=1e-12)
    plain = np.array([1, 0])
    assert reduced.rows_of(plain).toarray() == pytest.approx(one.all_rows[plain] @ one.ways, abs=1e-12)
    low = np.concatenate([one.instance.row_lower, [-2.5, -2.5]])
    high = np.concatenate([one.instance.row_upper, [3.5, 3.5]])
    found = reduced.limits(one.instance, ids)
    shift = (one.all_rows @ one.base)[ids]
    assert found[0] == pytest.approx(low[ids] - shift)
    assert found[1] == pytest.approx(high[ids] - shift)
    assert reduced.limits(with_cuts(one.instance), ids)[1] == pytest.approx(high[ids] - shift)


def test_what_right_hand_sides_make_of_the_state_is_that_of_each_day() -> None:
    """Three days in turn, and the first one again."""
    one = made()
    reduced, follows = model(one), one.program.rows["follows"].index.ravel()
    for right in ([1.0, -0.5, 0.25, 2.0], [2.0, 0.0, 0.0, 0.0], [0.0, 3.0, 1.0, -1.0], [1.0, -0.5, 0.25, 2.0]):
        row_lower, row_upper = one.instance.row_lower.copy(), one.instance.row_upper.copy()
        row_lower[follows] = row_upper[follows] = right
        day = Instance(
            one.program.matrix, one.instance.cost, row_lower, row_upper, one.instance.col_lower, one.instance.col_upper
        )
        point = reduced.lift_point(day, np.array([0.5, 1.5, 2.0, 3.0, 1.0, 0.25]))
        assert (one.program.matrix @ point)[follows] == pytest.approx(right)
        assert point[reduced.free].tolist() == [0.5, 1.5, 2.0, 3.0, 1.0, 0.25]
        assert reduced.solve(day).x @ day.cost == pytest.approx(optimum(day))


@pytest.mark.parametrize("state_cost", [False, True])
def test_the_whole_reduced_program_at_once(state_cost: bool) -> None:
    """Its cost is that of the free columns with what their states cost; its multipliers are lifted to all rows."""
    one = made(state_cost=state_cost)
    reduced = model(one)
    ids = reduced.row_ids
    explicit = reduced.explicit(one.instance, ids)
    assert explicit.cost == pytest.approx(one.instance.cost @ one.ways)
    assert explicit.col_lower.tolist() == one.instance.col_lower[reduced.free].tolist()
    assert explicit.col_upper.tolist() == one.instance.col_upper[reduced.free].tolist()
    least = optimum(one.instance)
    assert optimum(explicit) + one.instance.cost @ one.base == pytest.approx(least)
    found = reduced.solve(one.instance)
    assert found.x @ one.instance.cost == pytest.approx(least)
    assert kkt_residuals(one.instance, found.x, found.y).worst < 1e-9
    z = one.instance.cost - one.instance.matrix.T @ found.y
    own = reduced.entries(ids, found.y, z)
    assert own.tolist() == [*found.y[[0, 1, 6, 7, 8, 9, 10, 11]], *z[[3, 5]]]
    assert reduced.lift_multipliers(one.instance, ids, own) == pytest.approx(found.y, abs=1e-9)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("cuts", [False, True])
def test_the_answer_is_that_of_the_whole_program(seed: int, cuts: bool) -> None:
    one = made(seed)
    instance = with_cuts(one.instance) if cuts else one.instance
    reduced = model(one, solver="highs")
    assert reduced.solver_name == "highs"
    found = reduced.solve(instance)
    assert found.status is Status.OPTIMAL
    assert found.x @ instance.cost == pytest.approx(optimum(instance))
    assert kkt_residuals(instance, found.x, found.y).worst < 1e-9
    assert found.y.size == instance.shape[0]
    assert reduced.solver_name.startswith("HiGHS ")
    point = reduced.point(instance)
    assert point.x @ instance.cost == pytest.approx(found.x @ instance.cost)
    assert point.y.size == 0


def test_cuts_come_and_go() -> None:
    """After a rewind the cuts of one day are not those of the next, whether they were remembered or not."""
    one = made()
    other = one.instance.with_rows(sp.csr_array(-CUT[0]), np.array([-1.5, -7.0]), np.array([INF, INF]))
    reduced = model(one)
    for remembered in (False, True):
        for instance in (with_cuts(one.instance), one.instance, other, with_cuts(other), one.instance):
            reduced.rewind()
            found = reduced.solve(instance)
            assert found.x @ instance.cost == pytest.approx(optimum(instance))
            assert kkt_residuals(instance, found.x, found.y).worst < 1e-9
            if remembered:
                reduced.remember()


def programs(reduced: ReducedModel, instance: Instance) -> int:
    """How many programs a solver was given on the way to an answer."""
    with measured() as work:
        reduced.solve(instance)
    return work["programs"]


def test_rows_that_were_taken_up_are_remembered() -> None:
    """A second solve needs one program, a rewound one as many as the first, and a remembered one again one."""
    one = made()
    reduced = model(one)
    reduced.remember()  # nothing is known yet
    first = programs(reduced, one.instance)
    assert first > 1
    assert programs(reduced, one.instance) == 1
    reduced.rewind()
    assert programs(reduced, one.instance) == first
    reduced.remember()
    for _ in range(2):
        reduced.rewind()
        assert programs(reduced, one.instance) == 1
    for _ in range(2):
        reduced.rewind()
        assert programs(reduced, with_cuts(one.instance)) >= 1


def test_a_glance_solves_once_and_takes_up_what_it_violates() -> None:
    one = made()
    reduced, least = model(one), optimum(one.instance)
    costs = []
    for _ in range(4):
        with measured() as work:
            costs.append(float(reduced.glance(one.instance).x @ one.instance.cost))
        assert work["programs"] == 1
    assert costs[0] < least - 1e-6
    assert costs == sorted(costs)
    assert costs[-1] == pytest.approx(least)


class Failing:
    """A handle that fails in one way at each of its solves: it moves the point by so much, or refuses it."""

    def __init__(self, inside: Handle, failure: float | None) -> None:
        self.inside, self.failure = inside, failure
        self.name = inside.name

    def __getattr__(self, name: str) -> object:
        return getattr(self.inside, name)

    def solve(self) -> Solution:
        if self.failure is None:
            raise ModelTooLargeError("too large")
        answer = self.inside.solve()
        return replace(answer, x=answer.x + self.failure)


def opened(monkeypatch: pytest.MonkeyPatch, *failures: float | None) -> list[str]:
    """Let the first handles that are opened fail; return the solvers' names asked for, in the order of opening."""
    asked: list[str] = []

    def fails(instance: Instance, solver: str, **options: object) -> object:
        asked.append(solver)
        assert options == {"restored": False, "perturbed": False}  # the vertex found is that of a simplex left alone
        inside = open_handle(instance, "highs", **options)  # type: ignore[arg-type]
        return Failing(inside, failures[len(asked) - 1]) if len(asked) <= len(failures) else inside

    monkeypatch.setattr(reduction, "open_handle", fails)
    return asked


def test_an_answer_that_lost_its_digits_is_solved_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A point off by 1e-5 opens another model, without a basis; one off by less than rows can tell does not."""
    one = made()
    for off, handles in ((1e-5, 2), (1e-12, 1)):
        asked = opened(monkeypatch, off)
        found = model(one, solver="auto").solve(one.instance)
        assert asked == ["auto"] * handles
        assert found.x @ one.instance.cost == pytest.approx(optimum(one.instance), abs=1e-9)
        assert kkt_residuals(one.instance, found.x, found.y).worst < 1e-9


def test_highs_takes_over_where_a_licence_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the middle of a search too, and for every day that follows."""
    one = made()
    asked = opened(monkeypatch, None)
    reduced = model(one, solver="auto")
    for instance in (one.instance, with_cuts(one.instance), one.instance):
        found = reduced.solve(instance)
        assert found.x @ instance.cost == pytest.approx(optimum(instance))
        assert asked[:2] == ["auto", "highs"]
        assert set(asked[2:]) <= {"highs"}
        reduced.rewind()


def test_no_answer_is_told() -> None:
    """The first column at least 4 and at most 4, where plain rows allow less; and without an end."""
    one = made()
    none = one.instance.with_columns(np.array([0, 8]), [4.0, 3.0], [4.0, 6.0]).with_columns(np.array([7]), 6.0, 6.0)
    found = model(one).solve(none)
    assert found.status is Status.INFEASIBLE
    mixed = model(one).solve_mixed(none, np.zeros(10, dtype=bool))
    assert (mixed.status, mixed.objective, mixed.bound) == (Status.INFEASIBLE, INF, INF)
    whole = np.zeros(10, dtype=bool)
    whole[[0, 1, 6, 7, 8, 9]] = True
    held = one.instance.with_columns(np.array([0]), 0.25, 0.75)
    assert model(one).solve_mixed(held, whole).status is Status.INFEASIBLE


@pytest.mark.parametrize("state_cost", [False, True])
@pytest.mark.parametrize("integer", [[], [1], [1, 7, 9], [0, 8]])
def test_some_columns_are_whole(integer: list[int], state_cost: bool) -> None:
    """What the states cost in any case counts in the objective and in its bound."""
    build = made(2, state_cost=state_cost)
    whole = np.zeros(10, dtype=bool)
    whole[integer] = True
    found = model(build).solve_mixed(build.instance, whole)
    instance = build.instance
    exact = milp(
        instance.cost,
        constraints=(instance.matrix.toarray(), instance.row_lower, instance.row_upper),
        bounds=(instance.col_lower, instance.col_upper),
        integrality=whole.astype(int),
    )
    assert found.status is Status.OPTIMAL
    assert found.objective == pytest.approx(exact.fun)
    assert found.bound == pytest.approx(exact.fun)
    assert found.x @ instance.cost == pytest.approx(exact.fun)
    assert found.x[whole] == pytest.approx(np.round(found.x[whole]), abs=1e-9)
