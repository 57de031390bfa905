"""Charging sessions from CSV.

One row per session, in any order. Times are local clock times, as the charge point showed them; in a scenario with a
time zone they may carry the UTC offset that the zone has then.

Needed: ``arrival_local``, ``departure_local`` (2018-06-11T08:30), ``energy_kwh`` (energy added to the battery).
Optional: ``session_id`` (unique); ``site``; ``connector`` (of the site; two sessions on one do not overlap);
``charger_kw`` (where it was recorded); ``battery_kwh``; ``vehicle_kw`` (the vehicle's own limit);
``energy_requested_kwh`` and ``departure_estimated_local`` (what the driver had announced). Cells of optional columns
may be empty. Rows that are the same in every column are refused: a session stands twice, or a ``session_id`` tells two
equal ones apart.

ACN-Data, OCPI and CSV files with other names of columns are read by :mod:`scenarios.readers.session_layouts`.
"""

from __future__ import annotations

import datetime as dt
import itertools
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from equilibrium.arrays import BoolArray, FloatArray, IntArray
from equilibrium.errors import InputError
from scenarios.files import Table, shown
from scenarios.readers.session_layouts import SessionWishes, foreign_sessions
from scenarios.readers.session_times import LocalTime, clock_notes, read_in_order, read_times
from scenarios.units import CHARGER_KW, VEHICLE_KWH, Magnitude, sessions_fault

NEEDED_COLUMNS = ("arrival_local", "departure_local", "energy_kwh")
OPTIONAL_COLUMNS = (
    "session_id",
    "site",
    "connector",
    "charger_kw",
    "battery_kwh",
    "vehicle_kw",
    "energy_requested_kwh",
    "departure_estimated_local",
)

SESSION_COLUMNS = (*NEEDED_COLUMNS, *OPTIONAL_COLUMNS)
"""Every column of a log of sessions."""

_GAP_D, _GAP_FACTOR = 60.0, 10.0
"""Days without an arrival after which a log may have stray dates, and times the middle gap of the log."""

_STRAY, _STRAY_SHARE = 3, 0.01
"""Sessions, or share of them, that are few enough on one side of such a gap to be a mistake."""


@dataclass(frozen=True, eq=False)
class SessionLog:
    """Recorded sessions, in order of arrival.

    Attributes
    ----------
    source
        Name of the file.
    first
        Calendar date of the first arrival; the log covers every date from there to that of the last arrival.
    days
        Number of those dates.
    day
        Days since ``first`` of each arrival, shape ``(sessions,)``.
    arrival_h
        Hours since that day's midnight on the clock, shape ``(sessions,)``.
    stay_h
        Length of the stay on the clock, h, shape ``(sessions,)``; another time passes where the clock is changed.
    arrival_again, departure_again
        True where a time that the clock shows twice is the second of the two, shape ``(sessions,)``.
    notes
        What a reader should know of the file, one sentence each.
    energy_kwh
        Energy wanted in the battery, kWh, shape ``(sessions,)``.
    battery_kwh, vehicle_kw
        Battery size and the vehicle's limit, NaN where unknown, shape ``(sessions,)``.
    site
        Where each was recorded, ``""`` where unknown.
    """

    source: str
    first: dt.date
    days: int
    day: IntArray
    arrival_h: FloatArray
    stay_h: FloatArray
    energy_kwh: FloatArray
    battery_kwh: FloatArray
    vehicle_kw: FloatArray
    site: tuple[str, ...]
    arrival_again: BoolArray
    departure_again: BoolArray
    notes: tuple[str, ...] = ()

    def weekday_of(self, day: int) -> int:
        """Return the weekday of a day of the log, Monday is 0."""
        return (self.first.weekday() + day) % 7


def read_sessions(
    path: Path,
    *,
    energy: str = "delivered",
    departure: str = "recorded",
    zone: str | None = None,
    wishes: SessionWishes | None = None,
    overlaps: str = "stop",
) -> SessionLog:
    """Read a log of sessions; see the module's text for the format.

    Parameters
    ----------
    path
        The CSV file.
    energy
        ``"delivered"`` takes ``energy_kwh`` as the wish, ``"requested"`` takes ``energy_requested_kwh`` where given.
    departure
        ``"recorded"``, or ``"estimated"`` for ``departure_estimated_local`` where given.
    zone
        Time zone of the times, or ``None`` for times without UTC offset.
    wishes
        What is said of a file in another layout.
    overlaps
        ``"stop"`` refuses sessions that overlap on a connector, ``"keep"`` counts them in the notes.

    Raises
    ------
    InputError
        A time that cannot be read, a session that leaves before it arrives, an energy that is negative or larger than
        the battery: with file and line.
    """
    foreign = foreign_sessions(path, wishes or SessionWishes({}), zone)
    if foreign is None and wishes is not None and wishes.time_zone is not None:
        expected = "no time_zone: times in our layout are those of time.zone, or have an offset (or name the columns)"
        raise InputError(shown(path), "drivers.time_zone", wishes.time_zone, expected)
    table, notes = (_own_table(path), ()) if foreign is None else foreign
    _check_once(table)
    arrival, leaving = read_times(table, "arrival_local", zone), read_times(table, "departure_local", zone)
    leaving = read_in_order(arrival, leaving)
    _check_stay(table, "departure_local", arrival, leaving)
    notes = (*notes, *clock_notes(table.source, zone, arrival, leaving))
    notes = (*notes, *_check_overlaps(table, arrival, leaving, overlaps))
    if departure == "estimated" and "departure_estimated_local" in table.columns:
        announced = read_times(table, "departure_estimated_local", zone, leaving)
        _check_stay(table, "departure_estimated_local", arrival, announced)
        leaving = announced
    _check_gap(table, [time.clock.date() for time in arrival])
    battery = _optional(table, "battery_kwh", VEHICLE_KWH)
    wish = _energy(table, battery, energy)
    if (fault := sessions_fault(wish)) is not None:
        raise InputError(table.source, f"column {table.names.get('energy_kwh', 'energy_kwh')}", *fault)
    return _log(table, arrival, leaving, wish, battery, notes)


