"""Linear equations that fall apart into blocks, with many right-hand sides."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import SuperLU

_CHUNK = 64


ZERO_ENTRY = 1e-15
"""An entry of a solved system below this, relative to the largest, is what rounding leaves of a zero."""


def solve_columns(factor: SuperLU, square: sp.csc_array, matrix: sp.csc_array) -> sp.csr_array:
    """Return ``square^-1 matrix`` as a sparse matrix.

    ``square`` falls apart into blocks (the periods). Columns of different blocks share one right-hand side, because
    their answers do not meet (Curtis, Powell and Reid, *J. Inst. Maths Applics* 13, 1974); a few sides at a time.
    """
    pattern = sp.csr_array(abs(square) @ abs(square).T)
    blocks, of_row = connected_components(pattern, directed=False)
    of_state = of_row[square.indices[square.indptr[:-1]]]
    entry = np.repeat(np.arange(matrix.shape[1]), np.diff(matrix.indptr))
    first, last = np.full(matrix.shape[1], blocks), np.full(matrix.shape[1], -1)
    np.minimum.at(first, entry, of_row[matrix.indices])
    np.maximum.at(last, entry, of_row[matrix.indices])
    single, spread = np.flatnonzero(first == last), np.flatnonzero(first < last)
    order = single[np.argsort(first[single], kind="stable")]
    rank = np.arange(order.size) - np.searchsorted(first[order], first[order], side="left")
    shared = int(rank.max(initial=-1)) + 1
    side = np.zeros(matrix.shape[1], dtype=np.int64)
    side[order], side[spread] = rank, shared + np.arange(spread.size)
    column = np.zeros((blocks, shared + spread.size), dtype=np.int64)  # whose answer a side holds in a block
    column[first[order], rank], column[:, shared:] = order, spread
    found = []
    for start in range(0, column.shape[1], _CHUNK):
        here = (side[entry] >= start) & (side[entry] < start + _CHUNK)
        dense = np.zeros((matrix.shape[0], min(_CHUNK, column.shape[1] - start)), order="F")
        dense[matrix.indices[here], side[entry[here]] - start] = matrix.data[here]
        dense = factor.solve(dense)
        state, answer = np.nonzero(np.abs(dense) >= ZERO_ENTRY * max(1.0, float(np.max(np.abs(dense), initial=0.0))))
        found.append((dense[state, answer], state, column[of_state[state], start + answer]))
    values, rows, columns = (np.concatenate(parts) for parts in zip(*found, strict=True)) if found else ([], [], [])
    return sp.csr_array((values, (rows, columns)), shape=matrix.shape)
