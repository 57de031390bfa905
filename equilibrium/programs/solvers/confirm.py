"""No verdict on a mixed-integer program rests on one setting of one solver.

Each setting of HiGHS has been seen to call a feasible program infeasible, or to close the gap at a wrong optimum
(``docs/games.md`` has the table). So

* of an *optimal* answer the integers are fixed and the linear program that is left is solved on its own, which shows
  a point that only tolerances make feasible; and a second setting looks for a point that is better;
* an *infeasible* program is solved by a second setting, whose point, if it has one, is tested in the same way.

Where a second opinion refutes the first, the refuting point is the new answer and is confirmed in turn; where no two
opinions agree, that is an error and no answer.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp

from equilibrium.errors import SolverError
from equilibrium.programs.program import INF, Instance
from equilibrium.programs.solvers.base import MixedSolution, Solution, Status

SAME_VALUE = 1e-7
"""Two values of an objective that differ by less, relative to ``1 + |value|``, do not refute each other: a hundred
times what solvers are asked for, since a point may use its tolerance in every row."""

ROUNDS = 3
"""Answers that may be refuted one after the other before nothing is said."""

Opinion = Callable[[Instance, np.ndarray, float], MixedSolution]
"""Solves a program with integer columns within some seconds."""


@dataclass(frozen=True)
class Panel:
    """Who is asked, in this order, by name; and who solves linear programs."""

    opinions: Sequence[tuple[str, Opinion]]
    linear: Callable[[Instance], Solution]

    def beside(self, author: str) -> Panel:
        """Return the panel without the one whose answer is in question."""
        return replace(self, opinions=[each for each in self.opinions if each[0] != author])


def confirmed(instance: Instance, integer: np.ndarray, panel: Panel, seconds: float) -> MixedSolution:
    """Solve a mixed-integer program and confirm the verdict.

    Returns
    -------
    MixedSolution
        With the names of all who had a part in it. Where the time is over before a second opinion came, the status is
        ``limit``.

    Raises
    ------
    SolverError
        When no two opinions agree.
    """
    end = time.perf_counter() + seconds
    author, opinion = panel.opinions[0]
    answer = replace(opinion(instance, integer, seconds), solver=author)
    if not np.any(integer):
        return answer
    for _ in range(ROUNDS):
        if answer.status is Status.INFEASIBLE:
            answer, author, settled = _second_infeasible(instance, integer, answer, panel.beside(author), end)
        elif answer.status is Status.OPTIMAL:
            answer, author, settled = _second_optimal(instance, integer, answer, panel.beside(author), end)
        else:
            return answer
        if settled:
            return answer
    raise SolverError(f"a mixed-integer program of {instance.shape} has as many optima as opinions: {answer.solver}")


def _second_infeasible(
    instance: Instance, integer: np.ndarray, first: MixedSolution, panel: Panel, end: float
) -> tuple[MixedSolution, str, bool]:
    """Ask others whether there is a point; return the answer that stands, its author, and whether it is settled."""
    told = first.solver
    for name, opinion in panel.opinions:
        other = opinion(instance, integer, _left(end))
        told = f"{told}, {name}"
        spent = replace(first, seconds=first.seconds + other.seconds, nodes=first.nodes + other.nodes, solver=told)
        if other.status is Status.INFEASIBLE:
            return spent, name, True
        if other.x.size and np.isfinite(other.objective):
            point = _fixed(instance, integer, other.x, panel)
            if point is not None:
                return _improved(spent, other, point), name, False
        elif other.status is Status.LIMIT:
            return replace(spent, status=Status.LIMIT), name, True
    raise SolverError(
        f"a mixed-integer program of {instance.shape} is infeasible for one of {told} and not for another"
    )


def _second_optimal(
    instance: Instance, integer: np.ndarray, first: MixedSolution, panel: Panel, end: float
) -> tuple[MixedSolution, str, bool]:
    """Test the point without its integers' tolerance, and look for a better one."""
    point = _fixed(instance, integer, first.x, panel)
    scale = SAME_VALUE * (1.0 + abs(first.objective))
    if point is not None and abs(point[0] - first.objective) > scale:
        first = replace(first, x=point[1], objective=point[0])  # what the integers are worth without a tolerance
    limit = (first.objective if point is not None else first.bound) - scale
    # Without a point of its own any point will do; with one, only a better one.
    asked = (
        instance
        if point is None
        else instance.with_rows(sp.csr_array(instance.cost.reshape(1, -1)), np.array([-INF]), np.array([limit]))
    )
    told, spent = first.solver, first
    for name, opinion in panel.opinions:
        other = opinion(asked, integer, _left(end))
        told = f"{told}, {name}"
        spent = replace(first, seconds=first.seconds + other.seconds, nodes=first.nodes + other.nodes, solver=told)
        if other.status is Status.INFEASIBLE:
            if point is not None:
                return spent, name, True
            return replace(spent, status=Status.INFEASIBLE, x=np.zeros(0), objective=INF, bound=INF), name, True
        if other.x.size and np.isfinite(other.objective):
            better = _fixed(instance, integer, other.x, panel)
            if better is not None and (point is None or better[0] < limit):
                return _improved(spent, other, better), name, False
        elif other.status is Status.LIMIT:
            return replace(spent, status=Status.LIMIT), name, True
    # All that is better exists by tolerances alone, so the first bound is no better known than that.
    return replace(spent, status=Status.LIMIT), name, True


def _improved(first: MixedSolution, other: MixedSolution, point: tuple[float, np.ndarray]) -> MixedSolution:
    """Return the refuting point as the answer, with the bound of who found it."""
    value, x = point
    bound = min(other.bound, value) if other.status is Status.OPTIMAL else -INF
    return replace(first, status=Status.OPTIMAL, x=x, objective=value, bound=bound)


def _fixed(instance: Instance, integer: np.ndarray, x: np.ndarray, panel: Panel) -> tuple[float, np.ndarray] | None:
    """Return value and point of the linear program with the integers of ``x``; None where it has no point."""
    at = np.flatnonzero(integer)
    whole = np.clip(np.round(x[at]), np.ceil(instance.col_lower[at]), np.floor(instance.col_upper[at]))
    answer = panel.linear(instance.with_columns(at, whole, whole))
    if answer.status is not Status.OPTIMAL:
        return None
    return float(instance.cost @ answer.x), answer.x


def _left(end: float) -> float:
    return max(0.0, end - time.perf_counter())


__all__ = ["Panel", "confirmed"]
