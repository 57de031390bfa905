"""Best-response iteration among leaders: a finder of equilibria, whose last round is the proof."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import scipy.sparse as sp

from equilibrium.arrays import FloatArray
from equilibrium.certificate import CERTAIN_GAIN, EXACT_REGRET
from equilibrium.complementarity.branch import End, Outcome, minimise_mpcc
from equilibrium.complementarity.products import fold_fixed, linearise_products
from equilibrium.deadline import Deadline
from equilibrium.games.certificate import own_violation, regret_of, rivals, without_rows
from equilibrium.games.compiled import Agent, CompiledGame
from equilibrium.games.conditions import leader_problem
from equilibrium.games.methods import Decision, decide
from equilibrium.games.pessimistic import responses_are_unique
from equilibrium.games.responses import respond
from equilibrium.games.stationarity import BESIDE, FAR, stationary_beside
from equilibrium.programs.program import INF, Instance

SETTLED = 1e-10
"""Largest regret, relative to ``max(1, |value|)``, at which the iteration stops."""

STILL = 1e-11
"""Leaders whose decisions move less than this (relative) in a round have stopped."""

FEASIBLE = 1e-8
"""Relative violation of a leader's own rows up to which a profile counts as one."""

EARLY_ROUND = 3
"""After this round the exact stationary point of the piece that was reached is tried, however far it is."""

MAX_ROUNDS = 300


@dataclass(frozen=True, eq=False)
class Profile:
    """All leaders' decisions with one response, every leader's best deviation, and the largest relative regret.

    ``excluded`` says that with no response of the followers are these decisions an equilibrium: for every response
    some leader has a deviation in hand that gains.
    """

    w: FloatArray
    outcomes: Mapping[str, Outcome]
    regret: float
    excluded: bool = False

    @property
    def usable(self) -> bool:
        """Whether every leader has a best deviation."""
        return bool(np.isfinite(self.regret))


@dataclass(frozen=True, eq=False)
class Run:
    """One run from one start: the best profile met, rounds, and how it ended."""

    best: Profile | None
    rounds: int
    ending: str
    cycle: tuple[FloatArray, ...] = field(default=())


