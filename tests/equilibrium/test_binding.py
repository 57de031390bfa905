"""The limits at work of a dispatch: which, by how much, and what one more unit of each would save."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from equilibrium.grid.assets import Microturbine, RenewableUnit, StaticVarCompensator, StorageUnit
from equilibrium.grid.binding import NAMES, Limit, binding_limits
from equilibrium.grid.distribution import compile_distribution, distribution_ports
from equilibrium.grid.network import Network
from equilibrium.markets.charging.day import MarketDay
from equilibrium.markets.lots_lead.market import LotsLeadMarket
from equilibrium.markets.nodal.market import NodalMarket
from equilibrium.programs.solvers import Status, open_handle
from scenarios.random_markets import feeders, market_days, networks
from tests.equilibrium.conftest import lot_data, small_day, small_network
from tests.equilibrium.oracle import examples

TURBINE = Microturbine("mt", 2, 500.0, 0.06)
FULL = np.array([5000.0, 5000.0, 100.0])


def found(limits: tuple[Limit, ...], name: str) -> Limit:
    (limit,) = [limit for limit in limits if limit.name == name]
    return limit


@pytest.mark.parametrize("solver", ["highs", "gurobi"])
@pytest.mark.parametrize("market", [LotsLeadMarket, NodalMarket])
def test_a_full_branch_is_worth_the_difference_of_two_sources(market, solver) -> None:
    network = small_network(turbine=TURBINE, rating_kva=FULL)
    day = small_day([0.03], (lot_data(150.0, [300.0]),), load_kw=50.0, turbines=1)
    (branch,) = market(network, solver=solver).clear(day).limits
    assert (branch.name, branch.place, branch.bus, branch.period, branch.unit) == ("branch", "2", 2, 0, "kVA")
    assert (branch.value, branch.bound, branch.reached) == (pytest.approx(100.0), 100.0, True)
    assert branch.multiplier == pytest.approx(0.06 - 0.03)  # a kVA more brings a kW from upstream to a unity load
    assert branch.shortage == 0.0


@pytest.mark.parametrize("solver", ["highs", "gurobi"])
def test_a_low_voltage_is_worth_the_power_that_it_keeps_out(solver) -> None:
    network = small_network(turbine=TURBINE, voltage_min_pu=np.full(3, 0.99), x_ohm=np.zeros(3))
    day = small_day([0.03], (lot_data(1200.0, [2000.0]),), turbines=1)
    (voltage,) = LotsLeadMarket(network, solver=solver).clear(day).limits
    assert (voltage.name, voltage.place, voltage.unit) == ("voltage-min", "2", "p.u.")
    assert (voltage.value, voltage.slack) == (pytest.approx(0.99), pytest.approx(0.0, abs=1e-12))
    # 1 ohm at 10 kV: a p.u. of drop is 10,000 V, which brings 100,000 kW that cost 0.03 less.
    assert voltage.multiplier == pytest.approx(100_000.0 * 0.03)


def test_the_substation_is_told_from_the_branches() -> None:
    network = small_network(turbine=TURBINE, rating_kva=np.array([120.0, 5000.0, 5000.0]))
    day = small_day([0.03], (lot_data(150.0, [300.0]),), load_kw=50.0, turbines=1)
    (limit,) = LotsLeadMarket(network).clear(day).limits
    assert (limit.name, limit.place, limit.value) == ("substation", "0", pytest.approx(120.0))


def test_a_limit_that_is_near_is_listed_without_a_price() -> None:
    for rating, near in ((201.9, True), (202.1, False)):
        network = small_network(rating_kva=np.array([5000.0, 5000.0, rating]))
        limits = LotsLeadMarket(network).clear(small_day([0.03], (lot_data(150.0, [300.0]),), load_kw=50.0)).limits
        assert [limit.name for limit in limits] == ["branch"] * near
        for limit in limits:
            assert (limit.slack, limit.reached, limit.multiplier) == (pytest.approx(1.9), False, 0.0)


def test_units_at_their_limits_are_worth_what_they_save() -> None:
    sun = RenewableUnit("sun", 1, 30.0, "pv")
    network = replace(
        small_network(lots=0, turbine=replace(TURBINE, rating_kva=40.0, fuel_cost_per_kwh=0.02)),
        renewables=(sun,),
    )
    day = small_day([0.03, 0.05], (), load_kw=100.0, turbines=1)
    day = replace(day, renewable_kw=np.array([[30.0], [0.0]]))
    limits = LotsLeadMarket(network).clear(day).limits
    told = [(limit.period, limit.name, limit.place, limit.value) for limit in limits]
    assert told == [
        (0, "microturbine", "mt", pytest.approx(40.0)),
        (0, "renewable", "sun", pytest.approx(30.0)),  # a night without sun is no limit
        (1, "microturbine", "mt", pytest.approx(40.0)),
    ]
    assert [limit.multiplier for limit in limits] == pytest.approx([0.01, 0.03, 0.03])
    off = replace(day, microturbine_available=np.zeros(1, dtype=bool))
    assert {limit.name for limit in LotsLeadMarket(network).clear(off).limits} == {"renewable"}


def operators_limits(network: Network, day: MarketDay) -> tuple[Limit, ...]:
    """The limits at work of the operator's own program, with the multipliers that a solver gives."""
    idle = np.zeros((day.hours, len(network.lots)))
    program = compile_distribution(network, day.hours)
    instance = program.bind(distribution_ports(network, day, idle, idle))
    answer = open_handle(instance).solve()
    return binding_limits(network, program, instance, answer.x, answer.y)


