"""When elements fail and for how long: draws from failure rates and times to repair."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from equilibrium.arrays import FloatArray
from equilibrium.errors import InputError
from scenarios.streams import Streams
from scenarios.time_axis import TimeAxis

HOURS_A_YEAR = 8760.0

_LONGEST = 40.0
"""Repairs that last so many times their mean are not looked for: one in 2e17."""


@dataclass(frozen=True)
class Failure:
    """One failure: the element, the hour of the day at which it begins, and how many hours it lasts."""

    element: int
    start: float
    hours: float


def draw_failures(
    streams: Streams, day: int, rate: ArrayLike, repair_h: ArrayLike, *, hours: float = 24.0
) -> tuple[Failure, ...]:
    """Draw the failures of a day, in the order in which they begin.

    Failures of an element are a Poisson process and repairs last exponential times. The draws of an element do not
    depend on the other ones.

    Parameters
    ----------
    streams
        Random streams; the one used is called ``outages``.
    day
        The day.
    rate
        Failures of each element a year, shape ``(elements,)``.
    repair_h
        Mean time to repair, h, shape ``(elements,)`` or one number.
    hours
        Length of the day.

    Raises
    ------
    InputError
        When a rate is negative or a time to repair is not positive.
    """
    rates = np.atleast_1d(np.asarray(rate, dtype=np.float64))
    repairs = np.broadcast_to(np.asarray(repair_h, dtype=np.float64), rates.shape)
    _check("failure rate", rates, rates >= 0.0, "a number from 0, failures a year")
    _check("time to repair", repairs, repairs > 0.0, "a number above 0, hours")
    failures: list[Failure] = []
    for element, (yearly, mean) in enumerate(zip(rates.tolist(), repairs.tolist(), strict=True)):
        draw = streams.generator(f"outages {element}", day)
        failures += [Failure(element, *one) for one in _failures(draw, yearly, mean, hours)]
    return tuple(sorted(failures, key=lambda failure: failure.start))


def outage_probability(rate: ArrayLike, repair_h: ArrayLike) -> FloatArray:
    """Return the share of time for which each element is out, shape ``(elements,)``; arguments as above."""
    rates = np.atleast_1d(np.asarray(rate, dtype=np.float64))
    repairs = np.broadcast_to(np.asarray(repair_h, dtype=np.float64), rates.shape)
    _check("failure rate", rates, rates >= 0.0, "a number from 0, failures a year")
    _check("time to repair", repairs, repairs > 0.0, "a number above 0, hours")
    busy = rates * repairs / HOURS_A_YEAR
    return np.asarray(busy / (1.0 + busy))


def working_share(
    streams: Streams, name: str, index: int, axis: TimeAxis, hours: Callable[[int], float], rate: float, repair_h: float
) -> FloatArray:
    """Return the share of each period of a day in which an element works, shape ``(periods,)``.

    All elements work when the run begins; a failure may last into later days.

    Parameters
    ----------
    streams, name
        Random streams, and the name of the element: ``outages <name>`` is used, for each day by itself.
    index, axis
        Day of the run, and its periods.
    hours
        Returns the length of a day of the run.
    rate, repair_h
        Failures a year, and mean hours of repair, as in :func:`draw_failures`.
    """
    working = np.ones(axis.size)
    if rate == 0.0:
        return working
    begin, low, high = 0.0, axis.edge_h[:-1], axis.edge_h[1:]
    for day in range(index, -1, -1):
        begin -= 0.0 if day == index else hours(day)
        if begin < -_LONGEST * repair_h - 25.0:
            break
        for start, lasts in _failures(streams.generator(f"outages {name}", day), rate, repair_h, hours(day)):
            out = np.clip(np.minimum(high, begin + start + lasts) - np.maximum(low, begin + start), 0.0, None)
            working -= out / axis.length_h
    return np.maximum(working, 0.0)


def _failures(draw: np.random.Generator, yearly: float, repair_h: float, hours: float) -> list[tuple[float, float]]:
    """Draw the failures of one element on a day of so many hours: when each begins and how long it lasts."""
    count = int(draw.poisson(yearly * hours / HOURS_A_YEAR))
    return [(float(draw.uniform(0.0, hours)), float(draw.exponential(repair_h))) for _ in range(count)]


def _check(name: str, values: FloatArray, fine: np.ndarray, expected: str) -> None:
    for element in np.flatnonzero(~(fine & np.isfinite(values))).tolist():
        raise InputError("outages", f"{name} of element {element}", float(values[element]), expected)
