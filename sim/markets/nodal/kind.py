"""The nodal market for the list of markets of this floor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from equilibrium.markets.charging.relations import UNITS
from equilibrium.markets.nodal import invariants as cleared
from sim.checks import OneClearing
from sim.markets.base import MarketKind
from sim.markets.charging.explanation import explain, next_kw
from sim.markets.charging.model import LocalMarket
from sim.markets.charging.payments import payments
from sim.markets.charging.results import DayResult
from sim.markets.nodal.invariants import INVARIANTS
from sim.markets.nodal.tables import TABLES
from sim.markets.nodal.terminal import day_table, remarks
from sim.store import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def _figures(run: Run, day: int, title: str, currency: str) -> dict[str, Figure]:
    from sim.markets.nodal.figures import nodal_figures  # here, because matplotlib is slow to import

    return nodal_figures(run, day, title, currency)


def _map_at(run: Run, day: int, period: int, title: str, currency: str) -> Figure:
    from sim.markets.charging.figures import map_at  # here, because matplotlib is slow to import

    return map_at(run, day, period, title, currency)


def _clearings(day: DayResult) -> tuple[OneClearing, ...]:
    """Return the clearing of a day with its statements; what is no equilibrium may come out otherwise."""
    relations = UNITS if day.clearing.certificate.certified else ()
    return (OneClearing("", day.network, day.market, day.clearing, cleared.INVARIANTS, relations),)


KIND = MarketKind(
    name="nodal",
    tables=TABLES,
    peak_column="dlmp_peak_per_mwh",
    model=LocalMarket.from_options,
    figures=_figures,
    day_table=day_table,
    remarks=remarks,
    refuses={"node_limit": "no option: the nodal market takes the key market.node_limit of its scenario"},
    invariants=INVARIANTS,
    price_column="dlmp_per_mwh",
    explain=explain,
    next_kw=next_kw,
    map_at=_map_at,
    payments=payments,
    clearings=_clearings,
)
