"""One day of a market of charging lots as numbers: what is bound into its compiled programs."""

from __future__ import annotations

from dataclasses import dataclass, replace

from equilibrium.fleet.day import LotDay
from equilibrium.grid.day import GridDay


@dataclass(frozen=True, eq=False)
class MarketDay(GridDay):
    """Everything that the market takes as given today.

    Attributes
    ----------
    lots
        One :class:`LotDay` per lot of the network, in its order.
    """

    lots: tuple[LotDay, ...]

    def without_vehicles(self) -> MarketDay:
        """Return the day with the lots' envelopes alone."""
        return replace(self, lots=tuple(replace(lot, fleet=None) for lot in self.lots))
