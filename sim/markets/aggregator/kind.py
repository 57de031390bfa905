"""The aggregator market for the list of markets of this floor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from equilibrium.markets.aggregator import invariants as cleared
from equilibrium.markets.aggregator.relations import RELATIONS
from sim.checks import OneClearing
from sim.markets.aggregator.invariants import INVARIANTS
from sim.markets.aggregator.model import AggregatorModel
from sim.markets.aggregator.results import AggregatorDayResult
from sim.markets.aggregator.tables import TABLES
from sim.markets.aggregator.terminal import day_table, remarks
from sim.markets.base import MarketKind
from sim.store import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def _figures(run: Run, day: int, title: str, currency: str) -> dict[str, Figure]:
    from sim.markets.aggregator.figures import aggregator_figures  # here, because matplotlib is slow to import

    return aggregator_figures(run, day, title, currency)


def _clearings(day: AggregatorDayResult) -> tuple[OneClearing, ...]:
    """Return what was planned with its statements; what came is answered at its prices and not cleared."""
    each = day.settlement
    network = cleared.network_of(each.forecast)
    return (OneClearing("plan", network, each.forecast, each.plan, cleared.INVARIANTS, RELATIONS),)


KIND = MarketKind(
    name="aggregator",
    tables=TABLES,
    peak_column="upstream_price_peak_per_mwh",
    model=AggregatorModel.from_options,
    figures=_figures,
    day_table=day_table,
    remarks=remarks,
    refuses={
        "yardstick": "no yardstick: in the aggregator market tariffs answer the aggregator's prices, not each other",
        "ac": "no AC power flow: the aggregator market has a lossy flow of its own",
        "sessions": "a scenario of another market: in the aggregator market arrivals are counted (key lots.arrivals)",
    },
    invariants=INVARIANTS,
    clearings=_clearings,
)
