"""Games among several leaders, or without any: which method, in which order, and when "none" is proved."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from equilibrium.arrays import FloatArray
from equilibrium.certificate import EXACT_REGRET
from equilibrium.complementarity.branch import End, Outcome
from equilibrium.deadline import Deadline
from equilibrium.errors import InputError
from equilibrium.games.answer import GameVerdict
from equilibrium.games.best_response import SETTLED, BestResponse, Profile, Run
from equilibrium.games.certificate import Found
from equilibrium.games.compiled import Agent, CompiledGame, not_convex
from equilibrium.games.conflict import can_meet, conflict
from equilibrium.games.methods import NAMES, Decision, decide, look_again
from equilibrium.games.stationarity import Judged, sweep, why_not
from equilibrium.programs.program import INF

NASH_METHODS = ("best-response", "best-response-jacobi", "stationarity", "enumeration")
MAX_PROFILES = 4096
RANDOM_STARTS = 3
DIFFERENT = 1e-5
"""Leaders' decisions that differ by more than this, relative, count as two equilibria."""

BEST_MET = "the best point met so far; a regret's upper end is its proven gap"

Answer = tuple[Found, FloatArray | None, dict[int, float], dict[str, Outcome]]
"""How, the point, the values of named duals, and the leaders' best deviations that are known already."""


def solve_several(
    compiled: CompiledGame, method: str, solver: str, deadline: Deadline, seed: int, *, probe: bool = False
) -> Answer:
    """Find an equilibrium of a game with several leaders or none, or show that there is none.

    When the time is over the best profile met is returned, with what is proved of it. With ``probe`` a best-response
    iteration goes on from its other starts, and a note says how many equilibria they lead to.

    Raises
    ------
    InputError
        When the method does not apply.
    """
    plain = not compiled.leaders or not compiled.followers
    if plain and method in ("auto", *NAMES) and _joint_reason(compiled) is None:
        return _joint(compiled, method, solver, deadline, seed)
    if not compiled.leaders:
        raise InputError("method", "name", method, "a method for followers only: their joint conditions")
    finite = profiles(compiled.leaders)
    if method == "enumeration" and finite > MAX_PROFILES:
        expected = f"leaders with bounded integer variables and at most {MAX_PROFILES} profiles"
        raise InputError("method", "name", method, expected)
    if method == "enumeration" or (method == "auto" and finite <= MAX_PROFILES):
        return _enumerate(compiled, solver, deadline)
    if method == "stationarity":
        return _stationary(compiled, deadline)
    return _iterate(compiled, method, solver, deadline, seed, probe=probe)


def _joint_reason(compiled: CompiledGame) -> str | None:
    """Return why the players' optimality conditions do not describe the game, or None."""
    for agent in compiled.agents:
        own = set(agent.own.tolist())
        if agent.integer.any():
            return f"{agent.name} has integer variables"
        if not_convex(agent) is not None:
            return f"{agent.name} is not convex in its own variables"
        if any(p.i in own and p.j in own for p in agent.products):
            return f"{agent.name} has a quadratic row"
    return None


def _joint(compiled: CompiledGame, method: str, solver: str, deadline: Deadline, seed: int) -> Answer:
    """Solve the joint optimality conditions of convex players: necessary and sufficient for an equilibrium."""
    decision = Decision(compiled, None, compiled.agents, None, solver)
    outcome, used = decide(decision, method, deadline)
    said: tuple[str, ...] = ()
    if outcome.end is End.INFEASIBLE:
        outcome, told = look_again(decision, outcome, deadline)
        said = (f"the joint optimality conditions are {told}",)
    why = "every player is convex: the joint optimality conditions are necessary and sufficient"
    if outcome.v is not None:
        w = outcome.v[: compiled.size].copy()
        given = {k: float(w[k]) for k in range(compiled.variables, compiled.size)} if decision.seen.size else {}
        return Found(outcome.method or used.name, why, notes=said), w, given, {}
    if outcome.end is not End.INFEASIBLE:
        return Found(used.name, why, verdict=_ended(outcome, deadline), notes=(*said, *_reason(outcome))), None, {}, {}
    empty = not can_meet(compiled, compiled.agents, (), deadline)
    verdict = GameVerdict.INFEASIBLE if empty else GameVerdict.NO_PURE_EQUILIBRIUM
    if empty or not compiled.leaders:
        notes = (*said, conflict(compiled, deadline)) if empty else said
        return Found(used.name, why, verdict=verdict, notes=notes), None, {}, {}
    tried = _iterate(compiled, "best-response", solver, deadline, seed, prove=False)
    note = "proved: the joint optimality conditions have no solution"
    return Found(used.name, why, verdict=verdict, notes=(note, *said, *tried[0].notes)), *tried[1:]


