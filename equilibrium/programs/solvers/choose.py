"""Which solver takes a model, and what happens when it may not."""

from __future__ import annotations

import functools
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import numpy as np

from equilibrium.errors import InputError, SolverError
from equilibrium.programs.program import FEASIBILITY, GAP, INF, Instance
from equilibrium.programs.solvers.base import Handle, MixedSolution, ModelTooLargeError, Solution, Status
from equilibrium.programs.solvers.confirm import Opinion, Panel, confirmed
from equilibrium.programs.solvers.highs import HighsHandle, solve_mixed_highs

SOLVERS = ("auto", "highs", "gurobi")
"""Accepted names. ``auto`` is HiGHS: it warm-starts as fast, needs no licence and gives the same digits anywhere."""

LOOSER = 1e-7
"""Tolerance of the second setting: at 1e-9 without presolve HiGHS 1.16 has called feasible programs infeasible."""

GUROBI_LIMIT = 2000
"""Columns and rows that Gurobi's free licence takes."""

_AUTO: ContextVar[str] = ContextVar("solver that auto stands for", default="highs")

_log = logging.getLogger(__name__)


def check_solver(name: str) -> str:
    """Return ``name`` if it is a known solver, else raise :class:`equilibrium.errors.InputError`."""
    if name not in SOLVERS:
        raise InputError("solver", "name", name, f"one of {', '.join(SOLVERS)}")
    return name


@contextmanager
def preferring(solver: str) -> Iterator[None]:
    """Let ``auto`` stand for a solver inside: for a market whose searches open many linear programs.

    What Gurobi's free licence does not cover is solved by HiGHS all the same, and said so once.
    """
    token = _AUTO.set("highs" if check_solver(solver) == "auto" else solver)
    try:
        yield
    finally:
        _AUTO.reset(token)


def takes_threads() -> bool:
    """Whether what ``auto`` stands for solves programs in several threads at once; Gurobi's environment does not."""
    return _AUTO.get() != "gurobi"


def open_handle(instance: Instance, solver: str = "auto", *, restored: bool = False, perturbed: bool = True) -> Handle:
    """Load ``instance`` into the solver called ``solver`` and keep it there.

    Parameters
    ----------
    instance, solver
        What is loaded, and into which one of :data:`SOLVERS`.
    restored
        Most solves will start from a basis of another one and take a few steps.
    perturbed
        False where the optimum's neighbourhood is mostly known: the solver need not guard against many ties by changed
        costs, which take as many steps again to be put right.
    """
    name = check_solver(solver)
    if name == "auto" and _AUTO.get() == "gurobi":
        if max(instance.shape[0], instance.shape[1] + _ranges(instance)) <= GUROBI_LIMIT:
            name = "gurobi"
        else:
            log_fallback(*instance.shape)
    if name == "gurobi":
        from equilibrium.programs.solvers.gurobi import GurobiHandle

        return GurobiHandle(instance)
    return HighsHandle(instance, restored=restored, perturbed=perturbed)


def _ranges(instance: Instance) -> int:
    """Return the number of rows that may hold on either side: Gurobi needs a column for each."""
    low, high = instance.row_lower, instance.row_upper
    return int((np.isfinite(low) & np.isfinite(high) & (low < high)).sum())


@functools.cache
def log_fallback(rows: int, columns: int) -> None:
    """Say that HiGHS takes over from Gurobi; once for each size of model, not every day."""
    _log.warning("model of %d rows and %d columns is too large for the Gurobi licence: HiGHS takes over", rows, columns)


def load_and_solve(instance: Instance, solver: str = "auto") -> tuple[Handle, Solution]:
    """Solve an instance and keep it loaded, in HiGHS where the licence of the named solver does not cover it."""
    try:
        handle = open_handle(instance, solver)
        return handle, handle.solve()
    except ModelTooLargeError:
        log_fallback(*instance.shape)
    handle = HighsHandle(instance)
    return handle, handle.solve()


def solve_linear(instance: Instance, solver: str = "auto") -> Solution:
    """Solve a linear program once, from nothing, with one of :data:`SOLVERS`."""
    return load_and_solve(instance, solver)[1]


def require_optimal(solution: Solution, what: str) -> Solution:
    """Return the solution if it is optimal, else raise :class:`equilibrium.errors.SolverError`."""
    if solution.status is not Status.OPTIMAL:
        raise SolverError(f"{what} ended {solution.status}")
    return solution


def optimal_if_feasible(solution: Solution, what: str) -> Solution | None:
    """Return the solution if it is optimal and ``None`` if there is none; raise :class:`.SolverError` else."""
    return None if solution.status is Status.INFEASIBLE else require_optimal(solution, what)


def solve_mixed(
    instance: Instance,
    integer: np.ndarray,
    solver: str = "auto",
    *,
    gap: float = GAP,
    time_limit_s: float = 600.0,
    node_limit: float = INF,
) -> MixedSolution:
    """Solve a mixed-integer linear program from nothing, and confirm the verdict by another setting or solver.

    Parameters
    ----------
    integer
        True where a column is integer (0/1 by its bounds), shape ``(columns,)``.
    solver
        One of :data:`SOLVERS`.
    gap
        Relative and absolute optimality gap at which the solver may stop.
    time_limit_s
        Wall time after which the incumbent is returned with status ``limit``.
    node_limit
        Nodes of the branch and bound after which the same happens, on every machine at the same point.
    """
    opinions: list[tuple[str, Opinion]] = [
        (name, functools.partial(_highs_opinion, gap=gap, node_limit=node_limit, presolve=presolve, feasibility=given))
        for name, presolve, given in (
            (HighsHandle.name, False, FEASIBILITY),
            (f"{HighsHandle.name} at {LOOSER:g}", False, LOOSER),
            (f"{HighsHandle.name} with presolve", True, FEASIBILITY),
        )
    ]
    if max(instance.shape) < GUROBI_LIMIT:  # one row more is asked for
        from equilibrium.programs.solvers.gurobi import GurobiHandle, solve_mixed_gurobi

        def gurobi(asked: Instance, whole: np.ndarray, seconds: float) -> MixedSolution:
            return solve_mixed_gurobi(asked, whole, gap, seconds, node_limit)

        opinions.insert(0 if check_solver(solver) == "gurobi" else len(opinions), (GurobiHandle.name, gurobi))
    elif check_solver(solver) == "gurobi":
        log_fallback(*instance.shape)
    panel = Panel(opinions, lambda fixed: HighsHandle(fixed).solve())
    return confirmed(instance, integer, panel, time_limit_s)


def _highs_opinion(
    asked: Instance,
    whole: np.ndarray,
    seconds: float,
    *,
    gap: float,
    node_limit: float,
    presolve: bool,
    feasibility: float,
) -> MixedSolution:
    return solve_mixed_highs(asked, whole, gap, seconds, node_limit, presolve, feasibility)
