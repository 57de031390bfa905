"""The DSO's reaction to one lot: which rows are enough, proved by linear programs with every row.

The lot's deviation program (:mod:`equilibrium.markets.nodal.second_method`) replaces the DSO by its optimality
conditions. A row must not simply be left out of those: that changes the reaction and relaxes nothing.
:func:`enough_rows` proves its choice hour by hour. Linear programs with *every* row give the cost C(p) at some powers
p, each with multipliers mu whose dual objective is a line below C. When the lines through neighbouring points meet on
C, they are C between those points, because C is convex. The program with only the rows of those mu is bounded below by
the same lines and is not above C, so its cost is C as well: on the whole range of p it has the same prices, and the
multipliers found are among its optimal ones, which bounds them. At the smallest power that leaves a dispatch, where
that is not zero, a price has no lower end; the lowest that the chosen rows admit counts there, so that a bound on
profits stays one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp

from equilibrium.arrays import FloatArray, IntArray
from equilibrium.deadline import Deadline
from equilibrium.errors import SolverError
from equilibrium.markets.nodal.curves import SHORTEST
from equilibrium.programs.hourly.periods import ARTIFICIAL, PeriodData, PeriodModel
from equilibrium.programs.hourly.vertices import NO_PRICE
from equilibrium.programs.program import GAP, INF, Instance
from equilibrium.programs.solvers import Status
from equilibrium.programs.solvers.highs import HighsHandle

STATIONARY = 1e-8
"""Largest error of the DSO's stationarity at multipliers that prove something, relative to ``1 + |cost|``."""

ROOM = 2.0
"""How much wider than proved the bounds on multipliers are: tight ones leave a simplex only its tolerance."""


MAXIMUM_LINES = 500


@dataclass(frozen=True, eq=False)
class Reaction:
    """The DSO's program of a day as one lot sees it: ``min cost'y : lower <= y_matrix y + p_matrix p <= upper``.

    Attributes
    ----------
    cost
        Shape ``(variables,)``.
    y_matrix, p_matrix
        Shapes ``(rows, variables)`` and ``(rows, hours)``.
    lower, upper
        Shape ``(rows,)``; equal for an equation.
    mu_low, mu_high
        Limits between which an optimal multiplier is known to exist; positive ones belong to ``lower``. A side whose
        multiplier is known to be zero is no part of the deviation program.
    """

    cost: FloatArray
    y_matrix: sp.csr_array
    p_matrix: sp.csr_array
    lower: FloatArray
    upper: FloatArray
    mu_low: FloatArray
    mu_high: FloatArray


React = Callable[[int, FloatArray, Deadline], tuple[Reaction, FloatArray, FloatArray] | None]
"""Return the DSO as a lot sees it from some point, and the powers between which it has a dispatch, each ``(hours,)``.

Arguments are the lot, its largest powers, shape ``(hours,)``, and when to stop; ``None`` where that came first.
"""


def reaction_of(instance: Instance, own: IntArray, multiplier_max: float = INF) -> Reaction:
    """Return a bound DSO program as one lot sees it, with every row; column bounds become rows.

    Parameters
    ----------
    instance
        The program, rivals' powers fixed by their column bounds.
    own
        Columns of the lot's own powers; their bounds are the lot's matter and left out.
    multiplier_max
        Bound on multipliers, where one is known.
    """
    others = np.setdiff1d(np.arange(instance.shape[1]), own)
    low, high = instance.col_lower[others], instance.col_upper[others]
    bounded = np.flatnonzero(np.isfinite(low) | np.isfinite(high))
    unit = sp.csr_array(sp.identity(others.size, format="csr")[bounded, :])
    rows = instance.shape[0] + bounded.size
    return Reaction(
        cost=instance.cost[others],
        y_matrix=sp.csr_array(sp.vstack([instance.matrix[:, others], unit], format="csr")),
        p_matrix=sp.csr_array(
            sp.vstack([instance.matrix[:, own], sp.csr_array((bounded.size, own.size))], format="csr")
        ),
        lower=np.concatenate([instance.row_lower, low[bounded]]),
        upper=np.concatenate([instance.row_upper, high[bounded]]),
        mu_low=np.full(rows, -multiplier_max),
        mu_high=np.full(rows, multiplier_max),
    )


