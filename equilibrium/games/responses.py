"""A follower at a point: its own problem, the residuals of the point, and its dual optimal face."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from equilibrium.arrays import FloatArray
from equilibrium.certificate import largest_gain
from equilibrium.complementarity.convex import minimise
from equilibrium.games.compiled import Agent, CompiledGame
from equilibrium.programs.duality import Residuals, kkt_residuals
from equilibrium.programs.program import INF, Instance
from equilibrium.programs.solvers import Status, open_handle

SAME_EXCESS = 1e-12
"""What the least excess of a dual face may be passed by: rounding, so that the face is not empty."""

ACTIVE = 1e-7
"""A slack below this, relative to the size of its row, counts as zero when the dual face is drawn."""


@dataclass(frozen=True, eq=False)
class OwnProblem:
    """``min constant + cost'y + y'hessian y / 2`` of one agent in its own variables, all others given."""

    instance: Instance
    hessian: sp.csr_array
    constant: float

    def local(self, y: FloatArray) -> Instance:
        """Return the linear program whose cost is the gradient at ``y``."""
        return self.instance.with_cost(np.asarray(self.instance.cost + self.hessian @ y))


def own_problem(agent: Agent, w: FloatArray) -> OwnProblem:
    """Return the agent's problem at the decisions ``w`` of the others."""
    rest = w.copy()
    rest[agent.own] = 0.0
    side = agent.rhs - agent.activity(rest)
    instance = Instance(
        sp.csr_array(agent.jacobian(rest)[:, agent.own]),
        agent.gradient(rest)[agent.own],
        np.where(agent.kind >= 0, side, -INF),
        np.where(agent.kind <= 0, side, INF),
        agent.lower,
        agent.upper,
    )
    return OwnProblem(instance, sp.csr_array(agent.hessian[agent.own, :][:, agent.own]), agent.value(rest))


def respond(compiled: CompiledGame, w: FloatArray) -> FloatArray | None:
    """Return ``w`` with one optimal response of every follower and its duals, each by one convex program.

    None where a follower has no optimum, or sees other followers, so that a response is an equilibrium among them.
    """
    if any(compiled.sees_followers(agent) for agent in compiled.followers):
        return None
    w = w.copy()
    for agent in compiled.followers:
        problem = own_problem(agent, w)
        answer = minimise(problem.instance, problem.hessian)
        if answer.status is not Status.OPTIMAL:
            return None
        w[agent.own] = answer.x
        named = agent.dual != -1
        w[agent.dual[named]] = agent.sign * answer.y[named]
    return w


@dataclass(frozen=True, eq=False)
class Response:
    """What is known of a responding player at a point.

    ``mu`` are multipliers of its rows (as a minimisation), ``regret`` the interval of what it could still gain, and
    ``intervals`` the range of each named dual (column: (low, high), in the player's own sense).
    """

    mu: FloatArray
    residuals: Residuals
    regret: tuple[float, float]
    intervals: Mapping[int, tuple[float, float]]


def examine(agent: Agent, w: FloatArray, given: Mapping[int, float]) -> Response:
    """Certify that ``w`` holds an optimum of a convex agent.

    Parameters
    ----------
    w
        All columns.
    given
        Named duals whose values are prescribed, by column; the other multipliers are chosen to fit.
    """
    problem = own_problem(agent, w)
    y = w[agent.own]
    face = _dual_face(agent, problem, y, given)
    handle = open_handle(face)
    rows = agent.kind.size
    answer = handle.solve()
    mu = answer.x[:rows] if answer.status is Status.OPTIMAL else np.zeros(rows)
    for r, column in enumerate(agent.dual.tolist()):
        if column in given:
            mu[r] = given[column] * agent.sign
    residuals = kkt_residuals(problem.local(y), y, mu)
    value = float(problem.instance.cost @ y) + 0.5 * float(y @ (problem.hessian @ y))
    best = minimise(problem.instance, problem.hessian)
    if best.status is Status.OPTIMAL:
        regret = (max(0.0, value - best.value), largest_gain(value, best.bound))
    else:
        regret = (0.0, INF)
    return Response(mu, residuals, regret, _intervals(agent, problem, y))


def _dual_face(agent: Agent, problem: OwnProblem, y: FloatArray, given: Mapping[int, float]) -> Instance:
    """Return the program over ``(mu, z, excess)`` that finds multipliers complementary to ``y``."""
    local = problem.local(y)
    rows, n = local.shape
    activity = local.matrix @ y
    size = ACTIVE * (1.0 + abs(local.matrix) @ np.abs(y) + np.abs(agent.rhs))
    low = np.where((local.row_upper - activity <= size) & np.isfinite(local.row_upper), -INF, 0.0)
    high = np.where((activity - local.row_lower <= size) & np.isfinite(local.row_lower), INF, 0.0)
    for r, column in enumerate(agent.dual.tolist()):
        if column in given:
            low[r] = high[r] = given[column] * agent.sign
    near = ACTIVE * (1.0 + np.abs(y))
    z_low = np.where(local.col_upper - y <= near, -INF, 0.0)
    z_high = np.where(y - local.col_lower <= near, INF, 0.0)
    eye = sp.identity(n, format="csr")
    matrix = sp.csr_array(sp.hstack([local.matrix.T, eye, eye, -eye], format="csr"))
    return Instance(
        matrix,
        np.concatenate([np.zeros(rows + n), np.ones(2 * n)]),
        local.cost.copy(),
        local.cost.copy(),
        np.concatenate([low, z_low, np.zeros(2 * n)]),
        np.concatenate([high, z_high, np.full(2 * n, INF)]),
    )


def _intervals(agent: Agent, problem: OwnProblem, y: FloatArray) -> dict[int, tuple[float, float]]:
    """Return the range of every named dual over the dual optimal face."""
    named = [(r, int(c)) for r, c in enumerate(agent.dual) if c != -1]
    if not named:
        return {}
    face = _dual_face(agent, problem, y, {})
    least = open_handle(face).solve()
    if least.status is not Status.OPTIMAL:
        return {}
    rows, n = agent.kind.size, agent.own.size
    upper = face.col_upper.copy()
    upper[rows + n :] = least.x[rows + n :] + SAME_EXCESS
    handle = open_handle(Instance(face.matrix, face.cost, face.row_lower, face.row_upper, face.col_lower, upper))
    found = {}
    for r, column in named:
        ends = []
        for sign in (1.0, -1.0):
            cost = np.zeros(face.shape[1])
            cost[r] = sign
            handle.update(Instance(face.matrix, cost, face.row_lower, face.row_upper, face.col_lower, upper))
            answer = handle.solve()
            ends.append(float(answer.x[r]) if answer.status is Status.OPTIMAL else -sign * INF)
        low, high = (ends[0], ends[1]) if agent.sign > 0 else (-ends[1], -ends[0])
        found[column] = (low, high)
    return found
