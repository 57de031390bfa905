"""The distribution system operator: keeper of the network's data, who charges for what it has seen of the limits."""

from __future__ import annotations

from mesa import Model

from agents.base import MarketAgent
from agents.charging.charges import ChargeRule
from agents.charging.records import OperatorRecord
from equilibrium.arrays import FloatArray
from equilibrium.grid.network import Network
from equilibrium.markets.charging.clearing import Clearing
from equilibrium.markets.charging.day import MarketDay
from equilibrium.markets.charging.lots import subscription_payments
from scenarios.markets.charging.day import ScenarioDay


class DistributionSystemOperator(MarketAgent[ScenarioDay, Clearing]):
    """The operator of the feeder, who runs the market and charges lots for the network.

    What it remembers of congestion and voltages is the memory of its rule, and decides tomorrow's charges.

    Parameters
    ----------
    model
        The Mesa model.
    network
        The feeder and what stands on it.
    rule
        How it charges; ``None`` for no charge.

    Attributes
    ----------
    charge
        Today's charges, currency/kWh drawn, shape ``(periods, buses)``; ``None`` for none.
    """

    def __init__(self, model: Model, *, network: Network, rule: ChargeRule | None = None) -> None:
        super().__init__(model)
        self.network = network
        self.rule = rule
        self.charge: FloatArray | None = None
        self._day: ScenarioDay | None = None
        self._income = 0.0

    def observe(self, day: ScenarioDay) -> None:
        """Take in today's prices, loads, sun, wind and the units that may run, and announce the charges."""
        self._day = day
        self.charge = self.rule.charges(day.axis) if self.rule is not None else None

    def charge_at(self, bus: int) -> FloatArray | None:
        """Return what a lot at a bus pays for the network today, currency/kWh, shape ``(periods,)``."""
        return None if self.charge is None else self.charge[:, bus]

    def offer(self) -> MarketDay:
        """Return the network's part of the market day; the lots' days are added by the market's caller.

        Raises
        ------
        RuntimeError
            When no day was observed.
        """
        day = self._observed("offer")
        return MarketDay(
            wholesale_price=day.wholesale_price,
            load_kw=day.load_kw,
            load_kvar=day.load_kvar,
            renewable_kw=day.renewable_kw,
            microturbine_available=day.microturbine_available,
            lots=(),
            period_h=day.axis.length_h,
        )

    def settle(self, clearing: Clearing) -> None:
        """Collect the charges, and let the rule look at the limits of the day.

        Raises
        ------
        RuntimeError
            When no day was observed.
        """
        day = self._observed("settle")
        self._income = 0.0
        if self.charge is not None:
            paid = self.charge[:, [site.bus for site in self.network.lots]]
            above = subscription_payments(self.network.lots, clearing.lot_kw, day.axis.length_h)
            self._income = float(((day.axis.length_h[:, None] * clearing.lot_kw) * paid).sum() + above.sum())
        if self.rule is not None:
            self.rule.learn(day, clearing)

    def record(self) -> OperatorRecord:
        """Return the record of the settled day."""
        return OperatorRecord(self.charge, self._income)

    def _observed(self, what: str) -> ScenarioDay:
        """Return the day that was observed."""
        if self._day is None:
            raise RuntimeError(f"the operator must observe a day before it can {what} one")
        return self._day
