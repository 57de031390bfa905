"""What the agents write down: one record for each session that ended, each lot and the operator."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from equilibrium.network import FloatArray, IntArray


class Outcome(StrEnum):
    """How a wish to charge ended.

    ``served``: the driver left with all the energy that was asked for. ``unreachable``: the stay was too short for
    the wish at that charger, and the driver left with all that could be reached. ``shortage``: the market gave
    less than could be reached. ``full``: every lot that was tried was full, the driver was turned away.
    """

    SERVED = "served"
    UNREACHABLE = "unreachable"
    SHORTAGE = "shortage"
    FULL = "full"


@dataclass(frozen=True, slots=True)
class SessionRecord:
    """One wish to charge that has ended.

    Attributes
    ----------
    name
        Identifier of the session.
    arrival_day
        Day of the run on which the driver arrived.
    lot
        Name of the lot, or ``""`` for a driver who was turned away.
    home_lot
        Index of the lot where the session was recorded, or -1.
    arrival_h, departure_h
        Hours since the start of the run.
    tries
        Number of lots tried, the last one included.
    battery_kwh, arrival_energy_kwh
        Battery size and the energy in it at arrival, kWh.
    asked_kwh
        Energy that the driver wanted to be added to the battery, kWh.
    unreachable_kwh
        Part of it that the stay and the charger could not give, kWh; 0 for a driver who was turned away.
    got_kwh
        Energy added to the battery, kWh.
    drawn_kwh
        Energy drawn from the lot for it, kWh: ``got_kwh / efficiency``.
    paid
        What the driver paid, currency.
    outcome
        How it ended.
    """

    name: str
    arrival_day: int
    lot: str
    home_lot: int
    arrival_h: float
    departure_h: float
    tries: int
    battery_kwh: float
    arrival_energy_kwh: float
    asked_kwh: float
    unreachable_kwh: float
    got_kwh: float
    drawn_kwh: float
    paid: float
    outcome: Outcome


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
    reputation
        What drivers think of the lot after today, from 0 (never served) to 1 (always served in full).
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
    reputation: float

    @property
    def profit(self) -> float:
        """Revenue minus payment, currency: what a lot learns from."""
        return self.revenue - self.payment


@dataclass(frozen=True, eq=False)
class OperatorRecord:
    """What the distribution system operator has seen of its network since the start of the run.

    Attributes
    ----------
    days
        Number of days seen.
    lowest_voltage_pu
        Lowest voltage seen at each bus, per unit, shape ``(buses,)``.
    voltage_hours, congestion_hours
        Hours in which the voltage of the bus, or the flow of the branch that feeds it, stood at a limit,
        shape ``(buses,)``.
    expected_dlmp
        Mean price seen at each bus, currency/kWh, shape ``(buses,)``: the operator's belief about tomorrow.
    """

    days: int
    lowest_voltage_pu: FloatArray
    voltage_hours: IntArray
    congestion_hours: IntArray
    expected_dlmp: FloatArray
