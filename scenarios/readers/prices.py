"""Wholesale prices from CSV.

One row per period in order, with two things in the columns; other columns are ignored:

time
    ``date`` (2024-06-03) and ``hour`` (1 .. 24, the hour's number as exchanges publish it), or ``date`` and ``period``
    (1 .. 96 for quarter-hours); or ``start_local`` (2024-06-03T00:00, local time of the period's start, with or
    without UTC offset); or for one typical day without a date ``hour`` alone, or ``start`` (00:15).
price
    ``price_eur_per_mwh``, or any other three-letter currency code and ``_per_kwh``. A column of another name can be
    chosen with ``price_column`` when it ends in ``<currency>_per_mwh`` or ``<currency>_per_kwh``.

Files of exchanges, and files with columns of the user's own, are read by :mod:`scenarios.readers.exchanges`; a folder
holds files of days that follow each other.

In a time zone the days of a clock change have their 23 or 25 hours: numbers go on to 25 (100), and of local times
without an offset that stand twice the first is the earlier one. Without a zone every day has 24 hours.
"""

from __future__ import annotations

import datetime as dt
import itertools
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from equilibrium.arrays import FloatArray
from equilibrium.errors import InputError
from scenarios.draws.sarima import PriceModel
from scenarios.files import Table, shown
from scenarios.readers.exchanges import foreign_prices
from scenarios.readers.price_layout import NEVER_CHANGED, OTHER_LAYOUT, PriceWishes
from scenarios.streams import Streams
from scenarios.time_axis import DAY_H, WEEK, TimeAxis, day_axis, offset_text, offsets_at
from scenarios.units import price_fault, price_note

_UNIT = re.compile(r"(?:^|_)([a-z]{3})_per_(mwh|kwh)$")


Place = tuple[dt.date | None, int]
"""Date of a row, and the index of its period in the day."""


