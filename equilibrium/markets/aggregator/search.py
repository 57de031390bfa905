"""Branch and bound over the pairs of a leader's problem: each branch changes one of two linear programs.

The best open bound is a proof, whatever has been found so far: it is a sum of two optima of linear programs, and needs
neither a bound on a multiplier nor a mixed-integer solver. Where cuts join both programs they are one, and its optimum
is the bound. Points come from the followers' own reactions to a node's prices, so every value that is returned is one
that the leader earns.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from equilibrium.arrays import FloatArray, IntArray
from equilibrium.deadline import Deadline
from equilibrium.markets.aggregator.halves import Halves
from equilibrium.markets.aggregator.history import History, score
from equilibrium.markets.aggregator.nodes import Leaf, Node, Nodes, Prices
from equilibrium.programs.program import GAP, INF

Earn = Callable[[Prices], float]
"""What the leader earns at prices, followers reacting in its favour where they are indifferent."""

COMPLEMENTARY = 1e-9
"""A pair whose product is below this, relative to ``1 + |profit|``, counts as complementary."""

MOST_TRIED = 6, 3
"""Choices at most whose branches are solved at one node, as means or what they are off by promise."""

WORTH = 0.1, 0.5
"""A choice that does this part of what the next one promises is taken, as means or what they are off by promise."""

PLUNGE_EVERY = 20
"""The best open node is followed down to prices at which nothing is open every so many times."""


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


class Search:
    """A branch and bound that can be gone on with, at a closer gap, at other costs, or between closer limits of prices.

    Parameters
    ----------
    nodes
        What is searched.
    earn
        Evaluates prices.
    leaves
        All parts to begin with, where they are known; else the search begins at the root.
    history
        How bounds rose where choices were branched on.

    Attributes
    ----------
    value, prices
        The best prices met at these costs and limits, and what they earn.
    looked
        Nodes looked at so far.
    """

    def __init__(
        self,
        nodes: Nodes,
        earn: Earn,
        leaves: Sequence[Leaf] | None = None,
        history: History | None = None,
    ) -> None:
        self._nodes, self._earn, self._gap = nodes, earn, 0.0
        self.value = -INF
        self.prices: Prices | None = None
        self.looked = 0
        # All parts that are not settled; None: nothing has been looked at.
        self._leaves = None if leaves is None else list(leaves)
        self._settled: list[Leaf] = []
        self._open: list[tuple[float, int, Node | Leaf]] = []
        self._count = itertools.count()
        choices = self._halves.quantity.size + len(self._halves.weights)
        self._history = History.of(choices) if history is None else history.copy()
        # The pieces of all graphs, shape (pieces, 2), and where those of each graph begin.
        self._pieces = np.concatenate([np.zeros((0, 2), dtype=np.int64), *self._halves.weights])
        sizes = [len(each) for each in self._halves.weights]
        self._graphs = np.cumsum([0, *sizes])[:-1]
        self._worth = self._ends()

    @property
    def _halves(self) -> Halves:
        return self._nodes.problem.halves

    @property
    def seconds(self) -> float:
        """Time inside the solver so far."""
        return self._nodes.seconds

    def within(self, low: Prices, high: Prices) -> Self:
        """Return a search between closer limits of prices that begins where this one is."""
        nodes = Nodes(self._nodes.problem, low, high, self._nodes.programs)
        leaves = None if self._leaves is None else [*self._leaves, *self._settled]
        return type(self)(nodes, self._earn, leaves, self._history)

    def costing(self, halves: Halves) -> bool:
        """Go on at other costs, all parts looked at anew; return whether nothing but costs differs."""
        problem = self._nodes.problem.costing(halves)
        if problem is None:
            return False
        self._nodes.costing(problem)
        self._worth = self._ends()
        if self._leaves is not None:
            again = (self._nodes.again(leaf) for leaf in (*self._leaves, *self._settled))
            self._leaves, self._settled = [Leaf.of(node) for node in again if node is not None], []
        best, self.value, self.prices = self.prices, -INF, None
        if best is not None:
            self._look(best)
        return True

    def _ends(self) -> tuple[FloatArray, FloatArray]:
        """Return the lesser and the greater cost of the ends of each piece."""
        cost = self._halves.prices.cost[self._pieces]
        return cost.min(axis=1), cost.max(axis=1)

    def run(
        self,
        deadline: Deadline | None = None,
        *,
        start: Sequence[Prices] = (),
        gap: float = 0.0,
    ) -> Found:
        """Search on.

        Parameters
        ----------
        start
            Prices that may be good.
        gap
            Absolute gap at which the search may stop, beside :data:`equilibrium.programs.program.GAP`.
        """
        limit, nodes = Deadline() if deadline is None else deadline, self._nodes
        before, seconds = self.looked, nodes.seconds
        self._gap = gap
        self.look(start)
        if self._leaves is None:
            root = nodes.root()
            self._leaves = [Leaf.of(root)] if np.isfinite(root.value) else []
        self._open = [(leaf.value, next(self._count), leaf) for leaf in self._leaves]
        heapq.heapify(self._open)
        taken = 0
        while self._open and self._open[0][0] < self._cutoff(gap):
            if self.looked > before and limit.passed:
                break
            part = heapq.heappop(self._open)[2]
            if isinstance(part, Leaf):
                node = nodes.again(part)
                if node is not None:
                    self._push(node)
                continue
            self._follow(part, limit, plunge=taken % PLUNGE_EVERY == 0)
            taken += 1
        self._leaves, self._open = [_kept(part) for _, _, part in self._open], []
        return Found(self.prices, self.value, self.bound, self.looked - before, nodes.seconds - seconds)

    @property
    def bound(self) -> float:
        """Proven upper bound on what any prices earn; infinite before there is one."""
        if self._leaves is None:
            return INF
        least = min((leaf.value for leaf in (*self._leaves, *self._settled)), default=INF)
        return max(self._halves.constant - least, self.value)

    @property
    def left(self) -> float:
        """What the bound leaves open: the more, the longer it takes to the end."""
        return self.bound - self.value

    def ended(self, gap: float) -> bool:
        """Whether there is nothing to do up to an absolute gap."""
        least = self._cutoff(gap)
        return self._leaves is not None and all(leaf.value >= least for leaf in self._leaves)

    def look(self, every: Sequence[Prices]) -> None:
        """Look at prices that may be good."""
        for prices in every:
            self._look(prices)

    def _cutoff(self, gap: float) -> float:
        """Return the minimised bound from which on a part is not worth a look up to an absolute gap."""
        if not np.isfinite(self.value):
            return INF
        return self._halves.constant - self.value - max(gap, GAP * (1.0 + abs(self.value)))

    def _push(self, node: Node) -> None:
        worth = node.value < self._cutoff(self._gap)
        heapq.heappush(self._open, (node.value, next(self._count), node if worth else Leaf.of(node)))

    def _try(self, node: Node) -> None:
        self._look(self._halves.named(self._nodes.prices(node)))

    def _look(self, prices: Prices) -> None:
        value = self._earn(prices)
        if value > self.value:
            self.value, self.prices = value, prices

    def _follow(self, node: Node, limit: Deadline, *, plunge: bool) -> None:
        """Split a node; in a plunge also its better part, and so on."""
        if plunge:
            self._try(node)
        while True:
            self.looked += 1
            limit.spend(1)
            children = self._branch(node)
            if not plunge or not children or limit.passed:
                break
            *others, node = sorted(children, key=lambda child: -child.value)
            for child in others:
                self._push(child)
            if node.value >= self._cutoff(self._gap):
                children = [node]
                break
        for child in children:
            self._push(child)

    def _branch(self, node: Node) -> list[Node]:
        """Split a node on the pair that raises the bound most on both sides; there are no parts of a settled one."""
        broken, off = self._broken(node)
        if not broken.size:
            self._try(node)
            # What is left between the bound and the value is rounding; the proof keeps the bound.
            self._settled.append(Leaf.of(node))
            return []
        multiplier = self._nodes.prices(node)[self._halves.multiplier]
        unmet = self._nodes.problem.order.unmet(node.known, multiplier)
        children = self._choose(node, broken, off) if unmet is None else self._of_pair(node, unmet)
        return [child for child in children if child is not None and np.isfinite(child.value)]

    def _broken(self, node: Node) -> tuple[IntArray, FloatArray]:
        """Return the pairs that are not complementary and the graphs with several pieces in use, the worst first.

        Also what they are off by, currency.
        """
        halves, x = self._halves, node.sides[0].point[self._halves.quantity]
        product = np.abs((x - self._nodes.held_at) * self._nodes.prices(node)[halves.multiplier])
        product = np.concatenate([product, self._spread(node)])
        order = np.argsort(-product, kind="stable")
        order = order[product[order] > COMPLEMENTARY * (1.0 + abs(node.value))]
        return order, product[order]

    def _spread(self, node: Node) -> FloatArray:
        """Return by how much the value of each graph's mixture of pieces may differ from a single one's, currency."""
        if not self._halves.weights:
            return np.zeros(0)
        ends = self._nodes.prices(node)[self._pieces]
        weight = ends[:, 0] + ends[:, 1]
        used, (least, most) = weight > GAP, self._worth
        width = np.maximum.reduceat(np.where(used, most, -INF), self._graphs)
        width -= np.minimum.reduceat(np.where(used, least, INF), self._graphs)
        off = (1.0 - np.maximum.reduceat(weight, self._graphs)) * (1.0 + width)
        return np.where(np.add.reduceat(used.astype(np.int64), self._graphs) > 1, off, 0.0)

    def _choose(self, node: Node, broken: IntArray, off: FloatArray) -> list[Node | None]:
        """Return the parts of a node whose bounds rise most.

        Choices are tried in the order of what they promise until one does as well as the next one promises, or closes
        a side: then the node goes on in the other one. What they are off by counts up to a gap under pay-as-bid.
        """
        part, closing = int(self._gap > 0.0 and not self._halves.weights), self._closing(node)
        history = self._history
        choices = history.by_size(broken, off, closing) if part else history.by_mean(broken)
        sizes = dict(zip(broken.tolist(), off.tolist(), strict=True))
        best, found = -1.0, list[Node | None]()
        for choice, promised in choices[: MOST_TRIED[part]]:
            if np.isfinite(promised) and best >= WORTH[part] * promised:
                break
            children = self._children(node, choice)
            rises = [min(_value(child) - node.value, closing) for child in children]
            for side, rise in enumerate(rises):
                history.remember(side, choice, rise, sizes[choice])
            if max(rises) >= closing:
                return children
            here = float(score(np.array(rises[0]), np.array(rises[1])))
            if here > best:
                best, found = here, children
        return found

    def _closing(self, node: Node) -> float:
        """Return the rise that closes a node: no more counts."""
        cutoff = self._cutoff(self._gap)
        return max(cutoff - node.value, 0.0) if np.isfinite(cutoff) else 1.0 + abs(node.value)

    def _children(self, node: Node, choice: int) -> list[Node | None]:
        """Return both parts of a node."""
        pairs = self._halves.quantity.size
        return self._of_pair(node, choice) if choice < pairs else self._of_graph(node, choice - pairs)

    def _of_graph(self, node: Node, graph: int) -> list[Node | None]:
        """Split the pieces in use in two: those of lower and those of higher prices."""
        at = self._halves.weights[graph]
        weight = self._nodes.prices(node)[at].sum(axis=1)
        used = np.flatnonzero(weight > GAP)
        share = np.cumsum(weight[used])
        first = used[min(int(np.searchsorted(share, 0.5 * share[-1])), used.size - 2)] + 1
        return [self._nodes.part(node, node.known, banned.ravel()) for banned in (at[first:], at[:first])]

    def _of_pair(self, node: Node, pair: int) -> list[Node | None]:
        """Hold the quantity at its bound, its multiplier above zero, or the multiplier at zero."""
        known = (self._nodes.problem.order.with_pair(node.known, pair, zero=zero) for zero in (False, True))
        return [None if each is None else self._nodes.part(node, each) for each in known]


def _kept(part: Node | Leaf) -> Leaf:
    return part if isinstance(part, Leaf) else Leaf.of(part)


def _value(part: Node | None) -> float:
    """Return the value of a part of a node, infinite where there is none."""
    return INF if part is None else part.value
