from __future__ import annotations

import dataclasses
import gc
import inspect
import weakref

import numpy as np
import pytest
from mesa import batch_run

from agents.records import Outcome
from equilibrium.errors import InfeasibleError, InputError
from scenarios.loading import load_scenario
from sim.markets.charging.model import REPORTERS, LocalMarket
from sim.markets.charging.results import DayResult

TOWN = """
title: A small town
feeder: {name: das15, rating_kva: 5000, voltage_min_pu: 0.85}
prices: {file: omie-es-2024-06}
loads: {profiles: s0, profile: residential, scale: 0.5, day_sigma: 0.05}
lots:
  - name: north
    bus: 5
    places: 6
    charger_kw: 22
    charging_price_eur_per_kwh: 0.5
    learning: {rule: roth-erev, price_grid_eur_per_kwh: [0.3, 0.4, 0.5, 0.6]}
  - name: south
    bus: 9
    places: 6
    charger_kw: 22
    charging_price_eur_per_kwh: 0.45
    walking_distance_m: 100
    learning: {rule: none}
drivers: {source: resample, files: [dundee-2018], sessions_per_day: 60}
"""


@pytest.fixture
def town(tmp_path):
    path = tmp_path / "town.yaml"
    path.write_text(TOWN, encoding="utf-8")
    return str(path)


def days(count, *arguments, **keywords):
    model = LocalMarket(*arguments, **keywords)
    results = []
    for _ in range(count):
        model.step()
        results.append(model.last)
    return results


