"""The least shedding of one tree of a grid, for many hours and states of its units at once.

What hangs on one branch of a root has voltages of its own, since the root's is held. So a radial configuration falls
apart into trees, and each tree's least shedding is the linear program of :mod:`equilibrium.grid.restoration` with the
flows taken out: loads that are shed and powers of local sources, under the voltage band and the ratings. From hour to
hour, and from one state of the units that are on or off to another, only limits change. So a basis that was optimal
once stays dual feasible, and where its point keeps the limits it is optimal: that is the proof. A program is solved
only where no known basis does. (:mod:`equilibrium.grid.many_days` does the same for dispatches.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.sparse as sp

from equilibrium.arrays import BoolArray, FloatArray, IntArray
from equilibrium.grid.lossy import WATTS_PER_KILOWATT
from equilibrium.grid.meshed import MeshedGrid
from equilibrium.grid.restoration import Forest, Hour, polygon
from equilibrium.programs.program import FEASIBILITY, INF, Instance
from equilibrium.programs.solvers.choose import require_optimal
from equilibrium.programs.solvers.highs import HighsHandle

SHARE_DIGITS = 12
"""Decimals up to which the reactive shares of a load are one."""


@dataclass(frozen=True, eq=False)
class Units:
    """Local sources that are on or off.

    Attributes
    ----------
    bus
        Where they stand, shape ``(units,)``.
    kw, kvar
        Most active power, and most reactive power either way, while they are on, shape ``(units,)``.
    """

    bus: IntArray
    kw: FloatArray
    kvar: FloatArray


@dataclass(frozen=True)
class Tree:
    """Buses that hang on one branch of a root: each with the position of its parent (-1: the root) and its branch."""

    bus: tuple[int, ...]
    parent: tuple[int, ...]
    branch: tuple[int, ...]


def trees_of(forest: Forest) -> tuple[Tree, ...]:
    """Take what is supplied in a configuration apart at the roots."""
    top: dict[int, int] = {}
    members: dict[int, list[tuple[int, int, int]]] = {}
    for bus, parent, branch in zip(forest.order.tolist(), forest.parent.tolist(), forest.branch.tolist(), strict=True):
        if parent < 0:
            continue
        top[bus] = top.get(parent, bus)
        members.setdefault(top[bus], []).append((bus, parent, branch))
    found = []
    for each in members.values():
        place = {bus: k for k, (bus, _, _) in enumerate(each)}
        found.append(
            Tree(
                tuple(bus for bus, _, _ in each),
                tuple(place.get(parent, -1) for _, parent, _ in each),
                tuple(branch for _, _, branch in each),
            )
        )
    return tuple(found)


@dataclass(frozen=True, eq=False)
class _Stated:
    """A tree's program over hours whose loads have the same reactive shares.

    Limits are a part that changes with the hour and, for columns, one that changes with the units' states.

    Attributes
    ----------
    matrix, cost
        Shapes ``(rows, columns)`` and ``(columns,)``.
    row, row_high
        Limits of the rows, shape ``(hours, rows)``.
    low, high, state_low, state_high
        Limits of the columns, shapes ``(hours, columns)`` and ``(states, columns)``.
    """

    matrix: FloatArray
    cost: FloatArray
    row: FloatArray
    row_high: FloatArray
    low: FloatArray
    high: FloatArray
    state_low: FloatArray
    state_high: FloatArray

    @cached_property
    def sparse(self) -> sp.csr_array:
        """The matrix for a solver."""
        return sp.csr_array(self.matrix)

    @cached_property
    def reach(self) -> tuple[BoolArray, BoolArray]:
        """Which rows can reach their lower and their upper limit in some hour and state, by interval arithmetic."""
        low, high = self.low + self.state_low.min(axis=0), self.high + self.state_high.max(axis=0)
        up, down = np.maximum(self.matrix, 0.0), np.minimum(self.matrix, 0.0)
        least, most = low @ up.T + high @ down.T, high @ up.T + low @ down.T
        return (least <= self.row).any(axis=0), (most >= self.row_high).any(axis=0)

    @cached_property
    def tolerance(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """What columns, lower and upper limits of rows may be missed by."""
        column = np.abs(self.high).max(axis=0) + self.state_high.max(axis=0)
        row, row_high = (
            np.abs(np.where(np.isfinite(limit), limit, 0.0)).max(axis=0) for limit in (self.row, self.row_high)
        )
        return FEASIBILITY * (1.0 + column), FEASIBILITY * (1.0 + row), FEASIBILITY * (1.0 + row_high)

    def at(self, hour: int, state: int) -> Instance:
        """Return the program of one hour and state."""
        low, high = self.low[hour] + self.state_low[state], self.high[hour] + self.state_high[state]
        return Instance(self.sparse, self.cost, self.row[hour], self.row_high[hour], low, high)


def states_of(count: int) -> BoolArray:
    """Return every state of some units, shape ``(2 ** count, count)``: unit ``k`` is on where bit ``k`` is set."""
    return np.asarray((np.arange(2**count)[:, None] >> np.arange(count)) & 1, dtype=np.bool_)


def least_shedding(grid: MeshedGrid, tree: Tree, hours: Sequence[Hour], units: Units) -> FloatArray:
    """Return the least cost of what is not served in a tree, shape ``(hours, 2 ** its units)``.

    Parameters
    ----------
    hours
        Loads, values of lost load, and the sources that are there in every state.
    units
        Those that are on or off; the tree's own are counted in their order.
    """
    own = np.flatnonzero(np.isin(units.bus, tree.bus))
    answer = np.zeros((len(hours), 2**own.size))
    load = np.array([[hour.load_kw[list(tree.bus)], hour.load_kvar[list(tree.bus)]] for hour in hours])
    at_load = load[:, 0] > 0.0
    share = np.where(at_load, load[:, 1] / np.where(at_load, load[:, 0], 1.0), 0.0)
    share[~at_load & (load[:, 1] != 0.0)] = INF  # reactive load alone, which costs nothing to shed
    alone = Units(units.bus[own], units.kw[own], units.kvar[own])
    for same in _alike(np.asarray(np.round(share, SHARE_DIGITS), dtype=np.float64), hours, list(tree.bus)):
        answer[same] = _solve(_state(grid, tree, [hours[k] for k in same], alone, share[same[0]]))
    return answer


def _alike(share: FloatArray, hours: Sequence[Hour], buses: list[int]) -> list[IntArray]:
    """Return hours in groups that share a matrix and costs: shares, values of lost load and places of sources."""
    value = np.array([hour.value[buses] for hour in hours])
    places = {hour.source_bus.tobytes(): k for k, hour in enumerate(hours)}
    place = np.array([places[hour.source_bus.tobytes()] for hour in hours], dtype=np.float64)
    keys = np.concatenate([share, value, place[:, None]], axis=1)
    if (keys == keys[0]).all():
        return [np.arange(len(hours))]
    _, kind = np.unique(keys, axis=0, return_inverse=True)
    return [np.flatnonzero(kind.ravel() == k) for k in range(int(kind.max()) + 1)]


def _state(grid: MeshedGrid, tree: Tree, hours: Sequence[Hour], units: Units, share: FloatArray) -> _Stated:
    """State a tree's program: columns are loads shed, active and reactive powers; rows are voltages and ratings."""
    buses, alike = np.array(tree.bus), hours[0]
    place = np.full(grid.size, -1)
    place[buses] = np.arange(buses.size)
    below = _below(tree)
    ohm = [below.T @ (each[list(tree.branch)][:, None] * below) for each in (grid.r_ohm, grid.x_ohm)]
    steady = np.flatnonzero(place[alike.source_bus] >= 0)
    at = np.concatenate([place[units.bus], place[alike.source_bus[steady]]]).astype(np.int64)
    unit = np.eye(buses.size)
    real = np.isfinite(share)
    # What a column adds to the active and the reactive power of each bus, shape (2, buses, columns).
    gives = np.stack(
        [
            np.concatenate([unit * real, unit[:, at], 0.0 * unit[:, at]], axis=1),
            np.concatenate([unit * np.where(real, share, 1.0), 0.0 * unit[:, at], unit[:, at]], axis=1),
        ]
    )
    load = np.array([[hour.load_kw[buses], hour.load_kvar[buses]] for hour in hours])  # (hours, 2, buses)
    drop = 2.0 / WATTS_PER_KILOWATT * np.stack(ohm)  # of a squared voltage by a load, (2, buses, buses)
    square = (grid.root_voltage_pu * grid.base_kv) ** 2 - np.einsum("kbj,hkj->hb", drop, load)
    low, high = ((each[buses] * grid.base_kv) ** 2 for each in (grid.voltage_min_pu, grid.voltage_max_pu))
    matrix, row, row_high = [np.einsum("kbj,kjc->bc", drop, gives)], [low - square], [high - square]
    rating = grid.rating_kva[list(tree.branch)]
    rated = np.flatnonzero(np.isfinite(rating))
    if rated.size:
        cosine, sine, reach = polygon()
        side = np.stack([cosine, sine])
        flow = np.einsum("ks,rj,hkj->hrs", side, below[rated], load).reshape(len(hours), -1)
        matrix.append(-np.einsum("ks,rj,kjc->rsc", side, below[rated], gives).reshape(-1, gives.shape[2]))
        row.append(np.full(flow.shape, -INF))
        row_high.append(np.repeat(reach * rating[rated], cosine.size) - flow)
    return _Stated(
        np.concatenate(matrix),
        np.concatenate([np.where(real, alike.value[buses], 0.0), np.zeros(2 * at.size)]),
        np.concatenate(row, axis=1),
        np.concatenate(row_high, axis=1),
        *_limits(hours, steady, units, load, real),
    )


