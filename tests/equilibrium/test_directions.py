"""Directions and segments as binaries: the rows by hand, and each step that decides which squares get them."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import scipy.sparse as sp

from equilibrium.errors import SolverError
from equilibrium.grid import directions
from equilibrium.grid.directions import exact_flow, solve_exact_squares
from equilibrium.grid.lossy import compile_lossy, piecewise_square
from equilibrium.grid.segments import Squares
from equilibrium.programs.program import INF, Instance, Program
from equilibrium.programs.solvers import MixedSolution, Solution, Status, solve_mixed
from tests.equilibrium.conftest import small_network

SPAN, SEGMENTS = 8.0, 4


def squares(count: int, periods: list[int] | None = None) -> Squares:
    """Squares of a program whose columns are flows, then squares."""
    return Squares(
        square=np.arange(count) + count,
        flow=np.arange(count),
        span=np.full(count, SPAN),
        forward=np.zeros((count, SEGMENTS), dtype=np.int64),
        reverse=np.zeros((count, SEGMENTS), dtype=np.int64),
        period=np.array(periods if periods is not None else range(count)),
    )


def instance(*bounds: tuple[float, float]) -> Instance:
    """Flows within bounds and squares without any."""
    low, high = (np.array([b[k] for b in bounds]) for k in (0, 1))
    free = np.full(len(bounds), INF)
    size = 2 * len(bounds)
    return Instance(
        sp.csr_array((0, size)),
        np.zeros(size),
        np.zeros(0),
        np.zeros(0),
        np.concatenate([low, -free]),
        np.concatenate([high, free]),
    )


@pytest.mark.parametrize(
    ("low", "high", "way", "full"),
    [
        (-8.0, 8.0, (0, 1), [(0, 1), (0, 1), (0, 1)]),
        (0.0, 8.0, (1, 1), [(0, 1), (0, 1), (0, 1)]),
        (-8.0, 0.0, (0, 0), [(0, 1), (0, 1), (0, 1)]),
        (4.0, 8.0, (1, 1), [(1, 1), (1, 1), (0, 1)]),  # at 4 both first segments of 2 are full
        (-8.0, -3.0, (0, 0), [(1, 1), (0, 1), (0, 1)]),
        (-3.0, 4.0, (0, 1), [(0, 1), (0, 0), (0, 0)]),  # at most 4: the third never begins, the second is the last
        (-5.0, 1.0, (0, 1), [(0, 1), (0, 1), (0, 0)]),
    ],
)
def test_what_bounds_of_a_flow_leave_to_its_binaries(
    low: float, high: float, way: tuple[int, int], full: list[tuple[int, int]]
) -> None:
    made = directions._binaries(instance((low, high)), squares(1), np.array([0]))
    for name, wanted in (("way", [way]), ("full", full)):
        block = made.columns[name]
        assert list(zip(made.col_lower[block.slice], made.col_upper[block.slice], strict=True)) == wanted


@pytest.mark.parametrize("flow", [-8.0, -5.5, -4.0, -0.5, 0.0, 1.0, 2.0, 3.5, 7.0, 8.0])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_square_with_binaries_lies_on_its_piecewise_function(flow: float, sign: float) -> None:
    """Whether it is worth being small or large; the square of another flow beside it changes nothing."""
    both = instance((-8.0, 8.0), (-8.0, 8.0))
    made = directions._binaries(both, squares(2), np.arange(2))
    whole = np.zeros(made.shape[1], dtype=bool)
    for name in ("way", "full"):
        whole[made.columns[name].slice] = True
    cost = np.zeros(made.shape[1])
    cost[2:4] = sign
    program = Instance(
        made.matrix,
        cost,
        made.row_lower,
        made.row_upper,
        np.concatenate([[flow, -flow], both.col_lower[2:], made.col_lower[4:]]),
        np.concatenate([[flow, -flow], both.col_upper[2:], made.col_upper[4:]]),
    )
    found = solve_mixed(program, whole)
    wanted = SPAN * float(piecewise_square(np.array([abs(flow) / SPAN]), SEGMENTS)[0])
    assert found.x[2:4] == pytest.approx([wanted, wanted], abs=1e-6)


def test_only_the_squares_that_were_picked_have_binaries() -> None:
    made = directions._binaries(instance((-8.0, 8.0), (-8.0, 8.0), (0.0, 8.0)), squares(3), np.array([2]))
    assert {name: block.shape for name, block in made.columns.items()} == {
        "given": (6,),
        "forward": (1,),
        "reverse": (1,),
        "part": (1, SEGMENTS),
        "way": (1,),
        "full": (1, SEGMENTS - 1),
    }
    touched = np.flatnonzero(np.diff(made.matrix.tocsc()[:, :6].indptr))
    assert touched.tolist() == [2, 5]
    assert made.col_upper[made.columns["part"].slice].tolist() == [SPAN / SEGMENTS] * SEGMENTS


def test_two_programs_joined_keep_every_block_at_its_place() -> None:
    """Rows of the extension come below those of the program, its columns beside them; the first ones are shared."""
    build = directions.ProgramBuilder()
    flow, square = build.columns("flow", (1,), cost=3.0), build.columns("square", (1,), cost=5.0)
    row = build.rows("first", (2,), lower=1.0, upper=[7.0, 8.0])
    build.coefficients(row, flow, [2.0, 3.0])
    build.coefficients(row, square, 4.0)
    program = build.compile()
    bound = program.bind({})
    extension = directions._binaries(bound.with_columns(np.array([0]), -8.0, 8.0), squares(1), np.array([0]))
    mixed = directions._joined(program, bound, extension)
    assert mixed.shape == (2 + extension.shape[0], extension.shape[1])
    assert set(mixed.columns) == {"flow", "square", *extension.columns} - {"given"}
    assert set(mixed.rows) == {"first", *extension.rows}
    assert mixed.ports == {}
    dense, below = mixed.matrix.toarray(), extension.matrix.toarray()
    assert dense[:2, :2].tolist() == [[2.0, 4.0], [3.0, 4.0]]
    assert not dense[:2, 2:].any()
    for name, block in extension.rows.items():
        assert mixed.rows[name].shape == block.shape
        assert (dense[mixed.rows[name].slice] == below[block.slice]).all(), name
        assert (mixed.row_upper[mixed.rows[name].slice] == extension.row_upper[block.slice]).all()
        assert (mixed.row_lower[mixed.rows[name].slice] == extension.row_lower[block.slice]).all()
    for name in set(extension.columns) - {"given"}:
        assert mixed.columns[name] == extension.columns[name]
        assert (mixed.col_upper[mixed.columns[name].slice] == extension.col_upper[mixed.columns[name].slice]).all()
    assert mixed.rows["first"].slice == slice(0, 2)
    assert (mixed.row_lower[:2].tolist(), mixed.row_upper[:2].tolist()) == ([1.0, 1.0], [7.0, 8.0])
    assert mixed.cost.tolist() == [3.0, 5.0] + [0.0] * (extension.shape[1] - 2)
    assert mixed.bind({}).shape == mixed.shape


# Which squares get binaries


def solution(status: Status = Status.OPTIMAL, seconds: float = 1.0, x: float = 0.0) -> Solution:
    return Solution(status, np.full(4, x), np.zeros(1), seconds)


def settled(
    monkeypatch: pytest.MonkeyPatch,
    answers: list[tuple[Solution, list[bool]]],
    mixed: list[MixedSolution],
    periods: list[int] | None = None,
) -> tuple[directions.ExactFlow, list[list[bool]]]:
    """Solve with linear programs whose loose squares are told, and mixed programs as told."""
    given, others, asked = iter(answers), iter(mixed), list[list[bool]]()

    def exact(_network: object, _program: object, _instance: object, which: np.ndarray, _solver: str) -> MixedSolution:
        asked.append(which.tolist())
        return next(others)

    def least(*_: object) -> tuple[Solution, np.ndarray]:
        answer, loose = next(given)
        return answer, np.array(loose)

    monkeypatch.setattr(directions, "_least_loose", least)
    monkeypatch.setattr(directions, "solve_exact_squares", exact)
    monkeypatch.setattr(Squares, "of", lambda *_: squares(2, periods))
    monkeypatch.setattr(directions, "in_segments", lambda instance, *_: instance)
    whole = instance((-8.0, 8.0), (-8.0, 8.0)).with_cost(np.ones(4))
    return exact_flow(None, None, whole), asked  # type: ignore[arg-type]


def mixed_solution(status: Status = Status.OPTIMAL, bound: float = 2.5) -> MixedSolution:
    return MixedSolution(status, np.zeros(4), 3.0, bound, 10.0)


def test_without_loose_squares_no_binaries_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    found, asked = settled(monkeypatch, [(solution(x=2.0), [False, False])], [])
    assert asked == []
    assert (found.status, found.bound, found.settled_squares, found.seconds) == (Status.OPTIMAL, 8.0, 0, 1.0)


def test_all_squares_of_a_loose_period_are_settled_and_the_bound_is_the_mixed_programs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers = [(solution(), [True, False]), (solution(x=2.0), [False, False])]
    found, asked = settled(monkeypatch, answers, [mixed_solution()])
    assert asked == [[True, False]]
    assert (found.status, found.bound, found.settled_squares, found.seconds) == (Status.OPTIMAL, 2.5, 1, 12.0)
    _, asked = settled(monkeypatch, answers, [mixed_solution()], periods=[0, 0])
    assert asked == [[True, True]]


def test_squares_that_come_loose_later_join_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [(solution(), [True, False]), (solution(), [False, True]), (solution(x=2.0), [False, False])]
    found, asked = settled(monkeypatch, answers, [mixed_solution(), mixed_solution(bound=2.75)])
    assert asked == [[True, False], [True, True]]
    assert (found.bound, found.settled_squares, found.seconds) == (2.75, 2, 23.0)


def test_how_a_flow_without_exact_squares_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    none, _ = settled(monkeypatch, [(solution(Status.INFEASIBLE), [])], [])
    assert (none.status, none.bound, none.settled_squares) == (Status.INFEASIBLE, -INF, 0)
    stuck, _ = settled(monkeypatch, [(solution(), [True, False])], [mixed_solution(Status.INFEASIBLE)])
    assert (stuck.status, stuck.bound, stuck.settled_squares, stuck.seconds) == (Status.INFEASIBLE, -INF, 1, 11.0)
    with pytest.raises(SolverError, match=r"the lossy flow ended unbounded \(0 squares settled\)"):
        settled(monkeypatch, [(solution(Status.UNBOUNDED), [])], [])
    later = [(solution(), [True, False]), (solution(Status.INFEASIBLE), [])]
    with pytest.raises(SolverError, match=r"the lossy flow ended infeasible \(1 squares settled\)"):
        settled(monkeypatch, later, [mixed_solution()])
    again = [(solution(), [True, False]), (solution(), [True, False])]
    with pytest.raises(SolverError, match="not exact although its segment is held"):
        settled(monkeypatch, again, [mixed_solution()])


def least_loose(
    monkeypatch: pytest.MonkeyPatch, loose: list[list[bool]], second: Solution
) -> tuple[Solution, list[bool], list[Instance]]:
    """Solve with what is loose before and after the least squares are taken."""
    asked: list[Instance] = []
    given = iter(loose)

    def run(instance: Instance) -> Solution:
        asked.append(instance)
        return solution(x=1.0) if len(asked) == 1 else second

    monkeypatch.setattr(directions, "_loose", lambda *_: np.array(next(given)))
    monkeypatch.setattr(directions, "optimal_face", lambda instance, _: instance)
    columns = {"square_p": SimpleNamespace(slice=slice(2, 3)), "square_q": SimpleNamespace(slice=slice(3, 4))}
    program = SimpleNamespace(columns=columns)
    whole = instance((-8.0, 8.0), (-8.0, 8.0)).with_cost(np.full(4, 9.0))
    answer, found = directions._least_loose(None, program, whole, run)  # type: ignore[arg-type]
    return answer, found.tolist(), asked


def test_of_all_optima_the_one_with_the_least_squares(monkeypatch: pytest.MonkeyPatch) -> None:
    second = Solution(Status.OPTIMAL, np.full(4, 2.0), np.full(1, 5.0), 3.0)
    answer, loose, asked = least_loose(monkeypatch, [[True, False], [False, False]], second)
    assert asked[1].cost.tolist() == [0.0, 0.0, 1.0, 1.0]
    assert (answer.x.tolist(), answer.y.tolist(), answer.seconds) == ([2.0] * 4, [0.0], 4.0)
    assert loose == [False, False]
    answer, loose, asked = least_loose(monkeypatch, [[False, False]], second)
    assert (answer.x.tolist(), len(asked), loose) == ([1.0] * 4, 1, [False, False])
    failed = Solution(Status.LIMIT, np.full(4, 2.0), np.zeros(1), 3.0)
    answer, loose, _ = least_loose(monkeypatch, [[True, False]], failed)
    assert (answer.x.tolist(), loose) == ([1.0] * 4, [True, False])


def test_a_flow_that_cannot_be_is_told_before_any_program(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where interval arithmetic leaves a flow nothing, no mixed program is solved; a limit is no answer."""
    crossed = instance((3.0, 2.0), (-8.0, 8.0))
    monkeypatch.setattr(Squares, "of", lambda *_: squares(2))
    monkeypatch.setattr(directions, "within_intervals", lambda *_: crossed)
    found = solve_exact_squares(None, None, crossed, np.ones(2, dtype=bool))  # type: ignore[arg-type]
    assert (found.status, found.objective, found.bound) == (Status.INFEASIBLE, INF, INF)
    assert np.isnan(found.x).tolist() == [True] * 4


