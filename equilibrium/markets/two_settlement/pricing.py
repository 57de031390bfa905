"""Prices of a scheduled day by named rules, and what they leave unpaid.

The rules are those of :mod:`equilibrium.programs.commitment.prices` that suit a day with scenarios. The price of energy
at a bus is what one kW more of load there costs in expectation: the multiplier of its root's balance, and what it does
to voltages and ratings. Of a generator's rows only its own are its problem; all others are the market's, and their
multipliers are what the market pays it. The value of being on against outages (F2) is in no price.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from equilibrium.arrays import FloatArray, IntArray
from equilibrium.errors import InputError
from equilibrium.markets.two_settlement.day_ahead import Compiled
from equilibrium.markets.two_settlement.search import Asked, DaySearch
from equilibrium.programs.branching import Branched, branch
from equilibrium.programs.commitment.prices import FIXED, HULL, Prices
from equilibrium.programs.duality import kkt_residuals, reduced_costs
from equilibrium.programs.program import Instance

DAY_RULES = (FIXED, HULL)
"""Names of the rules."""

_RESTS_ON = {
    FIXED: "multipliers of the linear program with the schedule's states",
    HULL: "multipliers of the linear relaxation of the day; the convex hull where no ramp and no reserve binds",
}


def check_rules(rules: tuple[str, ...]) -> tuple[str, ...]:
    """Refuse a rule that is none."""
    for rule in rules:
        if rule not in DAY_RULES:
            raise InputError("day-ahead market", "prices", rule, f"one of {', '.join(DAY_RULES)}")
    return rules


def price_day(search: DaySearch, asked: Asked, found: Branched, rule: str) -> Prices:
    """Return the prices of a schedule by a rule.

    Energy has the shape ``(buses, T)``, per kWh; reserve ``(2, T)``, per kW kept ready for an hour.
    """
    instance, x, y = found.fixed, found.x, found.y
    if rule == HULL:
        relaxed = search.relaxed(asked)
        instance, x, y = relaxed.fixed, relaxed.x, relaxed.y
    compiled = search.compiled
    profit, best = _profits(search, instance, found.x, y)
    return Prices(
        rule=rule,
        energy=_energy(search, instance, y),
        reserve=sum(y[each.reserve_rows] for each in compiled.scenarios) / compiled.setting.day.length_h,
        profit=profit,
        best_profit=np.maximum(best, profit),
        residuals=kkt_residuals(instance, x, y),
        schedule_gap=found.gap,
        rests_on=_RESTS_ON[rule],
    )


def _energy(search: DaySearch, instance: Instance, y: FloatArray) -> FloatArray:
    """Return the expected price of energy at every bus, shape ``(buses, T)``."""
    compiled = search.compiled
    about = compiled.setting
    fed = about.radial.root[:, None] == np.array(about.system.grid.roots)
    price = np.zeros(about.day.scenarios[0].load_kw.shape)
    z = reduced_costs(instance, y)
    for each in compiled.scenarios:
        price += y[each.root_balance[0]] @ fed.T
        price += np.minimum(z[each.shed], 0.0)  # where all of a load is shed, one kW more is shed too
    base = search.robust.instance.shape[0] + search.costs.shape[0]
    for multiplier, limit in zip(y[base:].tolist(), search.limits, strict=False):
        price[limit.period] -= multiplier * limit.weight[0]
    return np.asarray((price / about.day.length_h[:, None]).T)


def _profits(search: DaySearch, instance: Instance, x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return what each generator earns by the schedule, and a proved bound of what it could earn by its own best."""
    compiled = search.compiled
    cost = search.robust.instance.cost
    paid = y.copy()
    paid[_unpriced(compiled, instance)] = 0.0
    profit, best = [], []
    for k in range(len(compiled.first.units)):
        own = _own(compiled, k)
        inside, outside = _rows(instance, own)
        income = instance.matrix[outside][:, own].T @ paid[outside]
        profit.append(float((income - cost[own]) @ x[own]))
        alone = Instance(
            sp.csr_array(instance.matrix[inside][:, own]),
            cost[own] - income,
            instance.row_lower[inside],
            instance.row_upper[inside],
            compiled.instance.col_lower[own],
            compiled.instance.col_upper[own],
        )
        best.append(-branch(alone, compiled.integer[own], solver=search.solver).bound)
    return np.array(profit), np.array(best)


def _own(compiled: Compiled, k: int) -> IntArray:
    """Return the columns of a generator: its states, and its outputs and reserves in every scenario."""
    states = compiled.first.states[k]
    parts = [states.on, states.start, states.stop, states.tier]
    for each in compiled.scenarios:
        parts += [each.above[:, k], each.reactive[:, k], each.reserve[:, :, k]]
    return np.concatenate([part.ravel() for part in parts])


def _rows(instance: Instance, own: IntArray) -> tuple[IntArray, IntArray]:
    """Return the rows that hold own columns alone, and those that hold others too."""
    inside = np.zeros(instance.shape[1], dtype=np.bool_)
    inside[own] = True
    entries = np.diff(instance.matrix.indptr)
    count = np.asarray((instance.matrix != 0) @ inside.astype(np.float64))
    return np.flatnonzero((count > 0) & (count == entries)), np.flatnonzero((count > 0) & (count < entries))


def _unpriced(compiled: Compiled, instance: Instance) -> IntArray:
    """Return the rows that join states to the cost of outages: what they are worth is in no price."""
    states = np.zeros(instance.shape[1])
    for columns in compiled.tabled:
        states[columns] = 1.0
    return np.flatnonzero(np.asarray((instance.matrix != 0) @ states))
