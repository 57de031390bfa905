"""How much each statement about prices and money of a charging market says is wrong, for one wrong number at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from equilibrium.markets.charging import invariants as charging
from equilibrium.markets.charging import limit_invariants as limits
from equilibrium.markets.nodal import invariants as nodal
from tests.equilibrium.test_amounts_in_charging import HOURS, NET, NOTHING, made, moved

POWER = 50.0
"""The largest power of the days here, kW."""

DAY: Any = made(
    load_kw=[[0.0, POWER, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0]],
    load_kvar=np.zeros((2, 4)),
    wholesale_price=[0.03, 0.08],
    renewable_kw=[[10.0, 5.0], [10.0, 5.0]],
    microturbine_available=[True, True],
    length_h=HOURS,
    hours=2,
)


def priced(**changes: Any) -> Any:
    """A day on which every bus has the wholesale price and nothing runs."""
    values: dict[str, Any] = {
        "flow_kw": np.zeros((2, 4)),
        "flow_kvar": np.zeros((2, 4)),
        "lot_kw": np.zeros((2, 2)),
        "dlmp": np.repeat([[0.03], [0.08]], 4, axis=1),
        "dlmp_energy": np.repeat([[0.03], [0.08]], 4, axis=1),
        "dlmp_congestion": np.zeros((2, 4)),
        "dlmp_voltage": np.zeros((2, 4)),
        "voltage_pu": np.ones((2, 4)),
        "renewable_kw": np.zeros((2, 2)),
        "microturbine_kw": np.zeros((2, 2)),
        "microturbine_kvar": np.zeros((2, 2)),
        "import_kw": np.zeros(2),
        "export_kw": np.zeros(2),
    }
    return made(**{**values, **changes})


def test_the_scale_of_prices_is_the_largest_of_a_day() -> None:
    day = made(wholesale_price=[-0.06, 0.05])
    assert charging.price_scale(day, made(dlmp=[[0.01]])) == 0.06
    assert charging.price_scale(day, made(dlmp=[[0.01, -0.09]])) == 0.09
    assert charging.price_scale(made(wholesale_price=[0.0]), made(dlmp=[[0.0005]])) == 0.001


@pytest.mark.parametrize("name", ["dlmp_energy", "dlmp_congestion", "dlmp_voltage"])
@pytest.mark.parametrize("amount", [-0.004, 0.004])
def test_parts_that_do_not_sum_to_the_price(name: str, amount: float) -> None:
    right = moved(moved(priced(), "dlmp_congestion", (1, 2), 0.03), "dlmp_voltage", (1, 2), -0.05)
    right = moved(right, "dlmp", (1, 2), -0.02)
    assert charging._parts(NOTHING, DAY, right) == pytest.approx(0.0, abs=1e-15)
    assert charging._parts(NOTHING, DAY, moved(right, name, (1, 2), amount)) == pytest.approx(0.05)


@pytest.mark.parametrize(
    ("wholesale", "energy", "import_kw", "export_kw", "size"),
    [
        (0.08, 0.08, 50.0, 0.0, 0.0),
        (0.08, 0.076, 50.0, 0.0, 0.05),
        (0.08, 0.076, 1.0, 0.0, 0.02),  # one kW of 50
        (0.08, 0.076, 0.0, 0.0, 0.0),  # between what is paid and what is earned
        (0.08, 0.04, 0.0, 50.0, 0.0),
        (0.08, 0.044, 0.0, 50.0, 0.05),
        (0.08, 0.044, 0.0, 1.0, 0.02),
        (0.08, 0.036, 0.0, 0.0, 0.05),
        (0.08, 0.084, 0.0, 0.0, 0.05),
        (0.0, 0.004, 0.0, 0.0, 0.05),
        (0.0, -0.004, 0.0, 0.0, 0.05),
        (-0.08, -0.08, 50.0, 0.0, 0.0),
        (-0.08, -0.04, 0.0, 50.0, 0.0),
        (-0.08, -0.09, 0.0, 0.0, 0.0),
        (-0.08, -0.03, 0.0, 0.0, 0.0),
        (-0.08, -0.076, 0.0, 0.0, 0.05),
        (-0.08, -0.044, 0.0, 0.0, 0.05),
        (-0.08, -0.060, 0.0, 0.0, 0.25),
    ],
)
def test_the_price_at_the_substation(
    wholesale: float, energy: float, import_kw: float, export_kw: float, size: float
) -> None:
    """What is sold earns half of what is bought; at a negative price the price must not lie between both."""
    day = made(**{**vars(DAY), "wholesale_price": [0.03, wholesale]})
    cleared = priced(import_kw=[50.0, import_kw], export_kw=[0.0, export_kw])
    cleared.dlmp[1], cleared.dlmp_energy[1, 1:], cleared.dlmp_energy[1, 0] = 0.08, 9.0, energy
    assert charging._substation(NET, day, cleared) == pytest.approx(size, abs=1e-15)


def test_the_congestion_part_changes_only_where_a_branch_is_full() -> None:
    """At bus 2, behind bus 1; its branch may carry 70 kVA, and has a room of 7 on the polygon of four edges."""
    full = priced(flow_kw=[[0.0, 0.0, 0.0, 0.0], [0.0, 80.0, 70.0, 0.0]])
    full.dlmp_congestion = np.array([[0.0] * 4, [0.0, 0.004, 0.012, 0.004]])
    assert charging._congestion(NET, DAY, full) == pytest.approx(0.0, abs=1e-15)
    room = 10.0 * np.sqrt(0.5)
    assert charging._congestion(NET, DAY, moved(full, "flow_kw", (1, 2), -10.0)) == pytest.approx(min(0.1, room / 80.0))
    assert charging._congestion(NET, DAY, moved(full, "flow_kw", (1, 2), -5.0)) == pytest.approx(0.5 * room / 80.0)
    assert charging._congestion(NET, DAY, moved(full, "flow_kw", (1, 2), 9.0)) == pytest.approx(0.0, abs=1e-15)
    assert charging._congestion(NET, DAY, moved(full, "dlmp_congestion", (1, 3), -0.002)) == pytest.approx(0.025)


def test_the_voltage_part_is_there_only_where_a_voltage_is_at_its_limit() -> None:
    """The root's own voltage does not count; the least room of the other buses does: 0.07 at bus 3."""
    high = moved(priced(), "dlmp_voltage", (1, 2), -0.004)
    assert charging._undervoltage(NET, DAY, high) == pytest.approx(0.05)
    assert charging._undervoltage(NET, DAY, moved(high, "dlmp_voltage", (1, 2), -0.076)) == pytest.approx(0.07)
    for bus, limit, room in ((1, 0.91, 0.0), (3, 1.07, 0.0), (2, 0.94, 0.02), (1, 1.08, 0.01), (0, 1.1, 0.05)):
        at_limit = moved(high, "voltage_pu", (1, bus), limit - 1.0)
        assert charging._undervoltage(NET, DAY, at_limit) == pytest.approx(room, abs=1e-12)
    assert charging._undervoltage(NET, DAY, moved(high, "voltage_pu", (1, 1), -0.5)) == 0.0


