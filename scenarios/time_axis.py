"""The day as a sequence of periods: each has a start (local, with UTC offset where there is a zone) and a length.

A local day lasts from midnight to midnight. In a zone with summer time that is 23 or 25 hours twice a year, and the
hour that the clock repeats in autumn is two periods. Without a zone every day has 24 hours.

Two ways to measure time in a day are used, and an axis translates between them:

* *clock time*, hours after midnight as a clock on the wall shows them: profiles, tariffs by hour, and what people do
  (they arrive at half past one) are given in it;
* *elapsed time*, hours since midnight that have passed: energies are power times it.

Periods begin at midnight and at every multiple of the step on the clock, and where the clock is changed.
"""

from __future__ import annotations

import datetime as dt
import functools
import zoneinfo
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np

from equilibrium.arrays import BoolArray, FloatArray, IntArray
from equilibrium.errors import InputError
from equilibrium.plain import closest

DAY_H = 24
"""Hours on the face of the clock."""

WEEK = 7
"""Days of a week."""

STEPS_MIN = (5, 10, 15, 20, 30, 60)
"""Lengths that a period can be given, minutes: an hour and whole parts of it."""

_DAY_S = 86_400
_UTC = dt.UTC
_WHOLE = 1e-9
"""An interval lies in one step if no more than this share of it lies outside: rounding of hours."""

AnyArray = TypeVar("AnyArray", FloatArray, IntArray)


