"""One day of a feeder as numbers: what the network operator takes as given, whatever market stands on it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from equilibrium.arrays import BoolArray, FloatArray
from equilibrium.lengths import spread_lengths


@dataclass(frozen=True, eq=False)
class GridDay:
    """Prices, loads, sun, wind and units of one day.

    Attributes
    ----------
    wholesale_price
        W_t, currency/kWh, shape ``(hours,)``; may be negative.
    load_kw, load_kvar
        Inflexible load, shape ``(hours, buses)``.
    renewable_kw
        Potential of each renewable unit, kW, shape ``(hours, renewables)``.
    microturbine_available
        True where a unit may run today, shape ``(microturbines,)``.
    period_h
        Length of the periods, h: one number for all, or shape ``(hours,)``.
    """

    wholesale_price: FloatArray
    load_kw: FloatArray
    load_kvar: FloatArray
    renewable_kw: FloatArray
    microturbine_available: BoolArray
    period_h: float | FloatArray = field(default=1.0, kw_only=True)

    @cached_property
    def length_h(self) -> FloatArray:
        """Length of each period, h, shape ``(hours,)``."""
        return spread_lengths(self.period_h, self.hours)

    @property
    def hours(self) -> int:
        """Number of periods of the day."""
        return int(self.wholesale_price.size)
