"""Gurobi, used on request; its free licence stops at 2,000 columns and 2,000 rows."""

from __future__ import annotations

import functools
import time
from typing import cast

import gurobipy as gp
import numpy as np
import scipy.sparse as sp
from gurobipy import GRB

from equilibrium.arrays import FloatArray
from equilibrium.errors import SolverError
from equilibrium.programs.program import FEASIBILITY, INF, Instance
from equilibrium.programs.solvers.base import MixedSolution, ModelTooLargeError, Solution, Status
from equilibrium.programs.solvers.tally import count

_TOO_LARGE = 10010
_STATUS = {
    GRB.OPTIMAL: Status.OPTIMAL,
    GRB.INFEASIBLE: Status.INFEASIBLE,
    GRB.UNBOUNDED: Status.UNBOUNDED,
    GRB.TIME_LIMIT: Status.LIMIT,
    GRB.NODE_LIMIT: Status.LIMIT,
}


@functools.cache
def environment() -> gp.Env:
    """Return the one silent, single-threaded environment of this process."""
    try:
        tolerances = {"FeasibilityTol": FEASIBILITY, "OptimalityTol": FEASIBILITY}
        return gp.Env(params={"OutputFlag": 0, "Threads": 1, **tolerances})
    except gp.GurobiError as error:
        raise SolverError(f"Gurobi cannot start: {error}") from error


def optimise(model: gp.Model) -> float:
    """Solve ``model``; return the seconds, and raise our own errors instead of Gurobi's."""
    start = time.perf_counter()
    try:
        model.optimize()
    except gp.GurobiError as error:
        if error.errno == _TOO_LARGE:
            raise ModelTooLargeError(str(error)) from error
        raise SolverError(f"Gurobi: {error}") from error
    count(GurobiHandle.name)
    return time.perf_counter() - start


def _status(model: gp.Model) -> Status:
    if model.Status not in _STATUS:
        raise SolverError(f"Gurobi ended with status {model.Status}")
    return _STATUS[model.Status]


class GurobiHandle:
    """A linear program kept in Gurobi; see :class:`equilibrium.programs.solvers.base.Handle`.

    Gurobi's rows have one side. A row that may hold on either side is stated as ``a'x - s = 0`` with the two
    bounds on the column ``s``; any other row changes its sense when its bounds do.
    """

    name = "Gurobi " + ".".join(map(str, gp.gurobi.version()))

    def __init__(self, instance: Instance) -> None:
        self._model = gp.Model(env=environment())
        # Without presolve an infeasible model is told from an unbounded one, and warm starts keep their meaning.
        self._model.Params.Presolve = 0
        self._x = self._model.addMVar(instance.shape[1], lb=-INF)
        self._rows: list[gp.Constr] = []
        self._slack: dict[int, gp.Var] = {}
        self.add_rows(instance.matrix, instance.row_lower, instance.row_upper)
        self.update(instance)

    def add_rows(self, matrix: sp.csr_array, lower: FloatArray, upper: FloatArray) -> None:
        """Append rows."""
        first = len(self._rows)
        rows = self._model.addMConstr(matrix, self._x, "=", np.zeros(matrix.shape[0]))
        self._rows += rows.tolist()
        self._model.update()
        for k in np.flatnonzero(np.isfinite(lower) & np.isfinite(upper) & (lower < upper)):
            column = gp.Column([-1.0], [self._rows[first + int(k)]])
            self._slack[first + int(k)] = self._model.addVar(lb=-INF, column=column)
        self._set_rows(first, lower, upper)

    def drop_rows(self, keep: int) -> None:
        """Delete all rows but the first ``keep``."""
        self._model.remove(self._rows[keep:])
        self._model.remove([self._slack.pop(k) for k in list(self._slack) if k >= keep])
        del self._rows[keep:]

    def update(self, instance: Instance) -> None:
        """Take costs and bounds."""
        self._x.setAttr("Obj", instance.cost)
        self.hold(instance.col_lower, instance.col_upper)
        self._set_rows(0, instance.row_lower, instance.row_upper)

    def hold(self, lower: FloatArray, upper: FloatArray) -> None:
        """Take bounds of the columns alone."""
        self._x.setAttr("LB", lower)
        self._x.setAttr("UB", upper)

    def _set_rows(self, first: int, lower: FloatArray, upper: FloatArray) -> None:
        rows = self._rows[first : first + lower.size]
        senses, sides = [], []
        for k, (low, high) in enumerate(zip(lower.tolist(), upper.tolist(), strict=True), start=first):
            slack = self._slack.get(k)
            if slack is not None:
                slack.LB, slack.UB = low, high
            elif low != high and low > -INF and high < INF:
                raise SolverError("Gurobi: a one-sided row cannot become a range")
            one_sided = slack is None and low != high
            senses.append((">" if low > -INF else "<") if one_sided else "=")
            # A row without any finite side holds nothing: a huge right-hand side is Gurobi's own infinity.
            sides.append(0.0 if slack is not None else low if low > -INF else min(high, GRB.INFINITY))
        self._model.setAttr("Sense", rows, senses)
        self._model.setAttr("RHS", rows, sides)

    def solve(self, *, multipliers: bool = True) -> Solution:
        """Solve, warm if there is a basis."""
        seconds = optimise(self._model)
        status = _status(self._model)
        if status is not Status.OPTIMAL:
            return Solution(status, np.zeros(0), np.zeros(0), seconds)
        y = np.array(self._model.getAttr("Pi", self._rows)) if multipliers else np.zeros(0)
        return Solution(status, np.array(self._x.X), y, seconds)

    def basis(self) -> object:
        """Return the current basis."""
        return self._model.getAttr("VBasis", self._model.getVars()), self._model.getAttr("CBasis", self._rows)

    def restore(self, basis: object) -> None:
        """Start the next solve from ``basis``."""
        columns, rows = cast("tuple[list[int], list[int]]", basis)
        self._model.update()
        self._model.setAttr("VBasis", self._model.getVars(), columns)
        self._model.setAttr("CBasis", self._rows, rows)


def solve_mixed_gurobi(
    instance: Instance, integer: np.ndarray, gap: float, time_limit_s: float, node_limit: float = INF
) -> MixedSolution:
    """Solve a mixed-integer program with Gurobi; arguments as in :func:`equilibrium.programs.solvers.solve_mixed`."""
    model = gp.Model(env=environment())
    model.Params.MIPGap, model.Params.MIPGapAbs, model.Params.TimeLimit = gap, gap, time_limit_s
    model.Params.NodeLimit, model.Params.IntFeasTol = node_limit, FEASIBILITY
    model.Params.DualReductions = 0  # so that unbounded is told from infeasible
    kinds = np.where(integer, GRB.INTEGER, GRB.CONTINUOUS)
    x = model.addMVar(
        instance.shape[1], lb=instance.col_lower, ub=instance.col_upper, obj=instance.cost, vtype=kinds.tolist()
    )
    equal = instance.row_lower == instance.row_upper
    for pick, sense, side in (
        (equal, "=", instance.row_lower),
        (~equal & np.isfinite(instance.row_lower), ">", instance.row_lower),
        (~equal & np.isfinite(instance.row_upper), "<", instance.row_upper),
    ):
        model.addMConstr(instance.matrix[pick, :], x, sense, side[pick])
    seconds = optimise(model)
    status, nodes = _status(model), int(model.NodeCount)
    if model.SolCount == 0:
        return MixedSolution(status, np.zeros(0), INF, -INF, seconds, nodes)
    return MixedSolution(status, np.array(x.X), float(model.ObjVal), float(model.ObjBound), seconds, nodes)
