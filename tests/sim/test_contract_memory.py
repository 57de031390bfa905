"""Every remembered thing of the aggregator market's agents: scrambled, they decide otherwise on the very next day."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from agents.learning import RothErev
from equilibrium.markets.aggregator.day import AggregatorDay
from scenarios.loading import load_scenario
from sim.markets.aggregator.model import AggregatorModel

SMALL: dict[str, Any] = {"market": {"network": False}, "scenarios": {"draws": 4, "kept": 1}}


class AskedError(Exception):
    """What the market is asked: the day ends there, nothing is solved."""

    def __init__(self, day: AggregatorDay) -> None:
        super().__init__("asked")
        self.day = day


def stopped(day: AggregatorDay) -> Any:
    raise AskedError(day)


def opened(scramble: Callable[[AggregatorModel], None] | None = None) -> tuple[AggregatorModel, AggregatorDay]:
    """Return a model in the middle of its first day, and what it asks the market."""
    model = AggregatorModel(load_scenario("aggregator-37", SMALL), seed=3)
    if scramble is not None:
        scramble(model)
    model.market.clear = stopped  # type: ignore[method-assign]
    with pytest.raises(AskedError) as caught:
        model.simulate_day()
    return model, caught.value.day


def arriving(day: AggregatorDay) -> list[float]:
    return [float(lot.vehicles.arriving.sum()) for lot in day.lots]


@pytest.fixture(scope="module")
def plain() -> tuple[AggregatorModel, AggregatorDay]:
    return opened()


def test_remembered_prices_are_the_forecast(plain: Any) -> None:
    for name in ("energy_price", "reserve_price"):

        def scramble(model: AggregatorModel, name: str = name) -> None:
            setattr(model.aggregator, name, 3.0 * getattr(model.aggregator, name))

        _, day = opened(scramble)
        other = {"energy_price": "reserve_price", "reserve_price": "energy_price"}[name]
        np.testing.assert_allclose(getattr(day, name), 3.0 * getattr(plain[1], name))
        np.testing.assert_array_equal(getattr(day, other), getattr(plain[1], other))


def test_the_remembered_load_is_the_forecast(plain: Any) -> None:
    _, day = opened(lambda model: setattr(model.aggregator, "load_factor", 0.5))
    np.testing.assert_allclose(day.retailer.load_kw, 0.5 * plain[1].retailer.load_kw)


def test_remembered_arrivals_are_the_forecast(plain: Any) -> None:
    half = (0.5,) * len(plain[1].lots)
    _, day = opened(lambda model: setattr(model.aggregator, "attendance", half))
    assert sum(arriving(day)) == pytest.approx(0.5 * sum(arriving(plain[1])), rel=0.15)


def test_tired_customers_are_not_offered(plain: Any) -> None:
    _, day = opened(lambda model: setattr(model.retailer, "willing", 0.25))
    assert day.retailer.interruptible_share == pytest.approx(0.25 * plain[1].retailer.interruptible_share)


def test_the_reputation_decides_who_comes_and_for_what(plain: Any) -> None:
    def scramble(model: AggregatorModel) -> None:
        model.drivers[0].reputation[3] = 0.0

    model, _ = opened(scramble)
    before, after = plain[0].drivers[0], model.drivers[0]
    assert after.attendance < before.attendance
    assert (after.share[3] < before.share[3]).all()
    assert (after.share[0] > before.share[0]).all()


def test_what_lots_and_generators_learnt_decides_what_they_post(plain: Any) -> None:
    def only(learner: Any, choice: int) -> None:
        assert isinstance(learner, RothErev)
        learner.propensities = np.where(np.arange(learner.prices.size) == choice, 1.0, 0.0)

    for choice in (0, -1):

        def scramble(model: AggregatorModel, choice: int = choice) -> None:
            for agent in (*model.lots, *model.generators):
                if agent.learner is not None:
                    only(agent.learner, choice % agent.learner.prices.size)

        model, day = opened(scramble)
        learning = [lot for lot in model.lots if lot.learner is not None]
        stating = [unit for unit in model.generators if unit.learner is not None]
        assert learning
        assert stating
        for lot in learning:
            assert lot.step == lot.learner.prices[choice]
            stated = day.lots[lot.number].tariffs
            assert stated.g2v1 - plain[1].lots[lot.number].tariffs.g2v1 == pytest.approx(
                lot.step - plain[0].lots[lot.number].step
            )
        for unit in stating:
            assert unit.markup == unit.learner.prices[choice]
            assert day.generators[unit.number].cost == pytest.approx((1.0 + unit.markup) * unit.generator.cost)
