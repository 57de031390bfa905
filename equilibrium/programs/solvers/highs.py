"""HiGHS, embedded and always there: the default solver."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

import highspy
import numpy as np
import scipy.sparse as sp

from equilibrium.arrays import FloatArray, IntArray
from equilibrium.errors import SolverError
from equilibrium.programs.program import FEASIBILITY, INF, Instance
from equilibrium.programs.solvers.base import MixedSolution, Solution, Status
from equilibrium.programs.solvers.farkas import least_violation
from equilibrium.programs.solvers.tally import count
from equilibrium.programs.solvers.threads import InThread

QUADRATIC_SECONDS = 5.0
"""Time after which a quadratic program is given up."""

INTERRUPTIBLE = 20_000
"""Entries of a matrix from which on Ctrl-C is heard during a solve; smaller models take no second."""

_DEVEX = 1
"""Edge weights that need no start: steepest-edge ones are made anew from every basis, which takes longer than a few
steps; of HiGHS' option ``simplex_dual_edge_weight_strategy``."""

_AS_THEY_ARE = 0.0
"""Costs are not perturbed; of HiGHS' option ``dual_simplex_cost_perturbation_multiplier``."""

_PRIMAL = 4
"""The primal simplex method, of HiGHS' option ``simplex_strategy``."""

_STATUS = {
    highspy.HighsModelStatus.kOptimal: Status.OPTIMAL,
    highspy.HighsModelStatus.kInfeasible: Status.INFEASIBLE,
    highspy.HighsModelStatus.kUnbounded: Status.UNBOUNDED,
    highspy.HighsModelStatus.kTimeLimit: Status.LIMIT,
    highspy.HighsModelStatus.kSolutionLimit: Status.LIMIT,  # of nodes
    highspy.HighsModelStatus.kModelEmpty: Status.OPTIMAL,
}


class _QuietHighs(highspy.Highs):  # type: ignore[misc]  # its types are not read
    """HiGHS without callbacks: from version 1.16 on, making room for them prints a banner before it can be silenced."""

    def __init__(self) -> None:
        super(highspy.Highs, self).__init__()
        self.setOptionValue("output_flag", False)


def new_solver() -> highspy.Highs:
    """Return a silent HiGHS on one thread, with the tolerances of this package."""
    solver = _QuietHighs()
    solver.setOptionValue("threads", 1)
    solver.setOptionValue("primal_feasibility_tolerance", FEASIBILITY)
    solver.setOptionValue("dual_feasibility_tolerance", FEASIBILITY)
    return solver


def _model(instance: Instance) -> highspy.HighsLp:
    rows, columns = instance.shape
    model = highspy.HighsLp()
    model.num_row_, model.num_col_ = rows, columns
    model.col_cost_, model.col_lower_, model.col_upper_ = instance.cost, instance.col_lower, instance.col_upper
    model.row_lower_, model.row_upper_ = instance.row_lower, instance.row_upper
    model.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    model.a_matrix_.start_ = instance.matrix.indptr
    model.a_matrix_.index_ = instance.matrix.indices
    model.a_matrix_.value_ = instance.matrix.data
    return model


def _run(solver: highspy.Highs, entries: int) -> None:
    """Run a solver so that Ctrl-C is heard while a large model is being solved.

    A large model runs in a second thread, and the main one waits.
    """
    if entries < INTERRUPTIBLE or threading.current_thread() is not threading.main_thread():
        solver.run()
    else:
        InThread(solver.run).answer()


def _load(solver: highspy.Highs, model: highspy.HighsLp) -> None:
    """Hand a model over.

    Raises
    ------
    SolverError
        When HiGHS rejects it, for a bound or cost that it takes for infinite on the wrong side.
    """
    if solver.passModel(model) == highspy.HighsStatus.kError:
        raise SolverError("HiGHS rejects a model: a number in it is infinite where it may not be")


