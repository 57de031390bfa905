"""``equilot check``: what must hold in the tables of a run."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from sim.commands.base import FAILED, OK, Commands

_CHECK = """Recompute from the tables of a run what must hold in them: balances, sums, limits, money. The exit code is 1
when something does not hold."""


def add_to(commands: Commands) -> None:
    """Add the command and its options."""
    checks = commands.add_parser("check", help="check what must hold in the tables of a run", description=_CHECK)
    checks.add_argument("folder", metavar="DIR", type=Path, help="folder of the run")
    checks.set_defaults(command=_check)


def _check(given: argparse.Namespace) -> int:
    """``equilot check``."""
    from sim.output import check_tables
    from sim.store import Run

    findings = check_tables(Run(given.folder))
    width = max((len(each.name) for each in findings), default=0)
    for each in findings:
        word = "holds" if each.holds else "FAILS"
        how = f"{each.violation:.1e} of {each.tolerance:.0e}"
        sys.stdout.write(f"{word}  {each.name:<{width}}  {how:<16}  {each.statement} ({each.source})\n")
    return OK if all(each.holds for each in findings) else FAILED
