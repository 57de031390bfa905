"""What real time is worth to a schedule: the whole two-stage program, and policies that look at less.

The day-ahead program is the extensive form of a two-stage problem: positions first, real time in every scenario after,
with its own prices and penalties, in quarters of an hour where the day has them. So its optimum knows the expected
value of real time, with a proved gap. Four values stand in an order that is a theorem:

    wait and see  >=  recourse  >=  any positions that are then carried out in all scenarios

*wait and see* knows the scenario before it takes positions; *mean value* takes those that are best for the mean of the
scenarios; *feedback* is the published loop: schedule for what is expected, look at what real time does with it, correct
the expectation by that, and schedule anew until the value of real time stays. It may cycle, so its best round counts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from equilibrium.arrays import FloatArray
from equilibrium.deadline import Deadline
from equilibrium.errors import InputError
from equilibrium.grid.unserved import AfterOutages, Table
from equilibrium.markets.two_settlement.checks import check_day, check_system
from equilibrium.markets.two_settlement.day_ahead import Compiled, compile_day_ahead
from equilibrium.markets.two_settlement.interruption import interruption_tables, unserved_of
from equilibrium.markets.two_settlement.network import Radial, radial_of
from equilibrium.markets.two_settlement.search import INTERRUPTION, PROFIT, Asked, DaySearch
from equilibrium.markets.two_settlement.system import ActiveSystem, DayAhead, Scenario, expected_prices
from equilibrium.programs.branching import Branched
from equilibrium.programs.program import INF

POLICY_GAP = 1e-6
"""Relative gap up to which policies are solved unless another is asked for: their differences may be small."""

SAME_ROUND = 1e-6
"""The value of real time counts as unchanged below this, relative to ``1 + |value|``: the published loop ends there."""


@dataclass(frozen=True, eq=False)
class Recourse:
    """Values of policies, expected profit (less the cost of outages where it is asked for).

    Attributes
    ----------
    wait_and_see
        Proved upper bound of what could be earned by who knows the scenario.
    value, bound
        Of the whole program, and its proved upper bound.
    mean_value
        Positions of the mean scenario, carried out in all; minus infinity where a scenario cannot be kept.
    feedback
        The same for every round of the published loop, shape ``(rounds,)``.
    settled
        Whether the loop ended by itself.
    """

    wait_and_see: float
    value: float
    bound: float
    mean_value: float
    feedback: FloatArray
    settled: bool

    @property
    def perfect_information(self) -> float:
        """What knowing the scenario is worth at most (EVPI)."""
        return self.wait_and_see - self.value

    @property
    def stochastic_solution(self) -> float:
        """What the whole program earns more than positions of the mean scenario (VSS)."""
        return self.value - self.mean_value

    @property
    def distance(self) -> float:
        """By how much the published loop stays below the best, at its best round."""
        return self.value - float(self.feedback.max(initial=-INF))


class Policies:
    """Compares policies on one day.

    Parameters
    ----------
    system, day
        What is scheduled.
    outages
        Whether the expected cost of outages counts too.
    gap
        Relative gap up to which each schedule is proved.
    node_limit
        Nodes of all searches.
    solver
        Of the linear programs.

    Raises
    ------
    InputError
        When system or day cannot be.
    """

    def __init__(
        self,
        system: ActiveSystem,
        day: DayAhead,
        *,
        outages: bool = False,
        gap: float = POLICY_GAP,
        node_limit: float = INF,
        solver: str = "auto",
    ) -> None:
        check_system(system)
        check_day(system, day)
        if not outages:
            system = replace(system, outages=(), outage_probability=np.zeros(0))
        self.system, self.day, self.gap, self.solver = system, day, gap, solver
        self._deadline = Deadline(nodes=node_limit)
        self._radial: Radial = radial_of(system.grid)
        self._after = AfterOutages(system.grid, system.outages)
        self._whole = self._search(day)

    def _search(self, day: DayAhead) -> DaySearch:
        tables: tuple[Table, ...] = interruption_tables(self.system, day, unserved_of(self.system, day, self._after))
        compiled: Compiled = compile_day_ahead(self.system, self._radial, day, tables)
        return DaySearch(compiled, 0.0, self.gap, self._deadline, self.solver)

    @staticmethod
    def _asked(search: DaySearch) -> Asked:
        return Asked(search.costs[PROFIT] + search.costs[INTERRUPTION], np.full(2, INF))

    def carried_out(self, positions: FloatArray) -> Branched | None:
        """Return what real time makes of given positions in all scenarios; None where one cannot be kept."""
        search = self._whole
        return search.best(self._asked(search), (search.compiled.first.columns, positions))

    def _positions(self, day: DayAhead) -> FloatArray:
        """Return the best positions for a day, in the order of the first stage's columns."""
        search = self._search(day)
        found = search.required(self._asked(search).cost)[1]
        x = found.x[search.compiled.first.columns]
        count = sum(states.on.size for states in search.compiled.first.states)
        return np.concatenate([x[: x.size - count], np.round(x[x.size - count :])])

    def compare(self, *, rounds: int = 5, damping: float = 0.5) -> Recourse:
        """Return the values of all policies.

        Parameters
        ----------
        rounds
            Of the published loop at most.
        damping
            Share of a correction that is taken over.

        Raises
        ------
        InputError
            When rounds or damping are outside their range.
        InfeasibleError
            When the day has no schedule.
        """
        if rounds < 1:
            raise InputError("policies", "rounds", rounds, "at least 1")
        if not 0.0 < damping <= 1.0:
            raise InputError("policies", "damping", damping, "a share above 0, at most 1")
        asked, found = self._whole.required(self._asked(self._whole).cost)
        alone = [replace(self.day, scenarios=(replace(each, probability=1.0),)) for each in self.day.scenarios]
        seen = [self._search(day) for day in alone]
        bounds = [-search.required(self._asked(search).cost)[1].bound for search in seen]
        weight = [scenario.probability for scenario in self.day.scenarios]
        feedback, settled = self._feedback(rounds, damping)
        return Recourse(
            wait_and_see=float(np.dot(weight, bounds)),
            value=-float(asked.cost @ found.x),
            bound=-found.bound,
            mean_value=float(feedback[0]),
            feedback=feedback,
            settled=settled,
        )

    def _feedback(self, rounds: int, damping: float) -> tuple[FloatArray, bool]:
        """Play the published loop; its first round is the mean scenario."""
        expected = replace(self.day, scenarios=(mean_scenario(self.day),))
        root = self.system.grid.roots[0]
        values: list[float] = []
        for _ in range(rounds):
            found = self.carried_out(self._positions(expected))
            values.append(-INF if found is None else -found.objective)
            if found is None or (
                len(values) > 1 and abs(values[-1] - values[-2]) <= SAME_ROUND * (1 + abs(values[-1]))
            ):
                return np.array(values), found is not None
            step = damping * self._departure(found.x)
            load = expected.scenarios[0].load_kw.copy()
            load[:, root] = np.maximum(load[:, root] + step, 0.0)
            expected = replace(expected, scenarios=(replace(expected.scenarios[0], load_kw=load),))
        return np.array(values), False

    def _departure(self, x: FloatArray) -> FloatArray:
        """Return what real time buys beside the positions in expectation, kW, shape ``(T,)``."""
        weight = [scenario.probability for scenario in self.day.scenarios]
        each = [x[operation.more[0]] - x[operation.less[0]] for operation in self._whole.compiled.scenarios]
        return np.asarray(np.tensordot(weight, np.array(each), 1))


def mean_scenario(day: DayAhead) -> Scenario:
    """Return the mean of a day's scenarios."""

    def mean(values: list[FloatArray]) -> FloatArray:
        return np.asarray(np.tensordot([each.probability for each in day.scenarios], np.array(values), 1))

    return Scenario(
        1.0,
        mean([each.load_kw for each in day.scenarios]),
        mean([each.load_kvar for each in day.scenarios]),
        mean([each.available_kw for each in day.scenarios]),
        expected_prices(day.scenarios),
    )
