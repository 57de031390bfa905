"""The exact power flow of a radial configuration, and which limits it breaks.

Two ways to the same numbers. :func:`radial_flow` sweeps all roots at once over arrays in which what lies behind a bus
stands side by side, so that sums along the tree are differences of running sums: it is what a search asks thousands of
times. :func:`feeder_loss` sweeps one :class:`Feeder` bus by bus and is what judges the answer of a search.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from equilibrium.arrays import BoolArray, ComplexArray, FloatArray, IntArray
from equilibrium.errors import InfeasibleError
from equilibrium.grid.feeder import Feeder
from equilibrium.grid.lossy import WATTS_PER_KILOWATT
from equilibrium.grid.meshed import MeshedGrid
from equilibrium.programs.program import FEASIBILITY

SWEEPS = 500
"""Most sweeps of one power flow; each shortens the error, so far fewer are needed where an answer exists."""

_VOLTAGE_CHANGE = 1e-12
"""Greatest change of a voltage, per unit, after the last sweep."""


@dataclass(frozen=True, eq=False)
class RadialFlow:
    """Voltages, flows and loss of a radial configuration.

    Attributes
    ----------
    loss_kw
        Active loss of all branches, kW.
    voltage_pu
        Voltage of each bus, per unit, shape ``(buses,)``.
    flow_kva
        Larger apparent power of the two ends of each branch, kVA, shape ``(branches,)``; 0 where it is open.
    """

    loss_kw: float
    voltage_pu: FloatArray
    flow_kva: FloatArray


@dataclass(frozen=True, eq=False)
class _Tree:
    """Buses so that all that lies behind one follows it: bus, end of what lies behind it, and its branch (-1: root)."""

    bus: IntArray
    end: IntArray
    branch: IntArray


def _tree(grid: MeshedGrid, closed: BoolArray) -> _Tree:
    """Walk a radial configuration away from its roots."""
    around: list[list[tuple[int, int]]] = [[] for _ in range(grid.size)]
    for k in np.flatnonzero(closed).tolist():
        one, other = int(grid.start[k]), int(grid.end[k])
        around[one].append((other, k))
        around[other].append((one, k))
    bus: list[int] = []
    branch: list[int] = []
    end = [0] * grid.size
    stack = [(root, -1, False) for root in reversed(grid.roots)]
    place: dict[int, int] = {}
    while stack:
        at, came, done = stack.pop()
        if done:
            end[place[at]] = len(bus)
            continue
        place[at] = len(bus)
        bus.append(at)
        branch.append(came)
        stack.append((at, came, True))
        stack.extend((other, k, False) for other, k in around[at] if k != came)
    return _Tree(np.array(bus), np.array(end), np.array(branch))


def radial_flow(grid: MeshedGrid, closed: BoolArray) -> RadialFlow | None:
    """Return the AC power flow of a radial configuration; ``None`` where the sweeps do not settle.

    Parameters
    ----------
    closed
        The branches that are closed, shape ``(branches,)``; :meth:`MeshedGrid.is_radial` must hold of it.
    """
    tree = _tree(grid, closed)
    root = grid.root_voltage_pu * grid.base_kv
    power = ((grid.load_kw + 1j * grid.load_kvar) / WATTS_PER_KILOWATT)[tree.bus]  # MVA
    fed = tree.branch >= 0
    r_ohm = np.where(fed, grid.r_ohm[tree.branch], 0.0)
    impedance = r_ohm + 1j * np.where(fed, grid.x_ohm[tree.branch], 0.0)
    voltage: ComplexArray = np.full(grid.size, root, dtype=np.complex128)
    start, end, size = np.arange(grid.size), tree.end, grid.size + 1
    total: ComplexArray = np.zeros(size, dtype=np.complex128)
    for _ in range(SWEEPS):
        np.cumsum(np.conj(power / voltage), out=total[1:])
        current = total[end] - total[start]
        drop = impedance * current
        step: ComplexArray = np.append(drop, 0.0) - (
            np.bincount(end, drop.real, size) + 1j * np.bincount(end, drop.imag, size)
        )  # a drop begins at its bus and ends behind all that the bus feeds
        new: ComplexArray = root - np.cumsum(step)[:-1]
        change = float(np.abs(new - voltage).max())
        voltage = new
        if change <= _VOLTAGE_CHANGE * root:
            break
        if not (np.isfinite(change) and np.abs(voltage).min() > 0.0):
            return None
    else:
        return None
    size_now = np.abs(current)
    ends = np.maximum(np.abs(voltage), np.abs(voltage + drop)) * size_now * WATTS_PER_KILOWATT
    flow = np.zeros(grid.branches)
    flow[tree.branch[fed]] = ends[fed]
    voltage_pu = np.zeros(grid.size)
    voltage_pu[tree.bus] = np.abs(voltage) / grid.base_kv
    return RadialFlow(float((r_ohm * size_now**2).sum() * WATTS_PER_KILOWATT), voltage_pu, flow)


def excess(grid: MeshedGrid, flow: RadialFlow) -> float:
    """Return by how much a flow misses the grid's limits in all, each relative to its limit; 0 where it keeps them."""
    low = 1.0 - flow.voltage_pu / grid.voltage_min_pu
    high = flow.voltage_pu / grid.voltage_max_pu - 1.0
    over = flow.flow_kva / grid.rating_kva - 1.0
    parts = np.concatenate([low, high, over])
    return float(parts[parts > FEASIBILITY].sum())


