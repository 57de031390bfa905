"""What holds at every cleared day of the DISCO market, recomputed from what was published.

Equation numbers are those of docs/disco.md. Violations of powers are relative to the largest power of the day, those of
money to the largest amount.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from equilibrium.certificate import EPSILON_REGRET, RESIDUAL_TOLERANCE
from equilibrium.grid.lossy import WATTS_PER_KILOWATT
from equilibrium.grid.network import Network
from equilibrium.invariants import (
    ARITHMETIC_TOLERANCE,
    PUBLISHED_TOLERANCE,
    SMALLEST_PRICE,
    Invariant,
    at_buses,
    from_children,
    most,
    outside,
)
from equilibrium.markets.disco.checks import purchase_price
from equilibrium.markets.disco.clearing import COMPANY, LOT, DiscoClearing, ScenarioClearing
from equilibrium.markets.disco.day import DiscoDay, DiscoScenario
from equilibrium.programs.risk import cvar, mean_cvar, value_at_risk

Disco: TypeAlias = Invariant[DiscoDay, DiscoClearing]

DOCUMENT = "docs/disco.md"
_NO_POWER = 1e-3
"""Purchases below this, kW, say nothing about the transformer's efficiency."""

Scenario = Callable[[Network, DiscoDay, DiscoScenario, ScenarioClearing], float]


def _each(violation: Scenario) -> Callable[[Network, DiscoDay, DiscoClearing], float]:
    """Return the worst violation of all scenarios."""

    def worst(network: Network, day: DiscoDay, cleared: DiscoClearing) -> float:
        return most(*(violation(network, day, *pair) for pair in zip(day.scenarios, cleared.scenarios, strict=True)))

    return worst


def _scale(day: DiscoDay, cleared: ScenarioClearing) -> float:
    """Return the largest power of a scenario, kW, at least 1."""
    return most(1.0, abs(day.load_kw), cleared.import_kw, cleared.lot_charge_kw, cleared.lot_discharge_kw)


# The network


def _balance(network: Network, day: DiscoDay, given: DiscoScenario, cleared: ScenarioClearing) -> float:  # noqa: ARG001
    feeder, lots = network.feeder, [site.bus for site in network.lots]
    drawn = cleared.lot_charge_kw - cleared.lot_discharge_kw
    renewable = at_buses(feeder, cleared.renewable_kw, [unit.bus for unit in network.renewables])
    error = cleared.flow_kw - cleared.loss_kw + renewable - day.load_kw - at_buses(feeder, drawn, lots)
    error -= from_children(feeder, cleared.flow_kw)
    copper = not cleared.flow_kw[:, 1:].any()  # no flow but the purchase: one bus for all
    return most(abs(error.sum(axis=1) if copper else error)) / _scale(day, cleared)


def _transformer(network: Network, day: DiscoDay, cleared: DiscoClearing) -> float:  # noqa: ARG001 - the same for all
    bought = np.concatenate([each.import_kw for each in cleared.scenarios])
    arrived = np.concatenate([each.flow_kw[:, 0] for each in cleared.scenarios])
    some = bought > _NO_POWER
    if not some.any():
        return most(abs(arrived - bought))
    share = float(arrived[some].sum() / bought[some].sum())
    scale = most(1.0, bought)
    return most(abs(arrived - share * bought) / scale, share - 1.0, -share)


def _limits(network: Network, day: DiscoDay, given: DiscoScenario, cleared: ScenarioClearing) -> float:
    feeder = network.feeder
    known = np.flatnonzero(feeder.r_ohm > 0.0)
    greatest = feeder.r_ohm[known] * (feeder.rating_kva[known] / feeder.base_kv) ** 2 / WATTS_PER_KILOWATT
    power = most(
        outside(cleared.import_kw, 0.0, np.inf),
        outside(cleared.renewable_kw, 0.0, given.renewable_kw),
        outside(cleared.loss_kw[:, known], 0.0, greatest),
    )
    voltage = outside(cleared.voltage_pu, feeder.voltage_min_pu, feeder.voltage_max_pu)[:, 1:]
    return most(power / _scale(day, cleared), voltage)


