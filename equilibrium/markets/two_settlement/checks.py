"""What a system and a day of the market of two settlements must be: one clear error before any work is done."""

from __future__ import annotations

from math import ceil

import numpy as np

from equilibrium.arrays import FloatArray
from equilibrium.errors import InputError
from equilibrium.markets.two_settlement.system import ActiveSystem, Bid, DayAhead, Generator, Scenario, expected_prices
from equilibrium.programs.program import FEASIBILITY
from equilibrium.programs.risk import PROBABILITY_TOLERANCE
from equilibrium.shapes import check_shape


def check_system(system: ActiveSystem) -> None:
    """Refuse a system that cannot be run.

    Raises
    ------
    InputError
        For the first value that cannot be.
    """
    grid = system.grid
    if not grid.is_radial(grid.closed):
        raise InputError(f"grid {grid.name}", "base configuration", "not radial", "every bus fed from one root")
    places = [(unit.name, unit.bus) for unit in system.generators]
    places += [(unit.name, unit.bus) for unit in system.renewables]
    places += [(unit.name, unit.bus) for unit in system.storages]
    for k, (name, bus) in enumerate(places):
        if name in {other for other, _ in places[:k]}:
            raise InputError("system", "asset", name, "a name of its own for every asset")
        _check_bus(name, bus, grid.size)
    for generator in system.generators:
        _check_generator(generator)
    for unit in system.renewables:
        _check_number(unit.name, "rated_kw", unit.rated_kw, 0.0)
    check_shape("system", "lost_load_value", system.lost_load_value, (grid.size,))
    _check_least("system", "lost_load_value", system.lost_load_value, 0.0)
    check_shape("system", "outage_probability", system.outage_probability, (len(system.outages),))
    _check_least("system", "outage_probability", system.outage_probability, 0.0)
    if not system.trade_max_kw >= 0.0:
        raise InputError("system", "trade_max_kw", system.trade_max_kw, "a number from 0")
    if system.reactive_share is not None:
        _check_number("system", "reactive_share", system.reactive_share, -np.inf)


def _check_generator(unit: Generator) -> None:
    """Refuse a generator that cannot be."""
    for name in ("least_kw", "most_kw", "rating_kva", "idle_cost_per_h", "start_cost", "before_kw"):
        _check_number(unit.name, name, getattr(unit, name), 0.0)
    _check_number(unit.name, "cost_per_kwh", unit.cost_per_kwh, -np.inf)
    if not unit.least_kw <= unit.most_kw <= unit.rating_kva:
        found = (unit.least_kw, unit.most_kw, unit.rating_kva)
        raise InputError(unit.name, "least_kw, most_kw, rating_kva", found, "three numbers that do not fall")
    if not unit.ramp_kw_per_h >= 0.0:
        raise InputError(unit.name, "ramp_kw_per_h", unit.ramp_kw_per_h, "a number from 0")
    for name in ("min_up_h", "min_down_h"):
        if not getattr(unit, name) >= 0.0:
            raise InputError(unit.name, name, getattr(unit, name), "a number from 0")
    if unit.on_before_h == 0.0 or np.isnan(unit.on_before_h):
        raise InputError(unit.name, "on_before_h", unit.on_before_h, "hours on (positive) or off (negative)")
    if unit.on_before_h > 0.0 and not unit.least_kw <= unit.before_kw <= unit.most_kw:
        expected = f"a number from {unit.least_kw:g} to {unit.most_kw:g}, since it was on"
        raise InputError(unit.name, "before_kw", unit.before_kw, expected)


def check_day(system: ActiveSystem, day: DayAhead) -> None:
    """Refuse a day that does not fit the system.

    Raises
    ------
    InputError
        For the first value that cannot be.
    """
    length = day.length_h
    if length.ndim != 1 or not length.size or not (np.isfinite(length) & (length > 0.0)).all():
        raise InputError("day", "length_h", length.tolist(), "at least one period, each of a length above 0")
    if np.ptp(length) > FEASIBILITY * float(length[0]):
        raise InputError("day", "length_h", length.tolist(), "periods of one length")
    _check_held(day)
    for unit in system.generators:
        for name in ("min_up_h", "min_down_h"):
            if ceil(getattr(unit, name) / float(length[0])) > length.size:
                expected = f"at most the horizon, {length.sum():g} h"
                raise InputError(unit.name, name, getattr(unit, name), expected)
    if not day.scenarios:
        raise InputError("day", "scenarios", 0, "at least one scenario")
    total = sum(each.probability for each in day.scenarios)
    if not all(each.probability > 0.0 for each in day.scenarios) or abs(total - 1.0) > PROBABILITY_TOLERANCE:
        found = [each.probability for each in day.scenarios]
        raise InputError("day", "probability of scenarios", found, "numbers above 0 that sum to 1")
    for k, scenario in enumerate(day.scenarios):
        _check_scenario(system, scenario, length.size, f"scenario {k}")
    for place, bid in enumerate(day.bids):
        if bid.name in {other.name for other in day.bids[:place]}:
            raise InputError("day", "bid", bid.name, "a name of its own for every bid")
        _check_bid(bid, length.size, system.grid.size)
    turning = () if day.load_deviation_kw is None else ("load_deviation_kw",)
    for name in ("spinning_need_kw", "regulating_need_kw", "price_deviation", *turning):
        check_shape("day", name, getattr(day, name), (length.size,))
        _check_least("day", name, getattr(day, name), 0.0)
    _check_penalties(day)


