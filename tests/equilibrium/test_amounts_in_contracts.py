"""How much each statement about an aggregator's day says is wrong, for one wrong number at a time."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from equilibrium.errors import InputError
from equilibrium.grid.network import Network
from equilibrium.markets.aggregator import invariants as contracts
from equilibrium.markets.aggregator.checks import check_day
from equilibrium.markets.nodal.market import NodalMarket
from tests.equilibrium.aggregator_days import on_line, random_day
from tests.equilibrium.conftest import small_network
from tests.equilibrium.test_amounts_in_charging import NOTHING, made, moved

LENGTH = np.array([0.5, 2.0])


def test_money_that_comes_from_nowhere() -> None:
    """All profits are what comes from upstream, retail customers and drivers, less fuel, incentives and losses."""
    retailer = made(load_kw=[10.0, 20.0], price=[0.3, 0.2], incentive=0.05)
    day = made(
        length_h=LENGTH, probability=[0.25, 0.75], energy_price=[0.1, 0.2], reserve_income=[0.02, 0.03],
        generators=(made(cost=0.07), made(cost=0.09)), retailer=retailer,
    )  # fmt: skip
    outside = 0.5 * (-0.1 * 30.0 + 0.02 * 5.0 - 0.07 * 3.0 - 0.09 * 4.0 + 0.3 * 8.0 - 0.05 * 2.0)
    outside += 2.0 * (-0.2 * 40.0 + 0.03 * 6.0 - 0.07 * 1.0 - 0.09 * 2.0 + 0.2 * 17.0 - 0.05 * 3.0)
    drivers = 0.25 * (1.0 + 3.0) + 0.75 * (2.0 + 5.0)
    lots = (
        made(market=np.array([0.5, 1.5]), drivers=np.array([1.0, 2.0])),
        made(market=np.array([-0.5, 2.5]), drivers=np.array([3.0, 5.0])),
    )
    earned = 0.25 * (1.5 + 2.5) + 0.75 * (3.5 + 7.5)
    accounts = made(lot_accounts=lots, generators=[0.25, 0.5], retailer=0.75, losses=0.125, aggregator=0.0)
    accounts.aggregator = outside + drivers - 0.125 - earned - 1.5
    cleared = made(
        accounts=accounts, served_kw=[8.0, 17.0], purchase_kw=[30.0, 40.0], reserve_kw=[5.0, 6.0],
        generators_kw=[[3.0, 4.0], [1.0, 2.0]],
    )  # fmt: skip
    size = 1.0 + abs(outside + drivers - 0.125)
    assert contracts._money(NOTHING, day, cleared) == pytest.approx(0.0, abs=1e-14)
    for name, at, amount, price in (
        ("purchase_kw", 1, 0.5, 0.4),
        ("reserve_kw", 0, 0.5, 0.01),
        ("generators_kw", (1, 0), 0.5, 0.14),
        ("served_kw", 0, 0.5, 0.5 * 0.35),
    ):
        assert contracts._money(NOTHING, day, moved(cleared, name, at, amount)) == pytest.approx(amount * price / size)
    for name in ("aggregator", "retailer", "losses"):
        setattr(accounts, name, getattr(accounts, name) + 0.5)
        more = size if name == "losses" else 1.0 + abs(size - 1.0 + np.sign(outside + drivers - 0.125) * 0.5)
        assert contracts._money(NOTHING, day, cleared) == pytest.approx(0.5 / more), name
        setattr(accounts, name, getattr(accounts, name) - 0.5)


@pytest.mark.parametrize("grid", [False, True])
def test_energy_that_is_missing(*, grid: bool) -> None:
    """Served are 8 and 17, lots draw 3 and -2.5 in the mean, and generators make 7 and 3: 4 and 11.5 are bought."""
    lots = (
        made(charge_kw=np.array([[4.0, 0.0], [8.0, 0.0]]), discharge_kw=np.array([[0.0, 2.0], [0.0, 6.0]])),
        made(charge_kw=np.array([[0.0, 2.5], [0.0, 2.5]]), discharge_kw=np.array([[4.0, 0.0], [4.0, 0.0]])),
    )
    day = made(probability=[0.25, 0.75], periods=2, grid=made(transformer_efficiency=0.5) if grid else None)
    right = made(
        lots=lots, served_kw=[8.0, 17.0], generators_kw=[[3.0, 4.0], [1.0, 2.0]], purchase_kw=[4.0, 11.5],
        grid=made(substation_kw=np.array([9.0, 25.0]), loss_kw=np.array([[0.25, 0.25], [0.5, 0.5]])) if grid else None,
    )  # fmt: skip
    assert contracts._energy(NOTHING, day, right) == pytest.approx(0.0, abs=1e-14)
    for name, at, amount in (("purchase_kw", 0, 1.0), ("purchase_kw", 1, -1.0)):
        assert contracts._energy(NOTHING, day, moved(right, name, at, amount)) == pytest.approx(1.0 / 12.5)
    assert contracts._energy(NOTHING, day, moved(right, "served_kw", 0, 1.0)) == pytest.approx(1.0 / 12.5)
    if grid:
        for name, place, amount in (("substation_kw", 1, 2.0), ("loss_kw", (0, 1), 1.0), ("loss_kw", (1, 0), -1.0)):
            wrong = made(**{**vars(right), "grid": moved(right.grid, name, place, amount)})
            assert contracts._energy(NOTHING, day, wrong) == pytest.approx(1.0 / 12.5), name
        assert contracts._energy(NOTHING, made(**{**vars(day), "grid": None}), wrong) == pytest.approx(0.0, abs=1e-14)


def pool(**changes: Any) -> Any:
    """4 kWh come and 1 kWh; between 0.5 and 2 kWh leave at the drivers' choice."""
    values: dict[str, Any] = {
        "inflow_kwh": [4.0, 1.0], "least_kwh": [2.0, 3.0], "most_kwh": [6.0, 9.0], "power_kw": [8.0, 6.0],
        "flex_least_kwh": [0.5, 0.5], "flex_most_kwh": [2.0, 2.0],
    }  # fmt: skip
    return made(**{**values, **changes})


