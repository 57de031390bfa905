"""Posted prices from finite grids: every pure equilibrium by looking at all combinations, and regrets on the grid."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from equilibrium.arrays import FloatArray, IntArray
from equilibrium.certificate import EPSILON_REGRET
from equilibrium.errors import InputError
from equilibrium.markets.charging.demand import SOURCE
from equilibrium.markets.charging.lot_profits import LotProfits
from equilibrium.markets.charging.price_deviation import Deviation
from equilibrium.markets.charging.price_points import (
    NOT_PROVED,
    Completeness,
    PostedPrices,
    PriceEquilibria,
    judged,
    told,
)

PROFILES = 20_000
"""Combinations of prices up to which all are looked at as a matter of course."""

_BATCH = 4096
"""Combinations that are computed together."""

_SWEEPS = 200
"""Rounds of best responses in turn after which a start is given up."""


def check_grids(game: LotProfits, grids: Sequence[ArrayLike]) -> tuple[FloatArray, ...]:
    """Return each lot's prices in increasing order.

    Raises
    ------
    InputError
        For another number of grids, a grid without prices, a number that is none.
    """
    if len(grids) != game.lots:
        raise InputError(SOURCE, "grids", len(grids), f"{game.lots} grids, one for each lot")
    found = []
    for name, grid in zip(game.names, grids, strict=True):
        prices = np.unique(np.asarray(grid, dtype=np.float64))
        if prices.size == 0 or not np.isfinite(prices).all():
            raise InputError(SOURCE, f"grid of {name}", prices.tolist(), "a finite price or more")
        found.append(prices)
    return tuple(found)


def on_grid(game: LotProfits, grids: tuple[FloatArray, ...]) -> LotProfits:
    """Return the game whose ranges of prices are those of the grids, which bound what rounding does."""
    ends = [np.array([pick(grid) for grid in grids]) for pick in (np.min, np.max)]
    return replace(game, price_min=ends[0], price_max=ends[1])


def grid_regret(game: LotProfits, grids: tuple[FloatArray, ...], prices: FloatArray) -> PostedPrices:
    """Return what each lot could gain by another price of its grid; see :meth:`PostedPriceGame.regret_on_grid`."""
    whole = on_grid(game, grids)
    best = []
    for lot, grid in enumerate(grids):
        profit = whole.along(lot, prices, grid)
        top, rounding = int(np.argmax(profit)), float(whole.rounding[0, lot])
        earned = float(profit[top])
        best.append(Deviation(float(grid[top]), earned, earned + rounding, rounding, grid.size, finished=True))
    return judged(whole, prices, best)


def grid_equilibria(game: LotProfits, grids: tuple[FloatArray, ...], profiles: int) -> PriceEquilibria:
    """Return the pure equilibria on the grid; see :meth:`PostedPriceGame.solve_on_grid`."""
    begin = time.perf_counter()
    total = math.prod(grid.size for grid in grids)
    complete = total <= profiles
    chosen = _all_pure(game, grids) if complete else _in_turn(game, grids)
    points = [grid_regret(game, grids, prices) for prices in chosen]
    proof = Completeness(0.0, counted=True) if complete else NOT_PROVED
    return told(points, proof, looked=total if complete else 0, seconds=time.perf_counter() - begin)


def _all_pure(game: LotProfits, grids: tuple[FloatArray, ...]) -> list[FloatArray]:
    """Return the combinations at which nobody gains, and where there is none, the one at which least is gained."""
    shape = tuple(grid.size for grid in grids)
    points = np.stack([each.ravel() for each in np.meshgrid(*grids, indexing="ij")], axis=1)
    profit = np.concatenate([game.profits(points[k : k + _BATCH]) for k in range(0, len(points), _BATCH)])
    worst = np.zeros(len(points))
    for lot in range(game.lots):
        own = profit[:, lot].reshape(shape)
        gain = (own.max(axis=lot, keepdims=True) - own).ravel()
        worst = np.maximum(worst, gain / np.maximum(1.0, np.abs(profit[:, lot])))
    pure = np.flatnonzero(worst <= EPSILON_REGRET)
    return list(points[pure]) if pure.size else [points[int(np.argmin(worst))]]


def _in_turn(game: LotProfits, grids: tuple[FloatArray, ...]) -> list[FloatArray]:
    """Return where best responses in turn come to rest, from the lowest, middle and highest prices, different ones."""
    found: dict[tuple[int, ...], FloatArray] = {}
    starts = [[0] * len(grids), [grid.size // 2 for grid in grids], [grid.size - 1 for grid in grids]]
    for start in starts:
        at: IntArray = np.array(start, dtype=np.int64)
        for _, lot in itertools.product(range(_SWEEPS), range(len(grids) + 1)):
            if lot == 0:
                before = at.copy()
            if lot < len(grids):
                prices = np.array([grid[k] for grid, k in zip(grids, at, strict=True)])
                at[lot] = int(np.argmax(game.along(lot, prices, grids[lot])))
            elif (at == before).all():
                break
        found[tuple(at.tolist())] = np.array([grid[k] for grid, k in zip(grids, at, strict=True)])
    return list(found.values())
