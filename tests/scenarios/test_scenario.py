"""Scenario files: what is bundled, what a file may say, what follows from it, and what bad keys get."""

from __future__ import annotations

import copy
import datetime as dt
import hashlib
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml

from equilibrium.errors import InputError
from equilibrium.grid.assets import StorageUnit
from scenarios.files import CASES
from scenarios.loading import load_scenario, scenario_names, scenario_titles
from scenarios.markets.charging.schema import ChargingFile
from scenarios.markets.lots_lead.schema import LotsLeadFile
from scenarios.markets.nodal.schema import NodalFile
from scenarios.streams import Streams
from tests.scenarios.conftest import prices_csv, scenario_data


def test_bundled_names_and_titles() -> None:
    assert scenario_names() == [
        "aggregator-37",
        "aggregators-37",
        "disco-15",
        "disco-33",
        "disco-belief",
        *(f"epec-lots-{feeder}-case{case}" for feeder in (33, 85) for case in (1, 2, 3)),
        "nodal-33",
        "nodal-33-quarters",
        "nodal-85",
        "town-33",
        "week-33",
        "week-85",
    ]
    titles = scenario_titles()
    assert list(titles) == scenario_names()
    assert len(set(titles.values())) == len(titles)


LOCAL = [name for name in scenario_names() if not name.startswith(("disco", "aggregator"))]


@pytest.mark.parametrize("name", LOCAL)
def test_resolved_scenario_loads_again_as_the_same(name: str, tmp_path: Path) -> None:
    scenario = load_scenario(name)
    path = tmp_path / "again.yaml"
    path.write_text(yaml.safe_dump(scenario.resolved()))
    again = load_scenario(str(path))
    assert again.file == scenario.file
    day, same = (each.day(2, Streams(4)) for each in (scenario, again))
    np.testing.assert_array_equal(day.load_kw, same.load_kw)
    np.testing.assert_array_equal(day.renewable_kw, same.renewable_kw)
    assert day.sessions == same.sessions


def keys(schema: type[ChargingFile]) -> set[str]:
    """All keys of a schema, whatever section they stand in."""
    described = schema.model_json_schema(by_alias=True)
    found = set(described["properties"])
    for definition in described["$defs"].values():
        found |= set(definition.get("properties", {}))
    return found


def test_every_key_stands_in_the_documented_file() -> None:
    week, nodal = ((CASES / f"{name}.yaml").read_text() for name in ("week-33", "nodal-33"))
    only_counts = {"battery_kwh", "energy_min_kwh", "arrival_energy_kwh", "departure_energy_kwh"}
    for key in keys(LotsLeadFile) - only_counts:
        assert re.search(rf"\b{key}:", week), key
    own = keys(NodalFile) - keys(LotsLeadFile)
    assert own == {"behaviour", "iteration", "node_limit", "time_limit_s"}
    assert all(f"{key}:" in nodal for key in own)
    counts = (CASES / "epec-lots-33-case1.yaml").read_text()
    assert all(f"{key}:" in counts for key in only_counts)


def test_day_is_a_function_of_scenario_seed_and_index() -> None:
    scenario = load_scenario("week-33")
    alone = scenario.day(6, Streams(1))
    for index in range(6):
        scenario.day(index, Streams(1))
    again = load_scenario("week-33").day(6, Streams(1))
    other = scenario.day(6, Streams(2))
    for name in ("load_kw", "load_kvar", "renewable_kw"):
        np.testing.assert_array_equal(getattr(alone, name), getattr(again, name))
        assert not np.array_equal(getattr(alone, name), getattr(other, name))
    assert alone.sessions == again.sessions != other.sessions
    np.testing.assert_array_equal(alone.wholesale_price, other.wholesale_price)


