"""Vertices of all hours at once against the DSO's full program, hour by hour."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from equilibrium.grid.assets import Microturbine
from equilibrium.grid.distribution import STATE_COLUMNS, STATE_ROWS, compile_distribution, one_more_kw
from equilibrium.markets.nodal.apart.prices import vertex_multipliers
from equilibrium.programs.duality import kkt_residuals
from equilibrium.programs.hourly.periods import bind_periods, compile_periods, lift_multipliers, lift_point
from equilibrium.programs.hourly.vertices import Vertices, start
from tests.equilibrium.conftest import small_day, small_network
from tests.equilibrium.oracle import Dispatch, dispatch_program, examples, solved_hours, tight_markets

SEEDS = st.integers(0, 2**32 - 1)


def some_powers(day, seed, reach=1.3):
    """Powers between nothing and a bit more than the lots may draw."""
    limit = np.stack([lot.power_max_kw for lot in day.lots], axis=1)
    return reach * limit * np.random.default_rng(seed).random(limit.shape)


def full_costs(network, day, power):
    return np.array([Dispatch(network, day, hour).cost(power[hour]) for hour in range(day.hours)])


@examples(32)
@given(tight_markets(negative_prices=True), SEEDS, st.sampled_from([0.5, 1.5]))
def test_every_hour_costs_what_its_full_program_costs(market, seed, reach):
    network, day = market
    power = some_powers(day, seed, reach)
    *_, vertices, solved = solved_hours(network, day, power)
    expected = full_costs(network, day, power)
    assert solved.tolist() == np.isfinite(expected).tolist()
    assert vertices.cost[solved] == pytest.approx(expected[solved], abs=1e-7)


@examples(16)
@given(tight_markets(negative_prices=True), SEEDS)
def test_points_and_multipliers_satisfy_the_optimality_conditions_of_the_day(market, seed):
    network, day = market
    power = some_powers(day, seed, 0.5)
    program, instance, vertices, solved = solved_hours(network, day, power)
    assume(solved.all())
    x = lift_point(vertices.model, vertices.data, program, vertices.y, power)
    y = lift_multipliers(vertices.model, program, instance, vertex_multipliers(vertices))
    assert kkt_residuals(instance, x, y).worst < 1e-9
    buses = [site.bus for site in network.lots]
    assert vertices.prices() == pytest.approx(program.multiplier(y, "active_balance")[:, buses], abs=1e-9)


@examples(8)
@given(tight_markets())
def test_what_one_more_kw_of_load_takes_off_the_limits(market):
    """At every bus, in every hour: the limits of rows fall by what the model says, those of the dispatch stay."""
    network, day = market
    more = replace(day, load_kw=day.load_kw + 1.0)
    power, hour = some_powers(day, 0), compile_distribution(network, 1)
    model = compile_periods(hour, "lot_kw", STATE_COLUMNS, STATE_ROWS)
    bound = [bind_periods(model, *dispatch_program(network, each, power), day.hours) for each in (day, more)]
    for side in ("lower", "upper"):
        before, after = (getattr(each, side) for each in bound)
        there = np.isfinite(before)
        taken = np.broadcast_to(model.taken(one_more_kw(hour)), before.shape)
        assert before[there] - after[there] == pytest.approx(taken[there], abs=1e-9)
        assert np.abs(taken).max() > 0.0


@examples(16)
@given(tight_markets(negative_prices=True), SEEDS, SEEDS, st.sampled_from([0.5, 1.5]))
def test_a_move_solves_the_hours_at_the_new_powers(market, first, second, reach):
    """Also after hours that had no dispatch: nothing of a failed hour may stay behind."""
    network, day = market
    *_, vertices, _ = solved_hours(network, day, some_powers(day, first, reach))
    for power in (some_powers(day, second, 1.5), some_powers(day, second, 0.5)):
        solved = vertices.move(power)
        expected = full_costs(network, day, power)
        assert solved.tolist() == np.isfinite(expected).tolist()
        assert vertices.cost[solved] == pytest.approx(expected[solved], abs=1e-7)


@examples(12)
@given(tight_markets(), SEEDS, SEEDS)
def test_a_refresh_keeps_the_point(market, first, second):
    network, day = market
    *_, vertices, solved = solved_hours(network, day, some_powers(day, first, 0.5))
    assume((solved & vertices.move(some_powers(day, second, 0.5))).all())
    before = vertices.copy()
    vertices.refresh()
    assert vertices.y == pytest.approx(before.y, abs=1e-7)
    assert vertices.mu == pytest.approx(before.mu, abs=1e-9)
    assert vertices.inverse == pytest.approx(before.inverse, rel=1e-7, abs=1e-9)
    assert np.array_equal(vertices.active, before.active)


@examples(12)
@given(tight_markets(), SEEDS)
def test_a_copy_lives_on_its_own(market, seed):
    network, day = market
    power = some_powers(day, seed, 0.5)
    *_, vertices, solved = solved_hours(network, day, power)
    assume(solved.all())
    other = vertices.copy()
    other.move(0.0 * power)
    assert vertices.cost == pytest.approx(full_costs(network, day, power), abs=1e-7)
    vertices.take(other)
    assert vertices.given.max() == 0.0


def test_exports_are_closed_at_a_negative_price():
    network = small_network()
    *_, vertices, solved = solved_hours(network, small_day([-0.02, 0.05], ()), np.zeros((2, 1)))
    assert solved.all()
    assert vertices.cost.tolist() == [0.0, 0.0]
    *_, vertices, _ = solved_hours(network, small_day([-0.02], (), load_kw=50.0), np.array([[100.0]]))
    assert vertices.cost.tolist() == pytest.approx([-3.0])
    assert vertices.prices().tolist() == [[pytest.approx(-0.02)]]


def test_an_hour_beyond_the_line_has_no_dispatch():
    network = small_network(rating_kva=np.array([5000.0, 5000.0, 100.0]))
    *_, vertices, solved = solved_hours(network, small_day([0.05] * 3, ()), np.array([[99.0], [101.0], [100.0]]))
    assert solved.tolist() == [True, False, True]
    assert vertices.cost[solved].tolist() == pytest.approx([4.95, 5.0])


@examples(16)
@given(tight_markets(negative_prices=True), SEEDS, SEEDS, st.sampled_from([0.5, 1.5]))
def test_hours_started_from_another_days_vertices_cost_the_same(market, first, second, reach):
    """Other prices, loads and powers: only the tight rows are taken over, and where they do not fit, not even those."""
    network, day = market
    *_, known, solved = solved_hours(network, day, some_powers(day, first, 0.5))
    assume(solved.all())
    rng = np.random.default_rng(second)
    other = replace(
        day,
        wholesale_price=day.wholesale_price * rng.uniform(-0.2, 2.0, day.hours),
        load_kw=day.load_kw * rng.uniform(0.5, 1.2, day.load_kw.shape),
    )
    power = some_powers(other, second, reach)
    *_, fresh, expected = solved_hours(network, other, power)
    vertices, solved = start(fresh.model, fresh.data, power, known)
    assert solved.tolist() == expected.tolist()
    assert vertices.cost[solved] == pytest.approx(fresh.cost[solved], abs=1e-7)


def test_the_same_day_is_solved_by_its_own_vertices_at_once(monkeypatch):
    network, day = small_network(rating_kva=np.array([5000.0, 5000.0, 100.0])), small_day([0.03, 0.05], ())
    *_, known, _ = solved_hours(network, day, np.full((2, 1), 100.0))
    monkeypatch.setattr(Vertices, "_pivot", lambda *_, **__: pytest.fail("no pivot is needed"))
    vertices, solved = start(known.model, known.data, known.given, known)
    assert solved.all()
    assert vertices.cost == pytest.approx(known.cost)


def test_an_hour_takes_the_vertex_of_another_hour_that_fits_it_best(monkeypatch):
    """At 0.03 the load is imported, at 0.1 a turbine at 0.06 serves it and exports: the hours have changed places."""
    network, day = small_network(turbine=Microturbine("mt", 2, 500.0, 0.06)), small_day([0.03, 0.1], (), turbines=1)
    *_, known, _ = solved_hours(network, day, np.full((2, 1), 100.0))
    assert set(known.active[0]) != set(known.active[1])
    monkeypatch.setattr(Vertices, "_pivot", lambda *_, **__: pytest.fail("no pivot is needed"))
    vertices, solved = start(known.model, known.data, known.given, known.at(np.array([1, 0])))
    assert solved.all()
    assert vertices.cost == pytest.approx(known.cost)


@pytest.mark.parametrize(("before", "now", "cost"), [(0.03, 0.1, 8.0), (0.1, 0.03, 6.0), (0.03, 0.05, 8.0)])
def test_tight_rows_of_a_day_whose_prices_turned_are_not_taken(before, now, cost):
    """150 kW behind a line of 100 kW and a turbine at 0.06, which at a price of 0.1 also exports 100 kW at 0.07."""
    turbine = Microturbine("mt", 2, 500.0, 0.06)
    network = small_network(turbine=turbine, rating_kva=np.array([5000.0, 5000.0, 100.0]))
    power = np.array([[150.0]])
    *_, known, _ = solved_hours(network, small_day([before], (), turbines=1), power)
    *_, fresh, _ = solved_hours(network, small_day([now], (), turbines=1), power)
    vertices, solved = start(fresh.model, fresh.data, power, known)
    assert solved.all()
    assert vertices.cost.tolist() == pytest.approx([cost])


def test_some_of_the_sides_keep_their_rows_and_the_stand_in():
    *_, vertices, _ = solved_hours(small_network(), small_day([0.05], ()), np.zeros((1, 1)))
    sides = vertices.model.sides
    keep = np.arange(0, sides.sign.size - 1, 2)
    some = sides.only(keep)
    assert some.sign.tolist() == [*sides.sign[keep], 0]
    assert some.row[:-1].tolist() == sides.row[keep].tolist()
    assert np.array_equal(some.matrix[:, :-1], sides.matrix[:, keep])
    assert not some.matrix[:, -1].any()
    place = {side: number for number, side in enumerate(keep.tolist())}
    for before, after in ((sides.upper, some.upper), (sides.lower, some.lower)):
        assert after.tolist() == [place.get(side, keep.size) for side in before.tolist()]
