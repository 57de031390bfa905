"""A radial configuration of little loss by branch exchange, from several starts, and a bound without any solver.

A configuration that breaks a limit is worse than one that keeps all of them, however little it loses; of two that break
limits the one that breaks them less is better.

The bound of :func:`loss_bound` holds where loads, resistances and reactances are at least 0. There the flows into a
branch are at least the loads behind it and no bus lies above its root's voltage, so the loss is at least

    sum over branches of r (P^2 + Q^2) / V_root^2

with P and Q the flows without losses. The least of this over *all* flows that serve the loads, loops included, is that
of currents in a network of resistors: one linear system.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import scipy.sparse as sp
from scipy.sparse.linalg import spsolve

from equilibrium.arrays import BoolArray, FloatArray, IntArray
from equilibrium.deadline import Deadline
from equilibrium.grid.lossy import WATTS_PER_KILOWATT
from equilibrium.grid.meshed import MeshedGrid
from equilibrium.grid.radial_flow import excess, radial_flow
from equilibrium.programs.program import INF

Worth = tuple[float, float]
"""What limits are missed by, and the AC loss, kW: the smaller, the better."""

NO_FLOW: Worth = (INF, INF)


@dataclass(eq=False)
class Exchange:
    """The best configuration that was met so far, and everything that was looked at.

    Attributes
    ----------
    grid
        The grid.
    best, worth
        The best configuration, shape ``(branches,)``, and what it is worth.
    flows
        Power flows that were computed.
    """

    grid: MeshedGrid
    best: BoolArray = field(init=False)
    worth: Worth = NO_FLOW
    flows: int = 0
    _seen: dict[bytes, Worth] = field(default_factory=dict)

    def look(self, closed: BoolArray) -> Worth:
        """Return what a radial configuration is worth, and remember it if it is the best one."""
        key = closed.tobytes()
        if key not in self._seen:
            flow = radial_flow(self.grid, closed)
            self.flows += 1
            self._seen[key] = NO_FLOW if flow is None else (excess(self.grid, flow), flow.loss_kw)
            if self._seen[key] < self.worth:
                self.best, self.worth = closed.copy(), self._seen[key]
        return self._seen[key]

    def descend(self, closed: BoolArray, deadline: Deadline) -> None:
        """Exchange a closed branch for an open one of its loop until no single exchange makes the grid better.

        Loop by loop the best exchange is taken.
        """
        worth, waiting = self.look(closed), True
        while waiting and not deadline.passed:
            waiting = False
            for tie in np.flatnonzero(~closed & self.grid.switchable).tolist():
                step = min(self._exchanges(closed, tie), key=lambda trial: trial[0], default=None)
                if step is not None and step[0] < worth:
                    worth, closed, waiting = *step, True

    def _exchanges(self, closed: BoolArray, tie: int) -> Iterator[tuple[Worth, BoolArray]]:
        """Yield what can be done with the loop that a tie makes."""
        for branch in loop_of(self.grid, closed, tie):
            if self.grid.switchable[branch]:
                trial = closed.copy()
                trial[[tie, branch]] = True, False
                yield self.look(trial), trial


def loop_of(grid: MeshedGrid, closed: BoolArray, tie: int) -> list[int]:
    """Return the closed branches of the loop (or path between roots) that closing a tie makes."""
    start, end = grid.nodes
    around: list[list[tuple[int, int]]] = [[] for _ in range(grid.size)]
    for k in np.flatnonzero(closed).tolist():
        around[start[k]].append((int(end[k]), k))
        around[end[k]].append((int(start[k]), k))
    first, bus = int(start[tie]), int(end[tie])
    came: dict[int, tuple[int, int]] = {}
    stack = [first]
    while stack:
        here = stack.pop()
        for other, branch in around[here]:
            if other != first and other not in came:
                came[other] = (here, branch)
                stack.append(other)
    loop = []
    while bus != first:
        bus, branch = came[bus]
        loop.append(branch)
    return loop


def heaviest_tree(grid: MeshedGrid, weight: FloatArray) -> BoolArray:
    """Return the radial configuration of usable branches of the greatest weight in all; what cannot move stays."""
    rank = np.where(grid.switchable, weight, INF)
    tree = np.zeros(grid.branches, dtype=np.bool_)
    parts = grid.parts()
    start, end = grid.nodes
    for k in np.argsort(-rank, kind="stable").tolist():
        if grid.closed[k] or grid.switchable[k]:
            tree[k] = parts.join(int(start[k]), int(end[k]))
    return tree


def starts_of(grid: MeshedGrid) -> Iterator[BoolArray]:
    """Yield trees to start from: the base or what is closed in it, and the branches that carry most in the mesh."""
    yield grid.closed.copy() if grid.is_radial(grid.closed) else heaviest_tree(grid, grid.closed.astype(np.float64))
    yield heaviest_tree(grid, mesh_flows(grid)[1])


def mesh_flows(grid: MeshedGrid) -> tuple[float, FloatArray]:
    """Return the least of ``sum of r (P^2 + Q^2)`` over all flows that serve the loads, and the size of these flows.

    Returns
    -------
    float
        Ohm MVA^2.
    FloatArray
        Size of the flow of each branch, MVA, shape ``(branches,)``; infinite for branches without resistance.
    """
    node = _merged(grid)
    source = node[grid.roots[0]]
    usable = grid.closed | grid.switchable
    start, end = node[grid.start], node[grid.end]
    live = np.flatnonzero(usable & (grid.r_ohm > 0.0) & (start != end))
    flow = np.where(usable & (grid.r_ohm == 0.0), INF, 0.0)
    inner = np.array([k for k in np.unique(node).tolist() if k != source], dtype=np.int64)
    if not inner.size:
        return 0.0, flow
    ends = np.concatenate([start[live], end[live]])
    sign = np.repeat([1.0, -1.0], live.size)
    incidence = sp.csr_array((sign, (np.tile(np.arange(live.size), 2), ends)), shape=(live.size, grid.size))[:, inner]
    weight = 1.0 / grid.r_ohm[live]
    laplace = sp.csc_array(incidence.T @ sp.diags_array(weight) @ incidence)
    loads = np.zeros((grid.size, 2))
    np.add.at(loads, node, np.stack([grid.load_kw, grid.load_kvar], axis=1) / WATTS_PER_KILOWATT)
    potential = np.asarray(spsolve(laplace, loads[inner])).reshape(inner.size, 2)
    flow[live] = np.hypot(*(weight[:, None] * (incidence @ potential)).T)
    return float((loads[inner] * potential).sum()), flow


def loss_bound(grid: MeshedGrid) -> float:
    """Return a proved lower bound of the AC loss of every radial configuration, kW (see the module's text).

    It is 0 where a load is negative: then voltages may lie above the root's.
    """
    if (grid.load_kw < 0.0).any() or (grid.load_kvar < 0.0).any():
        return 0.0
    return mesh_flows(grid)[0] / (grid.root_voltage_pu * grid.base_kv) ** 2 * WATTS_PER_KILOWATT


def _merged(grid: MeshedGrid) -> IntArray:
    """Return for every bus the one that stands for it: roots are one, and so are ends of a usable branch without r."""
    start, end = grid.nodes
    node = np.arange(grid.size)
    node[list(grid.roots)] = grid.roots[0]
    for k in np.flatnonzero((grid.closed | grid.switchable) & (grid.r_ohm == 0.0)).tolist():
        node[node == node[end[k]]] = node[start[k]]
    return node
