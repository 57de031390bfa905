"""The nodal market: what an equilibrium is, against programs that know nothing of the method that found it."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from equilibrium.certificate import Verdict
from equilibrium.errors import InfeasibleError, InputError
from equilibrium.fleet.day import Fleet
from equilibrium.fleet.envelope import lot_day
from equilibrium.grid.assets import StorageUnit
from equilibrium.markets.charging.lots import stacked
from equilibrium.markets.nodal.efficient import EfficientSchedules
from equilibrium.markets.nodal.iteration import iterate
from equilibrium.markets.nodal.market import NodalMarket
from equilibrium.markets.nodal.players import Players
from equilibrium.programs.program import INF
from scenarios.published.epec_lots import epec_lots_case
from tests.equilibrium.conftest import cost_of, lot_data, proved, small_day, small_network
from tests.equilibrium.nodal_days import (
    BEHAVIOURS,
    clear,
    joint_optimum,
    markets_with_vehicles,
    one_line,
    rivals_for_a_line,
)
from tests.equilibrium.oracle import (
    Dispatch,
    best_deviation,
    examples,
    game_apart,
    game_joined,
    tight_markets,
    violation,
)

# Worked examples -----------------------------------------------------------------------------------------------


def test_a_strategic_lot_keeps_one_hour_at_the_kink():
    """300 kWh in two hours: 100 kW at 0.03 and 200 kW at 0.06 cost 15, any even split 18; the system does not care."""
    day = small_day([0.03, 0.03], (lot_data(300.0, [250.0, 250.0]),), turbines=1)
    clearing = clear(one_line(), day)
    assert sorted(clearing.lot_kw[:, 0].tolist()) == pytest.approx([100.0, 200.0])
    assert sorted(clearing.lot_price[:, 0].tolist()) == pytest.approx([0.03, 0.06])
    assert clearing.lot_payment.tolist() == pytest.approx([15.0])
    assert clearing.lot_profit.tolist() == pytest.approx([135.0])
    assert clearing.network_cost == pytest.approx(200 * 0.03 + 100 * 0.06)
    assert clearing.price_of_anarchy == pytest.approx(1.0)
    assert clearing.certificate.verdict is Verdict.EXACT


def test_a_lot_withholds_energy_that_would_raise_its_price():
    """Revenue 0.08: the line's 100 kW earn 5; 150 kW at 0.06 only 3. The welfare optimum takes all 150 kW."""
    lot = replace(lot_data(0.0, [150.0], 0.08), soe_max_kwh=np.full(1, 150.0))
    clearing = clear(one_line(terminal="ge"), small_day([0.03], (lot,), turbines=1))
    assert clearing.lot_kw.tolist() == [[pytest.approx(100.0)]]
    assert clearing.competitive_kw.tolist() == [[pytest.approx(150.0)]]
    assert clearing.withheld_kwh.tolist() == pytest.approx([50.0])
    assert clearing.lot_profit.tolist() == pytest.approx([5.0])
    assert clearing.competitive_profit.tolist() == pytest.approx([3.0])
    # Welfare 0.08 * 150 - 3 - 3 = 6 against 0.08 * 100 - 3 = 5.
    assert clearing.price_of_anarchy == pytest.approx(6.0 / 5.0)
    assert clearing.value_pessimistic.tolist() == pytest.approx([2.0])
    assert clearing.value_optimistic.tolist() == pytest.approx([5.0])


def test_a_full_line_without_a_turbine_has_no_highest_price():
    """No dispatch exists beyond 100 kW: the price of the next kW is infinite, not an error."""
    network = small_network(terminal="ge", rating_kva=np.array([5000.0, 5000.0, 100.0]))
    lot = replace(lot_data(0.0, [150.0, 50.0], 0.08), soe_max_kwh=np.full(2, 1e3))
    clearing = clear(network, small_day([0.03, 0.03], (lot,)))
    assert clearing.lot_kw[:, 0].tolist() == pytest.approx([100.0, 50.0])
    assert clearing.lot_price[:, 0].tolist() == pytest.approx([0.03, 0.03])
    assert clearing.lot_price_low[:, 0].tolist() == pytest.approx([0.03, 0.03])
    assert clearing.lot_price_high[:, 0].tolist() == [np.inf, pytest.approx(0.03)]
    assert clearing.certificate.verdict is Verdict.EXACT


