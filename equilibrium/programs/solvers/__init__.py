"""Solvers behind one small protocol over sparse arrays."""

from equilibrium.programs.solvers.base import Handle, MixedSolution, ModelTooLargeError, Solution, Status
from equilibrium.programs.solvers.choose import SOLVERS, open_handle, preferring, solve_linear, solve_mixed

__all__ = [
    "SOLVERS",
    "Handle",
    "MixedSolution",
    "ModelTooLargeError",
    "Solution",
    "Status",
    "open_handle",
    "preferring",
    "solve_linear",
    "solve_mixed",
]