def reaction_on(
    model: PeriodModel, data: PeriodData, given: FloatArray, lot: int, rows: Sequence[IntArray], length_h: FloatArray
) -> Reaction:
    """Return the DSO with some of the scaled rows of every period, and nothing known of its multipliers.

    Whether the rows are enough is the caller's matter; :func:`enough_rows` proves it.
    """
    lower, upper = _limits(model, data, given, lot)
    index = np.repeat(np.arange(len(rows)), [part.size for part in rows]), np.concatenate(rows)
    return Reaction(
        cost=(data.cost * length_h[:, None]).ravel(),
        y_matrix=sp.csr_array(sp.block_diag([sp.csr_array(model.m[part]) for part in rows], format="csr")),
        p_matrix=sp.csr_array(
            sp.block_diag([sp.csr_array(model.n[part, lot : lot + 1]) for part in rows], format="csr")
        ),
        lower=lower[index],
        upper=upper[index],
        mu_low=np.full(index[1].size, -INF),
        mu_high=np.full(index[1].size, INF),
    )


def _limits(model: PeriodModel, data: PeriodData, given: FloatArray, lot: int) -> tuple[FloatArray, FloatArray]:
    """Return the rows' limits less the rivals' share, shape ``(hours, rows)``; bounds that are none are infinite."""
    rivals = given.copy()
    rivals[:, lot] = 0.0
    share = rivals @ model.n.T
    far = 0.5 * ARTIFICIAL / model.scale
    return np.where(data.lower <= -far, -INF, data.lower - share), np.where(data.upper >= far, INF, data.upper - share)


def enough_rows(
    model: PeriodModel,
    data: PeriodData,
    given: FloatArray,
    length_h: FloatArray,
    lot: int,
    most: FloatArray,
    deadline: Deadline,
) -> tuple[Reaction, FloatArray, FloatArray] | None:
    """Choose rows of every hour that give the DSO's cost at all of a lot's powers, and prove that they do.

    Parameters
    ----------
    length_h
        Length of each period, h, shape ``(hours,)``.
    most
        Largest powers of the lot, kW, shape ``(hours,)``.
    deadline
        When to stop.

    Returns
    -------
    tuple or None
        The reaction with the chosen rows, and the smallest and the largest power that leave a dispatch, each
        ``(hours,)``; ``None`` when the deadline came first.

    Raises
    ------
    SolverError
        When an hour has no dispatch at any power, or its cost needs more than :data:`MAXIMUM_LINES` lines.
    """
    hours = most.size
    whole = _WholeProgram(model, data, given, lot)
    low, high = np.zeros(hours), np.zeros(hours)
    chosen, mu_low, mu_high = [], [], []
    for hour in range(hours):
        if deadline.passed:
            return None
        low[hour], high[hour] = whole.ends(hour, most[hour])
        mu = np.array([line.mu for line in whole.lines(hour, low[hour], high[hour])])
        rows = np.flatnonzero((mu != 0.0).any(axis=0))
        chosen.append(rows)
        mu_low.append(ROOM * length_h[hour] * np.minimum(mu[:, rows].min(axis=0), 0.0))
        mu_high.append(ROOM * length_h[hour] * np.maximum(mu[:, rows].max(axis=0), 0.0))
    reaction = reaction_on(model, data, given, lot, chosen, length_h)
    return replace(reaction, mu_low=np.concatenate(mu_low), mu_high=np.concatenate(mu_high)), low, high


def every_row(
    reduced: Instance, lots: IntArray, given: FloatArray, lot: int, most: FloatArray, _deadline: Deadline
) -> tuple[Reaction, FloatArray, FloatArray]:
    """Return the DSO of a whole day with every row of a program; what has a dispatch is left to the rows.

    Parameters
    ----------
    reduced
        The DSO's program of the whole day with every row that can bind.
    lots
        Columns of the lots' powers in it, shape ``(hours, lots)``.
    given, lot, most
        As of :func:`enough_rows`.
    """
    return reaction_of(reduced.with_columns(lots, given, given), lots[:, lot]), np.zeros_like(most), most


@dataclass(frozen=True, eq=False)
class _Line:
    """A line below the DSO's cost of an hour: the dual objective at ``mu`` as a function of one lot's power."""

    constant: float
    slope: float
    mu: FloatArray

    def at(self, power: float) -> float:
        return self.constant + self.slope * power


