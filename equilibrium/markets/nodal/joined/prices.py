"""Prices where hours share multipliers: the rule of :mod:`equilibrium.markets.nodal.prices` on the whole day's face."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import scipy.sparse as sp

from equilibrium.arrays import FloatArray, IntArray
from equilibrium.errors import SolverError
from equilibrium.markets.nodal.joined.follower import Sides
from equilibrium.markets.nodal.prices import TIGHT, DualFace, PublishedPrices, Taker, bounded_weight
from equilibrium.programs.program import INF, Instance
from equilibrium.programs.solvers import Handle, Status, open_handle


def joined_face(reduced: Instance, lots: IntArray, x: FloatArray) -> tuple[DualFace, sp.csr_array]:
    """Return all multipliers that support a dispatch, and the map from them to the rows' multipliers.

    Any optimal dispatch gives the whole face: optimal multipliers are those that are complementary to one optimum.

    Parameters
    ----------
    reduced
        The DSO's program of the whole day.
    lots
        Columns of the lots' powers, shape ``(hours, lots)``.
    x
        An optimal dispatch, shape ``(columns,)``.
    """
    kept = np.setdiff1d(np.arange(reduced.shape[1]), lots)
    activity = reduced.matrix @ x
    rows = Sides.of(reduced.row_lower, reduced.row_upper).touched(activity, TIGHT)
    columns = Sides.of(reduced.col_lower[kept], reduced.col_upper[kept]).touched(x[kept], TIGHT)
    of_sides = rows.incidence(activity.size)
    by_side = sp.csr_array(of_sides.T @ reduced.matrix).T.tocsr()
    count = rows.index.size + columns.index.size
    hour, prices = _sensitivity(by_side, lots, count)
    instance = Instance(
        matrix=sp.csr_array(sp.hstack([by_side[kept, :], columns.incidence(kept.size)])),
        cost=np.zeros(count),
        row_lower=reduced.cost[kept],
        row_upper=reduced.cost[kept],
        col_lower=np.where(np.concatenate([rows.equal, columns.equal]), -INF, 0.0),
        col_upper=np.full(count, INF),
    )
    none = sp.csr_array((activity.size, columns.index.size))
    return DualFace(hour, np.arange(count), prices, instance), sp.csr_array(sp.hstack([of_sides, none]))


def publish_joined(
    face: DualFace, power: FloatArray, weight: FloatArray, takers: Sequence[Taker] = ()
) -> PublishedPrices:
    """Choose prices by the rule, and find by linear programs the interval of each and what each lot counts on.

    No price that all lots can count on exists where the least payment of all together is more than the sum of the least
    payments of each: both are minima over the same face.

    Parameters
    ----------
    face
        All multipliers that support the day's dispatch.
    power, weight
        What the lots draw, and what a unit of each price costs the strategic ones, kW, shape ``(hours, lots)``.
    takers
        The price-taking lots. Where no price supports them, the rule goes without them and their regret shows it.

    Returns
    -------
    PublishedPrices
        ``mu`` are the face's own multipliers, shape ``(columns,)``.
    """
    handle, none = open_handle(face.instance), np.zeros_like(power)
    low, high, seconds = _intervals(face, handle, none)
    aim = bounded_weight(weight, low, high)
    chosen, spent = face.best_supporting(aim, none, power, takers) if takers else (None, 0.0)
    seconds += spent
    if chosen is None:
        chosen, spent = _least(face, handle, (face.prices * aim[face.hour]).sum(axis=1))
        seconds += spent
    if chosen is None:
        raise SolverError("the prices of the dual face have no finite choice")
    price, wanted = none.copy(), none.copy()
    for lot in range(power.shape[1]):
        price[:, lot] = wanted[:, lot] = face.price(chosen, lot, power.shape[0])
        if weight[:, lot].any():
            own, spent = _least(face, handle, face.prices[:, lot] * aim[face.hour, lot])
            seconds += spent
            if own is not None and (own - chosen) @ (face.prices[:, lot] * aim[face.hour, lot]) < 0.0:
                wanted[:, lot] = face.price(own, lot, power.shape[0])
    return PublishedPrices(chosen, price, low, high, wanted, seconds)


def _intervals(face: DualFace, handle: Handle, none: FloatArray) -> tuple[FloatArray, FloatArray, float]:
    """Return the ends of every price over the face, infinite where there is none, and the solver's time."""
    low, high, seconds = none.copy(), none.copy(), 0.0
    for hour, lot in np.ndindex(*none.shape):
        sensitivity = np.where(face.hour == hour, face.prices[:, lot], 0.0)
        for sign, target in ((1.0, low), (-1.0, high)):
            at, spent = _least(face, handle, sign * sensitivity)
            seconds += spent
            target[hour, lot] = -sign * INF if at is None else sensitivity @ at
    return low, high, seconds


def _least(face: DualFace, handle: Handle, cost: FloatArray) -> tuple[FloatArray | None, float]:
    """Minimise ``cost`` over the face, ``None`` where that is unbounded; and the solver's time."""
    handle.update(face.instance.with_cost(cost))
    solution = handle.solve()
    if solution.status is Status.UNBOUNDED:
        return None, solution.seconds
    if solution.status is not Status.OPTIMAL:
        raise SolverError(f"the dual face is {solution.status}: the dispatch is not optimal")
    return solution.x, solution.seconds


def _sensitivity(by_side: sp.csr_array, lots: IntArray, count: int) -> tuple[IntArray, FloatArray]:
    """Return the hour of every multiplier and how the lots' prices of that hour depend on it.

    Parameters
    ----------
    by_side
        Coefficients of every column of the reduced program on the rows' sides, shape ``(columns, sides)``.
    lots
        Columns of the lots' powers, shape ``(hours, lots)``.
    count
        Number of multipliers: those of rows, then those of columns, on which no price depends.
    """
    hour, prices, touched = np.zeros(count, dtype=np.int64), np.zeros((count, lots.shape[1])), np.full(count, -1)
    for k in range(lots.shape[1]):
        entries = sp.coo_array(by_side[lots[:, k], :])
        at, side = entries.row, entries.col
        if np.any((touched[side] >= 0) & (touched[side] != at)) or np.unique(side).size < side.size:
            raise SolverError("a row joins the lots' powers of several hours: no hour has a price of its own")
        touched[side] = hour[side] = at
        prices[side, k] = -entries.data
    return hour, prices
