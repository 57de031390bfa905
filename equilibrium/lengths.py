"""How long the periods of a day are: all that the core knows of time.

Powers are mean values of a period, so energies are powers times lengths. Prices are per kWh, so what a kW costs in a
period is price times length, and the price that a limit on power makes is its multiplier divided by the length.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

import numpy as np

from equilibrium.arrays import FloatArray
from equilibrium.errors import InputError

Made = TypeVar("Made")

Periods = int | FloatArray
"""Number of periods of one hour each, or the length of every period, h, shape ``(periods,)``."""


def period_lengths(periods: Periods) -> FloatArray:
    """Return the length of every period, h, shape ``(periods,)``."""
    return np.ones(periods) if isinstance(periods, int | np.integer) else np.asarray(periods, dtype=np.float64)


def spread_lengths(period_h: float | FloatArray, periods: int, source: str = "day") -> FloatArray:
    """Return the length of every period where one number stands for all, shape ``(periods,)``.

    Raises
    ------
    InputError
        For a length that is not positive and finite, or another number of lengths than of periods.
    """
    given = np.asarray(period_h, dtype=np.float64)
    if given.shape not in {(), (periods,)}:
        raise InputError(source, "period_h", given.shape, f"one length for each of {periods} periods")
    if not (np.isfinite(given).all() and (given > 0.0).all()):
        wrong = given[~(np.isfinite(given) & (given > 0.0))]
        raise InputError(source, "period_h", float(wrong[0]), "a positive number of hours")
    return np.broadcast_to(given, (periods,))


def named(periods: FloatArray) -> str:
    """Return what a sentence calls the periods of these lengths: ``hours`` or ``periods``."""
    return "hours" if (periods == 1.0).all() else "periods"


class ByLengths(Generic[Made]):
    """What is made once for every sequence of lengths that is met: days of 23, 24 and 25 hours, of 96 quarters.

    Parameters
    ----------
    make
        Makes it for lengths of shape ``(periods,)``.
    """

    def __init__(self, make: Callable[[FloatArray], Made]) -> None:
        self._make = make
        self._made: dict[bytes, Made] = {}

    def __getitem__(self, length_h: FloatArray) -> Made:
        key = length_h.tobytes()
        if key not in self._made:
            self._made[key] = self._make(length_h)
        return self._made[key]
