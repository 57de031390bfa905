"""Rows of a price file in any layout, and how their times and numbers become ours."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from pathlib import Path

from equilibrium.errors import InputError
from scenarios.files import Table
from scenarios.time_axis import day_axis, offsets_at, time_zone

OTHER_LAYOUT = ", or prices.time_column and prices.price_column for a file of another layout"
NEVER_CHANGED = (
    " (of a clock that is never changed say so, for one hour before UTC time_column and time_zone: Etc/GMT-1)"
)
"""What a complaint about a table adds."""


@dataclass(frozen=True)
class PriceWishes:
    """What a scenario says of its price file beside the name.

    Attributes
    ----------
    price_column, unit
        Column of the prices, and their unit where its name has none (``EUR/MWh``).
    time_column, time_format, time_zone
        Column of the starts in a layout of one's own, how it is written (``%d.%m.%Y %H:%M``; ISO 8601 without), and
        the zone of its clock (that of the scenario without).
    area
        Bidding zone or node where a file has several.
    """

    price_column: str | None = None
    unit: str | None = None
    time_column: str | None = None
    time_format: str | None = None
    time_zone: str | None = None
    area: str | None = None

    def refuse(self, source: str, *keys: str, why: str) -> None:
        """Refuse keys that are stated and decide nothing, as the file says itself what they say.

        Parameters
        ----------
        source
            Name of the file in messages.
        keys
            Names of the keys.
        why
            What the file is like.
        """
        for key in keys:
            if getattr(self, key) is not None:
                raise InputError(source, key, getattr(self, key), f"no {key}: {why}")


@dataclass(frozen=True)
class ForeignPrices:
    """Prices in another layout as a table of local starts (ISO 8601) and numbers in plain decimals.

    Attributes
    ----------
    table
        The rows of one area.
    time_column, price_column
        Names of its columns, as in the file.
    currency, per_mwh
        Three-letter code, and whether prices are per MWh or per kWh.
    notes
        What was read, one sentence each.
    """

    table: Table
    time_column: str
    price_column: str
    currency: str
    per_mwh: bool
    notes: tuple[str, ...]


@dataclass(frozen=True)
class PriceLayout:
    """A file's rows before their times are brought to the scenario's zone.

    Attributes
    ----------
    name
        Of the layout, for notes.
    table, time_column, price_column, currency, per_mwh
        As in :class:`ForeignPrices`, with cells as they are written.
    starts
        Start of each row, with offset where the file says it.
    zone
        Of the clock of the others; ``None`` is that of the scenario.
    """

    name: str
    table: Table
    time_column: str
    price_column: str
    currency: str
    per_mwh: bool
    starts: list[dt.datetime]
    zone: str | None


def _plain_numbers(layout: PriceLayout) -> PriceLayout:
    """Write the prices with a decimal point; a file with commas has no point in its prices."""
    cells = layout.table.columns[layout.price_column]
    if not any("," in cell for cell in cells):
        return layout
    points = [row for row, cell in enumerate(cells) if "." in cell]
    both = [row for row, cell in enumerate(cells) if ("." in cell and "," in cell) or cell.count(",") > 1]
    for row in both or points:
        expected = "a number with one decimal comma and no points, or with a point and no commas"
        raise layout.table.error(row, layout.price_column, cells[row], expected)
    plain = {**layout.table.columns, layout.price_column: [cell.replace(",", ".") for cell in cells]}
    return replace(layout, table=replace(layout.table, columns=plain))


def localised(layout: PriceLayout, zone: str | None) -> ForeignPrices:
    """Bring the starts to the scenario's zone; where they move, parts of days at the ends are left out and noted.

    Parameters
    ----------
    layout
        The rows as the file has them.
    zone
        Time zone of the scenario.

    Raises
    ------
    InputError
        With the line: a local time that its zone skips, two decimal signs, or times in UTC without a zone to turn to.
    """
    layout = _plain_numbers(layout)
    table, clock_zone = layout.table, layout.zone or zone
    name = Path(table.source).name
    notes = [f"prices {name}: read as {layout.name}, {layout.price_column}"]
    moments = layout.starts if clock_zone is None else _moments(layout, clock_zone)
    if zone is None:
        if clock_zone == "UTC":
            first = table.columns[layout.time_column][0]
            expected = "times on a local clock, or time.zone in the scenario: those of the file are in UTC"
            raise table.error(0, layout.time_column, first, expected)
        local = [moment.replace(tzinfo=None) if layout.zone else moment for moment in moments]
    else:
        local = [moment.astimezone(time_zone(zone)) for moment in moments]
        if any(one.utcoffset() != other.utcoffset() for one, other in zip(moments, local, strict=True)):
            local, table, left = _whole_days(local, table, zone)
            apart = layout.zone is not None and all(start.tzinfo is None for start in layout.starts)
            notes.append(
                f"prices {name}: times {f'of {layout.zone}' if apart else 'with other offsets'} are turned to "
                f"{zone}; {left} prices of parts of days at the ends are left out"
            )
    columns = {**table.columns, layout.time_column: [each.isoformat() for each in local]}
    return ForeignPrices(
        replace(table, columns=columns),
        layout.time_column,
        layout.price_column,
        layout.currency,
        layout.per_mwh,
        tuple(notes),
    )


def _moments(layout: PriceLayout, zone: str) -> list[dt.datetime]:
    """Return the starts with their offsets: of a local time that stands twice, the first is the earlier one."""
    seen: set[dt.datetime] = set()
    moments = []
    for row, start in enumerate(layout.starts):
        if start.tzinfo is None:
            known = offsets_at(start, zone)
            if not known:
                cell = layout.table.columns[layout.time_column][row]
                expected = f"a local time that exists: the clock of {zone} skips this one{NEVER_CHANGED}"
                raise layout.table.error(row, layout.time_column, cell, expected)
            again = start in seen
            seen.add(start)
            offset = known[-1] if again else known[0]
            moments.append(start.replace(tzinfo=dt.timezone(dt.timedelta(seconds=offset))))
        else:
            moments.append(start)
    return moments


def _whole_days(local: list[dt.datetime], table: Table, zone: str) -> tuple[list[dt.datetime], Table, int]:
    """Leave out the first and the last day where they are not whole; return what is kept and how many rows are not."""
    dates = [each.date() for each in local]
    step = (local[1] - local[0]) if len(local) > 1 else dt.timedelta(hours=1)
    ends = set()
    for date in {dates[0], dates[-1]}:
        length = dt.timedelta(hours=day_axis(date, zone).hours)
        if dates.count(date) * step < length:
            ends.add(date)
    kept = [row for row, date in enumerate(dates) if date not in ends]
    if not kept:
        raise InputError(table.source, "file", f"{len(local)} prices", f"at least one whole day in {zone}")
    columns = {name: [cells[row] for row in kept] for name, cells in table.columns.items()}
    rows = replace(table, columns=columns, lines=[table.lines[row] for row in kept])
    return [local[row] for row in kept], rows, len(local) - len(kept)
