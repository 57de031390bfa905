"""The certificate of a point: everything is recomputed from the game's arrays."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from equilibrium.arrays import FloatArray
from equilibrium.certificate import Verdict, largest_gain, verdict
from equilibrium.complementarity.branch import End, Outcome
from equilibrium.complementarity.problem import Mpcc
from equilibrium.deadline import Deadline
from equilibrium.games.answer import CERTIFIED, Equilibrium, GameCertificate, GameVerdict, PlayerReport
from equilibrium.games.compiled import Agent, CompiledGame
from equilibrium.games.methods import Decision, confirm, decide
from equilibrium.games.ranges import relative_regret
from equilibrium.games.responses import Response, examine
from equilibrium.programs.program import INF

RANGE_PAIRS = 60
"""Pairs up to which a leader's value over all optimal responses is computed as a matter of course."""

RANGE_NODES = 10_000
"""Nodes for each end of that range; it is left out where they are not enough."""

PROVED = "proved"

_OPEN = (GameVerdict.TIME_LIMIT, GameVerdict.NONE_FOUND, GameVerdict.UNDECIDED)
"""What a search ends with that says nothing about the game."""


@dataclass(frozen=True)
class Found:
    """How a point was found: what the verdict needs to know beyond the point."""

    method: str
    why: str
    provenance: str = PROVED
    verdict: GameVerdict | None = None
    distance: float | None = None
    notes: tuple[str, ...] = ()
    seconds: float = 0.0


@dataclass(frozen=True, eq=False)
class Examined:
    """The followers at a point, and how far the leaders are from their own rows."""

    responses: Mapping[str, Response]
    leader_primal: float
    w: FloatArray = field(default_factory=lambda: np.zeros(0))


def examine_point(compiled: CompiledGame, w: FloatArray, given: Mapping[int, float]) -> Examined:
    """Recompute every follower's residuals at ``w`` and put its named duals into ``w``.

    Parameters
    ----------
    given
        Values of named duals by column; those that are missing are chosen to fit.
    """
    w = w.copy()
    responses = {}
    for agent in compiled.followers:
        response = examine(agent, w, given)
        responses[agent.name] = response
        for r, column in enumerate(agent.dual.tolist()):
            if column != -1:
                w[column] = given.get(column, float(response.mu[r] * agent.sign))
    primal = float(np.max([own_violation(agent, w) for agent in compiled.leaders], initial=0.0))
    return Examined(responses, primal, w)


def own_violation(agent: Agent, w: FloatArray) -> float:
    """Return the largest relative violation of a player's rows, bounds and integrality."""
    x = w[agent.own]
    low = np.maximum(np.where(np.isfinite(agent.lower), agent.lower - x, 0.0), 0.0)
    high = np.maximum(np.where(np.isfinite(agent.upper), x - agent.upper, 0.0), 0.0)
    whole = np.where(agent.integer, np.abs(x - np.round(x)), 0.0)
    worst = float(np.max(np.maximum(np.maximum(low, high), whole) / (1.0 + np.abs(x)), initial=0.0))
    if not agent.kind.size:
        return worst
    off = agent.activity(w) - agent.rhs
    scale = 1.0 + abs(agent.matrix) @ np.abs(w) + np.abs(agent.rhs)
    for p in agent.products:
        scale[p.row] += abs(p.coefficient * w[p.i] * w[p.j])
    wrong = np.where(agent.kind > 0, np.maximum(-off, 0.0), np.where(agent.kind < 0, np.maximum(off, 0.0), np.abs(off)))
    return float(np.max(wrong / scale, initial=worst))


def regret_of(agent: Agent, w: FloatArray, outcome: Outcome) -> tuple[float, float]:
    """Return what a leader could gain: at least (a deviation was found) and at most (the proven bound)."""
    value = agent.value(w)
    if outcome.end is End.UNBOUNDED:
        return INF, INF
    if outcome.end is End.INFEASIBLE:  # at a feasible point a contradiction, and never a proof
        return 0.0, INF
    found = max(0.0, value - outcome.value) if np.isfinite(outcome.value) else 0.0
    return found, largest_gain(value, outcome.bound)


def deviation(compiled: CompiledGame, agent: Agent, w: FloatArray, solver: str) -> Decision:
    """Return the problem of a player's best deviation from ``w``.

    A leader's rivals keep their decisions and all followers respond; a follower's problem is its own, given all others.
    """
    if agent.level == "leader":
        return Decision(compiled, agent, compiled.followers, rivals(compiled, agent, w), solver)
    others = np.setdiff1d(np.arange(compiled.size), agent.own)
    return Decision(compiled, agent, (), {int(c): float(w[c]) for c in others}, solver)


def regrets_at(
    compiled: CompiledGame,
    examined: Examined,
    known: Mapping[str, Outcome],
    solver: str,
    deadline: Deadline,
    *,
    full: bool,
) -> tuple[dict[str, tuple[float, float]], tuple[str, ...]]:
    """Return the regrets of all players and what second methods said.

    Parameters
    ----------
    known
        Best deviations of leaders that are solved already, by name.
    full
        Whether every player's deviation is solved a second time by an independent method; the weaker bound counts.
    """
    regrets, notes = {}, []
    for agent in compiled.agents:
        problem = None
        if agent.level == "leader":
            if agent.name not in known:
                problem = deviation(compiled, agent, examined.w, solver)
            outcome = known[agent.name] if problem is None else decide(problem, "auto", deadline)[0]
        else:
            value, (least, most) = agent.value(examined.w), examined.responses[agent.name].regret
            outcome = Outcome(End.OPTIMAL, examined.w, value - least, value - most, method="convex")
        if full:
            problem = problem or deviation(compiled, agent, examined.w, solver)
            outcome, said = confirm(problem, outcome, deadline)
            notes.append(f"second opinion on {agent.name} {said}")
        regrets[agent.name] = regret_of(agent, examined.w, outcome)
    return regrets, tuple(notes)


