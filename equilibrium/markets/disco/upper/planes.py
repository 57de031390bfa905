"""Planes of the network as rows of the company's stage."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from equilibrium.arrays import FloatArray, IntArray
from equilibrium.markets.disco.network.service import Planes
from equilibrium.programs.program import INF

Rows = tuple[sp.csr_array, FloatArray, FloatArray]
"""Matrix, lower and upper limits."""


def plane_rows(planes: Planes, power: IntArray, height: IntArray, sign: float, columns: int) -> Rows:
    """Return planes as rows ``sign height - slope'p >= constant``.

    Parameters
    ----------
    power, height
        Columns of the net powers, shape ``(periods, lots)``, and of what the planes bound, shape ``(periods,)``.
    columns
        Number of columns of the program.
    """
    index, value = power[planes.period], -planes.slope
    if sign != 0.0:
        index = np.hstack([index, height[planes.period][:, None]])
        value = np.hstack([value, np.full((planes.period.size, 1), sign)])
    count = planes.period.size
    pointer = np.arange(count + 1) * index.shape[1]
    matrix = sp.csr_array((value.ravel(), index.ravel(), pointer), shape=(count, columns))
    return matrix, planes.constant, np.full(count, INF)
