"""Unit commitments in the JSON format of Egret."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from benchmarks.json_series import Json, series
from equilibrium.arrays import FloatArray
from equilibrium.errors import InputError
from equilibrium.programs.commitment import Ability, Burning, Demand, Fuel, Line, Reserve, Service, Store, System, Unit

PIECES = 2
"""Pieces that stand for a quadratic cost, as in the published runs of Egret's instances."""

UNLIMITED = 1e50
"""A fuel of which there is more than this is not limited."""


# Name, minutes, up, rung, regulating, averaged.
_SERVICES = (
    ("regulation_up", 5.0, True, 0, True, True),
    ("regulation_down", 5.0, False, None, True, True),
    ("spinning_reserve", 10.0, True, 1, False, True),
    ("non_spinning_reserve", 10.0, True, 2, False, True),
    ("supplemental_reserve", 30.0, True, 3, False, True),
    ("flexible_ramp_up", 20.0, True, None, False, False),
    ("flexible_ramp_down", 20.0, False, None, False, False),
)


def _penalties(system: Json) -> dict[str, float]:
    """Return what a missing MW of each service costs: halfway between the dearer one and the reserve."""
    reserve = float(system.get("reserve_shortfall_cost", 0.0))
    regulation = (float(system["load_mismatch_cost"]) + reserve) / 2.0
    spinning = (regulation + reserve) / 2.0
    off = (spinning + reserve) / 2.0
    flexible = (off + spinning) / 2.0
    return {
        "regulation_up": regulation,
        "regulation_down": regulation,
        "spinning_reserve": spinning,
        "non_spinning_reserve": off,
        "supplemental_reserve": (off + reserve) / 2.0,
        "flexible_ramp_up": flexible,
        "flexible_ramp_down": flexible,
    }


def _egret_services(data: Json, periods: int) -> tuple[Service, ...]:
    system, elements, penalty = data["system"], data["elements"], _penalties(data["system"])
    services = []
    for name, minutes, up, rung, regulating, averaged in _SERVICES:
        key = f"{name}_requirement"
        areas = {
            f"{kind} {area}": series(each[key], periods)
            for kind in ("area", "zone")
            for area, each in elements.get(kind, {}).items()
            if key in each
        }
        if key not in system and not areas:
            continue
        able = {unit: _ability(name, each) for unit, each in _thermal(elements).items()}
        services.append(
            Service(
                name,
                minutes,
                series(system.get(key, 0.0), periods),
                penalty[name],
                areas,
                up,
                rung,
                regulating,
                averaged,
                {unit: ability for unit, ability in able.items() if ability is not None},
            )
        )
    return tuple(services)


def _thermal(elements: Json) -> dict[str, Json]:
    """Return the units that can be on or off and are in service."""
    every = elements["generator"].items()
    return {name: unit for name, unit in every if unit["generator_type"] == "thermal" and unit.get("in_service", True)}


def _ability(name: str, unit: Json) -> Ability | None:
    def number(key: str, default: float = 0.0) -> float:
        value = unit.get(key)
        return default if value is None else float(value)

    if name.startswith("regulation"):
        if not unit.get("agc_capable"):
            return None
        high, low = number("p_max_agc", float(np.max(_values(unit["p_max"])))), number("p_min_agc")
        standing = number("agc_fixed_cost") if name == "regulation_up" else 0.0
        most = min(5.0 * number("ramp_agc"), (high - low) / 2.0)
        return Ability(most, 0.0, number("agc_marginal_cost"), standing)
    if name == "non_spinning_reserve":
        if not unit.get("fast_start"):
            return None
        return Ability(0.0, number("non_spinning_capacity"), number("non_spinning_cost"))
    if name == "supplemental_reserve":
        off = number("supplemental_non_spinning_capacity") if unit.get("supplemental_start") else 0.0
        return Ability(number("supplemental_spinning_capacity", math.inf), off, number("supplemental_cost"))
    if name == "spinning_reserve":
        return Ability(number("spinning_capacity", math.inf), 0.0, number("spinning_cost"))
    return Ability()


