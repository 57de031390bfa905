"""Branch and bound over the pairs of a leader's problem: each branch changes one of two linear programs.

The best open bound is a proof, whatever has been found so far: it is a sum of two optima of linear programs, and needs
neither a bound on a multiplier nor a mixed-integer solver. Where cuts join both programs they are one, and its optimum
is the bound. Points come from the followers' own reactions to a node's prices, so every value that is returned is one
that the leader earns.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from equilibrium.arrays import FloatArray, IntArray
from equilibrium.deadline import Deadline
from equilibrium.markets.aggregator.cuts import joined
from equilibrium.markets.aggregator.halves import Halves
from equilibrium.markets.aggregator.order import Known, Order
from equilibrium.programs.program import GAP, INF, Instance
from equilibrium.programs.solvers import Status, open_handle
from equilibrium.programs.solvers.choose import require_optimal

Prices = Mapping[str, FloatArray]
"""The leader's prices by name, each of shape ``(periods,)``."""

Earn = Callable[[Prices], float]
"""What the leader earns at prices, followers reacting in its favour where they are indifferent."""

COMPLEMENTARY = 1e-9
"""A pair whose product is below this, relative to ``1 + |profit|``, counts as complementary."""

TRIED = 1
"""Choices, the worst first, whose branches are solved although little is known of them."""

KNOWN = 1
"""Branches on a pair after which its own history tells what the next one will do."""

MOST_TRIED = 6
"""Choices at most whose branches are solved at one node."""

WORTH = 0.1
"""A choice that does this part of what the next one promises is taken."""

LEAST_RISE = 1e-6
"""A rise of the bound by less, relative to the largest, counts as this when two sides are weighed."""

NONE: IntArray = np.zeros(0, dtype=np.int64)
"""No columns."""

PLUNGE_EVERY = 20
"""The best open node is followed down to prices at which nothing is open every so many times."""


@dataclass(frozen=True, eq=False)
class Problem:
    """A leader's problem as it is searched, any number of times.

    Attributes
    ----------
    halves
        The problem.
    order
        What its rows compare.
    joint
        Both halves as one program, the columns of ``quantities`` first; ``None`` where no cut joins them.
    """

    halves: Halves
    order: Order
    joint: Instance | None

    @classmethod
    def of(cls, halves: Halves) -> Self:
        """Look for what joins two halves."""
        return cls(halves, Order(halves), joined(halves))


@dataclass(frozen=True, eq=False)
class Found:
    """What a search ends with.

    Attributes
    ----------
    prices
        The best prices, or ``None`` where there are none between the limits.
    value
        What they earn; else minus infinity.
    bound
        Proven upper bound on what any prices earn.
    nodes
        Nodes looked at.
    seconds
        Time inside the solver, that of reactions not counted.
    """

    prices: Prices | None
    value: float
    bound: float
    nodes: int
    seconds: float


@dataclass(frozen=True, eq=False)
class _Side:
    """One of the two programs at a node: bounds, optimum, point and basis."""

    lower: FloatArray
    upper: FloatArray
    value: float
    point: FloatArray
    basis: object


class _Program:
    """A linear program that is solved at many bounds, each time from a given basis."""

    def __init__(self, instance: Instance) -> None:
        self._instance, self._handle = instance, open_handle(instance, restored=True)
        self.seconds = 0.0

    def solve(self, lower: FloatArray, upper: FloatArray, basis: object = None) -> _Side:
        """Return the optimum between these limits of the columns; its value is infinite where there is none."""
        base = self._instance
        self._handle.update(Instance(base.matrix, base.cost, base.row_lower, base.row_upper, lower, upper))
        if basis is not None:
            self._handle.restore(basis)
        answer = self._handle.solve()
        self.seconds += answer.seconds
        if answer.status is Status.INFEASIBLE:
            return _Side(lower, upper, INF, answer.x, None)
        point = require_optimal(answer, "a node of the leader's problem").x
        return _Side(lower, upper, float(base.cost @ point), point, self._handle.basis())

    def held(self, side: _Side, column: IntArray, at: FloatArray) -> _Side:
        """Return the optimum with some columns held; nothing is solved where they stand there already."""
        if not column.size:
            return side
        lower, upper = side.lower.copy(), side.upper.copy()
        lower[column] = upper[column] = at
        if (side.point[column] == at).all():
            return replace(side, lower=lower, upper=upper)
        return self.solve(lower, upper, side.basis)


@dataclass(frozen=True, eq=False)
class _Node:
    """A node: its programs, both halves or the one that joins them, and what is known of its pairs."""

    sides: tuple[_Side, ...]
    known: Known

    @property
    def value(self) -> float:
        return sum(side.value for side in self.sides)


