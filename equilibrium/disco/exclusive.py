"""Charging and discharging exclude each other (mode ``strict-exclusive``): value functions instead of multipliers.

With a binary per stay the lower level is not convex and has no KKT system. Its value v* is found by a mixed-integer
program per vehicle, and the upper level asks for schedules that earn v*: exact, as tariffs do not depend on it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from equilibrium.disco.loaded import load_and_solve, optimum
from equilibrium.disco.lower import LowerLevel, SolvedVehicles, dual_values, row_sums, solve_vehicles, stays_of
from equilibrium.disco.service import NoDispatchError
from equilibrium.disco.upper import Columns, Master, Part, Stage
from equilibrium.disco.vehicles import OneWay, VehicleProgram
from equilibrium.duality import dual_objective, reduced_costs
from equilibrium.errors import SolverError
from equilibrium.network import FloatArray, IntArray
from equilibrium.program import Instance, ProgramBuilder
from equilibrium.solvers import MixedSolution, Status, solve_mixed

MIXED_GAP = 1e-9
"""Relative gap at which a mixed-integer program is closed; rows have to earn their v* up to the same."""

BOTH_WAYS_KW = 1e-9
"""A vehicle goes one way at a time when the smaller of both powers is below this, kW."""

TIME_LIMIT_S = 60.0
"""Time after which the company's stage returns its best schedule with the gap that is left."""


def solve_one_way(vehicles: VehicleProgram, cost: FloatArray, solver: str) -> tuple[LowerLevel, OneWay]:
    """Maximise every vehicle's own profit, one way at a time.

    Returns
    -------
    tuple
        The lower level, whose ``face`` is not restricted, and what its vehicles have to earn in the upper one.
    """
    free = OneWay(-cost, np.full(vehicles.lot.size, -np.inf))
    solved, bound = minimise_one_way(vehicles, vehicles.instance.with_cost(cost), free, solver)
    value = -row_sums(vehicles, cost * solved.x)
    lower = LowerLevel(value, -bound, vehicles.instance, solved.residuals, solved.seconds, solved.solver)
    return lower, OneWay(-cost, value - MIXED_GAP * (1.0 + np.abs(value)))


def minimise_one_way(
    vehicles: VehicleProgram, instance: Instance, one_way: OneWay, solver: str
) -> tuple[SolvedVehicles, FloatArray]:
    """Minimise a cost over the vehicles' columns, one way at a time, each row earning its floor.

    The linear program without binaries answers for all rows whose schedule is one-way anyway.

    Returns
    -------
    tuple
        The optimum (its multipliers are those of the linear program) and a proven lower bound per row.
    """
    solved = solve_vehicles(vehicles, instance, solver)
    x, seconds = solved.x.copy(), solved.seconds
    bound = dual_values(vehicles, instance, solved.y)
    both = np.minimum(x[0::3], x[1::3]) > BOTH_WAYS_KW
    poor = row_sums(vehicles, one_way.earned * x) < one_way.floor
    for row in np.flatnonzero((np.bincount(vehicles.row, both, vehicles.lot.size) > 0.0) | poor):
        begin, end = int(vehicles.start[row]), int(vehicles.start[row + 1])
        columns = slice(3 * begin, 3 * end)
        mixed = _solve_row(stays_of(instance, begin, end), one_way.earned[columns], float(one_way.floor[row]), solver)
        x[columns], bound[row] = mixed.x[: 3 * (end - begin)], mixed.bound
        seconds += mixed.seconds
    return replace(solved, x=x, seconds=seconds), bound


