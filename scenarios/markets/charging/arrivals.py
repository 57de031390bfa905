"""Who arrives on a day: sessions replayed from logs, or resampled from them, with vehicles and patience drawn."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from equilibrium.arrays import BoolArray, FloatArray, IntArray
from equilibrium.errors import InputError
from scenarios.draws.fitted import FittedSessions
from scenarios.markets.charging.driver_schema import SessionDrivers
from scenarios.readers.sessions import SessionLog
from scenarios.session import Session
from scenarios.streams import Streams
from scenarios.time_axis import WEEK

Elapsed = Callable[[FloatArray, BoolArray], FloatArray]
"""Turns hours on the clock into hours that have passed, both since a day's midnight; of times that are shown twice the
second is meant where told so."""


def on_the_clock(clock_h: FloatArray, _again: BoolArray) -> FloatArray:
    """Return the times themselves: a clock that is never changed."""
    return clock_h


@dataclass(frozen=True, eq=False)
class Arrivals:
    """The source of a scenario's sessions.

    Attributes
    ----------
    logs
        The recorded sessions, with stays and energies already inside the limits of ``drivers``.
    drivers
        The settings.
    vehicles
        Columns of the vehicle table, in order of battery size (:func:`scenarios.readers.vehicles.read_vehicles`).
    home_lots
        Index of the lot that stands for a recorded site.
    notes
        What was changed in the recorded sessions, one sentence each.
    fits
        What is fitted to the sessions of each weekday, Monday first; empty unless the source is ``fitted``.
    """

    logs: tuple[SessionLog, ...]
    drivers: SessionDrivers
    vehicles: dict[str, FloatArray]
    home_lots: dict[str, int]
    notes: tuple[str, ...]
    fits: tuple[FittedSessions, ...] = ()

    @classmethod
    def prepare(
        cls,
        logs: tuple[SessionLog, ...],
        drivers: SessionDrivers,
        vehicles: dict[str, FloatArray],
        home_lots: dict[str, int],
    ) -> Arrivals:
        """Scale energies, cap stays and energies, and count what was capped.

        Raises
        ------
        InputError
            When a log does not cover every weekday, or most of its sessions want more than any battery holds.
        """
        largest = float(vehicles["battery_kwh"][-1]) * (1.0 - drivers.vehicles.arrival_share_min)
        capped, notes = [], [note for log in logs for note in log.notes]
        for log in logs:
            for weekday in range(WEEK):
                if not any(log.weekday_of(day) == weekday for day in range(min(log.days, WEEK))):
                    raise InputError(log.source, "dates", f"{log.days} days", "at least a week of sessions")
            room = np.where(np.isnan(log.battery_kwh), largest, log.battery_kwh)
            wish = log.energy_kwh * drivers.energy_scale
            _check_energies(log, room)
            long, big = log.stay_h > drivers.stay_max_h, wish > room
            if long.any():
                notes.append(
                    f"{log.source}: {long.sum()} of {long.size} sessions stay longer than stay_max_h and leave after "
                    f"{drivers.stay_max_h:g} h"
                )
            if big.any():
                notes.append(
                    f"{log.source}: {big.sum()} of {big.size} sessions want more than fits into the battery "
                    f"(at most {room[big].max():g} kWh) and ask for what fits"
                )
            capped.append(
                dataclasses.replace(
                    log, stay_h=np.minimum(log.stay_h, drivers.stay_max_h), energy_kwh=np.minimum(wish, room)
                )
            )
        fits = _fits(capped, drivers.copula) if drivers.source == "fitted" else ()
        return cls(tuple(capped), drivers, vehicles, home_lots, tuple(notes), fits)

    def day(
        self, index: int, weekday: int, week: int, streams: Streams, elapsed: Elapsed = on_the_clock
    ) -> tuple[Session, ...]:
        """Return the arrivals of one day, in order of arrival.

        Parameters
        ----------
        index
            Day of the run.
        weekday
            Its weekday, Monday is 0.
        week
            Calendar weeks since the run's first day (a new one starts on Monday).
        streams
            The run's random streams; ``sessions``, ``vehicles`` and ``patience`` are used.
        elapsed
            Returns the hours that pass from the day's midnight until times on the clock.
        """
        if self.drivers.source == "fitted":
            return self._fitted(index, weekday, streams, elapsed)
        if self.drivers.source == "replay":
            picked = [np.flatnonzero(log.day == _day_of(log, weekday, week)) for log in self.logs]
        else:
            picked = self._resampled(weekday, streams.generator("sessions", index))
        column = {
            name: np.concatenate([getattr(log, name)[rows] for log, rows in zip(self.logs, picked, strict=True)])
            for name in ("arrival_h", "stay_h", "energy_kwh", "battery_kwh", "vehicle_kw")
        }
        again = {
            name: np.concatenate([getattr(log, name)[rows] for log, rows in zip(self.logs, picked, strict=True)])
            for name in ("arrival_again", "departure_again")
        }
        arrival = elapsed(column["arrival_h"], again["arrival_again"])
        departure = elapsed(column["arrival_h"] + column["stay_h"], again["departure_again"])
        sites = [log.site[row] for log, rows in zip(self.logs, picked, strict=True) for row in rows]
        homes = [self.home_lots.get(site, -1) for site in sites]
        return self._sessions(index, arrival, departure, column, homes, streams)

    def _fitted(self, index: int, weekday: int, streams: Streams, elapsed: Elapsed) -> tuple[Session, ...]:
        """Draw sessions from the distributions that were fitted to those of the weekday in all logs."""
        rng = streams.generator("sessions", index)
        count = int(rng.poisson(self._mean(weekday)))
        arrival, stay, energy = self.fits[weekday].sample(rng, count)
        largest = float(self.vehicles["battery_kwh"][-1]) * (1.0 - self.drivers.vehicles.arrival_share_min)
        stay, once = np.minimum(stay, self.drivers.stay_max_h), np.zeros(count, dtype=bool)
        unknown = np.full(count, np.nan)
        column = {"energy_kwh": np.minimum(energy, largest), "battery_kwh": unknown, "vehicle_kw": unknown}
        leaving = elapsed(arrival + stay, once)
        return self._sessions(index, elapsed(arrival, once), leaving, column, [-1] * count, streams)

    def _mean(self, weekday: int) -> float:
        """Return the mean number of sessions of a weekday: as recorded, or so that the week's mean is as wanted."""
        recorded, average = (
            sum(
                np.sum((log.first.weekday() + log.day) % WEEK == day) / _count(log, day)
                for log in self.logs
                for day in days
            )
            for days in ((weekday,), range(WEEK))
        )
        target = self.drivers.sessions_per_day
        return float(recorded if target is None else recorded * target / (average / WEEK))

    def _sessions(
        self,
        index: int,
        arrival: FloatArray,
        departure: FloatArray,
        column: dict[str, FloatArray],
        homes: list[int],
        streams: Streams,
    ) -> tuple[Session, ...]:
        """Give each session a vehicle and patience, in order of arrival."""
        battery, at_arrival, power = self._vehicles(column, streams.generator("vehicles", index))
        patience = self.drivers.patience
        tries = streams.generator("patience", index).integers(patience.lots_min, patience.lots_max + 1, len(homes))
        order = np.argsort(arrival, kind="stable")
        return tuple(
            Session(
                name=f"{index}-{number}",
                arrival_h=float(arrival[row]),
                departure_h=float(max(departure[row], arrival[row])),
                energy_kwh=float(column["energy_kwh"][row]),
                battery_kwh=float(battery[row]),
                arrival_energy_kwh=float(at_arrival[row]),
                power_kw=float(power[row]),
                patience=int(tries[row]),
                home_lot=homes[row],
            )
            for number, row in enumerate(order)
        )

    def _resampled(self, weekday: int, rng: np.random.Generator) -> list[IntArray]:
        """Draw a Poisson number of whole sessions of that weekday, with replacement, from all logs together."""
        pools = [np.flatnonzero((log.first.weekday() + log.day) % WEEK == weekday) for log in self.logs]
        weights = np.array([pool.size / _count(log, weekday) for log, pool in zip(self.logs, pools, strict=True)])
        if not weights.sum() > 0:
            return pools
        shares = rng.multinomial(rng.poisson(self._mean(weekday)), weights / weights.sum())
        return [rng.choice(pool, share) if share else pool[:0] for pool, share in zip(pools, shares, strict=True)]

    def _vehicles(
        self, column: dict[str, FloatArray], rng: np.random.Generator
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Draw battery (kWh), energy at arrival (kWh) and power limit (kW) that suit each session's energy.

        A model is drawn by its registrations among those whose battery, above ``arrival_share_min``, holds the energy;
        the energy at arrival is uniform between that share and ``arrival_share_max``, less where the wish needs room.
        """
        settings = self.drivers.vehicles
        wish, drawn = column["energy_kwh"], rng.random((2, column["energy_kwh"].size))
        sizes = self.vehicles["battery_kwh"]
        usable = sizes * (1.0 - settings.arrival_share_min)
        edges = np.concatenate([[0.0], np.cumsum(self.vehicles["registrations"])])
        low = edges[np.minimum(np.searchsorted(usable, wish - 1e-9), sizes.size - 1)]
        model = np.searchsorted(edges, low + drawn[0] * (edges[-1] - low), side="right") - 1
        model = np.minimum(model, sizes.size - 1)
        known = ~np.isnan(column["battery_kwh"])
        battery = np.where(known, column["battery_kwh"], sizes[model])
        power = self.vehicles[f"{settings.charging}_kw"][model]
        power = np.where(np.isnan(column["vehicle_kw"]), power, column["vehicle_kw"])
        room = np.maximum(battery - wish, 0.0)
        lowest = np.minimum(settings.arrival_share_min * battery, room)
        highest = np.maximum(np.minimum(settings.arrival_share_max * battery, room), lowest)
        return battery, lowest + drawn[1] * (highest - lowest), power


def _fits(logs: Sequence[SessionLog], copula: str) -> tuple[FittedSessions, ...]:
    """Fit the sessions of each weekday in all logs together."""
    sources, found = ", ".join(log.source for log in logs), []
    for weekday in range(WEEK):
        rows = [(log.first.weekday() + log.day) % WEEK == weekday for log in logs]
        arrival, stay, energy = (
            np.concatenate([getattr(log, name)[row] for log, row in zip(logs, rows, strict=True)])
            for name in ("arrival_h", "stay_h", "energy_kwh")
        )
        found.append(FittedSessions.fit(arrival, stay, energy, sources, copula=copula))
    return tuple(found)


def _check_energies(log: SessionLog, room: FloatArray) -> None:
    """Refuse a log most of whose sessions want more than fits into a battery: its energies are no kWh."""
    if 2 * np.count_nonzero(log.energy_kwh > room) > log.energy_kwh.size:
        middle = float(np.median(log.energy_kwh))
        expected = (
            f"kWh of which most fit into a battery ({room.max():g} kWh at most); {middle:g} Wh would be "
            f"{middle / 1000.0:g} kWh"
        )
        raise InputError(log.source, "column energy_kwh", f"{middle:g} in the middle", expected)


def _count(log: SessionLog, weekday: int) -> int:
    """Return how many dates of the log fall on a weekday."""
    return len(range((weekday - log.first.weekday()) % WEEK, log.days, WEEK))


def _day_of(log: SessionLog, weekday: int, week: int) -> int:
    """Return the day of the log that is replayed: the same weekday, week after week, then from the start again."""
    first = (weekday - log.first.weekday()) % WEEK
    return first + WEEK * (week % _count(log, weekday))
