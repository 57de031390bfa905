"""Which columns of a scenario depend on the way that the solver takes to an optimum.

The same two days are run with HiGHS as it is, with Gurobi, and with HiGHS on other ways. What differs is not determined
by the market and its rules, and belongs into :data:`tests.frozen.fingerprints.BY_RULE`.
"""

from __future__ import annotations

import contextlib
import math
import tempfile
from collections.abc import Iterator
from pathlib import Path

import highspy
import pyarrow as pa

from tests.frozen.fingerprints import frozen_columns, is_unique, run_tables

DIFFERENT = 1e-6
"""From this difference of a number on, two ways are said to disagree."""

WAYS: dict[str, tuple[str, dict[str, str | int]]] = {
    "Gurobi": ("gurobi", {}),
    "primal simplex": ("highs", {"simplex_strategy": 4}),
    "interior point": ("highs", {"solver": "ipm"}),
    "no presolve, no scaling": ("highs", {"presolve": "off", "simplex_scale_strategy": 0}),
    "other random numbers": ("highs", {"random_seed": 77}),
}
"""Other ways to the optimum: solver, and options of HiGHS.

Gurobi's free licence covers small models; HiGHS solves the others in its place, and says so on standard error.
"""

Columns = dict[tuple[str, str], pa.ChunkedArray]


def differing_columns(name: str) -> str:
    """Return a Markdown table of the columns of a scenario that differ, with the largest difference for each way."""
    usual = _columns(name, "highs", {})
    ways = [_columns(name, solver, options) for solver, options in WAYS.values()]
    lines = [f"| {name} | {' | '.join(WAYS)} | listed |", "|---" * (len(WAYS) + 2) + "|"]
    for (table, column), values in usual.items():
        cells = [_cell(values, other[table, column]) for other in ways]
        if any(cells):
            listed = "no" if is_unique(name, table, column) else "yes"
            lines.append(f"| {table}.{column} | {' | '.join(cells)} | {listed} |")
    return "\n".join(lines) + "\n"


def _columns(name: str, solver: str, options: dict[str, str | int]) -> Columns:
    with tempfile.TemporaryDirectory() as folder, highs_options(options):
        tables = run_tables(name, Path(folder) / "run", solver)
    return {(table, column): values for table, column, values in frozen_columns(tables)}


@contextlib.contextmanager
def highs_options(options: dict[str, str | int]) -> Iterator[None]:
    """Let every solve of HiGHS take these options."""
    run = highspy.Highs.run

    def run_with_options(solver: highspy.Highs) -> highspy.HighsStatus:
        for option, value in options.items():
            solver.setOptionValue(option, value)
        return run(solver)

    highspy.Highs.run = run_with_options
    try:
        yield
    finally:
        highspy.Highs.run = run


def _cell(values: pa.ChunkedArray, others: pa.ChunkedArray) -> str:
    """Say how far two columns are apart and in how many rows; nothing if they agree."""
    if len(values) != len(others):
        return f"{len(values)} and {len(others)} rows"
    apart = [_distance(one, other) for one, other in zip(values.to_pylist(), others.to_pylist(), strict=True)]
    rows = sum(each > DIFFERENT for each in apart)
    largest = max(apart, default=0.0)
    size = "other" if math.isinf(largest) else f"{largest:.3g}"
    return f"{size} in {rows} of {len(apart)}" if rows else ""


def _distance(one: object, other: object) -> float:
    """Return the difference of two numbers; infinite for what differs otherwise."""
    if one == other:
        return 0.0
    if isinstance(one, int | float) and isinstance(other, int | float):
        return abs(one - other)
    return math.inf
