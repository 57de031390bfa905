"""What holds at every cleared day of a market of charging lots, recomputed from what was published.

Equation numbers are those of docs/epec_lots.md. Violations of powers are relative to the largest apparent power of the
day, those of prices to its largest price, those of money to the largest amount.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

from equilibrium.arrays import FloatArray
from equilibrium.certificate import EPSILON_REGRET, RESIDUAL_TOLERANCE
from equilibrium.grid.distribution import VOLTS_PER_KILOVOLT, polygon
from equilibrium.grid.network import Network
from equilibrium.invariants import (
    PUBLISHED_TOLERANCE,
    SMALLEST_PRICE,
    Invariant,
    at_buses,
    from_children,
    most,
    outside,
)
from equilibrium.markets.charging.clearing import Clearing
from equilibrium.markets.charging.day import MarketDay
from equilibrium.markets.charging.limit_invariants import LIMITS
from equilibrium.markets.charging.lots import stacked, subscription_payments

Charging: TypeAlias = Invariant[MarketDay, Clearing]

DOCUMENT = "docs/epec_lots.md"


def power_scale(day: MarketDay, cleared: Clearing) -> float:
    """Return the largest power of a day, kW or kvar, at least 1."""
    return most(1.0, abs(day.load_kw), abs(day.load_kvar), abs(cleared.flow_kw), abs(cleared.flow_kvar), cleared.lot_kw)


def price_scale(day: MarketDay, cleared: Clearing) -> float:
    """Return the largest price of a day, currency/kWh, at least 0.001."""
    return most(SMALLEST_PRICE, abs(day.wholesale_price), abs(cleared.dlmp))


# The network


def _active(network: Network, day: MarketDay, cleared: Clearing) -> float:
    feeder = network.feeder
    storage = cleared.storage_discharge_kw - cleared.storage_charge_kw
    given = (
        at_buses(feeder, cleared.microturbine_kw, [unit.bus for unit in network.microturbines])
        + at_buses(feeder, cleared.renewable_kw, [unit.bus for unit in network.renewables])
        + at_buses(feeder, storage, [unit.bus for unit in network.storage])
        - at_buses(feeder, cleared.lot_kw, [site.bus for site in network.lots])
        + cleared.shed_kw
    )
    error = cleared.flow_kw + given - day.load_kw - from_children(feeder, cleared.flow_kw)
    root = cleared.import_kw - cleared.export_kw - cleared.flow_kw[:, 0]
    return most(abs(error), abs(root)) / power_scale(day, cleared)


def _reactive(network: Network, day: MarketDay, cleared: Clearing) -> float:
    feeder = network.feeder
    factor = np.divide(day.load_kvar, day.load_kw, out=np.zeros_like(day.load_kw), where=day.load_kw != 0.0)
    given = (
        at_buses(feeder, cleared.microturbine_kvar, [unit.bus for unit in network.microturbines])
        + at_buses(feeder, cleared.compensator_kvar, [unit.bus for unit in network.compensators])
        + factor * cleared.shed_kw
    )
    error = cleared.flow_kvar + given - day.load_kvar - from_children(feeder, cleared.flow_kvar)
    return most(abs(error)) / power_scale(day, cleared)


def _voltage(network: Network, day: MarketDay, cleared: Clearing) -> float:  # noqa: ARG001 - the same for all
    feeder = network.feeder
    kv = cleared.voltage_pu * feeder.base_kv
    root_kv = feeder.root_voltage_pu * feeder.base_kv
    drop = (feeder.r_ohm * cleared.flow_kw + feeder.x_ohm * cleared.flow_kvar) / (VOLTS_PER_KILOVOLT * root_kv)
    error = kv[:, 1:] - kv[:, feeder.parent[1:]] + drop[:, 1:]
    return most(abs(error), abs(kv[:, 0] - root_kv)) / feeder.base_kv


def _limits(network: Network, day: MarketDay, cleared: Clearing) -> float:
    feeder = network.feeder
    rating = np.array([unit.rating_kva for unit in network.microturbines]) * day.microturbine_available
    reactive = np.array([unit.rating_kvar for unit in network.compensators])
    power = most(
        outside(cleared.import_kw, 0.0, np.inf),
        outside(cleared.export_kw, 0.0, np.inf),
        outside(cleared.microturbine_kw, 0.0, rating),
        -polygon_room(network, cleared.microturbine_kw, cleared.microturbine_kvar, rating),
        outside(cleared.renewable_kw, 0.0, day.renewable_kw),
        outside(cleared.compensator_kvar, 0.0, reactive),
        -polygon_room(network, cleared.flow_kw, cleared.flow_kvar, feeder.rating_kva),
        outside(cleared.shed_kw, 0.0, np.maximum(day.load_kw, 0.0)),
        _ramps(network, day, cleared),
    )
    voltage = most(outside(cleared.voltage_pu, feeder.voltage_min_pu, feeder.voltage_max_pu)[:, 1:])
    return most(power / power_scale(day, cleared), voltage)


def polygon_room(network: Network, p: FloatArray, q: FloatArray, rating: FloatArray) -> FloatArray:
    """Return how far powers are inside the polygon (2o), (2p), kVA; negative outside, infinite without a rating."""
    a, b, factor = polygon(network.polygon_edges)
    room: FloatArray = factor * rating - np.max(p[..., None] * a + q[..., None] * b, axis=-1, initial=-np.inf)
    return room


def _ramps(network: Network, day: MarketDay, cleared: Clearing) -> FloatArray:
    between_h = 0.5 * (day.length_h[1:] + day.length_h[:-1])
    limit = between_h[:, None] * np.array([unit.ramp_kw_per_h for unit in network.microturbines])
    beyond: FloatArray = abs(np.diff(cleared.microturbine_kw, axis=0)) - limit
    return beyond


def _trade(network: Network, day: MarketDay, cleared: Clearing) -> float:  # noqa: ARG001 - the same for all
    both = np.minimum(cleared.import_kw, cleared.export_kw)
    return most(abs(both)) / power_scale(day, cleared)


def _storage(network: Network, day: MarketDay, cleared: Clearing) -> float:
    worst = 0.0
    for k, unit in enumerate(network.storage):
        charge, give, energy = (
            values[:, k] for values in (cleared.storage_charge_kw, cleared.storage_discharge_kw, cleared.storage_kwh)
        )
        change = day.length_h * (unit.charge_efficiency * charge - give / unit.discharge_efficiency)
        error = np.diff(energy, prepend=unit.initial_kwh) - change
        bounds = (
            outside(charge, 0.0, unit.charge_max_kw),
            outside(give, 0.0, unit.discharge_max_kw),
            outside(energy, unit.energy_min_kwh, unit.energy_kwh),
        )
        worst = most(worst, most(abs(error), abs(energy[-1] - unit.initial_kwh), *bounds) / max(unit.energy_kwh, 1.0))
    return worst


# The lots


def _energy(network: Network, day: MarketDay, cleared: Clearing) -> float:
    worst = 0.0
    for k, (site, lot) in enumerate(zip(network.lots, day.lots, strict=True)):
        power, energy = cleared.lot_kw[:, k], cleared.lot_soe_kwh[:, k]
        stored = site.efficiency * day.length_h * power
        if site.first_hour != "corrected":
            stored[0] = 0.0
        error = np.diff(energy, prepend=0.0) - (lot.energy_in_kwh - lot.energy_out_kwh + stored)
        error -= cleared.unserved_kwh[:, k]
        end = lot.energy_end_kwh - energy[-1]
        missing = end if site.terminal == "ge" else abs(end)
        bounds = outside(energy, lot.soe_min_kwh, lot.soe_max_kwh), outside(power, 0.0, lot.power_max_kw)
        worst = most(worst, most(abs(error), missing, *bounds) / most(1.0, lot.soe_max_kwh, lot.power_max_kw))
    return worst


def _vehicles(network: Network, day: MarketDay, cleared: Clearing) -> float:
    worst = 0.0
    for k, (site, lot) in enumerate(zip(network.lots, day.lots, strict=True)):
        split = cleared.vehicle_kw[k]
        if lot.fleet is None:
            continue
        if split is None:
            return np.inf
        fleet, power = lot.fleet, cleared.lot_kw[:, k]
        stored = site.efficiency * split @ day.length_h
        short = fleet.need_kwh.sum() - stored.sum() - cleared.unserved_kwh[:, k].sum()
        more = outside(stored, 0.0, np.inf if site.terminal == "ge" else fleet.need_kwh)
        room = outside(stored, 0.0, fleet.battery_kwh - fleet.energy_kwh)
        parts = abs(split.sum(axis=0) - power), outside(split, 0.0, fleet.power_kw), short, more, room
        worst = most(worst, most(*parts) / most(1.0, lot.power_max_kw, fleet.battery_kwh))
    return worst


# Prices and money


def _parts(network: Network, day: MarketDay, cleared: Clearing) -> float:  # noqa: ARG001 - the same for all
    parts = cleared.dlmp_energy + cleared.dlmp_congestion + cleared.dlmp_voltage
    return most(abs(cleared.dlmp - parts)) / price_scale(day, cleared)


def _substation(network: Network, day: MarketDay, cleared: Clearing) -> float:
    power, price, energy = power_scale(day, cleared), price_scale(day, cleared), cleared.dlmp_energy[:, 0]
    buy, sell = day.wholesale_price, network.export_price_factor * day.wholesale_price
    importing = np.minimum(cleared.import_kw / power, abs(energy - buy) / price)
    exporting = np.minimum(cleared.export_kw / power, abs(energy - sell) / price)
    # At a negative wholesale price selling costs less than buying earns. One of the two directions is closed then: the
    # price is at most that of buying or at least that of selling.
    above, below = energy - buy, sell - energy
    between = np.where(buy >= 0.0, np.maximum(above, below), np.minimum(above, below)) / price
    return most(importing, exporting, between)


def _congestion(network: Network, day: MarketDay, cleared: Clearing) -> float:
    feeder = network.feeder
    room = polygon_room(network, cleared.flow_kw, cleared.flow_kvar, feeder.rating_kva)
    step = cleared.dlmp_congestion.copy()
    step[:, 1:] -= cleared.dlmp_congestion[:, feeder.parent[1:]]
    return most(np.minimum(abs(step) / price_scale(day, cleared), room / power_scale(day, cleared)))


def _undervoltage(network: Network, day: MarketDay, cleared: Clearing) -> float:
    feeder = network.feeder
    room = np.minimum(cleared.voltage_pu - feeder.voltage_min_pu, feeder.voltage_max_pu - cleared.voltage_pu)[:, 1:]
    least = room.min(axis=1, initial=np.inf)
    return most(np.minimum(abs(cleared.dlmp_voltage) / price_scale(day, cleared), least[:, None]))


def _renewables(network: Network, day: MarketDay, cleared: Clearing) -> float:
    price = cleared.dlmp[:, [unit.bus for unit in network.renewables]] / price_scale(day, cleared)
    power = power_scale(day, cleared)
    used, left = cleared.renewable_kw / power, (day.renewable_kw - cleared.renewable_kw) / power
    return most(np.minimum(used, -price), np.minimum(left, price))


def _fuel(network: Network, day: MarketDay, cleared: Clearing) -> float:
    units = network.microturbines
    free = np.array([np.isinf(unit.ramp_kw_per_h) for unit in units], dtype=np.float64)
    rating = np.array([unit.rating_kva for unit in units]) * day.microturbine_available
    power, cost = power_scale(day, cleared), np.array([unit.fuel_cost_per_kwh for unit in units])
    room = polygon_room(network, cleared.microturbine_kw, cleared.microturbine_kvar, rating)
    gap = (cleared.dlmp[:, [unit.bus for unit in units]] - cost) / price_scale(day, cleared)
    up = np.minimum(room / power, gap)
    down = np.minimum(np.minimum(cleared.microturbine_kw, room) / power, -gap)
    return most(free * up, free * down)


def _cost(network: Network, day: MarketDay, cleared: Clearing) -> float:
    burnt = cleared.microturbine_kw @ np.array([unit.fuel_cost_per_kwh for unit in network.microturbines])
    fuel = float(day.length_h @ burnt)
    sold = network.export_price_factor * cleared.export_kw
    trade = day.length_h * day.wholesale_price * (cleared.import_kw - sold)
    cost = float(trade.sum() + fuel)
    scale = most(1.0, abs(trade).sum(), abs(fuel))
    return most(abs(cleared.network_cost - cost), abs(cleared.fuel_cost - fuel)) / scale


def _profit(network: Network, day: MarketDay, cleared: Clearing) -> float:
    drawn_kwh = day.length_h[:, None] * cleared.lot_kw
    charged = stacked(day.lots, "net_price", day.hours) * drawn_kwh
    paid = cleared.lot_price * drawn_kwh
    profit = (charged - paid).sum(axis=0) - subscription_payments(network.lots, cleared.lot_kw, day.length_h)
    return most(abs(cleared.lot_profit - profit)) / most(1.0, abs(charged).sum(axis=0), abs(paid).sum(axis=0))


def _regret(network: Network, day: MarketDay, cleared: Clearing) -> float:  # noqa: ARG001 - the same for all
    proof, profit = cleared.certificate, cleared.lot_profit
    scale = np.maximum(1.0, abs(profit))
    above = np.maximum(profit - cleared.lot_maximum, 0.0) / scale
    regret = np.array(proof.regret)
    worst = abs(proof.worst_regret - most(regret)) + abs(proof.epsilon - most(regret / scale))
    return most(above, worst, outside(regret, 0.0, np.inf))


NETWORK: tuple[Charging, ...] = (
    Invariant(
        "active-balance",
        "flow = load + lots - generation - storage - shed load + flows to the children, at every bus",
        f"(2b), (2d) of {DOCUMENT}",
        RESIDUAL_TOLERANCE,
        _active,
    ),
    Invariant(
        "reactive-balance",
        "reactive flow = load - compensators - microturbines - shed load + flows to the children, at every bus",
        f"(2e) of {DOCUMENT}",
        RESIDUAL_TOLERANCE,
        _reactive,
    ),
    Invariant(
        "voltage-drop",
        "V_j = V_i - (R_j P_j + X_j Q_j) / V_0",
        f"(2f), (2g) of {DOCUMENT}",
        RESIDUAL_TOLERANCE,
        _voltage,
    ),
    Invariant(
        "limits",
        "trade, units, branches, ramps and voltages within their limits",
        f"(2h) to (2p) of {DOCUMENT}",
        RESIDUAL_TOLERANCE,
        _limits,
    ),
    Invariant("one-way-trade", "no period imports and exports", f"{DOCUMENT}, Invariants", RESIDUAL_TOLERANCE, _trade),
    Invariant(
        "storage-energy",
        "stored = stored before + charged - discharged, within limits, at the day's end as at its start",
        "equilibrium/grid/distribution.py, conservation of energy",
        RESIDUAL_TOLERANCE,
        _storage,
    ),
)

LOTS: tuple[Charging, ...] = (
    Invariant(
        "lot-energy",
        "state of energy = the period before's + arrivals - departures + eta p, within its band, as owed at the end",
        f"(3b) to (3f) of {DOCUMENT}",
        RESIDUAL_TOLERANCE,
        _energy,
    ),
    Invariant(
        "vehicles-served",
        "the vehicles' powers sum to the lot's, keep their limits, and give every vehicle what it needs",
        "equilibrium/fleet/day.py, conservation of energy",
        PUBLISHED_TOLERANCE,
        _vehicles,
    ),
)

PRICES: tuple[Charging, ...] = (
    Invariant(
        "price-parts", "DLMP = energy + congestion + voltage", "equilibrium/grid/prices.py", RESIDUAL_TOLERANCE, _parts
    ),
    Invariant(
        "substation-price",
        "the energy part is the wholesale price where power is imported, its exported share where it is exported, and "
        "elsewhere between them, at a negative wholesale price outside them",
        f"dual feasibility and complementarity of (2a), (2h) of {DOCUMENT}",
        PUBLISHED_TOLERANCE,
        _substation,
    ),
    Invariant(
        "congestion-price",
        "the congestion part changes only across a branch at its limit",
        f"complementarity of (2o) of {DOCUMENT}",
        PUBLISHED_TOLERANCE,
        _congestion,
    ),
    Invariant(
        "voltage-price",
        "there is a voltage part only in periods with a voltage at a limit",
        f"complementarity of (2j) of {DOCUMENT}",
        PUBLISHED_TOLERANCE,
        _undervoltage,
    ),
    Invariant(
        "renewable-price",
        "a unit is curtailed only where the DLMP is not positive, and used only where it is not negative",
        f"complementarity of (2l) of {DOCUMENT}",
        PUBLISHED_TOLERANCE,
        _renewables,
    ),
    Invariant(
        "fuel-price",
        "inside its polygon a microturbine without ramps runs only at its fuel cost and stands still only below it",
        f"complementarity of (2m), (2p) of {DOCUMENT}",
        PUBLISHED_TOLERANCE,
        _fuel,
    ),
)

MONEY: tuple[Charging, ...] = (
    Invariant(
        "network-cost", "NC = W (import - alpha export) + fuel", f"(2a) of {DOCUMENT}", RESIDUAL_TOLERANCE, _cost
    ),
    Invariant(
        "lot-profit",
        "a lot's profit is what drivers pay less what the lot pays",
        f"(3a) of {DOCUMENT}",
        RESIDUAL_TOLERANCE,
        _profit,
    ),
    Invariant(
        "proof",
        "no lot earns more than its maximum; the largest regret is the certificate's",
        "equilibrium/certificate.py",
        EPSILON_REGRET,
        _regret,
    ),
)

INVARIANTS: tuple[Charging, ...] = (*NETWORK, *LOTS, *PRICES, *LIMITS, *MONEY)
