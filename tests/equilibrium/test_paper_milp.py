"""MILP (8) against the lexicographic method, in both readings (card section 8, item 8)."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings

from equilibrium.errors import InfeasibleError
from equilibrium.lots_lead import LotsLeadMarket
from equilibrium.paper_milp import solve_paper_milp
from equilibrium.solvers import Status
from scenarios.strategies import feeders, markets, networks
from tests.equilibrium.conftest import lot_data, small_day, small_network

SMALL = networks(feeder=feeders(min_buses=4, max_buses=4), max_lots=2).map(lambda n: replace(n, polygon_edges=6))


@settings(max_examples=15)
@given(markets(hours=3, network=SMALL, charging_price=0.5))
def test_both_readings_give_the_lexicographic_cost(market):
    network, day = market
    try:
        cost = LotsLeadMarket(network, hours=3).clear(day).network_cost
    except InfeasibleError:
        assert solve_paper_milp(network, day).status is Status.INFEASIBLE
        return
    for reading in ("as_printed", "corrected"):
        answer = solve_paper_milp(network, day, reading=reading)
        assert answer.status is Status.OPTIMAL
        assert answer.network_cost == pytest.approx(cost, abs=1e-4 * (1 + abs(cost)))
        assert answer.bound == pytest.approx(cost, abs=1e-4 * (1 + abs(cost)))


@settings(max_examples=15)
@given(markets(hours=3, network=SMALL))
def test_as_printed_equals_the_lexicographic_method_whenever_it_is_feasible(market):
    network, day = market
    answer = solve_paper_milp(network, day)
    if answer.status is Status.INFEASIBLE:
        return
    clearing = LotsLeadMarket(network, hours=3).clear(day)
    assert all(clearing.certificate.attained)
    assert clearing.network_cost == pytest.approx(answer.network_cost, abs=1e-4 * (1 + abs(answer.network_cost)))


def blocking() -> tuple:
    """Card section 4.6: lot A may charge in hour 1 or 2, lot B in hour 1 only, behind a line of one unit."""
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
    assert corrected.lot_profit.tolist() == pytest.approx([50000.0, 0.0])
    assert LotsLeadMarket(network, hours=2).clear(day).network_cost == pytest.approx(printed.network_cost)


def test_as_printed_is_infeasible_where_lots_must_share():
    network, day = blocking()
    only_first = replace(day.lots[0], power_max_kw=np.array([100.0, 0.0]))
    day = replace(day, lots=(only_first, day.lots[1]))
    assert solve_paper_milp(network, day).status is Status.INFEASIBLE
    assert solve_paper_milp(network, day, reading="corrected").status is Status.OPTIMAL
    clearing = LotsLeadMarket(network, hours=2).clear(day)
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
