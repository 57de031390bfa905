"""Sessions from fitted distributions: arrival, stay and energy, each with its own law, joined by their ranks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri

from equilibrium.arrays import FloatArray
from equilibrium.errors import InputError

FEWEST = 10
"""Sessions below which nothing is fitted."""

_SMALLEST = 1e-3
"""Hours and kWh below which a stay or an energy counts as this much: a logarithm needs more than nothing."""


@dataclass(frozen=True, eq=False)
class FittedSessions:
    """A joint distribution of arrival, stay and energy.

    The arrival has the recorded distribution with its steps joined by straight lines (the quantiles ``k / (n + 1)``),
    stay and energy are lognormal. The three are joined by a Gaussian copula: the correlation is that of the normal
    scores of the ranks, so a long stay goes with a large energy as often as it did.

    Attributes
    ----------
    arrivals_h
        Recorded arrivals in increasing order, h on the clock, shape ``(sessions,)``.
    stay, energy
        Mean and standard deviation of the logarithm of hours and of kWh.
    factor
        Lower Cholesky factor of the correlation of the scores of arrival, stay and energy, shape ``(3, 3)``.

    References
    ----------
    R. B. Nelsen, *An Introduction to Copulas*, 2nd ed., Springer, 2006.
    """

    arrivals_h: FloatArray
    stay: tuple[float, float]
    energy: tuple[float, float]
    factor: FloatArray

    @classmethod
    def fit(cls, arrival_h: FloatArray, stay_h: FloatArray, energy_kwh: FloatArray, source: str) -> FittedSessions:
        """Fit recorded sessions.

        Parameters
        ----------
        arrival_h, stay_h, energy_kwh
            Of each session, shape ``(sessions,)``.
        source
            For the complaint.

        Raises
        ------
        InputError
            For fewer than :data:`FEWEST` sessions.
        """
        if arrival_h.size < FEWEST:
            raise InputError(source, "sessions", arrival_h.size, f"at least {FEWEST} on each weekday to fit them")
        columns = (arrival_h, np.maximum(stay_h, _SMALLEST), np.maximum(energy_kwh, _SMALLEST))
        scores = np.array([ndtri(_ranks(column) / (column.size + 1.0)) for column in columns])
        spread = scores.std(axis=1)
        safe = np.where(spread > 0.0, spread, 1.0)
        joint = (scores @ scores.T / arrival_h.size - np.outer(scores.mean(axis=1), scores.mean(axis=1))) / np.outer(
            safe, safe
        )
        np.fill_diagonal(joint, 1.0)
        values, vectors = np.linalg.eigh(joint)  # ranks with many ties may leave it short of positive definite
        joint = (vectors * np.maximum(values, 1e-9)) @ vectors.T
        size = np.sqrt(np.diag(joint))
        logs = [np.log(column) for column in columns[1:]]
        return cls(
            arrivals_h=np.sort(arrival_h),
            stay=(float(logs[0].mean()), float(logs[0].std())),
            energy=(float(logs[1].mean()), float(logs[1].std())),
            factor=np.linalg.cholesky(joint / np.outer(size, size)),
        )

    def sample(self, rng: np.random.Generator, count: int) -> FloatArray:
        """Draw sessions: arrival (h on the clock), stay (h) and energy (kWh), shape ``(3, count)``."""
        scores = self.factor @ rng.standard_normal((3, count))
        places = np.arange(1.0, self.arrivals_h.size + 1.0) / (self.arrivals_h.size + 1.0)
        arrival = np.interp(ndtr(scores[0]), places, self.arrivals_h)
        stay = np.exp(self.stay[0] + self.stay[1] * scores[1])
        energy = np.exp(self.energy[0] + self.energy[1] * scores[2])
        return np.stack([arrival, stay, energy])


def _ranks(values: FloatArray) -> FloatArray:
    """Ranks from one on, equal values share the mean of theirs: ``scipy.stats`` has it too and is slow to import."""
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    ranks: FloatArray = (np.cumsum(count) - 0.5 * (count - 1))[place]
    return ranks
