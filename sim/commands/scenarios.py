"""``equilot scenarios``: the bundled scenarios."""

from __future__ import annotations

import argparse
import json
import sys

from sim.commands.base import OK, Commands


def add_to(commands: Commands) -> None:
    """Add the command and its option."""
    listing = commands.add_parser("scenarios", help="list the bundled scenarios, one line each")
    listing.add_argument("--json", action="store_true", help="print one JSON object of names and titles")
    listing.set_defaults(command=_scenarios)


def _scenarios(given: argparse.Namespace) -> int:
    """``equilot scenarios``."""
    from scenarios.loading import scenario_titles

    titles = scenario_titles()
    if given.json:
        sys.stdout.write(f"{json.dumps(titles, ensure_ascii=False)}\n")
        return OK
    width = max(len(name) for name in titles)
    sys.stdout.writelines(f"{name:<{width}}  {title}\n" for name, title in titles.items())
    return OK
