"""The nodal market on feeders that join hours, against programs that know nothing of the general method."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from equilibrium.certificate import Verdict
from equilibrium.deadline import Deadline
from equilibrium.errors import InfeasibleError, InputError, SolverError
from equilibrium.grid.assets import Microturbine, StorageUnit
from equilibrium.grid.distribution import STATE_COLUMNS, STATE_ROWS, compile_distribution, distribution_ports
from equilibrium.markets.charging.lots import stacked
from equilibrium.markets.nodal.apart.game import METHOD as CURVES
from equilibrium.markets.nodal.efficient import EfficientSchedules
from equilibrium.markets.nodal.joined.follower import Follower
from equilibrium.markets.nodal.joined.game import METHOD
from equilibrium.markets.nodal.joined.response import respond
from equilibrium.markets.nodal.market import NodalMarket
from equilibrium.markets.nodal.play import NoDispatchError
from equilibrium.markets.nodal.players import Players
from equilibrium.markets.nodal.second_method import best_deviation as second_answer
from equilibrium.programs.duality import kkt_residuals
from equilibrium.programs.program import Instance
from equilibrium.programs.reduction import ReducedModel
from equilibrium.programs.screening import bindable_rows
from equilibrium.programs.solvers import Status, open_handle
from scenarios.published.epec_lots import epec_lots_case
from scenarios.random_markets import with_storage
from tests.equilibrium.conftest import lot_data, proved, small_day, small_network
from tests.equilibrium.nodal_days import markets_with_vehicles
from tests.equilibrium.oracle import best_deviation, dispatch_program, examples, game_apart, game_joined, tight_markets
from tests.equilibrium.test_vertices import SEEDS, some_powers

HOURS = 3
NOTHING = StorageUnit("nothing", 2, 0.0, 0.0, 0.0, 0.0)
"""A storage unit of no size: it joins hours in the matrix and nothing else."""


@st.composite
def coupled_markets(draw, hours=HOURS, **bounds):
    network, day = draw(tight_markets(hours=hours, **bounds))
    return draw(with_storage(network, max_units=1)), day


def clear(network, day, behaviours=None, **how):
    start = {name: how.pop(name) for name in ("start_kw", "order") if name in how}
    try:
        return NodalMarket(network, behaviours=behaviours, **how).clear(day, **start)
    except InfeasibleError:
        assume(False)
        raise


class Whole:
    """The DSO's program of the whole day with every row."""

    def __init__(self, network, day):
        power = np.zeros((day.hours, len(network.lots)))
        self.program, self.instance = dispatch_program(network, day, power)
        self.handle = open_handle(self.instance)
        self.lot = self.program.columns["lot_kw"].index

    def cost(self, power):
        self.handle.update(self.instance.with_columns(self.lot, power, power))
        answer = self.handle.solve()
        return float(self.instance.cost @ answer.x) if answer.status is Status.OPTIMAL else np.inf

    def payment(self, power, lot, step=1e-4):
        """The least payment of a lot at any price that supports its power.

        The cost C is convex and piecewise linear, and a price is a subgradient: the least ``lambda'p`` is minus the
        derivative of C in the direction -p, a difference quotient of two costs.
        """
        less = power.copy()
        less[:, lot] *= 1.0 - step
        return (self.cost(power) - self.cost(less)) / step


def one_line(**changes):
    """100 kW of line to bus 2, a turbine behind it."""
    rating = np.array([5000.0, 5000.0, 100.0])
    return small_network(turbine=Microturbine("mt", 2, 500.0, 0.06), rating_kva=rating, x_ohm=np.zeros(3), **changes)


# Worked examples ------------------------------------------------------------------------------------------------