@pytest.mark.parametrize("status", [Status.LIMIT, Status.UNBOUNDED])
def test_a_search_that_does_not_end_settles_nothing(monkeypatch: pytest.MonkeyPatch, status: Status) -> None:
    network = small_network()
    program: Program = compile_lossy(network, 1)
    wide = program.bind({name: np.zeros(shape) for name, shape in ((n, p.shape) for n, p in program.ports.items())})
    monkeypatch.setattr(
        directions.ReducedModel, "solve_mixed", lambda *_: MixedSolution(status, np.zeros(9), 0.0, 0.0, 0.0)
    )
    every = np.ones(Squares.of(network, program).square.size, dtype=bool)
    with pytest.raises(SolverError, match=f"directions of flow were not settled: {status}"):
        solve_exact_squares(network, program, wide, every)


def test_a_flow_that_is_held_at_one_value_is_settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is asked of loads but nothing: interval arithmetic leaves each flow the value zero, which is one."""
    network = small_network()
    program: Program = compile_lossy(network, 1)
    still = program.bind({name: np.zeros(port.shape) for name, port in program.ports.items()})
    of = Squares.of(network, program)
    held = still.with_columns(of.flow, 0.0, 0.0)
    monkeypatch.setattr(directions, "within_intervals", lambda *_: held)
    found = solve_exact_squares(network, program, held, np.ones(of.square.size, dtype=bool))
    assert found.status is Status.OPTIMAL
    assert found.x[of.flow] == pytest.approx(0.0, abs=1e-9)
    assert found.x[of.square] == pytest.approx(0.0, abs=1e-9)
