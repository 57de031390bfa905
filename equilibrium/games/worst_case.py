"""Pessimistic answers: every leader expects, of all optimal responses, the one that is worst for itself.

With one leader this is the pessimistic bilevel problem. With several, a leader's pessimistic value at the decisions
``x`` is ``phi_i(x) = max {f_i(x, y) : y an optimal response to x}`` (as a minimisation), infinite where a row of the
leader fails for some optimal response, and an equilibrium is a Nash equilibrium of the game in which every leader
minimises its ``phi_i``: no leader gains by another decision while its rivals keep theirs, although every leader may
have another response in mind. Source of the definition: Aussel & Svensson 2020, "A short state of the art on
multi-leader-follower games", in Bilevel Optimization, Springer (each leader with its own selection of the response).
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp

from equilibrium.arrays import FloatArray
from equilibrium.certificate import CERTAIN_GAIN, largest_gain
from equilibrium.complementarity.branch import End, Outcome
from equilibrium.deadline import Deadline
from equilibrium.games.best_response import FEASIBLE, SETTLED
from equilibrium.games.certificate import own_violation, rivals, without_rows
from equilibrium.games.compiled import Agent, CompiledGame, compile_game
from equilibrium.games.methods import Decision, confirm, decide
from equilibrium.games.nash import MAX_PROFILES, decisions, profiles, starts
from equilibrium.games.pessimistic import for_one_leader, pessimistic_game, why_not
from equilibrium.programs.program import INF

MAX_ROUNDS = 100


@dataclass(frozen=True, eq=False)
class Worst:
    """A leader at given decisions: the worst response ``w``, its value there, and a proven upper bound of it.

    Both are infinite where there is no response, where the worst has no end, or where a row of the leader fails for
    some response; ``w`` is then None or a witness.
    """

    w: FloatArray | None
    value: float
    bound: float


@dataclass(frozen=True, eq=False)
class Point:
    """Decisions of all leaders, each one's worst case and best deviation, and the largest relative regret."""

    w: FloatArray
    worst: Mapping[str, Worst]
    outcomes: Mapping[str, Outcome]
    gain: float
    regret: float


class Pessimists:
    """The leaders of one game, each expecting the response that is worst for itself.

    Parameters
    ----------
    method, solver
        Of every deviation.
    full
        Whether every deviation is confirmed by a second method.

    Raises
    ------
    InputError
        When the pessimistic value of a leader cannot be stated for the methods here; the message names the leader.
    """

    def __init__(
        self, compiled: CompiledGame, method: str, solver: str, deadline: Deadline, *, full: bool = False
    ) -> None:
        self.compiled, self.method, self.solver, self.deadline, self.full = compiled, method, solver, deadline, full
        self.decided = np.concatenate([agent.own for agent in compiled.leaders])
        self.why: dict[str, str] = {}
        self.opinions: dict[str, str] = {}
        for agent in compiled.leaders:
            reason = why_not(compiled, agent)
            if reason is not None and profiles((agent,)) > MAX_PROFILES:
                expected = f"optimistic, or leaders with few integer decisions, or another game: {reason}"
                raise compiled.game.error(f"player {agent.name}: attitude", "pessimistic", expected)
            self.why[agent.name] = reason or ""

    def worst(self, agent: Agent, w: FloatArray) -> Worst:
        """Return the worst response to the decisions in ``w`` for a leader."""
        fixed = {int(c): float(w[c]) for c in self.decided}
        found = self._extreme(without_rows(agent, -1.0), fixed)
        if found.v is None or found.end is End.UNBOUNDED:
            return Worst(None, INF, INF)
        at = found.v[: self.compiled.size].copy()
        if own_violation(agent, at) > FEASIBLE or any(
            self._fails(agent, r, s, fixed) for r, s in _coupled(self.compiled, agent)
        ):
            return Worst(at, INF, INF)
        return Worst(at, agent.value(at), -found.bound)

    def _extreme(self, turned: Agent, fixed: Mapping[int, float]) -> Outcome:
        decision = Decision(self.compiled, turned, self.compiled.followers, fixed, self.solver)
        return decide(decision, "auto", self.deadline)[0]

    def _fails(self, agent: Agent, row: int, sign: float, fixed: Mapping[int, float]) -> bool:
        """Whether a row fails for some optimal response; ``sign`` is 1 where it bounds from above."""
        found = self._extreme(_as_objective(agent, row, -sign), fixed)
        if found.v is None or found.end is End.UNBOUNDED:
            return True
        off = sign * float(agent.activity(found.v[: self.compiled.size])[row] - agent.rhs[row])
        return off > FEASIBLE * (1.0 + abs(float(agent.rhs[row])))

    def best(self, agent: Agent, w: FloatArray) -> Outcome:
        """Return the decision with the best worst case, the rivals' decisions as in ``w``."""
        if self.why[agent.name]:
            return self._listed(agent, w)
        names = self.compiled.names
        values = {names[c]: value for c, value in rivals(self.compiled, agent, w).items()}
        one = for_one_leader(self.compiled.game, agent.name, values)
        changed = compile_game(pessimistic_game(one, compile_game(one)), self.compiled.units)
        (alone,) = changed.leaders
        decision = Decision(changed, alone, changed.followers, None, self.solver)
        outcome, method = decide(decision, self.method, self.deadline)
        self.opinions[agent.name] = ""
        if self.full:
            outcome, self.opinions[agent.name] = confirm(decision, outcome, self.deadline)
        if outcome.v is None or outcome.end is End.UNBOUNDED:
            return outcome
        place = {name: k for k, name in enumerate(changed.names)}
        at = w.copy()
        at[agent.own] = [outcome.v[place[names[c]]] for c in agent.own]
        worst = self.worst(agent, at)
        return replace(outcome, v=at if worst.w is None else worst.w, value=worst.value, method=method.name)

    def _listed(self, agent: Agent, w: FloatArray) -> Outcome:
        """Look at every decision of a leader that has few."""
        self.opinions[agent.name] = "none, all decisions are listed"
        end, chosen, value, bound = End.OPTIMAL, None, INF, INF
        for count, choice in enumerate(decisions(agent)):
            if self.deadline.passed:
                return Outcome(End.LIMIT, chosen, value, -INF, count, method="enumeration")
            at = w.copy()
            at[agent.own] = choice
            worst = self.worst(agent, at)
            bound = min(bound, worst.value)
            if worst.bound < value:
                chosen, value = worst.w, worst.bound
        if chosen is None:
            end = End.INFEASIBLE
        return Outcome(end, chosen, value, bound, count + 1, method="enumeration")

    def judge(self, w: FloatArray) -> Point:
        """Compute every leader's worst case at the decisions in ``w`` and its best deviation."""
        worst = {agent.name: self.worst(agent, w) for agent in self.compiled.leaders}
        outcomes = {agent.name: self.best(agent, w) for agent in self.compiled.leaders}
        gain = max(relative_gain(outcome.value, worst[name].value) for name, outcome in outcomes.items())
        regret = max(relative_gain(outcome.bound, worst[name].bound) for name, outcome in outcomes.items())
        first = worst[self.compiled.leaders[0].name].w
        return Point(w if first is None else first, worst, outcomes, gain, regret)