def test_storage_behind_the_line_moves_the_kink_from_hour_to_hour():
    """Idle line in hour 0 fills 40 kWh without losses: in hour 1 the lot gets 140 kW before the turbine sets the price.

    The lot draws at most 0 kW in hour 0. Revenue 0.08: 140 kW at 0.03 earn 7; the next kW would cost 0.06 for all.
    """
    network = replace(one_line(terminal="ge"), storage=(StorageUnit("b", 2, 40.0, 40.0, 40.0, 0.0, 1.0, 1.0),))
    lot = replace(lot_data(0.0, [0.0, 300.0], 0.08), soe_max_kwh=np.full(2, 300.0))
    clearing = clear(network, small_day([0.03, 0.03], (lot,), turbines=1))
    assert clearing.lot_kw[:, 0].tolist() == pytest.approx([0.0, 140.0])
    assert clearing.storage_kwh[:, 0].tolist() == pytest.approx([40.0, 0.0])
    assert clearing.lot_profit.tolist() == pytest.approx([7.0])
    assert clearing.lot_price[1, 0] == pytest.approx(0.03)
    assert (clearing.lot_price_low[1, 0], clearing.lot_price_high[1, 0]) == pytest.approx((0.03, 0.06))
    assert clearing.certificate.verdict is Verdict.EXACT
    assert clearing.certificate.method == METHOD


def test_a_ramp_lets_one_hours_power_set_another_hours_price():
    """The turbine may rise by 20 kW an hour, so for 150 kW in hour 1 it runs at 130 kW in hour 0 and exports 80 kW.

    A kW more in hour 1 burns fuel in both hours and is sold in hour 0; a kW more in hour 0 is only not sold.
    """
    network = one_line(terminal="ge")
    network = replace(network, microturbines=(replace(network.microturbines[0], ramp_kw_per_h=20.0),))
    lot = replace(lot_data(300.0, [50.0, 250.0], 0.5), soe_max_kwh=np.full(2, 300.0))
    day = small_day([0.03, 0.03], (lot,), turbines=1)
    clearing = clear(network, day)
    assert clearing.lot_kw[:, 0].tolist() == pytest.approx([50.0, 250.0])
    assert clearing.microturbine_kw[:, 0].tolist() == pytest.approx([130.0, 150.0])
    assert clearing.lot_price[:, 0].tolist() == pytest.approx([0.7 * 0.03, 2 * 0.06 - 0.7 * 0.03])
    assert clearing.lot_payment[0] == pytest.approx(Whole(network, day).payment(clearing.lot_kw, 0), rel=1e-6)
    assert clearing.certificate.verdict is Verdict.EXACT


def test_the_method_is_chosen_by_structure_and_says_so():
    day = small_day([0.03, 0.03], (lot_data(300.0, [250.0, 250.0]),), turbines=1)
    plain, joined = clear(one_line(), day), clear(replace(one_line(), storage=(NOTHING,)), day)
    assert plain.certificate.method == CURVES
    assert joined.certificate.method == METHOD
    assert any("joins hours 0 to 1" in note for note in joined.certificate.notes)
    # One hour alone joins nothing, whatever stands on the feeder.
    alone = clear(replace(one_line(), storage=(NOTHING,)), small_day([0.03], (lot_data(50.0, [250.0]),), turbines=1))
    assert alone.certificate.method == CURVES


def test_a_time_limit_leaves_the_best_point_with_its_gap_and_no_certificate():
    """Revenue 0.08: of 150 kW that welfare takes in hour 1 the lot would keep 100, which earn 5 in place of 3."""
    network = replace(one_line(terminal="ge"), storage=(NOTHING,))
    lot = replace(lot_data(0.0, [0.0, 150.0], 0.08), soe_max_kwh=np.full(2, 150.0))
    day = small_day([0.03, 0.03], (lot,), turbines=1)
    stopped = clear(network, day, time_limit_s=0.0)
    proof = stopped.certificate
    assert not proof.certified
    assert any("time limit of 0 s" in note for note in proof.notes)
    finished = clear(network, day)
    assert finished.lot_profit.tolist() == pytest.approx([5.0])
    assert finished.certificate.verdict is Verdict.EXACT
    assert np.isfinite(proof.worst_regret)
    assert stopped.lot_profit[0] + proof.worst_regret >= 5.0 - 1e-9  # a bound is a bound, however early


