"""The epsilon-greedy rule: mostly the price that has earned most, now and then any."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from agents.learning.grid import check_share, price_grid
from equilibrium.arrays import FloatArray
from equilibrium.errors import InputError


class EpsilonGreedy:
    """Epsilon-greedy over a grid of prices.

    Every price is tried once first, in a random order. Then the price of highest value is posted, and with probability
    ``exploration`` one drawn from all with equal chances. After price ``k`` was played and earned the profit ``R``,

        Q_k <- Q_k + max(1 / n_k, recency) (R - Q_k),

    where ``n_k`` counts how often it was played: the mean of its profits at first, an exponential smoothing later, so
    that a value follows rivals who change their prices.

    Parameters
    ----------
    prices
        The grid of posted prices, currency/kWh: at least two different ones, in any order.
    exploration
        Probability of a random price, in [0, 1].
    recency
        Smallest step towards a new profit, in (0, 1].
    source
        Name for the error message.

    Attributes
    ----------
    prices, values, played
        The grid in increasing order, Q (currency; 0 for a price that was not played), and n, shape ``(prices,)``.
    choice
        Index of the price that was posted last; the middle of the grid before the first.

    Raises
    ------
    InputError
        When a value is outside its range.

    References
    ----------
    R. S. Sutton, A. G. Barto, "Reinforcement Learning: An Introduction", 2nd ed., MIT Press, 2018, sections 2.2 to 2.5.
    """

    def __init__(
        self, prices: Sequence[float], *, exploration: float = 0.1, recency: float = 0.1, source: str = "learning"
    ) -> None:
        self.prices = price_grid(prices, source)
        if not 0.0 <= exploration <= 1.0:
            raise InputError(source, "exploration", exploration, "a number from 0 to 1")
        check_share(source, "recency", recency)
        self.exploration, self.recency = exploration, recency
        self.values: FloatArray = np.zeros(self.prices.size)
        self.played = np.zeros(self.prices.size, dtype=np.int64)
        self.choice = self.prices.size // 2

    def choose(self, generator: np.random.Generator) -> float:
        """Return the price of the day, currency/kWh."""
        untried = np.flatnonzero(self.played == 0)
        explores, drawn = generator.random() < self.exploration, generator.random()
        if untried.size:
            self.choice = int(untried[int(drawn * untried.size)])
        elif explores:
            self.choice = int(drawn * self.prices.size)
        else:
            self.choice = int(self.values.argmax())
        return float(self.prices[self.choice])

    def update(self, profit: float) -> None:
        """Learn from the profit that the last price earned, currency."""
        self.played[self.choice] += 1
        step = max(1.0 / float(self.played[self.choice]), self.recency)
        self.values[self.choice] += step * (profit - self.values[self.choice])
