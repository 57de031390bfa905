"""Big-M, only with bounds that are proved, and their provenance carried to the certificate.

A pair becomes ``|multiplier| <= M u``, ``|slack| <= N (1 - u)`` with a binary ``u``. Where an M cuts off every
multiplier of the true optimum, all residuals of the wrong answer are still zero; so an M counts as ``proved`` only if

* the multiplier's column has that bound in the data, or a linear program over the optimality conditions without
  complementarity shows it (this is how priced slacks bound the prices of a market), or
* nobody but its owner sees the multiplier, and every basic multiplier of the follower stays below it, whatever those
  are that others see: then some optimal multiplier does.

Slacks are bounded by linear programs, or by a short branch and bound where those are unbounded.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp

from equilibrium.arrays import FloatArray, IntArray
from equilibrium.complementarity.branch import End, Outcome, Search
from equilibrium.complementarity.problem import Mpcc
from equilibrium.deadline import Deadline
from equilibrium.errors import SolverError
from equilibrium.games.compiled import Agent
from equilibrium.programs.program import INF, Instance
from equilibrium.programs.solvers import Handle, Status, open_handle, solve_mixed

PROVED, USER, GUESS = "proved", "user", "guess"
LARGEST = 1e6
"""A proved bound above this is not used: with the tightest tolerance of a solver, 1e-9, it would leak."""

WIDER = 1e-6
"""A proved bound is taken wider by this, relative to ``1 +`` the bound: a solver's answer has its own tolerance."""

SINGULAR = 1e-9
"""A basis whose determinant is below this has no multipliers of its own."""

SEARCH_NODES = 200
"""Nodes of the branch and bound that may prove the bound of one slack."""

POLISH_NODES = 20_000
"""Nodes that may settle a pattern with bent directions in it; one without any takes a single node."""

MAX_BASES = 20_000


@dataclass(frozen=True, eq=False)
class Bounds:
    """Bounds on both columns of every pair, shape ``(pairs, 2)``, and where the weakest comes from."""

    size: FloatArray
    provenance: str

    @property
    def missing(self) -> IntArray:
        """Pairs without a usable bound."""
        return np.flatnonzero(~(self.size <= LARGEST).all(axis=1))


def proved_bounds(mpcc: Mpcc, agents: tuple[Agent, ...], seen: IntArray) -> Bounds:
    """Prove bounds on every pair.

    Parameters
    ----------
    agents
        The followers in the problem.
    seen
        Columns in the objective or the rows of somebody other than their owner (named duals).
    """
    handle = open_handle(mpcc.instance)
    size = np.array([[_reach(handle, mpcc.instance, int(column)) for column in pair] for pair in mpcc.pairs])
    size = size.reshape(-1, 2)
    for k in np.flatnonzero(~np.isfinite(size[:, 1])):
        size[k, 1] = _searched(mpcc, int(mpcc.pairs[k, 1]))
    multipliers = mpcc.pairs[:, 0]
    for agent in agents:
        mine = np.isin(multipliers, _multiplier_columns(mpcc, agent))
        if not mine.any() or np.isfinite(size[mine, 0]).all():
            continue
        hidden = mine & ~np.isin(multipliers, seen)
        if np.isfinite(size[hidden, 0]).all():
            continue
        basic = _basic_bound(mpcc, agent, seen, handle)
        size[hidden, 0] = np.minimum(size[hidden, 0], basic)
    return Bounds(size, PROVED)


def _reach(handle: Handle, instance: Instance, column: int) -> float:
    """Return the largest absolute value of a column over the linear relaxation."""
    most = 0.0
    for sign in (1.0, -1.0):
        side = instance.col_upper[column] if sign > 0 else -instance.col_lower[column]
        if side <= 0.0:
            continue
        cost = np.zeros(instance.shape[1])
        cost[column] = -sign
        handle.update(instance.with_cost(cost))
        answer = handle.solve()
        if answer.status is Status.INFEASIBLE:
            return 0.0
        if answer.status is not Status.OPTIMAL:
            return INF
        most = max(most, sign * float(answer.x[column]))
    return _wider(most)