def _check_held(day: DayAhead) -> None:
    """Refuse periods that do not fall together as positions want it, and bids that change in between."""
    if day.held < 1 or day.length_h.size % day.held:
        raise InputError("day", "held", day.held, f"a divisor of {day.length_h.size}, the number of periods")
    for bid in day.bids:
        for name in ("power_kw", "spinning_kw", "regulating_kw"):
            series = np.asarray(getattr(bid, name), dtype=np.float64)
            if series.size == day.length_h.size and np.ptp(series.reshape(-1, day.held), axis=1).any():
                raise InputError(bid.name, name, series.tolist(), f"one value for every {day.held} periods")


def _check_penalties(day: DayAhead) -> None:
    """Refuse penalties below zero, and those at which reserve is sold that nobody holds."""
    length = day.length_h
    for name in ("energy", "reactive", "spinning", "output"):
        check_shape("penalties", name, getattr(day.penalties, name), (length.size,))
        _check_least("penalties", name, getattr(day.penalties, name), 0.0)
    price = expected_prices(day.scenarios).spinning
    for period in np.flatnonzero(day.penalties.spinning < price).tolist():
        found = float(day.penalties.spinning[period])
        expected = f"at least the expected price of spinning reserve, {price[period]:g}"
        raise InputError("penalties", f"spinning in period {period}", found, expected)


def _check_scenario(system: ActiveSystem, scenario: Scenario, periods: int, name: str) -> None:
    """Refuse a scenario that does not fit."""
    for what in ("load_kw", "load_kvar"):
        check_shape(name, what, getattr(scenario, what), (periods, system.grid.size))
    _check_least(name, "load_kw", scenario.load_kw, 0.0)
    check_shape(name, "available_kw", scenario.available_kw, (periods, len(system.renewables)))
    _check_least(name, "available_kw", scenario.available_kw, 0.0)
    prices = scenario.prices
    for what in ("buy", "sell", "reactive", "spinning", "regulating"):
        check_shape(name, f"price {what}", getattr(prices, what), (periods,))
    for period in np.flatnonzero(prices.sell > prices.buy).tolist():
        found = float(prices.sell[period])
        expected = f"at most the price of buying, {prices.buy[period]:g}: else energy is bought to be sold without end"
        raise InputError(name, f"price sell in period {period}", found, expected)


def _check_bid(bid: Bid, periods: int, buses: int) -> None:
    """Refuse a bid that does not fit."""
    _check_bus(bid.name, bid.bus, buses)
    _check_number(bid.name, "reactive_share", bid.reactive_share, -np.inf)
    for what in ("power_kw", "sold_price", "bought_price", "spinning_price", "regulating_price"):
        check_shape(bid.name, what, getattr(bid, what), (periods,))
    for what in ("spinning_kw", "regulating_kw", *(() if bid.standby_kw is None else ("standby_kw",))):
        check_shape(bid.name, what, getattr(bid, what), (periods,))
        _check_least(bid.name, what, getattr(bid, what), 0.0)


def _check_bus(name: str, bus: int, buses: int) -> None:
    if not 0 <= bus < buses:
        raise InputError(name, "bus", bus, f"an index from 0 to {buses - 1}")


def _check_number(name: str, where: str, value: float, least: float) -> None:
    if not (np.isfinite(value) and value >= least):
        raise InputError(name, where, value, "a finite number" + ("" if least == -np.inf else f" from {least:g}"))


def _check_least(name: str, where: str, values: FloatArray, least: float) -> None:
    bad = values < least
    if bad.any():
        at = tuple(int(k) for k in np.argwhere(bad)[0])
        place = at[0] if len(at) == 1 else at
        raise InputError(name, f"{where} at {place}", float(values[at]), f"numbers from {least:g}")