def test_energy_of_a_pool_that_does_not_follow() -> None:
    """6 are there at first and 9 then: what came, less what left, and what was stored."""
    stock, flex, stored = np.array([6.0, 9.0]), np.array([0.5, 2.0]), np.array([2.5, 4.0])
    assert contracts._stock(pool(), stock, flex, stored) == 0.0
    for which in range(3):
        for period in range(2):
            for amount in (-0.5, 0.5):
                parts = [each.copy() for each in (stock, flex, stored)]
                parts[which][period] += amount
                assert contracts._stock(pool(), *parts) == pytest.approx(0.05), (which, period)
    assert contracts._stock(pool(most_kwh=[5.0, 9.0]), stock, flex, stored) == pytest.approx(0.1)
    assert contracts._stock(pool(least_kwh=[6.5, 3.0]), stock, flex, stored) == pytest.approx(0.05)
    assert contracts._stock(pool(flex_least_kwh=[1.0, 0.5]), stock, flex, stored) == pytest.approx(0.05)
    assert contracts._stock(pool(flex_most_kwh=[2.0, 1.0]), stock, flex, stored) == pytest.approx(0.1)


def lot_day(monkeypatch: pytest.MonkeyPatch, reading: str = "corrected") -> tuple[Any, Any]:
    """A lot of two scenarios, of which the second is twice the first, and what it did."""
    pools = [
        made(g2v=pool(power_kw=[8.0, 6.0]), v2g=pool(power_kw=[5.0, 4.0], least_kwh=[2.0, 3.0])),
        made(g2v=pool(power_kw=[8.0, 6.0]), v2g=pool(power_kw=[9.0, 7.0], least_kwh=[2.0, 3.0])),
    ]
    monkeypatch.setattr(contracts, "lot_pools", lambda _, __, scenario: pools[scenario])
    lot = made(charge_efficiency=0.8, discharge_efficiency=0.5)
    day = made(length_h=LENGTH, lots=(lot,), scenarios=2, reading=made(output_stock=reading))
    did = made(
        charge_g2v_kw=[[8.0, 0.0], [8.0, 0.0]], charge_v2g_kw=[[0.0, 4.0], [9.0, 0.0]],
        discharge_kw=[[2.0, 0.0], [4.0, 0.0]], reserve_kw=[[1.0, 3.0], [2.0, 4.0]],
        v2g_kwh=[[6.0, 15.0], [8.0, 19.0]],
    )  # fmt: skip
    return day, made(lots=(did,))


