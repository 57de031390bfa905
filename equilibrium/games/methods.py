"""The methods for one deciding player over responding ones: values with declared preconditions.

Each says why it does not apply, or None; ``auto`` takes the first of an order that follows from the structure.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import scipy.sparse as sp

from equilibrium.arrays import FloatArray, IntArray
from equilibrium.complementarity.branch import End, Outcome, minimise_mpcc
from equilibrium.complementarity.problem import Mpcc
from equilibrium.complementarity.products import fold_fixed, linearise_products
from equilibrium.complementarity.sos1 import scip_is_installed, solve_gurobi, solve_scip, too_large
from equilibrium.deadline import Deadline
from equilibrium.errors import InputError, SolverError
from equilibrium.games.bigm import GUESS, USER, Bounds, given_bounds, proved_bounds, settle, solve_bigm
from equilibrium.games.compiled import Agent, CompiledGame
from equilibrium.games.conditions import append_rows, base_system, leader_problem
from equilibrium.games.responses import own_problem, respond
from equilibrium.programs.duality import optimal_face
from equilibrium.programs.solvers import Status, open_handle

GAME_SOLVERS = ("auto", "highs", "gurobi", "scip")
DENSE_LIMIT = 1500
"""Columns up to which the branch and bound takes a curved objective (it needs dense eigenvectors)."""

SOME_PAIRS = 40
"""Pairs beyond which a solver that knows SOS1, if it takes the problem, comes before our branch and bound."""

MANY_PAIRS = 400
"""Pairs beyond which a proved big-M is tried first."""


class Decision:
    """One player's decision problem over responders, prepared for every method.

    Parameters
    ----------
    compiled, decider, responders, fixed, binding
        As in :func:`equilibrium.games.conditions.leader_problem`.
    solver
        One of :data:`GAME_SOLVERS`.
    big_m
        A bound for every multiplier and slack, and its provenance, in the place of proved ones.
    """

    def __init__(
        self,
        compiled: CompiledGame,
        decider: Agent | None,
        responders: Sequence[Agent],
        fixed: Mapping[int, float] | None = None,
        solver: str = "auto",
        big_m: tuple[float, str] | None = None,
        binding: Sequence[Agent] = (),
    ) -> None:
        if solver not in GAME_SOLVERS:
            raise InputError("solver", "name", solver, f"one of {', '.join(GAME_SOLVERS)}")
        if big_m is not None and big_m[1] not in (USER, GUESS):
            raise InputError("big_m", "provenance", big_m[1], f"{USER} or {GUESS}")
        self.compiled, self.decider, self.responders = compiled, decider, tuple(responders)
        self.fixed, self.binding = dict(fixed or {}), tuple(binding)
        self.solver, self.big_m = solver, big_m
        self.mpcc = fold_fixed(leader_problem(compiled, decider, responders, self.fixed, self.binding))

    @cached_property
    def linear(self) -> Mpcc | None:
        """The problem with a linear objective, where strong duality makes it so; None otherwise."""
        return linearise_products(self.mpcc)

    @property
    def best_form(self) -> Mpcc:
        """The linear form if there is one."""
        return self.mpcc if self.linear is None else self.linear

    @cached_property
    def bounds(self) -> Bounds:
        """Bounds for the big-M form."""
        if self.big_m is not None:
            return given_bounds(self.best_form, *self.big_m)
        return proved_bounds(self.best_form, self.responders, self.seen)

    @property
    def seen(self) -> IntArray:
        """Named duals that somebody uses."""
        if not any(self.compiled.used_duals(agent) for agent in self.compiled.agents):
            return np.zeros(0, dtype=np.int64)
        return np.arange(self.compiled.variables, self.compiled.size)

    def completed(self, v: FloatArray) -> FloatArray | None:
        """Return the variables of the game with the decisions in ``v`` and an optimal response, or None."""
        if {agent.name for agent in self.responders} != {agent.name for agent in self.compiled.followers}:
            return None
        answered = respond(self.compiled, v[: self.compiled.size])
        return None if answered is None else answered[: self.compiled.variables]

    @property
    def independent(self) -> bool:
        """Whether no responder sees anybody else, so that its optimum is one linear program."""
        for agent in self.responders:
            foreign = np.setdiff1d(np.arange(self.compiled.size), agent.own)
            curved = agent.hessian[agent.own, :].nnz > 0
            if curved or agent.products or agent.matrix[:, foreign].nnz:
                return False
        return bool(self.responders)


@dataclass(frozen=True)
class Method:
    """A way to solve a :class:`Decision`: ``applies`` returns why not, or None."""

    name: str
    why: str
    applies: Callable[[Decision], str | None]
    run: Callable[[Decision, Deadline], Outcome]


def _lexicographic_applies(decision: Decision) -> str | None:
    if not decision.independent:
        return "a follower's problem depends on other players or is not linear"
    if decision.seen.size:
        return "a dual is used, and the shortcut has primal optima only"
    if decision.binding:
        return "rows of further players bind, and the shortcut has the decider's only"
    if decision.mpcc.bilinear or (decision.decider and decision.decider.products):
        return "a row has products"
    return None


def _lexicographic(decision: Decision, deadline: Deadline) -> Outcome:
    """Fix each follower to the face of its optima, found once, and let the leader choose on it."""
    system = base_system(decision.compiled, decision.fixed)
    for agent in decision.responders:
        problem = own_problem(agent, np.zeros(decision.compiled.size))
        answer = open_handle(problem.instance).solve()
        if answer.status is not Status.OPTIMAL:
            return Outcome(End.INFEASIBLE, None, np.inf, np.inf, seconds=answer.seconds)
        face = optimal_face(problem.instance, answer.y)
        for position, column in enumerate(agent.own.tolist()):
            system.lower[column] = float(face.col_lower[position])
            system.upper[column] = float(face.col_upper[position])
        for r in range(face.shape[0]):
            row = face.matrix[[r], :].toarray().ravel()
            terms = [(int(agent.own[k]), float(row[k])) for k in np.flatnonzero(row)]
            system.row(terms, float(face.row_lower[r]), float(face.row_upper[r]))
    n, decider = decision.compiled.size, decision.decider
    integer = np.zeros(n, dtype=bool)
    if decider is None:
        return minimise_mpcc(system.finish(np.zeros(n), sp.csr_array((n, n)), 0.0, integer), deadline)
    append_rows(system, decider)
    integer[decider.own] = decider.integer
    return minimise_mpcc(fold_fixed(system.finish(decider.cost, decider.hessian, decider.constant, integer)), deadline)


def _branch_applies(decision: Decision) -> str | None:
    if decision.mpcc.bilinear:
        return "a row has products of two decisions, which the branch and bound does not relax"
    if decision.linear is None and decision.mpcc.instance.shape[1] > DENSE_LIMIT:
        return f"the objective stays quadratic and has more than {DENSE_LIMIT} columns"
    return None


def _branch(decision: Decision, deadline: Deadline) -> Outcome:
    return minimise_mpcc(decision.best_form, deadline, complete=decision.completed)


def _bigm_applies(decision: Decision) -> str | None:
    if decision.mpcc.bilinear:
        return "a row has products of two decisions"
    if decision.linear is None:
        return "the objective stays quadratic: strong duality does not make it linear"
    if decision.solver == "scip":
        return "the big-M form is solved by HiGHS or Gurobi"
    if decision.bounds.missing.size:
        return f"{decision.bounds.missing.size} of {len(decision.mpcc.pairs)} pairs have no bound that can be proved"
    return None


def _bigm(decision: Decision, deadline: Deadline) -> Outcome:
    return solve_bigm(decision.best_form, decision.bounds, decision.solver, deadline)


def _pair_solver(decision: Decision) -> str | None:
    """Return the solver that takes pairs: Gurobi within its licence, else SCIP if installed."""
    if decision.solver == "scip" or (decision.solver == "auto" and too_large(decision.mpcc)):
        return "scip" if scip_is_installed() else None
    if decision.solver == "highs" or too_large(decision.mpcc):
        return None
    return "gurobi"


def _pairs_apply(decision: Decision) -> str | None:
    if decision.solver == "highs":
        return "HiGHS has neither SOS1 nor products"
    if _pair_solver(decision) is None:
        return "the problem exceeds Gurobi's licence and SCIP (equilot[scip]) is not installed or not chosen"
    return None


def _sos1_applies(decision: Decision) -> str | None:
    if decision.mpcc.bilinear:
        return "a row has products of two decisions"
    if decision.linear is None:
        return "the objective stays quadratic: strong duality does not make it linear"
    return _pairs_apply(decision)


def _by_pairs(form: Mpcc, decision: Decision, deadline: Deadline) -> Outcome:
    solve = solve_scip if _pair_solver(decision) == "scip" else solve_gurobi
    return settle(form, solve(form, deadline))


def _sos1(decision: Decision, deadline: Deadline) -> Outcome:
    return _by_pairs(decision.best_form, decision, deadline)


def _nonconvex(decision: Decision, deadline: Deadline) -> Outcome:
    return _by_pairs(decision.best_form, decision, deadline)


METHODS = (
    Method(
        "lexicographic",
        "no follower depends on anybody: its optima are found once",
        _lexicographic_applies,
        _lexicographic,
    ),
    Method(
        "complementarity-bb",
        "exact without any bound on multipliers: branch and bound on complementarity pairs",
        _branch_applies,
        _branch,
    ),
    Method("kkt-bigm", "all multipliers and slacks have bounds that are proved", _bigm_applies, _bigm),
    Method("kkt-sos1", "the solver takes pairs as SOS1", _sos1_applies, _sos1),
    Method("gurobi-nonconvex", "the solver takes products as they are", _pairs_apply, _nonconvex),
)
NAMES = tuple(method.name for method in METHODS)


def by_name(name: str) -> Method:
    """Return the method called ``name``."""
    for method in METHODS:
        if method.name == name:
            return method
    raise InputError("method", "name", name, f"one of auto, {', '.join(NAMES)}")


def choose(decision: Decision) -> list[Method]:
    """Return the methods that ``auto`` tries, best first, by the structure of the problem and the chosen solver."""
    order = ["lexicographic", "complementarity-bb", "gurobi-nonconvex"]
    if decision.solver in ("gurobi", "scip"):
        order = ["kkt-sos1", "gurobi-nonconvex", "complementarity-bb"]
    elif decision.big_m is not None:
        order = ["kkt-bigm"]
    elif len(decision.mpcc.pairs) > MANY_PAIRS:
        order = ["lexicographic", "kkt-bigm", "kkt-sos1", "complementarity-bb", "gurobi-nonconvex"]
    elif len(decision.mpcc.pairs) > SOME_PAIRS and decision.solver == "auto":
        order = ["lexicographic", "kkt-sos1", "complementarity-bb", "gurobi-nonconvex"]
    return [method for method in map(by_name, order) if method.applies(decision) is None]


def decide(decision: Decision, method: str, deadline: Deadline) -> tuple[Outcome, Method]:
    """Solve a decision problem by the method called ``method``, or by ``auto``.

    Raises
    ------
    InputError
        When the method does not apply, or none does; the message says why.
    """
    if method != "auto":
        chosen = by_name(method)
        reason = chosen.applies(decision)
        if reason is not None:
            raise InputError("method", "name", method, f"another method: {reason}")
        return _run(chosen, decision, deadline), chosen
    methods = choose(decision)
    if not methods:
        reasons = "; ".join(f"{m.name}: {m.applies(decision)}" for m in METHODS)
        raise InputError("method", "auto", decision.compiled.game.name, f"a game that a method takes ({reasons})")
    last: tuple[Outcome, Method] | None = None
    for candidate in methods:
        outcome = _run(candidate, decision, deadline)
        if last is None or outcome.end is not End.UNDECIDED:
            last = outcome, candidate
        if outcome.end is not End.UNDECIDED:
            break
    if last is None:
        raise SolverError("no method ran")
    return last


def _run(method: Method, decision: Decision, deadline: Deadline) -> Outcome:
    """Run a method; a solver that gives up leaves the problem undecided.

    Where the time was over before any point was found, the first node of the branch and bound gives one and a bound.
    """
    try:
        outcome = method.run(decision, deadline)
    except SolverError as error:
        outcome = Outcome(End.UNDECIDED, None, np.inf, -np.inf, reason=str(error))
    if outcome.end is End.LIMIT and outcome.v is None and _branch_applies(decision) is None:
        root = _branch(decision, Deadline(0.0))
        if root.end is End.LIMIT and root.v is not None:
            outcome = replace(root, bound=max(root.bound, outcome.bound), provenance=outcome.provenance)
    return replace(outcome, method=method.name)


def confirm(decision: Decision, outcome: Outcome, deadline: Deadline) -> tuple[Outcome, str]:
    """Solve a decision problem a second time by an independent method.

    Returns
    -------
    tuple[Outcome, str]
        The outcome with the weaker bound and the better value of the two, and what the second method said. Where no
        second method comes to an end, the outcome as it was, and why.
    """
    said = []
    for name, method, problem in _others(decision, outcome.method):
        reason = method.applies(problem)
        if reason is not None:
            said.append(f"{name}: {reason}")
            continue
        other = _run(method, problem, deadline.part(0.5))  # what gets stuck leaves something for the next
        if other.end in (End.LIMIT, End.UNDECIDED):
            said.append(f"{name}: {other.reason or 'not proved in the time given'}")
            continue
        value = decision.compiled.told(decision.decider, other.value) if decision.decider else other.value
        told = f"{value + 0.0:.12g}" if np.isfinite(other.value) else str(other.end)
        if other.end is End.INFEASIBLE and outcome.v is not None:
            return replace(outcome, bound=-np.inf), f"by {name}: {told}, which the point found contradicts"
        bound, value = min(outcome.bound, other.bound), min(outcome.value, other.value)
        return replace(outcome, bound=bound, value=value), f"by {name}: {told}"
    return outcome, f"none, no second method comes to an end ({'; '.join(said)})"


def look_again(decision: Decision, outcome: Outcome, deadline: Deadline) -> tuple[Outcome, str]:
    """Let another method confirm that a problem has no point or no end.

    Returns
    -------
    tuple[Outcome, str]
        The outcome and who confirms it. Where another method finds a point of a problem said to have none, or an end
        where there was said to be none, that method's outcome, for the certificate to judge; where two disagree
        otherwise, undecided.
    """
    said = []
    for name, method, problem in _others(decision, outcome.method):
        if problem is not decision:
            continue  # of SCIP, only regrets are asked, which a point stands behind
        reason = method.applies(problem)
        if reason is not None:
            said.append(f"{name}: {reason}")
            continue
        other = _run(method, problem, deadline.part(0.5))
        if other.end is outcome.end:
            return outcome, f"{outcome.end} by {outcome.method}, confirmed by {name}"
        refuted = other.v is not None and (outcome.end is End.INFEASIBLE or other.end is End.OPTIMAL)
        if refuted:
            return other, f"{outcome.end} by {outcome.method}, but {name} has a point"
        if other.end in (End.INFEASIBLE, End.UNBOUNDED):
            return replace(outcome, end=End.UNDECIDED), f"{outcome.end} by {outcome.method}, {other.end} by {name}"
        said.append(f"{name}: {other.reason or 'not proved in the time given'}")
    return outcome, f"{outcome.end} by {outcome.method} alone ({'; '.join(said)})"


def _others(decision: Decision, used: str) -> Iterator[tuple[str, Method, Decision]]:
    """Yield the methods other than the one used; SCIP, which nothing else relies on, comes last."""
    for method in METHODS:
        if method.name not in (used, "lexicographic"):
            yield method.name, method, decision
    if decision.solver == "auto" and scip_is_installed():
        problem = copy.copy(decision)
        problem.solver = "scip"
        for name in ("kkt-sos1", "gurobi-nonconvex"):
            yield f"{name.removeprefix('gurobi-')} (SCIP)", by_name(name), problem
