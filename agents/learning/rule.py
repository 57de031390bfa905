"""What a learning rule is: it chooses a price in the morning and hears in the evening what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from equilibrium.arrays import FloatArray


@dataclass(frozen=True, slots=True)
class PostedDay:
    """What a lot knows in the evening of the day on which it posted a price.

    Attributes
    ----------
    price
        The price that it posted, currency/kWh.
    rivals
        The prices that the other lots had posted, currency/kWh, shape ``(rivals,)``: drivers see them, so it does.
    visitors, admitted
        Drivers who wanted in, those included who found it full, and those who were let in.
    weekday
        Day of the week, Monday is 0.
    energy_kwh
        Energy that it drew.
    payment
        What it paid for that energy, network charges included, currency.
    """

    price: float
    rivals: FloatArray
    visitors: int
    admitted: int
    weekday: int
    energy_kwh: float
    payment: float


class LearningRule(Protocol):
    """A rule that chooses one of several prices each day and hears what it earned."""

    def choose(self, generator: np.random.Generator) -> float:
        """Return the price of the day, currency/kWh; every draw is from ``generator``."""
        ...

    def update(self, profit: float) -> None:
        """Learn from the profit that the last price earned, currency."""
        ...


@runtime_checkable
class ObservingRule(Protocol):
    """A rule that also wants to see rivals' prices, visitors and costs: its ``observe`` comes before ``update``."""

    def observe(self, day: PostedDay) -> None:
        """Take in what the lot knows of the day."""
        ...
