"""Rows of our own price files, of hours and of shorter periods: what each is taken for, and what is said."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from equilibrium.errors import InputError
from scenarios.readers.price_layout import NEVER_CHANGED, OTHER_LAYOUT
from scenarios.readers.prices import PriceSeries, price_files, read_prices
from scenarios.time_axis import day_axis

QUARTERS = "a price every 15 minutes (prices.step_minutes)"
HOURS = "a price every 60 minutes (prices.step_minutes)"
ROMAN = "Europe/Rome"


def read(folder: Path, text: str, zone: str | None = None, step: int = 60) -> PriceSeries:
    (folder / "p.csv").write_text(text)
    return read_prices(folder / "p.csv", zone=zone, step_minutes=step)


def rows(header: str, starts: list[str]) -> str:
    return "\n".join([f"{header},price_eur_per_mwh", *(f"{start},{10 + k}" for k, start in enumerate(starts))]) + "\n"


def clock(step: int, first: int = 0, last: int = 24 * 60) -> list[str]:
    return [f"{minute // 60:02d}:{minute % 60:02d}" for minute in range(first, last, step)]


@pytest.mark.parametrize("step", [15, 20, 60])
def test_a_typical_day_by_the_clock(step: int, tmp_path: Path) -> None:
    series = read(tmp_path, rows("start", clock(step)), step=step)
    assert (series.dates, series.currency, len(series.axes)) == ((), "EUR", 1)
    np.testing.assert_allclose(series.price[0], (10.0 + np.arange(24 * 60 // step)) / 1000.0)


def test_numbers_alone_are_a_typical_day_of_hours(tmp_path: Path) -> None:
    series = read(tmp_path, rows("hour", [str(k) for k in range(1, 25)]))
    assert (series.dates, series.price[0][0], series.price[0][23]) == ((), 0.01, 0.033)


def test_periods_of_two_dates(tmp_path: Path) -> None:
    dates = [f"2024-06-0{3 + day},{k}" for day in range(2) for k in range(1, 97)]
    series = read(tmp_path, rows("date,period", dates), step=15)
    assert series.dates == (dt.date(2024, 6, 3), dt.date(2024, 6, 4))
    assert [price[0] for price in series.price] == pytest.approx([0.010, 0.106])
    assert [axis.size for axis in series.axes] == [96, 96]


def test_a_start_may_be_half_a_second_off_and_no_more(tmp_path: Path) -> None:
    starts = [f"2024-06-03T{hour:02d}:00:00.{'4' if hour else '0'}" for hour in range(24)]
    assert read(tmp_path, rows("start_local", starts)).days == 1
    with pytest.raises(
        InputError, match=r"line 6, column start_local: got '2024-06-03T04:00:00.5', expected the local"
    ):
        read(tmp_path, rows("start_local", [*starts[:4], "2024-06-03T04:00:00.5", *starts[5:]]))


FIRST = "2024-06-03T00:00"
DATED = [f"2024-06-03T{time}" for time in clock(60)]
QUARTERED = [f"2024-06-03T{time}" for time in clock(15)]


@pytest.mark.parametrize(
    ("text", "zone", "step", "said"),
    [
        (rows("day,period", ["1,1"]), None, 60, "header: got 'day,period,price_eur_per_mwh', expected the columns date "
         f"and hour, or date and period, or start_local, or hour or start alone{OTHER_LAYOUT}"),
        (rows("hour", ["1"]), None, 15, "header: got 'hour,price_eur_per_mwh', expected the columns date and period, "
         f"start_local or start: {QUARTERS}"),
        (rows("date,hour", ["2024-06-03,1"]), None, 15, "header: got 'date,hour,price_eur_per_mwh', expected the "
         f"columns date and period, start_local or start: {QUARTERS}"),
        (rows("period", ["1"]), None, 15, "header: got 'period,price_eur_per_mwh', expected the columns date and "
         f"period, start_local or start: {QUARTERS}"),
        (rows("hour", ["25"]), None, 60, "line 2, column hour: got '25', expected a whole number from 1 to 24"),
        (rows("hour", ["0"]), None, 60, "line 2, column hour: got '0', expected a number >= 1"),
        (rows("hour", ["1.5"]), None, 60, "line 2, column hour: got '1.5', expected a whole number from 1 to 24"),
        (rows("date,period", ["2024-06-03,97"]), None, 15, "line 2, column period: got '97', expected a whole number "
         f"from 1 to 96: {QUARTERS}"),
        (rows("date,hour", ["2024-03-31,24"]), ROMAN, 60, "line 2, column hour: got '24', expected a whole number from "
         "1 to 23"),
        (rows("date,hour", ["2024-10-27,26"]), ROMAN, 60, "line 2, column hour: got '26', expected a whole number from "
         "1 to 25"),
        (rows("date,hour", ["2011-12-30,1"]), "Pacific/Apia", 60, "line 2, column date: got '2011-12-30', expected a "
         "date that Pacific/Apia has: its clock skips this one"),
        (rows("start_local", [f"{FIRST}+02:00"]), None, 60, "line 2, column start_local: got '2024-06-03T00:00+02:00', "
         "expected the local start of an hour without a time zone, or time.zone in the scenario"),
        (rows("start_local", [f"{FIRST}+02:00"]), None, 15, "line 2, column start_local: got '2024-06-03T00:00+02:00', "
         "expected the local start of a period without a time zone, or time.zone in the scenario"),
        (rows("start_local", [f"{FIRST}+01:00"]), ROMAN, 60, "line 2, column start_local: got "
         "'2024-06-03T00:00+01:00', expected the offset +02:00, which Europe/Rome has then"),
        (rows("start_local", ["2024-10-27T02:00+03:00"]), ROMAN, 60, "line 2, column start_local: got "
         "'2024-10-27T02:00+03:00', expected the offset +02:00 or +01:00, which Europe/Rome has then"),
        (rows("start_local", ["2024-03-31T02:00"]), ROMAN, 60, "line 2, column start_local: got '2024-03-31T02:00', "
         "expected a local time that exists: the clock of Europe/Rome skips this one"),
        (rows("start_local", ["2024-06-03T00:30"]), ROMAN, 60, "line 2, column start_local: got '2024-06-03T00:30', "
         f"expected the local start of an hour: {HOURS}"),
        (rows("start_local", ["2024-06-03T00:20"]), None, 15, "line 2, column start_local: got '2024-06-03T00:20', "
         f"expected the local start of a period: {QUARTERS}"),
        (rows("start", ["00:30"]), None, 60,
         f"line 2, column start: got '00:30', expected the start of an hour: {HOURS}"),
        (rows("start", ["00:15:01"]), None, 15, "line 2, column start: got '00:15:01', expected the start of a period: "
         f"{QUARTERS}"),
        (rows("start", ["noon"]), None, 60, "line 2, column start: got 'noon', expected a time of the clock such as "
         f"00:15, of one typical day (with dates the column is start_local){OTHER_LAYOUT}"),
        (rows("start", ["00:00", "01:00", "01:00"]), None, 60, "line 4, column start: got '01:00', expected each hour "
         "once, or time.zone in the scenario where the clock is put back"),
        (rows("start_local", [*QUARTERED[:3], QUARTERED[2]]), ROMAN, 15, "line 5, column start_local: got "
         "'2024-06-03T00:30', expected each period once"),
        (rows("start_local", [DATED[5], DATED[1]]), None, 60, "line 3, column start_local: got '2024-06-03T01:00', "
         "expected hours in order of time"),
        (rows("start_local", ["2024-06-04T00:00", "2024-06-03T01:00"]), None, 15, "line 3, column start_local: got "
         "'2024-06-03T01:00', expected periods in order of time"),
    ],
)  # fmt: skip
def test_what_is_said_of_a_row(text: str, zone: str | None, step: int, said: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as error:
        read(tmp_path, text, zone, step)
    assert str(error.value) == f"{tmp_path / 'p.csv'}: {said}"


AUTUMN = [f"2024-10-27T{time}" for time in clock(60)]


@pytest.mark.parametrize(
    ("text", "zone", "step", "said"),
    [
        (rows("start_local", [*DATED[:4], *DATED[6:]]), None, 60,
         "line 6, 2024-06-03: got '22 prices', expected 24 prices (hour 5 is missing)"),
        (rows("start_local", DATED[:-2]), None, 60,
         "line 23, 2024-06-03: got '22 prices', expected 24 prices (hour 23 is missing)"),
        (rows("start_local", DATED[1:]), None, 60, "line 2, 2024-06-03: got '23 prices', expected 24 prices (hour 1 is "
         "missing), or time.zone if the clock is changed on that day"),
        (rows("start", clock(60)[:20]), None, 60,
         "line 21, typical day: got '20 prices', expected 24 prices (hour 21 is missing)"),
        (rows("start", [*clock(15)[:6], *clock(15)[7:]]), None, 15, "line 8, typical day: got '95 prices', expected 96 "
         "prices, one every 15 minutes (01:30 is missing)"),
        (rows("start", clock(15)[:92]), None, 15, "line 93, typical day: got '92 prices', expected 96 prices, one "
         "every 15 minutes (23:00 is missing), or time.zone if the clock is changed on that day"),
        (rows("date,period", [f"2024-06-03,{k}" for k in range(1, 97) if k != 7]), None, 15, "line 8, 2024-06-03: got "
         "'95 prices', expected 96 prices, one every 15 minutes (period 7 is missing)"),
        (rows("start_local", AUTUMN), ROMAN, 60, "line 5, 2024-10-27: got '24 prices', expected 25 prices (hour 4 is "
         f"missing); the clock of Europe/Rome shows an hour twice on that day{NEVER_CHANGED}"),
        (rows("start_local", AUTUMN[:-1]), ROMAN, 60,
         "line 5, 2024-10-27: got '23 prices', expected 25 prices (hour 4 is missing)"),
    ],
)  # fmt: skip
def test_what_is_said_of_a_day_that_lacks_periods(
    text: str, zone: str | None, step: int, said: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError) as error:
        read(tmp_path, text, zone, step)
    assert str(error.value) == f"{tmp_path / 'p.csv'}: {said}"


def test_a_start_that_stands_twice_is_the_first_that_is_still_to_come(tmp_path: Path) -> None:
    twice = [*AUTUMN[:3], *AUTUMN[2:]]
    series = read(tmp_path, rows("start_local", twice), ROMAN)
    np.testing.assert_allclose(series.price[0], (10.0 + np.arange(25)) / 1000.0)
    stated = [*AUTUMN[:2], f"{AUTUMN[2]}+02:00", f"{AUTUMN[2]}+01:00", *AUTUMN[3:]]
    np.testing.assert_allclose(read(tmp_path, rows("start_local", stated), ROMAN).price[0], series.price[0])


def folder_of(path: Path, **files: str) -> Path:
    path.mkdir()
    for name, text in files.items():
        (path / f"{name}.csv").write_text(text)
    return path


def day_of(date: str, header: str = "price_eur_per_mwh") -> str:
    return f"start_local,{header}\n" + "".join(f"{date}T{hour:02d}:00,{hour}\n" for hour in range(24))


def test_files_of_a_folder_are_put_in_order_of_time(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "f", a=day_of("2024-06-05"), b=day_of("2024-06-04"), c=day_of("2024-06-06"))
    (folder / ".hidden").write_text("")
    (folder / "below").mkdir()
    assert [path.name for path in price_files(folder)] == ["a.csv", "b.csv", "c.csv"]
    assert price_files(folder / "a.csv") == (folder / "a.csv",)
    series = read_prices(folder)
    assert [date.day for date in series.dates] == [4, 5, 6]
    assert (series.notes, series.days, len(series.axes)) == ((f"prices {folder}: 3 files",), 3, 3)
    assert [price[2] for price in series.price] == [0.002] * 3


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({}, "{}: folder: got 'no files', expected files of prices"),
        ({"a": day_of("2024-06-04"), "b": day_of("2024-06-05", "price_usd_per_mwh")},
         "{}/b.csv: currency: got 'USD', expected EUR, as in {}/a.csv"),
        ({"a": day_of("2024-06-04"), "b": day_of("2024-06-06")}, "{}/b.csv: first date: got '2024-06-06', expected the "
         "day after 2024-06-04, the last one of {}/a.csv"),
        ({"a": day_of("2024-06-04"), "b": day_of("2024-06-04")}, "{}/b.csv: first date: got '2024-06-04', expected the "
         "day after 2024-06-04, the last one of {}/a.csv"),
        ({"a": rows("start", clock(60)), "b": day_of("2024-06-04")},
         "{}/b.csv: first date: got '2024-06-04', expected dates"),
        ({"a": rows("start", clock(60)), "b": rows("start", clock(60))},
         "{}/b.csv: first date: got 'none', expected dates"),
    ],
)  # fmt: skip
def test_files_of_a_folder_that_do_not_fit(files: dict[str, str], said: str, tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "f", **files)
    with pytest.raises(InputError) as error:
        read_prices(folder)
    assert str(error.value) == said.replace("{}", str(folder))


def test_prices_in_another_unit_are_refused_by_the_one_in_the_middle(tmp_path: Path) -> None:
    dear = "hour,price_eur_per_kwh\n" + "".join(f"{k},{-20 - k}\n" for k in range(1, 25))
    with pytest.raises(
        InputError, match=r"column price_eur_per_kwh: got 'prices around 32.5', expected prices per kWh"
    ):
        read(tmp_path, dear)


class Drawn:
    """A model of prices that notes what it was asked and gives the hour of the day."""

    def __init__(self) -> None:
        self.asked: list[Any] = []

    def day(self, index: int, weekday: int, streams: Any) -> Any:
        self.asked.append((index, weekday, streams))
        return np.arange(24.0)


def test_a_model_is_asked_for_the_weekday_of_the_row() -> None:
    axis, drawn = day_axis(None, None), Drawn()
    plain = PriceSeries("made", "EUR", (), (np.ones(24),), (axis,))
    assert plain.of_day(9, axis, SimpleNamespace()).tolist() == [1.0] * 24  # type: ignore[arg-type]
    timeless = PriceSeries("made", "EUR", (), (np.ones(24),), (axis,), model=drawn)  # type: ignore[arg-type]
    assert timeless.of_day(9, axis, None).tolist() == list(range(24))  # type: ignore[arg-type]
    dates = tuple(dt.date(2024, 6, day) for day in (5, 6, 7))  # Wednesday to Friday
    dated = PriceSeries("made", "EUR", dates, (np.ones(24),) * 3, (axis,) * 3, model=drawn)  # type: ignore[arg-type]
    dated.of_day(4, axis, None)  # type: ignore[arg-type]
    assert drawn.asked == [(9, 2, None), (4, 3, None)]
