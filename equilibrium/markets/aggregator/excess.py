"""What the rows of a leader's quantities' program say about how far quantities are from their bounds, from above.

A row bounds the excess of each column in it over one of its bounds by a number and by excesses of the others. Each of
these counts with the whole width of its column, as it is, or by what another row says about it in turn: charging in a
period is what leaves until a later one and what is in the pool then. So the bounds are chains of rows, as those of the
worths of energy are (:mod:`.worths`), and the best chain depends on the point, and on how much a number counts there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from equilibrium.arrays import BoolArray, FloatArray, IntArray
from equilibrium.markets.aggregator.halves import Halves
from equilibrium.programs.program import FEASIBILITY, INF

LONGEST = 30
"""Rows in a chain at most: a day of hours and a little more."""


@dataclass(frozen=True)
class Limit:
    """An excess is at most ``number + parts @ excesses``; both are not negative where a cut is made of it.

    Attributes
    ----------
    number
        In the unit of the excess.
    parts
        Weights of other excesses, by side: twice the column, one more where the upper bound is meant.
    """

    number: float
    parts: Mapping[int, float]


class Chains:
    """The shortest chains at one point.

    Attributes
    ----------
    number, rest
        What each bound of a row comes to: its number, and the rest at the point, shape ``(bounds,)``.
    """

    def __init__(
        self, excesses: Excesses, number: FloatArray, rest: FloatArray, chosen: IntArray, wide: BoolArray
    ) -> None:
        self.number, self.rest = number, rest
        self._of, self._chosen, self._wide = excesses, chosen, wide

    def limit(self, bound: int, depth: int = LONGEST) -> Limit:
        """Return what a bound comes to with the chains that begin in it put in."""
        of = self._of
        number, parts = float(of.base[bound]), dict[int, float]()
        for term in of.terms[bound]:
            side, weight = int(of.side[term]), float(of.weight[term])
            if self._chosen[term] >= 0 and depth:
                inner = self.limit(int(self._chosen[term]), depth - 1)
                number += weight * inner.number
                for other, size in inner.parts.items():
                    parts[other] = parts.get(other, 0.0) + weight * size
            elif self._wide[side]:
                number += weight * float(of.width[side])
            else:
                parts[side] = parts.get(side, 0.0) + weight
        return Limit(number, parts)


class Excesses:
    """The bounds of one problem.

    Parameters
    ----------
    halves
        The problem.

    Attributes
    ----------
    low, high
        Limits of the columns of ``quantities``, those that rows make among them, shape ``(columns,)``.
    width
        Their differences, shape ``(sides,)``.
    base
        Numbers of the rows' bounds, shape ``(bounds,)``.
    side, weight
        Excess in each term of a bound, and its weight, shape ``(terms,)``.
    terms
        Terms of each bound.
    of
        Bounds of each side's excess.
    """

    def __init__(self, halves: Halves) -> None:
        given, reach = halves.quantities, halves.reach()
        self.low = given.col_lower
        self.high = given.col_upper.copy()
        open_ = np.isinf(self.high) & np.isfinite(self.low)
        self.high[open_] = self.low[open_] + reach[open_]
        self.width = np.repeat(self.high - self.low, 2)
        self._upper = given.col_upper
        self.of: list[list[int]] = [[] for _ in range(self.width.size)]
        self.terms: list[list[int]] = []
        self._base: list[float] = []
        self._terms: list[tuple[int, int, float]] = []  # bound, side, weight
        self._row: list[int] = []
        matrix = sp.csr_array(given.matrix)
        for row in range(matrix.shape[0]):
            part = slice(matrix.indptr[row], matrix.indptr[row + 1])
            self._read(row, matrix.indices[part], matrix.data[part], float(given.row_lower[row]))
        self.base = np.array(self._base)
        self.side = np.array([side for _, side, _ in self._terms], dtype=np.int64)
        self.weight = np.array([weight for _, _, weight in self._terms])
        self._bound = np.array([bound for bound, _, _ in self._terms], dtype=np.int64)
        self._others = self._table()

    def _read(self, row: int, column: IntArray, factor: FloatArray, right: float) -> None:
        """Read one row, an equality: what it says about each of its columns, from either side."""
        for place, (at, own) in enumerate(zip(column.tolist(), factor.tolist(), strict=True)):
            rest = [k for k in range(column.size) if k != place]
            for upper, sign, held in ((0, 1.0, self.low[at]), (1, -1.0, self._upper[at])):
                if not np.isfinite(held):
                    continue
                number, terms = sign * (right / own - held), list[tuple[int, float]]()
                for k in rest:
                    weight, each = float(-sign * factor[k] / own), int(column[k])
                    ends = (self.low[each], self.high[each]) if weight > 0.0 else (self.high[each], self.low[each])
                    if np.isfinite(ends[0]):
                        number += weight * float(ends[0])
                        terms.append((2 * each + (weight < 0.0), abs(weight)))
                    else:
                        number += weight * float(ends[1])
                if np.isfinite(number):
                    self._add(2 * at + upper, row, number, terms)

    def _add(self, side: int, row: int, number: float, terms: list[tuple[int, float]]) -> None:
        bound = len(self._base)
        self.of[side].append(bound)
        self.terms.append(list(range(len(self._terms), len(self._terms) + len(terms))))
        self._terms += [(bound, each, weight) for each, weight in terms]
        self._base.append(number)
        self._row.append(row)

    def _table(self) -> IntArray:
        """Return for each term what other rows say about its excess, -1 where no more do, shape ``(terms, most)``."""
        found = [
            [each for each in self.of[side] if self._row[each] != self._row[bound]] for bound, side, _ in self._terms
        ]
        table = np.full((len(found), max((len(each) for each in found), default=0) or 1), -1)
        for term, each in enumerate(found):
            table[term, : len(each)] = each
        return table

    def at(self, point: FloatArray) -> FloatArray:
        """Return all excesses at a point of ``quantities``, shape ``(sides,)``."""
        return np.maximum(np.stack([point - self.low, self.high - point], axis=1).ravel(), 0.0)

    def shortest(self, excess: FloatArray, leaning: float) -> Chains:
        """Return the shortest chains at a point.

        Parameters
        ----------
        excess
            All excesses there, shape ``(sides,)``.
        leaning
            How much a number counts beside an excess, 0 to 1.
        """
        wide = leaning * self.width <= excess
        own = np.where(wide, leaning * self.width, excess)[self.side]
        own_number, own_rest = np.where(wide, self.width, 0.0)[self.side], np.where(wide, 0.0, excess)[self.side]
        number, rest = np.zeros((2, self.base.size))
        value = np.full(self.base.size + 1, INF)
        more = FEASIBILITY * (1.0 + own)
        chosen: IntArray = np.full(self.side.size, -1)
        places = np.arange(self.side.size)
        for _ in range(LONGEST):
            best = self._others[places, np.argmin(value[self._others], axis=1)]
            shorter = value[best] < own - more
            chosen = np.where(shorter, best, -1)
            number = self.base + self._summed(np.where(shorter, number[best], own_number))
            rest, before = self._summed(np.where(shorter, rest[best], own_rest)), value
            value = np.append(leaning * number + rest, INF)
            if np.array_equal(value, before):
                break
        return Chains(self, number, rest, chosen, wide)

    def _summed(self, each: FloatArray) -> FloatArray:
        """Return the weighted sums of terms by bound, shape ``(bounds,)``."""
        return np.asarray(np.bincount(self._bound, self.weight * each, self.base.size), dtype=np.float64)
