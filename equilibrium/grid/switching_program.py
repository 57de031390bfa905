"""Restoration as a mixed-integer program with exact radiality, sectionalisers included.

Every branch has two arcs; an arc that is used carries power, the squared voltage of its sending bus, and supply: one
unit for each bus behind it. A bus is supplied when one arc into it is used. Since supply comes from the roots alone,
the arcs that are used are a forest of trees that each begin at one root, whatever local sources there are: counting
branches and parents alone would let a source feed a loop. Products of a state and a voltage are written by their four
inequalities with the voltage band, which are exact for whole states; there is no other constant.
"""

from __future__ import annotations

import numpy as np

from equilibrium.arrays import BoolArray, FloatArray, IntArray
from equilibrium.errors import SolverError
from equilibrium.grid.branch_flow import Arcs, arcs_of
from equilibrium.grid.lossy import WATTS_PER_KILOWATT
from equilibrium.grid.meshed import MeshedGrid
from equilibrium.grid.restoration import SIDES, Hour, Outage, Restored, check_hour, operations, polygon
from equilibrium.programs.program import Program, ProgramBuilder
from equilibrium.programs.solvers import Status, solve_mixed


def restore_by_switching(
    grid: MeshedGrid,
    hour: Hour,
    outage: Outage,
    *,
    sectionalisers: bool = True,
    solver: str = "auto",
    time_limit_s: float = 600.0,
) -> Restored:
    """Find the switching after an outage for the least cost of what is not served.

    Parameters
    ----------
    sectionalisers
        Whether closed branches that are switchable may be opened too; else ties alone are moved.

    Raises
    ------
    InputError
        When the hour does not fit the grid.
    SolverError
        When the program was not solved within the limit.
    """
    check_hour(grid, hour)
    alive = np.ones(grid.branches, dtype=np.bool_)
    alive[list(outage.branches)] = False
    alive &= ~(np.isin(grid.start, list(outage.buses)) | np.isin(grid.end, list(outage.buses)))
    arcs = arcs_of(grid)
    keep = alive[arcs.branch]
    arcs = Arcs(arcs.start[keep], arcs.end[keep], arcs.branch[keep])
    held = alive & grid.closed & (~grid.switchable if sectionalisers else True)
    program, integer = _compile(grid, hour, outage, arcs, held)
    instance = program.bind({})
    answer = solve_mixed(instance, integer, solver, time_limit_s=time_limit_s)
    if answer.status is not Status.OPTIMAL:
        raise SolverError(f"the switching of grid {grid.name} ended {answer.status}")
    used = program.value(answer.x, "used") > 0.5
    closed = grid.closed & alive & (~grid.switchable if sectionalisers else True)
    closed[arcs.branch[used]] = True
    dark = program.value(answer.x, "supplied") < 0.5
    closed |= grid.closed & alive & dark[grid.start] & dark[grid.end]  # what is without supply is left as it was
    served = np.clip(program.value(answer.x, "served"), 0.0, 1.0)
    total = float(hour.value @ hour.load_kw)
    shed = hour.load_kw * (1.0 - served)
    size = np.zeros(grid.branches)
    flow = np.hypot(program.value(answer.x, "flow"), program.value(answer.x, "flow_q"))
    np.add.at(size, arcs.branch, np.where(used, flow, 0.0))
    return Restored(
        outage=outage,
        closed=closed,
        shed_kw=shed,
        cost=float(hour.value @ shed),
        bound=total + answer.bound,
        operations=operations(grid, closed, outage),
        flow_kva=size,
        loading=size / grid.rating_kva,
        configurations=0,
        programs=1,
    )