def _ended(outcome: Outcome, deadline: Deadline) -> GameVerdict:
    """Return the word for a search without a point that is no proof."""
    if outcome.end is End.LIMIT and deadline.passed:
        return GameVerdict.TIME_LIMIT
    return GameVerdict.UNDECIDED


def _reason(outcome: Outcome) -> tuple[str, ...]:
    return (outcome.reason,) if outcome.reason else ()


def profiles(agents: Sequence[Agent]) -> float:
    """Return the number of joint decisions of ``agents``, infinite unless all are integer and bounded."""
    count = 1.0
    for agent in agents:
        if not agent.integer.all() or not np.isfinite(agent.lower + agent.upper).all():
            return INF
        count *= math.prod((np.floor(agent.upper) - np.ceil(agent.lower) + 1.0).tolist())
    return count


def _enumerate(compiled: CompiledGame, solver: str, deadline: Deadline) -> Answer:
    """Examine every profile of a finite game; "none" is then a proof."""
    search = BestResponse(compiled, "gauss-seidel", range(len(compiled.leaders)), "auto", solver, deadline)
    best: Profile | None = None
    count, doubtful, cut = 0, 0, False
    for choice in itertools.product(*(decisions(agent) for agent in compiled.leaders)):
        cut = deadline.passed
        if cut:
            break
        w = np.zeros(compiled.size)
        for agent, values in zip(compiled.leaders, choice, strict=True):
            w[agent.own] = values
        answered = search.respond_jointly(w)
        if answered is None:
            continue
        count += 1
        profile = search.evaluate(answered)
        doubtful += not profile.excluded
        if profile.usable and (best is None or profile.regret < best.regret):
            best = profile
        if best is not None and best.regret <= EXACT_REGRET:
            break
    why = "every leader has finitely many decisions: all profiles are examined"
    if best is None:
        verdict = GameVerdict.TIME_LIMIT if cut else GameVerdict.INFEASIBLE
        none = "at no profile are all rows met: a generalised game without a joint point"
        notes = (f"{deadline.what}: {BEST_MET}" if cut else none,)
        return Found("enumeration", why, verdict=verdict, notes=notes), None, {}, {}
    found = Found("enumeration", why)
    if best.regret > EXACT_REGRET and cut:
        found = replace(found, verdict=GameVerdict.TIME_LIMIT, notes=(f"{deadline.what}: {BEST_MET}",))
    elif best.regret > EXACT_REGRET:
        proof = "proved" if not doubtful else f"not proved, {doubtful} profiles are open"
        told = f"{proof}: none of {count} profiles is an equilibrium"
        verdict = GameVerdict.NONE_FOUND if doubtful else GameVerdict.NO_PURE_EQUILIBRIUM
        found = replace(found, verdict=verdict, notes=(told,))
    return found, *_of(compiled, best)


def decisions(agent: Agent) -> Iterator[tuple[float, ...]]:
    """Return every decision of an agent with bounded integer variables."""
    spans = [
        [float(v) for v in range(math.ceil(low), math.floor(high) + 1)]
        for low, high in zip(agent.lower.tolist(), agent.upper.tolist(), strict=True)
    ]
    return itertools.product(*spans)


