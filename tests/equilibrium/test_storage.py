"""Storage and ramps in the operator's program: energy, limits, structure, and the market in which lots lead."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from equilibrium.certificate import NEGLIGIBLE
from equilibrium.errors import InfeasibleError, InputError
from equilibrium.grid.assets import Microturbine, StorageUnit
from equilibrium.grid.distribution import compile_distribution, distribution_ports
from equilibrium.grid.many_days import ManyDays
from equilibrium.markets.lots_lead.market import LotsLeadMarket
from equilibrium.programs.coupling import joined_hours
from equilibrium.programs.program import ProgramBuilder
from equilibrium.programs.solvers import Status, open_handle
from scenarios.random_markets import market_days, networks, with_storage
from tests.equilibrium.conftest import lot_data, small_day, small_network
from tests.equilibrium.oracle import examples

HOURS = 4
BATTERY = StorageUnit("battery", 2, 100.0, 50.0, 50.0, 0.0, 0.8, 0.5)


@st.composite
def days_with_storage(draw, negative_prices=False, hours=HOURS, max_lots=2):
    network = draw(with_storage(draw(networks(min_lots=0, max_lots=max_lots))))
    return network, draw(market_days(network, hours, negative_prices))


def cleared(network, day, solver="auto"):
    try:
        return LotsLeadMarket(network, solver=solver).clear(day)
    except InfeasibleError:
        assume(False)
        raise


# The data and the program ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"energy_kwh": -1.0}, "energy_kwh"),
        ({"energy_kwh": np.inf}, "energy_kwh"),
        ({"charge_max_kw": -1.0}, "charge_max_kw"),
        ({"discharge_max_kw": np.nan}, "discharge_max_kw"),
        ({"charge_efficiency": 0.0}, "charge_efficiency"),
        ({"discharge_efficiency": 1.01}, "discharge_efficiency"),
        ({"energy_min_kwh": 101.0}, "energy_min_kwh"),
        ({"initial_kwh": 101.0}, "initial_kwh"),
        ({"initial_kwh": 5.0, "energy_min_kwh": 6.0}, "initial_kwh"),
    ],
)
def test_a_storage_unit_that_cannot_be_is_refused(changes, where):
    with pytest.raises(InputError) as error:
        replace(BATTERY, **changes)
    assert (error.value.source, error.value.where) == ("storage battery", where)


def test_a_negative_ramp_is_refused():
    with pytest.raises(InputError, match="ramp_kw_per_h"):
        Microturbine("mt", 1, 100.0, 0.05, -1.0)


def test_a_network_without_storage_and_ramps_has_the_published_program():
    network = small_network(turbine=Microturbine("mt", 2, 500.0, 0.06))
    program = compile_distribution(network, 2)
    assert {"storage_charge_kw", "storage_discharge_kw", "storage_kwh"}.isdisjoint(program.columns)
    assert {"storage_balance", "ramp"}.isdisjoint(program.rows)
    # Storage adds columns and rows and changes nothing else.
    more = compile_distribution(replace(network, storage=(BATTERY,)), 2)
    old = np.concatenate([more.columns[name].index.ravel() for name in program.columns])
    rows = np.concatenate([more.rows[name].index.ravel() for name in program.rows])
    assert (more.matrix[rows, :][:, old] != program.matrix).nnz == 0
    for name in ("cost", "col_lower", "col_upper"):
        assert np.array_equal(getattr(more, name)[old], getattr(program, name))


def test_hours_are_joined_by_what_the_matrix_says():
    turbine = Microturbine("mt", 2, 500.0, 0.06)
    free, ramped = small_network(turbine=turbine), small_network(turbine=replace(turbine, ramp_kw_per_h=50.0))
    stored = replace(free, storage=(replace(BATTERY, energy_kwh=0.0),))  # of no size: the rows are there
    assert joined_hours(compile_distribution(free, 3), "lot_kw") == ((0,), (1,), (2,))
    assert joined_hours(compile_distribution(ramped, 3), "lot_kw") == ((0, 1, 2),)
    assert joined_hours(compile_distribution(stored, 3), "lot_kw") == ((0, 1, 2),)
    assert joined_hours(compile_distribution(stored, 1), "lot_kw") == ((0,),)


def test_only_some_hours_may_be_joined_and_given_columns_join_none():
    build = ProgramBuilder()
    x, given_ = build.columns("x", (4,)), build.columns("lot_kw", (4,))
    build.coefficients(build.rows("own", (4,)), x, 1.0)
    build.coefficients(build.rows("energy", (1,)), given_[None, :], 1.0)
    build.coefficients(build.rows("pair", (1,)), x[[1, 3]], 1.0)
    assert joined_hours(build.compile(), "lot_kw") == ((0,), (1, 3), (2,))


def test_a_pool_of_hours_does_not_take_joined_hours():
    network = replace(small_network(), storage=(BATTERY,))
    with pytest.raises(InputError, match=r"hours \(0, 1\) are joined"):
        ManyDays(network, small_day([0.03, 0.04], (lot_data(0.0, [0.0, 0.0]),)))


# Worked examples ------------------------------------------------------------------------------------------------


def test_storage_buys_cheap_and_sells_dear():
    """40 kWh stored from 50 kW at 0.02 give 20 kW at 0.10, in place of imports: 2.00 saved for 1.00."""
    network = replace(small_network(lots=0), storage=(BATTERY,))
    clearing = LotsLeadMarket(network).clear(small_day([0.02, 0.10], (), load_kw=60.0))
    assert clearing.storage_charge_kw[:, 0].tolist() == pytest.approx([50.0, 0.0])
    assert clearing.storage_discharge_kw[:, 0].tolist() == pytest.approx([0.0, 20.0])
    assert clearing.storage_kwh[:, 0].tolist() == pytest.approx([40.0, 0.0])
    assert clearing.import_kw.tolist() == pytest.approx([110.0, 40.0])
    assert clearing.network_cost == pytest.approx(110 * 0.02 + 40 * 0.10)
    assert clearing.certificate.certified
    assert clearing.certificate.notes == ()


def test_losses_that_cost_more_than_the_spread_keep_storage_idle():
    network = replace(small_network(lots=0), storage=(BATTERY,))
    clearing = LotsLeadMarket(network).clear(small_day([0.05, 0.10], (), load_kw=60.0))
    assert clearing.storage_charge_kw.tolist() == [[0.0], [0.0]]


def test_a_ramp_keeps_a_turbine_from_following_the_price():
    network = small_network(lots=0, turbine=Microturbine("mt", 2, 500.0, 0.06, 30.0))
    day = small_day([0.02, 0.10, 0.02], (), load_kw=100.0, turbines=1)
    clearing = LotsLeadMarket(network).clear(day)
    # One kW more in the dear hour saves 0.04; brought up and down it costs 0.04 in each other hour above 30 kW.
    assert clearing.microturbine_kw[:, 0].tolist() == pytest.approx([0.0, 30.0, 0.0])


def test_burning_energy_at_a_negative_price_is_reported():
    network = replace(small_network(lots=0), storage=(BATTERY,))
    clearing = LotsLeadMarket(network).clear(small_day([-0.05, -0.05], (), load_kw=60.0))
    both = np.minimum(clearing.storage_charge_kw, clearing.storage_discharge_kw)
    assert both.max() > NEGLIGIBLE
    assert any("charges and discharges at once" in note for note in clearing.certificate.notes)
    assert clearing.certificate.certified


def test_storage_makes_a_shortage_smaller():
    """The line carries 100 kW: of 150 kW in hour 1, 40 kW come from the store, charged in hour 0."""
    network = small_network(lots=0, rating_kva=np.array([5000.0, 5000.0, 100.0]))
    unit = StorageUnit("battery", 2, 40.0, 50.0, 50.0, 0.0, 1.0, 1.0)
    day = small_day([0.03, 0.03], (), load_kw=50.0)
    day.load_kw[1, 2] = 150.0
    shed = {}
    for name, one in (("without", network), ("with", replace(network, storage=(unit,)))):
        with pytest.raises(InfeasibleError, match="overloaded in hour 1"):
            LotsLeadMarket(one).clear(day)
        shed[name] = LotsLeadMarket(one, on_infeasible="shed").clear(day).shed_kw[:, 2].tolist()
    assert shed["without"] == pytest.approx([0.0, 50.0])
    assert shed["with"] == pytest.approx([0.0, 10.0])


# Any network ----------------------------------------------------------------------------------------------------


@examples(40)
@given(days_with_storage())
def test_energy_is_conserved_and_limits_hold(case):
    network, day = case
    clearing = cleared(network, day)
    charge, discharge, energy = clearing.storage_charge_kw, clearing.storage_discharge_kw, clearing.storage_kwh
    for k, unit in enumerate(network.storage):
        change = unit.charge_efficiency * charge[:, k] - discharge[:, k] / unit.discharge_efficiency
        carried = np.concatenate([[unit.initial_kwh], energy[:, k]])
        np.testing.assert_allclose(np.diff(carried), change, atol=1e-6)
        assert energy[-1, k] == pytest.approx(unit.initial_kwh, abs=1e-9)
        assert energy[:, k].min() >= unit.energy_min_kwh - 1e-6
        assert energy[:, k].max() <= unit.energy_kwh + 1e-6
        for power, limit in ((charge, unit.charge_max_kw), (discharge, unit.discharge_max_kw)):
            assert power[:, k].min() >= -1e-6
            assert power[:, k].max() <= limit + 1e-6
    made = clearing.import_kw + clearing.microturbine_kw.sum(axis=1) + clearing.renewable_kw.sum(axis=1)
    used = clearing.export_kw + day.load_kw.sum(axis=1) + clearing.lot_kw.sum(axis=1)
    np.testing.assert_allclose(made + discharge.sum(axis=1), used + charge.sum(axis=1), atol=1e-5)
    for k, unit in enumerate(network.microturbines):
        assert np.abs(np.diff(clearing.microturbine_kw[:, k])).max() <= unit.ramp_kw_per_h + 1e-6
    positive = clearing.dlmp[:, [unit.bus for unit in network.storage]] > 1e-7
    lossy = np.array([unit.charge_efficiency * unit.discharge_efficiency < 1.0 for unit in network.storage])
    assert not (np.minimum(charge, discharge) > NEGLIGIBLE)[positive & lossy].any()


def least_cost(network, day):
    """The whole program without lots; every hour of negative price imports or exports, and all ways are tried."""
    program, none = compile_distribution(network, day.hours), np.zeros((day.hours, 0))
    instance = program.bind(distribution_ports(network, day, none, none))
    hours, best = np.flatnonzero(day.wholesale_price < 0.0), np.inf
    for exporting in itertools.product((False, True), repeat=hours.size):
        directed = instance
        for hour, export in zip(hours, exporting, strict=True):
            closed = program.columns["import_kw" if export else "export_kw"].index[hour]
            directed = directed.with_columns(np.array([closed]), 0.0, 0.0)
        answer = open_handle(directed).solve()
        if answer.status is Status.OPTIMAL:
            best = min(best, float(directed.cost @ answer.x))
    return best


@pytest.mark.parametrize("solver", ["highs", "gurobi"])
@examples(12)
@given(case=days_with_storage(max_lots=0, negative_prices=True, hours=3))
def test_the_dispatch_is_the_best_of_the_whole_program(case, solver):
    network, day = case
    clearing = cleared(network, day, solver)
    assert clearing.certificate.certified
    assert clearing.network_cost == pytest.approx(least_cost(network, day), rel=1e-6, abs=1e-6)


@examples(15)
@given(days_with_storage())
def test_lots_lead_is_certified_on_both_solvers(case):
    network, day = case
    one, other = cleared(network, day), cleared(network, day, "gurobi")
    assert one.certificate.certified
    assert other.certificate.certified
    assert one.network_cost == pytest.approx(other.network_cost, rel=1e-6, abs=1e-5)
