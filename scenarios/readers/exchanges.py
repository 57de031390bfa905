"""Price files in the layouts of exchanges and platforms, and in a layout of the user's own.

* ENTSO-E's transparency platform, day-ahead prices as CSV: ``MTU (CET/CEST)`` (or UTC) with intervals, ``Day-ahead
  Price [EUR/MWh]`` of the old platform or ``(EUR/MWh)`` with ``Area`` and ``Sequence`` of the new one.
* OMIE's ``marginalpdbc`` and the tables of its web page (:mod:`scenarios.readers.omie`).
* PJM's ``da_hrl_lmps``: ``datetime_beginning_utc``, ``datetime_beginning_ept``, ``pnode_name``, ``total_lmp_da``.
* Nord Pool's data portal: ``Delivery Start (CET)``, and ``<area> Price (EUR)``.
* Any CSV with a column of starts and a column of prices that the scenario names.

Which of the first four a file has is seen in its first line. Columns may be separated by commas, semicolons or tabs;
with the latter two a comma may be the decimal sign. Whatever the layout, :mod:`scenarios.readers.prices` checks the
periods.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from equilibrium.errors import InputError
from scenarios.files import Table, read_text, separator_of, shown
from scenarios.readers.omie import WEB_ENCODING, WEB_START, is_omie, omie_prices
from scenarios.readers.price_layout import OTHER_LAYOUT, ForeignPrices, PriceLayout, PriceWishes, localised
from scenarios.time_axis import time_zone

_ENTSOE_ZONES = {
    "CET/CEST": "Europe/Brussels",
    "UTC": "UTC",
    "EET/EEST": "Europe/Helsinki",
    "WET/WEST": "Europe/Lisbon",
}
_NORD_POOL_ZONES = {"CET": "Europe/Stockholm", **_ENTSOE_ZONES, "EET": "Europe/Helsinki", "WET": "Europe/Lisbon"}
_PJM_ZONE, _PJM_TIME = "America/New_York", "%m/%d/%Y %I:%M:%S %p"

_INTERVAL = re.compile(r"(?P<start>[^-]+?) - (?P<end>.+)")
_MOMENT = re.compile(
    r"(?P<day>\d\d)[./](?P<month>\d\d)[./](?P<year>\d{4}) (?P<clock>\d\d:\d\d(?::\d\d)?)(?: \((?P<zone>[A-Z]+)\))?"
)
_SUMMER = {"CEST": 2, "CET": 1, "EEST": 3, "EET": 2, "WEST": 1, "WET": 0, "UTC": 0}
"""UTC offset of a marked time, h."""

_UNIT = re.compile(r"(?P<money>(?<![A-Z])[A-Z]{3}|€|£)(?:\s*/\s*|_per_)(?P<energy>MWh|kWh)", re.IGNORECASE)
_CENTS = re.compile(r"(?<![a-z])(?:ct|cts|cent|cents|c|¢|p|pence|øre|öre)\s*/", re.IGNORECASE)
_MONEY = {"€": "EUR", "£": "GBP"}


def foreign_prices(path: Path, wishes: PriceWishes, zone: str | None, step_minutes: int) -> ForeignPrices | None:
    """Read a price file in another layout than ours; ``None`` where it has ours.

    Parameters
    ----------
    path
        The file.
    wishes
        What the scenario says of it.
    zone
        Time zone of the scenario.
    step_minutes
        Length of its periods, as the scenario says.

    Raises
    ------
    InputError
        With the line: a time that cannot be read or does not exist, another step, several areas of which none is
        chosen, a unit that is not known.
    """
    text = read_text(path, other={WEB_START: WEB_ENCODING})
    first = next((line for line in text.splitlines() if line.strip()), "")
    if wishes.time_column is None and is_omie(first):
        layout = omie_prices(shown(path), text, wishes, step_minutes)
    else:
        read = _reader(first, wishes)
        if read is None:
            if separator_of(text) != "," or "," not in first:
                expected = f"names of columns, separated by commas{OTHER_LAYOUT}"
                raise InputError(shown(path), "header", first.strip(), expected)
            wishes.refuse(shown(path), "area", "unit", why="a file in our layout says its unit and has no areas")
            return None
        layout = read(Table.read(path, separator=separator_of(text)), wishes, step_minutes)
    return localised(layout, zone)


def _reader(first: str, wishes: PriceWishes) -> Callable[[Table, PriceWishes, int], PriceLayout] | None:
    """Return the reader for a file whose first line this is."""
    if wishes.time_column is not None:
        return _own
    if "MTU (" in first:
        return _entsoe
    if "datetime_beginning_ept" in first:
        return _pjm
    return _nord_pool if "Delivery Start (" in first else None


def _chosen(table: Table, areas: Sequence[str], wishes: PriceWishes) -> Table:
    """Return the rows of the area that is asked for, or of the only one."""
    known = list(dict.fromkeys(areas))
    wanted = wishes.area
    if wanted is None and len(known) == 1:
        return table
    if wanted not in known:
        apart = "; " if any("," in area for area in known) else ", "
        raise InputError(table.source, "area", wanted, f"one of the areas of the file: {apart.join(known)}")
    rows = [row for row, area in enumerate(areas) if area == wanted]
    columns = {name: [cells[row] for row in rows] for name, cells in table.columns.items()}
    return replace(table, columns=columns, lines=[table.lines[row] for row in rows])


def _entsoe(table: Table, wishes: PriceWishes, step_minutes: int) -> PriceLayout:
    """Read ENTSO-E's day-ahead prices, of the old platform or the new one."""
    time_column = next(name for name in table.columns if name.startswith("MTU ("))
    prices = [name for name in table.columns if name.lower().startswith("day-ahead price") and _UNIT.search(name)]
    column = wishes.price_column or (prices[0] if len(prices) == 1 else None)
    if column not in table.columns:
        raise InputError(table.source, "price_column", column, "one column such as Day-ahead Price (EUR/MWh)")
    zone = time_column[5:].rstrip(")")
    if zone not in _ENTSOE_ZONES:
        raise InputError(table.source, "header", time_column, f"MTU in one of {', '.join(_ENTSOE_ZONES)}")
    zones = [name for name in table.columns if "|" in name]  # of the old platform, where the header names the zone
    areas = table.columns.get("Area", [zones[0] if zones else "of one zone"] * len(table))
    sequences = table.columns.get("Sequence", [""] * len(table))
    if len(set(sequences)) > 1:
        areas = [f"{area}, {sequence}" for area, sequence in zip(areas, sequences, strict=True)]
    table = _chosen(table, areas, wishes)
    starts = [_interval(table, row, time_column, step_minutes) for row in range(len(table))]
    currency, per_mwh = _unit(table, column, wishes)
    return PriceLayout("ENTSO-E", table, time_column, column, currency, per_mwh, starts, _ENTSOE_ZONES[zone])


