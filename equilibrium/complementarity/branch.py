"""Branch and bound on complementarity pairs, integers and bent directions: exact, and without any big M.

A node fixes one column of some pairs to zero through its bounds; its relaxation forgets the other pairs. The best
bound among the open nodes is a proof, whatever has been found so far.
"""

from __future__ import annotations

import heapq
import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from equilibrium.arrays import FloatArray
from equilibrium.certificate import EPSILON_REGRET, EXACT_REGRET
from equilibrium.complementarity.problem import WHOLE, Mpcc
from equilibrium.complementarity.relaxation import Node, Relaxation, Relaxed
from equilibrium.deadline import Deadline
from equilibrium.programs.program import GAP, INF
from equilibrium.programs.solvers import Status

LEFT_TO_ROUNDING = 1e-7
"""A part whose bound stays below the best value by less than this, relative, was left to rounding."""

OPEN_PAIR = 1e-9
"""A pair is complementary when the smaller of its two columns is below this."""

CLOSE_PAIR = 1e-6
"""A pair whose smaller column is below this is tried as complementary before it is branched on."""

LONG_SPATIAL = 2_000
"""Splits of directions after which a search is content with what counts as epsilon-Nash: on a flat optimum the number
of parts grows without end as the gap closes, and each part's bound stays a part of the proof."""

MAX_NODES = 2_000_000

DEFAULT_SECONDS = 600.0

COMPLETE_EVERY = 50
"""Nodes between two looks for a complementary point near the relaxation's."""

Complete = Callable[[FloatArray], FloatArray | None]


class End(StrEnum):
    """How a search ended."""

    OPTIMAL = "optimal"
    INFEASIBLE = "infeasible"
    UNBOUNDED = "unbounded"
    LIMIT = "limit"
    UNDECIDED = "undecided"


@dataclass(frozen=True, eq=False)
class Outcome:
    """Best point ``v`` (None if there is none), its ``value``, the proven lower ``bound``, effort and method."""

    end: End
    v: FloatArray | None
    value: float
    bound: float
    nodes: int = 0
    seconds: float = 0.0
    reason: str = ""
    provenance: str = "proved"
    method: str = ""


