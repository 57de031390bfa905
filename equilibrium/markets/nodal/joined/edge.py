"""Multipliers at the edge of what has a dispatch: which growing ones count, and how large the others are.

Where a lot's power leaves the last dispatch, the DSO's multipliers grow for ever along a ray ``r`` of their set, and a
price has no end. What counts there is what powers inside come near to
(:mod:`equilibrium.markets.nodal.joined.response`). Inside, ``sum r * slack > 0``, so some side of the ray has slack and
its multiplier is zero; and so it is in the limit. The largest sum of the ray's multipliers with one of them zero bounds
that sum, and a row that says so takes the ray away.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import scipy.sparse as sp

from equilibrium.arrays import BoolArray, FloatArray, IntArray
from equilibrium.deadline import Deadline
from equilibrium.errors import SolverError
from equilibrium.programs.program import INF, Instance
from equilibrium.programs.solvers.choose import optimal_if_feasible
from equilibrium.programs.solvers.highs import HighsHandle

IN_RAY = 1e-9
"""Share of a ray above which a side belongs to it, and growth above which there is a ray."""

MAXIMUM_RAYS, MAXIMUM_PROGRAMS = 500, 20_000
"""Rays that are taken away, and linear programs solved for it, before that is given up."""


@dataclass(eq=False)
class Edge:
    """The set of one lot's multipliers, with rays taken away.

    Attributes
    ----------
    dual
        The program over the multipliers of all sides, as in :mod:`equilibrium.markets.nodal.joined.response`.
    equal
        True for equalities, whose multipliers are free.
    share
        Coefficient of the lot's power of every hour on each side, shape ``(sides, hours)``.
    rays
        Sides of each ray that has been taken away: not all of them have a multiplier at a point that counts.
    """

    dual: Instance
    equal: BoolArray
    share: sp.csr_array
    rays: list[IntArray] = field(default_factory=list)
    seconds: float = 0.0
    _left: int = MAXIMUM_PROGRAMS
    _deadline: Deadline = field(default_factory=Deadline)

    def take_rays_away(self, deadline: Deadline) -> None:
        """Add a row for every ray along which the program grows; where one is not proved in time, add none."""
        self._deadline = deadline
        whole, none = self.dual, np.zeros(self.equal.size, dtype=bool)
        while len(self.rays) < MAXIMUM_RAYS:
            sides = self.ray(none, self.dual.cost)
            if not sides.size:
                return
            member = np.isin(np.arange(self.equal.size), sides).astype(np.float64)
            most = self._most(none, -member, {})
            if most == INF:
                break
            self.rays.append(sides)
            self.dual = self.dual.with_rows(sp.csr_array(member[None, :]), np.array([-INF]), np.array([most]))
        self.dual, self.rays = whole, []

    def violated(self, multipliers: FloatArray) -> IntArray:
        """Return the sides of a ray all of which have a multiplier; none if the point may count."""
        for sides in self.rays:
            if (multipliers[sides] > IN_RAY).all():
                return sides
        return np.zeros(0, dtype=np.int64)

    def ray(self, idle: BoolArray, cost: FloatArray, counting: bool = False) -> IntArray:
        """Return the sides, equalities aside, of a ray along which ``cost`` falls; none where there is none.

        Of all rays with multipliers that sum to one it is the steepest: few sides have a share. With ``counting``, none
        is also what comes back for a ray all of whose sides may have no slack anywhere.
        """
        base = self.dual
        one = sp.csr_array(np.where(self.equal, 0.0, 1.0)[None, :])
        zero = np.zeros(base.row_lower.size)
        instance = Instance(
            matrix=base.matrix,
            cost=cost,
            row_lower=zero,
            row_upper=zero,
            col_lower=base.col_lower,
            col_upper=np.where(idle, 0.0, base.col_upper),
        ).with_rows(one, np.zeros(1), np.ones(1))
        found = self._solve(instance)
        if found is None:
            raise SolverError("the rays of a best response's dual program have no end")
        if cost @ found >= -IN_RAY:
            return np.zeros(0, dtype=np.int64)
        if counting and np.abs(self.share.T @ found).max(initial=0.0) <= IN_RAY and base.cost @ found <= IN_RAY:
            raise _NoSlackError
        return np.flatnonzero((found > IN_RAY) & ~self.equal)

    def _most(self, idle: BoolArray, cost: FloatArray, known: dict[bytes, float]) -> float:
        """Return the largest ``-cost * v`` over the multipliers that can count; infinite where that is not proved.

        ``known`` has what was found with other sides ``idle``: two rays may ask for them in either order.
        """
        key = idle.tobytes()
        if key not in known:
            known[key] = self._searched(idle, cost, known)
        return known[key]

    def _searched(self, idle: BoolArray, cost: FloatArray, known: dict[bytes, float]) -> float:
        try:
            sides = self.ray(idle, cost, counting=True)
        except _NoSlackError:
            return INF
        if not sides.size:
            found = self._solve(replace(self.dual, cost=cost, col_upper=np.where(idle, 0.0, self.dual.col_upper)))
            return -INF if found is None else -float(cost @ found)
        most = -INF
        for side in sides:
            if most == INF or self._left <= 0 or self._deadline.passed:
                return INF
            here = idle.copy()
            here[side] = True
            most = max(most, self._most(here, cost, known))
        return most

    def _solve(self, instance: Instance) -> FloatArray | None:
        """Solve a linear program; ``None`` if it is infeasible."""
        self._left -= 1
        handle = HighsHandle(instance)
        solution = handle.solve()
        self.seconds += solution.seconds
        found = optimal_if_feasible(solution, "a program of multipliers at the edge of a dispatch")
        return None if found is None else found.x


class _NoSlackError(Exception):
    """A ray proves nothing: its sides may all be tight everywhere."""
