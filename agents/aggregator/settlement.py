"""A settled day of the aggregator market, as every agent sees it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from equilibrium.markets.aggregator.clearing import AggregatorClearing

from equilibrium.arrays import FloatArray
from equilibrium.markets.aggregator.day import AggregatorDay
from equilibrium.markets.aggregator.reaction import Reaction


@dataclass(frozen=True, eq=False)
class AggregatorSettlement:
    """What was planned and what came.

    Attributes
    ----------
    forecast, plan
        The day as the aggregator expected it, with its scenarios, and how the market cleared it.
    outcome
        The day as it came: one scenario, true prices, true load.
    reactions
        What the followers did on it at the prices of the plan: lots in their order, then generators, then the retailer.
    """

    forecast: AggregatorDay
    plan: AggregatorClearing
    outcome: AggregatorDay
    reactions: tuple[Reaction, ...]

    @property
    def prices(self) -> Mapping[str, FloatArray]:
        """The leader's prices by name (:func:`equilibrium.markets.aggregator.followers.price_names`)."""
        return self.plan.prices

    def lot(self, number: int) -> Reaction:
        """Return what a lot did."""
        return self.reactions[number]

    def generator(self, number: int) -> Reaction:
        """Return what a generator did."""
        return self.reactions[len(self.outcome.lots) + number]

    @property
    def retailer(self) -> Reaction:
        """What the retailer did."""
        return self.reactions[-1]
