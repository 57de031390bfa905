"""What must hold in the tables of a run: it does in real runs, each statement sees what breaks it, and the command."""

from __future__ import annotations

import shutil

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scenarios.loading import load_scenario
from sim.cli import main
from sim.kinds import market_kinds
from sim.options import RunOptions
from sim.output import check_tables
from sim.run import run_scenario
from sim.store import Run, RunWriter

FEW = {
    "lots": [{"name": "lot", "bus": 9, "drivers": 8}],
    "scenarios": {"draws": 8, "kept": 2},
    "market": {"segments": 6, "transformer_efficiency": 0.98},
}
SCENARIOS = {"lots-lead": ("week-33", None), "nodal": ("nodal-33", None), "disco": ("disco-15", FEW)}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    made = {}
    for market, (name, overrides) in SCENARIOS.items():
        folder = tmp_path_factory.mktemp(market) / "run"
        made[market] = run_scenario(load_scenario(name, overrides), folder, RunOptions(days=2, seed=1)).run.folder
    return made


def add(table: str, column: str, by: float, rows=None):
    """Return what adds to some rows of a column, all of them by default."""

    def change(run: Run) -> None:
        frame = run.table(table).copy()
        chosen = slice(None) if rows is None else rows(frame)
        frame.loc[chosen, column] += by
        setattr(run, table, frame)

    return change


def say(table: str, column: str, value: object):
    """Return what puts one value into a column."""
    return lambda run: setattr(run, table, run.table(table).assign(**{column: value}))


def first(frame: pd.DataFrame) -> pd.Series:
    return frame.index == 0


def kind(name: str):
    return lambda frame: frame["kind"] == name


def certified_all_the_same(run: Run) -> None:
    run.certificates = run.table("certificates").assign(certified=True, epsilon=0.1)


def too_much(run: Run) -> None:
    lots = run.table("lots")
    run.lots = lots.assign(power_kw=lots["power_max_kw"] + 1.0)


CHARGING = {
    "active-balance": add("dispatch", "p_kw", 1.0, kind("import")),
    "reactive-balance": add("dispatch", "q_kvar", 1.0, kind("load")),
    "price-parts": add("prices", "energy_per_mwh", 0.1, first),
    "day-sums": add("days", "load_kwh", 1.0, first),
    "day-extremes": add("days", "voltage_min_pu", 0.01, first),
    "lot-bands": too_much,
    "lot-money": add("lot_days", "profit", 1.0, first),
    "sessions": add("sessions", "got_kwh", 1.0, lambda frame: frame.index == frame["got_kwh"].idxmax()),
    "verdicts": certified_all_the_same,
}
BREAKS = {
    "lots-lead": CHARGING,
    "nodal": {
        **CHARGING,
        "lot-price": add("lots", "lot_price_per_mwh", 0.1, first),
        "price-interval": add("lots", "lot_price_high_per_mwh", -100.0),
        "lot-payments": add("lot_days", "payment", 1.0, first),
        "money-balance": add("days", "network_surplus", 1.0, first),
        "welfare": say("days", "welfare_loss", -0.1),
    },
    "disco": {
        "active-balance": add("dispatch", "p_kw", 1.0, kind("loss")),
        "day-sums": add("days", "charged_kwh", 1.0, first),
        "money-balance": add("accounts", "amount", 1.0, first),
        "sessions": add("sessions", "paid", 0.1, first),
        "scenarios": add("scenarios", "probability", 0.01, first),
        "lot-maximum": add("lot_days", "maximum", -1.0),
        "programs": say("days", "program", "none"),
        "verdicts": certified_all_the_same,
    },
}
NAMES = [(market, each.name) for market in SCENARIOS for each in market_kinds()[market].invariants]


def test_every_market_has_statements():
    assert {market for market, _ in NAMES} == set(SCENARIOS)
    for market, names in BREAKS.items():
        invariants = market_kinds()[market].invariants
        assert {each.name for each in invariants} == set(names)
        assert all(each.statement and each.source and 0.0 <= each.tolerance <= 1e-4 for each in invariants)


@pytest.mark.parametrize(("market", "name"), NAMES)
def test_a_statement_sees_what_breaks_it(folders, market, name):
    run = Run(folders[market])
    assert all(finding.holds for finding in check_tables(run))
    BREAKS[market][name](run)
    assert name in {finding.name for finding in check_tables(run) if not finding.holds}


@pytest.mark.parametrize("name", ["week-33", "nodal-33"])
def test_all_statements_hold_where_a_period_is_no_hour(name, tmp_path):
    case = load_scenario(name, {"time": {"zone": "Europe/Madrid", "step_minutes": 15}})
    run = run_scenario(case, tmp_path / "run", RunOptions(days=1, seed=1)).run
    assert run.lots["hours"].eq(0.25).all()
    assert [finding.name for finding in check_tables(run) if not finding.holds] == []


def test_a_run_without_days_breaks_nothing(tmp_path):
    for market, kind_ in market_kinds().items():
        RunWriter(tmp_path / market, market, kind_.tables).close()
        assert all(finding.holds for finding in check_tables(Run(tmp_path / market)))


def test_the_command_tells_and_its_exit_code_says_it(folders, tmp_path, capsys):
    folder = tmp_path / "run"
    shutil.copytree(folders["lots-lead"], folder)
    assert main(["check", str(folder)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines] == [["holds", name] for name in CHARGING]
    lots = pq.read_table(folder / "lot_days.parquet")
    profit = pa.array(lots["profit"].to_numpy() + 1.0)
    pq.write_table(
        lots.set_column(lots.schema.get_field_index("profit"), "profit", profit), folder / "lot_days.parquet"
    )
    assert main(["check", str(folder)]) == 1
    assert [line.split()[1] for line in capsys.readouterr().out.splitlines() if line.startswith("FAILS")] == [
        "lot-money"
    ]
    assert main(["check", str(tmp_path)]) == 2
    assert "run folder" in capsys.readouterr().err
