"""Solve a game and prove the answer, or verify a point: the two entrances."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from equilibrium.certify import LEVELS
from equilibrium.errors import InputError
from equilibrium.games.answer import Equilibrium, GameCertificate, GameVerdict, PlayerReport
from equilibrium.games.branch import End, Outcome
from equilibrium.games.certificate import (
    PROVED,
    Found,
    assemble,
    deviation,
    examine_point,
    regret_of,
    value_range,
    without_rows,
)
from equilibrium.games.compiled import CompiledGame, compile_game
from equilibrium.games.methods import METHODS, NAMES, Decision, Method, decide
from equilibrium.games.nash import NASH_METHODS, solve_several
from equilibrium.games.pessimistic import pessimistic_game, responses_are_unique
from equilibrium.games.statement import ATTITUDES, Game
from equilibrium.network import FloatArray
from equilibrium.program import INF

METHOD_NAMES = ("auto", *NAMES, *NASH_METHODS)

_ENDS = {
    End.INFEASIBLE: GameVerdict.INFEASIBLE,
    End.UNBOUNDED: GameVerdict.UNBOUNDED,
    End.LIMIT: GameVerdict.TIME_LIMIT,
}


@dataclass(frozen=True)
class Options:
    """How to solve.

    Attributes
    ----------
    method
        One of :data:`METHOD_NAMES`.
    solver
        ``auto``, ``highs``, ``gurobi`` or ``scip``.
    attitude
        ``optimistic`` or ``pessimistic``.
    time_limit_s
        For each search.
    certify
        ``full`` solves every deviation a second time by another method.
    seed
        Of the random starts of a best-response iteration.
    big_m
        A bound on multipliers and slacks and its provenance (``user`` or ``guess``), for ``kkt-bigm``.
    """

    method: str = "auto"
    solver: str = "auto"
    attitude: str = "optimistic"
    time_limit_s: float = 600.0
    certify: str = "standard"
    seed: int = 0
    big_m: tuple[float, str] | None = None

    def __post_init__(self) -> None:
        for name, value, known in (
            ("method", self.method, METHOD_NAMES),
            ("attitude", self.attitude, ATTITUDES),
            ("certify", self.certify, LEVELS),
        ):
            if value not in known:
                raise InputError("options", name, value, f"one of {', '.join(known)}")
        if not self.time_limit_s > 0.0:
            raise InputError("options", "time limit", self.time_limit_s, "a positive number of seconds")


def solve_game(game: Game, options: Options) -> Equilibrium:
    """Find an equilibrium and prove it.

    One leader: a bilevel problem. No leader: the followers' Nash game. Several leaders: Nash among them,
    anticipating the followers' response.

    Raises
    ------
    InputError
        When the game or an option cannot be used; the message names player and variable or row.
    """
    start = time.perf_counter()
    compiled = compile_game(game)
    if options.attitude == "pessimistic" and compiled.followers:
        answer = _solve_pessimistic(game, compiled, options)
    elif len(compiled.leaders) == 1:
        answer = _solve_single(compiled, options)
    else:
        answer = _solve_nash(compiled, options)
    return replace(answer, seconds=time.perf_counter() - start)


def _solve_single(compiled: CompiledGame, options: Options) -> Equilibrium:
    if options.method in NASH_METHODS:
        raise InputError("method", "name", options.method, "a method for one leader")
    leader = compiled.leaders[0]
    decision = Decision(compiled, leader, compiled.followers, None, options.solver, options.big_m)
    outcome, method = decide(decision, options.method, options.time_limit_s)
    found = Found(method.name, method.why, outcome.provenance, _ENDS.get(outcome.end), notes=_notes(outcome))
    if outcome.v is None:
        return empty(compiled, found, outcome)
    if outcome.end is End.UNBOUNDED:
        return empty(compiled, found, outcome)
    w, given = point_of(compiled, decision, outcome.v)
    examined = examine_point(compiled, w, given)
    if method.name == "kkt-bigm":
        found = replace(found, distance=_distance(decision, outcome.v))
    if options.certify == "full":
        outcome, note = _second_opinion(decision, outcome, method.name, options.time_limit_s)
        found = replace(found, notes=(*found.notes, note))
    regrets = {leader.name: regret_of(leader, examined.w, outcome)}
    ranges = {leader.name: value_range(compiled, leader, examined.w, options.time_limit_s)}
    return assemble(compiled, examined, regrets, found, ranges)


def _second_opinion(decision: Decision, outcome: Outcome, used: str, time_limit_s: float) -> tuple[Outcome, str]:
    """Solve again by an independent method; keep the weaker bound and the better value of the two."""
    for method in METHODS:
        if method.name in (used, "lexicographic") or method.applies(decision) is not None:
            continue
        other = method.run(decision, time_limit_s)
        bound, value = min(outcome.bound, other.bound), min(outcome.value, other.value)
        return replace(outcome, bound=bound, value=value), f"second opinion by {method.name}: {other.value:.12g}"
    return outcome, "no second method applies"


def _distance(decision: Decision, v: FloatArray) -> float | None:
    pairs, size = decision.mpcc.pairs, decision.bounds.size
    if not pairs.size:
        return None
    return float(np.min(1.0 - np.abs(v[pairs]) / np.maximum(size, 1e-300)))


def _notes(outcome: Outcome) -> tuple[str, ...]:
    notes = [outcome.reason] if outcome.reason else []
    if outcome.end is End.LIMIT:
        notes.append(f"time limit: best value {outcome.value:.12g}, proven bound {outcome.bound:.12g} (minimisation)")
    return tuple(notes)


def point_of(compiled: CompiledGame, decision: Decision, v: FloatArray) -> tuple[FloatArray, dict[int, float]]:
    """Return the game's columns of an answer, and the duals in it if its form has multipliers."""
    w = v[: compiled.size].copy()
    if v.size < decision.mpcc.instance.shape[1] or not decision.seen.size:
        return w, {}
    return w, {k: float(w[k]) for k in range(compiled.variables, compiled.size)}


