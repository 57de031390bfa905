"""What must hold in the tables of every run, and how to check it: a reader needs the run folder and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from equilibrium.invariants import Finding
from sim.store import Run


@dataclass(frozen=True)
class RunInvariant:
    """One statement about the tables of every run of a market.

    Attributes
    ----------
    name, statement, source, tolerance
        As in :class:`equilibrium.invariants.Invariant`.
    violation
        Takes the run and returns by how much the statement is broken on its worst day, relative to the scale of its
        numbers; 0 where it holds.
    """

    name: str
    statement: str
    source: str
    tolerance: float
    violation: Callable[[Run], float]


def check_run(run: Run, invariants: Iterable[RunInvariant]) -> tuple[Finding, ...]:
    """Check statements at a run; all hold where it has no days."""
    days = len(run.days)
    return tuple(
        Finding(each.name, each.statement, each.source, each.tolerance, float(each.violation(run)) if days else 0.0)
        for each in invariants
    )
