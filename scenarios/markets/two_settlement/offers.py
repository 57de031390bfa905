"""What the operator pays aggregators and asks of them: shares of the wholesale prices of the day."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from equilibrium.arrays import FloatArray
from equilibrium.markets.two_settlement.bidding import BidPrices
from equilibrium.markets.two_settlement.system import Bid, Prices


@dataclass(frozen=True)
class Offers:
    """Shares of the wholesale prices.

    Attributes
    ----------
    sold_share, bought_share, reserve_share
        Of the price of energy that is given and taken, and of the prices of reserve.
    prices_of
        Returns the wholesale prices of all products for those of energy.
    """

    sold_share: float
    bought_share: float
    reserve_share: float
    prices_of: Callable[[FloatArray], Prices]

    def at(self, energy: FloatArray) -> BidPrices:
        """Return what aggregators get and pay at wholesale prices of energy, currency/kWh, shape ``(T,)``."""
        return self._of(self.prices_of(energy))

    def _of(self, wholesale: Prices) -> BidPrices:
        energy = wholesale.buy
        return BidPrices(
            sold=np.where(energy >= 0.0, self.sold_share, self.bought_share) * energy,
            bought=np.where(energy >= 0.0, self.bought_share, self.sold_share) * energy,
            spinning=self.reserve_share * wholesale.spinning,
            regulating=self.reserve_share * wholesale.regulating,
        )

    def priced(self, bid: Bid, wholesale: Prices) -> Bid:
        """Return a bid at what the operator pays and asks at wholesale prices."""
        own = self._of(wholesale)
        return replace(
            bid,
            sold_price=own.sold,
            bought_price=own.bought,
            spinning_price=own.spinning,
            regulating_price=own.regulating,
        )
