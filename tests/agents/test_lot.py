from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.charging.lot import ParkingLot
from agents.learning import RothErev
from agents.records import Outcome
from equilibrium.errors import InputError
from equilibrium.fleet.day import LotDay
from tests.agents.town import HOURS, cleared, day_of, nodal, parking, run_day, session, sessions


@given(days=st.lists(sessions(), min_size=1, max_size=3), places=st.integers(1, 4))
def test_no_minute_has_more_vehicles_than_places(days, places):
    lot = parking(places=places)
    stays = []
    for index, arrivals in enumerate(days):
        lot.observe(day_of(arrivals, index))
        for item in arrivals:
            start, end = 24.0 * index + item.arrival_h, 24.0 * index + item.departure_h
            inside = sum(s <= start < e for s, e in stays)
            admitted = lot.admit(item, 1)
            assert admitted == (inside < places)  # refused only when full, and always when full
            if admitted:
                stays.append((start, end))
        lot.settle(cleared([lot.offer()]))
        record = lot.record()
        most = [sum(s <= moment < e for s, e in stays) for moment in [24.0 * index, *(s for s, _ in stays)]]
        assert max(most) <= places
        assert record.peak_occupancy <= places
        assert record.parked == sum(e > 24.0 * (index + 1) for _, e in stays)
        assert record.arrivals + record.refused == len(arrivals)


@given(days=st.lists(sessions(), min_size=1, max_size=3), served=st.floats(0.0, 1.0))
def test_battery_changes_are_what_the_lot_drew(days, served):
    lot = parking(places=5)
    ledger = {}
    for index, arrivals in enumerate([*days, [], [], []]):
        lot.observe(day_of(arrivals, index))
        for item in arrivals:
            lot.admit(item, 1)
        before = {v.session.name + str(v.arrival_day): v.energy_kwh for v in lot.vehicles}
        for name, energy in before.items():
            assert energy == ledger.get(name, energy)  # parked vehicles keep their energy over midnight
        offer = lot.offer()
        present = list(lot.vehicles)
        clearing = cleared([offer], served)
        lot.settle(clearing)
        after = {v.session.name + str(v.arrival_day): v.energy_kwh for v in present}
        record = lot.record()
        gain = sum(after.values()) - sum(before.values())
        assert gain == pytest.approx(0.9 * record.energy_kwh, abs=1e-7)
        assert record.energy_kwh == pytest.approx(clearing.lot_kw.sum(), abs=1e-7)
        idle = clearing.vehicle_kw[0].sum(axis=1) == 0.0
        names = list(before)
        assert all(after[names[k]] == before[names[k]] for k in np.flatnonzero(idle))
        ledger |= after
    assert lot.vehicles == []  # nobody stays for ever


@given(arrivals=sessions(longest_h=30.0))
def test_every_admitted_session_ends_once_with_what_it_can_reach(arrivals):
    lot = parking(places=6)
    ended = []
    _, admitted = run_day(lot, arrivals)
    ended += lot.finished
    for index in (1, 2):
        run_day(lot, index=index)
        ended += lot.finished
    assert sorted(record.name for record in ended) == sorted(admitted)
    wishes = {item.name: item for item in arrivals}
    for record in ended:
        wish = wishes[record.name]
        reach = 0.9 * min(22.0, wish.power_kw) * (wish.departure_h - wish.arrival_h)
        assert record.got_kwh == pytest.approx(min(wish.energy_kwh, reach), abs=1e-6)
        assert record.outcome in (Outcome.SERVED, Outcome.UNREACHABLE)


def test_two_vehicles_use_one_place_within_an_hour():
    lot = parking(places=1)
    first = session("a", 8.0, 0.25, 1.0)
    late = session("b", 8.2, 1.0, 1.0)
    second = session("c", 8.25, 0.5, 1.0)
    _, admitted = run_day(lot, [first, late, second])
    assert admitted == ["a", "c"]
    assert lot.record().refused == 1
    assert lot.record().peak_occupancy == 1


