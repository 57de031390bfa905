"""All leaders' optimality conditions at once, piece by piece.

A leader's set is a union of polyhedra, one for every choice of the zero column in each of the followers' pairs. An
equilibrium solves every leader's problem on each piece that contains it, so it satisfies the joint optimality
conditions of all leaders on some piece. The literature stops at such a stationary point; here it is a candidate, and
if no piece leaves a candidate that survives a global deviation, there is no pure equilibrium.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import scipy.sparse as sp

from equilibrium.arrays import FloatArray, IntArray
from equilibrium.complementarity.branch import End, minimise_mpcc
from equilibrium.complementarity.problem import Mpcc, System
from equilibrium.complementarity.products import linearise_products
from equilibrium.deadline import Deadline
from equilibrium.games.compiled import Agent, CompiledGame
from equilibrium.games.conditions import append_conditions, leader_problem
from equilibrium.games.exclusion import gains_everywhere
from equilibrium.programs.solvers import Status, open_handle

MAX_PIECES = 2048
SAME = 1e-6
"""Leaders' decisions that differ by less than this (relative) are one candidate."""

BETWEEN = (0.5, 0.25, 0.75)
"""Where the points lie that are tried between the two ends of a continuum of stationary points."""

MAX_HALVINGS = 5
"""Times that a continuum of stationary points is halved to find a deviation that gains on each part."""

BESIDE = 1e-3
"""Relative distance within which the exact stationary point of a converged iteration is looked for."""

BESIDE_NODES = 20_000
"""Nodes for that search."""

FAR = 1e6
"""A reach that is no limit."""


@dataclass(frozen=True, eq=False)
class Sweep:
    """Stationary points found, whether every piece was looked at and left nothing else, and the number of pieces."""

    points: tuple[FloatArray, ...]
    complete: bool
    pieces: int
    reason: str = ""


@dataclass(frozen=True, eq=False)
class Judged:
    """What a global deviation says of a stationary point.

    ``taken`` ends the sweep; ``excluded``: with no response are these decisions an equilibrium; ``deviations`` are
    decisions of leaders that gain there, by position of the leader.
    """

    taken: bool
    excluded: bool = False
    deviations: Mapping[int, FloatArray] = field(default_factory=dict)


def why_not(compiled: CompiledGame) -> str | None:
    """Return why the sweep does not apply, or None."""
    if any(agent.integer.any() for agent in compiled.leaders):
        return "a leader has integer variables, which have no optimality conditions"
    if any(agent.products for agent in compiled.agents):
        return "a row has products"
    return None


def sweep(compiled: CompiledGame, judge: Callable[[FloatArray], Judged], deadline: Deadline) -> Sweep:
    """Look for stationary points on every piece until ``judge`` takes one.

    A piece is done with when it has no stationary point, when one deviation gains at all of them, or when its points
    have one decision of the leaders, which is excluded.

    Parameters
    ----------
    judge
        Called with each new point; where it takes one the sweep ends with that point last in the list.
    """
    shared = leader_problem(compiled, None, compiled.followers, binding=compiled.leaders)
    run = _Run(compiled, judge, deadline)
    pieces = 0
    for lower, upper in _pieces(compiled, shared):
        pieces += 1
        if pieces > MAX_PIECES or deadline.passed:
            return Sweep(tuple(run.points), False, pieces, "too many pieces, or out of time")
        if run.taken_on(lower, upper):
            return Sweep(tuple(run.points), True, pieces)
    return Sweep(tuple(run.points), not run.open_end, pieces, run.open_end)