def test_a_store_is_full_and_a_ramp_holds() -> None:
    battery = StorageUnit("battery", 2, 40.0, 50.0, 25.0, 0.0, 1.0, 1.0)
    network = replace(small_network(lots=0), storage=(battery,))
    day = small_day([0.02, 0.05, 0.04], (), load_kw=100.0)
    limits = operators_limits(network, day)
    full = next(limit for limit in limits if limit.name == "storage-full")
    assert (full.place, full.period, full.unit, full.value) == ("battery", 0, "kWh", pytest.approx(40.0))
    assert full.multiplier == pytest.approx(0.02)  # bought at 0.02, the last of it given at 0.04
    given_kw = next(limit for limit in limits if limit.name == "storage-discharge")
    assert (given_kw.period, given_kw.value, given_kw.multiplier) == (1, pytest.approx(25.0), pytest.approx(0.01))
    # In a cleared day no rule says what part of it is whose: the limits are there without a price.
    cleared = LotsLeadMarket(network).clear(day).limits
    assert {limit.name for limit in cleared} >= {"storage-full", "storage-discharge"}
    assert all(np.isnan(limit.multiplier) for limit in cleared)

    turbine = replace(TURBINE, fuel_cost_per_kwh=0.03, ramp_kw_per_h=20.0)
    day = small_day([0.02, 0.05], (), load_kw=100.0, turbines=1)
    rise = found(operators_limits(small_network(lots=0, turbine=turbine), day), "ramp-up")
    # 10 kW run at a loss of 0.01 in the first hour would bring 10 kW at a gain of 0.02 in the second: all that fit.
    assert (rise.period, rise.value, rise.bound) == (1, pytest.approx(20.0), 20.0)
    assert rise.multiplier == pytest.approx(0.01)
    day = small_day([0.05, 0.02], (), load_kw=100.0, turbines=1)
    fall = found(operators_limits(small_network(lots=0, turbine=turbine), day), "ramp-down")
    assert (fall.period, fall.value, fall.multiplier) == (1, pytest.approx(20.0), pytest.approx(0.01))
    cleared = LotsLeadMarket(small_network(lots=0, turbine=turbine)).clear(day).limits
    assert np.isnan(found(cleared, "ramp-down").multiplier)


