"""Agents of the aggregator market: each decides by rule, and every remembered thing changes a decision."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from mesa import Model

from agents.aggregator.contract_drivers import ContractDrivers
from agents.aggregator.contract_lot import ContractLot
from agents.aggregator.generator_owner import GeneratorOwner
from agents.aggregator.leader import Aggregator
from agents.aggregator.load_retailer import LoadRetailer
from agents.aggregator.settlement import AggregatorSettlement
from equilibrium.markets.aggregator.answer import answer
from equilibrium.markets.aggregator.day import AggregatorDay, Generator, LotTariffs
from equilibrium.markets.aggregator.followers import price_names
from scenarios.markets.aggregator.day import AggregatorInputs
from scenarios.streams import Streams
from scenarios.time_axis import day_axis
from tests.equilibrium.aggregator_days import SHARE, card_day

AXIS = day_axis(None, None, 60)
USUAL = LotTariffs(g2v1=13.0, g2v2=12.0, g2v3=10.0, v2g=11.0, degradation=0.5)


class Told:
    """A learning rule that says what it is told to, and writes down what it hears."""

    def __init__(self, *says: float) -> None:
        self.says, self.heard = list(says), []

    def choose(self, _generator: np.random.Generator) -> float:
        return self.says.pop(0)

    def update(self, profit: float) -> None:
        self.heard.append(profit)


def inputs(day: AggregatorDay, index: int = 0) -> AggregatorInputs:
    load = day.retailer.load_kw
    return AggregatorInputs(index, None, AXIS, 24.0 * index, day.energy_price, day.reserve_price, load, load)


def settled(day: AggregatorDay, forecast: AggregatorDay | None = None, **prices: float) -> AggregatorSettlement:
    """A day at flat prices: ``in``, ``out``, ``reserve`` of the lot, ``generators`` and ``retailer``."""
    posted = {name: np.full(24, prices.get(name.split()[-1], 0.0)) for name in price_names(day)}
    plan: Any = SimpleNamespace(prices=posted, profit=123.0)
    return AggregatorSettlement(forecast or day, plan, day, answer(day, posted))


def lot_agent(learner: Told | None = None) -> ContractLot:
    return ContractLot(
        Model(),
        name="lot",
        number=0,
        tariffs_at=lambda step: replace(USUAL, g2v1=13.0 + step, g2v2=12.0 + step, g2v3=10.0 + step, v2g=11.0 + step),
        learner=learner,
        streams=Streams(1),
    )


def drivers(lot: ContractLot, **settings: float) -> ContractDrivers:
    given = {"price_utility": -0.5, "experience_utility": 2.0, "memory": 0.5, "staying_away": 0.2, **settings}
    weight = np.array([0.43, 0.45, 0.12])
    return ContractDrivers(Model(), lot=lot, usual=USUAL, share=SHARE, class_weight=weight, **given)


def test_a_lot_posts_what_it_chose_and_learns_from_its_whole_profit() -> None:
    learner, day = Told(0.5, -0.5), card_day()
    lot = lot_agent(learner)
    lot.observe(inputs(day))
    assert (lot.step, lot.tariffs.g2v1, lot.tariffs.g2v3) == (0.5, 13.5, 10.5)
    outcome = settled(day, **{"in": 10.0, "generators": 7.5, "retailer": 10.0})
    lot.settle(outcome)
    # At the cap the lot buys what it must: the recorded value of its decisions is -254.56 cents, the rest is constant.
    (expected,) = learner.heard
    assert expected == pytest.approx(-254.5632 + 4932.3612, abs=1e-3)
    record = lot.record()
    assert (record.lot, record.step, record.profit) == ("lot", 0.5, expected)
    assert record.paid == pytest.approx(10.0 * float(outcome.came.lots[0].charge_kw.sum()))
    lot.observe(inputs(day, 1))
    assert lot.tariffs.g2v2 == 11.5


def test_without_a_rule_tariffs_stay() -> None:
    lot = lot_agent()
    lot.observe(inputs(card_day()))
    assert (lot.step, lot.tariffs.g2v1) == (0.0, 13.0)


def test_usual_prices_and_full_reputation_give_the_scenarios_shares() -> None:
    crowd = drivers(lot_agent())
    crowd.observe(inputs(card_day()))
    np.testing.assert_allclose(crowd.share, SHARE, rtol=1e-12)
    assert crowd.attendance == pytest.approx(1.0)


def test_dearer_lots_lose_drivers() -> None:
    crowd = drivers(lot_agent(Told(1.0)))
    crowd.lot.observe(inputs(card_day()))
    crowd.observe(inputs(card_day()))
    np.testing.assert_allclose(crowd.share, SHARE)  # all contracts are dearer by the same
    worth = np.exp(-0.5)  # one cent more, at -0.5 per cent
    assert crowd.attendance == pytest.approx(worth / (worth + 0.25) / 0.8)


def test_a_contract_that_disappoints_loses_drivers_to_the_others() -> None:
    day = card_day()
    lot, outcome = lot_agent(), settled(card_day(), **{"in": 10.0, "retailer": 10.0})
    crowd = drivers(lot)
    crowd.settle(outcome)
    # At the cap flexible vehicles of G2V2 = 12 > 10 / 0.9 are filled, those of V2G get the least.
    assert crowd.reputation[[0, 2]].tolist() == [1.0, 1.0]
    assert crowd.record().satisfaction[3] < 1.0
    np.testing.assert_allclose(crowd.reputation, 0.5 + 0.5 * crowd.record().satisfaction)
    crowd.observe(inputs(day, 1))
    assert (crowd.share[3] < SHARE[3]).all()
    assert (crowd.share[0] > SHARE[0]).all()
    assert crowd.attendance < 1.0
    chosen, arriving = crowd.share.copy(), outcome.outcome.lots[0].vehicles.arriving[0].sum(axis=0)
    crowd.settle(outcome)
    taken = [sum(each * number for each, number in zip(row, arriving, strict=True)) for row in chosen]
    assert crowd.record().share.tolist() == pytest.approx([each / 414.0 for each in taken])
    crowd.reputation[:] = 1.0  # forgotten: back to the scenario's shares
    crowd.observe(inputs(day, 2))
    np.testing.assert_allclose(crowd.share, SHARE)
    record = crowd.record()
    assert record.came == pytest.approx(414.0)
    assert record.share.sum() == pytest.approx(1.0)


def test_a_generator_states_its_markup_and_learns_at_its_true_cost() -> None:
    learner = Told(0.1)
    owner = GeneratorOwner(
        Model(), generator=Generator("DG1", 7.5, 500.0), number=0, learner=learner, streams=Streams(1)
    )
    day = card_day()
    owner.observe(inputs(day))
    stated = owner.offer()
    assert (stated.name, stated.cost, stated.capacity_kw) == ("DG1", pytest.approx(8.25), 500.0)
    outcome = settled(replace(day, generators=(stated, *day.generators[1:])), generators=8.5, retailer=10.0)
    owner.settle(outcome)
    assert learner.heard == [pytest.approx((8.5 - 7.5) * 500.0 * 24.0)]
    record = owner.record()
    assert (record.markup, record.energy_kwh, record.profit) == (0.1, 12000.0, learner.heard[0])
    assert outcome.came.accounts.from_generators == pytest.approx(-8.5 * 12000.0)  # the others cost more


def test_interrupted_customers_tire_and_recover() -> None:
    day = card_day()
    retailer = LoadRetailer(
        Model(), price=day.retailer.price, incentive=1.5, interruptible_share=0.1, fatigue=0.5, recovery=0.3
    )
    retailer.observe(inputs(day))
    assert retailer.offer(day.retailer.load_kw).interruptible_share == 0.1
    energy = float(day.retailer.load_kw.sum())
    retailer.settle(settled(replace(day, cap=20.0), retailer=20.0))  # above its worth in every hour
    record = retailer.record()
    assert record.interrupted_kwh == pytest.approx(0.1 * energy)
    assert record.served_kwh == pytest.approx(0.9 * energy)
    served = 0.9 * day.retailer.load_kw
    assert record.profit == pytest.approx(float(served @ (day.retailer.price - 20.0)) - 1.5 * 0.1 * energy)
    assert retailer.willing == pytest.approx(0.5)
    assert retailer.offer(day.retailer.load_kw).interruptible_share == pytest.approx(0.05)
    retailer.settle(settled(day, retailer=0.0))
    assert retailer.willing == pytest.approx(0.5 + 0.3 * 0.5)


def leader(**memories: float) -> Aggregator:
    given = {"price_memory": 0.75, "attendance_memory": 0.5, "load_memory": 0.5, **memories}
    agent = Aggregator(Model(), energy_price=np.full(24, 8.0), reserve_price=np.full(24, 2.0), lots=1, **given)
    agent.usual_arrivals([400.0])
    return agent


def test_the_aggregator_remembers_prices_arrivals_and_load() -> None:
    day = card_day()
    agent = leader()
    came = replace(inputs(day), load_kw=1.2 * day.retailer.load_kw)
    agent.observe(came)
    energy, reserve, load = agent.forecast()
    assert energy.tolist() == [8.0] * 24
    assert reserve.tolist() == [2.0] * 24
    np.testing.assert_allclose(load, day.retailer.load_kw)
    assert agent.attendance == (1.0,)
    forecast = replace(day, energy_price=energy)
    outcome = settled(day, forecast, **{"in": 10.0, "generators": 7.5, "retailer": 10.0})
    agent.settle(outcome)
    energy, reserve, load = agent.forecast()
    np.testing.assert_allclose(energy, 0.75 * 8.0 + 0.25 * day.energy_price)
    np.testing.assert_allclose(reserve, 0.75 * 2.0 + 0.25 * day.reserve_price)
    np.testing.assert_allclose(load, 1.1 * day.retailer.load_kw)
    assert agent.attendance == (pytest.approx(0.5 + 0.5 * 414.0 / 400.0),)
    record = agent.record()
    assert record.planned_profit == 123.0
    assert record.profit == pytest.approx(outcome.came.accounts.aggregator)
    assert record.price_error == pytest.approx(np.abs(day.energy_price - 8.0).mean())


@pytest.mark.parametrize(
    "agent",
    [
        leader(),
        LoadRetailer(Model(), price=np.zeros(24), incentive=0.0, interruptible_share=0.0, fatigue=0.0, recovery=0.0),
    ],
)
def test_nobody_decides_about_a_day_that_was_not_seen(agent: Any) -> None:
    with pytest.raises(RuntimeError, match="must observe a day"):
        agent.forecast() if isinstance(agent, Aggregator) else agent.offer(np.zeros(24))