def test_an_idle_lot_behind_a_full_line_loses_nothing_at_an_infinite_price():
    network = small_network(lots=2, terminal="ge", rating_kva=np.array([5000.0, 5000.0, 100.0]))
    lots = tuple(replace(lot_data(0.0, [100.0], f), soe_max_kwh=np.full(1, 1e3)) for f in (0.08, 0.01))
    clearing = clear(network, small_day([0.03], lots))
    assert clearing.lot_kw[0].tolist() == pytest.approx([100.0, 0.0])
    assert clearing.value_pessimistic[1] == 0.0
    assert clearing.value_optimistic.tolist() == pytest.approx([5.0, 0.0])


def test_price_takers_pay_what_rations_the_line():
    """Both want 80 kW of a line of 100 kW: only a price at the lower revenue, 0.05, makes 20 kW enough for that lot."""
    network = small_network(lots=2, terminal="ge", rating_kva=np.array([5000.0, 5000.0, 100.0]))
    lots = tuple(replace(lot_data(0.0, [80.0], f), soe_max_kwh=np.full(1, 80.0)) for f in (0.08, 0.05))
    clearing = clear(network, small_day([0.03], lots), ("price-taking", "price-taking"))
    assert clearing.lot_kw[0].tolist() == pytest.approx([80.0, 20.0])
    assert clearing.lot_price[0].tolist() == pytest.approx([0.05, 0.05])
    assert clearing.certificate.verdict is Verdict.EXACT


def test_a_strategic_lot_beside_a_rationed_price_taker_has_no_exact_equilibrium():
    """Rationing the price-taker takes 0.05; a strategic lot a little below the line's end would pay 0.03.

    No price serves both at one point, and the best point below it does not exist: the certificate says what is missing.
    """
    network = small_network(lots=2, terminal="ge", rating_kva=np.array([5000.0, 5000.0, 100.0]))
    lots = tuple(replace(lot_data(0.0, [80.0], f), soe_max_kwh=np.full(1, 80.0)) for f in (0.08, 0.05))
    clearing = clear(network, small_day([0.03], lots), ("strategic", "price-taking"))
    assert clearing.lot_kw[0].tolist() == pytest.approx([80.0, 20.0])
    assert clearing.lot_price[0].tolist() == pytest.approx([0.05, 0.05])
    assert clearing.lot_price_low[0].tolist() == pytest.approx([0.03, 0.03])
    assert not clearing.certificate.certified
    assert clearing.certificate.regret == pytest.approx((0.02 * 80.0, 0.0))


# What an equilibrium is ----------------------------------------------------------------------------------------


@examples(15)
@given(tight_markets(hours=3, max_buses=4, negative_prices=True))
def test_no_lot_gains_by_its_mpec(market):
    network, day = market
    clearing = clear(network, day)
    if not proved(clearing):
        return
    for lot, (site, own) in enumerate(zip(network.lots, day.lots, strict=True)):
        value, _ = best_deviation(network, day, clearing.lot_kw, lot)
        assert value == pytest.approx(clearing.lot_maximum[lot], abs=1e-6 * (1 + abs(value)))
        assert value <= clearing.lot_profit[lot] + clearing.certificate.regret[lot] + 1e-6 * (1 + abs(value))
        assert violation(site, own, clearing.lot_kw[:, lot]) < 1e-6


@examples(12)
@given(tight_markets(hours=2, max_buses=4, max_lots=2, terminals=("ge",)), st.integers(0, 1))
def test_no_point_of_a_grid_is_better(market, which):
    """A grid of schedules, each at the price of its next kW, which is never below the one that it causes."""
    network, day = market
    clearing = clear(network, day)
    lot = which % len(network.lots)
    site, own = network.lots[lot], day.lots[lot]
    earned = []
    for hour in range(2):
        dispatch, power = Dispatch(network, day, hour), clearing.lot_kw[hour].copy()
        values = {}
        for p in np.linspace(0.0, own.power_max_kw[hour], 25):
            power[lot] = p
            _, right = dispatch.slopes(power, lot, 1e-5)
            if p == 0.0 or np.isfinite(right):
                values[p] = (own.charging_price[hour] - right) * p if p > 0.0 else 0.0
        earned.append(values)
    best = max(
        (
            a + b
            for (p, a), (q, b) in itertools.product(*(v.items() for v in earned))
            if violation(site, own, np.array([p, q])) <= 1e-9
        ),
        default=-np.inf,
    )
    assert best <= clearing.lot_maximum[lot] + 1e-4


