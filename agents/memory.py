"""What agents remember of values by hour of the clock: exponential smoothing over the days."""

from __future__ import annotations

import numpy as np

from equilibrium.arrays import FloatArray


def smoothed(held: FloatArray, seen: FloatArray, memory: float) -> FloatArray:
    """Return what is remembered after a day.

    Parameters
    ----------
    held
        What was remembered before, shape ``(24,)``.
    seen
        What the day showed; an hour that it skipped is NaN and changes nothing. Same shape.
    memory
        Share of what was remembered that one day leaves unchanged, 0 to 1.

    References
    ----------
    R. G. Brown, Smoothing, Forecasting and Prediction of Discrete Time Series, Prentice-Hall, 1963, chapter 7.
    """
    remembered: FloatArray = np.where(np.isfinite(seen), memory * held + (1.0 - memory) * seen, held)
    return remembered
