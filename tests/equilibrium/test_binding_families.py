"""Every limit that is read off a point: value, bound, room and worth of all elements in all periods, by hand."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from equilibrium.grid import binding
from equilibrium.grid.assets import Microturbine, RenewableUnit, StaticVarCompensator, StorageUnit
from equilibrium.grid.binding import _Family, _Reader
from equilibrium.grid.distribution import compile_distribution, distribution_ports, polygon
from equilibrium.grid.network import Network
from equilibrium.programs.program import Instance
from tests.equilibrium.conftest import small_day, small_network

HOURS = 3


@cache
def drawn() -> tuple[Network, _Reader, Instance, np.ndarray, np.ndarray]:
    """Two turbines, one of which is off one with ramps, sun, a compensator and a store at a random point."""
    turbines = (
        Microturbine("off", 1, 40.0, 0.05),
        replace(Microturbine("on", 2, 60.0, 0.06), ramp_kw_per_h=20.0),
    )
    network = replace(
        small_network(lots=0, rating_kva=np.array([900.0, 700.0, np.inf])),
        microturbines=turbines,
        renewables=(RenewableUnit("sun", 1, 30.0, "pv"),),
        compensators=(StaticVarCompensator("svc", 2, 50.0),),
        storage=(StorageUnit("battery", 2, 40.0, 55.0, 25.0, 10.0, 0.9, 0.9, 5.0),),
    )
    day = small_day([0.03, 0.05, 0.04], (), load_kw=100.0, turbines=2)
    day = replace(day, renewable_kw=np.array([[30.0], [0.0], [7.0]]), microturbine_available=np.array([False, True]))
    idle = np.zeros((HOURS, 0))
    program = compile_distribution(network, HOURS)
    instance = program.bind(distribution_ports(network, day, idle, idle))
    rng = np.random.default_rng(6)
    x, y = rng.uniform(-50.0, 50.0, instance.shape[1]), rng.uniform(-1.0, 1.0, instance.shape[0])
    return network, _Reader(program, x, [(instance, y)]), instance, x, y


def values(name: str) -> np.ndarray:
    _, reader, _, x, _ = drawn()
    block = reader.program.columns[name]
    return x[block.slice].reshape(block.shape)


def weights(name: str) -> np.ndarray:
    """Multipliers of rows, or reduced costs of columns: what is left of their cost."""
    _, reader, instance, _, y = drawn()
    if name in reader.program.rows:
        block = reader.program.rows[name]
        return y[block.slice].reshape(block.shape)
    block = reader.program.columns[name]
    return (instance.cost - instance.matrix.T @ y)[block.slice].reshape(block.shape)


def check(
    family: _Family,
    name: str,
    unit: str,
    places: list[str],
    buses: list[int],
    value: np.ndarray,
    bound: np.ndarray | float,
    slack: np.ndarray,
    width: np.ndarray | float,
    worth: np.ndarray,
) -> None:
    assert (family.name, family.unit, list(family.places), family.buses.tolist()) == (name, unit, places, buses)
    wanted = (value, bound, slack, width, worth, 0.0)
    for made, told in zip(
        (family.value, family.bound, family.slack, family.width, *family.weight), wanted, strict=True
    ):
        assert made.shape == value.shape
        assert made == pytest.approx(np.broadcast_to(told, value.shape))


def test_ratings_are_those_of_a_polygon() -> None:
    """The substation is bus 0; bus 2 has no rating. The least rating whose polygon holds a flow is its value."""
    network, reader, *_ = drawn()
    a, b, c = polygon(network.polygon_edges)
    flow_kw, flow_kvar = values("flow_kw"), values("flow_kvar")
    for family, bus, name in zip(binding._branches(network, reader), (0, 1), ("substation", "branch"), strict=True):
        least = np.max([flow_kw[:, bus] * a[k] + flow_kvar[:, bus] * b[k] for k in range(a.size)], axis=0)[:, None] / c
        rating = (900.0, 700.0)[bus]
        worth = -c * weights("branch_polygon")[:, bus].sum(axis=-1)[:, None]
        check(family, name, "kVA", [str(bus)], [bus], least, rating, rating - least, rating, worth)


def test_a_voltage_is_weighed_at_the_side_that_is_nearer() -> None:
    network, reader, *_ = drawn()
    low, high = binding._voltages(network, reader)
    value = values("voltage_kv")[:, 1:] / 10.0
    z = weights("voltage_kv")[:, 1:] * 10.0
    under = value - 0.9 <= 1.1 - value
    assert under.any()
    assert not under.all()
    check(low, "voltage-min", "p.u.", ["1", "2"], [1, 2], value, 0.9, value - 0.9, 0.2, np.where(under, z, 0.0))
    check(high, "voltage-max", "p.u.", ["1", "2"], [1, 2], value, 1.1, 1.1 - value, 0.2, np.where(under, 0.0, -z))


def test_in_the_middle_of_a_band_the_lower_side_counts() -> None:
    one = np.ones((1, 1))
    low, high = binding._band(("low", "high"), "u", ["here"], np.array([3]), (0.0 * one, 0.5 * one, one), (one, one))
    assert [each.tolist() for each in (*low.weight, *high.weight)] == [[[1.0]], [[1.0]], [[0.0]], [[0.0]]]


def test_units_that_are_off_have_no_rating() -> None:
    network, reader, instance, *_ = drawn()
    turbine, up, down, renewable, svc = binding._units(network, reader, instance)
    a, b, c = polygon(network.polygon_edges)
    p, q = values("microturbine_kw"), values("microturbine_kvar")
    least = np.max([p * a[k] + q * b[k] for k in range(a.size)], axis=0) / c
    rating = np.array([0.0, 60.0])
    worth = -c * weights("microturbine_polygon").sum(axis=-1)
    check(turbine, "microturbine", "kVA", ["off", "on"], [1, 2], least, rating, rating - least, rating, worth)
    rise = np.vstack([[[0.0]], np.diff(p[:, [1]], axis=0)])
    most = np.array([[np.inf], [20.0], [20.0]])
    y = np.vstack([[[0.0]], weights("ramp").reshape(2, 1)])
    assert (rise > 0.0).any()
    assert (rise < 0.0).any()
    for family, name, sign in ((up, "ramp-up", 1.0), (down, "ramp-down", -1.0)):
        worth = np.where(sign * rise > 0.0, -sign * y, 0.0)
        check(family, name, "kW", ["on"], [2], sign * rise, most, most - sign * rise, most, worth)
    sun, kvar = values("renewable_kw"), values("compensator_kvar")
    most = np.array([[30.0], [0.0], [7.0]])
    check(renewable, "renewable", "kW", ["sun"], [1], sun, most, most - sun, most, -weights("renewable_kw"))
    check(svc, "svc", "kvar", ["svc"], [2], kvar, 50.0, 50.0 - kvar, 50.0, -weights("compensator_kvar"))


def test_a_store_has_its_powers_and_the_band_of_its_energy_but_at_the_end() -> None:
    network, reader, *_ = drawn()
    charge, discharge, empty, full = binding._storage(network, reader)
    unit = network.storage[0]
    for family, name, column, most in (
        (charge, "storage-charge", "storage_charge_kw", unit.charge_max_kw),
        (discharge, "storage-discharge", "storage_discharge_kw", unit.discharge_max_kw),
    ):
        power = values(column)
        check(family, name, "kW", ["battery"], [2], power, most, most - power, most, -weights(column))
    low, high = unit.energy_min_kwh, unit.energy_kwh
    assert 0.0 < low < high
    energy, z = values("storage_kwh")[:-1], weights("storage_kwh")[:-1]
    under = energy - low <= high - energy
    where = ["battery"], [2]
    check(empty, "storage-empty", "kWh", *where, energy, low, energy - low, high - low, np.where(under, z, 0.0))
    check(full, "storage-full", "kWh", *where, energy, high, high - energy, high - low, np.where(under, 0.0, -z))
    assert list(binding._storage(replace(network, storage=()), reader)) == []


def family(value: float, bound: float, slack: float, width: float, *weight: float, name: str = "svc") -> _Family:
    numbers = (np.array([[number]]) for number in (value, bound, slack, width))
    multipliers = tuple(np.array([[each]]) for each in weight)
    return _Family(name, "kvar", ["here"], np.array([4]), *numbers, multipliers)


@pytest.mark.parametrize(
    ("given", "listed"),
    [
        ((99.0, 100.0, 1.0, 100.0, 0.0, 0.0), True),  # within a hundredth of its range
        ((98.9, 100.0, 1.1, 100.0, 0.0, 0.0), False),
        ((50.0, 100.0, 50.0, 100.0, 0.5, 0.0), True),
        ((50.0, 100.0, 50.0, 100.0, 0.0, -0.5), True),
        ((50.0, 100.0, 50.0, 100.0, 1e-12, 1e-12), False),
        ((0.0, 0.0, 0.0, 0.0, 0.5, 0.5), False),
        ((50.0, np.inf, np.inf, np.inf, 0.5, 0.0), False),
    ],
)
def test_which_limits_are_listed(given: tuple[float, ...], listed: bool) -> None:
    found = list(family(*given).limits(told=True, short=False))
    assert len(found) == listed
    for limit in found:
        value, bound, slack, _, multiplier, shortage = given
        assert (limit.value, limit.bound, limit.slack, limit.multiplier, limit.shortage) == (
            value,
            bound,
            slack,
            multiplier,
            shortage,
        )
        assert (limit.name, limit.place, limit.bus, limit.period, limit.unit) == ("svc", "here", 4, 0, "kvar")


def test_prices_that_no_rule_parts_are_not_told() -> None:
    near = (99.5, 100.0, 0.5, 100.0, 0.5, 0.25)
    (limit,) = family(*near).limits(told=False, short=True)
    assert np.isnan([limit.multiplier, limit.shortage]).all()
    (limit,) = family(*near).limits(told=False, short=False)
    assert np.isnan(limit.multiplier)
    assert limit.shortage == 0.0
    (limit,) = family(*near, name="renewable").limits(told=False, short=False)
    assert limit.multiplier == 0.5
    assert list(family(50.0, 100.0, 50.0, 100.0, 0.5, 0.5).limits(told=False, short=False)) == []


@pytest.mark.parametrize(("slack", "reached"), [(1.01e-6 * 0.0, True), (1.0, False), (-1.0, True)])
def test_a_limit_is_reached_where_nothing_but_rounding_is_left(slack: float, reached: bool) -> None:
    (limit,) = family(99.5, 100.0, slack, 100.0, 0.5, 0.25).limits(told=True, short=False)
    assert limit.reached is reached
    edge = binding.FEASIBILITY * 101.0
    assert replace(limit, slack=edge).reached
    assert not replace(limit, slack=1.01 * edge).reached
