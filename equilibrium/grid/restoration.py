"""What is left without supply after an outage, at best: over all ways to close ties, or over all switching.

The flow is LinDistFlow (Baran and Wu 1989, without losses): power balances, squared voltages that fall along a branch
by ``2 (r P + x Q)``, voltage bands, and ratings as a polygon inside the circle, so that what it allows is allowed. A
load may be served in part, active and reactive power alike; local sources help where their bus is supplied from a root.
What is not served costs its value of lost load.

Closing ties leaves few radial configurations, and for each of them the least shedding is a small linear program: the
least of these is exact (:func:`restore`). Where no load is shed by a dispatch that keeps every limit, no program is
needed at all. :mod:`equilibrium.grid.switching_program` decides about sectionalisers too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from equilibrium.arrays import BoolArray, FloatArray, IntArray
from equilibrium.errors import InputError
from equilibrium.grid.lossy import WATTS_PER_KILOWATT
from equilibrium.grid.meshed import MeshedGrid
from equilibrium.programs.program import FEASIBILITY, INF, Instance, ProgramBuilder
from equilibrium.programs.solvers import solve_linear
from equilibrium.programs.solvers.choose import require_optimal

SIDES = 16
"""Sides of the polygon inside a circle of apparent power."""

SAME_SHED = 1e-7
"""Costs of shedding that differ by less, relative to ``1 + cost``, are one."""


LEVELS = (0.0, 0.5, 1.0)
"""Shares of all sources' power at which a configuration is tried before a program is asked."""


@dataclass(frozen=True, eq=False)
class Hour:
    """What is to be served, and what helps.

    Attributes
    ----------
    load_kw, load_kvar
        Load of each bus, kW and kvar, shape ``(buses,)``, at least 0 kW.
    value
        Value of lost load, money per kWh, shape ``(buses,)``.
    source_bus
        Buses of local sources, shape ``(sources,)``.
    source_kw, source_kvar
        Most active power of each, kW, and most reactive power either way, kvar, shape ``(sources,)``.
    """

    load_kw: FloatArray
    load_kvar: FloatArray
    value: FloatArray
    source_bus: IntArray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    source_kw: FloatArray = field(default_factory=lambda: np.zeros(0))
    source_kvar: FloatArray = field(default_factory=lambda: np.zeros(0))


@dataclass(frozen=True, eq=False)
class Outage:
    """Branches and buses that fail together, by index."""

    name: str
    branches: tuple[int, ...] = ()
    buses: tuple[int, ...] = ()


@dataclass(frozen=True, eq=False)
class Restored:
    """The best that can be done after an outage.

    Attributes
    ----------
    outage
        The outage.
    closed
        The branches that are closed, shape ``(branches,)``.
    shed_kw
        Load of each bus that is not served, kW, shape ``(buses,)``.
    cost
        What it costs in an hour.
    bound
        Proved lower bound of that cost.
    operations
        Branches whose state is not that of the base configuration, apart from those that failed.
    flow_kva
        Apparent power of each branch, kVA, shape ``(branches,)``.
    loading
        The same relative to its rating; 0 where it has none.
    configurations, programs
        Radial configurations that were looked at, and programs that were solved for them.
    """

    outage: Outage
    closed: BoolArray
    shed_kw: FloatArray
    cost: float
    bound: float
    operations: int
    flow_kva: FloatArray
    loading: FloatArray
    configurations: int
    programs: int = 0


def check_hour(grid: MeshedGrid, hour: Hour) -> None:
    """Refuse an hour that does not fit the grid."""
    where = f"hour of grid {grid.name}"
    for name in ("load_kw", "load_kvar", "value"):
        values = getattr(hour, name)
        if values.shape != (grid.size,) or not np.isfinite(values).all():
            raise InputError(where, name, values.shape, f"a finite number for each of {grid.size} buses")
        if name != "load_kvar" and (values < 0.0).any():
            bus = int(np.argmin(values))
            raise InputError(where, f"{name} of bus {grid.buses[bus]}", float(values[bus]), "a number from 0")
    for name in ("source_kw", "source_kvar"):
        values = getattr(hour, name)
        if values.shape != hour.source_bus.shape or not (values >= 0.0).all():
            raise InputError(
                where, name, values.tolist(), f"a number from 0 for each of {hour.source_bus.size} sources"
            )
    if not ((hour.source_bus >= 0) & (hour.source_bus < grid.size)).all():
        raise InputError(where, "source_bus", hour.source_bus.tolist(), f"buses from 0 to {grid.size - 1}")


