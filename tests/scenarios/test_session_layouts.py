"""Sessions of ACN-Data, OCPI and CSV files with other columns: times, overlaps, units, and what is refused."""

from __future__ import annotations

import copy
import datetime as dt
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from equilibrium.errors import InputError
from scenarios.loading import load_scenario
from scenarios.readers.session_layouts import SessionWishes
from scenarios.readers.sessions import SessionLog, read_sessions
from scenarios.time_axis import day_axis, elapsed_since

ACN = {
    "_meta": {"site": "caltech"},
    "_items": [
        {
            "_id": "5bc90cb9f9af8b0d7fe77cd2",
            "connectionTime": "Wed, 25 Apr 2018 15:30:00 GMT",
            "disconnectTime": "Thu, 26 Apr 2018 00:00:00 GMT",
            "doneChargingTime": None,
            "kWhDelivered": 7.932,
            "sessionID": "2_39_78_362_2018",
            "siteID": "0002",
            "spaceID": "CA-496",
            "stationID": "2-39-78-362",
            "timezone": "America/Los_Angeles",
            "userInputs": [
                {"kWhRequested": 5, "requestedDeparture": "Wed, 25 Apr 2018 20:00:00 GMT"},
                {"kWhRequested": 12.5, "requestedDeparture": "Wed, 25 Apr 2018 22:30:00 GMT"},
            ],
        },
        {
            "connectionTime": "Sun, 11 Mar 2018 09:30:00 GMT",
            "disconnectTime": "Sun, 11 Mar 2018 11:30:00 GMT",
            "kWhDelivered": 3.0,
            "sessionID": "night",
            "siteID": "0002",
            "stationID": "2-39-78-362",
            "timezone": "America/Los_Angeles",
            "userInputs": None,
        },
    ],
}
"""Two sessions: one with two inputs of its driver, one of two hours while the clock is put forward."""

OCPI_211 = [
    {
        "id": "12345",
        "start_date_time": "2024-06-03T06:30:00Z",
        "stop_date_time": "2024-06-03T10:00:00Z",
        "total_energy": 15.3,
        "location": {"id": "LOC1", "evses": [{"uid": "3256", "connectors": [{"id": "1"}]}]},
    }
]
OCPI_221 = {
    "data": [
        {
            "id": "cdr-1",
            "start_date_time": "2024-10-26T22:30:00Z",
            "end_date_time": "2024-10-27T02:30:00Z",
            "cdr_location": {"id": "LOC2", "evse_uid": "E1", "connector_id": "2"},
            "total_energy": 20,
            "total_time": 4.0,
        }
    ],
    "status_code": 1000,
}


def read(folder: Path, content: object, zone: str | None, name: str = "log.json", **options: Any) -> SessionLog:
    (folder / name).write_text(content if isinstance(content, str) else json.dumps(content))
    said = {key: options.pop(key) for key in ("columns", "time_format", "time_zone", "energy_unit") if key in options}
    wishes = SessionWishes(**({"columns": {}} | said))
    return read_sessions(folder / name, zone=zone, wishes=wishes, **options)


def test_acn_keeps_the_clock_of_its_site(tmp_path: Path) -> None:
    for zone in ("Europe/Madrid", None):
        log = read(tmp_path, ACN, zone)
        assert (log.first, log.days) == (dt.date(2018, 3, 11), 46)
        assert log.arrival_h.tolist() == [1.5, 8.5]  # 09:30 GMT in winter, 15:30 GMT in summer
        assert log.stay_h.tolist() == [2.0, 8.5]  # what has passed
        assert log.site == ("0002", "0002")
        assert "2 sessions keep the clock of America/Los_Angeles" in log.notes[1]


def test_acn_in_its_own_zone(tmp_path: Path) -> None:
    log = read(tmp_path, ACN, "America/Los_Angeles")
    assert log.arrival_h.tolist() == [1.5, 8.5]
    assert log.stay_h.tolist() == [3.0, 8.5]  # on the clock, which skips an hour of the first
    asked = read(tmp_path, ACN, "America/Los_Angeles", energy="requested", departure="estimated")
    assert asked.energy_kwh.tolist() == [3.0, 12.5]
    assert asked.stay_h.tolist() == [3.0, 7.0]


