"""Rows that are stated only where an answer breaks them."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp

from equilibrium.grid.distribution import STATE_COLUMNS, STATE_ROWS, implied_edges, polygon
from equilibrium.markets.charging.joint import compile_joint, joint_ports
from equilibrium.programs.duality import kkt_residuals
from equilibrium.programs.lazy import LazyRows
from equilibrium.programs.program import INF, ProgramBuilder
from equilibrium.programs.reduction import ReducedModel
from scenarios.published.epec_lots import epec_lots_case


def test_the_worst_of_a_period_come_first_and_of_a_family_the_deepest():
    """Ids 10 to 19 in two periods, 20 and 21 one family: depths by hand, limits on either side."""
    ids = np.arange(10, 22)
    group, in_family = np.array([0] * 8 + [1, 1, 2, 2]), np.array([False] * 10 + [True, True])
    lazy = LazyRows(ids, group, in_family, sp.eye_array(22, format="csr")[ids, :])  # a row is worth its own column
    lower, upper, activity = np.full(22, -INF), np.full(22, INF), np.zeros(22)
    upper[10:18] = 0.0
    activity[10:18] = [1.0, 8.0, 3.0, 4.0, 5.0, 6.0, 7.0, 2.0]
    lower[18], lower[19] = 9.0, -1.0  # the second holds
    upper[20], activity[20] = 100.0, 103.0  # three too many of a hundred
    upper[21], activity[21] = 1.0, 3.0  # two too many of one
    found = lazy.violated(activity, lower, upper, np.array([0]))
    assert found.tolist() == [11, 16, 15, 14, 13, 12, 18, 20]
    assert lazy.violated(activity, lower, upper, np.array([11, 20])).tolist() == [16, 15, 14, 13, 12, 17, 18, 21]
    upper[:], lower[:] = INF, -INF
    assert lazy.violated(activity, lower, upper, np.array([0])).size == 0


@pytest.mark.parametrize("edges", range(4, 15))
def test_an_implied_edge_binds_no_power_above_zero(edges):
    """How far one can go along each way before the edges that are not implied stop it, and before any does."""
    network = replace(epec_lots_case("33", 1)[0], polygon_edges=edges)
    program = compile_joint(network, 2)
    index = program.rows["microturbine_polygon"].index
    implied = np.isin(index, implied_edges(network, program))
    assert (implied == implied[0, 0]).all()
    a, b, c = polygon(edges)
    angle = np.linspace(-0.5 * np.pi, 0.5 * np.pi, 721)
    reach = np.outer(np.cos(angle), a) + np.outer(np.sin(angle), b)
    by_all, by_others = (c / each.max(axis=1) for each in (reach, reach[:, ~implied[0, 0]]))
    assert by_all == pytest.approx(by_others, rel=1e-12)
    assert implied[0, 0].sum() == (0 if edges % 2 else (edges - 2) // 2 if edges % 4 == 2 else edges // 2)


def test_a_program_without_its_implied_rows_has_the_same_answer():
    network, day = epec_lots_case("33", 1, renewable_factor=3.0, voltage_min_pu=0.955, voltage_max_pu=1.05)
    program = compile_joint(network, day.hours)
    instance = program.bind(joint_ports(network, day))
    plain = ReducedModel(program, STATE_COLUMNS, STATE_ROWS)
    less = ReducedModel(program, STATE_COLUMNS, STATE_ROWS, implied=implied_edges(network, program), restored=True)
    whole, short = plain.solve(instance), less.solve(instance)
    assert short.x @ instance.cost == pytest.approx(whole.x @ instance.cost, rel=1e-9)
    assert kkt_residuals(instance, short.x, short.y).worst < 1e-7


def test_an_implied_row_that_is_broken_is_stated():
    """Nothing implies the row that is said to be: x + y <= 1 beside x, y <= 1, at prices that want both."""
    build = ProgramBuilder()
    both = build.columns("both", (1, 2), upper=1.0, cost=-1.0)
    state = build.columns("state", (1, 1), lower=-INF)
    follows = build.rows("follows", (1, 1), lower=0.0, upper=0.0)
    build.coefficients(follows, state, 1.0)
    build.coefficients(follows, both[:, :1], -1.0)
    joined = build.rows("joined", (1, 1), upper=1.0)
    build.coefficients(joined, both, 1.0)
    program = build.compile()
    model = ReducedModel(program, ["state"], ["follows"], implied=program.rows["joined"].index.ravel())
    instance = program.bind({})
    glimpse = model.glance(instance)
    assert glimpse.x @ instance.cost == pytest.approx(-2.0)
    assert model.glance(instance).x @ instance.cost == pytest.approx(-1.0)
    assert model.solve(instance).y[program.rows["joined"].index.ravel()] == pytest.approx([-1.0])


def test_multipliers_of_cuts_reach_the_rows_of_the_state():
    """Two states that follow two columns, a cost on one of them, and a cut on both: every multiplier by hand.

    ``min -3 u - v + s_1`` with ``s_k = 2 u_k`` and ``s_1 + s_2 <= 2``: u pays 1, v pays 1, so the cut takes 1/2 per
    unit of state. Then s_1 costs 1 and the cut 1/2: its row 1 1/2; that of s_2 1/2.
    """
    build = ProgramBuilder()
    own = build.columns("own", (1, 2), upper=5.0)
    state = build.columns("state", (1, 2), lower=-INF)
    rows = build.rows("follows", (1, 2), lower=0.0, upper=0.0)
    build.coefficients(rows, state, 1.0)
    build.coefficients(rows, own, -2.0)
    program = build.compile()
    cost = np.zeros(4)
    cost[own.ravel()], cost[state.ravel()] = [-3.0, -1.0], [1.0, 0.0]
    cut = np.zeros((1, 4))
    cut[0, state.ravel()] = 1.0
    instance = program.bind({}).with_cost(cost).with_rows(sp.csr_array(cut), np.array([-INF]), np.array([2.0]))
    found = ReducedModel(program, ["state"], ["follows"]).solve(instance)
    assert found.x @ cost == pytest.approx(-1.0)
    assert found.x[state.ravel()].sum() == pytest.approx(2.0)
    assert found.y == pytest.approx([1.5, 0.5, -0.5])
