"""A scenario of the DISCO market: what a YAML file says, with the days, forecasts and outcomes that follow from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from equilibrium.arrays import FloatArray
from equilibrium.demand_response import Elasticity, ResponseProgram, response_factor
from equilibrium.grid.network import Network
from equilibrium.markets.disco.day import DiscoScenario
from equilibrium.markets.disco.market import DiscoMarket
from scenarios.assembly import expected_load, time_notes
from scenarios.case import Case, Contents, ScenarioKind
from scenarios.draws.loads import load_factor
from scenarios.draws.reduction import reduce_scenarios
from scenarios.draws.vehicles import FleetSettings, draw_vehicles
from scenarios.draws.weather import Weather
from scenarios.files import Document, bundled_or_own
from scenarios.markets.charging.fleet import build_fleet, on_axis
from scenarios.markets.disco.assembly import build_network, build_programs, build_weather, true_elasticity
from scenarios.markets.disco.day import CompanyDay
from scenarios.markets.disco.schema import FILE_KEYS, DiscoFile
from scenarios.readers.prices import PriceSeries
from scenarios.readers.programs import ProgramSet
from scenarios.streams import Streams
from scenarios.time_axis import DAY_H, TimeAxis

NO_SECOND_METHOD = "the DISCO market has no second method; the KKT program is compared in its tests"
"""Why the market knows no full certificate."""

Arriving = Callable[[np.random.Generator], tuple[int, ...]]
"""Draws how many vehicles come to each lot."""


@dataclass(frozen=True, eq=False)
class Forecast:
    """What the company expects of a day.

    Attributes
    ----------
    scenarios
        Outcomes with their probabilities.
    distance
        Kantorovich distance from all that were drawn, in the kW of :meth:`DiscoCase.forecast`.
    """

    scenarios: tuple[DiscoScenario, ...]
    distance: float


@dataclass(frozen=True, eq=False)
class DiscoCase(Case[CompanyDay]):
    """A checked scenario of the DISCO market with all its data read.

    Attributes
    ----------
    name, file, prices, notes, paths
        As in :class:`scenarios.case.Case`.
    network
        The feeder with its units and lots.
    programs
        The set of programs; :attr:`offered` names those that the retailer may offer.
    elasticity, participation
        The customers' true ones; the share that takes part is known to all.
    fleet
        Distributions of the vehicles.
    base_load_kw, base_load_kvar
        Expected load without a program in equal steps of the clock, shape ``(steps, buses)``.
    weather
        Potentials of one kW of wind and of sun.
    """

    file: DiscoFile
    network: Network
    programs: ProgramSet
    elasticity: Elasticity
    participation: float
    fleet: FleetSettings
    base_load_kw: FloatArray
    base_load_kvar: FloatArray
    weather: Weather

    DRAWING = ("day", "forecast", "outcome")

    @property
    def offered(self) -> tuple[str, ...]:
        """Names of the programs that the retailer may offer: those of the file, or all of the set."""
        return self.file.retailer.programs.offered or self.programs.names

    @property
    def base_tariff(self) -> FloatArray:
        """What customers pay without a program, currency/kWh, by hour of the clock, shape ``(24,)``."""
        return np.full(DAY_H, self.programs.base_tariff)

    def program(self, name: str, upstream_price: FloatArray, axis: TimeAxis) -> ResponseProgram:
        """Return a program at the upstream prices of a day with some periods."""
        return self.programs.program(name, upstream_price, axis=axis)

    def window(self, periods: tuple[str, ...]) -> NDArray[np.bool_]:
        """Return which hours of the clock belong to the named periods, ``(24,)``; all of them when none is named."""
        if not periods:
            return np.ones(DAY_H, dtype=np.bool_)
        inside: NDArray[np.bool_] = np.any([self.programs.hours(name) for name in periods], axis=0)
        return inside

    def contents(self) -> Contents:
        """Return what the scenario was made from, besides its prices."""
        return Contents(self.network.feeder, self.base_load_kw.sum(axis=1))

    def day(self, index: int, streams: Streams) -> CompanyDay:
        """Return one day: a pure function of the scenario, the seed and the index.

        Parameters
        ----------
        index
            Day of the run, 0 first.
        streams
            The run's random streams; those of the loads and the prices are used.

        Raises
        ------
        InputError
            When the prices have ended and ``after_end`` is ``stop``.
        """
        self.check_day(index)
        axis, loads = self.axis(index), self.file.loads
        sigmas = {"day_sigma": loads.day_sigma, "hour_sigma": loads.hour_sigma}
        factor = load_factor(streams, index, axis, self.network.feeder.size, **sigmas)
        load_kw, load_kvar = axis.of_clock(self.base_load_kw), axis.of_clock(self.base_load_kvar)
        return CompanyDay(
            index=index,
            date=self.date(index),
            axis=axis,
            start_h=self.start_h(index),
            forecast_kw=load_kw,
            forecast_kvar=load_kvar,
            base_kw=load_kw * factor,
            base_kvar=load_kvar * factor,
            upstream_price=self.prices.of_day(index, axis, streams),
        )

    def forecast(self, day: CompanyDay, streams: Streams, arriving: Arriving) -> Forecast:
        """Draw scenarios of a day and reduce them.

        A scenario is a point whose coordinates are kW: in each period the potential of each unit, what the vehicles of
        each lot can charge, and the load times the relative deviation of the price, each weighed by the root of the
        period's length; and each lot's wish over the day. So an hour that is cut counts as a whole one.

        Parameters
        ----------
        day
            The day.
        streams
            The run's random streams; ``forecast-<k>`` is used for draw k.
        arriving
            Draws how many vehicles come to each lot.
        """
        rules = self.file.scenarios
        drawn = [
            self._draw(day, streams.generator(f"forecast-{k}", day.index), arriving, 1.0) for k in range(rules.draws)
        ]
        points = np.array([self._point(day, scenario) for scenario in drawn])
        reduced = reduce_scenarios(points, np.full(rules.draws, 1.0 / rules.draws), rules.kept)
        kept = tuple(
            DiscoScenario(float(share), drawn[k].renewable_kw, drawn[k].upstream_price, drawn[k].vehicles)
            for k, share in zip(reduced.kept.tolist(), reduced.probability, strict=True)
        )
        return Forecast(kept, reduced.distance)

    def outcome(self, day: CompanyDay, streams: Streams, arriving: Arriving) -> DiscoScenario:
        """Draw what comes: one more scenario, from the stream ``outcome``; parameters as for :meth:`forecast`."""
        return self._draw(day, streams.generator("outcome", day.index), arriving, 1.0)

    def market(
        self,
        *,
        solver: str = "auto",
        certify: str = "standard",
        on_infeasible: str | None = None,
        beta: float | None = None,
        node_limit: int | None = None,
    ) -> DiscoMarket:
        """Open the market; see :meth:`scenarios.case.Case.market`.

        ``beta`` is the weight of the CVaR in the place of the scenario's and ``node_limit`` the limit of its searches;
        ``None`` keeps them.
        """
        rules = self.file.market
        if on_infeasible not in (None, "stop"):
            raise self.refuse("on_infeasible", on_infeasible, "stop (the DISCO market prices no shortages)")
        if certify != "standard":
            raise self.refuse("certify", certify, f"standard: {NO_SECOND_METHOD}")
        return DiscoMarket(
            self.network,
            mode=rules.mode,
            purchases=rules.purchases,
            alpha=rules.alpha,
            beta=rules.beta if beta is None else beta,
            segments=rules.segments,
            transformer_efficiency=rules.transformer_efficiency,
            infeasible_wish=rules.infeasible_wish,
            node_limit=rules.node_limit if node_limit is None else node_limit,
            solver=solver,
        )

    def _draw(
        self, day: CompanyDay, generator: np.random.Generator, arriving: Arriving, probability: float
    ) -> DiscoScenario:
        """Draw one outcome: wind and sun first, then prices, then how many vehicles come, then the vehicles."""
        wind, sun = (day.axis.of_clock(drawn) for drawn in self.weather.drawn(generator, generator))
        potential = np.zeros((day.axis.size, len(self.file.renewables)))
        for k, unit in enumerate(self.file.renewables):
            potential[:, k] = unit.rated_kw * (wind if unit.kind == "wind" else sun)
        sigma = self.file.scenarios.price_sigma
        factor = float(np.exp(sigma * generator.standard_normal() - sigma**2 / 2))
        vehicles = tuple(
            on_axis(draw_vehicles(self.fleet, count, DAY_H, generator, prefix=f"{day.index}-{lot.name}"), day.axis)
            for lot, count in zip(self.file.lots, arriving(generator), strict=True)
        )
        return DiscoScenario(probability, potential, day.upstream_price * factor, vehicles)

    def _point(self, day: CompanyDay, scenario: DiscoScenario) -> FloatArray:
        """Return a scenario as a vector in kW."""
        period, weight = np.arange(day.axis.size), np.sqrt(day.axis.length_h)
        able, wished = [], []
        for batch in scenario.vehicles:
            here = (period >= batch.arrival[:, None]) & (period < batch.departure[:, None])
            able.append((batch.count * batch.charge_max_kw) @ here * weight)
            wished.append(float(batch.count @ (batch.wish_kwh - batch.energy_kwh)) / day.axis.hours)
        reference = np.where(day.upstream_price == 0.0, 1.0, day.upstream_price)
        price = (scenario.upstream_price - day.upstream_price) / reference * day.forecast_kw.sum(axis=1)
        potential = scenario.renewable_kw * weight[:, None]
        return np.concatenate([potential.ravel(), *able, wished, price * weight])


def build_disco(
    name: str, file: DiscoFile, document: Document, prices: PriceSeries, paths: tuple[Path, ...]
) -> DiscoCase:
    """Read everything that a file of the DISCO market names.

    Parameters
    ----------
    name
        Name of the scenario.
    file, document
        The checked keys, and their lines for complaints.
    prices
        The upstream prices.
    paths
        Files that were read already.

    Raises
    ------
    InputError
        For the first thing that cannot be used, with file, line or key, value and what was expected.
    """
    network, grid = build_network(name, file, document)
    load_kw, load_kvar, profiles, load_paths = expected_load(file, grid, document)
    program_path = bundled_or_own("programs", file.retailer.programs.set, ".yaml")
    programs = build_programs(file, document)
    case = DiscoCase(
        name=name,
        file=file,
        prices=prices,
        notes=(*grid.notes, *time_notes(file, len(load_kw))),
        paths=(*paths, *grid.paths, *load_paths, program_path),
        network=network,
        programs=programs,
        elasticity=true_elasticity(file, programs, document),
        participation=file.customers.participation or programs.participation,
        fleet=build_fleet(file.fleet),
        base_load_kw=load_kw,
        base_load_kvar=load_kvar,
        weather=build_weather(file, profiles, document),
    )
    _check_response(case, document)
    return case


def _check_response(case: DiscoCase, document: Document) -> None:
    """No program may drive the true load below zero."""
    for index in range(case.prices.days):
        axis = case.axis(index)
        price, elasticity = case.prices.on(index, axis), case.elasticity.over(axis.clock_hour, axis.length_h)
        for name in case.offered:
            program = case.program(name, price, axis)
            factor = response_factor(axis.of_clock(case.base_tariff), program, elasticity, case.participation)
            if factor.min() < 0.0:
                expected = "programs and an elasticity that leave a load >= 0 in the linear model"
                found = f"{name} with a factor {factor.min():.3g} on the load"
                raise document.error(("retailer", "programs", "offered"), found, expected)


KIND = ScenarioKind(name="disco", schema=DiscoFile, case=DiscoCase, build=build_disco, file_keys=FILE_KEYS)
