"""Hourly wholesale prices from CSV.

One row per hour in order, with two things in the columns; other columns are ignored:

time
    ``date`` (2024-06-03) and ``hour`` (1 .. 24, the hour's number as exchanges publish it); or ``start_local``
    (2024-06-03T00:00, local time of the hour's start); or ``hour`` alone for one typical day without a date.
price
    ``price_eur_per_mwh``, or any other three-letter currency code and ``_per_kwh``. A column of another name can be
    chosen with ``price_column`` when it ends in ``<currency>_per_mwh`` or ``<currency>_per_kwh``.

Every day has 24 hours. Cut the days of a clock change out, or fill them, before use: which of the two is right is a
question of your study.
"""

from __future__ import annotations

import datetime as dt
import itertools
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from equilibrium.arrays import FloatArray
from equilibrium.errors import InputError
from scenarios.files import Table

HOURS = 24
_UNIT = re.compile(r"(?:^|_)([a-z]{3})_per_(mwh|kwh)$")


@dataclass(frozen=True, eq=False)
class PriceSeries:
    """Whole days of hourly prices.

    Attributes
    ----------
    source
        Name of the file.
    currency
        Three-letter code in capitals.
    dates
        Calendar dates in order without gaps; empty for one typical day without a date.
    price
        W_t, currency/kWh, shape ``(days, hours)``.
    """

    source: str
    currency: str
    dates: tuple[dt.date, ...]
    price: FloatArray

    @property
    def days(self) -> int:
        """Number of days."""
        return int(self.price.shape[0])

    def starting(self, first: dt.date) -> PriceSeries:
        """Return the series from a date on; :class:`InputError` when it does not hold that date."""
        if first not in self.dates:
            held = f"{self.dates[0]} .. {self.dates[-1]}" if self.dates else "a typical day without a date"
            raise InputError(self.source, "start", str(first), f"a date of the series ({held})")
        at = self.dates.index(first)
        return PriceSeries(self.source, self.currency, self.dates[at:], self.price[at:])

    def row(self, day: int) -> int:
        """Return the row for a day of a run; after the end, whole weeks repeat (or all days, if fewer than seven)."""
        if day < self.days:
            return day
        period = self.days - self.days % 7 if self.days >= 7 else self.days
        return day % period


def read_prices(path: Path, price_column: str | None = None) -> PriceSeries:
    """Read a price series; see the module's text for the format.

    Parameters
    ----------
    path
        The CSV file.
    price_column
        Name of the price column where the file has several.

    Raises
    ------
    InputError
        A price that is not a finite number, an hour that is missing, doubled or out of order, a day without 24 hours,
        a missing day: with the file and the line or date.
    """
    table = Table.read(path)
    column, currency, factor = _price_column(table, price_column)
    price = table.numbers(column) * factor
    keys = _hours(table)
    _check_order(table, keys)
    dates = sorted({date for date, _ in keys if date is not None})
    for date in dates or (None,):
        held = [hour for other, hour in keys if other == date]
        if len(held) != HOURS:
            missing = sorted(set(range(HOURS)) - set(held))
            raise InputError(
                table.source,
                f"{date or 'typical day'}",
                f"{len(held)} prices",
                f"{HOURS} prices (hour {missing[0] + 1} is missing)",
            )
    for earlier, later in itertools.pairwise(dates):
        if later - earlier != dt.timedelta(days=1):
            raise InputError(table.source, str(later), f"the day after {earlier}", "days without a gap")
    return PriceSeries(table.source, currency, tuple(dates), price.reshape(-1, HOURS))


def _price_column(table: Table, wanted: str | None) -> tuple[str, str, float]:
    """Return the name of the price column, its currency and the factor to currency/kWh."""
    expected = "one column such as price_eur_per_mwh"
    if wanted is None:
        found = [name for name in table.columns if name.startswith("price_") and _UNIT.search(name)]
        if len(found) != 1:
            raise InputError(table.source, "header", ",".join(table.columns), expected)
        wanted = found[0]
    elif wanted not in table.columns:
        raise InputError(table.source, "price_column", wanted, f"one of the columns {', '.join(table.columns)}")
    unit = _UNIT.search(wanted)
    if unit is None:
        raise InputError(table.source, "price_column", wanted, "a name that ends in <currency>_per_mwh or _per_kwh")
    return wanted, unit[1].upper(), 0.001 if unit[2] == "mwh" else 1.0


def _hours(table: Table) -> list[tuple[dt.date | None, int]]:
    """Return date and hour (0 .. 23) of every row."""
    if "start_local" in table.columns:
        return [_start(table, row, cell) for row, cell in enumerate(table.text("start_local"))]
    if "hour" not in table.columns:
        expected = "the columns date and hour, or start_local, or hour alone"
        raise InputError(table.source, "header", ",".join(table.columns), expected)
    hours = table.numbers("hour", minimum=1, maximum=HOURS)
    dates: list[dt.date | None] = [None] * len(table)
    if "date" in table.columns:
        for row, cell in enumerate(table.text("date")):
            try:
                dates[row] = dt.date.fromisoformat(cell)
            except ValueError:
                raise table.error(row, "date", cell, "a date such as 2024-06-03") from None
    for row, hour in enumerate(hours):
        if hour != int(hour):
            raise table.error(row, "hour", table.columns["hour"][row], "a whole number from 1 to 24")
    return [(date, int(hour) - 1) for date, hour in zip(dates, hours, strict=True)]


def _start(table: Table, row: int, cell: str) -> tuple[dt.date, int]:
    try:
        start = dt.datetime.fromisoformat(cell)
    except ValueError:
        raise table.error(row, "start_local", cell, "a local time such as 2024-06-03T00:00") from None
    if start.tzinfo is not None or start != start.replace(minute=0, second=0, microsecond=0):
        raise table.error(row, "start_local", cell, "the local start of an hour without a time zone")
    return start.date(), start.hour


def _check_order(table: Table, keys: list[tuple[dt.date | None, int]]) -> None:
    order = [((date or dt.date.min).toordinal(), hour) for date, hour in keys]
    column = "start_local" if "start_local" in table.columns else "hour"
    for row in range(1, len(order)):
        if order[row] == order[row - 1]:
            raise table.error(row, column, table.columns[column][row], "each hour once")
        if order[row] < order[row - 1]:
            raise table.error(row, column, table.columns[column][row], "hours in order of time")


def read_profiles(path: Path) -> dict[str, FloatArray]:
    """Read daily profiles: columns ``hour`` (1 .. 24) and ``<name>_pu``, 24 rows.

    Returns
    -------
    dict[str, FloatArray]
        Values >= 0 by name (without ``_pu``), each of shape ``(hours,)``.
    """
    table = Table.read(path, ("hour",))
    hours = table.numbers("hour")
    if not np.array_equal(hours, np.arange(1, HOURS + 1)):
        raise InputError(table.source, "column hour", f"{len(table)} rows", "the hours 1, 2, .. 24 in order")
    profiles = {}
    for name in table.columns:
        if name != "hour":
            if not name.endswith("_pu"):
                raise InputError(table.source, "header", name, "profile columns named <name>_pu")
            profiles[name.removesuffix("_pu")] = table.numbers(name, minimum=0.0)
    return profiles
