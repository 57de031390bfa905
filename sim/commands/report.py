"""``equilot report``: one HTML file about a run."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from sim.commands.base import OK, Commands, count

_REPORT = """Write report.html into the folder of a run: one file that needs no network and no script. Each figure also
stands in the folder report/ as SVG, with the numbers that it draws as CSV."""


def add_to(commands: Commands) -> None:
    """Add the command and its options."""
    report = commands.add_parser("report", help="write one HTML file about a run", description=_REPORT)
    report.add_argument("folder", metavar="DIR", type=Path, help="folder of the run")
    report.add_argument("--day", metavar="D", type=count(0), help="day of the figures of one day")
    report.add_argument("--hour", metavar="H", type=count(0), help="clock hour of the feeder's map")
    report.set_defaults(command=_report)


def _report(given: argparse.Namespace) -> int:
    """``equilot report``."""
    from sim.report.write import write_report
    from sim.store import Run

    sys.stdout.writelines(f"{path}\n" for path in write_report(Run(given.folder), given.day, given.hour))
    return OK
