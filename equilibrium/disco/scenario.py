"""One scenario from its numbers to its proof: lower level, company's stage, residuals; without state."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from equilibrium.directions import EXACT_TOLERANCE
from equilibrium.disco.accounts import amounts, company_profit, read_scenario
from equilibrium.disco.checks import purchase_price
from equilibrium.disco.clearing import ScenarioClearing
from equilibrium.disco.common import state_common
from equilibrium.disco.day import DiscoDay
from equilibrium.disco.diagnosis import diagnose
from equilibrium.disco.exclusive import solve_one_way, solve_stage_one_way
from equilibrium.disco.lower import LowerLevel, lot_cost, solve_lower
from equilibrium.disco.pessimistic import robust_purchase, worst_dispatch, worst_payments
from equilibrium.disco.supply import Supply
from equilibrium.disco.upper import Columns, Dispatch, Master, NoDispatchError, Part, Stage, state_recourse
from equilibrium.disco.vehicles import VehicleProgram, merge_identical, state_vehicles, with_reachable_wishes
from equilibrium.duality import Residuals, kkt_residuals
from equilibrium.errors import InfeasibleError
from equilibrium.lossy import square_gaps
from equilibrium.network import FloatArray, IntArray, Network
from equilibrium.program import ProgramBuilder

MODES = ("strict", "strict-exclusive", "windows", "windows-strict")
"""Behaviour of the lots; see :class:`equilibrium.disco.market.DiscoMarket`."""

BOTH_WAYS_KW = 1e-6
"""A vehicle charges and discharges at once when both powers exceed this, kW."""


@dataclass(frozen=True, eq=False)
class Prepared:
    """A scenario's vehicles and their lower level.

    Attributes
    ----------
    groups
        For each lot, the row that stands for each vehicle of its batch.
    lower
        The lots' own optimum.
    part
        The scenario as the company's stage sees it.
    unreachable
        How many wishes were changed to what can be reached.
    """

    vehicles: VehicleProgram
    groups: tuple[IntArray, ...]
    lower: LowerLevel
    part: Part
    unreachable: int


@dataclass(frozen=True, eq=False)
class Proved:
    """A cleared scenario with what its certificate is made of.

    Attributes
    ----------
    clearing
        The scenario's result.
    company_bound
        Proven upper bound on the company's profit over what it may choose, currency.
    lot_bound
        The same for each lot on its own, shape ``(lots,)``.
    residuals
        Of all linear programs.
    both_ways
        Vehicle-hours of charging and discharging at once.
    loose
        Greatest distance of a square from its secants, relative.
    pessimistic
        Interval of the company's profit if lots broke their ties against it, currency.
    """

    clearing: ScenarioClearing
    company_bound: float
    lot_bound: FloatArray
    residuals: tuple[Residuals, ...]
    both_ways: float
    loose: float
    pessimistic: tuple[float, float]
    unreachable: int
    rounds: int
    seconds: float
    solver: str
    notes: tuple[str, ...] = field(default=())


def prepare(
    network: Network, supply: Supply, day: DiscoDay, number: int, mode: str, *, best_effort: bool, solver: str
) -> Prepared:
    """State a scenario's vehicles, solve its lower level, and put together what the company may choose from."""
    scenario = day.scenarios[number]
    windows, one_way = mode.startswith("windows"), mode == "strict-exclusive"
    always = np.ones(day.periods, dtype=bool)
    charge = day.charge_window if windows else always
    discharge = day.discharge_window if windows else always
    batches, groups, unreachable = [], [], 0
    for site, batch in zip(network.lots, scenario.vehicles, strict=True):
        reachable, changed = with_reachable_wishes(
            batch, site, charge, discharge, day.period_h, best_effort=best_effort
        )
        merged, group = (reachable, np.arange(batch.size)) if one_way else merge_identical(reachable)
        batches.append(merged)
        groups.append(group)
        unreachable += changed
    vehicles = state_vehicles(batches, network.lots, charge, discharge, day.period_h)
    cost, asked = lot_cost(vehicles, day.tariffs, day.period_h), None
    if one_way:
        lower, asked = solve_one_way(vehicles, cost, solver)
    else:
        lower = solve_lower(vehicles, cost, solver)
    feasible = vehicles.instance if mode == "windows" else lower.face
    part = Part(
        vehicles,
        feasible.with_cost(company_cost(vehicles, day)),
        supply.scenario(day.load_kw, day.load_kvar, scenario.renewable_kw),
        day.period_h * purchase_price(day, scenario),
        asked,
    )
    return Prepared(vehicles, tuple(groups), lower, part, unreachable)


