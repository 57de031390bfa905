"""Branch exchange against every radial configuration, the loss against a formula, the bound against both."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equilibrium.errors import InfeasibleError, InputError
from equilibrium.grid.meshed import MeshedGrid
from equilibrium.grid.reconfiguration import ac_loss, loss_bound, reconfigure
from tests.equilibrium.test_meshed import TWO_ROOTS, grid, grids


def line(load_kw: float, load_kvar: float, r_ohm: float = 2.0, x_ohm: float = 1.0) -> MeshedGrid:
    """Two buses."""
    numbers = {"r_ohm": np.array([r_ohm]), "x_ohm": np.array([x_ohm])}
    loads = {"load_kw": np.array([0.0, load_kw]), "load_kvar": np.array([0.0, load_kvar])}
    return grid(2, (0,), [(0, 1, True)], **numbers, **loads)


def test_loss_of_one_branch_is_the_formula() -> None:
    """With u = V^2 at the end: u^2 - (V0^2 - 2 (r p + x q)) u + (r^2 + x^2)(p^2 + q^2) = 0, in kV, MW and ohm."""
    p, q, r, x = 3.0, 1.5, 2.0, 1.0
    b = 11.0**2 - 2.0 * (r * p + x * q)
    square = (b + sqrt(b**2 - 4.0 * (r**2 + x**2) * (p**2 + q**2))) / 2.0
    made = line(3000.0, 1500.0)
    assert ac_loss(made, made.closed) == pytest.approx(1000.0 * r * (p**2 + q**2) / square, rel=1e-10)
    assert loss_bound(made) == pytest.approx(1000.0 * r * (p**2 + q**2) / 11.0**2, rel=1e-12)


def test_loads_that_nothing_carries_are_told() -> None:
    with pytest.raises(InfeasibleError, match="no configuration with a power flow was found"):
        reconfigure(line(40000.0, 0.0))


def test_bound_of_two_ways_by_hand() -> None:
    """A load of 1 MW between roots, over 1 ohm and over 3: like two resistors side by side, 0.75 ohm."""
    loads = {"load_kw": np.array([0.0, 1000.0, 0.0]), "load_kvar": np.zeros(3)}
    made = grid(3, (0, 2), [(0, 1, False), (1, 2, True)], r_ohm=np.array([1.0, 3.0]), **loads)
    assert loss_bound(made) == pytest.approx(1000.0 * 0.75 / 121.0, rel=1e-12)
    found = reconfigure(made)
    assert found.closed.tolist() == [True, False]
    assert found.base_loss_kw > 2.9 * found.loss_kw
    assert found.gap == pytest.approx(1.0 - found.bound_kw / found.loss_kw)


def test_branches_without_resistance_join_their_ends() -> None:
    loads = {"load_kw": np.array([0.0, 0.0, 1000.0, 0.0]), "load_kvar": np.zeros(4)}
    made = grid(4, (0,), [(0, 1, True), (1, 2, True), (0, 3, True)], r_ohm=np.array([0.0, 2.0, 1.0]), **loads)
    assert loss_bound(made) == pytest.approx(1000.0 * 2.0 / 121.0, rel=1e-12)


@settings(max_examples=40, deadline=None)
@given(grids(), st.floats(1.0, 100.0))
def test_bound_and_search_hold_the_best_between_them(made: MeshedGrid, scale: float) -> None:
    made = grid(
        made.size,
        made.roots,
        list(zip(made.start.tolist(), made.end.tolist(), made.closed.tolist(), strict=True)),
        load_kw=made.load_kw * scale,
        load_kvar=made.load_kvar * scale,
    )
    losses = [ac_loss(made, closed) for closed in made.radial_configurations()]
    found = reconfigure(made)
    assert made.is_radial(found.closed)
    assert found.loss_kw == ac_loss(made, found.closed)
    assert found.bound_kw <= min(losses) * (1.0 + 1e-9) <= found.loss_kw * (1.0 + 2e-9)
    assert found.loss_kw <= found.base_loss_kw
    for closed in made.radial_configurations():  # no single exchange is better
        if (closed != found.closed).sum() == 2:
            assert ac_loss(made, closed) >= found.loss_kw


def test_what_cannot_move_stays() -> None:
    fixed = np.array([True, False, True, True])
    made = grid(5, (0, 4), TWO_ROOTS, switchable=fixed)
    assert reconfigure(made).closed[1]


def test_a_base_with_a_loop_is_opened() -> None:
    made = grid(5, (0, 4), [(*ends[:2], True) for ends in TWO_ROOTS])
    found = reconfigure(made)
    assert made.is_radial(found.closed)
    assert np.isnan(found.base_loss_kw)


def test_loads_that_feed_in_have_no_bound() -> None:
    with pytest.raises(InputError, match=r"load_kw of bus b1: got -5\.0"):
        loss_bound(line(-5.0, 0.0))
