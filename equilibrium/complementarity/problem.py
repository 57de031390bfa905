"""The problem type: a linear system with pairs of columns of which one is zero, and how one is put together.

The objective may be quadratic and rows may contain products of two columns. A slack of a row is a column of its own,
so that a pair ``multiplier * slack = 0`` is two columns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import scipy.sparse as sp

from equilibrium.arrays import FloatArray, IntArray
from equilibrium.programs.program import Instance

CURVED = 1e-10
"""An eigenvalue beyond this, relative to the largest entry of its matrix, counts as curvature."""

WHOLE = 1e-7
"""A value of an integer column this close to a whole number is taken for it, and the rest solved again."""


@dataclass(frozen=True)
class Bilinear:
    """``coefficient * column i * column j`` in a row of the system."""

    row: int
    i: int
    j: int
    coefficient: float


@dataclass(frozen=True, eq=False)
class Mpcc:
    """``min constant + cost'v + v'hessian v / 2`` over a linear system with pairs of columns of which one is zero.

    Attributes
    ----------
    instance
        Rows, bounds and the linear cost.
    hessian
        Symmetric, shape ``(columns, columns)``.
    pairs
        Columns ``(multiplier, slack)``, shape ``(pairs, 2)``.
    integer
        True where a column is integer.
    bilinear
        Products in rows; empty unless a row of the game has some.
    identities
        Pairs (row, column): the equality row times the column, which vanishes on every feasible point and from
        which strong duality is composed.
    multipliers
        Per responding agent by name: the column of every row's multiplier, -1 where it has none, and the factor that
        turns the column into ``mu``.
    """

    instance: Instance
    constant: float
    hessian: sp.csr_array
    pairs: IntArray
    integer: np.ndarray
    bilinear: tuple[Bilinear, ...]
    identities: tuple[tuple[int, int], ...]
    multipliers: Mapping[str, tuple[IntArray, FloatArray]]

    def value(self, v: FloatArray) -> float:
        """Return the objective at ``v``."""
        return self.constant + float(self.instance.cost @ v) + 0.5 * float(v @ (self.hessian @ v))

    @property
    def linear(self) -> bool:
        """Whether the objective is linear."""
        return int(self.hessian.nnz) == 0


@dataclass
class System:
    """Columns, rows and pairs while they are appended."""

    lower: list[float] = field(default_factory=list)
    upper: list[float] = field(default_factory=list)
    triplets: list[tuple[int, int, float]] = field(default_factory=list)
    sides: list[tuple[float, float]] = field(default_factory=list)
    pairs: list[tuple[int, int]] = field(default_factory=list)
    bilinear: list[Bilinear] = field(default_factory=list)
    identities: list[tuple[int, int]] = field(default_factory=list)
    multipliers: dict[str, tuple[IntArray, FloatArray]] = field(default_factory=dict)

    def column(self, lower: float, upper: float) -> int:
        """Append a column."""
        self.lower.append(lower)
        self.upper.append(upper)
        return len(self.lower) - 1

    def row(self, terms: Sequence[tuple[int, float]], lower: float, upper: float) -> int:
        """Append a row."""
        self.sides.append((lower, upper))
        self.triplets += [(len(self.sides) - 1, column, value) for column, value in terms if value != 0.0]
        return len(self.sides) - 1

    def product(self, row: int, i: int, j: int, coefficient: float) -> None:
        """Add a product to a row: linear if one factor is fixed."""
        for one, other in ((i, j), (j, i)):
            if self.lower[one] == self.upper[one]:
                self.triplets.append((row, other, coefficient * self.lower[one]))
                return
        self.bilinear.append(Bilinear(row, i, j, coefficient))

    def finish(self, cost: FloatArray, hessian: sp.csr_array, constant: float, integer: np.ndarray) -> Mpcc:
        """Freeze; ``cost``, ``hessian`` and ``integer`` cover the first columns."""
        n = len(self.lower)
        at, columns, values = zip(*self.triplets, strict=True) if self.triplets else ((), (), ())
        matrix = sp.csr_array(sp.coo_array((values, (at, columns)), shape=(len(self.sides), n), dtype=np.float64))
        sides = np.array(self.sides, dtype=np.float64).reshape(-1, 2)
        grown = sp.csr_array(hessian)
        grown.resize((n, n))
        grown.eliminate_zeros()
        tail = n - cost.size
        instance = Instance(
            matrix,
            np.concatenate([cost, np.zeros(tail)]),
            sides[:, 0].copy(),
            sides[:, 1].copy(),
            np.array(self.lower),
            np.array(self.upper),
        )
        return Mpcc(
            instance,
            constant,
            grown,
            np.array(self.pairs, dtype=np.int64).reshape(-1, 2),
            np.concatenate([integer, np.zeros(tail, dtype=bool)]),
            tuple(self.bilinear),
            tuple(self.identities),
            self.multipliers,
        )
