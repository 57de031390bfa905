"""The lossy flow: against AC power flow, against its mixed-integer form, and against its own physics."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import assume, given
from hypothesis import strategies as st

from equilibrium.grid.assets import LotSite, Microturbine, RenewableUnit
from equilibrium.grid.directions import exact_flow, solve_exact_squares
from equilibrium.grid.flow_range import largest_flows
from equilibrium.grid.lossy import (
    AXES,
    LOSSY_FAMILIES,
    LOSSY_STATE_COLUMNS,
    LOSSY_STATE_ROWS,
    compile_lossy,
    loss_kw,
    lossy_branches,
    lossy_ports,
    piecewise_square,
    square_gaps,
    voltage_pu,
)
from equilibrium.grid.network import Network
from equilibrium.programs.duality import kkt_residuals
from equilibrium.programs.program import INF, ProgramBuilder
from equilibrium.programs.reduction import ReducedModel
from equilibrium.programs.solvers import Status, open_handle, solve_mixed
from scenarios.random_markets import feeders
from scenarios.readers.feeders import load_feeder
from tests.equilibrium.conftest import small_feeder
from tests.equilibrium.oracle import examples

EXACT = 1e-9
SOLVERS = ("highs", "gurobi")


class Case:
    """A network with its day, compiled over its own range of flows."""

    def __init__(
        self,
        network,
        load_kw,
        load_kvar,
        price,
        renewable_kw=None,
        lot_kw=(0.0, 0.0),
        segments=20,
        efficiency=1.0,
    ):
        periods = load_kw.shape[0]
        self.network = network
        self.load_kw, self.load_kvar, self.price = load_kw, load_kvar, np.broadcast_to(price, (periods,))
        self.renewable_kw = np.zeros((periods, 0)) if renewable_kw is None else renewable_kw
        lots = (periods, len(network.lots))
        self.lot_min_kw, self.lot_max_kw = (np.broadcast_to(side, lots) for side in lot_kw)
        self.range = largest_flows(
            network,
            load_kw=load_kw,
            load_kvar=load_kvar,
            renewable_max_kw=self.renewable_kw,
            lot_min_kw=self.lot_min_kw,
            lot_max_kw=self.lot_max_kw,
        )
        self.program = compile_lossy(
            network, periods, segments=segments, flow_range=self.range, transformer_efficiency=efficiency
        )
        self.instance = self.bind()

    def bind(self, **changes):
        ports = lossy_ports(
            self.network,
            load_kw=self.load_kw,
            load_kvar=self.load_kvar,
            renewable_max_kw=self.renewable_kw,
            upstream_price=self.price,
            lot_min_kw=self.lot_min_kw,
            lot_max_kw=self.lot_max_kw,
        )
        return self.program.bind({**ports, **changes})

    def reduced(self, solver="auto"):
        return ReducedModel(self.program, LOSSY_STATE_COLUMNS, LOSSY_STATE_ROWS, solver, LOSSY_FAMILIES)

    def value(self, x, name):
        return self.program.value(x, name)

    def worst_gap(self, x):
        return max(np.abs(gap).max() for gap in square_gaps(self.network, self.program, x).values())

    def loss(self, x):
        return loss_kw(self.network, self.program, x)


@st.composite
def cases(draw, price=(0.02, 0.3), periods=2, segments=4, max_buses=6):
    """A feeder with a renewable unit and a lot; loads are small beside what the feeder carries."""
    feeder = draw(feeders(max_buses=max_buses))
    if draw(st.booleans()):  # half of the branches without a rating
        feeder = replace(feeder, rating_kva=np.where(np.arange(feeder.size) % 2, np.inf, feeder.rating_kva))
    bus = st.integers(0, feeder.size - 1)
    network = Network(
        feeder,
        renewables=(RenewableUnit("sun", draw(bus), 200.0, "pv"),),
        lots=(LotSite("lot", draw(bus)),),
        microturbines=tuple(Microturbine("mt", draw(bus), 60.0, 0.05) for _ in range(draw(st.integers(0, 1)))),
    )
    share = np.array([draw(st.floats(0.3, 1.5)) for _ in range(periods)])[:, None]
    potential = np.array([[draw(st.floats(0.0, 200.0))] for _ in range(periods)])
    cost = np.array([draw(st.floats(*price)) for _ in range(periods)])
    low, high = draw(st.floats(-100.0, 0.0)), draw(st.floats(0.0, 200.0))
    return Case(
        network,
        share * feeder.load_kw,
        share * feeder.load_kvar,
        cost,
        potential,
        (low, high),
        segments,
        draw(st.sampled_from([1.0, 0.98])),
    )


def one_segment_each(case, solver):
    """An independent statement with exact squares: every flow lies on one of 2F signed segments, chosen by a binary.

    No intervals, no reduction, no order of segments: the cost of its optimum, or infinity.
    """
    build = ProgramBuilder()
    old = case.instance
    given = build.columns("given", old.cost.shape, lower=old.col_lower, upper=old.col_upper, cost=old.cost)
    branches = lossy_branches(case.network)
    integer = np.zeros(given.size, dtype=bool)
    for square_name, flow_name in AXES:
        square = case.program.columns[square_name].index
        span = old.col_upper[square][..., None]
        segments = case.program.rows[LOSSY_FAMILIES[0]].shape[-1]
        edges = np.arange(-segments, segments + 1) / segments
        left, right = span * edges[:-1], span * edges[1:]
        slope, constant = edges[:-1] + edges[1:], -span * edges[:-1] * edges[1:]
        chosen = build.columns(f"chosen_{square_name}", left.shape, upper=1.0)
        placed = build.columns(f"placed_{square_name}", left.shape, lower=-INF)
        integer = np.concatenate([integer, np.ones(chosen.size, bool), np.zeros(placed.size, bool)])
        terms = {
            f"one_{square_name}": (1.0, [(chosen, 1.0)]),
            f"flow_{square_name}": (
                0.0,
                [(placed, 1.0), (given[case.program.columns[flow_name].index[:, branches, None]], -1.0)],
            ),
            f"square_{square_name}": (0.0, [(placed, slope), (chosen, constant), (given[square[..., None]], -1.0)]),
        }
        for name, (side, parts) in terms.items():
            row = build.rows(name, square.shape, lower=side, upper=side)
            for columns, value in parts:
                build.coefficients(row[..., None], columns, value)
        for name, edge, sign in (("above", left, 1.0), ("below", right, -1.0)):
            row = build.rows(f"{name}_{square_name}", left.shape, lower=0.0)
            build.coefficients(row, placed, sign)
            build.coefficients(row, chosen, -sign * edge)
    new = build.compile().bind({})
    own = sp.csr_array(old.matrix, copy=True)
    own.resize(own.shape[0], new.shape[1])
    answer = solve_mixed(new.with_rows(own, old.row_lower, old.row_upper), integer, solver)
    return answer.objective if answer.status is Status.OPTIMAL else np.inf


def agrees(found, case, x):
    """Whether the independent answer has the cost of ``x``.

    Solvers call one in forty of these badly scaled programs infeasible. A point that keeps every row and bound, with
    every square on a segment, refutes that, and nothing is compared then.
    """
    if found == np.inf:
        point = kkt_residuals(case.instance, x, np.zeros(case.instance.shape[0]))
        return point.primal < 1e-8 and case.worst_gap(x) < 1e-7
    return found == pytest.approx(float(case.instance.cost @ x), rel=1e-6, abs=1e-6)


def random_loading(name, rng):
    feeder = load_feeder(name)
    load_kw = feeder.load_kw * rng.uniform(0.2, 1.3, (3, feeder.size))
    return feeder, load_kw, load_kw * rng.uniform(0.2, 0.9, (3, feeder.size))


# --- physics


@pytest.mark.parametrize(("name", "factor"), [("das15", 0.329), ("ieee33", None)])
@pytest.mark.parametrize("seed", range(3))
def test_losses_and_voltages_come_close_to_the_ac_flow(name, factor, seed):
    """What is left is explained: the square's error, and currents taken at nominal voltage."""
    pytest.importorskip("pandapower")
    from sim.acflow import AcFlow

    feeder, load_kw, load_kvar = random_loading(name, np.random.default_rng(seed))
    if seed == 0:  # the check values of the literature
        load_kw = np.repeat(feeder.load_kw[None], 3, axis=0)
        load_kvar = load_kw * factor if factor else np.repeat(feeder.load_kvar[None], 3, axis=0)
    case = Case(Network(feeder), load_kw, load_kvar, 0.1, segments=40)
    answer = exact_flow(case.network, case.program, case.instance)
    loss, volt = case.loss(answer.x).sum(axis=1), voltage_pu(case.network, case.program, answer.x)
    ac = AcFlow(feeder)
    branches = lossy_branches(case.network)
    step = (case.range.kw[:, branches] ** 2 + case.range.kvar[:, branches] ** 2) / 40**2
    square_error = (feeder.r_ohm[branches] * step / 4.0 / feeder.base_kv**2 / 1000.0).sum(axis=1)
    for period in range(3):
        ac_volt, ac_loss = ac.solve(load_kw[period], load_kvar[period])
        # Nominal voltage understates the current by the voltage it meets; the missing losses flow upstream in turn.
        assert loss[period] <= ac_loss + square_error[period]
        assert loss[period] >= ac_loss * ac_volt.min() ** 2
        # The voltage differs by no more than the missing losses can cause along the path.
        missing = (ac_loss - loss[period]) / 1000.0
        slack = feeder.path_sum(feeder.r_ohm + feeder.x_ohm).max() * (missing * 2.0 + 0.002) / feeder.base_kv**2
        assert np.abs(volt[period] - ac_volt).max() <= slack
    if seed == 0:
        known = {"das15": 32.46, "ieee33": 202.68}[name]
        assert ac_loss == pytest.approx(known, abs=0.05)
        assert loss[0] == pytest.approx(known, rel={"das15": 0.02, "ieee33": 0.061}[name])


