"""Run folders: one writer each, nothing of other origin touched, and no day lost that was told as finished."""

from __future__ import annotations

import errno
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from equilibrium.errors import InputError
from scenarios.loading import load_scenario
from sim.cli import main
from sim.folder import FolderLock
from sim.options import RunOptions
from sim.run import run_scenario
from sim.store import Run, RunWriter, comparable

ROOT = Path(__file__).parents[2]
PAPER, WEEK = "epec-lots-33-case1", "week-33"


def run(folder: Path, days: int = 2, *, name: str = PAPER, **options: Any) -> Run:
    return run_scenario(load_scenario(name), folder, RunOptions(days=days, seed=4), **options).run


def same(one: Run, other: Run) -> None:
    for table in one.columns:
        pd.testing.assert_frame_equal(comparable(one.table(table)), comparable(other.table(table)), check_exact=True)


def command(*words: object, folder: Path) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error"}
    return subprocess.Popen(
        [sys.executable, "-m", "sim.cli", *map(str, words)],
        env=environment,
        text=True,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def test_a_folder_has_one_writer(tmp_path: Path) -> None:
    run(tmp_path)
    lock = FolderLock(tmp_path)
    with pytest.raises(InputError, match=f"got 'written by process {os.getpid()} on .*', expected one run at a time"):
        run(tmp_path, force=True)
    assert len(Run(tmp_path).days) == 2
    lock.release()
    run(tmp_path, 1, force=True)
    assert not (tmp_path / ".lock").exists()


def test_the_lock_of_a_dead_process_is_free(tmp_path: Path) -> None:
    (tmp_path / ".lock").write_text("process 1 on another-host\n")
    run(tmp_path)
    assert not (tmp_path / ".lock").exists()


@pytest.mark.parametrize("name", ["manifest.json", "columns.json", "parts/ch1.tex", "prices.parquet", "parts"])
@pytest.mark.parametrize("force", [True, False])
def test_what_no_run_wrote_is_not_overwritten(tmp_path: Path, name: str, force: bool) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text('{"name": "my web app", "format": 7}')
    with pytest.raises(InputError, match=f"{name}, which no run wrote"):
        run(tmp_path, force=force)
    assert path.read_text() == '{"name": "my web app", "format": 7}'
    assert len(list(tmp_path.iterdir())) == 1 + (tmp_path / ".lock").exists()


def test_a_file_of_other_origin_beside_a_run_is_not_overwritten(tmp_path: Path) -> None:
    run(tmp_path)
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "ch1.tex").write_text("mine")
    with pytest.raises(InputError, match=r"parts/ch1\.tex, which no run wrote"):
        run(tmp_path, force=True)
    assert len(Run(tmp_path).days) == 2


def test_force_takes_the_figures_of_the_run_with_it_and_no_others(tmp_path: Path) -> None:
    folder = str(tmp_path / "run")
    assert main(["run", PAPER, "--days", "1", "--out", folder]) == 0
    drawn = sorted((tmp_path / "run" / "figures").iterdir())
    assert [path.name for path in drawn] == sorted(Run(folder).manifest["figures"])
    mine = tmp_path / "run" / "figures" / "mine.svg"
    mine.write_text("mine")
    assert main(["run", PAPER, "--days", "1", "--out", folder, "--force", "--no-figures"]) == 0
    assert list(mine.parent.iterdir()) == [mine]


@pytest.mark.parametrize("name", ["manifest.json", "columns.json", "parts", "days.parquet", ".lock"])
def test_nothing_is_written_through_a_planted_link(tmp_path: Path, name: str) -> None:
    folder, secret = tmp_path / "run", tmp_path / "secret"
    run(folder)
    secret.mkdir() if name == "parts" else secret.write_text("secret")
    (folder / name).unlink(missing_ok=True)
    (folder / name).symlink_to(secret)
    try:
        run(folder, force=True)
    except InputError as error:
        assert str(folder) in str(error)  # noqa: PT017 - either is right, as long as the secret is whole
    assert list(secret.iterdir()) == [] if name == "parts" else secret.read_text() == "secret"


def test_a_full_disk_says_what_is_safe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flush = RunWriter.flush

    def full(writer: RunWriter) -> None:
        if writer.days_taken > 7:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        flush(writer)

    whole = run(tmp_path / "whole", 12)
    monkeypatch.setattr(RunWriter, "flush", full)
    with pytest.raises(OSError, match=r"No space left on device; 5 finished days are safe in .*run"):
        run(tmp_path / "run", 12)
    monkeypatch.undo()
    assert Run(tmp_path / "run").days["day"].tolist() == [0, 1, 2, 3, 4]
    same(run(tmp_path / "run", 12, resume=True), whole)


