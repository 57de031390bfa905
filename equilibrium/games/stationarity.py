"""All leaders' optimality conditions at once, piece by piece.

A leader's set is a union of polyhedra, one for every choice of the zero column in each of the followers' pairs. An
equilibrium solves every leader's problem on each piece that contains it, so it satisfies the joint optimality
conditions of all leaders on some piece. The literature stops at such a stationary point; here it is a candidate, and
if no piece leaves a candidate that survives a global deviation, there is no pure equilibrium.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp

from equilibrium.arrays import FloatArray
from equilibrium.complementarity.branch import End, minimise_mpcc
from equilibrium.complementarity.problem import Mpcc, System
from equilibrium.complementarity.products import linearise_products
from equilibrium.deadline import Deadline
from equilibrium.games.compiled import Agent, CompiledGame
from equilibrium.games.conditions import append_conditions, leader_problem
from equilibrium.programs.solvers import Status, open_handle

MAX_PIECES = 2048
SAME = 1e-6
"""Leaders' decisions that differ by less than this (relative) are one candidate."""

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


class OutOfTimeError(RuntimeError):
    """The sweep did not end within its time."""


def why_not(compiled: CompiledGame) -> str | None:
    """Return why the sweep does not apply, or None."""
    if any(agent.integer.any() for agent in compiled.leaders):
        return "a leader has integer variables, which have no optimality conditions"
    if any(agent.products for agent in compiled.agents):
        return "a row has products"
    return None


def sweep(compiled: CompiledGame, accept: Callable[[FloatArray], bool], deadline: Deadline) -> Sweep:
    """Look for stationary points on every piece until ``accept`` takes one.

    Parameters
    ----------
    accept
        Called with each new point; True ends the sweep with that point last in the list.
    """
    problems = _problems(compiled)
    shared = leader_problem(compiled, None, compiled.followers, binding=compiled.leaders)
    decided = np.concatenate([leader.own for leader in compiled.leaders])
    points: list[FloatArray] = []
    complete, pieces, reason = True, 0, ""
    for lower, upper in _pieces(shared):
        pieces += 1
        if pieces > MAX_PIECES or deadline.passed:
            return Sweep(tuple(points), False, pieces, "too many pieces, or out of time")
        joint = _joint(compiled, problems, lower, upper)
        answer = minimise_mpcc(joint, deadline, stop_at=0.0)
        if answer.v is None:
            if answer.end is not End.INFEASIBLE:
                complete, reason = False, "a piece could not be searched to its end"
            continue
        w = answer.v[: compiled.size]
        if not any(_same(w[decided], old[decided]) for old in points):
            points.append(w.copy())
            if accept(w):
                return Sweep(tuple(points), True, pieces)
        if not _alone(joint, w, decided, deadline):
            complete, reason = False, "a piece has a continuum of stationary points"
    return Sweep(tuple(points), complete, pieces, reason)


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


def _pieces(shared: Mpcc) -> Iterator[tuple[FloatArray, FloatArray]]:
    """Yield the bounds of every non-empty piece."""
    handle = open_handle(shared.instance)
    stack = [(0, shared.instance.col_lower, shared.instance.col_upper)]
    while stack:
        depth, lower, upper = stack.pop()
        handle.update(replace(shared.instance, col_lower=lower, col_upper=upper))
        if handle.solve().status is Status.INFEASIBLE:
            continue
        if depth == len(shared.pairs):
            yield lower, upper
            continue
        for column in shared.pairs[depth].tolist():
            if lower[column] > 0.0 or upper[column] < 0.0:
                continue
            low, high = lower.copy(), upper.copy()
            low[column] = high[column] = 0.0
            stack.append((depth + 1, low, high))


def _joint(compiled: CompiledGame, problems: list[Mpcc], lower: FloatArray, upper: FloatArray) -> Mpcc:
    """Return the optimality conditions of all leaders on one piece; each has its own multipliers."""
    system = System(lower.tolist(), upper.tolist())
    decided = np.concatenate([leader.own for leader in compiled.leaders])
    shared = np.setdiff1d(np.arange(lower.size), decided)
    for leader, problem in zip(compiled.leaders, problems, strict=True):
        own = np.union1d(leader.own, shared)
        append_conditions(system, _leader_on_piece(leader, problem, own, lower, upper))
    n = lower.size
    return system.finish(np.zeros(n), sp.csr_array((n, n)), 0.0, np.zeros(n, dtype=bool))


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


def _alone(joint: Mpcc, w: FloatArray, decided: np.ndarray, deadline: Deadline) -> bool:
    """Whether all stationary points of the piece have the same decisions of the leaders."""
    for column in decided.tolist():
        for sign in (1.0, -1.0):
            cost = np.zeros(joint.instance.shape[1])
            cost[column] = sign
            turned = replace(joint, instance=joint.instance.with_cost(cost))
            answer = minimise_mpcc(turned, deadline)
            if answer.end is not End.OPTIMAL or abs(answer.value - sign * w[column]) > SAME * (1.0 + abs(w[column])):
                return False
    return True
