"""The nodal game on a feeder that joins hours: the general method.

With storage or ramp limits the DSO's program does not fall apart by hour when the lots' powers are given, so a lot's
price in one hour depends on its power in others and there is no residual curve of an hour. Here every best response
faces the whole day's program through its optimality conditions (:mod:`equilibrium.markets.nodal.joined.response`) and
is proved by branch and bound.

What is proved: the rows that are left out of the conditions can never bind (:mod:`equilibrium.programs.screening`), so
a bound on a best response holds for the whole program; and the published point is checked against the whole program,
all rows stated, by its residuals.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import ClassVar, Self

import numpy as np

from equilibrium.arrays import FloatArray, IntArray
from equilibrium.certificate import EXACT_REGRET
from equilibrium.deadline import Deadline
from equilibrium.errors import SolverError
from equilibrium.grid.distribution import STATE_COLUMNS, STATE_ROWS, one_more_kw
from equilibrium.grid.least_effort import DailyEffort
from equilibrium.grid.network import Network
from equilibrium.lengths import Periods, named
from equilibrium.markets.charging.day import MarketDay
from equilibrium.markets.charging.trade import undecided_hours
from equilibrium.markets.nodal.joined.follower import Follower
from equilibrium.markets.nodal.joined.prices import JoinedFace
from equilibrium.markets.nodal.joined.response import respond
from equilibrium.markets.nodal.play import NoDispatchError, Point
from equilibrium.markets.nodal.players import Players
from equilibrium.markets.nodal.prices import PublishedPrices, Taker, publish
from equilibrium.markets.nodal.reaction import React, every_row
from equilibrium.markets.nodal.relaxation import FeasiblePowers
from equilibrium.markets.nodal.response import BestResponse
from equilibrium.programs.program import Instance, Program
from equilibrium.programs.reduction import ReducedModel
from equilibrium.programs.screening import bindable_rows
from equilibrium.programs.solvers import Handle, open_handle
from equilibrium.programs.solvers.choose import optimal_if_feasible
from equilibrium.programs.solvers.highs import HighsHandle

METHOD = "complementarity-bb"


class HoursJoined:
    """The operator's program of the whole day; a :class:`equilibrium.markets.nodal.play.Structure`.

    Parameters
    ----------
    network, program, hours, periods
        The feeder, the operator's program of the whole day, the hours that it joins, and all periods of the day.
    solver
        One of :data:`equilibrium.programs.solvers.SOLVERS`, for the program that price-takers need. Best responses and
        the intervals of prices are always those of HiGHS.
    """

    method: ClassVar[str] = METHOD
    solvers: ClassVar[tuple[str, ...]] = (HighsHandle.name,)

    def __init__(
        self,
        network: Network,
        program: Program,
        hours: Sequence[int],
        periods: Periods,
        solver: str = "auto",
    ) -> None:
        self.network, self.program, self.hours, self.solver = network, program, hours, solver
        self.model = ReducedModel(program, STATE_COLUMNS, STATE_ROWS)
        self.effort = DailyEffort(network, program, self.model, periods)

    def prepare(self, instance: Instance, power: FloatArray) -> None:
        """Do nothing: a day starts from its own program."""

    def begin(self, day: MarketDay, instance: Instance, players: Players, power: FloatArray) -> PlayJoined:
        """Leave out the rows that cannot bind; arguments and errors as of the protocol."""
        self.model.rewind()
        ids = bindable_rows(self.program, self.model, instance)
        lots = np.searchsorted(self.model.free, self.program.columns["lot_kw"].index)
        reduced = self.model.explicit(instance, ids)
        play = PlayJoined(self, day, players, instance, reduced, ids, lots, power.copy())
        if play.dispatch(power) is None:
            raise NoDispatchError("no dispatch")
        return play


@dataclass(eq=False)
class PlayJoined:
    """One day's game against the whole program; a :class:`equilibrium.markets.nodal.play.Play`.

    Attributes
    ----------
    structure, day, players
        The operator's program, the day and the lots.
    instance, reduced, ids
        The program bound to the day, and its reduced form with the rows ``ids`` that may bind.
    lots, power
        The lots' columns in the reduced form and their powers, kW, both of shape ``(hours, lots)``.
    deadline, late
        When the search stops, and whether it did.
    """

    structure: HoursJoined
    day: MarketDay
    players: Players
    instance: Instance
    reduced: Instance
    ids: IntArray
    lots: IntArray
    power: FloatArray
    deadline: Deadline = field(default_factory=Deadline)
    late: bool = False
    seconds: float = 0.0
    _handle: Handle | None = field(default=None)
    _settled: FloatArray = field(default_factory=lambda: np.zeros(0))

    def copy(self, deadline: Deadline) -> Self:
        """Return a game that begins here, moves on its own and ends with a deadline; the warm program is shared."""
        return replace(self, power=self.power.copy(), deadline=deadline)

    @property
    def notes(self) -> tuple[str, ...]:
        """Say what joins hours, and how many rows cannot bind."""
        rows, hours = self.structure.model.row_ids.size, self.structure.hours
        when = named(self.day.length_h)
        return (
            f"general method: the operator's program joins {when} {hours[0]} to {hours[-1]} (storage or ramps), so no "
            f"{when.removesuffix('s')} has a residual curve of its own; {rows - self.ids.size} of its {rows} rows are "
            "proved never to bind",
        )

    @property
    def react(self) -> React:
        """The operator on every row that can bind."""
        return partial(every_row, self.reduced, self.lots, self.power)

    def dispatch(self, power: FloatArray) -> FloatArray | None:
        """Return the reduced columns of the operator's answer to given powers; ``None`` if there is no dispatch."""
        instance = self.reduced.with_columns(self.lots, power, power)
        if self._handle is None:
            self._handle = open_handle(instance)
        self._handle.update(instance)
        solution = self._handle.solve()
        self.seconds += solution.seconds
        found = optimal_if_feasible(solution, "the DSO's program")
        return None if found is None else found.x

    def cost(self) -> float:
        """Return the operator's cost of the day."""
        return float(self.reduced.cost @ self._here())

    def respond(self, lot: int) -> tuple[BestResponse | None, float]:
        """Search until the deadline, or until the best response is proved, on schedules that the vehicles can take."""
        follower = Follower.facing(self.reduced, self.lots, lot, self.power)
        price, here = self.players.price[:, lot], self.power[:, lot]
        present = here if self.players.takes(lot, here) else None

        def refuse(power: FloatArray) -> FeasiblePowers | None:
            return self.players.own(lot) if self.players.cut(lot, power, price) else None

        answer, profit = respond(follower, price, self.players.own(lot), present, self.deadline, refuse)
        if answer is not None:
            unproved = answer.bound - answer.profit > EXACT_REGRET * max(1.0, abs(answer.profit))
            self.late = self.late or (unproved and self.deadline.passed)
        return answer, profit

    def move(self, power: FloatArray) -> None:
        """Go to powers that have a dispatch."""
        self.power = power.copy()

    def reach(self, power: FloatArray) -> bool:
        """Go to powers if they have a dispatch; stay and return False if not."""
        if self.dispatch(power) is None:
            return False
        self.move(power)
        return True

    def settle(self) -> None:
        """Solve for the dispatch that is published."""
        self._settled = self._here()

    def publish(self, weight: FloatArray, takers: Sequence[Taker]) -> PublishedPrices:
        """Choose the published prices from the face of the whole day."""
        length, solver = self.day.length_h, self.structure.solver
        face = JoinedFace(self.reduced, self.lots, self._settled, self.power, length, self._loaded(), solver)
        return publish(face, weight, takers)

    def _loaded(self) -> FloatArray:
        """Return what one more kW at every bus takes off the limits of the reduced rows."""
        more, nothing = one_more_kw(self.structure.program), np.zeros(self.instance.shape[1])
        # Where every limit is 0, what is left of it is what the loads take.
        alone = replace(self.instance, row_lower=more, row_upper=more, col_lower=nothing, col_upper=nothing)
        return -self.structure.model.limits(alone, self.ids)[0]

    def point(self, prices: PublishedPrices) -> Point:
        """Lift the multipliers to every row of the program, and take the dispatch of least effort that they support."""
        model, lot = self.structure.model, self.structure.program.columns["lot_kw"].index
        bound = self.instance.with_columns(lot, self.power, self.power)
        y = model.lift_multipliers(bound, self.ids, prices.mu)
        x = self.structure.effort.dispatch(bound, model.lift_point(bound, self._settled), y)
        return Point(bound, x, y)

    def unproved_hours(self, _lots: Sequence[int], /) -> list[int]:
        """Return all hours of negative price in which exports are possible: joined hours have no proof one by one."""
        return np.flatnonzero(undecided_hours(self.structure.network, self.day)).tolist()

    def _here(self) -> FloatArray:
        here = self.dispatch(self.power)
        if here is None:
            raise SolverError("the lots' powers leave no dispatch")
        return here
