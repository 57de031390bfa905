"""Who pays whom: the accounts of a scenario, and the dispatch read off the columns of its programs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from equilibrium.arrays import FloatArray, IntArray
from equilibrium.fleet.vehicles import VehicleProgram, schedules
from equilibrium.grid.lossy import loss_kw, voltage_pu
from equilibrium.markets.disco.clearing import COMPANY, LOT, ScenarioClearing
from equilibrium.markets.disco.day import DiscoDay, DiscoScenario
from equilibrium.markets.disco.network.supply import Supply
from equilibrium.markets.disco.upper.stage import Dispatch


def amounts(
    day: DiscoDay, scenario: DiscoScenario, bought_kw: FloatArray, charge_kw: FloatArray, discharge_kw: FloatArray
) -> dict[str, FloatArray]:
    """Return every account of a scenario, currency; those of lots per lot.

    Parameters
    ----------
    bought_kw
        Purchase at the substation, shape ``(periods,)``.
    charge_kw, discharge_kw
        Of each lot, shape ``(periods, lots)``.
    """
    hours, tariffs = day.length_h, day.tariffs
    v2g = (hours * tariffs.lot_sells) @ discharge_kw
    answer = {
        "load_income": np.asarray(((hours * tariffs.load) @ day.load_kw).sum()),
        "lot_charging_income": (hours * tariffs.lot_buys) @ charge_kw,
        "v2g_payment": v2g,
        "upstream_cost": np.asarray((hours * scenario.upstream_price) @ bought_kw),
        "response_cost": np.asarray(day.response_cost),
        "emission_reward": np.zeros(()),
        "driver_income": (hours * tariffs.driver_pays) @ charge_kw,
        "driver_payment": tariffs.driver_share * v2g,
        "degradation_cost": tariffs.degradation * (hours[:, None] * discharge_kw).sum(axis=0),
    }
    if day.emissions is not None:
        term = day.emissions
        saved = term.baseline_kwh - hours * bought_kw
        answer["emission_reward"] = np.asarray(term.share * term.price_per_kg * (term.factor_kg_per_kwh @ saved))
    return answer


def company_profit(accounts: dict[str, FloatArray]) -> float:
    """Return B_w: the bracket of (1) in one scenario."""
    return float(sum(sign * accounts[name].sum() for name, sign in COMPANY.items()))


def lot_profit(accounts: dict[str, FloatArray]) -> FloatArray:
    """Return (8) of each lot, currency, shape ``(lots,)``."""
    return np.asarray(sum(sign * accounts[name] for name, sign in LOT.items()))


def read_scenario(
    day: DiscoDay,
    scenario: DiscoScenario,
    supply: Supply,
    vehicles: VehicleProgram,
    groups: Sequence[IntArray],
    dispatch: Dispatch,
    lot_maximum: FloatArray,
) -> ScenarioClearing:
    """Put a scenario's dispatch into the words of its result."""
    program, periods, buses = supply.program, supply.periods, supply.buses
    x = supply.whole(dispatch.service.points, columns=True)
    charge_kw, discharge_kw = vehicles.power_kw(dispatch.x, len(supply.network.lots), periods)
    accounts = amounts(day, scenario, dispatch.bought_kw, charge_kw, discharge_kw)
    balance = dispatch.network_y[:, supply.period_program.rows["active_balance"].slice]

    def wide(values: FloatArray, fill: float | None = None) -> FloatArray:
        """Give a copper plate's single bus the shape of the feeder: all on the root, or the same everywhere."""
        if values.shape[1] == buses:
            return values
        table = np.repeat(values, buses, axis=1)
        if fill is not None:
            table[:, 1:] = fill
        return table

    return ScenarioClearing(
        probability=scenario.probability,
        import_kw=dispatch.bought_kw,
        renewable_kw=program.value(x, "renewable_kw"),
        lot_charge_kw=charge_kw,
        lot_discharge_kw=discharge_kw,
        loss_kw=wide(loss_kw(supply.network, program, x), 0.0),
        flow_kw=wide(program.value(x, "flow_kw"), 0.0),
        flow_kvar=wide(program.value(x, "flow_kvar"), 0.0),
        voltage_pu=wide(voltage_pu(supply.network, program, x)),
        price=wide(balance / day.length_h[:, None]),
        vehicles=schedules(vehicles, dispatch.x, groups, periods),
        accounts={name: float(value.sum()) for name, value in accounts.items()},
        company_profit=company_profit(accounts),
        lot_profit=lot_profit(accounts),
        lot_maximum=lot_maximum,
    )
