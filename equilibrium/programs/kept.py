"""Transposes and absolute values of the matrices of compiled programs, kept as long as the matrix lives.

Proofs multiply by them several times a day, and to make them costs as much as to multiply. Only the matrix of a
compiled program is kept: its numbers are read-only, so what was made of it stays right.
"""

from __future__ import annotations

import weakref
from dataclasses import dataclass
from functools import cached_property

import scipy.sparse as sp


@dataclass(frozen=True, eq=False)
class Kept:
    """What is made of a matrix, each when it is first asked for.

    Attributes
    ----------
    transposed
        The transpose, shape ``(columns, rows)``; it shares the numbers.
    """

    transposed: sp.csc_array

    @cached_property
    def magnitude(self) -> sp.csr_array:
        """Absolute values, shape ``(rows, columns)``."""
        return sp.csr_array(abs(self.transposed).T)

    @cached_property
    def magnitude_transposed(self) -> sp.csc_array:
        """Transpose of the absolute values, shape ``(columns, rows)``."""
        return sp.csc_array(self.magnitude.T)


_KEPT: dict[int, Kept] = {}


def kept(matrix: sp.csr_array) -> Kept:
    """Return what is made of a matrix; it is made anew each time where the matrix is not read-only."""
    if matrix.data.flags.writeable:
        return Kept(sp.csc_array(matrix.T))
    found = _KEPT.get(id(matrix))
    if found is None:
        found = _KEPT[id(matrix)] = Kept(sp.csc_array(matrix.T))
        weakref.finalize(matrix, _KEPT.pop, id(matrix), None)
    return found
