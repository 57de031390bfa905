"""Published unit commitments in two public JSON formats: ``python -m benchmarks.published_commitment FOLDER``.

Read are files of Egret (``elements``, ``system``) and of UnitCommitment.jl (``Generators``, ``Buses``). Beside them
``optimal_cost.csv`` (``instance``, ``optimal_cost``) holds what was published. Outages of lines are not modelled.
"""

from __future__ import annotations

import csv
import json
import math
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from equilibrium.arrays import FloatArray
from equilibrium.errors import InputError
from equilibrium.programs.commitment import (
    Ability,
    Burning,
    Demand,
    Fuel,
    Line,
    Reserve,
    Service,
    Store,
    System,
    Unit,
    commit,
)

PIECES = 2
"""Pieces that stand for a quadratic cost, as in the published runs of Egret's instances."""

Json = Mapping[str, Any]

UNLIMITED = 1e50
"""A fuel of which there is more than this is not limited."""


def read_system(path: Path) -> System:
    """Read an instance."""
    data = json.loads(path.read_text())
    return _egret(data) if "elements" in data else _julia(data)


def _series(value: Any, periods: int) -> FloatArray:
    if isinstance(value, Mapping):
        value = value["values"]
    return np.broadcast_to(np.asarray(value, dtype=np.float64), (periods,))


