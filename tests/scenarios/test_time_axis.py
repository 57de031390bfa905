"""The periods of a day: ordinary days, days of a clock change, every zone, and clock time against elapsed time."""

from __future__ import annotations

import datetime as dt
import re
import zoneinfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from equilibrium.errors import InputError
from equilibrium.fleet.envelope import period_at, plugged_share
from scenarios.time_axis import STEPS_MIN, day_axis, offsets_at

SPRING, AUTUMN, JUNE = dt.date(2024, 3, 31), dt.date(2024, 10, 27), dt.date(2024, 6, 10)
MADRID = "Europe/Madrid"
ZONES = sorted(zoneinfo.available_timezones())


@pytest.mark.parametrize(
    ("date", "step", "periods", "hours"),
    [
        (JUNE, 60, 24, 24.0),
        (JUNE, 15, 96, 24.0),
        (SPRING, 60, 23, 23.0),
        (SPRING, 15, 92, 23.0),
        (AUTUMN, 60, 25, 25.0),
        (AUTUMN, 15, 100, 25.0),
        (None, 15, 96, 24.0),
    ],
)
def test_days_of_23_24_and_25_hours(date, step, periods, hours) -> None:
    axis = day_axis(date, MADRID, step)
    assert (axis.size, axis.hours) == (periods, hours)
    assert axis.length_h == pytest.approx(step / 60.0, abs=0.0)
    assert len(set(axis.labels)) == len(set(axis.starts)) == periods


def test_the_skipped_hour_has_no_period_and_the_repeated_one_has_two() -> None:
    spring, autumn = day_axis(SPRING, MADRID), day_axis(AUTUMN, MADRID)
    assert spring.starts[1:3] == ("2024-03-31T01:00+01:00", "2024-03-31T03:00+02:00")
    assert spring.labels[1:3] == ("01:00", "03:00")
    assert autumn.starts[2:4] == ("2024-10-27T02:00+02:00", "2024-10-27T02:00+01:00")
    assert autumn.labels[1:5] == ("01:00", "02:00+02:00", "02:00+01:00", "03:00")
    assert spring.hours_of_clock()[1:4].tolist() == [1.0, 0.0, 1.0]
    assert autumn.hours_of_clock()[1:4].tolist() == [1.0, 2.0, 1.0]
    assert day_axis(JUNE, None).starts[5] == "2024-06-10T05:00"
    assert day_axis().starts[5] == "05:00"


def test_clock_time_and_elapsed_time() -> None:
    clock = np.array([0.0, 1.5, 2.0, 2.5, 3.0, 3.5, 24.0])
    spring, autumn = day_axis(SPRING, MADRID, 15), day_axis(AUTUMN, MADRID, 15)
    assert spring.elapsed_h(clock).tolist() == [0.0, 1.5, 2.0, 2.0, 2.0, 2.5, 23.0]
    assert autumn.elapsed_h(clock).tolist() == [0.0, 1.5, 2.0, 2.5, 4.0, 4.5, 25.0]
    assert autumn.elapsed_h(clock, second=True).tolist() == [0.0, 1.5, 3.0, 3.5, 4.0, 4.5, 25.0]
    assert day_axis(JUNE, MADRID).elapsed_h(clock).tolist() == clock.tolist()


def test_a_clock_that_is_changed_by_half_an_hour() -> None:
    zone = "Australia/Lord_Howe"
    spring, autumn = day_axis(dt.date(2024, 10, 6), zone), day_axis(dt.date(2024, 4, 7), zone)
    assert (spring.hours, autumn.hours) == (23.5, 24.5)
    assert (spring.labels[2], spring.length_h[2]) == ("02:30", 0.5)
    assert autumn.labels[1:4] == ("01:00", "01:30", "02:00")
    assert autumn.length_h[1:4].tolist() == [1.0, 0.5, 1.0]
    assert autumn.to_clock(np.arange(25.0))[1] == pytest.approx((1.0 * 1.0 + 2.0 * 0.5) / 1.5)


def test_a_midnight_that_the_clock_skips_or_repeats() -> None:
    brazil = day_axis(dt.date(2018, 11, 4), "America/Sao_Paulo")
    assert (brazil.hours, brazil.labels[0]) == (23.0, "01:00")
    assert day_axis(dt.date(2018, 2, 17), "America/Sao_Paulo").hours == 25.0
    with pytest.raises(InputError, match=re.escape("date: got '2011-12-30', expected a date that Pacific/Apia has")):
        day_axis(dt.date(2011, 12, 30), "Pacific/Apia")


