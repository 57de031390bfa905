"""What the scenarios of the markets of charging lots share: their data, and the days that follow from it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np

from equilibrium.arrays import FloatArray
from equilibrium.fleet.day import LotDay
from equilibrium.grid.network import Network
from equilibrium.markets.charging.day import MarketDay
from scenarios.assembly import expected_load, time_notes
from scenarios.case import Case, Contents
from scenarios.draws.loads import load_factor
from scenarios.files import Document, bundled_or_own
from scenarios.markets.charging.arrivals import Arrivals
from scenarios.markets.charging.day import ScenarioDay
from scenarios.markets.charging.driver_schema import CountDrivers, SessionDrivers
from scenarios.markets.charging.envelopes import Counts, counted_lots, read_counts, typical_lots
from scenarios.markets.charging.network import build_network, expected_renewables
from scenarios.markets.charging.residents import resident_sessions
from scenarios.markets.charging.schema import ChargingFile, LotSection
from scenarios.markets.charging.units import drawn_potential, in_service
from scenarios.readers.prices import PriceSeries
from scenarios.readers.session_layouts import SessionWishes
from scenarios.readers.sessions import check_clock_change, read_sessions
from scenarios.readers.vehicles import read_vehicles
from scenarios.session import Session
from scenarios.streams import Streams
from scenarios.time_axis import WEEK, TimeAxis, elapsed_since

_WEDNESDAY = 2


@dataclass(frozen=True, eq=False)
class ChargingCase(Case[ScenarioDay]):
    """A checked scenario of a market of charging lots with all its data read.

    Attributes
    ----------
    name, file, prices, notes, paths
        As in :class:`scenarios.case.Case`.
    network
        The feeder with its assets.
    base_load_kw, base_load_kvar
        Expected inflexible load in equal steps of the clock, shape ``(steps, buses)``.
    base_renewable_kw
        Expected potential of each renewable unit, kW, shape ``(steps, renewables)``.
    counts
        Vehicles of each lot by hour, from which its day follows, or ``None`` when lots are filled by drivers.
    arrivals
        Source of the sessions, or ``None`` with counts.
    """

    file: ChargingFile
    network: Network
    base_load_kw: FloatArray
    base_load_kvar: FloatArray
    base_renewable_kw: FloatArray
    counts: tuple[Counts, ...] | None
    arrivals: Arrivals | None

    @property
    def lots(self) -> tuple[LotSection, ...]:
        """The lots' settings, in the order of the network's lots."""
        return self.file.lots

    @property
    def drivers(self) -> SessionDrivers | CountDrivers:
        """The drivers' settings."""
        return self.file.drivers

    def contents(self) -> Contents:
        """Return what the scenario was made from, besides its prices."""
        logs = () if self.arrivals is None else self.arrivals.logs
        return Contents(self.network.feeder, self.base_load_kw.sum(axis=1), logs)

    def day(self, index: int, streams: Streams) -> ScenarioDay:
        """Return one day: a pure function of the scenario, the seed and the index.

        Parameters
        ----------
        index
            Day of the run, 0 first.
        streams
            The run's random streams; ``residents-<lot>`` and those of the arrivals, the prices, the loads and the units
            are used.

        Raises
        ------
        InputError
            When the prices have ended and ``after_end`` is ``stop``.
        """
        self.check_day(index)
        axis, loads = self.axis(index), self.file.loads
        sigmas = {"day_sigma": loads.day_sigma, "hour_sigma": loads.hour_sigma}
        load = load_factor(streams, index, axis, self.network.feeder.size, **sigmas)
        expected = axis.of_clock(self.base_renewable_kw)
        units = zip(self.file.renewables, expected.T, strict=True)
        potential = [drawn_potential(unit, kw, streams, index, axis) for unit, kw in units]
        working = partial(in_service, index=index, axis=axis, hours=lambda day: self.axis(day).hours, streams=streams)
        turning = working(self.file.microturbines)
        return ScenarioDay(
            index=index,
            date=self.date(index),
            axis=axis,
            start_h=self.start_h(index),
            wholesale_price=self.prices.of_day(index, axis, streams),
            load_kw=axis.of_clock(self.base_load_kw) * load,
            load_kvar=axis.of_clock(self.base_load_kvar) * load,
            renewable_kw=np.array(potential).reshape(-1, axis.size).T
            * (working(self.file.renewables) * self._in_service("renewables")),
            microturbine_available=self._in_service("microturbines") & (turning == 1.0).all(axis=0),
            sessions=self._sessions(index, streams),
            lots=self._counted(axis),
            residents=resident_sessions(self.lots, index, streams),
        )

    def nominal_day(self, axis: TimeAxis | None = None) -> MarketDay:
        """Return a typical day: mean prices, expected load and potentials, and a typical envelope of each lot.

        It depends on the scenario alone, so that what is prepared with it (warm starts) is the same in every run.

        Parameters
        ----------
        axis
            Its periods; by default those of a day on which the clock is not changed.
        """
        periods = axis or self.typical_axis()
        lots = self._counted(periods)
        if self.arrivals is not None:
            elapsed = partial(elapsed_since, lambda day: periods if day == 0 else self.typical_axis())
            typical = self.arrivals.day(0, _WEDNESDAY, 0, Streams(0), elapsed)
            lots = typical_lots(typical, self.lots, periods.length_h)
        return MarketDay(
            wholesale_price=self.prices.typical(periods),
            load_kw=periods.of_clock(self.base_load_kw),
            load_kvar=periods.of_clock(self.base_load_kvar),
            renewable_kw=periods.of_clock(self.base_renewable_kw) * self._in_service("renewables"),
            microturbine_available=self._in_service("microturbines"),
            lots=lots or (),
            period_h=periods.length_h,
        )

    def _counted(self, axis: TimeAxis) -> tuple[LotDay, ...] | None:
        """Return the lots' days where counts of vehicles fix them."""
        drivers = self.drivers
        if self.counts is None or not isinstance(drivers, CountDrivers):
            return None
        return counted_lots(self.counts, drivers, self.lots, axis)

    def _sessions(self, index: int, streams: Streams) -> tuple[Session, ...]:
        """Return who arrives on a day; nobody with counts."""
        if self.arrivals is None:
            return ()
        elapsed = partial(elapsed_since, lambda day: self.axis(index + day))
        return self.arrivals.day(index, *self._calendar(index), streams, elapsed)

    def _in_service(self, kind: str) -> np.ndarray:
        return np.array([unit.name not in self.file.out_of_service for unit in getattr(self.file, kind)], dtype=bool)

    def _calendar(self, index: int) -> tuple[int, int]:
        """Return the weekday of a day (Monday is 0) and the calendar weeks since day 0."""
        first, date = self.date(0), self.date(index)
        weekday = date.weekday() if date else index % WEEK
        return weekday, (index + (first.weekday() if first else 0)) // WEEK


