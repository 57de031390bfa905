"""The drivers' demand for posted prices: a logit over lots and an outside option, and lots that fill."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from equilibrium.arrays import BoolArray, FloatArray
from equilibrium.errors import InputError
from equilibrium.shapes import check_shape

SOURCE = "posted prices"
"""What a message names when a number of a game of posted prices cannot be used."""


@dataclass(frozen=True, eq=False)
class LogitDemand:
    """Types of drivers that choose among lots and, where there is one, an outside option.

    The utility of lot ``l`` for a driver of type ``m`` is ``V_ml = attraction_ml + price_utility_m * price_l`` and an
    independent standard Gumbel draw: the multinomial logit. The drivers are many and come in a uniform order, every
    type spread evenly over it. A lot that is full drops out of the choice of those who come later, which is what going
    down one's ranking of the lots does (Luce's choice axiom), with patience for all of them. In the limit of many small
    drivers the lots fill at constant rates between the moments at which one of them is full, so the numbers that each
    lot admits are exact after at most as many steps as there are lots, and one.

    Parameters
    ----------
    drivers
        Drivers of each type, at least 0, shape ``(types,)``. They need not be whole numbers.
    energy_kwh
        What a driver of the type asks for, at least 0, shape ``(types,)``.
    price_utility_per_kwh
        Coefficient of the price, per currency/kWh, below 0, one number or shape ``(types,)``.
    attraction
        Utility of each lot without its price (walk, experience), shape ``(types, lots)``.
    outside
        Utility of the outside option, one number or shape ``(types,)``; minus infinity where there is none, and then
        drivers go away only when every lot is full.

    Raises
    ------
    InputError
        For a shape that does not fit, a number that is none, fewer than 0 drivers, a coefficient that is not below 0.

    References
    ----------
    D. McFadden, "Conditional logit analysis of qualitative choice behavior", in Frontiers in Econometrics, 1974.
    R. D. Luce, *Individual Choice Behavior*, 1959.
    """

    drivers: FloatArray
    energy_kwh: FloatArray
    price_utility_per_kwh: FloatArray
    attraction: FloatArray
    outside: FloatArray

    def __init__(
        self,
        drivers: ArrayLike,
        energy_kwh: ArrayLike,
        price_utility_per_kwh: ArrayLike,
        attraction: ArrayLike,
        outside: ArrayLike = -np.inf,
    ) -> None:
        types = np.size(drivers)
        if np.ndim(attraction) != 2 or np.shape(attraction)[0] != types or np.shape(attraction)[1] == 0:
            raise InputError(SOURCE, "attraction", np.shape(attraction), f"shape ({types}, lots), a lot or more")
        given = {
            "drivers": drivers,
            "energy_kwh": energy_kwh,
            "price_utility_per_kwh": _each(price_utility_per_kwh, types),
            "attraction": attraction,
        }
        for name, value in given.items():
            shape = np.shape(attraction) if name == "attraction" else (types,)
            check_shape(SOURCE, name, value, shape)
            object.__setattr__(self, name, np.array(value, dtype=np.float64))
        object.__setattr__(self, "outside", np.array(_each(outside, types), dtype=np.float64))
        self._check()

    def _check(self) -> None:
        """Refuse numbers of the wrong sign."""
        for name in ("drivers", "energy_kwh"):
            value: FloatArray = getattr(self, name)
            if (value < 0.0).any():
                raise InputError(SOURCE, name, float(value.min()), "numbers of at least 0")
        if (self.price_utility_per_kwh >= 0.0).any():
            worst = float(self.price_utility_per_kwh.max())
            raise InputError(SOURCE, "price_utility_per_kwh", worst, "a number below 0: a higher price is worse")
        if self.outside.shape != self.drivers.shape:
            raise InputError(SOURCE, "outside", self.outside.shape, f"one number, or shape ({self.drivers.size},)")
        wrong = np.isnan(self.outside) | (self.outside == np.inf)
        if wrong.any():
            expected = "its utility (with its price), or minus infinity where there is no outside option"
            raise InputError(SOURCE, "outside", float(self.outside[wrong][0]), expected)

    @property
    def types(self) -> int:
        """Number of types."""
        return self.drivers.size

    @property
    def lots(self) -> int:
        """Number of lots."""
        return int(self.attraction.shape[1])

    def utility(self, prices: FloatArray) -> FloatArray:
        """Return V at posted prices.

        Parameters
        ----------
        prices
            Currency/kWh, shape ``(..., lots)``.

        Returns
        -------
        FloatArray
            Shape ``(..., types, lots)``.
        """
        utility: FloatArray = self.attraction + self.price_utility_per_kwh[:, None] * prices[..., None, :]
        return utility

    def shares(self, utility: FloatArray, is_open: BoolArray) -> FloatArray:
        """Return the probabilities of the choice among the lots that have places left.

        Parameters
        ----------
        utility
            V, shape ``(points, types, lots)``.
        is_open
            Shape ``(points, lots)``.

        Returns
        -------
        FloatArray
            Shape ``(points, types, lots)``; what is missing to 1 goes to the outside option, or away.
        """
        seen = np.where(is_open[:, None, :], utility, -np.inf)
        highest = np.maximum(seen.max(axis=2), self.outside)
        highest = np.where(np.isfinite(highest), highest, 0.0)
        weight = np.exp(seen - highest[..., None])
        whole = weight.sum(axis=2) + np.exp(self.outside - highest)
        shares: FloatArray = weight / np.where(whole > 0.0, whole, 1.0)[..., None]
        return shares

    def admitted(self, prices: FloatArray, places: FloatArray) -> FloatArray:
        """Return how many drivers of each type each lot admits.

        Parameters
        ----------
        prices
            Currency/kWh, shape ``(points, lots)``: many points at once.
        places
            Drivers that each lot can take, shape ``(lots,)``; infinite for a lot that never fills.

        Returns
        -------
        FloatArray
            Shape ``(points, types, lots)``.
        """
        utility = self.utility(prices)
        is_open = np.ones(prices.shape, dtype=np.bool_)
        left = np.broadcast_to(places, prices.shape).copy()
        time = np.ones(len(prices))
        admitted = np.zeros(utility.shape)
        for _ in range(self.lots + 1):
            coming = self.drivers[:, None] * self.shares(utility, is_open)
            rate = coming.sum(axis=1)
            fill = np.full(left.shape, np.inf)
            with np.errstate(over="ignore"):  # a lot that nearly nobody wants fills never
                np.divide(left, rate, out=fill, where=is_open & (rate > 0.0))
            step = np.minimum(fill.min(axis=1), time)
            admitted += step[:, None, None] * coming
            left = np.maximum(left - np.where(step[:, None] > 0.0, step[:, None] * rate, 0.0), 0.0)
            time = time - step
            if not (time > 0.0).any():
                break
            is_open &= fill > step[:, None]
        return admitted


def _each(value: ArrayLike, types: int) -> FloatArray:
    """Return one number for each type; what is no single number stays as it is."""
    array = np.asarray(value, dtype=np.float64)
    return np.full(types, float(array)) if array.ndim == 0 else array
