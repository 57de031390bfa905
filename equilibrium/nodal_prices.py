"""Prices at an equilibrium: chosen by a rule from the dual optimal face, with their intervals.

At an equilibrium strategic players sit on kinks of the DSO's cost, where the multiplier is an interval and a solver's
pick means nothing. The rule here: among all multipliers that support the dispatch, take those with the least payment
by the strategic lots. If the result gives every strategic lot its left slope, all of them can count on their
optimistic price at once, and the prices are consistent. A price-taker's schedule must be what it wants at the price,
so its own optimality conditions stand beside the DSO's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from equilibrium.best_response import FeasiblePowers
from equilibrium.errors import SolverError
from equilibrium.network import FloatArray, IntArray
from equilibrium.periods import FEASIBILITY
from equilibrium.program import INF, Instance
from equilibrium.solvers import Handle, Status, open_handle
from equilibrium.vertices import Vertices

PRICE_RULE = "least payment by the strategic lots over the dual optimal face that supports the price-takers"

TIGHT = 1e-8
"""Slack of a scaled row (kW or the like), relative to ``1 + |limit|``, up to which it counts as tight."""


AT_LIMIT = 1e-7
"""Distance of a price-taker from a limit, relative to ``1 + |value|``, up to which the limit may hold it."""


@dataclass(frozen=True, eq=False)
class Taker:
    """A price-taking lot: its index, what it earns per kWh, shape ``(hours,)``, and its own feasible set."""

    lot: int
    charging_price: FloatArray
    own: FeasiblePowers


@dataclass(frozen=True, eq=False)
class DualFace:
    """All multipliers that support the dispatch in the hours where there is more than one.

    Attributes
    ----------
    hour, row
        Hour and scaled row of each column, shape ``(columns,)``.
    prices
        Sensitivity of the lots' prices to each column, shape ``(columns, lots)``.
    instance
        ``M' mu = c`` for every degenerate hour, with the sign of each multiplier; the cost is zero.
    handle
        The same in a solver.
    """

    hour: IntArray
    row: IntArray
    prices: FloatArray
    instance: Instance
    handle: Handle

    def best(self, weight: FloatArray) -> tuple[FloatArray, float]:
        """Minimise ``sum over hours and lots of weight * price``; return the multipliers and the solver's time."""
        x, seconds = self._least((self.prices * weight[self.hour]).sum(axis=1))
        if x is None:
            raise SolverError("no least payment: a strategic lot at the smallest power that leaves a dispatch")
        return x, seconds

    @property
    def hours(self) -> IntArray:
        """The degenerate hours."""
        return np.unique(self.hour)

    def extremes(self, lot: int, sign: float) -> tuple[FloatArray, float]:
        """Return a lot's lowest (``sign`` 1) or highest (-1) price in :attr:`hours`, and the solver's time.

        A price is infinite where the lot can take no kW more (or less): no dispatch exists beyond its power.
        """
        cost = sign * self.prices[:, lot]
        x, seconds = self._least(cost)
        if x is not None:
            return np.bincount(self.hour, self.prices[:, lot] * x).astype(np.float64)[self.hours], seconds
        values = np.empty(self.hours.size)
        for k, hour in enumerate(self.hours):
            here = self.hour == hour
            x, spent = self._least(np.where(here, cost, 0.0))
            seconds += spent
            values[k] = -sign * INF if x is None else self.prices[here, lot] @ x[here]
        return values, seconds

    def _least(self, cost: FloatArray) -> tuple[FloatArray | None, float]:
        """Minimise ``cost`` over the face; ``None`` where that is unbounded."""
        self.handle.update(self.instance.with_cost(cost))
        solution = self.handle.solve()
        if solution.status is Status.UNBOUNDED:
            return None, solution.seconds
        if solution.status is not Status.OPTIMAL:
            raise SolverError(f"the dual face is {solution.status}: the dispatch is not optimal")
        return solution.x, solution.seconds

    def best_supporting(
        self, weight: FloatArray, price: FloatArray, power: FloatArray, takers: Sequence[Taker]
    ) -> tuple[FloatArray | None, float]:
        """Minimise as :meth:`best` does among the prices at which every taker wants its schedule; ``None`` if none are.

        ``price`` holds the prices of the hours with one price only, ``power`` the schedules, both ``(hours, lots)``.
        """
        hours, count = np.arange(price.shape[0]), self.hour.size
        matrices, right, lower, upper = [[self.instance.matrix]], [self.instance.row_lower], [], []
        for taker in takers:
            own, lot = taker.own, taker.lot
            sensitivity = sp.csr_array((self.prices[:, lot], (self.hour, np.arange(count))), shape=(hours.size, count))
            matrices.append([sensitivity, -own.matrix.T, -sp.identity(hours.size)])
            unique = np.where(np.isin(hours, self.hours), 0.0, price[:, lot])
            right.append(taker.charging_price - unique)
            value = own.matrix @ power[:, lot]
            for at, low, high in ((value, own.lower, own.upper), (power[:, lot], 0.0, own.power_max_kw)):
                lower.append(np.where(np.abs(at - high) <= AT_LIMIT * (1.0 + np.abs(at)), -INF, 0.0))
                upper.append(np.where(np.abs(at - low) <= AT_LIMIT * (1.0 + np.abs(at)), INF, 0.0))
        own_columns = sp.block_diag([sp.hstack(blocks[1:]) for blocks in matrices[1:]])
        top = sp.hstack([self.instance.matrix, sp.csr_array((self.instance.shape[0], own_columns.shape[1]))])
        below = sp.hstack([sp.vstack([blocks[0] for blocks in matrices[1:]]), own_columns])
        sides = np.concatenate(right)
        cost = (self.prices * weight[self.hour]).sum(axis=1)
        instance = Instance(
            matrix=sp.csr_array(sp.vstack([top, below])),
            cost=np.concatenate([cost, np.zeros(own_columns.shape[1])]),
            row_lower=sides,
            row_upper=sides,
            col_lower=np.concatenate([self.instance.col_lower, *lower]),
            col_upper=np.concatenate([self.instance.col_upper, *upper]),
        )
        solution = open_handle(instance).solve()
        return (solution.x[:count] if solution.status is Status.OPTIMAL else None), solution.seconds

    def place(self, mu: FloatArray, multipliers: FloatArray) -> FloatArray:
        """Return ``mu`` ``(hours, rows)`` with the degenerate hours' multipliers replaced."""
        chosen = mu.copy()
        chosen[np.unique(self.hour)] = 0.0
        chosen[self.hour, self.row] = multipliers
        return chosen


