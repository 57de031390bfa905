"""Write the frozen files again: ``python -m tests.frozen [NAME ...]``, where a name is a scenario or ``games``.

``--differences`` writes nothing; it lists the columns in which a scenario's tables differ between HiGHS and Gurobi.
"""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
from pathlib import Path

import pyarrow as pa

from tests.frozen.fingerprints import (
    GAMES,
    freeze_scenario,
    frozen_columns,
    game_names,
    is_unique,
    run_tables,
    scenario_names,
    solve_game,
    write,
)

DIFFERENT = 1e-6
"""From this difference of a number on, two solvers are said to disagree."""


def main() -> None:
    """Write or compare what is named, everything when nothing is."""
    known = [*scenario_names(), GAMES]
    parser = argparse.ArgumentParser(prog="python -m tests.frozen", description=__doc__)
    parser.add_argument("names", metavar="NAME", nargs="*", help=", ".join(known))
    parser.add_argument("--differences", action="store_true", help="compare HiGHS with Gurobi; write nothing")
    given = parser.parse_args()
    if unknown := set(given.names) - set(known):
        parser.error(f"got {', '.join(sorted(unknown))}, expected some of {', '.join(known)}")
    for name in given.names or known:
        if given.differences:
            sys.stdout.write("\n".join([name, *differing_columns(name), ""]))
        elif name == GAMES:
            write(GAMES, {game: solve_game(game) for game in game_names()}, depth=1)
        else:
            with tempfile.TemporaryDirectory() as folder:
                write(name, freeze_scenario(name, Path(folder)), depth=3)


def differing_columns(name: str) -> list[str]:
    """Say for each column of a scenario that differs by more than :data:`DIFFERENT` in how many rows, and how far."""
    with tempfile.TemporaryDirectory() as folder:
        first, second = (run_tables(name, Path(folder) / solver, solver) for solver in ("highs", "gurobi"))
    others = {(table, column): values for table, column, values in frozen_columns(second)}
    lines = []
    for table, column, values in frozen_columns(first):
        differences = distances(values, others[table, column])
        rows = sum(each > DIFFERENT for each in differences)
        if rows:
            known = "" if is_unique(name, table, column) else " (known)"
            lines.append(f"  {table}.{column}: {rows} of {len(values)} rows, at most {max(differences):.3g}{known}")
    return lines


def distances(values: pa.ChunkedArray, others: pa.ChunkedArray) -> list[float]:
    """Return how far two columns are apart row by row; infinite where they differ in another way than by a number."""
    pairs = list(zip(values.to_pylist(), others.to_pylist(), strict=True))
    return [
        0.0 if one == other else abs(one - other) if isinstance(one, float) and isinstance(other, float) else math.inf
        for one, other in pairs
    ]


if __name__ == "__main__":
    main()
