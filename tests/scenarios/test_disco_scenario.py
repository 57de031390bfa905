"""Scenario files of the DISCO market: what is bundled, what days and draws follow, and what bad keys get."""

from __future__ import annotations

import copy
import re
from pathlib import Path

import numpy as np
import pytest
import yaml
from pydantic import BaseModel

from equilibrium.errors import InputError
from scenarios.files import CASES
from scenarios.loading import load_scenario, market_of
from scenarios.markets.charging.case import ChargingCase
from scenarios.markets.disco.case import DiscoCase
from scenarios.markets.disco.schema import DiscoFile
from scenarios.markets.lots_lead.schema import LotsLeadFile
from scenarios.streams import Streams

NAMES = ("disco-15", "disco-33")


@pytest.fixture(scope="module")
def case():
    return load_scenario("disco-15", None, DiscoCase)


@pytest.mark.parametrize("name", NAMES)
def test_resolved_scenario_loads_again_as_the_same(name, tmp_path):
    scenario = load_scenario(name, None, DiscoCase)
    path = tmp_path / "again.yaml"
    path.write_text(yaml.safe_dump(scenario.resolved()))
    again = load_scenario(str(path), None, DiscoCase)
    assert again.file == scenario.file
    first, second = (each.outcome(each.day(3, Streams(4)), Streams(4), lambda _: (9,)) for each in (scenario, again))
    np.testing.assert_array_equal(first.renewable_kw, second.renewable_kw)
    np.testing.assert_array_equal(first.vehicles[0].energy_kwh, second.vehicles[0].energy_kwh)
    assert all(len(value) == 64 for value in scenario.input_hashes().values())
    assert {f"data/{kind}" for kind in ("programs", "prices", "loads", "profiles")} <= {
        str(Path(source).parent) for source in scenario.input_hashes()
    }


def keys_of(kind: type[BaseModel]) -> set[str]:
    schema = kind.model_json_schema(by_alias=True)
    sections = [schema, *schema["$defs"].values()]
    return {key for section in sections for key in section.get("properties", {})}


def test_every_key_stands_in_the_documented_file():
    """Keys that all markets have stand in one of the two."""
    text, shared = ((CASES / f"{name}.yaml").read_text() for name in ("disco-15", "week-33"))
    everywhere = keys_of(LotsLeadFile)
    for key in sorted(keys_of(DiscoFile)):
        told = key.replace("_eur_", "_usd_")
        assert re.search(rf"\b{told}\b", text + shared if key in everywhere else text), key


def test_kinds_are_told_apart():
    assert market_of("disco-15") == "disco"
    assert market_of("nodal-33") == "nodal"
    with pytest.raises(InputError, match="lots-lead or nodal"):
        load_scenario("disco-15", None, ChargingCase)
    with pytest.raises(InputError, match=r"market\.kind.*disco"):
        load_scenario("week-33", None, DiscoCase)


def test_day_is_a_function_of_scenario_seed_and_index(case):
    alone = case.day(5, Streams(1))
    np.testing.assert_array_equal(alone.base_kw, case.day(5, Streams(1)).base_kw)
    assert not np.array_equal(alone.base_kw, case.day(5, Streams(2)).base_kw)
    np.testing.assert_array_equal(alone.forecast_kw, case.day(6, Streams(2)).forecast_kw)
    assert alone.forecast_kw.shape == (24, 15)
    assert alone.date is None


