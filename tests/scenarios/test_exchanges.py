"""Prices in the layouts of exchanges: what is read at changes of the clock, and what is refused with the row."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
import yaml

from equilibrium.errors import InputError
from scenarios.loading import load_scenario
from scenarios.readers.price_layout import PriceWishes
from scenarios.readers.prices import PriceSeries, read_prices

MADRID, PARIS, NEW_YORK = ZoneInfo("Europe/Madrid"), ZoneInfo("Europe/Paris"), ZoneInfo("America/New_York")
SPRING, AUTUMN = dt.date(2024, 3, 30), dt.date(2024, 10, 26)
"""The days before the clock is changed in Europe: a normal day, then one of 23 and of 25 hours."""


def moments(first: dt.date, zone: ZoneInfo, minutes: int = 60, days: int = 2) -> list[dt.datetime]:
    """Starts of the periods of some local days, with the zone."""
    now = dt.datetime.combine(first, dt.time(), zone).astimezone(dt.UTC)
    end = dt.datetime.combine(first + dt.timedelta(days=days), dt.time(), zone).astimezone(dt.UTC)
    found = []
    while now < end:
        found.append(now.astimezone(zone))
        now += dt.timedelta(minutes=minutes)
    return found


def price(number: int) -> float:
    return 40.0 + number / 4


def entsoe(starts: Iterable[dt.datetime], minutes: int = 60, *, old: bool = False, marked: bool = True) -> str:
    """Day-ahead prices as the transparency platform writes them; it marks the times of days with a change."""
    form = "%d.%m.%Y %H:%M" if old else "%d/%m/%Y %H:%M:%S"
    head = (
        '"MTU (CET/CEST)","Day-ahead Price [EUR/MWh]","Currency","BZN|FR"'
        if old
        else ('"MTU (CET/CEST)","Area","Sequence","Day-ahead Price (EUR/MWh)","Intraday Period (CET/CEST)"')
    )
    lines = [head]
    for number, start in enumerate(starts):
        end = (start.astimezone(dt.UTC) + dt.timedelta(minutes=minutes)).astimezone(PARIS)
        both = [
            each.strftime(form) + (f" ({each.tzname()})" if marked and not old and each.day in {27, 31} else "")
            for each in (start, end)
        ]
        value = f"{price(number):.2f}"
        cells = (
            [" - ".join(both), value, "EUR", ""] if old else [" - ".join(both), "BZN|FR", "Without Sequence", value, ""]
        )
        lines.append(",".join(f'"{cell}"' for cell in cells))
    return "\n".join(lines) + "\n"


def omie(starts: list[dt.datetime]) -> str:
    lines, number = ["MARGINALPDBC;"], {}
    for k, start in enumerate(starts):
        number[start.date()] = number.get(start.date(), 0) + 1
        lines.append(f"{start:%Y;%m;%d};{number[start.date()]};{price(k) - 1:.2f};{price(k):.2f};")
    return "\n".join([*lines, "*"]) + "\n"


def pjm(starts: list[dt.datetime]) -> str:
    lines = ["datetime_beginning_utc,datetime_beginning_ept,pnode_id,pnode_name,type,total_lmp_da,row_is_current"]
    form = "%-m/%-d/%Y %-I:%M:%S %p"
    for k, start in enumerate(starts):
        for node, add in (("WEST", 0.0), ("EAST", 5.0)):
            times = f"{start.astimezone(dt.UTC).strftime(form)},{start.strftime(form)}"
            lines.append(f"{times},1,{node},HUB,{price(k) + add},TRUE")
    return "\n".join(lines) + "\n"


def nord_pool(starts: list[dt.datetime], decimal: str = ",") -> str:
    lines = ["Delivery Start (CET);Delivery End (CET);SE3 Price (EUR);SE4 Price (EUR)"]
    for k, start in enumerate(starts):
        ends = [each.strftime("%d.%m.%Y %H:%M:%S") for each in (start, start + dt.timedelta(hours=1))]
        lines.append(f"{ends[0]};{ends[1]};{price(k):.2f};{price(k) + 1:.2f}".replace(".", decimal, 0))
        if decimal == ",":
            head, *cells = lines.pop().rsplit(";", 2)
            lines.append(";".join([head, *(cell.replace(".", ",") for cell in cells)]))
    return "\n".join(lines) + "\n"


def read(
    folder: Path, text: str, *, zone: str | None, step: int = 60, name: str = "prices.csv", **said: str
) -> PriceSeries:
    (folder / name).write_text(text)
    return read_prices(folder / name, zone=zone, step_minutes=step, wishes=PriceWishes(**said))


def same(series: PriceSeries, first: dt.date, sizes: list[int]) -> None:
    assert series.dates[0] == first
    assert [axis.size for axis in series.axes] == sizes
    expected = [price(number) / 1000 for number in range(sum(sizes))]
    assert np.concatenate(series.price) == pytest.approx(expected)


@pytest.mark.parametrize("old", [True, False], ids=["old platform", "new platform"])
@pytest.mark.parametrize(("first", "hours"), [(SPRING, 23), (AUTUMN, 25)], ids=["23 hours", "25 hours"])
@pytest.mark.parametrize("minutes", [60, 15])
def test_entsoe(tmp_path: Path, old: bool, first: dt.date, hours: int, minutes: int) -> None:
    text = entsoe(moments(first, PARIS, minutes), minutes, old=old)
    series = read(tmp_path, text, zone="Europe/Paris", step=minutes)
    same(series, first, [24 * 60 // minutes, hours * 60 // minutes])
    assert series.currency == "EUR"
    assert "read as ENTSO-E, Day-ahead Price" in series.notes[0]


def test_entsoe_in_utc_is_turned_to_the_zone(tmp_path: Path) -> None:
    text = entsoe(moments(dt.date(2024, 6, 1), ZoneInfo("UTC"), days=3), old=True).replace("CET/CEST", "UTC")
    rows = [row.replace(" CEST", "") for row in text.splitlines()]
    utc = [start.strftime("%d.%m.%Y %H:%M") for start in moments(dt.date(2024, 6, 1), ZoneInfo("UTC"), days=4)]
    rows[1:] = [f'"{utc[k]} - {utc[k + 1]}","{price(k):.2f}","EUR",""' for k in range(72)]
    series = read(tmp_path, "\n".join(rows), zone="Europe/Paris")
    assert series.dates == (dt.date(2024, 6, 2), dt.date(2024, 6, 3))
    assert series.price[0][0] == pytest.approx(price(22) / 1000)  # midnight in Paris is 22:00 of the day before
    assert "turned to Europe/Paris; 24 prices of parts of days at the ends are left out" in series.notes[1]
    with pytest.raises(InputError, match=r"line 2, column MTU \(UTC\).*or time.zone in the scenario"):
        read(tmp_path, "\n".join(rows), zone=None)


def test_entsoe_with_several_areas_and_sequences(tmp_path: Path) -> None:
    one = entsoe(moments(dt.date(2024, 6, 1), PARIS, days=1))
    other = one.replace("BZN|FR", "BZN|BE").replace("Without Sequence", "Sequence 1")
    both = one + other.split("\n", 1)[1]
    with pytest.raises(InputError, match=r"area: got None, expected one of.*BZN\|FR, Without Sequence; BZN\|BE, Seq"):
        read(tmp_path, both, zone=None)
    same(read(tmp_path, both, zone=None, area="BZN|BE, Sequence 1"), dt.date(2024, 6, 1), [24])


@pytest.mark.parametrize(("first", "hours"), [(SPRING, 23), (AUTUMN, 25)], ids=["23 hours", "25 hours"])
@pytest.mark.parametrize("minutes", [60, 15])
def test_omie(tmp_path: Path, first: dt.date, hours: int, minutes: int) -> None:
    text = omie(moments(first, MADRID, minutes))
    same(
        read(tmp_path, text, zone="Europe/Madrid", step=minutes, area="ES"),
        first,
        [1440 // minutes, hours * 60 // minutes],
    )
    spain, portugal = (read(tmp_path, text, zone="Europe/Madrid", step=minutes, area=area) for area in ("ES", "PT"))
    assert spain.price[0] - portugal.price[0] == pytest.approx(0.001)
    wide = text.replace("\n*\n", "\n*;;;;;;\n")  # a spreadsheet has stored it
    assert wide != text
    again = read(tmp_path, wide, zone="Europe/Madrid", step=minutes, area="ES")
    assert np.concatenate(again.price).tolist() == np.concatenate(spain.price).tolist()


def omie_of_a_day(starts: list[dt.datetime]) -> str:
    """The table of a day as OMIE's web page gives it: all its periods beside each other."""
    title = f"OMIE - Mercado de electricidad;Fecha Emisión :01/01/2024 - 13:24;;{starts[0]:%d/%m/%Y};Precio (EUR/MWh);"
    rows = [title, "", ";" + ";".join(f"H{k + 1}" for k in range(len(starts))) + ";"]
    for name, add in (("español", 0.0), ("portugués", -1.0)):
        cells = [f"{price(k) + add:8.2f}".replace(".", ",") for k in range(len(starts))]
        rows.append(";".join([f"Precio marginal en el sistema {name} (EUR/MWh)", *cells]) + ";")
    return "\n".join([*rows, "Energía total (MWh);" + "1,5;" * len(starts)]) + "\n"


