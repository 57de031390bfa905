"""Feeders, lots, fleets and days of the strategies, with draws that are told: the least, the most, and one by one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from scenarios import random_markets
from tests.scenarios.told_draws import Told, by, first, last, told


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> Any:
    return told(random_markets, monkeypatch)


class Noted:
    """A chooser that notes of how many it has picked."""

    def __init__(self, pick: Callable[[int], int]) -> None:
        self.pick, self.counts = pick, list[int]()

    def __call__(self, count: int) -> int:
        self.counts.append(count)
        return self.pick(count)


def test_numbers_come_from_a_grid_of_fifty_steps(drawn: Any) -> None:
    """A third of the way is rounded to ten places; arrays have as many numbers as they are asked for."""
    assert drawn._grid(-1.0, 1.0).give(by([50])) == 1.0
    assert drawn._grid(0.0, 1.0, 3).give(by([1])) == 0.3333333333
    assert drawn._grid(2.0, 1.0, 4).give(by([3])) == 1.25
    noted = Noted(last)
    assert drawn._array(2, -1.0, 3.0).give(noted).tolist() == [3.0, 3.0]
    assert noted.counts == [1, 51, 51]
    assert drawn._array(2, -1.0, 3.0, 4).give(by([0, 1, 3])).tolist() == [0.0, 2.0]


def test_feeders_at_both_ends(drawn: Any) -> None:
    noted = Noted(first)
    least, most = drawn.feeders().give(noted), drawn.feeders().give(last)
    assert noted.counts == [6, 1, 2, *[1, 51, 51, 51] * 5]
    assert (least.buses, most.buses) == (("1", "2", "3"), tuple("12345678"))
    assert (least.parent.tolist(), most.parent.tolist()) == ([-1, 0, 0], [-1, 0, 1, 2, 3, 4, 5, 6])
    assert (least.r_ohm.tolist(), least.x_ohm.tolist()) == ([0.0, 0.05, 0.05], [0.0, 0.05, 0.05])
    assert (most.r_ohm.tolist(), most.x_ohm.tolist()) == ([0.0] + [1.5] * 7, [0.0] + [1.5] * 7)
    assert least.rating_kva.tolist() == [3800.0, 800.0, 800.0]
    assert most.rating_kva.tolist() == [6000.0] + [3000.0] * 7
    assert (least.load_kw.tolist(), least.load_kvar.tolist()) == ([0.0] * 3, [0.0] * 3)
    assert (most.load_kw.tolist(), most.load_kvar.tolist()) == ([0.0] + [120.0] * 7, [0.0] + [60.0] * 7)
    assert (most.name, most.base_kv) == ("random", 12.66)
    assert (set(most.voltage_min_pu), set(most.voltage_max_pu)) == ({0.9}, {1.1})
    own = drawn.feeders(2, 4, 10.0, 0.03).give(last)
    assert (own.size, own.load_kw[1], own.voltage_min_pu[1], own.voltage_max_pu[1]) == (4, 10.0, 0.97, 1.03)


def test_networks_at_both_ends(drawn: Any) -> None:
    """No unit and one lot at least; two units and three lots at most, at the last bus and with the largest numbers."""
    least, most = drawn.networks().give(first), drawn.networks().give(last)
    assert (least.microturbines, least.compensators, least.renewables) == ((), (), ())
    assert [(lot.name, lot.bus, lot.efficiency, lot.terminal) for lot in least.lots] == [("lot-1", 0, 0.85, "eq")]
    assert (least.export_price_factor, least.polygon_edges, least.name) == (0.0, 8, "random")
    assert [(u.name, u.bus, u.rating_kva, u.fuel_cost_per_kwh) for u in most.microturbines] == [
        ("mt-1", 7, 300.0, 0.08),
        ("mt-2", 7, 300.0, 0.08),
    ]
    assert [(u.name, u.bus, u.rating_kvar) for u in most.compensators] == [("svc-1", 7, 200.0)]
    assert [(u.name, u.bus, u.rated_kw, u.kind) for u in most.renewables] == [
        ("res-1", 7, 200.0, "wind"),
        ("res-2", 7, 200.0, "wind"),
    ]
    assert [(lot.name, lot.bus, lot.efficiency) for lot in most.lots] == [(f"lot-{k}", 7, 1.0) for k in (1, 2, 3)]
    assert (most.export_price_factor, most.polygon_edges, most.name) == (0.95, 16, "random")
    small = drawn.networks(drawn.feeders(2, 2), 0, 2, ("ge", "eq"))
    assert (small.give(first).lots, small.give(first).feeder.size) == ((), 2)
    assert [(lot.bus, lot.terminal) for lot in small.give(last).lots] == [(1, "eq")] * 2


def test_units_have_at_least_these_numbers(drawn: Any) -> None:
    """All counts are the most and all numbers the least: 2 of 3 kinds of draws are told apart by how many there are."""
    network = drawn.networks(drawn.feeders(4, 4)).give(lambda count: count - 1 if count in (2, 3) else 0)
    assert {(u.bus, u.rating_kva, u.fuel_cost_per_kwh) for u in network.microturbines} == {(0, 50.0, 0.02)}
    assert [(u.bus, u.rating_kvar) for u in network.compensators] == [(0, 20.0)]
    assert {(u.bus, u.rated_kw, u.kind) for u in network.renewables} == {(0, 20.0, "wind")}
    assert (len(network.lots), network.polygon_edges) == (3, 16)


def test_storage_at_both_ends(drawn: Any) -> None:
    network = drawn.networks().give(last)
    least, most = drawn.with_storage(network).give(first), drawn.with_storage(network).give(last)
    (unit,) = least.storage
    assert (unit.name, unit.bus, unit.energy_kwh, unit.initial_kwh, unit.energy_min_kwh) == ("battery-1", 0, 0, 0, 0)
    assert (unit.charge_max_kw, unit.discharge_max_kw) == (0.0, 0.0)
    assert (unit.charge_efficiency, unit.discharge_efficiency) == (0.7, 0.7)
    assert [each.name for each in most.storage] == ["battery-1", "battery-2"]
    second = most.storage[1]
    assert (second.bus, second.energy_kwh, second.energy_min_kwh, second.initial_kwh) == (7, 200.0, 100.0, 200.0)
    assert (second.charge_max_kw, second.discharge_max_kw) == (100.0, 100.0)
    assert (second.charge_efficiency, second.discharge_efficiency) == (1.0, 1.0)
    assert [t.ramp_kw_per_h for t in least.microturbines] == [np.inf, np.inf]
    assert [t.ramp_kw_per_h for t in most.microturbines] == [60.0, 60.0]
    slow = drawn.with_storage(network, 3, ramps=False).give(last)
    assert ([t.ramp_kw_per_h for t in slow.microturbines], len(slow.storage)) == ([np.inf, np.inf], 3)
    # one unit at bus 2 of 100 kWh, of which 20 stay, 60 at the beginning; then one turbine without a ramp, one of 20
    told_unit = drawn.with_storage(network).give(by([0, 25, 20, 2, 10, 20, 25, 30, 40, 1, 2]))
    (battery,) = told_unit.storage
    assert (battery.energy_kwh, battery.energy_min_kwh, battery.bus, battery.initial_kwh) == (100.0, 20.0, 2, 60.0)
    assert (battery.charge_max_kw, battery.discharge_max_kw) == (20.0, 40.0)
    assert (battery.charge_efficiency, battery.discharge_efficiency) == (0.88, 0.94)
    assert [t.ramp_kw_per_h for t in told_unit.microturbines] == [0.0, 20.0]


def lot_day_picks(price: list[int]) -> list[int]:
    """Limits 150, 75 and 30 kW, shares 1, 0.5 and 0, 15, 30 and 0 kWh that come, half that leaves, spare energies."""
    return [
        *[0, 50, 25, 10],
        *[0, 10, 5, 0],
        *[0, 5, 10, 0],
        *[0, 3, 5, 10],
        *[0, 0, 1, 8],
        *[0, 2, 0, 1],
        *price,
    ]


def test_a_day_of_a_lot_by_hand(drawn: Any) -> None:
    """It stores 0.9 of 150 kW and 15 kWh; then half of 150 + 30 + 33.75 leaves; then all does that is left."""
    day = drawn.lot_days(3, 0.9).give(by(lot_day_picks([0, 0, 5, 10])))
    assert day.power_max_kw.tolist() == [150.0, 75.0, 30.0]
    assert day.energy_in_kwh.tolist() == [15.0, 30.0, 0.0]
    assert day.energy_out_kwh.tolist() == [0.0, 106.875, 106.875]
    assert day.soe_min_kwh.tolist() == [150.0, 96.875, 0.0]  # 0, 10 and 80 below, but never below nothing
    assert day.soe_max_kwh.tolist() == [170.0, 106.875, 10.0]
    assert day.energy_end_kwh == 0.0
    assert day.charging_price.tolist() == pytest.approx([0.1, 0.35, 0.6])
    printed = drawn.lot_days(3, 0.9, first_hour="as_printed", charging_price=0.4).give(by(lot_day_picks([])))
    assert printed.soe_max_kwh.tolist() == pytest.approx([15 + 20, 39.375, 10.0])
    assert printed.energy_out_kwh.tolist() == pytest.approx([0.0, 39.375, 39.375])
    assert printed.charging_price.tolist() == [0.4, 0.4, 0.4]


def test_what_a_lot_may_need_at_most(drawn: Any) -> None:
    noted = Noted(last)
    day = drawn.lot_days(power_max_kw=10.0).give(noted)
    assert noted.counts == [1, 51, 51, 51, 51, *[1, 11, 11, 11, 11], *[1, 51, 51, 51, 51], *[1, 11, 11, 11, 11],
                            *[1, 9, 9, 9, 9] * 2, *[1, 11, 11, 11, 11]]  # fmt: skip
    assert day.energy_in_kwh.tolist() == day.power_max_kw.tolist() == [10.0] * 4
    assert day.energy_out_kwh.tolist() == pytest.approx([0.0, 39.0, 19.5, 19.5])  # all that is there, from the second
    assert day.soe_max_kwh.tolist() == pytest.approx([99.5, 80.0, 80.0, 80.0])
    assert day.soe_min_kwh.tolist() == [0.0] * 4
    assert day.charging_price.tolist() == [0.6] * 4
    kept = drawn.lot_days(2, 0.5).give(by([0, 50, 50, 0, 10, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]))
    assert kept.energy_end_kwh == 150.0
    assert kept.soe_min_kwh.tolist() == [75.0, 150.0]


def test_fleets_by_hand(drawn: Any) -> None:
    """One vehicle stays for the hours 1 and 2 of 4 and leaves within the last, one comes and leaves in the last."""
    assert drawn.fleets().give(first).power_kw.shape == (0, 4)
    picks = [
        *[2, 1, 1, 0, 0, 9, 25, 1],
        *[3, 0, 0, 3, 50, 0],
        *[0, 5, 10],
        *[0, 25, 0],
        *[0, 10, 1],
    ]
    fleet = drawn.fleets(efficiency=0.8).give(by(picks))
    assert fleet.power_kw[0].tolist() == pytest.approx([0.0, 2.9, 29.0, 0.0])  # 3 + 25/50 of 52 kW, a tenth and all
    assert fleet.power_kw[1].tolist() == pytest.approx([0.0, 0.0, 0.0, 55.0 * 0.4])
    assert (fleet.arrival_hour.tolist(), fleet.departure_hour.tolist()) == ([1, 3], [2, 4])
    assert fleet.need_kwh.tolist() == pytest.approx([0.8 * 31.9 * 0.5, 0.8 * 22.0])
    assert fleet.energy_kwh.tolist() == [20.0, 0.0]
    assert fleet.battery_kwh.tolist() == pytest.approx([20.0 + 12.76 + 8.0, 17.6 + 0.8])
    most = drawn.fleets(hours=2, max_vehicles=1, charger_kw=7.0).give(last)
    assert most.power_kw.tolist() == [[0.0, 7.0]]
    assert (most.need_kwh[0], most.energy_kwh[0]) == (pytest.approx(0.95 * 7.0), 40.0)
    assert (most.arrival_hour[0], most.departure_hour[0]) == (1, 1)
    assert drawn.fleets().give(last).size == 5


def test_days_of_a_market_at_both_ends(drawn: Any) -> None:
    network = drawn.networks().give(last)
    day = drawn.market_days(network).give(last)
    assert day.wholesale_price.tolist() == [0.1] * 4
    assert day.load_kw.tolist() == [[0.0] + [120.0] * 7] * 4
    assert day.load_kvar.tolist() == [[0.0] + [60.0] * 7] * 4
    assert day.renewable_kw.tolist() == [[200.0, 200.0]] * 4
    assert day.microturbine_available.tolist() == [True, True]
    assert [lot.charging_price.tolist() for lot in day.lots] == [[0.6] * 4] * 3
    least = drawn.market_days(network, 3, negative_prices=True, charging_price=0.3).give(first)
    assert least.wholesale_price.tolist() == [-0.03] * 3
    assert least.load_kw.tolist() == [[0.0] + [12.0] * 7] * 3
    assert least.renewable_kw.tolist() == [[0.0, 0.0]] * 3
    assert least.microturbine_available.tolist() == [False, False]
    assert [lot.charging_price.tolist() for lot in least.lots] == [[0.3] * 3] * 3
    assert drawn.market_days(network).give(first).wholesale_price.tolist() == [0.0] * 4


def test_the_order_of_a_day_is_by_hour_and_then_by_unit(drawn: Any) -> None:
    network = drawn.networks().give(last)
    count = iter(range(10_000))

    def choose(of: int) -> int:
        return of - 1 if of == 3 else next(count) % of

    day = drawn.market_days(network, 2).give(choose)
    # two shapes of 10, then four shares of 11 for two hours of two units
    assert day.load_kw[:, 1].tolist() == pytest.approx([120 * 0.2, 120 * 0.3])
    assert day.renewable_kw.tolist() == pytest.approx(np.array([[80.0, 100.0], [120.0, 140.0]]))


def test_markets_are_networks_with_a_day(drawn: Any) -> None:
    network, day = drawn.markets(3, Told(drawn.networks().give), negative_prices=True, charging_price=0.2).give(first)
    assert (network.feeder.size, len(network.lots), day.hours) == (3, 1, 3)
    assert (day.wholesale_price[0], day.lots[0].charging_price[0]) == (-0.03, 0.2)
    network, day = drawn.markets().give(first)
    assert (day.hours, day.wholesale_price[0], day.lots[0].charging_price.tolist()) == (4, 0.0, [0.1] * 4)
