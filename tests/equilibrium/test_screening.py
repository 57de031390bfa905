"""Which rows of a reduced program may bind: each one's activity in every hour by a program of its own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from equilibrium.grid.assets import StorageUnit
from equilibrium.grid.distribution import STATE_COLUMNS, STATE_ROWS, compile_distribution, distribution_ports
from equilibrium.markets.charging.lots import stacked
from equilibrium.programs.program import Instance
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
