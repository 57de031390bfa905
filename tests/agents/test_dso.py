from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
import pytest
from mesa import Model

from agents.charging.charges import DynamicCharge, SubscribedCapacity, TimeOfUse, at_limit, make_charge_rule
from agents.charging.dso import DistributionSystemOperator
from equilibrium.grid.assets import LotSite, Subscription
from equilibrium.grid.distribution import polygon
from equilibrium.grid.feeder import Feeder
from equilibrium.grid.network import Network
from scenarios.markets.charging.schema import NetworkChargeSection
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


def test_without_a_rule_nothing_is_charged(operator):
    settle(operator, seen(dlmp=0.3))
    assert operator.charge is None
    assert operator.charge_at(2) is None
    assert operator.record().income == 0.0


def with_rule(rule):
    network = Network(FEEDER, polygon_edges=12, lots=(LotSite("a", 1), LotSite("b", 2)))
    return DistributionSystemOperator(Model(rng=0), network=network, rule=rule)


def test_the_time_of_use_charge_is_by_the_clock_and_is_collected():
    """17 to 20 h at 0.05: lot a draws 10 kW all day, 30 kWh of it in the window, lot b 4 kW: (30 + 12) 0.05 = 2.1."""
    operator = with_rule(TimeOfUse(Network(FEEDER), [(17, 20, 0.05)]))
    operator.observe(day_of())
    expected = np.where((np.arange(HOURS) >= 17) & (np.arange(HOURS) < 20), 0.05, 0.0)
    np.testing.assert_array_equal(operator.charge_at(1), expected)
    power = np.repeat([[10.0, 4.0]], HOURS, axis=0)
    operator.settle(replace(seen(), lot_kw=power))
    assert operator.record().income == pytest.approx(2.1)


def test_what_is_drawn_above_a_subscribed_capacity_is_collected():
    """Lot a has subscribed to 6 kW and draws 10 all day, 96 kWh above: 4.8 at 0.05; lot b has no contract."""
    network = Network(
        FEEDER, polygon_edges=12, lots=(LotSite("a", 1, subscription=Subscription(6.0, 0.05)), LotSite("b", 2))
    )
    operator = DistributionSystemOperator(Model(rng=0), network=network, rule=SubscribedCapacity(network))
    settle(operator, replace(seen(), lot_kw=np.repeat([[10.0, 4.0]], HOURS, axis=0)))
    assert not operator.charge.any()
    assert operator.record().income == pytest.approx(4.8)


def dynamic(zone=(0, 0, 0), **changes):
    settings = {"factor": 1.0, "ceiling": 1.0, "memory": 0.5, **changes}
    return DynamicCharge(Network(FEEDER, polygon_edges=12), zone=np.array(zone), **settings)


def test_limits_are_found_and_the_voltage_of_the_root_is_none():
    voltage = np.ones((HOURS, 3))
    voltage[:, 0], voltage[:4, 2], voltage[10, 1] = 0.95, 0.95, 1.05
    flow = np.zeros((HOURS, 3))
    flow[:2, 1] = 100.0 * polygon(12)[2]  # below the polygon's edge at zero reactive power ...
    flow[2:5, 1] = 100.0  # ... and at its vertex
    flow[5, 2] = -50.0
    found = at_limit(Network(FEEDER, polygon_edges=12), seen(voltage, flow))
    assert found.sum(axis=0).tolist() == [0, 4, 5]


def test_the_dynamic_charge_is_the_expected_worth_of_the_limits_of_a_zone():
    """Bus 2 at its limit in hours 8 and 9 at 0.15 above the wholesale price of 0.05, on every other day.

    Zone 1 is bus 2 alone. After one day at the limit: share 0.5, worth 0.5 * 0.15; charge 0.5 * 0.075. After a day
    without: share 0.25, the worth stays.
    """
    rule = dynamic(zone=(0, 0, 1))
    day, voltage, price = day_of(), np.ones((HOURS, 3)), np.full((HOURS, 3), 0.05)
    voltage[8:10, 2], price[8:10, 2] = 0.95, 0.20
    assert not rule.charges(day.axis).any()
    rule.learn(day, seen(voltage, dlmp=price))
    expected = np.zeros((HOURS, 3))
    expected[8:10, 2] = 0.5 * 0.5 * 0.15
    np.testing.assert_allclose(rule.charges(day.axis), expected)
    rule.learn(day, seen())
    np.testing.assert_allclose(rule.charges(day.axis), expected / 2.0)
    high = dynamic(zone=(0, 0, 1), factor=100.0, ceiling=0.12)
    high.learn(day, seen(voltage, dlmp=price))
    assert high.charges(day.axis).max() == 0.12


