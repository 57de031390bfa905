"""What must hold at every cleared day, whatever found it: statements with their source, and how to check them.

An invariant recomputes one statement from what a market published: the numbers of the day, of the network and of the
cleared day. It knows nothing of the program that was solved, so a fault in the program or in how its answer was read
shows too.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from equilibrium.arrays import FloatArray
from equilibrium.errors import InfeasibleError
from equilibrium.grid.feeder import Feeder

PUBLISHED_TOLERANCE = 1e-6
"""What is read off several rounded numbers of a cleared day: each is met to ``RESIDUAL_TOLERANCE``."""

ARITHMETIC_TOLERANCE = 1e-9
"""A sum or a product of published numbers: only the order of the additions differs."""

SMALLEST_PRICE = 1e-3
"""Prices are compared relative to the largest of the day, at least this, currency/kWh: a day may be free of charge."""

Day = TypeVar("Day")
Result = TypeVar("Result")
Day_contra = TypeVar("Day_contra", contravariant=True)
Result_contra = TypeVar("Result_contra", contravariant=True)


@dataclass(frozen=True)
class Invariant(Generic[Day_contra, Result_contra]):
    """One statement about every cleared day.

    Attributes
    ----------
    name
        Its name.
    statement
        What holds, in one sentence or one equation.
    source
        Where it stands: an equation of a paper or of this project's documents, or a law.
    tolerance
        Largest violation that counts as rounding.
    violation
        Takes network (or what else a market stands on), day and cleared day, and returns by how much the statement is
        broken, relative to the scale of its numbers; 0 where it holds, not a number where it cannot be said.
    """

    name: str
    statement: str
    source: str
    tolerance: float
    violation: Callable[[Any, Day_contra, Result_contra], float]


@dataclass(frozen=True)
class Finding:
    """How one statement came out.

    Attributes
    ----------
    name, statement, source, tolerance
        Those of the statement.
    violation
        By how much it is broken.
    """

    name: str
    statement: str
    source: str
    tolerance: float
    violation: float

    @property
    def holds(self) -> bool:
        """Whether the statement holds within its tolerance; never where the violation is not a number."""
        return not math.isnan(self.violation) and self.violation <= self.tolerance


def check(
    invariants: Iterable[Invariant[Day, Result]], network: object, day: Day, cleared: Result
) -> tuple[Finding, ...]:
    """Check statements at one cleared day.

    Parameters
    ----------
    invariants
        The statements.
    network
        The network that was cleared, or what else the market stands on.
    day
        What the market was given.
    cleared
        What it returned.
    """
    return tuple(
        Finding(each.name, each.statement, each.source, each.tolerance, float(each.violation(network, day, cleared)))
        for each in invariants
    )


@dataclass(frozen=True)
class Relation(Generic[Day, Result]):
    """One statement about two cleared days: a day, and another form of it whose outcome follows from the first.

    Attributes
    ----------
    name, statement, source, tolerance
        As in :class:`Invariant`.
    other
        Takes the network, or what else the market stands on, and the day, and returns those of the other form.
    violation
        Takes both cleared days, the first one first, and returns by how much the statement is broken, relative to the
        scale of its numbers; 0 where it says nothing.
    """

    name: str
    statement: str
    source: str
    tolerance: float
    other: Callable[[Any, Day], tuple[Any, Day]]
    violation: Callable[[Result, Result], float]


def relate(
    relations: Iterable[Relation[Day, Result]],
    network: object,
    day: Day,
    cleared: Result,
    clear: Callable[[Any, Day], Result],
) -> tuple[Finding, ...]:
    """Clear other forms of a cleared day and check what follows from it.

    Parameters
    ----------
    relations
        The statements.
    network, day, cleared
        The network, what the market was given, and what it returned.
    clear
        Clears a day on a network by a market with the same rules.
    """
    found = []
    for each in relations:
        try:
            violation = float(each.violation(cleared, clear(*each.other(network, day))))
        except InfeasibleError:  # the first form has a dispatch
            violation = math.inf
        found.append(Finding(each.name, each.statement, each.source, each.tolerance, violation))
    return tuple(found)


# What statements are made with


def most(*parts: NDArray[Any] | float) -> float:
    """Return the largest of all numbers, 0 where there is none; not a number where one of them is none."""
    return float(np.max([np.max(part, initial=0.0) for part in parts], initial=0.0))


def outside(value: NDArray[Any], low: NDArray[Any] | float, high: NDArray[Any] | float) -> FloatArray:
    """Return by how much numbers lie outside their limits, 0 inside."""
    below: FloatArray = np.maximum(low - value, value - high)
    return np.maximum(below, 0.0)


def intervals_apart(first: tuple[float, float], second: tuple[float, float]) -> float:
    """Return by how much two intervals of one number miss each other, relative to the first one's; 0 if they overlap.

    Both are given as what was found and the bound on the best, which is not less.
    """
    return max(second[0] - first[1], first[0] - second[1], 0.0) / max(1.0, abs(first[0]))


def at_buses(feeder: Feeder, units: FloatArray, buses: list[int]) -> FloatArray:
    """Sum units over their buses: from shape ``(hours, units)`` to ``(hours, buses)``."""
    total: FloatArray = units @ np.eye(feeder.size)[np.array(buses, dtype=np.int64)]
    return total


def from_children(feeder: Feeder, flow: FloatArray) -> FloatArray:
    """Sum the flows to the children of each bus, shape ``(hours, buses)``."""
    return at_buses(feeder, flow[:, 1:], feeder.parent[1:].tolist())