def _wider(bound: float) -> float:
    return bound * (1.0 + WIDER) + WIDER


def _searched(mpcc: Mpcc, column: int) -> float:
    """Return the largest value of a slack over the points that are complementary, if a short search proves one."""
    cost = np.zeros(mpcc.instance.shape[1])
    cost[column] = -1.0
    turned = replace(
        mpcc, instance=mpcc.instance.with_cost(cost), constant=0.0, hessian=sp.csr_array(mpcc.hessian.shape)
    )
    outcome = Search(turned, max_nodes=SEARCH_NODES).run()
    if outcome.end is End.INFEASIBLE:
        return 0.0
    return _wider(-outcome.bound) if np.isfinite(outcome.bound) else INF


def _multiplier_columns(mpcc: Mpcc, agent: Agent) -> IntArray:
    """Return the multipliers in the stationarity rows of an agent: of its rows and of its bounds."""
    own_rows = [row for row, column in mpcc.identities if column in set(agent.own.tolist())]
    used = np.unique(mpcc.instance.matrix[own_rows, :].indices) if own_rows else np.zeros(0, dtype=np.int64)
    return np.intersect1d(used, mpcc.pairs[:, 0])


def _basic_bound(mpcc: Mpcc, agent: Agent, seen: IntArray, handle: Handle) -> float:
    """Return a bound on every basic multiplier: ``|B^-1| |gradient|`` over all bases of the stationarity rows.

    For a given optimum of the follower, its multipliers form a polyhedron; a point of least support in it has
    linearly independent columns, hence is the solution of one basis. Multipliers that others see are given as well:
    their rows count with the gradient, as far as they reach, and in no basis.
    """
    if mpcc.bilinear:
        return INF
    given = np.flatnonzero(np.isin(agent.dual, seen))
    columns = [_row(agent, r) for r in range(agent.kind.size) if r not in given]
    columns = [c for c in columns if np.any(c)]
    unit = np.eye(agent.own.size)
    bounded = np.isfinite(agent.lower) | np.isfinite(agent.upper)
    candidates = [*columns, *unit[bounded], *unit[~bounded]]
    n = agent.own.size
    if math.comb(len(candidates), n) > MAX_BASES:
        return INF
    gradient = np.array([_gradient_reach(mpcc, agent, int(c), given, handle) for c in agent.own])
    if not np.isfinite(gradient).all():
        return INF
    most = 0.0
    for pick in itertools.combinations(range(len(candidates)), n):
        basis = np.column_stack([candidates[k] for k in pick])
        if abs(np.linalg.det(basis)) > SINGULAR:
            most = max(most, float(np.max(np.abs(np.linalg.inv(basis)) @ gradient)))
    return _wider(most)


def _row(agent: Agent, row: int) -> FloatArray:
    return np.asarray(agent.matrix[[row], :].toarray()[0, agent.own], dtype=np.float64)


def _gradient_reach(mpcc: Mpcc, agent: Agent, column: int, given: IntArray, handle: Handle) -> float:
    """Return the largest absolute slope by one of the follower's variables, less what ``given`` rows are worth."""
    cost = np.zeros(mpcc.instance.shape[1])
    cost[: agent.cost.size] = agent.hessian[[column], :].toarray().ravel()
    worth = agent.matrix[given, :][:, [column]].toarray().ravel()
    cost[agent.dual[given]] -= agent.sign * worth
    if not cost.any():
        return abs(float(agent.cost[column]))
    most = 0.0
    for way in (-cost, cost):
        handle.update(mpcc.instance.with_cost(way))
        answer = handle.solve()
        if answer.status is not Status.OPTIMAL:
            return INF
        most = max(most, abs(float(agent.cost[column] + cost @ answer.x)))
    return most


def given_bounds(mpcc: Mpcc, size: float, provenance: str) -> Bounds:
    """Return the same bound for every multiplier, as a user or a guess would have it; slacks keep proved bounds."""
    handle = open_handle(mpcc.instance)
    slacks = [_reach(handle, mpcc.instance, int(column)) for column in mpcc.pairs[:, 1]]
    limits = [slack if slack <= LARGEST else float(size) for slack in slacks]
    return Bounds(np.column_stack([np.full(len(limits), float(size)), np.array(limits)]), provenance)


