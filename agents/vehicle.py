"""A vehicle in the system, with the one ledger of its energy, and what a fleet of them can and must draw today."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from agents.records import Outcome, SessionRecord
from equilibrium.fleet.day import Fleet
from equilibrium.fleet.envelope import period_at, plugged_share
from equilibrium.lengths import Periods, period_lengths
from scenarios.session import Session

ENERGY_TOLERANCE_KWH = 1e-3
"""Energy below which a wish counts as fulfilled, kWh: one watt-hour, the last digit of a charging meter."""

_ROUNDING_KWH = 1e-5
"""What the split of a lot's cleared power may be off by in one vehicle and day, kWh."""


@dataclass(slots=True)
class Vehicle:
    """A vehicle from the moment it is let into a lot until it leaves.

    Its energy changes in one place only, :meth:`charge`, and is never set: it is the energy at arrival plus what has
    been stored and less what has been given since, so it cannot jump at midnight or anywhere else.

    Attributes
    ----------
    session
        The wish that brought it here, as the scenario stated it.
    lot
        Name of the lot.
    arrival_day
        Day of the run on which it arrived.
    arrival_h, departure_h
        Hours since the start of the run.
    power_kw
        Highest charging power here, kW (grid side): the smaller one of the charger's and the vehicle's limit.
    efficiency
        kWh stored per kWh drawn at this lot.
    tries
        Lots that the driver tried, this one included.
    ledger
        One entry for each day settled so far: kWh drawn, and currency/kWh paid for it.
    discharge_efficiency
        kWh given to the grid per kWh taken from the battery.
    fed
        One entry for each day settled so far: kWh given to the grid, and currency/kWh received for it.
    alike
        How many identical vehicles this one stands for; energies and money are those of one of them.
    """

    session: Session
    lot: str
    arrival_day: int
    arrival_h: float
    departure_h: float
    power_kw: float
    efficiency: float
    tries: int = 1
    ledger: list[tuple[float, float]] = field(default_factory=list)
    discharge_efficiency: float = 1.0
    fed: list[tuple[float, float]] = field(default_factory=list)
    alike: float = 1.0

    @property
    def drawn_kwh(self) -> float:
        """Energy drawn from the lot so far, kWh."""
        return sum(drawn for drawn, _ in self.ledger)

    @property
    def given_kwh(self) -> float:
        """Energy given to the grid so far, kWh."""
        return sum(given for given, _ in self.fed)

    @property
    def stored_kwh(self) -> float:
        """Net energy added to the battery so far, kWh: ``efficiency * drawn - given / discharge_efficiency``."""
        return self.efficiency * self.drawn_kwh - self.given_kwh / self.discharge_efficiency

    @property
    def energy_kwh(self) -> float:
        """Energy in the battery now, kWh."""
        return self.session.arrival_energy_kwh + self.stored_kwh

    @property
    def reachable_kwh(self) -> float:
        """The part of the wish that the stay can give at this charger, kWh in the battery."""
        stay = self.efficiency * self.power_kw * (self.departure_h - self.arrival_h)
        return min(self.session.energy_kwh, stay)

    @property
    def unreachable_kwh(self) -> float:
        """The part of the wish that the stay cannot give at this charger, kWh in the battery."""
        return self.session.energy_kwh - self.reachable_kwh

    def charge(self, drawn_kwh: float, price: float, given_kwh: float = 0.0, reward: float = 0.0) -> None:
        """Draw a day's energy from the lot and store it; with vehicle-to-grid, give some of it back.

        Parameters
        ----------
        drawn_kwh
            Energy drawn, kWh (grid side).
        price
            What the driver pays for it, currency/kWh.
        given_kwh
            Energy given to the grid, kWh (grid side).
        reward
            What the driver receives for it, currency/kWh.

        Raises
        ------
        ValueError
            When an energy is negative or the battery cannot hold or give it: the market broke a limit that it was
            given.
        """
        after = self.energy_kwh + self.efficiency * drawn_kwh - given_kwh / self.discharge_efficiency
        fits = -_ROUNDING_KWH <= after <= self.session.battery_kwh + _ROUNDING_KWH
        if min(drawn_kwh, given_kwh) < -_ROUNDING_KWH or not fits:
            raise ValueError(
                f"session {self.session.name}: cannot draw {drawn_kwh} kWh and give {given_kwh} kWh with"
                f" {self.energy_kwh} of {self.session.battery_kwh} kWh in the battery"
            )
        self.ledger.append((drawn_kwh, price))
        if given_kwh:
            self.fed.append((given_kwh, reward))

    def record(self) -> SessionRecord:
        """Return the record of the session, once the vehicle has left."""
        session = self.session
        if self.stored_kwh < self.reachable_kwh - ENERGY_TOLERANCE_KWH:
            outcome = Outcome.SHORTAGE
        elif self.unreachable_kwh > ENERGY_TOLERANCE_KWH:
            outcome = Outcome.UNREACHABLE
        else:
            outcome = Outcome.SERVED
        return SessionRecord(
            name=session.name,
            arrival_day=self.arrival_day,
            lot=self.lot,
            home_lot=session.home_lot,
            arrival_h=self.arrival_h,
            departure_h=self.departure_h,
            tries=self.tries,
            battery_kwh=session.battery_kwh,
            arrival_energy_kwh=session.arrival_energy_kwh,
            asked_kwh=session.energy_kwh,
            unreachable_kwh=self.unreachable_kwh,
            got_kwh=self.stored_kwh,
            drawn_kwh=self.drawn_kwh,
            paid=sum(drawn * price for drawn, price in self.ledger),
            outcome=outcome,
            given_kwh=self.given_kwh,
            received=sum(given * reward for given, reward in self.fed),
            alike=self.alike,
        )


