"""Vehicles that go one way at a time: dynamic programs against mixed-integer ones, the stage against all directions."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equilibrium.arrays import FloatArray
from equilibrium.certificate import Verdict
from equilibrium.errors import InfeasibleError, SolverError
from equilibrium.fleet.battery import best_schedules
from equilibrium.fleet.day import VehicleBatch
from equilibrium.fleet.vehicles import VehicleProgram, meet_wishes, state_vehicles
from equilibrium.grid.assets import LotSite
from equilibrium.markets.disco.day import DiscoDay
from equilibrium.markets.disco.lower.one_way import find_schedules, solve_one_way
from equilibrium.markets.disco.lower.optimum import row_sums, solve_lower, stays_of
from equilibrium.markets.disco.market import DiscoMarket
from equilibrium.markets.disco.scenario import prepare, solve_stage
from equilibrium.markets.disco.upper import exclusive
from equilibrium.markets.disco.upper.exclusive import choose_directions, solve_in_directions
from equilibrium.markets.disco.upper.mixtures import Hull
from equilibrium.markets.disco.upper.stage import Part, state_recourse
from equilibrium.programs.program import Instance, ProgramBuilder
from equilibrium.programs.solvers import MixedSolution, Status, solve_mixed
from tests.equilibrium.disco_days import random_day, small_network, with_scenarios

SEEDS = st.integers(0, 10_000)


def mixed_optimum(
    vehicles: VehicleProgram, row: int, cost: FloatArray, earned: FloatArray, floor: float
) -> tuple[float, float]:
    """The least cost of one row, one way at a time and with a floor on its income; a program with binaries."""
    begin, end = int(vehicles.start[row]), int(vehicles.start[row + 1])
    part, own = stays_of(vehicles.instance, begin, end), slice(3 * begin, 3 * end)
    build = ProgramBuilder()
    columns = build.columns("x", part.cost.shape, lower=part.col_lower, upper=part.col_upper, cost=cost[own])
    rows = build.rows("balance", part.row_lower.shape, lower=part.row_lower, upper=part.row_upper)
    build.coefficients(np.repeat(rows, np.diff(part.matrix.indptr)), columns[part.matrix.indices], part.matrix.data)
    way = build.columns("way", (end - begin,), upper=1.0)
    for offset, sign, constant in ((0, -1.0, 0.0), (1, 1.0, 1.0)):
        upper = part.col_upper[offset::3]
        limit = build.rows(f"limit_{offset}", way.shape, upper=constant * upper)
        build.coefficients(limit, columns[offset::3], 1.0)
        build.coefficients(limit, way, sign * upper)
    build.coefficients(build.rows("floor", (1,), lower=floor), columns, earned[own])
    instance = build.compile().bind({})
    integer = np.zeros(instance.shape[1], dtype=bool)
    integer[way] = True
    mixed = solve_mixed(instance, integer)
    assert mixed.status is Status.OPTIMAL
    return mixed.objective, float(earned[own] @ mixed.x[: part.cost.size])


def random_vehicles(rng: np.random.Generator, count: int, periods: int) -> VehicleProgram:
    """Vehicles of two lots, some of them twins but for arrival and energy, some that cannot discharge or charge."""
    batches = []
    for _ in range(2):
        low, high = rng.uniform(0.0, 10.0, count), rng.uniform(30.0, 50.0, count)
        charge, discharge = rng.choice([0.0, 4.0, 10.0], count, p=[0.1, 0.3, 0.6]), rng.choice([0.0, 7.0, 10.0], count)
        energy = rng.uniform(low, high)
        departure = rng.integers(2, periods + 1, count)
        arrival = rng.integers(0, departure - 1)
        length = departure - arrival
        wish = np.clip(energy + rng.uniform(-0.9, 0.9, count) * length * np.minimum(charge, discharge) * 0.8, low, high)
        batch = VehicleBatch(
            tuple(f"ev{k}" for k in range(count)),
            *(arrival, departure, energy, wish, low, high, charge, discharge, np.ones(count)),
        )
        twin = {"departure": departure[0], "wish_kwh": energy[0], "energy_min_kwh": low[0], "energy_max_kwh": high[0]}
        twin |= {"charge_max_kw": charge[0], "discharge_max_kw": discharge[0]}
        twins = {name: np.where(np.arange(count) < 2, value, getattr(batch, name)) for name, value in twin.items()}
        batch = replace(batch, **twins)
        same = np.arange(count) < 2
        batch = replace(
            batch,
            energy_kwh=np.where(same, energy[0], batch.energy_kwh),
            arrival=np.where(same, np.minimum(batch.arrival, batch.departure - 1), batch.arrival),
        )
        batches.append(batch)
    sites = (LotSite("a", 2, efficiency=0.9, discharge_efficiency=0.95), LotSite("b", 3, efficiency=1.0))
    always, period_h = np.ones(periods, dtype=bool), float(rng.choice([0.5, 1.0]))
    met = [
        meet_wishes(batch, site, always, always, period_h, best_effort=True)[0]
        for batch, site in zip(batches, sites, strict=True)
    ]
    return state_vehicles(met, sites, always, always, period_h)


def random_income(rng: np.random.Generator, vehicles: VehicleProgram, periods: int, levels: int) -> FloatArray:
    """Prices per period and lot, with few levels (ties) or many; charging and discharging may both pay."""
    table = rng.choice(rng.uniform(-0.3, 0.3, levels), (2, periods, 2))
    where = (vehicles.period, vehicles.lot[vehicles.row])
    return vehicles.cost(table[0][where], table[1][where])


@settings(max_examples=15, deadline=None)
@given(SEEDS, st.sampled_from([1, 2, 30]))
def test_dynamic_programs_are_mixed_integer_programs(seed: int, levels: int) -> None:
    rng, periods = np.random.default_rng(seed), 7
    vehicles = random_vehicles(rng, 3, periods)
    earned = random_income(rng, vehicles, periods, levels)
    lower, asked = solve_one_way(vehicles, -earned)
    assert lower.residuals.worst < 1e-12
    cost = random_income(rng, vehicles, periods, 30)
    found = find_schedules(vehicles, asked, cost)
    for x in (asked.x, found.x):
        assert np.minimum(x[0::3], x[1::3]).max() == 0.0
        np.testing.assert_allclose(vehicles.instance.matrix @ x, vehicles.instance.row_lower, atol=1e-10)
        assert (x >= vehicles.instance.col_lower - 1e-10).all()
        assert (x <= vehicles.instance.col_upper + 1e-10).all()
    np.testing.assert_allclose(row_sums(vehicles, earned * found.x), asked.value, atol=1e-8)
    np.testing.assert_allclose(found.bound, found.cost, atol=1e-7)
    for row in range(vehicles.lot.size):
        loss, _ = mixed_optimum(vehicles, row, -earned, earned, -np.inf)
        assert lower.value[row] == pytest.approx(-loss, abs=1e-7)
        least, income = mixed_optimum(vehicles, row, cost, earned, float(asked.floor[row]))
        assert income >= asked.floor[row] - 1e-7
        assert found.cost[row] == pytest.approx(least, abs=1e-5)  # the mixed program may use its tolerances


@settings(max_examples=10, deadline=None)
@given(SEEDS)
def test_one_value_function_serves_all_arrivals(seed: int) -> None:
    """Vehicles solved together get what each gets alone."""
    rng, periods = np.random.default_rng(seed), 9
    vehicles = random_vehicles(rng, 6, periods)
    earned = random_income(rng, vehicles, periods, 4)
    together = best_schedules(vehicles, earned)
    assert sum(rows.size for rows in vehicles.classes) == vehicles.lot.size
    assert len(vehicles.classes) < vehicles.lot.size
    alone = replace(vehicles)
    alone.__dict__["classes"] = [np.array([row]) for row in range(vehicles.lot.size)]
    np.testing.assert_allclose(best_schedules(alone, earned).value, together.value, atol=1e-11)
    np.testing.assert_allclose(row_sums(vehicles, earned * together.x), together.value, atol=1e-11)


def one_way_part(seed: int, *, periods: int, count: int, flow: str = "lossy") -> tuple[DiscoMarket, DiscoDay, Part]:
    network, day = random_day(seed, periods=periods, count=count)
    market = DiscoMarket(network, mode="strict-exclusive", segments=3, flow=flow)
    return market, day, prepare(network, market.supply(day), day, 0, market.rules).part


def all_directions(part: Part) -> float:
    """The company's least cost: the stage in all directions in which every vehicle earns v*."""
    vehicles, possible = part.vehicles, []
    for row in range(vehicles.lot.size):
        stays = np.flatnonzero(vehicles.row == row)
        ways = []
        for choice in itertools.product((False, True), repeat=stays.size):
            upper = vehicles.instance.col_upper.copy()
            upper[3 * stays] *= np.array(choice)
            upper[3 * stays + 1] *= ~np.array(choice)
            try:
                lower = solve_lower(
                    replace(vehicles, instance=replace(vehicles.instance, col_upper=upper)), -part.asked.earned, "auto"
                )
            except SolverError as error:
                if "infeasible" not in str(error):
                    raise
                continue  # these directions do not reach the wish
            if lower.value[row] >= part.asked.floor[row]:
                ways.append(choice)
        possible.append(ways)
    best = np.inf
    for chosen in itertools.product(*possible):
        stage, _ = solve_in_directions([part], [np.concatenate(chosen).astype(bool)], "auto", state_recourse)
        best = min(best, stage.cost)
    return best


