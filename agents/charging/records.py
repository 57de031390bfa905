"""What the agents of the markets of charging lots write down: the lots, the drivers and the operator."""

from __future__ import annotations

from dataclasses import dataclass

from agents.records import SessionRecord
from equilibrium.arrays import FloatArray


@dataclass(frozen=True, slots=True)
class LotRecord:
    """One lot's day.

    Attributes
    ----------
    name
        Name of the lot.
    price
        Posted charging price, currency/kWh drawn; the mean over the hours where it varies.
    arrivals, refused, departures, parked
        Vehicles that came in, attempts that found the lot full, vehicles that left, and vehicles still there at
        midnight; all 0 where the lot's day is a fixed envelope.
    peak_occupancy
        Most places taken at one moment of the day.
    energy_kwh
        Energy drawn by the lot, kWh.
    revenue
        What the drivers pay for it, currency.
    payment
        What the lot pays for it, currency: the published prices of the nodal market times its power; 0 in the
        lots-lead market, where lots pay nothing for energy.
    network_charge
        What it pays the network's operator on top, currency.
    unreachable_kwh
        Sum of the wishes that today's arrivals cannot reach at this lot, kWh in the battery.
    unserved_kwh
        Energy (battery side) that was due today and not given, kWh; 0 unless shortages were priced.
    """

    name: str
    price: float
    arrivals: int
    refused: int
    departures: int
    parked: int
    peak_occupancy: int
    energy_kwh: float
    revenue: float
    payment: float
    network_charge: float
    unreachable_kwh: float
    unserved_kwh: float

    @property
    def profit(self) -> float:
        """Revenue minus payment and network charge, currency: what a lot learns from."""
        return self.revenue - self.payment - self.network_charge


@dataclass(frozen=True, eq=False)
class DriversRecord:
    """The drivers' day.

    Attributes
    ----------
    turned_away
        Those who found no place today, in order of arrival.
    stayed_away
        Those who preferred to stay away, in order of arrival.
    reputation
        What drivers think of each lot after today, from 0 (never served) to 1 (always served in full), shape
        ``(lots,)``.
    """

    turned_away: tuple[SessionRecord, ...]
    stayed_away: tuple[SessionRecord, ...]
    reputation: FloatArray


@dataclass(frozen=True, eq=False)
class OperatorRecord:
    """The distribution system operator's day.

    Attributes
    ----------
    charge
        What it charged for the network, currency/kWh drawn, shape ``(periods, buses)``; ``None`` for nothing.
    income
        What the lots paid of it, currency.
    """

    charge: FloatArray | None
    income: float
