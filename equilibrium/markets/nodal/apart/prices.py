"""Prices where hours fall apart: the face of each hour at the vertex that the dispatch is at, walked by pivots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from equilibrium.arrays import BoolArray, FloatArray, IntArray
from equilibrium.errors import SolverError
from equilibrium.markets.nodal.prices import TIGHT, DualFace, Taker
from equilibrium.programs.hourly.vertices import MAXIMUM_PIVOTS, Vertices
from equilibrium.programs.hourly.walk import walk
from equilibrium.programs.program import FEASIBILITY, INF, Instance


class VertexFace:
    """The multipliers that support the dispatch of every hour; where only one set does, it is the vertex's own.

    A choice is one multiplier for every scaled row, shape ``(hours, rows)``.

    Parameters
    ----------
    vertices
        Solved hours at the equilibrium.
    loaded
        What one more kW at every bus takes off the scaled rows' limits, shape ``(rows,)``.
    solver
        One of :data:`equilibrium.programs.solvers.SOLVERS`, for the program that price-takers need.
    """

    def __init__(self, vertices: Vertices, loaded: FloatArray, solver: str = "auto") -> None:
        self._vertices, self._loaded, self._solver = vertices, loaded, solver
        self._price, self._tight = vertices.prices(), tight_sides(vertices)
        sides = vertices.model.sides
        rows = self._tight[:, sides.upper] | self._tight[:, sides.lower]
        self._hour = np.flatnonzero(rows.sum(axis=1) > vertices.model.variables)  # those with several prices
        self.low, self.high = self._intervals()
        self.seconds = 0.0

    def _intervals(self) -> tuple[FloatArray, FloatArray]:
        """Walk from every degenerate hour's dispatch in both directions of each lot's power."""
        low, high = self._price.copy(), self._price.copy()
        hour, lots, count = self._hour, self._price.shape[1], self._hour.size
        if count:
            units = np.repeat(np.eye(lots), count, axis=0)
            own = _ends(self._vertices, np.tile(hour, 2 * lots), np.concatenate([-units, units]), self._tight)
            end = (own.prices.reshape(2, lots, count, lots) * np.eye(lots)[:, None]).sum(axis=3)
            dead = own.dead.reshape(2, lots, count)
            low[hour], high[hour] = np.where(dead[0], -INF, end[0]).T, np.where(dead[1], INF, end[1]).T
        return low, high

    def supporting(self, aim: FloatArray, takers: Sequence[Taker]) -> FloatArray | None:
        """Solve for the choice with the takers' own conditions beside the face."""
        face = self.program()
        if face is None:
            return None
        chosen, seconds = face.best_supporting(aim, self._price, self._vertices.given, takers, self._solver)
        self.seconds += seconds
        if chosen is None:
            return None
        mu = vertex_multipliers(self._vertices)
        mu[self._hour] = 0.0
        mu[face.hour, face.row] = chosen
        return mu

    def least(self, aim: FloatArray) -> FloatArray:
        """Walk from every degenerate hour's dispatch against the weights."""
        mu, hour = vertex_multipliers(self._vertices), self._hour
        if hour.size:
            here = aim[hour]
            way = -here / np.maximum(np.abs(here).max(axis=1, initial=0.0), 1.0)[:, None]
            ends = _ends(self._vertices, hour, way, self._tight)
            mu[hour] = 0.0
            mu[hour[:, None], ends.active] = ends.mu
        return mu

    def price(self, chosen: FloatArray) -> FloatArray:
        """Return ``-N' mu`` of every hour."""
        return -np.asarray(chosen @ self._vertices.model.n) if self._hour.size else self._price

    def wanted(self, chosen: FloatArray, aim: FloatArray) -> FloatArray:
        """Return an end of every interval that has a weight: no hour's price depends on another's."""
        return np.where(aim > 0.0, self.low, np.where(aim < 0.0, self.high, self.price(chosen)))

    def multipliers(self, chosen: FloatArray) -> FloatArray:
        """Return the choice itself."""
        return chosen

    def program(self) -> DualFace | None:
        """Return the face of the hours with more tight rows than variables; ``None`` if every price is unique."""
        vertices, tight, degenerate = self._vertices, self._tight, self._hour
        data, model = vertices.data, vertices.model
        if not degenerate.size:
            return None
        at_upper, at_lower = tight[:, model.sides.upper], tight[:, model.sides.lower]
        place = np.full(tight.shape[0], -1)
        place[degenerate] = np.arange(degenerate.size)
        hour, row = np.nonzero((at_lower | at_upper) & (place >= 0)[:, None])
        count, n = hour.size, model.variables
        equations = place[hour][:, None] * n + np.arange(n)
        entries = (model.m[row].ravel(), (equations.ravel(), np.repeat(np.arange(count), n)))
        right = data.cost[degenerate].ravel()
        instance = Instance(
            matrix=sp.csr_array(entries, shape=(degenerate.size * n, count)),
            cost=np.zeros(count),
            row_lower=right,
            row_upper=right,
            col_lower=np.where(at_upper[hour, row], -INF, 0.0),
            col_upper=np.where(at_lower[hour, row], INF, 0.0),
        )
        return DualFace(hour, row, -model.n[row], -self._loaded[row], instance)


