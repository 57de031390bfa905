"""Whether a pessimistic leader's best value is attained: its worst case may jump where the responses change.

No decision does better than the optimistic optimum ``O`` at ``x``, where the followers help. If the worst case at ``x``
is as good, it is attained there. If it is worse, decisions beside ``x`` are tried: where their worst cases come as
near to ``O`` as their distance from ``x``, the best value is ``O``, and where ``x`` is the only optimistic optimum, no
decision has it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp

from equilibrium.arrays import FloatArray
from equilibrium.certificate import EXACT_REGRET
from equilibrium.complementarity.branch import End, Outcome, minimise_mpcc
from equilibrium.games.compiled import Agent
from equilibrium.games.methods import Decision, decide
from equilibrium.games.stationarity import SAME
from equilibrium.games.worst_case import (
    EQUILIBRIUM,
    INFEASIBLE,
    LIMIT,
    NOT_ATTAINED,
    OPEN,
    UNBOUNDED,
    Pessimists,
    Point,
    Search,
    Worst,
    relative_gain,
)
from equilibrium.programs.program import GAP

CLOSEST_STEP = 1e-7
"""Distance, relative to ``1 + |decision|``, of the nearest decisions that are tried beside a jump."""

STEPS = (1e5 * CLOSEST_STEP, 1e3 * CLOSEST_STEP, CLOSEST_STEP)
"""Distances, relative to ``1 + |decision|``, at which decisions beside a jump are tried."""

ROOM = 10.0
"""A value is taken to come near a bound where its distance is at most this many times that of the decisions."""


_ENDINGS = {End.UNBOUNDED: UNBOUNDED, End.INFEASIBLE: INFEASIBLE, End.LIMIT: LIMIT}


@dataclass(frozen=True, eq=False)
class Best:
    """A pessimistic leader's best decision: its worst case, the search, and what is to be said of the value.

    ``limit`` is the decision at which the value would be attained, where it is proved that it is not.
    """

    worst: Worst
    outcome: Outcome
    notes: tuple[str, ...] = ()
    limit: FloatArray | None = None


def search_one(pessimists: Pessimists) -> Search:
    """Find the best decision of one pessimistic leader, or say that none has the best value."""
    leader = pessimists.compiled.leaders[0]
    outcome = pessimists.best(leader, np.zeros(pessimists.compiled.size))
    best = None if outcome.end is End.INFEASIBLE else best_attained(pessimists, leader, outcome)
    said = (outcome.reason,) if outcome.reason else ()
    if best is None or outcome.end is End.UNBOUNDED:
        return Search(None, _ENDINGS.get(outcome.end, OPEN), said)
    w = outcome.v if best.worst.w is None else best.worst.w
    assert w is not None
    regret = relative_gain(best.outcome.bound, best.worst.bound)
    point = Point(w, {leader.name: best.worst}, {leader.name: best.outcome}, 0.0, regret)
    if best.limit is not None:
        return Search(point, NOT_ATTAINED, best.notes)
    limited = best.outcome.end is End.LIMIT
    return Search(point, LIMIT if limited else EQUILIBRIUM, (*said, *best.notes) if limited else best.notes)


def best_attained(pessimists: Pessimists, leader: Agent, outcome: Outcome) -> Best | None:
    """Return the best decision known, with the word on whether it is one; None where no decision is known.

    Parameters
    ----------
    outcome
        Of the search for the pessimistic optimum; its bound is weakened where a decision beside a jump refutes it.
    """
    compiled = pessimists.compiled
    known = None
    if outcome.v is not None and outcome.end is not End.UNBOUNDED:
        worst = pessimists.worst(leader, outcome.v)
        known = Best(worst, outcome) if worst.w is not None else None
    decision = Decision(compiled, leader, compiled.followers, None, pessimists.solver)
    kind = decide(decision, "auto", pessimists.deadline)[0]
    if kind.v is None or not np.isfinite(kind.bound):
        return known
    at = kind.v[: compiled.size]
    here = pessimists.worst(leader, at)
    lowest = kind.bound
    if here.bound <= lowest + _small(lowest, EXACT_REGRET):  # attained where the followers help
        return Best(here, replace(outcome, end=End.OPTIMAL, v=here.w, value=here.value, bound=lowest))
    found = [known.worst] if known is not None else []
    found += [here] if np.isfinite(here.bound) and here.w is not None else []
    near: list[Worst] = []
    for w, distance in _beside(leader, at, outcome.v):
        worst = pessimists.worst(leader, w)
        if worst.w is None or not np.isfinite(worst.bound):
            continue
        found.append(worst)
        if distance == CLOSEST_STEP and worst.bound - lowest <= ROOM * distance * (1.0 + abs(lowest)):
            near.append(worst)
    if not found:
        return None
    best = min(found, key=lambda worst: worst.bound)
    bound = lowest if best.value < outcome.bound - _small(best.value, GAP) else max(lowest, outcome.bound)
    ended = replace(outcome, v=best.w, value=best.value, bound=bound)
    if not near:
        return Best(best, ended)
    nearest = min(near, key=lambda worst: worst.bound)
    return _approached(pessimists, leader, at, nearest, replace(ended, v=nearest.w, value=nearest.value, bound=lowest))


def _approached(pessimists: Pessimists, leader: Agent, at: FloatArray, near: Worst, outcome: Outcome) -> Best:
    """Say what is known of a value that decisions beside ``at`` come near to."""
    compiled = pessimists.compiled
    told = compiled.told(leader, outcome.bound)
    place = compiled.told_columns(leader.own, at[leader.own])
    text = f"the best value, {told:.9g}, is approached as the decisions of {leader.name} go to {place}"
    if _only(pessimists, leader, at, outcome.bound):
        text += ", where the worst response takes it away; no decision attains it"
        return Best(near, replace(outcome, end=End.OPTIMAL), (text,), at)
    return Best(near, replace(outcome, end=End.OPTIMAL), (f"{text}; whether some decision attains it is open",))


def _small(value: float, share: float) -> float:
    return share * (1.0 + abs(value))


def _beside(leader: Agent, at: FloatArray, other: FloatArray | None) -> Iterator[tuple[FloatArray, float]]:
    """Yield decisions beside ``at``, and their relative distances: along each variable, and towards ``other``."""
    moving = leader.own[~leader.integer]
    low, high = leader.lower[~leader.integer], leader.upper[~leader.integer]
    ways = [way for k in range(moving.size) for way in (np.eye(moving.size)[k], -np.eye(moving.size)[k])]
    if other is not None:
        towards = other[moving] - at[moving]
        if np.any(towards):
            ways.insert(0, towards / np.max(np.abs(towards)))
    for way in ways:
        for step in STEPS:
            w = at.copy()
            w[moving] = np.clip(at[moving] + step * (1.0 + np.abs(at[moving])) * way, low, high)
            if np.any(w[moving] != at[moving]):
                yield w, step


def _only(pessimists: Pessimists, leader: Agent, at: FloatArray, value: float) -> bool:
    """Whether no other decisions have the optimistic value: proved by the range of each decision where it is had."""
    compiled = pessimists.compiled
    if leader.hessian.nnz and Decision(compiled, leader, compiled.followers).linear is None:
        return False
    for column in leader.own.tolist():
        for sign in (1.0, -1.0):
            extreme = _reach(pessimists, leader, column, sign, value)
            if extreme is None or abs(extreme - at[column]) > SAME * (1.0 + abs(at[column])):
                return False
    return True


def _reach(pessimists: Pessimists, leader: Agent, column: int, sign: float, value: float) -> float | None:
    """Return the least (largest for ``sign`` -1) value of a decision among those with the optimistic value."""
    compiled = pessimists.compiled
    form = Decision(compiled, leader, compiled.followers, None, pessimists.solver).best_form
    n = form.instance.shape[1]
    cost = np.zeros(n)
    cost[column] = sign
    row = sp.csr_array(form.instance.cost.reshape(1, -1))
    limit = value - form.constant + _small(value, GAP)
    held = form.instance.with_rows(row, np.array([-np.inf]), np.array([limit])).with_cost(cost)
    turned = replace(form, instance=held, constant=0.0, hessian=sp.csr_array((n, n)))
    outcome = minimise_mpcc(turned, pessimists.deadline)
    return sign * outcome.bound if outcome.end is End.OPTIMAL else None


__all__ = ["Best", "best_attained", "search_one"]
