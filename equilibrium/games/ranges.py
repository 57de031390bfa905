"""What a regret is measured by: the range of a player's own objective, in the units of the scaled game.

Of an objective only the part counts that the player can move: terms with variables of its own, and for a leader with
those of the followers and their duals. The scale is the size of that part at the point, at least one unit of the
scaled game (:mod:`equilibrium.games.scaling`), and never more than what the part can range over: by its bounds, and
where that decides, by linear programs over the optimality conditions without complementarity.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy.sparse as sp

from equilibrium.arrays import FloatArray
from equilibrium.certificate import EXACT_REGRET
from equilibrium.complementarity.problem import Mpcc
from equilibrium.games.compiled import Agent, CompiledGame
from equilibrium.programs.program import INF
from equilibrium.programs.solvers import Status, open_handle

LEAST_RANGE = 1e-3
"""No range counts as less, in units of the scaled game: below, a solver's own tolerance is all that is measured."""


def relative_regret(
    compiled: CompiledGame, agent: Agent, w: FloatArray, regret: float, form: Callable[[], Mpcc]
) -> float:
    """Return a regret relative to the range of the player's own objective.

    Parameters
    ----------
    regret
        In the unit of the scaled game.
    form
        Makes the problem of the player's best deviation; asked only where the range of the bounds is not enough.
    """
    if not np.isfinite(regret) or regret <= 0.0:
        return max(0.0, regret)
    moved = _moved(compiled, agent)
    size = max(1.0, abs(_part(agent, moved, w)))
    size = max(LEAST_RANGE, min(size, _box_range(compiled, agent, moved)))
    if size <= 1.0 or regret <= EXACT_REGRET:  # such a regret is exact by the least scale of one unit as well
        return regret / size
    return regret / max(LEAST_RANGE, min(size, _linear_range(form())))


def _moved(compiled: CompiledGame, agent: Agent) -> np.ndarray:
    """Return which columns the player moves, itself or through those that respond to it."""
    moved = np.zeros(compiled.size, dtype=bool)
    moved[agent.own] = True
    if agent.level == "leader":
        for follower in compiled.followers:
            moved[follower.own] = True
        moved[compiled.variables :] = True
    return moved


def _part(agent: Agent, moved: np.ndarray, w: FloatArray) -> float:
    """Return the value at ``w`` of the terms with a moved column."""
    still = np.where(moved, 0.0, w)
    return agent.value(w) - agent.value(still)


def _box_range(compiled: CompiledGame, agent: Agent, moved: np.ndarray) -> float:
    """Return what the bounds of the columns let those terms range over; infinite where one of them is open."""
    low, high = np.full(compiled.size, -INF), np.full(compiled.size, INF)
    for each in compiled.agents:
        low[each.own], high[each.own] = each.lower, each.upper
    used = np.flatnonzero(agent.cost * moved)
    width = float(np.sum(np.abs(agent.cost[used]) * (high[used] - low[used])))
    upper = sp.coo_array(sp.triu(agent.hessian))
    for i, j, value in zip(upper.row.tolist(), upper.col.tolist(), upper.data.tolist(), strict=True):
        if not (moved[i] or moved[j]) or value == 0.0:
            continue
        if not np.isfinite([low[i], high[i], low[j], high[j]]).all():
            return INF
        ends = [a * b for a in (low[i], high[i]) for b in (low[j], high[j])]
        width += abs(value) * (max(ends) - min(ends)) * (0.5 if i == j else 1.0)
    return width


def _linear_range(form: Mpcc) -> float:
    """Return the range of a linear objective over the problem without complementarity; infinite where it is open."""
    if not form.linear:
        return INF
    ends = []
    for sign in (1.0, -1.0):
        answer = open_handle(form.instance.with_cost(sign * form.instance.cost)).solve()
        if answer.status is not Status.OPTIMAL:
            return INF
        ends.append(float(form.instance.cost @ answer.x))
    return ends[1] - ends[0]


__all__ = ["LEAST_RANGE", "relative_regret"]
