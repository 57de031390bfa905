"""The DISCO market for the list of markets of this floor."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from equilibrium.markets.disco import invariants as cleared
from equilibrium.markets.disco.relations import RELATIONS
from sim.checks import OneClearing
from sim.markets.base import MarketKind
from sim.markets.disco.explanation import explain, next_kw
from sim.markets.disco.invariants import INVARIANTS
from sim.markets.disco.model import DiscoModel
from sim.markets.disco.results import DiscoDayResult
from sim.markets.disco.tables import TABLES
from sim.markets.disco.terminal import day_table, remarks
from sim.store import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def _figures(run: Run, day: int, title: str, currency: str) -> dict[str, Figure]:
    from sim.markets.disco.figures import disco_figures  # here, because matplotlib is slow to import

    return disco_figures(run, day, title, currency)


def payments(run: Run) -> pd.DataFrame:
    """Return the accounts of a run, summed over its days, by their names as words."""
    rows = run.accounts.assign(
        account=run.accounts["account"].str.replace("_", " ").str.replace("v2g", "vehicle-to-grid")
    )
    sums = rows.groupby(["payer", "receiver", "account"], sort=False)["amount"].sum().reset_index()
    return sums[sums["amount"] != 0.0]


def _clearings(day: DiscoDayResult) -> tuple[OneClearing, ...]:
    """Return what was planned and what came, each with its statements."""
    each, both = day.settlement, (cleared.INVARIANTS, RELATIONS)
    return (
        OneClearing("plan", day.network, each.forecast, each.plan, *both),
        OneClearing("outcome", day.network, each.outcome, each.clearing, *both),
    )


KIND = MarketKind(
    name="disco",
    tables=TABLES,
    peak_column="price_peak_per_mwh",
    model=DiscoModel.from_options,
    figures=_figures,
    day_table=day_table,
    remarks=remarks,
    refuses={
        "yardstick": "no yardstick: in the DISCO market lots post no prices against each other",
        "ac": "no AC power flow: the DISCO market has a lossy flow of its own",
        "sessions": "a scenario of another market: in the DISCO market vehicles are drawn (key fleet)",
    },
    invariants=INVARIANTS,
    price_column="price_per_mwh",
    explain=explain,
    next_kw=next_kw,
    payments=payments,
    clearings=_clearings,
)
