"""Scenarios of the aggregator market: what a file gives, days on any axis, and one line for bad input."""

from __future__ import annotations

import dataclasses
import datetime as dt
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import yaml
from numpy.testing import assert_allclose

from equilibrium.errors import InputError
from equilibrium.markets.aggregator.checks import check_day
from equilibrium.markets.aggregator.day import LotVehicles
from scenarios.draws.arrivals import stays_at_stations
from scenarios.files import CASES
from scenarios.loading import load_scenario
from scenarios.markets.aggregator.case import AggregatorCase, lot_vehicles
from scenarios.published.reserve_lot import STATIONS, reserve_lot_day
from scenarios.streams import Streams
from scenarios.time_axis import day_axis
from tests.equilibrium.aggregator_days import card_day

NAME = "aggregator-37"


@pytest.fixture(scope="module")
def case() -> AggregatorCase:
    return load_scenario(NAME, None, AggregatorCase)


def test_the_bundled_scenario_is_what_its_file_says(case: AggregatorCase) -> None:
    assert (case.feeder.name, len(case.file.lots), len(case.file.generators)) == ("ieee37", 1, 3)
    assert [case.feeder.buses[bus] for bus in (*case.lot_bus, *case.generator_bus)] == ["3", "25", "19", "35"]
    tariffs = case.tariffs(0, 0.01)
    assert (tariffs.g2v1, tariffs.g2v2, tariffs.g2v3, tariffs.v2g) == pytest.approx((0.14, 0.13, 0.11, 0.12))
    assert (tariffs.degradation, tariffs.extra, tariffs.parking) == (0.005, 0.0, 0.0)
    assert_allclose(case.contracts(0).share.sum(axis=0), 1.0)
    assert case.reading.pool_floor == "zero"


def test_a_day_has_the_prices_of_the_file_and_the_addition(case: AggregatorCase) -> None:
    day = case.day(3, Streams(1))
    axis = day_axis(None, None, 60)
    assert_allclose(day.energy_price, case.prices.on(3, axis) + 0.03)
    factor = day.reserve_price / (np.array(case.file.upstream.reserve_per_mwh) / 1000.0)
    assert_allclose(factor, factor[0])
    assert factor[0] != 1.0
    load = day.load_kw / day.forecast_kw
    assert_allclose(load, load[0])
    assert day.forecast_kw.max() == pytest.approx(0.65 * case.feeder.load_kw.sum() * 0.98, rel=0.05)
    again = load_scenario(NAME, None, AggregatorCase).day(3, Streams(1))
    np.testing.assert_array_equal(again.load_kw, day.load_kw)
    energy, reserve = case.typical_prices(axis)
    assert_allclose(energy, np.mean([case.prices.price[k] for k in range(case.prices.days)], axis=0) + 0.03)
    assert_allclose(reserve, np.array(case.file.upstream.reserve_per_mwh) / 1000.0)


def test_arrivals_are_drawn_about_the_share_that_comes(case: AggregatorCase) -> None:
    streams = Streams(4)
    traffic = case.forecast(0, streams, [1.0])
    assert traffic.probability.sum() == pytest.approx(1.0)
    assert len(traffic.stays) == traffic.probability.size == 3
    assert traffic.distance > 0.0
    usual = case.expected_traffic([1.0]).stays[0][0].arriving.sum()
    assert usual == pytest.approx(414.0)
    mean = float(traffic.probability @ [stays[0].arriving.sum() for stays in traffic.stays])
    assert mean == pytest.approx(usual, rel=0.1)
    half = case.outcome(0, streams, [0.5]).stays[0][0].arriving.sum()
    assert half == pytest.approx(case.outcome(0, streams, [1.0]).stays[0][0].arriving.sum() / 2, rel=0.1)
    assert len(case.outcome(0, streams, [1.0]).stays) == 1


