"""What every agent of the local market shares."""

from __future__ import annotations

from mesa import Agent, Model

from equilibrium.clearing import Clearing
from scenarios.day import ScenarioDay


class MarketAgent(Agent):  # type: ignore[misc]  # Mesa ships no types
    """An agent with a state that lasts over days.

    Every day runs in the same order: all agents :meth:`observe` the day, the market is given their offers and clears,
    and all agents :meth:`settle` what was cleared. An agent decides by a rule and never solves a program.

    Parameters
    ----------
    model
        The Mesa model that the agent lives in.
    """

    def __init__(self, model: Model) -> None:
        super().__init__(model)

    def observe(self, day: ScenarioDay) -> None:
        """Take in what the day brings, before the market."""
        raise NotImplementedError

    def settle(self, clearing: Clearing) -> None:
        """Take in what the market cleared, and learn from it."""
        raise NotImplementedError
