"""The lots-lead market on worked examples with known optima."""

from dataclasses import replace

import numpy as np
import pytest

from equilibrium.certificate import Verdict
from equilibrium.grid.assets import Microturbine
from equilibrium.markets.lots_lead.market import LotsLeadMarket
from scenarios.published.epec_lots import epec_lots_case
from tests.equilibrium.conftest import (
    lot_data,
    small_day,
    small_network,
)
from tests.equilibrium.test_lots_lead import clear


def test_charging_goes_to_the_cheap_hour():
    network = small_network()
    day = small_day([0.05, 0.02, 0.04], (lot_data(300.0, [200.0, 200.0, 200.0]),))
    clearing = clear(network, day)
    assert clearing.lot_kw[:, 0].tolist() == pytest.approx([0.0, 200.0, 100.0])
    assert clearing.network_cost == pytest.approx(200 * 0.02 + 100 * 0.04)
    assert clearing.lot_profit.tolist() == pytest.approx([150.0])
    assert clearing.certificate.verdict is Verdict.EXACT
    assert clearing.certificate.attained == (True,)


def test_equally_cheap_hours_are_filled_from_the_earliest():
    day = small_day([0.03, 0.03, 0.03], (lot_data(300.0, [200.0, 200.0, 200.0]),))
    assert clear(small_network(), day).lot_kw[:, 0].tolist() == pytest.approx([200.0, 100.0, 0.0])


def test_a_lot_whose_price_varies_takes_the_dear_hours_whatever_energy_costs():
    network = small_network(terminal="ge")
    day = small_day(
        [0.05, 0.02], (replace(lot_data(100.0, [100.0, 100.0], [0.6, 0.2]), soe_max_kwh=np.full(2, 150.0)),)
    )
    clearing = clear(network, day)
    assert clearing.lot_kw[:, 0].tolist() == pytest.approx([100.0, 50.0])
    assert clearing.lot_profit.tolist() == pytest.approx([70.0])


def test_microturbine_sets_the_price_behind_a_full_branch():
    turbine = Microturbine("mt", 2, 500.0, 0.06)
    network = small_network(turbine=turbine, rating_kva=np.array([5000.0, 5000.0, 100.0]))
    day = small_day([0.03], (lot_data(150.0, [300.0]),), load_kw=50.0, turbines=1)
    clearing = clear(network, day)
    # (2o): the vertex at angle 0 lets the branch carry its full rating at zero reactive flow.
    assert clearing.flow_kw[0].tolist() == pytest.approx([100.0, 100.0, 100.0])
    assert clearing.microturbine_kw[0, 0] == pytest.approx(100.0)
    assert clearing.dlmp[0].tolist() == pytest.approx([0.03, 0.03, 0.06])
    assert clearing.dlmp_congestion[0].tolist() == pytest.approx([0.0, 0.0, 0.03])
    assert clearing.dlmp_voltage[0].tolist() == pytest.approx([0.0, 0.0, 0.0])
    assert clearing.fuel_cost == pytest.approx(6.0)


@pytest.mark.parametrize("solver", ["highs", "gurobi"])
def test_the_price_at_a_kink_is_that_of_the_next_kw(solver):
    """The branch is just full: the next kW comes from the turbine at 0.06, the last one came from upstream at 0.03."""
    turbine = Microturbine("mt", 2, 500.0, 0.06)
    network = small_network(turbine=turbine, rating_kva=np.array([5000.0, 5000.0, 100.0]))
    day = small_day([0.03], (lot_data(50.0, [300.0]),), load_kw=50.0, turbines=1)
    clearing = clear(network, day, solver=solver)
    assert clearing.microturbine_kw[0, 0] == pytest.approx(0.0, abs=1e-9)
    assert clearing.dlmp[0].tolist() == pytest.approx([0.03, 0.03, 0.06])
    assert clearing.certificate.verdict is Verdict.EXACT


@pytest.mark.parametrize("solver", ["highs", "gurobi"])
def test_where_no_further_kw_can_come_the_price_is_that_of_the_last(solver):
    network = small_network(rating_kva=np.array([5000.0, 5000.0, 100.0]))
    day = small_day([0.03], (lot_data(50.0, [300.0]),), load_kw=50.0)
    clearing = clear(network, day, solver=solver)
    assert clearing.dlmp[0].tolist() == pytest.approx([0.03, 0.03, 0.03])
    assert clearing.certificate.verdict is Verdict.EXACT


