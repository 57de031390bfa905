"""Ranges of a lot's profit and of its slope over boxes of prices, by interval arithmetic through the lots that fill.

Between two moments at which a lot fills, every lot admits drivers at a constant rate, and the moments are quotients of
what places are left and rates. So along one lot's price the profit is a smooth expression for each order in which lots
may fill, and these expressions meet continuously. For a box of prices this module follows every order that is possible
somewhere in the box, as rows beside each other, with intervals for the time and the places that are left and for their
derivatives by the lot's own price. The hull over all rows contains the profit, and every slope to the left and to the
right, at every point of the box: Clarke's generalised derivative. An order that only rounding could exclude is kept.

The width of a slope's range falls with the width of the box, so a bound on the profit made from it is exact to second
order, and a bound over a box where the slope has one sign is exact.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from equilibrium.arrays import BoolArray, FloatArray, IntArray
from equilibrium.markets.charging.lot_profits import LotProfits

_SAME_MOMENT = 1e-12
"""Moments that differ by less, relative to the day, may be in either order: far above rounding."""

_MOST_ORDERS = 64
"""Orders in which lots may fill that are followed for a box; with more, nothing is said of it until it is split."""


_LOST = 32.0 * float(np.finfo(np.float64).eps)
"""Share of a lot's places that rounding may give or take in a phase, generously."""

Index = IntArray | tuple[IntArray | slice | int | None, ...]
"""What picks a part of a range."""


@dataclass(frozen=True, eq=False)
class Range:
    """Intervals, elementwise: ``low <= x <= high``."""

    low: FloatArray
    high: FloatArray

    def __add__(self, other: Range) -> Range:
        return Range(self.low + other.low, self.high + other.high)

    def __sub__(self, other: Range) -> Range:
        return Range(self.low - other.high, self.high - other.low)

    def __mul__(self, other: Range) -> Range:
        ends = (self.low * other.low, self.low * other.high, self.high * other.low, self.high * other.high)
        # 0 times infinity: an end that is 0 is exact, and 0 times whatever is finite is 0.
        a, b, c, d = (np.where(np.isnan(each), 0.0, each) for each in ends)
        return Range(np.minimum(np.minimum(a, b), np.minimum(c, d)), np.maximum(np.maximum(a, b), np.maximum(c, d)))

    def __getitem__(self, key: Index) -> Range:
        return Range(self.low[key], self.high[key])

    def over(self, divisor: Range) -> Range:
        """Return the quotients by divisors that are at least 0; by 0 the range is the whole line on that side."""
        return self * Range(1.0 / divisor.high, 1.0 / divisor.low)

    def sum(self, axis: int) -> Range:
        """Return the sums along an axis."""
        return Range(self.low.sum(axis=axis), self.high.sum(axis=axis))

    def within(self, low: FloatArray | float, high: FloatArray | float) -> Range:
        """Return the part between two limits, which are known to hold."""
        return Range(np.clip(self.low, low, high), np.clip(self.high, low, high))


@dataclass(eq=False)
class _Rows:
    """Orders that are being followed: a row for each, with the box that it belongs to.

    Attributes
    ----------
    box
        Shape ``(rows,)``.
    is_open
        Lots with places left, ``(rows, lots)``.
    time, time_slope
        What is left of the day, and its derivative by the own price, ``(rows,)``.
    left, left_slope
        Places that are left, ``(rows, lots)``.
    profit, slope
        What was earned so far, ``(rows,)``.
    """

    box: IntArray
    is_open: BoolArray
    time: Range
    time_slope: Range
    left: Range
    left_slope: Range
    profit: Range
    slope: Range

    def taken(self, rows: IntArray) -> _Rows:
        return _Rows(*(getattr(self, name)[rows] for name in self.__dataclass_fields__))


@dataclass(frozen=True, eq=False)
class _Flow:
    """Rates of a phase, ranges over the box: ``rate`` of every lot ``(rows, lots)``, ``gain`` the lot's earnings."""

    rate: Range
    rate_slope: Range
    gain: Range
    gain_slope: Range