def test_a_compensator_at_its_rating_lifts_a_voltage() -> None:
    network = replace(
        small_network(lots=0, voltage_min_pu=np.full(3, 0.99)),
        compensators=(StaticVarCompensator("svc", 2, 50.0),),
    )
    market = LotsLeadMarket(network, on_infeasible="shed", value_of_lost_load=2.0)
    clearing = market.clear(small_day([0.03], (), load_kw=1100.0))
    # A kvar lifts the voltage by x / r = half of what a kW less does: 1000 kW pass without it, 1025 kW with 50 kvar.
    assert clearing.shed_kw.sum() == pytest.approx(75.0)
    assert found(clearing.limits, "svc").value == pytest.approx(50.0)
    assert found(clearing.limits, "svc").shortage == pytest.approx(0.5 * 2.0)
    assert found(clearing.limits, "voltage-min").shortage == pytest.approx(100_000.0 * 2.0)


@pytest.mark.parametrize("solver", ["highs", "gurobi"])
def test_a_shortage_names_the_limit_that_it_comes_from(solver) -> None:
    network = small_network(lots=0, rating_kva=FULL)
    market = LotsLeadMarket(network, on_infeasible="shed", value_of_lost_load=2.0, solver=solver)
    clearing = market.clear(small_day([0.03, 0.03], (), load_kw=130.0))
    assert clearing.shed_kw.sum() == pytest.approx(60.0)
    limits = [limit for limit in clearing.limits if limit.shortage != 0.0]
    assert [(limit.name, limit.place, limit.period) for limit in limits] == [("branch", "2", 0), ("branch", "2", 1)]
    assert [limit.shortage for limit in limits] == pytest.approx([2.0, 2.0])


def test_every_name_is_explained() -> None:
    assert all(NAMES.values())


def least_cost(network: Network, day: MarketDay) -> tuple[float, tuple[Limit, ...]] | None:
    """The operator's least cost for one period with idle lots, and its limits at work."""
    idle = np.zeros((1, len(network.lots)))
    program = compile_distribution(network, 1)
    instance = program.bind(distribution_ports(network, day, idle, idle))
    answer = open_handle(instance).solve()
    if answer.status is not Status.OPTIMAL:
        return None
    return float(instance.cost @ answer.x), binding_limits(network, program, instance, answer.x, answer.y)


def moved(network: Network, limit: Limit, step: float) -> Network:
    """The network with one limit wider by a step, in the limit's own unit."""
    feeder = network.feeder
    if limit.name in ("branch", "substation"):
        rating = feeder.rating_kva.copy()
        rating[limit.bus] += step
        return replace(network, feeder=replace(feeder, rating_kva=rating))
    if limit.name == "voltage-min":
        lowest = feeder.voltage_min_pu.copy()
        lowest[limit.bus] -= step
        return replace(network, feeder=replace(feeder, voltage_min_pu=lowest))
    kind = "microturbines" if limit.name == "microturbine" else "compensators"
    rating_name = "rating_kva" if kind == "microturbines" else "rating_kvar"
    units = [
        replace(unit, **{rating_name: getattr(unit, rating_name) + step}) if unit.name == limit.place else unit
        for unit in getattr(network, kind)
    ]
    return replace(network, **{kind: tuple(units)})


@examples(25)
@given(st.data())
def test_a_multiplier_is_a_slope_of_the_cost(data: st.DataObject) -> None:
    """The cost is convex in a limit: what a wider one saves is at most its multiplier, a tighter one costs as much."""
    network = data.draw(networks(feeders(load_max_kw=600.0, band_pu=0.012), min_lots=0, max_lots=0))
    day = data.draw(market_days(network, 1))
    begin = least_cost(network, day)
    assume(begin is not None)
    assert begin is not None
    cost, limits = begin
    for limit in limits:
        if limit.name in ("renewable", "voltage-max"):
            continue
        step = 1e-3 * (0.01 if limit.unit == "p.u." else 1.0 + limit.bound)
        for change in (step, -step):
            there = least_cost(moved(network, limit, change), day)
            if there is not None:
                assert there[0] >= cost - limit.multiplier * change - 1e-7 * (1.0 + abs(cost)), limit
