"""Charging and discharging exclude each other (mode ``strict-exclusive``): value functions instead of multipliers.

One way at a time the lower level is not convex and has no KKT system. What a vehicle can earn, v*, is found by dynamic
programming (:mod:`equilibrium.markets.disco.lower.one_way`); it is exact, as tariffs do not depend on the upper level.
The company's stage is solved over mixtures of the schedules that earn v* first
(:mod:`equilibrium.markets.disco.upper.mixtures`): a proven bound. Then every vehicle gets a direction in every period.
With directions given, all schedules that earn v* are a face again, and the stage is that of mode ``strict``. The bound
says what other directions could bring at most. Where it is not reached, a mixed-integer program looks for better
directions of a few vehicles: those that go both ways in the mixture, and on small days all, which proves the optimum.

Several choices of directions may be equally good. No rule picks one of them, so a day on which a vehicle may go either
way in some period carries a note: with another solver its schedules, and what follows from them, may be others. What
the lots earn is v* with all of them, and the company's profit differs by its proven regret at most.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from equilibrium.arrays import BoolArray, FloatArray, IntArray
from equilibrium.deadline import Deadline
from equilibrium.errors import InfeasibleError, SolverError
from equilibrium.fleet.vehicles import VehicleProgram
from equilibrium.markets.disco.lower.optimum import solve_lower
from equilibrium.markets.disco.network.service import NoDispatchError
from equilibrium.markets.disco.upper.master import MAXIMUM_ROUNDS, Master
from equilibrium.markets.disco.upper.mixtures import Hull
from equilibrium.markets.disco.upper.paid import paid, relaxation, solve_paid
from equilibrium.markets.disco.upper.stage import Columns, Part, Stage, State
from equilibrium.markets.disco.upper.waste import without_waste
from equilibrium.programs.duality import Residuals
from equilibrium.programs.program import GAP, INF, Instance, ProgramBuilder
from equilibrium.programs.solvers import MixedSolution, Status, solve_mixed

LARGEST_CHOICES = 32
"""Most directions that a mixed-integer program chooses to lower a cost that is known; with more it takes minutes."""

TIME_LIMIT_S = 600.0
"""Time after which a mixed-integer program returns what it has, should nodes take very long; a note says so."""

NOT_PROVED_UNIQUE = "one way at a time: another choice of directions may be as good, so schedules are not proved unique"
"""Note of a day on which some vehicle has a choice of directions; the only numbers that are not made unique."""

BOTH_WAYS_KW = 1e-9
"""A schedule, or a mixture of some, goes both ways in a period when the smaller of both powers is above this, kW."""


def solve_stage_one_way(
    parts: Sequence[Part], solver: str, state: State, label: int = 0, deadline: Deadline | None = None
) -> Stage:
    """Solve the company's stage over one-way schedules that earn what each vehicle can earn at most.

    Multipliers and prices belong to the linear program with the directions that were chosen; the bound holds for all
    directions.

    Parameters
    ----------
    label
        Number of the first of the scenarios, for errors.
    deadline
        Limit of its searches; none by default. What is found by then is returned with its gap.

    Raises
    ------
    NoDispatchError
        When the network can serve none of these schedules.
    """
    deadline = deadline or Deadline()
    mixture = Hull(parts, solver, state).solve(deadline)
    vehicles = [part.vehicles for part in parts]
    torn = [_torn(fleet, mean) for fleet, mean in zip(vehicles, mixture.x, strict=True)]
    first = [_directions(*each) for each in zip(torn, mixture.x, mixture.leading, strict=True)]
    bound, seconds, notes = mixture.bound, mixture.seconds, list(mixture.notes)
    best = _try_directions(parts, first, solver, state, deadline)
    for free in (torn, [np.ones(fleet.stays, dtype=bool) for fleet in vehicles]):
        if best is not None and best[0].cost - bound <= GAP * (1.0 + abs(best[0].cost)):
            break
        choices = sum(int(stays.sum()) for stays in free)
        if choices == 0 or (best is not None and choices > LARGEST_CHOICES):
            continue
        mixed, directions = choose_directions(parts, first, free, solver, state, deadline)
        seconds += mixed.seconds
        if mixed.status is Status.LIMIT:
            notes.append(f"the {deadline.what} stopped the search for better directions of vehicles")
        if all(stays.all() for stays in free):
            if mixed.status is Status.INFEASIBLE:
                raise NoDispatchError
            bound = max(bound, mixed.bound)
        other = _try_directions(parts, directions, solver, state, deadline) if directions is not None else None
        if other is not None and (best is None or other[0].cost < best[0].cost):
            best = other
    if best is None:
        raise SolverError("mixtures of the vehicles' schedules can be served, but no schedules were found that can")
    stage, kept = _kept_energy(*best, solver, state, label)
    if stage.cost - bound > GAP * (1.0 + abs(stage.cost)):
        notes.append(f"one way at a time: other directions could gain up to {stage.cost - bound:.3g} for the company")
    if any((np.minimum(part.feasible.col_upper[0::3], part.feasible.col_upper[1::3]) > 0.0).any() for part in parts):
        notes.append(NOT_PROVED_UNIQUE)
    return replace(
        stage,
        bound=min(bound, stage.cost),
        residuals=_worst([mixture.residuals, stage.residuals]),
        rounds=stage.rounds + mixture.rounds,
        seconds=stage.seconds + seconds,
        notes=(*stage.notes, *kept, *notes),
    )


def _torn(vehicles: VehicleProgram, mean: FloatArray) -> BoolArray:
    """Return which stays belong to vehicles whose mean schedule goes both ways somewhere, shape ``(stays,)``."""
    both = np.minimum(mean[0::3], mean[1::3]) > BOTH_WAYS_KW
    return np.asarray((np.bincount(vehicles.row, both, vehicles.lot.size) > 0.0)[vehicles.row])


def _directions(torn: BoolArray, mean: FloatArray, leading: FloatArray) -> BoolArray:
    """Return in which stays a vehicle may charge, shape ``(stays,)``; in the others it may discharge.

    A vehicle whose mean schedule goes both ways keeps to its leading one.
    """
    net, own = mean[0::3] - mean[1::3], leading[0::3] - leading[1::3]
    return np.asarray(np.where(torn & (own != 0.0), own, net) >= 0.0)


def in_directions(instance: Instance, charging: BoolArray, free: BoolArray | None = None) -> Instance:
    """Return the vehicles' instance with one direction in every stay that is not ``free``."""
    fixed = np.ones_like(charging) if free is None else ~free
    upper = instance.col_upper.copy()
    upper[0::3][fixed & ~charging] = 0.0
    upper[1::3][fixed & charging] = 0.0
    return replace(instance, col_upper=upper)


