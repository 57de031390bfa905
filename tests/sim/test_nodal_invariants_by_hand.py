"""How large what a run of nodal days breaks is: its statements on two periods of one lot, number by number."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from sim.markets.nodal import invariants as nodal

SIZE = {each.name: each.violation for each in nodal.INVARIANTS if each not in nodal.charging.INVARIANTS}


def run(**changes: dict[str, list[float]]) -> Any:
    """Half an hour and an hour of a lot at bus 3 with 10 kW subscribed, everything as it should be."""
    keys = {"day": [0, 0], "period": [0, 1], "bus": [3, 3]}
    lots = {
        "lot": ["a", "a"],
        "hours": [0.5, 1.0],
        "power_kw": [16.0, 8.0],
        "competitive_kw": [12.0, 20.0],
        "subscribed_kw": [10.0, 10.0],
        "excess_per_kwh": [0.25, 0.25],
        "network_charge_per_kwh": [0.125, 0.125],
        "charging_price_per_kwh": [0.5, 0.75],
        "competitive_price_per_mwh": [40.0, 60.0],
        "lot_price_per_mwh": [50.0, 80.0],
        "lot_price_low_per_mwh": [50.0, 70.0],
        "lot_price_high_per_mwh": [55.0, 80.0],
    }
    lot_days = {
        "day": [0],
        "lot": ["a"],
        "revenue": [0.5 * 8.0 + 0.75 * 8.0],
        "payment": [0.05 * 8.0 + 0.08 * 8.0],
        "network_charge": [0.125 * 16.0 + 0.25 * (6.0 * 0.5 + 0.0)],
        # Charging price less network charge and price of energy, times energy; 2 kW and 10 kW above the subscription.
        "competitive_profit": [0.335 * 6.0 + 0.565 * 20.0 - 0.25 * (2.0 * 0.5 + 10.0 * 1.0)],
    }
    dispatch = {
        "day": [0] * 4,
        "period": [0, 0, 1, 1],
        "bus": [3, 3, 3, 3],
        "kind": ["load", "lot", "load", "microturbine"],
        "p_kw": [100.0, 16.0, 50.0, 30.0],
        "hours": [0.5, 0.5, 1.0, 1.0],
    }
    load, lot, sold = 0.05 * 50.0 + 0.08 * 50.0, 0.05 * 8.0, 0.08 * 30.0
    days = {
        "day": [0],
        "network_cost": [2.0],
        "fuel_cost": [1.5],
        "network_surplus": [load + lot - (sold + 2.0 - 1.5)],
        "load_payment": [load],
        "lot_payment": [lot],
        "welfare_loss": [0.0],
    }
    tables = {
        "lots": {**keys, **lots},
        "prices": {**keys, "dlmp_per_mwh": [50.0, 80.0]},
        "lot_days": lot_days,
        "dispatch": dispatch,
        "days": days,
    }
    return SimpleNamespace(**{name: pd.DataFrame(rows | changes.get(name, {})) for name, rows in tables.items()})


def test_nothing_is_broken_where_everything_fits() -> None:
    assert {name: size(run()) for name, size in SIZE.items()} == pytest.approx(dict.fromkeys(SIZE, 0.0), abs=1e-15)


@pytest.mark.parametrize(
    ("name", "changes", "size"),
    [
        ("lot-price", {"prices": {"dlmp_per_mwh": [50.0, 76.0]}}, 4.0 / 80.0),
        ("price-interval", {"lots": {"lot_price_low_per_mwh": [54.0, 70.0]}}, 4.0 / 80.0),
        ("price-interval", {"lots": {"lot_price_high_per_mwh": [55.0, 72.0]}}, 8.0 / 80.0),
        ("lot-payments", {"lot_days": {"revenue": [10.5]}}, 0.5 / 10.5),
        ("lot-payments", {"lot_days": {"payment": [1.54]}}, 0.5 / 1.54),
        ("lot-payments", {"lot_days": {"network_charge": [3.0]}}, 0.25 / 3.0),
        ("lot-payments", {"lot_days": {"competitive_profit": [11.06]}}, 0.5 / 11.06),
        ("money-balance", {"days": {"load_payment": [7.0]}}, 0.5 / 7.0),
        ("money-balance", {"days": {"lot_payment": [0.9]}}, 0.5),
        ("money-balance", {"days": {"network_surplus": [4.65]}}, 0.65 / 6.5),
        ("money-balance", {"days": {"fuel_cost": [2.15]}}, 0.65 / 6.5),
        ("welfare", {"days": {"welfare_loss": [-0.5]}}, 0.5),
        ("welfare", {"days": {"welfare_loss": [0.5]}}, 0.0),
    ],
)
def test_how_large_what_is_broken_is(name: str, changes: dict[str, Any], size: float) -> None:
    assert SIZE[name](run(**changes)) == pytest.approx(size, rel=1e-9)
