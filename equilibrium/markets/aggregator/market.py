"""The aggregator market: one leader sets prices, lots, generators and a retailer follow (docs/aggregator.md)."""

from __future__ import annotations

import time

import numpy as np

from equilibrium.certificate import NEGLIGIBLE, Certificate, certify, naming_solvers
from equilibrium.deadline import Deadline
from equilibrium.errors import InputError
from equilibrium.markets.aggregator.accounts import keep_accounts
from equilibrium.markets.aggregator.checks import check_day
from equilibrium.markets.aggregator.clearing import (
    AggregatorClearing,
    GridState,
    all_in,
    grid_state,
    lot_quantities,
    others,
    traded,
)
from equilibrium.markets.aggregator.day import AggregatorDay
from equilibrium.markets.aggregator.leader import Leader, Solved
from equilibrium.markets.aggregator.normal import normalised
from equilibrium.markets.aggregator.point import Point
from equilibrium.markets.aggregator.reaction import Reaction
from equilibrium.markets.base import Afresh
from equilibrium.programs.duality import Residuals, dual_objective, reduced_costs
from equilibrium.programs.program import INF
from equilibrium.programs.solvers import preferring
from equilibrium.programs.solvers.choose import check_solver
from equilibrium.programs.solvers.highs import HighsHandle

GAP_TARGET = 1e-3
"""Relative gap at which days with several scenarios or a grid are left unless another is asked for."""

NODE_LIMIT = 200_000
"""Nodes after which the searches of a day end when nothing else is asked for."""


class AggregatorMarket(Afresh[AggregatorDay]):
    """The market of an aggregator with its followers.

    Parameters
    ----------
    gap
        Relative gap up to which days with several scenarios or a grid are solved; others are exact.
    node_limit
        Nodes that all searches of a day may take together; then the best point is returned with its proven gap.
        ``None`` for no limit.
    solver
        Who solves the linear programs of the searches; what Gurobi's free licence does not cover HiGHS solves.

    Raises
    ------
    InputError
        When an option is out of its domain.
    """

    def __init__(self, *, gap: float = GAP_TARGET, node_limit: int | None = NODE_LIMIT, solver: str = "auto") -> None:
        if not 0.0 <= gap < 1.0:
            raise InputError("aggregator market", "gap", gap, "a share from 0 to below 1")
        if node_limit is not None and not node_limit >= 1:
            raise InputError("aggregator market", "node_limit", node_limit, "at least 1, or None")
        self.gap, self.node_limit, self.solver = gap, node_limit, check_solver(solver)

    @property
    def _named(self) -> str:
        """Solver that a certificate names first; of another one than HiGHS the busiest is."""
        return "" if self.solver == "gurobi" else HighsHandle.name

    @naming_solvers
    def clear(self, day: AggregatorDay) -> AggregatorClearing:
        """Clear a day.

        Raises
        ------
        InputError
            When the day's numbers do not fit together; before any work is done.
        InfeasibleError
            When no prices keep the feeder's limits.
        """
        begin = time.perf_counter()
        check_day(day)
        with preferring(self.solver):
            leader = Leader(day, self.gap, Deadline(nodes=INF if self.node_limit is None else self.node_limit))
            solved = leader.solve()
            point = normalised(day, leader.followers, solved.point, leader.flows)
        lots, (output, served) = lot_quantities(day, point), others(day, point)
        losses = float(sum(flow.value for flow in point.flows))
        accounts = keep_accounts(day, point.prices, lots, output, served, losses)
        linearised = sum(each.follower.weight * _by_duality(each) for each in point.reactions) - losses
        grid = grid_state(leader.flows, point)
        drawn = sum((day.probability @ (each.charge_kw - each.discharge_kw) for each in lots), np.zeros(day.periods))
        offered = sum((day.probability @ each.reserve_kw for each in lots), np.zeros(day.periods))
        return AggregatorClearing(
            prices=point.prices,
            identified=traded(day, point),
            all_in_reserve=all_in(day, point.prices),
            lots=lots,
            generators_kw=output,
            served_kw=served,
            purchase_kw=served + drawn - output.sum(axis=1),
            reserve_kw=offered,
            accounts=accounts,
            bound=solved.bound,
            linearised=linearised,
            nodes=solved.nodes,
            grid=grid,
            certificate=_certificate(accounts.aggregator, solved, point, linearised, grid, self._named),
            seconds=time.perf_counter() - begin,
            solver_seconds=solved.seconds,
        )


def _by_duality(reaction: Reaction) -> float:
    """Return what a follower is worth to the leader, its payment by strong duality instead of price times quantity."""
    instance, follower = reaction.instance, reaction.follower
    dual = dual_objective(instance, reaction.y, reduced_costs(instance, reaction.y))
    return dual + float((follower.worth - follower.unpriced().cost) @ reaction.x)


def _certificate(
    profit: float, solved: Solved, point: Point, linearised: float, grid: GridState | None, solver: str
) -> Certificate:
    """Put residuals, gaps and the verdict together."""
    followers = [-each.profit for each in point.reactions]
    least = [dual_objective(each.instance, each.y, reduced_costs(each.instance, each.y)) for each in point.reactions]
    twice = abs(linearised - profit) / (1.0 + abs(profit))
    residuals = [each.residuals for each in point.reactions] + [flow.residuals for flow in point.flows]
    notes = [f"profit {profit:.10g}, proven bound {solved.bound:.10g}"]
    if grid is not None and grid.wasted > NEGLIGIBLE:
        notes.append(f"losses above those of the flows, by up to {grid.wasted:.3g} of a branch's range")
    best = np.array([solved.bound, *(-each for each in least)])
    return certify(
        [Residuals(0.0, 0.0, 0.0, twice), *residuals],
        np.array([profit, *(-each for each in followers)]),
        best,
        best,
        "two halves",
        solver,
        tuple(notes),
    )
