"""What every agent of a market shares."""

from __future__ import annotations

from typing import Generic, TypeVar

from mesa import Agent, Model

Inputs = TypeVar("Inputs")
Settled = TypeVar("Settled")


class MarketAgent(Agent, Generic[Inputs, Settled]):  # type: ignore[misc]  # Mesa ships no types
    """An agent with a state that lasts over days.

    Every day runs in the same order: all agents :meth:`observe` the day, the market is given their offers and clears,
    all agents :meth:`settle` what was cleared, and :meth:`record` what they keep of it. An agent decides by a rule and
    never solves a program. ``Inputs`` is what a scenario of its market brings, ``Settled`` what it is told in the end.

    Parameters
    ----------
    model
        The Mesa model that the agent lives in.
    """

    def __init__(self, model: Model) -> None:
        super().__init__(model)

    def observe(self, day: Inputs, /) -> None:
        """Take in what the day brings, before the market."""
        raise NotImplementedError

    def settle(self, settled: Settled, /) -> None:
        """Take in what the market cleared, and learn from it."""
        raise NotImplementedError

    def record(self) -> object:
        """Return what the agent writes down of the settled day; ``None`` where it writes nothing."""
        return None


def forget_model(model: Model) -> None:
    """Let a model be collected once nobody uses it.

    Up to version 3.4.1 Mesa counts agents in a class-level dictionary with the model as the key, which keeps every
    model alive (Mesa issue 3179). Dropping the entry is harmless when all agents have been made.
    """
    vars(Agent).get("_ids", {}).pop(model, None)
