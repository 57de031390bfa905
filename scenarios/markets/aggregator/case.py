"""A scenario of the aggregator market: what a YAML file says, with the days and arrivals that follow from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from equilibrium.arrays import FloatArray, IntArray
from equilibrium.grid.feeder import Feeder
from equilibrium.markets.aggregator.day import Contracts, LotTariffs, LotVehicles, Reading
from equilibrium.markets.aggregator.market import AggregatorMarket
from scenarios.assembly import (
    build_rated_feeder,
    bus_index,
    check_names,
    check_powers,
    retail_load,
    time_notes,
)
from scenarios.case import Case, Contents, ScenarioKind
from scenarios.draws.arrivals import Stays, classes_of, drawn_arrivals, stays_at_stations, still_parked
from scenarios.draws.loads import load_factor
from scenarios.draws.reduction import reduce_scenarios
from scenarios.files import Document
from scenarios.markets.aggregator.day import AggregatorInputs
from scenarios.markets.aggregator.schema import FILE_KEYS, AggregatorFile, ContractLotSection
from scenarios.readers.prices import PriceSeries
from scenarios.streams import Streams, day_factor
from scenarios.time_axis import TimeAxis

PER_MWH = 1e-3
"""Prices per MWh as prices per kWh."""


@dataclass(frozen=True, eq=False)
class Traffic:
    """Who comes to the lots, in some scenarios.

    Attributes
    ----------
    probability
        Shape ``(scenarios,)``.
    stays
        The lots' vehicles by arrival and stay, for each scenario a tuple of one per lot.
    distance
        Kantorovich distance from all that were drawn, vehicles.
    """

    probability: FloatArray
    stays: tuple[tuple[Stays, ...], ...]
    distance: float = 0.0


@dataclass(frozen=True, eq=False)
class AggregatorCase(Case[AggregatorInputs]):
    """A checked scenario of the aggregator market with all its data read.

    Attributes
    ----------
    name, file, prices, notes, paths
        As in :class:`scenarios.case.Case`.
    feeder
        The feeder.
    lot_bus, generator_bus
        Indices of the buses of lots and generators.
    base_load_kw
        Expected load in equal steps of the clock, shape ``(steps,)``.
    """

    file: AggregatorFile
    feeder: Feeder
    lot_bus: tuple[int, ...]
    generator_bus: tuple[int, ...]
    base_load_kw: FloatArray

    DRAWING = ("day", "forecast", "outcome")

    def on(self, network: object) -> AggregatorCase:  # noqa: ARG002
        """Return the scenario: its days have their feeders."""
        return self

    def contents(self) -> Contents:
        """Return what the scenario was made from, besides its prices."""
        return Contents(self.feeder, self.base_load_kw)

    def day(self, index: int, streams: Streams) -> AggregatorInputs:
        """Return one day: a pure function of the scenario, the seed and the index.

        Parameters
        ----------
        index
            Day of the run, 0 first.
        streams
            The run's random streams; ``reserve`` and those of the loads and the prices are used.

        Raises
        ------
        InputError
            When the prices have ended and ``after_end`` is ``stop``.
        """
        self.check_day(index)
        axis, upstream, loads = self.axis(index), self.file.upstream, self.file.loads
        sigmas = {"day_sigma": loads.day_sigma, "hour_sigma": loads.hour_sigma}
        forecast = axis.of_clock(self.base_load_kw)
        reserve = PER_MWH * axis.of_clock(np.array(upstream.reserve_per_mwh))
        return AggregatorInputs(
            index=index,
            date=self.date(index),
            axis=axis,
            start_h=self.start_h(index),
            energy_price=self.prices.of_day(index, axis, streams) + PER_MWH * upstream.adder_per_mwh,
            reserve_price=reserve * day_factor(streams, "reserve", index, upstream.reserve_day_sigma),
            forecast_kw=forecast,
            load_kw=forecast * load_factor(streams, index, axis, 1, **sigmas)[:, 0],
        )

    def typical_prices(self, axis: TimeAxis) -> tuple[FloatArray, FloatArray]:
        """Return mean upstream prices of energy and reserve at each time of the clock, shape ``(periods,)`` each."""
        upstream = self.file.upstream
        energy = self.prices.typical(axis) + PER_MWH * upstream.adder_per_mwh
        return energy, PER_MWH * axis.of_clock(np.array(upstream.reserve_per_mwh))

    def expected_traffic(self, attendance: Sequence[float]) -> Traffic:
        """Return the expected arrivals as one scenario, each lot's times the share of drivers who come."""
        stays = tuple(
            stays_at_stations(
                share * np.array(lot.arrivals.mean),
                np.array(lot.arrivals.stay_shares),
                lot.stations,
                sweep=lot.arrivals.sweep,
            )
            for lot, share in zip(self.file.lots, attendance, strict=True)
        )
        return Traffic(np.ones(1), (stays,))

    def forecast(self, index: int, streams: Streams, attendance: Sequence[float]) -> Traffic:
        """Draw arrivals of a day and reduce them to a few scenarios; ``forecast-<k>`` is used for draw k.

        A scenario is a point whose coordinates are the vehicles that are parked at each lot in each hour.
        """
        rules = self.file.scenarios
        if not self.file.lots:
            return Traffic(np.ones(1), ((),))
        drawn = [self._draw(streams.generator(f"forecast-{k}", index), attendance) for k in range(rules.draws)]
        points = np.array([np.concatenate([stays.parked for stays in each]) for each in drawn])
        reduced = reduce_scenarios(points, np.full(rules.draws, 1.0 / rules.draws), rules.kept)
        return Traffic(reduced.probability, tuple(drawn[k] for k in reduced.kept.tolist()), reduced.distance)

    def outcome(self, index: int, streams: Streams, attendance: Sequence[float]) -> Traffic:
        """Draw who comes: one more draw, from the stream ``outcome``."""
        return Traffic(np.ones(1), (self._draw(streams.generator("outcome", index), attendance),))

    def contracts(self, lot: int) -> Contracts:
        """Return what drivers may agree on at a lot, with the shares of the file."""
        keys = self.file.lots[lot].contracts
        return Contracts(np.array(keys.share.rows), np.array(keys.departure_share.rows))

    def tariffs(self, lot: int, step: float = 0.0) -> LotTariffs:
        """Return what passes between a lot and its drivers, the energy tariffs moved by ``step``, currency/kWh."""
        keys = self.file.lots[lot].tariffs
        return LotTariffs(
            g2v1=PER_MWH * keys.g2v1_per_mwh + step,
            g2v2=PER_MWH * keys.g2v2_per_mwh + step,
            g2v3=PER_MWH * keys.g2v3_per_mwh + step,
            v2g=PER_MWH * keys.v2g_per_mwh + step,
            extra=PER_MWH * keys.extra_per_mwh,
            parking=keys.parking_per_hour,
            degradation=PER_MWH * keys.degradation_per_mwh,
        )

    @property
    def reading(self) -> Reading:
        """How the published model's unclear places are read."""
        return Reading(**self.file.market.reading.model_dump())

    def market(
        self,
        *,
        solver: str = "auto",
        certify: str = "standard",
        on_infeasible: str | None = None,
        node_limit: int | None = None,
    ) -> AggregatorMarket:
        """Open the market; see :meth:`scenarios.case.Case.market`.

        ``node_limit`` is the limit of its searches in the place of the scenario's; ``None`` keeps it.
        """
        if on_infeasible not in (None, "stop"):
            raise self.refuse("on_infeasible", on_infeasible, "stop (the aggregator market prices no shortages)")
        if certify != "standard":
            raise self.refuse("certify", certify, "standard: the leader's gap is a proved bound already")
        rules = self.file.market
        limit = rules.node_limit if node_limit is None else node_limit
        return AggregatorMarket(gap=rules.gap, node_limit=limit, solver=solver)

    def _draw(self, generator: np.random.Generator, attendance: Sequence[float]) -> tuple[Stays, ...]:
        """Draw one outcome: how many come to each lot, and for how long."""
        return tuple(
            stays_at_stations(
                drawn_arrivals(share * np.array(lot.arrivals.mean), lot.arrivals.variation, generator),
                np.array(lot.arrivals.stay_shares),
                lot.stations,
                split=lot.arrivals.split,
                sweep=lot.arrivals.sweep,
                rng=generator,
            )
            for lot, share in zip(self.file.lots, attendance, strict=True)
        )