def _compile(grid: MeshedGrid, hour: Hour, outage: Outage, arcs: Arcs, held: BoolArray) -> tuple[Program, BoolArray]:
    """State the program; ``held`` are the branches that stay closed."""
    build, shape, fed = ProgramBuilder(), arcs.branch.shape, np.setdiff1d(np.arange(grid.size), grid.roots)
    most = [float(np.abs(load).sum() + source.sum()) for load, source in
            ((hour.load_kw, hour.source_kw), (hour.load_kvar, hour.source_kvar))]  # fmt: skip
    low, high = ((each * grid.base_kv) ** 2 for each in (grid.voltage_min_pu, grid.voltage_max_pu))
    low[list(grid.roots)] = high[list(grid.roots)] = (grid.root_voltage_pu * grid.base_kv) ** 2
    standing = np.ones(grid.size)
    standing[list(outage.buses)] = 0.0
    used = build.columns("used", shape, upper=1.0)
    is_root = np.isin(np.arange(grid.size), grid.roots)
    supplied = build.columns("supplied", (grid.size,), lower=is_root * standing, upper=standing)
    served = build.columns("served", (grid.size,), upper=1.0, cost=-hour.value * hour.load_kw)
    supply = build.columns("supply", shape, upper=float(grid.size))
    build.columns("flow", shape, lower=-most[0], upper=most[0])
    build.columns("flow_q", shape, lower=-most[1], upper=most[1])
    build.columns("square", shape, upper=high[arcs.start])
    build.columns("voltage", (grid.size,), lower=low, upper=high)

    row = build.rows("served", (grid.size,), upper=0.0)
    build.coefficients(row, served, 1.0)
    build.coefficients(row, supplied, -1.0)
    one, units = (np.full(grid.size, -1) for _ in range(2))
    one[fed] = build.rows("one arc", fed.shape, lower=0.0, upper=0.0)
    units[fed] = build.rows("supply", fed.shape, lower=0.0, upper=0.0)
    build.coefficients(one[arcs.end], used, 1.0)
    build.coefficients(one[fed], supplied[fed], -1.0)
    build.coefficients(units[arcs.end], supply, 1.0)
    inner = units[arcs.start] >= 0
    build.coefficients(units[arcs.start[inner]], supply[inner], -1.0)
    build.coefficients(units[fed], supplied[fed], -1.0)
    row = build.rows("supply of an arc", shape, upper=0.0)
    build.coefficients(row, supply, 1.0)
    build.coefficients(row, used, -float(fed.size))
    _state_branches(build, grid, arcs, held)
    _state_flow(build, grid, hour, arcs, most)
    _state_voltage(build, grid, arcs, (low, high))
    program = build.compile()
    integer = np.zeros(program.shape[1], dtype=np.bool_)
    integer[used] = True
    return program, integer


def _state_branches(build: ProgramBuilder, grid: MeshedGrid, arcs: Arcs, held: BoolArray) -> None:
    """Use a branch one way at most; one that stays closed is used where its ends are supplied, and both are or none."""
    used, supplied = build.column_index("used"), build.column_index("supplied")
    row = build.rows("one way", (grid.branches,), upper=1.0)
    build.coefficients(row[arcs.branch], used, 1.0)
    at = np.flatnonzero(held & np.isin(np.arange(grid.branches), arcs.branch))
    for name, ends in (("start", grid.start[at]), ("end", grid.end[at])):
        rows = np.full(grid.branches, -1)
        rows[at] = build.rows(f"held {name}", at.shape, lower=0.0, upper=0.0)
        chosen = rows[arcs.branch] >= 0
        build.coefficients(rows[arcs.branch[chosen]], used[chosen], 1.0)
        build.coefficients(rows[at], supplied[ends], -1.0)


