"""The market of two settlements as a Mesa model: a step is a day that is scheduled, happens, and is settled twice."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from agents.base import MarketAgent, forget_model
from agents.two_settlement.bidders import Bidder, DemandBidder, LotBidder
from agents.two_settlement.operator import SystemOperator
from agents.two_settlement.settlement import DaySettled
from equilibrium.markets.two_settlement.clearing import DayAheadClearing
from equilibrium.markets.two_settlement.demand_bids import commit_demand, deliver_demand
from equilibrium.markets.two_settlement.lot_bids import commit_lot
from equilibrium.markets.two_settlement.lot_delivery import LotDelivery
from equilibrium.markets.two_settlement.real_time import Delivery, FixedDelivery, RealDay, Weather
from equilibrium.markets.two_settlement.settlement import own_deviation, settle
from equilibrium.markets.two_settlement.system import Bid, DayAhead, expected_prices
from scenarios.markets.two_settlement.case import TwoSettlementCase
from scenarios.markets.two_settlement.day import TwoSettlementInputs
from scenarios.time_axis import day_axis
from sim.daily_model import DailyModel, case_of, naming_the_day
from sim.markets.two_settlement.results import TwoSettlementDayResult

REPORTERS: dict[str, Callable[[Any], float]] = {
    "profit": lambda model: model.last.operator.profit,
    "planned_profit": lambda model: model.last.operator.planned_profit,
    "load_error": lambda model: model.last.operator.load_error,
    "bidder_income": lambda model: sum(each.income for each in model.last.bidders),
    "certified": lambda model: model.last.plan.certificate.certified,
}
"""What ``collect=True`` keeps of every day; money in the case's currency."""


