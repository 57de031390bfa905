"""Rows of a program that are looked at, and stated only where an answer breaks them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from equilibrium.arrays import BoolArray, FloatArray, IntArray
from equilibrium.programs.program import FEASIBILITY

ROWS_PER_PERIOD = 6
"""Violated rows taken up per period and pass: the worst ones."""

ROWS_PER_FAMILY = 1
"""The same for a family of rows that cut one quantity, like the secants of one square."""


@dataclass(frozen=True, eq=False)
class LazyRows:
    """Rows that need not be stated.

    Attributes
    ----------
    ids
        Of the rows.
    group
        The period or the family of each.
    in_family
        Which rows belong to a family.
    matrix
        The rows, over all columns of the program.
    """

    ids: IntArray
    group: IntArray
    in_family: BoolArray
    matrix: sp.csr_array

    def violated(self, x: FloatArray, lower: FloatArray, upper: FloatArray, stated: IntArray) -> IntArray:
        """Return the ids of the worst violated rows, a few in each period and one in each family.

        Parameters
        ----------
        x
            A point of the program.
        lower, upper
            Limits of all rows, by id.
        stated
            Ids of rows that are stated already; what rounding leaves there is no violation.
        """
        low, high, value = lower[self.ids], upper[self.ids], self.matrix @ x
        depth = np.maximum(low - value, value - high)
        pick = np.flatnonzero(depth > FEASIBILITY)
        if pick.size:
            low, high, value = low[pick], high[pick], value[pick]
            with np.errstate(invalid="ignore"):  # an absent side is infinite: its term is nan, never positive
                excess = np.fmax((low - value) / (1.0 + np.abs(low)), (value - high) / (1.0 + np.abs(high)))
            fresh = (excess > FEASIBILITY) & ~np.isin(self.ids[pick], stated, kind="table")
            pick, excess = pick[fresh], excess[fresh]
        if not pick.size:
            return pick
        # Rows of a family share a unit and cut one quantity: there the deepest cut is the worst, whatever its limit.
        rank_by = np.where(self.in_family[pick], depth[pick], excess)
        pick = pick[np.lexsort((-rank_by, self.group[pick]))]
        group = self.group[pick]
        rank = np.arange(pick.size) - np.searchsorted(group, group, side="left")
        most = np.where(self.in_family, ROWS_PER_FAMILY, ROWS_PER_PERIOD)
        return np.asarray(self.ids[pick[rank < most[pick]]])
