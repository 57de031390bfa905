"""The lower level: what each lot's vehicles earn at most, (8)-(14), and all schedules that earn it.

Tariffs are given and no decision of the company enters, so the lower level falls apart by vehicle and does not depend
on the upper one. It is solved in batches of a fixed size, so that its time grows like the number of vehicles.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp

from equilibrium.arrays import FloatArray, IntArray
from equilibrium.fleet.vehicles import VehicleProgram
from equilibrium.markets.disco.day import Tariffs
from equilibrium.programs.duality import Residuals, kkt_residuals, optimal_face, reduced_costs
from equilibrium.programs.program import Instance
from equilibrium.programs.solvers.choose import load_and_solve, require_optimal

BATCH_COLUMNS = 1900
"""Columns of a batch: simplex steps stay cheap, and free licences of commercial solvers cover it."""


@dataclass(frozen=True, eq=False)
class LowerLevel:
    """The lots' own optimum.

    Attributes
    ----------
    value
        v*: the most that one vehicle of each row earns, currency, shape ``(rows,)``.
    bound
        Proven upper bound on it (dual objective), shape ``(rows,)``.
    face
        Bounds of all columns that leave exactly the optimal schedules: an instance over the vehicles' columns.
    residuals
        Of all batches together.
    seconds
        Time inside the solver.
    """

    value: FloatArray
    bound: FloatArray
    face: Instance
    residuals: Residuals
    seconds: float
    solver: str


def lot_cost(vehicles: VehicleProgram, tariffs: Tariffs, length_h: FloatArray) -> FloatArray:
    """Return minus the profit (8) of one vehicle of each row, per column; ``length_h`` are the periods' lengths."""
    charge = tariffs.lot_buys - tariffs.driver_pays
    discharge = tariffs.degradation - (1.0 - tariffs.driver_share) * tariffs.lot_sells
    period = vehicles.period
    return vehicles.cost(length_h[period] * charge[period], length_h[period] * discharge[period])


def row_sums(vehicles: VehicleProgram, per_column: FloatArray) -> FloatArray:
    """Sum values per column over the rows that own the columns, shape ``(rows,)``."""
    return np.bincount(vehicles.row, per_column.reshape(-1, 3).sum(axis=1), vehicles.lot.size).astype(np.float64)


def solve_lower(vehicles: VehicleProgram, cost: FloatArray, solver: str) -> LowerLevel:
    """Maximise every vehicle's own profit.

    Parameters
    ----------
    cost
        From :func:`lot_cost`.
    """
    instance = vehicles.instance.with_cost(cost)
    solved = solve_vehicles(vehicles, instance, solver)
    face = replace(optimal_face(instance, solved.y), cost=np.zeros_like(cost))
    value, bound = -row_sums(vehicles, cost * solved.x), -dual_values(vehicles, instance, solved.y)
    return LowerLevel(value, bound, face, solved.residuals, solved.seconds, solved.solver)


@dataclass(frozen=True, eq=False)
class SolvedVehicles:
    """An optimum over the vehicles' columns, with its multipliers and residuals."""

    x: FloatArray
    y: FloatArray
    residuals: Residuals
    seconds: float
    solver: str


def solve_vehicles(vehicles: VehicleProgram, instance: Instance, solver: str) -> SolvedVehicles:
    """Minimise a cost over the vehicles' columns, batch by batch."""
    x, y = np.zeros(instance.shape[1]), np.zeros(instance.shape[0])
    seconds, name = 0.0, solver
    for begin, end in batches(vehicles.start, BATCH_COLUMNS // 3):
        part = stays_of(instance, begin, end)
        handle, solution = load_and_solve(part, solver)
        require_optimal(solution, "the vehicles' problem")
        x[3 * begin : 3 * end], y[begin:end] = solution.x, solution.y
        seconds, name = seconds + solution.seconds, handle.name
    return SolvedVehicles(x, y, kkt_residuals(instance, x, y), seconds, name)


def batches(start: IntArray, stays: int) -> list[tuple[int, int]]:
    """Cut the stays into runs of whole vehicles, at most ``stays`` long unless one vehicle is longer."""
    cuts = [0]
    while cuts[-1] < start[-1]:
        end = int(start[np.searchsorted(start, cuts[-1] + stays, side="right") - 1])
        if end == cuts[-1]:
            end = int(start[np.searchsorted(start, end, side="right")])
        cuts.append(end)
    return list(itertools.pairwise(cuts))


def stays_of(instance: Instance, begin: int, end: int) -> Instance:
    """Return the part of the vehicles' instance that belongs to a run of stays; whole vehicles only."""
    matrix = instance.matrix
    first, last = matrix.indptr[begin], matrix.indptr[end]
    arrays = (
        matrix.data[first:last],
        matrix.indices[first:last] - 3 * begin,
        matrix.indptr[begin : end + 1] - first,
    )
    columns = slice(3 * begin, 3 * end)
    return Instance(
        sp.csr_array(arrays, shape=(end - begin, 3 * (end - begin))),
        instance.cost[columns],
        instance.row_lower[begin:end],
        instance.row_upper[begin:end],
        instance.col_lower[columns],
        instance.col_upper[columns],
    )


def dual_values(vehicles: VehicleProgram, instance: Instance, y: FloatArray) -> FloatArray:
    """Return the dual objective of each row's own problem, currency, shape ``(rows,)``.

    The problems are independent and every column is bounded, so each entry is a proven bound whatever ``y`` is.
    """
    z = reduced_costs(instance, y)
    sides = np.where(z > 0.0, instance.col_lower, instance.col_upper)
    return np.bincount(vehicles.row, instance.row_lower * y, vehicles.lot.size) + row_sums(vehicles, sides * z)
