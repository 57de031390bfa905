"""The nodal game on a feeder whose hours fall apart once the lots' powers are given.

The operator's answer is a vertex of every hour (:mod:`equilibrium.programs.hourly.vertices`), a lot's best response
stands on its residual price curves (:mod:`equilibrium.markets.nodal.curves`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import ClassVar, Self

import numpy as np

from equilibrium.arrays import FloatArray, IntArray
from equilibrium.deadline import Deadline
from equilibrium.grid.distribution import STATE_COLUMNS, STATE_ROWS, compile_distribution, one_more_kw
from equilibrium.grid.least_effort import HourlyEffort
from equilibrium.grid.network import Network
from equilibrium.lengths import Periods, named, period_lengths
from equilibrium.markets.charging.day import MarketDay
from equilibrium.markets.nodal.apart.prices import VertexFace
from equilibrium.markets.nodal.apart.trade import unproved_hours
from equilibrium.markets.nodal.curves import Curve, trace
from equilibrium.markets.nodal.play import NoDispatchError, Point
from equilibrium.markets.nodal.players import Players
from equilibrium.markets.nodal.prices import PublishedPrices, Taker, publish
from equilibrium.markets.nodal.reaction import React, enough_rows
from equilibrium.markets.nodal.response import BestResponse
from equilibrium.programs.hourly.idle import busy_rows, unit_bounds
from equilibrium.programs.hourly.periods import (
    PeriodData,
    bind_periods,
    compile_periods,
    lift_multipliers,
    lift_point,
)
from equilibrium.programs.hourly.vertices import Vertices, start
from equilibrium.programs.program import FEASIBILITY, Instance, Program

METHOD = "residual-curves"


class HoursApart:
    """The operator's program hour by hour; a :class:`equilibrium.markets.nodal.play.Structure`.

    Parameters
    ----------
    network, program, periods
        The feeder, the operator's program of the whole day, and its periods.
    solver
        One of :data:`equilibrium.programs.solvers.SOLVERS`, for the program that price-takers need.
    """

    method: ClassVar[str] = METHOD
    solvers: ClassVar[tuple[str, ...]] = ()

    def __init__(self, network: Network, program: Program, periods: Periods, solver: str = "auto") -> None:
        self.network, self.program, self.solver = network, program, solver
        self.length_h = period_lengths(periods)
        hour = compile_distribution(network, 1)
        self.model = compile_periods(hour, "lot_kw", STATE_COLUMNS, STATE_ROWS)
        self.effort = HourlyEffort(network, hour, self.model)
        self.loaded = self.model.taken(one_more_kw(hour))
        self._bounds = unit_bounds(self.model, hour)
        self._known: Vertices | None = None

    def prepare(self, instance: Instance, power: FloatArray) -> None:
        """Make the vertices of a typical day, each once, the start of every later one."""
        known, solved = start(self.model, bind_periods(self.model, self.program, instance, self.length_h), power)
        known.refresh()
        once = np.unique(known.active, axis=0, return_index=True)[1]
        self._known = known.at(once) if solved.all() else None

    def begin(self, day: MarketDay, instance: Instance, players: Players, power: FloatArray) -> PlayApart:
        """Begin a day's game; arguments and errors as of :class:`equilibrium.markets.nodal.play.Structure`."""
        data = bind_periods(self.model, self.program, instance, self.length_h)
        rows = busy_rows(self.model, data, self._bounds, np.minimum(power, 0.0), np.maximum(power, players.power_max))
        known = self._known
        if known is not None:
            rows = np.union1d(rows, known.active)
            known = replace(known, active=np.searchsorted(rows, known.active))
        vertices, solved = start(self.model.only(rows), data.only(rows), power, known)
        if not solved.all():
            raise NoDispatchError(f"no dispatch in {named(self.length_h)} {np.flatnonzero(~solved).tolist()}")
        return PlayApart(self, day, instance, players, data, rows, vertices)