class BestResponse:
    """Best-response iteration on one game.

    Parameters
    ----------
    scheme
        ``gauss-seidel``: one after the other, each seeing the moves before it; ``jacobi``: all at once.
    order
        Positions of the leaders in the order of moving.
    inner, solver
        Method and solver of every best response.
    deadline
        When every search has to end.
    """

    def __init__(
        self, compiled: CompiledGame, scheme: str, order: Sequence[int], inner: str, solver: str, deadline: Deadline
    ) -> None:
        self.compiled, self.scheme, self.inner, self.solver = compiled, scheme, inner, solver
        self.order = tuple(order)
        self.leaders = compiled.leaders
        self.deadline = deadline
        self.decided = np.concatenate([agent.own for agent in self.leaders])
        self.method = inner

    def respond(self, agent: Agent, w: FloatArray, share: float = 1.0) -> Outcome:
        """Return the leader's best response to its rivals' decisions in ``w``, within a share of what is left."""
        given = rivals(self.compiled, agent, w)
        decision = Decision(self.compiled, agent, self.compiled.followers, given, self.solver)
        outcome, method = decide(decision, self.inner, self.deadline.part(share))
        self.method = method.name
        return outcome

    def evaluate(self, w: FloatArray) -> Profile:
        """Solve every leader's best deviation from the profile ``w``."""
        count = len(self.leaders)
        outcomes = {agent.name: self.respond(agent, w, 1.0 / (count - k)) for k, agent in enumerate(self.leaders)}
        regret = self._regret(w, outcomes)
        certain = not self.compiled.followers
        answered = all(o.v is not None and o.end is not End.UNBOUNDED for o in outcomes.values())
        if self.compiled.followers and answered and regret > SETTLED:
            better = reconcile(self.compiled, w, {name: o.value for name, o in outcomes.items()}, self.deadline)
            certain = better is not None or responses_are_unique(self.compiled)
            if better is not None and self._regret(better, outcomes) < regret:
                w, regret = better, self._regret(better, outcomes)
        return Profile(w, outcomes, regret, certain and self._gain(w, outcomes) > CERTAIN_GAIN)

    def deviations(self, profile: Profile) -> dict[int, FloatArray]:
        """Return decisions in hand that gain for their leader at a profile, by its position."""
        found = {}
        for position, agent in enumerate(self.leaders):
            outcome = profile.outcomes[agent.name]
            if outcome.v is None or outcome.end is End.UNBOUNDED:
                continue
            if regret_of(agent, profile.w, outcome)[0] > CERTAIN_GAIN:
                found[position] = outcome.v[agent.own].copy()
        return found

    def _gain(self, w: FloatArray, outcomes: Mapping[str, Outcome]) -> float:
        """Return the largest relative gain that a deviation in hand has."""
        return max(
            regret_of(agent, w, outcomes[agent.name])[0] / max(1.0, abs(agent.value(w))) for agent in self.leaders
        )

    def _regret(self, w: FloatArray, outcomes: Mapping[str, Outcome]) -> float:
        worst = 0.0
        for agent in self.leaders:
            outcome = outcomes[agent.name]
            if outcome.v is None or outcome.end is End.UNBOUNDED or own_violation(agent, w) > FEASIBLE:
                return INF
            worst = max(worst, regret_of(agent, w, outcome)[1] / max(1.0, abs(agent.value(w))))
        return worst

    def run(self, start: FloatArray) -> Run:
        """Iterate from the decisions in ``start`` until nobody gains, nothing moves, or decisions repeat."""
        answered = self.respond_jointly(start)
        if answered is None:
            ending = self.deadline.what if self.deadline.passed else "the followers have no response to the start"
            return Run(None, 0, ending)
        w, best = answered, None
        seen: dict[tuple[float, ...], int] = {}
        history: list[FloatArray] = []
        for rounds in range(1, MAX_ROUNDS + 1):
            if best is not None and self.deadline.passed:
                return Run(best, rounds, self.deadline.what)
            profile = self.evaluate(w)
            if best is None or profile.regret < best.regret:
                best = profile
            blocked = self._blocked(profile)
            if blocked:
                return Run(best if best.usable else None, rounds, blocked)
            if profile.regret <= SETTLED:
                return Run(self._sharpened(profile), rounds, "settled")
            if rounds == EARLY_ROUND:
                early = self._sharpened(profile, FAR)
                if early.regret <= EXACT_REGRET:
                    return Run(early, rounds, "settled at the stationary point of the piece reached")
            key = tuple(np.round(w[self.decided], 8).tolist())
            if key in seen:
                return Run(best, rounds, "cycle", tuple(history[seen[key] :]))
            seen[key] = len(history)
            history.append(w[self.decided].copy())
            moved = self._move(profile)
            if moved is None and self.deadline.passed:
                return Run(best, rounds, self.deadline.what)
            if moved is None:
                return Run(best, rounds, "a leader has no response to its rivals' decisions: a generalised game")
            change = np.max(np.abs(moved[self.decided] - w[self.decided]) / (1.0 + np.abs(w[self.decided])))
            if change <= STILL:
                last = self.evaluate(moved)
                least = last if last.regret <= best.regret else best
                return Run(self._sharpened(least), rounds, "standstill")
            w = moved
        return Run(best, MAX_ROUNDS, "round limit")

    def _sharpened(self, profile: Profile, reach: float = BESIDE) -> Profile:
        """Replace a limit of the iteration by the stationary point beside it: regrets are flat, decisions are not."""
        exact = stationary_beside(self.compiled, profile.w, self.deadline, reach)
        if exact is None:
            return profile
        again = self.evaluate(exact)
        return again if again.regret <= max(profile.regret, EXACT_REGRET) else profile

    def _blocked(self, profile: Profile) -> str:
        for name, outcome in profile.outcomes.items():
            if outcome.end is End.UNBOUNDED:
                return f"unbounded: {name} gains without limit"
            if outcome.end is End.INFEASIBLE:
                return f"{name} has no feasible response to its rivals' decisions: a generalised game"
        return ""

    def _move(self, profile: Profile) -> FloatArray | None:
        """Let every leader move; stay where the gain is nothing."""
        if self.scheme == "jacobi":
            moved = profile.w.copy()
            for agent in self.leaders:
                answer = profile.outcomes[agent.name].v
                if answer is not None and self._gains(agent, profile.w, profile.outcomes[agent.name]):
                    moved[agent.own] = answer[agent.own]
            return self.respond_jointly(moved)
        w, first = profile.w.copy(), True
        for position in self.order:
            agent = self.leaders[position]
            outcome = profile.outcomes[agent.name] if first else self.respond(agent, w)
            if outcome.v is None:
                return None
            if self._gains(agent, w, outcome):
                w = outcome.v[: self.compiled.size].copy()
                first = False
        return self.respond_jointly(w) if first else w

    def _gains(self, agent: Agent, w: FloatArray, outcome: Outcome) -> bool:
        if own_violation(agent, w) > FEASIBLE:
            return True
        return agent.value(w) - outcome.value > 1e-2 * SETTLED * max(1.0, abs(outcome.value))

    def respond_jointly(self, w: FloatArray) -> FloatArray | None:
        """Return ``w`` with the followers' response to the leaders' decisions in it; None if there is none."""
        if not self.compiled.followers:
            return w
        direct = respond(self.compiled, w)
        if direct is not None and all(own_violation(agent, direct) <= FEASIBLE for agent in self.leaders):
            return direct
        fixed = {int(c): float(w[c]) for c in self.decided}
        # A response that also keeps the leaders' own rows, where there is one; any response otherwise.
        answer = self._any(fixed, self.leaders)
        if answer is None:
            answer = direct if direct is not None else self._any(fixed, ())
        return answer

    def _any(self, fixed: Mapping[int, float], binding: Sequence[Agent]) -> FloatArray | None:
        decision = Decision(self.compiled, None, self.compiled.followers, fixed, binding=binding)
        v = decide(decision, "auto", self.deadline)[0].v
        return None if v is None else v[: self.compiled.size].copy()


