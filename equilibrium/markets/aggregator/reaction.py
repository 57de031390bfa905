"""How followers react to given prices, in the leader's favour where they are indifferent.

The reaction is lexicographic: first the follower's own profit, then, on its optimal face, the leader's margin. The face
is fixed through reduced costs and multipliers, so no tolerance on profits is needed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from equilibrium.arrays import FloatArray
from equilibrium.markets.aggregator.followers import Follower
from equilibrium.programs.duality import Residuals, kkt_residuals, optimal_face
from equilibrium.programs.program import Instance
from equilibrium.programs.solvers import solve_linear
from equilibrium.programs.solvers.choose import require_optimal


@dataclass(frozen=True, eq=False)
class Reaction:
    """What one follower does.

    Attributes
    ----------
    follower
        Who.
    instance
        Its program at the prices.
    x, y
        Its decision and the multipliers that prove it optimal.
    margin
        What the leader earns with it, upstream value and payments, currency, unweighted.
    seconds
        Time inside solvers.
    """

    follower: Follower
    instance: Instance
    x: FloatArray
    y: FloatArray
    margin: float
    seconds: float = 0.0

    @property
    def profit(self) -> float:
        """The follower's profit without constants, currency."""
        return -float(self.instance.cost @ self.x)

    @property
    def residuals(self) -> Residuals:
        """How well the decision satisfies the follower's optimality conditions, recomputed from arrays."""
        return kkt_residuals(self.instance, self.x, self.y)


def margin_costs(follower: Follower, instance: Instance) -> FloatArray:
    """Return what a unit of each column earns the leader at the prices of ``instance``, shape ``(columns,)``.

    Upstream value plus what the follower pays: its cost at these prices less its cost at none.
    """
    return np.asarray(follower.worth + instance.cost - follower.unpriced().cost)


def face(instance: Instance, solver: str = "auto") -> tuple[Instance, FloatArray, float]:
    """Return the optimal face of a follower at its prices, the multipliers that prove it, and the solver's seconds."""
    if not instance.shape[0]:  # a box: reduced costs are the costs
        return optimal_face(instance, np.zeros(0)), np.zeros(0), 0.0
    answer = require_optimal(solve_linear(instance, solver), "a follower")
    return optimal_face(instance, answer.y), answer.y, answer.seconds


def react(follower: Follower, prices: Mapping[str, FloatArray], solver: str = "auto") -> Reaction:
    """Return the reaction of one follower."""
    instance = follower.at(prices)
    optimal, y, seconds = face(instance, solver)
    margin = margin_costs(follower, instance)
    if not instance.shape[0]:
        x = np.where(margin >= 0.0, optimal.col_upper, optimal.col_lower)
        return Reaction(follower, instance, x, y, float(margin @ x))
    answer = require_optimal(solve_linear(optimal.with_cost(-margin), solver), "a follower's optimal face")
    return Reaction(follower, instance, answer.x, y, float(margin @ answer.x), seconds + answer.seconds)


def react_all(each: Iterable[Follower], prices: Mapping[str, FloatArray], solver: str = "auto") -> tuple[Reaction, ...]:
    """Return the reactions of several followers."""
    return tuple(react(follower, prices, solver) for follower in each)


def expected_margin(reactions: Iterable[Reaction]) -> float:
    """Return what the leader earns with all of them, scenarios weighted by probability, currency."""
    return float(sum(each.follower.weight * each.margin for each in reactions))
