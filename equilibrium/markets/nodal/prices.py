"""Prices at an equilibrium: chosen by a rule from the dual optimal face, with their intervals.

At an equilibrium strategic players sit on kinks of the DSO's cost, where the multiplier is an interval and a solver's
pick means nothing. The rule here: among all multipliers that support the dispatch, take those with the least payment
by the strategic lots. If the result gives every strategic lot its left slope, all of them can count on their
optimistic price at once, and the prices are consistent. A price-taker's schedule must be what it wants at the price,
so its own optimality conditions stand beside the DSO's.

At the smallest power that leaves a dispatch a price has no lower end, and the least payment would have none either.
There the price of the next kW counts, the highest of its interval: it is the only one that powers with a dispatch come
near to. The curves of :mod:`equilibrium.markets.nodal.curves` read it in the same way.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from equilibrium.arrays import BoolArray, FloatArray, IntArray
from equilibrium.certificate import EPSILON_REGRET
from equilibrium.errors import SolverError
from equilibrium.markets.nodal.response import FeasiblePowers
from equilibrium.programs.hourly.periods import FEASIBILITY
from equilibrium.programs.hourly.vertices import MAXIMUM_PIVOTS, Vertices
from equilibrium.programs.hourly.walk import walk
from equilibrium.programs.program import INF, Instance
from equilibrium.programs.solvers import Status, solve_linear

PRICE_RULE = "least payment by the strategic lots over the dual optimal face that supports the price-takers"

TIGHT = 1e-8
"""Slack of a scaled row (kW or the like), relative to ``1 + |limit|``, up to which it counts as tight."""


SAME_PRICE = 1e-9
"""Prices that differ by less (currency/kWh) are one."""

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
    """All multipliers that support the dispatch in the hours where there is more than one, as a linear program.

    Attributes
    ----------
    hour, row
        Hour and scaled row of each column, shape ``(columns,)``.
    prices
        Sensitivity of the lots' prices to each column, shape ``(columns, lots)``.
    instance
        ``M' mu = c`` for every degenerate hour, with the sign of each multiplier; the cost is zero.
    """

    hour: IntArray
    row: IntArray
    prices: FloatArray
    instance: Instance

    def best_supporting(
        self, weight: FloatArray, price: FloatArray, power: FloatArray, takers: Sequence[Taker], solver: str = "auto"
    ) -> tuple[FloatArray | None, float]:
        """Minimise ``sum weight * price`` over the prices at which every taker wants its schedule.

        ``price`` holds the prices of the hours with one price only, ``power`` the schedules, both ``(hours, lots)``.
        Returns the multipliers, ``None`` if no price supports all takers, and the solver's time.
        """
        hours, count = np.arange(price.shape[0]), self.hour.size
        matrices, right, lower, upper = [[self.instance.matrix]], [self.instance.row_lower], [], []
        for taker in takers:
            own, lot = taker.own, taker.lot
            sensitivity = sp.csr_array((self.prices[:, lot], (self.hour, np.arange(count))), shape=(hours.size, count))
            matrices.append([sensitivity, -own.matrix.T, -sp.identity(hours.size)])
            unique = np.where(np.isin(hours, self.hour), 0.0, price[:, lot])
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
        solution = solve_linear(instance, solver)
        return (solution.x[:count] if solution.status is Status.OPTIMAL else None), solution.seconds

    def price(self, mu: FloatArray, lot: int, hours: int) -> FloatArray:
        """Return the prices of a lot that the face's multipliers give, shape ``(hours,)``."""
        return np.asarray(np.bincount(self.hour, self.prices[:, lot] * mu, minlength=hours), dtype=np.float64)

    def place(self, mu: FloatArray, multipliers: FloatArray) -> FloatArray:
        """Return ``mu`` ``(hours, rows)`` with the degenerate hours' multipliers replaced."""
        chosen = mu.copy()
        chosen[np.unique(self.hour)] = 0.0
        chosen[self.hour, self.row] = multipliers
        return chosen


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


def _degenerate(vertices: Vertices, tight: BoolArray) -> IntArray:
    """Return the hours with more tight rows than variables."""
    sides = vertices.model.sides
    rows = tight[:, sides.upper] | tight[:, sides.lower]
    return np.flatnonzero(rows.sum(axis=1) > vertices.model.variables)


def dual_face(vertices: Vertices) -> DualFace | None:
    """Return the dual face of the hours with more tight rows than variables; ``None`` if every price is unique."""
    data, model, tight = vertices.data, vertices.model, tight_sides(vertices)
    degenerate = _degenerate(vertices, tight)
    if not degenerate.size:
        return None
    at_upper, at_lower = tight[:, model.sides.upper], tight[:, model.sides.lower]
    place = np.full(tight.shape[0], -1)
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
    return DualFace(hour, row, -model.n[row], instance)


@dataclass(frozen=True, eq=False)
class Ends:
    """Where ways that do not leave the dispatch end.

    ``active`` and ``mu`` have shape ``(ways, variables)``, ``prices`` ``(ways, lots)``; ``dead`` is True where no
    dispatch exists beyond.
    """

    active: IntArray
    mu: FloatArray
    prices: FloatArray
    dead: BoolArray


