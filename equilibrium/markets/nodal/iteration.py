"""Best-response iteration among strategic lots: finder and proof in one.

Each lot in turn moves to its best response. A lot's answer holds until a rival moves: where all answers hold, the point
is proved, because every lot's best deviation was solved to optimality against it. Orders and starts are recorded; a
point that comes back is a cycle, and then no pure equilibrium was found.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from equilibrium.certificate import EXACT_REGRET
from equilibrium.markets.nodal.play import Play
from equilibrium.markets.nodal.response import BestResponse
from equilibrium.programs.program import INF

ITERATIONS = ("gauss-seidel", "jacobi")

MAXIMUM_ORDERS = 12
"""Orders of play that are tried from one start."""

FIRST_NODES, MORE_NODES = 10, 4
"""Nodes of the first try at a day whose hours are joined, and how many times as many the next one has.

Every try begins anew and the best one counts. So more nodes in all never give a worse point: the tries are the same and
more. What is begun anew costs a third of the nodes at most.
"""

SAME_DIGITS = 6
"""Powers that agree in so many decimals, kW, are a point that has come back."""

Between = Callable[[Play], bool]
"""Move those who are not strategic, after a round; True if that moved anything."""


def orders_of_play(strategic: Sequence[int], method: str) -> list[tuple[int, ...]]:
    """Return the orders of play to try, one after the other: that of the network, then its reverse and rotations.

    Parameters
    ----------
    strategic
        The lots that play, in the order of the network.
    method
        One of :data:`ITERATIONS`; in ``jacobi`` all answer the same point, and the order does not matter.
    """
    orders = [tuple(strategic), tuple(reversed(strategic))]
    if method == "jacobi":
        return orders[:1]
    for shift in range(1, len(strategic)):
        turned = (*strategic[shift:], *strategic[:shift])
        orders += [turned, tuple(reversed(turned))]
    return list(dict.fromkeys(orders))[:MAXIMUM_ORDERS]


def budgets(nodes: int) -> Iterator[int]:
    """Return the nodes of each try that fits into ``nodes`` in all."""
    budget = FIRST_NODES
    if nodes < budget:
        yield nodes
    while budget <= nodes:
        yield budget
        nodes, budget = nodes - budget, MORE_NODES * budget


@dataclass(eq=False)
class Search:
    """How an iteration went.

    Attributes
    ----------
    rounds
        Rounds, the proving one included.
    profit, bound
        Of each lot's last answer: its profit at the prices that it counts on, and the proven bound on its best
        deviation.
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

    def take(self, lot: int, answer: BestResponse | None, profit: float) -> None:
        """Write down a lot's answer and what it earns without moving; without an answer nothing is proved."""
        self.profit[lot] = profit
        self.bound[lot] = INF if answer is None else answer.bound
        if answer is not None:
            self.nodes += answer.nodes
            self.seconds += answer.seconds

    @property
    def gains(self) -> dict[int, float]:
        """What each lot could still gain, relative to ``max(1, |profit|)``."""
        return {lot: max(self.bound[lot] - profit, 0.0) / max(1.0, abs(profit)) for lot, profit in self.profit.items()}

    @property
    def epsilon(self) -> float:
        """Largest relative gain of the last round."""
        return max(self.gains.values(), default=0.0)


def iterate(
    play: Play,
    lots: Sequence[int],
    *,
    between: Between | None = None,
    method: str = "gauss-seidel",
    maximum_rounds: int = 100,
) -> Search:
    """Move a game to a point where no lot gains, if the iteration gets there.

    Parameters
    ----------
    play
        The game at the start; changed in place.
    lots
        Strategic lots, in the order of play.
    between
        Called after every round, for players who are not strategic.
    method
        ``"gauss-seidel"``: lots move in turn; ``"jacobi"``: all answer the same point, then move together.
    """
    search = Search()
    seen: dict[bytes, int] = {}
    for search.rounds in range(1, maximum_rounds + 1):
        before = play.power.copy()
        moved = _round(play, lots, search, method == "jacobi")
        if search.blocked:
            return search
        if play.late:
            break
        if between is not None and between(play):
            search.settled, moved = set(), True
        if not moved:
            return search
        key = np.round(play.power, SAME_DIGITS).tobytes()
        if key in seen:
            search.cycle = search.rounds - seen[key]
            break
        seen[key] = search.rounds
        if np.array_equal(before, play.power):
            break
    weigh(play, lots, search)
    return search


def weigh(play: Play, lots: Sequence[int], search: Search) -> None:
    """Bound every lot's gain at the last point; the bounds of a round in which somebody moved belong to others."""
    for lot in lots:
        search.take(lot, *play.respond(lot))


def _round(play: Play, lots: Sequence[int], search: Search, together: bool) -> bool:
    """Let every lot whose answer does not hold answer once; return True if somebody moved."""
    target, moved = play.power.copy(), False
    for lot in lots:
        if lot in search.settled:
            continue
        search.settled.add(lot)
        answer, profit = play.respond(lot)
        search.take(lot, answer, profit)
        if answer is None or (profit > -INF and answer.profit - profit <= EXACT_REGRET * max(1.0, abs(profit))):
            continue
        moved = True
        target[:, lot] = answer.power_kw
        if not together:
            play.move(target)
            search.profit[lot], search.settled = answer.profit, {lot}
        if play.late:
            break
    if together and moved:
        search.settled = set()
        if not play.reach(target):
            search.blocked = True
            return False
    return moved
