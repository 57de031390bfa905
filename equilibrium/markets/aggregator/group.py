"""The prices that belong together: of one lot under pay-as-bid, all of them under a uniform price.

Only prices join scenarios. So the sum of what the leader could earn with prices of its own in every scenario bounds
what common prices earn, and where a gap is left prices are split in two until the scenarios agree.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from equilibrium.arrays import FloatArray
from equilibrium.deadline import Deadline
from equilibrium.markets.aggregator.followers import Follower, expected
from equilibrium.markets.aggregator.halves import Halves, halve
from equilibrium.markets.aggregator.hours import Graphs, graph_value
from equilibrium.markets.aggregator.levels import look_all, lower_all
from equilibrium.markets.aggregator.nodes import Nodes, Prices, Problem, clipped, inside
from equilibrium.markets.aggregator.polish import polished
from equilibrium.markets.aggregator.reaction import react
from equilibrium.markets.aggregator.search import Found, Search
from equilibrium.programs.program import FEASIBILITY, GAP
from equilibrium.programs.solvers.aside import side_by_side

SHARE = 0.75
"""Share of the allowed gap that the searches of single scenarios may leave."""

SPLIT = 0.01
"""Where a price is split between two values: this part of the way from the lower one, so that each loses its own; half
of the way where one of them is a limit of the box already."""

TRIED = 2
"""Splits of a box that are tried before one is chosen."""

LEAST_FALL = 1e-6
"""A fall of a bound by less, currency, counts as this when two halves are weighed."""

TOGETHER = 4
"""Scenarios up to which they are searched in one problem before prices are split: of more, programs are too large."""

TOGETHER_NODES = 2_000
"""Nodes of that search."""

GUESSED = 150
"""Nodes after which a guess is good enough: what is left of its search would only prove it."""

MOST_BOXES = 200
"""Boxes of prices after which the bound that is proved is what is told."""


@dataclass(frozen=True, eq=False)
class Settled:
    """The best prices of a group and how good they are.

    Attributes
    ----------
    prices
        By name.
    value, bound
        What they earn, expected, and the most that any prices earn, currency.
    candidates
        The best prices of each scenario for itself.
    nodes
        Nodes looked at.
    """

    prices: Prices
    value: float
    bound: float
    candidates: tuple[Prices, ...]
    nodes: int


@dataclass(frozen=True, eq=False)
class _Box:
    """Prices between limits: what each scenario earns there at most, and where."""

    low: Prices
    high: Prices
    bounds: FloatArray
    prices: tuple[Prices, ...]
    searches: tuple[Search, ...]


class Group:
    """One group of prices against the lots that see them.

    Parameters
    ----------
    scenarios
        The lots of each scenario, all with weight one.
    probability
        Of the scenarios, shape ``(scenarios,)``.
    caps
        Largest value of each price, by name.
    periods
        Number of periods.
    graphs
        What else the prices earn.
    """

    def __init__(
        self,
        scenarios: Sequence[Sequence[Follower]],
        probability: FloatArray,
        caps: Mapping[str, float],
        periods: int,
        graphs: Graphs,
    ) -> None:
        self.scenarios, self.probability, self.caps = scenarios, probability, caps
        self._periods, self._graphs, self.nodes = periods, graphs, 0
        self._searching, self._answering = 0.0, np.zeros(len(scenarios))
        self._searches: dict[int, Search] = {}
        self._middle: Group | None = None
        self._same = True  # whether the costs of the middle are those of today

    @property
    def seconds(self) -> float:
        """Time inside solvers so far."""
        return self._searching + float(self._answering.sum())

    def costing(self, scenarios: Sequence[Sequence[Follower]], graphs: Graphs) -> None:
        """Go on with what the group is worth upstream changed: what was searched is looked at anew, not lost."""
        self.scenarios, self._graphs, self._same = scenarios, graphs, False
        numbers = list(self._searches)
        before = sum(search.seconds for search in self._searches.values())
        kept = side_by_side([partial(self._recost, number) for number in numbers])
        self._searching += sum(search.seconds for search in self._searches.values()) - before
        self._searches = {number: self._searches[number] for number, keep in zip(numbers, kept, strict=True) if keep}

    def _recost(self, number: int) -> bool:
        """Let the search of a scenario go on at the costs of today; return whether it can."""
        return self._searches[number].costing(self._halves(number))

    def _expected(self) -> list[Follower]:
        """Return the lots of the expected scenario."""
        return [expected(each, self.probability) for each in zip(*self.scenarios, strict=True)]

    def snapped(self, prices: Prices) -> dict[str, FloatArray]:
        """Return prices that stand on a breakpoint where they are as good as there, and within their caps."""
        found = {name: np.clip(value, 0.0, self.caps[name]) for name, value in prices.items()}
        for name, graphs in self._graphs.items():
            for period, graph in enumerate(graphs):
                for piece in graph:
                    if abs(found[name][period] - piece.low) <= FEASIBILITY * (1.0 + piece.low):
                        found[name][period] = piece.low
        return found

    def earned(self, scenario: int, prices: Prices) -> float:
        """Return what prices earn in one scenario."""
        snapped = self.snapped(prices)
        return self._margin(scenario, snapped) + self._graphed(snapped)

    def by_scenario(self, prices: Prices) -> FloatArray:
        """Return what prices earn in every scenario, shape ``(scenarios,)``."""
        snapped = self.snapped(prices)
        margins = side_by_side([partial(self._margin, number, snapped) for number in range(len(self.scenarios))])
        return np.array(margins) + self._graphed(snapped)

    def _margin(self, scenario: int, snapped: Prices) -> float:
        """Return what the lots of a scenario bring at prices."""
        reactions = [react(follower, snapped) for follower in self.scenarios[scenario]]
        self._answering[scenario] += sum(each.seconds for each in reactions)
        return sum(each.margin for each in reactions)

    def _graphed(self, snapped: Prices) -> float:
        """Return what else prices earn, in every scenario."""
        return sum(
            graph_value(graph, float(snapped[name][period]))
            for name, graphs in self._graphs.items()
            for period, graph in enumerate(graphs)
        )

    def solve(self, gap: float, deadline: Deadline, known: Sequence[Prices] = (), enough: float = -np.inf) -> Settled:
        """Find the best prices up to an absolute gap.

        Parameters
        ----------
        known
            Prices that may be good.
        enough
            A bound that is not above it need not be lowered.
        """
        alone = len(self.scenarios) == 1
        if not known and not alone:
            known = [self.guess(gap, deadline)]
        root = self._box(self._limits(), None, gap if alone else SHARE * gap, deadline, known, enough)
        best, value = self._best([*root.prices, *known])
        bound = self._bound(root)

        def open_() -> bool:
            return not alone and bound > max(enough, value + max(gap, GAP * (1.0 + abs(value))))

        if open_():
            best, value = self._polished(best, value, [*root.prices, *known])
        if open_() and len(self.scenarios) <= TOGETHER:
            found = self._together(best, gap, deadline.part(nodes=TOGETHER_NODES))
            bound = min(bound, found.bound)
            if found.prices is not None and found.value > value:
                best, value = self.snapped(found.prices), found.value
        if open_():
            best, value, split = self._split(root, best, value, gap, deadline, enough)
            bound = min(bound, split)
        return Settled(best, value, max(bound, value), root.prices, self.nodes)

    def _together(self, best: Prices, gap: float, deadline: Deadline) -> Found:
        """Search with all scenarios in one problem: soon done where the day is short."""
        every = [
            replace(follower, weight=float(weight))
            for members, weight in zip(self.scenarios, self.probability, strict=True)
            for follower in members
        ]
        problem = Problem.of(halve(every, self.caps, self._periods, self._graphs))
        search = Search(Nodes(problem), self._expected_value)
        found = search.run(deadline, start=[best], gap=gap)
        self.nodes += found.nodes
        self._searching += found.seconds
        return found

    def explored(self, gap: float, deadline: Deadline, known: Sequence[Prices]) -> Settled:
        """Return the best prices that few nodes find, and the bound so far: no price is split."""
        root = self._box(self._limits(), None, gap, deadline, known)
        every = [*root.prices, *known]
        best, value = self._polished(*self._best(every), every)
        return Settled(best, value, max(self._bound(root), value), root.prices, self.nodes)

    def guess(self, gap: float, deadline: Deadline) -> Prices:
        """Return the best prices that are soon found for the expected scenario: no bound, and often good for all."""
        if len(self.scenarios) == 1:
            return self._box(self._limits(), None, gap, deadline.part(nodes=GUESSED), ()).prices[0]
        if self._middle is None:
            self._middle = Group([self._expected()], np.ones(1), self.caps, self._periods, self._graphs)
        elif not self._same:
            self._middle.costing([self._expected()], self._graphs)
        self._same = True
        before = self._middle.nodes, self._middle.seconds
        prices = self._middle.guess(gap, deadline)
        self.nodes += self._middle.nodes - before[0]
        self._searching += self._middle.seconds - before[1]
        return prices

    def _limits(self) -> tuple[dict[str, FloatArray], dict[str, FloatArray]]:
        low = {name: np.zeros(self._periods) for name in self.caps}
        return low, {name: np.full(self._periods, cap) for name, cap in self.caps.items()}

    def _bound(self, box: _Box) -> float:
        return float(self.probability @ box.bounds)

    def _best(self, candidates: Sequence[Prices]) -> tuple[Prices, float]:
        earned = [self._expected_value(each) for each in candidates]
        best = int(np.argmax(earned))
        return self.snapped(candidates[best]), earned[best]

    def _box(
        self,
        limits: tuple[Prices, Prices],
        parent: _Box | None,
        gap: float,
        deadline: Deadline,
        known: Sequence[Prices],
        enough: float = -np.inf,
    ) -> _Box:
        """Solve the scenarios whose best prices leave the box; the others keep theirs.

        An expected bound that is not above ``enough`` is not lowered further.
        """
        low, high = limits
        if parent is None:
            searches, open_ = self._begun(), list(range(len(self.scenarios)))
            bounds, prices = np.full(len(searches), np.inf), [low] * len(searches)
        else:
            searches, bounds, prices = list(parent.searches), parent.bounds.copy(), list(parent.prices)
            open_ = [k for k, each in enumerate(prices) if not inside(each, low, high)]
            for k in open_:
                searches[k] = searches[k].within(low, high)
        going = [searches[k] for k in open_]
        before = sum(each.looked for each in going), sum(each.seconds for each in going)
        met = [each.prices for each in going if each.prices is not None]
        look_all(going, [clipped(each, low, high) for each in (*known, *met)])
        others = np.isin(np.arange(bounds.size), open_, invert=True) & (self.probability > 0.0)
        least = enough - float(self.probability[others] @ bounds[others])
        lower_all(going, self.probability[open_], deadline, gap, least)
        self.nodes += sum(each.looked for each in going) - before[0]
        self._searching += sum(each.seconds for each in going) - before[1]
        for k in open_:
            found = searches[k].prices
            bounds[k], prices[k] = min(searches[k].bound, bounds[k]), low if found is None else found
        return _Box(low, high, bounds, tuple(prices), tuple(searches))

    def _halves(self, number: int) -> Halves:
        return halve(self.scenarios[number], self.caps, self._periods, self._graphs)

    def _begun(self) -> list[Search]:
        """Return the search of every scenario at all prices."""
        new = [k for k in range(len(self.scenarios)) if k not in self._searches]
        begun = side_by_side([partial(self._search, k) for k in new])
        self._searches |= dict(zip(new, begun, strict=True))
        return [self._searches[k] for k in range(len(self.scenarios))]

    def _search(self, number: int) -> Search:
        """Return a search of a scenario at all prices that has not begun."""
        return Search(Nodes(Problem.of(self._halves(number))), lambda prices: self.earned(number, prices))

    def _polished(self, best: Prices, value: float, others: Sequence[Prices]) -> tuple[Prices, float]:
        """Take the prices of a period from another scenario where that earns more, until nothing changes."""
        return polished(best, value, others, lambda prices: (self.snapped(prices), self._expected_value(prices)))

    def _expected_value(self, prices: Prices) -> float:
        return float(self.probability @ self.by_scenario(prices))

    def _split(
        self, root: _Box, best: Prices, value: float, gap: float, deadline: Deadline, enough: float
    ) -> tuple[Prices, float, float]:
        """Branch on prices until the bound is within the gap; return prices, value and bound."""
        count = itertools.count()
        heap = [(-self._bound(root), next(count), root)]
        closed, boxes = value, 1
        gap = max(gap, GAP * (1.0 + abs(value)))
        while heap and -heap[0][0] > max(enough, value + gap) and not deadline.passed and boxes < MOST_BOXES:
            boxes += 2
            box = heapq.heappop(heap)[2]
            children = self._chosen(box, best, gap, deadline, max(enough, value + gap))
            if children is None:
                closed = max(closed, self._bound(box))
                continue
            for child in children:
                found, earned = self._best(child.prices)
                if earned > value:
                    best, value = self._polished(found, earned, child.prices)
                heapq.heappush(heap, (-self._bound(child), next(count), child))
        return best, value, max([closed, *(-entry[0] for entry in heap)])

    def _chosen(
        self, box: _Box, best: Prices, gap: float, deadline: Deadline, enough: float
    ) -> tuple[_Box, _Box] | None:
        """Return the halves of a box that lower its bound most, of a few splits that are tried."""
        tried = list[tuple[float, tuple[_Box, _Box]]]()
        for name, period, at in self._disagreements(box, best):
            low, high = self._parted(box, name, period, at)
            children = (
                self._box((box.low, high), box, SHARE * gap, deadline, [best], enough),
                self._box((low, box.high), box, SHARE * gap, deadline, [best], enough),
            )
            falls = [self._bound(box) - self._bound(child) for child in children]
            tried.append((max(falls[0], LEAST_FALL) * max(falls[1], LEAST_FALL), children))
            if all(self._bound(child) <= enough for child in children):
                break
        return max(tried, key=lambda each: each[0])[1] if tried else None

    @staticmethod
    def _parted(box: _Box, name: str, period: int, at: float) -> tuple[dict[str, FloatArray], dict[str, FloatArray]]:
        """Return the lower limits of the upper half of a box, and the upper limits of the lower half."""
        low, high = ({each: limit.copy() for each, limit in side.items()} for side in (box.low, box.high))
        low[name][period] = high[name][period] = at
        return low, high

    def _disagreements(self, box: _Box, best: Prices) -> list[tuple[str, int, float]]:
        """Return prices, periods and values at which scenarios part that want different prices, the best splits first.

        A scenario that loses most at common prices says where: of its own prices, each is replaced alone by the common
        one, and what that costs tells how much it matters.
        """
        here = clipped(best, box.low, box.high)
        lost = self.probability * (box.bounds - self.by_scenario(here))
        for number in np.argsort(-lost).tolist():
            wanted, left = box.prices[number], []
            for name, period in itertools.product(self.caps, range(self._periods)):
                if abs(wanted[name][period] - here[name][period]) > FEASIBILITY * (1.0 + self.caps[name]):
                    trial = {each: limit.copy() for each, limit in wanted.items()}
                    trial[name][period] = here[name][period]
                    left.append((self.earned(number, trial), name, period))
            if left:
                places = [(name, period) for _, name, period in sorted(left)[:TRIED]]
                return [(name, period, self._between(box, name, period, wanted, here)) for name, period in places]
        return []

    def _between(self, box: _Box, name: str, period: int, wanted: Prices, here: Prices) -> float:
        ends = sorted((float(wanted[name][period]), float(here[name][period])))
        limits = float(box.low[name][period]), float(box.high[name][period])
        part = 0.5 if ends[0] == limits[0] > 0.0 or ends[1] == limits[1] < self.caps[name] else SPLIT
        return ends[0] + part * (ends[1] - ends[0])
