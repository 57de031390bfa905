"""A scenario of the market of two settlements: what a YAML file says, with the days and scenarios that follow."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from equilibrium.arrays import FloatArray
from equilibrium.fleet.day import VehicleBatch
from equilibrium.fleet.vehicles import meet_wishes
from equilibrium.grid.assets import LotSite
from equilibrium.grid.feeder import Feeder
from equilibrium.grid.restoration import Outage
from equilibrium.markets.two_settlement.demand_bids import DemandZone
from equilibrium.markets.two_settlement.lot_bids import LotZone
from equilibrium.markets.two_settlement.market import DayAheadMarket, Options
from equilibrium.markets.two_settlement.real_time import Event
from equilibrium.markets.two_settlement.rolling import RealTime
from equilibrium.markets.two_settlement.system import ActiveSystem, Penalties, Prices
from scenarios.assembly import time_notes
from scenarios.case import Case, Contents, ScenarioKind
from scenarios.draws.loads import load_factor
from scenarios.draws.outages import draw_failures
from scenarios.draws.vehicles import FleetSettings, as_batch, draw_vehicles, forecast_stays
from scenarios.files import Document
from scenarios.markets.charging.fleet import build_fleet, on_axis
from scenarios.markets.charging.network import expected_renewables
from scenarios.markets.two_settlement.assembly import (
    PER_MWH,
    build_grid,
    build_system,
    loads_on,
    lot_sites,
    outages_of,
)
from scenarios.markets.two_settlement.day import TwoSettlementInputs
from scenarios.markets.two_settlement.draws import fading_errors, potentials
from scenarios.markets.two_settlement.forecast import Joint, joint_scenarios
from scenarios.markets.two_settlement.offers import Offers
from scenarios.markets.two_settlement.schema import FILE_KEYS, TwoSettlementFile
from scenarios.readers.prices import PriceSeries
from scenarios.streams import Streams
from scenarios.time_axis import DAY_H, TimeAxis, day_axis


@dataclass(frozen=True, eq=False)
class TwoSettlementCase(Case[TwoSettlementInputs]):
    """A checked scenario of the market of two settlements with all its data read.

    Attributes
    ----------
    name, file, prices, notes, paths
        As in :class:`scenarios.case.Case`.
    feeder
        The radial feeder of the grid's buses, for maps.
    system
        What the operator runs.
    sites, fleet
        The lots, and what their vehicles are like.
    outages
        What can fail.
    base_load_kw, base_load_kvar
        Usual load in equal steps of the clock, shape ``(steps, buses)``.
    base_renewable_kw
        Expected potential of each renewable unit, kW, shape ``(steps, renewables)``.
    """

    file: TwoSettlementFile
    feeder: Feeder
    system: ActiveSystem
    sites: tuple[LotSite, ...]
    fleet: FleetSettings | None
    outages: tuple[Outage, ...]
    base_load_kw: FloatArray
    base_load_kvar: FloatArray
    base_renewable_kw: FloatArray

    DRAWING = ("day", "joint")

    def contents(self) -> Contents:
        """Return what the scenario was made from, besides its prices."""
        return Contents(self.feeder, self.base_load_kw.sum(axis=1))

    def on(self, network: object) -> TwoSettlementCase:
        """Return the scenario with another system in the place of its own."""
        assert isinstance(network, ActiveSystem)
        return replace(self, system=network)

    def quarters(self, index: int) -> TimeAxis:
        """Return the periods of real time of a day of the run."""
        return day_axis(self.date(index), self.file.time.zone, self.file.real_time.step_minutes)

    def day(self, index: int, streams: Streams) -> TwoSettlementInputs:
        """Return one day: a pure function of the scenario, the seed and the index.

        Parameters
        ----------
        index
            Day of the run, 0 first.
        streams
            The run's random streams.

        Raises
        ------
        InputError
            When the prices have ended and ``after_end`` is ``stop``.
        """
        self.check_day(index)
        axis, quarters = self.axis(index), self.quarters(index)
        hour = np.searchsorted(axis.edge_s, quarters.edge_s[:-1], side="right") - 1
        price, rules, size = self.prices.of_day(index, axis, streams), self.file.real_time, quarters.size
        loads = self.file.loads

        def error(name: str, sigma: float) -> FloatArray:
            return fading_errors(streams.generator(name, index), size, sigma, rules.persistence)

        factor = load_factor(
            streams, index, quarters, self.system.grid.size, day_sigma=loads.day_sigma, hour_sigma=loads.hour_sigma
        )
        factor = factor * np.maximum(1.0 + error("load error", rules.load_sigma), 0.0)[:, None]
        potential = quarters.of_clock(self.base_renewable_kw)
        units = self.file.renewables
        rated = np.array([unit.rated_kw for unit in units])
        available = potentials(units, potential, streams, index, quarters)
        kinds = {kind: 1.0 + error(f"{kind} error", rules.supply_sigma) for kind in ("pv", "wind")}
        wobble = np.array([kinds[unit.kind] for unit in units]).reshape(len(units), size).T
        return TwoSettlementInputs(
            index=index,
            date=self.date(index),
            axis=axis,
            quarters=quarters,
            hour=hour,
            start_h=self.start_h(index),
            price=price,
            real_time_price=price[hour] * (1.0 + error("price error", rules.price_sigma)),
            usual_kw=axis.of_clock(self.base_load_kw),
            usual_kvar=axis.of_clock(self.base_load_kvar),
            load_kw=quarters.of_clock(self.base_load_kw) * factor,
            load_kvar=quarters.of_clock(self.base_load_kvar) * factor,
            expected_kw=axis.of_clock(self.base_renewable_kw),
            available_kw=np.clip(available * wobble, 0.0, rated),
            called_share=self._calls(index, streams, axis)[hour],
            events=self._events(index, streams, quarters),
            demand_factor=self._demand_factor(index, streams),
            vehicles=self._vehicles(index, streams, axis),
        )

    def _calls(self, index: int, streams: Streams, axis: TimeAxis) -> FloatArray:
        """Draw in which periods the wholesale market calls its spinning reserve, shape ``(T,)``."""
        drawn = streams.generator("calls", index).random(axis.size)
        return (drawn < self.file.wholesale.call_probability).astype(np.float64)

    def _events(self, index: int, streams: Streams, quarters: TimeAxis) -> tuple[Event, ...]:
        """Draw the outages of a day; one that goes on at midnight is repaired by then."""
        section, edges = self.file.outages, quarters.edge_h
        if section.failures_per_year == 0.0 or not self.outages:
            return ()
        rate = np.full(len(self.outages), section.failures_per_year)
        found = []
        for failure in draw_failures(streams, index, rate, section.repair_h, hours=quarters.hours):
            first = int(np.searchsorted(edges, failure.start, side="right")) - 1
            last = int(np.searchsorted(edges, failure.start + failure.hours, side="left")) - 1
            found.append(Event(self.outages[failure.element], first, min(max(last, first), quarters.size - 1)))
        return tuple(found)

    def _demand_factor(self, index: int, streams: Streams) -> FloatArray:
        """Draw what each aggregator's demand is multiplied with on a day, shape ``(aggregators,)``."""
        drawn = [
            streams.generator(f"demand {each.name}", index).standard_normal() * each.day_sigma
            for each in self.file.demand_aggregators
        ]
        return np.exp(np.array(drawn, dtype=np.float64))

    def _vehicles(self, index: int, streams: Streams, axis: TimeAxis) -> tuple[VehicleBatch, ...]:
        """Draw who comes to each lot."""
        if self.fleet is None:
            return ()
        found = []
        for lot in self.file.lots:
            rng = streams.generator(f"vehicles {lot.name}", index)
            share = np.exp(lot.attendance_sigma * rng.standard_normal())
            batch = draw_vehicles(self.fleet, round(lot.vehicles * share), DAY_H, rng, f"{index}-{lot.name}")
            found.append(on_axis(batch, axis))
        return tuple(found)

    def expected_vehicles(self, lot: int, axis: TimeAxis, share: float = 1.0) -> VehicleBatch:
        """Return the vehicles that usually come to a lot, each counted by the expected share of the usual ones."""
        assert self.fleet is not None
        section = self.file.lots[lot]
        batch = on_axis(as_batch(self.fleet, forecast_stays(self.fleet, section.vehicles, DAY_H), section.name), axis)
        return VehicleBatch(**{**vars(batch), "count": share * batch.count})

    def demand_zone(self, number: int, axis: TimeAxis, share: float = 1.0) -> DemandZone:
        """Return the customers of an aggregator of demand with a share of their usual demand."""
        section = self.file.demand_aggregators[number]
        return DemandZone(
            name=section.name,
            bus=self.system.grid.buses.index(section.bus),
            demand_kw=share * axis.of_clock(np.array(section.demand_kw)),
            movable=section.movable_share,
            generator_kw=axis.of_clock(np.array(section.generator_kw)),
            generator_cost_per_kwh=PER_MWH * section.generator_cost_per_mwh,
            cut_cost_per_kwh=PER_MWH * section.cut_cost_per_mwh,
            ready_cost_per_kw_h=PER_MWH * section.ready_cost_per_mwh,
            reactive_share=self.file.offers.reactive_per_kw,
        )

    def lot_zone(self, number: int, vehicles: VehicleBatch, axis: TimeAxis) -> LotZone:
        """Return the aggregator of a lot with some vehicles; a wish that no charging meets is lowered to what does."""
        section, site = self.file.lots[number], self.sites[number]
        always = np.ones(axis.size, dtype=np.bool_)
        vehicles, _ = meet_wishes(vehicles, site, always, always, axis.length_h, best_effort=True)
        return LotZone(
            site=site,
            vehicles=vehicles,
            wear_per_kwh=PER_MWH * section.wear_per_mwh,
            spinning_max_kw=np.inf if section.spinning_max_kw is None else section.spinning_max_kw,
            regulating_max_kw=np.inf if section.regulating_max_kw is None else section.regulating_max_kw,
            reactive_share=self.file.offers.reactive_per_kw,
        )

    @property
    def offers(self) -> Offers:
        """What the operator pays aggregators and asks of them."""
        rules = self.file.offers
        return Offers(rules.sold_share, rules.bought_share, rules.reserve_share, self.prices_of)

    def typical_errors(self) -> FloatArray:
        """Return the size of the errors of net load that a newcomer expects by clock hour, kW, shape ``(24,)``."""
        axis, rules = day_axis(None, None, 60), self.file.real_time
        load, supply = (axis.of_clock(each).sum(axis=1) for each in (self.base_load_kw, self.base_renewable_kw))
        return np.asarray(np.hypot(rules.load_sigma * load, rules.supply_sigma * supply))

    def prices_of(self, energy: FloatArray) -> Prices:
        """Return the prices of all products for those of energy, currency/kWh, any shape."""
        rules, size = self.file.wholesale, np.abs(energy)
        positive = np.maximum(energy, 0.0)
        return Prices(
            buy=energy,
            sell=energy - (1.0 - rules.sell_share) * size,
            reactive=rules.reactive_share * size,
            spinning=rules.spinning_share * positive + PER_MWH * rules.spinning_adder_per_mwh,
            regulating=rules.regulating_share * positive + PER_MWH * rules.regulating_adder_per_mwh,
        )

    def penalties_of(self, prices: Prices) -> Penalties:
        """Return what deviations cost beside day-ahead prices."""
        rules = self.file.penalties
        return Penalties(
            energy=rules.energy_share * np.abs(prices.buy),
            reactive=rules.reactive_share * prices.reactive,
            spinning=rules.spinning_share * prices.spinning,
            output=np.full(prices.buy.shape, PER_MWH * rules.output_per_mwh),
        )

    def joint(self, day: TwoSettlementInputs, streams: Streams, price: FloatArray, load_factor: FloatArray) -> Joint:
        """Return joint scenarios of a day about what the operator expects; see :func:`.forecast.joint_scenarios`."""
        return joint_scenarios(self.file, self.prices.model, self.prices_of, day, streams, (price, load_factor))

    def typical_prices(self, axis: TimeAxis) -> FloatArray:
        """Return the mean price of energy at each time of the clock, currency/kWh, shape ``(periods,)``."""
        return self.prices.typical(axis)

    def market(
        self,
        *,
        solver: str = "auto",
        certify: str = "standard",
        on_infeasible: str | None = None,
        node_limit: int | None = None,
    ) -> DayAheadMarket:
        """Open the day-ahead market; see :meth:`scenarios.case.Case.market`.

        ``node_limit`` is the limit of its searches in the place of the scenario's; ``None`` keeps it.
        """
        if on_infeasible not in (None, "shed"):
            raise self.refuse("on_infeasible", on_infeasible, "shed: load that cannot be served is shed at its value")
        if certify != "standard":
            raise self.refuse("certify", certify, "standard: the schedule's gap is a proved bound already")
        rules, periods = self.file.market, 60 / self.file.time.step_minutes
        options = Options(
            aim=rules.aim,
            gamma=rules.gamma * periods,
            load_gamma=rules.load_gamma * periods,
            gap=rules.gap,
            node_limit=rules.node_limit if node_limit is None else node_limit,
            points=rules.points,
        )
        return DayAheadMarket(self.system, options, solver=solver)

    def real_time(self, solver: str = "auto") -> RealTime:
        """Open real time."""
        return RealTime(self.system, self.file.real_time.look_ahead, solver)


