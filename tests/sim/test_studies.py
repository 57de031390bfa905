"""Studies: the same rows wherever they are worked at, what fails stops nothing, and what is there is not done again."""

from __future__ import annotations

import errno
import io
import json
import os
import random
import signal
import subprocess
import sys
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from rich.console import Console

from equilibrium.errors import InputError
from scenarios.loading import load_scenario
from sim.cli import main
from sim.commands import study as command
from sim.options import RunOptions
from sim.simulate import simulate
from sim.studies import handing_out, storage, work
from sim.studies.executors import Workers, dask, in_process, processes
from sim.studies.specification import read_specification
from sim.studies.storage import TIMING, StudyResults
from sim.studies.study import Progress, Study

ROOT = Path(__file__).parents[2]
STUDY: dict[str, Any] = {
    "scenario": "week-33",
    "days": 2,
    "replications": 2,
    "grid": {"lots.lot-1.places": [20, 40]},
    "outputs": {
        "profit": {"table": "days", "column": "lot_profit", "reduce": "sum"},
        "lowest": {"table": "prices", "column": "voltage_pu", "reduce": "min", "per": "day"},
        "first_lot": {"table": "lots", "column": "power_kw", "reduce": "sum", "where": {"lot": "lot-1"}},
    },
}


def written(folder: Path, **changes: Any) -> Path:
    path = folder / "study.yaml"
    path.write_text(yaml.safe_dump({**STUDY, **changes}), encoding="utf-8")
    return path


def same(one: StudyResults, other: StudyResults) -> None:
    for name in ("points", "runs", "days"):
        frames = [getattr(each, name).drop(columns=TIMING, errors="ignore") for each in (one, other)]
        pd.testing.assert_frame_equal(frames[0], frames[1], check_exact=True)
    where = ["point", "replication", "seed", "type", "message"]
    pd.testing.assert_frame_equal(one.failures[where], other.failures[where])


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> StudyResults:
    return Study.from_file(written(tmp_path_factory.mktemp("plain"))).run()


def test_the_rows_are_what_the_runs_show(plain: StudyResults) -> None:
    assert plain.complete
    assert plain.failures.empty
    assert plain.points.to_dict("list") == {"point": [0, 1], "lots.lot-1.places": [20, 40]}
    assert list(zip(plain.runs["point"], plain.runs["replication"], strict=True)) == [(0, 0), (0, 1), (1, 0), (1, 1)]
    row = plain.runs.iloc[3]
    case = load_scenario("week-33", settings={"lots.lot-1.places": "40"})
    days = list(simulate(case, RunOptions(days=2, seed=int(row["seed"]))))
    assert row["profit"] == np.sum([day.tables["days"]["lot_profit"][0] for day in days])
    lots = [pd.DataFrame(dict(day.tables["lots"])) for day in days]
    powers = np.concatenate([each.loc[each["lot"] == "lot-1", "power_kw"] for each in lots])
    assert row["first_lot"] == powers.sum()
    lowest = [float(np.min(day.tables["prices"]["voltage_pu"])) for day in days]
    found = plain.days[(plain.days["point"] == 1) & (plain.days["replication"] == 1)]
    assert found["lowest"].tolist() == lowest


def test_common_random_numbers_are_common_to_the_points_and_others_are_not(tmp_path: Path, plain: StudyResults) -> None:
    seeds = plain.runs.pivot_table(index="replication", columns="point", values="seed")
    assert (seeds[0] == seeds[1]).all()
    assert plain.runs["seed"].nunique() == 2
    apart = read_specification(written(tmp_path, common_random_numbers=False))
    assert len({apart.seed(point, replication) for point in range(2) for replication in range(2)}) == 4


def test_two_processes_and_a_folder_give_the_same(tmp_path: Path, plain: StudyResults) -> None:
    study = Study.from_file(written(tmp_path))
    same(study.run(processes(2), tmp_path / "out"), plain)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("0*.parquet")}
    same(study.run(in_process(), tmp_path / "out"), plain)
    assert {path: path.stat().st_mtime_ns for path in before} == before
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert (manifest["status"], manifest["runs_done"], manifest["failures"]) == ("complete", 4, 0)
    assert pd.read_parquet(tmp_path / "out" / "runs").shape == (4, 8)


