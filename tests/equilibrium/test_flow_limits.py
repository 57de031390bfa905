"""What a program with losses refuses, and the range of flows that it needs."""

from __future__ import annotations

import numpy as np
import pytest

from equilibrium.errors import InputError
from equilibrium.grid import flow_range
from equilibrium.grid.assets import LotSite, RenewableUnit
from equilibrium.grid.flow_range import FlowRange, largest_flows
from equilibrium.grid.lossy import (
    compile_lossy,
)
from equilibrium.grid.network import Network
from scenarios.readers.feeders import load_feeder
from tests.equilibrium.conftest import small_feeder, small_network


@pytest.mark.parametrize(
    "changes",
    [
        {"segments": 0},
        {"transformer_efficiency": 0.0},
        {"transformer_efficiency": 1.01},
        {"flow_range": FlowRange(np.array([1.0, -1.0, 1.0]), np.ones(3))},
    ],
)
def test_bad_numbers_are_refused(changes):
    with pytest.raises(InputError, match="lossy flow"):
        compile_lossy(Network(small_feeder()), 2, **changes)


def test_a_branch_without_rating_needs_a_range():
    feeder = small_feeder(rating_kva=np.array([5000.0, 5000.0, np.inf]))
    with pytest.raises(InputError, match="branch to bus 2"):
        compile_lossy(Network(feeder), 2)


@pytest.mark.parametrize("side", ["kw", "kvar"])
def test_the_first_branch_and_period_without_a_range_is_named(side):
    given = {name: np.full((3, 3), 9.0) for name in ("kw", "kvar")}
    compile_lossy(Network(small_feeder()), 3, flow_range=FlowRange(**given))
    given[side][1:, 2] = [np.inf, 0.0]
    said = (
        rf"lossy flow: greatest flow \({side}\) of the branch to bus 2, period 1: got inf, expected a positive finite"
    )
    with pytest.raises(InputError, match=said):
        compile_lossy(Network(small_feeder()), 3, flow_range=FlowRange(**given))
    given[side][:, 2], given[side][2, 0] = 9.0, 0.0
    with pytest.raises(InputError, match=r"of the branch to bus 0, period 2: got 0\.0"):
        compile_lossy(Network(small_feeder()), 3, flow_range=FlowRange(**given))


@pytest.mark.parametrize("name", ["load_kw", "load_kvar", "renewable_max_kw", "lot_min_kw", "lot_max_kw"])
def test_a_range_of_flows_needs_finite_powers(name):
    network = Network(small_feeder(), renewables=(RenewableUnit("sun", 1, 9.0, "pv"),), lots=(LotSite("lot", 2),))
    values = {
        "load_kw": np.ones((1, 3)),
        "load_kvar": np.ones((1, 3)),
        "renewable_max_kw": np.ones((1, 1)),
        "lot_min_kw": np.zeros((1, 1)),
        "lot_max_kw": np.ones((1, 1)),
    }
    values[name] = values[name] * np.inf if name != "lot_min_kw" else values[name] - np.inf
    with pytest.raises(InputError, match=name):
        largest_flows(network, **values)


def test_a_lot_beyond_what_the_voltage_admits_does_not_widen_the_range():
    feeder = load_feeder("ieee33")
    network = Network(feeder, lots=(LotSite("lot", 10),))
    one = {"load_kw": feeder.load_kw[None], "load_kvar": feeder.load_kvar[None], "renewable_max_kw": np.zeros((1, 0))}
    sizes = [
        largest_flows(network, **one, lot_min_kw=np.zeros((1, 1)), lot_max_kw=np.full((1, 1), most))
        for most in (5e3, 5e5)
    ]
    assert sizes[0].kw[0, 10] < 3000.0
    np.testing.assert_allclose(sizes[1].kw, sizes[0].kw, rtol=1e-12)


