"""What the aggregator market's agents learn from and remember, written down once more by plain loops.

Two lots, half hours, and a 23-hour day: no index, length of a period or memory can take another's place unseen.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from mesa import Model

from agents.aggregator.contract_drivers import ContractDrivers, energy_prices
from agents.aggregator.contract_lot import ContractLot
from agents.aggregator.generator_owner import GeneratorOwner
from agents.aggregator.leader import Aggregator
from agents.aggregator.load_retailer import LoadRetailer
from agents.aggregator.settlement import AggregatorSettlement
from equilibrium.markets.aggregator.answer import answer
from equilibrium.markets.aggregator.day import AggregatorDay, LotTariffs
from equilibrium.markets.aggregator.followers import price_names
from scenarios.markets.aggregator.day import AggregatorInputs
from scenarios.streams import Streams
from scenarios.time_axis import TimeAxis, day_axis
from tests.agents.test_contract_agents import Told
from tests.equilibrium.aggregator_days import random_day

SPRING = dt.date(2024, 3, 31)
"""Two to three o'clock is skipped in Madrid."""


def axis_of(date: dt.date | None = None) -> TimeAxis:
    return day_axis(date, None if date is None else "Europe/Madrid", 30)


def market_day(axis: TimeAxis, seed: int = 5) -> AggregatorDay:
    return random_day(seed, periods=axis.size, lots=2, period_h=axis.length_h)


def seen(axis: TimeAxis, day: AggregatorDay, index: int = 0, factor: float = 1.0) -> AggregatorInputs:
    load = day.retailer.load_kw
    return AggregatorInputs(index, None, axis, 0.0, day.energy_price, day.reserve_price, load, factor * load)


def settled(day: AggregatorDay, forecast: AggregatorDay | None = None, level: float = 9.0) -> AggregatorSettlement:
    posted = {name: np.full(day.periods, level if cap > 9.0 else 2.0) for name, cap in price_names(day).items()}
    plan: Any = SimpleNamespace(prices=posted, profit=77.0)
    return AggregatorSettlement(forecast or day, plan, day, answer(day, posted))


def crowd(lot: Any, share: np.ndarray, usual: LotTariffs, **rules: float) -> ContractDrivers:
    return ContractDrivers(Model(), lot=lot, usual=usual, share=share, class_weight=np.array([0.5, 0.3, 0.2]), **rules)


@pytest.mark.parametrize("number", [0, 1])
def test_every_lot_learns_from_its_own_account(number: int) -> None:
    day = market_day(axis_of())
    told = settled(day)
    usual = day.lots[number].tariffs
    learner = Told(0.25)
    lot = ContractLot(
        Model(), name=f"lot {number}", number=number, tariffs_at=lambda step: replace(usual, parking=step),
        learner=learner, streams=Streams(3),
    )  # fmt: skip
    assert (lot.step, lot.tariffs.parking) == (0.0, 0.0)
    lot.observe(seen(axis_of(), day))
    assert (lot.step, lot.tariffs.parking) == (0.25, 0.25)
    lot.settle(told)
    account = told.came.accounts.lot_accounts[number]
    market = account.sold[0] + account.reserve[0] + account.called[0] - account.bought[0]
    assert learner.heard == [pytest.approx(market + account.drivers[0])]
    record = lot.record()
    assert (record.lot, record.step, record.profit) == (f"lot {number}", 0.25, learner.heard[0])
    assert record.paid == pytest.approx(-market)
    others = told.came.accounts.lots.tolist()
    assert others[0] != pytest.approx(others[1])


@pytest.mark.parametrize("number", [0, 1])
def test_every_generator_learns_from_its_own_output_at_its_true_cost(number: int) -> None:
    axis = axis_of(SPRING)
    day = market_day(axis)
    true = replace(day.generators[number], cost=3.0, bus=6)
    learner = Told(0.5)
    owner = GeneratorOwner(Model(), generator=true, number=number, learner=learner, streams=Streams(3))
    assert owner.offer().cost == 3.0
    owner.observe(seen(axis, day))
    stated = owner.offer()
    assert (stated.name, stated.cost, stated.capacity_kw, stated.bus) == (true.name, 4.5, true.capacity_kw, 6)
    units = [*day.generators]
    units[number] = stated
    told = settled(replace(day, generators=tuple(units)))
    owner.settle(told)
    output = told.came.generators_kw[:, number]
    energy = sum(0.5 * output[t] for t in range(46))
    assert energy > 0.0
    assert learner.heard == [pytest.approx((9.0 - 3.0) * energy)]
    assert owner.record().energy_kwh == pytest.approx(energy)
    assert owner.record().profit == learner.heard[0]


