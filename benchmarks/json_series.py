"""Series in JSON files: one number, a list, or a mapping with values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from equilibrium.arrays import FloatArray

Json = Mapping[str, Any]


def series(value: Any, periods: int) -> FloatArray:
    """Return one number for each period, shape ``(periods,)``."""
    if isinstance(value, Mapping):
        value = value["values"]
    return np.broadcast_to(np.asarray(value, dtype=np.float64), (periods,))
