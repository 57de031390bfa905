"""Every remembered thing of the DISCO market decides something: scrambled, another decision follows the next day."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from mesa import Model
from scipy.stats import norm

from agents.disco.company import DistributionCompany
from agents.disco.driver_pool import DriverPool
from agents.disco.lot_owner import ParkingLotOwner
from agents.disco.lot_tariff import MarginalCostTariff, ProgramTariff
from agents.disco.program_choice import EpsilonGreedy, ProgramChoice, Reinforced, Steady, ThompsonSampling
from agents.disco.retailer import DemandResponseRetailer
from agents.learning import RothErev
from agents.memory import smoothed
from equilibrium.errors import InputError
from equilibrium.grid.assets import LotSite
from scenarios.markets.disco.day import CompanyDay
from scenarios.markets.disco.schema import ParticipationSection
from scenarios.streams import Streams
from scenarios.time_axis import day_axis
from tests.agents.test_disco_agents import BASE, EDRP, FLAT, HIGH, NAMES, TOU, day_of, retailer

PERIODS = np.array(NAMES)


def seen(load: np.ndarray, price: np.ndarray) -> Any:
    """A settled day with a load and marginal costs."""
    outcome = SimpleNamespace(load_kw=load, response_cost=0.0)
    return SimpleNamespace(outcome=outcome, realised=SimpleNamespace(price=price))


def company(memory: float = 0.75, buses: tuple[int, ...] = (0, 1)) -> DistributionCompany:
    every = np.ones(24, dtype=bool)
    rule = MarginalCostTariff(buses, NAMES, memory)
    return DistributionCompany(Model(rng=0), charge_window=every, discharge_window=every, tariff_rule=rule)


# The company


def test_the_lots_tariff_is_the_remembered_marginal_cost_in_the_mean_of_each_period() -> None:
    """By hand: half a day at 30 and 90 upstream; then costs of 0.1 to 0.2 at one bus and of 0.3 at the other."""
    agent, day = company(), day_of()
    agent.observe(day)
    assert agent.lot_tariff(FLAT.tariff).tolist() == pytest.approx(day.upstream_price.tolist())
    price = np.column_stack([np.where(np.arange(24) % 2 == 0, 0.1, 0.2), np.full(24, 0.3), np.full(24, 9.0)])
    agent.settle(seen(np.ones((24, 3)), price))
    agent.observe(day_of(1))
    low, high = (0.75 * upstream + 0.25 * (0.15 + 0.3) / 2.0 for upstream in (0.03, 0.09))
    assert agent.lot_tariff(FLAT.tariff).tolist() == pytest.approx(np.where(HIGH, high, low).tolist())


@pytest.mark.parametrize("scramble", [lambda price: 0.0 * price, lambda price: price[::-1].copy()])
def test_the_companys_mean_price_decides_what_lots_and_drivers_pay(scramble: Any) -> None:
    probabilities = []
    for scrambled in (False, True):
        leader, day = company(), day_of()
        retail = retailer()
        choice = ParticipationSection(constant=1.0, price_utility_per_eur_per_kwh=-10.0)
        sites = [LotSite("lot", 0, 0.9)]
        owner = ParkingLotOwner(
            Model(rng=0),
            sites=sites,
            retailer=retail,
            company=leader,
            margin=0.02,
            driver_share=0.5,
            degradation=0.0,
            streams=Streams(0),
        )
        drivers = DriverPool(Model(rng=0), owner=owner, drivers=[100], choice=choice)
        for agent in (retail, leader, owner, drivers):
            agent.observe(day)
        leader.settle(seen(np.ones((24, 2)), np.linspace(0.05, 0.4, 48).reshape(24, 2)))
        rule = leader.tariff_rule
        assert isinstance(rule, MarginalCostTariff)
        assert rule.expected_price is not None
        if scrambled:
            rule.expected_price = scramble(rule.expected_price)
        for agent in (retail, leader, owner, drivers):
            agent.observe(day_of(1))
        terms = owner.offer()
        assert terms.load.tolist() == FLAT.tariff.tolist()
        assert terms.lot_buys.tolist() == terms.lot_sells.tolist() == leader.lot_tariff(FLAT.tariff).tolist()
        np.testing.assert_allclose(terms.driver_pays - terms.lot_buys, 0.02)
        probabilities.append([*terms.lot_buys, drivers.probability[0]])
    plain, other = probabilities
    assert not np.allclose(plain[:-1], other[:-1])
    if other[0] == 0.0:
        assert other[-1] > plain[-1] + 0.1  # free energy brings drivers


def test_a_dear_day_keeps_drivers_away_tomorrow() -> None:
    """Prices three times as high before settling: the drivers' price rises and fewer of them come."""
    came = []
    for factor in (1.0, 3.0):
        leader, day = company(), day_of()
        retail = retailer()
        owner = ParkingLotOwner(
            Model(rng=0),
            sites=[LotSite("lot", 0, 0.9)],
            retailer=retail,
            company=leader,
            margin=0.0,
            driver_share=0.5,
            degradation=0.0,
            streams=Streams(0),
        )
        drivers = DriverPool(Model(rng=0), owner=owner, drivers=[100], choice=ParticipationSection(constant=1.0))
        for agent in (retail, leader, owner, drivers):
            agent.observe(day)
        leader.settle(seen(np.ones((24, 2)), factor * np.full((24, 2), 0.12)))
        for agent in (retail, leader, owner, drivers):
            agent.observe(day_of(1))
        came.append(drivers.probability[0])
    # 0.25 of 0.12 more or 0.36 in the mean price, at -10 per currency/kWh
    odds = [np.log(p / (1.0 - p)) for p in came]
    assert odds[0] - odds[1] == pytest.approx(10.0 * 0.25 * 0.24)