def test_ocpi(tmp_path: Path) -> None:
    old = read(tmp_path, OCPI_211, "Europe/Madrid")
    assert (old.arrival_h.tolist(), old.stay_h.tolist(), old.energy_kwh.tolist()) == ([8.5], [3.5], [15.3])
    new = read(tmp_path, OCPI_221, "Europe/Madrid")
    assert (new.arrival_h.tolist(), new.site) == ([0.5], ("LOC2",))
    assert new.stay_h.tolist() == [3.0]  # four hours, one of which the clock shows twice
    with pytest.raises(InputError, match=r"item 1 \(12345\), start_date_time: .*expected time.zone in the scenario"):
        read(tmp_path, OCPI_211, None)
    local = copy.deepcopy(OCPI_211)
    local[0]["location"]["time_zone"] = "Europe/Madrid"
    assert read(tmp_path, local, None).arrival_h.tolist() == [8.5]


def changed(content: Any, item: int, **cells: object) -> Any:
    changed = copy.deepcopy(content)
    items = changed.get("_items", changed) if isinstance(changed, dict) else changed
    items[item].update(cells)
    return changed


FIRST = ACN["_items"][0]
BAD = [
    (
        changed(ACN, 0, connectionTime="2018-04-25"),
        "item 1 (2_39_78_362_2018), connectionTime: got '2018-04-25', expected a",
    ),
    (changed(ACN, 1, disconnectTime=None), "item 2 (night), disconnectTime: got None, expected a time such as Wed,"),
    (changed(ACN, 0, kWhDelivered="7"), "item 1 (2_39_78_362_2018), kWhDelivered: got '7', expected a number of kWh"),
    (
        changed(ACN, 0, kWhDelivered=7932.0),
        "item 1, kWhDelivered: got '7932.0', expected kWh, up to 2000; 7932 Wh",
    ),
    (changed(ACN, 0, timezone="America/Los Angeles"), "timezone: got 'America/Los Angeles', expected a zone"),
    (changed(ACN, 0, timezone=None), "timezone: got None, expected the zone of the site, or drivers.time_zone"),
    (
        {"_items": [FIRST, FIRST]},
        "item 2, sessionID: got '2_39_78_362_2018', expected each sessionID once (it stands in item 1)",
    ),
    (
        {"_items": [FIRST, FIRST | {"sessionID": "b", "connectionTime": "Wed, 25 Apr 2018 20:00:00 GMT"}]},
        "item 2, connectionTime: got '2018-04-25T13:00:00-07:00', expected an arrival after item 1 has left",
    ),
    ({"_items": []}, "got 'no sessions', expected ACN-Data with at least one session"),
    ({"_items": [3]}, "item 1: got 3, expected an object"),
    (changed(OCPI_211, 0, stop_date_time="soon"), "item 1 (12345), stop_date_time: got 'soon'"),
    (changed(OCPI_211, 0, stop_date_time="2024-06-03T06:00:00Z"), "expected a time after the arrival"),
    (changed(OCPI_221["data"], 0, end_date_time=None), "item 1 (cdr-1), end_date_time: got None, expected a time such"),
    (
        [{key: cell for key, cell in OCPI_221["data"][0].items() if key != "end_date_time"}],
        "item 1 (cdr-1), end_date_time: got None",
    ),
    (changed(OCPI_211, 0, total_energy=-2), "item 1, total_energy: got '-2', expected a number >= 0"),
    (changed(ACN, 1, disconnectTime=None)["_items"], "item 2 (night), disconnectTime: got None"),
    (3, "got 'neither', expected ACN-Data (_items) or a list of OCPI"),
    ("{", "got 'line 1: Expecting property name"),
]


@pytest.mark.parametrize(("content", "message"), BAD, ids=[message[:45] for _, message in BAD])
def test_bad_files(tmp_path: Path, content: object, message: str) -> None:
    with pytest.raises(InputError) as raised:
        read(tmp_path, content, "America/Los_Angeles")
    assert message in str(raised.value)
    assert len(str(raised.value)) < 700


def test_sessions_of_acn_data_in_a_bare_list(tmp_path: Path) -> None:
    log, same = (read(tmp_path, content, "America/Los_Angeles") for content in (ACN, ACN["_items"]))
    assert log.energy_kwh.tolist() == same.energy_kwh.tolist() == [3.0, 7.932]
    assert same.notes == log.notes


