"""Optimality conditions of any agent, appended mechanically to a linear system with complementarity pairs.

Each agent that responds is replaced by its conditions: primal rows, stationarity, and pairs ``multiplier * slack = 0``.
Slacks are columns, so a pair is two columns of which one is zero. Multipliers ``mu`` follow
:mod:`equilibrium.programs.duality`: the derivative of the (minimised) optimal value by the right-hand side.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import scipy.sparse as sp

from equilibrium.arrays import FloatArray, IntArray
from equilibrium.complementarity.problem import Mpcc, System
from equilibrium.games.compiled import Agent, CompiledGame
from equilibrium.programs.program import INF


def append_rows(system: System, agent: Agent) -> None:
    """Append the rows of a player that decides: they bind, and have no multiplier here."""
    for r in range(agent.kind.size):
        side = agent.rhs[r]
        row = system.row(
            _terms(agent.matrix, r), side if agent.kind[r] >= 0 else -INF, side if agent.kind[r] <= 0 else INF
        )
        for p in agent.products:
            if p.row == r:
                system.product(row, p.i, p.j, p.coefficient)


def append_conditions(system: System, agent: Agent) -> None:
    """Append the optimality conditions of ``agent`` in its own variables, all other columns given."""
    multipliers, factors = _append_primal(system, agent)
    own_rows = agent.matrix[:, agent.own].tocsc()
    for position, column in enumerate(agent.own.tolist()):
        terms = _terms(agent.hessian, column)
        start, stop = own_rows.indptr[position], own_rows.indptr[position + 1]
        for r, value in zip(own_rows.indices[start:stop], own_rows.data[start:stop], strict=True):
            terms.append((int(multipliers[r]), -float(factors[r] * value)))
        low, high = float(agent.lower[position]), float(agent.upper[position])
        terms += [(z, -sign) for z, sign in _bound_multipliers(system, column, low, high)]
        row = system.row(terms, -float(agent.cost[column]), -float(agent.cost[column]))
        system.identities.append((row, column))
        for p in agent.products:
            other = p.j if p.i == column else p.i if p.j == column else -1
            if other >= 0:
                system.product(row, other, int(multipliers[p.row]), -float(factors[p.row] * p.coefficient))
    system.multipliers[agent.name] = (multipliers, factors)


def _append_primal(system: System, agent: Agent) -> tuple[IntArray, FloatArray]:
    """Append the rows with their slacks; return the columns of the multipliers and ``mu = factor * column``."""
    own = set(agent.own.tolist())
    count = agent.kind.size
    multipliers, factors = np.full(count, -1, dtype=np.int64), np.ones(count)
    for r in range(count):
        kind, side = int(agent.kind[r]), float(agent.rhs[r])
        terms = _terms(agent.matrix, r)
        touches = any(c in own for c, _ in terms) or any(p.row == r and {p.i, p.j} & own for p in agent.products)
        if agent.dual[r] >= 0:
            multipliers[r], factors[r] = agent.dual[r], agent.sign
            low, high = _sign_bounds(int(kind * agent.sign))
            system.lower[agent.dual[r]], system.upper[agent.dual[r]] = low, high
        elif touches:
            multipliers[r] = system.column(*_sign_bounds(kind))
        slack = -1
        if kind:
            slack = system.column(0.0, INF)
            terms = [*terms, (slack, -float(kind))]
        row = system.row(terms, side, side)
        for p in agent.products:
            if p.row == r:
                system.product(row, p.i, p.j, p.coefficient)
        if multipliers[r] >= 0:
            system.identities.append((row, int(multipliers[r])))
            if kind:
                system.pairs.append((int(multipliers[r]), slack))
    return multipliers, factors


def _sign_bounds(kind: int) -> tuple[float, float]:
    return (0.0 if kind > 0 else -INF, 0.0 if kind < 0 else INF)


def _bound_multipliers(system: System, column: int, low: float, high: float) -> list[tuple[int, float]]:
    """Append multipliers of a variable's bounds; return (column, sign of its part in the reduced cost)."""
    if low == high:
        return [(system.column(-INF, INF), 1.0)]
    found = []
    for side, sign in ((low, 1.0), (high, -1.0)):
        if not np.isfinite(side):
            continue
        z = system.column(0.0, INF)
        slack = column
        if sign < 0 or side != 0.0 or system.lower[column] != 0.0:
            slack = system.column(0.0, INF)
            row = system.row([(column, sign), (slack, -1.0)], sign * side, sign * side)
            system.identities.append((row, z))
        system.pairs.append((z, slack))
        found.append((z, sign))
    return found


def _terms(matrix: sp.csr_array, row: int) -> list[tuple[int, float]]:
    start, stop = matrix.indptr[row], matrix.indptr[row + 1]
    return [(int(c), float(v)) for c, v in zip(matrix.indices[start:stop], matrix.data[start:stop], strict=True)]


def base_system(compiled: CompiledGame, fixed: Mapping[int, float]) -> System:
    """Return the columns of the game with the own bounds of every player; ``fixed`` columns at their values."""
    system = System([-INF] * compiled.size, [INF] * compiled.size)
    for agent in compiled.agents:
        for column, low, high in zip(agent.own.tolist(), agent.lower.tolist(), agent.upper.tolist(), strict=True):
            system.lower[column], system.upper[column] = low, high
    for column, value in fixed.items():
        system.lower[column] = system.upper[column] = value
    return system


def leader_problem(
    compiled: CompiledGame,
    decider: Agent | None,
    responders: Sequence[Agent],
    fixed: Mapping[int, float] | None = None,
    binding: Sequence[Agent] = (),
) -> Mpcc:
    """Return the problem of one player that decides while others respond optimally.

    Parameters
    ----------
    decider
        Whose objective and rows count; None asks for any point at which all responders are content.
    responders
        Replaced by their optimality conditions.
    fixed
        Values of further columns, such as rival leaders' variables.
    binding
        Further players whose rows must hold.
    """
    given = dict(fixed or {})
    system = base_system(compiled, given)
    for agent in (*binding, *((decider,) if decider else ())):
        append_rows(system, agent)
    for agent in responders:
        append_conditions(system, agent)
    n = compiled.size
    integer = np.zeros(n, dtype=bool)
    for agent in (decider, *binding):
        if agent is not None:
            integer[agent.own] = agent.integer
    integer[list(given)] = False
    if decider is None:
        return system.finish(np.zeros(n), sp.csr_array((n, n)), 0.0, integer)
    return system.finish(decider.cost, decider.hessian, decider.constant, integer)
