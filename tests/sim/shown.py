"""What a figure should show, from the rows of a table: bars, steps and words by the keys of drawn.py."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from tests.sim.drawn import Key

Shown = dict[Key, Any]


def edges(rows: pd.DataFrame) -> np.ndarray:
    """Where the periods begin and the last one ends: hours since midnight; a plain day's hours around their numbers."""
    lengths = rows.drop_duplicates("period")["hours"].tolist()
    begin = [-0.5 if lengths == [1.0] * 24 else 0.0]
    for hours in lengths:
        begin.append(begin[-1] + hours)
    return np.array(begin)


def time_word(rows: pd.DataFrame) -> str:
    return "Hour" if edges(rows)[0] < 0.0 else "Time of day"


def boxes(rows: pd.DataFrame, height: Any, *, share: float, shift: float = 0.0, base: Any = 0.0) -> np.ndarray:
    edge = edges(rows)
    length = edge[1:] - edge[:-1]
    base = np.broadcast_to(base, length.shape)
    return np.column_stack([edge[:-1] + (0.5 + shift) * length, share * length, base, height])


def level(rows: pd.DataFrame, values: Any) -> np.ndarray:
    edge = edges(rows)
    return np.array(
        [point for k, v in enumerate(np.asarray(values, float)) for point in ((edge[k], v), (edge[k + 1], v))]
    )


def middle(rows: pd.DataFrame) -> np.ndarray:
    edge = edges(rows)
    return 0.5 * (edge[1:] + edge[:-1])


def words(axis: int, **given: str) -> Shown:
    return {(axis, "words", name): word for name, word in given.items()}


def power_of(dispatch: pd.DataFrame, kind: str, *, giving: bool | None = None) -> np.ndarray:
    """MW of one kind in each period, added one by one."""
    total = np.zeros(dispatch["period"].max() + 1)
    for row in dispatch.itertuples():
        if row.kind == kind and (giving is None or (row.p_kw >= 0) == giving):
            total[row.period] += abs(row.p_kw) / 1000.0
    return total
