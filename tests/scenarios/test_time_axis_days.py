"""Days of 23 and 25 hours and of quarter-hours: what prices, profiles, sessions and programs become on them."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path

import numpy as np
import pytest
import yaml

from equilibrium.demand_response import response_factor
from equilibrium.errors import InputError
from scenarios.loading import load_scenario
from scenarios.readers.prices import read_prices
from scenarios.readers.profiles import read_profiles
from scenarios.readers.programs import read_programs
from scenarios.readers.sessions import read_sessions
from scenarios.streams import Streams
from scenarios.time_axis import day_axis
from tests.scenarios.weeks import MADRID, own_case, write

SPRING, AUTUMN = dt.date(2024, 3, 31), dt.date(2024, 10, 27)


def starts(date: dt.date, step: int, *, offset: bool = True) -> list[str]:
    return [text if offset else text[:16] for text in day_axis(date, MADRID, step).starts]


# Prices --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("date", "hours"), [(SPRING, 23), (AUTUMN, 25), (dt.date(2024, 6, 10), 24)])
def test_three_ways_to_write_a_day_agree(tmp_path: Path, date: dt.date, hours: int) -> None:
    price = np.arange(4.0 * hours)
    columns = {
        "start_local": starts(date, 15),
        "date,period": [f"{date},{period + 1}" for period in range(4 * hours)],
    }
    columns["start_local "] = starts(date, 15, offset=False)  # the repeated hour stands twice, in order of time
    for name, cells in columns.items():
        rows = [f"{cell},{value}" for cell, value in zip(cells, price, strict=True)]
        path = write(tmp_path / "prices.csv", f"{name.strip()},price_huf_per_kwh", rows)
        series = read_prices(path, zone=MADRID, step_minutes=15)
        assert series.dates == (date,)
        np.testing.assert_array_equal(series.price[0], price)
    whole = series.on(0, day_axis(date, MADRID))
    assert whole.tolist() == pytest.approx([4 * hour + 1.5 for hour in range(hours)])


def test_a_coarser_price_holds_for_its_parts(tmp_path: Path) -> None:
    rows = [f"{AUTUMN},{hour + 1},{hour}" for hour in range(25)]
    series = read_prices(write(tmp_path / "prices.csv", "date,hour,price_huf_per_kwh", rows), zone=MADRID)
    quarters = series.on(0, day_axis(AUTUMN, MADRID, 15))
    assert quarters.tolist() == np.repeat(np.arange(25.0), 4).tolist()
    assert series.typical(day_axis(None, None)).tolist()[:4] == pytest.approx([0.0, 1.0, 2.5, 4.0])


def test_a_typical_day_in_quarters(tmp_path: Path) -> None:
    cells = [f"{q // 4:02d}:{15 * (q % 4):02d},{q}" for q in range(96)]
    series = read_prices(write(tmp_path / "prices.csv", "start,price_huf_per_kwh", cells), step_minutes=15)
    assert series.dates == ()
    assert series.price[0].tolist() == list(range(96))


GOOD = [f"{text},1" for text in starts(SPRING, 15)]
BAD = [
    # what a file of quarter-hours in a zone may not say, and what the one line says
    (
        ["2024-03-31T00:00+01:00,1", "2024-03-31T00:00+01:00,1"],
        "line 3, column start_local: got '2024-03-31T00:00+01:00', expected each period once",
    ),
    (
        ["2024-03-31T00:15+01:00,1", "2024-03-31T00:00+01:00,1"],
        "line 3, column start_local: got '2024-03-31T00:00+01:00', expected periods in order of time",
    ),
    (GOOD[:5] + GOOD[6:], "line 7, 2024-03-31: got '91 prices', expected 92 prices, one every 15 minutes (01:15 is"),
    (GOOD[:-1], "line 92, 2024-03-31: got '91 prices', expected 92 prices, one every 15 minutes (23:45 is missing)"),
    (
        ["2024-03-31T00:10+01:00,1"],
        "line 2, column start_local: got '2024-03-31T00:10+01:00', expected the local start of a period: a price every "
        "15 minutes (prices.step_minutes)",
    ),
    (
        ["2024-03-31T02:15,1"],
        "line 2, column start_local: got '2024-03-31T02:15', expected a local time that exists: the clock of "
        "Europe/Madrid skips this one",
    ),
    (
        ["2024-03-31T01:00+02:00,1"],
        "line 2, column start_local: got '2024-03-31T01:00+02:00', expected the offset +01:00, which Europe/Madrid has",
    ),
    (
        ["2024-10-27T02:00+03:00,1"],
        "line 2, column start_local: got '2024-10-27T02:00+03:00', expected the offset +02:00 or +01:00, which",
    ),
]


@pytest.mark.parametrize(("rows", "message"), BAD)
def test_what_a_day_of_quarters_may_not_be(tmp_path: Path, rows: list[str], message: str) -> None:
    path = write(tmp_path / "prices.csv", "start_local,price_huf_per_kwh", rows)
    with pytest.raises(InputError, match=re.escape(message)) as caught:
        read_prices(path, zone=MADRID, step_minutes=15)
    assert caught.value.source == str(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("header", "rows", "step", "message"),
    [
        (
            "date,hour",
            ["2024-06-10,1,5"],
            15,
            "header: got 'date,hour,price_huf_per_kwh', expected the columns date and",
        ),
        (
            "date,period",
            [f"2024-06-10,{k},5" for k in range(1, 26)],
            60,
            "line 26, column period: got '25', expected a wh",
        ),
        (
            "date,period",
            [f"2024-06-10,{k},5" for k in range(1, 25)],
            15,
            "line 25, 2024-06-10: got '24 prices', expected 96",
        ),
        (
            "start_local",
            ["2024-06-10T00:00,5", "2024-06-10T00:15,5"],
            60,
            "line 3, column start_local: got '2024-06-10T00:1",
        ),
        (
            "start_local",
            ["2024-06-10T00:00,5", "2024-06-10T01:00,5"],
            15,
            "line 3, 2024-06-10: got '2 prices', expected 96",
        ),
        ("start", ["00:00,5", "00:20,5"], 15, "line 3, column start: got '00:20', expected the start of a period"),
        ("start", ["noon,5"], 15, "line 2, column start: got 'noon', expected a time of the clock such as 00:15"),
    ],
)
def test_prices_of_another_step_than_said(
    tmp_path: Path, header: str, rows: list[str], step: int, message: str
) -> None:
    path = write(tmp_path / "prices.csv", f"{header},price_huf_per_kwh", rows)
    with pytest.raises(InputError, match=re.escape(message)):
        read_prices(path, step_minutes=step)


def test_a_day_of_23_hours_without_a_zone_says_which_key_is_missing(tmp_path: Path) -> None:
    rows = [f"{SPRING},{hour},1" for hour in range(1, 24)]
    path = write(tmp_path / "prices.csv", "date,hour,price_huf_per_kwh", rows)
    with pytest.raises(InputError, match=r"hour 24 is missing\), or time\.zone if the clock is changed on that day"):
        read_prices(path)
    assert read_prices(path, zone=MADRID).price[0].size == 23
    with pytest.raises(
        InputError, match="line 2, column date: got '2011-12-30', expected a date that Pacific/Apia has"
    ):
        read_prices(
            write(path, "date,hour,price_huf_per_kwh", [f"2011-12-30,{h},1" for h in range(1, 25)]), zone="Pacific/Apia"
        )


def test_profiles_of_any_step(tmp_path: Path) -> None:
    cells = [f"{q // 2:02d}:{30 * (q % 2):02d},{q / 10}" for q in range(48)]
    profiles = read_profiles(write(tmp_path / "profiles.csv", "start,flat_pu", cells))
    assert profiles["flat"].tolist() == [q / 10 for q in range(48)]
    cells[3] = "01:45,3"
    with pytest.raises(
        InputError, match="line 5, column start: got '01:45', expected 01:30: 48 rows are steps of 30 min"
    ):
        read_profiles(write(tmp_path / "profiles.csv", "start,flat_pu", cells))


# Sessions ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", [60, 15])
def test_half_past_one_to_half_past_three_is_one_hour_in_spring_and_three_in_autumn(tmp_path: Path, step: int) -> None:
    for name, date, hours in (("a", SPRING, 1.0), ("b", AUTUMN, 3.0), ("c", dt.date(2024, 6, 16), 2.0)):
        (tmp_path / name).mkdir()
        stay = f"{date}T01:30,{date}T03:30,40,60"
        scenario = load_scenario(str(own_case(tmp_path / name, date, [stay], step=step)))
        day = scenario.day(6, Streams(0))
        assert day.date == date
        (session,) = day.sessions
        assert session.arrival_h == 1.5
        assert session.departure_h - session.arrival_h == pytest.approx(hours)
        assert day.start_h == 6 * 24.0
        assert scenario.day(7, Streams(0)).start_h == 6 * 24.0 + day.axis.hours


def test_stays_over_a_night_in_which_the_clock_is_changed(tmp_path: Path) -> None:
    night = "2024-03-30T22:00,2024-03-31T06:00,40,60"
    scenario = load_scenario(str(own_case(tmp_path, SPRING, [night, f"{SPRING}T12:00,{SPRING}T13:00,1,40"])))
    session = next(s for s in scenario.day(5, Streams(0)).sessions if s.arrival_h == 22.0)
    assert session.departure_h == pytest.approx(24.0 + 5.0)


def test_offsets_say_which_of_two_equal_times_is_meant(tmp_path: Path) -> None:
    rows = [
        f"{AUTUMN}T02:45+02:00,{AUTUMN}T02:15+01:00,1,40",
        f"{AUTUMN}T02:15,{AUTUMN}T02:45,2,40",
        f"{AUTUMN}T02:15+02:00,{AUTUMN}T02:45+01:00,3,40",
    ]
    scenario = load_scenario(str(own_case(tmp_path, AUTUMN, rows)))
    stays = {s.energy_kwh: (s.arrival_h, s.departure_h) for s in scenario.day(6, Streams(0)).sessions}
    assert stays[1.0] == pytest.approx((2.75, 3.25))
    assert stays[2.0] == pytest.approx((2.25, 2.75))
    assert stays[3.0] == pytest.approx((2.25, 3.75))


@pytest.mark.parametrize(
    ("cell", "zone", "message"),
    [
        ("2024-06-10T08:00+02:00", None, "expected a local time without a time zone, or time.zone in the scenario"),
        ("2024-06-10T08:00Z", MADRID, "expected the offset +02:00, which Europe/Madrid has then"),
        ("2024-03-31T02:30+02:00", MADRID, "expected a time that exists in Europe/Madrid"),
        ("2024-10-27T02:30+00:00", MADRID, "expected the offset +02:00 or +01:00, which Europe/Madrid has then"),
    ],
)
def test_offsets_that_do_not_exist(tmp_path: Path, cell: str, zone: str | None, message: str) -> None:
    header = "arrival_local,departure_local,energy_kwh"
    path = write(
        tmp_path / "sessions.csv", header, ["2024-06-10T07:00,2024-06-10T09:00,3", f"{cell},2024-12-01T00:00,5"]
    )
    with pytest.raises(InputError, match=re.escape(f"line 3, column arrival_local: got '{cell}', {message}")):
        read_sessions(path, zone=zone)


# Days ----------------------------------------------------------------------------------------------------------------


def test_a_day_has_the_loads_and_potentials_of_its_clock(tmp_path: Path) -> None:
    scenario = load_scenario(str(own_case(tmp_path, SPRING, [f"{SPRING}T12:00,{SPRING}T13:00,1,40"], step=15)))
    day = scenario.day(6, Streams(0))
    assert (day.axis.size, day.load_kw.shape[0], day.wholesale_price.size) == (92, 92, 92)
    hour = [0, 1, *range(3, 24)]
    np.testing.assert_array_equal(day.load_kw, np.repeat(scenario.base_load_kw[hour], 4, axis=0))
    np.testing.assert_allclose(day.wholesale_price, np.repeat(50.0 + np.arange(23), 4) / 1000.0)
    nominal = scenario.nominal_day(day.axis)
    assert nominal.length_h.tolist() == [0.25] * 92
    assert scenario.notes[:2] == (
        "prices prices.csv: a value every 60 minutes holds for all its periods of 15 minutes",
        "profiles s0: a value every 60 minutes holds for all its periods of 15 minutes",
    )


def test_finer_values_are_averaged_and_a_note_says_so(tmp_path: Path) -> None:
    path = own_case(tmp_path, dt.date(2024, 6, 16), ["2024-06-16T12:00,2024-06-16T13:00,1,40"])
    write(
        tmp_path / "profiles.csv",
        "start,residential_pu,pv_pu",
        [f"{q // 4:02d}:{15 * (q % 4):02d},{q % 4},1" for q in range(96)],
    )
    data = yaml.safe_load(path.read_text())
    data["loads"] = {"profiles": "profiles.csv"}
    data["renewables"] = []
    path.write_text(yaml.safe_dump(data))
    scenario = load_scenario(str(path))
    np.testing.assert_allclose(scenario.day(0, Streams(0)).load_kw[:, 1], 150.0)
    assert "values every 15 minutes are averaged over periods of 60 minutes" in scenario.notes[0]


@pytest.mark.parametrize(("date", "hours"), [(SPRING, 23), (AUTUMN, 25), (dt.date(2024, 6, 16), 24)])
@pytest.mark.parametrize("step", [60, 15])
def test_counted_vehicles_bring_and_take_all_their_energy(tmp_path: Path, date: dt.date, hours: int, step: int) -> None:
    rows = [f"{date},{hour + 1},50" for hour in range(hours)]
    write(tmp_path / "prices.csv", "date,hour,price_eur_per_mwh", rows)
    keys = {
        "prices": {"file": str(tmp_path / "prices.csv"), "start": date},
        "time": {"zone": MADRID, "step_minutes": step},
    }
    scenario = load_scenario("epec-lots-33-case1", keys)
    ordinary = load_scenario("epec-lots-33-case1").day(0, Streams(0)).lots
    for lot, usual in zip(scenario.day(0, Streams(0)).lots, ordinary, strict=True):
        assert lot.power_max_kw.size == hours * 60 // step
        for name in ("energy_in_kwh", "energy_out_kwh", "energy_end_kwh"):
            assert np.sum(getattr(lot, name)) == pytest.approx(np.sum(getattr(usual, name)))
        assert lot.soe_max_kwh[-1] == usual.soe_max_kwh[-1]
        assert lot.power_max_kw[-1] == usual.power_max_kw[-1]


def test_a_zone_that_does_not_exist_is_refused_with_its_line(tmp_path: Path) -> None:
    path = own_case(tmp_path, dt.date(2024, 6, 16), [], zone=None)
    path.write_text(path.read_text().replace("step_minutes: 60", "step_minutes: 60\n  zone: Europe/Madird"))
    message = (
        r"case.yaml: line \d+, time.zone: got 'Europe/Madird', expected a zone of the IANA database such as Europe/Mad"
    )
    with pytest.raises(InputError, match=message):
        load_scenario(str(path))
    path.write_text(path.read_text().replace("Europe/Madird", MADRID).replace("step_minutes: 60", "step_minutes: 7"))
    with pytest.raises(InputError, match=r"time.step_minutes: got 7, expected 5, 10, 15, 20, 30 or 60"):
        load_scenario(str(path))


# The DISCO market ----------------------------------------------------------------------------------------------------


def test_tariffs_by_hour_hold_in_the_periods_that_begin_in_it() -> None:
    programs, axis = read_programs("disco-dr"), day_axis(AUTUMN, MADRID, 15)
    hourly, quarters = programs.program("tou"), programs.program("tou", axis=axis)
    assert quarters.tariff.tolist() == hourly.tariff[axis.clock_hour].tolist()
    assert quarters.tariff.size == 100
    follows = programs.program("rtp", np.arange(100.0), axis=axis)
    assert follows.tariff == pytest.approx(1.086 * np.arange(100.0))


def test_an_hour_that_is_cut_answers_as_a_whole_one_and_a_repeated_one_counts_twice() -> None:
    programs = read_programs("disco-dr")
    whole = response_factor(programs.base_tariff, programs.program("tou"), programs.elasticity)
    for axis in (day_axis(None, None, 15), day_axis(AUTUMN, MADRID), day_axis(SPRING, MADRID, 15)):
        elasticity = programs.elasticity.over(axis.clock_hour, axis.length_h)
        factor = response_factor(programs.base_tariff, programs.program("tou", axis=axis), elasticity)
        signal = programs.program("tou").tariff / programs.base_tariff - 1.0
        expected = 1.0 + programs.elasticity.values @ (axis.hours_of_clock() * signal)
        assert factor == pytest.approx(expected[axis.clock_hour])
        if axis.hours == 24.0:
            assert factor == pytest.approx(np.repeat(whole, 4))


@pytest.mark.parametrize(("date", "periods"), [(SPRING, 92), (AUTUMN, 100), (dt.date(2024, 6, 16), 96)])
def test_a_company_s_day_in_quarters(tmp_path: Path, date: dt.date, periods: int) -> None:
    hours = periods // 4
    write(tmp_path / "prices.csv", "date,hour,price_usd_per_mwh", [f"{date},{h + 1},{50 + h}" for h in range(hours)])
    keys = {"prices": {"file": str(tmp_path / "prices.csv")}, "time": {"zone": MADRID, "step_minutes": 15}}
    case = load_scenario("disco-15", keys)
    day = case.day(0, Streams(0))
    assert day.base_kw.shape[0] == day.upstream_price.size == periods
    drawn = case.outcome(day, Streams(0), lambda _: (30,))
    ordinary = load_scenario("disco-15")
    usual = ordinary.outcome(ordinary.day(0, Streams(0)), Streams(0), lambda _: (30,))
    (batch,), (hourly,) = drawn.vehicles, usual.vehicles
    np.testing.assert_array_equal(batch.wish_kwh, hourly.wish_kwh)
    clock = [0, 1, *range(3, 24)] if hours == 23 else [0, 1, 2, *range(2, 24)] if hours == 25 else list(range(24))
    for period, hour in ((batch.arrival, hourly.arrival), (batch.departure, hourly.departure)):
        assert (period % 4 == 0).all()
        whole = (hour > 3) & (hour < 24)  # after the change of the clock
        assert [clock[p // 4] for p in period[whole]] == hour[whole].tolist()
    np.testing.assert_allclose(drawn.renewable_kw, np.repeat(usual.renewable_kw[clock], 4, axis=0))
    assert case.forecast(day, Streams(0), lambda _: (5,)).distance > 0.0


def test_the_distance_of_scenarios_does_not_depend_on_the_step() -> None:
    fine, whole = load_scenario("disco-15", {"time": {"step_minutes": 15}}), load_scenario("disco-15")
    found = [case.forecast(case.day(0, Streams(3)), Streams(3), lambda _: (20,)) for case in (fine, whole)]
    assert found[0].distance == pytest.approx(found[1].distance)
    assert [each.probability for each in found[0].scenarios] == [each.probability for each in found[1].scenarios]