def test_one_branch_has_a_closed_form():
    feeder = small_feeder(
        parent=np.array([-1, 0]),
        buses=("0", "1"),
        **{
            "r_ohm": np.array([0.0, 0.5]),
            "x_ohm": np.array([0.0, 0.25]),
            "rating_kva": np.full(2, np.inf),
            "load_kw": np.array([0.0, 1000.0]),
            "load_kvar": np.array([0.0, 300.0]),
            "voltage_min_pu": np.full(2, 0.9),
            "voltage_max_pu": np.full(2, 1.1),
        },
    )
    case = Case(Network(feeder), feeder.load_kw[None], feeder.load_kvar[None], 0.1)
    answer = exact_flow(case.network, case.program, case.instance)
    # u = I2 solves V^2 u = (p + r u)^2 + (q + x u)^2; the range is this very flow, so the square is exact there
    u = min(np.roots([0.5e-3**2 + 0.25e-3**2, 2 * (1000 * 0.5e-3 + 300 * 0.25e-3) - 100.0, 1000.0**2 + 300.0**2]).real)
    assert case.value(answer.x, "current_square")[0, 0] == pytest.approx(u, rel=1e-6)
    assert case.loss(answer.x)[0, 1] == pytest.approx(0.5 * u / 1000, rel=1e-6)
    sent = np.array([1000 + 0.5e-3 * u, 300 + 0.25e-3 * u])
    drop = 2 * (0.5 * sent[0] + 0.25 * sent[1]) / 1e3 - (0.5**2 + 0.25**2) * u / 1e6
    assert case.value(answer.x, "voltage_square_kv2")[0, 1] == pytest.approx(100.0 - drop, rel=1e-9)


