"""Arrivals counted by period, with stays and a number of stations: the procedure of Neyestani et al., section V.

How many vehicles arrive in a period is lognormal about an expected number; how long each stays follows a discrete
distribution. Where more would be parked than there are stations, arrivals are turned away (their Fig. 3). The
procedure knows no market: :class:`Stays` gives numbers parked, arriving and departing, for lots that are modelled as
pools, and :meth:`Stays.draws` gives single vehicles for all others.

Vehicles that arrive in period ``t`` for ``d`` periods are parked in ``t .. t + d - 1`` and leave in period ``t + d``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from equilibrium.arrays import FloatArray, IntArray
from equilibrium.errors import InputError
from scenarios.draws.vehicles import VehicleDraws

SPLITS = ("expected", "largest-remainder", "multinomial")
"""How arrivals are spread over stays: in fractions of vehicles; in whole vehicles, nearest to the shares, of equal
remainders the shorter stay first; or each vehicle's stay drawn by itself."""

SWEEPS = ("forward", "all-hours")
"""``forward`` turns away in the first period with too many vehicles, recomputes, and goes on: one sweep. ``all-hours``
is Fig. 3 read to the letter: one pass takes the excess of every period at once, which turns away more than needed."""

_SHARES = 1e-9
"""Shares add up to one within this."""

_Split = Callable[[int, float], FloatArray]
"""Spreads a period's arrivals over stays."""


@dataclass(frozen=True, eq=False)
class Stays:
    """Vehicles by arrival and length of stay.

    Attributes
    ----------
    count
        Vehicles that arrive in period ``t`` and stay ``d + 1`` periods, shape ``(periods, longest stay)``.
    """

    count: FloatArray

    @property
    def arriving(self) -> FloatArray:
        """Vehicles that arrive, shape ``(periods,)``."""
        return np.asarray(self.count.sum(axis=1))

    @property
    def departing(self) -> FloatArray:
        """Vehicles that leave, shape ``(periods,)``; who stays beyond the day is not among them."""
        return np.asarray(self.leaving().sum(axis=1))

    @property
    def parked(self) -> FloatArray:
        """Vehicles that are parked after arrivals and departures, shape ``(periods,)``."""
        return still_parked(self.arriving, self.departing)

    def leaving(self, weight: FloatArray | float = 1.0) -> FloatArray:
        """Return what leaves, by length of stay, shape ``(periods, longest stay)``.

        Parameters
        ----------
        weight
            What each vehicle carries, by its period of arrival, shape ``(periods,)``; with 1, vehicles are counted.
        """
        carried = self.count * np.broadcast_to(np.asarray(weight, dtype=np.float64), self.count.shape[:1])[:, None]
        gone = np.zeros_like(carried)
        for stay in range(1, min(carried.shape) + 1):  # in periods; a stay as long as the day does not end in it
            gone[stay:, stay - 1] = carried[: carried.shape[0] - stay, stay - 1]
        return gone

    def draws(self, energy_kwh: FloatArray | float) -> VehicleDraws:
        """Return single vehicles; who stays beyond the day leaves at its end.

        Parameters
        ----------
        energy_kwh
            In the battery at arrival, a number or by period of arrival, shape ``(periods,)``.
        """
        periods = self.count.shape[0]
        arrival, stay = np.nonzero(self.count)
        energy = np.broadcast_to(np.asarray(energy_kwh, dtype=np.float64), (periods,))
        return VehicleDraws(
            arrival.astype(np.int64),
            np.minimum(arrival + stay + 1, periods).astype(np.int64),
            energy[arrival].copy(),
            self.count[arrival, stay],
        )


def still_parked(arriving: FloatArray, departing: FloatArray) -> FloatArray:
    """Return who is parked after the arrivals and departures of each period; nobody is left over by rounding.

    Parameters
    ----------
    arriving, departing
        Vehicles, the same shape; periods are the last axis but one, or the only one.
    """
    return np.maximum(np.cumsum(arriving - departing, axis=max(arriving.ndim - 2, 0)), 0.0)


def lognormal(mean: FloatArray, variation: float, normal: FloatArray) -> FloatArray:
    """Return lognormal values for standard normal ones, same shape.

    Parameters
    ----------
    mean
        Expected values.
    variation
        Coefficient of variation: standard deviation over mean.
    """
    sigma = math.sqrt(math.log1p(variation**2))
    return np.asarray(mean * np.exp(sigma * normal - 0.5 * sigma**2))


def drawn_arrivals(mean: FloatArray, variation: float, rng: np.random.Generator) -> FloatArray:
    """Draw whole numbers of arrivals, shape ``(periods,)``, lognormal about ``mean`` and rounded.

    Raises
    ------
    InputError
        For a negative number, or one that is not finite.
    """
    mean = _numbers("mean", mean)
    if not (math.isfinite(variation) and variation >= 0.0):
        raise InputError("arrivals", "variation", variation, "a number >= 0")
    return np.floor(lognormal(mean, variation, rng.standard_normal(mean.size)) + 0.5)


