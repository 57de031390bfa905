"""What must hold at every cleared day, whatever found it: statements with their source, and how to check them.

An invariant recomputes one statement from what a market published: the numbers of the day, of the network and of the
cleared day. It knows nothing of the program that was solved, so a fault in the program or in how its answer was read
shows too.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from equilibrium.grid.network import Network

Day = TypeVar("Day")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Invariant(Generic[Day, Result]):
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
        Takes network, day and cleared day, and returns by how much the statement is broken, relative to the scale of
        its numbers; 0 where it holds, not a number where it cannot be said.
    """

    name: str
    statement: str
    source: str
    tolerance: float
    violation: Callable[[Network, Day, Result], float]


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
    invariants: Iterable[Invariant[Day, Result]], network: Network, day: Day, cleared: Result
) -> tuple[Finding, ...]:
    """Check statements at one cleared day.

    Parameters
    ----------
    invariants
        The statements.
    network
        The network that was cleared.
    day
        What the market was given.
    cleared
        What it returned.
    """
    return tuple(
        Finding(each.name, each.statement, each.source, each.tolerance, float(each.violation(network, day, cleared)))
        for each in invariants
    )