def _solve_row(part: Instance, earned: FloatArray, floor: float, solver: str) -> MixedSolution:
    build = ProgramBuilder()
    columns = build.columns("vehicle", part.cost.shape, lower=part.col_lower, upper=part.col_upper, cost=part.cost)
    rows = build.rows("balance", part.row_lower.shape, lower=part.row_lower, upper=part.row_upper)
    matrix = part.matrix
    build.coefficients(np.repeat(rows, np.diff(matrix.indptr)), columns[matrix.indices], matrix.data)
    directions = _add_directions(build, "direction", columns, part.col_upper)
    if np.isfinite(floor):
        build.coefficients(build.rows("floor", (1,), lower=floor), columns, earned)
    instance = build.compile().bind({})
    if not directions.size:  # the floor alone matters
        _, solution = load_and_solve(instance, solver)
        optimum(solution, "a vehicle's problem")
        bound = dual_objective(instance, solution.y, reduced_costs(instance, solution.y))
        return MixedSolution(solution.status, solution.x, float(instance.cost @ solution.x), bound, solution.seconds)
    mixed = solve_mixed(instance, _integer(instance, [directions]), solver, gap=MIXED_GAP, time_limit_s=TIME_LIMIT_S)
    if mixed.status is not Status.OPTIMAL:
        raise SolverError(f"a vehicle's one-way problem ended {mixed.status}")
    return mixed


def _add_directions(build: ProgramBuilder, name: str, columns: IntArray, upper: FloatArray) -> IntArray:
    """State that a vehicle charges (1) or discharges (0) where it may do both; return the columns of the choices."""
    both = np.flatnonzero(np.minimum(upper[0::3], upper[1::3]) > 0.0)
    charging = build.columns(name, (both.size,), upper=1.0)
    row = build.rows(f"{name}_charge", (both.size,), upper=0.0)
    build.coefficients(row, columns[0::3][both], 1.0)
    build.coefficients(row, charging, -upper[0::3][both])
    row = build.rows(f"{name}_discharge", (both.size,), upper=upper[1::3][both])
    build.coefficients(row, columns[1::3][both], 1.0)
    build.coefficients(row, charging, upper[1::3][both])
    return charging


def _integer(instance: Instance, directions: Sequence[IntArray]) -> np.ndarray:
    flags = np.zeros(instance.shape[1], dtype=bool)
    for columns in directions:
        flags[columns] = True
    return flags


def solve_stage_one_way(
    parts: Sequence[Part], solver: str, state: Callable[[ProgramBuilder, Sequence[Part]], Columns]
) -> Stage:
    """Solve the company's stage over one-way schedules that earn what each vehicle can earn at most.

    Planes come from the relaxation first, then from mixed-integer optima. Multipliers and prices belong to the linear
    program with the directions that were chosen; the bound is that of the mixed-integer program.

    Raises
    ------
    NoDispatchError
        When the network can serve none of these schedules.
    """
    directions: list[IntArray] = []

    def state_one_way(build: ProgramBuilder, parts: Sequence[Part]) -> Columns:
        columns = state(build, parts)
        for number, (part, own) in enumerate(zip(parts, columns.vehicles, strict=True)):
            directions.append(_add_directions(build, f"direction_{number}", own, part.feasible.col_upper))
            if part.one_way is not None:
                asked = np.isfinite(part.one_way.floor)
                floor = build.rows(f"floor_{number}", part.one_way.floor.shape, lower=part.one_way.floor)
                rows = np.repeat(floor[part.vehicles.row], 3)
                keep = asked[np.repeat(part.vehicles.row, 3)]
                build.coefficients(rows[keep], own[keep], part.one_way.earned[keep])
        return columns

    master = Master(parts, solver, state_one_way)
    relaxed = master.solve()
    if not sum(columns.size for columns in directions):  # nobody has a choice
        return relaxed
    integer, start, seconds = _integer(master.instance, directions), time.perf_counter(), 0.0
    while True:
        left = TIME_LIMIT_S - (time.perf_counter() - start)
        mixed = solve_mixed(master.instance, integer, solver, gap=MIXED_GAP, time_limit_s=max(left, 1.0))
        seconds += mixed.seconds
        if mixed.status is Status.INFEASIBLE:
            raise NoDispatchError
        if not mixed.x.size:
            raise SolverError("the company's stage found no one-way schedule within its time limit")
        _, rows, spent = master.cut(mixed.x)
        seconds += spent
        if not rows or left <= 0.0:
            break
    chosen = np.round(mixed.x[integer])
    master.instance = master.instance.with_columns(np.flatnonzero(integer), chosen, chosen)
    stage = master.solve()
    stopped = ("the time limit stopped the company's one-way stage",) if mixed.status is Status.LIMIT else ()
    return replace(stage, bound=min(mixed.bound, stage.cost), seconds=stage.seconds + seconds, notes=stopped)
