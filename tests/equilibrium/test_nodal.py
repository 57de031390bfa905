"""The nodal market: what an equilibrium is, against programs that know nothing of the method that found it."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from equilibrium.certificate import Verdict
from equilibrium.errors import InfeasibleError, InputError
from equilibrium.fleet.envelope import lot_day
from equilibrium.grid.assets import Microturbine
from equilibrium.grid.network import Network
from equilibrium.markets.charging.day import MarketDay
from equilibrium.markets.charging.joint import compile_joint, joint_ports
from equilibrium.markets.charging.lots import stacked
from equilibrium.markets.nodal.market import NodalMarket
from equilibrium.programs.solvers import open_handle
from equilibrium.programs.solvers.choose import log_fallback
from scenarios.published.epec_lots import epec_lots_case
from scenarios.random_markets import fleets, market_days, networks
from tests.equilibrium.conftest import cost_of, lot_data, proved, small_day, small_network
from tests.equilibrium.oracle import Dispatch, best_deviation, examples, tight_markets, violation

BEHAVIOURS = ("strategic", "price-taking", "central")


def clear(network, day, behaviours=None, *, market=None, **start):
    market = market if market is not None else NodalMarket(network, behaviours=behaviours)
    try:
        return market.clear(day, **start)
    except InfeasibleError:
        assume(False)
        raise


def everyone(network, behaviour):
    return (behaviour,) * len(network.lots)


def joint_optimum(network, day):
    """The welfare optimum's cost less revenue, by the program with every row."""
    program = compile_joint(network, day.hours)
    instance = program.bind(joint_ports(network, day))
    cost = instance.cost.copy()
    cost[program.columns["lot_kw"].index] -= stacked(day.lots, "charging_price", day.hours)
    sold = program.columns["export_kw"].index[day.wholesale_price < 0.0]
    instance = instance.with_cost(cost).with_columns(sold, 0.0, 0.0)
    return float(cost @ open_handle(instance).solve().x)


def system_cost(day, clearing):
    return clearing.network_cost - float((stacked(day.lots, "charging_price", day.hours) * clearing.lot_kw).sum())


# Worked examples -----------------------------------------------------------------------------------------------


def one_line(lots=1, fuel=0.06, **changes):
    """100 kW of line to bus 2 and a turbine behind it."""
    changes = {"rating_kva": np.array([5000.0, 5000.0, 100.0]), "x_ohm": np.zeros(3), **changes}
    return small_network(lots=lots, turbine=Microturbine("mt", 2, 500.0, fuel), **changes)


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


def rivals_for_a_line():
    """Two lots who each want all of a line of 100 kW: together they overload it."""
    network = small_network(lots=2, terminal="ge", rating_kva=np.array([5000.0, 5000.0, 100.0]))
    lots = tuple(replace(lot_data(0.0, [80.0], 0.1), soe_max_kwh=np.full(1, 80.0)) for _ in range(2))
    return network, small_day([0.03], lots)


def test_jacobi_reports_lots_that_block_each_other():
    network, day = rivals_for_a_line()
    clearing = clear(network, day, market=NodalMarket(network, iteration="jacobi"), start_kw=np.zeros((1, 2)))
    assert not clearing.certificate.certified
    assert any("without a dispatch" in note for note in clearing.certificate.notes)
    assert clearing.certificate.regret == pytest.approx((0.07 * 80, 0.07 * 80))


# Behaviours ----------------------------------------------------------------------------------------------------


@examples(30)
@given(tight_markets(negative_prices=True))
def test_price_taking_central_and_the_welfare_optimum_are_one_allocation(market):
    network, day = market
    best = joint_optimum(network, day)
    for behaviour in ("price-taking", "central"):
        clearing = clear(network, day, everyone(network, behaviour))
        assert system_cost(day, clearing) == pytest.approx(best, abs=1e-6 * (1 + abs(best)))
        assert clearing.rounds <= 1


def taker_regret(network, day, clearing, lot):
    """What a lot could still earn at the published prices, by a program of its own."""
    site, own = network.lots[lot], day.lots[lot]
    alone = compile_joint(replace(network, lots=(site,)), day.hours)
    instance = alone.bind(joint_ports(replace(network, lots=(site,)), replace(day, lots=(own,))))
    column, soe = alone.columns["lot_kw"].index[:, 0], alone.rows["soe_balance"].index.ravel()
    rows = np.concatenate([soe, alone.rows["soe_end"].index.ravel()])
    cost = np.zeros(alone.shape[1])
    cost[column] = clearing.lot_price[:, lot] - own.charging_price
    keep = replace(
        instance,
        matrix=instance.matrix[rows],
        row_lower=instance.row_lower[rows],
        row_upper=instance.row_upper[rows],
        cost=cost,
    )
    best = -float(cost @ open_handle(keep).solve().x)
    return best - float((own.charging_price - clearing.lot_price[:, lot]) @ clearing.lot_kw[:, lot])


