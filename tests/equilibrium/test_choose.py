"""Which solver and which settings a program is given, and who takes over where a licence ends."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

from equilibrium.errors import SolverError
from equilibrium.programs.program import FEASIBILITY, Instance
from equilibrium.programs.solvers import Solution, Status, choose, solve_mixed
from equilibrium.programs.solvers.base import ModelTooLargeError
from equilibrium.programs.solvers.choose import load_and_solve, optimal_if_feasible, require_optimal
from equilibrium.programs.solvers.confirm import Panel
from equilibrium.programs.solvers.gurobi import GurobiHandle
from equilibrium.programs.solvers.highs import HighsHandle

LOOSER = f"{HighsHandle.name} at {choose.LOOSER:g}"
PRESOLVED = f"{HighsHandle.name} with presolve"


def wide(columns: int) -> Instance:
    """At least 2 of the sum of columns between 0 and 3, each of which costs 1."""
    ones = np.ones(columns)
    return Instance(sp.csr_array(ones[None, :]), ones, np.array([2.0]), np.array([np.inf]), 0.0 * ones, 3.0 * ones)


def panel(monkeypatch: pytest.MonkeyPatch, columns: int, solver: str) -> list[tuple[str, Any]]:
    """Return who would be asked for a mixed-integer program, in which order and how."""
    seen: list[Panel] = []
    monkeypatch.setattr(choose, "confirmed", lambda _i, _w, asked, _t: seen.append(asked))
    solve_mixed(wide(columns), np.ones(columns, dtype=bool), solver, gap=0.25, node_limit=7)
    return list(seen[0].opinions)


@pytest.mark.parametrize(
    ("columns", "solver", "names"),
    [
        (3, "auto", [HighsHandle.name, LOOSER, PRESOLVED, GurobiHandle.name]),
        (3, "highs", [HighsHandle.name, LOOSER, PRESOLVED, GurobiHandle.name]),
        (3, "gurobi", [GurobiHandle.name, HighsHandle.name, LOOSER, PRESOLVED]),
        (choose.GUROBI_LIMIT, "gurobi", [HighsHandle.name, LOOSER, PRESOLVED]),
        (choose.GUROBI_LIMIT - 1, "gurobi", [GurobiHandle.name, HighsHandle.name, LOOSER, PRESOLVED]),
    ],
)
def test_who_is_asked_for_a_mixed_integer_program(
    monkeypatch: pytest.MonkeyPatch, columns: int, solver: str, names: list[str]
) -> None:
    opinions = panel(monkeypatch, columns, solver)
    assert [name for name, _ in opinions] == names
    settings = {name: each.keywords for name, each in opinions if isinstance(each, functools.partial)}
    same = {"gap": 0.25, "node_limit": 7}
    assert settings == {
        HighsHandle.name: same | {"presolve": False, "feasibility": FEASIBILITY},
        LOOSER: same | {"presolve": False, "feasibility": choose.LOOSER},
        PRESOLVED: same | {"presolve": True, "feasibility": FEASIBILITY},
    }


def test_every_opinion_is_the_same_one(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, ask in panel(monkeypatch, 3, "auto"):
        answer = ask(wide(3), np.ones(3, dtype=bool), 60.0)
        assert answer.status is Status.OPTIMAL, name
        assert answer.objective == pytest.approx(2.0)


class SmallError(ModelTooLargeError):
    """What a licence says of any model."""

    def __init__(self) -> None:
        super().__init__("too large")


@pytest.mark.parametrize("where", ["loading", "solving"])
def test_highs_takes_over_where_a_licence_ends(
    monkeypatch: pytest.MonkeyPatch, where: str, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object, **__: object) -> Solution:
        raise SmallError

    monkeypatch.setattr(GurobiHandle, "__init__" if where == "loading" else "solve", refuse)
    choose.log_fallback.cache_clear()
    handle, answer = load_and_solve(wide(3), "gurobi")
    assert isinstance(handle, HighsHandle)
    assert answer.x.sum() == pytest.approx(2.0)
    told = "model of 1 rows and 3 columns is too large for the Gurobi licence: HiGHS takes over"
    assert [record.getMessage() for record in caplog.records] == [told]
    load_and_solve(wide(3), "gurobi")
    assert len(caplog.records) == 1  # once for each size


def solution(status: Status) -> Solution:
    return Solution(status, np.zeros(1), np.zeros(1), 0.0)


def test_what_has_to_be_optimal() -> None:
    best, none, cut = (solution(status) for status in (Status.OPTIMAL, Status.INFEASIBLE, Status.LIMIT))
    assert require_optimal(best, "it") is best
    assert optimal_if_feasible(best, "it") is best
    assert optimal_if_feasible(none, "it") is None
    with pytest.raises(SolverError, match="it ended infeasible"):
        require_optimal(none, "it")
    with pytest.raises(SolverError, match="it ended limit"):
        optimal_if_feasible(cut, "it")


@pytest.mark.parametrize(("low", "high", "ranges"), [(0.0, 1.0, 1), (1.0, 1.0, 0), (-np.inf, 1.0, 0), (0.0, np.inf, 0)])
def test_rows_that_need_a_column_in_gurobi(low: float, high: float, ranges: int) -> None:
    one = wide(2)
    made = Instance(one.matrix, one.cost, np.array([low]), np.array([high]), one.col_lower, one.col_upper)
    assert choose._ranges(made) == ranges


def long(rows: int, columns: int, low: float = -np.inf) -> Instance:
    """``x_0 <= 0, 1, ..`` in so many rows, for so many columns."""
    matrix = sp.csr_array((np.ones(rows), (np.arange(rows), np.zeros(rows, dtype=np.int64))), shape=(rows, columns))
    least = np.full(rows, low)
    return Instance(matrix, np.ones(columns), least, np.arange(float(rows)), np.zeros(columns), np.ones(columns))


@pytest.mark.parametrize(
    ("model", "taken"), [(long(3, 3), True), (long(4, 2), False), (long(2, 4), False), (long(2, 2, -1.0), False)]
)
@pytest.mark.parametrize("solver", ["auto", "highs"])
def test_a_model_beyond_the_licence_in_rows_or_columns(
    monkeypatch: pytest.MonkeyPatch, model: Instance, taken: bool, solver: str
) -> None:
    """A row with two limits needs a column more."""
    monkeypatch.setattr(choose, "GUROBI_LIMIT", 3)
    monkeypatch.setattr(GurobiHandle, "__init__", lambda *_: None)
    choose.log_fallback.cache_clear()
    token = choose._AUTO.set("gurobi")
    try:
        handle = choose.open_handle(model, solver)
    finally:
        choose._AUTO.reset(token)
    assert isinstance(handle, GurobiHandle) is (taken and solver == "auto")


@pytest.mark.parametrize("keep", range(8))
def test_the_rows_that_highs_holds_are_those_that_were_not_dropped(keep: int) -> None:
    """Rows come in three lots, some go, and one comes again."""
    lots = [long(2, 3).matrix, 2.0 * long(3, 3).matrix, 3.0 * long(2, 3).matrix, 4.0 * long(1, 3).matrix]
    handle = HighsHandle(long(2, 3, -1.0))
    for lot in lots[1:3]:
        handle.add_rows(lot, np.full(lot.shape[0], -np.inf), np.ones(lot.shape[0]))
    handle.drop_rows(keep)
    handle.add_rows(lots[3], np.array([-np.inf]), np.array([2.0]))
    whole = np.vstack([lot.toarray() for lot in lots[:3]])[:keep]
    assert handle._matrix().toarray().tolist() == [*whole.tolist(), *lots[3].toarray().tolist()]
    assert handle._rows[0].tolist() == [*[-1.0, -1.0, *[-np.inf] * 5][:keep], -np.inf]
    assert handle._rows[1].tolist() == [*[0.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0][:keep], 2.0]
    assert handle._solver.getNumRow() == keep + 1
