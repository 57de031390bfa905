"""What a scenario file is put together from: loads, generators of a grid, profiles and prices, with small stand-ins."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from equilibrium.errors import InputError
from equilibrium.grid.feeder import Feeder
from scenarios import assembly
from scenarios.assembly import GridData
from scenarios.files import Document
from scenarios.schema import FeederSection, RatedFeederSection

DOCUMENT = Document("own.yaml", {}, {("loads", "scale"): ("own.yaml", 7)})
STEPS = 4


def feeder(*load_kw: float) -> Feeder:
    load = np.array(load_kw or (0.0, 50.0, 30.0))
    one = np.ones(3)
    return Feeder(
        "by hand", 10.0, ("a", "b", "c"), np.array([-1, 0, 0]), 0.5 * one, 0.25 * one, 1e3 * one, load, 0.1 * load,
        0.9 * one, 1.1 * one,
    )  # fmt: skip


def grid(**parts: list[float]) -> GridData:
    names = ("generation_kw", "generation_kvar", "shunt_kw", "shunt_kvar")
    given = {name: np.array(parts.get(name, [0.0, 0.0, 0.0])) for name in names}
    return GridData(feeder(), **given, notes=(), paths=())


def file_of(folder: Path, **changes: Any) -> Any:
    """A file with four profile steps, one flat and one that rises."""
    rows = "\n".join(f"{6 * k:02d}:00,1,{k / 4:g}" for k in range(STEPS))
    (folder / "shapes.csv").write_text(f"start,flat_pu,rising_pu\n{rows}\n")
    loads: dict[str, Any] = {"file": None, "profiles": str(folder / "shapes.csv"), "profile": "rising", "scale": 2.0}
    section = {"generation_scale": 1.0, "generation_profile": None}
    return SimpleNamespace(
        loads=SimpleNamespace(**loads | {k: v for k, v in changes.items() if k in loads}),
        feeder=SimpleNamespace(**section | {k: v for k, v in changes.items() if k in section}),
    )


def said(error: pytest.ExceptionInfo[InputError]) -> str:
    return str(error.value)


def test_loads_follow_their_profile_and_what_a_grid_has_besides_is_added(tmp_path: Path) -> None:
    parts = {"generation_kw": [0.0, 0.0, 8.0], "generation_kvar": [0.0, 4.0, 0.0]}
    shunts = {"shunt_kw": [1.0, 0.0, 0.0], "shunt_kvar": [0.0, 0.0, -2.0]}
    kw, kvar, profiles, paths = assembly.expected_load(file_of(tmp_path), grid(**parts, **shunts), DOCUMENT)
    assert kw.tolist() == [[1.0, 25.0 * k, 15.0 * k - 8.0] for k in range(STEPS)]
    assert kvar.tolist() == pytest.approx(np.array([[0.0, 2.5 * k - 4.0, 1.5 * k - 2.0] for k in range(STEPS)]))
    assert (list(profiles), paths) == (["flat", "rising"], (tmp_path / "shapes.csv",))
    changed = file_of(tmp_path, generation_scale=0.5, generation_profile="rising", profile="flat")
    kw, kvar, _, _ = assembly.expected_load(changed, grid(**parts, **shunts), DOCUMENT)
    assert kw.tolist() == [[1.0, 100.0, 60.0 - 1.0 * k] for k in range(STEPS)]
    assert kvar.tolist() == pytest.approx(np.array([[0.0, 10.0 - 0.5 * k, 4.0] for k in range(STEPS)]))


BUS_LOADS = "bus,load_kw,load_kvar,profile\nc,10,-4,flat\nb,20,8,rising\n"


def test_loads_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "loads.csv").write_text(BUS_LOADS)
    file = file_of(tmp_path, file=str(tmp_path / "loads.csv"), profile="residential", scale=3.0)
    kw, kvar, _, paths = assembly.expected_load(file, grid(), DOCUMENT)
    assert kw.tolist() == [[0.0, 15.0 * k, 30.0] for k in range(STEPS)]
    assert kvar.tolist() == [[0.0, 6.0 * k, -12.0] for k in range(STEPS)]
    assert paths == (tmp_path / "loads.csv", tmp_path / "shapes.csv")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"profile": "none"}, "line 1, loads.profile: got 'none', expected one of flat, rising"),
        ({"generation_profile": "none"}, "line 1, feeder.generation_profile: got 'none', expected one of flat, rising"),
        ({"scale": 1e5}, "line 7, loads.scale: got 100000.0, expected a factor that leaves kW and kvar that draw 20 kA "
         "at 10 kV at most, not 348 kA"),
    ],
)  # fmt: skip
def test_loads_that_do_not_fit(changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as error:
        assembly.expected_load(file_of(tmp_path, **changes), grid(), DOCUMENT)
    assert said(error) == f"own.yaml: {message}"


def test_the_fullest_step_decides_what_a_feeder_carries(tmp_path: Path) -> None:
    """The last step has 0.75 of 80 kW: twice as much as fits in the others may stand there and no more."""
    most = 3**0.5 * 10.0 * 20.0 * 1000.0 / (0.75 * 80.0 * 1.01**0.5)
    assembly.expected_load(file_of(tmp_path, scale=0.999 * most), grid(), DOCUMENT)
    with pytest.raises(InputError, match=r"loads\.scale"):
        assembly.expected_load(file_of(tmp_path, scale=1.001 * most), grid(), DOCUMENT)


@pytest.mark.parametrize(
    ("text", "profile", "message"),
    [
        (BUS_LOADS, "other", "own.yaml: line 1, loads.profile: got 'other', expected one of flat, rising, or no "
         "profile beside a file"),
        (BUS_LOADS.replace("c,", "d,"), "flat", "{}/loads.csv: line 2, column bus: got 'd', expected a bus of feeder "
         "by hand"),
        (BUS_LOADS.replace("rising", "sea"), "flat", "{}/loads.csv: line 3, column profile: got 'sea', expected a "
         "profile of {}/shapes.csv (flat, rising)"),
        (BUS_LOADS.replace("10,", "-1,"), "flat",
         "{}/loads.csv: line 2, column load_kw: got '-1', expected a number >= 0"),
        (BUS_LOADS.replace("10,", "1e6,"), "flat", "{}/loads.csv: column load_kw: got '1.00002e+06 kW in all', "
         "expected kW and kvar that draw 20 kA at 10 kV at most, not 57.7 kA; 1.00002e+06 VA would be 1000.02 kVA"),
    ],
)  # fmt: skip
def test_files_of_loads_that_do_not_fit(text: str, profile: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "loads.csv").write_text(text)
    file = file_of(tmp_path, file=str(tmp_path / "loads.csv"), profile=profile)
    with pytest.raises(InputError) as error:
        assembly.expected_load(file, grid(), DOCUMENT)
    assert said(error) == message.replace("{}", str(tmp_path))


def test_a_retailer_sells_at_least_nothing(tmp_path: Path) -> None:
    total, paths = assembly.retail_load(file_of(tmp_path), grid(shunt_kw=[7.0, 0.0, 0.0]), DOCUMENT)
    assert total.tolist() == [7.0, 47.0, 87.0, 127.0]
    assert paths == (tmp_path / "shapes.csv",)
    just, more = ({"generation_kw": [0.0, 0.0, kw]} for kw in (160.0, 160.5))
    flat = file_of(tmp_path, profile="flat")
    assert assembly.retail_load(flat, grid(**just), DOCUMENT)[0].tolist() == [0.0] * 4
    with pytest.raises(InputError) as error:
        assembly.retail_load(flat, grid(**more), DOCUMENT)
    assert said(error) == (
        "own.yaml: line 1, feeder.generation_scale: got 1.0, expected generators that feed in no more than all loads "
        "draw at any time, e.g. generation_scale: 0"
    )


def test_negative_loads_are_told() -> None:
    assert assembly._feeding_loads(feeder(0.0, -2.5, -1.0)) == (
        "negative loads feed in 3.5 kW at profile value 1: b -2.5 kW, c -1 kW",
    )
    assert assembly._feeding_loads(feeder(0.0, 0.0, 1.0)) == ()


def test_what_a_scenario_makes_of_generators_is_told() -> None:
    def told(power: Any, **keys: Any) -> tuple[str, ...]:
        settings: Any = SimpleNamespace(**{"generation_scale": 1.0, "generation_profile": None} | keys)
        return assembly._scaled_generators(settings, *power)

    some, none = (np.zeros(2), np.array([0.0, 1.0])), (np.zeros(2), np.zeros(2))
    scale = "generators of the file feed in 0.5 times that (generation_scale)"
    profile = "generators of the file follow the profile pv (generation_profile)"
    assert told(some, generation_scale=0.5, generation_profile="pv") == (scale, profile)
    assert told(some, generation_scale=0.5) == (scale,)
    assert told(some, generation_profile="pv") == (profile,)
    assert told(some) == told(none, generation_scale=0.5, generation_profile="pv") == ()


def test_names_are_their_own_and_no_party_s() -> None:
    def unit(name: str) -> Any:
        return SimpleNamespace(name=name, bus="b")

    assembly.check_names({"lots": [unit("l"), unit("m")], "storage": [unit("s")]}, DOCUMENT)
    for assets, message in (
        ({"lots": [unit("l"), unit("m")], "storage": [unit("s"), unit("m")]},
         "storage[1].name: got 'm', expected a name of its own (lots[1] has it too)"),
        ({"lots": [unit("l"), unit("l")]}, "lots[1].name: got 'l', expected a name of its own (lots[0] has it too)"),
        ({"lots": [unit("l"), unit("company")]}, "lots[1].name: got 'company', expected a name other than operator, "
         "drivers, customers, company, wholesale market, who pay and are paid too"),
    ):  # fmt: skip
        with pytest.raises(InputError) as error:
            assembly.check_names(assets, DOCUMENT)
        assert said(error) == f"own.yaml: line 1, {message}"


def test_powers_that_no_feeder_carries() -> None:
    """At 10 kV up to 346 410 kW, kVA and kvar; a list is looked through hour by hour, other keys are left alone."""
    fits = SimpleNamespace(rated_kw=3.4e5, rating_kva=None, q_kvar=[1.0, 3.4e5], energy_kwh=9e9, note="many kW")
    assembly.check_powers({"lots": [fits]}, 10.0, DOCUMENT)
    for unit, where, value in (
        (SimpleNamespace(rated_kw=3.5e5), "lots[1].rated_kw", "350000.0"),
        (SimpleNamespace(rating_kva=3.5e5), "lots[1].rating_kva", "350000.0"),
        (SimpleNamespace(q_kvar=(1.0, 2.0, 3.5e5)), "lots[1].q_kvar[2]", "350000.0"),
    ):
        with pytest.raises(InputError) as error:
            assembly.check_powers({"lots": [fits, unit]}, 10.0, DOCUMENT)
        unit_of = {"rated_kw": "kW", "rating_kva": "kVA", "q_kvar[2]": "kvar"}[where.partition(".")[2]]
        assert said(error).startswith(
            f"own.yaml: line 1, {where}: got {value}, expected at most 3.464e+05 {unit_of}, which are 20 kA at 10 kV"
        )


@pytest.mark.parametrize(
    ("step", "prices", "profile_steps", "notes"),
    [
        (60, 60, 24, []),
        (15, 60, 24, ["prices p.csv: a value every 60 minutes holds for all its periods of 15 minutes",
                      "profiles s.csv: a value every 60 minutes holds for all its periods of 15 minutes"]),
        (60, 15, 96, ["prices p.csv: values every 15 minutes are averaged over periods of 60 minutes",
                      "profiles s.csv: values every 15 minutes are averaged over periods of 60 minutes"]),
        (30, 30, 192, ["profiles s.csv: values every 7.5 minutes are averaged over periods of 30 minutes"]),
    ],
)  # fmt: skip
def test_steps_of_prices_and_profiles_are_told(step: int, prices: int, profile_steps: int, notes: list[str]) -> None:
    file: Any = SimpleNamespace(
        time=SimpleNamespace(step_minutes=step),
        prices=SimpleNamespace(file="in/p.csv", step_minutes=prices),
        loads=SimpleNamespace(profiles="in/s.csv"),
    )
    assert assembly.time_notes(file, profile_steps) == tuple(notes)


def test_a_feeder_of_ours_with_limits_by_currents(feeder_folder: Path) -> None:
    """10 kV and 50 A are 866 kVA, of the trunk 100 A; the substation keeps its rating, impedances are doubled."""
    keys = {
        **{"name": str(feeder_folder), "impedance_factor": 2.0, "current_max_a": 50.0},
        **{"trunk": ("b",), "trunk_current_max_a": 100.0, "voltage_min_pu": 0.92, "voltage_max_pu": 1.08},
    }
    made = assembly.build_rated_feeder(RatedFeederSection.model_validate(keys), DOCUMENT)
    assert made.feeder.buses == ("a", "b", "c")
    assert made.feeder.rating_kva.tolist() == pytest.approx([np.inf, 1732.0508, 866.0254])
    assert made.feeder.r_ohm.tolist() == [0.0, 1.0, 0.4]
    assert made.feeder.x_ohm.tolist() == [0.0, 0.6, 0.2]
    assert (set(made.feeder.voltage_min_pu), set(made.feeder.voltage_max_pu)) == ({0.92}, {1.08})
    assert made.feeder.root_voltage_pu == 1.0
    assert not made.generation_kw.any()
    wrong = RatedFeederSection.model_validate({**keys, "trunk": ("b", "x")})
    with pytest.raises(
        InputError, match=r"own.yaml: line 1, feeder\.trunk\[1\]: got 'x', expected a bus of feeder net"
    ):
        assembly.build_rated_feeder(wrong, DOCUMENT)


def test_a_grid_alone(feeder_folder: Path) -> None:
    held = assembly.lone_grid(str(feeder_folder), {"feeder.root_voltage_pu": "1.04", "feeder.rating_kva": "77"})
    assert held.feeder.root_voltage_pu == 1.04
    assert held.feeder.rating_kva.tolist() == [77.0, 77.0, 400.0]
    with pytest.raises(InputError, match=r"feeder\.open: got \('a',\), expected this key only beside feeder\.file"):
        assembly.lone_grid(str(feeder_folder), {"feeder.open": "[a]"})
    assert FeederSection.model_validate({"name": "x"}).root_voltage_pu == 1.0


def prices_of(folder: Path, text: str, **keys: Any) -> Any:
    (folder / "p.csv").write_text(text)
    names = ("price_column", "unit", "time_column", "time_format", "time_zone", "area", "start", "draw")
    rules: Any = type("Rules", (), {"model_fields": dict.fromkeys((*names, "file"))})()
    vars(rules).update({**dict.fromkeys(names), "file": str(folder / "p.csv"), "step_minutes": 60, **keys})
    file: Any = SimpleNamespace(prices=rules, time=SimpleNamespace(zone=None), currency="EUR")
    return assembly.build_prices(file, DOCUMENT)


TWO_DAYS = "date,hour,price_eur_per_mwh,es_eur_per_mwh\n" + "".join(
    f"2024-06-0{day},{hour},{10 * day},{hour}\n" for day in (3, 4) for hour in range(1, 25)
)


def test_prices_from_a_start_on(tmp_path: Path) -> None:
    series, paths = prices_of(tmp_path, TWO_DAYS, start=dt.date(2024, 6, 4))
    assert (series.dates, paths) == ((dt.date(2024, 6, 4),), (tmp_path / "p.csv",))
    assert set(series.price[0]) == {0.04}
    chosen, _ = prices_of(tmp_path, TWO_DAYS, price_column="es_eur_per_mwh")
    assert (chosen.days, chosen.price[0][23]) == (2, 0.024)
    for text, keys, message in (
        (TWO_DAYS, {"price_column": "pt"}, "own.yaml: line 1, prices.price_column: got 'pt', expected one of the "
         "columns date, hour, price_eur_per_mwh, es_eur_per_mwh"),
        (TWO_DAYS.replace("eur", "usd"), {}, f"own.yaml: line 1, prices.file: got '{tmp_path / 'p.csv'}', expected "
         "prices in EUR, the scenario's currency (they are in USD)"),
        (TWO_DAYS.replace("price", "cost"), {}, f"{tmp_path / 'p.csv'}: header: got "),
    ):  # fmt: skip
        with pytest.raises(InputError) as error:
            prices_of(tmp_path, text, **keys)
        assert said(error).startswith(message)
