"""The pessimistic answer of one leader as an optimistic game.

Source: Zeng 2020, "A practical scheme to compute the pessimistic bilevel optimization problem", INFORMS J. Computing
32; the solution set of a convex quadratic program: Mangasarian 1988, "A simple characterization of solution sets of
convex programs", Operations Research Letters 7.

The leader also chooses a point ``y'`` that is feasible for the followers; in the new game one follower, the *worst
case*, does the worst to the leader among all points that are at least as good for every follower as ``y'``. The leader
wants that set small, so ``y'`` is optimal, and the set is the followers' optimal set. Where a follower's objective is
curved, ``y'`` is its own response, and the set is ``Q y = Q y', c'y <= c'y'``. A row of the leader that contains
followers' variables must hold for every optimal response; each such row has a worst case of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from equilibrium.arrays import IntArray
from equilibrium.games.compiled import Agent, CompiledGame
from equilibrium.games.statement import Player, Statement
from equilibrium.games.terms import Expression, Relation
from equilibrium.programs.program import INF

PRIMED = "'"

STRICT = 1e-9
"""Least eigenvalue, relative to ``max(1, largest entry)``, of an objective that counts as strictly convex."""

BENT = 1e-12
"""Eigenvalue below minus this of an objective that is not concave in the followers' variables."""


def responses_are_unique(compiled: CompiledGame) -> bool:
    """Whether the leaders' decisions leave one response: no dual used, strictly convex objectives, no interplay."""
    if any(compiled.used_duals(agent) for agent in compiled.agents):
        return False
    for agent in compiled.followers:
        hessian = agent.own_hessian
        strict = np.linalg.eigvalsh(hessian)[0] > STRICT * max(1.0, float(np.max(np.abs(hessian))))
        if not strict or compiled.sees_followers(agent) or agent.products:
            return False
    return True


def why_not(compiled: CompiledGame, leader: Agent) -> str | None:
    """Return why the optimistic form does not hold for ``leader``, or None."""
    for follower in compiled.followers:
        if compiled.sees_followers(follower):
            return f"the problem of {follower.name} contains variables of other followers"
    own = np.concatenate([*(f.own for f in compiled.followers), np.arange(compiled.variables, compiled.size)])
    if compiled.used_duals(leader):
        return _why_not_with_duals(compiled, leader, own)
    if any({p.i, p.j} <= set(own.tolist()) for p in leader.products):
        return f"a row of {leader.name} has a product of the followers' variables"
    if np.linalg.eigvalsh(-leader.hessian[own, :][:, own].toarray())[0] < -BENT:
        return f"the objective of {leader.name} is curved in the followers' variables, so that its worst case is not"
    return None


def _why_not_with_duals(compiled: CompiledGame, leader: Agent, own: IntArray) -> str | None:
    """As :func:`why_not` for a leader that uses a dual; ``own`` are the columns of the followers and of the duals."""
    uses = f"{leader.name} uses a dual, and"
    for follower in compiled.followers:
        if follower.own_hessian.any():
            return f"{uses} the objective of {follower.name} is quadratic"
        if follower.products:
            return f"{uses} a row of {follower.name} has products"
    if leader.matrix[:, own].nnz or any({p.i, p.j} & set(own.tolist()) for p in leader.products):
        return f"{uses} one of its rows contains a variable of a follower"
    if leader.hessian[own, :][:, own].nnz:
        return f"{uses} its objective has a product of the followers' variables and duals"
    return None


def for_one_leader(game: Statement, name: str, values: Mapping[str, float]) -> Statement:
    """Return the game of one leader alone with the followers, its rivals' variables at ``values``."""
    other = Statement(game.name, source=game.source, file=game.file)
    for player in game.players.values():
        if player.level == "leader" and player.name != name:
            continue
        new = other.player(player.name, player.level, player.sense)
        for v in player.variables.values():
            new.variable(v.name, v.lower, v.upper, integer=v.integer)
        new.objective = _at(player.objective, values)
        for row in player.rows.values():
            body = _at(row.relation.body, values)
            constant = body.terms.get((), 0.0)
            relation = Relation(body - constant, row.relation.sense, row.relation.rhs - constant)
            new.row(row.name, relation, row.dual_name)
    return other


def _at(expression: Expression, values: Mapping[str, float]) -> Expression:
    result = Expression({})
    for key, coefficient in expression.terms.items():
        factor = coefficient * float(np.prod([values[name] for name in key if name in values]))
        result = result + Expression({tuple(name for name in key if name not in values): factor})
    return result


@dataclass(frozen=True, eq=False)
class _Side:
    """The followers of a game as one owner: their variables and the expressions that a worst case needs."""

    game: Statement
    followers: tuple[Player, ...]
    own: frozenset[str]

    def copied(self, expression: Expression, mark: str) -> Expression:
        """Return the expression in the copies of the followers' variables that carry ``mark``."""
        terms: dict[tuple[str, ...], float] = {}
        for key, value in expression.terms.items():
            new = tuple(sorted(n + mark if n in self.own else n for n in key))
            terms[new] = terms.get(new, 0.0) + value
        return Expression(terms)


