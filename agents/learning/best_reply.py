"""The best reply to remembered rivals: a lot that estimates its demand and answers what it expects of the others."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from agents.learning.grid import check_share, price_grid
from agents.learning.rule import PostedDay
from equilibrium.arrays import FloatArray
from equilibrium.errors import InputError

_COOLING_DAYS = 30.0
"""Days after which the spread of the trial prices has fallen to 0.7 of the first; after n days it is as 1/sqrt(n)."""

_TRIED_PRICES = 401
"""Prices among which the best reply is sought; the search is finer than any difference a driver can see."""

_STEPS = 60
"""Most evaluations of one day's estimate; the next day goes on where it ended."""

_OLDEST = 1e-3
"""Weight below which a day is forgotten."""

_RIVALS_MEMORY = 0.1
"""Smallest weight of today's prices of the rivals and of today's cost of a kWh in what is remembered of them."""

_WEEK = 7


class BestReply:
    """The best reply to rivals' remembered prices, under a logit demand that is estimated from the lot's own days.

    The lot believes that ``M`` drivers look at it on a day, and that one comes in with the probability

        s(p, r) = e^(a - b p) / (1 + e^(a - b p) + e^(d - b r)),

    with its own price ``p`` and one price ``r`` that stands for its rivals, ``e^(-b r) = mean of e^(-b r_j)``; the 1 is
    to stay away. Each evening it fits ``(M, b, a, d)`` to the visitors of all days that it remembers (least squares of
    square roots, which makes counts equally uncertain), older days counting less, the first belief as one day more.
    Days of the week have a factor each. It remembers the price of its rivals, what a kWh has cost it, and how many
    visitors it has room for (the most that it let in on a day on which it sent others away). What it posts is the price
    of largest expected profit,

        p* = argmax (p - c) min(M s(p, r), room),

    within the lowest and highest price of its grid, plus a trial that shrinks with the days, without which the slope
    cannot be told. Where the belief is right, ``p* - c = 1 / (b (1 - s))``: at rest, with rivals' prices as remembered,
    that is the equilibrium in prices.

    Parameters
    ----------
    prices
        The grid of posted prices, currency/kWh: the rule posts any price between the lowest and the highest.
    exploration
        Spread of the first trials (standard deviation), as a share of the grid's range, in (0, 1].
    recency
        Share of what was learned that is forgotten per day, in (0, 1].
    source
        Name for the error message.

    Attributes
    ----------
    belief
        ``(ln M, ln b, a, d)``, shape ``(4,)``; prices are counted from the middle of the grid.
    cost, rivals, room
        Remembered price of a kWh and price of the rivals, currency/kWh, and visitors that fill the lot; ``None``
        before there is something to remember.

    Raises
    ------
    InputError
        When a value is outside its range.

    References
    ----------
    A. P. Kirman, "Learning by firms about demand conditions", in R. H. Day, T. Groves (eds.), Adaptive Economic Models,
    Academic Press, 1975: firms that fit a demand of their own to what they see, and answer by it. The logit:
    D. McFadden, 1974, as in :class:`agents.charging.drivers.Drivers`.
    """

    def __init__(
        self, prices: Sequence[float], *, exploration: float = 0.25, recency: float = 0.005, source: str = "learning"
    ) -> None:
        grid = price_grid(prices, source)
        check_share(source, "exploration", exploration)
        check_share(source, "recency", recency)
        self.low, self.high = float(grid[0]), float(grid[-1])
        if not self.low >= 0.0:
            raise InputError(source, "prices", tuple(prices), "prices that are not negative")
        self.exploration, self.recency = exploration, recency
        self.belief: FloatArray = np.zeros(4)
        self.cost: float | None = None
        self.rivals: float | None = None
        self.room: float | None = None
        self._first: FloatArray = np.zeros(4)
        self._days: list[PostedDay] = []

    def choose(self, generator: np.random.Generator) -> float:
        """Return the best reply to what is remembered, with today's trial, currency/kWh."""
        spread = self.exploration * (self.high - self.low) / np.sqrt(1.0 + len(self._days) / _COOLING_DAYS)
        return float(np.clip(self.reply() + spread * generator.standard_normal(), self.low, self.high))

    def reply(self) -> float:
        """Return the best reply to what is remembered, currency/kWh; the middle of the grid before the first day."""
        if self.cost is None or self.rivals is None:
            return 0.5 * (self.low + self.high)
        tried = np.linspace(self.low, self.high, _TRIED_PRICES)
        visitors = self._visitors(self.belief, tried, np.full(_TRIED_PRICES, self.rivals))
        if self.room is not None:
            visitors = np.minimum(visitors, self.room)
        return float(tried[int(((tried - self.cost) * visitors).argmax())])

    def observe(self, day: PostedDay) -> None:
        """Take in the visitors at today's prices, the room, and what a kWh has cost."""
        if not self._days:
            self._begin(day)
        memory = max(_RIVALS_MEMORY, 1.0 / (len(self._days) + 1.0))
        rivals = float(self._one_price(self.belief, [day])[0])
        self.rivals = rivals if self.rivals is None else self.rivals + memory * (rivals - self.rivals)
        if day.energy_kwh > 0.0:
            paid = day.payment / day.energy_kwh
            self.cost = paid if self.cost is None else self.cost + memory * (paid - self.cost)
        if day.admitted < day.visitors:
            self.room = float(max(self.room or 1.0, day.admitted))
        self._days.append(day)
        if (1.0 - self.recency) ** (len(self._days) - 1) < _OLDEST:
            del self._days[0]
        self._estimate()

    def update(self, profit: float) -> None:
        """Do nothing: what it learns from is in :meth:`observe`."""

    def _begin(self, day: PostedDay) -> None:
        """State the first belief: a third comes in at the middle of the grid, which is the best price there."""
        middle = 0.5 * (self.low + self.high)
        cost = day.payment / day.energy_kwh if day.energy_kwh > 0.0 else 0.0
        slope = 1.5 / max(middle - cost, 0.1 * middle)
        self._first = np.array([np.log(3.0 * max(day.visitors, 1)), np.log(slope), 0.0, 0.0])
        self.belief = self._first.copy()

    def _one_price(self, belief: FloatArray, days: Sequence[PostedDay]) -> FloatArray:
        """Return the price that stands for the rivals on each day, currency/kWh; without rivals one nobody pays."""
        slope = np.exp(belief[1])
        prices = [np.mean(np.exp(-slope * day.rivals)) if day.rivals.size else 0.0 for day in days]
        one: FloatArray = -np.log(np.maximum(prices, 1e-300)) / slope
        return one

    def _visitors(self, belief: FloatArray, price: FloatArray, rivals: FloatArray) -> FloatArray:
        """Return the visitors that a belief expects at prices."""
        slope, middle = np.exp(belief[1]), 0.5 * (self.low + self.high)
        here, there = belief[2] - slope * (price - middle), belief[3] - slope * (rivals - middle)
        expected: FloatArray = np.exp(belief[0] + here - np.logaddexp(np.logaddexp(0.0, here), there))
        return expected

    def _estimate(self) -> None:
        """Fit the belief to all remembered days, and the factors of the days of the week to what it leaves."""
        from scipy.optimize import least_squares  # here, because it is slow to import

        days = self._days
        price = np.array([day.price for day in days])
        rivals = self._one_price(self.belief, days)
        seen = np.array([float(day.visitors) for day in days])
        weekday = np.array([day.weekday for day in days])
        weight = np.sqrt((1.0 - self.recency) ** np.arange(len(days) - 1, -1, -1))
        expected = self._visitors(self.belief, price, rivals)
        one = seen.mean() + 1.0  # a day more as expected
        factors = (np.bincount(weekday, seen, _WEEK) + one) / (np.bincount(weekday, expected, _WEEK) + one)
        factor = factors[weekday] * expected.sum() / (factors[weekday] @ expected)  # what all days share is M's

        def misfit(belief: FloatArray) -> FloatArray:
            visitors = factor * self._visitors(belief, price, rivals)
            left = 2.0 * weight * (np.sqrt(seen + 0.375) - np.sqrt(visitors + 0.125))
            return np.concatenate([left, belief - self._first])

        self.belief = least_squares(misfit, self.belief, method="lm", max_nfev=_STEPS).x