def solve_bigm(mpcc: Mpcc, bounds: Bounds, solver: str, deadline: Deadline) -> Outcome:
    """Minimise a linear objective with binaries; the answer is polished by fixing the pairs that it chose."""
    base, count = mpcc.instance, mpcc.pairs.shape[0]
    n = base.shape[1]
    rows: list[int] = []
    columns: list[int] = []
    values: list[float] = []
    limits: list[float] = []
    for k, (pair, size) in enumerate(zip(mpcc.pairs.tolist(), bounds.size, strict=True)):
        for column, most, sense in ((pair[0], size[0], -1.0), (pair[1], size[1], 1.0)):
            sign = 1.0 if base.col_upper[column] > 0.0 else -1.0
            rows += [len(limits)] * 2
            columns += [column, n + k]
            values += [sign, sense * most]
            limits.append(most if sense > 0 else 0.0)
    extra = sp.csr_array(sp.coo_array((values, (rows, columns)), shape=(len(limits), n + count), dtype=np.float64))
    wide = sp.csr_array((base.matrix.data, base.matrix.indices, base.matrix.indptr), shape=(base.shape[0], n + count))
    program = Instance(
        wide,
        np.concatenate([base.cost, np.zeros(count)]),
        base.row_lower,
        base.row_upper,
        np.concatenate([base.col_lower, np.zeros(count)]),
        np.concatenate([base.col_upper, np.ones(count)]),
    ).with_rows(extra, np.full(len(limits), -INF), np.array(limits))
    integer = np.concatenate([mpcc.integer, np.ones(count, dtype=bool)])
    answer = solve_mixed(program, integer, solver, time_limit_s=deadline.left, node_limit=deadline.nodes_left)
    deadline.spend(answer.nodes)
    if answer.status is Status.INFEASIBLE:
        return Outcome(End.INFEASIBLE, None, INF, INF, seconds=answer.seconds, provenance=bounds.provenance)
    if answer.status is Status.UNBOUNDED:
        return Outcome(End.UNBOUNDED, None, -INF, -INF, seconds=answer.seconds, provenance=bounds.provenance)
    end = End.OPTIMAL if answer.status is Status.OPTIMAL else End.LIMIT
    if answer.x.size == 0 or not np.isfinite(answer.objective):
        bound = answer.bound + mpcc.constant
        return Outcome(End.LIMIT, None, INF, bound, seconds=answer.seconds, provenance=bounds.provenance)
    v, bound = answer.x[:n], answer.bound + mpcc.constant
    outcome = Outcome(end, v, mpcc.value(v), bound, seconds=answer.seconds, provenance=bounds.provenance)
    return settle(mpcc, outcome, answer.x[n:] > 0.5)


def settle(mpcc: Mpcc, outcome: Outcome, multiplier_free: np.ndarray | None = None) -> Outcome:
    """Replace a mixed-integer answer by the exact optimum of the pattern that it chose, if there is one."""
    if outcome.v is None or mpcc.bilinear:
        return outcome
    v, base = outcome.v, mpcc.instance
    lower, upper = base.col_lower.copy(), base.col_upper.copy()
    whole = mpcc.integer
    lower[whole] = upper[whole] = np.round(v[whole])
    if mpcc.pairs.size:
        free = multiplier_free
        if free is None:
            free = np.abs(v[mpcc.pairs[:, 0]]) > np.abs(v[mpcc.pairs[:, 1]])
        zero = np.where(free, mpcc.pairs[:, 1], mpcc.pairs[:, 0])
        lower[zero] = upper[zero] = 0.0
    piece = replace(base, col_lower=lower, col_upper=upper)
    fixed = replace(mpcc, instance=piece, pairs=np.zeros((0, 2), dtype=np.int64))
    try:
        exact = Search(fixed, max_nodes=POLISH_NODES).run()
    except SolverError:
        return outcome
    return outcome if exact.v is None else replace(outcome, v=exact.v, value=exact.value)