def _interval(table: Table, row: int, column: str, step_minutes: int) -> dt.datetime:
    """Return the start of an interval of the market time unit, and check its length."""
    cell = table.columns[column][row]
    found = _INTERVAL.fullmatch(cell)
    if found is None:
        raise table.error(row, column, cell, "an interval such as 01/06/2024 00:00:00 - 01/06/2024 01:00:00")
    start, end = (_moment(table, row, column, found[key]) for key in ("start", "end"))
    if (start.tzinfo is None) == (end.tzinfo is None):
        minutes = (end - start).total_seconds() / 60.0
        if minutes in {15.0, 30.0, 60.0} and minutes != step_minutes:
            raise table.error(row, column, cell, f"{step_minutes} minutes (prices.step_minutes), not {minutes:g}")
    return start


def _moment(table: Table, row: int, column: str, text: str) -> dt.datetime:
    """Read ``01/06/2024 00:00:00`` or ``01.06.2024 00:00``, with ``(CEST)`` behind it where the clock is changed."""
    found = _MOMENT.fullmatch(text.strip())
    fault = table.error(row, column, text, "a time such as 01/06/2024 00:00:00, day first")
    if found is None or found["zone"] not in {None, *_SUMMER}:
        raise fault
    try:
        moment = dt.datetime.fromisoformat(f"{found['year']}-{found['month']}-{found['day']}T{found['clock']}")
    except ValueError:
        raise fault from None
    if found["zone"] is None:
        return moment
    return moment.replace(tzinfo=dt.timezone(dt.timedelta(hours=_SUMMER[found["zone"]])))


