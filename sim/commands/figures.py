"""``equilot figures``: draw a run again."""

from __future__ import annotations

import argparse
import sys

from sim.commands.base import OK, Commands, count, directory


def add_to(commands: Commands) -> None:
    """Add the command and its options."""
    figures = commands.add_parser("figures", help="draw the figures of a run again, for any day of it")
    figures.add_argument("folder", metavar="DIR", type=directory, help="folder of the run")
    figures.add_argument(
        "--day", type=count(0), help="day of the figures of one day (default: that with the highest price)"
    )
    figures.set_defaults(command=_figures)


def _figures(given: argparse.Namespace) -> int:
    """``equilot figures``."""
    from sim.output import draw_run
    from sim.store import Run

    sys.stdout.writelines(f"{path}\n" for path in draw_run(Run(given.folder), given.day))
    return OK
