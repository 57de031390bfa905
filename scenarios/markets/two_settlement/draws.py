"""What is uncertain about a day of two settlements: errors of real time, and scenarios of the day-ahead market.

Every source (load, price, and each kind of renewable unit with the same law) is drawn and reduced for itself; then a
few joint scenarios take one day of each source, each with the probability that reduction gave it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from equilibrium.arrays import FloatArray, IntArray
from scenarios.draws.reduction import reduce_scenarios
from scenarios.markets.charging.schema import RenewableSection
from scenarios.markets.charging.units import drawn_potential
from scenarios.streams import Streams
from scenarios.time_axis import TimeAxis


def fading_errors(rng: np.random.Generator, periods: int, sigma: float, persistence: float) -> FloatArray:
    """Draw relative errors that last, shape ``(periods,)``: each keeps a share of the one before.

    Parameters
    ----------
    rng
        Where the numbers come from.
    periods
        Their number.
    sigma
        Standard deviation of every error.
    persistence
        Share of an error that is left a period later, 0 to below 1.
    """
    shocks = rng.standard_normal(periods)
    errors = np.empty(periods)
    last = shocks[0] if periods else 0.0
    for k in range(periods):
        last = last if k == 0 else persistence * last + np.sqrt(1.0 - persistence**2) * shocks[k]
        errors[k] = last
    return np.asarray(sigma * errors)


@dataclass(frozen=True, eq=False)
class Source:
    """A few days of one source that stand for many.

    Attributes
    ----------
    kept
        Shape ``(kept, T, ...)``.
    probability
        Shape ``(kept,)``.
    distance
        Kantorovich distance from all that were drawn, in the unit of the source.
    """

    kept: FloatArray
    probability: FloatArray
    distance: float

    @classmethod
    def reduced(cls, drawn: FloatArray, keep: int) -> Source:
        """Keep a few of many equally likely days, shape ``(draws, T, ...)``."""
        count = drawn.shape[0]
        left = reduce_scenarios(drawn.reshape(count, -1), np.full(count, 1.0 / count), keep)
        return cls(drawn[left.kept], left.probability, left.distance)

    def picked(self, shares: FloatArray) -> FloatArray:
        """Return the days at some quantiles of their probabilities, shape ``(shares, T, ...)``."""
        edges = np.cumsum(self.probability)
        at = np.minimum(np.searchsorted(edges, shares, side="right"), edges.size - 1)
        return self.kept[at]


def joined(sources: Sequence[Source], count: int, rng: np.random.Generator) -> list[FloatArray]:
    """Return a few equally likely joint days: of each source one day a scenario, spread evenly over its probability.

    The order of each source is drawn for itself, so that sources do not hang together.
    """
    middle = (np.arange(count) + 0.5) / count
    return [source.picked(middle[rng.permutation(count)]) for source in sources]


def laws_of(units: Sequence[RenewableSection]) -> list[IntArray]:
    """Return groups of units that share their weather and its law, as indices."""
    laws: dict[str, list[int]] = {}
    for k, unit in enumerate(units):
        law = unit.model_dump(exclude={"name", "bus", "rated_kw", "failures_per_year", "repair_h"})
        laws.setdefault(repr(law), []).append(k)
    return [np.array(group, dtype=np.int64) for group in laws.values()]


def potentials(
    units: Sequence[RenewableSection], expected_kw: FloatArray, streams: Streams, index: int, axis: TimeAxis
) -> FloatArray:
    """Return the potentials of all units on a day, kW, shape ``(periods, units)``."""
    each = [drawn_potential(unit, kw, streams, index, axis) for unit, kw in zip(units, expected_kw.T, strict=True)]
    return np.array(each).reshape(len(units), axis.size).T


def drawn_potentials(
    unit: RenewableSection, expected_kw: FloatArray, streams: Streams, index: int, axis: TimeAxis, draws: int
) -> FloatArray:
    """Return many draws of a unit's potential on a day, kW, shape ``(draws, periods)``."""
    seeds = streams.generator(f"forecast {unit.kind}", index).integers(2**62, size=draws).tolist()
    return np.array([drawn_potential(unit, expected_kw, Streams(seed), index, axis) for seed in seeds])
