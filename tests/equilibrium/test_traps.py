"""Traps of this method, each met before: every test fails without its cure.

Traps 5 and 7 to 9 are those of games in general: ``tests/games/test_traps.py``.
"""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given

from equilibrium.errors import InfeasibleError
from equilibrium.grid.assets import LotSite, Microturbine
from equilibrium.grid.network import Network
from equilibrium.markets.lots_lead.market import LotsLeadMarket
from equilibrium.markets.nodal.apart.prices import VertexFace
from equilibrium.markets.nodal.curves import trace
from equilibrium.markets.nodal.market import NodalMarket
from equilibrium.markets.nodal.prices import publish
from equilibrium.programs.hourly.walk import walk
from tests.equilibrium.conftest import lot_data, proved, small_day, small_feeder, small_network
from tests.equilibrium.oracle import best_deviation, examples, solved_hours, tight_markets

LINE = np.array([5000.0, 5000.0, 100.0])


def elastic(power_kw, price):
    """A lot that may charge as much as it likes."""
    return replace(lot_data(0.0, power_kw, price), soe_max_kwh=np.full(len(power_kw), 1e4))


# 1. Lots that share the network's limits play a generalised game ------------------------------------------------


@pytest.mark.parametrize("first", [0, 1])
def test_shared_limits_leave_many_equilibria_and_none_is_picked_by_cost(first):
    """Two lots want 80 kW each of a line of 100 kW. Whoever comes first has 80; least cost would charge nothing."""
    network = small_network(lots=2, terminal="ge", rating_kva=LINE)
    day = small_day([0.03], (elastic([80.0], 0.1),) * 2)
    clearing = NodalMarket(network).clear(day, order=(first, 1 - first), start_kw=np.zeros((1, 2)))
    assert clearing.lot_kw[0, first] == pytest.approx(80.0)
    assert clearing.lot_kw[0, 1 - first] == pytest.approx(20.0)
    assert clearing.certificate.certified


def test_profit_comes_before_cost_where_the_network_binds():
    """The lots' joint profit first, then cost: never the cheapest of all points at which no lot can gain."""
    network = small_network(lots=2, terminal="ge", rating_kva=LINE)
    lots = (elastic([80.0, 0.0], 0.1), elastic([80.0, 80.0], 0.1))
    clearing = LotsLeadMarket(network).clear(small_day([0.03, 0.03], lots))
    assert clearing.lot_kw.sum() == pytest.approx(180.0)
    assert clearing.certificate.certified


# 2. A flat charging price and a fixed energy leave revenue constant, not profit --------------------------------


def test_fixed_energy_at_a_flat_price_still_leaves_a_choice():
    network = small_network(turbine=Microturbine("mt", 2, 500.0, 0.06), rating_kva=LINE, x_ohm=np.zeros(3))
    day = small_day([0.03, 0.03], (lot_data(300.0, [250.0, 250.0]),), turbines=1)
    profits = []
    for start in ([150.0, 150.0], [50.0, 250.0], [200.0, 100.0]):
        clearing = NodalMarket(network).clear(day, start_kw=np.array(start)[:, None])
        profits.append(clearing.lot_profit[0])
        assert clearing.lot_kw.sum() == pytest.approx(300.0)
    assert profits == pytest.approx([135.0] * 3)


# 3. The multiplier of one clearing is not the price ------------------------------------------------------------


def kink(lots=1):
    network = small_network(
        lots=lots, terminal="ge", turbine=Microturbine("mt", 2, 500.0, 0.06), rating_kva=LINE, x_ohm=np.zeros(3)
    )
    return network, small_day([0.03], (elastic([150.0], 0.08),) * lots, turbines=1)


def test_at_a_kink_the_vertex_depends_on_the_way_but_the_price_does_not():
    network, day = kink()
    raw, published = [], []
    for before in (0.0, 150.0):
        *_, vertices, _ = solved_hours(network, day, np.array([[before]]))
        assert vertices.move(np.array([[100.0]])).all()
        raw.append(vertices.prices().item())
        published.append(publish(VertexFace(vertices, np.zeros(vertices.model.rows)), vertices.given))
    assert raw == pytest.approx([0.03, 0.06])
    for prices in published:
        assert prices.price.item() == pytest.approx(0.03)
        assert prices.low.item() == pytest.approx(0.03)
        assert prices.high.item() == pytest.approx(0.06)


# 4. A pool of vertices is not the whole dual face --------------------------------------------------------------


def test_a_common_price_is_found_although_no_vertex_met_so_far_has_it():
    """Two lots, each on the kink of a line of its own: sweeping one lot at a time never meets the vertex of both."""
    feeder = small_feeder(parent=np.array([-1, 0, 0]), rating_kva=np.array([5000.0, 100.0, 100.0]), x_ohm=np.zeros(3))
    network = Network(
        feeder,
        microturbines=(Microturbine("a", 1, 500.0, 0.06), Microturbine("b", 2, 500.0, 0.07)),
        lots=(LotSite("a", 1, 1.0, "ge"), LotSite("b", 2, 1.0, "ge")),
    )
    day = small_day([0.03], (elastic([150.0], 0.08),) * 2, turbines=2)
    *_, vertices, _ = solved_hours(network, day, np.array([[150.0, 150.0]]))
    assert vertices.move(np.array([[100.0, 100.0]])).all()
    met = [vertices.prices()[0]]
    for lot in range(2):
        for sign in (-1.0, 1.0):
            way = walk(vertices, np.array([0]), sign * np.eye(2)[[lot]])
            way.advance(np.array([1.0]))
            met.extend(way.prices())
    left = [trace(vertices, lot, np.array([150.0]))[0].price(100.0) for lot in range(2)]
    assert left == pytest.approx([0.03, 0.03])
    assert not any(np.allclose(price, left) for price in met)
    assert publish(VertexFace(vertices, np.zeros(vertices.model.rows)), vertices.given).price[
        0
    ].tolist() == pytest.approx(left)
    clearing = NodalMarket(network).clear(day, start_kw=np.array([[100.0, 100.0]]))
    assert clearing.lot_kw[0].tolist() == pytest.approx([100.0, 100.0])
    assert clearing.certificate.certified