def test_a_renewable_unit_is_used_at_positive_prices_and_left_at_negative_ones() -> None:
    """The wind at bus 3: a price of 0.004 is a twentieth of the largest, 2 of its 5 kW are a twenty-fifth of 50."""
    used = priced(renewable_kw=[[10.0, 5.0], [10.0, 5.0]])
    assert charging._renewables(NET, DAY, used) == 0.0
    assert charging._renewables(NET, DAY, moved(used, "renewable_kw", (1, 1), -2.0)) == pytest.approx(0.04)
    cheap = moved(used, "dlmp", (1, 3), 0.004 - 0.08)
    assert charging._renewables(NET, DAY, moved(cheap, "renewable_kw", (1, 1), -5.0)) == pytest.approx(0.05)
    negative = moved(used, "dlmp", (1, 3), -0.004 - 0.08)
    assert charging._renewables(NET, DAY, negative) == pytest.approx(0.05)
    assert charging._renewables(NET, DAY, moved(negative, "renewable_kw", (1, 1), -3.0)) == pytest.approx(0.04)
    assert charging._renewables(NET, DAY, moved(negative, "renewable_kw", (1, 1), -5.0)) == 0.0


def test_a_turbine_runs_where_its_fuel_is_not_too_dear() -> None:
    """The one at bus 2 has no ramp and costs 0.2; the other one's ramp excuses it."""
    still = priced()
    still.dlmp[:] = 0.1
    still.dlmp[0, 0] = 0.4
    assert charging._fuel(NET, DAY, still) == 0.0
    runs = moved(still, "microturbine_kw", (0, 1), 4.5)
    room = (9.0 - 4.5) * np.sqrt(0.5)
    assert charging._fuel(NET, DAY, runs) == pytest.approx(min(room, 4.5) / POWER)
    assert charging._fuel(NET, DAY, moved(still, "microturbine_kw", (0, 1), 9.0)) == pytest.approx(0.0, abs=1e-15)
    assert charging._fuel(NET, DAY, moved(still, "microturbine_kw", (0, 1), 0.5)) == pytest.approx(0.5 / POWER)
    assert charging._fuel(NET, DAY, moved(still, "microturbine_kw", (0, 0), 4.0)) == 0.0
    dear = moved(still, "dlmp", (1, 2), 0.3 - 0.1)
    assert charging._fuel(NET, DAY, dear) == pytest.approx(9.0 * np.sqrt(0.5) / POWER)
    near = moved(still, "dlmp", (1, 2), 0.204 - 0.1)
    assert charging._fuel(NET, DAY, near) == pytest.approx(0.01)
    below = moved(moved(still, "microturbine_kw", (1, 1), 4.0), "dlmp", (1, 2), 0.196 - 0.1)
    assert charging._fuel(NET, DAY, below) == pytest.approx(0.01)
    off = made(**{**vars(DAY), "microturbine_available": [True, False]})
    assert charging._fuel(NET, off, dear) == pytest.approx(0.0, abs=1e-15)
    assert charging._fuel(NET, off, moved(still, "dlmp", (1, 3), 0.9)) == 0.0


