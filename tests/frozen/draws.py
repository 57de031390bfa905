"""The days that are drawn of two settlements: what comes does not depend on any solver."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from scenarios.loading import load_scenario
from scenarios.markets.two_settlement.case import TwoSettlementCase
from scenarios.streams import Streams
from tests.frozen.fingerprints import Fingerprint, fingerprint, moved
from tests.sim.turned import numbers

DRAWS = "draws"
"""Name of their frozen file."""

MADE_OF = {
    "wholesale": {"call_probability": 0.4, "spinning_adder_eur_per_mwh": 3.0, "regulating_adder_eur_per_mwh": 4.0},
    "outages": {"failures_per_year": 20.0},
    "scenarios": {"draws": 60, "kept": 6, "joint": 4},
    "loads": {"day_sigma": 0.1, "hour_sigma": 0.05},
}
"""Keys of the bundled scenario that are set so that every draw does something."""

DAYS = (0, 3)
NOT_DRAWN = ("axis", "quarters", "date", "site")


def freeze_draws() -> dict[str, Any]:
    """Return a fingerprint of every number of some days of two settlements, by day and by name."""
    case, streams = load_scenario("two-settlement", MADE_OF, TwoSettlementCase), Streams(1)
    found: dict[str, Any] = {}
    for index in DAYS:
        day = case.day(index, streams)
        joint = case.joint(day, streams, case.typical_prices(day.axis), 1.1 + 0.01 * np.arange(day.axis.size))
        found[f"day {index}"] = _fingerprints(day) | _fingerprints(joint)
    prices = case.prices_of(np.array([-0.05, 0.0, 0.04, 0.2]))
    usual = {
        "prices": prices,
        "penalties": case.penalties_of(prices),
        "errors": case.typical_errors(),
        "lots": [case.lot_zone(k, case.expected_vehicles(k, day.axis, 0.9), day.axis) for k in range(len(case.sites))],
        "demand": [case.demand_zone(k, day.axis, 0.9) for k in range(len(case.file.demand_aggregators))],
        "system": case.system,
    }
    return found | {"usual": _fingerprints(usual)}


def _fingerprints(value: Any) -> dict[str, Fingerprint]:
    made: dict[str, Fingerprint] = {}
    for path, number in numbers(value, NOT_DRAWN):
        values = np.asarray(number, dtype=np.float64).ravel()
        made[".".join(map(str, path))] = fingerprint(pa.chunked_array([values]))
    return made


def draw_changes(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """Name the numbers that are not what was frozen."""
    return [
        f"{part}: {name}"
        for part in dict.fromkeys([*old, *new])
        for name in dict.fromkeys([*old.get(part, {}), *new.get(part, {})])
        if name not in old.get(part, {}) or name not in new.get(part, {}) or moved(old[part][name], new[part][name])
    ]
