"""Solve a game and prove the answer, or verify a point: the two entrances."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from equilibrium.arrays import FloatArray
from equilibrium.certificate import LEVELS
from equilibrium.complementarity.branch import End, Outcome
from equilibrium.deadline import Clock, Deadline
from equilibrium.errors import InputError
from equilibrium.games.answer import Equilibrium, GameCertificate, GameVerdict, PlayerReport
from equilibrium.games.attained import search_one
from equilibrium.games.certificate import (
    PROVED,
    Examined,
    Found,
    assemble,
    examine_point,
    regrets_at,
    value_range,
)
from equilibrium.games.compiled import Agent, CompiledGame, compile_game
from equilibrium.games.conflict import conflict
from equilibrium.games.methods import NAMES, Decision, decide, look_again
from equilibrium.games.nash import NASH_METHODS, solve_several
from equilibrium.games.pessimistic import responses_are_unique
from equilibrium.games.scaling import check_statement, rescale
from equilibrium.games.statement import ATTITUDES, Statement
from equilibrium.games.worst_case import (
    EQUILIBRIUM,
    INFEASIBLE,
    LIMIT,
    NONE,
    NOT_ATTAINED,
    OPEN,
    UNBOUNDED,
    Pessimists,
    Point,
    search,
    worst_regret,
)
from equilibrium.programs.program import INF
from equilibrium.programs.solvers.tally import counted, told

METHOD_NAMES = ("auto", *NAMES, *NASH_METHODS)

_ENDS = {
    End.INFEASIBLE: GameVerdict.INFEASIBLE,
    End.UNBOUNDED: GameVerdict.UNBOUNDED,
    End.LIMIT: GameVerdict.TIME_LIMIT,
    End.UNDECIDED: GameVerdict.UNDECIDED,
}
_SEARCHES = {
    EQUILIBRIUM: None,
    NONE: GameVerdict.NO_PURE_EQUILIBRIUM,
    OPEN: GameVerdict.NONE_FOUND,
    NOT_ATTAINED: GameVerdict.NOT_ATTAINED,
    INFEASIBLE: GameVerdict.INFEASIBLE,
    UNBOUNDED: GameVerdict.UNBOUNDED,
    LIMIT: GameVerdict.TIME_LIMIT,
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
        For the whole search and its certificate. When it is over, the best point met is returned with the verdict
        ``time-limit``; the upper ends of the regrets are its proven gap. A single linear program is never cut short.
    certify
        ``full`` solves every player's deviation a second time by an independent method; the weaker bound counts. A
        best-response iteration also goes on from its other starts, to see whether there are several equilibria.
    node_limit
        Branch-and-bound nodes of the whole search and its certificate, of whatever solver; None is no limit. It ends a
        search as the time limit does, and gives the same answer on every machine.
    seed
        Of the random starts of a best-response iteration.
    big_m
        A bound on multipliers and slacks and its provenance (``user`` or ``guess``), for ``kkt-bigm``.
    clock
        What the time limit is read from.
    """

    method: str = "auto"
    solver: str = "auto"
    attitude: str = "optimistic"
    time_limit_s: float = 600.0
    certify: str = "standard"
    seed: int = 0
    big_m: tuple[float, str] | None = None
    node_limit: int | None = None
    clock: Clock = time.perf_counter

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
        if self.node_limit is not None and self.node_limit < 1:
            raise InputError("options", "node limit", self.node_limit, "at least 1 node")

    def deadline(self) -> Deadline:
        """Return the deadline of a search that begins now."""
        return Deadline(self.time_limit_s, INF if self.node_limit is None else self.node_limit, self.clock)


def solve_game(game: Statement, options: Options) -> Equilibrium:
    """Find an equilibrium and prove it.

    One leader: a bilevel problem. No leader: the followers' Nash game. Several leaders: Nash among them,
    anticipating the followers' response.

    Raises
    ------
    InputError
        When the game or an option cannot be used; the message names player and variable or row.
    """
    start = time.perf_counter()
    with counted() as used:
        answer = _solve(_compiled(game, options), options)
    return replace(answer, seconds=time.perf_counter() - start, solver=told(used))


def _solve(compiled: CompiledGame, options: Options) -> Equilibrium:
    """Solve a compiled game; the answer is in the units of the game that was stated."""
    deadline = options.deadline()
    pessimistic = options.attitude == "pessimistic" and bool(compiled.leaders and compiled.followers)
    unique = pessimistic and responses_are_unique(compiled)
    if pessimistic and not unique:
        answer = _solve_pessimistic(compiled, options, deadline)
    elif len(compiled.leaders) == 1:
        answer = _solve_single(compiled, options, deadline)
    else:
        answer = _solve_nash(compiled, options, deadline)
    if unique:
        note = "the followers' response is unique: pessimistic and optimistic answers are the same"
        answer = replace(answer, notes=(*answer.notes, note))
    return compiled.units.restored(answer)