OWN = """Ladepunkt;Beginn;Ende;Energie
A;03.06.2024 08:15;03.06.2024 17:00;12,5
A;03.06.2024 17:00;03.06.2024 19:30;7,25
"""
COLUMNS = {"arrival_local": "Beginn", "departure_local": "Ende", "energy_kwh": "Energie", "connector": "Ladepunkt"}
GERMAN = {"columns": COLUMNS, "time_format": "%d.%m.%Y %H:%M", "name": "log.csv"}


def test_a_csv_of_its_own(tmp_path: Path) -> None:
    log = read(tmp_path, OWN, None, **GERMAN)
    assert (log.arrival_h.tolist(), log.energy_kwh.tolist()) == ([8.25, 17.0], [12.5, 7.25])
    utc = read(tmp_path, OWN, "Europe/Berlin", time_zone="UTC", **GERMAN)
    assert utc.arrival_h.tolist() == [10.25, 19.0]
    watt = read(tmp_path, OWN.replace("12,5", "12500").replace("7,25", "7250"), None, energy_unit="Wh", **GERMAN)
    assert watt.energy_kwh.tolist() == [12.5, 7.25]
    fewer = {**COLUMNS}
    del fewer["connector"]
    assert "columns that are not read: Ladepunkt" in read(tmp_path, OWN, None, **{**GERMAN, "columns": fewer}).notes[0]


CHANGE = """Ladepunkt;Beginn;Ende;Energie
A;30.03.2024 02:30;30.03.2024 05:00;5
A;31.03.2024 02:30;31.03.2024 05:00;5
B;27.10.2024 02:30;27.10.2024 02:10;5
C;27.10.2024 02:10;27.10.2024 02:40;5
"""


def test_times_that_a_clock_skips_or_shows_twice_are_told(tmp_path: Path) -> None:
    log = read(tmp_path, CHANGE, "Europe/Berlin", **GERMAN)
    assert [note.partition(": ")[2] for note in log.notes] == [
        "times that the clock of Europe/Berlin skips are taken as the moment at which it is put forward: 1",
        "times that the clock of Europe/Berlin shows twice are taken as the first, or as the second where a stay would "
        "else end before it begins: 4",
    ]
    # from 02:30 in summer time to 02:10 in winter time are 40 minutes; the other stay has 30
    assert sorted(zip(log.arrival_h[2:], log.departure_again[2:], strict=True)) == [(2 + 10 / 60, False), (2.5, True)]
    assert not log.arrival_again.any()
    passed = elapsed_since(
        lambda day: day_axis(dt.date(2024, 10, 27) + dt.timedelta(days=day), "Europe/Berlin", 60),
        (log.arrival_h + log.stay_h)[2:], log.departure_again[2:],
    )  # fmt: skip
    assert sorted((passed - log.arrival_h[2:]).round(9)) == [0.5, round(2 / 3, 9)]
    for text, zone in ((CHANGE, None), (CHANGE.replace("02:10;5", "02:30;5"), "Europe/Berlin")):
        with pytest.raises(InputError, match=r"line 4, column Ende.*expected a time after the arrival"):
            read(tmp_path, text, zone, **GERMAN)


def test_a_zone_of_a_file_in_our_layout_is_refused(tmp_path: Path) -> None:
    text = "arrival_local,departure_local,energy_kwh\n2024-06-03T08:00,2024-06-03T10:00,5\n"
    assert read(tmp_path, text, "Europe/Berlin", "log.csv").arrival_h.tolist() == [8.0]
    with pytest.raises(InputError, match=r"drivers.time_zone: got 'UTC', expected no time_zone: times in our layout"):
        read(tmp_path, text, "Europe/Berlin", "log.csv", time_zone="UTC")


def test_what_a_csv_of_its_own_is_told(tmp_path: Path) -> None:
    for text, zone, extra, message in (
        (
            OWN.replace("12,5", "12500"),
            None,
            {},
            "got '12500', expected kWh, up to 2000; 12500 Wh would be 12.5 kWh (drivers.energy_unit: Wh)",
        ),
        (OWN.replace("12,5", "1.012,5"), None, {}, "line 2, column Energie: got '1.012,5', expected a number with one"),
        (
            OWN.replace("03.06.2024 08:15", "2024-06-03"),
            None,
            {},
            "line 2, column Beginn: got '2024-06-03', expected a time",
        ),
        (OWN.replace("Ende;", "End;"), None, {}, "expected a column 'Ende'"),
        (OWN, None, {"time_zone": "UTC"}, "expected time.zone in the scenario, to which drivers.time_zone is turned"),
        (
            OWN.replace("03.06.2024 08:15", "31.03.2024 02:15"),
            "Europe/Lisbon",
            {"time_zone": "Europe/Berlin"},
            "the clock of Europe/Berlin skips this time",
        ),
        (
            OWN.replace("03.06.2024 17:00;0", "03.06.2024 16:59;0"),
            None,
            {},
            "line 3, column Beginn: got '2024-06-03T16:59:00'",
        ),
    ):
        with pytest.raises(InputError) as raised:
            read(tmp_path, text, zone, **{**GERMAN, **extra})
        assert message in str(raised.value)
    kept = read(tmp_path, OWN.replace("17:00;0", "16:59;0"), None, overlaps="keep", **GERMAN)
    assert kept.notes[-1].endswith("1 sessions begin before the one before has left the connector")


