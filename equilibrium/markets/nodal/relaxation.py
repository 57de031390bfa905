"""Relaxations of a lot's best response: every hour's profit replaced by its least concave majorant.

    max sum_t f_t(p_t)    over the lot's own feasible set ,    every f_t concave and piecewise linear.

What solves one follows from the shape of the set: the energies of a fleet by exchanges between hours
(:mod:`equilibrium.fleet.exchange`), a state-of-energy chain by filling (:mod:`equilibrium.fleet.chain`), other rows by
a linear program.
"""

from __future__ import annotations

import itertools
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
import scipy.sparse as sp

from equilibrium.arrays import FloatArray
from equilibrium.errors import SolverError
from equilibrium.fleet.chain import fill
from equilibrium.fleet.exchange import Best, Concave, best_energies
from equilibrium.grid.assets import Subscription
from equilibrium.lengths import spread_lengths
from equilibrium.markets.nodal.curves import SHORTEST, Curve
from equilibrium.programs.program import INF, Instance
from equilibrium.programs.solvers import Status, solve_linear


@dataclass(eq=False)
class Vehicles:
    """The vehicles of a lot, as a set of energies that they can draw together.

    Attributes
    ----------
    limit_kwh
        The most that each can draw in each hour, shape ``(hours, vehicles)``.
    drawn_kwh
        A split in which every vehicle draws what it needs, the same shape: where the next search begins.
    """

    limit_kwh: FloatArray
    drawn_kwh: FloatArray


@dataclass(frozen=True, eq=False)
class FeasiblePowers:
    """A lot's own feasible set as rows on its powers: ``lower <= matrix p <= upper``, ``0 <= p <= power_max_kw``.

    ``period_h`` is the length of the periods, h: one number for all, or shape ``(hours,)``. With ``vehicles`` the set
    is what they can draw, and the rows are those of its facets that are known. A ``subscription`` limits nothing: power
    above it costs more.
    """

    matrix: sp.csr_array
    lower: FloatArray
    upper: FloatArray
    power_max_kw: FloatArray
    period_h: float | FloatArray = 1.0
    vehicles: Vehicles | None = None
    subscription: Subscription | None = None

    @cached_property
    def length_h(self) -> FloatArray:
        """Length of each period, h, shape ``(hours,)``."""
        return spread_lengths(self.period_h, self.power_max_kw.size)

    @cached_property
    def chain(self) -> float | None:
        """What the chain stores per kWh, if the rows are nothing but running sums of the energy, else ``None``."""
        rows = self.matrix.toarray() / self.length_h
        rate = float(rows[0, 0])
        plain = rate > 0.0 and np.array_equal(rows, rate * np.tri(*rows.shape)) and rows.shape[0] == rows.shape[1]
        return rate if plain else None


@dataclass(frozen=True, eq=False)
class Majorant:
    """The least concave majorant of an hour's profit on an interval: its points, their values, slopes between them.

    ``in_kwh`` is the same over the energy of the period: points in kWh, slopes per kWh.
    """

    points: list[float]
    values: list[float]
    slopes: list[float]
    in_kwh: Concave

    def __call__(self, power: float) -> float:
        """Return the value at a power; beyond the ends by rounding, that of the end."""
        right = bisect_left(self.points, power)
        if right == 0 or right == len(self.points):
            return self.values[min(right, len(self.points) - 1)]
        return self.values[right - 1] + self.slopes[right - 1] * (power - self.points[right - 1])

    def most(self, price: float) -> float:
        """Return the greatest value that is left when every kW costs a price."""
        return max(value - price * point for value, point in zip(self.values, self.points, strict=True))


def majorant(price: float, curve: Curve, low: float, high: float, length_h: float) -> Majorant:
    """Return the least concave majorant of a period's profit on ``[low, high]``.

    On a segment with slope s the profit is ``h (F - s) p``, less a subscription's charge; candidates for the hull are
    the ends of the segments, each with the slope of its left segment. At ``low`` the profit of the right segment counts
    when the box begins there: the box to the left owns the better value.
    """
    if high - low <= SHORTEST:
        value = curve.earned(price, low, curve.price(low)) * length_h
        return _majorant([low], [value], [], length_h)
    points, values = [low], [curve.earned(price, low, curve.right_price(low)) * length_h]
    for knot in (*(knot for knot in curve.kinks if low + SHORTEST < knot < high - SHORTEST), high):
        value = curve.earned(price, knot, curve.price(knot)) * length_h
        while len(points) > 1 and _on_or_below(points, values, knot, value):
            points.pop()
            values.pop()
        points.append(knot)
        values.append(value)
    pieces = zip(points, points[1:], values, values[1:], strict=False)
    return _majorant(points, values, [(w - v) / (q - p) for p, q, v, w in pieces], length_h)