@given(st.sampled_from(ZONES), st.dates(dt.date(1990, 1, 1), dt.date(2037, 12, 30)), st.sampled_from(STEPS_MIN))
def test_days_of_every_zone_follow_each_other_without_a_gap(zone, date, step) -> None:
    try:
        today, tomorrow = (day_axis(date + dt.timedelta(days=k), zone, step) for k in (0, 1))
    except InputError:
        assert zone in {"Pacific/Apia", "Pacific/Kwajalein", "Kwajalein", "Pacific/Kiritimati", "Pacific/Enderbury"} | {
            "Pacific/Kanton",
            "Pacific/Fakaofo",
        }
        return
    assert (today.length_h > 0.0).all()
    assert today.length_h.max() <= step / 60.0
    utc = [_utc(axis) for axis in (today, tomorrow)]
    assert utc[0][0] + dt.timedelta(hours=today.hours) == utc[1][0]
    for start, edge in zip(utc[0], today.edge_h, strict=False):
        assert start == utc[0][0] + dt.timedelta(seconds=round(3600 * edge))
        local = start.astimezone(zoneinfo.ZoneInfo(zone))
        assert local.replace(microsecond=0).isoformat()[:16] in {text[:16] for text in today.starts}
    assert today.hours_of_clock().sum() == pytest.approx(today.hours)
    assert today.of_clock(np.full(24, 3.0)) == pytest.approx(3.0)
    clock = np.linspace(0.0, 24.0, 97)
    assert (np.diff(today.elapsed_h(clock)) >= 0.0).all()


def _utc(axis) -> list[dt.datetime]:
    """Read the starts as any other program would."""
    return [dt.datetime.fromisoformat(text).astimezone(dt.UTC) for text in axis.starts]


def test_profiles_hold_or_are_averaged() -> None:
    hourly, quarters = np.arange(24.0), np.arange(96.0)
    fine, coarse, spring = day_axis(JUNE, MADRID, 15), day_axis(JUNE, MADRID), day_axis(SPRING, MADRID)
    assert fine.of_clock(hourly).tolist() == np.repeat(hourly, 4).tolist()
    assert coarse.of_clock(hourly) is not hourly
    assert coarse.of_clock(hourly).tolist() == hourly.tolist()
    assert coarse.of_clock(quarters).tolist() == pytest.approx((4 * hourly + 1.5).tolist())
    assert spring.of_clock(hourly).tolist() == [0.0, 1.0, *range(3, 24)]
    assert day_axis(AUTUMN, MADRID).of_clock(hourly)[1:5].tolist() == [1.0, 2.0, 2.0, 3.0]
    wide = np.stack([hourly, 2 * hourly], axis=1)
    assert coarse.of_clock(wide).tolist() == wide.tolist()
    assert spring.of_axis(np.arange(92.0), day_axis(SPRING, MADRID, 15)).tolist() == pytest.approx(
        [4 * hour + 1.5 for hour in range(23)]
    )


@given(st.sampled_from([JUNE, SPRING, AUTUMN]), st.sampled_from(STEPS_MIN), st.data())
def test_stays_lie_in_periods_to_the_minute(date, step, data) -> None:
    axis = day_axis(date, MADRID, step)
    minutes = st.integers(-60, 60 * 26)
    start = np.array(data.draw(st.lists(minutes, min_size=1, max_size=5))) / 60.0
    end = start + np.array(data.draw(st.lists(st.integers(0, 900), min_size=start.size, max_size=start.size))) / 60.0
    inside = plugged_share(start, end, axis.length_h) * axis.length_h
    assert inside.shape == (start.size, axis.size)
    assert (inside <= axis.length_h + 1e-12).all()
    expected = np.clip(np.minimum(end, axis.hours) - np.maximum(start, 0.0), 0.0, None)
    assert inside.sum(axis=1) == pytest.approx(expected, abs=1e-9)
    within = (start >= 0.0) & (start < axis.hours)
    at = period_at(start[within], axis.length_h)
    assert (axis.edge_h[at] <= start[within] + 1e-9).all()
    assert (start[within] < axis.edge_h[at + 1] + 1e-9).all()


def test_offsets_of_a_local_time() -> None:
    assert offsets_at(dt.datetime(2024, 6, 1, 12), MADRID) == (7200,)
    assert offsets_at(dt.datetime(2024, 3, 31, 2, 30), MADRID) == ()
    assert offsets_at(dt.datetime(2024, 10, 27, 2, 30), MADRID) == (7200, 3600)


@pytest.mark.parametrize(
    ("zone", "step", "message"),
    [
        ("Europe/Madird", 60, "zone: got 'Europe/Madird', expected a zone of the IANA database such as Europe/Madrid"),
        ("../etc/passwd", 60, "zone: got '../etc/passwd'"),
        ("Europe", 60, "zone: got 'Europe'"),
        (None, 7, "step_minutes: got 7, expected one of 5, 10, 15, 20, 30, 60 minutes"),
    ],
)
def test_what_is_no_axis(zone, step, message) -> None:
    with pytest.raises(InputError, match=re.escape(message)):
        day_axis(JUNE, zone, step)
