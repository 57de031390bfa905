"""Solvers behind one small protocol over sparse arrays."""

from equilibrium.solvers.base import Handle, MixedSolution, ModelTooLargeError, Solution, Status
from equilibrium.solvers.choose import SOLVERS, open_handle, solve_linear, solve_mixed

__all__ = [
    "SOLVERS",
    "Handle",
    "MixedSolution",
    "ModelTooLargeError",
    "Solution",
    "Status",
    "open_handle",
    "solve_linear",
    "solve_mixed",
]
