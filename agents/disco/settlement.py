"""A settled day of the DISCO market, as every agent sees it."""

from __future__ import annotations

from dataclasses import dataclass

from equilibrium.markets.disco.clearing import DiscoClearing, ScenarioClearing
from equilibrium.markets.disco.day import DiscoDay


@dataclass(frozen=True, eq=False)
class DiscoSettlement:
    """What was planned and what came.

    Attributes
    ----------
    forecast, plan
        The day as it was expected, with its scenarios, and how the market cleared it.
    outcome, clearing
        The day as it came, with its one scenario, and how the same market cleared that: all amounts of money that
        change hands are those of this clearing.
    """

    forecast: DiscoDay
    plan: DiscoClearing
    outcome: DiscoDay
    clearing: DiscoClearing

    @property
    def realised(self) -> ScenarioClearing:
        """The one scenario that came."""
        return self.clearing.scenarios[0]
