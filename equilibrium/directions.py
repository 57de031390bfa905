"""The lossy flow where energy may be worth wasting: directions and segments as binaries, only where they are needed.

Above its secants a square may float up when losses have no price or a negative one (docs/disco.md). Then, in order:

1. of all optima the one of least losses is taken: squares without a price come down, and the cost is the same;
2. squares that are still too high get the printed binaries, the program is solved again, and so on until every square
   lies on its piecewise linear function. Each of these programs is a relaxation of the exact one, so the first whose
   answer is exact is optimal. Prices follow from the linear program in the directions and segments that were chosen.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from equilibrium.duality import optimal_face
from equilibrium.errors import SolverError
from equilibrium.lossy import AXES, SIDES, lossy_branches, piecewise_square, secant_rows, square_gaps
from equilibrium.network import FloatArray, IntArray, Network
from equilibrium.program import Instance, Program, ProgramBuilder
from equilibrium.solvers import MixedSolution, Solution, Status, open_handle, solve_mixed

EXACT_TOLERANCE = 1e-7
"""A square counts as exact up to this share of the greatest square of its branch."""

SECANT_TOLERANCE = 1e-9
"""A secant is stated in a mixed-integer program when the square is below it by more than this share."""


@dataclass(frozen=True, eq=False)
class ExactFlow:
    """An optimum of the lossy flow at which every square is exact.

    Attributes
    ----------
    status
        ``optimal`` or ``infeasible``; the rest means something only when it is optimal.
    instance
        The linear program that ``x`` and ``y`` solve: the one that was given, or that one with the directions and
        segments of ``binary_squares`` held.
    x, y
        Point and multipliers, in the numbering of the program.
    bound
        Proven lower bound on the cost over all directions and segments; minus infinity when not optimal.
    binary_squares
        Number of squares that needed binaries.
    seconds
        Time inside solvers.
    """

    status: Status
    instance: Instance
    x: FloatArray
    y: FloatArray
    bound: float
    binary_squares: int
    seconds: float


@dataclass(frozen=True, eq=False)
class _Squares:
    """Every square of a program, flat: its column, its flow's column, its range and its secants."""

    square: IntArray
    flow: IntArray
    span: FloatArray
    forward: IntArray
    reverse: IntArray

    @property
    def segments(self) -> int:
        return int(self.forward.shape[1])

    @classmethod
    def of(cls, network: Network, program: Program) -> _Squares:
        parts = []
        for square, flow in AXES:
            index = program.columns[square].index
            rows = [program.rows[secant_rows(square, side)].index for side, _ in SIDES]
            parts.append(
                (
                    index.ravel(),
                    program.columns[flow].index[:, lossy_branches(network)].ravel(),
                    program.col_upper[index].ravel(),
                    *(row.reshape(index.size, -1) for row in rows),
                )
            )
        return cls(*(np.concatenate(side) for side in zip(*parts, strict=True)))

    def low(self, x: FloatArray) -> NDArray[np.bool_]:
        """Return which squares lie below their piecewise linear function."""
        share = np.abs(x[self.flow]) / self.span
        gap = x[self.square] / self.span - piecewise_square(share, self.segments)
        return np.asarray(gap < -SECANT_TOLERANCE)

    def segment(self, x: FloatArray) -> tuple[IntArray, NDArray[np.bool_]]:
        """Return the segment of each flow, from 0, and whether it runs forward."""
        share = np.abs(x[self.flow]) / self.span * self.segments
        return np.clip(np.ceil(share) - 1, 0, self.segments - 1).astype(np.int64), x[self.flow] >= 0.0


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
        ``program`` holds :func:`equilibrium.lossy.add_lossy_flow` of ``network``, possibly with more blocks.
    solve
        How linear programs are solved, for instance :meth:`equilibrium.reduction.ReducedModel.solve`; by default each
        one from nothing, with every row.
    solver
        One of :data:`equilibrium.solvers.SOLVERS`.

    Raises
    ------
    SolverError
        When a program is unbounded or a time limit ends the search.
    """
    run = solve if solve is not None else lambda bound: open_handle(bound, solver).solve()
    squares = _Squares.of(network, program)
    exact = np.zeros(squares.square.size, dtype=bool)
    held, bound, seconds = instance, -np.inf, 0.0
    while True:
        answer, loose = _least_loose(network, program, held, run)
        seconds += answer.seconds
        if answer.status is Status.INFEASIBLE and not exact.any():  # even without the demand that squares be exact
            return ExactFlow(answer.status, held, answer.x, answer.y, bound, 0, seconds)
        if answer.status is not Status.OPTIMAL:
            raise SolverError(f"the lossy flow ended {answer.status} ({int(exact.sum())} squares with binaries)")
        if not loose.any():
            proven = bound if exact.any() else float(instance.cost @ answer.x)
            return ExactFlow(answer.status, held, answer.x, answer.y, proven, int(exact.sum()), seconds)
        if (loose & exact).any():
            raise SolverError("a square is not exact although its segment is held: the program is badly scaled")
        exact |= loose
        mixed = solve_exact_squares(network, program, instance, exact, answer.x, solver)
        seconds += mixed.seconds
        if mixed.status is not Status.OPTIMAL:
            return ExactFlow(mixed.status, held, answer.x, answer.y, -np.inf, int(exact.sum()), seconds)
        held, bound = _pinned(instance, squares, exact, mixed.x), mixed.bound


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
    """Return which squares are too high, flat in the order of :class:`_Squares`."""
    gaps = square_gaps(network, program, x)
    return np.concatenate([gaps[square].ravel() for square, _ in AXES]) > EXACT_TOLERANCE


def solve_exact_squares(
    network: Network,
    program: Program,
    instance: Instance,
    exact: NDArray[np.bool_],
    start: FloatArray,
    solver: str = "auto",
) -> MixedSolution:
    """Solve the mixed-integer program in which the squares marked ``exact`` have directions and segments as binaries.

    Parameters
    ----------
    exact
        ``square_p`` flat, then ``square_q`` flat; all True is the printed set with segments in order.
    start
        A point, shape ``(columns,)``: the secants that it needs are stated at once, others when they are violated.

    Returns
    -------
    MixedSolution
        ``x`` in the numbering of ``instance``.
    """
    squares = _Squares.of(network, program)
    every = np.arange(exact.size)
    needed = np.zeros((exact.size, squares.segments), dtype=bool)
    needed[every, squares.segment(start)[0]] = True
    seconds = 0.0
    while True:
        mixed, integer = _mixed(instance, squares, exact, needed)
        answer = solve_mixed(mixed, integer, solver)
        seconds += answer.seconds
        if answer.status is Status.LIMIT or answer.status is Status.UNBOUNDED:
            raise SolverError(f"directions of flow were not settled: {answer.status}")
        x = answer.x[: instance.shape[1]]
        if answer.status is not Status.OPTIMAL:
            return MixedSolution(answer.status, x, answer.objective, answer.bound, seconds)
        segment, _ = squares.segment(x)
        missing = squares.low(x) & ~exact & ~needed[every, segment]
        if not missing.any():
            return MixedSolution(answer.status, x, answer.objective, answer.bound, seconds)
        needed[missing, segment[missing]] = True


def _mixed(
    instance: Instance, squares: _Squares, exact: NDArray[np.bool_], needed: NDArray[np.bool_]
) -> tuple[Instance, NDArray[np.bool_]]:
    """State (2d)-(2f) with binaries for the exact squares; secants that are not ``needed`` are left out.

    ``way`` is the direction; ``full[f]`` says that segment f is full, without which the next one is empty. The order of
    segments must be stated: at a negative price the dear ones would be filled first.
    """
    pick = np.flatnonzero(exact)
    span, count, segments = squares.span[pick], pick.size, squares.segments
    build = ProgramBuilder()
    given = build.columns(
        "given", instance.cost.shape, lower=instance.col_lower, upper=instance.col_upper, cost=instance.cost
    )
    flow, square = given[squares.flow[pick]], given[squares.square[pick]]
    forward, reverse = build.columns("forward", (count,)), build.columns("reverse", (count,))
    part = build.columns("part", (count, segments), upper=span[:, None] / segments)
    first_binary = build.columns("way", (count,), upper=1.0)
    full = build.columns("full", (count, segments - 1), upper=1.0)
    slope = (2.0 * np.arange(1, segments + 1) - 1.0) / segments

    row = build.rows("flow", (count,), lower=0.0, upper=0.0)
    for columns, sign in ((flow, 1.0), (forward, -1.0), (reverse, 1.0)):
        build.coefficients(row, columns, sign)
    row = build.rows("size", (count,), lower=0.0, upper=0.0)  # (2e)
    build.coefficients(row, forward, 1.0)
    build.coefficients(row, reverse, 1.0)
    build.coefficients(row[:, None], part, -1.0)
    row = build.rows("square", (count,), lower=0.0, upper=0.0)  # (2d)
    build.coefficients(row, square, 1.0)
    build.coefficients(row[:, None], part, -slope)
    row = build.rows("forward_only", (count,), upper=0.0)  # (2f)
    build.coefficients(row, forward, 1.0)
    build.coefficients(row, first_binary, -span)
    row = build.rows("reverse_only", (count,), upper=span)
    build.coefficients(row, reverse, 1.0)
    build.coefficients(row, first_binary, span)
    row = build.rows("filled", full.shape, lower=0.0)
    build.coefficients(row, part[:, :-1], 1.0)
    build.coefficients(row, full, -span[:, None] / segments)
    row = build.rows("in_order", full.shape, upper=0.0)
    build.coefficients(row, part[:, 1:], 1.0)
    build.coefficients(row, full, -span[:, None] / segments)

    extension = build.compile().bind({})
    integer = np.arange(extension.shape[1]) >= int(first_binary[0])
    keep = np.ones(instance.shape[0], dtype=bool)
    for rows in (squares.forward, squares.reverse):
        keep[rows[~needed | exact[:, None]]] = False
    own = sp.csr_array(instance.matrix[keep, :])
    own.resize(own.shape[0], extension.shape[1])
    return extension.with_rows(own, instance.row_lower[keep], instance.row_upper[keep]), integer


def _pinned(instance: Instance, squares: _Squares, exact: NDArray[np.bool_], x: FloatArray) -> Instance:
    """Hold the exact squares in the direction and segment that they have at ``x``: there the secant is an equality."""
    pick = np.flatnonzero(exact)
    segment, forward = (side[pick] for side in squares.segment(x))
    width = squares.span[pick] / squares.segments
    near, far = segment * width, (segment + 1.0) * width
    flow = squares.flow[pick]
    lower = np.maximum(instance.col_lower[flow], np.where(forward, near, -far))
    upper = np.minimum(instance.col_upper[flow], np.where(forward, far, -near))
    rows = np.where(forward, squares.forward[pick, segment], squares.reverse[pick, segment])
    row_upper = instance.row_upper.copy()
    row_upper[rows] = instance.row_lower[rows]
    return replace(instance.with_columns(flow, lower, upper), row_upper=row_upper)
