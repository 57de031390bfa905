"""Monte Carlo samples of a day's weather and vehicles, reduced to the scenarios that a market is cleared for.

Everything is per unit: potentials of one kW of wind and of sun, and stays of vehicles. So one set of scenarios serves
every size of units, every program and every case of a study, and differences between cases are not noise of the draws.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from equilibrium.errors import InputError
from equilibrium.network import FloatArray
from scenarios.reduction import reduce_scenarios
from scenarios.streams import Streams
from scenarios.uncertainty import (
    ClippedNormal,
    FleetSettings,
    Panel,
    Turbine,
    VehicleDraws,
    Weibull,
    draw_stays,
    draw_sun,
    draw_wind,
    forecast_stays,
    scaled_profile,
)

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


@dataclass(frozen=True, eq=False)
class Sample:
    """One outcome, per unit.

    Attributes
    ----------
    probability
        Of the outcome.
    wind_pu, pv_pu
        Potential of 1 kW, shape ``(hours,)``.
    stays
        Vehicles of the lot.
    """

    probability: float
    wind_pu: FloatArray
    pv_pu: FloatArray
    stays: VehicleDraws


@lru_cache(maxsize=32)
def draw_scenarios(
    weather: Weather, fleet: FleetSettings, vehicles: int, *, scenarios: int, samples: int, seed: int
) -> tuple[Sample, ...]:
    """Draw samples and keep the scenarios that stand for them best.

    Two samples are compared in what a market sees of them, in kWh per kW of rating: potential of wind and of sun in
    each hour, share of the vehicles that is plugged in, and energy that vehicles lack at arrival.

    Parameters
    ----------
    weather, fleet, vehicles
        Distributions, and the number of vehicles in the lot.
    scenarios, samples
        How many are kept of how many; the same number keeps all, with equal probabilities.
    seed
        Of the streams ``wind``, ``pv`` and ``vehicles``; sample k is the same however many are drawn.

    Raises
    ------
    InputError
        For fewer than one scenario or fewer samples than scenarios, and as :func:`~scenarios.uncertainty.draw_stays`.
    """
    if not 1 <= scenarios <= samples:
        raise InputError("draw_scenarios", "scenarios", scenarios, f"1 to {samples}, the number of samples")
    streams, hours = Streams(seed), len(weather.wind_pu)
    drawn = []
    for sample in range(samples):
        wind, sun = weather.draw(streams, sample)
        stays = draw_stays(fleet, vehicles, hours, streams.generator("vehicles", sample))
        drawn.append(Sample(1.0 / samples, wind, sun, stays))
    points = np.array([np.concatenate([one.wind_pu, one.pv_pu, _seen(one.stays, fleet, hours)]) for one in drawn])
    left = reduce_scenarios(points, np.full(samples, 1.0 / samples), scenarios)
    return tuple(
        Sample(float(probability), drawn[kept].wind_pu, drawn[kept].pv_pu, drawn[kept].stays)
        for kept, probability in zip(left.kept, left.probability, strict=True)
    )


def forecast_scenario(weather: Weather, fleet: FleetSettings, vehicles: int) -> Sample:
    """Return the one scenario of those who plan with what is expected: profiles, and expected stays."""
    wind, sun = np.array(weather.wind_pu), np.array(weather.pv_pu)
    return Sample(1.0, np.minimum(wind, 1.0), sun, forecast_stays(fleet, vehicles, wind.size))


def _seen(stays: VehicleDraws, fleet: FleetSettings, hours: int) -> FloatArray:
    """Return the share of the vehicles plugged in per hour, then the hours of full power that a mean vehicle lacks.

    What is lacking is one number: spread over the hours of arrival, samples with less of it would lie nearer to all
    samples with other hours, and the reduction would prefer them.
    """
    total = max(float(stays.count.sum()), 1.0)
    arrived = np.bincount(stays.arrival, weights=stays.count, minlength=hours + 1)
    left = np.bincount(stays.departure, weights=stays.count, minlength=hours + 1)
    lacking = stays.count @ (fleet.battery_kwh * fleet.wish_share - stays.energy_kwh) / fleet.charge_max_kw
    return np.append(np.cumsum(arrived - left)[:hours], lacking) / total
