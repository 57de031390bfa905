"""Limits of a flow that are stated with an excess, and what is published of a served day."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from equilibrium.grid.flow_range import FlowRange
from equilibrium.markets.aggregator.flow import ACTIVE, RANGED, Flows
from equilibrium.markets.disco.network.service import ScenarioSupply, Service
from tests.equilibrium.conftest import small_feeder, small_network

INF = np.inf


def limits(name: str, flow_range: FlowRange | None = None) -> tuple[list[float], list[float]]:
    """Limits of a block of columns, on the small feeder with ratings of 400, 300 and 200 kVA."""
    feeder = small_feeder(rating_kva=np.array([400.0, 300.0, 200.0]), voltage_max_pu=np.array([1.1, 1.2, 1.05]))
    network = small_network(rating_kva=feeder.rating_kva, voltage_max_pu=feeder.voltage_max_pu)
    about: Any = SimpleNamespace(grid=SimpleNamespace(feeder=feeder, flow_range=flow_range), network=network)
    low, high = Flows._limits(about, name)
    return low.tolist(), high.tolist()


@pytest.mark.parametrize("name", [each for each in RANGED if each.startswith("flow")])
def test_a_flow_goes_either_way_as_far_as_its_range(name: str) -> None:
    """Without a range the rating is one."""
    assert limits(name) == ([-400.0, -300.0, -200.0], [400.0, 300.0, 200.0])
    own = FlowRange(np.array([90.0, 80.0, 70.0]), np.array([60.0, 50.0, 40.0]))
    span = [90.0, 80.0, 70.0] if name in ACTIVE else [60.0, 50.0, 40.0]
    assert limits(name, own) == ([-each for each in span], span)


@pytest.mark.parametrize("name", [each for each in RANGED if not each.startswith("flow")])
def test_what_is_lost_on_the_way_has_a_greatest_size_alone(name: str) -> None:
    assert limits(name) == ([-INF] * 3, [400.0, 300.0, 200.0])


def test_squares_of_currents_and_voltages_have_the_limits_of_the_feeder() -> None:
    """At 10 kV; the root's voltage is held."""
    assert limits("current_square") == ([-INF] * 3, [1600.0, 900.0, 400.0])
    low, high = limits("voltage_square")
    assert low == [-INF, pytest.approx(81.0), pytest.approx(81.0)]
    assert high == [INF, pytest.approx(144.0), pytest.approx(110.25)]


@dataclass(frozen=True)
class Served:
    """What is read of a service."""

    points: object


def test_what_is_published_is_settled_with_and_without_a_purchase() -> None:
    asked: list[tuple[object, ...]] = []
    service = Served("first")

    def serve(lot_kw: object, *, settle: bool) -> Served:
        asked.append(("serve", lot_kw, settle))
        return service

    def absorb(lot_kw: object, bought_kw: object, served: object, *, settle: bool) -> tuple[str, str]:
        asked.append(("absorb", lot_kw, bought_kw, served, settle))
        return "points", "planes"

    about: Any = SimpleNamespace(serve=serve, absorb=absorb)
    lots, bought = np.ones(2), np.full(2, 3.0)
    alone: Service | Served = ScenarioSupply.published(about, lots, None)
    assert alone is service
    assert asked == [("serve", lots, True)]
    taken = ScenarioSupply.published(about, lots, bought)
    assert taken == Served("points")
    assert asked[1:] == [("serve", lots, True), ("absorb", lots, bought, service, True)]
