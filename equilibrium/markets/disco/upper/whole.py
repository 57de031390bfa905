"""The company's stage as one program with the whole network in it, for methods that need every row at once.

Used where losses would be wasted: squares then need directions and segments (:mod:`equilibrium.grid.directions`), and
planes of a convex function cannot say that. Also by the published KKT program
(:mod:`equilibrium.markets.disco.upper.published`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from equilibrium.arrays import FloatArray
from equilibrium.certificate import RESIDUAL_TOLERANCE
from equilibrium.grid.directions import ExactFlow, exact_flow
from equilibrium.grid.lossy import add_lossy_flow, square_gaps
from equilibrium.markets.disco.network.service import NoDispatchError, Service
from equilibrium.markets.disco.upper.earliest import lateness, weights
from equilibrium.markets.disco.upper.stage import Columns, Dispatch, Part, Stage
from equilibrium.programs.duality import kkt_residuals, optimal_face
from equilibrium.programs.program import INF, Block, Program, ProgramBuilder
from equilibrium.programs.solvers import Status
from equilibrium.programs.solvers.choose import load_and_solve, require_optimal

LARGEST_ROWS = 40_000
"""Rows beyond which a program is not stated whole; its dispatch then stays unproved where it wastes energy."""


def state_whole(
    build: ProgramBuilder,
    parts: Sequence[Part],
    state: Callable[[ProgramBuilder, Sequence[Part]], Columns],
) -> Columns:
    """State what ``state`` states, and the lossy flow of every scenario, its periods one after another."""
    columns = state(build, parts)
    supply = parts[0].supply.supply
    flow = add_lossy_flow(
        build,
        supply.network,
        len(parts) * supply.periods,
        segments=supply.segments,
        flow_range=supply.flow_range,
        transformer_efficiency=supply.efficiency,
    )
    for name, inside, outside in (
        ("same_power", flow, columns.power.reshape(flow.shape)),
        ("same_purchase", build.column_index("import_kw"), columns.bought.ravel()),
    ):
        same = build.rows(name, inside.shape, lower=0.0, upper=0.0)
        build.coefficients(same, inside, 1.0)
        build.coefficients(same, outside, -1.0)
    return columns


def whole_ports(parts: Sequence[Part]) -> dict[str, FloatArray]:
    """Return the ports of the network in :func:`state_whole`; the purchase is paid outside."""
    shape = (parts[0].supply.supply.periods, parts[0].supply.supply.lot_bus.size)
    each = [part.supply.ports(np.zeros(shape), np.zeros(shape[0])) for part in parts]
    ports = {name: np.concatenate([one[name] for one in each]) for name in each[0]}
    free = np.full(ports["lot_min_kw"].shape, INF)
    return ports | {"lot_min_kw": -free, "lot_max_kw": free}


def fits(parts: Sequence[Part]) -> bool:
    """Whether the program of these scenarios is small enough to be stated whole."""
    return sum(part.supply.supply.program.shape[0] for part in parts) <= LARGEST_ROWS


def solve_stage_exact(
    parts: Sequence[Part], solver: str, state: Callable[[ProgramBuilder, Sequence[Part]], Columns]
) -> Stage:
    """Solve the company's stage so that no energy is wasted: every square on its piecewise linear function.

    Multipliers and prices are those of the linear program in the directions and segments that were chosen.

    Raises
    ------
    NoDispatchError
        When no schedule can be served without wasting energy.
    """
    build = ProgramBuilder()
    columns = state_whole(build, parts, state)
    program = build.compile()
    network = parts[0].supply.supply.network
    answer = exact_flow(network, program, program.bind(whole_ports(parts)), solver=solver)
    if answer.status is not Status.OPTIMAL:
        raise NoDispatchError
    cost, x = float(program.cost @ answer.x), _earliest(program, parts, columns, answer, solver)
    note = (
        f"directions and segments of {answer.settled_squares} squares were settled exactly, or energy would be wasted"
    )
    return Stage(
        dispatches=tuple(_dispatch(program, part, k, columns, x, answer.y) for k, part in enumerate(parts)),
        cost=cost,
        bound=min(answer.bound, cost),
        residuals=kkt_residuals(answer.instance, x, answer.y),
        rounds=1,
        seconds=answer.seconds,
        solver=solver,
        notes=(note,),
    )


def _earliest(program: Program, parts: Sequence[Part], columns: Columns, answer: ExactFlow, solver: str) -> FloatArray:
    """Return the optimum of least currents that acts earliest, in the directions and segments that were chosen.

    Of renewables the one that comes first in the network's order gives way first.
    """
    weight, periods = np.zeros(program.shape[1]), columns.bought.shape[1]
    weight[program.columns["current_square"].slice] = 1.0
    potential = program.columns["renewable_kw"].index
    weight[potential] = -lateness(potential.size)[::-1].reshape(potential.shape)
    weight[columns.bought] = lateness(periods)
    for number, (part, own) in enumerate(zip(parts, columns.vehicles, strict=True)):
        weight[own] = weights(part.vehicles, periods, number)
    face = optimal_face(answer.instance, answer.y).with_cost(weight)
    x = require_optimal(load_and_solve(face, solver)[1], "the tie-break of the company's stage").x
    gaps = square_gaps(parts[0].supply.supply.network, program, x).values()
    return x if all((gap <= RESIDUAL_TOLERANCE).all() for gap in gaps) else answer.x


def _dispatch(program: Program, part: Part, number: int, columns: Columns, x: FloatArray, y: FloatArray) -> Dispatch:
    """Read one scenario's dispatch off the whole program."""
    supply = part.supply.supply
    run = slice(number * supply.periods, (number + 1) * supply.periods)

    def by_period(blocks: Mapping[str, Block], own: Mapping[str, Block], vector: FloatArray) -> FloatArray:
        return np.hstack([vector[blocks[name].slice].reshape(blocks[name].shape[0], -1)[run] for name in own])

    points = by_period(program.columns, supply.period_program.columns, x)
    network_y = by_period(program.rows, supply.period_program.rows, y)
    bought = x[columns.bought[number]]
    return Dispatch(
        x=x[columns.vehicles[number]],
        lot_kw=x[columns.power[number]],
        bought_kw=bought,
        service=Service(bought, points, [], [], 0.0),
        weight=-program.multiplier(y, "same_purchase")[run],
        network_y=network_y,
        whole=True,
    )
