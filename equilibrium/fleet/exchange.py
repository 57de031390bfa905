"""The most that a separable concave profit can reach with the energies of a fleet, exactly and without a solver.

    max sum_t f_t(p_t)    s.t.    p can be split among the vehicles ,    p_t in the domain of f_t ,

every f_t concave and piecewise linear. The energies that can be split are the base polytope of a polymatroid
(:mod:`equilibrium.fleet.envelope`), and on such a set a point is best exactly when no *exchange* between two periods
makes it better. Energy can go from period s to period t where it can go directly, in a vehicle that draws in s and can
draw more in t, or over periods between, each step in another vehicle if need be: a path in the residual network of the
split. So the split is kept beside the energies. One search from the periods that lose least finds, for every period,
who can give to it at the least loss; where that is less than it gains, energy moves along the shortest path until
a slope changes or no vehicle can move more.

Prices ``lambda_t``, the least loss at which period t can be given energy, prove the answer: no f_t has a better point
at its price, and no energy of the fleet is worth more at them (Lagrangian duality).

Of equally good energies the earliest are chosen, so the answer is unique: among equal slopes energy moves to earlier
periods, and the set of best energies is again a base polytope, which has one point that is the earliest.

References
----------
K. Murota, Discrete Convex Analysis, SIAM, 2003 (exchange and optimality on base polyhedra). J. Edmonds and R. M. Karp,
"Theoretical improvements in algorithmic efficiency for network flow problems", Journal of the ACM 19(2), 1972.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from equilibrium.arrays import FloatArray
from equilibrium.certificate import NEGLIGIBLE
from equilibrium.errors import SolverError
from equilibrium.programs.program import FEASIBILITY

SAME_SLOPE = 1e-11
"""Slopes that differ by less (currency/kWh) are equal."""

MAXIMUM_SEARCHES = 100_000

Concave = tuple[Sequence[float], Sequence[float]]
"""Points between which a period's profit is straight, rising, and the slopes between them, falling."""


@dataclass(frozen=True, eq=False)
class Best:
    """The answer.

    Attributes
    ----------
    energy
        p, kWh, shape ``(periods,)``.
    drawn
        Its split, kWh, shape ``(periods, vehicles)``: where the next search may begin.
    price
        lambda, currency/kWh, shape ``(periods,)``.
    """

    energy: list[float]
    drawn: FloatArray
    price: list[float]


def best_energies(limit_kwh: FloatArray, drawn: FloatArray, profits: Sequence[Concave]) -> Best | None:
    """Return the energies of the greatest profit; ``None`` if none are within the domains.

    Parameters
    ----------
    limit_kwh
        The most that each vehicle can draw in each period, shape ``(periods, vehicles)``.
    drawn
        A split to begin with, the same shape; every vehicle draws in all what it needs. It is not changed.
    profits
        One for each period.

    Raises
    ------
    SolverError
        When the search does not end, which has not been seen.
    """
    search = _Exchange(limit_kwh, drawn.copy(), profits)
    for _ in range(MAXIMUM_SEARCHES):
        root, before = search.sources()
        gaining = [t for t in range(len(root)) if search.up[t] > search.down[root[t]]]
        if not gaining:
            return search.answer(root)
        gaining.sort(key=search.up.__getitem__, reverse=True)
        search.move(root[gaining[0]], gaining[0], before)
        for t in gaining[1:]:
            if search.up[t] > search.down[root[t]]:
                search.move(root[t], t, before)
    raise SolverError(f"the best energies of a fleet were not found after {MAXIMUM_SEARCHES} searches")


def _classes(profits: Sequence[Concave]) -> dict[float, int]:
    """Number the slopes from the least one; those that are equal up to rounding get one number."""
    number, last, classes = -1, -np.inf, dict[float, int]()
    for slope in sorted({slope for _, slopes in profits for slope in slopes}):
        number += slope - last > SAME_SLOPE
        classes[slope] = number
        last = slope
    return classes


