"""One finished day as rows of the tables in :mod:`sim.store`."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from equilibrium.arrays import FloatArray
from equilibrium.grid.network import Network
from equilibrium.markets.charging.clearing import Clearing
from equilibrium.markets.charging.day import MarketDay
from sim.acflow import FlowCheck
from sim.markets.charging.results import DayResult
from sim.markets.nodal.rows import PER_MWH, certificate_columns, day_columns, lot_columns, lot_day_columns
from sim.store import Columns


def day_tables(network: Network, result: DayResult, flow: FlowCheck | None = None) -> dict[str, Columns]:
    """Return the rows that one day adds to every table.

    Parameters
    ----------
    network
        The network that was cleared.
    result
        The day.
    flow
        Its AC power flow, when asked for.
    """
    day, date, clearing, market = result.index, result.date, result.clearing, result.market
    tables = {
        "days": _days(network, result),
        "prices": price_rows(network, clearing, day, date),
        "dispatch": dispatch_rows(network, market, clearing, day, date),
        "lots": lot_rows(network, market, clearing, day, date),
        "lot_days": _lot_days(result),
        "sessions": _sessions(result),
        "certificates": _certificate(network, result),
    }
    if network.storage:
        tables["storage"] = storage_rows(network, clearing, day, date)
    if flow is not None:
        tables["ac"] = _ac(network, flow, day, date)
    return tables


def frame(columns: Columns) -> pd.DataFrame:
    """Return rows as a data frame, as :class:`sim.store.Run` would after storing them."""
    return pd.DataFrame(dict(columns))


def price_rows(network: Network, clearing: Clearing, day: int = 0, date: dt.date | None = None) -> Columns:
    """Return the rows of ``prices``: hour by hour, bus by bus."""
    hours, buses = clearing.dlmp.shape
    return {
        **_stamp(day, date, hours * buses),
        "hour": np.repeat(np.arange(hours), buses),
        "bus": list(network.feeder.buses) * hours,
        "dlmp_per_mwh": clearing.dlmp.ravel() * PER_MWH,
        "energy_per_mwh": clearing.dlmp_energy.ravel() * PER_MWH,
        "congestion_per_mwh": clearing.dlmp_congestion.ravel() * PER_MWH,
        "voltage_per_mwh": clearing.dlmp_voltage.ravel() * PER_MWH,
        "voltage_pu": clearing.voltage_pu.ravel(),
    }


def dispatch_rows(
    network: Network, market: MarketDay, clearing: Clearing, day: int = 0, date: dt.date | None = None
) -> Columns:
    """Return the rows of ``dispatch``: hour by hour, asset by asset; ``shed`` only where load was not served."""
    groups = _groups(network, market, clearing)
    p_kw = np.concatenate([group.p_kw for group in groups], axis=1)
    q_kvar = np.concatenate([group.q_kvar for group in groups], axis=1)
    names = [name for group in groups for name, _ in group.members]
    kinds = [group.kind for group in groups for _ in group.members]
    labels = [network.feeder.buses[bus] for group in groups for _, bus in group.members]
    hours = p_kw.shape[0]
    keep = np.ones(p_kw.shape, dtype=bool)
    shed = np.array(kinds) == "shed"
    keep[:, shed] = p_kw[:, shed] > 0
    kept = keep.ravel()
    return {
        **_stamp(day, date, int(kept.sum())),
        "hour": np.repeat(np.arange(hours), len(names))[kept],
        "asset": np.tile(np.array(names, dtype=object), hours)[kept],
        "kind": np.tile(np.array(kinds, dtype=object), hours)[kept],
        "bus": np.tile(np.array(labels, dtype=object), hours)[kept],
        "p_kw": p_kw.ravel()[kept],
        "q_kvar": q_kvar.ravel()[kept],
    }


@dataclass(frozen=True, eq=False)
class _Group:
    """Assets of one kind: their names and buses, and their powers, shape ``(hours, assets)``."""

    kind: str
    members: list[tuple[str, int]]
    p_kw: FloatArray
    q_kvar: FloatArray


def _groups(network: Network, market: MarketDay, clearing: Clearing) -> list[_Group]:
    """Return everything that is dispatched, kind by kind."""
    loaded = np.flatnonzero((market.load_kw != 0).any(axis=0) | (market.load_kvar != 0).any(axis=0))
    loads = [(f"load {network.feeder.buses[bus]}", int(bus)) for bus in loaded]
    load_kw, load_kvar, shed_kw = (x[:, loaded] for x in (market.load_kw, market.load_kvar, clearing.shed_kw))
    shed_kvar = shed_kw * np.divide(load_kvar, load_kw, out=np.zeros_like(load_kw), where=load_kw != 0)
    renewables = [(unit.name, unit.bus) for unit in network.renewables]
    none = np.zeros_like
    bought, sold = clearing.import_kw[:, None], clearing.export_kw[:, None]
    given_kw = clearing.storage_discharge_kw - clearing.storage_charge_kw
    return [
        _Group("import", [("import", 0)], bought, clearing.flow_kvar[:, :1]),
        _Group("export", [("export", 0)], sold, none(sold)),
        _Group(
            "microturbine",
            [(unit.name, unit.bus) for unit in network.microturbines],
            clearing.microturbine_kw,
            clearing.microturbine_kvar,
        ),
        _Group("renewable", renewables, clearing.renewable_kw, none(clearing.renewable_kw)),
        _Group("renewable_potential", renewables, market.renewable_kw, none(market.renewable_kw)),
        _Group(
            "svc",
            [(unit.name, unit.bus) for unit in network.compensators],
            none(clearing.compensator_kvar),
            clearing.compensator_kvar,
        ),
        _Group("storage", [(unit.name, unit.bus) for unit in network.storage], given_kw, none(given_kw)),
        _Group("lot", [(site.name, site.bus) for site in network.lots], clearing.lot_kw, none(clearing.lot_kw)),
        _Group("load", loads, load_kw, load_kvar),
        _Group("shed", loads, shed_kw, shed_kvar),  # at the power factor of the load
    ]


def storage_rows(network: Network, clearing: Clearing, day: int = 0, date: dt.date | None = None) -> Columns:
    """Return the rows of ``storage``: hour by hour, unit by unit."""
    units = network.storage
    hours, buses = clearing.dlmp.shape[0], np.array([unit.bus for unit in units], dtype=np.int64)
    return {
        **_stamp(day, date, hours * len(units)),
        "hour": np.repeat(np.arange(hours), len(units)),
        "storage": [unit.name for unit in units] * hours,
        "bus": [network.feeder.buses[bus] for bus in buses] * hours,
        "charge_kw": clearing.storage_charge_kw.ravel(),
        "discharge_kw": clearing.storage_discharge_kw.ravel(),
        "energy_kwh": clearing.storage_kwh.ravel(),
        "energy_min_kwh": [unit.energy_min_kwh for unit in units] * hours,
        "energy_max_kwh": [unit.energy_kwh for unit in units] * hours,
        "dlmp_per_mwh": clearing.dlmp[:, buses].ravel() * PER_MWH,
    }


def lot_rows(
    network: Network, market: MarketDay, clearing: Clearing, day: int = 0, date: dt.date | None = None
) -> Columns:
    """Return the rows of ``lots``: hour by hour, lot by lot."""
    hours, count = clearing.lot_kw.shape
    sites = network.lots
    offers = {
        name: np.column_stack([getattr(lot, name) for lot in market.lots]).ravel() if count else np.zeros(0)
        for name in ("power_max_kw", "soe_min_kwh", "soe_max_kwh", "charging_price")
    }
    return {
        **_stamp(day, date, hours * count),
        "hour": np.repeat(np.arange(hours), count),
        "lot": [site.name for site in sites] * hours,
        "bus": [network.feeder.buses[site.bus] for site in sites] * hours,
        "power_kw": clearing.lot_kw.ravel(),
        "power_max_kw": offers["power_max_kw"],
        "soe_kwh": clearing.lot_soe_kwh.ravel(),
        "soe_min_kwh": offers["soe_min_kwh"],
        "soe_max_kwh": offers["soe_max_kwh"],
        "unserved_kwh": clearing.unserved_kwh.ravel(),
        "charging_price_per_kwh": offers["charging_price"],
        "dlmp_per_mwh": clearing.dlmp[:, [site.bus for site in sites]].ravel() * PER_MWH,
        **lot_columns(network, clearing),
    }


def _stamp(day: int, date: dt.date | None, rows: int) -> dict[str, Any]:
    return {"day": np.full(rows, day), "date": [date] * rows}


def _days(network: Network, result: DayResult) -> Columns:
    clearing, market = result.clearing, result.market
    hour, bus = np.unravel_index(int(clearing.voltage_pu.argmin()), clearing.voltage_pu.shape)
    row = {
        "energy_charged_kwh": clearing.lot_kw.sum(),
        "network_cost": clearing.network_cost,
        "fuel_cost": clearing.fuel_cost,
        "shortage_cost": clearing.shortage_cost,
        "import_kwh": clearing.import_kw.sum(),
        "export_kwh": clearing.export_kw.sum(),
        "load_kwh": market.load_kw.sum(),
        "shed_kwh": clearing.shed_kw.sum(),
        "unserved_kwh": clearing.unserved_kwh.sum(),
        "curtailed_kwh": market.renewable_kw.sum() - clearing.renewable_kw.sum(),
        "voltage_min_pu": clearing.voltage_pu[hour, bus],
        "voltage_min_bus": network.feeder.buses[bus],
        "voltage_min_hour": int(hour),
        "dlmp_mean_per_mwh": clearing.dlmp.mean() * PER_MWH,
        "dlmp_peak_per_mwh": clearing.dlmp.max() * PER_MWH,
        "wholesale_mean_per_mwh": market.wholesale_price.mean() * PER_MWH,
        "lot_profit": clearing.lot_profit.sum(),
        "sessions": len(result.finished),
        "turned_away": len(result.turned_away),
        "worst_regret": clearing.certificate.worst_regret,
        "certified": clearing.certificate.certified,
        "seconds": result.seconds,
    }
    return {
        **_stamp(result.index, result.date, 1),
        **{name: [value] for name, value in row.items()},
        **day_columns(network, clearing),
    }


def _lot_days(result: DayResult) -> Columns:
    clearing, records = result.clearing, result.lots
    counts = ("arrivals", "refused", "departures", "parked", "peak_occupancy")
    amounts = ("energy_kwh", "revenue", "payment", "unreachable_kwh", "unserved_kwh", "reputation")
    return {
        **_stamp(result.index, result.date, len(records)),
        "lot": [record.name for record in records],
        "price_per_kwh": [record.price for record in records],
        "profit": clearing.lot_profit,
        "maximum": clearing.lot_maximum,
        "regret": list(clearing.certificate.regret),
        "attained": list(clearing.certificate.attained),
        **{name: [getattr(record, name) for record in records] for name in counts + amounts},
        **lot_day_columns(clearing),
    }


def _sessions(result: DayResult) -> Columns:
    records = result.finished + result.turned_away
    same = (
        *("lot", "home_lot", "arrival_day", "arrival_h", "departure_h", "tries", "battery_kwh"),
        *("arrival_energy_kwh", "asked_kwh", "unreachable_kwh", "got_kwh", "drawn_kwh", "paid"),
    )
    return {
        **_stamp(result.index, result.date, len(records)),
        "session": [record.name for record in records],
        "outcome": [str(record.outcome) for record in records],
        **{name: [getattr(record, name) for record in records] for name in same},
    }


def _certificate(network: Network, result: DayResult) -> Columns:
    proof = result.clearing.certificate
    row = {
        "certified": proof.certified,
        "verdict": str(proof.verdict),
        "worst_regret": proof.worst_regret,
        "epsilon": proof.epsilon,
        "primal": proof.primal,
        "dual": proof.dual,
        "complementarity": proof.complementarity,
        "gap": proof.gap,
        "method": proof.method,
        "solver": proof.solver,
        "notes": "; ".join(proof.notes),
        "seconds": result.clearing.seconds,
        "solver_seconds": result.clearing.solver_seconds,
    }
    return {
        **_stamp(result.index, result.date, 1),
        **{name: [value] for name, value in row.items()},
        **certificate_columns(network, result.clearing),
    }


def _ac(network: Network, flow: FlowCheck, day: int, date: dt.date | None) -> Columns:
    hours = flow.converged.size
    labels = np.array(network.feeder.buses, dtype=object)
    return {
        **_stamp(day, date, hours),
        "hour": np.arange(hours),
        "converged": flow.converged,
        "voltage_error_pu": flow.voltage_error_pu,
        "voltage_error_bus": labels[flow.voltage_error_bus],
        "loss_kw": flow.loss_kw,
        "loss_share": flow.loss_share,
        "voltage_min_pu": flow.voltage_min_pu,
        "voltage_min_bus": labels[flow.voltage_min_bus],
    }
