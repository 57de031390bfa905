"""Which rows of a reduced program may bind: each one's activity in every hour by a program of its own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from equilibrium.errors import SolverError
from equilibrium.grid.assets import StorageUnit
from equilibrium.grid.distribution import STATE_COLUMNS, STATE_ROWS, compile_distribution, distribution_ports
from equilibrium.markets.charging.lots import stacked
from equilibrium.programs import screening
from equilibrium.programs.program import INF, Instance, Program, ProgramBuilder
from equilibrium.programs.reduction import ReducedModel
from equilibrium.programs.screening import SLACK, bindable_rows
from equilibrium.programs.solvers import Solution, Status, solve_linear
from tests.equilibrium.conftest import lot_data, small_day, small_network

HOURS = 3
MOST_PROGRAMS = 8
"""One program serves all hours and all rows of a kind: rows alone would be ten times as many."""


def reached(full: Instance, joining: np.ndarray) -> np.ndarray:
    """Rows that some dispatch brings to a limit, each looked at by programs of its own without the rows ``joining``."""
    lower, upper = (np.where(joining, end, side) for end, side in ((-np.inf, full.row_lower), (np.inf, full.row_upper)))
    free = Instance(full.matrix, full.cost, lower, upper, full.col_lower, full.col_upper)
    limits = np.isfinite(full.row_lower) | np.isfinite(full.row_upper)
    found = (joining & limits) | (full.row_lower == full.row_upper)
    for row in np.flatnonzero(~found):
        for sign, limit in ((1.0, full.row_upper[row]), (-1.0, full.row_lower[row])):
            if np.isfinite(limit):
                answer = solve_linear(free.with_cost(-sign * full.matrix[[row], :].toarray().ravel()))
                assert answer.status is Status.OPTIMAL
                slack = sign * (limit - float((full.matrix[[row], :] @ answer.x)[0]))
                found[row] |= slack <= SLACK * (1.0 + abs(limit))
    return found


@pytest.mark.parametrize(("rating", "least_pu"), [(450.0, 0.9), (5000.0, 0.997)])
def test_rows_that_may_bind_are_those_that_some_dispatch_brings_to_their_limit(
    rating: float, least_pu: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lot and a battery behind a line: import, line or voltage may be at its limit, in the dear hour too."""
    network = small_network(rating_kva=np.full(3, rating), voltage_min_pu=np.full(3, least_pu))
    network = replace(network, storage=(StorageUnit("battery", 2, 200.0, 50.0, 0.9, 100.0),))
    day = small_day([0.1, 0.2, 0.3], (lot_data(100.0, [300.0, 200.0, 300.0]),), load_kw=200.0)
    program = compile_distribution(network, HOURS)
    model = ReducedModel(program, STATE_COLUMNS, STATE_ROWS)
    limit = stacked(day.lots, "power_max_kw", HOURS)
    instance = program.bind(distribution_ports(network, day, 0.0 * limit, limit))
    asked: list[Instance] = []
    whole = ReducedModel.solve

    def told(self: ReducedModel, one: Instance) -> Solution:
        asked.append(one)
        return whole(self, one)

    monkeypatch.setattr(ReducedModel, "solve", told)
    kept, ids = bindable_rows(program, model, instance), model.row_ids
    joining = np.isin(ids, program.rows["storage_balance"].index)
    expected = reached(model.explicit(instance, ids), joining)
    assert kept.tolist() == ids[expected].tolist()
    assert joining.sum() < kept.size < ids.size
    assert len(asked) <= MOST_PROGRAMS


