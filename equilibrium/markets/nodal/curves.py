"""A player's residual price curve: the DLMP at its bus as an exact step function of its own power.

With the rivals' powers fixed, the DSO's cost of an hour is a convex piecewise linear function of one lot's power.
Its slope is the price that the lot causes. The curve is traced by parametric steps from vertex to vertex
(:mod:`equilibrium.programs.hourly.vertices`), so each of its kinks is a point where the set of binding rows changes,
found by a ratio test over all rows.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field

import numpy as np

from equilibrium.arrays import FloatArray, IntArray
from equilibrium.errors import SolverError
from equilibrium.grid.assets import Subscription
from equilibrium.programs.hourly.vertices import Vertices
from equilibrium.programs.hourly.walk import walk

SAME_SLOPE = 1e-11
"""Slopes that differ by less (currency/kWh) belong to one segment."""

SHORTEST = 1e-7
"""Segments and ranges of power shorter than this (kW) are a point: far below what is told, since they add up."""

_MAXIMUM_STEPS = 2000


@dataclass(frozen=True, eq=False)
class Curve:
    """One hour: ``knots`` ``(segments + 1,)`` in kW and ``slopes`` ``(segments,)`` in currency/kWh, not decreasing.

    With a ``subscription`` the player also pays for power above it; that power is one of the knots, so that what the
    player earns is linear on every segment.
    """

    knots: FloatArray
    slopes: FloatArray
    subscription: Subscription | None = None
    kinks: list[float] = field(init=False, repr=False)
    _steps: list[float] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        # The same as plain numbers: an hour has few, and arrays cost more than they save.
        object.__setattr__(self, "kinks", self.knots.tolist())
        object.__setattr__(self, "_steps", self.slopes.tolist())

    def price(self, power: float) -> float:
        """Return the left slope: the price that the player itself would choose at a kink (optimistic)."""
        segment = bisect_left(self.kinks, power - SHORTEST) - 1
        return self._steps[min(max(segment, 0), len(self._steps) - 1)]

    def right_price(self, power: float) -> float:
        """Return the right slope: the price of the next kW (pessimistic)."""
        segment = bisect_right(self.kinks, power + SHORTEST) - 1
        return self._steps[min(max(segment, 0), len(self._steps) - 1)]

    def earned(self, worth: float, power: float, price: float) -> float:
        """Return what a power earns in an hour where a kWh is worth ``worth`` and costs ``price``, currency/h."""
        margin = (worth - price) * power
        above = self.subscription
        return margin if above is None else margin - above.charge * max(power - above.power_kw, 0.0)

    def under(self, subscription: Subscription | None) -> Curve:
        """Return the curve with a subscription, its power a knot if it is inside."""
        if subscription is None:
            return self
        at, knots, slopes = subscription.power_kw, self.knots, self.slopes
        place = bisect_left(self.kinks, at - SHORTEST)
        if 0 < place < knots.size and knots[place] > at + SHORTEST:
            knots, slopes = np.insert(knots, place, at), np.insert(slopes, place, slopes[place - 1])
        return Curve(knots, slopes, subscription)


def trace(vertices: Vertices, lot: int, power_max_kw: FloatArray, hours: IntArray | None = None) -> list[Curve]:
    """Trace the residual curves of one lot, its rivals where they are.

    Parameters
    ----------
    vertices
        Solved hours; they are not changed.
    lot
        Index of the lot.
    power_max_kw
        Largest power of the lot, shape ``(hours,)``.
    hours
        Hours to trace; all by default.

    Returns
    -------
    list of Curve
        One for each of those hours, from the smallest to the largest power for which a dispatch exists.
    """
    if hours is None:
        hours = np.arange(vertices.given.shape[0])
    power, count = vertices.given[hours, lot], hours.size
    room = np.concatenate([power, np.maximum(power_max_kw[hours] - power, 0.0)])
    direction = np.zeros((2 * count, vertices.given.shape[1]))
    direction[:count, lot], direction[count:, lot] = -1.0, 1.0
    pieces = _pieces(vertices, lot, np.tile(hours, 2), direction, room)
    still = vertices.prices()[hours, lot].tolist()
    curves = []
    for k, at in enumerate(power.tolist()):
        down, up = pieces[k], pieces[count + k]
        first = at - sum(length for length, _ in down)
        first = 0.0 if abs(first) < SHORTEST else first
        curves.append(_merged(first, [*reversed(down), *up], still[k]))
    return curves


def _pieces(
    vertices: Vertices, lot: int, hours: IntArray, direction: FloatArray, room: FloatArray
) -> list[list[tuple[float, float]]]:
    """Walk from the vertices of ``hours`` to the end of the room; return (length, slope) of the pieces of each way."""
    found: list[list[tuple[float, float]]] = [[] for _ in range(hours.size)]
    way = np.flatnonzero(room >= SHORTEST)
    room, on = room[way], walk(vertices, hours[way], direction[way])
    for _ in range(_MAXIMUM_STEPS):
        if not way.size:
            return found
        slope = on.prices()[:, lot]
        length, goes_on = on.advance(room)
        for k, piece in zip(way.tolist(), zip(length.tolist(), slope.tolist(), strict=True), strict=True):
            found[k].append(piece)
        way, room = way[goes_on], (room - length)[goes_on]
    raise SolverError(f"the residual curve of lot {lot} did not end after {_MAXIMUM_STEPS} kinks")


def _merged(first: float, pieces: list[tuple[float, float]], slope: float) -> Curve:
    """Join pieces of equal slope; a curve without length has the slope at its point."""
    knots, kept = [first], list[float]()
    for length, here in pieces:
        if length < SHORTEST:
            continue
        if kept and here - kept[-1] < SAME_SLOPE:
            knots[-1] += length
        else:
            knots.append(knots[-1] + length)
            kept.append(here)
    if not kept:
        return Curve(np.array([first, first]), np.array([slope]))
    return Curve(np.array(knots), np.array(kept))
