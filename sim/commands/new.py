"""``equilot new``: a folder with a scenario to begin with."""

from __future__ import annotations

import argparse
import sys

from sim.commands.base import OK, Commands

_NEW = """Write a folder with a commented scenario, a small feeder, prices and charging sessions. It runs at once; put
your own data in the place of each file (docs/own_data.md)."""


def add_to(commands: Commands) -> None:
    """Add the command and its options."""
    new = commands.add_parser("new", help="write a folder with a scenario to begin with", description=_NEW)
    new.add_argument("name", metavar="NAME", help="the folder, which does not exist yet")
    new.set_defaults(command=_new)


def _new(given: argparse.Namespace) -> int:
    """``equilot new``."""
    from scenarios.starter import new_scenario

    sys.stdout.writelines(f"{path}\n" for path in new_scenario(given.name))
    sys.stdout.write(f"look at it: equilot inspect {given.name}\nrun it: equilot run {given.name}\n")
    return OK