@dataclass(frozen=True, eq=False)
class PriceSeries:
    """Whole days of prices.

    Attributes
    ----------
    source
        Name of the file.
    currency
        Three-letter code in capitals.
    dates
        Calendar dates in order without gaps; empty for one typical day without a date.
    price
        W_t of each day, currency/kWh, each of shape ``(periods of the day,)``.
    axes
        The periods of each day.
    notes
        What a reader should know of the file, one sentence each.
    model
        Draws the prices of every day of a run, or ``None`` where they are those of the file.
    """

    source: str
    currency: str
    dates: tuple[dt.date, ...]
    price: tuple[FloatArray, ...]
    axes: tuple[TimeAxis, ...]
    notes: tuple[str, ...] = ()
    model: PriceModel | None = None

    @property
    def days(self) -> int:
        """Number of days."""
        return len(self.price)

    def starting(self, first: dt.date) -> PriceSeries:
        """Return the series from a date on; :class:`InputError` when it does not hold that date."""
        if first not in self.dates:
            held = f"{self.dates[0]} .. {self.dates[-1]}" if self.dates else "a typical day without a date"
            raise InputError(self.source, "start", str(first), f"a date of the series ({held})")
        at = self.dates.index(first)
        return replace(self, dates=self.dates[at:], price=self.price[at:], axes=self.axes[at:])

    def row(self, day: int) -> int:
        """Return the row for a day of a run; after the end, whole weeks repeat (or all days, if fewer than seven)."""
        if day < self.days:
            return day
        period = self.days - self.days % 7 if self.days >= 7 else self.days
        return day % period

    def on(self, row: int, axis: TimeAxis) -> FloatArray:
        """Return a day's prices on other periods of it, shape ``(periods,)``: coarser prices hold for their parts."""
        return axis.of_axis(self.price[row], self.axes[row])

    def of_day(self, index: int, axis: TimeAxis, streams: Streams) -> FloatArray:
        """Return the prices of a day of a run, shape ``(periods,)``: those of its row, or drawn by the model.

        Parameters
        ----------
        index
            Day of the run, 0 first.
        axis
            Its periods.
        streams
            The run's random streams; those of :meth:`scenarios.draws.sarima.PriceModel.day` are used by a model.
        """
        row = self.row(index)
        if self.model is None:
            return self.on(row, axis)
        weekday = self.dates[row].weekday() if self.dates else index % WEEK
        return axis.of_clock(self.model.day(index, weekday, streams))

    def typical(self, axis: TimeAxis) -> FloatArray:
        """Return the mean price at each time of the clock, brought to some periods, shape ``(periods,)``.

        Days with a clock change count only where there are no others.
        """
        plain = [price for price, own in zip(self.price, self.axes, strict=True) if own.unchanged]
        if plain:
            return axis.of_clock(np.mean(plain, axis=0))
        by_hour = np.array([own.to_clock(price) for price, own in zip(self.price, self.axes, strict=True)])
        known = np.isfinite(by_hour)
        mean = np.where(known, by_hour, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
        return axis.of_clock(np.where(known.any(axis=0), mean, mean.sum() / known.any(axis=0).sum()))


def read_prices(
    path: Path,
    price_column: str | None = None,
    *,
    zone: str | None = None,
    step_minutes: int = 60,
    wishes: PriceWishes | None = None,
) -> PriceSeries:
    """Read a price series; see the module's text for the format.

    Parameters
    ----------
    path
        The file, or a folder of files.
    price_column
        Name of the price column where the file has several.
    zone
        Time zone of its dates, or ``None`` for days of 24 hours.
    step_minutes
        Length of the periods that the file has a price for.
    wishes
        What a scenario says of the file, in the place of ``price_column``.

    Raises
    ------
    InputError
        A price that is not a finite number, a period that is missing, doubled or out of order, a day with more or fewer
        periods than it has, an offset that its zone does not have then, a missing day: with the file and the line.
    """
    wishes = wishes or PriceWishes(price_column)
    if not path.is_dir():
        return _read(path, wishes, _Rule(zone, step_minutes))
    found = [_read(each, wishes, _Rule(zone, step_minutes)) for each in price_files(path)]
    if not found:
        raise InputError(shown(path), "folder", "no files", "files of prices")
    return _joined(shown(path), found)


def price_files(path: Path) -> tuple[Path, ...]:
    """Return the files that prices consist of: the file itself, or those of a folder that are not hidden, in order."""
    if not path.is_dir():
        return (path,)
    return tuple(sorted(each for each in path.iterdir() if each.is_file() and not each.name.startswith(".")))


def _joined(source: str, parts: Sequence[PriceSeries]) -> PriceSeries:
    """Put the series of several files together, in order of time."""
    parts = sorted(parts, key=lambda part: part.dates[:1])
    for before, after in itertools.pairwise(parts):
        if after.currency != before.currency:
            raise InputError(after.source, "currency", after.currency, f"{before.currency}, as in {before.source}")
        if not before.dates or not after.dates or after.dates[0] - before.dates[-1] != dt.timedelta(days=1):
            follows = f"the day after {before.dates[-1]}, the last one of {before.source}" if before.dates else "dates"
            raise InputError(after.source, "first date", str(after.dates[0]) if after.dates else "none", follows)
    return PriceSeries(
        source,
        parts[0].currency,
        tuple(date for part in parts for date in part.dates),
        tuple(price for part in parts for price in part.price),
        tuple(axis for part in parts for axis in part.axes),
        (*parts[0].notes, f"prices {source}: {len(parts)} files"),
    )


def _read(path: Path, wishes: PriceWishes, rule: _Rule) -> PriceSeries:
    """Read the prices of one file."""
    foreign = foreign_prices(path, wishes, rule.zone, rule.step_minutes)
    if foreign is not None:
        table, column, currency = foreign.table, foreign.price_column, foreign.currency
        factor, time_column = (0.001 if foreign.per_mwh else 1.0), foreign.time_column
        places = _starts(table, time_column, rule)
    else:
        table = Table.read(path)
        column, currency, factor = _price_column(table, wishes.price_column)
        time_column, places = _places(table, rule)
    written = table.numbers(column)
    fault = price_fault(written, currency, per_mwh=factor != 1.0)
    if fault is not None:
        raise InputError(table.source, f"column {column}", f"prices around {np.median(np.abs(written)):g}", fault)
    price = written * factor
    _check_order(table, time_column, places, rule)
    rows: dict[dt.date | None, list[int]] = {}
    for row, (date, _) in enumerate(places):
        rows.setdefault(date, []).append(row)
    dates = sorted(date for date in rows if date is not None)
    axes = tuple(_check_day(table, time_column, places, rows[date], rule) for date in dates or (None,))
    for earlier, later in itertools.pairwise(dates):
        if later - earlier != dt.timedelta(days=1):
            where = f"line {table.lines[rows[later][0]]}, {later}"
            raise InputError(table.source, where, f"the day after {earlier}", "days without a gap")
    ends = np.cumsum([axis.size for axis in axes])[:-1]
    notes = () if foreign is None else foreign.notes
    if (high := price_note(price, currency)) is not None:
        notes = (*notes, f"prices {path.name}: {high}")
    return PriceSeries(table.source, currency, tuple(dates), tuple(np.split(price, ends)), axes, notes)


def _price_column(table: Table, wanted: str | None) -> tuple[str, str, float]:
    """Return the name of the price column, its currency and the factor to currency/kWh."""
    expected = f"one column such as price_eur_per_mwh{OTHER_LAYOUT}"
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


@dataclass(frozen=True)
class _Rule:
    """Which periods a file has: the zone of its dates and the step that is said."""

    zone: str | None
    step_minutes: int

    @property
    def hourly(self) -> bool:
        return self.step_minutes == 60

    @property
    def word(self) -> str:
        return "hour" if self.hourly else "period"

    @property
    def said(self) -> str:
        return f"a price every {self.step_minutes} minutes (prices.step_minutes)"

    def axis(self, date: dt.date | None) -> TimeAxis:
        return day_axis(date, self.zone, self.step_minutes)


def _places(table: Table, rule: _Rule) -> tuple[str, list[Place]]:
    """Return the name of the time column, and the date and period of every row."""
    if "start_local" in table.columns:
        return "start_local", _starts(table, "start_local", rule)
    if "start" in table.columns:
        return "start", [(None, _clock_period(table, row, cell, rule)) for row, cell in enumerate(table.text("start"))]
    numbered = "period" if "date" in table.columns and "period" in table.columns else "hour"
    if numbered not in table.columns or (numbered == "hour" and not rule.hourly):
        expected = (
            f"the columns date and hour, or date and period, or start_local, or hour or start alone{OTHER_LAYOUT}"
        )
        expected = expected if rule.hourly else f"the columns date and period, start_local or start: {rule.said}"
        raise InputError(table.source, "header", ",".join(table.columns), expected)
    return numbered, _numbered(table, numbered, rule)


def _numbered(table: Table, column: str, rule: _Rule) -> list[Place]:
    """Read the numbers of hours or periods, with dates where there are any."""
    numbers = table.numbers(column, minimum=1)
    dates: list[dt.date | None] = [None] * len(table)
    if "date" in table.columns:
        for row in range(len(table)):
            dates[row] = table.date(row, "date")
    for row, (date, number) in enumerate(zip(dates, numbers, strict=True)):
        size = _located(table, row, "date", rule.axis, date).size
        if number != int(number) or number > size:
            said = "" if rule.hourly else f": {rule.said}"
            raise table.error(row, column, table.columns[column][row], f"a whole number from 1 to {size}{said}")
    return [(date, int(number) - 1) for date, number in zip(dates, numbers, strict=True)]


def _located(
    table: Table, row: int, column: str, axis: Callable[[dt.date | None], TimeAxis], date: dt.date | None
) -> TimeAxis:
    """Return a day's axis; a date that its zone skips is refused with the row."""
    try:
        return axis(date)
    except InputError as error:
        if error.where != "date":
            raise
        raise table.error(row, column, table.columns[column][row], error.expected) from None


def _starts(table: Table, column: str, rule: _Rule) -> list[Place]:
    """Read local starts; one that stands twice on the clock is the first that is still to come."""
    places: list[Place] = []
    for row, cell in enumerate(table.text(column)):
        start = table.time(row, column)
        if start.tzinfo is not None and rule.zone is None:
            expected = f"the local start of {'an' if rule.hourly else 'a'} {rule.word} without a time zone"
            raise table.error(row, column, cell, f"{expected}, or time.zone in the scenario")
        local, date = start.replace(tzinfo=None), start.date()
        axis = _located(table, row, column, rule.axis, date)
        found = _periods_at(axis, (local - dt.datetime.combine(date, dt.time())).total_seconds(), start.utcoffset())
        if not found:
            raise table.error(row, column, cell, _why_no_period(local, start.utcoffset(), rule))
        before = places[-1][1] if places and places[-1][0] == date else -1
        places.append((date, next((period for period in found if period > before), found[0])))
    return places


def _periods_at(axis: TimeAxis, clock_s: float, offset: dt.timedelta | None) -> list[int]:
    """Return the periods that start at a clock time, with this UTC offset if one is given."""
    at = np.abs(3600.0 * axis.clock_h - clock_s) < 0.5
    if offset is not None:
        at &= axis.offset_s == round(offset.total_seconds())
    periods: list[int] = np.flatnonzero(at).tolist()
    return periods


def _why_no_period(local: dt.datetime, offset: dt.timedelta | None, rule: _Rule) -> str:
    """Say what was expected in the place of a start at which no period begins."""
    if rule.zone is not None:
        known = offsets_at(local, rule.zone)
        if not known:
            return f"a local time that exists: the clock of {rule.zone} skips this one"
        if offset is not None and round(offset.total_seconds()) not in known:
            return f"the offset {' or '.join(map(offset_text, known))}, which {rule.zone} has then"
    return f"the local start of {'an hour' if rule.hourly else 'a period'}: {rule.said}"


def _clock_period(table: Table, row: int, cell: str, rule: _Rule) -> int:
    """Read the start of a period of a typical day, ``00:15``."""
    try:
        clock = dt.time.fromisoformat(cell)
    except ValueError:
        expected = "a time of the clock such as 00:15, of one typical day (with dates the column is start_local)"
        raise table.error(row, "start", cell, expected + OTHER_LAYOUT) from None
    found = _periods_at(rule.axis(None), clock.hour * 3600.0 + clock.minute * 60.0 + clock.second, None)
    if not found:
        raise table.error(row, "start", cell, f"the start of {'an hour' if rule.hourly else 'a period'}: {rule.said}")
    return found[0]


def _check_order(table: Table, column: str, places: Sequence[Place], rule: _Rule) -> None:
    order = [((date or dt.date.min).toordinal(), period) for date, period in places]
    for row in range(1, len(order)):
        if order[row] == order[row - 1]:
            zone = "" if rule.zone else ", or time.zone in the scenario where the clock is put back"
            raise table.error(row, column, table.columns[column][row], f"each {rule.word} once{zone}")
        if order[row] < order[row - 1]:
            raise table.error(row, column, table.columns[column][row], f"{rule.word}s in order of time")


def _check_day(table: Table, column: str, places: Sequence[Place], rows: list[int], rule: _Rule) -> TimeAxis:
    """Return the periods of a day's rows; refuse a day that leaves some out, with the row at which the gap shows."""
    date = places[rows[0]][0]
    axis = rule.axis(date)
    held = [places[row][1] for row in rows]
    if len(held) == axis.size:
        return axis
    missing = next(period for period in range(axis.size) if period >= len(held) or held[period] != period)
    row = rows[min(missing, len(rows) - 1)]
    name = f"{rule.word} {missing + 1}" if column in {"hour", "period"} or rule.hourly else axis.labels[missing]
    said = "" if rule.hourly else f", one every {rule.step_minutes} minutes"
    zone = ""
    if rule.zone is None and len(held) * rule.step_minutes in {23 * 60, 25 * 60}:
        zone = ", or time.zone if the clock is changed on that day"
    if rule.zone is not None and axis.hours > DAY_H and len(held) * rule.step_minutes == 60 * DAY_H:
        zone = f"; the clock of {rule.zone} shows an hour twice on that day{NEVER_CHANGED}"
    raise InputError(
        table.source,
        f"line {table.lines[row]}, {date or 'typical day'}",
        f"{len(held)} prices",
        f"{axis.size} prices{said} ({name} is missing){zone}",
    )
