"""Unit commitments in the JSON format of Egret: units that are on or off."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from benchmarks.json_series import Json, series
from equilibrium.arrays import FloatArray
from equilibrium.errors import InputError
from equilibrium.programs.commitment import Burning, Unit

PIECES = 2
"""Pieces that stand for a quadratic cost, as in the published runs of Egret's instances."""


def read_unit(name: str, unit: Json, periods: int, hours: float, held: tuple[str, ...]) -> Unit:
    """Read a unit; ``held`` are the reserves that it may hold."""
    least, most = series(unit["p_min"], periods), series(unit["p_max"], periods)
    fuel, dual = unit.get("p_fuel"), bool(unit.get("aux_fuel_capable"))
    use = None if fuel is None else _curve(name, fuel, "fuel_curve", least, most)
    standing = float(unit.get("non_fuel_no_load_cost", 0.0) or 0.0)
    if use is None:
        power, cost = _curve(name, unit.get("p_cost"), "cost_curve", least, most)
        cost = cost + standing
    elif dual:
        power, cost = use[0], np.full(use[0].shape, standing / hours)
    else:
        power, cost = use[0], series(unit["fuel_cost"], periods)[:, None] * use[1] + standing
    lags, costs, burnt = _starts(name, unit, dual=dual)
    status = float(unit["initial_status"])
    start, stop = (
        _limit(unit, way, ramp, least, periods, hours) for way, ramp in (("startup", "up"), ("shutdown", "down"))
    )
    return Unit(
        name,
        power,
        cost,
        unit["bus"],
        tuple(max(1, round(lag / hours)) for lag in lags),
        costs,
        float(unit.get("shutdown_cost", 0.0) or 0.0),
        float(unit["ramp_up_60min"]) * hours,
        float(unit["ramp_down_60min"]) * hours,
        start,
        stop,
        max(1, math.ceil(unit["min_up_time"] / hours)),
        max(1, math.ceil(unit["min_down_time"] / hours)),
        int(math.copysign(max(1, round(abs(status) / hours)), status)),
        float(unit["initial_p_output"]) if status > 0 else 0.0,
        fixed=_fixed(unit, status, periods, hours),
        reserves=held,
        areas=tuple(f"{kind} {unit[kind]}" for kind in ("area", "zone") if unit.get(kind) is not None),
        band=_band(unit, periods),
        burning=_burning(unit, use, burnt, dual=dual),
        initial_stop_limit=_limit_before(unit, float(stop[0]), float(least[0]), hours),
        start_curve=_way(unit, "startup_curve", hours),
        stop_curve=_way(unit, "shutdown_curve", hours),
    )


def residual_power(name: str, unit: Json, periods: int, hours: float) -> FloatArray:
    """Return what a unit gives while it goes down from before the horizon or comes up for after it, ``(periods,)``."""
    given = np.zeros(periods)
    status, coming = float(unit["initial_status"]), float(unit.get("future_status", 0.0) or 0.0)
    up, down = _way(unit, "startup_curve", hours), _way(unit, "shutdown_curve", hours)
    for t in range(periods):
        before = math.ceil(coming / hours) + periods - 1 - t
        if coming > 0.0 and before <= len(up):
            given[t] += up[before - 1]
        after = math.ceil(-status / hours) + 1 + t
        if status < 0.0 and after <= len(down):
            given[t] += down[after - 1]
    if (given < 0.0).any():
        raise InputError(name, "startup_curve", given.tolist(), "powers from 0")
    return given


def _way(unit: Json, key: str, hours: float) -> tuple[float, ...]:
    """Return the powers of coming up or going down, no longer than the least time off."""
    return tuple(map(float, unit.get(key) or ()))[: math.ceil(unit["min_down_time"] / hours)]


def _fixed(unit: Json, status: float, periods: int, hours: float) -> FloatArray:
    """Return states that are given or that follow from the past; nan where free."""
    given = unit.get("fixed_commitment")
    fixed = np.full(periods, math.nan) if given is None else series(given, periods).copy()
    left = unit["min_up_time"] - status if status > 0 else unit["min_down_time"] + status
    held = np.arange(periods) < math.ceil(max(0.0, left) / hours)
    fixed[held & np.isnan(fixed)] = float(status > 0)
    return fixed


def _band(unit: Json, periods: int) -> tuple[FloatArray, FloatArray] | None:
    if not unit.get("agc_capable") or "p_min_agc" not in unit or "p_max_agc" not in unit:
        return None
    return series(unit["p_min_agc"], periods), series(unit["p_max_agc"], periods)


def _limit(unit: Json, way: str, ramp: str, least: FloatArray, periods: int, hours: float) -> FloatArray:
    """Return the greatest output at a start or stop: what is above the least one is meant for an hour."""
    given = unit.get(f"{way}_capacity")
    room = float(unit[f"ramp_{ramp}_60min"]) / 2.0 if given is None else series(given, periods) - least
    if (np.asarray(room) < 0.0).any():
        raise InputError(str(unit["bus"]), f"{way}_capacity", given, "at least p_min")
    return least + room * hours