def profit_ranges(game: LotProfits, lot: int, low: FloatArray, high: FloatArray) -> tuple[Range, Range]:
    """Return ranges of one lot's profit and of its slope by the lot's own price.

    Parameters
    ----------
    game
        The lots and their drivers.
    lot
        Whose profit.
    low, high
        Ends of the boxes of prices, currency/kWh, shape ``(boxes, lots)``.

    Returns
    -------
    tuple
        The profit, currency, and the slope, kWh, each ``(boxes,)``, rounding included; infinite where nothing is known.
    """
    boxes, lots = low.shape
    zero = np.zeros(boxes)
    none = Range(zero, zero)
    places = np.broadcast_to(game.places, (boxes, lots))
    rows = _Rows(
        np.arange(boxes),
        np.ones((boxes, lots), dtype=np.bool_),
        Range(zero + 1.0, zero + 1.0),
        none,
        Range(places, places),
        Range(np.zeros((boxes, lots)), np.zeros((boxes, lots))),
        none,
        none,
    )
    utility = Range(game.demand.utility(high), game.demand.utility(low))
    margin = Range(low[:, lot, None] - game.cost[:, lot], high[:, lot, None] - game.cost[:, lot])
    ends = [np.full(boxes, np.inf), np.full(boxes, -np.inf), np.full(boxes, np.inf), np.full(boxes, -np.inf)]
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        for _ in range(lots + 1):
            flow = _flow(game, lot, rows, utility[rows.box], margin[rows.box])
            rows = _step(lot, rows, flow, ends)
            orders = np.bincount(rows.box, minlength=boxes)
            if (orders > _MOST_ORDERS).any():
                for end, worst in zip(ends, (-np.inf, np.inf, -np.inf, np.inf), strict=True):
                    end[orders > _MOST_ORDERS] = worst
                rows = rows.taken(np.flatnonzero(orders[rows.box] <= _MOST_ORDERS))
    money, energy = game.rounding[:, lot]
    outward = (-money, money, -energy, energy)
    nothing = (-np.inf, np.inf, -np.inf, np.inf)
    ends = [np.where(np.isnan(end), bad, end + far) for end, bad, far in zip(ends, nothing, outward, strict=True)]
    return Range(ends[0], ends[1]), Range(ends[2], ends[3])


def _flow(game: LotProfits, lot: int, rows: _Rows, utility: Range, margin: Range) -> _Flow:
    """Return the rates at which lots fill and the lot earns in the phase that begins."""
    demand = game.demand
    share = choice_shares(rows.is_open, utility, demand.outside)
    weight = -demand.price_utility_per_kwh * demand.drivers
    own = share[:, :, lot]
    odds = Range(*_spread(own))
    rate = Range(*(np.einsum("m,rml->rl", demand.drivers, each) for each in (share.low, share.high)))
    # A rival's share rises with the own price by the product of both shares, the own falls.
    rises = [np.einsum("rm,rml->rl", weight * o, s) for o, s in ((own.low, share.low), (own.high, share.high))]
    rises[0][:, lot], rises[1][:, lot] = -(odds.high @ weight), -(odds.low @ weight)
    asked = demand.energy_kwh * demand.drivers
    gain = (margin * own).low @ asked, (margin * own).high @ asked
    lost = margin * odds
    sensitive = -demand.price_utility_per_kwh
    change = (own.low - sensitive * lost.high) @ asked, (own.high - sensitive * lost.low) @ asked
    return _Flow(rate, Range(*rises), Range(*gain), Range(*change))


def choice_shares(is_open: BoolArray, utility: Range, outside: FloatArray) -> Range:
    """Return the ranges of the choice probabilities; a lot's is highest where it is cheap and its rivals are dear.

    Parameters
    ----------
    is_open
        Lots with places left, shape ``(boxes, lots)``.
    utility
        Of each lot over each box, ``(boxes, types, lots)``.
    outside
        Of the outside option, ``(types,)``.
    """
    seen = np.where(is_open[:, None, :], utility.high, -np.inf)
    top = np.maximum(seen.max(axis=2), outside)
    top = np.where(np.isfinite(top), top, 0.0)[..., None]
    best, worst = np.exp(seen - top), np.exp(np.where(is_open[:, None, :], utility.low, -np.inf) - top)
    stay = np.exp(outside[:, None] - top)
    with np.errstate(invalid="ignore"):
        low = worst / (_of_others(best) + stay + worst)
        high = best / (_of_others(worst) + stay + best)
    # 0 / 0: every weight is too small for a number, so nothing is known; a lot that is closed gets nobody.
    low, high = np.where(np.isnan(low), 0.0, low), np.where(np.isnan(high), 1.0, high)
    high = np.where(is_open[:, None, :], high, 0.0)
    return Range(np.minimum(low, high), np.maximum(low, high))