def pessimistic_game(game: Statement, compiled: CompiledGame) -> Statement:
    """Return the optimistic game whose answer is the pessimistic answer of ``game``, which has one leader.

    The leader keeps its name and variables; the followers' variables keep their names in the worst case of the
    objective. :func:`why_not` says when this is exact.
    """
    (alone,) = compiled.leaders
    leader = game.players[alone.name]
    followers = tuple(game.players[agent.name] for agent in compiled.followers)
    if compiled.used_duals(alone):
        return _with_duals(game, compiled)
    side = _Side(game, followers, frozenset(v for f in followers for v in f.variables))
    other = Statement(f"{game.name}, pessimistic", source=game.source, file=game.file)
    new = other.leader(leader.name, leader.sense)
    for variable in leader.variables.values():
        new.variable(variable.name, variable.lower, variable.upper, integer=variable.integer)
    new.objective = leader.objective
    for follower, agent in zip(followers, compiled.followers, strict=True):
        curved = bool(agent.own_hessian.any())
        owner = other.follower(follower.name + PRIMED, follower.sense) if curved else new
        _add_copy(owner, side, follower, PRIMED)
        if curved:
            owner.objective = side.copied(follower.objective, PRIMED)
    _add_worst_case(other, side, "worst case", leader.sense == "min", leader.objective, "")
    for number, row in enumerate(leader.rows.values()):
        relation = row.relation
        if not relation.body.names & side.own:
            new.row(row.name, relation)
            continue
        for sense in ("<=", ">=") if relation.sense == "=" else (relation.sense,):
            mark = f'"{number}{sense}'
            _add_worst_case(other, side, f"worst case of {row.name} {sense}", sense == "<=", relation.body, mark)
            new.row(f"{row.name} {sense}", Relation(side.copied(relation.body, mark), sense, relation.rhs))
    return other


def _add_copy(owner: Player, side: _Side, follower: Player, mark: str) -> None:
    """Give ``owner`` a copy of a follower's variables and rows."""
    for variable in follower.variables.values():
        owner.variable(variable.name + mark, variable.lower, variable.upper)
    for row in follower.rows.values():
        body = side.copied(row.relation.body, mark)
        owner.row(f"{follower.name}: {row.name}", Relation(body, row.relation.sense, row.relation.rhs))


def _add_worst_case(other: Statement, side: _Side, name: str, largest: bool, objective: Expression, mark: str) -> None:
    """Add the follower that chooses, among the followers' optima, the one with the largest or smallest objective."""
    worst = other.follower(name, "max" if largest else "min")
    worst.objective = side.copied(objective, mark)
    for follower in side.followers:
        _add_copy(worst, side, follower, mark)
        own = set(follower.variables)
        square = Expression(
            {key: v for key, v in follower.objective.terms.items() if len(key) == 2 and set(key) <= own}
        )
        cost = Expression({key: v for key, v in follower.objective.terms.items() if set(key) & own}) - square
        worse = side.copied(cost, mark) - side.copied(cost, PRIMED)
        worst.row(f"as good for {follower.name}", worse <= 0.0 if follower.sense == "min" else worse >= 0.0)
        for variable in sorted(square.names):
            slope = _slope(square, variable)
            worst.row(f"slope of {variable}", side.copied(slope, mark) - side.copied(slope, PRIMED) == 0.0)


def _with_duals(game: Statement, compiled: CompiledGame) -> Statement:
    """Return the game in which the worst case is the worst of all primal *and* dual optima.

    It owns the followers' variables and multipliers; its rows say primal and dual feasible, and no duality gap.
    """
    leader = game.players[compiled.leaders[0].name]
    other = Statement(f"{game.name}, pessimistic", source=game.source, file=game.file)
    new_leader = other.leader(leader.name, leader.sense)
    new = other.follower("worst case", "max" if leader.sense == "min" else "min")
    for variable in leader.variables.values():
        new_leader.variable(variable.name, variable.lower, variable.upper, integer=variable.integer)
    for row in leader.rows.values():
        new_leader.row(row.name, row.relation)
    new_leader.objective = new.objective = leader.objective
    for agent in compiled.followers:
        _add_optimal_pair(new, agent, game.players[agent.name])
    return other


def _add_optimal_pair(new: Player, agent: Agent, follower: Player) -> None:
    """Give ``new`` the primal and dual variables of a linear follower, and the rows that make them optimal."""
    cost = agent.sign * follower.objective
    own = set(follower.variables)
    slope = {name: _slope(cost, name) for name in own}
    gap = Expression({key: value for key, value in cost.terms.items() if set(key) & own})
    for name, variable in follower.variables.items():
        new.variable(name, variable.lower, variable.upper)
        for side, sign in ((variable.lower, 1.0), (variable.upper, -1.0)):
            if np.isfinite(side):
                multiplier = sign * new.variable(f"{name} at {side:g}, {sign:g}")
                slope[name] = slope[name] - multiplier
                gap = gap - side * multiplier
    for r, row in enumerate(follower.rows.values()):
        new.row(f"{follower.name}: {row.name}", row.relation)
        low, high = (0.0 if agent.kind[r] > 0 else -INF), (0.0 if agent.kind[r] < 0 else INF)
        if agent.sign < 0.0 and row.dual_name:
            low, high = -high, -low
        named = new.variable(row.dual_name or f"dual of {follower.name}: {row.name}", low, high)
        multiplier = (agent.sign if row.dual_name else 1.0) * named
        body = row.relation.body
        for name in own:
            slope[name] = slope[name] - multiplier * _slope(body, name)
        foreign = Expression({key: value for key, value in body.terms.items() if not set(key) & own})
        gap = gap - multiplier * (row.relation.rhs - foreign)
    for name in follower.variables:
        new.row(f"slope of {name}", slope[name] == 0.0)
    new.row(f"no gap of {follower.name}", gap <= 0.0)


def _slope(expression: Expression, name: str) -> Expression:
    """Return the derivative by a variable."""
    slope = Expression({})
    for key, value in expression.terms.items():
        if name in key:
            rest = list(key)
            rest.remove(name)
            slope = slope + Expression({tuple(rest): value * key.count(name)})
    return slope