def _of(compiled: CompiledGame, profile: Profile) -> tuple[FloatArray, dict[int, float], dict[str, Outcome]]:
    given = {}
    if any(compiled.used_duals(agent) for agent in compiled.agents):
        given = {k: float(profile.w[k]) for k in range(compiled.variables, compiled.size)}
    return profile.w, given, dict(profile.outcomes)


def _stationary(compiled: CompiledGame, deadline: Deadline) -> Answer:
    """Return the first stationary point, as the literature does; the certificate tells whether it is Nash."""
    reason = why_not(compiled)
    if reason is not None:
        raise InputError("method", "name", "stationarity", f"another method: {reason}")
    result = sweep(compiled, lambda _w: Judged(taken=True), deadline)
    why = "joint optimality conditions of all leaders on a piece of their sets: stationary, perhaps not Nash"
    if result.points:
        w = result.points[-1]
        given = {k: float(w[k]) for k in range(compiled.variables, compiled.size)}
        return Found("stationarity", why), w, given if _duals_used(compiled) else {}, {}
    verdict = GameVerdict.TIME_LIMIT if deadline.passed else GameVerdict.NONE_FOUND
    found = Found("stationarity", why, verdict=verdict, notes=(result.reason,))
    if result.complete and not can_meet(compiled, compiled.leaders, compiled.followers, deadline):
        found = replace(found, verdict=GameVerdict.INFEASIBLE, notes=(conflict(compiled, deadline),))
    elif result.complete:
        told = f"no stationary point on {result.pieces} pieces"
        found = replace(found, verdict=GameVerdict.NO_PURE_EQUILIBRIUM, notes=(told,))
    return found, None, {}, {}


def _duals_used(compiled: CompiledGame) -> bool:
    return any(compiled.used_duals(agent) for agent in compiled.agents)


def _iterate(
    compiled: CompiledGame,
    method: str,
    solver: str,
    deadline: Deadline,
    seed: int,
    *,
    prove: bool = True,
    probe: bool = False,
) -> Answer:
    """Best-response iteration from several starts; then, if asked for, the search for a proof that there is none."""
    inner = method if method in NAMES else "auto"
    scheme = "jacobi" if method == "best-response-jacobi" else "gauss-seidel"
    feasible = Decision(compiled, None, compiled.followers, binding=compiled.leaders)
    joint = decide(feasible, "auto", deadline)[0]
    why = "several leaders: best responses in turn, the last round is the proof"
    if joint.end is End.INFEASIBLE:
        reason = (conflict(compiled, deadline),)
        return Found("best-response", why, verdict=GameVerdict.INFEASIBLE, notes=reason), None, {}, {}
    best: Profile | None = None
    notes: list[str] = []
    count = len(compiled.leaders)
    begin = starts(compiled, joint.v, seed)
    for number, start in enumerate(begin):
        order = list(range(count)) if number % 2 == 0 else list(reversed(range(count)))
        search = BestResponse(compiled, scheme, order, inner, solver, deadline)
        run = search.run(start)
        name = f"best-response ({scheme}) over {search.method}"
        notes.append(_told(compiled, number, order, run))
        if run.best is not None and (best is None or run.best.regret < best.regret):
            best = run.best
        if best is not None and best.regret <= EXACT_REGRET:
            notes += [_others(search, best, begin[number + 1 :])] if probe else []
            return Found(name, why, notes=tuple(notes)), *_of(compiled, best)
        if deadline.passed:
            break
    proved = False
    if prove and not deadline.passed:
        best, proof, proved = _search_for_proof(compiled, search, best, deadline)
        notes.append(proof)
        if best is not None and best.regret <= EXACT_REGRET:
            return Found("stationarity", why, notes=tuple(notes)), *_of(compiled, best)
    verdict = GameVerdict.NO_PURE_EQUILIBRIUM if proved else GameVerdict.NONE_FOUND
    if deadline.passed and not proved:
        verdict = GameVerdict.TIME_LIMIT
        notes.append(f"{deadline.what}: {BEST_MET}")
    found = Found(name, why, verdict=verdict, notes=tuple(notes))
    return (found, None, {}, {}) if best is None else (found, *_of(compiled, best))


