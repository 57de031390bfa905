"""Named random streams from one seed.

Every purpose (arrivals, choices, wind, ...) has a stream of its own for every day, so that adding a lot does not
reshuffle the weather, and a day's draws do not depend on how many days were run before it.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Streams:
    """The random streams of one run.

    Parameters
    ----------
    seed
        The run's one seed, a non-negative integer.
    """

    seed: int

    def generator(self, name: str, day: int) -> np.random.Generator:
        """Return the generator of stream ``name`` on ``day``; the same arguments give the same draws."""
        key = (zlib.crc32(name.encode()), day)
        return np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=key))


def day_factor(streams: Streams, name: str, index: int, sigma: float) -> float:
    """Draw the day's lognormal factor with mean 1 and standard deviation ``sigma`` of its logarithm."""
    return float(np.exp(sigma * streams.generator(name, index).standard_normal() - sigma**2 / 2))
