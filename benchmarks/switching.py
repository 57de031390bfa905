"""Grids with ties: the proof of a reconfiguration, and restoration by enumeration against one mixed-integer program."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from benchmarks.harness import Result, compare, timed
from equilibrium.deadline import Deadline
from equilibrium.grid.contingencies import single_outages
from equilibrium.grid.reconfiguration import reconfigure
from equilibrium.grid.restoration import Hour, restore
from equilibrium.grid.switching_program import restore_by_switching
from scenarios.readers.meshed import Limits, load_meshed

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


EVERY = 17
"""Of the outages of the grid every this many is restored in both ways."""


def switching_enumeration_vs_milp() -> Result:
    """Outages of 70 buses with eight ties, restored by enumeration and by the program with exact radiality."""
    grid = load_meshed("das70", Limits(voltage_min_pu=0.9, voltage_max_pu=1.1))
    bus = np.array([grid.buses.index(label) for label in ("3", "13", "18", "27", "33", "48", "53", "65")])
    value = np.array([20.0, 80.0, 120.0])[np.arange(grid.size) % 3]
    power = np.full(bus.size, 400.0)  # so little that voltages forbid to serve everything after many outages
    hour = Hour(grid.load_kw, grid.load_kvar, value, bus, power, 0.5 * power)
    outages = single_outages(grid)[::EVERY]
    costs: list[tuple[float, float]] = []

    def enumerated() -> float:
        return timed(lambda: [restore(grid, hour, outage) for outage in outages])

    def program() -> float:
        return timed(lambda: [restore_by_switching(grid, hour, each, sectionalisers=False) for each in outages])

    programs = 0
    for outage in outages:
        answers = restore(grid, hour, outage), restore_by_switching(grid, hour, outage, sectionalisers=False)
        costs.append((answers[0].cost, answers[1].cost))
        programs += answers[0].programs
    worst = max(abs(one - other) / (1.0 + abs(one)) for one, other in costs)
    note = (
        f"{len(outages)} outages of das70 with eight sources, ties alone, {programs} linear programs, the costs of "
        f"both differ by {worst:.0e} at most; the reference is the mixed-integer program, confirmed as all are; "
        "goal >= 20"
    )
    return compare("switching_enumeration_vs_milp", enumerated, program, note, rounds=3)


BENCHMARKS: dict[str, Callable[[], Result]] = {
    "reconfiguration_33_seconds": reconfiguration_33_seconds,
    "switching_enumeration_vs_milp": switching_enumeration_vs_milp,
}
