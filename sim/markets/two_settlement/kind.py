"""The market of two settlements for the list of markets of this floor."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from equilibrium.markets.two_settlement import invariants as cleared
from equilibrium.markets.two_settlement.relations import RELATIONS
from sim.checks import OneClearing
from sim.markets.base import MarketKind
from sim.markets.two_settlement.invariants import INVARIANTS
from sim.markets.two_settlement.model import TwoSettlementModel
from sim.markets.two_settlement.results import TwoSettlementDayResult
from sim.markets.two_settlement.tables import TABLES
from sim.markets.two_settlement.terminal import day_table, remarks
from sim.store import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def _figures(run: Run, day: int, title: str, currency: str) -> dict[str, Figure]:
    from sim.markets.two_settlement.figures import two_settlement_figures  # here: matplotlib is slow to import

    return two_settlement_figures(run, day, title, currency)


def _clearings(day: TwoSettlementDayResult) -> tuple[OneClearing, ...]:
    """Return the day-ahead schedule with its statements; real time is no clearing of a day."""
    return (OneClearing("plan", day.system, day.settlement.forecast, day.plan, cleared.INVARIANTS, RELATIONS),)


def _payments(run: Run) -> pd.DataFrame:
    """Return who paid whom over a run, account by account."""
    rows = run.payments
    named = rows.assign(account=rows["stage"] + ", " + rows["product"])
    keys = ["payer", "receiver", "account"]
    sums = named.groupby(keys, sort=False)["amount"].sum().reset_index()
    order = {account: k for k, account in enumerate(dict.fromkeys(sums["account"]))}
    return sums.sort_values("account", key=lambda names: names.map(order), kind="stable")


KIND = MarketKind(
    name="two-settlement",
    tables=TABLES,
    peak_column="price_peak_per_mwh",
    model=TwoSettlementModel.from_options,
    figures=_figures,
    day_table=day_table,
    remarks=remarks,
    refuses={
        "yardstick": "no yardstick: in the market of two settlements no lot posts prices",
        "ac": "no AC power flow: its grid has ties and several roots",
        "sessions": "a scenario of another market: here vehicles are drawn (key fleet)",
    },
    invariants=INVARIANTS,
    payments=_payments,
    clearings=_clearings,
)
