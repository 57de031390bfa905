"""A market of charging lots as a Mesa model: a step is a day."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import numpy as np

from agents.base import MarketAgent, forget_model
from agents.charging.charges import make_charge_rule
from agents.charging.drivers import Drivers
from agents.charging.dso import DistributionSystemOperator
from agents.charging.lot import ParkingLot
from agents.charging.residents import Residents
from agents.learning import make_learning_rule
from equilibrium.grid.assets import LotSite
from equilibrium.markets.charging.clearing import Clearing
from equilibrium.markets.charging.day import MarketDay
from scenarios.markets.charging.case import ChargingCase
from scenarios.markets.charging.day import ScenarioDay
from scenarios.markets.charging.driver_schema import ChoiceSection, SessionDrivers
from scenarios.markets.charging.schema import LotSection
from scenarios.time_axis import TimeAxis
from sim.acflow import AcFlow, require_pandapower
from sim.daily_model import DailyModel, case_of, naming_the_day
from sim.markets.charging.results import DayResult
from sim.markets.charging.yardstick import PriceMeasure, PriceYardstick
from sim.options import RunOptions

REPORTERS: dict[str, Callable[[Any], float]] = {
    "energy_kwh": lambda model: sum(lot.energy_kwh for lot in model.last.lots),
    "network_cost": lambda model: model.last.clearing.network_cost,
    "lot_profit": lambda model: float(model.last.clearing.lot_profit.sum()),
    "turned_away": lambda model: len(model.last.drivers.turned_away),
    "worst_regret": lambda model: model.last.clearing.certificate.worst_regret,
    "certified": lambda model: model.last.clearing.certificate.certified,
}
"""What ``collect=True`` keeps of every day: energy drawn by the lots (kWh), money in the case's currency."""