class Search:
    """One run of the branch and bound.

    Parameters
    ----------
    mpcc
        What to minimise.
    deadline
        After it the best known point is returned with the bound proven so far; the first node is always looked at.
    stop_at
        A value at which any point is good enough (0 for a search for feasibility).
    max_nodes
        Nodes after which it stops as at the deadline.
    complete
        From any values of the first columns, values that some complementary point has; None where it has no idea.
        Such points are known early, so that a search which is cut short has something to return.
    ceiling
        Only lower values are looked for; where there is none the outcome has no point and the bound says so.
    """

    def __init__(
        self,
        mpcc: Mpcc,
        deadline: Deadline | None = None,
        stop_at: float = -INF,
        max_nodes: int = MAX_NODES,
        complete: Complete | None = None,
        ceiling: float = INF,
    ) -> None:
        self.mpcc, self.stop_at, self.max_nodes = mpcc, stop_at, max_nodes
        self.deadline = Deadline(DEFAULT_SECONDS) if deadline is None else deadline
        self._complete = complete
        self.relax = Relaxation(mpcc)
        self.best: FloatArray | None = None
        self.value = ceiling
        self.nodes = 0
        self._open: list[tuple[float, int, Node]] = []
        self._count = itertools.count()
        self._undecided = INF
        self._dropped = INF  # the least bound of the parts that were not worth a look
        self._splits = 0

    def run(self, on_leaf: Callable[[FloatArray, Node], None] | None = None) -> Outcome:
        """Search; ``on_leaf`` sees every complementary point and keeps the search from stopping at the first."""
        start = time.perf_counter()
        base = self.mpcc.instance
        current: Node | None = Node(base.col_lower.copy(), base.col_upper.copy())
        end = End.OPTIMAL
        while current is not None or self._open:
            if current is None:
                current = heapq.heappop(self._open)[2]
            if on_leaf is None and current.bound >= self._cutoff():
                self._drop(current.bound)
                current = None
                continue
            late = self.nodes > 0 and self.deadline.passed  # the root always gives a bound
            if late or self.nodes >= self.max_nodes or self.value <= self.stop_at:
                self._push(current)
                end = End.OPTIMAL if self.value <= self.stop_at else End.LIMIT
                break
            self.nodes += 1
            self.deadline.spend(1)
            current, unbounded = self._step(current, on_leaf)
            if unbounded:
                return Outcome(End.UNBOUNDED, self.best, -INF, -INF, self.nodes, time.perf_counter() - start)
        return self._outcome(end, time.perf_counter() - start)

    def _outcome(self, end: End, seconds: float) -> Outcome:
        bound = min([self.value, self._undecided, self._dropped, *(entry[0] for entry in self._open)])
        reason = ""
        if end is End.OPTIMAL and self._undecided < self.value - LEFT_TO_ROUNDING * (1.0 + abs(self.value)):
            end, reason = End.UNDECIDED, "some parts were left with a bound below the best value (curvature, rounding)"
        elif end is End.OPTIMAL and self.best is None:
            end = End.INFEASIBLE
        return Outcome(end, self.best, self.value, bound, self.nodes, seconds, reason)

    def _cutoff(self) -> float:
        """Return the bound from which on a part is not worth a look."""
        if not np.isfinite(self.value):
            return INF
        gap = GAP
        if self._splits:
            gap = 0.5 * (EXACT_REGRET if self._splits <= LONG_SPATIAL else EPSILON_REGRET)
        return self.value - gap * (1.0 + abs(self.value))

    def _drop(self, bound: float) -> None:
        """Leave a part out whose bound is within the tolerance of the best value; the proof keeps its bound."""
        self._dropped = min(self._dropped, bound)

    def _push(self, node: Node) -> None:
        heapq.heappush(self._open, (node.bound, next(self._count), node))

    def _step(self, node: Node, on_leaf: Callable[[FloatArray, Node], None] | None) -> tuple[Node | None, bool]:
        """Bound one node; return the child to dive into, and whether the problem is unbounded."""
        relaxed = self.relax.bound(node)
        if relaxed.status is Status.INFEASIBLE:
            return None, False
        if on_leaf is None and relaxed.bound >= self._cutoff():
            self._drop(max(node.bound, relaxed.bound))
            return None, False
        node = replace(node, bound=max(node.bound, relaxed.bound))
        if relaxed.status is Status.UNBOUNDED:
            return self._unbounded(node, relaxed)
        column = self._fractional(relaxed.v)
        if column is not None:
            return self._split_integer(node, column, float(relaxed.v[column])), False
        sizes = self._pair_sizes(node, relaxed.v)
        worst = int(np.argmax(sizes)) if sizes.size else -1
        if worst >= 0 and sizes[worst] > CLOSE_PAIR and (self.nodes - 1) % COMPLETE_EVERY == 0:
            self._try_complete(relaxed.v)
        if worst < 0 or sizes[worst] <= CLOSE_PAIR:
            settled = self._settle(node, relaxed)
            if on_leaf is not None and settled is not None:
                on_leaf(settled, node)
            if worst < 0 or sizes[worst] <= OPEN_PAIR or (settled is not None and node.bound >= self._cutoff()):
                return self._split_direction(node, relaxed), False
        return self._split_pair(node, worst, relaxed.v), False

    def _unbounded(self, node: Node, relaxed: Relaxed) -> tuple[Node | None, bool]:
        unfixed = self._unfixed(node)
        if unfixed.size:
            return self._split_pair(node, int(unfixed[0]), None), False
        integer = np.flatnonzero(self.mpcc.integer & (node.lower < node.upper))
        finite = integer[np.isfinite(node.lower[integer] + node.upper[integer])]
        if finite.size:
            column = int(finite[0])
            return self._split_integer(node, column, 0.5 * (node.lower[column] + node.upper[column] - 0.5)), False
        if relaxed.weights.size == 0 or self.relax.falls_for_ever(node, relaxed.directions):
            return None, True
        self._undecided = -INF
        self._accept(self._rounded(relaxed.v))
        return None, False

    def _unfixed(self, node: Node) -> np.ndarray:
        if not self.mpcc.pairs.size:
            return np.zeros(0, dtype=np.int64)
        zero = (node.lower[self.mpcc.pairs] == 0.0) & (node.upper[self.mpcc.pairs] == 0.0)
        return np.flatnonzero(~zero.any(axis=1))

    def _pair_sizes(self, node: Node, v: FloatArray) -> FloatArray:
        pairs = self.mpcc.pairs
        if not pairs.size:
            return np.zeros(0)
        zero = (node.lower[pairs] == 0.0) & (node.upper[pairs] == 0.0)
        return np.where(zero.any(axis=1), 0.0, np.min(np.abs(v[pairs]), axis=1))

    def _fractional(self, v: FloatArray) -> int | None:
        integer = np.flatnonzero(self.mpcc.integer)
        distance = np.abs(v[integer] - np.round(v[integer]))
        if not integer.size or distance.max() <= WHOLE:
            return None
        return int(integer[int(np.argmax(distance))])

    def _rounded(self, v: FloatArray) -> FloatArray:
        return np.where(self.mpcc.integer, np.round(v), v)

    def _settle(self, node: Node, relaxed: Relaxed) -> FloatArray | None:
        """Fix every pair as the point suggests, solve again, and keep the point if it is good."""
        v, pairs = relaxed.v, self.mpcc.pairs
        lower, upper = node.lower.copy(), node.upper.copy()
        integer = self.mpcc.integer
        lower[integer] = upper[integer] = np.round(v[integer])
        if pairs.size:
            smaller = np.where(np.abs(v[pairs[:, 0]]) <= np.abs(v[pairs[:, 1]]), pairs[:, 0], pairs[:, 1])
            done = ((node.lower[pairs] == 0.0) & (node.upper[pairs] == 0.0)).any(axis=1)
            lower[smaller[~done]] = upper[smaller[~done]] = 0.0
        again = self.relax.bound(Node(lower, upper, node.cuts))
        if again.status is not Status.OPTIMAL:
            return None
        self._accept(again.v)
        return again.v

    def _try_complete(self, v: FloatArray) -> None:
        """Look for a complementary point with the same decisions: first its slacks, then multipliers that fit."""
        known = None if self._complete is None else self._complete(self._rounded(v))
        if known is None:
            return
        base, pairs = self.mpcc.instance, self.mpcc.pairs
        lower, upper = base.col_lower.copy(), base.col_upper.copy()
        first = np.arange(known.size)
        lower[first] = upper[first] = np.clip(known, lower[first], upper[first])
        slacks = self.relax.any_point(Node(lower, upper))
        if slacks.status is not Status.OPTIMAL:
            return
        open_side = np.abs(slacks.v[pairs[:, 1]]) > CLOSE_PAIR
        zero = np.where(open_side, pairs[:, 0], pairs[:, 1])
        if np.any((lower[zero] > 0.0) | (upper[zero] < 0.0)):
            return
        lower[zero] = upper[zero] = 0.0
        again = self.relax.any_point(Node(lower, upper))
        if again.status is Status.OPTIMAL:
            self._accept(again.v)

    def _accept(self, v: FloatArray) -> None:
        value = self.mpcc.value(v)
        if value < self.value:
            self.best, self.value = v, value

    def _split_pair(self, node: Node, pair: int, v: FloatArray | None) -> Node | None:
        """Branch on a pair; dive into the child that the point is nearer to."""
        first, second = self.mpcc.pairs[pair].tolist()
        if v is not None and abs(v[second]) < abs(v[first]):
            first, second = second, first
        children = []
        for column in (first, second):
            if node.lower[column] > 0.0 or node.upper[column] < 0.0:
                continue
            lower, upper = node.lower.copy(), node.upper.copy()
            lower[column] = upper[column] = 0.0
            children.append(Node(lower, upper, node.cuts, node.bound, node.depth + 1))
        for child in children[1:]:
            self._push(child)
        return children[0] if children else None

    def _bending_pair(self, unfixed: np.ndarray, relaxed: Relaxed) -> int:
        """Return the pair whose columns have the largest share in the bent directions."""
        share = np.max(np.abs(relaxed.directions), axis=0)[self.mpcc.pairs[unfixed]]
        return int(unfixed[int(np.argmax(share.max(axis=1)))])

    def _split_integer(self, node: Node, column: int, value: float) -> Node:
        down, up = node.upper.copy(), node.lower.copy()
        down[column], up[column] = np.floor(value), np.floor(value) + 1.0
        below = Node(node.lower, down, node.cuts, node.bound, node.depth + 1)
        above = Node(up, node.upper, node.cuts, node.bound, node.depth + 1)
        dive, rest = (below, above) if value - np.floor(value) < 0.5 else (above, below)
        self._push(rest)
        return dive

    def _split_direction(self, node: Node, relaxed: Relaxed) -> Node | None:
        """Close a node whose relaxation is exact; else branch on the direction with the widest secant gap."""
        if node.bound >= self._cutoff():
            self._drop(node.bound)
            return None
        if relaxed.weights.size:
            unfixed = self._unfixed(node)
            if unfixed.size:  # there are finitely many pairs, and each one settled takes curvature away
                return self._split_pair(node, self._bending_pair(unfixed, relaxed), relaxed.v)
        if not relaxed.weights.size:
            self._undecided = min(self._undecided, node.bound)
            return None
        place = relaxed.directions @ relaxed.v
        low, high = relaxed.ranges[:, 0], relaxed.ranges[:, 1]
        gaps = -0.5 * relaxed.weights * np.maximum(place - low, 0.0) * np.maximum(high - place, 0.0)
        worst = int(np.argmax(gaps))
        if gaps[worst] <= 0.1 * GAP * (1.0 + abs(self.value)):
            self._undecided = min(self._undecided, node.bound)
            return None
        self._splits += 1
        width = high[worst] - low[worst]
        at = float(np.clip(place[worst], low[worst] + 0.2 * width, high[worst] - 0.2 * width))
        left = Node(node.lower, node.upper, (*node.cuts, (relaxed.directions[worst], -INF, at)), node.bound)
        right = Node(node.lower, node.upper, (*node.cuts, (relaxed.directions[worst], at, INF)), node.bound)
        self._push(right)
        return left


def minimise_mpcc(
    mpcc: Mpcc, deadline: Deadline | None = None, stop_at: float = -INF, complete: Complete | None = None
) -> Outcome:
    """Minimise a problem without products in rows by branch and bound; see :class:`Search`."""
    return Search(mpcc, deadline, stop_at, complete=complete).run()
