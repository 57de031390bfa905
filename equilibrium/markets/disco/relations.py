"""Other forms of a day of the DISCO market, and what the market must make of them: units and order do not matter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace

import numpy as np

from equilibrium.fleet.day import VehicleBatch
from equilibrium.grid.network import Network
from equilibrium.invariants import PUBLISHED_TOLERANCE, Relation, most
from equilibrium.markets.charging.relations import MONEY, POWER, scaled
from equilibrium.markets.disco.clearing import DiscoClearing
from equilibrium.markets.disco.day import DiscoDay

_SOURCE = "equilibrium/markets/disco/relations.py"

CHEAPER = 0.01
"""What a kWh bought upstream costs less, currency."""


def other_money(network: Network, day: DiscoDay) -> tuple[Network, DiscoDay]:
    """Return the day in another currency: every price times :data:`MONEY`."""
    prices = ("load", "lot_buys", "lot_sells", "driver_pays", "degradation")
    return network, replace(
        day,
        response_cost=MONEY * day.response_cost,
        tariffs=scaled(day.tariffs, prices, MONEY),
        scenarios=tuple(scaled(each, ("upstream_price",), MONEY) for each in day.scenarios),
        emissions=day.emissions and scaled(day.emissions, ("price_per_kg",), MONEY),
    )


def other_power(network: Network, day: DiscoDay) -> tuple[Network, DiscoDay]:
    """Return the day in another unit of power: all powers and energies times :data:`POWER`, impedances divided."""
    feeder = scaled(
        scaled(network.feeder, ("rating_kva", "load_kw", "load_kvar"), POWER), ("r_ohm", "x_ohm"), 1 / POWER
    )
    units = tuple(scaled(unit, ("rated_kw",), POWER) for unit in network.renewables)
    scenarios = [
        replace(each, renewable_kw=POWER * each.renewable_kw, vehicles=tuple(_more(batch) for batch in each.vehicles))
        for each in day.scenarios
    ]
    more = replace(
        scaled(day, ("load_kw", "load_kvar", "response_cost"), POWER),
        scenarios=tuple(scenarios),
        emissions=day.emissions and scaled(day.emissions, ("baseline_kwh",), POWER),
    )
    return replace(network, feeder=feeder, renewables=units), more


def other_scenarios(network: Network, day: DiscoDay) -> tuple[Network, DiscoDay]:
    """Return the day with its scenarios in the opposite order."""
    return network, replace(day, scenarios=day.scenarios[::-1])


def other_vehicles(network: Network, day: DiscoDay) -> tuple[Network, DiscoDay]:
    """Return the day with the vehicles of every lot in the opposite order."""

    def turned(batch: VehicleBatch) -> VehicleBatch:
        return replace(batch, **{each.name: getattr(batch, each.name)[::-1] for each in fields(batch)})

    scenarios = [replace(each, vehicles=tuple(turned(batch) for batch in each.vehicles)) for each in day.scenarios]
    return network, replace(day, scenarios=tuple(scenarios))


def other_order(network: Network, day: DiscoDay) -> tuple[Network, DiscoDay]:
    """Return the day with its scenarios and its vehicles in the opposite order."""
    return other_scenarios(*other_vehicles(network, day))


def cheaper_energy(network: Network, day: DiscoDay) -> tuple[Network, DiscoDay]:
    """Return the day with energy that costs the company :data:`CHEAPER` less."""
    cheaper = [replace(each, upstream_price=each.upstream_price - CHEAPER) for each in day.scenarios]
    return network, replace(day, scenarios=tuple(cheaper))


def _more(batch: VehicleBatch) -> VehicleBatch:
    names = ("energy_kwh", "wish_kwh", "energy_min_kwh", "energy_max_kwh", "charge_max_kw", "discharge_max_kw")
    more: VehicleBatch = scaled(batch, names, POWER)
    return more


def _same(factor: float) -> Callable[[DiscoClearing, DiscoClearing], float]:
    """Return what compares objective and lots' profits; the company's may differ by what both proofs leave open."""

    def violation(first: DiscoClearing, second: DiscoClearing) -> float:
        opened = factor * first.certificate.regret[0] + second.certificate.regret[0]
        company = max(abs(second.objective - factor * first.objective) - opened, 0.0)
        lots = second.lot_expected_profit - factor * first.lot_expected_profit
        return most(company, np.abs(lots)) / most(1.0, abs(first.objective), np.abs(first.lot_expected_profit))

    return violation


def _no_lower(first: DiscoClearing, second: DiscoClearing) -> float:
    """Lots choose by their own tariffs, so the same schedules are open to the company; the proof leaves a regret."""
    lost = first.objective - second.objective - second.certificate.regret[0]
    return max(lost, 0.0) / most(1.0, abs(first.objective))


RELATIONS: tuple[Relation[DiscoDay, DiscoClearing], ...] = (
    Relation(
        "other-money",
        "with every price halved, objective and profits are halved",
        _SOURCE,
        PUBLISHED_TOLERANCE,
        other_money,
        _same(MONEY),
    ),
    Relation(
        "other-power",
        "with powers and energies doubled and impedances halved, objective and profits double",
        _SOURCE,
        PUBLISHED_TOLERANCE,
        other_power,
        _same(POWER),
    ),
    Relation(
        "other-scenarios",
        "the order of the scenarios does not matter",
        _SOURCE,
        PUBLISHED_TOLERANCE,
        other_scenarios,
        _same(1.0),
    ),
    Relation(
        "other-vehicles",
        "the order of a lot's vehicles does not matter",
        _SOURCE,
        PUBLISHED_TOLERANCE,
        other_vehicles,
        _same(1.0),
    ),
    Relation(
        "cheaper-energy",
        "where energy bought upstream is cheaper the company's objective is no lower",
        _SOURCE,
        PUBLISHED_TOLERANCE,
        cheaper_energy,
        _no_lower,
    ),
)
"""What holds of every day."""
