"""Single keys set by name on top of a scenario."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from equilibrium.errors import InputError
from scenarios.loading import load_scenario, read_case
from scenarios.settings import as_text, read_settings

TOWN = "town-33"


def set_in_town(*given: str) -> dict[str, object]:
    """Return the town's keys as they are checked, with some set."""
    return read_case(TOWN, settings=read_settings(given))[0].model_dump(mode="json", by_alias=True)


def differences(one: object, other: object, at: str = "") -> dict[str, object]:
    """Return the values of ``other`` that differ, by key."""
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        return {k: v for key in one for k, v in differences(one[key], other[key], f"{at}.{key}").items()}
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        return {k: v for n in range(len(one)) for k, v in differences(one[n], other[n], f"{at}.{n}").items()}
    return {} if one == other else {at.removeprefix("."): other}


@pytest.mark.parametrize(
    ("given", "changed"),
    [
        ("lots.lot-1.places=40", {"lots.0.places": 40}),
        ("lots.homes.residents.vehicles=7", {"lots.3.residents.vehicles": 7}),
        ("lots.2.places=40", {"lots.2.places": 40}),
        ("loads.scale=1.25", {"loads.scale": 1.25}),
        ("title=2024", {"title": "2024"}),
        ("lots.lot-3.bus=018", {"lots.2.bus": "018"}),
        ("microturbines=[]", {"microturbines": []}),
        ("drivers.choice.outside.constant=1.5", {"drivers.choice.outside.constant": 1.5}),
    ],
)
def test_one_key_changes_and_nothing_else(given: str, changed: dict[str, object]) -> None:
    assert differences(set_in_town(), set_in_town(given)) == changed


def test_several_keys_of_one_list_and_their_order() -> None:
    given = ["lots.lot-1.places=40", "lots.lot-2.places=50", "lots.lot-1.charger_kw=11"]
    changed = {"lots.0.places": 40, "lots.0.charger_kw": 11.0, "lots.1.places": 50}
    assert differences(set_in_town(), set_in_town(*given)) == changed
    assert set_in_town(*given) == set_in_town(*reversed(given))


def test_another_rule_begins_its_section_anew() -> None:
    windows = "[{from_h: 17, to_h: 21, charge_eur_per_kwh: 0.05}]"
    charge = set_in_town("network_charge.rule=time-of-use", f"network_charge.windows={windows}")["network_charge"]
    assert isinstance(charge, dict)
    assert charge["rule"] == "time-of-use"
    assert not charge.get("zones")


def test_labels_of_the_other_items_stay_as_they_are_written(tmp_path: Path) -> None:
    lots = [{"name": name, "bus": 8, "places": 5, "charger_kw": 7, "charging_price_eur_per_kwh": 0.3} for name in "ab"]
    text = yaml.safe_dump({"extends": "nodal-33", "lots": lots}).replace("name: a", "name: 010")
    (tmp_path / "own.yaml").write_text(text, encoding="utf-8")
    file = read_case(str(tmp_path / "own.yaml"), settings={"lots.b.places": "6"})[0].model_dump(by_alias=True)
    assert [(lot["name"], lot["places"]) for lot in file["lots"]] == [("010", 5), ("b", 6)]


def test_a_name_with_dots_is_found(tmp_path: Path) -> None:
    lots = [{"name": "a.b", "bus": 8, "places": 5, "charger_kw": 7, "charging_price_eur_per_kwh": 0.3}]
    (tmp_path / "own.yaml").write_text(yaml.safe_dump({"extends": "nodal-33", "lots": lots}), encoding="utf-8")
    file = read_case(str(tmp_path / "own.yaml"), settings={"lots.a.b.places": "6"})[0].model_dump(by_alias=True)
    assert file["lots"][0]["places"] == 6


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("lots.lot-9.places=3", "--set lots.lot-9.places: item of the list: got 'lot-9', expected one of lot-1"),
        ("lots.lot-1.place=3", "--set lots.lot-1.place: .* got 'place', .*closest: places"),
        ("lots.lot-1.places=-1", "--set lots.lot-1.places: .* got -1, expected greater than or equal to 1"),
        ("lots.lot-1.places=010", "--set lots.lot-1.places: .* got '010', expected a number in plain decimals"),
        ("loads.scal=1", "--set loads.scal: .*closest: scale"),
        ("loads.scale=[", r"--set loads.scale: value: got '\[', expected valid YAML"),
        ("prices.time_format=%d.%m.%Y", r"valid YAML; text .* in quotes of its own: \"prices.time_format='%d.%m.%Y'\""),
        ("loads.scale=1\nseed: 2", "--set loads.scale: value: .* expected one value of YAML"),
        ("loads.scale", "--set: KEY=VALUE: got 'loads.scale'"),
        ("=1", "--set: KEY=VALUE: got '=1'"),
        ("loads..scale=1", "--set: KEY=VALUE"),
        ("market.kind=foo", "--set market.kind: market.kind: got 'foo'"),
        ("feeder.voltage_min_pu=1.2", "--set feeder.voltage_min_pu: .* got 1.2, expected less than voltage_max_pu"),
        ("prices.file=nowhere", "--set prices.file: prices.file: got 'nowhere'"),
    ],
)
def test_what_cannot_be_set_names_the_setting(given: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        set_in_town(given)


def test_a_key_is_set_once() -> None:
    with pytest.raises(InputError, match="each key once"):
        read_settings(["loads.scale=1", "loads.scale=2"])


@pytest.mark.parametrize("value", [1, 1e-05, -2.5e20, True, None, "a: b", "010", [1, {"a": [2]}], {"rule": "none"}, ""])
def test_a_value_comes_back_from_its_text(value: object) -> None:
    assert yaml.safe_load(f"value: {as_text(value)}") == {"value": value}


def test_the_case_says_what_was_set() -> None:
    case = load_scenario("nodal-33", settings={"loads.scale": "0.9"})
    assert case.settings == {"loads.scale": "0.9"}
    assert load_scenario("nodal-33").settings == {}