@given(case=cases())
def test_energy_is_conserved_and_losses_are_not_negative(case):
    answer = exact_flow(case.network, case.program, case.instance)
    assume(answer.status is Status.OPTIMAL)
    x, loss = answer.x, case.loss(answer.x)
    assert loss.min() >= -1e-9
    efficiency = case.program.matrix[case.program.rows["active_root"].index[0], case.program.columns["import_kw"].start]
    supply = efficiency * case.value(x, "import_kw") + case.value(x, "renewable_kw").sum(axis=1)
    supply = supply + case.value(x, "microturbine_kw").sum(axis=1)
    demand = case.load_kw.sum(axis=1) + loss.sum(axis=1) + case.value(x, "lot_kw").sum(axis=1)  # (7)
    np.testing.assert_allclose(supply, demand, atol=1e-6)
    assert case.worst_gap(x) <= EXACT
    assert kkt_residuals(answer.instance, answer.x, answer.y).worst <= 1e-8


@given(share=st.floats(0.0, 1.0), segments=st.integers(1, 60))
def test_the_piecewise_square_is_above_by_at_most_a_quarter_of_the_squared_step(share, segments):
    error = float(piecewise_square(np.array(share), segments)) - share**2
    assert -1e-12 <= error <= 0.25 / segments**2 + 1e-12


