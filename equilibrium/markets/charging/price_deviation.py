"""A lot's best deviation from posted prices, proved: branch and bound over its own price."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from equilibrium.arrays import FloatArray
from equilibrium.deadline import Deadline
from equilibrium.markets.charging.lot_profits import LotProfits
from equilibrium.markets.charging.profit_ranges import profit_ranges
from equilibrium.programs.program import GAP

FIRST_PIECES = 32
"""Intervals of a lot's price with which a search begins."""

_PARTS = 4
"""Parts into which an interval that may hold more is cut."""

_MOST_PIECES = 50_000
"""Intervals that may hold more at one time; with more the search ends, and says that it is not finished."""

_ROUNDS = 60
"""Rounds of cutting after which an interval is narrower than two neighbouring numbers."""


@dataclass(frozen=True)
class Deviation:
    """The best that one lot can do while the others stay.

    Attributes
    ----------
    price
        The best price that was found, currency/kWh.
    profit
        What it earns, currency.
    bound
        Proven upper bound on what any price earns, rounding included, currency.
    rounding
        The part of the bound that stands for rounding, currency.
    pieces
        Intervals that were looked at.
    finished
        False when a limit ended the search before the bound was near the profit; the bound holds all the same.
    """

    price: float
    profit: float
    bound: float
    rounding: float
    pieces: int
    finished: bool


def best_deviation(
    game: LotProfits, lot: int, prices: FloatArray, deadline: Deadline, hints: tuple[float, ...] = ()
) -> Deviation:
    """Find and prove the best price of one lot while the others stay at theirs.

    On an interval the profit is at the ends what it is, and its slope stays within a range; so it lies below two lines
    that meet. Where the slope has one sign the bound is the profit at an end. What may hold more than the best point
    in hand is cut, until nothing may by more than a share of 1e-9 and what rounding hides.

    Parameters
    ----------
    game
        The lots and their drivers.
    lot
        Who deviates.
    prices
        Posted prices, currency/kWh, shape ``(lots,)``.
    deadline
        Its nodes are intervals.
    hints
        Prices of the lot at which the search looks first.
    """
    seen, own, others = game.against(lot, prices)
    low, high = float(seen.price_min[own]), float(seen.price_max[own])
    inside = [hint for hint in (float(prices[lot]), *hints) if low <= hint <= high]
    edges = np.unique(np.concatenate([np.linspace(low, high, FIRST_PIECES + 1), inside]))
    profit = seen.along(own, others, edges)
    top = int(np.argmax(profit))
    best, price = float(profit[top]), float(edges[top])
    start, end, at_start, at_end = edges[:-1], edges[1:], profit[:-1], profit[1:]
    money, energy = seen.rounding[:, own].tolist()
    blurred = money + energy * (high - low) / FIRST_PIECES  # what rounding hides at the width of the first pieces
    settled, pieces, finished = best, 0, True
    for turn in range(_ROUNDS + 1):
        upper = _upper_bounds(seen, own, others, (start, end, at_start, at_end))
        pieces += start.size
        deadline.spend(start.size)
        more = upper > best + GAP * max(1.0, abs(best)) + blurred
        settled = max(settled, float(upper[~more].max(initial=-np.inf)))
        if not more.any():
            break
        if turn == _ROUNDS or deadline.passed or np.count_nonzero(more) > _MOST_PIECES:
            settled, finished = max(settled, float(upper[more].max())), False
            break
        cuts = np.linspace(start[more], end[more], _PARTS + 1, axis=1)
        values = np.concatenate(
            [
                at_start[more, None],
                seen.along(own, others, cuts[:, 1:-1].ravel()).reshape(-1, _PARTS - 1),
                at_end[more, None],
            ],
            axis=1,
        )
        top = int(np.argmax(values))
        if values.flat[top] > best:
            best, price = float(values.flat[top]), float(cuts.flat[top])
        start, end = cuts[:, :-1].ravel(), cuts[:, 1:].ravel()
        at_start, at_end = values[:, :-1].ravel(), values[:, 1:].ravel()
    return Deviation(price, best, max(settled, best) + money, money, pieces, finished)


def _upper_bounds(
    game: LotProfits, lot: int, prices: FloatArray, pieces: tuple[FloatArray, FloatArray, FloatArray, FloatArray]
) -> FloatArray:
    """Return an upper bound on the profit over each interval, shape ``(intervals,)``."""
    start, end, at_start, at_end = pieces
    low, high = np.tile(prices, (start.size, 1)), np.tile(prices, (start.size, 1))
    low[:, lot], high[:, lot] = start, end
    profit, slope = profit_ranges(game, lot, low, high)
    width = end - start
    ends = np.maximum(at_start, at_end)
    rise, fall = np.maximum(slope.high, 0.0), np.maximum(-slope.low, 0.0)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        # Below at_start + rise * t and at_end + fall * (width - t), which meet at t.
        meet = np.clip((at_end - at_start + fall * width) / (rise + fall), 0.0, width)
        peak = np.minimum(at_start + rise * meet, at_end + fall * (width - meet))
    peak = np.where((rise == 0.0) | (fall == 0.0), ends, np.maximum(peak, ends))
    peak = np.where(np.isfinite(peak), peak, np.inf)
    upper: FloatArray = np.maximum(ends, np.minimum(peak, profit.high))
    return upper
