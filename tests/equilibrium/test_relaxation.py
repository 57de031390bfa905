"""Majorants of an hour's profit against all its points, and the three ways to maximise their sum against each other."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

from equilibrium.markets.nodal.curves import Curve
from equilibrium.markets.nodal.relaxation import FeasiblePowers, Majorant, Vehicles, majorant, relaxation

TEN = np.array([0.0, 10.0, 25.0, 40.0])
RISING = Curve(TEN, np.array([0.02, 0.03, 0.09]))


def profit(price: float, curve: Curve, power: float, hours: float) -> float:
    """At a kink the lot chooses the left slope."""
    slope = curve.slopes[max(0, min(int(np.searchsorted(curve.knots, power, side="left")) - 1, curve.slopes.size - 1))]
    return (price - slope) * power * hours


@pytest.mark.parametrize("seed", range(5))
def test_a_majorant_is_the_least_concave_function_above_the_profit(seed: int) -> None:
    draw = np.random.default_rng(seed)
    knots = np.r_[0.0, np.cumsum(draw.uniform(1.0, 9.0, 6))]
    curve = Curve(knots, np.cumsum(draw.uniform(0.0, 0.05, 6)))
    price, hours = draw.uniform(0.05, 0.3), draw.uniform(0.3, 1.2)
    low, high = np.sort(draw.uniform(0.0, knots[-1], 2))
    top = majorant(price, curve, low, high, hours)
    assert (top.points[0], top.points[-1]) == (low, high)
    assert all(one > other for one, other in pairwise(top.slopes))  # strictly concave at its points
    for p in np.linspace(low, high, 301)[1:]:
        assert top(float(p)) >= profit(price, curve, float(p), hours) - 1e-12
    # It touches the profit at each of its points (at the first one with the slope to the right).
    for point, value in zip(top.points[1:], top.values[1:], strict=True):
        assert value == pytest.approx(profit(price, curve, point, hours))
    assert top.values[0] == pytest.approx((price - curve.right_price(low)) * low * hours)
    for cost in (0.0, 0.1, 0.5):
        every = [top(float(p)) - cost * p for p in np.linspace(low, high, 301)]
        assert top.most(cost) >= max(every) - 1e-12
        assert top.most(cost) == pytest.approx(max(v - cost * p for p, v in zip(top.points, top.values, strict=True)))


def test_a_majorant_by_hand() -> None:
    """At 0.1: (0.1 - 0.02) 10 = 0.8 at 10, 0.07 * 25 = 1.75 at 25, 0.01 * 40 = 0.4 at 40; half an hour halves them."""
    top = majorant(0.1, RISING, 0.0, 40.0, 0.5)
    assert top.points == [0.0, 10.0, 25.0, 40.0]
    assert top.values == pytest.approx([0.0, 0.4, 0.875, 0.2])
    assert top.slopes == pytest.approx([0.04, 0.475 / 15.0, -0.675 / 15.0])
    assert [top(p) for p in (-1.0, 5.0, 10.0, 17.5, 40.0, 41.0)] == pytest.approx([0.0, 0.2, 0.4, 0.6375, 0.2, 0.2])
    # Where the second slope is steep the point at 10 goes up and that at 25 below the chord.
    steep = majorant(0.1, Curve(TEN, np.array([0.02, 0.09, 0.092])), 0.0, 40.0, 1.0)
    assert steep.points == [0.0, 10.0, 40.0]
    flat = majorant(0.1, RISING, 12.0, 12.0, 2.0)
    assert (flat.points, flat.slopes) == ([12.0], [])
    assert flat.values == pytest.approx([(0.1 - 0.03) * 12.0 * 2.0])
    at_kink = majorant(0.1, RISING, 10.0, 25.0, 1.0)  # to the right of 10 the slope is that of the next kW
    assert at_kink.values == pytest.approx([0.7, 1.75])


def chain(draw: np.random.Generator, hours: int) -> FeasiblePowers:
    length = draw.choice([0.25, 0.5, 1.0], hours)
    most = draw.uniform(5.0, 20.0, hours)
    path = np.cumsum(length * most * draw.uniform(0.3, 0.7, hours))
    rate = 0.9
    low, high = rate * path * draw.uniform(0.6, 1.0, hours), rate * path * draw.uniform(1.0, 1.4, hours)
    matrix = sp.csr_array(rate * np.tri(hours) * length)
    return FeasiblePowers(matrix, np.maximum.accumulate(low), np.maximum.accumulate(high), most, length)


def tops(draw: np.random.Generator, own: FeasiblePowers) -> list[Majorant]:
    found = []
    for most, h in zip(own.power_max_kw, own.length_h, strict=True):
        knots = np.r_[0.0, np.sort(draw.uniform(0.0, most, 2)), most]
        curve = Curve(knots, np.cumsum(draw.uniform(0.0, 0.1, 3)))
        found.append(majorant(draw.uniform(0.0, 0.3), curve, 0.0, float(most), float(h)))
    return found


def worth(parts: list[Majorant], power: list[float]) -> float:
    return sum(part(p) for part, p in zip(parts, power, strict=True))


@pytest.mark.parametrize("seed", range(6))
def test_a_chain_is_filled_as_its_rows_are_solved(seed: int) -> None:
    draw = np.random.default_rng(seed)
    own = chain(draw, 6)
    parts = tops(draw, own)
    assert own.chain == pytest.approx(0.9)
    more = sp.vstack([own.matrix, sp.csr_array(np.ones((1, 6)))], format="csr")
    rows = replace(own, matrix=sp.csr_array(more), lower=np.r_[own.lower, -1e6], upper=np.r_[own.upper, 1e6])
    assert rows.chain is None
    for solver in ("highs", "gurobi"):
        one, other = relaxation(own, solver), relaxation(rows, solver)
        assert (one.seconds, other.seconds) == (0.0, 0.0)
        filled, solved = one.solve(parts, None), other.solve(parts, None)
        assert filled is not None
        assert solved is not None
        assert other.seconds > 0.0
        for found in (filled, solved):
            power = np.array(found.power)
            assert (power >= -1e-9).all()
            assert (power <= own.power_max_kw + 1e-9).all()
            stored = own.matrix @ power
            assert (stored >= own.lower - 1e-9).all()
            assert (stored <= own.upper + 1e-9).all()
        assert worth(parts, filled.power) == pytest.approx(worth(parts, solved.power))
        nothing = replace(own, lower=own.lower + 1e3, upper=own.upper + 1e3)
        assert relaxation(nothing, solver).solve(parts, None) is None
        beyond = replace(rows, lower=rows.lower + 1e3, upper=rows.upper + 1e4)
        assert relaxation(beyond, solver).solve(parts, None) is None


@pytest.mark.parametrize("seed", range(6))
def test_vehicles_exchange_to_the_optimum_of_their_rows(seed: int) -> None:
    """One vehicle that draws a need is a box with one row; prices say that nothing better is left."""
    draw = np.random.default_rng(seed)
    hours, length = 5, draw.uniform(0.4, 1.2, 5)
    limit = draw.uniform(2.0, 9.0, (hours, 1))
    drawn = limit * draw.uniform(0.2, 0.8)
    need = float(drawn.sum())
    box = FeasiblePowers(
        sp.csr_array(length[None, :]), np.array([need]), np.array([need]), limit[:, 0] / length, length
    )
    fleet = replace(box, vehicles=Vehicles(limit, drawn))
    parts = tops(draw, box)
    solved, exchange = relaxation(box, "highs").solve(parts, None), relaxation(fleet, "highs")
    assert exchange.seconds == 0.0
    found: Any = exchange.solve(parts, None)
    assert solved is not None
    assert worth(parts, found.power) == pytest.approx(worth(parts, solved.power))
    assert float(length @ found.power) == pytest.approx(need)
    np.testing.assert_allclose(found.best.drawn[:, 0], length * found.power)
    # With its prices each hour alone, and the vehicle alone, could do nothing better.
    price = np.array(found.price)
    alone = sum(part.most(p) for part, p in zip(parts, price, strict=True))
    order, left, best = np.argsort(-price / length), need, 0.0
    for h in order:
        take = min(left, limit[h, 0])
        best, left = best + price[h] / length[h] * take, left - take
    assert alone + best == pytest.approx(worth(parts, found.power))
    again = exchange.solve(parts, found.best)
    assert again is not None
    assert worth(parts, again.power) == pytest.approx(worth(parts, found.power))