def test_forecasts_are_probabilities_over_draws_and_outcomes_are_one_more(case):
    streams = Streams(3)
    day = case.day(1, streams)
    forecast = case.forecast(day, streams, lambda rng: (int(rng.binomial(20, 0.7)),))
    assert len(forecast.scenarios) == case.file.scenarios.kept
    assert sum(each.probability for each in forecast.scenarios) == pytest.approx(1.0)
    assert forecast.distance > 0.0
    outcome = case.outcome(day, streams, lambda _: (20,))
    batch = outcome.vehicles[0]
    assert (outcome.probability, batch.size) == (1.0, 20)
    assert batch.names[0] == "1-lot-1"
    assert np.all((batch.arrival >= 6) & (batch.departure <= 24))
    assert np.all(outcome.renewable_kw <= 200.0)
    other = case.outcome(case.day(2, streams), streams, lambda _: (20,))
    assert not np.array_equal(outcome.renewable_kw, other.renewable_kw)
    assert not any(np.array_equal(outcome.renewable_kw, each.renewable_kw) for each in forecast.scenarios)


def test_keeping_all_draws_changes_nothing():
    case = load_scenario("disco-15", {"scenarios": {"draws": 4, "kept": 4}}, DiscoCase)
    day = case.day(0, Streams(0))
    forecast = case.forecast(day, Streams(0), lambda _: (3,))
    assert forecast.distance == 0.0
    assert [each.probability for each in forecast.scenarios] == [0.25] * 4


def test_prices_can_be_uncertain():
    case = load_scenario("disco-15", {"scenarios": {"draws": 3, "kept": 3, "price_sigma": 0.2}}, DiscoCase)
    day = case.day(0, Streams(0))
    ratio = [
        each.upstream_price / day.upstream_price for each in case.forecast(day, Streams(0), lambda _: (1,)).scenarios
    ]
    assert len({float(r[0]) for r in ratio}) == 3
    assert all(np.ptp(r) < 1e-12 for r in ratio)


def test_the_price_factor_has_the_mean_one():
    """A lognormal factor without its correction would have the mean exp(0.8^2 / 2) = 1.38."""
    case = load_scenario("disco-15", {"scenarios": {"price_sigma": 0.8}}, DiscoCase)
    day = case.day(0, Streams(0))
    drawn = [case.outcome(day, Streams(seed), lambda _: (0,)).upstream_price[0] for seed in range(1500)]
    factor = np.array(drawn) / day.upstream_price[0]
    assert factor.mean() == pytest.approx(1.0, abs=0.1)
    assert np.log(factor).std() == pytest.approx(0.8, abs=0.05)


def test_reactive_load_goes_with_the_active_one(case):
    """The day's factor is on both, the forecast has none."""
    day = case.day(2, Streams(7))
    factor = day.base_kw[:, 1:] / day.forecast_kw[:, 1:]
    assert np.ptp(factor) < 1e-12
    assert abs(factor[0, 0] - 1.0) > 1e-3
    np.testing.assert_allclose(day.base_kvar[:, 1:] / day.forecast_kvar[:, 1:], factor, rtol=1e-12)
    np.testing.assert_allclose(day.forecast_kvar[:, 1:], day.forecast_kw[:, 1:] * np.tan(np.arccos(0.95)), rtol=1e-6)


@pytest.mark.parametrize("kind", ["pv", "wind"])
def test_the_scale_of_the_weather_is_on_sun_and_wind(kind):
    single, double = (load_scenario("disco-15", {"weather": {"scale": scale}}, DiscoCase) for scale in (0.4, 0.8))
    column = [unit.kind for unit in single.file.renewables].index(kind)
    for seed in range(3):
        first, second = (
            case.outcome(case.day(0, Streams(seed)), Streams(seed), lambda _: (0,)).renewable_kw[:, column]
            for case in (single, double)
        )
        assert first.max() > 1.0
        np.testing.assert_allclose(second, 2.0 * first, rtol=1e-12)


def test_windows_are_periods_of_the_programs(case):
    discharge = case.window(case.file.market.discharge_periods)
    assert np.flatnonzero(discharge).tolist() == [*range(9, 14), *range(18, 21)]
    np.testing.assert_array_equal(case.window(case.file.market.charge_periods), ~discharge)
    assert case.window(()).all()


