"""What must hold in every run, and how to check it: in its tables, and at every clearing of its days.

Statements about tables need the run folder and nothing else. Those about clearings (:mod:`equilibrium.invariants`) are
checked while a run goes on, at a level that the user chooses.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pandas as pd

from equilibrium.certificate import EPSILON_REGRET, RESIDUAL_TOLERANCE, Verdict
from equilibrium.invariants import Finding, Invariant, Relation, check, most, outside, relate
from sim.columns import DATE, DAY, Dated, Table, flag, number, text
from sim.store import Run

LEVELS = ("off", "cheap", "full")
"""Nothing is checked; every statement about each clearing; and what other forms of the day must come to, which are
cleared too."""


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


@dataclass(frozen=True, eq=False)
class OneClearing:
    """A clearing of a finished day, with the statements about it.

    Attributes
    ----------
    name
        Which one it is, where a day is cleared several times: ``plan``, ``outcome``.
    network, day, cleared
        The network or what else the market stands on, what the market was given, and what it returned.
    invariants, relations
        What must hold of it, and between it and other forms of its day.
    """

    name: str
    network: Any
    day: Any
    cleared: Any
    invariants: tuple[Invariant[Any, Any], ...]
    relations: tuple[Relation[Any, Any], ...] = ()


Clear = Callable[[Any, Any], Any]
"""Clears a day on a network by a market with the rules of the run."""


@dataclass(frozen=True, eq=False)
class CheckedDay:
    """How the statements about a day came out.

    Attributes
    ----------
    index, date
        Day of the run, and its date.
    findings
        Each with the name of its clearing.
    """

    index: int
    date: dt.date | None
    findings: tuple[tuple[str, Finding], ...]


def check_day(day: Dated, clearings: Iterable[OneClearing], level: str, clear: Clear) -> CheckedDay:
    """Check the statements about the clearings of a finished day.

    Parameters
    ----------
    day
        The finished day.
    clearings
        Its clearings.
    level
        One of :data:`LEVELS`.
    clear
        Clears other forms of the day, at level ``full``.
    """
    found: list[tuple[str, Finding]] = []
    for one in clearings if level != LEVELS[0] else ():
        findings = check(one.invariants, one.network, one.day, one.cleared)
        if level == LEVELS[2]:
            findings += relate(one.relations, one.network, one.day, one.cleared, clear)
        found += [(one.name, each) for each in findings]
    return CheckedDay(day.index, day.date, tuple(found))


def _each(name: str) -> Callable[[CheckedDay], list[Any]]:
    return lambda day: [getattr(finding, name) for _, finding in day.findings]


CHECKS: Table[CheckedDay, CheckedDay] = Table(
    "checks",
    lambda day: day if day.findings else None,
    (
        DAY,
        DATE,
        text("clearing", "which clearing of the day", lambda day: [name for name, _ in day.findings]),
        text("name", "name of the statement", _each("name")),
        number("violation", "by how much it is broken, relative to its numbers; 0 where it holds", _each("violation")),
        number("tolerance", "largest violation that counts as rounding", _each("tolerance")),
        flag("holds", "whether it holds within its tolerance", _each("holds")),
        text("statement", "what holds", _each("statement")),
        text("source", "where that stands", _each("source")),
    ),
    optional=True,
)
"""One row a statement, clearing and day, in runs that are checked."""

_FINDING = [field.name for field in fields(Finding)]


def violations(run: Run) -> list[str]:
    """Return one sentence for each statement that a checked run breaks: day, clearing, name, size and statement."""
    if CHECKS.name not in run.columns:
        return []
    rows = run.table(CHECKS.name)
    rows = rows[~rows["holds"].astype(bool)]
    return [
        f"day {day}{f', {clearing}' if clearing else ''}: {broken(Finding(*finding))}"
        for day, clearing, *finding in rows[["day", "clearing", *_FINDING]].itertuples(index=False, name=None)
    ]


def broken(finding: Finding) -> str:
    """Return one sentence about a statement that does not hold: its name, by how much, and what it says."""
    size = f"{finding.violation:.1e} (at most {finding.tolerance:.0e})"
    return f"{finding.name} is broken by {size}: {finding.statement} ({finding.source})"


def check_run(run: Run, invariants: Iterable[RunInvariant]) -> tuple[Finding, ...]:
    """Check statements at a run; all hold where it has no days."""
    days = len(run.days)
    return tuple(
        Finding(each.name, each.statement, each.source, each.tolerance, float(each.violation(run)) if days else 0.0)
        for each in invariants
    )


_CERTIFIED = (str(Verdict.EPSILON_NASH), str(Verdict.EXACT))


def _verdicts(run: Run) -> float:
    proofs = run.certificates
    residual = proofs[["primal", "dual", "complementarity", "gap"]].max(axis=1)
    sound = (residual <= RESIDUAL_TOLERANCE) & (proofs["epsilon"] <= EPSILON_REGRET)
    certified, named = proofs["certified"].astype(bool), proofs["verdict"].isin(_CERTIFIED)
    return float((certified & ~sound).any() or (certified != named).any())


VERDICTS = RunInvariant(
    "verdicts",
    "what is certified has a verdict that says so, and residuals and regret within the tolerances",
    "equilibrium/certificate.py",
    0.0,
    _verdicts,
)
"""Of every market with a table ``certificates``."""


def brought(run: Run, signs: Mapping[str, float], power: str = "p_kw", within: Sequence[str] = ()) -> pd.Series[float]:
    """Return what the table ``dispatch`` brings in every period beyond what it takes, kW or kvar.

    Parameters
    ----------
    signs
        1 for a kind of dispatch that brings power, -1 for one that takes it; other kinds do neither.
    power
        The column.
    within
        Columns besides day and period whose values have a balance of their own.
    """
    rows = run.dispatch
    signed = rows[power] * rows["kind"].map(signs).fillna(0.0)
    return signed.groupby([rows[name] for name in ("day", *within, "period")]).sum()


def energies(run: Run, kinds: Iterable[str]) -> pd.DataFrame:
    """Return the energy of kinds of dispatch on every day, kWh: a row a day, a column a kind."""
    rows = run.dispatch
    rows = rows.assign(kwh=rows["p_kw"] * rows["hours"])
    sums = rows.pivot_table(index="day", columns="kind", values="kwh", aggfunc="sum")
    return sums.reindex(columns=list(kinds)).fillna(0.0)


def sums_apart(run: Run, kinds: Mapping[str, str]) -> float:
    """Return how far columns of the table ``days`` are from the energies of the kinds that they are named with."""
    days, sums = run.days.set_index("day"), energies(run, kinds.values())
    return max(apart(days[name], sums[kind]) for name, kind in kinds.items())


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