def test_a_night_at_the_lot():
    lot = parking(places=1)
    run_day(lot, [session("night", 22.0, 10.0, 20.0)])
    (car,) = lot.vehicles
    assert car.energy_kwh == pytest.approx(20.0 + 20.0 * 2 / 10)
    assert lot.finished == ()
    offer, admitted = run_day(lot, [session("early", 7.9, 1.0), session("next", 8.0, 1.0)], index=1)
    assert admitted == ["next"]  # the place is taken until the minute of departure
    assert offer.energy_in_kwh[0] == pytest.approx(24.0)
    night, day = lot.finished
    assert (night.name, day.name) == ("night", "next")
    assert night.got_kwh == pytest.approx(20.0)
    assert (night.arrival_day, night.arrival_h, night.departure_h) == (0, 22.0, 32.0)
    assert day.outcome is Outcome.UNREACHABLE  # 10 kWh in an hour at 11 kW and 90 %
    assert day.unreachable_kwh == pytest.approx(0.1)
    assert lot.record().unreachable_kwh == pytest.approx(0.1)


def test_the_envelope_charges_what_the_vehicles_need():
    lot = parking(price=0.3)
    lot.observe(day_of())
    for item in (session("a", 1.0, 3.0, 12.0), session("b", 20.0, 8.0, 16.0)):
        lot.admit(item, 1)
    offer = lot.offer()
    np.testing.assert_array_equal(offer.charging_price, np.full(HOURS, 0.3))
    charged = offer.energy_end_kwh + offer.energy_out_kwh.sum() - offer.energy_in_kwh.sum()
    assert charged == pytest.approx(12.0 + 8.0)
    lot.settle(cleared([offer]))
    assert lot.record().revenue == pytest.approx(0.3 * 20.0 / 0.9)


def test_a_shortage_is_booked():
    lot = parking()
    lot.observe(day_of())
    lot.admit(session(energy_kwh=18.0), 1)
    offer = lot.offer()
    unserved = np.zeros((HOURS, 1))
    unserved[11] = 9.0
    lot.settle(cleared([offer], served=0.5, unserved_kwh=unserved))
    (record,) = lot.finished
    assert record.outcome is Outcome.SHORTAGE
    assert record.got_kwh == pytest.approx(9.0)
    assert lot.record().unserved_kwh == 9.0


def fixed_day():
    price = np.where(np.arange(HOURS) < 12, 0.4, 0.6)
    zeros = np.zeros(HOURS)
    return LotDay(price, zeros, zeros, 0.0, zeros, zeros, np.full(HOURS, 50.0))


def test_a_fixed_envelope_is_offered_as_it_is_and_settled_in_total():
    lot, envelope = parking(), fixed_day()
    lot.observe(day_of(lots=(envelope,)))
    assert lot.offer() is envelope
    power = np.full((HOURS, 1), 2.0)
    lot.settle(cleared([envelope], lot_kw=power))
    record = lot.record()
    assert record.energy_kwh == pytest.approx(48.0)
    assert record.revenue == pytest.approx(24.0)
    assert record.price == pytest.approx(0.5)
    assert (record.arrivals, record.departures, record.parked) == (0, 0, 0)


@pytest.mark.parametrize("price", [0.2, 0.7])
def test_a_nodal_lot_pays_for_its_energy_and_learns_from_its_profit(price):
    grid = (0.4, 0.4 + 1e-9, 0.4 + 2e-9, 0.4 + 3e-9)
    lot = parking(learner=RothErev(grid))
    lot.observe(day_of())
    lot.admit(session(energy_kwh=18.0), 1)
    offer = lot.offer()
    lot.settle(nodal([offer], price))
    record = lot.record()
    assert record.revenue == pytest.approx(0.4 * 20.0)
    assert record.payment == pytest.approx(price * 20.0)
    assert record.profit == pytest.approx((0.4 - price) * 20.0)
    assert lot.finished[0].paid == pytest.approx(record.revenue)  # the driver's price is the posted one
    played = lot.learner.probabilities[lot.learner.choice]
    assert played > 0.25 if price < 0.4 else played < 0.25