def test_a_folder_that_goes_away_under_a_run_is_said(tmp_path: Path) -> None:
    def move(_: str) -> None:
        if (tmp_path / "run").exists():
            (tmp_path / "run").rename(tmp_path / "gone")

    with pytest.raises(OSError, match=r"run/\S+: No such file or directory; the folder has gone"):
        run(tmp_path / "run", 12, progress=move)
    assert len(Run(tmp_path / "gone").days) >= 1


def test_a_run_goes_on_where_it_was_stopped(tmp_path: Path) -> None:
    whole = run(tmp_path / "whole", 9, name=WEEK)
    finished: list[str] = []
    run(tmp_path / "run", 9, name=WEEK, progress=finished.append, stop=lambda: bool(finished))
    assert 1 <= len(finished) <= 5
    assert Run(tmp_path / "run").manifest["status"] == "stopped: interrupted"
    before = len(finished)
    again = run(tmp_path / "run", 9, name=WEEK, resume=True, progress=finished.append)
    assert len(finished) == 9
    assert [name.split()[1] for name in finished[before:]] == [str(day) for day in range(before, 9)]
    assert (again.manifest["status"], again.manifest["days_done"]) == ("complete", 9)
    same(again, whole)
    longer = run(tmp_path / "run", 10, name=WEEK, resume=True)
    same(longer, run(tmp_path / "ten", 10, name=WEEK))


def test_resuming_what_is_complete_changes_nothing_and_an_empty_folder_begins(tmp_path: Path) -> None:
    whole = run(tmp_path / "run", 3, resume=True)
    same(run(tmp_path / "run", 3, resume=True), whole)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (["--seed", "5"], "seed: got 5, expected '?4"),
        (["--set", "loads.scale=0.9"], r"resolved_scenario.loads.scale: got 0.9, expected 1.0, as in the run"),
        (["--certify", "full"], "certify: got 'full', expected 'standard'"),
        (["--days", "1"], "--days: got 1, expected at least the 2 days"),
        (["--force"], "--resume: --force"),
    ],
)
def test_another_run_is_not_resumed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], changes: list[str], said: str
) -> None:
    base = ["run", "nodal-33", "--days", "2", "--seed", "4", "--no-figures", "--out", str(tmp_path / "run")]
    assert main(base) == 0
    capsys.readouterr()
    assert main([*base, "--resume", *changes]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    with pytest.raises(AssertionError, match=said):
        raise AssertionError(error)


def test_a_run_of_another_version_is_not_resumed(tmp_path: Path) -> None:
    folder = run(tmp_path / "run").folder
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["versions"]["equilot"] = "0.0.1"
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(InputError, match=r"versions\.equilot: got .* expected '0\.0\.1', as in the run"):
        run(folder, resume=True)


def killed_and_resumed(tmp_path: Path, kills: int, days: int, name: str) -> None:
    """Kill a run at random moments, resume it each time, and compare it with one that was left alone."""
    draws = random.Random(5)
    words = ("run", name, "--days", days, "--seed", 4, "--out", "out", "--no-figures", "--resume")
    known = 0
    for _ in range(kills):
        process = command(*words, folder=tmp_path)
        wanted = min(known + draws.randint(1, 3), days - 1)
        while on_disk(tmp_path / "out") < wanted and process.poll() is None:
            time.sleep(0.02)
        time.sleep(0.3 * draws.random())
        process.send_signal(signal.SIGKILL)
        process.communicate()
        found = Run(tmp_path / "out").days["day"].tolist()
        assert found == list(range(len(found)))
        assert len(found) >= wanted
        known = len(found)
    same(run(tmp_path / "out", days, name=name, resume=True), run(tmp_path / "whole", days, name=name))


def on_disk(folder: Path) -> int:
    """Return how many days are safe in the parts of a run that is being written, or fewer."""
    parts = sorted(path.name for path in (folder / "parts").glob("0*"))
    return int(parts[-1]) + 1 if parts else 0


def test_a_killed_run_goes_on_with_the_same_digits(tmp_path: Path) -> None:
    killed_and_resumed(tmp_path, 3, 60, WEEK)


@pytest.mark.long
def test_a_run_killed_often_goes_on_with_the_same_digits(tmp_path: Path) -> None:
    killed_and_resumed(tmp_path, 20, 70, "town-33")