def test_a_node_limit_gives_the_same_point_everywhere_and_more_nodes_never_a_worse_one():
    """The ramp keeps the turbine from following the load, so three lots and six hours take a search."""
    turbine = Microturbine("mt", 2, 400.0, 0.06, ramp_kw_per_h=40.0)
    network = replace(
        small_network(3, turbine=turbine, rating_kva=np.array([5000.0, 5000.0, 260.0])), storage=(NOTHING,)
    )
    lots = tuple(lot_data(need, [90.0] * 4, 0.2) for need in (150.0, 190.0, 230.0))
    day = small_day([0.03, 0.05, 0.02, 0.04], lots, load_kw=120.0, turbines=1)
    found = [clear(network, day, node_limit=limit) for limit in (0, 12, 60, 300, 5000)]
    regrets = [clearing.certificate.worst_regret for clearing in found]
    assert regrets == sorted(regrets, reverse=True)
    assert regrets[0] > regrets[-1]
    assert any("node limit of 0" in note for note in found[0].certificate.notes)
    again = clear(network, day, node_limit=60)
    assert again.certificate.regret == found[2].certificate.regret
    assert np.array_equal(again.lot_kw, found[2].lot_kw)


def test_both_equilibria_stand_and_probing_returns_certified_ones():
    """Either hour may keep the kink: two equilibria of equal profit, as with the curves."""
    network = replace(one_line(), storage=(NOTHING,))
    day = small_day([0.03, 0.03], (lot_data(300.0, [250.0, 250.0]),), turbines=1)
    for start in ([[100.0], [200.0]], [[200.0], [100.0]]):
        stays = clear(network, day, start_kw=np.array(start))
        assert stays.lot_kw.tolist() == start
        assert stays.lot_profit[0] == pytest.approx(135.0)
        assert stays.certificate.verdict is Verdict.EXACT
    found = NodalMarket(network).probe(day, starts=3, seed=1)
    assert found
    assert all(sorted(clearing.lot_kw[:, 0]) == pytest.approx([100.0, 200.0]) for clearing in found)


def test_a_negative_price_with_exports_possible_is_not_certified():
    lot = lot_data(50.0, [40.0, 40.0])
    network = replace(small_network(turbine=Microturbine("mt", 2, 500.0, 0.06)), storage=(NOTHING,))
    clearing = clear(network, small_day([-0.05, 0.03], (lot,), load_kw=10.0, turbines=1))
    assert not clearing.certificate.certified
    assert any("direction of trade" in note for note in clearing.certificate.notes)


@pytest.mark.parametrize(("least", "energy"), [(60.0, 160.0), (60.0, 330.0), (100.0, 340.0)])
def test_a_feeder_that_needs_the_lot_has_no_dispatch_to_compare_with(least, energy):
    """150 kW fed in behind a line of 100 kW: without the lot there is no dispatch, and the root has no finite bound."""
    lot = lot_data(energy, [250.0, 250.0])
    lot = replace(lot, soe_min_kwh=np.array([least, energy]), soe_max_kwh=np.array([energy - least, energy]))
    day = small_day([0.03, 0.04], (lot,), load_kw=-150.0, turbines=1)
    curves, joined = clear(one_line(), day), clear(replace(one_line(), storage=(NOTHING,)), day)
    assert joined.certificate.verdict is curves.certificate.verdict is Verdict.EXACT
    np.testing.assert_allclose(joined.lot_kw, curves.lot_kw, atol=1e-6)
    np.testing.assert_allclose(joined.lot_price, curves.lot_price, atol=1e-9)
    assert joined.lot_maximum.tolist() == pytest.approx(curves.lot_maximum.tolist(), rel=1e-9)


