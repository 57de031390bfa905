"""One finished day of the DISCO market, as its model shows it and as its tables are filled from it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from agents.disco.records import OwnerRecord, PoolRecord, RetailRecord
from agents.disco.settlement import DiscoSettlement
from agents.records import SessionRecord
from equilibrium.arrays import FloatArray
from equilibrium.grid.network import Network
from scenarios.markets.disco.day import CompanyDay
from scenarios.time_axis import TimeAxis


@dataclass(frozen=True, eq=False)
class DiscoDayResult:
    """All that one day of the DISCO market left behind.

    Attributes
    ----------
    index
        Day of the run, 0 first.
    date
        Calendar date, or ``None`` for a typical day.
    network
        The network that was cleared.
    day
        What the scenario brought: loads without a program, and the upstream price.
    distance
        Kantorovich distance between the scenarios that were drawn for the forecast and those that were kept.
    settlement
        What the market was given and what it returned, for the forecast and for the day as it came.
    retail, owner, pools
        What the agents wrote down.
    finished
        Sessions of the day, lot by lot.
    stayed_away
        One record for all drivers of a lot who did not come.
    true_profit
        What the retailer would have expected of each program, currency, shape ``(programs,)``, had it known the
        customers' elasticity: its load forecast and its costs are those of the morning.
    true_elasticity
        That of the customers for every ordered pair of periods, which the retailer does not see.
    seconds
        Wall time of the whole day, s.
    """

    index: int
    date: dt.date | None
    network: Network
    day: CompanyDay
    distance: float
    settlement: DiscoSettlement
    retail: RetailRecord
    owner: OwnerRecord
    pools: tuple[PoolRecord, ...]
    finished: tuple[SessionRecord, ...]
    stayed_away: tuple[SessionRecord, ...]
    true_profit: FloatArray
    true_elasticity: Mapping[tuple[str, str], float]
    seconds: float

    @property
    def axis(self) -> TimeAxis:
        """The periods of the day."""
        return self.day.axis
