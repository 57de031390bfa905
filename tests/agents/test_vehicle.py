from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.records import Outcome, SessionRecord
from agents.vehicle import Vehicle, fleet_of
from tests.agents.town import session

ETA = 0.9


def vehicle(wish, charger_kw=22.0):
    return Vehicle(wish, "lot", 0, wish.arrival_h, wish.departure_h, min(charger_kw, wish.power_kw), ETA, ledger=[])


@given(
    arrival_min=st.integers(0, 24 * 60 - 1),
    stay_min=st.integers(1, 100 * 60),
    energy=st.floats(0.0, 40.0),
    power=st.sampled_from([0.3, 2.3, 11.0, 55.0]),
    shares=st.lists(st.floats(0.0, 1.0), min_size=6, max_size=6),
)
def test_energy_is_conserved_and_all_that_is_reachable_is_reached(arrival_min, stay_min, energy, power, shares):
    wish = session(arrival_h=arrival_min / 60, stay_h=stay_min / 60, energy_kwh=energy, power_kw=power)
    car = vehicle(wish)
    drawn, midnight = 0.0, wish.arrival_energy_kwh
    for day, share in enumerate(shares):
        if car.departure_h <= 24 * day:
            break
        fleet = fleet_of([car], 24.0 * day, 24, ETA)
        assert fleet.energy_kwh[0] == car.energy_kwh == midnight  # nothing happens at midnight
        need, able = fleet.need_kwh[0], ETA * fleet.power_kw[0].sum()
        assert 0.0 <= need <= able
        # The market may give more than today's need where the terminal state allows it, never more than all.
        given_kwh = need + share * max(min(able, car.reachable_kwh - car.stored_kwh) - need, 0.0)
        car.charge(given_kwh / ETA, 0.4)
        drawn += given_kwh / ETA
        midnight = car.energy_kwh
        assert midnight == pytest.approx(wish.arrival_energy_kwh + ETA * drawn, abs=1e-9)
        assert midnight <= wish.battery_kwh + 1e-9
    record = car.record()
    assert record.got_kwh == pytest.approx(car.reachable_kwh, abs=1e-6)
    assert record.got_kwh + record.unreachable_kwh == pytest.approx(energy, abs=1e-6)
    assert record.got_kwh == pytest.approx(ETA * record.drawn_kwh)
    assert record.paid == pytest.approx(0.4 * record.drawn_kwh)
    assert record.outcome in (Outcome.SERVED, Outcome.UNREACHABLE)
    assert (record.outcome is Outcome.UNREACHABLE) == (record.unreachable_kwh > 1e-3)


def test_power_is_limited_by_charger_vehicle_and_minutes():
    wish = session(arrival_h=8.25, stay_h=2.0, power_kw=11.0)
    fleet = fleet_of([vehicle(wish), vehicle(wish, charger_kw=7.0)], 0.0, 24, ETA)
    np.testing.assert_allclose(fleet.power_kw[0, 7:12], [0.0, 0.75 * 11, 11, 0.25 * 11, 0.0])
    np.testing.assert_allclose(fleet.power_kw[1, 8:11], [0.75 * 7, 7, 0.25 * 7])
    assert fleet.arrival_hour.tolist() == [8, 8]
    assert fleet.departure_hour.tolist() == [10, 10]


def test_need_until_midnight_is_the_share_of_the_stay():
    wish = session(arrival_h=18.0, stay_h=16.0, energy_kwh=32.0)
    car = vehicle(wish)
    evening = fleet_of([car], 0.0, 24, ETA)
    assert evening.need_kwh[0] == pytest.approx(32.0 * 6 / 16)
    assert evening.departure_hour[0] == 24
    car.charge(evening.need_kwh[0] / ETA, 0.5)
    morning = fleet_of([car], 24.0, 24, ETA)
    assert morning.arrival_hour[0] == 0
    assert morning.departure_hour[0] == 10
    assert morning.energy_kwh[0] == pytest.approx(20.0 + 12.0)
    assert morning.need_kwh[0] == pytest.approx(20.0)


def test_leaving_at_midnight_owes_everything_today():
    fleet = fleet_of([vehicle(session(arrival_h=20.0, stay_h=4.0, energy_kwh=10.0))], 0.0, 24, ETA)
    assert fleet.need_kwh[0] == pytest.approx(10.0)
    assert fleet.departure_hour[0] == 24


def test_wish_beyond_the_stay_is_cut_and_recorded():
    car = vehicle(session(stay_h=1.0, energy_kwh=30.0, power_kw=10.0))
    assert car.unreachable_kwh == pytest.approx(30.0 - 9.0)
    car.charge(10.0, 0.5)
    record = car.record()
    assert record.outcome is Outcome.UNREACHABLE
    assert record.unreachable_kwh == pytest.approx(21.0)
    assert record.asked_kwh == 30.0


def test_a_shortage_yesterday_is_no_impossible_need_today():
    car = vehicle(session(arrival_h=12.0, stay_h=13.0, energy_kwh=40.0, power_kw=4.0))
    car.charge(0.0, 0.5)  # nothing was given on the first day
    fleet = fleet_of([car], 24.0, 24, ETA)
    assert fleet.need_kwh[0] == pytest.approx(ETA * 4.0)
    car.charge(4.0, 0.5)
    assert car.record().outcome is Outcome.SHORTAGE


@pytest.mark.parametrize("drawn", [-0.1, 60.0])
def test_a_charge_that_breaks_the_battery_is_refused(drawn):
    car = vehicle(session())
    with pytest.raises(ValueError, match="session 0-0"):
        car.charge(drawn, 0.5)
    assert car.energy_kwh == 20.0


def test_an_empty_lot_has_an_empty_fleet():
    fleet = fleet_of([], 0.0, 24, ETA)
    assert fleet.size == 0
    assert fleet.power_kw.shape == (0, 24)


def test_quarters_and_hours_of_a_day_give_the_same_need():
    """A stay past midnight from 18:15: the day's capability is power times length, whatever the periods."""
    wish = session(arrival_h=18.25, stay_h=16.0, energy_kwh=32.0, power_kw=8.0)
    lengths = np.r_[np.full(72, 0.25), np.full(6, 1.0)]
    for periods in (24, np.full(96, 0.25), lengths):
        fleet = fleet_of([vehicle(wish)], 0.0, periods, ETA)
        assert fleet.need_kwh[0] == pytest.approx(32.0 * 5.75 / 16.0)
        assert float(fleet.power_kw[0] @ fleet.period_h) == pytest.approx(8.0 * 5.75)
    late = fleet_of([vehicle(session(arrival_h=23.0, stay_h=25.0, energy_kwh=40.0, power_kw=2.0))], 0.0, 48, ETA)
    assert late.need_kwh[0] <= ETA * float(late.power_kw[0] @ late.period_h) + 1e-12


def test_a_record_of_who_only_charged_has_given_nothing():
    record = vehicle(session(energy_kwh=5.0)).record()
    assert (record.given_kwh, record.received, record.alike) == (0.0, 0.0, 1.0)
    plain = SessionRecord("a", 0, "lot", 0, 1.0, 2.0, 1, 50.0, 10.0, 0.0, 0.0, 0.0, 0.0, 0.0, Outcome.SERVED)
    assert (plain.given_kwh, plain.received, plain.alike, plain.served_share) == (0.0, 0.0, 1.0, 1.0)
    half = SessionRecord("a", 0, "lot", 0, 1.0, 2.0, 1, 50.0, 10.0, 8.0, 0.0, 4.0, 5.0, 0.0, Outcome.SERVED)
    assert half.served_share == 0.5
