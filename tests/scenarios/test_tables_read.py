"""Tables as they are read from CSV: each kind of cell at the edge of what is allowed, each message with its place."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from equilibrium.errors import InputError
from scenarios import files
from scenarios.files import Table, separator_of, table_rows


def table(tmp_path: Path, text: str, *given: Any, **more: Any) -> Table:
    path = tmp_path / "own.csv"
    path.write_text(text, encoding="utf-8")
    return Table.read(path, *given, **more)


def complaint(make: Any, *given: Any, **more: Any) -> str:
    with pytest.raises(InputError) as caught:
        make(*given, **more)
    return str(caught.value).partition("own.csv: ")[2]


def test_rows_keep_their_lines_and_cells_lose_their_blanks(tmp_path: Path) -> None:
    found = table(tmp_path, 'a, b\n\n 1 ,"x y"\n,\n2,"p,q"\n')
    assert found.columns == {"a": ["1", "2"], "b": ["x y", "p,q"]}
    assert found.lines == [3, 5]
    assert len(found) == 2
    assert found.where(1, "b") == "line 5, column b"


@pytest.mark.parametrize(
    ("text", "required", "optional", "said"),
    [
        ("a,b\n1,2\n", ("a", "c"), None, "line 1: got 'a,b', expected a column 'c'"),
        ("a,a\n1,2\n", (), None, "line 1: got 'a', expected each column once"),
        ("a,b\n1,2\n", ("a",), (), "line 1: got 'b', expected only the columns a"),
        ("a,b\n1,2\n", ("a",), ("c",), "line 1: got 'b', expected only the columns a, c"),
        ("a,b\n1,2\n1\n", (), None, "line 3: got '1 cells', expected 2 cells"),
        ("a,b\n1,2,3\n", (), None, "line 2: got '3 cells', expected 2 cells"),
        ("a,b\n", (), None, "rows: got 'none', expected a header line and at least one row"),
        ("", (), None, "rows: got 'none'"),
        ('a,b\n1,"2\n', (), None, "line 2: got 'unexpected end of data', expected a row of cells"),
        ("a\n\x01\n", (), None, r"line 2: got '\x01', expected a cell without control characters"),
    ],
)
def test_what_is_no_table(
    tmp_path: Path, text: str, required: tuple[str, ...], optional: tuple[str, ...] | None, said: str
) -> None:
    assert complaint(table, tmp_path, text, required, optional).startswith(said)


def test_columns_that_may_be_there_are_read(tmp_path: Path) -> None:
    assert set(table(tmp_path, "a,b\n1,2\n", ("a",), ("b", "c")).columns) == {"a", "b"}


@pytest.mark.parametrize(
    ("limit", "fits", "too_much", "said"),
    [
        ("COLUMNS_LIMIT", "a,b,c\n1,2,3\n", "a,b,c,d\n1,2,3,4\n", "line 1: got '4 columns', expected at most 3"),
        ("CELLS_LIMIT", "a\n1\n2\n3\n", "a\n1\n2\n3\n4\n", "line 5: got 'more than 3 cells', expected at most 3"),
        ("CELL_LIMIT", "abc\n123\n", "abc\n1234\n", "line 2: got 'a cell of 4 characters', expected at most 3"),
    ],
)
def test_a_table_is_read_up_to_its_limits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, fits: str, too_much: str, said: str
) -> None:
    monkeypatch.setattr(files, limit, 3)
    assert len(table(tmp_path, fits))
    assert complaint(table, tmp_path, too_much).startswith(said)


@pytest.mark.parametrize(("length", "fine"), [(255, True), (256, False)])
def test_a_columns_name_and_a_name_have_255_characters(tmp_path: Path, length: int, fine: bool) -> None:
    name = "n" * length
    if fine:
        assert table(tmp_path, f"{name}\n{name}\n").text(name) == [name]
        return
    assert "line 1: " in complaint(table, tmp_path, f"{name}\n1\n")
    assert "line 2, column a: " in complaint(table(tmp_path, f"a\n{name}\n").text, "a")


def test_names_stand_in_every_row_and_where_it_is_wanted_once(tmp_path: Path) -> None:
    found = table(tmp_path, "a,b,c\nx,1,p\ny,,q\nz,2,p\n")
    assert found.text("a") == found.each_once("a") == ["x", "y", "z"]
    assert complaint(found.text, "b") == "line 3, column b: got '', expected a value"
    assert found.text("c") == ["p", "q", "p"]
    said = complaint(found.each_once, "c")
    assert said == "line 4, column c: got 'p', expected each c once (it stands in line 2)"


@pytest.mark.parametrize(
    ("cell", "date"),
    [("1990-01-01", dt.date(1990, 1, 1)), ("2100-12-31", dt.date(2100, 12, 31)), ("2024-02-29", dt.date(2024, 2, 29))],
)
def test_dates_and_times(tmp_path: Path, cell: str, date: dt.date) -> None:
    first, last = files.YEARS
    assert first <= date.year <= last
    found = table(tmp_path, f"d,t\n{cell},{cell}T23:30\n")
    assert found.date(0, "d") == date
    assert found.time(0, "t") == dt.datetime.combine(date, dt.time(23, 30))


@pytest.mark.parametrize(
    ("year", "fine"),
    [(files.YEARS[0], True), (files.YEARS[0] - 1, False), (files.YEARS[1], True), (files.YEARS[1] + 1, False)],
)
def test_the_first_and_the_last_year(tmp_path: Path, year: int, fine: bool) -> None:
    found = table(tmp_path, f"d\n{year}-06-15\n")
    if fine:
        assert found.date(0, "d").year == found.time(0, "d").year == year
        return
    for read in (found.date, found.time):
        assert complaint(read, 0, "d").startswith(f"line 2, column d: got '{year}-06-15', expected a date from ")


@pytest.mark.parametrize("cell", ["2024-02-30", "2024-6-3", "x", "24-06-03", "2024-06-03T25:00"])
def test_what_is_no_date(tmp_path: Path, cell: str) -> None:
    found = table(tmp_path, f"a,d\n1,2024-01-01\n1,{cell}\n")
    assert "line 3, column d: " in complaint(found.date, 1, "d")
    assert "expected a local time such as 2024-06-03T08:30" in complaint(found.time, 1, "d")


def test_numbers_have_bounds_that_are_allowed_themselves(tmp_path: Path) -> None:
    found = table(tmp_path, "a\n-1\n0\n2.5\n")
    assert found.numbers("a").tolist() == [-1.0, 0.0, 2.5]
    assert found.numbers("a", -1.0, 2.5).tolist() == [-1.0, 0.0, 2.5]
    assert complaint(found.numbers, "a", 0.0) == "line 2, column a: got '-1', expected a number >= 0"
    assert complaint(found.numbers, "a", -1.0, 2.0) == "line 4, column a: got '2.5', expected a number >= -1 <= 2"
    assert complaint(found.numbers, "a", maximum=2.0) == "line 4, column a: got '2.5', expected a number <= 2"


def test_an_empty_number_is_an_error_or_what_it_is_said_to_be(tmp_path: Path) -> None:
    found = table(tmp_path, "a,b\n1,\n2,5\n")
    assert found.numbers("b", empty=7.0).tolist() == [7.0, 5.0]
    assert np.isnan(found.numbers("b", minimum=5.0, empty=np.nan)[0])
    assert complaint(found.numbers, "b") == "line 2, column b: got '', expected a number"


@pytest.mark.parametrize(
    ("cell", "said"),
    [("1e12", ""), ("1.1e12", "a number of size 1e+12 at most"), ("1e400", "a number"), ("nan", "a number")],
)
def test_a_number_that_nobody_can_mean(tmp_path: Path, cell: str, said: str) -> None:
    found = table(tmp_path, f"a\n{cell}\n")
    if said:
        assert complaint(found.numbers, "a") == f"line 2, column a: got '{cell}', expected {said}"
    else:
        assert found.numbers("a").tolist() == [1e12]


@pytest.mark.parametrize(
    ("text", "found"), [("a;b,c;d\n", ";"), ("a\tb\n1,2,3\n", "\t"), ("\n\na,b\n", ","), ("", ",")]
)
def test_what_separates_columns_is_read_off_the_first_line(text: str, found: str) -> None:
    assert separator_of(text) == found


def test_another_separator_and_other_names(tmp_path: Path) -> None:
    found = table(tmp_path, "a;b\n1;2,5\n", separator=";")
    assert found.columns["b"] == ["2,5"]
    assert list(table_rows("f", "1;2\n3;4", ";")) == [(1, ["1", "2"]), (2, ["3", "4"])]
    assert Table("f", {"a": ["1"]}, [4], "record", {"a": "Anna"}).where(0, "a") == "record 4, Anna"
