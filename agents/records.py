"""What the agents write down: one record for each session that ended, each lot and the operator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from equilibrium.arrays import FloatArray, IntArray


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
        Net energy added to the battery, kWh.
    drawn_kwh
        Energy drawn from the lot for it, kWh: ``got_kwh / efficiency`` without vehicle-to-grid.
    paid
        What the driver paid, currency.
    outcome
        How it ended.
    given_kwh
        Energy given to the grid, kWh; 0 without vehicle-to-grid.
    received
        What the driver received for it, currency.
    alike
        How many identical sessions the record stands for; all other numbers are those of one of them.
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
    given_kwh: float = 0.0
    received: float = 0.0
    alike: float = 1.0

    @property
    def served_share(self) -> float:
        """Share of the asked energy that the driver left with; asking for none is being served."""
        return min(self.got_kwh / self.asked_kwh, 1.0) if self.asked_kwh > 0.0 else 1.0


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


@dataclass(frozen=True, eq=False)
class RetailRecord:
    """The demand-response retailer's day.

    Attributes
    ----------
    programs
        Names of the programs.
    chosen
        Index of the one that was offered.
    probability, propensity, forecast_profit
        Of each program in the morning, shape ``(programs,)``: the chance to be chosen, what the rule of choice
        compares, and the retailer's own forecast, currency.
    profit
        What the retailer earned, currency: customers' payments less the cost of the program and the energy at the
        company's marginal cost.
    estimate, standard_error
        Belief about the elasticity of every ordered pair of periods in the evening.
    """

    programs: tuple[str, ...]
    chosen: int
    probability: FloatArray
    propensity: FloatArray
    forecast_profit: FloatArray
    profit: float
    estimate: Mapping[tuple[str, str], float]
    standard_error: Mapping[tuple[str, str], float]


@dataclass(frozen=True, slots=True)
class OwnerRecord:
    """The lot owner's day.

    Attributes
    ----------
    margin
        What drivers pay above what the lot pays the company, currency/kWh.
    driver_share
        Share of the income from vehicle-to-grid that goes to the drivers.
    profit
        Of all lots together, currency.
    """

    margin: float
    driver_share: float
    profit: float


@dataclass(frozen=True, slots=True)
class PoolRecord:
    """One lot's drivers on one day.

    Attributes
    ----------
    lot
        Name of the lot.
    drivers
        Drivers who could come.
    probability
        Chance of each to come at today's terms.
    came
        Number of those who came.
    reputation
        What drivers think of the lot after today, 0 to 1.
    """

    lot: str
    drivers: int
    probability: float
    came: float
    reputation: float


@dataclass(frozen=True, eq=False)
class CompanyRecord:
    """What the distribution company has seen since the start of the run.

    Attributes
    ----------
    days
        Number of days seen.
    profit, planned_profit
        Sums of what was earned and of what was expected in the mornings, currency.
    expected_price
        Mean marginal cost seen at each bus, currency/kWh, shape ``(buses,)``.
    lowest_voltage_pu
        Lowest voltage seen at each bus, per unit, shape ``(buses,)``.
    """

    days: int
    profit: float
    planned_profit: float
    expected_price: FloatArray
    lowest_voltage_pu: FloatArray
