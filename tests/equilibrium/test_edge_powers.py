"""Lots at the smallest power that leaves the network a dispatch, and prices that lots want but cannot have together."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from equilibrium.certificate import Verdict
from equilibrium.errors import InfeasibleError
from equilibrium.grid.assets import LotSite, Microturbine
from equilibrium.markets.nodal.efficient import EfficientSchedules
from equilibrium.markets.nodal.joined import response
from equilibrium.markets.nodal.joined.edge import Edge
from equilibrium.markets.nodal.market import NodalMarket
from equilibrium.markets.nodal.prices import PublishedPrices, price_notes
from scenarios.published.epec_lots import epec_lots_case
from tests.equilibrium.conftest import lot_data, small_day, small_network
from tests.equilibrium.oracle import examples
from tests.equilibrium.test_coupled import NOTHING, Whole, one_line

JOINED = pytest.mark.parametrize("storage", [(), (NOTHING,)], ids=["curves", "joined"])
BEHAVIOURS = pytest.mark.parametrize("behaviour", ["strategic", "price-taking", "central"])


def needing(energy, wholesale, price=0.5, load_kw=-150.0, spare=0.0):
    """150 kW are fed in behind a line of 100 kW: without 50 kW of the lot there is no dispatch."""
    most = energy + spare
    lot = replace(lot_data(energy, [250.0] * len(wholesale), price), soe_max_kwh=np.full(len(wholesale), most))
    return small_day(wholesale, (lot,), load_kw=load_kw, turbines=1)


@JOINED
@BEHAVIOURS
def test_a_lot_that_draws_the_least_that_the_feeder_needs(storage, behaviour):
    """110 kWh, at least 50 in either hour; exports bring 0.7 * 0.03 in hour 0 and 0.7 * 0.04 in hour 1."""
    network, day = replace(one_line(), storage=storage), needing(110.0, [0.03, 0.04])
    clearing = NodalMarket(network, behaviours=(behaviour,)).clear(day)
    assert clearing.lot_kw[:, 0].tolist() == pytest.approx([60.0, 50.0])
    assert clearing.lot_price_low[:, 0].tolist() == pytest.approx([0.021, -np.inf])
    assert clearing.lot_price_high[:, 0].tolist() == pytest.approx([0.021, 0.028])
    assert clearing.lot_price[0, 0] == pytest.approx(0.021)
    assert clearing.certificate.verdict is Verdict.EXACT
    if behaviour == "strategic":
        assert clearing.lot_price[1, 0] == pytest.approx(0.028)
        assert clearing.lot_profit.tolist() == pytest.approx([0.5 * 110.0 - 60.0 * 0.021 - 50.0 * 0.028])
        words = "smallest power that leaves a dispatch in hours 1: its price has no lower end"
        assert any(words in note for note in clearing.certificate.notes)


@JOINED
def test_powers_next_to_the_edge_earn_what_it_earns(storage):
    """What is reported for the edge is the limit of what schedules inside earn, and none of them earns more."""
    network, day = replace(one_line(), storage=storage), needing(110.0, [0.03, 0.04])
    clearing, whole = NodalMarket(network).clear(day), Whole(network, day)

    def earned(second):
        power = np.array([[110.0 - second], [second]])
        return 0.5 * 110.0 - whole.payment(power, 0, step=1e-6)

    assert earned(50.001) == pytest.approx(clearing.lot_profit[0], abs=1e-3)
    assert all(earned(second) <= clearing.lot_maximum[0] + 1e-3 for second in np.linspace(50.001, 59.999, 21))


def test_multipliers_that_grow_without_a_ray_prove_nothing(monkeypatch: pytest.MonkeyPatch):
    """Where rounding hides the ray of the edge, a part of the search ends without a bound: the day is not certified."""
    network, day = replace(one_line(), storage=(NOTHING,)), needing(110.0, [0.03, 0.04])
    assert NodalMarket(network).clear(day).certificate.certified
    ray = Edge.ray

    def hidden(edge: Edge, idle: np.ndarray, cost: np.ndarray, counting: bool = False) -> np.ndarray:
        return ray(edge, idle, cost, counting) if idle.any() else np.zeros(0, dtype=np.int64)

    monkeypatch.setattr(Edge, "ray", hidden)
    clearing = NodalMarket(network).clear(day)
    assert clearing.lot_maximum.tolist() == [np.inf]
    assert not clearing.certificate.certified


def test_a_part_at_the_edge_takes_no_bound_back(monkeypatch: pytest.MonkeyPatch):
    """What holds nothing but the edge is closed with no bound of its own; what other parts have proved stays."""
    searches = list[response._Search]()
    run = response._Search.run
    monkeypatch.setattr(response._Search, "run", lambda self, until: (searches.append(self), run(self, until))[1])
    NodalMarket(replace(one_line(), storage=(NOTHING,))).clear(needing(110.0, [0.03, 0.04]))
    search = searches[0]
    monkeypatch.setattr(search, "hold", lambda _: None)
    monkeypatch.setattr(search, "_settle", lambda _: None)
    state = np.zeros(search._equal.size, dtype=np.int8)
    welfare = search._solve_welfare(state)
    assert welfare is not None
    ray = np.flatnonzero(~search._equal)[:2]
    state[ray] = response._TIGHT
    node = response._Node(state, welfare, response._Part(np.inf, np.zeros(state.size)))
    for known, sides, closed in (
        (7.0, ray, 7.0),
        (-np.inf, ray, -np.inf),
        (7.0, ray[:0], np.inf),
        (np.inf, ray, np.inf),
    ):
        search._closed = known
        monkeypatch.setattr(search._edge, "ray", lambda *_, sides=sides: sides)
        assert search._children(node) == []
        assert search._closed == closed


@JOINED
def test_a_schedule_without_any_choice(storage):
    network, day = replace(one_line(), storage=storage), needing(100.0, [0.03, 0.04])
    clearing = NodalMarket(network).clear(day)
    assert clearing.lot_kw[:, 0].tolist() == pytest.approx([50.0, 50.0])
    assert clearing.lot_price[:, 0].tolist() == pytest.approx([0.021, 0.028])
    assert clearing.certificate.verdict is Verdict.EXACT


def test_the_second_method_confirms_the_edge_or_says_that_it_cannot():
    day = needing(110.0, [0.03, 0.04])
    curves = NodalMarket(one_line(), certify="full").clear(day)
    assert curves.certificate.verdict is Verdict.EXACT
    assert curves.certificate.second.bound == pytest.approx(curves.lot_profit)
    joined = NodalMarket(replace(one_line(), storage=(NOTHING,)), certify="full").clear(day)
    assert not joined.certificate.certified
    assert joined.certificate.second.bound == (np.inf,)
    assert any("finds no bound on profits" in note for note in joined.certificate.notes)
    assert not any("no pure equilibrium" in note for note in joined.certificate.notes)


@st.composite
def feeders_that_need_lots(draw):
    """One or two lots behind the line of 100 kW, which must take what is fed in beyond it."""
    hours, count = draw(st.integers(1, 2)), draw(st.integers(1, 2))
    network = small_network(
        count,
        Microturbine("mt", 2, 500.0, 0.06),
        rating_kva=np.array([5000.0, 5000.0, 100.0]),
        x_ohm=np.zeros(3),
        terminal=draw(st.sampled_from(["eq", "ge"])),
    )
    cents = st.integers(1, 6)
    lots = []
    for _ in range(count):
        need = hours * draw(st.integers(30, 150)) / count
        lot = lot_data(need, [250.0] * hours, draw(st.integers(1, 20)) / 100.0)
        lots.append(replace(lot, soe_max_kwh=np.full(hours, need + draw(st.sampled_from([0.0, 100.0])))))
    load = -draw(st.sampled_from([120.0, 150.0, 180.0]))
    wholesale = [draw(cents) / 100.0 for _ in range(hours)]
    return network, small_day(wholesale, tuple(lots), load_kw=load, turbines=1)


@examples(12)
@given(feeders_that_need_lots())
def test_both_methods_say_the_same_of_days_at_the_edge(market):
    network, day = market
    try:
        curves = NodalMarket(network).clear(day)
    except InfeasibleError:
        assume(False)
    joined = NodalMarket(replace(network, storage=(NOTHING,)))
    if day.hours == 1:  # nothing to join
        assert curves.certificate.certified
        return
    stays = joined.clear(day, start_kw=curves.lot_kw, order=curves.order)
    assert stays.certificate.certified == curves.certificate.certified
    np.testing.assert_allclose(stays.lot_kw, curves.lot_kw, atol=1e-6)
    np.testing.assert_allclose(stays.lot_maximum, curves.lot_maximum, rtol=1e-7, atol=1e-6)
    np.testing.assert_allclose(stays.lot_price_low, curves.lot_price_low, atol=1e-6)


def test_many_hours_at_the_edge_are_proved():
    """In five hours of six the lot draws the least that the feeder needs; each hour's edge has a ray of its own."""
    day = needing(360.0, [0.03 + 0.002 * hour for hour in range(6)], spare=100.0)
    curves = NodalMarket(one_line()).clear(day)
    joined = NodalMarket(replace(one_line(), storage=(NOTHING,))).clear(day)
    assert np.isneginf(joined.lot_price_low[1:, 0]).all()
    np.testing.assert_allclose(joined.lot_kw, curves.lot_kw, atol=1e-6)
    np.testing.assert_allclose(joined.lot_price, curves.lot_price, atol=1e-9)
    assert joined.certificate.verdict is Verdict.EXACT
    assert joined.lot_maximum.tolist() == pytest.approx(curves.lot_maximum.tolist(), rel=1e-9)


