"""The relaxation of radial configurations: its arcs, units and limits by hand, its cuts, and when rounds end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from equilibrium.errors import SolverError
from equilibrium.grid import branch_flow
from equilibrium.grid.branch_flow import BranchFlow, Relaxed, arcs_of
from equilibrium.programs.solvers import Solution, Status
from tests.equilibrium.test_meshed import grid

INF = float("inf")

SMALL = grid(
    3,
    (1,),
    [(1, 0, True), (0, 2, True), (2, 1, False)],
    base_kv=10.0,
    root_voltage_pu=1.05,
    r_ohm=np.array([1.0, 0.0, 7.0]),
    x_ohm=np.array([0.5, 2.0, 9.0]),
    rating_kva=np.array([130.0, np.inf, 26.0]),
    switchable=np.array([True, True, False]),
    load_kw=np.array([30.0, 0.0, -10.0]),
    load_kvar=np.array([20.0, 0.0, -5.0]),
    voltage_min_pu=np.array([0.9, 0.95, 0.84]),
    voltage_max_pu=np.array([0.95, 1.2, 1.1]),
)
"""Bus 1 is the root and feeds bus 0, which is joined to bus 2 without resistance; branch 2 stays open for good."""

POWER = 30.0 + 10.0 + 20.0 + 5.0
OHM = 10.5**2 / (POWER / 1000.0)


def test_arcs_lead_both_ways_and_never_into_a_root() -> None:
    arcs = arcs_of(SMALL)
    assert (arcs.start.tolist(), arcs.end.tolist(), arcs.branch.tolist()) == ([1, 0, 2], [0, 2, 0], [0, 1, 1])
    tie = arcs_of(replace(SMALL, switchable=np.array([True, True, True])))
    assert (tie.start.tolist(), tie.end.tolist()) == ([1, 0, 2, 1], [0, 2, 0, 2])
    assert tie.branch.tolist() == [0, 1, 1, 2]


def test_the_grid_is_measured_by_its_loads_and_by_the_voltage_of_its_roots() -> None:
    own = branch_flow._scaled(SMALL, arcs_of(SMALL))
    assert own.power_kva == POWER
    assert own.load == pytest.approx(np.array([30.0, 0.0, -10.0]) / POWER)
    assert own.load_q == pytest.approx(np.array([20.0, 0.0, -5.0]) / POWER)
    assert own.r == pytest.approx(np.array([1.0, 0.0, 0.0]) / OHM)
    assert own.x == pytest.approx(np.array([0.5, 2.0, 2.0]) / OHM)
    assert own.low == pytest.approx([(0.9 / 1.05) ** 2, (0.95 / 1.05) ** 2, 0.64])
    assert own.high == pytest.approx([(0.95 / 1.05) ** 2, (1.2 / 1.05) ** 2, (1.1 / 1.05) ** 2])
    assert own.rating.tolist() == [2.0, INF, INF]
    idle = replace(SMALL, load_kw=np.zeros(3), load_kvar=np.zeros(3))
    assert branch_flow._scaled(idle, arcs_of(idle)).power_kva == 1.0


def test_limits_of_flows_currents_and_voltages_by_hand() -> None:
    """A loss of 0.3; sources feed in 10 kW and 5 kvar, and a branch without resistance has no loss to limit it."""
    loss, arcs = 0.3, arcs_of(SMALL)
    found = branch_flow._limits(SMALL, arcs, branch_flow._scaled(SMALL, arcs), loss)
    assert found.active == pytest.approx((-10.0 / POWER, 30.0 / POWER + loss))
    top = ((np.hypot(30.0, 20.0) + np.hypot(10.0, 5.0)) / POWER) ** 2 / 0.64
    assert found.reactive == pytest.approx((-5.0 / POWER, 20.0 / POWER + top * 4.0 / OHM + loss * 0.5))
    assert top < loss * OHM
    assert found.current == pytest.approx([top, top, top])
    less = branch_flow._limits(SMALL, arcs, branch_flow._scaled(SMALL, arcs), 0.5 * top / OHM)
    assert less.current == pytest.approx([0.5 * top, top, top])
    into_0 = 2.0 * max(1.0 * 10.0 + 0.5 * 5.0, 2.0 * 5.0) / POWER / OHM
    into_2 = 2.0 * 2.0 * 5.0 / POWER / OHM
    rise = 1.0 + into_0 + into_2
    assert found.square == pytest.approx([(0.95 / 1.05) ** 2, rise, rise], rel=1e-12)


def pointed(relaxation: BranchFlow, **arcs: list[float]) -> np.ndarray:
    """A point of the program with these values of the arcs."""
    x = np.zeros(relaxation._program.shape[1])
    for name, values in arcs.items():
        x[relaxation._program.columns[name].index] = values
    return x


def test_a_cut_is_the_tangent_of_every_cone_that_is_broken() -> None:
    """Of three arcs the first breaks its cone, the second by too little, and the third without any voltage."""
    made = replace(SMALL, r_ohm=np.array([1.0, 2.0, 7.0]))
    relaxation = BranchFlow(made, POWER / OHM, "highs")  # a unit of current squared loses as much as r says, in ohm
    before = relaxation._instance.shape[0]
    flow, flow_q, square = [0.3, 0.1, 2e-6], [0.2, 0.2, 1e-6], [0.5, 0.5, 0.0]
    current = [0.25, 0.1 - 4e-6, 0.0]
    assert relaxation._cut(pointed(relaxation, flow=flow, flow_q=flow_q, current=current, square=square))
    assert relaxation.cuts == 2
    cut = relaxation._instance
    assert np.isneginf(cut.row_lower[before:]).all()
    assert cut.row_upper[before:].tolist() == [0.0, 0.0]
    rows = cut.matrix[[before, before + 1], :].toarray()
    least = 1e-6 * relaxation._squares[2]
    assert relaxation._squares[2] > 1.0001
    for row, arc, (a, b) in ((rows[0], 0, (0.6, 0.4)), (rows[1], 2, (2e-6 / least, 1e-6 / least))):
        wanted = np.zeros(row.size)
        for name, value in (("flow", 2 * a), ("flow_q", 2 * b), ("current", -1.0), ("square", -(a**2 + b**2))):
            wanted[relaxation._program.columns[name].index[arc]] = value
        assert row == pytest.approx(wanted, rel=1e-9)
    kept = pointed(relaxation, flow=[0.3] * 3, flow_q=[0.2] * 3, current=[0.26] * 3, square=[0.5] * 3)
    assert not relaxation._cut(kept)
    assert relaxation.cuts == 2


def told(relaxation: BranchFlow, values: list[float | Status | None], monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Let rounds end with these proved shares of the known loss, with a status, or with a failure; list the rounds."""
    rounds: list[float] = []
    left: Iterator[float | Status | None] = iter(values)

    def solve() -> Solution:
        value = next(left)
        rounds.append(value if isinstance(value, float) else INF)
        if value is None:
            raise SolverError("lost")
        status = value if isinstance(value, Status) else Status.OPTIMAL
        return Solution(status, np.full(relaxation._program.shape[1], float(len(rounds))), np.zeros(0), 0.0)

    monkeypatch.setattr(relaxation, "_solve", solve)
    monkeypatch.setattr(branch_flow, "proved_bound", lambda *_: rounds[-1])
    return rounds


