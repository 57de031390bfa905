"""Vertices of all hours at once: an exact dual simplex and parametric steps on arrays.

A *vertex* is a set of as many tight rows as an hour has variables, with their inverse, point and multipliers. All
hours (of one day or of a thousand) are kept as arrays and pivot together:

* :meth:`Vertices.repair` is the dual simplex: while some row is violated, it enters and a tight row leaves;
* :mod:`equilibrium.programs.hourly.walk` moves the lots' powers ``p`` along a direction, from kink to kink of the cost.

The multipliers price the lots: ``dC/dp = -N' mu``. Every row is looked at in every step, so nothing rests on a choice
of candidate rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from equilibrium.arrays import BoolArray, FloatArray, IntArray
from equilibrium.programs.hourly.periods import PeriodData, PeriodModel
from equilibrium.programs.program import INF

PIVOT = 1e-9
"""Smallest pivot element of a scaled row."""

SAME_RATIO = 1e-12
"""Ratios that differ by less, relative to ``1 + ratio``, are a tie, in which the largest pivot is taken."""

NO_PRICE = 1e-12
"""Multiplier (currency per kW or the like) that is rounding: its row may be tight at either side."""

MAXIMUM_PIVOTS = 3000

PATIENCE = 80
"""Pivots after which Bland's rule takes over: without costs every ratio ties, and a row may come back for ever."""