def did(cleared: Any, name: str, at: Any, amount: float) -> Any:
    return made(lots=(moved(cleared.lots[0], name, at, amount),))


def test_powers_beyond_what_stands_behind_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 4 and 12 kWh above the least a half comes out, 4 and 3 kW; in the second scenario 6 and 4. Sizes 14, 18."""
    day, right = lot_day(monkeypatch)
    assert contracts._powers(NOTHING, day, right) == 0.0
    for name, at, amount, size in (
        ("charge_g2v_kw", (0, 0), 0.7, 0.05),
        ("charge_g2v_kw", (1, 1), -0.9, 0.05),
        ("charge_v2g_kw", (0, 1), 0.7, 0.05),
        ("charge_v2g_kw", (1, 0), 0.9, 0.05),
        ("charge_v2g_kw", (1, 1), -0.9, 0.05),
        ("reserve_kw", (0, 1), 0.7, 0.05),
        ("reserve_kw", (1, 1), 0.9, 0.05),
        ("discharge_kw", (1, 0), 3.9, 0.05),
        ("discharge_kw", (0, 1), -0.7, 0.05),
        ("reserve_kw", (1, 0), -2.9, 0.05),
        ("v2g_kwh", (0, 1), -2.8, 0.05),
    ):
        found = contracts._powers(NOTHING, day, did(right, name, at, amount))
        assert found == pytest.approx(size), (name, at)
    empty = did(right, "v2g_kwh", (1, 0), -9.0)
    assert contracts._powers(NOTHING, day, empty) == pytest.approx(2.0 / 18.0)


def test_as_printed_energy_stands_behind_discharge_too(monkeypatch: pytest.MonkeyPatch) -> None:
    day, right = lot_day(monkeypatch, "printed")
    assert contracts._powers(NOTHING, day, right) == 0.0
    assert contracts._powers(NOTHING, day, did(right, "v2g_kwh", (1, 0), -0.9)) == pytest.approx(0.9 / 18.0)


def test_energies_of_both_pools_are_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half an hour at 8 kW and 0.8 are 3.2 kWh; 2 kW that are given for half an hour take 2 kWh."""
    seen = list[tuple[str, list[float], list[float], list[float]]]()
    day, cleared = lot_day(monkeypatch)
    lot = cleared.lots[0]
    lot.g2v_kwh, lot.flex1_kwh, lot.flex2_kwh = (np.arange(4.0).reshape(2, 2) + 10.0 * k for k in range(3))
    worst = iter([0.1, 0.2, 0.4, 0.3])

    def stock(each: Any, energy: Any, flex: Any, stored: Any) -> float:
        seen.append(("v2g" if each.power_kw[0] != 8.0 else "g2v", energy.tolist(), flex.tolist(), stored.tolist()))
        return next(worst)

    monkeypatch.setattr(contracts, "_stock", stock)
    assert contracts._pools(NOTHING, day, cleared) == 0.4
    assert [(name, energy, flex) for name, energy, flex, _ in seen] == [
        ("g2v", [0.0, 1.0], [10.0, 11.0]),
        ("v2g", [6.0, 15.0], [20.0, 21.0]),
        ("g2v", [2.0, 3.0], [12.0, 13.0]),
        ("v2g", [8.0, 19.0], [22.0, 23.0]),
    ]
    for (*_, stored), wanted in zip(seen, ([3.2, 0.0], [-2.0, 6.4], [3.2, 0.0], [3.6 - 4.0, 0.0]), strict=True):
        assert stored == pytest.approx(wanted)


def test_prices_outside_nothing_and_their_caps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contracts, "price_names", lambda _: {"in": 9.0, "out": 4.0})
    prices = {"in": np.array([0.0, 9.0]), "out": np.array([4.0, 0.0])}
    assert contracts._caps(NOTHING, NOTHING, made(prices=prices)) == 0.0
    for name, values, size in (("in", [9.5, 0.0], 0.05), ("in", [1.0, -0.5], 0.05), ("out", [4.5, 0.0], 0.1)):
        assert contracts._caps(NOTHING, NOTHING, made(prices=prices | {name: np.array(values)})) == pytest.approx(size)


