"""Units of another magnitude: sizes that no feeder, vehicle or price has, and the other reading of each.

A number far outside of what its key can mean was written in another unit: volts for kilovolts, percent for per unit,
Wh for kWh, prices per MWh for prices per kWh. It is refused, and the message says what it would be in that unit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from equilibrium.arrays import FloatArray


@dataclass(frozen=True)
class Magnitude:
    """What a quantity can be.

    Attributes
    ----------
    unit
        Its unit.
    lowest, highest
        The smallest and largest size that there is.
    other, factor
        The unit in which a larger number was written, and how many of it make one of ``unit``.
    """

    unit: str
    lowest: float
    highest: float
    other: str
    factor: float

    def fault(self, value: float) -> str | None:
        """Return what was expected in the place of a value that the quantity cannot have, else ``None``.

        Parameters
        ----------
        value
            The number as it was written.
        """
        if self.lowest <= value <= self.highest:
            return None
        turned = f"; {value:g} {self.other} would be {value / self.factor:g} {self.unit}"
        reading = turned if value > self.highest else ""
        low = f"from {self.lowest:g} " if self.lowest > 0 else ""
        return f"{self.unit}, {low}up to {self.highest:g}{reading}"


BASE_KV = Magnitude("kV", 0.1, 200.0, "V", 1000.0)
"""Line-to-line voltage of a distribution feeder: from 100 V to more than any network that is run as a tree."""

VOLTAGE_PU = Magnitude("per unit", 0.0, 2.0, "%", 100.0)

PROFILE_PU = Magnitude("per unit", 0.0, 25.0, "%", 100.0)
"""A value of a daily profile; one in percent of its peak or its mean has hours of 100 and more."""

VEHICLE_KWH = Magnitude("kWh", 0.0, 2_000.0, "Wh", 1000.0)
"""Battery of a road vehicle, and the energy of one session: the largest lorries have less than 1,000 kWh."""

CHARGER_KW = Magnitude("kW", 0.0, 4_000.0, "W", 1000.0)
"""Power of one charger or vehicle: the standard for megawatts ends at 3,750 kW."""

FEEDER_KA = 20.0
"""Current that the loads of a feeder cannot draw together, kA; the largest cables carry 1."""

HARD_CURRENCIES = frozenset({"AUD", "CAD", "CHF", "EUR", "GBP", "NZD", "SGD", "USD"})
"""Currencies in which a kWh costs a fraction of one unit of money; of others no size is known."""

PER_KWH = Magnitude("per kWh", 0.0, 10.0, "per MWh", 1000.0)
"""What a kWh costs in a hard currency."""

PER_MWH = 1000.0
"""From currency/kWh to currency/MWh."""

LEAST_CAP_PER_MWH = 1.0
"""What an MWh may cost at most, in a hard currency: a lower cap was written per kWh."""

LEAST_LOST_LOAD_PER_MWH, MOST_LOST_LOAD_PER_MWH = 100.0, 1e6
"""What an MWh that is not served is worth in a hard currency: less is a price of energy, more was written per MWh."""

SMALLEST_PER_MWH = 1.0
"""A series in a hard currency of which no price per MWh reaches this size was written per kWh."""


HIGHEST_PER_MWH = 5000.0
"""Highest price of Europe's coupled day-ahead market, EUR/MWh; beyond it a reader is told."""


def price_note(price: FloatArray, currency: str) -> str | None:
    """Return what a reader should know of prices that few markets have, else ``None``.

    Parameters
    ----------
    price
        The prices, currency/kWh, shape ``(periods,)``.
    currency
        Three-letter code.
    """
    largest = 1000.0 * float(np.abs(price).max())
    if currency not in HARD_CURRENCIES or largest <= HIGHEST_PER_MWH:
        return None
    return (
        f"up to {largest:,.0f} {currency}/MWh in size, beyond the {HIGHEST_PER_MWH:,.0f} EUR/MWh that Europe's "
        f"day-ahead market allows: see that no decimal sign is missing"
    )


def price_fault(price: FloatArray, currency: str, *, per_mwh: bool) -> str | None:
    """Return what was expected in the place of a price series in another unit than its header says, else ``None``.

    Parameters
    ----------
    price
        The prices as they were written, shape ``(periods,)``.
    currency
        Three-letter code.
    per_mwh
        Whether the header says prices per MWh; otherwise it says per kWh.
    """
    if currency not in HARD_CURRENCIES:
        return None
    size = np.abs(price)
    if per_mwh:
        largest = float(size.max())
        if not 0.0 < largest < SMALLEST_PER_MWH:
            return None
        return (
            f"prices per MWh, of which some reach {SMALLEST_PER_MWH:g} {currency} (per kWh these would be up to "
            f"{1000.0 * largest:g} {currency} per MWh: a header that ends in _per_kwh, or prices.unit)"
        )
    middle = float(np.median(size))
    if middle <= PER_KWH.highest:
        return None
    return (
        f"prices per kWh, {PER_KWH.highest:g} {currency} at most in the middle (per MWh these would be "
        f"{middle / PER_KWH.factor:g} {currency} per kWh: a header that ends in _per_mwh, or prices.unit)"
    )


