"""Values of keys by themselves: numbers, names, texts and dates; and files by name, size and encoding."""

from __future__ import annotations

import datetime as dt
import hashlib
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from equilibrium.errors import InputError
from equilibrium.plain import SMALLEST
from scenarios import files, schema
from scenarios.files import DATA, bundled_or_own, own_path, read_text, sha256, shown


@pytest.mark.parametrize(
    ("given", "value"),
    [(3, 3), (2.5, 2.5), ("7", 7), (" 2.5 ", 2.5), ("-1e3", -1000), (0, 0), (0.0, 0.0), (SMALLEST, SMALLEST),
     (-SMALLEST, -SMALLEST), (None, None), ((1,), (1,))],
)  # fmt: skip
def test_numbers(given: object, value: object) -> None:
    found = schema.a_number(given)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (True, "a number, not yes or no"),
        (False, "a number, not yes or no"),
        ("1_000", "a valid number in plain decimals"),
        ("a", "a valid number in plain decimals"),
        (math.nan, "a finite number"),
        (0.99 * SMALLEST, f"0, or a number of size {SMALLEST:g} at least"),
        (-0.99 * SMALLEST, f"0, or a number of size {SMALLEST:g} at least"),
    ],
)
def test_what_is_no_number(given: object, said: str) -> None:
    with pytest.raises(ValueError) as error:
        schema.a_number(given)
    assert str(error.value) == said


@pytest.mark.parametrize("given", [math.inf, -math.inf, 10**400, -(10**400)])
def test_numbers_beyond_all_bounds(given: float) -> None:
    with pytest.raises(ValueError):
        schema.a_number(given)


def test_names_texts_labels_and_dates() -> None:
    assert [schema.a_name(value) for value in ("mill", "", 7, None)] == ["mill", "", 7, None]
    with pytest.raises(ValueError, match=r"^a name"):
        schema.a_name("two\nlines")
    assert schema.a_text("x" * schema.TEXT_LIMIT) == "x" * schema.TEXT_LIMIT
    assert schema.a_text(7) == 7
    for text in ("x" * (schema.TEXT_LIMIT + 1), "bell \x07"):
        with pytest.raises(ValueError, match=r"^a text without control characters, of at most 4000 characters$"):
            schema.a_text(text)
    assert [schema._label(value) for value in (8, "8", True, 8.5)] == ["8", "8", True, 8.5]
    assert schema.a_date("2024-06-03") == "2024-06-03"
    for number in (20240603, 2024.0):
        with pytest.raises(ValueError, match=r"^a date such as 2024-06-03$"):
            schema.a_date(number)


KINDS: dict[str, tuple[Any, list[Any], list[Any]]] = {
    "Number": (schema.Number, [-2, 0, "3"], [True, "x"]),
    "Positive": (schema.Positive, [0.001, 5], [0, -1]),
    "NonNegative": (schema.NonNegative, [0, 5], [-0.001]),
    "Share": (schema.Share, [0, 0.5, 1], [-0.001, 1.001]),
    "Efficiency": (schema.Efficiency, [0.001, 1], [0, 1.001]),
    "Count": (schema.Count, [1, 7], [0, 1.5]),
    "Label": (schema.Label, ["a", 8], ["", "a\nb", True]),
    "Words": (schema.Words, ["a b", 8], ["", "\x07"]),
    "VoltagePu": (schema.VoltagePu, [0.9, 2.0], [0, 2.001]),
    "VehicleKwh": (schema.VehicleKwh, [40, 2000], [0, 2001]),
    "ChargerKw": (schema.ChargerKw, [11, 4000], [0, 4001]),
    "Date": (schema.Date, ["2024-06-03", dt.date(2024, 6, 3)], [7, "June"]),
    "Step": (schema.Step, [5, 10, 15, 20, 30, 60, "60"], [1, 45, 59, 61]),
    "Coefficient": (schema.Coefficient, [0.0, -0.99, 0.99], [-0.991, 0.991]),
}


@pytest.mark.parametrize("name", KINDS)
def test_kinds_of_values_at_their_edges(name: str) -> None:
    kind, good, bad = KINDS[name]
    adapter: TypeAdapter[Any] = TypeAdapter(kind)
    for value in good:
        adapter.validate_python(value)
    for value in bad:
        with pytest.raises(ValidationError):
            adapter.validate_python(value)


