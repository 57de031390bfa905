"""How much each statement about a day of a charging market says is wrong, where one number of a day is changed."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from equilibrium.markets.charging import invariants as charging
from equilibrium.markets.charging import relations

NOTHING: Any = None
HOURS = np.array([0.5, 2.0])


def made(**values: Any) -> Any:
    """What stands for a day, a network or a cleared day; lists are arrays."""
    return SimpleNamespace(**{k: np.array(v) if isinstance(v, list) else v for k, v in values.items()})


def moved(whole: Any, name: str, at: Any, amount: float) -> Any:
    """The same with one number changed by an amount."""
    values = getattr(whole, name).astype(float).copy()
    values[at] += amount
    return made(**{**vars(whole), name: values})


# Balances on a fork of four buses, with units at buses in no order


NET: Any = made(
    feeder=made(
        size=4,
        parent=[-1, 0, 1, 1],
        r_ohm=[0.0, 1.0, 2.0, 3.0],
        x_ohm=[0.0, 0.5, 1.5, 2.5],
        base_kv=10.0,
        root_voltage_pu=1.02,
        rating_kva=[90.0, 80.0, 70.0, 60.0],
        voltage_min_pu=[0.9, 0.91, 0.92, 0.93],
        voltage_max_pu=[1.1, 1.09, 1.08, 1.07],
    ),
    microturbines=(
        made(bus=3, rating_kva=8.0, ramp_kw_per_h=4.0, fuel_cost_per_kwh=0.1),
        made(bus=2, rating_kva=9.0, ramp_kw_per_h=np.inf, fuel_cost_per_kwh=0.2),
    ),
    renewables=(made(bus=1, name="sun"), made(bus=3, name="wind")),
    storage=(made(bus=3),),
    compensators=(made(bus=2, rating_kvar=6.0),),
    lots=(made(bus=2, subscription=None), made(bus=1, subscription=None)),
    polygon_edges=4,
    export_price_factor=0.5,
)

DAY: Any = made(
    load_kw=[[1.0, 10.0, 20.0, 30.0], [2.0, 5.0, 8.0, 9.0]],
    load_kvar=[[0.0, 3.0, 4.0, 6.0], [0.0, 1.0, 2.0, 3.0]],
    renewable_kw=[[3.0, 5.0], [2.0, 7.0]],
    microturbine_available=[True, True],
    length_h=HOURS,
    wholesale_price=[0.03, 0.05],
)


def flows(need: Any) -> Any:
    """What every branch carries: what its bus and those behind it need."""
    found = need.astype(float).copy()
    for bus in (3, 2, 1):
        found[:, NET.feeder.parent[bus]] += found[:, bus]
    return found


def balanced() -> Any:
    """A cleared day in which all that is given is what is drawn."""
    cleared = made(
        microturbine_kw=[[6.0, 4.0], [2.0, 1.0]],
        microturbine_kvar=[[1.0, -1.0], [0.5, 0.25]],
        renewable_kw=[[3.0, 1.0], [2.0, 7.0]],
        compensator_kvar=[[0.5], [0.25]],
        storage_discharge_kw=[[4.0], [0.0]],
        storage_charge_kw=[[0.0], [2.0]],
        lot_kw=[[8.0, 9.0], [6.0, 5.0]],
        shed_kw=[[0.0, 0.0, 2.0, 0.0], [0.0, 1.0, 0.0, 0.0]],
        import_kw=[0.0, 0.0],
        export_kw=[0.0, 1.5],
    )
    need, kvar = DAY.load_kw - cleared.shed_kw, DAY.load_kvar.copy()
    need[:, 3] -= cleared.microturbine_kw[:, 0] + cleared.renewable_kw[:, 1]
    need[:, 3] += cleared.storage_charge_kw[:, 0] - cleared.storage_discharge_kw[:, 0]
    need[:, 2] += cleared.lot_kw[:, 0] - cleared.microturbine_kw[:, 1]
    need[:, 1] += cleared.lot_kw[:, 1] - cleared.renewable_kw[:, 0]
    kvar[:, 3] -= cleared.microturbine_kvar[:, 0]
    kvar[:, 2] -= cleared.microturbine_kvar[:, 1] + cleared.compensator_kvar[:, 0]
    kvar[0, 2] -= 2.0 * 4.0 / 20.0
    kvar[1, 1] -= 1.0 * 1.0 / 5.0
    cleared.flow_kw, cleared.flow_kvar = flows(need), flows(kvar)
    cleared.import_kw = cleared.flow_kw[:, 0] + cleared.export_kw
    return cleared


SCALE = 58.0
"""What the root carries in the first period, kW."""


def test_a_balanced_day_has_nothing_wrong_and_its_scale_is_its_largest_power() -> None:
    cleared = balanced()
    assert charging.power_scale(DAY, cleared) == cleared.flow_kw[0, 0] == SCALE
    assert charging._active(NET, DAY, cleared) == pytest.approx(0.0, abs=1e-15)
    assert charging._reactive(NET, DAY, cleared) == pytest.approx(0.0, abs=1e-15)
    small = made(load_kw=[[0.1, -0.2]], load_kvar=[[0.3]])
    for name, value, scale in (
        ("flow_kw", -7.0, 7.0),
        ("flow_kvar", -8.0, 8.0),
        ("lot_kw", 9.0, 9.0),
        ("lot_kw", 0.5, 1),
    ):
        powers: dict[str, Any] = {"flow_kw": [[0.0]], "flow_kvar": [[0.0]], "lot_kw": [[0.0]], name: [[value]]}
        assert charging.power_scale(small, made(**powers)) == scale
    assert charging.power_scale(made(load_kw=[[-5.0]], load_kvar=[[3.0]]), made(**powers)) == 5.0
    assert charging.power_scale(made(load_kw=[[-5.0]], load_kvar=[[-6.0]]), made(**powers)) == 6.0


@pytest.mark.parametrize("amount", [-0.25, 0.25])
@pytest.mark.parametrize(
    ("name", "at"),
    [
        ("microturbine_kw", (0, 1)),
        ("renewable_kw", (1, 0)),
        ("storage_discharge_kw", (0, 0)),
        ("storage_charge_kw", (1, 0)),
        ("lot_kw", (1, 1)),
        ("shed_kw", (0, 2)),
        ("import_kw", 1),
        ("export_kw", 1),
        ("flow_kw", (1, 2)),
        ("flow_kw", (1, 0)),
    ],
)
def test_active_power_that_is_missing(name: str, at: Any, amount: float) -> None:
    assert charging._active(NET, DAY, moved(balanced(), name, at, amount)) == pytest.approx(0.25 / SCALE)


@pytest.mark.parametrize("amount", [-0.25, 0.25])
@pytest.mark.parametrize(
    ("name", "at", "share"),
    [
        ("microturbine_kvar", (0, 1), 1.0),
        ("compensator_kvar", (1, 0), 1.0),
        ("flow_kvar", (0, 3), 1.0),
        ("flow_kvar", (0, 0), 1.0),
        ("shed_kw", (0, 2), 0.2),
    ],
)
def test_reactive_power_that_is_missing(name: str, at: Any, share: float, amount: float) -> None:
    found = charging._reactive(NET, DAY, moved(balanced(), name, at, amount))
    assert found == pytest.approx(0.25 * share / SCALE)


def test_shed_load_of_a_bus_without_load_takes_no_reactive_power() -> None:
    bare = moved(DAY, "load_kw", (0, 0), -1.0)
    assert charging._reactive(NET, bare, moved(balanced(), "shed_kw", (0, 0), 3.0)) == pytest.approx(0.0, abs=1e-15)


def test_voltages_that_do_not_follow_from_flows() -> None:
    """Drops in kV: 0.1 and 0.05 for 1000 kW or kvar a bus per ohm, at 10.2 kV."""
    kw, kvar = [[5.0, 1000.0, 400.0, 300.0]], [[5.0, 600.0, 200.0, 100.0]]
    root = 10.2
    first = root - (1000.0 + 0.5 * 600.0) / (1000.0 * root)
    second = first - (2.0 * 400.0 + 1.5 * 200.0) / (1000.0 * root)
    third = first - (3.0 * 300.0 + 2.5 * 100.0) / (1000.0 * root)
    right = made(flow_kw=kw, flow_kvar=kvar, voltage_pu=np.array([[root, first, second, third]]) / 10.0)
    assert charging._voltage(NET, NOTHING, right) == pytest.approx(0.0, abs=1e-15)
    for bus in range(4):
        for amount in (-0.01, 0.01):
            assert charging._voltage(NET, NOTHING, moved(right, "voltage_pu", (0, bus), amount)) == pytest.approx(0.01)
    assert charging._voltage(NET, NOTHING, moved(right, "flow_kw", (0, 2), 50.0)) == pytest.approx(2.0 * 0.05 / 102.0)
    assert charging._voltage(NET, NOTHING, moved(right, "flow_kvar", (0, 3), -50.0)) == pytest.approx(
        2.5 * 0.05 / 102.0
    )


# Limits


def within() -> Any:
    """A day all of whose powers are at their limits or inside."""
    cleared = balanced()
    cleared.voltage_pu = np.ones((2, 4))
    cleared.import_kw, cleared.export_kw = np.array([0.0, 3.0]), np.array([3.0, 0.0])
    cleared.microturbine_kw = np.array([[8.0, 9.0], [3.0, 0.0]])
    cleared.microturbine_kvar = np.zeros((2, 2))
    cleared.renewable_kw = np.array([[3.0, 0.0], [0.0, 7.0]])
    cleared.compensator_kvar = np.array([[6.0], [0.0]])
    cleared.flow_kw, cleared.flow_kvar = np.zeros((2, 4)), np.zeros((2, 4))
    cleared.flow_kw[0], cleared.flow_kvar[1] = NET.feeder.rating_kva, -NET.feeder.rating_kva
    cleared.shed_kw = np.array([[0.0, 10.0, 0.0, 0.0], [0.0, 0.0, 8.0, 0.0]])
    return cleared


@pytest.mark.parametrize(
    ("name", "at", "amount", "beyond"),
    [
        ("import_kw", 0, -0.5, 0.5),
        ("export_kw", 1, -0.5, 0.5),
        ("import_kw", 1, 0.5, 0.0),
        ("microturbine_kw", (0, 1), 0.5, 0.5),
        ("microturbine_kw", (1, 1), -0.5, 0.5),
        ("microturbine_kw", (1, 0), -0.5, 0.5),  # its ramp is 4 kW an hour, and the middles are 1.25 h apart
        ("microturbine_kw", (1, 1), 8.0, 0.0),
        ("microturbine_kvar", (0, 1), -0.5, 0.5 * np.sqrt(0.5)),
        ("renewable_kw", (0, 0), 0.5, 0.5),
        ("renewable_kw", (1, 0), -0.5, 0.5),
        ("compensator_kvar", (0, 0), 0.5, 0.5),
        ("compensator_kvar", (1, 0), -0.5, 0.5),
        ("flow_kvar", (0, 3), 0.5, 0.5 * np.sqrt(0.5)),
        ("flow_kw", (1, 2), -0.5, 0.5 * np.sqrt(0.5)),
        ("shed_kw", (1, 2), 0.5, 0.5),
        ("shed_kw", (0, 0), -0.5, 0.5),
        ("shed_kw", (0, 0), 1.5, 0.5),
    ],
)
def test_powers_beyond_their_limits(name: str, at: Any, amount: float, beyond: float) -> None:
    """The largest power is the rating of the root, 90."""
    assert charging._limits(NET, DAY, within()) == pytest.approx(0.0, abs=1e-15)
    assert charging._limits(NET, DAY, moved(within(), name, at, amount)) == pytest.approx(beyond / 90.0, abs=1e-12)


def test_voltages_beyond_their_limits_and_units_that_are_out_of_order() -> None:
    for bus, low, high in ((1, 0.91, 1.09), (3, 0.93, 1.07)):
        assert charging._limits(NET, DAY, moved(within(), "voltage_pu", (1, bus), low - 1.02)) == pytest.approx(0.02)
        assert charging._limits(NET, DAY, moved(within(), "voltage_pu", (0, bus), high - 0.98)) == pytest.approx(0.02)
    assert charging._limits(NET, DAY, moved(within(), "voltage_pu", (0, 0), 9.0)) == pytest.approx(0.0, abs=1e-15)
    off = made(**{**vars(DAY), "microturbine_available": [True, False]})
    assert charging._limits(NET, off, within()) == pytest.approx(0.1)
    negative = moved(DAY, "load_kw", (1, 1), -9.0)
    assert charging._limits(NET, negative, within()) == pytest.approx(0.0, abs=1e-15)


def test_importing_and_exporting_at_once() -> None:
    """In the second period a kW and a half is sold beside what is bought."""
    assert charging._trade(NOTHING, DAY, balanced()) == pytest.approx(1.5 / SCALE)
    assert charging._trade(NOTHING, DAY, moved(balanced(), "export_kw", 1, -1.5)) == 0.0
    assert charging._trade(NOTHING, DAY, moved(balanced(), "export_kw", 0, 3.0)) == pytest.approx(3.0 / SCALE)
    negative = moved(moved(balanced(), "export_kw", 1, -1.5), "import_kw", 0, -60.0)
    assert charging._trade(NOTHING, DAY, negative) == pytest.approx(2.0 / SCALE)


@pytest.mark.parametrize(("capacity", "scale"), [(20.0, 20.0), (0.8, 1.0)])
def test_energy_of_storage_that_does_not_follow(capacity: float, scale: float) -> None:
    """Half an hour of charging at 0.8, then two hours of discharging at a half, of which twice as much is taken."""
    size = capacity / 20.0
    unit = made(
        charge_efficiency=0.8, discharge_efficiency=0.5, initial_kwh=4.0 * size, energy_min_kwh=2.0 * size,
        energy_kwh=capacity, charge_max_kw=40.0 * size, discharge_max_kw=4.0 * size,
    )  # fmt: skip
    network = made(storage=(unit, unit))
    charge, give = size * np.array([[40.0, 40.0], [0.0, 0.0]]), size * np.array([[0.0, 0.0], [4.0, 4.0]])
    right = made(
        storage_charge_kw=charge, storage_discharge_kw=give, storage_kwh=size * np.array([[20.0] * 2, [4.0] * 2])
    )
    day = made(length_h=HOURS)
    assert charging._storage(network, day, right) == pytest.approx(0.0, abs=1e-15)
    assert charging._storage(made(storage=()), day, right) == 0.0
    for name, at, amount, beyond in (
        ("storage_charge_kw", (0, 1), 0.1, 0.1),
        ("storage_charge_kw", (0, 1), -0.1, 0.04),
        ("storage_charge_kw", (1, 1), 0.1, 0.16),
        ("storage_discharge_kw", (1, 0), 0.1, 0.4),
        ("storage_discharge_kw", (0, 1), -0.1, 0.1),
        ("storage_kwh", (0, 1), -0.1, 0.1),
        ("storage_kwh", (1, 1), 0.1, 0.1),
        ("storage_kwh", (1, 0), -0.1, 0.1),
    ):
        found = charging._storage(network, day, moved(right, name, at, size * amount))
        assert found == pytest.approx(size * beyond / scale), name


def test_the_day_ends_with_its_last_period_and_ramps_go_from_middle_to_middle() -> None:
    """Three periods of 1, 0.5 and 2 h; nothing happens in the last one but what is wrong."""
    day = made(length_h=[1.0, 0.5, 2.0])
    unit = made(
        charge_efficiency=1.0, discharge_efficiency=1.0, initial_kwh=4.0, energy_min_kwh=0.0, energy_kwh=8.0,
        charge_max_kw=8.0, discharge_max_kw=8.0,
    )  # fmt: skip
    taken, given, stored = [[2.0], [0.0], [0.0]], [[0.0], [0.0], [1.0]], [[6.0], [6.0], [4.0]]
    right = made(storage_charge_kw=taken, storage_discharge_kw=given, storage_kwh=stored)
    assert charging._storage(made(storage=(unit,)), day, right) == 0.0
    ramps = made(microturbine_kw=[[0.0, 0.0], [3.0, 8.0], [9.0, 0.0]])
    assert charging._ramps(NET, day, ramps).tolist() == [[0.0, -np.inf], [1.0, -np.inf]]
    owed = lot(
        energy_in_kwh=np.zeros(3), energy_out_kwh=np.zeros(3), soe_min_kwh=np.zeros(3), soe_max_kwh=np.full(3, 9.0)
    )
    owed.power_max_kw = np.full(3, 9.0)
    powers = made(lot_kw=[[2.0], [0.0], [1.5]], lot_soe_kwh=[[2.0], [2.0], [5.0]], unserved_kwh=np.zeros((3, 1)))
    site = made(efficiency=1.0, first_hour="corrected", terminal="eq")
    assert charging._energy(made(lots=(site,)), made(length_h=day.length_h, lots=(owed,)), powers) == 0.0


def test_powers_and_energies_below_nothing() -> None:
    """Of half an hour in which charging and giving less than nothing make up for each other, and so do two vehicles."""
    unit = made(
        charge_efficiency=1.0, discharge_efficiency=1.0, initial_kwh=4.0, energy_min_kwh=0.0, energy_kwh=8.0,
        charge_max_kw=8.0, discharge_max_kw=8.0,
    )  # fmt: skip
    for taken, given in ((-0.5, 0.0), (0.0, -0.5)):
        wrong = made(
            storage_charge_kw=[[taken], [-taken]], storage_discharge_kw=[[given], [-given]],
            storage_kwh=[[4.0 + taken - given], [4.0]],
        )  # fmt: skip
        assert charging._storage(made(storage=(unit,)), made(length_h=[1.0, 1.0]), wrong) == pytest.approx(0.5 / 8.0)
    site = made(efficiency=1.0, first_hour="corrected", terminal="ge")
    free = lot(energy_in_kwh=np.zeros(2), energy_out_kwh=np.zeros(2), soe_min_kwh=np.full(2, -9.0), energy_end_kwh=-9.0)
    less = made(lot_kw=[[-0.25], [0.0]], lot_soe_kwh=[[-0.25], [-0.25]], unserved_kwh=np.zeros((2, 1)))
    day = made(length_h=[1.0, 1.0], lots=(free,))
    assert charging._energy(made(lots=(site,)), day, less) == pytest.approx(0.25 / 5.0)
    fleet = made(
        need_kwh=np.zeros(2), battery_kwh=np.full(2, 5.0), energy_kwh=np.zeros(2), power_kw=np.full((2, 2), 9.0)
    )
    split = np.array([[-0.25, 0.0], [0.25, 0.0]])
    torn = made(vehicle_kw=(split,), lot_kw=np.zeros((2, 1)), unserved_kwh=np.zeros((2, 1)))
    fewer = made(length_h=[1.0, 1.0], lots=(lot(fleet=fleet),))
    assert charging._vehicles(made(lots=(site,)), fewer, torn) == pytest.approx(0.25 / 5.0)
    back = made(**{**vars(torn), "vehicle_kw": (np.array([[-0.25, 0.25], [0.25, -0.25]]),)})
    assert charging._vehicles(made(lots=(site,)), fewer, back) == pytest.approx(0.25 / 5.0)


def test_without_lots_nothing_is_wrong_with_them() -> None:
    day, cleared = made(lots=()), made(vehicle_kw=())
    assert charging._energy(made(lots=()), day, cleared) == charging._vehicles(made(lots=()), day, cleared) == 0.0


# Lots and vehicles


def lot(size: float = 1.0, **changes: Any) -> Any:
    """Two kWh come and one leaves; at the end 5 are owed."""
    values: dict[str, Any] = {
        "energy_in_kwh": size * np.array([2.0, 0.0]),
        "energy_out_kwh": size * np.array([0.0, 1.0]),
        "energy_end_kwh": 5.0 * size,
        "soe_min_kwh": size * np.array([3.0, 5.0]),
        "soe_max_kwh": size * np.array([3.0, 5.0]),
        "power_max_kw": size * np.array([4.0, 3.0]),
        "fleet": None,
    }
    return made(**{**values, **changes})


@pytest.mark.parametrize(("size", "scale"), [(1.0, 5.0), (0.1, 1.0)])
def test_energy_of_a_lot_that_does_not_follow(size: float, scale: float) -> None:
    """Half an hour at 4 kW and two hours at 3 kW, of which a half is stored: 1 and 3 kWh."""
    sites = tuple(made(efficiency=0.5, first_hour="corrected", terminal=end) for end in ("eq", "ge"))
    network, day = made(lots=sites), made(length_h=HOURS, lots=(lot(size), lot(size)))
    right = made(
        lot_kw=size * np.array([[4.0, 4.0], [3.0, 3.0]]),
        lot_soe_kwh=size * np.array([[3.0, 3.0], [5.0, 5.0]]),
        unserved_kwh=np.zeros((2, 2)),
    )
    assert charging._energy(network, day, right) == pytest.approx(0.0, abs=1e-15)
    for name, at, amount, beyond in (
        ("lot_kw", (0, 0), 0.1, 0.1),
        ("lot_kw", (0, 1), -0.1, 0.025),
        ("lot_kw", (1, 1), -0.1, 0.1),
        ("lot_soe_kwh", (0, 1), 0.1, 0.1),
        ("lot_soe_kwh", (1, 0), -0.1, 0.1),
        ("unserved_kwh", (1, 1), 0.1, 0.1),
    ):
        found = charging._energy(network, day, moved(right, name, at, size * amount))
        assert found == pytest.approx(size * beyond / scale), name
    owed = lot(size, energy_end_kwh=5.5 * size), lot(size, energy_end_kwh=4.5 * size)
    for lots, beyond in (((owed[0], lot(size)), 0.5), ((owed[1], lot(size)), 0.5), ((lot(size), owed[0]), 0.5)):
        found = charging._energy(network, made(length_h=HOURS, lots=lots), right)
        assert found == pytest.approx(size * beyond / scale)
    more = made(length_h=HOURS, lots=(lot(size), owed[1]))
    assert charging._energy(network, more, right) == pytest.approx(0.0, abs=1e-15)


def test_the_first_period_counts_only_where_it_is_corrected() -> None:
    network = made(lots=(made(efficiency=0.5, first_hour="printed", terminal="eq"),))
    day = made(length_h=HOURS, lots=(lot(soe_min_kwh=np.zeros(2), energy_end_kwh=4.0),))
    right = made(lot_kw=[[4.0], [3.0]], lot_soe_kwh=[[2.0], [4.0]], unserved_kwh=[[0.0], [0.0]])
    assert charging._energy(network, day, right) == 0.0


@pytest.mark.parametrize(("size", "scale"), [(1.0, 9.0), (0.1, 1.0)])
def test_vehicles_that_do_not_get_what_they_need(size: float, scale: float) -> None:
    """At an efficiency of a half the first draws 2 and 1 kW and stores 1.5 kWh, the other 4 and 0.5 kW and 1.5 kWh."""
    fleet = made(
        need_kwh=size * np.array([1.5, 1.5]),
        battery_kwh=size * np.array([9.0, 4.0]),
        energy_kwh=size * np.array([1.0, 2.5]),
        power_kw=size * np.array([[2.0, 1.0], [4.0, 0.5]]),
    )
    split = size * np.array([[2.0, 1.0], [4.0, 0.5]])
    network = made(lots=(made(efficiency=0.5, terminal="eq"),) * 2)
    day = made(length_h=HOURS, lots=(lot(size), lot(size, fleet=fleet)))
    power = size * np.array([[0.0, 6.0], [0.0, 1.5]])
    right = made(vehicle_kw=(None, split), lot_kw=power, unserved_kwh=np.zeros((2, 2)))
    assert charging._vehicles(network, day, right) == pytest.approx(0.0, abs=1e-15)
    assert charging._vehicles(network, day, made(**{**vars(right), "vehicle_kw": (None, None)})) == np.inf
    assert charging._vehicles(network, day, moved(right, "lot_kw", (1, 1), -0.1 * size)) == pytest.approx(
        0.1 * size / scale
    )
    assert charging._vehicles(network, day, moved(right, "lot_kw", (1, 0), 9.0)) == pytest.approx(0.0, abs=1e-15)
    less = split.copy()
    less[0, 1] -= 0.2 * size  # 0.2 kWh less are stored
    fewer = made(**{**vars(moved(right, "lot_kw", (1, 1), -0.2 * size)), "vehicle_kw": (None, less)})
    assert charging._vehicles(network, day, fewer) == pytest.approx(0.2 * size / scale)
    told = moved(fewer, "unserved_kwh", (0, 1), 0.15 * size)
    assert charging._vehicles(network, day, told) == pytest.approx(0.05 * size / scale)
    more = split.copy()
    more[1, 0] += 0.2 * size  # 0.05 kWh more than needed
    beyond = made(**{**vars(moved(right, "lot_kw", (0, 1), 0.2 * size)), "vehicle_kw": (None, more)})
    assert charging._vehicles(network, day, beyond) == pytest.approx(0.2 * size / scale)  # and 0.2 kW above its limit
    fleet.power_kw = size * np.full((2, 2), 9.0)
    assert charging._vehicles(network, day, beyond) == pytest.approx(0.05 * size / scale)
    network.lots[1].terminal = "ge"
    assert charging._vehicles(network, day, beyond) == pytest.approx(0.05 * size / scale)  # no room for it
    fleet.battery_kwh[1] += size
    assert charging._vehicles(network, day, beyond) == pytest.approx(0.0, abs=1e-15)


def test_lots_in_the_other_order_earn_the_same_in_that_order() -> None:
    """Of the cost 100 and profits of 3, 4 and 8 the largest miss counts, relative to the largest number."""
    first = SimpleNamespace(network_cost=100.0, lot_profit=np.array([3.0, 4.0, 8.0]), shed_kw=0.0, unserved_kwh=0.0)
    second = SimpleNamespace(**vars(first) | {"lot_profit": np.array([8.0, 4.0, 3.0])})
    assert relations._same(1.0, turned=True)(first, second) == 0.0
    assert relations._same(1.0, turned=True)(first, first) == pytest.approx(5.0 / 100.0)
    assert relations._same(1.0)(first, first) == 0.0
    assert relations._same(1.0)(first, second) == pytest.approx(5.0 / 100.0)
    twice = SimpleNamespace(**vars(first) | {"network_cost": 200.0, "lot_profit": np.array([6.0, 8.0, 20.0])})
    assert relations._same(2.0)(first, twice) == pytest.approx(4.0 / 200.0)
    short = SimpleNamespace(**vars(second) | {"shed_kw": 1e-9})
    assert relations._same(1.0)(first, short) == 0.0