def relative_gain(best: float, value: float) -> float:
    """Return how much better ``best`` is than ``value``, relative to the value; infinite where one of them is."""
    if not np.isfinite(value) or not np.isfinite(best):
        return INF
    return max(0.0, value - best) / max(1.0, abs(value))


def worst_regret(worst: Worst, outcome: Outcome) -> tuple[float, float]:
    """Return what a leader could gain in its worst case: at least, and at most."""
    if outcome.end is End.UNBOUNDED or not np.isfinite(worst.bound):
        return (INF, INF) if np.isfinite(outcome.value) or outcome.end is End.UNBOUNDED else (0.0, INF)
    found = max(0.0, worst.value - outcome.value) if np.isfinite(outcome.value) else 0.0
    return found, largest_gain(worst.bound, outcome.bound) if outcome.end is not End.INFEASIBLE else INF


def _coupled(compiled: CompiledGame, agent: Agent) -> list[tuple[int, float]]:
    """Return (row, sign) of the agent's rows that contain what the followers choose, once for each side."""
    theirs = np.concatenate([*(f.own for f in compiled.followers), np.arange(compiled.variables, compiled.size)])
    rows = set(np.flatnonzero(np.diff(agent.matrix[:, theirs].indptr)).tolist())
    rows |= {p.row for p in agent.products if {p.i, p.j} & set(theirs.tolist())}
    sides = {-1: (1.0,), 0: (1.0, -1.0), 1: (-1.0,)}
    return [(r, sign) for r in sorted(rows) for sign in sides[int(agent.kind[r])]]


def _as_objective(agent: Agent, row: int, sign: float) -> Agent:
    """Return an agent that minimises ``sign`` times the left-hand side of one row."""
    size = agent.cost.size
    entries = [(p.i, p.j, p.coefficient) for p in agent.products if p.row == row]
    entries += [(j, i, value) for i, j, value in entries]
    i, j, values = (np.array(part) for part in zip(*entries, strict=True)) if entries else ([], [], [])
    hessian = sp.csr_array(sp.coo_array((values, (i, j)), shape=(size, size), dtype=np.float64))
    cost = np.asarray(agent.matrix[[row], :].toarray(), dtype=np.float64).ravel()
    return replace(without_rows(agent), constant=0.0, cost=sign * cost, hessian=sign * hessian)


@dataclass(frozen=True, eq=False)
class Search:
    """How a search for a pessimistic equilibrium ended; ``ending`` is one of the words below (``open``: no proof)."""

    point: Point | None
    ending: str
    notes: tuple[str, ...] = ()


EQUILIBRIUM, NONE, OPEN = "equilibrium", "none", "open"
INFEASIBLE, UNBOUNDED, LIMIT, NOT_ATTAINED = "infeasible", "unbounded", "limit", "not attained"