def _others(search: BestResponse, first: Profile, begin: list[FloatArray]) -> str:
    """Iterate from further starts and say how many equilibria were found in all."""
    found = [first.w[search.decided]]
    for start in begin:
        best = search.run(start).best
        if best is None or best.regret > EXACT_REGRET:
            continue
        here = best.w[search.decided]
        if not any(np.all(np.abs(here - other) <= DIFFERENT * (1.0 + np.abs(other))) for other in found):
            found.append(here)
    points = ", ".join(search.compiled.told_columns(search.decided, x) for x in found)
    return f"probed from {len(begin) + 1} starts: {len(found)} distinct equilibria met, leaders' decisions {points}"


def _told(compiled: CompiledGame, number: int, order: list[int], run: Run) -> str:
    names = ", ".join(compiled.leaders[k].name for k in order)
    text = f"start {number}, order {names}: {run.ending} after {run.rounds} rounds"
    if run.cycle:
        decided = np.concatenate([agent.own for agent in compiled.leaders])
        points = " -> ".join(compiled.told_columns(decided, x) for x in run.cycle[:6])
        text += f"; cycle of length {len(run.cycle)}: {points}"
    return text


def starts(compiled: CompiledGame, joint: FloatArray | None, seed: int) -> list[FloatArray]:
    """Return starts: zero (or the nearest bound), a jointly feasible point, and random ones."""
    low, high = np.full(compiled.size, -INF), np.full(compiled.size, INF)
    whole = np.zeros(compiled.size, dtype=bool)
    for agent in compiled.leaders:
        low[agent.own], high[agent.own], whole[agent.own] = agent.lower, agent.upper, agent.integer
    starts = [np.clip(np.zeros(compiled.size), low, high)]
    if joint is not None:
        starts.append(joint[: compiled.size].copy())
    rng = np.random.default_rng(seed)
    wide = 10.0 * (1.0 + np.where(np.isfinite(low), np.abs(low), 0.0))
    top = np.where(np.isfinite(high), high, np.where(np.isfinite(low), low, 0.0) + wide)
    bottom = np.where(np.isfinite(low), low, top - 2.0 * wide)
    for _ in range(RANDOM_STARTS):
        point = rng.uniform(bottom, top)
        starts.append(np.where(whole, np.clip(np.round(point), low, high), point))
    return starts


def _search_for_proof(
    compiled: CompiledGame, search: BestResponse, best: Profile | None, deadline: Deadline
) -> tuple[Profile | None, str, bool]:
    """Sweep all pieces for stationary points; return the best profile, what was found, and whether it is a proof."""
    reason = why_not(compiled)
    if reason is not None:
        return best, f"no pure equilibrium found; that there is none is not proved: {reason}", False
    kept = [best] if best is not None else []

    def judge(w: FloatArray) -> Judged:
        profile = search.evaluate(w)
        if profile.usable and (not kept or profile.regret < kept[0].regret):
            kept[:] = [profile]
        taken = bool(kept) and kept[0].regret <= EXACT_REGRET
        return Judged(taken, profile.excluded, {} if taken else search.deviations(profile))

    result = sweep(compiled, judge, deadline)
    least = kept[0] if kept else None
    if least is not None and least.regret <= EXACT_REGRET:
        return least, f"equilibrium found on piece {result.pieces} of the leaders' sets", True
    if result.complete:
        text = f"proved: none of the stationary points on {result.pieces} pieces is an equilibrium"
        return least, text, True
    return least, f"no pure equilibrium found; that there is none is not proved: {result.reason}", False


__all__ = ["MAX_PROFILES", "NASH_METHODS", "SETTLED", "decisions", "profiles", "solve_several", "starts"]
