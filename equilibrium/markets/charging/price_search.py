"""Candidates for equilibrium prices: best responses in turn from several starts, then a fast finish. Nothing is proved.

What is found here is judged by :mod:`equilibrium.markets.charging.price_deviation` alone, so this search need not be
careful, only good: a candidate that it misses is missed, one that it invents fails its certificate.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import numpy as np

from equilibrium.arrays import FloatArray
from equilibrium.certificate import SAME_PRICE
from equilibrium.markets.charging.lot_profits import LotProfits
from equilibrium.markets.charging.profit_ranges import profit_ranges

SWEEPS = 40
"""Rounds of best responses from a start; prices that still move then are taken to cycle."""

_ROUND = 5
"""Sweeps within which prices that come to rest halve their moves, and which a mean is taken over."""

_ONE_REST = 1e-3
"""Candidates nearer to each other than this share of the widest range of prices are finished as one."""

_ROUGH = 1e-4
"""Best responses move no more than this share of the widest range of prices where the fast finish takes over."""

_EXACT_STEP = 1e-13
"""Step, relative to the prices, at which a finish has done what double precision can."""

_PROBE = 1e-6
"""Change of a price, relative to its range, by which slopes of slopes are measured."""

_GRID, _ZOOM = 33, 17
"""Points at which a lot looks over all its prices, and over the neighbourhood of the best."""

_CORNER_LOTS = 3
"""Lots up to which every corner of the prices is a start; with more, a second start that goes round ends the search."""


def candidates(game: LotProfits, starts: Iterable[FloatArray]) -> list[FloatArray]:
    """Return prices that may be equilibria, different ones, shape ``(lots,)`` each.

    Parameters
    ----------
    game
        The lots and their drivers.
    starts
        Prices to start from beside the corners of what may be posted and their middle.
    """
    rough: list[tuple[FloatArray, bool]] = []
    near = _ONE_REST * _scale(game)
    round_and_round = 0
    for start in [*starts, *_corners(game)]:
        found, rests = _in_turn(game, np.clip(start, game.price_min, game.price_max))
        round_and_round += not rests
        if round_and_round > 1 and game.lots > _CORNER_LOTS:
            break
        if all(np.abs(found - other).max() > near for other, _ in rough):
            rough.append((found, rests))
    finished: list[FloatArray] = []
    for start, rests in rough:
        prices = newton(game, start)
        if prices is None:
            prices = _extrapolated(game, start) if rests else start
        if all(np.abs(prices - other).max() > SAME_PRICE for other in finished):
            finished.append(prices)
    return finished


def _scale(game: LotProfits) -> float:
    """Return the widest range of prices."""
    return float((game.price_max - game.price_min).max())


def _corners(game: LotProfits) -> list[FloatArray]:
    """Return the starts that every search has."""
    middle = 0.5 * (game.price_min + game.price_max)
    if game.lots > _CORNER_LOTS:
        return [game.price_min, game.price_max, middle]
    ends = [np.unique([low, high]) for low, high in zip(game.price_min, game.price_max, strict=True)]
    return [np.array(corner) for corner in itertools.product(*ends)] + [middle]


def _in_turn(game: LotProfits, start: FloatArray) -> tuple[FloatArray, bool]:
    """Let the lots answer in turn: where they come to rest, or the mean of where they go round, and which it is."""
    prices, stop = start.copy(), _ROUGH * _scale(game)
    path: list[FloatArray] = []
    moves: list[float] = []
    for _ in range(SWEEPS):
        before = prices.copy()
        for lot in range(game.lots):
            prices[lot] = _look(game, lot, prices)
        path.append(prices.copy())
        moves.append(float(np.abs(prices - before).max()))
        if moves[-1] <= stop:
            return prices, True
        if len(moves) >= 2 * _ROUND and min(moves[-_ROUND:]) > 0.5 * min(moves[:-_ROUND]):
            break
    mean: FloatArray = np.mean(path[-_ROUND:], axis=0)
    return mean, False


def _look(game: LotProfits, lot: int, prices: FloatArray) -> float:
    """Return a lot's best price roughly, from profits at points alone."""
    low, high = float(game.price_min[lot]), float(game.price_max[lot])
    best = float(prices[lot])
    for points in (_GRID, _ZOOM, _ZOOM, _ZOOM):
        own = np.linspace(low, high, points)
        best = float(own[np.argmax(game.along(lot, prices, own))])
        step = (high - low) / (points - 1)
        low, high = max(low, best - step), min(high, best + step)
    return best


