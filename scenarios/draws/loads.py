"""Loads about their expected value: a factor of the day, and normal factors of each hour and bus."""

from __future__ import annotations

import numpy as np

from equilibrium.arrays import FloatArray
from scenarios.draws.vehicles import TruncatedNormal
from scenarios.streams import Streams, day_factor
from scenarios.time_axis import DAY_H, TimeAxis


def load_factor(
    streams: Streams, index: int, axis: TimeAxis, buses: int, *, day_sigma: float, hour_sigma: float
) -> FloatArray:
    """Draw what a day's expected load is multiplied with, shape ``(periods, buses)``, of mean 1.

    Parameters
    ----------
    streams
        The run's random streams; ``load`` is used for the day, ``load hours`` for its hours.
    index
        Day of the run.
    axis
        Its periods.
    buses
        Number of loads; the draws of the first ones do not depend on how many there are.
    day_sigma
        Standard deviation of the logarithm of the day's factor, which is lognormal.
    hour_sigma
        Standard deviation of the factor of each hour of the clock and each bus: independent normal draws of mean 1,
        given that they lie between 0 and 2.
    """
    factor = np.full((DAY_H, buses), day_factor(streams, "load", index, day_sigma))
    if hour_sigma > 0.0:
        shares = streams.generator("load hours", index).random((buses, DAY_H)).T
        factor = factor * TruncatedNormal(1.0, hour_sigma, 0.0, 2.0).quantile(shares)
    return axis.of_clock(factor)
