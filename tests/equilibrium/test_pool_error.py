"""Single vehicles against the pools of a lot: worked examples, and what holds on drawn days."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

from equilibrium.arrays import FloatArray
from equilibrium.certificate import NEGLIGIBLE
from equilibrium.fleet.day import VehicleBatch
from equilibrium.markets.aggregator.answer import answer
from equilibrium.markets.aggregator.day import AggregatorDay, Contracts, Lot, LotTariffs, LotVehicles, Retailer
from equilibrium.markets.aggregator.followers import followers
from equilibrium.markets.aggregator.reaction import react
from equilibrium.markets.aggregator.vehicles import LotFleet, PoolError, lay_out
from scenarios.loading import load_scenario
from scenarios.markets.aggregator.case import AggregatorCase, lot_vehicles
from scenarios.markets.aggregator.fleet import lot_fleet
from scenarios.streams import Streams
from scenarios.time_axis import day_axis

BATTERY = 40.0


def fleet(rows: list[tuple[int, int, float, int, float]], periods: int, count: float = 1.0) -> LotFleet:
    """Vehicles (arrival, departure, energy, category, agreed energy), each so many; who departs after the day stays."""
    begin, end, energy, category, agreed = (np.array(each) for each in zip(*rows, strict=True))
    gives = category >= 2
    batch = VehicleBatch(
        names=tuple(str(number) for number in range(len(rows))),
        arrival=begin,
        departure=np.minimum(end, periods),
        energy_kwh=energy,
        wish_kwh=agreed,
        energy_min_kwh=np.where(gives, 4.0, 0.0),
        energy_max_kwh=np.full(len(rows), BATTERY),
        charge_max_kw=np.full(len(rows), 11.0),
        discharge_max_kw=np.where(gives, 11.0, 0.0),
        count=np.full(len(rows), count),
    )
    return LotFleet(batch, category, end < periods)


def day_of(vehicles: LotFleet, periods: int, **changes: Any) -> AggregatorDay:
    """The same vehicles as pools: one class of stay for each, so that every one has its own contract."""
    batch, size = vehicles.batch, vehicles.batch.size
    share, soc = np.zeros((4, size)), np.zeros((4, size))
    share[vehicles.category, np.arange(size)] = 1.0
    soc[vehicles.category, np.arange(size)] = batch.wish_kwh / BATTERY
    arriving, departing = np.zeros((1, periods, size)), np.zeros((1, periods, size))
    for row in range(size):
        arriving[0, batch.arrival[row], row] = batch.count[row]
        if vehicles.leaving[row]:
            departing[0, batch.departure[row], row] = batch.count[row]
    energy: FloatArray = batch.energy_kwh[:, None] * share.T
    lot = Lot(
        name="lot",
        contracts=Contracts(share, soc),
        tariffs=LotTariffs(g2v1=13.0, g2v2=12.0, g2v3=10.0, v2g=11.0, degradation=0.5),
        vehicles=LotVehicles(
            np.cumsum(arriving - departing, axis=1), arriving, departing, arriving @ energy, departing @ energy
        ),
        stations=10.0,
        charger_kw=11.0,
        battery_kwh=BATTERY,
        charge_efficiency=1.0,
        discharge_efficiency=1.0,
        soc_min=0.1,
        soc_max=1.0,
    )
    flat = np.full(periods, 5.0)
    retailer = Retailer(np.zeros(periods), flat, 0.0, 0.0)
    day = AggregatorDay(flat, 0.0 * flat, 0.0, 0.0, (lot,), (), retailer, np.ones(1), cap=10.0, reserve_cap=5.0)
    return replace(day, **changes)


def compare(
    vehicles: LotFleet, periods: int, price_in: list[float], price_out: float = 0.0, price_reserve: float = 0.0
) -> PoolError:
    day = day_of(vehicles, periods)
    out, reserve = np.full(periods, price_out), np.full(periods, price_reserve)
    prices = {"lot in": np.array(price_in), "lot out": out, "lot reserve": reserve}
    prices["retailer"] = np.full(periods, 5.0)
    did = answer(day, prices).lots[0]
    (lot_follower,) = (each for each in followers(day) if each.kind == "lot")
    error = lay_out(day, day.lots[0], vehicles, did, prices)
    assert error.pool_profit == pytest.approx(react(lot_follower, prices).profit)
    return error


def test_one_vehicle_is_its_pool() -> None:
    error = compare(fleet([(0, 2, 10.0, 0, 30.0)], 3), 3, [1.0, 2.0, 3.0])
    assert error.moved_kwh == pytest.approx(0.0, abs=1e-9)
    assert error.profit_error == pytest.approx(0.0, abs=1e-9)
    assert error.promised_kwh == pytest.approx(20.0)
    assert error.unreachable_kwh == error.below_contract_kwh == 0.0


@pytest.mark.parametrize("category", [0, 1, 2, 3])
def test_one_vehicle_is_its_pool_whatever_is_paid(category: int) -> None:
    """It charges, gives and keeps ready up to the limits of its charger and its battery, and so does its pool."""
    rng, done = np.random.default_rng(category), 0.0
    for _ in range(12):
        stay, energy = int(rng.integers(2, 5)), float(rng.uniform(4.0, BATTERY))
        agreed = float(rng.uniform(energy if category < 2 else 4.0, min(BATTERY, energy + 11.0 * stay)))
        price_in, price_out, price_reserve = (
            rng.uniform(0.0, 15.0, 5).tolist(),
            *rng.choice([0.0, 6.0, 14.0], 2).tolist(),
        )
        error = compare(fleet([(0, stay, energy, category, agreed)], 5), 5, price_in, price_out, price_reserve)
        assert error.moved_kwh == pytest.approx(0.0, abs=1e-6)
        assert error.profit_error == pytest.approx(0.0, abs=1e-6)
        assert error.unreachable_kwh == pytest.approx(0.0, abs=1e-9)
        done += error.promised_kwh
    assert done > 50.0


def test_a_pool_uses_the_charger_of_one_vehicle_for_the_other() -> None:
    # Needs 2 and 20 kWh, both there in hours 0 and 1. The two chargers give 22 kWh in the cheap hour, all that is
    # needed; but the second vehicle's own gives 11. So 9 kWh move to the hour that costs 2 more per kWh.
    both = fleet([(0, 2, 10.0, 0, 12.0), (0, 2, 10.0, 0, 30.0)], 3)
    error = compare(both, 3, [1.0, 3.0, 5.0])
    assert error.promised_kwh == pytest.approx(22.0)
    assert error.moved_kwh == pytest.approx(18.0)
    assert error.profit_error == pytest.approx(9.0 * 2.0)


def test_a_pool_lets_one_vehicle_leave_with_the_energy_of_the_other() -> None:
    # The first leaves after an hour and needs 10; the second brings 30 and needs no more. The pool waits for the cheap
    # hour: until then the first has the energy that the second brought.
    both = fleet([(0, 1, 10.0, 0, 20.0), (0, 2, 30.0, 0, 30.0)], 3)
    error = compare(both, 3, [4.0, 1.0, 9.0])
    assert error.moved_kwh == pytest.approx(20.0)
    assert error.profit_error == pytest.approx(10.0 * 3.0)


def test_a_contract_that_no_stay_reaches_is_told() -> None:
    # One hour at 11 kW brings 10 kWh to 21, and 30 are agreed; a second vehicle lends its energy to the pool.
    both = fleet([(0, 1, 10.0, 0, 30.0), (0, 2, 35.0, 0, 35.0)], 3)
    error = compare(both, 3, [1.0, 1.0, 1.0])
    assert error.unreachable_kwh == pytest.approx(9.0)
    assert error.below_contract_kwh <= NEGLIGIBLE


def test_twice_the_vehicles_are_twice_the_error() -> None:
    """A row may stand for several vehicles: every sum counts each of them, and the worst single one stays the same."""
    rows = [
        (0, 1, 10.0, 0, 30.0),
        (0, 2, 4.0, 3, 4.0),
        (0, 2, 40.0, 3, 4.0),
        (1, 3, 12.0, 1, 20.0),
        (0, 9, 20.0, 2, 30.0),
    ]
    once, twice = (asdict(compare(fleet(rows, 4, count), 4, [10.0, 9.0, 8.0, 7.0], 20.0, 3.0)) for count in (1.0, 2.0))
    assert min(once["moved_kwh"], once["unreachable_kwh"], once["promised_kwh"]) > 1.0
    worst = once.pop("below_contract_kwh"), twice.pop("below_contract_kwh")
    assert worst[0] == pytest.approx(worst[1], abs=1e-9)
    assert twice == pytest.approx({name: 2.0 * value for name, value in once.items()}, rel=1e-6)


def test_vehicles_discharge_what_is_theirs() -> None:
    # Energy given is worth 20 in hour 1 and 11 to its driver. Stock 36 in two vehicles of which one is at its minimum.
    # The pool may give 11 from each charger; but who is empty has nothing to give.
    both = fleet([(0, 2, 4.0, 3, 4.0), (0, 2, 40.0, 3, 4.0)], 3)
    error = compare(both, 3, [10.0, 10.0, 10.0], 20.0)
    assert error.promised_kwh > 0.0
    assert error.moved_kwh > 0.0
    assert error.profit_error > 0.0


@pytest.mark.parametrize("minutes", [60, 30])
def test_the_vehicles_of_a_scenario_add_up_to_its_pools(minutes: int) -> None:
    case = load_scenario("aggregator-37", {"time": {"step_minutes": minutes}}, AggregatorCase)
    axis = day_axis(None, None, minutes)
    stays = case.outcome(0, Streams(3), (1.0,)).stays[0][0]
    section, contracts = case.file.lots[0], case.contracts(0)
    pools, single = lot_vehicles(section, contracts.share, [stays], axis), lot_fleet(section, contracts, stays, axis)
    batch = single.batch
    parked, leaving = np.zeros(axis.size), np.zeros(axis.size)
    for begin, end, count, gone in zip(batch.arrival, batch.departure, batch.count, single.leaving, strict=True):
        parked[begin:end] += count
        if gone:
            leaving[end] += count
    assert_allclose(parked, pools.parked[0].sum(axis=1), atol=1e-9)
    assert_allclose(leaving, pools.departing[0].sum(axis=1), atol=1e-9)
    brought = [
        float((batch.count * batch.energy_kwh)[single.leaving & (single.category == category)].sum())
        for category in range(4)
    ]
    assert_allclose(brought, pools.brought_kwh[0].sum(axis=0), atol=1e-9)