@pytest.mark.parametrize(("size", "scale"), [(1.0, 4.6), (0.01, 1.0)])
def test_what_a_lot_earns(size: float, scale: float) -> None:
    """The second draws 4 kW for half an hour at 0.9 and 2 kW for two hours at 0.7: 4.6; it pays 0.4 and 1.2."""
    day = made(hours=2, length_h=HOURS, lots=(made(net_price=[0.0, 0.0]), made(net_price=[0.9, 0.7])))
    right = made(
        lot_kw=size * np.array([[0.0, 4.0], [0.0, 2.0]]),
        lot_price=np.array([[0.5, 0.2], [0.5, 0.3]]),
        lot_profit=size * np.array([0.0, 4.6 - 1.6]),
    )
    assert charging._profit(NET, day, right) == pytest.approx(0.0, abs=1e-15)
    for amount in (-0.1, 0.1):
        for lot in (0, 1):
            found = charging._profit(NET, day, moved(right, "lot_profit", lot, amount * size))
            assert found == pytest.approx(0.1 * size / scale)
    network = made(lots=(made(subscription=None), made(subscription=made(payment=lambda kw, _: 0.1 * kw.sum()))))
    assert charging._profit(network, day, right) == pytest.approx(0.6 * size / scale)
    less = moved(right, "lot_profit", 1, -0.6 * size)
    assert charging._profit(network, day, less) == pytest.approx(0.0, abs=1e-15)
    dear = made(
        **{**vars(right), "lot_price": right.lot_price * 10.0, "lot_profit": size * np.array([0.0, 4.6 - 16.1])}
    )
    assert charging._profit(NET, day, dear) == pytest.approx(0.1 * size / max(1.0, 16.0 * size))