def _slope(game: LotProfits, lot: int, points: FloatArray) -> FloatArray:
    """Return the slope of a lot's profit by its price at points ``(points, lots)``, kWh; at a kink the middle."""
    _, slopes = profit_ranges(game, lot, points, points)
    middle: FloatArray = 0.5 * (slopes.low + slopes.high)
    return middle


def newton(game: LotProfits, start: FloatArray) -> FloatArray | None:
    """Let the slopes of all profits vanish, prices at an end of their range apart; None where it does not come to."""
    prices, step = start.copy(), _PROBE * np.maximum(game.price_max - game.price_min, SAME_PRICE)
    lots = game.lots
    for _ in range(12):
        points = np.concatenate([prices[None], prices + np.diag(step), prices - np.diag(step)])
        slopes = np.stack([_slope(game, lot, points) for lot in range(lots)], axis=1)
        now, by = slopes[0], ((slopes[1 : lots + 1] - slopes[lots + 1 :]) / (2.0 * step[:, None])).T
        held = ((prices <= game.price_min) & (now <= 0.0)) | ((prices >= game.price_max) & (now >= 0.0))
        free = np.flatnonzero(~held)
        move = np.zeros(lots)
        try:
            move[free] = np.linalg.solve(by[np.ix_(free, free)], -now[free])
        except np.linalg.LinAlgError:
            return None
        if not np.isfinite(move).all():
            return None
        target = np.clip(prices + move, game.price_min, game.price_max)
        moved = float(np.abs(target - prices).max())
        prices = target
        if moved <= _EXACT_STEP * max(1.0, float(np.abs(prices).max())):
            return alike(game, prices) if np.abs(prices - start).max() <= 10.0 * _ONE_REST * _scale(game) else None
    return None


def _extrapolated(game: LotProfits, start: FloatArray) -> FloatArray:
    """Follow exact best responses, all at once, extrapolated from the last few (Anderson's method).

    At a price that just fills a lot the slope has a jump, but the best response still moves smoothly with the rivals'.
    """
    prices, reach = start.copy(), 4.0 * _ONE_REST * _scale(game)
    points: list[FloatArray] = []
    images: list[FloatArray] = []
    least, late = np.inf, 0
    while late < _ROUND:
        image = np.array([_nearby(game, lot, prices, reach) for lot in range(game.lots)])
        moved = float(np.abs(image - prices).max())
        if moved <= _EXACT_STEP * max(1.0, float(np.abs(prices).max())):
            break
        least, late = (moved, 0) if moved <= 0.5 * least else (least, late + 1)
        points, images = [*points, prices][-game.lots - 2 :], [*images, image][-game.lots - 2 :]
        prices = np.clip(_anderson(points, images), game.price_min, game.price_max)
        reach = max(4.0 * moved, float(np.abs(prices - image).max()) * 4.0, _PROBE * _scale(game))
    return alike(game, prices)


def _anderson(points: list[FloatArray], images: list[FloatArray]) -> FloatArray:
    """Return the combination of images whose residuals combine to the least."""
    if len(points) == 1:
        return images[-1]
    residual = np.array(images) - np.array(points)
    weights, *_ = np.linalg.lstsq(np.diff(residual, axis=0).T, residual[-1], rcond=None)
    found: FloatArray = images[-1] - np.diff(np.array(images), axis=0).T @ weights
    return found


def _nearby(game: LotProfits, lot: int, prices: FloatArray, reach: float) -> float:
    """Return a lot's best price near its own to the last digits, where the slope of its profit turns."""
    low = max(float(game.price_min[lot]), float(prices[lot]) - reach)
    high = min(float(game.price_max[lot]), float(prices[lot]) + reach)
    for _ in range(14):
        own = np.linspace(low, high, _ZOOM)
        points = np.tile(prices, (_ZOOM, 1))
        points[:, lot] = own
        falling = _slope(game, lot, points) <= 0.0
        if not falling.any():
            return high
        turn = int(np.argmax(falling))
        if turn == 0:
            return low
        low, high = float(own[turn - 1]), float(own[turn])
        if high - low <= _EXACT_STEP * max(1.0, abs(high)):
            break
    return 0.5 * (low + high)


def alike(game: LotProfits, prices: FloatArray) -> FloatArray:
    """Return prices in which lots that are alike, and differ by rounding only, post the same."""
    prices = prices.copy()
    demand = game.demand
    for lot in range(game.lots):
        same = [
            k
            for k in range(lot, game.lots)
            if np.array_equal(demand.attraction[:, k], demand.attraction[:, lot])
            and np.array_equal(game.cost[:, k], game.cost[:, lot])
            and game.places[k] == game.places[lot]
            and abs(prices[k] - prices[lot]) <= SAME_PRICE
        ]
        prices[same] = prices[same].mean()
    return prices
