"""The independent second method where hours are joined: right against the whole feeder's program, loud where not."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import equilibrium.markets.nodal.market
import equilibrium.markets.nodal.second_method
from equilibrium.certificate import Verdict
from equilibrium.complementarity.branch import Search as BranchAndBound
from equilibrium.complementarity.sos1 import scip_is_installed
from equilibrium.deadline import Deadline
from equilibrium.errors import InfeasibleError, SolverError
from equilibrium.grid.assets import StorageUnit
from equilibrium.grid.distribution import STATE_COLUMNS, STATE_ROWS, compile_distribution, distribution_ports
from equilibrium.markets.charging.lots import stacked
from equilibrium.markets.nodal.joined.game import METHOD
from equilibrium.markets.nodal.market import NodalMarket
from equilibrium.markets.nodal.players import Players
from equilibrium.markets.nodal.reaction import every_row
from equilibrium.markets.nodal.second_method import METHODS, best_deviation, confirm
from equilibrium.programs.reduction import ReducedModel
from equilibrium.programs.screening import bindable_rows
from equilibrium.programs.solvers import Status
from scenarios.published.epec_lots import epec_lots_case
from scenarios.random_markets import with_storage
from tests.equilibrium.conftest import lot_data, small_day
from tests.equilibrium.nodal_days import markets_with_vehicles
from tests.equilibrium.oracle import best_deviation as whole_deviation
from tests.equilibrium.oracle import examples
from tests.equilibrium.test_coupled import NOTHING, coupled_markets, one_line
from tests.equilibrium.test_nodal_oracle import believing
from tests.equilibrium.test_vertices import SEEDS, some_powers

SOLVERS = [name for name in METHODS if name != "scip" or scip_is_installed()]
LINE = replace(one_line(), storage=(NOTHING,))
DAY = small_day([0.03, 0.03], (lot_data(300.0, [250.0, 250.0]),), turbines=1)
"""The line gives 100 kW at 0.03, a turbine the rest at 0.06; whoever draws more pays the dearer price for all."""


def full(network, day, behaviours=None, **options):
    options = {"certify_limit_s": np.inf, **options}
    try:
        return NodalMarket(network, behaviours=behaviours, certify="full", **options).clear(day)
    except InfeasibleError:
        assume(False)
        raise


def reduced_program(network, day):
    """The operator's program on the rows that can bind, and the lots' columns; None where no dispatch exists."""
    program = compile_distribution(network, day.hours)
    model = ReducedModel(program, STATE_COLUMNS, STATE_ROWS)
    limit = stacked(day.lots, "power_max_kw", day.hours)
    instance = program.bind(distribution_ports(network, day, 0.0 * limit, limit))
    assume(model.solve(instance).status is Status.OPTIMAL)
    lots = np.searchsorted(model.free, program.columns["lot_kw"].index)
    return model.explicit(instance, bindable_rows(program, model, instance)), lots


@examples(10)
@given(coupled_markets(hours=2, max_lots=2, max_buses=4), SEEDS)
def test_it_is_the_mpec_of_the_whole_feeder(market, seed):
    network, day = market
    reduced, lots = reduced_program(network, day)
    power, lot = some_powers(day, seed, 0.4), seed % len(network.lots)
    players = Players(network, day, ())
    try:
        value, _ = whole_deviation(network, day, power, lot)
    except AssertionError:  # the rivals' powers leave no dispatch
        assume(False)
    for solver in SOLVERS:
        react = partial(every_row, reduced, lots, power)
        found = best_deviation(react, lot, players.price[:, lot], players.own(lot), Deadline(), solver=solver)
        assert found.finished
        assert found.method == METHODS[solver]
        for other in (found.profit, found.bound):
            assert other == pytest.approx(value, abs=1e-6 * (1 + abs(value)))


@examples(8)
@given(coupled_markets(max_lots=2, max_buses=4), st.data())
def test_a_certified_day_is_confirmed(market, data):
    network, day = market
    kinds = st.sampled_from(("strategic", "strategic", "price-taking", "central"))
    behaviours = tuple(data.draw(kinds) for _ in network.lots)
    clearing = full(network, day, behaviours)
    second = clearing.certificate.second
    assert second.lots == tuple(k for k, behaviour in enumerate(behaviours) if behaviour == "strategic")
    assert second.finished
    assert second.gap <= 1e-6
    standard = NodalMarket(network, behaviours=behaviours).clear(day)
    assert standard.certificate.second is None
    assert clearing.certificate.certified == standard.certificate.certified
    for lot, bound in zip(second.lots, second.bound, strict=True):
        assert clearing.certificate.regret[lot] >= bound - clearing.lot_profit[lot]
        assert standard.lot_maximum[lot] == pytest.approx(bound, abs=1e-6 * (1 + abs(bound)))


@examples(5)
@given(markets_with_vehicles(), st.data())
def test_deviations_that_vehicles_cannot_follow_do_not_count(market, data):
    """Also where nobody has found out yet which schedules those are."""
    network, day = market
    network = data.draw(with_storage(network, max_units=1))
    clearing = full(network, day)
    assert clearing.certificate.second.finished
    reduced, lots = reduced_program(network, day)
    every, profit, players = range(len(network.lots)), clearing.lot_profit, Players(network, day, ())
    second = confirm(partial(every_row, reduced, lots, clearing.lot_kw), players, every, profit, profit)
    for lot in every:
        value, _ = whole_deviation(network, day, clearing.lot_kw, lot)
        assert second.bound[lot] == pytest.approx(value, abs=1e-6 * (1 + abs(value)))


def test_a_wrong_point_is_caught(monkeypatch):
    point = np.array([[250.0], [50.0]])
    monkeypatch.setattr(equilibrium.markets.nodal.market, "iterate", believing)
    believed = NodalMarket(LINE).clear(DAY, start_kw=point, order=(0,))
    caught = NodalMarket(LINE, certify="full").clear(DAY, start_kw=point, order=(0,))
    assert believed.certificate.certified  # nothing but the second method stands between this point and a verdict
    assert caught.lot_kw == pytest.approx(point)
    assert caught.certificate.method == METHOD
    assert not caught.certificate.certified
    # It pays 250 * 0.06 + 50 * 0.03 = 16.5; the best is 100 * 0.03 + 200 * 0.06 = 15.
    assert caught.certificate.regret == pytest.approx((1.5,))
    assert any("lot lot-1: the second method finds a deviation" in note for note in caught.certificate.notes)


@pytest.mark.parametrize("solver", SOLVERS)
def test_the_right_point_is_confirmed_by_every_solver(monkeypatch, solver):
    solve = equilibrium.markets.nodal.second_method.solve_pairs
    monkeypatch.setattr(
        equilibrium.markets.nodal.second_method, "solve_pairs", lambda mpcc, _, left: solve(mpcc, solver, left)
    )
    clearing = full(LINE, DAY)
    assert clearing.certificate.verdict is Verdict.EXACT
    assert clearing.certificate.second.method == METHODS[solver]
    assert clearing.certificate.second.bound == pytest.approx((135.0,))


def test_the_time_limit_is_reported(monkeypatch):
    def no_time(mpcc, _, left):
        assert left.passed
        return BranchAndBound(mpcc, max_nodes=1).run(), METHODS["branch"]

    monkeypatch.setattr(equilibrium.markets.nodal.second_method, "solve_pairs", no_time)
    clearing = full(LINE, DAY, certify_limit_s=0.0)
    proof = clearing.certificate
    assert not proof.second.finished
    assert not proof.certified
    # The root's bound: the lot pays only what it adds to the cost, 200 kW at 0.03 and 100 kW at 0.06.
    assert proof.regret == pytest.approx((15.0 - 12.0,))
    assert any(
        "lot lot-1: the second method did not finish in 0 s and 20000 nodes; the regret that it proves is 3" in n
        for n in proof.notes
    )
    assert not any("no pure equilibrium" in note for note in proof.notes)


def test_a_second_method_that_fails_says_so(monkeypatch):
    def fail(*_args, **_options):
        raise SolverError("no verdict")

    monkeypatch.setattr(equilibrium.markets.nodal.second_method, "solve_pairs", fail)
    clearing = full(LINE, DAY)
    assert not clearing.certificate.certified
    assert "lot lot-1: the second method failed: no verdict" in clearing.certificate.notes


@pytest.mark.long
def test_a_day_on_33_buses_with_storage_is_confirmed():
    network, day = epec_lots_case("33", 1, renewable_factor=3.0, voltage_min_pu=0.955, voltage_max_pu=1.05)
    clearing = full(replace(network, storage=(StorageUnit("b", 13, 600.0, 200.0, 200.0, 300.0),)), day)
    assert clearing.certificate.verdict is Verdict.EXACT
    assert clearing.certificate.second.finished
    assert clearing.certificate.second.bound == pytest.approx(clearing.lot_profit, rel=1e-8)