def _values(value: Any) -> Any:
    return value["values"] if isinstance(value, Mapping) else value


def read_egret(data: Json) -> System:
    system, elements = data["system"], data["elements"]
    periods = len(system["time_keys"])
    hours = float(system["time_period_length_minutes"]) / 60.0
    load: dict[str, Any] = dict.fromkeys(elements["bus"], 0.0)
    if elements.get("interface") or elements.get("dc_branch"):
        raise InputError("system", "elements", "interface or dc_branch", "buses, branches, generators, loads, storage")
    for each in elements.get("load", {}).values():
        if not each.get("in_service", True):
            continue
        load[each["bus"]] = load[each["bus"]] + series(each["p_load"], periods)
    reserve = system.get("reserve_requirement")
    held = ("reserve",) if reserve is not None else ()
    penalty = float(system.get("reserve_shortfall_cost", math.inf))
    return System(
        periods,
        load,
        tuple(_egret_unit(key, each, periods, hours, held) for key, each in _thermal(elements).items()),
        tuple(_egret_store(key, each, periods, hours) for key, each in elements.get("storage", {}).items()),
        tuple(
            Demand(
                key,
                -1.0,
                series(each["p_max"], periods),
                series(each.get("p_cost") or 0.0, periods),
                each["bus"],
                series(each["p_min"], periods),
            )
            for key, each in elements["generator"].items()
            if each["generator_type"] != "thermal" and each.get("in_service", True)
        ),
        tuple(_egret_line(key, each, system) for key, each in elements.get("branch", {}).items() if _in_use(each)),
        reserves=() if reserve is None else (Reserve("reserve", series(reserve, periods), penalty),),
        services=_egret_services(data, periods),
        fuels=tuple(
            Fuel(
                name,
                np.where(
                    series(each["fuel_available"], periods) < UNLIMITED,
                    series(each["fuel_available"], periods),
                    math.inf,
                ),
            )
            for name, each in elements.get("fuel_supply", {}).items()
        ),
        hours=hours,
        shed_cost=float(system["load_mismatch_cost"]),
        spill_cost=float(system["load_mismatch_cost"]),
    )


def _in_use(element: Json) -> bool:
    return bool(element.get("in_service", True)) and not element.get("planned_outage", False)


def _egret_line(name: str, line: Json, system: Json) -> Line:
    tap = float(line.get("transformer_tap_ratio") or 1.0)
    susceptance = float(system["baseMVA"]) / (float(line["reactance"]) * tap)
    limit = line.get("rating_long_term")
    penalty = line.get("violation_penalty")
    return Line(
        name,
        str(line["from_bus"]),
        str(line["to_bus"]),
        susceptance,
        math.inf if limit is None else float(limit),
        math.inf if penalty is None else float(penalty),
    )


def _egret_store(name: str, store: Json, periods: int, hours: float) -> Store:
    energy = float(store["energy_capacity"])
    final = float(store.get("end_state_of_charge", store["initial_state_of_charge"])) * energy
    return Store(
        name,
        series(store["max_charge_rate"], periods),
        series(store["max_discharge_rate"], periods),
        energy,
        store["bus"],
        float(store.get("minimum_state_of_charge", 0.0)) * energy,
        series(store.get("min_charge_rate", 0.0), periods),
        series(store.get("min_discharge_rate", 0.0), periods),
        float(store.get("charge_cost", 0.0)),
        float(store.get("discharge_cost", 0.0)),
        float(store.get("charge_efficiency", 1.0)),
        float(store.get("discharge_efficiency", 1.0)),
        1.0 - float(store.get("retention_rate_60min", 1.0)) ** hours,
        float(store["initial_state_of_charge"]) * energy,
        final,
        final,
        False,
    )


