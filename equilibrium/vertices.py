"""Vertices of all hours at once: an exact dual simplex and parametric steps on arrays.

A *vertex* is a set of as many tight rows as an hour has variables, with their inverse, point and multipliers. All
hours (of one day or of a thousand) are kept as arrays and pivot together:

* :meth:`Vertices.repair` is the dual simplex: while some row is violated, it enters and a tight row leaves;
* :meth:`Vertices.advance` moves the lots' powers ``p`` along a direction up to the next kink of the cost.

The multipliers price the lots: ``dC/dp = -N' mu``. Every row is looked at in every step, so nothing rests on a choice
of candidate rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from equilibrium.network import FloatArray, IntArray
from equilibrium.periods import PeriodData, PeriodModel
from equilibrium.program import INF

BoolArray = NDArray[np.bool_]

PIVOT = 1e-9
"""Smallest pivot element of a scaled row."""

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
        return -np.asarray(np.einsum("bn,bnc->bc", self.mu, self.model.n[self.active]))

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
        hours = self.given.shape[0]
        done, stuck = np.zeros(hours, dtype=bool), np.zeros(hours, dtype=bool)
        for count in range(MAXIMUM_PIVOTS):
            value = self.values()
            low, high = self.data.lower - value, value - self.data.upper
            excess = np.maximum(low, high) / self.model.tolerance
            np.put_along_axis(excess, self.active, 0.0, axis=1)
            worst = (excess if count < PATIENCE else excess > 1.0).argmax(axis=1)
            amount = np.take_along_axis(excess, worst[:, None], axis=1)[:, 0]
            done = (amount <= 1.0) & ~stuck
            work = np.flatnonzero(~done & ~stuck)
            if not work.size:
                break
            row = worst[work]
            sign = np.where(low[work, row] > high[work, row], 1, -1)
            stuck[work[~self._pivot(work, row, sign, bland=count >= PATIENCE)]] = True
        return done

    def _pivot(self, hours: IntArray, row: IntArray, sign: IntArray, bland: bool = False) -> BoolArray:
        """Let ``row`` enter in each of ``hours``, tight at the side of ``sign``; return where a row could leave.

        Among equal ratios the largest pivot leaves, or by Bland's rule the row with the smallest number.
        """
        inverse, side, mu = self.inverse[hours], self.side[hours], self.mu[hours]
        rho = np.einsum("bn,bnm->bm", self.model.m[row], inverse)
        movement = side * sign[:, None] * rho
        candidate = movement > PIVOT
        ratio = np.where(candidate, np.maximum(side * mu, 0.0) / np.where(candidate, movement, 1.0), INF)
        least = ratio.min(axis=1)
        possible = np.isfinite(least)
        near = ratio <= (least + 1e-12 * (1.0 + np.abs(least)))[:, None]
        preference = -self.active[hours].astype(np.float64) if bland else movement
        leave = np.where(near & candidate, preference, -INF).argmax(axis=1)
        keep = np.flatnonzero(possible)
        hours, row, sign, leave = hours[keep], row[keep], sign[keep], leave[keep]
        rho, inverse, mu, least = rho[keep], inverse[keep], mu[keep], least[keep]
        at = np.arange(keep.size)
        step = sign * least
        mu = mu - step[:, None] * rho
        mu[at, leave] = step
        pivot = rho[at, leave]
        change = rho.copy()
        change[at, leave] -= 1.0
        inverse = inverse - inverse[at, :, leave][:, :, None] * (change / pivot[:, None])[:, None, :]
        equal = self.data.lower[hours, row] == self.data.upper[hours, row]
        self.active[hours, leave] = row
        self.side[hours, leave] = np.where(equal, 0, sign)
        self.inverse[hours], self.mu[hours] = inverse, mu
        self._place(hours)
        return np.asarray(possible)

    def _place(self, hours: IntArray) -> None:
        """Put y where the tight rows meet."""
        active = self.active[hours]
        at_upper = self.side[hours] < 0
        lower = np.take_along_axis(self.data.lower[hours], active, axis=1)
        upper = np.take_along_axis(self.data.upper[hours], active, axis=1)
        right = np.where(at_upper, upper, lower) - np.einsum("bnc,bc->bn", self.model.n[active], self.given[hours])
        self.y[hours] = np.einsum("bnm,bm->bn", self.inverse[hours], right)

    def move(self, given: FloatArray) -> BoolArray:
        """Set p and repair; return where the new point is feasible."""
        self.given = given.copy()
        self._place(np.arange(given.shape[0]))
        return self.repair()

    def refresh(self) -> None:
        """Recompute inverses, points and multipliers from the tight rows, to shed rounding."""
        self.inverse = np.asarray(np.linalg.inv(self.model.m[self.active]), dtype=np.float64)
        self.mu = np.einsum("bn,bnm->bm", self.data.cost, self.inverse)
        self._place(np.arange(self.given.shape[0]))

    def advance(self, lot: int, sign: float, room: FloatArray) -> tuple[FloatArray, FloatArray, BoolArray]:
        """Move one lot's power up to the next kink, at most by ``room``, in every hour that has room.

        Parameters
        ----------
        lot
            Index of the lot.
        sign
            1 to charge more, -1 to charge less.
        room
            Largest movement, kW, shape ``(hours,)``; hours with 0 stay.

        Returns
        -------
        tuple
            Movement (kW) and slope dC/dp on it (currency/kWh), each ``(hours,)``, and True where the movement ended
            because no dispatch exists beyond.
        """
        slope = self.prices()[:, lot]
        length, dead = np.zeros_like(room), np.zeros(room.size, dtype=bool)
        work = np.flatnonzero(room > 0.0)
        if not work.size:
            return length, slope, dead
        column = self.model.n[:, lot]
        dy = -sign * np.einsum("bnm,bm->bn", self.inverse[work], column[self.active[work]])
        dv = dy @ self.model.m.T + sign * column
        np.put_along_axis(dv, self.active[work], 0.0, axis=1)
        value = self.y[work] @ self.model.m.T + self.given[work] @ self.model.n.T
        moving = np.abs(dv) > PIVOT
        limit = np.where(dv > 0.0, self.data.upper[work], self.data.lower[work])
        distance = np.where(moving, (limit - value) / np.where(moving, dv, 1.0), INF)
        distance = np.maximum(distance, 0.0)
        first = distance.min(axis=1)
        near = moving & (distance <= (first + 1e-10 * (1.0 + first))[:, None])
        row = np.where(near, np.abs(dv), -1.0).argmax(axis=1)
        ends = first >= room[work]
        step = np.where(ends, room[work], first)
        length[work] = step
        self.given[work, lot] += sign * step
        self.y[work] += step[:, None] * dy
        kink = np.flatnonzero(~ends)
        if kink.size:
            direction = np.where(dv[kink, row[kink]] > 0.0, -1, 1)
            dead[work[kink]] = ~self._pivot(work[kink], row[kink], direction)
        return length, slope, dead


def start(model: PeriodModel, data: PeriodData, given: FloatArray) -> tuple[Vertices, BoolArray]:
    """Solve every hour from nothing: all variables at the bound that their cost prefers, then the dual simplex.

    Returns
    -------
    tuple
        The vertices, and True where an hour has a dispatch.
    """
    hours, n = data.cost.shape
    upper = data.cost < 0.0
    vertices = Vertices(
        model,
        data,
        given.copy(),
        active=np.tile(np.arange(n), (hours, 1)),
        side=np.where(upper, -1, 1),
        inverse=np.tile(np.eye(n), (hours, 1, 1)),
        mu=data.cost.copy(),
        y=np.zeros((hours, n)),
    )
    fixed = data.lower[:, :n] == data.upper[:, :n]
    vertices.side[fixed] = 0
    return vertices, vertices.move(given)
