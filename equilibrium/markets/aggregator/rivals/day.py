"""A day of several aggregators as numbers: everybody's own followers, and what dealing with a stranger costs."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from equilibrium.arrays import FloatArray
from equilibrium.errors import InputError
from equilibrium.markets.aggregator.checks import check_day
from equilibrium.markets.aggregator.day import AggregatorDay

Prices = dict[str, FloatArray]
"""Prices of one aggregator in one market, by name, each of shape ``(periods,)``."""

Profile = tuple[tuple[Prices, ...], ...]
"""Prices of every aggregator (first index) to the followers of every aggregator (second index)."""


@dataclass(frozen=True, eq=False)
class RivalsDay:
    """Everything that competing aggregators take as given today.

    Market ``k`` is the followers of aggregator ``k``. Every aggregator may offer prices in every market; a follower
    deals with whom it likes, in parts if it likes, and pays for energy that it trades with a stranger.

    Attributes
    ----------
    names
        Of the aggregators.
    markets
        For each aggregator its own followers and its upstream prices, without a grid.
    wheeling
        What a follower pays the network for energy that it trades with another aggregator than its own, currency/kWh;
        of reserve what is expected to be called counts. Infinite: nobody deals with a stranger.
    """

    names: tuple[str, ...]
    markets: tuple[AggregatorDay, ...]
    wheeling: float

    @property
    def size(self) -> int:
        """Number of aggregators."""
        return len(self.markets)

    def seen_by(self, who: int, market: int) -> AggregatorDay:
        """Return a market with the upstream prices of aggregator ``who``: what trade there is worth to it."""
        own = self.markets[who]
        return replace(
            self.markets[market],
            energy_price=own.energy_price,
            reserve_price=own.reserve_price,
            failure_rate=own.failure_rate,
        )


def check_rivals(day: RivalsDay) -> None:
    """Refuse a day whose numbers do not fit together.

    Raises
    ------
    InputError
        Naming the place, the value and what was expected; the first mistake found.
    """
    if day.size < 2:
        raise InputError("aggregators", "number", day.size, "at least 2")
    if len(day.names) != day.size or len(set(day.names)) != day.size:
        raise InputError("aggregators", "names", list(day.names), f"{day.size} names that differ")
    if np.isnan(day.wheeling) or not day.wheeling >= 0.0:
        raise InputError("aggregators", "wheeling", day.wheeling, "a price, at least 0, or infinite")
    first = day.markets[0]
    followers: list[str] = []
    for name, market in zip(day.names, day.markets, strict=True):
        source = f"aggregator {name}"
        if market.grid is not None:
            raise InputError(source, "grid", "a feeder", "none: competing aggregators are stated without a feeder")
        check_day(market)
        if market.periods != first.periods or not np.array_equal(market.length_h, first.length_h):
            raise InputError(source, "periods", market.periods, f"those of {day.names[0]}: {first.periods}")
        if not np.array_equal(market.call, first.call):
            expected = f"that of {day.names[0]}: reserve is called by one operator"
            raise InputError(source, "call_probability", float(market.call[0]), expected)
        for each in [lot.name for lot in market.lots] + [unit.name for unit in market.generators]:
            if each in followers:
                raise InputError(source, "name of a lot or generator", each, "a name that no other aggregator's has")
            followers.append(each)