def test_voltage_prices_stand_apart_from_congestion():
    turbine = Microturbine("mt", 2, 500.0, 0.06)
    # 1 ohm in all: a drop of 0.01 p.u. (100 V at 10 kV) lets 1000 kW through. Without reactance only kW count.
    network = small_network(turbine=turbine, voltage_min_pu=np.full(3, 0.99), x_ohm=np.zeros(3))
    day = small_day([0.03], (lot_data(1200.0, [2000.0]),), turbines=1)
    clearing = clear(network, day)
    assert clearing.voltage_pu[0].tolist() == pytest.approx([1.0, 0.995, 0.99])
    assert clearing.microturbine_kw[0, 0] == pytest.approx(200.0)
    assert clearing.dlmp_congestion[0].tolist() == pytest.approx([0.0, 0.0, 0.0])
    # A kW at bus 1 uses half of the resistance that a kW at bus 2 uses.
    assert clearing.dlmp[0].tolist() == pytest.approx([0.03, 0.045, 0.06])
    assert clearing.dlmp_voltage[0].tolist() == pytest.approx([0.0, 0.015, 0.03])


def test_the_two_readings_differ_as_the_card_says():
    """Where R1 and R2 differ: A may charge in hour 1 or 2, B only in hour 1, one unit of line: both are served."""
    network = small_network(lots=2, terminal="ge", rating_kva=np.array([5000.0, 5000.0, 100.0]))
    a = replace(lot_data(0.0, [100.0, 100.0]), soe_max_kwh=np.full(2, 100.0))
    b = replace(lot_data(0.0, [100.0, 0.0]), soe_max_kwh=np.full(2, 100.0))
    clearing = clear(network, small_day([0.05, 0.05], (a, b)))
    assert clearing.lot_kw.tolist() == [pytest.approx([0.0, 100.0]), pytest.approx([100.0, 0.0])]
    assert clearing.certificate.attained == (True, True)


def test_lots_that_block_each_other_still_make_a_proved_equilibrium():
    network = small_network(lots=2, terminal="ge", rating_kva=np.array([5000.0, 5000.0, 100.0]))
    lots = tuple(replace(lot_data(0.0, [80.0]), soe_max_kwh=np.full(1, 80.0)) for _ in range(2))
    clearing = clear(network, small_day([0.05], lots))
    assert clearing.lot_kw.sum() == pytest.approx(100.0)
    assert clearing.certificate.attained.count(False) >= 1
    assert clearing.certificate.verdict is Verdict.EXACT
    assert "the network keeps lots from their own maximum" in clearing.certificate.notes


def test_first_hour_as_printed_is_free_revenue():
    """D1: p_{c,1} earns money in (3a) and appears in no energy balance."""
    lot = lot_data(100.0, [70.0, 100.0])
    day = small_day([0.05, 0.02], (lot,))
    printed = clear(small_network(first_hour="as_printed"), day)
    corrected = clear(small_network(), day)
    assert printed.lot_kw[:, 0].tolist() == pytest.approx([70.0, 100.0])
    assert corrected.lot_kw.sum() == pytest.approx(100.0)


def test_terminal_ge_charges_up_to_the_band():
    """D3: with ">=" the lot's own maximisation is not trivial."""
    lot = replace(lot_data(100.0, [100.0, 100.0]), soe_max_kwh=np.full(2, 160.0))
    day = small_day([0.05, 0.02], (lot,))
    assert clear(small_network(terminal="ge"), day).lot_kw.sum() == pytest.approx(160.0)
    assert clear(small_network(), day).lot_kw.sum() == pytest.approx(100.0)


@pytest.mark.parametrize(
    ("feeder", "case", "low", "high", "expected"),
    [
        ("33", 1, 0.90, 1.10, (1936.1, 444.0, 32.98, 0.0)),
        ("33", 2, 0.90, 1.10, (2018.6, 0.0, 43.78, 0.0)),
        ("33", 3, 0.90, 1.10, (2704.6, 444.0, 50.50, 0.0)),
        ("33", 1, 0.95, 1.05, (1936.8, 443.3, 33.0, 0.0)),
        ("85", 1, 0.90, 1.10, (820.1, 391.0, 10.57, 0.70)),
        ("85", 2, 0.95, 1.05, (908.7, 0.0, 20.33, 0.70)),
        ("85", 3, 0.95, 1.05, (1582.4, 434.6, 26.53, 0.0)),
    ],
)
def test_reference_results_of_the_substitute_data(feeder, case, low, high, expected):
    network, day = epec_lots_case(feeder, case, voltage_min_pu=low, voltage_max_pu=high)
    clearing = LotsLeadMarket(network).clear(day)
    found = (
        clearing.network_cost,
        clearing.fuel_cost,
        clearing.import_kw.sum() / 1000,
        clearing.export_kw.sum() / 1000,
    )
    assert found == pytest.approx(expected, rel=1e-3, abs=0.006)
    assert clearing.lot_kw.sum() == pytest.approx(7070.0, abs=1e-6)
    assert clearing.certificate.verdict is Verdict.EXACT
