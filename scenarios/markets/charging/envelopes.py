"""Lot envelopes that need no agents: the papers' vehicle counts, and a typical day made from sessions."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from equilibrium.arrays import FloatArray
from equilibrium.errors import InputError
from equilibrium.fleet.day import Fleet, LotDay
from equilibrium.fleet.envelope import lot_day, period_at, plugged_share
from scenarios.files import Table
from scenarios.markets.charging.driver_schema import CountDrivers
from scenarios.markets.charging.residents import typical_residents
from scenarios.markets.charging.schema import LotSection
from scenarios.session import Session
from scenarios.time_axis import DAY_H, TimeAxis


@dataclass(frozen=True, eq=False)
class Counts:
    """Vehicles of one lot by hour of the clock, as papers give them.

    Attributes
    ----------
    plugged
        Vehicles in the lot at the end of each hour, shape ``(24,)``.
    arrivals, departures
        Vehicles that come and go in each hour, shape ``(24,)``.
    """

    plugged: FloatArray
    arrivals: FloatArray
    departures: FloatArray


def read_counts(path: Path, lots: tuple[LotSection, ...]) -> tuple[Counts, ...]:
    """Read counts of vehicles per hour.

    The file has the columns ``lot`` (name of the lot), ``hour`` (1 .. 24), ``plugged``, ``arrivals`` and
    ``departures``, 24 rows for each lot.

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
    hours = table.numbers("hour", minimum=1, maximum=DAY_H)
    counts = {name: table.numbers(name, minimum=0.0) for name in ("plugged", "arrivals", "departures")}
    found = []
    for lot in lots:
        rows = [row for row, name in enumerate(names) if name == lot.name]
        if not np.array_equal(hours[rows], np.arange(1, DAY_H + 1)):
            raise InputError(table.source, f"lot {lot.name}", f"{len(rows)} rows", "the hours 1, 2, .. 24 in order")
        of_lot = Counts(*(counts[name][rows] for name in ("plugged", "arrivals", "departures")))
        before = 0.0
        for k, row in enumerate(rows):
            before += of_lot.arrivals[k] - of_lot.departures[k]
            if not 0 <= before == of_lot.plugged[k] <= lot.places:
                expected = f"vehicles before + arrivals - departures = {before:g}, at most {lot.places} places"
                raise table.error(row, "plugged", table.columns["plugged"][row], expected)
        found.append(of_lot)
    return tuple(found)


def counted_lots(
    counts: tuple[Counts, ...], drivers: CountDrivers, lots: tuple[LotSection, ...], axis: TimeAxis
) -> tuple[LotDay, ...]:
    """Make lot days from counts, as docs/epec_lots.md does.

    With n_t, a_t and d_t for the three counts of an hour: Cin = arrival energy * a_t, Cout = departure energy * d_t,
    Cend = departure energy * n_24, the band is ``energy_min_kwh`` .. ``battery_kwh`` times n_t, and the power limit is
    ``charger_kw`` times n_t. Of an hour's several periods the first has its arrivals and the last its departures, and
    the band in between is that of all who are there. Who would come or go in an hour that the clock skips does so in
    the period after it.
    """
    hour = np.arange(DAY_H)
    moment = period_at(axis.elapsed_h(hour.astype(np.float64)), axis.length_h)
    last = np.array([np.flatnonzero(axis.clock_hour == h).max(initial=moment[h]) for h in hour])
    days = []
    for lot, count in zip(lots, counts, strict=True):
        arrivals = np.bincount(moment, count.arrivals, axis.size).astype(np.float64)
        departures = np.bincount(last, count.departures, axis.size).astype(np.float64)
        there = np.cumsum(arrivals - departures)
        days.append(
            LotDay(
                charging_price=np.full(axis.size, lot.charging_price_per_kwh),
                energy_in_kwh=drivers.arrival_energy_kwh * arrivals,
                energy_out_kwh=drivers.departure_energy_kwh * departures,
                energy_end_kwh=float(drivers.departure_energy_kwh * count.plugged[-1]),
                soe_min_kwh=drivers.energy_min_kwh * there,
                soe_max_kwh=drivers.battery_kwh * there,
                power_max_kw=lot.charger_kw * count.plugged[axis.clock_hour],
            )
        )
    return tuple(days)


def typical_lots(
    sessions: tuple[Session, ...], lots: tuple[LotSection, ...], length_h: FloatArray
) -> tuple[LotDay, ...]:
    """Spread one day's sessions over the lots by their places and return the envelopes (without fleets).

    Each session goes to the lot with the largest share of free places at its arrival; when all are full it is left out.
    Residents are at home.
    """
    inside: list[list[Session]] = [list(typical_residents(lot)) for lot in lots]
    for session in sessions:
        free = [
            0.0
            if lot.residents is not None
            else 1.0 - sum(other.departure_h > session.arrival_h for other in parked) / lot.places
            for lot, parked in zip(lots, inside, strict=True)
        ]
        if free and max(free) > 0:
            inside[free.index(max(free))].append(session)
    days = []
    for lot, parked in zip(lots, inside, strict=True):
        price = np.full(length_h.size, lot.charging_price_per_kwh)
        day = lot_day(_fleet(parked, lot, length_h), price, lot.efficiency)
        days.append(dataclasses.replace(day, fleet=None))
    return tuple(days)


def _fleet(parked: list[Session], lot: LotSection, length_h: FloatArray) -> Fleet:
    def column(name: str) -> FloatArray:
        return np.array([getattr(session, name) for session in parked], dtype=np.float64)

    arrival, departure = column("arrival_h"), column("departure_h")
    power = np.minimum(column("power_kw"), lot.charger_kw)[:, None] * plugged_share(arrival, departure, length_h)
    return Fleet(
        power_kw=power,
        energy_kwh=column("arrival_energy_kwh"),
        need_kwh=np.minimum(column("energy_kwh"), lot.efficiency * (power * length_h).sum(axis=1)),
        battery_kwh=column("battery_kwh"),
        arrival_hour=period_at(arrival, length_h),
        departure_hour=period_at(departure, length_h),
        period_h=length_h,
    )
