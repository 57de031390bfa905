"""Which tests are nearest to a module, and which faults are drawn (the latter where the extra ``mutants`` is there)."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from benchmarks.nearest_tests import FOLDERS, folder_of, in_order, nearest_tests

ROOT = Path(__file__).parents[1]
MODULES = [
    path.relative_to(ROOT).as_posix()
    for package in ("agents", "equilibrium", "scenarios", "sim")
    for path in sorted((ROOT / package).rglob("*.py"))
]
with_coverage = pytest.mark.skipif(find_spec("pytest_cov") is None, reason="the optional extra equilot[mutants]")
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


def test_what_runs_a_line_comes_before_what_is_near() -> None:
    """In the order of what is near, the tests of a file together; what is near and runs it not comes last."""
    near = ["tests/a.py", "tests/f.py::one[x]", "tests/f.py::two[y]", "tests/b.py", "tests/c.py"]
    covering = {
        "tests/z.py": ["tests/z.py::s", "tests/z.py::t"],
        "tests/b.py": ["tests/b.py::p", "tests/b.py::q"],
        "tests/f.py": ["tests/f.py::one[x]", "tests/f.py::three[z]"],
        "tests/a.py": ["tests/a.py"],
    }
    first = ["tests/a.py", "tests/f.py::one[x]", "tests/b.py::p\ntests/b.py::q"]
    others = ["tests/f.py::three[z]", "tests/z.py::s\ntests/z.py::t"]
    assert in_order(near, covering) == [*first, *others, *near[2:]]
    assert in_order(near, {}) == near


@with_coverage
def test_a_run_tells_which_tests_run_a_line(tmp_path: Path) -> None:
    from benchmarks.covering_tests import cover

    (tmp_path / "house.py").write_text(
        "LIMIT = 3\n"
        "def low(a=LIMIT):\n"
        "    if a > 1:\n"
        "        return sum(\n"
        "            [a, 1]\n"
        "        )\n"
        "    return 0\n"
        "def made():\n"
        "    return 5\n"
    )
    (tmp_path / "test_house.py").write_text(
        "import house\nimport pytest\n"
        "@pytest.fixture(scope='module')\n"
        "def thing():\n    return house.made()\n"
        "def test_high():\n    assert house.low(2) == 3\n"
        "def test_low():\n    assert house.low(0) == 0\n"
        "def test_thing(thing):\n    assert thing == 5\n"
    )
    found = cover(tmp_path, ["house.py"], 1, tmp_path / "data")
    both = ["test_house.py::test_high", "test_house.py::test_low"]
    assert found.tests("house.py", 3) == {"test_house.py": both}
    assert found.tests("house.py", 5) == {"test_house.py": both[:1]}
    assert found.tests("house.py", 7) == {"test_house.py": both[1:]}
    assert found.tests("house.py", 9) == {"test_house.py": ["test_house.py"]}  # a fixture that the file may share
    assert found.tests("house.py", 1) == found.tests("house.py", 2) == {}
    (tmp_path / "other.py").write_text("def nobody():\n    return 1\n")
    assert found.tests("other.py", 2) == {}
    (tmp_path / "test_house.py").unlink()
    with pytest.raises(RuntimeError, match="the suite did not run under coverage"):
        cover(tmp_path, ["house.py"], 1, tmp_path / "other")


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
    assert run("90", "test_good.py::test_good\ntest_plain.py", "test_bad.py::test_on") == (0, "")
    (tmp_path / "ran").unlink()
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
def test_the_edge_of_a_tolerance_is_no_fault() -> None:
    """``<`` for ``<=`` beside a tolerance changes what no float meets; its other faults, and limits, are in."""
    from benchmarks.mutants import faults_of, tolerances_of

    source = (
        "TINY = 1e-9\nMOST = 5\nHALF = 0.5\ntiny = 1e-9\ndef near(a, m):\n    return a < TINY, a < m.TINY, a < MOST\n"
    )
    tolerances = tolerances_of([source])
    assert tolerances == {"TINY"}
    planted = [fault.planted(source).splitlines()[5] for fault in faults_of("near.py", source, tolerances)]
    changed = [line for line in planted if "<=" in line]
    assert changed == ["    return a < TINY, a < m.TINY, a <= MOST"]
    assert sum(">=" in line for line in planted) == 3


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