@examples(15)
@given(tight_markets())
def test_price_takers_want_what_they_draw(market):
    network, day = market
    clearing = clear(network, day, everyone(network, "price-taking"))
    assert clearing.certificate.certified, clearing.certificate
    for lot in range(len(network.lots)):
        assert taker_regret(network, day, clearing, lot) <= 1e-6


@examples(15)
@given(tight_markets(min_lots=2), st.data())
def test_price_takers_beside_strategic_lots_want_what_they_draw(market, data):
    network, day = market
    behaviours = ("price-taking", *(data.draw(st.sampled_from(BEHAVIOURS)) for _ in network.lots[1:]))
    clearing = clear(network, day, behaviours)
    for lot, behaviour in enumerate(behaviours):
        if behaviour == "price-taking":
            regret = taker_regret(network, day, clearing, lot)
            assert regret <= 1e-6
            assert clearing.certificate.regret[lot] == pytest.approx(max(regret, 0.0), abs=1e-6)


def staircase(count):
    """``count`` equal lots share a wish of 200 kW behind a line of 50 kW and ten turbines, each 0.004 dearer."""
    turbines = tuple(Microturbine(f"mt-{k}", 2, 20.0, 0.034 + 0.004 * k) for k in range(10))
    base = small_network(lots=count, terminal="ge", rating_kva=np.array([5000.0, 5000.0, 50.0]), x_ohm=np.zeros(3))
    share = 200.0 / count
    lot = replace(lot_data(0.0, [share], 0.062), soe_max_kwh=np.full(1, share))
    return replace(base, microturbines=turbines), small_day([0.03], (lot,) * count, turbines=10)


def test_many_small_lots_come_to_the_price_taking_outcome():
    """One lot of all the demand withholds much; the smaller the lots, the nearer to the competitive 190 kW at 0.058."""
    network, day = staircase(30)
    taking = clear(network, day, everyone(network, "price-taking"))
    assert taking.lot_kw.sum() == pytest.approx(190.0)
    drawn = {}
    for count in (1, 3, 30):
        clearing = clear(*staircase(count))
        assert clearing.certificate.certified
        drawn[count] = clearing.lot_kw.sum()
    assert drawn[1] < drawn[3] - 1.0
    assert drawn[3] < drawn[30] + 1e-6
    assert 190.0 - drawn[30] <= 20.0 + 1e-6


# Invariance ----------------------------------------------------------------------------------------------------


@examples(15)
@given(tight_markets(), st.data(), st.sampled_from([0.01, 7.0, 1000.0]))
def test_money_scales(market, data, factor):
    network, day = market
    behaviours = tuple(data.draw(st.sampled_from(BEHAVIOURS)) for _ in network.lots)
    turbines = tuple(replace(t, fuel_cost_per_kwh=factor * t.fuel_cost_per_kwh) for t in network.microturbines)
    lots = tuple(replace(lot, charging_price=factor * lot.charging_price) for lot in day.lots)
    first = clear(network, day, behaviours)
    second = clear(
        replace(network, microturbines=turbines),
        replace(day, wholesale_price=factor * day.wholesale_price, lots=lots),
        behaviours,
    )
    assert second.network_cost == pytest.approx(factor * first.network_cost, abs=1e-6 * factor)
    assert second.lot_kw == pytest.approx(first.lot_kw, abs=1e-5)
    assert second.lot_price == pytest.approx(factor * first.lot_price, abs=1e-8 * factor)
    assert second.lot_profit == pytest.approx(factor * first.lot_profit, abs=1e-5 * factor)


