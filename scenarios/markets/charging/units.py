"""What the units of a charging market can do on a day: drawn potentials of sun and wind, and who is out of service."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from equilibrium.arrays import FloatArray
from scenarios.draws.outages import working_share
from scenarios.draws.vehicles import Weibull
from scenarios.draws.weather import PANEL, TURBINE, draw_sun, draw_wind
from scenarios.markets.charging.schema import FailingSection, RenewableSection
from scenarios.streams import Streams, day_factor
from scenarios.time_axis import DAY_H, TimeAxis


def drawn_potential(
    unit: RenewableSection, expected_kw: FloatArray, streams: Streams, index: int, axis: TimeAxis
) -> FloatArray:
    """Return the potential of a unit on a day, kW, shape ``(periods,)``.

    Units of a kind share the weather: their draws come from the same stream.

    Parameters
    ----------
    unit
        Its keys.
    expected_kw
        Its profile times its rating, shape ``(periods,)``.
    streams
        The run's random streams: ``renewable-<kind>`` for a factor of the day, ``wind speed`` or ``irradiance`` for
        draws of each hour of the clock.
    index, axis
        Day of the run, and its periods.
    """
    wind, sun = unit.wind_speed_m_per_s, unit.irradiance_w_per_m2
    if wind is not None:
        speed = Weibull(wind.shape, wind.scale)
        return unit.rated_kw * axis.of_clock(draw_wind(TURBINE, speed, DAY_H, streams.generator("wind speed", index)))
    if sun is not None:
        irradiance, rng = Weibull(sun.shape, sun.scale), streams.generator("irradiance", index)
        bright = axis.of_clock(draw_sun(PANEL, irradiance, np.ones(DAY_H), rng))
        return np.asarray(unit.rated_kw * bright * (expected_kw > 0.0))
    factor = day_factor(streams, f"renewable-{unit.kind}", index, unit.day_sigma)
    return np.minimum(expected_kw * factor, unit.rated_kw)


def in_service(
    units: tuple[FailingSection, ...], index: int, axis: TimeAxis, hours: Callable[[int], float], streams: Streams
) -> FloatArray:
    """Return the share of each period in which units work, shape ``(periods, units)``.

    Parameters
    ----------
    units
        Units with a ``name``.
    index, axis
        Day of the run, and its periods.
    hours
        Returns the length of a day of the run.
    streams
        The run's random streams; ``outages <name>`` is used.
    """
    shares = [
        working_share(streams, unit.name, index, axis, hours, unit.failures_per_year, unit.repair_h) for unit in units
    ]
    return np.array(shares).reshape(len(units), axis.size).T