def tight_sides(vertices: Vertices) -> BoolArray:
    """Return which limits the dispatch is at, those of the vertices' own rows among them, ``(hours, sides)``."""
    model, sides = vertices.model, vertices.model.sides
    margin = TIGHT / FEASIBILITY * model.tolerance[sides.row]
    tight = np.asarray(sides.gap(vertices.values(), vertices.data) <= margin)
    hour = np.arange(tight.shape[0])[:, None]
    tight[hour, sides.upper[vertices.active]] |= vertices.side <= 0
    tight[hour, sides.lower[vertices.active]] |= vertices.side >= 0
    tight[:, sides.sign == 0] = False
    return tight


@dataclass(frozen=True, eq=False)
class _Ends:
    """Where ways that do not leave the dispatch end.

    ``active`` and ``mu`` have shape ``(ways, variables)``, ``prices`` ``(ways, lots)``; ``dead`` is True where no
    dispatch exists beyond.
    """

    active: IntArray
    mu: FloatArray
    prices: FloatArray
    dead: BoolArray


def _ends(vertices: Vertices, hour: IntArray, direction: FloatArray, tight: BoolArray) -> _Ends:
    """Walk from the dispatch of some hours as far as its tight limits make kinks: no further than nowhere.

    The multipliers beyond are those with the least ``-direction * price`` on the dual face: that is the one-sided
    derivative of the cost.
    """
    keep = np.flatnonzero(tight[hour].any(axis=0))
    gap = np.where(tight[:, keep], 0.0, INF)
    gap = np.concatenate([gap, np.full((gap.shape[0], 1), INF)], axis=1)
    on = walk(vertices, hour, direction, vertices.model.sides.only(keep), gap)
    way = np.arange(hour.size)
    ends = _Ends(on.active.copy(), on.mu.copy(), on.prices(), np.zeros(hour.size, dtype=bool))
    for _ in range(MAXIMUM_PIVOTS):
        if not way.size:
            return ends
        ends.active[way], ends.mu[way], ends.prices[way] = on.active, on.mu, on.prices()
        length, goes_on = on.advance(np.ones(way.size))
        ends.dead[way[~goes_on]] = length[~goes_on] < 1.0
        way = way[goes_on]
    raise SolverError(f"the dual face was not left after {MAXIMUM_PIVOTS} pivots")


def vertex_multipliers(vertices: Vertices) -> FloatArray:
    """Return the vertices' own multipliers of all scaled rows, shape ``(hours, rows)``."""
    mu = np.zeros_like(vertices.data.lower)
    np.put_along_axis(mu, vertices.active, vertices.mu, axis=1)
    return mu