def _below(tree: Tree) -> FloatArray:
    """Return which buses each branch feeds, shape ``(buses, buses)``: branch ``k`` is the one into bus ``k``."""
    below = np.eye(len(tree.bus))
    for k in range(len(tree.bus) - 1, -1, -1):
        if tree.parent[k] >= 0:
            below[tree.parent[k]] += below[k]
    return below


def _limits(
    hours: Sequence[Hour], steady: IntArray, units: Units, load: FloatArray, real: BoolArray
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return the limits of the columns; ``steady`` are the sources that are always there.

    What can be shed of a load is its kW, or its kvar where it has no kW.
    """
    least_shed = np.where(real, 0.0, np.minimum(load[:, 1], 0.0))
    shed = np.where(real, load[:, 0], np.maximum(load[:, 1], 0.0))
    on = states_of(units.bus.size).astype(np.float64)
    count, own = len(hours), on.shape[1]
    kw = np.array([hour.source_kw[steady] for hour in hours]).reshape(count, -1)
    kvar = np.array([hour.source_kvar[steady] for hour in hours]).reshape(count, -1)
    none, no_shed = np.zeros((count, own)), np.zeros((on.shape[0], shed.shape[1]))
    still = np.zeros((on.shape[0], steady.size))
    return (
        np.concatenate([least_shed, none, 0.0 * kw, none, -kvar], axis=1),
        np.concatenate([shed, none, kw, none, kvar], axis=1),
        np.concatenate([no_shed, 0.0 * on, still, -(on * units.kvar), still], axis=1),
        np.concatenate([no_shed, on * units.kw, still, on * units.kvar, still], axis=1),
    )


def _solve(stated: _Stated) -> FloatArray:
    """Solve all hours and states: a program for one of them, and its basis for all in which it is optimal."""
    shape = stated.low.shape[0], stated.state_low.shape[0]
    answer = np.zeros(shape)
    hour, state = (each.ravel() for each in np.indices(shape))
    handle: HighsHandle | None = None
    while hour.size:
        instance = stated.at(int(hour[0]), int(state[0]))
        if handle is None:
            handle = HighsHandle(instance)
        else:
            handle.update(instance)
        solution = require_optimal(handle.solve(), "the shedding of a tree")
        value, kept = _everywhere(stated, hour, state, *handle.sides())
        answer[hour[kept], state[kept]] = value[kept]
        answer[hour[0], state[0]], kept[0] = float(stated.cost @ solution.x), True
        hour, state = hour[~kept], state[~kept]
    return np.maximum(answer, 0.0)


def _everywhere(
    stated: _Stated, hour: IntArray, state: IntArray, columns: IntArray, rows: IntArray
) -> tuple[FloatArray, BoolArray]:
    """Return the cost of a basis in some hours and states, one of each, and where its point keeps all limits.

    Everything is a sum of a part of the hour and a part of the state. ``columns`` and ``rows`` say where the basis
    holds them, as :meth:`HighsHandle.sides` does.
    """
    matrix = stated.matrix
    basic, tight = np.flatnonzero(columns == 0), np.flatnonzero(rows != 0)
    fixed = np.flatnonzero(columns != 0)
    inverse = np.linalg.inv(matrix[np.ix_(tight, basic)]).T
    right = np.where(rows[tight] < 0, stated.row[:, tight], stated.row_high[:, tight])
    lower, upper = ((rows == 0) & each for each in stated.reach)
    column_slack, low_slack, high_slack = stated.tolerance
    slack, parts = [], []
    for low, high, by_row in ((stated.low, stated.high, right), (stated.state_low, stated.state_high, 0.0)):
        x = np.where(columns < 0, low, high)
        x[:, basic] = (by_row - x[:, fixed] @ matrix[np.ix_(tight, fixed)].T) @ inverse
        room = [x[:, basic] - low[:, basic], high[:, basic] - x[:, basic]]
        slack.append(np.concatenate([*room, x @ matrix[lower].T, -(x @ matrix[upper].T)], axis=1))
        parts.append(x @ stated.cost)
    tolerance = np.concatenate([column_slack[basic], column_slack[basic], low_slack[lower], high_slack[upper]])
    bound = np.concatenate(
        [np.zeros((stated.low.shape[0], 2 * basic.size)), stated.row[:, lower], -stated.row_high[:, upper]], axis=1
    )
    kept = ((slack[0] - bound + tolerance)[hour] >= -slack[1][state]).all(axis=1)
    return parts[0][hour] + parts[1][state], kept
