"""The retailer of interruptible load: its customers tire of interruptions and recover."""

from __future__ import annotations

import numpy as np
from mesa import Model

from agents.aggregator.records import LoadRetailRecord
from agents.aggregator.settlement import AggregatorSettlement
from agents.base import MarketAgent
from equilibrium.arrays import FloatArray
from equilibrium.markets.aggregator.day import Retailer
from scenarios.markets.aggregator.day import AggregatorInputs


class LoadRetailer(MarketAgent[AggregatorInputs, AggregatorSettlement]):
    """The retailer that serves the load.

    Of the customers who may be interrupted only the willing ones are. A day on which a part ``u`` of what they offered
    was interrupted takes away ``fatigue * u`` of the willing; of the unwilling a part ``recovery`` comes back each day.

    Parameters
    ----------
    model
        The Mesa model.
    price
        What customers pay, by hour of the clock, currency/kWh, shape ``(24,)``.
    incentive
        What is paid for interrupted energy, currency/kWh.
    interruptible_share
        Share of the load whose customers have agreed to interruptions.
    fatigue, recovery
        As above, 0 to 1.

    Attributes
    ----------
    willing
        Share of these customers who are willing, 0 to 1.
    """

    def __init__(
        self,
        model: Model,
        *,
        price: FloatArray,
        incentive: float,
        interruptible_share: float,
        fatigue: float,
        recovery: float,
    ) -> None:
        super().__init__(model)
        self.price, self.incentive, self.interruptible_share = price, incentive, interruptible_share
        self.willing = 1.0
        self._rates = fatigue, recovery
        self._day: AggregatorInputs | None = None
        self._served_kwh = self._interrupted_kwh = self._profit = 0.0

    def observe(self, day: AggregatorInputs) -> None:
        """See which periods the day has."""
        self._day = day

    def offer(self, load_kw: FloatArray) -> Retailer:
        """Return the retailer of the market's day for a load, kW, shape ``(periods,)``."""
        if self._day is None:
            raise RuntimeError("the retailer must observe a day before it can offer one")
        price = self._day.axis.of_clock(self.price)
        return Retailer(load_kw, price, self.incentive, self.willing * self.interruptible_share)

    def settle(self, settlement: AggregatorSettlement) -> None:
        """Count what was interrupted: it tires the customers."""
        came, outcome = settlement.came, settlement.outcome
        served = came.served_kw
        cut = np.maximum(outcome.retailer.load_kw - served, 0.0)
        self._served_kwh, self._interrupted_kwh = (float(kw @ outcome.length_h) for kw in (served, cut))
        self._profit = came.accounts.retailer
        offered = outcome.retailer.interruptible_share * float(outcome.retailer.load_kw @ outcome.length_h)
        used = self._interrupted_kwh / offered if offered > 0.0 else 0.0
        fatigue, recovery = self._rates
        self.willing = min(1.0, self.willing * (1.0 - fatigue * used) + recovery * (1.0 - self.willing))

    def record(self) -> LoadRetailRecord:
        """Return the record of the settled day."""
        return LoadRetailRecord(self.willing, self._served_kwh, self._interrupted_kwh, self._profit)
