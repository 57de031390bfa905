"""What must hold at every cleared day: it does on random days, and each statement sees what breaks it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from equilibrium.errors import InfeasibleError
from equilibrium.fleet.envelope import lot_day
from equilibrium.grid.assets import StorageUnit
from equilibrium.invariants import Invariant, check, most, outside
from equilibrium.markets.charging import invariants as charging
from equilibrium.markets.disco import invariants as disco
from equilibrium.markets.disco.market import DiscoMarket
from equilibrium.markets.lots_lead.market import LotsLeadMarket
from equilibrium.markets.nodal import invariants as nodal
from equilibrium.markets.nodal.market import NodalMarket
from scenarios.loading import load_scenario
from scenarios.random_markets import fleets, market_days, networks, with_storage
from sim.markets.charging.model import LocalMarket
from tests.equilibrium.conftest import lot_data, small_day
from tests.equilibrium.conftest import small_network as three_buses
from tests.equilibrium.disco_days import random_day, small_network
from tests.equilibrium.oracle import examples, tight_markets

SOLVERS = ("highs", "gurobi")


def broken(invariants, network, day, cleared) -> dict[str, float]:
    """Return the statements that do not hold, with their violations."""
    findings = check(invariants, network, day, cleared)
    assert [finding.name for finding in findings] == [each.name for each in invariants]
    return {finding.name: finding.violation for finding in findings if not finding.holds}


# On random days


@st.composite
def days_with_vehicles(draw):
    network = draw(with_storage(draw(networks())))
    day = draw(market_days(network, negative_prices=True))
    lots = []
    for site, lot in zip(network.lots, day.lots, strict=True):
        lots.append(replace(lot, fleet=None) if draw(st.booleans()) else lot_of(draw, site, lot))
    return network, replace(day, lots=tuple(lots))


def lot_of(draw, site, lot):
    """A lot's day that follows from vehicles."""
    return lot_day(draw(fleets(lot.power_max_kw.size, site.efficiency)), lot.charging_price, site.efficiency)


@pytest.mark.parametrize("solver", SOLVERS)
@settings(parent=examples(25))
@given(market=days_with_vehicles())
def test_a_random_lots_lead_day_keeps_them_all(solver, market):
    network, day = market
    try:
        cleared = LotsLeadMarket(network, solver=solver).clear(day)
    except InfeasibleError:
        assume(False)
    assert broken(charging.INVARIANTS, network, day, cleared) == {}


@pytest.mark.parametrize("solver", SOLVERS)
@settings(parent=examples(10))
@given(market=tight_markets(negative_prices=True))
def test_a_random_nodal_day_keeps_them_all(solver, market):
    network, day = market
    try:
        cleared = NodalMarket(network, solver=solver).clear(day)
    except InfeasibleError:
        assume(False)
    assume(cleared.certificate.certified)
    assert broken(nodal.INVARIANTS, network, day, cleared) == {}


@pytest.mark.parametrize(
    ("mode", "purchases"),
    [("windows-strict", "recourse"), ("windows", "recourse"), ("strict", "recourse"), ("windows", "here-and-now")],
)
@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("seed", [1, 2])
def test_a_random_disco_day_keeps_them_all(solver, mode, purchases, seed):
    network, day = random_day(seed, small_network(2), scenarios=2, count=2)
    options = {"mode": mode, "purchases": purchases, "beta": 0.4, "segments": 8, "transformer_efficiency": 0.98}
    cleared = DiscoMarket(network, solver=solver, **options).clear(day)
    assert broken(disco.INVARIANTS, network, day, cleared) == {}


def test_a_copper_plate_has_one_balance_and_one_voltage():
    network, day = random_day(4)
    cleared = DiscoMarket(network, flow="copper-plate").clear(day)
    assert broken(disco.INVARIANTS, network, day, cleared) == {}


@pytest.mark.parametrize("solver", SOLVERS)
def test_an_export_at_a_negative_price_has_the_price_of_exports(solver):
    """The battery sells 50 kW at -10 per MWh times 0.5 to have room where taking power earns 60 per MWh.

    The export's price, -5, is above the wholesale price. An hour without trade has neither: a price between them would
    pay for buying or for selling.
    """
    cell = StorageUnit("cell", 2, 100.0, 50.0, 50.0, 75.0, charge_efficiency=1.0, discharge_efficiency=1.0)
    network = replace(three_buses(lots=0), storage=(cell,), export_price_factor=0.5)
    day = small_day([-0.01, -0.06], ())
    cleared = LotsLeadMarket(network, solver=solver).clear(day)
    assert cleared.export_kw.tolist() == pytest.approx([50.0, 0.0])
    assert cleared.import_kw.tolist() == pytest.approx([0.0, 50.0])
    assert cleared.dlmp_energy[:, 0].tolist() == pytest.approx([-0.005, -0.06])
    assert broken(charging.INVARIANTS, network, day, cleared) == {}
    idle = replace(cleared, import_kw=np.zeros(2), export_kw=np.zeros(2))
    for price, holds in ((-0.012, True), (-0.01, True), (-0.008, False), (-0.005, True), (0.01, True)):
        at = replace(idle, dlmp_energy=np.array([[price, 0.0, 0.0], [-0.06, 0.0, 0.0]]))
        assert ("substation-price" not in broken(charging.INVARIANTS, network, day, at)) == holds, price


