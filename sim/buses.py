"""Buses as people name them: the rows of one, and the labels that are near one that is not there."""

from __future__ import annotations

import difflib

import pandas as pd

from equilibrium.errors import InputError

_CLOSE = 3
"""Labels that are offered in the place of one that is not there."""


def rows_at_bus(source: str, frame: pd.DataFrame, bus: str) -> pd.DataFrame:
    """Return the rows of a table about one bus.

    Parameters
    ----------
    source
        Where the table comes from, for the complaint.
    frame
        The table.
    bus
        Label of the bus.

    Raises
    ------
    InputError
        When the table has no column of buses, or none of that label; the nearest labels are named.
    """
    if "bus" not in frame:
        raise InputError(source, "bus", bus, f"nothing: its columns are {', '.join(map(str, frame.columns))}")
    labels = frame["bus"].drop_duplicates().tolist()
    if not labels:
        raise InputError(source, "bus", bus, "nothing: the table has no rows")
    if bus not in labels:
        near = difflib.get_close_matches(bus, labels, n=_CLOSE)
        meant = f"; did you mean {', '.join(near)}?" if near else ""
        raise InputError(source, "bus", bus, f"a bus, {labels[0]} to {labels[-1]}{meant}")
    return frame[frame["bus"] == bus]
