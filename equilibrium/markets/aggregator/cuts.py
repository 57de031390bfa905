"""Cuts that join both halves of a leader's problem: a quantity and its multiplier cannot both be far from zero.

Let a pair's quantity be at most ``X`` from its bound, and let the rows of the prices' program tell of its multiplier

    z <= Z + sum of beta_k z_k   with other multipliers z_k and beta_k >= 0 .

Then ``x / X + (z - sum of beta_k z_k) / Z <= 1``: where ``x`` is zero the second part is at most one, where ``z`` is
zero it is at most zero. So no bound on a multiplier by itself is needed. :mod:`.worths` finds such ``Z`` and ``beta``.

The same with what rows tell of the quantity, ``x <= D + sum of e_n x_n`` with excesses ``x_n`` and ``e_n >= 0``:
``x <= D (1 - (z - sum of beta_k z_k) / Z) + sum of e_n x_n``. A lot's chargers could fill its vehicles many times over,
so such a bound is far closer than their power. It is what (l, S) inequalities are in lot sizing, where a price at which
charging pays is the setup: Barany, Van Roy and Wolsey, Management Science 30 (1984). :mod:`.excess` finds it.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from equilibrium.arrays import FloatArray
from equilibrium.markets.aggregator.excess import Chains, Excesses, Limit
from equilibrium.markets.aggregator.halves import Halves
from equilibrium.markets.aggregator.worths import Told, Ways, Worths
from equilibrium.programs.program import FEASIBILITY, INF, Instance
from equilibrium.programs.solvers import Status, open_handle

MOST_WORTHS = 120
"""Worths of energy up to which cuts are looked for: several scenarios in one problem have more."""

ROUNDS = 25
"""Rounds of cuts at most; a dozen is usual."""

MISSED = 0.02
"""A cut is worth a row if it is missed by this part of its right side."""

NEAR = 1.0
"""In the end the best cut of each pair is added if it is not further from being missed: deeper down it may be."""

LEANINGS = (0.1, 0.25, 0.4, 0.6, 0.8, 0.95)
"""Shares of its bound that a quantity may have used up: each makes other ways and chains the shortest."""


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
        self._halves, self._worths, self._excesses = halves, worths, Excesses(halves)
        given, at = halves.quantities, halves.quantity
        self._reach = halves.reach()[at]
        self._sign = np.where(halves.upper, -1.0, 1.0)
        self._held = np.where(halves.upper, given.col_upper[at], given.col_lower[at])
        self._usable = np.isfinite(self._reach) & (self._reach > FEASIBILITY)
        self._side = 2 * at + halves.upper
        self._scale = np.where(self._usable, self._reach, 1.0)

    def cuts(self, point: FloatArray, least: float) -> tuple[sp.csr_array, FloatArray]:
        """Return the best cut of each pair that is missed at a point by more than ``least``.

        Returns
        -------
        tuple
            Rows, and their upper sides.
        """
        halves = self._halves
        size = np.abs(point[halves.quantities.shape[1] + halves.multiplier])
        excess = self._excesses.at(point[: halves.quantities.shape[1]])
        used = self._sign * (point[halves.quantity] - self._held) / self._scale
        best: dict[int, tuple[float, int, Ways, int, Chains]] = {}
        for leaning in LEANINGS:
            ways, chains = self._worths.shortest(size, leaning), self._excesses.shortest(excess, leaning)
            number, pulled = self._worths.at(ways, size)
            bounded = self._worths.pair
            # Of a quantity at its bound nothing is cut off: the other part is at most one.
            open_ = self._usable[bounded] & (used[bounded] > least)
            open_ &= (number > self._worths.smallest) & (number < INF)
            for told in open_.nonzero()[0].tolist():
                at = int(bounded[told])
                left = 1.0 - float(size[at] - pulled[told]) / float(number[told])
                missed, bound = self._limit(at, left, chains, float(used[at]))
                if missed > (best[at][0] if at in best else least):
                    best[at] = missed, told, ways, bound, chains
        found = list[tuple[Told, Limit]]()
        for pair, (_, told, ways, bound, chains) in best.items():
            scale = float(self._scale[pair])
            whole = ways.closed(self._worths.told[told])
            limit = Limit(scale, {}) if bound < 0 else chains.limit(bound)
            if whole is not None and whole.number > self._worths.smallest and FEASIBILITY * scale < limit.number < INF:
                found.append((whole, limit))
        return self._rows(found)

    def _limit(self, pair: int, left: float, chains: Chains, used: float) -> tuple[float, int]:
        """Return by how much a pair is missed where its multiplier leaves a part, and the chain; -1 for its reach."""
        scale = float(self._scale[pair])
        missed, chosen = used - left, -1
        for bound in self._excesses.of[int(self._side[pair])]:
            number, rest = float(chains.number[bound]), float(chains.rest[bound])
            if FEASIBILITY * scale < number < INF and used - (number * left + rest) / scale > missed:
                missed, chosen = used - (number * left + rest) / scale, bound
        return missed, chosen

    def _rows(self, found: list[tuple[Told, Limit]]) -> tuple[sp.csr_array, FloatArray]:
        """Return the cuts that bounds of multipliers and of quantities make."""
        halves, excesses = self._halves, self._excesses
        width = halves.quantities.shape[1]
        side = np.where(halves.prices.col_upper[halves.multiplier] <= 0.0, -1.0, 1.0)
        rows, columns, values, upper = list[int](), list[int](), list[float](), list[float]()
        for row, (told, limit) in enumerate(found):
            pair, scale = told.pair, float(self._scale[told.pair])
            number = limit.number / scale
            entries = [(int(halves.quantity[pair]), float(self._sign[pair]) / scale)]
            right = number + float(self._sign[pair] * self._held[pair]) / scale
            for each, weight in limit.parts.items():
                at, above = divmod(each, 2)
                sign = 1.0 if above else -1.0
                entries.append((at, sign * weight / scale))
                right += sign * weight / scale * float(excesses.high[at] if above else excesses.low[at])
            sizes = {other: -weight for other, weight in told.pulls.items()}
            sizes[pair] = sizes.get(pair, 0.0) + 1.0
            for other, weight in sizes.items():
                entries.append(
                    (width + int(halves.multiplier[other]), float(side[other]) * weight * number / told.number)
                )
            columns += [at for at, _ in entries]
            values += [value for _, value in entries]
            rows += [row] * len(entries)
            upper.append(right)
        shape = (len(found), width + halves.prices.shape[1])
        return sp.csr_array(sp.coo_array((values, (rows, columns)), shape=shape)), np.array(upper)