def lot_vehicles(section: ContractLotSection, share: FloatArray, stays: Sequence[Stays], axis: TimeAxis) -> LotVehicles:
    """Return a lot's vehicles by class and contract in some scenarios.

    Stays are counted in hours of the clock. On other periods an hour's arrivals come evenly in its parts, so the
    numbers at the end of an hour stay what they are; an hour that the clock skips adds its traffic to the next one.

    Parameters
    ----------
    section
        The lot.
    share
        Part of each class that takes each contract, shape ``(categories, classes)``.
    stays
        Its vehicles in each scenario.
    axis
        The periods of the day.
    """
    classes = classes_of(len(section.arrivals.stay_shares), section.contracts.classes_h)
    member = (classes[:, None] == np.arange(len(section.contracts.classes_h))).astype(np.float64)
    part = hour_parts(axis)
    arriving = np.array([part @ each.count @ member for each in stays])
    departing = np.array([part @ each.leaving() @ member for each in stays])
    energy = section.battery_kwh * section.arrivals.energy_share * share.T
    return LotVehicles(
        parked=still_parked(arriving, departing),
        arriving=arriving,
        departing=departing,
        arrival_kwh=arriving @ energy,
        brought_kwh=departing @ energy,
    )


def hour_parts(axis: TimeAxis) -> FloatArray:
    """Return which part of each clock hour's traffic comes in each period, shape ``(periods, 24)``."""
    hour: IntArray = axis.clock_hour
    part = (hour[:, None] == np.arange(24)) * axis.length_h[:, None]
    total = part.sum(axis=0)
    for skipped in np.flatnonzero(total == 0.0):
        later = np.flatnonzero(hour > skipped)
        first = int(later[0]) if later.size else axis.size - 1
        part[first, skipped] = 1.0
    return np.asarray(part / part.sum(axis=0))


def build_aggregator(
    name: str, file: AggregatorFile, document: Document, prices: PriceSeries, paths: tuple[Path, ...]
) -> AggregatorCase:
    """Read everything that a file of the aggregator market names.

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
    grid = build_rated_feeder(file.feeder, document)
    feeder = grid.feeder
    check_names({"lots": file.lots, "generators": file.generators}, document)
    check_powers({"lots": file.lots, "generators": file.generators}, feeder.base_kv, document)
    load_kw, load_paths = retail_load(file, grid, document)
    return AggregatorCase(
        name=name,
        file=file,
        prices=prices,
        notes=(*grid.notes, *time_notes(file, len(load_kw))),
        paths=(*paths, *grid.paths, *load_paths),
        feeder=feeder,
        lot_bus=tuple(bus_index(feeder, lot.bus, document, ("lots", k, "bus")) for k, lot in enumerate(file.lots)),
        generator_bus=tuple(
            bus_index(feeder, unit.bus, document, ("generators", k, "bus")) for k, unit in enumerate(file.generators)
        ),
        base_load_kw=load_kw,
    )


KIND = ScenarioKind(
    name="aggregator", schema=AggregatorFile, case=AggregatorCase, build=build_aggregator, file_keys=FILE_KEYS
)