class _Run:
    """One sweep: the points met, and why a piece was not done with (empty while all are)."""

    def __init__(self, compiled: CompiledGame, judge: Callable[[FloatArray], Judged], deadline: Deadline) -> None:
        self.compiled, self.judge, self.deadline = compiled, judge, deadline
        self.problems = _problems(compiled)
        self.decided = np.concatenate([leader.own for leader in compiled.leaders])
        self.points: list[FloatArray] = []
        self.open_end = ""

    def taken_on(self, lower: FloatArray, upper: FloatArray) -> bool:
        """Look at one piece; True where a point was taken. A continuum is halved where no deviation gains on all."""
        stack = [(0, lower[self.decided], upper[self.decided])]
        while stack:
            depth, low, high = stack.pop()
            joint = self._boxed(lower, upper, low, high).finish(*self._nothing(lower.size))
            answer = minimise_mpcc(joint, self.deadline, stop_at=0.0)
            if answer.v is None:
                if answer.end is not End.INFEASIBLE:
                    self.open_end = "a piece could not be searched to its end"
                continue
            first = answer.v[: self.compiled.size].copy()
            judged = self.judge(first)
            self.points.append(first)
            if judged.taken:
                return True
            if self._gained(lower, upper, low, high, judged):
                continue
            candidates, ranges = _spread(joint, first, self.decided, self.deadline)
            if ranges is None:
                self.open_end = "a piece could not be searched to its end"
                continue
            if depth == 1 and any(self._new(w) and self.judge(w).taken for w in candidates):
                return True
            widths = ranges[:, 1] - ranges[:, 0]
            if np.all(widths <= SAME * (1.0 + np.abs(ranges[:, 0]))):
                if not judged.excluded:
                    self.open_end = "a stationary point has neither a gain nor a proof"
                continue
            if depth == MAX_HALVINGS or not np.isfinite(widths).all():
                self.open_end = "a piece has a continuum of stationary points, of which some were tried"
                continue
            widest = int(np.argmax(widths))
            middle = 0.5 * (ranges[widest, 0] + ranges[widest, 1])
            below, above = ranges[:, 1].copy(), ranges[:, 0].copy()
            below[widest] = above[widest] = middle
            stack += [(depth + 1, ranges[:, 0], below), (depth + 1, above, ranges[:, 1])]
        return False

    def _boxed(self, lower: FloatArray, upper: FloatArray, low: FloatArray, high: FloatArray) -> System:
        """Return the conditions of all leaders on a piece, and of their decisions a box, wider by rounding."""
        system = _stated(self.compiled, self.problems, lower, upper)
        for column, a, b in zip(self.decided.tolist(), low.tolist(), high.tolist(), strict=True):
            system.lower[column] = max(system.lower[column], a - SAME * (1.0 + abs(a)))
            system.upper[column] = min(system.upper[column], b + SAME * (1.0 + abs(b)))
        return system

    @staticmethod
    def _nothing(n: int) -> tuple[FloatArray, sp.csr_array, float, np.ndarray]:
        return np.zeros(n), sp.csr_array((n, n)), 0.0, np.zeros(n, dtype=bool)

    def _gained(self, lower: FloatArray, upper: FloatArray, low: FloatArray, high: FloatArray, judged: Judged) -> bool:
        return any(
            gains_everywhere(
                self.compiled, self._boxed(lower, upper, low, high), self.compiled.leaders[k], x, self.deadline
            )
            for k, x in judged.deviations.items()
        )

    def _new(self, w: FloatArray) -> bool:
        if any(_same(w[self.decided], old[self.decided]) for old in self.points):
            return False
        self.points.append(w)
        return True


def _problems(compiled: CompiledGame) -> list[Mpcc]:
    raw = [leader_problem(compiled, leader, compiled.followers) for leader in compiled.leaders]
    return [linearise_products(problem) or problem for problem in raw]


def stationary_beside(compiled: CompiledGame, w: FloatArray, deadline: Deadline, reach: float) -> FloatArray | None:
    """Return a stationary point close to ``w``, on the piece that holds it, or None.

    Parameters
    ----------
    w
        Leaders' decisions near a stationary point; the followers' part is computed anew.
    reach
        Largest relative distance of the leaders' decisions.
    """
    if why_not(compiled) is not None:
        return None
    decided = np.concatenate([leader.own for leader in compiled.leaders])
    fixed = {int(c): float(w[c]) for c in decided}
    response = minimise_mpcc(leader_problem(compiled, None, compiled.followers, fixed), deadline)
    if response.v is None:
        return None
    shared = leader_problem(compiled, None, compiled.followers, binding=compiled.leaders)
    lower, upper = shared.instance.col_lower.copy(), shared.instance.col_upper.copy()
    v = response.v
    for first, second in shared.pairs.tolist():
        zero = first if abs(v[first]) <= abs(v[second]) else second
        lower[zero] = upper[zero] = 0.0
    joint = _joint(compiled, _problems(compiled), lower, upper)
    near = reach * (1.0 + np.abs(w[decided]))
    low, high = joint.instance.col_lower.copy(), joint.instance.col_upper.copy()
    low[decided] = np.maximum(low[decided], w[decided] - near)
    high[decided] = np.minimum(high[decided], w[decided] + near)
    boxed = replace(joint, instance=replace(joint.instance, col_lower=low, col_upper=high))
    answer = minimise_mpcc(boxed, deadline.part(nodes=BESIDE_NODES), stop_at=0.0)
    return None if answer.v is None else answer.v[: compiled.size].copy()


def _same(one: FloatArray, other: FloatArray) -> bool:
    return bool(np.all(np.abs(one - other) <= SAME * (1.0 + np.abs(one))))


def _pieces(compiled: CompiledGame, shared: Mpcc) -> Iterator[tuple[FloatArray, FloatArray]]:
    """Yield the bounds of every non-empty piece that is needed.

    Where nobody sees a multiplier, every response has multipliers of least support, whose rows are independent; so
    pieces on which more multipliers are free hold no point that the others do not hold.
    """
    seen = any(compiled.used_duals(agent) for agent in compiled.agents)
    blocks = [] if seen else [_multipliers(compiled, shared, agent) for agent in compiled.followers]
    handle = open_handle(shared.instance)
    stack = [(0, shared.instance.col_lower, shared.instance.col_upper)]
    while stack:
        depth, lower, upper = stack.pop()
        handle.update(replace(shared.instance, col_lower=lower, col_upper=upper))
        if handle.solve().status is Status.INFEASIBLE:
            continue
        if depth == len(shared.pairs):
            free = ~((lower == 0.0) & (upper == 0.0))
            if all(_independent(dense, equal, free[columns]) for dense, equal, columns in blocks):
                yield lower, upper
            continue
        for column in shared.pairs[depth].tolist():
            if lower[column] > 0.0 or upper[column] < 0.0:
                continue
            low, high = lower.copy(), upper.copy()
            low[column] = high[column] = 0.0
            stack.append((depth + 1, low, high))


