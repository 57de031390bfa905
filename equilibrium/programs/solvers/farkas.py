"""How far a program is from feasible, as far as a ray of its dual proves it."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from equilibrium.arrays import FloatArray

ROUNDING = 1e-12
"""Size of a multiplier, relative to the largest of the rows, up to which it is what rounding left of zero."""


def least_violation(
    matrix: sp.csr_array,
    rows: tuple[FloatArray, FloatArray],
    columns: tuple[FloatArray, FloatArray],
    ray: FloatArray,
) -> float:
    """Return what every point violates in some row or bound, relative to one plus the size of that side.

    For multipliers ``y`` the rows ask for ``y'Ax >= s(y)``, the sum of the sides that their signs name, and the
    columns allow ``y'Ax <= t(y)`` at most. Where ``s > t`` no point exists (Farkas), and each point misses some side
    by at least ``s - t`` divided by the sum of all multipliers, each times one plus the size of its side.

    Parameters
    ----------
    matrix
        Shape ``(rows, columns)``.
    rows, columns
        Lower and upper limits.
    ray
        The multipliers ``y``, shape ``(rows,)``: positive where the lower side asks, negative where the upper one does.

    Returns
    -------
    float
        Zero where the ray proves nothing.
    """
    multipliers = np.concatenate([ray, -(matrix.T @ ray)])
    at = np.flatnonzero(np.abs(multipliers) > ROUNDING * np.max(np.abs(ray), initial=0.0))
    size = multipliers[at]
    side = np.where(size > 0.0, np.concatenate([rows[0], columns[0]])[at], np.concatenate([rows[1], columns[1]])[at])
    if not np.isfinite(side).all():
        return 0.0
    scale = float(np.abs(size) @ (1.0 + np.abs(side)))
    return max(0.0, float(side @ size)) / scale if scale > 0.0 else 0.0
