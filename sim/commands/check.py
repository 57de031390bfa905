"""``equilot check``: what must hold in the tables of a run, or on random days of a scenario or a market."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from equilibrium.errors import InputError
from sim.commands.base import FAILED, OK, SOLVERS, Commands, count, directory

if TYPE_CHECKING:
    from collections.abc import Iterable

    from equilibrium.invariants import Finding
    from sim.search import Searched

_CHECK = """Of a run: recompute from its tables what must hold in them: balances, sums, limits, money. Of a scenario or
a market: draw days (prices, loads, limits, sessions; of a market whole scenarios), clear them and check what must hold
of every clearing; a day that breaks a statement is made as small as it gets and written as a scenario. The exit code
is 1 when something does not hold."""


def add_to(commands: Commands) -> None:
    """Add the command and its options."""
    checks = commands.add_parser("check", help="check what must hold in a run, or on random days", description=_CHECK)
    checks.add_argument("target", metavar="TARGET", help="folder of a run, a scenario, or the name of a market")
    checks.add_argument(
        "--examples", metavar="N", type=count(1), default=100, help="days that are drawn (default: %(default)s)"
    )
    checks.add_argument("--seed", metavar="S", type=count(0), default=0, help="of the search (default: %(default)s)")
    checks.add_argument(
        "--level", choices=("cheap", "full"), default="full", help="as `equilot run --check` (default: %(default)s)"
    )
    checks.add_argument("--solver", choices=SOLVERS, default="auto", help="default: %(default)s")
    checks.add_argument(
        "--out",
        metavar="DIR",
        type=directory,
        default=Path("counterexample"),
        help="where a scenario that breaks a statement is written (default: %(default)s)",
    )
    checks.set_defaults(command=_check)


def _check(given: argparse.Namespace) -> int:
    """``equilot check``."""
    from scenarios.loading import FILE_OF_A_FOLDER

    folder = Path(given.target)
    if folder.is_dir() and not (folder / FILE_OF_A_FOLDER).is_file():
        return _tables(folder)
    return _search(given)


def _tables(folder: Path) -> int:
    """Check the tables of a run."""
    from sim.output import check_tables
    from sim.store import Run

    findings = check_tables(Run(folder))
    _tell(findings)
    return OK if all(each.holds for each in findings) else FAILED


def _tell(findings: Iterable[Finding]) -> None:
    """Print a line for each statement."""
    findings = tuple(findings)
    width = max((len(each.name) for each in findings), default=0)
    for each in findings:
        word = "holds" if each.holds else "FAILS"
        how = f"{each.violation:.1e} of {each.tolerance:.0e}"
        sys.stdout.write(f"{word}  {each.name:<{width}}  {how:<16}  {each.statement} ({each.source})\n")


def _search(given: argparse.Namespace) -> int:
    """Search for a day that breaks a statement."""
    from sim.search import Search, drafts_of
    from sim.show.console import console, progress_bar

    if given.out.exists() and (not given.out.is_dir() or any(given.out.iterdir())):
        raise InputError("--out", "DIR", str(given.out), "a new or an empty folder")
    drafts = drafts_of(given.target)
    with progress_bar(console(), given.examples) as advance:
        search = Search(given.level, given.solver, lambda: advance("day"))
        found = search.run(drafts, given.examples, given.seed)
    _counts(found)
    if found.draft is None:
        if not found.examples:
            raise InputError(given.target, "days", "none that could be cleared", "days with a dispatch")
        return OK
    _tell(found.findings)
    path = found.draft.write(given.out)
    again = f"equilot run {path.parent} --days 1 --seed {found.draft.seed} --check {given.level}"
    sys.stdout.write(f"the smallest scenario that was found is {path}; see it again with\n  {again}\n")
    return FAILED


def _counts(found: Searched) -> None:
    """Print how many days were looked at, and why others were not."""
    sys.stdout.write(f"{found.examples} days checked, {found.infeasible} had no dispatch\n")
    for complaint, times in found.refused.items():
        sys.stdout.write(f"refused {times} times: {complaint}\n")