def stated(cap: float, limit: float, *, lower: bool, joined: bool = False) -> tuple[Program, ReducedModel]:
    """Two periods of a power up to ``cap`` and its state, a row of the power with a limit, and one that joins them."""
    build = ProgramBuilder()
    power = build.columns("power", (2, 1), lower=[[-cap], [-0.5]], upper=[[cap], [0.5]])
    state = build.columns("state", (2, 1), lower=-INF)
    follows = build.rows("follows", (2, 1), lower=0.0, upper=0.0)
    build.coefficients(follows, state, 1.0)
    build.coefficients(follows, power, -2.0)
    sides = {"lower": -limit} if lower else {"upper": limit}
    row = build.rows("limit", (2, 1), **sides)
    build.coefficients(row, power, 1.0)
    if joined:
        both = build.rows("both", (1,), upper=99.0)
        build.coefficients(both, power[:, 0][None], 1.0)
        free = build.rows("free", (1,))
        build.coefficients(free, power[:, 0][None], 1.0)
    program = build.compile()
    return program, ReducedModel(program, ["state"], ["follows"])


@pytest.mark.parametrize("lower", [False, True])
@pytest.mark.parametrize(("share", "kept"), [(0.95, True), (1.05, False)])
def test_a_row_is_idle_by_more_than_a_share_of_its_limit(share: float, kept: bool, lower: bool) -> None:
    """Of a limit of 5 the margin is six times the share; the other period stays far below."""
    program, model = stated(5.0 - 6.0 * SLACK * share, 5.0, lower=lower)
    found = bindable_rows(program, model, program.bind({}))
    assert found.tolist() == ([int(program.rows["limit"].index[0, 0])] if kept else [])


def test_rows_that_join_periods_are_kept_where_they_have_a_limit() -> None:
    program, model = stated(3.0, 5.0, lower=False, joined=True)
    assert screening._joining_rows(program).tolist() == [int(program.rows[name].index[0]) for name in ("both", "free")]
    found = bindable_rows(program, model, program.bind({}))
    assert found.tolist() == [int(program.rows["both"].index[0])]


@pytest.mark.parametrize("status", [Status.INFEASIBLE, Status.LIMIT])
def test_a_largest_activity_that_is_not_found_is_told(status: Status, monkeypatch: pytest.MonkeyPatch) -> None:
    program, model = stated(5.0, 5.0, lower=False)
    none = Solution(status, np.zeros(0), np.zeros(0), 0.0)
    monkeypatch.setattr(ReducedModel, "solve", lambda *_: none)
    with pytest.raises(SolverError, match=f"the largest activity of a row ended {status}"):
        bindable_rows(program, model, program.bind({}))
    endless = Solution(Status.UNBOUNDED, np.zeros(0), np.zeros(0), 0.0)
    monkeypatch.setattr(ReducedModel, "solve", lambda *_: endless)
    assert bindable_rows(program, model, program.bind({})).size == 1


@pytest.mark.parametrize("lower", [False, True])
def test_bounds_that_rows_imply_spare_programs(lower: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A power without an end is held at 4, which one program finds: a limit of 5 needs none, and one of 4 another."""
    build = ProgramBuilder()
    ends = {"lower": -INF, "upper": 1.0} if lower else {"lower": -1.0, "upper": INF}
    power = build.columns("power", (2, 1), **ends)
    state = build.columns("state", (2, 1), lower=-INF)
    follows = build.rows("follows", (2, 1), lower=0.0, upper=0.0)
    build.coefficients(follows, state, 1.0)
    build.coefficients(follows, power, -2.0)
    for name, limit in (("held", 4.0), ("limit", 5.0)):
        row = build.rows(name, (2, 1), **({"lower": -limit} if lower else {"upper": limit}))
        build.coefficients(row, power, 1.0)
    program = build.compile()
    model, asked = ReducedModel(program, ["state"], ["follows"]), []
    whole = ReducedModel.solve

    def told(self: ReducedModel, one: Instance) -> Solution:
        asked.append(one)
        return whole(self, one)

    monkeypatch.setattr(ReducedModel, "solve", told)
    found = bindable_rows(program, model, program.bind({}))
    assert found.tolist() == program.rows["held"].index.ravel().tolist()
    assert len(asked) == 2
