"""The command line: one error line and exit code 2 for bad input, and nothing written before it."""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import subprocess
import sys
import threading
import time
from contextlib import nullcontext
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml

import equilibrium
from equilibrium.errors import InputError, SeveralInputErrors
from equilibrium.programs.solvers import highs
from scenarios.loading import scenario_titles
from sim import stopping
from sim.cli import _execute, main
from sim.store import Run

ROOT = Path(__file__).parents[2]
PAPER = "epec-lots-33-case1"
HANGS_S = 1800
"""Seconds that no machine needs: only a command that hangs takes longer."""


@pytest.fixture
def here(tmp_path, monkeypatch):
    """Work in an empty folder."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def code(arguments):
    """Return the exit code, whether the parser or the command gives it."""
    try:
        return main([str(argument) for argument in arguments])
    except SystemExit as end:
        return end.code


def command(*arguments, **options):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error"}
    words = [sys.executable, "-m", "sim.cli", *map(str, arguments)]
    return subprocess.Popen(
        words, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options
    )


def test_a_run_prints_a_table_and_leaves_its_results(here, capsys):
    assert code(["run", PAPER, "--days", 2, "--seed", 3, "--no-figures"]) == 0
    printed = capsys.readouterr()
    folder = here / "runs" / f"{PAPER}-seed3"
    assert "  0   7070 1936 0.9154" in printed.out
    assert "all  14140 3872 0.9154" in printed.out
    assert printed.out.rstrip().endswith(f"results in runs/{PAPER}-seed3")
    assert printed.err == ""
    assert "\x1b" not in printed.out
    assert Run(folder).days["day"].tolist() == [0, 1]
    assert not (folder / "figures").exists()
    assert code(["figures", folder, "--day", 0]) == 0
    assert "scheduling-day-0.svg" in capsys.readouterr().out
    assert len(list((folder / "figures").glob("*.svg"))) == 7
    assert code(["figures", folder, "--day", 2]) == 2
    assert "a day from 0 to 1" in capsys.readouterr().err


def test_a_second_run_needs_force(here, capsys):
    arguments = ["run", PAPER, "--days", 1, "--out", "out", "--no-figures"]
    assert code(arguments) == 0
    assert code(arguments) == 2
    assert "--force" in capsys.readouterr().err
    assert code([*arguments, "--force"]) == 0
    assert len(Run(here / "out").days) == 1


def own(folder, **changes):
    path = folder / "own.yaml"
    path.write_text(yaml.safe_dump({"extends": "week-33", **changes}), encoding="utf-8")
    return path


LOT = {"name": "a", "bus": 8, "places": 4, "charger_kw": 55, "charging_price_eur_per_kwh": 0.5}
BAD_SCENARIOS = {
    "unknown key": ({"feeder": {"nam": "ieee33"}}, "nam"),
    "unknown bus": ({"lots": [{**LOT, "bus": 99}]}, "99"),
    "no chargers": ({"lots": [{**LOT, "places": 0}]}, "places"),
    "negative rating": ({"feeder": {"rating_kva": -5}}, "rating_kva"),
    "voltage band": ({"feeder": {"voltage_min_pu": 1.2}}, "voltage_min_pu"),
    "not a number": ({"loads": {"scale": float("nan")}}, "scale"),
    "no such file": ({"prices": {"file": "nowhere"}}, "nowhere"),
}


@pytest.mark.parametrize("case", BAD_SCENARIOS)
def test_a_bad_scenario_is_one_line(here, capsys, case):
    changes, named = BAD_SCENARIOS[case]
    own(here, **changes)
    assert code(["run", "own.yaml", "--days", 1]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    assert printed.err.startswith("equilot: error: own.yaml: line ")
    assert named in printed.err
    assert not (here / "runs").exists()


PRICES = ["date,hour,price_eur_per_mwh", *(f"2031-03-01,{hour},{40 + hour}" for hour in range(1, 25))]
BAD_PRICES = {
    "23 prices": PRICES[:-1],
    "nan": [*PRICES[:5], "2031-03-01,5,nan", *PRICES[6:]],
    "text": [*PRICES[:5], "2031-03-01,5,cheap", *PRICES[6:]],
}


@pytest.mark.parametrize("case", BAD_PRICES)
def test_bad_prices_are_one_line_that_names_the_file(here, capsys, case):
    (here / "mine.csv").write_text("\n".join(BAD_PRICES[case]) + "\n", encoding="utf-8")
    assert code(["run", "--prices", "mine.csv", "--days", 1]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "mine.csv" in error
    assert not (here / "runs").exists()


def test_own_prices_take_the_place_of_the_scenarios(here):
    (here / "mine.csv").write_text("\n".join(PRICES) + "\n", encoding="utf-8")
    assert code(["run", "--prices", "mine.csv", "--days", 1, "--out", "out", "--no-figures"]) == 0
    run = Run(here / "out")
    assert run.days["date"].astype(str).tolist() == ["2031-03-01"]
    assert run.days["wholesale_mean_per_mwh"].item() == pytest.approx(52.5)
    assert str(here / "mine.csv") in run.manifest["input_sha256"]
    (here / "days").mkdir()
    (here / "mine.csv").rename(here / "days" / "mine.csv")
    assert code(["run", "--prices", "days", "--days", 1, "--out", "again", "--no-figures"]) == 0
    assert Run(here / "again").days["wholesale_mean_per_mwh"].item() == pytest.approx(52.5)


@pytest.mark.parametrize("command", ["run", "inspect"])
def test_a_table_is_no_scenario(here, capsys, command):
    (here / "mine.csv").write_text("\n".join(PRICES) + "\n", encoding="utf-8")
    assert code([command, "mine.csv"]) == 2
    assert capsys.readouterr().err == (
        "equilot: error: mine.csv: scenario: got 'mine.csv', expected a YAML file, of which a table is a part: "
        "prices.file or drivers.files (`equilot new NAME` writes one)\n"
    )


def test_own_sessions_need_a_scenario_with_drivers_and_good_lines(here, capsys):
    (here / "any.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    assert code(["run", PAPER, "--sessions", "any.csv"]) == 2
    assert "epec-lots-33-case1.yaml with overrides: drivers.files" in capsys.readouterr().err
    assert code(["run", "--sessions", "any.csv"]) == 2
    assert "any.csv: line 1" in capsys.readouterr().err
    assert [path.name for path in here.iterdir()] == ["any.csv"]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["run", "week-34"], "week-33"),
        (["run", "--days", "0"], "--days"),
        (["run", "--days", "x"], "at least 1"),
        (["run", "--seed", "-1"], "--seed"),
        (["run", "--solver", "cplex"], "cplex"),
        (["run", "nodal-33", "--certify", "most"], "most"),
        (["run", "--prices", "missing.csv"], "missing.csv"),
        (["run", "--sessions", "missing.csv"], "missing.csv"),
        (["run", "--out", "file"], "output folder"),
        (["run", "--out", "file/below"], "output folder"),
        (["run", "--fast"], "--fast"),
        ([], "COMMAND"),
        (["figures", "file"], "run folder"),
        (["reproduce", "everything"], "epec-lots, disco-cvar, disco-dr"),
    ],
)
def test_bad_arguments_are_one_line(here, capsys, arguments, named):
    (here / "file").write_text("")
    assert code(arguments) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    assert printed.err.startswith("equilot: error: ")
    assert named in printed.err
    assert [path.name for path in here.iterdir()] == ["file"]


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a file system that nobody can write")
def test_a_folder_that_cannot_be_written(capsys):
    assert code(["run", "--out", "/proc/equilot/run"]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("equilot: error: /proc/equilot/run: output folder: got ")
    assert printed.err.count("\n") == 1


def test_an_infeasible_day_names_its_limits_and_exits_with_3(here, capsys):
    own(here, loads={"scale": 3.0}, market={"on_infeasible": "stop"})
    assert code(["run", "own.yaml", "--days", 2, "--out", "out"]) == 3
    printed = capsys.readouterr()
    lines = printed.err.splitlines()
    assert lines
    assert all(line.startswith("equilot: infeasible: day 0 (2024-06-10): ") for line in lines)
    assert any("bus" in line and "hour" in line for line in lines)
    assert printed.out.splitlines()[-2:] == [  # no line about a table that is not there
        "the run is not complete: stopped: a day could not be served",
        "results in out",
    ]
    assert "energy in kWh" not in printed.out
    assert Run("out").manifest["status"].startswith("stopped")


def test_the_exit_code_is_kept_when_nobody_reads_the_output(here):
    """As in ``equilot run ... | head -1``: the reader goes away before the first line is written."""
    own(here, loads={"scale": 3.0}, market={"on_infeasible": "stop"})
    for arguments, expected in ((["run", "own.yaml", "--out", "out"], 3), (["run", "own.yml"], 2)):
        process = command(*arguments, cwd=here)
        process.stdout.close()
        assert process.wait(timeout=HANGS_S) == expected
        error = process.stderr.read()
        assert "Traceback" not in error
        assert "BrokenPipe" not in error
        process.stderr.close()
    assert Run(here / "out").manifest["status"].startswith("stopped")


def test_the_nodal_market_stops_at_a_day_without_dispatch(here, capsys):
    own(here, extends="nodal-33", loads={"scale": 3.0})
    assert code(["run", "own.yaml", "--days", 2, "--out", "out"]) == 3
    lines = capsys.readouterr().err.splitlines()
    assert lines
    assert all(line.startswith("equilot: infeasible: day 0 (2024-06-10): ") for line in lines)


@pytest.mark.usefixtures("here")
def test_the_nodal_market_cannot_shed(capsys):
    assert code(["run", "nodal-33", "--days", 1, "--on-infeasible", "shed"]) == 2
    error = capsys.readouterr().err
    assert error == (
        "equilot: error: scenario nodal-33: on_infeasible: got 'shed', "
        "expected stop (the nodal market prices no shortages)\n"
    )


@pytest.mark.usefixtures("here")
def test_only_the_nodal_market_has_a_second_method(capsys):
    assert code(["run", "nodal-33", "--days", 1, "--certify", "full", "--no-figures", "--out", "out"]) == 0
    assert "1 of 1 days proved by it too" in capsys.readouterr().out
    assert code(["run", "week-33", "--certify", "full", "--out", "other"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("equilot: error: scenario week-33: certify: got 'full', expected standard (only the nodal ")
    assert not Path("other").exists()


def test_shedding_is_told(here, capsys):
    own(here, loads={"scale": 3.0})
    assert code(["run", "own.yaml", "--days", 1, "--out", "out", "--on-infeasible", "shed", "--no-figures"]) == 0
    assert "day 0 had a shortage" in capsys.readouterr().out


@pytest.mark.usefixtures("here")
def test_the_ac_check_is_told_and_stored(capsys):
    pytest.importorskip("pandapower")
    assert code(["run", PAPER, "--days", 1, "--out", "out", "--ac", "--no-figures"]) == 0
    assert "AC power flow: voltage error of the linear flow at most 0.0" in capsys.readouterr().out
    assert len(Run("out").ac) == 24


def test_scenarios_are_one_line_each(capsys):
    assert code(["scenarios"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(scenario_titles())


def test_version_and_help(capsys):
    assert code(["--version"]) == 0
    first, python, highs, gurobi = capsys.readouterr().out.splitlines()
    assert first == f"equilot {equilibrium.__version__} (MIT licence)"
    assert python.split() == ["Python", platform.python_version()]
    assert highs.startswith(f"HiGHS {version('highspy')} (MIT licence)")
    assert gurobi.startswith(f"Gurobi {version('gurobipy')} (with its free licence")
    assert code(["run", "--help"]) == 0
    text = capsys.readouterr().out
    assert all(option in text for option in ("--days", "--seed", "--out", "--solver", "--on-infeasible", "--prices"))


def wait_for_parts(folder, process, parts):
    """Wait until the run has written some parts, however long that takes on this machine."""
    while process.poll() is None:
        if (folder / "parts").is_dir() and len([p for p in (folder / "parts").iterdir() if p.name[0] != "."]) >= parts:
            return
        time.sleep(0.02)
    pytest.fail(f"the run ended early: {process.communicate()}")


def test_a_killed_run_leaves_readable_days(here):
    process = command("run", PAPER, "--days", 100_000, "--out", "out", cwd=here)
    wait_for_parts(here / "out", process, 2)
    process.kill()
    process.communicate()
    run = Run(here / "out")
    days = run.days["day"].tolist()
    assert len(days) >= 2
    assert days == list(range(len(days)))
    assert set(run.prices["day"]) == set(run.certificates["day"]) == set(days)
    assert run.manifest["status"] == "running"
    assert run.manifest["days_asked"] == 100_000
    assert code(["run", PAPER, "--days", 1, "--out", here / "out"]) == 2
    assert code(["run", PAPER, "--days", 1, "--out", here / "out", "--force", "--no-figures"]) == 0
    assert len(Run(here / "out").days) == 1


def test_a_run_that_was_stopped_is_not_drawn(here, monkeypatch, capsys):
    asked = iter([False])
    monkeypatch.setattr("sim.commands.run.stop_signals", lambda: nullcontext(lambda: next(asked, True)))
    assert code(["run", PAPER, "--days", 9, "--out", here / "out", "--report"]) == 130
    assert "not complete: stopped: interrupted" in capsys.readouterr().out
    assert len(Run(here / "out").days) == 1
    assert not (here / "out" / "figures").exists()
    assert not (here / "out" / "report.html").exists()


@pytest.mark.parametrize("number", [pytest.param(signal.SIGINT, marks=pytest.mark.long), signal.SIGTERM])
def test_a_signal_stops_the_run_after_the_day_in_hand(here, number):
    process = command("run", PAPER, "--days", 100_000, "--out", "out", "--no-figures", cwd=here)
    wait_for_parts(here / "out", process, 1)
    process.send_signal(number)
    out, err = process.communicate(timeout=HANGS_S)
    assert process.returncode == 130
    assert err == ""
    assert "not complete: stopped: interrupted" in out
    run = Run(here / "out")
    assert run.days["day"].tolist() == list(range(run.manifest["days_done"]))
    assert not (here / "out" / "parts").exists()


def test_a_day_that_takes_long_is_given_up_when_a_run_is_asked_to_end(monkeypatch):
    monkeypatch.setattr(stopping, "PATIENCE_S", 0.01)
    with stopping.stop_signals() as stop:
        assert not stop()
        with pytest.raises(KeyboardInterrupt):  # noqa: PT012 - it may come at once
            signal.raise_signal(signal.SIGINT)
            threading.Event().wait(HANGS_S)  # the day in hand
    with stopping.stop_signals() as stop:
        monkeypatch.setattr(stopping, "PATIENCE_S", HANGS_S)
        assert not stop()
    with stopping.stop_signals() as stop:
        signal.raise_signal(signal.SIGTERM)
        assert stop()  # and from here on nobody interrupts what is being written


@pytest.fixture
def _ctrl_c_interrupts():
    """A process in the background of a shell is started with Ctrl-C ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("_ctrl_c_interrupts")
