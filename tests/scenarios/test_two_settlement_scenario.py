"""Scenarios of the market of two settlements: keys, days, joint scenarios, and what bad input gets."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from equilibrium.errors import InputError
from scenarios.files import CASES
from scenarios.loading import load_scenario
from scenarios.markets.two_settlement.case import TwoSettlementCase
from scenarios.markets.two_settlement.draws import Source, fading_errors, joined, laws_of
from scenarios.markets.two_settlement.schema import TwoSettlementFile
from scenarios.streams import Streams
from tests.sim.two_settlement_town import BRANCHES, TOWN, town, town_file


def test_every_key_stands_in_the_documented_file() -> None:
    text = (CASES / "two-settlement.yaml").read_text()
    schema = TwoSettlementFile.model_json_schema(by_alias=True)
    own = set(schema["properties"]) - {"time", "prices", "loads", "feeder"}
    shared = {"SarimaSection", "PricesSection", "LoadsSection", "FeederSection", "TimeSection", "WeibullSection"}
    shared |= {"RenewableSection", "StorageSection"}
    for name, definition in schema["$defs"].items():
        if name not in shared:
            own |= set(definition.get("properties", {}))
    for key in sorted(own):
        assert re.search(rf"\b{key}\b", text), key


def test_resolved_scenario_loads_again_as_the_same(tmp_path: Path) -> None:
    case = load_scenario("two-settlement", None, TwoSettlementCase)
    path = tmp_path / "again.yaml"
    path.write_text(yaml.safe_dump(case.resolved()))
    again = load_scenario(str(path), None, TwoSettlementCase)
    assert again.file == case.file
    first, second = (each.day(3, Streams(4)) for each in (case, again))
    assert first.load_kw.tolist() == second.load_kw.tolist()
    assert first.events == second.events or len(first.events) == len(second.events)


def test_the_bundled_system_is_that_of_the_study() -> None:
    case = load_scenario("two-settlement", None, TwoSettlementCase)
    system = case.system
    assert (system.grid.size, system.grid.branches, len(system.grid.roots)) == (70, 76, 2)
    assert int((~system.grid.closed).sum()) == 8
    assert len(case.outages) == 132  # 68 branches and 68 buses less four first sections
    assert len(system.generators) == 8
    assert system.lost_load_value[:4].tolist() == pytest.approx([20.0, 80.0, 120.0, 20.0])
    day = case.day(0, Streams(0))
    assert day.usual_kw.sum() == pytest.approx(1.037 * 24.27 * 5385.4, rel=0.01)


def test_a_day_is_a_pure_function_of_seed_and_index(tmp_path: Path) -> None:
    case = town(tmp_path)
    one, two = case.day(2, Streams(7)), case.day(2, Streams(7))
    for name in ("price", "real_time_price", "load_kw", "available_kw", "called_share", "demand_factor"):
        assert getattr(one, name).tolist() == getattr(two, name).tolist()
    other = case.day(3, Streams(7))
    assert other.load_kw.tolist() != one.load_kw.tolist()
    assert one.hour.tolist() == np.repeat(np.arange(24), 4).tolist()
    assert (one.available_kw <= 80.0).all()
    assert one.load_kw.shape == (96, 6)


def test_without_errors_the_day_is_what_is_usual(tmp_path: Path) -> None:
    still = {"price_sigma": 0, "load_sigma": 0, "supply_sigma": 0}
    units = [{**TOWN["renewables"][0], "day_sigma": 0}]
    case = town(tmp_path, real_time=still, loads={"day_sigma": 0}, renewables=units, outages={"failures_per_year": 0})
    day = case.day(0, Streams(1))
    assert day.load_kw == pytest.approx(day.usual_kw[day.hour])
    assert day.available_kw == pytest.approx(day.expected_kw[day.hour])
    assert day.real_time_price == pytest.approx(day.price[day.hour])
    assert day.events == ()


def test_outages_last_from_period_to_period(tmp_path: Path) -> None:
    case = town(tmp_path, outages={"failures_per_year": 3000, "repair_h": 1})
    events = case.day(0, Streams(2)).events
    assert len(events) > 10
    assert all(0 <= each.first <= each.last < 96 for each in events)
    names = {each.outage.name for each in events}
    assert names <= {outage.name for outage in case.outages}


def test_joint_scenarios_follow_what_is_expected(tmp_path: Path) -> None:
    case = town(tmp_path, scenarios={"draws": 300, "kept": 20, "joint": 20})
    day = case.day(0, Streams(3))
    joint = case.joint(day, Streams(3), day.price, np.full(24, 1.2))
    assert sum(each.probability for each in joint.scenarios) == pytest.approx(1.0)
    load = np.mean([each.load_kw.sum() for each in joint.scenarios])
    assert load == pytest.approx(1.2 * day.usual_kw.sum(), rel=0.05)
    price = np.mean([each.prices.buy for each in joint.scenarios], axis=0)
    assert price == pytest.approx(day.price, rel=0.15)
    for each in joint.scenarios:
        assert each.load_kvar / np.where(each.load_kw > 0.0, each.load_kw, 1.0) == pytest.approx(
            day.usual_kvar / np.where(day.usual_kw > 0.0, day.usual_kw, 1.0)
        )
        assert (each.available_kw <= 80.0).all()
        assert (each.prices.sell <= each.prices.buy).all()
    coarse = town(tmp_path, scenarios={"draws": 300, "kept": 2}).joint(day, Streams(3), day.price, np.full(24, 1.2))
    assert coarse.distance > joint.distance > 0.0


def test_forecast_errors_fade_as_fast_as_those_that_come(tmp_path: Path) -> None:
    """0.8 of an error are left after a quarter of an hour, so 0.8 ** 4 = 0.41 after an hour of the day ahead."""
    rules = {"load_sigma": 0.05, "persistence": 0.8}
    draws = {"draws": 300, "kept": 300, "joint": 300}
    case = town(tmp_path, real_time=rules, loads={"day_sigma": 0.0}, scenarios=draws)
    day = case.day(0, Streams(3))
    joint = case.joint(day, Streams(3), day.price, np.ones(24))
    load = np.array([each.load_kw.sum(axis=1) for each in joint.scenarios]) / day.usual_kw.sum(axis=1) - 1.0
    assert load.std() == pytest.approx(0.05, rel=0.05)
    assert np.corrcoef(load[:, 1:].ravel(), load[:, :-1].ravel())[0, 1] == pytest.approx(0.8**4, abs=0.04)


def test_sources_are_picked_by_their_probability() -> None:
    source = Source(np.array([[1.0], [2.0]]), np.array([0.25, 0.75]), 0.0)
    assert source.picked(np.array([0.1, 0.3, 0.99])).ravel().tolist() == [1.0, 2.0, 2.0]
    (picked,) = joined([source], 4, np.random.default_rng(0))
    assert sorted(picked.ravel().tolist()) == [1.0, 2.0, 2.0, 2.0]


def test_errors_keep_their_size_and_last() -> None:
    drawn = fading_errors(np.random.default_rng(0), 40_000, 0.1, 0.8)
    assert drawn.std() == pytest.approx(0.1, rel=0.05)
    assert np.corrcoef(drawn[1:], drawn[:-1])[0, 1] == pytest.approx(0.8, abs=0.02)


def test_units_of_one_law_share_their_weather() -> None:
    case = load_scenario("two-settlement", None, TwoSettlementCase)
    assert [group.size for group in laws_of(case.file.renewables)] == [4, 4]


def test_prices_of_all_products() -> None:
    case = load_scenario("two-settlement", None, TwoSettlementCase)
    found = case.prices_of(np.array([0.1, -0.1]))
    assert found.sell.tolist() == pytest.approx([0.097, -0.103])
    assert found.reactive.tolist() == pytest.approx([0.025, 0.025])
    assert found.spinning.tolist() == pytest.approx([0.11, 0.06])
    assert found.regulating.tolist() == pytest.approx([0.1, 0.04])
    paid = case.offers.at(np.array([0.1, -0.1]))
    assert paid.sold.tolist() == pytest.approx([0.09, -0.105])
    assert paid.bought.tolist() == pytest.approx([0.105, -0.09])
    assert (paid.sold <= paid.bought).all()
    fines = case.penalties_of(found)
    assert fines.energy.tolist() == pytest.approx([0.15, 0.15])
    assert fines.output.tolist() == pytest.approx([0.02, 0.02])


def test_a_budget_is_one_of_hours(tmp_path: Path) -> None:
    for step, periods in ((60, 5.0), (30, 10.0), (15, 20.0)):
        case = town(tmp_path, market={"gamma": 5, "load_gamma": 2}, time={"step_minutes": step})
        options = case.market().options
        assert (options.gamma, options.load_gamma) == (periods, 0.4 * periods)


UNIT = TOWN["generators"][0]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"market": {"gamma": 25}}, "market.gamma: got 25"),
        ({"market": {"gamma": -1}}, "market.gamma: got -1"),
        ({"market": {"gamma": 24}, "time": {"zone": "Europe/Madrid"}}, "market.gamma: got 24.0, expected at most 23"),
        ({"market": {"load_gamma": 24}, "time": {"zone": "Europe/Madrid"}}, "market.load_gamma: got 24.0, .* 23"),
        (
            {"generators": [{**UNIT, "min_up_h": 24}], "time": {"zone": "Europe/Madrid"}},
            r"yaml: line \d+, generators\[0\]\.min_up_h: got 24.0, .* 23",
        ),
        ({"market": {"aim": "compromise"}}, "market.aim: got 'compromise', expected profit or total, or outages.pl"),
        ({"outages": {"failures_per_year": 0, "planned": True}}, "failures_per_year: got 0.0, expected above 0"),
        ({"penalties": {"spinning_share": 0.9}}, "penalties.spinning_share: got 0.9"),
        ({"market": {"points": 1}}, "market.points: got 1"),
        (
            {"real_time": {"look_ahead": 97}},
            "real_time.look_ahead: got 97",
        ),
        (
            {"real_time": {"look_ahead": 50, "step_minutes": 30}},
            "real_time.look_ahead: got 50, expected a window within the day, at most 48 p",
        ),
        ({"time": {"step_minutes": 20}}, "real_time.step_minutes: got 15, expected a part of time.step_minutes"),
        ({"outages": {"failures_per_year": -1}}, "outages.failures_per_year: got -1"),
        ({"outages": {"repair_h": 0}}, "outages.repair_h: got 0"),
        ({"outages": {"skip": ["branch 1-9"]}}, "outages.skip.*got 'branch 1-9', expected one such as"),
        ({"scenarios": {"kept": 21}}, "scenarios.kept: got 21, expected at most draws"),
        ({"scenarios": {"joint": 21}}, "scenarios.joint: got 21, expected at most draws .20"),
        ({"generators": [{**UNIT, "min_up_h": 25}]}, "min_up_h: got 25"),
        ({"generators": [{**UNIT, "max_kw": 300}]}, "max_kw: got 300"),
        ({"generators": [{**UNIT, "min_kw": 201, "before_kw": 202}]}, "min_kw: got 201"),
        ({"generators": [{**UNIT, "before_kw": 40}]}, "before_kw: got 40"),
        ({"generators": [{**UNIT, "bus": "nowhere"}]}, "bus: got 'nowhere'"),
        ({"lots": [{"name": "lot", "bus": 9, "vehicles": 4}]}, "lots.*bus: got '9'"),
        ({"lots": [{"name": "big", "bus": 2, "vehicles": 4}]}, "name: got 'big', expected a name of its own"),
        ({"fleet": None}, "fleet: got None"),
        ({"lost_load_eur_per_mwh": []}, "lost_load_eur_per_mwh"),
        ({"offers": {"bought_share": 0.9}}, "offers.bought_share: got 0.9"),
        ({"wholesale": {"sell_share": 1.1}}, "wholesale.sell_share: got 1.1"),
        ({"demand_aggregators": [{"name": "a", "bus": 2, "demand_kw": [1.0] * 23}]}, "demand_kw.*a list of 24 values"),
        (
            {"demand_aggregators": [{"name": "a", "bus": 2, "demand_kw": [1.0e9] * 24}]},
            r"demand_kw\[0\]: got 1000000000.0",
        ),
    ],
)
def test_bad_keys_get_one_clear_line(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        town(tmp_path, **changes)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("branches", "words"),
    [
        (BRANCHES.replace("6,5,0.1,0.1,1\n", ""), "bus"),
        (BRANCHES.replace("3,4,0.1,0.1,0", "3,4,0.1,0.1,1"), "."),
    ],
)
def test_a_grid_that_cannot_be_run_is_refused(tmp_path: Path, branches: str, words: str) -> None:
    path = town_file(tmp_path)
    (tmp_path / "town" / "branches.csv").write_text(branches)
    with pytest.raises(InputError, match=words):
        load_scenario(str(path), None, TwoSettlementCase).market()


def test_an_error_that_is_larger_than_the_load_leaves_none(tmp_path: Path) -> None:
    """With errors as large as the load many periods have none, and none has less."""
    load = town(tmp_path, real_time={"load_sigma": 1.0}).day(0, Streams(1)).load_kw
    assert (load >= 0.0).all()
    assert 0 < int((load.sum(axis=1) == 0.0).sum()) < load.shape[0]
