"""Parts of the DISCO market: sweeps against programs, vehicles, the published KKT program, bad input."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equilibrium.errors import InputError
from equilibrium.fleet.day import VehicleBatch
from equilibrium.fleet.vehicles import merge_identical, reachable_kwh, state_vehicles
from equilibrium.grid.assets import LotSite, Microturbine, StorageUnit
from equilibrium.grid.lossy import square_gaps
from equilibrium.markets.disco.day import DiscoDay
from equilibrium.markets.disco.lower.optimum import batches, lot_cost, solve_lower, stays_of
from equilibrium.markets.disco.market import DiscoMarket
from equilibrium.markets.disco.network.service import ScenarioSupply
from equilibrium.markets.disco.network.supply import Supply
from equilibrium.markets.disco.scenario import prepare, solve_stage
from equilibrium.markets.disco.upper.master import NoDispatchError
from equilibrium.markets.disco.upper.pessimistic import worst_dispatch
from equilibrium.markets.disco.upper.published import solve_stage_kkt
from equilibrium.programs.duality import kkt_residuals
from equilibrium.programs.program import FEASIBILITY, Instance
from equilibrium.programs.solvers import open_handle
from tests.equilibrium.disco_days import random_day, small_network, vehicles, with_scenarios

SEEDS = st.integers(0, 10_000)


# --- the network ---------------------------------------------------------------------------------------------------


@settings(max_examples=15)
@given(SEEDS, st.sampled_from([1, 2]), st.floats(0.9, 1.0), st.integers(1, 8))
def test_sweep_is_a_proved_optimum_of_the_feeders_program(
    seed: int, lots: int, efficiency: float, segments: int
) -> None:
    network, day = random_day(seed, small_network(lots))
    supply = Supply(network, 6, segments=segments, transformer_efficiency=efficiency)
    scenario = ScenarioSupply.of(supply, day.load_kw, day.load_kvar, day.scenarios[0].renewable_kw)
    power = np.random.default_rng(seed).uniform(-60.0, 200.0, (6, lots))
    swept = scenario.sweep(np.arange(6), power)
    assert swept.served.all()
    price = np.linspace(0.1, 0.6, 6)
    instance = supply.program.bind(scenario.ports(power, price))
    x = supply.whole(swept.columns, columns=True)
    assert swept.planes.multipliers is not None
    y = supply.whole(price[:, None] * swept.planes.multipliers, columns=False)
    assert kkt_residuals(instance, x, y).worst < 1e-12
    assert open_handle(instance).solve().x @ instance.cost == pytest.approx(instance.cost @ x, rel=1e-9)
    assert max(gap.max() for gap in square_gaps(network, supply.program, x).values()) < 1e-12
    height = (swept.planes.slope * power).sum(axis=1) + swept.planes.constant
    np.testing.assert_allclose(height, supply.program.value(x, "import_kw"), rtol=1e-12)


@settings(max_examples=10)
@given(SEEDS)
def test_planes_stay_below_the_least_purchase_everywhere(seed: int) -> None:
    network, day = random_day(seed, small_network(2))
    supply = Supply(network, 6, segments=5)
    scenario = ScenarioSupply.of(supply, day.load_kw, day.load_kvar, day.scenarios[0].renewable_kw)
    rng = np.random.default_rng(seed)
    planes = scenario.sweep(np.arange(6), rng.uniform(-3000.0, 3000.0, (6, 2)), proof=False).planes  # far outside
    power = rng.uniform(-100.0, 300.0, (6, 2))
    need = scenario.serve(power).need_kw
    height = (planes.slope * power[planes.period]).sum(axis=1) + planes.constant
    assert (height <= need[planes.period] + 1e-9 * (1.0 + np.abs(height))).all()


def test_powers_that_cannot_be_served_get_a_plane_that_excludes_them() -> None:
    network, day = random_day(1, small_network(1))
    supply = Supply(network, 6)
    scenario = ScenarioSupply.of(supply, day.load_kw, day.load_kvar, day.scenarios[0].renewable_kw)
    power = np.full((6, 1), 100.0)
    power[3] = 1600.0  # more than the rating
    service = scenario.serve(power)
    assert np.isinf(service.need_kw).tolist() == [False, False, False, True, False, False]
    (plane,) = service.distances
    distance = float(plane.slope[0] @ power[3] + plane.constant[0])
    assert distance > 0.0
    nearest = power.copy()
    nearest[3] -= distance
    assert np.isfinite(scenario.serve(nearest - 1e-6).need_kw).all()
    assert np.isinf(scenario.serve(nearest + 1e-3).need_kw[3])


@settings(max_examples=10)
@given(SEEDS, st.sampled_from([-1.0, 1.0]), st.sampled_from(["highs", "gurobi"]))
def test_at_the_edge_powers_are_served_or_a_plane_excludes_them(seed: int, way: float, solver: str) -> None:
    network, day = random_day(seed, small_network(2))
    supply = Supply(network, 6, segments=5, solver=solver)
    scenario = ScenarioSupply.of(supply, day.load_kw, day.load_kvar, day.scenarios[0].renewable_kw)
    power = way * np.random.default_rng(seed).uniform(2000.0, 4000.0, (6, 2))  # beyond what can be bought or sent away
    for _ in range(12):
        service = scenario.serve(power)
        refused = np.isinf(service.need_kw)
        far = np.zeros(6)
        for plane in service.distances:
            far[plane.period] = (plane.slope * power[plane.period]).sum(axis=1) + plane.constant
        assert (far[refused] > FEASIBILITY * (1.0 + np.abs(far[refused]))).all()
        if not refused.any():
            break
        for plane in service.distances:  # to the nearest powers that it allows, and not a hair further
            power[plane.period] -= far[plane.period, None] * plane.slope / np.square(plane.slope).sum()
    assert np.isfinite(service.need_kw).all()


def test_surplus_of_renewables_is_curtailed_without_loose_losses() -> None:
    network, day = random_day(2)
    plenty = with_scenarios(day, lambda s: replace(s, renewable_kw=0.0 * s.renewable_kw + 900.0))
    market = DiscoMarket(network, mode="windows")
    result = market.clear(plenty)
    assert (result.scenarios[0].import_kw == 0.0).all()
    assert (result.scenarios[0].renewable_kw.sum(axis=1) < 1800.0).all()
    assert any("lie on their secants" in note for note in result.certificate.notes)
    assert result.certificate.primal < 1e-9


# --- vehicles ------------------------------------------------------------------------------------------------------


@settings(max_examples=10)
@given(SEEDS, st.integers(1, 60))
def test_batches_hold_whole_vehicles_and_add_up(seed: int, stays: int) -> None:
    rng = np.random.default_rng(seed)
    start = np.concatenate([[0], np.cumsum(rng.integers(1, 24, 9))])
    cuts = batches(start, stays)
    assert cuts[0][0] == 0
    assert cuts[-1][1] == start[-1]
    assert all(one[1] == two[0] for one, two in itertools.pairwise(cuts))
    assert set(np.ravel(cuts)) <= set(start.tolist())
    longest = int(np.diff(start).max())
    assert all(end - begin <= max(stays, longest) for begin, end in cuts)


def free(periods: int = 6) -> np.ndarray:
    return np.ones(periods, dtype=bool)


@settings(max_examples=8)
@given(SEEDS)
def test_lower_level_in_batches_is_the_lower_level_at_once(seed: int) -> None:
    network, day = random_day(seed, count=12)
    fleet = state_vehicles(day.scenarios[0].vehicles, network.lots, free(), free(), 1.0)
    cost = lot_cost(fleet, day.tariffs, day.length_h)
    whole = fleet.instance.with_cost(cost)
    lower = solve_lower(fleet, cost, "auto")
    solution = open_handle(whole).solve()
    assert lower.value.sum() == pytest.approx(-float(cost @ solution.x), rel=1e-9)
    np.testing.assert_allclose(lower.bound, lower.value, atol=1e-9)
    assert (lower.bound >= lower.value - 1e-9).all()
    assert lower.residuals.worst < 1e-9
    # Any point of the face earns the maximum, in whatever direction it is looked for.
    direction = np.random.default_rng(seed).normal(size=cost.size)
    anywhere = open_handle(lower.face.with_cost(direction)).solve().x
    assert -float(cost @ anywhere) == pytest.approx(lower.value.sum(), abs=1e-8)


@settings(max_examples=15)
@given(SEEDS, st.integers(0, 63), st.integers(0, 63))
def test_reachable_energy_is_what_a_program_reaches(seed: int, charge: int, discharge: int) -> None:
    rng = np.random.default_rng(seed)
    batch = vehicles(rng, 3, 6)
    site = LotSite("lot", 1, efficiency=0.9, discharge_efficiency=0.95)
    masks = [np.array([(bits >> k) & 1 for k in range(6)], dtype=bool) for bits in (charge, discharge)]
    low, high = reachable_kwh(batch, site, *masks, 0.5)
    fleet = state_vehicles([batch], [site], *masks, 0.5)
    last = 3 * (fleet.start[1:] - 1) + 2
    open_end = fleet.instance.with_columns(last, batch.energy_min_kwh, batch.energy_max_kwh)
    for sign, expected in ((1.0, low), (-1.0, high)):
        cost = np.zeros(open_end.shape[1])
        cost[last] = sign
        np.testing.assert_allclose(open_handle(open_end.with_cost(cost)).solve().x[last], expected, atol=1e-7)


def test_only_equal_vehicles_merge() -> None:
    batch = vehicles(np.random.default_rng(0), 3, 6)
    pick = [0, 1, 0, 2, 0]
    twice = VehicleBatch(
        names=tuple("abcde"), **{n: getattr(batch, n)[pick] for n in VehicleBatch.__dataclass_fields__ if n != "names"}
    )
    merged, group = merge_identical(twice)
    assert merged.size == 3
    assert sorted(merged.count.tolist()) == [1.0, 1.0, 3.0]
    several, into = merge_identical(replace(twice, count=np.array([1.0, 2.0, 3.0, 4.0, 5.0])))
    assert several.count[into].tolist() == [9.0, 2.0, 9.0, 4.0, 9.0]
    for row, into in enumerate(group):
        assert merged.energy_kwh[into] == twice.energy_kwh[row]
        assert merged.arrival[into] == twice.arrival[row]


# --- methods -------------------------------------------------------------------------------------------------------


@settings(max_examples=6)
@given(
    SEEDS, st.sampled_from(["strict", "windows-strict"]), st.sampled_from(["highs", "gurobi"]), st.floats(-0.06, 0.02)
)
def test_kkt_program_equals_the_value_function(seed: int, mode: str, solver: str, margin: float) -> None:
    network, day = random_day(seed, periods=4, count=2, margin=margin)
    options: dict[str, Any] = {"mode": mode, "flow": "copper-plate", "solver": solver}
    one = DiscoMarket(network, **options).clear(day)
    two = DiscoMarket(network, method="kkt-milp", **options).clear(day)
    assert two.objective == pytest.approx(one.objective, rel=1e-7, abs=1e-7)
    np.testing.assert_allclose(two.lot_expected_profit, one.lot_expected_profit, atol=1e-7)
    assert two.certificate.method == "kkt-milp"
    assert two.certificate.certified
    assert one.certificate.method == "lexicographic"


def test_kkt_program_equals_the_value_function_on_a_feeder() -> None:
    network, day = random_day(11, periods=3, count=2)
    for solver in ("highs", "gurobi"):
        results = [
            DiscoMarket(network, mode="windows-strict", segments=3, method=method, solver=solver).clear(day)
            for method in ("value-function", "kkt-milp")
        ]
        assert results[0].objective == pytest.approx(results[1].objective, rel=1e-7)


@pytest.mark.parametrize("seed", range(4))
def test_equation_20_as_printed_has_no_solution_or_a_wrong_one(seed: int) -> None:
    """Where the battery is neither full nor empty, the printed (20) makes energy worthless."""
    network, day = random_day(seed, periods=8, count=2)
    day = changed_batch(departure=8)(day)
    market = DiscoMarket(network, mode="strict", flow="copper-plate", method="kkt-milp")
    part = prepare(network, market.supply(day), day, 0, market.rules).part
    corrected = solve_stage_kkt(part, day.tariffs, day.length_h, "gurobi")
    assert corrected.residuals.worst < 1e-7
    with pytest.raises(NoDispatchError):
        solve_stage_kkt(part, day.tariffs, day.length_h, "gurobi", equation_20="as-printed")


def test_equation_20_as_printed_on_a_short_stay() -> None:
    network, day = random_day(0, periods=4, count=2)  # both vehicles stay for two periods
    market = DiscoMarket(network, mode="strict", flow="copper-plate", method="kkt-milp")
    part = prepare(network, market.supply(day), day, 0, market.rules).part
    printed = solve_stage_kkt(part, day.tariffs, day.length_h, "highs", equation_20="as-printed")
    assert printed.residuals.worst > 1e-3  # not the lots' optimality conditions
    assert solve_stage_kkt(part, day.tariffs, day.length_h, "highs").residuals.worst < 1e-9


def brute_force_one_way(part: Instance, earned: np.ndarray) -> float:
    """The most that one vehicle earns one way at a time: every choice of directions, one linear program each."""
    stays, best = part.shape[0], -np.inf
    for choice in range(2**stays):
        charging = np.array([(choice >> k) & 1 for k in range(stays)], dtype=bool)
        upper = part.col_upper.copy()
        upper[0::3][~charging] = 0.0
        upper[1::3][charging] = 0.0
        solution = open_handle(replace(part, col_upper=upper, cost=-earned)).solve()
        if solution.status.value == "optimal":
            best = max(best, float(earned @ solution.x))
    return best


@settings(max_examples=4)
@given(SEEDS)
def test_one_way_values_are_those_of_all_directions(seed: int) -> None:
    network, day = random_day(seed, periods=4, count=2)
    market = DiscoMarket(network, mode="strict-exclusive", flow="copper-plate")
    prepared = prepare(network, market.supply(day), day, 0, market.rules)
    fleet = prepared.vehicles
    for row in range(2):
        begin, end = int(fleet.start[row]), int(fleet.start[row + 1])
        assert prepared.part.one_way is not None
        earned = prepared.part.one_way.earned[3 * begin : 3 * end]
        expected = brute_force_one_way(stays_of(fleet.instance, begin, end), earned)
        assert prepared.lower.value[row] == pytest.approx(expected, abs=1e-7)
    result = market.clear(day)
    done = result.scenarios[0].vehicles[0]
    assert np.minimum(done.charge_kw, done.discharge_kw).max() < 1e-6
    assert result.certificate.method == "value-function"
    assert result.certificate.certified
    np.testing.assert_allclose(result.lot_expected_profit, result.scenarios[0].lot_maximum, atol=1e-6)
    assert result.pessimistic[0] <= result.pessimistic[1] + 1e-9 <= result.objective + 2e-9
    free_way = DiscoMarket(network, mode="strict", flow="copper-plate").clear(day)
    assert free_way.scenarios[0].lot_maximum[0] >= result.scenarios[0].lot_maximum[0] - 1e-7


@settings(max_examples=5)
@given(SEEDS)
def test_worst_ties_are_worse_than_any_that_are_tried(seed: int) -> None:
    network, day = random_day(seed, count=3)
    market = DiscoMarket(network, mode="windows-strict", segments=4)
    prepared = prepare(network, market.supply(day), day, 0, market.rules)
    part, worst = prepared.part, worst_dispatch(prepared.part, "auto")
    rng = np.random.default_rng(seed)
    best = solve_stage([part], "auto").cost
    for _ in range(10):
        x = open_handle(part.feasible.with_cost(rng.normal(size=part.feasible.cost.size))).solve().x
        charge, discharge = part.vehicles.power_kw(x, 1, 6)
        cost = float(part.feasible.cost @ x + part.price @ part.supply.serve(charge - discharge).need_kw)
        assert best - 1e-7 <= cost <= worst.bound + 1e-7
    assert best - 1e-7 <= worst.found <= worst.bound + 1e-12


# --- input ---------------------------------------------------------------------------------------------------------


def changed_batch(**changes: Any) -> Callable[[DiscoDay], DiscoDay]:
    def change(day: DiscoDay) -> DiscoDay:
        return with_scenarios(
            day,
            lambda s: replace(
                s,
                vehicles=tuple(
                    replace(b, **{n: np.where(np.arange(b.size) == 2, v, getattr(b, n)) for n, v in changes.items()})
                    for b in s.vehicles
                ),
            ),
        )

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (changed_batch(arrival=5, departure=5), ("ev2", "arrival 5, departure 5", "arrival < departure")),
        (changed_batch(departure=7), ("ev2", "departure 7", "<= 6")),
        (changed_batch(charge_max_kw=-1.0), ("ev2", "charge_max_kw", "at least 0")),
        (changed_batch(energy_kwh=3.0), ("ev2", "energy_kwh", "within")),
        (changed_batch(energy_kwh=np.nan), ("energy_kwh", "finite")),
        (changed_batch(wish_kwh=46.0), ("ev2", "wish_kwh", "within")),
        (changed_batch(count=0.0), ("ev2", "count")),
        (changed_batch(energy_kwh=8.0, wish_kwh=45.0), ("ev2", "wish_kwh", "kWh missing", "lot lot0")),
        (lambda day: replace(day, load_kw=day.load_kw[:, :3]), ("load_kw", "(6, 3)", "(6, 4)")),
        (lambda day: replace(day, period_h=0.0), ("period_h", "positive")),
        (
            lambda day: replace(day, discharge_window=day.discharge_window | (np.arange(6) == 2)),
            ("charge_window and discharge_window, period 2", "exclude each other"),
        ),
        (lambda day: replace(day, scenarios=()), ("scenarios", "at least one")),
        (lambda day: with_scenarios(day, lambda s: replace(s, probability=0.9)), ("probability", "sum to 1")),
        (lambda day: with_scenarios(day, lambda s: replace(s, vehicles=())), ("vehicles", "one batch for each")),
        (lambda day: with_scenarios(day, lambda s: replace(s, renewable_kw=s.renewable_kw - 999.0)), ("renewable_kw",)),
        (lambda day: replace(day, tariffs=replace(day.tariffs, driver_share=1.5)), ("driver_share", "1.5")),
        (lambda day: replace(day, tariffs=replace(day.tariffs, lot_buys=np.zeros(5))), ("lot_buys", "(5,)")),
    ],
)
def test_bad_days_are_refused_before_anything_is_solved(
    change: Callable[[DiscoDay], DiscoDay], words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    network, day = random_day(0)
    market = DiscoMarket(network)

    def never(*_: object, **__: object) -> None:
        raise AssertionError("a program was solved")

    monkeypatch.setattr("equilibrium.programs.solvers.choose.open_handle", never)
    with pytest.raises(InputError) as caught:
        market.clear(change(day))
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"mode": "free"}, "windows-strict"),
        ({"purchases": "never"}, "here-and-now"),
        ({"alpha": 1.0}, "alpha"),
        ({"alpha": 0.0}, "alpha"),
        ({"beta": 1.1}, "beta"),
        ({"flow": "dc"}, "copper-plate"),
        ({"infeasible_wish": "ignore"}, "best-effort"),
        ({"solver": "abacus"}, "highs"),
        ({"workers": 0}, "workers"),
        ({"segments": 0}, "segments"),
        ({"transformer_efficiency": 0.0}, "transformer_efficiency"),
        ({"method": "kkt-milp", "mode": "windows"}, "windows"),
        ({"method": "kkt-milp", "purchases": "here-and-now"}, "here-and-now"),
    ],
)
def test_bad_options_are_refused(options: dict[str, Any], word: str) -> None:
    with pytest.raises(InputError, match=word):
        DiscoMarket(small_network(), **options)


def test_networks_that_the_accounts_do_not_cover_are_refused() -> None:
    turbine, battery = Microturbine("mt", 1, 100.0, 0.1), StorageUnit("battery", 1, 50.0, 10.0, 10.0, 0.0)
    for more, said in (
        ({"microturbines": (turbine,)}, "DISCO market: microturbines: got 1, expected none: the company's accounts"),
        ({"storage": (battery, battery)}, "DISCO market: storage: got 2, expected none: the company's programs"),
    ):
        with pytest.raises(InputError, match=said):
            DiscoMarket(replace(small_network(), **more))


def test_counted_vehicles_cannot_go_one_way_as_one() -> None:
    network, day = random_day(0)
    with pytest.raises(InputError, match="count"):
        DiscoMarket(network, mode="strict-exclusive").clear(changed_batch(count=2.0)(day))


def test_best_effort_lowers_the_wish_and_says_so() -> None:
    network, day = random_day(0)
    day = changed_batch(energy_kwh=8.0, wish_kwh=45.0)(day)
    result = DiscoMarket(network, infeasible_wish="best-effort").clear(day)
    done, batch = result.scenarios[0].vehicles[0], day.scenarios[0].vehicles[0]
    hours = int(day.charge_window[batch.arrival[2] : batch.departure[2]].sum())
    assert done.wish_kwh[2] == pytest.approx(8.0 + 0.9 * 10.0 * hours)
    assert done.energy_kwh[2, batch.departure[2] - 1] == pytest.approx(done.wish_kwh[2])
    np.testing.assert_array_equal(np.delete(done.wish_kwh, 2), np.delete(batch.wish_kwh, 2))
    assert any("best effort: 1 wishes" in note for note in result.certificate.notes)
