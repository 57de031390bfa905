"""Blocks of rows and columns by period, and linear equations that fall apart into blocks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import SuperLU

from equilibrium.arrays import IntArray
from equilibrium.programs.program import Block

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


def period_numbers(blocks: Mapping[str, Block]) -> IntArray:
    """Return the period (first axis of its block) of every row or column."""
    periods = [np.repeat(np.arange(count), width) for count, width in entries_by_period(blocks)]
    return np.concatenate([*periods, np.zeros(0, dtype=np.int64)])


def kind_numbers(blocks: Mapping[str, Block]) -> IntArray:
    """Return a number for every row or column that those of other periods share."""
    kinds, first = [np.zeros(0, dtype=np.int64)], 0
    for count, width in entries_by_period(blocks):
        kinds.append(first + np.tile(np.arange(width), count))
        first += width
    return np.concatenate(kinds)


def entries_by_period(blocks: Mapping[str, Block]) -> list[tuple[int, int]]:
    """Return how many periods each block has and how many entries a period; a single entry is one of each."""
    counts = [(block.shape[0] if block.shape else 1, block.size) for block in blocks.values()]
    return [(count, size // max(1, count)) for count, size in counts]


def positions(blocks: Mapping[str, Block], names: Sequence[str]) -> IntArray:
    """Return the rows or columns of some blocks, in order."""
    return np.sort(np.concatenate([blocks[name].index.ravel() for name in names]))
