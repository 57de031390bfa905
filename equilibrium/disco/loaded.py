"""Open a program in the solver that was asked for, or in HiGHS where the licence of that one does not cover it."""

from __future__ import annotations

from equilibrium.errors import SolverError
from equilibrium.program import Instance
from equilibrium.solvers import Handle, ModelTooLargeError, Solution, Status, open_handle
from equilibrium.solvers.choose import log_fallback


def load_and_solve(instance: Instance, solver: str) -> tuple[Handle, Solution]:
    """Solve an instance and keep it loaded."""
    try:
        handle = open_handle(instance, solver)
        return handle, handle.solve()
    except ModelTooLargeError:
        log_fallback(*instance.shape)
    handle = open_handle(instance, "highs")
    return handle, handle.solve()


def optimum(solution: Solution, what: str) -> Solution:
    """Return the solution if it is optimal, else raise :class:`SolverError`."""
    if solution.status is not Status.OPTIMAL:
        raise SolverError(f"{what} ended {solution.status}")
    return solution
