"""The day ahead as one mixed-integer program: states, trade and bids before, operation in every scenario after.

    maximise    F1 = trade + reserve sold - bids - generators - deviations - load shed
    minimise    F2 = expected cost of what outages leave unserved

The first stage is fixed before a scenario is known, the second follows it (:mod:`.operation`). States of generators are
alone in being whole. F2 is a sum of tables over states (:mod:`equilibrium.grid.unserved`); voltages and ratings come
into the program where a point breaks them (:mod:`.network`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor

import numpy as np

from equilibrium.arrays import BoolArray, FloatArray, IntArray
from equilibrium.grid.unserved import Table
from equilibrium.markets.two_settlement.exposure import state_exposure
from equilibrium.markets.two_settlement.network import Radial
from equilibrium.markets.two_settlement.operation import (
    REGULATING,
    SPINNING,
    FirstStage,
    Operation,
    Setting,
    state_operation,
)
from equilibrium.markets.two_settlement.system import ActiveSystem, DayAhead, Generator, expected_prices
from equilibrium.programs.commitment.program import state_states
from equilibrium.programs.commitment.system import Unit
from equilibrium.programs.program import Instance, ProgramBuilder
from equilibrium.programs.tabled import add_table


@dataclass(frozen=True, eq=False)
class Compiled:
    """The program and where what is in it.

    Attributes
    ----------
    instance
        The program without rows of the network; its cost is ``-F1``.
    interruption
        F2 as a cost of the columns, shape ``(columns,)``.
    tabled
        Columns of the states of each table of F2, shape ``(T, states)``.
    integer
        Which columns are whole: the generators' states.
    setting, first, scenarios
        What it is about, the first stage, and the operation of every scenario.
    net
        Columns of what is bought less what is sold, shape ``(T,)``.
    exposed
        Columns of what a turn of net load costs (:mod:`.exposure`), one for periods that are held together.
    """

    instance: Instance
    interruption: FloatArray
    tabled: tuple[IntArray, ...]
    integer: BoolArray
    setting: Setting
    first: FirstStage
    scenarios: tuple[Operation, ...]
    net: IntArray
    exposed: IntArray


def compile_day_ahead(
    system: ActiveSystem, radial: Radial, day: DayAhead, tables: Sequence[Table], *, arbitrage: bool = True
) -> Compiled:
    """State the program of a day.

    Parameters
    ----------
    tables
        The expected cost of what outages leave unserved, in every period and state of the generators.
    arbitrage
        Whether storage may be used and more may be sold than the operator's own units make.
    """
    setting = Setting(system, radial, day, _reach(system, day))
    build = ProgramBuilder()
    first = _state_first(build, setting)
    net = _state_net(build, first, setting)
    on = np.array([states.on for states in first.states], dtype=np.int64).reshape(-1, day.length_h.size).T
    states = [add_table(build, f"of {k}", on[:, list(each.units)], 0.0 * each.cost) for k, each in enumerate(tables)]
    scenarios = tuple(state_operation(build, setting, k, first) for k in range(len(day.scenarios)))
    exposed = state_exposure(build, setting, first, scenarios)
    if not arbitrage:
        _state_own(build, system, first, scenarios)
    instance = build.compile().bind({})
    interruption = np.zeros(instance.shape[1])
    for columns, table in zip(states, tables, strict=True):
        interruption[columns] = table.cost
    if not arbitrage:
        for each in scenarios:
            for idle in (each.charge, each.discharge, each.ready):
                instance = instance.with_columns(idle, 0.0, 0.0)
    integer = np.zeros(instance.shape[1], dtype=np.bool_)
    integer[on] = True
    bounded = _bounded(instance, setting, scenarios)
    return Compiled(bounded, interruption, tuple(states), integer, setting, first, scenarios, net, exposed)


def _state_own(build: ProgramBuilder, system: ActiveSystem, first: FirstStage, scenarios: Sequence[Operation]) -> None:
    """Let no more be sold than generators, sun and wind make in every scenario."""
    least = np.array([unit.least_kw for unit in system.generators])
    on = np.array([states.on for states in first.states], dtype=np.int64).reshape(-1, first.sold.size).T
    for k, each in enumerate(scenarios):
        row = build.rows(f"own in {k}", first.sold.shape, upper=0.0)
        build.coefficients(row, first.sold, 1.0)
        build.coefficients(row[:, None], each.above, -1.0)
        build.coefficients(row[:, None], on, -least)
        build.coefficients(row[:, None], each.renewable, -1.0)


def _reach(system: ActiveSystem, day: DayAhead) -> float:
    """Return the power that all loads, sources and bids together cannot exceed."""
    sources = sum(unit.rating_kva for unit in system.generators) + sum(unit.rated_kw for unit in system.renewables)
    sources += sum(unit.charge_max_kw + unit.discharge_max_kw for unit in system.storages)
    bids = sum((1.0 + abs(bid.reactive_share)) * float(np.abs(bid.power_kw).max()) for bid in day.bids)
    loads = [np.abs(each.load_kw).sum(axis=1) + np.abs(each.load_kvar).sum(axis=1) for each in day.scenarios]
    available = max(float(each.available_kw.sum(axis=1).max()) for each in day.scenarios)
    return sources + bids + available + float(np.max(loads))


def as_unit(generator: Generator, length_h: float) -> Unit:
    """Return a generator as a unit of a commitment, with durations in periods."""
    least, most = generator.least_kw, generator.most_kw
    running = generator.idle_cost_per_h + generator.cost_per_kwh * np.array([least, most])
    ramp = generator.ramp_kw_per_h * length_h
    before = generator.on_before_h / length_h
    return Unit(
        name=generator.name,
        power=np.array([least, most]),
        cost=running,
        start_cost=(generator.start_cost,),
        ramp_up=ramp,
        ramp_down=ramp,
        start_limit=max(least, ramp),
        stop_limit=max(least, ramp),
        min_up=max(1, ceil(generator.min_up_h / length_h)),
        min_down=max(1, ceil(generator.min_down_h / length_h)),
        initial=max(1, floor(before)) if before > 0.0 else min(-1, ceil(before)),
        initial_power=generator.before_kw,
        reserves=("spinning", "regulating"),
    )


def _state_first(build: ProgramBuilder, about: Setting) -> FirstStage:
    """State what is fixed before a scenario is known, at prices that are expected."""
    system, day = about.system, about.day
    length, shape = day.length_h, (day.length_h.size,)
    units = tuple(as_unit(generator, float(length[0])) for generator in system.generators)
    states = tuple(state_states(build, unit, shape[0], float(length[0])) for unit in units)
    mean = expected_prices(day.scenarios)
    most = len(system.grid.roots) * min(about.reach, system.trade_max_kw)
    bought = build.columns("bought", shape, upper=most, cost=length * mean.buy)
    sold = build.columns("sold", shape, upper=most, cost=-length * mean.sell)
    free = system.reactive_share is None
    most_kvar = len(system.grid.roots) * about.reach if free else abs(system.reactive_share or 0.0) * most
    reactive = build.columns("kvar", shape, lower=-most_kvar, upper=most_kvar, cost=length * mean.reactive)
    if not free:
        row = build.rows("share of kvar", shape, lower=0.0, upper=0.0)
        build.coefficients(row, reactive, 1.0)
        build.coefficients(row, bought, -float(system.reactive_share or 0.0))
        build.coefficients(row, sold, float(system.reactive_share or 0.0))
    ready = sum(unit.most_kw for unit in system.generators) + sum(float(bid.spinning_kw.max()) for bid in day.bids)
    ready += sum(unit.discharge_max_kw for unit in system.storages)
    spinning = build.columns("spinning", shape, upper=ready, cost=-length * mean.spinning)
    accepted, reserve = _state_bids(build, day)
    plan = np.zeros((shape[0], 0), dtype=np.int64)
    if (day.penalties.output > 0.0).any() and units:
        outputs = np.array([unit.most_kw for unit in system.generators])
        plan = build.columns("plan", (shape[0], len(units)), upper=outputs)
    first = FirstStage(units, states, bought, sold, reactive, spinning, accepted, reserve, plan, ready)
    _hold(build, first, day.held)
    return first


def _hold(build: ProgramBuilder, first: FirstStage, held: int) -> None:
    """Keep what is fixed before the same over periods that belong together."""
    inside = np.flatnonzero(np.arange(first.bought.size) % held)
    if not inside.size:
        return
    on = np.array([states.on for states in first.states], dtype=np.int64).reshape(-1, first.bought.size).T
    series = [each[:, None] for each in (first.bought, first.sold, first.reactive, first.spinning)]
    series += [first.accepted, first.reserve[SPINNING], first.reserve[REGULATING], first.plan, on]
    columns = np.concatenate(series, axis=1)
    row = build.rows("held", (inside.size, columns.shape[1]), lower=0.0, upper=0.0)
    build.coefficients(row, columns[inside], 1.0)
    build.coefficients(row, columns[inside - 1], -1.0)


def _state_bids(build: ProgramBuilder, day: DayAhead) -> tuple[IntArray, IntArray]:
    """State what is accepted of the bids."""
    shape = (day.length_h.size, len(day.bids))

    def series(name: str) -> FloatArray:
        return np.array([getattr(bid, name) for bid in day.bids]).reshape(-1, shape[0]).T

    power, must = series("power_kw"), np.array([bid.must_take for bid in day.bids], dtype=np.bool_)
    price = np.where(power > 0.0, series("sold_price"), series("bought_price"))
    length = day.length_h[:, None]
    fixed = must & (power < 0.0)
    accepted = build.columns(
        "accepted",
        shape,
        lower=np.minimum(power, 0.0),
        upper=np.where(fixed, power, np.maximum(power, 0.0)),
        cost=length * price,
    )
    offers = [(series(f"{name}_kw"), series(f"{name}_price")) for name in ("spinning", "regulating")]
    reserve = build.columns(
        "accepted reserve",
        (2, *shape),
        upper=np.stack([offer for offer, _ in offers]),
        cost=np.stack([length * each for _, each in offers]),
    )
    return accepted, reserve


def _state_net(build: ProgramBuilder, first: FirstStage, about: Setting) -> IntArray:
    """State what is bought less what is sold: what a price that turns is paid on."""
    most = len(about.system.grid.roots) * min(about.reach, about.system.trade_max_kw)
    net = build.columns("net", first.bought.shape, lower=-most, upper=most)
    row = build.rows("net", first.bought.shape, lower=0.0, upper=0.0)
    build.coefficients(row, net, 1.0)
    build.coefficients(row, first.bought, -1.0)
    build.coefficients(row, first.sold, 1.0)
    return net


def _bounded(instance: Instance, about: Setting, scenarios: Sequence[Operation]) -> Instance:
    """Give the reserves of generators the limits that their outputs imply, so that every column has some."""
    most = np.array([unit.most_kw - unit.least_kw for unit in about.system.generators])
    for each in scenarios:
        for k in (SPINNING, REGULATING):
            columns = each.reserve[k]
            instance = instance.with_columns(columns, 0.0, np.broadcast_to(most, columns.shape))
    return instance
