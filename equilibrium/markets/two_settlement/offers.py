"""A scheduled day in which generators are offers without states: the linear program behind `aelmp` prices.

In one scenario a unit's offer is two blocks, its least output at the average cost and what is above it, with the cost
of a start spread over its greatest output, and nothing joins its periods. With scenarios the same holds in each of
them: what is a whole state before any of them is known becomes a part of a state in every one. Trade, bids, storage and
the network stay what they are, and so does what is fixed before a scenario is known. There is no reserve.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp

from equilibrium.arrays import BoolArray, FloatArray, IntArray
from equilibrium.errors import SolverError
from equilibrium.markets.two_settlement.day_ahead import Compiled
from equilibrium.markets.two_settlement.network import Injections, LimitRow, broken_limits, rows_of
from equilibrium.markets.two_settlement.operation import Operation
from equilibrium.markets.two_settlement.own import own_columns, own_rows, unpriced_rows
from equilibrium.markets.two_settlement.search import PROFIT, Asked, DaySearch
from equilibrium.programs.branching import Rows, branch
from equilibrium.programs.program import INF, Instance


@dataclass(frozen=True, eq=False)
class Offered:
    """The optimum of the offers.

    Attributes
    ----------
    instance, x, y
        The program, its point and its multipliers. Its first rows are those of the day's program, then come limits.
    schedule
        The day's program with the same limits, over the columns of the day.
    limits
        The limits of the network, in the order of the last rows.
    """

    instance: Instance
    x: FloatArray
    y: FloatArray
    schedule: Instance
    limits: list[LimitRow]


def clear_offers(search: DaySearch, asked: Asked, on: BoolArray | None) -> Offered:
    """Return the optimum of the offers of a day.

    Parameters
    ----------
    on
        Which generator may give when, shape ``(T, generators)``; ``None`` is every one at any time.

    Raises
    ------
    SolverError
        When the program has no optimum.
    """
    compiled = search.compiled
    stated = search.stated(asked)
    part, instance = _stateless(search, stated, on)
    injections = tuple(
        _partly(compiled, each.injections, own) for each, own in zip(compiled.scenarios, part, strict=True)
    )
    limits: list[LimitRow] = []

    def broken(x: FloatArray) -> Rows | None:
        found = broken_limits(compiled.setting.radial, injections, x)
        limits.extend(found)
        return rows_of(found, instance.shape[1]) if found else None

    nothing = np.zeros(instance.shape[1], dtype=np.bool_)
    found = branch(instance, nothing, broken=broken, solver=search.solver)
    if not found.x.size:
        raise SolverError("the program of the aelmp prices has no optimum")
    back = _back(compiled, part, instance.shape[1])
    added = found.fixed.matrix[stated.shape[0] :] @ back
    ends = (found.fixed.row_lower[stated.shape[0] :], found.fixed.row_upper[stated.shape[0] :])
    schedule = stated.with_rows(sp.csr_array(added), *ends)
    return Offered(found.fixed, found.x, found.y, schedule, [*search.limits, *limits])


def _states(compiled: Compiled) -> IntArray:
    """Return the columns of the states, shape ``(T, generators)``."""
    on = [states.on for states in compiled.first.states]
    return np.array(on, dtype=np.int64).reshape(len(on), -1).T


def _stateless(search: DaySearch, stated: Instance, on: BoolArray | None) -> tuple[IntArray, Instance]:
    """Return the columns of parts of states, shape ``(scenarios, T, generators)``, and the program with them."""
    compiled = search.compiled
    states, count = _states(compiled), len(compiled.scenarios)
    part = stated.shape[1] + np.arange(count * states.size).reshape(count, *states.shape)
    lower, upper = stated.row_lower.copy(), stated.row_upper.copy()
    copies = []
    for each in compiled.scenarios:
        inside = _rows_with(stated, _columns(each))
        copies.append(sp.diags_array(inside.astype(np.float64)) @ sp.csc_array(stated.matrix)[:, states.ravel()])
    joined = sp.lil_array(sp.hstack([stated.matrix, *copies]))
    for k, unit in enumerate(compiled.setting.system.generators):
        above = np.concatenate([each.above[:, k] for each in compiled.scenarios])
        reactive = np.concatenate([each.reactive[:, k] for each in compiled.scenarios])
        place = {int(column): own for column, own in zip(above.tolist(), part[:, :, k].ravel().tolist(), strict=True)}
        rows = own_rows(stated, own_columns(compiled, k))[0]
        sides = _rows_with(stated, reactive)[rows]
        lower[rows], upper[rows] = -INF, INF
        for row in rows[sides].tolist():  # a side of the polygon: what is given stands against the whole rating
            of = slice(*stated.matrix.indptr[row : row + 2])
            entries = dict(zip(stated.matrix.indices[of].tolist(), stated.matrix.data[of].tolist(), strict=True))
            column = next(each for each in entries if each in place)
            state = next(each for each in entries if each in states[:, k])
            joined[row, place[column]] = entries[column] * unit.least_kw
            upper[row] = entries[column] * unit.least_kw - entries[state]
    free = _joining(search, stated)
    lower[free], upper[free] = -INF, INF
    cost, low, high = _bounds(search, stated, part, on)
    return part, Instance(sp.csr_array(joined), cost, lower, upper, low, high)


def _joining(search: DaySearch, stated: Instance) -> IntArray:
    """Return the rows that have no place without states and reserve: F2, limits of the objectives, reserves."""
    compiled = search.compiled
    limits = search.robust.instance.shape[0] + np.arange(search.costs.shape[0])
    reserves = [each.reserve_rows.ravel() for each in compiled.scenarios]
    return np.unique(np.concatenate([unpriced_rows(compiled, stated), limits, *reserves]))


def _bounds(
    search: DaySearch, stated: Instance, part: IntArray, on: BoolArray | None
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return costs and bounds of the columns."""
    compiled = search.compiled
    length, states = compiled.setting.day.length_h, _states(compiled)
    cost = np.concatenate([search.costs[PROFIT], np.zeros(part.size)])
    low = np.concatenate([stated.col_lower, np.zeros(part.size)])
    high = np.concatenate([stated.col_upper, np.ones(part.size)])
    idle = [compiled.first.spinning, *compiled.tabled]
    for state in compiled.first.states:
        idle += [state.on, state.start, state.stop, state.tier]
    for operation in compiled.scenarios:
        idle += [operation.reserve, operation.ready, operation.missing]
    for columns in idle:
        low[columns], high[columns] = 0.0, 0.0
    there = np.ones(states.shape) if on is None else on.astype(np.float64)
    for k, (generator, unit) in enumerate(zip(compiled.setting.system.generators, compiled.first.units, strict=True)):
        running = unit.curve(length.size)[1][:, 0] * length
        spread = unit.start_cost[0] / generator.most_kw
        for s, (each, scenario) in enumerate(zip(compiled.scenarios, compiled.setting.day.scenarios, strict=True)):
            cost[part[s, :, k]] = scenario.probability * (running + spread * generator.least_kw)
            cost[each.above[:, k]] += scenario.probability * spread
            high[part[s, :, k]] = there[:, k]
            high[each.above[:, k]] *= there[:, k]
    return cost, low, high


