"""The sweep of a feeder against its equations, branch by branch, and its prices against one more kW and kvar."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equilibrium.grid.feeder import Feeder
from equilibrium.grid.lossy import piecewise_square
from equilibrium.grid.sweep import Sweep

SIZE, STEP = 6, 1e-4
FEW = settings(max_examples=20, deadline=None, derandomize=True)


def made(seed: int, segments: int) -> tuple[Sweep, np.ndarray, np.ndarray]:
    """A random tree whose last bus is behind a branch without losses, and loads of both signs at two points."""
    draw = np.random.default_rng(seed)
    parent = np.array([-1, *(int(draw.integers(0, bus)) for bus in range(1, SIZE))])
    ohm = np.array([0.0, *draw.uniform(0.2, 2.0, SIZE - 2), 0.0])
    feeder = Feeder(
        "made", 10.0, tuple(map(str, range(SIZE))), parent, ohm, 0.5 * ohm, np.full(SIZE, np.inf), np.zeros(SIZE),
        np.zeros(SIZE), np.full(SIZE, 0.5), np.full(SIZE, 1.5), root_voltage_pu=1.03,
    )  # fmt: skip
    span = np.where(ohm > 0.0, 3000.0, 0.0)
    load, kvar = draw.uniform(-400.0, 700.0, (2, SIZE)), draw.uniform(-300.0, 300.0, (2, SIZE))
    return Sweep(feeder, span, 0.5 * span, segments), load, kvar


@FEW
@given(st.integers(0, 2**32 - 1), st.sampled_from([2, 7, 20]))
def test_every_branch_carries_what_is_behind_it_and_its_own_loss(seed: int, segments: int) -> None:
    sweep, load, kvar = made(seed, segments)
    feeder, flows = sweep.feeder, sweep.flows(load, kvar)
    for flow, own, ohm in ((flows.flow_kw, load, feeder.r_ohm), (flows.flow_kvar, kvar, feeder.x_ohm)):
        for bus in range(SIZE):
            behind = own[:, bus] + sum(flow[:, k] for k in range(SIZE) if feeder.parent[k] == bus)
            assert flow[:, bus] == pytest.approx(behind + ohm[bus] * flows.current[:, bus] / 1000.0, abs=1e-6)
    for bus in range(1, SIZE - 1):
        squares = sum(
            span**2 / 100.0 * piecewise_square(np.abs(flow[:, bus]) / span, segments)
            for flow, span in ((flows.flow_kw, 3000.0), (flows.flow_kvar, 1500.0))
        )
        assert flows.current[:, bus] == pytest.approx(squares, abs=1e-6)
    assert (flows.current[:, [0, SIZE - 1]] == 0.0).all()


@FEW
@given(st.integers(0, 2**32 - 1))
def test_voltages_fall_by_what_is_carried(seed: int) -> None:
    sweep, load, kvar = made(seed, 20)
    feeder, flows = sweep.feeder, sweep.flows(load, kvar)
    square = flows.voltage_square
    assert square[:, 0] == pytest.approx(10.3**2)
    for bus in range(1, SIZE):
        r, x = feeder.r_ohm[bus], feeder.x_ohm[bus]
        drop = 2.0 * (r * flows.flow_kw[:, bus] + x * flows.flow_kvar[:, bus]) / 1000.0
        drop = drop - (r**2 + x**2) * flows.current[:, bus] / 1e6
        assert square[:, bus] == pytest.approx(square[:, feeder.parent[bus]] - drop, abs=1e-9)


@FEW
@given(st.integers(0, 2**32 - 1))
def test_prices_are_what_the_root_sends_for_one_more(seed: int) -> None:
    sweep, load, kvar = made(seed, 20)
    flows = sweep.flows(load, kvar)
    for bus in range(SIZE):
        more = STEP * (np.arange(SIZE) == bus)
        by_kw = (sweep.flows(load + more, kvar).flow_kw[:, 0] - flows.flow_kw[:, 0]) / STEP
        by_kvar = (sweep.flows(load, kvar + more).flow_kw[:, 0] - flows.flow_kw[:, 0]) / STEP
        assert flows.price[:, bus] == pytest.approx(by_kw, abs=1e-6)
        assert flows.price_kvar[:, bus] == pytest.approx(by_kvar, abs=1e-6)
