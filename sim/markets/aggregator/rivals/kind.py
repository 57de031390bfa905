"""The market of several aggregators for the list of markets of this floor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.markets.aggregator.rivals.invariants import INVARIANTS
from sim.markets.aggregator.rivals.model import RivalsModel
from sim.markets.aggregator.rivals.tables import TABLES
from sim.markets.aggregator.rivals.terminal import day_table, remarks
from sim.markets.base import MarketKind
from sim.store import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def _figures(run: Run, day: int, title: str, currency: str) -> dict[str, Figure]:
    from sim.markets.aggregator.rivals.figures import rivals_figures  # here, because matplotlib is slow to import

    return rivals_figures(run, day, title, currency)


KIND = MarketKind(
    name="aggregators",
    tables=TABLES,
    peak_column="upstream_price_peak_per_mwh",
    model=RivalsModel.from_options,
    figures=_figures,
    day_table=day_table,
    remarks=remarks,
    refuses={
        "yardstick": "no yardstick: what is cleared here is the equilibrium of the posted prices itself",
        "ac": "no AC power flow: competing aggregators are stated without a feeder",
        "sessions": "a scenario of another market: here arrivals are counted (key lots.arrivals)",
    },
    invariants=INVARIANTS,
)
