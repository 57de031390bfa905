"""A search for days that break a statement: random scenarios, each run and checked, and the smallest that fails."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random

from hypothesis import HealthCheck, Phase, find, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample

from equilibrium.certificate import Verdict
from equilibrium.errors import InfeasibleError, InputError, SolverError
from equilibrium.invariants import Finding
from scenarios.loading import load_scenario, scenario_names
from scenarios.random_scenarios import CHARGING, Draft, bundled_of, random_scenarios, variations
from sim.checks import CHECKS
from sim.kinds import market_kinds
from sim.options import RunOptions
from sim.simulate import simulate

_PROVED = Finding("proved", "what is published is a solution of its programs", "equilibrium/certificate.py", 0.0, 1.0)


@dataclass(frozen=True)
class Searched:
    """What a search has found.

    Attributes
    ----------
    examples
        Days that were cleared and checked, those on the way to a smaller example too.
    infeasible
        Days without a dispatch.
    refused
        Scenarios that cannot be used, each complaint with how often it was heard.
    draft
        The smallest scenario that breaks a statement, or ``None``.
    findings
        The statements that it breaks.
    """

    examples: int
    infeasible: int
    refused: Mapping[str, int]
    draft: Draft | None
    findings: tuple[Finding, ...]


class Search:
    """Runs drafts and remembers how it went.

    Parameters
    ----------
    level
        One of :data:`sim.checks.LEVELS`.
    solver
        ``"auto"``, ``"highs"`` or ``"gurobi"``.
    progress
        Called after every day that was looked at.
    """

    def __init__(self, level: str = "full", solver: str = "auto", progress: Callable[[], None] | None = None) -> None:
        self._level, self._solver, self._progress = level, solver, progress
        self.examples = self.infeasible = 0
        self.refused = Counter[str]()
        self._wanted: str | None = None

    def broken(self, draft: Draft) -> tuple[Finding, ...]:
        """Run the first day of a draft and return the statements that it breaks."""
        folder = Path(tempfile.mkdtemp(prefix="equilot-check-"))
        try:
            found = broken_by(draft.write(folder), draft.seed, self._level, self._solver)
        except InfeasibleError:
            self.infeasible += 1
            return ()
        except InputError as error:
            self.refused[f"{error.where}: {error.expected}"] += 1
            return ()
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        self.examples += 1
        if self._progress is not None:
            self._progress()
        return found

    def fails(self, draft: Draft) -> bool:
        """Whether a draft breaks a statement: the first one that was broken, once there was one."""
        names = [each.name for each in self.broken(draft)]
        if self._wanted is None and names:
            self._wanted = names[0]
        return self._wanted in names

    def run(self, drafts: st.SearchStrategy[Draft], examples: int, seed: int = 0) -> Searched:
        """Search and shrink.

        Parameters
        ----------
        drafts
            Where scenarios come from.
        examples
            How many are drawn.
        seed
            Of the search.
        """
        rules = settings(
            max_examples=examples,
            database=None,
            deadline=None,
            phases=(Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
        )
        try:
            draft = find(drafts, self.fails, settings=rules, random=Random(seed))  # noqa: S311 - no secret
        except NoSuchExample:
            return Searched(self.examples, self.infeasible, self.refused, None, ())
        return Searched(self.examples, self.infeasible, self.refused, draft, self.broken(draft))


def broken_by(scenario: Path, seed: int, level: str, solver: str = "auto") -> tuple[Finding, ...]:
    """Run the first day of a scenario and return the statements that it breaks.

    Parameters
    ----------
    scenario
        Its file.
    seed, level, solver
        As in :class:`sim.options.RunOptions`.

    Raises
    ------
    InputError
        When the scenario cannot be used.
    InfeasibleError
        When the day has no dispatch.
    """
    case = load_scenario(str(scenario))
    try:
        (day,) = simulate(case, RunOptions(days=1, seed=seed, solver=solver, check=level))
    except SolverError as error:
        return (Finding("solved", f"a day is solved or has no dispatch: {error}", "equilibrium/errors.py", 0.0, 1.0),)
    rows = day.tables.get(CHECKS.name, {})
    fields = ("name", "statement", "source", "tolerance", "violation")
    each = [Finding(*row) for row in zip(*(rows.get(field, ()) for field in fields), strict=True)]
    verdicts = day.tables.get("certificates", {}).get("verdict", ())
    unproved = (_PROVED,) if any(verdict == Verdict.UNPROVED for verdict in verdicts) else ()
    return (*unproved, *(finding for finding in each if not finding.holds))


def drafts_of(target: str) -> st.SearchStrategy[Draft]:
    """Return the strategy of a market's random scenarios, or of the variations of a scenario.

    Parameters
    ----------
    target
        Name of a market, or name or path of a scenario.

    Raises
    ------
    InputError
        When it is none of these.
    """
    if target in CHARGING:
        return random_scenarios(target)
    if target in market_kinds() and target not in scenario_names():
        target = bundled_of(target)
    return variations(target, load_scenario(target))