def test_what_is_not_proved_at_the_edge_in_time_is_said():
    day = needing(360.0, [0.03 + 0.002 * hour for hour in range(6)], spare=100.0)
    stopped = NodalMarket(replace(one_line(), storage=(NOTHING,)), time_limit_s=0.0).clear(day)
    assert not stopped.certificate.certified
    assert stopped.certificate.worst_regret == np.inf
    assert any("time limit of 0 s" in note for note in stopped.certificate.notes)


def test_lots_that_want_different_multipliers_are_told_apart():
    """The turbine may rise by 20 kW an hour. 130 and 150 kW, 100 of them by the line: line and ramp are full together.

    A ramp's price r makes hour 0 cheaper and hour 1 dearer, 0.06 - r and 0.06 + r with r up to 0.03. The lot of hour 0
    counts on the largest r, that of hour 1 on none.
    """
    turbine = Microturbine("mt", 2, 500.0, 0.06, ramp_kw_per_h=20.0)
    network = small_network(2, turbine, rating_kva=np.array([5000.0, 5000.0, 100.0]), x_ohm=np.zeros(3))
    day = small_day([0.03, 0.03], (lot_data(130.0, [130.0, 0.0]), lot_data(150.0, [0.0, 150.0])), turbines=1)
    clearing = NodalMarket(network).clear(day)
    power = np.diag([130.0, 150.0])
    np.testing.assert_allclose(clearing.lot_kw, power, atol=1e-6)
    assert clearing.lot_price[:, 0].tolist() == pytest.approx([0.06, 0.06])
    assert clearing.certificate.regret == pytest.approx((130.0 * 0.03, 0.0), abs=1e-9)
    assert clearing.lot_maximum.tolist() == pytest.approx([130.0 * (0.5 - 0.03), 150.0 * (0.5 - 0.06)])
    claim = "lot lot-1 would pay 3.9 less (hour 0: 30 in place of 60 per MWh)"
    assert any("suits all strategic lots" in note and claim in note for note in clearing.certificate.notes)
    # The same by costs alone: what the lots pay least together is more than what each pays least.
    whole, step = Whole(network, day), 1e-4
    together = (whole.cost(power) - whole.cost((1.0 - step) * power)) / step
    alone = sum(whole.payment(power, lot, step) for lot in range(2))
    assert together - alone == pytest.approx(3.9, abs=1e-6)
    assert clearing.lot_payment.sum() == pytest.approx(together, abs=1e-6)


