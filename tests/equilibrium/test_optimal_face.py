"""Optimal faces and duals by hand: which sides are held, what counts as rounding, and what a dual is made of."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from equilibrium.programs import duality
from equilibrium.programs.duality import dualise, is_broken, optimal_face
from equilibrium.programs.program import FEASIBILITY, Instance
from equilibrium.programs.solvers import open_handle

INF = float("inf")


def program() -> Instance:
    """Three rows and three columns: with both sides, with one each way, and an equality."""
    return Instance(
        sp.csr_array([[1.0, 2.0, 0.0], [0.0, -1.0, 3.0], [4.0, 0.0, 1.0]]),
        np.array([5.0, -2.0, 1.0]),
        np.array([-4.0, -INF, 6.0]),
        np.array([8.0, 7.0, 6.0]),
        np.array([0.0, -3.0, -INF]),
        np.array([9.0, INF, 2.0]),
    )


@pytest.mark.parametrize(("excess", "broken"), [(0.9, False), (1.1, True)])
def test_a_row_is_broken_relative_to_one_more_than_its_value(excess: float, broken: bool) -> None:
    """At (8, 0, x) the first row is 8 and the third 32 + x: of a tolerance of 1e-3 it may miss 9e-3."""
    made = Instance(sp.csr_array([[1.0, 0.0]]), np.zeros(2), np.array([-INF]), np.array([8.0]), np.zeros(2), np.ones(2))
    assert is_broken(made, np.array([8.0 + 9.008e-3 * excess, 0.0]), 1e-3) is broken
    low = Instance(made.matrix, made.cost, np.array([8.0]), np.array([INF]), made.col_lower, made.col_upper)
    assert is_broken(low, np.array([8.0 - 8.99e-3 * excess, 0.0]), 1e-3) is broken


def test_what_has_a_multiplier_is_held_at_its_side() -> None:
    """Costs of at most 5: six times the tolerance counts as nothing, and a side that is not there cannot hold."""
    zero = 6.0 * FEASIBILITY
    lower, upper = np.array([0.0, -3.0, -INF]), np.array([9.0, INF, 2.0])
    for sign, low, high in (
        (1.1, [0.0, -3.0, -INF], [0.0, -3.0, 2.0]),
        (-1.1, [9.0, -3.0, 2.0], [9.0, INF, 2.0]),
        (0.9, [0.0, -3.0, -INF], [9.0, INF, 2.0]),
        (-0.9, [0.0, -3.0, -INF], [9.0, INF, 2.0]),
    ):
        found = duality._fixed(lower, upper, np.full(3, sign * zero), zero)
        assert (found[0].tolist(), found[1].tolist()) == (low, high)
    made = program()
    y = np.array([5.9 * FEASIBILITY, -6.1 * FEASIBILITY, 4.0])
    face = optimal_face(made, y)
    assert face.row_lower.tolist() == [-4.0, 7.0, 6.0]
    assert face.row_upper.tolist() == [8.0, 7.0, 6.0]
    z = made.cost - made.matrix.T @ y
    assert (z[0] < 0.0, z[1] < 0.0, z[2] < 0.0) == (True, True, True)
    assert face.col_lower.tolist() == [9.0, -3.0, 2.0]
    assert face.col_upper.tolist() == [9.0, INF, 2.0]
    wide = optimal_face(made, np.array([5.9 * FEASIBILITY, 0.0, 0.0]), 4.0)
    assert wide.row_upper.tolist() == [-4.0, 7.0, 6.0]


def test_a_known_point_moves_the_limits_that_it_misses_by_rounding() -> None:
    """Up to one more than the size of the terms; both sides of an equality move, and no limit comes nearer."""
    size = np.array([9.0, 9.0, 9.0, 9.0])
    lower, upper = np.array([1.0, 1.0, 2.0, -INF]), np.array([4.0, 4.0, 2.0, INF])
    step = 10.0 * FEASIBILITY
    value = np.array([1.0 - 0.9 * step, 4.0 + 0.9 * step, 2.0 + 0.9 * step, 5.0])
    low, high = duality._around(value, lower, upper, size)
    assert low.tolist() == [value[0], 1.0, value[2], -INF]
    assert high.tolist() == [4.0, value[1], value[2], INF]
    beyond = np.array([1.0 - 1.1 * step, 4.0 + 1.1 * step, 2.0 - 1.1 * step, 5.0])
    low, high = duality._around(beyond, lower, upper, size)
    assert (low.tolist(), high.tolist()) == (lower.tolist(), upper.tolist())
    inside, _ = duality._around(np.array([2.0, 3.0, 2.0, 0.0]), lower, upper, size)
    assert inside.tolist() == lower.tolist()


def test_the_size_of_a_row_is_that_of_its_terms() -> None:
    """Of 1000 - 1000 with an upper limit of 0: 2001 times the tolerance may be missing, of the columns 1001."""
    made = Instance(
        sp.csr_array([[1.0, -1.0]]), np.zeros(2), np.array([-INF]), np.array([0.0]), np.zeros(2), np.full(2, 1000.0)
    )
    for miss, row, column in ((900.0, True, True), (1500.0, True, False), (2100.0, False, False)):
        off = miss * FEASIBILITY
        point = np.array([1000.0 + off, 1000.0])
        face = optimal_face(made, np.zeros(1), point=point)
        assert bool(face.row_upper[0] > 0.0) is row
        assert bool(face.col_upper[0] > 1000.0) is column


def test_a_dual_has_a_variable_for_every_side() -> None:
    """The equality first, then lower and upper sides, of rows and of columns; twice over it is the program again."""
    made = program()
    dual = dualise(made)
    assert dual.instance.col_lower.tolist() == [-INF, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    assert dual.instance.cost.tolist() == [-6.0, 4.0, 8.0, 7.0, 0.0, 3.0, 9.0, 2.0]
    assert np.isposinf(dual.instance.col_upper).all()
    assert dual.instance.row_lower.tolist() == dual.instance.row_upper.tolist() == made.cost.tolist()
    wanted = np.array(
        [
            [4.0, 1.0, -1.0, 0.0, 1.0, 0.0, -1.0, 0.0],
            [0.0, 2.0, -2.0, 1.0, 0.0, 1.0, 0.0, 0.0],
            [1.0, 0.0, 0.0, -3.0, 0.0, 0.0, 0.0, -1.0],
        ]
    )
    assert dual.instance.matrix.toarray().tolist() == wanted.tolist()
    v = np.arange(1.0, 9.0)
    assert dual.multipliers(v).tolist() == [2.0 - 3.0, -4.0, 1.0]
    primal, turned = open_handle(made).solve(), open_handle(dual.instance).solve()
    value = made.cost @ primal.x
    assert dual.instance.cost @ turned.x == pytest.approx(-value)
    assert dual.multipliers(turned.x) == pytest.approx(primal.y, abs=1e-9)
