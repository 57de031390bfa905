"""Branch exchange and branch and bound against every radial configuration, losses against a formula, and limits."""

from __future__ import annotations

from dataclasses import replace
from math import sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equilibrium.deadline import Deadline
from equilibrium.errors import InfeasibleError
from equilibrium.grid.branch_flow import BranchFlow
from equilibrium.grid.exchange import Exchange, heaviest_tree, loss_bound, mesh_flows
from equilibrium.grid.meshed import MeshedGrid
from equilibrium.grid.radial_flow import ac_loss, broken_limits, excess, radial_flow
from equilibrium.grid.reconfiguration import NEAR_ENOUGH, reconfigure
from scenarios.readers.meshed import load_meshed
from tests.equilibrium.oracle import examples
from tests.equilibrium.test_meshed import TWO_ROOTS, grid, grids


def line(load_kw: float, load_kvar: float, r_ohm: float = 2.0, x_ohm: float = 1.0) -> MeshedGrid:
    """Two buses."""
    numbers = {"r_ohm": np.array([r_ohm]), "x_ohm": np.array([x_ohm])}
    loads = {"load_kw": np.array([0.0, load_kw]), "load_kvar": np.array([0.0, load_kvar])}
    return grid(2, (0,), [(0, 1, True)], **numbers, **loads)


def scaled(made: MeshedGrid, scale: float, band: tuple[float, float] = (0.5, 1.5), **changes: object) -> MeshedGrid:
    """A grid with other loads and limits."""
    loads = {"load_kw": made.load_kw * scale, "load_kvar": made.load_kvar * scale}
    low, high = (np.full(made.size, value) for value in band)
    return replace(made, **{**loads, "voltage_min_pu": low, "voltage_max_pu": high, **changes})


def test_loss_of_one_branch_is_the_formula() -> None:
    """With u = V^2 at the end: u^2 - (V0^2 - 2 (r p + x q)) u + (r^2 + x^2)(p^2 + q^2) = 0, in kV, MW and ohm."""
    p, q, r, x = 3.0, 1.5, 2.0, 1.0
    b = 11.0**2 - 2.0 * (r * p + x * q)
    square = (b + sqrt(b**2 - 4.0 * (r**2 + x**2) * (p**2 + q**2))) / 2.0
    made = line(3000.0, 1500.0)
    loss = 1000.0 * r * (p**2 + q**2) / square
    assert ac_loss(made, made.closed) == pytest.approx(loss, rel=1e-10)
    assert loss_bound(made) == pytest.approx(1000.0 * r * (p**2 + q**2) / 11.0**2, rel=1e-12)
    flow = radial_flow(made, made.closed)
    assert flow is not None
    assert flow.loss_kw == pytest.approx(loss, rel=1e-10)
    assert flow.voltage_pu.tolist() == pytest.approx([1.0, sqrt(square) / 11.0], rel=1e-10)
    sent = np.hypot(3.0 + loss / 1000.0, 1.5 + x / r * loss / 1000.0)
    assert flow.flow_kva.tolist() == pytest.approx([1000.0 * sent], rel=1e-10)


@pytest.mark.parametrize("base_kv", [0.4, 1.0, 11.0])
def test_both_power_flows_settle_at_every_voltage(base_kv: float) -> None:
    """The same shares of the voltage: a load of 0.1 kV² in MW, over 1 ohm, at 0.4 kV as at 11."""
    kw = 100.0 * base_kv**2
    made = replace(line(kw, 0.0, 1.0, 0.0), base_kv=base_kv)
    square = (1.0 - 0.2 + sqrt((1.0 - 0.2) ** 2 - 4.0 * 0.01)) / 2.0  # of the voltage at the end, p.u.
    assert ac_loss(made, made.closed) == pytest.approx(kw * 0.1 / square, rel=1e-9)
    flow = radial_flow(made, made.closed)
    assert flow is not None
    assert flow.loss_kw == pytest.approx(kw * 0.1 / square, rel=1e-9)
    assert flow.voltage_pu[1] == pytest.approx(sqrt(square))


