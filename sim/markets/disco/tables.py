"""One finished day of the DISCO market as rows of the tables in :data:`sim.columns.DISCO_TABLES`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

import numpy as np

from equilibrium.arrays import FloatArray
from equilibrium.certificate import Verdict
from equilibrium.grid.network import Network
from equilibrium.markets.disco.clearing import COMPANY, LOT, DiscoClearing, ScenarioClearing
from equilibrium.markets.disco.day import DiscoDay
from sim.markets.charging.results import DiscoDayResult
from sim.markets.nodal.rows import PER_MWH
from sim.store import Columns

PARTIES = {
    "load_income": ("customers", "company"),
    "lot_charging_income": ("lots", "company"),
    "v2g_payment": ("company", "lots"),
    "upstream_cost": ("company", "upstream"),
    "response_cost": ("company", "customers"),
    "emission_reward": ("authority", "company"),
    "driver_income": ("drivers", "lots"),
    "driver_payment": ("lots", "drivers"),
    "degradation_cost": ("lots", "drivers"),
}
"""Who pays a positive amount of each account, and who receives it; drivers own the batteries that wear."""


def disco_tables(
    network: Network, result: DiscoDayResult, truth: Mapping[tuple[str, str], float]
) -> dict[str, Columns]:
    """Return the rows that one day adds to every table.

    Parameters
    ----------
    network
        The network that was cleared.
    result
        The day.
    truth
        The customers' true elasticity for every ordered pair of periods.
    """
    return {
        "days": _days(network, result, truth),
        "prices": _prices(network, result),
        "dispatch": _dispatch(network, result),
        "lots": _lots(network, result),
        "lot_days": _lot_days(result),
        "sessions": _sessions(result),
        "scenarios": _scenarios(result),
        "accounts": _accounts(result),
        "programs": _programs(result),
        "beliefs": _beliefs(result, truth),
        "certificates": _certificates(result),
    }


def _stamp(result: DiscoDayResult, rows: int) -> dict[str, Any]:
    dates: list[dt.date | None] = [result.date] * rows
    return {"day": np.full(rows, result.index), "date": dates}


def _days(network: Network, result: DiscoDayResult, truth: Mapping[tuple[str, str], float]) -> Columns:
    settled, retail = result.settlement, result.retail
    realised, plan, outcome = settled.realised, settled.plan, settled.outcome
    hour, bus = np.unravel_index(int(realised.voltage_pu.argmin()), realised.voltage_pu.shape)
    proofs = (plan.certificate, settled.clearing.certificate)
    renewable, potential = realised.renewable_kw.sum(), outcome.scenarios[0].renewable_kw.sum()
    row = {
        "program": retail.programs[retail.chosen],
        "company_profit": realised.company_profit,
        "planned_profit": plan.expected_profit,
        "planned_cvar": plan.cvar,
        "planned_objective": plan.objective,
        "pessimistic_low": plan.pessimistic[0],
        "pessimistic_high": plan.pessimistic[1],
        "lot_profit": realised.lot_profit.sum(),
        "planned_lot_profit": plan.lot_expected_profit.sum(),
        "retail_profit": retail.profit,
        "margin_per_kwh": result.owner.margin,
        "driver_share": result.owner.driver_share,
        "vehicles": sum(pool.came for pool in result.pools),
        "base_load_kwh": result.day.base_kw.sum(),
        "load_kwh": outcome.load_kw.sum(),
        "forecast_load_kwh": settled.forecast.load_kw.sum(),
        "import_kwh": realised.import_kw.sum(),
        "planned_import_kwh": sum(each.probability * each.import_kw.sum() for each in plan.scenarios),
        "renewable_kwh": renewable,
        "curtailed_kwh": potential - renewable,
        "charged_kwh": realised.lot_charge_kw.sum(),
        "discharged_kwh": realised.lot_discharge_kw.sum(),
        "loss_kwh": realised.loss_kw.sum(),
        "voltage_min_pu": realised.voltage_pu[hour, bus],
        "voltage_min_bus": network.feeder.buses[bus],
        "voltage_min_hour": int(hour),
        "price_mean_per_mwh": realised.price.mean() * PER_MWH,
        "price_peak_per_mwh": realised.price.max() * PER_MWH,
        "belief_error": max(abs(value - truth[pair]) for pair, value in retail.estimate.items()),
        "reduction_distance": result.distance,
        "worst_regret": max(proof.worst_regret for proof in proofs),
        "certified": all(proof.certified for proof in proofs),
        "verdict": str(min((proof.verdict for proof in proofs), key=list(Verdict).index)),
        "seconds": result.seconds,
    }
    return {**_stamp(result, 1), **{name: [value] for name, value in row.items()}}


def _prices(network: Network, result: DiscoDayResult) -> Columns:
    realised = result.settlement.realised
    hours, buses = realised.price.shape
    return {
        **_stamp(result, hours * buses),
        "hour": np.repeat(np.arange(hours), buses),
        "bus": list(network.feeder.buses) * hours,
        "price_per_mwh": realised.price.ravel() * PER_MWH,
        "voltage_pu": realised.voltage_pu.ravel(),
    }


def _dispatch(network: Network, result: DiscoDayResult) -> Columns:
    """Return everything that flows, hour by hour and asset by asset."""
    settled, buses = result.settlement, network.feeder.buses
    realised = settled.realised
    loaded = np.flatnonzero((result.day.base_kw != 0.0).any(axis=0))
    units = [(unit.name, unit.bus) for unit in network.renewables]
    sites = [(site.name, site.bus) for site in network.lots]
    groups: list[tuple[str, list[tuple[str, int]], FloatArray]] = [
        ("import", [("import", 0)], realised.import_kw[:, None]),
        ("renewable", units, realised.renewable_kw),
        ("renewable_potential", units, settled.outcome.scenarios[0].renewable_kw),
        ("lot_charge", sites, realised.lot_charge_kw),
        ("lot_discharge", sites, realised.lot_discharge_kw),
        ("loss", [(f"branch {label}", bus) for bus, label in enumerate(buses)][1:], realised.loss_kw[:, 1:]),
    ]
    for kind, load in (
        ("load", settled.outcome.load_kw),
        ("base_load", result.day.base_kw),
        ("forecast_load", settled.forecast.load_kw),
    ):
        groups.append((kind, [(f"load {buses[bus]}", int(bus)) for bus in loaded], load[:, loaded]))
    hours = realised.import_kw.size
    power = np.concatenate([values for _, _, values in groups], axis=1)
    rows = [(name, kind, buses[bus]) for kind, members, _ in groups for name, bus in members]
    names, kinds, labels = (np.tile(np.array(column, dtype=object), hours) for column in zip(*rows, strict=True))
    return {
        **_stamp(result, power.size),
        "hour": np.repeat(np.arange(hours), len(rows)),
        "asset": names,
        "kind": kinds,
        "bus": labels,
        "p_kw": power.ravel(),
    }


def _lots(network: Network, result: DiscoDayResult) -> Columns:
    realised, outcome = result.settlement.realised, result.settlement.outcome
    hours, count = realised.lot_charge_kw.shape
    sites, tariffs = network.lots, outcome.tariffs
    plugged, energy = np.zeros((hours, count)), np.zeros((hours, count))
    for lot, (batch, schedule) in enumerate(zip(outcome.scenarios[0].vehicles, realised.vehicles, strict=True)):
        here = (np.arange(hours) >= batch.arrival[:, None]) & (np.arange(hours) < batch.departure[:, None])
        plugged[:, lot] = batch.count @ here
        energy[:, lot] = batch.count @ np.where(here, schedule.energy_kwh, 0.0)
    return {
        **_stamp(result, hours * count),
        "hour": np.repeat(np.arange(hours), count),
        "lot": [site.name for site in sites] * hours,
        "bus": [network.feeder.buses[site.bus] for site in sites] * hours,
        "charge_kw": realised.lot_charge_kw.ravel(),
        "discharge_kw": realised.lot_discharge_kw.ravel(),
        "plugged": plugged.ravel(),
        "energy_kwh": energy.ravel(),
        "tariff_per_mwh": np.repeat(tariffs.lot_buys, count) * PER_MWH,
        "driver_price_per_mwh": np.repeat(tariffs.driver_pays, count) * PER_MWH,
        "price_per_mwh": realised.price[:, [site.bus for site in sites]].ravel() * PER_MWH,
    }


def _lot_days(result: DiscoDayResult) -> Columns:
    realised, pools = result.settlement.realised, result.pools
    return {
        **_stamp(result, len(pools)),
        "profit": realised.lot_profit,
        "maximum": realised.lot_maximum,
        **{name: [getattr(pool, name) for pool in pools] for name in ("lot", "drivers", "probability", "came")},
        "reputation": [pool.reputation for pool in pools],
    }


def _sessions(result: DiscoDayResult) -> Columns:
    records = result.finished
    same = (
        *("lot", "arrival_h", "departure_h", "arrival_energy_kwh", "asked_kwh", "unreachable_kwh", "drawn_kwh"),
        *("given_kwh", "paid", "received", "alike"),
    )
    return {
        **_stamp(result, len(records)),
        "session": [record.name for record in records],
        "outcome": [str(record.outcome) for record in records],
        "departure_energy_kwh": [record.arrival_energy_kwh + record.got_kwh for record in records],
        **{name: [getattr(record, name) for record in records] for name in same},
    }


def _stages(result: DiscoDayResult) -> tuple[tuple[str, DiscoDay, DiscoClearing], ...]:
    settled = result.settlement
    return ("forecast", settled.forecast, settled.plan), ("outcome", settled.outcome, settled.clearing)


def _scenarios(result: DiscoDayResult) -> Columns:
    rows = [
        {"stage": stage, "scenario": number, **_scenario(day, number, cleared)}
        for stage, day, clearing in _stages(result)
        for number, cleared in enumerate(clearing.scenarios)
    ]
    return {**_stamp(result, len(rows)), **{name: [row[name] for row in rows] for name in rows[0]}}


def _scenario(day: DiscoDay, number: int, cleared: ScenarioClearing) -> dict[str, Any]:
    given = day.scenarios[number]
    return {
        "probability": cleared.probability,
        "company_profit": cleared.company_profit,
        "lot_profit": cleared.lot_profit.sum(),
        "import_kwh": cleared.import_kw.sum(),
        "renewable_kwh": given.renewable_kw.sum(),
        "charged_kwh": cleared.lot_charge_kw.sum(),
        "discharged_kwh": cleared.lot_discharge_kw.sum(),
        "vehicles": sum(batch.count.sum() for batch in given.vehicles),
        "upstream_mean_per_mwh": given.upstream_price.mean() * PER_MWH,
    }


def _accounts(result: DiscoDayResult) -> Columns:
    names = list(COMPANY | LOT)
    amounts = result.settlement.realised.accounts
    return {
        **_stamp(result, len(names)),
        "account": names,
        "payer": [PARTIES[name][0] for name in names],
        "receiver": [PARTIES[name][1] for name in names],
        "amount": [amounts[name] for name in names],
    }


def _programs(result: DiscoDayResult) -> Columns:
    retail = result.retail
    return {
        **_stamp(result, len(retail.programs)),
        "program": list(retail.programs),
        "probability": retail.probability,
        "propensity": retail.propensity,
        "forecast_profit": retail.forecast_profit,
        "chosen": [number == retail.chosen for number in range(len(retail.programs))],
    }


def _beliefs(result: DiscoDayResult, truth: Mapping[tuple[str, str], float]) -> Columns:
    pairs, retail = sorted(result.retail.estimate), result.retail
    return {
        **_stamp(result, len(pairs)),
        "period": [pair[0] for pair in pairs],
        "other": [pair[1] for pair in pairs],
        "estimate": [retail.estimate[pair] for pair in pairs],
        "standard_error": [retail.standard_error[pair] for pair in pairs],
        "true_elasticity": [truth[pair] for pair in pairs],
    }


def _certificates(result: DiscoDayResult) -> Columns:
    same = ("certified", "worst_regret", "epsilon", "primal", "dual", "complementarity", "gap", "method", "solver")
    rows = [
        {
            "stage": stage,
            "verdict": str(clearing.certificate.verdict),
            "notes": "; ".join(clearing.certificate.notes),
            "seconds": clearing.seconds,
            "solver_seconds": clearing.solver_seconds,
            **{name: getattr(clearing.certificate, name) for name in same},
        }
        for stage, _, clearing in _stages(result)
    ]
    return {**_stamp(result, len(rows)), **{name: [row[name] for row in rows] for name in rows[0]}}