def _compiled(game: Statement, options: Options) -> CompiledGame:
    """Return the game in units of its own; as it was stated where the user bounds multipliers in the user's units."""
    check_statement(game)
    if options.big_m is not None:
        return compile_game(game)
    return compile_game(*rescale(game))


def _solve_single(compiled: CompiledGame, options: Options, deadline: Deadline) -> Equilibrium:
    if options.method in NASH_METHODS:
        raise InputError("method", "name", options.method, "a method for one leader")
    leader = compiled.leaders[0]
    decision = Decision(compiled, leader, compiled.followers, None, options.solver, options.big_m)
    outcome, method = decide(decision, options.method, deadline)
    if outcome.end in (End.INFEASIBLE, End.UNBOUNDED) and outcome.provenance == PROVED:
        outcome, said = look_again(decision, outcome, deadline)
        outcome = replace(outcome, reason=said)
    elif outcome.end is End.INFEASIBLE:
        reason = f"no point within the bounds on multipliers, which are a {outcome.provenance}'s"
        outcome = replace(outcome, end=End.UNDECIDED, reason=reason)
    found = Found(
        outcome.method or method.name,
        method.why,
        outcome.provenance,
        _word(outcome, deadline),
        notes=_notes(compiled, leader, outcome, deadline),
    )
    if outcome.end is End.INFEASIBLE:
        found = replace(found, notes=(*found.notes, conflict(compiled, deadline)))
    if outcome.v is None or outcome.end is End.UNBOUNDED:
        return empty(compiled, found, outcome.end)
    w, given = point_of(compiled, decision, outcome.v)
    examined = examine_point(compiled, w, given)
    if method.name == "kkt-bigm":
        found = replace(found, distance=_distance(decision, outcome.v))
    return _certified(compiled, examined, {leader.name: outcome}, found, options, deadline)


def _word(outcome: Outcome, deadline: Deadline) -> GameVerdict | None:
    """Return the word for how a search ended; a solver that stops before the limit is reached has decided nothing."""
    if outcome.end is End.LIMIT and not deadline.passed:
        return GameVerdict.UNDECIDED
    return _ENDS.get(outcome.end)


def _certified(
    compiled: CompiledGame,
    examined: Examined,
    known: Mapping[str, Outcome],
    found: Found,
    options: Options,
    deadline: Deadline,
) -> Equilibrium:
    """Put regrets, ranges and verdict on a point at which every leader expects the kind response."""
    full = options.certify == "full"
    regrets, notes = regrets_at(compiled, examined, known, options.solver, deadline, full=full)
    ranges = {a.name: value_range(compiled, a, examined.w, deadline) for a in compiled.leaders}
    return assemble(compiled, examined, regrets, replace(found, notes=(*found.notes, *notes)), ranges)


def _distance(decision: Decision, v: FloatArray) -> float | None:
    pairs, size = decision.mpcc.pairs, decision.bounds.size
    if not pairs.size:
        return None
    return float(np.min(1.0 - np.abs(v[pairs]) / np.maximum(size, np.finfo(np.float64).tiny)))


def _notes(compiled: CompiledGame, leader: Agent, outcome: Outcome, deadline: Deadline) -> tuple[str, ...]:
    notes = [outcome.reason] if outcome.reason else []
    if outcome.end in (End.LIMIT, End.UNDECIDED) and outcome.v is not None:
        best, bound = compiled.told(leader, outcome.value), compiled.told(leader, outcome.bound)
        gap = compiled.units.gain(leader.name, outcome.value - outcome.bound)
        what = deadline.what if deadline.passed else "no proof"
        notes.append(f"{what}: best value {best:.12g}, proven bound {bound:.12g}, gap {gap:.6g}")
    return tuple(notes)


def point_of(compiled: CompiledGame, decision: Decision, v: FloatArray) -> tuple[FloatArray, dict[int, float]]:
    """Return the game's columns of an answer, and the duals in it if its form has multipliers."""
    w = v[: compiled.size].copy()
    if v.size < decision.mpcc.instance.shape[1] or not decision.seen.size:
        return w, {}
    return w, {k: float(w[k]) for k in range(compiled.variables, compiled.size)}


def empty(compiled: CompiledGame, found: Found, end: End) -> Equilibrium:
    """Return the answer of a game without a point: infeasible, unbounded, or nothing found in time."""
    leaders = {agent.name for agent in compiled.leaders}
    value = -INF if end is End.UNBOUNDED else INF
    players = {
        agent.name: PlayerReport(agent.sign * value if agent.name in leaders else INF, (0.0, INF))
        for agent in compiled.agents
    }
    nothing = GameCertificate(INF, INF, INF, INF, found.provenance, INF)
    return Equilibrium(
        found.verdict or GameVerdict.UNDECIDED,
        found.method,
        found.why,
        found.seconds,
        players,
        {},
        {},
        {},
        nothing,
        found.notes,
    )