def test_money_stands_before_the_unit() -> None:
    names = ("fuel_cost_per_mwh", "price_per_kwh", "price_per_kg", "per_day", "cost_per_kwh_more")
    assert [schema.schema_key(name) for name in names] == [
        *("fuel_cost_eur_per_mwh", "price_eur_per_kwh", "price_eur_per_kg", "per_day", "cost_per_kwh_more"),
    ]


def roth_erev(**keys: float) -> Callable[..., None]:
    return schema.RothErevKeys.model_validate(keys).check_grid


def test_rules_want_two_choices_and_experimentation_that_fades() -> None:
    roth_erev()("prices", (0.1, 0.2, 0.3, 0.4))
    roth_erev(experimentation=0.0999, recency=0.1)("prices", ("a", "b"))
    for keys, values, said in (
        ({}, (0.1, 0.1), "two different values or more for roth-erev"),
        ({"experimentation": 0.1, "recency": 0.1}, (0.1, 0.2), "less than recency * (number of choices - 1) = 0.1"),
        ({"experimentation": 0.2, "recency": 0.1}, (1, 2, 3, 3), "less than recency * (number of choices - 1) = 0.2"),
    ):
        with pytest.raises(ValueError) as error:
            roth_erev(**keys)("prices", values)
        assert str(error.value) == said


# Files


def test_files_are_read_up_to_their_size(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"\xef\xbb\xbf1234")
    assert read_text(path, 7) == "1234"
    with pytest.raises(InputError) as error:
        read_text(path, 6)
    assert str(error.value) == f"{path}: file: got 'more than 6 bytes', expected at most 6 bytes"
    with pytest.raises(InputError, match=r"file: got 'No such file or directory', expected a file that can be read$"):
        read_text(tmp_path / "none")