def test_a_start_that_no_dispatch_takes_is_refused():
    network = replace(small_network(rating_kva=np.array([5000.0, 5000.0, 100.0])), storage=(NOTHING,))
    day = small_day([0.03, 0.03], (lot_data(150.0, [250.0, 250.0]),))
    with pytest.raises(InputError, match="start_kw"):
        clear(network, day, start_kw=np.array([[150.0], [0.0]]))


# Any feeder -----------------------------------------------------------------------------------------------------


@examples(12)
@given(tight_markets(hours=HOURS))
def test_storage_of_no_size_leaves_the_curves_equilibrium(case):
    """At the point that the curve method proves, the general method finds no better answer, and the same prices."""
    network, day = case
    curves = clear(network, day)
    assume(curves.certificate.certified)
    joined = clear(
        replace(network, storage=(replace(NOTHING, bus=1),)), day, start_kw=curves.lot_kw, order=curves.order
    )
    assert joined.certificate.method == METHOD
    assert joined.rounds == 1
    np.testing.assert_allclose(joined.lot_kw, curves.lot_kw, atol=1e-6)
    np.testing.assert_allclose(joined.lot_maximum, curves.lot_maximum, rtol=1e-7, atol=1e-6)
    np.testing.assert_allclose(joined.lot_payment.sum(), curves.lot_payment.sum(), rtol=1e-6, atol=1e-6)
    for name in ("lot_price_low", "lot_price_high"):
        np.testing.assert_allclose(getattr(joined, name), getattr(curves, name), atol=1e-6)


def both_games(network, day, seed):
    """A start that lots and feeder can take: the game of hours apart, and that of joined hours with NOTHING added."""
    try:
        power = EfficientSchedules(network, day.hours).random(day, np.random.default_rng(seed), ())
        apart = game_apart(network, day, power)
    except (NoDispatchError, SolverError):
        assume(False)
        raise
    return apart, game_joined(replace(network, storage=(replace(NOTHING, bus=1),)), day, power)


@examples(12)
@given(tight_markets(hours=HOURS, max_lots=2, max_buses=4), SEEDS)
def test_the_two_games_of_one_day_are_one_game(case, seed):
    network, day = case
    games, lot = both_games(network, day, seed), seed % len(network.lots)
    assert games[1].cost() == pytest.approx(games[0].cost(), rel=1e-7, abs=1e-6)
    earned = []
    for game in games:
        answer, profit = game.respond(lot)
        own, price = game.players.own(lot), game.players.price[:, lot]
        second = second_answer(game.react, lot, price, own, Deadline())
        assert answer.profit >= profit - 1e-9
        earned.append([profit, answer.profit, answer.bound, second.profit, second.bound])
    assert earned[1] == pytest.approx(earned[0], rel=1e-6, abs=1e-6)
    assert earned[0][1:] == pytest.approx([earned[0][1]] * 4, rel=1e-6, abs=1e-6)


@examples(12)
@given(tight_markets(hours=HOURS, max_lots=2, max_buses=4), SEEDS)
def test_the_two_games_of_one_day_go_where_there_is_a_dispatch(case, seed):
    network, day = case
    games = both_games(network, day, seed)
    start, target = games[0].power.copy(), some_powers(day, seed, 1.0)
    copies = [game.copy(Deadline()) for game in games]
    reached = [game.reach(target) for game in copies]
    assert reached[0] == reached[1]
    for game, moved in zip(games, copies, strict=True):
        np.testing.assert_array_equal(game.power, start)  # a copy moves on its own
        np.testing.assert_array_equal(moved.power, target if reached[0] else start)