class _WholeProgram:
    """The DSO's hours with every row, as linear programs in y and one lot's power."""

    def __init__(self, model: PeriodModel, data: PeriodData, given: FloatArray, lot: int) -> None:
        self._model, self._data, self._lot = model, data, lot
        self.lower, self.upper = _limits(model, data, given, lot)
        self._matrix = sp.csr_array(np.column_stack([model.m, model.n[:, lot]]))
        self._handle = HighsHandle(self._instance(0, np.append(data.cost[0], 0.0), 0.0, 0.0))

    def _instance(self, hour: int, cost: FloatArray, low: float, high: float) -> Instance:
        bounds = [np.append(np.full(self._model.variables, s * INF), at) for s, at in ((-1.0, low), (1.0, high))]
        return Instance(self._matrix, cost, self.lower[hour], self.upper[hour], *bounds)

    def ends(self, hour: int, most: float) -> tuple[float, float]:
        """Return the smallest and the largest power up to ``most`` for which a dispatch exists."""
        found = []
        for sign in (1.0, -1.0):
            cost = np.zeros(self._model.variables + 1)
            cost[-1] = sign
            self._handle.update(self._instance(hour, cost, 0.0, most))
            answer = self._handle.solve()
            if answer.status is not Status.OPTIMAL:
                raise SolverError(f"hour {hour} has no dispatch at any power of lot {self._lot}: {answer.status}")
            found.append(min(max(float(answer.x[-1]), 0.0), most))
        return found[0], max(found)

    def touch(self, hour: int, power: float) -> tuple[float, _Line] | None:
        """Return the cost at a power and a line that touches it there; ``None`` without a dispatch."""
        cost = np.append(self._data.cost[hour], 0.0)
        self._handle.update(self._instance(hour, cost, power, power))
        answer = self._handle.solve()
        if answer.status is not Status.OPTIMAL:
            return None
        mu = np.where(np.abs(answer.y) > NO_PRICE, answer.y, 0.0)
        side = np.where(mu > 0.0, self.lower[hour], np.where(mu < 0.0, self.upper[hour], 0.0))
        error = np.abs(self._data.cost[hour] - mu @ self._model.m).max(initial=0.0)
        if not np.isfinite(side).all() or error > STATIONARY * (1.0 + np.abs(cost).max()):
            raise SolverError(f"hour {hour}: the multipliers at {power} kW of lot {self._lot} prove nothing")
        value = float(cost @ answer.x)
        return value, _Line(float(mu @ side), -float(mu @ self._model.n[:, self._lot]), mu)

    def lines(self, hour: int, low: float, high: float) -> list[_Line]:
        """Return lines whose maximum is the cost on ``[low, high]``."""
        first = self._touch_near(hour, low, high)
        last = self._touch_near(hour, high, low)
        kept, count = list[_Line](), 2
        stack = [] if high - low <= SHORTEST else [(first, last)]
        while stack:
            (a, value_a, left), (b, value_b, right) = stack.pop()
            if value_a - right.at(a) <= GAP * (1.0 + abs(value_a)):
                kept.append(right)
            elif value_b - left.at(b) <= GAP * (1.0 + abs(value_b)):
                kept.append(left)
            else:
                middle = (left.constant - right.constant) / (right.slope - left.slope)
                touched, count = self.touch(hour, middle), count + 1
                if touched is None or count > MAXIMUM_LINES:
                    raise SolverError(f"hour {hour}: the cost over the powers of lot {self._lot} was not found")
                value, line = touched
                if value - left.at(middle) <= GAP * (1.0 + abs(value)):
                    kept += [left, right]
                else:
                    stack += [((a, value_a, left), (middle, value, line)), ((middle, value, line), (b, value_b, right))]
        return kept or [first[2]]

    def _touch_near(self, hour: int, end: float, other: float) -> tuple[float, float, _Line]:
        """Touch the cost at an end of the range; a little inside where rounding leaves the end without a dispatch.

        The line goes on to the end below the cost: a bound made of it stays an upper bound on profits.
        """
        for step in (0.0, SHORTEST, 10.0 * SHORTEST):
            power = end + float(np.clip(other - end, -step, step))
            touched = self.touch(hour, power)
            if touched is not None:
                return power, *touched
        raise SolverError(f"hour {hour} has no dispatch at {end} kW of lot {self._lot}")
