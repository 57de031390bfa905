"""Scenario reduction: fewer scenarios that stay close to the drawn ones in the Kantorovich distance.

Fast forward selection after H. Heitsch and W. Roemisch, Scenario reduction algorithms in stochastic programming,
Computational Optimization and Applications 24 (2003) 187, Algorithm 2.4.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from equilibrium.arrays import FloatArray, IntArray
from equilibrium.errors import InputError

_TIE = 1e-12
"""Relative difference below which two candidates count as equally good; the one with the smaller index is taken."""


@dataclass(frozen=True, eq=False)
class Reduction:
    """What is left of a set of scenarios.

    Attributes
    ----------
    kept
        Indices of the scenarios that stay, ascending, shape ``(keep,)``.
    probability
        Their probabilities: each has its own and those of the deleted scenarios that are nearest to it, shape
        ``(keep,)``.
    assigned
        For every scenario, the position in ``kept`` of the one that stands for it, shape ``(scenarios,)``.
    distance
        Kantorovich distance between the two distributions, in the unit of the points: the least probability-weighted
        way that turns one into the other.
    """

    kept: IntArray
    probability: FloatArray
    assigned: IntArray
    distance: float


def reduce_scenarios(points: FloatArray, probability: FloatArray, keep: int) -> Reduction:
    """Choose scenarios greedily, each time the one that lowers the Kantorovich distance most.

    Parameters
    ----------
    points
        Scenarios as vectors whose Euclidean distance means something (in one unit, or scaled), shape
        ``(scenarios, values)``.
    probability
        Shape ``(scenarios,)``, >= 0, of sum 1.
    keep
        How many stay, ``1 <= keep <= scenarios``.

    Raises
    ------
    InputError
        For shapes that do not fit, points that are not finite, or probabilities that are negative or do not sum to 1.
    """
    from scipy.spatial.distance import cdist  # here, because it is slow to import

    _check(points, probability, keep)
    away = cdist(points, points)
    kept = _selected(away, probability, keep)
    assigned = away[:, kept].argmin(axis=1)
    assigned[kept] = np.arange(keep)  # of two equal scenarios that both stay, each stands for itself
    moved: FloatArray = np.bincount(assigned, weights=probability, minlength=keep).astype(np.float64)
    distance = float(probability @ away[np.arange(len(points)), kept[assigned]])
    return Reduction(kept, moved, assigned, distance)


def _selected(away: FloatArray, probability: FloatArray, keep: int) -> IntArray:
    """Return the indices that the greedy selection takes, ascending."""
    if keep == len(away):
        return np.arange(keep)
    nearest = np.full(len(away), np.inf)
    chosen: list[int] = []
    for _ in range(keep):
        # Column u: the distance that is left of each scenario if u is taken as well.
        left = probability @ np.minimum(away, nearest[:, None])
        left[chosen] = np.inf
        best = int(np.flatnonzero(left <= left.min() * (1.0 + _TIE))[0])
        chosen.append(best)
        nearest = np.minimum(nearest, away[:, best])
    return np.sort(np.array(chosen, dtype=np.int64))


def _check(points: FloatArray, probability: FloatArray, keep: int) -> None:
    where = "reduce_scenarios"
    if points.ndim != 2 or not len(points) or not np.isfinite(points).all():
        raise InputError(where, "points", points.shape, "finite numbers, (scenarios, values)")
    if probability.shape != (len(points),):
        raise InputError(where, "probability", probability.shape, f"{len(points)} values, one for each scenario")
    if not (probability >= 0).all():
        raise InputError(where, "probability", float(np.nanmin(probability)), "values >= 0")
    if abs(float(probability.sum()) - 1.0) > 1e-9:
        raise InputError(where, "probability", float(probability.sum()), "values that sum to 1")
    if not 1 <= keep <= len(points):
        raise InputError(where, "keep", keep, f"1 to {len(points)}")
