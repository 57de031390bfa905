from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
import pytest
from mesa import Model

from agents.charging.dso import DistributionSystemOperator
from equilibrium.grid.distribution import polygon
from equilibrium.grid.feeder import Feeder
from equilibrium.grid.network import Network
from scenarios.time_axis import day_axis
from tests.agents.town import HOURS, cleared, day_of

FEEDER = Feeder(
    name="line",
    base_kv=12.66,
    buses=("1", "2", "3"),
    parent=np.array([-1, 0, 1]),
    r_ohm=np.array([0.0, 0.1, 0.1]),
    x_ohm=np.array([0.0, 0.1, 0.1]),
    rating_kva=np.array([np.inf, 100.0, 50.0]),
    load_kw=np.zeros(3),
    load_kvar=np.zeros(3),
    voltage_min_pu=np.full(3, 0.95),
    voltage_max_pu=np.full(3, 1.05),
)


@pytest.fixture
def operator():
    return DistributionSystemOperator(Model(rng=0), network=Network(FEEDER, polygon_edges=12))


def settle(operator, clearing, axis=None):
    """One day for the operator; plain by default."""
    day = day_of()
    operator.observe(day if axis is None else replace(day, axis=axis))
    operator.settle(clearing)


def seen(voltage=1.0, flow=0.0, dlmp=0.05, periods=HOURS):
    """A clearing with one value everywhere, or ``(periods, buses)``."""
    shape = (periods, 3)
    values = {"voltage_pu": voltage, "flow_kw": flow, "dlmp": dlmp}
    arrays = {name: np.array(np.broadcast_to(value, shape), dtype=float) for name, value in values.items()}
    return cleared([], flow_kvar=np.zeros(shape), **arrays)


def test_the_operator_passes_the_day_on(operator):
    day = day_of()
    operator.observe(day)
    offer = operator.offer()
    assert offer.wholesale_price is day.wholesale_price
    assert offer.load_kw is day.load_kw
    assert offer.lots == ()


def test_no_offer_before_a_day(operator):
    with pytest.raises(RuntimeError, match="observe"):
        operator.offer()


def test_the_lowest_voltage_is_remembered(operator):
    for voltage in (0.99, 0.96, 0.98):
        settle(operator, seen(voltage=[1.0, 1.0, voltage]))
    np.testing.assert_array_equal(operator.memory.lowest_voltage_pu, [1.0, 1.0, 0.96])
    assert operator.memory.days == 3


def test_hours_at_a_limit_are_counted(operator):
    voltage = np.ones((HOURS, 3))
    voltage[:4, 2] = 0.95
    voltage[10, 1] = 1.05
    flow = np.zeros((HOURS, 3))
    flow[:2, 1] = 100.0 * polygon(12)[2]  # below the polygon's edge at zero reactive power ...
    flow[2:5, 1] = 100.0  # ... and at its vertex
    flow[5, 2] = -50.0
    for _ in range(2):
        settle(operator, seen(voltage=voltage, flow=flow))
    assert operator.memory.voltage_hours.tolist() == [0, 2, 8]
    assert operator.memory.congestion_hours.tolist() == [0, 6, 2]


def test_the_belief_about_prices_is_their_mean(operator):
    prices = np.random.default_rng(0).normal(0.05, 0.02, (5, HOURS, 3))
    for day in prices:
        settle(operator, seen(dlmp=day))
    np.testing.assert_allclose(operator.memory.expected_dlmp, prices.mean(axis=(0, 1)))


def test_what_is_seen_counts_by_the_hour():
    """Two hours of 0.1 in a day of 25 hours and a quarter of an hour of 0.3 in one of 23: 0.275 / 48 hours."""
    operator = DistributionSystemOperator(Model(rng=0), network=Network(FEEDER, polygon_edges=12))
    autumn, spring = dt.date(2024, 10, 27), dt.date(2024, 3, 31)
    price, voltage = np.zeros((25, 3)), np.ones((25, 3))
    price[2:4], voltage[2:4, 2] = 0.1, 0.95
    settle(operator, seen(voltage, dlmp=price, periods=25), day_axis(autumn, "Europe/Madrid"))
    price, voltage = np.zeros((92, 3)), np.ones((92, 3))
    price[40], voltage[40, 2] = 0.3, 0.95
    settle(operator, seen(voltage, dlmp=price, periods=92), day_axis(spring, "Europe/Madrid", 15))
    assert (operator.memory.days, operator.memory.hours) == (2, 48.0)
    np.testing.assert_allclose(operator.memory.expected_dlmp, 0.275 / 48)
    assert operator.memory.voltage_hours.tolist() == [0, 0, 2.25]


def test_no_settling_before_a_day(operator):
    with pytest.raises(RuntimeError, match="observe"):
        operator.settle(seen())
