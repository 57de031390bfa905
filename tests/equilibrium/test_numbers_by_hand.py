"""Numbers that a user reads of a cleared day, each computed once more by hand: money, energies, intervals, notes."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scipy.optimize import linprog

from equilibrium.grid.assets import LotSite, Microturbine, RenewableUnit
from equilibrium.grid.feeder import Feeder
from equilibrium.grid.many_days import ManyDays
from equilibrium.grid.network import Network
from equilibrium.markets.charging.day import MarketDay
from equilibrium.markets.lots_lead.market import LotsLeadMarket
from equilibrium.markets.nodal.comparison import compare
from equilibrium.markets.nodal.market import NodalMarket
from equilibrium.markets.nodal.players import _most_earned
from equilibrium.markets.nodal.prices import PublishedPrices, bounded_weight, price_notes, publish
from equilibrium.markets.nodal.relaxation import Vehicles
from tests.equilibrium.conftest import lot_data, small_day, small_network

INF = np.inf


# Reactive power and negative prices


@pytest.mark.parametrize("market", [LotsLeadMarket, NodalMarket])
@pytest.mark.parametrize(("load_kvar", "turbine_kvar"), [(-300.0, -200.0), (300.0, 200.0)])
def test_a_turbine_gives_and_takes_reactive_power(market: Any, load_kvar: float, turbine_kvar: float) -> None:
    """The line takes 100 kvar of the load's 300; a turbine behind it that stands still takes or gives the other 200."""
    network = small_network(turbine=Microturbine("mt", 2, 500.0, 0.06), rating_kva=np.array([5000.0, 5000.0, 100.0]))
    network = replace(network, polygon_edges=4)  # |p| + |q| <= 100
    day = small_day([0.03], (lot_data(0.0, [0.0]),), turbines=1)
    kvar = np.zeros((1, 3))
    kvar[0, 2] = load_kvar
    clearing = market(network).clear(replace(day, load_kvar=kvar))
    assert clearing.certificate.certified
    assert clearing.microturbine_kvar.tolist() == [[pytest.approx(turbine_kvar)]]
    assert clearing.flow_kvar[0, 2] == pytest.approx(load_kvar - turbine_kvar)
    assert clearing.network_cost == pytest.approx(0.0, abs=1e-9)


def test_many_days_neither_buy_nor_sell_to_earn_at_a_negative_price() -> None:
    """100 kW of load beside 40 kW of sun at -50 per MWh: importing all earns 5 an hour, selling the sun loses."""
    network = replace(
        small_network(), renewables=(RenewableUnit("sun", 2, 400.0, "pv"),), lots=(LotSite("lot", 2, 1.0),)
    )
    day = small_day([-0.05, 0.05], (lot_data(0.0, [50.0, 50.0]),), load_kw=100.0)
    day = replace(day, renewable_kw=np.full((2, 1), 40.0))
    many = ManyDays(network, day)
    sun = np.array([[[40.0], [40.0]], [[40.0], [400.0]], [[400.0], [40.0]]])
    load, kvar = np.broadcast_to(day.load_kw, (3, 2, 3)), np.zeros((3, 2, 3))
    found = many.clear(load, kvar, sun, np.zeros((3, 2, 1)))
    assert found.solved.all()
    # At +50 per MWh: 60 kW are bought; of 400 kW of sun 300 are sold at 0.7 of the price.
    assert found.cost.tolist() == pytest.approx([-5.0 + 3.0, -5.0 - 0.7 * 15.0, -5.0 + 3.0])
    assert found.price[:, :, 0].tolist() == pytest.approx(np.array([[-0.05, 0.05], [-0.05, 0.035], [-0.05, 0.05]]))


@pytest.mark.parametrize("market", [LotsLeadMarket, NodalMarket])
def test_a_market_does_not_trade_in_a_circle_at_a_negative_price(market: Any) -> None:
    network = replace(small_network(), renewables=(RenewableUnit("sun", 2, 400.0, "pv"),))
    day = small_day([-0.05, 0.05], (lot_data(0.0, [0.0, 0.0]),), load_kw=100.0)
    clearing = market(network).clear(replace(day, renewable_kw=np.array([[40.0], [400.0]])))
    assert clearing.import_kw.tolist() == pytest.approx([100.0, 0.0], abs=1e-6)
    assert clearing.export_kw.tolist() == pytest.approx([0.0, 300.0], abs=1e-6)
    assert clearing.network_cost == pytest.approx(-5.0 - 0.7 * 15.0)