def _voltage(network: Network, day: DiscoDay, given: DiscoScenario, cleared: ScenarioClearing) -> float:  # noqa: ARG001
    feeder = network.feeder
    if not cleared.flow_kw[:, 1:].any():  # a copper plate has one voltage
        return most(np.ptp(cleared.voltage_pu, axis=1))
    square = (cleared.voltage_pu * feeder.base_kv) ** 2
    known = np.flatnonzero(feeder.r_ohm > 0.0)
    current = WATTS_PER_KILOWATT * cleared.loss_kw[:, known] / feeder.r_ohm[known]
    r, x = feeder.r_ohm[known], feeder.x_ohm[known]
    drop = 2.0 * (r * cleared.flow_kw[:, known] + x * cleared.flow_kvar[:, known]) / 1e3 - (r**2 + x**2) * current / 1e6
    error = square[:, feeder.parent[known]] - square[:, known] - drop
    return most(abs(error)) / feeder.base_kv**2


# The vehicles


def _vehicles(network: Network, day: DiscoDay, given: DiscoScenario, cleared: ScenarioClearing) -> float:
    worst, hours = 0.0, np.arange(day.periods)
    for lot, (site, batch, plan) in enumerate(zip(network.lots, given.vehicles, cleared.vehicles, strict=True)):
        here = (hours >= batch.arrival[:, None]) & (hours < batch.departure[:, None])
        charge, give = np.where(here, plan.charge_kw, 0.0), np.where(here, plan.discharge_kw, 0.0)
        stored = day.length_h * (site.efficiency * charge - give / site.discharge_efficiency)
        energy = batch.energy_kwh[:, None] + np.cumsum(stored, axis=1)
        left = energy[:, -1]
        limits = (
            outside(charge, 0.0, batch.charge_max_kw[:, None]),
            outside(give, 0.0, batch.discharge_max_kw[:, None]),
            outside(energy, batch.energy_min_kwh[:, None], batch.energy_max_kwh[:, None]),
            abs(plan.charge_kw - charge),
            abs(plan.discharge_kw - give),
        )
        sums = (
            abs(batch.count @ charge - cleared.lot_charge_kw[:, lot]),
            abs(batch.count @ give - cleared.lot_discharge_kw[:, lot]),
        )
        path = abs(plan.energy_kwh - energy)[here]
        scale = most(1.0, batch.energy_max_kwh)
        worst = most(worst, most(*limits, path, plan.wish_kwh - left) / scale)
        worst = most(worst, most(*sums) / _scale(day, cleared))
    return worst


def _windows(network: Network, day: DiscoDay, cleared: DiscoClearing) -> float:  # noqa: ARG001 - the same for all
    if not cleared.mode.startswith("windows"):
        return 0.0
    early = [each.lot_charge_kw[~day.charge_window] for each in cleared.scenarios]
    late = [each.lot_discharge_kw[~day.discharge_window] for each in cleared.scenarios]
    return most(*(abs(part) for part in early + late))


# Money


def _accounts(network: Network, day: DiscoDay, given: DiscoScenario, cleared: ScenarioClearing) -> float:  # noqa: ARG001
    tariffs, accounts = day.tariffs, cleared.accounts
    load_kwh, charged_kwh, given_kwh, bought_kwh = (
        day.length_h * power
        for power in (
            day.load_kw.sum(axis=1),
            cleared.lot_charge_kw.sum(axis=1),
            cleared.lot_discharge_kw.sum(axis=1),
            cleared.import_kw,
        )
    )
    expected = {
        "load_income": float(tariffs.load @ load_kwh),
        "lot_charging_income": float(tariffs.lot_buys @ charged_kwh),
        "v2g_payment": float(tariffs.lot_sells @ given_kwh),
        "upstream_cost": float(given.upstream_price @ bought_kwh),
        "response_cost": day.response_cost,
        "emission_reward": 0.0,
        "driver_income": float(tariffs.driver_pays @ charged_kwh),
        "driver_payment": tariffs.driver_share * float(tariffs.lot_sells @ given_kwh),
        "degradation_cost": tariffs.degradation * float(given_kwh.sum()),
    }
    if (term := day.emissions) is not None:
        saved = term.baseline_kwh - bought_kwh
        expected["emission_reward"] = term.share * term.price_per_kg * float(term.factor_kg_per_kwh @ saved)
    error = [abs(accounts[name] - amount) for name, amount in expected.items()]
    return most(*error) / most(1.0, *(abs(amount) for amount in expected.values()))


