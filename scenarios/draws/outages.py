"""When elements fail and for how long: draws from failure rates and times to repair."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from equilibrium.arrays import FloatArray
from equilibrium.errors import InputError
from scenarios.streams import Streams

HOURS_A_YEAR = 8760.0


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
        failures += [
            Failure(element, float(draw.uniform(0.0, hours)), float(draw.exponential(mean)))
            for _ in range(int(draw.poisson(yearly * hours / HOURS_A_YEAR)))
        ]
    return tuple(sorted(failures, key=lambda failure: failure.start))


def outage_probability(rate: ArrayLike, repair_h: ArrayLike) -> FloatArray:
    """Return the share of time for which each element is out, shape ``(elements,)``; arguments as above."""
    rates = np.atleast_1d(np.asarray(rate, dtype=np.float64))
    repairs = np.broadcast_to(np.asarray(repair_h, dtype=np.float64), rates.shape)
    _check("failure rate", rates, rates >= 0.0, "a number from 0, failures a year")
    _check("time to repair", repairs, repairs > 0.0, "a number above 0, hours")
    busy = rates * repairs / HOURS_A_YEAR
    return np.asarray(busy / (1.0 + busy))


def _check(name: str, values: FloatArray, fine: np.ndarray, expected: str) -> None:
    for element in np.flatnonzero(~(fine & np.isfinite(values))).tolist():
        raise InputError("outages", f"{name} of element {element}", float(values[element]), expected)
