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

WHOLE = 1e-6
"""What a column is away from a whole number, or both of a pair from zero, and still counts as there: it is then fixed
there, and the program solved anew."""

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
    """The state of a search."""

    loaded: _Loaded
    integer: IntArray
    pairs: Pairs
    gap: float
    best: float = INF
    x: FloatArray = field(default_factory=lambda: np.zeros(0))
    y: FloatArray = field(default_factory=lambda: np.zeros(0))
    fixed: Instance | None = None
    tried: set[bytes] = field(default_factory=set)

    @property
    def cut(self) -> float:
        """A node whose bound reaches this is of no use."""
        return self.best - self.gap * max(1.0, abs(self.best)) if np.isfinite(self.best) else INF

    def try_point(self, x: FloatArray) -> None:
        """Fix whole columns at the nearest whole numbers, and pairs at their larger side, and keep the point if best."""
        whole = np.round(x[self.integer])
        one, other = x[self.pairs.one], x[self.pairs.other]
        both = np.minimum(one, other) > WHOLE
        zero = np.where(one < other, self.pairs.one, self.pairs.other)[both]
        key = whole.tobytes() + zero.tobytes()
        if key in self.tried:
            return
        self.tried.add(key)
        columns = [*self.integer.tolist(), *zero.tolist()]
        found = self.loaded.solve(columns, [*whole.tolist(), *[0.0] * zero.size])
        if found is None:
            return
        instance, answer = found
        value = float(instance.cost @ answer.x)
        if value < self.best and not (np.minimum(answer.x[self.pairs.one], answer.x[self.pairs.other]) > WHOLE).any():
            self.best, self.x, self.y, self.fixed = value, answer.x, answer.y, instance

    def branching(self, x: FloatArray) -> tuple[int, float, float] | tuple[int, int] | None:
        """Return a column with its two values, or a pair of which one is to be zero, or None where all is whole."""
        away = np.abs(x[self.integer] - np.round(x[self.integer]))
        if away.max(initial=0.0) > FEASIBILITY:
            k = int(away.argmax())
            near = float(np.round(x[self.integer[k]]))
            return int(self.integer[k]), near, 1.0 - near
        both = np.minimum(x[self.pairs.one], x[self.pairs.other])
        if both.max(initial=0.0) > WHOLE:
            k = int(both.argmax())
            ends = int(self.pairs.one[k]), int(self.pairs.other[k])
            return ends if x[ends[0]] < x[ends[1]] else (ends[1], ends[0])
        return None


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
    deadline = Deadline() if deadline is None else deadline
    loaded = _Loaded(instance, open_handle(instance, solver), broken)
    search = _Search(loaded, np.flatnonzero(integer), pairs, gap)
    for x in start:
        search.try_point(x)
    order = count()
    heap = [(-INF, 0, _Node())]
    nodes, closed, dive = 0, INF, None
    while (heap or dive is not None) and not deadline.passed:
        node = dive if dive is not None else heapq.heappop(heap)[2]
        dive = None
        if node.bound >= search.cut:
            closed = min(closed, node.bound)
            continue
        nodes += 1
        deadline.spend(1)
        found = loaded.solve(node.columns, node.values)
        if found is None:
            continue
        now, answer = found
        bound = max(node.bound, proved_bound(now, answer.y))
        if bound >= search.cut:
            closed = min(closed, bound)
            continue
        search.try_point(answer.x)
        split = search.branching(answer.x)
        if split is None or bound >= search.cut:
            closed = min(closed, bound)
            continue
        if len(split) == 3:
            near, far = node.child(split[0], split[1], bound), node.child(split[0], split[2], bound)
        else:
            near, far = node.child(split[0], 0.0, bound), node.child(split[1], 0.0, bound)
        heapq.heappush(heap, (bound, next(order), far))
        if np.isfinite(search.best):
            heapq.heappush(heap, (bound, next(order), near))
        else:
            dive = near
    left = [entry[2].bound for entry in heap] + ([dive.bound] if dive is not None else [])
    bound = min(closed, search.best, *left)
    return Branched(
        loaded.instance,
        search.x,
        search.y,
        search.fixed if search.fixed is not None else loaded.instance,
        search.best,
        bound,
        nodes,
        loaded.programs,
        not left or min(left) >= search.cut,
        loaded.seconds,
    )
