"""The prices that belong together: of one lot under pay-as-bid, all of them under a uniform price.

Only prices join scenarios. So the sum of what the leader could earn with prices of its own in every scenario bounds
what common prices earn, and where a gap is left prices are split in two until the scenarios agree.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from equilibrium.arrays import FloatArray
from equilibrium.deadline import Deadline
from equilibrium.markets.aggregator.followers import Follower
from equilibrium.markets.aggregator.halves import halve
from equilibrium.markets.aggregator.hours import Graphs, graph_value
from equilibrium.markets.aggregator.reaction import react
from equilibrium.markets.aggregator.search import Found, Prices, Search
from equilibrium.programs.program import FEASIBILITY, GAP

SHARE = 0.5
"""Share of the allowed gap that the searches of single scenarios may leave."""

SPLIT = 0.01
"""Where a price is split between two values: this part of the way from the lower one, so that each loses its own."""


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
        self._periods, self._graphs, self.nodes, self.seconds = periods, graphs, 0, 0.0
        self._halves = [halve(each, caps, periods, graphs) for each in scenarios]

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
        prices = self.snapped(prices)
        reactions = [react(follower, prices) for follower in self.scenarios[scenario]]
        self.seconds += sum(each.seconds for each in reactions)
        return sum(each.margin for each in reactions) + sum(
            graph_value(graph, float(prices[name][period]))
            for name, graphs in self._graphs.items()
            for period, graph in enumerate(graphs)
        )

    def by_scenario(self, prices: Prices) -> FloatArray:
        """Return what prices earn in every scenario, shape ``(scenarios,)``."""
        return np.array([self.earned(number, prices) for number in range(len(self.scenarios))])

    def solve(self, gap: float, deadline: Deadline, known: Sequence[Prices] = ()) -> Settled:
        """Find the best prices up to an absolute gap.

        Parameters
        ----------
        known
            Prices that may be good.
        """
        low, high = self._limits()
        if len(self.scenarios) == 1:
            root = self._box(low, high, None, gap, deadline, known)
            best, value = self._best([*root.prices, *known])
            return Settled(best, value, max(self._bound(root), value), root.prices, self.nodes)
        known = [*known, self.guess(SHARE * gap, deadline)]
        root = self._box(low, high, None, SHARE * gap, deadline, known)
        best, value = self._best([*root.prices, *known])
        if self._bound(root) - value > gap:
            best, value = self._polished(best, value, [*root.prices, *known])
        best, value, bound = self._split(root, best, value, gap, deadline)
        return Settled(best, value, max(bound, value), root.prices, self.nodes)

    def guess(self, gap: float, deadline: Deadline) -> Prices:
        """Return the best prices for the expected scenario: no bound, and often good for all."""
        if len(self.scenarios) == 1:
            return self._box(*self._limits(), None, gap, deadline, ()).prices[0]
        middle = [expected(each, self.probability) for each in zip(*self.scenarios, strict=True)]
        group = Group([middle], np.ones(1), self.caps, self._periods, self._graphs)
        prices = group.guess(gap, deadline)
        self.nodes += group.nodes
        self.seconds += group.seconds
        return prices

    def _limits(self) -> tuple[dict[str, FloatArray], dict[str, FloatArray]]:
        low = {name: np.zeros(self._periods) for name in self.caps}
        return low, {name: np.full(self._periods, cap) for name, cap in self.caps.items()}

    def _bound(self, box: _Box) -> float:
        return float(self.probability @ box.bounds)

    def _best(self, candidates: Sequence[Prices]) -> tuple[Prices, float]:
        earned = [float(self.probability @ self.by_scenario(each)) for each in candidates]
        best = int(np.argmax(earned))
        return self.snapped(candidates[best]), earned[best]

    def _box(
        self,
        low: Prices,
        high: Prices,
        parent: _Box | None,
        gap: float,
        deadline: Deadline,
        known: Sequence[Prices],
    ) -> _Box:
        """Solve the scenarios whose best prices leave the box; the others keep theirs."""
        bounds, prices = [], []
        for number in range(len(self.scenarios)):
            if parent is not None and _inside(parent.prices[number], low, high):
                bounds.append(parent.bounds[number])
                prices.append(parent.prices[number])
                continue
            start = [_clipped(each, low, high) for each in known]
            found = self._search(number, gap, deadline, (low, high), start)
            bounds.append(found.bound if parent is None else min(found.bound, float(parent.bounds[number])))
            prices.append(found.prices if found.prices is not None else low)
        return _Box(low, high, np.array(bounds), tuple(prices))

    def _search(
        self, number: int, gap: float, deadline: Deadline, limits: tuple[Prices, Prices], start: Sequence[Prices]
    ) -> Found:
        low, high = limits
        search = Search(self._halves[number], lambda prices: self.earned(number, prices), start, gap)
        found = search.run(deadline, low=low, high=high)
        self.nodes += found.nodes
        self.seconds += found.seconds
        return found

    def _polished(self, best: Prices, value: float, others: Sequence[Prices]) -> tuple[Prices, float]:
        """Take the prices of a period from another scenario where that earns more, until nothing changes."""
        changed = True
        while changed:
            changed = False
            for period, other, names in itertools.product(range(self._periods), others, _sets(tuple(best))):
                if all(other[name][period] == best[name][period] for name in names):
                    continue
                trial = {name: each.copy() for name, each in best.items()}
                for name in names:
                    trial[name][period] = other[name][period]
                earned = float(self.probability @ self.by_scenario(trial))
                if earned > value + GAP * (1.0 + abs(value)):
                    best, value, changed = self.snapped(trial), earned, True
        return best, value

    def _split(
        self, root: _Box, best: Prices, value: float, gap: float, deadline: Deadline
    ) -> tuple[Prices, float, float]:
        """Branch on prices until the bound is within the gap; return prices, value and bound."""
        count = itertools.count()
        heap = [(-self._bound(root), next(count), root)]
        closed = value
        while heap and -heap[0][0] > value + gap and not deadline.passed:
            box = heapq.heappop(heap)[2]
            chosen = self._disagreement(box, best)
            if chosen is None:
                closed = max(closed, self._bound(box))
                continue
            name, period, at = chosen
            for side in range(2):
                low = {each: limit.copy() for each, limit in box.low.items()}
                high = {each: limit.copy() for each, limit in box.high.items()}
                (high if side == 0 else low)[name][period] = at
                child = self._box(low, high, box, SHARE * gap, deadline, [best])
                found, earned = self._best(child.prices)
                if earned > value:
                    best, value = self._polished(found, earned, child.prices)
                if self._bound(child) > value + gap:
                    heapq.heappush(heap, (-self._bound(child), next(count), child))
                else:
                    closed = max(closed, self._bound(child))
        return best, value, max([closed, *(-entry[0] for entry in heap)])

    def _disagreement(self, box: _Box, best: Prices) -> tuple[str, int, float] | None:
        """Return a price, period and value at which scenarios part that want different prices."""
        here = _clipped(best, box.low, box.high)
        lost = self.probability * (box.bounds - self.by_scenario(here))
        for number in np.argsort(-lost).tolist():
            wanted, gains = box.prices[number], []
            for name, period in itertools.product(self.caps, range(self._periods)):
                if abs(wanted[name][period] - here[name][period]) > FEASIBILITY * (1.0 + self.caps[name]):
                    trial = {each: limit.copy() for each, limit in here.items()}
                    trial[name][period] = wanted[name][period]
                    gains.append((self.earned(number, trial), name, period))
            if gains:
                _, name, period = max(gains)
                ends = sorted((float(wanted[name][period]), float(here[name][period])))
                return name, period, ends[0] + SPLIT * (ends[1] - ends[0])
        return None


def expected(scenarios: Sequence[Follower], probability: FloatArray) -> Follower:
    """Return a lot in the mean of its scenarios: every number of its program is weighted by probability."""
    first = scenarios[0]
    given = {
        port: np.sum([weight * each.given[port] for each, weight in zip(scenarios, probability, strict=True)], axis=0)
        for port in first.given
    }
    return replace(first, given=given)


def _sets(names: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Return all prices together, then each alone."""
    return [names, *((name,) for name in names)] if len(names) > 1 else [names]


def _inside(prices: Prices, low: Prices, high: Prices) -> bool:
    return all(bool(((prices[name] >= low[name]) & (prices[name] <= high[name])).all()) for name in low)


def _clipped(prices: Prices, low: Prices, high: Prices) -> dict[str, FloatArray]:
    return {name: np.clip(value, low[name], high[name]) for name, value in prices.items()}