def company_cost(vehicles: VehicleProgram, day: DiscoDay) -> FloatArray:
    """Return what the company pays for the vehicles' powers, purchase apart: (1), second line, per column."""
    hours, period = day.period_h * vehicles.weight, vehicles.period
    return vehicles.cost(-hours * day.tariffs.lot_buys[period], hours * day.tariffs.lot_sells[period])


def solve_stage(
    parts: Sequence[Part],
    solver: str,
    state: Callable[[ProgramBuilder, Sequence[Part]], Columns] = state_recourse,
) -> Stage:
    """Solve the company's stage, with or without binaries."""
    if any(part.one_way is not None for part in parts):
        return solve_stage_one_way(parts, solver, state)
    return Master(parts, solver, state).solve()


def by_lot(vehicles: VehicleProgram, per_vehicle: FloatArray, lots: int) -> FloatArray:
    """Sum what single vehicles of each row earn over the lots, shape ``(lots,)``."""
    return np.bincount(vehicles.lot, vehicles.count * per_vehicle, lots).astype(np.float64)


def clear_scenario(
    network: Network, supply: Supply, day: DiscoDay, number: int, mode: str, *, best_effort: bool, solver: str
) -> Proved:
    """Clear one scenario on its own: purchases are recourse, so no other scenario enters."""
    prepared = prepare(network, supply, day, number, mode, best_effort=best_effort, solver=solver)
    supply.model.rewind()
    try:
        stage = solve_stage([prepared.part], solver)
    except NoDispatchError:
        raise diagnose(prepared.part, number, solver) from None
    proved = prove(supply, day, number, prepared, stage.dispatches[0])
    return replace(
        proved,
        company_bound=proved.company_bound + stage.gap,
        residuals=(*proved.residuals, stage.residuals),
        pessimistic=_pessimistic(prepared.part, proved, stage, solver) if mode != "windows" else proved.pessimistic,
        rounds=stage.rounds,
        notes=stage.notes,
        seconds=prepared.lower.seconds + stage.seconds,
        solver=stage.solver,
    )


def _pessimistic(part: Part, proved: Proved, stage: Stage, solver: str) -> tuple[float, float]:
    """Turn the worst cost into an interval of profit; what is not a cost of this stage does not change."""
    dispatch, profit = stage.dispatches[0], proved.clearing.company_profit
    fixed = profit + float(part.feasible.cost @ dispatch.x + part.price @ dispatch.bought_kw)
    worst = worst_dispatch(part, solver)
    found = min(profit, fixed - worst.found)
    return min(fixed - worst.bound, found), found


