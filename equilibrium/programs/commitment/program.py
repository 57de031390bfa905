"""The unit commitment as one mixed-integer program, tightly stated.

States, starts and stops are three binaries (Garver 1962). Minimum times on and off are those of Rajan and Takriti
(2005), which with them describe the convex hull of the states. Limits of output in the periods of a start and before a
stop are one row (Morales-Espana, Latorre and Ramos 2013; two where a unit may be on for one period alone), and ramps
know the states too (Damci-Kurt et al. 2016). Only the states have to be asked to be whole: starts and stops follow from
them, and the tiers of a start cost too, since a colder tier never costs less.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from equilibrium.arrays import BoolArray, FloatArray, IntArray
from equilibrium.errors import InputError
from equilibrium.programs.commitment.columns import StateColumns, UnitColumns
from equilibrium.programs.commitment.fuels import state_fuels
from equilibrium.programs.commitment.network import state_network
from equilibrium.programs.commitment.services import Provider, state_services
from equilibrium.programs.commitment.storage import state_stores
from equilibrium.programs.commitment.system import System, Unit
from equilibrium.programs.program import INF, Instance, ProgramBuilder


@dataclass(frozen=True, eq=False)
class Compiled:
    """The program and where what is in it.

    Attributes
    ----------
    instance, integer
        The program, and which columns are whole.
    units
        Columns of each unit.
    balance
        Rows of the balance of each bus, shape ``(buses, periods)``.
    shed
        Columns of what is not served, shape ``(buses, periods)``; empty where all must be.
    charge, discharge
        Columns of storage, shape ``(stores, periods)``.
    demand
        Columns of demands, shape ``(demands, periods)``.
    reserve_rows
        Rows of each reserve, shape ``(periods,)``.
    """

    instance: Instance
    integer: BoolArray
    units: tuple[UnitColumns, ...]
    balance: IntArray
    shed: IntArray
    charge: IntArray
    discharge: IntArray
    demand: IntArray
    reserve_rows: tuple[IntArray, ...]


def compile_commitment(system: System) -> Compiled:
    """State the unit commitment of a system."""
    build, periods = ProgramBuilder(), system.periods
    load = np.array([system.series(system.load[bus]) for bus in system.buses])
    balance = build.rows("balance", load.shape, lower=load, upper=load)
    integer: list[IntArray] = []
    units = []
    for unit in system.units:
        columns = state_output(build, unit, state_states(build, unit, periods, system.hours), system.hours)
        power, _ = unit.curve(periods)
        at = balance[system.at(unit.bus)]
        build.coefficients(at, columns.on, power[:, 0])
        build.coefficients(at[:, None], columns.segment, 1.0)
        integer.append(columns.on)
        units.append(columns)
        _state_curves(build, at, columns, unit, 1.0)
    shed = _state_slack(build, system, balance, "shed", 1.0)
    _state_slack(build, system, balance, "spill", -1.0)
    held = [(store, balance[system.at(store.bus)]) for store in system.stores]
    stores = state_stores(build, held, periods, system.hours)
    integer.append(stores.whole)
    demand = _state_demands(build, system, balance)
    state_network(build, system.network, balance, system.hours)
    reserve_rows = _state_reserves(build, system, units, demand)
    providers = [_provider(unit, periods, system.hours) for unit in system.units]
    burners = [
        (unit.name, unit.burning, unit.curve(periods)[0], columns, unit.initial > 0)
        for unit, columns in zip(system.units, units, strict=True)
        if unit.burning is not None
    ]
    integer += state_fuels(build, system.fuels, burners, periods, system.hours)
    integer += state_services(build, system.services, providers, units, system.hours, share=system.shared_ramps)
    instance = build.compile().bind({})
    whole = np.zeros(instance.shape[1], dtype=np.bool_)
    whole[np.concatenate([each.ravel() for each in integer])] = True
    return Compiled(instance, whole, tuple(units), balance, shed, stores.charge, stores.discharge, demand, reserve_rows)


def state_states(build: ProgramBuilder, unit: Unit, periods: int, hours: float) -> StateColumns:
    """State when a unit is on, what that and its starts cost, and how long it stays on and off."""
    _, cost = unit.curve(periods)
    low, high = _given_states(unit, periods)
    on = build.columns(f"on {unit.name}", (periods,), lower=low, upper=high, cost=hours * cost[:, 0])
    start = build.columns(f"start {unit.name}", (periods,), upper=1.0)
    stop = build.columns(f"stop {unit.name}", (periods,), upper=1.0, cost=unit.stop_cost)
    past = np.eye(1, periods)[0] * float(unit.initial > 0)
    row = build.rows(f"state {unit.name}", (periods,), lower=past, upper=past)
    build.coefficients(row, on, 1.0)
    build.coefficients(row[1:], on[:-1], -1.0)
    build.coefficients(row, start, -1.0)
    build.coefficients(row, stop, 1.0)
    tier = build.columns(
        f"tier {unit.name}", (len(unit.start_cost), periods), upper=1.0, cost=np.array(unit.start_cost)[:, None]
    )
    states = StateColumns(on, start, stop, tier)
    _state_durations(build, unit, states)
    _state_starts(build, unit, states)
    return states


def state_output(build: ProgramBuilder, unit: Unit, states: StateColumns, hours: float, label: str = "") -> UnitColumns:
    """State the output of a unit and what it keeps free, within what its states allow.

    Parameters
    ----------
    hours
        Weight of the cost of its output: the length of a period, times a probability where outputs are those of a
        scenario.
    label
        Tells outputs of several scenarios at the same states apart.
    """
    periods, name = states.on.size, f"{unit.name}{label}"
    power, cost = unit.curve(periods)
    width = np.diff(power, axis=1)
    slope = np.diff(cost, axis=1) / np.where(width > 0.0, width, 1.0)
    segment = build.columns(f"segment {name}", width.shape, upper=width, cost=hours * slope)
    reserve = build.columns(f"reserve {name}", (len(unit.reserves), periods))
    held = (states.on, states.start, states.stop, segment, reserve, states.tier)
    own = np.concatenate([each.ravel() for each in held])
    columns = UnitColumns(*held, own)
    _state_output(build, replace(unit, name=name), columns, power)
    _state_ramps(build, replace(unit, name=name), columns, power)
    return columns


def _provider(unit: Unit, periods: int, hours: float) -> Provider:
    """Return what services ask of a unit."""
    power, _ = unit.curve(periods)
    return Provider(
        unit.name,
        unit.areas,
        unit.band,
        power[:, [0, -1]],
        unit.ramp_up / hours,
        unit.ramp_down / hours,
        unit.start_limit,
        unit.stop_limit,
        unit.stop_limit_before,
        unit.initial,
        unit.initial_power,
    )


def _given_states(unit: Unit, periods: int) -> tuple[FloatArray, FloatArray]:
    """Return bounds of the states: what the past, an obligation or a plan fixes."""
    low, high = np.full(periods, float(unit.must_run)), np.ones(periods)
    if unit.initial > 0:
        low[: max(0, unit.min_up - unit.initial)] = 1.0
        if unit.initial_power > unit.stop_limit_before:
            low[0] = 1.0  # it cannot stop from there
    else:
        high[: max(0, unit.min_down + unit.initial)] = 0.0
    fixed = np.broadcast_to(np.asarray(unit.fixed, dtype=np.float64), (periods,))
    given = ~np.isnan(fixed)
    if (given & ((fixed < low) | (fixed > high))).any():
        left = f"states from {low.tolist()} to {high.tolist()}, which its past and duties leave"
        raise InputError(unit.name, "fixed", fixed.tolist(), left)
    low[given], high[given] = fixed[given], fixed[given]
    return low, high


def _windows(build: ProgramBuilder, rows: IntArray, columns: IntArray, length: int) -> None:
    """Put into the row of each period the columns of the last ``length`` periods up to it."""
    periods = columns.size
    for back in range(min(length, periods)):
        build.coefficients(rows[back:], columns[: periods - back], 1.0)


def _state_durations(build: ProgramBuilder, unit: Unit, columns: StateColumns) -> None:
    """Keep a unit on after a start and off after a stop."""
    periods = columns.on.size
    row = build.rows(f"up {unit.name}", (periods,), upper=0.0)
    _windows(build, row, columns.start, max(1, unit.min_up))
    build.coefficients(row, columns.on, -1.0)
    row = build.rows(f"down {unit.name}", (periods,), upper=1.0)
    _windows(build, row, columns.stop, max(1, unit.min_down))
    build.coefficients(row, columns.on, 1.0)


def _state_starts(build: ProgramBuilder, unit: Unit, columns: StateColumns) -> None:
    """Let a start cost what the periods off before it say; the last tier is open to all."""
    periods, tiers, tier = columns.on.size, len(unit.start_cost), columns.tier
    row = build.rows(f"tiers {unit.name}", (periods,), lower=0.0, upper=0.0)
    build.coefficients(row, tier, 1.0)
    build.coefficients(row, columns.start, -1.0)
    for k in range(tiers - 1):
        first, last = (1 if k == 0 else unit.start_delay[k]), unit.start_delay[k + 1] - 1
        off = np.arange(periods) - unit.initial  # periods off at a start, where none was before it
        old = (unit.initial < 0) & (off >= first) & (off <= last)
        row = build.rows(f"tier {k} {unit.name}", (periods,), upper=old.astype(np.float64))
        build.coefficients(row, tier[k], 1.0)
        for back in range(first, min(last, periods - 1) + 1):
            build.coefficients(row[back:], columns.stop[: periods - back], -1.0)


def _state_output(build: ProgramBuilder, unit: Unit, columns: UnitColumns, power: FloatArray) -> None:
    """Limit the output and the reserve above the least output, in the first and last period too."""
    periods, width = columns.on.size, np.diff(power, axis=1)
    row = build.rows(f"segments {unit.name}", columns.segment.shape, upper=0.0)
    build.coefficients(row, columns.segment, 1.0)
    build.coefficients(row, columns.on[:, None], -width)
    least, most = power[:, 0], power[:, -1]
    after_start = np.maximum(0.0, most - np.maximum(unit.start_limit, least))
    before_stop = np.maximum(0.0, most - np.maximum(unit.stop_limit, least))[:-1]
    after = np.append(columns.stop[1:], -1)
    pairs = [(after_start, before_stop)]
    if not unit.stop_reserve:
        row = build.rows(f"before a stop {unit.name}", (periods - 1,), upper=0.0)
        build.coefficients(row[:, None], columns.segment[:-1], 1.0)
        build.coefficients(row, columns.on[:-1], (least - most)[:-1])
        build.coefficients(row, columns.stop[1:], before_stop)
        pairs = [(after_start, np.zeros(periods - 1))]
    elif unit.min_up <= 1:  # start and stop may follow each other: one of both in full, and what the other has more
        pairs = [
            (after_start, np.maximum(0.0, before_stop - after_start[:-1])),
            (np.maximum(0.0, after_start - np.append(before_stop, 0.0)), before_stop),
        ]
    for k, (first, last) in enumerate(pairs):
        row = build.rows(f"output {k} {unit.name}", (periods,), upper=0.0)
        build.coefficients(row[:, None], columns.segment, 1.0)
        build.coefficients(row, columns.reserve, 1.0)
        build.coefficients(row, columns.on, least - most)
        build.coefficients(row, columns.start, first)
        build.coefficients(row[:-1], after[:-1], last)


def _state_ramps(build: ProgramBuilder, unit: Unit, columns: UnitColumns, power: FloatArray) -> None:
    """Limit the change of the output from one period to the next; reserve counts as output upwards."""
    periods, least = columns.on.size, power[:, 0]
    span = float(power.max())
    was_on = float(unit.initial > 0)
    here, before = np.arange(periods), np.arange(-1, periods - 1)
    for name, sign, ramp, jump in (
        ("up", 1.0, unit.ramp_up, unit.start_limit),
        ("down", -1.0, unit.ramp_down, unit.stop_limit),
    ):
        limited = np.broadcast_to(np.minimum(jump, span), (periods,))
        if ramp >= span and (limited >= span).all():
            continue
        ramp = min(ramp, span)
        limit = np.zeros(periods)
        limit[0] = sign * unit.initial_power * was_on
        row = build.rows(f"ramp {name} {unit.name}", (periods,), upper=limit)
        build.coefficients(row[:, None], columns.segment, sign)
        build.coefficients(row, columns.on, sign * least)
        build.coefficients(row[1:, None], columns.segment[:-1], -sign)
        build.coefficients(row[1:], columns.on[:-1], -sign * least[:-1])
        build.coefficients(row, columns.on, -ramp)
        if sign > 0.0:
            build.coefficients(row, columns.reserve, 1.0)
            build.coefficients(row, columns.start, ramp - np.maximum(limited, least))
            build.coefficients(row, columns.stop, np.where(before >= 0, least[before], 0.0))
        else:
            last = limited[np.maximum(before, 0)].copy()
            last[0] = min(unit.stop_limit_before, span)
            build.coefficients(row, columns.stop, -np.maximum(last, np.where(before >= 0, least[before], last)))
            build.coefficients(row, columns.start, least[here])


def _state_demands(build: ProgramBuilder, system: System, balance: IntArray) -> IntArray:
    """State elastic loads and profiled generators."""
    columns = []
    for demand in system.demands:
        value = -demand.sign * system.hours * system.series(demand.value)
        bounds = system.series(demand.lower), system.series(demand.upper)
        column = build.columns(f"demand {demand.name}", (system.periods,), lower=bounds[0], upper=bounds[1], cost=value)
        build.coefficients(balance[system.at(demand.bus)], column, -demand.sign)
        columns.append(column)
    return np.array(columns) if columns else np.zeros((0, system.periods), dtype=np.int64)


def _state_slack(build: ProgramBuilder, system: System, balance: IntArray, name: str, sign: float) -> IntArray:
    """State what is not served or too much; return its columns, shape ``(buses, periods)``, or none.

    No more can be missing at a bus than is taken there, and no more too much than is given, unless all of it is counted
    at a few buses.
    """
    price = system.series(getattr(system, f"{name}_cost"))
    if not (price < INF).any():
        return np.zeros((0, system.periods), dtype=np.int64)
    most = np.full(balance.shape, INF)
    if system.slack_buses:
        most[[bus not in system.slack_buses for bus in system.buses]] = 0.0
    else:
        most = _most_slack(system, sign)
    most[:, price >= INF] = 0.0
    cost = np.where(price < INF, price, 0.0) * system.hours
    columns = build.columns(name, balance.shape, upper=most, cost=np.broadcast_to(cost, balance.shape))
    build.coefficients(balance, columns, sign)
    return columns


def _most_slack(system: System, sign: float) -> FloatArray:
    """Return the most that is taken (1) or given (-1) at each bus, shape ``(buses, periods)``."""
    most = np.array([np.maximum(0.0, sign * system.series(system.load[bus])) for bus in system.buses])
    for store in system.stores:
        most[system.at(store.bus)] += system.series(store.charge_max if sign > 0.0 else store.discharge_max)
    for demand in system.demands:
        if demand.sign < 0.0:
            bound = -system.series(demand.lower) if sign > 0.0 else system.series(demand.upper)
            most[system.at(demand.bus)] += np.maximum(0.0, bound)
    if sign < 0.0:
        for unit in system.units:
            most[system.at(unit.bus)] += unit.curve(system.periods)[0][:, -1]
    return most


def _state_curves(build: ProgramBuilder, rows: IntArray, columns: UnitColumns, unit: Unit, sign: float) -> None:
    """Put what a unit gives while it comes up and goes down into rows."""
    periods = rows.size
    for k, power in enumerate(unit.start_curve, 1):
        build.coefficients(rows[: max(0, periods - k)], columns.start[k:], sign * power)
    for k, power in enumerate(unit.stop_curve):
        build.coefficients(rows[k:], columns.stop[: max(0, periods - k)], sign * power)


def _state_reserves(
    build: ProgramBuilder, system: System, units: list[UnitColumns], demand: IntArray
) -> tuple[IntArray, ...]:
    """Ask for reserve; what is missing is paid for where it may be. Return the rows."""
    rows = []
    for reserve in system.reserves:
        amount, price = system.series(reserve.amount), system.series(reserve.penalty)
        row = build.rows(f"reserve {reserve.name}", (system.periods,), lower=amount + system.series(reserve.besides))
        for unit, columns in zip(system.units, units, strict=True):
            if reserve.name in unit.reserves:
                build.coefficients(row, columns.reserve[unit.reserves.index(reserve.name)], 1.0)
            if reserve.against_load:
                _state_curves(build, row, columns, unit, -1.0)
        if reserve.against_load:
            for elastic, column in zip(system.demands, demand, strict=True):
                if elastic.sign > 0.0:
                    build.coefficients(row, column, 1.0)
        free = price < INF
        if free.any():
            cost = np.where(free, np.where(free, price, 0.0) * system.hours, 0.0)
            most = np.where(free, np.maximum(amount, 0.0), 0.0)
            missing = build.columns(f"missing {reserve.name}", (system.periods,), upper=most, cost=cost)
            build.coefficients(row, missing, 1.0)
        rows.append(row)
    return tuple(rows)
