"""Numbers of a DISCO day at the edge of what is allowed: taken there, refused beyond, with the place and the value."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from equilibrium.errors import InputError
from equilibrium.markets.disco.checks import check_day
from equilibrium.markets.disco.day import DiscoDay
from tests.equilibrium.disco_days import random_day, with_scenarios

TINY = 1e-9


def of_day(**changes: Any) -> Callable[[DiscoDay], DiscoDay]:
    return lambda day: replace(day, **changes)


def tariffs(**changes: Any) -> Callable[[DiscoDay], DiscoDay]:
    return lambda day: replace(day, tariffs=replace(day.tariffs, **changes))


def emissions(**changes: Any) -> Callable[[DiscoDay], DiscoDay]:
    return lambda day: replace(day, emissions=replace(day.emissions, **changes))


def scenario(**changes: Any) -> Callable[[DiscoDay], DiscoDay]:
    return lambda day: with_scenarios(day, lambda each: replace(each, **changes))


def second(**changes: Any) -> Callable[[DiscoDay], DiscoDay]:
    """Change fields of the second vehicle of the lot."""

    def changed(each: Any) -> Any:
        batch, fields = each.vehicles[0], {}
        for name, value in changes.items():
            fields[name] = np.array(getattr(batch, name), dtype=float)
            fields[name][1] = value
        return replace(each, vehicles=(replace(batch, **fields),))

    return lambda day: with_scenarios(day, changed)


PERIODS = 6
EDGES: list[tuple[str, Callable[..., Any], list[dict[str, Any]], list[dict[str, Any]]]] = [
    ("load_kw", of_day, [{"load_kw": np.zeros((6, 4))}], [{"load_kw": np.full((6, 4), np.nan)}]),
    ("load_kvar", of_day, [{"load_kvar": np.zeros((6, 4))}], [{"load_kvar": np.zeros((6, 3))}]),
    ("period_h", of_day, [{"period_h": np.full(6, 0.25)}], [{"period_h": 0.0}, {"period_h": np.ones(5)}]),
    ("response_cost", of_day, [{"response_cost": -1e9}], [{"response_cost": np.inf}, {"response_cost": np.nan}]),
    ("scenarios", of_day, [], [{"scenarios": ()}]),
    ("driver_share", tariffs, [{"driver_share": 0.0}, {"driver_share": 1.0}], [{"driver_share": -TINY}]),
    ("driver_share", tariffs, [], [{"driver_share": 1.0 + TINY}, {"driver_share": np.nan}]),
    ("degradation", tariffs, [{"degradation": 0.0}], [{"degradation": -TINY}, {"degradation": np.inf}]),
    ("lot_buys", tariffs, [{"lot_buys": np.full(6, -1.0)}], [{"lot_buys": np.zeros(5)}]),
    ("baseline_kwh", emissions, [{"baseline_kwh": np.zeros(6)}], [{"baseline_kwh": np.zeros(5)}]),
    ("probability", scenario, [{"probability": 1.0 + 9e-10}], [{"probability": 1.1}, {"probability": 1.0 - 2e-9}]),
    ("renewable_kw", scenario, [{"renewable_kw": np.zeros((6, 2))}], [{"renewable_kw": np.full((6, 2), -TINY)}]),
    ("upstream_price", scenario, [{"upstream_price": np.zeros(6)}], [{"upstream_price": np.zeros(7)}]),
    ("vehicles", scenario, [], [{"vehicles": ()}]),
    ("energy_min_kwh", second, [{"energy_min_kwh": 0.0}], [{"energy_min_kwh": -TINY}]),
    ("energy_max_kwh", second, [{"energy_max_kwh": 45.0}], [{"energy_min_kwh": 45.0 + TINY}]),
    ("energy_kwh", second, [{"energy_kwh": 7.5}, {"energy_kwh": 45.0}], [{"energy_kwh": 7.5 - TINY}]),
    ("energy_kwh", second, [], [{"energy_kwh": 45.0 + TINY}]),
    ("wish_kwh", second, [{"wish_kwh": 7.5}, {"wish_kwh": 45.0}], [{"wish_kwh": 7.5 - TINY}, {"wish_kwh": 46.0}]),
    ("charge_max_kw", second, [{"charge_max_kw": 0.0}], [{"charge_max_kw": -TINY}]),
    ("discharge_max_kw", second, [{"discharge_max_kw": 0.0}], [{"discharge_max_kw": -TINY}]),
    ("count", second, [{"count": TINY}, {"count": 3.0}], [{"count": 0.0}]),
    ("arrival", second, [{"arrival": 0}], [{"arrival": -1}, {"arrival": 0.5}]),
    ("departure", second, [{"departure": PERIODS}], [{"departure": PERIODS + 1}, {"departure": 2.5}]),
    ("departure 2", second, [{"arrival": 1, "departure": 2}], [{"arrival": 2, "departure": 2}]),
    (
        "a full battery",  # its whole band is one number
        second,
        [{"energy_min_kwh": 20.0, "energy_max_kwh": 20.0, "energy_kwh": 20.0, "wish_kwh": 20.0}],
        [{"energy_min_kwh": 20.0 + TINY, "energy_max_kwh": 20.0, "energy_kwh": 20.0, "wish_kwh": 20.0}],
    ),
]


@pytest.mark.parametrize(("name", "make", "allowed", "refused"), EDGES)
def test_numbers_at_the_edge(
    name: str, make: Callable[..., Any], allowed: list[dict[str, Any]], refused: list[dict[str, Any]]
) -> None:
    network, day = random_day(4)
    for changes in allowed:
        check_day(network, make(**changes)(day))
    for changes in refused:
        with pytest.raises(InputError) as caught:
            check_day(network, make(**changes)(day))
        if make is not second:
            assert name in str(caught.value)
        else:
            assert "ev1" in str(caught.value) or any(key in str(caught.value) for key in changes)


@pytest.mark.parametrize(("price", "fine"), [(0.0, True), (-0.001, False)])
def test_a_negative_purchase_price_is_named_where_purchases_must_be_paid_for(price: float, fine: bool) -> None:
    """The emission term belongs to it: 0.5 times 0.01 per kg times 0.4 kg are 0.002 per kWh."""
    network, day = random_day(4)
    day = emissions(factor_kg_per_kwh=np.full(6, 0.4))(day)
    cheap = np.full(6, 0.1)
    cheap[3] = price - 0.002
    day = scenario(upstream_price=cheap)(day)
    check_day(network, day)
    if fine:
        check_day(network, day, paid_purchases=False)
        return
    with pytest.raises(InputError, match=r"scenario 0: upstream_price, period 3: got -0\.001.*, expected at least 0"):
        check_day(network, day, paid_purchases=False)


def test_windows_and_counts_of_days_that_go_one_way() -> None:
    network, day = random_day(4)
    check_day(network, day, windows=True, one_way=True)
    both = day.charge_window.copy()
    both[3] = True  # discharging is allowed there too
    check_day(network, replace(day, charge_window=both))
    with pytest.raises(InputError, match="charge_window and discharge_window, period 3"):
        check_day(network, replace(day, charge_window=both), windows=True)
    two = second(count=2.0)(day)
    check_day(network, two)
    with pytest.raises(InputError, match=r"scenario 0, lot lot0: vehicle ev1, count: got 2\.0, expected 1"):
        check_day(network, two, one_way=True)


def test_probabilities_are_at_least_zero_in_every_scenario() -> None:
    network, day = random_day(4, scenarios=2)
    first, other = day.scenarios
    check_day(network, replace(day, scenarios=(replace(first, probability=1.0), replace(other, probability=0.0))))
    with pytest.raises(InputError, match=r"probability: got -0\.5, expected at least 0"):
        check_day(network, replace(day, scenarios=(replace(first, probability=1.5), replace(other, probability=-0.5))))
