"""One way to refuse an array of another shape, or with numbers that are not finite."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from equilibrium.errors import InputError


def check_shape(source: str, where: str, value: ArrayLike, shape: tuple[int, ...]) -> None:
    """Refuse what has not this shape, or a number that is not finite.

    Raises
    ------
    InputError
        With the shape or the first such number.
    """
    if np.shape(value) != shape:
        raise InputError(source, where, np.shape(value), f"an array of shape {shape}")
    array = np.asarray(value, dtype=np.float64)
    if not np.isfinite(array).all():
        raise InputError(source, where, float(array[~np.isfinite(array)][0]), "finite numbers")