@pytest.mark.parametrize("terminal", ["eq", "ge"])
@pytest.mark.parametrize("first_hour", ["corrected", "as_printed"])
def test_each_reading_of_the_lots_equations_keeps_them_all(first_hour, terminal):
    """As printed, what is drawn in the first hour is not stored; a kWh more or less in any hour is seen in both."""
    network = three_buses(terminal=terminal, first_hour=first_hour)
    day = small_day([0.02, 0.05, 0.04], (lot_data(150.0, [100.0, 100.0, 100.0]),))
    cleared = LotsLeadMarket(network).clear(day)
    assert broken(charging.INVARIANTS, network, day, cleared) == {}
    for hour in range(3):
        for more in (-1.0, 1.0):
            energy = cleared.lot_soe_kwh.copy()
            energy[hour:] += more
            wrong = broken(charging.INVARIANTS, network, day, replace(cleared, lot_soe_kwh=energy))
            assert "lot-energy" in wrong, (hour, more)


# Every statement sees what breaks it

BATTERY = {
    **{"name": "cell", "bus": 8, "energy_kwh": 400, "charge_max_kw": 100, "discharge_max_kw": 100},
    "initial_kwh": 200,
}


def simulated(name: str) -> tuple[Any, Any, Any]:
    model = LocalMarket(load_scenario(name, {"storage": [BATTERY]} if name == "week-33" else None), seed=1)
    model.step()
    assert model.last is not None
    return model.last.network, model.last.market, model.last.clearing


@pytest.fixture(scope="module")
def week():
    return simulated("week-33")


@pytest.fixture(scope="module")
def game():
    return simulated("nodal-33")


@pytest.fixture(scope="module")
def company():
    network, day = random_day(7, small_network(2), scenarios=2, count=3)
    return network, day, DiscoMarket(network, beta=0.4).clear(day)


def moved(name: str, by: float, at: Any = ...) -> Callable[[Any], Any]:
    """Return what adds to an array or number of a clearing."""

    def change(cleared: Any) -> Any:
        value = np.array(getattr(cleared, name), dtype=float)
        value[at] += by
        return replace(cleared, **{name: float(value) if value.ndim == 0 else value})

    return change


def both_ways(cleared):
    hour = int(np.argmax(cleared.import_kw))
    bought, sold = cleared.import_kw.copy(), cleared.export_kw.copy()
    bought[hour] += 5.0
    sold[hour] += 5.0
    return replace(cleared, import_kw=bought, export_kw=sold)


def at_slackest(cleared):
    """A voltage part in the hour whose voltages are farthest from their limits."""
    hour = int(np.argmax(np.minimum(cleared.voltage_pu - 0.9, 1.1 - cleared.voltage_pu)[:, 1:].min(axis=1)))
    return moved("dlmp_voltage", 0.01, (hour, 5))(cleared)


def curtailed(cleared):
    hour = int(np.argmax(cleared.renewable_kw[:, 0]))
    return moved("renewable_kw", -0.5 * cleared.renewable_kw[hour, 0], (hour, 0))(cleared)


def inside(cleared):
    """Microturbines that give a tenth of their power, and no reactive power."""
    return replace(
        cleared,
        microturbine_kw=0.1 * cleared.microturbine_kw,
        microturbine_kvar=np.zeros_like(cleared.microturbine_kvar),
    )


def more_for_one_vehicle(cleared):
    split = [None if part is None else part.copy() for part in cleared.vehicle_kw]
    split[0][0] *= 1.5
    return replace(cleared, vehicle_kw=tuple(split))


def of_sun(name: str, by: float) -> Callable[[Any], Any]:
    """Return what adds to a number of the first unit of sun or wind that is all used."""

    def change(cleared: Any) -> Any:
        at = next(k for k, limit in enumerate(cleared.limits) if limit.name == "renewable")
        other = replace(cleared.limits[at], **{name: getattr(cleared.limits[at], name) + by})
        return replace(cleared, limits=(*cleared.limits[:at], other, *cleared.limits[at + 1 :]))

    return change


CHARGING = {
    "active-balance": moved("flow_kw", 5.0, (3, 4)),
    "reactive-balance": moved("compensator_kvar", -5.0, (3, 0)),
    "voltage-drop": moved("voltage_pu", 0.001, (3, 4)),
    "limits": moved("voltage_pu", -0.2),
    "one-way-trade": both_ways,
    "storage-energy": moved("storage_kwh", 5.0, (3, 0)),
    "lot-energy": moved("lot_soe_kwh", 5.0, (10, 1)),
    "vehicles-served": more_for_one_vehicle,
    "price-parts": moved("dlmp", 0.001, (3, 4)),
    "substation-price": moved("dlmp_energy", 0.01, 3),
    "congestion-price": moved("dlmp_congestion", 0.01, (3, 4)),
    "voltage-price": at_slackest,
    "renewable-price": curtailed,
    "fuel-price": lambda cleared: moved("dlmp", 0.05)(inside(cleared)),
    "limit-slack": of_sun("value", -1.0),
    "limit-worth": of_sun("multiplier", 0.01),
    "network-cost": moved("network_cost", 1.0),
    "lot-profit": moved("lot_profit", 1.0, 1),
    "proof": moved("lot_maximum", -1.0, 1),
}

