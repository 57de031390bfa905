"""The aggregator market as a Mesa model: a step is a day whose prices are posted, that comes, and is settled."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from agents.aggregator.contract_drivers import ContractDrivers
from agents.aggregator.contract_lot import ContractLot
from agents.aggregator.generator_owner import GeneratorOwner
from agents.aggregator.leader import Aggregator
from agents.aggregator.load_retailer import LoadRetailer
from agents.aggregator.settlement import AggregatorSettlement
from agents.base import MarketAgent, forget_model
from agents.learning import LearningRule, make_learning_rule
from equilibrium.arrays import FloatArray
from equilibrium.markets.aggregator.answer import answer
from equilibrium.markets.aggregator.day import AggregatorDay, Generator, Grid, Lot
from equilibrium.markets.aggregator.vehicles import PoolError, lay_out
from scenarios.draws.arrivals import classes_of
from scenarios.markets.aggregator.case import PER_MWH, AggregatorCase, Traffic, lot_vehicles
from scenarios.markets.aggregator.day import AggregatorInputs
from scenarios.markets.aggregator.fleet import lot_fleet
from scenarios.markets.aggregator.schema import GeneratorLearningSection, TariffLearningSection
from scenarios.time_axis import day_axis
from sim.daily_model import DailyModel, case_of, naming_the_day
from sim.markets.aggregator.results import AggregatorDayResult

REPORTERS: dict[str, Callable[[Any], float]] = {
    "profit": lambda model: model.last.aggregator.profit,
    "planned_profit": lambda model: model.last.aggregator.planned_profit,
    "price_error": lambda model: model.last.aggregator.price_error,
    "lot_profit": lambda model: sum(lot.profit for lot in model.last.lots),
    "generator_profit": lambda model: sum(unit.profit for unit in model.last.generators),
    "retail_profit": lambda model: model.last.retailer.profit,
    "vehicles": lambda model: sum(pool.came for pool in model.last.drivers),
    "certified": lambda model: model.last.settlement.plan.certificate.certified,
}
"""What ``collect=True`` keeps of every day; money in the case's currency."""


