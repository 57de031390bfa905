"""One scenario from its numbers to its proof: lower level, company's stage, residuals; without state."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from equilibrium.disco.accounts import read_scenario
from equilibrium.disco.checks import purchase_price
from equilibrium.disco.clearing import ScenarioClearing
from equilibrium.disco.day import DiscoDay
from equilibrium.disco.lower import LowerLevel, lot_cost, solve_lower
from equilibrium.disco.supply import Supply
from equilibrium.disco.upper import Dispatch, Master, NoDispatchError, Part
from equilibrium.disco.vehicles import VehicleProgram, merge_identical, state_vehicles, with_reachable_wishes
from equilibrium.duality import Residuals, dual_objective, kkt_residuals, reduced_costs
from equilibrium.errors import InfeasibleError
from equilibrium.lossy import square_gaps
from equilibrium.network import FloatArray, IntArray, Network

MODES = ("strict", "strict-exclusive", "windows", "windows-strict")
"""Behaviour of the lots; see :class:`equilibrium.disco.market.DiscoMarket`."""

SQUARE_TOLERANCE = 1e-7
"""A square counts as off its secants beyond this, relative to the greatest square of its branch."""

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
    """

    clearing: ScenarioClearing
    company_bound: float
    lot_bound: FloatArray
    residuals: tuple[Residuals, ...]
    both_ways: float
    loose: float
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
    windows = mode.startswith("windows")
    always = np.ones(day.periods, dtype=bool)
    charge = day.charge_window if windows else always
    discharge = day.discharge_window if windows else always
    batches, groups, unreachable = [], [], 0
    for site, batch in zip(network.lots, scenario.vehicles, strict=True):
        reachable, changed = with_reachable_wishes(
            batch, site, charge, discharge, day.period_h, best_effort=best_effort
        )
        merged, group = merge_identical(reachable)
        batches.append(merged)
        groups.append(group)
        unreachable += changed
    vehicles = state_vehicles(batches, network.lots, charge, discharge, day.period_h)
    lower = solve_lower(vehicles, lot_cost(vehicles, day.tariffs, day.period_h), solver)
    feasible = vehicles.instance if mode == "windows" else lower.face
    part = Part(
        vehicles,
        feasible.with_cost(company_cost(vehicles, day)),
        supply.scenario(day.load_kw, day.load_kvar, scenario.renewable_kw),
        day.period_h * purchase_price(day, scenario),
    )
    return Prepared(vehicles, tuple(groups), lower, part, unreachable)


def company_cost(vehicles: VehicleProgram, day: DiscoDay) -> FloatArray:
    """Return what the company pays for the vehicles' powers, purchase apart: (1), second line, per column."""
    hours, period = day.period_h * vehicles.weight, vehicles.period
    return vehicles.cost(-hours * day.tariffs.lot_buys[period], hours * day.tariffs.lot_sells[period])


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
        stage = Master([prepared.part], solver).solve()
    except NoDispatchError:
        raise InfeasibleError((f"scenario {number}: the network cannot serve any schedule of the lots",)) from None
    proved = prove(supply, day, number, prepared, stage.dispatches[0])
    return replace(proved, rounds=stage.rounds, seconds=prepared.lower.seconds + stage.seconds, solver=stage.solver)


def prove(supply: Supply, day: DiscoDay, number: int, prepared: Prepared, dispatch: Dispatch) -> Proved:
    """Read a scenario's result and recompute its proof from the arrays of the full programs.

    The network at the cleared net powers, and the vehicles paying the network's marginal cost, are two linear programs.
    Their optimality with the same prices is the optimality of the company's stage.
    """
    part, lower, vehicles = prepared.part, prepared.lower, prepared.vehicles
    network = supply.program.bind(part.supply.ports(dispatch.lot_kw, part.price))
    x = supply.whole(dispatch.service.points, columns=True)
    y = supply.whole(dispatch.network_y, columns=False)
    lots = supply.program.columns["lot_kw"]
    lot_price = reduced_costs(network, y)[lots.slice].reshape(lots.shape)
    charged = part.charge_for(lot_price)
    residuals = (*lower.residuals, kkt_residuals(network, x, y), kkt_residuals(charged, dispatch.x, dispatch.y))
    cost = float(part.price @ dispatch.bought_kw + part.feasible.cost @ dispatch.x)
    bound = dual_objective(network, y, reduced_costs(network, y)) - float((lot_price * dispatch.lot_kw).sum())
    bound += dual_objective(charged, dispatch.y, reduced_costs(charged, dispatch.y))

    size = len(supply.network.lots)
    maximum = by_lot(vehicles, lower.value, size)
    clearing = read_scenario(day, day.scenarios[number], supply, vehicles, prepared.groups, dispatch, maximum)
    both = np.minimum(dispatch.x[0::3], dispatch.x[1::3]) > BOTH_WAYS_KW
    gaps = square_gaps(supply.network, supply.program, x)
    return Proved(
        clearing=clearing,
        company_bound=clearing.company_profit + (cost - bound),
        lot_bound=by_lot(vehicles, lower.bound, size),
        residuals=residuals,
        both_ways=float(vehicles.weight[both].sum()),
        loose=max((float(gap.max(initial=0.0)) for gap in gaps.values()), default=0.0),
        unreachable=prepared.unreachable,
        rounds=0,
        seconds=0.0,
        solver=lower.solver,
    )
