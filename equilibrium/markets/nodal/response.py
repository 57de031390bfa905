"""A strategic lot's best response on its residual curves, proved optimal.

    max sum_t h_t (F_t - lambda_t(p_t)) p_t    over the lot's own feasible set X_c (3b)-(3f)

``lambda_t`` is a step function: at a kink the player may count on the left slope, so each hour's profit is upper
semicontinuous with downward jumps. Its least concave majorant is piecewise linear, so a relaxation is filled greedily
along the lot's state-of-energy chain (:mod:`equilibrium.fleet.chain`); where cuts of its vehicles stand beside the
chain, it is a small linear program. Branching on the hour where the majorant exceeds the profit most closes the gap
exactly, because on a single segment the profit is linear.
"""

from __future__ import annotations

import heapq
import itertools
from bisect import bisect_left
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.sparse as sp

from equilibrium.arrays import FloatArray
from equilibrium.errors import SolverError
from equilibrium.fleet.chain import Step, fill
from equilibrium.lengths import spread_lengths
from equilibrium.markets.nodal.curves import SHORTEST, Curve
from equilibrium.programs.program import GAP, INF, Instance
from equilibrium.programs.solvers import Status, solve_linear

MAXIMUM_NODES = 20_000


@dataclass(frozen=True, eq=False)
class FeasiblePowers:
    """A lot's own feasible set as rows on its powers: ``lower <= matrix p <= upper``, ``0 <= p <= power_max_kw``.

    ``period_h`` is the length of the periods, h: one number for all, or shape ``(hours,)``.
    """

    matrix: sp.csr_array
    lower: FloatArray
    upper: FloatArray
    power_max_kw: FloatArray
    period_h: float | FloatArray = 1.0

    @cached_property
    def length_h(self) -> FloatArray:
        """Length of each period, h, shape ``(hours,)``."""
        return spread_lengths(self.period_h, self.power_max_kw.size)

    @cached_property
    def chain(self) -> float | None:
        """What the chain stores per kWh, if the rows are nothing but running sums of the energy, else ``None``."""
        rows = self.matrix.toarray() / self.length_h
        rate = float(rows[0, 0])
        plain = rate > 0.0 and np.array_equal(rows, rate * np.tri(*rows.shape)) and rows.shape[0] == rows.shape[1]
        return rate if plain else None


@dataclass(frozen=True, eq=False)
class BestResponse:
    """The answer: ``power_kw`` ``(hours,)``, its ``profit``, the proven upper ``bound``, and the ``nodes`` it took."""

    power_kw: FloatArray
    profit: float
    bound: float
    nodes: int
    seconds: float


def profit_on_curves(price: FloatArray, curves: list[Curve], power: FloatArray, length_h: FloatArray) -> float:
    """Return ``sum_t h_t (F_t - lambda_t) p_t`` with the left slope as the price, h_t the length of a period."""
    return sum(_profits(price.tolist(), curves, power.tolist(), length_h.tolist()))


def _profits(price: list[float], curves: list[Curve], power: list[float], length: list[float]) -> list[float]:
    """Return each period's profit with the left slope as the price."""
    return [(f - curve.price(p)) * p * h for f, curve, p, h in zip(price, curves, power, length, strict=True)]


