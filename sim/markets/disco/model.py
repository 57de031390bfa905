"""The DISCO market as a Mesa model: a step is a day that is planned, comes and is settled."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from agents.base import MarketAgent, forget_model
from agents.disco.company import DistributionCompany, EmissionRule
from agents.disco.customers import Customers
from agents.disco.driver_pool import DriverPool
from agents.disco.elasticity import ElasticityBelief
from agents.disco.lot_owner import ParkingLotOwner
from agents.disco.lot_tariff import LotTariff, MarginalCostTariff, ProgramTariff
from agents.disco.program_choice import EpsilonGreedy, ProgramChoice, Reinforced, Steady, ThompsonSampling
from agents.disco.retailer import DemandResponseRetailer
from agents.disco.settlement import DiscoSettlement
from agents.learning import RothErev, make_learning_rule
from equilibrium.demand_response import ResponseProgram
from equilibrium.errors import InputError
from equilibrium.fleet.day import VehicleBatch
from equilibrium.markets.disco.day import DiscoDay, DiscoScenario
from scenarios.markets.disco.case import DiscoCase
from scenarios.markets.disco.day import CompanyDay
from scenarios.streams import Streams
from scenarios.time_axis import without_gaps
from sim.daily_model import DailyModel, case_of, naming, naming_the_day
from sim.markets.disco.results import DiscoDayResult

REPORTERS: dict[str, Callable[[Any], float]] = {
    "company_profit": lambda model: model.last.settlement.realised.company_profit,
    "planned_profit": lambda model: model.last.settlement.plan.expected_profit,
    "cvar": lambda model: model.last.settlement.plan.cvar,
    "lot_profit": lambda model: model.last.owner.profit,
    "retail_profit": lambda model: model.last.retail.profit,
    "program": lambda model: model.last.retail.programs[model.last.retail.chosen],
    "belief_error": lambda model: model.belief_error(),
    "vehicles": lambda model: sum(pool.came for pool in model.last.pools),
    "certified": lambda model: (
        model.last.settlement.plan.certificate.certified and model.last.settlement.clearing.certificate.certified
    ),
}
"""What ``collect=True`` keeps of every day; money in the case's currency."""


