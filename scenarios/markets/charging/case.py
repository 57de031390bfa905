"""What the scenarios of the markets of charging lots share: their data, and the days that follow from it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from equilibrium.arrays import FloatArray
from equilibrium.fleet.day import LotDay
from equilibrium.grid.network import Network
from equilibrium.markets.charging.day import MarketDay
from scenarios.assembly import expected_load
from scenarios.case import Case
from scenarios.files import Document, bundled_or_own
from scenarios.markets.charging.arrivals import WEEK, Arrivals
from scenarios.markets.charging.day import ScenarioDay
from scenarios.markets.charging.envelopes import read_counts, typical_lots
from scenarios.markets.charging.network import build_network, expected_renewables
from scenarios.markets.charging.schema import ChargingFile, CountDrivers, LotSection, SessionDrivers
from scenarios.readers.prices import PriceSeries
from scenarios.readers.sessions import read_sessions, read_vehicles
from scenarios.streams import Streams, day_factor

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
        Expected inflexible load, shape ``(hours, buses)``.
    base_renewable_kw
        Expected potential of each renewable unit, kW, shape ``(hours, renewables)``.
    lot_days
        Fixed lot envelopes, or ``None`` when lots are filled by drivers.
    arrivals
        Source of the sessions, or ``None`` with fixed envelopes.
    """

    file: ChargingFile
    network: Network
    base_load_kw: FloatArray
    base_load_kvar: FloatArray
    base_renewable_kw: FloatArray
    lot_days: tuple[LotDay, ...] | None
    arrivals: Arrivals | None

    @property
    def lots(self) -> tuple[LotSection, ...]:
        """The lots' settings, in the order of the network's lots."""
        return self.file.lots

    @property
    def drivers(self) -> SessionDrivers | CountDrivers:
        """The drivers' settings."""
        return self.file.drivers

    def day(self, index: int, streams: Streams) -> ScenarioDay:
        """Return one day: a pure function of the scenario, the seed and the index.

        Parameters
        ----------
        index
            Day of the run, 0 first.
        streams
            The run's random streams; ``load``, ``renewable-<kind>`` and those of the arrivals are used.

        Raises
        ------
        InputError
            When the prices have ended and ``after_end`` is ``stop``.
        """
        self.check_day(index)
        load = day_factor(streams, "load", index, self.file.loads.day_sigma)
        potential = np.empty_like(self.base_renewable_kw)
        for k, unit in enumerate(self.file.renewables):
            factor = day_factor(streams, f"renewable-{unit.kind}", index, unit.day_sigma)
            potential[:, k] = np.minimum(self.base_renewable_kw[:, k] * factor, unit.rated_kw)
        weekday, week = self._calendar(index)
        return ScenarioDay(
            index=index,
            date=self.date(index),
            wholesale_price=self.prices.price[self.prices.row(index)],
            load_kw=self.base_load_kw * load,
            load_kvar=self.base_load_kvar * load,
            renewable_kw=potential * self._in_service("renewables"),
            microturbine_available=self._in_service("microturbines"),
            sessions=self.arrivals.day(index, weekday, week, streams) if self.arrivals else (),
            lots=self.lot_days,
        )

    def nominal_day(self) -> MarketDay:
        """Return a typical day: mean prices, expected load and potentials, and a typical envelope of each lot.

        It depends on the scenario alone, so that what is prepared with it (warm starts) is the same in every run.
        """
        lots = self.lot_days
        if lots is None and self.arrivals is not None:
            lots = typical_lots(self.arrivals.day(0, _WEDNESDAY, 0, Streams(0)), self.lots)
        return MarketDay(
            wholesale_price=self.prices.price.mean(axis=0),
            load_kw=self.base_load_kw,
            load_kvar=self.base_load_kvar,
            renewable_kw=self.base_renewable_kw * self._in_service("renewables"),
            microturbine_available=self._in_service("microturbines"),
            lots=lots or (),
        )

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
    network, feeder_paths = build_network(name, file, document)
    load_kw, load_kvar, profiles, load_paths = expected_load(file, network.feeder, document)
    potential = expected_renewables(file, profiles, document)
    if isinstance(file.drivers, CountDrivers):
        count_path = bundled_or_own("lots", file.drivers.file, ".csv")
        fixed, arrivals = read_counts(count_path, file.drivers, file.lots), None
        driver_paths: tuple[Path, ...] = (count_path,)
    else:
        fixed = None
        arrivals, driver_paths = _arrivals(file, file.drivers, document)
    return case(
        name=name,
        file=file,
        prices=prices,
        notes=arrivals.notes if arrivals else (),
        paths=(*paths, *feeder_paths, *load_paths, *driver_paths),
        network=network,
        base_load_kw=load_kw,
        base_load_kvar=load_kvar,
        base_renewable_kw=potential,
        lot_days=fixed,
        arrivals=arrivals,
    )


def _arrivals(file: ChargingFile, drivers: SessionDrivers, document: Document) -> tuple[Arrivals, tuple[Path, ...]]:
    """Read the session logs and the vehicle table, and find the lot of every recorded site."""
    paths = tuple(bundled_or_own("sessions", name, ".csv") for name in drivers.files)
    logs = tuple(read_sessions(path, energy=drivers.energy, departure=drivers.departure) for path in paths)
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
