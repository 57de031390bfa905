"""Run folders: one writer at a time, and nothing is removed that no run of Equilot wrote."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from equilibrium.errors import InputError
from scenarios.loading import load_scenario
from sim import store
from sim.cli import main
from sim.folder import check_folder, drawn, locked, note_drawn
from sim.manifest import write_manifest
from sim.markets.lots_lead.kind import KIND
from sim.options import RunOptions
from sim.run import run_scenario
from sim.show import drawing
from sim.store import Run, RunWriter, comparable
from tests.sim.conftest import rows_of

PAPER = "epec-lots-33-case1"


def command(folder: Path, *more: str) -> list[str]:
    return ["run", PAPER, "--days", "1", "--out", str(folder), "--no-figures", *more]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("manifest.json", '{"name": "my-extension", "version": "1.0"}'),
        ("prices.parquet", "my prices"),
        ("parts/ch1.tex", "Once upon a time"),
        ("checkpoint/model.pt", "weights"),
        ("columns.json", '{"columns": ["a"]}'),
    ],
)
def test_what_no_run_wrote_is_never_overwritten(
    tmp_path: Path, name: str, content: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "book"
    path = folder / name
    path.parent.mkdir(parents=True)
    path.write_text(content)
    for more in ((), ("--force",), ("--resume",)):
        assert main(command(folder, *more)) == 2
        told = capsys.readouterr().err
        assert f"got '{name.split('/')[0]}', expected a folder without it: no run of Equilot wrote it" in told
        assert path.read_text() == content
    assert [inside for inside in folder.rglob("*") if inside.is_file() and inside.name != ".lock"] == [path]


def test_a_foreign_file_among_the_parts_of_a_run_stays(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    assert main(command(folder)) == 0
    (folder / "parts").mkdir()
    (folder / "parts" / "notes.txt").write_text("mine")
    assert main(command(folder, "--force")) == 2
    assert (folder / "parts" / "notes.txt").read_text() == "mine"
    assert len(Run(folder).days) == 1


def test_two_runs_into_one_folder_do_not_mix(tmp_path: Path, make_day, capsys) -> None:  # type: ignore[no-untyped-def]
    folder = tmp_path / "run"
    writer = RunWriter(folder, KIND.name, KIND.tables)
    writer.add(0, rows_of(make_day(0)))
    assert main(command(folder, "--force", "--seed", "2")) == 2
    assert "got 'another run in progress', expected a folder into which nobody else writes" in capsys.readouterr().err
    writer.close()
    assert Run(folder).days["day"].tolist() == [0]
    assert main(command(folder, "--force", "--seed", "2")) == 0
    assert Run(folder).manifest["seed"] == 2


def test_a_writer_that_is_refused_lets_the_folder_go(tmp_path: Path) -> None:
    """At once, also where somebody still looks at what went wrong."""
    (tmp_path / "prices.parquet").write_text("mine")
    with pytest.raises(InputError) as refused:
        RunWriter(tmp_path, KIND.name, KIND.tables)
    locked(tmp_path).release()
    assert "prices.parquet" in str(refused.value)


def test_a_killed_writer_leaves_no_lock(tmp_path: Path) -> None:
    """The system takes the lock back: nobody has to remove a file."""
    code = "import os, pathlib, sys, sim.folder as f; f.locked(pathlib.Path(sys.argv[1])); os.kill(os.getpid(), 9)"
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    assert (tmp_path / ".lock").exists()
    lock = locked(tmp_path)
    with pytest.raises(InputError, match="another run in progress"):
        locked(tmp_path)
    lock.release()
    locked(tmp_path).release()


def _blank(_figure: Any, stem: Path, formats: tuple[str, ...] = ("svg", "png")) -> list[Path]:
    """Put files where figures would be drawn: what they show is for other tests."""
    stem.parent.mkdir(parents=True, exist_ok=True)
    files = [stem.with_name(f"{stem.name}.{kind}") for kind in formats]
    for file in files:
        file.write_bytes(b"")
    return files


def test_no_figure_of_an_earlier_run_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures that Equilot drew go with their run; another file beside them stays."""
    monkeypatch.setattr(drawing, "save", _blank)
    folder = tmp_path / "run"
    words = ["run", PAPER, "--out", str(folder), "--force"]
    assert main([*words, "--days", "2"]) == 0
    assert main(["figures", str(folder), "--day", "1"]) == 0
    before = {path.name for path in (folder / "figures").iterdir()}
    (folder / "figures" / "mine.png").write_bytes(b"mine")
    assert {path.name for path in drawn(folder / "figures")} == before
    assert any("day-1" in name for name in before)
    assert main(["report", str(folder)]) == 0
    assert len(list((folder / "report").iterdir())) > 2
    assert main([*words, "--days", "1", "--no-figures"]) == 0
    assert [path.name for path in (folder / "figures").iterdir()] == ["mine.png"]
    assert not (folder / "report.html").exists()
    assert list((folder / "report").iterdir()) == []


