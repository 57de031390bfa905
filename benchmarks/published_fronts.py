"""Published fronts of knapsacks: ``python -m benchmarks.published_fronts FOLDER``.

Every folder below it holds ``a.csv`` (weights, one row a constraint), ``b.csv`` (limits), ``c.csv`` (values to be
maximised, one row an objective) and ``pareto_sols.csv`` (all non-dominated values), each with a header and an index.
"""

from __future__ import annotations

import csv
import sys
import time
from pathlib import Path

import numpy as np
import scipy.sparse as sp

from equilibrium.arrays import FloatArray
from equilibrium.programs.front import Objectives, whole_front
from equilibrium.programs.program import INF, Instance


def table(path: Path) -> FloatArray:
    """Read a table without its header and its first column."""
    with path.open(newline="") as file:
        return np.array([[float(cell) for cell in row[1:]] for row in list(csv.reader(file))[1:]])


def knapsack(folder: Path) -> Objectives:
    """Read an instance."""
    weights, limits, values = (table(folder / f"{name}.csv") for name in "abc")
    count = values.shape[1]
    lower, nothing = np.full(len(weights), -INF), np.zeros(count)
    instance = Instance(sp.csr_array(weights), nothing, lower, limits[:, 0], nothing, np.ones(count))
    names = tuple(f"value {k + 1}" for k in range(len(values)))
    return Objectives(instance, np.ones(count, dtype=np.bool_), -values, names)


def main(root: Path, names: list[str]) -> int:
    """Find every front and compare it with what was published; 1 where one differs."""
    wrong = 0
    for folder in sorted(path.parent for path in root.glob("*/pareto_sols.csv")):
        if names and folder.name not in names:
            continue
        start = time.perf_counter()
        front = whole_front(knapsack(folder))
        found, published = (
            {tuple(row) for row in values.tolist()} for values in (-front.values, table(folder / "pareto_sols.csv"))
        )
        wrong += found != published
        sys.stdout.write(
            f"{folder.name}: {len(found)} points, {len(published)} published, {len(found & published)} in both, "
            f"{front.solves} programs, {time.perf_counter() - start:.0f} s\n"
        )
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
