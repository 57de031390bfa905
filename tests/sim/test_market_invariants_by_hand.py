"""How large what a run breaks is: the aggregators', the company's and two settlements' statements on a few rows."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from sim.checks import RunInvariant
from sim.markets.aggregator import invariants as aggregator
from sim.markets.aggregator.rivals import invariants as rivals
from sim.markets.disco import invariants as disco
from sim.markets.two_settlement import invariants as two_settlement
from tests.sim.made_tables import aggregator_run, disco_run, powers, rivals_run, two_settlement_run


def of(invariants: tuple[RunInvariant, ...]) -> dict[str, Any]:
    return {each.name: each.violation for each in invariants if each.name != "verdicts"}


SIZES = {
    "aggregator": of(aggregator.INVARIANTS),
    "rivals": of(rivals.INVARIANTS),
    "disco": of(disco.INVARIANTS),
    "two-settlement": of(two_settlement.INVARIANTS),
}


MADE = {
    "aggregator": aggregator_run(),
    "rivals": rivals_run(),
    "disco": disco_run(),
    "two-settlement": two_settlement_run(),
}


def broken(market: str, name: str, *wrong: tuple[str, int, str, Any]) -> float:
    """How much a statement is broken where something is added to numbers."""
    found = dict(MADE[market])
    for table, row, column, by in wrong:
        found[table] = found[table].copy()
        found[table].loc[row, column] = found[table].loc[row, column] + by if not isinstance(by, str | bool) else by
    return float(SIZES[market][name](SimpleNamespace(**found)))


def row(market: str, table: str, **values: Any) -> int:
    rows = MADE[market][table]
    fits = pd.Series(data=True, index=rows.index)
    for name, value in values.items():
        fits &= rows[name] == value
    return int(rows.index[fits][0])


@pytest.mark.parametrize(("market", "name"), [(market, name) for market, each in SIZES.items() for name in each])
def test_a_run_in_which_all_fits(market: str, name: str) -> None:
    assert broken(market, name) == pytest.approx(0.0, abs=1e-12)


def kind(market: str, name: str) -> tuple[str, int, str]:
    return "dispatch", row(market, "dispatch", kind=name), "p_kw"


def account(name: str, day: int = 0) -> tuple[str, int, str]:
    return "accounts", row("disco", "accounts", account=name, day=day), "amount"


AGGREGATOR: list[tuple[str, tuple[str, int, str, Any], float]] = [
    # of the largest power, 20 kW
    *(("active-balance", (*kind("aggregator", name), 2.0), 0.1) for name in ("purchase", "output", "discharge")),
    *(("active-balance", (*kind("aggregator", name), -2.0), 0.1) for name in ("charge", "served")),
    *(("active-balance", (*kind("aggregator", name), 2.0), 0.0) for name in ("reserve", "interrupted")),
    # half an hour of 4 kW, of the largest energy in days
    *(
        ("day-sums", (*kind("aggregator", name), 4.0), 2.0 / most)
        for name, most in {
            "purchase": 20.0,
            "charge": 4.0,
            "discharge": 2.0,
            "output": 3.0,
            "served": 20.0,
            "reserve": 3.0,
            "interrupted": 5.0,
        }.items()
    ),
    # of the largest amount in days
    ("profits", ("lot_days", 1, "profit", 4.0), 0.5),
    ("profits", ("lot_days", 0, "paid", 1.0), 0.25),
    ("profits", ("generators", 1, "profit", -2.5), 0.5),
    ("profits", ("days", 1, "generator_profit", 0.5), 0.1),
    ("profits", ("days", 1, "lot_profit", 0.8), 0.1),
    # parts of one
    ("contracts", ("contracts", 2, "satisfaction", 0.25), 0.25 / 1.25),
    ("contracts", ("contracts", 0, "satisfaction", -0.25), 0.25),
    ("contracts", ("contracts", 0, "reputation", 0.25), 0.25 / 1.25),
    ("contracts", ("contracts", 2, "reputation", -0.25), 0.25),
    ("contracts", ("contracts", 0, "share", 0.125), 0.125 / 1.125),
    ("contracts", ("contracts", 3, "share", 0.25), 0.25),  # nobody came
    ("contracts", ("lot_days", 1, "came", -2), 1.0),  # and there was a contract
    ("contracts", ("lot_days", 1, "came", -1), 0.0),
    # beyond the tolerances: 1e-6 kWh, and 1e-7 of one and the pool's profit
    ("vehicles", ("vehicles", 0, "below_contract_kwh", 1e-6), 0.0),
    ("vehicles", ("vehicles", 0, "below_contract_kwh", 0.5), 0.5 - 1e-6),
    ("vehicles", ("vehicles", 0, "profit_error", -6e-7), 0.0),
    ("vehicles", ("vehicles", 0, "profit_error", -0.5), (0.5 - 6e-7) / 2.0),
    ("vehicles", ("vehicles", 1, "profit_error", -2.5), 0.5 - 5e-7),
]

RIVALS: list[tuple[str, tuple[str, int, str, Any], float]] = [
    # of the largest power, 10 kW
    *(("active-balance", ("dispatch", k, "p_kw", -1.0), 0.1) for k in (0, 1, 3, 4, 5)),
    ("active-balance", ("dispatch", 1, "aggregator", "B"), 0.4),
    ("active-balance", ("dispatch", 3, "kind", "reserve"), 0.5),
    # of what is traded, 4 kW
    ("parts", ("trade", 0, "p_kw", 1.0), 0.2),
    ("parts", ("trade", 1, "p_kw", -1.0), 1.0 / 3.0),
    ("parts", ("dispatch", 1, "p_kw", 2.0), 0.5),
    # of the day's 12
    *(
        ("profits", ("days", 0, name, 3.0), 0.2)
        for name in ("profit", "planned_profit", "lot_profit", "generator_profit", "retail_profit")
    ),
    ("profits", ("aggregators", 0, "retail_profit", 3.0), 0.25),
    ("profits", ("aggregators", 0, "own", 2.0), 0.25),
    ("profits", ("aggregators", 1, "strangers", -2.0), 0.25),
    # of the largest distance, or of one
    ("bounds", ("aggregators", 1, "bound", -1.0), 0.5),
    ("bounds", ("aggregators", 0, "planned_profit", 0.25), 0.25),
    ("bounds", ("aggregators", 0, "regret", -0.5), 0.5),
]

DISCO: list[tuple[str, tuple[str, int, str, Any], float]] = [
    # all periods lose a tenth of 100 kW; where 10 kW more are lost in one, it should be 12.5 % in each
    ("active-balance", (*kind("disco", "loss"), -10.0), 0.075),
    ("active-balance", (*kind("disco", "lot_charge"), -10.0), 0.075),
    ("active-balance", (*kind("disco", "load"), -10.0), 0.075),
    ("active-balance", (*kind("disco", "renewable"), 10.0), 0.075),
    ("active-balance", (*kind("disco", "lot_discharge"), 10.0), 0.075),
    *(
        ("active-balance", (*kind("disco", name), 10.0), 0.0)
        for name in ("renewable_potential", "base_load", "forecast_load")
    ),
    ("day-sums", ("days", 0, "curtailed_kwh", 5.0), 0.1),  # of the 50 kWh that were possible
    ("day-sums", (*kind("disco", "renewable_potential"), 5.0), 5.0 / 55.0),
    *(
        ("day-sums", ("days", 0, f"{name}_kwh", by), size)
        for name, by, size in (
            ("base_load", 10.0, 10.0 / 200.0),
            ("load", 20.0, 20.0 / 200.0),
            ("forecast_load", 12.0, 12.0 / 200.0),
            ("import", 50.0, 50.0 / 250.0),
            ("renewable", 10.0, 10.0 / 50.0),
            ("charged", 8.0, 8.0 / 40.0),
            ("discharged", 4.0, 4.0 / 16.0),
            ("loss", 20.0, 20.0 / 80.0),
        )
    ),
    # of the largest account, 40
    ("money-balance", ("days", 0, "company_profit", 4.0), 0.1),
    ("money-balance", ("days", 1, "company_profit", 4.0), 0.1),
    ("money-balance", ("days", 0, "lot_profit", 4.0), 0.1),
    *(
        ("money-balance", (*account(name), 4.0), 0.1)
        for name in ("lot_charging_income", "v2g_payment", "upstream_cost", "response_cost", "emission_reward")
    ),
    ("money-balance", (*account("load_income"), 10.0), 0.2),
    *(
        ("money-balance", (*account(name), 4.0), 0.1)
        for name in ("driver_income", "driver_payment", "degradation_cost")
    ),
    # of the largest sum
    ("sessions", ("sessions", 0, "drawn_kwh", 4.0), 0.2),
    ("sessions", ("sessions", 1, "given_kwh", 3.0), 0.2),
    ("sessions", ("sessions", 0, "paid", 2.0), 0.2),
    ("sessions", ("sessions", 0, "received", 0.5), 0.2),
    ("sessions", ("days", 1, "charged_kwh", 3.2), 0.1),
    ("sessions", (*account("driver_payment"), -1.0), 0.25),
    ("sessions", (*account("degradation_cost"), 1.0), 0.25),
    # of one, and of the largest profit
    ("scenarios", ("scenarios", 2, "probability", -0.25), 0.25),
    ("scenarios", ("scenarios", 0, "company_profit", 10.0), 0.1),
    ("scenarios", ("scenarios", 2, "company_profit", 10.0), 0.0),
    ("scenarios", ("days", 1, "planned_profit", 2.5), 0.1),
    ("lot-maximum", ("lot_days", 1, "maximum", -2.0), 0.25),
    ("lot-maximum", ("days", 0, "lot_profit", 2.0), 0.25),
    ("lot-maximum", ("days", 1, "lot_profit", 1.5), 0.25),
    ("programs", ("programs", 0, "probability", 0.25), 0.25 / 1.25),
    ("programs", ("programs", 0, "probability", -0.25), 0.25),
    ("programs", ("days", 1, "program", "x"), 1.0),
    ("programs", ("programs", 2, "chosen", False), 1.0),
]

TWO: list[tuple[str, tuple[str, int, str, Any], float]] = [
    # of the largest power, 10 kW
    *(
        ("active-balance", (*kind("two-settlement", name), by), 0.1)
        for by, names in (
            (-1.0, ("bought", "output", "renewable", "discharge", "given", "shed", "sold", "charge", "taken", "load")),
        )
        for name in names
    ),
    *(("active-balance", (*kind("two-settlement", name), -1.0), 0.0) for name in ("called", "reserve missing")),
    *(
        ("day-sums", (*kind("two-settlement", name), 1.0), 1.0 / most)
        for name, most in {
            "bought": 18.0,
            "sold": 6.0,
            "output": 5.0,
            "renewable": 4.0,
            "load": 18.0,
            "shed": 1.0,
            "called": 17.0,
            "reserve missing": 2.0,
        }.items()
    ),
    ("money", ("payments", 0, "amount", 1.0), 1.0 / 7.0),
    ("money", ("payments", 1, "amount", 1.0), 1.0 / 7.0),
    ("money", ("payments", 2, "amount", 1.0), 0.0),  # from others to others
    ("money", ("days", 0, "day_ahead_profit", 1.0), 1.0 / 7.0),
    ("money", ("days", 0, "real_time_profit", 1.0), 1.0 / 7.0),
    ("money", ("days", 1, "profit", 0.7), 0.1),
    # of the largest payment, 20
    ("cents", ("payments", 2, "amount", 0.01), 0.0),
    ("cents", ("payments", 2, "amount", 0.004), 0.004 / 20.0),
    ("cents", ("payments", 2, "amount", -3.25), 0.1),
    # of the largest call
    ("calls", ("schedule", 0, "p_kw", -1.0), 0.1),
    ("calls", ("schedule", 1, "p_kw", -2.0), 0.2),
    ("calls", ("schedule", 2, "p_kw", -9.0), 0.0),
    ("calls", ("schedule", 4, "p_kw", -1.0), 0.1),
    ("calls", ("schedule", 3, "p_kw", -2.0), 0.0),
    ("calls", ("schedule", 3, "p_kw", -2.5), 0.05),
    ("calls", ("schedule", 3, "kind", "output"), 0.3),
    ("calls", (*kind("two-settlement", "called"), -10.5), 0.125),
]


@pytest.mark.parametrize(
    ("market", "name", "wrong", "size"),
    [
        (market, *each)
        for market, rows in (
            ("aggregator", AGGREGATOR),
            ("rivals", RIVALS),
            ("disco", DISCO),
            ("two-settlement", TWO),
        )
        for each in rows
    ],
)
def test_how_large_a_wrong_number_is(market: str, name: str, wrong: tuple[str, int, str, Any], size: float) -> None:
    assert broken(market, name, wrong) == pytest.approx(size, abs=1e-12)


def test_a_run_without_vehicles_one_by_one_breaks_nothing() -> None:
    empty = SimpleNamespace(vehicles=MADE["aggregator"]["vehicles"][:0])
    assert SIZES["aggregator"]["vehicles"](empty) == 0.0


@pytest.mark.parametrize(("more", "size"), [(10.0, 0.0), (10.0 + 0.5e-5, 0.0), (40.0, 0.3), (5.0, 0.0)])
def test_a_transformer_may_lose_one_share_and_win_nothing(more: float, size: float) -> None:
    """Of every 100 kW bought 10 kW are lost; with ``more`` of load the others, or less than nothing."""
    rows = [row("disco", "dispatch", kind="load", day=day, period=period) for day in (0, 1) for period in (0, 1)]
    wrong = [("dispatch", k, "p_kw", more) for k in rows]
    assert broken("disco", "active-balance", *wrong) == pytest.approx(size, abs=1e-12)


def test_a_company_that_buys_nothing_loses_nothing() -> None:
    rows = powers({"import": 0.0, "renewable": 5.0, "load": 5.0}, {"import": 0.0, "renewable": 7.0, "load": 6.0})
    found = SIZES["disco"]["active-balance"](SimpleNamespace(dispatch=rows))
    assert found == pytest.approx(1.0 / 7.0)


def test_a_company_that_buys_little_may_lose_a_share_of_it() -> None:
    rows = powers({"import": 0.25, "load": 0.2}, {"import": 0.5, "load": 0.4})
    assert SIZES["disco"]["active-balance"](SimpleNamespace(dispatch=rows)) == pytest.approx(0.0, abs=1e-12)
