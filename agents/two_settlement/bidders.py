"""The aggregators of two settlements: they believe in prices, in who comes and in themselves, and bid accordingly."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from mesa import Model

from agents.base import MarketAgent
from agents.memory import smoothed
from agents.two_settlement.records import BidderRecord
from agents.two_settlement.settlement import DaySettled
from equilibrium.arrays import FloatArray
from equilibrium.markets.two_settlement.bidding import BidPrices, Commitment
from equilibrium.markets.two_settlement.system import Bid, Prices
from scenarios.markets.two_settlement.day import TwoSettlementInputs
from scenarios.markets.two_settlement.offers import Offers

HOPE = 0.1
"""Share of its reserve that an aggregator expects to be accepted at least; else it would never try again."""


class Bidder(MarketAgent[TwoSettlementInputs, DaySettled]):
    """What aggregators share.

    The operator pays and asks shares of the day-ahead price, which nobody knows before the day. An aggregator expects
    the prices that it remembers for each hour of the clock, and of its reserve that part to be accepted that was. What
    it could not keep ready of accepted reserve makes it offer less of it.

    Parameters
    ----------
    model
        The Mesa model.
    name, kind
        Its name; ``demand`` or ``lot``.
    offers
        What the operator pays and asks.
    price
        Day-ahead price that it expects on the first day by hour of the clock, currency/kWh, shape ``(24,)``.
    price_memory, share_memory
        Share of a memory that one day leaves unchanged, 0 to 1: of prices, and of everything else.

    Attributes
    ----------
    price
        Remembered, as above.
    accepted
        Remembered share of offered reserve that was accepted, by hour of the clock, shape ``(24,)``.
    share
        Remembered share of its usual demand or vehicles.
    reliability
        Remembered share of accepted reserve that it had ready.
    """

    def __init__(
        self,
        model: Model,
        *,
        name: str,
        kind: str,
        offers: Offers,
        price: FloatArray,
        price_memory: float = 0.7,
        share_memory: float = 0.7,
    ) -> None:
        super().__init__(model)
        self.name, self.kind, self.offers = name, kind, offers
        self.price = np.array(price, dtype=np.float64)
        self.accepted = np.ones_like(self.price)
        self.share = self.reliability = 1.0
        self.memories = price_memory, share_memory
        self._day: TwoSettlementInputs | None = None
        self._planned = 0.0
        self._record: BidderRecord | None = None

    def observe(self, day: TwoSettlementInputs) -> None:
        """See which periods the day has; its prices are not known yet."""
        self._day = day

    def expected_prices(self) -> BidPrices:
        """Return what it expects to get and to pay, shape ``(T,)`` each; reserve counts as far as it is accepted."""
        axis = self._seen().axis
        believed = self.offers.at(axis.of_clock(self.price))
        accepted = axis.of_clock(np.maximum(self.accepted, HOPE))
        return replace(believed, spinning=accepted * believed.spinning, regulating=accepted * believed.regulating)

    def offer(self, commitment: Commitment, announced: Prices) -> Bid:
        """Return its bid: what is best at the prices it expects, with reserve as far as it trusts itself.

        Parameters
        ----------
        commitment
            Its best answer to :meth:`expected_prices`.
        announced
            Day-ahead prices that the operator expects; the bid is paid shares of them as far as the operator can say.
        """
        self._planned = commitment.profit
        bid = commitment.bid
        reserve = {name: self.reliability * getattr(bid, name) for name in ("spinning_kw", "regulating_kw")}
        return self.offers.priced(replace(bid, **reserve), announced)

    def settle(self, settlement: DaySettled) -> None:
        """Remember prices, what was accepted, and what could be kept ready."""
        day, k = self._seen(), settlement.number(self.name)
        price_memory, share_memory = self.memories
        self.price = smoothed(self.price, day.axis.to_clock(settlement.prices.buy), price_memory)
        seen = day.axis.to_clock(settlement.accepted_share(self.name))
        self.accepted = smoothed(self.accepted, seen, share_memory)
        self.share = share_memory * self.share + (1.0 - share_memory) * self.came(day)
        done, real, plan = settlement.done, settlement.real, settlement.plan.positions
        accepted = plan.accepted_spinning_kw[:, k] + plan.accepted_regulating_kw[:, k]
        promised = float(real.length_h @ accepted[real.hour])
        unready = float(real.length_h @ done.unready_kw[:, k])
        if promised > 0.0:
            ready = max(0.0, 1.0 - unready / promised)
            self.reliability = share_memory * self.reliability + (1.0 - share_memory) * ready
        bid = settlement.forecast.bids[k]
        self._record = BidderRecord(
            name=self.name,
            kind=self.kind,
            planned=self._planned,
            income=settlement.money.of(self.name),
            offered_kwh=float(day.axis.length_h @ bid.power_kw),
            accepted_kwh=float(day.axis.length_h @ plan.accepted_kw[:, k]),
            delivered_kwh=float(real.length_h @ done.bid_kw[:, k]),
            deviation_kwh=float(real.length_h @ np.abs(settlement.deviation_kw[:, k])),
            called_kwh=float(real.length_h @ done.called_kw[:, k]),
            unready_kwh=unready,
            expected_share=self.share,
            reliability=self.reliability,
        )

    def came(self, day: TwoSettlementInputs) -> float:
        """Return what came of the usual demand or vehicles on a day, as a share."""
        raise NotImplementedError

    def _seen(self) -> TwoSettlementInputs:
        if self._day is None:
            raise RuntimeError("an aggregator must observe a day before it can bid or settle one")
        return self._day

    def record(self) -> BidderRecord:
        """Return the record of the settled day."""
        assert self._record is not None
        return self._record


class DemandBidder(Bidder):
    """An aggregator of demand response.

    Parameters
    ----------
    number
        Its position among the aggregators of demand; the other parameters are those of :class:`Bidder`.
    """

    def __init__(self, model: Model, *, number: int, **rules: object) -> None:
        super().__init__(model, kind="demand", **rules)  # type: ignore[arg-type]  # those of Bidder
        self.number = number

    def came(self, day: TwoSettlementInputs) -> float:
        """Return the day's demand as a share of the usual one."""
        return float(day.demand_factor[self.number])


class LotBidder(Bidder):
    """An aggregator of a parking lot.

    Parameters
    ----------
    number, usual
        Its position among the lots, and how many vehicles usually come; the other parameters are those of
        :class:`Bidder`.
    """

    def __init__(self, model: Model, *, number: int, usual: int, **rules: object) -> None:
        super().__init__(model, kind="lot", **rules)  # type: ignore[arg-type]  # those of Bidder
        self.number, self.usual = number, usual

    def came(self, day: TwoSettlementInputs) -> float:
        """Return who came as a share of the usual vehicles."""
        return float(day.vehicles[self.number].count.sum()) / self.usual if self.usual else 1.0