def test_no_rule_means_the_true_cost() -> None:
    day = market_day(axis_of())
    owner = GeneratorOwner(Model(), generator=day.generators[1], number=1, learner=None, streams=Streams(3))
    owner.observe(seen(axis_of(), day))
    assert (owner.markup, owner.offer().cost) == (0.0, day.generators[1].cost)
    owner.settle(settled(day))
    assert owner.record().profit == pytest.approx(float(settled(day).came.accounts.generators[1]))


def test_the_aggregator_remembers_hour_by_hour_lot_by_lot() -> None:
    """On a day without the hour from two to three, whose memory stands between its neighbours'."""
    axis, draw = axis_of(SPRING), np.random.default_rng(1)
    day = market_day(axis)
    energy, reserve = draw.uniform(5.0, 9.0, 24), draw.uniform(0.0, 3.0, 24)
    agent = Aggregator(
        Model(), energy_price=energy, reserve_price=reserve, lots=2,
        price_memory=0.6, attendance_memory=0.3, load_memory=0.9,
    )  # fmt: skip
    assert (agent.attendance, agent.load_factor) == ((1.0, 1.0), 1.0)
    usual = (40.0, 0.0)
    agent.usual_arrivals(usual)
    agent.observe(seen(axis, day, factor=1.5))
    told = agent.forecast()
    at = axis.clock_hour
    np.testing.assert_allclose(told[0], energy[at])
    np.testing.assert_allclose(told[1], reserve[at])
    np.testing.assert_allclose(told[2], day.retailer.load_kw)
    forecast = replace(day, energy_price=told[0])
    outcome = settled(day, forecast)
    agent.settle(outcome)
    for held, before, came in (
        (agent.energy_price, energy, day.energy_price),
        (agent.reserve_price, reserve, day.reserve_price),
    ):
        for hour in range(24):
            both = [came[t] for t in range(46) if at[t] == hour]
            kept = before[hour] if hour == 2 else sum(both) / 2.0
            assert held[hour] == pytest.approx(0.6 * before[hour] + 0.4 * kept)
    arrived = float(day.lots[0].vehicles.arriving.sum())
    assert agent.attendance == (pytest.approx(0.3 + 0.7 * arrived / 40.0), 1.0)  # nobody usually comes to the other
    assert agent.load_factor == pytest.approx(0.9 + 0.1 * 1.5)
    record = agent.record()
    error = sum(abs(day.energy_price[t] - told[0][t]) for t in range(46)) / 46.0
    assert record.price_error == pytest.approx(error)
    assert (record.planned_profit, record.attendance, record.load_factor) == (77.0, agent.attendance, agent.load_factor)
    assert record.profit == pytest.approx(outcome.came.profit)
    np.testing.assert_allclose(agent.forecast()[2], agent.load_factor * day.retailer.load_kw)


def test_a_day_without_a_load_teaches_nothing_of_it() -> None:
    axis = axis_of()
    day = market_day(axis)
    agent = Aggregator(Model(), energy_price=np.ones(24), reserve_price=np.ones(24), lots=2)
    agent.usual_arrivals((1.0, 1.0))
    none = replace(seen(axis, day), forecast_kw=np.zeros(48))
    agent.observe(none)
    agent.settle(settled(day))
    assert agent.load_factor == 1.0
    assert agent.memories == (0.7, 0.7, 0.7)


@pytest.mark.parametrize(("level", "cap"), [(20.0, 20.0), (9.0, 10.0)])
def test_customers_tire_of_the_part_that_was_interrupted(level: float, cap: float) -> None:
    axis = axis_of()
    day = replace(market_day(axis), cap=cap)
    retailer = LoadRetailer(
        Model(), price=np.arange(24.0), incentive=1.5, interruptible_share=0.4, fatigue=0.5, recovery=0.25
    )
    retailer.observe(seen(axis, day))
    offer = retailer.offer(day.retailer.load_kw)
    np.testing.assert_allclose(offer.price, np.repeat(np.arange(24.0), 2))
    assert (offer.incentive, offer.interruptible_share) == (1.5, 0.4)
    retailer.willing = 0.8
    mine = replace(day, retailer=retailer.offer(day.retailer.load_kw))
    assert mine.retailer.interruptible_share == pytest.approx(0.32)
    told = settled(mine, level=level)
    retailer.settle(told)
    # A price above what an hour is worth to the retailer interrupts all that may be.
    cut = sum(0.5 * 0.32 * mine.retailer.load_kw[t] for t in range(48) if mine.retailer.price[t] + 1.5 < level)
    load = 0.5 * float(mine.retailer.load_kw.sum())
    record = retailer.record()
    assert record.interrupted_kwh == pytest.approx(cut)
    assert record.served_kwh == pytest.approx(load - cut)
    assert record.willing == pytest.approx(0.8 * (1.0 - 0.5 * cut / (0.32 * load)) + 0.25 * 0.2)
    assert record.profit == pytest.approx(told.came.accounts.retailer)


