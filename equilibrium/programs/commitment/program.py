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
from numpy.typing import ArrayLike

from equilibrium.arrays import BoolArray, FloatArray, IntArray
from equilibrium.programs.commitment.columns import StateColumns, UnitColumns
from equilibrium.programs.commitment.fuels import state_fuels
from equilibrium.programs.commitment.services import Provider, state_services
from equilibrium.programs.commitment.system import Store, System, Unit
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
        Columns of what is not served, same shape; empty where all must be.
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
    shed: IntArray = np.zeros((0, periods), dtype=np.int64)
    if system.shed_cost < INF:
        shed = build.columns("shed", load.shape, cost=system.shed_cost * system.hours)
        build.coefficients(balance, shed, 1.0)
    if system.spill_cost < INF:
        build.coefficients(balance, build.columns("spill", load.shape, cost=system.spill_cost * system.hours), -1.0)
    charge, discharge, both = _state_stores(build, system, balance)
    integer.append(both)
    demand = _state_demands(build, system, balance)
    _state_lines(build, system, balance)
    reserve_rows = _state_reserves(build, system, units)
    providers = [_provider(unit, periods) for unit in system.units]
    burners = [
        (unit.name, unit.burning, unit.curve(periods)[0], columns, unit.initial > 0)
        for unit, columns in zip(system.units, units, strict=True)
        if unit.burning is not None
    ]
    integer += state_fuels(build, system.fuels, burners, periods, system.hours)
    integer += state_services(build, system.services, providers, units, system.hours)
    instance = build.compile().bind({})
    whole = np.zeros(instance.shape[1], dtype=np.bool_)
    whole[np.concatenate([each.ravel() for each in integer])] = True
    return Compiled(instance, whole, tuple(units), balance, shed, charge, discharge, demand, reserve_rows)


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


def _provider(unit: Unit, periods: int) -> Provider:
    """Return what services ask of a unit."""
    power, _ = unit.curve(periods)
    return Provider(
        unit.name,
        unit.areas,
        unit.band,
        power[:, [0, -1]],
        unit.ramp_up,
        unit.ramp_down,
        unit.start_limit,
        unit.stop_limit,
        unit.initial,
        unit.initial_power,
    )


def _given_states(unit: Unit, periods: int) -> tuple[FloatArray, FloatArray]:
    """Return bounds of the states: what the past, an obligation or a plan fixes."""
    low, high = np.full(periods, float(unit.must_run)), np.ones(periods)
    if unit.initial > 0:
        low[: max(0, unit.min_up - unit.initial)] = 1.0
        if unit.initial_power > unit.stop_limit:
            low[0] = 1.0  # it cannot stop from there
    else:
        high[: max(0, unit.min_down + unit.initial)] = 0.0
    fixed = np.broadcast_to(np.asarray(unit.fixed, dtype=np.float64), (periods,))
    given = ~np.isnan(fixed)
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
    if unit.min_up <= 1:  # start and stop may follow each other: one of both in full, and what the other has more
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
        if ramp >= span and jump >= span:
            continue
        ramp, jump = min(ramp, span), min(jump, span)
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
            build.coefficients(row, columns.start, ramp - np.maximum(jump, least))
            build.coefficients(row, columns.stop, np.where(before >= 0, least[before], 0.0))
        else:
            build.coefficients(row, columns.stop, -np.maximum(jump, np.where(before >= 0, least[before], jump)))
            build.coefficients(row, columns.start, least[here])


def _state_stores(build: ProgramBuilder, system: System, balance: IntArray) -> tuple[IntArray, IntArray, IntArray]:
    """State storage; return the columns of charging, of discharging, and those that say which of both."""
    shape = (len(system.stores), system.periods)
    charge, discharge, whole = [], [], [np.zeros(0, dtype=np.int64)]
    for store in system.stores:
        into, out = _state_store(build, store, system, balance[system.at(store.bus)])
        charge.append(into)
        discharge.append(out)
        whole += _state_direction(build, store, system, into, out)
    empty = np.zeros(shape, dtype=np.int64)
    return (
        np.array(charge) if charge else empty,
        np.array(discharge) if discharge else empty,
        np.concatenate(whole),
    )