def _profits(network: Network, day: DiscoDay, given: DiscoScenario, cleared: ScenarioClearing) -> float:  # noqa: ARG001
    accounts = cleared.accounts
    company = sum(sign * accounts[name] for name, sign in COMPANY.items())
    lots = sum(sign * accounts[name] for name, sign in LOT.items())
    scale = most(1.0, *(abs(amount) for amount in accounts.values()))
    return most(abs(cleared.company_profit - company), abs(float(cleared.lot_profit.sum()) - lots)) / scale


def _statistics(network: Network, day: DiscoDay, cleared: DiscoClearing) -> float:  # noqa: ARG001 - the same for all
    probability = np.array([each.probability for each in cleared.scenarios])
    profit = np.array([each.company_profit for each in cleared.scenarios])
    lots = probability @ np.array([each.lot_profit for each in cleared.scenarios])
    errors = (
        abs(float(probability.sum()) - 1.0),
        abs(cleared.expected_profit - float(probability @ profit)),
        abs(cleared.cvar - cvar(profit, probability, cleared.alpha)),
        abs(cleared.value_at_risk - value_at_risk(profit, probability, cleared.alpha)),
        abs(cleared.objective - mean_cvar(profit, probability, cleared.alpha, cleared.beta)),
        cleared.cvar - cleared.expected_profit,
    )
    return most(*errors, abs(cleared.lot_expected_profit - lots)) / most(1.0, abs(profit), abs(lots))


def _attitude(network: Network, day: DiscoDay, cleared: DiscoClearing) -> float:  # noqa: ARG001 - the same for all
    low, high = cleared.pessimistic
    crossed = low - high if low > high else 0.0  # both may be infinite
    return most(high - cleared.objective, crossed) / most(1.0, abs(cleared.objective))


def _regret(network: Network, day: DiscoDay, cleared: DiscoClearing) -> float:  # noqa: ARG001 - the same for all
    proof, regret = cleared.certificate, np.array(cleared.certificate.regret)
    earned = np.array([each.lot_profit for each in cleared.scenarios])
    maximum = np.array([each.lot_maximum for each in cleared.scenarios])
    above = outside(earned, -np.inf, maximum) / np.maximum(1.0, abs(earned))
    return most(above, abs(proof.worst_regret - most(regret)), outside(regret, 0.0, np.inf))


# Prices


def _price_scale(day: DiscoDay, cleared: DiscoClearing) -> float:
    prices = [abs(each.price) for each in cleared.scenarios]
    return most(SMALLEST_PRICE, *prices, *(abs(purchase_price(day, given)) for given in day.scenarios))


def _substation(network: Network, day: DiscoDay, cleared: DiscoClearing) -> float:  # noqa: ARG001 - the same for all
    if cleared.purchases != "recourse":  # one purchase for all scenarios is priced by all of them together
        return 0.0
    bought = sum(float(each.import_kw.sum()) for each in cleared.scenarios)
    arrived = sum(float(each.flow_kw[:, 0].sum()) for each in cleared.scenarios)
    share, worst = (arrived / bought if bought > _NO_POWER else 1.0), 0.0
    for given, each in zip(day.scenarios, cleared.scenarios, strict=True):
        gap = (purchase_price(day, given) - share * each.price[:, 0]) / _price_scale(day, cleared)
        buying = np.minimum(each.import_kw / _scale(day, each), abs(gap))
        worst = most(worst, buying, -gap)
    return worst