def test_a_scenario_with_foreign_sessions(tmp_path: Path, case: Path) -> None:
    items = [
        changed(ACN, 0, connectionTime=f"{day}, {number} Apr 2018 15:30:00 GMT", sessionID=str(number))["_items"][0]
        | {"disconnectTime": f"{day}, {number} Apr 2018 20:30:00 GMT", "userInputs": None}
        for number, day in zip(range(23, 30), ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"), strict=True)
    ]
    (tmp_path / "acn.json").write_text(json.dumps({"_items": items}))
    data = yaml.safe_load(case.read_text())
    drivers = {"source": "replay", "files": ["acn.json"]}
    case.write_text(yaml.safe_dump(data | {"drivers": drivers}))
    loaded = load_scenario(str(case))
    assert loaded.arrivals is not None
    assert np.array_equal(loaded.arrivals.logs[0].arrival_h, np.full(7, 8.5))
    assert any("7 sessions read as ACN-Data" in note for note in loaded.notes)
    for extra, message in (
        ({"columns": {"arival_local": "a"}}, "drivers.columns.arival_local: got 'a', expected one of arrival_local"),
        ({"columns": {"arrival_local": "a"}}, "the file's names of departure_local, energy_kwh too"),
        ({"time_format": "%d"}, "drivers.time_format: got '%d', expected this key only beside columns"),
        ({"time_zone": "Mars"}, "drivers.time_zone: got 'Mars', expected a zone"),
    ):
        case.write_text(yaml.safe_dump(data | {"drivers": drivers | extra}))
        with pytest.raises(InputError) as raised:
            load_scenario(str(case))
        assert message in str(raised.value)


def many(energy: str) -> str:
    rows = [f"2024-06-{3 + k:02d}T08:00,2024-06-{3 + k:02d}T10:00,{energy}" for k in range(12)]
    return "\n".join(["Beginn,Ende,Energie", *rows]) + "\n"


NAMED = {"arrival_local": "Beginn", "departure_local": "Ende", "energy_kwh": "Energie"}


def test_energies_that_are_a_thousand_times_too_small(tmp_path: Path) -> None:
    """A file in kWh read as in Wh, points that part thousands of Wh, and a file in MWh; single ones may be small."""
    path = tmp_path / "s.csv"
    for energy, unit in (("13.5", "Wh"), ("13.500", "Wh"), ("0.0135", "kWh")):
        path.write_text(many(energy))
        with pytest.raises(InputError, match=r"column Energie: got '0.0135 kWh in the middle', .* would be 13.5 kWh"):
            read_sessions(path, wishes=SessionWishes(NAMED, energy_unit=unit))
    path.write_text(many("13.5").replace("13.5", "0.01", 3))
    assert read_sessions(path, wishes=SessionWishes(NAMED)).energy_kwh.min() == 0.01


def test_times_with_offsets_are_turned_to_the_clock_of_the_scenario(tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    path.write_text(many("13.5").replace(":00,", ":00Z,"))
    log = read_sessions(path, zone="Europe/Madrid", wishes=SessionWishes(NAMED))
    assert log.arrival_h.tolist() == [10.0] * 12
    assert log.stay_h.tolist() == [2.0] * 12


def test_a_credit_record_takes_another_one_back(tmp_path: Path) -> None:
    record = {**OCPI_211[0], "id": "c1", "credit": True, "credit_reference_id": "12345", "total_energy": -15.3}
    (tmp_path / "c.json").write_text(json.dumps([OCPI_211[0], record]))
    with pytest.raises(InputError, match=r"item 2 \(c1\), credit: got True, .*leave this one out, and 12345"):
        read_sessions(tmp_path / "c.json", zone="Europe/Madrid")