@pytest.mark.parametrize("share", [0.249, 0.251])
def test_a_quarter_of_the_squared_voltage_is_the_most_that_an_ohm_carries(share: float) -> None:
    made = line(1000.0 * share * 11.0**2, 0.0, 1.0, 0.0)
    assert (radial_flow(made, made.closed) is None) == np.isinf(ac_loss(made, made.closed)) == (share > 0.25)


def test_loads_that_nothing_carries_are_told() -> None:
    with pytest.raises(InfeasibleError, match="no configuration with a power flow was found"):
        reconfigure(line(40000.0, 0.0))


def test_bound_of_two_ways_by_hand() -> None:
    """A load of 1 MW between roots, over 1 ohm and over 3: like two resistors side by side, 0.75 ohm."""
    loads = {"load_kw": np.array([0.0, 1000.0, 0.0]), "load_kvar": np.zeros(3)}
    made = grid(3, (0, 2), [(0, 1, False), (1, 2, True)], r_ohm=np.array([1.0, 3.0]), **loads)
    assert loss_bound(made) == pytest.approx(1000.0 * 0.75 / 121.0, rel=1e-12)
    found = reconfigure(made)
    assert found.closed.tolist() == [True, False]
    assert found.base_loss_kw > 2.9 * found.loss_kw
    assert found.gap == pytest.approx(1.0 - found.bound_kw / found.loss_kw)
    assert found.gap <= NEAR_ENOUGH


@pytest.mark.parametrize("r_ohm", [0.0, 1.0])
def test_a_branch_that_stays_open_carries_nothing(r_ohm: float) -> None:
    """Beside the only way of 2 ohm: neither its resistance nor having none lowers the bound."""
    loads = {"load_kw": np.array([0.0, 0.0, 1000.0]), "load_kvar": np.zeros(3)}
    ways = [(0, 1, True), (1, 2, True), (0, 2, False)]
    made = grid(3, (0,), ways, r_ohm=np.array([1.0, 1.0, r_ohm]), switchable=np.array([True, True, False]), **loads)
    loss, flow = mesh_flows(made)
    assert (loss, flow.tolist()) == (pytest.approx(2.0), pytest.approx([1.0, 1.0, 0.0]))
    assert loss_bound(made) == pytest.approx(1000.0 * 2.0 / 121.0, rel=1e-12)


def test_branches_without_resistance_join_their_ends() -> None:
    loads = {"load_kw": np.array([0.0, 0.0, 1000.0, 0.0]), "load_kvar": np.zeros(4)}
    made = grid(4, (0,), [(0, 1, True), (1, 2, True), (0, 3, True)], r_ohm=np.array([0.0, 2.0, 1.0]), **loads)
    assert loss_bound(made) == pytest.approx(1000.0 * 2.0 / 121.0, rel=1e-12)


@examples(40)
@given(grids(), st.floats(1.0, 100.0))
def test_both_power_flows_are_one(made: MeshedGrid, scale: float) -> None:
    made = scaled(made, scale)
    for closed in made.radial_configurations():
        flow, loss = radial_flow(made, closed), ac_loss(made, closed)
        assert (flow is None) == np.isinf(loss)
        if flow is None:
            continue
        assert flow.loss_kw == pytest.approx(loss, rel=1e-9, abs=1e-12)
        assert (flow.flow_kva[~closed] == 0.0).all()


@examples(25)
@given(grids(), st.floats(1.0, 100.0), st.booleans(), st.booleans())
def test_the_answer_is_the_best_configuration_and_the_bound_is_below_it(
    made: MeshedGrid, scale: float, capacitor: bool, ideal: bool
) -> None:
    made = scaled(made, scale)
    if ideal:
        made.r_ohm[0] = 0.0
    if capacitor:  # a bus that feeds reactive power in
        made.load_kvar[1] = -3.0 * made.load_kvar.sum()
    losses = [ac_loss(made, closed) for closed in made.radial_configurations()]
    found = reconfigure(made)
    assert made.is_radial(found.closed)
    assert found.loss_kw == ac_loss(made, found.closed)
    assert found.finished
    assert found.bound_kw <= min(losses) * (1.0 + 1e-9) <= found.loss_kw * (1.0 + 2e-9)
    assert found.loss_kw <= min(losses) * (1.0 + 2.0 * NEAR_ENOUGH)
    assert found.loss_kw <= found.base_loss_kw * (1.0 + 1e-9)
    assert loss_bound(made) <= min(losses) * (1.0 + 1e-9)