def test_profits_above_a_maximum_and_regrets_that_are_told_wrong() -> None:
    def found(
        profit: list[float], maximum: list[float], regret: tuple[float, ...], worst: float, epsilon: float
    ) -> float:
        proof = made(regret=regret, worst_regret=worst, epsilon=epsilon)
        cleared = made(lot_profit=profit, lot_maximum=maximum, certificate=proof)
        return charging._regret(NOTHING, NOTHING, cleared)

    assert found([8.0, -0.5], [9.0, 0.0], (2.0, 0.3), 2.0, 0.3) == pytest.approx(0.0, abs=1e-15)
    assert found([8.0, 0.5], [6.0, 0.5], (0.0, 0.0), 0.0, 0.0) == 0.25
    assert found([8.0, -0.5], [9.0, -0.75], (0.0, 0.0), 0.0, 0.0) == 0.25
    assert found([8.0, -0.5], [9.0, 0.0], (2.0, 0.3), 1.5, 0.4) == pytest.approx(0.6)
    assert found([8.0, -0.5], [9.0, 0.0], (2.0, 0.3), 2.5, 0.25) == pytest.approx(0.55)
    assert found([8.0, 4.0], [9.0, 9.0], (2.0, -0.2), 2.0, 0.25) == pytest.approx(0.2)


def test_limits_whose_slack_is_wrong() -> None:
    def found(name: str, value: float, bound: float, slack: float, shortage: float = 0.0, shed: float = 0.0) -> float:
        limit = made(name=name, value=value, bound=bound, slack=slack, shortage=shortage)
        fine = made(name="line", value=1.0, bound=1.0, slack=0.0, shortage=0.0)
        cleared = made(shed_kw=[shed], unserved_kwh=[0.0], limits=(limit, fine))
        return limits._slack(NOTHING, NOTHING, cleared)

    assert (
        found("line", 6.0, 8.0, 2.0)
        == found("voltage-min", 8.0, 6.0, 2.0)
        == found("storage-empty", 8.0, 6.0, 2.0)
        == 0
    )
    assert found("line", 6.0, 8.0, 1.0) == found("line", 6.0, 8.0, 3.0) == found("line", 6.0, -8.0, -13.0) == 0.125
    assert found("voltage-min", 0.75, 0.5, 0.0) == 0.25
    assert found("line", 6.0, 8.0, 2.0, shortage=-0.5) == found("line", 6.0, 8.0, 2.0, shortage=0.5) == 0.5
    assert found("line", 6.0, 8.0, 2.0, shortage=0.5, shed=0.1) == 0.0
    cleared = made(
        shed_kw=[0.0], unserved_kwh=[0.1], limits=(made(name="line", value=1.0, bound=1.0, slack=0.0, shortage=1.0),)
    )
    assert limits._slack(NOTHING, NOTHING, cleared) == 0.0


def test_what_a_kw_more_of_sun_is_worth() -> None:
    """At bus 3 in the second period, of two hours: 0.16 are 0.08 a kWh."""

    def found(multiplier: float, name: str = "renewable") -> float:
        other = made(name="line", multiplier=9.0, period=0, place="1")
        limit = made(name=name, multiplier=multiplier, period=1, place="wind")
        return limits._worth(NET, DAY, priced(limits=(other, limit)))

    assert found(0.16) == pytest.approx(0.0, abs=1e-15)
    assert found(0.168) == found(0.152) == pytest.approx(0.05)
    assert found(9.0, "other") == 0.0


# The nodal market's own


def test_a_lot_pays_the_price_at_its_bus_within_its_interval() -> None:
    cleared = priced(lot_price=[[0.03, 0.03], [0.08, 0.08]])
    cleared.lot_price_low, cleared.lot_price_high = cleared.lot_price - 0.004, cleared.lot_price.copy()
    assert nodal._at_bus(NET, DAY, cleared) == nodal._interval(NET, DAY, cleared) == 0.0
    for amount in (-0.008, 0.008):
        found = moved(cleared, "lot_price", (1, 0), amount)
        assert nodal._at_bus(NET, DAY, found) == pytest.approx(0.1)
        assert nodal._interval(NET, DAY, found) == pytest.approx(0.05 if amount < 0.0 else 0.1)
    assert nodal._at_bus(NET, DAY, moved(cleared, "dlmp", (1, 1), -0.008)) == pytest.approx(0.1)
    assert nodal._at_bus(NET, DAY, moved(cleared, "dlmp", (1, 3), -0.008)) == 0.0