def _own_table(path: Path) -> Table:
    """Read a file in our own layout; about other columns it is said how they are named."""
    try:
        return Table.read(path, NEEDED_COLUMNS, OPTIONAL_COLUMNS)
    except InputError as error:
        if "column" not in error.expected:
            raise
        expected = f"{error.expected}; drivers.columns names those of a CSV file of another layout"
        raise InputError(error.source, error.where, error.value, expected) from None


def _log(
    table: Table,
    arrival: list[LocalTime],
    leaving: list[LocalTime],
    wish: FloatArray,
    battery: FloatArray,
    notes: tuple[str, ...],
) -> SessionLog:
    """Put the log together, in order of arrival."""
    midnight = [dt.datetime.combine(time.clock.date(), dt.time()) for time in arrival]
    first = min(midnight).date()
    day = np.array([(time.date() - first).days for time in midnight], dtype=np.int64)
    arrival_h = np.array([(a.clock - m).total_seconds() for a, m in zip(arrival, midnight, strict=True)]) / 3600.0
    stay_h = np.array([(b.clock - a.clock).total_seconds() for a, b in zip(arrival, leaving, strict=True)]) / 3600.0
    site = table.columns.get("site", [""] * len(table))
    order = np.lexsort((arrival_h, day))
    return SessionLog(
        source=table.source,
        first=first,
        days=int(day.max()) + 1,
        day=day[order],
        arrival_h=arrival_h[order],
        stay_h=stay_h[order],
        energy_kwh=wish[order],
        battery_kwh=battery[order],
        vehicle_kw=_optional(table, "vehicle_kw", CHARGER_KW)[order],
        site=tuple(site[row] for row in order),
        arrival_again=np.array([time.again for time in arrival], dtype=bool)[order],
        departure_again=np.array([time.again for time in leaving], dtype=bool)[order],
        notes=notes,
    )


def _check_stay(table: Table, column: str, arrival: list[LocalTime], leaving: list[LocalTime]) -> None:
    for row, (start, end) in enumerate(zip(arrival, leaving, strict=True)):
        if not end.after(start):
            raise table.error(row, column, table.columns[column][row], f"a time after the arrival at {start.clock}")


def _check_once(table: Table) -> None:
    """Every session stands once: no row is the same as another one, and no session has the id of another."""
    if "session_id" in table.columns:
        table.each_once("session_id")
    first: dict[tuple[str, ...], int] = {}
    for row, cells in enumerate(zip(*table.columns.values(), strict=True)):
        if cells in first:
            before = f"{table.row_word} {table.lines[first[cells]]}"
            expected = (
                f"each session once: this one is the same as {before}. If it is one session, leave a row out; "
                f"if there were two equal ones, tell them apart in a column session_id"
            )
            raise table.error(row, "arrival_local", table.columns["arrival_local"][row], expected)
        first[cells] = row


def _check_overlaps(table: Table, arrival: list[LocalTime], leaving: list[LocalTime], rule: str) -> tuple[str, ...]:
    """Refuse sessions that overlap on one connector of a site, or say how many there are."""
    if "connector" not in table.columns:
        return ()
    places: dict[tuple[str, str], list[int]] = {}
    sites = table.columns.get("site", [""] * len(table))
    for row, place in enumerate(zip(sites, table.columns["connector"], strict=True)):
        if place[1]:
            places.setdefault(place, []).append(row)
    found = []
    for rows in places.values():
        rows.sort(key=lambda row: arrival[row].clock)
        for before, row in itertools.pairwise(rows):
            if leaving[before].after(arrival[row]):
                found.append((before, row))
    if found and rule == "stop":
        before, row = min(found)
        said = f"an arrival after {table.row_word} {table.lines[before]} has left this connector"
        expected = f"{said} at {leaving[before].clock} ({len(found)} overlap so; drivers.overlaps: keep takes them)"
        raise table.error(row, "arrival_local", table.columns["arrival_local"][row], expected)
    return (f"{table.source}: {len(found)} sessions begin before the one before has left the connector",) * bool(found)