@settings(max_examples=15)
@given(grids(), st.floats(20.0, 100.0), st.randoms(use_true_random=False))
def test_a_node_bounds_every_configuration_in_it(made: MeshedGrid, scale: float, draw: object) -> None:
    made = scaled(made, scale)
    every = list(made.radial_configurations())
    losses = {tuple(closed.tolist()): ac_loss(made, closed) for closed in every}
    relaxation = BranchFlow(made, max(loss for loss in losses.values() if np.isfinite(loss)))
    for _ in range(3):
        state = np.array([draw.choice((-1, 0, 1)) for _ in range(made.branches)])  # type: ignore[attr-defined]
        inside = [
            loss for key, loss in losses.items() if all(s == 0 or (s > 0) == k for s, k in zip(state, key, strict=True))
        ]
        relaxed = relaxation.bound(np.flatnonzero(state < 0), np.flatnonzero(state > 0), np.inf)
        assert relaxed.bound <= min(inside, default=np.inf) * (1.0 + 1e-9)


@pytest.mark.parametrize(
    ("solver", "gap"), [("highs", 0.05), ("gurobi", 0.05), pytest.param("highs", 0.01, marks=pytest.mark.long)]
)
def test_ieee33_is_proved(solver: str, gap: float) -> None:
    """33 buses: the published least loss, 139.55 kW with branches 7-8, 9-10, 14-15, 32-33 and 25-29 open."""
    made = load_meshed("ieee33")
    found = reconfigure(made, gap=gap, solver=solver)
    assert found.loss_kw == pytest.approx(139.5513, abs=1e-4)
    assert found.base_loss_kw == pytest.approx(202.6771, abs=1e-4)
    assert {made.label(k) for k in np.flatnonzero(~found.closed)} == {"7-8", "9-10", "14-15", "32-33", "25-29"}
    assert found.finished
    assert found.bound_kw >= (1.0 - gap) * found.loss_kw


def test_a_limit_of_nodes_leaves_a_bound_that_holds() -> None:
    made = load_meshed("ieee33")
    found = reconfigure(made, deadline=Deadline(nodes=1))
    assert not found.finished
    assert loss_bound(made) < found.bound_kw < 139.5


def ring(**changes: object) -> MeshedGrid:
    """Buses 1 and 2, with 1 MW each, on a ring from the root: 0-1, 0-2, 1-2 with 1, 1 and 4 ohm."""
    return replace(
        grid(
            3,
            (0,),
            [(0, 1, True), (1, 2, True), (0, 2, False)],
            r_ohm=np.array([1.0, 4.0, 1.0]),
            load_kw=np.array([0.0, 1000.0, 1000.0]),
            load_kvar=np.zeros(3),
        ),
        **changes,
    )


