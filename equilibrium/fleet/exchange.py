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
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from equilibrium.arrays import FloatArray
from equilibrium.certificate import NEGLIGIBLE
from equilibrium.errors import SolverError
from equilibrium.programs.program import FEASIBILITY, INF

LATER = 1e-12
"""What a period is worth less than the one before it, currency/kWh: above the rounding of slopes that are equal, and
far below any difference of others that matters."""

MISSING, NEEDLESS = 1e30, 1e30
"""What energy is worth that a domain still needs, and that it must get rid of, currency/kWh: more than any slope."""

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
    price
        lambda, currency/kWh, shape ``(periods,)``.
    slopes, split
        What the next and the last kWh of every period are worth, and what the vehicles draw: where the next search may
        begin.
    """

    energy: list[float]
    price: list[float]
    slopes: Slopes
    split: _Split

    @property
    def drawn(self) -> FloatArray:
        """The split, kWh, shape ``(periods, vehicles)``; not to be written to."""
        return self.split.drawn


def best_energies(
    limit_kwh: FloatArray, begin: FloatArray | Best, profits: Sequence[Concave], spare: float = INF
) -> Best | None:
    """Return the energies of the greatest profit; ``None`` if none are within the domains, or too much is lost.

    Parameters
    ----------
    limit_kwh
        The most that each vehicle can draw in each period, shape ``(periods, vehicles)``.
    begin
        A split to begin with, the same shape; every vehicle draws in all what it needs. It is not changed. Or the
        answer to a similar question.
    profits
        One for each period.
    spare
        Profit that may be lost on the way from where the search begins; what is beyond a domain there counts as its
        end. As soon as prices prove that more is lost, the search ends without an answer.

    Raises
    ------
    SolverError
        When the search does not end, which has not been seen.
    """
    search = _Exchange(limit_kwh, begin, profits)
    up, down = search.up, search.down
    for _ in range(MAXIMUM_SEARCHES):
        root, before = search.sources()
        gaining = [t for t, s in enumerate(root) if up[t] > down[s] + 0.5 * LATER]
        if not gaining:
            return search.answer(root)
        if spare < INF and search.least_loss(root, gaining) > spare:
            return None
        gaining.sort(key=up.__getitem__, reverse=True)
        for t in gaining:
            if up[t] > down[root[t]] + 0.5 * LATER:
                search.move(root[t], t, before)
    raise SolverError(f"the best energies of a fleet were not found after {MAXIMUM_SEARCHES} searches")


@dataclass(frozen=True, eq=False)
class Slopes:
    """What kWh are worth at an answer.

    ``up`` is what period t gains with the next kWh, ``down`` what it loses with the last one, both a little less for a
    later period; ``loss`` is the slope that ``down`` stands for, where there is none ``most``, not less than any.
    """

    profits: Sequence[Concave]
    up: list[float]
    down: list[float]
    loss: list[float]
    most: float


class _Split:
    """What vehicles draw, arrays of shape ``(periods, vehicles)``, and what follows.

    Attributes
    ----------
    limit, nearly_full, drawn
        The most that each can draw, from where on it draws that, and what it draws.
    """

    def __init__(self, limit: FloatArray, nearly_full: FloatArray, drawn: FloatArray) -> None:
        self.limit, self.nearly_full, self.drawn = limit, nearly_full, drawn
        self._arcs: list[int] | None = None

    def copy(self) -> _Split:
        """Return one that moves on its own."""
        return _Split(self.limit, self.nearly_full, self.drawn.copy())

    def move(self, amount: float, steps: Iterable[tuple[int, int, FloatArray, float]]) -> None:
        """Move an amount from one period to the next of every step, among the vehicles that can, all alike."""
        self._arcs = None
        for a, b, able, total in steps:
            able *= amount / total
            self.drawn[a] -= able
            self.drawn[b] += able

    @property
    def arcs(self) -> list[int]:
        """For every period, the periods to which some vehicle can move energy, as bits."""
        if self._arcs is None:
            gives = (self.drawn > FEASIBILITY).astype(np.float32)
            takes = (self.drawn < self.nearly_full).astype(np.float32)
            packed = np.packbits(gives @ takes.T > 0.0, axis=1, bitorder="little")
            words = np.zeros((len(packed), 8 * (1 + (len(packed) - 1) // 64)), dtype=np.uint8)
            words[:, : packed.shape[1]] = packed
            low, *rest = words.view("<u8").T.tolist()
            for k, word in enumerate(rest):
                low = [a | b << 64 * (k + 1) for a, b in zip(low, word, strict=True)]
            self._arcs = low
        return self._arcs


class _Exchange:
    """A split under way; the one that it begins with stays as it is.

    ``up``, ``down`` and ``loss`` are those of :class:`Slopes`. Beyond the domain of f_t they are such that energy moves
    inside first and never out: no slope is worth more than what is missing, or less than what is too much.
    """

    def __init__(self, limit: FloatArray, begin: FloatArray | Best, profits: Sequence[Concave]) -> None:
        self.profits, count = profits, len(profits)
        self._own = not isinstance(begin, Best)  # the split
        self._split = begin.split if isinstance(begin, Best) else _Split(limit, limit - FEASIBILITY, begin.copy())
        self._lost = 0.0  # profit, since the beginning
        most = max((slopes[0] for _, slopes in profits if slopes), default=0.0)
        new: Iterable[int] = range(count)
        if isinstance(begin, Best) and most <= begin.slopes.most:
            known = begin.slopes
            self.energy, self._most = begin.energy.copy(), known.most
            self.up, self.down, self.loss = known.up.copy(), known.down.copy(), known.loss.copy()
            new = (t for t in new if profits[t][0] is not known.profits[t][0])
        else:
            self.energy, self._most = self._split.drawn.sum(axis=1).tolist(), most
            self.up, self.down, self.loss = [0.0] * count, [0.0] * count, [0.0] * count
        for t in new:
            self._weigh(t)

    def _weigh(self, t: int) -> None:
        """Set what a period gains and loses."""
        (points, slopes), energy = self.profits[t], self.energy[t]
        right = bisect_right(points, energy + FEASIBILITY)
        if right == 0:
            self.up[t] = MISSING
        elif right == len(points):
            self.up[t] = -2.0 * NEEDLESS
        else:
            self.up[t] = slopes[right - 1] - LATER * t
        left = bisect_left(points, energy - FEASIBILITY)
        if left == 0:
            self.loss[t], self.down[t] = self._most, 2.0 * MISSING
        elif left == len(points):
            self.loss[t], self.down[t] = self._most, -NEEDLESS
        else:
            self.loss[t] = slopes[left - 1]
            self.down[t] = self.loss[t] - LATER * t

    def sources(self) -> tuple[list[int], list[int]]:
        """Return, for every period, who can give to it at the least loss, and the period before it on the way."""
        count, arcs = len(self.energy), self._split.arcs
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

    def move(self, s: int, t: int, before: Sequence[int]) -> None:
        """Move energy from s to t until a slope changes or no vehicle can move more; all movable vehicles alike."""
        drawn, limit = self._split.drawn, self._split.limit
        steps, at, amount = [], t, min(self._rise(t), self._fall(s))
        while at != s:
            able = np.minimum(drawn[before[at]], limit[at] - drawn[at])
            total = float(able.sum())
            amount = min(amount, total)
            steps.append((before[at], at, able, total))
            at = before[at]
        if amount < FEASIBILITY:
            return
        if not self._own:
            self._own, self._split = True, self._split.copy()
        self._split.move(amount, steps)
        given = 0.0 if self.down[s] == -NEEDLESS else self.loss[s]
        taken = 0.0 if self.up[t] == MISSING else self.up[t]
        self._lost += amount * (given - taken)
        self.energy[s] -= amount
        self.energy[t] += amount
        self._weigh(s)
        self._weigh(t)

    def least_loss(self, root: Sequence[int], gaining: Sequence[int]) -> float:
        """Return how much profit is lost at least when the search ends, by the prices that stand now.

        At prices that no energy of the fleet can be moved up, its energies now are the best; what periods have that is
        better than now bounds the rest (Lagrangian duality). Minus infinity where such prices are not at hand.
        """
        lost, price = self._lost, [self.loss[s] for s in root]
        most = min(range(len(root)), key=self.down.__getitem__)
        if self.down[most] == -NEEDLESS:  # it gives at any price: at what the best of those gains that it can give to
            inside = [t for t, s in enumerate(root) if s == most and t != most]
            level, bits, arcs = max(map(self.up.__getitem__, inside), default=-INF), 1 << most, self._split.arcs
            for t in inside:
                bits |= 1 << t
            outside = (price[t] for t, s in enumerate(root) if s != most and arcs[t] & bits)
            if level > min(min(map(self.loss.__getitem__, inside), default=INF), min(outside, default=INF)):
                return -INF
            lost -= level * (self.energy[most] - self.profits[most][0][-1])
        for t in gaining:
            if root[t] != most or self.down[most] != -NEEDLESS:
                points, slopes = self.profits[t]
                start = max(self.energy[t], points[0])
                lost += price[t] * (start - self.energy[t])
                for slope, low, high in zip(slopes, points, points[1:], strict=False):
                    lost -= max(slope - price[t], 0.0) * max(high - max(low, start), 0.0)
        return lost

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
        for up, down, energy, (points, _) in zip(self.up, self.down, self.energy, self.profits, strict=True):
            if up == MISSING and energy < points[0] - NEGLIGIBLE:
                return None
            if down == -NEEDLESS and energy > points[-1] + NEGLIGIBLE:
                return None
        slopes = Slopes(self.profits, self.up, self.down, self.loss, self._most)
        return Best(self.energy, [self.loss[s] for s in root], slopes, self._split)