def fleet_of(vehicles: Sequence[Vehicle], start_h: float, periods: Periods, efficiency: float) -> Fleet:
    """Return the day's fleet: what each vehicle of a lot can draw in every period, and what it must be given.

    A vehicle that leaves today is owed all that remains of its reachable wish. One that stays past midnight is owed the
    share that today's plug-in capability has in the capability of the remaining stay: with ``R`` still owed, ``C`` the
    capability of the remaining stay and ``T`` that of today, ``R T / C``. Then ``R <= C`` today gives
    ``R - R T / C <= C - T`` tomorrow, so what is left stays reachable. No need exceeds today's capability, which
    makes it reachable in floating point too. Should the market have given less than was due, what can no longer be
    reached is dropped here and shows as a shortage when the session ends.

    Parameters
    ----------
    vehicles
        The vehicles that are in the lot at some moment of the day.
    start_h
        Midnight at which the day begins, hours since the start of the run.
    periods
        Of the day.
    efficiency
        kWh stored per kWh drawn.
    """
    columns = [(v.arrival_h, v.departure_h, v.power_kw, v.reachable_kwh - v.stored_kwh) for v in vehicles]
    arrival, departure, power, left = np.array(columns, dtype=np.float64).reshape(-1, 4).T
    arrival, departure = np.maximum(arrival - start_h, 0.0), departure - start_h
    length_h = period_lengths(periods)
    power_kw = power[:, None] * plugged_share(arrival, departure, length_h)
    today = efficiency * (power_kw * length_h).sum(axis=1)
    stay = efficiency * power * (departure - arrival)
    owed = np.clip(left, 0.0, stay)
    stays = departure > length_h.sum()
    share = np.ones_like(today)
    share[stays] = today[stays] / stay[stays]
    return Fleet(
        power_kw=power_kw,
        energy_kwh=np.array([v.energy_kwh for v in vehicles], dtype=np.float64),
        need_kwh=np.minimum(owed * share, today),
        battery_kwh=np.array([v.session.battery_kwh for v in vehicles], dtype=np.float64),
        arrival_hour=period_at(arrival, length_h),
        departure_hour=period_at(departure, length_h),
        period_h=length_h,
    )