class AggregatorModel(DailyModel[AggregatorCase, AggregatorDayResult]):
    """An aggregator, lots with contracts, their drivers, generators and a load retailer, day by day.

    In the morning lots post tariffs, drivers choose contracts, generators state costs, and the market clears the day
    that the aggregator expects: its prices are posted. Then the day comes: upstream prices, load and arrivals are
    drawn, the followers answer to the posted prices, and money changes hands.

    Parameters
    ----------
    scenario
        Name of a bundled scenario of kind ``aggregator``, path of a YAML file, or a loaded scenario.
    seed
        The run's one seed, a non-negative integer. Where none is given it is 0, with ``collect`` one drawn anew for
        every model, so that replications differ; the column ``seed`` says which.
    solver
        ``"auto"``, ``"highs"`` or ``"gurobi"``: who solves the linear programs of the searches.
    days
        Days after which :attr:`running` turns false; ``None`` for as many as the scenario has.
    collect
        Keep the few numbers of :data:`REPORTERS` of every day in a ``datacollector``, as ``mesa.batch_run`` needs.
    certify, on_infeasible
        ``"standard"`` and ``"stop"``: the market has neither a second method nor priced shortages.
    node_limit
        Limit of the market's searches in the place of the scenario's; ``None`` keeps it.

    Attributes
    ----------
    case, market, day, last
        As in :class:`sim.daily_model.DailyModel`.
    aggregator, lots, drivers, generators, retailer
        The agents.

    Raises
    ------
    InputError
        When the scenario or a parameter cannot be used.
    """

    reporters = REPORTERS

    def __init__(
        self,
        scenario: str | Path | AggregatorCase = "aggregator-37",
        seed: int | None = None,
        solver: str = "auto",
        days: int | None = None,
        collect: bool = False,
        certify: str = "standard",
        on_infeasible: str | None = None,
        node_limit: int | None = None,
    ) -> None:
        case = case_of(scenario, AggregatorCase)
        super().__init__(case, seed=seed, days=days, collect=collect)
        self.market = case.market(solver=solver, certify=certify, on_infeasible=on_infeasible, node_limit=node_limit)
        self.aggregator = self.make_aggregator()
        self.lots = tuple(self.make_lot(number) for number in range(len(case.file.lots)))
        self.drivers = tuple(self.make_drivers(lot) for lot in self.lots)
        self.generators = tuple(self.make_generator(number) for number in range(len(case.file.generators)))
        self.retailer = self.make_retailer()
        # Drivers choose by the tariffs that their lot has posted.
        self._order: tuple[MarketAgent[AggregatorInputs, AggregatorSettlement], ...] = (
            self.aggregator,
            *self.lots,
            *self.drivers,
            *self.generators,
            self.retailer,
        )
        self._came: Traffic | None = None
        forget_model(self)

    def make_aggregator(self) -> Aggregator:
        """Make the aggregator; a subclass may return an agent of its own."""
        case, belief = self.case, self.case.file.aggregator
        energy, reserve = case.typical_prices(day_axis(None, None, 60))
        aggregator = Aggregator(
            self,
            energy_price=energy,
            reserve_price=reserve,
            lots=len(case.file.lots),
            price_memory=belief.price_memory,
            attendance_memory=belief.attendance_memory,
            load_memory=belief.load_memory,
        )
        usual = case.expected_traffic((1.0,) * len(case.file.lots)).stays[0]
        aggregator.usual_arrivals([float(stays.arriving.sum()) for stays in usual])
        return aggregator

    def make_lot(self, number: int) -> ContractLot:
        """Make one lot; a subclass may return an agent of its own."""
        section = self.case.file.lots[number]
        return ContractLot(
            self,
            name=section.name,
            number=number,
            tariffs_at=lambda step: self.case.tariffs(number, step),
            learner=self._learner(section.learning, section.name),
            streams=self.streams,
        )

    def make_drivers(self, lot: ContractLot) -> ContractDrivers:
        """Make the drivers of one lot; a subclass may return an agent of its own."""
        section, choice = self.case.file.lots[lot.number], self.case.file.drivers.choice
        classes = classes_of(len(section.arrivals.stay_shares), section.contracts.classes_h)
        weight = (classes == np.arange(len(section.contracts.classes_h))[:, None]) @ np.array(
            section.arrivals.stay_shares
        )
        rules = {}
        if choice is not None:
            rules = {
                "price_utility": choice.price_utility_per_kwh,
                "experience_utility": choice.experience_utility,
                "memory": choice.experience_memory,
                "staying_away": choice.staying_away,
            }
        return ContractDrivers(
            self,
            lot=lot,
            usual=self.case.tariffs(lot.number),
            share=self.case.contracts(lot.number).share,
            class_weight=weight,
            **rules,
        )

    def make_generator(self, number: int) -> GeneratorOwner:
        """Make the owner of one generator; a subclass may return an agent of its own."""
        section = self.case.file.generators[number]
        unit = Generator(section.name, PER_MWH * section.cost_per_mwh, section.max_kw, self.case.generator_bus[number])
        learner = self._learner(section.learning, section.name)
        return GeneratorOwner(self, generator=unit, number=number, learner=learner, streams=self.streams)

    def make_retailer(self) -> LoadRetailer:
        """Make the load retailer; a subclass may return an agent of its own."""
        section = self.case.file.retailer
        return LoadRetailer(
            self,
            price=PER_MWH * np.array(section.price_per_mwh),
            incentive=PER_MWH * section.incentive_per_mwh,
            interruptible_share=section.interruptible_share,
            fatigue=section.fatigue,
            recovery=section.recovery,
        )

    def simulate_day(self) -> AggregatorDayResult:
        """Run through the day number :attr:`day`: prices are posted, the day comes, everybody settles."""
        start = time.perf_counter()
        day = self.case.day(self.day, self.streams)
        forecast, distance = self.expect(day)
        with naming_the_day(day):
            plan = self.market.clear(forecast)
        outcome = self.come(day)
        settlement = AggregatorSettlement(forecast, plan, outcome, answer(outcome, plan.prices))
        return self.settle(day, settlement, distance, time.perf_counter() - start)

    def expect(self, day: AggregatorInputs) -> tuple[AggregatorDay, float]:
        """Let everybody see the day, and return the market's day that the aggregator expects.

        The number beside it is the distance between the arrivals that were drawn and those that are kept, vehicles.
        """
        for agent in self._order:
            agent.observe(day)
        expected = self.case.forecast(day.index, self.streams, self.aggregator.attendance)
        return self._market_day(day, expected, *self.aggregator.forecast()), expected.distance

    def come(self, day: AggregatorInputs) -> AggregatorDay:
        """Return the market's day as it comes: true prices and load, and those who come."""
        came = self.case.outcome(day.index, self.streams, [pool.attendance for pool in self.drivers])
        self._came = came
        return self._market_day(day, came, day.energy_price, day.reserve_price, day.load_kw)

    def settle(
        self, day: AggregatorInputs, settlement: AggregatorSettlement, distance: float, seconds: float
    ) -> AggregatorDayResult:
        """Let everybody settle, and return the finished day."""
        for agent in self._order:
            agent.settle(settlement)
        return AggregatorDayResult(
            index=day.index,
            date=day.date,
            day=day,
            distance=distance,
            settlement=settlement,
            aggregator=self.aggregator.record(),
            lots=tuple(lot.record() for lot in self.lots),
            drivers=tuple(pool.record() for pool in self.drivers),
            generators=tuple(unit.record() for unit in self.generators),
            retailer=self.retailer.record(),
            seconds=seconds,
            pool_errors=self._pool_errors(day, settlement),
        )

    def _pool_errors(self, day: AggregatorInputs, settlement: AggregatorSettlement) -> tuple[PoolError, ...]:
        """Return how far each lot's pools are from its vehicles; nothing where the scenario does not ask."""
        if self.case.file.market.lots == "pools" or self._came is None:
            return ()
        found = []
        for number, (lot, did) in enumerate(zip(settlement.outcome.lots, settlement.came.lots, strict=True)):
            fleet = lot_fleet(self.case.file.lots[number], lot.contracts, self._came.stays[0][number], day.axis)
            found.append(lay_out(settlement.outcome, lot, fleet, did, settlement.prices))
        return tuple(found)

    def _market_day(
        self,
        day: AggregatorInputs,
        traffic: Traffic,
        energy_price: FloatArray,
        reserve_price: FloatArray,
        load_kw: FloatArray,
    ) -> AggregatorDay:
        """Return the market's day for who comes, upstream prices and a load."""
        rules = self.case.file.market
        caps = {
            name: PER_MWH * value
            for name in ("cap", "uniform_cap", "reserve_cap")
            if (value := getattr(rules, f"{name}_per_mwh")) is not None
        }
        grid = None
        if rules.network:
            grid = Grid(
                self.case.feeder,
                loss_price=np.maximum(energy_price, _LEAST_LOSS_PRICE),
                segments=rules.segments,
                transformer_efficiency=rules.transformer_efficiency,
            )
        return AggregatorDay(
            energy_price=energy_price,
            reserve_price=reserve_price,
            call_probability=rules.call_probability,
            failure_rate=rules.failure_rate,
            lots=tuple(
                self._market_lot(day, number, [each[number] for each in traffic.stays])
                for number in range(len(self.lots))
            ),
            generators=tuple(unit.offer() for unit in self.generators),
            retailer=self.retailer.offer(load_kw),
            probability=traffic.probability,
            pricing=rules.pricing,
            **caps,
            grid=grid,
            reading=self.case.reading,
            period_h=day.axis.length_h,
        )

    def _market_lot(self, day: AggregatorInputs, number: int, stays: Sequence[Any]) -> Lot:
        """Return a lot with today's tariffs and contracts, and who comes in each scenario."""
        section, share = self.case.file.lots[number], self.drivers[number].share
        return Lot(
            name=section.name,
            contracts=type(self.case.contracts(number))(share, self.case.contracts(number).departure_soc),
            tariffs=self.lots[number].tariffs,
            vehicles=lot_vehicles(section, share, stays, day.axis),
            stations=section.stations,
            charger_kw=section.charger_kw,
            battery_kwh=section.battery_kwh,
            charge_efficiency=section.efficiency,
            discharge_efficiency=section.discharge_efficiency,
            soc_min=section.energy_min_share,
            soc_max=section.energy_max_share,
            failure_rate=section.failure_rate,
            bus=self.case.lot_bus[number],
        )

    def _learner(self, settings: TariffLearningSection | GeneratorLearningSection, name: str) -> LearningRule | None:
        """Return the learning rule of an agent, or ``None``."""
        if settings.rule == "none":
            return None
        if isinstance(settings, TariffLearningSection):
            grid = [PER_MWH * step for step in settings.step_grid_per_mwh]
        else:
            grid = list(settings.markup_grid)
        keys = {
            "recency": settings.recency,
            "experimentation": settings.experimentation,
            "initial_propensity": settings.initial_propensity,
        }
        return make_learning_rule(settings.rule, grid, keys, f"scenario {self.case.name}: learning of {name}")


_LEAST_LOSS_PRICE = 1e-6
"""Losses cost at least this, currency/kWh: where energy is free or paid for, they are still worth avoiding."""