def broken_limits(grid: MeshedGrid, flow: RadialFlow) -> tuple[str, ...]:
    """Name the limits that a flow breaks, one sentence each: the bus or branch, its value and its limit."""
    told = []
    for bus, value in enumerate(flow.voltage_pu.tolist()):
        low, high = float(grid.voltage_min_pu[bus]), float(grid.voltage_max_pu[bus])
        if not low * (1.0 - FEASIBILITY) <= value <= high * (1.0 + FEASIBILITY):
            told.append(f"bus {grid.buses[bus]}: {value:.4f} p.u. is outside {low:g} .. {high:g}")
    for branch in np.flatnonzero(flow.flow_kva > grid.rating_kva * (1.0 + FEASIBILITY)).tolist():
        value, rating = float(flow.flow_kva[branch]), float(grid.rating_kva[branch])
        told.append(f"branch {grid.label(branch)}: {value:.1f} kVA is above its rating of {rating:g}")
    return tuple(told)


def feeder_loss(feeder: Feeder) -> float:
    """Return the AC loss of a feeder, kW, by a backward/forward sweep over complex currents.

    Raises
    ------
    InfeasibleError
        When the sweeps do not settle: the loads are more than the feeder can carry.
    """
    root = feeder.root_voltage_pu * feeder.base_kv
    power = (feeder.load_kw + 1j * feeder.load_kvar) / WATTS_PER_KILOWATT  # MVA
    impedance = feeder.r_ohm + 1j * feeder.x_ohm
    voltage = np.full(feeder.size, root, dtype=np.complex128)
    downward = feeder.order[1:]
    for _ in range(SWEEPS):
        current = np.conj(power / voltage)
        for bus in downward[::-1]:
            current[feeder.parent[bus]] += current[bus]
        new = voltage.copy()
        for bus in downward:
            new[bus] = new[feeder.parent[bus]] - impedance[bus] * current[bus]
        change = float(np.abs(new - voltage).max())
        voltage = new
        if change <= _VOLTAGE_CHANGE * root:
            return float((feeder.r_ohm * np.abs(current) ** 2)[1:].sum() * WATTS_PER_KILOWATT)
        if not (np.isfinite(change) and np.abs(voltage).min() > 0.0):
            break
    raise InfeasibleError((f"feeder {feeder.name}: no power flow was found, its loads are too great",))


def ac_loss(grid: MeshedGrid, closed: BoolArray) -> float:
    """Return the AC loss of a radial configuration, kW, feeder by feeder; ``inf`` where one has no power flow."""
    try:
        return sum(feeder_loss(feeder) for feeder in grid.feeders_of(closed))
    except InfeasibleError:
        return float("inf")
