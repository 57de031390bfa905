"""Prices at an equilibrium: chosen by a rule from the dual optimal face, with their intervals.

At an equilibrium strategic players sit on kinks of the DSO's cost, where the multiplier is an interval and a solver's
pick means nothing. The rule here: among all multipliers that support the dispatch, take those with the least payment
by the strategic lots. If the result gives every strategic lot its left slope, all of them can count on their
optimistic price at once, and the prices are consistent. A price-taker's schedule must be what it wants at the price,
so its own optimality conditions stand beside the DSO's.

That may leave a choice: at buses without a strategic lot, and on days without any. There, as everywhere, the price is
that of the next kW: of what is left, the multipliers with the highest sum of the prices of all buses, which is the cost
of one more kW at each (of one less, where the network cannot carry more), and of these the ones of least squares.
Where hours are apart and every lot is strategic, programs would cost more than the rest of the day: the walk of the
first rule ends at a vertex of the face, which is published. Tests find the same on other ways; it is not proved.

At the smallest power that leaves a dispatch a price has no lower end, and the least payment would have none either.
There the price of the next kW counts, the highest of its interval: it is the only one that powers with a dispatch come
near to. The curves of :mod:`equilibrium.markets.nodal.curves` read it in the same way.

The rule is stated here, once. Two kinds of face know how to follow it: that of hours apart
(:mod:`equilibrium.markets.nodal.apart.prices`) by pivots, that of joined hours
(:mod:`equilibrium.markets.nodal.joined.prices`) by linear programs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import scipy.sparse as sp

from equilibrium.arrays import FloatArray, IntArray
from equilibrium.certificate import EPSILON_REGRET, SAME_PRICE
from equilibrium.markets.nodal.relaxation import FeasiblePowers
from equilibrium.programs.duality import optimal_face
from equilibrium.programs.nearest import nearest_on_face
from equilibrium.programs.program import INF, Instance
from equilibrium.programs.solvers import Solution, Status, solve_linear

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

    def margins(self, power: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return what the price may differ by from what a kWh is worth at a schedule, both ends, shape ``(hours,)``.

        Nothing inside the limits, less at the highest power, more at none; above a subscription its charge less, at it
        anything between.
        """
        at = AT_LIMIT * (1.0 + np.abs(power))
        low, high = np.zeros_like(power), np.zeros_like(power)
        if self.own.subscription is not None:
            capacity, charge = self.own.subscription.power_kw, self.own.subscription.charge
            low, high = np.where(power >= capacity - at, -charge, 0.0), np.where(power > capacity + at, -charge, 0.0)
        return np.where(np.abs(power - self.own.power_max_kw) <= at, -INF, low), np.where(power <= at, INF, high)


@dataclass(frozen=True, eq=False)
class DualFace:
    """All multipliers that support the dispatch in the hours where there is more than one, as a linear program.

    Attributes
    ----------
    hour, row
        Hour and scaled row of each column, shape ``(columns,)``.
    prices
        Sensitivity of the lots' prices to each column, shape ``(columns, lots)``.
    everywhere
        Sensitivity of the sum of the prices of all buses to each column, shape ``(columns,)``.
    instance
        ``M' mu = c`` for every degenerate hour, with the sign of each multiplier; the cost is zero.
    """

    hour: IntArray
    row: IntArray
    prices: FloatArray
    everywhere: FloatArray
    instance: Instance

    def payment(self, weight: FloatArray) -> FloatArray:
        """Return ``sum weight * price`` as an objective over the columns; ``weight`` has shape ``(hours, lots)``."""
        return np.asarray((self.prices * weight[self.hour]).sum(axis=1))

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
            per_kwh = sp.diags(1.0 / own.length_h) @ own.matrix.T
            matrices.append([sensitivity, -per_kwh, -sp.identity(hours.size)])
            unique = np.where(np.isin(hours, self.hour), 0.0, price[:, lot])
            right.append(taker.charging_price - unique)
            value = own.matrix @ power[:, lot]
            at, (least, most) = AT_LIMIT * (1.0 + np.abs(value)), taker.margins(power[:, lot])
            lower += [np.where(np.abs(value - own.upper) <= at, -INF, 0.0), least]
            upper += [np.where(np.abs(value - own.lower) <= at, INF, 0.0), most]
        own_columns = sp.block_diag([sp.hstack(blocks[1:]) for blocks in matrices[1:]])
        top = sp.hstack([self.instance.matrix, sp.csr_array((self.instance.shape[0], own_columns.shape[1]))])
        below = sp.hstack([sp.vstack([blocks[0] for blocks in matrices[1:]]), own_columns])
        sides = np.concatenate(right)
        instance = Instance(
            matrix=sp.csr_array(sp.vstack([top, below])),
            cost=np.concatenate([self.payment(weight), np.zeros(own_columns.shape[1])]),
            row_lower=sides,
            row_upper=sides,
            col_lower=np.concatenate([self.instance.col_lower, *lower]),
            col_upper=np.concatenate([self.instance.col_upper, *upper]),
        )
        solution = solve_linear(instance, solver)
        if solution.status is not Status.OPTIMAL:
            return None, solution.seconds
        chosen, seconds = self.settled(instance, solution, solver)
        return chosen, solution.seconds + seconds

    def settled(self, instance: Instance, optimum: Solution, solver: str = "auto") -> tuple[FloatArray, float]:
        """Return the multipliers of the next kW among those that are as good as an optimum, and the solver's time.

        ``instance`` begins with the columns of this face; so does the answer, which has no others.
        """
        columns, seconds = np.arange(self.hour.size), 0.0
        face, chosen = optimal_face(instance, optimum.y, point=optimum.x), optimum.x
        sum_of_prices = np.zeros(face.shape[1])
        sum_of_prices[columns] = self.everywhere
        for cost in (-sum_of_prices, sum_of_prices):
            found = solve_linear(face.with_cost(cost), solver)
            seconds += found.seconds
            if found.status is Status.OPTIMAL:
                face, chosen = optimal_face(face.with_cost(cost), found.y, point=found.x), found.x
                break
        chosen = nearest_on_face(face, chosen, columns, np.ones(columns.size), np.zeros(columns.size))
        return chosen[columns], seconds

    def price(self, mu: FloatArray, lot: int, hours: int) -> FloatArray:
        """Return the prices of a lot that the face's multipliers give, shape ``(hours,)``."""
        return np.asarray(np.bincount(self.hour, self.prices[:, lot] * mu, minlength=hours), dtype=np.float64)