def test_ctrl_c_is_heard_while_a_large_program_is_being_solved():
    end, ended = threading.Event(), threading.Event()

    class Slow:
        def run(self):
            end.wait(HANGS_S)
            ended.set()

    with pytest.raises(KeyboardInterrupt):  # noqa: PT012 - it may come at once
        threading.Timer(0.05, signal.raise_signal, (signal.SIGINT,)).start()
        highs._run(Slow(), highs.INTERRUPTIBLE)
    assert not ended.is_set()
    end.set()
    assert ended.wait(HANGS_S)


def test_what_goes_wrong_in_a_large_solve_comes_out():
    class Broken:
        def run(self):
            raise MemoryError

    for entries in (0, highs.INTERRUPTIBLE):
        with pytest.raises(MemoryError):
            highs._run(Broken(), entries)


def test_the_default_run_is_the_bundled_town(here, capsys):
    """Seven days with figures; how long they take is for the benchmark."""
    assert code(["run"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    folder = here / "runs" / "town-33-seed0"
    assert json.loads((folder / "manifest.json").read_text())["days_done"] == 7
    assert len(list((folder / "figures").glob("*.png"))) == 8
    assert Run(folder).certificates["certified"].all()
    assert "results in runs/town-33-seed0" in out


@pytest.mark.parametrize(
    ("count", "rest"), [(2, ""), (20, ""), (23, "equilot: error: and 3 more of the kind; mend these first\n")]
)
def test_no_more_errors_are_told_than_fit_a_screen(count: int, rest: str, capsys: pytest.CaptureFixture[str]) -> None:
    def fails(_: object) -> int:
        raise SeveralInputErrors([InputError("file", f"line {k}", k, "more") for k in range(count)])

    assert _execute(argparse.Namespace(command=fails)) == 2
    lines = "".join(f"equilot: error: file: line {k}: got {k}, expected more\n" for k in range(min(count, 20)))
    assert capsys.readouterr().err == lines + rest
