"""All equilibria of posted prices: branch and prune over boxes of prices, for few lots.

A box goes when some lot has a better price wherever in the box the others stand: the lot's profit rises all over the
box and a higher price may be posted, or falls and a lower one may; or another price in hand earns more against every
rivals' price of the box than any price in it. Where the profit rises up to the end of what may be posted, only that end
is left. What remains when boxes are small holds every equilibrium.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from equilibrium.arrays import BoolArray, FloatArray
from equilibrium.certificate import SAME_PRICE
from equilibrium.deadline import Deadline
from equilibrium.markets.charging.lot_profits import LotProfits
from equilibrium.markets.charging.price_deviation import best_deviation
from equilibrium.markets.charging.profit_ranges import Range, profit_ranges

Ends = tuple[FloatArray, FloatArray]
"""Lower and upper ends of boxes, each ``(boxes, lots)``."""

_BATCH = 256
"""Boxes that are looked at together."""

_LOOKS = 17
"""Other prices of a lot that are tried against a box."""

WIDTHS = tuple(2.0**-power for power in (10, 13, 16, 20))
"""Widths, as shares of a lot's range, down to which boxes are cut before what is left is looked at once more."""

_NEARER = 2
"""Looks at the neighbourhood of the best of them, each eight times as near."""

_SHAVED_LOTS, _SLICES, _SHAVES = 3, 16, 30
"""Lots above which boxes are made narrower before they are cut, slices of a lot's prices for it, and times in turn."""

_LARGE = 0.25
"""Width, as a share of a lot's range, above which nothing is gained by trying other prices."""


@dataclass(frozen=True, eq=False)
class Boxes:
    """Boxes of prices: ends in currency/kWh, shape ``(boxes, lots)``."""

    low: FloatArray
    high: FloatArray

    @property
    def hull(self) -> tuple[FloatArray, FloatArray]:
        """Ends of the smallest box around all of them, each ``(lots,)``."""
        return self.low.min(axis=0), self.high.max(axis=0)

    def hold(self, prices: FloatArray) -> bool:
        """Whether one of the boxes holds the prices, up to the width of a box around it."""
        room = self.high - self.low
        inside = (prices >= self.low - room - SAME_PRICE) & (prices <= self.high + room + SAME_PRICE)
        return bool(inside.all(axis=1).any())

    def farthest(self, prices: FloatArray) -> float:
        """Return the largest difference of a price of the boxes from ``prices``."""
        low, high = self.hull
        return float(np.maximum(prices - low, high - prices).max())


def whole(game: LotProfits) -> Boxes:
    """Return all prices that may be posted, as one box."""
    return Boxes(game.price_min[None].copy(), game.price_max[None].copy())


def joined(heaps: Sequence[Boxes]) -> Boxes:
    """Return all boxes of several heaps; there must be one."""
    return Boxes(np.concatenate([heap.low for heap in heaps]), np.concatenate([heap.high for heap in heaps]))


def remaining(game: LotProfits, boxes: Boxes, width: float, deadline: Deadline) -> tuple[Boxes, ...] | None:
    """Return where in these boxes equilibria may lie, in heaps of boxes that touch.

    Parameters
    ----------
    game
        The lots and their drivers.
    boxes
        Where to look.
    width
        Share of a lot's range of prices at which a box is not cut any more.
    deadline
        Its nodes are boxes.

    Returns
    -------
    tuple of Boxes or None
        None when the deadline passed.
    """
    low, high, scale = boxes.low, boxes.high, game.price_max - game.price_min
    kept: list[tuple[FloatArray, FloatArray]] = []
    while low.size:
        if deadline.passed:
            return None
        deadline.spend(len(low))
        if game.lots > _SHAVED_LOTS:
            low, high = _in_batches(partial(_shaved, game, deadline), low, high)
        low, high = _in_batches(partial(_pruned, game), low, high)
        done = (high - low <= width * scale).all(axis=1)
        kept.append((low[done], high[done]))
        low, high = _halved(low[~done], high[~done], scale)
    return _heaps(*(np.concatenate([part[end] for part in kept]) for end in (0, 1)))


def unbeaten(game: LotProfits, boxes: Boxes) -> Boxes:
    """Return those boxes in which no lot's best price against the rivals at their middle is better all over the box."""
    low, high = boxes.low, boxes.high
    middle: FloatArray = np.mean(boxes.hull, axis=0)
    for lot in range(game.lots):
        if low.size:
            other = best_deviation(game, lot, middle, Deadline()).price
            profit, _ = profit_ranges(game, lot, low, high)
            gone = _earns_more(game, lot, low, high, np.full(len(low), other), profit)
            low, high = low[~gone], high[~gone]
    return Boxes(low, high)


def _in_batches(what: Callable[[FloatArray, FloatArray], Ends], low: FloatArray, high: FloatArray) -> Ends:
    """Return what is left of boxes, looked at some at a time."""
    parts = [what(low[k : k + _BATCH], high[k : k + _BATCH]) for k in range(0, len(low), _BATCH)]
    return np.concatenate([low[:0], *(part[0] for part in parts)]), np.concatenate(
        [high[:0], *(part[1] for part in parts)]
    )


