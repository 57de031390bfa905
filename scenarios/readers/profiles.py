"""Daily profiles of loads, sun and wind from CSV."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np

from equilibrium.arrays import FloatArray
from equilibrium.errors import InputError
from scenarios.files import Table
from scenarios.time_axis import DAY_H
from scenarios.units import PROFILE_PU


def read_profiles(path: Path) -> dict[str, FloatArray]:
    """Read daily profiles: columns ``hour`` (1 .. 24) or ``start`` (00:00, 00:15, ..), and ``<name>_pu``.

    Returns
    -------
    dict[str, FloatArray]
        Values >= 0 by name (without ``_pu``), one for each of equally long steps of the day, shape ``(steps,)``.
    """
    table = Table.read(path)
    if "start" in table.columns:
        _check_clock(table)
    elif "hour" not in table.columns:
        raise InputError(table.source, "header", ",".join(table.columns), "a column 'hour' or 'start'")
    elif not np.array_equal(table.numbers("hour"), np.arange(1, DAY_H + 1)):
        raise InputError(table.source, "column hour", f"{len(table)} rows", "the hours 1, 2, .. 24 in order")
    if len(table.columns) < 2:
        raise InputError(table.source, "header", ",".join(table.columns), "a profile column named <name>_pu")
    profiles = {}
    for name in table.columns:
        if name not in {"hour", "start"}:
            if not name.endswith("_pu"):
                raise InputError(table.source, "header", name, "profile columns named <name>_pu")
            values = profiles[name.removesuffix("_pu")] = table.numbers(name, minimum=0.0)
            for row in np.flatnonzero(values > PROFILE_PU.highest).tolist():
                raise table.error(row, name, table.columns[name][row], PROFILE_PU.fault(float(values[row])) or "")
    return profiles


def _check_clock(table: Table) -> None:
    """The column ``start`` goes through the day in equal steps."""
    step = 86_400.0 / len(table)
    for row, cell in enumerate(table.text("start")):
        second = round(row * step)
        expected = f"{second // 3600:02d}:{second // 60 % 60:02d}: {len(table)} rows are steps of {step / 60:g} minutes"
        try:
            clock = dt.time.fromisoformat(cell)
        except ValueError:
            raise table.error(row, "start", cell, expected) from None
        if clock.hour * 3600 + clock.minute * 60 + clock.second != second:
            raise table.error(row, "start", cell, expected)