def build_two_settlement(
    name: str, file: TwoSettlementFile, document: Document, prices: PriceSeries, paths: tuple[Path, ...]
) -> TwoSettlementCase:
    """Read everything that a file of the market of two settlements names.

    Parameters
    ----------
    name
        Name of the scenario.
    file, document
        The checked keys, and their lines for complaints.
    prices
        The wholesale prices.
    paths
        Files that were read already.

    Raises
    ------
    InputError
        For the first thing that cannot be used, with file, line or key, value and what was expected.
    """
    grid, feeder, grid_paths = build_grid(file, document)
    system = build_system(file, grid, feeder, document)
    load_kw, load_kvar, profiles, load_paths = loads_on(grid, feeder, file, document)
    return TwoSettlementCase(
        name=name,
        file=file,
        prices=prices,
        notes=time_notes(file, len(load_kw)),
        paths=(*paths, *grid_paths, *load_paths),
        feeder=feeder,
        system=system,
        sites=lot_sites(file, grid),
        fleet=None if file.fleet is None else build_fleet(file.fleet),
        outages=outages_of(file, grid),
        base_load_kw=load_kw,
        base_load_kvar=load_kvar,
        base_renewable_kw=expected_renewables(file.renewables, profiles, document),
    )


KIND = ScenarioKind(
    name="two-settlement",
    schema=TwoSettlementFile,
    case=TwoSettlementCase,
    build=build_two_settlement,
    file_keys=FILE_KEYS,
)
