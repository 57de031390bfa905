"""What a program with losses refuses, and the range of flows that it needs."""

from __future__ import annotations

import numpy as np
import pytest

from equilibrium.errors import InputError
from equilibrium.grid.assets import LotSite, RenewableUnit
from equilibrium.grid.flow_range import FlowRange, largest_flows
from equilibrium.grid.lossy import (
    compile_lossy,
)
from equilibrium.grid.network import Network
from scenarios.readers.feeders import load_feeder
from tests.equilibrium.conftest import small_feeder


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
