"""Why a price of the DISCO market is what it is, from the tables of its run."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from equilibrium.certificate import NEGLIGIBLE
from equilibrium.errors import InfeasibleError
from equilibrium.markets.disco.next_kw import purchase_with_more_load
from scenarios.markets.disco.case import DiscoCase
from sim.columns import PER_MWH
from sim.explanation import STEP_KW, Explanation, NextKw, Place
from sim.markets.disco.results import DiscoDayResult
from sim.store import Run


def explain(run: Run, place: Place) -> Explanation:
    """Explain a price of a run: that at the substation, and what the lossy way from there adds.

    Losses and limits are one part: the company's program prices both on every branch, and its tables keep the sum.

    Parameters
    ----------
    run
        A run of the DISCO market.
    place
        Where and when.
    """
    tables = [run.table(name, place.day) for name in ("prices", "dispatch", "lots")]
    prices, dispatch, lots = (rows[rows["period"] == place.period] for rows in tables)
    by_bus = prices.set_index("bus")["price_per_mwh"]
    root, price = float(by_bus.iloc[0]), float(by_bus[place.bus])
    parts = (("energy", root), ("losses and limits", price - root))
    lines = (*_source_lines(dispatch, root), *_lot_lines(lots[lots["bus"] == place.bus]))
    return Explanation(price, parts, lines)


def _source_lines(dispatch: pd.DataFrame, root: float) -> Iterator[str]:
    """Say what is bought and lost, and which renewables could give more."""
    power = dispatch.groupby("kind")["p_kw"].sum()
    yield f"energy: the company buys {power['import']:.1f} kW, a kW behind the transformer costs {root:.4f} per MWh"
    yield f"losses: {power['loss']:.1f} kW are lost; a kW is dearer where it adds to them, cheaper where it lowers them"
    given, potential = (
        dispatch[dispatch["kind"] == kind].set_index("asset")["p_kw"] for kind in ("renewable", "renewable_potential")
    )
    curtailed = [str(name) for name in potential.index[potential - given.reindex(potential.index) > NEGLIGIBLE]]
    if curtailed:
        yield f"marginal: {', '.join(curtailed)} could give more: the next kW is theirs where they reach it"
    elif power["import"] > NEGLIGIBLE:
        yield "marginal: the upstream market"


def _lot_lines(lots: pd.DataFrame) -> Iterator[str]:
    """Say what a lot at the bus pays: its tariff, which is not the price there."""
    for row in lots.to_dict("records"):
        yield (
            f"{row['lot']} draws {row['charge_kw']:.1f} kW and gives {row['discharge_kw']:.1f} kW; its tariff is "
            f"{row['tariff_per_mwh']:.4f} per MWh whatever the price, and there is no network charge"
        )


def next_kw(case: DiscoCase, result: DiscoDayResult, place: Place) -> NextKw:
    """Return what the company's purchase does around the load of a place, the lots' powers as they came."""
    day, cleared, period = result.settlement.outcome, result.settlement.realised, place.period
    bus = result.network.feeder.index(place.bus)
    market = case.market()
    supply = market.supply(day)
    market.close()

    def cost(more_kw: float) -> float:
        """Return the company's cost with so much more load; infinite where it cannot be carried."""
        try:
            return purchase_with_more_load(supply, day, cleared, 0, period, bus, more_kw)
        except InfeasibleError:
            return float("inf")

    here, per_mwh = cost(0.0), PER_MWH / (STEP_KW * float(day.length_h[period]))
    return NextKw((here - cost(-STEP_KW)) * per_mwh, (cost(STEP_KW) - here) * per_mwh)
