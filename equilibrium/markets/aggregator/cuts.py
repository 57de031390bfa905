"""Cuts that join both halves of a leader's problem: a quantity and its multiplier cannot both be far from zero.

Let a pair's quantity be at most ``X`` from its bound, and let the rows of the prices' program tell of its multiplier

    z <= Z + sum of beta_k z_k   with other multipliers z_k and beta_k >= 0 .

Then ``x / X + (z - sum of beta_k z_k) / Z <= 1``: where ``x`` is zero the second part is at most one, where ``z`` is
zero it is at most zero. So no bound on a multiplier by itself is needed. :mod:`.worths` finds such ``Z`` and ``beta``.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from equilibrium.arrays import FloatArray
from equilibrium.markets.aggregator.halves import Halves
from equilibrium.markets.aggregator.worths import Told, Worths
from equilibrium.programs.program import FEASIBILITY, INF, Instance
from equilibrium.programs.solvers import Status, open_handle

MOST_WORTHS = 120
"""Worths of energy up to which cuts are looked for: several scenarios in one problem have more."""

ROUNDS = 12
"""Rounds of cuts at most; five are usual."""

MISSED = 0.02
"""A cut is worth a row if it is missed by this part of its right side."""

NEAR = 1.0
"""In the end the best cut of each pair is added if it is not further from being missed: deeper down it may be."""

LEANINGS = (0.25, 0.6, 0.9)
"""Shares of its reach that a quantity may have used up: each makes other ways between worths the shortest."""


def joined(halves: Halves) -> Instance | None:
    """Return both halves as one program with the cuts that its optimum asks for, or ``None`` where it asks for none.

    Its columns are those of ``quantities`` and then those of ``prices``.
    """
    one, other = halves.quantities, halves.prices
    worths = Worths(halves)
    if not worths.edges or worths.count > MOST_WORTHS:
        return None
    both = Instance(
        sp.csr_array(sp.block_diag([one.matrix, other.matrix], format="csr")),
        *(np.concatenate([getattr(each, name) for each in (one, other)]) for name in _SIDES),
    )
    maker, handle = _Maker(halves, worths), open_handle(both)
    for _ in range(ROUNDS):
        answer = handle.solve()
        if answer.status is not Status.OPTIMAL:
            return None
        matrix, upper = maker.cuts(answer.x, MISSED)
        if not upper.size:
            break
        handle.add_rows(matrix, np.full(upper.size, -INF), upper)
        both = both.with_rows(matrix, np.full(upper.size, -INF), upper)
    if both.shape[0] == one.shape[0] + other.shape[0]:
        return None
    matrix, upper = maker.cuts(answer.x, -NEAR)
    return both.with_rows(matrix, np.full(upper.size, -INF), upper)


_SIDES = ("cost", "row_lower", "row_upper", "col_lower", "col_upper")


class _Maker:
    """What makes cuts for one problem."""

    def __init__(self, halves: Halves, worths: Worths) -> None:
        self._halves, self._worths = halves, worths
        given, at = halves.quantities, halves.quantity
        self._reach = halves.reach()[at]
        self._sign = np.where(halves.upper, -1.0, 1.0)
        self._held = np.where(halves.upper, given.col_upper[at], given.col_lower[at])
        self._usable = np.isfinite(self._reach) & (self._reach > FEASIBILITY)

    def cuts(self, point: FloatArray, least: float) -> tuple[sp.csr_array, FloatArray]:
        """Return the best cut of each pair that is missed at a point by more than ``least``.

        Returns
        -------
        tuple
            Rows, and their upper sides.
        """
        halves = self._halves
        size = np.abs(point[halves.quantities.shape[1] + halves.multiplier])
        used = self._sign * (point[halves.quantity] - self._held) / np.where(self._usable, self._reach, 1.0)
        best: dict[int, tuple[float, Told]] = {}
        for leaning in LEANINGS:
            ways = self._worths.shortest(size, leaning)
            for told in self._worths.told:
                pair = told.pair
                if not self._usable[pair] or used[pair] <= least:  # the other part is at most one
                    continue
                whole = ways.closed(told)
                if whole is None or whole.number <= self._worths.smallest:
                    continue
                pulled = sum(weight * size[other] for other, weight in whole.pulls.items())
                missed = float(used[pair] + (size[pair] - pulled) / whole.number - 1.0)
                if missed > (best[pair][0] if pair in best else least):
                    best[pair] = missed, whole
        return self._rows([told for _, told in best.values()])

    def _rows(self, told: list[Told]) -> tuple[sp.csr_array, FloatArray]:
        """Return the cuts that bounds of multipliers make."""
        halves = self._halves
        width = halves.quantities.shape[1]
        side = np.where(halves.prices.col_upper[halves.multiplier] <= 0.0, -1.0, 1.0)
        rows, columns, values, upper = list[int](), list[int](), list[float](), list[float]()
        for row, each in enumerate(told):
            pair, scale = each.pair, float(self._sign[each.pair] / self._reach[each.pair])
            sizes = {other: -weight for other, weight in each.pulls.items()}
            sizes[pair] = sizes.get(pair, 0.0) + 1.0
            columns += [int(halves.quantity[pair]), *(width + int(halves.multiplier[other]) for other in sizes)]
            values += [scale, *(float(side[other]) * weight / each.number for other, weight in sizes.items())]
            rows += [row] * (1 + len(sizes))
            upper.append(1.0 + scale * float(self._held[pair]))
        shape = (len(told), width + halves.prices.shape[1])
        return sp.csr_array(sp.coo_array((values, (rows, columns)), shape=shape)), np.array(upper)