@given(case=cases(periods=1), data=st.data())
def test_no_dispatch_within_the_voltage_limits_leaves_the_range(case, data):
    """Any dispatch, through the quadratic flow itself: a fixed point of flows and losses, without segments."""
    feeder, network = case.network.feeder, case.network
    net_kw, net_kvar = case.load_kw[0].copy(), case.load_kvar[0].copy()
    lot = data.draw(st.floats(float(case.lot_min_kw[0, 0]), 5000.0))
    net_kw[network.lots[0].bus] += lot
    net_kw[network.renewables[0].bus] -= data.draw(st.floats(0.0, 1.0)) * case.renewable_kw[0, 0]
    for unit in network.microturbines:
        net_kw[unit.bus] -= data.draw(st.floats(0.0, unit.rating_kva))
        net_kvar[unit.bus] += data.draw(st.floats(-unit.rating_kva, unit.rating_kva))
    wide = largest_flows(
        network,
        load_kw=case.load_kw,
        load_kvar=case.load_kvar,
        renewable_max_kw=case.renewable_kw,
        lot_min_kw=case.lot_min_kw,
        lot_max_kw=np.full((1, 1), 5000.0),
    )
    current = np.zeros(feeder.size)
    for _ in range(200):
        flow_kw = feeder.subtree_sum(net_kw + feeder.r_ohm * current / 1000.0)
        flow_kvar = feeder.subtree_sum(net_kvar + feeder.x_ohm * current / 1000.0)
        current = np.minimum((flow_kw**2 + flow_kvar**2) / feeder.base_kv**2, 1e8)
    drop = 2.0 * (feeder.r_ohm * flow_kw + feeder.x_ohm * flow_kvar) / 1e3
    drop -= (feeder.r_ohm**2 + feeder.x_ohm**2) * current / 1e6
    square = (feeder.root_voltage_pu * feeder.base_kv) ** 2 - feeder.path_sum(drop)
    assume((square >= (feeder.voltage_min_pu * feeder.base_kv) ** 2).all())
    assume((flow_kw**2 + flow_kvar**2 <= feeder.rating_kva**2).all())
    assert (np.abs(flow_kw) <= wide.kw[0] + 1e-6).all()
    assert (np.abs(flow_kvar) <= wide.kvar[0] + 1e-6).all()


# --- exactness, prices


@examples(30)
@given(case=cases(periods=1, max_buses=4, segments=3))
def test_epigraph_equals_the_printed_program_with_binaries(case):
    answer = exact_flow(case.network, case.program, case.instance)
    every = np.ones(sum(case.program.columns[name].size for name, _ in AXES), dtype=bool)
    assert answer.settled_squares == 0
    cost = float(case.instance.cost @ answer.x) if answer.status is Status.OPTIMAL else np.inf
    for solver in SOLVERS:
        mixed = solve_exact_squares(case.network, case.program, case.instance, every, solver)
        assert (mixed.status is Status.OPTIMAL) == (answer.status is Status.OPTIMAL)
        if mixed.status is Status.OPTIMAL:
            assert mixed.objective == pytest.approx(cost, rel=1e-6, abs=1e-6)
            assert answer.bound == pytest.approx(cost)
        independent = one_segment_each(case, solver)
        assert agrees(independent, case, answer.x) if cost < np.inf else independent == np.inf


@examples(40)
@given(case=cases(price=(-0.3, 0.1), periods=1, max_buses=4, segments=3))
def test_at_negative_prices_the_answer_is_that_of_the_printed_program(case):
    answer = exact_flow(case.network, case.program, case.instance)
    reduced = exact_flow(case.network, case.program, case.instance, solve=case.reduced().solve)
    assert reduced.status is answer.status
    known = one_segment_each(case, SOLVERS[-1])
    if answer.status is not Status.OPTIMAL:
        assert known == np.inf
        return
    cost = float(case.instance.cost @ answer.x)
    assert case.worst_gap(answer.x) <= 1e-7
    assert agrees(known, case, answer.x)
    assert answer.bound == pytest.approx(cost, rel=1e-6, abs=1e-6)
    assert kkt_residuals(answer.instance, answer.x, answer.y).worst <= 1e-8
    assert float(case.instance.cost @ reduced.x) == pytest.approx(cost, rel=1e-6, abs=1e-6)


