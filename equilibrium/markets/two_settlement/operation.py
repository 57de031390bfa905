"""The operation of the system in one scenario, given what was fixed before it was known: the second stage.

Every column has finite limits, so that any multipliers prove a bound. Powers pass the roots as they were traded; where
a scenario does not keep to that, it buys and sells the difference at its own prices and pays a penalty. What cannot be
served is shed at the value of lost load.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from equilibrium.arrays import FloatArray, IntArray
from equilibrium.grid.restoration import polygon
from equilibrium.markets.two_settlement.network import Injections, Radial
from equilibrium.markets.two_settlement.system import ActiveSystem, Bid, DayAhead, Generator, Scenario
from equilibrium.programs.commitment.columns import StateColumns
from equilibrium.programs.commitment.program import state_output
from equilibrium.programs.commitment.system import Unit
from equilibrium.programs.program import FEASIBILITY, ProgramBuilder

SPINNING, REGULATING = 0, 1
"""Order of the products of reserve."""


@dataclass(frozen=True, eq=False)
class Setting:
    """What all parts of the program look at.

    Attributes
    ----------
    reach
        kW and kvar that nothing in the grid can exceed: all loads, sources and bids together.
    """

    system: ActiveSystem
    radial: Radial
    day: DayAhead
    reach: float


@dataclass(frozen=True, eq=False)
class FirstStage:
    """Columns of what is fixed before a scenario is known.

    Attributes
    ----------
    units, states
        Each generator as a unit of a commitment, and its states.
    bought, sold
        Energy traded, kW, shape ``(T,)``.
    reactive
        kvar bought (negative: sold), shape ``(T,)``.
    spinning
        Spinning reserve sold, kW, shape ``(T,)``.
    accepted
        What is accepted of bids, kW as they give it, shape ``(T, bids)``.
    reserve
        Spinning and regulating reserve accepted of bids, shape ``(2, T, bids)``.
    plan
        Scheduled output of the generators, kW, shape ``(T, generators)``; without columns where leaving it is free.
    spinning_most
        Most spinning reserve that can be sold, kW.
    """

    units: tuple[Unit, ...]
    states: tuple[StateColumns, ...]
    bought: IntArray
    sold: IntArray
    reactive: IntArray
    spinning: IntArray
    accepted: IntArray
    reserve: IntArray
    plan: IntArray
    spinning_most: float

    @property
    def columns(self) -> IntArray:
        """All columns of the first stage but those of starts and stops, which follow from the states."""
        parts = [self.bought, self.sold, self.reactive, self.spinning, self.accepted, self.reserve, self.plan]
        parts += [states.on for states in self.states]
        return np.concatenate([part.ravel() for part in parts])


@dataclass(frozen=True, eq=False)
class Operation:
    """Columns of one scenario.

    Attributes
    ----------
    above
        Output of the generators above their least one, kW, shape ``(T, generators)``.
    reserve
        Reserve that generators hold, kW, shape ``(2, T, generators)``.
    reactive
        kvar of the generators, shape ``(T, generators)``.
    renewable
        kW of the renewable units, shape ``(T, renewables)``.
    charge, discharge, energy, ready
        Storage: kW, kW, kWh at the end of the period, kW of spinning reserve; shape ``(T, storages)``.
    shed
        Load that is not served, kW, shape ``(T, buses)``.
    root, root_reactive
        What each root gives, kW and kvar, shape ``(T, roots)``.
    more, less
        kW and kvar bought beside what was traded, and sold, shape ``(2, T)``.
    missing
        Reserve that is missing, kW, shape ``(2, T)``.
    injections
        What all of it gives at the buses.
    balance
        Rows of the balances of what was traded, kW and kvar, shape ``(2, T)``.
    root_balance
        Rows of each root's balances, shape ``(2, T, roots)``.
    reserve_rows
        Rows of the reserves, shape ``(2, T)``.
    """

    above: IntArray
    reserve: IntArray
    reactive: IntArray
    renewable: IntArray
    charge: IntArray
    discharge: IntArray
    energy: IntArray
    ready: IntArray
    shed: IntArray
    root: IntArray
    root_reactive: IntArray
    more: IntArray
    less: IntArray
    missing: IntArray
    injections: Injections
    balance: IntArray
    root_balance: IntArray
    reserve_rows: IntArray


def state_operation(build: ProgramBuilder, about: Setting, number: int, first: FirstStage) -> Operation:
    """State the operation of the scenario of this number and what it costs in expectation."""
    system, day, scenario = about.system, about.day, about.day.scenarios[number]
    label = f" in {number}"
    weight = scenario.probability * day.length_h
    above, reserve, reactive = _state_generators(build, system, first, float(weight[0]), label)
    _state_departures(build, about, first, above, scenario.probability, label)
    renewable = build.columns(f"renewable{label}", scenario.available_kw.shape, upper=scenario.available_kw)
    storage = _state_storages(build, system, day, label)
    cost = weight[:, None] * system.lost_load_value
    shed = build.columns(f"shed{label}", scenario.load_kw.shape, upper=scenario.load_kw, cost=cost)
    gives = _gives(system, day.bids, first, (above, reactive, renewable, storage[0], storage[1], shed), scenario)
    root, root_reactive, root_balance = _state_roots(build, about, gives, label)
    more, less, balance = _state_trade(build, about, number, first, (root, root_reactive), label)
    missing, reserve_rows = _state_reserve(build, day, weight, first, (reserve, storage[3]), label)
    return Operation(
        above=above,
        reserve=reserve,
        reactive=reactive,
        renewable=renewable,
        charge=storage[0],
        discharge=storage[1],
        energy=storage[2],
        ready=storage[3],
        shed=shed,
        root=root,
        root_reactive=root_reactive,
        more=more,
        less=less,
        missing=missing,
        injections=gives,
        balance=balance,
        root_balance=root_balance,
        reserve_rows=reserve_rows,
    )


def _state_generators(
    build: ProgramBuilder, system: ActiveSystem, first: FirstStage, weight: float, label: str
) -> tuple[IntArray, IntArray, IntArray]:
    """State outputs, reserves and reactive powers."""
    periods = first.bought.size
    above, reserve, reactive = [], [], []
    for unit, states, generator in zip(first.units, first.states, system.generators, strict=True):
        columns = state_output(build, unit, states, weight, label)
        segment = columns.segment[:, 0]
        row = build.rows(f"regulating down {unit.name}{label}", (periods,), lower=0.0)
        build.coefficients(row, segment, 1.0)
        build.coefficients(row, columns.reserve[REGULATING], -1.0)
        above.append(segment)
        reserve.append(columns.reserve)
        reactive.append(_state_reactive(build, generator, states.on, segment, label))
    shape = (-1, periods)
    return (
        np.array(above, dtype=np.int64).reshape(shape).T,
        np.array(reserve, dtype=np.int64).reshape(-1, 2, periods).transpose(1, 2, 0),
        np.array(reactive, dtype=np.int64).reshape(shape).T,
    )


def _state_departures(
    build: ProgramBuilder, about: Setting, first: FirstStage, above: IntArray, probability: float, label: str
) -> None:
    """Let every kW by which a generator leaves its schedule cost its penalty."""
    if not first.plan.size:
        return
    least = np.array([unit.least_kw for unit in about.system.generators])
    most = np.array([unit.most_kw for unit in about.system.generators])
    on = np.array([states.on for states in first.states], dtype=np.int64).T
    cost = probability * (about.day.length_h * about.day.penalties.output)[:, None]
    up, down = (build.columns(f"output {name}{label}", above.shape, upper=most, cost=cost) for name in ("up", "down"))
    row = build.rows(f"output against schedule{label}", above.shape, lower=0.0, upper=0.0)
    for column, value in ((above, 1.0), (on, least), (first.plan, -1.0), (up, -1.0), (down, 1.0)):
        build.coefficients(row, column, value)


def _state_reactive(build: ProgramBuilder, generator: Generator, on: IntArray, above: IntArray, label: str) -> IntArray:
    """Keep apparent power inside a polygon; only sides that some output between its limits can reach are stated."""
    cosine, sine, reach = polygon()
    most = generator.rating_kva
    reactive = build.columns(f"reactive {generator.name}{label}", on.shape, lower=-most, upper=most)
    for k in reachable_sides(generator):
        row = build.rows(f"apparent {k} {generator.name}{label}", on.shape, upper=0.0)
        build.coefficients(row, above, cosine[k])
        build.coefficients(row, reactive, sine[k])
        build.coefficients(row, on, cosine[k] * generator.least_kw - reach * most)
    return reactive


def reachable_sides(generator: Generator) -> list[int]:
    """Return the sides of the polygon that are tight at some output between the least and the greatest one."""
    cosine, sine, reach = polygon()
    limit = reach * generator.rating_kva
    ends = np.array([generator.least_kw, generator.most_kw])
    found: list[int] = []
    for sign in (1.0, -1.0):
        half = np.flatnonzero(sign * sine > 0.0)
        corners = [
            (sine[j] - sine[k]) * limit / (sine[j] * cosine[k] - sine[k] * cosine[j])
            for j in half
            for k in half
            if j < k
        ]
        output = np.clip(np.concatenate([ends, corners]), *ends)
        room = np.array([(limit - cosine[k] * output) / np.abs(sine[k]) for k in half])
        tight = room <= room.min(axis=0) + FEASIBILITY * (1.0 + limit)
        found += half[tight.any(axis=1)].tolist()
    return found


def _state_storages(
    build: ProgramBuilder, system: ActiveSystem, day: DayAhead, label: str
) -> tuple[IntArray, IntArray, IntArray, IntArray]:
    """State what is charged, discharged, stored and kept ready; a day ends with the energy that it began with."""
    shape = (day.length_h.size, len(system.storages))

    def each(name: str) -> FloatArray:
        return np.array([getattr(unit, name) for unit in system.storages]).reshape(-1)

    low, high = np.broadcast_to(each("energy_min_kwh"), shape).copy(), np.broadcast_to(each("energy_kwh"), shape).copy()
    start = each("initial_kwh")
    low[-1:] = high[-1:] = start
    charge = build.columns(f"charge{label}", shape, upper=each("charge_max_kw"))
    discharge = build.columns(f"discharge{label}", shape, upper=each("discharge_max_kw"))
    energy = build.columns(f"energy{label}", shape, lower=low, upper=high)
    ready = build.columns(f"ready{label}", shape, upper=each("discharge_max_kw"))
    length, out = day.length_h[:, None], each("discharge_efficiency")
    before = np.zeros(shape)
    before[:1] = start
    row = build.rows(f"energy{label}", shape, lower=before, upper=before)
    build.coefficients(row, energy, 1.0)
    build.coefficients(row[1:], energy[:-1], -1.0)
    build.coefficients(row, charge, -length * each("charge_efficiency"))
    build.coefficients(row, discharge, length / out)
    row = build.rows(f"power kept ready{label}", shape, upper=each("discharge_max_kw"))
    for column in (discharge, ready):
        build.coefficients(row, column, 1.0)
    row = build.rows(f"energy kept ready{label}", shape, lower=each("energy_min_kwh"))
    build.coefficients(row, energy, 1.0)
    build.coefficients(row, ready, -length / out)
    return charge, discharge, energy, ready


def _gives(
    system: ActiveSystem,
    bids: tuple[Bid, ...],
    first: FirstStage,
    columns: tuple[IntArray, IntArray, IntArray, IntArray, IntArray, IntArray],
    scenario: Scenario,
) -> Injections:
    """Return what every column gives at its bus."""
    above, reactive, renewable, charge, discharge, shed = columns
    periods, buses = scenario.load_kw.shape
    on = np.array([states.on for states in first.states], dtype=np.int64).reshape(-1, periods).T
    units = [unit.bus for unit in system.generators]
    least = np.array([unit.least_kw for unit in system.generators])
    positive = scenario.load_kw > 0.0
    share = np.where(positive, scenario.load_kvar / np.where(positive, scenario.load_kw, 1.0), 0.0)
    stores = [unit.bus for unit in system.storages]
    bid_share = np.array([bid.reactive_share for bid in bids])
    parts: list[tuple[IntArray, list[int], FloatArray | float, FloatArray | float]] = [
        (on, units, least, 0.0),
        (above, units, 1.0, 0.0),
        (reactive, units, 0.0, 1.0),
        (renewable, [unit.bus for unit in system.renewables], 1.0, 0.0),
        (charge, stores, -1.0, 0.0),
        (discharge, stores, 1.0, 0.0),
        (shed, list(range(buses)), 1.0, share),
        (first.accepted, [bid.bus for bid in bids], 1.0, bid_share),
    ]
    return Injections(
        np.concatenate([column for column, *_ in parts], axis=1),
        np.array([bus for _, own, *_ in parts for bus in own], dtype=np.int64),
        np.concatenate([np.broadcast_to(active, column.shape) for column, _, active, _ in parts], axis=1),
        np.concatenate([np.broadcast_to(kvar, column.shape) for column, _, _, kvar in parts], axis=1),
        scenario.load_kw,
        scenario.load_kvar,
    )


def _state_roots(
    build: ProgramBuilder, about: Setting, gives: Injections, label: str
) -> tuple[IntArray, IntArray, IntArray]:
    """Let each root give what its trees take."""
    roots = np.array(about.system.grid.roots)
    shape = (gives.column.shape[0], roots.size)
    limits = min(about.system.trade_max_kw, about.reach), about.reach
    root, reactive = (
        build.columns(f"{name}{label}", shape, lower=-most, upper=most)
        for name, most in zip(("root", "root reactive"), limits, strict=True)
    )
    fed = about.radial.root[:, None] == roots
    of = fed[gives.bus].argmax(axis=1)
    rows = []
    for name, column, load, value in (
        ("root balance", root, gives.load_kw, gives.active),
        ("root reactive balance", reactive, gives.load_kvar, gives.reactive),
    ):
        row = build.rows(f"{name}{label}", shape, lower=load @ fed, upper=load @ fed)
        build.coefficients(row, column, 1.0)
        build.coefficients(row[:, of], gives.column, value)
        rows.append(row)
    return root, reactive, np.array(rows)


def _state_trade(
    build: ProgramBuilder, about: Setting, number: int, first: FirstStage, roots: tuple[IntArray, IntArray], label: str
) -> tuple[IntArray, IntArray, IntArray]:
    """Let the roots give what was traded, and price what they give beside it."""
    scenario, penalty = about.day.scenarios[number], about.day.penalties
    prices, weight = scenario.prices, scenario.probability * about.day.length_h
    dear = np.stack([prices.buy + penalty.energy, prices.reactive + penalty.reactive])
    cheap = np.stack([penalty.energy - prices.sell, penalty.reactive - prices.reactive])
    most = 2.0 * len(about.system.grid.roots) * about.reach
    more = build.columns(f"more{label}", dear.shape, upper=most, cost=weight * dear)
    less = build.columns(f"less{label}", dear.shape, upper=most, cost=weight * cheap)
    balance = build.rows(f"traded{label}", dear.shape, lower=0.0, upper=0.0)
    for k in range(2):
        build.coefficients(balance[k][:, None], roots[k], -1.0)
        build.coefficients(balance[k], more[k], 1.0)
        build.coefficients(balance[k], less[k], -1.0)
    build.coefficients(balance[0], first.bought, 1.0)
    build.coefficients(balance[0], first.sold, -1.0)
    build.coefficients(balance[1], first.reactive, 1.0)
    return more, less, balance


def _state_reserve(
    build: ProgramBuilder,
    day: DayAhead,
    weight: FloatArray,
    first: FirstStage,
    held: tuple[IntArray, IntArray],
    label: str,
) -> tuple[IntArray, IntArray]:
    """Ask for the reserve that was sold and that is needed; what is missing costs its penalty."""
    reserve, ready = held
    need = np.stack([day.spinning_need_kw, day.regulating_need_kw])
    most = need + np.stack([np.full(weight.size, first.spinning_most), np.zeros(weight.size)])
    missing = build.columns(f"missing{label}", need.shape, upper=most, cost=weight * day.penalties.spinning)
    row = build.rows(f"reserve{label}", need.shape, lower=need)
    build.coefficients(row, missing, 1.0)
    for k in (SPINNING, REGULATING):
        build.coefficients(row[k][:, None], reserve[k], 1.0)
        build.coefficients(row[k][:, None], first.reserve[k], 1.0)
    build.coefficients(row[SPINNING][:, None], ready, 1.0)
    build.coefficients(row[SPINNING], first.spinning, -1.0)
    return missing, row
