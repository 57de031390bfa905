"""A vehicle in the system, with the one ledger of its energy."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from agents.records import Outcome, SessionRecord
from equilibrium.network import FloatArray
from scenarios.day import Session

ENERGY_TOLERANCE_KWH = 1e-3
"""Energy below which a wish counts as fulfilled, kWh: one watt-hour, the last digit of a charging meter."""

_ROUNDING_KWH = 1e-5
"""What a split of the cleared power may be off by, summed over a day, kWh."""


@dataclass(slots=True)
class Vehicle:
    """A vehicle from the moment it is let into a lot until it leaves.

    Its energy changes in one place only, :meth:`charge`, and is never set: it is the energy at arrival plus what has
    been stored since, so it cannot jump at midnight or anywhere else.

    Attributes
    ----------
    session
        The wish that brought it here, as the scenario stated it.
    lot
        Name of the lot.
    arrival_h, departure_h
        Hours since the start of the run.
    power_kw
        Highest charging power here, kW (grid side): the smaller one of the charger's and the vehicle's limit.
    efficiency
        kWh stored per kWh drawn at this lot.
    tries
        Lots that the driver tried, this one included.
    ledger
        One entry for each day settled so far: ``(kWh drawn, currency/kWh paid for it)``.
    """

    session: Session
    lot: str
    arrival_h: float
    departure_h: float
    power_kw: float
    efficiency: float
    tries: int = 1
    ledger: list[tuple[float, float]] = field(default_factory=list)

    @property
    def drawn_kwh(self) -> float:
        """Energy drawn from the lot so far, kWh."""
        return sum(drawn for drawn, _ in self.ledger)

    @property
    def stored_kwh(self) -> float:
        """Energy added to the battery so far, kWh: ``efficiency * drawn_kwh``."""
        return self.efficiency * self.drawn_kwh

    @property
    def energy_kwh(self) -> float:
        """Energy in the battery now, kWh."""
        return self.session.arrival_energy_kwh + self.stored_kwh

    @property
    def reachable_kwh(self) -> float:
        """The part of the wish that the stay can give at this charger, kWh in the battery."""
        return min(self.session.energy_kwh, self.capability_kwh(self.arrival_h))

    @property
    def unreachable_kwh(self) -> float:
        """The part of the wish that the stay cannot give at this charger, kWh in the battery."""
        return self.session.energy_kwh - self.reachable_kwh

    def capability_kwh(self, since_h: float) -> float:
        """Return the most that can still be stored from ``since_h`` until the departure, kWh, battery full or not."""
        plugged_h = max(self.departure_h - max(self.arrival_h, since_h), 0.0)
        return self.efficiency * self.power_kw * plugged_h

    def power_limit(self, start_h: float, hours: int) -> FloatArray:
        """Return the highest mean power in each hour of a day, kW, shape ``(hours,)``.

        Parameters
        ----------
        start_h
            Midnight of that day, hours since the start of the run.
        hours
            Number of hours of the day.
        """
        hour = start_h + np.arange(hours)
        share = np.minimum(self.departure_h, hour + 1.0) - np.maximum(self.arrival_h, hour)
        return self.power_kw * np.clip(share, 0.0, 1.0)

    def need_today(self, start_h: float, limit_kw: FloatArray) -> float:
        """Return the energy to add to the battery until midnight, or until the departure if that comes first, kWh.

        A vehicle that leaves today is owed all that remains of its reachable wish. One that stays past midnight is owed
        the share that today's plug-in capability has in the capability of the remaining stay: with ``R`` still owed,
        ``C`` the capability of the remaining stay and ``T`` that of today, ``R T / C``. Then ``R <= C`` today gives
        ``R - R T / C <= C - T`` tomorrow, so what is left stays reachable. The need never exceeds today's capability,
        which makes it reachable in floating point too; should the market have given less than was due, what can no
        longer be reached is dropped here and shows as a shortage when the session ends.

        Parameters
        ----------
        start_h
            Midnight at which the day begins, hours since the start of the run.
        limit_kw
            :meth:`power_limit` of the day.
        """
        today = self.efficiency * float(limit_kw.sum())
        stay = self.capability_kwh(start_h)
        owed = max(min(self.reachable_kwh - self.stored_kwh, stay), 0.0)
        leaves = self.departure_h <= start_h + limit_kw.size
        return min(owed if leaves else owed * today / stay, today)

    def charge(self, drawn_kwh: float, price: float) -> None:
        """Draw energy from the lot and store it, once for each day.

        Raises
        ------
        ValueError
            When the energy is negative or does not fit into the battery: the market broke a limit it was given.
        """
        after = self.energy_kwh + self.efficiency * drawn_kwh
        if drawn_kwh < -_ROUNDING_KWH or after > self.session.battery_kwh + _ROUNDING_KWH:
            raise ValueError(
                f"session {self.session.name}: cannot draw {drawn_kwh} kWh with {self.energy_kwh} of"
                f" {self.session.battery_kwh} kWh in the battery"
            )
        self.ledger.append((drawn_kwh, price))

    def record(self, arrival_day: int) -> SessionRecord:
        """Return the record of the session; call it when the vehicle has left."""
        session = self.session
        if self.stored_kwh < self.reachable_kwh - ENERGY_TOLERANCE_KWH:
            outcome = Outcome.SHORTAGE
        elif self.unreachable_kwh > ENERGY_TOLERANCE_KWH:
            outcome = Outcome.UNREACHABLE
        else:
            outcome = Outcome.SERVED
        return SessionRecord(
            name=session.name,
            arrival_day=arrival_day,
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
        )
