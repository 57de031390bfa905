"""Unit commitments in the JSON format of UnitCommitment.jl, from version 0.2 on; one scenario.

Costs there are those of a time step, however long it is, and ramps are changes from one step to the next. A key that
this reader does not know is refused by name.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from benchmarks.json_series import Json, refuse_unknown, series
from equilibrium.arrays import FloatArray
from equilibrium.errors import InputError
from equilibrium.programs.commitment import Demand, Interface, Line, Outage, Reserve, Store, System, Unit

SECTIONS = {
    "Parameters", "Buses", "Generators", "Storage units", "Price-sensitive loads", "Transmission lines", "Reserves",
    "Contingencies", "Interfaces", "SOURCE",
}  # fmt: skip
PARAMETERS = {
    "Version", "Time horizon (h)", "Time horizon (min)", "Time (h)", "Time step (min)", "Power balance penalty ($/MW)",
    "Reserve shortfall penalty ($/MW)", "Scenario name", "Scenario weight", "Investment cost weight",
}  # fmt: skip
THERMAL = {
    "Bus", "Type", "Production cost curve (MW)", "Production cost curve ($)", "Startup costs ($)", "Startup delays (h)",
    "Shutdown cost ($)", "Minimum uptime (h)", "Minimum downtime (h)", "Ramp up limit (MW)", "Ramp down limit (MW)",
    "Startup limit (MW)", "Shutdown limit (MW)", "Initial status (h)", "Initial power (MW)", "Must run?",
    "Provides spinning reserves?", "Reserve eligibility", "Commitment status", "Investment cost ($)",
}  # fmt: skip
PROFILED = {"Bus", "Type", "Cost ($/MW)", "Minimum power (MW)", "Maximum power (MW)", "Investment cost ($)"}
STORAGE = {
    "Bus", "Minimum level (MWh)", "Maximum level (MWh)", "Allow simultaneous charging and discharging",
    "Charge cost ($/MW)", "Discharge cost ($/MW)", "Charge efficiency", "Discharge efficiency", "Loss factor",
    "Minimum charge rate (MW)", "Maximum charge rate (MW)", "Minimum discharge rate (MW)",
    "Maximum discharge rate (MW)", "Initial level (MWh)", "Last period minimum level (MWh)",
    "Last period maximum level (MWh)", "Investment cost ($)",
}  # fmt: skip
LINE = {
    "Source bus", "Target bus", "Susceptance (S)", "Reactance (ohms)", "Normal flow limit (MW)",
    "Emergency flow limit (MW)", "Flow limit penalty ($/MW)", "Investment cost ($)", "Max number of parallel circuits",
}  # fmt: skip
INTERFACE = {
    "Branches", "Outbound lines", "Inbound lines", "Net flow upper limit (MW)", "Net flow lower limit (MW)",
    "Flow limit penalty ($/MW)",
}  # fmt: skip
CONTINGENCY = {"Affected lines", "Affected units", "Affected generators"}
RESERVE = {"Type", "Amount (MW)", "Shortfall penalty ($/MW)"}
_ELEMENTS = {
    "Buses": {"Load (MW)"},
    "Storage units": STORAGE,
    "Price-sensitive loads": {"Bus", "Revenue ($/MW)", "Demand (MW)"},
    "Transmission lines": LINE,
    "Interfaces": INTERFACE,
    "Contingencies": CONTINGENCY,
}


def read_julia(data: Json) -> System:
    """Read a system."""
    refuse_unknown("file", data, SECTIONS)
    about = data["Parameters"]
    refuse_unknown("Parameters", about, PARAMETERS)
    step = float(about.get("Time step (min)", 60.0)) / 60.0
    horizon = about.get("Time horizon (h)", about.get("Time (h)"))
    hours = float(about["Time horizon (min)"]) / 60.0 if horizon is None else float(horizon)
    clock = round(hours / step), step
    parts = {name: _known(data, name, keys) for name, keys in _ELEMENTS.items()}
    generators = data.get("Generators") or {}
    reserves, default = _reserves(data, clock)
    penalty = _own(about, "Power balance penalty ($/MW)", 1000.0, clock[0]) / step
    return System(
        clock[0],
        {name: series(bus["Load (MW)"], clock[0]) for name, bus in parts["Buses"].items()},
        tuple(_unit(name, each, clock, default) for name, each in generators.items() if _is_thermal(name, each)),
        tuple(_store(name, each, clock) for name, each in parts["Storage units"].items()),
        (
            *(_profiled(name, each, clock) for name, each in generators.items() if not _is_thermal(name, each)),
            *(_elastic(name, each, clock) for name, each in parts["Price-sensitive loads"].items()),
        ),
        tuple(_line(name, each, clock) for name, each in parts["Transmission lines"].items()),
        reserves=reserves,
        hours=step,
        shed_cost=penalty,
        interfaces=tuple(_interface(name, each, clock) for name, each in parts["Interfaces"].items()),
        outages=tuple(_outage(name, each) for name, each in parts["Contingencies"].items()),
    )


def _known(data: Json, section: str, keys: set[str]) -> dict[str, Json]:
    """Return the elements of a section; refuse keys that are not known, and what would first have to be built."""
    found = dict(data.get(section) or {})
    for name, each in found.items():
        _refuse(name, each, keys)
    return found


def _refuse(name: str, element: Json, keys: set[str]) -> None:
    refuse_unknown(name, [key for key, value in element.items() if value is not None], keys)
    if np.any(np.asarray(element.get("Investment cost ($)", 0.0), dtype=np.float64) > 0.0):
        raise InputError(name, "Investment cost ($)", element["Investment cost ($)"], "0: nothing is built here")


def _own(element: Json, key: str, default: float, periods: int) -> FloatArray:
    value = element.get(key)
    return series(default if value is None else value, periods)


def _is_thermal(name: str, unit: Json) -> bool:
    kind = str(unit.get("Type", "Thermal"))
    if kind.lower() not in ("thermal", "profiled"):
        raise InputError(name, "Type", kind, "Thermal or Profiled")
    return kind.lower() == "thermal"


def _reserves(data: Json, clock: tuple[int, float]) -> tuple[tuple[Reserve, ...], str]:
    """Return reserves, and the name of the one of version 0.2, which units hold without naming it."""
    periods, step = clock
    given = data.get("Reserves") or {}
    if "Spinning (MW)" in given:
        refuse_unknown("Reserves", given, {"Spinning (MW)"})
        penalty = data["Parameters"].get("Reserve shortfall penalty ($/MW)", -1.0)
        given = {"r1": {"Type": "spinning", "Amount (MW)": given["Spinning (MW)"], "Shortfall penalty ($/MW)": penalty}}
        default = "r1"
    else:
        default = ""
    found = []
    for name, each in given.items():
        _refuse(name, each, RESERVE)
        if str(each["Type"]).lower() != "spinning":
            raise InputError(name, "Type", each["Type"], "spinning")
        price = _own(each, "Shortfall penalty ($/MW)", -1.0, periods)
        price = np.where(price >= 0.0, price / step, math.inf)
        found.append(Reserve(name, series(each["Amount (MW)"], periods), price))
    return tuple(found), default


def _profiled(name: str, unit: Json, clock: tuple[int, float]) -> Demand:
    periods, step = clock
    _refuse(name, unit, PROFILED)
    most, cost = series(unit["Maximum power (MW)"], periods), series(unit["Cost ($/MW)"], periods) / step
    return Demand(name, -1.0, most, cost, unit["Bus"], _own(unit, "Minimum power (MW)", 0.0, periods))


def _elastic(name: str, load: Json, clock: tuple[int, float]) -> Demand:
    periods, step = clock
    return Demand(
        name, 1.0, series(load["Demand (MW)"], periods), series(load["Revenue ($/MW)"], periods) / step, load["Bus"]
    )


def _unit(name: str, unit: Json, clock: tuple[int, float], default: str) -> Unit:
    periods, step = clock
    _refuse(name, unit, THERMAL)

    def number(key: str, otherwise: float) -> float:
        value = unit.get(key)
        return otherwise if value is None else float(value)

    for key in ("Initial status (h)", "Initial power (MW)"):
        if unit.get(key) is None:
            raise InputError(name, key, None, "a number")
    initial = number("Initial status (h)", 0.0)
    power, cost = (
        np.array([series(value, periods) for value in unit[key]]).T
        for key in ("Production cost curve (MW)", "Production cost curve ($)")
    )
    up, down = number("Ramp up limit (MW)", math.inf), number("Ramp down limit (MW)", math.inf)
    start, stop, before = _limits(
        power[:, 0], (up, down), (number("Startup limit (MW)", math.inf), number("Shutdown limit (MW)", math.inf))
    )
    must = _own(unit, "Must run?", 0.0, periods) > 0.0
    fixed = _own(unit, "Commitment status", math.nan, periods)
    held = unit.get("Reserve eligibility")
    if held is None:
        held = [default] if default and unit.get("Provides spinning reserves?", True) else []
    return Unit(
        name,
        power,
        cost / step,
        unit["Bus"],
        tuple(max(1, round(float(each) / step)) for each in unit.get("Startup delays (h)") or [1.0]),
        tuple(map(float, unit.get("Startup costs ($)") or [0.0])),
        number("Shutdown cost ($)", 0.0),
        up,
        down,
        start,
        stop,
        max(1, math.ceil(number("Minimum uptime (h)", 1.0) / step)),
        max(1, math.ceil(number("Minimum downtime (h)", 1.0) / step)),
        int(math.copysign(math.ceil(abs(initial) / step), initial)) if initial else 0,
        number("Initial power (MW)", 0.0),
        fixed=np.where(must & np.isnan(fixed), 1.0, fixed),
        reserves=tuple(held),
        stop_reserve=False,
        initial_stop_limit=before,
    )


def _limits(
    least: FloatArray, ramps: tuple[float, float], limits: tuple[float, float]
) -> tuple[FloatArray, FloatArray, float]:
    """Return limits at a start and before a stop: ramps hold above the least output where that stays the same."""
    start, stop = np.full(least.size, limits[0]), np.full(least.size, limits[1])
    same = np.abs(np.diff(least)) < 1e-7
    start[1:][same] = np.minimum(limits[0], least[1:] + ramps[0])[same]
    stop[:-1][same] = np.minimum(limits[1], least[:-1] + ramps[1])[same]
    return np.maximum(start, least), np.maximum(stop, least), float(min(limits[1], least[0] + ramps[1]))


def _store(name: str, store: Json, clock: tuple[int, float]) -> Store:
    periods, step = clock

    def own(key: str, default: float) -> FloatArray:
        return _own(store, key, default, periods)

    final = [store.get(f"Last period {which} level (MWh)") for which in ("minimum", "maximum")]
    both: Any = store.get("Allow simultaneous charging and discharging")
    return Store(
        name,
        series(store["Maximum charge rate (MW)"], periods),
        series(store["Maximum discharge rate (MW)"], periods),
        series(store["Maximum level (MWh)"], periods),
        store["Bus"],
        own("Minimum level (MWh)", 0.0),
        own("Minimum charge rate (MW)", 0.0),
        own("Minimum discharge rate (MW)", 0.0),
        own("Charge cost ($/MW)", 0.0) / step,
        own("Discharge cost ($/MW)", 0.0) / step,
        own("Charge efficiency", 1.0),
        own("Discharge efficiency", 1.0),
        own("Loss factor", 0.0),
        float(store.get("Initial level (MWh)") or 0.0),
        0.0 if final[0] is None else float(final[0]),
        math.inf if final[1] is None else float(final[1]),
        np.broadcast_to(np.asarray(True if both is None else both, dtype=np.bool_), (periods,)),
    )


def _line(name: str, line: Json, clock: tuple[int, float]) -> Line:
    periods, step = clock
    return Line(
        name,
        line["Source bus"],
        line["Target bus"],
        float(line["Susceptance (S)"]),
        _own(line, "Normal flow limit (MW)", math.inf, periods),
        _own(line, "Flow limit penalty ($/MW)", 5000.0, periods) / step,
        emergency=_own(line, "Emergency flow limit (MW)", math.inf, periods),
    )


def _interface(name: str, interface: Json, clock: tuple[int, float]) -> Interface:
    periods, step = clock
    weights = {line: float(weight) for line, weight in (interface.get("Branches") or {}).items()}
    for key, sign in (("Outbound lines", 1.0), ("Inbound lines", -1.0)):
        for line in interface.get(key) or []:
            weights[line] = weights.get(line, 0.0) + sign
    return Interface(
        name,
        weights,
        _own(interface, "Net flow lower limit (MW)", -math.inf, periods),
        _own(interface, "Net flow upper limit (MW)", math.inf, periods),
        _own(interface, "Flow limit penalty ($/MW)", 5000.0, periods) / step,
    )


def _outage(name: str, contingency: Json) -> Outage:
    for key in ("Affected units", "Affected generators"):
        if contingency.get(key):
            raise InputError(name, key, contingency[key], "none: outages of lines alone are known")
    lines = contingency.get("Affected lines") or []
    if len(lines) != 1:
        raise InputError(name, "Affected lines", lines, "one line")
    return Outage(name, str(lines[0]))
