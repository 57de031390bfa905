"""Unit commitments in the JSON format of Egret: system, network, loads and storage.

What Egret takes for a missing number is taken here too. What the format knows and this reader does not is refused by
name; what describes a grid for other purposes (voltages, reactive power, names of fuels) is passed over.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from benchmarks.egret_services import read_services
from benchmarks.egret_units import read_unit, residual_power
from benchmarks.json_series import Json, refuse_unknown, series
from equilibrium.arrays import FloatArray
from equilibrium.errors import InputError
from equilibrium.programs.commitment import Demand, Fuel, Interface, Line, Outage, Reserve, Store, System

UNLIMITED = 1e50
"""A fuel of which there is more than this is not limited."""

MISMATCH = 1e6
"""Cost of a MWh that is missing where none is given."""

KINDS = {
    "area", "branch", "bus", "contingency", "dc_branch", "fuel_supply", "generator", "interface", "load", "shunt",
    "storage", "zone",
}  # fmt: skip
"""Kinds of elements that are known."""

SHARES = {
    "reserve_shortfall_cost": 10.0,
    "transmission_flow_violation_cost": 2.0,
    "interface_flow_violation_cost": 10.0 / 3.0,
    "contingency_flow_violation_cost": 2.0,
}
"""What the cost of missing load is divided by where a penalty is not given."""


def read_egret(data: Json, slack: str = "buses") -> System:
    """Read a system.

    Parameters
    ----------
    slack
        ``buses`` lets load be missing at every bus, and keeps limits of lines without a penalty of their own;
        ``limits`` lets it be missing at the reference bus alone and limits be exceeded at a cost. Egret knows both.
    """
    system, elements = data["system"], {name: dict(each) for name, each in data["elements"].items()}
    refuse_unknown("elements", [name for name, each in elements.items() if each], KINDS)
    periods = len(system.get("time_keys", system.get("time_indices", ())))
    hours = float(system["time_period_length_minutes"]) / 60.0
    missing = float(system.get("load_mismatch_cost", MISMATCH))
    generators = _in_service(elements.get("generator", {}))
    thermal = {name: unit for name, unit in generators.items() if unit["generator_type"] == "thermal"}
    load, elastic = _loads(elements, periods)
    for name, unit in thermal.items():
        load[unit["bus"]] = load[unit["bus"]] - residual_power(name, unit, periods, hours)
    reserves = _reserve(system, elements, periods, thermal, hours)
    held = tuple(each.name for each in reserves)
    lines = {name: line for name, line in elements.get("branch", {}).items() if line.get("in_service", True)}
    reference = system.get("reference_bus")
    reference = reference if reference in load else min(load)
    return System(
        periods,
        load,
        tuple(read_unit(name, each, periods, hours, held) for name, each in thermal.items()),
        tuple(_store(name, each, periods, hours) for name, each in _in_service(elements.get("storage", {})).items()),
        (*_renewables(generators, periods), *elastic),
        (
            *(_line(name, each, system, periods, slack) for name, each in lines.items()),
            *(_direct(name, each, periods) for name, each in _in_service(elements.get("dc_branch", {})).items()),
        ),
        reserves=reserves,
        services=read_services(data, thermal, periods, missing),
        fuels=tuple(_fuel(name, each, periods) for name, each in elements.get("fuel_supply", {}).items()),
        hours=hours,
        shed_cost=missing,
        spill_cost=missing,
        interfaces=tuple(
            _interface(name, each, system, periods, slack, lines)
            for name, each in _in_service(elements.get("interface", {})).items()
        ),
        outages=tuple(_outage(name, each, system) for name, each in elements.get("contingency", {}).items()),
        slack_buses=() if slack == "buses" else (str(reference),),
        shared_ramps=bool(system.get("reserve_ramping_constraints", False)),
    )


def _in_service(elements: Json) -> dict[str, Json]:
    return {name: each for name, each in elements.items() if each.get("in_service", True)}


def penalty_of(system: Json, key: str) -> float:
    """Return a penalty of the system, or the share of the cost of missing load that stands for it."""
    given = system.get(key)
    return float(system.get("load_mismatch_cost", MISMATCH)) / SHARES[key] if given is None else float(given)


def _loads(elements: Json, periods: int) -> tuple[dict[str, Any], list[Demand]]:
    """Return the load of each bus, and loads with a price."""
    load: dict[str, Any] = dict.fromkeys(elements["bus"], 0.0)
    elastic = []
    for name, each in _in_service(elements.get("load", {})).items():
        power, bus = series(each["p_load"], periods), each["bus"]
        if each.get("p_price") is not None:
            price = series(each["p_price"], periods)
            elastic.append(Demand(f"load {name}", 1.0, power, price, bus))
            continue
        shares = bus["values"] if isinstance(bus, Mapping) else {bus: 1.0}
        for place, share in shares.items():
            if place not in load:
                raise InputError(name, "bus", place, f"one of {', '.join(load)}")
            load[place] = load[place] + float(share) * power
    for name, each in _in_service(elements.get("shunt", {})).items():
        if each.get("shunt_type", "fixed") != "fixed":
            raise InputError(name, "shunt_type", each["shunt_type"], "fixed")
        load[each["bus"]] = load[each["bus"]] + float(each.get("gs", 0.0))
    return load, elastic


def _reserve(system: Json, elements: Json, periods: int, thermal: Json, hours: float) -> tuple[Reserve, ...]:
    """Return the reserve that is asked for, beyond what shunts take and what comes up or goes down already."""
    if system.get("reserve_requirement") is None:
        return ()
    asked = series(system["reserve_requirement"], periods)
    if not asked.any():
        return ()
    shunts = sum(float(each.get("gs", 0.0)) for each in _in_service(elements.get("shunt", {})).values())
    coming = sum((residual_power(name, unit, periods, hours) for name, unit in thermal.items()), np.zeros(periods))
    penalty = penalty_of(system, "reserve_shortfall_cost")
    return (Reserve("reserve", asked, penalty, coming - shunts, against_load=True),)


def _renewables(generators: Json, periods: int) -> list[Demand]:
    found = []
    for name, each in generators.items():
        if each["generator_type"] == "thermal":
            continue
        if each["generator_type"] not in ("renewable", "virtual"):
            raise InputError(name, "generator_type", each["generator_type"], "one of thermal, renewable, virtual")
        cost = each.get("p_cost")
        if isinstance(cost, Mapping) and cost.get("data_type") != "time_series":
            raise InputError(name, "p_cost", cost.get("data_type"), "a number or a time_series")
        lower = series(each.get("p_min", 0.0), periods)
        cost = series(0.0 if cost is None else cost, periods)
        found.append(Demand(name, -1.0, series(each.get("p_max", 0.0), periods), cost, each["bus"], lower))
    return found


def _line(name: str, line: Json, system: Json, periods: int, slack: str) -> Line:
    transformer = line.get("branch_type") == "transformer"
    tap = float(line.get("transformer_tap_ratio") or 1.0) if transformer else 1.0
    shift = -math.radians(float(line.get("transformer_phase_shift") or 0.0)) if transformer else 0.0
    limit = line.get("rating_long_term")
    limit = math.inf if limit is None else float(limit)
    emergency = line.get("rating_emergency")
    return Line(
        name,
        str(line["from_bus"]),
        str(line["to_bus"]),
        float(system["baseMVA"]) / (tap * float(line["reactance"])),
        limit,
        _excess(line, penalty_of(system, "transmission_flow_violation_cost"), slack),
        shift,
        series(line.get("planned_outage", False), periods).astype(np.bool_),
        limit if emergency is None else float(emergency),
    )


def _excess(element: Json, otherwise: float, slack: str) -> float:
    """Return what a MW above a limit costs: its own penalty, or what the kind of slack says."""
    if "violation_penalty" in element:
        own = element["violation_penalty"]
        return math.inf if own is None else float(own)
    return otherwise if slack == "limits" else math.inf


def _direct(name: str, line: Json, periods: int) -> Line:
    out = series(line.get("planned_outage", False), periods).astype(np.bool_)
    return Line(name, str(line["from_bus"]), str(line["to_bus"]), None, float(line["rating_long_term"]), out=out)


def _interface(name: str, interface: Json, system: Json, periods: int, slack: str, lines: Json) -> Interface:
    refuse_unknown(name, interface["lines"], lines)

    def bound(key: str, default: float) -> FloatArray:
        value = interface.get(key)
        return series(default if value is None else value, periods)

    signs = zip(interface["lines"], interface["line_orientation"], strict=True)
    penalty = _excess(interface, penalty_of(system, "interface_flow_violation_cost"), slack)
    weights = {str(line): float(sign) for line, sign in signs}
    return Interface(name, weights, bound("minimum_limit", -math.inf), bound("maximum_limit", math.inf), penalty)


def _outage(name: str, outage: Json, system: Json) -> Outage:
    kind = outage.get("contingency_type", "branch")
    if kind != "branch":
        raise InputError(name, "contingency_type", kind, "branch")
    penalty = penalty_of(system, "contingency_flow_violation_cost")
    return Outage(name, str(outage["branch_contingency"]), penalty)


def _fuel(name: str, fuel: Json, periods: int) -> Fuel:
    kind = fuel.get("fuel_supply_type", "instantaneous")
    if kind != "instantaneous":
        raise InputError(name, "fuel_supply_type", kind, "instantaneous")
    available = series(fuel["fuel_available"], periods)
    return Fuel(name, np.where(available < UNLIMITED, available, math.inf))


def _store(name: str, store: Json, periods: int, hours: float) -> Store:
    energy = float(store["energy_capacity"])
    initial = float(store.get("initial_state_of_charge", 0.5))
    loss = np.full(periods, 1.0 - float(store.get("retention_rate_60min", 1.0)) ** hours)
    loss[0] = 0.0  # nothing is lost before the first period

    def ramps(way: str, most: str, least: str) -> tuple[float, float]:
        found = []
        for direction in ("up", "down"):
            ramp = hours * float(store.get(f"ramp_{direction}_{way}_60min", math.inf))
            span = float(store.get(most, 0.0)) - float(store.get(least, 0.0))
            found.append(math.inf if ramp >= span else ramp)
        return found[0], found[1]

    return Store(
        name,
        series(store.get("max_charge_rate", 0.0), periods),
        series(store.get("max_discharge_rate", 0.0), periods),
        energy,
        store["bus"],
        float(store.get("minimum_state_of_charge", 0.0)) * energy,
        series(store.get("min_charge_rate", 0.0), periods),
        series(store.get("min_discharge_rate", 0.0), periods),
        float(store.get("charge_cost", 0.0)),
        float(store.get("discharge_cost", 0.0)),
        float(store.get("charge_efficiency", 1.0)),
        float(store.get("discharge_efficiency", 1.0)),
        loss,
        initial * energy,
        float(store.get("end_state_of_charge", initial)) * energy,
        both_ways=False,
        charge_ramp=ramps("input", "max_charge_rate", "min_charge_rate"),
        discharge_ramp=ramps("output", "max_discharge_rate", "min_discharge_rate"),
        charge_before=float(store.get("initial_charge_rate", 0.0)),
        discharge_before=float(store.get("initial_discharge_rate", 0.0)),
    )
