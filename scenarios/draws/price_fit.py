"""A model of prices fitted to a series of them."""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable

import numpy as np

from equilibrium.arrays import FloatArray
from equilibrium.errors import InputError
from scenarios.draws.sarima import LARGEST, PriceModel, Recursion
from scenarios.readers.prices import PriceSeries
from scenarios.time_axis import DAY_H, WEEK, without_gaps

FEWEST_DAYS = 14
"""Days below which nothing is fitted: every weekday twice."""

_STARTS = ((0.5, 0.0, 0.1), (0.9, -0.3, 0.5), (0.9, 0.3, 0.1))
"""Where the search for the coefficients begins; the best end counts."""


def fit_price_model(series: PriceSeries, *, values: str = "log", likelihood: str = "conditional") -> PriceModel:
    """Fit a model of prices: first its profile of the week, then what is left.

    The profile is that of least squares with a part for the step of the day and one for the weekday. The coefficients
    have the least sum of squared shocks, given the first day: the maximum of the conditional likelihood. ``exact``
    takes the whole likelihood by statsmodels instead, which counts the first day too and takes a minute for a year.

    Parameters
    ----------
    series
        Prices of :data:`FEWEST_DAYS` days or more, in equal steps.
    values
        ``"log"``, or ``"level"`` where prices may be zero or negative.
    likelihood
        ``"conditional"`` or ``"exact"``.

    Raises
    ------
    InputError
        For too few days, prices that have no logarithm, or statsmodels where it is wanted and not installed.
    """
    if series.days < FEWEST_DAYS:
        raise InputError(series.source, "days", series.days, f"at least {FEWEST_DAYS} to fit a model of prices")
    if likelihood not in _LIKELIHOODS:
        raise InputError("fit_price_model", "likelihood", likelihood, " or ".join(_LIKELIHOODS))
    y = transformed(series, values)
    season = season_of(y, series)
    rest = y - season[_weekdays(series)]
    ar, ma, seasonal_ar, sigma = _LIKELIHOODS[likelihood](rest)
    return PriceModel(season, ar, ma, seasonal_ar, sigma, values)


def given_price_model(
    series: PriceSeries, *, ar: float, ma: float, seasonal_ar: float, sigma: float, values: str = "log"
) -> PriceModel:
    """Return the model with given coefficients about the profile of a series; arguments and errors as above."""
    season = season_of(transformed(series, values), series)
    return PriceModel(season, ar, ma, seasonal_ar, sigma, values)


def transformed(series: PriceSeries, values: str) -> FloatArray:
    """Return what the model is one of, in equal steps of the clock, shape ``(days, steps)``.

    Raises
    ------
    InputError
        For prices that have no logarithm where it is wanted.
    """
    steps = max((axis.size for axis in series.axes if axis.unchanged), default=DAY_H)
    price = np.array(
        [without_gaps(axis.to_clock(own, steps)) for own, axis in zip(series.price, series.axes, strict=True)]
    )
    if values == "level":
        return price
    if not (price > 0.0).all():
        low = 1000.0 * float(price.min())
        raise InputError(series.source, "lowest price", f"{low:g} per MWh", "prices > 0, or values: level")
    return np.asarray(np.log(price))


def season_of(y: FloatArray, series: PriceSeries) -> FloatArray:
    """Return the profile of a week with a part for each step and one for each weekday, shape ``(7, steps)``.

    Parameters
    ----------
    y
        Shape ``(days, steps)``.
    series
        With the dates of the days; without dates, and for a weekday that is missing, the mean day counts.
    """
    by_day, weekdays = y.mean(axis=1), _weekdays(series)
    overall = float(by_day.mean())
    known = [by_day[weekdays == weekday] if series.dates else by_day for weekday in range(WEEK)]
    level = np.array([float(each.mean()) if each.size else overall for each in known])
    return np.asarray(level[:, None] + y.mean(axis=0) - overall)


def _weekdays(series: PriceSeries) -> np.ndarray:
    """Return the weekday of each day, shape ``(days,)``."""
    if not series.dates:
        return np.arange(series.days) % WEEK
    return np.array([date.weekday() for date in series.dates])


def _conditional(rest: FloatArray) -> tuple[float, float, float, float]:
    """Return coefficients and deviation of least squares, given the first day."""
    from scipy.optimize import least_squares  # here, because it is slow to import

    scale = float(rest.std())
    if scale == 0.0:
        return 0.0, 0.0, 0.0, 0.0
    found = [
        least_squares(lambda point: _shocks(rest / scale, *point), start, bounds=(-LARGEST, LARGEST), xtol=1e-10)
        for start in _STARTS
    ]
    best = min(found, key=lambda one: float(one.cost))
    ar, ma, seasonal_ar = (float(value) for value in best.x)
    return ar, ma, seasonal_ar, scale * math.sqrt(2.0 * float(best.cost) / best.fun.size)


def _shocks(rest: FloatArray, ar: float, ma: float, seasonal_ar: float) -> FloatArray:
    """Return the shocks of all days but the first, whose own are taken as nothing, shape ``((days - 1) steps,)``."""
    days, steps = rest.shape[0] - 1, rest.shape[1]
    new = (rest[1:] - seasonal_ar * rest[:-1]).ravel()
    left = np.append(0.0, new[1:] - ar * new[:-1]).reshape(days, steps)
    recursion, before, shocks = Recursion(-ma, steps), 0.0, np.empty((days, steps))
    for day in range(days):
        (shocks[day],) = recursion.of(left[day][None], before)
        before = float(shocks[day, -1])
    return shocks.ravel()


def _exact(rest: FloatArray) -> tuple[float, float, float, float]:
    """Return coefficients and deviation of the greatest likelihood, by the Kalman filter of statsmodels."""
    try:
        module = importlib.import_module("statsmodels.tsa.statespace.sarimax")
    except ImportError:
        expected = "statsmodels: pip install 'equilot[prices]'"
        raise InputError("fit_price_model", "likelihood exact", "not installed", expected) from None
    ar, ma, seasonal_ar, sigma = _conditional(rest)
    scale = float(rest.std()) or 1.0
    model = module.SARIMAX(rest.ravel() / scale, order=(1, 0, 1), seasonal_order=(1, 0, 0, rest.shape[1]))
    found = model.fit([ar, ma, seasonal_ar, (sigma / scale) ** 2], disp=False, maxiter=200).params
    largest = np.clip(found[:3], -LARGEST, LARGEST)
    return float(largest[0]), float(largest[1]), float(largest[2]), scale * math.sqrt(float(found[3]))


_LIKELIHOODS: dict[str, Callable[[FloatArray], tuple[float, float, float, float]]] = {
    "conditional": _conditional,
    "exact": _exact,
}
