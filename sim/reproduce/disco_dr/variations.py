"""Other seeds, populations and orders for the DISCO with nine programs, with few scenarios: they take minutes."""

from __future__ import annotations

from functools import partial
from typing import Any

from equilibrium.markets.disco.relations import other_order
from sim.reproduce.disco_dr.compute import compute
from sim.reproduce.disco_dr.statements import statements
from sim.reproduce.robustness import Variation
from sim.reproduce.verdicts import Statement

FEW = {"scenarios": 2, "samples": 20}
SEEDS = (1, 2, 3)
POPULATIONS = (50, 75)
"""Vehicles in the lot; the paper's are 100."""


def _varied(options: dict[str, Any], solver: str) -> tuple[Statement, ...]:
    return statements(compute(solver, **options))


VARIATIONS = (
    *(
        Variation("seed", f"draws of seed {seed}", partial(_varied, {**FEW, "vehicles": POPULATIONS[0], "seed": seed}))
        for seed in SEEDS
    ),
    *(
        Variation("population", f"{number} vehicles", partial(_varied, {**FEW, "vehicles": number}))
        for number in POPULATIONS
    ),
    Variation(
        "order",
        "scenarios and vehicles in the opposite order",
        partial(_varied, {**FEW, "vehicles": POPULATIONS[0], "vary": other_order}),
    ),
)
