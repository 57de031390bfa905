"""``python -m benchmarks [name ...]``: run all benchmarks, or those named."""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks import aggregator, closeness, day_ahead, disco, first_light, large, nodal, real_time, studies, switching
from benchmarks.harness import report

BENCHMARKS = (
    first_light.BENCHMARKS
    | nodal.BENCHMARKS
    | disco.BENCHMARKS
    | aggregator.BENCHMARKS
    | closeness.BENCHMARKS
    | studies.BENCHMARKS
    | large.BENCHMARKS
    | switching.BENCHMARKS
    | real_time.BENCHMARKS
    | day_ahead.BENCHMARKS
)


def main(names: list[str]) -> int:
    unknown = set(names) - BENCHMARKS.keys()
    if unknown:
        sys.stderr.write(f"unknown benchmark: {', '.join(sorted(unknown))}; known: {', '.join(BENCHMARKS)}\n")
        return 2
    results = [run() for name, run in BENCHMARKS.items() if not names or name in names]
    report(results, Path(__file__).parent / "results.json")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