@examples(15)
@given(tight_markets(negative_prices=True), st.data())
def test_prices_are_one_sided_quotients_of_the_dsos_cost(market, data):
    network, day = market
    clearing = clear(network, day)
    hour = data.draw(st.integers(0, day.hours - 1))
    dispatch, step = Dispatch(network, day, hour), 1e-3
    for lot, site in enumerate(network.lots):
        low, price, high = (
            float(array[hour, lot]) for array in (clearing.lot_price_low, clearing.lot_price, clearing.lot_price_high)
        )
        assert low - 1e-9 <= price <= high + 1e-9
        assert price == pytest.approx(clearing.dlmp[hour, site.bus], abs=1e-9)
        left, right = dispatch.slopes(clearing.lot_kw[hour], lot, step)
        if clearing.lot_kw[hour, lot] >= step:
            assert low == pytest.approx(left, abs=1e-5)
        assert high == pytest.approx(right, abs=1e-5)


@examples(15)
@given(tight_markets(), st.data())
def test_dlmp_is_the_derivative_of_the_dsos_cost_by_load(market, data):
    network, day = market
    clearing = clear(network, day)
    hour = data.draw(st.integers(0, day.hours - 1))
    bus = data.draw(st.integers(0, network.feeder.size - 1))
    costs = []
    for step in (-1e-3, 0.0, 1e-3):
        load = day.load_kw.copy()
        load[hour, bus] += step
        costs.append(Dispatch(network, replace(day, load_kw=load), hour).cost(clearing.lot_kw[hour]))
    left, right = (costs[1] - costs[0]) / 1e-3, (costs[2] - costs[1]) / 1e-3
    assert left - 1e-5 <= clearing.dlmp[hour, bus] <= right + 1e-5


@examples(15)
@given(tight_markets(negative_prices=True), st.data())
def test_the_dispatch_answers_the_powers_and_money_adds_up(market, data):
    network, day = market
    behaviours = tuple(data.draw(st.sampled_from(BEHAVIOURS)) for _ in network.lots)
    clearing = clear(network, day, behaviours)
    cost = sum(Dispatch(network, day, hour).cost(clearing.lot_kw[hour]) for hour in range(day.hours))
    assert clearing.network_cost == pytest.approx(cost, abs=1e-6)
    assert clearing.network_cost == pytest.approx(cost_of(network, day, clearing), abs=1e-6)
    margin = stacked(day.lots, "charging_price", day.hours) - clearing.lot_price
    assert clearing.lot_profit == pytest.approx((margin * clearing.lot_kw).sum(axis=0), abs=1e-9)
    if np.all(day.wholesale_price >= 0.0):
        assert clearing.network_surplus >= -1e-6
    assert np.isnan(clearing.price_of_anarchy) or clearing.price_of_anarchy >= 1.0 - 1e-7
    assert clearing.competitive_cost - float(
        (stacked(day.lots, "charging_price", day.hours) * clearing.competitive_kw).sum()
    ) == pytest.approx(joint_optimum(network, day), abs=1e-6)


# Starts, orders and iterations ---------------------------------------------------------------------------------


@examples(20)
@given(tight_markets(min_lots=2), st.randoms(use_true_random=False))
def test_every_start_and_order_ends_certified(market, random):
    network, day = market
    game = NodalMarket(network)
    first = clear(network, day, market=game)
    order = list(range(len(network.lots)))
    random.shuffle(order)
    for start in (None, first.competitive_kw, first.lot_kw):
        other = clear(network, day, market=game, order=tuple(order), start_kw=start)
        assert other.order == tuple(order)
        if not proved(other):
            continue
        for lot in order:
            value, _ = best_deviation(network, day, other.lot_kw, lot)
            assert value <= other.lot_profit[lot] + 1e-6 * (1 + abs(value))
    assert np.array_equal(clear(network, day, market=game).lot_kw, first.lot_kw)


def test_a_start_that_breaks_a_lots_own_limits_is_refused():
    """Charging costs this lot more than it earns: a search that began with no charging would stay there."""
    day = small_day([0.05, 0.05], (lot_data(100.0, [100.0, 100.0], 0.01),))
    with pytest.raises(InputError, match=r"start_kw.*lot lot-1"):
        NodalMarket(small_network()).clear(day, start_kw=np.zeros((2, 1)))


