"""The agents of the DISCO market one by one: ledgers, choices, terms, and the retailer's arithmetic."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mesa import Model

from agents.disco.customers import Customers
from agents.disco.driver_pool import DriverPool
from agents.disco.elasticity import ElasticityBelief
from agents.disco.lot_owner import ParkingLotOwner
from agents.disco.program_choice import EpsilonGreedy, Reinforced, Steady
from agents.disco.retailer import DemandResponseRetailer
from agents.learning import RothErev
from agents.vehicle import Vehicle
from equilibrium.demand_response import Elasticity, ResponseProgram, respond, response_cost
from equilibrium.errors import InputError
from equilibrium.grid.assets import LotSite
from scenarios.markets.disco.day import CompanyDay
from scenarios.markets.disco.schema import ParticipationSection
from scenarios.streams import Streams
from scenarios.time_axis import day_axis
from tests.agents.town import session

NAMES = ("low",) * 12 + ("high",) * 12
TRUE = {("low", "low"): -0.05, ("high", "high"): -0.08, ("low", "high"): 0.01}
BASE = np.full(24, 0.1)
HIGH = np.array([name == "high" for name in NAMES])
FLAT = ResponseProgram("flat", BASE, np.zeros(24), np.zeros(24))
TOU = ResponseProgram("tou", np.where(HIGH, 0.2, 0.05), np.zeros(24), np.zeros(24))
EDRP = ResponseProgram("edrp", BASE, np.where(HIGH, 0.06, 0.0), np.zeros(24))


def day_of(index=0, load=100.0, base=None):
    forecast = np.full((24, 2), load)
    actual = forecast if base is None else np.full((24, 2), base)
    return CompanyDay(
        index,
        None,
        day_axis(),
        24.0 * index,
        forecast,
        0.3 * forecast,
        actual,
        0.3 * actual,
        np.where(HIGH, 0.09, 0.03),
    )


def retailer(choice=None, programs=(FLAT, TOU, EDRP), seed=0):
    prior = {("low", "low"): -0.03, ("high", "high"): -0.03, ("low", "high"): 0.0}
    return DemandResponseRetailer(
        Model(rng=0),
        menu=lambda _: programs,
        base_tariff=BASE,
        participation=0.2,
        belief=ElasticityBelief(NAMES, prior, prior_deviation=0.05, noise=0.1),
        choice=choice or Steady(),
        streams=Streams(seed),
    )


@given(
    arrival=st.floats(10.0, 40.0),
    days=st.lists(st.tuples(st.floats(0.0, 30.0), st.floats(0.0, 30.0)), min_size=1, max_size=5),
)
def test_a_vehicle_that_gives_and_takes_keeps_its_energy(arrival, days):
    wish = session(arrival_energy_kwh=arrival, energy_kwh=5.0, battery_kwh=60.0, stay_h=20.0)
    car = Vehicle(wish, "lot", 0, 8.0, 28.0, 11.0, 0.9, discharge_efficiency=0.95)
    drawn = given_kwh = 0.0
    for take, give in days:
        after = car.energy_kwh + 0.9 * take - give / 0.95
        if not 0.0 <= after <= 60.0:
            with pytest.raises(ValueError, match="session 0-0"):
                car.charge(take, 0.3, give, 0.4)
            continue
        car.charge(take, 0.3, give, 0.4)
        drawn, given_kwh = drawn + take, given_kwh + give
    assert car.energy_kwh == pytest.approx(arrival + 0.9 * drawn - given_kwh / 0.95, abs=1e-9)
    record = car.record()
    assert (record.drawn_kwh, record.given_kwh) == (pytest.approx(drawn), pytest.approx(given_kwh))
    assert (record.paid, record.received) == (pytest.approx(0.3 * drawn), pytest.approx(0.4 * given_kwh))
    assert record.arrival_energy_kwh + record.got_kwh == pytest.approx(car.energy_kwh)


def no_draws(_size):
    pytest.fail("this rule asks for no draws")


def test_epsilon_greedy_is_greedy_but_for_epsilon():
    rule = EpsilonGreedy(0.3)
    np.testing.assert_allclose(rule.probabilities(np.array([1.0, 3.0, 2.0]), no_draws), [0.1, 0.8, 0.1])
    np.testing.assert_allclose(rule.probabilities(np.array([2.0, 2.0]), no_draws), [0.85, 0.15])  # of equals the first
    with pytest.raises(InputError, match="epsilon"):
        EpsilonGreedy(1.5)


def test_reinforced_programs_follow_what_was_earned():
    rule = Reinforced(RothErev(range(3), recency=0.2))
    for _ in range(80):
        for choice, profit in enumerate((1.0, 8.0, 2.0)):
            rule.update(choice, profit)
    share = rule.probabilities(np.zeros(3), no_draws)
    assert share.argmax() == 1
    assert share[1] > 0.45
    assert share.sum() == pytest.approx(1.0)


def test_steady_never_moves():
    assert Steady().probabilities(np.array([0.0, 5.0]), no_draws).tolist() == [1.0, 0.0]


def test_the_forecast_is_what_the_belief_says_by_hand():
    agent = retailer(EpsilonGreedy(0.0))
    day = day_of()
    agent.observe(day)
    matrix = Elasticity.blocks(NAMES, {("low", "low"): -0.03, ("high", "high"): -0.03, ("low", "high"): 0.0})
    expected = []
    for program in (FLAT, TOU, EDRP):
        load = respond(day.forecast_kw, BASE, program, matrix, 0.2)
        paid = sum(load[t, bus] * (program.tariff[t] - day.upstream_price[t]) for t in range(24) for bus in range(2))
        expected.append(paid - response_cost(day.forecast_kw, load, program))
    np.testing.assert_allclose(agent.record().forecast_profit, expected)
    assert agent.chosen == int(np.argmax(expected)) == 1
    load_kw, load_kvar, cost = agent.offer()
    np.testing.assert_allclose(load_kw, respond(day.forecast_kw, BASE, TOU, matrix, 0.2))
    np.testing.assert_allclose(load_kvar, 0.3 * load_kw)
    assert cost == 0.0


def test_estimates_of_the_wrong_sign_count_as_zero():
    agent = retailer()
    agent.belief.mean = np.where([a == b for a, b in agent.belief.pairs], 0.02, -0.01)
    assert not agent.elasticity().values.any()


def test_customers_answer_with_their_own_elasticity_and_noise():
    true = Elasticity.blocks(NAMES, TRUE)
    quiet, loud = (
        Customers(Model(rng=0), base_tariff=BASE, elasticity=true, participation=0.2, noise=noise, streams=Streams(1))
        for noise in (0.0, 0.05)
    )
    with pytest.raises(RuntimeError, match="observe"):
        quiet.answer(TOU)
    day = day_of(base=120.0)
    for agent in (quiet, loud):
        agent.observe(day)
    load_kw, load_kvar = quiet.answer(TOU)
    np.testing.assert_allclose(load_kw, respond(day.base_kw, BASE, TOU, true, 0.2))
    np.testing.assert_allclose(load_kvar, 0.3 * load_kw)
    ratio = loud.answer(TOU)[0] / load_kw
    np.testing.assert_allclose(ratio[:, 0], ratio[:, 1])  # an hour's factor is that of all buses
    assert 0.01 < np.std(np.log(ratio[:, 0])) < 0.1
    np.testing.assert_array_equal(loud.answer(TOU)[0], loud.answer(TOU)[0])  # a day's draw is that day's


def owner(**changes):
    options = {"margin": 0.03, "driver_share": 0.5, "degradation": 0.02, **changes}
    agent = retailer()
    agent.observe(day_of())
    return ParkingLotOwner(Model(rng=0), sites=[LotSite("lot", 0, 0.9)], retailer=agent, streams=Streams(0), **options)


def test_terms_follow_the_program_and_the_learner():
    plain = owner()
    plain.observe(day_of())
    terms = plain.offer()
    np.testing.assert_allclose(terms.driver_pays - terms.lot_buys, 0.03)
    np.testing.assert_array_equal(terms.lot_sells, FLAT.tariff)
    learner = RothErev([0.3, 0.6, 0.9], recency=0.2)
    learned = owner(learns="driver_share", learner=learner)
    seen = set()
    for index in range(12):
        learned.observe(day_of(index))
        assert learned.margin == 0.03
        seen.add(learned.driver_share)
    assert seen == {0.3, 0.6, 0.9}


def test_fewer_drivers_come_when_it_costs_more():
    choice = ParticipationSection(constant=2.0, price_utility_per_eur_per_kwh=-10.0, share_utility=1.0)
    chances = []
    for margin in (0.0, 0.1, 0.3):
        pool = DriverPool(Model(rng=0), owner=owner(margin=margin), drivers=[1000], choice=choice)
        pool.observe(day_of())
        chances.append(pool.probability[0])
        came = [pool.draw(np.random.default_rng(seed))[0] for seed in range(40)]
        assert np.mean(came) == pytest.approx(1000 * chances[-1], rel=0.02)
    assert chances == pytest.approx([1 / (1 + np.exp(-(2.0 - 10 * (0.1 + m) + 0.5))) for m in (0.0, 0.1, 0.3)])
    everybody = DriverPool(Model(rng=0), owner=owner(margin=9.0), drivers=[7], choice=None)
    everybody.observe(day_of())
    assert everybody.draw(np.random.default_rng(0)) == (7,)
