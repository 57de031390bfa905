"""Other forms of a day of two settlements, and what the day-ahead market must make of them: units and order.

A schedule is proved up to a gap, so what must agree are intervals: from the objective that was found to its bound.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from equilibrium.invariants import PUBLISHED_TOLERANCE, Relation, intervals_apart
from equilibrium.markets.charging.relations import MONEY, POWER, scaled
from equilibrium.markets.two_settlement.clearing import DayAheadClearing
from equilibrium.markets.two_settlement.system import ActiveSystem, Bid, DayAhead

_SOURCE = "equilibrium/markets/two_settlement/relations.py"

_PRICES = ("buy", "sell", "reactive", "spinning", "regulating")
_BID_PRICES = ("sold_price", "bought_price", "spinning_price", "regulating_price")
_BID_POWERS = ("power_kw", "spinning_kw", "regulating_kw")
_PENALTIES = ("energy", "reactive", "spinning", "output")
_STORED = ("energy_kwh", "charge_max_kw", "discharge_max_kw", "initial_kwh", "energy_min_kwh")
_GENERATOR_POWERS = ("least_kw", "most_kw", "rating_kva", "ramp_kw_per_h", "before_kw")
_GENERATOR_COSTS = ("idle_cost_per_h", "start_cost")

ONE_NUMBER = ("profit", "total")
"""Aims whose objective is one number of the day; others look for it among schedules that are found within a gap."""


def other_money(system: ActiveSystem, day: DayAhead) -> tuple[ActiveSystem, DayAhead]:
    """Return the day in another currency: every price and cost times :data:`MONEY`."""
    units = tuple(scaled(unit, ("cost_per_kwh", *_GENERATOR_COSTS), MONEY) for unit in system.generators)
    scenarios = tuple(replace(each, prices=scaled(each.prices, _PRICES, MONEY)) for each in day.scenarios)
    return (
        replace(scaled(system, ("lost_load_value",), MONEY), generators=units),
        replace(
            scaled(day, ("price_deviation",), MONEY),
            scenarios=scenarios,
            bids=tuple(scaled(bid, _BID_PRICES, MONEY) for bid in day.bids),
            penalties=scaled(day.penalties, _PENALTIES, MONEY),
        ),
    )


def other_power(system: ActiveSystem, day: DayAhead) -> tuple[ActiveSystem, DayAhead]:
    """Return the day in another unit of power: powers and energies times :data:`POWER`, impedances divided."""
    grid = scaled(system.grid, ("rating_kva", "load_kw", "load_kvar"), POWER)
    powers = ("load_kw", "load_kvar", "available_kw")
    return (
        replace(
            scaled(system, ("trade_max_kw",), POWER),
            grid=scaled(grid, ("r_ohm", "x_ohm"), 1.0 / POWER),
            generators=tuple(
                scaled(unit, (*_GENERATOR_POWERS, *_GENERATOR_COSTS), POWER) for unit in system.generators
            ),
            renewables=tuple(scaled(unit, ("rated_kw",), POWER) for unit in system.renewables),
            storages=tuple(scaled(unit, _STORED, POWER) for unit in system.storages),
        ),
        replace(
            scaled(day, ("spinning_need_kw", "regulating_need_kw"), POWER),
            load_deviation_kw=None if day.load_deviation_kw is None else POWER * day.load_deviation_kw,
            scenarios=tuple(scaled(each, powers, POWER) for each in day.scenarios),
            bids=tuple(_more_power(bid) for bid in day.bids),
        ),
    )


def _more_power(bid: Bid) -> Bid:
    """Return a bid with its powers times :data:`POWER`, those that it has."""
    powers = _BID_POWERS if bid.standby_kw is None else (*_BID_POWERS, "standby_kw")
    more: Bid = scaled(bid, powers, POWER)
    return more


def other_units(system: ActiveSystem, day: DayAhead) -> tuple[ActiveSystem, DayAhead]:
    """Return the day with its units and bids in the opposite order."""
    scenarios = tuple(replace(each, available_kw=each.available_kw[:, ::-1]) for each in day.scenarios)
    return (
        replace(
            system,
            generators=system.generators[::-1],
            renewables=system.renewables[::-1],
            storages=system.storages[::-1],
        ),
        replace(day, scenarios=scenarios, bids=day.bids[::-1]),
    )


def _same(factor: float) -> Callable[[DayAheadClearing, DayAheadClearing], float]:
    """Return what compares the proved intervals of the objective; nothing is said of an aim that is no one number."""

    def violation(first: DayAheadClearing, second: DayAheadClearing) -> float:
        if first.aim not in ONE_NUMBER:
            return 0.0
        return intervals_apart((factor * first.objective, factor * first.bound), (second.objective, second.bound))

    return violation


RELATIONS: tuple[Relation[DayAhead, DayAheadClearing], ...] = (
    Relation(
        "other-money",
        "with every price and cost halved, the best of the aim is halved",
        _SOURCE,
        PUBLISHED_TOLERANCE,
        other_money,
        _same(MONEY),
    ),
    Relation(
        "other-power",
        "with powers and energies doubled and impedances halved, the best of the aim doubles",
        _SOURCE,
        PUBLISHED_TOLERANCE,
        other_power,
        _same(POWER),
    ),
    Relation(
        "other-units",
        "the order of units and bids does not matter",
        _SOURCE,
        PUBLISHED_TOLERANCE,
        other_units,
        _same(1.0),
    ),
)
"""What holds of every day."""
