"""The independent second method: a lot's best deviation as a program over the DSO's optimality conditions.

With its rivals' powers fixed, the DSO's program is ``min c'y : lower <= Y y + P p <= upper`` in the dispatch y and the
lot's own powers p, with multipliers mu per row. The lot that pays the DLMP ``z = -P' mu`` it causes maximises
``F'p - z'p``. Strong duality makes the payment linear,

    z'p = c'y - (dual objective without the share of p),

so :func:`deviation_program` is linear but for the complementarity of multipliers and slacks: the literature's MPEC,
with pairs in the place of big-M. :func:`best_deviation` states it on the DSO as the lot sees it
(:mod:`equilibrium.markets.nodal.reaction`) and solves it to global optimality.

Where hours fall apart, the rows of every hour are proved to be enough. No residual curve, vertex or best-response
search of the first method is used; what is shared is the data and the elimination of flows and voltages
(:mod:`equilibrium.programs.hourly.periods`), and the residuals of the published point are computed without that.

Where hours are joined, every row that can bind stands (:mod:`equilibrium.programs.screening`), columns' bounds
included, in one program of powers, dispatches and multipliers. The first method splits the same conditions into two
programs and searches in a way of its own (:mod:`equilibrium.markets.nodal.joined.response`); no part of that is used
here.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp

from equilibrium.arrays import FloatArray
from equilibrium.certificate import EPSILON_REGRET, EXACT_REGRET, SecondMethod
from equilibrium.complementarity.branch import End, Outcome, minimise_mpcc
from equilibrium.complementarity.problem import Mpcc
from equilibrium.complementarity.sos1 import scip_is_installed, solve_gurobi, solve_scip, too_large
from equilibrium.deadline import Deadline
from equilibrium.errors import SolverError
from equilibrium.markets.charging.splitting import MAXIMUM_CUT_ROUNDS
from equilibrium.markets.nodal.players import Players
from equilibrium.markets.nodal.reaction import React, Reaction
from equilibrium.markets.nodal.relaxation import FeasiblePowers
from equilibrium.programs.program import INF, ProgramBuilder

NODE_LIMIT = 20_000
"""Branch-and-bound nodes for one lot's deviation."""

TIME_LIMIT_S = 60.0
"""Seconds for one lot's deviation, unless told otherwise: the last guard where nodes take long."""

METHODS = {
    "scip": "KKT conditions with SOS1 in SCIP",
    "gurobi": "KKT conditions with SOS1 in Gurobi",
    "branch": "KKT conditions with complementarity branch and bound",
}


def deviation_program(
    reaction: Reaction, price: FloatArray, own: FeasiblePowers, low: FloatArray | None = None
) -> Mpcc:
    """State a lot's best deviation: its powers are the first columns, the value is payment less revenue (to minimise).

    Parameters
    ----------
    reaction
        The DSO.
    price
        What a unit of power earns, currency: F_t times the length of the period, shape ``(hours,)``.
    own
        The lot's own feasible set; what power above its subscription costs is part of the payment.
    low
        Smallest powers, 0 by default, shape ``(hours,)``.
    """
    f, build, hours = reaction, ProgramBuilder(), price.size
    lowest = np.zeros(hours) if low is None else low
    p = build.columns("power", (hours,), lower=lowest, upper=own.power_max_kw, cost=-price)
    y = build.columns("dispatch", f.cost.shape, lower=-INF, cost=f.cost)
    build.block(build.rows("own", own.lower.shape, lower=own.lower, upper=own.upper), p, own.matrix)
    if own.subscription is not None:
        above = build.columns("above", (hours,), cost=own.subscription.charge * own.length_h)
        rows = build.rows("subscription", (hours,), upper=own.subscription.power_kw)
        build.coefficients(rows, p, 1.0)
        build.coefficients(rows, above, -1.0)
    stationary = build.rows("stationary", f.cost.shape, lower=f.cost, upper=f.cost)
    equal = f.lower == f.upper
    held = np.flatnonzero(equal)
    rows = build.rows("held", held.shape, lower=f.lower[held], upper=f.lower[held])
    build.block(rows, y, f.y_matrix[held, :])
    build.block(rows, p, f.p_matrix[held, :])
    mu = build.columns("mu_held", held.shape, lower=f.mu_low[held], upper=f.mu_high[held], cost=-f.lower[held])
    build.block(stationary, mu, f.y_matrix[held, :].T)
    pairs = []
    for name, sign, side, most in (("lower", 1.0, f.lower, f.mu_high), ("upper", -1.0, f.upper, -f.mu_low)):
        pick = np.flatnonzero(~equal & np.isfinite(side) & (most > 0.0))
        limit = sign * side[pick]
        mu = build.columns(f"mu_{name}", pick.shape, upper=most[pick], cost=-limit)
        slack = build.columns(f"slack_{name}", pick.shape)
        rows = build.rows(name, pick.shape, lower=limit, upper=limit)
        build.block(rows, y, sign * f.y_matrix[pick, :])
        build.block(rows, p, sign * f.p_matrix[pick, :])
        build.coefficients(rows, slack, -1.0)
        build.block(stationary, mu, sign * f.y_matrix[pick, :].T)
        pairs.append(np.column_stack([mu, slack]))
    instance = build.compile().bind({})
    count = instance.shape[1]
    return Mpcc(
        instance=instance,
        constant=0.0,
        hessian=sp.csr_array((count, count)),
        pairs=np.concatenate(pairs),
        integer=np.zeros(count, dtype=bool),
        bilinear=(),
        identities=(),
        multipliers={},
    )


