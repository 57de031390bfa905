"""The wheel, installed by pip with nothing but what it asks for, lists its scenarios and runs a day.

So does a market of another distribution (``tests/foreign_market``) that is installed beside it.

No network is needed: what the wheel asks for is lent to the clean environment by the one that runs the tests.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterable
from importlib.metadata import Distribution, distribution
from pathlib import Path

import pandas as pd
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

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
    return built(folder)


def built(folder: Path) -> Path:
    """Build the wheel of a folder with sources."""
    words = ("--quiet", "--no-deps", "--no-index", "--no-build-isolation", "--wheel-dir", "dist", ".")
    call(sys.executable, "-m", "pip", "wheel", *words, folder=folder)
    (wheel,) = (folder / "dist").glob("*.whl")
    return wheel


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


def asked_for(name: str) -> dict[str, Distribution]:
    """Every installed distribution that one asks for, directly or not, without extras that nobody asks for."""
    found: dict[str, Distribution] = {}
    waiting = [Requirement(line) for line in distribution(name).requires or ()]
    waiting = [requirement for requirement in waiting if requirement.marker is None or requirement.marker.evaluate()]
    while waiting:
        requirement = waiting.pop()
        own = canonicalize_name(requirement.name)
        if own in found and not requirement.extras:
            continue
        found[own] = distribution(own)
        for line in found[own].requires or ():
            further = Requirement(line)
            extras = requirement.extras or {""}
            if further.marker is None or any(further.marker.evaluate({"extra": extra}) for extra in extras):
                waiting.append(further)
    return found


def lend(distributions: Iterable[Distribution], folder: Path) -> None:
    """Make the files of distributions appear in a folder of packages."""
    for lent in distributions:
        tops = {file.parts[0] for file in lent.files or () if file.parts[0] not in ("..", "__pycache__")}
        for top in tops:
            if not (folder / top).exists():
                (folder / top).symlink_to(lent.locate_file(top))


@pytest.fixture(scope="module")
def scripts(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The commands of a clean environment with the wheel in it."""
    folder = tmp_path_factory.mktemp("clean")
    call(sys.executable, "-m", "venv", "--without-pip", "clean", folder=folder)
    scripts = folder / "clean" / ("Scripts" if os.name == "nt" else "bin")
    where = "import sysconfig; print(sysconfig.get_path('purelib'))"
    lend(asked_for("equilot").values(), Path(call(scripts / "python", "-c", where, folder=folder).strip()))
    install(scripts, wheel, folder)
    return scripts


def install(scripts: Path, wheel: Path, folder: Path) -> None:
    """Install a wheel; without an index pip refuses it where what it asks for is not there."""
    words = ("--python", scripts / "python", "install", "--quiet", "--no-index", wheel)
    call(sys.executable, "-m", "pip", *words, folder=folder)


def test_wheel_runs_in_a_clean_environment(scripts: Path, tmp_path: Path) -> None:
    assert "week-33" in call(scripts / "equilot", "scenarios", folder=tmp_path)
    (tmp_path / "few.yaml").write_text(FEW, encoding="utf-8")
    for scenario, out, proofs, more in (("week-33", "week", 1, ()), ("few.yaml", "few", 2, ("--no-figures",))):
        words = ("run", scenario, "--days", "1", "--seed", "1", "--out", out, *more)
        assert f"results in {out}" in call(scripts / "equilot", *words, folder=tmp_path)
        certificates = pd.read_parquet(tmp_path / out / "certificates.parquet")
        assert len(certificates) == proofs  # a DISCO day has one for its plan and one for its outcome
        assert certificates["certified"].all()


def test_a_market_of_another_distribution_runs_beside_ours(scripts: Path, tmp_path: Path) -> None:
    foreign = ROOT / "tests" / "foreign_market"
    shutil.copytree(foreign, tmp_path / "market", ignore=shutil.ignore_patterns("__pycache__"))
    install(scripts, built(tmp_path / "market"), tmp_path)
    shutil.copy(foreign / "auction.yaml", tmp_path)
    printed = call(scripts / "equilot", "run", "auction.yaml", "--days", "2", "--out", "out", folder=tmp_path)
    assert "Three lots in an auction with one price" in printed
    assert "worst regret" in printed
    assert "results in out" in printed
    certificates = pd.read_parquet(tmp_path / "out" / "certificates.parquet")
    assert certificates["verdict"].tolist() == ["exact", "exact"]
    tables = {"days", "prices", "powers", "lot_days", "certificates"}
    assert {path.stem for path in (tmp_path / "out").glob("*.parquet")} == tables
    assert len(list((tmp_path / "out" / "figures").glob("*.png"))) == 2
