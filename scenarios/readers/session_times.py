"""Local times of sessions: what a clock shows, and what that means in the nights in which it is changed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace

from scenarios.files import Table
from scenarios.time_axis import offset_text, offsets_at, time_zone


@dataclass(frozen=True)
class LocalTime:
    """A local time.

    Attributes
    ----------
    clock
        What the clock shows.
    offset_s
        UTC offset where the file gives it, s.
    again
        Whether it is the second of two times at which the clock shows this.
    often
        How often the clock shows it: 1; 0 where it skips it and 2 where it repeats it, and the file gives no offset.
    """

    clock: dt.datetime
    offset_s: int | None = None
    again: bool = False
    often: int = 1

    def after(self, other: LocalTime) -> bool:
        """Tell whether this moment is later, by the offsets where both are known."""
        passed = (self.clock - other.clock).total_seconds()
        if self.offset_s is not None and other.offset_s is not None:
            passed -= self.offset_s - other.offset_s
        return passed > 0.0 or (self.again and not other.again and self.often == other.often == 2)


def read_times(table: Table, column: str, zone: str | None, empty: list[LocalTime] | None = None) -> list[LocalTime]:
    """Read a column of local times; an empty cell takes the entry of ``empty``.

    Parameters
    ----------
    table, column
        Where they stand.
    zone
        Zone of the clock, ``None`` where none is known.
    empty
        What stands for empty cells; without it a cell must not be empty.
    """
    times: list[LocalTime] = []
    changed: dict[dt.date, bool] = {}
    for row, cell in enumerate(table.columns[column]):
        if not cell and empty is not None:
            times.append(empty[row])
            continue
        time = table.time(row, column)
        offset = time.utcoffset()
        if offset is None:
            date = time.date()
            if zone is not None and date not in changed:
                changed[date] = _changes(date, zone)
            often = len(offsets_at(time, zone)) if zone is not None and changed[date] else 1
            times.append(LocalTime(time, often=often))
            continue
        if zone is None:
            raise table.error(row, column, cell, "a local time without a time zone, or time.zone in the scenario")
        clock, offset_s = time.replace(tzinfo=None), round(offset.total_seconds())
        known = offsets_at(clock, zone)
        if offset_s not in known:
            names = " or ".join(map(offset_text, known))
            expected = f"the offset {names}, which {zone} has then" if known else f"a time that exists in {zone}"
            raise table.error(row, column, cell, expected)
        times.append(LocalTime(clock, offset_s, again=offset_s != known[0]))
    return times


def _changes(date: dt.date, zone: str) -> bool:
    """Return whether the clock of a zone is changed on a date."""
    midnight = dt.datetime.combine(date, dt.time(), time_zone(zone))
    return midnight.utcoffset() != (midnight + dt.timedelta(days=1)).utcoffset()


def read_in_order(arrival: Sequence[LocalTime], leaving: Sequence[LocalTime]) -> list[LocalTime]:
    """Return the departures; one in the hour that a clock repeats is the second where it would else be the earlier."""
    return [
        replace(end, again=True) if start.often == end.often == 2 and end.clock < start.clock else end
        for start, end in zip(arrival, leaving, strict=True)
    ]


def clock_notes(source: str, zone: str | None, *columns: Sequence[LocalTime]) -> tuple[str, ...]:
    """Say how times without an offset are taken that a clock skips or repeats."""
    found = {often: sum(time.often == often for times in columns for time in times) for often in (0, 2)}
    said = {
        0: "skips are taken as the moment at which it is put forward",
        2: "shows twice are taken as the first, or as the second where a stay would else end before it begins",
    }
    return tuple(
        f"{source}: times that the clock of {zone} {said[often]}: {count}" for often, count in found.items() if count
    )
