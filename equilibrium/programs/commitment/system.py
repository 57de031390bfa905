"""Units, storage, loads, lines and reserves of a unit commitment; power in MW, energy in MWh, money in one currency.

Durations are counted in periods. Series have one number for each period; where a field says ``(periods,)``, one number
stands for all of them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from equilibrium.arrays import FloatArray
from equilibrium.errors import InputError
from equilibrium.programs.commitment.fuels import Burning, Fuel, check_burning
from equilibrium.programs.commitment.services import Service, check_services
from equilibrium.programs.program import FEASIBILITY


@dataclass(frozen=True, eq=False)
class Unit:
    """A unit that is on or off.

    Attributes
    ----------
    name, bus
        Its name, and the bus where it stands.
    power
        Breakpoints of its cost curve from the least output to the greatest, shape ``(points,)`` or
        ``(periods, points)``, MW.
    cost
        What an hour at each breakpoint costs, of the same shape; convex.
    start_delay, start_cost
        Tiers of the start-up cost: periods off from which on each holds, ascending, and its cost.
    stop_cost
        Cost of a shut-down.
    ramp_up, ramp_down
        Greatest change of output from one period to the next, MW.
    start_limit, stop_limit
        Greatest output in the first period after a start and in the last one before a stop, MW.
    min_up, min_down
        Least periods on and off.
    initial
        Periods for which it has been on before the first period; negative: off.
    initial_power
        Output before the first period, MW.
    must_run
        Whether it is always on.
    fixed
        States that are given: 0, 1 or nan where it is free, shape ``(periods,)``.
    reserves
        Names of the reserves that it may hold.
    areas
        The areas whose services count it.
    band
        Least and greatest output while it regulates, MW.
    burning
        What it burns, whose cost comes on top of ``cost``; ``None`` is nothing that is counted.
    """

    name: str
    power: ArrayLike
    cost: ArrayLike
    bus: str = ""
    start_delay: tuple[int, ...] = (1,)
    start_cost: tuple[float, ...] = (0.0,)
    stop_cost: float = 0.0
    ramp_up: float = math.inf
    ramp_down: float = math.inf
    start_limit: float = math.inf
    stop_limit: float = math.inf
    min_up: int = 1
    min_down: int = 1
    initial: int = -10_000
    initial_power: float = 0.0
    must_run: bool = False
    fixed: ArrayLike = math.nan
    reserves: tuple[str, ...] = ()
    areas: tuple[str, ...] = ()
    band: tuple[float, float] | None = None
    burning: Burning | None = None

    def curve(self, periods: int) -> tuple[FloatArray, FloatArray]:
        """Return breakpoints and their costs, shape ``(periods, points)`` each."""
        power, cost = (np.atleast_2d(np.asarray(each, dtype=np.float64)) for each in (self.power, self.cost))
        shape = (periods, power.shape[1])
        return np.broadcast_to(power, shape), np.broadcast_to(cost, shape)


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
        Share of its energy that is lost in a period.
    energy_min, energy_max
        Energy at the end of each period, MWh, ``(periods,)``.
    initial, final_min, final_max
        Energy before the first period and bounds after the last one, MWh.
    both_ways
        Whether it may charge and discharge in one period, ``(periods,)``.
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
    loss: float = 0.0
    initial: float = 0.0
    final_min: float = 0.0
    final_max: float = math.inf
    both_ways: ArrayLike = True


@dataclass(frozen=True, eq=False)
class Demand:
    """Power that is taken or given at a price: elastic loads, profiled generators (of negative sign), imports.

    Attributes
    ----------
    sign
        1 where it takes power, -1 where it gives it.
    upper
        Most power, MW, ``(periods,)``.
    value
        What a MWh is worth to it, or costs where it gives power, ``(periods,)``.
    """

    name: str
    sign: float
    upper: ArrayLike
    value: ArrayLike
    bus: str = ""
    lower: ArrayLike = 0.0


@dataclass(frozen=True, eq=False)
class Line:
    """A line of a network without losses: flow = susceptance times difference of angles.

    Attributes
    ----------
    limit
        Greatest flow, MW, ``(periods,)``.
    penalty
        Cost of a MW above the limit; infinite where there is no such flow.
    """

    name: str
    start: str
    end: str
    susceptance: float
    limit: ArrayLike = math.inf
    penalty: float = math.inf


@dataclass(frozen=True, eq=False)
class Reserve:
    """Spinning reserve: power that units keep free.

    Attributes
    ----------
    amount
        MW, ``(periods,)``.
    penalty
        Cost of a MW that is missing; infinite where none may be.
    """

    name: str
    amount: ArrayLike
    penalty: float = math.inf


@dataclass(frozen=True, eq=False)
class System:
    """What is committed together.

    Attributes
    ----------
    periods, hours
        Their number, and the length of each.
    load
        Load of each bus by its name, MW, ``(periods,)``.
    shed_cost, spill_cost
        Cost of a MWh that is not served and of one that is too much; infinite where there is none.
    """

    periods: int
    load: dict[str, ArrayLike]
    units: tuple[Unit, ...] = ()
    stores: tuple[Store, ...] = ()
    demands: tuple[Demand, ...] = ()
    lines: tuple[Line, ...] = ()
    reserves: tuple[Reserve, ...] = ()
    services: tuple[Service, ...] = ()
    fuels: tuple[Fuel, ...] = ()
    hours: float = 1.0
    shed_cost: float = math.inf
    spill_cost: float = math.inf
    buses: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        """Refuse what cannot be committed, with one line that names it."""
        object.__setattr__(self, "buses", tuple(self.load))
        if self.periods < 1 or not self.load or not self.hours > 0.0:
            raise InputError("system", "periods, hours, load", (self.periods, self.hours), "at least one of each")
        for bus, load in self.load.items():
            _series(f"load of bus {bus}", load, self.periods)
        standing: list[Unit | Store | Demand] = [*self.units, *self.stores, *self.demands]
        names = [each.name for each in (*standing, *self.lines)]
        for each in standing:
            if (each.bus or self.buses[0]) not in self.load:
                raise InputError(each.name, "bus", each.bus, f"one of {', '.join(self.buses)}")
        for name in names:
            if names.count(name) > 1:
                raise InputError("system", "name", name, "a name of its own for everything")
        for line in self.lines:
            for bus in (line.start, line.end):
                if bus not in self.load:
                    raise InputError(line.name, "bus", bus, f"one of {', '.join(self.buses)}")
        known = [reserve.name for reserve in self.reserves]
        for unit in self.units:
            _check_unit(unit, self.periods)
            for name in unit.reserves:
                if name not in known:
                    raise InputError(unit.name, "reserves", name, f"one of {', '.join(known) or 'none'}")
        check_services(self.services, [unit.name for unit in self.units])
        for store in self.stores:
            _check_store(store, self.periods)

    def series(self, values: ArrayLike) -> FloatArray:
        """Return one number for each period, shape ``(periods,)``."""
        return np.broadcast_to(np.asarray(values, dtype=np.float64), (self.periods,))

    def at(self, bus: str) -> int:
        """Return the index of a bus; no name is the first one."""
        return self.buses.index(bus or self.buses[0])


def _series(where: str, values: ArrayLike, periods: int) -> FloatArray:
    """Return a series, or say what is wrong with it."""
    given = np.asarray(values, dtype=np.float64)
    if given.shape not in ((), (periods,)):
        raise InputError("system", where, given.shape, f"one number for each of {periods} periods")
    if np.isnan(given).any():
        raise InputError("system", where, "nan", "numbers")
    return np.broadcast_to(given, (periods,))


def _check_unit(unit: Unit, periods: int) -> None:
    """Refuse a unit that cannot run."""
    given = np.asarray(unit.power, dtype=np.float64)
    if given.shape != np.shape(unit.cost) or given.ndim not in (1, 2) or given.shape[-1] < 1:
        raise InputError(unit.name, "power and cost", given.shape, "as many costs as breakpoints")
    if given.ndim == 2 and given.shape[0] != periods:
        raise InputError(unit.name, "power", given.shape, f"one curve for each of {periods} periods")
    power, cost = unit.curve(periods)
    if not (np.isfinite(power).all() and np.isfinite(cost).all()) or (power[:, 0] < 0.0).any():
        raise InputError(unit.name, "power and cost", power[:, 0].tolist(), "finite numbers, power from 0")
    step = np.diff(power, axis=1)
    if (step < 0.0).any():
        raise InputError(unit.name, "power", power[np.argmin(step.min(axis=1))].tolist(), "ascending breakpoints")
    slope = np.where(step > 0.0, np.diff(cost, axis=1) / np.where(step > 0.0, step, 1.0), np.nan)
    for row in slope:
        known = row[~np.isnan(row)]
        if (np.diff(known) < -FEASIBILITY * (1.0 + np.abs(known[:-1]))).any():
            raise InputError(unit.name, "cost", known.tolist(), "a convex curve: marginal costs that do not fall")
    for name in ("min_up", "min_down"):
        if not 0 <= getattr(unit, name) <= periods:
            raise InputError(unit.name, name, getattr(unit, name), f"from 0 to {periods}, the periods of the horizon")
    if unit.burning is not None:
        check_burning(unit.name, unit.burning, given.shape[-1], len(unit.start_cost))
    if unit.initial == 0:
        raise InputError(unit.name, "initial", 0, "periods on (positive) or off (negative)")
    if len(unit.start_delay) != len(unit.start_cost) or not unit.start_delay:
        raise InputError(unit.name, "start_cost", unit.start_cost, f"one for each of {len(unit.start_delay)} delays")
    if list(unit.start_delay) != sorted(set(unit.start_delay)) or (np.diff(unit.start_cost) < 0.0).any():
        raise InputError(unit.name, "start_delay", unit.start_delay, "ascending delays and costs that do not fall")
    for name in ("ramp_up", "ramp_down", "start_limit", "stop_limit"):
        if not getattr(unit, name) >= 0.0:
            raise InputError(unit.name, name, getattr(unit, name), "a number from 0")


def _check_store(store: Store, periods: int) -> None:
    """Refuse storage that cannot be."""
    for name in ("charge_efficiency", "discharge_efficiency"):
        share = _series(f"{name} of {store.name}", getattr(store, name), periods)
        if not ((share > 0.0) & (share <= 1.0)).all():
            raise InputError(store.name, name, share.tolist(), "shares in (0, 1]")
    if not 0.0 <= store.loss < 1.0:
        raise InputError(store.name, "loss", store.loss, "a share in [0, 1)")
    if not store.final_min <= store.final_max:
        raise InputError(store.name, "final_min", store.final_min, f"at most final_max, {store.final_max:g}")
