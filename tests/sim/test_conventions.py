"""What every command line tool has: JSON, quiet and verbose, progress in a pipe, completion; and pandas at hand."""

from __future__ import annotations

import json
import logging
import sys
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from equilibrium.errors import InputError
from scenarios.loading import scenario_titles
from sim.cli import main
from sim.manifest import write_manifest
from sim.markets.lots_lead import kind as lots_lead
from sim.show.console import console, logging_to_stderr, progress_bar
from sim.store import Run
from tests.sim.made_days import DATE, made_day, stored_run

PAPER = "epec-lots-33-case1"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    run = stored_run(tmp_path_factory.mktemp("run"), lots_lead.KIND, [made_day(k) for k in range(2)])
    write_manifest(run.folder, {"scenario": "made", "status": "complete", "seed": 4, "days_done": 2})
    return Run(run.folder)


def test_a_run_says_what_it_is(run: Run) -> None:
    start = (
        f"Run({str(run.folder)!r}): made, market lots-lead, 2 days, seed 4, complete; tables: days, prices, limits, "
    )
    assert repr(run).startswith(start)


def test_dates_are_dates_for_pandas(run: Run, tmp_path: Path) -> None:
    assert pd.api.types.is_datetime64_any_dtype(run.days["date"])
    assert run.days["date"].dt.date.tolist() == [DATE, date(2024, 4, 8)]
    assert len(run.days[run.days["date"] == "2024-04-08"]) == 1
    assert main(["run", PAPER, "--days", "1", "--out", str(tmp_path / "r"), "--no-figures", "--quiet"]) == 0
    typical = Run(tmp_path / "r")
    assert not [name for name, columns in typical.columns.items() if "date" in columns]  # a typical day has no date
    assert "date" not in typical.days


def test_a_bus_is_what_is_typed(run: Run) -> None:
    typed, quoted = run.table("prices", 1, bus=9), run.table("prices", 1, bus="9")
    assert typed["bus"].unique().tolist() == ["9"]
    pd.testing.assert_frame_equal(typed, quoted)
    for name, bus, said in (
        ("prices", 99, "got '99', expected a bus, root to 2; did you mean 9?"),
        ("days", 9, "got '9', expected nothing: its columns are day, date, "),
    ):
        with pytest.raises(InputError) as error:
            run.table(name, bus=bus)
        assert said in str(error.value)


def test_a_run_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "run"
    assert main(["run", PAPER, "--days", "2", "--out", str(folder), "--no-figures", "--json"]) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    told = json.loads(printed.out)
    assert (told["folder"], told["scenario"], told["market"]) == (str(folder), PAPER, "lots-lead")
    assert (told["status"], told["seed"], told["days_done"], told["currency"]) == ("complete", 0, 2, "EUR")
    days = Run(folder).days
    assert [list(day) for day in told["days"]] == [list(days.columns)] * 2
    assert [day["network_cost"] for day in told["days"]] == pytest.approx(days["network_cost"].tolist(), rel=1e-14)


def test_scenarios_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scenarios", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == scenario_titles()


def test_quiet_prints_nothing_and_verbose_tells_each_day(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["run", PAPER, "--days", "2", "--no-figures", "--force", "--out", str(tmp_path)]
    assert main([*words, "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")
    assert main([*words, "--verbose"]) == 0
    printed = capsys.readouterr()
    assert printed.err.splitlines() == ["day 0: 1 of 2 days", "day 1: 2 of 2 days"]
    assert "results in" in printed.out
    with pytest.raises(SystemExit):
        main([*words, "--quiet", "--verbose"])


def test_in_a_pipe_every_tenth_of_a_long_run_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    for days, wanted in ((9, 0), (10, 10), (25, 10)):
        with logging_to_stderr(), progress_bar(console(), days) as advance:
            for day in range(days):
                advance(f"day {day}")
        lines = capsys.readouterr().err.splitlines()
        assert len(lines) == wanted
        assert not wanted or lines[-1] == f"day {days - 1}: {days} of {days} days"
    assert logging.getLogger().level == logging.WARNING


def test_a_shell_gets_its_completion(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(sys.modules, "shtab", None)
    assert main(["completion", "bash"]) == 2
    assert 'pip install "equilot[completion]"' in capsys.readouterr().err
    fake = SimpleNamespace(complete=lambda parser, shell: f"{parser.prog} in {shell}")
    monkeypatch.setitem(sys.modules, "shtab", fake)
    assert main(["completion", "zsh"]) == 0
    assert capsys.readouterr().out == "equilot in zsh\n"
