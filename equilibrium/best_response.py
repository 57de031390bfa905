"""A strategic lot's best response on its residual curves, proved optimal.

    max sum_t (F_t - lambda_t(p_t)) p_t    over the lot's own feasible set X_c (3b)-(3f)

``lambda_t`` is a step function: at a kink the player may count on the left slope, so each hour's profit is upper
semicontinuous with downward jumps. Its least concave majorant is piecewise linear, so a relaxation is a small linear
program; branching on the hour where the majorant exceeds the profit most closes the gap exactly, because on a single
segment the profit is linear.
"""

from __future__ import annotations

import heapq
import itertools
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from equilibrium.errors import SolverError
from equilibrium.network import FloatArray
from equilibrium.program import INF, Instance
from equilibrium.residual import SHORTEST, Curve
from equilibrium.solvers import Status
from equilibrium.solvers.highs import HighsHandle

GAP = 1e-9
"""Gap between bound and incumbent, relative to ``1 + |profit|``, at which the search ends."""

MAXIMUM_NODES = 20_000


@dataclass(frozen=True, eq=False)
class FeasiblePowers:
    """A lot's own feasible set as rows on its powers: ``lower <= matrix p <= upper``, ``0 <= p <= power_max_kw``."""

    matrix: sp.csr_array
    lower: FloatArray
    upper: FloatArray
    power_max_kw: FloatArray


@dataclass(frozen=True, eq=False)
class BestResponse:
    """The answer: ``power_kw`` ``(hours,)``, its ``profit``, the proven upper ``bound``, and the ``nodes`` it took."""

    power_kw: FloatArray
    profit: float
    bound: float
    nodes: int
    seconds: float


def profit_on_curves(price: FloatArray, curves: list[Curve], power: FloatArray) -> float:
    """Return ``sum_t (F_t - lambda_t) p_t`` with the left slope as the price."""
    return float(sum((f - curve.price(p)) * p for f, curve, p in zip(price, curves, power, strict=True)))


def best_response(
    price: FloatArray, curves: list[Curve], own: FeasiblePowers, present: FloatArray | None = None
) -> BestResponse | None:
    """Maximise a lot's profit on its residual curves.

    Parameters
    ----------
    price
        F_t, currency/kWh, shape ``(hours,)``.
    curves
        One per hour, from :func:`equilibrium.residual.trace`.
    own
        The lot's own feasible set.
    present
        A feasible schedule to begin with: the search ends at once where nothing beats it.

    Returns
    -------
    BestResponse or None
        ``None`` when the curves' ranges leave the lot no feasible schedule.
    """
    low = np.array([curve.knots[0] for curve in curves])
    high = np.array([curve.knots[-1] for curve in curves])
    search = _Search(price, curves, own)
    counter = itertools.count()
    root = search.relax(low, high)
    if root is None:
        return None
    heap = [(-root.bound, next(counter), root)]
    best, incumbent, nodes = -INF, root.power, 0
    if present is not None:
        best, incumbent = profit_on_curves(price, curves, present), present
    closed = -INF  # the largest bound of the nodes that were closed without a child
    while heap:
        bound, _, node = heapq.heappop(heap)
        if -bound <= best + GAP * (1.0 + abs(best)):
            closed = max(closed, -bound)
            break
        nodes += 1
        if nodes > MAXIMUM_NODES:
            raise SolverError(f"a best response was not proved within {MAXIMUM_NODES} nodes")
        value = profit_on_curves(price, curves, node.power)
        if value > best:
            best, incumbent = value, node.power
        children = search.children(node)
        if children is None:
            closed = max(closed, node.bound)
            continue
        for child in children:
            heapq.heappush(heap, (-child.bound, next(counter), child))
    return BestResponse(incumbent, best, max(best, closed), nodes, search.seconds)


@dataclass(frozen=True, eq=False)
class _Node:
    low: FloatArray
    high: FloatArray
    power: FloatArray
    bound: float
    excess: FloatArray