def test_the_papers_rule_remembers_nothing() -> None:
    rule = ProgramTariff()
    rule.settle(day_of(), np.full((24, 2), 7.0))
    assert vars(rule) == {}
    assert rule.tariff(day_of(1), TOU.tariff).tolist() == TOU.tariff.tolist()


def test_an_hour_that_a_day_skips_leaves_what_is_remembered() -> None:
    held, day = np.arange(24.0), np.where(np.arange(24) == 2, np.nan, 10.0)
    expected = [2.0 if hour == 2 else 0.6 * hour + 4.0 for hour in range(24)]
    assert smoothed(held, day, 0.6).tolist() == pytest.approx(expected)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(((), NAMES, 0.5), "lot_tariff"), (((0,), NAMES, 1.5), "cost_memory: got 1.5, expected a number from 0 to 1")],
)
def test_bad_rules_of_the_tariff_are_refused(arguments: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        MarginalCostTariff(*arguments)


def test_a_tariff_that_was_not_stated_cannot_be_settled() -> None:
    with pytest.raises(RuntimeError, match="state a tariff"):
        MarginalCostTariff((0,), NAMES, 0.5).settle(day_of(), np.ones((24, 1)))


# The retailer


def after_days(
    choice: ProgramChoice, *, programs: Any = (FLAT, TOU), factor: float = 1.0, change: Any = None, days: int = 1
) -> DemandResponseRetailer:
    """A retailer that has settled days at a marginal cost of 0.07 times a factor, and decides about the next one."""
    agent = retailer(choice, programs)
    for index in range(days):
        day = day_of(index)
        agent.observe(day)
        agent.settle(seen(day.base_kw.copy(), factor * np.full((24, 2), 0.07)))
    if change is not None:
        change(agent)
    agent.observe(day_of(days))
    return agent


def test_what_the_retailer_remembers_of_costs_decides_its_program() -> None:
    """EDRP pays 0.06 for a kWh less: it is worth that only where a kWh costs 0.16 or more."""

    def scramble(agent: DemandResponseRetailer) -> None:
        assert agent.expected_cost is not None
        agent.expected_cost = 5.0 * agent.expected_cost

    assert after_days(EpsilonGreedy(0.0), programs=(FLAT, EDRP)).program.name == "flat"
    assert after_days(EpsilonGreedy(0.0), programs=(FLAT, EDRP), change=scramble).program.name == "edrp"


def test_prices_three_times_as_high_change_the_program_within_three_days() -> None:
    for days in (1, 2, 3):
        plain = after_days(EpsilonGreedy(0.0), programs=(FLAT, EDRP), days=days)
        assert plain.program.name == "flat"
        dear = after_days(EpsilonGreedy(0.0), programs=(FLAT, EDRP), days=days, factor=3.0)
        assert dear.expected_cost is not None
        upstream = np.where(HIGH, 0.09, 0.03)
        assert dear.expected_cost.tolist() == pytest.approx((0.21 - 0.7**days * (0.21 - upstream)).tolist())
    assert dear.program.name == "edrp"


def test_what_the_retailer_believes_decides_its_program_and_the_load_it_expects() -> None:
    def scramble(agent: DemandResponseRetailer) -> None:
        agent.belief.mean = np.array([-1.2 if a == b else 0.0 for a, b in agent.belief.pairs])

    plain = after_days(EpsilonGreedy(0.0))
    assert plain.program.name == "tou"
    other = after_days(EpsilonGreedy(0.0), change=scramble)
    assert other.program.name == "flat"
    other.chosen = plain.chosen
    assert other.offer()[0][HIGH].max() < 0.9 * plain.offer()[0][HIGH].min()


def test_the_doubts_of_the_retailer_decide_what_it_tries_and_what_it_learns() -> None:
    """A belief in which flat is the best program; with no doubt left nothing else is tried, and nothing learned."""

    doubting, certain = (retailer(ThompsonSampling(400), (FLAT, TOU)) for _ in range(2))
    for agent, doubt in ((doubting, 0.5), (certain, 1e-7)):
        agent.belief.mean = 40.0 * agent.belief.mean
        agent.belief.covariance = doubt**2 * np.eye(3)
        agent.observe(day_of())
    assert doubting.record().forecast_profit.tolist() == certain.record().forecast_profit.tolist()
    assert certain.record().probability.tolist() == [1.0, 0.0]
    assert 0.05 < doubting.record().probability[1] < 0.5
    for agent in (doubting, certain):
        agent.chosen = 1
        before = agent.belief.mean.copy()
        agent.settle(seen(day_of().base_kw.copy(), np.full((24, 2), 0.07)))
        moved = float(np.abs(agent.belief.mean - before).max())
        assert (moved > 0.1) == (agent is doubting)


def test_propensities_of_the_reinforced_rule_decide_its_program() -> None:
    def scramble(agent: DemandResponseRetailer) -> None:
        assert isinstance(agent.choice, Reinforced)
        agent.choice.learner.propensities = np.array([1.0, 0.0])

    chosen = [
        [after_days(Reinforced(RothErev(range(2), recency=0.4)), change=change, days=days).chosen for days in range(8)]
        for change in (None, scramble)
    ]
    assert set(chosen[0]) == {0, 1}
    assert set(chosen[1]) == {0}


def test_the_likeliest_belief_of_the_right_signs_keeps_what_was_seen() -> None:
    """TOU showed that customers stand still; cutting off the one estimate that has become wrong would forget it."""
    agent = retailer(Steady(), (TOU,))
    agent.belief.mean = np.array([-1.2 if a == b else 0.0 for a, b in agent.belief.pairs])
    agent.belief.covariance = 0.5**2 * np.eye(3)
    day = day_of()
    agent.observe(day)
    agent.settle(seen(day.base_kw.copy(), np.full((24, 2), 0.07)))
    estimate, likeliest = agent.belief.estimate(), agent.belief.likeliest()
    assert estimate["low", "high"] < -0.1
    assert likeliest["low", "high"] == 0.0
    for pair in (("low", "low"), ("high", "high")):
        assert estimate[pair] < -0.1
        assert likeliest[pair] == pytest.approx(0.0, abs=0.01)
    values = np.array([likeliest[pair] for pair in agent.belief.pairs])
    inverse = np.linalg.inv(agent.belief.covariance)

    def distance(at: np.ndarray) -> float:
        return float((at - agent.belief.mean) @ inverse @ (at - agent.belief.mean))

    generator = np.random.default_rng(3)
    for _ in range(300):
        other = values + generator.normal(0.0, 0.02, 3)
        signs = zip(other, agent.belief.pairs, strict=True)
        other = np.array([min(value, 0.0) if a == b else max(value, 0.0) for value, (a, b) in signs])
        assert distance(values) <= distance(other) * (1.0 + 1e-9)
    assert agent.offer()[0] == pytest.approx(day.forecast_kw, rel=0.03)


# Exploration


def test_thompson_sampling_tries_a_program_as_often_as_it_may_be_the_best() -> None:
    """Two programs, the second of a normal profit: its chance is the normal probability of beating the first."""
    generator = np.random.default_rng(4)

    def drawn(size: int) -> np.ndarray:
        return np.column_stack([np.full(size, 10.0), generator.normal(8.0, 4.0, size)])

    share = ThompsonSampling(20_000).probabilities(np.array([10.0, 8.0]), drawn)
    assert share.sum() == pytest.approx(1.0)
    assert share[1] == pytest.approx(norm.sf(0.5), abs=0.015)
    equal = ThompsonSampling(3).probabilities(np.zeros(2), lambda size: np.zeros((size, 2)))
    assert equal.tolist() == [1.0, 0.0]  # of equals the first
    with pytest.raises(InputError, match="draws: got 0"):
        ThompsonSampling(0)


def test_draws_of_the_belief_have_its_mean_and_covariance() -> None:
    agent = after_days(Steady(), programs=(TOU,), days=3)
    belief = agent.belief
    belief.mean = np.array([-1.0 if a == b else 1.0 for a, b in belief.pairs])  # far from the other sign
    drawn = belief.draw(np.random.default_rng(0), 20_000)
    values = np.array([[each[pair] for pair in belief.pairs] for each in drawn])
    assert set(drawn[0]) == set(belief.estimate())
    error = np.sqrt(np.diag(belief.covariance))
    assert (np.abs(values.mean(axis=0) - belief.mean) < 0.03 * error).all()
    np.testing.assert_allclose(np.cov(values.T), belief.covariance, atol=0.03 * error.max() ** 2)
    belief.mean = -belief.mean
    for each in belief.draw(np.random.default_rng(0), 20):
        assert all(value <= 0.0 if a == b else value >= 0.0 for (a, b), value in each.items())


def test_a_belief_that_is_nearly_certain_can_be_drawn_from() -> None:
    agent = retailer(programs=(TOU,))
    agent.belief.covariance = np.diag([1e-4, 1e-4, 0.0])
    drawn = agent.belief.draw(np.random.default_rng(0), 50)
    last = [each[agent.belief.pairs[2]] for each in drawn]
    np.testing.assert_allclose(last, agent.belief.mean[2], atol=1e-8)


def test_a_program_that_nobody_offers_is_not_learnt_about() -> None:
    """The flat tariff is the signal of nothing: after many days the belief is the prior, to the last digit."""
    agent = retailer(EpsilonGreedy(0.0), (FLAT, TOU))
    agent.belief.mean = 40.0 * agent.belief.mean
    before = agent.belief.mean.copy(), agent.belief.covariance.copy()
    for index in range(20):
        day = day_of(index)
        agent.observe(day)
        assert agent.program.name == "flat"
        agent.settle(seen(day.base_kw.copy(), np.full((24, 2), 0.07)))
    assert agent.belief.mean.tolist() == before[0].tolist()
    assert agent.belief.covariance.tolist() == before[1].tolist()


def test_exploring_rules_leave_a_wrong_belief() -> None:
    """Customers do not react at all; the belief says that they run away from TOU. One try is enough."""
    for choice in (EpsilonGreedy(0.5), ThompsonSampling(50)):
        agent = retailer(choice, (FLAT, TOU))
        agent.belief.mean = 30.0 * agent.belief.mean
        agent.belief.covariance = 0.5**2 * np.eye(3)
        best = []
        for index in range(40):
            day = day_of(index)
            agent.observe(day)
            best.append(int(np.argmax(agent.record().forecast_profit)))
            agent.settle(seen(day.base_kw.copy(), np.full((24, 2), 0.07)))
        assert best[0] == 0
        assert best[-5:] == [1] * 5


# Lots and drivers


def owner(learner: Any, learns: Any = "margin") -> ParkingLotOwner:
    retail = retailer()
    retail.observe(day_of())
    settings: dict[str, Any] = {"margin": 0.03, "driver_share": 0.5, "degradation": 0.0, "learns": learns}
    site = LotSite("lot", 0, 0.9)
    return ParkingLotOwner(Model(rng=0), sites=[site], retailer=retail, learner=learner, streams=Streams(0), **settings)


def test_what_the_owner_learnt_decides_its_terms() -> None:
    posted = []
    for scrambled in (False, True):
        learner = RothErev([0.0, 0.1, 0.2], recency=0.2)
        agent = owner(learner)
        if scrambled:
            learner.propensities = np.array([1e-6, 1e-6, 1.0])
        posted.append([])
        for index in range(6):
            agent.observe(day_of(index))
            posted[-1].append(agent.margin)
    assert len(set(posted[0])) > 1
    assert set(posted[1]) == {0.2}


def test_an_owner_that_earns_with_one_margin_comes_to_post_it() -> None:
    """The signal that it learns from is its profit: with a constant one it would not prefer any margin."""
    agent = owner(RothErev([0.0, 0.1, 0.2], recency=0.2))
    no_vehicles = SimpleNamespace(tariffs=agent.offer(), length_h=np.ones(24))
    posted = []
    for index in range(150):
        agent.observe(day_of(index))
        posted.append(agent.margin)
        earned = np.array([10.0 if agent.margin == 0.1 else 1.0])
        realised = SimpleNamespace(vehicles=(), lot_profit=earned)
        agent.vehicles = ()
        day: Any = SimpleNamespace(outcome=no_vehicles, realised=realised)
        agent.settle(day)
    assert posted[-50:].count(0.1) > 30


def test_the_reputation_decides_who_comes() -> None:
    agent = owner(None)
    agent.observe(day_of())
    crowd = DriverPool(Model(rng=0), owner=agent, drivers=[100], choice=ParticipationSection())
    crowd.observe(day_of())
    before = float(crowd.probability[0])
    crowd.reputation.values[:] = 0.0
    crowd.observe(day_of(1))
    odds = [np.log(p / (1.0 - p)) for p in (before, float(crowd.probability[0]))]
    assert odds[0] - odds[1] == pytest.approx(1.0)  # experience_utility


def test_those_who_stay_away_are_recorded_with_their_number() -> None:
    agent = owner(None)
    agent.observe(day_of())
    crowd = DriverPool(Model(rng=0), owner=agent, drivers=[9], choice=ParticipationSection())
    crowd.observe(day_of(3))
    for count, away in (([2.0, 3.0], 4.0), ([9.0], 0.0)):
        batches = (SimpleNamespace(count=np.array(count)),)
        day: Any = SimpleNamespace(outcome=SimpleNamespace(scenarios=[SimpleNamespace(vehicles=batches)]))
        crowd.settle(day)
        records = crowd.stayed_away
        assert [record.alike for record in records] == ([away] if away else [])
    assert crowd.record()[0].came == 9.0


def test_a_day_by_quarters_has_the_same_tariff_for_lots() -> None:
    axis, hour = day_axis(None, None, 15), np.arange(96) // 4
    agent, plain = company(), day_of()
    day = CompanyDay(
        0,
        None,
        axis,
        0.0,
        plain.forecast_kw[hour],
        plain.forecast_kvar[hour],
        plain.base_kw[hour],
        plain.base_kvar[hour],
        plain.upstream_price[hour],
    )
    agent.observe(day)
    price = np.linspace(0.0, 1.0, 192).reshape(96, 2)
    agent.lot_tariff(BASE[hour])
    agent.settle(seen(np.ones((96, 2)), price))
    agent.observe(day)
    for name, upstream in (("low", 0.03), ("high", 0.09)):
        inside = PERIODS[hour] == name
        expected = 0.75 * upstream + 0.25 * float(price[inside].mean())
        assert agent.lot_tariff(BASE[hour])[inside].tolist() == pytest.approx([expected] * int(inside.sum()))