def _of_others(weight: FloatArray) -> FloatArray:
    """Return for each lot the sum of the others' weights, added up: a difference would lose the small ones."""
    others = np.zeros(weight.shape)
    others[..., 1:] = np.cumsum(weight, axis=2)[..., :-1]
    others[..., :-1] += np.cumsum(weight[..., ::-1], axis=2)[..., -2::-1]
    return others


def _spread(share: Range) -> tuple[FloatArray, FloatArray]:
    """Return the range of ``s (1 - s)`` over a range of shares."""
    first, last = share.low * (1.0 - share.low), share.high * (1.0 - share.high)
    high = np.where((share.low <= 0.5) & (share.high >= 0.5), 0.25, np.maximum(first, last))
    return np.minimum(first, last), high


def _step(lot: int, rows: _Rows, flow: _Flow, ends: list[FloatArray]) -> _Rows:
    """Go on to what may happen first, the end of the day or a lot that fills, and return the rows that go on."""
    fill = rows.left.over(flow.rate)
    fill = Range(np.where(rows.is_open, fill.low, np.inf), np.where(rows.is_open, fill.high, np.inf))
    latest = np.minimum(fill.high.min(axis=1), rows.time.high)
    ended = np.flatnonzero(rows.time.low <= latest + _SAME_MOMENT)
    if ended.size:
        part = rows.taken(ended)
        _finish(part, flow, ended, part.time.within(0.0, latest[ended]), part.time_slope, ends)
    which, full = np.nonzero(fill.low <= (latest + _SAME_MOMENT)[:, None])
    if not which.size:
        return rows.taken(np.zeros(0, dtype=np.int64))
    part = rows.taken(which)
    at = which, full
    step = Range(fill.low[at], fill.high[at]).within(0.0, latest[which])
    rate, rate_slope = flow.rate[at], flow.rate_slope[at]
    left_slope = Range(rows.left_slope.low[at], rows.left_slope.high[at])
    step_slope = (left_slope - step * rate_slope).over(rate)
    own = np.flatnonzero(full == lot)
    if own.size:
        _finish(part.taken(own), flow, which[own], step[own], step_slope[own], ends)
    on = np.flatnonzero(full != lot)
    return _gone_on(part.taken(on), flow, which[on], full[on], step[on], step_slope[on])


def _earned(part: _Rows, flow: _Flow, rows: IntArray, step: Range, step_slope: Range) -> tuple[Range, Range]:
    """Return profit and slope after a phase of a length with a derivative."""
    gain, gain_slope = flow.gain[rows], flow.gain_slope[rows]
    return part.profit + step * gain, part.slope + step_slope * gain + step * gain_slope


def _finish(part: _Rows, flow: _Flow, rows: IntArray, step: Range, step_slope: Range, ends: list[FloatArray]) -> None:
    """Take rows that end into the hull of their boxes: ``ends`` are the ends of profit and slope."""
    profit, slope = _earned(part, flow, rows, step, step_slope)
    for end, value in zip(ends[0::2], (profit.low, slope.low), strict=True):
        np.minimum.at(end, part.box, value)
    for end, value in zip(ends[1::2], (profit.high, slope.high), strict=True):
        np.maximum.at(end, part.box, value)


def _gone_on(part: _Rows, flow: _Flow, rows: IntArray, full: IntArray, step: Range, step_slope: Range) -> _Rows:
    """Return rows after a rival has filled."""
    profit, slope = _earned(part, flow, rows, step, step_slope)
    rate, rate_slope = flow.rate[rows], flow.rate_slope[rows]
    long, long_slope = step[:, None], step_slope[:, None]
    lost = _LOST * np.where(np.isfinite(part.left.high), part.left.high, 0.0)
    left = (part.left - long * rate + Range(-lost, lost)).within(0.0, part.left.high)
    left_slope = part.left_slope - (long_slope * rate + long * rate_slope)
    is_open = part.is_open.copy()
    is_open[np.arange(full.size), full] = False
    time = (part.time - step).within(0.0, 1.0)
    return _Rows(part.box, is_open, time, part.time_slope - step_slope, left, left_slope, profit, slope)