def test_the_default_week() -> None:
    scenario = load_scenario("week-33")
    days = [scenario.day(index, Streams(0)) for index in range(7)]
    assert [day.date for day in days] == [dt.date(2024, 6, 10) + dt.timedelta(days=k) for k in range(7)]
    assert min(day.wholesale_price.min() for day in days) < 0
    energy = sum(session.energy_kwh for day in days for session in day.sessions)
    load = sum(day.load_kw.sum() for day in days)
    assert 0.03 < energy / load < 0.2  # charging matters, and is not all there is
    for day in days:
        assert day.load_kw.shape == day.load_kvar.shape == (24, 33)
        assert day.renewable_kw.shape == (24, 4)
        assert np.all(day.renewable_kw <= [300, 400, 300, 450])
        assert day.microturbine_available.tolist() == [True, True]
        assert day.lots is None
    # Units of a kind share their weather.
    np.testing.assert_allclose(days[3].renewable_kw[:, 0], days[3].renewable_kw[:, 2])
    assert [note.split(":")[0] for note in scenario.notes] == [
        "data/sessions/dundee-2018.csv",
        "data/sessions/acn-2019.csv",
    ]
    assert scenario.day(14, Streams(0)).date == dt.date(2024, 6, 10)  # the fortnight repeats


def test_day_factors_have_mean_one(case: Path) -> None:
    data = scenario_data()
    data["loads"] = {"day_sigma": 0.2}
    case.write_text(yaml.safe_dump(data))
    scenario = load_scenario(str(case))
    noon = [scenario.day(index, Streams(0)).load_kw[12, 1] for index in range(2000)]
    assert np.mean(noon) == pytest.approx(scenario.base_load_kw[12, 1], rel=0.02)
    assert np.std(np.log(noon)) == pytest.approx(0.2, rel=0.05)


