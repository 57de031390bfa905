"""``equilot scenarios``: the bundled scenarios."""

from __future__ import annotations

import argparse
import sys

from sim.commands.base import OK, Commands


def add_to(commands: Commands) -> None:
    """Add the command."""
    listing = commands.add_parser("scenarios", help="list the bundled scenarios, one line each")
    listing.set_defaults(command=_scenarios)


def _scenarios(_given: argparse.Namespace) -> int:
    """``equilot scenarios``."""
    from scenarios.loading import scenario_titles

    titles = scenario_titles()
    width = max(len(name) for name in titles)
    sys.stdout.writelines(f"{name:<{width}}  {title}\n" for name, title in titles.items())
    return OK
