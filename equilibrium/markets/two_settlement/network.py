"""What a power at a bus does to voltages and branches of the grid's base configuration (LinDistFlow, no losses)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from equilibrium.arrays import FloatArray, IntArray
from equilibrium.grid.lossy import WATTS_PER_KILOWATT
from equilibrium.grid.meshed import MeshedGrid
from equilibrium.grid.restoration import Outage, polygon, ways
from equilibrium.grid.shedding import trees_of
from equilibrium.programs.branching import Rows
from equilibrium.programs.program import FEASIBILITY, INF


@dataclass(frozen=True, eq=False)
class Radial:
    """The base configuration as linear maps of the powers that buses take.

    Attributes
    ----------
    root
        Index of the root that feeds each bus, shape ``(buses,)``.
    tree
        Number of the tree of each bus, -1 at the roots, shape ``(buses,)``.
    drop
        Fall of a bus's squared voltage, kV^2 per kW and per kvar taken at each bus, shape ``(2, buses, buses)``.
    below
        Whether the branch into a bus (row) feeds another (column), shape ``(buses, buses)``.
    rating_kva
        Rating of the branch into each bus, infinite at the roots, shape ``(buses,)``.
    low, high
        Squared voltages that are allowed, kV^2, shape ``(buses,)``.
    square
        Squared voltage of the roots, kV^2.
    """

    root: IntArray
    tree: IntArray
    drop: FloatArray
    below: FloatArray
    rating_kva: FloatArray
    low: FloatArray
    high: FloatArray
    square: float


def radial_of(grid: MeshedGrid) -> Radial:
    """Return the base configuration of a grid as linear maps.

    Raises
    ------
    InputError
        When the base configuration has a loop.
    """
    _, forest = next(ways(grid, Outage("nothing")))
    size = grid.size
    root, tree = np.arange(size), np.full(size, -1)
    drop, below, rating = np.zeros((2, size, size)), np.zeros((size, size)), np.full(size, np.inf)
    parent = dict(zip(forest.order.tolist(), forest.parent.tolist(), strict=True))
    for bus in forest.order.tolist():
        if parent[bus] >= 0:
            root[bus] = root[parent[bus]]
    for number, each in enumerate(trees_of(forest)):
        buses, branch = np.array(each.bus), np.array(each.branch)
        own = np.eye(buses.size)
        for k in range(buses.size - 1, -1, -1):
            if each.parent[k] >= 0:
                own[each.parent[k]] += own[k]
        at = np.ix_(buses, buses)
        tree[buses], below[at], rating[buses] = number, own, grid.rating_kva[branch]
        for k, ohm in enumerate((grid.r_ohm, grid.x_ohm)):
            drop[k][at] = 2.0 / WATTS_PER_KILOWATT * own.T @ (ohm[branch][:, None] * own)
    low, high = ((each * grid.base_kv) ** 2 for each in (grid.voltage_min_pu, grid.voltage_max_pu))
    return Radial(root, tree, drop, below, rating, low, high, (grid.root_voltage_pu * grid.base_kv) ** 2)


@dataclass(frozen=True, eq=False)
class Injections:
    """Columns that give power at buses in the periods of a scenario.

    Attributes
    ----------
    column
        Shape ``(periods, columns)``.
    bus
        Where each column gives, shape ``(columns,)``.
    active, reactive
        kW and kvar that a unit of it gives, shape ``(periods, columns)``.
    load_kw, load_kvar
        What the buses take, shape ``(periods, buses)``.
    """

    column: IntArray
    bus: IntArray
    active: FloatArray
    reactive: FloatArray
    load_kw: FloatArray
    load_kvar: FloatArray

    def taken(self, x: FloatArray) -> FloatArray:
        """Return what every bus takes in all, kW and kvar, shape ``(2, periods, buses)``."""
        net = np.stack([self.load_kw, self.load_kvar])
        give = np.stack([self.active, self.reactive]) * x[self.column]
        for k in range(2):
            np.subtract.at(net[k].T, self.bus, give[k].T)
        return net

    def row(self, period: int, weight: FloatArray) -> tuple[IntArray, FloatArray, float]:
        """Return the row of ``sum of weight x power taken``: columns, coefficients, and the constant.

        ``weight`` has shape ``(2, buses)``, for kW and kvar.
        """
        here = weight[:, self.bus]
        value = -(here[0] * self.active[period] + here[1] * self.reactive[period])
        constant = float(weight[0] @ self.load_kw[period] + weight[1] @ self.load_kvar[period])
        keep = np.flatnonzero(value)
        return self.column[period, keep], value[keep], constant


@dataclass(frozen=True, eq=False)
class LimitRow:
    """A limit of the network in one scenario and period, as a row over the columns of injections.

    Attributes
    ----------
    scenario, period
        Where it holds.
    weight
        What a kW and a kvar taken at each bus adds to the row's value, shape ``(2, buses)``.
    column, value
        The row.
    lower, upper
        Its limits.
    """

    scenario: int
    period: int
    weight: FloatArray
    column: IntArray
    value: FloatArray
    lower: float
    upper: float


def rows_of(limits: Sequence[LimitRow], columns: int) -> Rows:
    """Return limits as rows of a program with so many columns."""
    start = np.concatenate([[0], np.cumsum([each.column.size for each in limits])])
    arrays = np.concatenate([each.value for each in limits]), np.concatenate([each.column for each in limits]), start
    matrix = sp.csr_array(arrays, shape=(len(limits), columns))
    matrix.sum_duplicates()
    return Rows(matrix, np.array([each.lower for each in limits]), np.array([each.upper for each in limits]))


def broken_limits(radial: Radial, scenarios: Sequence[Injections], x: FloatArray) -> list[LimitRow]:
    """Return the worst broken limit of every tree and period: voltages and, as a polygon, ratings."""
    found: list[LimitRow] = []
    cosine, sine, reach = polygon()
    rated = np.flatnonzero(np.isfinite(radial.rating_kva))
    for number, each in enumerate(scenarios):
        taken = each.taken(x)
        square = radial.square - np.einsum("kbj,ktj->tb", radial.drop, taken)
        excess = np.maximum(radial.low - square, square - radial.high) / (1.0 + np.abs(square))
        for period, bus in _worst(excess, radial.tree):
            weight = radial.drop[:, bus]
            index, value, constant = each.row(period, weight)
            sides = (radial.square - constant - float(limit[bus]) for limit in (radial.high, radial.low))
            found.append(LimitRow(number, period, weight, index, value, *sides))
        if not rated.size:
            continue
        flow = np.einsum("bj,ktj->ktb", radial.below[rated], taken)
        side = cosine[:, None, None] * flow[0] + sine[:, None, None] * flow[1]
        limit = reach * radial.rating_kva[rated]
        excess = np.zeros(square.shape)
        excess[:, rated] = (side.max(axis=0) - limit) / (1.0 + limit)
        for period, bus in _worst(excess, radial.tree):
            turn = int(side[:, period, np.searchsorted(rated, bus)].argmax())
            weight = np.stack([cosine[turn] * radial.below[bus], sine[turn] * radial.below[bus]])
            index, value, constant = each.row(period, weight)
            upper = reach * float(radial.rating_kva[bus]) - constant
            found.append(LimitRow(number, period, weight, index, value, -INF, upper))
    return found


def _worst(excess: FloatArray, tree: IntArray) -> list[tuple[int, int]]:
    """Return the period and bus of the largest excess of every tree in every period, where there is one."""
    found = []
    for number in range(int(tree.max(initial=-1)) + 1):
        own = np.flatnonzero(tree == number)
        worst = own[excess[:, own].argmax(axis=1)]
        bad = excess[np.arange(worst.size), worst] > FEASIBILITY
        found += [(period, int(worst[period])) for period in np.flatnonzero(bad).tolist()]
    return found
