"""Nearest points of polyhedra, many at once: what makes an answer unique where a linear program leaves a choice.

    min |x - target|^2    s.t.    lower <= A x <= upper ,   low <= x <= high

The objective is strictly convex, so there is one answer, whatever way led to it. The dual active-set method of Goldfarb
and Idnani (*Math. Programming* 27, 1983) finds it: begin where only the bounds of x count; while a row is violated let
it in, and put out the rows whose multiplier would change its sign. The distance rises with every row that has come in,
so this ends. All problems share A and move together; of its rows only those that were ever violated are looked at.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from scipy.linalg import null_space

from equilibrium.arrays import BoolArray, FloatArray, IntArray
from equilibrium.errors import SolverError
from equilibrium.programs.program import FEASIBILITY, INF, Instance

IN_SPAN = 1e-11
"""Squared share of a row outside the span of the tight ones below which it depends on them."""

ROUNDING = 1e3
"""Violation, in tolerances, up to which a row that depends on the tight ones counts as met: what limits are known to.

The rows that hold a point may be more than its dimensions. Each limit has its own rounding, so they meet nearly.
"""

NO_SHARE = 1e-12
"""Share of a tight row in an entering one up to which its multiplier does not fall: rounding."""

FREEDOM = 1e-9
"""Singular value below which a direction is none: rows that hold a face are known to rounding."""

STEPS = 50
"""Steps per variable after which the search is given up."""


@dataclass(frozen=True, eq=False)
class Polyhedra:
    """Polyhedra that share their rows.

    Attributes
    ----------
    matrix
        A, shape ``(rows, variables)``, dense or CSR.
    lower, upper
        Shape ``(problems, rows)``; absent sides are infinite.
    tolerance
        Violation of a row that counts as none, shape ``(rows,)``.
    low, high
        Bounds of the variables, shape ``(problems, variables)``; equal ones fix a variable.
    """

    matrix: FloatArray | sp.csr_array
    lower: FloatArray
    upper: FloatArray
    tolerance: FloatArray
    low: FloatArray
    high: FloatArray

    def nearest(self, target: FloatArray) -> FloatArray:
        """Return the point of each polyhedron that is nearest to its row of ``target``.

        Parameters
        ----------
        target
            Shape ``(problems, variables)``, like the answer.

        Raises
        ------
        SolverError
            When a polyhedron is empty.
        """
        x = np.minimum(np.maximum(target, self.low), self.high)
        violated = self._violated(x, slice(None))
        work = np.flatnonzero(violated.any(axis=1))
        if not work.size:
            return x
        search = _Search(x[work], target[work], self.low[work], self.high[work])
        known = np.zeros(self.tolerance.size, dtype=bool)
        while violated.any():
            rows = np.flatnonzero(violated.any(axis=0) & ~known)
            if not rows.size:
                break  # what is violated depends on tight rows
            known[rows] = True
            picked: Any = self.matrix[rows]
            dense = np.asarray(picked.toarray() if sp.issparse(picked) else picked, dtype=np.float64)
            sides = np.ix_(work, rows)
            search.know(dense, self.lower[sides], self.upper[sides], self.tolerance[rows])
            search.run()
            violated = self._violated(search.x, work)
        x[work] = search.x
        return x

    def _violated(self, x: FloatArray, problems: IntArray | slice) -> BoolArray:
        """Return which rows of some problems are violated, shape ``(problems, rows)``."""
        value = np.asarray((self.matrix @ x.T).T)
        below = value < self.lower[problems] - self.tolerance
        return np.asarray(below | (value > self.upper[problems] + self.tolerance))


def nearest_on_face(
    face: Instance, x: FloatArray, columns: IntArray, scale: FloatArray, ideal: FloatArray
) -> FloatArray:
    """Return the point of a face at which some columns are nearest to their ideals.

    For programs of which only a few columns are free on the face, whatever else follows from them.

    Parameters
    ----------
    face
        An instance whose feasible set is the optimal face (:func:`equilibrium.programs.duality.optimal_face`).
    x
        One of its points.
    columns, scale, ideal
        The columns, the unit of length of each, and where they would rather stand, all of the same shape ``(count,)``.
    """
    held = face.row_lower == face.row_upper
    loose = np.flatnonzero(face.col_lower < face.col_upper)
    dense = face.matrix[:, loose].toarray()
    ways = null_space(dense[held], rcond=FREEDOM) if held.any() else np.eye(loose.size)
    seen = (loose[None, :] == columns[:, None]) @ ways / scale[:, None]
    left, size, right = np.linalg.svd(seen, full_matrices=False)
    real = size > FREEDOM
    if not real.any():
        return x
    ways = ways @ right[real].T / size[real]  # each moves the columns by a unit of length, at right angles
    target = left[:, real].T @ ((ideal - x[columns]) / scale)
    value, at = face.matrix @ x, x[loose]
    matrix = np.concatenate([ways, dense[~held] @ ways])
    lower = np.concatenate([face.col_lower[loose] - at, (face.row_lower - value)[~held]])
    upper = np.concatenate([face.col_upper[loose] - at, (face.row_upper - value)[~held]])
    tolerance = FEASIBILITY * (1.0 + np.concatenate([np.abs(at), np.abs(value[~held])]))
    free = np.full((1, target.size), INF)
    moved = Polyhedra(matrix, lower[None], upper[None], tolerance, -free, free).nearest(target[None])[0]
    answer = x.copy()
    answer[loose] += ways @ moved
    return answer


class _Search:
    """The way of some problems to their nearest points; arrays have the problem as first axis.

    A point is ``target + normal' multiplier`` in the variables that are free: ``normal`` are the tight rows, turned so
    that they point inside, one for each place (0 where a place is not taken), ``limit`` their limits, ``inverse`` the
    inverse of their products with each other, with ones on the diagonal of places that are not taken. ``entering`` is
    the row on its way in (-1 for none), with its sign and its multiplier so far.
    """

    def __init__(self, x: FloatArray, target: FloatArray, low: FloatArray, high: FloatArray) -> None:
        count, n = x.shape
        self.x, self._free = x, (low < high).astype(np.float64)
        self._rows, self._lower, self._upper = np.eye(n), low, high
        self._tolerance = FEASIBILITY * (1.0 + np.abs(x))
        self._taken = (x != target) & (low < high)
        side = np.where(x > target, 1.0, -1.0) * self._taken
        self._normal, self._inverse = side[:, :, None] * np.eye(n), np.tile(np.eye(n), (count, 1, 1))
        self._limit, self._multiplier = side * x, np.abs(target - x) * self._taken
        self._met = np.zeros((count, n), dtype=bool)
        self._entering, self._sign, self._weight = np.full(count, -1), np.zeros(count), np.zeros(count)
        self._done = np.zeros(count, dtype=bool)

    def know(self, rows: FloatArray, lower: FloatArray, upper: FloatArray, tolerance: FloatArray) -> None:
        """Look at more rows from now on."""
        count = self.x.shape[0]
        self._rows = np.concatenate([self._rows, rows])
        self._lower = np.concatenate([self._lower, lower], axis=1)
        self._upper = np.concatenate([self._upper, upper], axis=1)
        wide = np.broadcast_to(tolerance, (count, tolerance.size))
        self._tolerance = np.concatenate([self._tolerance, wide], axis=1)
        self._met = np.concatenate([self._met, np.zeros((count, tolerance.size), dtype=bool)], axis=1)
        self._done[:] = False

    def run(self) -> None:
        """Go to the nearest points in which the rows that are known hold."""
        for _ in range(STEPS * (1 + self.x.shape[1])):
            self._choose()
            work = np.flatnonzero(self._entering >= 0)
            if not work.size:
                return
            self._step(work)
        raise SolverError("the nearest point was not found: the rows that hold it change again and again")

    def _choose(self) -> None:
        """Let the most violated row of every problem begin to enter, where none is under way."""
        idle = np.flatnonzero((self._entering < 0) & ~self._done)
        if not idle.size:
            return
        value = self.x[idle] @ self._rows.T
        low, high = self._lower[idle] - value, value - self._upper[idle]
        excess = np.maximum(low, high) / self._tolerance[idle]
        excess[self._met[idle]] = 0.0
        row, at = excess.argmax(axis=1), np.arange(idle.size)
        found = excess[at, row] > 1.0
        self._entering[idle] = np.where(found, row, -1)
        self._sign[idle] = np.where(low[at, row] > high[at, row], 1.0, -1.0)
        self._weight[idle] = 0.0
        self._done[idle] = ~found

    def _step(self, work: IntArray) -> None:
        """Move some problems towards their entering rows, as far as the multipliers of the tight rows allow."""
        row, sign, x, normal = self._entering[work], self._sign[work], self.x[work], self._normal[work]
        whole = sign[:, None] * self._rows[row]
        inward = whole * self._free[work]
        limit = np.where(sign > 0.0, self._lower[work, row], -self._upper[work, row])
        missing = limit - (whole * x).sum(axis=1)
        share = (self._inverse[work] @ (normal @ inward[:, :, None]))[:, :, 0]  # of the tight rows in the entering one
        out = inward - (share[:, None, :] @ normal)[:, 0, :]
        square = (out * out).sum(axis=1)
        independent = square > IN_SPAN * (inward * inward).sum(axis=1)
        full = np.where(independent, missing / np.where(independent, square, 1.0), INF)
        falls = (share > NO_SHARE) & self._taken[work]
        ratio = np.where(falls, self._multiplier[work] / np.where(falls, share, 1.0), INF)
        place = ratio.argmin(axis=1)
        partial = ratio[np.arange(work.size), place]
        enters, stuck = full <= partial, ~independent & (partial == INF)
        if stuck.any():
            self._accept(work[stuck], row[stuck], missing[stuck])
            enters &= ~stuck
        length = np.where(stuck, 0.0, np.minimum(full, partial))[:, None]
        self.x[work] = x + np.where(independent[:, None], length * out, 0.0)
        self._multiplier[work] = np.maximum(self._multiplier[work] - length * share, 0.0)
        self._weight[work] += length[:, 0]
        if enters.any():
            limit -= ((whole - inward) * x).sum(axis=1)
            self._enter(work[enters], inward[enters], limit[enters], share[enters], square[enters])
        leaves = ~enters & ~stuck
        if leaves.any():
            self._leave(work[leaves], place[leaves])

    def _accept(self, problem: IntArray, row: IntArray, missing: FloatArray) -> None:
        """Take rows that can no more be met as met, if only rounding is missing; else there is no point."""
        if (missing > ROUNDING * self._tolerance[problem, row]).any():
            raise SolverError("there is no nearest point: the limits exclude each other")
        self._met[problem, row] = True
        self._entering[problem] = -1

    def _enter(
        self, problem: IntArray, inward: FloatArray, limit: FloatArray, share: FloatArray, square: FloatArray
    ) -> None:
        """Give the entering rows a place, and put the points where all tight rows meet."""
        place, at = self._taken[problem].argmin(axis=1), np.arange(problem.size)
        change = share.copy()
        change[at, place] = -1.0
        inverse = self._inverse[problem]
        inverse[at, place, place] = 0.0
        inverse += change[:, :, None] * (change / square[:, None])[:, None, :]
        self._taken[problem, place], self._normal[problem, place] = True, inward
        self._limit[problem, place], self._multiplier[problem, place] = limit, self._weight[problem]
        self._inverse[problem], self._entering[problem] = inverse, -1
        normal, x = self._normal[problem], self.x[problem]
        missing = self._limit[problem] - (normal @ x[:, :, None])[:, :, 0]  # sheds the rounding of the steps
        lift = (inverse @ missing[:, :, None])[:, :, 0]
        self.x[problem] = x + (lift[:, None, :] @ normal)[:, 0, :]

    def _leave(self, problem: IntArray, place: IntArray) -> None:
        """Free the places of rows whose multiplier has come to nothing."""
        at, inverse = np.arange(problem.size), self._inverse[problem]
        column = inverse[at, :, place]
        inverse -= column[:, :, None] * (column / column[at, place][:, None])[:, None, :]
        inverse[at, :, place], inverse[at, place, :] = 0.0, 0.0
        inverse[at, place, place] = 1.0
        self._inverse[problem] = inverse
        self._taken[problem, place] = False
        self._normal[problem, place], self._limit[problem, place], self._multiplier[problem, place] = 0.0, 0.0, 0.0