# The equilibrium beside the competitive outcome


def chain(size: int) -> Feeder:
    one = np.ones(size)
    labels = tuple(str(bus) for bus in range(size))
    limits = (0.9 * one, 1.1 * one)
    return Feeder("chain", 10.0, labels, np.arange(size) - 1, 0 * one, 0 * one, 1e4 * one, one, one, *limits)


def test_every_field_that_compares_with_competition() -> None:
    """Random numbers that are no outcome at all, periods of several lengths, lots and units in no order of buses."""
    rng = np.random.default_rng(5)
    t, buses, at, turbines, plants = 4, 5, (3, 1, 4), (2, 4), (1,)
    hours = np.array([1.0, 0.25, 0.5, 1.0])
    network = Network(
        chain(buses),
        microturbines=tuple(Microturbine(f"m{bus}", bus, 1e3, 0.1) for bus in turbines),
        renewables=tuple(RenewableUnit(f"r{bus}", bus, 1e3, "pv") for bus in plants),
        lots=tuple(LotSite(f"lot{bus}", bus) for bus in at),
    )
    load = rng.uniform(10, 90, (t, buses))
    available = np.ones(2, dtype=bool)
    day = MarketDay(rng.uniform(size=t), load, load, rng.uniform(size=(t, 1)), available, (), period_h=hours)
    dispatch = {
        "lot_kw": rng.uniform(5, 50, (t, 3)),
        "dlmp": rng.uniform(0.01, 0.1, (t, buses)),
        "microturbine_kw": rng.uniform(5, 50, (t, 2)),
        "renewable_kw": rng.uniform(5, 50, (t, 1)),
        "network_cost": 7.0,
        "fuel_cost": 2.5,
    }
    power_there = rng.uniform(5, 50, (t, 3))
    dispatch["lot_kw"][:, 2] *= 0.3  # draws less in all; the first two draw what they will
    there = SimpleNamespace(
        dlmp=rng.uniform(0.01, 0.1, (t, buses)), power=power_there, network_cost=6.0, system_cost=-9
    )
    price, spread = rng.uniform(0.02, 0.08, (t, 3)), rng.uniform(0.0, 0.01, (t, 3))
    prices = PublishedPrices(np.zeros((0,)), price, price - spread, price + 2 * spread, price, 0.0)
    charging = rng.uniform(0.1, 0.2, (t, 3))
    found = compare(network, day, there, dispatch, prices, charging)  # type: ignore[arg-type]

    def total(values: Any) -> float:
        return sum(hours[k] * float(values[k]) for k in range(t))

    wanted: dict[str, Any] = {name: [] for name in found if name not in ("competitive_kw", "competitive_dlmp")}
    for k, bus in enumerate(at):
        own, other = dispatch["lot_kw"][:, k], power_there[:, k]
        payment, energy, energy_there = total(price[:, k] * own), total(own), total(other)
        paid_there = total(there.dlmp[:, bus] * other)
        apart = sum(abs(hours[h] * (own[h] - other[h])) for h in range(t))
        wanted["lot_payment"].append(payment)
        wanted["value_optimistic"].append(total((charging[:, k] - prices.low[:, k]) * own))
        wanted["value_pessimistic"].append(total((charging[:, k] - prices.high[:, k]) * own))
        wanted["competitive_profit"].append(total(charging[:, k] * other) - paid_there)
        wanted["markdown"].append(paid_there / energy_there - payment / energy)
        wanted["shifted_kwh"].append((apart - abs(energy - energy_there)) / 2.0)
        wanted["withheld_kwh"].append(max(energy_there - energy, 0.0))
    wanted["load_payment"] = sum(total(dispatch["dlmp"][:, bus] * load[:, bus]) for bus in range(buses))
    receipts = sum(total(dispatch["dlmp"][:, b] * dispatch["microturbine_kw"][:, i]) for i, b in enumerate(turbines))
    receipts += total(dispatch["dlmp"][:, 1] * dispatch["renewable_kw"][:, 0])
    paid = wanted["load_payment"] + sum(wanted["lot_payment"])
    wanted["network_surplus"] = paid - receipts - (7.0 - 2.5)
    revenue = sum(total(charging[:, k] * dispatch["lot_kw"][:, k]) for k in range(3))
    wanted["price_of_anarchy"] = 9.0 / (revenue - 7.0)
    wanted["competitive_cost"] = 6.0
    for name, value in wanted.items():
        assert np.asarray(found[name]) == pytest.approx(np.asarray(value)), name
    assert min(wanted["shifted_kwh"][:2]) > 1.0
    assert wanted["withheld_kwh"][2] > 0.0
    assert found["competitive_kw"] is power_there
    assert found["competitive_dlmp"] is there.dlmp


