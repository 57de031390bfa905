"""Monte Carlo samples of a day's weather and vehicles, reduced to the scenarios that a market is cleared for.

Everything is per unit: potentials of one kW of wind and of sun, and stays of vehicles. So one set of scenarios serves
every size of units, every program and every case of a study, and differences between cases are not noise of the draws.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from equilibrium.arrays import FloatArray
from equilibrium.errors import InputError
from scenarios.draws.reduction import reduce_scenarios
from scenarios.draws.vehicles import FleetSettings, VehicleDraws, draw_stays, forecast_stays
from scenarios.draws.weather import Weather
from scenarios.streams import Streams


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
        For fewer than one scenario or fewer samples than scenarios, and as
        :func:`~scenarios.draws.vehicles.draw_stays`.
    """
    if not 1 <= scenarios <= samples:
        raise InputError("draw_scenarios", "scenarios", scenarios, f"1 to {samples}, the number of samples")
    streams, hours = Streams(seed), len(weather.wind_pu)
    drawn = []
    for sample in range(samples):
        wind, sun = weather.draw(streams, sample)
        stays = draw_stays(fleet, vehicles, hours, streams.generator("vehicles", sample))
        drawn.append(Sample(1.0 / samples, wind, sun, stays))
    left = reduce_scenarios(sample_points(drawn, fleet), np.full(samples, 1.0 / samples), scenarios)
    return tuple(
        Sample(float(probability), drawn[kept].wind_pu, drawn[kept].pv_pu, drawn[kept].stays)
        for kept, probability in zip(left.kept, left.probability, strict=True)
    )


def forecast_scenario(weather: Weather, fleet: FleetSettings, vehicles: int) -> Sample:
    """Return the one scenario of those who plan with what is expected: profiles, and expected stays."""
    wind, sun = np.array(weather.wind_pu), np.array(weather.pv_pu)
    return Sample(1.0, np.minimum(wind, 1.0), sun, forecast_stays(fleet, vehicles, wind.size))


def sample_points(samples: Sequence[Sample], fleet: FleetSettings) -> FloatArray:
    """Return samples as points, shape ``(samples, 3 hours + 1)``: what a market sees of them, in kWh per kW of rating.

    These are the potentials of wind and of sun in each hour, the share of the vehicles that is plugged in, and the
    energy that vehicles lack at arrival.
    """
    return np.array(
        [
            np.concatenate([one.wind_pu, one.pv_pu, _seen(one.stays, fleet, one.wind_pu.size)], dtype=np.float64)
            for one in samples
        ]
    )


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
