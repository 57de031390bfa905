"""The search for the best schedules of a day: one program, two objectives, a budget against prices that turn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from equilibrium.arrays import BoolArray, FloatArray, IntArray
from equilibrium.deadline import Deadline
from equilibrium.errors import InfeasibleError, SolverError
from equilibrium.markets.two_settlement.day_ahead import Compiled
from equilibrium.markets.two_settlement.network import LimitRow, broken_limits, rows_of
from equilibrium.programs.branching import Branched, Pairs, Rows, branch
from equilibrium.programs.front import Front, Objectives, grid_front
from equilibrium.programs.program import INF, Instance
from equilibrium.programs.robust import COST, Budget, Robust, robust_counterpart
from equilibrium.programs.solvers.confirm import SAME_VALUE

KEPT_POINTS = 4
"""Schedules of earlier searches that a search begins with."""

PROFIT, INTERRUPTION = 0, 1
"""Order of the objectives: -F1, and F2."""


@dataclass(frozen=True, eq=False)
class Asked:
    """An objective of the day and limits of both objectives.

    Attributes
    ----------
    cost
        What is minimised, shape ``(columns,)``.
    limits
        Upper limits of -F1 and F2, shape ``(2,)``.
    """

    cost: FloatArray
    limits: FloatArray


class DaySearch:
    """Finds schedules of one day.

    Rows of the network that one search needed stay for the next.

    Parameters
    ----------
    compiled
        The day's program.
    gamma
        How many periods' prices turn against the operator at once.
    gap
        Relative gap at which a search ends.
    deadline
        For all searches together.
    solver
        Of the linear programs.
    load_gamma
        In how many periods net load turns against the operator at once.
    """

    def __init__(
        self,
        compiled: Compiled,
        gamma: float,
        gap: float,
        deadline: Deadline,
        solver: str,
        load_gamma: float = 0.0,
    ) -> None:
        day = compiled.setting.day
        deviation = (day.price_deviation * day.length_h).reshape(-1, day.held).sum(axis=1)
        budget = Budget("prices", COST, compiled.net[:: day.held], deviation, gamma)
        self.compiled, self.gap, self.deadline, self.solver = compiled, gap, deadline, solver
        self.budgets = [budget]
        if compiled.exposed.size:
            self.budgets += [Budget("net load", COST, compiled.exposed, np.ones(compiled.exposed.size), load_gamma)]
        self.robust = _bounded(robust_counterpart(compiled.instance, self.budgets), compiled)
        columns = self.robust.instance.shape[1]
        self.integer: BoolArray = self.robust.whole(compiled.integer)
        other = np.concatenate([compiled.interruption, np.zeros(columns - compiled.interruption.size)])
        self.costs = np.stack([self.robust.instance.cost, other])
        self.limits: list[LimitRow] = []
        self.nodes = self.programs = 0
        self.seconds = 0.0
        self.found: list[tuple[Asked, Branched]] = []
        scenarios = compiled.scenarios
        self.pairs = Pairs(
            np.concatenate([each.charge.ravel() for each in scenarios]),
            np.concatenate([each.discharge.ravel() for each in scenarios]),
        )

    def protection(self, x: FloatArray) -> float:
        """Return what the worst prices and net loads within their budgets take from F1 at a point."""
        return sum(budget.protection(x) for budget in self.budgets)

    def stated(self, asked: Asked) -> Instance:
        """Return the program with its limits, in which rows of the network come last."""
        limits = sp.csr_array(self.costs)
        instance = self.robust.instance.with_rows(limits, np.full(2, -INF), asked.limits).with_cost(asked.cost)
        beyond = self._beyond(float(asked.limits[INTERRUPTION]))
        instance = instance.with_columns(beyond, 0.0, 0.0)
        if not self.limits:
            return instance
        rows = rows_of(self.limits, instance.shape[1])
        return instance.with_rows(rows.matrix, rows.lower, rows.upper)

    def _beyond(self, limit: float) -> IntArray:
        """Return the states that no schedule within a limit of F2 can have, were all other periods at their least."""
        tables = [(columns, self.compiled.interruption[columns]) for columns in self.compiled.tabled]
        left = limit - sum(float(cost.min(axis=1).sum()) for _, cost in tables)
        left += SAME_VALUE * (1.0 + abs(limit)) if np.isfinite(limit) else 0.0
        found = [columns[cost - cost.min(axis=1)[:, None] > left] for columns, cost in tables]
        return np.concatenate([*found, np.zeros(0, dtype=np.int64)])

    def best(self, asked: Asked, fixed: tuple[IntArray, FloatArray] | None = None) -> Branched | None:
        """Return the best schedule, proved up to the gap; None where none keeps the limits.

        Parameters
        ----------
        fixed
            Columns that are given, and their values.

        Raises
        ------
        SolverError
            When the deadline ended the search without a schedule.
        """
        stated = self.stated(asked)
        if fixed is not None:
            stated = stated.with_columns(fixed[0], fixed[1], fixed[1])
        found = branch(
            stated,
            self.integer,
            broken=self.broken,
            pairs=self.pairs,
            gap=self.gap,
            deadline=self.deadline,
            start=[] if fixed is not None else [each.x for _, each in self.found[-KEPT_POINTS:]],
            solver=self.solver,
        )
        self.nodes += found.nodes
        self.programs += found.programs
        self.seconds += found.seconds
        if not found.x.size:
            if found.finished:
                return None
            raise SolverError(f"no schedule was found within the {self.deadline.what}")
        if fixed is None:
            self.found.append((asked, found))
        return found

    def relaxed(self, asked: Asked) -> Branched:
        """Return the optimum of the linear relaxation, with every limit of the network that it would break."""
        return branch(self.stated(asked), np.zeros_like(self.integer), broken=self.broken, solver=self.solver)

    def broken(self, x: FloatArray) -> Rows | None:
        """Return the limits of the network that a point breaks, and keep them for searches to come."""
        about = self.compiled.setting
        injections = tuple(each.injections for each in self.compiled.scenarios)
        found = broken_limits(about.radial, injections, x)
        if not found:
            return None
        self.limits += found
        return rows_of(found, self.integer.size)

    def required(self, cost: FloatArray) -> tuple[Asked, Branched]:
        """Return the schedule that is best in one objective.

        Raises
        ------
        InfeasibleError
            When the day has no schedule.
        """
        asked = Asked(cost, np.full(2, INF))
        found = self.best(asked)
        if found is None:
            raise InfeasibleError(("no schedule of the day keeps all limits",))
        return asked, found

    def least_interruption(self) -> tuple[Asked, Branched]:
        """Return the schedule of most profit among those of least F2.

        Raises
        ------
        InfeasibleError
            When the day has no schedule.
        """
        least = self.required(self.costs[INTERRUPTION])[1].objective
        asked = Asked(self.costs[PROFIT], np.array([INF, least + SAME_VALUE * (1.0 + abs(least))]))
        found = self.best(asked)
        if found is None:
            raise SolverError("no schedule has the least interruption that was found")
        return asked, found

    def search_of(self, x: FloatArray) -> tuple[Asked, Branched]:
        """Return the search that found a point."""
        return next(each for each in reversed(self.found) if np.array_equal(each[1].x, x))

    def front(self, points: int) -> Front:
        """Return the front of -F1 and F2, each point proved up to the gap.

        Raises
        ------
        InfeasibleError
            When the day has no schedule.
        """
        problem = Objectives(self.robust.instance, self.integer, self.costs, ("cost", "interruption"))

        def solve(asked: Instance, _: BoolArray) -> FloatArray | None:
            found = self.best(Asked(asked.cost, asked.row_upper[-2:]))
            return None if found is None else found.x

        return grid_front(problem, points, solver=solve)


def _bounded(robust: Robust, compiled: Compiled) -> Robust:
    """Give the columns of the counterpart the limits that its best points keep, so that every column has some."""
    day, nominal = compiled.setting.day, compiled.instance
    extra = np.arange(nominal.shape[1], robust.instance.shape[1])
    size = float(np.abs(nominal.col_upper[compiled.net]).max())
    most = size * max(1.0, float((day.price_deviation * day.length_h).sum()))
    most = max(most, float(nominal.col_upper[compiled.exposed].sum()))
    return Robust(robust.instance.with_columns(extra, 0.0, most), nominal, robust.budgets)