def test_the_willing_are_never_more_than_all_and_nothing_offered_tires_nobody() -> None:
    axis = axis_of()
    day = market_day(axis)
    retailer = LoadRetailer(
        Model(), price=np.zeros(24), incentive=0.0, interruptible_share=0.0, fatigue=1.0, recovery=1.0
    )
    retailer.observe(seen(axis, day))
    retailer.settle(settled(replace(day, retailer=retailer.offer(day.retailer.load_kw))))
    assert retailer.willing == 1.0
    retailer.willing = 0.5
    retailer.settle(settled(replace(day, retailer=retailer.offer(day.retailer.load_kw))))
    assert retailer.willing == 1.0


@pytest.mark.parametrize("number", [0, 1])
def test_drivers_choose_and_judge_contract_by_contract(number: int) -> None:
    day = market_day(axis_of())
    lot, usual = day.lots[number], day.lots[number].tariffs
    dear = replace(usual, g2v1=usual.g2v1 + 1.0, g2v2=usual.g2v2 + 0.5, g2v3=usual.g2v3 + 0.2)
    share = lot.contracts.share
    agent = crowd(
        SimpleNamespace(number=number, tariffs=dear, name="mine"), share, usual,
        price_utility=-0.4, experience_utility=1.7, memory=0.6, staying_away=0.25,
    )  # fmt: skip
    assert (agent.attendance, agent.reputation.tolist()) == (1.0, [1.0] * 4)
    told = settled(day)
    agent.settle(told)
    did = told.came.lots[number]
    came = lot.vehicles
    judged = [1.0, 1.0, 1.0, 1.0]
    for contract, got in ((1, did.flex1_kwh), (3, did.flex2_kwh)):
        least = most = 0.0
        for t in range(48):
            for c in range(3):
                gone = 24.0 * came.departing[0, t, c] * share[contract, c]
                least += gone * lot.contracts.departure_soc[contract, c]
                most += gone * 0.95
        judged[contract] = min(1.0, max(0.0, (float(got.sum()) - least) / (most - least)))
    assert 0.0 < min(judged) < 1.0 or min(judged) == 0.0
    record = agent.record()
    np.testing.assert_allclose(record.satisfaction, judged, atol=1e-9)
    np.testing.assert_allclose(record.reputation, [0.6 + 0.4 * value for value in judged])
    arrived = [sum(came.arriving[0, t, c] for t in range(48)) for c in range(3)]
    assert record.came == pytest.approx(sum(arrived))
    taken = [sum(arrived[c] * share[k, c] for c in range(3)) / sum(arrived) for k in range(4)]
    np.testing.assert_allclose(record.share, taken)
    agent.observe(seen(axis_of(), day, 1))
    worth = [np.exp(-0.4 * more + 1.7 * (agent.reputation[k] - 1.0)) for k, more in enumerate((1.0, 0.5, 0.2, 0.2))]
    attendance = 0.0
    for c, weight in enumerate((0.5, 0.3, 0.2)):
        total = sum(worth[k] * share[k, c] for k in range(4))
        attendance += weight * total / (total + 0.25 / 0.75) / 0.75
        np.testing.assert_allclose(agent.share[:, c], [worth[k] * share[k, c] / total for k in range(4)])
    assert agent.attendance == pytest.approx(attendance)


def test_drivers_without_rules_stay_as_they_are() -> None:
    day = market_day(axis_of())
    lot = day.lots[0]
    agent = crowd(SimpleNamespace(number=0, tariffs=lot.tariffs, name="mine"), lot.contracts.share, lot.tariffs)
    assert agent.record().came == 0.0
    assert agent.record().share.tolist() == [0.0] * 4
    agent.settle(settled(day))
    assert agent.reputation.tolist() == [1.0] * 4  # all is remembered
    agent.observe(seen(axis_of(), day))
    np.testing.assert_allclose(agent.share, lot.contracts.share)
    assert agent.attendance == pytest.approx(1.0)


def test_where_least_and_most_are_one_a_contract_gives_what_was_agreed() -> None:
    day = market_day(axis_of())
    came = settled(day).came
    lot = replace(day.lots[0], contracts=replace(day.lots[0].contracts, departure_soc=np.full((4, 3), 0.95)))
    for name in ("departing", "brought_kwh"):
        getattr(lot.vehicles, name)[:] = 0.0
    agent = crowd(SimpleNamespace(number=0, tariffs=lot.tariffs, name="mine"), lot.contracts.share, lot.tariffs)
    told = SimpleNamespace(outcome=replace(day, lots=(lot,)), came=came)
    agent.settle(told)  # type: ignore[arg-type]
    assert agent.record().satisfaction.tolist() == [1.0] * 4


def test_a_price_that_changes_over_the_day_counts_by_its_mean() -> None:
    tariffs = LotTariffs(g2v1=np.array([3.0, 5.0]), g2v2=2.0, g2v3=np.array([0.0, 1.0]), v2g=9.0)
    assert energy_prices(tariffs).tolist() == [4.0, 2.0, 0.5, 0.5]