def _state_store(build: ProgramBuilder, store: Store, system: System, balance: IntArray) -> tuple[IntArray, IntArray]:
    """State the energy of one store; return its columns of charging and discharging."""

    def series(values: ArrayLike) -> FloatArray:
        return system.series(values)

    hours, shape = system.hours, (system.periods,)
    into, out = (
        build.columns(f"{name} {store.name}", shape, upper=series(most), cost=hours * series(cost))
        for name, most, cost in (
            ("charge", store.charge_max, store.charge_cost),
            ("discharge", store.discharge_max, store.discharge_cost),
        )
    )
    low, high = series(store.energy_min).copy(), series(store.energy_max).copy()
    low[-1], high[-1] = max(low[-1], store.final_min), min(high[-1], store.final_max)
    energy = build.columns(f"energy {store.name}", shape, lower=low, upper=high)
    kept = 1.0 - store.loss
    before = np.eye(1, system.periods)[0] * kept * store.initial
    row = build.rows(f"energy {store.name}", shape, lower=before, upper=before)
    build.coefficients(row, energy, 1.0)
    build.coefficients(row[1:], energy[:-1], -kept)
    build.coefficients(row, into, -hours * series(store.charge_efficiency))
    build.coefficients(row, out, hours / series(store.discharge_efficiency))
    build.coefficients(balance, into, -1.0)
    build.coefficients(balance, out, 1.0)
    return into, out


def _state_direction(
    build: ProgramBuilder, store: Store, system: System, into: IntArray, out: IntArray
) -> list[IntArray]:
    """Forbid to charge and discharge at once where it is forbidden, and powers below the least ones."""
    single = ~np.broadcast_to(np.asarray(store.both_ways, dtype=np.bool_), (system.periods,))
    least = [system.series(each) for each in (store.charge_min, store.discharge_min)]
    if not (single.any() or least[0].any() or least[1].any()):
        return []
    most = [system.series(each) for each in (store.charge_max, store.discharge_max)]
    ways = []
    for k, column in enumerate((into, out)):
        way = build.columns(f"way {k} {store.name}", (system.periods,), upper=1.0)
        row = build.rows(f"most {k} {store.name}", (system.periods,), upper=0.0)
        build.coefficients(row, column, 1.0)
        build.coefficients(row, way, -most[k])
        row = build.rows(f"least {k} {store.name}", (system.periods,), lower=0.0)
        build.coefficients(row, column, 1.0)
        build.coefficients(row, way, -least[k])
        ways.append(way)
    row = build.rows(f"one way {store.name}", (int(single.sum()),), upper=1.0)
    for way in ways:
        build.coefficients(row, way[single], 1.0)
    return ways


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


def _state_lines(build: ProgramBuilder, system: System, balance: IntArray) -> None:
    """State flows as differences of angles; the first bus has the angle 0."""
    if not system.lines:
        return
    angle = build.columns("angle", balance.shape, lower=-INF)
    build.coefficients(build.rows("reference", (system.periods,), lower=0.0, upper=0.0), angle[0], 1.0)
    for line in system.lines:
        limit, ends = system.series(line.limit), (system.at(line.start), system.at(line.end))
        flow = build.columns(f"flow {line.name}", (system.periods,), lower=-INF)
        row = build.rows(f"flow {line.name}", (system.periods,), lower=0.0, upper=0.0)
        build.coefficients(row, flow, 1.0)
        for end, sign in zip(ends, (1.0, -1.0), strict=True):
            build.coefficients(row, angle[end], -sign * line.susceptance)
            build.coefficients(balance[end], flow, -sign)
        over = build.columns(f"over {line.name}", (system.periods,), upper=0.0)
        if line.penalty < INF:
            over = build.columns(f"above {line.name}", (system.periods,), cost=line.penalty * system.hours)
        for sign in (1.0, -1.0):
            row = build.rows(f"limit {sign:+.0f} {line.name}", (system.periods,), upper=limit)
            build.coefficients(row, flow, sign)
            build.coefficients(row, over, -1.0)


def _state_reserves(build: ProgramBuilder, system: System, units: list[UnitColumns]) -> tuple[IntArray, ...]:
    """Ask for reserve; what is missing is paid for where it may be. Return the rows."""
    rows = []
    for reserve in system.reserves:
        row = build.rows(f"reserve {reserve.name}", (system.periods,), lower=system.series(reserve.amount))
        for unit, columns in zip(system.units, units, strict=True):
            if reserve.name in unit.reserves:
                build.coefficients(row, columns.reserve[unit.reserves.index(reserve.name)], 1.0)
        if reserve.penalty < INF:
            missing = build.columns(f"missing {reserve.name}", (system.periods,), cost=reserve.penalty * system.hours)
            build.coefficients(row, missing, 1.0)
        rows.append(row)
    return tuple(rows)
