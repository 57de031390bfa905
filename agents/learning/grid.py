"""The grid of prices that a rule chooses from."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from equilibrium.arrays import FloatArray
from equilibrium.errors import InputError


def price_grid(prices: Sequence[float], source: str) -> FloatArray:
    """Return the different prices in increasing order, shape ``(prices,)``.

    Raises
    ------
    InputError
        When there are fewer than two different ones, or one is no number.
    """
    grid: FloatArray = np.unique(np.asarray(prices, dtype=np.float64))
    if grid.size < 2 or not np.all(np.isfinite(grid)):
        raise InputError(source, "prices", tuple(prices), "at least two different prices")
    return grid


def check_share(source: str, name: str, value: float) -> None:
    """Refuse what is no share in (0, 1]."""
    if not 0.0 < value <= 1.0:
        raise InputError(source, name, value, "a number in (0, 1]")
