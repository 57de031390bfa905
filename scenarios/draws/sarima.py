"""Prices drawn from a seasonal model: SARIMA(1,0,1)(1,0,0) with the day as its season, about a weekly profile.

With ``y`` the logarithm of the price (or the price itself), ``m`` its mean at that time of the week, ``L`` the lag of
a step and ``s`` the steps of a day,

    (1 - ar L) (1 - seasonal_ar L^s) (y_t - m_t) = (1 + ma L) e_t ,   e_t normal with deviation sigma.

G. E. P. Box, G. M. Jenkins, G. C. Reinsel and G. M. Ljung, *Time Series Analysis*, 5th ed., Wiley, 2015, chapter 9.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from equilibrium.arrays import FloatArray
from equilibrium.errors import InputError
from scenarios.draws.reduction import reduce_scenarios
from scenarios.streams import Streams
from scenarios.time_axis import WEEK

VALUES = ("log", "level")
"""What the model is one of: the logarithm of the price, or the price, where prices may be zero or negative."""

LARGEST = 0.99
"""Largest size of a coefficient: beyond it the past is never forgotten, and nothing could be drawn from its start."""

_FORGOTTEN = 1e-9
"""What is left of a day's shock when it is forgotten."""


@dataclass(frozen=True, eq=False)
class PriceScenarios:
    """A few days that stand for many.

    Attributes
    ----------
    probability
        Shape ``(keep,)``.
    price
        Currency/kWh, shape ``(keep, steps)``.
    distance
        Kantorovich distance from all that were drawn, currency/kWh.
    """

    probability: FloatArray
    price: FloatArray
    distance: float