@dataclass(eq=False)
class PlayApart:
    """One day's game on residual curves; a :class:`equilibrium.markets.nodal.play.Play`.

    Attributes
    ----------
    structure, day, instance, players
        The operator's program, the day, the program bound to it, and the lots.
    data
        Costs and limits of the hours.
    rows
        The rows that some dispatch may make tight, whatever the lots draw; no other can have a multiplier.
    vertices
        Solved hours, on these rows; they move with the game.
    """

    structure: HoursApart
    day: MarketDay
    instance: Instance
    players: Players
    data: PeriodData
    rows: IntArray
    vertices: Vertices
    late: bool = False
    seconds: float = 0.0
    notes: tuple[str, ...] = ()
    _traced: dict[int, tuple[FloatArray, list[Curve]]] = field(default_factory=dict)

    def copy(self, deadline: Deadline) -> Self:  # noqa: ARG002 - a search over curves ends by itself
        """Return a game that begins here and moves on its own."""
        return replace(self, vertices=self.vertices.copy())

    @property
    def power(self) -> FloatArray:
        """Powers of all lots, kW, shape ``(hours, lots)``."""
        return self.vertices.given

    @property
    def react(self) -> React:
        """The operator on rows of every hour that are proved to be enough."""
        return partial(enough_rows, self.structure.model, self.data, self.power, self.structure.length_h)

    def cost(self) -> float:
        """Return the operator's cost, all hours together."""
        return float((self.structure.length_h * self.vertices.cost).sum())

    def respond(self, lot: int) -> tuple[BestResponse | None, float]:
        """Trace the lot's residual curves; the price of its present schedule is their left slope."""
        return self.players.respond(lot, self._curves(lot), self.power[:, lot])

    def _curves(self, lot: int) -> list[Curve]:
        """Return the lot's residual curves, traced anew in the hours in which a rival has moved since the last time."""
        rivals, most = np.delete(self.power, lot, axis=1), self.players.power_max[:, lot]
        if lot not in self._traced:
            self._traced[lot] = rivals, self._trace(lot, most)
        before, curves = self._traced[lot]
        hours = np.flatnonzero(np.abs(rivals - before).max(axis=1, initial=0.0) > FEASIBILITY)
        if hours.size:
            before[hours] = rivals[hours]
            for hour, curve in zip(hours.tolist(), self._trace(lot, most, hours), strict=True):
                curves[hour] = curve
        return curves

    def _trace(self, lot: int, most: FloatArray, hours: IntArray | None = None) -> list[Curve]:
        """Trace the lot's curves, with what it has subscribed to."""
        contract = self.players.own(lot).subscription
        return [curve.under(contract) for curve in trace(self.vertices, lot, most, hours)]

    def move(self, power: FloatArray) -> None:
        """Go to powers that have a dispatch."""
        self.vertices.follow(power)

    def reach(self, power: FloatArray) -> bool:
        """Go to powers if they have a dispatch; stay and return False if not."""
        before = self.vertices.copy()
        if self.vertices.follow(power):
            return True
        self.vertices.take(before)
        return False

    def settle(self) -> None:
        """Shed the rounding of the way here."""
        self.vertices.refresh()

    def publish(self, weight: FloatArray, takers: Sequence[Taker]) -> PublishedPrices:
        """Choose the published prices from the faces of the hours' vertices."""
        prices = publish(
            VertexFace(self.vertices, self.structure.loaded[self.rows], self.structure.solver), weight, takers
        )
        mu = np.zeros_like(self.data.lower)
        mu[:, self.rows] = prices.mu
        return replace(prices, mu=mu)

    def point(self, prices: PublishedPrices) -> Point:
        """Put the hours together to a point of the whole program, at the dispatch of least effort."""
        model, program, given = self.structure.model, self.structure.program, self.power
        units = self.structure.effort.dispatch(self.data, prices.mu, given, self.vertices.y)
        x = lift_point(model, self.data, program, units, given)
        bound = self.instance.with_columns(program.columns["lot_kw"].index, given, given)
        mu = prices.mu * self.structure.length_h[:, None]
        return Point(bound, x, lift_multipliers(model, program, bound, mu))

    def unproved_hours(self, lots: Sequence[int], /) -> list[int]:
        """Return the hours in which exporting could be the answer, by the lots' curves."""
        return unproved_hours(self.structure.network, self.day, self.vertices, self.players, lots)
