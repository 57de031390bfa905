"""How near the reproductions are: the share of published numbers met within 5 %."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from benchmarks.harness import Result
from sim.reproduce import REPRODUCTIONS, load_reproduction
from sim.reproduce.closeness import WITHIN, closeness
from sim.reproduce.constants import Origin, count
from sim.reproduce.report import Report

SHARE = 0.05
"""The deviation whose share is the ratio."""


def record(report: Report, taken: float) -> Result:
    """Return the closeness of a report as a line of ``results.json``."""
    found = closeness(report.tables)
    free = [f"{count(report.constants, origin)} {origin}" for origin in (Origin.FITTED, Origin.CHOSEN)]
    note = (
        f"published numbers met: {found}; constants: {', '.join(free)}; ratio is the share within {100 * SHARE:g} %, "
        f"ours the seconds of the whole reproduction"
    )
    ratio = found.met[WITHIN.index(SHARE)] / found.total
    return Result(f"closeness_{report.name.replace('-', '_')}", taken, taken, ratio, note)


def measure(name: str) -> Result:
    """Reproduce one study, figures included, and return its closeness."""
    with TemporaryDirectory() as folder:
        start = perf_counter()
        report = load_reproduction(name)(Path(folder), "auto")
        return record(report, perf_counter() - start)


WITHOUT_NUMBERS = ("aggregator", "two-settlement")
"""Studies whose papers print no numbers of results, or no data from which they could be met."""

BENCHMARKS: dict[str, Callable[[], Result]] = {
    f"closeness_{name.replace('-', '_')}": partial(measure, name)
    for name in REPRODUCTIONS
    if name not in WITHOUT_NUMBERS
}
