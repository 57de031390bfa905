"""A parking lot with contracts: posts tariffs to its drivers, and learns them from its profit."""

from __future__ import annotations

from collections.abc import Callable

from mesa import Model

from agents.aggregator.records import ContractLotRecord
from agents.aggregator.settlement import AggregatorSettlement
from agents.base import MarketAgent
from agents.learning import LearningRule
from equilibrium.markets.aggregator.day import LotTariffs
from scenarios.markets.aggregator.day import AggregatorInputs
from scenarios.streams import Streams


class ContractLot(MarketAgent[AggregatorInputs, AggregatorSettlement]):
    """One lot of the aggregator market.

    Parameters
    ----------
    model
        The Mesa model.
    name, number
        Its name and its position among the lots.
    tariffs_at
        Returns the tariffs with all energy prices moved by a step, currency/kWh.
    learner
        The rule that chooses the step, or ``None`` for tariffs that stay.
    streams
        The run's random streams; the lot draws from ``tariffs-<name>``.

    Attributes
    ----------
    step, tariffs
        Today's.
    """

    def __init__(
        self,
        model: Model,
        *,
        name: str,
        number: int,
        tariffs_at: Callable[[float], LotTariffs],
        learner: LearningRule | None,
        streams: Streams,
    ) -> None:
        super().__init__(model)
        self.name, self.number = name, number
        self.learner = learner
        self.step = 0.0
        self.tariffs = tariffs_at(0.0)
        self._tariffs_at = tariffs_at
        self._streams = streams
        self._profit = self._paid = 0.0

    def observe(self, day: AggregatorInputs) -> None:
        """Post the tariffs of the day."""
        if self.learner is not None:
            self.step = self.learner.choose(self._streams.generator(f"tariffs-{self.name}", day.index))
            self.tariffs = self._tariffs_at(self.step)

    def settle(self, settlement: AggregatorSettlement) -> None:
        """Learn from what was earned."""
        accounts = settlement.came.accounts
        self._profit = float(accounts.lots[self.number])
        self._paid = -float(settlement.outcome.probability @ accounts.lot_accounts[self.number].market)
        if self.learner is not None:
            self.learner.update(self._profit)

    def record(self) -> ContractLotRecord:
        """Return the record of the settled day."""
        return ContractLotRecord(self.name, self.step, self._profit, self._paid)
