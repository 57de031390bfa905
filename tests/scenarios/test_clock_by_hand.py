"""Moments at which a clock is changed: midnights, the second of a change, offsets, and means over intervals."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from equilibrium.errors import InputError
from scenarios import time_axis
from scenarios.time_axis import day_axis, offset_text, offsets_at

UTC = dt.UTC


@pytest.mark.parametrize(
    ("offset", "text"),
    [(0, "+00:00"), (1, "+00:00:01"), (-1, "-00:00:01"), (7200, "+02:00"), (-12600, "-03:30"), (20700, "+05:45"),
     (60, "+00:01"), (-1521, "-00:25:21")],
)  # fmt: skip
def test_offsets_as_text(offset: int, text: str) -> None:
    assert offset_text(offset) == text


@pytest.mark.parametrize(
    ("zone", "date", "moment"),
    [
        ("Europe/Madrid", dt.date(2024, 6, 3), dt.datetime(2024, 6, 2, 22, tzinfo=UTC)),
        ("Europe/Madrid", dt.date(2024, 3, 31), dt.datetime(2024, 3, 30, 23, tzinfo=UTC)),
        # the clock of Beirut skips from midnight to one o'clock; that of Havana shows midnight to one twice
        ("Asia/Beirut", dt.date(2022, 3, 27), dt.datetime(2022, 3, 26, 22, tzinfo=UTC)),
        ("America/Havana", dt.date(2022, 11, 6), dt.datetime(2022, 11, 6, 4, tzinfo=UTC)),
    ],
)
def test_midnights(zone: str, date: dt.date, moment: dt.datetime) -> None:
    assert time_axis._midnight(date, ZoneInfo(zone)) == moment


def test_a_day_whose_clock_skips_midnight_begins_at_one() -> None:
    axis = day_axis(dt.date(2022, 3, 27), "Asia/Beirut")
    assert (axis.size, axis.hours, axis.clock_h[0], axis.clock_h[-1]) == (23, 23.0, 1.0, 23.0)
    assert set(axis.offset_s) == {10800}
    twice = day_axis(dt.date(2022, 11, 6), "America/Havana")
    assert (twice.size, twice.clock_h[:3].tolist(), twice.offset_s[:2].tolist()) == (
        25,
        [0.0, 0.0, 1.0],
        [-14400, -18000],
    )


@pytest.mark.parametrize("seconds", [1, 2, 3, 1000, 3599])
def test_the_second_of_a_change(seconds: int) -> None:
    """Of Madrid in spring: at one o'clock UTC, wherever the search begins and ends."""
    change = dt.datetime(2024, 3, 31, 1, tzinfo=UTC)
    zone = ZoneInfo("Europe/Madrid")
    before, after = change - dt.timedelta(seconds=seconds), change + dt.timedelta(seconds=7 * seconds)
    assert time_axis._change(before, after, zone) == change
    assert time_axis._change(before, change, zone) == change
    assert (time_axis._offset(before, zone), time_axis._offset(change, zone)) == (3600, 7200)


def test_a_half_hour_that_is_shown_twice() -> None:
    """Lord Howe puts its clock back by half an hour, in the middle of an hour."""
    axis = day_axis(dt.date(2024, 4, 7), "Australia/Lord_Howe")
    assert (axis.hours, axis.size) == (24.5, 25)
    assert axis.clock_h[1:5].tolist() == [1.0, 1.5, 2.0, 3.0]
    assert np.diff(axis.edge_s)[:4].tolist() == [3600, 3600, 1800, 3600]
    assert offsets_at(dt.datetime(2024, 4, 7, 1, 45), "Australia/Lord_Howe") == (39600, 37800)


def test_what_is_no_day() -> None:
    with pytest.raises(
        InputError, match=r"^time axis: step_minutes: got 12, expected one of 5, 10, 15, 20, 30, 60 min"
    ):
        day_axis(None, None, 12)
    with pytest.raises(InputError, match=r"^time axis: date: got '2011-12-30', expected a date that Pacific/Apia has"):
        day_axis(dt.date(2011, 12, 30), "Pacific/Apia")
    with pytest.raises(InputError, match=r"expected a zone of the IANA database such as Europe/Madrid \(closest: Eur"):
        time_axis.time_zone("Europe/Madird")


def test_means_over_intervals() -> None:
    """Steps of 1, 2 and 1; an interval in one step has its value, others the mean by the time in each."""
    values, edges = np.array([1.0, 3.0, 8.0]), np.array([0.0, 1.0, 3.0, 4.0])
    inside = time_axis._averaged(values, edges, np.array([0.0, 1.0, 1.5]), np.array([0.5, 3.0, 2.0]))
    assert inside.tolist() == [1.0, 3.0, 3.0]
    across = time_axis._averaged(values, edges, np.array([0.5, 0.0, 2.5]), np.array([1.5, 4.0, 4.0]))
    assert across == pytest.approx([2.0, (1 + 6 + 8) / 4, (1.5 + 8) / 1.5])
    beyond = time_axis._averaged(values, edges, np.array([-1.0, 0.5]), np.array([1.0, 1.5]))
    assert beyond == pytest.approx([1.0, 2.0])  # of what lies outside nothing is known
