"""Prices and profiles: the bundled fortnight, other columns and units, and what bad series get."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path

import numpy as np
import pytest

from equilibrium.errors import InputError
from scenarios.files import DATA
from scenarios.readers.prices import PriceSeries, read_prices
from scenarios.readers.profiles import read_profiles
from scenarios.time_axis import TimeAxis, day_axis
from tests.scenarios.conftest import prices_csv


@pytest.fixture
def csv(tmp_path: Path) -> Path:
    path = tmp_path / "prices.csv"
    path.write_text(prices_csv())
    return path


def test_the_bundled_fortnight_is_two_whole_weeks_with_negative_hours_in_each() -> None:
    series = read_prices(DATA / "prices" / "omie-es-2024-06.csv")
    assert series.currency == "EUR"
    price = np.array(series.price)
    assert price.shape == (14, 24)
    assert series.dates[0].weekday() == 0
    assert price[:7].min() < 0 < price[:7].max()
    assert price[7:].min() < 0
    assert price.min() == pytest.approx(-0.002)  # -2 EUR/MWh
    assert price.max() == pytest.approx(0.1309)


def test_units_and_time_columns_agree(csv: Path, tmp_path: Path) -> None:
    series = read_prices(csv)
    assert series.price[2][4] == pytest.approx(0.035)  # 2024-01-03, hour 5: 35 EUR/MWh
    rows = csv.read_text().splitlines()[1:]
    lines = ["start_local,zone,es_usd_per_kwh,pt_usd_per_kwh"]
    for row in rows:
        date, hour, price = row.split(",")
        lines.append(f"{date}T{int(hour) - 1:02d}:00,ES,{float(price) / 1000},9")
    other = tmp_path / "other.csv"
    other.write_text("\n".join(lines))
    same = read_prices(other, "es_usd_per_kwh")
    assert same.currency == "USD"
    assert same.dates == series.dates
    np.testing.assert_allclose(same.price, series.price)


def test_after_the_end_whole_weeks_repeat(csv: Path) -> None:
    series = read_prices(csv)  # eight days
    assert [series.row(day) for day in range(17)] == [0, 1, 2, 3, 4, 5, 6, 7, 1, 2, 3, 4, 5, 6, 0, 1, 2]
    later = series.starting(dt.date(2024, 1, 6))  # three days are left
    assert later.dates[0] == dt.date(2024, 1, 6)
    assert [later.row(day) for day in range(5)] == [0, 1, 2, 0, 1]
    with pytest.raises(InputError, match=re.escape("2024-01-01 .. 2024-01-08")):
        series.starting(dt.date(2025, 1, 1))


def test_a_typical_day_has_no_date() -> None:
    series = read_prices(DATA / "prices" / "s0.csv")
    assert series.dates == ()
    assert [price.shape for price in series.price] == [(24,)]
    assert series.row(5) == 0


BAD = [
    ("2024-01-03,7,37\n", "", "2024-01-03: got '23 prices', expected 24 prices (hour 7 is missing)"),
    ("2024-01-03,7,37\n", "2024-01-03,7,nan\n", "line 56, column price_eur_per_mwh: got 'nan'"),
    ("2024-01-03,7,37\n", "2024-01-03,7,\n", "line 56, column price_eur_per_mwh: got ''"),
    ("2024-01-03,7,37\n", "2024-01-03,6,37\n", "line 56, column hour: got '6', expected each hour once"),
    ("2024-01-03,7,37\n", "2024-01-03,5,37\n", "line 56, column hour: got '5', expected hours in order"),
    ("2024-01-03,7,37\n", "2024-01-03,25,37\n", "line 56, column hour: got '25'"),
    ("2024-01-03,7,37\n", "2024-01-03,6.5,37\n", "line 56, column hour: got '6.5'"),
    ("2024-01-03,7,37\n", "3 January,7,37\n", "line 56, column date: got '3 January'"),
    ("price_eur_per_mwh", "price", "header: got 'date,hour,price', expected one column such as price_eur_per_mwh"),
    ("date,hour", "day,period", "header: got 'day,period,price_eur_per_mwh'"),
]


@pytest.mark.parametrize(("old", "new", "message"), BAD)
def test_bad_series_names_file_and_place(csv: Path, old: str, new: str, message: str) -> None:
    text = csv.read_text()
    assert old in text
    csv.write_text(text.replace(old, new, 1))
    with pytest.raises(InputError, match=re.escape(message)) as caught:
        read_prices(csv)
    assert str(csv) in str(caught.value)


def test_missing_day_and_clock_change(csv: Path) -> None:
    text = csv.read_text()
    csv.write_text("".join(line for line in text.splitlines(keepends=True) if "2024-01-04" not in line))
    with pytest.raises(InputError, match=r"2024-01-05: got 'the day after 2024-01-03'"):
        read_prices(csv)
    hours = [f"2024-03-31T{hour:02d}:00,1" for hour in range(24) if hour != 2]
    csv.write_text("start_local,price_eur_per_mwh\n" + "\n".join(hours))
    with pytest.raises(InputError, match=r"2024-03-31: got '23 prices'"):
        read_prices(csv)


def test_bad_start_and_price_column(csv: Path) -> None:
    for start in ("noon", "2024-01-01T00:30", "2024-01-01T00:00+01:00"):
        csv.write_text(f"start_local,price_eur_per_mwh\n{start},1\n")
        with pytest.raises(InputError, match="line 2, column start_local"):
            read_prices(csv)
    csv.write_text(prices_csv())
    with pytest.raises(InputError, match="price_column: got 'es'"):
        read_prices(csv, "es")
    with pytest.raises(InputError, match="price_column: got 'hour'"):
        read_prices(csv, "hour")


def test_profiles(tmp_path: Path) -> None:
    profiles = read_profiles(DATA / "profiles" / "s0.csv")
    assert set(profiles) == {"residential", "industrial", "pv", "wind"}
    assert all(shape.shape == (24,) and shape.max() <= 1.0 for shape in profiles.values())
    path = tmp_path / "profiles.csv"
    path.write_text("hour,flat_pu\n" + "\n".join(f"{hour},1" for hour in range(1, 24)))
    with pytest.raises(InputError, match="23 rows"):
        read_profiles(path)
    path.write_text("hour,flat\n" + "\n".join(f"{hour},1" for hour in range(1, 25)))
    with pytest.raises(InputError, match="got 'flat', expected profile columns named <name>_pu"):
        read_profiles(path)
    path.write_text("hour,flat_pu\n" + "\n".join(f"{hour},-1" for hour in range(1, 25)))
    with pytest.raises(InputError, match="line 2, column flat_pu: got '-1'"):
        read_profiles(path)


def test_the_typical_day_is_the_mean_hour_by_hour() -> None:
    """Days with a clock change count only where there are no others; an hour that none has gets the mean of all."""
    spring, autumn, plain = (day_axis(dt.date(2024, *at), "Europe/Madrid") for at in ((3, 31), (10, 27), (5, 1)))
    draw = np.random.default_rng(2)

    def series(*axes: TimeAxis) -> PriceSeries:
        prices = tuple(draw.uniform(0.01, 0.2, axis.size) for axis in axes)
        return PriceSeries("made", "EUR", (), prices, axes)

    day = day_axis(None, None)
    mixed = series(plain, spring, plain)
    np.testing.assert_allclose(mixed.typical(day), 0.5 * (mixed.price[0] + mixed.price[2]))
    twice = series(spring, autumn)
    a, b = twice.price
    wanted = [0.5 * (a[h - (h > 2)] + (b[h + (h > 2)] if h != 2 else 0.5 * (b[2] + b[3]))) for h in range(24)]
    wanted[2] = 0.5 * (b[2] + b[3])  # the spring day skips it
    np.testing.assert_allclose(twice.typical(day), wanted)
    alone = series(spring)
    (only,) = alone.price
    np.testing.assert_allclose(alone.typical(day), [*only[:2], only.mean(), *only[2:]])


def test_a_price_beyond_all_markets_is_told(tmp_path: Path) -> None:
    rows = [f"2024-06-03,{hour},{60 if hour != 9 else 6000}" for hour in range(1, 25)]
    path = tmp_path / "spot.csv"
    path.write_text("\n".join(["date,hour,price_eur_per_mwh", *rows]) + "\n")
    said = (
        "prices spot.csv: up to 6,000 EUR/MWh in size, beyond the 5,000 EUR/MWh that Europe's day-ahead market allows"
    )
    assert [note[: len(said)] for note in read_prices(path).notes] == [said]
    path.write_text(path.read_text().replace("6000", "5000"))
    assert read_prices(path).notes == ()
    path.write_text(path.read_text().replace("5000", "-6000").replace("eur", "jpy"))
    assert read_prices(path).notes == ()  # of a currency whose prices have other sizes nothing is said
