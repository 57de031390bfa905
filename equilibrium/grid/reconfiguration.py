"""Which branches to open for the least loss: a search by branch exchange, judged by an exact power flow, and a bound.

The bound holds for every radial configuration with loads, resistances and reactances from 0. There the flows into a
branch are at least the loads behind it and no bus lies above its root's voltage, so the loss is at least

    sum over branches of r (P^2 + Q^2) / V_root^2

with P and Q the flows without losses. The least of this over *all* flows that serve the loads, loops included, is that
of currents in a network of resistors: one linear system, no solver. It is what no switching can go below, and no more:
the distance between the two is a gap that is reported, not closed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from equilibrium.arrays import BoolArray, FloatArray
from equilibrium.errors import InfeasibleError, InputError
from equilibrium.grid.feeder import Feeder
from equilibrium.grid.lossy import WATTS_PER_KILOWATT
from equilibrium.grid.meshed import MeshedGrid

SWEEPS = 500
"""Most sweeps of one power flow; each shortens the error, so far fewer are needed where an answer exists."""
_VOLTAGE_CHANGE = 1e-12
"""Greatest change of a voltage, per unit, after the last sweep."""


@dataclass(frozen=True, eq=False)
class Reconfiguration:
    """A configuration of little loss and what no configuration can go below.

    Attributes
    ----------
    closed
        The branches that are closed, shape ``(branches,)``.
    loss_kw, base_loss_kw
        AC loss of this configuration and of the base one, kW; the second is nan where the base is not radial.
    bound_kw
        Proved lower bound of the loss of every radial configuration, kW.
    flows
        Power flows that were computed.
    """

    closed: BoolArray
    loss_kw: float
    base_loss_kw: float
    bound_kw: float
    flows: int

    @property
    def gap(self) -> float:
        """Share of the loss by which a better configuration could still be better."""
        return 1.0 - self.bound_kw / self.loss_kw if self.loss_kw > 0.0 else 0.0


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
    """Return the AC loss of a radial configuration, kW; ``inf`` where a feeder has no power flow."""
    try:
        return sum(feeder_loss(feeder) for feeder in grid.feeders_of(closed))
    except InfeasibleError:
        return float("inf")


def loss_bound(grid: MeshedGrid) -> float:
    """Return a proved lower bound of the AC loss of every radial configuration, kW (see the module's text).

    Raises
    ------
    InputError
        When a load is negative: then voltages may lie above the root's and the bound does not hold.
    """
    for name in ("load_kw", "load_kvar"):
        for bus in np.flatnonzero(getattr(grid, name) < 0.0).tolist():
            value = float(getattr(grid, name)[bus])
            raise InputError(f"grid {grid.name}", f"{name} of bus {grid.buses[bus]}", value, "a load from 0")
    node = _merged(grid)
    source = node[grid.roots[0]]
    usable = grid.closed | grid.switchable
    start, end = node[grid.start], node[grid.end]
    live = np.flatnonzero(usable & (grid.r_ohm > 0.0) & (start != end))
    laplace: FloatArray = np.zeros((grid.size, grid.size))
    for k in live.tolist():
        one, other, weight = start[k], end[k], 1.0 / grid.r_ohm[k]
        laplace[[one, other], [one, other]] += weight
        laplace[[one, other], [other, one]] -= weight
    inner = np.array([k for k in np.unique(node).tolist() if k != source], dtype=np.int64)
    if not inner.size:
        return 0.0
    loads = np.zeros((grid.size, 2))
    np.add.at(loads, node, np.stack([grid.load_kw, grid.load_kvar], axis=1))
    own = loads[inner]
    squares = float((own * np.linalg.solve(laplace[np.ix_(inner, inner)], own)).sum())
    return squares / (grid.root_voltage_pu * grid.base_kv) ** 2 / WATTS_PER_KILOWATT


def _merged(grid: MeshedGrid) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Return for every bus the one that stands for it: roots are one, and so are ends of a usable branch without r."""
    start, end = grid.nodes
    node = np.arange(grid.size)
    node[list(grid.roots)] = grid.roots[0]
    for k in np.flatnonzero((grid.closed | grid.switchable) & (grid.r_ohm == 0.0)).tolist():
        node[node == node[end[k]]] = node[start[k]]
    return node


def _loop(grid: MeshedGrid, closed: BoolArray, tie: int) -> list[int]:
    """Return the closed branches of the loop (or path between roots) that closing a tie makes."""
    start, end = grid.nodes
    around: list[list[tuple[int, int]]] = [[] for _ in range(grid.size)]
    for k in np.flatnonzero(closed).tolist():
        around[start[k]].append((int(end[k]), k))
        around[end[k]].append((int(start[k]), k))
    came = {int(start[tie]): (-1, -1)}
    stack = [int(start[tie])]
    while stack:
        bus = stack.pop()
        for other, branch in around[bus]:
            if other not in came:
                came[other] = (bus, branch)
                stack.append(other)
    loop, bus = [], int(end[tie])
    while came[bus][0] >= 0:
        loop.append(came[bus][1])
        bus = came[bus][0]
    return loop


def first_tree(grid: MeshedGrid) -> BoolArray:
    """Return the base configuration where it is radial, else a tree of fixed branches, closed ones and ties."""
    if grid.is_radial(grid.closed):
        return grid.closed.copy()
    rank = np.where(grid.closed & ~grid.switchable, 0, np.where(grid.closed, 1, 2))
    tree = np.zeros(grid.branches, dtype=np.bool_)
    for k in np.argsort(rank, kind="stable").tolist():
        if grid.closed[k] or grid.switchable[k]:
            tree[k] = True
            tree[k] = grid.is_forest(tree)
    return tree


def reconfigure(grid: MeshedGrid) -> Reconfiguration:
    """Exchange one open branch for one closed branch of its loop as long as the AC loss falls.

    Each step takes the best exchange of all; the end is a configuration that no single exchange improves.

    Raises
    ------
    InputError
        When a load is negative.
    InfeasibleError
        When the configuration at the end has no power flow.
    """
    bound = loss_bound(grid)
    best = first_tree(grid)
    loss, flows = ac_loss(grid, best), 1
    base = loss if grid.is_radial(grid.closed) else float("nan")
    while True:
        step, least = best, loss
        for tie in np.flatnonzero(~best & grid.switchable).tolist():
            for branch in _loop(grid, best, tie):
                if not grid.switchable[branch]:
                    continue
                trial = best.copy()
                trial[[tie, branch]] = True, False
                value, flows = ac_loss(grid, trial), flows + 1
                if value < least:
                    step, least = trial, value
        if step is best:
            break
        best, loss = step, least
    if not np.isfinite(loss):
        raise InfeasibleError((f"grid {grid.name}: no configuration with a power flow was found",))
    return Reconfiguration(best, loss, base, bound, flows)
