"""The agents: lots that carry over what they did not get and bid more for it, and an auctioneer with a memory."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from mesa import Model
from numpy.typing import NDArray

from agents.base import MarketAgent
from single_price_auction.auction import AuctionResult
from single_price_auction.scenario import AuctionInputs, BidderSection

STEP = 0.1
"""By how much a lot raises its bid after a day on which it was left short, and lowers it towards its first one."""


@dataclass(frozen=True)
class BidderRecord:
    """One lot's day: its bid (currency/kWh), energies in kWh, and what it paid (currency)."""

    name: str
    bid: float
    wanted_kwh: float
    got_kwh: float
    paid: float
    backlog_kwh: float


class Bidder(MarketAgent[AuctionInputs, AuctionResult]):
    """A lot: what it was not given waits for the next day, and while something waits it bids more."""

    def __init__(self, model: Model, settings: BidderSection, index: int) -> None:
        super().__init__(model)
        self.settings, self.index = settings, index
        self.bid = settings.bid_per_kwh
        self.backlog_kwh = 0.0
        self.wanted_kwh = self.got_kwh = self.paid = self.offered = 0.0
        self.length_h = np.zeros(0)

    def observe(self, day: AuctionInputs) -> None:
        """See how much is needed today."""
        self.length_h = day.axis.length_h
        self.wanted_kwh = self.settings.energy_kwh * day.need + self.backlog_kwh
        self.offered = self.bid

    def offer(self) -> NDArray[np.float64]:
        """Return the power that is bid for in every period, kW."""
        even = self.wanted_kwh / float(self.length_h.sum())
        return np.full(self.length_h.size, min(self.settings.power_kw, even))

    def settle(self, cleared: AuctionResult) -> None:
        """Count what came, and bid more if something is missing."""
        energy = self.length_h * cleared.power_kw[:, self.index]
        self.got_kwh, self.paid = float(energy.sum()), float(cleared.price @ energy)
        self.backlog_kwh = self.wanted_kwh - self.got_kwh
        first = self.settings.bid_per_kwh
        self.bid = self.bid * (1.0 + STEP) if self.backlog_kwh > 1e-9 else max(first, self.bid * (1.0 - STEP))

    def record(self) -> BidderRecord:
        """Return the lot's day."""
        return BidderRecord(
            self.settings.name, self.offered, self.wanted_kwh, self.got_kwh, self.paid, self.backlog_kwh
        )


class Auctioneer(MarketAgent[AuctionInputs, AuctionResult]):
    """Who runs the auction and remembers the mean price of all days."""

    def __init__(self, model: Model) -> None:
        super().__init__(model)
        self.days = 0
        self.mean_price = 0.0

    def observe(self, day: AuctionInputs) -> None:
        """See nothing: the bids come from the lots."""

    def settle(self, cleared: AuctionResult) -> None:
        """Remember the day's mean price."""
        self.days += 1
        self.mean_price += (float(cleared.price.mean()) - self.mean_price) / self.days

    def record(self) -> float:
        """Return the mean price so far, currency/kWh."""
        return self.mean_price
