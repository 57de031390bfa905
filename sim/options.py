"""How a scenario is run."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RunOptions:
    """How a scenario is run.

    Attributes
    ----------
    days
        Days to simulate, at least 1.
    seed
        The run's one seed, a non-negative integer.
    solver
        ``"auto"``, ``"highs"`` or ``"gurobi"``.
    on_infeasible
        ``"stop"`` or ``"shed"`` in the place of what the scenario says; ``None`` keeps it. Not every market has
        ``"shed"``.
    ac
        Whether every day is checked by an AC power flow, where the market's own flow is linear.
    certify
        ``"standard"``, or ``"full"`` for a second, independent proof of every day, where the market has one.
    node_limit
        Nodes that the searches of a clearing may take, in the place of what the scenario says, where the market
        searches; ``None`` keeps it.
    yardstick
        Whether every day's posted prices are measured against their equilibrium, where lots post prices.
    check
        ``"off"``, ``"cheap"`` or ``"full"``: which statements about every clearing are checked (:mod:`sim.checks`).
    """

    days: int = 7
    seed: int = 0
    solver: str = "auto"
    on_infeasible: str | None = None
    ac: bool = False
    certify: str = "standard"
    node_limit: int | None = None
    yardstick: bool = False
    check: str = "off"
