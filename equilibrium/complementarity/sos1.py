"""The same problem handed to a solver that knows pairs (SOS1) and products itself: Gurobi, and SCIP if installed."""

from __future__ import annotations

import importlib.util
import time
from typing import Any

import gurobipy as gp
import numpy as np
import scipy.sparse as sp
from gurobipy import GRB

from equilibrium.complementarity.branch import End, Outcome
from equilibrium.complementarity.problem import Mpcc
from equilibrium.deadline import Deadline
from equilibrium.errors import InputError, SolverError
from equilibrium.programs.program import FEASIBILITY, GAP, INF
from equilibrium.programs.solvers import ModelTooLargeError
from equilibrium.programs.solvers.choose import GUROBI_LIMIT
from equilibrium.programs.solvers.gurobi import environment, optimise
from equilibrium.programs.solvers.tally import count

SCIP_TOLERANCE = 1e-7
"""Tighter, SCIP asks its linear programs for more than double precision gives; answers are polished anyway."""

SCIP_LARGE = 1e20
"""What SCIP takes as no limit of time."""

LARGE = 1e19
"""What solvers call infinite is at least this."""


def scip_is_installed() -> bool:
    """Whether the optional extra ``equilot[scip]`` is there."""
    return importlib.util.find_spec("pyscipopt") is not None


def too_large(mpcc: Mpcc) -> bool:
    """Whether the problem exceeds Gurobi's free licence."""
    return max(mpcc.instance.shape) > GUROBI_LIMIT


def solve_gurobi(mpcc: Mpcc, deadline: Deadline) -> Outcome:
    """Minimise with Gurobi: pairs as SOS1, products as they are.

    Raises
    ------
    ModelTooLargeError
        When the licence does not cover the problem.
    SolverError
        When Gurobi ends without a verdict.
    """
    model = gp.Model(env=environment())
    model.Params.MIPGap = model.Params.MIPGapAbs = GAP
    model.Params.TimeLimit, model.Params.NodeLimit = deadline.left, deadline.nodes_left
    model.Params.NonConvex, model.Params.IntFeasTol = 2, FEASIBILITY
    model.Params.DualReductions = 0  # so that unbounded is told from infeasible
    base = mpcc.instance
    kinds = np.where(mpcc.integer, GRB.INTEGER, GRB.CONTINUOUS).tolist()
    x = model.addMVar(base.shape[1], lb=base.col_lower, ub=base.col_upper, vtype=kinds)
    _gurobi_rows(model, mpcc, x)
    for a, b in mpcc.pairs.tolist():
        model.addSOS(GRB.SOS_TYPE1, [x[a].item(), x[b].item()], [1.0, 2.0])
    objective = base.cost @ x + mpcc.constant
    if not mpcc.linear:
        objective = objective + 0.5 * (x @ mpcc.hessian @ x)
    model.setObjective(objective)
    seconds = optimise(model)
    ends = {
        GRB.OPTIMAL: End.OPTIMAL,
        GRB.INFEASIBLE: End.INFEASIBLE,
        GRB.UNBOUNDED: End.UNBOUNDED,
        GRB.TIME_LIMIT: End.LIMIT,
        GRB.NODE_LIMIT: End.LIMIT,
        GRB.SUBOPTIMAL: End.UNDECIDED,
    }
    if model.Status not in ends:
        raise SolverError(f"Gurobi ended with status {model.Status}")
    end, nodes = ends[model.Status], int(model.NodeCount)
    deadline.spend(nodes)
    if end is End.INFEASIBLE:
        return Outcome(end, None, INF, INF, nodes, seconds)
    if end is End.UNBOUNDED:
        return Outcome(end, None, -INF, -INF, nodes, seconds)
    if model.SolCount == 0:
        return Outcome(end, None, INF, _proved(float(model.ObjBound)), nodes, seconds)
    v = np.array(x.X)
    return Outcome(end, v, mpcc.value(v), float(model.ObjBound), nodes, seconds)


def _gurobi_rows(model: gp.Model, mpcc: Mpcc, x: gp.MVar) -> None:
    base = mpcc.instance
    crossed = {b.row for b in mpcc.bilinear}
    plain = np.array([r not in crossed for r in range(base.shape[0])], dtype=bool)
    equal = base.row_lower == base.row_upper
    for pick, sense, side in (
        (plain & equal, "=", base.row_lower),
        (plain & ~equal & np.isfinite(base.row_lower), ">", base.row_lower),
        (plain & ~equal & np.isfinite(base.row_upper), "<", base.row_upper),
    ):
        if pick.any():
            model.addMConstr(base.matrix[np.flatnonzero(pick), :], x, sense, side[pick])
    for row in sorted(crossed):
        left = gp.QuadExpr()
        for position in range(base.matrix.indptr[row], base.matrix.indptr[row + 1]):
            left += float(base.matrix.data[position]) * x[int(base.matrix.indices[position])].item()
        for b in mpcc.bilinear:
            if b.row == row:
                left += b.coefficient * x[b.i].item() * x[b.j].item()
        if equal[row]:
            model.addQConstr(left == float(base.row_lower[row]))
        else:
            if np.isfinite(base.row_lower[row]):
                model.addQConstr(left >= float(base.row_lower[row]))
            if np.isfinite(base.row_upper[row]):
                model.addQConstr(left <= float(base.row_upper[row]))


