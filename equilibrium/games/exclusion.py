"""No point of a whole piece is an equilibrium: one deviation that gains at all of them.

A piece may hold a continuum of stationary points. For a decision ``x'`` of one leader the least gain over all of them,

    min  f(w) - f(w')   over stationary w of the piece and w' = (x', rivals' decisions in w, a response to both),

is a problem with complementarity pairs itself; where its proven bound is a gain, the piece is done with.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import scipy.sparse as sp

from equilibrium.arrays import FloatArray
from equilibrium.certificate import CERTAIN_GAIN
from equilibrium.complementarity.branch import Search
from equilibrium.complementarity.problem import System
from equilibrium.complementarity.products import fold_fixed, linearise_products
from equilibrium.deadline import Deadline
from equilibrium.games.compiled import Agent, CompiledGame
from equilibrium.games.conditions import append_conditions

GAIN_NODES = 500
"""Nodes that the search for the least gain of one deviation may take."""


def gains_everywhere(
    compiled: CompiledGame, system: System, leader: Agent, decision: FloatArray, deadline: Deadline
) -> bool:
    """Whether a leader gains by ``decision`` at every point of a system whose first columns are the game's.

    Parameters
    ----------
    system
        Rows and pairs of the points; it is changed, and not to be used again.
    decision
        Values of the leader's own columns that keep its bounds and, where they contain nothing else, its rows.
    """
    if _rows_of_others(leader):
        return False
    offset = len(system.lower)
    for column in range(compiled.size):
        system.column(-np.inf, np.inf)
        del column
    for agent in compiled.agents:
        for k, column in enumerate(agent.own.tolist()):
            at = offset + column
            if agent is leader:
                system.lower[at] = system.upper[at] = float(decision[k])
            elif agent.level == "leader":
                system.row([(at, 1.0), (column, -1.0)], 0.0, 0.0)
            else:
                system.lower[at], system.upper[at] = float(agent.lower[k]), float(agent.upper[k])
    for agent in compiled.followers:
        append_conditions(system, _shifted(agent, offset))
    n = offset + compiled.size
    tail = np.zeros(offset - compiled.size)
    cost = np.concatenate([leader.cost, tail, -leader.cost])
    gap = sp.csr_array((tail.size, tail.size))
    hessian = sp.csr_array(sp.block_diag([leader.hessian, gap, -leader.hessian], format="csr"))
    problem = fold_fixed(system.finish(cost, hessian, 0.0, np.zeros(n, dtype=bool)))
    search = Search(
        linearise_products(problem) or problem,
        deadline.part(nodes=GAIN_NODES),
        stop_at=CERTAIN_GAIN,
        ceiling=2.0 * CERTAIN_GAIN,
    )
    return bool(search.run().bound > CERTAIN_GAIN)


def _rows_of_others(leader: Agent) -> bool:
    own = set(leader.own.tolist())
    return bool(leader.products) or not set(leader.matrix.indices.tolist()) <= own


def _shifted(agent: Agent, offset: int) -> Agent:
    """Return the agent on columns that lie ``offset`` further on."""
    size = agent.cost.size
    blank = sp.csr_array((agent.matrix.shape[0], offset))
    return replace(
        agent,
        own=agent.own + offset,
        cost=np.concatenate([np.zeros(offset), agent.cost]),
        hessian=sp.csr_array(sp.block_diag([sp.csr_array((offset, offset)), agent.hessian], format="csr")),
        matrix=sp.csr_array(sp.hstack([blank, agent.matrix], format="csr"))
        if agent.matrix.shape[0]
        else sp.csr_array((0, offset + size)),
        products=tuple(replace(p, i=p.i + offset, j=p.j + offset) for p in agent.products),
        dual=np.where(agent.dual != -1, agent.dual + offset, -1),
    )


__all__ = ["gains_everywhere"]
