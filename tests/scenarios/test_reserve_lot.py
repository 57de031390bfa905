"""The paper's day of an aggregator and its lot: what stands in it, and which days there are not."""

from __future__ import annotations

import numpy as np
import pytest

from equilibrium.errors import InputError
from scenarios.draws.arrivals import Stays
from scenarios.published import reserve_lot
from scenarios.published.reserve_lot import reserve_lot_day


def test_the_day_without_a_network() -> None:
    day = reserve_lot_day("I")
    assert (day.energy_price[0], day.energy_price[20], day.reserve_price[19]) == (8.0, 10.0, 3.2)
    assert (day.call_probability, day.failure_rate, day.grid) == (0.05, 0.02, None)
    assert [(unit.name, unit.cost, unit.capacity_kw, unit.bus) for unit in day.generators] == [
        ("DG1", 7.5, 500.0, 0), ("DG2", 8.8, 300.0, 0), ("DG3", 9.2, 300.0, 0),
    ]  # fmt: skip
    retailer = day.retailer
    assert (retailer.load_kw[0], retailer.load_kw[19]) == (930.0, 1500.0)
    assert retailer.price.tolist() == [9] * 7 + [11] * 3 + [12] * 3 + [11] * 5 + [12] * 5 + [9]
    assert (retailer.incentive, retailer.interruptible_share) == (1.5, 0.1)
    assert (day.probability.tolist(), day.cap, day.uniform_cap, day.reserve_cap) == ([1.0], 10.0, 10.0, 10.0)
    (lot,) = day.lots
    assert (lot.name, lot.stations, lot.charger_kw, lot.battery_kwh, lot.bus) == ("lot", 250, 11.0, 24.0, 0)
    assert (lot.charge_efficiency, lot.discharge_efficiency, lot.soc_min, lot.soc_max) == (0.9, 0.95, 0.2, 0.95)
    tariffs = {"g2v1": 13.0, "g2v2": 12.0, "g2v3": 10.0, "v2g": 11.0, "degradation": 0.5, "extra": 0.0, "parking": 0.0}
    assert vars(lot.tariffs) == tariffs


def test_cases_and_changes() -> None:
    one, two = reserve_lot_day("I"), reserve_lot_day("II", cap=13.5, tariffs={"g2v2": 11.0}, call_probability=0.5)
    assert one.pricing != two.pricing
    assert (two.cap, two.uniform_cap, two.reserve_cap, two.call_probability) == (13.5, 13.5, 10.0, 0.5)
    assert (two.lots[0].tariffs.g2v2, two.lots[0].tariffs.g2v1) == (11.0, 13.0)
    assert reserve_lot_day("I", scenarios=4).probability.tolist() == [0.25] * 4


@pytest.mark.parametrize(
    ("feeder", "buses", "band", "ampere", "segments"),
    [
        ("ieee37", ["3", "25", "19", "35"], 0.95, 400.0, 5),
        ("ieee33", ["18", "8", "25", "30"], 0.9, 200.0, 20),
        ("das85", ["8", "34", "48", "64"], 0.9, 200.0, 20),
    ],
)
def test_a_day_on_a_feeder(feeder: str, buses: list[str], band: float, ampere: float, segments: int) -> None:
    day = reserve_lot_day("I", feeder=feeder)
    assert day.grid is not None
    labels = day.grid.feeder.buses
    assert [labels[day.lots[0].bus], *(labels[unit.bus] for unit in day.generators)] == buses
    assert (day.grid.segments, day.grid.transformer_efficiency) == (segments, 0.98)
    assert day.grid.loss_price.tolist() == day.energy_price.tolist()
    assert (set(day.grid.feeder.voltage_min_pu[1:]), set(day.grid.feeder.voltage_max_pu[1:])) == ({band}, {1.05})
    assert day.grid.feeder.rating_kva[1:] == pytest.approx(3**0.5 * day.grid.feeder.base_kv * ampere)


def test_vehicles_of_a_lot_by_hand() -> None:
    """Four come at 8 for two hours (the first class), ten at 9 for five (the second)."""
    count = np.zeros((24, 12))
    count[8, 1], count[9, 4] = 4.0, 10.0
    lot = reserve_lot._lot([Stays(count), Stays(0.5 * count)], 3, reserve_lot.TARIFFS)
    vehicles = lot.vehicles
    assert vehicles.arriving.shape == (2, 24, 3)
    assert vehicles.arriving[:, [8, 9]].tolist() == [[[4, 0, 0], [0, 10, 0]], [[2, 0, 0], [0, 5, 0]]]
    left = np.argwhere(vehicles.departing[0] > 0.0).tolist()
    assert [kind for _, kind in left] == [0, 1]
    assert left[1][0] - left[0][0] == 4  # an hour later, three hours longer
    for arriving, energy in ((vehicles.arriving, vehicles.arrival_kwh), (vehicles.departing, vehicles.brought_kwh)):
        for scenario in range(2):
            for hour in range(24):
                wanted = [
                    sum(
                        arriving[scenario, hour, kind] * 24.0 * 0.3 * reserve_lot.SHARE[contract, kind]
                        for kind in range(3)
                    )
                    for contract in range(4)
                ]
                assert energy[scenario, hour] == pytest.approx(wanted)
    assert vehicles.parked[0, 9].tolist() == [4, 10, 0]
    assert lot.bus == 3


def test_drawn_days_differ_from_each_other_and_by_the_seed() -> None:
    (expected,) = reserve_lot._stays(1, 9)
    assert expected.count.sum() == pytest.approx(sum(reserve_lot.ARRIVALS))
    one, two = (reserve_lot._stays(2, seed) for seed in (1, 2))
    totals = [each.count.sum() for each in (*one, *two)]
    assert len(set(totals)) == 4
    again = reserve_lot._stays(3, 1)
    assert [each.count.sum() for each in again[:2]] == totals[:2]


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"case": "III"}, "case: got 'III', expected 'I' or 'II'"),
        ({"feeder": "ieee34"}, "feeder: got 'ieee34', expected one of ieee37, ieee33, das85, or None"),
        ({"scenarios": 0}, "scenarios: got 0, expected a number >= 1"),
    ],
)
def test_days_that_there_are_not(keys: dict[str, object], said: str) -> None:
    with pytest.raises(InputError) as error:
        reserve_lot_day(**keys)  # type: ignore[arg-type]
    assert str(error.value) == f"reserve_lot_day: {said}"