def omie_accumulated(starts: list[dt.datetime], period: str = "Periodo") -> str:
    """The accumulated table of the same page: a row for each period, the columns of Spain and Portugal."""
    columns = [f"Precio marginal en el sistema {name} (EUR/MWh)" for name in ("español", "portugués")]
    rows = ["OMIE - Mercado de electricidad;Fecha Emisión :01/01/2024 - 13:24;;;Precios;;", ""]
    rows.append(";".join(["Fecha", period, *columns, "Energía total (MWh)"]) + ";")
    number: dict[dt.date, int] = {}
    for start in starts:
        number[start.date()] = number.get(start.date(), 0) + 1
        k = number[start.date()] - 1
        cells = [f"{value:g}".replace(".", ",") for value in (price(k), price(k) - 1.0, 15675.5)]
        rows.append(f"{start:%d/%m/%Y};{k + 1};{';'.join(cells)};")
    return "\n".join(rows) + "\n"


@pytest.mark.parametrize(("date", "hours"), [(SPRING, 24), (SPRING + dt.timedelta(1), 23), (AUTUMN, 24)])
@pytest.mark.parametrize("minutes", [60, 15])
@pytest.mark.parametrize("encoding", ["latin-1", "utf-8"])
def test_omie_from_its_web_page(tmp_path: Path, date: dt.date, hours: int, minutes: int, encoding: str) -> None:
    starts = moments(date, MADRID, minutes, days=1)
    size = hours * 60 // minutes
    for text in (omie_of_a_day(starts), omie_accumulated(starts), omie_accumulated(starts, "Hora")):
        (tmp_path / "web.csv").write_text(text, encoding=encoding)
        spain, portugal = (
            read_prices(tmp_path / "web.csv", zone="Europe/Madrid", step_minutes=minutes, wishes=PriceWishes(area=area))
            for area in ("ES", "PT")
        )
        assert (spain.dates, spain.currency) == ((date,), "EUR")
        assert spain.price[0] == pytest.approx([price(k) / 1000 for k in range(size)])
        assert spain.price[0] - portugal.price[0] == pytest.approx(0.001)


