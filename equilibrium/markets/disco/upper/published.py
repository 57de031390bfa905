"""The published method, kept to compare with: the lots' KKT conditions with binaries after Fortuny-Amat and McCarl.

(15)-(26) of the paper replace the lower level inside one mixed-integer program with the whole network. Here every bound
that a binary switches is proved: slacks by the vehicles' own limits, multipliers by R2 below. Equation (20) is
corrected. As printed (``- mu2_h`` in the place of ``- mu7_(h+1)``) the system has no solution on days like the paper's
and wrong multipliers on very short stays; ``equation_20`` lets one see it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from equilibrium.arrays import FloatArray, IntArray
from equilibrium.errors import InputError, SolverError
from equilibrium.fleet.vehicles import VehicleProgram
from equilibrium.grid.assets import LotSite
from equilibrium.markets.disco.day import Tariffs
from equilibrium.markets.disco.lower.optimum import lot_cost
from equilibrium.markets.disco.network.service import NoDispatchError, Service
from equilibrium.markets.disco.upper.stage import Dispatch, Part, Stage, state_recourse
from equilibrium.markets.disco.upper.whole import state_whole, whole_ports
from equilibrium.programs.duality import kkt_residuals
from equilibrium.programs.program import INF, Instance, ProgramBuilder
from equilibrium.programs.solvers import MixedSolution, Status, solve_mixed

EQUATION_20 = ("corrected", "as-printed")
"""Readings of (20)."""

MULTIPLIER_ROOM = 2.0
"""Factor on R2: a multiplier that reaches its bound exactly makes HiGHS call a feasible program infeasible."""

LEAST_MULTIPLIER = 1e-9
"""Least R2, currency/kWh: with a bound of zero the binary would drop out of its row."""

TIME_LIMIT_S = 300.0


@dataclass(frozen=True, eq=False)
class _Duals:
    """Columns of the multipliers: ``balance`` is mu8 at arrival and mu7 later, ``wish`` mu9, ``limits`` mu1 .. mu6."""

    balance: IntArray
    wish: IntArray
    limits: tuple[IntArray, ...]
    binaries: tuple[IntArray, ...]


def largest_multiplier(vehicles: VehicleProgram, value: FloatArray) -> FloatArray:
    """Return R2, a bound that the multipliers of some dual optimum keep, per row of the vehicles.

    In a basic dual solution the price of energy is constant between periods in which the battery is full or empty, and
    in each such run some power sits between its limits, or is indifferent. So the price is one of the prices at which
    a power is indifferent, and the multipliers of the limits are differences of two of them.

    Parameters
    ----------
    value
        Prices of energy at which charging and discharging are indifferent, shape ``(stays, 2)``.
    """
    low, high = np.full(vehicles.lot.size, INF), np.full(vehicles.lot.size, -INF)
    np.minimum.at(low, vehicles.row, value.min(axis=1))
    np.maximum.at(high, vehicles.row, value.max(axis=1))
    return np.asarray(high - low)


def state_kkt(
    build: ProgramBuilder,
    columns: IntArray,
    vehicles: VehicleProgram,
    sites: tuple[LotSite, ...],
    tariffs: Tariffs,
    length_h: FloatArray,
    equation_20: str = "corrected",
) -> _Duals:
    """State (18)-(26) for the vehicles' columns, multipliers per kWh.

    Parameters
    ----------
    columns
        The vehicles' columns in the program that is built; their balances and bounds are stated there already.
    """
    if equation_20 not in EQUATION_20:
        raise InputError("KKT method", "equation_20", equation_20, f"one of {', '.join(EQUATION_20)}")
    stays, row = vehicles.stays, vehicles.row
    efficiency = np.array([site.efficiency for site in sites])[vehicles.lot[row]]
    drawn = 1.0 / np.array([site.discharge_efficiency for site in sites])[vehicles.lot[row]]
    profit = -lot_cost(vehicles, tariffs, length_h).reshape(-1, 3) / length_h[vehicles.period][:, None]
    charge, discharge = profit[:, 0], profit[:, 1]
    r2 = largest_multiplier(vehicles, np.column_stack([charge / efficiency, -discharge / drawn]))[row]
    r2 = MULTIPLIER_ROOM * np.maximum(r2, LEAST_MULTIPLIER) * np.maximum(1.0, np.maximum(efficiency, drawn))

    last = np.zeros(stays, dtype=bool)
    last[vehicles.start[1:] - 1] = True
    balance = build.columns("mu7", (stays,), lower=-INF)
    wish = build.columns("mu9", (vehicles.lot.size,), lower=-INF)
    mu = tuple(build.columns(f"mu{k}", (stays,), upper=r2) for k in range(1, 7))

    equation = build.rows("eq18", (stays,), lower=-charge, upper=-charge)
    for term, factor in ((balance, -efficiency), (mu[3], -1.0), (mu[2], 1.0)):
        build.coefficients(equation, term, factor)
    equation = build.rows("eq19", (stays,), lower=-discharge, upper=-discharge)
    for term, factor in ((balance, drawn), (mu[5], -1.0), (mu[4], 1.0)):
        build.coefficients(equation, term, factor)
    equation = build.rows("eq20", (stays,), lower=0.0, upper=0.0)
    build.coefficients(equation, balance, 1.0)
    follows = np.flatnonzero(~last)
    if equation_20 == "corrected":
        build.coefficients(equation[follows], balance[follows + 1], -1.0)
    else:
        build.coefficients(equation[follows], mu[1][follows], -1.0)
    build.coefficients(equation[vehicles.start[1:] - 1], wish, 1.0)
    build.coefficients(equation, mu[1], -1.0)
    build.coefficients(equation, mu[0], 1.0)
    binaries = _state_complementarity(build, columns, vehicles, mu, r2)
    return _Duals(balance, wish, mu, binaries)


def _state_complementarity(
    build: ProgramBuilder, columns: IntArray, vehicles: VehicleProgram, mu: tuple[IntArray, ...], r2: FloatArray
) -> tuple[IntArray, ...]:
    """State (21)-(26): ``0 <= g_k <= R1 Y_k`` and ``mu_k <= R2 (1 - Y_k)``; R1 is the width of the column's range.

    The band of energies at departure is the wish alone, so both of its limits hold there and need no choice.
    """
    low, high = vehicles.instance.col_lower, vehicles.instance.col_upper
    answer = []
    for number, multiplier in enumerate(mu):
        offset, upper_side = (2, 2, 0, 0, 1, 1)[number], number % 2 == 1
        own, width = columns[offset::3], (high - low)[offset::3]
        choice = build.columns(f"Y{number + 1}", own.shape, upper=1.0)
        sign = -1.0 if upper_side else 1.0
        bound = -high[offset::3] if upper_side else low[offset::3]
        slack = build.rows(f"slack{number + 1}", own.shape, upper=bound)  # sign x - R1 Y <= sign bound
        build.coefficients(slack, own, sign)
        build.coefficients(slack, choice, -width)
        switch = build.rows(f"switch{number + 1}", own.shape, upper=r2)
        build.coefficients(switch, multiplier, 1.0)
        build.coefficients(switch, choice, r2)
        answer.append(choice)
    return tuple(answer)


def solve_stage_kkt(
    part: Part, tariffs: Tariffs, length_h: FloatArray, solver: str, *, equation_20: str = "corrected"
) -> Stage:
    """Solve the company's stage as the published mixed-integer program, network and all.

    Parameters
    ----------
    part
        The scenario; its ``feasible`` must be all that the vehicles can do.

    Raises
    ------
    NoDispatchError
        When it has no solution.
    SolverError
        When none is found within the time limit.
    """
    supply, vehicles = part.supply.supply, part.vehicles
    build = ProgramBuilder()
    (columns,) = state_whole(build, [part], state_recourse).vehicles
    duals = state_kkt(build, columns, vehicles, supply.network.lots, tariffs, length_h, equation_20)
    instance = build.compile().bind(whole_ports([part]))
    integer = np.zeros(instance.shape[1], dtype=bool)
    integer[np.concatenate(duals.binaries)] = True
    mixed = solve_mixed(instance, integer, solver, time_limit_s=TIME_LIMIT_S)
    return _stage(part, tariffs, length_h, mixed, columns, duals, solver)


def _stage(
    part: Part,
    tariffs: Tariffs,
    length_h: FloatArray,
    mixed: MixedSolution,
    columns: IntArray,
    duals: _Duals,
    solver: str,
) -> Stage:
    """Read the optimum; the lots' own optimality is checked with the multipliers that the program found."""
    if mixed.status is Status.INFEASIBLE:
        raise NoDispatchError
    if not mixed.x.size:
        raise SolverError("the KKT program found no point within its time limit")
    vehicles, supply = part.vehicles, part.supply.supply
    x = mixed.x[columns]
    charge, discharge = vehicles.power_kw(x, len(supply.network.lots), supply.periods)
    service = part.supply.serve(charge - discharge)
    own: Instance = vehicles.instance.with_cost(lot_cost(vehicles, tariffs, length_h))
    residuals = kkt_residuals(own, x, mixed.x[duals.balance])
    cost = float(part.feasible.cost @ x + part.price @ service.need_kw)
    dispatch = Dispatch(
        x=x,
        lot_kw=charge - discharge,
        bought_kw=service.need_kw,
        service=service,
        weight=part.price,
        network_y=part.price[:, None] * tight_multipliers(part, service),
    )
    notes = ("the time limit stopped the KKT program",) if mixed.status is Status.LIMIT else ()
    return Stage((dispatch,), cost, min(mixed.bound, cost), residuals, 1, mixed.seconds, solver, notes)


def tight_multipliers(part: Part, service: Service) -> FloatArray:
    """Return multipliers of one period's program at served net powers, kW bought, shape ``(periods, rows)``."""
    y = np.zeros((part.price.size, part.supply.supply.period_program.shape[0]))
    for planes in service.planes:  # those of linear programs come last, and are tight
        multipliers = planes.multipliers
        if multipliers is None:
            multipliers = part.supply.sweep(planes.period, planes.lot_kw).planes.multipliers
        y[planes.period] = multipliers
    return y
