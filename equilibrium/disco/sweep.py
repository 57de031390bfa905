"""The lossy flow at given net loads, bus by bus: a backward/forward sweep, with its multipliers.

As long as no limit binds, the least purchase that serves given net loads is the one at which every squared flow lies on
its secants, and its multipliers follow along the path from the root. A sweep finds both for many periods at once. They
are a vertex of the feeder's program: its multipliers stay dual feasible whatever the loads are, so its cost is a lower
bound of the purchase for *every* net load (:mod:`equilibrium.disco.supply` checks signs and limits).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from equilibrium.distribution import VOLTS_PER_KILOVOLT
from equilibrium.lossy import WATTS_PER_KILOWATT
from equilibrium.network import Feeder, FloatArray

MAXIMUM_STEPS = 60
"""Changes of segments of one branch: each step raises the current, so a few are enough. The result is checked."""

_EDGE = 1e-11


@dataclass(frozen=True, eq=False)
class Flows:
    """Flows on their secants, one row per net load, shape ``(points, buses)`` unless said otherwise.

    Attributes
    ----------
    flow_kw, flow_kvar
        Sending-end flows by receiving bus; column 0 is what enters the root.
    current
        Squared currents, (kVA/kV)^2.
    segment_kw, segment_kvar
        Segment on which each flow lies, counted from 1, negative for reverse flow.
    price, price_kvar
        Derivative of the root's active power by active and reactive load at the bus.
    """

    flow_kw: FloatArray
    flow_kvar: FloatArray
    current: FloatArray
    segment_kw: FloatArray
    segment_kvar: FloatArray
    price: FloatArray
    price_kvar: FloatArray


@dataclass(frozen=True, eq=False)
class Sweep:
    """A feeder made ready to sweep.

    Attributes
    ----------
    span_kw, span_kvar
        Greatest flow of each branch ``S = F dS``, shape ``(buses,)``; 0 where a branch has no current.
    segments
        F of (2d).
    """

    feeder: Feeder
    span_kw: FloatArray
    span_kvar: FloatArray
    segments: int

    def flows(self, load_kw: FloatArray, load_kvar: FloatArray) -> Flows:
        """Sweep backward for flows and forward for prices.

        Parameters
        ----------
        load_kw, load_kvar
            Net loads, shape ``(points, buses)``.
        """
        feeder = self.feeder
        p, q = np.array(load_kw), np.array(load_kvar)
        shape = p.shape
        current, segment_p, segment_q, slope_p, slope_q = (np.zeros(shape) for _ in range(5))
        r, x = feeder.r_ohm / WATTS_PER_KILOWATT, feeder.x_ohm / WATTS_PER_KILOWATT
        for bus in feeder.order[::-1]:
            if self.span_kw[bus] > 0.0:
                parts = self._branch(int(bus), p[:, bus], q[:, bus], r[bus], x[bus])
                segment_p[:, bus], segment_q[:, bus], slope_p[:, bus], slope_q[:, bus], current[:, bus] = parts
                p[:, bus] += r[bus] * current[:, bus]
                q[:, bus] += x[bus] * current[:, bus]
            if feeder.parent[bus] >= 0:
                p[:, feeder.parent[bus]] += p[:, bus]
                q[:, feeder.parent[bus]] += q[:, bus]
        price, price_kvar = np.ones(shape), np.zeros(shape)
        spread = 1.0 - r * slope_p - x * slope_q  # one kVA more of loss carries its own loss
        for bus in feeder.order:
            above = feeder.parent[bus]
            if above >= 0:
                price[:, bus], price_kvar[:, bus] = price[:, above], price_kvar[:, above]
            worth = (price[:, bus] * r[bus] + price_kvar[:, bus] * x[bus]) / spread[:, bus]
            price[:, bus] += worth * slope_p[:, bus]
            price_kvar[:, bus] += worth * slope_q[:, bus]
        return Flows(p, q, current, segment_p, segment_q, price, price_kvar)

    def _branch(self, bus: int, p: FloatArray, q: FloatArray, r: float, x: float) -> tuple[FloatArray, ...]:
        """Solve one branch: its current causes losses, which it has to carry as well.

        On given segments the current is affine in the flows, so the fixed point is explicit; the segments are those on
        which it lies. Starting without losses, every step raises the current towards the least fixed point.
        """
        base = self.feeder.base_kv**2
        span_p, span_q = self.span_kw[bus], self.span_kvar[bus]
        segment_p, segment_q = _segment(p / span_p, self.segments), _segment(q / span_q, self.segments)
        for _ in range(MAXIMUM_STEPS):
            slope_p, fixed_p = _secant(segment_p, span_p, self.segments, base)
            slope_q, fixed_q = _secant(segment_q, span_q, self.segments, base)
            current = (slope_p * p + slope_q * q + fixed_p + fixed_q) / (1.0 - r * slope_p - x * slope_q)
            next_p = _moved(segment_p, (p + r * current) / span_p, self.segments)
            next_q = _moved(segment_q, (q + x * current) / span_q, self.segments)
            if np.array_equal(next_p, segment_p) and np.array_equal(next_q, segment_q):
                break
            segment_p, segment_q = next_p, next_q
        return segment_p, segment_q, slope_p, slope_q, current


def _moved(segment: FloatArray, share: FloatArray, segments: int) -> FloatArray:
    """Return the segments after a step; a flow on the edge of two of them stays where it is."""
    place = np.sign(segment) * share * segments
    step = np.abs(segment)
    inside = (place >= step - 1.0 - _EDGE) & ((place <= step + _EDGE) | (step == segments))
    return np.asarray(np.where(inside, segment, _segment(share, segments)))


def _segment(share: FloatArray, segments: int) -> FloatArray:
    """Return the segment of a flow given as a share of the greatest one; the last one goes on beyond it."""
    step = np.clip(np.ceil(np.abs(share) * segments), 1.0, segments)
    return np.asarray(np.where(share < 0.0, -step, step))


def _secant(segment: FloatArray, span: float, segments: int, base: float) -> tuple[FloatArray, FloatArray]:
    """Return slope and constant of ``L(|flow|) / V^2`` on a segment, in (kVA/kV)^2."""
    step, width = np.abs(segment), span / segments
    slope = np.asarray(np.sign(segment) * (2.0 * step - 1.0) * width / base)
    return slope, -step * (step - 1.0) * width**2 / base


def voltage_square(feeder: Feeder, flows: Flows) -> FloatArray:
    """Return the squared voltages (2c), kV^2, shape ``(points, buses)``."""
    square = np.full(flows.flow_kw.shape, (feeder.root_voltage_pu * feeder.base_kv) ** 2)
    impedance = feeder.r_ohm**2 + feeder.x_ohm**2
    for bus in feeder.order[1:]:
        drop = (
            2.0
            / VOLTS_PER_KILOVOLT
            * (feeder.r_ohm[bus] * flows.flow_kw[:, bus] + feeder.x_ohm[bus] * flows.flow_kvar[:, bus])
        )
        rise = impedance[bus] / VOLTS_PER_KILOVOLT**2 * flows.current[:, bus]
        square[:, bus] = square[:, feeder.parent[bus]] - drop + rise
    return square