def clear_together(
    network: Network,
    supply: Supply,
    day: DiscoDay,
    mode: str,
    *,
    alpha: float,
    beta: float,
    best_effort: bool,
    solver: str,
) -> tuple[list[Proved], float]:
    """Clear all scenarios with one common purchase; also return what the company's objective could gain at most."""
    every = [
        prepare(network, supply, day, number, mode, best_effort=best_effort, solver=solver)
        for number in range(len(day.scenarios))
    ]
    probability = np.array([scenario.probability for scenario in day.scenarios])
    nothing = np.zeros((day.periods, len(network.lots)))
    fixed = [
        company_profit(amounts(day, scenario, np.zeros(day.periods), nothing, nothing)) for scenario in day.scenarios
    ]
    supply.model.rewind()
    state = state_common(probability, np.array(fixed), alpha, beta)
    try:
        stage = solve_stage([prepared.part for prepared in every], solver, state)
    except NoDispatchError:
        for number, prepared in enumerate(every):
            try:
                solve_stage([prepared.part], solver)
            except NoDispatchError:
                raise diagnose(prepared.part, number, solver) from None
        raise InfeasibleError(("each scenario can be served, but not all with the same purchase",)) from None
    proved = [prove(supply, day, *each) for each in zip(range(len(every)), every, stage.dispatches, strict=True)]
    if mode != "windows":
        ends = _pessimistic_together([prepared.part for prepared in every], np.array(fixed), solver)
        proved = [replace(each, pessimistic=end) for each, end in zip(proved, ends, strict=True)]
    first = replace(
        proved[0],
        residuals=(*proved[0].residuals, stage.residuals),
        seconds=stage.seconds + sum(prepared.lower.seconds for prepared in every),
        rounds=stage.rounds,
        notes=stage.notes,
        solver=stage.solver,
    )
    return [first, *proved[1:]], stage.gap


def _pessimistic_together(parts: Sequence[Part], fixed: FloatArray, solver: str) -> list[tuple[float, float]]:
    """Return profits with a purchase that serves whatever lots do, and those at the schedules that cost most.

    For given schedules no purchase does better than the least that serves them, so the latter bound from above what the
    company gets when it buys before lots break their ties.
    """
    robust = robust_purchase(parts)
    worst = [worst_payments(part, solver) for part in parts]
    bought = np.max([part.supply.serve(each[2]).need_kw for part, each in zip(parts, worst, strict=True)], axis=0)
    ends = []
    for part, constant, (bound, found, _) in zip(parts, fixed, worst, strict=True):
        least = -np.inf if robust is None else constant - bound - float(part.price @ robust)
        most = constant - found - float(part.price @ bought) if np.isfinite(bought).all() else -np.inf
        ends.append((min(least, most), most))
    return ends


def prove(supply: Supply, day: DiscoDay, number: int, prepared: Prepared, dispatch: Dispatch) -> Proved:
    """Read a scenario's result and recompute its proof from the arrays of the full programs.

    The master is proved with its planes; the planes in use are proved as one dual point of the network's full program
    at the cleared net powers, where the purchase costs what they weigh together.
    """
    lower, vehicles = prepared.lower, prepared.vehicles
    network = supply.program.bind(prepared.part.supply.ports(dispatch.lot_kw, dispatch.weight))
    x = supply.whole(dispatch.service.points, columns=True)
    y = supply.whole(dispatch.network_y, columns=False)

    size = len(supply.network.lots)
    maximum = by_lot(vehicles, lower.value, size)
    clearing = read_scenario(day, day.scenarios[number], supply, vehicles, prepared.groups, dispatch, maximum)
    loose = max(float(gap.max(initial=0.0)) for gap in square_gaps(supply.network, supply.program, x).values())
    residuals = [*lower.residuals, kkt_residuals(network, x, y)]
    if loose > EXACT_TOLERANCE:  # not a point of (2d)-(2f): energy would be wasted
        residuals.append(Residuals(loose, 0.0, 0.0, 0.0))
    both = np.minimum(dispatch.x[0::3], dispatch.x[1::3]) > BOTH_WAYS_KW
    return Proved(
        clearing=clearing,
        company_bound=clearing.company_profit,
        lot_bound=by_lot(vehicles, lower.bound, size),
        residuals=tuple(residuals),
        both_ways=float(vehicles.weight[both].sum()),
        loose=loose,
        pessimistic=(clearing.company_profit, clearing.company_profit),
        unreachable=prepared.unreachable,
        rounds=0,
        seconds=0.0,
        solver=lower.solver,
    )
