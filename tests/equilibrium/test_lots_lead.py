"""Worked examples with known optima, and the invariants of docs/epec_lots.md on random trees, loads and lots."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from equilibrium.certificate import Verdict
from equilibrium.errors import InfeasibleError
from equilibrium.grid.distribution import distribution_ports
from equilibrium.grid.network import Network
from equilibrium.markets.charging.joint import compile_joint
from equilibrium.markets.charging.lots import lot_ports, stacked
from equilibrium.markets.lots_lead.market import LotsLeadMarket
from equilibrium.programs.solvers import Status, open_handle
from scenarios.published.epec_lots import epec_lots_case
from scenarios.random_markets import markets, networks
from tests.equilibrium.conftest import (
    cost_of,
    full_dispatch,
    full_joint,
    small_day,
    small_network,
)
from tests.equilibrium.oracle import examples


def clear(network, day, **options):
    try:
        return LotsLeadMarket(network, **options).clear(day)
    except InfeasibleError:
        assume(False)
        raise


# Worked examples -----------------------------------------------------------------------------------------------


# Invariants ----------------------------------------------------------------------------------------------------


@examples(40)
@given(markets())
def test_physics(market):
    network, day = market
    clearing = clear(network, day)
    feeder = network.feeder
    at = lambda elements, values: np.stack(  # noqa: E731
        [
            sum((values[:, k] for k, e in enumerate(elements) if e.bus == bus), np.zeros(day.hours))
            for bus in range(feeder.size)
        ],
        axis=1,
    )
    net_kw = day.load_kw + at(network.lots, clearing.lot_kw)
    net_kw = (
        net_kw - at(network.microturbines, clearing.microturbine_kw) - at(network.renewables, clearing.renewable_kw)
    )
    net_kvar = day.load_kvar - at(network.microturbines, clearing.microturbine_kvar)
    net_kvar = net_kvar - at(network.compensators, clearing.compensator_kvar)
    assert clearing.import_kw - clearing.export_kw == pytest.approx(net_kw.sum(axis=1), abs=1e-6)
    assert clearing.flow_kw == pytest.approx(feeder.subtree_sum(net_kw), abs=1e-6)
    assert clearing.flow_kvar == pytest.approx(feeder.subtree_sum(net_kvar), abs=1e-6)
    drop = (feeder.r_ohm * clearing.flow_kw + feeder.x_ohm * clearing.flow_kvar) / (1000 * feeder.base_kv**2)
    assert clearing.voltage_pu == pytest.approx(1.0 - feeder.path_sum(drop), abs=1e-9)
    assert np.all(clearing.voltage_pu >= feeder.voltage_min_pu - 1e-7)
    assert np.all(clearing.voltage_pu <= feeder.voltage_max_pu + 1e-7)
    # The polygon implies the circle; the converse does not hold (E3).
    assert np.all(np.hypot(clearing.flow_kw, clearing.flow_kvar) <= feeder.rating_kva * (1 + 1e-7) + 1e-6)
    ratings = np.array([unit.rating_kva for unit in network.microturbines])
    assert np.all(np.hypot(clearing.microturbine_kw, clearing.microturbine_kvar) <= ratings * (1 + 1e-7) + 1e-6)
    assert np.all(clearing.renewable_kw <= day.renewable_kw + 1e-6)
    assert np.minimum(clearing.import_kw, clearing.export_kw).max() <= 1e-6


@examples(40)
@given(markets())
def test_state_of_energy(market):
    network, day = market
    clearing = clear(network, day)
    for k, (site, lot) in enumerate(zip(network.lots, day.lots, strict=True)):
        soe = np.cumsum(lot.energy_in_kwh - lot.energy_out_kwh + site.efficiency * clearing.lot_kw[:, k])
        assert clearing.lot_soe_kwh[:, k] == pytest.approx(soe, abs=1e-6)
        assert np.all(soe >= lot.soe_min_kwh - 1e-6)
        assert np.all(soe <= lot.soe_max_kwh + 1e-6)
        assert soe[-1] == pytest.approx(lot.energy_end_kwh, abs=1e-6)


@examples(40)
@given(markets(), st.integers(0, 2**32 - 1))
def test_charged_energy_is_an_identity_of_the_lots_data(market, seed):
    """N1, proposition 3: it does not depend on the feeder, the prices, the renewables or the loads."""
    network, day = market
    clearing = clear(network, day)
    owed = np.array([lot.energy_end_kwh + lot.energy_out_kwh.sum() - lot.energy_in_kwh.sum() for lot in day.lots])
    efficiency = np.array([site.efficiency for site in network.lots])
    assert clearing.lot_kw.sum(axis=0) == pytest.approx(owed / efficiency, abs=1e-6)
    rng = np.random.default_rng(seed)
    other = replace(day, wholesale_price=rng.uniform(0.0, 0.2, day.hours), renewable_kw=0.0 * day.renewable_kw)
    assert clear(network, other).lot_kw.sum(axis=0) == pytest.approx(owed / efficiency, abs=1e-6)


@examples(40)
@given(markets())
def test_every_day_is_certified_and_prices_add_up(market):
    network, day = market
    clearing = clear(network, day)
    assert clearing.certificate.certified, clearing.certificate
    assert clearing.dlmp == pytest.approx(
        clearing.dlmp_energy + clearing.dlmp_congestion + clearing.dlmp_voltage, abs=1e-9
    )
    assert np.all(clearing.dlmp_energy[:, 0] <= day.wholesale_price + 1e-9)
    assert np.all(clearing.dlmp_energy[:, 0] >= network.export_price_factor * day.wholesale_price - 1e-9)
    assert clearing.network_cost == pytest.approx(cost_of(network, day, clearing), abs=1e-6)


@examples(40)
@given(markets())
def test_the_dispatch_is_optimal_for_the_dso_at_the_cleared_charging(market):
    network, day = market
    clearing = clear(network, day)
    _, cost = full_dispatch(network, day, clearing.lot_kw)
    assert clearing.network_cost == pytest.approx(cost, abs=1e-6 * (1 + abs(cost)))


@examples(40)
@given(markets(charging_price=0.5))
def test_with_a_flat_charging_price_the_answer_is_the_joint_program(market):
    """Proposition 3: (8) collapses to one linear program, here with every row and from nothing."""
    network, day = market
    clearing = clear(network, day)
    joint = full_joint(network, day)
    assert joint.status is Status.OPTIMAL
    cost = float(compile_joint(network, day.hours).bind(_ports(network, day)).cost @ joint.x)
    assert clearing.network_cost == pytest.approx(cost, abs=1e-6 * (1 + abs(cost)))


def _ports(network, day):
    limit = stacked(day.lots, "power_max_kw", day.hours)
    return {**distribution_ports(network, day, np.zeros_like(limit), limit), **lot_ports(day.lots, day.hours)}


@examples(40)
@given(markets(network=networks(terminals=("eq", "ge"))))
def test_no_lot_has_a_profitable_deviation(market):
    """The best response (R1) is solved here on the full program with every row, rivals fixed."""
    network, day = market
    clearing = clear(network, day)
    program = compile_joint(network, day.hours)
    instance = program.bind(_ports(network, day))
    lot = program.columns["lot_kw"].index
    for k, data in enumerate(day.lots):
        rivals = np.setdiff1d(np.arange(len(day.lots)), [k])
        fixed = instance.with_columns(
            lot[:, rivals].ravel(), clearing.lot_kw[:, rivals].ravel() - 1e-9, clearing.lot_kw[:, rivals].ravel() + 1e-9
        )
        cost = np.zeros(program.shape[1])
        cost[lot[:, k]] = -data.charging_price
        answer = open_handle(fixed.with_cost(cost)).solve()
        assert answer.status is Status.OPTIMAL
        best = -float(cost @ answer.x)
        assert best <= clearing.lot_profit[k] + 1e-5 * (1 + abs(best))
        assert clearing.certificate.regret[k] == pytest.approx(max(best - clearing.lot_profit[k], 0.0), abs=1e-5)


@examples(40)
@given(markets(charging_price=0.5), st.integers(0, 2**32 - 1))
def test_no_schedule_with_the_same_profits_is_cheaper(market, seed):
    network, day = market
    clearing = clear(network, day)
    program = compile_joint(network, day.hours)
    instance = program.bind(_ports(network, day))
    price = stacked(day.lots, "charging_price", day.hours)
    random = np.zeros(program.shape[1])
    random[program.columns["lot_kw"].index] = np.random.default_rng(seed).normal(size=price.shape)
    answer = open_handle(instance.with_cost(random)).solve()
    power = program.value(answer.x, "lot_kw")
    assume(np.allclose((price * power).sum(axis=0), clearing.lot_profit, rtol=1e-7))
    _, cost = full_dispatch(network, day, power)
    assert clearing.network_cost <= cost + 1e-6 * (1 + abs(cost))


@examples(40)
@given(markets(charging_price=0.5), st.data())
def test_dlmp_is_the_derivative_of_cost_by_load(market, data):
    """Between the left and the right difference quotient, because the cost is convex in the load."""
    network, day = market
    clearing = clear(network, day)
    hour = data.draw(st.integers(0, day.hours - 1))
    bus = data.draw(st.integers(0, network.feeder.size - 1))
    step = 1e-2
    slopes = []
    for sign in (-1.0, 1.0):
        load = day.load_kw.copy()
        load[hour, bus] += sign * step
        other = clear(network, replace(day, load_kw=load))
        slopes.append(sign * (other.network_cost - clearing.network_cost) / step)
    assert slopes[0] - 1e-5 <= clearing.dlmp[hour, bus] <= slopes[1] + 1e-5


@examples(40)
@given(markets(), st.data())
def test_dlmp_is_the_derivative_of_the_dsos_cost_at_given_charging(market, data):
    network, day = market
    clearing = clear(network, day)
    hour = data.draw(st.integers(0, day.hours - 1))
    bus = data.draw(st.integers(0, network.feeder.size - 1))
    step = 1e-2
    _, base = full_dispatch(network, day, clearing.lot_kw)
    slopes = []
    for sign in (-1.0, 1.0):
        load = day.load_kw.copy()
        load[hour, bus] += sign * step
        _, cost = full_dispatch(network, replace(day, load_kw=load), clearing.lot_kw)
        slopes.append(sign * (cost - base) / step)
    assert slopes[0] - 1e-5 <= clearing.dlmp[hour, bus] <= slopes[1] + 1e-5


@examples(40)
@given(markets())
def test_highs_and_gurobi_agree(market):
    network, day = market
    first, second = clear(network, day), clear(network, day, solver="gurobi")
    assert second.certificate.solver.startswith("Gurobi")
    assert second.certificate.certified
    assert second.network_cost == pytest.approx(first.network_cost, abs=1e-6 * (1 + abs(first.network_cost)))
    assert second.lot_profit == pytest.approx(first.lot_profit, abs=1e-5)
    assert second.lot_kw == pytest.approx(first.lot_kw, abs=1e-4)


# Monotonicity and scaling --------------------------------------------------------------------------------------


@examples(40)
@given(markets(charging_price=0.5), st.sampled_from(["microturbines", "renewables"]))
def test_losing_generation_never_saves_money(market, what):
    """O1."""
    network, day = market
    if what == "microturbines":
        less = replace(day, microturbine_available=np.zeros_like(day.microturbine_available))
    else:
        less = replace(day, renewable_kw=0.0 * day.renewable_kw)
    with_all, without = clear(network, day), clear(network, less)
    assert with_all.network_cost <= without.network_cost + 1e-6


@examples(40)
@given(markets(charging_price=0.5), st.floats(1.0, 3.0))
def test_more_renewable_potential_never_costs_more(market, factor):
    """O2."""
    network, day = market
    more = replace(day, renewable_kw=factor * day.renewable_kw)
    assert clear(network, more).network_cost <= clear(network, day).network_cost + 1e-6


@examples(40)
@given(markets(charging_price=0.5), st.floats(0.5, 3.0))
def test_prices_scale(market, factor):
    network, day = market
    turbines = tuple(replace(t, fuel_cost_per_kwh=factor * t.fuel_cost_per_kwh) for t in network.microturbines)
    scaled = clear(replace(network, microturbines=turbines), replace(day, wholesale_price=factor * day.wholesale_price))
    assert scaled.network_cost == pytest.approx(factor * clear(network, day).network_cost, abs=1e-6)


@examples(40)
@given(markets(charging_price=0.5), st.floats(0.0, 1.0), st.integers(0, 2**32 - 1))
def test_cost_is_concave_in_the_wholesale_price(market, weight, seed):
    network, day = market
    other = np.random.default_rng(seed).uniform(0.0, 0.1, day.hours)
    mixed = weight * day.wholesale_price + (1 - weight) * other
    costs = [clear(network, replace(day, wholesale_price=w)).network_cost for w in (day.wholesale_price, other, mixed)]
    assert costs[2] >= weight * costs[0] + (1 - weight) * costs[1] - 1e-6


@examples(40)
@given(markets(charging_price=0.5))
def test_a_finer_polygon_with_nested_vertices_never_costs_more(market):
    network, day = market
    costs = [clear(replace(network, polygon_edges=n), day).network_cost for n in (6, 12, 24)]
    wide = replace(
        network.feeder,
        rating_kva=np.full(network.feeder.size, np.inf),
        voltage_min_pu=np.zeros(network.feeder.size),
        voltage_max_pu=np.full(network.feeder.size, 9.0),
    )
    copper = clear(replace(network, feeder=wide, polygon_edges=24), day).network_cost
    assert copper <= costs[2] + 1e-6
    assert costs[2] <= costs[1] + 1e-6
    assert costs[1] <= costs[0] + 1e-6


@examples(40)
@given(markets(charging_price=0.5), st.floats(0.1, 2.0))
def test_the_level_of_a_flat_charging_price_changes_nothing_but_money(market, level):
    network, day = market
    first = clear(network, day)
    lots = tuple(replace(lot, charging_price=np.full(day.hours, level)) for lot in day.lots)
    second = clear(network, replace(day, lots=lots))
    assert second.lot_kw == pytest.approx(first.lot_kw, abs=1e-6)
    assert second.lot_profit == pytest.approx(first.lot_profit * level / 0.5, abs=1e-5)


@examples(40)
@given(markets())
def test_a_time_varying_charging_price_can_only_raise_the_cost(market):
    network, day = market
    flat = tuple(replace(lot, charging_price=np.full(day.hours, 0.5)) for lot in day.lots)
    assert clear(network, replace(day, lots=flat)).network_cost <= clear(network, day).network_cost + 1e-6


# One day is one function of its data ---------------------------------------------------------------------------


def test_a_cleared_day_does_not_depend_on_the_days_before_it():
    network, first = epec_lots_case("33", 1, voltage_min_pu=0.95, voltage_max_pu=1.05)
    rng = np.random.default_rng(1)
    days = [
        replace(
            first,
            wholesale_price=first.wholesale_price * rng.uniform(0.3, 1.7, first.hours),
            load_kw=first.load_kw * rng.uniform(0.8, 1.2, first.load_kw.shape),
        )
        for _ in range(4)
    ]
    market = LotsLeadMarket(network)
    market.prepare(first)
    forward = [market.clear(day) for day in days]
    market = LotsLeadMarket(network)
    market.prepare(first)
    backward = [market.clear(day) for day in days[::-1]][::-1]
    for one, two in zip(forward, backward, strict=True):
        assert np.array_equal(one.lot_kw, two.lot_kw)
        assert np.array_equal(one.dlmp, two.dlmp)
        assert np.array_equal(one.voltage_pu, two.voltage_pu)


def test_networks_without_lots_or_units_clear():
    network = Network(small_network().feeder)
    day = small_day([0.05, 0.02], (), load_kw=100.0)
    clearing = clear(network, day)
    assert clearing.network_cost == pytest.approx(7.0)
    assert clearing.certificate.verdict is Verdict.EXACT