AnyCharging = TypeVar("AnyCharging", bound=ChargingCase)


def build_charging(
    case: type[AnyCharging],
    name: str,
    file: ChargingFile,
    document: Document,
    prices: PriceSeries,
    paths: tuple[Path, ...],
) -> AnyCharging:
    """Read everything that a file of a market of charging lots names.

    Parameters
    ----------
    case
        Class of the scenario.
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
    network, grid = build_network(name, file, document)
    load_kw, load_kvar, profiles, load_paths = expected_load(file, grid, document)
    potential = expected_renewables(file.renewables, profiles, document)
    if isinstance(file.drivers, CountDrivers):
        count_path = bundled_or_own("lots", file.drivers.file, ".csv")
        counts, arrivals = read_counts(count_path, file.lots), None
        driver_paths: tuple[Path, ...] = (count_path,)
    else:
        counts = None
        arrivals, driver_paths = _arrivals(file, file.drivers, document)
    return case(
        name=name,
        file=file,
        prices=prices,
        notes=(*grid.notes, *time_notes(file, len(load_kw)), *(arrivals.notes if arrivals else ())),
        paths=(*paths, *grid.paths, *load_paths, *driver_paths),
        network=network,
        base_load_kw=load_kw,
        base_load_kvar=load_kvar,
        base_renewable_kw=potential,
        counts=counts,
        arrivals=arrivals,
    )


def _arrivals(file: ChargingFile, drivers: SessionDrivers, document: Document) -> tuple[Arrivals, tuple[Path, ...]]:
    """Read the session logs and the vehicle table, and find the lot of every recorded site."""
    paths = tuple(bundled_or_own("sessions", name, ".csv") for name in drivers.files)
    for k, path in enumerate(paths):
        if path.resolve() in [earlier.resolve() for earlier in paths[:k]]:
            raise document.error(("drivers", "files", k), drivers.files[k], "each file once")
    wishes = SessionWishes(drivers.columns, drivers.time_format, drivers.time_zone, drivers.energy_unit)
    logs = tuple(
        read_sessions(
            path,
            energy=drivers.energy,
            departure=drivers.departure,
            zone=file.time.zone,
            wishes=wishes,
            overlaps=drivers.overlaps,
        )
        for path in paths
    )
    if file.time.zone is None:
        charger_kw = max(lot.charger_kw for lot in file.lots)
        for log in logs:
            check_clock_change(log, charger_kw)
    vehicle_path = bundled_or_own("vehicles", drivers.vehicles.file, ".csv")
    recorded = {site for log in logs for site in log.site}
    home_lots: dict[str, int] = {}
    for number, lot in enumerate(file.lots):
        for k, site in enumerate(lot.sites):
            if site not in recorded or site in home_lots:
                expected = "a site of the session files that no other lot has"
                raise document.error(("lots", number, "sites", k), site, expected)
            home_lots[site] = number
    return Arrivals.prepare(logs, drivers, read_vehicles(vehicle_path), home_lots), (*paths, vehicle_path)
