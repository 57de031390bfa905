"""Sessions from fitted distributions: arrival, stay and energy, each with its own law, joined by their ranks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from equilibrium.arrays import FloatArray
from equilibrium.errors import InputError
from scenarios.draws.copulas import COPULAS, Copula

FEWEST = 10
"""Sessions below which nothing is fitted."""

_SMALLEST = 1e-3
"""Hours and kWh below which a stay or an energy counts as this much: a logarithm needs more than nothing."""


@dataclass(frozen=True, eq=False)
class FittedSessions:
    """A joint distribution of arrival, stay and energy.

    The arrival has the recorded distribution with its steps joined by straight lines (the quantiles ``k / (n + 1)``),
    stay and energy are lognormal. The three are joined by a copula of their ranks, so a long stay goes with a large
    energy as often as it did.

    Attributes
    ----------
    arrivals_h
        Recorded arrivals in increasing order, h on the clock, shape ``(sessions,)``.
    stay, energy
        Mean and standard deviation of the logarithm of hours and of kWh.
    copula
        How arrival, stay and energy hang together.

    References
    ----------
    R. B. Nelsen, *An Introduction to Copulas*, 2nd ed., Springer, 2006.
    """

    arrivals_h: FloatArray
    stay: tuple[float, float]
    energy: tuple[float, float]
    copula: Copula

    @classmethod
    def fit(
        cls,
        arrival_h: FloatArray,
        stay_h: FloatArray,
        energy_kwh: FloatArray,
        source: str = "sessions",
        *,
        copula: str = "gaussian",
    ) -> FittedSessions:
        """Fit recorded sessions.

        Parameters
        ----------
        arrival_h, stay_h, energy_kwh
            Of each session, shape ``(sessions,)``.
        source
            For the complaint.
        copula
            ``"gaussian"``, or ``"vine"`` for pair copulas of the families that suit best.

        Raises
        ------
        InputError
            For fewer than :data:`FEWEST` sessions, or a vine where pyvinecopulib is not installed.
        """
        if arrival_h.size < FEWEST:
            raise InputError(source, "sessions", arrival_h.size, f"at least {FEWEST} on each weekday to fit them")
        columns = (arrival_h, np.maximum(stay_h, _SMALLEST), np.maximum(energy_kwh, _SMALLEST))
        ranks = np.array([_ranks(column) / (column.size + 1.0) for column in columns])
        logs = [np.log(column) for column in columns[1:]]
        return cls(
            arrivals_h=np.sort(arrival_h),
            stay=(float(logs[0].mean()), float(logs[0].std())),
            energy=(float(logs[1].mean()), float(logs[1].std())),
            copula=COPULAS[copula](ranks),
        )

    def sample(self, rng: np.random.Generator, count: int) -> FloatArray:
        """Draw sessions: arrival (h on the clock), stay (h) and energy (kWh), shape ``(3, count)``."""
        scores = self.copula.scores(rng, count)
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