def _solve_nash(compiled: CompiledGame, options: Options, deadline: Deadline) -> Equilibrium:
    probe = options.certify == "full"
    found, w, given, outcomes = solve_several(
        compiled, options.method, options.solver, deadline, options.seed, probe=probe
    )
    if w is None:
        end = End.UNBOUNDED if found.verdict is GameVerdict.UNBOUNDED else End.INFEASIBLE
        return empty(compiled, found, end)
    examined = examine_point(compiled, w, given)
    return _certified(compiled, examined, outcomes, found, options, deadline)


def _solve_pessimistic(compiled: CompiledGame, options: Options, deadline: Deadline) -> Equilibrium:
    if options.method not in ("auto", *NAMES, "best-response"):
        raise InputError("method", "name", options.method, "for a pessimistic answer: auto or a method for one leader")
    full = options.certify == "full"
    pessimists = Pessimists(compiled, options.method, options.solver, deadline, full=full)
    ended = search_one(pessimists) if len(compiled.leaders) == 1 else search(pessimists, options.seed)
    methods = {o.method for o in ended.point.outcomes.values()} if ended.point else {options.method}
    name = f"pessimistic {' and '.join(sorted(methods))}"
    why = "pessimistic: every leader expects, of all optimal responses, the one that is worst for itself"
    found = Found(name, why, verdict=_SEARCHES[ended.ending], notes=ended.notes)
    if ended.point is None:
        end = End.UNBOUNDED if found.verdict is GameVerdict.UNBOUNDED else End.INFEASIBLE
        return empty(compiled, found, end)
    if found.verdict is GameVerdict.TIME_LIMIT and len(compiled.leaders) == 1:
        leader = compiled.leaders[0]
        found = replace(
            found, notes=(*found.notes, *_notes(compiled, leader, ended.point.outcomes[leader.name], deadline))
        )
    return _certified_pessimistic(pessimists, ended.point, ended.point.w, found)


def _certified_pessimistic(pessimists: Pessimists, point: Point, w: FloatArray, found: Found) -> Equilibrium:
    """Put the verdict on decisions at which every leader expects its worst case; ``w`` is the point to show."""
    compiled = pessimists.compiled
    used = any(compiled.used_duals(agent) for agent in compiled.agents)
    examined = examine_point(compiled, w, {k: w[k] for k in range(compiled.variables, compiled.size) if used})
    regrets: dict[str, tuple[float, float]] = {n: response.regret for n, response in examined.responses.items()}
    values, notes = {}, list(found.notes)
    for agent in compiled.leaders:
        worst, outcome = point.worst[agent.name], point.outcomes[agent.name]
        values[agent.name] = agent.sign * worst.value
        regrets[agent.name] = worst_regret(worst, outcome)
        if pessimists.full:
            notes.append(f"second opinion on {agent.name} {pessimists.opinions[agent.name]}")
    if len(compiled.leaders) > 1:
        notes.append("objectives are each leader's own worst case; the responses shown are one leader's")
    ranges = {a.name: value_range(compiled, a, examined.w, pessimists.deadline) for a in compiled.leaders}
    return assemble(compiled, examined, regrets, replace(found, notes=tuple(notes)), ranges, values)


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
        raise game.error("point", compiled.names[int(np.argmin(np.isfinite(w)))], "a finite number")
    return w


def verify_point(
    game: Statement, variables: Mapping[str, float], duals: Mapping[str, float], options: Options
) -> Equilibrium:
    """Certify a given point without solving the game: residuals, and every player's regret by a global deviation.

    Raises
    ------
    InputError
        When the point lacks a variable, names one that is not in the game, or lacks a dual that a player uses.
    """
    start = time.perf_counter()
    compiled = _compiled(game, options)
    with counted() as used:
        answer = _verified(compiled, variables, duals, options)
    return replace(answer, seconds=time.perf_counter() - start, solver=told(used))


def _verified(
    compiled: CompiledGame, variables: Mapping[str, float], duals: Mapping[str, float], options: Options
) -> Equilibrium:
    w = _given_point(compiled, compiled.units.scaled(variables), compiled.units.scaled(duals))
    found = Found("verify", "the point was given", PROVED)
    deadline = options.deadline()
    if options.attitude == "pessimistic" and compiled.followers and not responses_are_unique(compiled):
        pessimists = Pessimists(compiled, "auto", options.solver, deadline, full=options.certify == "full")
        answer = _certified_pessimistic(pessimists, pessimists.judge(w), w, found)
    else:
        given_duals = {k: w[k] for k in range(compiled.variables, compiled.size) if compiled.names[k] in duals}
        answer = _certified(compiled, examine_point(compiled, w, given_duals), {}, found, options, deadline)
    if deadline.passed and answer.verdict is GameVerdict.KKT_CONSISTENT:
        answer = replace(answer, verdict=GameVerdict.TIME_LIMIT)
    if answer.verdict is GameVerdict.UNPROVED:
        answer = replace(answer, verdict=GameVerdict.INFEASIBLE)  # of the point: a row fails, or a follower does better
    return compiled.units.restored(answer)


__all__ = ["METHOD_NAMES", "Options", "solve_game", "verify_point"]
