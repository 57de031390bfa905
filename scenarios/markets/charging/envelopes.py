"""Lot envelopes that need no agents: the papers' vehicle counts, and a typical day made from sessions."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from equilibrium.arrays import FloatArray
from equilibrium.errors import InputError
from equilibrium.fleet.day import Fleet, LotDay
from equilibrium.fleet.envelope import lot_day, plugged_share
from scenarios.files import Table
from scenarios.markets.charging.day import Session
from scenarios.markets.charging.schema import CountDrivers, LotSection
from scenarios.readers.prices import HOURS


def read_counts(path: Path, drivers: CountDrivers, lots: tuple[LotSection, ...]) -> tuple[LotDay, ...]:
    """Make lot days from counts of vehicles per hour, as docs/epec_lots.md does.

    The file has the columns ``lot`` (name of the lot), ``hour`` (1 .. 24), ``plugged``, ``arrivals`` and
    ``departures``, 24 rows for each lot. With n_t, a_t and d_t for the three counts: Cin = arrival energy * a_t,
    Cout = departure energy * d_t, Cend = departure energy * n_24, the band is ``energy_min_kwh`` .. ``battery_kwh``
    times n_t, and the power limit is ``charger_kw`` times n_t.

    Raises
    ------
    InputError
        A lot without its 24 rows or an unknown lot, more vehicles than places, counts that do not add up.
    """
    table = Table.read(path, ("lot", "hour", "plugged", "arrivals", "departures"), ())
    names = table.text("lot")
    known = {lot.name for lot in lots}
    for row, name in enumerate(names):
        if name not in known:
            raise table.error(row, "lot", name, f"a lot of the scenario ({', '.join(sorted(known))})")
    hours = table.numbers("hour", minimum=1, maximum=HOURS)
    counts = {name: table.numbers(name, minimum=0.0) for name in ("plugged", "arrivals", "departures")}
    days = []
    for lot in lots:
        rows = [row for row, name in enumerate(names) if name == lot.name]
        if not np.array_equal(hours[rows], np.arange(1, HOURS + 1)):
            raise InputError(table.source, f"lot {lot.name}", f"{len(rows)} rows", "the hours 1, 2, .. 24 in order")
        plugged, arrivals, departures = (counts[name][rows] for name in ("plugged", "arrivals", "departures"))
        before = 0.0
        for k, row in enumerate(rows):
            before += arrivals[k] - departures[k]
            if not 0 <= before == plugged[k] <= lot.places:
                expected = f"vehicles before + arrivals - departures = {before:g}, at most {lot.places} places"
                raise table.error(row, "plugged", table.columns["plugged"][row], expected)
        days.append(
            LotDay(
                charging_price=np.full(HOURS, lot.charging_price_per_kwh),
                energy_in_kwh=drivers.arrival_energy_kwh * arrivals,
                energy_out_kwh=drivers.departure_energy_kwh * departures,
                energy_end_kwh=float(drivers.departure_energy_kwh * plugged[-1]),
                soe_min_kwh=drivers.energy_min_kwh * plugged,
                soe_max_kwh=drivers.battery_kwh * plugged,
                power_max_kw=lot.charger_kw * plugged,
            )
        )
    return tuple(days)


def typical_lots(sessions: tuple[Session, ...], lots: tuple[LotSection, ...]) -> tuple[LotDay, ...]:
    """Spread one day's sessions over the lots by their places and return the envelopes (without fleets).

    Each session goes to the lot with the largest share of free places at its arrival; when all are full it is left out.
    """
    inside: list[list[Session]] = [[] for _ in lots]
    for session in sessions:
        free = [
            1.0 - sum(other.departure_h > session.arrival_h for other in parked) / lot.places
            for lot, parked in zip(lots, inside, strict=True)
        ]
        if free and max(free) > 0:
            inside[free.index(max(free))].append(session)
    days = []
    for lot, parked in zip(lots, inside, strict=True):
        day = lot_day(_fleet(parked, lot), np.full(HOURS, lot.charging_price_per_kwh), lot.efficiency)
        days.append(dataclasses.replace(day, fleet=None))
    return tuple(days)


def _fleet(parked: list[Session], lot: LotSection) -> Fleet:
    def column(name: str) -> FloatArray:
        return np.array([getattr(session, name) for session in parked], dtype=np.float64)

    arrival, departure = column("arrival_h"), column("departure_h")
    power = np.minimum(column("power_kw"), lot.charger_kw)[:, None] * plugged_share(arrival, departure, HOURS)
    return Fleet(
        power_kw=power,
        energy_kwh=column("arrival_energy_kwh"),
        need_kwh=np.minimum(column("energy_kwh"), lot.efficiency * power.sum(axis=1)),
        battery_kwh=column("battery_kwh"),
        arrival_hour=arrival.astype(np.int64),
        departure_hour=np.minimum(departure, HOURS).astype(np.int64),
    )
