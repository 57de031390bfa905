"""What a price is made of: the place of a price, its parts with their words, and the costs around it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from equilibrium.certificate import RESIDUAL_TOLERANCE
from sim.columns import PER_MWH

STEP_KW = 1.0
"""How much more and less load a check looks at, kW."""


@dataclass(frozen=True)
class Place:
    """A price of a run.

    Attributes
    ----------
    day, period
        Day of the run and period of the day, both 0 first.
    bus
        Label of the bus.
    """

    day: int
    period: int
    bus: str


@dataclass(frozen=True)
class Explanation:
    """What a price is made of.

    Attributes
    ----------
    price
        The price, currency/MWh.
    parts
        Name and amount of each part, currency/MWh; they sum to the price.
    lines
        What stands behind them, one sentence each.
    """

    price: float
    parts: tuple[tuple[str, float], ...]
    lines: tuple[str, ...]

    @property
    def rest(self) -> float:
        """What the parts miss of the price, currency/MWh: rounding."""
        return self.price - sum(amount for _, amount in self.parts)


@dataclass(frozen=True)
class NextKw:
    """What the operator's cost does around a load, currency/MWh.

    Attributes
    ----------
    last, following
        What the last kW costs and what the next one would; infinite where the network can carry none.
    """

    last: float
    following: float

    def holds(self, price: float) -> bool:
        """Whether a price lies between both."""
        room = RESIDUAL_TOLERANCE * PER_MWH * (1.0 + abs(price))
        return self.last - room <= price <= self.following + room


def listed(names: Sequence[str], most: int = 4) -> str:
    """Return the first few names of a list, and how many more there are."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")
