"""What each agent learns from, computed by hand from the day that it settles: no input of a learner goes unseen.

The learners are replaced by ones that write down what they are told.
"""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from mesa import Model

from agents.charging.drivers import Drivers
from agents.disco.customers import Customers
from agents.disco.driver_pool import DriverPool
from agents.disco.lot_owner import ParkingLotOwner
from agents.records import Outcome
from agents.reputation import Reputation
from agents.vehicle import Vehicle
from equilibrium.demand_response import Elasticity, ResponseProgram
from equilibrium.fleet.day import LotDay
from equilibrium.grid.assets import LotSite
from scenarios.markets.charging.driver_schema import ChoiceSection
from scenarios.markets.disco.day import CompanyDay
from scenarios.markets.disco.schema import ParticipationSection
from scenarios.streams import Streams
from scenarios.time_axis import TimeAxis, day_axis
from tests.agents.test_disco_agents import BASE, EDRP, HIGH, NAMES, TOU, TRUE, day_of, retailer
from tests.agents.town import HOURS, cleared, nodal, parking, run_day, session
from tests.agents.town import day_of as charging_day

RNG = np.random.default_rng(8)


class Told:
    """Writes down what it is told; ``choose`` walks along its values."""

    def __init__(self, *values: float) -> None:
        self.values, self.heard, self.asked = values, [], 0

    def update(self, *heard: Any) -> None:
        self.heard.append(heard)

    def choose(self, _generator: np.random.Generator) -> float:
        self.asked += 1
        return self.values[(self.asked - 1) % len(self.values)]


# The retailer


def settled(day: CompanyDay, load: np.ndarray, price: np.ndarray, cost: float) -> Any:
    outcome = SimpleNamespace(load_kw=load, response_cost=cost)
    return SimpleNamespace(outcome=outcome, realised=SimpleNamespace(price=price), day=day)


def quarter_axis() -> TimeAxis:
    return day_axis(None, None, 15)


