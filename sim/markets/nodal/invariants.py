"""What holds in the tables of every run of the nodal market, beyond what holds in those of charging lots."""

from __future__ import annotations

import pandas as pd

from sim.checks import RunInvariant, apart, beyond
from sim.columns import PER_MWH
from sim.markets.charging import invariants as charging
from sim.store import Run

_LOT_DAY = ["day", "lot"]


def _price(run: Run) -> float:
    prices = run.prices.set_index(["day", "period", "bus"])["dlmp_per_mwh"]
    lots = run.lots.set_index(["day", "period", "bus"])["lot_price_per_mwh"]
    return apart(lots, prices.reindex(lots.index))


def _interval(run: Run) -> float:
    lots = run.lots
    return beyond(lots["lot_price_per_mwh"], lots["lot_price_low_per_mwh"], lots["lot_price_high_per_mwh"])


def _above(rows: pd.DataFrame, power: str) -> pd.Series[float]:
    """Return what power above the subscribed capacity costs, currency."""
    return rows["excess_per_kwh"] * (rows[power] - rows["subscribed_kw"]).clip(lower=0.0) * rows["hours"]


def _payments(run: Run) -> float:
    rows, days = run.lots, run.lot_days.set_index(_LOT_DAY)
    left = rows["charging_price_per_kwh"] - rows["network_charge_per_kwh"]
    margin = left - rows["competitive_price_per_mwh"] / PER_MWH
    drawn_kwh = rows["power_kw"] * rows["hours"]
    above, above_there = (_above(rows, power) for power in ("power_kw", "competitive_kw"))
    sums = pd.DataFrame(
        {
            **{name: rows[name] for name in _LOT_DAY},
            "revenue": rows["charging_price_per_kwh"] * drawn_kwh,
            "payment": rows["lot_price_per_mwh"] * drawn_kwh / PER_MWH,
            "network_charge": rows["network_charge_per_kwh"] * drawn_kwh + above,
            "competitive_profit": margin * rows["competitive_kw"] * rows["hours"] - above_there,
        }
    )
    sums = sums.groupby(_LOT_DAY).sum().reindex(days.index)
    return max(apart(days[name], sums[name]) for name in ("revenue", "payment", "network_charge", "competitive_profit"))


def _surplus(run: Run) -> float:
    prices = run.prices.set_index(["day", "period", "bus"])["dlmp_per_mwh"]
    rows = run.dispatch.set_index(["day", "period", "bus"])
    rows = rows.assign(money=rows["p_kw"] * rows["hours"] * prices.reindex(rows.index) / PER_MWH)
    sums = rows.pivot_table(index="day", columns="kind", values="money", aggfunc="sum")
    sums, days = sums.reindex(columns=list(charging.SIGNS)).fillna(0.0), run.days.set_index("day")
    receipts = sums["microturbine"] + sums["renewable"] + days["network_cost"] - days["fuel_cost"]
    surplus = apart(days["network_surplus"], sums["load"] + sums["lot"] - receipts, sums["load"])
    return max(surplus, apart(days["load_payment"], sums["load"]), apart(days["lot_payment"], sums["lot"]))


def _welfare(run: Run) -> float:
    days = run.days
    return beyond(days["welfare_loss"], 0.0, float("inf"))


INVARIANTS: tuple[RunInvariant, ...] = (
    *charging.INVARIANTS,
    RunInvariant("lot-price", "a lot pays the DLMP at its bus", "equilibrium/markets/nodal/clearing.py", 1e-7, _price),
    RunInvariant(
        "price-interval",
        "the price that a lot pays lies within the interval of those that support the dispatch",
        "equilibrium/markets/nodal/clearing.py",
        1e-6,
        _interval,
    ),
    RunInvariant(
        "lot-payments",
        "what lots take and pay in a day is the sum over its periods",
        "conservation of money",
        1e-6,
        _payments,
    ),
    RunInvariant(
        "money-balance",
        "load and lots pay what generators and the wholesale market receive and what the operator keeps",
        "balance of payments at the DLMPs",
        1e-6,
        _surplus,
    ),
    RunInvariant("welfare", "no day has more value than the competitive one", "first welfare theorem", 1e-6, _welfare),
)
