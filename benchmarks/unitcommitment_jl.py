"""Unit commitments in the JSON format of UnitCommitment.jl."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from benchmarks.json_series import Json, series
from equilibrium.arrays import FloatArray
from equilibrium.programs.commitment import Demand, Line, Reserve, Store, System, Unit


def read_julia(data: Json) -> System:
    about = data["Parameters"]
    step = float(about.get("Time step (min)", 60.0)) / 60.0
    horizon = about.get("Time horizon (h)")
    periods = round((float(about["Time horizon (min)"]) / 60.0 if horizon is None else float(horizon)) / step)
    load: dict[str, ArrayLike] = {name: series(bus["Load (MW)"], periods) for name, bus in data["Buses"].items()}
    penalty = float(about.get("Power balance penalty ($/MW)", 1000.0))
    generators = data.get("Generators", {})
    thermal = {name: each for name, each in generators.items() if each.get("Type", "Thermal") == "Thermal"}
    profiled = [
        Demand(name, -1.0, series(each["Maximum power (MW)"], periods), series(each["Cost ($/MW)"], periods),
               each["Bus"], series(each.get("Minimum power (MW)", 0.0), periods))
        for name, each in generators.items()
        if name not in thermal
    ]  # fmt: skip
    elastic = [
        Demand(name, 1.0, series(each["Demand (MW)"], periods), series(each["Revenue ($/MW)"], periods), each["Bus"])
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
            Reserve(name, series(each["Amount (MW)"], periods), _penalty(each.get("Shortfall penalty ($/MW)", -1)))
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
    points = [np.array([series(value, periods) for value in unit[key]]).T for key in
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
    def own(key: str, default: float) -> FloatArray:
        return series(store.get(key, default), periods)

    both = store.get("Allow simultaneous charging and discharging", True)
    return Store(
        name,
        own("Maximum charge rate (MW)", math.inf),
        own("Maximum discharge rate (MW)", math.inf),
        own("Maximum level (MWh)", math.inf),
        store["Bus"],
        own("Minimum level (MWh)", 0.0),
        own("Minimum charge rate (MW)", 0.0),
        own("Minimum discharge rate (MW)", 0.0),
        own("Charge cost ($/MW)", 0.0),
        own("Discharge cost ($/MW)", 0.0),
        own("Charge efficiency", 1.0),
        own("Discharge efficiency", 1.0),
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
        series(line.get("Normal flow limit (MW)", math.inf), periods),
        float(line.get("Flow limit penalty ($/MW)", 5000.0)),
    )
