"""A strategic lot's best response on its residual curves, proved optimal.

    max sum_t h_t (F_t - lambda_t(p_t)) p_t    over the lot's own feasible set X_c (3b)-(3f)

less the charge for power above a subscription. ``lambda_t`` is a step function: at a kink the player may count on the
left slope, so each hour's profit is upper semicontinuous with downward jumps. Its least concave majorant is piecewise
linear, which makes relaxations that are solved exactly and fast (:mod:`equilibrium.markets.nodal.relaxation`).
Branching on the hour where the majorant exceeds the profit most closes the gap exactly, because on a single segment the
profit is linear. A branch differs from the relaxation above it in one hour: where that one came with prices, they bound
the branch (Lagrangian duality), and it is solved only when no other could be better.
"""

from __future__ import annotations

import heapq
import itertools
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from equilibrium.arrays import FloatArray
from equilibrium.errors import SolverError
from equilibrium.fleet.exchange import Best
from equilibrium.fleet.split import LAST_DIGITS
from equilibrium.markets.nodal.curves import SHORTEST, Curve
from equilibrium.markets.nodal.relaxation import FeasiblePowers, Majorant, majorant, relaxation
from equilibrium.programs.program import GAP, INF

MAXIMUM_NODES = 20_000

EXACT = 1e-11
"""Excess of a majorant, relative to ``1 + |profit|``, that is rounding: a hundredth of the gap that ends the search."""


@dataclass(frozen=True, eq=False)
class BestResponse:
    """The answer: ``power_kw`` ``(hours,)``, its ``profit``, the proven upper ``bound``, and the ``nodes`` it took.

    ``drawn_kwh`` ``(hours, vehicles)`` is what the lot's vehicles draw, where they are known and the answer is new.
    ``first`` is what the lot's next response may begin with.
    """

    power_kw: FloatArray
    profit: float
    bound: float
    nodes: int
    seconds: float
    drawn_kwh: FloatArray | None = None
    first: FirstLook | None = None


def profit_on_curves(price: FloatArray, curves: list[Curve], power: FloatArray, length_h: FloatArray) -> float:
    """Return ``sum_t h_t (F_t - lambda_t) p_t`` with the left slope as the price, h_t the length of a period.

    What the curves say of a subscription is taken off.
    """
    return sum(_profits(price.tolist(), curves, power.tolist(), length_h.tolist()))


def _profits(price: list[float], curves: list[Curve], power: list[float], length: list[float]) -> list[float]:
    """Return each period's profit with the left slope as the price."""
    return [curve.earned(f, p, curve.price(p)) * h for f, curve, p, h in zip(price, curves, power, length, strict=True)]


def best_response(
    price: FloatArray,
    curves: list[Curve],
    own: FeasiblePowers,
    present: FloatArray | None = None,
    solver: str = "auto",
    before: FirstLook | None = None,
) -> BestResponse | None:
    """Maximise a lot's profit on its residual curves.

    Parameters
    ----------
    price
        F_t, currency/kWh, shape ``(hours,)``.
    curves
        One per hour, from :func:`equilibrium.markets.nodal.curves.trace`.
    own
        The lot's own feasible set.
    present, solver
        A feasible schedule to begin with: the search ends at once where nothing beats it. For sets that need a solver.
    before
        That of another response at the same worth ``price``; of its curves some may be the same objects as these.

    Returns
    -------
    BestResponse or None
        ``None`` when the curves' ranges leave the lot no feasible schedule.
    """
    search = _Search(price, curves, own, solver)
    root = search.root(before)
    if root is None:
        return None
    first = FirstLook(list(curves), root)
    known = root.profit if present is None else profit_on_curves(price, curves, present, own.length_h)
    found, best, bound, nodes = _branched(search, root, known)
    if found is None and present is not None:
        return BestResponse(present, best, bound, nodes, search.seconds, first=first)
    node = found or root
    drawn = node.best.drawn if node.best is not None else None
    return BestResponse(np.array(node.power), best, bound, nodes, search.seconds, drawn, first)


def _branched(search: _Search, root: _Node, best: float) -> tuple[_Node | None, float, float, int]:
    """Branch until the most that can be earned is proved; ``best`` is known to be.

    Returns the node that earns most, if one earns more than that, what is earned, its bound, and how many nodes there
    were.
    """
    found: _Node | None = None
    unit, counter, nodes = GAP * (1.0 + abs(root.bound)), itertools.count(), 0
    heap: list[tuple[float, int, _Node | _Box]] = [(0.0, next(counter), root)]
    closed = -INF  # the largest bound of what was closed without anything below it
    while heap:
        node = heapq.heappop(heap)[2]
        if node.bound <= best + GAP * (1.0 + abs(best)):
            closed = max(closed, node.bound)
            continue
        below: Iterable[_Node | _Box]
        if isinstance(node, _Box):
            solved = search.relax(node, best)
            below = () if solved is None else (solved,)
        else:
            nodes += 1
            if nodes > MAXIMUM_NODES:
                raise SolverError(f"a best response was not proved within {MAXIMUM_NODES} nodes")
            if node.profit > best + LAST_DIGITS * (1.0 + abs(best)):
                best, found = node.profit, node
            below = search.below(node)
            if not below:
                closed = max(closed, node.bound)
        for child in below:
            # Bounds that differ by rounding alone must not decide what comes first.
            heapq.heappush(heap, (-np.floor(child.bound / unit), next(counter), child))
    return found, best, max(best, closed), nodes