class TwoSettlementModel(DailyModel[TwoSettlementCase, TwoSettlementDayResult]):
    """An operator with aggregators of demand and of parking lots, day by day.

    In the morning aggregators bid, and the day-ahead market schedules the day that the operator expects. Then the day
    comes: prices, loads, sun, wind, vehicles and outages are drawn; real time corrects the schedule period by period,
    and both markets are settled.

    Parameters
    ----------
    scenario
        Name of a bundled scenario of kind ``two-settlement``, path of a YAML file, or a loaded scenario.
    seed
        The run's one seed, a non-negative integer. Where none is given it is 0, with ``collect`` one drawn anew for
        every model, so that replications differ; the column ``seed`` says which.
    solver
        ``"auto"``, ``"highs"`` or ``"gurobi"``: who solves the linear programs.
    days
        Days after which :attr:`running` turns false; ``None`` for as many as the scenario has.
    collect
        Keep the few numbers of :data:`REPORTERS` of every day in a ``datacollector``, as ``mesa.batch_run`` needs.
    certify, on_infeasible
        ``"standard"`` and ``"shed"``: the market has no second method, and what cannot be served is shed at its value.
    node_limit
        Limit of the day-ahead searches in the place of the scenario's; ``None`` keeps it.

    Attributes
    ----------
    case, market, day, last
        As in :class:`sim.daily_model.DailyModel`.
    operator, demand, lots
        The agents.

    Raises
    ------
    InputError
        When the scenario or a parameter cannot be used.
    """

    reporters = REPORTERS

    def __init__(
        self,
        scenario: str | Path | TwoSettlementCase = "two-settlement",
        seed: int | None = None,
        solver: str = "auto",
        days: int | None = None,
        collect: bool = False,
        certify: str = "standard",
        on_infeasible: str | None = None,
        node_limit: int | None = None,
    ) -> None:
        case = case_of(scenario, TwoSettlementCase)
        super().__init__(case, seed=seed, days=days, collect=collect)
        self.market = case.market(solver=solver, certify=certify, on_infeasible=on_infeasible, node_limit=node_limit)
        self._real_time = case.real_time(solver)  # programs, no state
        self.solver = solver
        self.operator = self.make_operator()
        self.demand = tuple(self.make_demand(number) for number in range(len(case.file.demand_aggregators)))
        self.lots = tuple(self.make_lot(number) for number in range(len(case.file.lots)))
        self._order: tuple[MarketAgent[TwoSettlementInputs, DaySettled], ...] = (
            self.operator,
            *self.demand,
            *self.lots,
        )
        forget_model(self)

    def make_operator(self) -> SystemOperator:
        """Make the operator; a subclass may return an agent of its own."""
        case, beliefs = self.case, self.case.file.beliefs
        return SystemOperator(
            self,
            price=case.typical_prices(day_axis(None, None, 60)),
            deviation_kw=case.typical_errors(),
            persistence=case.file.real_time.persistence,
            price_memory=beliefs.price_memory,
            load_memory=beliefs.load_memory,
            error_memory=beliefs.error_memory,
            reserve_deviations=beliefs.reserve_deviations,
        )

    def _rules(self, name: str) -> dict[str, Any]:
        """Return what all aggregators are made with."""
        beliefs = self.case.file.beliefs
        return {
            "name": name,
            "offers": self.case.offers,
            "price": self.case.typical_prices(day_axis(None, None, 60)),
            "price_memory": beliefs.price_memory,
            "share_memory": beliefs.attendance_memory,
        }

    def make_demand(self, number: int) -> DemandBidder:
        """Make one aggregator of demand; a subclass may return an agent of its own."""
        return DemandBidder(self, number=number, **self._rules(self.case.file.demand_aggregators[number].name))

    def make_lot(self, number: int) -> LotBidder:
        """Make one aggregator of a lot; a subclass may return an agent of its own."""
        section = self.case.file.lots[number]
        return LotBidder(self, number=number, usual=section.vehicles, **self._rules(section.name))

    @property
    def bidders(self) -> tuple[Bidder, ...]:
        """The aggregators in the order of their bids."""
        return (*self.demand, *self.lots)

    def simulate_day(self) -> TwoSettlementDayResult:
        """Run through the day number :attr:`day`: it is scheduled, happens, and everybody settles."""
        start = time.perf_counter()
        day = self.case.day(self.day, self.streams)
        for agent in self._order:
            agent.observe(day)
        forecast, distance = self.expect(day)
        with naming_the_day(day):
            plan: DayAheadClearing = self.market.clear(forecast)
        begin = time.perf_counter()
        settlement, missing = self.happen(day, forecast, plan)
        passed = time.perf_counter() - begin
        for agent in self._order:
            agent.settle(settlement)
        return TwoSettlementDayResult(
            index=day.index,
            date=day.date,
            day=day,
            system=self.case.system,
            distance=distance,
            plan=plan,
            settlement=settlement,
            missing_kwh=missing,
            operator=self.operator.record(),
            bidders=tuple(each.record() for each in self.bidders),
            seconds=time.perf_counter() - start,
            real_time_seconds=passed,
        )

    def expect(self, day: TwoSettlementInputs) -> tuple[DayAhead, float]:
        """Return the day that the operator expects with the bids, and how far scenarios are from their draws, kW."""
        case, price = self.case, self.operator.expected_price()
        factor = self.operator.expected_load()
        joint = case.joint(day, self.streams, price, factor)
        return DayAhead(
            length_h=day.axis.length_h,
            scenarios=joint.scenarios,
            bids=self.bids(day),
            spinning_need_kw=np.zeros(day.axis.size),
            regulating_need_kw=self.operator.reserve_need_kw(),
            penalties=case.penalties_of(expected_prices(joint.scenarios)),
            price_deviation=case.file.market.price_deviation_share * np.abs(price),
            load_deviation_kw=case.file.market.load_deviation_share * day.usual_kw.sum(axis=1) * factor,
        ), joint.distance

    def bids(self, day: TwoSettlementInputs) -> tuple[Bid, ...]:
        """Return the aggregators' bids: each the best answer to what it believes."""
        case, axis = self.case, day.axis
        announced = case.prices_of(self.operator.expected_price())
        found = []
        for each in self.demand:
            zone = case.demand_zone(each.number, axis, each.share)
            made = commit_demand(zone, each.expected_prices(), axis.length_h, self.solver)
            found.append(each.offer(made, announced))
        for lot in self.lots:
            vehicles = case.expected_vehicles(lot.number, axis, lot.share)
            place = case.lot_zone(lot.number, vehicles, axis)
            found.append(lot.offer(commit_lot(place, lot.expected_prices(), axis.length_h, self.solver), announced))
        return tuple(found)

    def happen(
        self, day: TwoSettlementInputs, forecast: DayAhead, plan: DayAheadClearing
    ) -> tuple[DaySettled, tuple[float, ...]]:
        """Let the day come, and settle it; the numbers beside are what vehicles of each lot left without, kWh."""
        case = self.case
        prices = case.prices_of(day.price)
        bids = tuple(case.offers.priced(bid, prices) for bid in forecast.bids)
        demand, lots = self.deliveries(day, plan)
        real = self.real_day(day)
        done = self._real_time.run(real, plan.positions, bids, (*demand, *lots))
        money = settle(case.system, real, day.axis.length_h, prices, plan.positions, bids, done)
        settled = DaySettled(
            forecast=forecast,
            plan=plan,
            real=real,
            done=done,
            prices=prices,
            money=money,
            deviation_kw=own_deviation(real, plan.positions, done),
        )
        return settled, tuple(lot.missing_kwh for lot in lots)

    def real_day(self, day: TwoSettlementInputs) -> RealDay:
        """Return the day of real time: what the operator expects of it, and what comes."""
        case, hour = self.case, day.hour
        factor = self.operator.expected_load()[hour][:, None]
        prices = case.prices_of(day.price)
        return RealDay(
            length_h=day.quarters.length_h,
            hour=hour,
            expected=Weather(
                factor * day.usual_kw[hour],
                factor * day.usual_kvar[hour],
                day.expected_kw[hour],
                case.prices_of(day.price[hour]),
            ),
            seen=Weather(day.load_kw, day.load_kvar, day.available_kw, case.prices_of(day.real_time_price)),
            penalties=case.penalties_of(prices),
            reserve_need_kw=self.operator.reserve_need_kw(),
            called_share=day.called_share,
            memory=self.operator.persistence,
            events=day.events,
        )

    def deliveries(
        self, day: TwoSettlementInputs, plan: DayAheadClearing
    ) -> tuple[tuple[Delivery, ...], tuple[LotDelivery, ...]]:
        """Return what the aggregators do in real time with the demand and the vehicles that came."""
        case, axis, hour, accepted = self.case, day.axis, day.hour, plan.positions.accepted_kw
        demand = []
        for k, each in enumerate(self.demand):
            share = float(day.demand_factor[each.number])
            zone = case.demand_zone(each.number, axis, share)
            power, ready = deliver_demand(zone, accepted[:, k], axis.length_h, self.solver)
            demand.append(FixedDelivery(power[hour], ready[hour]))
        lots = []
        for k, lot in enumerate(self.lots, start=len(self.demand)):
            place = case.lot_zone(lot.number, day.vehicles[lot.number], axis)
            lots.append(LotDelivery(place, axis.length_h, day.quarters.length_h, hour, accepted[:, k], self.solver))
        return tuple(demand), tuple(lots)
