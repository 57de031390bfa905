"""Parametric linear programs as frozen sparse arrays with named blocks and ports.

A player's problem is

    minimise    (c + C theta)' x
    subject to  row_lower <= A x + B theta <= row_upper ,
                col_lower + L theta <= x <= col_upper + U theta

``theta`` is all that the player takes as given: the day's data and the other players' decisions. A program is
compiled once by a :class:`ProgramBuilder`; a day only *binds* theta, which costs a few sparse products.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray

from equilibrium.arrays import FloatArray, IntArray

INF = np.inf

FEASIBILITY = 1e-9
"""What a row, a bound or a multiplier's sign may be missed by, relative to ``1 + |limit|`` or absolute where a solver
measures so: asked of every solver and of every method of ours that does a solver's work. It is tighter than the
solvers' own 1e-7, because certificates are checked."""

GAP = 1e-9
"""Two values of an objective that differ by less, relative to ``1 + |value|``, are one: here a search for an optimum
with a proven bound ends."""


@dataclass(frozen=True)
class Block:
    """A named run of columns, rows or parameters with the shape that it has for people."""

    name: str
    start: int
    shape: tuple[int, ...]

    @cached_property
    def size(self) -> int:
        """Number of entries."""
        return math.prod(self.shape)

    @cached_property
    def slice(self) -> slice:
        """Where the block lies in its vector."""
        return slice(self.start, self.start + self.size)

    @property
    def index(self) -> IntArray:
        """Positions of the entries, in the block's shape."""
        return np.arange(self.start, self.start + self.size, dtype=np.int64).reshape(self.shape)


@dataclass(frozen=True, eq=False)
class Program:
    """A compiled parametric program. Built by :class:`ProgramBuilder`; its arrays are read-only.

    Attributes
    ----------
    columns, rows, ports
        Blocks by name: variables, constraints and parameters.
    matrix
        A, shape ``(rows, columns)``, CSR.
    cost, row_lower, row_upper, col_lower, col_upper
        Constant parts.
    cost_port, row_port, col_lower_port, col_upper_port
        C, B, L and U: sparse maps from theta.
    """

    columns: Mapping[str, Block]
    rows: Mapping[str, Block]
    ports: Mapping[str, Block]
    matrix: sp.csr_array
    cost: FloatArray
    row_lower: FloatArray
    row_upper: FloatArray
    col_lower: FloatArray
    col_upper: FloatArray
    cost_port: sp.csr_array
    row_port: sp.csr_array
    col_lower_port: sp.csr_array
    col_upper_port: sp.csr_array

    @property
    def shape(self) -> tuple[int, int]:
        """Number of rows and columns."""
        return int(self.matrix.shape[0]), int(self.matrix.shape[1])

    def bind(self, values: Mapping[str, ArrayLike]) -> Instance:
        """Put numbers into every port.

        Parameters
        ----------
        values
            One array per port, in the port's shape (or one that broadcasts to it).

        Returns
        -------
        Instance
            The program of this day.

        Raises
        ------
        KeyError
            When a port is missing or unknown.
        """
        if values.keys() != self.ports.keys():
            missing, unknown = self.ports.keys() - values.keys(), values.keys() - self.ports.keys()
            raise KeyError(f"ports to bind: missing {sorted(missing)}, unknown {sorted(unknown)}")
        theta = np.zeros(sum(block.size for block in self.ports.values()))
        for name, block in self.ports.items():
            value = np.asarray(values[name], dtype=np.float64)
            if value.shape != block.shape:
                value = np.broadcast_to(value, block.shape)
            theta[block.slice] = value.ravel()
        shift = self.row_port @ theta
        return Instance(
            matrix=self.matrix,
            cost=self.cost + self.cost_port @ theta,
            row_lower=self.row_lower - shift,
            row_upper=self.row_upper - shift,
            col_lower=self.col_lower + self.col_lower_port @ theta,
            col_upper=self.col_upper + self.col_upper_port @ theta,
        )

    def value(self, vector: FloatArray, name: str) -> FloatArray:
        """Return the entries of column block ``name`` in its own shape."""
        block = self.columns[name]
        return vector[block.slice].reshape(block.shape)

    def multiplier(self, vector: FloatArray, name: str) -> FloatArray:
        """Return the entries of row block ``name`` in its own shape."""
        block = self.rows[name]
        return vector[block.slice].reshape(block.shape)