@dataclass(frozen=True, eq=False)
class _Node:
    """A relaxation that is solved.

    Attributes
    ----------
    majorants
        One for each hour.
    power, most, profits
        The answer, the majorants' values there, and what its hours earn.
    bound
        No schedule below this node earns more.
    price, best
        Those of the answer; see :class:`equilibrium.markets.nodal.relaxation.Relaxed`.
    """

    majorants: list[Majorant]
    power: list[float]
    most: list[float]
    profits: list[float]
    bound: float
    price: list[float] | None
    best: Best | None

    @property
    def profit(self) -> float:
        """What the answer earns."""
        return sum(self.profits)


@dataclass(frozen=True, eq=False)
class FirstLook:
    """The relaxation on whole curves, which a lot's next response begins with: of most hours the curve stays."""

    curves: list[Curve]
    node: _Node


@dataclass(frozen=True, eq=False)
class _Box:
    """A relaxation to be solved: that of a node with another majorant in one hour, and a bound on its value."""

    above: _Node
    hour: int
    majorant: Majorant
    bound: float


class _Search:
    """Relaxations of one best-response problem."""

    def __init__(self, price: FloatArray, curves: list[Curve], own: FeasiblePowers, solver: str) -> None:
        self._price, self._curves, self._length = price.tolist(), curves, own.length_h.tolist()
        self._relaxation = relaxation(own, solver)

    @property
    def seconds(self) -> float:
        """Time inside a solver."""
        return self._relaxation.seconds

    def root(self, before: FirstLook | None) -> _Node | None:
        """Solve the first relaxation, on the whole curves; ``None`` if it is infeasible."""
        majorants = [
            before.node.majorants[hour]
            if before is not None and curve is before.curves[hour]
            else majorant(price, curve, curve.kinks[0], curve.kinks[-1], length)
            for hour, (price, curve, length) in enumerate(zip(self._price, self._curves, self._length, strict=True))
        ]
        found = self._relaxation.solve(majorants, before.node.best if before is not None else None)
        if found is None:
            return None
        most = [part(p) for part, p in zip(majorants, found.power, strict=True)]
        profits = _profits(self._price, self._curves, found.power, self._length)
        return _Node(majorants, found.power, most, profits, sum(most), found.price, found.best)

    def relax(self, box: _Box, known: float = -INF) -> _Node | None:
        """Solve a relaxation; ``None`` if it is infeasible, or proved on the way to reach less than what is known."""
        above = box.above
        majorants, most, profits = above.majorants.copy(), above.most.copy(), above.profits.copy()
        majorants[box.hour], most[box.hour] = box.majorant, box.majorant(above.power[box.hour])
        found = self._relaxation.solve(majorants, above.best, sum(most) - known + EXACT * (1.0 + abs(known)))
        if found is None:
            return None
        for hour, power in enumerate(found.power):
            if power != above.power[hour]:
                curve = self._curves[hour]
                profits[hour] = curve.earned(self._price[hour], power, curve.price(power)) * self._length[hour]
                most[hour] = majorants[hour](power)
        most[box.hour] = box.majorant(found.power[box.hour])
        return _Node(majorants, found.power, most, profits, min(sum(most), box.bound), found.price, found.best)

    def below(self, node: _Node) -> Sequence[_Node | _Box]:
        """Split the hour with the largest excess into below, on, and above the segment that the point lies on.

        Empty where there is nothing to split: the relaxation is exact.
        """
        gaps = [most - profit for most, profit in zip(node.most, node.profits, strict=True)]
        excess = max(gaps)
        if excess <= EXACT * (1.0 + abs(node.bound)):
            return ()
        hour = gaps.index(excess)
        knots, points = self._curves[hour].kinks, node.majorants[hour].points
        low, high = points[0], points[-1]
        segment = min(max(bisect_left(knots, node.power[hour] - SHORTEST) - 1, 0), len(knots) - 2)
        edges = sorted({low, high, *(min(max(knot, low), high) for knot in knots[segment : segment + 2])})
        if len(edges) <= 2:  # one segment already: what is left of the excess is rounding
            return ()
        boxes = [self._box(node, hour, a, b) for a, b in itertools.pairwise(edges)]
        if node.price is not None:
            return boxes
        return [child for box in boxes if (child := self.relax(box)) is not None]

    def _box(self, node: _Node, hour: int, low: float, high: float) -> _Box:
        """Narrow one hour, with the bound that the node's prices prove."""
        part, bound = majorant(self._price[hour], self._curves[hour], low, high, self._length[hour]), node.bound
        if node.price is not None:
            price = node.price[hour]
            bound += part.most(price) - (node.most[hour] - price * node.power[hour])
        return _Box(node, hour, part, bound)
