"""What every benchmark shares: the record, alternating measurements, and the table."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Result:
    """One line of ``results.json``: medians in seconds, ``ratio = reference / ours``, and what was compared."""

    name: str
    ours_s: float
    reference_s: float
    ratio: float
    note: str


def timed(function: Callable[[], object]) -> float:
    """Return the wall time of one call."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def compare(name: str, ours: Callable[[], float], reference: Callable[[], float], note: str, rounds: int = 7) -> Result:
    """Measure both in turn, ``rounds`` times after one warm-up; each returns the seconds of one unit of work."""
    ours(), reference()
    pairs = [(ours(), reference()) for _ in range(rounds)]
    first, second = median(a for a, _ in pairs), median(b for _, b in pairs)
    return Result(name, first, second, median(b / a for a, b in pairs), note)


def report(results: list[Result], path: Path) -> None:
    """Write ``results.json`` and print the table; lines of other names that the file holds are kept."""
    known = {line["name"]: line for line in json.loads(path.read_text())} if path.exists() else {}
    known |= {result.name: asdict(result) for result in results}
    path.write_text(json.dumps(list(known.values()), indent=2) + "\n")
    table = Table("name", "ours [s]", "reference [s]", "ratio", "note")
    for line in known.values():
        table.add_row(
            line["name"], f"{line['ours_s']:.4g}", f"{line['reference_s']:.4g}", f"{line['ratio']:.3g}", line["note"]
        )
    Console(width=120).print(table)
