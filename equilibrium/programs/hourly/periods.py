"""A feeder hour by hour: small dense programs that share one matrix.

Given the lots' powers the DSO's program falls apart by hour, and every hour has the same matrix. After the physics is
eliminated a dozen dispatch variables ``y`` remain under some hundreds of rows,

    min c_t' y    s.t.   lower_t <= M y + N p_t <= upper_t ,

column bounds being rows too. :mod:`equilibrium.programs.hourly.vertices` solves them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import scipy.sparse as sp
from scipy.sparse.linalg import SuperLU, splu

from equilibrium.arrays import BoolArray, FloatArray, IntArray
from equilibrium.lengths import Periods, period_lengths
from equilibrium.programs.program import FEASIBILITY, INF, Block, Instance, Program

ARTIFICIAL = 1e7
"""Bound given to a variable that has none, so that a dual feasible start exists; never binding at an answer."""


DENSE = 20
"""Entries of a dense inverse that cost as much as one of a sparse factor, where many hours are solved at once."""


@dataclass(frozen=True, eq=False)
class Sides:
    """The limits of an hour one by one: the upper side of every row, then the lower side of the rows that have one.

    Attributes
    ----------
    row, sign
        Row of each side, and 1 for an upper, -1 for a lower side, shape ``(sides,)``. The last side, of sign 0, is a
        stand-in for those that are not there.
    upper, lower
        The sides of each row, shape ``(rows,)``.
    matrix
        M and N times the sign, one above the other, shape ``(variables + given, sides)``.
    """

    row: IntArray
    sign: IntArray
    upper: IntArray
    lower: IntArray
    matrix: FloatArray

    def gap(self, value: FloatArray, data: PeriodData) -> FloatArray:
        """Return what is left to every side at rows' values ``(hours, rows)``, shape ``(hours, sides)``."""
        below = self.row[self.sign < 0]
        above = self.row[self.sign > 0]
        left = data.upper[:, above] - value[:, above], value[:, below] - data.lower[:, below]
        return np.concatenate([*left, np.full((value.shape[0], 1), INF)], axis=1)

    def only(self, keep: IntArray) -> Sides:
        """Return some of the sides, in the same order."""
        keep = np.append(keep, self.sign.size - 1)
        place = np.full(self.sign.size, keep.size - 1)
        place[keep] = np.arange(keep.size)
        return Sides(self.row[keep], self.sign[keep], place[self.upper], place[self.lower], self.matrix[:, keep])


def _sides(m: FloatArray, n: FloatArray, two: IntArray) -> Sides:
    """Take rows apart, those in ``two`` with a lower side."""
    rows = m.shape[0]
    row = np.concatenate([np.arange(rows), two, [0]])
    sign = np.concatenate([np.ones(rows, dtype=np.int64), np.full(two.size, -1), [0]])
    lower = np.full(rows, row.size - 1)
    lower[two] = rows + np.arange(two.size)
    signed = sign * np.concatenate([m, n], axis=1)[row].T
    return Sides(row, sign, np.arange(rows), lower, np.ascontiguousarray(signed))


