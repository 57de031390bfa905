"""Several aggregators as a Mesa model: each has its agents, and one market clears them all."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from agents.aggregator.settlement import AggregatorSettlement
from agents.base import forget_model
from equilibrium.arrays import FloatArray
from equilibrium.certificate import Certificate
from equilibrium.markets.aggregator.answer import Answer
from equilibrium.markets.aggregator.day import AggregatorDay
from equilibrium.markets.aggregator.rivals.day import Prices, RivalsDay
from equilibrium.markets.aggregator.rivals.market import RivalsClearing
from equilibrium.markets.aggregator.rivals.outcome import MarketOutcome, earned_by, outcome
from scenarios.markets.aggregator.rivals.case import RivalsCase, RivalsInputs
from scenarios.time_axis import TimeAxis
from sim.daily_model import DailyModel, case_of, naming_the_day
from sim.markets.aggregator.model import AggregatorModel
from sim.markets.aggregator.results import AggregatorDayResult

_SEEDS = 2**31
"""Number of seeds from which an aggregator's own is drawn."""

REPORTERS: dict[str, Callable[[Any], float]] = {
    "profit": lambda model: sum(part.aggregator.profit for part in model.last.parts),
    "lot_profit": lambda model: sum(lot.profit for part in model.last.parts for lot in part.lots),
    "worst_regret": lambda model: model.last.cleared.certificate.worst_regret,
    "certified": lambda model: model.last.cleared.certificate.certified,
}
"""What ``collect=True`` keeps of every day; money in the case's currency."""


@dataclass(frozen=True, eq=False)
class OwnPlan:
    """What one aggregator sees of the cleared day: its prices for its own followers, and what it expects to earn."""

    prices: Prices
    profit: float
    certificate: Certificate


@dataclass(frozen=True, eq=False)
class RivalsDayResult:
    """All that one day of several aggregators left behind.

    Attributes
    ----------
    day
        What the scenario brought.
    cleared
        What was planned.
    came
        The day as it came, and what happened in every market at the posted prices.
    parts
        The day of each aggregator with its agents.
    seconds
        Wall time of the whole day, s.
    """

    day: RivalsInputs
    cleared: RivalsClearing
    came: tuple[RivalsDay, tuple[MarketOutcome, ...]]
    parts: tuple[AggregatorDayResult, ...]
    seconds: float

    @property
    def index(self) -> int:
        """Day of the run, 0 first."""
        return self.day.index

    @property
    def date(self) -> dt.date | None:
        """Calendar date, or ``None`` for a typical day."""
        return self.day.date

    @property
    def axis(self) -> TimeAxis:
        """The periods of the day."""
        return self.day.axis

    @property
    def margins(self) -> FloatArray:
        """What each market brought an aggregator when the day had come, currency, ``(aggregators, markets)``."""
        return _margins(self.came[1])


class RivalsModel(DailyModel[RivalsCase, RivalsDayResult]):
    """Several aggregators with their lots, drivers, generators and retailers, day by day.

    In the morning each expects its own day, as in :class:`sim.markets.aggregator.model.AggregatorModel`. The market
    finds prices at which none of them could earn more alone, and they are posted: to everybody's followers. Then the
    day comes, followers deal with whom they like, and everybody settles and learns.

    Parameters
    ----------
    scenario
        Name of a bundled scenario of kind ``aggregators``, path of a YAML file, or a loaded scenario.
    seed, solver, days, collect, certify, on_infeasible, node_limit
        As in :class:`sim.markets.aggregator.model.AggregatorModel`.

    Attributes
    ----------
    case, market, day, last
        As in :class:`sim.daily_model.DailyModel`.
    parts
        The agents of each aggregator, as a model of its own that is not stepped.

    Raises
    ------
    InputError
        When the scenario or a parameter cannot be used.
    """

    reporters = REPORTERS

    def __init__(
        self,
        scenario: str | Path | RivalsCase = "aggregators-37",
        seed: int | None = None,
        solver: str = "auto",
        days: int | None = None,
        collect: bool = False,
        certify: str = "standard",
        on_infeasible: str | None = None,
        node_limit: int | None = None,
    ) -> None:
        case = case_of(scenario, RivalsCase)
        super().__init__(case, seed=seed, days=days, collect=collect)
        self.market = case.market(solver=solver, certify=certify, on_infeasible=on_infeasible, node_limit=node_limit)
        self.parts = tuple(
            AggregatorModel(part, seed=int(self.streams.generator(f"aggregator-{name}", 0).integers(_SEEDS)))
            for name, part in zip(case.names, case.parts, strict=True)
        )
        forget_model(self)

    def simulate_day(self) -> RivalsDayResult:
        """Run through the day number :attr:`day`: prices are posted, the day comes, everybody settles."""
        start = time.perf_counter()
        day = self.case.day(self.day, self.streams)
        expected = [model.expect(each) for model, each in zip(self.parts, day.parts, strict=True)]
        with naming_the_day(day):
            cleared = self.market.clear(self._rivals([forecast for forecast, _ in expected]))
        came = self._rivals([model.come(each) for model, each in zip(self.parts, day.parts, strict=True)])
        markets = outcome(came, cleared.profile)
        seconds = time.perf_counter() - start
        parts = []
        for who, (model, (forecast, distance)) in enumerate(zip(self.parts, expected, strict=True)):
            plan = OwnPlan(cleared.profile[who][who], float(cleared.profit[who]), cleared.certificate)
            settlement = AggregatorSettlement(forecast, plan, came.markets[who], _answer(markets, cleared, who))
            parts.append(model.settle(day.parts[who], settlement, distance, seconds))
        return RivalsDayResult(day, cleared, (came, markets), tuple(parts), time.perf_counter() - start)

    def close(self) -> None:
        """Close the markets; the model takes no further step."""
        super().close()
        for part in self.parts:
            part.close()

    def _rivals(self, markets: list[AggregatorDay]) -> RivalsDay:
        return RivalsDay(self.case.names, tuple(markets), self.case.wheeling)


def _margins(markets: tuple[MarketOutcome, ...]) -> FloatArray:
    return np.array([each.margins for each in markets]).T


def _answer(markets: tuple[MarketOutcome, ...], cleared: RivalsClearing, who: int) -> Answer:
    """Return what one aggregator's followers did, and what it earned in all markets."""
    own = markets[who]
    return Answer(
        lots=own.lots,
        generators_kw=own.generators_kw,
        served_kw=own.served_kw,
        accounts=earned_by(markets, cleared.profile, who),
        grid=None,
        limits_kept=True,
        residuals=tuple(each.residuals for each in own.choices),
    )