def stays_at_stations(
    arrivals: FloatArray,
    shares: FloatArray,
    stations: float,
    *,
    split: str = "expected",
    sweep: str = "forward",
    rng: np.random.Generator | None = None,
) -> Stays:
    """Spread arrivals over stays and turn away who finds no station.

    Parameters
    ----------
    arrivals
        Vehicles that would come, shape ``(periods,)``; whole numbers unless ``split`` is ``expected``.
    shares
        Shares of stays of 1, 2, ... periods: shape ``(longest stay,)``, or ``(periods, longest stay)`` by arrival.
    stations
        Most vehicles that can be parked at a time.
    split, sweep
        One of :data:`SPLITS`, one of :data:`SWEEPS`.
    rng
        For ``multinomial``. Every vehicle has its own draw, so turning some away leaves the stays of the others.

    Raises
    ------
    InputError
        For numbers that are negative or not finite, shares that do not add up to one, or unknown words.
    """
    arrivals = _numbers("arrivals", arrivals)
    shares = np.broadcast_to(_numbers("shares", shares), (arrivals.size, np.shape(shares)[-1]))
    _check(arrivals, shares, stations, split, sweep)
    spread = _SPREADS[split](arrivals, shares, rng)
    return (_forward if sweep == "forward" else _all_hours)(arrivals, shares.shape[1], float(stations), spread)


def classes_of(stays: int, upper: Sequence[int]) -> IntArray:
    """Return the class of each length of stay, shape ``(stays,)``.

    Parameters
    ----------
    stays
        Longest stay, periods.
    upper
        Longest stay of each class, rising, e.g. ``(3, 8, 12)``; the last one covers all stays.
    """
    if not upper or list(upper) != sorted(set(upper)) or upper[0] < 1 or upper[-1] < stays:
        raise InputError("arrivals", "classes", tuple(upper), f"rising numbers of periods up to {stays} or more")
    return np.searchsorted(np.asarray(upper), np.arange(1, stays + 1)).astype(np.int64)


def _forward(arrivals: FloatArray, longest: int, stations: float, spread: _Split) -> Stays:
    count = np.zeros((arrivals.size, longest))
    parked = 0.0
    for t in range(arrivals.size):
        for stay in range(1, min(t, longest) + 1):
            parked -= count[t - stay, stay - 1]
        kept = min(arrivals[t], max(stations - parked, 0.0))
        count[t] = spread(t, kept)
        parked += float(count[t].sum())
    return Stays(count)


def _all_hours(arrivals: FloatArray, longest: int, stations: float, spread: _Split) -> Stays:
    kept = arrivals.copy()
    while True:
        stays = Stays(np.array([spread(t, number) for t, number in enumerate(kept)]).reshape(-1, longest))
        excess = stays.parked - stations
        if not (excess > _SHARES * (1.0 + stations)).any():
            return stays
        kept = np.maximum(kept - np.maximum(excess, 0.0), 0.0)


def _expected(arrivals: FloatArray, shares: FloatArray, rng: np.random.Generator | None) -> _Split:  # noqa: ARG001 - as the others
    return lambda t, number: number * shares[t]


def _largest_remainder(
    arrivals: FloatArray,  # noqa: ARG001 - as the others
    shares: FloatArray,
    rng: np.random.Generator | None,  # noqa: ARG001 - as the others
) -> _Split:
    def spread(t: int, number: float) -> FloatArray:
        whole = math.floor(number + _SHARES)
        exact = whole * shares[t]
        count = np.floor(exact + _SHARES)
        first = np.argsort(-np.round(exact - count, 9), kind="stable")[: whole - round(float(count.sum()))]
        count[first] += 1.0
        return np.asarray(count)

    return spread


def _multinomial(arrivals: FloatArray, shares: FloatArray, rng: np.random.Generator | None) -> _Split:
    if rng is None:
        raise InputError("arrivals", "rng", None, "a generator, as each vehicle's stay is drawn")
    edges = np.cumsum(shares, axis=1)
    drawn = [rng.random(int(number)) for number in arrivals]

    def spread(t: int, number: float) -> FloatArray:
        stay = np.searchsorted(edges[t], drawn[t][: math.floor(number + _SHARES)] * edges[t, -1], side="right")
        return np.bincount(stay, minlength=shares.shape[1]).astype(np.float64)

    return spread


_SPREADS = {"expected": _expected, "largest-remainder": _largest_remainder, "multinomial": _multinomial}


def _numbers(name: str, values: FloatArray) -> FloatArray:
    values = np.asarray(values, dtype=np.float64)
    bad = ~(np.isfinite(values) & (values >= 0.0))
    if bad.any():
        raise InputError("arrivals", name, float(values[bad][0]), "numbers >= 0")
    return values


def _check(arrivals: FloatArray, shares: FloatArray, stations: float, split: str, sweep: str) -> None:
    for name, word, words in (("split", split, SPLITS), ("sweep", sweep, SWEEPS)):
        if word not in words:
            raise InputError("arrivals", name, word, "one of " + ", ".join(words))
    if not (math.isfinite(stations) and stations >= 0.0):
        raise InputError("arrivals", "stations", stations, "a number >= 0")
    total = shares.sum(axis=1)
    if total.size and not (np.abs(total - 1.0) <= _SHARES).all():
        raise InputError("arrivals", "shares", float(total[np.abs(total - 1.0).argmax()]), "shares that add up to 1")
    if split == "expected":
        return
    for name, values in (("arrivals", arrivals), ("stations", np.array([stations]))):
        if (values != np.round(values)).any():
            raise InputError("arrivals", name, float(values[values != np.round(values)][0]), "whole numbers")


__all__ = [
    "SPLITS",
    "SWEEPS",
    "Stays",
    "classes_of",
    "drawn_arrivals",
    "lognormal",
    "stays_at_stations",
    "still_parked",
]