class DiscoModel(DailyModel[DiscoCase, DiscoDayResult]):
    """A distribution company, its customers and retailer, the owner of the parking lots and their drivers, day by day.

    In the morning the retailer chooses a program, the owner posts its terms, and the market clears the day for the
    scenarios that are expected and the load that the retailer believes in. Then the day comes: one more outcome is
    drawn, the customers answer with their true elasticity, and the same market clears the one scenario that came. Money
    changes hands by that second clearing.

    Parameters
    ----------
    scenario
        Name of a bundled scenario of kind ``disco``, path of a YAML file, or a loaded scenario.
    seed
        The run's one seed, a non-negative integer. Where none is given it is 0, with ``collect`` one drawn anew for
        every model, so that replications differ; the column ``seed`` says which.
    solver
        ``"auto"``, ``"highs"`` or ``"gurobi"``.
    days
        Days after which :attr:`running` turns false; ``None`` for as many as the scenario has.
    beta
        Weight of the CVaR in the place of the scenario's; ``None`` keeps it.
    program_rule
        ``"none"``, ``"epsilon-greedy"``, ``"thompson"`` or ``"roth-erev"`` in the place of the scenario's; ``None``
        keeps it.
    collect
        Keep the few numbers of :data:`REPORTERS` of every day in a ``datacollector``, as ``mesa.batch_run`` needs.
    node_limit
        Limit of the market's searches in the place of the scenario's; ``None`` keeps it.
    certify, on_infeasible
        ``"standard"`` and ``"stop"``: the market has neither a second method nor priced shortages.

    Attributes
    ----------
    case, market, day, last
        As in :class:`sim.daily_model.DailyModel`.
    network
        The feeder and what stands on it.
    company, customers, retailer, owner, drivers
        The agents.

    Raises
    ------
    InputError
        When the scenario or a parameter cannot be used.
    InfeasibleError
        When the network cannot serve the baseline of the CO2 term.
    """

    reporters = REPORTERS

    def __init__(
        self,
        scenario: str | Path | DiscoCase = "disco-15",
        seed: int | None = None,
        solver: str = "auto",
        days: int | None = None,
        beta: float | None = None,
        program_rule: str | None = None,
        collect: bool = False,
        certify: str = "standard",
        on_infeasible: str | None = None,
        node_limit: int | None = None,
    ) -> None:
        case = case_of(scenario, DiscoCase)
        super().__init__(case, seed=seed, days=days, collect=collect)
        self.network = case.network
        self.market = case.market(
            solver=solver, certify=certify, on_infeasible=on_infeasible, beta=beta, node_limit=node_limit
        )
        self.customers = self.make_customers()
        self.retailer = self.make_retailer(program_rule or case.file.retailer.learning.rule)
        self.company = self.make_company()
        self.owner = self.make_owner()
        self.drivers = self.make_drivers()
        # The owner posts terms on program and tariff, drivers answer to those terms and judge what they got.
        self._order: tuple[MarketAgent[CompanyDay, DiscoSettlement], ...] = (
            self.customers,
            self.retailer,
            self.company,
            self.owner,
            self.drivers,
        )
        self._truth = true_blocks(case)
        forget_model(self)
        self.company.emissions = self._emissions()

    def make_customers(self) -> Customers:
        """Make the customers; a subclass may return an agent of its own."""
        case = self.case
        return Customers(
            self,
            base_tariff=case.base_tariff,
            elasticity=case.elasticity,
            participation=case.participation,
            noise=case.file.customers.noise,
            streams=self.streams,
        )

    def make_retailer(self, rule: str) -> DemandResponseRetailer:
        """Make the retailer with the rule by which it chooses; a subclass may return an agent of its own."""
        case = self.case
        settings = case.file.retailer
        prior = settings.belief
        periods = dict.fromkeys(case.programs.period_of_hour)

        def menu(day: CompanyDay) -> list[ResponseProgram]:
            return [case.program(name, day.upstream_price, day.axis) for name in case.offered]

        return DemandResponseRetailer(
            self,
            menu=menu,
            base_tariff=case.base_tariff,
            participation=case.participation,
            belief=ElasticityBelief(
                case.programs.period_of_hour,
                {(a, b): prior.self_elasticity if a == b else prior.cross_elasticity for a in periods for b in periods},
                prior_deviation=prior.prior_deviation,
                noise=prior.noise,
                symmetric=prior.symmetric,
                source=f"scenario {case.name}: retailer.belief",
            ),
            choice=_choice(case, rule),
            penalty_sign=1.0 if settings.penalty == "income" else -1.0,
            memory=settings.cost_memory,
            streams=self.streams,
        )

    def make_owner(self) -> ParkingLotOwner:
        """Make the owner of the lots, who knows :attr:`retailer` and :attr:`company`; a subclass may make its own."""
        case = self.case
        settings = case.file.lot_owner
        rule = settings.learning
        learner = None
        if (name := case.file.terms_rule) != "none":
            source = f"scenario {case.name}: lot_owner.learning"
            learner = make_learning_rule(name, rule.grid, rule.rule_settings(), source=source)
        return ParkingLotOwner(
            self,
            sites=self.network.lots,
            retailer=self.retailer,
            company=self.company,
            margin=settings.margin_per_kwh,
            driver_share=settings.driver_share,
            degradation=settings.degradation_per_mwh / 1000.0,
            learns=rule.of,
            learner=learner,
            streams=self.streams,
        )

    def make_drivers(self) -> DriverPool:
        """Make the drivers, who know :attr:`owner`; a subclass may return an agent of its own."""
        return DriverPool(
            self,
            owner=self.owner,
            drivers=[lot.drivers for lot in self.case.file.lots],
            choice=self.case.file.drivers.choice,
        )

    def make_company(self) -> DistributionCompany:
        """Make the company; a subclass may return an agent of its own."""
        rules = self.case.file.market
        return DistributionCompany(
            self,
            charge_window=self.case.window(rules.charge_periods),
            discharge_window=self.case.window(rules.discharge_periods),
            tariff_rule=self._lot_tariff(),
        )

    def _lot_tariff(self) -> LotTariff:
        """Return the rule by which the company sets the lots' tariff."""
        rules = self.case.file.company
        if rules.lot_tariff == "program":
            return ProgramTariff()
        buses = [site.bus for site in self.network.lots]
        period_of_hour, source = self.case.programs.period_of_hour, f"scenario {self.case.name}: company"
        return MarginalCostTariff(buses, period_of_hour, rules.cost_memory, source)

    def belief_error(self) -> float:
        """Return the largest distance of an estimated elasticity from the true one."""
        return max(abs(value - self._truth[pair]) for pair, value in self.retailer.belief.estimate().items())

    def simulate_day(self) -> DiscoDayResult:
        """Run through one day: plan it, let it come, settle it."""
        start = time.perf_counter()
        day = self.case.day(self.day, self.streams)
        for agent in self._order:
            agent.observe(day)
        true_profit = self.retailer.forecast_at(self.case.elasticity)
        expected = self.case.forecast(day, self.streams, self.drivers.draw)
        tariffs = self.owner.offer()
        load_kw, load_kvar, cost = self.retailer.offer()
        forecast = self.company.offer(load_kw, load_kvar, cost, tariffs, expected.scenarios)
        outcome = self._come(day)
        self.owner.admit(day, outcome.scenarios[0].vehicles)
        with naming_the_day(day):
            plan, clearing = self.market.clear(forecast), self.market.clear(outcome)
        settlement = DiscoSettlement(forecast, plan, outcome, clearing)
        for agent in self._order:
            agent.settle(settlement)
        return DiscoDayResult(
            index=day.index,
            date=day.date,
            network=self.network,
            day=day,
            distance=expected.distance,
            settlement=settlement,
            retail=self.retailer.record(),
            owner=self.owner.record(),
            pools=self.drivers.record(),
            finished=self.owner.finished,
            stayed_away=self.drivers.stayed_away,
            true_profit=true_profit,
            true_elasticity=self._truth,
            seconds=time.perf_counter() - start,
        )

    def _come(self, day: CompanyDay) -> DiscoDay:
        """Return the day as it comes: the customers' true answer, and one more draw."""
        load_kw, load_kvar = self.customers.answer(self.retailer.program)
        cost = self.retailer.cost(day.base_kw, load_kw, self.retailer.program)
        came = self.case.outcome(day, self.streams, self.drivers.draw)
        return self.company.offer(load_kw, load_kvar, cost, self.owner.offer(), (came,))

    def _emissions(self) -> EmissionRule | None:
        """Return the CO2 term; its baseline is what an expected day buys without sun, wind, program and discharge."""
        rules = self.case.file.emissions
        if rules is None:
            return None
        streams = Streams(0)
        day = self.case.day(0, streams)
        with naming("baseline of the CO2 term"):
            bought_kw = self.market.clear(self._baseline_day(day, streams)).scenarios[0].import_kw
        factor = np.where(self.case.window(rules.periods), rules.factor, 0.0)
        baseline_kw = without_gaps(day.axis.to_clock(bought_kw))
        return EmissionRule(factor, rules.price_per_kg, rules.share, baseline_kw)

    def _baseline_day(self, day: CompanyDay, streams: Streams) -> DiscoDay:
        """Return the baseline: a function of the scenario alone, so that it is the same in every run."""
        self.company.observe(day)
        came = self.case.outcome(day, streams, lambda _: self.drivers.drivers)
        quiet = DiscoScenario(1.0, np.zeros_like(came.renewable_kw), day.upstream_price, _only_charge(came.vehicles))
        tariff = day.axis.of_clock(self.case.base_tariff)
        tariffs = self.owner.terms(tariff, tariff)
        return self.company.offer(day.forecast_kw, day.forecast_kvar, 0.0, tariffs, (quiet,))


