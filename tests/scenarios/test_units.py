"""Sizes at the edge of what a quantity can have: what is taken and refused, and the other reading that is named."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from scenarios.units import (
    BASE_KV,
    CHARGER_KW,
    HARD_CURRENCIES,
    PER_KWH,
    PROFILE_PU,
    VEHICLE_KWH,
    VOLTAGE_PU,
    Magnitude,
    cap_fault,
    feeder_load_fault,
    lost_load_fault,
    power_fault,
    price_fault,
    price_note,
    sessions_fault,
)


@pytest.mark.parametrize(
    ("magnitude", "lowest", "highest"),
    [
        (BASE_KV, 0.1, 200.0),
        (VOLTAGE_PU, 0.0, 2.0),
        (PROFILE_PU, 0.0, 25.0),
        (VEHICLE_KWH, 0.0, 2000.0),
        (CHARGER_KW, 0.0, 4000.0),
        (PER_KWH, 0.0, 10.0),
    ],
)
def test_the_smallest_and_the_largest_are_taken(magnitude: Magnitude, lowest: float, highest: float) -> None:
    assert magnitude.fault(lowest) is None
    assert magnitude.fault(highest) is None
    assert magnitude.fault(math.nextafter(lowest, -1.0)) is not None
    assert magnitude.fault(math.nextafter(highest, math.inf)) is not None


@pytest.mark.parametrize(
    ("magnitude", "value", "said"),
    [
        (BASE_KV, 12660.0, "kV, from 0.1 up to 200; 12660 V would be 12.66 kV"),
        (BASE_KV, 0.05, "kV, from 0.1 up to 200"),  # in V it would be smaller still
        (BASE_KV, 0.0, "kV, from 0.1 up to 200"),
        (VOLTAGE_PU, 95.0, "per unit, up to 2; 95 % would be 0.95 per unit"),
        (VOLTAGE_PU, -0.5, "per unit, up to 2"),
        (PROFILE_PU, 50.0, "per unit, up to 25; 50 % would be 0.5 per unit"),
        (VEHICLE_KWH, 60000.0, "kWh, up to 2000; 60000 Wh would be 60 kWh"),
        (CHARGER_KW, 11000.0, "kW, up to 4000; 11000 W would be 11 kW"),
        (PER_KWH, 52.5, "per kWh, up to 10; 52.5 per MWh would be 0.0525 per kWh"),
    ],
)
def test_the_other_reading_is_named(magnitude: Magnitude, value: float, said: str) -> None:
    assert magnitude.fault(value) == said


@pytest.mark.parametrize(("largest", "noted"), [(5.0, False), (-5.0, False), (5.001, True), (-5.001, True)])
def test_prices_that_few_markets_have_are_noted(largest: float, noted: bool) -> None:
    found = price_note(np.array([0.1, largest]), "EUR")
    assert found == (
        "up to 5,001 EUR/MWh in size, beyond the 5,000 EUR/MWh that Europe's day-ahead market allows: see that no "
        "decimal sign is missing"
        if noted
        else None
    )
    assert price_note(np.array([0.1, largest]), "JPY") is None


PER_MWH_SAID = (
    "prices per MWh, of which some reach 1 EUR (per kWh these would be up to 999 EUR per MWh: a header that ends in "
    "_per_kwh, or prices.unit)"
)
PER_KWH_SAID = (
    "prices per kWh, 10 EUR at most in the middle (per MWh these would be 0.0105 EUR per kWh: a header that ends in "
    "_per_mwh, or prices.unit)"
)


@pytest.mark.parametrize(
    ("prices", "per_mwh", "said"),
    [
        ([0.1, -0.999], True, PER_MWH_SAID),
        ([0.1, -1.0], True, None),
        ([0.1, 1.0], True, None),
        ([0.0, 0.0], True, None),
        ([0.0, 10.0, 500.0], False, None),
        ([0.0, -10.5, 500.0], False, PER_KWH_SAID),
    ],
)
def test_a_series_in_another_unit_is_refused(prices: list[float], per_mwh: bool, said: str | None) -> None:
    assert price_fault(np.array(prices), "EUR", per_mwh=per_mwh) == said
    assert price_fault(np.array(prices), "JPY", per_mwh=per_mwh) is None


def test_hard_currencies() -> None:
    assert sorted(HARD_CURRENCIES) == ["AUD", "CAD", "CHF", "EUR", "GBP", "NZD", "SGD", "USD"]


@pytest.mark.parametrize(
    ("cap", "said"),
    [
        (None, None),
        (1.0, None),
        (0.5, "a price per MWh, at least 1; 0.5 per kWh would be 500 per MWh"),
        (-1.0, "a price per MWh, at least 1; -1 per kWh would be -1000 per MWh"),
    ],
)
def test_a_cap_is_per_mwh(cap: float | None, said: str | None) -> None:
    assert cap_fault(cap) == said


MWH = "what a MWh not served is worth, from 100 to 1e+06 per MWh; "
KWH = "what a kWh not served is worth, from 0.1 to 1000 per kWh; "


@pytest.mark.parametrize(
    ("value", "per_mwh", "said"),
    [
        (0.0, True, None),
        (100.0, True, None),
        (1e6, True, None),
        (99.0, True, f"{MWH}99 per kWh would be 99000 per MWh"),
        (2e6, True, f"{MWH}2e+06 per kWh would be 2e+09 per MWh"),
        (0.0, False, None),
        (0.1, False, None),
        (1000.0, False, None),
        (0.09, False, f"{KWH}0.09 per kWh is 90 per MWh, a price of energy that is served"),
        (3000.0, False, f"{KWH}3000 per MWh would be 3 per kWh"),
    ],
)
def test_what_is_not_served_is_worth_more_than_what_is(value: float, per_mwh: bool, said: str | None) -> None:
    assert lost_load_fault(value, per_mwh=per_mwh) == said


@pytest.mark.parametrize(
    ("energies", "middle"),
    [
        ([0.01] * 9, None),  # of nine nothing can be said
        ([0.01] * 9 + [0.0], None),  # one that took nothing is no tenth
        ([0.01] * 10, "0.01"),
        ([0.01] * 4 + [0.1] * 6, "0.1"),
        ([0.1] * 5 + [0.3] * 5, None),  # 0.2 in the middle
        ([0.1] * 5 + [0.29] * 5, "0.195"),
        ([0.0] * 20, None),
        ([], None),
    ],
)
def test_sessions_a_thousand_times_too_small(energies: list[float], middle: str | None) -> None:
    found = sessions_fault(np.array(energies))
    if middle is None:
        assert found is None
        return
    assert found == (
        f"{middle} kWh in the middle",
        f"kWh, of which half are 0.2 and more; a thousand times as much would be {1000 * float(middle):g} kWh: see the "
        "file's unit, drivers.energy_unit, and whether its points part thousands",
    )


def test_powers_that_no_feeder_has() -> None:
    """20 kA at 10 kV are 346,410.16 kVA."""
    most = math.sqrt(3.0) * 10.0 * 20_000.0
    assert power_fault(most, 10.0, "kVA") is None
    assert power_fault(math.inf, 10.0, "kVA") is None
    assert power_fault(400_000.0, 10.0, "kVA") == (
        "at most 3.464e+05 kVA, which are 20 kA at 10 kV; 400000 VA would be 400 kVA"
    )
    assert power_fault(1.001 * most, 10.0, "kvar") is not None
    assert power_fault(40_000.0, 1.0, "kW") == "at most 3.464e+04 kW, which are 20 kA at 1 kV; 40000 W would be 40 kW"


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_loads_that_no_feeder_carries(sign: float) -> None:
    """30,000 kW and 40,000 kvar, of either sign, are 50,000 kVA: 28.9 kA at 1 kV, and 20 kA at 1.4434 kV."""
    load: tuple[Any, Any] = (np.array([10_000.0, sign * 20_000.0]), np.array([sign * 40_000.0, 0.0]))
    assert feeder_load_fault(*load, 1.0) == (
        "kW and kvar that draw 20 kA at 1 kV at most, not 28.9 kA; 50000 VA would be 50 kVA"
    )
    assert feeder_load_fault(*load, 1.4434) is None
    assert feeder_load_fault(*load, 1.4433) is not None