@dataclass(frozen=True, eq=False)
class Deviation:
    """A lot's best deviation.

    Attributes
    ----------
    power_kw
        The schedule found, shape ``(hours,)``; empty if none was.
    profit, bound
        What it earns, and the proven upper bound on what any deviation earns, currency; infinite where nothing is
        proved.
    finished
        False when the time limit ended the search.
    method
        One of :data:`METHODS`.
    pairs, nodes, seconds
        Complementarity pairs, nodes of the search, and wall time with the proof of the rows.
    endless
        True where the search ended and nothing bounds the profit: at some of the lot's powers a price has no lower end.
    """

    power_kw: FloatArray
    profit: float
    bound: float
    finished: bool
    method: str
    pairs: int
    nodes: int
    seconds: float
    endless: bool = False


def best_deviation(
    react: React,
    lot: int,
    price: FloatArray,
    own: FeasiblePowers,
    deadline: Deadline,
    *,
    solver: str = "auto",
) -> Deviation:
    """Solve a lot's best deviation to global optimality by the DSO's optimality conditions.

    Parameters
    ----------
    react
        The DSO at some powers of the rivals.
    lot
        Who deviates.
    price
        F_t, currency/kWh, shape ``(hours,)``.
    own
        The lot's own feasible set.
    deadline
        When the bound proved so far is returned.
    solver
        ``"scip"``, ``"gurobi"`` or ``"branch"``; ``"auto"`` takes SCIP if it is installed, else Gurobi if its licence
        covers the program, else the project's own branch and bound.
    """
    begin = time.perf_counter()
    seen = react(lot, own.power_max_kw, deadline)
    if seen is None:
        return Deviation(np.zeros(0), -INF, INF, False, "KKT conditions", 0, 0, time.perf_counter() - begin)
    reaction, low, high = seen
    mpcc = deviation_program(reaction, own.length_h * price, replace(own, power_max_kw=high), low)
    outcome, name = solve_pairs(mpcc, solver, deadline)
    proved = outcome.v is not None or outcome.end is End.LIMIT  # a lot that has a schedule has a best one
    profit = -INF if outcome.v is None else -outcome.value
    return Deviation(
        power_kw=np.zeros(0) if outcome.v is None else outcome.v[: price.size],
        profit=profit,
        bound=max(-outcome.bound, profit) if proved else INF,
        finished=outcome.end is End.OPTIMAL,
        method=name,
        pairs=mpcc.pairs.shape[0],
        nodes=outcome.nodes,
        seconds=time.perf_counter() - begin,
        endless=outcome.end is End.UNBOUNDED,
    )