def test_omie_in_lisbon_is_an_hour_earlier(tmp_path: Path) -> None:
    series = read(tmp_path, omie(moments(dt.date(2024, 6, 1), MADRID, days=3)), zone="Europe/Lisbon", area="PT")
    assert series.dates == (dt.date(2024, 6, 1), dt.date(2024, 6, 2))
    assert series.price[0][0] == pytest.approx((price(1) - 1) / 1000)


def test_a_folder_of_days(tmp_path: Path) -> None:
    folder = tmp_path / "omie"
    folder.mkdir()
    starts = moments(AUTUMN, MADRID, days=3)
    text = {date: omie([each for each in starts if each.date() == date]) for date in {each.date() for each in starts}}
    for date, content in text.items():
        (folder / f"marginalpdbc_{date:%Y%m%d}.1").write_text(content)
    series = read_prices(folder, zone="Europe/Madrid", wishes=PriceWishes(area="ES"))
    assert [axis.size for axis in series.axes] == [24, 25, 24]
    (folder / ".DS_Store").write_bytes(b"\x00\xff")  # what a file manager leaves
    assert read_prices(folder, zone="Europe/Madrid", wishes=PriceWishes(area="ES")).dates == series.dates
    (folder / "marginalpdbc_20241027.1").unlink()
    with pytest.raises(
        InputError, match=r"_20241028.1: first date: got '2024-10-28', expected the day after 2024-10-26"
    ):
        read_prices(folder, zone="Europe/Madrid", wishes=PriceWishes(area="ES"))