def test_a_full_substation_is_a_limit_of_every_zone():
    network = Network(replace(FEEDER, rating_kva=np.array([80.0, 100.0, 50.0])), polygon_edges=12)
    rule = DynamicCharge(network, zone=np.array([0, 1, 2]), factor=1.0, ceiling=1.0, memory=0.0)
    flow = np.zeros((HOURS, 3))
    flow[3, 0] = 80.0
    rule.learn(day_of(), seen(flow=flow, dlmp=0.25))
    assert np.flatnonzero(rule.share.sum(axis=1)).tolist() == [3]
    np.testing.assert_allclose(rule.charges(day_of().axis)[3], 0.2)


def test_a_price_below_the_wholesale_price_is_no_charge():
    rule, voltage = dynamic(), np.ones((HOURS, 3))
    voltage[5, 2] = 1.05  # too much sun: the price falls at the limit
    rule.learn(day_of(), seen(voltage, dlmp=0.01))
    assert rule.share[5, 0] == 0.5
    assert not rule.charges(day_of().axis).any()


def test_what_is_seen_counts_by_the_time_that_it_lasted():
    """A quarter of an hour at the limit is a quarter of its hour; the hour that the clock skips is not seen."""
    axis, day = day_axis(dt.date(2024, 3, 31), "Europe/Madrid", 15), day_of()
    periods = axis.size
    voltage, price = np.ones((periods, 3)), np.full((periods, 3), 0.05)
    voltage[40, 2], price[40] = 0.95, 0.25
    rule = dynamic(memory=0.0)
    rule.share[2] = 0.9
    today = replace(day, axis=axis, wholesale_price=np.full(periods, 0.05))
    rule.learn(today, seen(voltage, dlmp=price, periods=periods))
    hour = int(axis.clock_hour[40])
    assert rule.share[hour, 0] == pytest.approx(0.25)
    assert rule.worth[hour, 0] == pytest.approx(0.2)
    assert rule.share[2, 0] == 0.9  # two o'clock did not exist


def test_no_settling_before_a_day(operator):
    with pytest.raises(RuntimeError, match="observe"):
        operator.settle(seen())


def test_every_rule_is_made_of_its_keys():
    network = Network(FEEDER, polygon_edges=12)

    def rule(**keys):
        return make_charge_rule(network, NetworkChargeSection.model_validate(keys))

    assert rule() is None
    windows = [
        {"from_h": 2, "to_h": 4, "charge_eur_per_kwh": 0.1},
        {"from_h": 22, "to_h": 24, "charge_eur_per_kwh": 0.2},
    ]
    charges = rule(rule="time-of-use", windows=windows).charges(day_axis())
    assert charges.tolist() == [[0.1 if t in (2, 3) else 0.2 if t > 21 else 0.0] * 3 for t in range(24)]
    keys = {"rule": "dynamic", "factor": 0.5, "ceiling_eur_per_kwh": 0.3, "memory": 0.6}
    plain = rule(**keys)
    assert (plain.factor, plain.ceiling, plain.memory, plain.zone.tolist()) == (0.5, 0.3, 0.6, [0, 0, 0])
    assert rule(**keys, zones={"far": ["3"]}).zone.tolist() == [0, 0, 1]
    assert rule(**keys, zones={"far": ["3"], "near": ["2"]}).zone.tolist() == [0, 2, 1]
    assert rule(**keys, zones={"far": ["3", "1"], "near": ["2"]}).zone.tolist() == [0, 1, 0]
    subscribed = rule(rule="subscribed-capacity", capacity_kw={"a": 5.0}, excess_eur_per_kwh=0.2)
    assert subscribed.charges(day_axis()).tolist() == [[0.0] * 3] * 24
