"""Prices of a scheduled day by named rules, and what they leave unpaid.

The rules are those of :mod:`equilibrium.programs.commitment.prices`, also with scenarios (:mod:`.offers`). The price of
energy at a bus is what one kW more of load there costs in expectation: the multiplier of its root's balance, and what
it does to voltages and ratings. Of a generator's rows only its own are its problem; all others are the market's, and
their multipliers are what the market pays it. The value of being on against outages (F2) is in no price.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from equilibrium.arrays import FloatArray
from equilibrium.errors import InputError
from equilibrium.markets.two_settlement.network import LimitRow
from equilibrium.markets.two_settlement.offers import clear_offers
from equilibrium.markets.two_settlement.own import own_columns, own_rows, unpriced_rows
from equilibrium.markets.two_settlement.search import Asked, DaySearch
from equilibrium.programs.branching import Branched, branch
from equilibrium.programs.commitment.prices import AELMP, AELMP_ONLINE, FIXED, HULL, PRICE_RULES, Prices
from equilibrium.programs.duality import kkt_residuals, reduced_costs
from equilibrium.programs.program import Instance

_RESTS_ON = {
    FIXED: "multipliers of the linear program with the schedule's states",
    HULL: "multipliers of the linear relaxation of the day; the convex hull where no ramp and no reserve binds",
    AELMP: "multipliers of offers without states in every scenario, start and least output spread over the output",
    AELMP_ONLINE: "multipliers of offers without states in every scenario, of generators that are on, spread likewise",
}


def check_rules(rules: tuple[str, ...]) -> tuple[str, ...]:
    """Refuse a rule that is none."""
    for rule in rules:
        if rule not in PRICE_RULES:
            raise InputError("day-ahead market", "prices", rule, f"one of {', '.join(PRICE_RULES)}")
    return rules


def price_day(search: DaySearch, asked: Asked, found: Branched, rule: str) -> Prices:
    """Return the prices of a schedule by a rule.

    Energy has the shape ``(buses, T)``, per kWh; reserve ``(2, T)``, per kW kept ready for an hour.
    """
    compiled = search.compiled
    instance, x, y, schedule, limits = found.fixed, found.x, found.y, found.fixed, search.limits
    if rule == HULL:
        relaxed = search.relaxed(asked)
        instance, x, y, schedule = relaxed.fixed, relaxed.x, relaxed.y, relaxed.fixed
    elif rule != FIXED:
        on = np.array([np.round(found.x[states.on]) > 0.0 for states in compiled.first.states], dtype=np.bool_).T
        offered = clear_offers(search, asked, on if rule == AELMP_ONLINE else None)
        instance, x, y, schedule, limits = offered.instance, offered.x, offered.y, offered.schedule, offered.limits
    profit, best = _profits(search, schedule, found.x, y)
    return Prices(
        rule=rule,
        energy=_energy(search, instance, y, limits),
        reserve=sum(y[each.reserve_rows] for each in compiled.scenarios) / compiled.setting.day.length_h,
        profit=profit,
        best_profit=np.maximum(best, profit),
        residuals=kkt_residuals(instance, x, y),
        schedule_gap=found.gap,
        rests_on=_RESTS_ON[rule],
    )


def _energy(search: DaySearch, instance: Instance, y: FloatArray, limits: list[LimitRow]) -> FloatArray:
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
    for multiplier, limit in zip(y[base:].tolist(), limits, strict=False):
        price[limit.period] -= multiplier * limit.weight[0]
    return np.asarray((price / about.day.length_h[:, None]).T)


def _profits(search: DaySearch, instance: Instance, x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return what each generator earns by the schedule, and a proved bound of what it could earn by its own best."""
    compiled = search.compiled
    cost = search.robust.instance.cost
    paid = y.copy()
    paid[unpriced_rows(compiled, instance)] = 0.0
    profit, best = [], []
    for k in range(len(compiled.first.units)):
        own = own_columns(compiled, k)
        inside, outside = own_rows(instance, own)
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
