"""The pessimistic answer as an optimistic game.

Source: Zeng 2020, "A practical scheme to compute the pessimistic bilevel optimization problem", INFORMS J. Computing
32.

The leader also chooses a point ``y'`` that is feasible for the follower; the follower, in the new game, does the worst
to the leader among all points that are at least as good for it as ``y'``. The leader wants that set small, so ``y'``
is optimal, and the set is the follower's optimal set.
"""

from __future__ import annotations

import numpy as np

from equilibrium.games.compiled import CompiledGame
from equilibrium.games.statement import Game
from equilibrium.games.terms import Expression, Relation
from equilibrium.program import INF

PRIMED = "'"


def responses_are_unique(compiled: CompiledGame) -> bool:
    """Whether the leaders' decisions leave one response: no dual used, strictly convex objectives, no interplay."""
    if any(compiled.used_duals(agent) for agent in compiled.agents):
        return False
    taken = {int(c) for agent in compiled.followers for c in agent.own}
    for agent in compiled.followers:
        if np.linalg.eigvalsh(agent.own_hessian)[0] <= 1e-9:
            return False
        others = list(taken - set(agent.own.tolist()))
        if agent.hessian[agent.own, :][:, others].nnz or agent.matrix[:, others].nnz or agent.products:
            return False
    return True


def pessimistic_game(game: Game, compiled: CompiledGame) -> Game:
    """Return the optimistic game whose answer is the pessimistic answer of ``game``.

    Raises
    ------
    InputError
        When the game is outside what this is exact for; the message says why.
    """
    reason = _outside(compiled)
    if reason is not None:
        raise game.error("attitude", "pessimistic", f"optimistic, or another game: {reason}")
    leader, follower = compiled.leaders[0], compiled.followers[0]
    if compiled.used_duals(leader):
        return _with_duals(game, compiled)
    first, second = game.players[leader.name], game.players[follower.name]
    other = Game(f"{game.name}, pessimistic", source=game.source, file=game.file)
    new_leader = other.leader(first.name, first.sense)
    new_follower = other.follower(second.name, "max" if first.sense == "min" else "min")
    for variable in first.variables.values():
        new_leader.variable(variable.name, variable.lower, variable.upper, integer=variable.integer)
    for variable in second.variables.values():
        new_follower.variable(variable.name, variable.lower, variable.upper)
        new_leader.variable(variable.name + PRIMED, variable.lower, variable.upper)
    new_leader.objective = new_follower.objective = first.objective
    own = set(second.variables)
    for row in first.rows.values():
        new_leader.row(row.name, row.relation)
    for row in second.rows.values():
        new_follower.row(row.name, row.relation)
        primed = Relation(_primed(row.relation.body, own), row.relation.sense, row.relation.rhs)
        new_leader.row(f"{second.name}: {row.name}", primed)
    cost = Expression({key: value for key, value in second.objective.terms.items() if set(key) & own})
    worse = cost - _primed(cost, own)
    new_follower.row("as good as", worse <= 0.0 if second.sense == "min" else worse >= 0.0)
    return other


def _with_duals(game: Game, compiled: CompiledGame) -> Game:
    """Return the game in which the follower chooses the worst of its primal *and* dual optima.

    It owns its variables and multipliers; its rows say primal and dual feasible, and no duality gap.
    """
    leader, follower = compiled.leaders[0], compiled.followers[0]
    first, second = game.players[leader.name], game.players[follower.name]
    other = Game(f"{game.name}, pessimistic", source=game.source, file=game.file)
    new_leader = other.leader(first.name, first.sense)
    new = other.follower(second.name, "max" if first.sense == "min" else "min")
    for variable in first.variables.values():
        new_leader.variable(variable.name, variable.lower, variable.upper, integer=variable.integer)
    for row in first.rows.values():
        new_leader.row(row.name, row.relation)
    new_leader.objective = new.objective = first.objective
    cost = follower.sign * second.objective
    own = set(second.variables)
    slope = {name: _slope(cost, name) for name in own}
    gap = Expression({key: value for key, value in cost.terms.items() if set(key) & own})
    for name, variable in second.variables.items():
        new.variable(name, variable.lower, variable.upper)
        for side, sign in ((variable.lower, 1.0), (variable.upper, -1.0)):
            if np.isfinite(side):
                multiplier = sign * new.variable(f"{name} at {side:g}, {sign:g}")
                slope[name] = slope[name] - multiplier
                gap = gap - side * multiplier
    for r, row in enumerate(second.rows.values()):
        new.row(row.name, row.relation)
        low, high = (0.0 if follower.kind[r] > 0 else -INF), (0.0 if follower.kind[r] < 0 else INF)
        if follower.sign < 0.0 and row.dual_name:
            low, high = -high, -low
        named = new.variable(row.dual_name or f"dual of {row.name}", low, high)
        multiplier = (follower.sign if row.dual_name else 1.0) * named
        body = row.relation.body
        for name in own:
            slope[name] = slope[name] - multiplier * _slope(body, name)
        foreign = Expression({key: value for key, value in body.terms.items() if not set(key) & own})
        gap = gap - multiplier * (row.relation.rhs - foreign)
    for name in second.variables:
        new.row(f"slope of {name}", slope[name] == 0.0)
    new.row("no gap", gap <= 0.0)
    return other


def _slope(expression: Expression, name: str) -> Expression:
    """Return the derivative by a variable that appears linearly."""
    terms = {}
    for key, value in expression.terms.items():
        if name in key:
            rest = tuple(other for other in key if other != name)
            terms[rest] = value
    return Expression(terms)


def _outside(compiled: CompiledGame) -> str | None:
    if len(compiled.leaders) != 1 or len(compiled.followers) != 1:
        return "pessimistic answers are for one leader and one follower, or followers with unique responses"
    leader, follower = compiled.leaders[0], compiled.followers[0]
    if follower.own_hessian.any():
        return "the follower's objective is quadratic but not strictly convex"
    own = np.append(follower.own, np.arange(compiled.variables, compiled.size))
    if compiled.used_duals(leader) and (follower.products or leader.hessian[own, :][:, own].nnz):
        return "a dual is used and the follower's rows or the leader's objective have products of its variables"
    if leader.matrix[:, own].nnz or leader.products:
        return "a row of the leader contains a variable of the follower"
    curved = np.linalg.eigvalsh(-leader.hessian[own, :][:, own].toarray())
    if curved[0] < -1e-12:
        return "the leader's objective is curved in the follower's variables the wrong way"
    return None


def _primed(expression: Expression, own: set[str]) -> Expression:
    return Expression(
        {tuple(sorted(n + PRIMED if n in own else n for n in key)): value for key, value in expression.terms.items()}
    )
