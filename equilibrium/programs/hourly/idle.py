"""Rows of an hour that no dispatch of a day makes tight, proved by interval arithmetic.

Most limits of a feeder are far away on most days: a lateral's rating, the upper voltage where nothing feeds in. A row
with slack at every dispatch has the multiplier zero at all of them, and a vertex method that does not look at it finds
the same vertices. Intervals need bounds on the dispatch variables. Units whose limits are rows (the polygon of a
rating) have none, so those that their own rows imply are worked out once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from equilibrium.arrays import FloatArray, IntArray
from equilibrium.programs.hourly.periods import PeriodData, PeriodModel
from equilibrium.programs.program import FEASIBILITY, INF, Instance, Program
from equilibrium.programs.screening import SLACK
from equilibrium.programs.solvers import Status, open_handle


@dataclass(frozen=True, eq=False)
class Bounds:
    """What the rows of single units say of the dispatch variables, whatever the day.

    Attributes
    ----------
    own
        Those rows of the model; they are never left out.
    low, high
        Bounds of the scaled variables that follow from them, infinite where none do, shape ``(variables,)``.
    """

    own: IntArray
    low: FloatArray
    high: FloatArray


def unit_bounds(model: PeriodModel, hour: Program) -> Bounds:
    """Work out the bounds that rows imply in which neither the given powers, nor the state, nor the day's data stand.

    Parameters
    ----------
    hour
        The program that ``model`` was compiled from.
    """
    n, others = model.variables, model.other_rows
    apart = (np.diff(model.by_state.indptr)[: others.size] == 0) & (np.diff(hour.row_port[others, :].indptr) == 0)
    own = n + np.flatnonzero(apart & (model.n[n : n + others.size] == 0.0).all(axis=1))
    scale = model.scale[own]
    rows = sp.csr_array(model.m[own])
    free = np.full(n, INF)
    program = Instance(
        matrix=rows,
        cost=np.zeros(n),
        row_lower=hour.row_lower[others[own - n]] / scale,
        row_upper=hour.row_upper[others[own - n]] / scale,
        col_lower=-free,
        col_upper=free,
    )
    handle, ends = open_handle(program), np.array([-free, free])
    for column in np.unique(rows.indices):
        for end, sign in ((0, 1.0), (1, -1.0)):
            handle.update(program.with_cost(sign * np.eye(n)[column]))
            answer = handle.solve()
            if answer.status is Status.OPTIMAL:
                ends[end, column] = answer.x[column]
    return Bounds(own, ends[0], ends[1])


def busy_rows(model: PeriodModel, data: PeriodData, bounds: Bounds, least: FloatArray, most: FloatArray) -> IntArray:
    """Return the rows that some dispatch of some hour may make tight, in order; column bounds are always among them.

    Parameters
    ----------
    least, most
        Between which the given powers are, shape ``(hours, given)``.
    """
    n = model.variables
    low = np.concatenate([np.maximum(data.lower[:, :n], bounds.low), least], axis=1).T
    high = np.concatenate([np.minimum(data.upper[:, :n], bounds.high), most], axis=1).T
    matrix = np.concatenate([model.m, model.n], axis=1)
    up, down = np.maximum(matrix, 0.0), np.minimum(matrix, 0.0)
    margin = SLACK / FEASIBILITY * model.tolerance
    greatest, least_ = (up @ high + down @ low).T + margin, (up @ low + down @ high).T - margin
    busy = np.any((greatest >= data.upper) | (least_ <= data.lower), axis=0)
    busy[:n] = busy[bounds.own] = True
    return np.flatnonzero(busy)