def solve_scip(mpcc: Mpcc, deadline: Deadline) -> Outcome:
    """Minimise with SCIP: pairs as SOS1. Its indicator constraints are avoided, they have returned wrong optima.

    Raises
    ------
    InputError
        When PySCIPOpt is not installed.
    """
    if not scip_is_installed():
        raise InputError("solver", "name", "scip", "PySCIPOpt: pip install 'equilot[scip]'")
    from pyscipopt import Model, quicksum

    model: Any = Model()
    model.hideOutput()
    model.setParam("limits/time", min(deadline.left, SCIP_LARGE))
    model.setParam("limits/totalnodes", -1 if deadline.nodes_left == INF else int(deadline.nodes_left))
    model.setParam("limits/gap", GAP)
    model.setParam("numerics/feastol", SCIP_TOLERANCE)
    base = mpcc.instance

    def column(j: int) -> Any:  # noqa: ANN401 - PySCIPOpt has no types
        low, high = base.col_lower[j], base.col_upper[j]
        kind = "I" if mpcc.integer[j] else "C"
        return model.addVar(
            f"v{j}", kind, lb=None if low == -INF else float(low), ub=None if high == INF else float(high)
        )

    x = [column(j) for j in range(base.shape[1])]
    terms: list[list[Any]] = [[] for _ in range(base.shape[0])]
    entries = sp.coo_array(base.matrix)
    for r, j, value in zip(entries.row, entries.col, entries.data, strict=True):
        terms[r].append(float(value) * x[j])
    for b in mpcc.bilinear:
        terms[b.row].append(b.coefficient * x[b.i] * x[b.j])
    for r, parts in enumerate(terms):
        _scip_row(model, quicksum(parts) if parts else 0.0 * x[0], float(base.row_lower[r]), float(base.row_upper[r]))
    for a, b in mpcc.pairs.tolist():
        model.addConsSOS1([x[a], x[b]], [1, 2])
    goal = quicksum(float(base.cost[j]) * x[j] for j in np.flatnonzero(base.cost)) + mpcc.constant
    if not mpcc.linear:
        quadratic = sp.coo_array(mpcc.hessian)
        level = model.addVar("level", lb=None)
        square = quicksum(
            0.5 * float(q) * x[i] * x[j] for i, j, q in zip(quadratic.row, quadratic.col, quadratic.data, strict=True)
        )
        model.addCons(square <= level)
        goal = goal + level
    model.setObjective(goal, "minimize")
    outcome = _scip_outcome(model, mpcc, x)
    deadline.spend(outcome.nodes)
    return outcome


def _scip_row(model: Any, left: Any, low: float, high: float) -> None:  # noqa: ANN401
    if low == high:
        model.addCons(left == low)
        return
    if low > -INF:
        model.addCons(left >= low)
    if high < INF:
        model.addCons(left <= high)


def _scip_outcome(model: Any, mpcc: Mpcc, x: list[Any]) -> Outcome:  # noqa: ANN401
    start = time.perf_counter()
    model.optimize()
    count(f"SCIP {model.version():.3g}")
    seconds, status, nodes = time.perf_counter() - start, model.getStatus(), int(model.getNNodes())
    if status == "infeasible":
        return Outcome(End.INFEASIBLE, None, INF, INF, nodes, seconds)
    if status in ("unbounded", "inforunbd"):
        return Outcome(End.UNBOUNDED, None, -INF, -INF, nodes, seconds)
    end = End.OPTIMAL if status in ("optimal", "gaplimit") else End.LIMIT
    if model.getNSols() == 0:
        return Outcome(End.LIMIT, None, INF, _proved(float(model.getDualbound())), nodes, seconds)
    v = np.array([float(model.getVal(column)) for column in x])
    return Outcome(end, v, mpcc.value(v), float(model.getDualbound()), nodes, seconds)


def _proved(bound: float) -> float:
    """Return a bound that a search without a point has proved; minus infinity where that is a solver's large number."""
    return bound if abs(bound) < LARGE else -INF


__all__ = ["ModelTooLargeError", "scip_is_installed", "solve_gurobi", "solve_scip", "too_large"]
