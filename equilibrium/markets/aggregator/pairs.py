"""The leader's problem as one program with pairs, for solvers that know pairs themselves (SOS1): Gurobi and SCIP.

It is the published program without its binaries, so no bound on a multiplier is asked for: an independent oracle for
:mod:`equilibrium.markets.aggregator.search` on days without a grid that are small enough for it.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from equilibrium.arrays import FloatArray, IntArray
from equilibrium.complementarity.branch import End
from equilibrium.complementarity.problem import Mpcc
from equilibrium.complementarity.sos1 import solve_gurobi, solve_scip
from equilibrium.deadline import Deadline
from equilibrium.errors import InputError
from equilibrium.markets.aggregator.day import AggregatorDay
from equilibrium.markets.aggregator.followers import followers, price_names
from equilibrium.markets.aggregator.halves import Halves, halve
from equilibrium.markets.aggregator.published import PublishedAnswer
from equilibrium.programs.program import INF, Instance

SOLVERS = {"gurobi": solve_gurobi, "scip": solve_scip}
"""Who takes pairs."""


def as_pairs(halves: Halves) -> Mpcc:
    """Join both halves: distances of quantities from their bounds are columns, each in a pair with its multiplier."""
    one, other = halves.quantities, halves.prices
    distance, rows, sides = _distances(halves, one)
    width = one.shape[1] + other.shape[1] + distance.size
    base = sp.block_diag([one.matrix, other.matrix], format="csr")
    base = sp.csr_array(sp.hstack([base, sp.csr_array((base.shape[0], distance.size))]))
    # distance = x - lower, or upper - x
    sign = np.where(halves.upper[distance], -1.0, 1.0)
    triplets = (
        np.concatenate([sign, -np.ones(distance.size)]),
        (
            np.tile(np.arange(distance.size), 2),
            np.concatenate([halves.quantity[distance], one.shape[1] + other.shape[1] + np.arange(distance.size)]),
        ),
    )
    extra = sp.csr_array(sp.coo_array(triplets, shape=(distance.size, width)))
    instance = Instance(
        sp.csr_array(sp.vstack([base, extra], format="csr")),
        np.concatenate([one.cost, other.cost, np.zeros(distance.size)]),
        np.concatenate([one.row_lower, other.row_lower, sides]),
        np.concatenate([one.row_upper, other.row_upper, sides]),
        np.concatenate([one.col_lower, other.col_lower, np.zeros(distance.size)]),
        np.concatenate([one.col_upper, other.col_upper, np.full(distance.size, INF)]),
    )
    held = halves.quantity.copy()
    held[distance] = one.shape[1] + other.shape[1] + rows
    pairs = np.column_stack([one.shape[1] + halves.multiplier, held])
    return Mpcc(
        instance=instance,
        constant=0.0,
        hessian=sp.csr_array((width, width)),
        pairs=pairs,
        integer=np.zeros(width, dtype=bool),
        bilinear=(),
        identities=(),
        multipliers={},
    )


def solve_pairs(day: AggregatorDay, solver: str, *, node_limit: float = INF) -> PublishedAnswer:
    """Solve a day without a grid as one program with pairs.

    Parameters
    ----------
    solver
        ``gurobi`` (within its licence) or ``scip`` (with the extra ``equilot[scip]``).
    node_limit
        Nodes after which the best point is returned with its bound.

    Raises
    ------
    InputError
        When the day has a grid, or for another solver.
    equilibrium.programs.solvers.base.ModelTooLargeError
        When Gurobi's licence does not cover the problem.
    """
    if day.grid is not None:
        raise InputError("day", "grid", "a feeder", "none: the program with pairs is stated without it here")
    if solver not in SOLVERS:
        raise InputError("solver", "name", solver, f"one of {', '.join(SOLVERS)}")
    halves = halve(followers(day), price_names(day), day.periods)
    outcome = SOLVERS[solver](as_pairs(halves), Deadline(nodes=node_limit))
    finished = outcome.end is End.OPTIMAL
    if outcome.v is None:
        return PublishedAnswer(-INF, halves.constant - outcome.bound, {}, outcome.nodes, outcome.seconds, finished)
    columns = halves.quantities.shape[1]
    prices = halves.named(outcome.v[columns : columns + halves.prices.shape[1]])
    value, bound = halves.constant - outcome.value, halves.constant - outcome.bound
    return PublishedAnswer(value, bound, prices, outcome.nodes, outcome.seconds, finished)


def _distances(halves: Halves, one: Instance) -> tuple[IntArray, IntArray, FloatArray]:
    """Return the pairs whose quantity is not its own distance from the bound, their numbers, and the bounds signed."""
    low, high = one.col_lower[halves.quantity], one.col_upper[halves.quantity]
    pairs = np.flatnonzero(halves.upper | (low != 0.0))
    sides = np.where(halves.upper[pairs], -high[pairs], low[pairs])
    return pairs, np.arange(pairs.size), sides
