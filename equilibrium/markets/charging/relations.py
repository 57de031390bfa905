"""Other forms of a day of charging lots, and what the market must make of them: units, names and order do not matter.

Source of all: the printed model (docs/epec_lots.md) is homogeneous in money and in power, and knows no order of buses
or lots.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from equilibrium.arrays import FloatArray
from equilibrium.fleet.day import Fleet, LotDay
from equilibrium.grid.network import Network
from equilibrium.invariants import PUBLISHED_TOLERANCE, Relation, most
from equilibrium.markets.charging.clearing import Clearing
from equilibrium.markets.charging.day import MarketDay

_SOURCE = "equilibrium/markets/charging/relations.py"

MONEY = 0.5
"""What all prices are multiplied with: less, so that a shortage still costs more than all else."""

POWER = 2.0
"""What all powers and energies are multiplied with."""


def other_money(network: Network, day: MarketDay) -> tuple[Network, MarketDay]:
    """Return the market in another currency: every price times :data:`MONEY`."""
    turbines = [replace(unit, fuel_cost_per_kwh=MONEY * unit.fuel_cost_per_kwh) for unit in network.microturbines]
    sites = [
        replace(
            site, subscription=site.subscription and replace(site.subscription, charge=MONEY * site.subscription.charge)
        )
        for site in network.lots
    ]
    lots = [
        replace(
            lot,
            charging_price=MONEY * lot.charging_price,
            network_charge=None if lot.network_charge is None else MONEY * lot.network_charge,
        )
        for lot in day.lots
    ]
    return (
        replace(network, microturbines=tuple(turbines), lots=tuple(sites)),
        replace(day, wholesale_price=MONEY * day.wholesale_price, lots=tuple(lots)),
    )


def other_power(network: Network, day: MarketDay) -> tuple[Network, MarketDay]:
    """Return the market in another unit of power: all powers and energies times :data:`POWER`, impedances divided."""
    feeder = scaled(network.feeder, ("rating_kva", "load_kw", "load_kvar"), POWER)
    sites = [
        replace(
            site,
            subscription=site.subscription and replace(site.subscription, power_kw=POWER * site.subscription.power_kw),
        )
        for site in network.lots
    ]
    storage = ("energy_kwh", "charge_max_kw", "discharge_max_kw", "initial_kwh", "energy_min_kwh")
    return (
        replace(
            network,
            feeder=scaled(feeder, ("r_ohm", "x_ohm"), 1.0 / POWER),
            microturbines=tuple(scaled(unit, ("rating_kva", "ramp_kw_per_h"), POWER) for unit in network.microturbines),
            compensators=tuple(scaled(unit, ("rating_kvar",), POWER) for unit in network.compensators),
            renewables=tuple(scaled(unit, ("rated_kw",), POWER) for unit in network.renewables),
            storage=tuple(scaled(unit, storage, POWER) for unit in network.storage),
            lots=tuple(sites),
        ),
        replace(
            scaled(day, ("load_kw", "load_kvar", "renewable_kw"), POWER), lots=tuple(_more(lot) for lot in day.lots)
        ),
    )


def other_buses(network: Network, day: MarketDay) -> tuple[Network, MarketDay]:
    """Return the market with its buses, but for the root, in the opposite order."""
    feeder = network.feeder
    place = np.array([0, *range(feeder.size - 1, 0, -1)])  # of each bus; its own inverse

    def moved(units: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(replace(unit, bus=int(place[unit.bus])) for unit in units)

    each = ("r_ohm", "x_ohm", "rating_kva", "load_kw", "load_kvar", "voltage_min_pu", "voltage_max_pu")
    parent = np.array([-1, *(place[feeder.parent[bus]] for bus in place[1:])], dtype=np.int64)
    turned = replace(
        feeder,
        buses=tuple(feeder.buses[bus] for bus in place),
        parent=parent,
        **{name: getattr(feeder, name)[place] for name in each},
    )
    kinds = ("microturbines", "compensators", "renewables", "storage", "lots")
    units: dict[str, Any] = {name: moved(getattr(network, name)) for name in kinds}
    return (
        replace(network, feeder=turned, **units),
        replace(day, load_kw=day.load_kw[:, place], load_kvar=day.load_kvar[:, place]),
    )


def other_lots(network: Network, day: MarketDay) -> tuple[Network, MarketDay]:
    """Return the market with its lots in the opposite order."""
    return replace(network, lots=network.lots[::-1]), replace(day, lots=day.lots[::-1])


def more_sun(network: Network, day: MarketDay) -> tuple[Network, MarketDay]:
    """Return the market with a tenth more sun and wind."""
    units = tuple(scaled(unit, ("rated_kw",), 1.1) for unit in network.renewables)
    return replace(network, renewables=units), replace(day, renewable_kw=1.1 * day.renewable_kw)


def scaled(value: Any, names: tuple[str, ...], factor: float) -> Any:  # noqa: ANN401 - any dataclass, and the same again
    """Return a dataclass with some of its numbers multiplied."""
    return replace(value, **{name: factor * getattr(value, name) for name in names})


def _more(lot: LotDay) -> LotDay:
    names = ("energy_in_kwh", "energy_out_kwh", "energy_end_kwh", "soe_min_kwh", "soe_max_kwh", "power_max_kw")
    fleet: Fleet | None = lot.fleet
    if fleet is not None:
        fleet = scaled(fleet, ("power_kw", "energy_kwh", "need_kwh", "battery_kwh"), POWER)
    more: LotDay = scaled(lot, names, POWER)
    return replace(more, fleet=fleet)


def _apart(values: FloatArray, expected: FloatArray) -> float:
    """Return how far numbers are from what is expected, relative to the largest, at least 1."""
    return most(np.abs(values - expected)) / most(1.0, np.abs(expected))


def _outcome(cleared: Clearing, factor: float = 1.0, *, turned: bool = False) -> FloatArray:
    """Return what the statements compare: the operator's cost and the lots' profits, currency."""
    profit = cleared.lot_profit[::-1] if turned else cleared.lot_profit
    return factor * np.array([cleared.network_cost, *profit])


def _short(*days: Clearing) -> bool:
    """Whether something could not be served: what is shed where is another question."""
    return any(most(day.shed_kw, day.unserved_kwh) > 0.0 for day in days)


def _same(factor: float, *, turned: bool = False) -> Any:  # noqa: ANN401 - a violation
    def violation(first: Clearing, second: Clearing) -> float:
        if _short(first, second):
            return 0.0
        return _apart(_outcome(second, turned=turned), _outcome(first, factor))

    return violation


def _no_dearer(first: Clearing, second: Clearing) -> float:
    if _short(first, second):
        return 0.0
    return max(second.network_cost - first.network_cost, 0.0) / most(1.0, abs(first.network_cost))


UNITS: tuple[Relation[MarketDay, Any], ...] = (
    Relation(
        "other-money",
        "with every price halved, cost and profits are halved",
        _SOURCE,
        PUBLISHED_TOLERANCE,
        other_money,
        _same(MONEY),
    ),
    Relation(
        "other-power",
        "with powers and energies doubled and impedances halved, cost and profits double",
        _SOURCE,
        PUBLISHED_TOLERANCE,
        other_power,
        _same(POWER),
    ),
    Relation(
        "other-buses", "the order of the buses does not matter", _SOURCE, PUBLISHED_TOLERANCE, other_buses, _same(1.0)
    ),
)
"""Of every market of charging lots; a game that has several equilibria may come to another one."""

RELATIONS: tuple[Relation[MarketDay, Any], ...] = (
    *UNITS,
    Relation(
        "other-lots",
        "the order of the lots does not matter",
        _SOURCE,
        PUBLISHED_TOLERANCE,
        other_lots,
        _same(1.0, turned=True),
    ),
    Relation(
        "more-sun",
        "a tenth more sun and wind costs the operator no more",
        _SOURCE,
        PUBLISHED_TOLERANCE,
        more_sun,
        _no_dearer,
    ),
)
"""Of the market in which lots lead: the lots have their maxima, and the operator's least cost is one number."""
