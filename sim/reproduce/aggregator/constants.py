"""What the reproduction of the aggregator and its lot rests on: every number of its day."""

from __future__ import annotations

import numpy as np

from scenarios.published import reserve_lot as study
from sim.reproduce.aggregator import published as data
from sim.reproduce.constants import Constant, Inputs, Origin, flat

_FIGURE = "the paper has it in a figure only"
_MISSING = "the paper does not say"


def inputs() -> Inputs:
    """Return every number of the study by path."""
    found: dict[str, float | str | bool | None] = {}
    for name, value in vars(study).items():
        if name.isupper() and name != "PRICING":
            found |= dict(flat(name, value.tolist() if isinstance(value, np.ndarray) else value))
    for name in ("HIGH_CAP", "DRAWN", "NODE_LIMIT", "SWEEP_G2V2", "SWEEP_G2V3", "TIGHT_VOLTAGE"):
        found |= dict(flat(f"report.{name}", getattr(data, name)))
    return found


def constants() -> tuple[Constant, ...]:
    """Return every constant with its origin."""
    published, chosen = Origin.PUBLISHED, Origin.CHOSEN
    rows: tuple[tuple[str, Origin, str, tuple[str, ...]], ...] = (
        ("departure energies of Table II", published, "Table II", ("DEPARTURE_SOC.*",)),
        ("shares of Table III", published, "Table III", ("SHARE.*",)),
        ("longest stay of the classes (h)", published, "Tables II, III", ("CLASSES_H.*",)),
        ("stations", published, "section VI", ("STATIONS",)),
        ("power of a charger (kW)", published, "section VI", ("CHARGER_KW",)),
        ("cap (cents)", published, "section VI-A; none is stated for case II", ("CAP",)),
        ("addition to the energy price (cents)", published, "section VI", ("ADDED_TO_ENERGY",)),
        ("spot prices (cents)", chosen, _FIGURE, ("SPOT.*",)),
        ("reserve prices (cents)", chosen, _FIGURE, ("RESERVE.*",)),
        ("arrivals by hour", chosen, _FIGURE, ("ARRIVALS.*",)),
        ("shares of stays", chosen, _FIGURE, ("STAYS.*",)),
        ("variation of the arrivals", chosen, _MISSING, ("VARIATION",)),
        ("load profile and its peak (kW)", chosen, _FIGURE, ("PROFILE.*", "PEAK_KW")),
        ("time-of-use tariff (cents)", chosen, _MISSING, ("TIME_OF_USE.*",)),
        ("generators: cost (cents), capacity (kW)", chosen, _MISSING, ("GENERATORS.*",)),
        ("battery (kWh), energy at arrival, limits", chosen, _MISSING, ("BATTERY_KWH", "ARRIVAL_SOC", "SOC_*")),
        ("probabilities of call and failure", chosen, _MISSING, ("CALL_PROBABILITY", "FAILURE_RATE")),
        ("efficiencies", chosen, _MISSING, ("EFFICIENCY", "DISCHARGE_EFFICIENCY")),
        ("tariffs of the lot (cents)", chosen, "only their order is said (Table I)", ("TARIFFS.*",)),
        ("incentive (cents), interruptible share", chosen, _MISSING, ("INCENTIVE", "INTERRUPTIBLE")),
        ("buses of the lot and the generators", chosen, _FIGURE, ("FEEDERS.*.lot", "FEEDERS.*.generators.*")),
        (
            "limits and losses of the network",
            chosen,
            _MISSING,
            ("FEEDERS.*.current_max_a", "FEEDERS.*.segments", "TRANSFORMER_*"),
        ),
        ("higher cap of case II (cents)", chosen, "above what interrupted load is worth", ("report.HIGH_CAP",)),
        ("days drawn", chosen, "the paper does not say how many", ("report.DRAWN",)),
        ("nodes of the searches of a day", chosen, "for a report within minutes", ("report.NODE_LIMIT",)),
        (
            "voltage limits that bind (per unit)",
            chosen,
            "a thousandth above what there is",
            ("report.TIGHT_VOLTAGE.*",),
        ),
        ("tariffs of the sweep (cents)", chosen, "the axes of Figs. 20, 21 around 11 cents", ("report.SWEEP_*",)),
    )
    found, values = [], inputs()
    for name, origin, basis, patterns in rows:
        made = Constant(name, "", origin, basis, patterns)
        own = [value for path, value in values.items() if made.covers(path)]
        told = ", ".join(f"{value:g}" if isinstance(value, float) else str(value) for value in own[:6])
        more = f", ... ({len(own)} in all)" if len(own) > 6 else ""
        found.append(Constant(name, told + more, origin, basis, patterns, 0 if origin is published else len(own)))
    return tuple(found)
