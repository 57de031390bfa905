"""What the reproduction of two settlements rests on: every number of its study."""

from __future__ import annotations

from sim.reproduce.constants import Constant, Inputs, Origin, flat
from sim.reproduce.two_settlement import compute
from sim.reproduce.two_settlement import published as data

_MISSING = "the paper does not say"
_FIGURE = "the paper has it in a figure only"


def inputs() -> Inputs:
    """Return every number of the study by path."""
    found = dict(flat("study", compute.REPORTED))
    for name in ("MORE", "FEW"):
        found |= dict(flat(f"report.{name}", getattr(compute, name)))
    return {**found, **dict(flat("report.GAMMAS", list(data.GAMMAS)))}


def constants() -> tuple[Constant, ...]:
    """Return every constant with its origin."""
    published, chosen = Origin.PUBLISHED, Origin.CHOSEN
    rows: tuple[tuple[str, Origin, str, tuple[str, ...]], ...] = (
        ("draws of each source, and how many are kept", published, "Table 2", ("study.samples", "study.kept")),
        ("voltage band (per unit)", published, "section 3", ("study.voltage_*",)),
        ("kvar that pass the roots with a kW", published, "all printed pairs", ("study.trade_share",)),
        ("kvar with a kW of bids", published, "printed pairs", ("study.bid_share",)),
        ("joint scenarios, and their seed", chosen, "for a report within minutes", ("study.scenarios", "study.seed")),
        ("prices by hour (MU/MWh)", chosen, _FIGURE, ("study.price.*",)),
        ("load by hour over nominal", chosen, _FIGURE, ("study.load.*",)),
        (
            "other prices, from that of energy",
            chosen,
            "their ranges in the text",
            ("study.sell_share", "study.reactive_share_of_price", "study.spinning_*", "study.regulating_*"),
        ),
        (
            "spread of prices, loads, sun and wind",
            chosen,
            _MISSING,
            ("study.price_sigma", "study.price_*ar", "study.price_ma", "study.load_sigma", "study.wind"),
        ),
        ("generators", chosen, _MISSING, ("study.generator_*",)),
        (
            "sun, wind and storage",
            chosen,
            _MISSING,
            ("study.pv_*", "study.wind_*", "study.renewable_*", "study.storage_*"),
        ),
        ("aggregators' prices over the market's", chosen, _MISSING, ("study.sold_share", "study.bought_share")),
        ("aggregators of demand", chosen, "sizes of the printed bids", ("study.demand_*",)),
        ("aggregators of lots", chosen, "sizes of the printed bids", ("study.lot_*",)),
        ("values of lost load (MU/MWh)", chosen, _MISSING, ("study.lost_load.*",)),
        (
            "penalties and prices that turn",
            chosen,
            _MISSING,
            ("study.mismatch", "study.output_penalty", "study.deviation"),
        ),
        ("scenarios of the other studies", chosen, "for a report within minutes", ("report.MORE", "report.FEW")),
        ("budgets", chosen, "0 and 24 are the paper's", ("report.GAMMAS.*",)),
    )
    found, values = [], inputs()
    for name, origin, basis, patterns in rows:
        made = Constant(name, "", origin, basis, patterns)
        own = [value for path, value in values.items() if made.covers(path)]
        told = ", ".join(f"{value:g}" if isinstance(value, float) else str(value) for value in own[:6])
        more = f", ... ({len(own)} in all)" if len(own) > 6 else ""
        found.append(Constant(name, told + more, origin, basis, patterns, 0 if origin is published else len(own)))
    return tuple(found)
