"""The dispatch of least effort: worked examples, and what the rule promises on random markets."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from equilibrium.certificate import Verdict
from equilibrium.errors import InfeasibleError
from equilibrium.grid.assets import Microturbine, RenewableUnit, StaticVarCompensator, StorageUnit
from equilibrium.grid.network import Network
from equilibrium.markets.charging.clearing import Clearing
from equilibrium.markets.charging.day import MarketDay
from equilibrium.markets.lots_lead.market import LotsLeadMarket
from equilibrium.markets.nodal.market import NodalMarket
from tests.equilibrium.conftest import small_feeder
from tests.equilibrium.oracle import examples
from tests.equilibrium.tied_markets import tied_days, tied_networks


def cleared(network: Network, day: MarketDay) -> Clearing:
    """The day in the lots-lead market, proved; the nodal market, without lots, must publish the same dispatch."""
    clearing = LotsLeadMarket(network).clear(day)
    assert clearing.certificate.verdict is Verdict.EXACT
    other = NodalMarket(network).clear(day)
    assert other.certificate.verdict is Verdict.EXACT
    for name in ("microturbine_kw", "microturbine_kvar", "compensator_kvar", "renewable_kw", "voltage_pu", "flow_kvar"):
        assert getattr(other, name) == pytest.approx(getattr(clearing, name), abs=1e-7), name
    return clearing


def day_of(
    network: Network, price: list[float], load_kw: float = 0.0, load_kvar: float = 0.0, sun_kw: tuple[float, ...] = ()
) -> MarketDay:
    """All load at bus 2, the same in every hour."""
    hours = len(price)
    load = np.zeros((hours, 3))
    load[:, 2] = 1.0
    return MarketDay(
        np.array(price),
        load_kw * load,
        load_kvar * load,
        np.tile(sun_kw, (hours, 1)),
        np.ones(len(network.microturbines), dtype=bool),
        lots=(),
    )


def test_generators_of_equal_cost_share_in_proportion_to_their_ratings():
    units = (Microturbine("large", 2, 300.0, 0.05), Microturbine("small", 1, 100.0, 0.05))
    network = Network(small_feeder(), microturbines=units, export_price_factor=0.0)
    clearing = cleared(network, day_of(network, [0.10], load_kw=200.0))
    assert clearing.microturbine_kw[0] == pytest.approx([150.0, 50.0], abs=1e-7)
    assert clearing.import_kw == pytest.approx([0.0], abs=1e-7)


def test_an_idle_turbine_and_a_compensator_that_nobody_needs_stand_still():
    network = Network(
        small_feeder(),
        microturbines=(Microturbine("mt", 2, 600.0, 0.05),),
        compensators=(StaticVarCompensator("svc", 2, 100.0),),
    )
    clearing = cleared(network, day_of(network, [0.02], load_kw=200.0, load_kvar=60.0))
    assert clearing.microturbine_kw.tolist() == clearing.microturbine_kvar.tolist() == [[0.0]]
    assert clearing.compensator_kvar.tolist() == [[0.0]]
    assert clearing.flow_kvar[0] == pytest.approx([60.0, 60.0, 60.0])
    # 200 kW over 1 ohm and 60 kvar over 0.5 ohm, at 10 kV: 23 V
    assert clearing.voltage_pu[0, 2] == pytest.approx(1.0 - 0.023 / 10.0)


def reactive_network(*units: StaticVarCompensator) -> Network:
    """4,000 kvar at bus 2 lower its voltage by 0.02 per unit; 0.015 is allowed."""
    return Network(small_feeder(voltage_min_pu=np.full(3, 0.985)), compensators=units)


def test_compensators_at_one_bus_share_in_proportion_to_their_ratings():
    network = reactive_network(StaticVarCompensator("a", 2, 3000.0), StaticVarCompensator("b", 2, 1000.0))
    clearing = cleared(network, day_of(network, [0.02], load_kvar=4000.0))
    assert clearing.compensator_kvar[0] == pytest.approx([750.0, 250.0], abs=1e-6)
    assert clearing.voltage_pu[0, 2] == pytest.approx(0.985)


def test_a_compensator_with_half_the_effect_gives_half():
    """0.25 q1 + 0.5 q2 = 500 is needed; of equal ratings the least squares are q2 = 2 q1."""
    network = reactive_network(StaticVarCompensator("near", 1, 1000.0), StaticVarCompensator("far", 2, 1000.0))
    clearing = cleared(network, day_of(network, [0.02], load_kvar=4000.0))
    assert clearing.compensator_kvar[0] == pytest.approx([400.0, 800.0], abs=1e-6)


def test_what_the_far_compensator_cannot_give_the_near_one_gives():
    network = reactive_network(StaticVarCompensator("near", 1, 1000.0), StaticVarCompensator("far", 2, 600.0))
    clearing = cleared(network, day_of(network, [0.02], load_kvar=4000.0))
    assert clearing.compensator_kvar[0] == pytest.approx([800.0, 600.0], abs=1e-6)


def sunny(feeder_kva: float, export_price_factor: float = 0.7) -> Network:
    feeder = small_feeder(rating_kva=np.array([5000.0, 5000.0, feeder_kva]))
    units = (RenewableUnit("a", 2, 100.0, "pv"), RenewableUnit("b", 2, 300.0, "pv"))
    return Network(feeder, renewables=units, export_price_factor=export_price_factor)


def test_a_full_line_curtails_in_proportion_to_the_ratings():
    clearing = cleared(network := sunny(200.0), day_of(network, [0.05], sun_kw=(100.0, 300.0)))
    assert clearing.renewable_kw[0] == pytest.approx([50.0, 150.0], abs=1e-7)
    assert clearing.export_kw == pytest.approx([200.0])


@pytest.mark.parametrize(("price", "factor"), [(0.0, 0.7), (0.05, 0.0)])
def test_nothing_is_curtailed_where_an_export_earns_as_little(price: float, factor: float):
    clearing = cleared(network := sunny(5000.0, factor), day_of(network, [price], 150.0, sun_kw=(100.0, 300.0)))
    assert clearing.renewable_kw[0] == pytest.approx([100.0, 300.0])
    assert clearing.export_kw == pytest.approx([250.0])
    assert clearing.import_kw == pytest.approx([0.0])


def test_at_equal_prices_storage_stands_still():
    unit = StorageUnit("battery", 2, 100.0, 50.0, 50.0, 40.0, charge_efficiency=1.0, discharge_efficiency=1.0)
    network = Network(small_feeder(), storage=(unit,))
    clearing = cleared(network, day_of(network, [0.05, 0.05, 0.05], load_kw=80.0))
    assert np.abs(clearing.storage_charge_kw).max() == np.abs(clearing.storage_discharge_kw).max() == 0.0
    assert clearing.storage_kwh == pytest.approx(np.full((3, 1), 40.0))


def test_a_battery_serves_equal_hours_evenly():
    """40 kWh bought in the cheap hour are worth the same in both dear ones."""
    unit = StorageUnit("battery", 2, 40.0, 50.0, 50.0, 0.0, charge_efficiency=1.0, discharge_efficiency=1.0)
    network = Network(small_feeder(), storage=(unit,))
    clearing = cleared(network, day_of(network, [0.02, 0.05, 0.05], load_kw=80.0))
    assert clearing.storage_charge_kw[:, 0] == pytest.approx([40.0, 0.0, 0.0], abs=1e-7)
    assert clearing.storage_discharge_kw[:, 0] == pytest.approx([0.0, 20.0, 20.0], abs=1e-7)


def test_buses_share_a_shortage_in_proportion_to_their_loads():
    network = Network(small_feeder(rating_kva=np.array([5000.0, 100.0, 5000.0])))
    load = np.array([[0.0, 60.0, 140.0]])
    day = MarketDay(np.array([0.05]), load, 0.0 * load, np.zeros((1, 0)), np.zeros(0, dtype=bool), lots=())
    clearing = LotsLeadMarket(network, on_infeasible="shed").clear(day)
    assert clearing.shed_kw[0] == pytest.approx([0.0, 30.0, 70.0], abs=1e-6)


def halved(network: Network) -> Network:
    """Every unit as two of half the size at the same bus."""

    def twice(units: tuple, name: str) -> tuple:
        halves = [replace(unit, **{name: 0.5 * getattr(unit, name)}) for unit in units]
        return tuple(replace(half, name=f"{half.name}-{k}") for half in halves for k in range(2))

    return replace(
        network,
        microturbines=twice(network.microturbines, "rating_kva"),
        compensators=twice(network.compensators, "rating_kvar"),
        renewables=twice(network.renewables, "rated_kw"),
    )


@examples(30)
@given(st.data())
def test_two_units_of_half_the_size_do_what_one_does(data: st.DataObject) -> None:
    network = data.draw(tied_networks())
    day = data.draw(tied_days(network))
    other = replace(
        day,
        renewable_kw=np.repeat(0.5 * day.renewable_kw, 2, axis=1),
        microturbine_available=np.repeat(day.microturbine_available, 2),
    )
    try:
        whole = LotsLeadMarket(network).clear(day)
    except InfeasibleError:
        assume(False)
    parts = LotsLeadMarket(halved(network)).clear(other)
    for name in ("microturbine_kw", "microturbine_kvar", "compensator_kvar", "renewable_kw"):
        assert getattr(parts, name)[:, 0::2] == pytest.approx(0.5 * getattr(whole, name), abs=1e-5), name
        assert getattr(parts, name)[:, 1::2] == pytest.approx(0.5 * getattr(whole, name), abs=1e-5), name
    assert parts.voltage_pu == pytest.approx(whole.voltage_pu, abs=1e-8)


@examples(30)
@given(st.data(), st.randoms(use_true_random=False))
def test_the_order_of_the_units_is_a_name(data: st.DataObject, random) -> None:
    network = data.draw(tied_networks())
    day = data.draw(tied_days(network))
    turn = {name: list(range(len(getattr(network, name)))) for name in ("microturbines", "compensators", "renewables")}
    for order in turn.values():
        random.shuffle(order)
    turned = replace(network, **{name: tuple(getattr(network, name)[k] for k in order) for name, order in turn.items()})
    other = replace(day, renewable_kw=day.renewable_kw[:, turn["renewables"]])
    try:
        first = LotsLeadMarket(network).clear(day)
    except InfeasibleError:
        assume(False)
    second = LotsLeadMarket(turned).clear(other)
    for name, order in (
        ("microturbine_kw", "microturbines"),
        ("microturbine_kvar", "microturbines"),
        ("compensator_kvar", "compensators"),
        ("renewable_kw", "renewables"),
    ):
        assert getattr(second, name) == pytest.approx(getattr(first, name)[:, turn[order]], abs=1e-5), name
    assert second.flow_kvar == pytest.approx(first.flow_kvar, abs=1e-5)