@dataclass(frozen=True, eq=False)
class Instance:
    """A linear program with numbers.

    ``min cost'x`` subject to ``row_lower <= matrix x <= row_upper`` and ``col_lower <= x <= col_upper``.
    """

    matrix: sp.csr_array
    cost: FloatArray
    row_lower: FloatArray
    row_upper: FloatArray
    col_lower: FloatArray
    col_upper: FloatArray

    @property
    def shape(self) -> tuple[int, int]:
        """Number of rows and columns."""
        return int(self.matrix.shape[0]), int(self.matrix.shape[1])

    def with_cost(self, cost: FloatArray) -> Instance:
        """Return the same feasible set with another objective."""
        return Instance(self.matrix, cost, self.row_lower, self.row_upper, self.col_lower, self.col_upper)

    def with_columns(self, index: NDArray[np.integer], lower: ArrayLike, upper: ArrayLike) -> Instance:
        """Return the instance with other bounds on the columns ``index``."""
        col_lower, col_upper = self.col_lower.copy(), self.col_upper.copy()
        col_lower[index], col_upper[index] = lower, upper
        return Instance(self.matrix, self.cost, self.row_lower, self.row_upper, col_lower, col_upper)

    def with_rows(self, matrix: sp.csr_array, lower: FloatArray, upper: FloatArray) -> Instance:
        """Return the instance with further rows below its own."""
        return replace(
            self,
            matrix=stack_rows(self.matrix, matrix),
            row_lower=np.concatenate([self.row_lower, lower]),
            row_upper=np.concatenate([self.row_upper, upper]),
        )


def stack_rows(top: sp.csr_array, bottom: sp.csr_array) -> sp.csr_array:
    """Put one CSR matrix below another; ``scipy.sparse.vstack`` spends ten times as long on checks."""
    arrays = (
        np.concatenate([top.data, bottom.data]),
        np.concatenate([top.indices, bottom.indices]),
        np.concatenate([top.indptr, bottom.indptr[1:] + top.indptr[-1]]),
    )
    return sp.csr_array(arrays, shape=(top.shape[0] + bottom.shape[0], top.shape[1]))


def last_rows(matrix: sp.csr_array, first: int) -> sp.csr_array:
    """Return the rows of a CSR matrix from ``first`` on; slicing spends longer on the general case."""
    if first == 0:
        return matrix
    begin, pointer = matrix.indptr[first], matrix.indptr[first:]
    arrays = matrix.data[begin:], matrix.indices[begin:], pointer - begin
    return sp.csr_array(arrays, shape=(matrix.shape[0] - first, matrix.shape[1]))


@dataclass
class _Entries:
    """Triplets of a sparse matrix while it grows."""

    row: list[IntArray] = field(default_factory=list)
    col: list[IntArray] = field(default_factory=list)
    value: list[FloatArray] = field(default_factory=list)

    def add(self, row: ArrayLike, col: ArrayLike, value: ArrayLike) -> None:
        rows, cols, values = np.broadcast_arrays(
            np.asarray(row, dtype=np.int64), np.asarray(col, dtype=np.int64), np.asarray(value, dtype=np.float64)
        )
        keep = values.ravel() != 0.0
        self.row.append(rows.ravel()[keep])
        self.col.append(cols.ravel()[keep])
        self.value.append(values.ravel()[keep])

    def matrix(self, shape: tuple[int, int]) -> sp.csr_array:
        if not self.row:
            return sp.csr_array(shape)
        triplets = (np.concatenate(self.value), (np.concatenate(self.row), np.concatenate(self.col)))
        return sp.csr_array(sp.coo_array(triplets, shape=shape))


