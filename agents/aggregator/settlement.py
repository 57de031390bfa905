"""A settled day of the aggregator market, as every agent sees it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from equilibrium.arrays import FloatArray
from equilibrium.certificate import Certificate
from equilibrium.markets.aggregator.answer import Answer
from equilibrium.markets.aggregator.day import AggregatorDay


class Plan(Protocol):
    """What agents see of a cleared day; read-only."""

    @property
    def prices(self) -> Mapping[str, FloatArray]:
        """The aggregator's prices for its followers by name, each of shape ``(periods,)``."""
        ...

    @property
    def profit(self) -> float:
        """What the aggregator expects to earn, currency."""
        ...

    @property
    def certificate(self) -> Certificate:
        """The proof."""
        ...


@dataclass(frozen=True, eq=False)
class AggregatorSettlement:
    """What was planned and what came.

    Attributes
    ----------
    forecast, plan
        The day as the aggregator expected it, with its scenarios, and how the market cleared it.
    outcome
        The day as it came: one scenario, true prices, true load.
    came
        What the followers did on it at the prices of the plan.
    """

    forecast: AggregatorDay
    plan: Plan
    outcome: AggregatorDay
    came: Answer

    @property
    def prices(self) -> Mapping[str, FloatArray]:
        """The leader's prices by name (:func:`equilibrium.markets.aggregator.followers.price_names`)."""
        return self.plan.prices
