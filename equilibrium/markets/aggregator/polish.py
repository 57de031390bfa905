"""Prices of a group put together from what its scenarios want, period by period."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

from equilibrium.markets.aggregator.nodes import Prices
from equilibrium.programs.program import GAP


def polished(
    best: Prices, value: float, others: Sequence[Prices], earned: Callable[[Prices], tuple[Prices, float]]
) -> tuple[Prices, float]:
    """Take the prices of a period from others where that earns more, until nothing changes.

    Parameters
    ----------
    best, value
        Prices, and what they earn.
    others
        Prices that are wanted elsewhere.
    earned
        Returns prices as they are best written, and what they earn; nothing is asked for twice.
    """
    periods = range(next(iter(best.values())).size)
    changed, known = True, {_name(best)}
    while changed:
        changed = False
        for period, other, names in itertools.product(periods, others, _sets(tuple(best))):
            trial = {name: each.copy() for name, each in best.items()}
            for name in names:
                trial[name][period] = other[name][period]
            if _name(trial) in known:
                continue
            known.add(_name(trial))
            prices, here = earned(trial)
            if here > value + GAP * (1.0 + abs(value)):
                best, value, changed = prices, here, True
    return best, value


def _name(prices: Prices) -> bytes:
    """Return what tells prices from others."""
    return b"".join(each.tobytes() for each in prices.values())


def _sets(names: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Return all prices together, then each alone."""
    return [names, *((name,) for name in names)] if len(names) > 1 else [names]
