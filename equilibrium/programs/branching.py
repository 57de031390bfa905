"""Branch and bound on columns that are 0 or 1, with rows that come into the program where a point breaks them.

The linear program of a node stays loaded and is solved by the dual simplex from the last basis. A node's bound is
computed from multipliers (:func:`equilibrium.programs.duality.proved_bound`): whatever they are, it holds, so no
tolerance of a solver enters it, and rows that are left out only make it smaller. A point counts when all whole columns
are fixed, the linear program that is left is solved, and no row is broken. Pairs of columns of which one has to be
zero, such as charging and discharging, are branched on like states, and only where a point uses both.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count

import numpy as np
import scipy.sparse as sp

from equilibrium.arrays import BoolArray, FloatArray, IntArray
from equilibrium.deadline import Deadline
from equilibrium.errors import SolverError
from equilibrium.programs.duality import proved_bound
from equilibrium.programs.program import FEASIBILITY, GAP, INF, Instance
from equilibrium.programs.solvers import Status
from equilibrium.programs.solvers.base import Handle, ModelTooLargeError, Solution
from equilibrium.programs.solvers.choose import log_fallback, open_handle
from equilibrium.programs.solvers.highs import HighsHandle

NEARLY_WHOLE = 1e-6
"""What a column is away from a whole number, or both of a pair from zero, and still counts as there: it is then fixed
there, and the program solved anew."""

PAIR_ROUNDS = 3
"""Times that a rounded point may lose sides of pairs before it is given up."""

ROUNDS = 200
"""Times that rows are added to one linear program before that is an error."""


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows to be added to a program."""

    matrix: sp.csr_array
    lower: FloatArray
    upper: FloatArray


@dataclass(frozen=True, eq=False)
class Pairs:
    """Columns of which one of each two has to be zero, shape ``(pairs,)`` each."""

    one: IntArray
    other: IntArray


NO_PAIRS = Pairs(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64))


@dataclass(frozen=True, eq=False)
class Branched:
    """What a search found.

    Attributes
    ----------
    instance
        The program with all rows that were added.
    x, y
        The best point, and the multipliers of the linear program with its whole columns fixed; empty without a point.
    fixed
        That linear program.
    objective, bound
        Its value, and the proved lower bound of any point's; infinite without a point.
    nodes, programs
        Nodes looked at, linear programs solved.
    finished
        False where a deadline ended the search.
    seconds
        Spent inside the solver.
    """

    instance: Instance
    x: FloatArray
    y: FloatArray
    fixed: Instance
    objective: float
    bound: float
    nodes: int
    programs: int
    finished: bool
    seconds: float

    @property
    def gap(self) -> float:
        """Proved gap relative to ``max(1, |objective|)``."""
        return max(0.0, self.objective - self.bound) / max(1.0, abs(self.objective))


@dataclass(frozen=True, eq=False)
class _Node:
    """Columns that are fixed, their values, and the bound that is known."""

    columns: tuple[int, ...] = ()
    values: tuple[float, ...] = ()
    bound: float = -INF

    def child(self, column: int, value: float, bound: float) -> _Node:
        return _Node((*self.columns, column), (*self.values, value), bound)


@dataclass(eq=False)
class _Loaded:
    """The program that is loaded, with the rows that were added to it."""

    instance: Instance
    handle: Handle
    broken: Callable[[FloatArray], Rows | None]
    programs: int = 0
    seconds: float = 0.0

    def solve(self, columns: Sequence[int], values: Sequence[float]) -> tuple[Instance, Solution] | None:
        """Solve with some columns fixed, until no row is broken; None where there is no point."""
        at, value = np.array(columns, dtype=np.int64), np.array(values, dtype=np.float64)
        for _ in range(ROUNDS):
            now = self.instance.with_columns(at, value, value)
            self.handle.update(now)
            answer = self._run(now)
            self.programs += 1
            self.seconds += answer.seconds
            if answer.status is Status.INFEASIBLE:
                return None
            if answer.status is not Status.OPTIMAL:
                raise SolverError(f"a node of the search ended {answer.status}")
            rows = self.broken(answer.x)
            if rows is None:
                return now, answer
            self.handle.add_rows(rows.matrix, rows.lower, rows.upper)
            self.instance = self.instance.with_rows(rows.matrix, rows.lower, rows.upper)
        raise SolverError(f"rows of a program were broken {ROUNDS} times in succession")

    def _run(self, now: Instance) -> Solution:
        try:
            return self.handle.solve()
        except ModelTooLargeError:
            log_fallback(*now.shape)
        self.handle = HighsHandle(now)
        return self.handle.solve()