@pytest.mark.parametrize(("first", "hours"), [(dt.date(2024, 3, 9), 23), (dt.date(2024, 11, 2), 25)])
def test_pjm(tmp_path: Path, first: dt.date, hours: int) -> None:
    text = pjm(moments(first, NEW_YORK))
    series = read(tmp_path, text, zone="America/New_York", area="WEST")
    same(series, first, [24, hours])
    assert series.currency == "USD"
    with pytest.raises(InputError, match="area: got None, expected one of the areas of the file: WEST, EAST"):
        read(tmp_path, text, zone="America/New_York")


@pytest.mark.parametrize("decimal", [",", "."])
def test_nord_pool(tmp_path: Path, decimal: str) -> None:
    text = nord_pool(moments(AUTUMN, ZoneInfo("Europe/Stockholm")), decimal)
    same(read(tmp_path, text, zone="Europe/Stockholm", area="SE3"), AUTUMN, [24, 25])


def test_the_header_of_nord_pool_says_the_zone(tmp_path: Path) -> None:
    starts = [start.astimezone(dt.UTC) for start in moments(AUTUMN, ZoneInfo("Europe/Stockholm"))]
    text = nord_pool(starts).replace("(CET)", "(UTC)")
    same(read(tmp_path, text, zone="Europe/Stockholm", area="SE3"), AUTUMN, [24, 25])
    with pytest.raises(InputError, match=r"header: got 'Delivery Start \(EST\)', expected a start in one of CET, "):
        read(tmp_path, text.replace("(UTC)", "(EST)"), zone="Europe/Stockholm", area="SE3")
    alone = "".join(line.rpartition(";")[0] + "\n" for line in text.splitlines())
    same(read(tmp_path, alone, zone="Europe/Stockholm"), AUTUMN, [24, 25])  # its only area need not be named
    for prices, areas in ((text, "SE3, SE4"), (alone, "SE3")):
        with pytest.raises(InputError, match=f"area: got 'SE9', expected one of the areas of the file: {areas}$"):
            read(tmp_path, prices, zone="Europe/Stockholm", area="SE9")


def own(starts: list[dt.datetime], unit: str = "Preis [EUR/MWh]") -> str:
    rows = [f"{start:%d.%m.%Y %H:%M};{price(k):.2f}".replace(".", ",") for k, start in enumerate(starts)]
    rows = [row.split(";")[0].replace(",", ".") + ";" + row.split(";")[1] for row in rows]
    return "\n".join([f"Beginn;{unit}", *rows]) + "\n"


def test_a_layout_of_its_own(tmp_path: Path) -> None:
    text = own(moments(SPRING, PARIS))
    said = {"time_column": "Beginn", "time_format": "%d.%m.%Y %H:%M"}
    same(read(tmp_path, text, zone="Europe/Paris", price_column="Preis [EUR/MWh]", **said), SPRING, [24, 23])
    bare = own(moments(SPRING, PARIS), "Preis")
    same(read(tmp_path, bare, zone="Europe/Paris", price_column="Preis", unit="EUR/MWh", **said), SPRING, [24, 23])
    with pytest.raises(InputError, match=r"column Preis: got 'Preis', expected a unit such as EUR/MWh"):
        read(tmp_path, bare, zone="Europe/Paris", price_column="Preis", **said)
    with pytest.raises(InputError, match=r"unit: got 'ct/kWh', .*cents are not read: 1 ct/kWh is 10 EUR/MWh"):
        read(tmp_path, bare, zone="Europe/Paris", price_column="Preis", unit="ct/kWh", **said)
    thousands = own(moments(SPRING, PARIS)).replace("42,00", "1.042,00").replace(",", "#").replace(".", ",")
    rows = [row.split(";")[0].replace(",", ".") + ";" + row.split(";")[1] for row in thousands.splitlines()[1:]]
    english = "\n".join(["Beginn;Preis", *rows]).replace("#", ".")
    with pytest.raises(InputError, match=r"line 10, column Preis: got '1,042.00'"):
        read(tmp_path, english, zone="Europe/Paris", price_column="Preis", unit="EUR/MWh", **said)


