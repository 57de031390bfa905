"""The wheel, installed by pip with nothing but what it asks for, lists its scenarios and runs a day."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pandas as pd
import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCES = (
    "equilibrium",
    "scenarios",
    "agents",
    "sim",
    "equilot.py",
    "pyproject.toml",
    "setup.cfg",
    "README.md",
    "LICENSE",
)

FEW = """extends: disco-15
title: Few drivers
lots: [{name: lot, bus: 9, drivers: 5}]
scenarios: {draws: 5, kept: 2}
"""


def call(*command: str | Path, folder: Path) -> str:
    """Run a command in a folder, away from the sources, and return what it printed."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy: a build leaves files in its folder that would get into the next wheel."""
    folder = tmp_path_factory.mktemp("build")
    for name in SOURCES:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder / name)
    call(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", "dist", ".", folder=folder)
    (built,) = (folder / "dist").glob("equilot-*.whl")
    return built


def test_wheel_holds_all_data_and_nothing_else(wheel: Path) -> None:
    copy = wheel.parent.parent
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
        licences = [name for name in archive.namelist() if name.endswith("LICENSE")]
    held = {
        path.relative_to(copy).as_posix()
        for package in SOURCES[:4]
        for path in (copy / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert names == held | {"equilot.py"}
    assert len(licences) == 1


def test_wheel_runs_in_a_clean_environment(wheel: Path, tmp_path: Path) -> None:
    call(sys.executable, "-m", "venv", "clean", folder=tmp_path)
    scripts = tmp_path / "clean" / ("Scripts" if os.name == "nt" else "bin")
    call(scripts / "python", "-m", "pip", "install", "--quiet", wheel, folder=tmp_path)
    assert "week-33" in call(scripts / "equilot", "scenarios", folder=tmp_path)
    (tmp_path / "few.yaml").write_text(FEW, encoding="utf-8")
    for scenario, out, proofs in (("week-33", "week", 1), ("few.yaml", "few", 2)):
        words = ("run", scenario, "--days", "1", "--seed", "1", "--out", out)
        assert f"results in {out}" in call(scripts / "equilot", *words, folder=tmp_path)
        certificates = pd.read_parquet(tmp_path / out / "certificates.parquet")
        assert len(certificates) == proofs  # a DISCO day has one for its plan and one for its outcome
        assert certificates["certified"].all()
