"""Several objectives over one program: lexicographic pay-off, the non-dominated front, and a choice from it.

A point is *non-dominated* when no other is at least as good in every objective and better in one. The method is the
epsilon-constraint one with a slack term (Mavrotas 2009): one objective is minimised while the others are limited, and

    f_1 + rho (f_2 + ... + f_k)        with rho > 0

is minimised in its place. Without the second term a limit that does not bind leaves dominated points among the optima;
with it every optimum is non-dominated, since a better point would keep the same limits and have a smaller sum.

Where the values of all objectives are multiples of known steps, as they are with whole coefficients of whole columns,
the front is found *whole*: what is not yet dominated by the points found is a union of boxes (Klamroth, Lacour and
Vanderpooten 2015), each box is searched once for a point, and the front is complete when every box is proved empty.
There rho is small enough that f_1 is least, so the box of points with a smaller f_1 is empty without a search.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import gcd

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike

from equilibrium.arrays import BoolArray, FloatArray
from equilibrium.errors import InfeasibleError, InputError, SolverError
from equilibrium.programs.program import INF, Instance
from equilibrium.programs.solvers import Status, solve_linear, solve_mixed
from equilibrium.programs.solvers.confirm import SAME_VALUE

DECIMALS = 6
"""Decimals up to which coefficients are read as multiples of a step."""

_OTHERS = 1e-3
"""Weight of the other objectives, relative to their ranges, where no step is known."""


@dataclass(frozen=True, eq=False)
class Objectives:
    """A program with several objectives, all to be minimised.

    Attributes
    ----------
    instance
        The feasible set; its own cost is not used.
    integer
        Which columns are whole, shape ``(columns,)``.
    costs
        The objectives, shape ``(objectives, columns)``.
    names
        What they are called.
    """

    instance: Instance
    integer: BoolArray
    costs: FloatArray
    names: tuple[str, ...]

    def __post_init__(self) -> None:
        """Refuse objectives that do not fit the program."""
        count, columns = len(self.names), self.instance.shape[1]
        if count < 2:  # one objective has no front
            raise InputError("objectives", "names", self.names, "at least two objectives")
        if self.costs.shape != (count, columns):
            raise InputError("objectives", "costs", self.costs.shape, f"the shape ({count}, {columns})")
        if not np.isfinite(self.costs).all():
            raise InputError("objectives", "costs", "not finite", "finite numbers")

    def value(self, x: FloatArray) -> FloatArray:
        """Return all objectives at a point, shape ``(objectives,)``."""
        return np.asarray(self.costs @ x)


@dataclass(frozen=True, eq=False)
class Front:
    """Non-dominated points, ascending in the first objective.

    Attributes
    ----------
    names
        Of the objectives.
    values
        Objectives of each point, shape ``(points, objectives)``.
    x
        The points themselves, shape ``(points, columns)``.
    payoff
        Lexicographic optima: row i has objective i least, then the others in their order; shape
        ``(objectives, objectives)``.
    complete
        Whether it is proved that no point is missing.
    solves
        Mixed-integer programs that were solved.
    """

    names: tuple[str, ...]
    values: FloatArray
    x: FloatArray
    payoff: FloatArray
    complete: bool
    solves: int

    @property
    def membership(self) -> FloatArray:
        """How good each point is in each objective: 1 at the best of the front, 0 at its worst; shape of ``values``."""
        best, worst = self.values.min(axis=0), self.values.max(axis=0)
        span = np.where(worst > best, worst - best, 1.0)
        return np.asarray(np.where(worst > best, (worst - self.values) / span, 1.0))

    def choice(self, weights: ArrayLike | None = None) -> int:
        """Return the point whose worst membership is best; with weights, that of the largest weighted mean.

        Of several the first is taken.

        Raises
        ------
        InputError
            When the weights are not one number from 0 for each objective.
        """
        if weights is None:
            return int(np.argmax(self.membership.min(axis=1)))
        given = np.asarray(weights, dtype=np.float64)
        if given.shape != (len(self.names),) or not (given >= 0.0).all() or not given.sum() > 0.0:
            raise InputError("front", "weights", given.tolist(), f"a number from 0 for each of {len(self.names)}")
        return int(np.argmax(self.membership @ given))


def step_of(problem: Objectives) -> FloatArray:
    """Return the steps of which all values of each objective are multiples, shape ``(objectives,)``.

    Raises
    ------
    InputError
        When an objective has a column that is not whole, or a coefficient with too many decimals.
    """
    scale = 10**DECIMALS
    steps = np.ones(len(problem.names))
    for k, (name, cost) in enumerate(zip(problem.names, problem.costs, strict=True)):
        used = np.flatnonzero(cost)
        if not problem.integer[used].all():
            raise InputError("front", name, "a column that is not whole", "whole columns, or the step of its values")
        counts = np.round(cost[used] * scale)
        if np.abs(counts / scale - cost[used]).max(initial=0.0) > 0.0:
            raise InputError("front", name, "a coefficient", f"at most {DECIMALS} decimals, or the step of its values")
        steps[k] = (gcd(*(int(each) for each in counts)) or scale) / scale
    return steps


Solve = Callable[[Instance, BoolArray], FloatArray | None]
"""Returns the best point of a program with whole columns, or None where it has none."""


class _Search:
    """Asks for the best point below limits."""

    def __init__(self, problem: Objectives, solve: str | Solve) -> None:
        self.problem, self.solves = problem, 0
        self._solve = _confirmed(solve) if isinstance(solve, str) else solve
        count = len(problem.names)
        limits = np.full(count, INF)
        self._instance = problem.instance.with_rows(sp.csr_array(problem.costs), -limits, limits)

    def best(self, cost: FloatArray, limits: FloatArray) -> FloatArray | None:
        """Return the point of least cost whose objectives are at most ``limits``; None where there is none."""
        upper = self._instance.row_upper.copy()
        upper[-limits.size :] = limits
        asked = replace(self._instance, row_upper=upper).with_cost(cost)
        self.solves += 1
        return self._solve(asked, self.problem.integer)

    def lexicographic(self, order: Sequence[int]) -> FloatArray:
        """Return the point that has the objectives least one after the other.

        Raises
        ------
        InfeasibleError
            When there is no point at all.
        """
        limits, x = np.full(len(self.problem.names), INF), np.zeros(0)
        for k in order:
            found = self.best(self.problem.costs[k], limits)
            if found is None:
                raise InfeasibleError(("the program of the front has no point",))
            x, value = found, float(self.problem.value(found)[k])
            limits[k] = value + SAME_VALUE * (1.0 + abs(value))
        return x

    def payoff(self) -> FloatArray:
        """Return the table of lexicographic optima."""
        count = len(self.problem.names)
        orders = [[k, *(j for j in range(count) if j != k)] for k in range(count)]
        return np.array([self.problem.value(self.lexicographic(order)) for order in orders])


def _confirmed(solver: str) -> Solve:
    """Return what solves with a solver by name and confirms the verdict."""

    def solve(asked: Instance, integer: BoolArray) -> FloatArray | None:
        answer = solve_mixed(asked, integer, solver)
        if answer.status is Status.INFEASIBLE:
            return None
        if answer.status is not Status.OPTIMAL:
            raise SolverError(f"a point of the front ended {answer.status}")
        return answer.x

    return solve


def whole_front(problem: Objectives, *, step: ArrayLike | None = None, solver: str = "auto") -> Front:
    """Find all non-dominated values of a program, one point for each.

    Parameters
    ----------
    problem
        The program and its objectives.
    step
        What the values of each objective are multiples of, shape ``(objectives,)``; ``None`` is :func:`step_of`.
    solver
        One of :data:`equilibrium.programs.solvers.SOLVERS`.

    Raises
    ------
    InputError
        When no step is known, or an objective has no largest value.
    InfeasibleError
        When the program has no point.
    """
    count = len(problem.names)
    steps = step_of(problem) if step is None else np.broadcast_to(np.asarray(step, dtype=np.float64), (count,))
    if not (steps > 0.0).all():
        raise InputError("front", "step", steps.tolist(), "numbers above 0")
    search = _Search(problem, solver)
    payoff = np.round(search.payoff() / steps) * steps
    top = np.array([_largest(problem, k, solver) for k in range(count)]) + steps
    least = payoff.diagonal()
    span = float((top - least)[1:].sum())
    cost = problem.costs[0] + 0.5 * steps[0] / span * problem.costs[1:].sum(axis=0)
    boxes, found, points = [top], list[FloatArray](), list[FloatArray]()
    while boxes:
        box = boxes.pop(0)
        x = search.best(cost, box - 0.5 * steps)
        if x is None:
            continue
        value = np.round(problem.value(x) / steps) * steps
        found.append(value)
        points.append(x)
        boxes = split_boxes(box, boxes, value, least)
    values = np.array(found)
    order = np.lexsort(values.T[::-1])
    return Front(problem.names, values[order], np.array(points)[order], payoff, True, search.solves)


def _largest(problem: Objectives, k: int, solver: str) -> float:
    """Return what an objective cannot exceed."""
    answer = solve_linear(problem.instance.with_cost(-problem.costs[k]), solver)
    if answer.status is Status.INFEASIBLE:
        raise InfeasibleError(("the program of the front has no point",))
    if answer.status is not Status.OPTIMAL:
        raise InputError("front", problem.names[k], "unbounded", "an objective with a largest value")
    return float(problem.costs[k] @ answer.x)


def split_boxes(box: FloatArray, boxes: list[FloatArray], value: FloatArray, least: FloatArray) -> list[FloatArray]:
    """Return the boxes that are left when a point is found in one of them: what it dominates is cut away.

    A box is named by its upper corner. In its own box the part below the point's first objective is empty.
    """
    kept = [each for each in boxes if not (value < each).all()]
    for each in [box, *(other for other in boxes if (value < other).all())]:
        for k in range(1 if each is box else 0, value.size):
            corner = each.copy()
            corner[k] = value[k]
            if corner[k] > least[k]:
                kept.append(corner)
    kept.sort(key=lambda corner: -float(corner.sum()))  # a box that holds another one comes before it
    largest: list[FloatArray] = []
    for corner in kept:
        if not any((corner <= other).all() for other in largest):
            largest.append(corner)
    return largest


def grid_front(problem: Objectives, count: int, *, solver: str | Solve = "auto") -> Front:
    """Find points of the front of two objectives at equal distances of the second one, the two extremes among them.

    For programs whose values have no step. Every point is non-dominated; others may lie between them.

    Parameters
    ----------
    count
        Limits of the second objective from its worst to its best value of the pay-off table, at least 2.
    solver
        One of :data:`equilibrium.programs.solvers.SOLVERS`, or what solves the programs: rows for limits are their
        last ones.

    Raises
    ------
    InputError
        When there are not two objectives, or fewer than two points are asked for.
    """
    if len(problem.names) != 2 or count < 2:
        raise InputError("front", "objectives and points", (len(problem.names), count), "two, and at least two points")
    search = _Search(problem, solver)
    ends = [search.lexicographic(order) for order in ((0, 1), (1, 0))]
    payoff = np.array([problem.value(x) for x in ends])
    span = np.ptp(payoff, axis=0)
    points = [ends[0]]
    if (span > SAME_VALUE * (1.0 + np.abs(payoff).max(axis=0))).all():
        cost = problem.costs[0] + _OTHERS * span[0] / span[1] * problem.costs[1]
        for limit in np.linspace(payoff[0, 1], payoff[1, 1], count)[1:-1]:
            x = search.best(cost, np.array([INF, limit]))
            if x is not None:
                points.append(x)
        points.append(ends[1])
    values = np.array([problem.value(x) for x in points])
    keep = [k for k in range(len(values)) if k == 0 or np.abs(values[k] - values[k - 1]).max() > SAME_VALUE]
    return Front(problem.names, values[keep], np.array(points)[keep], payoff, False, search.solves)
