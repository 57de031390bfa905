"""Negative wholesale prices: imports and exports exclude each other, exactly."""

from itertools import product

import numpy as np
import pytest
from hypothesis import assume, given

import equilibrium.markets.charging.stages as lexicographic
from equilibrium.errors import InfeasibleError
from equilibrium.grid.assets import Microturbine, RenewableUnit
from equilibrium.grid.distribution import distribution_ports
from equilibrium.grid.network import Network
from equilibrium.markets.charging.day import MarketDay
from equilibrium.markets.charging.joint import compile_joint
from equilibrium.markets.charging.lots import lot_ports, stacked
from equilibrium.markets.lots_lead.market import LotsLeadMarket
from equilibrium.programs.solvers import Status, open_handle
from scenarios.random_markets import markets
from tests.equilibrium.conftest import cost_of, lot_data, small_day, small_feeder, small_network
from tests.equilibrium.oracle import examples


def enumerated_cost(network: Network, day: MarketDay) -> float:
    """The least cost over every combination of directions in the hours of negative price."""
    program = compile_joint(network, day.hours)
    limit = stacked(day.lots, "power_max_kw", day.hours)
    ports = {**distribution_ports(network, day, np.zeros_like(limit), limit), **lot_ports(day.lots, day.hours)}
    instance = program.bind(ports)
    negative = np.flatnonzero(day.wholesale_price < 0)
    best = np.inf
    for exporting in product((False, True), repeat=negative.size):
        trial = instance
        for hour, export in zip(negative, exporting, strict=True):
            closed = "import_kw" if export else "export_kw"
            trial = trial.with_columns(program.columns[closed].index[[hour]], 0.0, 0.0)
        answer = open_handle(trial).solve()
        if answer.status is Status.OPTIMAL:
            best = min(best, float(trial.cost @ answer.x))
    return best


@examples(50)
@given(markets(negative_prices=True, charging_price=0.5))
def test_negative_prices_are_cleared_exactly(market):
    network, day = market
    try:
        clearing = LotsLeadMarket(network).clear(day)
    except InfeasibleError:
        assert enumerated_cost(network, day) == np.inf
        return
    expected = enumerated_cost(network, day)
    assert clearing.network_cost == pytest.approx(expected, abs=1e-6 * (1 + abs(expected)))
    assert np.minimum(clearing.import_kw, clearing.export_kw).max() <= 1e-9
    assert clearing.certificate.certified


@examples(50)
@given(markets(negative_prices=True, charging_price=0.5))
def test_the_proof_and_the_mixed_integer_program_agree(market):
    network, day = market
    assume((day.wholesale_price < 0).any())
    original = lexicographic.importing_is_optimal
    costs = []
    for proof in (original, lambda *_: False):
        lexicographic.importing_is_optimal = proof
        try:
            costs.append(LotsLeadMarket(network).clear(day).network_cost)
        except InfeasibleError:
            costs.append(np.inf)
        finally:
            lexicographic.importing_is_optimal = original
    assert costs[0] == pytest.approx(costs[1], abs=1e-6)


def test_a_feeder_with_surplus_is_paid_to_import_instead():
    sun = RenewableUnit("pv", 2, 500.0, "pv")
    network = Network(small_feeder(), renewables=(sun,))
    day = small_day([-0.02], (), load_kw=100.0)
    day = MarketDay(
        day.wholesale_price, day.load_kw, day.load_kvar, np.array([[500.0]]), day.microturbine_available, ()
    )
    clearing = LotsLeadMarket(network).clear(day)
    assert clearing.import_kw[0] == pytest.approx(100.0)
    assert clearing.renewable_kw[0, 0] == pytest.approx(0.0)
    assert clearing.network_cost == pytest.approx(-2.0)
    assert clearing.dlmp[0].tolist() == pytest.approx([-0.02] * 3)
    assert any("negative price" in note for note in clearing.certificate.notes)


def test_exporting_is_found_where_the_network_leaves_no_other_way():
    """Voltage support: the load at bus 2 cannot be imported, and what must run beside it makes a surplus."""
    turbine = Microturbine("mt", 2, 900.0, 0.06)
    network = small_network(
        turbine=turbine, x_ohm=np.zeros(3), voltage_min_pu=np.array([0.9, 1.001, 0.9]), rating_kva=np.full(3, 2000.0)
    )
    day = small_day([-0.02], (lot_data(100.0, [100.0]),), load_kw=100.0, turbines=1)
    clearing = LotsLeadMarket(network).clear(day)
    # 0.5 ohm: bus 1 is 10 V above the root when 200 kW flow towards it.
    assert clearing.export_kw[0] == pytest.approx(200.0)
    assert clearing.import_kw[0] == pytest.approx(0.0)
    assert clearing.microturbine_kw[0, 0] == pytest.approx(400.0)
    assert clearing.network_cost == pytest.approx(400 * 0.06 + 0.7 * 0.02 * 200)
    assert clearing.network_cost == pytest.approx(cost_of(network, day, clearing))
    assert any("mixed-integer" in note for note in clearing.certificate.notes)
    assert clearing.certificate.certified


def test_a_price_of_zero_shows_one_direction_only():
    clearing = LotsLeadMarket(small_network()).clear(small_day([0.0, 0.0], (lot_data(50.0, [50.0, 50.0]),)))
    assert np.minimum(clearing.import_kw, clearing.export_kw).max() == 0.0
    assert clearing.import_kw.sum() == pytest.approx(50.0)
