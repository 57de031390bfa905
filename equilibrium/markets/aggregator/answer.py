"""What followers do on a day at prices that are posted already, and what everybody earns then."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from equilibrium.arrays import FloatArray
from equilibrium.markets.aggregator.accounts import Accounts, LotQuantities, keep_accounts
from equilibrium.markets.aggregator.checks import check_day
from equilibrium.markets.aggregator.clearing import GridState, grid_state, lot_quantities, others
from equilibrium.markets.aggregator.day import AggregatorDay
from equilibrium.markets.aggregator.flow import Flows
from equilibrium.markets.aggregator.followers import followers
from equilibrium.markets.aggregator.point import best_point
from equilibrium.programs.duality import Residuals


@dataclass(frozen=True, eq=False)
class Answer:
    """A day at given prices.

    Attributes
    ----------
    lots
        What the lots do.
    generators_kw, served_kw
        Shapes ``(periods, generators)`` and ``(periods,)``.
    accounts
        Everybody's profit.
    grid
        The feeder; ``None`` without one, and where its limits are not kept.
    limits_kept
        Whether the feeder's limits allow what the followers do. Where they do not, losses are not counted.
    residuals
        Of every follower's optimality conditions.
    """

    lots: tuple[LotQuantities, ...]
    generators_kw: FloatArray
    served_kw: FloatArray
    accounts: Accounts
    grid: GridState | None
    limits_kept: bool
    residuals: tuple[Residuals, ...]

    @property
    def profit(self) -> float:
        """The aggregator's profit, currency."""
        return self.accounts.aggregator


def answer(day: AggregatorDay, prices: Mapping[str, FloatArray]) -> Answer:
    """Return what every follower does at the leader's prices, in the leader's favour where it is indifferent.

    Parameters
    ----------
    day
        The day.
    prices
        By name, as :attr:`equilibrium.markets.aggregator.clearing.AggregatorClearing.prices` has them.

    Raises
    ------
    InputError
        When the day's numbers do not fit together.
    """
    check_day(day)
    flows, everybody = None if day.grid is None else Flows(day, day.grid), followers(day)
    point = best_point(day, everybody, prices, flows)
    kept = point is not None
    if point is None:
        flows, point = None, best_point(day, everybody, prices, None)
    assert point is not None, "without limits every follower has an answer"
    lots, (output, served) = lot_quantities(day, point), others(day, point)
    losses = float(sum(flow.value for flow in point.flows))
    return Answer(
        lots=lots,
        generators_kw=output,
        served_kw=served,
        accounts=keep_accounts(day, point.prices, lots, output, served, losses),
        grid=grid_state(flows, point),
        limits_kept=kept,
        residuals=tuple(each.residuals for each in point.reactions),
    )
