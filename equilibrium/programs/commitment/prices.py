"""Prices that go with a schedule of whole units, and what they do not pay for.

No price supports every schedule: a unit may earn less than its cost at any of them. So prices are a rule, and three are
known here. Beside each stands its uplift, what is missing for every unit to be content.

``fixed-commitment``
    The states are fixed at the schedule's, and the linear program that is left is solved again: its multipliers are the
    prices (O'Neill et al. 2005). What starts cost is in no price.
``convex-hull``
    The multipliers of the linear relaxation. The relaxation of one unit is the convex hull of its schedules where its
    ramps do not bind and its start has one cost; then the sum of lost opportunities is as small as any prices can make
    it (Gribik, Hogan and Pope 2007; Hua and Baldick 2017). Elsewhere it is near to that.
``aelmp``, ``aelmp-online``
    Offers in which the least output is a block at its average cost and a start is spread over the greatest output, and
    no states (the approximate extended locational marginal price). ``aelmp-online`` leaves out units that are off.
    Reserve has no price there.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from equilibrium.arrays import FloatArray
from equilibrium.errors import InputError
from equilibrium.programs.commitment.program import Compiled, compile_commitment
from equilibrium.programs.commitment.schedule import Schedule
from equilibrium.programs.commitment.system import Demand, System, Unit
from equilibrium.programs.duality import Residuals, kkt_residuals
from equilibrium.programs.program import Instance
from equilibrium.programs.solvers import solve_linear, solve_mixed
from equilibrium.programs.solvers.choose import require_optimal

FIXED, HULL, AELMP, AELMP_ONLINE = "fixed-commitment", "convex-hull", "aelmp", "aelmp-online"
PRICE_RULES = (FIXED, HULL, AELMP, AELMP_ONLINE)
"""Names of the rules."""


@dataclass(frozen=True, eq=False)
class Prices:
    """Prices by a rule, what they rest on and what they leave unpaid.

    Attributes
    ----------
    rule
        One of :data:`PRICE_RULES`.
    energy
        Price of each bus, money per MWh, shape ``(buses, periods)``.
    reserve
        Price of each reserve, money per MW and hour, shape ``(reserves, periods)``.
    profit
        What each unit earns at these prices by the schedule, shape ``(units,)``.
    best_profit
        What it would earn by its own best schedule, shape ``(units,)``: a proved upper bound.
    residuals
        Of the linear program whose multipliers the prices are.
    schedule_gap
        Proved gap of the schedule, which the prices do not make smaller.
    rests_on
        In words.
    """

    rule: str
    energy: FloatArray
    reserve: FloatArray
    profit: FloatArray
    best_profit: FloatArray
    residuals: Residuals
    schedule_gap: float
    rests_on: str

    @property
    def lost_opportunity(self) -> FloatArray:
        """What each unit would need on top to follow the schedule gladly, shape ``(units,)``."""
        return np.maximum(0.0, self.best_profit - self.profit)

    @property
    def make_whole(self) -> FloatArray:
        """What each unit would need on top not to lose money, shape ``(units,)``."""
        return np.maximum(0.0, -self.profit)


_RESTS_ON = {
    FIXED: "multipliers of the linear program with the schedule's states",
    HULL: "multipliers of the linear relaxation; the convex hull where ramps do not bind and a start has one cost",
    AELMP: "multipliers of offers without states, start and least output spread over the output",
    AELMP_ONLINE: "multipliers of offers without states, of units that are on, start and least output spread over it",
}


def price_schedule(schedule: Schedule, rule: str = FIXED, solver: str = "auto") -> Prices:
    """Price a schedule by a rule and say what each unit lacks.

    Raises
    ------
    InputError
        For an unknown rule, and for a system with ancillary services or with fuels that are told apart.
    """
    if rule not in PRICE_RULES:
        raise InputError("prices", "rule", rule, f"one of {', '.join(PRICE_RULES)}")
    for name in ("services", "fuels"):
        if getattr(schedule.system, name):
            raise InputError("prices", name, len(getattr(schedule.system, name)), "none: they have no price here")
    for unit in schedule.system.units:
        if unit.burning is not None:
            raise InputError(unit.name, "burning", unit.burning.fuels, "none: what is burnt has no price here")
    system, compiled, instance = _priced(schedule, rule)
    solution = require_optimal(solve_linear(instance, solver), f"the program of the {rule} prices")
    energy = solution.y[compiled.balance] / system.hours
    reserve = np.array([solution.y[row] for row in compiled.reserve_rows]).reshape(-1, system.periods) / system.hours
    profit = np.array([_profit(schedule, k, energy, reserve) for k in range(len(schedule.system.units))])
    best = np.array([_best(schedule.system, unit, energy, reserve, solver) for unit in schedule.system.units])
    return Prices(
        rule=rule,
        energy=energy,
        reserve=reserve,
        profit=profit,
        best_profit=np.maximum(best, profit),
        residuals=kkt_residuals(instance, solution.x, solution.y),
        schedule_gap=schedule.gap,
        rests_on=_RESTS_ON[rule],
    )


def _priced(schedule: Schedule, rule: str) -> tuple[System, Compiled, Instance]:
    """Return the linear program of a rule, and where its balances stand."""
    system, compiled = schedule.system, schedule.compiled
    if rule == FIXED:
        at = np.flatnonzero(compiled.integer)
        return system, compiled, compiled.instance.with_columns(at, *(np.round(schedule.x[at]),) * 2)
    if rule == HULL:
        return system, compiled, compiled.instance
    offers = [
        offer
        for k, unit in enumerate(system.units)
        for offer in _offers(unit, system, None if rule == AELMP else schedule.on[k])
    ]
    spread = replace(system, units=(), reserves=(), demands=(*system.demands, *offers))
    stated = compile_commitment(spread)
    return spread, stated, stated.instance


def _offers(unit: Unit, system: System, on: FloatArray | None) -> list[Demand]:
    """Return the blocks of a unit without states: its least output at the average cost, and its segments."""
    power, cost = unit.curve(system.periods)
    start = unit.start_cost[0] / np.maximum(power[:, -1], np.finfo(np.float64).tiny) / system.hours
    least = np.where(power[:, 0] > 0.0, cost[:, 0] / np.where(power[:, 0] > 0.0, power[:, 0], 1.0), 0.0)
    width = np.concatenate([power[:, :1], np.diff(power, axis=1)], axis=1)
    step = np.where(width[:, 1:] > 0.0, width[:, 1:], 1.0)
    slope = np.concatenate([least[:, None], np.diff(cost, axis=1) / step], axis=1) + start[:, None]
    there = 1.0 if on is None else on.astype(np.float64)
    return [
        Demand(f"{unit.name} block {k}", -1.0, there * width[:, k], slope[:, k], unit.bus)
        for k in range(width.shape[1])
    ]


def _profit(schedule: Schedule, k: int, energy: FloatArray, reserve: FloatArray) -> float:
    """Return what a unit earns by the schedule."""
    system, columns = schedule.system, schedule.compiled.units[k]
    unit = system.units[k]
    income = system.hours * float(energy[system.at(unit.bus)] @ schedule.power[k])
    names = [each.name for each in system.reserves]
    for place, name in enumerate(unit.reserves):
        if reserve.size:
            income += system.hours * float(reserve[names.index(name)] @ schedule.x[columns.reserve[place]])
    return income - float(schedule.compiled.instance.cost[columns.own] @ schedule.x[columns.own])


def _best(system: System, unit: Unit, energy: FloatArray, reserve: FloatArray, solver: str) -> float:
    """Return a proved upper bound of what a unit earns by its own best schedule at given prices."""
    names = [each.name for each in system.reserves]
    bus = unit.bus or system.buses[0]
    sold = Demand(" sold", 1.0, np.inf, energy[system.at(bus)], bus)
    held = tuple(replace(each, amount=0.0) for each in system.reserves if each.name in unit.reserves)
    alone = System(system.periods, {bus: 0.0}, (unit,), demands=(sold,), reserves=held, hours=system.hours)
    compiled = compile_commitment(alone)
    cost = compiled.instance.cost.copy()
    if reserve.size:
        for place, name in enumerate(unit.reserves):
            cost[compiled.units[0].reserve[place]] = -system.hours * reserve[names.index(name)]
    answer = solve_mixed(compiled.instance.with_cost(cost), compiled.integer, solver)
    return -answer.bound