def test_what_a_branch_can_deliver_and_what_its_flow_can_be_by_hand() -> None:
    """Branches of 2 and 3 ohm and 1 and 0.5 reactive at 10 kV: the square of the voltage may fall by 19 kV²."""
    network = small_network(r_ohm=np.array([0.0, 2.0, 3.0]), x_ohm=np.array([0.0, 1.0, 0.5]))
    low_kw, low_kvar = np.array([[900.0, 600.0, 200.0]]), np.array([[90.0, 60.0, 20.0]])
    spare = 9500.0 - np.cumsum([0.0, 2.0 * 600.0 + 60.0, 3.0 * 200.0 + 0.5 * 20.0])
    kw, kvar = flow_range._receivable(network, low_kw, low_kvar)
    assert kw == pytest.approx(np.array([[np.inf, 600.0 + spare[1] / 2.0, 200.0 + spare[2] / 5.0]]))
    assert kvar == pytest.approx(np.array([[np.inf, 60.0 + spare[1] / 1.0, 20.0 + spare[2] / 1.5]]))


@pytest.mark.parametrize(
    ("low", "high", "receivable", "size", "above"),
    [
        (0.0, 50.0, np.inf, 50.0, 50.0),
        (0.0, 50.0, 30.0, 30.0, 30.0),
        (40.0, 50.0, 30.0, 40.0, 40.0),
        (-70.0, 50.0, np.inf, 70.0, 50.0),
        (-70.0, -60.0, np.inf, 70.0, -60.0),
        (0.0, 5000.0, np.inf, 800.0, 5000.0),
    ],
)
@pytest.mark.parametrize("axis", [0, 1])
def test_flows_that_nothing_loses_add_up(
    low: float, high: float, receivable: float, size: float, above: float, axis: int
) -> None:
    """Bus 2 alone, on branches without impedance: what it may draw or feed in, and what comes of it at bus 1."""
    network = small_network(r_ohm=np.zeros(3), x_ohm=np.zeros(3), rating_kva=np.array([9000.0, 9000.0, 800.0]))
    nothing = flow_range._Interval(np.zeros((1, 3)), np.zeros((1, 3)))
    some = flow_range._Interval(np.array([[-100.0, -100.0, low]]), np.array([[0.0, 0.0, high]]))
    free, limit = np.full((1, 3), np.inf), np.array([[np.inf, np.inf, receivable]])
    made = flow_range._swept(
        network, *((some, nothing) if axis == 0 else (nothing, some)), (limit, free) if axis == 0 else (free, limit)
    )
    moved, still = (made.kw, made.kvar) if axis == 0 else (made.kvar, made.kw)
    room = flow_range._ROOM
    assert moved[0, 2] == pytest.approx(min(size + room, 800.0))
    assert moved[0, 1] == pytest.approx(min(max(abs(above), 100.0) + room, 9000.0))
    assert still[0] == pytest.approx(np.full(3, room))


def test_current_of_a_delivery_and_of_the_greatest_one() -> None:
    """At 10 kV over 1 ohm: 1 MW takes u with 100 u = (1 + u)²; beyond 25 MW nothing is delivered, and u is 25."""
    u = flow_range._current_square(np.array([1.0, 25.0, 30.0]), np.zeros(3), 1.0, 0.0, 100.0)
    assert 100.0 * u[0] == pytest.approx((1.0 + u[0]) ** 2)
    assert u == pytest.approx([49.0 - np.sqrt(49.0**2 - 1.0), 25.0, 25.0])
    v = flow_range._current_square(np.array([1.0]), np.array([2.0]), 0.5, 0.25, 100.0)
    assert 100.0 * v[0] == pytest.approx((1.0 + 0.5 * v[0]) ** 2 + (2.0 + 0.25 * v[0]) ** 2)
    assert v[0] < 1.0
    assert flow_range._current_square(np.ones(1), np.ones(1), 0.0, 0.0, 100.0) == 0.0
