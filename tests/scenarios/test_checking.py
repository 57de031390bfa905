"""What is said of keys that do not fit a schema, on a small schema with each kind of section."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field, model_validator

from equilibrium.errors import InputError, SeveralInputErrors
from scenarios.checking import money_keys, validated
from scenarios.files import Document
from scenarios.schema import Count, Label, Section, Share, Words, refused


class Coin(Section):
    kind: Literal["coin"]
    sides: Count = 2


class Dice(Section):
    kind: Literal["dice", "die"]
    faces: tuple[int, ...] = (1, 2)


class Unit(Section):
    bus: Label
    share: Share = 0.5
    fuel_cost_per_mwh: float = 0.0
    below: Annotated[float, Field(lt=1)] = 0.0
    few: Annotated[int, Field(le=3)] = 0
    game: Annotated[Coin | Dice, Field(discriminator="kind")] = Coin(kind="coin")

    @model_validator(mode="after")
    def _fits(self) -> Unit:
        if self.fuel_cost_per_mwh > 100.0:
            raise refused("fuel_cost_eur_per_mwh", self.fuel_cost_per_mwh, "at most 100")
        return self


class Whole(Section):
    currency: str = "EUR"
    title: Words | None = None
    level: Literal["low", "high"] = "low"
    when: dt.date | None = None
    number: int = 0
    units: Annotated[tuple[Unit, ...], Field(min_length=1)] = (Unit(bus="a"),)
    pair: Annotated[tuple[float, ...], Field(min_length=2, max_length=2)] = (0.0, 1.0)
    some: Annotated[tuple[float, ...], Field(min_length=1, max_length=3)] = (0.0,)
    chance: Annotated[Coin | Dice, Field(discriminator="kind")] = Coin(kind="coin")
    named: dict[str, Unit] = Field(default_factory=dict)
    labels: tuple[Label, ...] = ()
    zones: dict[str, tuple[Label, ...]] = Field(default_factory=dict)
    low: float = 0.0
    high: float = 1.0

    @model_validator(mode="after")
    def _order(self) -> Whole:
        if not self.low < self.high:
            raise refused("low", self.low, f"less than high ({self.high:g})")
        if self.number > 9:
            raise refused("units.0.bus", self.units[0].bus, "another bus")
        return self


class Other(Section):
    currency: str = "EUR"
    title: Words | None = None
    extra: int = 3
    ratio: float = 0.25
    more: tuple[int, ...] = (1, 2)
    sub: Unit = Unit(bus="z")


def others() -> Iterator[tuple[str, type[BaseModel]]]:
    yield "auction", Other


def document(folder: Path, text: str) -> Document:
    path = folder / "own.yaml"
    path.write_text(text)
    return Document.read(path)


def read(folder: Path, text: str) -> Whole:
    return validated(Whole, document(folder, text), others)


KEYS = "currency, title, level, when, number, units, pair, some, chance, named, labels, zones, low, high"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("number: 1\nlevl: low", f"line 2, levl: got 'levl', expected one of the keys {KEYS} (closest: level)"),
        ("xyz: 1", f"line 1, xyz: got 'xyz', expected one of the keys {KEYS}"),
        ("units:\n- bus: a\n  bas: b", "line 3, units[0].bas: got 'bas', expected one of the keys bus, share, "
         "fuel_cost_eur_per_mwh, below, few, game (closest: bus)"),
        ("currency: USD\nunits:\n- bus: a\n  bas: b", "line 4, units[0].bas: got 'bas', expected one of the keys bus, "
         "share, fuel_cost_usd_per_mwh, below, few, game (closest: bus)"),
        ("units:\n- share: 1", "line 2, units[0].bus: got None, expected a key 'bus' here"),
        ("level: lo", "line 1, level: got 'lo', expected 'low' or 'high' (closest: low)"),
        ("level: 7", "line 1, level: got 7, expected 'low' or 'high'"),
        ("units:\n- bus: a\n  share: 1.5", "line 3, units[0].share: got 1.5, expected less than or equal to 1; 1.5 % "
         "would be 0.015"),
        ("units:\n- bus: a\n  below: 50", "line 3, units[0].below: got 50, expected less than 1; 50 % would be 0.5"),
        ("units:\n- bus: a\n  few: 4", "line 3, units[0].few: got 4, expected less than or equal to 3"),
        ("units:\n- bus: a\n  share: -1", "line 3, units[0].share: got -1, expected greater than or equal to 0"),
        ("units: []", "line 1, units: got [], expected a list that is not empty"),
        ("pair: [1]", "line 1, pair: got [1], expected a list of 2 values"),
        ("some: [1, 2, 3, 4]", "line 1, some: got [1, 2, 3, 4], expected a list of 1 to 3 values"),
        ("units: a", "line 1, units: got 'a', expected a list"),
        ("named:\n  x: 3", "line 2, named.x: got 3, expected a mapping of keys"),
        ("when: soon", "line 1, when: got 'soon', expected a date such as 2024-06-10"),
        ("chance: {kind: card}", "line 1, chance.kind: got 'card', expected coin, dice or die"),
        ("units:\n- bus: a\n  game: {kind: card}", "line 3, units[0].game.kind: got 'card', expected coin, dice or "
         "die"),
        ("chance: 3", "line 1, chance: got 3, expected a mapping of keys"),
        ("chance: {sides: 2}", "line 1, chance.kind: got None, expected coin, dice or die"),
        ("chance:\n  kind: coin\n  sides: 0", "line 3, chance.sides: got 0, expected greater than or equal to 1"),
        ("chance:\n  kind: coin\n  faces: [1]", "line 3, chance.faces: got 'faces', expected one of the keys kind, "
         "sides"),
        ("named:\n  x:\n    bus: a\n    shar: 1", "line 4, named.x.shar: got 'shar', expected one of the keys bus, "
         "share, fuel_cost_eur_per_mwh, below, few, game (closest: share)"),
        ("low: 2\nhigh: 1", "line 1, low: got 2.0, expected less than high (1)"),
        ("high: -1", "line 1, low: got 0.0, expected less than high (-1)"),
        ("number: 10\nunits:\n- bus: b", "line 3, units[0].bus: got 'b', expected another bus"),
        ("currency: GBP\nunits:\n- bus: b\n  fuel_cost_gbp_per_mwh: 101", "line 4, units[0].fuel_cost_gbp_per_mwh: got "
         "101.0, expected at most 100"),
        ("currency: eur", "line 1, currency: got 'eur', expected a code of three capital letters such as EUR"),
        ("units:\n- bus: b\n  fuel_cost_usd_per_mwh: 1", "line 3, units[0].fuel_cost_usd_per_mwh: got "
         "'fuel_cost_usd_per_mwh', expected fuel_cost_eur_per_mwh (the file's currency)"),
        ("number: 010", "line 1, number: got '010', expected "),
        ("pair: [1, 010]", "line 1, pair[1]: got '010', expected "),
        ("units:\n- bus: a\n  few: 010", "line 3, units[0].few: got '010', expected "),
        ("xyz: 010", "line 1, xyz: got '010', expected "),
        # keys that another market has
        ("extra: 4", "line 1, extra: got 4, expected 3, or market.kind: auction, which has this key"),
        ("extra: 3", "line 1, extra: got 3, expected no such key, or market.kind: auction, which has this key"),
        ("ratio: 0.5", "line 1, ratio: got 0.5, expected 0.25, or market.kind: auction, which has this key"),
        ("more: [3]", f"line 1, more: got 'more', expected one of the keys {KEYS}, or market.kind: auction, which has "
         "this one"),
        ("sub: {bus: b}", f"line 1, sub: got 'sub', expected one of the keys {KEYS}, or market.kind: auction, which "
         "has this one"),
    ],
)  # fmt: skip
def test_what_is_said_of_a_key(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as error:
        read(tmp_path, text)
    found = str(error.value)
    assert found.startswith(f"{tmp_path / 'own.yaml'}: {said}")
    assert said.endswith("expected ") or found.endswith(said)


def test_every_fault_is_told_in_the_order_of_the_lines(tmp_path: Path) -> None:
    text = "level: lo\nunits:\n- bus: a\n  share: 2\n- share: 3\nhigh: x\npair: [1, y]\nnumber: 1.5\n"
    with pytest.raises(SeveralInputErrors) as error:
        read(tmp_path, text)
    assert [each.where for each in error.value.errors] == [
        *("line 1, level", "line 4, units[0].share", "line 5, units[1].bus", "line 5, units[1].share", "line 6, high"),
        *("line 7, pair[1]", "line 8, number"),
    ]


def test_what_is_asked_for_as_text_is_text(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        "title: 2024\nunits:\n- bus: 010\n- bus: yes\nnamed:\n  x: {bus: 1_0}\nwhen: 2024-06-10\n"
        "labels: [010, 1]\nzones:\n  z: [1, 020]\n",
    )
    assert found.title == "2024"
    assert [unit.bus for unit in (*found.units, found.named["x"])] == ["010", "yes", "1_0"]
    assert (found.labels, found.zones) == (("010", "1"), {"z": ("1", "020")})
    assert found.when == dt.date(2024, 6, 10)


def test_money_has_the_currency_of_the_file(tmp_path: Path) -> None:
    found = read(tmp_path, "currency: USD\nunits:\n- bus: a\n  fuel_cost_usd_per_mwh: 7\n")
    assert found.units[0].fuel_cost_per_mwh == 7.0
    data = {"cost_eur_per_kwh": 1, "list": [{"fuel_eur_per_mwh": 2, "co2_eur_per_kg": 3}], "eur_per_kwh": 4, "a_eur": 5}
    assert money_keys(data, "CHF") == {
        "cost_chf_per_kwh": 1,
        "list": [{"fuel_chf_per_mwh": 2, "co2_chf_per_kg": 3}],
        "eur_per_kwh": 4,
        "a_eur": 5,
    }


# A file that is laid over another one


def laid(data: dict[str, Any], **lines: int) -> Document:
    """A document whose keys stand in ``own.yaml`` if they have a line here, and else in line 9 of ``base.yaml``."""
    found: dict[Any, Any] = {}

    def note(value: Any, keys: tuple[Any, ...]) -> None:
        if keys:
            own = lines.get("_".join(map(str, keys)))
            found[keys] = ("base.yaml", 9) if own is None else ("own.yaml", own)
        parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        for key, part in parts:
            note(part, (*keys, key))

    note(data, ())
    return Document("own.yaml", data, found)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (laid({"low": 2.0, "high": 1.0}), "base.yaml: line 9, low: got 2.0, expected less than high (1)"),
        (laid({"low": 2.0, "high": 1.0}, low=4), "own.yaml: line 4, low: got 2.0, expected less than high (1)"),
        (
            laid({"low": 2.0, "number": 3, "high": 1.0}, number=2, high=4),
            "own.yaml: line 4, high: got 1.0, expected what fits low, which is 2.0 in base.yaml: "
            "there, less than high (1)",
        ),
        (
            laid({"low": 2.0, "number": 3, "high": 1.0}, number=2),
            "own.yaml: line 2, number: got 3, expected what fits low, which is 2.0 in base.yaml: "
            "there, less than high (1)",
        ),
        (
            laid({"number": 10, "units": [{"bus": "b"}]}, number=2),
            "own.yaml: line 2, number: got 10, expected what fits units[0].bus, which is 'b' in "
            "base.yaml: there, another bus",
        ),
        (
            laid({"number": 10, "units": [{"bus": "b", "share": 1.0}]}, number=2, units_0_share=5),
            "own.yaml: line 5, units[0].share: got 1.0, expected what fits units[0].bus, which is 'b' in "
            "base.yaml: there, another bus",
        ),
    ],
)  # fmt: skip
def test_of_keys_that_do_not_fit_one_of_the_upper_file_is_blamed(given: Document, said: str) -> None:
    with pytest.raises(InputError) as error:
        validated(Whole, given, others)
    assert str(error.value) == said


def test_a_key_of_another_market_at_its_default_says_nothing_in_a_file_below() -> None:
    data = {"extra": 3, "ratio": 0.25, "more": [1, 2], "sub": Unit(bus="z").model_dump(by_alias=True), "number": 4}
    assert validated(Whole, laid(data, number=1), others).number == 4
    for changed in ({"extra": 4}, {"ratio": 0.5}, {"more": [1]}, {"sub": {"bus": "y"}}):
        with pytest.raises(InputError, match=r"^base\.yaml: line 9, .*market.kind: auction, which has this"):
            validated(Whole, laid({**data, **changed}, number=1), others)
    with pytest.raises(InputError, match=r"extra: got 3, expected no such key"):
        validated(Whole, laid({"extra": 3}, extra=1), others)


def test_a_currency_that_does_not_fit_what_is_below_is_blamed() -> None:
    below = {"currency": "USD", "units": [{"bus": "a", "fuel_cost_eur_per_mwh": 1.0}]}
    with pytest.raises(InputError) as error:
        validated(Whole, laid(below, currency=2), others)
    assert str(error.value) == (
        "own.yaml: line 2, currency: got 'USD', expected EUR, in which base.yaml states "
        "units[0].fuel_cost_eur_per_mwh, or that key in USD too"
    )
    with pytest.raises(InputError) as error:
        validated(Whole, laid(below), others)
    assert str(error.value) == (
        "base.yaml: line 9, units[0].fuel_cost_eur_per_mwh: got 'fuel_cost_eur_per_mwh', expected "
        "fuel_cost_usd_per_mwh (the file's currency)"
    )
