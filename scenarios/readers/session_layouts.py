"""Charging sessions in the layouts of other programs, brought to the table of :mod:`scenarios.readers.sessions`.

* ACN-Data (JSON): ``_items``, or a list, with ``connectionTime``, ``disconnectTime`` (RFC 1123, GMT),
  ``kWhDelivered``, ``timezone``, ``sessionID``, ``siteID``, ``stationID`` and ``userInputs``, the last of which counts.
* OCPI charge detail records (JSON), versions 2.1.1 and 2.2.1: a list, or ``data`` with a list.
* Any CSV whose columns the scenario names; separated by commas, semicolons or tabs, with a decimal comma in the latter
  two.

Moments become times on the clock of the scenario's zone. Sessions of ACN-Data keep the clock of the zone that they were
recorded in: what they show is at which hour of the day people come.
"""

from __future__ import annotations

import datetime as dt
import email.utils
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from equilibrium.errors import InputError
from equilibrium.plain import is_name
from scenarios.files import Table, read_text, separator_of, shown
from scenarios.time_axis import offsets_at, time_zone

TIMES = ("arrival_local", "departure_local", "departure_estimated_local")
"""Columns of times in our own layout."""

ENERGIES = ("energy_kwh", "energy_requested_kwh", "battery_kwh")
"""Columns of energies in our own layout."""


@dataclass(frozen=True)
class SessionWishes:
    """What a scenario says of its session files.

    Attributes
    ----------
    columns
        Names in the file of our columns; empty for our own layout.
    time_format, time_zone
        How times are written (``%d.%m.%Y %H:%M``; ISO 8601 without), and the zone of the file's clock (that of the
        scenario without).
    energy_unit
        ``"kWh"`` or ``"Wh"``.
    """

    columns: Mapping[str, str]
    time_format: str | None = None
    time_zone: str | None = None
    energy_unit: str = "kWh"


@dataclass(frozen=True)
class _Clock:
    """How the moments of a file become local times: the scenario's zone, and the one of the files if it is stated."""

    zone: str | None
    home: str | None

    def pair(self, arrival: dt.datetime, leaving: dt.datetime | None, recorded: str | None) -> tuple[str, str, bool]:
        """Return two local times, and whether the clock that recorded them is kept.

        Where it is not that of the scenario, the stay has the length that has passed.
        """
        clock = recorded if recorded is not None else self.zone
        assert clock is not None
        kept = clock != self.zone
        there = arrival.astimezone(time_zone(clock))
        if not kept:
            away = "" if leaving is None else leaving.astimezone(time_zone(clock)).isoformat(timespec="seconds")
            return there.isoformat(timespec="seconds"), away, False
        start = there.replace(tzinfo=None)
        away = "" if leaving is None else (start + (leaving - arrival)).isoformat(timespec="seconds")
        return start.isoformat(timespec="seconds"), away, True


def foreign_sessions(path: Path, wishes: SessionWishes, zone: str | None) -> tuple[Table, tuple[str, ...]] | None:
    """Read a session file in another layout than ours as a table in ours; ``None`` where it has ours.

    Parameters
    ----------
    path
        The file.
    wishes
        What the scenario says of it.
    zone
        Time zone of the scenario.

    Returns
    -------
    Table
        With the columns of :mod:`scenarios.readers.sessions`.
    tuple[str, ...]
        What was read, one sentence each.

    Raises
    ------
    InputError
        With line or item: what is missing, or no time or number.
    """
    if path.suffix.lower() == ".json":
        return _json(path, wishes, zone)
    if wishes.columns:
        return _own(path, wishes, zone)
    return None


def _json(path: Path, wishes: SessionWishes, zone: str | None) -> tuple[Table, tuple[str, ...]]:
    """Read ACN-Data or OCPI records."""
    source = shown(path)
    try:
        content = json.loads(read_text(path))
    except (ValueError, RecursionError) as error:
        found = f"line {error.lineno}: {error.msg}" if isinstance(error, json.JSONDecodeError) else str(error)
        raise InputError(source, "file", found, "valid JSON") from None
    clock = _Clock(zone, wishes.time_zone)
    records = content.get("_items", content.get("data")) if isinstance(content, dict) else content
    if isinstance(records, dict):
        records = [records]
    if not isinstance(records, list):
        raise InputError(source, "file", "neither", "ACN-Data (_items) or a list of OCPI charge detail records")
    of_acn = any(isinstance(record, dict) and "connectionTime" in record for record in records)
    if of_acn or (isinstance(content, dict) and "_items" in content):
        return _table(source, records, _acn, clock, "ACN-Data", _ACN_KEYS)
    return _table(source, records, _ocpi, clock, "OCPI charge detail records", _OCPI_KEYS)