@pytest.mark.long
def test_ramps_alone_on_33_buses_leave_no_common_price():
    """Prices of ramped hours share multipliers, and three lots at kinks in several of them want different ones."""
    network, day = epec_lots_case("33", 1, renewable_factor=3.0, voltage_min_pu=0.955, voltage_max_pu=1.05)
    turbines = tuple(replace(unit, ramp_kw_per_h=150.0) for unit in network.microturbines)
    network = replace(network, microturbines=turbines)
    clearing = NodalMarket(network).clear(day)
    assert clearing.certificate.epsilon > 1e-4
    assert any("suits all strategic lots" in note for note in clearing.certificate.notes)
    # Every lot's best answer is the point itself, at the prices that it would choose: by costs alone.
    whole, step = Whole(network, day), 1e-5
    power = clearing.lot_kw
    together = (whole.cost(power) - whole.cost((1.0 - step) * power)) / step
    alone = [whole.payment(power, lot, step) for lot in range(3)]
    assert clearing.lot_payment.sum() == pytest.approx(together, rel=1e-5)
    assert together - sum(alone) == pytest.approx(sum(clearing.certificate.regret), rel=1e-3)


def test_only_what_a_strategic_lot_loses_is_named():
    """Lot a counts on 30 and gets 50, lot b gets what it wants, lot c takes prices; a price for no power is no loss."""
    price, wanted = (
        np.array([[0.05, 0.03, 0.05], [0.05, 0.03, 0.05]]),
        np.array([[0.03, 0.03, 0.01], [0.01, 0.03, 0.01]]),
    )
    low = np.array([[0.03, -np.inf, 0.01], [0.01, 0.03, 0.01]])
    prices = PublishedPrices(np.zeros(0), price, low, price, wanted, 0.0)
    power = np.array([[100.0, 20.0, 10.0], [0.0, 20.0, 10.0]])
    edge, claims = price_notes(prices, power, [0, 1], "abc".__getitem__)
    assert edge.startswith("b draws the smallest power that leaves a dispatch in hours 0:")
    assert claims.endswith("at its own choice a would pay 2 less (hour 0: 30 in place of 50 per MWh)")


@pytest.mark.parametrize("solver", ["highs", "gurobi"])
def test_given_powers_a_millionth_beyond_the_edge_are_served_and_no_more(solver):
    """The line carries 100 kW. Lot b needs 40, so a may have 60: half a millionth above is rounding, a watt is not."""
    network = replace(one_line(), microturbines=(), lots=tuple(LotSite(name, 2, 1.0, terminal="ge") for name in "ab"))
    lots = (lot_data(50.0, [250.0]), lot_data(40.0, [40.0]))
    day = small_day([0.05], lots)
    efficient = EfficientSchedules(network, day.length_h, solver)
    for power in (60.0, 60.0 + 5e-7):
        found = efficient.solve(day, np.array([[power, 40.0]]), (0,))
        assert found.power[0].tolist() == pytest.approx([60.0, 40.0], abs=1e-6)
        assert found.power.sum() <= 100.0 + 1e-7
    with pytest.raises(InfeasibleError):
        efficient.solve(day, np.array([[60.001, 40.0]]), (0,))
    with pytest.raises(InfeasibleError):  # a need is not given: it is met, or not
        efficient.solve(replace(day, lots=(lot_data(60.0 + 5e-7, [250.0]), lots[1])))