def test_own_files_beside_the_yaml(case: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    scenario = load_scenario(str(case))
    assert scenario.name == "case"
    assert (scenario.title, scenario.currency, scenario.axis(0).size, scenario.days) == ("small", "EUR", 24, None)
    network = scenario.network
    assert network.feeder.buses == ("a", "b", "c")
    assert (network.microturbines[0].bus, network.microturbines[0].fuel_cost_per_kwh) == (2, 0.05)
    assert network.feeder.rating_kva.tolist() == [1000.0, 1000.0, 400.0]
    day = scenario.day(0, Streams(0))
    np.testing.assert_allclose(day.load_kw[:, 1], 2 * day.load_kw[:, 2])
    (session,) = day.sessions
    assert (session.arrival_h, session.departure_h, session.energy_kwh) == (8.5, 17.0, 11.0)
    hashes = scenario.input_hashes()
    for name in ("case.yaml", "net/buses.csv", "net/branches.csv", "net/feeder.yaml", "prices.csv", "sessions.csv"):
        path = tmp_path / name
        assert hashes[str(path)] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert {"data/profiles/s0.csv", "data/vehicles/netherlands.csv"} <= hashes.keys()
    assert len(hashes) == 8


def test_sites_become_home_lots(case: Path, tmp_path: Path) -> None:
    text = (tmp_path / "sessions.csv").read_text().replace("energy_kwh,battery_kwh", "energy_kwh,site")
    (tmp_path / "sessions.csv").write_text(text.replace(",11,\n", ",11,North\n"))
    data = scenario_data()
    data["lots"].append({**data["lots"][0], "name": "second", "sites": ["North"]})
    case.write_text(yaml.safe_dump(data))
    scenario = load_scenario(str(case))
    assert [scenario.day(index, Streams(0)).sessions[0].home_lot for index in (0, 1)] == [1, -1]


def test_nominal_day_is_typical_and_needs_no_seed(case: Path) -> None:
    scenario = load_scenario(str(case))
    nominal, again = scenario.nominal_day(), load_scenario(str(case)).nominal_day()
    np.testing.assert_allclose(nominal.wholesale_price, np.mean(scenario.prices.price, axis=0))
    (lot,) = nominal.lots
    assert lot.fleet is None
    np.testing.assert_array_equal(lot.soe_max_kwh, again.lots[0].soe_max_kwh)
    charged = lot.energy_end_kwh + lot.energy_out_kwh.sum() - lot.energy_in_kwh.sum()
    assert charged == pytest.approx(13.0)  # the Wednesday of the log asks for 13 kWh
    assert lot.power_max_kw[:8].max() == 0.0 < lot.power_max_kw[8:17].min()


@pytest.mark.parametrize("name", LOCAL)
def test_nominal_lots_can_be_served(name: str) -> None:
    scenario = load_scenario(name)
    nominal = scenario.nominal_day()
    for lot, day in zip(scenario.lots, nominal.lots, strict=True):
        soe = np.cumsum(day.energy_in_kwh - day.energy_out_kwh)
        # As early as possible, then as late as needed: the band must be reachable and the end met.
        top = np.minimum.accumulate((day.soe_max_kwh - soe)[::-1])[::-1]
        charge, used = np.zeros(nominal.hours), 0.0
        for period, length in enumerate(nominal.length_h):
            most = lot.efficiency * day.power_max_kw[period] * length
            charge[period] = np.clip(top[period] - used, 0.0, most)
            used += charge[period]
        level = soe + np.cumsum(charge)
        assert np.all(level >= day.soe_min_kwh - 1e-6)
        assert level[-1] >= day.energy_end_kwh - 1e-6


def test_after_end_stop(case: Path) -> None:
    data = scenario_data()
    data["prices"] = {"file": "prices.csv", "start": dt.date(2024, 1, 6), "after_end": "stop"}
    case.write_text(yaml.safe_dump(data))
    scenario = load_scenario(str(case))
    assert scenario.days == 3
    assert scenario.day(2, Streams(0)).date == dt.date(2024, 1, 8)
    with pytest.raises(InputError, match=r"after_end: stop: got 'day 4', expected at most 3 days"):
        scenario.day(3, Streams(0))


def test_other_currency(case: Path, tmp_path: Path) -> None:
    prices = tmp_path / "prices.csv"
    prices.write_text(prices.read_text().replace("eur", "usd"))
    text = case.read_text()
    case.write_text(text.replace("_eur_", "_usd_") + "currency: USD\nmarket: {value_of_lost_load_usd_per_kwh: 2}\n")
    scenario = load_scenario(str(case))
    assert scenario.file.market.value_of_lost_load_per_kwh == 2.0
    assert scenario.resolved()["lots"][0]["charging_price_usd_per_kwh"] == 0.4  # type: ignore[index]
    case.write_text(text + "currency: USD\n")
    with pytest.raises(InputError, match=r"fuel_cost_eur_per_mwh'?, expected fuel_cost_usd_per_mwh"):
        load_scenario(str(case))
    case.write_text(text)
    with pytest.raises(InputError, match=r"line \d+, prices.file: got '.*prices.csv', expected prices in EUR"):
        load_scenario(str(case))


def test_extends_merges_mappings_and_replaces_lists(case: Path, tmp_path: Path) -> None:
    over = tmp_path / "sub" / "over.yaml"
    over.parent.mkdir()
    over.write_text("extends: ../case.yaml\ntitle: over\nfeeder: {rating_kva: 2000}\nmicroturbines: []\n")
    scenario = load_scenario(str(over))
    assert scenario.title == "over"
    assert scenario.network.microturbines == ()
    assert scenario.network.feeder.rating_kva[0] == 2000.0
    assert scenario.network.feeder.size == 3  # the feeder's path is still relative to the file that states it
    assert {str(case.resolve()), str(over)} <= scenario.input_hashes().keys()
    over.write_text("extends: ../case.yaml\ndrivers: {source: resample, sessions_per_day: 3}\n")
    assert load_scenario(str(over)).resolved()["drivers"]["files"] == [str(tmp_path / "sessions.csv")]  # type: ignore[index]
    over.write_text("extends: epec-lots-33-case1\ndrivers: {source: replay, files: [acn-2019]}\n")
    assert load_scenario(str(over)).counts is None
    over.write_text("extends: over.yaml\n")
    with pytest.raises(InputError, match=r"line 1, extends: got 'over.yaml'"):
        load_scenario(str(over))
    over.write_text("extends: nothing\n")
    with pytest.raises(InputError, match=r"line 1, extends: got 'nothing'"):
        load_scenario(str(over))
    over.write_text("extends: ../case.yaml\nlots: [{name: x}]\n")
    with pytest.raises(InputError, match=r"over.yaml: line 2, lots\[0\].bus"):
        load_scenario(str(over))


def test_overrides_are_merged_like_an_extending_file(
    case: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.csv").write_text(prices_csv(days=3))
    overrides = {"feeder": {"rating_kva": 2000}, "microturbines": (), "prices": {"file": Path("mine.csv")}}
    scenario = load_scenario(str(case), overrides)
    assert (scenario.name, scenario.title) == ("case", "small")
    assert scenario.network.microturbines == ()
    assert scenario.network.feeder.rating_kva[0] == 2000.0
    assert len(scenario.prices.dates) == 3
    assert {str(case), str(tmp_path / "mine.csv")} <= scenario.input_hashes().keys()
    assert overrides["prices"] == {"file": Path("mine.csv")}
    assert load_scenario(str(case), {}).file == load_scenario(str(case)).file
    # Complaints name the overrides for their own keys, and the file for the others.
    with pytest.raises(InputError, match=r"case\.yaml with overrides: lots\[0\]\.bus: got None"):
        load_scenario(str(case), {"lots": [{"name": "x"}]})
    with pytest.raises(InputError, match=r"case\.yaml with overrides: prices\.file: got 'gone\.csv'"):
        load_scenario(str(case), {"prices": {"file": "gone.csv"}})
    case.write_text(case.read_text().replace("places: 4", "places: 0"))
    with pytest.raises(InputError, match=r"case\.yaml: line \d+, lots\[0\]\.places: got 0"):
        load_scenario(str(case), {"feeder": {"rating_kva": 2000}})


def test_rules_of_the_nodal_market(case: Path) -> None:
    data = scenario_data()
    data["market"] = {"kind": "nodal", "iteration": "jacobi"}
    data["lots"][0]["behaviour"] = "price-taking"
    case.write_text(yaml.safe_dump(data))
    scenario = load_scenario(str(case))
    assert (scenario.file.market.kind, scenario.file.market.iteration) == ("nodal", "jacobi")
    assert scenario.lots[0].behaviour == "price-taking"
    with pytest.raises(
        InputError, match=r"week-33\.yaml: line \d+, market\.on_infeasible: got 'shed', expected stop, or"
    ):
        load_scenario("week-33", {"market": {"kind": "nodal"}})


Change = Callable[[dict], object]


def change(path: str, value: object) -> Change:
    """Return a function that sets ``lots.0.bus`` and the like."""
    keys = [int(key) if key.isdigit() else key for key in path.split(".")]

    def apply(data: dict) -> None:
        for key in keys[:-1]:
            data = data.setdefault(key, {}) if isinstance(data, dict) else data[key]
        data[keys[-1]] = value

    return apply


BATTERY = {
    **{"name": "cell", "bus": "b", "energy_kwh": 100, "charge_max_kw": 50, "discharge_max_kw": 50},
    "initial_kwh": 50,
}

BAD: list[tuple[Change, str]] = [
    (change("lots.0.bus", "z"), "lots[0].bus: got 'z', expected a bus of feeder net (a .. c)"),
    (change("lots.0.places", 0), "lots[0].places: got 0, expected greater than or equal to 1"),
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
    (change("storage", [{**BATTERY, "bus": "z"}]), "storage[0].bus: got 'z', expected a bus of feeder net (a .. c)"),
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
    (change("prices.file", "gone.csv"), "prices.file: got 'gone.csv', expected an existing file or one of disco-cvar"),
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


def test_storage_and_ramps_reach_the_network(case: Path, tmp_path: Path) -> None:
    data = scenario_data()
    data["storage"] = [{**BATTERY, "charge_efficiency": 0.9}]
    data["microturbines"][0]["ramp_kw_per_h"] = 20
    case.write_text(yaml.safe_dump(data, sort_keys=False))
    scenario = load_scenario(str(case))
    network = scenario.network
    assert network.storage == (StorageUnit("cell", 1, 100.0, 50.0, 50.0, 50.0, 0.9, 0.95, 0.0),)
    assert network.microturbines[0].ramp_kw_per_h == 20.0
    again = tmp_path / "again.yaml"
    again.write_text(yaml.safe_dump(scenario.resolved(), sort_keys=False))
    assert load_scenario(str(again)).network.storage == network.storage