@dataclass(eq=False)
class Vertices:
    """One vertex per hour; all arrays have the hour as first axis. Made by :func:`start`.

    Attributes
    ----------
    given
        p, shape ``(hours, given)``.
    active
        Tight rows, shape ``(hours, variables)``.
    side
        Which side each of them is tight at: 1 lower, -1 upper, 0 both (an equality), same shape.
    inverse
        Inverse of the matrix of tight rows, shape ``(hours, variables, variables)``.
    mu
        Multipliers of the tight rows, shape ``(hours, variables)``.
    y
        Dispatch, shape ``(hours, variables)``.
    """

    model: PeriodModel
    data: PeriodData
    given: FloatArray
    active: IntArray
    side: IntArray
    inverse: FloatArray
    mu: FloatArray
    y: FloatArray

    def copy(self) -> Vertices:
        """Return an independent copy of the state; model and data are shared."""
        return Vertices(
            self.model,
            self.data,
            given=self.given.copy(),
            active=self.active.copy(),
            side=self.side.copy(),
            inverse=self.inverse.copy(),
            mu=self.mu.copy(),
            y=self.y.copy(),
        )

    def at(self, hours: IntArray) -> Vertices:
        """Return some of the hours as a state of their own."""
        return Vertices(
            self.model,
            self.data.at(hours),
            given=self.given[hours],
            active=self.active[hours],
            side=self.side[hours],
            inverse=self.inverse[hours],
            mu=self.mu[hours],
            y=self.y[hours],
        )

    def put(self, hours: IntArray, part: Vertices) -> None:
        """Write some hours back."""
        for name in ("given", "active", "side", "inverse", "mu", "y"):
            getattr(self, name)[hours] = getattr(part, name)

    def take(self, other: Vertices) -> None:
        """Become what ``other`` is."""
        self.given, self.active, self.side = other.given, other.active, other.side
        self.inverse, self.mu, self.y = other.inverse, other.mu, other.y

    @property
    def cost(self) -> FloatArray:
        """C_t(p_t), shape ``(hours,)``."""
        return np.asarray(np.einsum("bn,bn->b", self.data.cost, self.y))

    def prices(self) -> FloatArray:
        """Return dC/dp at this vertex, shape ``(hours, given)``; at a kink, one of many."""
        return -vecmat(self.mu, self.model.n[self.active])

    def values(self) -> FloatArray:
        """Return ``M y + N p``, shape ``(hours, rows)``."""
        return self.y @ self.model.m.T + self.given @ self.model.n.T

    def repair(self) -> BoolArray:
        """Pivot until no row is violated.

        Returns
        -------
        BoolArray
            True in the hours that are solved; an hour that stays False is infeasible (or was given up after
            :data:`MAXIMUM_PIVOTS` pivots).
        """
        count = self.given.shape[0]
        done, work = np.zeros(count, dtype=bool), np.arange(count)
        lower, upper = self._limits()
        for pivots in range(MAXIMUM_PIVOTS):
            value, at = self.y[work] @ self.model.m.T, np.arange(work.size)
            low, high = lower[work] - value, value - upper[work]
            excess = np.maximum(low, high) / self.model.tolerance
            excess[at[:, None], self.active[work]] = 0.0
            worst = (excess if pivots < PATIENCE else excess > 1.0).argmax(axis=1)
            bad = excess[at, worst] > 1.0
            done[work[~bad]] = True
            if not bad.any():
                break
            work, row = work[bad], worst[bad]
            sign = np.where(low[bad, row] > high[bad, row], 1, -1)
            work = work[self._pivot(work, row, sign, bland=pivots >= PATIENCE)]
            self._place(work, lower, upper)
        return done

    def _limits(self) -> tuple[FloatArray, FloatArray]:
        """Return the rows' limits less the share of p, each of shape ``(hours, rows)``."""
        share = self.given @ self.model.n.T
        return self.data.lower - share, self.data.upper - share

    def _pivot(self, hours: IntArray, row: IntArray, sign: IntArray, bland: bool = False) -> BoolArray:
        """Let ``row`` enter in each of ``hours``, tight at the side of ``sign``; return where a row could leave.

        Among equal ratios the largest pivot leaves, or by Bland's rule the row with the smallest number.
        """
        inverse, side, mu = self.inverse[hours], self.side[hours], self.mu[hours]
        rho = vecmat(self.model.m[row], inverse)
        leave, least = leaving(rho, side, mu, sign, self.active[hours] if bland else None)
        possible = np.isfinite(least)
        if not possible.all():
            keep = np.flatnonzero(possible)
            hours, row, sign, leave, least = hours[keep], row[keep], sign[keep], leave[keep], least[keep]
            rho, inverse, mu = rho[keep], inverse[keep], mu[keep]
        self.inverse[hours], self.mu[hours] = exchanged(inverse, mu, rho, leave, sign * least)
        self.active[hours, leave] = row
        self.side[hours, leave] = np.where(self.data.equal[hours, row], 0, sign)
        return possible

    def _place(self, hours: IntArray, lower: FloatArray, upper: FloatArray) -> None:
        """Put y where the tight rows meet; the limits are those of :meth:`_limits`."""
        active, at = self.active[hours], hours[:, None]
        right = np.where(self.side[hours] < 0, upper[at, active], lower[at, active])
        self.y[hours] = matvec(self.inverse[hours], right)

    def move(self, given: FloatArray) -> BoolArray:
        """Set p and repair; return where the new point is feasible."""
        self.given = given.copy()
        self._place(np.arange(given.shape[0]), *self._limits())
        return self.repair()

    def follow(self, given: FloatArray) -> bool:
        """Set p from a point where every hour is solved; return whether the new one is feasible in every hour.

        Only hours in which p changes are looked at.
        """
        moved = np.flatnonzero((given != self.given).any(axis=1))
        part = self.at(moved)
        done = part.move(given[moved])
        self.put(moved, part)
        return bool(done.all())

    def refresh(self) -> None:
        """Recompute inverses, points and multipliers from the tight rows, to shed rounding."""
        self.inverse = np.asarray(np.linalg.inv(self.model.m[self.active]), dtype=np.float64)
        self.mu = vecmat(self.data.cost, self.inverse)
        self._place(np.arange(self.given.shape[0]), *self._limits())


def matvec(matrix: FloatArray, vector: FloatArray) -> FloatArray:
    """Multiply one matrix with one vector in every hour."""
    return np.asarray((matrix @ vector[:, :, None])[:, :, 0])


def vecmat(vector: FloatArray, matrix: FloatArray) -> FloatArray:
    """Multiply one vector with one matrix in every hour."""
    return np.asarray((vector[:, None, :] @ matrix)[:, 0, :])


