"""The independent second method: right against the whole feeder's program, and loud where a point is wrong."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import equilibrium.markets.nodal.apart.game
import equilibrium.markets.nodal.market
import equilibrium.markets.nodal.second_method
from equilibrium.certificate import Verdict
from equilibrium.complementarity.branch import Search as BranchAndBound
from equilibrium.complementarity.sos1 import scip_is_installed
from equilibrium.deadline import Deadline
from equilibrium.errors import InfeasibleError, InputError, SolverError
from equilibrium.grid.assets import Microturbine
from equilibrium.markets.nodal.curves import trace
from equilibrium.markets.nodal.iteration import Search
from equilibrium.markets.nodal.market import NodalMarket
from equilibrium.markets.nodal.players import Players
from equilibrium.markets.nodal.reaction import enough_rows
from equilibrium.markets.nodal.response import best_response
from equilibrium.markets.nodal.second_method import METHODS, best_deviation, confirm, deviation_program, solve_pairs
from equilibrium.programs.program import INF, Instance
from equilibrium.programs.solvers import Status, open_handle
from scenarios.published.epec_lots import epec_lots_case
from tests.equilibrium.conftest import lot_data, small_day, small_network
from tests.equilibrium.nodal_days import markets_with_vehicles, one_line
from tests.equilibrium.oracle import Dispatch, examples, own_powers, solved_hours, tight_markets
from tests.equilibrium.oracle import best_deviation as whole_deviation
from tests.equilibrium.test_vertices import SEEDS, some_powers

CONGESTED = ("33", 1), {"renewable_factor": 3.0, "voltage_min_pu": 0.955, "voltage_max_pu": 1.05}
SOLVERS = [name for name in METHODS if name != "scip" or scip_is_installed()]


def full(network, day, behaviours=None, **options):
    """Clear a day with the second method."""
    options = {"certify_limit_s": np.inf, **options}
    market = NodalMarket(network, behaviours=behaviours, certify="full", **options)
    try:
        return market.clear(day)
    except InfeasibleError:
        assume(False)
        raise


# Against programs that share nothing with it --------------------------------------------------------------------


@examples(20)
@given(tight_markets(hours=3, max_buses=4, max_lots=2, negative_prices=True), SEEDS)
def test_it_is_the_mpec_of_the_whole_feeder_and_the_best_response_on_curves(market, seed):
    network, day = market
    power = some_powers(day, seed, 0.4)
    *_, vertices, solved = solved_hours(network, day, power)
    assume(solved.all())
    lot = seed % len(network.lots)
    own = own_powers(network.lots[lot], day.lots[lot])
    price = day.lots[lot].charging_price
    curves = best_response(price, trace(vertices, lot, own.power_max_kw), own)
    assume(curves is not None)
    value, _ = whole_deviation(network, day, power, lot)
    for solver in SOLVERS:
        react = partial(enough_rows, vertices.model, vertices.data, power, day.length_h)
        found = best_deviation(react, lot, price, own, Deadline(), solver=solver)
        assert found.finished
        assert found.method == METHODS[solver]
        for other in (value, curves.profit):
            assert found.bound == pytest.approx(other, abs=1e-6 * (1 + abs(other)))
        assert found.profit == pytest.approx(found.bound, abs=1e-6 * (1 + abs(value)))


@examples(25)
@given(tight_markets(hours=1, max_buses=5), SEEDS, st.floats(0.0, 1.0))
def test_the_chosen_rows_give_the_cost_of_the_whole_feeder(market, seed, share):
    network, day = market
    power = some_powers(day, seed, 0.4)
    *_, vertices, solved = solved_hours(network, day, power)
    assume(solved.all())
    lot = seed % len(network.lots)
    most = day.lots[lot].power_max_kw
    follower, low, high = enough_rows(vertices.model, vertices.data, power, day.length_h, lot, most, Deadline())
    dispatch, given_kw = Dispatch(network, day, 0), power[0].copy()
    for end, outwards in ((low[0], -1e-3), (high[0], 1e-3)):
        given_kw[lot] = end + outwards
        if 0.0 <= given_kw[lot] <= most[0]:
            assert dispatch.cost(given_kw) == np.inf
    given_kw[lot] = low[0] + share * (high[0] - low[0])
    cost = dispatch.cost(given_kw)
    assert follower.lower.size < vertices.model.rows
    assert cost_with(follower, given_kw[lot]) == pytest.approx(cost, abs=1e-6 * (1 + abs(cost)))


def cost_with(follower, power):
    """The DSO's cost with the rows of a follower alone, one hour."""
    shift = follower.p_matrix @ np.array([power])
    free = np.full(follower.cost.size, INF)
    instance = Instance(follower.y_matrix, follower.cost, follower.lower - shift, follower.upper - shift, -free, free)
    answer = open_handle(instance).solve()
    assert answer.status is Status.OPTIMAL
    return float(follower.cost @ answer.x)