def empty(compiled: CompiledGame, found: Found, outcome: Outcome) -> Equilibrium:
    """Return the answer of a game without a point: infeasible, unbounded, or nothing found in time."""
    leaders = {agent.name for agent in compiled.leaders}
    value = -INF if outcome.end is End.UNBOUNDED else INF
    players = {
        agent.name: PlayerReport(agent.sign * value if agent.name in leaders else INF, (0.0, INF))
        for agent in compiled.agents
    }
    nothing = GameCertificate(INF, INF, INF, INF, found.provenance, INF)
    fallback = GameVerdict.TIME_LIMIT
    return Equilibrium(
        found.verdict or fallback, found.method, found.why, found.seconds, players, {}, {}, {}, nothing, found.notes
    )


def _solve_nash(compiled: CompiledGame, options: Options) -> Equilibrium:
    found, w, given, outcomes = solve_several(
        compiled, options.method, options.solver, options.time_limit_s, options.seed
    )
    if w is None:
        end = End.UNBOUNDED if found.verdict is GameVerdict.UNBOUNDED else End.INFEASIBLE
        return empty(compiled, found, Outcome(end, None, INF, -INF, 0, 0.0))
    examined = examine_point(compiled, w, given)
    regrets = {}
    for agent in compiled.leaders:
        outcome = outcomes.get(agent.name)
        if outcome is None:
            outcome = deviation(compiled, agent, examined.w, "auto", options.solver, options.time_limit_s)
        regrets[agent.name] = regret_of(agent, examined.w, outcome)
    ranges = {a.name: value_range(compiled, a, examined.w, options.time_limit_s) for a in compiled.leaders}
    return assemble(compiled, examined, regrets, found, ranges)


def _solve_pessimistic(game: Game, compiled: CompiledGame, options: Options) -> Equilibrium:
    if responses_are_unique(compiled):
        answer = solve_game(game, replace(options, attitude="optimistic"))
        note = "the followers' response is unique: pessimistic and optimistic answers are the same"
        return replace(answer, notes=(*answer.notes, note))
    changed, outcome, method = _pessimistic_outcome(game, compiled, options)
    why = f"pessimistic: the response is the worst of the follower's optima; {method.why}"
    found = Found(f"pessimistic {method.name}", why, outcome.provenance, _ENDS.get(outcome.end), notes=_notes(outcome))
    if outcome.v is None or outcome.end is End.UNBOUNDED:
        return empty(compiled, found, outcome)
    place = {name: k for k, name in enumerate(changed.names)}
    w = np.array([outcome.v[place[name]] if name in place else 0.0 for name in compiled.names])
    mine = compiled.leaders[0]
    w = _worst_response(compiled, w, options.time_limit_s)
    used = compiled.used_duals(mine)
    examined = examine_point(compiled, w, {k: w[k] for k in range(compiled.variables, compiled.size) if used})
    regrets = {mine.name: regret_of(mine, examined.w, outcome)}
    ranges = {mine.name: value_range(compiled, mine, examined.w, options.time_limit_s)}
    return assemble(compiled, examined, regrets, found, ranges)


