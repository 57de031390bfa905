"""Storage of a unit commitment: what it is, and its rows and columns."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from equilibrium.arrays import FloatArray, IntArray
from equilibrium.errors import InputError
from equilibrium.programs.program import INF, ProgramBuilder


@dataclass(frozen=True, eq=False)
class Store:
    """Storage.

    Attributes
    ----------
    charge_max, discharge_max, charge_min, discharge_min
        Power on the grid's side when it charges and discharges, MW, ``(periods,)``.
    charge_cost, discharge_cost
        Cost of a MWh, ``(periods,)``.
    charge_efficiency, discharge_efficiency
        Shares that are kept, ``(periods,)``.
    loss
        Share of its energy that is lost in a period, ``(periods,)``.
    energy_min, energy_max
        Energy at the end of each period, MWh, ``(periods,)``.
    initial, final_min, final_max
        Energy before the first period and bounds after the last one, MWh.
    both_ways
        Whether it may charge and discharge in one period, ``(periods,)``.
    charge_ramp, discharge_ramp
        Greatest rise and greatest fall of a power from one period to the next, MW.
    charge_before, discharge_before
        Powers before the first period, MW; only ramps ask for them.
    """

    name: str
    charge_max: ArrayLike
    discharge_max: ArrayLike
    energy_max: ArrayLike
    bus: str = ""
    energy_min: ArrayLike = 0.0
    charge_min: ArrayLike = 0.0
    discharge_min: ArrayLike = 0.0
    charge_cost: ArrayLike = 0.0
    discharge_cost: ArrayLike = 0.0
    charge_efficiency: ArrayLike = 1.0
    discharge_efficiency: ArrayLike = 1.0
    loss: ArrayLike = 0.0
    initial: float = 0.0
    final_min: float = 0.0
    final_max: float = math.inf
    both_ways: ArrayLike = True
    charge_ramp: tuple[float, float] = (math.inf, math.inf)
    discharge_ramp: tuple[float, float] = (math.inf, math.inf)
    charge_before: float = 0.0
    discharge_before: float = 0.0


@dataclass(frozen=True, eq=False)
class StoreColumns:
    """Columns of charging and discharging, shape ``(stores, periods)``, and those that say which of both."""

    charge: IntArray
    discharge: IntArray
    whole: IntArray


def check_store(store: Store, periods: int) -> None:
    """Refuse storage that cannot be."""
    for name in ("charge_efficiency", "discharge_efficiency"):
        share = _series(store, name, periods)
        if not ((share > 0.0) & (share <= 1.0)).all():
            raise InputError(store.name, name, share.tolist(), "shares in (0, 1]")
    loss = _series(store, "loss", periods)
    if not ((loss >= 0.0) & (loss < 1.0)).all():
        raise InputError(store.name, "loss", store.loss, "a share in [0, 1)")
    if not store.final_min <= store.final_max:
        raise InputError(store.name, "final_min", store.final_min, f"at most final_max, {store.final_max:g}")


def _series(store: Store, name: str, periods: int) -> FloatArray:
    """Return a series of storage, or say what is wrong with it."""
    given = np.asarray(getattr(store, name), dtype=np.float64)
    if given.shape not in ((), (periods,)) or np.isnan(given).any():
        raise InputError(store.name, name, given.tolist(), f"one number for each of {periods} periods")
    return np.broadcast_to(given, (periods,))


def state_stores(
    build: ProgramBuilder, stores: Sequence[tuple[Store, IntArray]], periods: int, hours: float
) -> StoreColumns:
    """State storage, each with the rows of the balance of its bus."""
    charge, discharge, whole = [], [], [np.zeros(0, dtype=np.int64)]
    for store, balance in stores:
        into, out = _state_store(build, store, balance, hours)
        charge.append(into)
        discharge.append(out)
        whole += _state_direction(build, store, periods, into, out)
        _state_ramps(build, store, "charge", into, store.charge_ramp, store.charge_before)
        _state_ramps(build, store, "discharge", out, store.discharge_ramp, store.discharge_before)
    empty = np.zeros((0, periods), dtype=np.int64)
    return StoreColumns(
        np.array(charge) if charge else empty,
        np.array(discharge) if discharge else empty,
        np.concatenate(whole),
    )


def _state_store(build: ProgramBuilder, store: Store, balance: IntArray, hours: float) -> tuple[IntArray, IntArray]:
    """State the energy of one store; return its columns of charging and discharging."""
    shape = balance.shape

    def series(name: str) -> FloatArray:
        return _series(store, name, balance.size)

    into, out = (
        build.columns(f"{name} {store.name}", shape, upper=series(f"{name}_max"), cost=hours * series(f"{name}_cost"))
        for name in ("charge", "discharge")
    )
    low, high = series("energy_min").copy(), series("energy_max").copy()
    low[-1], high[-1] = max(low[-1], store.final_min), min(high[-1], store.final_max)
    energy = build.columns(f"energy {store.name}", shape, lower=low, upper=high)
    kept = 1.0 - series("loss")
    before = np.eye(1, balance.size)[0] * kept * store.initial
    row = build.rows(f"energy {store.name}", shape, lower=before, upper=before)
    build.coefficients(row, energy, 1.0)
    build.coefficients(row[1:], energy[:-1], -kept[1:])
    build.coefficients(row, into, -hours * series("charge_efficiency"))
    build.coefficients(row, out, hours / series("discharge_efficiency"))
    build.coefficients(balance, into, -1.0)
    build.coefficients(balance, out, 1.0)
    return into, out


def _state_direction(
    build: ProgramBuilder, store: Store, periods: int, into: IntArray, out: IntArray
) -> list[IntArray]:
    """Forbid to charge and discharge at once where it is forbidden, and powers below the least ones."""
    single = ~np.broadcast_to(np.asarray(store.both_ways, dtype=np.bool_), (periods,))
    least = [_series(store, name, periods) for name in ("charge_min", "discharge_min")]
    if not (single.any() or least[0].any() or least[1].any()):
        return []
    most = [_series(store, name, periods) for name in ("charge_max", "discharge_max")]
    ways = []
    for k, column in enumerate((into, out)):
        way = build.columns(f"way {k} {store.name}", (periods,), upper=1.0)
        row = build.rows(f"most {k} {store.name}", (periods,), upper=0.0)
        build.coefficients(row, column, 1.0)
        build.coefficients(row, way, -most[k])
        row = build.rows(f"least {k} {store.name}", (periods,), lower=0.0)
        build.coefficients(row, column, 1.0)
        build.coefficients(row, way, -least[k])
        ways.append(way)
    row = build.rows(f"one way {store.name}", (int(single.sum()),), upper=1.0)
    for way in ways:
        build.coefficients(row, way[single], 1.0)
    return ways


def _state_ramps(
    build: ProgramBuilder, store: Store, name: str, power: IntArray, ramp: tuple[float, float], before: float
) -> None:
    """Limit how fast a power rises and falls."""
    for way, sign, most in (("up", 1.0, ramp[0]), ("down", -1.0, ramp[1])):
        if most >= INF:
            continue
        limit = np.full(power.size, most)
        limit[0] += sign * before
        row = build.rows(f"{name} {way} {store.name}", power.shape, upper=limit)
        build.coefficients(row, power, sign)
        build.coefficients(row[1:], power[:-1], -sign)
