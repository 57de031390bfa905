"""A settled day of the market of two settlements, as every agent sees it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from equilibrium.arrays import FloatArray
from equilibrium.certificate import Certificate
from equilibrium.markets.two_settlement.real_time import RealDay, RealTimeDay
from equilibrium.markets.two_settlement.settlement import Settlement
from equilibrium.markets.two_settlement.system import DayAhead, Positions, Prices


class Plan(Protocol):
    """What agents see of a scheduled day; read-only."""

    @property
    def positions(self) -> Positions:
        """What was fixed."""
        ...

    @property
    def profit(self) -> float:
        """What the operator expects to earn, currency."""
        ...

    @property
    def certificate(self) -> Certificate:
        """The proof."""
        ...


@dataclass(frozen=True, eq=False)
class DaySettled:
    """What was planned, what came, and who paid whom.

    Attributes
    ----------
    forecast, plan
        The day as the operator expected it, and how it was scheduled.
    real, done
        The day as it happened, and what was done.
    prices
        Day-ahead prices that came, shape ``(T,)`` each.
    money
        The payments of both markets.
    deviation_kw
        What each aggregator gave beside its position by itself, shape ``(Q, bids)``.
    """

    forecast: DayAhead
    plan: Plan
    real: RealDay
    done: RealTimeDay
    prices: Prices
    money: Settlement
    deviation_kw: FloatArray

    def number(self, name: str) -> int:
        """Return the position of an aggregator among the bids."""
        return [bid.name for bid in self.forecast.bids].index(name)

    def accepted_share(self, name: str) -> FloatArray:
        """Return which part of an aggregator's reserve was accepted, shape ``(T,)``; NaN where it offered none."""
        k = self.number(name)
        bid, plan = self.forecast.bids[k], self.plan.positions
        offered = bid.spinning_kw + bid.regulating_kw
        accepted = plan.accepted_spinning_kw[:, k] + plan.accepted_regulating_kw[:, k]
        return np.asarray(np.divide(accepted, offered, out=np.full(offered.shape, np.nan), where=offered > 0.0))