@pytest.mark.long
def test_dask_gives_the_same(tmp_path: Path, plain: StudyResults) -> None:
    distributed = pytest.importorskip("distributed")
    study = Study.from_file(written(tmp_path))
    same(study.run(dask(workers=2), tmp_path / "out"), plain)
    with distributed.LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None) as cluster:
        same(study.run(dask(cluster.scheduler_address), tmp_path / "running"), plain)
        with distributed.Client(cluster) as client:
            same(study.run(client.get_executor(pure=False), tmp_path / "given"), plain)


def test_any_executor_of_concurrent_futures_will_do(tmp_path: Path, plain: StudyResults) -> None:
    with ThreadPoolExecutor(1) as executor:
        same(Study.from_file(written(tmp_path)).run(executor), plain)
        assert executor.submit(int).result() == 0  # it is the user's, and still open


def test_without_dask_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(InputError, match=r"--dask: got 'not installed', expected .*equilot\[dask\]"):
        dask()


@pytest.mark.parametrize("damage", ["cut", "empty", "other", "half", "lost"])
def test_damaged_files_are_done_again(tmp_path: Path, plain: StudyResults, damage: str) -> None:
    study = Study.from_file(written(tmp_path))
    study.run(None, tmp_path / "out")
    file = tmp_path / "out" / "runs" / "000002.parquet"
    other = tmp_path / "out" / "days" / "000002.parquet"
    if damage == "cut":
        file.write_bytes(file.read_bytes()[:-20])
    elif damage == "empty":
        other.write_bytes(b"")
    elif damage == "other":
        pd.DataFrame({"a": [1]}).to_parquet(file)
    elif damage == "half":
        file.rename(file.with_name(".000002.parquet-abc"))
    else:
        pd.read_parquet(file).iloc[:0].to_parquet(file)
    same(study.run(None, tmp_path / "out"), plain)
    assert not list((tmp_path / "out").rglob(".0*"))


def test_a_stopped_study_goes_on(tmp_path: Path, plain: StudyResults) -> None:
    study = Study.from_file(written(tmp_path))
    asked: list[int] = []
    first = study.run(None, tmp_path / "out", stop=lambda: bool(asked), progress=lambda p: asked.append(p.done))
    assert not first.complete
    assert 1 <= len(first.runs) < 4
    told: list[int] = []
    same(study.run(None, tmp_path / "out", progress=lambda p: told.append(p.done)), plain)
    assert told == list(range(len(first.runs) + 1, 5))