@settings(max_examples=4, deadline=None)
@given(SEEDS)
def test_stage_is_the_best_of_all_directions(seed: int) -> None:
    _, _, part = one_way_part(seed, periods=4, count=2)
    stage = solve_stage([part], "auto")
    assert stage.cost == pytest.approx(all_directions(part), rel=1e-8)
    assert stage.gap <= 1e-8 * (1.0 + abs(stage.cost))
    assert stage.residuals.worst < 1e-9


@settings(max_examples=4, deadline=None)
@given(SEEDS)
def test_bound_over_mixtures_is_below_the_mixed_integer_optimum(seed: int) -> None:
    _, _, part = one_way_part(seed, periods=6, count=4)
    mixture = Hull([part], "auto", state_recourse).solve()
    vehicles = part.vehicles
    every, ways = np.ones(vehicles.stays, dtype=bool), np.zeros(vehicles.stays, dtype=bool)
    mixed, directions = choose_directions([part], [ways], [every], "auto", state_recourse)
    assert directions is not None
    assert mixed.status is Status.OPTIMAL
    assert mixture.bound <= mixed.objective + 1e-7 * (1.0 + abs(mixed.objective))
    stage = solve_stage([part], "auto")
    assert mixed.bound - 1e-6 <= stage.cost
    assert stage.cost - mixed.objective <= stage.gap + 1e-6 * (1.0 + abs(stage.cost))
    income = row_sums(vehicles, part.asked.earned * mixture.x[0])
    np.testing.assert_allclose(income, part.asked.value, atol=1e-7)