@dataclass(frozen=True, eq=False)
class PriceModel:
    """A model of prices in equal steps of the clock.

    Attributes
    ----------
    season
        Mean of ``y`` at each time of the week, Monday first, shape ``(7, steps)``.
    ar, ma, seasonal_ar
        Coefficients of the last step, the last shock, and the same time of yesterday, each of size at most
        :data:`LARGEST`.
    sigma
        Standard deviation of the shocks of ``y``.
    values
        One of :data:`VALUES`: what ``y`` is.

    Raises
    ------
    InputError
        For a coefficient that is too large, a negative deviation, or a season that is not finite.
    """

    season: FloatArray
    ar: float
    ma: float
    seasonal_ar: float
    sigma: float
    values: str = "log"

    def __post_init__(self) -> None:
        for name in ("ar", "ma", "seasonal_ar"):
            if not abs(getattr(self, name)) <= LARGEST:
                raise InputError("PriceModel", name, getattr(self, name), f"a number of size {LARGEST:g} at most")
        if not 0.0 <= self.sigma < math.inf:
            raise InputError("PriceModel", "sigma", self.sigma, "a number >= 0")
        if self.values not in VALUES:
            raise InputError("PriceModel", "values", self.values, " or ".join(VALUES))
        if self.season.ndim != 2 or len(self.season) != WEEK or not np.isfinite(self.season).all():
            raise InputError("PriceModel", "season", self.season.shape, "finite numbers, (7, steps)")

    @classmethod
    def from_parameters(
        cls, mean: ArrayLike, *, ar: float, ma: float, seasonal_ar: float, sigma: float, values: str = "log"
    ) -> PriceModel:
        """Return the model with given coefficients whose expected prices are given too.

        Parameters
        ----------
        mean
            Expected price of each step of the day, currency/kWh, shape ``(steps,)``, or ``(7, steps)`` by weekday.
        ar, ma, seasonal_ar, sigma, values
            As in the class.

        Raises
        ------
        InputError
            As the class, and for a mean that is not positive where the model is one of logarithms.
        """
        expected = np.asarray(mean, dtype=np.float64)
        expected = np.broadcast_to(expected, (WEEK, expected.shape[-1] if expected.ndim else 0))
        model = cls(expected.copy(), ar, ma, seasonal_ar, sigma, values)
        if values == "level":
            return model
        if not (expected > 0.0).all():
            raise InputError("PriceModel", "mean", float(expected.min()), "prices > 0, or values: level")
        return cls(np.log(expected) - model.variance / 2.0, ar, ma, seasonal_ar, sigma, values)

    @property
    def steps(self) -> int:
        """Number of steps of a day."""
        return int(self.season.shape[1])

    @property
    def memory(self) -> int:
        """Days after which a shock is forgotten; so many before the first one stand for all the past."""
        slowest = max(abs(self.seasonal_ar), abs(self.ar) ** self.steps)
        return 2 + (math.ceil(math.log(_FORGOTTEN) / math.log(slowest)) if slowest > _FORGOTTEN else 0)

    @property
    def variance(self) -> float:
        """Variance of ``y`` about its season: that of the shocks times the squares of what they leave behind."""
        shock = np.zeros((1, self.steps))
        shock[0, 0] = 1.0
        rest = np.zeros_like(shock)
        answers = self._deviations([shock, *[rest] * self.memory])
        return self.sigma**2 * sum(float(np.sum(each**2)) for each in answers)

    def sample(self, rng: np.random.Generator, days: int, n: int = 1, *, first_weekday: int = 0) -> FloatArray:
        """Draw paths of prices, currency/kWh, shape ``(n, days, steps)``; they start far from any known day.

        Parameters
        ----------
        rng
            Where the numbers come from.
        days, n
            Days of a path, and number of paths.
        first_weekday
            Weekday of the first day, Monday is 0.
        """
        shocks = (self.sigma * rng.standard_normal((n, self.steps)) for _ in range(self.memory + days))
        paths = np.empty((n, days, self.steps))
        for day, deviation in enumerate(self._deviations(shocks), start=-self.memory):
            if day >= 0:
                paths[:, day] = self._price((first_weekday + day) % WEEK, deviation)
        return paths

    def scenarios(self, rng: np.random.Generator, samples: int, keep: int, *, first_weekday: int = 0) -> PriceScenarios:
        """Draw days and keep the few that stand for them best (:mod:`scenarios.draws.reduction`).

        Parameters
        ----------
        rng, first_weekday
            As in :meth:`sample`.
        samples, keep
            How many are drawn, and how many of them are kept.
        """
        drawn = self.sample(rng, 1, samples, first_weekday=first_weekday)[:, 0]
        left = reduce_scenarios(drawn, np.full(samples, 1.0 / samples), keep)
        return PriceScenarios(left.probability, drawn[left.kept], left.distance)

    def day(self, index: int, weekday: int, streams: Streams) -> FloatArray:
        """Return the prices of a day of a run, currency/kWh, shape ``(steps,)``.

        Each day has its own shocks, from the stream ``prices``, and what is left of those of the days before it, as
        many as :attr:`memory` says. So the days of a run are one path, and each is the same however many were drawn.

        Parameters
        ----------
        index
            Day of the run, 0 first.
        weekday
            Monday is 0.
        streams
            The run's random streams; ``prices`` and, for days before the first one, ``prices before`` are used.
        """
        shocks = (
            self.sigma * _generator(streams, day).standard_normal((1, self.steps))
            for day in range(index - self.memory, index + 1)
        )
        *_, last = self._deviations(shocks)
        return np.asarray(self._price(weekday, last).ravel())

    def _price(self, weekday: int, deviation: FloatArray) -> FloatArray:
        y = self.season[weekday] + deviation
        return np.asarray(np.exp(y) if self.values == "log" else y)

    def _deviations(self, shocks: Iterable[FloatArray]) -> Iterator[FloatArray]:
        """Yield what shocks, of shape ``(paths, steps)`` a day, make of ``y - m``, starting from nothing."""
        recursion = Recursion(self.ar, self.steps)
        before: FloatArray | None = None
        for shock in shocks:
            if before is None:
                before = last = yesterday = np.zeros_like(shock)
            moving = shock + self.ma * np.column_stack([before[:, -1], shock[:, :-1]])
            last = recursion.of(moving, last[:, -1])
            yesterday = self.seasonal_ar * yesterday + last
            yield yesterday
            before = shock


class Recursion:
    """``x_t = factor x_{t-1} + w_t`` for a day at once.

    Parameters
    ----------
    factor
        Of the value before.
    steps
        Length of a day.
    """

    def __init__(self, factor: float, steps: int) -> None:
        lag = np.subtract.outer(np.arange(steps), np.arange(steps))
        self._matrix = np.where(lag >= 0, float(factor) ** np.maximum(lag, 0), 0.0).T
        self._start = float(factor) ** np.arange(1, steps + 1)

    def of(self, inputs: FloatArray, before: FloatArray | float) -> FloatArray:
        """Return the values of a day, shape ``(paths, steps)``.

        Parameters
        ----------
        inputs
            ``w``, the same shape.
        before
            The last value of the day before, a number or one of each path.
        """
        return np.asarray(inputs @ self._matrix + np.multiply.outer(before, self._start))


def _generator(streams: Streams, day: int) -> np.random.Generator:
    """Return the generator of a day, before the first one too."""
    return streams.generator("prices", day) if day >= 0 else streams.generator("prices before", -day)