@dataclass(frozen=True, eq=False)
class PeriodModel:
    """The matrix that all hours share.

    Attributes
    ----------
    m, n
        M, shape ``(rows, variables)``, and N, shape ``(rows, given)``; each row is scaled to a largest entry of 1.
    scale
        What each row was divided by, shape ``(rows,)``.
    tolerance
        Violation of a scaled row that counts as rounding, shape ``(rows,)``: :data:`FEASIBILITY` times one plus the
        size of the row's constant limit.
    sides
        The same rows, every limit for itself.
    """

    m: FloatArray
    n: FloatArray
    scale: FloatArray
    tolerance: FloatArray
    sides: Sides
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

    def taken(self, right: FloatArray) -> FloatArray:
        """Return what right-hand sides take off the limits of the scaled rows, through the state that they make.

        ``right`` belongs to all rows of the one-hour program; only those of its state rows count.
        """
        share = self.by_state @ self.factor.solve(right[self.state_rows])
        return np.concatenate([np.zeros(self.variables), share / self.scale[self.variables :]])

    def only(self, rows: IntArray) -> PeriodModel:
        """Return the model with some of its rows, in the same order; the column bounds must be among them.

        What lifts a point or multipliers to the whole program wants all rows.
        """
        two = np.flatnonzero((self.sides.lower != self.sides.sign.size - 1)[rows])
        m, n = np.ascontiguousarray(self.m[rows]), np.ascontiguousarray(self.n[rows])
        sides = _sides(m, n, two)
        return replace(self, m=m, n=n, scale=self.scale[rows], tolerance=self.tolerance[rows], sides=sides)


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
    m, n = np.ascontiguousarray(full[:, : free.size]), np.ascontiguousarray(full[:, free.size :])
    below = np.isfinite(np.concatenate([hour.row_lower[other], hour.col_lower[state[limited]]]))
    return PeriodModel(
        m=m,
        n=n,
        scale=scale,
        tolerance=FEASIBILITY * (1.0 + _limit_size(hour, free, other, state[limited]) / scale),
        sides=_sides(m, n, np.flatnonzero(np.concatenate([np.ones(free.size, dtype=bool), below]))),
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
    """

    cost: FloatArray
    lower: FloatArray
    upper: FloatArray
    base: FloatArray

    @cached_property
    def equal(self) -> BoolArray:
        """True where both limits of a row are the same, shape ``(hours, rows)``."""
        return np.asarray(self.lower == self.upper)

    def only(self, rows: IntArray) -> PeriodData:
        """Return the limits of some of the rows."""
        return replace(self, lower=self.lower[:, rows], upper=self.upper[:, rows])

    def at(self, hours: IntArray) -> PeriodData:
        """Return some of the hours."""
        return PeriodData(
            self.cost[hours],
            self.lower[hours],
            self.upper[hours],
            self.base[hours],
        )


@dataclass(frozen=True, eq=False)
class Hours:
    """Hours as they are bound, before the loads' share is taken off the rows' limits.

    Attributes
    ----------
    cost, low, high
        Costs and bounds of the dispatch variables, shape ``(hours, variables)``.
    base
        The state that the loads alone make, shape ``(hours, states)``.
    row_low, row_high
        Limits of the scaled rows below the column bounds, one row for all hours or one each.
    """

    cost: FloatArray
    low: FloatArray
    high: FloatArray
    base: FloatArray
    row_low: FloatArray
    row_high: FloatArray

    def data(self, model: PeriodModel, hours: IntArray | slice = slice(None)) -> PeriodData:
        """Return limits that apply to ``M y + N p``, for some hours or all."""
        base, n = self.base[hours], model.variables
        share = (model.by_state @ base.T).T / model.scale[n:]
        lower, upper = np.empty((base.shape[0], model.rows)), np.empty((base.shape[0], model.rows))
        lower[:, :n], upper[:, :n] = self.low[hours], self.high[hours]
        single = self.row_low.ndim == 1
        np.subtract(self.row_low if single else self.row_low[hours], share, out=lower[:, n:])
        np.subtract(self.row_high if single else self.row_high[hours], share, out=upper[:, n:])
        return PeriodData(self.cost[hours], lower, upper, base)


def by_hour(blocks: Mapping[str, Block], hours: int, vector: FloatArray) -> FloatArray:
    """Reorder a vector of an all-day program into one row per hour, in the order of the one-hour program."""
    parts = [vector[block.slice].reshape(hours, -1) for block in blocks.values()]
    return np.concatenate(parts, axis=1)


def bind_periods(model: PeriodModel, program: Program, instance: Instance, periods: Periods) -> PeriodData:
    """Take the costs and limits of every hour from the bound all-day program.

    The limits have the loads' share of flows and voltages taken off, so that they apply to ``M y + N p``. The costs are
    divided by the periods' lengths, currency an hour, so that multipliers are prices per kWh.
    """
    columns, rows, length = program.columns, program.rows, period_lengths(periods)
    hours = length.size
    cost = by_hour(columns, hours, instance.cost) / length[:, None]
    low, high = by_hour(columns, hours, instance.col_lower), by_hour(columns, hours, instance.col_upper)
    row_low, row_high = by_hour(rows, hours, instance.row_lower), by_hour(rows, hours, instance.row_upper)
    limited = model.state[model.limited]
    bound = _hours(
        model,
        cost=cost[:, model.free] + cost[:, model.state] @ model.sensitivity[:, : model.variables],
        low=low[:, model.free],
        high=high[:, model.free],
        state_right=row_low[:, model.state_rows],
        row_low=np.concatenate([row_low[:, model.other_rows], low[:, limited]], axis=1),
        row_high=np.concatenate([row_high[:, model.other_rows], high[:, limited]], axis=1),
    )
    return bound.data(model)


def bind_many_hours(model: PeriodModel, hour: Program, values: Mapping[str, FloatArray]) -> Hours:
    """Bind any number of hours at once into the one-hour program.

    Parameters
    ----------
    hour
        The program that ``model`` was compiled from. Its ports must reach only costs, bounds of dispatch variables and
        the right-hand sides of the state rows, as those of a feeder do.
    values
        One array per port, the hour as first axis.
    """
    count = next(iter(values.values())).shape[0]
    theta = np.empty((sum(block.size for block in hour.ports.values()), count))
    for name, block in hour.ports.items():
        theta[block.slice] = values[name].reshape(count, block.size).T
    limited = model.state[model.limited]
    return _hours(
        model,
        cost=(hour.cost[model.free, None] + hour.cost_port[model.free, :] @ theta).T,
        low=(hour.col_lower[model.free, None] + hour.col_lower_port[model.free, :] @ theta).T,
        high=(hour.col_upper[model.free, None] + hour.col_upper_port[model.free, :] @ theta).T,
        state_right=(hour.row_lower[model.state_rows, None] - hour.row_port[model.state_rows, :] @ theta).T,
        row_low=np.concatenate([hour.row_lower[model.other_rows], hour.col_lower[limited]]),
        row_high=np.concatenate([hour.row_upper[model.other_rows], hour.col_upper[limited]]),
    )


def _hours(
    model: PeriodModel,
    cost: FloatArray,
    low: FloatArray,
    high: FloatArray,
    state_right: FloatArray,
    row_low: FloatArray,
    row_high: FloatArray,
) -> Hours:
    """Scale the limits, give bounds to variables without, and solve for the state that the loads alone make."""
    n = model.variables
    return Hours(
        cost=np.ascontiguousarray(cost),
        low=np.where(low == -INF, -ARTIFICIAL, low) / model.scale[:n],
        high=np.where(high == INF, ARTIFICIAL, high) / model.scale[:n],
        base=_base(model.factor, state_right),
        row_low=row_low / model.scale[n:],
        row_high=row_high / model.scale[n:],
    )


def _base(factor: SuperLU, right: FloatArray) -> FloatArray:
    """Solve for the states of all hours, shape ``(hours, states)``."""
    hours, states = right.shape
    if hours > 4 * states and states * states < DENSE * factor.nnz:
        return np.asarray(right @ factor.solve(np.eye(states), trans="T"))
    return np.ascontiguousarray(factor.solve(np.ascontiguousarray(right.T)).T)


def _limit_size(hour: Program, free: IntArray, other: IntArray, limited: IntArray) -> FloatArray:
    """Return the size of every row's constant limit, 0 where it has none."""
    low = np.concatenate([hour.col_lower[free], hour.row_lower[other], hour.col_lower[limited]])
    high = np.concatenate([hour.col_upper[free], hour.row_upper[other], hour.col_upper[limited]])
    finite = [np.where(np.isfinite(side), np.abs(side), 0.0) for side in (low, high)]
    return np.maximum(*finite)


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
        Multipliers of the scaled rows in the program's own money (those of :class:`PeriodData` times the periods'
        lengths), shape ``(hours, rows)``; those of column bounds are reduced costs and drop out.
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
