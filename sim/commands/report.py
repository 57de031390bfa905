"""``equilot report``: one HTML file about a run, a study or a reproduction."""

from __future__ import annotations

import argparse
import sys

from sim.commands.base import OK, Commands, count, directory

_REPORT = """Write report.html into the folder of a run, a study or a reproduction: one file that needs no network and
no script. Each figure of a run or a study also stands in the folder report/ as SVG, with the numbers that it draws as
CSV."""


def add_to(commands: Commands) -> None:
    """Add the command and its options."""
    report = commands.add_parser(
        "report", help="write one HTML file about a run, a study or a reproduction", description=_REPORT
    )
    report.add_argument("folder", metavar="DIR", type=directory, help="folder of it")
    report.add_argument("--day", metavar="D", type=count(0), help="of a run: day of the figures of one day")
    report.add_argument("--hour", metavar="H", type=count(0), help="of a run: clock hour of the feeder's map")
    report.set_defaults(command=_report)


def _report(given: argparse.Namespace) -> int:
    """``equilot report``."""
    from sim.report.any import write_any_report

    page, *others = write_any_report(given.folder, given.day, given.hour)
    sys.stdout.write(f"{page}\n")
    if others:
        figures = sum(path.suffix == ".svg" for path in others)
        sys.stdout.write(f"{figures} figures as SVG with their numbers as CSV in {others[0].parent}\n")
    return OK
