"""One wish to charge, whatever market the lot trades in."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Session:
    """One wish to charge.

    Attributes
    ----------
    name
        Identifier, unique within a run: ``<day>-<number>``.
    arrival_h, departure_h
        Hours that have passed since today's midnight; ``0 <= arrival_h`` < length of the day, and ``departure_h >=
        arrival_h``, equal only for a stay in the hour that the clock skips; beyond the day the vehicle stays past
        midnight.
    energy_kwh
        Energy that the driver wants to be added to the battery (battery side), kWh.
    battery_kwh, arrival_energy_kwh
        Battery size and the energy in it at arrival, kWh; ``arrival_energy_kwh + energy_kwh <= battery_kwh``.
    power_kw
        The vehicle's own charging limit, kW (grid side).
    patience
        How many lots the driver tries before giving up, at least 1.
    home_lot
        Index of the lot where the session was recorded, or -1 when it was not recorded at one of the lots.
    """

    name: str
    arrival_h: float
    departure_h: float
    energy_kwh: float
    battery_kwh: float
    arrival_energy_kwh: float
    power_kw: float
    patience: int
    home_lot: int = -1
