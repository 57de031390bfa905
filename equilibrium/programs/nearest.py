"""Nearest points of polyhedra, many at once: what makes an answer unique where a linear program leaves a choice.

    min |x - target|^2    s.t.    lower <= A x <= upper ,   low <= x <= high

The objective is strictly convex, so there is one answer, whatever way led to it. The dual active-set method of Goldfarb
and Idnani (*Math. Programming* 27, 1983) finds it: begin where only the bounds of x count; while a row is violated let
it in, and put out the rows whose multiplier would change its sign. The distance rises with every row that has come in,
so this ends. All problems share A; of its rows only those that were ever violated are looked at.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp
from scipy.linalg import null_space

from equilibrium.arrays import BoolArray, FloatArray, IntArray
from equilibrium.errors import SolverError
from equilibrium.programs.program import FEASIBILITY, INF, Instance

IN_SPAN = 1e-15
"""Squared share of a row outside the span of the tight ones below which it depends on them."""

ROUNDING = 1e3
"""Violation, in tolerances, up to which a row that depends on the tight ones counts as met: what limits are known to.

The rows that hold a point may be more than its dimensions. Each limit has its own rounding, so they meet nearly.
"""

NO_SHARE = 1e-12
"""Share of a tight row in an entering one up to which its multiplier does not fall: rounding."""

FREEDOM = 1e-9
"""Singular value below which a direction is none: rows that hold a face are known to rounding."""

ROUNDS = 4
"""Rows that all problems take in together; one that needs more goes its way alone."""

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

    def nearest(self, target: FloatArray, known: FloatArray | None = None) -> FloatArray:
        """Return the point of each polyhedron that is nearest to its row of ``target``.

        Parameters
        ----------
        target
            Shape ``(problems, variables)``, like the answer.
        known
            A point of each polyhedron but for rounding, same shape. Nearly parallel limits that it misses by little may
            meet far from it or nowhere: where a polyhedron is empty, what this point misses is allowed.

        Raises
        ------
        SolverError
            When a polyhedron is empty.
        """
        x = np.minimum(np.maximum(target, self.low), self.high)
        excess, side = self._excess(x, slice(None))
        work = np.flatnonzero((excess > 1.0).any(axis=1))
        if work.size:
            solved = self._together(x, target, work, excess[work], side[work])
            empty = self._search(x, target, work[~solved], excess > 1.0)
            if empty.size:
                if known is None:
                    raise SolverError("there is no nearest point: the limits exclude each other")
                x[empty] = self._with(empty, known[empty]).nearest(target[empty])
        return x

    def _with(self, problems: IntArray, points: FloatArray) -> Polyhedra:
        """Return some of the polyhedra with room for a point of each."""
        value = np.asarray((self.matrix @ points.T).T)
        return replace(
            self,
            lower=np.minimum(self.lower[problems], value),
            upper=np.maximum(self.upper[problems], value),
            low=np.minimum(self.low[problems], points),
            high=np.maximum(self.high[problems], points),
        )

    def _together(
        self, x: FloatArray, target: FloatArray, work: IntArray, excess: FloatArray, side: FloatArray
    ) -> BoolArray:
        """Let rows and bounds in for some problems at once; write the points that are found, return whose they are.

        In the first round every problem takes in all violated equalities, in each later one or where there is none its
        most violated row, and always all violated bounds. It is at its nearest point if it meets every limit, and if
        what holds it pushes inwards. Nothing is put out again: a problem that would need that stays where it was.
        """
        at, solved = np.arange(work.size), np.zeros(work.size, dtype=bool)  # the problems that go on
        point, held = x[work], (self.low[work] == self.high[work]) | (x[work] != target[work])
        rows, sides = np.zeros((work.size, 0), dtype=np.int64), np.zeros((work.size, 0))
        for _ in range(ROUNDS):
            here = work[at]
            low, high, wish = self.low[here], self.high[here], target[here]
            come = _equalities_first(excess, self.lower[here] == self.upper[here]) if not rows.size else _worst(excess)
            turned = np.where(come >= 0, np.take_along_axis(side, come, axis=1), 0.0)
            rows, sides = np.column_stack([rows, np.maximum(come, 0)]), np.column_stack([sides, turned])
            hold = _Hold(self._rows(rows.ravel()).reshape(*rows.shape, -1) * sides[:, :, None], held)
            lower, upper = self.lower[here[:, None], rows], self.upper[here[:, None], rows]
            limit = np.where(sides == 0.0, 0.0, np.where(sides > 0.0, lower, -upper))
            base = np.where(held, np.minimum(np.maximum(point, low), high), wish)
            point, push, meets = hold.nearest(base, limit, self.tolerance[rows])
            inward = (push >= 0.0) | (lower == upper)
            gradient = point - wish - hold.along(push)
            right = (low == high) | ~held | np.where(point == low, gradient >= 0.0, gradient <= 0.0)
            excess, side = self._excess(point, here)
            outside = (point < low) | (point > high)
            holds = ~outside.any(axis=1) & ~(excess > 1.0).any(axis=1)
            fresh = meets & holds & inward.all(axis=1) & right.all(axis=1)
            x[here[fresh]], solved[at[fresh]] = point[fresh], True
            on = meets & ~holds
            if not on.any():
                break
            at, point, held, rows, sides = at[on], point[on], (held | outside)[on], rows[on], sides[on]
            excess, side = excess[on], side[on]
        return solved

    def _excess(self, x: FloatArray, problems: IntArray | slice) -> tuple[FloatArray, FloatArray]:
        """Return by how many tolerances the rows of some problems are missed, and where: 1 below, -1 above.

        Both of shape ``(problems, rows)``; a row is violated from one tolerance on.
        """
        value = np.asarray((self.matrix @ x.T).T)
        short, long = self.lower[problems] - value, value - self.upper[problems]
        return np.asarray(np.maximum(short, long) / self.tolerance), np.where(short > long, 1.0, -1.0)

    def _search(self, x: FloatArray, target: FloatArray, work: IntArray, violated: BoolArray) -> IntArray:
        """Go on from the bounds, problem by problem, with the rows that were ever violated; write the points.

        Returns the problems that have none.
        """
        empty = np.zeros(work.size, dtype=bool)
        searches = [_Search(x[k], target[k], self.low[k], self.high[k]) for k in work]
        fresh = violated[work]
        known = np.zeros_like(fresh)
        while fresh.any():  # what is violated and known depends on tight rows
            known |= fresh
            for at, (search, problem, new) in enumerate(zip(searches, work.tolist(), fresh, strict=True)):
                rows = new.nonzero()[0]
                if rows.size:
                    search.know(
                        self._rows(rows), self.lower[problem, rows], self.upper[problem, rows], self.tolerance[rows]
                    )
                    empty[at] = not search.run()
                    x[problem] = search.point
            fresh = (self._excess(x[work], work)[0] > 1.0) & ~known & ~empty[:, None]
        return work[empty]

    def _rows(self, rows: IntArray) -> FloatArray:
        """Return rows of A as a dense array."""
        if isinstance(self.matrix, np.ndarray):
            return self.matrix[rows]
        return np.asarray(self.matrix[rows, :].toarray(), dtype=np.float64)


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
    # x is a point of the face: what it misses of a limit is the solver's rounding, and staying there is allowed.
    lower = np.minimum(np.concatenate([face.col_lower[loose] - at, (face.row_lower - value)[~held]]), 0.0)
    upper = np.maximum(np.concatenate([face.col_upper[loose] - at, (face.row_upper - value)[~held]]), 0.0)
    tolerance = FEASIBILITY * (1.0 + np.concatenate([np.abs(at), np.abs(value[~held])]))
    free = np.full((1, target.size), INF)
    moved = Polyhedra(matrix, lower[None], upper[None], tolerance, -free, free).nearest(target[None])[0]
    answer = x.copy()
    answer[loose] += ways @ moved
    return answer


def _worst(excess: FloatArray) -> IntArray:
    """Return the row that each problem violates most, -1 where it violates none, shape ``(problems, 1)``."""
    row = excess.argmax(axis=1)[:, None]
    return np.where(np.take_along_axis(excess, row, axis=1) > 1.0, row, -1)


def _equalities_first(excess: FloatArray, equal: BoolArray) -> IntArray:
    """Return all equalities that each problem violates, or its worst row if there are none; -1 fills up the shape."""
    violated = equal & (excess > 1.0)
    problem, row = np.nonzero(violated)
    count = violated.sum(axis=1)
    rows = np.full((count.size, max(1, int(count.max(initial=0)))), -1, dtype=np.int64)
    rows[problem, np.arange(row.size) - (np.cumsum(count) - count)[problem]] = row
    rows[:, :1] = np.where(count[:, None] > 0, rows[:, :1], _worst(excess))
    return rows


class _Hold:
    """What holds some problems: the normals of rows, turned inside (zero where there is none), and variables that stay.

    Parameters
    ----------
    normals
        Shape ``(problems, rows, variables)``.
    held
        Variables that do not move, shape ``(problems, variables)``.
    """

    def __init__(self, normals: FloatArray, held: BoolArray) -> None:
        self._normals, self._loose = normals, normals * ~held[:, None, :]

    def along(self, push: FloatArray) -> FloatArray:
        """Return the sums of the normals, each times its multiplier."""
        return np.asarray((push[:, None, :] @ self._normals)[:, 0])

    def nearest(
        self, base: FloatArray, limit: FloatArray, tolerance: FloatArray
    ) -> tuple[FloatArray, FloatArray, BoolArray]:
        """Return the points nearest to ``base`` where all rows are tight, their multipliers, and which ones are so."""
        gram = self._loose @ self._loose.transpose(0, 2, 1)
        diagonal = np.einsum("kii->ki", gram)
        diagonal[diagonal == 0.0] = 1.0
        missing = limit - (self._normals @ base[:, :, None])[:, :, 0]
        regular = np.ones(base.shape[0], dtype=bool)
        try:
            push = np.linalg.solve(gram, missing[:, :, None])[:, :, 0]
        except np.linalg.LinAlgError:  # in some problem a row depends on others
            regular = np.linalg.slogdet(gram)[0] != 0.0
            push = np.zeros_like(limit)
            push[regular] = np.linalg.solve(gram[regular], missing[regular, :, None])[:, :, 0]
        point = base + (push[:, None, :] @ self._loose)[:, 0]
        left = np.abs(limit - (self._normals @ point[:, :, None])[:, :, 0])
        return point, np.asarray(push, dtype=np.float64), np.asarray((left <= tolerance).all(axis=1)) & regular


class _Search:
    """The way of one problem to its nearest point, in the variables that are free.

    The point is ``target + normal' multiplier``: the first ``count`` rows of ``normal`` are the tight ones, turned so
    that they point inside, with their limits and multipliers; ``inverse`` is that of their products with each other.
    Rows have the length one, so that their excess is a distance; it counts from their tolerance on.
    """

    def __init__(self, x: FloatArray, target: FloatArray, low: FloatArray, high: FloatArray) -> None:
        self._whole, self._free = x.copy(), (low < high).nonzero()[0]
        self._x, n = x[self._free], self._free.size
        self._rows, self._tolerance = np.eye(n), FEASIBILITY * (1.0 + np.abs(self._x))
        self._lower, self._upper = low[self._free] - self._tolerance, high[self._free] + self._tolerance
        self._normal, self._limit, self._inverse = np.zeros((n, n)), np.zeros(n), np.zeros((n, n))
        moved = self._x - target[self._free]
        at = moved.nonzero()[0]  # at their bounds
        self._count = at.size
        if at.size:
            place, side = np.arange(at.size), np.sign(moved[at])
            self._normal[place, at], self._limit[place], self._inverse[place, place] = side, side * self._x[at], 1.0
        self._multiplier: list[float] = np.abs(moved[at]).tolist()

    @property
    def point(self) -> FloatArray:
        """All variables."""
        self._whole[self._free] = self._x
        return self._whole

    def know(self, rows: FloatArray, lower: FloatArray, upper: FloatArray, tolerance: FloatArray) -> None:
        """Look at more rows from now on."""
        free = rows[:, self._free]
        length = np.sqrt((free * free).sum(axis=1))
        length[length == 0.0] = 1.0
        fixed = rows @ self.point - free @ self._x
        room = tolerance / length
        self._rows = np.concatenate([self._rows, free / length[:, None]])
        self._lower = np.concatenate([self._lower, (lower - fixed) / length - room])
        self._upper = np.concatenate([self._upper, (upper - fixed) / length + room])
        self._tolerance = np.concatenate([self._tolerance, room])

    def run(self) -> bool:
        """Go to the nearest point in which the rows that are known hold; return False if there is none."""
        for _ in range(STEPS * (1 + self._x.size)):
            value = self._rows @ self._x
            excess = np.maximum(self._lower - value, value - self._upper)
            row = int(excess.argmax())
            if excess[row] <= 0.0:
                return True
            below = value[row] < self._lower[row]
            inward = self._rows[row] if below else -self._rows[row]
            limit = self._lower[row] + self._tolerance[row] if below else self._tolerance[row] - self._upper[row]
            if not self._let_in(row, inward, float(limit)):
                return False
        raise SolverError("the nearest point was not found: the rows that hold it change again and again")

    def _let_in(self, row: int, inward: FloatArray, limit: float) -> bool:
        """Move to where a row holds, and put out the tight rows that let go on the way; False if it cannot hold."""
        weight = 0.0
        while True:
            normal = self._normal[: self._count]
            share = self._inverse[: self._count, : self._count] @ (normal @ inward)  # of the tight rows in this one
            out = inward - share @ normal if self._count else inward
            square, missing, shares = float(out @ out), limit - float(inward @ self._x), share.tolist()
            full = missing / square if square > IN_SPAN else INF
            ratios = [m / r if r > NO_SHARE else INF for m, r in zip(self._multiplier, shares, strict=True)]
            partial = min(ratios, default=INF)
            length = min(full, partial)
            if length == INF:
                return self._accept(row, missing)
            if full < INF:
                self._x = self._x + length * out
            self._multiplier = [max(m - length * r, 0.0) for m, r in zip(self._multiplier, shares, strict=True)]
            weight += length
            if full <= partial:
                self._enter(inward, limit, weight, share, square)
                return True
            self._leave(ratios.index(partial))

    def _accept(self, row: int, missing: float) -> bool:
        """Take a row that can no more be met as met, if only rounding is missing; else there is no point."""
        if missing > ROUNDING * self._tolerance[row]:
            return False
        self._lower[row], self._upper[row] = -INF, INF
        return True

    def _enter(self, inward: FloatArray, limit: float, weight: float, share: FloatArray, square: float) -> None:
        """Count a row among the tight ones, and put the point where all of them meet."""
        last = self._count
        self._count = count = last + 1
        self._normal[last], self._limit[last] = inward, limit
        self._multiplier.append(weight)
        change = np.append(share, -1.0)
        self._inverse[:count, last] = self._inverse[last, :count] = 0.0
        inverse = self._inverse[:count, :count]
        inverse += np.outer(change, change / square)
        normal = self._normal[:count]
        missing = self._limit[:count] - normal @ self._x  # sheds the rounding of the steps
        self._x = self._x + (inverse @ missing) @ normal

    def _leave(self, place: int) -> None:
        """Take out a row whose multiplier has come to nothing; the last one takes its place."""
        last = self._count - 1
        inverse = self._inverse[: last + 1, : last + 1]
        column = inverse[:, place].copy()
        inverse -= np.outer(column, column / column[place])
        inverse[place], inverse[:, place] = inverse[last], inverse[:, last].copy()
        inverse[place, place] = inverse[last, last]
        self._normal[place], self._limit[place] = self._normal[last], self._limit[last]
        self._multiplier[place] = self._multiplier[last]
        self._multiplier.pop()
        self._count = last