def test_an_own_layout_in_utc_and_on_a_clock_that_is_never_changed(tmp_path: Path) -> None:
    rows = [
        f"{start.astimezone(dt.UTC):%Y-%m-%dT%H:%MZ},{price(k):.2f}" for k, start in enumerate(moments(AUTUMN, PARIS))
    ]
    text = "\n".join(["start_utc,es_eur_per_mwh", *rows])
    said = {"time_column": "start_utc", "price_column": "es_eur_per_mwh"}
    series = read(tmp_path, text, zone="Europe/Paris", **said)
    same(series, AUTUMN, [24, 25])
    assert "times with other offsets are turned to Europe/Paris; 0 prices" in series.notes[1]
    stated = read(tmp_path, text, zone="Europe/Paris", time_zone="Europe/Paris", **said)
    assert stated.notes == series.notes  # what each time says of itself counts
    always = [start.astimezone(ZoneInfo("Etc/GMT-1")) for start in moments(SPRING, PARIS)]
    rows = [f"{start:%Y-%m-%dT%H:%M},{price(k):.2f}" for k, start in enumerate(always)]
    text = "\n".join(["start_utc,es_eur_per_mwh", *rows])
    with pytest.raises(InputError, match=r"line 28, column start_utc.*skips this one \(of a clock that is never"):
        read(tmp_path, text, zone="Europe/Paris", **said)
    same(read(tmp_path, text, zone="Europe/Paris", time_zone="Etc/GMT-1", **said), SPRING, [24, 23])


def test_a_clock_that_is_never_changed_lacks_an_hour_in_autumn(tmp_path: Path) -> None:
    rows = [f"{start:%Y-%m-%dT%H:%M},{price(k):.2f}" for k, start in enumerate(moments(AUTUMN, ZoneInfo("Etc/GMT-1")))]
    text = "\n".join(["start,es_eur_per_mwh", *rows])
    said = {"time_column": "start", "price_column": "es_eur_per_mwh"}
    with pytest.raises(InputError, match=r"hour 4 is missing\); the clock of Europe/Paris shows an hour twice .*GMT-1"):
        read(tmp_path, text, zone="Europe/Paris", **said)


def test_keys_that_decide_nothing_are_refused(tmp_path: Path) -> None:
    day = moments(dt.date(2024, 6, 1), PARIS, days=1)
    own_columns = {"time_column": "Beginn", "time_format": "%d.%m.%Y %H:%M", "price_column": "Preis [EUR/MWh]"}
    ours = "date,hour,price_eur_per_mwh\n" + "".join(f"2024-06-01,{hour},50\n" for hour in range(1, 25))
    for text, said, key in (
        (ours, {"area": "ES"}, "area"),
        (ours, {"unit": "EUR/kWh"}, "unit"),
        (own(day), own_columns | {"area": "ES"}, "area"),
        (nord_pool(day), {"area": "SE3", "unit": "USD/MWh"}, "unit"),
        (nord_pool(day), {"area": "SE3", "price_column": "SE4 Price (EUR)"}, "price_column"),
        (omie(day), {"area": "ES", "price_column": "PT"}, "price_column"),
        (pjm(day), {"area": "WEST", "unit": "EUR/kWh"}, "unit"),
    ):
        with pytest.raises(InputError, match=rf"csv: {key}: got .*, expected no {key}: "):
            read(tmp_path, text, zone="Europe/Paris", **said)
    old = entsoe(day, old=True)
    same(read(tmp_path, old, zone=None, area="BZN|FR"), dt.date(2024, 6, 1), [24])
    with pytest.raises(InputError, match=r"area: got 'BZN\|ES', expected one of the areas of the file: BZN\|FR"):
        read(tmp_path, old, zone=None, area="BZN|ES")


