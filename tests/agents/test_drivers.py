from __future__ import annotations

import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mesa import Model

from agents.charging.drivers import Drivers
from agents.records import Outcome
from scenarios.markets.charging.driver_schema import ChoiceSection
from scenarios.streams import Streams
from tests.agents.town import cleared, day_of, parking, session, sessions

CHOICE = ChoiceSection.model_validate(
    {
        "price_utility_per_eur_per_kwh": -10.0,
        "walking_utility_per_m": -0.004,
        "experience_utility": 2.0,
        "experience_memory": 0.7,
    }
)


def town(prices=(0.5, 0.5), walks=(0.0, 0.0), places=1000, seed=0):
    model = Model(rng=0)
    lots = [
        parking(model, places=places, price=price, walking_m=walk, name=f"lot-{k}", index=k)
        for k, (price, walk) in enumerate(zip(prices, walks, strict=True))
    ]
    return lots, Drivers(model, lots=lots, choice=CHOICE, streams=Streams(seed))


def play(lots, drivers, arrivals, index=0, served=1.0):
    day = day_of(arrivals, index)
    for lot in lots:
        lot.observe(day)
    drivers.observe(day)
    clearing = cleared([lot.offer() for lot in lots], served)
    for lot in lots:
        lot.settle(clearing)
    drivers.settle(clearing)
    return [lot.record() for lot in lots]


def crowd(count, **changes):
    return [session(f"{k}", k * 23.0 / count, 0.9, 1.0, **changes) for k in range(count)]


def share_of_first(**town_of):
    lots, drivers = town(**town_of)
    first, second = play(lots, drivers, crowd(4000))
    return first.arrivals / (first.arrivals + second.arrivals)


# Four standard deviations of a share among 4000 drivers are at most 0.032.


def test_equal_lots_share_equally():
    assert share_of_first() == pytest.approx(0.5, abs=0.032)


def test_shares_are_the_logit_of_price_and_walk():
    assert share_of_first(prices=(0.6, 0.5)) == pytest.approx(1 / (1 + np.e), abs=0.032)
    assert share_of_first(walks=(0.0, 250.0)) == pytest.approx(np.e / (1 + np.e), abs=0.032)


def test_share_falls_when_the_price_rises():
    shares = [share_of_first(prices=(price, 0.5)) for price in (0.4, 0.5, 0.6, 0.7)]
    assert shares == sorted(shares, reverse=True)
    assert len(set(shares)) == 4


def test_a_driver_does_not_walk_from_the_lot_where_it_was_recorded():
    _, drivers = town(walks=(100.0, 300.0))
    utility = drivers.utility(np.array([-1, 0, 1]))
    np.testing.assert_allclose(utility, np.array([[-3.4, -4.2], [-3.0, -4.2], [-3.4, -3.0]]))


def test_second_tries_follow_the_logit_among_the_lots_that_are_left():
    lots, drivers = town(prices=(0.0, 0.5, 0.6), walks=(0.0, 0.0, 0.0))
    lots[0].places = 0  # nearly everybody's first choice, and always full
    _, second, third = play(lots, drivers, crowd(4000, patience=3))
    assert second.arrivals / (second.arrivals + third.arrivals) == pytest.approx(np.e / (1 + np.e), abs=0.032)
    assert second.arrivals + third.arrivals == 4000


@pytest.mark.parametrize(("patience", "tries"), [(1, 1), (2, 2), (5, 2)])
def test_patience_ends_and_the_driver_is_turned_away(patience, tries):
    lots, drivers = town(places=0)
    records = play(lots, drivers, [session("late", 9.0, patience=patience)])
    (record,) = drivers.turned_away
    assert (record.name, record.lot, record.outcome, record.tries) == ("late", "", Outcome.FULL, tries)
    assert (record.got_kwh, record.paid, record.asked_kwh) == (0.0, 0.0, 10.0)
    assert sum(lot.refused for lot in records) == tries
    assert all(lot.finished == () for lot in lots)


def test_experience_is_smoothed():
    lots, drivers = town(prices=(0.5,), walks=(0.0,), places=1)
    both = [session("a", 8.0, 4.0, 10.0), session("b", 9.0, 1.0, 1.0)]  # b finds the lot full
    play(lots, drivers, both, served=0.6)
    assert drivers.reputation.values[0] == pytest.approx(0.7 * 1.0 + 0.3 * (0.6 + 0.0) / 2)
    before = drivers.reputation.values[0]
    play(lots, drivers, [], index=1)
    assert drivers.reputation.values[0] == before  # nobody came, nothing was learned


def test_a_better_name_draws_drivers():
    lots, drivers = town()
    drivers.reputation.values[:] = (0.5, 1.0)
    first, second = play(lots, drivers, crowd(4000))
    assert first.arrivals / (first.arrivals + second.arrivals) == pytest.approx(1 / (1 + np.e), abs=0.032)


@given(arrivals=sessions(), places=st.integers(1, 3), seed=st.integers(0, 5))
def test_everybody_is_admitted_or_turned_away_within_patience(arrivals, places, seed):
    lots, drivers = town(places=places, seed=seed)
    records = play(lots, drivers, arrivals)
    assert sum(record.arrivals for record in records) + len(drivers.turned_away) == len(arrivals)
    patience = {item.name: item.patience for item in arrivals}
    ended = [record for lot in lots for record in lot.finished]
    for record in [*ended, *drivers.turned_away]:
        assert 1 <= record.tries <= min(patience[record.name], 2)
    assert np.all((drivers.reputation.values >= 0.0) & (drivers.reputation.values <= 1.0))


def test_choices_repeat_with_the_seed_and_change_without():
    def choices(seed):
        lots, drivers = town(seed=seed)
        play(lots, drivers, crowd(60))
        return {record.name: record.lot for lot in lots for record in lot.finished}

    assert choices(3) == choices(3)
    assert choices(3) != choices(4)


def test_a_town_without_lots_turns_everybody_away():
    lots, drivers = town(prices=(), walks=())
    play(lots, drivers, crowd(3))
    assert [record.tries for record in drivers.turned_away] == [0, 0, 0]


def test_a_day_of_many_sessions_costs_in_proportion():
    """Four times the drivers, who find no place more often, are about four times the work and not sixteen times."""
    assert 3.0 < calls(400) / calls(100) < 5.0
    assert calls(400) < 100 * 400


def calls(count):
    """Functions that a day calls, of Python and of C: its work, whatever the machine."""
    lots, drivers = town(prices=(0.5, 0.5, 0.5), walks=(0.0, 0.0, 0.0), places=60)
    arrivals = [session(f"{k}", k * 24.0 / count, 7.0, 9.0, patience=3) for k in range(count)]
    made = 0

    def count_call(_frame, event, _argument):
        nonlocal made
        made += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(count_call)
    try:
        play(lots, drivers, arrivals)
    finally:
        sys.setprofile(before)
    return made