def _try_directions(
    parts: Sequence[Part], directions: Sequence[BoolArray], solver: str, state: State, deadline: Deadline
) -> tuple[Stage, list[Part]] | None:
    """Solve the stage with given directions; ``None`` where no such schedule can be served."""
    try:
        return solve_in_directions(parts, directions, solver, state, deadline)
    except (NoDispatchError, InfeasibleError):
        return None


def solve_in_directions(
    parts: Sequence[Part],
    directions: Sequence[BoolArray],
    solver: str,
    state: State,
    deadline: Deadline | None = None,
) -> tuple[Stage, list[Part]]:
    """Solve the stage with the direction of every stay given, shape ``(stays,)`` for each scenario.

    Returns
    -------
    tuple
        The stage, and its scenarios with the faces of the schedules that earn v* in these directions.

    Raises
    ------
    NoDispatchError
        When no such schedule can be served.
    SolverError
        When a vehicle cannot earn v* in its directions.
    """
    fixed, residuals, seconds = [], list[Residuals](), 0.0
    for part, charging in zip(parts, directions, strict=True):
        vehicles, asked = replace(part.vehicles, instance=in_directions(part.vehicles.instance, charging)), part.asked
        lower = solve_lower(vehicles, -asked.earned, solver)
        if (lower.value < asked.floor).any():
            raise SolverError("a vehicle cannot earn in its directions what it can earn at most")
        fixed.append(replace(part, feasible=lower.face.with_cost(part.feasible.cost), one_way=None))
        residuals.append(lower.residuals)
        seconds += lower.seconds
    if paid(fixed).any():
        stage = solve_paid(fixed, solver, state, 0, deadline or Deadline())
    else:
        stage = Master(fixed, solver, state).solve()
    return replace(stage, residuals=_worst([*residuals, stage.residuals]), seconds=stage.seconds + seconds), fixed