@pytest.mark.parametrize("step", [60, 15])
def test_a_lots_vehicles_on_hours_and_quarters(case: AggregatorCase, step: int) -> None:
    section, contracts = case.file.lots[0], case.contracts(0)
    stays = case.expected_traffic([1.0]).stays[0]
    vehicles = lot_vehicles(section, contracts.share, stays, day_axis(None, None, step))
    parts = 60 // step
    assert vehicles.parked.shape == (1, 24 * parts, 3)
    assert_allclose(vehicles.parked[0].sum(axis=1)[parts - 1 :: parts], stays[0].parked)  # at the end of each hour
    assert_allclose(
        vehicles.arriving[0].sum(axis=1).reshape(24, parts), np.repeat(stays[0].arriving[:, None], parts, 1) / parts
    )
    # By hand: 0.56, 0.32 and 0.08 of the vehicles of the three classes take fix1 and bring 30 % of 24 kWh.
    of_class = [float(stays[0].count[:, at].sum()) for at in (slice(0, 3), slice(3, 8), slice(8, 12))]
    brought = 24.0 * 0.3 * (0.56 * of_class[0] + 0.32 * of_class[1] + 0.08 * of_class[2])
    assert vehicles.arrival_kwh[0, :, 0].sum() == pytest.approx(brought)
    left = vehicles.arrival_kwh[0].sum() - vehicles.brought_kwh[0].sum()
    assert left == pytest.approx(24.0 * 0.3 * stays[0].parked[-1])


@pytest.mark.parametrize(("date", "hours"), [(dt.date(2024, 3, 31), 23), (dt.date(2024, 10, 27), 25)])
def test_days_on_which_the_clock_is_changed_lose_nobody(case: AggregatorCase, date: dt.date, hours: int) -> None:
    section = case.file.lots[0]
    stays = [stays_at_stations(np.full(24, 10.0), np.array(section.arrivals.stay_shares), section.stations)]
    axis = day_axis(date, "Europe/Madrid", 60)
    vehicles = lot_vehicles(section, case.contracts(0).share, stays, axis)
    assert vehicles.parked.shape[1] == axis.size == hours
    assert vehicles.arriving.sum() == pytest.approx(240.0)
    assert vehicles.departing.sum() == pytest.approx(stays[0].departing.sum())
    twice = np.flatnonzero(np.bincount(axis.clock_hour, minlength=24) == 2)
    if twice.size:
        at = np.flatnonzero(axis.clock_hour == twice[0])
        assert_allclose(vehicles.arriving[0, at].sum(axis=1), 5.0)
    else:
        assert vehicles.arriving[0, 2].sum() == pytest.approx(20.0)  # what would come from 2 to 3 comes from 3 on


BAD = [
    ("market.cap_eur_per_mwh", None, "cap_eur_per_mwh"),
    ("market.reserve_cap_eur_per_mwh", None, "reserve_cap_eur_per_mwh"),
    ("market.lots", "cars", "market.lots"),
    ("market.pricing", "uniform-price", "market.pricing"),
    ("market.call_probability", 1.5, "call_probability"),
    ("lots.0.contracts.share.fix1", [0.6, 0.32, 0.08], "shares that add up to 1 for stays up to 3 h"),
    ("lots.0.contracts.share.fix1", [0.56, 0.32], "one number for each of the 3 classes of stay"),
    ("lots.0.contracts.classes_h", [8, 3, 12], "the longest stay of each class, h, rising"),
    ("lots.0.contracts.departure_share.fix1", [0.6, 0.8, 0.99], "at most energy_max_share (0.95)"),
    ("lots.0.tariffs.g2v3_eur_per_mwh", 125, "g2v1 > g2v2 > g2v3"),
    ("lots.0.tariffs.g2v2_eur_per_mwh", 130, "g2v1 > g2v2 > g2v3"),
    ("lots.0.tariffs.g2v1_eur_per_mwh", 110, "g2v1 > g2v2 > g2v3"),
    ("lots.0.tariffs.v2g_eur_per_mwh", 104, "at least g2v3 and degradation together (105)"),
    ("lots.0.arrivals.stay_shares", [0.5, 0.4], "shares that add up to 1"),
    ("lots.0.arrivals.mean", [1.0] * 23, "lots[0].arrivals.mean"),
    ("lots.0.bus", "99", "lots[0].bus"),
    ("lots.0.energy_min_share", 0.96, "less than energy_max_share (0.95)"),
    ("generators.0.max_kw", -5, "generators[0].max_kw"),
    ("generators.1.name", "DG1", "a name of its own (generators[0] has it too)"),
    ("retailer.interruptible_share", 1.2, "interruptible_share"),
    ("drivers.choice.staying_away", 1.0, "staying_away"),
    ("scenarios.kept", 31, "at most draws (30)"),
]


