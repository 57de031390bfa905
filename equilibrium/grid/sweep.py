"""The lossy flow at given net loads: a backward/forward sweep over the feeder's levels, with its multipliers.

As long as no limit binds, the least purchase that serves given net loads is the one at which every squared flow lies on
its secants, and its multipliers follow along the path from the root. A sweep finds both for many periods at once. They
are a vertex of the feeder's program: its multipliers stay dual feasible whatever the loads are, so its cost is a lower
bound of the purchase for *every* net load (:mod:`equilibrium.markets.disco.network.service` checks signs and limits).

Inside, arrays have the axes (active or reactive, bus, point).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from equilibrium.arrays import FloatArray, IntArray
from equilibrium.grid.distribution import VOLTS_PER_KILOVOLT
from equilibrium.grid.feeder import Feeder
from equilibrium.grid.lossy import WATTS_PER_KILOWATT

MAXIMUM_STEPS = 60
"""Changes of segments of one branch: each step raises the current, so a few are enough. The result is checked."""

_EDGE = 1e-11
"""Share of a segment that a flow may pass its edge by before it changes to the next."""


@dataclass(frozen=True, eq=False)
class Flows:
    """Flows on their secants, one row per net load, shape ``(points, buses)`` unless said otherwise.

    Attributes
    ----------
    flow_kw, flow_kvar
        Sending-end flows by receiving bus; column 0 is what enters the root.
    current
        Squared currents, (kVA/kV)^2.
    voltage_square
        Squared voltages (2c), kV^2.
    segment_kw, segment_kvar
        Segment on which each flow lies, counted from 1, negative for reverse flow.
    price, price_kvar
        Derivative of the root's active power by active and reactive load at the bus.
    """

    flow_kw: FloatArray
    flow_kvar: FloatArray
    current: FloatArray
    voltage_square: FloatArray
    segment_kw: FloatArray
    segment_kvar: FloatArray
    price: FloatArray
    price_kvar: FloatArray


@dataclass(frozen=True, eq=False)
class _Level:
    """Buses of one depth: the buses, their parents, those with a current, and the map from them to their parents."""

    buses: IntArray
    parents: IntArray
    branches: IntArray
    gather: FloatArray


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

    @cached_property
    def _levels(self) -> list[_Level]:
        """The feeder's levels, root first."""
        feeder = self.feeder
        depth = np.zeros(feeder.size, dtype=np.int64)
        for bus in feeder.order[1:]:
            depth[bus] = depth[feeder.parent[bus]] + 1
        levels = []
        for number in range(int(depth.max()) + 1):
            buses = np.flatnonzero(depth == number)
            parents = feeder.parent[buses]
            gather = (np.arange(feeder.size)[:, None] == parents).astype(np.float64)
            levels.append(_Level(buses, parents, buses[self.span_kw[buses] > 0.0], gather))
        return levels

    @cached_property
    def _loss(self) -> FloatArray:
        """Losses per squared current, kW and kvar, shape ``(2, buses, 1)``."""
        return np.stack([self.feeder.r_ohm, self.feeder.x_ohm])[..., None] / WATTS_PER_KILOWATT

    def flows(self, load_kw: FloatArray, load_kvar: FloatArray) -> Flows:
        """Sweep backward for flows and forward for prices and voltages.

        Parameters
        ----------
        load_kw, load_kvar
            Net loads, shape ``(points, buses)``.
        """
        flow = np.stack([load_kw.T, load_kvar.T])
        segment, slope = np.zeros_like(flow), np.zeros_like(flow)
        current = np.zeros(flow.shape[1:])
        for level in self._levels[::-1]:
            own = level.branches
            if own.size:
                segment[:, own], slope[:, own], current[own] = self._solve(own, flow[:, own])
                flow[:, own] += self._loss[:, own] * current[own]
            if level.parents[0] >= 0:
                flow += level.gather @ flow[:, level.buses]
        price, voltage = self._forward(flow, slope, current)
        return Flows(flow[0].T, flow[1].T, current.T, voltage.T, segment[0].T, segment[1].T, price[0].T, price[1].T)

    def _solve(self, own: IntArray, load: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return segments, slopes and currents of some branches: a current causes losses, which it carries as well.

        On given segments the current is affine in the flows, so the fixed point is explicit; the segments are those on
        which it lies. Starting without losses, every step raises the current towards the least fixed point.
        """
        span, loss = np.stack([self.span_kw[own], self.span_kvar[own]])[..., None], self._loss[:, own]
        width, base = span / self.segments, self.feeder.base_kv**2
        segment = self._segment(load / width)
        for _ in range(MAXIMUM_STEPS):
            step = np.abs(segment)
            slope = np.sign(segment) * (2.0 * step - 1.0) * (width / base)
            fixed = step * (step - 1.0) * (width**2 / base)
            current = (slope * load - fixed).sum(axis=0) / (1.0 - (loss * slope).sum(axis=0))
            place = (load + loss * current) / width
            # A flow on the edge of two segments stays on the one where it is.
            along = np.sign(segment) * place
            leaves = (along < step - 1.0 - _EDGE) | ((along > step + _EDGE) & (step < self.segments))
            if not leaves.any():
                break
            segment = np.where(leaves, self._segment(place), segment)
        return segment, slope, current

    def _segment(self, place: FloatArray) -> FloatArray:
        """Return the segment of a flow given in widths of a segment; the last one goes on beyond its end."""
        step = np.minimum(np.maximum(np.ceil(np.abs(place)), 1.0), self.segments)
        return np.asarray(np.where(place < 0.0, -step, step))

    def _forward(self, flow: FloatArray, slope: FloatArray, current: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return prices and squared voltages, from the root on."""
        feeder, loss = self.feeder, self._loss
        # One kVA more of loss carries its own loss.
        share = loss / (1.0 - (loss * slope).sum(axis=0))
        price = np.zeros_like(flow)
        price[0] = 1.0
        impedance = np.stack([feeder.r_ohm, feeder.x_ohm])[..., None]
        square = np.full(current.shape, (feeder.root_voltage_pu * feeder.base_kv) ** 2)
        drop = 2.0 / VOLTS_PER_KILOVOLT * (impedance * flow).sum(axis=0)
        drop -= (impedance**2).sum(axis=0) / VOLTS_PER_KILOVOLT**2 * current
        for level in self._levels:
            buses = level.buses
            if level.parents[0] >= 0:
                price[:, buses] = price[:, level.parents]
                square[buses] = square[level.parents] - drop[buses]
            worth = (price[:, buses] * share[:, buses]).sum(axis=0)
            price[:, buses] += worth * slope[:, buses]
        return price, square