@examples(12)
@given(tight_markets(hours=HOURS, max_lots=2, max_buses=4), SEEDS)
def test_the_two_games_of_one_day_publish_by_one_rule(case, seed):
    network, day = case
    games = both_games(network, day, seed)
    power, found = games[0].power, []
    for game in games:
        game.settle()
        prices = game.publish(power, ())
        point = game.point(prices)
        assert kkt_residuals(point.instance, point.x, point.y).worst < 1e-7
        found.append(prices)
    np.testing.assert_allclose(found[1].low, found[0].low, atol=1e-6)
    np.testing.assert_allclose(found[1].high, found[0].high, atol=1e-6)
    paid = [float((prices.price * power).sum()) for prices in found]
    assert paid[1] == pytest.approx(paid[0], rel=1e-7, abs=1e-6)


@examples(12)
@given(coupled_markets(max_lots=2, max_buses=4))
def test_no_lot_has_a_better_answer_than_the_oracle_knows(case):
    network, day = case
    clearing = clear(network, day)
    for lot in range(len(network.lots)):
        most, _ = best_deviation(network, day, clearing.lot_kw, lot)
        scale = max(1.0, abs(most))
        assert clearing.lot_maximum[lot] >= most - 1e-5 * scale  # a bound
        if clearing.certificate.certified:
            assert clearing.lot_profit[lot] >= most - 1e-5 * scale
    proved(clearing)  # or it says why not


@examples(10)
@given(coupled_markets(hours=2, max_lots=2, max_buses=4))
def test_no_schedule_of_a_grid_earns_more(case):
    """Every mix of a lot's extreme and present schedules is a schedule; its payment is a difference of two costs."""
    network, day = case
    clearing = clear(network, day)
    assume(clearing.certificate.certified)
    whole, price = Whole(network, day), stacked(day.lots, "charging_price", day.hours)
    rng = np.random.default_rng(1)
    for lot in range(len(network.lots)):
        corners = [clearing.lot_kw[:, lot], *_schedules(network, day, lot)]
        for _ in range(40):
            power = clearing.lot_kw.copy()
            power[:, lot] = rng.dirichlet(np.full(len(corners), 0.3)) @ np.array(corners)
            payment = whole.payment(power, lot)
            if np.isfinite(payment):
                earned = float(price[:, lot] @ power[:, lot]) - payment
                assert earned <= clearing.lot_profit[lot] + 1e-4 * max(1.0, abs(earned))
        if len(network.lots) == 1:
            assert clearing.lot_payment[0] == pytest.approx(whole.payment(clearing.lot_kw, 0), rel=1e-4, abs=1e-4)


def _schedules(network, day, lot):
    """A lot's extreme schedules in random directions, from its own program."""
    own = Players(network, day, ()).own(lot)
    rng = np.random.default_rng(0)
    found = []
    for _ in range(4):
        cost = rng.normal(size=day.hours)
        instance = Instance(own.matrix, cost, own.lower, own.upper, np.zeros(day.hours), own.power_max_kw)
        found.append(open_handle(instance).solve().x)
    return found


@examples(12)
@given(coupled_markets(max_lots=2))
def test_rows_left_out_change_neither_costs_nor_answers(case):
    network, day = case
    program = compile_distribution(network, day.hours)
    model = ReducedModel(program, STATE_COLUMNS, STATE_ROWS)
    limit = stacked(day.lots, "power_max_kw", day.hours)
    instance = program.bind(distribution_ports(network, day, 0.0 * limit, limit))
    assume(model.solve(instance).status is Status.OPTIMAL)
    kept, lots = bindable_rows(program, model, instance), np.searchsorted(model.free, program.columns["lot_kw"].index)
    some, every = (model.explicit(instance, ids) for ids in (kept, model.row_ids))
    assert kept.size < model.row_ids.size
    rng = np.random.default_rng(0)
    handles = [open_handle(one) for one in (some, every)]
    for _ in range(5):
        power = limit * rng.uniform(size=limit.shape) ** 2
        costs = []
        for handle, one in zip(handles, (some, every), strict=True):
            handle.update(one.with_columns(lots, power, power))
            answer = handle.solve()
            costs.append(one.cost @ answer.x if answer.status is Status.OPTIMAL else np.inf)
        assert costs[0] == pytest.approx(costs[1], rel=1e-7, abs=1e-7)
    players, power = Players(network, day, ()), np.zeros_like(limit)
    found = [
        respond(Follower.facing(one, lots, 0, power), players.price[:, 0], players.own(0))[0] for one in (some, every)
    ]
    assert (found[0] is None) == (found[1] is None)
    if found[0] is not None and found[1] is not None:
        assert found[0].profit == pytest.approx(found[1].profit, rel=1e-7, abs=1e-6)
        assert found[0].bound - found[0].profit <= 2e-9 * (1.0 + abs(found[0].profit))


