"""Behaviours of the nodal market's lots beside each other, and what may not change its answer: units, order, names."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from equilibrium.grid.assets import Microturbine
from equilibrium.grid.network import Network
from equilibrium.markets.charging.day import MarketDay
from equilibrium.markets.charging.joint import compile_joint, joint_ports
from equilibrium.markets.nodal import players
from equilibrium.markets.nodal.market import NodalMarket
from equilibrium.programs.solvers import open_handle, solve_linear
from equilibrium.programs.solvers.choose import log_fallback
from scenarios.published.epec_lots import epec_lots_case
from tests.equilibrium.conftest import lot_data, small_day, small_network
from tests.equilibrium.nodal_days import BEHAVIOURS, clear, everyone, joint_optimum, system_cost
from tests.equilibrium.oracle import examples, tight_markets

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


def test_what_a_price_taker_could_earn_is_proved_by_multipliers(monkeypatch):
    """A point that is short of the optimum, as a solver's tolerance allows, must not make the bound smaller."""
    network, day = small_network(), small_day([0.1, 0.2], (lot_data(10.0, [8.0, 8.0]),))
    clearing = clear(network, day, everyone(network, "price-taking"))
    assert float(clearing.lot_maximum[0]) > 1.0

    def short(instance, solver):
        answer = solve_linear(instance, solver)
        return replace(answer, x=0.99 * answer.x)

    monkeypatch.setattr(players, "solve_linear", short)
    again = clear(network, day, everyone(network, "price-taking"))
    np.testing.assert_allclose(again.lot_maximum, clearing.lot_maximum, rtol=1e-9)


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