@pytest.mark.parametrize("size", [1.0, 0.01])
def test_what_is_paid_and_what_the_operator_keeps(size: float) -> None:
    """Buses have prices 1, 2, 3 and 4 in the half hour, and a tenth of that in the two hours."""
    price = np.array([[1.0, 2.0, 3.0, 4.0], [0.1, 0.2, 0.3, 0.4]])
    day = made(length_h=HOURS, load_kw=size * np.array([[0.0, 5.0, 6.0, 1.0], [0.0, 1.0, 2.0, 3.0]]))
    right = made(
        dlmp=price,
        lot_price=np.array([[3.0, 2.0], [0.3, 0.2]]),
        lot_kw=size * np.array([[2.0, 1.0], [1.0, 2.0]]),
        shed_kw=size * np.array([[0.0, 0.0, 2.0, 0.0], [0.0, 0.0, 0.0, 1.0]]),
        microturbine_kw=size * np.array([[1.0, 2.0], [0.0, 5.0]]),
        renewable_kw=size * np.array([[1.0, 0.0], [0.0, 1.0]]),
        network_cost=9.0 * size,
        fuel_cost=4.0 * size,
        lot_payment=size * np.array([3.0 + 0.6, 1.0 + 0.8]),
        load_payment=size * (0.5 * (10.0 + 12.0 + 4.0) + 2.0 * (0.2 + 0.6 + 0.8)),
        network_surplus=0.0,
    )
    units = size * (0.5 * (4.0 + 6.0) + 2.0 * 1.5 + 0.5 * 2.0 + 2.0 * 0.4 + 9.0 - 4.0)
    right.network_surplus = right.load_payment + right.lot_payment.sum() - units
    scale = max(1.0, units, right.load_payment)
    assert nodal._paid(NET, day, right) == pytest.approx(0.0, abs=1e-15)
    for name in ("load_payment", "network_surplus", "network_cost", "fuel_cost"):
        for amount in (-0.01, 0.01):
            wrong = made(**{**vars(right), name: getattr(right, name) + amount})
            assert nodal._paid(NET, day, wrong) == pytest.approx(0.01 / scale, rel=2e-3)
    assert nodal._paid(NET, day, moved(right, "lot_payment", 1, -0.01)) == pytest.approx(0.01 / scale)
    for name, at, amount in (("microturbine_kw", (1, 0), 0.8), ("renewable_kw", (0, 1), 2.0)):
        wrong = moved(right, name, at, 0.01 * size)
        assert nodal._paid(NET, day, wrong) == pytest.approx(0.01 * size * amount / scale, rel=2e-3)


def test_the_competitive_outcome_is_priced_by_itself() -> None:
    """Two lots at prices 0.3 and 0.2 that charge drivers 1.0 and 0.9: 1 kW and 2 kW for two hours earn 1.4 and 2.8."""
    day = made(length_h=[2.0], hours=1, lots=(made(net_price=[1.0]), made(net_price=[0.9])))
    right = made(
        competitive_dlmp=[[9.0, 0.2, 0.3, 9.0]],
        competitive_kw=[[1.0, 2.0]],
        competitive_profit=[1.4, 2.8],
        competitive_cost=1.6,
        lot_kw=[[1.0, 1.5]],
        network_cost=1.7,
        price_of_anarchy=4.0 / 3.0,
    )
    assert nodal._competition(NET, day, right) == pytest.approx(0.0, abs=1e-15)  # 5.6 - 1.6 beside 4.7 - 1.7
    for amount in (-0.4, 0.4):
        assert nodal._competition(NET, day, moved(right, "competitive_profit", 1, amount)) == pytest.approx(0.1)
    wrong = made(**{**vars(right), "price_of_anarchy": 1.0})
    assert nodal._competition(NET, day, wrong) == pytest.approx(1.0 / 4.0)
    silent = made(**{**vars(right), "price_of_anarchy": np.nan})
    assert nodal._competition(NET, day, silent) == pytest.approx(0.0, abs=1e-15)
    better = made(**{**vars(silent), "network_cost": -0.3})
    assert nodal._competition(NET, day, better) == pytest.approx(1.0 / 5.0)
