"""The local market as a Mesa model: a step is a day."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from mesa import DataCollector, Model

from agents.base import MarketAgent, forget_model
from agents.drivers import Drivers
from agents.dso import DistributionSystemOperator
from agents.learning import RothErev
from agents.lot import ParkingLot
from equilibrium.certify import LEVELS
from equilibrium.clearing import Clearing
from equilibrium.day import MarketDay
from equilibrium.errors import InfeasibleError, InputError
from equilibrium.lots_lead import LotsLeadMarket
from equilibrium.network import LotSite
from equilibrium.nodal import NodalMarket
from scenarios.assembly import NO_SHORTAGES
from scenarios.day import ScenarioDay
from scenarios.scenario import Scenario, load_scenario
from scenarios.schema import ChoiceSection, LotSection, SessionDrivers
from scenarios.streams import Streams
from sim.results import DayResult

REPORTERS: dict[str, Callable[[Any], float]] = {
    "energy_kwh": lambda model: sum(lot.energy_kwh for lot in model.last.lots),
    "network_cost": lambda model: model.last.clearing.network_cost,
    "lot_profit": lambda model: float(model.last.clearing.lot_profit.sum()),
    "turned_away": lambda model: len(model.last.turned_away),
    "worst_regret": lambda model: model.last.clearing.certificate.worst_regret,
    "certified": lambda model: model.last.clearing.certificate.certified,
}
"""What ``collect=True`` keeps of every day: energy drawn by the lots (kWh), money in the case's currency."""

NO_SECOND_METHOD = "only the nodal market has a second method; here regrets are dual objectives of linear programs"


