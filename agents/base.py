"""What every agent of a market shares."""

from __future__ import annotations

from typing import Generic, TypeVar

from mesa import Agent, Model

Day = TypeVar("Day")
Cleared = TypeVar("Cleared")


class MarketAgent(Agent, Generic[Day, Cleared]):  # type: ignore[misc]  # Mesa ships no types
    """An agent with a state that lasts over days.

    Every day runs in the same order: all agents :meth:`observe` the day, the market is given their offers and clears,
    and all agents :meth:`settle` what was cleared. An agent decides by a rule and never solves a program. ``Day`` is
    what a scenario of its market brings, ``Cleared`` what the market returns.

    Parameters
    ----------
    model
        The Mesa model that the agent lives in.
    """

    def __init__(self, model: Model) -> None:
        super().__init__(model)

    def observe(self, day: Day) -> None:
        """Take in what the day brings, before the market."""
        raise NotImplementedError

    def settle(self, clearing: Cleared) -> None:
        """Take in what the market cleared, and learn from it."""
        raise NotImplementedError


def forget_model(model: Model) -> None:
    """Let a model be collected once nobody uses it.

    Up to version 3.4.1 Mesa counts agents in a class-level dictionary with the model as the key, which keeps every
    model alive (Mesa issue 3179). Dropping the entry is harmless when all agents have been made.
    """
    vars(Agent).get("_ids", {}).pop(model, None)
