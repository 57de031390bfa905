"""Days that no dispatch can serve."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given

from equilibrium.errors import InfeasibleError
from equilibrium.markets.lots_lead.market import LotsLeadMarket
from scenarios.random_markets import feeders, markets, networks
from tests.equilibrium.conftest import lot_data, small_day, small_network
from tests.equilibrium.oracle import examples


def test_an_overloaded_branch_is_named_with_bus_hour_and_amount():
    network = small_network(rating_kva=np.array([5000.0, 5000.0, 100.0]))
    day = small_day([0.03, 0.03], (lot_data(0.0, [10.0, 10.0]),), load_kw=130.0)
    with pytest.raises(InfeasibleError) as caught:
        LotsLeadMarket(network).clear(day)
    text = str(caught.value)
    assert "branch into bus 2 is overloaded in hour 0" in text
    # The polygon's side at the vertex: 30 kW too much at the vertex is 30 cos(pi/12) on the edge, 30 kVA in rating.
    assert len(caught.value.reasons) == 2


def test_a_voltage_that_cannot_be_held_is_named():
    network = small_network(voltage_min_pu=np.full(3, 0.99), x_ohm=np.zeros(3))
    day = small_day([0.03], (lot_data(0.0, [10.0]),), load_kw=1200.0)
    with pytest.raises(InfeasibleError, match=r"voltage at bus 2, hour 0, falls 0\.0020 p\.u\. below"):
        LotsLeadMarket(network).clear(day)


def test_a_lot_that_cannot_serve_its_vehicles_is_named():
    day = small_day([0.03, 0.03], (lot_data(300.0, [100.0, 100.0]),))
    with pytest.raises(InfeasibleError, match=r"lot lot-1 is short of 100\.00 kWh"):
        LotsLeadMarket(small_network()).clear(day)


def test_a_lot_that_is_too_full_is_named():
    lot = replace(lot_data(50.0, [100.0]), energy_in_kwh=np.array([80.0]))
    with pytest.raises(InfeasibleError, match=r"lot lot-1 holds 30\.00 kWh too much in hour 0"):
        LotsLeadMarket(small_network()).clear(small_day([0.03], (lot,)))


def test_shedding_goes_on_with_the_least_shortage_priced():
    network = small_network(rating_kva=np.array([5000.0, 5000.0, 100.0]))
    day = small_day([0.03, 0.03], (lot_data(50.0, [80.0, 80.0]),), load_kw=90.0)
    clearing = LotsLeadMarket(network, on_infeasible="shed", value_of_lost_load=2.0).clear(day)
    missing = clearing.shed_kw.sum() + clearing.unserved_kwh.sum()
    assert missing == pytest.approx(2 * 90 + 50 - 2 * 100)
    assert clearing.shortage_cost == pytest.approx(2.0 * missing)
    assert clearing.import_kw.tolist() == pytest.approx([100.0, 100.0])
    assert clearing.certificate.certified
    assert any(note.startswith("shortage:") for note in clearing.certificate.notes)


def test_a_feasible_day_sheds_nothing():
    day = small_day([0.03, 0.05], (lot_data(50.0, [80.0, 80.0]),), load_kw=90.0)
    stop = LotsLeadMarket(small_network()).clear(day)
    shed = LotsLeadMarket(small_network(), on_infeasible="shed").clear(day)
    assert shed.shed_kw.sum() == 0.0
    assert shed.network_cost == stop.network_cost


@examples(50)
@given(markets(network=networks(feeder=feeders(load_max_kw=1500.0))))
def test_every_day_is_served_or_explained_or_shed(market):
    network, day = market
    try:
        clearing = LotsLeadMarket(network).clear(day)
        assert clearing.certificate.certified
    except InfeasibleError as error:
        assert error.reasons  # noqa: PT017  the day may be served too
        clearing = LotsLeadMarket(network, on_infeasible="shed").clear(day)
        assert clearing.shortage_cost > 0.0
        assert clearing.certificate.certified, clearing.certificate
    served = day.load_kw - clearing.shed_kw
    assert np.all(served >= -1e-6)
    supply = clearing.import_kw - clearing.export_kw + clearing.microturbine_kw.sum(axis=1)
    supply = supply + clearing.renewable_kw.sum(axis=1)
    assert supply == pytest.approx(served.sum(axis=1) + clearing.lot_kw.sum(axis=1), abs=1e-5)