def _check_gap(table: Table, dates: list[dt.date]) -> None:
    """Refuse a few dates that lie far from all others: a wrong year or month would move the start of the log."""
    order = sorted(range(len(dates)), key=lambda row: dates[row])
    gaps = np.array([(dates[b] - dates[a]).days for a, b in itertools.pairwise(order)], dtype=np.int64)
    usual = max(_GAP_D, _GAP_FACTOR * float(np.median(gaps[gaps > 0]))) if (gaps > 0).any() else _GAP_D
    for before in np.flatnonzero(gaps > usual).tolist():
        few = min(before + 1, len(dates) - before - 1)
        if few > max(_STRAY, _STRAY_SHARE * len(dates)):
            continue
        early = before + 1 == few
        row = order[before] if early else order[before + 1]
        expected = (
            f"a date near the others: it is {gaps[before]} days {'before' if early else 'after'} the next one, and "
            f"only {few} of {len(dates)} sessions are on that side"
        )
        raise table.error(row, "arrival_local", table.columns["arrival_local"][row], expected)


def _optional(table: Table, column: str, magnitude: Magnitude) -> FloatArray:
    """Read an optional column of numbers > 0, NaN where there is none."""
    if column not in table.columns:
        return np.full(len(table), np.nan)
    values = table.numbers(column, minimum=0.0, empty=np.nan)
    for row, value in enumerate(values):
        fault = "a number > 0" if value == 0.0 else magnitude.fault(value)
        if fault is not None and not np.isnan(value):
            raise table.error(row, column, table.columns[column][row], fault)
    return values


def _energy(table: Table, battery: FloatArray, choice: str) -> FloatArray:
    """Return the wished energy after checking every cell against the battery."""
    wish = _energies(table, "energy_kwh", None)
    _check_battery(table, "energy_kwh", wish, battery)
    _optional(table, "charger_kw", CHARGER_KW)
    if "energy_requested_kwh" not in table.columns:
        return wish
    requested = _energies(table, "energy_requested_kwh", np.nan)
    if choice != "requested":
        return wish
    _check_battery(table, "energy_requested_kwh", requested, battery)
    return np.where(np.isnan(requested), wish, requested)


def _energies(table: Table, column: str, empty: float | None) -> FloatArray:
    """Read a column of energies of sessions, kWh."""
    values = table.numbers(column, minimum=0.0, empty=empty)
    for row in np.flatnonzero(values > VEHICLE_KWH.highest).tolist():
        of_columns = table.names and table.row_word == "line"
        expected = (VEHICLE_KWH.fault(float(values[row])) or "") + " (drivers.energy_unit: Wh)" * bool(of_columns)
        raise table.error(row, column, table.columns[column][row], expected)
    return values


def _check_battery(table: Table, column: str, energy: FloatArray, battery: FloatArray) -> None:
    for row in np.flatnonzero(energy > battery):
        expected = f"at most the battery's {battery[row]:g} kWh"
        raise table.error(int(row), column, table.columns[column][row], expected)


def check_clock_change(log: SessionLog, charger_kw: float) -> None:
    """Refuse a session that only fits if its night has an hour which summer time skips, where no time zone is stated.

    Parameters
    ----------
    log
        The sessions, times without a zone.
    charger_kw
        Power where a session's vehicle has no limit of its own, kW.

    Raises
    ------
    InputError
        With both readings, for a session over 02:00 .. 03:00 of a night in which Europe or North America puts the
        clock forward, whose energy needs more than the time that passes then.
    """
    power = np.where(np.isnan(log.vehicle_kw), charger_kw, log.vehicle_kw)
    short = log.energy_kwh > power * (log.stay_h - 1.0)
    enough = log.energy_kwh <= power * log.stay_h
    for row in np.flatnonzero(short & enough & (log.stay_h > 1.0)).tolist():
        arrival = dt.datetime.combine(log.first, dt.time()) + dt.timedelta(
            days=int(log.day[row]), hours=float(log.arrival_h[row])
        )
        leaving = arrival + dt.timedelta(hours=float(log.stay_h[row]))
        night = leaving.date()
        if _put_forward(night) and arrival <= _clock(night, 2) and leaving >= _clock(night, 3):
            most, less = log.stay_h[row] * power[row], (log.stay_h[row] - 1.0) * power[row]
            expected = (
                f"{most:g} kWh at most on a clock that is not changed, {less:g} kWh where summer time begins that "
                f"night: state time.zone in the scenario (UTC for a clock that is never changed)"
            )
            where = f"session from {arrival:%Y-%m-%dT%H:%M} to {leaving:%Y-%m-%dT%H:%M}, energy_kwh"
            raise InputError(log.source, where, float(log.energy_kwh[row]), expected)


def _clock(date: dt.date, hour: int) -> dt.datetime:
    return dt.datetime.combine(date, dt.time(hour))


def _put_forward(date: dt.date) -> bool:
    """Return whether the European Union or North America begins summer time on a date: last or second Sunday of March.

    The rules of 1996 and 2007.
    """
    return date.month == 3 and date.weekday() == 6 and (date.day > 24 or 8 <= date.day <= 14)
