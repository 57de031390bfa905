"""Which tests are nearest to a module, and which faults are drawn (the latter where the extra ``mutants`` is there)."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from benchmarks.nearest_tests import FOLDERS, folder_of, nearest_tests

ROOT = Path(__file__).parents[1]
MODULES = [
    path.relative_to(ROOT).as_posix()
    for package in ("agents", "equilibrium", "scenarios", "sim")
    for path in sorted((ROOT / package).rglob("*.py"))
]
with_tool = pytest.mark.skipif(find_spec("cosmic_ray") is None, reason="the optional extra equilot[mutants]")


def test_every_module_has_nearest_tests_that_exist() -> None:
    used = set()
    for module in [*MODULES, "equilot.py"]:
        used.add(folder_of(module))
        tests = nearest_tests(ROOT, module)
        assert tests, module
        for test in tests:
            assert (ROOT / test.split("::")[0]).is_file(), test
    assert used == set(FOLDERS)


def test_the_tests_that_import_a_module_come_before_those_of_its_folder() -> None:
    found = nearest_tests(ROOT, "equilibrium/games/bigm.py")
    direct = found.index("tests/games/test_traps.py"), found.index("tests/games/test_certificate.py")
    assert max(direct) < found.index("tests/games/test_cli.py")
    assert "::" in found[3]
    assert "::" not in found[0]


def test_the_file_that_imports_little_else_comes_first() -> None:
    first = nearest_tests(ROOT, "equilibrium/programs/commitment/network.py")[0]
    assert first == "tests/equilibrium/test_commitment_network.py"
    speaking = nearest_tests(ROOT, "scenarios/markets/charging/arrivals.py")
    assert speaking.index("tests/scenarios/test_sessions.py") < speaking.index("tests/scenarios/test_bad_scenarios.py")


def test_tests_run_until_one_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a process of their own, where pytest runs several times: the first that fails is named, none after it runs."""
    (tmp_path / "test_good.py").write_text("def test_good():\n    pass\n")
    plain = (
        "from hypothesis import Phase, settings\ndef test_phases():\n    assert Phase.shrink not in settings().phases\n"
    )
    (tmp_path / "test_plain.py").write_text(plain)
    bad = "from pathlib import Path\ndef test_bad():\n    assert False\ndef test_on():\n    Path('ran').touch()\n"
    (tmp_path / "test_bad.py").write_text(bad)
    (tmp_path / "test_broken.py").write_text("import nothing_of_this_name\n")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))

    def run(*words: str) -> tuple[int, str]:
        command = [sys.executable, "-m", "benchmarks.until_one_fails", *words]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout.split("\n")[-2]

    names = ("test_good.py", "test_plain.py", "test_bad.py", "test_broken.py")
    assert run("90", *names) == (1, "test_bad.py::test_bad")
    assert not (tmp_path / "ran").exists()
    assert run("90", "test_bad.py", "test_broken.py", "--without", "test_bad.py::test_bad") == (1, "test_broken.py")
    assert (tmp_path / "ran").exists()
    assert run("0", "test_good.py", "test_broken.py") == (0, "")


@with_tool
def test_faults_of_a_few_lines() -> None:
    from benchmarks.mutants import faults_of

    source = (
        "from dataclasses import dataclass\n"
        "@dataclass(frozen=True)\n"
        "class Thing:\n"
        "    size: int | None = 3\n"
        "def total(a: int | str, b=2) -> int | None:\n"
        "    for k in range(b):\n"
        "        a = a + k if a < 5 else a * 2\n"
        "    return list(zip([a], [b], strict=True))\n"
        "def named(a, *, b, c):\n"
        "    return lambda d, *, e: d\n"
        "def shaped(a):\n"
        "    return a.reshape(4, -1)\n"
    )
    faults = faults_of("thing.py", source)
    assert {fault.line for fault in faults} == {4, 5, 6, 7, 12}
    shaped = {fault.planted(source).splitlines()[11].strip() for fault in faults if fault.line == 12}
    assert shaped == {f"return a.reshape({sizes})" for sizes in (" 5, -1", " 3, -1", "4, 1", "4, +1")}
    planted = {fault.planted(source).splitlines()[6].strip() for fault in faults if fault.line == 7}
    assert {"a = a - k if a < 5 else a * 2", "a = a + k if a < 5 else a / 2"} <= planted
    assert "a = a + k if a <= 5 else a * 2" in planted
    for fault in faults:
        assert sum(x != y for x, y in zip(source.splitlines(), fault.planted(source).splitlines(), strict=True)) == 1


@with_tool
def test_a_seed_draws_the_same_lines_again(tmp_path: Path) -> None:
    from benchmarks.mutants import draw

    for package in ("agents", "equilibrium", "scenarios", "sim"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "one.py").write_text("".join(f"a{k} = {k} + 1\n" for k in range(20)))
    (tmp_path / "equilot.py").write_text("")
    first, again, other = (draw(tmp_path, 10, seed) for seed in (1, 1, 2))
    assert first == again != other
    assert len({(fault.module, fault.line) for fault in first}) == 10
    assert {fault.module for fault in draw(tmp_path, 10, 1, "sim/")} == {"sim/one.py"}