NONE = np.zeros(0, dtype=np.int64)


@pytest.mark.parametrize(
    ("values", "taken", "bound", "use"),
    [
        ([1.0, 2.0, 3.0, 1.5, 3.5, 1.6, 1.7, 1.8, 4.0], 8, 7.0, 8.0),  # as many rounds as may be
        ([1.0, 1.0, 1.0, 1.0, 4.0], 4, 2.0, 4.0),  # three that lift it too little
        ([1.0, 1.00005, 1.0, 1.2, 1.2, 1.2, 1.2, 4.0], 7, 2.4, 7.0),  # one that lifts it enough begins anew
        ([-1.0, -0.99995, -0.999, -0.9989, -0.5, -0.49996, -0.49996, -0.49996, 4.0], 8, -0.99992, 8.0),
        ([3.0, 1.0, 0.5, 0.4, 4.0], 4, 6.0, 4.0),  # the best one counts
        ([1.0, 2.0, None, 4.0], 3, 4.0, 2.0),
        ([1.0, Status.LIMIT, 4.0], 2, 2.0, 1.0),
        ([None], 1, -INF, None),
        ([1.0, Status.INFEASIBLE], 2, INF, None),
        ([1.0, 5.0, 9.0], 2, 10.0, 2.0),  # the cutoff is reached
    ],
)
def test_when_the_rounds_of_cuts_end(
    values: list[float | Status | None],
    taken: int,
    bound: float,
    use: float | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The known loss is 2 kW; at 10 kW no more cuts are needed, and after 8 rounds none are looked for."""
    relaxation = BranchFlow(SMALL, 2.0, "highs")
    done = told(relaxation, values, monkeypatch)
    monkeypatch.setattr(relaxation, "_cut", lambda _: True)
    found: Relaxed = relaxation.bound(NONE, NONE, 10.0, 8)
    assert found.bound == pytest.approx(bound)
    assert (None if found.use is None else found.use.tolist()) == (None if use is None else [use] * 3)
    assert len(done) == taken


def test_a_round_without_a_cut_is_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    relaxation = BranchFlow(SMALL, 2.0, "highs")
    done, more = told(relaxation, [1.0, 2.0, 3.0, 4.0], monkeypatch), iter([True, True, False, True])
    monkeypatch.setattr(relaxation, "_cut", lambda _: next(more))
    assert relaxation.bound(NONE, NONE, 99.0).bound == 6.0
    assert done == [1.0, 2.0, 3.0]


def test_branches_are_held_by_the_bounds_of_their_use(monkeypatch: pytest.MonkeyPatch) -> None:
    made = replace(SMALL, switchable=np.array([False, True, False]))
    for held_open, held_closed, low, high in (
        ([], [], [1.0, 0.0, 0.0], [1.0, 1.0, 0.0]),
        ([1], [], [1.0, 0.0, 0.0], [1.0, 0.0, 0.0]),
        ([], [1], [1.0, 1.0, 0.0], [1.0, 1.0, 0.0]),
    ):
        relaxation = BranchFlow(made, 2.0, "highs")
        told(relaxation, [Status.LIMIT], monkeypatch)
        relaxation.bound(np.array(held_open, dtype=np.int64), np.array(held_closed, dtype=np.int64), 1.0)
        use = relaxation._program.columns["use"].index
        assert relaxation._instance.col_lower[use].tolist() == low
        assert relaxation._instance.col_upper[use].tolist() == high