def test_a_day_whose_load_costs_more_than_the_lots_earn_has_no_price_of_anarchy() -> None:
    clearing = NodalMarket(small_network()).clear(small_day([0.03], (lot_data(10.0, [20.0], 0.04),), load_kw=500.0))
    assert np.isnan(clearing.price_of_anarchy)
    rich = NodalMarket(small_network()).clear(small_day([0.03], (lot_data(10.0, [20.0], 0.5),)))
    assert rich.price_of_anarchy == pytest.approx(1.0)


def test_an_idle_lot_earns_nothing_at_a_price_without_an_end() -> None:
    network, lot = small_network(), lot_data(0.0, [50.0])
    day = small_day([0.03], (lot,))
    there = SimpleNamespace(dlmp=np.full((1, 3), 0.03), power=np.zeros((1, 1)), network_cost=0.0, system_cost=0.0)
    dispatch = {
        "lot_kw": np.zeros((1, 1)),
        "dlmp": np.full((1, 3), 0.03),
        "microturbine_kw": np.zeros((1, 0)),
        "renewable_kw": np.zeros((1, 0)),
        "network_cost": 0.0,
        "fuel_cost": 0.0,
    }
    one = np.ones((1, 1))
    prices = PublishedPrices(np.zeros(0), 0.03 * one, -INF * one, INF * one, 0.03 * one, 0.0)
    found = compare(network, day, there, dispatch, prices, 0.5 * one)  # type: ignore[arg-type]
    assert found["value_optimistic"].tolist() == found["value_pessimistic"].tolist() == [0.0]
    assert found["markdown"].tolist() == [0.0]


# Prices that strategic lots count on


class Made:
    """A face with two prices of which one can be low, not both."""

    def __init__(self, supported: bool) -> None:
        self.low, self.high, self.seconds = np.full((1, 2), 0.03), np.full((1, 2), 0.06), 2.0
        self._supported = supported
        self.asked: list[np.ndarray] = []

    def supporting(self, aim: np.ndarray, _takers: object) -> np.ndarray | None:
        self.asked.append(aim)
        return np.array([0.05, 0.04]) if self._supported else None

    def least(self, aim: np.ndarray) -> np.ndarray:
        self.asked.append(aim)
        return np.array([0.03, 0.06])

    def price(self, chosen: np.ndarray) -> np.ndarray:
        return chosen[None]

    def wanted(self, chosen: np.ndarray, aim: np.ndarray) -> np.ndarray:
        return np.where(aim > 0.0, self.low, chosen[None])

    def multipliers(self, chosen: np.ndarray) -> np.ndarray:
        return 10.0 * chosen


@pytest.mark.parametrize(
    ("takers", "supported", "price"),
    [((), True, [0.03, 0.06]), ((None,), True, [0.05, 0.04]), ((None,), False, [0.03, 0.06])],
)
def test_what_lots_want_stands_beside_what_is_published(takers: Any, supported: bool, price: list[float]) -> None:
    weight = np.array([[100.0, 50.0]])
    published = publish(Made(supported), weight, takers)
    assert published.price.tolist() == [price]
    assert published.wanted.tolist() == [[0.03, 0.03]]
    assert published.mu.tolist() == pytest.approx([10.0 * value for value in price])
    assert (published.low.tolist(), published.high.tolist()) == ([[0.03, 0.03]], [[0.06, 0.06]])
    assert published.seconds == 2.0