def test_a_search_without_an_answer_in_time_leaves_the_schedules_and_their_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that was stopped before it had a point says nothing; its zeros are no directions."""
    parts = [one_way_part(seed, periods=6, count=4)[2] for seed in range(12)]
    proved = [solve_stage([part], "auto") for part in parts]

    def stopped(instance: Instance, *_: object, **__: object) -> MixedSolution:
        return MixedSolution(Status.LIMIT, np.zeros(instance.shape[1]), np.inf, -np.inf, 0.0)

    monkeypatch.setattr(exclusive, "solve_mixed", stopped)
    searched = 0
    for part, best in zip(parts, proved, strict=True):
        stage = solve_stage([part], "auto")
        scale = 1e-8 * (1.0 + abs(best.cost))
        assert stage.bound <= best.cost + scale
        assert stage.cost >= best.bound - scale
        limited = any("time limit" in note for note in stage.notes)
        assert limited == any("other directions" in note for note in stage.notes)
        searched += limited
    assert searched > 0


@pytest.mark.parametrize("purchases", ["recourse", "here-and-now"])
def test_larger_fleets_are_cleared_with_an_honest_gap(purchases: str) -> None:
    network, day = random_day(3, periods=12, count=25, scenarios=2)
    result = DiscoMarket(network, mode="strict-exclusive", segments=5, purchases=purchases).clear(day)
    proof = result.certificate
    assert max(proof.primal, proof.dual, proof.complementarity, proof.gap) < 1e-7
    assert proof.regret[0] <= 1e-3 * (1.0 + abs(result.objective))
    assert proof.regret[1] <= 1e-7
    assert (proof.verdict is Verdict.EXACT) == (not any("other directions" in note for note in proof.notes))
    for scenario in result.scenarios:
        done = scenario.vehicles[0]
        assert np.minimum(done.charge_kw, done.discharge_kw).max() < 1e-9
    if purchases == "here-and-now":
        np.testing.assert_array_equal(result.scenarios[0].import_kw, result.scenarios[1].import_kw)


def test_waste_in_given_directions_is_repaired_or_said() -> None:
    clean = 0
    for seed in range(5, 8):
        network, day = random_day(seed, scenarios=2, count=3)
        day = with_scenarios(day, lambda s: replace(s, renewable_kw=0.02 * s.renewable_kw))
        market = DiscoMarket(network, mode="strict-exclusive", purchases="here-and-now", segments=4)
        try:
            proof = market.clear(day).certificate
        except InfeasibleError:
            continue
        said = any("waste" in note or "exceed" in note for note in proof.notes)
        assert (proof.verdict is not Verdict.UNPROVED) or said
        clean += proof.verdict is not Verdict.UNPROVED
    assert clean > 0


def test_limits_that_fail_are_named() -> None:
    network = small_network(rating_kva=np.full(4, 640.0))
    _, day = random_day(0, network, count=20)
    day = with_scenarios(day, lambda s: replace(s, renewable_kw=0.0 * s.renewable_kw))
    market = DiscoMarket(network, mode="strict-exclusive")
    with pytest.raises(InfeasibleError, match="overloaded in period"):
        market.clear(day)
