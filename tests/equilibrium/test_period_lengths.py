"""Periods of any length: the same day in other units of time, hours that are cut, and lengths that differ."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from equilibrium.errors import InfeasibleError, InputError
from equilibrium.fleet.day import Fleet, LotDay
from equilibrium.fleet.envelope import allocate, lot_day, period_at, plugged_share
from equilibrium.grid.assets import Microturbine, StorageUnit
from equilibrium.grid.many_days import ManyDays
from equilibrium.grid.network import Network
from equilibrium.invariants import check
from equilibrium.markets.charging import invariants as charging
from equilibrium.markets.charging.day import MarketDay
from equilibrium.markets.disco import invariants as disco
from equilibrium.markets.disco.market import DiscoMarket
from equilibrium.markets.lots_lead.market import LotsLeadMarket
from equilibrium.markets.nodal import invariants as nodal
from equilibrium.markets.nodal.market import NodalMarket
from scenarios.random_markets import markets, with_storage
from tests.equilibrium.conftest import lot_data, proved, small_day, small_network
from tests.equilibrium.disco_days import random_day
from tests.equilibrium.nodal_days import markets_with_vehicles
from tests.equilibrium.oracle import examples, tight_markets

LENGTHS = st.sampled_from([0.25, 0.5, 2.0])
BEHAVIOURS = ("strategic", "price-taking", "central")


def in_other_units(network: Network, day: MarketDay, hours: float) -> tuple[Network, MarketDay]:
    """The same day if an hour lasted ``hours``: every energy is so much larger, and so is every cost."""
    storage = tuple(
        replace(
            unit,
            energy_kwh=hours * unit.energy_kwh,
            initial_kwh=hours * unit.initial_kwh,
            energy_min_kwh=hours * unit.energy_min_kwh,
        )
        for unit in network.storage
    )
    turbines = tuple(replace(unit, ramp_kw_per_h=unit.ramp_kw_per_h / hours) for unit in network.microturbines)
    lots = tuple(
        _lot_in_other_units(lot, site.efficiency, hours) for lot, site in zip(day.lots, network.lots, strict=True)
    )
    return replace(network, storage=storage, microturbines=turbines), replace(day, lots=lots, period_h=hours)


def _lot_in_other_units(lot: LotDay, efficiency: float, hours: float) -> LotDay:
    if lot.fleet is not None:
        energies = {name: hours * getattr(lot.fleet, name) for name in ("energy_kwh", "need_kwh", "battery_kwh")}
        return lot_day(replace(lot.fleet, **energies, period_h=hours), lot.charging_price, efficiency)
    names = ("energy_in_kwh", "energy_out_kwh", "energy_end_kwh", "soe_min_kwh", "soe_max_kwh")
    return replace(lot, **{name: hours * getattr(lot, name) for name in names})


def assert_same_day(one, other, hours: float) -> None:
    """All powers and prices are equal, all money and energies so much larger."""
    for name in ("lot_kw", "import_kw", "export_kw", "microturbine_kw", "dlmp", "storage_charge_kw"):
        np.testing.assert_allclose(getattr(other, name), getattr(one, name), atol=1e-6, err_msg=name)
    for name in ("network_cost", "fuel_cost", "lot_profit", "lot_soe_kwh", "storage_kwh"):
        expected = hours * np.asarray(getattr(one, name))
        np.testing.assert_allclose(getattr(other, name), expected, atol=1e-6, err_msg=name)
    assert other.certificate.verdict == one.certificate.verdict


@examples(30)
@given(st.one_of(markets(), markets_with_vehicles(), markets(charging_price=0.4)), LENGTHS, st.booleans())
def test_lots_lead_in_other_units_of_time(market, hours, stored):
    network, day = market
    if stored:
        network = replace(network, storage=(StorageUnit("battery", 1, 100.0, 50.0, 50.0, 20.0, 0.8, 0.5),))
    try:
        one = LotsLeadMarket(network).clear(day)
    except InfeasibleError:
        assume(False)
    longer = in_other_units(network, day, hours)
    assert_same_day(one, LotsLeadMarket(longer[0]).clear(longer[1]), hours)


@examples(30)
@given(st.one_of(tight_markets(), markets_with_vehicles()), st.lists(st.sampled_from(BEHAVIOURS), min_size=3), LENGTHS)
def test_nodal_in_other_units_of_time(market, behaviours, hours):
    network, day = market
    chosen = tuple(behaviours[k % len(behaviours)] for k in range(len(network.lots)))
    try:
        one = NodalMarket(network, behaviours=chosen).clear(day)
    except InfeasibleError:
        assume(False)
    longer = in_other_units(network, day, hours)
    other = NodalMarket(longer[0], behaviours=chosen).clear(longer[1])
    assert_same_day(one, other, hours)
    for name in ("lot_price", "lot_price_low", "lot_price_high", "competitive_kw", "competitive_dlmp", "markdown"):
        np.testing.assert_allclose(getattr(other, name), getattr(one, name), atol=1e-6, err_msg=name)
    for name in ("lot_payment", "shifted_kwh", "withheld_kwh", "load_payment", "network_surplus", "lot_maximum"):
        expected = hours * np.asarray(getattr(one, name))
        np.testing.assert_allclose(getattr(other, name), expected, atol=1e-6, err_msg=name)


@examples(12)
@given(st.data(), LENGTHS)
def test_nodal_with_joined_hours_in_other_units_of_time(data, hours):
    network, day = data.draw(tight_markets(hours=3, max_lots=2))
    network = data.draw(with_storage(network, max_units=1))
    try:
        one = NodalMarket(network).clear(day)
    except InfeasibleError:
        assume(False)
    longer = in_other_units(network, day, hours)
    other = NodalMarket(longer[0]).clear(longer[1])
    np.testing.assert_allclose(other.lot_maximum, hours * one.lot_maximum, atol=1e-5)
    np.testing.assert_allclose(other.lot_profit, hours * one.lot_profit, atol=1e-5)
    assert other.certificate.certified == one.certificate.certified


@examples(12)
@given(tight_markets(hours=3, max_buses=4, max_lots=2), st.booleans(), st.data())
def test_lengths_that_differ_are_proved_twice(market, stored, data):
    """Two methods that share no search agree on the best deviations, and the point solves the whole program."""
    network, day = market
    lengths = np.array(data.draw(st.lists(st.sampled_from([0.25, 0.5, 1.0, 1.5]), min_size=3, max_size=3)))
    if stored:
        network = replace(network, storage=(StorageUnit("battery", 1, 100.0, 50.0, 50.0, 20.0, 0.8, 0.5),))
    day = replace(day, period_h=lengths, lots=tuple(_loose(lot, lengths) for lot in day.lots))
    try:
        clearing = NodalMarket(network, certify="full").clear(day)
    except InfeasibleError:
        assume(False)
    assume(proved(clearing))
    assert clearing.certificate.primal < 1e-7 > clearing.certificate.dual
    second = clearing.certificate.second
    assert second.finished
    for lot, bound in zip(second.lots, second.bound, strict=True):
        assert bound == pytest.approx(clearing.lot_profit[lot], abs=1e-5 * max(1.0, abs(bound)))
    energy = lengths[:, None] * clearing.lot_kw
    earned = (np.stack([lot.charging_price for lot in day.lots], axis=1) - clearing.lot_price) * energy
    assert clearing.lot_profit == pytest.approx(earned.sum(axis=0), abs=1e-9)
    assert not broken(nodal.INVARIANTS, network, day, clearing)
    assert not broken(charging.INVARIANTS, network, day, LotsLeadMarket(network).clear(day))


def broken(invariants, network, day, clearing) -> list[str]:
    """The statements that do not hold at a cleared day."""
    return [finding.name for finding in check(invariants, network, day, clearing) if not finding.holds]


def _loose(lot: LotDay, lengths: np.ndarray) -> LotDay:
    """A lot that wants half of what it can draw, at any time."""
    most = 0.95 * float(lengths @ lot.power_max_kw)
    nothing = np.zeros(lengths.size)
    return replace(
        lot,
        energy_in_kwh=nothing,
        energy_out_kwh=nothing,
        energy_end_kwh=0.4 * most,
        soe_min_kwh=nothing,
        soe_max_kwh=np.full(lengths.size, most),
    )


# Hours that are cut --------------------------------------------------------------------------------------------------


def cut(network: Network, day: MarketDay, parts: int = 4) -> MarketDay:
    """The day with every hour in parts; of an envelope the first has the arrivals and the last the departures."""

    def held(values: np.ndarray) -> np.ndarray:
        return np.repeat(values, parts, axis=0)

    def at(values: np.ndarray, part: int, otherwise: float = 0.0) -> np.ndarray:
        placed = np.full(values.size * parts, otherwise)
        placed[part::parts] = values
        return placed

    lots = []
    for lot, site in zip(day.lots, network.lots, strict=True):
        if lot.fleet is not None:
            own = lot.fleet
            last = np.minimum(own.departure_hour, day.hours - 1)
            inside = own.power_kw[np.arange(own.size), last] > 0.0  # it leaves within an hour: in the last part of it
            leaves = parts * own.departure_hour + np.where(inside, parts - 1, 0)
            fleet = replace(
                own,
                power_kw=np.repeat(own.power_kw, parts, axis=1),
                arrival_hour=parts * own.arrival_hour,
                departure_hour=np.minimum(leaves, parts * day.hours),
                period_h=1.0 / parts,
            )
            lots.append(lot_day(fleet, held(lot.charging_price), site.efficiency))
            continue
        lots.append(
            LotDay(
                charging_price=held(lot.charging_price),
                energy_in_kwh=at(lot.energy_in_kwh, 0),
                energy_out_kwh=at(lot.energy_out_kwh, parts - 1),
                energy_end_kwh=lot.energy_end_kwh,
                soe_min_kwh=at(lot.soe_min_kwh, parts - 1),
                soe_max_kwh=at(lot.soe_max_kwh, parts - 1, 1e6),
                power_max_kw=held(lot.power_max_kw),
            )
        )
    return MarketDay(
        held(day.wholesale_price),
        held(day.load_kw),
        held(day.load_kvar),
        held(day.renewable_kw),
        day.microturbine_available,
        tuple(lots),
        period_h=1.0 / parts,
    )


def hourly(values: np.ndarray, parts: int = 4) -> np.ndarray:
    """Mean of the parts of every hour."""
    return values.reshape(-1, parts, *values.shape[1:]).mean(axis=1)


@examples(30)
@given(st.one_of(markets(), markets_with_vehicles(), markets(charging_price=0.4)))
def test_four_quarters_give_the_hourly_answer_of_lots_lead(market):
    network, day = market
    try:
        one = LotsLeadMarket(network).clear(day)
    except InfeasibleError:
        assume(False)
    quarters = LotsLeadMarket(network).clear(cut(network, day))
    assert quarters.certificate.certified
    assert quarters.network_cost == pytest.approx(one.network_cost, abs=1e-6 * (1.0 + abs(one.network_cost)))
    np.testing.assert_allclose(quarters.lot_profit, one.lot_profit, atol=1e-6)
    np.testing.assert_allclose(quarters.lot_maximum, one.lot_maximum, atol=1e-6)
    np.testing.assert_allclose(hourly(quarters.lot_kw).sum(axis=0), one.lot_kw.sum(axis=0), atol=1e-5)


@examples(20)
@given(st.one_of(tight_markets(), markets_with_vehicles()), st.lists(st.sampled_from(BEHAVIOURS[1:]), min_size=3))
def test_four_quarters_give_the_hourly_answer_of_lots_that_do_not_play(market, behaviours):
    network, day = market
    chosen = tuple(behaviours[k % len(behaviours)] for k in range(len(network.lots)))
    try:
        one = NodalMarket(network, behaviours=chosen).clear(day)
    except InfeasibleError:
        assume(False)
    quarters = NodalMarket(network, behaviours=chosen).clear(cut(network, day))
    revenue, fine = (
        sum(float(lot.charging_price @ (d.length_h * clearing.lot_kw[:, k])) for k, lot in enumerate(d.lots))
        for d, clearing in ((day, one), (cut(network, day), quarters))
    )
    cost = one.network_cost - revenue
    assert quarters.network_cost - fine == pytest.approx(cost, abs=1e-6 * (1.0 + abs(cost)))


@examples(15)
@given(tight_markets(hours=3, max_lots=1))
def test_a_strategic_lot_earns_no_less_when_its_hours_are_cut(market):
    """It may draw the hourly power in every part of an hour; to vary it within the hour can only help."""
    network, day = market
    try:
        one = NodalMarket(network).clear(day)
        quarters = NodalMarket(network).clear(cut(network, day))
    except InfeasibleError:
        assume(False)
    assume(proved(one) and proved(quarters))
    assert quarters.lot_profit[0] >= one.lot_profit[0] - 1e-6 * (1.0 + abs(one.lot_profit[0]))


STAIR = (Microturbine("cheap", 2, 60.0, 0.02), Microturbine("dear", 2, 400.0, 0.30))


@pytest.mark.parametrize("solver", ["highs", "gurobi"])
@pytest.mark.parametrize("storage", [(), (StorageUnit("nothing", 2, 0.0, 0.0, 0.0, 0.0),)])
def test_four_quarters_give_the_hourly_answer_of_a_strategic_lot(solver, storage):
    """Up to 60 kW a kWh costs 0.02, beyond 0.30: the lot withholds down to the kink, in an hour as in each quarter."""
    network = replace(small_network(terminal="ge"), microturbines=STAIR, storage=storage, export_price_factor=0.0)
    day = small_day([1.0, 1.0], (lot_data(30.0, [100.0, 100.0], 0.4),), turbines=2)
    fine = cut(network, day)
    one, quarters = (NodalMarket(network, solver=solver, certify="full").clear(d) for d in (day, fine))
    for clearing in (one, quarters):
        assert clearing.certificate.certified
        np.testing.assert_allclose(clearing.lot_kw, 60.0, atol=1e-6)
        np.testing.assert_allclose(clearing.lot_price, 0.02, atol=1e-9)
        assert clearing.lot_profit[0] == pytest.approx(2 * 60.0 * (0.40 - 0.02))
    assert quarters.lot_payment[0] == pytest.approx(2 * 60.0 * 0.02)


@pytest.mark.parametrize("mode", ["strict", "windows", "windows-strict"])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_four_quarters_give_the_hourly_answer_of_the_company(mode, seed):
    network, day = random_day(seed)
    fine = replace(
        day,
        **{name: np.repeat(getattr(day, name), 4, axis=0) for name in ("load_kw", "load_kvar")},
        **{name: np.repeat(getattr(day, name), 4) for name in ("charge_window", "discharge_window")},
        tariffs=replace(
            day.tariffs,
            **{n: np.repeat(getattr(day.tariffs, n), 4) for n in ("load", "lot_buys", "lot_sells", "driver_pays")},
        ),
        scenarios=tuple(
            replace(
                each,
                renewable_kw=np.repeat(each.renewable_kw, 4, axis=0),
                upstream_price=np.repeat(each.upstream_price, 4),
                vehicles=tuple(replace(b, arrival=4 * b.arrival, departure=4 * b.departure) for b in each.vehicles),
            )
            for each in day.scenarios
        ),
        emissions=None,
        period_h=np.full(4 * day.periods, 0.25),
    )
    day = replace(day, emissions=None)
    market = DiscoMarket(network, mode=mode, segments=5)
    one, quarters = market.clear(day), market.clear(fine)
    assert not broken(disco.INVARIANTS, network, fine, quarters)
    assert quarters.certificate.certified == one.certificate.certified
    assert quarters.expected_profit == pytest.approx(one.expected_profit, abs=1e-6 * (1.0 + abs(one.expected_profit)))
    np.testing.assert_allclose(quarters.lot_expected_profit, one.lot_expected_profit, atol=1e-6)
    for name, amount in one.scenarios[0].accounts.items():
        if mode != "windows" or not name.startswith("driver"):
            assert quarters.scenarios[0].accounts[name] == pytest.approx(amount, abs=1e-5 * (1.0 + abs(amount))), name


# Worked by hand ------------------------------------------------------------------------------------------------------


def test_energies_and_prices_of_two_unequal_periods():
    """90 kWh at 0.10 for a quarter of an hour (at most 200 kW: 50 kWh) and at 0.20 for two hours (the other 40 kWh)."""
    day = small_day([0.1, 0.2], (lot_data(90.0, [200.0, 200.0]),), load_kw=40.0)
    day = replace(day, period_h=np.array([0.25, 2.0]))
    for clearing in (
        LotsLeadMarket(small_network()).clear(day),
        NodalMarket(small_network(), behaviours=("central",)).clear(day),
    ):
        np.testing.assert_allclose(clearing.lot_kw[:, 0], [200.0, 20.0], atol=1e-6)
        np.testing.assert_allclose(clearing.lot_soe_kwh[:, 0], [50.0, 90.0], atol=1e-6)
        np.testing.assert_allclose(clearing.dlmp[:, 2], [0.1, 0.2], atol=1e-9)
        assert clearing.network_cost == pytest.approx(0.1 * 0.25 * 240.0 + 0.2 * 2.0 * 60.0)


def test_ramps_go_from_the_middle_of_a_period_to_that_of_the_next():
    """40 kW per hour: from a quarter of an hour to a whole one the power may rise by 40 * (0.125 + 0.5) = 25 kW."""
    turbine = Microturbine("mt", 2, 200.0, 0.01, 40.0)
    network = small_network(0, turbine)
    day = replace(small_day([0.1, 0.1], (), load_kw=0.0, turbines=1), period_h=np.array([0.25, 1.0]))
    day.load_kw[1, 2] = 100.0
    clearing = LotsLeadMarket(replace(network, export_price_factor=0.0)).clear(day)
    assert np.diff(clearing.microturbine_kw[:, 0]) == pytest.approx([25.0])


def test_storage_counts_energy():
    """A battery of 30 kWh (no losses) fills in a quarter at 120 kW and empties in two hours at 15 kW."""
    battery = StorageUnit("battery", 2, 30.0, 200.0, 200.0, 0.0, 1.0, 1.0)
    network = replace(small_network(0), storage=(battery,))
    day = replace(small_day([0.1, 0.5], (), load_kw=50.0), period_h=np.array([0.25, 2.0]))
    clearing = LotsLeadMarket(network).clear(day)
    np.testing.assert_allclose(clearing.storage_charge_kw[:, 0], [120.0, 0.0], atol=1e-6)
    np.testing.assert_allclose(clearing.storage_discharge_kw[:, 0], [0.0, 15.0], atol=1e-6)
    assert clearing.network_cost == pytest.approx(0.1 * 0.25 * 170.0 + 0.5 * 2.0 * 35.0)


def test_many_days_cost_power_times_length():
    day = replace(small_day([0.1, 0.2], (), load_kw=40.0), period_h=np.array([0.25, 2.0]))
    network = small_network(0)
    days = ManyDays(network, day).clear(
        day.load_kw[None], day.load_kvar[None], day.renewable_kw[None], np.zeros((1, 2, 0))
    )
    assert days.cost == pytest.approx([0.1 * 0.25 * 40.0 + 0.2 * 2.0 * 40.0])


def test_a_market_clears_days_of_different_periods_in_any_order():
    """What a day gives depends on no other day, whatever their periods are."""
    network, days = small_network(), []
    for hours in (23, 24, 25):
        lot = lot_data(100.0, [50.0] * hours, 0.4)
        days.append(small_day(np.linspace(0.1, 0.2, hours).tolist(), (lot,), load_kw=30.0))
    days.append(cut(network, days[1]))
    for kind in (LotsLeadMarket, NodalMarket):
        fresh = [kind(network).clear(day) for day in days]
        market = kind(network)
        market.prepare(days[1])
        for day, alone in [*zip(days, fresh, strict=True), *reversed(list(zip(days, fresh, strict=True)))]:
            again = market.clear(day)
            assert again.lot_kw.shape == (day.hours, 1)
            np.testing.assert_allclose(again.lot_kw, alone.lot_kw, atol=1e-9)
            assert again.network_cost == pytest.approx(alone.network_cost)


def test_a_split_gives_every_vehicle_its_energy():
    fleet = Fleet(
        power_kw=np.array([[20.0, 20.0], [0.0, 10.0]]),
        energy_kwh=np.zeros(2),
        need_kwh=np.array([12.0, 15.0]),
        battery_kwh=np.full(2, 40.0),
        arrival_hour=np.array([0, 1]),
        departure_hour=np.array([2, 2]),
        period_h=np.array([0.5, 2.0]),
    )
    lot = lot_day(fleet, np.full(2, 0.3), 1.0)
    np.testing.assert_allclose(lot.soe_max_kwh, [10.0, 27.0])
    np.testing.assert_allclose(lot.soe_min_kwh, [0.0, 27.0])
    np.testing.assert_allclose(lot.power_max_kw, [20.0, 13.5])
    split = allocate(fleet, np.array([20.0, 8.5]), 1.0, np.zeros(2))
    np.testing.assert_allclose(split.energy_kwh, [[10.0, 2.0], [0.0, 15.0]])


def test_stays_and_moments_on_periods():
    share = plugged_share(np.array([0.1, 0.5]), np.array([0.4, 9.0]), np.array([0.25, 2.0]))
    np.testing.assert_allclose(share, [[0.6, 0.075], [0.0, 0.875]])
    assert period_at(np.array([0.0, 0.24, 0.25, 2.25, 9.0]), np.array([0.25, 2.0])).tolist() == [0, 0, 1, 2, 2]


@pytest.mark.parametrize(
    ("period_h", "message"),
    [
        (0.0, "period_h: got 0.0, expected a positive number of hours"),
        (np.array([1.0, np.nan]), "period_h: got nan, expected a positive number of hours"),
        (np.ones(3), r"period_h: got \(3,\), expected one length for each of 2 periods"),
    ],
)
def test_lengths_that_cannot_be(period_h, message):
    day = replace(small_day([0.1, 0.2], (lot_data(10.0, [50.0, 50.0]),)), period_h=period_h)
    with pytest.raises(InputError, match=message):
        LotsLeadMarket(small_network()).clear(day)