def rivals(compiled: CompiledGame, agent: Agent, w: FloatArray) -> dict[int, float]:
    """Return the decisions of the other leaders by column."""
    return {int(c): float(w[c]) for other in compiled.leaders if other is not agent for c in other.own}


def value_range(compiled: CompiledGame, agent: Agent, w: FloatArray, deadline: Deadline) -> tuple[float, float] | None:
    """Return a leader's value if the followers' indifference is resolved for it and against it, in its own sense.

    All leaders' decisions stay. None where no method bounds it within :data:`RANGE_NODES`.
    """
    if not compiled.followers:
        return None
    fixed = {int(c): float(w[c]) for other in compiled.leaders for c in other.own}
    ends = []
    for sign in (1.0, -1.0):
        turned = without_rows(agent, sign)
        decision = Decision(compiled, turned, compiled.followers, fixed)
        if decision.mpcc.bilinear or len(decision.mpcc.pairs) > RANGE_PAIRS:
            return None
        outcome = decide(decision, "complementarity-bb", deadline.part(nodes=RANGE_NODES))[0]
        if outcome.end not in (End.OPTIMAL, End.UNBOUNDED):
            return None
        ends.append(agent.sign * sign * outcome.value)
    return ends[0], ends[1]


def without_rows(agent: Agent, sign: float = 1.0) -> Agent:
    """Return the leader with its objective times ``sign`` and without rows: its decision is given."""
    return replace(
        agent,
        constant=sign * agent.constant,
        cost=sign * agent.cost,
        hessian=sign * agent.hessian,
        matrix=agent.matrix[:0, :],
        kind=agent.kind[:0],
        rhs=agent.rhs[:0],
        products=(),
        row_names=(),
        dual=agent.dual[:0],
    )


def assemble(
    compiled: CompiledGame,
    examined: Examined,
    regrets: Mapping[str, tuple[float, float]],
    found: Found,
    ranges: Mapping[str, tuple[float, float] | None] | None = None,
    values: Mapping[str, float] | None = None,
) -> Equilibrium:
    """Put the verdict on a point.

    Parameters
    ----------
    regrets
        Of every player.
    values
        Objectives (own sense) that replace the value at the point: a pessimistic leader's.
    """
    w, responses = examined.w, examined.responses
    players = {}
    for agent in compiled.agents:
        objective = (values or {}).get(agent.name, agent.sign * agent.value(w))
        players[agent.name] = PlayerReport(objective, regrets[agent.name], (ranges or {}).get(agent.name))
    parts = [response.residuals for response in responses.values()]
    epsilon = max((player.regret[1] for player in players.values()), default=0.0)
    residuals = [(examined.leader_primal, 0.0, 0.0, 0.0)]
    residuals += [(r.primal, r.dual, r.complementarity, r.gap) for r in parts]
    primal, dual, complementarity, gap = np.max(residuals, axis=0).tolist()
    certificate = GameCertificate(
        primal,
        dual,
        complementarity,
        gap,
        found.provenance,
        epsilon,
        found.distance,
    )
    relative = [
        relative_regret(compiled, agent, w, regrets[agent.name][1], functools.partial(_form, compiled, agent, w))
        for agent in compiled.agents
    ]
    return Equilibrium(
        verdict=final_verdict(found, game_verdict(certificate, relative)),
        method=found.method,
        why=found.why,
        seconds=found.seconds,
        players=players,
        variables={compiled.names[k]: float(w[k]) + 0.0 for k in range(compiled.variables)},
        duals=_duals(compiled, examined),
        multipliers={
            agent.name: {
                name: float(agent.sign * value)
                for name, value in zip(agent.row_names, responses[agent.name].mu, strict=True)
            }
            for agent in compiled.followers
        },
        certificate=certificate,
        notes=found.notes,
    )


def _duals(compiled: CompiledGame, examined: Examined) -> dict[str, tuple[float, float, float]]:
    """Return every named dual: its value, and its interval."""
    intervals = {c: span for response in examined.responses.values() for c, span in response.intervals.items()}
    duals = {}
    for column in range(compiled.variables, compiled.size):
        low, high = intervals.get(column, (-INF, INF))
        duals[compiled.names[column]] = (float(examined.w[column]) + 0.0, low + 0.0, high + 0.0)
    return duals


def _form(compiled: CompiledGame, agent: Agent, w: FloatArray) -> Mpcc:
    return deviation(compiled, agent, w, "auto").best_form


def final_verdict(found: Found, proved: GameVerdict) -> GameVerdict:
    """Return the verdict of a search on its point: a limit or a search in vain hides nothing that is certified."""
    if found.verdict in _OPEN and proved in CERTIFIED:
        return proved
    return found.verdict or proved


def game_verdict(certificate: GameCertificate, relative: Sequence[float]) -> GameVerdict:
    """Return what the residuals and the regrets, relative to each player's own range, prove.

    A bound on a multiplier that is not proved can cut off the true optimum without leaving a trace in any residual;
    so with such a bound nothing beyond ``kkt-consistent`` is claimed.
    """
    residuals = (certificate.primal, certificate.dual, certificate.complementarity, certificate.gap)
    proved = verdict(residuals, relative)
    if proved is Verdict.UNPROVED:
        return GameVerdict.UNPROVED
    return GameVerdict(proved) if certificate.bounds == PROVED else GameVerdict.KKT_CONSISTENT