def test_weibull_weather_takes_the_place_of_the_profiles():
    weather = {"wind_speed_m_per_s": {"shape": 2.0, "scale": 6.5}, "irradiance_w_per_m2": {"shape": 1.8, "scale": 550}}
    case = load_scenario("disco-15", {"weather": weather}, DiscoCase)
    day = case.day(0, Streams(0))
    wind, sun = np.mean([case.outcome(day, Streams(s), lambda _: (0,)).renewable_kw for s in range(60)], axis=0).T
    assert not sun[:5].any()
    assert sun[12] > 60.0
    assert 0.1 < wind.mean() / 200.0 < 0.35


def test_feeder_limits_are_currents():
    feeder = load_scenario("disco-33", None, DiscoCase).network.feeder
    np.testing.assert_allclose(feeder.rating_kva[[1, 5, 6, 32]] / (np.sqrt(3) * 12.66), [400, 400, 200, 200])


def test_own_elasticity_is_the_customers():
    own = {"on-peak": {"on-peak": -0.2, "mid-peak": 0.02, "off-peak": 0.03}}
    own |= {"mid-peak": {"mid-peak": -0.1, "off-peak": 0.0}, "off-peak": {"off-peak": -0.3}}
    case = load_scenario("disco-15", {"customers": {"elasticity": own, "participation": 0.1}}, DiscoCase)
    assert case.elasticity.values[10, 11] == -0.2
    assert case.elasticity.values[0, 10] == case.elasticity.values[10, 0] == 0.03
    assert case.participation == 0.1


BAD = [
    (("market", "mode"), "open", "market.mode"),
    (("market", "alpha"), 1.0, "market.alpha"),
    (("market", "beta"), -0.1, "market.beta"),
    (("market", "transformer_efficiency"), 0.0, "market.transformer_efficiency"),
    (("market", "discharge_periods"), [], "market.discharge_periods: got []"),
    (("market", "charge_periods"), ["night"], "market.charge_periods[0]: got 'night', expected one of the periods"),
    (
        ("market", "charge_periods"),
        ["on-peak"],
        "market.discharge_periods[0]: got 'on-peak', expected a period that is",
    ),
    (("market", "mode"), "strict", "expected [] for mode strict, which has no windows"),
    (("lots",), [], "lots: got [], expected a list that is not empty"),
    (("market", "on_infeasible"), "shed", "market.on_infeasible"),
    (("feeder", "trunk"), ["2"], "trunk and trunk_current_max_a together"),
    (("renewables", 0, "bus"), 99, "renewables[0].bus: got '99'"),
    (("renewables", 1, "name"), "lot", "lots[0].name: got 'lot', expected a name of its own"),
    (("lots", 0, "drivers"), 0, "lots[0].drivers"),
    (("lots", 0, "efficiency"), 1.2, "lots[0].efficiency"),
    (("fleet", "arrival_h", "min"), 11, "fleet.arrival_h.min: got 11"),
    (("fleet", "departure_h", "max"), 25, "fleet.departure_h.max: got 25"),
    (("fleet", "arrival_h"), {"mean": 8, "sd": 3, "min": 7, "max": 19}, "fleet.arrival_h.max: got 19"),
    (("fleet", "wish_share"), 0.95, "fleet.wish_share: got 0.95, expected inside the band"),
    (("fleet", "draws"), "many", "fleet.draws"),
    (("weather", "factor", "max"), 0.1, "weather.factor.max: got 0.1"),
    (("weather", "wind_speed_m_per_s"), {"shape": 2, "scale": 6}, "both or none"),
    (("lot_owner", "driver_share"), 1.5, "lot_owner.driver_share"),
    (("lot_owner", "learning", "margin_grid_usd_per_kwh"), [0.1], "two different values or more"),
    (("lot_owner", "learning", "of"), "driver_share", "lot_owner.learning.driver_share_grid"),
    (("lot_owner", "learning", "settings"), {"epsilon": 0.1}, "lot_owner.learning.settings"),
    (("company", "lot_tariff"), "free", "company.lot_tariff: got 'free'"),
    (("company", "cost_memory"), 1.5, "company.cost_memory: got 1.5"),
    (("retailer", "learning", "rule"), "tompson", "retailer.learning.rule: got 'tompson'"),
    (("retailer", "learning", "draws"), 0, "retailer.learning.draws: got 0"),
    (("lot_owner", "margin_eur_per_kwh"), 0.1, "margin_usd_per_kwh (the file's currency)"),
    (("retailer", "programs", "set"), "gone", "retailer.programs.set: got 'gone'"),
    (("retailer", "programs", "offered"), ["flat", "happy-hour"], "retailer.programs.offered[1]: got 'happy-hour'"),
    (("retailer", "programs", "offered"), ["flat", "flat"], "retailer.programs.offered[1]: got 'flat'"),
    (
        ("retailer", "learning"),
        {"rule": "roth-erev", "experimentation": 0.9},
        "retailer.learning.rule: got 'roth-erev'",
    ),
    (("retailer", "learning", "epsilon"), 2, "retailer.learning.epsilon"),
    (("retailer", "belief", "self_elasticity"), 0.1, "retailer.belief.self_elasticity"),
    (("customers", "elasticity"), {"on-peak": {"on-peak": -0.1}}, "customers.elasticity"),
    (("customers", "elasticity"), {"noon": {"on-peak": -0.1}}, "'noon'"),
    (("customers", "participation"), 0, "customers.participation"),
    (("scenarios", "kept"), 101, "scenarios.kept: got 101, expected at most draws (100)"),
    (("emissions", "periods"), ["peak"], "emissions.periods[0]: got 'peak'"),
    (("loads", "profiles"), "s0", "loads.file"),
    (("prices", "file"), "s0", "prices in USD"),
    (("fleet", "wishes"), 1, "fleet.wishes: got 'wishes', expected one of the keys battery_kwh"),
]


