"""The day-ahead market of two settlements (docs/two_settlement.md)."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from equilibrium.arrays import FloatArray
from equilibrium.certificate import Certificate, certify, naming_solvers
from equilibrium.deadline import Deadline
from equilibrium.errors import InputError
from equilibrium.grid.unserved import AfterOutages, Table
from equilibrium.markets.base import Afresh
from equilibrium.markets.two_settlement.checks import check_day, check_system
from equilibrium.markets.two_settlement.clearing import (
    DayAheadClearing,
    keep_accounts,
    read_dispatch,
    read_positions,
    thinned,
)
from equilibrium.markets.two_settlement.day_ahead import compile_day_ahead
from equilibrium.markets.two_settlement.interruption import interruption_of, interruption_tables, unserved_of
from equilibrium.markets.two_settlement.network import radial_of
from equilibrium.markets.two_settlement.pricing import check_rules, price_day
from equilibrium.markets.two_settlement.search import INTERRUPTION, PROFIT, Asked, DaySearch
from equilibrium.markets.two_settlement.system import ActiveSystem, DayAhead
from equilibrium.markets.two_settlement.unique import unique_operation
from equilibrium.programs.branching import Branched
from equilibrium.programs.commitment.prices import FIXED
from equilibrium.programs.duality import kkt_residuals
from equilibrium.programs.front import Front
from equilibrium.programs.program import INF
from equilibrium.programs.solvers import preferring
from equilibrium.programs.solvers.choose import check_solver
from equilibrium.programs.solvers.highs import HighsHandle

AIMS = ("profit", "interruption", "total", "compromise")
"""What is best: F1; F2, then F1; F1 less F2; or the fuzzy choice from the front of both."""

DAY_GAP = 1e-3
"""Relative gap at which the search for a schedule ends unless another is asked for."""

NODE_LIMIT = 20_000
"""Nodes after which the searches of a day end when nothing else is asked for."""


@dataclass(frozen=True)
class Options:
    """What a day-ahead market is asked for.

    Attributes
    ----------
    aim
        One of :data:`AIMS`.
    gamma
        How many periods' prices turn against the operator at once, from 0 to their number.
    load_gamma
        In how many periods net load turns out larger at once, by the day's ``load_deviation_kw``.
    gap
        Relative gap up to which schedules are proved.
    node_limit
        Nodes of all searches of a day; ``None`` for no limit.
    points
        Points of the front, where one is asked for, both extremes among them.
    weights
        Of profit and interruption in the fuzzy choice; ``None`` takes the point whose worse membership is best.
    switching
        Whether ties are closed after an outage.
    arbitrage
        Whether storage may be used and more may be sold than the operator's own units make.
    prices
        Rules by which prices are published.
    """

    aim: str = "profit"
    gamma: float = 0.0
    load_gamma: float = 0.0
    gap: float = DAY_GAP
    node_limit: int | None = NODE_LIMIT
    points: int = 11
    weights: tuple[float, float] | None = (0.5, 0.5)
    switching: bool = True
    arbitrage: bool = True
    prices: tuple[str, ...] = (FIXED,)

    def __post_init__(self) -> None:
        """Refuse what is out of its domain."""
        for name, good, expected in (
            ("aim", self.aim in AIMS, f"one of {', '.join(AIMS)}"),
            ("gamma", self.gamma >= 0.0, "a number from 0 to the periods of a day"),
            ("load_gamma", self.load_gamma >= 0.0, "a number from 0 to the periods of a day"),
            ("gap", 0.0 <= self.gap < 1.0, "a share from 0 to below 1"),
            ("node_limit", self.node_limit is None or self.node_limit >= 1, "at least 1, or None"),
            ("points", self.points >= 2, "at least 2"),
        ):
            if not good:
                raise InputError("day-ahead market", name, getattr(self, name), expected)
        check_rules(self.prices)


class DayAheadMarket(Afresh[DayAhead]):
    """The day-ahead market of an active distribution system.

    Parameters
    ----------
    system
        What stays the same from day to day.
    options
        What is asked for.
    solver
        One of :data:`equilibrium.programs.solvers.SOLVERS`, for the linear programs.

    Raises
    ------
    InputError
        When the system or an option cannot be.
    """

    def __init__(self, system: ActiveSystem, options: Options | None = None, *, solver: str = "auto") -> None:
        check_system(system)
        self.system, self.options, self.solver = system, options or Options(), check_solver(solver)
        self._radial = radial_of(system.grid)

    def interruptions(self, day: DayAhead) -> tuple[Table, ...]:
        """Return F2 of a day over the generators' states: it depends on loads and bids, not on prices."""
        check_day(self.system, day)
        return interruption_tables(self.system, day, unserved_of(self.system, day, self._after))

    @cached_property
    def _after(self) -> AfterOutages:
        """What the grid can be brought into after outages, found once for all days."""
        return AfterOutages(self.system.grid, self.system.outages, switching=self.options.switching)

    @naming_solvers
    def clear(self, day: DayAhead, tables: tuple[Table, ...] | None = None) -> DayAheadClearing:
        """Schedule a day.

        Parameters
        ----------
        tables
            What :meth:`interruptions` returned for a day of the same loads and bids; worked out where there are none.

        Raises
        ------
        InputError
            When the day's numbers do not fit together; before any work is done.
        InfeasibleError
            When no schedule keeps all limits.
        SolverError
            When the limit of nodes ended a search without a schedule.
        """
        begin = time.perf_counter()
        check_day(self.system, day)
        self._check_gamma(day)
        with preferring(self.solver):
            return self._clear(day, self.interruptions(day) if tables is None else tables, begin)

    def _check_gamma(self, day: DayAhead) -> None:
        count = day.length_h.size // day.held
        for name in ("gamma", "load_gamma"):
            if getattr(self.options, name) > count:
                expected = f"a number from 0 to {count}, the periods of the day"
                raise InputError("day-ahead market", name, getattr(self.options, name), expected)
        if self.options.load_gamma > 0.0 and day.load_deviation_kw is None:
            raise InputError(
                "day", "load_deviation_kw", None, "by how much net load may turn, since load_gamma is above 0"
            )

    def _clear(self, day: DayAhead, tables: tuple[Table, ...], begin: float) -> DayAheadClearing:
        """Schedule a day of which F2 is known."""
        options = self.options
        if options.load_gamma == 0.0:
            day = replace(day, load_deviation_kw=None)
        compiled = compile_day_ahead(self.system, self._radial, day, tables, arbitrage=options.arbitrage)
        deadline = Deadline(nodes=INF if options.node_limit is None else options.node_limit)
        search = DaySearch(compiled, options.gamma, options.gap, deadline, self.solver, options.load_gamma)
        asked, found, front, chosen = self._search(search)
        found, told = unique_operation(search, asked, found)
        dispatch = read_dispatch(compiled, found.x)
        positions = read_positions(compiled, found.x, dispatch)
        accounts = keep_accounts(compiled, positions, dispatch)
        by_period = interruption_of(tables, positions.on)
        objective = float(asked.cost @ found.x)
        return DayAheadClearing(
            positions=thinned(positions, day.held),
            dispatch=dispatch,
            accounts=accounts,
            aim=options.aim,
            profit=sum(accounts.values()),
            interruption=float(by_period.sum()),
            protection=search.protection(found.x),
            interruption_by_period=by_period,
            bound=-found.bound,
            objective=-objective,
            front=np.zeros((0, 2)) if front is None else front.values * np.array([-1.0, 1.0]),
            chosen=chosen,
            prices={rule: price_day(search, asked, found, rule) for rule in options.prices},
            nodes=search.nodes,
            programs=search.programs,
            certificate=_certificate(found, self._named, told),
            seconds=time.perf_counter() - begin,
            solver_seconds=search.seconds,
        )

    @property
    def _named(self) -> str:
        """Solver that a certificate names first; of another one than HiGHS the busiest is."""
        return "" if self.solver == "gurobi" else HighsHandle.name

    def _search(self, search: DaySearch) -> tuple[Asked, Branched, Front | None, int]:
        """Return what was asked for at last, its answer, the front, and which of its points was taken."""
        aim, costs = self.options.aim, search.costs
        if aim in ("profit", "total"):
            cost: FloatArray = costs[PROFIT] if aim == "profit" else costs[PROFIT] + costs[INTERRUPTION]
            return (*search.required(cost), None, -1)
        if aim == "interruption":
            return (*search.least_interruption(), None, -1)
        front = search.front(self.options.points)
        chosen = front.choice(self.options.weights)
        return (*search.search_of(front.x[chosen]), front, chosen)


def _certificate(found: Branched, solver: str, told: tuple[str, ...]) -> Certificate:
    """Put residuals and the proved bound together."""
    residuals = kkt_residuals(found.fixed, found.x, found.y)
    value, bound = np.array([-found.objective]), np.array([-found.bound])
    notes = (
        f"objective {value[0]:.10g}, proved bound {bound[0]:.10g}, {found.nodes} nodes",
        "the residuals are those of the linear program with the schedule's states, which is priced",
    )
    ended = () if found.finished else ("a limit of nodes ended the search; the bound holds all the same",)
    return certify([residuals], value, bound, bound, "branch and bound on states", solver, (*notes, *told, *ended))
