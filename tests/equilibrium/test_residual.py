"""Residual price curves against a grid of full programs."""

import itertools

import numpy as np
import pytest
from hypothesis import assume, given

from equilibrium.grid.assets import Microturbine
from equilibrium.markets.charging.lots import stacked
from equilibrium.markets.nodal.curves import Curve, trace
from tests.equilibrium.conftest import small_day, small_network
from tests.equilibrium.oracle import Dispatch, examples, solved_hours, tight_markets
from tests.equilibrium.test_vertices import SEEDS, some_powers


def cost_on(curve: Curve, power: float) -> float:
    """The cost of drawing ``power`` beyond the curve's first knot, from its slopes alone."""
    return float(np.clip(power - curve.knots[:-1], 0.0, np.diff(curve.knots)) @ curve.slopes)


def traced(market, seed):
    network, day = market
    *_, vertices, solved = solved_hours(network, day, some_powers(day, seed, 0.5))
    assume(solved.all())
    limit = stacked(day.lots, "power_max_kw", day.hours)
    return vertices, np.maximum(limit, vertices.given)


@examples(24)
@given(tight_markets(negative_prices=True), SEEDS)
def test_a_curve_is_what_a_grid_of_programs_says(market, seed):
    network, day = market
    vertices, limit = traced(market, seed)
    lot = seed % len(network.lots)
    for hour, curve in enumerate(trace(vertices, lot, limit[:, lot])):
        dispatch, power = Dispatch(network, day, hour), vertices.given[hour].copy()
        grid = np.linspace(0.0, limit[hour, lot], 14)
        costs = []
        for p in grid:
            power[lot] = p
            costs.append(dispatch.cost(power))
        inside = (grid >= curve.knots[0] - 1e-6) & (grid <= curve.knots[-1] + 1e-6)
        assert np.isfinite(costs).tolist() == inside.tolist()
        power[lot] = curve.knots[0]
        origin = dispatch.cost(power)
        expected = [origin + cost_on(curve, p) for p in grid[inside]]
        assert np.array(costs)[inside] == pytest.approx(expected, abs=1e-6)


@examples(16)
@given(tight_markets(negative_prices=True), SEEDS)
def test_its_prices_are_the_one_sided_difference_quotients(market, seed):
    network, day = market
    vertices, limit = traced(market, seed)
    lot = seed % len(network.lots)
    step = 1e-3
    for hour, curve in enumerate(trace(vertices, lot, limit[:, lot])):
        dispatch, power = Dispatch(network, day, hour), vertices.given[hour].copy()
        for p in (*curve.knots, *(curve.knots[:-1] + 0.5 * np.diff(curve.knots))):
            power[lot] = p
            left, right = dispatch.slopes(power, lot, step)
            if p - step >= curve.knots[0] and min(abs(curve.knots - p + step / 2)) > step:
                assert curve.price(p) == pytest.approx(left, abs=1e-5)
            if p + step <= curve.knots[-1] and min(abs(curve.knots - p - step / 2)) > step:
                assert curve.right_price(p) == pytest.approx(right, abs=1e-5)


@examples(24)
@given(tight_markets(negative_prices=True), SEEDS)
def test_a_curve_is_convex_and_ends_where_no_dispatch_is_left(market, seed):
    network, day = market
    vertices, limit = traced(market, seed)
    before = vertices.given.copy()
    lot = seed % len(network.lots)
    for hour, curve in enumerate(trace(vertices, lot, limit[:, lot])):
        assert curve.knots.size == curve.slopes.size + 1
        assert np.all(np.diff(curve.knots) > 0.0) or curve.slopes.size == 1
        assert np.all(np.diff(curve.slopes) > 0.0)
        dispatch, power = Dispatch(network, day, hour), vertices.given[hour].copy()
        for end, beyond, bound in (
            (curve.knots[0], curve.knots[0] - 1e-3, 0.0),
            (curve.knots[-1], curve.knots[-1] + 1e-3, limit[hour, lot]),
        ):
            power[lot] = end
            assert np.isfinite(dispatch.cost(power))
            if end != pytest.approx(bound, abs=1e-6):
                power[lot] = beyond
                assert dispatch.cost(power) == np.inf
    assert np.array_equal(before, vertices.given)


def test_the_kinks_of_a_line_and_a_turbine():
    """100 kW of line at 0.03, then a turbine of 500 kVA at 0.06, then nothing."""
    network = small_network(
        turbine=Microturbine("mt", 2, 500.0, 0.06), rating_kva=np.array([5000.0, 5000.0, 100.0]), x_ohm=np.zeros(3)
    )
    *_, vertices, _ = solved_hours(network, small_day([0.03], (), turbines=1), np.array([[250.0]]))
    (curve,) = trace(vertices, 0, np.array([900.0]))
    assert curve.knots.tolist() == pytest.approx([0.0, 100.0, 600.0])
    assert curve.slopes.tolist() == pytest.approx([0.03, 0.06])
    prices = [(curve.price(p), curve.right_price(p)) for p in (0.0, 50.0, 100.0, 101.0, 600.0)]
    left, right = zip(*prices, strict=True)
    assert left == pytest.approx([0.03, 0.03, 0.03, 0.06, 0.06])
    assert right == pytest.approx([0.03, 0.03, 0.06, 0.06, 0.06])


def test_a_curve_does_not_depend_on_where_the_lot_stands():
    network = small_network(
        turbine=Microturbine("mt", 2, 500.0, 0.06), rating_kva=np.array([5000.0, 5000.0, 100.0]), x_ohm=np.zeros(3)
    )
    curves = []
    for power in (0.0, 100.0, 600.0):
        *_, vertices, _ = solved_hours(network, small_day([0.03], (), turbines=1), np.array([[power]]))
        curves += trace(vertices, 0, np.array([900.0]))
    for one, other in itertools.pairwise(curves):
        assert one.knots == pytest.approx(other.knots, abs=1e-6)
        assert one.slopes == pytest.approx(other.slopes, abs=1e-12)