@dataclass(frozen=True, eq=False)
class PublishedPrices:
    """Prices at the lots, their intervals, and all multipliers behind them.

    Attributes
    ----------
    mu
        Multipliers of the operator's rows, as the face that they were chosen from has them.
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


class Face(Protocol):
    """All multipliers that support a day's dispatch; a choice among them is an array of a shape of its own."""

    low: FloatArray
    high: FloatArray
    """Both ends of every price, infinite where there is none, each of shape ``(hours, lots)``."""

    seconds: float
    """Time inside the solver by now."""

    def supporting(self, aim: FloatArray, takers: Sequence[Taker]) -> FloatArray | None:
        """Return the choice with the least ``sum aim * price`` at which every taker wants its schedule, if any."""
        ...

    def least(self, aim: FloatArray) -> FloatArray:
        """Return the choice with the least ``sum aim * price``."""
        ...

    def price(self, chosen: FloatArray) -> FloatArray:
        """Return the lots' prices, shape ``(hours, lots)``."""
        ...

    def wanted(self, chosen: FloatArray, aim: FloatArray) -> FloatArray:
        """Return the prices of each lot with a weight where it pays least by itself, of the others the chosen ones."""
        ...

    def multipliers(self, chosen: FloatArray) -> FloatArray:
        """Return the multipliers of the operator's rows."""
        ...


def publish(face: Face, weight: FloatArray, takers: Sequence[Taker] = ()) -> PublishedPrices:
    """Choose prices by the rule of this module.

    No price that all strategic lots can count on exists where the least payment of all together is more than the sum of
    the least payments of each: both are minima over the same face.

    Parameters
    ----------
    face
        All multipliers that support the dispatch at the equilibrium.
    weight
        What a unit of each price costs the strategic lots: their energy, kWh, 0 for the others, ``(hours, lots)``.
    takers
        The price-taking lots. Where no price supports them, the rule goes without them and their regret shows it.
    """
    aim = bounded_weight(weight, face.low, face.high)
    chosen = face.supporting(aim, takers) if takers else None
    if chosen is None:
        chosen = face.least(aim)
    price, wanted = face.price(chosen), face.wanted(chosen, aim)
    return PublishedPrices(face.multipliers(chosen), price, face.low, face.high, wanted, face.seconds)


def bounded_weight(weight: FloatArray, low: FloatArray, high: FloatArray) -> FloatArray:
    """Return weights of the prices with which the least sum over the dual face has an end.

    A price without a lower end gets its weight with the other sign: of its interval the upper end is taken. One without
    any end gets none. With these weights the sum falls along no ray of the face: a ray is a way in which powers leave
    what has a dispatch, every power that has a finite end may go a little way in that direction, and so may they all
    together, because what has a dispatch is convex.
    """
    return np.where(np.isfinite(low), weight, np.where(np.isfinite(high), -weight, 0.0))


def price_notes(
    prices: PublishedPrices,
    energy: FloatArray,
    strategic: Sequence[int],
    name: Callable[[int], str],
    when: str = "hours",
) -> tuple[str, ...]:
    """Say where prices have no lower end, and which prices strategic lots count on that exclude each other.

    ``energy`` is what the lots draw, kWh, shape ``(hours, lots)``, and ``when`` what a sentence calls the periods.
    """
    notes, claims = [], list[str]()
    for lot in strategic:
        endless = np.flatnonzero((energy[:, lot] > 0.0) & ~np.isfinite(prices.low[:, lot]))
        if endless.size:
            notes.append(
                f"{name(lot)} draws the smallest power that leaves a dispatch in {when} "
                f"{', '.join(map(str, endless))}: its price has no lower end there, and that of the next kW counts"
            )
        differ = np.abs(prices.wanted[:, lot] - prices.price[:, lot]) > SAME_PRICE
        at = np.flatnonzero(differ & (energy[:, lot] > 0.0)).tolist()
        missed = float((prices.price[at, lot] - prices.wanted[at, lot]) @ energy[at, lot])
        if missed > EPSILON_REGRET * max(1.0, abs(float(prices.price[:, lot] @ energy[:, lot]))):
            most = max(at, key=lambda t: abs(prices.price[t, lot] - prices.wanted[t, lot]) * energy[t, lot])
            claims.append(
                f"{name(lot)} would pay {missed:.6g} less ({when.removesuffix('s')} {most}: "
                f"{1e3 * prices.wanted[most, lot]:.6g} in place of {1e3 * prices.price[most, lot]:.6g} per MWh)"
            )
    if claims:
        notes.append(f"no price that supports the day suits all strategic lots: at its own choice {'; '.join(claims)}")
    return tuple(notes)