def _state_flow(build: ProgramBuilder, grid: MeshedGrid, hour: Hour, arcs: Arcs, most: list[float]) -> None:
    """Balance power at every bus; an arc that is not used carries none, and a rating is a polygon."""
    used, served, supplied = (build.column_index(name) for name in ("used", "served", "supplied"))
    shape = hour.source_bus.shape
    sources = (
        build.columns("source", shape, upper=hour.source_kw),
        build.columns("source_q", shape, lower=-hour.source_kvar, upper=hour.source_kvar),
    )
    for k, (name, load, limit) in enumerate(
        (("flow", hour.load_kw, hour.source_kw), ("flow_q", hour.load_kvar, hour.source_kvar))
    ):
        flow = build.column_index(name)
        fed = np.setdiff1d(np.arange(grid.size), grid.roots)
        balance = np.full(grid.size, -1)
        balance[fed] = build.rows(f"balance {name}", fed.shape, lower=0.0, upper=0.0)
        inner = balance[arcs.start] >= 0
        build.coefficients(balance[arcs.end], flow, 1.0)
        build.coefficients(balance[arcs.start[inner]], flow[inner], -1.0)
        build.coefficients(balance[fed], served[fed], -load[fed])
        local = balance[hour.source_bus] >= 0
        build.coefficients(balance[hour.source_bus[local]], sources[k][local], 1.0)
        for sign in (1.0, -1.0):
            row = build.rows(f"{name} {sign:+.0f}", flow.shape, upper=0.0)
            build.coefficients(row, flow, sign)
            build.coefficients(row, used, -most[k])
            row = build.rows(f"source {name} {sign:+.0f}", shape, upper=0.0)
            build.coefficients(row, sources[k], sign)
            build.coefficients(row, supplied[hour.source_bus], -limit)
    rated = np.flatnonzero(np.isfinite(grid.rating_kva[arcs.branch]))
    if rated.size:
        cosine, sine, reach = polygon()
        row = build.rows("rating", (rated.size, SIDES), upper=0.0)
        build.coefficients(row, build.column_index("flow")[rated][:, None], cosine)
        build.coefficients(row, build.column_index("flow_q")[rated][:, None], sine)
        build.coefficients(row, used[rated][:, None], -reach * grid.rating_kva[arcs.branch[rated]][:, None])


def _state_voltage(build: ProgramBuilder, grid: MeshedGrid, arcs: Arcs, band: tuple[FloatArray, FloatArray]) -> None:
    """Let voltages fall along used arcs: ``square`` is that of the sending bus where the arc is used, else 0."""
    used, flow, flow_q, square = (build.column_index(name) for name in ("used", "flow", "flow_q", "square"))
    voltage, supplied = build.column_index("voltage"), build.column_index("supplied")
    low, high = band[0][arcs.start], band[1][arcs.start]
    for name, least, values in (
        ("at most its bus", False, (0.0, -1.0, 0.0)),
        ("at most when used", False, (-high, 0.0, 0.0)),
        ("at least its bus", True, (-high, -1.0, -high)),
        ("at least when used", True, (-low, 0.0, 0.0)),
    ):
        on_use, on_bus, side = values
        bounds = {"lower": side} if least else {"upper": side}
        row = build.rows(f"square {name}", arcs.branch.shape, **bounds)
        build.coefficients(row, square, 1.0)
        build.coefficients(row, used, on_use)
        build.coefficients(row, voltage[arcs.start], on_bus)
    fed: IntArray = np.setdiff1d(np.arange(grid.size), grid.roots)
    own = band[0]
    # The voltage of a bus that is not supplied means nothing: it is held at its lower limit.
    row = np.full(grid.size, -1)
    row[fed] = build.rows("drop", fed.shape, lower=own[fed], upper=own[fed])
    build.coefficients(row[fed], voltage[fed], 1.0)
    build.coefficients(row[fed], supplied[fed], own[fed])
    build.coefficients(row[arcs.end], square, -1.0)
    build.coefficients(row[arcs.end], flow, 2.0 * grid.r_ohm[arcs.branch] / WATTS_PER_KILOWATT)
    build.coefficients(row[arcs.end], flow_q, 2.0 * grid.x_ohm[arcs.branch] / WATTS_PER_KILOWATT)
