"""The protocol that every solver speaks."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import scipy.sparse as sp

from equilibrium.arrays import FloatArray
from equilibrium.programs.program import Instance


class Status(StrEnum):
    """How a solve ended."""

    OPTIMAL = "optimal"
    INFEASIBLE = "infeasible"
    UNBOUNDED = "unbounded"
    LIMIT = "limit"


class ModelTooLargeError(RuntimeError):
    """The solver's licence does not cover a model of this size."""


@dataclass(frozen=True, eq=False)
class Solution:
    """Answer to a linear program.

    ``x`` and ``y`` (signs as in :mod:`equilibrium.programs.duality`) mean something only when ``status`` is optimal.
    ``seconds`` is the time inside the solver.
    """

    status: Status
    x: FloatArray
    y: FloatArray
    seconds: float


@dataclass(frozen=True, eq=False)
class MixedSolution:
    """Answer to a mixed-integer linear program: incumbent ``x``, its ``objective``, proven lower ``bound``, effort.

    ``solver`` names who found it and who confirmed it.
    """

    status: Status
    x: FloatArray
    objective: float
    bound: float
    seconds: float
    nodes: int = 0
    solver: str = ""


class Handle(Protocol):
    """A linear program that stays loaded in a solver and is changed in place."""

    name: str

    def update(self, instance: Instance) -> None:
        """Take costs and bounds from ``instance``, whose matrix is the one that is loaded."""

    def hold(self, lower: FloatArray, upper: FloatArray) -> None:
        """Take bounds of the columns alone."""

    def add_rows(self, matrix: sp.csr_array, lower: FloatArray, upper: FloatArray) -> None:
        """Append rows; the basis stays usable (their slacks become basic)."""

    def drop_rows(self, keep: int) -> None:
        """Delete all rows but the first ``keep``."""

    def solve(self, *, multipliers: bool = True) -> Solution:
        """Solve, warm if there is a basis; multipliers that nobody needs are not read.

        Raises
        ------
        ModelTooLargeError
            When the licence does not cover the model.
        SolverError
            When the solver ends without a status that can be used.
        """

    def basis(self) -> object:
        """Return the current basis, to be handed back to :meth:`restore`."""

    def restore(self, basis: object) -> None:
        """Start the next solve from ``basis``, which must fit the rows that are loaded."""
