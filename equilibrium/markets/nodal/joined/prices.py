"""Prices where hours share multipliers: the face of the whole day, searched by linear programs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import scipy.sparse as sp

from equilibrium.arrays import FloatArray, IntArray
from equilibrium.errors import SolverError
from equilibrium.markets.nodal.joined.follower import Sides
from equilibrium.markets.nodal.prices import TIGHT, DualFace, Taker
from equilibrium.programs.program import INF, Instance
from equilibrium.programs.solvers import Solution, Status, open_handle


class JoinedFace:
    """All multipliers that support a dispatch of the whole day.

    Any optimal dispatch gives the whole face: optimal multipliers are those that are complementary to one optimum. A
    choice is one multiplier for every side that the dispatch touches, shape ``(columns,)``.

    Parameters
    ----------
    reduced
        The DSO's program of the whole day.
    lots
        Columns of the lots' powers, shape ``(hours, lots)``.
    x, power
        An optimal dispatch, shape ``(columns,)``, and the lots' powers in it, kW, shape ``(hours, lots)``.
    length_h
        Length of each period, h, shape ``(hours,)``.
    loaded
        What one more kW at every bus takes off the limits of the program's rows, shape ``(rows,)``.
    solver
        One of :data:`equilibrium.programs.solvers.SOLVERS`, for the program that price-takers need.
    """

    def __init__(
        self,
        reduced: Instance,
        lots: IntArray,
        x: FloatArray,
        power: FloatArray,
        length_h: FloatArray,
        loaded: FloatArray,
        solver: str = "auto",
    ) -> None:
        self._power, self._solver = power, solver
        self._face, self._of_rows = joined_face(reduced, lots, x, length_h, loaded)
        self._handle = open_handle(self._face.instance)
        self.seconds = 0.0
        self.low, self.high = self._intervals()

    def _intervals(self) -> tuple[FloatArray, FloatArray]:
        """Solve for both ends of every price."""
        face = self._face
        low, high = np.zeros_like(self._power), np.zeros_like(self._power)
        for hour, lot in np.ndindex(*self._power.shape):
            sensitivity = np.where(face.hour == hour, face.prices[:, lot], 0.0)
            for sign, target in ((1.0, low), (-1.0, high)):
                at = self._least(sign * sensitivity)
                target[hour, lot] = -sign * INF if at is None else sensitivity @ at
        return low, high

    def supporting(self, aim: FloatArray, takers: Sequence[Taker]) -> FloatArray | None:
        """Solve for the choice with the takers' own conditions beside the face."""
        none = np.zeros_like(self._power)
        chosen, seconds = self._face.best_supporting(aim, none, self._power, takers, self._solver)
        self.seconds += seconds
        return chosen

    def least(self, aim: FloatArray) -> FloatArray:
        """Solve for the choice of least payment."""
        face, cost = self._face, self._face.payment(aim)
        found = self._solved(cost)
        if found is None:
            raise SolverError("the prices of the dual face have no finite choice")
        chosen, seconds = face.settled(face.instance.with_cost(cost), found)
        self.seconds += seconds
        return chosen

    def price(self, chosen: FloatArray) -> FloatArray:
        """Return the prices of every hour."""
        hours, lots = self._power.shape
        return np.column_stack([np.zeros((hours, 0)), *(self._face.price(chosen, lot, hours) for lot in range(lots))])

    def wanted(self, chosen: FloatArray, aim: FloatArray) -> FloatArray:
        """Solve for the least payment of every lot that has a weight."""
        wanted, face = self.price(chosen), self._face
        for lot in np.flatnonzero(aim.any(axis=0)):
            payment = face.prices[:, lot] * aim[face.hour, lot]
            own = self._least(payment)
            if own is not None and (own - chosen) @ payment < 0.0:
                wanted[:, lot] = face.price(own, int(lot), wanted.shape[0])
        return wanted

    def multipliers(self, chosen: FloatArray) -> FloatArray:
        """Return the multipliers of the rows of the DSO's program."""
        return np.asarray(self._of_rows @ chosen)

    def _least(self, cost: FloatArray) -> FloatArray | None:
        """Return where ``cost`` is least on the face; ``None`` where that is unbounded."""
        found = self._solved(cost)
        return None if found is None else found.x

    def _solved(self, cost: FloatArray) -> Solution | None:
        """Minimise ``cost`` over the face; ``None`` where that is unbounded."""
        self._handle.update(self._face.instance.with_cost(cost))
        solution = self._handle.solve()
        self.seconds += solution.seconds
        if solution.status is Status.UNBOUNDED:
            return None
        if solution.status is not Status.OPTIMAL:
            raise SolverError(f"the dual face is {solution.status}: the dispatch is not optimal")
        return solution


def joined_face(
    reduced: Instance, lots: IntArray, x: FloatArray, length_h: FloatArray, loaded: FloatArray
) -> tuple[DualFace, sp.csr_array]:
    """Return the face as a linear program, and the map from its multipliers to those of the rows."""
    kept = np.setdiff1d(np.arange(reduced.shape[1]), lots)
    activity = reduced.matrix @ x
    rows = Sides.of(reduced.row_lower, reduced.row_upper).touched(activity, TIGHT)
    columns = Sides.of(reduced.col_lower[kept], reduced.col_upper[kept]).touched(x[kept], TIGHT)
    of_sides = rows.incidence(activity.size)
    by_side = sp.csr_array(of_sides.T @ reduced.matrix).T.tocsr()
    count = rows.index.size + columns.index.size
    hour, prices = _sensitivity(by_side, lots, count)
    prices /= length_h[hour, None]  # multipliers are currency/kW
    instance = Instance(
        matrix=sp.csr_array(sp.hstack([by_side[kept, :], columns.incidence(kept.size)])),
        cost=np.zeros(count),
        row_lower=reduced.cost[kept],
        row_upper=reduced.cost[kept],
        col_lower=np.where(np.concatenate([rows.equal, columns.equal]), -INF, 0.0),
        col_upper=np.full(count, INF),
    )
    none = sp.csr_array((activity.size, columns.index.size))
    everywhere = np.concatenate([-(of_sides.T @ loaded), np.zeros(columns.index.size)])
    return DualFace(hour, np.arange(count), prices, everywhere, instance), sp.csr_array(sp.hstack([of_sides, none]))


def _sensitivity(by_side: sp.csr_array, lots: IntArray, count: int) -> tuple[IntArray, FloatArray]:
    """Return the hour of every multiplier and how the lots' payments of that hour for a kW depend on it.

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
