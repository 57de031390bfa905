"""A strategic lot's best response where the DSO's program couples hours, proved optimal.

    max  F'p - lambda'p    over the lot's own feasible set, lambda a price that the DSO's program has at p

With the DSO replaced by its optimality conditions (:mod:`equilibrium.markets.nodal.joined.follower`) the payment is
``c'x - sum side * v``, so the profit is a sum of two linear programs that meet only in the pairs ``v * slack = 0``:

    W = max F'p - c'x     over p and the dispatches x          (slack = 0 on the sides that a node holds tight)
    D = max sum side * v  over the DSO's dual feasible set     (v = 0 on the sides that a node holds idle)

``W + D`` bounds the profit from above: at the root it is what the lot would earn if it paid only the cost that it
adds. Branch and bound on the pairs closes the rest, the worst product of multiplier and slack first, without any bound
on a multiplier. A child changes one of the two programs, which stay loaded and warm. Of several prices at a kink
the largest D takes the one that the lot would choose (optimistic), as the left slope of a residual curve.

**Powers at the edge of what has a dispatch.** There D has no end: along a ray of multipliers the lot would be paid ever
more. What counts is what powers next to it earn, as on a curve, whose first price is that of the next kW. At each of
those some side of the ray is idle, which bounds the multipliers (:mod:`equilibrium.markets.nodal.joined.edge`). A
complementary node with a multiplier on every side of a ray is split on those sides, and one that holds all of them
tight holds nothing but the edge: it is dropped, and its siblings have the limits.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from equilibrium.arrays import FloatArray, IntArray
from equilibrium.deadline import Deadline
from equilibrium.errors import SolverError
from equilibrium.markets.nodal.joined.edge import Edge
from equilibrium.markets.nodal.joined.follower import Follower
from equilibrium.markets.nodal.prices import TIGHT
from equilibrium.markets.nodal.relaxation import FeasiblePowers
from equilibrium.markets.nodal.response import BestResponse
from equilibrium.programs.program import GAP, INF, Instance
from equilibrium.programs.solvers import Status
from equilibrium.programs.solvers.choose import optimal_if_feasible, require_optimal
from equilibrium.programs.solvers.highs import HighsHandle

BOX = 1e4
"""Multipliers of this size show where an unbounded dual program runs to; no bound rests on it."""

MAXIMUM_EDGE = 200
"""Dual programs that are solved to price one schedule at the edge of what has a dispatch."""

SETTLE_EVERY = 10
"""Nodes after which a relaxed point is tried as an answer."""

_IDLE, _TIGHT = 1, 2

Refuse = Callable[[FloatArray], FeasiblePowers | None]
"""Look at a schedule ``(hours,)``: ``None`` if it can be taken, else the lot's set with rows below that forbid it."""

State = NDArray[np.int8]
"""What a node holds of each side: 0 nothing, 1 multiplier zero, 2 slack zero."""


@dataclass(frozen=True, eq=False)
class _Part:
    """One of the two programs solved: its value and point, and how many rows the lot's set had."""

    value: float
    point: FloatArray
    rows: int = 0


@dataclass(frozen=True, eq=False)
class _Node:
    state: State
    welfare: _Part
    dual: _Part

    @property
    def bound(self) -> float:
        return self.welfare.value + self.dual.value


def respond(
    follower: Follower,
    price: FloatArray,
    own: FeasiblePowers,
    present: FloatArray | None = None,
    deadline: Deadline | None = None,
    refuse: Refuse | None = None,
) -> tuple[BestResponse | None, float]:
    """Maximise one lot's profit against the coupled DSO.

    Parameters
    ----------
    follower
        The DSO as the lot sees it.
    price
        F_t, currency/kWh, shape ``(hours,)``.
    own
        The lot's own feasible set; it knows how long the hours are.
    present
        A feasible schedule to begin with: the search ends at once where nothing beats it.
    deadline
        When the best known schedule is returned with the bound proven so far.
    refuse
        What a schedule must pass to be an answer (it can be split among the vehicles). The rows that forbid one are
        taken up; bounds without them stay valid.

    Returns
    -------
    BestResponse or None
        ``None`` when the network leaves the lot no feasible schedule, or none was found in time: nothing is proved.
    float
        What ``present`` earns at its best price, ``-inf`` without one that the network takes.

    Raises
    ------
    SolverError
        When a linear program ends without an answer.
    """
    until = Deadline() if deadline is None else deadline
    search = _Search(follower, own.length_h * price, own, refuse, until)
    profit = -INF if present is None else search.hold(present)
    return search.run(until), profit


