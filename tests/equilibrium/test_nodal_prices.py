"""Published prices and their intervals against linear programs over the dual optimal face."""

import numpy as np
import pytest
from hypothesis import assume, given

from equilibrium.markets.nodal.apart.prices import VertexFace
from equilibrium.markets.nodal.curves import trace
from equilibrium.markets.nodal.prices import publish
from equilibrium.programs.program import INF
from equilibrium.programs.solvers import Status, solve_linear
from tests.equilibrium.oracle import examples, solved_hours, tight_markets
from tests.equilibrium.test_vertices import SEEDS, some_powers


def on_kinks(market, seed):
    """Hours in which one lot after the other went to a kink of its curve."""
    network, day = market
    *_, vertices, solved = solved_hours(network, day, some_powers(day, seed, 0.5))
    assume(solved.all())
    rng = np.random.default_rng(seed)
    for lot in range(len(network.lots)):
        power = vertices.given.copy()
        curves = trace(vertices, lot, np.maximum(day.lots[lot].power_max_kw, power[:, lot]))
        power[:, lot] = [rng.choice(curve.knots) for curve in curves]
        assume(vertices.move(power).all())
    return vertices


def least(face, cost):
    """The least of a cost over the dual face, minus infinity where it has none."""
    solution = solve_linear(face.instance.with_cost(cost))
    if solution.status is Status.UNBOUNDED:
        return -INF
    assert solution.status is Status.OPTIMAL
    return float(cost @ solution.x)


@examples(40)
@given(tight_markets(negative_prices=True), SEEDS)
def test_prices_are_the_least_payment_and_their_ends_those_of_the_dual_face(market, seed):
    vertices = on_kinks(market, seed)
    face = VertexFace(vertices, np.zeros(vertices.model.rows)).program()
    assume(face is not None)
    payment = least(face, (face.prices * vertices.given[face.hour]).sum(axis=1))
    assume(payment > -INF)
    prices = publish(VertexFace(vertices, np.zeros(vertices.model.rows)), vertices.given)
    hours = np.unique(face.hour)
    assert float((prices.price * vertices.given)[hours].sum()) == pytest.approx(payment, abs=1e-6)
    assert prices.price == pytest.approx(-(prices.mu @ vertices.model.n), abs=1e-9)
    stationary = prices.mu @ vertices.model.m
    assert stationary == pytest.approx(vertices.data.cost, abs=1e-9)
    for hour in hours.tolist():
        for lot in range(vertices.given.shape[1]):
            cost = np.where(face.hour == hour, face.prices[:, lot], 0.0)
            assert prices.low[hour, lot] == pytest.approx(least(face, cost), abs=1e-7)
            assert prices.high[hour, lot] == pytest.approx(-least(face, -cost), abs=1e-7)