@dataclass(frozen=True, eq=False)
class Forest:
    """What is supplied in a configuration: buses in an order in which parents come first, with parents and branches.

    ``dark`` are the buses that have no supply.
    """

    order: IntArray
    parent: IntArray
    branch: IntArray
    dark: IntArray


def _forest(grid: MeshedGrid, closed: BoolArray, outage: Outage) -> Forest:
    """Walk away from the roots that have not failed."""
    around: list[list[tuple[int, int]]] = [[] for _ in range(grid.size)]
    for k in np.flatnonzero(closed).tolist():
        around[grid.start[k]].append((int(grid.end[k]), k))
        around[grid.end[k]].append((int(grid.start[k]), k))
    order = [root for root in grid.roots if root not in outage.buses]
    parent, branch = [-1] * len(order), [-1] * len(order)
    seen = set(order)
    for bus in order:  # grows while it is walked
        for other, k in around[bus]:
            if other not in seen:
                seen.add(other)
                order.append(other)
                parent.append(bus)
                branch.append(k)
    dark = np.setdiff1d(np.arange(grid.size), order)
    return Forest(
        np.array(order, dtype=np.int64), np.array(parent, dtype=np.int64), np.array(branch, dtype=np.int64), dark
    )


def ways(grid: MeshedGrid, outage: Outage) -> Iterator[tuple[BoolArray, Forest]]:
    """Yield what closing ties can do after an outage: the branches that are closed, and what is supplied then."""
    for closed in grid.restorations(outage.branches, outage.buses):
        yield closed, _forest(grid, closed, outage)


def polygon() -> tuple[FloatArray, FloatArray, float]:
    """Return cosines and sines of the sides of a polygon inside the unit circle, and their distance from its middle."""
    angle = 2.0 * np.pi * (np.arange(SIDES) + 0.5) / SIDES
    return np.cos(angle), np.sin(angle), float(np.cos(np.pi / SIDES))


def _shedding(grid: MeshedGrid, hour: Hour, forest: Forest) -> tuple[Instance, IntArray, IntArray]:
    """State the least shedding of a configuration; return it with the columns of served shares and of flows."""
    build, order = ProgramBuilder(), forest.order
    place = np.full(grid.size, -1)
    place[order] = np.arange(order.size)
    load = np.stack([hour.load_kw, hour.load_kvar])[:, order]
    served = build.columns("served", order.shape, upper=1.0, cost=-hour.value[order] * load[0])
    at = np.flatnonzero(place[hour.source_bus] >= 0)
    source = np.stack(
        [
            build.columns("source", at.shape, upper=hour.source_kw[at]),
            build.columns("source_q", at.shape, lower=-hour.source_kvar[at], upper=hour.source_kvar[at]),
        ]
    )
    flow = build.columns("flow", (2, order.size), lower=-INF)  # into each bus; into a root what the grid gives
    low, high = ((each[order] * grid.base_kv) ** 2 for each in (grid.voltage_min_pu, grid.voltage_max_pu))
    root = forest.parent < 0
    low[root] = high[root] = (grid.root_voltage_pu * grid.base_kv) ** 2
    square = build.columns("square", order.shape, lower=low, upper=high)
    inner = np.flatnonzero(~root)
    above = place[forest.parent[inner]]
    for k in range(2):
        row = build.rows(f"balance {k}", order.shape, lower=0.0, upper=0.0)
        build.coefficients(row, flow[k], 1.0)
        build.coefficients(row, served, -load[k])
        build.coefficients(row[above], flow[k, inner], -1.0)
        build.coefficients(row[place[hour.source_bus[at]]], source[k], 1.0)
    row = build.rows("drop", inner.shape, lower=0.0, upper=0.0)
    build.coefficients(row, square[inner], 1.0)
    build.coefficients(row, square[above], -1.0)
    for k, ohm in enumerate((grid.r_ohm, grid.x_ohm)):
        build.coefficients(row, flow[k, inner], 2.0 * ohm[forest.branch[inner]] / WATTS_PER_KILOWATT)
    rated = inner[np.isfinite(grid.rating_kva[forest.branch[inner]])]
    if rated.size:
        cosine, sine, reach = polygon()
        limit = reach * grid.rating_kva[forest.branch[rated]][:, None]
        row = build.rows("rating", (rated.size, SIDES), upper=np.broadcast_to(limit, (rated.size, SIDES)))
        build.coefficients(row, flow[0, rated][:, None], cosine)
        build.coefficients(row, flow[1, rated][:, None], sine)
    return build.compile().bind({}), served, flow


