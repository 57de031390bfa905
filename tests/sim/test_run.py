"""Runs: determinism, saving whatever ends a run, and what is refused before anything is written."""

from __future__ import annotations

import json

import pandas as pd
import pytest
import yaml

from equilibrium.errors import InputError, SolverError
from scenarios.loading import load_scenario
from sim import store
from sim.markets.charging.model import LocalMarket
from sim.markets.lots_lead.kind import KIND
from sim.options import RunOptions
from sim.run import run_scenario
from sim.store import Run, comparable

PAPER = "epec-lots-33-case1"


def own_scenario(folder, **changes):
    """Write a scenario that extends the bundled week and return its path."""
    path = folder / "own.yaml"
    path.write_text(yaml.safe_dump({"extends": "week-33", **changes}), encoding="utf-8")
    return str(path)


@pytest.fixture(scope="module")
def week():
    return load_scenario("week-33")


def tables(run):
    return {name: comparable(run.table(name)) for name in run.columns}


def test_the_seed_decides_everything(tmp_path, week):
    runs = {
        name: tables(run_scenario(week, tmp_path / name, RunOptions(days=2, seed=seed)).run)
        for name, seed in (("a", 4), ("again", 4), ("other", 5))
    }
    for name in (table.name for table in KIND.tables):
        pd.testing.assert_frame_equal(runs["a"][name], runs["again"][name], check_exact=True)
    assert not runs["a"]["prices"].equals(runs["other"]["prices"])
    assert not runs["a"]["sessions"].equals(runs["other"]["sessions"])


def test_a_longer_run_starts_with_the_shorter_one(tmp_path, week):
    short = run_scenario(week, tmp_path / "short", RunOptions(days=1)).run
    long = run_scenario(week, tmp_path / "long", RunOptions(days=2)).run
    pd.testing.assert_frame_equal(comparable(short.days), comparable(long.table("days", day=0)), check_exact=True)


def test_the_manifest_says_how_to_make_the_run_again(tmp_path, week):
    outcome = run_scenario(week, tmp_path / "run", RunOptions(days=1, seed=9, solver="highs"))
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text())
    assert manifest == outcome.run.manifest
    assert manifest["status"] == outcome.status == "complete"
    assert (manifest["days_asked"], manifest["days_done"], manifest["seed"]) == (1, 1, 9)
    assert (manifest["solver"], manifest["currency"]) == ("highs", "EUR")
    assert {"equilot", "python", "numpy", "pandas", "mesa", "highspy", "gurobipy"} <= set(manifest["versions"])
    assert all(len(value) == 64 for value in manifest["input_sha256"].values())
    assert any("omie" in name for name in manifest["input_sha256"])
    again = tmp_path / "again.yaml"
    again.write_text(yaml.safe_dump(manifest["resolved_scenario"]), encoding="utf-8")
    run = run_scenario(load_scenario(str(again)), tmp_path / "again", RunOptions(days=1, seed=9, solver="highs")).run
    pd.testing.assert_frame_equal(comparable(run.prices), comparable(outcome.run.prices), check_exact=True)


def test_the_files_agree_with_the_model(tmp_path, week):
    run = run_scenario(week, tmp_path / "run", RunOptions(days=2, seed=1)).run
    model = LocalMarket(week, seed=1)
    done = []
    for _ in range(2):
        model.step()
        done.append(model.last)
    assert run.days["network_cost"].tolist() == [result.clearing.network_cost for result in done]
    assert len(run.sessions) == sum(len(result.finished) + len(result.drivers.turned_away) for result in done)
    assert run.certificates["certified"].all()


@pytest.mark.parametrize("done", [0, 3])
def test_a_stopped_run_keeps_its_days(tmp_path, done, monkeypatch):
    monkeypatch.setattr(store, "PART_S", 0.0)  # a day is told at once
    finished = []
    outcome = run_scenario(
        load_scenario(PAPER),
        tmp_path / "run",
        RunOptions(days=50),
        progress=finished.append,
        stop=lambda: len(finished) == done,
    )
    assert outcome.status == "stopped: interrupted"
    assert outcome.run.days["day"].tolist() == list(range(done))
    assert outcome.run.manifest["days_done"] == done


@pytest.mark.parametrize(
    ("error", "status"), [(KeyboardInterrupt, "stopped: interrupted"), (SolverError, "stopped: x")]
)
def test_an_exception_between_days_loses_nothing(tmp_path, error, status, monkeypatch):
    monkeypatch.setattr(store, "PART_S", 0.0)

    def progress(text):
        if text.startswith("day 2"):
            raise error("x")

    def go():
        return run_scenario(load_scenario(PAPER), tmp_path / "run", RunOptions(days=50), progress=progress)

    if error is KeyboardInterrupt:
        run = go().run
    else:
        with pytest.raises(error):
            go()
        run = Run(tmp_path / "run")
    assert run.days["day"].tolist() == [0, 1, 2]
    assert run.manifest["status"] == status


def test_an_infeasible_day_stops_the_run_with_its_reasons(tmp_path):
    scenario = load_scenario(own_scenario(tmp_path, loads={"scale": 3.0}, market={"on_infeasible": "stop"}))
    outcome = run_scenario(scenario, tmp_path / "run", RunOptions(days=3))
    assert outcome.status == "stopped: a day could not be served"
    assert all(reason.startswith("day 0 (2024-06-10): ") for reason in outcome.reasons)
    assert outcome.run.manifest["reasons"] == list(outcome.reasons)
    assert any("voltage" in reason and "hour" in reason for reason in outcome.reasons)
    assert outcome.run.days.empty
    assert outcome.run.manifest["days_done"] == 0


def test_shedding_goes_on_with_the_shortage_priced(tmp_path):
    scenario = load_scenario(own_scenario(tmp_path, loads={"scale": 3.0}, market={"on_infeasible": "stop"}))
    run = run_scenario(scenario, tmp_path / "run", RunOptions(days=2, on_infeasible="shed")).run
    assert (run.days["shed_kwh"] > 0).all()
    assert (run.days["shortage_cost"] > 0).all()
    shed = run.dispatch[run.dispatch["kind"] == "shed"]
    assert shed.groupby("day")["p_kw"].sum().tolist() == pytest.approx(run.days["shed_kwh"].tolist())


@pytest.mark.parametrize(
    ("changes", "options", "field"),
    [
        ({}, RunOptions(days=0), "days"),
        ({}, RunOptions(seed=-1), "seed"),
        ({}, RunOptions(solver="cplex"), "solver"),
        ({}, RunOptions(on_infeasible="pray"), "on_infeasible"),
        ({"prices": {"after_end": "stop"}}, RunOptions(days=400), "days"),
    ],
)
def test_bad_options_are_refused_before_anything_is_written(tmp_path, changes, options, field):
    scenario = load_scenario(own_scenario(tmp_path, **changes))
    with pytest.raises(InputError, match=field):
        run_scenario(scenario, tmp_path / "run", options)
    assert not (tmp_path / "run").exists()