class LocalMarket(Model):  # type: ignore[misc]  # Mesa ships no types
    """A feeder, its operator, its parking lots and their drivers, day after day.

    A run is a pure function of the scenario and the seed. The model keeps the state of its agents and the last day,
    no history: whoever wants one takes :attr:`last` after every step.

    Parameters
    ----------
    scenario
        Name of a bundled scenario, path of a YAML file, or a loaded scenario.
    seed
        The run's one seed, a non-negative integer.
    solver
        ``"auto"``, ``"highs"`` or ``"gurobi"``.
    days
        Days after which :attr:`running` turns false; ``None`` for as many as the scenario has.
    on_infeasible
        ``"stop"`` or ``"shed"`` in the place of what the scenario says; ``None`` keeps it. The nodal market has no
        ``"shed"``.
    certify
        ``"standard"``, or ``"full"`` for a second, independent proof of every day (nodal market only).
    collect
        Keep the few numbers of :data:`REPORTERS` of every day in a ``datacollector``, as ``mesa.batch_run`` needs.

    Attributes
    ----------
    day
        Index of the next day; the number of finished days.
    last
        The last finished day, ``None`` before the first step.
    case
        The loaded scenario.
    network
        The feeder and what stands on it.
    operator, lots, drivers
        The agents.

    Raises
    ------
    InputError
        When the scenario or a parameter cannot be used.
    """

    def __init__(
        self,
        scenario: str | Path | Scenario = "week-33",
        seed: int = 0,
        solver: str = "auto",
        days: int | None = None,
        on_infeasible: str | None = None,
        collect: bool = False,
        certify: str = "standard",
    ) -> None:
        streams = Streams(_whole_number("seed", seed, 0))
        super().__init__(rng=streams.seed)
        # Not `scenario`: that attribute belongs to Mesa from version 3.5 on.
        self.case = scenario if isinstance(scenario, Scenario) else load_scenario(str(scenario))
        self.days = self.case.days if days is None else _whole_number("days", days, 1)
        self.network = self.case.network()
        self.day = 0
        self.last: DayResult | None = None
        self._streams = streams
        self.operator = DistributionSystemOperator(self, network=self.network)
        self.lots = tuple(
            _lot(self, index, site, settings, streams)
            for index, (site, settings) in enumerate(zip(self.network.lots, self.case.lots, strict=True))
        )
        drivers = self.case.drivers
        # With fixed envelopes nobody chooses, and the defaults are never used.
        choice = drivers.choice if isinstance(drivers, SessionDrivers) else ChoiceSection()
        self.drivers = Drivers(self, lots=self.lots, choice=choice, streams=streams)
        # Drivers choose by the prices that the lots post, and judge what the lots gave them: they come last.
        self._order: tuple[MarketAgent, ...] = (self.operator, *self.lots, self.drivers)
        self.datacollector = DataCollector(model_reporters=REPORTERS) if collect else None
        forget_model(self)
        self._market = self._open_market(solver, on_infeasible, certify)

    def _open_market(self, solver: str, on_infeasible: str | None, certify: str) -> LotsLeadMarket | NodalMarket:
        """Compile the scenario's market once and let it find its start from a typical day."""
        rules = self.case.file.market
        if on_infeasible not in (None, "stop", "shed"):
            raise InputError("LocalMarket", "on_infeasible", on_infeasible, "stop or shed")
        if certify not in LEVELS:
            raise InputError("LocalMarket", "certify", certify, f"one of {', '.join(LEVELS)}")
        market: LotsLeadMarket | NodalMarket
        if rules.kind == "nodal":
            if on_infeasible == "shed":
                raise InputError(f"scenario {self.case.name}", "on_infeasible", on_infeasible, f"stop ({NO_SHORTAGES})")
            market = NodalMarket(
                self.network,
                behaviours=tuple(lot.behaviour for lot in self.case.lots),
                hours=self.case.hours,
                solver=solver,
                iteration=rules.iteration,
                certify=certify,
            )
        else:
            if certify == "full":
                raise InputError(f"scenario {self.case.name}", "certify", certify, f"standard ({NO_SECOND_METHOD})")
            market = LotsLeadMarket(
                self.network,
                hours=self.case.hours,
                solver=solver,
                on_infeasible=on_infeasible or rules.on_infeasible,
                value_of_lost_load=rules.value_of_lost_load_per_kwh,
            )
        market.prepare(self.case.nominal_day())
        return market

    def step(self) -> None:
        """Simulate one day: the agents observe and offer, the market clears, the agents settle and learn.

        Raises
        ------
        InfeasibleError
            When no dispatch serves the day and shortages are not priced; the reasons name the day. The agents have
            then seen the day but not settled it: the run ends here.
        """
        start = time.perf_counter()
        day = self.case.day(self.day, self._streams)
        for agent in self._order:
            agent.observe(day)
        market_day = dataclasses.replace(self.operator.offer(), lots=tuple(lot.offer() for lot in self.lots))
        clearing = self._clear(day, market_day)
        for agent in self._order:
            agent.settle(clearing)
        self.last = self._finish(day, market_day, clearing, start)
        self.day += 1
        self.running = self.days is None or self.day < self.days
        if self.datacollector is not None:
            self.datacollector.collect(self)

    def _clear(self, day: ScenarioDay, market_day: MarketDay) -> Clearing:
        """Clear the day; a day that cannot be served is named."""
        try:
            return self._market.clear(market_day)
        except InfeasibleError as error:
            name = f"day {day.index}" + (f" ({day.date})" if day.date else "")
            raise InfeasibleError(tuple(f"{name}: {reason}" for reason in error.reasons or (str(error),))) from error

    def _finish(self, day: ScenarioDay, market_day: MarketDay, clearing: Clearing, start: float) -> DayResult:
        """Gather what the agents wrote down."""
        if self.operator.memory is None:
            raise RuntimeError("the operator has not settled the day")
        return DayResult(
            index=day.index,
            date=day.date,
            scenario=day,
            market=market_day,
            clearing=clearing,
            lots=tuple(lot.record(float(self.drivers.reputation[lot.index])) for lot in self.lots),
            finished=tuple(record for lot in self.lots for record in lot.finished),
            turned_away=self.drivers.turned_away,
            operator=self.operator.memory,
            seconds=time.perf_counter() - start,
        )


def _lot(model: Model, index: int, site: LotSite, settings: LotSection, streams: Streams) -> ParkingLot:
    """Return the agent of one lot of the scenario."""
    rule = settings.learning
    learner = None
    if rule.rule == "roth-erev":
        learner = RothErev(
            rule.price_grid_per_kwh,
            recency=rule.recency,
            experimentation=rule.experimentation,
            initial_propensity=rule.initial_propensity,
            source=f"lot {site.name}: learning",
        )
    return ParkingLot(
        model,
        site=site,
        index=index,
        places=settings.places,
        charger_kw=settings.charger_kw,
        price=settings.charging_price_per_kwh,
        walking_m=settings.walking_distance_m,
        learner=learner,
        streams=streams,
    )


def _whole_number(name: str, value: object, minimum: int) -> int:
    """Return a parameter as an int, or raise :class:`InputError`."""
    if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or value < minimum:
        raise InputError("LocalMarket", name, value, f"a whole number, at least {minimum}")
    return int(value)
