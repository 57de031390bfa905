"""The owner of a distributed generator: states a cost to the aggregator, and learns which one pays."""

from __future__ import annotations

from mesa import Model

from agents.aggregator.records import GeneratorRecord
from agents.aggregator.settlement import AggregatorSettlement
from agents.base import MarketAgent
from agents.learning import LearningRule
from equilibrium.markets.aggregator.day import Generator
from scenarios.markets.aggregator.day import AggregatorInputs
from scenarios.streams import Streams


class GeneratorOwner(MarketAgent[AggregatorInputs, AggregatorSettlement]):
    """The owner of one generator.

    The aggregator pays the generators' stated costs at the margin, so stating more may pay, and may leave the generator
    idle. The markup is chosen by a learning rule from the profit at the true cost.

    Parameters
    ----------
    model
        The Mesa model.
    generator
        With its true cost.
    number
        Its position among the generators.
    learner
        The rule that chooses the markup, or ``None``.
    streams
        The run's random streams; the owner draws from ``markup-<name>``.

    Attributes
    ----------
    markup
        Part by which today's stated cost exceeds the true one.
    """

    def __init__(
        self,
        model: Model,
        *,
        generator: Generator,
        number: int,
        learner: LearningRule | None,
        streams: Streams,
    ) -> None:
        super().__init__(model)
        self.generator, self.number = generator, number
        self.learner = learner
        self.markup = 0.0
        self._streams = streams
        self._energy_kwh = self._profit = 0.0

    def observe(self, day: AggregatorInputs) -> None:
        """Choose the markup of the day."""
        if self.learner is not None:
            self.markup = self.learner.choose(self._streams.generator(f"markup-{self.generator.name}", day.index))

    def offer(self) -> Generator:
        """Return the generator as it is stated to the aggregator."""
        stated = self.generator
        return Generator(stated.name, (1.0 + self.markup) * stated.cost, stated.capacity_kw, stated.bus)

    def settle(self, settlement: AggregatorSettlement) -> None:
        """Count what was earned at the true cost, and learn from it."""
        came, length_h = settlement.came, settlement.outcome.length_h
        self._energy_kwh = float(came.generators_kw[:, self.number] @ length_h)
        stated = settlement.outcome.generators[self.number].cost
        self._profit = float(came.accounts.generators[self.number]) + (stated - self.generator.cost) * self._energy_kwh
        if self.learner is not None:
            self.learner.update(self._profit)

    def record(self) -> GeneratorRecord:
        """Return the record of the settled day."""
        return GeneratorRecord(self.generator.name, self.markup, self._energy_kwh, self._profit)