def test_the_list_of_figures_leads_nowhere_else(tmp_path: Path) -> None:
    (tmp_path / "figures").mkdir()
    (tmp_path / "victim.txt").write_text("keep")
    (tmp_path / "figures" / "a.png").write_bytes(b"")
    (tmp_path / "figures" / "index.json").write_text(json.dumps({"figures": ["../victim.txt", "a.png", 3, "gone.png"]}))
    assert sorted(path.name for path in drawn(tmp_path / "figures")) == ["a.png", "index.json"]
    note_drawn(tmp_path / "figures", [tmp_path / "figures" / "b.png"])
    assert json.loads((tmp_path / "figures" / "index.json").read_text()) == {"figures": ["a.png", "b.png"]}


def test_a_folder_that_cannot_be_used_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text("not json")
    with pytest.raises(InputError, match=r"manifest.json: file: got ") as caught:
        check_folder(tmp_path, force=True)
    assert "\n" not in str(caught.value)
    (tmp_path / "manifest.json").unlink()
    write_manifest(tmp_path, {"seed": 1})
    check_folder(tmp_path, force=True)
    with pytest.raises(InputError, match=r"got 'a run \(manifest.json\)', expected an empty or new folder, --resume"):
        check_folder(tmp_path, force=False)


def run(folder: Path, days: int = 2, **options: Any) -> Run:
    return run_scenario(load_scenario(PAPER), folder, RunOptions(days=days, seed=4), **options).run


def same(one: Run, other: Run) -> None:
    for table in one.columns:
        pd.testing.assert_frame_equal(comparable(one.table(table)), comparable(other.table(table)), check_exact=True)


@pytest.mark.parametrize("name", ["manifest.json", "columns.json", "parts", "days.parquet", "checkpoint", ".lock"])
def test_nothing_is_written_through_a_planted_link(tmp_path: Path, name: str) -> None:
    folder, secret = tmp_path / "run", tmp_path / "secret"
    run(folder)
    secret.mkdir() if name in ("parts", "checkpoint") else secret.write_text("secret")
    if (folder / name).is_dir():
        shutil.rmtree(folder / name)
    (folder / name).unlink(missing_ok=True)
    (folder / name).symlink_to(secret)
    try:
        run(folder, force=True)
    except InputError as error:
        assert str(folder) in str(error)  # noqa: PT017 - either is right, as long as the secret is whole
    assert list(secret.iterdir()) == [] if secret.is_dir() else secret.read_text() == "secret"


def test_a_full_disk_says_what_is_safe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "PART_S", 0.0)
    flush = RunWriter.flush

    def full(writer: RunWriter, **how: bool) -> None:
        if writer.days_taken > 5:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        flush(writer, **how)

    whole = run(tmp_path / "whole", 12)
    monkeypatch.setattr(RunWriter, "flush", full)
    with pytest.raises(OSError, match=r"No space left on device; 5 finished days are safe in .*run"):
        run(tmp_path / "run", 12)
    monkeypatch.setattr(RunWriter, "flush", flush)
    assert Run(tmp_path / "run").days["day"].tolist() == [0, 1, 2, 3, 4]
    same(run(tmp_path / "run", 12, resume=True), whole)


def test_a_folder_that_goes_away_under_a_run_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "PART_S", 0.0)

    def move(_: str) -> None:
        if (tmp_path / "run").exists():
            (tmp_path / "run").rename(tmp_path / "gone")

    with pytest.raises(OSError, match="No such file or directory; the folder has gone"):
        run(tmp_path / "run", 12, progress=move)
    assert len(Run(tmp_path / "gone").days) >= 1