# 6. Fixing a first stage's value with an absolute tolerance ----------------------------------------------------


@pytest.mark.parametrize("size", [1e-3, 1.0, 1e5])
def test_the_scale_of_money_never_makes_a_day_infeasible(size):
    network = small_network(
        lots=2, turbine=Microturbine("mt", 2, 500.0, 0.06 * size), rating_kva=LINE, x_ohm=np.zeros(3)
    )
    rng = np.random.default_rng(1)
    lots = tuple(lot_data(300.0, [120.0] * 6, (size * rng.uniform(0.2, 0.6, 6)).tolist()) for _ in range(2))
    day = small_day((size * rng.uniform(0.02, 0.05, 6)).tolist(), lots, turbines=1)
    first = LotsLeadMarket(network).clear(day)
    second = NodalMarket(network).clear(day)
    assert first.certificate.certified
    assert second.certificate.certified


# 10. What was learnt of one range of powers must not be believed of another ------------------------------------


def test_a_lot_that_was_small_yesterday_goes_as_far_as_it_can_today():
    """At first 15 kW fit; then 150, of which 100 come without the dear turbine."""
    network, day = kink()
    used = NodalMarket(network)
    small = replace(day, lots=tuple(_shrunk(lot) for lot in day.lots))
    used.prepare(small)
    assert used.clear(small).lot_kw.item() == pytest.approx(15.0)
    assert used.clear(day, start_kw=np.zeros((1, 1))).lot_kw.item() == pytest.approx(100.0)


@examples(15)
@given(tight_markets(max_buses=4))
def test_a_market_that_has_seen_small_lots_is_right_about_large_ones(market):
    network, day = market
    small = replace(day, lots=tuple(_shrunk(lot) for lot in day.lots))
    used = NodalMarket(network)
    try:
        used.prepare(small)
        used.clear(small)
    except InfeasibleError:
        pass  # what it has seen may be anything
    try:
        clearing = used.clear(day)
    except InfeasibleError:
        assume(False)
    fresh = NodalMarket(network).clear(day)
    assert clearing.competitive_cost == pytest.approx(fresh.competitive_cost, abs=1e-6)
    if not proved(clearing):
        return
    for lot in range(len(network.lots)):
        value, _ = best_deviation(network, day, clearing.lot_kw, lot)
        assert value <= clearing.lot_profit[lot] + 1e-6 * (1 + abs(value))


def _shrunk(lot):
    """A tenth of everything that a lot brings."""
    names = ("energy_in_kwh", "energy_out_kwh", "energy_end_kwh", "soe_min_kwh", "soe_max_kwh", "power_max_kw")
    return replace(lot, **{name: 0.1 * getattr(lot, name) for name in names})


# 11. Rivals can make the upper part of a lot's range infeasible ------------------------------------------------


def test_a_curve_ends_where_the_rivals_leave_no_room():
    network = small_network(lots=2, terminal="ge", rating_kva=LINE)
    day = small_day([0.03, 0.03], (elastic([90.0, 90.0], 0.1),) * 2)
    *_, vertices, _ = solved_hours(network, day, np.array([[0.0, 70.0], [0.0, 5.0]]))
    tight, loose = trace(vertices, 0, np.array([90.0, 90.0]))
    assert tight.knots[-1] == pytest.approx(30.0)
    assert loose.knots[-1] == pytest.approx(90.0)
    start = np.array([[0.0, 70.0], [0.0, 5.0]])
    clearing = NodalMarket(network).clear(day, order=(0, 1), start_kw=start)
    assert clearing.lot_kw[:, 0].tolist() == pytest.approx([30.0, 90.0])
    assert clearing.lot_kw[:, 1].tolist() == pytest.approx([70.0, 10.0])


# 12. An inequality's multiplier has a sign ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("behaviour", "start"),
    [
        ("strategic", None),
        ("strategic", [20.0, 20.0]),
        ("strategic", [50.0, 20.0]),
        ("price-taking", None),
        ("central", None),
    ],
)
@pytest.mark.parametrize(("price", "drawn"), [(0.01, 40.0), (0.10, 70.0)])
def test_energy_that_is_owed_at_least_does_not_make_every_schedule_optimal(behaviour, start, price, drawn):
    """40 kWh are owed, 70 fit. At a loss the lot charges what it must, at a gain what it can; never anything else."""
    lot = replace(lot_data(40.0, [50.0, 50.0], price), soe_max_kwh=np.full(2, 70.0))
    network = small_network(terminal="ge")
    begin = None if start is None else np.array(start)[:, None]
    clearing = NodalMarket(network, behaviours=(behaviour,)).clear(small_day([0.05, 0.03], (lot,)), start_kw=begin)
    assert clearing.lot_kw.sum() == pytest.approx(drawn)
    assert clearing.lot_kw[1, 0] == pytest.approx(min(drawn, 50.0))
    assert clearing.certificate.certified
