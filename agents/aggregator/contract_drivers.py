"""Drivers who choose a contract at a lot by its price and by what it gave, or stay away."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from mesa import Model

from agents.aggregator.contract_lot import ContractLot
from agents.aggregator.records import ContractRecord
from agents.aggregator.settlement import AggregatorSettlement
from agents.base import MarketAgent
from equilibrium.arrays import FloatArray
from equilibrium.markets.aggregator.day import CATEGORIES, FLEX1, FLEX2, LotTariffs
from equilibrium.markets.aggregator.pools import lot_pools
from scenarios.markets.aggregator.day import AggregatorInputs


class ContractDrivers(MarketAgent[AggregatorInputs, AggregatorSettlement]):
    """The drivers of one lot.

    A driver who would stay for a class of hours takes contract ``c`` with the probability of a multinomial logit,

        V_c = ln(share_c) + price_utility * (price_c - usual price_c) + experience_utility * (reputation_c - 1) ,

    beside driving on with V_0 = ln(staying_away / (1 - staying_away)). At usual prices and full reputation the shares
    are those of the scenario, and the usual number comes. What a flexible contract gave is the energy at departure
    between the least that was agreed and the most that fits; a fixed one gives what was agreed.

    Parameters
    ----------
    model
        The Mesa model.
    lot
        The lot whose tariffs they compare.
    usual
        Tariffs at which the scenario's shares hold.
    share
        Those shares, shape ``(categories, classes)``.
    class_weight
        Part of the drivers of each class, shape ``(classes,)``.
    price_utility
        Per currency/kWh, not positive.
    experience_utility
        Of a reputation of one against none.
    memory
        Share of the reputation that one day leaves unchanged.
    staying_away
        Part of the drivers who drive on at usual prices, 0 to below 1; the rest is the usual number.

    Attributes
    ----------
    reputation
        Of each contract, shape ``(categories,)``, from 0 to 1.
    share, attendance
        Today's shares, and today's arrivals relative to the usual ones.
    """

    def __init__(
        self,
        model: Model,
        *,
        lot: ContractLot,
        usual: LotTariffs,
        share: FloatArray,
        class_weight: FloatArray,
        price_utility: float = 0.0,
        experience_utility: float = 0.0,
        memory: float = 1.0,
        staying_away: float = 0.0,
    ) -> None:
        super().__init__(model)
        self.lot = lot
        self.usual_share = share
        self.share = share
        self.attendance = 1.0
        self.reputation: FloatArray = np.ones(len(CATEGORIES))
        self._usual_price = energy_prices(usual)
        self._class_weight = class_weight
        self._utilities = price_utility, experience_utility
        self._memory = memory
        self._staying_away = staying_away
        self._satisfaction: FloatArray = np.ones(len(CATEGORIES))
        self._came: FloatArray = np.zeros(share.shape)

    def observe(self, day: AggregatorInputs) -> None:  # noqa: ARG002 - what counts is what the lot posts
        """Choose contracts, or to stay away; the lot must have observed the day before."""
        by_price, by_experience = self._utilities
        dearer = energy_prices(self.lot.tariffs) - self._usual_price
        worth = np.exp(by_price * dearer + by_experience * (self.reputation - 1.0))[:, None] * self.usual_share
        total = worth.sum(axis=0)
        away = self._staying_away / (1.0 - self._staying_away)
        coming = total / (total + away)
        self.share = worth / total
        self.attendance = float(self._class_weight @ coming) / (1.0 - self._staying_away)

    def settle(self, settlement: AggregatorSettlement) -> None:
        """Judge every contract by what it gave."""
        day, did = settlement.outcome, settlement.came.lots[self.lot.number]
        lot = day.lots[self.lot.number]
        pools = lot_pools(day, lot, 0)
        satisfaction = np.ones(len(CATEGORIES))
        for category, pool, left_with in ((FLEX1, pools.g2v, did.flex1_kwh), (FLEX2, pools.v2g, did.flex2_kwh)):
            got = float(left_with.sum())
            least, most = float(pool.flex_least_kwh.sum()), float(pool.flex_most_kwh.sum())
            if most > least:
                satisfaction[category] = np.clip((got - least) / (most - least), 0.0, 1.0)
        self._satisfaction = satisfaction
        self.reputation = self._memory * self.reputation + (1.0 - self._memory) * satisfaction
        self._came = lot.vehicles.arriving[0].sum(axis=0) * self.share

    def record(self) -> ContractRecord:
        """Return the record of the settled day."""
        came = float(self._came.sum())
        share = self._came.sum(axis=1) / came if came > 0.0 else np.zeros(len(CATEGORIES))
        return ContractRecord(self.lot.name, self.attendance, came, share, self._satisfaction, self.reputation)


def energy_prices(tariffs: LotTariffs) -> FloatArray:
    """Return the mean price of energy that each contract takes away, currency/kWh, shape ``(categories,)``."""
    each: Sequence[float | FloatArray] = (tariffs.g2v1, tariffs.g2v2, tariffs.g2v3, tariffs.g2v3)
    return np.array([float(np.mean(price)) for price in each])