def same(one, other):
    """Whether two values of a result are equal to the last bit, wall times aside."""
    if dataclasses.is_dataclass(one):
        names = [item.name for item in dataclasses.fields(one) if "seconds" not in item.name]
        return type(one) is type(other) and all(same(getattr(one, n), getattr(other, n)) for n in names)
    if isinstance(one, tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return np.array_equal(one, other) if isinstance(one, np.ndarray) else one == other


def test_a_run_is_a_function_of_scenario_and_seed(town):
    first, again, other = days(3, town, seed=5), days(3, load_scenario(town), seed=5), days(3, town, seed=6)
    assert all(map(same, first, again))
    assert not any(map(same, first, other))


def test_the_days_follow_one_another_and_are_certified(town):
    results = days(3, town, seed=1)
    assert [result.index for result in results] == [0, 1, 2]
    dates = [result.date for result in results]
    assert [(later - dates[0]).days for later in dates] == [0, 1, 2]
    for result in results:
        assert isinstance(result, DayResult)
        assert result.clearing.certificate.certified
        assert result.seconds >= result.clearing.seconds > 0.0
        assert result.market.lots[0].charging_price[0] == result.lots[0].price


def test_energy_and_money_are_conserved_over_days(town):
    model = LocalMarket(town, seed=2)
    drawn, paid, inside = {}, {}, {}
    for _ in range(5):
        model.step()
        result = model.last
        for lot, record in zip(model.lots, result.lots, strict=True):
            power = result.clearing.lot_kw[:, lot.index]
            assert record.energy_kwh == pytest.approx(power.sum(), abs=1e-4)
            assert record.revenue == pytest.approx(result.clearing.lot_profit[lot.index], abs=1e-4)
            assert record.peak_occupancy <= lot.places
            drawn[lot.name] = drawn.get(lot.name, 0.0) + record.energy_kwh
            paid[lot.name] = paid.get(lot.name, 0.0) + record.revenue
        for record in result.finished:
            assert record.got_kwh == pytest.approx(0.95 * record.drawn_kwh)
            assert record.outcome in (Outcome.SERVED, Outcome.UNREACHABLE)
            assert record.got_kwh + record.unreachable_kwh == pytest.approx(record.asked_kwh, abs=1e-3)
            drawn[record.lot] -= record.drawn_kwh
            paid[record.lot] -= record.paid
    for lot in model.lots:
        inside[lot.name] = sum(vehicle.drawn_kwh for vehicle in lot.vehicles)
        owed = sum(kwh * price for vehicle in lot.vehicles for kwh, price in vehicle.ledger)
        assert paid[lot.name] == pytest.approx(owed, abs=1e-6)
    assert drawn == pytest.approx(inside, abs=1e-6)


def test_vehicles_stay_past_midnight_with_their_energy(town):
    model = LocalMarket(town, seed=2)
    carried = 0
    for _ in range(4):
        parked = [list(lot.vehicles) for lot in model.lots]
        energies = [[vehicle.energy_kwh for vehicle in vehicles] for vehicles in parked]
        carried += sum(map(len, parked))
        model.step()
        for lot, kept in zip(model.last.market.lots, energies, strict=True):
            np.testing.assert_array_equal(lot.fleet.energy_kwh[: len(kept)], kept)
            assert np.all(lot.fleet.arrival_hour[: len(kept)] == 0)
    assert carried > 0


def test_every_session_is_told_once(town):
    model = LocalMarket(town, seed=3)
    arrived, told, full = set(), [], 0
    for _ in range(4):
        model.step()
        arrived |= {session.name for session in model.last.scenario.sessions}
        told += [record.name for record in (*model.last.finished, *model.last.drivers.turned_away)]
        full += len(model.last.drivers.turned_away)
        assert all(record.outcome is Outcome.FULL and not record.lot for record in model.last.drivers.turned_away)
    parked = [vehicle.session.name for lot in model.lots for vehicle in lot.vehicles]
    assert sorted(told + parked) == sorted(arrived)
    assert full > 0  # six places for thirty drivers a day


def test_a_learning_lot_changes_its_price_and_the_other_does_not(town):
    results = days(6, town, seed=4)
    north, south = zip(*(result.lots for result in results), strict=True)
    assert len({record.price for record in north}) > 1
    assert {record.price for record in north} <= {0.3, 0.4, 0.5, 0.6}
    assert {record.price for record in south} == {0.45}


def test_the_papers_day_is_the_same_every_day_and_has_no_drivers():
    results = days(2, "epec-lots-33-case1")
    assert [result.clearing.lot_kw.sum() for result in results] == pytest.approx([7070.0, 7070.0])
    assert same(results[0].clearing, results[1].clearing)
    for result in results:
        assert result.finished == result.drivers.turned_away == ()
        assert sum(record.revenue for record in result.lots) == pytest.approx(3535.0)
        assert result.drivers.reputation.tolist() == [1.0, 1.0, 1.0]


def test_the_run_ends_after_the_days_that_were_asked_for(town):
    model = LocalMarket(town, days=2)
    while model.running:
        model.step()
    assert model.day == 2
    assert LocalMarket(town).days is None


def test_an_infeasible_day_is_named_and_ends_the_step(tmp_path):
    path = tmp_path / "weak.yaml"
    path.write_text(TOWN.replace("rating_kva: 5000", "rating_kva: 300"), encoding="utf-8")
    model = LocalMarket(str(path))
    with pytest.raises(InfeasibleError, match=r"^day 0 \(2024-06-10\): "):
        model.step()
    assert model.last is None
    assert model.day == 0


def test_shortages_can_be_priced_instead(tmp_path):
    path = tmp_path / "weak.yaml"
    path.write_text(TOWN.replace("rating_kva: 5000", "rating_kva: 300"), encoding="utf-8")
    results = days(2, str(path), on_infeasible="shed")
    assert all(result.clearing.shed_kw.sum() > 0.0 for result in results)
    for result in results:
        unserved = [record.unserved_kwh for record in result.lots]
        np.testing.assert_allclose(unserved, result.clearing.unserved_kwh.sum(axis=0))


@pytest.mark.parametrize(
    "changes",
    [
        {"seed": -1},
        {"seed": 1.5},
        {"days": 0},
        {"days": True},
        {"on_infeasible": "pray"},
        {"certify": "most"},
    ],
)
def test_parameters_that_cannot_be_used_are_named(town, changes):
    with pytest.raises(InputError, match=next(iter(changes))):
        LocalMarket(town, **changes)


def test_models_are_collected_when_nobody_uses_them(town):
    case = load_scenario(town)
    models = []
    for seed in range(50):
        model = LocalMarket(case, seed=seed)
        models.append(weakref.ref(model))
    model.step()
    del model
    gc.collect()
    assert sum(reference() is not None for reference in models) == 0


def test_mesa_can_run_a_batch(town):
    parameters = {"scenario": town, "days": 2, "collect": True}
    if "rng" in inspect.signature(batch_run).parameters:  # Mesa 3.5 and later
        rows = batch_run(LocalMarket, parameters, rng=[1, 2], data_collection_period=1, display_progress=False)
    else:
        parameters["seed"] = [1, 2]
        rows = batch_run(LocalMarket, parameters, data_collection_period=1, display_progress=False)
    assert [row["seed"] for row in rows] == [1, 1, 2, 2]  # Mesa numbers the steps from 0 before 3.5, from 1 since
    expected = [reporter(model) for model in [_played(town, 2, 2)] for reporter in REPORTERS.values()]
    assert [rows[-1][name] for name in REPORTERS] == expected


def _played(scenario, seed, count):
    model = LocalMarket(scenario, seed=seed)
    for _ in range(count):
        model.step()
    return model
