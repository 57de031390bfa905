"""The tie-break among schedules that are worth the same: the one that acts earliest.

Tariffs and prices repeat themselves over a day, and vehicles can stand in for each other, so many schedules have the
same value. A weighted sum of what every vehicle draws and gives, with weights that rise with the period, is least at
one of them. The weights are in general position: with simple ones, exchanges between vehicles and periods would tie
again.
"""

from __future__ import annotations

import numpy as np

from equilibrium.arrays import FloatArray
from equilibrium.fleet.vehicles import VehicleProgram

GOLDEN = (5.0**0.5 - 1.0) / 2.0
"""Share of the golden section: its multiples, without their whole parts, are in general position."""

DISCHARGED = 2.0**0.5
"""What discharging weighs beside charging."""


def lateness(periods: int) -> FloatArray:
    """Return what one kW weighs in each period, shape ``(periods,)``."""
    return np.asarray(((np.arange(periods) + 1.0) / periods) ** 0.7, dtype=np.float64)


def weights(vehicles: VehicleProgram, periods: int, number: int = 0) -> FloatArray:
    """Return the weight of every column of the vehicles' program, summed over the vehicles of a row.

    Parameters
    ----------
    vehicles, periods
        The vehicles of a scenario, and the periods of its day.
    number
        Number of the scenario: those that share a purchase are told apart.
    """
    rank = (vehicles.row + 1.0) * GOLDEN % 1.0
    each = vehicles.weight * lateness(periods)[vehicles.period] * (1.0 + rank / 7.0) * (1.0 + number / 11.0)
    return vehicles.cost(each, each * DISCHARGED)
