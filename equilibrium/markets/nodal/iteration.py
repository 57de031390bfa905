"""Best-response iteration among strategic lots: finder and proof in one.

Each lot in turn traces its residual curves and moves to its best response. A lot's answer holds until a rival moves:
where all answers hold, the point is proved, because every lot's best deviation was solved to optimality against it.
Orders and starts are recorded; a point that comes back is a cycle, and then no pure equilibrium was found.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from equilibrium.arrays import FloatArray
from equilibrium.markets.nodal.curves import Curve, trace
from equilibrium.markets.nodal.response import BestResponse, profit_on_curves
from equilibrium.programs.hourly.vertices import Vertices
from equilibrium.programs.program import INF

GAIN = 1e-8
"""Gain, relative to ``max(1, |profit|)``, below which a lot stays where it is."""

ITERATIONS = ("gauss-seidel", "jacobi")

Respond = Callable[[int, list[Curve], FloatArray], BestResponse | None]
"""Solve one lot's best response on its curves from its present powers; ``None`` if it has no schedule on them."""


@dataclass(eq=False)
class Search:
    """How an iteration went.

    Attributes
    ----------
    rounds
        Rounds, the proving one included.
    profit, bound
        Of each lot's last answer: its profit at its left slopes, and the proven bound on its best deviation.
    settled
        Lots whose last answer holds: no rival has moved since.
    cycle
        Rounds after which a point came back, 0 if none did.
    blocked
        True if lots that moved together left the network without a dispatch (they share its limits).
    nodes, seconds
        Branch-and-bound nodes and solver time in all.
    """

    rounds: int = 0
    profit: dict[int, float] = field(default_factory=dict)
    bound: dict[int, float] = field(default_factory=dict)
    settled: set[int] = field(default_factory=set)
    cycle: int = 0
    blocked: bool = False
    nodes: int = 0
    seconds: float = 0.0

    @property
    def gains(self) -> dict[int, float]:
        """What each lot could still gain, relative to ``max(1, |profit|)``."""
        return {lot: max(self.bound[lot] - profit, 0.0) / max(1.0, abs(profit)) for lot, profit in self.profit.items()}

    @property
    def epsilon(self) -> float:
        """Largest relative gain of the last round."""
        return max(self.gains.values(), default=0.0)


def iterate(
    vertices: Vertices,
    lots: Sequence[int],
    price: FloatArray,
    power_max: FloatArray,
    respond: Respond,
    *,
    between: Callable[[Vertices], bool] | None = None,
    method: str = "gauss-seidel",
    maximum_rounds: int = 100,
) -> Search:
    """Move ``vertices`` to a point where no lot gains, if the iteration gets there.

    Parameters
    ----------
    vertices
        Solved hours at the start; changed in place.
    lots
        Strategic lots, in the order of play.
    price, power_max
        Charging price and power limit, shape ``(hours, lots)``.
    respond
        Best response of one lot on its curves.
    between
        Called after every round, for players who are not strategic; returns True if it moved anything.
    method
        ``"gauss-seidel"``: lots move in turn; ``"jacobi"``: all answer the same point, then move together.
    """
    search = Search()
    seen: dict[bytes, int] = {}
    for search.rounds in range(1, maximum_rounds + 1):
        before = vertices.given.copy()
        moved = _round(vertices, lots, price, power_max, respond, search, method == "jacobi")
        if search.blocked:
            return search
        if between is not None and between(vertices):
            search.settled, moved = set(), True
        if not moved:
            return search
        key = np.round(vertices.given, 6).tobytes()
        if key in seen:
            search.cycle = search.rounds - seen[key]
            break
        seen[key] = search.rounds
        if np.array_equal(before, vertices.given):
            break
    _weigh(vertices, lots, price, power_max, respond, search)
    return search


def _weigh(
    vertices: Vertices, lots: Sequence[int], price: FloatArray, power_max: FloatArray, respond: Respond, search: Search
) -> None:
    """Bound every lot's gain at the last point; the bounds of a round in which somebody moved belong to others."""
    for lot in lots:
        curves = trace(vertices, lot, power_max[:, lot])
        search.profit[lot] = profit_on_curves(price[:, lot], curves, vertices.given[:, lot])
        answer = respond(lot, curves, vertices.given[:, lot])
        search.bound[lot] = INF if answer is None else answer.bound  # without an answer nothing is proved


def _round(
    vertices: Vertices,
    lots: Sequence[int],
    price: FloatArray,
    power_max: FloatArray,
    respond: Respond,
    search: Search,
    together: bool,
) -> bool:
    """Let every lot whose answer does not hold answer once; return True if somebody moved."""
    target, moved = vertices.given.copy(), False
    for lot in lots:
        if lot in search.settled:
            continue
        search.settled.add(lot)
        curves = trace(vertices, lot, power_max[:, lot])
        search.profit[lot] = profit_on_curves(price[:, lot], curves, vertices.given[:, lot])
        answer = respond(lot, curves, vertices.given[:, lot])
        if answer is None:
            search.bound[lot] = INF  # without an answer nothing is proved
            continue
        search.nodes += answer.nodes
        search.seconds += answer.seconds
        search.bound[lot] = answer.bound
        if answer.profit - search.profit[lot] <= GAIN * max(1.0, abs(search.profit[lot])):
            continue
        moved = True
        target[:, lot] = answer.power_kw
        if not together:
            vertices.move(target)
            search.profit[lot], search.settled = answer.profit, {lot}
    if together and moved:
        search.settled = set()
        before = vertices.copy()
        if not vertices.move(target).all():
            search.blocked = True
            vertices.take(before)
            return False
    return moved
