"""Numbers of an aggregator's day at the edge of what is allowed: taken there, refused beyond."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from equilibrium.errors import InputError
from equilibrium.markets.aggregator.checks import check_day
from equilibrium.markets.aggregator.day import AggregatorDay, Generator, Reading
from tests.equilibrium.aggregator_days import on_line, random_day
from tests.equilibrium.test_aggregator import one_car, three_periods

# Numbers at the edge of what is allowed


def lots(**changes: Any) -> Callable[[AggregatorDay], AggregatorDay]:
    return lambda day: replace(day, lots=(replace(day.lots[0], **changes),))


def tariffs(**changes: Any) -> Callable[[AggregatorDay], AggregatorDay]:
    return lambda day: replace(day, lots=(replace(day.lots[0], tariffs=replace(day.lots[0].tariffs, **changes)),))


def vehicles(**changes: Callable[[Any], Any]) -> Callable[[AggregatorDay], AggregatorDay]:
    def changed(day: AggregatorDay) -> AggregatorDay:
        came = day.lots[0].vehicles
        given = {name: change(getattr(came, name)) for name, change in changes.items()}
        return replace(day, lots=(replace(day.lots[0], vehicles=replace(came, **given)),))

    return changed


def retailer(**changes: Any) -> Callable[[AggregatorDay], AggregatorDay]:
    return lambda day: replace(day, retailer=replace(day.retailer, **changes))


def unit(**changes: Any) -> Callable[[AggregatorDay], AggregatorDay]:
    return lambda day: replace(day, generators=(replace(Generator("unit", 1.0, 1.0), **changes),))


def of_day(**changes: Any) -> Callable[[AggregatorDay], AggregatorDay]:
    return lambda day: replace(day, **changes)


def feeder(**changes: Any) -> Callable[[AggregatorDay], AggregatorDay]:
    return lambda day: replace(on_line(day), grid=replace(on_line(day).grid, **changes))


EDGES: list[tuple[str, Callable[..., Any], str, list[Any], list[Any]]] = [
    ("charger", lots, "charger_kw", [500.0], [-1e-9, np.nan, np.inf]),
    ("battery", lots, "battery_kwh", [24.0], [0.0, -1.0, np.inf]),
    ("stations", lots, "stations", [250.0], [-0.5, np.nan]),
    ("eta in", lots, "charge_efficiency", [1.0, 0.9], [0.0, 1.0 + 1e-9, -0.5]),
    ("eta out", lots, "discharge_efficiency", [1.0, 0.5], [0.0, 1.0 + 1e-9, -0.5]),
    ("lot fails", lots, "failure_rate", [0.0, 1.0], [-1e-9, 1.0 + 1e-9]),
    ("least", lots, "soc_min", [0.0], [-1e-9, 0.951]),
    ("most", lots, "soc_max", [1.0, 0.95], [1.0 + 1e-9, 0.899]),
    ("start", lots, "initial_kwh", [(0.0, 0.0)], [(-1e-9, 0.0), (0.0, -1e-9), (0.0, np.inf)]),
    ("fails", of_day, "failure_rate", [0.0, 1.0], [-1e-9, 1.0 + 1e-9]),
    ("calls", of_day, "call_probability", [0.0, 1.0, np.full(5, 0.5)], [-1e-9, 1.0 + 1e-9, np.full(4, 0.5)]),
    ("cap", of_day, "cap", [0.0, 10.0], [-1e-9, np.inf, np.nan, None]),
    ("reserve cap", of_day, "reserve_cap", [0.0], [-1e-9, np.inf, np.nan]),
    ("energy price", of_day, "energy_price", [np.full(5, -9.0)], [np.full(5, np.inf)]),
    ("reserve price", of_day, "reserve_price", [np.zeros(5)], [np.zeros(4), np.zeros((5, 1))]),
    (
        "probability",
        of_day,
        "probability",
        [np.ones(1), np.ones(1) - 9e-10],
        [np.full(1, 1.1), np.zeros(0), np.ones((1, 1))],
    ),
    ("load", retailer, "load_kw", [np.zeros(5)], [np.full(5, -1e-9), np.zeros(6), np.full(5, np.nan)]),
    ("price", retailer, "price", [np.full(5, -1.0)], [np.zeros(4)]),
    ("incentive", retailer, "incentive", [0.0], [-1e-9, np.inf]),
    ("interruptible", retailer, "interruptible_share", [0.0, 1.0], [-1e-9, 1.0 + 1e-9]),
    ("cost", unit, "cost", [0.0], [-1e-9, np.inf]),
    ("capacity", unit, "capacity_kw", [0.0], [-1e-9, np.inf]),
    ("parked", vehicles, "parked", [lambda v: v], [lambda v: v[:, 1:], lambda v: v - 100.0, lambda v: v + 1e3]),
    ("moved", vehicles, "arriving", [lambda v: v + 1e-8], [lambda v: v + 1e-3, lambda v: v - 1e3]),
    ("gone", vehicles, "departing", [lambda v: v], [lambda v: v + 1e-3, lambda v: v[0]]),
    ("came with", vehicles, "arrival_kwh", [lambda v: v], [lambda v: v - 1e3, lambda v: v[:, :, 1:]]),
    ("brought", vehicles, "brought_kwh", [lambda v: v], [lambda v: v - 1e3, lambda v: v[:, :, 1:]]),
    ("V2G", tariffs, "v2g", [11.0 + 0.5], [11.0 + 0.5 - 1e-6, np.full(4, 12.0)]),
    ("cheap G2V", tariffs, "g2v3", [11.0], [12.0, 11.6, np.nan]),
    ("G2V", tariffs, "g2v2", [11.9], [11.0, 13.0, -1.0]),
    ("dear G2V", tariffs, "g2v1", [12.1], [12.0, np.inf]),
    ("extra", tariffs, "extra", [0.0], [-1e-9]),
    ("parking", tariffs, "parking", [0.0], [-1e-9]),
    ("wear", tariffs, "degradation", [0.0, 0.5], [-1e-9, 0.6]),
    ("loss price", feeder, "loss_price", [np.full(5, 1e-9)], [np.zeros(5), np.full(5, -1.0), np.ones(4)]),
    ("segments", feeder, "segments", [1], [0]),
    ("transformer", feeder, "transformer_efficiency", [1.0], [0.0, 1.0 + 1e-9]),
]


def edge_day() -> AggregatorDay:
    """Tariffs at which every inequality between them is near."""
    day = random_day(4)
    usual = {"g2v1": 13.0, "g2v2": 12.0, "g2v3": 11.0, "v2g": 11.5, "degradation": 0.5, "extra": 0.1, "parking": 1.0}
    return tariffs(**usual)(day)


@pytest.mark.parametrize(
    ("make", "name", "allowed", "refused"), [case[1:] for case in EDGES], ids=[case[0] for case in EDGES]
)
def test_numbers_at_the_edge(
    make: Callable[..., Callable[[AggregatorDay], AggregatorDay]], name: str, allowed: list[Any], refused: list[Any]
) -> None:
    day = edge_day()
    for value in allowed:
        check_day(make(**{name: value})(day))
    for value in refused:
        with pytest.raises(InputError):
            check_day(make(**{name: value})(day))


def test_units_stand_on_buses_of_the_feeder_and_names_differ() -> None:
    day = on_line(edge_day(), buses=4)
    for bus, fine in ((0, True), (3, True), (-1, False), (4, False)):
        for moved in (
            replace(day, lots=(replace(day.lots[0], bus=bus),)),
            replace(day, generators=(replace(day.generators[0], bus=bus), day.generators[1])),
        ):
            if fine:
                check_day(moved)
                continue
            with pytest.raises(InputError, match=rf"bus: got {bus}, expected 0 .. 3"):
                check_day(moved)
    same = replace(day, generators=(day.generators[0], replace(day.generators[1], name="lot 0")))
    with pytest.raises(InputError, match="names that differ"):
        check_day(same)
    with pytest.raises(InputError, match="base-case load"):
        check_day(replace(day, grid=replace(day.grid, feeder=replace(day.grid.feeder, load_kw=np.zeros(4)))))


def test_what_a_pool_can_reach_is_followed_period_by_period() -> None:
    """One vehicle of 20 kWh: chargers just strong enough, and vehicles that leave just enough room."""
    # It must leave with 0.6 * 20 = 12 kWh, came with 6, and is charged in two periods at 0.75.
    fix = one_car(0, 0.6, 6.0)
    enough = 6.0 / (0.75 * 2.0)
    check_day(three_periods(replace(fix, charger_kw=enough)))
    with pytest.raises(InputError, match=r"G2V pool: period 2: got .*, expected energy that chargers can reach"):
        check_day(three_periods(replace(fix, charger_kw=enough - 1e-3)))
    # A vehicle that only charges and leaves with less than it came with has energy that nobody takes.
    with pytest.raises(InputError, match="whatever leaves with the others"):
        check_day(three_periods(one_car(0, 0.2, 6.0)))
    # One that also discharges can get rid of it: half of what is above the minimum (printed), or all of it.
    both = one_car(2, 0.3, 10.0)
    check_day(three_periods(replace(both, charger_kw=50.0), reading=Reading(output_stock="start")))
    # 10 -> 7 -> 5.5 kWh of 4 + 6 * 0.5 * 0.5: it should leave with 6, so half of what lies above is enough.
    check_day(three_periods(replace(both, charger_kw=50.0)))
    with pytest.raises(InputError, match="whatever leaves with the others"):
        check_day(three_periods(replace(one_car(2, 0.25, 10.0), charger_kw=50.0)))
    check_day(three_periods(replace(one_car(2, 0.25, 10.0), charger_kw=50.0), reading=Reading(output_stock="start")))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"g2v2": np.array([12.0, 12.0, 13.0, 14.0, 12.0])},
            "g2v2, period 2: got 13.0, expected less than g2v1 (13): G2V3",
        ),
        (
            {"g2v3": np.array([1.0, 12.5, 1.0, 13.0, 1.0])},
            "g2v3, period 1: got 12.5, expected less than g2v2 (12): G2V3",
        ),
    ],
)
def test_the_first_period_in_which_tariffs_are_out_of_order_is_named(changes: dict[str, Any], said: str) -> None:
    day = tariffs(**{"g2v1": 13.0, "g2v2": 12.0, "g2v3": 1.0, "v2g": 30.0} | changes)(random_day(0))
    with pytest.raises(InputError) as caught:
        check_day(day)
    assert said in str(caught.value)