def _ends(vertices: Vertices, hour: IntArray, direction: FloatArray, tight: BoolArray) -> Ends:
    """Walk from the dispatch of some hours as far as its tight limits make kinks: no further than nowhere.

    The multipliers beyond are those with the least ``-direction * price`` on the dual face: that is the one-sided
    derivative of the cost.
    """
    keep = np.flatnonzero(tight[hour].any(axis=0))
    gap = np.where(tight[:, keep], 0.0, INF)
    gap = np.concatenate([gap, np.full((gap.shape[0], 1), INF)], axis=1)
    on = walk(vertices, hour, direction, vertices.model.sides.only(keep), gap)
    way = np.arange(hour.size)
    ends = Ends(on.active.copy(), on.mu.copy(), on.prices(), np.zeros(hour.size, dtype=bool))
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


@dataclass(frozen=True, eq=False)
class PublishedPrices:
    """Prices at the lots, their intervals, and all multipliers behind them.

    Attributes
    ----------
    mu
        Multipliers of the scaled rows, shape ``(hours, rows)``.
    price, low, high
        Published DLMP at each lot and its interval, currency/kWh, shape ``(hours, lots)``.
    wanted
        The prices that each strategic lot counts on: of those that support the dispatch, the ones at which it pays
        least by itself. Those of the others are the published ones.
    seconds
        Time inside the solver.
    """

    mu: FloatArray
    price: FloatArray
    low: FloatArray
    high: FloatArray
    wanted: FloatArray
    seconds: float


def bounded_weight(weight: FloatArray, low: FloatArray, high: FloatArray) -> FloatArray:
    """Return weights of the prices with which the least sum over the dual face has an end.

    A price without a lower end gets its weight with the other sign: of its interval the upper end is taken. One without
    any end gets none. With these weights the sum falls along no ray of the face: a ray is a way in which powers leave
    what has a dispatch, every power that has a finite end may go a little way in that direction, and so may they all
    together, because what has a dispatch is convex.
    """
    return np.where(np.isfinite(low), weight, np.where(np.isfinite(high), -weight, 0.0))


def price_notes(
    prices: PublishedPrices, power: FloatArray, strategic: Sequence[int], name: Callable[[int], str]
) -> tuple[str, ...]:
    """Say where prices have no lower end, and which prices strategic lots count on that exclude each other."""
    notes, claims = [], list[str]()
    for lot in strategic:
        endless = np.flatnonzero((power[:, lot] > 0.0) & ~np.isfinite(prices.low[:, lot]))
        if endless.size:
            notes.append(
                f"{name(lot)} draws the smallest power that leaves a dispatch in hours {', '.join(map(str, endless))}: "
                "its price has no lower end there, and that of the next kW counts"
            )
        differ = np.abs(prices.wanted[:, lot] - prices.price[:, lot]) > SAME_PRICE
        at = np.flatnonzero(differ & (power[:, lot] > 0.0)).tolist()
        missed = float((prices.price[at, lot] - prices.wanted[at, lot]) @ power[at, lot])
        if missed > EPSILON_REGRET * max(1.0, abs(float(prices.price[:, lot] @ power[:, lot]))):
            most = max(at, key=lambda t: abs(prices.price[t, lot] - prices.wanted[t, lot]) * power[t, lot])
            claims.append(
                f"{name(lot)} would pay {missed:.6g} less (hour {most}: {1e3 * prices.wanted[most, lot]:.6g} in "
                f"place of {1e3 * prices.price[most, lot]:.6g} per MWh)"
            )
    if claims:
        notes.append(f"no price that supports the day suits all strategic lots: at its own choice {'; '.join(claims)}")
    return tuple(notes)


def publish(
    vertices: Vertices, weight: FloatArray, takers: Sequence[Taker] = (), solver: str = "auto"
) -> PublishedPrices:
    """Choose prices by the rule of this module and find the interval of each.

    Parameters
    ----------
    vertices
        Solved hours at the equilibrium.
    weight
        What a unit of each price costs the strategic lots: their power, kW, 0 for the others, ``(hours, lots)``.
    takers
        The price-taking lots. Where no price supports them, the rule goes without them and their regret shows it.
    solver
        One of :data:`equilibrium.programs.solvers.SOLVERS`, for the program that price-takers need.
    """
    mu, price, tight, seconds = vertex_multipliers(vertices), vertices.prices(), tight_sides(vertices), 0.0
    low, high = price.copy(), price.copy()
    hour = _degenerate(vertices, tight)
    if not hour.size:
        return PublishedPrices(mu, price, low, high, price, 0.0)
    lots, count = price.shape[1], hour.size
    units = np.repeat(np.eye(lots), count, axis=0)
    own = _ends(vertices, np.tile(hour, 2 * lots), np.concatenate([-units, units]), tight)
    end = (own.prices.reshape(2, lots, count, lots) * np.eye(lots)[:, None]).sum(axis=3)
    dead = own.dead.reshape(2, lots, count)
    low[hour], high[hour] = np.where(dead[0], -INF, end[0]).T, np.where(dead[1], INF, end[1]).T
    aim = bounded_weight(weight, low, high)
    chosen, face = None, dual_face(vertices) if takers else None
    if face is not None:
        chosen, seconds = face.best_supporting(aim, price, vertices.given, takers, solver)
    if face is not None and chosen is not None:
        mu = face.place(mu, chosen)
    else:
        here = aim[hour]
        ends = _ends(vertices, hour, -here / np.maximum(np.abs(here).max(axis=1), 1.0)[:, None], tight)
        mu[hour] = 0.0
        mu[hour[:, None], ends.active] = ends.mu
    price = -np.asarray(mu @ vertices.model.n)
    wanted = np.where(aim > 0.0, low, np.where(aim < 0.0, high, price))
    return PublishedPrices(mu, price, low, high, wanted, seconds)
