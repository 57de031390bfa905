"""Published unit commitments in two public JSON formats: ``python -m benchmarks.published_commitment FOLDER``.

Read are files of Egret (``elements``, ``system``) and of UnitCommitment.jl (``Generators``, ``Buses``). Beside them
``optimal_cost.csv`` (``instance``, ``optimal_cost``) holds what was published. Outages of lines are not modelled.
"""

from __future__ import annotations

import csv
import json
import sys
import time
from pathlib import Path

from benchmarks.egret import read_egret
from benchmarks.unitcommitment_jl import read_julia
from equilibrium.errors import InputError
from equilibrium.programs.commitment import System, commit


def read_system(path: Path) -> System:
    """Read an instance."""
    data = json.loads(path.read_text())
    return read_egret(data) if "elements" in data else read_julia(data)


def main(folder: Path, names: list[str]) -> int:
    """Commit every instance of a folder and compare with what was published; 1 where one differs by 1e-6."""
    with (folder / "optimal_cost.csv").open(newline="") as file:
        published = {row["instance"]: float(row["optimal_cost"]) for row in csv.DictReader(file)}
    wrong = 0
    for path in sorted(folder.glob("*.json")):
        if path.stem.endswith("_results") or (names and path.stem not in names):
            continue
        start = time.perf_counter()
        try:
            schedule = commit(read_system(path), gap=1e-7)
        except InputError as error:
            sys.stdout.write(f"{path.stem}: not read: {error}\n")
            continue
        known = published.get(path.name)
        told = "" if known is None else f", published {known:.6f}, off by {schedule.cost / known - 1.0:.1e}"
        wrong += known is not None and abs(schedule.cost / known - 1.0) > 1e-6
        seconds = time.perf_counter() - start
        sys.stdout.write(f"{path.stem}: {schedule.cost:.6f}, gap {schedule.gap:.1e}{told}, {seconds:.1f} s\n")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
