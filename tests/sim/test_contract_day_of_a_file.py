"""Every key of a file of the aggregator market reaches the market's day, with its unit; bounds and defaults of keys."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import fields
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import yaml
from pydantic import ValidationError

from equilibrium.errors import InputError
from equilibrium.markets.aggregator.day import AggregatorDay, Reading
from equilibrium.markets.aggregator.followers import price_names
from scenarios.loading import load_scenario
from scenarios.markets.aggregator.case import AggregatorCase
from scenarios.markets.aggregator.schema import AggregatorFile
from scenarios.streams import Streams
from sim.markets.aggregator.model import AggregatorModel

ODD: dict[str, Any] = {
    "extends": "aggregator-37",
    "time": {"step_minutes": 30},
    "market": {
        "kind": "aggregator", "pricing": "pay-as-bid", "cap_eur_per_mwh": 107, "uniform_cap_eur_per_mwh": 103,
        "reserve_cap_eur_per_mwh": 91, "call_probability": 0.07, "failure_rate": 0.03, "network": True, "gap": 0.02,
        "node_limit": 40, "segments": 3, "transformer_efficiency": 0.97,
        "reading": {"weights": "printed", "pool_floor": "arrival", "flex1_floor": "physical",
                    "output_stock": "start", "extra_flex2": "printed", "generator_price": "unit"},
    },
    "upstream": {"adder_eur_per_mwh": 31, "reserve_eur_per_mwh": [k + 1 for k in range(24)], "reserve_day_sigma": 0.3},
    "loads": {"profiles": "s0", "profile": "residential", "scale": 0.61, "day_sigma": 0.2},
    "aggregator": {"price_memory": 0.61, "attendance_memory": 0.62, "load_memory": 0.63},
    "lots": [
        {
            "name": f"lot {k}", "bus": bus, "stations": 170 + k, "charger_kw": 12 + k, "battery_kwh": 25 + k,
            "efficiency": 0.91 + 0.01 * k, "discharge_efficiency": 0.93 + 0.01 * k, "energy_min_share": 0.21 - 0.01 * k,
            "energy_max_share": 0.96 - 0.01 * k, "failure_rate": 0.021 + 0.001 * k,
            "contracts": {
                "classes_h": [2, 5],
                "share": {"fix1": [0.1, 0.4 + 0.1 * k], "flex1": [0.2, 0.3 - 0.1 * k], "fix2": [0.3, 0.2],
                          "flex2": [0.4, 0.1]},
                "departure_share": {"fix1": [0.5, 0.7], "flex1": [0.45, 0.65], "fix2": [0.35, 0.55],
                                    "flex2": [0.31, 0.41 + 0.01 * k]},
            },
            "tariffs": {"g2v1_eur_per_mwh": 131 + k, "g2v2_eur_per_mwh": 121 + k, "g2v3_eur_per_mwh": 101 + k,
                        "v2g_eur_per_mwh": 112 + k, "extra_eur_per_mwh": 2 + k, "parking_per_hour": 0.1 + k,
                        "degradation_eur_per_mwh": 6 + k},
            "arrivals": {"mean": [float((h * (k + 2)) % 7) for h in range(24)], "variation": 0.0,
                         "stay_shares": [0.1, 0.2, 0.3, 0.4], "split": "expected", "sweep": "forward",
                         "energy_share": 0.32 + 0.01 * k},
            "learning": {"rule": "none"},
        }
        for k, bus in enumerate(["3", "21"])
    ],
    "generators": [
        {"name": "unit a", "bus": "25", "cost_eur_per_mwh": 71, "max_kw": 410, "learning": {"rule": "none"}},
        {"name": "unit b", "bus": "19", "cost_eur_per_mwh": 82, "max_kw": 320, "learning": {"rule": "none"}},
    ],
    "retailer": {"price_eur_per_mwh": [100 + k for k in range(24)], "incentive_eur_per_mwh": 16,
                 "interruptible_share": 0.12, "fatigue": 0.51, "recovery": 0.31},
    "drivers": {"choice": {"price_utility_per_eur_per_kwh": -21.0, "experience_utility": 1.1,
                           "experience_memory": 0.71, "staying_away": 0.22}},
    "scenarios": {"draws": 5, "kept": 2},
}  # fmt: skip


def written(folder: Path, data: dict[str, Any]) -> str:
    file = folder / "own.yaml"
    file.write_text(yaml.safe_dump(data), encoding="utf-8")
    return str(file)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> AggregatorModel:
    """A day with a plan that is not the market's: flat prices, so that the day's numbers cost no search."""
    model = AggregatorModel(written(tmp_path_factory.mktemp("odd"), ODD), seed=6)

    def clear(day: AggregatorDay) -> Any:
        return SimpleNamespace(prices={name: np.full(48, 0.09) for name in price_names(day)}, profit=1.0)

    model.market = SimpleNamespace(clear=clear)
    model.step()
    return model


def of_hours(values: list[float]) -> np.ndarray:
    return np.repeat(np.array(values, dtype=float), 2)


@pytest.mark.parametrize("which", ["outcome", "forecast"])
def test_the_days_of_the_market_are_what_the_file_says(model: AggregatorModel, which: str) -> None:
    day: AggregatorDay = getattr(model.last.settlement, which)
    inputs = model.last.day
    assert (day.cap, day.uniform_cap, day.reserve_cap) == pytest.approx((0.107, 0.103, 0.091))
    assert (day.pricing, day.call_probability, day.failure_rate) == ("pay-as-bid", 0.07, 0.03)
    assert day.reading == Reading("printed", "arrival", "physical", "start", "printed", "unit")
    assert day.length_h.tolist() == [0.5] * 48
    grid = day.grid
    assert grid is not None
    assert (grid.segments, grid.transformer_efficiency, grid.flow_range) == (3, 0.97, None)
    assert grid.feeder is model.case.feeder
    np.testing.assert_allclose(grid.loss_price, np.maximum(day.energy_price, 1e-6))
    for k, lot in enumerate(day.lots):
        given = ODD["lots"][k]
        assert (lot.name, lot.bus) == (given["name"], grid.feeder.index(given["bus"]))
        plain = (lot.stations, lot.charger_kw, lot.battery_kwh, lot.charge_efficiency, lot.discharge_efficiency)
        assert plain == (given["stations"], given["charger_kw"], given["battery_kwh"], given["efficiency"],
                         given["discharge_efficiency"])  # fmt: skip
        shares = (lot.soc_min, lot.soc_max, lot.failure_rate, lot.initial_kwh)
        assert shares == (given["energy_min_share"], given["energy_max_share"], given["failure_rate"], (0.0, 0.0))
        rows = [given["contracts"]["departure_share"][name] for name in ("fix1", "flex1", "fix2", "flex2")]
        np.testing.assert_allclose(lot.contracts.departure_soc, rows)
        tariffs = given["tariffs"]
        for name in ("g2v1", "g2v2", "g2v3", "v2g", "extra", "degradation"):
            assert getattr(lot.tariffs, name) == pytest.approx(tariffs[f"{name}_eur_per_mwh"] / 1000.0), name
        assert lot.tariffs.parking == tariffs["parking_per_hour"]
    assert [(unit.name, unit.capacity_kw, grid.feeder.buses[unit.bus]) for unit in day.generators] == [
        ("unit a", 410.0, "25"),
        ("unit b", 320.0, "19"),
    ]
    assert [unit.cost for unit in day.generators] == pytest.approx([0.071, 0.082])
    np.testing.assert_allclose(day.retailer.price, of_hours([0.1 + k / 1000.0 for k in range(24)]))
    assert (day.retailer.incentive, day.retailer.interruptible_share) == pytest.approx((0.016, 0.12))
    if which == "outcome":
        np.testing.assert_allclose(day.retailer.load_kw, inputs.load_kw)
        np.testing.assert_allclose(day.energy_price, inputs.energy_price)
        np.testing.assert_allclose(day.reserve_price, inputs.reserve_price)
        assert day.probability.tolist() == [1.0]
    else:
        np.testing.assert_allclose(day.retailer.load_kw, inputs.forecast_kw)
        np.testing.assert_allclose(day.reserve_price, of_hours([(k + 1) / 1000.0 for k in range(24)]))
        assert day.probability.sum() == pytest.approx(1.0)


def test_the_vehicles_of_a_lot_hour_by_hour(model: AggregatorModel) -> None:
    """Half of an hour's vehicles come in each half hour, and each goes as many hours later as it stays."""
    day = model.last.settlement.outcome
    for k, lot in enumerate(day.lots):
        given = ODD["lots"][k]
        come = given["arrivals"]["mean"]
        share = np.array([given["contracts"]["share"][name] for name in ("fix1", "flex1", "fix2", "flex2")])
        np.testing.assert_allclose(lot.contracts.share, share)  # usual prices, full reputation
        brought = given["battery_kwh"] * given["arrivals"]["energy_share"]
        parked = np.zeros(2)
        for t in range(48):
            hour = t // 2
            arriving = [0.5 * come[hour] * part for part in (0.3, 0.7)]
            departing = [
                0.5 * sum(p * come[hour - stay] for stay, p in stays if hour >= stay)
                for stays in (((1, 0.1), (2, 0.2)), ((3, 0.3), (4, 0.4)))
            ]
            np.testing.assert_allclose(lot.vehicles.arriving[0, t], arriving, atol=1e-12)
            np.testing.assert_allclose(lot.vehicles.departing[0, t], departing, atol=1e-12)
            parked += np.array(arriving) - departing
            np.testing.assert_allclose(lot.vehicles.parked[0, t], parked, atol=1e-9)
            for contract in range(4):
                came = brought * sum(arriving[c] * share[contract, c] for c in range(2))
                gone = brought * sum(departing[c] * share[contract, c] for c in range(2))
                assert lot.vehicles.arrival_kwh[0, t, contract] == pytest.approx(came)
                assert lot.vehicles.brought_kwh[0, t, contract] == pytest.approx(gone)


