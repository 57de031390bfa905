"""How the retailer chooses among its programs from day to day: four rules behind one protocol."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np

from agents.learning import RothErev
from equilibrium.arrays import FloatArray
from equilibrium.errors import InputError

Drawn = Callable[[int], FloatArray]
"""Returns profit forecasts for as many elasticities drawn from the belief, currency, ``(draws, programs)``."""


class ProgramChoice(Protocol):
    """A rule that weighs programs by forecast profits or by those that were earned."""

    def probabilities(self, forecast: FloatArray, drawn: Drawn) -> FloatArray:
        """Return the probability of each program today.

        Parameters
        ----------
        forecast
            The retailer's own profit forecast of each program, currency, shape ``(programs,)``.
        drawn
            Gives the forecasts that its doubts about the elasticity allow.
        """
        ...

    def propensities(self, forecast: FloatArray) -> FloatArray:
        """Return what the rule compares, shape ``(programs,)``."""
        ...

    def update(self, choice: int, profit: float) -> None:
        """Learn from the profit that the chosen program earned, currency."""
        ...


class Steady:
    """Always the first program: no learning."""

    def probabilities(self, forecast: FloatArray, drawn: Drawn) -> FloatArray:  # noqa: ARG002 - no draw is needed
        """Return one for the first program and zero for the others."""
        return self.propensities(forecast)

    def propensities(self, forecast: FloatArray) -> FloatArray:
        """Return one for the first program and zero for the others: nothing is compared."""
        first = np.zeros_like(forecast)
        first[0] = 1.0
        return first

    def update(self, choice: int, profit: float) -> None:
        """Learn nothing."""


class EpsilonGreedy:
    """The program of the highest forecast profit; with a small probability any of them.

    With N programs the best one is chosen with probability ``1 - epsilon + epsilon / N`` and every other one with
    ``epsilon / N``. The forecasts come from the retailer's belief, so what is learned is the belief: trying other
    programs is what makes elasticities visible that the best program does not excite. Of equal forecasts the program
    that was named first is the best.

    Parameters
    ----------
    epsilon
        Probability of a free choice, 0 to 1.
    source
        Name for the error message.

    References
    ----------
    R. S. Sutton, A. G. Barto, Reinforcement Learning: An Introduction, 2nd ed., MIT Press, 2018, section 2.2.
    """

    def __init__(self, epsilon: float, source: str = "learning") -> None:
        if not 0.0 <= epsilon <= 1.0:
            raise InputError(source, "epsilon", epsilon, "a number from 0 to 1")
        self.epsilon = epsilon

    def probabilities(self, forecast: FloatArray, drawn: Drawn) -> FloatArray:  # noqa: ARG002 - no draw is needed
        """Return epsilon / N for each, and the rest for the best."""
        share = np.full(forecast.size, self.epsilon / forecast.size)
        share[int(np.argmax(forecast))] += 1.0 - self.epsilon
        return share

    def propensities(self, forecast: FloatArray) -> FloatArray:
        """Return the forecast profits."""
        return forecast

    def update(self, choice: int, profit: float) -> None:
        """Learn nothing here: the belief learns."""


class ThompsonSampling:
    """The best program of an elasticity that is drawn from the belief: a program is as likely as it may be the best.

    An elasticity is drawn from the posterior, and the program with the highest forecast for it is chosen. So the
    retailer tries others while it has doubts that matter for the choice, and stops when it has none. The probability of
    a program is its share among a number of independent draws; choosing with these shares has the same law as one draw.
    Of equal forecasts the program that was named first is the best.

    Parameters
    ----------
    draws
        Number of draws, at least 1.
    source
        Name for the error message.

    References
    ----------
    W. R. Thompson, "On the likelihood that one unknown probability exceeds another in view of the evidence of two
    samples", Biometrika 25, 285-294, 1933; D. Russo, B. Van Roy, A. Kazerouni, I. Osband, Z. Wen, "A tutorial on
    Thompson sampling", Foundations and Trends in Machine Learning 11(1), 1-96, 2018.
    """

    def __init__(self, draws: int, source: str = "learning") -> None:
        if draws < 1:
            raise InputError(source, "draws", draws, "a whole number >= 1")
        self.draws = draws

    def probabilities(self, forecast: FloatArray, drawn: Drawn) -> FloatArray:
        """Return the share of the draws in which each program is the best."""
        best = np.argmax(drawn(self.draws), axis=1)
        share: FloatArray = np.bincount(best, minlength=forecast.size) / self.draws
        return share

    def propensities(self, forecast: FloatArray) -> FloatArray:
        """Return the forecast profits."""
        return forecast

    def update(self, choice: int, profit: float) -> None:
        """Learn nothing here: the belief learns."""


class Reinforced:
    """The modified Roth-Erev rule over the programs: it looks at earned profits only, not at forecasts.

    Parameters
    ----------
    learner
        The rule over as many alternatives as there are programs (:class:`agents.learning.RothErev`).
    """

    def __init__(self, learner: RothErev) -> None:
        self.learner = learner

    def probabilities(self, forecast: FloatArray, drawn: Drawn) -> FloatArray:  # noqa: ARG002 - the rule does not forecast
        """Return the shares of the propensities."""
        return self.learner.probabilities

    def propensities(self, forecast: FloatArray) -> FloatArray:  # noqa: ARG002 - the rule does not forecast
        """Return the propensities of the rule."""
        return self.learner.propensities

    def update(self, choice: int, profit: float) -> None:
        """Reinforce the program that was chosen."""
        self.learner.choice = choice
        self.learner.update(profit)