class HighsHandle:
    """A linear program kept in HiGHS; see :class:`equilibrium.programs.solvers.base.Handle`."""

    name = f"HiGHS {_QuietHighs().version()}"

    def __init__(self, instance: Instance, *, restored: bool = False, perturbed: bool = True) -> None:
        self._solver = new_solver()
        if restored:
            self._solver.setOptionValue("simplex_dual_edge_weight_strategy", _DEVEX)
        if not perturbed:
            self._solver.setOptionValue("dual_simplex_cost_perturbation_multiplier", _AS_THEY_ARE)
        _load(self._solver, _model(instance))
        self._parts = [instance.matrix]
        # Copies: the caller may go on to change its arrays in place.
        self._cost = instance.cost.copy()
        self._columns = instance.col_lower.copy(), instance.col_upper.copy()
        self._rows = instance.row_lower.copy(), instance.row_upper.copy()

    def update(self, instance: Instance) -> None:
        """Take costs and bounds."""
        new = np.flatnonzero(instance.cost != self._cost).astype(np.int32)
        if new.size:
            self._cost[new] = instance.cost[new]
            self._solver.changeColsCost(new.size, new, self._cost[new])
        self.hold(instance.col_lower, instance.col_upper)
        self._take(self._solver.changeRowsBounds, self._rows, instance.row_lower, instance.row_upper)

    def hold(self, lower: FloatArray, upper: FloatArray) -> None:
        """Take bounds of the columns alone."""
        self._take(self._solver.changeColsBounds, self._columns, lower, upper)

    @staticmethod
    def _take(
        change: Callable[[int, np.ndarray, FloatArray, FloatArray], object],
        held: tuple[FloatArray, FloatArray],
        lower: FloatArray,
        upper: FloatArray,
    ) -> None:
        """Tell the solver those bounds that differ from the held ones."""
        new = np.flatnonzero((lower != held[0]) | (upper != held[1])).astype(np.int32)
        if new.size:
            held[0][new], held[1][new] = lower[new], upper[new]
            change(new.size, new, held[0][new], held[1][new])

    def add_rows(self, matrix: sp.csr_array, lower: FloatArray, upper: FloatArray) -> None:
        """Append rows."""
        starts, index = matrix.indptr[:-1].astype(np.int32), matrix.indices.astype(np.int32)
        self._solver.addRows(matrix.shape[0], lower, upper, matrix.nnz, starts, index, matrix.data)
        self._parts.append(matrix)
        self._rows = np.concatenate([self._rows[0], lower]), np.concatenate([self._rows[1], upper])

    def drop_rows(self, keep: int) -> None:
        """Delete all rows but the first ``keep``."""
        count = self._rows[0].size
        if keep < count:
            self._solver.deleteRows(count - keep, np.arange(keep, count, dtype=np.int32))
            self._rows = self._rows[0][:keep].copy(), self._rows[1][:keep].copy()
            while count - self._parts[-1].shape[0] >= keep and len(self._parts) > 1:
                count -= self._parts.pop().shape[0]
            if count > keep:
                self._parts = [self._matrix()[:keep, :]]

    def _matrix(self) -> sp.csr_array:
        """Return the matrix that the solver holds."""
        if len(self._parts) > 1:
            self._parts = [sp.csr_array(sp.vstack(self._parts, format="csr"))]
        return self._parts[0]

    def solve(self, *, multipliers: bool = True) -> Solution:
        """Solve, warm if there is a basis."""
        seconds, status = self._run()
        if status not in _STATUS:
            # A stale basis can leave the simplex without a verdict: once more from nothing.
            self._solver.clearSolver()
            again, status = self._run()
            seconds += again
        if status not in _STATUS:
            # The dual simplex can end with rows that its clean-up cannot meet: the primal one from nothing.
            again, status = self._otherwise("simplex_strategy", _PRIMAL)
            seconds += again
        if status == highspy.HighsModelStatus.kInfeasible and not self._proved_infeasible():
            again, status = self._unscaled()
            seconds += again
        if status not in _STATUS:
            raise SolverError(f"HiGHS ended with {self._solver.modelStatusToString(status)}")
        solution = self._solver.getSolution()
        # Of a list: to name the type halves the time.
        x = np.array(solution.col_value, dtype=np.float64)
        y = np.array(solution.row_dual, dtype=np.float64) if multipliers else np.zeros(0)
        return Solution(_STATUS[status], x, y, seconds)

    def _run(self) -> tuple[float, highspy.HighsModelStatus]:
        start = time.perf_counter()
        _run(self._solver, sum(part.nnz for part in self._parts))
        count(self.name)
        return time.perf_counter() - start, self._solver.getModelStatus()

    def _proved_infeasible(self) -> bool:
        """Tell whether the solver's dual ray proves that every point violates something by more than the tolerance."""
        _, there, ray = self._solver.getDualRay()
        return there and least_violation(self._matrix(), self._rows, self._columns, np.array(ray)) > FEASIBILITY

    def _unscaled(self) -> tuple[float, highspy.HighsModelStatus]:
        """Solve once more without the solver's own scaling."""
        return self._otherwise("simplex_scale_strategy", 0)

    def _otherwise(self, option: str, value: int) -> tuple[float, highspy.HighsModelStatus]:
        """Solve once more from nothing with another setting: one setting's word for what rounding decides is none."""
        self._solver.clearSolver()
        _, usual = self._solver.getOptionValue(option)
        self._solver.setOptionValue(option, value)
        answer = self._run()
        self._solver.setOptionValue(option, usual)
        return answer

    def basis(self) -> object:
        """Return the current basis."""
        return self._solver.getBasis()

    def sides(self) -> tuple[IntArray, IntArray]:
        """Return where the current basis holds columns and rows: -1 at the lower limit, 1 at the upper one, 0 basic.

        A free column outside the basis, at zero, counts as held at its lower limit.
        """
        basis = self._solver.getBasis()
        return _sides(basis.col_status), _sides(basis.row_status)

    def restore(self, basis: object) -> None:
        """Start the next solve from ``basis``."""
        self._solver.clearSolver()  # a basis alone leaves edge weights behind, and with them the past
        self._solver.setBasis(basis)


