"""Which rows of a reduced program can bind at all: proved by interval arithmetic and linear programs.

In a follower's optimality conditions a row may not be left out because it looks idle: without it the follower answers
differently, and that is no relaxation. What may be left out is a row with slack at *every* feasible dispatch. It can
never bind, so its multiplier is zero at every optimum, and the follower without it has the same optima and the same
multipliers. That is what is proved here, for all powers of all lots at once.

Rows that join hours are dropped for the proof, which makes the set of dispatches larger. The rest falls apart by hour,
so one linear program finds the largest activity of a row in all hours.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from equilibrium.arrays import FloatArray, IntArray
from equilibrium.errors import SolverError
from equilibrium.programs.program import INF, Instance, Program, signed_parts
from equilibrium.programs.reduction import ReducedModel
from equilibrium.programs.solvers import Status

SLACK = 1e-6
"""A row counts as idle when its slack is everywhere larger than this, relative to ``1 + |limit|``."""


def bindable_rows(program: Program, model: ReducedModel, instance: Instance) -> IntArray:
    """Return the ids of the rows that may bind at some dispatch; all others are proved idle.

    Parameters
    ----------
    program, model
        The DSO's program and its reduced model; the first axis of every block is the hour.
    instance
        The day with the lots' powers free between their limits.

    Returns
    -------
    IntArray
        Ids as in :attr:`equilibrium.programs.reduction.ReducedModel.row_ids`, increasing. Equalities are always among
        them.
    """
    ids = model.row_ids
    full = model.explicit(instance, ids)
    relaxed = _without_joining_rows(program, instance)
    kind = model.row_kinds(ids)
    low, high = _column_bounds(model, relaxed, full)
    least, most = _interval(full.matrix, low, high)
    margin_low = SLACK * (1.0 + np.abs(np.where(np.isfinite(full.row_lower), full.row_lower, 0.0)))
    margin_high = SLACK * (1.0 + np.abs(np.where(np.isfinite(full.row_upper), full.row_upper, 0.0)))
    floor, ceiling = full.row_lower + margin_low, full.row_upper - margin_high
    keep = full.row_lower == full.row_upper
    joining = np.isin(ids, _joining_rows(program))
    keep |= joining & (np.isfinite(full.row_lower) | np.isfinite(full.row_upper))
    for sign, open_ in ((1.0, most >= ceiling), (-1.0, least <= floor)):
        open_ = open_ & ~keep
        while open_.any():
            group = open_ & (kind == kind[np.flatnonzero(open_)[0]])
            point = _furthest(model, relaxed, sign * np.asarray(group @ full.matrix))
            if point is None:
                keep |= group
            else:
                activity = full.matrix @ point
                keep |= ((activity >= ceiling) | (activity <= floor)) & ~joining
            open_ &= ~group & ~keep
    return np.asarray(ids[keep])


def _joining_rows(program: Program) -> IntArray:
    """Return the rows that have columns of several hours."""
    hour = np.concatenate([np.repeat(np.arange(b.shape[0]), b.size // b.shape[0]) for b in program.columns.values()])
    pattern = program.matrix.tocoo()
    first, last = np.full(program.shape[0], hour.max() + 1), np.full(program.shape[0], -1)
    np.minimum.at(first, pattern.row, hour[pattern.col])
    np.maximum.at(last, pattern.row, hour[pattern.col])
    return np.flatnonzero(first < last)


def _without_joining_rows(program: Program, instance: Instance) -> Instance:
    lower, upper = instance.row_lower.copy(), instance.row_upper.copy()
    joining = _joining_rows(program)
    lower[joining], upper[joining] = -INF, INF
    return Instance(instance.matrix, instance.cost, lower, upper, instance.col_lower, instance.col_upper)


def _column_bounds(model: ReducedModel, relaxed: Instance, full: Instance) -> tuple[FloatArray, FloatArray]:
    """Return finite bounds of the free columns where the rows imply some, one linear program for each kind."""
    kind = model.column_kinds()
    low, high = full.col_lower.copy(), full.col_upper.copy()
    for sign, bound in ((1.0, high), (-1.0, low)):
        for one in np.unique(kind[~np.isfinite(bound)]):
            group = (kind == one) & ~np.isfinite(bound)
            point = _furthest(model, relaxed, sign * group.astype(np.float64))
            if point is not None:
                bound[group] = point[group]
    return low, high


def _furthest(model: ReducedModel, relaxed: Instance, direction: FloatArray) -> FloatArray | None:
    """Return the free columns at which ``direction`` is largest in every hour; ``None`` where it has no end."""
    cost = np.zeros(relaxed.shape[1])
    cost[model.free] = -direction
    solution = model.solve(relaxed.with_cost(cost))
    if solution.status is Status.UNBOUNDED:
        return None
    if solution.status is not Status.OPTIMAL:
        raise SolverError(f"the largest activity of a row ended {solution.status}")
    return np.asarray(solution.x[model.free])


def _interval(matrix: sp.csr_array, low: FloatArray, high: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the least and the largest activity of every row on a box."""
    up, down = signed_parts(matrix)
    return up @ low + down @ high, up @ high + down @ low
