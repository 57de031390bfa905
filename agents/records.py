"""What agents of every market write down: one record for each session that ended."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """How a wish to charge ended.

    ``served``: the driver left with all the energy that was asked for. ``unreachable``: the stay was too short for
    the wish at that charger, and the driver left with all that could be reached. ``shortage``: the market gave
    less than could be reached. ``full``: every lot that was tried was full, the driver was turned away. ``away``: the
    driver liked no lot (that was not full) better than to stay away, or did not come at the day's terms.
    """

    SERVED = "served"
    UNREACHABLE = "unreachable"
    SHORTAGE = "shortage"
    FULL = "full"
    AWAY = "away"


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
        Name of the lot, or ``""`` for a driver who was turned away or stayed away.
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
        Part of it that the stay and the charger could not give, kWh; 0 for a driver without a place.
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