DAY = moments(dt.date(2024, 6, 1), PARIS, days=1)
NEW = entsoe(DAY)
BAD = [
    (NEW.replace('"45.75"', '"n/e"'), 60, "line 25, column Day-ahead Price (EUR/MWh): got 'n/e'"),
    (NEW.replace(NEW.splitlines()[3] + "\n", ""), 60, "got '23 prices', expected 24 prices (hour 3 is missing)"),
    (NEW.replace(NEW.splitlines()[3], NEW.splitlines()[2]), 60, "line 4, column MTU (CET/CEST)"),
    (NEW, 15, "line 2, column MTU (CET/CEST)"),
    (NEW.replace("01/06/2024 03:00:00 - ", "06/31/2024 03:00:00 - "), 60, "a time such as 01/06/2024"),
    (NEW.replace("(EUR/MWh)", "(EUR/kWh)"), 60, "per MWh these would be"),
    (re.sub(r'"4\d\.\d\d"', '"0.04"', NEW), 60, "(per kWh these would be up to 40 EUR"),
    (entsoe(moments(SPRING, ZoneInfo("Etc/GMT-1")), marked=False), 60, "line 28, column MTU (CET/CEST)"),
    (omie(DAY).replace(";1;", ";30;"), 60, "period"),
    (omie(DAY).replace(";40.00;", ";;"), 60, "line 2, column ES: got ''"),
    (omie(DAY), 15, "expected a price every 15 minutes (prices.step_minutes), and not every 60"),
    (nord_pool(DAY).replace("42,00", "42.00"), 60, "a number with one decimal comma"),
    (omie_of_a_day(DAY).replace("sistema español", "sistema"), 60, "expected rows Precio marginal en el sistema espa"),
    (omie_of_a_day(DAY).replace("01/06/2024", "06/2024"), 60, "line 1: got '', expected a date such as 03/06/2024"),
    (omie_of_a_day(DAY).replace("40,00;", ";", 1), 60, "line 4, column ES: got '', expected a number"),
    (omie_of_a_day(DAY).replace("   45,75;", "", 1), 60, "line 4, column ES: got ''"),
    (omie_of_a_day(DAY), 15, "expected a price every 15 minutes (prices.step_minutes), and not every 60"),
    (omie_accumulated(DAY).replace("Periodo", "Tramo"), 60, "line 3: got 'Fecha;Tramo;Precio"),
    (omie_accumulated(DAY).replace("01/06/2024;2;", "2024-06-01;2;"), 60, "line 5: got '2024-06-01', expected a date"),
    (omie_accumulated(DAY) + "01/06/2024;25", 60, "line 28: got '2 cells', expected 6 cells"),
    ("Beginn;Preis [EUR/MWh]\n01.06.2024 00:00;40,1\n", 60, "header: got 'Beginn;Preis [EUR/MWh]', expected names"),
    ("Day-ahead prices\n" + nord_pool(DAY), 60, "header: got 'Day-ahead prices', expected names of columns, separated"),
    (pjm(DAY).replace("EAST", "WEST").replace(":00:00 PM", ":00"), 60, "expected a time such as 6/3/2024 4:00:00 AM"),
    ("start,price_eur_per_mwh\n2024-06-01T00:00,40.1\n", 60, "(with dates the column is start_local), or prices.time_"),
]


@pytest.mark.parametrize(("text", "step", "message"), BAD, ids=[message[:50] for *_, message in BAD])
def test_bad_files(tmp_path: Path, text: str, step: int, message: str) -> None:
    area = "ES" if text.startswith(("MARGINAL", "OMIE")) else "SE3" if text.startswith("Delivery") else None
    with pytest.raises(InputError) as raised:
        read(tmp_path, text, zone="Europe/Paris", step=step, **({"area": area} if area else {}))
    assert message in str(raised.value)
    assert len(str(raised.value)) < 1000


def test_without_a_zone_the_change_of_the_clock_is_named(tmp_path: Path) -> None:
    for first, message in ((SPRING, "or time.zone if the clock is changed"), (AUTUMN, "or time.zone in the scenario")):
        with pytest.raises(InputError, match=message):
            read(tmp_path, entsoe(moments(first, PARIS)), zone=None)


def test_a_scenario_says_what_to_read(tmp_path: Path, case: Path) -> None:
    data = yaml.safe_load(case.read_text())
    (tmp_path / "spot.csv").write_text(entsoe(moments(dt.date(2024, 6, 1), PARIS, days=3)))
    data |= {"prices": {"file": "spot.csv", "start": "2024-06-02"}, "time": {"zone": "Europe/Paris"}}
    case.write_text(yaml.safe_dump(data))
    loaded = load_scenario(str(case))
    assert loaded.prices.dates == (dt.date(2024, 6, 2), dt.date(2024, 6, 3))
    assert loaded.notes[0].startswith("prices spot.csv: read as ENTSO-E")
    for prices, message in (
        ({"file": "spot.csv", "area": "BZN|XX"}, "prices.area: got 'BZN|XX', expected one of the areas"),
        ({"file": "spot.csv", "time_zone": "UTC"}, "prices.time_zone: got 'UTC', expected this key only beside"),
        ({"file": "spot.csv", "time_column": "MTU"}, "prices.price_column: got None, expected the name of the column"),
        ({"file": "spot.csv", "time_column": "a", "price_column": "b"}, "prices.time_column: got 'a', expected one of"),
        (
            {"file": "spot.csv", "time_column": "a", "price_column": "b", "time_zone": "Mars"},
            "prices.time_zone: got 'Mars', expected a zone",
        ),
    ):
        case.write_text(yaml.safe_dump(data | {"prices": prices}))
        with pytest.raises(InputError) as raised:
            load_scenario(str(case))
        assert message in str(raised.value)