@pytest.mark.parametrize(("keys", "value", "message"), BAD, ids=[f"{keys[-1]} {value}"[:40] for keys, value, _ in BAD])
def test_bad_key_names_file_line_and_value(keys, value, message, tmp_path):
    data = copy.deepcopy(yaml.safe_load((CASES / "disco-15.yaml").read_text()))
    section = data
    for key in keys[:-1]:
        section = section[key]
    section[keys[-1]] = value
    path = tmp_path / "case.yaml"
    path.write_text(yaml.safe_dump(data, sort_keys=False))
    if keys == ("loads", "profiles"):  # a profile that the loads name is missing: the complaint is about the table
        message = "loads/disco-dr.csv"
    with pytest.raises(InputError) as caught:
        load_scenario(str(path))
    assert message in str(caught.value)
    assert re.search(r"line \d+", str(caught.value))


def test_the_weathers_spread_is_a_quarter_where_a_file_does_not_say_it(tmp_path):
    data = yaml.safe_load((CASES / "disco-15.yaml").read_text())
    data["weather"] = {}
    path = tmp_path / "case.yaml"
    path.write_text(yaml.safe_dump(data, sort_keys=False))
    factor = load_scenario(str(path)).weather.factor
    assert (factor.mean, factor.sd, factor.low, factor.high) == (1.0, 0.25, 0.3, 1.6)
    data["weather"] = {"factor": {"mean": 0.9, "sd": 0.1, "min": 0.2, "max": 1.3}}
    path.write_text(yaml.safe_dump(data, sort_keys=False))
    case = load_scenario(str(path))
    drawn = [case.outcome(case.day(k, Streams(1)), Streams(1), lambda _: (0,)).renewable_kw for k in range(400)]
    wind = np.array([power[:, 0].sum() for power in drawn]) / (200.0 * sum(case.weather.wind_pu))
    assert wind.std() == pytest.approx(0.1, rel=0.15)
    assert wind.mean() == pytest.approx(0.9, abs=0.03)
