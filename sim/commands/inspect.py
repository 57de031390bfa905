"""``equilot inspect``: a scenario, or a feeder alone, before anything runs."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sim.commands.base import OK, Commands, directory

if TYPE_CHECKING:
    from equilibrium.grid.feeder import Feeder

_INSPECT = """Read a scenario with all its files, say what was read and what was left out or approximated, and draw it:
the feeder, prices, load and sessions. A feeder alone, of ours or of another program, is read and drawn too: that tells
the labels of its buses before there is a scenario. Nothing is run."""

NOTES = "notes.txt"
"""The file with all notes in full."""

_GRIDS = (".json", ".m", ".dss")
_OF_A_GRID = ("feeder.yaml", "buses.csv")


def add_to(commands: Commands) -> None:
    """Add the command and its options."""
    inspect = commands.add_parser("inspect", help="check and draw a scenario before it runs", description=_INSPECT)
    inspect.add_argument(
        "scenario",
        metavar="SCENARIO",
        help="a bundled scenario, a YAML file or its folder, or those of a feeder",
    )
    inspect.add_argument("--out", metavar="DIR", type=directory, help="for the figures (default: runs/NAME-inspect)")
    inspect.add_argument("--no-figures", action="store_true", help="draw nothing")
    inspect.add_argument(
        "--set",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        dest="settings",
        help="a key in the place of its own value, as in `equilot run`; of a feeder alone feeder.open and feeder.roots "
        "too: 'feeder.roots=[Bus 1, Bus 9]'",
    )
    inspect.set_defaults(command=_inspect)


def _inspect(given: argparse.Namespace) -> int:
    """``equilot inspect``."""
    return _inspect_grid(given) if _is_grid(given.scenario) else _inspect_scenario(given)


def _is_grid(name: str) -> bool:
    """Return whether a name is that of a feeder's file or folder."""
    from scenarios.files import own_path

    path = own_path(name)
    if path.is_dir():
        held = not (path / "scenario.yaml").is_file()
        return held and any((path / each).is_file() for each in _OF_A_GRID)
    return path.suffix in _GRIDS and path.is_file()


def _inspect_scenario(given: argparse.Namespace) -> int:
    """Show and draw a scenario."""
    from scenarios.loading import load_scenario
    from scenarios.settings import read_settings
    from sim.inspection import draw_contents, show_contents
    from sim.show.console import console

    case = load_scenario(given.scenario, settings=read_settings(given.settings))
    screen = console()
    screen.print(f"{case.name}: {case.title}", soft_wrap=True)
    show_contents(screen, case)
    folder = given.out or Path("runs") / f"{case.name}-inspect"
    _tell_notes(case.notes, folder, given)
    if given.no_figures:
        return OK
    return _written(folder, draw_contents(case, folder), case.contents().feeder, case.notes)


def _inspect_grid(given: argparse.Namespace) -> int:
    """Show and draw a feeder alone."""
    from scenarios.assembly import lone_grid
    from scenarios.settings import read_settings
    from sim.inspection import draw_grid, show_grid
    from sim.show.console import console

    grid = lone_grid(given.scenario, read_settings(given.settings))
    show_grid(console(), grid)
    folder = given.out or Path("runs") / f"{grid.feeder.name}-inspect"
    _tell_notes(grid.notes, folder, given)
    if given.no_figures:
        return OK
    return _written(folder, draw_grid(grid.feeder, folder), grid.feeder, grid.notes)


def _tell_notes(notes: Sequence[str], folder: Path, given: argparse.Namespace) -> None:
    """Print the notes, and where they stand in full."""
    from sim.show.console import console
    from sim.show.telling import show_notes

    whole = folder / NOTES
    show_notes(console(), notes, f"{whole}, written without --no-figures" if given.no_figures else str(whole))


def _written(folder: Path, files: list[Path], feeder: Feeder | None, notes: Sequence[str]) -> int:
    """Write the buses and the notes beside the figures, and say where all is."""
    from sim.inspection import write_buses
    from sim.show.console import console

    if feeder is not None:
        files.append(write_buses(feeder, folder / "buses.csv"))
    if notes:
        files.append(folder / NOTES)
        files[-1].write_text("\n".join(notes) + "\n", encoding="utf-8")
    console().print(f"written to {folder}: {', '.join(path.name for path in files)}", soft_wrap=True)
    return OK
