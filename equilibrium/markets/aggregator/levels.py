"""Searches of several scenarios side by side, down to common levels of their gaps.

No search is told what another one finds while both go on, so what comes out depends neither on which of them ends first
nor on how many go on at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from equilibrium.arrays import FloatArray
from equilibrium.deadline import Deadline
from equilibrium.markets.aggregator.nodes import Prices
from equilibrium.markets.aggregator.search import Search
from equilibrium.programs.program import GAP
from equilibrium.programs.solvers.aside import side_by_side

LOWER = 0.95
"""Part of a level that the next one is at most."""


def look_all(searches: Sequence[Search], starts: Sequence[Prices]) -> None:
    """Let every search look at prices that may be good."""
    side_by_side([partial(search.look, starts) for search in searches])


def lower_all(
    searches: Sequence[Search], weights: FloatArray, deadline: Deadline, gap: float, enough: float = -np.inf
) -> None:
    """Go on with searches until each is within an absolute gap, or the sum of their bounds is low enough.

    Parameters
    ----------
    weights
        Of the searches in the sum.
    enough
        A weighted sum of bounds that is not above it need not be lowered: gaps are closed no further than it asks for.
    """
    level = np.inf
    while not _sum(weights, [search.bound for search in searches]) <= enough:
        level = min(LOWER * level, _level(searches, weights, enough))
        if level <= max(gap, GAP):
            level = gap  # to the end where none is left: other choices are good then
        left = [search for search in searches if not search.ended(level)]
        before = sum(search.looked for search in left)
        _run_all(left, deadline, level)
        stuck = sum(search.looked for search in left) == before
        if deadline.passed or deadline.nodes_left < len(left) or (stuck and (level <= gap or left)):
            break


def _run_all(searches: Sequence[Search], deadline: Deadline, gap: float) -> None:
    """Go on with searches, each with its share of the nodes that are left; those that leave most open come first."""
    order = sorted(searches, key=lambda search: -search.left)
    limits = deadline.parts(len(order))

    def stop() -> None:
        for limit in limits:
            limit.end()

    side_by_side([partial(search.run, limit, gap=gap) for search, limit in zip(order, limits, strict=True)], stop)


def _level(searches: Sequence[Search], weights: FloatArray, enough: float) -> float:
    """Return the gap at which the bounds of all searches come to just what is low enough."""
    earned = _sum(weights, [search.value for search in searches])
    return (enough - earned) / float(weights.sum()) if np.isfinite(earned) and weights.any() else -np.inf


def _sum(weights: FloatArray, values: Sequence[float]) -> float:
    """Return a weighted sum; what has no weight may be infinite."""
    return float(sum(weight * value for weight, value in zip(weights.tolist(), values, strict=True) if weight > 0.0))