def test_a_full_disk_says_what_is_safe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, plain: StudyResults, capsys: pytest.CaptureFixture[str]
) -> None:
    write = storage.write_table

    def full(path: Path, table: Any) -> None:
        if path.name == "000002.parquet":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        write(path, table)

    monkeypatch.setattr(storage, "write_table", full)
    assert main(["study", str(written(tmp_path)), "--out", str(tmp_path / "out")]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "000002.parquet: No space left on device; the runs that were told are safe in" in error
    monkeypatch.undo()
    done: list[int] = []
    study = Study.from_file(tmp_path / "study.yaml")
    same(study.run(None, tmp_path / "out", progress=lambda p: done.append(p.done)), plain)
    assert done == [3, 4]


def test_what_fails_is_a_row_and_stops_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    grid = {"loads.scale": [1.0, 3.0]}
    path = written(tmp_path, grid=grid, replications=1, options={"on_infeasible": "stop"})
    results = Study.from_file(path).run()
    assert results.runs["point"].tolist() == [0]
    failed = results.failures.iloc[0]
    assert (failed["point"], failed["day"], failed["type"]) == (1, 0, "InfeasibleError")
    assert "overloaded" in failed["message"]
    assert failed["traceback"].startswith("Traceback")
    assert "clear" in failed["traceback"]
    assert main(["study", str(path), "--out", str(tmp_path / "out")]) == 1
    told = capsys.readouterr().out
    assert f"1 runs failed; the first: point 1, replication 0, InfeasibleError: {failed['message']}\n" in told
    assert f"results in {tmp_path / 'out'}\n" in told
    assert "stopped" not in told
    assert main(["study", str(path), "--out", str(tmp_path / "out")]) == 1


def test_a_run_whose_worker_dies_is_a_failure_and_the_others_are_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, plain: StudyResults
) -> None:
    from concurrent.futures.process import BrokenProcessPool

    class Pool:
        """A pool of which a process dies at the first replication of the second point."""

        dead = False

        def submit(self, function: Any, chunk: work.Chunk) -> Future[work.Done]:
            if self.dead:
                raise BrokenProcessPool("dead")
            future: Future[work.Done] = Future()
            if any((each.point, each.replication) == (1, 0) for each in chunk.replications):
                self.dead = True
                future.set_exception(BrokenProcessPool("dead"))
            else:
                future.set_result(function(chunk))
            return future

    @contextmanager
    def opened() -> Any:
        yield Pool()

    monkeypatch.setattr("sim.studies.study._CHUNKS", 1)
    results = Study.from_file(written(tmp_path)).run(Workers("dying", 2, opened), tmp_path / "out")
    assert results.complete
    rest = plain.runs[~((plain.runs["point"] == 1) & (plain.runs["replication"] == 0))].reset_index(drop=True)
    pd.testing.assert_frame_equal(results.runs.drop(columns=TIMING), rest.drop(columns=TIMING), check_exact=True)
    failed = results.failures.iloc[0]
    assert (failed["point"], failed["replication"], failed["type"]) == (1, 0, handing_out.WorkerDiedError.__name__)
    assert failed["origin"] == "the worker process"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"days": 3}, r"specification.days: got 3, expected 2, as in the study"),
        ({"grid": {"lots.lot-1.places": [20, 41]}}, r"specification.grid.lots.lot-1.places\[1\]: got 41, expected 40"),
        ({"seed": 1}, "specification.seed: got 1, expected 0"),
    ],
)
def test_another_study_is_not_taken_up(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], changes: dict[str, Any], said: str
) -> None:
    Study.from_file(written(tmp_path, replications=1)).run(None, tmp_path / "out", stop=lambda: True)
    assert main(["study", str(written(tmp_path, replications=1, **changes)), "--out", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    with pytest.raises(AssertionError, match=said):
        raise AssertionError(error)


def test_a_folder_of_other_origin_and_a_newer_format_are_refused(tmp_path: Path) -> None:
    study = Study.from_file(written(tmp_path))
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match=r"mine\.txt, which no study wrote"):
        study.run(None, tmp_path / "out")
    (tmp_path / "out" / "manifest.json").write_text('{"study_format": 2, "versions": {"equilot": "9.0"}}')
    with pytest.raises(InputError, match=r"format of the study: got 2, expected 1: the study is of equilot 9\.0"):
        study.run(None, tmp_path / "out")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"grid": {"lots.lot-1.place": [1]}}, "--set lots.lot-1.place: .*closest: places"),
        ({"grid": {"lots.lot-7.places": [1]}}, "--set lots.lot-7.places: item of the list"),
        ({"grid": {"loads.scale": [1.0, -1.0]}}, "--set loads.scale: loads.scale: got -1.0"),
        ({"grid": {"loads.scale": []}}, r"line \d+, grid.loads.scale: got \[\], expected at least one"),
        ({"replicatons": 2}, r"study.yaml: line \d+, replicatons: .*closest: replications"),
        ({"replications": 0}, r"line \d+, replications: got 0, expected greater than or equal to 1"),
        ({"outputs": {"a": {"table": "day", "column": "x", "reduce": "sum"}}}, "outputs.a.table: .*closest: days"),
        (
            {"outputs": {"a": {"table": "days", "column": "lot_profits", "reduce": "sum"}}},
            "outputs.a.column: .*closest: lot_profit",
        ),
        (
            {"outputs": {"a": {"table": "days", "column": "date", "reduce": "max"}}},
            "outputs.a.column: got 'date', expected a column of numbers",
        ),
        (
            {"outputs": {"a": {"table": "lots", "column": "power_kw", "reduce": "sum", "where": {"lots": 1}}}},
            "outputs.a.where: .*closest: lot",
        ),
        ({"outputs": {"a": {"table": "days", "column": "lot_profit"}}}, "outputs.a.reduce: got None, expected a key"),
        ({"sample": {"points": 3, "method": "sobol", "keys": {"loads.scale": {"from": 0, "to": 1}}}}, "power of two"),
        ({"sample": {"points": 3, "keys": {"loads.scale": {"from": 2, "to": 1}}}}, "whose from is below its to"),
        (
            {"sample": {"points": 3, "keys": {"lots.lot-1.places": {"from": 1, "to": 2}}}},
            "sample.keys.lots.lot-1.places: got .*not in grid too",
        ),
        ({"scenario": "week-34"}, "closest: week-33"),
    ],
)
def test_a_study_that_cannot_be_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], changes: dict[str, Any], said: str
) -> None:
    assert main(["study", str(written(tmp_path, **changes)), "--out", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    with pytest.raises(AssertionError, match=said):
        raise AssertionError(error)
    assert not (tmp_path / "out").exists()


def test_all_that_is_wrong_with_a_study_is_said_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path, replications=0, gridd={})
    assert main(["study", str(path), "--out", str(tmp_path / "out")]) == 2
    first, second = capsys.readouterr().err.splitlines()
    assert "replications: got 0, expected greater than or equal to 1" in first
    assert "gridd: got 'gridd'" in second
    assert "closest: grid" in second


@pytest.mark.parametrize("method", ["latin-hypercube", "sobol"])
def test_samples_fill_their_ranges_evenly(tmp_path: Path, method: str) -> None:
    keys = {"loads.scale": {"from": 0.5, "to": 1.5}, "lots.lot-1.places": {"from": 10, "to": 13, "whole": True}}
    sample = {"method": method, "points": 16, "keys": keys}
    points = read_specification(written(tmp_path, grid={}, sample=sample)).points
    scale = np.sort([float(point["loads.scale"]) for point in points])
    edges = 0.5 + np.arange(17) / 16
    assert ((edges[:-1] <= scale) & (scale < edges[1:])).all()  # one in each of 16 slices
    places = [int(point["lots.lot-1.places"]) for point in points]
    assert [places.count(number) for number in (10, 11, 12, 13)] == [4, 4, 4, 4]
    assert read_specification(written(tmp_path, grid={}, sample=sample)).points == points
    both = read_specification(written(tmp_path, grid={"lots.lot-2.places": [1, 2]}, sample=sample)).points
    assert len(both) == 32


def killed_and_taken_up(tmp_path: Path, plain: StudyResults, kills: int, workers: str) -> None:
    """Kill a study at random moments, give the same command again each time, and compare."""
    words = [sys.executable, "-m", "sim.cli", "study", str(written(tmp_path)), "--out", "out", "--workers", workers]
    draws = random.Random(7)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    for kill in range(kills):
        process = subprocess.Popen(words, cwd=tmp_path, env=environment, stdout=subprocess.DEVNULL)
        while len(list((tmp_path / "out" / "runs").glob("0*"))) <= min(kill, 1) and process.poll() is None:
            time.sleep(0.01)
        time.sleep(0.2 * draws.random())
        process.send_signal(signal.SIGKILL)
        process.wait()
    same(Study.from_file(tmp_path / "study.yaml").run(None, tmp_path / "out"), plain)


def test_a_killed_study_goes_on(tmp_path: Path, plain: StudyResults) -> None:
    killed_and_taken_up(tmp_path, plain, 1, "1")


@pytest.mark.long
def test_a_study_killed_often_goes_on(tmp_path: Path, plain: StudyResults) -> None:
    killed_and_taken_up(tmp_path, plain, 20, "2")


def test_progress_is_told_every_few_seconds_and_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 1.0, 6.0, 7.0, 12.0, 12.5])
    monkeypatch.setattr(command.time, "monotonic", lambda: next(clock))
    screen = Console(width=100, file=io.StringIO(), record=True)
    tell = command._teller(screen)
    for done in range(1, 6):
        tell(Progress(done, 5, int(done == 4), 60.0 - done))
    assert screen.export_text().splitlines() == [
        "2 of 5 runs, 58 s left",
        "4 of 5 runs, 1 failed, 56 s left",
        "5 of 5 runs",
    ]
