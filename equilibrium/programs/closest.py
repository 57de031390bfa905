"""Which of several optima is published: the one closest to an ideal, so that no solver's way shows in it.

A linear program may have many optimal points, and which of them a simplex method ends at depends on where it began.
Here one of them is named:

    min  sum over columns of (x - ideal)^2    over all optimal points.

The optimal points are a face: by complementarity with *one* dual optimum, columns and rows with a multiplier are held
at their side (:func:`equilibrium.programs.duality.optimal_face`), and the face is the same for every dual optimum. The
sum is strictly convex, so there is one closest point, whatever point and whatever multipliers the face was found with.
The multipliers prove it optimal as they proved the first point.

:mod:`.nearest` answers the same question for many small programs with one matrix; this module is for one sparse
program. HiGHS looks for the point. Its word is not taken: with multipliers ``y`` of the rows the closest point is

    x = ideal + A'y , kept within the limits of the columns,    where every row with a multiplier is tight,

and both are measured.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from equilibrium.arrays import FloatArray
from equilibrium.errors import SolverError
from equilibrium.programs.duality import optimal_face, reduced_costs
from equilibrium.programs.nearest import Polyhedra
from equilibrium.programs.program import FEASIBILITY, Instance
from equilibrium.programs.reduction import ReducedModel
from equilibrium.programs.solvers.base import Status
from equilibrium.programs.solvers.highs import solve_quadratic_highs

CLOSE = 1e-9
"""Distance from what the multipliers say, relative to ``1 +`` the largest column, of a closest point, at most."""

FEW = 1500
"""Free columns up to which the point is looked for limit by limit where HiGHS finds none."""


def closest_optimum(instance: Instance, x: FloatArray, y: FloatArray, ideal: FloatArray) -> FloatArray:
    """Return the optimal point of a linear program that is closest to an ideal.

    Parameters
    ----------
    instance
        The program.
    x, y
        One of its optima, and multipliers that prove it.
    ideal
        Where every column would rather stand, shape ``(columns,)``.

    Raises
    ------
    SolverError
        When the point is not found to the last digits.
    """
    face = optimal_face(instance, y, 0.0, point=x)
    loose = np.flatnonzero(face.col_upper - face.col_lower > FEASIBILITY)
    if not loose.size:
        return x
    held = np.clip(x, face.col_lower, face.col_upper)
    held[loose] = 0.0
    part = sp.csr_array(sp.csc_array(face.matrix)[:, loose])
    rows = np.flatnonzero(np.diff(part.indptr))
    shift = (face.matrix @ held)[rows]
    square = Instance(
        sp.csr_array(part[rows]),
        -ideal[loose],
        face.row_lower[rows] - shift,
        face.row_upper[rows] - shift,
        face.col_lower[loose],
        face.col_upper[loose],
    )
    held[loose] = _least(square)
    return held


def _least(square: Instance) -> FloatArray:
    """Return the point at which ``cost'x + x'x / 2`` is least."""
    try:
        found = solve_quadratic_highs(square, sp.csr_array(sp.identity(square.shape[1])), definite=True)
        if found.status is Status.OPTIMAL and _missed(square, found.x, found.y) <= CLOSE:
            return found.x
    except SolverError:
        pass
    if square.shape[1] > FEW:
        raise SolverError("of several optima the one to be published was not found to the last digits")
    return _one_by_one(square)


def _missed(square: Instance, x: FloatArray, y: FloatArray) -> float:
    """Return how far a point is from what multipliers say, and its rows from their limits, relative to its size."""
    size = 1.0 + float(np.max(np.abs(x), initial=0.0))
    pull = square.matrix.T @ y
    off = np.abs(np.clip(pull - square.cost, square.col_lower, square.col_upper) - x)
    activity = square.matrix @ x
    outside = np.maximum(square.row_lower - activity, activity - square.row_upper)
    side = np.where(y > 0.0, square.row_lower, square.row_upper)
    slack = np.abs(activity - side)[np.abs(y) > CLOSE * size]
    return max(float(np.max(each, initial=0.0)) for each in (off, outside, slack)) / size


def _one_by_one(square: Instance) -> FloatArray:
    """Find the point by letting in one limit after the other (:mod:`.nearest`)."""
    size = np.where(np.isfinite(square.row_lower), square.row_lower, square.row_upper)
    tolerance = FEASIBILITY * (1.0 + np.abs(np.where(np.isfinite(size), size, 0.0)))
    limits = (square.row_lower, square.row_upper), (square.col_lower, square.col_upper)
    (lower, upper), (low, high) = ((one[None], other[None]) for one, other in limits)
    return np.asarray(Polyhedra(square.matrix, lower, upper, tolerance, low, high).nearest(-square.cost[None])[0])


def closest_reduced(
    model: ReducedModel, instance: Instance, x: FloatArray, y: FloatArray, ideal: FloatArray
) -> FloatArray:
    """Return what :func:`closest_optimum` returns, with the distance in the columns that are not eliminated alone.

    Parameters
    ----------
    model
        The program in reduced form; its instance has no cuts.
    instance, x, y, ideal
        As in :func:`closest_optimum`, in the numbering of the full program.
    """
    ids = model.row_ids
    multipliers = model.entries(ids, y, reduced_costs(instance, y))
    free = closest_optimum(model.explicit(instance, ids), x[model.free], multipliers, ideal[model.free])
    return model.lift_point(instance, free)