class _Search:
    """The two programs, the open nodes and the incumbent of one best response."""

    def __init__(
        self, follower: Follower, price: FloatArray, own: FeasiblePowers, refuse: Refuse | None, deadline: Deadline
    ) -> None:
        self._follower, self._price, self._refuse = follower, price, refuse
        self._rows = follower.rows.index.size
        self._equal = np.concatenate([follower.rows.equal, follower.columns.equal])
        self._edge = Edge(_dual(follower), self._equal, follower.share)
        self._edge.take_rays_away(deadline)
        self._welfare, self._dual = _welfare(follower, price, own), self._edge.dual
        self._welfare_handle, self._dual_handle = HighsHandle(self._welfare), HighsHandle(self._dual)
        self.best, self.power = -INF, np.zeros(follower.hours)
        self.nodes, self.seconds = 0, self._edge.seconds
        self._closed = -INF  # the largest bound of the nodes that were closed without being infeasible

    def run(self, deadline: Deadline) -> BestResponse | None:
        """Search until nothing open can beat the incumbent, or until the deadline."""
        nothing: State = np.zeros(self._equal.size, dtype=np.int8)
        welfare, dual = self._solve_welfare(nothing), self._solve_dual(nothing)
        if welfare is None:
            return None
        if dual is None:
            raise SolverError("the DSO's program has no multipliers")
        heap, count = [(-(welfare.value + dual.value), 0, _Node(nothing, welfare, dual))], itertools.count(1)
        while heap and -heap[0][0] > self._cutoff() and not deadline.passed:
            node = heapq.heappop(heap)[2]
            if node.welfare.rows < self._welfare.matrix.shape[0]:  # the lot's set has got rows since
                part = self._solve_welfare(node.state)
                if part is not None:
                    node = replace(node, welfare=part)
                    heapq.heappush(heap, (-node.bound, next(count), node))
                continue
            self.nodes += 1
            deadline.spend(1)
            for child in self._children(node):
                if child.bound > self._cutoff():
                    heapq.heappush(heap, (-child.bound, next(count), child))
                else:
                    self._closed = max(self._closed, child.bound)
        if self.best == -INF:
            return None
        bound = max(self.best, self._closed, -heap[0][0] if heap else -INF)
        return BestResponse(self.power, self.best, bound, self.nodes, self.seconds)

    def hold(self, power: FloatArray) -> float:
        """Take a schedule as an answer, and the best one near it with the same sides tight; return what it earns."""
        nothing: State = np.zeros(self._equal.size, dtype=np.int8)
        here = self._solve_welfare(nothing, power)
        if here is None:
            return -INF
        state, dual = self._priced(self._suggested(nothing, here.point), itertools.count())
        if dual is None:
            return -INF
        self._accept(here, dual)
        near = self._solve_welfare(state)
        if near is not None:
            self._accept(near, dual)
        return here.value + dual.value

    def _priced(self, state: State, solved: itertools.count[int]) -> tuple[State, _Part | None]:
        """Solve for D where every side is held; at the edge with a side of each ray idle, the best choice of those.

        The choice is the best of the first :data:`MAXIMUM_EDGE` programs, which is all of them but on strange days.
        """
        part = self._solve_dual(state)
        ray = self._beyond(state, part) if part is not None else None
        if ray is None:
            return state, part
        best: tuple[State, _Part | None] = state, None
        for side in ray:
            if next(solved) >= MAXIMUM_EDGE:
                break
            idle = state.copy()
            idle[side] = _IDLE
            found, part = self._priced(idle, solved)
            if part is not None and (best[1] is None or part.value > best[1].value):
                best = found, part
        return best

    def _beyond(self, state: State, dual: _Part) -> IntArray | None:
        """Return the sides of a ray that holds multipliers which count for nothing; ``None`` where they count."""
        ray = self._edge.violated(dual.point)
        if not ray.size and dual.value == INF:
            ray = self._edge.ray(state == _IDLE, self._dual.cost)
        return ray if ray.size or dual.value == INF else None

    def _cutoff(self) -> float:
        return self.best + GAP * (1.0 + abs(self.best)) if self.best > -INF else -INF

    def _accept(self, welfare: _Part, dual: _Part) -> None:
        """Take a point on which every pair is complementary, if the lot can follow it."""
        value = welfare.value + dual.value
        if not self.best < value < INF:
            return
        power = welfare.point[: self._follower.hours].copy()
        own = self._refuse(power) if self._refuse is not None else None
        if own is None:
            self.best, self.power = value, power
            return
        known = self._welfare.matrix.shape[0]
        self._welfare = _welfare(self._follower, self._price, own)
        fresh = slice(known, None)
        self._welfare_handle.add_rows(
            self._welfare.matrix[fresh, :], self._welfare.row_lower[fresh], self._welfare.row_upper[fresh]
        )

    def _children(self, node: _Node) -> list[_Node]:
        """Try the node's point as an answer, then split the pair with the largest product."""
        slack = self._slack(node.welfare.point)
        product = np.where((node.state == 0) & ~self._equal, node.dual.point * slack, 0.0)
        worst = int(product.argmax())
        if self.nodes % SETTLE_EVERY == 1 or product.sum() <= GAP * (1.0 + abs(node.bound)):
            self.hold(node.welfare.point[: self._follower.hours])
            self._settle(node)
        if node.welfare.rows < self._welfare.matrix.shape[0]:
            return [node]  # its point was refused: it is solved again with the rows that say why
        beyond = self._beyond(node.state, node.dual) if node.dual.value == INF or product[worst] <= 0.0 else None
        if beyond is not None:
            open_ = beyond[node.state[beyond] == 0]
            if not open_.size:  # it holds nothing but the edge, or, without a ray, what rounding left of one
                self._closed = max(self._closed, -INF if beyond.size else INF)
                return []
            worst = int(open_[0])
        elif node.bound <= self._cutoff() or product[worst] <= 0.0:  # complementary, yet no answer: rounding
            self._closed = max(self._closed, node.bound)
            return []
        found = []
        for kind in (_IDLE, _TIGHT):
            state = node.state.copy()
            state[worst] = kind
            part = self._solve_dual(state) if kind == _IDLE else self._solve_welfare(state)
            if part is not None:
                changed = {"dual": part} if kind == _IDLE else {"welfare": part}
                found.append(replace(node, state=state, **changed))
        return found

    def _settle(self, node: _Node) -> None:
        """Hold every open pair as the node's point suggests and take the answer if there is one."""
        tight, dual = self._priced(self._suggested(node.state, node.welfare.point), itertools.count())
        welfare = self._solve_welfare(tight) if dual is not None else None
        if welfare is not None and dual is not None:
            self._accept(welfare, dual)

    def _suggested(self, state: State, point: FloatArray) -> State:
        """Return the state that holds every open side as it is at a point of the welfare program."""
        limit = np.concatenate([self._follower.rows.value, self._follower.columns.value])
        tight = self._slack(point) <= TIGHT * (1.0 + np.abs(limit))
        held = state.copy()
        open_ = (state == 0) & ~self._equal
        held[open_ & tight], held[open_ & ~tight] = _TIGHT, _IDLE
        return held

    def _slack(self, point: FloatArray) -> FloatArray:
        """Return the slack of every side at a point of the welfare program."""
        follower = self._follower
        p, x = point[: follower.hours], point[follower.hours :]
        activity = follower.matrix @ x + follower.power @ p
        rows, columns = follower.rows, follower.columns
        by_row = rows.sign * (activity[rows.index] - rows.value)
        by_column = columns.sign * (x[columns.index] - columns.value)
        return np.asarray(np.maximum(np.concatenate([by_row, by_column]), 0.0))

    def _solve_welfare(self, state: State, power: FloatArray | None = None) -> _Part | None:
        """Solve for W with the tight sides of ``state``; ``None`` if nothing is feasible."""
        base, hours = self._welfare, self._follower.hours
        row_lower, row_upper = base.row_lower.copy(), base.row_upper.copy()
        col_lower, col_upper = base.col_lower.copy(), base.col_upper.copy()
        tight = np.flatnonzero(state == _TIGHT)
        for sides, at, low, high, first in (
            (self._follower.rows, tight[tight < self._rows], row_lower, row_upper, 0),
            (self._follower.columns, tight[tight >= self._rows] - self._rows, col_lower, col_upper, hours),
        ):
            low[first + sides.index[at]] = high[first + sides.index[at]] = sides.value[at]
        if power is not None:
            col_lower[:hours] = col_upper[:hours] = power
        self._welfare_handle.update(Instance(base.matrix, base.cost, row_lower, row_upper, col_lower, col_upper))
        solution = self._welfare_handle.solve()
        self.seconds += solution.seconds
        if optimal_if_feasible(solution, "the welfare program of a best response") is None:
            return None
        return _Part(-float(base.cost @ solution.x), solution.x, base.matrix.shape[0])

    def _solve_dual(self, state: State) -> _Part | None:
        """Solve for D with the idle sides of ``state``; infinite where the lot's absence leaves no dispatch."""
        base = self._dual
        instance = replace(base, col_upper=np.where(state == _IDLE, 0.0, base.col_upper))
        self._dual_handle.update(instance)
        solution = self._dual_handle.solve()
        self.seconds += solution.seconds
        if solution.status is Status.INFEASIBLE:
            return None
        if solution.status is Status.OPTIMAL:
            return _Part(-float(base.cost @ solution.x), solution.x)
        if solution.status is not Status.UNBOUNDED:
            raise SolverError(f"the dual program of a best response ended {solution.status}")
        boxed = replace(
            instance, col_lower=np.maximum(instance.col_lower, -BOX), col_upper=np.minimum(instance.col_upper, BOX)
        )
        self._dual_handle.update(boxed)
        solution = require_optimal(self._dual_handle.solve(), "the boxed dual program of a best response")
        return _Part(INF, solution.x)