def _pessimistic_outcome(game: Game, compiled: CompiledGame, options: Options) -> tuple[CompiledGame, Outcome, Method]:
    """Solve the optimistic game whose answer is the pessimistic one."""
    changed = compile_game(pessimistic_game(game, compiled))
    decision = Decision(changed, changed.leaders[0], changed.followers, None, options.solver, options.big_m)
    return changed, *decide(decision, options.method, options.time_limit_s)


def _worst_response(compiled: CompiledGame, w: FloatArray, time_limit_s: float) -> FloatArray:
    """Return ``w`` with the optimal response that is worst for the leader at its decision."""
    leader = compiled.leaders[0]
    fixed = {int(c): float(w[c]) for c in leader.own}
    decision = Decision(compiled, without_rows(leader, -1.0), compiled.followers, fixed)
    outcome = decide(decision, "auto", time_limit_s)[0]
    return w if outcome.v is None else outcome.v[: compiled.size].copy()


def _given_point(compiled: CompiledGame, variables: Mapping[str, float], duals: Mapping[str, float]) -> FloatArray:
    """Return the columns of a point that was given by names."""
    game, names = compiled.game, set(compiled.names[: compiled.variables])
    known = set(compiled.names) - names
    used = any(compiled.used_duals(agent) for agent in compiled.agents)
    unknown = [("variables", name) for name in sorted(set(variables) - names)]
    unknown += [("duals", name) for name in sorted(set(duals) - known)]
    missing = [("variables", name) for name in sorted(names - set(variables))]
    missing += [("duals", name) for name in sorted(known - set(duals)) if used]
    if unknown:
        raise game.error(f"point: {unknown[0][0]}", unknown[0][1], "a name of this game")
    if missing:
        raise game.error(f"point: {missing[0][0]}: {missing[0][1]}", None, "a value")
    w = np.array([float(variables.get(name, duals.get(name, 0.0))) for name in compiled.names])
    if not np.isfinite(w).all():
        raise game.error("point", compiled.names[int(np.argmin(np.isfinite(w)))], "finite numbers")
    return w


def verify_point(
    game: Game, variables: Mapping[str, float], duals: Mapping[str, float], options: Options
) -> Equilibrium:
    """Certify a given point without solving the game: residuals, and every player's regret by a global deviation.

    Raises
    ------
    InputError
        When the point lacks a variable, names one that is not in the game, or lacks a dual that a player uses.
    """
    start = time.perf_counter()
    compiled = compile_game(game)
    w = _given_point(compiled, variables, duals)
    given_duals = {k: w[k] for k in range(compiled.variables, compiled.size) if compiled.names[k] in duals}
    examined = examine_point(compiled, w, given_duals)
    regrets, limited = {}, False
    pessimistic = options.attitude == "pessimistic" and compiled.followers and not responses_are_unique(compiled)
    for agent in compiled.leaders:
        at = examined.w
        if pessimistic:
            outcome, at = _pessimistic_outcome(game, compiled, options)[1], _worst_response(compiled, at, INF)
        else:
            outcome = deviation(compiled, agent, at, "auto", options.solver, options.time_limit_s)
        limited |= outcome.end is End.LIMIT
        regrets[agent.name] = regret_of(agent, at, outcome)
    ranges = {a.name: value_range(compiled, a, examined.w, options.time_limit_s) for a in compiled.leaders}
    found = Found("verify", "the point was given", PROVED)
    answer = assemble(compiled, examined, regrets, found, ranges)
    if limited and not answer.certified:
        answer = replace(answer, verdict=GameVerdict.TIME_LIMIT)
    return replace(answer, seconds=time.perf_counter() - start)


__all__ = ["METHOD_NAMES", "Options", "solve_game", "verify_point"]