def test_what_a_rule_hears_of_the_day_is_what_the_lot_knows():
    """Who found it full is a visitor too; the payment holds the network charge, and the profit is what is left."""

    class Ear:
        def choose(self, _generator):
            return 0.4

        def observe(self, day):
            self.day = day

        def update(self, profit):
            self.profit = profit

    ear = Ear()
    lot = parking(places=1, learner=ear)
    for index in (0, 1):
        lot.observe(day_of(index=index))
        lot.hear(np.full(HOURS, 0.05), np.array([0.3, 0.7]))
        came = (session("a", energy_kwh=18.0), session("b"), session("c"))
        assert [lot.admit(each, 1) for each in came] == [True, False, False]
        clearing = nodal([lot.offer()], 0.2)
        lot.settle(replace(clearing, lot_profit=clearing.lot_profit - 0.05 * 20.0))
    day = ear.day
    assert (day.price, day.rivals.tolist(), day.visitors, day.admitted, day.weekday) == (0.4, [0.3, 0.7], 3, 1, 1)
    assert (day.energy_kwh, day.payment) == (pytest.approx(20.0), pytest.approx((0.2 + 0.05) * 20.0))
    assert ear.profit == pytest.approx((0.4 - 0.2 - 0.05) * 20.0)


def test_a_lot_of_the_lots_lead_market_pays_nothing():
    lot = parking(price=0.4)
    run_day(lot, [session(energy_kwh=18.0)])
    record = lot.record()
    assert record.payment == 0.0
    assert record.profit == record.revenue == pytest.approx(0.4 * 20.0)


def test_learning_on_a_fixed_envelope_is_refused():
    lot = parking(learner=RothErev((0.3, 0.4, 0.5, 0.6)))
    with pytest.raises(InputError, match="lot lot: learning"):
        lot.observe(day_of(lots=(fixed_day(),)))


def test_a_learning_lot_posts_from_its_own_stream_and_learns_from_its_revenue():
    grid = (0.2, 0.4, 0.6, 0.8)
    prices = []
    for seed in (1, 1, 2):
        lot = parking(learner=RothErev(grid), seed=seed)
        posted = []
        for index in range(12):
            lot.observe(day_of(index=index))
            lot.admit(session(), 1)
            lot.settle(cleared([lot.offer()]))
            posted.append(lot.price)
            assert lot.finished[0].paid == pytest.approx(lot.price * 10.0 / 0.9)
        assert set(posted) <= set(grid)
        assert not np.allclose(lot.learner.probabilities, 0.25)
        prices.append(posted)
    assert prices[0] == prices[1] != prices[2]


@pytest.mark.parametrize(
    ("profit", "paid"),
    [
        (5.0 - 2.0 - 1.0, 2.0),
        (2.0 + 4e-9, 2.0),  # of an income of 5: the order of additions
        (2.0 - 4e-9, 2.0),
        (2.0 + 6e-9, 2.0 - 6e-9),
        (1.5, 2.5),  # what a rule of the market takes
        (2.25, 1.75),  # and gives
    ],
)
def test_what_a_lot_pays_is_its_energy_and_what_a_rule_takes(profit: float, paid: float) -> None:
    """Of the second lot: 10 kW for half an hour at 0.4, sold at 1, and a network charge of 1."""
    lot: Any = SimpleNamespace(index=1, price=1.0, _length_h=np.array([0.5, 1.0]), _fixed=None, _network_charge=1.0)
    clearing: Any = SimpleNamespace(
        lot_kw=np.array([[99.0, 10.0], [99.0, 0.0]]),
        lot_price=np.array([[9.0, 0.4], [9.0, 7.0]]),
        lot_profit=np.array([99.0, profit]),
    )
    found = ParkingLot._paid(lot, clearing)
    assert found == pytest.approx(paid, abs=1e-13)
    assert (found == 2.0) == (paid == 2.0)
    small: Any = SimpleNamespace(**{**vars(lot), "price": 0.1, "_network_charge": 0.0})
    clearing.lot_profit[1] = 0.5 - 2.0 - 0.9e-9  # below an income of 1 the rounding is that of 1
    assert ParkingLot._paid(small, clearing) == 2.0
    fixed = SimpleNamespace(charging_price=np.array([0.6, 5.0]))
    own: Any = SimpleNamespace(**{**vars(lot), "_fixed": fixed})
    clearing.lot_profit[1] = 3.0 - 2.0 - 1.0
    assert ParkingLot._paid(own, clearing) == 2.0