def reconcile(
    compiled: CompiledGame, w: FloatArray, best: Mapping[str, float], deadline: Deadline
) -> FloatArray | None:
    """Choose among the followers' optimal responses to ``w`` the one whose largest regret is least.

    Optimistic leaders may each count on another response; this finds the one that serves all, if there is one.
    """
    fixed = {int(c): float(w[c]) for agent in compiled.leaders for c in agent.own}
    forms = []
    for agent in compiled.leaders:
        problem = leader_problem(compiled, without_rows(agent), compiled.followers, fixed, compiled.leaders)
        form = linearise_products(fold_fixed(problem))
        if form is None or form.bilinear:
            return None
        forms.append((form, best[agent.name]))
    base = forms[0][0]
    n = base.instance.shape[1]
    cost = np.zeros(n + 1)
    cost[n] = 1.0
    wide = sp.csr_array(
        (base.instance.matrix.data, base.instance.matrix.indices, base.instance.matrix.indptr),
        shape=(base.instance.shape[0], n + 1),
    )
    rows = np.array([[*form.instance.cost, -max(1.0, abs(value))] for form, value in forms])
    limits = np.array([value - form.constant for form, value in forms])
    program = Instance(
        wide,
        cost,
        base.instance.row_lower,
        base.instance.row_upper,
        np.append(base.instance.col_lower, -INF),
        np.append(base.instance.col_upper, INF),
    ).with_rows(sp.csr_array(rows), np.full(len(forms), -INF), limits)
    joint = replace(
        base,
        instance=program,
        constant=0.0,
        hessian=sp.csr_array((n + 1, n + 1)),
        integer=np.append(base.integer, False),
    )
    answer = minimise_mpcc(joint, deadline)
    return None if answer.v is None else answer.v[: compiled.size].copy()


__all__ = ["BestResponse", "Profile", "Run", "reconcile"]