def solve_pairs(mpcc: Mpcc, solver: str, deadline: Deadline) -> tuple[Outcome, str]:
    """Minimise with one of :data:`METHODS`, or the first that can (``"auto"``); return the outcome and its name."""
    if solver == "auto":
        solver = "scip" if scip_is_installed() else "branch" if too_large(mpcc) else "gurobi"
    solve = {"scip": solve_scip, "gurobi": solve_gurobi, "branch": minimise_mpcc}[solver]
    return solve(mpcc, deadline), METHODS[solver]


def confirm(
    react: React,
    players: Players,
    lots: Sequence[int],
    profit: FloatArray,
    first: FloatArray,
    time_limit_s: float = TIME_LIMIT_S,
) -> SecondMethod:
    """Solve the best deviations of some lots a second time.

    Parameters
    ----------
    react
        The DSO at the point.
    players
        The lots' own sets; cuts that keep schedules splittable among vehicles are added to them.
    lots
        The strategic lots.
    profit
        Profit of every lot at the published prices, currency, shape ``(lots,)``.
    first
        The first method's bound on every lot's best deviation, currency, shape ``(lots,)``.
    time_limit_s
        For each lot.
    """
    found: list[Deviation] = []
    notes: list[str] = []
    for lot in lots:
        try:
            answer = _splittable(react, players, lot, float(profit[lot]), Deadline(time_limit_s, NODE_LIMIT))
        except SolverError as error:
            answer = Deviation(np.zeros(0), -INF, INF, False, "KKT conditions", 0, 0, 0.0)
            notes.append(f"{players.name(lot)}: the second method failed: {error}")
        else:
            note = _doubt(answer, float(profit[lot]), float(first[lot]), time_limit_s)
            notes += [f"{players.name(lot)}: the second method {note}"] if note else []
        found.append(answer)
    return SecondMethod(
        method=", ".join(dict.fromkeys(answer.method for answer in found)),
        lots=tuple(lots),
        bound=tuple(answer.bound for answer in found),
        gap=max((_gap(answer) for answer in found), default=0.0),
        finished=all(answer.finished for answer in found),
        seconds=sum(answer.seconds for answer in found),
        notes=tuple(notes),
    )


def _doubt(answer: Deviation, profit: float, first: float, time_limit_s: float) -> str:
    """Return what a second answer leaves open or denies, nothing if it confirms the first method's bound."""
    if answer.endless:
        return "finds no bound on profits: at some powers of the lot a price has no lower end"
    if not answer.finished:
        regret = max(answer.bound - profit, 0.0)
        return f"did not finish in {time_limit_s:g} s and {NODE_LIMIT} nodes; the regret that it proves is {regret:.6g}"
    if answer.bound - first > EPSILON_REGRET * max(1.0, abs(profit)):
        return f"finds a deviation that earns {answer.bound - first:.6g} more than the first method's bound"
    return ""


def _splittable(react: React, players: Players, lot: int, profit: float, deadline: Deadline) -> Deviation:
    """Solve a lot's deviation until its vehicles can take the answer, or nothing is left to gain.

    Before that an answer is an upper bound all the same, so the least of them counts.
    """
    begin, price, least = time.perf_counter(), players.price[:, lot], INF
    nothing = profit + EXACT_REGRET * max(1.0, abs(profit))
    for _ in range(MAXIMUM_CUT_ROUNDS):
        answer = best_deviation(react, lot, price, players.own(lot), deadline)
        least = min(least, answer.bound)
        if not answer.finished or least <= nothing or not players.cut(lot, answer.power_kw, price):
            done = answer.finished or least <= nothing
            return replace(answer, bound=least, finished=done, seconds=time.perf_counter() - begin)
    raise SolverError(f"a deviation could not be split among the vehicles after {MAXIMUM_CUT_ROUNDS} cuts")


def _gap(answer: Deviation) -> float:
    """Return the gap between a bound and the schedule that was found, relative to ``1 + |profit|``."""
    if not np.isfinite(answer.bound) or not np.isfinite(answer.profit):
        return INF
    return max(answer.bound - answer.profit, 0.0) / (1.0 + abs(answer.profit))
