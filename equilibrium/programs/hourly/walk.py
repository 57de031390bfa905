"""Ways through the hours along directions of the lots' powers, from kink to kink of the operator's cost.

Every row is looked at in every step. What is left to each of its limits is known at the start and falls with a constant
speed up to the next kink, so no step computes a row's value anew.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from equilibrium.arrays import BoolArray, FloatArray, IntArray
from equilibrium.programs.hourly.periods import PeriodData, PeriodModel, Sides
from equilibrium.programs.hourly.vertices import PIVOT, Vertices, exchanged, leaving, matvec, vecmat
from equilibrium.programs.program import INF

TIE = 1e-10
"""Distances that differ by less, relative to ``1 + distance``, are met at once: the fastest row enters."""

NOTHING = 1e-280
"""What is left to a limit that is met: so small that any speed uses it up at once."""


@dataclass(eq=False)
class Walk:
    """Ways that are under way, each in one hour and one direction; made by :func:`walk`.

    Attributes
    ----------
    rows_given, sides_given
        How fast the lots' powers alone move rows and sides, shapes ``(ways, rows)`` and ``(ways, sides)``.
    gap
        What is left to every side, at least :data:`NOTHING`, shape ``(ways, sides)``.
    hour
        The hour of each way, shape ``(ways,)``.
    active, side, inverse, mu
        As in :class:`equilibrium.programs.hourly.vertices.Vertices`, one row for each way.
    """

    model: PeriodModel
    data: PeriodData
    sides: Sides
    hour: IntArray
    rows_given: FloatArray
    sides_given: FloatArray
    gap: FloatArray
    active: IntArray
    side: IntArray
    inverse: FloatArray
    mu: FloatArray

    def prices(self) -> FloatArray:
        """Return dC/dp of all lots on the next piece of each way, currency/kWh, shape ``(ways, given)``."""
        return -vecmat(self.mu, self.model.n[self.active])

    def advance(self, room: FloatArray) -> tuple[FloatArray, BoolArray]:
        """Go on to the next kink, at most by ``room``, and take the vertex beyond it.

        Parameters
        ----------
        room
            Largest length, shape ``(ways,)``.

        Returns
        -------
        tuple
            Length, and True for the ways that go on: there is room, and a dispatch beyond. The others are left out from
            now on.
        """
        at = np.arange(room.size)[:, None]
        dy = -matvec(self.inverse, self.rows_given[at, self.active])
        speed = dy @ self.sides.matrix[: dy.shape[1]] + self.sides_given
        speed[at, self.sides.upper[self.active]] = 0.0
        speed[at, self.sides.lower[self.active]] = 0.0
        rate = speed * (speed > PIVOT) / self.gap  # how much of what is left a unit of length takes
        fastest = rate.max(axis=1)
        first = np.full(room.size, INF)
        np.divide(1.0, fastest, out=first, where=fastest > 0.0)
        on = first < room
        length = np.where(on, first, room)
        if not on.any():
            return length, on
        near = rate >= (1.0 / (first + TIE * (1.0 + first)))[:, None]
        single = np.count_nonzero(near) == room.size
        entering = (near if single else np.where(near, speed, -1.0)).argmax(axis=1)
        self.gap = np.maximum(self.gap - length[:, None] * speed, NOTHING)
        if not on.all():
            self._keep(np.flatnonzero(on))
        on[on] = self._pivot(entering[on])
        return length, on

    def _keep(self, ways: IntArray) -> None:
        for name in ("hour", "rows_given", "sides_given", "gap", "active", "side", "inverse", "mu"):
            setattr(self, name, getattr(self, name)[ways])

    def _pivot(self, entering: IntArray) -> BoolArray:
        """Let a row enter at the side that was met; keep, and return, the ways on which another could leave."""
        row, sign = self.sides.row[entering], -self.sides.sign[entering]
        rho = vecmat(self.model.m[row], self.inverse)
        leave, least = leaving(rho, self.side, self.mu, sign)
        possible = np.isfinite(least)
        if not possible.all():
            keep = np.flatnonzero(possible)
            self._keep(keep)
            row, sign, rho, leave, least = row[keep], sign[keep], rho[keep], leave[keep], least[keep]
        at = np.arange(row.size)
        self.inverse, self.mu = exchanged(self.inverse, self.mu, rho, leave, sign * least)
        self.active[at, leave] = row
        self.side[at, leave] = np.where(self.data.equal[self.hour, row], 0, sign)
        return possible


def walk(
    vertices: Vertices, hour: IntArray, direction: FloatArray, sides: Sides | None = None, gap: FloatArray | None = None
) -> Walk:
    """Begin ways at the vertices of ``hour``, which may name an hour more than once.

    Parameters
    ----------
    direction
        Of each way, shape ``(ways, given)``.
    sides, gap
        The limits to look at and what is left to them, shape ``(hours, sides)``; all of them by default.
    """
    model = vertices.model
    if sides is None or gap is None:
        sides, gap = model.sides, model.sides.gap(vertices.values(), vertices.data)
    return Walk(
        model,
        vertices.data,
        sides,
        hour=hour,
        rows_given=direction @ model.n.T,
        sides_given=direction @ sides.matrix[model.variables :],
        gap=np.maximum(gap, NOTHING)[hour],
        active=vertices.active[hour],
        side=vertices.side[hour],
        inverse=vertices.inverse[hour],
        mu=vertices.mu[hour],
    )
