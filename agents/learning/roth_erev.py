"""The modified Roth-Erev rule of the literature."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from agents.learning.grid import price_grid
from equilibrium.arrays import FloatArray
from equilibrium.errors import InputError

_FLOOR = 1e-3
"""Smallest propensity, as a share of the initial one."""


class RothErev:
    """The modified Roth-Erev reinforcement rule over a grid of prices.

    After price ``k`` was played and earned the reward ``R``, the propensities of the ``N`` prices become

        q_j <- (1 - r) q_j + E_j,     E_j = R (1 - e)        for j = k
                                      E_j = q_j e / (N - 1)  for j != k

    and tomorrow price ``j`` is played with probability ``q_j / sum(q)``. The modification is that the others gain in
    proportion to their own propensity instead of to the reward: the original rule does not learn from a zero reward.

    The reward is the day's profit in units of ``X``, the mean absolute profit of the days so far, today included, that
    earned anything: ``R = profit / X``, and 0 while nothing was earned. So what is learned does not depend on the
    currency, and the strength of the first beliefs can be stated without knowing the profits to come (Roth and Erev
    scale by the average payoff too). The published rule assumes rewards that are not negative. A loss enters as it is,
    with a negative ``R``, and no propensity falls below a thousandth of its initial value: probabilities stay defined,
    and a price that lost money is played rarely but never forgotten.

    Parameters
    ----------
    prices
        The grid of posted prices, currency/kWh: at least two different ones, in any order.
    recency
        r: share of a propensity that is forgotten each day, in (0, 1].
    experimentation
        e: weight moved from the price that was played to the others, in [0, 1).
    initial_propensity
        q_j(0), in units of X. With rewards near X the sum of all propensities tends to ``(1 - e) / r``; an initial sum
        well above it makes a slow learner, one well below it a hasty one.
    source
        Name for the error message.

    Attributes
    ----------
    prices, propensities
        The grid in increasing order and q, shape ``(prices,)``.
    choice
        Index of the price that was drawn last; the middle of the grid before the first draw.

    Raises
    ------
    InputError
        When a value is outside its range, or when ``e / (N - 1) >= r``: then a price that is never played would gain
        propensity for ever.

    References
    ----------
    J. Nicolaisen, V. Petrov, L. Tesfatsion, "Market power and efficiency in a computational electricity market with
    discriminatory double-auction pricing", IEEE Transactions on Evolutionary Computation 5(5), 504-523, 2001,
    doi 10.1109/4235.956714. The original rule: I. Erev, A. E. Roth, American Economic Review 88(4), 848-881, 1998.
    """

    def __init__(
        self,
        prices: Sequence[float],
        *,
        recency: float = 0.1,
        experimentation: float = 0.2,
        initial_propensity: float = 1.0,
        source: str = "learning",
    ) -> None:
        grid = price_grid(prices, source)
        if not 0.0 < recency <= 1.0:
            raise InputError(source, "recency", recency, "a number in (0, 1]")
        if not 0.0 <= experimentation < min(1.0, recency * (grid.size - 1)):
            expected = "a number from 0 to below 1, and below recency * (number of prices - 1)"
            raise InputError(source, "experimentation", experimentation, expected)
        if not initial_propensity > 0.0:
            raise InputError(source, "initial_propensity", initial_propensity, "a positive number")
        self.prices: FloatArray = grid
        self.recency = recency
        self.experimentation = experimentation
        self.propensities: FloatArray = np.full(grid.size, float(initial_propensity))
        self.choice = grid.size // 2
        self._floor = _FLOOR * initial_propensity
        self._unit = 0.0
        self._earning_days = 0

    @property
    def probabilities(self) -> FloatArray:
        """Probability of each price tomorrow, shape ``(prices,)``."""
        share: FloatArray = self.propensities / self.propensities.sum()
        return share

    def choose(self, generator: np.random.Generator) -> float:
        """Draw the price of the day, currency/kWh."""
        self.choice = int(generator.choice(self.prices.size, p=self.probabilities))
        return float(self.prices[self.choice])

    def update(self, profit: float) -> None:
        """Learn from the profit that the last price earned, currency."""
        if profit:
            self._earning_days += 1
            self._unit += (abs(profit) - self._unit) / self._earning_days
        reward = profit / self._unit if profit else 0.0
        experience = self.propensities * self.experimentation / (self.prices.size - 1)
        experience[self.choice] = reward * (1.0 - self.experimentation)
        self.propensities = np.maximum((1.0 - self.recency) * self.propensities + experience, self._floor)