@examples(15)
@given(tight_markets(min_lots=2), st.randoms(use_true_random=False))
def test_the_order_of_the_lots_is_a_name(market, random):
    network, day = market
    turn = list(range(len(network.lots)))
    random.shuffle(turn)
    first = clear(network, day)
    back = tuple(int(k) for k in np.argsort(turn))
    start = first.competitive_kw[:, turn]
    first = clear(network, day, order=tuple(range(len(turn))), start_kw=first.competitive_kw)
    second = clear(
        replace(network, lots=tuple(network.lots[k] for k in turn)),
        replace(day, lots=tuple(day.lots[k] for k in turn)),
        order=back,
        start_kw=start,
    )
    assert second.lot_profit == pytest.approx(first.lot_profit[turn], abs=1e-6)
    assert second.network_cost == pytest.approx(first.network_cost, abs=1e-6)


def relabelled(network: Network, day: MarketDay, turn: np.ndarray) -> tuple[Network, MarketDay]:
    """Give every bus k the number ``turn[k]``; the root stays 0."""
    feeder, back = network.feeder, np.argsort(turn)
    parent = np.array([-1, *(turn[feeder.parent[k]] for k in back[1:])])
    names = ("r_ohm", "x_ohm", "rating_kva", "load_kw", "load_kvar", "voltage_min_pu", "voltage_max_pu")
    arrays = {name: getattr(feeder, name)[back] for name in names}
    units = {
        name: tuple(replace(unit, bus=int(turn[unit.bus])) for unit in getattr(network, name))
        for name in ("microturbines", "compensators", "renewables", "lots")
    }
    moved = replace(feeder, parent=parent, **arrays)
    return replace(network, feeder=moved, **units), replace(
        day, load_kw=day.load_kw[:, back], load_kvar=day.load_kvar[:, back]
    )


@examples(15)
@given(tight_markets(), st.integers(0, 2**32 - 1))
def test_the_numbers_of_the_buses_are_names(market, seed):
    network, day = market
    first = clear(network, day)
    turn = np.append(0, 1 + np.random.default_rng(seed).permutation(network.feeder.size - 1))
    second = clear(*relabelled(network, day, turn))
    assert second.lot_profit == pytest.approx(first.lot_profit, abs=1e-6)
    assert second.network_cost == pytest.approx(first.network_cost, abs=1e-6)
    assert second.lot_price == pytest.approx(first.lot_price, abs=1e-8)
    assert system_cost(day, second) == pytest.approx(system_cost(day, first), abs=1e-6)


@examples(15)
@given(tight_markets(), st.data())
def test_highs_and_gurobi_find_the_same_equilibrium(market, data):
    network, day = market
    behaviours = tuple(data.draw(st.sampled_from(BEHAVIOURS)) for _ in network.lots)
    first = clear(network, day, behaviours)
    second = clear(network, day, market=NodalMarket(network, behaviours=behaviours, solver="gurobi"))
    assert second.certificate.solver.startswith("Gurobi")
    assert second.lot_kw == pytest.approx(first.lot_kw, abs=1e-4)
    assert second.lot_price == pytest.approx(first.lot_price, abs=1e-6)


@pytest.mark.parametrize("third", ["strategic", "price-taking"])
def test_a_day_on_33_buses_fits_the_free_licence_of_gurobi(caplog, third):
    network, day = epec_lots_case("33", 1, renewable_factor=3.0, voltage_min_pu=0.955, voltage_max_pu=1.05)
    behaviours = ("strategic", "strategic", third)
    log_fallback.cache_clear()  # it speaks once for each size of model
    first, second = (
        NodalMarket(network, behaviours=behaviours, solver=solver).clear(day) for solver in ("highs", "gurobi")
    )
    assert not caplog.records
    assert second.certificate.solver.startswith("Gurobi")
    assert second.certificate.verdict is first.certificate.verdict
    assert second.lot_profit == pytest.approx(first.lot_profit, rel=1e-6)


# Vehicles ------------------------------------------------------------------------------------------------------


@st.composite
def markets_with_vehicles(draw: st.DrawFn) -> tuple[Network, MarketDay]:
    network = draw(networks(min_lots=1, max_lots=2))
    day = draw(market_days(network))
    lots = tuple(
        lot_day(draw(fleets(efficiency=site.efficiency)), own.charging_price, site.efficiency)
        for site, own in zip(network.lots, day.lots, strict=True)
    )
    peak = np.zeros(network.feeder.size)
    for site, own in zip(network.lots, lots, strict=True):
        peak[site.bus] += 0.6 * own.power_max_kw.max()
    rating = network.feeder.subtree_sum(np.hypot(day.load_kw, day.load_kvar).max(axis=0) + peak) + 10.0
    return replace(network, feeder=replace(network.feeder, rating_kva=rating)), replace(day, lots=lots)


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
