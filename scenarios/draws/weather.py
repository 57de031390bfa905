"""Wind and sun: profiles with an uncertain factor, or Weibull draws through the curves of a turbine and a panel.

Potentials are arrays of shape ``(periods,)``, for any market.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from equilibrium.arrays import FloatArray
from equilibrium.errors import InputError
from scenarios.draws.vehicles import ClippedNormal, Weibull
from scenarios.streams import Streams


@dataclass(frozen=True)
class Turbine:
    """A wind turbine by the four numbers that papers give; its power rises linearly between cut-in and rated speed.

    Attributes
    ----------
    rated_kw
        Power at and above the rated speed.
    cut_in, rated, cut_out
        Wind speeds, m/s: it stands still below the first and above the last.
    """

    rated_kw: float
    cut_in: float
    rated: float
    cut_out: float

    def __post_init__(self) -> None:
        if not 0 <= self.cut_in < self.rated <= self.cut_out:
            speeds = (self.cut_in, self.rated, self.cut_out)
            raise InputError("Turbine", "cut_in, rated, cut_out", speeds, "0 <= cut_in < rated <= cut_out")

    def power_kw(self, speed: FloatArray) -> FloatArray:
        """Return the power at wind speeds in m/s, kW, same shape."""
        share = np.clip((speed - self.cut_in) / (self.rated - self.cut_in), 0.0, 1.0)
        power: FloatArray = np.where(speed > self.cut_out, 0.0, self.rated_kw * share)
        return power


@dataclass(frozen=True)
class Panel:
    """A photovoltaic unit: power proportional to irradiance up to its rating.

    Attributes
    ----------
    rated_kw
        Power at and above the rated irradiance.
    rated
        Irradiance, W/m2.
    """

    rated_kw: float
    rated: float = 1000.0

    def __post_init__(self) -> None:
        if not self.rated > 0:
            raise InputError("Panel", "rated", self.rated, "an irradiance > 0")

    def power_kw(self, irradiance: FloatArray) -> FloatArray:
        """Return the power at irradiances in W/m2, kW, same shape."""
        power: FloatArray = self.rated_kw * np.clip(irradiance / self.rated, 0.0, 1.0)
        return power


def draw_wind(turbine: Turbine, speed: Weibull, periods: int, rng: np.random.Generator) -> FloatArray:
    """Draw the potential of a turbine with an independent wind speed in each period, kW, shape ``(periods,)``."""
    return turbine.power_kw(speed.draw(rng, periods))


def draw_sun(panel: Panel, irradiance: Weibull, daylight: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Draw the potential of a panel with an independent irradiance in each period, kW, shape ``(periods,)``.

    Parameters
    ----------
    panel
        Its curve.
    irradiance
        In W/m2 while the sun shines.
    daylight
        Factor on it for each period: 0 at night, shape ``(periods,)``.
    """
    return panel.power_kw(daylight * irradiance.draw(rng, daylight.size))


def scaled_profile(
    profile_kw: FloatArray, factor: ClippedNormal, rng: np.random.Generator, rated_kw: float = math.inf
) -> FloatArray:
    """Draw one factor for the whole day and return the profile times it, at most the rating, kW, same shape."""
    scaled: FloatArray = np.minimum(profile_kw * factor.draw(rng), rated_kw)
    return scaled


DAY_FACTOR = ClippedNormal(1.0, 0.25, 0.3, 1.6)
TURBINE = Turbine(1.0, 4.0, 14.0, 25.0)
PANEL = Panel(1.0, 1000.0)
"""Factor of a day on the profiles (docs/disco.md), and the curves of Table 1 of disco-cvar for 1 kW."""


@dataclass(frozen=True)
class Weather:
    """Potential of one kW of wind and of sun: profiles times a factor for the day, or hourly Weibull draws.

    Attributes
    ----------
    wind_pu, pv_pu
        Expected potential of each hour per kW of rating, one value for each hour.
    factor
        Distribution of the day's factor; wind and sun have one each. Wind is cut at its rating.
    wind_speed, irradiance
        Where both are given, hourly draws through ``turbine`` and ``panel`` take the place of the profiles; the sun
        shines in the hours in which ``pv_pu`` is positive.
    turbine, panel
        Curves for 1 kW of rating.
    """

    wind_pu: tuple[float, ...]
    pv_pu: tuple[float, ...]
    factor: ClippedNormal = DAY_FACTOR
    wind_speed: Weibull | None = None
    irradiance: Weibull | None = None
    turbine: Turbine = TURBINE
    panel: Panel = PANEL

    def __post_init__(self) -> None:
        if not self.wind_pu or len(self.wind_pu) != len(self.pv_pu):
            raise InputError(
                "Weather", "wind_pu, pv_pu", (len(self.wind_pu), len(self.pv_pu)), "as many values in both"
            )
        if (self.wind_speed is None) != (self.irradiance is None):
            raise InputError("Weather", "wind_speed, irradiance", "one of the two", "both or none")

    def draw(self, streams: Streams, sample: int) -> tuple[FloatArray, FloatArray]:
        """Return the potentials of wind and sun in one sample, each of shape ``(hours,)``."""
        return self.drawn(streams.generator("wind", sample), streams.generator("pv", sample))

    def drawn(self, wind_rng: np.random.Generator, sun_rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        """Return the potentials of wind and sun drawn by two generators, each of shape ``(hours,)``."""
        wind, sun = np.array(self.wind_pu), np.array(self.pv_pu)
        if self.wind_speed is not None and self.irradiance is not None:
            daylight = (sun > 0).astype(np.float64)
            return (
                draw_wind(self.turbine, self.wind_speed, wind.size, wind_rng),
                draw_sun(self.panel, self.irradiance, daylight, sun_rng),
            )
        return scaled_profile(wind, self.factor, wind_rng, rated_kw=1.0), scaled_profile(sun, self.factor, sun_rng)