@pytest.mark.parametrize(("raw", "where"), [(b"\xff", "line 1, byte 0"), (b"ab\ncd\n\xe9f", "line 3, byte 6")])
def test_bytes_that_are_no_text_are_told_by_line_and_byte(raw: bytes, where: str, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(raw)
    for other in (None, {"x": "latin-1"}):
        with pytest.raises(InputError) as error:
            read_text(path, other=other)
        assert str(error.value) == (
            f"{path}: {where}: got 'not UTF-8', expected a text file in UTF-8, which spreadsheets save as CSV UTF-8"
        )
    path.write_bytes(b"OMIE " + raw)
    assert read_text(path, other={"x": "utf-16", "OMIE": "latin-1"}) == "OMIE " + raw.decode("latin-1")


def test_files_by_name_and_by_path(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text("x")
    (tmp_path / "folder").mkdir()
    assert bundled_or_own("feeders", "ieee33", "") == DATA / "feeders" / "ieee33"
    assert bundled_or_own("prices", "s0", ".csv", tmp_path) == DATA / "prices" / "s0.csv"
    assert bundled_or_own("prices", "p.csv", ".csv", tmp_path) == tmp_path / "p.csv"
    assert bundled_or_own("prices", "folder", ".csv", tmp_path) == tmp_path / "folder"
    assert bundled_or_own("feeders", "folder", "", tmp_path) == tmp_path / "folder"
    assert bundled_or_own("", "folder", "", tmp_path) == tmp_path / "folder"
    for kind, name, suffix, said in (
        ("", "none", "", "path: got 'none', expected an existing file or folder"),
        ("loads", "folder", ".csv", "loads: got 'folder', expected an existing file or one of "),
        ("feeders", "none", "", "feeders: got 'none', expected an existing folder or one of "),
    ):
        with pytest.raises(InputError) as error:
            bundled_or_own(kind, name, suffix, tmp_path)
        assert str(error.value).startswith(f"{tmp_path / name}: {said}")
        assert "feeder.file" not in str(error.value)
    with pytest.raises(InputError, match=r", or feeder\.file for a file of another program$"):
        bundled_or_own("feeders", "p.csv", "", tmp_path)
    with pytest.raises(InputError) as error:
        bundled_or_own("loads", "p.txt", ".csv", tmp_path)
    assert "feeder.file" not in str(error.value)


def test_names_of_files_in_messages(tmp_path: Path) -> None:
    assert shown(DATA / "prices" / "s0.csv") == "data/prices/s0.csv"
    assert shown(tmp_path / "a") == str(tmp_path / "a")
    (tmp_path / "a").write_bytes(b"abc")
    assert sha256(tmp_path / "a") == hashlib.sha256(b"abc").hexdigest()
    assert own_path("x", tmp_path) == tmp_path / "x"
    assert own_path("x") == Path("x")
    with pytest.raises(InputError, match=r"^a name: path: got '', expected the path of a file or folder$"):
        own_path("")
    with pytest.raises(InputError, match=r"expected the path of a file or folder that can be looked at$"):
        own_path("a\0b")
    assert files.YEARS == (1990, 2100)


# Sections

FEEDER = {"name": "ieee33"}
SARIMA = {"ar": 0.5, "ma": 0.1, "seasonal_ar": 0.2, "sigma": 0.3}


@pytest.mark.parametrize(
    ("section", "keys", "said"),
    [
        (schema.FeederSection, {}, "name: name, a bundled feeder or a folder, or file, a grid of another program"),
        (schema.FeederSection, {"name": "a", "file": "b"}, "file: one of name and file"),
        (schema.FeederSection, {"file": "b", "open": ["x"], "roots": ["y"], "generation_scale": 2}, None),
        *((schema.FeederSection, {**FEEDER, key: value},
           f"{key}: this key only beside feeder.file, a grid of another program")
          for key, value in (("open", ["x"]), ("roots", ["x"]), ("generation_scale", 0.5),
                             ("generation_profile", "pv"))),
        (schema.FeederSection, {**FEEDER, "generation_scale": 1.0}, None),
        (schema.FeederSection, {**FEEDER, "voltage_min_pu": 1.1}, "voltage_min_pu: less than voltage_max_pu (1.1)"),
        (schema.FeederSection, {**FEEDER, "voltage_min_pu": 1.09}, None),
        (schema.RatedFeederSection, {**FEEDER, "current_max_a": 5, "rating_kva": 5},
         "current_max_a: one limit, rating_kva or current_max_a"),
        (schema.RatedFeederSection, {**FEEDER, "rating_kva": 5}, None),
        (schema.RatedFeederSection, {**FEEDER, "current_max_a": 5, "trunk": ["2"], "trunk_current_max_a": 9}, None),
        (schema.RatedFeederSection, {**FEEDER, "trunk": ["2"]}, "trunk: trunk and trunk_current_max_a together"),
        (schema.RatedFeederSection, {**FEEDER, "trunk_current_max_a": 9},
         "trunk: trunk and trunk_current_max_a together"),
        (schema.TimeSection, {"zone": "Europe/Rome"}, None),
        (schema.SarimaSection, {}, None),
        (schema.SarimaSection, SARIMA, None),
        (schema.SarimaSection, {"ma": 0.1}, "ar: all of ar, ma, seasonal_ar, sigma, or none to fit them"),
        (schema.SarimaSection, {**SARIMA, "sigma": None}, "sigma: all of ar, ma, seasonal_ar, sigma, or none to fit "
         "them"),
        (schema.SarimaSection, {**SARIMA, "likelihood": "exact"},
         "likelihood: this key only where ar, ma, seasonal_ar, sigma are fitted"),
        (schema.SarimaSection, {"likelihood": "exact"}, None),
        (schema.PricesSection, {"file": "p", "sarima": SARIMA}, "draw: sarima beside a section sarima"),
        (schema.PricesSection, {"file": "p", "draw": "sarima", "sarima": SARIMA}, None),
        (schema.PricesSection, {"file": "p", "time_format": "%d"},
         "time_format: this key only beside time_column, for a layout of your own"),
        (schema.PricesSection, {"file": "p", "time_zone": "UTC"},
         "time_zone: this key only beside time_column, for a layout of your own"),
        (schema.PricesSection, {"file": "p", "time_column": "t"},
         "price_column: the name of the column of the prices, beside time_column"),
        (schema.PricesSection, {"file": "p", "time_column": "t", "price_column": "p", "time_zone": "UTC"}, None),
        (schema.PricesSection, {"file": "p", "price_column": "p"}, None),
    ],
)  # fmt: skip
def test_keys_of_a_section_that_fit_and_do_not(section: type[Any], keys: dict[str, Any], said: str | None) -> None:
    if said is None:
        section.model_validate(keys)
        return
    with pytest.raises(ValidationError) as error:
        section.model_validate(keys)
    (found,) = error.value.errors()
    context = found["ctx"]
    assert f"{context['key']}: {context['expected']}" == said
