"""Series in JSON files: one number, a list, or a mapping with values; and what a reader does not know."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from equilibrium.arrays import FloatArray
from equilibrium.errors import InputError

Json = Mapping[str, Any]


def series(value: Any, periods: int) -> FloatArray:
    """Return one number for each period, shape ``(periods,)``; ``null`` is not a number."""
    if isinstance(value, Mapping):
        value = value["values"]
    return np.broadcast_to(np.asarray(value, dtype=np.float64), (periods,))


def refuse_unknown(where: str, given: Collection[str], known: Collection[str]) -> None:
    """Refuse the first key that a reader does not know."""
    for key in given:
        if key not in known:
            raise InputError(where, "key", key, f"one of {', '.join(sorted(known))}")
