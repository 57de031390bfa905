"""What follows mechanically from a linear program: its dual, its KKT residuals and its optimal face.

Sign convention, everywhere: for ``min c'x`` a multiplier ``y`` of a row is the derivative of the optimal value with
respect to the row's bound: ``y >= 0`` where the lower bound holds the row, ``y <= 0`` where the upper one does. The
reduced cost of a column is ``z = c - A'y``, with the same sign rule for the column's bounds. One pair of
multipliers serves a two-sided row; its sign says which side is at work.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from equilibrium.arrays import FloatArray, IntArray
from equilibrium.programs.kept import kept
from equilibrium.programs.program import FEASIBILITY, INF, Instance


@dataclass(frozen=True)
class Residuals:
    """How far a primal-dual pair is from optimality; all entries are relative and 0 at an exact optimum.

    Attributes
    ----------
    primal
        Largest violation of a row or bound, divided by ``1 +`` the size of the largest term of that row.
    dual
        Largest multiplier on a side that does not exist, divided by ``1 +`` the size of the largest cost term.
    complementarity
        Largest product of a multiplier and its slack, divided by ``1 + |objective|``.
    gap
        Primal minus dual objective, absolute, divided by ``1 + |objective|``.
    """

    primal: float
    dual: float
    complementarity: float
    gap: float

    @property
    def worst(self) -> float:
        """Largest of the four; not a number where one of them is not."""
        return float(np.max((self.primal, self.dual, self.complementarity, self.gap)))


def reduced_costs(instance: Instance, y: FloatArray) -> FloatArray:
    """Return ``c - A'y``, shape ``(columns,)``."""
    return np.asarray(instance.cost - kept(instance.matrix).transposed @ y)


def dual_objective(instance: Instance, y: FloatArray, z: FloatArray) -> float:
    """Return the dual objective of ``(y, z)``; a multiplier on an infinite side counts as zero.

    Such a multiplier is a violation of dual feasibility and is reported by :func:`kkt_residuals`.
    """
    return (
        _at_sides(y, instance.row_lower, instance.row_upper).value
        + _at_sides(z, instance.col_lower, instance.col_upper).value
    )


def proved_bound(instance: Instance, y: FloatArray) -> float:
    """Return the lower bound of the optimum that any multipliers prove, right or wrong.

    A multiplier on a side that a row does not have is taken as zero. Where a reduced cost has the sign of a side that
    its column does not have, they prove nothing: minus infinity.
    """
    y = np.where(np.isfinite(np.where(y > 0.0, instance.row_lower, instance.row_upper)), y, 0.0)
    z = instance.cost - instance.matrix.T @ y
    if not np.isfinite(np.where(z > 0.0, instance.col_lower, instance.col_upper)[z != 0.0]).all():
        return -INF
    return dual_objective(instance, y, z)


def kkt_residuals(instance: Instance, x: FloatArray, y: FloatArray) -> Residuals:
    """Measure how well ``(x, y)`` satisfies the optimality conditions of ``instance``.

    The reduced costs are computed here, so stationarity holds by construction and every error shows in the
    sign of a multiplier, in complementarity or in the gap. Nothing of the solver's own report is used.
    """
    z = reduced_costs(instance, y)
    activity, matrix = instance.matrix @ x, kept(instance.matrix)
    primal = max(
        _largest(
            _violation(activity, instance.row_lower, instance.row_upper),
            lambda at: 1.0 + (matrix.magnitude @ np.abs(x))[at],
        ),
        _largest(_violation(x, instance.col_lower, instance.col_upper), lambda columns: 1.0 + np.abs(x[columns])),
    )
    rows = _at_sides(y, instance.row_lower, instance.row_upper)
    columns = _at_sides(z, instance.col_lower, instance.col_upper)
    dual = max(
        _largest(rows.wrong, lambda at: 1.0 + np.abs(y[rows.loose[at]])),
        _largest(
            columns.wrong,
            lambda at: (1.0 + np.abs(instance.cost) + matrix.magnitude_transposed @ np.abs(y))[columns.loose[at]],
        ),
    )
    size = 1.0 + abs(float(instance.cost @ x))
    gap = abs(float(instance.cost @ x) - rows.value - columns.value)
    return Residuals(primal, dual, max(rows.slack(activity), columns.slack(x)) / size, gap / size)


@dataclass(frozen=True, eq=False)
class _AtSides:
    """Non-zero multipliers and the sides that hold them.

    Attributes
    ----------
    held, multiplier, side
        Places with a finite side, their multipliers, and that side.
    loose, wrong
        Places without one, and the sizes of their multipliers: violations of dual feasibility.
    """

    held: IntArray
    multiplier: FloatArray
    side: FloatArray
    loose: IntArray
    wrong: FloatArray

    @property
    def value(self) -> float:
        """Share in the dual objective."""
        return float(self.side @ self.multiplier)

    def slack(self, value: FloatArray) -> float:
        """Return the largest product of a multiplier and the distance of ``value`` from its side."""
        return float(np.max(np.abs(self.multiplier * (value[self.held] - self.side)), initial=0.0))


def _at_sides(multiplier: FloatArray, lower: FloatArray, upper: FloatArray) -> _AtSides:
    """Find the side that each non-zero multiplier prices: the lower one if it is positive."""
    at = np.flatnonzero(multiplier)  # what is not a number is not zero
    size = multiplier[at]
    side = np.where(size > 0.0, lower[at], upper[at])
    finite = np.isfinite(side)
    if finite.all():
        return _AtSides(at, size, side, at[:0], size[:0])
    return _AtSides(at[finite], size[finite], side[finite], at[~finite], np.abs(size[~finite]))


