"""A feeder hour by hour: small dense programs that share one matrix.

Given the lots' powers the DSO's program falls apart by hour, and every hour has the same matrix. After the physics is
eliminated a dozen dispatch variables ``y`` remain under some hundreds of rows,

    min c_t' y    s.t.   lower_t <= M y + N p_t <= upper_t ,

column bounds being rows too. :mod:`equilibrium.vertices` solves them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from scipy.sparse.linalg import SuperLU, splu

from equilibrium.network import FloatArray, IntArray
from equilibrium.program import INF, Block, Instance, Program

ARTIFICIAL = 1e7
"""Bound given to a variable that has none, so that a dual feasible start exists; never binding at an answer."""


@dataclass(frozen=True, eq=False)
class PeriodModel:
    """The matrix that all hours share.

    Attributes
    ----------
    m, n
        M, shape ``(rows, variables)``, and N, shape ``(rows, given)``; each row is scaled to a largest entry of 1.
    scale
        What each row was divided by, shape ``(rows,)``.
    """

    m: FloatArray
    n: FloatArray
    scale: FloatArray
    free: IntArray
    given: IntArray
    state: IntArray
    state_rows: IntArray
    other_rows: IntArray
    limited: IntArray
    factor: SuperLU
    by_state: sp.csr_array
    sensitivity: FloatArray

    @property
    def variables(self) -> int:
        """Number of dispatch variables of an hour."""
        return int(self.m.shape[1])

    @property
    def rows(self) -> int:
        """Number of rows of an hour, column bounds first."""
        return int(self.m.shape[0])


def compile_periods(hour: Program, given: str, state_columns: Sequence[str], state_rows: Sequence[str]) -> PeriodModel:
    """Eliminate the state columns of a one-hour program and scale what remains.

    Parameters
    ----------
    hour
        The program of a single hour.
    given
        Name of the columns that are given from outside (the lots' powers).
    state_columns, state_rows
        The blocks to eliminate, square and non-singular.
    """
    matrix = hour.matrix.tocsc()
    state = np.concatenate([hour.columns[name].index.ravel() for name in state_columns])
    rows = np.concatenate([hour.rows[name].index.ravel() for name in state_rows])
    fixed = hour.columns[given].index.ravel()
    free = np.setdiff1d(np.arange(hour.shape[1]), np.concatenate([state, fixed]))
    other = np.setdiff1d(np.arange(hour.shape[0]), rows)
    factor = splu(sp.csc_matrix(matrix[rows, :][:, state]))
    kept = np.concatenate([free, fixed])
    sensitivity = factor.solve(-matrix[rows, :][:, kept].toarray())
    limited = np.flatnonzero(np.isfinite(hour.col_lower[state]) | np.isfinite(hour.col_upper[state]))
    units = sp.csr_array(sp.identity(state.size, format="csr")[limited, :])
    by_state = sp.csr_array(sp.vstack([matrix[other, :][:, state], units], format="csr"))
    dense = by_state @ sensitivity
    dense[: other.size] += matrix[other, :][:, kept].toarray()
    bounds = np.eye(free.size, kept.size)
    full = np.vstack([bounds, dense])
    scale = np.max(np.abs(full), axis=1)
    scale[scale == 0.0] = 1.0
    full /= scale[:, None]
    return PeriodModel(
        m=np.ascontiguousarray(full[:, : free.size]),
        n=np.ascontiguousarray(full[:, free.size :]),
        scale=scale,
        free=free,
        given=fixed,
        state=state,
        state_rows=rows,
        other_rows=other,
        limited=limited,
        factor=factor,
        by_state=by_state,
        sensitivity=sensitivity,
    )


@dataclass(frozen=True, eq=False)
class PeriodData:
    """Costs and limits of the hours.

    Attributes
    ----------
    cost
        Shape ``(hours, variables)``.
    lower, upper
        Limits of the scaled rows, shape ``(hours, rows)``; absent sides are infinite.
    base
        The state that the loads alone make, shape ``(hours, states)``.
    lower_weight, upper_weight
        ``1 / (1 + |limit|)``, and 1 for absent sides: their excess is minus infinity.
    """

    cost: FloatArray
    lower: FloatArray
    upper: FloatArray
    base: FloatArray
    lower_weight: FloatArray
    upper_weight: FloatArray


def by_hour(blocks: Mapping[str, Block], hours: int, vector: FloatArray) -> FloatArray:
    """Reorder a vector of an all-day program into one row per hour, in the order of the one-hour program."""
    parts = [vector[block.slice].reshape(hours, -1) for block in blocks.values()]
    return np.concatenate(parts, axis=1)


def bind_periods(model: PeriodModel, program: Program, instance: Instance, hours: int) -> PeriodData:
    """Take the costs and limits of every hour from the bound all-day program.

    The limits have the loads' share of flows and voltages taken off, so that they apply to ``M y + N p``.
    """
    columns, rows = program.columns, program.rows
    cost = by_hour(columns, hours, instance.cost)
    low, high = by_hour(columns, hours, instance.col_lower), by_hour(columns, hours, instance.col_upper)
    row_low, row_high = by_hour(rows, hours, instance.row_lower), by_hour(rows, hours, instance.row_upper)
    base = model.factor.solve(np.ascontiguousarray(row_low[:, model.state_rows].T)).T
    offset = (model.by_state @ base.T).T
    limited = model.state[model.limited]
    lower = np.concatenate([row_low[:, model.other_rows], low[:, limited]], axis=1) - offset
    upper = np.concatenate([row_high[:, model.other_rows], high[:, limited]], axis=1) - offset
    free_low, free_high = low[:, model.free], high[:, model.free]
    below = np.concatenate([np.where(free_low == -INF, -ARTIFICIAL, free_low), lower], axis=1) / model.scale
    above = np.concatenate([np.where(free_high == INF, ARTIFICIAL, free_high), upper], axis=1) / model.scale
    return PeriodData(
        cost=cost[:, model.free] + cost[:, model.state] @ model.sensitivity[:, : model.variables],
        lower=below,
        upper=above,
        base=base,
        lower_weight=_weight(below),
        upper_weight=_weight(above),
    )


def _weight(limit: FloatArray) -> FloatArray:
    return np.where(np.isfinite(limit), 1.0 / (1.0 + np.abs(np.where(np.isfinite(limit), limit, 0.0))), 1.0)


def from_hours(blocks: Mapping[str, Block], values: FloatArray) -> FloatArray:
    """Undo :func:`by_hour`: put one row per hour back into the order of the all-day program."""
    hours = values.shape[0]
    parts, column = [], 0
    for block in blocks.values():
        width = block.size // hours
        parts.append(values[:, column : column + width].ravel())
        column += width
    return np.concatenate(parts)


def lift_point(model: PeriodModel, data: PeriodData, program: Program, y: FloatArray, given: FloatArray) -> FloatArray:
    """Return the all-day program's columns for dispatches ``y`` ``(hours, variables)`` and powers ``given``."""
    hours, width = y.shape[0], model.state.size + model.free.size + model.given.size
    full = np.empty((hours, width))
    full[:, model.free], full[:, model.given] = y, given
    full[:, model.state] = data.base + np.concatenate([y, given], axis=1) @ model.sensitivity.T
    return from_hours(program.columns, full)


def lift_multipliers(model: PeriodModel, program: Program, instance: Instance, mu: FloatArray) -> FloatArray:
    """Return the all-day program's row multipliers.

    Parameters
    ----------
    mu
        Multipliers of the scaled rows, shape ``(hours, rows)``; those of column bounds are reduced costs and drop out.
    """
    hours = mu.shape[0]
    unscaled = (mu / model.scale)[:, model.variables :]
    width = model.state_rows.size + model.other_rows.size
    full = np.zeros((hours, width))
    full[:, model.other_rows] = unscaled[:, : model.other_rows.size]
    state_cost = by_hour(program.columns, hours, instance.cost)[:, model.state]
    right = state_cost - (model.by_state.T @ unscaled.T).T
    full[:, model.state_rows] = model.factor.solve(np.ascontiguousarray(right.T), trans="T").T
    return from_hours(program.rows, full)
