"""What a day of the DISCO market must look like before any work is done on it."""

from __future__ import annotations

import numpy as np

from equilibrium.errors import InputError
from equilibrium.fleet.day import VehicleBatch
from equilibrium.grid.network import Network
from equilibrium.lengths import spread_lengths
from equilibrium.markets.disco.day import DiscoDay, DiscoScenario
from equilibrium.programs.risk import PROBABILITY_TOLERANCE
from equilibrium.shapes import check_shape

_FIELDS = {
    "energy_kwh": "an energy within energy_min_kwh .. energy_max_kwh",
    "wish_kwh": "an energy within energy_min_kwh .. energy_max_kwh",
    "energy_min_kwh": "at least 0",
    "energy_max_kwh": "at least energy_min_kwh",
    "charge_max_kw": "at least 0",
    "discharge_max_kw": "at least 0",
    "count": "more than 0",
}


def check_day(
    network: Network, day: DiscoDay, *, one_way: bool = False, windows: bool = False, paid_purchases: bool = True
) -> None:
    """Refuse a day whose numbers do not fit together.

    With ``one_way`` no row may stand for several vehicles, with ``windows`` the two windows must exclude each other,
    and without ``paid_purchases`` no purchase may have a negative price.

    Raises
    ------
    InputError
        Naming the place, the value and what was expected; the first mistake found.
    """
    periods = day.periods
    check_shape("day", "load_kw", day.load_kw, (periods, network.feeder.size))
    check_shape("day", "load_kvar", day.load_kvar, (periods, network.feeder.size))
    for name in ("charge_window", "discharge_window"):
        check_shape("day", name, getattr(day, name), (periods,))
    if windows and (day.charge_window & day.discharge_window).any():
        period = int(np.argmax(day.charge_window & day.discharge_window))
        expected = "windows that exclude each other: charging and discharging at once would pay"
        raise InputError("day", f"charge_window and discharge_window, period {period}", True, expected)
    spread_lengths(day.period_h, periods)
    if not np.isfinite(day.response_cost):
        raise InputError("day", "response_cost", day.response_cost, "a finite number")
    _tariffs(day, periods)
    if day.emissions is not None:
        for name in ("factor_kg_per_kwh", "baseline_kwh"):
            check_shape("emissions", name, getattr(day.emissions, name), (periods,))
    if not day.scenarios:
        raise InputError("day", "scenarios", "none", "at least one scenario")
    probability = np.array([scenario.probability for scenario in day.scenarios])
    if not (probability >= 0.0).all():
        raise InputError("day", "probability", float(probability.min()), "at least 0 in every scenario")
    if not abs(probability.sum() - 1.0) <= PROBABILITY_TOLERANCE:
        raise InputError("day", "probability", float(probability.sum()), "probabilities that sum to 1")
    for number, scenario in enumerate(day.scenarios):
        _scenario(network, day, scenario, f"scenario {number}", periods, paid_purchases=paid_purchases)
        for site, batch in zip(network.lots, scenario.vehicles, strict=True):
            if one_way and (batch.count != 1.0).any():
                row = int(np.argmax(batch.count != 1.0))
                where = f"vehicle {batch.names[row]}, count"
                expected = "1: vehicles that go one way at a time may differ although they are identical"
                raise InputError(f"scenario {number}, lot {site.name}", where, float(batch.count[row]), expected)


def _tariffs(day: DiscoDay, periods: int) -> None:
    tariffs = day.tariffs
    for name in ("load", "lot_buys", "lot_sells", "driver_pays"):
        check_shape("tariffs", name, getattr(tariffs, name), (periods,))
    if not 0.0 <= tariffs.driver_share <= 1.0:
        raise InputError("tariffs", "driver_share", tariffs.driver_share, "a share from 0 to 1")
    if not (np.isfinite(tariffs.degradation) and tariffs.degradation >= 0.0):
        raise InputError("tariffs", "degradation", tariffs.degradation, "at least 0")


def _scenario(
    network: Network, day: DiscoDay, scenario: DiscoScenario, source: str, periods: int, *, paid_purchases: bool
) -> None:
    check_shape(source, "renewable_kw", scenario.renewable_kw, (periods, len(network.renewables)))
    if not (scenario.renewable_kw >= 0.0).all():
        raise InputError(source, "renewable_kw", float(scenario.renewable_kw.min()), "at least 0")
    check_shape(source, "upstream_price", scenario.upstream_price, (periods,))
    price = purchase_price(day, scenario)
    if not paid_purchases and not (price >= 0.0).all():
        period = int(np.argmin(price))
        expected = "at least 0, the emission term included, for the published mixed-integer program"
        raise InputError(source, f"upstream_price, period {period}", float(price[period]), expected)
    if len(scenario.vehicles) != len(network.lots):
        expected = f"one batch for each of the {len(network.lots)} lots"
        raise InputError(source, "vehicles", len(scenario.vehicles), expected)
    for site, batch in zip(network.lots, scenario.vehicles, strict=True):
        _batch(batch, f"{source}, lot {site.name}", periods)


def purchase_price(day: DiscoDay, scenario: DiscoScenario) -> np.ndarray:
    """Return what one more kWh bought costs the company, emission reward forgone included, shape ``(periods,)``."""
    if day.emissions is None:
        return scenario.upstream_price
    term = day.emissions
    return np.asarray(scenario.upstream_price + term.share * term.price_per_kg * term.factor_kg_per_kwh)


def _batch(batch: VehicleBatch, source: str, periods: int) -> None:
    size = batch.size
    for name in ("arrival", "departure", *_FIELDS):
        check_shape(source, name, getattr(batch, name), (size,))
    if len(batch.names) != size:
        raise InputError(source, "names", len(batch.names), f"one name for each of the {size} rows")
    for name in ("arrival", "departure"):
        whole = np.asarray(getattr(batch, name))
        if not (whole == np.floor(whole)).all():
            raise InputError(source, name, float(whole[whole != np.floor(whole)][0]), "whole periods")
    wrong = ~((batch.arrival >= 0) & (batch.arrival < batch.departure) & (batch.departure <= periods))
    if wrong.any():
        row = int(np.argmax(wrong))
        stay = f"arrival {batch.arrival[row]}, departure {batch.departure[row]}"
        raise InputError(
            source, f"vehicle {batch.names[row]}", stay, f"0 <= arrival < departure <= {periods} (periods from 0)"
        )
    low, high = batch.energy_min_kwh, batch.energy_max_kwh
    bad = {
        "energy_min_kwh": low < 0.0,
        "energy_max_kwh": high < low,
        "charge_max_kw": batch.charge_max_kw < 0.0,
        "discharge_max_kw": batch.discharge_max_kw < 0.0,
        "count": batch.count <= 0.0,
        "energy_kwh": (batch.energy_kwh < low) | (batch.energy_kwh > high),
        "wish_kwh": (batch.wish_kwh < low) | (batch.wish_kwh > high),
    }
    for name, flags in bad.items():
        if flags.any():
            row = int(np.argmax(flags))
            value = float(getattr(batch, name)[row])
            raise InputError(source, f"vehicle {batch.names[row]}, {name}", value, _FIELDS[name])