def _kept_energy(
    stage: Stage, fixed: Sequence[Part], solver: str, state: State, label: int
) -> tuple[Stage, tuple[str, ...]]:
    """Return the stage without energy wasted in the lines, if these directions admit one, and notes."""
    if paid(fixed).any():  # its squares are exact already
        return stage, ()
    try:
        better = without_waste(stage, fixed, solver, state, label=label)
    except InfeasibleError:
        return stage, ("in the vehicles' directions that were chosen, no dispatch is without waste in the lines",)
    return replace(better, residuals=_worst([stage.residuals, better.residuals])), ()


def choose_directions(
    parts: Sequence[Part],
    directions: Sequence[BoolArray],
    free: Sequence[BoolArray],
    solver: str,
    state: State,
    deadline: Deadline | None = None,
) -> tuple[MixedSolution, list[BoolArray] | None]:
    """Solve the stage with the directions of some vehicles free, by a mixed-integer program.

    Parameters
    ----------
    directions, free
        Given directions, and all stays of the vehicles for which they are free; shape ``(stays,)`` for each scenario.

    Returns
    -------
    tuple
        The last program's answer (its bound holds for what is free), and the directions found, if any.
    """
    choices: list[tuple[IntArray, IntArray]] = []

    def state_free(build: ProgramBuilder, every: Sequence[Part]) -> Columns:
        columns = state(build, every)
        for number, (part, own, stays) in enumerate(zip(every, columns.vehicles, free, strict=True)):
            choices.append(_add_directions(build, number, part, own, stays))
        return columns

    mixed_parts = [
        replace(part, feasible=in_directions(part.feasible, charging, stays))
        for part, charging, stays in zip(parts, directions, free, strict=True)
    ]
    deadline = deadline or Deadline()
    nothing = MixedSolution(Status.INFEASIBLE, np.zeros(0), INF, INF, 0.0)
    try:
        master = relaxation(mixed_parts, solver, state_free)
        seconds = master.fill()[-1]
    except NoDispatchError:
        return nothing, None
    integer = np.zeros(master.instance.shape[1], dtype=bool)
    integer[np.concatenate([columns for _, columns in choices])] = True
    for _ in range(MAXIMUM_ROUNDS):
        left = max(TIME_LIMIT_S - seconds, 1.0)
        nodes = max(deadline.nodes_left, 1.0)
        mixed = solve_mixed(master.instance, integer, solver, gap=GAP, time_limit_s=left, node_limit=nodes)
        seconds += mixed.seconds
        deadline.spend(max(1, mixed.nodes))
        mixed = replace(mixed, seconds=seconds)
        if not np.isfinite(mixed.objective) or not mixed.x.size:  # none, or none in time: x means nothing then
            return mixed, None
        _, rows, spent = master.cut(mixed.x)
        seconds += spent
        if not rows or mixed.status is Status.LIMIT or seconds >= TIME_LIMIT_S or deadline.passed:
            break
    answer = [charging.copy() for charging in directions]
    for charging, (stays, columns) in zip(answer, choices, strict=True):
        charging[stays] = mixed.x[columns] > 0.5
    return (mixed if not rows else replace(mixed, status=Status.LIMIT)), answer


def _add_directions(
    build: ProgramBuilder, number: int, part: Part, columns: IntArray, free: BoolArray
) -> tuple[IntArray, IntArray]:
    """State that free vehicles charge (1) or discharge (0) in a stay, and that all earn v*; stays and choices."""
    upper, asked, vehicles = part.feasible.col_upper, part.asked, part.vehicles
    stays = np.flatnonzero(free & (np.minimum(upper[0::3], upper[1::3]) > 0.0))
    charging = build.columns(f"charging_{number}", (stays.size,), upper=1.0)
    row = build.rows(f"charge_{number}", (stays.size,), upper=0.0)
    build.coefficients(row, columns[0::3][stays], 1.0)
    build.coefficients(row, charging, -upper[0::3][stays])
    row = build.rows(f"discharge_{number}", (stays.size,), upper=upper[1::3][stays])
    build.coefficients(row, columns[1::3][stays], 1.0)
    build.coefficients(row, charging, upper[1::3][stays])
    floor = build.rows(f"floor_{number}", asked.floor.shape, lower=asked.floor)
    build.coefficients(np.repeat(floor[vehicles.row], 3), columns, asked.earned)
    return stays, charging


def _worst(every: Sequence[Residuals]) -> Residuals:
    """Return the largest of each residual."""
    names = ("primal", "dual", "complementarity", "gap")
    return Residuals(*(max(getattr(one, name) for one in every) for name in names))