def best_response(
    price: FloatArray,
    curves: list[Curve],
    own: FeasiblePowers,
    present: FloatArray | None = None,
    solver: str = "auto",
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
    present
        A feasible schedule to begin with: the search ends at once where nothing beats it.
    solver
        One of :data:`equilibrium.programs.solvers.SOLVERS`, for relaxations with cuts.

    Returns
    -------
    BestResponse or None
        ``None`` when the curves' ranges leave the lot no feasible schedule.
    """
    low, high = [curve.kinks[0] for curve in curves], [curve.kinks[-1] for curve in curves]
    search = _Search(price, curves, own, solver)
    counter = itertools.count()
    root = search.relax(low, high)
    if root is None:
        return None
    heap = [(-root.bound, next(counter), root)]
    best, incumbent, nodes = -INF, root.power, 0
    if present is not None:
        best, incumbent = profit_on_curves(price, curves, present, own.length_h), present
    closed = -INF  # the largest bound of the nodes that were closed without a child
    while heap:
        bound, _, node = heapq.heappop(heap)
        if -bound <= best + GAP * (1.0 + abs(best)):
            closed = max(closed, -bound)
            break
        nodes += 1
        if nodes > MAXIMUM_NODES:
            raise SolverError(f"a best response was not proved within {MAXIMUM_NODES} nodes")
        if node.profit > best:
            best, incumbent = node.profit, node.power
        children = search.children(node)
        if children is None:
            closed = max(closed, node.bound)
            continue
        for child in children:
            heapq.heappush(heap, (-child.bound, next(counter), child))
    return BestResponse(incumbent, best, max(best, closed), nodes, search.seconds)


@dataclass(frozen=True, eq=False)
class _Majorant:
    """The least concave majorant of an hour's profit on an interval: its points, their values, and its pieces."""

    points: list[float]
    values: list[float]
    steps: list[Step]

    def __call__(self, power: float) -> float:
        """Return the value at a power; beyond the ends by rounding, that of the end."""
        right = bisect_left(self.points, power)
        if right == 0 or right == len(self.points):
            return self.values[min(right, len(self.points) - 1)]
        return self.values[right - 1] + self.steps[right - 1][0] * (power - self.points[right - 1])


@dataclass(frozen=True, eq=False)
class _Node:
    low: list[float]
    high: list[float]
    power: FloatArray
    profit: float
    bound: float
    excess: list[float]


class _Search:
    """Relaxations of one best-response problem."""

    def __init__(self, price: FloatArray, curves: list[Curve], own: FeasiblePowers, solver: str) -> None:
        self._solver = solver
        self._price, self._curves, self._own, self._length = price.tolist(), curves, own, own.length_h.tolist()
        self._majorants: dict[tuple[int, float, float], _Majorant] = {}
        self.seconds = 0.0
        if own.chain is not None:
            self._lower, self._upper = (own.lower / own.chain).tolist(), (own.upper / own.chain).tolist()

    def relax(self, low: list[float], high: list[float]) -> _Node | None:
        """Solve the relaxation on the box; ``None`` if it is infeasible."""
        majorants = [self._majorant(hour, a, b) for hour, (a, b) in enumerate(zip(low, high, strict=True))]
        power = self._solve_rows(majorants) if self._own.chain is None else self._fill(majorants)
        if power is None:
            return None
        most = [majorant(p) for majorant, p in zip(majorants, power, strict=True)]
        profits = _profits(self._price, self._curves, power, self._length)
        excess = [a - b for a, b in zip(most, profits, strict=True)]
        return _Node(low, high, np.array(power), sum(profits), sum(most), excess)

    def _majorant(self, hour: int, low: float, high: float) -> _Majorant:
        """Return an hour's majorant on an interval; a child differs from its parent in one hour only."""
        key = hour, low, high
        if key not in self._majorants:
            self._majorants[key] = _majorant(self._price[hour], self._curves[hour], low, high, self._length[hour])
        return self._majorants[key]

    def _fill(self, majorants: list[_Majorant]) -> list[float] | None:
        """Solve a relaxation on the chain, which counts in kWh; ``None`` if it is infeasible."""
        each = list(zip(majorants, self._length, strict=True))
        first = [majorant.points[0] * h for majorant, h in each]
        steps = [[(gain / h, length * h) for gain, length in majorant.steps] for majorant, h in each]
        energy = fill(first, steps, self._lower, self._upper)
        return None if energy is None else [e / h for e, h in zip(energy, self._length, strict=True)]

    def _solve_rows(self, majorants: list[_Majorant]) -> list[float] | None:
        """Solve a relaxation with rows beside the chain as a linear program; ``None`` if it is infeasible."""
        first = np.array([majorant.points[0] for majorant in majorants])
        hour = np.repeat(np.arange(first.size), [len(majorant.steps) for majorant in majorants])
        gain, length = np.array([step for majorant in majorants for step in majorant.steps]).reshape(-1, 2).T
        offset = self._own.matrix @ first
        instance = Instance(
            matrix=sp.csr_array(self._own.matrix.toarray()[:, hour]),
            cost=-gain,
            row_lower=self._own.lower - offset,
            row_upper=self._own.upper - offset,
            col_lower=np.zeros(gain.size),
            col_upper=np.ascontiguousarray(length),
        )
        solution = solve_linear(instance, self._solver)
        self.seconds += solution.seconds
        if solution.status is Status.INFEASIBLE:
            return None
        if solution.status is not Status.OPTIMAL:
            raise SolverError(f"a best-response relaxation ended {solution.status}")
        # Concave: an optimal vertex fills an hour's steps in order, up to ties, which are worth the same.
        power: list[float] = (first + np.bincount(hour, solution.x, first.size)).tolist()
        return power

    def children(self, node: _Node) -> list[_Node] | None:
        """Split the hour with the largest excess into below, on, and above the segment that the point lies on.

        Returns ``None`` where there is nothing to split: the relaxation is exact.
        """
        excess = max(node.excess)
        if excess <= GAP * 1e-2 * (1.0 + abs(node.bound)):
            return None
        hour = node.excess.index(excess)
        knots, low, high = self._curves[hour].kinks, node.low[hour], node.high[hour]
        segment = min(max(bisect_left(knots, float(node.power[hour]) - SHORTEST) - 1, 0), len(knots) - 2)
        edges = sorted({low, high, *(min(max(knot, low), high) for knot in knots[segment : segment + 2])})
        if len(edges) <= 2:  # one segment already: what is left of the excess is rounding
            return None
        boxes = (
            ([*node.low[:hour], a, *node.low[hour + 1 :]], [*node.high[:hour], b, *node.high[hour + 1 :]])
            for a, b in itertools.pairwise(edges)
        )
        return [child for low_, high_ in boxes if (child := self.relax(low_, high_)) is not None]


def _majorant(price: float, curve: Curve, low: float, high: float, length_h: float) -> _Majorant:
    """Return the least concave majorant of a period's profit on ``[low, high]``.

    On a segment with slope s the profit is ``h (F - s) p``; candidates for the hull are the ends of the segments, each
    with the slope of its left segment. At ``low`` the profit of the right segment counts when the box begins there: the
    box to the left owns the better value.
    """
    if high - low <= SHORTEST:
        value = (price - curve.price(low)) * low * length_h
        return _Majorant([low], [value], [])
    points, values = [low], [(price - curve.right_price(low)) * low * length_h]
    for knot in (*(knot for knot in curve.kinks if low + SHORTEST < knot < high - SHORTEST), high):
        value = (price - curve.price(knot)) * knot * length_h
        while len(points) > 1 and _on_or_below(points, values, knot, value):
            points.pop()
            values.pop()
        points.append(knot)
        values.append(value)
    pieces = zip(points, points[1:], values, values[1:], strict=False)
    return _Majorant(points, values, [((w - v) / (q - p), q - p) for p, q, v, w in pieces])


def _on_or_below(points: list[float], values: list[float], knot: float, value: float) -> bool:
    """Tell whether the last point lies on or below the chord from the one before it to a new one."""
    (a, b), (u, v) = points[-2:], values[-2:]
    return (value - u) * (b - a) >= (v - u) * (knot - a)