@dataclass(frozen=True, eq=False)
class TimeAxis:
    """The periods of one day. Made by :func:`day_axis`; equal days share one.

    Attributes
    ----------
    date
        Local calendar date, or ``None`` for a typical day.
    zone
        Name of the time zone, or ``None`` for a clock that is never changed.
    clock_h
        Clock time at which each period starts, hours after midnight, shape ``(periods,)``.
    edge_s
        Elapsed time at which the periods begin, and the end of the day, s, shape ``(periods + 1,)``.
    offset_s
        UTC offset at the start of each period, s, shape ``(periods,)``; 0 without a zone.
    """

    date: dt.date | None
    zone: str | None
    clock_h: FloatArray
    edge_s: IntArray
    offset_s: IntArray

    @property
    def size(self) -> int:
        """Number of periods."""
        return int(self.clock_h.size)

    @cached_property
    def edge_h(self) -> FloatArray:
        """Elapsed time at which the periods begin, and the end of the day, h, shape ``(periods + 1,)``."""
        return _fixed(self.edge_s / 3600.0)

    @cached_property
    def length_h(self) -> FloatArray:
        """Length of each period, h, shape ``(periods,)``."""
        return _fixed(np.diff(self.edge_s) / 3600.0)

    @property
    def hours(self) -> float:
        """Length of the day, h."""
        return float(self.edge_s[-1]) / 3600.0

    @cached_property
    def clock_hour(self) -> IntArray:
        """Hour of the clock in which each period starts, 0 .. 23, shape ``(periods,)``."""
        return _fixed(np.minimum(self.clock_h, DAY_H - 1).astype(np.int64))

    @cached_property
    def unchanged(self) -> bool:
        """Whether clock time is elapsed time: no change of the clock on this day."""
        return bool(np.array_equal(self.clock_h, self.edge_h[:-1]) and self.edge_s[-1] == _DAY_S)

    @cached_property
    def starts(self) -> tuple[str, ...]:
        """The periods' starts in ISO 8601: with date and UTC offset as far as the day has them."""
        clock = self._clock_texts()
        if self.date is None:
            return clock
        return tuple(
            f"{self.date.isoformat()}T{text}{offset}" for text, offset in zip(clock, self._offsets(), strict=True)
        )

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """Short names of the periods, ``02:15``; with the UTC offset where one would stand twice, ``02:15+01:00``."""
        clock = self._clock_texts()
        seen = Counter(clock)
        return tuple(
            text + offset if seen[text] > 1 else text for text, offset in zip(clock, self._offsets(), strict=True)
        )

    def _clock_texts(self) -> tuple[str, ...]:
        seconds = np.rint(3600.0 * self.clock_h).astype(np.int64).tolist()
        return tuple(
            f"{second // 3600:02d}:{second // 60 % 60:02d}" + (f":{second % 60:02d}" if second % 60 else "")
            for second in seconds
        )

    def _offsets(self) -> tuple[str, ...]:
        if self.zone is None:
            return ("",) * self.size
        return tuple(offset_text(second) for second in self.offset_s.tolist())

    def elapsed_h(self, clock_h: FloatArray, *, second: BoolArray | bool = False) -> FloatArray:
        """Return the elapsed time at which the clock first shows a time of this day.

        Parameters
        ----------
        clock_h
            Clock times, hours after midnight, 0 to 24, any shape.
        second
            True where a time that the clock shows twice is meant the second time; broadcasts to ``clock_h``.

        Returns
        -------
        FloatArray
            Hours since midnight, same shape. A time that the clock skips is the moment of the change, so later clock
            times are never earlier.
        """
        clock = np.asarray(clock_h, dtype=np.float64)
        if self.unchanged:
            return clock
        begin, length, edge = self.clock_h, self.length_h, self.edge_h
        reached = np.maximum.accumulate(begin + length)  # clock times seen by the end of each period
        at = np.minimum(np.searchsorted(reached, clock, side="right"), self.size - 1)
        first = edge[at] + np.clip(clock - begin[at], 0.0, length[at])
        still = np.minimum.accumulate(begin[::-1])[::-1]  # the earliest clock time that is still to come
        at = np.maximum(np.searchsorted(still, clock, side="right") - 1, 0)
        last = edge[at] + np.clip(clock - begin[at], 0.0, length[at])
        return np.where(second, last, first)

    def of_clock(self, profile: FloatArray) -> FloatArray:
        """Bring a daily profile on the clock to the periods: a coarser one holds, a finer one is averaged.

        Parameters
        ----------
        profile
            One value for each of equally long steps from 00:00 to 24:00 on the clock, shape ``(steps, ...)``.

        Returns
        -------
        FloatArray
            Shape ``(periods, ...)``. What the clock skips has no period, what it repeats has two.
        """
        edges = np.linspace(0.0, float(DAY_H), len(profile) + 1)
        end = np.minimum(self.clock_h + self.length_h, DAY_H)
        return _averaged(profile, edges, self.clock_h, end)

    def of_axis(self, values: FloatArray, axis: TimeAxis) -> FloatArray:
        """Bring values of another axis of the same day to the periods: coarser ones hold, finer ones are averaged.

        Parameters
        ----------
        values
            One value for each period of ``axis``, shape ``(periods of axis, ...)``.
        axis
            Periods of the same day.
        """
        return _averaged(values, axis.edge_h, self.edge_h[:-1], self.edge_h[1:])

    def hours_of_clock(self) -> FloatArray:
        """Return how long each hour of the clock lasts today, h, shape ``(24,)``: 0 if skipped, 2 if repeated."""
        return np.bincount(self.clock_hour, self.length_h, minlength=DAY_H).astype(np.float64)

    def to_clock(self, values: FloatArray, steps: int = DAY_H) -> FloatArray:
        """Return the mean of values of the periods in equal steps of the clock, shape ``(steps,)``; NaN if skipped.

        Parameters
        ----------
        values
            One value for each period, shape ``(periods,)``.
        steps
            Steps from 00:00 to 24:00, by default its hours; none is shorter than a period.
        """
        step = np.minimum((self.clock_h * (steps / DAY_H) + _WHOLE).astype(np.int64), steps - 1)
        lasts = np.bincount(step, self.length_h, minlength=steps)
        total = np.bincount(step, self.length_h * values, minlength=steps)
        return np.asarray(np.divide(total, lasts, out=np.full(steps, np.nan), where=lasts > 0.0))