def test_weights_of_prices_without_an_end() -> None:
    low, high = np.array([[0.0, -INF, -INF]]), np.array([[1.0, 1.0, INF]])
    assert bounded_weight(np.array([[5.0, 5.0, 5.0]]), low, high).tolist() == [[5.0, -5.0, 0.0]]


def noted(price: Any, wanted: Any, energy: Any, *, low: Any = None, strategic: tuple[int, ...] = (0, 1)) -> Any:
    price, wanted, energy = (np.array(values, dtype=float) for values in (price, wanted, energy))
    ends = np.array(low, dtype=float) if low is not None else wanted
    prices = PublishedPrices(np.zeros(0), price, ends, price, wanted, 0.0)
    return price_notes(prices, energy, strategic, lambda k: f"lot {'ab'[k]}", "hours")


def test_the_note_names_what_each_lot_would_pay_less_and_where() -> None:
    """Lot a: 50 kWh at 0.03 less and 350 kWh at 0.01 less, 1.5 + 3.5 = 5; lot b: 50 kWh at 0.02 less, 1."""
    notes = noted([[0.06, 0.05], [0.04, 0.05]], [[0.03, 0.05], [0.03, 0.03]], [[50.0, 70.0], [350.0, 50.0]])
    assert notes == (
        "no price that supports the day suits all strategic lots: at its own choice "
        "lot a would pay 5 less (hour 1: 30 in place of 40 per MWh); "
        "lot b would pay 1 less (hour 1: 30 in place of 50 per MWh)",
    )


def test_a_claim_counts_by_its_money_not_by_its_price() -> None:
    same = [[0.05, 0.05]]
    assert noted(same, same, [[10.0, 10.0]]) == ()
    assert noted([[0.06, 0.05]], [[0.03, 0.05]], [[0.0, 10.0]]) == ()  # it draws nothing there
    assert noted([[0.06, 0.05]], [[0.03, 0.05]], [[10.0, 10.0]], strategic=(1,)) == ()
    idle = noted([[0.06, 0.05], [0.06, 0.05]], [[-INF, 0.05], [0.03, 0.05]], [[0.0, 1.0], [10.0, 1.0]])
    assert "lot a would pay 0.3 less (hour 1" in idle[0]
    small, large = [[0.05 + 1e-8, 0.05]], [[0.05 + 1e-4, 0.05]]
    assert noted(small, same, [[50.0, 1.0]]) == ()  # 5e-7 of a payment of 2.5
    assert len(noted(large, same, [[50.0, 1.0]])) == 1
    assert len(noted(small, same, [[1e4, 1.0]])) == 0  # 1e-4 of 500 is 2e-7
    assert len(noted([[0.05 + 2e-7, 0.05]], same, [[1e4, 1.0]])) == 1


def test_powers_that_leave_a_dispatch_alone_are_named() -> None:
    price, energy = [[0.06, 0.05], [0.06, 0.05], [0.06, 0.05]], [[10.0, 1.0], [10.0, 0.0], [0.0, 1.0]]
    low = [[-INF, 0.05], [-INF, -INF], [-INF, 0.05]]
    assert noted(price, price, energy, low=low) == (
        "lot a draws the smallest power that leaves a dispatch in hours 0, 1: its price has no lower end there, and "
        "that of the next kW counts",
    )


@pytest.mark.parametrize("seed", range(6))
def test_the_most_that_vehicles_earn_is_that_of_a_linear_program(seed: int) -> None:
    """Each vehicle draws what it needs in the hours that earn most; also where some hours lose."""
    rng = np.random.default_rng(seed)
    limit = rng.uniform(0.0, 10.0, (5, 3)) * (rng.random((5, 3)) < 0.8)
    drawn = limit * rng.uniform(0.2, 0.8, 3)
    margin = rng.normal(size=5)
    answer = linprog(
        -np.repeat(margin, 3),
        A_eq=np.tile(np.eye(3), 5),
        b_eq=drawn.sum(axis=0),
        bounds=[(0.0, most) for most in limit.ravel()],
    )
    assert _most_earned(Vehicles(limit, drawn), margin) == pytest.approx(-answer.fun)
