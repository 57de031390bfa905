"""What a node of the search knows of its multipliers before a program is solved: which is above which.

Many optimality conditions of a follower compare what energy is worth in a pool with a tariff, or with its worth in the
next period. With its multipliers of bounds such a condition reads

    u - w = b - sum of the multipliers that pull down + sum of those that pull up ,

so it bounds ``u - w`` on one side as soon as all multipliers of the other side are zero, strictly where one that pulls
is not. A branch that holds a quantity at its bound needs its multiplier only above zero, since the other branch has the
rest. Differences add up along chains of periods: what they contradict is cut off, and what they leave one way for is
held, without a program being solved. Conditions with one of the leader's prices are left out: a price is free in every
period, so they tell little.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from equilibrium.arrays import BoolArray, FloatArray, IntArray
from equilibrium.markets.aggregator.halves import Halves
from equilibrium.programs.program import INF

CLOSEST = 1e-9
"""Strictly above is by this at least, relative to the largest cost or tariff: closer values are one."""


@dataclass(frozen=True, eq=False)
class Known:
    """What is known at a node.

    Attributes
    ----------
    zero
        Pairs whose multiplier is zero, shape ``(pairs,)``.
    positive
        Pairs whose multiplier is not, so that the quantity stands at its bound, shape ``(pairs,)``.
    most
        Largest difference of two worths, the last one nothing, shape ``(worths + 1, worths + 1)``.
    """

    zero: BoolArray
    positive: BoolArray
    most: FloatArray


class Order:
    """The comparisons in a leader's problem.

    Parameters
    ----------
    halves
        The problem.
    """

    def __init__(self, halves: Halves) -> None:
        self._halves = halves
        pairs = halves.quantity.size
        self._pair_of = np.full(halves.prices.shape[1], -1)
        self._pair_of[halves.multiplier] = np.arange(pairs)
        self.opposite = _opposites(halves)
        self._read(sp.csr_array(halves.prices.matrix), halves.prices.row_lower)

    def _read(self, matrix: sp.csr_array, right: FloatArray) -> None:
        """Find the rows that compare two worths, or one with a number."""
        halves = self._halves
        worth = np.isinf(halves.prices.col_lower) & np.isinf(halves.prices.col_upper)
        self._worths = int(worth.sum())
        name, known = np.cumsum(worth) - 1, worth | (self._pair_of >= 0)
        first: list[int] = []
        second: list[int] = []
        bound: list[float] = []
        pair: list[int] = []
        at: list[int] = []
        pulls: list[bool] = []
        for row in range(matrix.shape[0]):
            part = slice(matrix.indptr[row], matrix.indptr[row + 1])
            column, factor = matrix.indices[part], matrix.data[part]
            ends, sizes = column[worth[column]], factor[worth[column]]
            if not known[column].all() or not 1 <= ends.size <= 2 or (ends.size == 2 and sizes[0] != -sizes[1]):
                continue
            names = [int(name[each]) for each in ends] + [self._worths] * (2 - ends.size)
            number = len(first)
            first.append(names[0] if sizes[0] > 0.0 else names[1])
            second.append(names[1] if sizes[0] > 0.0 else names[0])
            bound.append(float(right[row] / abs(sizes[0])))
            for each, weight in zip(column[~worth[column]], factor[~worth[column]], strict=True):
                below = halves.prices.col_upper[each] <= 0.0  # rows' multipliers are not positive
                pair.append(int(self._pair_of[each]))
                at.append(number)
                pulls.append(bool((weight < 0.0) != below))
        self._first, self._second = np.array(first, dtype=np.int64), np.array(second, dtype=np.int64)
        self._bound = np.array(bound)
        self._pair, self._row = np.array(pair, dtype=np.int64), np.array(at, dtype=np.int64)
        self._up = np.array(pulls, dtype=bool)
        # Where a pair finds, in tables that are read in one line, the count of its own side of a row and of the other,
        # the row's difference as it pulls it and the other way round; and its opposite, in the same row.
        rows, width = self._bound.size, self._worths + 1
        self._own, self._other = (self._row + rows * side for side in (self._up, ~self._up))
        there, back = self._first * width + self._second, self._second * width + self._first
        self._ahead, self._behind = (np.where(up, there[self._row], back[self._row]) for up in (self._up, ~self._up))
        self._facing = np.where(self.opposite[self._pair] < 0, self._halves.quantity.size, self.opposite[self._pair])
        self._strict = CLOSEST * float(np.max(np.abs(self._bound), initial=0.0))

    def start(self) -> Known:
        """Return what is known before anything is held."""
        pairs = self._halves.quantity.size
        most = np.full((self._worths + 1, self._worths + 1), INF)
        np.fill_diagonal(most, 0.0)
        return Known(np.zeros(pairs, dtype=bool), np.zeros(pairs, dtype=bool), most)

    def with_pair(self, known: Known, pair: int, *, zero: bool) -> Known | None:
        """Return what is known where a multiplier is zero, or where it is not; ``None`` where it cannot be."""
        zeros, positive = known.zero.copy(), known.positive.copy()
        (zeros if zero else positive)[pair] = True
        return self._closed(zeros, positive, known.most.copy())

    def concluded(self, zero: BoolArray, positive: BoolArray) -> Known | None:
        """Return what is known where these multipliers are zero and those are not; ``None`` where that cannot be."""
        return self._closed(zero.copy(), positive.copy(), self.start().most)

    def _closed(self, zero: BoolArray, positive: BoolArray, most: FloatArray) -> Known | None:
        """Draw all conclusions, in place."""
        while True:
            held = self.opposite[positive]
            zero[held[held >= 0]] = True
            if (zero & positive).any():
                return None
            free, edges = self._count(~zero), self._edges(self._count(positive))
            if not self._add_rows(most, free, edges):
                return None
            new_zero, new_positive = self._forced(zero, positive, most, free, edges)
            if not new_zero.size and not new_positive.size:
                return Known(zero, positive, most)
            zero[new_zero] = True
            positive[new_positive] = True

    def _count(self, which: BoolArray) -> FloatArray:
        """Return how many of some pairs pull each row down and up, shape ``(2, rows)``."""
        rows = self._bound.size
        counted = np.bincount(self._own, weights=which[self._pair], minlength=2 * rows)
        return np.asarray(counted, dtype=np.float64).reshape(2, rows)

    def _edges(self, strict: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return each row's bound on its difference from above, and on the negative one."""
        above = self._bound - self._strict * (strict[0] > 0)
        return above, -self._bound - self._strict * (strict[1] > 0)

    def _add_rows(self, most: FloatArray, free: FloatArray, edges: tuple[FloatArray, FloatArray]) -> bool:
        """Add the differences of all rows that bound one; return whether they agree."""
        for ends, side, bound in (
            ((self._first, self._second), free[1], edges[0]),
            ((self._second, self._first), free[0], edges[1]),
        ):
            for row in ((side == 0) & (most[ends] > bound)).nonzero()[0].tolist():
                if not _add(most, int(ends[0][row]), int(ends[1][row]), float(bound[row]), self._strict):
                    return False
        return True

    def _forced(
        self,
        zero: BoolArray,
        positive: BoolArray,
        most: FloatArray,
        free: FloatArray,
        edges: tuple[FloatArray, FloatArray],
    ) -> tuple[IntArray, IntArray]:
        """Return pairs whose multiplier must be zero, and pairs where it must not."""
        row, pair, up, half = self._row, self._pair, self._up, 0.5 * self._strict
        open_ = ~(zero | positive)[pair]
        ahead, counts = most.ravel()[self._ahead], free.ravel()
        # With the last multiplier of a side gone the row bounds its difference.
        last = open_ & (counts[self._own] == 1)
        must = pair[last & (most.ravel()[self._behind] + np.where(up, edges[0][row], edges[1][row]) < -half)]
        # With a multiplier above zero, and none against it, it bounds it strictly.
        against = counts[self._other] - np.append(~zero, False)[self._facing]
        bound = np.where(up, ahead - self._bound[row], ahead + self._bound[row]) - self._strict
        none = pair[open_ & (against == 0) & (bound < -half)]
        return none, must

    def unmet(self, known: Known, multiplier: FloatArray) -> int | None:
        """Return an upper bound whose multiplier is zero and may not stay so, or ``None``.

        Where all multipliers that must be above zero are, a point shows that none is missed.

        Parameters
        ----------
        multiplier
            Multipliers of all pairs at a point of the prices' program, shape ``(pairs,)``.
        """
        if (np.abs(multiplier[known.positive]) > self._strict).all():
            return None
        usual = self._halves.upper & (multiplier == 0.0)
        open_ = usual & ~known.zero & ~known.positive
        free, strict = self._count(~known.zero), self._count(known.positive)
        above, below = self._edges(strict)
        up, row = self._up, self._row
        bound = np.where(up, above[row], below[row])
        first, second = (
            np.where(up, self._first[row], self._second[row]),
            np.where(up, self._second[row], self._first[row]),
        )
        told = open_[self._pair] & (free.ravel()[self._own] == 1) & (known.most.ravel()[self._ahead] > bound)
        most = known.most.copy()
        for place in told.nonzero()[0].tolist():
            if not _add(most, int(first[place]), int(second[place]), float(bound[place]), self._strict):
                return int(self._pair[place])
        return None


def _add(most: FloatArray, first: int, second: int, bound: float, strict: float) -> bool:
    """Bound a difference, and all that follow; return whether that is possible."""
    if bound >= most[first, second]:
        return True
    if most[second, first] + bound < -0.5 * strict:
        return False
    np.minimum(most, most[:, first, None] + (bound + most[second])[None, :], out=most)
    return True


def _opposites(halves: Halves) -> IntArray:
    """Return for each pair the one of the same quantity's other bound, or -1."""
    found = np.full(halves.quantity.size, -1)
    seen: dict[int, int] = {}
    for pair, column in enumerate(halves.quantity.tolist()):
        if column in seen:
            found[pair], found[seen[column]] = seen[column], pair
        seen[column] = pair
    return found
