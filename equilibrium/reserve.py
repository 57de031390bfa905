"""Reserve as a product: power kept ready, called with a probability, and delivered unless it fails.

What a kW that is kept ready for an hour earns has two parts: a price for the capacity, and the energy price for what is
called and delivered. The model is that of the aggregator's study (docs/aggregator.md, (2), (3), (20), (25) and (32) to
(34)); nothing in it belongs to one market. Powers are in kW, lengths in h, prices per kWh or per kW and hour; arrays
broadcast, periods last.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from equilibrium.arrays import FloatArray
from equilibrium.errors import InputError

Number = float | FloatArray


@dataclass(frozen=True, eq=False)
class Reserve:
    """The terms of one seller's reserve.

    Attributes
    ----------
    call
        Probability that what is kept ready is called, a number or shape ``(periods,)``.
    failure_rate
        Probability that the seller fails to deliver what is called (FOR).

    Raises
    ------
    InputError
        When one of them is no probability.
    """

    call: Number
    failure_rate: float = 0.0

    def __post_init__(self) -> None:
        for name in ("call", "failure_rate"):
            value = np.asarray(getattr(self, name), dtype=np.float64)
            fine = (value >= 0.0) & (value <= 1.0)
            if not fine.all():
                raise InputError("reserve", name, float(value[~fine].flat[0]), "a probability")

    @property
    def delivered(self) -> FloatArray:
        """Part of what is kept ready that is expected to be called and delivered."""
        return np.asarray(self.call * (1.0 - self.failure_rate))

    def income(self, capacity_price: Number, energy_price: Number) -> FloatArray:
        """Return what a kW that is kept ready for an hour is expected to earn, calls included, currency."""
        return np.asarray(capacity_price + self.delivered * energy_price)

    def capacity_price(self, income: Number, energy_price: Number) -> FloatArray:
        """Return the price of capacity at which a kW earns an income, the inverse of :meth:`income`."""
        return np.asarray(income - self.delivered * energy_price)

    def called_cost(self, per_kwh: Number) -> FloatArray:
        """Return what calls are expected to cost a seller per kW and hour that pays ``per_kwh`` for a called kWh.

        A call that fails costs it too: who failed had stood ready.
        """
        return np.asarray(self.call * per_kwh)

    def capacity_pay(self, kw: FloatArray, capacity_price: FloatArray, length_h: FloatArray) -> FloatArray:
        """Return what is paid for capacity, currency, summed over the periods (the last axis)."""
        return np.asarray(kw @ (capacity_price * length_h))

    def called_pay(self, kw: FloatArray, energy_price: FloatArray, length_h: FloatArray) -> FloatArray:
        """Return what is expected to be paid for called energy, currency, summed over the periods (the last axis)."""
        return np.asarray(kw @ (self.delivered * energy_price * length_h))


def most_reserve_kw(
    power_kw: FloatArray,
    stock_kwh: FloatArray,
    efficiency: float,
    length_h: Number,
    given_kw: Number = 0.0,
    *,
    stock_covers_given: bool = True,
) -> FloatArray:
    """Return the most that a store can keep ready beside what it gives, kW.

    Parameters
    ----------
    power_kw
        Its largest output.
    stock_kwh
        Energy above the least that must stay.
    efficiency
        kWh given per kWh taken out.
    length_h
        Length of the periods.
    given_kw
        What it gives already; it uses the same power.
    stock_covers_given
        Whether the same stock has to cover what is given too, (33); else it is the stock that is left after it.
    """
    behind = np.asarray(stock_kwh) * efficiency / length_h
    room = behind - given_kw if stock_covers_given else behind
    return np.maximum(np.minimum(power_kw - given_kw, room), 0.0)
