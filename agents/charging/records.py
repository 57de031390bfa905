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
    unreachable_kwh: float
    unserved_kwh: float

    @property
    def profit(self) -> float:
        """Revenue minus payment, currency: what a lot learns from."""
        return self.revenue - self.payment


@dataclass(frozen=True, eq=False)
class DriversRecord:
    """The drivers' day.

    Attributes
    ----------
    turned_away
        Those who found no place today, in order of arrival.
    reputation
        What drivers think of each lot after today, from 0 (never served) to 1 (always served in full), shape
        ``(lots,)``.
    """

    turned_away: tuple[SessionRecord, ...]
    reputation: FloatArray


@dataclass(frozen=True, eq=False)
class OperatorRecord:
    """What the distribution system operator has seen of its network since the start of the run.

    Attributes
    ----------
    days, hours
        Number of days seen, and the hours that they lasted.
    lowest_voltage_pu
        Lowest voltage seen at each bus, per unit, shape ``(buses,)``.
    voltage_hours, congestion_hours
        Hours in which the voltage of the bus, or the flow of the branch that feeds it, stood at a limit,
        shape ``(buses,)``.
    expected_dlmp
        Mean price seen at each bus, currency/kWh, shape ``(buses,)``: the operator's belief about tomorrow.
    """

    days: int
    hours: float
    lowest_voltage_pu: FloatArray
    voltage_hours: FloatArray
    congestion_hours: FloatArray
    expected_dlmp: FloatArray
