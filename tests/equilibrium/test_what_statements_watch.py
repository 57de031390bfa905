"""Which statements see which number of a cleared day: each number is made wrong at a few places, either way.

A statement that no longer watches what it speaks of, or that sees what it should not, fails the test.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import fields, is_dataclass, replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from equilibrium.invariants import Invariant, check
from equilibrium.markets.charging import invariants as charging
from equilibrium.markets.disco import invariants as disco
from equilibrium.markets.disco.market import DiscoMarket
from equilibrium.markets.nodal import invariants as nodal
from tests.equilibrium.disco_days import random_day, small_network
from tests.equilibrium.test_invariants import simulated

Path = tuple[Any, ...]
GIVEN = {"probability", "alpha", "beta", "rounds", "cycle", "period", "bus"}
"""Not computed, or no amount."""

MOST_OF_A_KIND = 8
"""Of a long row of things of one kind about as many are made wrong."""


def numbers(found: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every array and number of a cleared day, with its place in it."""
    if isinstance(found, np.ndarray):
        if found.dtype.kind == "f" and found.size:
            yield path, found
    elif isinstance(found, bool):
        return
    elif isinstance(found, int | float):
        yield path, float(found)
    elif isinstance(found, dict):
        for key, value in found.items():
            yield from numbers(value, (*path, key))
    elif isinstance(found, tuple):
        for key in range(0, len(found), max(1, len(found) // MOST_OF_A_KIND)):
            yield from numbers(found[key], (*path, key))
    elif is_dataclass(found):
        for field in fields(found):
            if field.name not in GIVEN:
                yield from numbers(getattr(found, field.name), (*path, field.name))


def put(found: Any, path: Path, value: Any) -> Any:
    """The day with another value at a place."""
    if not path:
        return value
    key, *rest = path
    if isinstance(found, tuple):
        return (*found[:key], put(found[key], tuple(rest), value), *found[key + 1 :])
    if isinstance(found, dict):
        return {**found, key: put(found[key], tuple(rest), value)}
    return replace(found, **{key: put(getattr(found, key), tuple(rest), value)})


def wrong(value: Any) -> Iterator[Any]:
    """The number, or four of the array one by one, larger and smaller by a third."""
    for by in (0.37, -0.37):
        if isinstance(value, float):
            yield value + by * max(1.0, abs(value))
            continue
        for at in np.random.default_rng(0).choice(value.size, min(value.size, 4), replace=False):
            other = value.copy()
            other.flat[at] += by * max(1.0, abs(other.flat[at]))
            yield other


def named(path: Path) -> str:
    """The name of a number, whatever its scenario or lot."""
    return ".".join(str(key) for key in path if not isinstance(key, int))


def watched(invariants: Iterable[Invariant[Any, Any]], market: tuple[Any, Any, Any]) -> dict[str, str]:
    network, day, cleared = market
    found: dict[str, set[str]] = {}
    for path, value in numbers(cleared):
        for other in wrong(value):
            findings = check(invariants, network, day, put(cleared, path, other))
            found.setdefault(named(path), set()).update(each.name for each in findings if not each.holds)
    return {name: " ".join(sorted(names)) for name, names in found.items()}


CHARGING = {
    "import_kw": "active-balance network-cost",
    "export_kw": "active-balance limits network-cost one-way-trade substation-price",
    "microturbine_kw": "active-balance fuel-price limits network-cost",
    "microturbine_kvar": "limits reactive-balance",
    "renewable_kw": "active-balance limits renewable-price",
    "compensator_kvar": "limits reactive-balance",
    "flow_kw": "active-balance voltage-drop",
    "flow_kvar": "reactive-balance voltage-drop",
    "voltage_pu": "limits voltage-drop",
    "lot_kw": "active-balance lot-energy lot-profit vehicles-served",
    "lot_soe_kwh": "lot-energy",
    "storage_charge_kw": "active-balance storage-energy",
    "storage_discharge_kw": "active-balance storage-energy",
    "storage_kwh": "storage-energy",
    "shed_kw": "active-balance limits reactive-balance",
    "unserved_kwh": "lot-energy vehicles-served",
    "dlmp": "limit-worth price-parts renewable-price",
    "dlmp_energy": "price-parts",
    "dlmp_congestion": "congestion-price price-parts",
    "dlmp_voltage": "price-parts voltage-price",
    "limits.value": "limit-slack",
    "limits.bound": "limit-slack",
    "limits.slack": "limit-slack",
    "limits.multiplier": "limit-worth",
    "limits.shortage": "limit-slack",
    "lot_price": "lot-profit",
    "vehicle_kw": "vehicles-served",
    "network_cost": "network-cost",
    "fuel_cost": "network-cost",
    "lot_profit": "lot-profit proof",
    "lot_maximum": "proof",
    "certificate.regret": "proof",
    "certificate.worst_regret": "proof",
    "certificate.epsilon": "proof",
}
NODAL = {
    "import_kw": "active-balance network-cost",
    "export_kw": "active-balance limits network-cost one-way-trade substation-price",
    "microturbine_kw": "active-balance fuel-price limits money-balance network-cost",
    "microturbine_kvar": "limits reactive-balance",
    "renewable_kw": "active-balance limits money-balance renewable-price",
    "compensator_kvar": "reactive-balance",
    "flow_kw": "active-balance voltage-drop",
    "flow_kvar": "reactive-balance voltage-drop",
    "voltage_pu": "limits voltage-drop",
    "lot_kw": "active-balance competition lot-energy lot-profit market-power money-balance vehicles-served",
    "lot_soe_kwh": "lot-energy",
    "shed_kw": "active-balance limits money-balance reactive-balance",
    "unserved_kwh": "lot-energy vehicles-served",
    "dlmp": "limit-worth money-balance price-parts renewable-price",
    "dlmp_energy": "price-parts",
    "dlmp_congestion": "congestion-price price-parts",
    "dlmp_voltage": "price-parts voltage-price",
    "limits.value": "limit-slack",
    "limits.bound": "limit-slack",
    "limits.slack": "limit-slack",
    "limits.multiplier": "limit-worth",
    "limits.shortage": "limit-slack",
    "lot_price": "lot-price lot-profit money-balance price-interval",
    "vehicle_kw": "vehicles-served",
    "network_cost": "competition money-balance network-cost",
    "fuel_cost": "money-balance network-cost",
    "lot_profit": "lot-profit profit-interval proof",
    "lot_maximum": "proof",
    "certificate.regret": "proof",
    "certificate.worst_regret": "proof",
    "certificate.epsilon": "proof",
    "lot_payment": "money-balance",
    "lot_price_low": "price-interval",
    "lot_price_high": "price-interval",
    "value_optimistic": "profit-interval",
    "value_pessimistic": "profit-interval",
    "competitive_kw": "competition market-power",
    "competitive_profit": "competition",
    "competitive_cost": "competition",
    "shifted_kwh": "market-power",
    "withheld_kwh": "market-power",
    "load_payment": "money-balance",
    "network_surplus": "money-balance",
    "price_of_anarchy": "competition",
}
DISCO = {
    "scenarios.import_kw": "accounts substation-price transformer",
    "scenarios.renewable_kw": "active-balance limits renewable-price",
    "scenarios.lot_charge_kw": "accounts active-balance vehicles windows",
    "scenarios.lot_discharge_kw": "accounts active-balance vehicles windows",
    "scenarios.loss_kw": "active-balance limits voltage-drop",
    "scenarios.flow_kw": "active-balance voltage-drop",
    "scenarios.flow_kvar": "voltage-drop",
    "scenarios.voltage_pu": "limits voltage-drop",
    "scenarios.price": "renewable-price",
    "scenarios.vehicles.charge_kw": "vehicles",
    "scenarios.vehicles.discharge_kw": "vehicles",
    "scenarios.vehicles.energy_kwh": "vehicles",
    "scenarios.vehicles.wish_kwh": "vehicles",
    "scenarios.accounts.load_income": "accounts money-balance",
    "scenarios.accounts.lot_charging_income": "accounts money-balance",
    "scenarios.accounts.v2g_payment": "accounts money-balance",
    "scenarios.accounts.upstream_cost": "accounts money-balance",
    "scenarios.accounts.response_cost": "accounts money-balance",
    "scenarios.accounts.emission_reward": "accounts money-balance",
    "scenarios.accounts.driver_income": "accounts money-balance",
    "scenarios.accounts.driver_payment": "accounts money-balance",
    "scenarios.accounts.degradation_cost": "accounts money-balance",
    "scenarios.company_profit": "money-balance statistics",
    "scenarios.lot_profit": "money-balance proof statistics",
    "scenarios.lot_maximum": "proof",
    "expected_profit": "statistics",
    "cvar": "statistics",
    "value_at_risk": "statistics",
    "objective": "attitude statistics",
    "lot_expected_profit": "statistics",
    "pessimistic": "attitude",
    "certificate.regret": "proof",
    "certificate.worst_regret": "proof",
}

UNWATCHED = {
    *(f"certificate.{name}" for name in ("primal", "dual", "complementarity", "gap", "epsilon")),
    *("seconds", "solver_seconds", "certificate_seconds", "shortage_cost"),
    *("order", "competitive_dlmp", "markdown"),
}
"""Residuals are recomputed from arrays that a cleared day has not got; the others have tests of their own."""


def company() -> tuple[Any, Any, Any]:
    network, day = random_day(7, small_network(2), scenarios=2, count=3)
    return network, day, DiscoMarket(network, beta=0.4).clear(day)


@pytest.mark.parametrize(
    ("invariants", "market", "expected"),
    [
        (charging.INVARIANTS, lambda: simulated("week-33"), CHARGING),
        (nodal.INVARIANTS, lambda: simulated("nodal-33"), NODAL),
        (disco.INVARIANTS, company, DISCO),
    ],
    ids=["charging", "nodal", "disco"],
)
def test_every_number_is_seen_by_the_statements_that_speak_of_it(
    invariants: tuple[Invariant[Any, Any], ...], market: Any, expected: dict[str, str]
) -> None:
    day = market()
    assert 0.0 <= day[2].solver_seconds <= day[2].seconds  # solvers are a part of the clearing
    found = watched(invariants, day)
    assert {name: names for name, names in found.items() if names} == expected
    assert {name for name, names in found.items() if not names} <= UNWATCHED
    stored = {"storage-energy"} if invariants is nodal.INVARIANTS else set()  # the nodal day has no storage
    seen = {name for names in expected.values() for name in names.split()}
    assert {each.name for each in invariants} - stored == seen


@pytest.mark.parametrize(
    ("profit", "maximum", "regret", "said", "violation"),
    [
        ([0.5], [0.4], [0.0], (0.0, 0.0), 0.1),  # of less than one, by itself
        ([-0.5], [-0.6], [0.0], (0.0, 0.0), 0.1),
        ([50.0], [40.0], [0.0], (0.0, 0.0), 0.2),
        ([0.5, 8.0], [0.5, 8.0], [0.25, 2.0], (2.0, 0.25), 0.0),  # 0.25 of 1 and 2 of 8
        ([0.5, 8.0], [0.5, 8.0], [0.5, 2.0], (2.0, 0.25), 0.25),
        ([0.5, 8.0], [0.5, 8.0], [0.25, 2.0], (1.0, 0.25), 1.0),
        ([0.5, 8.0], [0.5, 8.0], [-0.125, 0.0], (0.0, 0.0), 0.125),
        ([0.5], [9.0], [0.25], (0.25, 0.25), 0.0),
    ],
)
def test_a_regret_is_told_by_its_lot_and_relative_to_its_profit(
    profit: list[float], maximum: list[float], regret: list[float], said: tuple[float, float], violation: float
) -> None:
    proof = SimpleNamespace(regret=tuple(regret), worst_regret=said[0], epsilon=said[1])
    cleared: Any = SimpleNamespace(certificate=proof, lot_profit=np.array(profit), lot_maximum=np.array(maximum))
    nothing: Any = None
    assert charging._regret(nothing, nothing, cleared) == pytest.approx(violation)