def _pjm(table: Table, wishes: PriceWishes, step_minutes: int) -> PriceLayout:
    """Read PJM's hourly prices; the times in UTC decide where the clock is changed."""
    wishes.refuse(table.source, "unit", why="PJM's prices are in USD/MWh")
    column = wishes.price_column or "total_lmp_da"
    for name in ("datetime_beginning_utc", "pnode_name", column):
        if name not in table.columns:
            raise InputError(table.source, "header", ",".join(table.columns), f"a column {name}")
    if step_minutes != 60:
        raise InputError(table.source, "step_minutes", step_minutes, "60: the file has a price every hour")
    table = _chosen(table, table.columns["pnode_name"], wishes)
    if "FALSE" in map(str.upper, table.columns.get("row_is_current", [])):
        row = list(map(str.upper, table.columns["row_is_current"])).index("FALSE")
        raise table.error(row, "row_is_current", "FALSE", "rows that are current, as Data Miner gives them")
    starts = []
    for row, cell in enumerate(table.columns["datetime_beginning_utc"]):
        form = None if "T" in cell else _PJM_TIME  # Data Miner's interface and its pages
        moment = _written(table, row, "datetime_beginning_utc", cell, form, "a time such as 6/3/2024 4:00:00 AM")
        starts.append(moment.replace(tzinfo=dt.UTC).astimezone(time_zone(_PJM_ZONE)))
    return PriceLayout("PJM", table, "datetime_beginning_utc", column, "USD", True, starts, _PJM_ZONE)


def _nord_pool(table: Table, wishes: PriceWishes, _step_minutes: int) -> PriceLayout:
    """Read Nord Pool's prices: a column for each area."""
    wishes.refuse(table.source, "price_column", "unit", why="area names the column, and its header has the currency")
    time_column = next(name for name in table.columns if name.startswith("Delivery Start ("))
    zone = time_column.removeprefix("Delivery Start (").rstrip(")")
    if zone not in _NORD_POOL_ZONES:
        raise InputError(table.source, "header", time_column, f"a start in one of {', '.join(_NORD_POOL_ZONES)}")
    pattern = re.compile(r"(?P<area>\S+) Price \((?P<money>[A-Z]{3})(?:/MWh)?\)")
    areas = {found["area"]: (name, found["money"]) for name in table.columns if (found := pattern.fullmatch(name))}
    wanted = wishes.area if wishes.area is not None or len(areas) != 1 else next(iter(areas))
    if wanted not in areas:
        expected = f"one of the areas of the file: {', '.join(areas)}" if areas else "a column such as SE3 Price (EUR)"
        raise InputError(table.source, "area", wanted, expected)
    column, currency = areas[wanted]
    starts = [_moment(table, row, time_column, cell) for row, cell in enumerate(table.columns[time_column])]
    return PriceLayout("Nord Pool", table, time_column, column, currency, True, starts, _NORD_POOL_ZONES[zone])


def _own(table: Table, wishes: PriceWishes, _step_minutes: int) -> PriceLayout:
    """Read a file whose columns the scenario names."""
    wishes.refuse(table.source, "area", why="price_column names the column of one area")
    for key, name in (("time_column", wishes.time_column), ("price_column", wishes.price_column)):
        if name not in table.columns:
            raise InputError(table.source, key, name, f"one of the columns {', '.join(table.columns)}")
    assert wishes.time_column is not None
    assert wishes.price_column is not None
    currency, per_mwh = _unit(table, wishes.price_column, wishes)
    starts = [
        _written(table, row, wishes.time_column, cell, wishes.time_format)
        for row, cell in enumerate(table.text(wishes.time_column))
    ]
    return PriceLayout(
        "a layout of its own", table, wishes.time_column, wishes.price_column, currency, per_mwh, starts,
        wishes.time_zone,
    )  # fmt: skip


def _written(
    table: Table, row: int, column: str, cell: str, form: str | None, example: str | None = None
) -> dt.datetime:
    """Read a time in a form of :func:`datetime.datetime.strptime`, or in ISO 8601."""
    try:
        return dt.datetime.fromisoformat(cell) if form is None else dt.datetime.strptime(cell, form)
    except ValueError:
        expected = f"a time written as {form}" if form else "a time in ISO 8601, or prices.time_format"
        raise table.error(row, column, cell, example or expected) from None


def _unit(table: Table, column: str, wishes: PriceWishes) -> tuple[str, bool]:
    """Return currency and whether prices are per MWh, from the key ``unit`` or the column's name."""
    text = wishes.unit if wishes.unit is not None else column
    found = _UNIT.search(text)
    if found is None:
        where = "unit" if wishes.unit is not None else f"column {column}"
        expected = "a unit such as EUR/MWh or EUR/kWh, in the column's name or in prices.unit"
        if _CENTS.search(text):
            expected += "; cents are not read: 1 ct/kWh is 10 EUR/MWh or 0.01 EUR/kWh"
        raise InputError(table.source, where, text, expected)
    return _MONEY.get(found["money"], found["money"].upper()), found["energy"].lower() == "mwh"
