"""Scenario files: what is bundled, what a file may say, what follows from it, and what bad keys get."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from dataclasses import replace
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
from tests.scenarios.conftest import BATTERY, prices_csv, scenario_data


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
        "two-settlement",
        "week-33",
        "week-85",
    ]
    titles = scenario_titles()
    assert list(titles) == scenario_names()
    assert len(set(titles.values())) == len(titles)


LOCAL = [name for name in scenario_names() if not name.startswith(("disco", "aggregator", "two"))]


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


@pytest.mark.parametrize(
    ("sigma", "days", "of_mean", "of_sigma"),
    [(0.4, 800, 0.04, 0.1), pytest.param(0.2, 2000, 0.02, 0.05, marks=pytest.mark.long)],
)
def test_day_factors_have_mean_one(case: Path, sigma: float, days: int, of_mean: float, of_sigma: float) -> None:
    data = scenario_data()
    data["loads"] = {"day_sigma": sigma}
    case.write_text(yaml.safe_dump(data))
    scenario = load_scenario(str(case))
    noon = [scenario.day(index, Streams(0)).load_kw[12, 1] for index in range(days)]
    assert np.mean(noon) == pytest.approx(scenario.base_load_kw[12, 1], rel=of_mean)
    assert np.std(np.log(noon)) == pytest.approx(sigma, rel=of_sigma)


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


def test_prices_that_begin_again_are_told() -> None:
    scenario = load_scenario("week-33")
    assert scenario.notes_of(14) == tuple(scenario.notes) == scenario.notes_of(1)
    typical = load_scenario("epec-lots-33-case1")
    assert typical.notes_of(1000) == tuple(typical.notes)
    for days, said in (
        (1, "1 day, then the same again"),
        (13, "13 days, then the first 7 again"),
        (14, "14 days, then the same again"),
    ):
        cut = {name: getattr(scenario.prices, name)[:days] for name in ("dates", "price", "axes")}
        shorter = replace(scenario, prices=replace(scenario.prices, **cut))
        assert shorter.notes_of(15)[-1] == f"prices omie-es-2024-06.csv: {said} (prices.after_end)"