def test_a_negative_price_makes_squares_float_and_calls_for_binaries():
    feeder = small_feeder()
    # The range has room for a lot that stands idle; in it squares float up and wasted energy earns money.
    network = Network(feeder, lots=(LotSite("lot", 2),))
    case = Case(network, feeder.load_kw[None], feeder.load_kvar[None], -0.1, lot_kw=(-500.0, 300.0), segments=5)
    idle = case.bind(lot_min_kw=0.0, lot_max_kw=0.0)
    relaxed = open_handle(idle).solve()
    assert case.worst_gap(relaxed.x) > 0.1
    answer = exact_flow(network, case.program, idle)
    assert answer.settled_squares > 0
    assert case.worst_gap(answer.x) <= EXACT
    # With exact squares nothing is left to choose, so a positive price gives the same losses.
    dear = exact_flow(network, case.program, case.bind(lot_min_kw=0.0, lot_max_kw=0.0, upstream_price=0.1))
    np.testing.assert_allclose(answer.x, dear.x, atol=1e-6)
    assert dear.settled_squares == 0
    assert case.loss(relaxed.x).sum() > 2.0 * case.loss(answer.x).sum()


def test_free_power_leaves_losses_without_a_price_and_they_come_down_without_binaries():
    feeder = small_feeder()
    network = Network(feeder, renewables=(RenewableUnit("sun", 0, 1000.0, "pv"),))
    case = Case(network, feeder.load_kw[None], feeder.load_kvar[None], 0.1, np.array([[1000.0]]), segments=5)
    loose = open_handle(case.instance).solve().x
    for name, _ in AXES:  # an optimum as good as any, with wasted energy
        loose[case.program.columns[name].slice] += 1.0
    assert case.worst_gap(loose) > 0.0
    answer = exact_flow(case.network, case.program, case.instance)
    assert answer.settled_squares == 0
    assert case.worst_gap(answer.x) <= EXACT
    assert case.value(answer.x, "import_kw")[0] == pytest.approx(0.0, abs=1e-9)


@given(case=cases())
def test_the_reduced_model_is_the_full_program(case):
    full, reduced = open_handle(case.instance).solve(), case.reduced().solve(case.instance)
    assert full.status is reduced.status
    if full.status is Status.OPTIMAL:
        assert case.instance.cost @ reduced.x == pytest.approx(case.instance.cost @ full.x, rel=1e-9, abs=1e-9)
        assert kkt_residuals(case.instance, reduced.x, reduced.y).worst <= 1e-9


@given(case=cases(), data=st.data())
def test_the_price_is_the_derivative_of_the_cost_by_load(case, data):
    bus = data.draw(st.integers(0, case.network.feeder.size - 1))
    answer = open_handle(case.instance).solve()
    assume(answer.status is Status.OPTIMAL)
    price = case.program.multiplier(answer.y, "active_balance")[0, bus]
    costs = []
    for step in (-1e-4, 1e-4):
        load = case.load_kw.copy()
        load[0, bus] += step
        moved = open_handle(case.bind(load_kw=load)).solve()
        assume(moved.status is Status.OPTIMAL)
        costs.append(float(case.instance.cost @ moved.x))
    middle = float(case.instance.cost @ answer.x)
    left, right = (middle - costs[0]) / 1e-4, (costs[1] - middle) / 1e-4
    assert left - 1e-5 <= price <= right + 1e-5


# --- bad input


@pytest.mark.parametrize("efficiency", [1.0, 0.98])
def test_what_enters_the_root_is_what_is_bought(efficiency):
    """Of active power a transformer passes a share on, of reactive power all; nothing less and nothing more."""
    case = Case(Network(small_feeder()), np.full((2, 3), 90.0), np.full((2, 3), 30.0), 0.1, efficiency=efficiency)
    for sign in (-1.0, 1.0):
        program = case.program.columns
        x = (
            open_handle(
                case.instance.with_cost(np.bincount(program["import_kvar"].index, [sign] * 2, case.instance.shape[1]))
            )
            .solve()
            .x
        )
        bought, reactive = (case.value(x, name) for name in ("import_kw", "import_kvar"))
        assert efficiency * bought == pytest.approx(case.value(x, "flow_kw")[:, 0])
        assert reactive == pytest.approx(case.value(x, "flow_kvar")[:, 0])