def _pruned(game: LotProfits, low: FloatArray, high: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return what is left of boxes."""
    for lot in range(game.lots):
        if not low.size:
            break
        low, high = low.copy(), high.copy()
        profit, slope = profit_ranges(game, lot, low, high)
        rises = (slope.low > 0.0) & (low[:, lot] < high[:, lot])
        falls = (slope.high < 0.0) & (low[:, lot] < high[:, lot])
        low[rises, lot], high[falls, lot] = high[rises, lot], low[falls, lot]
        # At one price of several a slope of one sign leaves only the end of the range.
        gone = (slope.low > 0.0) & (high[:, lot] < game.price_max[lot])
        gone |= (slope.high < 0.0) & (low[:, lot] > game.price_min[lot])
        narrow = (high[:, lot] - low[:, lot]) <= _LARGE * (game.price_max[lot] - game.price_min[lot])
        asked = np.flatnonzero(~gone & narrow)
        gone[asked] = _beaten(game, lot, low[asked], high[asked], Range(profit.low[asked], profit.high[asked]))
        low, high = low[~gone], high[~gone]
    return low, high


def _shaved(game: LotProfits, deadline: Deadline, low: FloatArray, high: FloatArray) -> Ends:
    """Return what is left of boxes when every lot's prices are sliced in turn, the others' as wide as they are.

    A lot's best prices against all that the others may post lie in a range. With it the others' ranges are narrower,
    and so on. Boxes go where nothing of a range is left. A look at all prices of a lot counts as a box; where lots may
    fill, and the orders of filling multiply, one at each slice does.
    """
    low, high = low.copy(), high.copy()
    weight = _SLICES if (game.demand.drivers.sum() > game.places).any() else 1
    for _ in range(_SHAVES):
        if deadline.passed:
            break
        deadline.spend(weight * game.lots * len(low))
        before = high - low
        for lot in range(game.lots):
            if not low.size:
                return low, high
            edges = np.linspace(low[:, lot], high[:, lot], _SLICES + 1, axis=1)
            least, most = (np.repeat(end, _SLICES, axis=0) for end in (low, high))
            least[:, lot], most[:, lot] = edges[:, :-1].ravel(), edges[:, 1:].ravel()
            _, slope = profit_ranges(game, lot, least, most)
            out = (slope.low > 0.0) & (most[:, lot] < game.price_max[lot])
            out |= (slope.high < 0.0) & (least[:, lot] > game.price_min[lot])
            kept = ~out.reshape(-1, _SLICES)
            first, last = kept.argmax(axis=1), _SLICES - kept[:, ::-1].argmax(axis=1)
            rows, some = np.arange(len(low)), kept.any(axis=1)
            low[:, lot], high[:, lot] = edges[rows, first], edges[rows, last]
            low, high, before = low[some], high[some], before[some]
        if not ((high - low) < 0.75 * before).any():
            break
    return low, high


def _beaten(game: LotProfits, lot: int, low: FloatArray, high: FloatArray, profit: Range) -> BoolArray:
    """Return for which boxes another price earns more than any price of the box, wherever the rivals stand in it."""
    if not low.size:
        return np.zeros(0, dtype=np.bool_)
    return _earns_more(game, lot, low, high, _better(game, lot, 0.5 * (low + high)), profit)


def _earns_more(
    game: LotProfits, lot: int, low: FloatArray, high: FloatArray, other: FloatArray, profit: Range
) -> BoolArray:
    """Return for which boxes one other price for each earns more than all of the box, wherever the rivals stand."""
    least, most = low.copy(), high.copy()
    least[:, lot] = most[:, lot] = other
    earned, _ = profit_ranges(game, lot, least, most)
    more: BoolArray = earned.low > profit.high
    return more


def _better(game: LotProfits, lot: int, prices: FloatArray) -> FloatArray:
    """Return a good price of a lot against the others' at points ``(points, lots)``: a look over all, then nearer."""
    bottom, top = game.price_min[lot], game.price_max[lot]
    start, end = np.full(len(prices), bottom), np.full(len(prices), top)
    points = np.repeat(prices, _LOOKS, axis=0)
    best: FloatArray = start
    for _ in range(_NEARER + 1):
        own = np.linspace(start, end, _LOOKS, axis=1)
        points[:, lot] = own.ravel()
        best = own[np.arange(len(own)), np.argmax(game.profits(points)[:, lot].reshape(own.shape), axis=1)]
        step = (end - start) / (_LOOKS - 1)
        start, end = np.maximum(best - step, bottom), np.minimum(best + step, top)
    return best


def _halved(low: FloatArray, high: FloatArray, scale: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return both halves of boxes, cut where they are widest for their range."""
    if not low.size:
        return low, high
    width = (high - low) / np.where(scale > 0.0, scale, np.inf)
    rows, cut = np.arange(len(low)), np.argmax(width, axis=1)
    middle = 0.5 * (low[rows, cut] + high[rows, cut])
    first_high, second_low = high.copy(), low.copy()
    first_high[rows, cut] = second_low[rows, cut] = middle
    return np.concatenate([low, second_low]), np.concatenate([first_high, high])


def _heaps(low: FloatArray, high: FloatArray) -> tuple[Boxes, ...]:
    """Return boxes that touch together."""
    left = np.ones(len(low), dtype=np.bool_)
    heaps = []
    while left.any():
        heap = np.zeros(len(low), dtype=np.bool_)
        front = np.flatnonzero(left)[:1]
        while front.size:
            heap[front], left[front] = True, False
            rest = np.flatnonzero(left)
            touch = np.ones((rest.size, front.size), dtype=np.bool_)
            for lot in range(low.shape[1]):
                touch &= (low[rest, lot, None] <= high[front, lot]) & (high[rest, lot, None] >= low[front, lot])
            front = rest[touch.any(axis=1)]
        heaps.append(Boxes(low[heap], high[heap]))
    return tuple(heaps)