class _Search:
    """Relaxations of one best-response problem."""

    def __init__(self, price: FloatArray, curves: list[Curve], own: FeasiblePowers) -> None:
        self._price, self._curves, self._own = price.tolist(), curves, own
        self._rows: FloatArray = own.matrix.toarray()
        self._handle: HighsHandle | None = None
        self.seconds = 0.0

    def relax(self, low: FloatArray, high: FloatArray) -> _Node | None:
        """Solve the relaxation on the box; ``None`` if it is infeasible."""
        hour, step, gain, first, base = list[int](), list[float](), list[float](), list[float](), list[float]()
        for k, (f, curve, a, b) in enumerate(zip(self._price, self._curves, low.tolist(), high.tolist(), strict=True)):
            points, values = _majorant(f, curve, a, b)
            first.append(points[0])
            base.append(values[0])
            for (p, v), (q, w) in itertools.pairwise(zip(points, values, strict=True)):
                hour.append(k)
                step.append(q - p)
                gain.append((w - v) / (q - p) if q > p else 0.0)
        offset = self._rows @ first
        gains = np.array(gain)
        instance = Instance(
            matrix=sp.csr_array(self._rows[:, hour]),
            cost=-gains,
            row_lower=self._own.lower - offset,
            row_upper=self._own.upper - offset,
            col_lower=np.zeros(gains.size),
            col_upper=np.array(step),
        )
        if self._handle is None:
            self._handle = HighsHandle(instance)
        else:
            self._handle.load(instance)
        solution = self._handle.solve()
        self.seconds += solution.seconds
        if solution.status is Status.INFEASIBLE:
            return None
        if solution.status is not Status.OPTIMAL:
            raise SolverError(f"a best-response relaxation ended {solution.status}")
        hours = low.size
        power = np.asarray(np.array(first) + np.bincount(hour, solution.x, hours), dtype=np.float64)
        # Concave: an optimal vertex fills an hour's steps in order, up to ties, which are worth the same.
        majorant = np.array(base) + np.bincount(hour, gains * solution.x, hours)
        profit = [(f - c.price(p)) * p for f, c, p in zip(self._price, self._curves, power.tolist(), strict=True)]
        return _Node(low, high, power, float(majorant.sum()), majorant - profit)

    def children(self, node: _Node) -> list[_Node] | None:
        """Split the hour with the largest excess into below, on, and above the segment that the point lies on.

        Returns ``None`` where there is nothing to split: the relaxation is exact.
        """
        hour = int(node.excess.argmax())
        if node.excess[hour] <= GAP * 1e-2 * (1.0 + abs(node.bound)):
            return None
        knots, power = self._curves[hour].knots, node.power[hour]
        segment = min(max(int(np.searchsorted(knots, power - SHORTEST, side="left")) - 1, 0), knots.size - 2)
        cuts = np.clip([knots[segment], knots[segment + 1]], node.low[hour], node.high[hour])
        edges = np.unique([node.low[hour], *cuts, node.high[hour]])
        if edges.size <= 2:  # one segment already: what is left of the excess is rounding
            return None
        found = []
        for a, b in itertools.pairwise(edges):
            low, high = node.low.copy(), node.high.copy()
            low[hour], high[hour] = a, b
            child = self.relax(low, high)
            if child is not None:
                found.append(child)
        return found


def _majorant(price: float, curve: Curve, low: float, high: float) -> tuple[list[float], list[float]]:
    """Return the least concave majorant of an hour's profit on ``[low, high]``: its points and values.

    On a segment with slope s the profit is ``(F - s) p``; candidates for the hull are the ends of the segments, each
    with the slope of its left segment. At ``low`` the profit of the right segment counts when the box begins there: the
    box to the left owns the better value.
    """
    if high - low <= SHORTEST:
        value = (price - curve.price(low)) * low
        return [low, low], [value, value]
    points, values = [low], [(price - curve.right_price(low)) * low]
    for knot in (*(knot for knot in curve.kinks if low + SHORTEST < knot < high - SHORTEST), high):
        value = (price - curve.price(knot)) * knot
        while len(points) > 1 and _on_or_below(points, values, knot, value):
            points.pop()
            values.pop()
        points.append(knot)
        values.append(value)
    return points, values


def _on_or_below(points: list[float], values: list[float], knot: float, value: float) -> bool:
    """Tell whether the last point lies on or below the chord from the one before it to a new one."""
    (a, b), (u, v) = points[-2:], values[-2:]
    return (value - u) * (b - a) >= (v - u) * (knot - a)