def _egret_unit(name: str, unit: Json, periods: int, hours: float, held: tuple[str, ...]) -> Unit:
    least, most = series(unit["p_min"], periods), series(unit["p_max"], periods)
    burning = None
    if unit.get("p_fuel") is not None:
        power, cost, burning = _burning(unit, periods)
    else:
        costs = unit["p_cost"]
        curves = costs["values"] if costs["data_type"] == "time_series" else [costs] * periods
        drawn = [_points(*each) for each in zip(curves, least.tolist(), most.tolist(), strict=True)]
        power, cost = (np.array([each[k] for each in drawn]) for k in range(2))
    start = unit.get("startup_cost", 0.0)
    if burning is not None:
        start = [[tier[0], 0.0] for tier in unit["startup_fuel"]]
    tiers = start if isinstance(start, list) else [[unit["min_down_time"], start]]
    fixed = unit.get("fixed_commitment")
    status = float(unit["initial_status"])
    return Unit(
        name,
        power,
        cost,
        unit["bus"],
        tuple(max(1, int(tier[0] / hours)) for tier in tiers),
        tuple(float(tier[1]) for tier in tiers),
        float(unit.get("shutdown_cost", 0.0)),
        float(unit["ramp_up_60min"]) * hours,
        float(unit["ramp_down_60min"]) * hours,
        float(unit["startup_capacity"]),
        float(unit["shutdown_capacity"]),
        math.ceil(unit["min_up_time"] / hours),
        math.ceil(unit["min_down_time"] / hours),
        int(math.copysign(math.ceil(abs(status) / hours), status)),
        float(unit["initial_p_output"]),
        bool(unit.get("must_run", 0)),
        math.nan if fixed is None else series(fixed, periods),
        held,
        tuple(f"{kind} {unit[kind]}" for kind in ("area", "zone") if unit.get(kind) is not None),
        (float(unit["p_min_agc"]), float(unit["p_max_agc"])) if "p_min_agc" in unit and "p_max_agc" in unit else None,
        burning,
    )


def _burning(unit: Json, periods: int) -> tuple[FloatArray, FloatArray, Burning]:
    """Return breakpoints, their cost apart from fuel, and what is burnt."""
    points = np.array(unit["p_fuel"]["values"], dtype=np.float64)
    second = bool(unit.get("aux_fuel_capable"))
    fuels = (unit.get("fuel_supply"), unit.get("aux_fuel_supply")) if second else (unit.get("fuel_supply"),)
    prices = (unit["fuel_cost"], unit["aux_fuel_cost"]) if second else (unit["fuel_cost"],)
    burning = Burning(
        tuple(str(fuel or "") for fuel in fuels),
        tuple(map(float, prices)),
        points[:, 1],
        tuple(float(tier[1]) for tier in unit["startup_fuel"]),
        bool(unit.get("aux_fuel_blending", False)),
        bool(unit.get("aux_fuel_online_switching", False)),
        int(second and bool(unit.get("aux_fuel_supply_initial", False))),
    )
    power = np.broadcast_to(points[:, 0], (periods, len(points)))
    return power, np.zeros(power.shape), burning


def _points(curve: Json, least: float, most: float) -> tuple[list[float], list[float]]:
    """Return breakpoints and costs of a curve; a polynomial becomes equal pieces."""
    if curve["cost_curve_type"] == "piecewise":
        power, cost = zip(*curve["values"], strict=True)
        return [float(each) for each in power], [float(each) for each in cost]
    if curve["cost_curve_type"] != "polynomial":
        raise InputError("cost curve", "cost_curve_type", curve["cost_curve_type"], "polynomial or piecewise")
    points = np.linspace(least, most, PIECES + 1)
    factors = [(float(factor), int(power)) for power, factor in curve["values"].items()]
    return points.tolist(), [sum(factor * at**power for factor, power in factors) for at in points.tolist()]
