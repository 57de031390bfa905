"""Power flows, what they break, and exchanges of branches by hand: unequal branches, two roots, every limit's edge."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from equilibrium.deadline import Deadline
from equilibrium.errors import InfeasibleError
from equilibrium.grid import exchange as module
from equilibrium.grid.exchange import Exchange, heaviest_tree, loop_of, loss_bound, mesh_flows, starts_of
from equilibrium.grid.meshed import MeshedGrid
from equilibrium.grid.radial_flow import RadialFlow, ac_loss, broken_limits, excess, feeder_loss, radial_flow
from tests.equilibrium.test_meshed import grid

INF = float("inf")


def tree(**changes: object) -> MeshedGrid:
    """Bus 3 is the root of 0 and, behind it, 1; bus 2 that of 4. Branches 3-0, 1-0, 2-4 and an open one, 1-4."""
    made = grid(
        5,
        (3, 2),
        [(3, 0, True), (1, 0, True), (2, 4, True), (1, 4, False)],
        root_voltage_pu=1.02,
        base_kv=10.0,
        load_kw=np.array([800.0, 500.0, 70.0, 90.0, -300.0]),
        load_kvar=np.array([200.0, -100.0, 5.0, 7.0, 400.0]),
        r_ohm=np.array([2.0, 3.0, 5.0, 7.0]),
        x_ohm=np.array([1.0, 4.0, 0.5, 0.25]),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def test_a_flow_meets_its_equations() -> None:
    """Powers are served at the voltages, currents add up towards the roots, and voltages fall along the branches."""
    made = tree()
    flow = radial_flow(made, made.closed)
    assert flow is not None
    power, root = (made.load_kw + 1j * made.load_kvar) / 1000.0, 10.2
    impedance = made.r_ohm + 1j * made.x_ohm
    volt = np.full(5, root, dtype=complex)
    for _ in range(200):
        current = np.conj(power / volt)
        into_0, into_1, into_4 = current[0] + current[1], current[1], current[4]
        volt[0] = root - impedance[0] * into_0
        volt[1] = volt[0] - impedance[1] * into_1
        volt[4] = root - impedance[2] * into_4
    assert flow.voltage_pu == pytest.approx(np.abs(volt) / 10.0, rel=1e-11)
    size = np.abs([into_0, into_1, into_4])
    assert flow.loss_kw == pytest.approx(1000.0 * (made.r_ohm[:3] @ size**2))
    ends = np.abs(volt[[3, 0, 2]]), np.abs(volt[[0, 1, 4]])
    assert flow.flow_kva == pytest.approx([*(1000.0 * np.maximum(*ends) * size), 0.0])
    assert ends[0][2] < ends[1][2]  # what is fed in lifts the voltage: there the larger end is the far one
    assert ends[0][0] > ends[1][0]
    assert ac_loss(made, made.closed) == pytest.approx(flow.loss_kw, rel=1e-9)


def test_what_nothing_carries_has_no_flow() -> None:
    """Over 2 ohm, 10.2 kV carry 10.2^2 / 8 = 13.005 MW."""
    one = grid(2, (0,), [(0, 1, True)], base_kv=10.0, root_voltage_pu=1.02, r_ohm=np.array([2.0]), x_ohm=np.zeros(1))
    for load, settles in ((12990.0, True), (13020.0, False)):
        made = replace(one, load_kw=np.array([0.0, load]), load_kvar=np.zeros(2))
        assert (radial_flow(made, made.closed) is not None) is settles
        assert (ac_loss(made, made.closed) < INF) is settles
    (feeder,) = made.feeders_of(made.closed)
    told = "feeder made: no power flow was found, its loads are too great"
    with pytest.raises(InfeasibleError, match=told):
        feeder_loss(feeder)


def limited() -> MeshedGrid:
    return tree(
        voltage_min_pu=np.array([0.9, 0.8, 0.95, 0.92, 0.5]),
        voltage_max_pu=np.array([1.0, 1.1, 1.2, 1.02, 1.25]),
        rating_kva=np.array([1000.0, INF, 400.0, 50.0]),
    )


def test_what_a_flow_breaks_is_summed_and_told_in_order() -> None:
    """A voltage a tenth too low and one a quarter too high, and a branch at half as much again."""
    flow = RadialFlow(1.0, np.array([1.25, 0.72, 1.0, 1.02, 1.0]), np.array([1500.0, 9e9, 400.0, 0.0]))
    assert excess(limited(), flow) == pytest.approx(0.25 + 0.1 + 0.5)
    assert broken_limits(limited(), flow) == (
        "bus b0: 1.2500 p.u. is outside 0.9 .. 1",
        "bus b1: 0.7200 p.u. is outside 0.8 .. 1.1",
        "branch b3-b0: 1500.0 kVA is above its rating of 1000",
    )


@pytest.mark.parametrize("off", [0.0, 0.5e-9, -0.5e-9])
def test_what_is_at_its_limit_but_for_rounding_is_not_broken(off: float) -> None:
    at = np.array([0.9, 1.1, 1.2, 0.92, 1.25]) * (1.0 + np.array([-1, 1, 1, -1, 1]) * off)
    flow = RadialFlow(1.0, at, np.array([1000.0, 0.0, 400.0, 50.0]) * (1.0 + off))
    assert broken_limits(limited(), flow) == ()
    assert excess(limited(), flow) == 0.0
    beyond = RadialFlow(1.0, at * (1.0 + np.array([-1, 1, 1, -1, 1]) * 2e-9), flow.flow_kva * (1.0 + 2e-9))
    assert len(broken_limits(limited(), beyond)) == 8
    assert excess(limited(), beyond) == pytest.approx(8 * (2e-9 + off), rel=1e-3)


MESH = [
    (0, 1, True),
    (2, 1, True),
    (2, 3, True),
    (4, 3, True),
    (4, 5, True),
    (0, 2, False),
    (1, 4, False),
    (6, 3, False),
]
"""A line 0-1-2-3-4-5 with ties 0-2 and 1-4, and a tie from a second root, 6, to 3."""


@pytest.mark.parametrize(("tie", "loop"), [(5, {0, 1}), (6, {1, 2, 3}), (7, {0, 1, 2})])
def test_the_loop_that_a_tie_makes(tie: int, loop: set[int]) -> None:
    """Between two roots it is the way from one to the other."""
    made = grid(7, (0, 6), MESH)
    found = loop_of(made, made.closed, tie)
    assert set(found) == loop
    assert len(found) == len(loop)
    turned = grid(7, (0, 6), [(b, a, closed) for a, b, closed in MESH])
    assert set(loop_of(turned, turned.closed, tie)) == loop


def test_the_heaviest_tree_keeps_what_cannot_move() -> None:
    """Branch 0 cannot be opened and branch 7 not be closed; of equal weights the first is taken."""
    moves = np.array([False, True, True, True, True, True, True, False])
    made = grid(7, (0, 6), MESH, switchable=moves)
    weight = np.array([-9.0, 2.0, 1.0, 1.0, 0.5, 3.0, 1.0, 99.0])
    assert np.flatnonzero(heaviest_tree(made, weight)).tolist() == [0, 2, 3, 4, 5]
    assert np.flatnonzero(heaviest_tree(grid(7, (0, 6), MESH), weight)).tolist() == [1, 3, 4, 5, 7]


def test_where_exchanges_start() -> None:
    """From the base where it is radial, else from what is closed in it, and from what carries most in the mesh."""
    made = grid(7, (0, 6), MESH)
    base, mesh = starts_of(made)
    assert base.tolist() == made.closed.tolist()
    assert base is not made.closed
    assert mesh.tolist() == heaviest_tree(made, mesh_flows(made)[1]).tolist()
    looped = replace(made, closed=np.array([True] * 6 + [False] * 2))
    first, _ = starts_of(looped)
    assert np.flatnonzero(first).tolist() == [0, 1, 2, 3, 4]


def test_flows_of_the_mesh_by_hand() -> None:
    """Two ways of 2 and 3 ohm to a load of 6 + 3j MVA, and a branch without resistance to a load of 1 MW behind it."""
    made = grid(
        4,
        (0, 2),
        [(0, 1, True), (2, 1, False), (1, 3, True), (2, 0, False)],
        r_ohm=np.array([2.0, 3.0, 0.0, 5.0]),
        load_kw=np.array([9.0, 5000.0, 7.0, 1000.0]),
        load_kvar=np.array([9.0, 3000.0, 7.0, 0.0]),
    )
    loss, flow = mesh_flows(made)
    size = np.hypot(6.0, 3.0)
    assert flow == pytest.approx([0.6 * size, 0.4 * size, INF, 0.0])
    assert loss == pytest.approx(1.2 * size**2)
    assert loss_bound(replace(made, root_voltage_pu=1.05)) == pytest.approx(1000.0 * 1.2 * 45.0 / (11.0 * 1.05) ** 2)
    for name in ("load_kw", "load_kvar"):
        loads = getattr(made, name).copy()
        loads[3] = -1e-6
        assert loss_bound(replace(made, **{name: loads})) == 0.0
    open_for_good = replace(made, switchable=np.array([True, False, True, True]))
    assert mesh_flows(open_for_good)[1] == pytest.approx([size, 0.0, INF, 0.0])
    nothing = replace(made, r_ohm=np.zeros(4))
    loss, flow = mesh_flows(nothing)
    assert (loss, flow.tolist()) == (0.0, [INF] * 4)


def told(
    monkeypatch: pytest.MonkeyPatch, made: MeshedGrid, losses: dict[tuple[int, ...], float | None]
) -> list[object]:
    """Give configurations, by their open branches, losses as told (99 else, none without a flow); list the flows."""
    asked: list[object] = []

    def flow(_: MeshedGrid, closed: np.ndarray) -> RadialFlow | None:
        key = tuple(np.flatnonzero(~closed).tolist())
        asked.append(key)
        loss = losses.get(key, 99.0)
        return None if loss is None else RadialFlow(loss, np.ones(made.size), np.zeros(made.branches))

    monkeypatch.setattr(module, "radial_flow", flow)
    return asked


SQUARE = [(0, 1, True), (1, 2, True), (2, 3, True), (0, 3, False), (0, 2, False)]


def test_exchanges_go_on_until_no_loop_has_a_better_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """From 3 and 4 open: the best exchange of tie 3 opens 1, then that of tie 4 opens 2, then nothing is better."""
    made = grid(4, (0,), SQUARE)
    asked = told(
        monkeypatch, made, {(3, 4): 50.0, (0, 4): 45.0, (1, 4): 40.0, (2, 4): 42.0, (1, 2): 30.0, (1, 3): 35.0}
    )
    exchange = Exchange(made)
    exchange.descend(made.closed, Deadline())
    assert exchange.worth == (0.0, 30.0)
    assert np.flatnonzero(~exchange.best).tolist() == [1, 2]
    assert exchange.flows == len(asked) == len(set(asked))
    assert asked[:4] == [(3, 4), (2, 4), (1, 4), (0, 4)]
    before = len(asked)
    exchange.descend(made.closed, Deadline())  # all of it is known
    assert len(asked) == before


def test_an_exchange_that_brings_nothing_is_not_made(monkeypatch: pytest.MonkeyPatch) -> None:
    made = grid(4, (0,), SQUARE)
    asked = told(monkeypatch, made, {(3, 4): 40.0, (1, 4): 40.0, (0, 4): None})
    exchange = Exchange(made)
    exchange.descend(made.closed, Deadline())
    assert np.flatnonzero(~exchange.best).tolist() == [3, 4]
    assert len(asked) == 1 + 3 + 2
    over = Exchange(made)
    over.descend(made.closed, Deadline(0.0))
    assert over.flows == 1


def test_only_switches_are_exchanged(monkeypatch: pytest.MonkeyPatch) -> None:
    """Branches 1 and 4 are none: tie 3 may take the place of 0 and of 2 alone."""
    made = grid(4, (0,), SQUARE, switchable=np.array([True, False, True, True, False]))
    asked = told(monkeypatch, made, {(3, 4): 40.0})
    Exchange(made).descend(made.closed, Deadline())
    assert sorted(asked) == [(0, 4), (2, 4), (3, 4)]  # type: ignore[type-var]


def test_a_broken_limit_is_worse_than_any_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    made = grid(4, (0,), SQUARE, rating_kva=np.full(5, 10.0))
    flows: dict[tuple[int, ...], tuple[float, float]]
    flows = {(3, 4): (20.0, 5.0), (1, 4): (15.0, 50.0), (2, 4): (10.0, 90.0), (0, 4): (10.0, 80.0)}

    def flow(_: MeshedGrid, closed: np.ndarray) -> RadialFlow | None:
        size, loss = flows.get(tuple(np.flatnonzero(~closed).tolist()), (30.0, 1.0))
        return RadialFlow(loss, np.ones(4), np.array([size, 0.0, 0.0, 0.0, 0.0]))

    monkeypatch.setattr(module, "radial_flow", flow)
    exchange = Exchange(made)
    assert exchange.look(made.closed) == (1.0, 5.0)
    exchange.descend(made.closed, Deadline())
    assert exchange.worth == (0.0, 80.0)
