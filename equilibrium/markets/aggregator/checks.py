"""What a day of the aggregator market must look like before any work is done on it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from equilibrium.arrays import FloatArray
from equilibrium.certificate import NEGLIGIBLE
from equilibrium.errors import InputError
from equilibrium.markets.aggregator.day import (
    CATEGORIES,
    PRICING,
    READINGS,
    AggregatorDay,
    Generator,
    Grid,
    Lot,
)
from equilibrium.markets.aggregator.pools import Pool, by_period, lot_pools
from equilibrium.programs.risk import PROBABILITY_TOLERANCE
from equilibrium.shapes import check_shape

_SCALARS: tuple[tuple[str, Callable[[float], bool], str], ...] = (
    ("stations", lambda v: v >= 0.0, "at least 0"),
    ("charger_kw", lambda v: v >= 0.0, "at least 0"),
    ("battery_kwh", lambda v: v > 0.0, "more than 0"),
    ("charge_efficiency", lambda v: 0.0 < v <= 1.0, "a number in (0, 1]"),
    ("discharge_efficiency", lambda v: 0.0 < v <= 1.0, "a number in (0, 1]"),
    ("failure_rate", lambda v: 0.0 <= v <= 1.0, "a probability"),
    ("soc_min", lambda v: 0.0 <= v <= 1.0, "a share from 0 to 1"),
    ("soc_max", lambda v: 0.0 <= v <= 1.0, "a share from 0 to 1"),
)


def check_day(day: AggregatorDay) -> None:
    """Refuse a day whose numbers do not fit together.

    Raises
    ------
    InputError
        Naming the place, the value and what was expected; the first mistake found.
    """
    _market(day)
    _followers(day)
    names = [lot.name for lot in day.lots] + [unit.name for unit in day.generators]
    for position, name in enumerate(names):
        if name in names[:position]:
            raise InputError("day", "name of a lot or generator", name, "names that differ")
    for lot in day.lots:
        _lot(day, lot)
    if day.grid is not None:
        _grid(day, day.grid)


def _market(day: AggregatorDay) -> None:
    """Check prices, caps, probabilities and switches."""
    periods = day.periods
    if day.pricing not in PRICING:
        raise InputError("day", "pricing", day.pricing, f"one of {', '.join(PRICING)}")
    for name, accepted in READINGS.items():
        if getattr(day.reading, name) not in accepted:
            raise InputError("reading", name, getattr(day.reading, name), f"one of {', '.join(accepted)}")
    if day.uniform and day.reading.generator_price == "unit":
        raise InputError("reading", "generator_price", "unit", "common: a uniform price is the same for everybody")
    check_shape("day", "energy_price", day.energy_price, (periods,))
    check_shape("day", "reserve_price", day.reserve_price, (periods,))
    _caps(day)
    _within("day", "failure_rate", day.failure_rate, 0.0, 1.0, "a probability")
    if np.shape(day.call_probability) not in {(), (periods,)}:
        raise InputError("day", "call_probability", np.shape(day.call_probability), f"one, or {periods} probabilities")
    _within("day", "call_probability", day.call_probability, 0.0, 1.0, "a probability")
    _ = day.length_h
    if day.probability.ndim != 1 or not day.probability.size:
        raise InputError("day", "probability", day.probability.shape, "one number for each scenario, at least one")
    _within("day", "probability", day.probability, 0.0, 1.0, "probabilities")
    if not abs(float(day.probability.sum()) - 1.0) <= PROBABILITY_TOLERANCE:
        raise InputError("day", "probability", float(day.probability.sum()), "probabilities that sum to 1")


def _caps(day: AggregatorDay) -> None:
    """Check that every price that the leader sets has a finite cap."""
    name = "uniform_cap" if day.uniform else "cap"
    if not np.isfinite(day.energy_cap):
        expected = f"a finite price: without a cap the aggregator's profit is unbounded under {day.pricing} pricing"
        raise InputError("day", name, getattr(day, name), expected)
    if not day.energy_cap >= 0.0:
        raise InputError("day", name, day.energy_cap, "at least 0")
    if not (np.isfinite(day.reserve_cap) and day.reserve_cap >= 0.0):
        raise InputError("day", "reserve_cap", day.reserve_cap, "a finite price, at least 0")


def _followers(day: AggregatorDay) -> None:
    """Check generators and retailer."""
    for unit in day.generators:
        for name in ("cost", "capacity_kw"):
            _within(f"generator {unit.name}", name, getattr(unit, name), 0.0, np.inf, "a finite number, at least 0")
    retailer = day.retailer
    for name in ("load_kw", "price"):
        check_shape("retailer", name, getattr(retailer, name), (day.periods,))
    _within("retailer", "load_kw", retailer.load_kw, 0.0, np.inf, "at least 0")
    _within("retailer", "incentive", retailer.incentive, 0.0, np.inf, "a finite number, at least 0")
    _within("retailer", "interruptible_share", retailer.interruptible_share, 0.0, 1.0, "a share from 0 to 1")


def _lot(day: AggregatorDay, lot: Lot) -> None:
    source = f"lot {lot.name}"
    for name, fits, expected in _SCALARS:
        value = getattr(lot, name)
        if not (np.isfinite(value) and fits(value)):
            raise InputError(source, name, value, expected)
    if not lot.soc_min <= lot.soc_max:
        raise InputError(source, "soc_min", lot.soc_min, f"at most soc_max ({lot.soc_max:g})")
    _within(source, "initial_kwh", np.asarray(lot.initial_kwh), 0.0, np.inf, "at least 0")
    _contracts(lot, source)
    _tariffs(day, lot, source)
    _vehicles(day, lot, source)
    for scenario in range(day.scenarios):
        pools = lot_pools(day, lot, scenario)
        where = f"{source}, scenario {scenario}"
        _reachable(day, lot, pools.g2v, f"{where}, G2V pool", discharges=False)
        _reachable(day, lot, pools.v2g, f"{where}, V2G pool", discharges=True)


def _contracts(lot: Lot, source: str) -> None:
    share, soc = lot.contracts.share, lot.contracts.departure_soc
    classes = np.shape(share)[-1] if np.ndim(share) else 0
    for name, array in (("share", share), ("departure_soc", soc)):
        check_shape(source, f"contracts, {name}", array, (len(CATEGORIES), classes))
        _within(source, f"contracts, {name}", array, 0.0, 1.0, "shares from 0 to 1")
    total = share.sum(axis=0)
    wrong = np.abs(total - 1.0) > PROBABILITY_TOLERANCE
    if wrong.any():
        at = int(np.argmax(wrong))
        raise InputError(source, f"contracts, share of class {at}", float(total[at]), "shares that sum to 1")
    if (soc > lot.soc_max).any():
        category, at = np.argwhere(soc > lot.soc_max)[0]
        where = f"contracts, departure_soc of {CATEGORIES[category]}, class {at}"
        raise InputError(source, where, float(soc[category, at]), f"at most soc_max ({lot.soc_max:g})")


def _tariffs(day: AggregatorDay, lot: Lot, source: str) -> None:
    names = ("g2v1", "g2v2", "g2v3", "v2g", "extra", "parking", "degradation")
    values = {}
    for name in names:
        value = getattr(lot.tariffs, name)
        if np.shape(value) not in {(), (day.periods,)}:
            raise InputError(source, f"tariffs, {name}", np.shape(value), f"a number, or {day.periods} of them")
        _within(source, f"tariffs, {name}", value, 0.0, np.inf, "finite numbers, at least 0")
        values[name] = by_period(value, day.periods)
    for dearer, cheaper in (("g2v1", "g2v2"), ("g2v2", "g2v3")):
        wrong = ~(values[cheaper] < values[dearer])
        if wrong.any():
            at = int(np.argmax(wrong))
            expected = f"less than {dearer} ({values[dearer][at]:g}): G2V3 < G2V2 < G2V1"
            raise InputError(source, f"tariffs, {cheaper}, period {at}", float(values[cheaper][at]), expected)
    floor = values["g2v3"] + values["degradation"]
    wrong = ~(values["v2g"] >= floor)
    if wrong.any():
        at = int(np.argmax(wrong))
        expected = f"at least g2v3 + degradation ({floor[at]:g}): else (36) is not the lot's payment"
        raise InputError(source, f"tariffs, v2g, period {at}", float(values["v2g"][at]), expected)


def _vehicles(day: AggregatorDay, lot: Lot, source: str) -> None:
    vehicles = lot.vehicles
    by_class = (day.scenarios, day.periods, lot.contracts.classes)
    by_contract = (day.scenarios, day.periods, len(CATEGORIES))
    for name, shape in (
        ("parked", by_class),
        ("arriving", by_class),
        ("departing", by_class),
        ("arrival_kwh", by_contract),
        ("brought_kwh", by_contract),
    ):
        check_shape(source, f"vehicles, {name}", getattr(vehicles, name), shape)
        _within(source, f"vehicles, {name}", getattr(vehicles, name), 0.0, np.inf, "at least 0")
    count = vehicles.parked.sum(axis=2)
    wrong = count > lot.stations + NEGLIGIBLE
    if wrong.any():
        scenario, period = np.argwhere(wrong)[0]
        where = f"vehicles, parked, scenario {scenario}, period {period}"
        raise InputError(source, where, float(count[scenario, period]), f"at most {lot.stations:g} stations")
    step = np.diff(vehicles.parked, axis=1) - (vehicles.arriving - vehicles.departing)[:, 1:]
    wrong = np.abs(step) > NEGLIGIBLE * (1.0 + vehicles.parked[:, 1:])
    if wrong.any():
        scenario, period, stay = np.argwhere(wrong)[0]
        where = f"vehicles, parked, scenario {scenario}, period {period + 1}, class {stay}"
        value = float(vehicles.parked[scenario, period + 1, stay])
        raise InputError(source, where, value, "those of the period before, plus arriving, less departing")


def _reachable(day: AggregatorDay, lot: Lot, pool: Pool, source: str, *, discharges: bool) -> None:
    """Follow the least and the greatest energy that a pool can have; what it can have is the interval between."""
    length = day.length_h
    highest, lowest = 0.0, 0.0
    for period in range(day.periods):
        room = NEGLIGIBLE * (1.0 + pool.most_kwh[period])
        charged = lot.charge_efficiency * pool.power_kw[period] * length[period]
        highest += pool.inflow_kwh[period] - pool.flex_least_kwh[period] + charged
        lowest += pool.inflow_kwh[period] - pool.flex_most_kwh[period]
        least, most = pool.least_kwh[period], pool.most_kwh[period]
        if highest < least - room:
            expected = f"energy that chargers can reach: {least - highest:.6g} kWh are missing for the contracts"
            raise InputError(source, f"period {period}", float(highest), expected)
        if discharges and lowest > least:
            whole = 0.5 if day.reading.output_stock == "printed" else 1.0
            out = pool.power_kw[period] * length[period] / lot.discharge_efficiency
            lowest -= min(out, whole * (lowest - least))
        if lowest > most + room:
            expected = f"at most {most:.6g} kWh in the vehicles that are parked, whatever leaves with the others"
            raise InputError(source, f"period {period}", float(lowest), expected)
        highest, lowest = min(highest, most), max(lowest, least)


def _grid(day: AggregatorDay, grid: Grid) -> None:
    check_shape("grid", "loss_price", grid.loss_price, (day.periods,))
    if not (grid.loss_price > 0.0).all():
        raise InputError("grid", "loss_price", float(grid.loss_price.min()), "more than 0: else losses are not unique")
    if not grid.segments >= 1:
        raise InputError("grid", "segments", grid.segments, "at least 1")
    if not 0.0 < grid.transformer_efficiency <= 1.0:
        raise InputError("grid", "transformer_efficiency", grid.transformer_efficiency, "a number in (0, 1]")
    if not grid.feeder.load_kw.sum() > 0.0:
        expected = "a base-case load: the retailer's load is spread as it is"
        raise InputError("grid", "feeder, load_kw", float(grid.feeder.load_kw.sum()), expected)
    units: list[Lot | Generator] = [*day.lots, *day.generators]
    for each in units:
        if not 0 <= each.bus < grid.feeder.size:
            raise InputError(each.name, "bus", each.bus, f"0 .. {grid.feeder.size - 1}")


def _within(source: str, where: str, value: ArrayLike, low: float, high: float, expected: str) -> None:
    array: FloatArray = np.asarray(value, dtype=np.float64)
    fine = (array >= low) & (array <= high) & np.isfinite(array)
    if not fine.all():
        raise InputError(source, where, float(array[~fine].flat[0]), expected)