def test_generators_run_at_the_cost_of_one_of_them() -> None:
    """Only periods in which their price is identified count."""
    units = (made(cost=0.3), made(cost=0.5))
    cleared = made(
        prices={"generators": np.array([0.5, 0.33, 0.9])}, identified={"generators": np.array([True, True, False])}
    )
    reading = made(generator_price="common")
    day = made(uniform=False, generators=units, reading=reading)
    assert contracts._breakpoints(NOTHING, day, cleared) == pytest.approx(0.03)
    for changes in ({"uniform": True}, {"generators": ()}, {"reading": made(generator_price="unit")}):
        assert contracts._breakpoints(NOTHING, made(**{**vars(day), **changes}), cleared) == 0.0


@pytest.mark.parametrize(("cap", "size"), [(0.2, 0.25), (0.3, 0.0), (0.4, 0.0)])
def test_nothing_is_interrupted_below_what_load_is_worth(cap: float, size: float) -> None:
    day = made(energy_cap=cap, retailer=made(worth=np.array([0.5, 0.3]), load_kw=np.array([3.0, 9.0])))
    assert contracts._interruption(NOTHING, day, made(served_kw=np.array([2.0, 8.0]))) == pytest.approx(size)


def test_a_day_without_a_feeder_stands_on_one_bus() -> None:
    plain = contracts.network_of(random_day(1))
    assert isinstance(plain, Network)
    feeder = plain.feeder
    assert (feeder.name, feeder.base_kv, feeder.buses, feeder.parent.tolist()) == ("one bus", 1.0, ("0",), [-1])
    values = [
        each.tolist() for each in (feeder.r_ohm, feeder.x_ohm, feeder.rating_kva, feeder.load_kw, feeder.load_kvar)
    ]
    assert values == [[0.0], [0.0], [np.inf], [0.0], [0.0]]
    assert (feeder.voltage_min_pu.tolist(), feeder.voltage_max_pu.tolist()) == ([0.0], [2.0])
    day = on_line(random_day(1))
    assert day.grid is not None
    assert contracts.network_of(day).feeder is day.grid.feeder


# What is refused


@pytest.mark.parametrize("name", ["share", "departure_soc"])
def test_shares_of_contracts_have_a_place_for_every_category_and_class(name: str) -> None:
    day = random_day(2)
    (lot,) = day.lots
    value = np.array(getattr(lot.contracts, name), dtype=float)

    def refused(changed: np.ndarray) -> str:
        other = replace(lot, contracts=replace(lot.contracts, **{name: changed}))
        with pytest.raises(InputError) as caught:
            check_day(replace(day, lots=(other,)))
        return str(caught.value)

    assert f"lot {lot.name}: contracts, {name}" in refused(value[1:])
    wrong = value.copy()
    wrong[2, 1] = -0.25
    assert refused(wrong) == f"lot {lot.name}: contracts, {name}: got -0.25, expected shares from 0 to 1"
    wrong[2, 1] = 1.25
    assert refused(wrong) == f"lot {lot.name}: contracts, {name}: got 1.25, expected shares from 0 to 1"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"certify_limit_s": -1e-9}, "certify_limit_s: got -1e-09, expected seconds, at least 0"),
        ({"time_limit_s": float("nan")}, "time_limit_s: got nan, expected seconds, at least 0"),
        ({"node_limit": -1}, "node_limit: got -1, expected a number of nodes, at least 0"),
        ({"behaviours": ()}, "behaviours: got (), expected one for each of 1 lots"),
    ],
)
def test_options_of_the_nodal_market_at_the_edge(options: dict[str, Any], told: str) -> None:
    NodalMarket(small_network(), certify_limit_s=0.0, time_limit_s=0.0, node_limit=0)
    with pytest.raises(InputError) as caught:
        NodalMarket(small_network(), **options)
    assert str(caught.value) == f"nodal market: {told}"
