"""Write the frozen files again: ``python -m tests.frozen [NAME ...]``.

A name is a scenario, ``games``, ``published`` for the numbers of the papers, ``numbers`` for those of the modules,
``draws`` for drawn days of two settlements, or ``statements`` for the programs that small days state.

With ``--differences`` nothing is written; the columns of scenarios that depend on the solver's way are listed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.frozen.differences import differing_columns
from tests.frozen.draws import DRAWS, freeze_draws
from tests.frozen.fingerprints import GAMES, freeze_games, freeze_scenario, scenario_names, write
from tests.frozen.numbers import NUMBERS, freeze_numbers
from tests.frozen.published import PUBLISHED, freeze_published
from tests.frozen.statements import STATEMENTS, freeze_statements


def main() -> None:
    """Write or compare what is named, everything when nothing is."""
    scenarios = scenario_names()
    parser = argparse.ArgumentParser(prog="python -m tests.frozen", description="Write the frozen digits again.")
    parser.add_argument(
        "names",
        metavar="NAME",
        nargs="*",
        help="a scenario, games, published, numbers, draws or statements (default: all)",
    )
    parser.add_argument(
        "--differences", action="store_true", help="write nothing; list columns that depend on the solver's way"
    )
    given = parser.parse_args()
    known = scenarios if given.differences else [*scenarios, GAMES, PUBLISHED, NUMBERS, DRAWS, STATEMENTS]
    if unknown := set(given.names) - set(known):
        parser.error(f"got {', '.join(sorted(unknown))}, expected some of {', '.join(known)}")
    for name in given.names or known:
        if given.differences:
            sys.stdout.write(differing_columns(name) + "\n")
        elif name == GAMES:
            write(GAMES, freeze_games(), depth=2)
        elif name == PUBLISHED:
            write(PUBLISHED, freeze_published(), depth=2)
        elif name == NUMBERS:
            write(NUMBERS, freeze_numbers(), depth=3)
        elif name == DRAWS:
            write(DRAWS, freeze_draws(), depth=2)
        elif name == STATEMENTS:
            write(STATEMENTS, freeze_statements(), depth=5)
        else:
            with tempfile.TemporaryDirectory() as folder:
                write(name, freeze_scenario(name, Path(folder)), depth=3)


if __name__ == "__main__":
    main()
