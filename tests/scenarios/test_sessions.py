"""Session logs and arrivals: real days replayed and resampled, vehicles that suit them, and what bad rows get."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from equilibrium.errors import InputError
from scenarios.files import DATA, Table
from scenarios.markets.charging.arrivals import Arrivals
from scenarios.markets.charging.driver_schema import SessionDrivers
from scenarios.readers.sessions import read_sessions
from scenarios.readers.vehicles import read_vehicles
from scenarios.streams import Streams

VEHICLES = DATA / "vehicles" / "netherlands.csv"


def arrivals(*files: Path, **keys: object) -> Arrivals:
    drivers = SessionDrivers.model_validate({"source": "replay", "files": ["-"], **keys})
    logs = tuple(read_sessions(file, energy=drivers.energy, departure=drivers.departure) for file in files)
    return Arrivals.prepare(logs, drivers, read_vehicles(VEHICLES), {})


@pytest.mark.parametrize(("name", "least"), [("dundee-2018", 6000), ("acn-2019", 2700)])
def test_bundled_log_is_five_whole_weeks(name: str, least: int) -> None:
    log = read_sessions(DATA / "sessions" / f"{name}.csv")
    assert log.first.weekday() == 0
    assert log.days == 35
    assert log.energy_kwh.size == len(Table.read(DATA / "sessions" / f"{name}.csv")) >= least
    assert np.all(np.diff(log.day * 24 + log.arrival_h) >= 0)
    assert np.all((log.arrival_h >= 0) & (log.arrival_h < 24) & (log.stay_h > 0))


def test_replay_returns_every_recorded_session_once_in_five_weeks() -> None:
    path = DATA / "sessions" / "dundee-2018.csv"
    log, source = read_sessions(path), arrivals(path, stay_max_h=168)
    # The run begins on a Wednesday: the same Wednesday of the log, then its days in order, then from its start.
    days = [source.day(day, (2 + day) % 7, (2 + day) // 7, Streams(3)) for day in range(35)]
    assert sum(len(day) for day in days) == log.day.size
    for day, recorded in ((0, 2), (10, 12), (32, 34), (33, 0)):
        rows = log.day == recorded
        np.testing.assert_allclose([s.arrival_h for s in days[day]], log.arrival_h[rows])
        np.testing.assert_allclose([s.departure_h - s.arrival_h for s in days[day]], log.stay_h[rows])
        np.testing.assert_allclose([s.energy_kwh for s in days[day]], log.energy_kwh[rows])


def test_sessions_are_possible_and_named_once() -> None:
    source = arrivals(DATA / "sessions" / "dundee-2018.csv", DATA / "sessions" / "acn-2019.csv", energy_scale=4.0)
    largest = 0.9 * 77.0
    names, patience = [], set()
    for day in range(7):
        for session in source.day(day, day, 0, Streams(1)):
            assert 0 <= session.arrival_h < 24
            assert session.arrival_h < session.departure_h <= session.arrival_h + 24.0
            assert session.arrival_energy_kwh + session.energy_kwh <= session.battery_kwh + 1e-9
            assert 0 <= session.arrival_energy_kwh <= 0.8 * session.battery_kwh
            assert session.energy_kwh <= largest
            assert session.power_kw >= 40.0  # direct current
            assert 1 <= session.patience <= 3
            names.append(session.name)
            patience.add(session.patience)
    assert len(set(names)) == len(names)
    assert patience == {1, 2, 3}  # both ends are drawn


def test_what_is_capped_is_counted() -> None:
    path = DATA / "sessions" / "dundee-2018.csv"
    log = read_sessions(path)
    notes = arrivals(path, stay_max_h=12, energy_scale=3.0).notes
    assert f"{np.sum(log.stay_h > 12)} of {log.stay_h.size} sessions stay longer" in notes[0]
    assert f"{np.sum(3 * log.energy_kwh > 0.9 * 77)} of {log.stay_h.size} sessions want more" in notes[1]
    assert arrivals(path, stay_max_h=168).notes == ()


def test_a_day_depends_on_seed_and_index_alone() -> None:
    source = arrivals(DATA / "sessions" / "acn-2019.csv", source="resample")
    alone = source.day(5, 5, 0, Streams(7))
    for day in range(5):
        source.day(day, day, 0, Streams(7))
    assert source.day(5, 5, 0, Streams(7)) == alone
    assert source.day(5, 5, 0, Streams(8)) != alone
    assert source.day(12, 5, 1, Streams(7)) != alone


def test_resampling_keeps_the_week_and_meets_the_target() -> None:
    path = DATA / "sessions" / "acn-2019.csv"
    log, source = read_sessions(path), arrivals(path, source="resample", sessions_per_day=60.0)
    counts = np.array([[len(source.day(7 * k + d, d, k, Streams(0))) for d in range(7)] for k in range(40)])
    assert counts.mean() == pytest.approx(60.0, rel=0.03)  # 280 Poisson days: standard error 0.8 %
    recorded = np.bincount((log.first.weekday() + log.day) % 7, minlength=7)
    np.testing.assert_allclose(counts.sum(0) / counts.sum(), recorded / recorded.sum(), atol=0.012)
    # Whole sessions of that weekday: every pair of arrival and energy is a recorded one.
    monday = (log.first.weekday() + log.day) % 7 == 0
    pairs = set(zip(log.arrival_h[monday].tolist(), log.energy_kwh[monday].tolist(), strict=True))
    assert {(s.arrival_h, s.energy_kwh) for s in source.day(0, 0, 0, Streams(0))} <= pairs


def test_vehicles_follow_the_registrations() -> None:
    source = arrivals(DATA / "sessions" / "dundee-2018.csv", stay_max_h=168)
    small = [s.battery_kwh for d in range(35) for s in source.day(d, d % 7, d // 7, Streams(2)) if s.energy_kwh < 20]
    table = Table.read(VEHICLES)
    share: Counter[float] = Counter()
    for size, weight in zip(table.numbers("battery_kwh"), table.numbers("registrations"), strict=True):
        share[float(size)] += float(weight)
    for size, weight in share.items():
        assert small.count(size) / len(small) == pytest.approx(weight / share.total(), abs=0.02)


def test_requested_energy_and_estimated_departure() -> None:
    path = DATA / "sessions" / "acn-2019.csv"
    delivered, requested = read_sessions(path), read_sessions(path, energy="requested", departure="estimated")
    assert requested.energy_kwh.mean() > 1.2 * delivered.energy_kwh.mean()
    assert np.all(requested.stay_h > 0)
    assert not np.allclose(requested.stay_h, delivered.stay_h)


HEADER = "arrival_local,departure_local,energy_kwh,battery_kwh,energy_requested_kwh\n"
GOOD = "2024-01-01T08:00,2024-01-01T09:00,10,40,12\n"
BAD = [
    (
        "2024-01-01T08:00,2024-01-01T07:59,10,40,",
        "line 3, column departure_local: got '2024-01-01T07:59', expected a time",
    ),
    ("2024-01-01T08:00,2024-01-01T08:00,10,40,", "line 3, column departure_local"),
    ("2024-01-01T08:00,2024-01-01T09:00,-1,40,", "line 3, column energy_kwh: got '-1', expected a number >= 0"),
    (
        "2024-01-01T08:00,2024-01-01T09:00,41,40,",
        "line 3, column energy_kwh: got '41', expected at most the battery's 40",
    ),
    ("2024-01-01T08:00,2024-01-01T09:00,10,40,41", "line 3, column energy_requested_kwh: got '41', expected at most"),
    ("2024-01-01T08:00,2024-01-01T09:00,nan,40,", "line 3, column energy_kwh: got 'nan'"),
    ("2024-01-01T08:00,2024-01-01T09:00,,40,", "line 3, column energy_kwh: got ''"),
    ("2024-01-01T08:00,2024-01-01T09:00,10,0,", "line 3, column battery_kwh: got '0', expected a number > 0"),
    ("08:00 yesterday,2024-01-01T09:00,10,40,", "line 3, column arrival_local: got '08:00 yesterday'"),
    ("2024-01-01T08:00Z,2024-01-01T09:00,10,40,", "line 3, column arrival_local"),
    ("2024-01-01T08:00,,10,40,", "line 3, column departure_local: got ''"),
]


@pytest.mark.parametrize(("row", "message"), BAD)
def test_bad_session_names_file_and_line(tmp_path: Path, row: str, message: str) -> None:
    path = tmp_path / "sessions.csv"
    path.write_text(HEADER + GOOD + row + "\n")
    with pytest.raises(InputError, match=re.escape(message)) as caught:
        read_sessions(path, energy="requested")
    assert str(path) in str(caught.value)


def test_log_without_columns_rows_or_a_week(tmp_path: Path) -> None:
    path = tmp_path / "sessions.csv"
    path.write_text(HEADER)
    with pytest.raises(InputError, match="rows: got 'none'"):
        read_sessions(path)
    path.write_text(HEADER.replace("battery_kwh", "battery") + GOOD)
    with pytest.raises(InputError, match="line 1: got 'battery', expected only the columns"):
        read_sessions(path)
    path.write_text(HEADER + GOOD)
    with pytest.raises(InputError, match=r"sessions\.csv: dates: got '1 days', expected at least a week"):
        arrivals(path)


def test_the_recorded_battery_and_limit_are_kept(tmp_path: Path) -> None:
    rows = [f"2024-01-{day:02d}T08:00,2024-01-{day:02d}T09:00,30,31.5,7.2" for day in range(1, 8)]
    path = tmp_path / "sessions.csv"
    path.write_text("arrival_local,departure_local,energy_kwh,battery_kwh,vehicle_kw\n" + "\n".join(rows))
    (session,) = arrivals(path).day(0, 0, 0, Streams(0))
    assert (session.battery_kwh, session.power_kw, session.energy_kwh) == (31.5, 7.2, 30.0)
    assert session.arrival_energy_kwh == pytest.approx(1.5)


def test_vehicle_table(tmp_path: Path) -> None:
    path = tmp_path / "vehicles.csv"
    path.write_text("model,registrations,battery_kwh,ac_kw,dc_kw\nA,0,40,11,50\n")
    with pytest.raises(InputError, match="at least one model with registrations"):
        read_vehicles(path)
    path.write_text("model,registrations,battery_kwh,ac_kw,dc_kw\nA,1,0,11,50\n")
    with pytest.raises(InputError, match="line 2, column battery_kwh: got '0'"):
        read_vehicles(path)
    path.write_text("model,registrations,battery_kwh,ac_kw,dc_kw\nA,1,40,11,50\nB,-0.5,50,11,50\n")
    with pytest.raises(InputError, match=r"line 3, column registrations: got '-0.5'"):
        read_vehicles(path)
    path.write_text("model,registrations,battery_kwh,ac_kw,dc_kw\nA,0,70,11,50\nB,3,50,22,90\n")
    assert {name: values.tolist() for name, values in read_vehicles(path).items()} == {
        "battery_kwh": [50.0, 70.0], "ac_kw": [22.0, 11.0], "dc_kw": [90.0, 50.0], "registrations": [3.0, 0.0],
    }  # fmt: skip


def test_a_gap_in_the_middle_hides_no_stray_date_after_it(tmp_path: Path) -> None:
    """Half of a log may lie a year after the other half; one row five years later may not."""
    rows = [
        f"{year}-03-{day:02d}T08:00,{year}-03-{day:02d}T12:00,10,40," for year in (2020, 2021) for day in range(1, 29)
    ]
    path = tmp_path / "sessions.csv"
    path.write_text(HEADER + "\n".join(rows) + "\n")
    assert read_sessions(path).days > 365
    path.write_text(HEADER + "\n".join([*rows, "2026-03-01T08:00,2026-03-01T12:00,10,40,"]) + "\n")
    with pytest.raises(InputError, match=r"line 58, .*a date near the others: it is 1799 days after the next one"):
        read_sessions(path)
    path.write_text(HEADER + "\n".join(["2015-03-01T08:00,2015-03-01T12:00,10,40,", *rows]) + "\n")
    with pytest.raises(InputError, match=r"line 2, .*it is 1827 days before the next one, and only 1 of 57"):
        read_sessions(path)