def true_blocks(case: DiscoCase) -> dict[tuple[str, str], float]:
    """Return the customers' true elasticity for every ordered pair of periods (the mean, should it vary inside)."""
    names = case.programs.period_of_hour
    inside = {name: case.programs.hours(name) for name in dict.fromkeys(names)}
    return {(a, b): float(case.elasticity.values[np.ix_(inside[a], inside[b])].mean()) for a in inside for b in inside}


def _only_charge(batches: tuple[VehicleBatch, ...]) -> tuple[VehicleBatch, ...]:
    """Return vehicles that do not discharge."""
    return tuple(
        dataclasses.replace(batch, discharge_max_kw=np.zeros_like(batch.discharge_max_kw)) for batch in batches
    )


def _choice(case: DiscoCase, rule: str) -> ProgramChoice:
    """Return the rule by which the retailer chooses."""
    learning, source = case.file.retailer.learning, f"scenario {case.name}: retailer.learning"
    if rule == "none":
        return Steady()
    if rule == "epsilon-greedy":
        return EpsilonGreedy(learning.epsilon, source)
    if rule == "thompson":
        return ThompsonSampling(learning.draws, source)
    if rule == "roth-erev":
        return Reinforced(
            RothErev(
                range(len(case.offered)),
                recency=learning.recency,
                experimentation=learning.experimentation,
                initial_propensity=learning.initial_propensity,
                source=source,
            )
        )
    raise InputError("DiscoModel", "program_rule", rule, "none, epsilon-greedy, thompson or roth-erev")