def _sides(status: Sequence[highspy.HighsBasisStatus]) -> IntArray:
    held = {highspy.HighsBasisStatus.kBasic: 0, highspy.HighsBasisStatus.kUpper: 1}
    return np.array([held.get(each, -1) for each in status], dtype=np.int64)


def solve_mixed_highs(
    instance: Instance,
    integer: np.ndarray,
    gap: float,
    time_limit_s: float,
    node_limit: float = INF,
    presolve: bool = False,
    feasibility: float = FEASIBILITY,
) -> MixedSolution:
    """Solve a mixed-integer program with one setting of HiGHS, unconfirmed.

    Arguments as in :func:`equilibrium.programs.solvers.solve_mixed`; ``feasibility`` is the tolerance of rows and
    integers.
    """
    solver = new_solver()
    solver.setOptionValue("primal_feasibility_tolerance", feasibility)
    solver.setOptionValue("mip_rel_gap", gap)
    solver.setOptionValue("mip_abs_gap", gap)
    solver.setOptionValue("mip_feasibility_tolerance", feasibility)
    # With presolve, HiGHS 1.15.1 reports wrong optima of complementarity programs (tests/equilibrium/test_paper_milp.py
    # holds one: 71.96 in place of 68.91, with a closed gap). Without it, it agrees with Gurobi.
    solver.setOptionValue("presolve", "on" if presolve else "off")
    solver.setOptionValue("time_limit", time_limit_s)
    solver.setOptionValue("mip_max_nodes", int(min(node_limit, highspy.kHighsIInf)))
    model = _model(instance)
    kinds = (highspy.HighsVarType.kContinuous, highspy.HighsVarType.kInteger)
    model.integrality_ = [kinds[int(flag)] for flag in integer]
    _load(solver, model)
    start = time.perf_counter()
    _run(solver, INTERRUPTIBLE)
    count(HighsHandle.name)
    if solver.getModelStatus() == highspy.HighsModelStatus.kUnboundedOrInfeasible:
        solver.setOptionValue("presolve", "off")  # presolve alone cannot tell which
        _run(solver, INTERRUPTIBLE)
    seconds = time.perf_counter() - start
    status = solver.getModelStatus()
    if status not in _STATUS:
        raise SolverError(f"HiGHS ended with {solver.modelStatusToString(status)}")
    info = solver.getInfo()
    x = np.array(solver.getSolution().col_value)
    bound = float(info.mip_dual_bound)
    if not np.any(integer):  # a plain linear program: HiGHS leaves the bound of its branch and bound at zero
        bound = float(info.objective_function_value) if _STATUS[status] is Status.OPTIMAL else -np.inf
    nodes = max(0, int(info.mip_node_count))
    return MixedSolution(_STATUS[status], x, float(info.objective_function_value), bound, seconds, nodes)


def solve_quadratic_highs(instance: Instance, hessian: sp.csr_array, *, definite: bool = False) -> Solution:
    """Minimise ``cost'x + x'hessian x / 2`` for a positive semidefinite ``hessian`` (symmetric, all entries).

    ``definite`` says that it is positive definite: HiGHS adds nothing to it, no clock ends it, and a point that misses
    its tolerance is returned all the same, for a caller who measures it.

    Raises
    ------
    SolverError
        When HiGHS ends without a verdict: its active-set method sometimes does, even on small programs.
    """
    solver = new_solver()
    # Its active-set method can cycle for ever on degenerate programs; whoever asks has another way then.
    solver.setOptionValue("qp_iteration_limit", 200 + (4 if definite else 20) * sum(instance.shape))
    if definite:
        solver.setOptionValue("qp_regularization_value", 0.0)
    else:
        solver.setOptionValue("time_limit", QUADRATIC_SECONDS)
    _load(solver, _model(instance))
    lower = sp.csc_array(sp.tril(hessian))
    lower.sort_indices()
    quadratic = highspy.HighsHessian()
    quadratic.dim_, quadratic.format_ = instance.shape[1], highspy.HessianFormat.kTriangular
    quadratic.start_, quadratic.index_, quadratic.value_ = lower.indptr, lower.indices, lower.data
    if solver.passHessian(quadratic) == highspy.HighsStatus.kError:
        raise SolverError("HiGHS refuses the quadratic objective")
    start = time.perf_counter()
    solver.run()
    count(HighsHandle.name)
    seconds = time.perf_counter() - start
    status = solver.getModelStatus()
    if definite and status == highspy.HighsModelStatus.kSolveError:
        status = highspy.HighsModelStatus.kOptimal
    if status not in _STATUS:
        raise SolverError(f"HiGHS ended with {solver.modelStatusToString(status)}")
    solution = solver.getSolution()
    return Solution(_STATUS[status], np.array(solution.col_value), np.array(solution.row_dual), seconds)
