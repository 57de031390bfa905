"""The DISCO market's benchmarks."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter

import numpy as np

from benchmarks.harness import Result, compare, timed
from equilibrium.network import FloatArray
from scenarios.disco_cases import DISCO_CVAR
from scenarios.reduction import reduce_scenarios
from scenarios.sampling import draw_scenarios, sample_points


def plain_reduction(points: FloatArray, probability: FloatArray, keep: int) -> set[int]:
    """Fast forward selection as it is printed: candidate by candidate."""
    away = np.array([np.sqrt(((points - point) ** 2).sum(axis=1)) for point in points])
    nearest = np.full(len(points), np.inf)
    kept: set[int] = set()
    for _ in range(keep):
        left = {u: probability @ np.minimum(nearest, away[u]) for u in range(len(points)) if u not in kept}
        best = min(left, key=lambda u: left[u])
        kept.add(best)
        nearest = np.minimum(nearest, away[best])
    return kept


def reduction_1000_to_10_seconds() -> Result:
    weather, fleet = DISCO_CVAR.weather_and_fleet()
    draw_scenarios.cache_clear()
    start = perf_counter()
    samples = draw_scenarios(weather, fleet, DISCO_CVAR.vehicles, scenarios=1000, samples=1000, seed=0)
    drawn = perf_counter() - start
    points, probability = sample_points(samples, fleet), np.full(1000, 1e-3)
    found = reduce_scenarios(points, probability, 10)
    if set(found.kept.tolist()) != plain_reduction(points, probability, 10):
        raise AssertionError("the two reductions keep different scenarios")
    note = (
        f"1,000 samples of a day with 500 vehicles, {points.shape[1]} values each, to 10; distance "
        f"{found.distance:.3f}, mean distance of two samples {mean_distance(points):.3f}; the reference is the same "
        f"selection, candidate by candidate; drawing all takes {drawn:.2g} s; goal < 2 s"
    )
    return compare(
        "reduction_1000_to_10_seconds",
        lambda: timed(lambda: reduce_scenarios(points, probability, 10)),
        lambda: timed(lambda: plain_reduction(points, probability, 10)),
        note,
    )


def mean_distance(points: FloatArray) -> float:
    """Mean distance of a sample from another one."""
    return float(np.mean([np.sqrt(((points - point) ** 2).sum(axis=1)).sum() / (len(points) - 1) for point in points]))


BENCHMARKS: dict[str, Callable[[], Result]] = {
    function.__name__: function for function in (reduction_1000_to_10_seconds,)
}
