"""OMIE's files of day-ahead prices.

* ``marginalpdbc``: year, month, day, period, Portugal, Spain.
* The table of a day, ``INT_PBC_EV_H_1_...``: the date in the first line, and a row of prices for each country.
* Its accumulated form: a row for each ``Fecha`` and ``Periodo`` (or ``Hora``) with a column for each country.

The last two are written in Latin-1. Periods are hours or quarter-hours of the Spanish day.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Sequence

from equilibrium.errors import InputError
from scenarios.files import Table, table_rows
from scenarios.readers.price_layout import PriceLayout, PriceWishes
from scenarios.time_axis import day_axis

WEB_START = "OMIE - Mercado"
"""What a file of OMIE's web page begins with."""

WEB_ENCODING = "latin-1"
"""How it is written."""

_ZONE = "Europe/Madrid"
_AREAS = ("PT", "ES")
_NAMES = ("year", "month", "day", "period", *_AREAS)
_HOURS_A_DAY = 25
"""Periods of a day up to which they are hours; of quarter-hours there are 92 at least."""

_ROW = "year;month;day;period;price PT;price ES;"
_PRICE = re.compile(r"precio marginal en el sistema (espa|portugu)\S+ \(EUR/MWh\)", re.IGNORECASE)
_WEB_AREAS = {"espa": "ES", "portugu": "PT"}
_DATE = re.compile(r"(\d\d)/(\d\d)/(\d{4})")

_Row = tuple[int, Sequence[str]]
"""Line, and the cells of :data:`_NAMES`."""


def is_omie(first: str) -> bool:
    """Return whether a file whose first line this is, is one of OMIE's."""
    return first.upper().startswith("MARGINALPDBC") or first.startswith(WEB_START)


def omie_prices(source: str, text: str, wishes: PriceWishes, step_minutes: int) -> PriceLayout:
    """Read OMIE's marginal prices.

    Parameters
    ----------
    source
        Name of the file in messages.
    text
        Its content.
    wishes
        Whose ``area`` says the country.
    step_minutes
        Length of the periods, as the scenario says.
    """
    wishes.refuse(source, "price_column", "unit", why="area names the country, and the prices are in EUR/MWh")
    if wishes.area not in _AREAS:
        raise InputError(source, "area", wishes.area, "ES or PT: the file has the prices of Spain and of Portugal")
    read = _of_web if text.lstrip().startswith(WEB_START) else _of_marginalpdbc
    lines, columns = [], {name: [] for name in _NAMES}  # type: tuple[list[int], dict[str, list[str]]]
    for line, cells in read(source, text):
        for name, cell in zip(_NAMES, cells, strict=False):
            columns[name].append(cell)
        lines.append(line)
    if not lines:
        raise InputError(source, "rows", "none", _ROW)
    table = Table(source, columns, lines)
    numbers = table.numbers("period", minimum=1)
    step = 60 if numbers.max() <= _HOURS_A_DAY else 15
    if step != step_minutes:
        expected = f"a price every {step_minutes} minutes (prices.step_minutes), and not every {step}"
        raise InputError(source, "column period", f"periods up to {numbers.max():g}", expected)
    starts = [_start(table, row, step, float(number)) for row, number in enumerate(numbers)]
    return PriceLayout("OMIE", table, "period", wishes.area or "", "EUR", True, starts, _ZONE)


def _of_marginalpdbc(source: str, text: str) -> Iterator[_Row]:
    for line, cells in table_rows(source, text, ";"):
        if line == 1 or cells[0] == "*":
            continue
        if len(cells) not in {6, 7}:
            raise InputError(source, f"line {line}", ";".join(cells), _ROW)
        yield line, cells


def _of_web(source: str, text: str) -> Iterator[_Row]:
    """Yield the rows of a file of the web page, in either form."""
    rows = list(table_rows(source, text, ";"))
    head = next((at for at, (_, cells) in enumerate(rows) if cells[0] == "Fecha"), None)
    yield from _of_day(source, rows) if head is None else _accumulated(source, rows[head], rows[head + 1 :])


def _accumulated(source: str, head: tuple[int, list[str]], rows: Sequence[tuple[int, list[str]]]) -> Iterator[_Row]:
    """Yield the rows of the form with a column for each country."""
    line, names = head
    places = {_WEB_AREAS[found[1].lower()]: at for at, name in enumerate(names) if (found := _PRICE.fullmatch(name))}
    if len(names) < 2 or names[1] not in {"Periodo", "Hora"} or set(places) != set(_AREAS):
        expected = "Fecha;Periodo;Precio marginal en el sistema español (EUR/MWh);.. portugués (EUR/MWh)"
        raise InputError(source, f"line {line}", ";".join(names), expected)
    for line, cells in rows:
        if len(cells) <= max(places.values()):
            raise InputError(source, f"line {line}", f"{len(cells)} cells", f"{len(names)} cells")
        yield line, (*_date(source, line, cells[0]), cells[1], *(cells[places[area]] for area in _AREAS))


def _of_day(source: str, rows: Sequence[tuple[int, list[str]]]) -> Iterator[_Row]:
    """Yield the rows of a table of one day with a row for each country."""
    first, title = rows[0]
    date = _date(source, first, next(filter(_DATE.fullmatch, title), ""))
    found = {_WEB_AREAS[name[1].lower()]: row for row in rows if (name := _PRICE.fullmatch(row[1][0]))}
    if set(found) != set(_AREAS):
        expected = "rows Precio marginal en el sistema español (EUR/MWh) and .. portugués (EUR/MWh)"
        raise InputError(source, "rows", ", ".join(cells[0] for _, cells in rows[1:]), expected)
    prices = {area: [*cells[1:]] for area, (_, cells) in found.items()}
    size = max(place for cells in prices.values() for place, cell in enumerate(cells, start=1) if cell or place == 1)
    for place in range(size):
        cells = [prices[area][place] if place < len(prices[area]) else "" for area in _AREAS]
        yield found["ES"][0], (*date, str(place + 1), *cells)


def _date(source: str, line: int, text: str) -> tuple[str, str, str]:
    """Return year, month and day of a date such as 03/06/2024."""
    found = _DATE.fullmatch(text)
    if found is None:
        raise InputError(source, f"line {line}", text, "a date such as 03/06/2024, day first")
    day, month, year = found.groups()
    return year, month, day


def _start(table: Table, row: int, step: int, number: float) -> dt.datetime:
    """Return the start of a numbered period of a Spanish day, with its offset."""
    date = "-".join(table.columns[name][row].zfill(2) for name in ("year", "month", "day"))
    try:
        axis = day_axis(dt.date.fromisoformat(date), _ZONE, step)
    except ValueError:
        raise table.error(row, "day", date, "a date") from None
    if number != int(number) or number > axis.size:
        raise table.error(row, "period", table.columns["period"][row], f"a whole number from 1 to {axis.size}")
    return dt.datetime.fromisoformat(axis.starts[int(number) - 1])
