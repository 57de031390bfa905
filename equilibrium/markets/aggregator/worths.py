"""What the rows of a leader's prices' program say about multipliers and about what energy is worth, from above.

A row bounds each multiplier that stands in it by a number, by other multipliers and by worths of energy; prices count
with the worse of their bounds. A row with worths also bounds the difference of two of them, or one, in the same way. So
the bounds are the edges of a graph of worths, and what is known of a difference is the shortest way between its ends,
at a point whose multipliers give the edges their lengths.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp

from equilibrium.arrays import FloatArray, IntArray
from equilibrium.markets.aggregator.halves import Halves
from equilibrium.markets.aggregator.order import CLOSEST
from equilibrium.programs.program import FEASIBILITY, INF


@dataclass(frozen=True, eq=False)
class Told:
    """What is at most ``number + pulls @ sizes of multipliers + weight (one worth - another)``.

    Attributes
    ----------
    number
        Currency per unit.
    pulls
        Weights of the sizes of multipliers, none negative, by pair.
    up, down
        Which worth counts with ``weight``, and which with minus that; the last one is nothing.
    weight
        Of both, not negative.
    pair
        Pair of the multiplier that is bounded; -1 where it is the difference ``up - down`` itself.
    """

    number: float
    pulls: Mapping[int, float]
    up: int
    down: int
    weight: float
    pair: int = -1


class Ways:
    """The shortest ways between worths at one point.

    Parameters
    ----------
    edges
        Bounds of differences.
    first
        First edge of the way from one worth to another, -1 where there is none, shape ``(worths + 1, worths + 1)``.

    Attributes
    ----------
    number, pulled
        What the numbers of a way's edges come to, and what their multipliers do at the point, same shape; infinite
        where there is no way.
    """

    def __init__(self, edges: list[Told], first: IntArray, number: FloatArray, pulled: FloatArray) -> None:
        self._edges, self._first, self.number, self.pulled = edges, first, number, pulled

    def closed(self, told: Told) -> Told | None:
        """Return a bound in which worths are bounded too; ``None`` where they are not."""
        number, pulls, here = told.number, dict(told.pulls), told.up
        if told.weight == 0.0:
            return told
        for _ in range(self._first.shape[0]):
            if here == told.down:
                return Told(number, pulls, here, here, 0.0, told.pair)
            at = int(self._first[here, told.down])
            if at < 0:
                return None
            edge = self._edges[at]
            number += told.weight * edge.number
            for pair, weight in edge.pulls.items():
                pulls[pair] = pulls.get(pair, 0.0) + told.weight * weight
            here = edge.down
        return None


class Worths:
    """The bounds of one problem.

    Parameters
    ----------
    halves
        The problem.

    Attributes
    ----------
    told
        Bounds of multipliers.
    edges
        Bounds of differences of worths.
    count
        Number of worths.
    smallest
        A bound's number up to this is none.
    pair
        Pair of each bound of a multiplier, shape ``(told,)``.
    """

    def __init__(self, halves: Halves) -> None:
        prices = halves.prices
        self._low, self._high = prices.col_lower, prices.col_upper
        worth = np.isinf(self._low) & np.isinf(self._high)
        self.count = int(worth.sum())
        self._name = np.where(worth, np.cumsum(worth) - 1, -1)
        self._pair = np.full(prices.shape[1], -1)
        self._pair[halves.multiplier] = np.arange(halves.multiplier.size)
        self._side = np.where(self._high <= 0.0, -1.0, 1.0)  # rows' multipliers are not positive
        self.smallest = CLOSEST * float(np.max(np.abs(prices.row_lower), initial=0.0))
        self.told: list[Told] = []
        self.edges: list[Told] = []
        matrix = sp.csr_array(prices.matrix)
        for row in range(matrix.shape[0]):
            part = slice(matrix.indptr[row], matrix.indptr[row + 1])
            self._read(matrix.indices[part], matrix.data[part], float(prices.row_lower[row]))
        self._pulls = _table(self.edges, halves.multiplier.size)
        self._up, self._down, self._number = _ends(self.edges)
        self._told_pulls = _table(self.told, halves.multiplier.size)
        self._told_up, self._told_down, self._told_number = _ends(self.told)
        self._told_weight = np.array([told.weight for told in self.told])
        self.pair = np.array([told.pair for told in self.told], dtype=np.int64)

    def _read(self, column: IntArray, factor: FloatArray, right: float) -> None:
        """Read one row, an equality."""
        ends = np.flatnonzero(self._name[column] >= 0)
        if ends.size > 2 or (ends.size == 2 and factor[ends[0]] != -factor[ends[1]]):
            return
        for at in np.flatnonzero(self._pair[column] >= 0).tolist():
            sign = float(np.sign(factor[at]) * self._side[column[at]])
            rest = np.arange(column.size) != at
            told = self._bounded(column[rest], factor[rest], right, sign, float(abs(factor[at])))
            if np.isfinite(told.number):
                self.told.append(replace(told, pair=int(self._pair[column[at]])))
        for sign in (1.0, -1.0) if ends.size else ():
            # Of the whole row nothing is left, so what bounds it bounds its worths, turned round.
            told = self._bounded(column, factor, right, sign, float(abs(factor[ends[0]])))
            if np.isfinite(told.number):
                self.edges.append(replace(told, up=told.down, down=told.up))

    def _bounded(self, column: IntArray, factor: FloatArray, right: float, sign: float, scale: float) -> Told:
        """Return a bound on ``sign (right - factor @ columns) / scale``."""
        number, pulls, weight = sign * right / scale, dict[int, float](), 0.0
        up = down = self.count
        for each, size in zip(column.tolist(), (-sign * factor / scale).tolist(), strict=True):
            pair = int(self._pair[each])
            if self._name[each] >= 0:
                weight = abs(size)
                up, down = (int(self._name[each]), down) if size > 0.0 else (up, int(self._name[each]))
            elif pair >= 0:
                if size * self._side[each] > 0.0:
                    pulls[pair] = pulls.get(pair, 0.0) + abs(size)
            else:
                number += max(size * float(self._low[each]), size * float(self._high[each]))
        return Told(number, pulls, up, down, weight)

    def shortest(self, size: FloatArray, leaning: float) -> Ways:
        """Return the shortest ways at a point that keeps all rows; so there is no circle of negative length.

        Parameters
        ----------
        size
            Sizes of all multipliers, shape ``(pairs,)``.
        leaning
            How much less a number counts than a multiplier, 0 to 1.
        """
        up, down, pulled = self._up, self._down, self._pulls @ size
        own = (1.0 - leaning) * self._number + pulled
        order = np.argsort(-own, kind="stable")  # of parallel edges the shortest is written last
        length = np.full((self.count + 1, self.count + 1), INF)
        first = np.full(length.shape, -1, dtype=np.int64)
        length[up[order], down[order]] = own[order]
        first[up[order], down[order]] = order
        np.fill_diagonal(length, 0.0)
        number = np.where(first < 0, length, self._number[first])
        for middle in range(self.count + 1):
            via = length[:, middle, None] + length[middle]
            row, column = (via < length - FEASIBILITY).nonzero()
            if row.size:
                length[row, column] = via[row, column]
                number[row, column] = number[row, middle] + number[middle, column]
                first[row, column] = first[row, middle]
        return Ways(self.edges, first, number, length - (1.0 - leaning) * np.where(np.isinf(length), 0.0, number))

    def at(self, ways: Ways, size: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return what each bound of a multiplier comes to with its worths bounded: its number and its pulls.

        Parameters
        ----------
        size
            Sizes of all multipliers at the point of the ways, shape ``(pairs,)``.

        Returns
        -------
        tuple
            Shape ``(told,)`` each, infinite where there is no way.
        """
        up, down, weight = self._told_up, self._told_down, self._told_weight
        bounded = weight > 0.0
        number, pulled = self._told_number.copy(), self._told_pulls @ size
        number[bounded] += weight[bounded] * ways.number[up[bounded], down[bounded]]
        pulled[bounded] += weight[bounded] * ways.pulled[up[bounded], down[bounded]]
        return number, pulled


def _ends(bounds: list[Told]) -> tuple[IntArray, IntArray, FloatArray]:
    """Return the ends and the numbers of bounds."""
    up = np.array([each.up for each in bounds], dtype=np.int64)
    down = np.array([each.down for each in bounds], dtype=np.int64)
    return up, down, np.array([each.number for each in bounds], dtype=float)


def _table(bounds: list[Told], pairs: int) -> sp.csr_array:
    """Return the pulls of all bounds, shape ``(bounds, pairs)``."""
    rows = [number for number, each in enumerate(bounds) for _ in each.pulls]
    columns = [pair for each in bounds for pair in each.pulls]
    values = [weight for each in bounds for weight in each.pulls.values()]
    return sp.csr_array(sp.coo_array((values, (rows, columns)), shape=(len(bounds), pairs)))