@dataclass(eq=False)
class _Search:
    """The state of a search; ``closed`` is the least bound of nodes that were given up with a point in hand."""

    loaded: _Loaded
    integer: IntArray
    pairs: Pairs
    gap: float
    best: float = INF
    x: FloatArray = field(default_factory=lambda: np.zeros(0))
    y: FloatArray = field(default_factory=lambda: np.zeros(0))
    fixed: Instance | None = None
    tried: set[bytes] = field(default_factory=set)
    nodes: int = 0
    closed: float = INF

    @property
    def cut(self) -> float:
        """A node whose bound reaches this is of no use."""
        return self.best - self.gap * max(1.0, abs(self.best)) if np.isfinite(self.best) else INF

    def try_point(self, x: FloatArray, node: _Node) -> None:
        """Fix whole columns at the nearest whole numbers and the node's pairs at zero; keep the point if it is best.

        Pairs of which both are used then lose the smaller one, a few times.
        """
        whole = np.round(x[self.integer])
        zero = sorted(set(node.columns) - set(self.integer.tolist()))
        for _ in range(PAIR_ROUNDS):
            used = np.minimum(x[self.pairs.one], x[self.pairs.other]) > NEARLY_WHOLE
            smaller = np.where(x[self.pairs.one] < x[self.pairs.other], self.pairs.one, self.pairs.other)
            zero = sorted({*zero, *smaller[used].tolist()})
            key = whole.tobytes() + np.array(zero).tobytes()
            if key in self.tried:
                return
            self.tried.add(key)
            found = self.loaded.solve([*self.integer.tolist(), *zero], [*whole.tolist(), *[0.0] * len(zero)])
            if found is None:
                return
            instance, answer = found
            x, value = answer.x, float(instance.cost @ answer.x)
            if value >= self.best:
                return
            if not (np.minimum(x[self.pairs.one], x[self.pairs.other]) > NEARLY_WHOLE).any():
                self.best, self.x, self.y, self.fixed = value, x, answer.y, instance
                return

    def keep(self, x: FloatArray) -> None:
        """Take a point with nothing left to branch on: another optimum of its states may use both of a pair."""
        zero = np.where(x[self.pairs.one] < x[self.pairs.other], self.pairs.one, self.pairs.other)
        found = self.loaded.solve(
            [*self.integer.tolist(), *zero.tolist()], [*np.round(x[self.integer]).tolist(), *[0.0] * zero.size]
        )
        if found is not None and (value := float(found[0].cost @ found[1].x)) < self.best:
            self.best, self.x, self.y, self.fixed = value, found[1].x, found[1].y, found[0]

    def branching(self, x: FloatArray) -> tuple[int, float, float] | tuple[int, int] | None:
        """Return a column with its two values, or a pair of which one is to be zero, or None where all is whole."""
        away = np.abs(x[self.integer] - np.round(x[self.integer]))
        if away.max(initial=0.0) > FEASIBILITY:
            k = int(away.argmax())
            near = float(np.round(x[self.integer[k]]))
            return int(self.integer[k]), near, 1.0 - near
        both = np.minimum(x[self.pairs.one], x[self.pairs.other])
        if both.max(initial=0.0) > NEARLY_WHOLE:
            k = int(both.argmax())
            ends = int(self.pairs.one[k]), int(self.pairs.other[k])
            return ends if x[ends[0]] < x[ends[1]] else (ends[1], ends[0])
        return None

    def look_at(self, node: _Node) -> tuple[_Node, _Node] | None:
        """Solve a node and return its children, the nearer one first; None where nothing is left below it."""
        self.nodes += 1
        found = self.loaded.solve(node.columns, node.values)
        if found is None:
            return None
        instance, answer = found
        bound = max(node.bound, proved_bound(instance, answer.y))
        if bound < self.cut:
            self.try_point(answer.x, node)
        split = self.branching(answer.x) if bound < self.cut else None
        if split is None and bound < self.cut:
            self.keep(answer.x)
        if split is None:
            self.closed = min(self.closed, bound)
            return None
        if len(split) == 3:
            return node.child(split[0], split[1], bound), node.child(split[0], split[2], bound)
        return node.child(split[0], 0.0, bound), node.child(split[1], 0.0, bound)

    def run(self, deadline: Deadline) -> list[float]:
        """Look at nodes, the best bound first, but straight down until there is a point; return bounds left open."""
        order = count()
        heap: list[tuple[float, int, _Node]] = []
        node: _Node | None = _Node()
        while node is not None and not deadline.passed:
            deadline.spend(1)
            children = self.look_at(node)
            node = None
            if children is not None:
                node, far = children
                heapq.heappush(heap, (far.bound, next(order), far))
                if np.isfinite(self.best):
                    heapq.heappush(heap, (node.bound, next(order), node))
                    node = None
            if node is None and heap and heap[0][0] < self.cut:
                node = heapq.heappop(heap)[2]
        return [bound for bound, *_ in heap] + ([] if node is None else [node.bound])


def _nothing(_: FloatArray) -> Rows | None:
    return None


def branch(
    instance: Instance,
    integer: BoolArray,
    *,
    broken: Callable[[FloatArray], Rows | None] = _nothing,
    pairs: Pairs = NO_PAIRS,
    gap: float = GAP,
    deadline: Deadline | None = None,
    start: Sequence[FloatArray] = (),
    solver: str = "auto",
) -> Branched:
    """Minimise a program with columns that are 0 or 1.

    Parameters
    ----------
    instance
        All its columns need finite limits on the side to which a reduced cost can point, else a node has no bound.
    integer
        Which columns are whole, shape ``(columns,)``.
    broken
        Returns rows that a point breaks and that are not in the program yet, or None.
    pairs
        Columns of which one is zero; their lower limits are zero.
    gap
        Relative gap at which the search ends.
    deadline
        Ends the search; the best point so far is returned with its bound.
    start
        Points to begin with: their whole columns are tried.
    solver
        One of :data:`equilibrium.programs.solvers.SOLVERS`, for the linear programs.
    """
    loaded = _Loaded(instance, open_handle(instance, solver), broken)
    search = _Search(loaded, np.flatnonzero(integer), pairs, gap)
    for x in start:
        search.try_point(x, _Node())
    left = search.run(Deadline() if deadline is None else deadline)
    return Branched(
        instance=loaded.instance,
        x=search.x,
        y=search.y,
        fixed=search.fixed if search.fixed is not None else loaded.instance,
        objective=search.best,
        bound=min(search.closed, search.best, *left),
        nodes=search.nodes,
        programs=loaded.programs,
        finished=not left or min(left) >= search.cut,
        seconds=loaded.seconds,
    )
