"""The auction as a Mesa model: a step is a day."""

from __future__ import annotations

import datetime as dt
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np

from agents.base import forget_model
from scenarios.time_axis import TimeAxis
from sim.daily_model import DailyModel, case_of, naming_the_day
from sim.options import RunOptions
from single_price_auction.agents import Auctioneer, Bidder, BidderRecord
from single_price_auction.auction import AuctionDay, AuctionResult
from single_price_auction.scenario import AuctionCase


@dataclass(frozen=True, eq=False)
class AuctionOutcome:
    """A finished day: what was auctioned, who got it, and what the agents wrote down."""

    index: int
    date: dt.date | None
    axis: TimeAxis
    day: AuctionDay
    cleared: AuctionResult
    bidders: tuple[BidderRecord, ...]
    mean_price: float
    seconds: float


class AuctionModel(DailyModel[AuctionCase, AuctionOutcome]):
    """Lots and an auctioneer, day after day."""

    def __init__(
        self,
        scenario: str | Path | AuctionCase,
        seed: int = 0,
        days: int | None = None,
        collect: bool = False,
        options: RunOptions | None = None,
    ) -> None:
        super().__init__(case_of(scenario, AuctionCase), seed=seed, days=days, collect=collect)
        how = options or RunOptions()
        self.market = self.case.market(solver=how.solver, certify=how.certify, on_infeasible=how.on_infeasible)
        self.auctioneer = Auctioneer(self)
        self.bidders = tuple(Bidder(self, settings, k) for k, settings in enumerate(self.case.file.bidders))
        forget_model(self)

    @classmethod
    def from_options(cls, case: AuctionCase, options: RunOptions) -> Self:
        """Open the model of a run."""
        return cls(case, seed=options.seed, days=options.days, options=options)

    def simulate_day(self) -> AuctionOutcome:
        """Run through one day: all observe, the auction clears, all settle."""
        start = time.perf_counter()
        inputs = self.case.day(self.day, self.streams)
        everybody = (*self.bidders, self.auctioneer)
        for agent in everybody:
            agent.observe(inputs)
        day = AuctionDay(
            length_h=inputs.axis.length_h,
            wholesale_price=inputs.wholesale_price,
            capacity_kw=self.case.file.market.capacity_kw,
            bid=np.array([bidder.bid for bidder in self.bidders]),
            quantity_kw=np.column_stack([bidder.offer() for bidder in self.bidders]),
        )
        with naming_the_day(inputs):
            cleared = self.market.clear(day)
        for agent in everybody:
            agent.settle(cleared)
        return AuctionOutcome(
            index=inputs.index,
            date=inputs.date,
            axis=inputs.axis,
            day=day,
            cleared=cleared,
            bidders=tuple(bidder.record() for bidder in self.bidders),
            mean_price=self.auctioneer.record(),
            seconds=time.perf_counter() - start,
        )