@pytest.mark.parametrize("chosen", [1, 2])
@pytest.mark.parametrize("parts", [1, 4])
def test_the_retailer_learns_from_its_profit_its_costs_and_the_metered_response(chosen: int, parts: int) -> None:
    """Periods of an hour and of a quarter; the marginal price differs from bus to bus."""
    axis = day_axis() if parts == 1 else quarter_axis()
    hour = [k // parts for k in range(axis.size)]
    spread = [ResponseProgram(p.name, p.tariff[hour], p.incentive[hour], p.penalty[hour]) for p in (TOU, TOU, EDRP)]
    agent = retailer(programs=spread)
    choice, belief = Told(), Told()
    base = RNG.uniform(50.0, 150.0, (axis.size, 2))
    day = CompanyDay(0, None, axis, 0.0, base, 0.3 * base, base, 0.3 * base, np.where(HIGH, 0.09, 0.03)[hour])
    agent.observe(day)
    before = agent.expected_cost.copy()
    assert before.tolist() == pytest.approx(np.where(HIGH, 0.09, 0.03).tolist())
    agent.chosen = chosen
    agent.choice.update, agent.belief.update = choice.update, belief.update  # type: ignore[method-assign]
    load, price = RNG.uniform(50.0, 150.0, (axis.size, 2)), RNG.uniform(0.02, 0.2, (axis.size, 2))
    agent.settle(settled(day, load, price, 7.5))
    tariff = spread[chosen].tariff
    h = 1.0 / parts
    earned = sum(h * load[t, b] * (tariff[t] - price[t, b]) for t in range(axis.size) for b in range(2))
    assert choice.heard == [(chosen, pytest.approx(earned - 7.5))]
    assert agent.record().profit == pytest.approx(earned - 7.5)

    signal, response = belief.heard[0]
    for k in range(24):
        rows = [t for t in range(axis.size) if hour[t] == k]
        mean = np.mean([sum(load[t] * price[t]) / sum(load[t]) for t in rows])
        assert agent.expected_cost[k] == pytest.approx(0.7 * before[k] + 0.3 * mean)
        drawn, without = (np.mean([sum(values[t]) for t in rows]) for values in (load, base))
        assert response[k] == pytest.approx((drawn / without - 1.0) / 0.2)
        program = (TOU, TOU, EDRP)[chosen]
        change = program.tariff[k] - BASE[k] + program.incentive[k] + program.penalty[k]
        assert signal[k] == pytest.approx(change / BASE[k])


def test_a_truth_that_is_metered_is_believed_in_the_end() -> None:
    """Through ``settle`` itself: customers who answer without noise teach the retailer their own elasticity."""
    agent = retailer(programs=(TOU, EDRP))
    true = Elasticity.blocks(NAMES, TRUE)
    customers = Customers(
        Model(rng=0), base_tariff=BASE, elasticity=true, participation=0.2, noise=0.0, streams=Streams(0)
    )
    distance = []
    for index in range(60):
        day = day_of(index)
        customers.observe(day)
        agent.observe(day)
        agent.chosen = index % 2
        load, _ = customers.answer(agent.program)
        agent.settle(settled(day, load, np.full((24, 2), 0.05), 0.0))
        estimate = agent.belief.estimate()
        distance.append(max(abs(estimate[pair] - value) for pair, value in TRUE.items()))
    assert distance[-1] < 0.004 < 0.2 * distance[0]


def test_no_load_leaves_the_belief_and_takes_the_plain_mean_price() -> None:
    agent, belief = retailer(), Told()
    day = day_of(load=0.0)
    agent.observe(day)
    agent.belief.update = belief.update  # type: ignore[method-assign]
    before = agent.expected_cost.copy()
    price = np.tile([0.04, 0.06], (24, 1))
    agent.settle(settled(day, np.zeros((24, 2)), price, 0.0))
    assert agent.expected_cost.tolist() == pytest.approx((0.7 * before + 0.3 * 0.05).tolist())
    assert np.isnan(belief.heard[0][1]).all()


# Customers


def test_the_noise_of_the_customers_has_mean_one() -> None:
    agent = Customers(
        Model(rng=0),
        base_tariff=BASE,
        elasticity=Elasticity.blocks(NAMES, TRUE),
        participation=0.0,
        noise=0.6,
        streams=Streams(3),
    )
    factors = []
    for index in range(120):
        day = day_of(index)
        agent.observe(day)
        load, kvar = agent.answer(TOU)
        factors.append(load[:, 0] / day.base_kw[:, 0])
        np.testing.assert_allclose(kvar, 0.3 * load)
    drawn = np.concatenate(factors)
    assert drawn.mean() == pytest.approx(1.0, abs=0.05)  # without the correction it is 1.197
    assert np.log(drawn).std() == pytest.approx(0.6, abs=0.03)


# The owner of the lots and the drivers who come


def lot_owner(**changes: Any) -> ParkingLotOwner:
    agent = retailer(programs=(TOU,))
    agent.observe(day_of())
    sites = [LotSite("a", 0, 0.9, discharge_efficiency=0.8), LotSite("b", 1, 0.9, discharge_efficiency=0.8)]
    options = {"margin": 0.03, "driver_share": 0.6, "degradation": 0.02, "streams": Streams(0), **changes}
    return ParkingLotOwner(Model(rng=0), sites=sites, retailer=agent, **options)


def batch(name: str, count: list[float]) -> Any:
    n = len(count)
    return SimpleNamespace(
        size=n,
        names=tuple(f"{name}-{k}" for k in range(n)),
        arrival=np.full(n, 2),
        departure=np.full(n, 20),
        energy_kwh=np.full(n, 20.0),
        wish_kwh=np.full(n, 30.0),
        energy_max_kwh=np.full(n, 60.0),
        charge_max_kw=np.full(n, 11.0),
        count=np.array(count),
    )


def owners_day(owner: ParkingLotOwner, charge: list[Any], discharge: list[Any], profit: list[float]) -> Any:
    schedules = [SimpleNamespace(charge_kw=c, discharge_kw=d) for c, d in zip(charge, discharge, strict=True)]
    outcome = SimpleNamespace(tariffs=owner.offer(), length_h=np.ones(24))
    realised = SimpleNamespace(vehicles=schedules, lot_profit=np.array(profit))
    return SimpleNamespace(outcome=outcome, realised=realised)


@pytest.mark.parametrize("learns", ["margin", "driver_share"])
def test_the_owner_learns_from_the_profit_of_all_its_lots(learns: Any) -> None:
    learner: Any = Told(0.1, 0.7)
    owner = lot_owner(learns=learns, learner=learner)
    for index, value in enumerate((0.1, 0.7)):
        owner.observe(day_of(index))
        assert getattr(owner, learns) == value
        owner.admit(day_of(index), [batch("a", [1.0]), batch("b", [1.0])])
        none = np.zeros((1, 24))
        owner.settle(owners_day(owner, [none, none], [none, none], [3.5 + index, -1.25]))
        assert owner.record().profit == pytest.approx(2.25 + index)
    assert learner.heard == [(2.25,), (3.25,)]


def test_the_owner_books_every_hour_at_its_own_price() -> None:
    """8 kWh at the low tariff of 0.05 and 2 kWh at 0.2, margin 0.03; 3 kWh given at 0.6 of 0.2 and 0.02."""
    owner = lot_owner()
    owner.observe(day_of())
    owner.admit(day_of(), [batch("a", [4.0]), batch("b", [1.0])])
    charge, discharge = np.zeros((1, 24)), np.zeros((1, 24))
    charge[0, [3, 15]] = [8.0, 2.0]
    discharge[0, 16] = 3.0
    none = np.zeros((1, 24))
    owner.settle(owners_day(owner, [charge, none], [discharge, none], [1.0, 0.0]))
    first, second = owner.finished
    assert first.paid == pytest.approx(8.0 * 0.08 + 2.0 * 0.23)
    assert first.received == pytest.approx(3.0 * (0.6 * 0.2 + 0.02))
    assert (first.drawn_kwh, first.given_kwh, first.alike) == (10.0, 3.0, 4.0)
    assert first.got_kwh == pytest.approx(9.0 - 3.0 / 0.8)
    assert (second.paid, second.received, second.drawn_kwh, second.lot) == (0.0, 0.0, 0.0, "b")


def pool(owner: Any, **changes: Any) -> DriverPool:
    coefficients: dict[str, Any] = {"constant": 0.4, "price_utility_per_eur_per_kwh": -3.0, "share_utility": 2.0}
    coefficients |= {"experience_utility": 1.5, "experience_memory": 0.75, **changes}
    choice = ParticipationSection(**coefficients)
    return DriverPool(Model(rng=0), owner=owner, drivers=[10, 20], choice=choice)


def test_drivers_weigh_price_share_and_reputation() -> None:
    for share in (0.2, 0.9):
        owner = lot_owner(driver_share=share)
        owner.observe(day_of())
        drivers = pool(owner)
        drivers.reputation.values[:] = [1.0, 0.4]
        drivers.observe(day_of())
        price = np.mean(np.where(HIGH, 0.2, 0.05)) + 0.03
        for lot, reputation in enumerate((1.0, 0.4)):
            utility = 0.4 - 3.0 * price + 2.0 * share + 1.5 * (reputation - 1.0)
            assert drivers.probability[lot] == pytest.approx(1.0 / (1.0 + np.exp(-utility)))


def visit(lot: str, share: float, alike: float) -> Any:
    return SimpleNamespace(lot=lot, served_share=share, alike=alike)


def test_a_record_that_stands_for_many_visits_counts_for_many() -> None:
    owner = lot_owner()
    drivers = pool(owner)
    owner.finished = (visit("a", 1.0, 1.0), visit("a", 0.2, 9.0), visit("b", 0.5, 3.0))
    batches = (batch("a", [1.0, 9.0]), batch("b", [3.0]))
    day: Any = SimpleNamespace(outcome=SimpleNamespace(scenarios=[SimpleNamespace(vehicles=batches)]))
    drivers.settle(day)
    grades = ((1.0 * 1.0 + 9.0 * 0.2) / 10.0, 0.5)
    assert drivers.reputation.values.tolist() == pytest.approx([0.75 + 0.25 * grade for grade in grades])
    first, second = drivers.record()
    assert (first.lot, first.drivers, first.came) == ("a", 10, 10.0)
    assert (second.lot, second.drivers, second.came) == ("b", 20, 3.0)
    assert second.reputation == pytest.approx(0.875)


def test_reputations_move_by_a_days_mean_grade_and_by_nothing_without_visits() -> None:
    reputation = Reputation(2, 0.7)
    reputation.learn(1, 1.5, 5.0)
    reputation.learn(0, 0.0, 0.0)
    assert reputation.values.tolist() == pytest.approx([1.0, 0.7 + 0.3 * 0.3])
    reputation.learn(1, 2.0, 2.0)
    assert reputation.values[1] == pytest.approx(0.7 * 0.79 + 0.3)


# Lots, vehicles and drivers of the charging markets


def test_the_peak_of_a_day_is_that_of_its_own_day() -> None:
    lot = parking(places=5)
    run_day(lot, [session("a", 8.0), session("b", 8.5), session("c", 9.0)])
    assert lot.record().peak_occupancy == 3
    run_day(lot, [session("d", 20.0, stay_h=10.0)], index=1)
    assert lot.record().peak_occupancy == 1
    run_day(lot, [], index=2)  # the one that came yesterday is still there
    record = lot.record()
    assert (record.peak_occupancy, record.arrivals, record.departures, record.parked) == (1, 0, 1, 0)
    run_day(lot, [], index=3)
    assert lot.record().peak_occupancy == 0
    assert (lot.record().refused, lot.record().unreachable_kwh) == (0, 0.0)


def test_a_stay_over_two_days_is_paid_at_the_price_of_each() -> None:
    learner: Any = Told(0.4, 0.8)
    lot = parking(learner=learner)
    run_day(lot, [session("night", 22.0, stay_h=10.0, energy_kwh=18.0)])
    run_day(lot, [], index=1)
    (record,) = lot.finished
    # 2 of 10 hours of the stay are on the first day: 4 of 20 kWh drawn.
    assert record.paid == pytest.approx(0.4 * 4.0 + 0.8 * 16.0)
    assert record.drawn_kwh == pytest.approx(20.0)
    assert [heard[0] for heard in learner.heard] == pytest.approx([0.4 * 4.0, 0.8 * 16.0])


def test_what_a_nodal_lot_learns_from_has_its_own_prices_and_power() -> None:
    learners: Any = [Told(0.5), Told(0.6)]
    lots = [parking(name=f"lot{k}", index=k, learner=learners[k]) for k in range(2)]
    offers = []
    for lot in lots:
        lot.observe(charging_day())
        lot.admit(session(energy_kwh=9.0 * (lot.index + 1)), 1)
        offers.append(lot.offer())
    clearing = nodal(offers, 0.1)
    prices = np.column_stack([np.linspace(0.01, 0.2, HOURS), np.linspace(0.3, 0.1, HOURS)])
    paid = (prices * clearing.lot_kw).sum(axis=0)
    revenue = np.array([0.5, 0.6]) * clearing.lot_kw.sum(axis=0)
    clearing = replace(clearing, lot_price=prices, lot_profit=revenue - paid, lot_payment=paid)
    for lot in lots:
        lot.settle(clearing)
    assert [learner.heard for learner in learners] == [[(pytest.approx(revenue[k] - paid[k]),)] for k in range(2)]
    assert [lot.record().payment for lot in lots] == pytest.approx(paid.tolist())
    assert [lot.record().profit for lot in lots] == pytest.approx((revenue - paid).tolist())


def test_a_vehicle_sums_what_it_drew_gave_paid_and_received() -> None:
    car = Vehicle(session(energy_kwh=30.0), "lot", 0, 8.0, 28.0, 11.0, 0.9, discharge_efficiency=0.8)
    car.charge(10.0, 0.5, 2.0, 0.1)
    car.charge(20.0, 0.2, 1.0, 0.3)
    record = car.record()
    assert record.paid == pytest.approx(10 * 0.5 + 20 * 0.2)
    assert record.received == pytest.approx(2 * 0.1 + 1 * 0.3)
    assert (record.drawn_kwh, record.given_kwh) == (30.0, 3.0)
    assert record.got_kwh == pytest.approx(27.0 - 3.0 / 0.8)
    assert record.outcome is Outcome.SHORTAGE


def test_drivers_grade_refusals_as_nothing_and_served_wishes_by_their_share() -> None:
    lots = [parking(name=f"lot{k}", index=k, price=0.1 * (k + 1), places=1, walking_m=100.0 * k) for k in range(2)]
    choice = ChoiceSection(price_utility_per_eur_per_kwh=-1e4, walking_utility_per_m=0.0, experience_memory=0.6)
    drivers = Drivers(Model(rng=0), lots=lots, choice=choice, streams=Streams(0))
    sessions = [session(f"{k}", 8.0 + 0.1 * k, energy_kwh=18.0, patience=2) for k in range(3)]
    for lot in lots:
        lot.observe(charging_day(sessions))
    drivers.observe(charging_day(sessions))
    offers = [lot.offer() for lot in lots]
    clearing = cleared(offers, served=0.5)
    for lot in lots:
        lot.settle(clearing)
    drivers.settle(clearing)
    # All want the cheap lot first: one gets half, two are refused; of those one gets half at the other, one nothing.
    cheap, dear = 0.6 + 0.4 * (0.5 / 3.0), 0.6 + 0.4 * (0.5 / 2.0)
    record = drivers.record()
    assert record.reputation.tolist() == pytest.approx([cheap, dear])
    (left,) = record.turned_away
    assert (left.name, left.tries, left.outcome, left.asked_kwh, left.lot) == ("2", 2, Outcome.FULL, 18.0, "")


def test_utilities_of_price_walk_and_reputation() -> None:
    lots = [parking(name=f"lot{k}", index=k, price=0.1 * (k + 1), walking_m=100.0 * (k + 1)) for k in range(2)]
    choice = ChoiceSection(price_utility_per_eur_per_kwh=-7.0, walking_utility_per_m=-0.01, experience_utility=2.0)
    drivers = Drivers(Model(rng=0), lots=lots, choice=choice, streams=Streams(0))
    drivers.reputation.values[:] = [0.9, 0.3]
    found = drivers.utility(np.array([-1, 0, 1]))
    near, far = -0.7 - 1.0 + 1.8, -1.4 - 2.0 + 0.6
    assert found.tolist() == pytest.approx(np.array([[near, far], [near + 1.0, far], [near, far + 2.0]]))


# A fixed day


def test_a_fixed_day_pays_its_own_price_of_every_hour() -> None:
    lot = parking()
    price, zeros = np.linspace(0.2, 0.9, HOURS), np.zeros(HOURS)
    lot.observe(charging_day(lots=(LotDay(price, zeros, zeros, 0.0, zeros, zeros, np.full(HOURS, 50.0)),)))
    power = RNG.uniform(0.0, 50.0, (HOURS, 1))
    lot.settle(cleared([lot.offer()], lot_kw=power))
    assert lot.record().revenue == pytest.approx(sum(price[t] * power[t, 0] for t in range(HOURS)))
    assert lot.record().energy_kwh == pytest.approx(power.sum())
    assert lot.record().price == pytest.approx(price.mean())
