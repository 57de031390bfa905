"""Envelopes of vehicles, and the exact split of a lot's power among them."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linprog

from equilibrium.errors import InfeasibleError
from equilibrium.fleet.day import Fleet
from equilibrium.fleet.envelope import allocate, lot_day
from equilibrium.fleet.split import EvenSplit
from equilibrium.grid.network import Network
from equilibrium.markets.charging import splitting
from equilibrium.markets.charging.day import MarketDay
from equilibrium.markets.lots_lead.market import LotsLeadMarket
from equilibrium.markets.nodal import efficient
from scenarios.random_markets import HOURS, fleets, market_days, networks
from tests.equilibrium.conftest import small_day, small_network
from tests.equilibrium.oracle import examples

ETA = 0.95


def splittable(fleet: Fleet, power: np.ndarray) -> bool:
    """Whether vehicles can absorb the power, by a linear program stated vehicle by vehicle."""
    count, hours = fleet.power_kw.shape
    by_hour = sp.kron(np.ones((1, count)), sp.identity(hours))
    by_vehicle = sp.kron(sp.identity(count), np.ones((1, hours)))
    answer = linprog(
        np.zeros(count * hours),
        A_eq=sp.vstack([by_hour, by_vehicle]).tocsr(),
        b_eq=np.concatenate([power, fleet.need_kwh / ETA]),
        bounds=np.column_stack([np.zeros(count * hours), fleet.power_kw.ravel()]),
    )
    return answer.status == 0


@given(fleets(), st.integers(0, 2**32 - 1))
def test_any_charging_of_the_vehicles_fits_the_envelope(fleet: Fleet, seed: int):
    lot = lot_day(fleet, np.full(HOURS, 0.5), ETA)
    order = np.random.default_rng(seed).random(HOURS).argsort()
    charge = np.zeros_like(fleet.power_kw)
    for hour in order:
        room = fleet.need_kwh / ETA - charge.sum(axis=1)
        charge[:, hour] = np.minimum(fleet.power_kw[:, hour], np.maximum(room, 0.0))
    power = charge.sum(axis=0)
    assert np.all(power <= lot.power_max_kw + 1e-9)
    soe = np.cumsum(lot.energy_in_kwh - lot.energy_out_kwh + ETA * power)
    assert np.all(soe >= lot.soe_min_kwh - 1e-9)
    assert np.all(soe <= lot.soe_max_kwh + 1e-9)
    assert soe[-1] == pytest.approx(lot.energy_end_kwh, abs=1e-9)
    split = allocate(fleet, power, ETA, np.zeros(HOURS))
    assert isinstance(split, EvenSplit)


@given(fleets(), st.lists(st.floats(0.0, 1.0, allow_subnormal=False), min_size=HOURS, max_size=HOURS))
def test_a_split_exists_exactly_when_allocate_finds_one(fleet: Fleet, weights: list[float]):
    total = fleet.need_kwh.sum() / ETA
    power = np.array(weights) * lot_day(fleet, np.full(HOURS, 0.5), ETA).power_max_kw
    power = power * (total / power.sum()) if power.sum() > 0 else power
    if abs(power.sum() - total) > 1e-9:
        return
    split = allocate(fleet, power, ETA, np.zeros(HOURS))
    if isinstance(split, list):
        assert not splittable(fleet, power)
        assert split
        for cut in split:
            assert power[cut.hours].sum() > cut.limit_kwh
            # The cut is valid: no charging of the vehicles exceeds it.
            most = np.minimum(fleet.power_kw[:, cut.hours].sum(axis=1), fleet.need_kwh / ETA).sum()
            assert cut.limit_kwh == pytest.approx(most)
    else:
        energy = split.energy_kwh
        assert energy.sum(axis=0) == pytest.approx(power, abs=1e-5)
        assert ETA * energy.sum(axis=1) == pytest.approx(fleet.need_kwh, abs=1e-5)
        assert np.all(energy >= 0.0)
        assert np.all(energy <= fleet.power_kw)


def middle_and_outer() -> Fleet:
    """One vehicle all day, one in the middle two hours only; each needs 30 kWh."""
    return Fleet(
        power_kw=np.array([[30.0, 30.0, 30.0, 30.0], [0.0, 20.0, 20.0, 0.0]]),
        energy_kwh=np.zeros(2),
        need_kwh=np.array([30.0, 30.0]),
        battery_kwh=np.full(2, 50.0),
        arrival_hour=np.array([0, 1]),
        departure_hour=np.array([4, 3]),
    )


def test_an_envelope_can_promise_what_no_split_keeps():
    fleet = middle_and_outer()
    lot = lot_day(fleet, np.full(4, 0.5), 1.0)
    power = np.array([20.0, 10.0, 0.0, 30.0])
    soe = np.cumsum(lot.energy_in_kwh - lot.energy_out_kwh + power)
    assert np.all((power <= lot.power_max_kw) & (soe >= lot.soe_min_kwh) & (soe <= lot.soe_max_kwh))
    cuts = allocate(fleet, power, 1.0, np.array([0.01, 0.02, 0.02, 0.01]))
    assert isinstance(cuts, list)
    assert ([True, False, False, True], pytest.approx(30.0)) in [(cut.hours.tolist(), cut.limit_kwh) for cut in cuts]
    # The prices only say where to look first.
    misled = allocate(fleet, power, 1.0, np.array([0.01, 0.01, 0.01, 0.02]))
    assert isinstance(misled, list)


@st.composite
def markets_of_vehicles(draw: st.DrawFn):
    network = draw(networks())
    day = draw(market_days(network))
    lots = tuple(
        lot_day(draw(fleets(efficiency=site.efficiency)), lot.charging_price, site.efficiency)
        for site, lot in zip(network.lots, day.lots, strict=True)
    )
    return network, replace(day, lots=lots)


@examples(50)
@given(markets_of_vehicles())
def test_the_cleared_power_reaches_the_vehicles(market):
    network, day = market
    try:
        clearing = LotsLeadMarket(network).clear(day)
    except InfeasibleError:
        return
    assert clearing.certificate.certified
    for k, (site, lot) in enumerate(zip(network.lots, day.lots, strict=True)):
        split = clearing.vehicle_kw[k]
        assert split.sum(axis=0) == pytest.approx(clearing.lot_kw[:, k], abs=1e-5)
        assert site.efficiency * split.sum(axis=1) == pytest.approx(lot.fleet.need_kwh, abs=1e-5)


def test_cuts_keep_the_market_on_schedules_that_can_be_split():
    """Prices pull the charging to the outer hours; the second vehicle is only there in the middle."""
    fleet = middle_and_outer()
    day = small_day([0.03, 0.06, 0.05, 0.01], (lot_day(fleet, np.full(4, 0.5), 1.0),))
    clearing = LotsLeadMarket(small_network()).clear(day)
    assert clearing.lot_kw[:, 0].tolist() == pytest.approx([0.0, 10.0, 20.0, 30.0])
    assert clearing.vehicle_kw[0].sum(axis=1).tolist() == pytest.approx([30.0, 30.0])
    assert clearing.network_cost == pytest.approx(10 * 0.06 + 20 * 0.05 + 30 * 0.01)


def test_a_lot_without_vehicles_clears():
    empty = Fleet(np.zeros((0, 2)), *(np.zeros(0) for _ in range(3)), *(np.zeros(0, dtype=np.int64) for _ in range(2)))
    day = small_day([0.03, 0.06], (lot_day(empty, np.full(2, 0.5), 1.0),), load_kw=10.0)
    clearing = LotsLeadMarket(small_network()).clear(day)
    assert clearing.lot_kw.sum() == 0.0
    assert clearing.vehicle_kw[0].shape == (0, 2)
    assert isinstance(day, MarketDay)


def test_a_split_that_is_known_is_not_looked_for_again(monkeypatch: pytest.MonkeyPatch):
    """It is the same one, where the powers are; others are split anew, also by as little as a search would see."""
    need, stay = np.array([3.0, 6.0]), np.zeros(2, dtype=np.int64)
    fleet = Fleet(np.full((2, 3), 4.0), np.zeros(2), need, np.full(2, 20.0), stay, stay + 3)
    network = small_network()
    efficiency = network.lots[0].efficiency
    day = small_day([0.1] * 3, (lot_day(fleet, np.full(3, 0.3), efficiency),))
    power, price = np.full((3, 1), need.sum() / efficiency / 3), np.zeros((3, 1))
    first = splitting.split_lots(network, day, power, price)
    calls: list[np.ndarray] = []
    monkeypatch.setattr(splitting, "allocate", lambda _, kw, *rest: (calls.append(kw), allocate(_, kw, *rest))[1])
    assert splitting.split_lots(network, day, power, price, near=first)[0] is first[0]
    assert not calls
    moved = power + np.array([[1e-6], [-1e-6], [0.0]])
    again = splitting.split_lots(network, day, moved, price, near=first)[0]
    assert isinstance(again, EvenSplit)
    assert len(calls) == 1
    assert again.energy_kwh.sum(axis=0) == pytest.approx(moved[:, 0], abs=1e-9)


def two_lots() -> tuple[Network, MarketDay]:
    """Two lots with the same two vehicles, at one bus; their batteries fill without loss."""
    network = small_network()
    site = replace(network.lots[0], efficiency=1.0)
    lot = lot_day(middle_and_outer(), np.full(4, 0.5), 1.0)
    return replace(network, lots=(site, replace(site, name="other"))), small_day([0.03, 0.06, 0.05, 0.01], (lot, lot))


BROKEN, KEPT = np.array([20.0, 10.0, 0.0, 30.0]), np.array([10.0, 20.0, 10.0, 20.0])
OUTER_CHEAP = np.array([0.01, 0.02, 0.02, 0.01])


def test_cuts_of_all_lots_are_looked_for_where_they_are_likely():
    """In the cheap outer hours the first lot asks for 50 of 30 kWh; in all but the third, the fullest, for 60 of 50."""
    network, day = two_lots()
    power, price = np.column_stack([BROKEN, KEPT]), np.column_stack([OUTER_CHEAP, OUTER_CHEAP])
    cuts = splitting.likely_levels(network, day, power, price, near=[None, None])
    assert isinstance(cuts, list)
    found = {(lot, tuple(cut.hours.tolist()), cut.limit_kwh) for lot, cut in cuts}
    assert found == {(0, (True, False, False, True), 30.0), (0, (True, True, False, True), 50.0)}
    assert len(cuts) == 2
    second = splitting.likely_levels(network, day, power, price, near=[None, None], skip=(0,))
    assert isinstance(second, dict)
    assert list(second) == [1]
    # How full each hour is, two lower for each step of the price.
    assert second[1].tolist() == pytest.approx([10.0 / 30.0, 20.0 / 50.0 - 2.0, 10.0 / 50.0 - 2.0, 20.0 / 30.0])


def test_levels_that_are_likely_are_where_a_split_begins(monkeypatch: pytest.MonkeyPatch):
    """Those of a split that is near count more; a lot whose power has its split is left out."""
    network, day = two_lots()
    power, price = np.column_stack([KEPT, KEPT[::-1]]), np.column_stack([OUTER_CHEAP, OUTER_CHEAP])
    levels = splitting.likely_levels(network, day, power, price, near=[None, None])
    assert isinstance(levels, dict)
    begun: list[np.ndarray | None] = []

    def told(fleet: Fleet, kw: np.ndarray, efficiency: float, price: np.ndarray, level: np.ndarray | None):
        begun.append(level)
        return allocate(fleet, kw, efficiency, price, level)

    monkeypatch.setattr(splitting, "allocate", told)
    split = splitting.split_lots(network, day, power, price, near=[None, None], levels=levels)
    assert [level is levels[k] for k, level in enumerate(begun)] == [True, True]
    assert splitting.likely_levels(network, day, power, price, near=split) == {}
    moved = power + np.array([[1.0], [-1.0], [0.0], [0.0]])
    splitting.split_lots(network, day, moved, price, near=[split[0], None], levels=levels)
    assert isinstance(split[0], EvenSplit)
    assert [begun[2] is split[0].level, begun[3] is levels[1]] == [True, True]


def test_no_lot_is_split_while_another_asks_for_too_much(monkeypatch: pytest.MonkeyPatch):
    """The power of the welfare optimum is split once; what comes before is cut where that is likely."""
    network, day = two_lots()
    looks: list[bool] = []
    splits: list[bool] = []
    likely, split = efficient.likely_levels, efficient.split_lots
    monkeypatch.setattr(
        efficient, "likely_levels", lambda *a, **k: (looks.append(isinstance(found := likely(*a, **k), list)), found)[1]
    )
    monkeypatch.setattr(efficient, "split_lots", lambda *a, **k: (splits.append(not looks[-1]), split(*a, **k))[1])
    found = efficient.EfficientSchedules(network, 4).solve(day)
    assert found.power == pytest.approx(np.column_stack([[0.0, 10.0, 20.0, 30.0]] * 2))
    assert looks[0]
    assert all(splits)
    assert len(splits) == looks.count(False) < len(looks)
