"""``equilot inspect``: a scenario before it runs."""

from __future__ import annotations

import argparse
from pathlib import Path

from sim.commands.base import NOTE_LIMIT, OK, Commands

_INSPECT = """Read a scenario with all its files, say what was read and what was left out or approximated, and draw it:
the feeder, prices, load and sessions. Nothing is run."""


def add_to(commands: Commands) -> None:
    """Add the command and its options."""
    inspect = commands.add_parser("inspect", help="check and draw a scenario before it runs", description=_INSPECT)
    inspect.add_argument("scenario", metavar="SCENARIO", help="a bundled scenario, a YAML file or its folder")
    inspect.add_argument("--out", metavar="DIR", type=Path, help="for the figures (default: runs/SCENARIO-inspect)")
    inspect.add_argument("--no-figures", action="store_true", help="draw nothing")
    inspect.set_defaults(command=_inspect)


def _inspect(given: argparse.Namespace) -> int:
    """``equilot inspect``."""
    from scenarios.loading import load_scenario
    from sim.inspection import draw_contents, show_contents, write_buses
    from sim.show.console import console

    case = load_scenario(given.scenario)
    screen = console()
    screen.print(f"{case.name}: {case.title}", soft_wrap=True, markup=False)
    show_contents(screen, case, NOTE_LIMIT)
    if given.no_figures:
        return OK
    folder = given.out or Path("runs") / f"{case.name}-inspect"
    files = draw_contents(case, folder)
    feeder = case.contents().feeder
    if feeder is not None:
        files.append(write_buses(feeder, folder / "buses.csv"))
    if case.notes:
        files.append(folder / "notes.txt")
        files[-1].write_text("\n".join(case.notes) + "\n", encoding="utf-8")
    screen.print(f"drawn in {folder}: {', '.join(path.name for path in files)}", soft_wrap=True, markup=False)
    return OK
