"""The game that the iteration plays: what the market asks of a day, however the operator's program joins its hours.

Given the lots' powers, the DSO's program falls apart by hour, or storage and ramps join its hours. Each has a method of
its own for a lot's best response and for the prices that support a dispatch: :mod:`equilibrium.markets.nodal.apart` and
:mod:`equilibrium.markets.nodal.joined`. All else of the market is the same for both and is written once, on what stands
here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol, Self

from equilibrium.arrays import FloatArray
from equilibrium.deadline import Deadline
from equilibrium.markets.charging.day import MarketDay
from equilibrium.markets.nodal.players import Players
from equilibrium.markets.nodal.prices import PublishedPrices, Taker
from equilibrium.markets.nodal.reaction import React
from equilibrium.markets.nodal.response import BestResponse
from equilibrium.programs.program import Instance


class NoDispatchError(Exception):
    """The powers that a game should begin at leave the operator no dispatch; the text says where."""


@dataclass(frozen=True, eq=False)
class Point:
    """A primal and dual point of the operator's whole program, every row stated, at the powers of the lots."""

    instance: Instance
    x: FloatArray
    y: FloatArray


class Play(Protocol):
    """One day's game at the powers where the lots are, with the operator's answer to them."""

    late: bool
    """True when the deadline had passed before an answer was proved."""

    seconds: float
    """Time inside the solver for the operator's answers."""

    @property
    def power(self) -> FloatArray:
        """Powers of all lots, kW, shape ``(hours, lots)``; not to be written to."""
        ...

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader should know of the method on this day."""
        ...

    @property
    def react(self) -> React:
        """The operator as a lot that deviates from here sees it, for the second method."""
        ...

    def copy(self, deadline: Deadline) -> Self:
        """Return a game that begins here, moves on its own and ends its searches with ``deadline``."""
        ...

    def cost(self) -> float:
        """Return the operator's cost here, currency."""
        ...

    def respond(self, lot: int) -> tuple[BestResponse | None, float]:
        """Return a lot's best response, proved, to its rivals' powers, and what its present schedule earns.

        Both are at the price that the lot would choose where it may. There is no response where the network leaves the
        lot no schedule, or none was found in time: then nothing is proved. The profit is minus infinity where the
        present schedule has no dispatch, or where the lot's vehicles cannot take it.
        """
        ...

    def move(self, power: FloatArray) -> None:
        """Go to powers that have a dispatch."""
        ...

    def reach(self, power: FloatArray) -> bool:
        """Go to powers if they have a dispatch; stay and return False if not."""
        ...

    def settle(self) -> None:
        """Find the operator's answer once more: what is published and proved rests on it.

        Raises
        ------
        SolverError
            When the powers leave no dispatch.
        """
        ...

    def publish(self, weight: FloatArray, takers: Sequence[Taker]) -> PublishedPrices:
        """Choose the prices that are published here; arguments as of :func:`equilibrium.markets.nodal.prices.publish`.

        Here and below :meth:`settle` comes first.
        """
        ...

    def point(self, prices: PublishedPrices) -> Point:
        """Return the dispatch and the multipliers behind published prices."""
        ...

    def unproved_hours(self, lots: Sequence[int], /) -> list[int]:
        """Return the hours of negative price in which the answer to a deviation of ``lots`` might be to export."""
        ...


class Structure(Protocol):
    """The operator's program of one network as one of the two methods sees it; compiled once."""

    method: ClassVar[str]
    solvers: ClassVar[tuple[str, ...]]
    """Name of the method, and of solvers that it takes whatever the market is told."""

    def prepare(self, instance: Instance, power: FloatArray) -> None:
        """Make a typical day, bound, at some powers the start of every later one; may do nothing."""
        ...

    def begin(self, day: MarketDay, instance: Instance, players: Players, power: FloatArray) -> Play:
        """Begin a day's game.

        Parameters
        ----------
        day, instance
            The day, and the operator's program bound to it, the lots free within their limits.
        players
            The lots.
        power
            Where the game begins, shape ``(hours, lots)``.

        Raises
        ------
        NoDispatchError
            When the operator has no dispatch there.
        """
        ...
