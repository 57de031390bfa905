"""The drivers of the DISCO market: each day they decide whether to park at the lot at all."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from mesa import Model
from scipy.special import expit

from agents.base import MarketAgent
from agents.disco.lot_owner import ParkingLotOwner
from agents.disco.records import PoolRecord
from agents.disco.settlement import DiscoSettlement
from agents.records import Outcome, SessionRecord
from agents.reputation import Reputation
from equilibrium.arrays import FloatArray
from scenarios.markets.disco.day import CompanyDay
from scenarios.markets.disco.schema import ParticipationSection


class DriverPool(MarketAgent[CompanyDay, DiscoSettlement]):
    """All drivers who could use a lot, lot by lot.

    **Choice.** A driver compares the lot with staying away, whose utility is 0. The lot's is

        V = constant + b_price * mean price + b_share * driver share + b_experience * (reputation - 1),

    plus standard Gumbel noise on both, the binary logit: the driver comes with probability ``1 / (1 + exp(-V))``.
    Without a choice all drivers come, as in the papers.

    **Experience.** A visit is graded by the share of the asked energy that the driver left with, and a day's mean
    grade enters the :class:`~agents.reputation.Reputation` of the lot.

    Parameters
    ----------
    model
        The Mesa model.
    owner
        Who posts the terms.
    drivers
        Number of drivers of each lot.
    choice
        The coefficients, or ``None``.

    Attributes
    ----------
    probability
        Chance of a driver of each lot to come today, shape ``(lots,)``.
    reputation
        What the drivers think of the lots.
    stayed_away
        One record for all drivers of a lot who stayed away today, with what is not known of them NaN.

    References
    ----------
    D. McFadden, "Conditional logit analysis of qualitative choice behavior", in Frontiers in Econometrics, 1974.
    """

    def __init__(
        self, model: Model, *, owner: ParkingLotOwner, drivers: Sequence[int], choice: ParticipationSection | None
    ) -> None:
        super().__init__(model)
        self.owner = owner
        self.drivers = tuple(drivers)
        self.choice = choice
        self.probability: FloatArray = np.ones(len(self.drivers))
        memory = 0.0 if choice is None else choice.experience_memory
        self.reputation = Reputation(len(self.drivers), memory)
        self.stayed_away: tuple[SessionRecord, ...] = ()
        self._came = [0.0] * len(self.drivers)
        self._index = 0

    def observe(self, day: CompanyDay) -> None:
        """Look at the posted terms; the owner must have observed the day before."""
        self._index = day.index
        if self.choice is None:
            return
        price = float(np.average(self.owner.offer().driver_pays, weights=day.axis.length_h))
        utility = (
            self.choice.constant
            + self.choice.price_utility_per_kwh * price
            + self.choice.share_utility * self.owner.driver_share
            + self.choice.experience_utility * (self.reputation.values - 1.0)
        )
        self.probability = expit(utility)

    def draw(self, generator: np.random.Generator) -> tuple[int, ...]:
        """Draw how many drivers come to each lot."""
        return tuple(generator.binomial(self.drivers, self.probability).tolist())

    def settle(self, clearing: DiscoSettlement) -> None:
        """Count those who came and grade their visits; the owner must have settled before."""
        self._came = [float(batch.count.sum()) for batch in clearing.outcome.scenarios[0].vehicles]
        missing = [drivers - came for drivers, came in zip(self.drivers, self._came, strict=True)]
        self.stayed_away = tuple(self._away(lot, count) for lot, count in enumerate(missing) if count > 0.0)
        for lot, site in enumerate(self.owner.sites):
            visits = [(done.served_share, done.alike) for done in self.owner.finished if done.lot == site.name]
            graded = sum(grade * alike for grade, alike in visits)
            self.reputation.learn(lot, graded, sum(alike for _, alike in visits))

    def _away(self, lot: int, drivers: float) -> SessionRecord:
        """Return the record of those who stayed away from a lot: their wishes are not drawn."""
        name = self.owner.sites[lot].name
        return SessionRecord(
            name=f"{self._index}-{name}-away",
            arrival_day=self._index,
            lot=name,
            home_lot=lot,
            arrival_h=math.nan,
            departure_h=math.nan,
            tries=0,
            battery_kwh=math.nan,
            arrival_energy_kwh=math.nan,
            asked_kwh=math.nan,
            unreachable_kwh=0.0,
            got_kwh=0.0,
            drawn_kwh=0.0,
            paid=0.0,
            outcome=Outcome.AWAY,
            alike=drivers,
        )

    def record(self) -> tuple[PoolRecord, ...]:
        """Return the record of the settled day for each lot."""
        rows = zip(self.owner.sites, self.drivers, self.probability, self._came, self.reputation.values, strict=True)
        return tuple(
            PoolRecord(site.name, drivers, float(probability), came, float(reputation))
            for site, drivers, probability, came, reputation in rows
        )
