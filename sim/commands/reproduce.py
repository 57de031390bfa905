"""``equilot reproduce``: compute a published result again."""

from __future__ import annotations

import argparse
from pathlib import Path

from sim.commands.base import SOLVERS, Commands, directory
from sim.reproduce import REPRODUCTIONS

_REPRODUCE = """Compute a published result again and put it beside the published numbers. The report is written as
Markdown, CSV and one HTML file; the exit code is 1 when a statement that must hold does not."""


def add_to(commands: Commands) -> None:
    """Add the command and its options."""
    reproduce = commands.add_parser("reproduce", help="compute a published result again", description=_REPRODUCE)
    reproduce.add_argument("name", metavar="NAME", help=", ".join(REPRODUCTIONS))
    reproduce.add_argument("--out", metavar="DIR", type=directory, help="output folder (default: runs/reproduce-NAME)")
    reproduce.add_argument("--solver", choices=SOLVERS, default="auto", help="default: %(default)s")
    reproduce.add_argument(
        "--robustness",
        action="store_true",
        help="also compute the study with other data, seeds and populations, and say which claims stand",
    )
    reproduce.set_defaults(command=_reproduce)


def _reproduce(given: argparse.Namespace) -> int:
    """``equilot reproduce``."""
    from sim.folder import REPORT, check_folder
    from sim.report.reproduction import reproduction_in, write_reproduction_report
    from sim.reproduce import load_reproduction
    from sim.reproduce.report import write_csv
    from sim.reproduce.robustness import HEAD, counted, examine, variations_of
    from sim.show.console import console

    reproduce = load_reproduction(given.name)
    variations = variations_of(given.name) if given.robustness else ()
    folder = given.out or Path("runs") / f"reproduce-{given.name}"
    again = reproduction_in(folder) == given.name
    check_folder(folder, force=True, own=(REPORT,) if again else ())
    report = reproduce(folder, given.solver)
    files = report.write(folder)
    write_reproduction_report(folder, given.name)
    screen = console()
    report.show(screen, where=files[0])
    if variations:
        examined, unserved = examine(report.statements, variations, given.solver, lambda name: screen.print(name))
        path = write_csv(folder / f"{report.name}-robustness.csv", HEAD, [each.row() for each in examined])
        screen.print(f"{report.name}: of {len(examined)} claims {counted(examined)} over {len(variations)} variations")
        for name in unserved:
            screen.print(f"not served: {name}")
        screen.print(f"claim by claim in {path}", soft_wrap=True)
    return report.exit_code
