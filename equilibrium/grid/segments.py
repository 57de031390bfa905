"""What intervals of the flows say about their squares: which segments are left, and affine functions above them.

A flow is the sum of demands and losses below it, and losses grow with the size of flows. So intervals of demands give
intervals of flows, and these say between which values a square lies on its piecewise linear function L. Where a square
may earn money by floating (docs/disco.md), this is what holds it: in one segment L is a line, over several it lies
below its chord.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from equilibrium.arrays import FloatArray, IntArray
from equilibrium.grid.lossy import (
    AXES,
    LOSSY_FAMILIES,
    SIDES,
    WATTS_PER_KILOWATT,
    lossy_branches,
    piecewise_square,
    secant_rows,
)
from equilibrium.grid.network import Network
from equilibrium.programs.program import FEASIBILITY, INF, Block, Instance, Program, signed_parts

_MAXIMUM_SWEEPS = 100

SETTLED_RANGE = 1e-10
"""Ranges of flows that move less than this, relative to ``1 + |flow|``, have settled; they are kept wider by it."""

_NARROW = 1e-7
"""Width of an interval, relative to ``1 + range``, below which a chord is level: its slope would be rounding."""


@dataclass(frozen=True, eq=False)
class Squares:
    """Every square of a program, flat: its column, its flow's column, its range, its secants and its period."""

    square: IntArray
    flow: IntArray
    span: FloatArray
    forward: IntArray
    reverse: IntArray
    period: IntArray

    @property
    def segments(self) -> int:
        """Segments of every square, on either side of no flow."""
        return int(self.forward.shape[1])

    @classmethod
    def of(cls, network: Network, program: Program) -> Squares:
        """Find the squares of a program that holds the lossy flow of a network."""
        parts = []
        for square, flow in AXES:
            index = program.columns[square].index
            rows = [program.rows[secant_rows(square, side)].index for side, _ in SIDES]
            parts.append(
                (
                    index.ravel(),
                    program.columns[flow].index[:, lossy_branches(network)].ravel(),
                    program.col_upper[index].ravel(),
                    *(row.reshape(index.size, -1) for row in rows),
                    np.repeat(np.arange(index.shape[0]), index.shape[1]),
                )
            )
        return cls(*(np.concatenate(side) for side in zip(*parts, strict=True)))

    def on_piecewise(self, flow: FloatArray, pick: IntArray) -> FloatArray:
        """Return what columns of some squares hold when they lie on the piecewise linear function at given flows."""
        span = self.span[pick]
        return np.asarray(span * piecewise_square(np.abs(flow) / span, self.segments))

    def of_their_periods(self, flags: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return which squares belong to a period in which one is flagged."""
        return np.isin(self.period, self.period[flags])

    def segment(self, flow: FloatArray) -> IntArray:
        """Return the segment of each flow, from 0."""
        share = np.abs(flow) / self.span * self.segments
        return np.asarray(np.clip(np.ceil(share) - 1, 0, self.segments - 1), dtype=np.int64)


def within_intervals(network: Network, program: Program, instance: Instance) -> Instance:
    """Return the instance with the flows and squares that exact squares leave possible.

    A flow is the sum of demands and losses below it, and losses grow with the size of flows. So intervals of flows give
    intervals of losses, and these give new intervals of flows. Where nothing is left to choose they close on the flow.
    """
    feeder, branches = network.feeder, lossy_branches(network)
    base, shape = feeder.base_kv**2, program.columns["flow_kw"].shape
    flows = [program.columns[flow].index for _, flow in AXES]
    spans = [program.col_upper[program.columns[square].index] for square, _ in AXES]
    segments = program.rows[LOSSY_FAMILIES[0]].shape[-1]
    demand = [_demands(program, instance, name) for name in ("active_balance", "reactive_balance")]
    loss = [side / WATTS_PER_KILOWATT for side in (feeder.r_ohm, feeder.x_ohm)]
    low, high = ([side[index] for index in flows] for side in (instance.col_lower, instance.col_upper))
    for _ in range(_MAXIMUM_SWEEPS):
        least, most = _sizes(low, high, branches)
        current_low, current_high = np.zeros(shape), np.zeros(shape)
        for axis, span in enumerate(spans):
            current_low[:, branches] += span**2 / base * piecewise_square(least[axis] / span, segments)
            current_high[:, branches] += span**2 / base * piecewise_square(most[axis] / span, segments)
        before = np.concatenate([*low, *high])
        for axis in range(2):
            below = feeder.subtree_sum(demand[axis][0] + loss[axis] * current_low)
            above = feeder.subtree_sum(demand[axis][1] + loss[axis] * current_high)
            low[axis], high[axis] = np.maximum(low[axis], below), np.minimum(high[axis], above)
        if np.allclose(before, np.concatenate([*low, *high]), rtol=SETTLED_RANGE, atol=SETTLED_RANGE):
            break
    least, most = _sizes(low, high, branches)
    for axis, (square, _) in enumerate(AXES):
        room = SETTLED_RANGE * (1.0 + np.abs(low[axis]) + np.abs(high[axis]))
        instance = instance.with_columns(flows[axis].ravel(), (low[axis] - room).ravel(), (high[axis] + room).ravel())
        span, index = spans[axis], program.columns[square].index
        room = 4.0 * room[:, branches]  # a square is at most twice as steep as its flow
        bounds = [span * piecewise_square(size / span, segments) for size in (least[axis], most[axis])]
        instance = instance.with_columns(index.ravel(), (bounds[0] - room).ravel(), (bounds[1] + room).ravel())
    return instance


def _sizes(low: list[FloatArray], high: list[FloatArray], branches: IntArray) -> tuple[list[FloatArray], ...]:
    """Return the least and the greatest size that each flow may have, by axis, shape ``(periods, branches)``."""
    sides = [(a[:, branches], b[:, branches]) for a, b in zip(low, high, strict=True)]
    least = [np.maximum(np.maximum(a, -b), 0.0) for a, b in sides]
    return least, [np.maximum(np.abs(a), np.abs(b)) for a, b in sides]


def _demands(program: Program, instance: Instance, balance: str) -> tuple[FloatArray, FloatArray]:
    """Return the least and greatest demand that bounds of columns admit at each bus, shape ``(periods, buses)``."""
    block = program.rows[balance]
    matrix = sp.csc_array(instance.matrix[block.slice, :])
    for name in ("flow_kw", "flow_kvar", "current_square"):
        matrix = _without(matrix, program.columns[name])
    positive, negative = signed_parts(matrix)
    supply_low = positive @ instance.col_lower + negative @ instance.col_upper
    supply_high = positive @ instance.col_upper + negative @ instance.col_lower
    load = instance.row_lower[block.slice]
    return (load - supply_high).reshape(block.shape), (load - supply_low).reshape(block.shape)


def _without(matrix: sp.csc_array, block: Block) -> sp.csc_array:
    """Return the matrix with the columns of a block emptied."""
    keep = np.ones(matrix.shape[1])
    keep[block.slice] = 0.0
    emptied = sp.csc_array(matrix @ sp.diags_array(keep))
    emptied.eliminate_zeros()
    return emptied


def in_segments(instance: Instance, squares: Squares, exact: NDArray[np.bool_], flow: FloatArray) -> Instance:
    """Hold the exact squares in the direction and segment of ``flow``: there the secant is an equality."""
    pick = np.flatnonzero(exact)
    segment, forward = squares.segment(flow)[pick], flow[pick] >= 0.0
    width = squares.span[pick] / squares.segments
    near, far = segment * width, (segment + 1.0) * width
    columns = squares.flow[pick]
    lower = np.maximum(instance.col_lower[columns], np.where(forward, near, -far))
    upper = np.minimum(instance.col_upper[columns], np.where(forward, far, -near))
    rows = np.where(forward, squares.forward[pick, segment], squares.reverse[pick, segment])
    row_upper = instance.row_upper.copy()
    row_upper[rows] = instance.row_lower[rows]
    return replace(instance.with_columns(columns, lower, upper), row_upper=row_upper)


def below_chords(instance: Instance, squares: Squares) -> Instance:
    """Return the instance with every square below the chord of L over the bounds of its flow.

    L is convex, so it lies below its chord, and touches it at both ends: no point with exact squares is lost. Where the
    bounds leave one segment, chord and secant are one line, and the square is held on it.
    """
    low, high = (
        np.clip(side[squares.flow], -squares.span, squares.span) for side in (instance.col_lower, instance.col_upper)
    )
    one = (squares.segment(low) == squares.segment(high)) & ((low >= 0.0) | (high <= 0.0))
    instance = in_segments(instance, squares, one, 0.5 * (low + high))
    low, high, pick = low[~one], high[~one], np.flatnonzero(~one)
    at_low, at_high = (squares.on_piecewise(end, pick) for end in (low, high))
    width = high - low
    wide = width > _NARROW * (1.0 + squares.span[pick])
    slope = np.divide(at_high - at_low, width, out=np.zeros_like(width), where=wide)
    above = np.where(wide, at_low - slope * low, np.maximum(at_low, at_high)) + FEASIBILITY * (1.0 + squares.span[pick])
    index = np.column_stack([squares.square[pick], squares.flow[pick]]).ravel()
    value = np.column_stack([np.ones(pick.size), -slope]).ravel()
    shape = (pick.size, instance.shape[1])
    matrix = sp.csr_array((value, index, 2 * np.arange(pick.size + 1)), shape=shape)
    return instance.with_rows(matrix, np.full(pick.size, -INF), above)
