"""Runs of the aggregator market: every number of the tables again from the others, and a run is its seed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from numpy.testing import assert_allclose

from scenarios.loading import load_scenario
from scenarios.markets.aggregator.case import AggregatorCase
from sim.checks import check_run
from sim.cli import main
from sim.kinds import market_kinds
from sim.markets.aggregator.model import AggregatorModel
from sim.options import RunOptions
from sim.store import Run, read_run
from tests.sim.timed import times_that_cannot_be

SMALL: dict[str, Any] = {"market": {"network": False}, "scenarios": {"draws": 4, "kept": 1}}
DAYS = 2


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    folder, start = tmp_path_factory.mktemp("aggregator"), time.perf_counter()
    file = folder / "small.yaml"
    file.write_text(yaml.safe_dump(load_scenario("aggregator-37", SMALL).resolved()), encoding="utf-8")
    assert main(["run", str(file), "--days", str(DAYS), "--seed", "8", "--out", str(folder / "run")]) == 0
    run = read_run(folder / "run")
    assert times_that_cannot_be(run, time.perf_counter() - start) == []
    return run


def powers(run: Run) -> pd.DataFrame:
    """Powers by kind, summed over assets, indexed by day and period."""
    rows = run.dispatch
    return rows.pivot_table(index=["day", "period"], columns="kind", values="p_kw", aggfunc="sum")


def prices(run: Run) -> pd.DataFrame:
    """Prices by name, currency/kWh."""
    rows = run.prices
    return rows.pivot_table(index=["day", "period"], columns="price", values="price_per_mwh") / 1000.0


def test_what_must_hold_in_every_run_holds(run: Run) -> None:
    found = check_run(run, market_kinds()["aggregator"].invariants)
    assert len(found) == 6
    assert all(each.holds for each in found), found


def wronged(run: Run, table: str, column: str, by: Any, rows: Any = None) -> Run:
    """The run with a number added to some rows of a column, or another value put there."""
    other, frame = Run(run.folder), run.table(table).copy()
    chosen = frame.index == frame.index[-1] if rows is None else rows(frame)
    frame.loc[chosen, column] = by if isinstance(by, str | bool) else frame.loc[chosen, column] + by
    vars(other)[table] = frame
    return other


def of_kind(name: str) -> Any:
    return lambda frame: (frame["kind"] == name) & (frame["period"] == 12) & (frame["day"] == 1)


SUMS = (
    "purchase_kwh",
    "charged_kwh",
    "discharged_kwh",
    "reserve_kwh",
    "generated_kwh",
    "served_kwh",
    "interrupted_kwh",
)
WRONG: list[tuple[str, str, Any, Any, set[str]]] = [
    *(
        ("dispatch", "p_kw", by, of_kind(name), {"active-balance", "day-sums"})
        for name in ("purchase", "charge", "discharge", "output", "served")
        for by in (1.0, -1.0)
    ),
    *(("dispatch", "p_kw", 1.0, of_kind(name), {"day-sums"}) for name in ("reserve", "interrupted")),
    ("dispatch", "hours", 0.5, of_kind("charge"), {"day-sums"}),
    *(("days", name, by, None, {"day-sums"}) for name in SUMS for by in (1.0, -1.0)),
    *(("days", name, 0.1, None, {"profits"}) for name in ("lot_profit", "paid_by_lots", "generator_profit")),
    *(("lot_days", name, -0.1, None, {"profits"}) for name in ("profit", "paid")),
    ("generators", "profit", 0.1, None, {"profits"}),
    ("contracts", "share", 0.01, None, {"contracts"}),
    ("contracts", "share", -0.01, None, {"contracts"}),
    *(("contracts", name, by, None, {"contracts"}) for name in ("satisfaction", "reputation") for by in (1.5, -1.5)),
    ("certificates", "certified", True, None, set()),
    *(("certificates", name, 1e-6, None, {"verdicts"}) for name in ("primal", "dual", "complementarity", "gap")),
    ("certificates", "epsilon", 1e-5, None, {"verdicts"}),
]


@pytest.mark.parametrize(("table", "column", "by", "rows", "names"), WRONG)
def test_a_statement_about_the_tables_sees_what_breaks_it(
    run: Run, table: str, column: str, by: Any, rows: Any, names: set[str]
) -> None:
    found = check_run(wronged(run, table, column, by, rows), market_kinds()["aggregator"].invariants)
    assert {each.name for each in found if not each.holds} == names


def test_nobody_comes_takes_no_contract(run: Run) -> None:
    empty = wronged(run, "contracts", "share", 0.0)
    empty.contracts["share"] = 0.0
    invariants = market_kinds()["aggregator"].invariants
    assert {each.name for each in check_run(empty, invariants) if not each.holds} == {"contracts"}
    empty.lot_days = run.lot_days.assign(came=0.0)
    assert all(each.holds for each in check_run(empty, invariants) if each.name == "contracts")


def test_money_is_price_times_power(run: Run) -> None:
    kw, price, days = powers(run), prices(run), run.days.set_index("day")
    called = 0.05 * (1.0 - 0.02)
    lots = (
        kw["charge"] * price["lot in"]
        - kw["discharge"] * price["lot out"]
        - kw["reserve"] * (price["lot reserve"] + called * price["lot out"])
    )
    generators, retailer = kw["output"] * price["generators"], kw["served"] * price["retailer"]
    upstream = kw["reserve"] * (price["upstream reserve"] + called * price["upstream energy"])
    upstream -= kw["purchase"] * price["upstream energy"]
    for name, amount in (
        ("paid_by_lots", lots),
        ("paid_to_generators", generators),
        ("paid_by_retailer", retailer),
        ("upstream_profit", upstream),
        ("profit", lots - generators + retailer + upstream),
    ):
        assert_allclose(days[name], amount.groupby("day").sum(), rtol=1e-9, err_msg=name)
    assert (days["loss_cost"] == 0.0).all()
    error = (price["forecast energy"] - price["upstream energy"]).abs().groupby("day").mean()
    assert_allclose(days["price_error_per_mwh"], 1000.0 * error)
    assert_allclose(days["upstream_price_mean_per_mwh"], 1000.0 * price["upstream energy"].groupby("day").mean())
    assert_allclose(days["upstream_price_peak_per_mwh"], 1000.0 * price["upstream energy"].groupby("day").max())


def test_generators_and_the_retailer_earn_what_their_prices_leave(run: Run) -> None:
    price, rows = prices(run), run.dispatch.set_index(["day", "period"])
    cost = {"DG1": 0.075, "DG2": 0.088, "DG3": 0.092}
    units = run.generators.set_index(["day", "generator"])
    for name, true in cost.items():
        output = rows[rows["asset"] == name]["p_kw"]
        earned = (output * (price["generators"] - true)).groupby("day").sum()
        assert_allclose(units.xs(name, level=1)["profit"], earned, atol=1e-9)
        assert_allclose(units.xs(name, level=1)["energy_kwh"], output.groupby("day").sum())
    assert set(units.xs("DG3", level=1)["markup"]) <= {0.0, 0.05, 0.1, 0.2}
    tariff = np.array([90] * 7 + [110] * 3 + [120] * 3 + [110] * 5 + [120] * 5 + [90]) / 1000.0
    kw = powers(run)
    worth = np.tile(tariff, DAYS) - price["retailer"]
    retail = (kw["served"] * worth - kw["interrupted"] * 0.015).groupby("day").sum()
    assert_allclose(run.days["retail_profit"], retail)


def test_lots_hold_what_comes_and_is_charged(run: Run) -> None:
    lots, kw, sections = run.lots, powers(run), load_scenario("aggregator-37", SMALL, AggregatorCase).file.lots
    assert (lots["parked"] <= sections[0].stations).all()
    assert (lots[["g2v_kwh", "v2g_kwh"]] >= -1e-6).all(axis=None)
    assert (lots["g2v_kwh"] + lots["v2g_kwh"] <= 0.95 * 24.0 * lots["parked"] + 1e-6).all()
    busy = lots.set_index(["day", "period"])["parked"]
    assert (kw["charge"] <= 11.0 * busy + 1e-6).all()
    days = run.lot_days
    assert_allclose(days["came"], run.days["vehicles"])
    contracts = run.contracts.pivot_table(index="day", columns="contract", values="share")
    assert_allclose(contracts.sum(axis=1), 1.0)
    assert set(days["step_per_mwh"].round(9)) <= {-5.0, 0.0, 5.0, 10.0, 20.0}


def test_expectations_follow_what_came(run: Run) -> None:
    lots = run.lot_days
    expected = 1.0
    for came, told in zip(lots["came"], lots["expected_attendance"], strict=True):
        expected = 0.7 * expected + 0.3 * came / 414.0
        assert told == pytest.approx(expected)
    forecast, upstream = prices(run)["forecast energy"], prices(run)["upstream energy"]
    for day in range(1, DAYS):
        assert_allclose(forecast[day], 0.7 * forecast[day - 1] + 0.3 * upstream[day - 1])


def test_prices_that_are_three_times_as_high_change_what_is_done_tomorrow() -> None:
    def second_day(factor: float) -> tuple[float, float]:
        model = AggregatorModel(load_scenario("aggregator-37", SMALL), seed=6)
        model.step()
        model.aggregator.energy_price *= factor
        model.step()
        plan = model.last.settlement.plan
        return float(plan.generators_kw.sum()), float(plan.prices["generators"].sum())

    (low, cheap), (high, dear) = second_day(1.0), second_day(3.0)
    assert high > low
    assert dear > cheap


def test_a_run_is_its_seed() -> None:
    def days(seed: int) -> list[float]:
        model = AggregatorModel(load_scenario("aggregator-37", SMALL), seed=seed)
        model.step()
        return [model.last.aggregator.profit, model.last.aggregator.planned_profit, model.last.lots[0].profit]

    first = days(5)
    assert days(5) == first
    assert days(6) != first


def test_figures_and_terminal_of_a_run(run: Run) -> None:
    drawn = {path.name for path in (run.folder / "figures").iterdir() if path.suffix == ".png"}
    assert {"profits.png", "contracts.png"} < drawn
    assert any(name.startswith("prices-day-") for name in drawn)
    kind = market_kinds()["aggregator"]
    text = "\n".join(kind.remarks(run))
    assert f"aggregator {run.days['profit'].sum():.1f} (planned {run.days['planned_profit'].sum():.1f})" in text
    assert kind.day_table(run).row_count == DAYS


def test_a_day_that_breaks_a_limit_is_told(run: Run) -> None:
    remarks = market_kinds()["aggregator"].remarks
    assert not [line for line in remarks(run) if "limits" in line]
    broken: Any = SimpleNamespace(
        days=run.days.assign(limits_kept=[True, False]),
        certificates=run.certificates,
        vehicles=run.vehicles,
        manifest=run.manifest,
        folder=run.folder,
    )
    (line,) = (line for line in remarks(broken) if "limits" in line)
    assert line.startswith("day 1: what came did not keep the feeder's limits; its losses are not counted")


def test_the_limit_of_the_searches_is_the_commands() -> None:
    case = load_scenario("aggregator-37", SMALL, AggregatorCase)
    options = RunOptions(seed=1, days=1, node_limit=5)
    assert AggregatorModel.from_options(case, options).market.node_limit == 5
    assert AggregatorModel.from_options(case, RunOptions(seed=1, days=1)).market.node_limit is None


@pytest.mark.parametrize(
    ("option", "word"),
    [(["--ac"], "AC power flow"), (["--certify", "full"], "certify")],
)
def test_options_that_the_market_has_not_got(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], option: list[str], word: str
) -> None:
    assert main(["run", "aggregator-37", "--days", "1", "--out", str(tmp_path / "run"), *option]) == 2
    assert word in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_pools_are_compared_with_single_vehicles_where_the_file_asks(tmp_path: Path) -> None:
    changes = {**SMALL, "market": {"network": False, "lots": "vehicles"}}
    file = tmp_path / "vehicles.yaml"
    file.write_text(yaml.safe_dump(load_scenario("aggregator-37", changes).resolved()), encoding="utf-8")
    assert main(["run", str(file), "--days", "1", "--no-figures", "--out", str(tmp_path / "run")]) == 0
    run = read_run(tmp_path / "run")
    (row,) = run.vehicles.to_dict("records")
    days = run.days.iloc[0]
    promised = days["charged_kwh"] + days["discharged_kwh"] + days["reserve_kwh"]
    assert row["promised_kwh"] == pytest.approx(promised)
    assert 0.0 < row["moved_kwh"] < promised
    assert row["profit_error"] == pytest.approx(row["pool_profit"] - row["vehicle_profit"])
    assert row["profit_error"] >= 0.0
    assert row["below_contract_kwh"] <= 1e-6
    assert all(each.holds for each in check_run(run, market_kinds()["aggregator"].invariants))
    (told,) = (line for line in market_kinds()["aggregator"].remarks(run) if "single vehicles" in line)
    assert f"of {promised:.0f} kWh of its pools single vehicles do {row['moved_kwh']:.0f} otherwise" in told