class LocalMarket(DailyModel[ChargingCase, DayResult]):
    """A feeder, its operator, its parking lots and their drivers, day after day.

    A subclass brings agents of its own by :meth:`make_operator`, :meth:`make_lot` and :meth:`make_drivers`; given to
    :func:`sim.run.run_scenario` it gets tables and figures like this one.

    A run is a pure function of the scenario and the seed. The model keeps the state of its agents and the last day,
    no history: whoever wants one takes :attr:`last` after every step.

    Parameters
    ----------
    scenario
        Name of a bundled scenario, path of a YAML file, or a loaded scenario.
    seed
        The run's one seed, a non-negative integer. Where none is given it is 0, with ``collect`` one drawn anew for
        every model, so that replications differ; the column ``seed`` says which.
    solver
        ``"auto"``, ``"highs"`` or ``"gurobi"``.
    days
        Days after which :attr:`running` turns false; ``None`` for as many as the scenario has.
    on_infeasible
        ``"stop"`` or ``"shed"`` in the place of what the scenario says; ``None`` keeps it. Not every market has
        ``"shed"``.
    collect
        Keep the few numbers of :data:`REPORTERS` of every day in a ``datacollector``, as ``mesa.batch_run`` needs.
    certify
        ``"standard"``, or ``"full"`` for a second, independent proof of every day, where the market has one.
    ac
        Whether every day is checked by an AC power flow (needs pandapower).
    yardstick
        Whether every day's posted prices are measured against their equilibrium.

    Attributes
    ----------
    case, market, day, last
        As in :class:`sim.daily_model.DailyModel`.
    network
        The feeder and what stands on it.
    operator, lots, residents, drivers
        The agents; ``residents`` are those of the lots that are groups of homes.

    Raises
    ------
    InputError
        When the scenario or a parameter cannot be used.
    """

    reporters = REPORTERS

    def __init__(
        self,
        scenario: str | Path | ChargingCase = "week-33",
        seed: int | None = None,
        solver: str = "auto",
        days: int | None = None,
        on_infeasible: str | None = None,
        collect: bool = False,
        certify: str = "standard",
        ac: bool = False,
        yardstick: bool = False,
    ) -> None:
        if ac:
            require_pandapower()
        super().__init__(case_of(scenario, ChargingCase), seed=seed, days=days, collect=collect)
        self.network = self.case.network
        self.operator = self.make_operator()
        sites = zip(self.network.lots, self.case.lots, strict=True)
        self.lots = tuple(self.make_lot(index, site, settings) for index, (site, settings) in enumerate(sites))
        self.residents = tuple(Residents(self, lot=lot) for lot in self.lots if lot.homes)
        self.drivers = self.make_drivers()
        # Drivers choose by the prices that the lots post, and judge what the lots gave them: they come last.
        self._order: tuple[MarketAgent[ScenarioDay, Clearing], ...] = (
            self.operator,
            *self.lots,
            *self.residents,
            self.drivers,
        )
        forget_model(self)
        self._yardstick = PriceYardstick(self.case) if yardstick else None
        self._flow = AcFlow(self.network.feeder) if ac else None
        self.market = self.case.market(solver=solver, certify=certify, on_infeasible=on_infeasible)
        self._prepared: set[bytes] = set()
        self._prepare(self.case.typical_axis())

    @classmethod
    def from_options(cls, case: ChargingCase, options: RunOptions) -> Self:
        """Open the model of a run."""
        return cls(
            case,
            seed=options.seed,
            solver=options.solver,
            days=options.days,
            on_infeasible=options.on_infeasible,
            certify=options.certify,
            ac=options.ac,
            yardstick=options.yardstick,
        )

    def make_operator(self) -> DistributionSystemOperator:
        """Make the operator; a subclass may return an agent of its own."""
        rule = make_charge_rule(self.network, self.case.file.network_charge)
        return DistributionSystemOperator(self, network=self.network, rule=rule)

    def make_lot(self, index: int, site: LotSite, settings: LotSection) -> ParkingLot:
        """Make one lot of the scenario; a subclass may return an agent of its own.

        Raises
        ------
        InputError
            When the lot's learning rule is not registered or cannot use its settings.
        """
        rule, learner = self.case.file.learning_rule(settings), None
        if rule != "none":
            source = f"scenario {self.case.name}: lot {site.name}: learning"
            keys = settings.learning.rule_settings()
            learner = make_learning_rule(rule, settings.learned_prices(), keys, source=source)
        return ParkingLot(
            self,
            site=site,
            index=index,
            places=settings.places,
            charger_kw=settings.charger_kw,
            price=settings.charging_price_per_kwh,
            walking_m=settings.walking_distance_m,
            learner=learner,
            homes=settings.residents is not None,
            streams=self.streams,
        )

    def make_drivers(self) -> Drivers:
        """Make the drivers, who choose among the lots that are no homes; a subclass may return an agent of its own."""
        drivers = self.case.drivers
        # With fixed envelopes nobody chooses, and the defaults are never used.
        choice = drivers.choice if isinstance(drivers, SessionDrivers) else ChoiceSection()
        order = self.case.file.agent_order
        return Drivers(self, lots=self.lots, choice=choice, streams=self.streams, agent_order=order)

    def _prepare(self, axis: TimeAxis) -> None:
        """Prepare the market for days with these lengths of periods, once."""
        if (lengths := axis.length_h.tobytes()) not in self._prepared:
            self.market.prepare(self.case.nominal_day(axis))
            self._prepared.add(lengths)

    def simulate_day(self) -> DayResult:
        """Run through one day: all observe, the market clears, all settle."""
        start = time.perf_counter()
        day = self.case.day(self.day, self.streams)
        self._prepare(day.axis)
        for agent in self._order:
            agent.observe(day)
        self._announce()
        market_day = dataclasses.replace(self.operator.offer(), lots=tuple(lot.offer() for lot in self.lots))
        if self._yardstick is not None:
            self._yardstick.observe(day, self.drivers)
        with naming_the_day(day):
            clearing = self.market.clear(market_day)
        for agent in self._order:
            agent.settle(clearing)
        prices = None
        if self._yardstick is not None:
            prices = self._yardstick.measure(self.lots, clearing)
        return self._finish(day, market_day, clearing, prices, start)

    def _announce(self) -> None:
        """Let every lot hear the operator's charge at its bus and the prices of the other lots that drivers see."""
        for lot in self.lots:
            rivals = np.array([other.price for other in self.lots if other is not lot and not other.homes])
            lot.hear(self.operator.charge_at(lot.site.bus), rivals)

    def _finish(
        self, day: ScenarioDay, market_day: MarketDay, clearing: Clearing, prices: PriceMeasure | None, start: float
    ) -> DayResult:
        """Gather what the agents wrote down."""
        done = DayResult(
            index=day.index,
            date=day.date,
            network=self.network,
            scenario=day,
            market=market_day,
            clearing=clearing,
            lots=tuple(lot.record() for lot in self.lots),
            finished=tuple(record for lot in self.lots for record in lot.finished),
            drivers=self.drivers.record(),
            operator=self.operator.record(),
            prices=prices,
            seconds=time.perf_counter() - start,
        )
        return (
            done
            if self._flow is None
            else dataclasses.replace(done, flow=self._flow.check(clearing, market_day.load_kw))
        )