def cap_fault(cap: float | None) -> str | None:
    """Return what was expected in the place of a cap of energy prices in another unit, else ``None``.

    Parameters
    ----------
    cap
        As it was written, per MWh, in a hard currency; ``None`` is no cap.
    """
    if cap is None or cap >= LEAST_CAP_PER_MWH:
        return None
    return f"a price per MWh, at least {LEAST_CAP_PER_MWH:g}; {cap:g} per kWh would be {PER_MWH * cap:g} per MWh"


def lost_load_fault(value: float, *, per_mwh: bool) -> str | None:
    """Return what was expected in the place of a value of lost load that cannot be one, else ``None``.

    Parameters
    ----------
    value
        As it was written, in a hard currency; 0 leaves shortages unpriced.
    per_mwh
        Whether it is per MWh; otherwise it is per kWh.
    """
    unit, other, factor = ("MWh", "kWh", 1.0) if per_mwh else ("kWh", "MWh", 1.0 / PER_MWH)
    least, most = LEAST_LOST_LOAD_PER_MWH * factor, MOST_LOST_LOAD_PER_MWH * factor
    if value == 0.0 or least <= value <= most:
        return None
    turned = value * PER_MWH if per_mwh else value / PER_MWH
    reading = f"{value:g} per {other} would be {turned:g} per {unit}"
    if value < least and not per_mwh:
        reading = f"{value:g} per kWh is {value * PER_MWH:g} per MWh, a price of energy that is served"
    return f"what a {unit} not served is worth, from {least:g} to {most:g} per {unit}; {reading}"


LEAST_SESSION_KWH = 0.2
"""Energy of the session in the middle, kWh, below which a log is in another unit."""

_FEW = 10
"""Sessions of which something can be said by the one in the middle."""


def sessions_fault(energy_kwh: FloatArray) -> tuple[str, str] | None:
    """Return what was found and expected in the place of energies a thousand times too small, else ``None``.

    No single session is too small, but the one in the middle is.

    Parameters
    ----------
    energy_kwh
        Energy of each session, kWh, shape ``(sessions,)``.
    """
    drawn = energy_kwh[energy_kwh > 0.0]
    middle = float(np.median(drawn)) if drawn.size else 0.0
    if drawn.size < _FEW or middle >= LEAST_SESSION_KWH:
        return None
    return f"{middle:g} kWh in the middle", (
        f"kWh, of which half are {LEAST_SESSION_KWH:g} and more; a thousand times as much would be "
        f"{1000.0 * middle:g} kWh: see the file's unit, drivers.energy_unit, and whether its points part thousands"
    )


def power_fault(value: float, base_kv: float, unit: str) -> str | None:
    """Return what was expected in the place of a power or rating that no feeder of this voltage has, else ``None``.

    Parameters
    ----------
    value
        The number as it was written; infinite is no limit.
    base_kv
        Line-to-line voltage, kV.
    unit
        Of the number: ``"kW"``, ``"kVA"`` or ``"kvar"``.
    """
    most = math.sqrt(3.0) * base_kv * 1000.0 * FEEDER_KA
    if value <= most or math.isinf(value):
        return None
    return (
        f"at most {most:.4g} {unit}, which are {FEEDER_KA:g} kA at {base_kv:g} kV; {value:g} {unit[1:]} would be "
        + (f"{value / 1000.0:g} {unit}")
    )


def feeder_load_fault(load_kw: FloatArray, load_kvar: FloatArray, base_kv: float) -> str | None:
    """Return what was expected in the place of loads that no feeder of this voltage carries, else ``None``.

    Parameters
    ----------
    load_kw, load_kvar
        Loads of the buses, shape ``(buses,)``.
    base_kv
        Line-to-line voltage, kV.
    """
    total = math.hypot(float(np.abs(load_kw).sum()), float(np.abs(load_kvar).sum()))
    current = total / (math.sqrt(3.0) * base_kv) / 1000.0
    if current <= FEEDER_KA:
        return None
    return (
        f"kW and kvar that draw {FEEDER_KA:g} kA at {base_kv:g} kV at most, not {current:.3g} kA; "
        f"{total:g} VA would be {total / 1000.0:g} kVA"
    )