class ProgramBuilder:
    """States a program block by block, with index arrays that broadcast.

    Examples
    --------
    >>> build = ProgramBuilder()
    >>> load = build.port("load", (2,))
    >>> power = build.columns("power", (2,), upper=5.0, cost=1.0)
    >>> balance = build.rows("balance", (2,), lower=0.0, upper=0.0)
    >>> build.coefficients(balance, power, 1.0)
    >>> build.row_ports(balance, load, -1.0)
    >>> program = build.compile()
    >>> program.bind({"load": [1.0, 2.0]}).row_lower.tolist()
    [1.0, 2.0]
    """

    def __init__(self) -> None:
        self._columns: dict[str, Block] = {}
        self._rows: dict[str, Block] = {}
        self._ports: dict[str, Block] = {}
        self._column_data: list[tuple[FloatArray, FloatArray, FloatArray]] = []
        self._row_data: list[tuple[FloatArray, FloatArray]] = []
        self._matrix, self._cost, self._row = _Entries(), _Entries(), _Entries()
        self._lower, self._upper = _Entries(), _Entries()

    def columns(
        self,
        name: str,
        shape: tuple[int, ...],
        *,
        lower: ArrayLike = 0.0,
        upper: ArrayLike = INF,
        cost: ArrayLike = 0.0,
    ) -> IntArray:
        """Add variables; return their indices in ``shape``."""
        block = _append(self._columns, name, shape)
        self._column_data.append((_full(lower, shape), _full(upper, shape), _full(cost, shape)))
        return block.index

    def rows(self, name: str, shape: tuple[int, ...], *, lower: ArrayLike = -INF, upper: ArrayLike = INF) -> IntArray:
        """Add constraints; return their indices in ``shape``."""
        block = _append(self._rows, name, shape)
        self._row_data.append((_full(lower, shape), _full(upper, shape)))
        return block.index

    def port(self, name: str, shape: tuple[int, ...]) -> IntArray:
        """Add parameters; return their indices in ``shape``."""
        return _append(self._ports, name, shape).index

    def column_index(self, name: str) -> IntArray:
        """Return the indices of a block of variables that is already stated."""
        return self._columns[name].index

    def row_index(self, name: str) -> IntArray:
        """Return the indices of a block of constraints that is already stated."""
        return self._rows[name].index

    def coefficients(self, rows: ArrayLike, columns: ArrayLike, values: ArrayLike) -> None:
        """Add ``values`` to A at ``(rows, columns)``."""
        self._matrix.add(rows, columns, values)

    def block(self, rows: IntArray, columns: IntArray, matrix: sp.sparray) -> None:
        """Add a sparse matrix to A at all pairs of ``rows`` and ``columns``, both one-dimensional."""
        entries = sp.coo_array(matrix)
        self._matrix.add(rows[entries.row], columns[entries.col], entries.data)

    def cost_ports(self, columns: ArrayLike, parameters: ArrayLike, values: ArrayLike) -> None:
        """Let parameters enter the objective: C."""
        self._cost.add(columns, parameters, values)

    def row_ports(self, rows: ArrayLike, parameters: ArrayLike, values: ArrayLike) -> None:
        """Let parameters enter the rows' left-hand side: B."""
        self._row.add(rows, parameters, values)

    def lower_ports(self, columns: ArrayLike, parameters: ArrayLike, values: ArrayLike) -> None:
        """Let parameters enter lower bounds: L."""
        self._lower.add(columns, parameters, values)

    def upper_ports(self, columns: ArrayLike, parameters: ArrayLike, values: ArrayLike) -> None:
        """Let parameters enter upper bounds: U."""
        self._upper.add(columns, parameters, values)

    def compile(self) -> Program:
        """Freeze what was stated into a :class:`Program`."""
        n, m, k = (sum(b.size for b in blocks.values()) for blocks in (self._columns, self._rows, self._ports))
        lower, upper, cost = (np.concatenate([d[i] for d in self._column_data] or [np.zeros(0)]) for i in range(3))
        row_lower, row_upper = (np.concatenate([d[i] for d in self._row_data] or [np.zeros(0)]) for i in range(2))
        vectors = (cost, row_lower, row_upper, lower, upper)
        matrices = (
            self._matrix.matrix((m, n)),
            self._cost.matrix((n, k)),
            self._row.matrix((m, k)),
            self._lower.matrix((n, k)),
            self._upper.matrix((n, k)),
        )
        for array in (*vectors, *(matrix.data for matrix in matrices)):
            array.setflags(write=False)
        return Program(dict(self._columns), dict(self._rows), dict(self._ports), matrices[0], *vectors, *matrices[1:])


def _append(blocks: dict[str, Block], name: str, shape: tuple[int, ...]) -> Block:
    if name in blocks:
        raise ValueError(f"block {name!r} is stated twice")
    start = sum(block.size for block in blocks.values())
    blocks[name] = Block(name, start, tuple(shape))
    return blocks[name]


def _full(value: ArrayLike, shape: tuple[int, ...]) -> FloatArray:
    return np.broadcast_to(np.asarray(value, dtype=np.float64), shape).ravel().copy()


def signed_parts(matrix: sp.sparray) -> tuple[sp.csr_array, sp.csr_array]:
    """Return the positive and the negative part of a matrix, for intervals of what it makes of bounded vectors.

    Neither holds explicit zeros: zero times an infinite bound is not a number. ``matrix.maximum(0.0)`` keeps them in
    some versions of scipy, and shares its indices with ``matrix``.
    """
    entries = sp.coo_array(matrix)
    parts = []
    for keep in (entries.data > 0.0, entries.data < 0.0):
        triplets = (entries.data[keep], (entries.row[keep], entries.col[keep]))
        parts.append(sp.csr_array(sp.coo_array(triplets, shape=entries.shape)))
    return parts[0], parts[1]