def _majorant(points: list[float], values: list[float], slopes: list[float], length_h: float) -> Majorant:
    if length_h == 1.0:
        return Majorant(points, values, slopes, (points, slopes))
    scaled = [point * length_h for point in points], [slope / length_h for slope in slopes]
    return Majorant(points, values, slopes, scaled)


def _on_or_below(points: list[float], values: list[float], knot: float, value: float) -> bool:
    """Tell whether the last point lies on or below the chord from the one before it to a new one."""
    (a, b), (u, v) = points[-2:], values[-2:]
    return (value - u) * (b - a) >= (v - u) * (knot - a)


@dataclass(frozen=True, eq=False)
class Relaxed:
    """The answer to a relaxation.

    Attributes
    ----------
    power
        kW, one for every hour.
    price
        What a kW must be worth in each hour so that neither an hour nor the lot's set has anything better, currency,
        where it is known: with it, a bound on any change of the majorants costs nothing.
    best
        With vehicles, what they draw: where the search of a similar relaxation begins.
    """

    power: list[float]
    price: list[float] | None = None
    best: Best | None = None


class Relaxation(Protocol):
    """Solves relaxations of one lot."""

    seconds: float
    """Time inside a solver."""

    def solve(self, majorants: Sequence[Majorant], begin: Best | None, spare: float = INF) -> Relaxed | None:
        """Maximise the sum of the majorants; ``None`` where no schedule is in all their domains.

        ``begin`` is what vehicles draw in the answer to a similar relaxation. An answer that is worth less than these
        majorants at that one (beyond a domain: at its end) by more than ``spare`` need not be found.
        """
        ...


def relaxation(own: FeasiblePowers, solver: str) -> Relaxation:
    """Return what solves the relaxations over a lot's own set; ``solver`` is for sets that need one."""
    if own.vehicles is not None:
        return _Exchanges(own.vehicles, own.length_h.tolist())
    return _Rows(own, solver) if own.chain is None else _Chain(own, own.chain)


class _Exchanges:
    """What vehicles can draw."""

    seconds = 0.0

    def __init__(self, vehicles: Vehicles, length: list[float]) -> None:
        self._vehicles, self._length = vehicles, length

    def solve(self, majorants: Sequence[Majorant], begin: Best | None, spare: float = INF) -> Relaxed | None:
        """Exchange energy between hours, from what the vehicles draw now."""
        profits = [part.in_kwh for part in majorants]
        best = best_energies(self._vehicles.limit_kwh, begin or self._vehicles.drawn_kwh, profits, spare)
        if best is None:
            return None
        power = [energy / h for energy, h in zip(best.energy, self._length, strict=True)]
        return Relaxed(power, [price * h for price, h in zip(best.price, self._length, strict=True)], best)


class _Chain:
    """Running sums within limits."""

    seconds = 0.0

    def __init__(self, own: FeasiblePowers, rate: float) -> None:
        self._lower, self._upper = (own.lower / rate).tolist(), (own.upper / rate).tolist()
        self._length: list[float] = own.length_h.tolist()

    def solve(self, majorants: Sequence[Majorant], _begin: Best | None, _spare: float = INF) -> Relaxed | None:
        """Fill the steps of the hours, the best first."""
        each = [part.in_kwh for part in majorants]
        steps = [list(zip(slopes, _widths(points), strict=True)) for points, slopes in each]
        energy = fill([points[0] for points, _ in each], steps, self._lower, self._upper)
        return None if energy is None else Relaxed([e / h for e, h in zip(energy, self._length, strict=True)])


class _Rows:
    """Any rows."""

    def __init__(self, own: FeasiblePowers, solver: str) -> None:
        self._own, self._solver, self.seconds = own, solver, 0.0

    def solve(self, majorants: Sequence[Majorant], _begin: Best | None, _spare: float = INF) -> Relaxed | None:
        """Solve the linear program of the steps."""
        first = np.array([part.points[0] for part in majorants])
        hour = np.repeat(np.arange(first.size), [len(part.slopes) for part in majorants])
        gain = np.array([slope for part in majorants for slope in part.slopes])
        length = np.array([length for part in majorants for length in _widths(part.points)])
        offset = self._own.matrix @ first
        instance = Instance(
            matrix=sp.csr_array(self._own.matrix.toarray()[:, hour]),
            cost=-gain,
            row_lower=self._own.lower - offset,
            row_upper=self._own.upper - offset,
            col_lower=np.zeros(gain.size),
            col_upper=length,
        )
        solution = solve_linear(instance, self._solver)
        self.seconds += solution.seconds
        if solution.status is Status.INFEASIBLE:
            return None
        if solution.status is not Status.OPTIMAL:
            raise SolverError(f"a best-response relaxation ended {solution.status}")
        # Concave: an optimal vertex fills an hour's steps in order, up to ties, which are worth the same.
        return Relaxed((first + np.bincount(hour, solution.x, first.size)).tolist())


def _widths(points: Sequence[float]) -> list[float]:
    return [b - a for a, b in itertools.pairwise(points)]