def test_what_the_scenario_draws_for_a_day(model: AggregatorModel) -> None:
    """Factors with mean one: exp(sigma z - sigma^2 / 2) with the day's own draw of the stream."""
    case, inputs = model.case, model.last.day
    streams = Streams(6)
    for name, sigma, found, base in (
        ("reserve", 0.3, inputs.reserve_price, of_hours([(k + 1) / 1000.0 for k in range(24)])),
        ("load", 0.2, inputs.load_kw, inputs.forecast_kw),
    ):
        factor = np.exp(sigma * streams.generator(name, 0).standard_normal() - 0.5 * sigma**2)
        np.testing.assert_allclose(found, factor * base)
    np.testing.assert_allclose(inputs.energy_price, case.prices.on(0, case.axis(0)) + 0.031)
    assert (inputs.index, inputs.start_h) == (0, 0.0)
    assert case.day(2, Streams(6)).start_h == 48.0
    market = case.market()
    assert (market.gap, market.node_limit) == (0.02, 40)
    assert case.market(node_limit=7, solver="highs", certify="standard", on_infeasible="stop").node_limit == 7


def test_what_the_agents_are_told(model: AggregatorModel) -> None:
    assert model.aggregator.memories == (0.61, 0.62, 0.63)
    usual = [sum(lot["arrivals"]["mean"]) for lot in ODD["lots"]]
    came = [float(lot.vehicles.arriving.sum()) for lot in model.last.settlement.outcome.lots]
    expected = [0.62 + 0.38 * part / whole for part, whole in zip(came, usual, strict=True)]
    assert model.aggregator.attendance == pytest.approx(tuple(expected))
    for k, (lot, pool) in enumerate(zip(model.lots, model.drivers, strict=True)):
        assert (lot.name, lot.number, lot.learner, pool.lot) == (f"lot {k}", k, None, lot)
        assert vars(pool)["_utilities"] == (-21.0, 1.1)
        assert (vars(pool)["_memory"], vars(pool)["_staying_away"]) == (0.71, 0.22)
        np.testing.assert_allclose(vars(pool)["_class_weight"], [0.3, 0.7])
    assert vars(model.retailer)["_rates"] == (0.51, 0.31)
    assert [(unit.number, unit.learner) for unit in model.generators] == [(0, None), (1, None)]
    settled = model.last.settlement
    forecast = model.case.forecast(0, Streams(6), (1.0, 1.0))
    np.testing.assert_allclose(settled.forecast.probability, forecast.probability)
    assert model.last.distance == forecast.distance
    energy, _ = model.case.typical_prices(model.case.axis(0))
    assert model.last.aggregator.price_error == pytest.approx(
        float(np.abs(settled.outcome.energy_price - settled.forecast.energy_price).mean())
    )
    np.testing.assert_allclose(settled.forecast.energy_price, energy)


