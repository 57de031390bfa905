"""How the retailer weighs its programs, by each rule on numbers that are told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from agents.disco.lot_tariff import MarginalCostTariff
from agents.disco.program_choice import EpsilonGreedy, Reinforced, Steady, ThompsonSampling
from agents.learning import RothErev
from equilibrium.arrays import FloatArray
from equilibrium.errors import InputError

FORECAST = np.array([3.0, 7.0, 7.0, 5.0])


def never(_: int) -> FloatArray:
    raise AssertionError("no draw is needed")


def test_a_steady_retailer_offers_the_first_program() -> None:
    assert Steady().probabilities(FORECAST, never).tolist() == [1.0, 0.0, 0.0, 0.0]
    assert Steady().propensities(FORECAST).tolist() == [1.0, 0.0, 0.0, 0.0]


@pytest.mark.parametrize(
    ("epsilon", "shares"), [(0.0, [0.0, 1.0, 0.0, 0.0]), (0.4, [0.1, 0.7, 0.1, 0.1]), (1.0, [0.25] * 4)]
)
def test_the_best_forecast_has_what_is_not_free(epsilon: float, shares: list[float]) -> None:
    rule = EpsilonGreedy(epsilon)
    assert rule.probabilities(FORECAST, never).tolist() == pytest.approx(shares)
    assert rule.propensities(FORECAST) is FORECAST


def test_a_program_is_as_likely_as_it_is_the_best_of_a_draw() -> None:
    asked: list[int] = []

    def drawn(count: int) -> FloatArray:
        asked.append(count)
        return np.array([[1.0, 2.0, 2.0, 0.0], [5.0, 2.0, 2.0, 0.0], [0.0, 2.0, 1.0, 0.0], [0.0, 0.0, 1.0, 0.5]])

    rule = ThompsonSampling(4)
    assert rule.probabilities(FORECAST, drawn).tolist() == [0.25, 0.5, 0.25, 0.0]
    assert asked == [4]
    assert rule.propensities(FORECAST) is FORECAST
    assert ThompsonSampling(1).draws == 1


def test_a_reinforced_program_is_the_one_that_was_chosen() -> None:
    learner = RothErev([0.0, 1.0, 2.0, 3.0], recency=0.5, experimentation=0.0)
    rule = Reinforced(learner)
    assert rule.probabilities(FORECAST, never).tolist() == [0.25] * 4
    rule.update(3, 10.0)
    assert learner.choice == 3
    assert int(np.argmax(rule.propensities(FORECAST))) == 3
    shares = rule.probabilities(FORECAST, never)
    assert shares.tolist() == pytest.approx([1.0 / 6.0] * 3 + [0.5])  # half is forgotten, and one unit is earned


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: EpsilonGreedy(-0.001, "mine"), "epsilon: got -0.001, expected a number from 0 to 1"),
        (lambda: EpsilonGreedy(1.001, "mine"), "epsilon: got 1.001, expected a number from 0 to 1"),
        (lambda: ThompsonSampling(0, "mine"), "draws: got 0, expected a whole number >= 1"),
        (
            lambda: MarginalCostTariff((), ("a",) * 24, 0.5, "mine"),
            "lot_tariff: got 'marginal-cost', expected a lot at whose bus energy has a price",
        ),
        (
            lambda: MarginalCostTariff((0,), ("a",) * 24, -0.1, "mine"),
            "cost_memory: got -0.1, expected a number from 0 to 1",
        ),
        (
            lambda: MarginalCostTariff((0,), ("a",) * 24, 1.1, "mine"),
            "cost_memory: got 1.1, expected a number from 0 to 1",
        ),
    ],
)
def test_what_is_said_of_a_rule_that_cannot_be(make: Callable[[], Any], said: str) -> None:
    with pytest.raises(InputError) as error:
        make()
    assert str(error.value) == f"mine: {said}"


@pytest.mark.parametrize("memory", [0.0, 1.0])
def test_a_memory_may_keep_nothing_or_everything(memory: float) -> None:
    assert MarginalCostTariff((0,), ("a",) * 24, memory).memory == memory
