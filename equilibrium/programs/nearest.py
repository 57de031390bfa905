"""Nearest points of polyhedra, many at once: what makes an answer unique where a linear program leaves a choice.

    min |x - target|^2    s.t.    lower <= A x <= upper

The objective is strictly convex, so there is one answer, whatever way led to it. The dual active-set method of Goldfarb
and Idnani (*Math. Programming* 27, 1983) finds it: begin at the target; while a row is violated let it in, and put out
the rows whose multiplier would change its sign. The distance rises with every row that has come in, so this ends. All
problems share A and move together.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import scipy.sparse as sp

from equilibrium.arrays import BoolArray, FloatArray, IntArray
from equilibrium.errors import SolverError
from equilibrium.programs.program import INF

DEPENDENT = 1e-11
"""Squared share of a row outside the span of the tight ones below which it depends on them."""

ROUNDING = 1e3
"""Violation, in tolerances, up to which a row that depends on the tight ones counts as met: what limits are known to.

The rows that hold a point may be more than its dimensions. Each limit has its own rounding, so they meet nearly.
"""

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
    """

    matrix: FloatArray | sp.csr_array
    lower: FloatArray
    upper: FloatArray
    tolerance: FloatArray

    def excess(self, x: FloatArray) -> FloatArray:
        """Return by how much rows are violated, in tolerances, shape ``(problems, rows)``; negative where they hold."""
        value = np.asarray((self.matrix @ x.T).T)
        return np.asarray(np.maximum(self.lower - value, value - self.upper) / self.tolerance)

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
        x = target.copy()
        work = np.flatnonzero((self.excess(x) > 1.0).any(axis=1))
        if work.size:
            x[work] = _Search(self.at(work), x[work]).run()
        return x

    def at(self, problems: IntArray) -> Polyhedra:
        """Return some of the polyhedra."""
        return Polyhedra(self.matrix, self.lower[problems], self.upper[problems], self.tolerance)

    def rows(self, rows: IntArray) -> FloatArray:
        """Return rows of A as a dense array."""
        picked = self.matrix[rows]
        return np.asarray(picked.toarray() if sp.issparse(picked) else picked, dtype=np.float64)


