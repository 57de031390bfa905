"""One lot facing a DSO whose hours are coupled: the DSO's optimality conditions as arrays.

For the reduced program (rows that cannot bind left out, :mod:`equilibrium.programs.screening`) and given rivals,

    C(p) = min c'x   s.t.   lower <= M x + N p <= upper ,   low <= x <= high ,

every finite side of a row or column has a multiplier ``v >= 0`` (an equality one that is free). The conditions are
primal rows, stationarity ``M'y + z = c``, and a pair ``v * slack = 0`` for every side. The lot's price is
``lambda = -N'y``, and by strong duality its payment is linear:

    lambda'p = c'x - sum side * v     on points that satisfy every pair, and at most the right-hand side elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from equilibrium.arrays import FloatArray, IntArray
from equilibrium.programs.program import Instance


@dataclass(frozen=True, eq=False)
class Sides:
    """The finite sides of rows or columns: where, which way, at what value, and whether the multiplier is free."""

    index: IntArray
    sign: FloatArray
    value: FloatArray
    equal: np.ndarray

    @staticmethod
    def of(lower: FloatArray, upper: FloatArray) -> Sides:
        """Return one side for an equality, and one for every other finite limit: lower ones first."""
        equal = np.flatnonzero(lower == upper)
        low = np.flatnonzero(np.isfinite(lower) & (lower < upper))
        high = np.flatnonzero(np.isfinite(upper) & (lower < upper))
        return Sides(
            np.concatenate([equal, low, high]),
            np.concatenate([np.ones(equal.size + low.size), -np.ones(high.size)]),
            np.concatenate([lower[equal], lower[low], upper[high]]),
            np.arange(equal.size + low.size + high.size) < equal.size,
        )

    def touched(self, value: FloatArray, tolerance: float) -> Sides:
        """Return the sides that stand at their limit, within ``tolerance`` relative to ``1 + |limit|``."""
        slack = self.sign * (value[self.index] - self.value)
        keep = self.equal | (slack <= tolerance * (1.0 + np.abs(self.value)))
        return Sides(self.index[keep], self.sign[keep], self.value[keep], self.equal[keep])

    def incidence(self, size: int) -> sp.csr_array:
        """Return the map from the sides' multipliers to those of the ``size`` rows or columns, with their signs."""
        return sp.csr_array((self.sign, (self.index, np.arange(self.index.size))), shape=(size, self.index.size))


@dataclass(frozen=True, eq=False)
class Follower:
    """The DSO as one lot sees it.

    Attributes
    ----------
    cost, matrix, power
        c, M and N of the module's text; ``power`` has one column for each hour.
    row_lower, row_upper, col_lower, col_upper
        Limits, the rivals' share taken off the rows.
    rows, columns
        Sides of both.
    """

    cost: FloatArray
    matrix: sp.csr_array
    power: sp.csr_array
    row_lower: FloatArray
    row_upper: FloatArray
    col_lower: FloatArray
    col_upper: FloatArray
    rows: Sides
    columns: Sides

    @staticmethod
    def facing(reduced: Instance, lots: IntArray, lot: int, power_kw: FloatArray) -> Follower:
        """Take the lots' columns out of a reduced program, the rivals at their powers.

        Parameters
        ----------
        reduced
            The program; the lots' columns cost nothing.
        lots
            Columns of the lots' powers, shape ``(hours, lots)``.
        lot
            The lot that looks at it.
        power_kw
            Powers of all lots, shape ``(hours, lots)``.
        """
        given = power_kw.copy()
        given[:, lot] = 0.0
        kept = np.setdiff1d(np.arange(reduced.shape[1]), lots)
        by_column = reduced.matrix.tocsc()
        share = by_column[:, lots.ravel()] @ given.ravel()
        row_lower, row_upper = reduced.row_lower - share, reduced.row_upper - share
        col_lower, col_upper = reduced.col_lower[kept], reduced.col_upper[kept]
        return Follower(
            cost=reduced.cost[kept],
            matrix=sp.csr_array(by_column[:, kept]),
            power=sp.csr_array(by_column[:, lots[:, lot]]),
            row_lower=row_lower,
            row_upper=row_upper,
            col_lower=col_lower,
            col_upper=col_upper,
            rows=Sides.of(row_lower, row_upper),
            columns=Sides.of(col_lower, col_upper),
        )

    @property
    def hours(self) -> int:
        """Number of hours."""
        return int(self.power.shape[1])

    @property
    def share(self) -> sp.csr_array:
        """Coefficients of the lot's powers on all sides, shape ``(sides, hours)``; none on those of columns."""
        of_rows = self.rows.incidence(self.row_lower.size).T @ self.power
        return sp.csr_array(sp.vstack([of_rows, sp.csr_array((self.columns.index.size, self.hours))]))
