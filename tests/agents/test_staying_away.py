"""Drivers who may stay away, and homes that no driver from elsewhere uses."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from mesa import Model

from agents.charging.drivers import Drivers
from agents.charging.residents import Residents
from agents.records import Outcome
from scenarios.markets.charging.driver_schema import ChoiceSection, OutsideSection
from scenarios.streams import Streams
from tests.agents.town import cleared, day_of, parking, session

COUNT = 4000


def outside(price: float = 0.3, constant: float = 0.0) -> OutsideSection:
    return OutsideSection.model_validate({"price_eur_per_kwh": price, "constant": constant})


def choosing(lots, option, seed=1):
    choice = ChoiceSection(price_utility_per_eur_per_kwh=-10.0, walking_utility_per_m=0.0, outside=option)
    return Drivers(Model(rng=0), lots=lots, choice=choice, streams=Streams(seed))


def day(count=COUNT, patience=2):
    return day_of([session(f"0-{k}", energy_kwh=1.0, patience=patience) for k in range(count)])


def morning(lots, drivers, today):
    for lot in lots:
        lot.observe(today)
    drivers.observe(today)


@pytest.mark.parametrize("price", [0.2, 0.3, 0.4])
def test_who_stays_away_is_the_logit_share(price):
    """Lots at ``price`` and 0.3 with the experience 1, home at 0.3: V = 1 - 10 price, -2, -3."""
    lots = [parking(places=COUNT, price=price, name="a"), parking(places=COUNT, price=0.3, name="b", index=1)]
    drivers = choosing(lots, outside())
    morning(lots, drivers, day())
    weights = np.exp([1.0 - 10.0 * price, -2.0, -3.0])
    expected = weights / weights.sum()
    seen = np.array([len(lot.vehicles) for lot in lots] + [len(drivers.stayed_away)]) / COUNT
    np.testing.assert_allclose(seen, expected, atol=4.0 * np.sqrt(0.25 / COUNT))
    assert drivers.turned_away == ()


def test_a_higher_price_of_all_lots_keeps_more_drivers_away():
    away = []
    for price in (0.2, 0.3, 0.4, 0.6):
        lots = [parking(places=COUNT, price=price)]
        drivers = choosing(lots, outside())
        morning(lots, drivers, day())
        away.append(len(drivers.stayed_away))
    assert away == sorted(away)
    assert away[0] < 0.3 * COUNT < 0.7 * COUNT < away[-1]


def test_those_who_stay_away_are_records_without_a_lot():
    lots = [parking(places=COUNT, price=0.9)]
    drivers = choosing(lots, outside())
    morning(lots, drivers, day(50))
    record = drivers.record()
    assert len(record.stayed_away) + len(lots[0].vehicles) == 50
    assert len(record.stayed_away) > 40
    for left in record.stayed_away:
        assert (left.lot, left.outcome, left.got_kwh, left.paid) == ("", Outcome.AWAY, 0.0, 0.0)
        assert left.tries == 0


def test_a_driver_goes_down_the_ranking_and_may_prefer_home_to_the_next_lot():
    """One place each; the second of three drivers finds lot a full: some then try b, some go home."""
    tries = {Outcome.FULL: set(), Outcome.AWAY: set()}
    for seed in range(40):
        lots = [parking(places=1, price=0.1, name="a"), parking(places=1, price=0.35, name="b", index=1)]
        drivers = choosing(lots, outside(0.3), seed)
        morning(lots, drivers, day(4, patience=1 + seed % 2))
        for left in (*drivers.turned_away, *drivers.stayed_away):
            tries[left.outcome].add(left.tries)
    assert tries[Outcome.FULL] == {1, 2}
    assert {0, 1} <= tries[Outcome.AWAY]


def test_without_an_outside_option_nobody_stays_away():
    lots = [parking(places=COUNT, price=5.0)]
    drivers = choosing(lots, None)
    morning(lots, drivers, day(100))
    assert drivers.stayed_away == ()
    assert len(lots[0].vehicles) == 100


def test_homes_are_no_choice_and_take_their_own():
    """The homes stand first in the network; a recorded lot is still the one of its number."""
    homes = parking(places=3, price=0.01, name="homes", homes=True)
    lot = parking(places=50, price=0.5, name="b", index=1, walking_m=100.0)
    drivers = choosing([homes, lot], outside(0.5))
    drivers.choice = drivers.choice.model_copy(update={"walking_utility_per_m": -0.01})
    residents = Residents(Model(rng=0), lot=homes)
    visitors = [session(f"0-{k}", energy_kwh=1.0, home_lot=k % 2) for k in range(40)]
    today = replace(day_of(visitors), residents=(tuple(session(f"h-{k}") for k in range(3)), ()))
    for agent in (homes, lot, residents, drivers):
        agent.observe(today)
    assert [vehicle.session.name for vehicle in homes.vehicles] == ["h-0", "h-1", "h-2"]
    assert len(lot.vehicles) + len(drivers.stayed_away) == 40
    attraction = drivers.attraction(np.array([-1, 0, 1]))
    np.testing.assert_allclose(attraction, [[0.0], [0.0], [1.0]])  # the walk is saved at home, experience 1
    offers = [homes.offer(), lot.offer()]
    clearing = cleared(offers)
    for agent in (homes, lot, residents, drivers):
        agent.settle(clearing)
    assert drivers.record().reputation[0] == 1.0
    assert residents.record() is None


def test_more_residents_than_places_is_a_fault():
    homes = parking(places=1, name="homes", homes=True)
    residents = Residents(Model(rng=0), lot=homes)
    today = replace(day_of(), residents=((session("h-0"), session("h-1")),))
    homes.observe(today)
    with pytest.raises(RuntimeError, match="no place for its own residents"):
        residents.observe(today)
