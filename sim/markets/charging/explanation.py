"""Why a price of a market of charging lots is what it is, from the tables of its run.

The DLMP is split along the path from the substation. Its congestion part changes where a branch of the path is full;
its voltage part is the sum over the buses whose voltage is at its limit: a kW here lowers the voltage there by the
resistance of the way that both share (:mod:`equilibrium.grid.prices`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from equilibrium.certificate import NEGLIGIBLE
from equilibrium.errors import InfeasibleError
from equilibrium.grid.distribution import VOLTS_PER_KILOVOLT
from equilibrium.markets.charging.next_kw import cost_with_more_load
from scenarios.markets.charging.case import ChargingCase
from sim.columns import PER_MWH
from sim.explanation import STEP_KW, Explanation, NextKw, Place, listed
from sim.markets.charging.results import DayResult
from sim.store import Run

_VISIBLE = 1e-6
"""A part of a price that is smaller, currency/MWh, is rounding."""


@dataclass(frozen=True, eq=False)
class _Period:
    """One period of a run, with the feeder: rows by bus."""

    prices: pd.DataFrame
    limits: pd.DataFrame
    dispatch: pd.DataFrame
    lots: pd.DataFrame
    feeder: pd.DataFrame
    hours: float

    def path(self, bus: str) -> list[str]:
        """Return the buses from the root to one, both included."""
        way = [bus]
        while isinstance(above := self.feeder.loc[way[-1], "parent"], str):
            way.append(above)
        return way[::-1]

    def number(self, bus: str, column: str) -> float:
        """Return one number of a bus."""
        return float(self.prices[column][bus])


def _period(run: Run, place: Place) -> _Period:
    tables = [run.table(name, place.day) for name in ("prices", "limits", "dispatch", "lots")]
    prices, limits, dispatch, lots = (rows[rows["period"] == place.period] for rows in tables)
    prices = prices.set_index("bus")
    return _Period(prices, limits, dispatch, lots, run.table("feeder").set_index("bus"), float(prices["hours"].iloc[0]))


def explain(run: Run, place: Place) -> Explanation:
    """Explain a price of a run.

    Parameters
    ----------
    run
        A run of a market of charging lots.
    place
        Where and when.
    """
    period = _period(run, place)
    parts = (
        ("energy", period.number(place.bus, "energy_per_mwh")),
        ("congestion", period.number(place.bus, "congestion_per_mwh")),
        ("voltage", period.number(place.bus, "voltage_per_mwh")),
        ("losses", 0.0),
    )
    lines = (
        *_source_lines(period),
        *_congestion_lines(period, place.bus),
        *_voltage_lines(period, place.bus),
        "losses: none, the market's power flow has no losses (--ac measures them)",
        *_lot_lines(period, place.bus),
    )
    return Explanation(period.number(place.bus, "dlmp_per_mwh"), parts, lines)


def _source_lines(period: _Period) -> Iterator[str]:
    """Say what the substation does, and which units are neither idle nor at a limit: they give the next kW."""
    power = period.dispatch.groupby("kind")["p_kw"].sum()
    root = period.prices.index[0]
    price = period.number(root, "energy_per_mwh")
    bought, sold = float(power.get("import", 0.0)), float(power.get("export", 0.0))
    trade = (
        f"buys {bought:.1f} kW" if bought > NEGLIGIBLE else f"sells {sold:.1f} kW" if sold > NEGLIGIBLE else "is idle"
    )
    yield f"energy: the substation {trade}, a kW there is worth {price:.4f} per MWh"
    inside = [f"{name} (bus {bus}, {price:.4f} per MWh there)" for name, bus, price in _marginal(period)]
    full = ((period.limits["limit"] == "substation") & period.limits["reached"].astype(bool)).any()
    if max(bought, sold) > NEGLIGIBLE and not full:
        inside.insert(0, "the wholesale market")
    yield f"marginal: {listed(inside) if inside else 'no source is between its limits, the cost has a kink here'}"


def _marginal(period: _Period) -> Iterator[tuple[str, str, float]]:
    """Return name, bus and price there of every unit that could give more and less in this period."""
    at_limit = set(period.limits.loc[period.limits["reached"].astype(bool), "place"])
    potential = period.dispatch[period.dispatch["kind"] == "renewable_potential"].set_index("asset")["p_kw"]
    for row in period.dispatch.to_dict("records"):
        name, given = str(row["asset"]), abs(float(row["p_kw"]))
        if row["kind"] not in ("microturbine", "renewable", "storage") or name in at_limit or given <= NEGLIGIBLE:
            continue
        if row["kind"] == "renewable" and given >= float(potential[name]) - NEGLIGIBLE:
            continue
        yield name, str(row["bus"]), period.number(str(row["bus"]), "dlmp_per_mwh")


def _congestion_lines(period: _Period, bus: str) -> Iterator[str]:
    """Name the full branches on the way from the substation, with what each adds."""
    rated = period.limits[period.limits["limit"].isin(["branch", "substation"])].set_index("bus")
    before, found = 0.0, False
    for each in period.path(bus):
        part = period.number(each, "congestion_per_mwh")
        if abs(part - before) > _VISIBLE:
            found = True
            yield f"congestion: {_branch(period, each, rated)} adds {part - before:+.4f} per MWh"
        before = part
    if not found:
        yield "congestion: no branch on the way from the substation adds to the price"


def _branch(period: _Period, bus: str, rated: pd.DataFrame) -> str:
    above = period.feeder.loc[bus, "parent"]
    name = f"the branch from {above} to {bus}" if isinstance(above, str) else "the substation"
    if bus not in rated.index:
        return name
    row = rated.loc[bus]
    worth = float(rated["multiplier"][bus]) / period.hours
    told = f", {worth:.6g} per kVA and hour" if math.isfinite(worth) else ""
    return f"{name} ({row['value']:.1f} of {row['bound']:.1f} kVA{told})"


def _voltage_lines(period: _Period, bus: str) -> Iterator[str]:
    """Name the buses at a voltage limit, with what each adds: its multiplier times the resistance of the shared way."""
    limits = period.limits[period.limits["limit"].isin(["voltage-min", "voltage-max"])]
    if limits["multiplier"].isna().any():
        reached = ", ".join(limits.loc[limits["reached"].astype(bool), "bus"].astype(str))
        yield f"voltage: at a limit at bus {reached or 'none'}; limits of several hours share what they add"
        return
    found = False
    for row in limits.to_dict("records"):
        part = voltage_part(period.feeder, period.prices, row, period.path(bus), period.path(str(row["bus"])))
        if abs(part) <= _VISIBLE:
            continue
        found = True
        side = "lowest" if row["limit"] == "voltage-min" else "highest"
        yield (
            f"voltage: bus {row['bus']} at its {side} voltage ({row['value']:.4f} of {row['bound']:.4f} p.u.) adds "
            f"{part:+.4f} per MWh"
        )
    if not found:
        yield "voltage: no voltage at its limit adds to the price"


def voltage_part(
    feeder: pd.DataFrame, prices: pd.DataFrame, limit: Mapping[Any, Any], here: list[str], there: list[str]
) -> float:
    """Return what a voltage limit adds to a price, currency/MWh.

    Parameters
    ----------
    feeder, prices
        Rows of the table by bus, and those of the period.
    limit
        A row of the table ``limits``.
    here, there
        The ways from the root to the bus of the price and to the bus of the limit.
    """
    shared = [bus for bus, other in zip(here, there, strict=False) if bus == other]
    root, base_kv = shared[0], float(feeder["base_kv"].iloc[0])
    scale = VOLTS_PER_KILOVOLT * float(prices["voltage_pu"][root]) * base_kv**2
    sign = 1.0 if limit["limit"] == "voltage-min" else -1.0
    drop = float(feeder.loc[shared, "r_ohm"].sum()) / scale  # per unit a kW
    return sign * float(limit["multiplier"]) * drop / float(prices["hours"].iloc[0]) * PER_MWH


def _lot_lines(period: _Period, bus: str) -> Iterator[str]:
    """Say what a lot at the bus pays beyond it: the network charge."""
    for row in period.lots[period.lots["bus"] == bus].to_dict("records"):
        charge = float(row["network_charge_per_kwh"]) * PER_MWH
        paid = float(row.get("lot_price_per_mwh", 0.0))
        line = f"{row['lot']} draws {row['power_kw']:.1f} kW and pays {paid:.4f} per MWh for energy"
        line += f" and {charge:.4f} as network charge, {paid + charge:.4f} in all" if charge else ", no network charge"
        if row.get("excess_per_kwh") and row["power_kw"] > row["subscribed_kw"]:
            line += f"; above {row['subscribed_kw']:g} kW it pays {row['excess_per_kwh'] * PER_MWH:.4f} more"
        yield line


def next_kw(case: ChargingCase, result: DayResult, place: Place) -> NextKw:
    """Return what the operator's cost does around the load of a place, the lots' powers as they are."""
    del case  # the day has all of it
    bus, period = result.network.feeder.index(place.bus), place.period
    hours = float(result.market.length_h[period])

    def cost(more_kw: float) -> float:
        """Return the operator's cost with so much more load; infinite where it cannot be carried."""
        try:
            return cost_with_more_load(result.network, result.market, result.clearing, period, bus, more_kw)
        except InfeasibleError:
            return float("inf")

    here, per_mwh = cost(0.0), PER_MWH / (STEP_KW * hours)
    return NextKw((here - cost(-STEP_KW)) * per_mwh, (cost(STEP_KW) - here) * per_mwh)
