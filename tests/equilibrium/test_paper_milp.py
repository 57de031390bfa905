"""MILP (8) against the lexicographic method, in both readings (docs/epec_lots.md)."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings

from equilibrium.grid.assets import LotSite, Microturbine, RenewableUnit
from equilibrium.grid.network import Network
from equilibrium.markets.charging.day import MarketDay
from equilibrium.markets.lots_lead.market import LotsLeadMarket
from equilibrium.markets.lots_lead.published import solve_paper_milp
from equilibrium.programs.solvers import Status
from scenarios.random_markets import feeders, markets, networks
from tests.equilibrium.conftest import lot_data, small_day, small_feeder, small_network

SMALL = networks(feeder=feeders(min_buses=4, max_buses=4), max_lots=2).map(lambda n: replace(n, polygon_edges=6))


@settings(max_examples=15)
@given(markets(hours=3, network=SMALL))
def test_the_milp_is_never_cheaper(market):
    """M is a guess (E5): one that is too small cuts solutions off, so it can only cost more or find none."""
    network, day = market
    answer = solve_paper_milp(network, day)
    if answer.status is not Status.OPTIMAL:
        return
    clearing = LotsLeadMarket(network).clear(day)
    assert all(clearing.certificate.attained)
    assert clearing.network_cost <= answer.network_cost + 1e-6 * (1 + abs(answer.network_cost))


def random_case(seed: int) -> tuple[Network, MarketDay]:
    """Four buses, a microturbine, a renewable unit, two lots and three hours."""
    rng = np.random.default_rng(seed)
    parent = np.array([-1, *(int(rng.integers(0, bus)) for bus in range(1, 4))])
    feeder = small_feeder(
        buses=("0", "1", "2", "3"),
        parent=parent,
        r_ohm=np.r_[0.0, rng.uniform(0.1, 0.5, 3)],
        x_ohm=np.r_[0.0, rng.uniform(0.1, 0.5, 3)],
        rating_kva=np.full(4, 3000.0),
        load_kw=np.zeros(4),
        load_kvar=np.zeros(4),
        voltage_min_pu=np.full(4, 0.9),
        voltage_max_pu=np.full(4, 1.1),
    )
    turbine = Microturbine("mt", int(rng.integers(1, 4)), 500.0, 0.04)
    renewable = RenewableUnit("res", int(rng.integers(1, 4)), 300.0, "pv")
    network = Network(
        feeder, (turbine,), renewables=(renewable,), lots=(LotSite("a", 1), LotSite("b", 2)), polygon_edges=6
    )
    load = rng.uniform(0.0, 400.0, (3, 4)) * np.array([0.0, 1.0, 1.0, 1.0])
    # A band within M: the distance to a bound of 1e6 kWh would not fit under M = 1e4 (E5).
    band = np.full(3, 1000.0)
    lots = tuple(replace(lot_data(float(rng.uniform(100.0, 500.0)), [400.0] * 3), soe_max_kwh=band) for _ in range(2))
    sun = rng.uniform(0.0, 300.0, (3, 1))
    return network, MarketDay(rng.uniform(0.02, 0.07, 3), load, 0.2 * load, sun, np.array([True]), lots)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("reading", ["as_printed", "corrected"])
def test_both_readings_give_the_lexicographic_cost(seed, reading):
    """Seed 2 as printed is the case that HiGHS 1.15.1 gets wrong with presolve."""
    network, day = random_case(seed)
    cost = LotsLeadMarket(network).clear(day).network_cost
    answer = solve_paper_milp(network, day, reading=reading)
    assert answer.status is Status.OPTIMAL
    assert answer.network_cost == pytest.approx(cost, rel=1e-6)
    assert answer.bound == pytest.approx(cost, rel=1e-6)


def blocking() -> tuple:
    """Where the readings differ: lot A may charge in hour 1 or 2, lot B in hour 1 only, behind a line of one unit."""
    network = small_network(lots=2, terminal="ge", rating_kva=np.array([5000.0, 5000.0, 100.0]))
    lots = tuple(
        replace(lot_data(0.0, power, 500.0), soe_max_kwh=np.full(2, 100.0)) for power in ([100.0, 100.0], [100.0, 0.0])
    )
    return replace(network, polygon_edges=6), small_day([0.05, 0.05], lots)


def test_the_corrected_reading_picks_the_equilibrium_that_is_worst_for_the_lots():
    network, day = blocking()
    printed = solve_paper_milp(network, day)
    corrected = solve_paper_milp(network, day, reading="corrected")
    assert printed.network_cost == pytest.approx(10.0)
    assert printed.lot_profit.tolist() == pytest.approx([50000.0, 50000.0])
    assert corrected.network_cost == pytest.approx(5.0)
    assert corrected.lot_profit.tolist() == pytest.approx([50000.0, 0.0], abs=1e-6)
    assert LotsLeadMarket(network).clear(day).network_cost == pytest.approx(printed.network_cost)


def test_as_printed_is_infeasible_where_lots_must_share():
    network, day = blocking()
    only_first = replace(day.lots[0], power_max_kw=np.array([100.0, 0.0]))
    day = replace(day, lots=(only_first, day.lots[1]))
    assert solve_paper_milp(network, day).status is Status.INFEASIBLE
    assert solve_paper_milp(network, day, reading="corrected").status is Status.OPTIMAL
    clearing = LotsLeadMarket(network).clear(day)
    assert clearing.lot_kw.sum() == pytest.approx(100.0)
    assert clearing.certificate.certified


def test_gurobi_solves_it_too():
    network, day = blocking()
    assert solve_paper_milp(network, day, solver="gurobi").network_cost == pytest.approx(10.0)


def test_negative_prices_are_refused():
    network, day = blocking()
    with pytest.raises(ValueError, match="unbounded"):
        solve_paper_milp(network, replace(day, wholesale_price=np.array([-0.01, 0.02])))


def test_an_unknown_reading_is_refused():
    with pytest.raises(ValueError, match="is not one of"):
        solve_paper_milp(*blocking(), reading="R3")