def _welfare(follower: Follower, price: FloatArray, own: FeasiblePowers) -> Instance:
    """State ``min c'x - F'p`` over the lot's powers and the dispatches."""
    hours = follower.hours
    return Instance(
        matrix=sp.csr_array(sp.block_array([[follower.power, follower.matrix], [own.matrix, None]])),
        cost=np.concatenate([-price, follower.cost]),
        row_lower=np.concatenate([follower.row_lower, own.lower]),
        row_upper=np.concatenate([follower.row_upper, own.upper]),
        col_lower=np.concatenate([np.zeros(hours), follower.col_lower]),
        col_upper=np.concatenate([own.power_max_kw, follower.col_upper]),
    )


def _dual(follower: Follower) -> Instance:
    """State ``min - sum side * v`` over the multipliers of all sides; rows are the stationarity of the columns."""
    rows, columns = follower.rows, follower.columns
    by_row, by_column = rows.incidence(follower.row_lower.size), columns.incidence(follower.cost.size)
    signed = np.concatenate([rows.sign * rows.value, columns.sign * columns.value])
    equal = np.concatenate([rows.equal, columns.equal])
    return Instance(
        matrix=sp.csr_array(sp.hstack([follower.matrix.T @ by_row, by_column])),
        cost=-signed,
        row_lower=follower.cost.copy(),
        row_upper=follower.cost.copy(),
        col_lower=np.where(equal, -INF, 0.0),
        col_upper=np.full(signed.size, INF),
    )
