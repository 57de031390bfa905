"""Grids with ties: the proof of a reconfiguration."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.harness import Result, compare, timed
from equilibrium.deadline import Deadline
from equilibrium.grid.reconfiguration import reconfigure
from scenarios.readers.meshed import load_meshed

NODES_OF_ONE_SEARCH = 1


def reconfiguration_33_seconds() -> Result:
    """33 buses with five ties: the least loss and a bound within 1 %, against the search and its first bound alone."""
    grid = load_meshed("ieee33")

    def proved() -> float:
        return timed(lambda: reconfigure(grid, gap=0.01))

    def found() -> float:
        return timed(lambda: reconfigure(grid, gap=0.01, deadline=Deadline(nodes=NODES_OF_ONE_SEARCH)))

    answer = reconfigure(grid, gap=0.01)
    note = (
        f"33 buses, {answer.loss_kw:.4f} kW with a proved gap of {answer.gap:.2%} after {answer.nodes} nodes, against "
        "the search without its proof (one node); goal: a bound within 1 %"
    )
    return compare("reconfiguration_33_seconds", proved, found, note, rounds=3)


BENCHMARKS: dict[str, Callable[[], Result]] = {"reconfiguration_33_seconds": reconfiguration_33_seconds}