def _columns(operation: Operation) -> IntArray:
    """Return the columns of a scenario's operation."""
    names = ("above", "reserve", "reactive", "renewable", "charge", "discharge", "energy", "ready", "shed", "root",
             "root_reactive", "more", "less", "missing")  # fmt: skip
    return np.concatenate([getattr(operation, name).ravel() for name in names])


def _rows_with(instance: Instance, columns: IntArray) -> BoolArray:
    """Tell which rows hold one of these columns."""
    among = np.zeros(instance.shape[1])
    among[columns] = 1.0
    return np.asarray((instance.matrix != 0) @ among) > 0.0


def _partly(compiled: Compiled, injections: Injections, part: IntArray) -> Injections:
    """Return what a scenario's columns give where parts of states stand for states."""
    place = dict(zip(_states(compiled).ravel().tolist(), part.ravel().tolist(), strict=True))
    columns = np.array([place.get(each, each) for each in injections.column.ravel().tolist()], dtype=np.int64)
    return replace(injections, column=columns.reshape(injections.column.shape))


def _back(compiled: Compiled, part: IntArray, columns: int) -> sp.csr_array:
    """Return the map of rows over all columns to rows over those of the day."""
    days = columns - part.size
    to = np.arange(columns)
    to[part.ravel()] = np.broadcast_to(_states(compiled), part.shape).ravel()
    return sp.csr_array((np.ones(columns), (np.arange(columns), to)), shape=(columns, days))