def elapsed_since(axis: Callable[[int], TimeAxis], clock_h: FloatArray, second: BoolArray | bool = False) -> FloatArray:
    """Return the hours that pass from midnight until times on the clock of that day and those after it.

    Parameters
    ----------
    axis
        Returns the periods of a day: 0 is that of the midnight.
    clock_h
        Hours after midnight on the clock, 24 of them a day, >= 0, shape ``(times,)``.
    second
        As in :meth:`TimeAxis.elapsed_h`.
    """
    clock = np.asarray(clock_h, dtype=np.float64)
    of_day = np.maximum(np.ceil(clock / DAY_H) - 1.0, 0.0).astype(np.int64)
    days = [axis(day) for day in range(int(of_day.max(initial=0)) + 1)]
    if all(each.unchanged for each in days):
        return clock
    begin = np.concatenate([[0.0], np.cumsum([each.hours for each in days])])
    again = np.broadcast_to(second, clock.shape)
    passed = np.empty(clock.shape)
    for day, each in enumerate(days):
        here = of_day == day
        passed[here] = begin[day] + each.elapsed_h(clock[here] - DAY_H * day, second=again[here])
    return passed


def without_gaps(by_hour: FloatArray) -> FloatArray:
    """Give an hour of the clock that a day skips, NaN, the value between those of its neighbours, shape ``(24,)``."""
    known = np.isfinite(by_hour)
    if known.all():
        return by_hour
    hour = np.arange(by_hour.size)
    return np.asarray(np.interp(hour, hour[known], by_hour[known]))


def day_axis(date: dt.date | None = None, zone: str | None = None, step_minutes: int = 60) -> TimeAxis:
    """Return the periods of a day.

    Parameters
    ----------
    date
        Local calendar date, or ``None`` for a typical day, which has 24 hours in every zone.
    zone
        Name of a zone of the IANA database, or ``None`` for a clock that is never changed.
    step_minutes
        One of :data:`STEPS_MIN`.

    Raises
    ------
    InputError
        For a zone that does not exist, another step, or a date that the zone leaves out.
    """
    if step_minutes not in STEPS_MIN:
        expected = f"one of {', '.join(map(str, STEPS_MIN))} minutes"
        raise InputError("time axis", "step_minutes", step_minutes, expected)
    if date is None or zone is None:
        plain = _plain(step_minutes)
        return plain if date is None and zone is None else TimeAxis(date, zone, *_arrays(plain))
    return _zoned(date, zone, step_minutes)


@functools.cache
def _plain(step_minutes: int) -> TimeAxis:
    """Return a typical day of equal periods."""
    edge = np.arange(0, _DAY_S + 1, 60 * step_minutes, dtype=np.int64)
    clock, offset = edge[:-1] / 3600.0, np.zeros(edge.size - 1, dtype=np.int64)
    return TimeAxis(None, None, _fixed(clock), _fixed(edge), _fixed(offset))


def _arrays(axis: TimeAxis) -> tuple[FloatArray, IntArray, IntArray]:
    return axis.clock_h, axis.edge_s, axis.offset_s


@functools.lru_cache(maxsize=4096)
def _zoned(date: dt.date, name: str, step_minutes: int) -> TimeAxis:
    """Cut a local day at every multiple of the step on the clock, and where the clock is changed."""
    zone = time_zone(name)
    now, end = _midnight(date, zone), _midnight(date + dt.timedelta(days=1), zone)
    if now >= end:
        raise InputError("time axis", "date", date.isoformat(), f"a date that {name} has: its clock skips this one")
    begin, step = now, 60 * step_minutes
    clock, edge, offset = [], [0], []
    while now < end:
        local = now.astimezone(zone)
        second = local.hour * 3600 + local.minute * 60 + local.second
        after = min(now + dt.timedelta(seconds=step - second % step), end)
        if _offset(after, zone) != _offset(now, zone):
            after = _change(now, after, zone)
        clock.append(second / 3600.0)
        offset.append(_offset(now, zone))
        edge.append(round((after - begin).total_seconds()))
        now = after
    return TimeAxis(
        date,
        name,
        _fixed(np.array(clock)),
        _fixed(np.array(edge, dtype=np.int64)),
        _fixed(np.array(offset, dtype=np.int64)),
    )


