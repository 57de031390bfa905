"""Prices where several support a dispatch: those of the next kWh, should all loads grow in proportion.

At a kink of the network's least purchase, or where two scenarios need the same purchase, the company's stage has many
multipliers. Of all of them those are taken that price a small growth of the loads: the derivative of the stage's cost
to the right. It is one linear program over the directions in which the optimum may move, and its multipliers belong to
one direction, whatever way led to the optimum. The scenarios' loads grow at slightly different rates, so that their
prices do not tie.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import scipy.sparse as sp

from equilibrium.arrays import BoolArray, FloatArray
from equilibrium.markets.disco.network.service import Planes, ScenarioSupply
from equilibrium.programs.program import FEASIBILITY, INF, Instance
from equilibrium.programs.solvers import Status
from equilibrium.programs.solvers.choose import solve_linear

GROWTH = 1e-7
"""Share by which loads grow that leads to the next segment of a flow at a kink."""

SHIFT_KW = 1e-3
"""Change of a net power that leads to the next segment of a flow at a kink."""

SAME_PLANE = 9
"""Decimals to which planes agree that are one."""

MET = 1e-8
"""Distance from a limit, relative to ``1 + |limit|``, at which it is met."""


def by_load(supply: ScenarioSupply, planes: Planes) -> FloatArray:
    """Return how much each plane rises when the loads of its period double, shape ``(planes,)``."""
    program = supply.supply.period_program
    y = planes.multipliers
    if y is None:
        y = supply.sweep(planes.period, planes.lot_kw).planes.multipliers
    if y is None:
        raise ValueError("a sweep that is to be proved has multipliers")
    active, reactive = (y[:, program.rows[name].slice] for name in ("active_balance", "reactive_balance"))
    rise = active * supply.load_kw[planes.period] + reactive * supply.load_kvar[planes.period]
    return np.asarray(rise.sum(axis=1))


def nearby(supply: ScenarioSupply, lot_kw: FloatArray, bought_kw: FloatArray) -> list[Planes]:
    """Return the planes that meet at a point, those with grown loads and with powers that move among them.

    Parameters
    ----------
    lot_kw, bought_kw
        Net powers and purchase, shapes ``(periods, lots)`` and ``(periods,)``.
    """
    periods, lots = lot_kw.shape
    units = np.concatenate([np.eye(lots), np.ones((min(1, lots), lots))])
    shifts = SHIFT_KW * np.concatenate([np.zeros((1, lots)), units, -units])
    period = np.tile(np.arange(periods, dtype=np.int64), len(shifts))
    power = (shifts[:, None, :] + lot_kw).reshape(period.size, lots)
    found = []
    for factor in (1.0, 1.0 + GROWTH):
        planes = supply.with_loads(factor).sweep(period, power).planes
        planes = planes.lowered((factor - 1.0) * by_load(supply, planes))
        value = (planes.slope * lot_kw[planes.period]).sum(axis=1) + planes.constant
        met = np.flatnonzero(value >= bought_kw[planes.period] - FEASIBILITY * (1.0 + np.abs(value)))
        table = np.column_stack([planes.period, planes.slope, planes.constant])[met]
        _, first = np.unique(np.round(table, SAME_PLANE), axis=0, return_index=True)
        found.append(planes.pick(np.isin(np.arange(value.size), met[first])))
    return found


def met_sides(instance: Instance, x: FloatArray) -> tuple[BoolArray, BoolArray]:
    """Return which rows are at their lower and at their upper limits, each of shape ``(rows,)``."""
    value = instance.matrix @ x
    room = MET * (1.0 + np.abs(value))
    return np.asarray(value <= instance.row_lower + room), np.asarray(value >= instance.row_upper - room)


def directional(instance: Instance, x: FloatArray, rise: FloatArray, solver: str) -> FloatArray | None:
    """Return the multipliers of an optimum that price a rise of its limits; ``None`` where it cannot follow them.

    Parameters
    ----------
    instance, x
        A linear program and its optimum.
    rise
        How fast the limits of its rows rise, shape ``(rows,)``.
    """
    below, above = met_sides(instance, x)
    rows = np.flatnonzero(below | above)
    lower, upper = np.where(below, rise, -INF)[rows], np.where(above, rise, INF)[rows]
    wall = MET * (1.0 + np.abs(x))
    moved = Instance(
        sp.csr_array(instance.matrix[rows, :]),
        instance.cost,
        lower,
        upper,
        np.where(x <= instance.col_lower + wall, 0.0, -INF),
        np.where(x >= instance.col_upper - wall, 0.0, INF),
    )
    solution = solve_linear(moved, solver)
    if solution.status is not Status.OPTIMAL:
        return None
    y = np.zeros(instance.shape[0])
    y[rows] = solution.y
    return y


def rates(scenarios: int) -> Sequence[float]:
    """Return how fast each scenario's loads grow beside the first one's."""
    return [1.0 + number / 11.0 for number in range(scenarios)]