def restore(grid: MeshedGrid, hour: Hour, outage: Outage, solver: str = "auto") -> Restored:
    """Find the ties to close after an outage for the least cost of what is not served.

    The configurations are those of :meth:`MeshedGrid.restorations`; doing nothing is one of them.

    Raises
    ------
    InputError
        When the hour or the outage does not fit the grid.
    """
    check_hour(grid, hour)
    options: list[tuple[float, BoolArray, Forest]] = []
    for closed, forest in ways(grid, outage):
        options.append((float(hour.value[forest.dark] @ hour.load_kw[forest.dark]), closed, forest))
    options.sort(key=lambda option: option[0])
    best, programs = None, 0
    for lost, closed, forest in options:
        if best is not None and lost >= best.cost - SAME_SHED * (1.0 + best.cost):
            break  # the load that has no way to a root costs more already, here and in all that follow
        found = all_served(grid, hour, forest)
        if found is None:
            found, programs = _least_shed(grid, hour, forest, solver), programs + 1
        served, flow = found
        shed = hour.load_kw.copy()
        shed[forest.order] *= np.clip(1.0 - served, 0.0, 1.0)
        cost = float(hour.value @ shed)
        if best is None or cost < best.cost - SAME_SHED * (1.0 + best.cost):
            best = _restored(grid, outage, closed, shed, cost, (forest, flow), len(options))
    assert best is not None
    return replace(best, programs=programs)


def _restored(
    grid: MeshedGrid,
    outage: Outage,
    closed: BoolArray,
    shed: FloatArray,
    cost: float,
    state: tuple[Forest, FloatArray],
    configurations: int,
) -> Restored:
    """Put the best configuration together."""
    forest, flow = state
    inner = forest.branch >= 0
    size = np.zeros(grid.branches)
    size[forest.branch[inner]] = np.hypot(*flow[:, inner])
    moved = operations(grid, closed, outage)
    return Restored(outage, closed, shed, cost, cost, moved, size, size / grid.rating_kva, configurations)


def operations(grid: MeshedGrid, closed: BoolArray, outage: Outage) -> int:
    """Return how many branches that did not fail are switched against the base configuration."""
    moved = closed != grid.closed
    moved[list(outage.branches)] = False
    moved[np.isin(grid.start, list(outage.buses)) | np.isin(grid.end, list(outage.buses))] = False
    return int(moved.sum())


def all_served(grid: MeshedGrid, hour: Hour, forest: Forest) -> tuple[FloatArray, FloatArray] | None:
    """Return shares and flows if everything in the forest is served within all limits by sources at one level."""
    order, place = forest.order, np.empty(grid.size, dtype=np.int64)
    place[order] = np.arange(order.size)
    load = np.stack([hour.load_kw, hour.load_kvar])
    source = np.zeros_like(load)
    for own, most in zip(source, (hour.source_kw, hour.source_kvar), strict=True):
        np.add.at(own, hour.source_bus, most)
    inner = np.flatnonzero(forest.parent >= 0)
    above, branch = place[forest.parent[inner]], forest.branch[inner]
    ohm = np.stack([grid.r_ohm, grid.x_ohm])[:, branch] / WATTS_PER_KILOWATT
    low, high = ((each[order[inner]] * grid.base_kv) ** 2 for each in (grid.voltage_min_pu, grid.voltage_max_pu))
    cosine, sine, reach = polygon()
    for level in LEVELS if hour.source_bus.size else LEVELS[:1]:
        flow = (load - level * source)[:, order]
        square = np.full(order.size, (grid.root_voltage_pu * grid.base_kv) ** 2)
        for k, up in zip(inner[::-1].tolist(), above[::-1].tolist(), strict=True):
            flow[:, up] += flow[:, k]
        drop = 2.0 * (ohm * flow[:, inner]).sum(axis=0)
        for k, up, fall in zip(inner.tolist(), above.tolist(), drop.tolist(), strict=True):
            square[k] = square[up] - fall
        kept = (square[inner] >= low * (1.0 - FEASIBILITY)) & (square[inner] <= high * (1.0 + FEASIBILITY))
        if not kept.all():
            continue
        over = (flow[0, inner][:, None] * cosine + flow[1, inner][:, None] * sine).max(axis=1, initial=0.0)
        if (over <= reach * grid.rating_kva[branch] * (1.0 + FEASIBILITY)).all():
            return np.ones(order.size), flow
    return None


def _least_shed(grid: MeshedGrid, hour: Hour, forest: Forest, solver: str) -> tuple[FloatArray, FloatArray]:
    """Return shares and flows of the least shedding; all sources at rest and nothing served is always possible."""
    instance, served, flow = _shedding(grid, hour, forest)
    solution = require_optimal(solve_linear(instance, solver), f"the shedding of grid {grid.name}")
    return solution.x[served], solution.x[flow]