# Egret


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
        areas = {area: _series(each[key], periods) for area, each in elements.get("area", {}).items() if key in each}
        if key not in system and not areas:
            continue
        able = {unit: _ability(name, each) for unit, each in elements["generator"].items()}
        services.append(
            Service(
                name,
                minutes,
                _series(system.get(key, 0.0), periods),
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


def _ability(name: str, unit: Json) -> Ability | None:
    if name.startswith("regulation"):
        if not unit.get("agc_capable"):
            return None
        high, low = float(unit.get("p_max_agc", np.max(_values(unit["p_max"])))), float(unit.get("p_min_agc", 0.0))
        return Ability(min(5.0 * float(unit["ramp_agc"]), (high - low) / 2.0))
    if name == "non_spinning_reserve":
        return Ability(0.0, float(unit.get("non_spinning_capacity", 0.0))) if unit.get("fast_start") else None
    if name == "supplemental_reserve":
        off = float(unit.get("supplemental_non_spinning_capacity", 0.0)) if unit.get("supplemental_start") else 0.0
        return Ability(float(unit.get("supplemental_spinning_capacity", math.inf)), off)
    return Ability(float(unit.get("spinning_capacity", math.inf)) if name == "spinning_reserve" else math.inf)


def _values(value: Any) -> Any:
    return value["values"] if isinstance(value, Mapping) else value


def _egret(data: Json) -> System:
    system, elements = data["system"], data["elements"]
    periods = len(system["time_keys"])
    hours = float(system["time_period_length_minutes"]) / 60.0
    load: dict[str, Any] = dict.fromkeys(elements["bus"], 0.0)
    for each in elements.get("load", {}).values():
        load[each["bus"]] = load[each["bus"]] + _series(each["p_load"], periods)
    reserve = system.get("reserve_requirement")
    held = ("reserve",) if reserve is not None else ()
    penalty = float(system.get("reserve_shortfall_cost", math.inf))
    return System(
        periods,
        load,
        tuple(_egret_unit(key, each, periods, hours, held) for key, each in elements["generator"].items()),
        reserves=() if reserve is None else (Reserve("reserve", _series(reserve, periods), penalty),),
        services=_egret_services(data, periods),
        fuels=tuple(
            Fuel(
                name,
                np.where(
                    _series(each["fuel_available"], periods) < UNLIMITED,
                    _series(each["fuel_available"], periods),
                    math.inf,
                ),
            )
            for name, each in elements.get("fuel_supply", {}).items()
        ),
        hours=hours,
        shed_cost=float(system["load_mismatch_cost"]),
        spill_cost=float(system["load_mismatch_cost"]),
    )


def _egret_unit(name: str, unit: Json, periods: int, hours: float, held: tuple[str, ...]) -> Unit:
    least, most = _series(unit["p_min"], periods), _series(unit["p_max"], periods)
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
        math.nan if fixed is None else _series(fixed, periods),
        held,
        str(unit.get("area", "")),
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


# UnitCommitment.jl


def _julia(data: Json) -> System:
    about = data["Parameters"]
    step = float(about.get("Time step (min)", 60.0)) / 60.0
    horizon = about.get("Time horizon (h)")
    periods = round((float(about["Time horizon (min)"]) / 60.0 if horizon is None else float(horizon)) / step)
    load = {name: _series(bus["Load (MW)"], periods) for name, bus in data["Buses"].items()}
    penalty = float(about.get("Power balance penalty ($/MW)", 1000.0))
    generators = data.get("Generators", {})
    thermal = {name: each for name, each in generators.items() if each.get("Type", "Thermal") == "Thermal"}
    profiled = [
        Demand(name, -1.0, _series(each["Maximum power (MW)"], periods), _series(each["Cost ($/MW)"], periods),
               each["Bus"], _series(each.get("Minimum power (MW)", 0.0), periods))
        for name, each in generators.items()
        if name not in thermal
    ]  # fmt: skip
    elastic = [
        Demand(name, 1.0, _series(each["Demand (MW)"], periods), _series(each["Revenue ($/MW)"], periods), each["Bus"])
        for name, each in data.get("Price-sensitive loads", {}).items()
    ]
    return System(
        periods,
        load,
        tuple(_julia_unit(name, each, periods, step) for name, each in thermal.items()),
        tuple(_julia_store(name, each, periods) for name, each in data.get("Storage units", {}).items()),
        tuple(profiled + elastic),
        tuple(_julia_line(name, each, periods) for name, each in data.get("Transmission lines", {}).items()),
        tuple(
            Reserve(name, _series(each["Amount (MW)"], periods), _penalty(each.get("Shortfall penalty ($/MW)", -1)))
            for name, each in data.get("Reserves", {}).items()
        ),
        shed_cost=penalty,
        spill_cost=penalty,
    )


def _penalty(value: float) -> float:
    return float(value) if value >= 0 else math.inf


def _julia_unit(name: str, unit: Json, periods: int, step: float) -> Unit:
    def durations(key: str, default: float) -> int:
        return math.ceil(float(unit.get(key, default)) / step)

    delays = unit.get("Startup delays (h)", [1.0])
    initial = float(unit.get("Initial status (h)", -10_000))
    points = [np.array([_series(value, periods) for value in unit[key]]).T for key in
              ("Production cost curve (MW)", "Production cost curve ($)")]  # fmt: skip
    fixed = [math.nan if each is None else float(each) for each in unit.get("Commitment status", [])]
    return Unit(
        name,
        points[0],
        points[1],
        unit["Bus"],
        tuple(max(1, round(float(each) / step)) for each in delays),
        tuple(map(float, unit.get("Startup costs ($)", [0.0]))),
        ramp_up=float(unit.get("Ramp up limit (MW)", math.inf)),
        ramp_down=float(unit.get("Ramp down limit (MW)", math.inf)),
        start_limit=float(unit.get("Startup limit (MW)", math.inf)),
        stop_limit=float(unit.get("Shutdown limit (MW)", math.inf)),
        min_up=min(periods, max(1, durations("Minimum uptime (h)", 1))),
        min_down=min(periods, max(1, durations("Minimum downtime (h)", 1))),
        initial=int(math.copysign(math.ceil(abs(initial) / step), initial)),
        initial_power=float(unit.get("Initial power (MW)", 0.0)),
        must_run=bool(unit.get("Must run?", False)),
        fixed=np.array(fixed) if fixed else math.nan,
        reserves=tuple(unit.get("Reserve eligibility", [])),
    )


def _julia_store(name: str, store: Json, periods: int) -> Store:
    def series(key: str, default: float) -> FloatArray:
        return _series(store.get(key, default), periods)

    both = store.get("Allow simultaneous charging and discharging", True)
    return Store(
        name,
        series("Maximum charge rate (MW)", math.inf),
        series("Maximum discharge rate (MW)", math.inf),
        series("Maximum level (MWh)", math.inf),
        store["Bus"],
        series("Minimum level (MWh)", 0.0),
        series("Minimum charge rate (MW)", 0.0),
        series("Minimum discharge rate (MW)", 0.0),
        series("Charge cost ($/MW)", 0.0),
        series("Discharge cost ($/MW)", 0.0),
        series("Charge efficiency", 1.0),
        series("Discharge efficiency", 1.0),
        float(store.get("Loss factor", 0.0)),
        float(store.get("Initial level (MWh)", 0.0)),
        float(store.get("Last period minimum level (MWh)", 0.0)),
        float(store.get("Last period maximum level (MWh)", math.inf)),
        np.broadcast_to(np.asarray(both, dtype=np.bool_), (periods,)),
    )


def _julia_line(name: str, line: Json, periods: int) -> Line:
    return Line(
        name,
        line["Source bus"],
        line["Target bus"],
        float(line["Susceptance (S)"]),
        _series(line.get("Normal flow limit (MW)", math.inf), periods),
        float(line.get("Flow limit penalty ($/MW)", 5000.0)),
    )


def main(folder: Path, names: list[str]) -> int:
    """Commit every instance of a folder and compare with what was published; 1 where one differs by 1e-6."""
    with (folder / "optimal_cost.csv").open(newline="") as file:
        published = {row["instance"]: float(row["optimal_cost"]) for row in csv.DictReader(file)}
    wrong = 0
    for path in sorted(folder.glob("*.json")):
        if path.stem.endswith("_results") or (names and path.stem not in names):
            continue
        start = time.perf_counter()
        try:
            schedule = commit(read_system(path), gap=1e-7)
        except InputError as error:
            sys.stdout.write(f"{path.stem}: not read: {error}\n")
            continue
        known = published.get(path.name)
        told = "" if known is None else f", published {known:.6f}, off by {schedule.cost / known - 1.0:.1e}"
        wrong += known is not None and abs(schedule.cost / known - 1.0) > 1e-6
        seconds = time.perf_counter() - start
        sys.stdout.write(f"{path.stem}: {schedule.cost:.6f}, gap {schedule.gap:.1e}{told}, {seconds:.1f} s\n")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