_ACN_KEYS = {
    "arrival_local": "connectionTime", "departure_local": "disconnectTime", "energy_kwh": "kWhDelivered",
    "session_id": "sessionID", "site": "siteID", "connector": "stationID", "energy_requested_kwh": "kWhRequested",
    "departure_estimated_local": "requestedDeparture",
}  # fmt: skip
_OCPI_KEYS = {
    "arrival_local": "start_date_time", "departure_local": "end_date_time", "energy_kwh": "total_energy",
    "session_id": "id", "site": "location id", "connector": "EVSE and connector",
}  # fmt: skip


class _Item:
    """One record of a file, with its place in words."""

    def __init__(self, source: str, number: int, cells: object, key: str) -> None:
        self.source, self.where = source, f"item {number}"
        if not isinstance(cells, dict):
            raise InputError(source, self.where, cells, "an object with the keys of a session")
        self.cells: dict[str, Any] = cells
        if isinstance(cells.get(key), str):
            self.where += f" ({cells[key]})"

    def error(self, key: str, value: object, expected: str) -> InputError:
        return InputError(self.source, f"{self.where}, {key}", value, expected)

    def text(self, *keys: str) -> str:
        """Return a name under some keys, empty where there is none."""
        value: Any = self.cells
        for key in keys:
            value = value[0] if isinstance(value, list) and value else value
            value = value.get(key) if isinstance(value, dict) else None
        return value if isinstance(value, str) and is_name(value) else ""

    def number(self, key: str, value: object, *, needed: bool) -> str:
        """Return a number as text, empty where it may be missing and is."""
        if value is None and not needed:
            return ""
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.error(key, value, "a number of kWh")
        return repr(value)


_Read = Callable[[str, int, object, "_Clock"], tuple[dict[str, str], str | None]]


def _table(
    source: str, records: Sequence[object], read: _Read, clock: _Clock, name: str, keys: Mapping[str, str]
) -> tuple[Table, tuple[str, ...]]:
    """Return the records as a table, and what is said of them."""
    columns: dict[str, list[str]] = {}
    kept: dict[str, int] = {}
    for number, record in enumerate(records, start=1):
        cells, recorded = read(source, number, record, clock)
        for column, cell in cells.items():
            columns.setdefault(column, []).append(cell)
        if recorded:
            kept[recorded] = kept.get(recorded, 0) + 1
    if not records:
        raise InputError(source, "file", "no sessions", f"{name} with at least one session")
    notes = [f"{source}: {len(records)} sessions read as {name}"]
    notes += [
        f"{source}: {count} sessions keep the clock of {zone}, where they were recorded" for zone, count in kept.items()
    ]
    used = {column: cells for column, cells in columns.items() if any(cells)}
    return Table(source, used, list(range(1, len(records) + 1)), "item", keys), tuple(notes)


def _acn(source: str, number: int, record: object, clock: _Clock) -> tuple[dict[str, str], str | None]:
    """Return the cells of a session of ACN-Data, and the zone whose clock it keeps."""
    item = _Item(source, number, record, "sessionID")
    arrival, leaving = (_rfc(item, key, item.cells.get(key)) for key in ("connectionTime", "disconnectTime"))
    recorded = clock.home or item.text("timezone") or None
    if recorded is None:
        raise item.error("timezone", item.cells.get("timezone"), "the zone of the site, or drivers.time_zone")
    try:
        start, end, kept = clock.pair(arrival, leaving, recorded)
    except InputError as error:
        raise item.error("timezone", recorded, error.expected) from None
    inputs = item.cells.get("userInputs")
    last = inputs[-1] if isinstance(inputs, list) and inputs and isinstance(inputs[-1], dict) else {}
    announced = ""
    if last.get("requestedDeparture") is not None:
        asked = _rfc(item, "userInputs, requestedDeparture", last["requestedDeparture"])
        announced = clock.pair(arrival, asked, recorded)[1] if asked > arrival else ""
    return {
        "arrival_local": start,
        "departure_local": end,
        "energy_kwh": item.number("kWhDelivered", item.cells.get("kWhDelivered"), needed=True),
        "session_id": item.text("sessionID") or item.text("_id"),
        "site": item.text("siteID"),
        "connector": item.text("stationID") or item.text("spaceID"),
        "energy_requested_kwh": item.number("kWhRequested", last.get("kWhRequested"), needed=False),
        "departure_estimated_local": announced,
    }, (recorded if kept else None)


def _rfc(item: _Item, key: str, value: object) -> dt.datetime:
    """Read ``Wed, 25 Apr 2018 11:08:04 GMT``."""
    fault = item.error(key, value, "a time such as Wed, 25 Apr 2018 11:08:04 GMT")
    if not isinstance(value, str):
        raise fault
    try:
        moment = email.utils.parsedate_to_datetime(value)
    except (TypeError, ValueError):
        raise fault from None
    if moment.tzinfo is None:
        raise fault
    return moment