@examples(15)
@given(tight_markets(min_lots=2))
def test_jacobi_is_certified_or_says_why_not(market):
    network, day = market
    game = NodalMarket(network, iteration="jacobi")
    clearing = clear(network, day, market=game)
    gains = [
        best_deviation(network, day, clearing.lot_kw, lot)[0] - clearing.lot_profit[lot]
        for lot in range(len(network.lots))
    ]
    if clearing.certificate.certified:
        assert max(gains) <= 1e-5
    else:
        assert clearing.cycle or any("no pure equilibrium found" in note for note in clearing.certificate.notes)
    assert np.all(np.array(gains) <= np.array(clearing.certificate.regret) + 1e-5)


def test_a_cycle_is_not_taken_for_a_proof():
    """Lots that move together may come back for ever: the bounds must belong to the point that is returned."""
    network = one_line(lots=2, fuel=0.06)
    lots = tuple(lot_data(120.0, [120.0, 120.0]) for _ in range(2))
    day = small_day([0.03, 0.029], lots, turbines=1)
    market = NodalMarket(network, iteration="jacobi")
    clearing = clear(network, day, market=market, start_kw=np.array([[120.0, 120.0], [0.0, 0.0]]))
    gains = [best_deviation(network, day, clearing.lot_kw, k)[0] - clearing.lot_profit[k] for k in range(2)]
    assert np.all(np.array(gains) <= np.array(clearing.certificate.regret) + 1e-6)
    assert clearing.cycle > 0
    assert not clearing.certificate.certified


def test_jacobi_reports_lots_that_block_each_other():
    network, day = rivals_for_a_line()
    clearing = clear(network, day, market=NodalMarket(network, iteration="jacobi"), start_kw=np.zeros((1, 2)))
    assert not clearing.certificate.certified
    assert any("without a dispatch" in note for note in clearing.certificate.notes)
    assert clearing.certificate.regret == pytest.approx((0.07 * 80, 0.07 * 80))


# Vehicles ------------------------------------------------------------------------------------------------------


@examples(15)
@given(markets_with_vehicles(), st.data())
def test_every_vehicle_gets_its_energy(market, data):
    network, day = market
    behaviours = tuple(data.draw(st.sampled_from(BEHAVIOURS)) for _ in network.lots)
    clearing = clear(network, day, behaviours)
    for lot, (site, own) in enumerate(zip(network.lots, day.lots, strict=True)):
        split = clearing.vehicle_kw[lot]
        assert split.sum(axis=0) == pytest.approx(clearing.lot_kw[:, lot], abs=1e-6)
        assert site.efficiency * split.sum(axis=1) == pytest.approx(own.fleet.need_kwh, abs=1e-5)
        assert np.all(split >= -1e-9)
        assert np.all(split <= own.fleet.power_kw + 1e-6)
        if behaviours[lot] == "strategic":
            value, _ = best_deviation(network, day, clearing.lot_kw, lot)
            assert clearing.lot_maximum[lot] == pytest.approx(value, abs=1e-6 * (1 + abs(value)))


# What is refused -----------------------------------------------------------------------------------------------


NO_STORAGE, STORAGE = (), (StorageUnit("nothing", 1, 0.0, 0.0, 0.0, 0.0),)


def a_start_that_pays(storage=NO_STORAGE):
    """A lot of two vehicles, one in hours 0 and 2 and one in hour 1, and a lot that wants the line in hour 1.

    100 kWh each, so 100 kWh at most in hours 0 and 2 together. What the start draws there is within the envelope and
    costs less than hour 1 does as long as the other lot stays: together they overload the line.
    """
    network = replace(one_line(lots=2, terminal="ge"), storage=storage)
    power = np.array([[100.0, 0.0, 100.0], [0.0, 100.0, 0.0]])
    fleet = Fleet(power, np.zeros(2), np.full(2, 100.0), np.full(2, 200.0), np.array([0, 1]), np.array([3, 2]))
    rival = replace(lot_data(0.0, [0.0, 50.0, 0.0], 0.05), soe_max_kwh=np.array([0.0, 50.0, 50.0]))
    day = small_day([0.04, 0.03, 0.04], (lot_day(fleet, np.full(3, 0.1), 1.0), rival), turbines=1)
    return network, day, np.array([[100.0, 0.0], [0.0, 50.0], [100.0, 0.0]])