@pytest.mark.parametrize("gap", [0.05, 0.1])
def test_no_more_is_proved_than_the_nodes_say(gap: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nodes that are near enough are dropped, and their bounds still hold the answer's down."""
    seen: list[float] = []
    bound = BranchFlow.bound

    def noted(self: BranchFlow, *given: object) -> object:
        found = bound(self, *given)  # type: ignore[arg-type]
        seen.append(found.bound)
        return found

    monkeypatch.setattr(BranchFlow, "bound", noted)
    answer = reconfigure(load_meshed("ieee33"), gap=gap)
    assert answer.finished
    assert 0.0 < answer.gap <= gap
    assert answer.bound_kw <= max(each for each in seen if np.isfinite(each)) < answer.loss_kw


def test_limits_forbid_the_configuration_of_least_loss() -> None:
    assert reconfigure(ring()).closed.tolist() == [True, False, True]
    weak = ring(rating_kva=np.array([np.inf, np.inf, 500.0]))  # the second way carries half a load
    found = reconfigure(weak)
    assert found.closed.tolist() == [True, True, False]
    assert found.gap <= NEAR_ENOUGH
    assert found.base_breaks == ()
    strict = ring(voltage_min_pu=np.array([0.9, 0.9, 0.99]))  # bus 2 must be fed directly
    assert reconfigure(strict).base_breaks[0].startswith("bus b2: 0.9")


def test_limits_that_nothing_keeps_are_named() -> None:
    with pytest.raises(InfeasibleError, match=r"no configuration that keeps the limits was found; branch b0-b1: 1008"):
        reconfigure(ring(rating_kva=np.array([900.0, np.inf, 900.0])))
    with pytest.raises(InfeasibleError, match=r"bus b1: 0\.99\d\d p\.u\. is outside 0\.999 \.\. 1\.1"):
        reconfigure(ring(voltage_min_pu=np.full(3, 0.999)))


def test_what_is_broken_is_counted_and_told() -> None:
    made = ring(rating_kva=np.array([1000.0, np.inf, np.inf]), voltage_min_pu=np.array([0.9, 0.98, 0.9]))
    flow = radial_flow(made, made.closed)
    assert flow is not None
    over = flow.flow_kva[0] / 1000.0 - 1.0
    low = 1.0 - flow.voltage_pu[1] / 0.98
    assert over > 1.0
    assert excess(made, flow) == pytest.approx(over + max(0.0, low))
    assert len(broken_limits(made, flow)) == 1 + int(low > 0.0)


def test_what_cannot_move_stays() -> None:
    fixed = np.array([True, False, True, True])
    made = grid(5, (0, 4), TWO_ROOTS, switchable=fixed)
    assert reconfigure(made).closed[1]
    loads = {"load_kw": np.array([0.0, 1000.0, 0.0]), "load_kvar": np.zeros(3)}
    still = np.zeros(2, dtype=np.bool_)
    held = grid(3, (0, 2), [(0, 1, False), (1, 2, True)], r_ohm=np.array([1.0, 3.0]), switchable=still, **loads)
    found = reconfigure(held)
    assert found.closed.tolist() == [False, True]
    assert found.gap <= NEAR_ENOUGH  # of the one configuration that there is


def test_a_base_with_a_loop_is_opened() -> None:
    made = grid(5, (0, 4), [(*ends[:2], True) for ends in TWO_ROOTS])
    found = reconfigure(made)
    assert made.is_radial(found.closed)
    assert np.isnan(found.base_loss_kw)


def test_loops_of_buses_without_load_are_no_way_out() -> None:
    """Buses 2, 3 and 4 have no load: a relaxation may feed them from each other, a configuration may not."""
    lines = [(0, 1, True), (1, 2, True), (2, 3, True), (3, 4, True), (4, 2, False)]
    made = grid(5, (0,), lines, load_kw=np.array([0.0, 500.0, 0.0, 0.0, 0.0]), load_kvar=np.zeros(5))
    found = reconfigure(made)
    assert made.is_radial(found.closed)
    assert found.gap <= NEAR_ENOUGH


def test_what_a_few_nodes_suggest_is_exchanged_further() -> None:
    """36 buses on a square lattice: nine nodes find what exchanges from six drawn trees find."""
    rng, side = np.random.default_rng(13), 6
    size = side * side
    ends = [(k, k + 1) for k in range(size) if (k + 1) % side] + [(k, k + side) for k in range(size - side)]
    lines = [(a, b, b == a + 1 or a % side == 0) for a, b in ends]
    r_ohm, x_ohm = rng.uniform(0.05, 1.0, len(lines)), rng.uniform(0.05, 0.5, len(lines))
    loads = rng.uniform(20.0, 200.0, size), rng.uniform(5.0, 100.0, size)
    for each in loads:
        each[0] = 0.0
    town = scaled(grid(size, (0,), lines, r_ohm=r_ohm, x_ohm=x_ohm, load_kw=loads[0], load_kvar=loads[1]), 1.0)
    drawn = Exchange(town)
    for _ in range(6):
        drawn.descend(heaviest_tree(town, rng.uniform(size=town.branches)), Deadline())
    assert reconfigure(town, deadline=Deadline(nodes=9)).loss_kw <= drawn.worth[1] * (1.0 + 1e-9)
