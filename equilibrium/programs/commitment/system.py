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
from equilibrium.programs.commitment.network import Interface, Line, Network, Outage, check_network
from equilibrium.programs.commitment.services import Service, check_services
from equilibrium.programs.commitment.storage import Store, check_store
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
        Greatest output in the first period after a start and in the last one before a stop, MW, ``(periods,)``.
    stop_reserve
        Whether what it keeps free counts as output before a stop.
    initial_stop_limit
        Greatest output before the first period from which it can stop in it; ``None`` is the limit of the first one.
    start_curve, stop_curve
        Output while it comes up and goes down, MW, in the periods before a start and after a stop, the nearest first.
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
        Least and greatest output while it regulates, MW, ``(periods,)``.
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
    start_limit: ArrayLike = math.inf
    stop_limit: ArrayLike = math.inf
    min_up: int = 1
    min_down: int = 1
    initial: int = -10_000
    initial_power: float = 0.0
    must_run: bool = False
    fixed: ArrayLike = math.nan
    reserves: tuple[str, ...] = ()
    areas: tuple[str, ...] = ()
    band: tuple[ArrayLike, ArrayLike] | None = None
    burning: Burning | None = None
    stop_reserve: bool = True
    initial_stop_limit: float | None = None
    start_curve: tuple[float, ...] = ()
    stop_curve: tuple[float, ...] = ()

    @property
    def stop_limit_before(self) -> float:
        """Greatest output before the first period from which it can stop in it."""
        first = float(np.ravel(self.stop_limit)[0])
        return first if self.initial_stop_limit is None else self.initial_stop_limit

    def curve(self, periods: int) -> tuple[FloatArray, FloatArray]:
        """Return breakpoints and their costs, shape ``(periods, points)`` each."""
        power, cost = (np.atleast_2d(np.asarray(each, dtype=np.float64)) for each in (self.power, self.cost))
        shape = (periods, power.shape[1])
        return np.broadcast_to(power, shape), np.broadcast_to(cost, shape)


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
class Reserve:
    """Spinning reserve: power that units keep free.

    Attributes
    ----------
    amount
        MW, ``(periods,)``.
    penalty
        Cost of a MW that is missing in an hour, ``(periods,)``; infinite where none may be.
    besides
        What units must be able to give besides, MW, ``(periods,)``; that may not be missing.
    against_load
        Whether units shall be able to give the fixed load and the reserve: what elastic loads take then counts as
        reserve, and what units give while they start and stop does not serve.
    """

    name: str
    amount: ArrayLike
    penalty: ArrayLike = math.inf
    besides: ArrayLike = 0.0
    against_load: bool = False


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
        Cost of a MWh that is not served and of one that is too much, ``(periods,)``; infinite where there is none.
    slack_buses
        Buses where that may be; empty is all of them.
    shared_ramps
        Whether services and output share what a unit can ramp.
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
    shed_cost: ArrayLike = math.inf
    spill_cost: ArrayLike = math.inf
    interfaces: tuple[Interface, ...] = ()
    outages: tuple[Outage, ...] = ()
    slack_buses: tuple[str, ...] = ()
    shared_ramps: bool = True
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
        for bus in self.slack_buses:
            self.at(bus)
        check_network(self.network)
        known = [reserve.name for reserve in self.reserves]
        for unit in self.units:
            _check_unit(unit, self.periods)
            for name in unit.reserves:
                if name not in known:
                    raise InputError(unit.name, "reserves", name, f"one of {', '.join(known) or 'none'}")
        check_services(self.services, [unit.name for unit in self.units])
        for store in self.stores:
            check_store(store, self.periods)

    def series(self, values: ArrayLike) -> FloatArray:
        """Return one number for each period, shape ``(periods,)``."""
        return np.broadcast_to(np.asarray(values, dtype=np.float64), (self.periods,))

    @property
    def network(self) -> Network:
        """Lines, interfaces and outages."""
        return Network(self.buses, self.lines, self.interfaces, self.outages)

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
        if not getattr(unit, name) >= 0:
            raise InputError(unit.name, name, getattr(unit, name), "a number of periods from 0")
    if unit.burning is not None:
        check_burning(unit.name, unit.burning, given.shape[-1], len(unit.start_cost))
    if unit.initial == 0:
        raise InputError(unit.name, "initial", 0, "periods on (positive) or off (negative)")
    if len(unit.start_delay) != len(unit.start_cost) or not unit.start_delay:
        raise InputError(unit.name, "start_cost", unit.start_cost, f"one for each of {len(unit.start_delay)} delays")
    if list(unit.start_delay) != sorted(set(unit.start_delay)) or (np.diff(unit.start_cost) < 0.0).any():
        raise InputError(unit.name, "start_delay", unit.start_delay, "ascending delays and costs that do not fall")
    for name in ("ramp_up", "ramp_down", "start_limit", "stop_limit"):
        if not (np.asarray(getattr(unit, name), dtype=np.float64) >= 0.0).all():
            raise InputError(unit.name, name, getattr(unit, name), "a number from 0")
        if np.shape(getattr(unit, name)) not in ((), (periods,) if name.endswith("limit") else ()):
            raise InputError(unit.name, name, getattr(unit, name), "one number, or of a limit one for each period")