def search(pessimists: Pessimists, seed: int) -> Search:
    """Find an equilibrium of several pessimistic leaders: all profiles of a finite game, or best responses in turn."""
    compiled = pessimists.compiled
    if profiles(compiled.leaders) <= MAX_PROFILES:
        return _enumerate(pessimists)
    notes: list[str] = []
    best: Point | None = None
    for number, start in enumerate(starts(compiled, None, seed)):
        point, told = _iterate(pessimists, start)
        notes.append(f"start {number}: {told}")
        if point is not None and (best is None or point.regret < best.regret):
            best = point
        if best is not None and best.regret <= CERTAIN_GAIN:
            return Search(best, EQUILIBRIUM, tuple(notes))
        if pessimists.deadline.passed:
            return Search(best, LIMIT, tuple(notes))
    notes.append("no pure equilibrium found; that there is none is not proved")
    return Search(best, OPEN, tuple(notes))


def _enumerate(pessimists: Pessimists) -> Search:
    """Tabulate every leader's worst case at every profile; an equilibrium is read off, and so is that there is none."""
    compiled, leaders = pessimists.compiled, pessimists.compiled.leaders
    sets = [list(decisions(agent)) for agent in leaders]
    shape = tuple(len(own) for own in sets)
    table = np.empty((*shape, len(leaders)), dtype=object)
    for place in itertools.product(*(range(n) for n in shape)):
        if pessimists.deadline.passed:
            return Search(None, LIMIT, ("not all profiles could be examined",))
        w = np.zeros(compiled.size)
        for agent, own, k in zip(leaders, sets, place, strict=True):
            w[agent.own] = own[k]
        for number, agent in enumerate(leaders):
            table[(*place, number)] = pessimists.worst(agent, w)
    best: Point | None = None
    doubtful = 0
    for place in itertools.product(*(range(n) for n in shape)):
        point = _read_off(compiled, table, place)
        if point is None:
            continue
        doubtful += point.gain <= CERTAIN_GAIN
        if best is None or point.regret < best.regret:
            best = point
    if best is None:
        return Search(None, INFEASIBLE)
    if best.regret <= CERTAIN_GAIN:
        return Search(best, EQUILIBRIUM)
    proof = "proved" if not doubtful else f"not proved, {doubtful} profiles are open"
    return Search(
        best,
        OPEN if doubtful else NONE,
        (f"{proof}: none of {table[..., 0].size} profiles is a pessimistic equilibrium",),
    )


def _read_off(compiled: CompiledGame, table: np.ndarray, place: Sequence[int]) -> Point | None:
    """Return one profile with every leader's best deviation in the table; None where somebody's worst is infinite."""
    worst, outcomes = {}, {}
    for number, agent in enumerate(compiled.leaders):
        here: Worst = table[(*place, number)]
        if here.w is None or not np.isfinite(here.bound):
            return None
        line = [*place]
        others: list[Worst] = []
        for k in range(table.shape[number]):
            line[number] = k
            others.append(table[(*line, number)])
        chosen = min(others, key=lambda other: other.bound)
        least = min(other.value for other in others)
        worst[agent.name] = here
        outcomes[agent.name] = Outcome(End.OPTIMAL, chosen.w, chosen.bound, least, len(others), method="enumeration")
    gain = max(relative_gain(outcome.value, worst[name].value) for name, outcome in outcomes.items())
    regret = max(relative_gain(outcome.bound, worst[name].bound) for name, outcome in outcomes.items())
    first = worst[compiled.leaders[0].name].w
    assert first is not None
    return Point(first, worst, outcomes, gain, regret)


def _iterate(pessimists: Pessimists, start: FloatArray) -> tuple[Point | None, str]:
    """Let the leaders move in turn until nobody gains or decisions repeat."""
    w, best = start, None
    seen: dict[tuple[float, ...], int] = {}
    for rounds in range(1, MAX_ROUNDS + 1):
        point = pessimists.judge(w)
        if best is None or point.regret < best.regret:
            best = point
        if point.regret <= SETTLED:
            return point, f"settled after {rounds} rounds"
        key = tuple(np.round(w[pessimists.decided], 8).tolist())
        if key in seen:
            return best, f"cycle of length {rounds - seen[key]} after {rounds} rounds"
        seen[key] = rounds
        w = point.w.copy()
        for agent in pessimists.compiled.leaders:
            if pessimists.deadline.passed:
                return best, f"{pessimists.deadline.what} after {rounds} rounds"
            outcome = pessimists.best(agent, w)
            if outcome.v is None or outcome.end is End.UNBOUNDED:
                return best, f"{agent.name} has no best decision against its rivals': {outcome.end}"
            if relative_gain(outcome.value, pessimists.worst(agent, w).value) > 1e-2 * SETTLED:
                w[agent.own] = outcome.v[agent.own]
    return best, "round limit"


__all__ = ["Pessimists", "Point", "Search", "Worst", "search"]
