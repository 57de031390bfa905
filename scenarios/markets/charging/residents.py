"""Who comes home: the sessions of the homes behind one connection, drawn day by day."""

from __future__ import annotations

import math

import numpy as np

from scenarios.markets.charging.schema import LotSection, ResidentsSection
from scenarios.session import Session
from scenarios.streams import Streams
from scenarios.time_axis import DAY_H

_EARLIEST_RETURN_H = 12.0
_LATEST_LEAVING_H = 12.0
"""Hours on the clock between which nobody is at home, so that a vehicle has left before it comes back."""


def resident_sessions(lots: tuple[LotSection, ...], index: int, streams: Streams) -> tuple[tuple[Session, ...], ...]:
    """Return who comes home on a day at each lot, in order of arrival.

    Each vehicle comes once: its return and its leaving on the next morning are normal, kept between noon and noon, and
    the energy of its day's driving is lognormal, at most what the battery holds. Times are hours passed since midnight.

    Parameters
    ----------
    lots
        All lots; those without residents get nobody.
    index
        Day of the run.
    streams
        The run's random streams; ``residents-<lot>`` is used.
    """
    if all(lot.residents is None for lot in lots):
        return ()
    return tuple(
        ()
        if lot.residents is None
        else _of_one(lot, lot.residents, index, streams.generator(f"residents-{lot.name}", index))
        for lot in lots
    )


def typical_residents(lot: LotSection) -> tuple[Session, ...]:
    """Return the vehicles of one lot that all behave as expected."""
    homes = lot.residents
    if homes is None:
        return ()
    arrival, departure = homes.return_mean_h, DAY_H + homes.leave_mean_h
    energy = min(homes.energy_median_kwh * math.exp(0.5 * homes.energy_sigma**2), homes.battery_kwh)
    return tuple(_session(lot, homes, f"{k}", arrival, departure, energy) for k in range(homes.vehicles))


def _of_one(lot: LotSection, homes: ResidentsSection, index: int, rng: np.random.Generator) -> tuple[Session, ...]:
    """Draw the sessions of one group of homes."""
    home, leave, drive = rng.standard_normal((3, homes.vehicles))
    arrival = np.clip(homes.return_mean_h + homes.return_sigma_h * home, _EARLIEST_RETURN_H, DAY_H - 1e-3)
    leaving = DAY_H + np.clip(homes.leave_mean_h + homes.leave_sigma_h * leave, 0.0, _LATEST_LEAVING_H)
    energy = np.minimum(homes.energy_median_kwh * np.exp(homes.energy_sigma * drive), homes.battery_kwh)
    order = np.argsort(arrival, kind="stable").tolist()
    return tuple(
        _session(lot, homes, f"{index}-{lot.name}-{k}", float(arrival[k]), float(leaving[k]), float(energy[k]))
        for k in order
    )


def _session(
    lot: LotSection, homes: ResidentsSection, name: str, arrival: float, departure: float, energy: float
) -> Session:
    return Session(
        name=name,
        arrival_h=arrival,
        departure_h=departure,
        energy_kwh=energy,
        battery_kwh=homes.battery_kwh,
        arrival_energy_kwh=homes.battery_kwh - energy,
        power_kw=lot.charger_kw,
        patience=1,
        home_lot=-1,
    )
