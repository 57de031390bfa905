"""Published unit commitments in two public JSON formats: ``python -m benchmarks.published_commitment FOLDER``.

Read are files of Egret (``elements``, ``system``) and of UnitCommitment.jl (``Generators``, ``Buses``), packed by gzip
or not. Beside them ``optimal_cost.csv`` (``instance``, ``optimal_cost``) holds what was published. In Egret's published
runs limits of lines may be exceeded at a cost wherever there are lines.
"""

from __future__ import annotations

import csv
import gzip
import json
import sys
import time
from pathlib import Path

from benchmarks.egret import read_egret
from benchmarks.unitcommitment_jl import read_julia
from equilibrium.errors import InfeasibleError, InputError, SolverError
from equilibrium.programs.commitment import System, commit


def read_system(path: Path) -> System:
    """Read an instance."""
    with (gzip.open if path.suffix == ".gz" else open)(path, "rt", encoding="utf-8") as file:
        data = json.load(file)
    if "elements" not in data:
        return read_julia(data)
    return read_egret(data, "limits" if data["elements"].get("branch") else "buses")


def main(folder: Path, names: list[str]) -> int:
    """Commit every instance of a folder and compare with what was published; 1 where one differs by 1e-6."""
    with (folder / "optimal_cost.csv").open(newline="") as file:
        published = {row["instance"]: float(row["optimal_cost"]) for row in csv.DictReader(file)}
    wrong = 0
    for path in sorted((*folder.glob("*.json"), *folder.glob("*.json.gz"))):
        name = path.name.removesuffix(".gz").removesuffix(".json")
        if name.endswith(("_results", "_sol")) or (names and name not in names):
            continue
        start = time.perf_counter()
        try:
            schedule = commit(read_system(path), gap=1e-7)
        except InputError as error:
            sys.stdout.write(f"{name}: not read: {error}\n")
            continue
        except (InfeasibleError, SolverError) as error:
            sys.stdout.write(f"{name}: no schedule: {error}\n")
            wrong += 1
            continue
        known = published.get(path.name)
        told = "" if known is None else f", published {known:.6f}, off by {schedule.cost / known - 1.0:.1e}"
        wrong += known is not None and abs(schedule.cost / known - 1.0) > 1e-6
        seconds = time.perf_counter() - start
        sys.stdout.write(f"{name}: {schedule.cost:.6f}, gap {schedule.gap:.1e}{told}, {seconds:.1f} s\n")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