def test_the_lowest_power_with_a_dispatch_is_found():
    """A cap of 0.995 at bus 2, 2 ohm away: 250 kW at 10 kV pull the voltage down by 50 V."""
    network = small_network(
        terminal="ge",
        r_ohm=np.array([0.0, 1.0, 1.0]),
        x_ohm=np.zeros(3),
        voltage_max_pu=np.array([1.0, 1.0, 0.995]),
    )
    day = small_day([0.03], (replace(lot_data(0.0, [900.0], 0.05), soe_max_kwh=np.full(1, 1e3)),))
    *_, vertices, solved = solved_hours(network, day, np.full((1, 1), 600.0))
    assert solved.all()
    given_kw, most = np.full((1, 1), 600.0), np.array([900.0])
    _, low, high = enough_rows(vertices.model, vertices.data, given_kw, np.ones(1), 0, most, Deadline())
    dispatch = Dispatch(network, day, 0)
    assert low[0] == pytest.approx(250.0)
    assert high[0] == 900.0
    assert np.isfinite(dispatch.cost(low + 1e-6))
    assert dispatch.cost(low - 1e-3) == np.inf


# The certificate ------------------------------------------------------------------------------------------------


@examples(15)
@given(tight_markets(hours=3, negative_prices=True), st.data())
def test_a_certified_day_is_confirmed(market, data):
    network, day = market
    behaviours = tuple(
        data.draw(st.sampled_from(("strategic", "strategic", "price-taking", "central"))) for _ in network.lots
    )
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
        assert clearing.lot_maximum[lot] == pytest.approx(bound, abs=1e-6 * (1 + abs(bound)))


@examples(12)
@given(markets_with_vehicles())
def test_deviations_that_vehicles_cannot_follow_do_not_count(market):
    """Also where nobody has found out yet which schedules those are."""
    network, day = market
    clearing = full(network, day)
    assert clearing.certificate.second.finished
    *_, vertices, _ = solved_hours(network, day, clearing.lot_kw)
    lots, profit, players = range(len(network.lots)), clearing.lot_profit, Players(network, day, ())
    second = confirm(
        partial(enough_rows, vertices.model, vertices.data, clearing.lot_kw, day.length_h),
        players,
        lots,
        profit,
        profit,
    )
    for lot in lots:
        value, _ = whole_deviation(network, day, clearing.lot_kw, lot)
        assert second.bound[lot] == pytest.approx(value, abs=1e-6 * (1 + abs(value)))


def believing(play, lots, **_options):
    """An iteration that stops at once and claims that nobody gains: profits are those of the published prices."""
    play.settle()
    prices = play.publish(play.power, ())
    earned = ((play.players.price - prices.price) * play.power).sum(axis=0)
    claim = {lot: float(earned[lot]) for lot in lots}
    return Search(rounds=1, profit=claim, bound=dict(claim))


def test_a_wrong_point_is_caught(monkeypatch):
    """A line gives 100 kW at 0.03, a turbine the rest at 0.06; whoever draws more pays the dearer price for all."""
    network = one_line()
    day = small_day([0.03, 0.03], (lot_data(300.0, [250.0, 250.0]),), turbines=1)
    point = np.array([[250.0], [50.0]])
    with monkeypatch.context() as patch:
        patch.setattr(equilibrium.markets.nodal.market, "iterate", believing)
        believed = NodalMarket(network).clear(day, start_kw=point, order=(0,))
        caught = NodalMarket(network, certify="full").clear(day, start_kw=point, order=(0,))
    assert believed.certificate.certified  # nothing but the second method stands between this point and a verdict
    assert caught.lot_kw == pytest.approx(point)
    assert not caught.certificate.certified
    # It pays 250 * 0.06 + 50 * 0.03 = 16.5; the best is 100 * 0.03 + 200 * 0.06 = 15.
    assert caught.certificate.regret == pytest.approx((1.5,))
    assert any("lot lot-1: the second method finds a deviation" in note for note in caught.certificate.notes)