def _largest(excess: FloatArray, scale: Callable[[IntArray], FloatArray]) -> float:
    """Return the largest excess, each relative to its scale, which is worked out only where there is one."""
    at = np.flatnonzero(~(excess <= 0.0))  # also what is not a number
    return float(np.max(excess[at] / scale(at))) if at.size else 0.0


def _violation(value: FloatArray, lower: FloatArray, upper: FloatArray) -> FloatArray:
    return np.asarray(np.maximum(lower - value, value - upper))


def is_broken(instance: Instance, x: FloatArray, tolerance: float) -> bool:
    """Tell whether a point violates rows by more than ``tolerance``, relative to one plus their value."""
    value = instance.matrix @ x
    excess = _violation(value, instance.row_lower, instance.row_upper)
    return bool((excess > tolerance * (1.0 + np.abs(value))).any())


def optimal_face(
    instance: Instance, y: FloatArray, largest: float | None = None, *, point: FloatArray | None = None
) -> Instance:
    """Return the instance whose feasible set is the optimal face of ``instance``.

    A point is optimal if and only if it is feasible and complementary to *one* dual optimum. So fixing every
    column with a non-zero reduced cost, and every row with a non-zero multiplier, at the bound that holds it
    gives the whole face, without any tolerance on the objective.

    Parameters
    ----------
    y
        Multipliers of a dual optimum; those up to :data:`equilibrium.programs.program.FEASIBILITY` times
        ``1 + largest`` count as zero.
    largest
        Size of the multipliers; that of the costs by default.
    point
        A known point of the face. What it misses of a limit by rounding (up to ``FEASIBILITY`` times one plus the
        size of the terms) moves that limit, so that the face contains it.
    """
    z = reduced_costs(instance, y)
    zero = FEASIBILITY * (1.0 + (float(np.max(np.abs(instance.cost), initial=0.0)) if largest is None else largest))
    row_lower, row_upper = _fixed(instance.row_lower, instance.row_upper, y, zero)
    col_lower, col_upper = _fixed(instance.col_lower, instance.col_upper, z, zero)
    if point is not None:
        terms = kept(instance.matrix).magnitude @ np.abs(point)
        row_lower, row_upper = _around(instance.matrix @ point, row_lower, row_upper, terms)
        col_lower, col_upper = _around(point, col_lower, col_upper, np.abs(point))
    return Instance(instance.matrix, instance.cost, row_lower, row_upper, col_lower, col_upper)


def _around(value: FloatArray, lower: FloatArray, upper: FloatArray, size: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the limits, each moved to ``value`` where that misses it by no more than rounding."""
    near = _violation(value, lower, upper) <= FEASIBILITY * (1.0 + size)
    equal = near & (lower == upper)  # both sides move, so that it stays one
    low, high = np.where(equal, value, np.minimum(lower, value)), np.where(equal, value, np.maximum(upper, value))
    return np.where(near, low, lower), np.where(near, high, upper)


def _fixed(lower: FloatArray, upper: FloatArray, multiplier: FloatArray, zero: float) -> tuple[FloatArray, FloatArray]:
    at_lower = (multiplier > zero) & np.isfinite(lower)
    at_upper = (multiplier < -zero) & np.isfinite(upper)
    return np.where(at_upper, upper, lower), np.where(at_lower, lower, upper)


@dataclass(frozen=True, eq=False)
class Dual:
    """The dual of an instance, stated as a minimisation, and the way back to multipliers.

    Attributes
    ----------
    instance
        ``min -b'v`` over the dual variables ``v``; its optimal value is minus that of the primal.
    recover
        Sparse map from ``v`` to the multipliers of the primal rows, shape ``(rows, dual variables)``.
    """

    instance: Instance
    recover: sp.csr_array

    def multipliers(self, v: FloatArray) -> FloatArray:
        """Return the multipliers ``y`` of the primal rows for a dual point ``v``."""
        return np.asarray(self.recover @ v)


def dualise(instance: Instance) -> Dual:
    """Make the dual of a linear program.

    Every finite side of a row or column gets a variable (an equality gets one free variable):

        max  sum side_i v_i   s.t.   A'(y) + z = c ,  y and z sums of the signed v_i

    and it is returned as ``min`` of the negative, so that dualising twice gives the primal back.
    """
    m, n = instance.shape
    blocks, costs, lowers = [], [], []
    recover = []
    for identity, lower, upper, is_row in (
        (sp.identity(m, format="csr"), instance.row_lower, instance.row_upper, True),
        (sp.identity(n, format="csr"), instance.col_lower, instance.col_upper, False),
    ):
        equal = (lower == upper) & np.isfinite(lower)
        for pick, side, sign, bound in (
            (np.flatnonzero(equal), lower, 1.0, -INF),
            (np.flatnonzero(~equal & np.isfinite(lower)), lower, 1.0, 0.0),
            (np.flatnonzero(~equal & np.isfinite(upper)), upper, -1.0, 0.0),
        ):
            selector = sp.csr_array(sign * identity[pick, :]).T
            blocks.append(instance.matrix.T @ selector if is_row else selector)
            recover.append(selector if is_row else sp.csr_array((m, pick.size)))
            costs.append(-sign * side[pick])
            lowers.append(np.full(pick.size, bound))
    cost = np.concatenate(costs)
    dual = Instance(
        matrix=sp.csr_array(sp.hstack(blocks, format="csr")),
        cost=cost,
        row_lower=instance.cost.copy(),
        row_upper=instance.cost.copy(),
        col_lower=np.concatenate(lowers),
        col_upper=np.full(cost.size, INF),
    )
    return Dual(dual, sp.csr_array(sp.hstack(recover, format="csr")))
