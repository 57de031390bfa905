"""One scenario from its numbers to its proof: lower level, company's stage, residuals; without state."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from equilibrium.arrays import BoolArray, FloatArray, IntArray
from equilibrium.certificate import RESIDUAL_TOLERANCE
from equilibrium.deadline import Deadline
from equilibrium.errors import InputError
from equilibrium.fleet.vehicles import VehicleProgram, meet_wishes, merge_identical, state_vehicles
from equilibrium.grid.network import Network
from equilibrium.grid.segments import Squares, in_segments
from equilibrium.markets.disco.accounts import read_scenario
from equilibrium.markets.disco.checks import purchase_price
from equilibrium.markets.disco.clearing import ScenarioClearing
from equilibrium.markets.disco.day import DiscoDay
from equilibrium.markets.disco.lower.one_way import solve_one_way
from equilibrium.markets.disco.lower.optimum import LowerLevel, lot_cost, solve_lower
from equilibrium.markets.disco.network.service import NoDispatchError, ScenarioSupply
from equilibrium.markets.disco.network.supply import Supply
from equilibrium.markets.disco.rules import Rules
from equilibrium.markets.disco.upper.diagnosis import diagnose
from equilibrium.markets.disco.upper.exclusive import BOTH_WAYS_KW, solve_stage_one_way
from equilibrium.markets.disco.upper.paid import solve_convex
from equilibrium.markets.disco.upper.pessimistic import worst_dispatch
from equilibrium.markets.disco.upper.published import solve_stage_kkt
from equilibrium.markets.disco.upper.stage import Columns, Dispatch, Held, Part, Stage, state_recourse
from equilibrium.markets.disco.upper.waste import wasted
from equilibrium.programs.duality import Residuals, kkt_residuals
from equilibrium.programs.program import Instance, ProgramBuilder


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
    """

    vehicles: VehicleProgram
    groups: tuple[IntArray, ...]
    lower: LowerLevel
    part: Part


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
    rounds: int
    seconds: float
    solver: str
    notes: tuple[str, ...] = field(default=())


def allowed(day: DiscoDay, rules: Rules) -> tuple[BoolArray, BoolArray]:
    """Return the periods in which vehicles may charge and discharge, each of shape ``(periods,)``."""
    if rules.windows:
        return np.asarray(day.charge_window, dtype=bool), np.asarray(day.discharge_window, dtype=bool)
    always = np.ones(day.periods, dtype=bool)
    return always, always


def with_reachable_wishes(network: Network, day: DiscoDay, rules: Rules) -> tuple[DiscoDay, int]:
    """Return the day with wishes that can be met, and how many were changed; no program is solved for that.

    Raises
    ------
    InputError
        Naming the vehicle and the missing kWh, unless best efforts are served.
    """
    best_effort, changed, scenarios = rules.infeasible_wish == "best-effort", 0, []
    for number, scenario in enumerate(day.scenarios):
        batches = []
        for site, batch in zip(network.lots, scenario.vehicles, strict=True):
            try:
                met, count = meet_wishes(batch, site, *allowed(day, rules), day.length_h, best_effort=best_effort)
            except InputError as error:
                raise error.located(f"scenario {number}, {error.source}") from None
            batches.append(met)
            changed += count
        scenarios.append(replace(scenario, vehicles=tuple(batches)))
    return replace(day, scenarios=tuple(scenarios)), changed


def prepare(network: Network, supply: Supply, day: DiscoDay, number: int, rules: Rules) -> Prepared:
    """State a scenario's vehicles, solve its lower level, and put together what the company may choose from."""
    scenario = day.scenarios[number]
    batches, groups = [], []
    for batch in scenario.vehicles:
        merged, group = (batch, np.arange(batch.size)) if rules.one_way else merge_identical(batch)
        batches.append(merged)
        groups.append(group)
    vehicles = state_vehicles(batches, network.lots, *allowed(day, rules), day.length_h)
    cost, asked = lot_cost(vehicles, day.tariffs, day.length_h), None
    if rules.one_way:
        lower, asked = solve_one_way(vehicles, cost)
    else:
        lower = solve_lower(vehicles, cost, rules.solver)
    feasible = lower.face if rules.lots_decide and rules.method != "kkt-milp" else vehicles.instance
    part = Part(
        vehicles,
        feasible.with_cost(company_cost(vehicles, day)),
        ScenarioSupply.of(supply, day.load_kw, day.load_kvar, scenario.renewable_kw),
        day.length_h * purchase_price(day, scenario),
        asked,
    )
    return Prepared(vehicles, tuple(groups), lower, part)


def company_cost(vehicles: VehicleProgram, day: DiscoDay) -> FloatArray:
    """Return what the company pays for the vehicles' powers, purchase apart: (1), second line, per column."""
    period = vehicles.period
    hours = day.length_h[period] * vehicles.weight
    return vehicles.cost(-hours * day.tariffs.lot_buys[period], hours * day.tariffs.lot_sells[period])


def solve_stage(
    parts: Sequence[Part],
    solver: str,
    state: Callable[[ProgramBuilder, Sequence[Part]], Columns] = state_recourse,
    label: int = 0,
    deadline: Deadline | None = None,
) -> Stage:
    """Solve the company's stage without wasting energy, with vehicles that go one way at a time or not.

    Parameters
    ----------
    label
        Number of the first scenario, for errors.
    deadline
        The limit of its searches; none by default.
    """
    deadline = deadline or Deadline()
    if any(part.one_way is not None for part in parts):
        stage = solve_stage_one_way(parts, solver, state, label, deadline)
    else:
        stage = solve_convex(parts, solver, state, label, deadline)
    return stage.published(parts)