class _Exchange:
    """A split under way.

    What period t gains with the next kWh and loses with the last one are whole numbers, ``up`` and ``down``: the class
    of the slope, and within a class more for an earlier period. Beyond the domain of f_t they are such that energy
    moves inside first and never out: no slope is worth more than what is missing, or less than what is too much.
    """

    def __init__(self, limit: FloatArray, drawn: FloatArray, profits: Sequence[Concave]) -> None:
        self.limit, self.drawn, self.profits = limit, drawn, profits
        self.energy: list[float] = drawn.sum(axis=1).tolist()
        self._class = _classes(profits)
        self._most = len(self._class)
        self.up, self.down = [0] * len(profits), [0] * len(profits)
        for t in range(len(profits)):
            self._weigh(t)

    def _weigh(self, t: int) -> None:
        """Set what a period gains and loses."""
        (points, slopes), energy, count = self.profits[t], self.energy[t], len(self.profits)
        if energy < points[0] - FEASIBILITY:
            up = self._most
        elif energy >= points[-1] - FEASIBILITY:
            up = -3
        else:
            up = self._class[slopes[bisect_right(points, energy + FEASIBILITY) - 1]]
        if energy > points[-1] + FEASIBILITY:
            down = -2
        elif energy <= points[0] + FEASIBILITY:
            down = self._most + 1
        else:
            down = self._class[slopes[bisect_left(points, energy - FEASIBILITY) - 1]]
        self.up[t], self.down[t] = up * count - t, down * count - t

    def sources(self) -> tuple[list[int], list[int]]:
        """Return, for every period, who can give to it at the least loss, and the period before it on the way."""
        count = len(self.energy)
        arcs = self._arcs()
        root, before = list(range(count)), [-1] * count
        unseen = (1 << count) - 1
        for s in sorted(range(count), key=self.down.__getitem__):
            if not unseen >> s & 1:
                continue
            unseen ^= 1 << s
            queue = [s]
            for v in queue:
                new = arcs[v] & unseen
                unseen ^= new
                while new:
                    bit = new & -new
                    t = bit.bit_length() - 1
                    root[t], before[t] = s, v
                    queue.append(t)
                    new ^= bit
            if not unseen:
                break
        return root, before

    def _arcs(self) -> list[int]:
        """Return, for every period, the periods to which some vehicle can move energy, as bits."""
        gives = (self.drawn > FEASIBILITY).astype(np.float32)
        takes = (self.limit - self.drawn > FEASIBILITY).astype(np.float32)
        bits = np.packbits(gives @ takes.T > 0.0, axis=1, bitorder="little")
        return [int.from_bytes(row, "little") for row in bits]

    def move(self, s: int, t: int, before: Sequence[int]) -> None:
        """Move energy from s to t until a slope changes or no vehicle can move more; all movable vehicles alike."""
        drawn, limit = self.drawn, self.limit
        steps, at, amount = [], t, min(self._rise(t), self._fall(s))
        while at != s:
            able = np.minimum(drawn[before[at]], limit[at] - drawn[at])
            total = float(able.sum())
            amount = min(amount, total)
            steps.append((before[at], at, able, total))
            at = before[at]
        if amount < FEASIBILITY:
            return
        for a, b, able, total in steps:
            part = able * (amount / total)
            drawn[a] -= part
            drawn[b] += part
        self.energy[s] -= amount
        self.energy[t] += amount
        self._weigh(s)
        self._weigh(t)

    def _rise(self, t: int) -> float:
        """Return how much more energy a period takes before its slope changes."""
        points, energy = self.profits[t][0], self.energy[t]
        return points[bisect_right(points, energy + FEASIBILITY)] - energy

    def _fall(self, s: int) -> float:
        """Return how much less energy a period takes before its slope changes."""
        points, energy = self.profits[s][0], self.energy[s]
        return energy - points[bisect_left(points, energy - FEASIBILITY) - 1]

    def answer(self, root: Sequence[int]) -> Best | None:
        """Return the energies with their prices, or ``None`` where some are outside their domain."""
        for (points, _), energy in zip(self.profits, self.energy, strict=True):
            if not points[0] - NEGLIGIBLE <= energy <= points[-1] + NEGLIGIBLE:
                return None
        loss = [self._loss(t) for t in range(len(root))]
        return Best(self.energy, self.drawn, [loss[s] for s in root])

    def _loss(self, t: int) -> float:
        """Return the slope to the left; where there is none, one above all others."""
        (points, slopes), energy = self.profits[t], self.energy[t]
        left = bisect_left(points, energy - FEASIBILITY) - 1
        return slopes[left] if left >= 0 else max(self._class, default=0.0)