NODAL = {
    "lot-price": moved("lot_price", 0.001, (3, 1)),
    "price-interval": moved("lot_price_low", 1.0, (3, 1)),
    "profit-interval": moved("value_optimistic", -50.0, 1),
    "money-balance": moved("network_surplus", 1.0),
    "competition": moved("competitive_profit", 1.0, 1),
    "market-power": moved("shifted_kwh", 1.0, 1),
}


def in_scenario(name: str, by: float, at: Any = ...) -> Callable[[Any], Any]:
    """Return what adds to an array or number of the second scenario of a DISCO clearing."""

    def change(cleared: Any) -> Any:
        first, second = cleared.scenarios
        return replace(cleared, scenarios=(first, moved(name, by, at)(second)))

    return change


def other_account(cleared):
    first, second = cleared.scenarios
    accounts = {**second.accounts, "v2g_payment": 1.0 + second.accounts["v2g_payment"]}
    return replace(cleared, scenarios=(first, replace(second, accounts=accounts)))


def emptier_battery(cleared):
    first, second = cleared.scenarios
    plan = second.vehicles[0]
    plans = (replace(plan, energy_kwh=plan.energy_kwh - 0.1), *second.vehicles[1:])
    return replace(cleared, scenarios=(first, replace(second, vehicles=plans)))


DISCO = {
    "active-balance": in_scenario("flow_kw", 1.0, (2, 3)),
    "transformer": in_scenario("import_kw", 1.0, 2),
    "voltage-drop": in_scenario("voltage_pu", 0.001, (2, 3)),
    "limits": in_scenario("voltage_pu", -0.2),
    "vehicles": emptier_battery,
    "windows": in_scenario("lot_charge_kw", 1.0, (1, 0)),
    "accounts": other_account,
    "money-balance": in_scenario("company_profit", 0.1),
    "statistics": moved("cvar", -0.1),
    "attitude": lambda cleared: replace(cleared, pessimistic=(cleared.objective + 1.0, cleared.objective + 2.0)),
    "proof": in_scenario("lot_maximum", -0.1, 0),
    "substation-price": in_scenario("price", -0.01),
    "renewable-price": lambda cleared: in_scenario("renewable_kw", -20.0)(in_scenario("price", 0.05)(cleared)),
}


@pytest.mark.parametrize("name", [each.name for each in charging.INVARIANTS])
def test_a_statement_about_charging_sees_what_breaks_it(week, name):
    network, day, cleared = week
    assert broken(charging.INVARIANTS, network, day, cleared) == {}
    assert name in broken(charging.INVARIANTS, network, day, CHARGING[name](cleared))


@pytest.mark.parametrize("name", [each.name for each in nodal.OWN])
def test_a_statement_about_the_nodal_market_sees_what_breaks_it(game, name):
    network, day, cleared = game
    assert broken(nodal.INVARIANTS, network, day, cleared) == {}
    assert name in broken(nodal.INVARIANTS, network, day, NODAL[name](cleared))


@pytest.mark.parametrize("name", [each.name for each in disco.INVARIANTS])
def test_a_statement_about_the_disco_market_sees_what_breaks_it(company, name):
    network, day, cleared = company
    assert broken(disco.INVARIANTS, network, day, cleared) == {}
    assert name in broken(disco.INVARIANTS, network, day, DISCO[name](cleared))


# The statements themselves


@pytest.mark.parametrize("invariants", [nodal.INVARIANTS, disco.INVARIANTS])
def test_every_statement_says_what_holds_and_where_it_stands(invariants):
    assert len({each.name for each in invariants}) == len(invariants)
    for each in invariants:
        assert each.statement
        assert each.source
        assert 0.0 < each.tolerance <= 1e-6


def test_what_is_not_a_number_does_not_hold(week):
    network, day, cleared = week
    unknown = Invariant("unknown", "nothing", "nowhere", 1.0, lambda *_: float("nan"))
    (finding,) = check([unknown], network, day, cleared)
    assert not finding.holds
    lost = moved("flow_kw", float("nan"), (0, 0))(cleared)
    assert "active-balance" in broken(charging.INVARIANTS, network, day, lost)


def test_the_largest_of_nothing_is_zero_and_limits_hold_themselves():
    assert most() == most(np.zeros((3, 0))) == 0.0
    assert np.isnan(most(1.0, np.array([np.nan])))
    np.testing.assert_array_equal(outside(np.array([-1.0, 0.5, 3.0]), 0.0, np.array([1.0, 0.5, 2.0])), [1.0, 0.0, 1.0])
