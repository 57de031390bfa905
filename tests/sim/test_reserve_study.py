"""Statements of the aggregator's study on made-up results: each holds on what it says, and turns over on one change."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from scenarios.published.reserve_lot import reserve_lot_day
from sim.reproduce.aggregator import published as data
from sim.reproduce.aggregator.statements import hours, statements
from sim.reproduce.aggregator.study import make_report


def solved(case: str, profit: float, cap: float = data.CAP, **changes: Any) -> SimpleNamespace:
    """A day on which everything is as the paper has it in its case I."""
    day = reserve_lot_day(case, cap=cap)
    flat = np.full(24, 7.5)
    flat[1:7] = 0.0
    prices = {"lot in": np.full(24, 10.0), "lot out": np.zeros(24), "lot reserve": np.full(24, 0.575)}
    prices |= {"generators": flat, "retailer": np.full(24, 10.0)}
    if case == "II":
        prices = {"energy": np.full(24, 7.5), "reserve": np.full(24, 0.6)}
    output = np.zeros((3, 24))
    output[0, [0, *range(7, 24)]] = 500.0
    charge = np.zeros(24)
    charge[[*range(5, 9), 12]] = 100.0
    reserve = np.full(24, 50.0)
    all_in = np.full(24, 0.575)
    all_in[14] = 2.0
    zero = np.zeros(24)
    certificate = SimpleNamespace(certified=True, worst_regret=0.0)
    given = {
        "day": day,
        "clearing": SimpleNamespace(prices=prices, certificate=certificate, gap=0.0, bound=profit),
        "price": lambda name: prices.get(name, prices.get("energy")),
        "price_in": prices.get("lot in", prices.get("energy")),
        "price_reserve": prices.get("lot reserve", prices.get("reserve")),
        "all_in_reserve": all_in,
        "charge": charge,
        "discharge": zero.copy(),
        "reserve": reserve,
        "stored": np.full(24, 500.0),
        "output": output,
        "interrupted": zero.copy(),
        "reserve_room": reserve.copy(),
        "pools": np.full((2, 24), 250.0),
        "capacity": np.full((2, 24), 600.0),
        "flexible": np.full((2, 24), 21.0),
        "flexible_least": np.full((2, 24), 20.0),
        "profit": profit,
        "lot_profit": 100.0,
        "generator_profit": 10.0,
        "retail_profit": 20.0,
    }
    return SimpleNamespace(**{**given, **changes})


def uniform() -> SimpleNamespace:
    """Case II with the higher cap as the paper has it."""
    output, discharge, cut = np.zeros((3, 24)), np.zeros(24), np.zeros(24)
    output[0], output[1, 6:], output[2, 9:] = 500.0, 300.0, 300.0
    discharge[18:22], cut[18:23] = 80.0, 100.0
    each = solved("II", data.RECORDED["II", data.HIGH_CAP], data.HIGH_CAP)
    each.flexible = each.flexible.copy()
    each.flexible[1, 16:22] = 60.0
    price = each.clearing.prices["energy"]
    price[9], price[10:15], price[15:17], price[18:] = 9.0, 0.9 * 12.0, 9.5, 12.5
    reserve = np.full(24, 0.6)
    reserve[18:23] = each.day.reserve_price[18:23]
    each.output, each.discharge, each.interrupted, each.price_reserve = output, discharge, cut, reserve
    return each


def made() -> SimpleNamespace:
    expected = {
        ("I", data.CAP): solved("I", data.RECORDED["I", data.CAP]),
        ("II", data.CAP): solved("II", data.RECORDED["II", data.CAP], lot_profit=200.0, generator_profit=30.0),
        ("II", data.HIGH_CAP): uniform(),
    }
    first = data.RECORDED_SWEEP
    sweep = {}
    for case in data.CASES:
        for number, value in enumerate(data.SWEEP_G2V2):
            profit = first.get(value, 85_000.0 - number) if case == "I" else 40_000.0 - (100.0 if value < 11.0 else 0.0)
            sweep[case, value] = solved(case, profit, lot_profit=100.0 + (-1) ** number)
    feeders = {("ieee37", "I"): solved("I", 80_000.0)}
    results = SimpleNamespace(expected=expected, sweep=sweep, feeders=feeders, drawn={"I": solved("I", 80_000.0)})
    results.tight = {"ieee37": solved("I", 79_000.0, lowest_voltage=0.9729)}
    results.at_cap = SimpleNamespace(profit=39_000.0, accounts=SimpleNamespace(lots=np.array([150.0])))
    results.broken = {"I, cap 10": ()}
    results.case = lambda name: expected[name, data.CAP]
    return results


def outcome(results: SimpleNamespace) -> dict[str, list[bool]]:
    found: dict[str, list[bool]] = {}
    for statement in statements(results):  # type: ignore[arg-type]
        found.setdefault(statement.key, []).append(statement.holds)
    return found


def test_all_statements_hold_on_what_the_paper_says_but_the_one_that_its_model_refutes() -> None:
    found = outcome(made())
    assert {key for key, each in found.items() if not all(each)} == {"C1"}


def one(results: Any) -> Any:
    return results.expected["I", data.CAP]


def two(results: Any) -> Any:
    return results.expected["II", data.HIGH_CAP]


def put(array: Callable[[Any], Any], at: Any, value: float) -> Callable[[Any], None]:
    def change(results: Any) -> None:
        array(results)[at] = value

    return change


def attribute(of: Callable[[Any], Any], name: str, value: Any) -> Callable[[Any], None]:
    return lambda results: setattr(of(results), name, value)


CHANGES: list[tuple[str, Callable[[Any], None]]] = [
    ("T1", put(lambda r: r.drawn["I"].clearing.prices["retailer"], 3, 10.1)),
    ("T1", put(lambda r: one(r).clearing.prices["lot reserve"], 3, 10.1)),
    ("T2", attribute(one, "profit", 30_000.0)),
    ("T3", put(lambda r: r.feeders["ieee37", "I"].clearing.prices["generators"], 0, 7.6)),
    ("T4", attribute(lambda r: r.drawn["I"].clearing, "gap", 2e-3)),
    ("T5", lambda r: r.broken.update({"II, cap 10": ("pools",)})),
    ("T6", attribute(lambda r: r.tight["ieee37"], "lowest_voltage", 0.97)),
    ("T6", attribute(lambda r: r.tight["ieee37"], "profit", 81_000.0)),
    ("T4", attribute(lambda r: r.tight["ieee37"].clearing, "gap", 2e-3)),
    ("R1", attribute(two, "profit", 53_049.0)),
    ("R2", attribute(lambda r: r.sweep["I", 11.0], "profit", 86_479.0)),
    ("I1", put(lambda r: one(r).price_in, 12, 9.0)),
    ("I2", put(lambda r: one(r).output[1], 3, 300.0)),
    ("I2", put(lambda r: one(r).day.energy_price, 20, 1.0)),
    ("I3", put(lambda r: one(r).output[1], 20, 300.0)),
    ("I3", put(lambda r: one(r).output[0], 20, 0.0)),
    ("I4", put(lambda r: one(r).discharge, 22, 10.0)),
    ("I5", put(lambda r: one(r).interrupted, 20, 10.0)),
    ("I6", put(lambda r: one(r).all_in_reserve, 20, 1.0)),
    ("I6", put(lambda r: one(r).all_in_reserve, 14, 0.575)),
    ("I7", put(lambda r: one(r).charge, 15, 900.0)),
    ("I8", put(lambda r: one(r).reserve, 10, 20.0)),
    ("I9", put(lambda r: one(r).flexible, (1, slice(0, 12)), 40.0)),
    ("II8", put(lambda r: two(r).clearing.prices["energy"], slice(10, 15), 11.0)),
    ("II8", put(lambda r: two(r).clearing.prices["energy"], slice(15, 17), 11.5)),
    ("II8", put(lambda r: two(r).clearing.prices["energy"], slice(18, 24), 8.0)),
    ("II8", put(lambda r: two(r).clearing.prices["energy"], 9, 7.0)),
    ("II9", put(lambda r: two(r).flexible, (1, 3), 900.0)),
    ("C2", attribute(lambda r: r.at_cap, "profit", 50_000.0)),
    ("C2", put(lambda r: r.at_cap.accounts.lots, 0, 250.0)),
    ("II1", put(lambda r: two(r).interrupted, slice(18, 23), 0.0)),
    ("II2", put(lambda r: two(r).output[1], 4, 300.0)),
    ("II2", put(lambda r: two(r).output[1], 6, 0.0)),
    ("II3", put(lambda r: two(r).interrupted, 10, 5.0)),
    ("II4", put(lambda r: two(r).discharge, 10, 5.0)),
    ("II5", put(lambda r: two(r).price_reserve, slice(18, 23), 0.6)),
    ("II6", put(lambda r: two(r).clearing.prices["energy"], slice(None), 7.9)),
    ("II7", put(lambda r: two(r).price_reserve, 2, 0.1)),
    ("V1", attribute(lambda r: r.sweep["I", 9.0], "profit", 90_000.0)),
    ("V2", lambda r: [setattr(each, "lot_profit", 5.0) for each in r.sweep.values()] and None),
    ("V3", attribute(lambda r: r.sweep["II", 11.2], "profit", 39_000.0)),
    ("V3", attribute(lambda r: r.sweep["II", 9.0], "profit", 40_000.0)),
]


@pytest.mark.parametrize(("key", "change"), CHANGES, ids=[f"{key}-{k}" for k, (key, _) in enumerate(CHANGES)])
def test_a_wrong_number_turns_its_statement_over(key: str, change: Callable[[Any], None]) -> None:
    results = made()
    change(results)
    assert not all(outcome(results)[key])


def only(array: Callable[[Any], Any], hour: int, value: float, others: float) -> Callable[[Any], None]:
    """One hour of the paper has a value, all others another one."""

    def change(results: Any) -> None:
        array(results)[:] = others
        array(results)[hour - 1] = value

    return change


EDGES: list[tuple[str, Callable[[Any], None], bool]] = [
    *(("I2", put(lambda r: one(r).output[1], hour - 1, 300.0), False) for hour in (2, 7)),
    *(("I2", put(lambda r: one(r).discharge, hour - 1, 300.0), hour in (1, 8)) for hour in (1, 2, 7, 8)),
    *(("I3", put(lambda r: one(r).output[0], hour - 1, 0.0), False) for hour in (1, 8, 24)),
    *(("I3", put(lambda r: one(r).output[2], hour - 1, 9.0), False) for hour in (1, 8, 24)),
    *(("I7", only(lambda r: one(r).charge, hour, 1000.0, 1.0), hour <= 9) for hour in (1, 9, 10, 24)),
    *(("II2", put(lambda r: two(r).output[2], hour - 1, 9.0), hour in (1, 7)) for hour in (1, 2, 6, 7)),
    *(("II2", put(lambda r: two(r).output[0], hour - 1, 0.0), hour in (1, 7)) for hour in (1, 2, 6, 7)),
    *(("II4", put(lambda r: two(r).discharge, hour - 1, 5.0), hour >= 19) for hour in (1, 18, 19, 24)),
    *(
        ("II5", only(lambda r: two(r).price_reserve, hour, 99.0, 0.1), hour in (19, 21, 23))
        for hour in (18, 19, 21, 23, 24)
    ),
]


@pytest.mark.parametrize(("key", "change", "holds"), EDGES, ids=[f"{key}-{k}" for k, (key, _, _) in enumerate(EDGES)])
def test_the_hours_that_a_statement_speaks_of(key: str, change: Callable[[Any], None], holds: bool) -> None:
    results = made()
    change(results)
    assert all(outcome(results)[key]) == holds


def test_a_profit_that_is_not_proved_is_no_rise() -> None:
    results = made()
    results.sweep["II", 9.0].profit = 39_950.0  # more than at 10, where 39,900 was found
    assert outcome(results)["V1"] == [True, False]
    results.sweep["II", 10.0].clearing.bound = 40_000.0
    assert outcome(results)["V1"] == [True, True]
    told = [each.reason for each in statements(results) if each.key == "V1"]  # type: ignore[arg-type]
    assert "10: 39900.0 (at most 40000.0)" in told[1]


def test_a_gap_of_a_thousandth_is_proved_and_one_of_a_millionth_is_exact() -> None:
    results = made()
    results.feeders["ieee37", "I"].clearing.gap, results.drawn["I"].clearing.gap = 1e-3, 1e-6
    (found,) = [each for each in statements(results) if each.key == "T4"]  # type: ignore[arg-type]
    assert (found.holds, found.reason) == (True, "17 of 18 days to 1e-6; above 0.1 %: none")
    assert found.first is not None
    assert (found.first.holds, found.first.reason) == (True, "none above 0.1 %")


def test_c1_holds_where_everybody_gains() -> None:
    results = made()
    results.expected["II", data.CAP].profit = results.expected["I", data.CAP].profit
    results.expected["II", data.CAP].retail_profit = 21.0
    assert outcome(results)["C1"] == [True]
    results.expected["II", data.CAP].lot_profit = 99.0
    assert outcome(results)["C1"] == [False]


def test_the_report_has_every_day_and_hour() -> None:
    report = make_report(made())  # type: ignore[arg-type]
    tables = {table.name: table for table in report.tables}
    assert set(tables) == {"profits", "case-I", "case-II", "sweep"}
    assert len(tables["case-I"].rows) == 24 * 22
    rows = {(row.row, row.quantity): row.computed for row in tables["case-II"].rows}
    assert rows["hour 20", "interrupted load (kW)"] == 100.0
    assert rows["hour 7", "DG2 (kW)"] == 300.0
    assert len(tables["sweep"].rows) == 2 * 2 * len(data.SWEEP_G2V2)
    assert report.exit_code == 0


def test_hours_are_told_as_ranges() -> None:
    mask = np.zeros(24, dtype=bool)
    assert hours(mask) == "none"
    mask[[0, 7, 8, 9, 23]] = True
    assert hours(mask) == "1, 8-10, 24"