def _limit_before(unit: Json, stop: float, least: float, hours: float) -> float:
    """Return the greatest output before the first period from which the unit can stop."""
    before = float(unit.get("initial_p_min", least))
    if "initial_shutdown_capacity" not in unit:
        capacity = (stop - least) / hours + least
    else:
        capacity = float(unit["initial_shutdown_capacity"])
    room = (capacity - before) * hours
    initial = float(unit["initial_p_output"])
    return initial if room > initial - before else before + room


def _starts(name: str, unit: Json, *, dual: bool) -> tuple[list[float], tuple[float, ...], tuple[float, ...]]:
    """Return hours off, costs and what a start burns; of a unit with two fuels the fuels are paid as they are burnt."""
    cost, fuel = unit.get("startup_cost"), unit.get("startup_fuel")
    fixed = float(unit.get("non_fuel_startup_cost", 0.0) or 0.0)
    least = float(unit["min_down_time"])

    def tiers(given: Any) -> tuple[list[float], list[float]]:
        if isinstance(given, (int, float)):
            return [least], [float(given)]
        return [float(lag) for lag, _ in given], [float(amount) for _, amount in given]

    burnt = tiers(fuel) if fuel is not None else ([least], [0.0])
    if dual:
        return burnt[0], (fixed,) * len(burnt[0]), tuple(burnt[1])
    lags, costs = burnt if cost is None else tiers(cost)
    if cost is None and fuel is not None:
        price = unit.get("fuel_cost")
        if not isinstance(price, (int, float)):
            raise InputError(name, "fuel_cost", price, "one number, by which startup_fuel is paid")
        costs = [float(price) * amount for amount in costs]
    if fuel is not None and unit.get("fuel_supply") is not None and burnt[0] != lags:
        raise InputError(name, "startup_fuel", fuel, f"the hours of startup_cost, {lags}")
    return lags, tuple(fixed + each for each in costs), tuple(burnt[1]) if fuel is not None else ()


def _burning(
    unit: Json, use: tuple[FloatArray, FloatArray] | None, burnt: tuple[float, ...], *, dual: bool
) -> Burning | None:
    """Return what is burnt, of units whose fuel is limited or that have two."""
    if use is None or not (dual or unit.get("fuel_supply") is not None):
        return None
    names = [unit.get("fuel_supply")] + [unit.get("aux_fuel_supply")] * dual
    prices = (float(unit["fuel_cost"]), float(unit["aux_fuel_cost"])) if dual else (0.0,)
    return Burning(
        tuple(str(fuel or "") for fuel in names),
        prices,
        use[1],
        burnt,
        bool(unit.get("aux_fuel_blending", False)),
        bool(unit.get("aux_fuel_online_switching", False)),
        int(dual and bool(unit.get("aux_fuel_supply_initial", False))),
    )


def _curve(name: str, given: Any, kind: str, least: FloatArray, most: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return breakpoints from the least to the greatest output and what is there, shape ``(periods, points)`` each."""
    if given is None:
        given = {"values": {"0": 0.0}, f"{kind}_type": "polynomial"}
    if isinstance(given, (int, float)):
        raise InputError(name, kind, given, "a curve")
    series_of = given["values"] if given.get("data_type") == "time_series" else [given] * least.size
    drawn = [
        _points(name, curve, kind, *ends) for curve, *ends in zip(series_of, least.tolist(), most.tolist(), strict=True)
    ]
    longest = max(len(power) for power, _ in drawn)
    both = [[[*each, *[each[-1]] * (longest - len(each))] for each in pair] for pair in drawn]
    power, value = (np.array([each[k] for each in both]) for k in range(2))
    return power, value


def _points(name: str, curve: Json, kind: str, least: float, most: float) -> tuple[list[float], list[float]]:
    """Return breakpoints and values of a curve; a polynomial becomes equal pieces, a curve goes on beyond its ends."""
    values, form = curve["values"], curve.get(f"{kind}_type", "piecewise")
    if form not in ("polynomial", "piecewise"):
        raise InputError(name, f"{kind}_type", form, "polynomial or piecewise")
    if form == "polynomial":
        factors = {int(power): float(factor) for power, factor in values.items()}
        if not set(factors) <= {0, 1, 2} or factors.get(2, 0.0) < 0.0:
            raise InputError(name, kind, dict(values), "a convex polynomial of degree 2 at most")
        at = np.linspace(least, most, PIECES + 1 if factors.get(2) else 2)
        value = np.polynomial.Polynomial([factors.get(power, 0.0) for power in range(3)])(at)
        return at.tolist(), value.tolist()
    power, value = np.array(values, dtype=np.float64).T
    if power.size == 1:
        if not (math.isclose(least, most) and math.isclose(least, power[0])):
            raise InputError(name, kind, values, f"more than one point, or the only output, {least:g}")
        return [least], [float(value[0])]
    inside = [
        each
        for each in power.tolist()
        if least < each < most and not math.isclose(each, least) and not math.isclose(each, most)
    ]
    at = np.array([least, *inside, most])
    return at.tolist(), _extended(at, power, value).tolist()


def _extended(at: FloatArray, power: FloatArray, value: FloatArray) -> FloatArray:
    """Return a piecewise linear curve, which goes on beyond its ends as it does there."""
    power, first = np.unique(power, return_index=True)
    value = value[first]
    slope = np.diff(value) / np.diff(power)
    place = np.clip(np.searchsorted(power, at, side="right") - 1, 0, slope.size - 1)
    return np.asarray(value[place] + slope[place] * (at - power[place]))