def test_one_lot_moved_off_its_best_response_is_caught_on_33_buses(monkeypatch):
    network, day = epec_lots_case(*CONGESTED[0], **CONGESTED[1])
    market = NodalMarket(network, certify="full", certify_limit_s=np.inf)
    right = market.clear(day)
    assert right.certificate.verdict is Verdict.EXACT
    assert right.certificate.second.bound == pytest.approx(right.lot_profit, rel=1e-9)
    moved = right.lot_kw.copy()
    moved[:, 0] = right.competitive_kw[:, 0]
    monkeypatch.setattr(equilibrium.markets.nodal.market, "iterate", believing)
    wrong = market.clear(day, start_kw=moved, order=(0, 1, 2))
    assert not wrong.certificate.certified
    assert wrong.certificate.regret[0] > 1e-3


def test_the_time_limit_is_reported():
    network, day = epec_lots_case(*CONGESTED[0], **CONGESTED[1])
    clearing = full(network, day, certify_limit_s=0.0)
    second = clearing.certificate.second
    assert not second.finished
    assert not clearing.certificate.certified
    assert clearing.certificate.regret == (np.inf,) * 3
    for site in network.lots:
        note = f"lot {site.name}: the second method did not finish in 0 s and 20000 nodes; "
        note += "the regret that it proves is inf"
        assert note in clearing.certificate.notes


def test_a_search_that_ends_early_still_bounds_the_regret(monkeypatch):
    def one_node(mpcc, *_):
        return BranchAndBound(mpcc, max_nodes=1).run(), METHODS["branch"]

    monkeypatch.setattr(equilibrium.markets.nodal.second_method, "solve_pairs", one_node)
    network, day = epec_lots_case(*CONGESTED[0], **CONGESTED[1])
    right, clearing = NodalMarket(network).clear(day), full(network, day)
    second = clearing.certificate.second
    assert not second.finished
    assert 0.0 < clearing.certificate.worst_regret < np.inf
    assert np.all(np.array(second.bound) >= right.lot_maximum - 1e-6)
    assert any("did not finish" in note for note in clearing.certificate.notes)


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_solver_without_time_proves_what_it_can(solver):
    network, day = epec_lots_case(*CONGESTED[0], **CONGESTED[1])
    clearing = NodalMarket(network).clear(day)
    *_, vertices, _ = solved_hours(network, day, clearing.lot_kw)
    own, price = own_powers(network.lots[0], day.lots[0]), day.lots[0].charging_price
    chosen = enough_rows(vertices.model, vertices.data, clearing.lot_kw, day.length_h, 0, own.power_max_kw, Deadline())
    mpcc = deviation_program(chosen[0], price, replace(own, power_max_kw=chosen[2]))
    outcome, _ = solve_pairs(mpcc, solver, Deadline(0.0))
    assert -outcome.bound >= clearing.lot_maximum[0] - 1e-6


def test_a_second_method_that_fails_says_so(monkeypatch):
    def fail(*_args, **_options):
        raise SolverError("no verdict")

    monkeypatch.setattr(equilibrium.markets.nodal.apart.game, "enough_rows", fail)
    network = small_network(turbine=Microturbine("mt", 2, 500.0, 0.06))
    clearing = full(network, small_day([0.03], (lot_data(100.0, [200.0]),), turbines=1))
    assert not clearing.certificate.certified
    assert "lot lot-1: the second method failed: no verdict" in clearing.certificate.notes


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"certify": "most"}, r"certify.*most.*one of standard, full"),
        ({"certify_limit_s": -1.0}, r"certify_limit_s.*-1.*at least 0"),
        ({"certify_limit_s": float("nan")}, r"certify_limit_s.*nan.*at least 0"),
        ({"time_limit_s": -1.0}, r"time_limit_s.*-1.*at least 0"),
    ],
)
def test_bad_options_are_refused(options, words):
    with pytest.raises(InputError, match=words):
        NodalMarket(small_network(), **options)