def _multipliers(compiled: CompiledGame, shared: Mpcc, agent: Agent) -> tuple[FloatArray, np.ndarray, IntArray]:
    """Return the stationarity rows of a follower by its multipliers: coefficients, which have no pair, columns."""
    own = set(agent.own.tolist())
    rows = [row for row, column in shared.identities if column in own]
    matrix = shared.instance.matrix[rows, :]
    columns = np.unique(matrix.indices)
    columns = columns[columns >= compiled.variables]
    return matrix[:, columns].toarray(), ~np.isin(columns, shared.pairs[:, 0]), columns


def _independent(dense: FloatArray, equal: np.ndarray, free: np.ndarray) -> bool:
    """Whether the free multipliers' columns are independent of each other and of those without a pair."""
    base = dense[:, equal]
    wide = np.hstack([base, dense[:, free & ~equal]])
    lowest = np.linalg.matrix_rank(base) if base.size else 0
    return not wide.size or int(np.linalg.matrix_rank(wide)) == int(lowest) + int(np.sum(free & ~equal))


def _joint(compiled: CompiledGame, problems: list[Mpcc], lower: FloatArray, upper: FloatArray) -> Mpcc:
    """Return the optimality conditions of all leaders on one piece; each has its own multipliers."""
    n = lower.size
    system = _stated(compiled, problems, lower, upper)
    return system.finish(np.zeros(n), sp.csr_array((n, n)), 0.0, np.zeros(n, dtype=bool))


def _stated(compiled: CompiledGame, problems: list[Mpcc], lower: FloatArray, upper: FloatArray) -> System:
    system = System(lower.tolist(), upper.tolist())
    decided = np.concatenate([leader.own for leader in compiled.leaders])
    shared = np.setdiff1d(np.arange(lower.size), decided)
    for leader, problem in zip(compiled.leaders, problems, strict=True):
        own = np.union1d(leader.own, shared)
        append_conditions(system, _leader_on_piece(leader, problem, own, lower, upper))
    return system


def _leader_on_piece(leader: Agent, problem: Mpcc, own: np.ndarray, lower: FloatArray, upper: FloatArray) -> Agent:
    """Return the leader with the followers' columns as its own, on a polyhedron."""
    base = problem.instance
    kind = np.where(base.row_lower == base.row_upper, 0, np.where(np.isfinite(base.row_lower), 1, -1))
    return replace(
        leader,
        own=own,
        sign=1.0,
        constant=problem.constant,
        cost=base.cost,
        hessian=problem.hessian,
        matrix=base.matrix,
        kind=kind,
        rhs=np.where(kind >= 0, base.row_lower, base.row_upper),
        products=(),
        lower=lower[own],
        upper=upper[own],
        integer=np.zeros(own.size, dtype=bool),
        row_names=tuple(str(k) for k in range(kind.size)),
        dual=np.full(kind.size, -1, dtype=np.int64),
    )


def _spread(
    joint: Mpcc, w: FloatArray, decided: np.ndarray, deadline: Deadline
) -> tuple[tuple[FloatArray, ...], FloatArray | None]:
    """Return further stationary points of the piece, and the range of each decision, shape ``(decisions, 2)``.

    The points are those with the least and the largest value of each decision, and some between them: the piece is
    convex, so the followers respond there too; whether they are equilibria, a global deviation tells. No ranges where
    a search did not end.
    """
    found: list[FloatArray] = []
    ranges: list[tuple[float, float]] = []
    for column in decided.tolist():
        ends: list[FloatArray] = []
        span = []
        for sign in (1.0, -1.0):
            cost = np.zeros(joint.instance.shape[1])
            cost[column] = sign
            answer = minimise_mpcc(replace(joint, instance=joint.instance.with_cost(cost)), deadline)
            if answer.v is not None:
                ends.append(answer.v[: w.size].copy())
            if answer.end not in (End.OPTIMAL, End.UNBOUNDED):
                return tuple(found), None
            span.append(sign * answer.bound)
        ranges.append((span[0], span[1]))
        found += [end for end in ends if not _same(end[decided], w[decided])]
        if len(ends) > 1 and not _same(ends[0][decided], ends[1][decided]):
            found += [ends[0] + share * (ends[1] - ends[0]) for share in BETWEEN]
    return tuple(found), np.array(ranges).reshape(-1, 2)
