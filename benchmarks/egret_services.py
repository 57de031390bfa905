"""Unit commitments in the JSON format of Egret: ancillary services."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from benchmarks.json_series import Json, series
from equilibrium.arrays import FloatArray
from equilibrium.errors import InputError
from equilibrium.programs.commitment import Ability, Service

# Name, minutes, up, rung, regulating, averaged, key of its penalty, what the cost of missing load is divided by.
_SERVICES = (
    ("regulation_up", 5.0, True, 0, True, True, "regulation_penalty_price", 4.0),
    ("regulation_down", 5.0, False, None, True, True, "regulation_penalty_price", 4.0),
    ("spinning_reserve", 10.0, True, 1, False, True, "spinning_reserve_penalty_price", 5.0),
    ("non_spinning_reserve", 10.0, True, 2, False, True, "non_spinning_reserve_penalty_price", 20.0 / 3.0),
    ("supplemental_reserve", 30.0, True, 3, False, True, "supplemental_reserve_penalty_price", 8.0),
    ("flexible_ramp_up", 20.0, True, None, False, False, "flexible_ramp_penalty_price", 100.0 / 11.0),
    ("flexible_ramp_down", 20.0, False, None, False, False, "flexible_ramp_penalty_price", 100.0 / 11.0),
)
_TOGETHER = {"regulation_up": "regulation_down", "flexible_ramp_up": "flexible_ramp_down"}
"""Services of which each is asked for, with nothing, where the other one is."""


def read_services(data: Json, thermal: Json, periods: int, missing: float) -> tuple[Service, ...]:
    """Read what is asked for; ``missing`` is the cost of missing load."""
    system, elements = data["system"], data["elements"]
    asked = {}
    for name, *_ in _SERVICES:
        key = f"{name}_requirement"
        areas = {
            f"{kind} {area}": series(each[key], periods)
            for kind in ("area", "zone")
            for area, each in elements.get(kind, {}).items()
            if key in each
        }
        if key in system or areas:
            asked[name] = series(system.get(key, 0.0), periods), areas
    for pair in _TOGETHER.items():
        for one, other in (pair, pair[::-1]):
            if one in asked and other not in asked:
                areas = {area: np.zeros(periods) for area in asked[one][1]}
                asked[other] = np.zeros(periods), areas
    services = []
    for name, minutes, up, rung, regulating, averaged, penalty, share in _SERVICES:
        if name not in asked:
            continue
        able = {unit: _ability(unit, name, each, periods) for unit, each in thermal.items()}
        price = float(system.get(penalty, missing / share))
        services.append(
            Service(
                name,
                minutes,
                asked[name][0],
                price,
                asked[name][1],
                up,
                rung,
                regulating,
                averaged,
                {unit: ability for unit, ability in able.items() if ability is not None},
            )
        )
    return tuple(services)


def _ability(name: str, service: str, unit: Json, periods: int) -> Ability | None:
    """Return what a unit can hold ready of a service."""

    def number(key: str, default: float = 0.0) -> FloatArray:
        value: Any = unit.get(key)
        return series(default if value is None else value, periods)

    if service.startswith("regulation"):
        if not unit.get("agc_capable"):
            return None
        if unit.get("fixed_regulation") is not None:
            raise InputError(name, "fixed_regulation", unit["fixed_regulation"], "none: it is not known here")
        high, low = series(unit["p_max_agc"], periods), series(unit["p_min_agc"], periods)
        standing = number("agc_fixed_cost") if service == "regulation_up" else 0.0
        most = np.minimum(5.0 * number("ramp_agc"), (high - low) / 2.0)
        return Ability(most, 0.0, number("agc_marginal_cost"), standing)
    if service == "non_spinning_reserve":
        if not unit.get("fast_start"):
            return None
        return Ability(0.0, number("non_spinning_capacity"), number("non_spinning_cost"))
    if service == "supplemental_reserve":
        off = number("supplemental_non_spinning_capacity") if unit.get("supplemental_start") else 0.0
        return Ability(number("supplemental_spinning_capacity", math.inf), off, number("supplemental_cost"))
    if service == "spinning_reserve":
        return Ability(number("spinning_capacity", math.inf), 0.0, number("spinning_cost"))
    return Ability()