def leaving(
    rho: FloatArray, side: IntArray, mu: FloatArray, sign: IntArray, bland: IntArray | None = None
) -> tuple[IntArray, FloatArray]:
    """Return which tight row leaves when a row ``rho`` (in terms of the tight ones) enters, and at what multiplier.

    Among equal ratios the largest pivot leaves, or by Bland's rule, given the tight rows, the one with the smallest
    number. The multiplier is infinite where none can leave.
    """
    movement = side * sign[:, None] * rho
    candidate = movement > PIVOT
    ratio = np.full(movement.shape, INF)
    np.divide(np.maximum(side * mu, 0.0), movement, out=ratio, where=candidate)
    least = ratio.min(axis=1)
    near = candidate & (ratio <= (least + SAME_RATIO * (1.0 + least))[:, None])
    return np.where(near, movement if bland is None else -bland, -INF).argmax(axis=1), least


def exchanged(
    inverse: FloatArray, mu: FloatArray, rho: FloatArray, leave: IntArray, step: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return inverse and multipliers after row ``rho`` has taken the place ``leave`` with the multiplier ``step``."""
    at = np.arange(leave.size)
    mu = mu - step[:, None] * rho
    mu[at, leave] = step
    change = rho / rho[at, leave][:, None]
    column = inverse[at, :, leave]
    inverse = inverse - column[:, :, None] * change[:, None, :]
    inverse[at, :, leave] = column / rho[at, leave][:, None]
    return inverse, mu


def _likeliest(model: PeriodModel, data: PeriodData, given: FloatArray, known: Vertices) -> tuple[IntArray, IntArray]:
    """Return which of the known vertices have the largest dual objective, and the hours in which any has one.

    It has one where every multiplier that today's costs give its tight rows finds a finite limit.
    """
    share = given @ model.n.T
    lower, upper = (data.lower - share)[:, known.active], (data.upper - share)[:, known.active]
    priced = np.swapaxes(data.cost @ known.inverse, 0, 1)
    below, above = lower > -INF, upper < INF
    finds = (above & (priced <= NO_PRICE)) | (below & (priced >= -NO_PRICE)) | data.equal[:, known.active]
    limit = np.where(above & ((priced < 0.0) | ~below), upper, lower)
    worth = np.where(finds.all(axis=2), (priced * np.where(np.isfinite(limit), limit, 0.0)).sum(axis=2), -INF)
    keep = np.flatnonzero(worth.max(axis=1) > -INF)
    return worth.argmax(axis=1)[keep], keep


def start(
    model: PeriodModel, data: PeriodData, given: FloatArray, known: Vertices | None = None
) -> tuple[Vertices, BoolArray]:
    """Solve every hour by the dual simplex, from nothing or from another day's vertices.

    From nothing, all variables are at the bound that their cost prefers. Instead every hour takes the tight rows of the
    one among all ``known`` that has the largest dual objective, where today's costs make any dual feasible.

    Returns
    -------
    tuple
        The vertices, and True where an hour has a dispatch.
    """
    hours, n = data.cost.shape
    active, inverse, mu = np.tile(np.arange(n), (hours, 1)), np.tile(np.eye(n), (hours, 1, 1)), data.cost.copy()
    side = np.where(mu < 0.0, -1, 1)
    if known is not None:
        which, keep = _likeliest(model, data, given, known)
        active[keep], inverse[keep] = known.active[which], known.inverse[which]
        mu[keep] = vecmat(data.cost[keep], inverse[keep])
        at = keep[:, None], active[keep]
        lower, upper = data.lower[at] > -INF, data.upper[at] < INF
        side[keep] = np.where(upper & ((mu[keep] < 0.0) | ~lower), -1, 1)
    side[np.take_along_axis(data.equal, active, axis=1)] = 0
    vertices = Vertices(model, data, given.copy(), active, side, inverse, mu, y=np.zeros((hours, n)))
    return vertices, vertices.move(given)