class Search:
    """One run of the branch and bound.

    Parameters
    ----------
    problem
        What is searched.
    earn
        Evaluates prices.
    start
        Prices that may be good.
    gap
        Absolute gap at which the search may stop, beside :data:`equilibrium.programs.program.GAP`.
    """

    def __init__(self, problem: Problem, earn: Earn, start: Sequence[Prices] = (), gap: float = 0.0) -> None:
        halves = problem.halves
        self.halves, self._order, self._earn, self._gap = halves, problem.order, earn, gap
        self.value = -INF
        self.prices: Prices | None = None
        self.nodes = 0
        for prices in start:
            self._look(prices)
        joint = problem.joint
        self._programs = [_Program(each) for each in ([halves.quantities, halves.prices] if joint is None else [joint])]
        self._first = 0 if joint is None else halves.quantities.shape[1]  # column of the prices' program that is first
        given, at = halves.quantities, halves.quantity
        self._held_at = np.where(halves.upper, given.col_upper[at], given.col_lower[at])
        self._open: list[tuple[float, int, _Node]] = []
        self._count = itertools.count()
        self._closed = INF  # least (minimised) bound of the parts that were left without being settled
        choices = halves.quantity.size + len(halves.weights)
        self._rise, self._seen = np.zeros((2, choices)), np.zeros((2, choices), dtype=np.int64)

    def run(
        self,
        deadline: Deadline | None = None,
        *,
        low: Prices | None = None,
        high: Prices | None = None,
        enough: float = -INF,
    ) -> Found:
        """Search, with prices between ``low`` and ``high`` where they are given.

        A bound that is not above ``enough`` ends it.
        """
        limit = Deadline() if deadline is None else deadline
        root = self._root(low, high)
        if np.isfinite(root.value):
            self._push(root)
        taken = 0
        while self._open and self._open[0][0] < min(self._cutoff(), self.halves.constant - enough):
            if self.nodes and limit.passed:
                break
            self._follow(heapq.heappop(self._open)[2], limit, plunge=taken % PLUNGE_EVERY == 0)
            taken += 1
        least = min([self._closed, -(self.value - self.halves.constant), *(entry[0] for entry in self._open[:1])])
        seconds = sum(program.seconds for program in self._programs)
        return Found(self.prices, self.value, self.halves.constant - least, self.nodes, seconds)

    def _root(self, low: Prices | None, high: Prices | None) -> _Node:
        halves = self.halves
        lower, upper = halves.prices.col_lower.copy(), halves.prices.col_upper.copy()
        for side, given in ((lower, low), (upper, high)):
            for name, at in halves.columns.items():
                if given is not None and name in given:
                    side[at] = given[name]
        limits = [(halves.quantities.col_lower, halves.quantities.col_upper), (lower, upper)]
        if len(self._programs) == 1:
            limits = [_together(*limits)]
        sides = tuple(program.solve(*each) for program, each in zip(self._programs, limits, strict=True))
        return _Node(sides, self._order.start())

    def _prices(self, node: _Node) -> FloatArray:
        """Return the point of the prices' program."""
        return node.sides[-1].point[self._first :]

    def _cutoff(self) -> float:
        """Return the minimised bound from which on a part is not worth a look."""
        if not np.isfinite(self.value):
            return INF
        return self.halves.constant - self.value - max(self._gap, GAP * (1.0 + abs(self.value)))

    def _push(self, node: _Node) -> None:
        if node.value < self._cutoff():
            heapq.heappush(self._open, (node.value, next(self._count), node))
        else:
            self._closed = min(self._closed, node.value)

    def _try(self, node: _Node) -> None:
        self._look(self.halves.named(self._prices(node)))

    def _look(self, prices: Prices) -> None:
        value = self._earn(prices)
        if value > self.value:
            self.value, self.prices = value, prices

    def _follow(self, node: _Node, limit: Deadline, *, plunge: bool) -> None:
        """Split a node; in a plunge also its better part, and so on."""
        if plunge:
            self._try(node)
        while True:
            self.nodes += 1
            limit.spend(1)
            children = self._branch(node)
            if not plunge or not children or limit.passed:
                break
            *others, node = sorted(children, key=lambda child: -child.value)
            for child in others:
                self._push(child)
            if node.value >= self._cutoff():
                children = (node,)
                break
        for child in children:
            self._push(child)

    def _branch(self, node: _Node) -> tuple[_Node, ...]:
        """Split a node on the pair that raises the bound most on both sides; there are no parts of a settled one."""
        broken = self._broken(node)
        if not broken.size:
            self._try(node)
            # What is left between the bound and the value is rounding; the proof keeps the bound.
            self._closed = min(self._closed, node.value)
            return ()
        unmet = self._order.unmet(node.known, self._prices(node)[self.halves.multiplier])
        children = self._choose(node, broken) if unmet is None else self._of_pair(node, unmet)
        return tuple(child for child in children if np.isfinite(child.value))

    def _broken(self, node: _Node) -> np.ndarray:
        """Return the pairs that are not complementary and the graphs with several pieces in use, the worst first."""
        halves, x = self.halves, node.sides[0].point[self.halves.quantity]
        product = np.abs((x - self._held_at) * self._prices(node)[halves.multiplier])
        product = np.concatenate([product, [self._spread(node, at) for at in halves.weights]])
        order = np.argsort(-product, kind="stable")
        return np.asarray(order[product[order] > COMPLEMENTARY * (1.0 + abs(node.value))])

    def _spread(self, node: _Node, at: IntArray) -> float:
        """Return by how much the value of a mixture of pieces may differ from that of a single one, currency."""
        weight = self._prices(node)[at].sum(axis=1)
        used = np.flatnonzero(weight > GAP)
        if used.size <= 1:
            return 0.0
        value = self.halves.prices.cost[at[used]]
        return float((1.0 - weight.max()) * (1.0 + value.max() - value.min()))

    def _choose(self, node: _Node, broken: np.ndarray) -> tuple[_Node, _Node]:
        """Return the parts of a node whose bounds rise most.

        Choices of which much is known are tried in the order of their mean rise, those of which little is known in the
        order in which they are broken, until one does at least as well as the next one promises.
        """
        rise, seen = self._rise[:, broken], self._seen[:, broken]
        mean = rise / np.maximum(seen, 1)
        known = seen.min(axis=0) >= KNOWN
        promised = np.where(known, _score(mean[0], mean[1]), INF)
        unknown = np.flatnonzero(~known)[:TRIED]
        order = [*unknown.tolist(), *sorted(np.flatnonzero(known).tolist(), key=lambda k: -promised[k])]
        best, found = -1.0, None
        for place in order[:MOST_TRIED]:
            if known[place] and best >= WORTH * promised[place]:
                break
            children = self._children(node, int(broken[place]))
            rises = [min(child.value - node.value, self._wide(node)) for child in children]
            here = float(_score(np.array(rises[0]), np.array(rises[1])))
            if here > best:
                best, found = here, children
        assert found is not None
        return found

    def _wide(self, node: _Node) -> float:
        """Return the rise that closes a node: no more counts."""
        return max(self._cutoff() - node.value, 0.0) if np.isfinite(self._cutoff()) else 1.0 + abs(node.value)

    def _children(self, node: _Node, choice: int) -> tuple[_Node, _Node]:
        """Return both parts of a node, and remember how the bound rose."""
        pairs = self.halves.quantity.size
        children = self._of_pair(node, choice) if choice < pairs else self._of_graph(node, choice - pairs)
        for side, child in enumerate(children):
            self._rise[side, choice] += min(child.value - node.value, self._wide(node))
            self._seen[side, choice] += 1
        return children

    def _of_graph(self, node: _Node, graph: int) -> tuple[_Node, _Node]:
        """Split the pieces in use in two: those of lower and those of higher prices."""
        at = self.halves.weights[graph]
        weight = self._prices(node)[at].sum(axis=1)
        used = np.flatnonzero(weight > GAP)
        share = np.cumsum(weight[used])
        first = used[min(int(np.searchsorted(share, 0.5 * share[-1])), used.size - 2)] + 1
        low, high = (self._part(node, node.known, banned.ravel()) for banned in (at[first:], at[:first]))
        return low, high

    def _of_pair(self, node: _Node, pair: int) -> tuple[_Node, _Node]:
        """Hold the quantity at its bound, its multiplier above zero, or the multiplier at zero."""
        first, second = (self._order.with_pair(node.known, pair, zero=zero) for zero in (False, True))
        return self._part(node, first), self._part(node, second)

    def _part(self, node: _Node, known: Known | None, banned: IntArray = NONE) -> _Node:
        """Return the part of a node in which more is known, and some columns of the prices' program are zero."""
        if known is None:
            return replace(node, sides=(replace(node.sides[0], value=INF), *node.sides[1:]))
        halves, new = self.halves, known.positive & ~node.known.positive
        zero = self._first + np.concatenate([halves.multiplier[known.zero & ~node.known.zero], banned])
        held = [(halves.quantity[new], self._held_at[new]), (zero, np.zeros(zero.size))]
        if len(self._programs) == 1:
            held = [_together(*held)]
        parts = zip(self._programs, node.sides, held, strict=True)
        return _Node(tuple(program.held(side, *each) for program, side, each in parts), known)


def _together(
    one: tuple[np.ndarray, np.ndarray], other: tuple[np.ndarray, np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Return what is said of both programs' columns as said of the one that joins them."""
    return np.concatenate([one[0], other[0]]), np.concatenate([one[1], other[1]])


def _score(first: FloatArray, second: FloatArray) -> FloatArray:
    floor = LEAST_RISE * np.maximum(1.0, np.maximum(first, second))
    return np.asarray(np.maximum(first, floor) * np.maximum(second, floor))
