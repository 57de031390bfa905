"""What is uncertain about a day: distributions, and the vehicles that are drawn from them.

These parts know no market. A draw of vehicles is a :class:`~equilibrium.fleet.day.VehicleBatch`, and
:func:`as_fleet` makes of it the fleet of the other markets. Wind and sun are in :mod:`scenarios.draws.weather`. Every
draw takes a generator, which :class:`scenarios.streams.Streams` gives for each purpose and each sample or day, so that
more samples do not change the earlier ones.

Distributions are drawn by inverting their distribution function on uniform numbers: with ``scipy.special`` for the
normal, so that ``scipy.stats``, which takes seconds to import, is not needed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri

from equilibrium.arrays import FloatArray, IntArray
from equilibrium.errors import InputError
from equilibrium.fleet.day import Fleet, VehicleBatch

DRAWS = ("independent", "fleet")
"""Each vehicle has a draw of its own, or one draw holds for all vehicles."""

_TAIL = 1e-6
"""Probability above a value below which the complement of the distribution function is used."""

_LEAST_MASS = 1e-9
"""A truncated normal with less probability between its bounds is an error of input, and numerically poor."""

_KRONECKER = 1.2207440846057596
"""The root of x^4 = x + 1: its powers -1, -2, -3 are steps that spread points evenly over the unit cube."""


@dataclass(frozen=True)
class TruncatedNormal:
    """A normal variable given that it lies in ``low .. high``; ``mean`` and ``sd`` are those before the cut."""

    mean: float
    sd: float
    low: float
    high: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.mean) and math.isfinite(self.sd) and self.sd > 0):
            raise InputError("TruncatedNormal", "mean, sd", (self.mean, self.sd), "finite numbers, sd > 0")
        if not self.low < self.high:
            raise InputError("TruncatedNormal", "low, high", (self.low, self.high), "low < high")
        _, start, end, _ = self._cut
        if abs(end - start) < _LEAST_MASS:
            expected = f"bounds that the normal falls between with a probability of at least {_LEAST_MASS:g}"
            raise InputError("TruncatedNormal", "low, high", (self.low, self.high), expected)

    @property
    def _cut(self) -> tuple[float, float, float, float]:
        """Sign, distribution function at both bounds, and the fall of the density between them, sd = 1.

        Close to 1 the distribution function loses the digits that it has close to 0, so bounds above the mean are
        mirrored.
        """
        low, high = (self.low - self.mean) / self.sd, (self.high - self.mean) / self.sd
        sign = -1.0 if low > 0 else 1.0
        start, end = float(ndtr(sign * low)), float(ndtr(sign * high))
        return sign, start, end, (math.exp(-low * low / 2) - math.exp(-high * high / 2)) / math.sqrt(2 * math.pi)

    def quantile(self, share: FloatArray) -> FloatArray:
        """Return the values below which the given shares (0 to 1) lie, same shape."""
        sign, start, end, _ = self._cut
        below = (1.0 - share) * start + share * end
        above = (1.0 - share) * self._above[0] + share * self._above[1]
        # Close to 1 the distribution function has lost the digits that its complement has close to 0.
        value = self.mean + self.sd * sign * np.where(above < _TAIL, -ndtri(above), ndtri(below))
        inside: FloatArray = np.clip(value, self.low, self.high)
        return inside

    @property
    def _above(self) -> tuple[float, float]:
        """Complements of the distribution function at both bounds, sd = 1, mirrored as in :attr:`_cut`."""
        low, high = (self.low - self.mean) / self.sd, (self.high - self.mean) / self.sd
        sign = -1.0 if low > 0 else 1.0
        return float(ndtr(-sign * low)), float(ndtr(-sign * high))

    @property
    def expected(self) -> float:
        """Mean after the cut."""
        sign, start, end, density = self._cut
        return self.mean + self.sd * density / (sign * (end - start))


@dataclass(frozen=True)
class ClippedNormal:
    """A normal variable whose values outside ``low .. high`` are put on the bound: a factor on a profile."""

    mean: float
    sd: float
    low: float
    high: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.mean) and self.sd >= 0 and self.low <= self.high):
            expected = "a finite mean, sd >= 0 and low <= high"
            raise InputError(
                "ClippedNormal", "mean, sd, low, high", (self.mean, self.sd, self.low, self.high), expected
            )

    def draw(self, rng: np.random.Generator) -> float:
        """Draw one value."""
        return float(np.clip(self.mean + self.sd * rng.standard_normal(), self.low, self.high))


@dataclass(frozen=True)
class Weibull:
    """A Weibull variable: wind speed (m/s) or irradiance."""

    shape: float
    scale: float

    def __post_init__(self) -> None:
        if not (self.shape > 0 and self.scale > 0):
            raise InputError("Weibull", "shape, scale", (self.shape, self.scale), "numbers > 0")

    def draw(self, rng: np.random.Generator, size: int) -> FloatArray:
        """Draw independent values, shape ``(size,)``."""
        drawn: FloatArray = self.scale * rng.weibull(self.shape, size)
        return drawn


@dataclass(frozen=True)
class FleetSettings:
    """Vehicles of one kind whose stay and battery are uncertain.

    Hours are the papers': hour h ends at clock hour h, and a vehicle with arrival h and departure k is plugged in
    during the hours h, h + 1, .. k.

    Attributes
    ----------
    battery_kwh
        Size of the battery.
    energy_min_share, energy_max_share
        Band of the state of energy, shares of it.
    wish_share
        State of energy at departure.
    charge_max_kw, discharge_max_kw
        Grid side; ``discharge_max_kw = 0`` is controlled charging.
    arrival_h, departure_h
        First and last hour plugged in.
    arrival_share
        State of energy at arrival.
    draws
        One of :data:`DRAWS`.
    """

    battery_kwh: float
    energy_min_share: float
    energy_max_share: float
    wish_share: float
    charge_max_kw: float
    discharge_max_kw: float
    arrival_h: TruncatedNormal
    departure_h: TruncatedNormal
    arrival_share: TruncatedNormal
    draws: str = "independent"

    def __post_init__(self) -> None:
        where = "FleetSettings"
        if self.draws not in DRAWS:
            raise InputError(where, "draws", self.draws, " or ".join(DRAWS))
        if not self.battery_kwh > 0:
            raise InputError(where, "battery_kwh", self.battery_kwh, "a size > 0")
        if not (self.charge_max_kw > 0 and self.discharge_max_kw >= 0):
            powers = (self.charge_max_kw, self.discharge_max_kw)
            raise InputError(
                where, "charge_max_kw, discharge_max_kw", powers, "charge_max_kw > 0, discharge_max_kw >= 0"
            )
        if not 0 <= self.energy_min_share < self.energy_max_share <= 1:
            band = (self.energy_min_share, self.energy_max_share)
            raise InputError(where, "energy_min_share, energy_max_share", band, "0 <= min < max <= 1")
        for key, low, high in (
            ("wish_share", self.wish_share, self.wish_share),
            ("arrival_share", self.arrival_share.low, self.arrival_share.high),
        ):
            if not self.energy_min_share <= low <= high <= self.energy_max_share:
                expected = f"inside the band {self.energy_min_share:g} .. {self.energy_max_share:g}"
                raise InputError(where, key, (low, high), expected)
        if math.floor(self.arrival_h.high + 0.5) > math.floor(self.departure_h.low + 0.5):
            expected = f"no departure ({self.departure_h.low:g}) before an arrival"
            raise InputError(where, "arrival_h", self.arrival_h.high, expected)

    @property
    def expected_need_kwh(self) -> float:
        """Mean energy that a vehicle adds to its battery, kWh."""
        return self.battery_kwh * (self.wish_share - self.arrival_share.expected)


@dataclass(frozen=True, eq=False)
class VehicleDraws:
    """Stays and energies as drawn, before they become a batch.

    Attributes
    ----------
    arrival, departure
        First period plugged in and first period gone, shape ``(vehicles,)``.
    energy_kwh
        In the battery at arrival, shape ``(vehicles,)``.
    count
        How many vehicles each stands for, shape ``(vehicles,)``.
    """

    arrival: IntArray
    departure: IntArray
    energy_kwh: FloatArray
    count: FloatArray


def draw_stays(
    settings: FleetSettings, count: int, periods: int, rng: np.random.Generator, *, period_h: float = 1.0
) -> VehicleDraws:
    """Draw stays and energies at arrival; times are rounded to whole hours.

    The first ``n`` of ``count`` vehicles are those that ``n`` alone would be, and a draw for a ``fleet`` is one row
    that stands for all of them.

    Parameters
    ----------
    settings
        The distributions.
    count
        Number of vehicles, >= 0.
    periods, period_h
        Number of periods of the day and their length, h; an hour must be a whole number of periods.
    rng
        Where the numbers come from.

    Raises
    ------
    InputError
        For a negative number, or a day that the stays do not fit into.
    """
    rows = max(count if settings.draws == "independent" else min(count, 1), 0)
    return _stays(settings, count, _quantiles(settings, rng.random((rows, 3))), periods, period_h)


def forecast_stays(settings: FleetSettings, count: int, periods: int, *, period_h: float = 1.0) -> VehicleDraws:
    """Return what is expected instead of a draw; parameters as for :func:`draw_stays`.

    A ``fleet`` has the means of the distributions. ``independent`` vehicles are spread evenly over them: an additive
    recurrence in three dimensions (a Kronecker sequence) takes the place of random numbers.
    """
    if settings.draws == "fleet":
        means = (settings.arrival_h.expected, settings.departure_h.expected, settings.arrival_share.expected)
        values = np.tile(np.array(means)[:, None], max(min(count, 1), 0))
    else:
        steps = _KRONECKER ** -np.arange(1.0, 4.0)
        values = _quantiles(settings, (0.5 + np.outer(np.arange(1, count + 1), steps)) % 1.0)
    return _stays(settings, count, values, periods, period_h)


def _quantiles(settings: FleetSettings, shares: FloatArray) -> FloatArray:
    """Return arrival hour, departure hour and arrival share at quantiles, shape ``(3, vehicles)``."""
    variables = (settings.arrival_h, settings.departure_h, settings.arrival_share)
    return np.stack([variable.quantile(shares[:, k]) for k, variable in enumerate(variables)])


def _stays(settings: FleetSettings, count: int, values: FloatArray, periods: int, period_h: float) -> VehicleDraws:
    """Return the stays with these arrival hours, departure hours and arrival shares, shape ``(3, vehicles)``."""
    where = "draw of vehicles"
    if count < 0:
        raise InputError(where, "count", count, "a number >= 0")
    parts = round(1.0 / period_h)
    if parts < 1 or abs(parts * period_h - 1.0) > 1e-9:
        raise InputError(where, "period_h", period_h, "1 h or a whole part of it")
    arrival_h, departure_h, share = values
    arrival = parts * (np.floor(arrival_h + 0.5).astype(np.int64) - 1)
    departure = parts * np.floor(departure_h + 0.5).astype(np.int64)
    if arrival.size and (arrival.min() < 0 or departure.max() > periods):
        found = (int(arrival.min()), int(departure.max()))
        raise InputError(where, "arrival_h, departure_h", found, f"stays inside the {periods} periods of the day")
    rows = share.size
    return VehicleDraws(arrival, departure, settings.battery_kwh * share, np.full(rows, count / max(rows, 1)))


def as_batch(settings: FleetSettings, stays: VehicleDraws, prefix: str = "ev") -> VehicleBatch:
    """Return the batch of a draw, named ``<prefix>-1``, ``<prefix>-2``, ..."""
    rows = stays.energy_kwh.size

    def each(value: float) -> FloatArray:
        return np.full(rows, value)

    return VehicleBatch(
        names=tuple(f"{prefix}-{k + 1}" for k in range(rows)),
        arrival=stays.arrival,
        departure=stays.departure,
        energy_kwh=stays.energy_kwh,
        wish_kwh=each(settings.battery_kwh * settings.wish_share),
        energy_min_kwh=each(settings.battery_kwh * settings.energy_min_share),
        energy_max_kwh=each(settings.battery_kwh * settings.energy_max_share),
        charge_max_kw=each(settings.charge_max_kw),
        discharge_max_kw=each(settings.discharge_max_kw),
        count=stays.count,
    )


def draw_vehicles(
    settings: FleetSettings, count: int, periods: int, rng: np.random.Generator, prefix: str = "ev"
) -> VehicleBatch:
    """Draw the vehicles of one lot on one day: :func:`draw_stays` as a batch."""
    return as_batch(settings, draw_stays(settings, count, periods, rng), prefix)


def as_fleet(batch: VehicleBatch, periods: int, period_h: float = 1.0) -> Fleet:
    """Return a batch as the fleet of markets without vehicle-to-grid, one row per vehicle.

    Parameters
    ----------
    batch
        Vehicles; a row that stands for several becomes that many rows.
    periods
        Number of periods of the day; those markets count in hours, so ``period_h`` must be 1.

    Raises
    ------
    InputError
        For periods of another length, a row that stands for a part of a vehicle, or a wish below the energy at
        arrival, which needs vehicle-to-grid.
    """
    if period_h != 1.0:
        raise InputError("as_fleet", "period_h", period_h, "1 h")
    copies = np.round(batch.count).astype(np.int64)
    if not np.allclose(copies, batch.count):
        raise InputError("as_fleet", "count", batch.count.tolist(), "whole numbers of vehicles")
    if (batch.wish_kwh < batch.energy_kwh).any():
        row = int((batch.wish_kwh - batch.energy_kwh).argmin())
        expected = f"at least the {batch.energy_kwh[row]:g} kWh at arrival"
        raise InputError("as_fleet", f"wish_kwh of {batch.names[row]}", float(batch.wish_kwh[row]), expected)
    rows = np.repeat(np.arange(batch.size), copies)
    period = np.arange(periods)
    plugged = (period >= batch.arrival[rows, None]) & (period < batch.departure[rows, None])
    return Fleet(
        power_kw=plugged * batch.charge_max_kw[rows, None],
        energy_kwh=batch.energy_kwh[rows],
        need_kwh=(batch.wish_kwh - batch.energy_kwh)[rows],
        battery_kwh=batch.energy_max_kwh[rows],
        arrival_hour=batch.arrival[rows],
        departure_hour=batch.departure[rows],
    )
