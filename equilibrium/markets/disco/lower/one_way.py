"""What vehicles earn at most one way at a time, v*, and the cheapest schedules that earn it.

Both are dynamic programs (:mod:`equilibrium.fleet.battery`). For the second one a price is put on what a vehicle earns:
with the cost ``c``, income ``e`` and price ``mu``, the minimum of ``c(x) - mu (e(x) - v*)`` over all one-way schedules
is a lower bound on the cost of those that earn v*, whatever ``mu`` is. It is raised until the minimum earns v*; then
the bound is attained.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from equilibrium.arrays import FloatArray
from equilibrium.fleet.battery import best_schedules
from equilibrium.fleet.vehicles import VehicleProgram
from equilibrium.markets.disco.lower.optimum import LowerLevel, row_sums
from equilibrium.programs.duality import Residuals
from equilibrium.programs.program import GAP, Instance

FIRST_PRICE = 10.0
"""Price of income at first, relative to the greatest cost per greatest income; raised tenfold where it is too low."""

GREATEST_PRICE = 1e6
"""The same at last: beyond, rounding of incomes would weigh more than costs."""


@dataclass(frozen=True, eq=False)
class OneWay:
    """Vehicles that charge or discharge in a period but not both, and earn what they can earn at most in that way.

    Attributes
    ----------
    earned
        What each column earns for its vehicle, currency per unit, shape ``(columns,)``.
    x
        Schedules that earn v*: columns of the vehicles' program.
    value
        v*: what each row can earn at most, currency, shape ``(rows,)``.
    floor
        What counts as v*, rounding taken off, shape ``(rows,)``.
    """

    earned: FloatArray
    x: FloatArray
    value: FloatArray
    floor: FloatArray


def solve_one_way(vehicles: VehicleProgram, cost: FloatArray) -> tuple[LowerLevel, OneWay]:
    """Maximise every vehicle's own profit, one way at a time.

    Returns
    -------
    tuple
        The lower level, whose ``face`` is not restricted, and what its vehicles have to earn in the upper one.
    """
    begin = time.perf_counter()
    best = best_schedules(vehicles, -cost)
    value, instance = row_sums(vehicles, -cost * best.x), vehicles.instance
    bound = np.maximum(best.value, value)
    residuals = _residuals(instance, best.x, value, bound)
    seconds = time.perf_counter() - begin
    lower = LowerLevel(value, bound, instance, residuals, seconds, "dynamic programming")
    return lower, OneWay(-cost, best.x, value, value - GAP * (1.0 + np.abs(value)))


def _residuals(instance: Instance, x: FloatArray, value: FloatArray, bound: FloatArray) -> Residuals:
    """Recompute how far schedules are from their balances and limits, and from the value functions."""
    missing, size = np.abs(instance.matrix @ x - instance.row_lower), 1.0 + abs(instance.matrix) @ np.abs(x)
    outside = np.maximum(instance.col_lower - x, x - instance.col_upper) / (1.0 + np.abs(x))
    primal = max(float((missing / size).max(initial=0.0)), float(outside.max(initial=0.0)))
    return Residuals(primal, 0.0, 0.0, float(((bound - value) / (1.0 + np.abs(value))).max(initial=0.0)))


@dataclass(frozen=True, eq=False)
class Found:
    """Cheapest schedules that earn v*.

    Attributes
    ----------
    x
        Columns of the vehicles' program.
    cost, bound
        What each row costs, and a proven lower bound on it, shape ``(rows,)``.
    price
        Relative price of income at which they were found.
    """

    x: FloatArray
    cost: FloatArray
    bound: FloatArray
    price: float


def find_schedules(vehicles: VehicleProgram, one_way: OneWay, cost: FloatArray, price: float = FIRST_PRICE) -> Found:
    """Minimise a cost of the vehicles' columns over the one-way schedules that earn v*.

    A row that would give up income even at the greatest price keeps the schedule that it has; its bound is then less
    than its cost.

    Parameters
    ----------
    cost
        Shape ``(columns,)``: nothing for energies; for powers the same for all rows of a lot in one period.
    price
        Relative price of income to start with.
    """
    income = float(np.abs(one_way.earned).max(initial=0.0))
    scale = float(np.abs(cost).max(initial=0.0)) / income if income > 0.0 else 0.0
    while True:
        best = best_schedules(vehicles, price * scale * one_way.earned - cost)
        poor = row_sums(vehicles, one_way.earned * best.x) < one_way.floor
        if not poor.any() or price >= GREATEST_PRICE:
            break
        price *= 10.0
    x = np.where(np.repeat(poor[vehicles.row], 3), one_way.x, best.x)
    return Found(x, row_sums(vehicles, cost * x), price * scale * one_way.value - best.value, price)
