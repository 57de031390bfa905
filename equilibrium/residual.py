"""A player's residual price curve: the DLMP at its bus as an exact step function of its own power.

With the rivals' powers fixed, the DSO's cost of an hour is a convex piecewise linear function of one lot's power.
Its slope is the price that the lot causes. The curve is traced by parametric steps from vertex to vertex
(:mod:`equilibrium.vertices`), so each of its kinks is a point where the set of binding rows changes, found by a ratio
test over all rows.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from equilibrium.errors import SolverError
from equilibrium.network import FloatArray
from equilibrium.vertices import Vertices

SAME_SLOPE = 1e-11
"""Slopes that differ by less (currency/kWh) belong to one segment."""

SHORTEST = 1e-7
"""Segments shorter than this (kW) are rounding."""

_MAXIMUM_STEPS = 2000


@dataclass(frozen=True, eq=False)
class Curve:
    """One hour: ``knots`` ``(segments + 1,)`` in kW and ``slopes`` ``(segments,)`` in currency/kWh, not decreasing."""

    knots: FloatArray
    slopes: FloatArray

    @cached_property
    def kinks(self) -> list[float]:
        """The knots as numbers: an hour has few, and arrays cost more than they save."""
        return [float(knot) for knot in self.knots]

    @cached_property
    def _steps(self) -> list[float]:
        return [float(slope) for slope in self.slopes]

    def price(self, power: float) -> float:
        """Return the left slope: the price that the player itself would choose at a kink (optimistic)."""
        segment = bisect_left(self.kinks, power - SHORTEST) - 1
        return self._steps[min(max(segment, 0), len(self._steps) - 1)]

    def right_price(self, power: float) -> float:
        """Return the right slope: the price of the next kW (pessimistic)."""
        segment = bisect_right(self.kinks, power + SHORTEST) - 1
        return self._steps[min(max(segment, 0), len(self._steps) - 1)]


def trace(vertices: Vertices, lot: int, power_max_kw: FloatArray) -> list[Curve]:
    """Trace the residual curves of one lot in every hour, its rivals where they are.

    Parameters
    ----------
    vertices
        Solved hours; they are not changed.
    lot
        Index of the lot.
    power_max_kw
        Largest power of the lot, shape ``(hours,)``.

    Returns
    -------
    list of Curve
        One per hour, from the smallest to the largest power for which a dispatch exists.
    """
    power = vertices.given[:, lot]
    down = _sweep(vertices.copy(), lot, -1.0, power.copy())
    up = _sweep(vertices.copy(), lot, 1.0, np.maximum(power_max_kw - power, 0.0))
    curves = []
    for hour in range(power.size):
        lengths = [length for length, _ in reversed(down[hour])] + [length for length, _ in up[hour]]
        slopes = [slope for _, slope in reversed(down[hour])] + [slope for _, slope in up[hour]]
        first = power[hour] - sum(length for length, _ in down[hour])
        curves.append(_merged(0.0 if abs(first) < SHORTEST else first, lengths, slopes, vertices, hour, lot))
    return curves


def _sweep(vertices: Vertices, lot: int, sign: float, room: FloatArray) -> list[list[tuple[float, float]]]:
    """Walk along one direction to the end of the room; return (length, slope) of the segments of every hour."""
    segments: list[list[tuple[float, float]]] = [[] for _ in room]
    room = np.where(room < SHORTEST, 0.0, room)
    for _ in range(_MAXIMUM_STEPS):
        if not room.any():
            return segments
        length, slope, dead = vertices.advance(lot, sign, room)
        for hour in np.flatnonzero(length > 0.0):
            segments[hour].append((float(length[hour]), float(slope[hour])))
        room = np.where(dead | (room - length < SHORTEST), 0.0, room - length)
    raise SolverError(f"the residual curve of lot {lot} did not end after {_MAXIMUM_STEPS} kinks")


def _merged(first: float, lengths: list[float], slopes: list[float], vertices: Vertices, hour: int, lot: int) -> Curve:
    """Join segments of equal slope; a curve without length keeps the slope at its point."""
    knots, kept = [first], list[float]()
    for length, slope in zip(lengths, slopes, strict=True):
        if length < SHORTEST:
            continue
        if kept and slope - kept[-1] < SAME_SLOPE:
            knots[-1] += length
        else:
            knots.append(knots[-1] + length)
            kept.append(slope)
    if not kept:
        return Curve(np.array([first, first]), np.array([vertices.prices()[hour, lot]]))
    return Curve(np.array(knots), np.array(kept))