def _renewables(network: Network, day: DiscoDay, cleared: DiscoClearing) -> float:
    worst = 0.0
    for given, each in zip(day.scenarios, cleared.scenarios, strict=True):
        price = each.price[:, [unit.bus for unit in network.renewables]] / _price_scale(day, cleared)
        left = (given.renewable_kw - each.renewable_kw) / _scale(day, each)
        used = each.renewable_kw / _scale(day, each)
        worst = most(worst, np.minimum(left, price), np.minimum(used, -price))
    return worst


NETWORK: tuple[Disco, ...] = (
    Invariant(
        "active-balance",
        "flow - loss = load + lots - renewables + flows to the children, at every bus",
        f"(2a) of {DOCUMENT}",
        RESIDUAL_TOLERANCE,
        _each(_balance),
    ),
    Invariant(
        "transformer",
        "the same share of every purchase arrives, at most all of it",
        f"(2a) of {DOCUMENT}",
        RESIDUAL_TOLERANCE,
        _transformer,
    ),
    Invariant(
        "voltage-drop",
        "V2_i - V2_j = 2 (R P + X Q) - Z^2 I2, with I2 = loss / R",
        f"(2c) of {DOCUMENT}",
        RESIDUAL_TOLERANCE,
        _each(_voltage),
    ),
    Invariant(
        "limits",
        "purchases, renewables, currents and voltages within their limits",
        f"(2a), (2g) of {DOCUMENT}",
        RESIDUAL_TOLERANCE,
        _each(_limits),
    ),
)

VEHICLES: tuple[Disco, ...] = (
    Invariant(
        "vehicles",
        "powers and energy of every vehicle within its limits, energy conserved, the wish met, sums those of the lots",
        f"(9) to (14) of {DOCUMENT}",
        PUBLISHED_TOLERANCE,
        _each(_vehicles),
    ),
    Invariant(
        "windows",
        "in the modes with windows nobody charges or discharges outside them",
        f"{DOCUMENT}, Four modes",
        RESIDUAL_TOLERANCE,
        _windows,
    ),
)

MONEY: tuple[Disco, ...] = (
    Invariant(
        "accounts",
        "every account is its price times its energy",
        f"(1), (8) of {DOCUMENT}",
        ARITHMETIC_TOLERANCE,
        _each(_accounts),
    ),
    Invariant(
        "money-balance",
        "the profits of company and lots are the sums of their accounts",
        f"(1), (8) of {DOCUMENT}",
        ARITHMETIC_TOLERANCE,
        _each(_profits),
    ),
    Invariant(
        "statistics",
        "expected profit, CVaR, value at risk and objective are those of the scenarios",
        f"(46) to (49) of {DOCUMENT}",
        ARITHMETIC_TOLERANCE,
        _statistics,
    ),
    Invariant(
        "attitude",
        "ties broken against the company never give it more",
        f"{DOCUMENT}, The lower level is a face",
        EPSILON_REGRET,
        _attitude,
    ),
    Invariant(
        "proof",
        "no lot earns more than its maximum; the largest regret is the certificate's",
        "equilibrium/certificate.py",
        EPSILON_REGRET,
        _regret,
    ),
)

PRICES: tuple[Disco, ...] = (
    Invariant(
        "substation-price",
        "the price at the substation is at most that of a purchase, and equal to it where it buys with recourse",
        f"dual feasibility and complementarity of (1), (2a) of {DOCUMENT}",
        PUBLISHED_TOLERANCE,
        _substation,
    ),
    Invariant(
        "renewable-price",
        "a unit is curtailed only where the price is not positive, and used only where it is not negative",
        f"complementarity of (2a) of {DOCUMENT}",
        PUBLISHED_TOLERANCE,
        _renewables,
    ),
)

INVARIANTS: tuple[Disco, ...] = (*NETWORK, *VEHICLES, *MONEY, *PRICES)
