"""How a lot learns which price to post: the modified Roth-Erev rule of the electricity-market literature."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from equilibrium.errors import InputError
from equilibrium.network import FloatArray

_FLOOR = 1e-3
"""Smallest propensity, as a share of the initial one."""


@dataclass(frozen=True)
class Learning:
    """Settings of the modified Roth-Erev rule.

    Attributes
    ----------
    prices
        The grid of posted prices, currency/kWh, increasing, at least two.
    recency
        r: share of a propensity that is forgotten each day, in (0, 1]. Nicolaisen et al. use 0.10.
    experimentation
        e: weight moved from the price that was played to the others, in [0, 1). Nicolaisen et al. use 0.20.
    strength
        s(0): sum of the initial propensities, in units of a typical day's profit; a large value learns slowly.

    Raises
    ------
    InputError
        When a value is outside its range, or when ``experimentation / (N - 1) >= recency``: then a price that is never
        played would gain propensity for ever.
    """

    prices: tuple[float, ...]
    recency: float = 0.10
    experimentation: float = 0.20
    strength: float = 9.0

    def __post_init__(self) -> None:
        grid = np.asarray(self.prices, dtype=np.float64)
        if grid.size < 2 or not np.all(np.isfinite(grid)) or np.any(np.diff(grid) <= 0.0) or grid[0] < 0.0:
            raise InputError("learning", "prices", self.prices, "at least two prices, non-negative and increasing")
        if not 0.0 < self.recency <= 1.0:
            raise InputError("learning", "recency", self.recency, "a number in (0, 1]")
        if not 0.0 <= self.experimentation < 1.0:
            raise InputError("learning", "experimentation", self.experimentation, "a number in [0, 1)")
        if self.experimentation >= self.recency * (grid.size - 1):
            raise InputError(
                "learning", "experimentation", self.experimentation, "less than recency * (number of prices - 1)"
            )
        if not self.strength > 0.0:
            raise InputError("learning", "strength", self.strength, "a positive number")


class RothErev:
    """The modified Roth-Erev reinforcement rule over a grid of prices.

    After price ``k`` was played and earned the reward ``R``, the propensities of the ``N`` prices become

        q_j <- (1 - r) q_j + E_j,     E_j = R (1 - e)        for j = k
                                      E_j = q_j e / (N - 1)  for j != k

    and tomorrow price ``j`` is played with probability ``q_j / sum(q)``. The modification is that the others gain in
    proportion to their own propensity instead of to the reward: the original rule does not learn from a zero reward.

    The reward is the day's profit in units of ``X``, the first profit that is not zero (its absolute value), so that a
    study does not depend on the currency; days before it earn nothing and need no unit. Initial propensities are
    ``s(0) / N`` in that unit. The published rule assumes rewards that are not negative. A loss enters as it is, with a
    negative ``R``, and no propensity falls below a thousandth of its initial value: probabilities stay defined, and a
    price that lost money is played rarely but never forgotten.

    Parameters
    ----------
    settings
        Grid and parameters.

    Attributes
    ----------
    propensities
        q, in units of X, shape ``(prices,)``.
    choice
        Index of the price played last; the middle of the grid before the first draw.

    References
    ----------
    J. Nicolaisen, V. Petrov, L. Tesfatsion, "Market power and efficiency in a computational electricity market with
    discriminatory double-auction pricing", IEEE Transactions on Evolutionary Computation 5(5), 504-523, 2001,
    doi 10.1109/4235.956714. The original rule: I. Erev, A. E. Roth, American Economic Review 88(4), 848-881, 1998.
    """

    def __init__(self, settings: Learning) -> None:
        self.settings = settings
        self.prices: FloatArray = np.asarray(settings.prices, dtype=np.float64)
        self._initial = settings.strength / self.prices.size
        self.propensities: FloatArray = np.full(self.prices.size, self._initial)
        self.choice = self.prices.size // 2
        self._unit = 0.0

    @property
    def probabilities(self) -> FloatArray:
        """Probability of each price tomorrow, shape ``(prices,)``."""
        return self.propensities / self.propensities.sum()

    def choose(self, generator: np.random.Generator) -> float:
        """Draw today's price, currency/kWh."""
        self.choice = int(generator.choice(self.prices.size, p=self.probabilities))
        return float(self.prices[self.choice])

    def update(self, profit: float) -> None:
        """Learn from the profit that the last chosen price earned, currency."""
        self._unit = self._unit or abs(profit)
        reward = profit / self._unit if self._unit else 0.0
        r, e = self.settings.recency, self.settings.experimentation
        experience = self.propensities * e / (self.prices.size - 1)
        experience[self.choice] = reward * (1.0 - e)
        self.propensities = np.maximum((1.0 - r) * self.propensities + experience, _FLOOR * self._initial)


def price_grid(lowest: float, highest: float, count: int) -> Sequence[float]:
    """Return ``count`` evenly spaced prices from ``lowest`` to ``highest``, currency/kWh."""
    return tuple(float(price) for price in np.linspace(lowest, highest, count))
