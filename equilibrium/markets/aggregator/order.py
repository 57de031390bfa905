"""What a node of the search knows of its prices and multipliers before a program is solved: which is above which.

Most optimality conditions of a follower compare two values: the price of a period with what energy is worth in a pool,
that worth with a tariff, or worths of two periods. With its multipliers of bounds such a condition reads

    u - w = b - sum of the multipliers that pull down + sum of those that pull up ,

so it bounds ``u - w`` on one side as soon as all multipliers of the other side are zero, strictly where one that pulls
is not. A branch that holds a quantity at its bound needs its multiplier only above zero, since the other branch has the
rest. Differences add up along chains of periods: what they contradict is cut off, and what they leave one way for is
held, without a program being solved.
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

OF_LIMITS = 1e-13
"""Strictly above is by this at least, relative to the largest limit of a price, since such limits are summed."""

SAME_SCALE = 1e-12
"""Two scales of one value that differ by less, relative, are the same."""


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
        Largest difference of two values, scaled, the last one nothing, shape ``(values + 1, values + 1)``.
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
        """Find the rows that compare two values, and one scale for each value that suits all of them."""
        pieces = np.zeros(matrix.shape[1], dtype=bool)
        pieces[np.concatenate([np.zeros(0, dtype=np.int64), *(at.ravel() for at in self._halves.weights)])] = True
        rows: list[tuple[int, IntArray, FloatArray]] = []
        for row in range(matrix.shape[0]):
            part = slice(matrix.indptr[row], matrix.indptr[row + 1])
            column, factor = matrix.indices[part], matrix.data[part]
            if not pieces[column].any() and 1 <= np.count_nonzero(self._pair_of[column] < 0) <= 2:
                rows.append((row, column, factor))
        scale = _scales(rows, self._pair_of)
        self.values = {column: number for number, column in enumerate(scale)}
        first: list[int] = []
        second: list[int] = []
        bound: list[float] = []
        pair: list[int] = []
        at: list[int] = []
        pulls: list[bool] = []
        for row, column, factor in rows:
            value = self._pair_of[column] < 0
            ends, sizes = column[value], factor[value]
            size = sizes[0] / scale[ends[0]]
            if ends.size == 2 and abs(sizes[1] / scale[ends[1]] + size) > SAME_SCALE * abs(size):
                continue
            names = [self.values[each] for each in ends] + [len(self.values)] * (2 - ends.size)
            number = len(first)
            first.append(names[0] if size > 0.0 else names[1])
            second.append(names[1] if size > 0.0 else names[0])
            bound.append(float(right[row] / abs(size)))
            for each, weight in zip(column[~value], factor[~value], strict=True):
                below = self._halves.prices.col_upper[each] <= 0.0  # rows' multipliers are not positive
                pair.append(int(self._pair_of[each]))
                at.append(number)
                pulls.append(bool((weight < 0.0) != below))
        self._first, self._second = np.array(first, dtype=np.int64), np.array(second, dtype=np.int64)
        self._bound = np.array(bound)
        self._pair, self._row = np.array(pair, dtype=np.int64), np.array(at, dtype=np.int64)
        self._up = np.array(pulls, dtype=bool)
        # Where a pair finds the count of its own side of a row, and of the other, and its opposite, in the same row.
        self._own, self._other = self._up.astype(np.int64), (~self._up).astype(np.int64)
        self._facing = np.where(self.opposite[self._pair] < 0, self._halves.quantity.size, self.opposite[self._pair])
        self._scale = np.array(list(scale.values()))
        limits = self._halves.prices.col_upper[list(self.values)] if self.values else np.zeros(0)
        largest = float(np.max(np.abs(limits * self._scale)[np.isfinite(limits)], initial=0.0))
        self._strict = max(CLOSEST * float(np.max(np.abs(self._bound), initial=0.0)), OF_LIMITS * largest)

    def start(self, lower: FloatArray, upper: FloatArray) -> Known | None:
        """Return what is known at limits of the columns of ``prices``, or ``None`` where they contradict each other."""
        count, pairs = len(self.values), self._halves.quantity.size
        most = np.full((count + 1, count + 1), INF)
        np.fill_diagonal(most, 0.0)
        known = Known(np.zeros(pairs, dtype=bool), np.zeros(pairs, dtype=bool), most)
        edges: list[tuple[int, int, float]] = []
        for column, number in self.values.items():
            edges += self._limits(number, float(lower[column]), float(upper[column]))
        return self._closed(known, edges)

    def between(self, known: Known, column: int, low: float, high: float) -> Known | None:
        """Return what is known where a price lies between two limits too, or ``None`` where it cannot."""
        number = self.values.get(column)
        return known if number is None else self._closed(known, self._limits(number, low, high))

    def _limits(self, number: int, low: float, high: float) -> list[tuple[int, int, float]]:
        """Return the differences that limits of a value are."""
        ends = sorted((low * self._scale[number], high * self._scale[number]))
        return [(number, len(self.values), ends[1]), (len(self.values), number, -ends[0])]

    def with_pair(self, known: Known, pair: int, *, zero: bool) -> Known | None:
        """Return what is known where a multiplier is zero, or where it is not; ``None`` where it cannot be."""
        zeros, positive = known.zero.copy(), known.positive.copy()
        (zeros if zero else positive)[pair] = True
        return self._closed(Known(zeros, positive, known.most), [])

    def _closed(self, known: Known, edges: list[tuple[int, int, float]]) -> Known | None:
        """Draw all conclusions."""
        zero, positive, most = known.zero.copy(), known.positive.copy(), known.most.copy()
        if not all(_add(most, *edge, self._strict) for edge in edges):
            return None
        while True:
            held = self.opposite[positive]
            zero[held[held >= 0]] = True
            if (zero & positive).any():
                return None
            free, strict = self._count(~zero), self._count(positive)
            if not self._add_rows(most, free, strict):
                return None
            new_zero, new_positive = self._forced(zero, positive, most, free, strict)
            if not new_zero.size and not new_positive.size:
                return Known(zero, positive, most)
            zero[new_zero] = True
            positive[new_positive] = True

    def _count(self, which: BoolArray) -> IntArray:
        """Return how many of some pairs pull each row down and up, shape ``(2, rows)``."""
        rows = self._bound.size
        counted = np.bincount(self._row + rows * self._own, weights=which[self._pair], minlength=2 * rows)
        return counted.astype(np.int64).reshape(2, rows)

    def _edges(self, strict: IntArray) -> tuple[FloatArray, FloatArray]:
        """Return each row's bound on its difference from above, and on the negative one."""
        above = self._bound - self._strict * (strict[0] > 0)
        return above, -self._bound - self._strict * (strict[1] > 0)

    def _add_rows(self, most: FloatArray, free: IntArray, strict: IntArray) -> bool:
        """Add the differences of all rows that bound one; return whether they agree."""
        above, below = self._edges(strict)
        for ends, side, bound in (
            ((self._first, self._second), free[1], above),
            ((self._second, self._first), free[0], below),
        ):
            for row in ((side == 0) & (most[ends] > bound)).nonzero()[0].tolist():
                if not _add(most, int(ends[0][row]), int(ends[1][row]), float(bound[row]), self._strict):
                    return False
        return True

    def _forced(
        self, zero: BoolArray, positive: BoolArray, most: FloatArray, free: IntArray, strict: IntArray
    ) -> tuple[IntArray, IntArray]:
        """Return pairs whose multiplier must be zero, and pairs where it must not."""
        above, below = self._edges(strict)
        row, pair, half = self._row, self._pair, 0.5 * self._strict
        open_ = ~(zero[pair] | positive[pair])
        up = self._up
        there, back = most[self._first[row], self._second[row]], most[self._second[row], self._first[row]]
        # With the last multiplier of a side gone the row bounds its difference.
        last = free[self._own, row] == 1
        wrong = np.where(up, back + above[row], there + below[row]) < -half
        must = pair[open_ & last & wrong]
        # With a multiplier above zero, and none against it, it bounds it strictly.
        against = free[self._other, row] - np.append(~zero, False)[self._facing]
        bound = np.where(up, there - self._bound[row], back + self._bound[row]) - self._strict
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
        told = open_[self._pair] & (free[self._own, row] == 1) & (known.most[first, second] > bound)
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


def _scales(rows: list[tuple[int, IntArray, FloatArray]], pair_of: IntArray) -> dict[int, float]:
    """Return a scale for each value, so that rows that join two have both at one size where that is possible."""
    joined: dict[int, list[tuple[int, float]]] = {}
    for _, column, factor in rows:
        value = pair_of[column] < 0
        ends, sizes = column[value].tolist(), factor[value]
        for each in ends:
            joined.setdefault(each, [])
        if len(ends) == 2:
            joined[ends[0]].append((ends[1], -float(sizes[1] / sizes[0])))
            joined[ends[1]].append((ends[0], -float(sizes[0] / sizes[1])))
    scale: dict[int, float] = {}
    for first in joined:
        if first in scale:
            continue
        scale[first], todo = 1.0, [first]
        while todo:
            here = todo.pop()
            for other, ratio in joined[here]:
                if other not in scale:
                    scale[other] = scale[here] * ratio
                    todo.append(other)
    return scale