def test_a_day_that_everybody_has_left_by_evening_is_a_day(tmp_path: Path) -> None:
    """Differences of arrivals and departures leave no vehicle, and no part of one below nothing."""
    lot = {
        **ODD["lots"][0],
        "arrivals": {**ODD["lots"][0]["arrivals"], "mean": [0.0] * 6 + [3.3, 7.7, 11.1] + [0.0] * 15},
    }
    quiet = {**ODD, "lots": [lot], "market": {**ODD["market"], "network": False}, "time": {"step_minutes": 60}}
    model = AggregatorModel(written(tmp_path, quiet), seed=1)
    model.step()
    parked = model.last.settlement.outcome.lots[0].vehicles.parked
    assert parked.min() == 0.0
    assert parked.max() > 1.0


def keyed(data: dict[str, Any], keys: str, value: Any) -> dict[str, Any]:
    """A copy with one key changed, ``None`` to leave it out."""
    copy = deepcopy(data)
    at = copy
    *path, last = [int(key) if key.isdigit() else key for key in keys.split(".")]
    for key in path:
        at = at[key]
    if value is None:
        del at[last]
    else:
        at[last] = value
    return copy


@pytest.fixture(scope="module")
def resolved(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The file with all that it extends."""
    return load_scenario(written(tmp_path_factory.mktemp("edges"), ODD)).resolved()


EDGES: list[tuple[str, list[Any], list[Any]]] = [
    ("market.cap_eur_per_mwh", [1.0], [0, -1, 0.999]),
    ("market.reserve_cap_eur_per_mwh", [0.001], [0]),
    ("market.call_probability", [0, 1], [-0.001, 1.001]),
    ("market.failure_rate", [0, 1], [-0.001, 1.001]),
    ("market.gap", [0, 0.999], [1, -0.001]),
    ("market.node_limit", [1], [0, 1.5]),
    ("market.segments", [1], [0]),
    ("market.lots", ["pools", "vehicles"], ["cars", True]),
    ("market.transformer_efficiency", [1.0], [0, 1.001]),
    ("upstream.reserve_day_sigma", [0, 1], [-0.001, 1.001]),
    ("upstream.reserve_eur_per_mwh", [[0] * 24], [[1] * 23, [1] * 25, [-1] * 24]),
    ("aggregator.price_memory", [0, 1], [-0.001, 1.001]),
    ("lots.0.contracts.classes_h", [[3, 4], [1, 4]], [[4, 4], [5, 3], [0, 4], [2, 3]]),
    ("lots.0.contracts.share.fix1", [[0.1, 0.4]], [[0.1, 0.4 + 1e-6], [-0.1, 0.4], [0.1]]),
    ("lots.0.contracts.departure_share.fix1", [[0.5, 0.96]], [[0.5, 0.961], [0.5], [0.5, 0.6, 0.7]]),
    ("lots.0.energy_min_share", [0.0, 0.959], [0.96, -0.01]),
    ("lots.0.tariffs.g2v2_eur_per_mwh", [101.001, 130.999], [101, 131]),
    ("lots.0.tariffs.v2g_eur_per_mwh", [107], [106.999]),
    ("lots.0.arrivals.stay_shares", [[0.5, 0.5], [0.2] * 5], [[0.5, 0.49], [1 / 6] * 6]),
    ("lots.0.arrivals.mean", [[0] * 24], [[1] * 23, [-1] * 24]),
    ("lots.0.arrivals.energy_share", [0, 1], [-0.1, 1.1]),
    ("lots.0.stations", [1], [0, 2.5]),
    ("lots", [ODD["lots"][:1]], [[]]),
    ("generators", [[]], [[{"name": "x"}]]),
    ("generators.0.cost_eur_per_mwh", [0], [-0.01]),
    ("generators.0.max_kw", [0.5], [0]),
    ("retailer.price_eur_per_mwh", [[-5] * 24], [[1] * 23]),
    ("retailer.fatigue", [0, 1], [1.01]),
    ("drivers.choice.price_utility_per_eur_per_kwh", [0], [0.01]),
    ("drivers.choice.staying_away", [0, 0.99], [1, -0.01]),
    ("scenarios.kept", [5], [6, 0]),
    ("generators.0.learning", [{"rule": "roth-erev", "markup_grid": [0.0, 0.1, 0.2, 0.3]}],
     [{"rule": "roth-erev"}, {"rule": "roth-erev", "markup_grid": [-0.1, 0.1]}]),
    ("lots.0.learning", [{"rule": "roth-erev", "step_grid_eur_per_mwh": [-5, 0, 5, 9]}], [{"rule": "roth-erev"}]),
]  # fmt: skip


@pytest.mark.parametrize(("keys", "allowed", "refused"), EDGES, ids=[case[0] for case in EDGES])
def test_keys_at_the_edge(resolved: dict[str, Any], keys: str, allowed: list[Any], refused: list[Any]) -> None:
    for value in allowed:
        AggregatorFile.model_validate(keyed(resolved, keys, value))
    for value in refused:
        with pytest.raises(ValidationError):
            AggregatorFile.model_validate(keyed(resolved, keys, value))


def test_a_unit_price_of_generators_needs_pay_as_bid(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a uniform price is the same for everybody"):
        load_scenario(written(tmp_path, keyed(ODD, "market.pricing", "uniform")))


def test_the_defaults_are_those_that_the_bundled_file_names(tmp_path: Path) -> None:
    """Comments of the bundled file say the defaults; a file of its needed keys alone has them."""
    whole, flat = (
        load_scenario("aggregator-37").resolved(),
        {"fix1": [0.5], "flex1": [0.5], "fix2": [0.5], "flex2": [0.5]},
    )
    needed = {
        **{name: whole[name] for name in ("title", "currency", "feeder", "prices", "loads")},
        "market": {"kind": "aggregator", "cap_eur_per_mwh": 100, "reserve_cap_eur_per_mwh": 80},
        "upstream": {"reserve_eur_per_mwh": [1] * 24},
        "lots": [
            {
                **{name: ODD["lots"][0][name] for name in ("name", "bus", "stations", "charger_kw", "battery_kwh")},
                "contracts": {"classes_h": [4], "departure_share": flat,
                              "share": {"fix1": [0.4], "flex1": [0.3], "fix2": [0.2], "flex2": [0.1]}},
                "tariffs": {"g2v1_eur_per_mwh": 130, "g2v2_eur_per_mwh": 120, "g2v3_eur_per_mwh": 100,
                            "v2g_eur_per_mwh": 110},
                "arrivals": {"mean": [1] * 24, "stay_shares": [1.0]},
            }
        ],
        "generators": [{"name": "a", "bus": "3", "cost_eur_per_mwh": 1, "max_kw": 1}],
        "retailer": {"price_eur_per_mwh": [1] * 24, "incentive_eur_per_mwh": 0},
        "drivers": {"choice": {}},
    }  # fmt: skip
    for key in ("cap_eur_per_mwh", "reserve_cap_eur_per_mwh"):
        fewer = {name: value for name, value in needed["market"].items() if name != key}
        with pytest.raises(InputError, match=rf"line \d+, market\.{key}: got None, expected "):
            load_scenario(written(tmp_path, {**needed, "market": fewer}), None, AggregatorCase)
    bare = load_scenario(written(tmp_path, needed), None, AggregatorCase).file
    market, lot = bare.market, bare.lots[0]
    assert Reading(**market.reading.model_dump()) == Reading()
    assert {field.name for field in fields(Reading)} == set(type(market.reading).model_fields)
    assert (market.pricing, market.uniform_cap_per_mwh, market.reserve_cap_per_mwh) == ("pay-as-bid", None, 80.0)
    assert market.lots == "pools"
    assert (market.call_probability, market.failure_rate, market.network, market.gap) == (0.05, 0.02, True, 0.001)
    assert (market.node_limit, market.segments, market.transformer_efficiency) == (None, 5, 1.0)
    assert (bare.upstream.adder_per_mwh, bare.upstream.reserve_day_sigma) == (0.0, 0.0)
    assert tuple(bare.aggregator.model_dump().values()) == (0.7, 0.7, 0.7)
    assert (lot.efficiency, lot.discharge_efficiency, lot.energy_min_share) == (0.9, 0.95, 0.2)
    assert (lot.energy_max_share, lot.failure_rate, lot.learning.rule) == (0.95, 0.02, "none")
    tariffs = lot.tariffs
    assert (tariffs.extra_per_mwh, tariffs.parking_per_hour, tariffs.degradation_per_mwh) == (0.0, 0.0, 0.0)
    arrivals = lot.arrivals
    assert (arrivals.variation, arrivals.split, arrivals.sweep, arrivals.energy_share) == (
        *(0.25, "expected", "forward", 0.3),
    )
    retailer, choice = bare.retailer, bare.drivers.choice
    assert choice is not None
    assert (retailer.interruptible_share, retailer.fatigue, retailer.recovery) == (0.1, 0.5, 0.3)
    assert (choice.price_utility_per_kwh, choice.experience_utility) == (-10.0, 1.0)
    assert (choice.experience_memory, choice.staying_away) == (0.7, 0.1)
    assert (bare.scenarios.draws, bare.scenarios.kept) == (30, 3)
    assert bare.generators[0].learning.rule == "none"
