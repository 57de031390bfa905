"""The lossy flow where energy may be worth wasting: directions and segments as binaries, only where they are needed.

Above its secants a square may float up when losses have no price or a negative one (docs/disco.md). Then, in order:

1. of all optima the one of least losses is taken: squares without a price come down, and the cost is the same;
2. interval arithmetic bounds every flow, and in periods with squares that are still too high each square is put on its
   piecewise linear function: on the one segment that the interval leaves, or with the printed binaries where it leaves
   more. This is a relaxation of the exact program, so if all squares of its answer are exact, it is optimal; else the
   periods of those that are not are added. Prices follow from the linear program in the segments that were chosen.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from equilibrium.arrays import FloatArray, IntArray
from equilibrium.certificate import RESIDUAL_TOLERANCE
from equilibrium.errors import SolverError
from equilibrium.grid.lossy import AXES, LOSSY_FAMILIES, LOSSY_STATE_COLUMNS, LOSSY_STATE_ROWS, square_gaps
from equilibrium.grid.network import Network
from equilibrium.grid.segments import Squares, in_segments, within_intervals
from equilibrium.programs.duality import optimal_face
from equilibrium.programs.program import Instance, Program, ProgramBuilder, stack_rows
from equilibrium.programs.reduction import ReducedModel
from equilibrium.programs.solvers import MixedSolution, Solution, Status
from equilibrium.programs.solvers.choose import load_and_solve


@dataclass(frozen=True, eq=False)
class ExactFlow:
    """An optimum of the lossy flow at which every square is exact.

    Attributes
    ----------
    status
        ``optimal`` or ``infeasible``; the rest means something only when it is optimal.
    instance
        The linear program that ``x`` and ``y`` solve: the one that was given, or that one with the
        directions and segments of ``settled_squares`` squares held.
    x, y
        Point and multipliers, in the numbering of the program.
    bound
        Proven lower bound on the cost over all directions and segments; minus infinity when not optimal.
    settled_squares
        Number of squares whose direction and segment had to be settled.
    seconds
        Time inside solvers.
    """

    status: Status
    instance: Instance
    x: FloatArray
    y: FloatArray
    bound: float
    settled_squares: int
    seconds: float


def exact_flow(
    network: Network,
    program: Program,
    instance: Instance,
    *,
    solve: Callable[[Instance], Solution] | None = None,
    solver: str = "auto",
) -> ExactFlow:
    """Solve a program that holds the lossy flow, with binaries only if its squares are not exact without.

    Parameters
    ----------
    network, program, instance
        ``program`` holds :func:`equilibrium.grid.lossy.add_lossy_flow` of ``network``, possibly with more blocks.
    solve
        How linear programs are solved, for instance :meth:`equilibrium.programs.reduction.ReducedModel.solve`; by
        default each one from nothing, with every row.
    solver
        One of :data:`equilibrium.programs.solvers.SOLVERS`.

    Raises
    ------
    SolverError
        When a program is unbounded or a time limit ends the search.
    """
    run = solve if solve is not None else lambda bound: load_and_solve(bound, solver)[1]
    squares = Squares.of(network, program)
    exact = np.zeros(squares.square.size, dtype=bool)
    held, bound, seconds = instance, -np.inf, 0.0
    while True:
        answer, loose = _least_loose(network, program, held, run)
        seconds += answer.seconds
        if answer.status is Status.INFEASIBLE and not exact.any():  # even without the demand that squares be exact
            return ExactFlow(answer.status, held, answer.x, answer.y, bound, 0, seconds)
        if answer.status is not Status.OPTIMAL:
            raise SolverError(f"the lossy flow ended {answer.status} ({int(exact.sum())} squares settled)")
        if not loose.any():
            proven = bound if exact.any() else float(instance.cost @ answer.x)
            return ExactFlow(answer.status, held, answer.x, answer.y, proven, int(exact.sum()), seconds)
        if (loose & exact).any():
            raise SolverError("a square is not exact although its segment is held: the program is badly scaled")
        exact |= squares.of_their_periods(loose)
        mixed = solve_exact_squares(network, program, instance, exact, solver)
        seconds += mixed.seconds
        if mixed.status is not Status.OPTIMAL:
            return ExactFlow(mixed.status, held, answer.x, answer.y, -np.inf, int(exact.sum()), seconds)
        held, bound = in_segments(instance, squares, exact, mixed.x[squares.flow]), mixed.bound


def _least_loose(
    network: Network, program: Program, instance: Instance, run: Callable[[Instance], Solution]
) -> tuple[Solution, NDArray[np.bool_]]:
    """Solve a linear program, with the least squares among its optima if some are too high; tell which still are."""
    answer = run(instance)
    if answer.status is not Status.OPTIMAL:
        return answer, np.zeros(0, dtype=bool)
    loose = _loose(network, program, answer.x)
    if not loose.any():
        return answer, loose
    cost = np.zeros_like(instance.cost)
    for square, _ in AXES:
        cost[program.columns[square].slice] = 1.0
    least = run(optimal_face(instance, answer.y).with_cost(cost))
    if least.status is not Status.OPTIMAL:
        return answer, loose
    seconds = answer.seconds + least.seconds
    return Solution(answer.status, least.x, answer.y, seconds), _loose(network, program, least.x)


def _loose(network: Network, program: Program, x: FloatArray) -> NDArray[np.bool_]:
    """Return which squares are too high, flat in the order of :class:`Squares`."""
    gaps = square_gaps(network, program, x)
    return np.concatenate([gaps[square].ravel() for square, _ in AXES]) > RESIDUAL_TOLERANCE


def solve_exact_squares(
    network: Network,
    program: Program,
    instance: Instance,
    exact: NDArray[np.bool_],
    solver: str = "auto",
) -> MixedSolution:
    """Solve the mixed-integer program in which the squares marked ``exact`` lie on their piecewise linear functions.

    Parameters
    ----------
    exact
        ``square_p`` flat, then ``square_q`` flat; all True is the printed set with segments in order.

    Returns
    -------
    MixedSolution
        ``x`` in the numbering of ``instance``.
    """
    squares = Squares.of(network, program)
    within = within_intervals(network, program, instance)
    low, high = within.col_lower[squares.flow], within.col_upper[squares.flow]
    if (low > high).any():
        return MixedSolution(Status.INFEASIBLE, np.full(instance.shape[1], np.nan), np.inf, np.inf, 0.0)
    one = exact & (squares.segment(low) == squares.segment(high)) & ((low >= 0.0) | (high <= 0.0))
    held = in_segments(within, squares, one, 0.5 * (low + high))
    extension = _binaries(held, squares, np.flatnonzero(exact & ~one))
    mixed = _joined(program, held, extension)
    integer = np.zeros(mixed.shape[1], dtype=bool)
    for name in ("way", "full"):
        integer[mixed.columns[name].slice] = True
    model = ReducedModel(mixed, LOSSY_STATE_COLUMNS, LOSSY_STATE_ROWS, solver, LOSSY_FAMILIES)
    answer = model.solve_mixed(mixed.bind({}), integer)
    if answer.status is Status.LIMIT or answer.status is Status.UNBOUNDED:
        raise SolverError(f"directions of flow were not settled: {answer.status}")
    return replace(answer, x=answer.x[: instance.shape[1]])


def _binaries(instance: Instance, squares: Squares, pick: IntArray) -> Program:
    """State (2d)-(2f) with binaries for some squares, beside a block ``given`` of the instance's columns.

    ``way`` is the direction; ``full[f]`` says that segment f is full, without which the next one is empty. The order of
    segments must be stated: at a negative price the dear ones would be filled first.
    """
    span, count, segments = squares.span[pick], pick.size, squares.segments
    low, high = instance.col_lower[squares.flow[pick]], instance.col_upper[squares.flow[pick]]
    build = ProgramBuilder()
    given = build.columns("given", instance.cost.shape)
    flow, square = given[squares.flow[pick]], given[squares.square[pick]]
    forward, reverse = build.columns("forward", (count,)), build.columns("reverse", (count,))
    part = build.columns("part", (count, segments), upper=span[:, None] / segments)
    way = build.columns("way", (count,), lower=np.where(low >= 0.0, 1.0, 0.0), upper=np.where(high <= 0.0, 0.0, 1.0))
    edge = np.arange(1, segments) / segments * span[:, None]
    least, most = np.maximum(np.maximum(low, -high), 0.0)[:, None], np.maximum(np.abs(low), np.abs(high))[:, None]
    full = build.columns("full", edge.shape, lower=least >= edge, upper=most > edge)
    slope = (2.0 * np.arange(1, segments + 1) - 1.0) / segments

    row = build.rows("flow_parts", (count,), lower=0.0, upper=0.0)
    for columns, sign in ((flow, 1.0), (forward, -1.0), (reverse, 1.0)):
        build.coefficients(row, columns, sign)
    row = build.rows("flow_size", (count,), lower=0.0, upper=0.0)  # (2e)
    build.coefficients(row, forward, 1.0)
    build.coefficients(row, reverse, 1.0)
    build.coefficients(row[:, None], part, -1.0)
    row = build.rows("flow_square", (count,), lower=0.0, upper=0.0)  # (2d)
    build.coefficients(row, square, 1.0)
    build.coefficients(row[:, None], part, -slope)
    row = build.rows("forward_only", (count,), upper=0.0)  # (2f)
    build.coefficients(row, forward, 1.0)
    build.coefficients(row, way, -span)
    row = build.rows("reverse_only", (count,), upper=span)
    build.coefficients(row, reverse, 1.0)
    build.coefficients(row, way, span)
    row = build.rows("filled", full.shape, lower=0.0)
    build.coefficients(row, part[:, :-1], 1.0)
    build.coefficients(row, full, -span[:, None] / segments)
    row = build.rows("in_order", full.shape, upper=0.0)
    build.coefficients(row, part[:, 1:], 1.0)
    build.coefficients(row, full, -span[:, None] / segments)
    return build.compile()


def _joined(program: Program, instance: Instance, extension: Program) -> Program:
    """Return an instance of the program and its extension (whose first columns are the program's) as one program."""
    rows, columns = instance.shape
    own = sp.csr_array(instance.matrix, copy=True)
    own.resize(rows, extension.shape[1])
    beyond = {name: block for name, block in extension.columns.items() if name != "given"}
    below = {name: replace(block, start=block.start + rows) for name, block in extension.rows.items()}
    matrix = stack_rows(own, extension.matrix)
    empty_columns, empty_rows = (sp.csr_array((size, 0)) for size in (matrix.shape[1], matrix.shape[0]))
    return Program(
        columns={**program.columns, **beyond},
        rows={**program.rows, **below},
        ports={},
        matrix=matrix,
        cost=np.concatenate([instance.cost, extension.cost[columns:]]),
        row_lower=np.concatenate([instance.row_lower, extension.row_lower]),
        row_upper=np.concatenate([instance.row_upper, extension.row_upper]),
        col_lower=np.concatenate([instance.col_lower, extension.col_lower[columns:]]),
        col_upper=np.concatenate([instance.col_upper, extension.col_upper[columns:]]),
        cost_port=empty_columns,
        row_port=empty_rows,
        col_lower_port=empty_columns,
        col_upper_port=empty_columns,
    )