def time_zone(name: str) -> zoneinfo.ZoneInfo:
    """Return a zone of the IANA database.

    Raises
    ------
    InputError
        When there is none of this name, or the computer has no such database.
    """
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        known = sorted(zoneinfo.available_timezones())
    if not known:
        raise InputError("time axis", "zone", name, "time zones on this computer: `pip install tzdata` brings them")
    expected = f"a zone of the IANA database such as Europe/Madrid{closest(name, known)}"
    raise InputError("time axis", "zone", name, expected)


def offsets_at(local: dt.datetime, name: str) -> tuple[int, ...]:
    """Return the UTC offsets, s, at which a zone shows a local time: none if it is skipped, two if it is repeated."""
    zone = time_zone(name)
    found = []
    for fold in (0, 1):
        moment = local.replace(tzinfo=zone, fold=fold).astimezone(_UTC)
        if moment.astimezone(zone).replace(tzinfo=None) == local:
            found.append(_offset(moment, zone))
    return tuple(dict.fromkeys(found))


def offset_text(offset_s: int) -> str:
    """Return a UTC offset as ISO 8601 writes it, ``+02:00``."""
    sign, size = ("-" if offset_s < 0 else "+"), abs(offset_s)
    return f"{sign}{size // 3600:02d}:{size // 60 % 60:02d}" + (f":{size % 60:02d}" if size % 60 else "")


def _midnight(date: dt.date, zone: zoneinfo.ZoneInfo) -> dt.datetime:
    """Return the moment, in UTC, at which a local date begins: that of the change where the clock skips midnight."""
    local = dt.datetime.combine(date, dt.time())
    before, after = (local.replace(tzinfo=zone, fold=fold).astimezone(_UTC) for fold in (0, 1))
    if before.astimezone(zone).replace(tzinfo=None) == local:
        return before
    return _change(min(before, after), max(before, after), zone)


def _offset(moment: dt.datetime, zone: zoneinfo.ZoneInfo) -> int:
    """Return the zone's UTC offset at a moment, s."""
    offset = moment.astimezone(zone).utcoffset()
    assert offset is not None
    return round(offset.total_seconds())


def _change(before: dt.datetime, after: dt.datetime, zone: zoneinfo.ZoneInfo) -> dt.datetime:
    """Return the first second at which the zone has another offset than ``before``, which it has by ``after``."""
    low, high, old = 0, round((after - before).total_seconds()), _offset(before, zone)
    while high - low > 1:
        middle = (low + high) // 2
        if _offset(before + dt.timedelta(seconds=middle), zone) == old:
            low = middle
        else:
            high = middle
    return before + dt.timedelta(seconds=high)


def _averaged(values: FloatArray, edges: FloatArray, begin: FloatArray, end: FloatArray) -> FloatArray:
    """Return the means, over some intervals, of a function that is constant between ``edges``.

    Where every interval lies in one step the values themselves come back, without a rounding.
    """
    inside = np.minimum(end[:, None], edges[1:]) - np.maximum(begin[:, None], edges[:-1])
    share = np.clip(inside, 0.0, None) / (end - begin)[:, None]
    step = share.argmax(axis=1)
    if (share[np.arange(step.size), step] > 1.0 - _WHOLE).all():
        return np.asarray(values[step])
    share /= share.sum(axis=1, keepdims=True)
    return np.tensordot(share, values, axes=1)


def _fixed(array: AnyArray) -> AnyArray:
    array.setflags(write=False)
    return array