@pytest.mark.parametrize("storage", [NO_STORAGE, STORAGE])
def test_a_lot_leaves_a_start_that_its_vehicles_cannot_take(storage):
    network, day, start = a_start_that_pays(storage)
    game = (game_joined if storage else game_apart)(network, day, start)
    answer, profit = game.respond(0)
    assert profit == -INF
    assert answer.profit == answer.bound == pytest.approx(100 * (0.1 - 0.04) + 100 * (0.1 - 0.06))
    assert profit_of(game, 0, start) > answer.profit + 1.0  # what it would stay for
    search = iterate(game, (0,))
    assert game.power[1, 0] == pytest.approx(100.0)
    assert game.power[[0, 2], 0].sum() == pytest.approx(100.0)
    assert search.profit[0] == pytest.approx(answer.profit)
    assert game.respond(0)[1] == pytest.approx(answer.profit)


def profit_of(game, lot, power):
    """What a lot would earn at some powers, at the prices that support them."""
    game.move(power)
    game.settle()
    price = game.publish(game.players.length_h[:, None] * power, ()).price
    return float(game.players.earned(power, price)[lot])


def test_a_schedule_that_the_vehicles_cannot_take_is_not_certified(monkeypatch):
    """Even if the lot were told that they can."""
    monkeypatch.setattr(Players, "check", lambda *_: None)
    network, day, start = a_start_that_pays()
    assert NodalMarket(network).clear(day, start_kw=start).certificate.certified
    monkeypatch.setattr(Players, "takes", lambda *_: True)
    clearing = NodalMarket(network).clear(day, start_kw=start)
    assert np.array_equal(clearing.lot_kw, start)
    assert not clearing.certificate.certified
    assert "vehicles cannot take the schedule of lot lot-1: not certified" in clearing.certificate.notes


@examples(15)
@given(markets_with_vehicles(), st.integers(0, 99))
def test_from_any_start_a_certified_schedule_is_one_that_the_vehicles_can_take(market, seed):
    network, day = market
    clear(network, day)  # there is a dispatch
    start = EfficientSchedules(network, day.hours).random(day, np.random.default_rng(seed), ())
    clearing = clear(network, day, start_kw=start)
    if proved(clearing):
        for lot, split in enumerate(clearing.vehicle_kw):
            assert split.sum(axis=0) == pytest.approx(clearing.lot_kw[:, lot], abs=1e-6)


def test_an_unknown_behaviour_is_refused():
    with pytest.raises(InputError, match=r"lot lot-1.*behaviour.*greedy"):
        NodalMarket(small_network(), behaviours=("greedy",))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"iteration": "newton"}, r"iteration.*newton.*one of gauss-seidel, jacobi"),
        ({"behaviours": ("strategic",)}, r"behaviours.*one for each of 2 lots"),
    ],
)
def test_an_unknown_iteration_or_a_missing_behaviour_is_refused(options, words):
    with pytest.raises(InputError, match=words):
        NodalMarket(small_network(lots=2), **options)


@pytest.mark.parametrize("order", [(0,), (0, 5), (0, 0), ()])
def test_an_order_that_is_not_one_of_the_strategic_lots_is_refused(order):
    network, day = rivals_for_a_line()
    with pytest.raises(InputError, match=r"order.*\[0, 1\], each once"):
        NodalMarket(network).clear(day, order=order)


def test_a_start_without_a_dispatch_is_refused():
    network, day = rivals_for_a_line()
    with pytest.raises(InputError, match=r"start_kw.*hours \[0\]"):
        NodalMarket(network).clear(day, start_kw=np.full((1, 2), 80.0))


def test_a_day_without_a_dispatch_names_its_reasons():
    network = small_network(rating_kva=np.array([5000.0, 5000.0, 100.0]))
    with pytest.raises(InfeasibleError) as caught:
        NodalMarket(network).clear(small_day([0.03], (lot_data(150.0, [200.0]),)))
    assert caught.value.reasons


def test_several_starts_show_several_equilibria():
    network, day = epec_lots_case("33", 1, renewable_factor=3.0, voltage_min_pu=0.955, voltage_max_pu=1.05)
    found = NodalMarket(network).probe(day, starts=4)
    assert found
    assert all(clearing.certificate.certified for clearing in found)
    pairs = itertools.combinations(found, 2)
    assert all(np.abs(one.lot_kw - two.lot_kw).max() > 1e-3 for one, two in pairs)
