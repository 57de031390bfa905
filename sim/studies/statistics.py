"""Statistics of a study's runs: means with intervals, quantiles, CVaR, paired differences, convergence."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from equilibrium.arrays import FloatArray
from equilibrium.errors import InputError
from sim.studies.specification import Specification
from sim.studies.storage import StudyResults

_RESAMPLES = 9_999
_IN_MEMORY = 1_000_000
"""Values that are resampled at once."""

_SOBOL = ("first", "first_low", "first_high", "total", "total_low", "total_high")


@dataclass(frozen=True)
class Interval:
    """A mean of independent replications with its confidence interval.

    Attributes
    ----------
    mean
        The mean; NaN without values.
    low, high
        The interval; NaN where there are fewer than two values, from which no spread can be told.
    count
        Number of values.
    """

    mean: float
    low: float
    high: float
    count: int


def t_interval(values: FloatArray, confidence: float = 0.95) -> Interval:
    """Return the mean with Student's t interval.

    Parameters
    ----------
    values
        One value a replication, shape ``(replications,)``.
    confidence
        Probability with which the interval covers the true mean of normal values, between 0 and 1.

    References
    ----------
    A. M. Law, Simulation Modeling and Analysis, 5th ed., McGraw-Hill, 2015, section 4.5.

    Examples
    --------
    >>> found = t_interval(np.array([1.0, 2.0, 3.0]))
    >>> found.mean, round(found.high - found.mean, 4), found.count
    (2.0, 2.4841, 3)
    """
    kept = _kept(values, confidence)
    if kept.size < 2:
        return _alone(kept)
    half = float(stats.t.ppf(0.5 + confidence / 2.0, kept.size - 1) * kept.std(ddof=1) / np.sqrt(kept.size))
    mean = float(kept.mean())
    return Interval(mean, mean - half, mean + half, kept.size)


def bootstrap_interval(values: FloatArray, confidence: float = 0.95, seed: int = 0) -> Interval:
    """Return the mean with the bias-corrected and accelerated bootstrap interval; the seed makes it repeatable.

    Parameters
    ----------
    values, confidence
        As in :func:`t_interval`; nothing is assumed of their distribution.
    seed
        Of the resampling.

    References
    ----------
    B. Efron, "Better bootstrap confidence intervals", Journal of the American Statistical Association 82, 1987.
    """
    kept = _kept(values, confidence)
    if kept.size < 2:
        return _alone(kept)
    mean, spread = float(kept.mean()), float(np.ptp(kept))
    if spread == 0.0:
        return Interval(mean, mean, mean, kept.size)
    scaled = (kept - mean) / spread  # the interval moves with its values, and nothing is lost by rounding
    found = stats.bootstrap(
        (scaled,),
        np.mean,
        n_resamples=_RESAMPLES,
        batch=max(1, _IN_MEMORY // scaled.size),
        confidence_level=confidence,
        random_state=np.random.default_rng(seed),
    ).confidence_interval
    return Interval(mean, mean + spread * float(found.low), mean + spread * float(found.high), kept.size)


def cvar(values: FloatArray, level: float = 0.95, *, upper: bool = False) -> float:
    """Return the mean of the worst share ``1 - level`` of equally likely values.

    Parameters
    ----------
    values
        One value a replication, shape ``(replications,)``.
    level
        From 0 (the mean) to below 1.
    upper
        Whether large values are bad (costs), else small ones (profits).

    References
    ----------
    R. T. Rockafellar, S. Uryasev, "Conditional value-at-risk for general loss distributions", Journal of Banking and
    Finance 26, 2002: where the share cuts a value, only that part of it counts.

    Examples
    --------
    >>> profits = np.array([1.0, 2.0, 3.0, 4.0])
    >>> cvar(profits, 0.5)
    1.5
    >>> cvar(profits, 0.5, upper=True)
    3.5
    """
    if not 0.0 <= level < 1.0:
        raise InputError("statistics", "level", level, "a number from 0 to below 1")
    kept = np.sort(values[~np.isnan(values)])
    if not kept.size:
        return float("nan")
    worst = kept[::-1] if upper else kept
    share = (1.0 - level) * kept.size
    weight = np.clip(share - np.arange(kept.size), 0.0, 1.0)
    return float(weight @ worst / share)


def paired_difference(
    runs: pd.DataFrame, output: str, point: int, other: int, confidence: float = 0.95
) -> tuple[Interval, float]:
    """Return how much an output is larger at a point than at another one, replication by replication.

    Under common random numbers both see the same days, so that what is common to them cancels out.

    Parameters
    ----------
    runs
        The runs of a study.
    output
        Name of the output.
    point, other
        The points.
    confidence
        As in :func:`t_interval`.

    Returns
    -------
    Interval
        The mean difference over the replications that both have.
    float
        The variance of the difference over that of independent runs: below 1, the common numbers help; NaN where
        neither varies.
    """
    if output not in runs.columns:
        raise InputError("statistics", "output", output, f"one of {', '.join(runs.columns)}")
    by_point = runs.pivot_table(index="replication", columns="point", values=output, dropna=False)
    for each in (point, other):
        if each not in by_point.columns:
            raise InputError("statistics", "point", each, "a point with finished runs")
    both = by_point[[point, other]].dropna() if point != other else by_point[[point]].dropna()
    first, second = both[point].to_numpy(), both[other].to_numpy()
    apart = float(first.var(ddof=1) + second.var(ddof=1)) if first.size > 1 else 0.0
    ratio = float((first - second).var(ddof=1)) / apart if apart > 0.0 else float("nan")
    return t_interval(first - second, confidence), ratio


def convergence(values: FloatArray, confidence: float = 0.95) -> pd.DataFrame:
    """Return the mean and its t interval after each number of replications, in their order."""
    rows = [t_interval(values[:count], confidence) for count in range(1, values.size + 1)]
    return pd.DataFrame([{"replications": r.count, "mean": r.mean, "low": r.low, "high": r.high} for r in rows])


def sobol_indices(specification: Specification, results: StudyResults, output: str) -> pd.DataFrame:
    """Return how much of the variance of an output is due to each sampled key, alone and with all others.

    Parameters
    ----------
    specification
        A study whose sample is ``saltelli``, without a grid.
    results
        Its results; the replications of a point are averaged.
    output
        An output of runs.

    Returns
    -------
    DataFrame
        ``key``, ``first`` and ``total``, each with the 95 % interval of a bootstrap over the points.

    Raises
    ------
    InputError
        When the sample is another one, or a point has no value.

    References
    ----------
    A. Saltelli et al., 2010, as in :func:`sim.studies.specification.saltelli_shares`.
    """
    sample = specification.file.sample
    if sample is None or sample.method != "saltelli" or specification.file.grid:
        found = "none" if sample is None else sample.method
        raise InputError(specification.source, "sample.method", found, "saltelli, without a grid")
    if output not in results.runs.columns:
        raise InputError("statistics", "output", output, f"one of {', '.join(specification.file.outputs)}, of runs")
    means = results.runs.groupby("point")[output].mean().reindex(results.points["point"]).to_numpy(dtype=np.float64)
    if not np.isfinite(means).all():
        expected = "a value at every point: Sobol's indices allow no gap"
        raise InputError(
            specification.source, f"point {int(np.argmin(np.isfinite(means)))}", "no finished run", expected
        )
    first, second, *mixed = np.split(means, len(sample.keys) + 2)
    values = {"f_A": first[None], "f_B": second[None], "f_AB": np.stack(mixed)[:, None]}
    if np.ptp(means) == 0.0:
        zero = np.zeros(len(sample.keys))
        return pd.DataFrame({"key": list(sample.keys), **dict.fromkeys(_SOBOL, zero)})
    found = stats.sobol_indices(func=values, n=sample.points, random_state=np.random.default_rng(sample.seed))
    spread = found.bootstrap(confidence_level=0.95)
    columns = [
        *(found.first_order, spread.first_order.confidence_interval.low, spread.first_order.confidence_interval.high),
        *(found.total_order, spread.total_order.confidence_interval.low, spread.total_order.confidence_interval.high),
    ]
    return pd.DataFrame({"key": list(sample.keys), **dict(zip(_SOBOL, map(np.ravel, columns), strict=True))})


def summary(specification: Specification, results: StudyResults, confidence: float = 0.95) -> pd.DataFrame:
    """Return a row for each point and output of runs: mean, t and bootstrap interval, quantiles and CVaR.

    Days of one run are no independent values, so outputs of days are first averaged over each run.
    """
    outputs = specification.file.outputs
    runs = results.runs
    daily = [name for name, each in outputs.items() if each.per == "day"]
    if daily:
        means = results.days.groupby(["point", "replication"], as_index=False)[daily].mean()
        runs = runs.merge(means, on=["point", "replication"], how="left")
    rows = []
    for point in results.points["point"]:
        for name in outputs:
            values = runs.loc[runs["point"] == point, name].to_numpy(dtype=np.float64)
            rows.append({"point": point, "output": name, **_summed_up(values, confidence)})
    return pd.DataFrame(rows)


def _summed_up(values: FloatArray, confidence: float) -> dict[str, float]:
    by_t, by_bootstrap = t_interval(values, confidence), bootstrap_interval(values, confidence)
    kept = values[~np.isnan(values)]
    quantiles = np.quantile(kept, [0.05, 0.5, 0.95]) if kept.size else [np.nan] * 3
    return {
        "runs": by_t.count,
        "mean": by_t.mean,
        "t_low": by_t.low,
        "t_high": by_t.high,
        "bootstrap_low": by_bootstrap.low,
        "bootstrap_high": by_bootstrap.high,
        "q05": float(quantiles[0]),
        "median": float(quantiles[1]),
        "q95": float(quantiles[2]),
        "cvar_low": cvar(kept),
        "cvar_high": cvar(kept, upper=True),
    }


def _kept(values: FloatArray, confidence: float) -> FloatArray:
    if not 0.0 < confidence < 1.0:
        raise InputError("statistics", "confidence", confidence, "a number between 0 and 1")
    kept: FloatArray = values[~np.isnan(values)]
    return kept


def _alone(kept: FloatArray) -> Interval:
    nothing = float("nan")
    return Interval(float(kept[0]) if kept.size else nothing, nothing, nothing, kept.size)