@dataclass(eq=False)
class _Search:
    """The way of all problems to their nearest points; arrays have the problem as first axis.

    A point is ``target + normal' multiplier``: ``normal`` are the tight rows, turned so that they point inside, one for
    each place (0 where a place is free), ``limit`` their limits, ``inverse`` the inverse of their products with each
    other, with ones on the diagonal of free places. ``entering`` is the row on its way in (-1 for none), with its sign
    and its multiplier so far.
    """

    of: Polyhedra
    target: FloatArray
    x: FloatArray = field(init=False)
    taken: BoolArray = field(init=False)
    normal: FloatArray = field(init=False)
    limit: FloatArray = field(init=False)
    inverse: FloatArray = field(init=False)
    multiplier: FloatArray = field(init=False)
    met: BoolArray = field(init=False)
    entering: IntArray = field(init=False)
    sign: FloatArray = field(init=False)
    weight: FloatArray = field(init=False)

    def __post_init__(self) -> None:
        count, n = self.target.shape
        self.x = self.target.copy()
        self.taken, self.limit, self.multiplier = (np.zeros((count, n), dtype=kind) for kind in (bool, float, float))
        self.normal, self.inverse = np.zeros((count, n, n)), np.tile(np.eye(n), (count, 1, 1))
        self.met = np.zeros((count, self.of.tolerance.size), dtype=bool)
        self.entering, self.sign, self.weight = np.full(count, -1), np.zeros(count), np.zeros(count)

    def run(self) -> FloatArray:
        """Return the nearest points."""
        for _ in range(STEPS * (1 + self.target.shape[1])):
            self._choose()
            work = np.flatnonzero(self.entering >= 0)
            if not work.size:
                return self.x
            self._step(work)
        raise SolverError("the nearest point was not found: the rows that hold it change again and again")

    def _choose(self) -> None:
        """Let the most violated row of every problem begin to enter, where none is under way."""
        idle = np.flatnonzero(self.entering < 0)
        part = self.of if idle.size == self.entering.size else self.of.at(idle)
        value = np.asarray((self.of.matrix @ self.x[idle].T).T)
        low, high = part.lower - value, value - part.upper
        excess = np.where(self.met[idle], 0.0, np.maximum(low, high) / self.of.tolerance)
        row = excess.argmax(axis=1)
        at = np.arange(idle.size)
        found = excess[at, row] > 1.0
        sign = np.where(low[at, row] > high[at, row], 1.0, -1.0)
        self.entering[idle] = np.where(found, row, -1)
        self.sign[idle], self.weight[idle] = sign, 0.0

    def _step(self, work: IntArray) -> None:
        """Move some problems towards their entering rows, as far as the multipliers of the tight rows allow."""
        row, sign = self.entering[work], self.sign[work]
        normal, inverse, x = self.normal[work], self.inverse[work], self.x[work]
        inward = sign[:, None] * self.of.rows(row)
        limit = np.where(sign > 0.0, self.of.lower[work, row], -self.of.upper[work, row])
        share = (inverse @ (normal @ inward[:, :, None]))[:, :, 0]  # of the tight rows in the entering one
        out = inward - (share[:, None, :] @ normal)[:, 0, :]
        square = (out * out).sum(axis=1)
        independent = square > DEPENDENT * (inward * inward).sum(axis=1)
        missing = limit - (inward * x).sum(axis=1)
        full = np.full(work.size, INF)
        np.divide(missing, square, out=full, where=independent)
        ratio = np.full(share.shape, INF)
        falls = share > 1e-12
        np.divide(self.multiplier[work], share, out=ratio, where=falls & self.taken[work])
        place = ratio.argmin(axis=1)
        partial = ratio[np.arange(work.size), place]
        length = np.minimum(full, partial)
        stuck = ~np.isfinite(length)
        if stuck.any():
            self._accept(work[stuck], row[stuck], missing[stuck])
            return
        self.x[work] = np.where(independent[:, None], x + length[:, None] * out, x)
        self.multiplier[work] = np.maximum(self.multiplier[work] - length[:, None] * share, 0.0)
        self.weight[work] += length
        enters = full <= partial
        if enters.any():
            self._enter(work[enters], inward[enters], limit[enters], share[enters], square[enters])
        if not enters.all():
            self._leave(work[~enters], place[~enters])

    def _accept(self, problem: IntArray, row: IntArray, missing: FloatArray) -> None:
        """Take rows that can no more be met as met, if only rounding is missing; else there is no point."""
        if (missing > ROUNDING * self.of.tolerance[row]).any():
            raise SolverError("there is no nearest point: the limits exclude each other")
        self.met[problem, row] = True
        self.entering[problem] = -1

    def _enter(
        self, problem: IntArray, inward: FloatArray, limit: FloatArray, share: FloatArray, square: FloatArray
    ) -> None:
        """Give the entering rows free places, and put the points where all tight rows meet."""
        place = self.taken[problem].argmin(axis=1)
        at = np.arange(problem.size)
        change = share.copy()
        change[at, place] = -1.0
        self.inverse[problem, place, place] = 0.0
        self.inverse[problem] += change[:, :, None] * (change / square[:, None])[:, None, :]
        self.taken[problem, place], self.normal[problem, place] = True, inward
        self.limit[problem, place], self.multiplier[problem, place] = limit, self.weight[problem]
        self.entering[problem] = -1
        normal = self.normal[problem]
        for _ in range(2):  # sheds the rounding of the steps
            missing = self.limit[problem] - (normal @ self.x[problem][:, :, None])[:, :, 0]
            lift = (self.inverse[problem] @ missing[:, :, None])[:, :, 0]
            self.x[problem] += (lift[:, None, :] @ normal)[:, 0, :]

    def _leave(self, problem: IntArray, place: IntArray) -> None:
        """Free the places of rows whose multiplier has come to nothing."""
        column = self.inverse[problem, :, place]
        at = np.arange(problem.size)
        self.inverse[problem] -= column[:, :, None] * (column / column[at, place][:, None])[:, None, :]
        self.inverse[problem, :, place] = 0.0
        self.inverse[problem, place, :] = 0.0
        self.inverse[problem, place, place] = 1.0
        self.taken[problem, place] = False
        self.normal[problem, place], self.limit[problem, place], self.multiplier[problem, place] = 0.0, 0.0, 0.0
