"""A scenario file with something wrong in it: one line that names file, line, key, value and what was expected."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from equilibrium.errors import InputError
from scenarios.loading import load_scenario
from tests.scenarios.conftest import BATTERY, scenario_data

Change = Callable[[dict], object]


def change(path: str, value: object) -> Change:
    """Return a function that sets ``lots.0.bus`` and the like."""
    keys = [int(key) if key.isdigit() else key for key in path.split(".")]

    def apply(data: dict) -> None:
        for key in keys[:-1]:
            data = data.setdefault(key, {}) if isinstance(data, dict) else data[key]
        data[keys[-1]] = value

    return apply


BAD: list[tuple[Change, str]] = [
    (change("lots.0.bus", "z"), "lots[0].bus: got 'z', expected a bus of feeder net (a, b, c)"),
    (change("lots.0.places", 0), "lots[0].places: got 0, expected greater than or equal to 1"),
    (change("lots.0.name", ""), "lots[0].name: got '', expected a name without control characters"),
    (change("lots.0.name", "operator"), "lots[0].name: got 'operator', expected a name other than operator, drivers"),
    (
        change("loads.scale", 1e6),
        "loads.scale: got 1000000.0, expected a factor that leaves kW and kvar that draw",
    ),
    (change("prices.start", "2024-06-10T05:00"), "prices.start: got '2024-06-10T05:00', expected a date such as 2024-"),
    (
        change("market.iteration", "gauss-seidel"),
        "market.iteration: got 'gauss-seidel', expected no such key, or market.kind: nodal, which has this key",
    ),
    (change("lots.0.charger_kw", -22), "lots[0].charger_kw: got -22, expected greater than 0"),
    (change("lots.0.efficiency", 1.2), "lots[0].efficiency: got 1.2"),
    (change("lots.0.charging_price_eur_per_kwh", "cheap"), "lots[0].charging_price_eur_per_kwh: got 'cheap'"),
    (change("lots.0.charging_price_eur_per_kwh", float("nan")), "lots[0].charging_price_eur_per_kwh: got nan"),
    (change("lots.0.charger_kw", True), "lots[0].charger_kw: got True, expected a number"),
    (change("lots.0.chargers", 3), "lots[0].chargers: got 'chargers', expected one of the keys name, bus, places"),
    (change("lots.0.chargr_kw", 3), "(closest: charger_kw)"),
    (change("lots.0.sites", ["Nowhere"]), "lots[0].sites[0]: got 'Nowhere'"),
    (change("lots.0.learning", {"price_grid_eur_per_kwh": [0.4]}), "two different values or more for roth-erev"),
    (
        change("lots.0.learning", {"rule": "roth-erev", "price_grid_eur_per_kwh": [0.3, 0.5], "experimentation": 0.5}),
        "lots[0].learning.experimentation: got 0.5, expected less than recency",
    ),
    (change("lots", []), "lots: got []"),
    (change("lots", "many"), "lots: got 'many', expected a list"),
    (change("feeder", None), "feeder: got None, expected a mapping of keys"),
    (change("lots.0", 7), "lots[0]: got 7, expected a mapping of keys"),
    (change("loads.day_sigma", 2), "loads.day_sigma: got 2, expected less than or equal to 1"),
    (change("microturbines.0.rating_kva", -100), "microturbines[0].rating_kva: got -100, expected greater than 0"),
    (change("microturbines.0.name", "lot"), "lots[0].name: got 'lot', expected a name of its own"),
    (change("microturbines.0.ramp_kw_per_h", -1), "microturbines[0].ramp_kw_per_h: got -1, expected greater than or"),
    (
        change("storage", [{**BATTERY, "energy_kwh": -100}]),
        "storage[0].energy_kwh: got -100.0, expected a finite number",
    ),
    (change("storage", [{**BATTERY, "charge_max_kw": True}]), "storage[0].charge_max_kw: got True, expected a number"),
    (
        change("storage", [{**BATTERY, "initial_kwh": 101}]),
        "storage[0].initial_kwh: got 101.0, expected a number from energy_min_kwh (0) to energy_kwh (100)",
    ),
    (
        change("storage", [BATTERY, {**BATTERY, "name": "other", "charge_efficiency": 0}]),
        "storage[1].charge_efficiency: got 0.0, expected a number > 0 and <= 1",
    ),
    (change("storage", [{**BATTERY, "discharge_efficiency": 1.5}]), "storage[0].discharge_efficiency: got 1.5"),
    (change("storage", [{**BATTERY, "energy_min_kwh": 200}]), "storage[0].energy_min_kwh: got 200.0"),
    (change("storage", [{**BATTERY, "bus": "z"}]), "storage[0].bus: got 'z', expected a bus of feeder net (a, b, c)"),
    (change("storage", [{**BATTERY, "name": "mt"}]), "storage[0].name: got 'mt', expected a name of its own"),
    (change("storage", [{**BATTERY, "energy": 7}]), "storage[0].energy: got 'energy', expected one of the keys name"),
    (
        change("storage", [{key: value for key, value in BATTERY.items() if key != "initial_kwh"}]),
        "storage[0].initial_kwh: got None, expected a key 'initial_kwh' here",
    ),
    (change("feeder.rating_kva", -1), "feeder.rating_kva: got -1, expected greater than 0"),
    (change("feeder.name", "ieee34"), "feeder.name: got 'ieee34', expected an existing folder or one of"),
    (change("feeder.voltage_min_pu", 1.2), "feeder.voltage_min_pu: got 1.2, expected less than voltage_max_pu"),
    (change("market.export_price_factor", 1), "market.export_price_factor: got 1, expected less than 1"),
    (change("market.on_infeasible", "ignore"), "market.on_infeasible: got 'ignore', expected 'stop' or 'shed'"),
    (change("market.kind", "pool"), "market.kind: got 'pool', expected one of lots-lead, nodal, disco, aggregator"),
    (change("market.iteration", "jacobi"), "market.iteration: got 'jacobi', expected gauss-seidel, or market.kind"),
    (change("market.time_limit_s", 9), "market.time_limit_s: got 9, expected 600, or market.kind: nodal, which"),
    (change("lots.0.behaviour", "central"), "lots[0].behaviour: got 'central', expected strategic, or market.kind"),
    (change("lots.0.behaviour", "shy"), "lots[0].behaviour: got 'shy', expected strategic, or market.kind: nodal"),
    (
        lambda data: (change("market.kind", "nodal")(data), change("lots.0.behaviour", "shy")(data)),
        "lots[0].behaviour: got 'shy', expected 'strategic', 'price-taking' or",
    ),
    (change("retailer", {"penalty": "cost"}), "retailer: got 'retailer', expected one of the keys title"),
    (change("retailer", {"penalty": "cost"}), ", or market.kind: disco or aggregator, which has this one"),
    (
        change("market", {"kind": "nodal", "on_infeasible": "shed"}),
        "market.on_infeasible: got 'shed', expected stop, or market.kind: lots-lead, which has this key",
    ),
    (change("prices.file", "gone.csv"), "prices.file: got 'gone.csv', expected an existing file or one of "),
    (change("prices.price_column", "es"), "price_column: got 'es'"),
    (change("loads.profile", "office"), "loads.profile: got 'office', expected one of residential"),
    (change("renewables.0.profile", "tide"), "renewables[0].profile: got 'tide'"),
    (
        change("out_of_service", ["lot"]),
        "out_of_service[0]: got 'lot', expected a microturbine or renewable unit (mt, sun)",
    ),
    (change("drivers.source", "guess"), "drivers.source: got 'guess', expected replay, resample, fitted or counts"),
    (change("drivers", {"files": ["sessions.csv"]}), "drivers.source: got None"),
    (change("drivers.files", ["sessions.csv", "gone.csv"]), "drivers.files[1]: got 'gone.csv'"),
    (change("drivers.sessions_per_day", 9), "drivers.sessions_per_day: got 9.0, expected source: resample"),
    (change("drivers.patience", {"lots_min": 3, "lots_max": 2}), "drivers.patience.lots_max: got 2"),
    (change("drivers.choice", {"price_utility_per_kwh": -1}), "(closest: price_utility_per_eur_per_kwh)"),
    (change("drivers.vehicles", {"arrival_share_min": 0.9}), "drivers.vehicles.arrival_share_max: got 0.8"),
    (change("titel", "x"), "titel: got 'titel', expected one of the keys title"),
    (change("currency", "euro"), "currency: got 'euro'"),
    (lambda data: data.pop("title"), "title: got None, expected a key 'title' here"),
    (lambda data: data.pop("drivers"), "drivers: got None"),
    (lambda data: data["lots"].append(data["lots"][0]), "lots[1].name: got 'lot', expected a name of its own (lots[0]"),
]


@pytest.mark.parametrize(("apply", "message"), BAD, ids=[message[:40] for _, message in BAD])
def test_bad_key_names_file_line_and_value(case: Path, apply: Change, message: str) -> None:
    data = copy.deepcopy(scenario_data())
    apply(data)
    case.write_text(yaml.safe_dump(data, sort_keys=False))
    with pytest.raises(InputError) as caught:
        load_scenario(str(case))
    text = str(caught.value)
    assert message in text
    assert "\n" not in text
    if "price_column" not in message:
        line = int(re.search(r"case\.yaml: line (\d+), ", text)[1])  # type: ignore[index]
        assert 1 <= line <= len(case.read_text().splitlines())


def test_the_line_is_that_of_the_key(case: Path) -> None:
    case.write_text(case.read_text().replace("places: 4", "places: 0"))
    number = next(k for k, line in enumerate(case.read_text().splitlines(), 1) if "places: 0" in line)
    with pytest.raises(InputError, match=re.escape(f"case.yaml: line {number}, lots[0].places: got 0")):
        load_scenario(str(case))


def test_not_a_scenario(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"got 'weak-33', expected a YAML file or one of .* \(closest: week-33\)"):
        load_scenario("weak-33")
    path = tmp_path / "list.yaml"
    path.write_text("- 1\n")
    with pytest.raises(InputError, match="no mapping"):
        load_scenario(str(path))
    path.write_text("title: [1\nfeeder: 2")
    with pytest.raises(InputError, match=r"list.yaml: line 2: .*expected valid YAML"):
        load_scenario(str(path))
    path.write_text("title: a\nfeeder: {name: ieee33, name: das15}\n")
    with pytest.raises(InputError, match=r"line 2, feeder.name: got 'name', expected each key once"):
        load_scenario(str(path))


def test_bad_loads_table(case: Path, tmp_path: Path) -> None:
    data = scenario_data()
    data["loads"] = {"file": "loads.csv"}
    case.write_text(yaml.safe_dump(data))
    for row, message in (
        ("z,1,1,pv", "line 2, column bus: got 'z', expected a bus of feeder net"),
        ("b,1,1,office", "line 2, column profile: got 'office', expected a profile of data/profiles/s0.csv"),
        ("b,-1,1,pv", "line 2, column load_kw: got '-1'"),
    ):
        (tmp_path / "loads.csv").write_text(f"bus,load_kw,load_kvar,profile\n{row}\n")
        with pytest.raises(InputError, match=re.escape(message)):
            load_scenario(str(case))