def dual_face(vertices: Vertices) -> DualFace | None:
    """Return the dual face of the hours with more tight rows than variables; ``None`` if every price is unique."""
    data, model = vertices.data, vertices.model
    value = vertices.values()
    margin = TIGHT / FEASIBILITY * model.tolerance
    at_lower = np.abs(value - data.lower) <= margin
    at_upper = np.abs(value - data.upper) <= margin
    np.put_along_axis(
        at_lower, vertices.active, np.take_along_axis(at_lower, vertices.active, 1) | (vertices.side >= 0), 1
    )
    np.put_along_axis(
        at_upper, vertices.active, np.take_along_axis(at_upper, vertices.active, 1) | (vertices.side <= 0), 1
    )
    degenerate = np.flatnonzero((at_lower | at_upper).sum(axis=1) > model.variables)
    if not degenerate.size:
        return None
    place = np.full(value.shape[0], -1)
    place[degenerate] = np.arange(degenerate.size)
    hour, row = np.nonzero((at_lower | at_upper) & (place >= 0)[:, None])
    count, n = hour.size, model.variables
    equations = place[hour][:, None] * n + np.arange(n)
    matrix = sp.csr_array(
        (model.m[row].ravel(), (equations.ravel(), np.repeat(np.arange(count), n))), shape=(degenerate.size * n, count)
    )
    right = data.cost[degenerate].ravel()
    instance = Instance(
        matrix=matrix,
        cost=np.zeros(count),
        row_lower=right,
        row_upper=right,
        col_lower=np.where(at_upper[hour, row], -INF, 0.0),
        col_upper=np.where(at_lower[hour, row], INF, 0.0),
    )
    return DualFace(hour, row, -model.n[row], instance, open_handle(instance))


def vertex_multipliers(vertices: Vertices) -> FloatArray:
    """Return the vertices' own multipliers of all scaled rows, shape ``(hours, rows)``."""
    mu = np.zeros_like(vertices.data.lower)
    np.put_along_axis(mu, vertices.active, vertices.mu, axis=1)
    return mu


@dataclass(frozen=True, eq=False)
class PublishedPrices:
    """Prices at the lots, their intervals, and all multipliers behind them.

    Attributes
    ----------
    mu
        Multipliers of the scaled rows, shape ``(hours, rows)``.
    price, low, high
        Published DLMP at each lot and its interval, currency/kWh, shape ``(hours, lots)``.
    seconds
        Time inside the solver.
    """

    mu: FloatArray
    price: FloatArray
    low: FloatArray
    high: FloatArray
    seconds: float


def publish(vertices: Vertices, weight: FloatArray, takers: Sequence[Taker] = ()) -> PublishedPrices:
    """Choose prices by the rule of this module and find the interval of each.

    Parameters
    ----------
    vertices
        Solved hours at the equilibrium.
    weight
        What a unit of each price costs the strategic lots: their power, kW, 0 for the others, ``(hours, lots)``.
    takers
        The price-taking lots. Where no price supports them, the rule goes without them and their regret shows it.
    """
    mu = vertex_multipliers(vertices)
    price = vertices.prices()
    low, high = price.copy(), price.copy()
    face = dual_face(vertices)
    if face is None:
        return PublishedPrices(mu, price, low, high, 0.0)
    chosen, seconds = face.best_supporting(weight, price, vertices.given, takers) if takers else (None, 0.0)
    if chosen is None:
        chosen, spent = face.best(weight)
        seconds += spent
    mu = face.place(mu, chosen)
    price = -np.asarray(mu @ vertices.model.n)
    for lot in range(price.shape[1]):
        for sign, target in ((1.0, low), (-1.0, high)):
            values, spent = face.extremes(lot, sign)
            seconds += spent
            target[face.hours, lot] = values
    return PublishedPrices(mu, price, low, high, seconds)
