"""What must hold in the tables of every run, and how to check it: a reader needs the run folder and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from equilibrium.certificate import EPSILON_REGRET, RESIDUAL_TOLERANCE
from equilibrium.invariants import Finding, most, outside
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


def _verdicts(run: Run) -> float:
    proofs = run.certificates
    residual = proofs[["primal", "dual", "complementarity", "gap"]].max(axis=1)
    sound = (residual <= RESIDUAL_TOLERANCE) & (proofs["epsilon"] <= EPSILON_REGRET)
    return float((proofs["certified"].astype(bool) & ~sound).any())


VERDICTS = RunInvariant(
    "verdicts",
    "what is certified has residuals and regret within the tolerances",
    "equilibrium/certificate.py",
    0.0,
    _verdicts,
)
"""Of every market with a table ``certificates``."""


def apart(values: pd.Series[float], expected: pd.Series[float] | float, scale: pd.Series[float] | None = None) -> float:
    """Return how far numbers are from what is expected, relative to the largest of ``scale`` or of the numbers.

    Parameters
    ----------
    values
        The numbers; an empty series is not apart from anything.
    expected
        What they should be, with the same index.
    scale
        Numbers whose largest size is the scale; by default the values themselves. It is at least 1.
    """
    size = (values if scale is None else scale).abs()
    return most((values - expected).abs().to_numpy(float)) / most(1.0, size.to_numpy(float))


def beyond(values: pd.Series[float], low: pd.Series[float] | float, high: pd.Series[float] | float) -> float:
    """Return how far numbers lie outside their limits, relative to the largest of them, or to 1."""
    bounds = [np.asarray(bound, dtype=np.float64) for bound in (low, high)]
    return most(outside(values.to_numpy(np.float64), *bounds)) / most(1.0, values.abs().to_numpy(np.float64))