@examples(10)
@given(coupled_markets(max_lots=3, max_buses=4), st.data())
def test_behaviours_mix_and_the_energy_is_conserved(case, data):
    network, day = case
    kinds = st.sampled_from(["strategic", "price-taking", "central"])
    behaviours = tuple(data.draw(kinds) for _ in network.lots)
    clearing = clear(network, day, behaviours, iteration=data.draw(st.sampled_from(["gauss-seidel", "jacobi"])))
    proof = clearing.certificate
    assert max(proof.primal, proof.dual, proof.complementarity, proof.gap) < 1e-7
    for k, unit in enumerate(network.storage):
        change = unit.charge_efficiency * clearing.storage_charge_kw - (
            clearing.storage_discharge_kw / unit.discharge_efficiency
        )
        carried = np.concatenate([[unit.initial_kwh], clearing.storage_kwh[:, k]])
        np.testing.assert_allclose(np.diff(carried), change[:, k], atol=1e-6)
    for unit, power in zip(network.microturbines, clearing.microturbine_kw.T, strict=True):
        assert np.abs(np.diff(power)).max() <= unit.ramp_kw_per_h + 1e-6
    assert (clearing.lot_price_low <= clearing.lot_price + 1e-7).all()
    assert (clearing.lot_price <= clearing.lot_price_high + 1e-7).all()
    if "strategic" not in behaviours:
        np.testing.assert_allclose(clearing.lot_kw, clearing.competitive_kw, atol=1e-5)
        assert proof.certified


@examples(8)
@given(markets_with_vehicles(), st.data())
def test_every_vehicle_gets_its_energy(market, data):
    """Schedules that vehicles cannot follow are refused inside the search, and the bound still holds for the rest."""
    network, day = market
    network = data.draw(with_storage(network, max_units=1))
    clearing = clear(network, day)
    for lot, (site, own) in enumerate(zip(network.lots, day.lots, strict=True)):
        split = clearing.vehicle_kw[lot]
        assert split.sum(axis=0) == pytest.approx(clearing.lot_kw[:, lot], abs=1e-6)
        assert site.efficiency * split.sum(axis=1) == pytest.approx(own.fleet.need_kwh, abs=1e-5)
        value, _ = best_deviation(network, day, clearing.lot_kw, lot)
        assert clearing.lot_maximum[lot] == pytest.approx(value, abs=1e-6 * (1 + abs(value)))


@pytest.mark.long
def test_a_day_on_33_buses_is_certified():
    network, day = epec_lots_case("33", 1, renewable_factor=3.0, voltage_min_pu=0.955, voltage_max_pu=1.05)
    network = replace(
        network,
        storage=(StorageUnit("b", 13, 600.0, 200.0, 200.0, 300.0),),
        microturbines=tuple(replace(unit, ramp_kw_per_h=150.0) for unit in network.microturbines),
    )
    one = NodalMarket(network, behaviours=("strategic", "central", "central")).clear(day)
    assert one.certificate.verdict is Verdict.EXACT
    # Three strategic lots on kinks that they share want prices that no common multiplier gives, by 1e-6 of a profit.
    three = NodalMarket(network).clear(day)
    assert three.certificate.epsilon < 1e-5
    proved(three)  # or it says why not
    for clearing in (one, three):
        assert max(clearing.certificate.primal, clearing.certificate.dual, clearing.certificate.gap) < 1e-9