def _ocpi(source: str, number: int, record: object, clock: _Clock) -> tuple[dict[str, str], str | None]:
    """Return the cells of a charge detail record; times without an offset are in UTC, as OCPI says."""
    item = _Item(source, number, record, "id")
    if item.cells.get("credit") is True:
        taken_back = item.text("credit_reference_id") or "the record that it takes back"
        raise item.error("credit", True, f"records of sessions: leave this one out, and {taken_back}")
    ended = "stop_date_time" if "stop_date_time" in item.cells else "end_date_time"
    arrival, leaving = (_utc(item, key) for key in ("start_date_time", ended))
    if clock.zone is None and clock.home is None and not item.text("location", "time_zone"):
        raise item.error("start_date_time", arrival.isoformat(), "time.zone in the scenario: OCPI's times are in UTC")
    recorded = clock.home or item.text("location", "time_zone") or None
    try:
        start, end, kept = clock.pair(arrival, leaving, recorded if clock.zone is None else None)
    except InputError as error:
        raise item.error("location, time_zone", recorded, error.expected) from None
    new = "cdr_location" in item.cells
    site = item.text("cdr_location", "id") if new else item.text("location", "id")
    connector = (
        (item.text("cdr_location", "evse_uid"), item.text("cdr_location", "connector_id"))
        if new
        else (item.text("location", "evses", "uid"), item.text("location", "evses", "connectors", "id"))
    )
    return {
        "arrival_local": start,
        "departure_local": end,
        "energy_kwh": item.number("total_energy", item.cells.get("total_energy"), needed=True),
        "session_id": item.text("id"),
        "site": site,
        "connector": "/".join(part for part in connector if part),
    }, (recorded if kept else None)


def _utc(item: _Item, key: str) -> dt.datetime:
    """Read a time of OCPI: RFC 3339, in UTC where no offset stands."""
    value = item.cells.get(key)
    try:
        moment = dt.datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        moment = None
    if moment is None:
        raise item.error(key, value, "a time such as 2024-06-03T08:30:00Z")
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)


def _own(path: Path, wishes: SessionWishes, zone: str | None) -> tuple[Table, tuple[str, ...]]:
    """Read a CSV whose columns the scenario names."""
    text = read_text(path)
    read = Table.read(path, tuple(wishes.columns.values()), separator=separator_of(text))
    columns = {ours: read.columns[theirs] for ours, theirs in wishes.columns.items()}
    table = Table(read.source, columns, read.lines, names=wishes.columns)
    for column in TIMES:
        if column in columns:
            columns[column] = [
                _local(table, row, column, cell, wishes, zone) if cell else ""
                for row, cell in enumerate(columns[column])
            ]
    for column in {*ENERGIES, "charger_kw", "vehicle_kw"} & columns.keys():
        columns[column] = [_point(table, row, column, cell) for row, cell in enumerate(columns[column])]
        if column in ENERGIES and wishes.energy_unit == "Wh":
            numbers = table.numbers(column, empty=math.nan)
            columns[column] = ["" if math.isnan(value) else repr(value / 1000.0) for value in numbers.tolist()]
    unread = [name for name in read.columns if name not in wishes.columns.values()]
    notes = [f"{table.source}: columns that are not read: {', '.join(unread[:12])}"] if unread else []
    return table, tuple(notes)


def _point(table: Table, row: int, column: str, cell: str) -> str:
    """Return a number with a decimal point in the place of its comma."""
    if "," not in cell:
        return cell
    if "." in cell or cell.count(",") > 1:
        raise table.error(row, column, cell, "a number with one decimal sign")
    return cell.replace(",", ".")


def _local(table: Table, row: int, column: str, cell: str, wishes: SessionWishes, zone: str | None) -> str:
    """Return a time on the scenario's clock, with its offset where the file's clock or offset is another one."""
    form = wishes.time_format
    try:
        time = dt.datetime.fromisoformat(cell) if form is None else dt.datetime.strptime(cell, form)
    except ValueError:
        expected = f"a time written as {form}" if form else "a time in ISO 8601, or drivers.time_format"
        raise table.error(row, column, cell, expected) from None
    if time.tzinfo is not None and zone is not None:
        return time.astimezone(time_zone(zone)).isoformat()
    if wishes.time_zone is None:
        return time.isoformat()
    if zone is None:
        raise table.error(row, column, cell, "time.zone in the scenario, to which drivers.time_zone is turned")
    if time.tzinfo is None:
        known = offsets_at(time, wishes.time_zone)
        if len(known) != 1:
            often = "skips this time" if not known else "shows this time twice: give it with its offset"
            raise table.error(row, column, cell, f"a time that stands once: the clock of {wishes.time_zone} {often}")
        time = time.replace(tzinfo=dt.timezone(dt.timedelta(seconds=known[0])))
    return time.astimezone(time_zone(zone)).isoformat()