def by_lot(vehicles: VehicleProgram, per_vehicle: FloatArray, lots: int) -> FloatArray:
    """Sum what single vehicles of each row earn over the lots, shape ``(lots,)``."""
    return np.bincount(vehicles.lot, vehicles.count * per_vehicle, lots).astype(np.float64)


def clear_scenario(
    network: Network, supply: Supply, day: DiscoDay, number: int, rules: Rules, label: int | None = None
) -> Proved:
    """Clear one scenario on its own: purchases are recourse, so no other scenario enters.

    Parameters
    ----------
    number
        Which of the day's scenarios.
    label
        What an error calls it, if not ``number``.
    """
    label = number if label is None else label
    prepared = prepare(network, supply, day, number, rules)
    supply.model.rewind()
    try:
        if rules.method == "kkt-milp":
            stage = solve_stage_kkt(prepared.part, day.tariffs, day.length_h, rules.solver)
        else:
            stage = solve_stage([prepared.part], rules.solver, label=label, deadline=rules.deadline())
    except NoDispatchError as error:
        part = replace(prepared.part, feasible=prepared.lower.face) if rules.lots_decide else prepared.part
        nearest_kw = None if error.nearest_kw is None else error.nearest_kw[0]
        raise diagnose(part, label, rules.solver, nearest_kw) from None
    (dispatch,) = stage.dispatches
    proved = prove(supply, day, number, prepared, dispatch)
    pessimistic, notes = proved.pessimistic, stage.notes
    if rules.lots_decide:
        part = replace(prepared.part, feasible=prepared.lower.face.with_cost(prepared.part.feasible.cost))
        low, high, reason = _pessimistic(part, proved, stage, rules)
        pessimistic = low, high
        if reason:
            notes = (*notes, f"pessimistic: no lower end is proved, {reason}")
    return replace(
        proved,
        company_bound=proved.company_bound + stage.gap,
        residuals=(*proved.residuals, stage.residuals),
        pessimistic=pessimistic,
        rounds=stage.rounds,
        notes=notes,
        seconds=prepared.lower.seconds + stage.seconds,
        solver=prepared.lower.solver if rules.method == "kkt-milp" else stage.solver,
    )


def _pessimistic(part: Part, proved: Proved, stage: Stage, rules: Rules) -> tuple[float, float, str]:
    """Turn the worst cost into an interval of profit; what is not a cost of this stage does not change.

    The last item says why no lower end is proved; it is empty where one is.
    """
    (dispatch,), profit = stage.dispatches, proved.clearing.company_profit
    fixed = profit + float(part.feasible.cost @ dispatch.x + part.price @ dispatch.bought_kw)
    if not rules.pessimistic:
        return -np.inf, profit, ""
    worst = worst_dispatch(part, rules.solver)
    found = profit if np.isnan(worst.found) else min(profit, fixed - worst.found)
    return min(fixed - worst.bound, found), found, worst.reason


def prove(supply: Supply, day: DiscoDay, number: int, prepared: Prepared, dispatch: Dispatch) -> Proved:
    """Read a scenario's result and recompute its proof from the arrays of the full programs.

    The master is proved with its planes; the planes in use are proved as one dual point of the network's full program
    at the cleared net powers, where the purchase costs what they weigh together.
    """
    lower, vehicles = prepared.lower, prepared.vehicles
    network = supply.program.bind(prepared.part.supply.ports(dispatch.lot_kw, dispatch.weight))
    if dispatch.held is not None:
        network = _held(supply, network, dispatch.held)
    x = supply.whole(dispatch.service.points, columns=True)
    y = supply.whole(dispatch.network_y, columns=False)

    size = len(supply.network.lots)
    maximum = by_lot(vehicles, lower.value, size)
    clearing = read_scenario(day, day.scenarios[number], supply, vehicles, prepared.groups, dispatch, maximum)
    loose = float(wasted(prepared.part, dispatch).max())
    residuals = [lower.residuals] if dispatch.whole else [lower.residuals, kkt_residuals(network, x, y)]
    if loose > RESIDUAL_TOLERANCE:  # not a point of (2d)-(2f): energy would be wasted
        residuals.append(Residuals(loose, 0.0, 0.0, 0.0))
    both = np.minimum(dispatch.x[0::3], dispatch.x[1::3]) > BOTH_WAYS_KW
    return Proved(
        clearing=clearing,
        company_bound=clearing.company_profit,
        lot_bound=by_lot(vehicles, lower.bound, size),
        residuals=tuple(residuals),
        both_ways=float((day.length_h[vehicles.period] * vehicles.weight)[both].sum()),
        loose=loose,
        pessimistic=(clearing.company_profit, clearing.company_profit),
        rounds=0,
        seconds=0.0,
        solver=lower.solver,
    )


def _held(supply: Supply, network: Instance, held: Held) -> Instance:
    """Hold the squares of some periods on the segments that were chosen, in the full program of a day."""
    squares, flow = Squares.of(supply.network, supply.program), np.zeros(network.shape[1])
    for name, values in (("flow_kw", held.flow_kw), ("flow_kvar", held.flow_kvar)):
        flow[supply.program.columns[name].index] = values
    return in_segments(network, squares, held.periods[squares.period], flow[squares.flow])