@pytest.mark.parametrize(("keys", "value", "words"), BAD, ids=[f"{keys} {k}" for k, (keys, _, _) in enumerate(BAD)])
def test_bad_input_gets_one_line(tmp_path: Any, keys: str, value: Any, words: str) -> None:
    data = yaml.safe_load((CASES / f"{NAME}.yaml").read_text(encoding="utf-8"))
    at: Any = data
    *path, last = [int(key) if key.isdigit() else key for key in keys.split(".")]
    for key in path:
        at = at[key]
    if value is None:
        del at[last]
    else:
        at[last] = value
    file = tmp_path / "mine.yaml"
    file.write_text(yaml.safe_dump(data), encoding="utf-8")
    with pytest.raises(InputError) as error:
        load_scenario(str(file))
    assert words in str(error.value)
    assert "\n" not in str(error.value)


def test_a_uniform_price_needs_a_cap(tmp_path: Any) -> None:
    data = yaml.safe_load((CASES / f"{NAME}.yaml").read_text(encoding="utf-8"))
    data["market"]["pricing"] = "uniform"
    del data["market"]["uniform_cap_eur_per_mwh"]
    file = tmp_path / "mine.yaml"
    file.write_text(yaml.safe_dump(data), encoding="utf-8")
    with pytest.raises(InputError, match="uniform_cap_eur_per_mwh: got None, expected a cap: without one"):
        load_scenario(str(file))


def test_options_of_other_markets_are_refused(case: AggregatorCase) -> None:
    with pytest.raises(InputError, match="on_infeasible"):
        case.market(on_infeasible="shed")
    with pytest.raises(InputError, match="certify"):
        case.market(certify="full")
    assert case.market(solver="gurobi").solver == "gurobi"


def test_the_published_day_is_the_one_that_the_core_is_tested_with() -> None:
    """Both write the data set S1 down by themselves; one is built from stays, the other from arrivals by class."""
    published, tested = reserve_lot_day("I"), card_day()
    for name in ("energy_price", "reserve_price", "probability"):
        assert_allclose(getattr(published, name), getattr(tested, name), err_msg=name)
    for name in ("cap", "uniform_cap", "reserve_cap", "call_probability", "failure_rate", "pricing"):
        assert getattr(published, name) == getattr(tested, name), name
    (ours,), (theirs,) = published.lots, tested.lots
    for field in dataclasses.fields(LotVehicles):
        assert_allclose(getattr(ours.vehicles, field.name), getattr(theirs.vehicles, field.name), atol=1e-9)
    for name in ("share", "departure_soc"):
        assert_allclose(getattr(ours.contracts, name), getattr(theirs.contracts, name))
    assert vars(ours.tariffs) == vars(theirs.tariffs)
    plain = ("stations", "charger_kw", "battery_kwh", "charge_efficiency", "discharge_efficiency", "soc_min", "soc_max")
    assert [getattr(ours, name) for name in plain] == [getattr(theirs, name) for name in plain]
    assert [vars(unit) for unit in published.generators] == [vars(unit) for unit in tested.generators]
    for name in ("load_kw", "price", "incentive", "interruptible_share"):
        assert_allclose(getattr(published.retailer, name), getattr(tested.retailer, name), err_msg=name)


@pytest.mark.parametrize(("seed", "stations"), [(1, 30.0), (2, 60.0)])
def test_drawn_days_keep_to_the_stations_and_every_feeder_is_accepted(seed: int, stations: float) -> None:
    day = reserve_lot_day("II", scenarios=4, seed=seed, feeder="das85")
    check_day(day)
    assert day.lots[0].vehicles.parked.sum(axis=2).max() <= STATIONS + 1e-9
    assert (day.lots[0].bus, len({unit.bus for unit in day.generators})) == (day.grid.feeder.index("8"), 3)
    lot = replace(day.lots[0], stations=stations)
    with pytest.raises(InputError, match="stations"):
        check_day(replace(day, lots=(lot,)))


@pytest.mark.parametrize(
    ("case", "more", "word"),
    [("III", {}, "'I' or 'II'"), ("I", {"feeder": "bw69"}, "ieee37, ieee33, das85"), ("I", {"scenarios": 0}, ">= 1")],
)
def test_published_days_that_do_not_exist_are_refused(case: str, more: dict[str, Any], word: str) -> None:
    with pytest.raises(InputError, match=word):
        reserve_lot_day(case, **more)
