"""Other forms of a day of the aggregator market, and what the market must make of them: units and order do not matter.

Profits are known up to the gap that is proved, so two forms agree where what they leave open overlaps.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from equilibrium.arrays import IntArray
from equilibrium.grid.network import Network
from equilibrium.invariants import PUBLISHED_TOLERANCE, Relation, intervals_apart
from equilibrium.markets.aggregator.clearing import AggregatorClearing
from equilibrium.markets.aggregator.day import AggregatorDay, Lot
from equilibrium.markets.charging.relations import MONEY, scaled

_SOURCE = "equilibrium/markets/aggregator/relations.py"

HIGHER = 1.25
"""What all caps are multiplied with."""

_TARIFFS = ("g2v1", "g2v2", "g2v3", "v2g", "extra", "parking", "degradation")
_VEHICLES = ("parked", "arriving", "departing", "arrival_kwh", "brought_kwh")


def other_money(network: Network, day: AggregatorDay) -> tuple[Network, AggregatorDay]:
    """Return the day in another currency: every price times :data:`MONEY`."""
    return network, replace(
        _with_caps(scaled(day, ("energy_price", "reserve_price"), MONEY), MONEY),
        lots=tuple(replace(lot, tariffs=scaled(lot.tariffs, _TARIFFS, MONEY)) for lot in day.lots),
        generators=tuple(scaled(unit, ("cost",), MONEY) for unit in day.generators),
        retailer=scaled(day.retailer, ("price", "incentive"), MONEY),
        grid=day.grid and scaled(day.grid, ("loss_price",), MONEY),
    )


def other_order(network: Network, day: AggregatorDay) -> tuple[Network, AggregatorDay]:
    """Return the day with its lots, generators and scenarios in the opposite order."""
    order = np.arange(day.scenarios)[::-1]
    return network, replace(_with_scenarios(day, order), lots=_drawn(day, order)[::-1], generators=day.generators[::-1])


def other_scenarios(network: Network, day: AggregatorDay) -> tuple[Network, AggregatorDay]:
    """Return the day with its first scenario twice, each time half as probable."""
    order = np.concatenate([[0], np.arange(day.scenarios)])
    twice = _with_scenarios(day, order)
    twice.probability[:2] *= 0.5
    return network, twice


def higher_caps(network: Network, day: AggregatorDay) -> tuple[Network, AggregatorDay]:
    """Return the day with every cap times :data:`HIGHER`."""
    return network, _with_caps(day, HIGHER)


def _with_scenarios(day: AggregatorDay, order: IntArray) -> AggregatorDay:
    return replace(day, lots=_drawn(day, order), probability=day.probability[order])


def _drawn(day: AggregatorDay, order: IntArray) -> tuple[Lot, ...]:
    return tuple(
        replace(lot, vehicles=replace(lot.vehicles, **{name: getattr(lot.vehicles, name)[order] for name in _VEHICLES}))
        for lot in day.lots
    )


def _with_caps(day: AggregatorDay, factor: float) -> AggregatorDay:
    """Return the day with its caps multiplied, those that it has."""
    return replace(
        day,
        cap=None if day.cap is None else factor * day.cap,
        uniform_cap=None if day.uniform_cap is None else factor * day.uniform_cap,
        reserve_cap=factor * day.reserve_cap,
    )


def _same(factor: float) -> Callable[[AggregatorClearing, AggregatorClearing], float]:
    """Return what compares the profits of two forms: by how much one is above what the other can be at most."""

    def violation(first: AggregatorClearing, second: AggregatorClearing) -> float:
        return intervals_apart((factor * first.profit, factor * first.bound), (second.profit, second.bound))

    return violation


def _not_less(first: AggregatorClearing, second: AggregatorClearing) -> float:
    """Compare a day with one that allows more."""
    return max(first.profit - second.bound, 0.0) / max(1.0, abs(first.profit))


RELATIONS: tuple[Relation[AggregatorDay, AggregatorClearing], ...] = (
    Relation(
        "other-money",
        "with every price and cap halved, the aggregator's profit is halved",
        _SOURCE,
        PUBLISHED_TOLERANCE,
        other_money,
        _same(MONEY),
    ),
    Relation(
        "other-order",
        "the order of lots, generators and scenarios does not matter",
        _SOURCE,
        PUBLISHED_TOLERANCE,
        other_order,
        _same(1.0),
    ),
    Relation(
        "other-scenarios",
        "a scenario that stands there twice, each time half as probable, is the same scenario",
        _SOURCE,
        PUBLISHED_TOLERANCE,
        other_scenarios,
        _same(1.0),
    ),
    Relation(
        "higher-caps",
        "with higher caps the aggregator earns no less",
        _SOURCE,
        PUBLISHED_TOLERANCE,
        higher_caps,
        _not_less,
    ),
)
"""What holds of every day."""
