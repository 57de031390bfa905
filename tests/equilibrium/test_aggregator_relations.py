"""Other forms of a day of the aggregator market: what they are, that they hold, and that they see a wrong outcome."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equilibrium.invariants import Relation, relate
from equilibrium.markets.aggregator.invariants import network_of
from equilibrium.markets.aggregator.market import AggregatorMarket
from equilibrium.markets.aggregator.relations import HIGHER, RELATIONS
from tests.equilibrium.aggregator_days import on_line, random_day

FORMS = {each.name: each.other for each in RELATIONS}


@settings(max_examples=3, deadline=None)
@given(seed=st.integers(0, 10_000), uniform=st.booleans(), feeder=st.booleans())
def test_other_forms_of_a_day_earn_the_same(seed: int, uniform: bool, feeder: bool) -> None:
    day = random_day(seed, periods=3, scenarios=2, pricing="uniform" if uniform else "pay-as-bid")
    day = on_line(day) if feeder else day
    market = AggregatorMarket(gap=1e-4)
    found = relate(RELATIONS, network_of(day), day, market.clear(day), lambda _, other: market.clear(other))
    assert [each for each in found if not each.holds] == []


@pytest.mark.parametrize("relation", RELATIONS, ids=lambda each: each.name)
def test_a_relation_sees_a_wrong_outcome(relation: Relation[Any, Any]) -> None:
    day = random_day(3, periods=3, scenarios=2)
    right, network = AggregatorMarket().clear(day), network_of(day)
    other = AggregatorMarket().clear(relation.other(network, day)[1])
    assert relation.violation(right, other) <= relation.tolerance
    gained = replace(other.accounts, from_retailer=other.accounts.from_retailer - 1.0)
    wrong = replace(other, accounts=gained, bound=other.bound - 1.0)
    if relation.name == "higher-caps":  # a point more is what it allows
        wrong = replace(right, bound=right.profit - 1.0)
    assert relation.violation(right, wrong) > relation.tolerance


def test_other_forms_by_hand() -> None:
    day = on_line(random_day(3, periods=3, scenarios=2, lots=2, cap=None, pricing="uniform"))
    network, tariffs = network_of(day), day.lots[1].tariffs
    _, money = FORMS["other-money"](network, day)
    assert day.grid is not None
    assert money.grid is not None
    assert money.cap is None
    for value, half in (
        (day.uniform_cap, money.uniform_cap),
        (day.reserve_cap, money.reserve_cap),
        (day.energy_price, money.energy_price),
        (day.reserve_price, money.reserve_price),
        (day.grid.loss_price, money.grid.loss_price),
        (day.retailer.worth, money.retailer.worth),
        (day.generators[1].cost, money.generators[1].cost),
        *((value, getattr(money.lots[1].tariffs, name)) for name, value in vars(tariffs).items()),
    ):  # fmt: skip
        assert np.asarray(half) == pytest.approx(0.5 * np.asarray(value))
    assert money.lots[0].vehicles is day.lots[0].vehicles
    _, order = FORMS["other-order"](network, day)
    assert order.lots[0].name == day.lots[1].name
    assert order.generators[0] is day.generators[1]
    assert order.probability.tolist() == day.probability[::-1].tolist()
    assert (order.lots[0].vehicles.parked == day.lots[1].vehicles.parked[::-1]).all()
    _, twice = FORMS["other-scenarios"](network, day)
    first, second = day.probability
    assert twice.probability.tolist() == [0.5 * first, 0.5 * first, second]
    assert (twice.lots[0].vehicles.arrival_kwh[:2] == day.lots[0].vehicles.arrival_kwh[0]).all()
    _, higher = FORMS["higher-caps"](network, day)
    assert higher.cap is None
    assert higher.uniform_cap == HIGHER * 10.0
    assert higher.reserve_cap == HIGHER * 8.0
