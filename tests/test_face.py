"""The face: names by lazy import, the command, and files of a user's that hide one of ours."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import equilot

ROOT = Path(equilot.__file__).resolve().parent


def python(*words: str | Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run Python in a folder that comes first on its path, as a user's own folder does; ours comes behind it."""
    code = f"import sys; sys.path.append({str(ROOT)!r})\n"
    command = [sys.executable, "-c", code + "\n".join(map(str, words))]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("name", sorted(equilot.__all__))
def test_every_name_of_the_face_is_there(name: str) -> None:
    assert getattr(equilot, name) is not None
    assert name in dir(equilot)


def test_typed_names_are_those_that_are_imported() -> None:
    """What a type checker sees is what a user gets, from the same module."""
    tree = ast.parse((ROOT / "equilot.py").read_text(encoding="utf-8"))
    (block,) = (
        node for node in tree.body if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING"
    )
    typed = {alias.name: node.module for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert typed == equilot._HOME
    assert set(typed) == set(equilot.__all__)


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = equilot.nothing
    assert equilot.__version__


def test_import_brings_none_of_the_heavy_libraries(tmp_path: Path) -> None:
    heavy = "('numpy', 'pandas', 'matplotlib', 'mesa', 'highspy', 'equilibrium', 'sim')"
    done = python("import equilot", f"print([name for name in {heavy} if name in sys.modules])", folder=tmp_path)
    assert done.stdout.strip() == "[]", done.stderr


def test_commands_that_draw_nothing_do_not_load_what_draws(tmp_path: Path) -> None:
    """Neither the markets nor the reproductions bring matplotlib or pandapower before a figure or a flow is wanted."""
    studies = [path.parent.name for path in sorted((ROOT / "sim" / "reproduce").glob("*/study.py"))]
    assert "aggregator" in studies
    done = python(
        "import sim.cli, sim.kinds",
        "sim.kinds.market_kinds()",
        *(f"import sim.reproduce.{name}.study" for name in studies),
        "print([name for name in ('matplotlib', 'pandapower') if name in sys.modules])",
        folder=tmp_path,
    )
    assert done.stdout.strip() == "[]", done.stderr


def test_a_run_imports_its_own_market_alone(tmp_path: Path) -> None:
    """``town-33`` is nodal and extends a file of the lots-lead market; the others stay on the disk."""
    done = python(
        "import sim.cli",
        "assert sim.cli.main(['run', 'town-33', '--days', '1', '--out', 'r', '--no-figures', '--quiet']) == 0",
        "rooms = {tuple(name.split('.')[1:3]) for name in sys.modules if name.startswith(('scenarios.', 'sim.'))}",
        "print(sorted(room[1] for room in rooms if room[0] == 'markets' and len(room) > 1))",
        folder=tmp_path,
    )
    assert done.stdout.strip() == "['base', 'charging', 'lots_lead', 'nodal']", done.stderr


def test_the_module_is_the_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "equilot", "--version"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0
    assert equilot.__version__ in done.stdout


@pytest.mark.parametrize("name", equilot.PACKAGES)
@pytest.mark.parametrize("as_folder", [False, True], ids=["file", "folder"])
@pytest.mark.parametrize("wanted", ["equilot", "sim.run", "agents.base", "scenarios.streams", "equilibrium.arrays"])
def test_a_file_that_hides_a_package_is_named(name: str, as_folder: bool, wanted: str, tmp_path: Path) -> None:
    if wanted.startswith(name):
        pytest.skip("what is hidden itself cannot speak")
    hider = tmp_path / name if as_folder else tmp_path / f"{name}.py"
    if as_folder:
        hider.mkdir()
        (hider / "__init__.py").touch()
    else:
        hider.touch()
    last = python(f"import {wanted}", folder=tmp_path).stderr.splitlines()[-1]
    assert last.startswith(f"ImportError: {hider} hides Equilot's package '{name}'")


def test_a_folder_without_code_hides_nothing(tmp_path: Path) -> None:
    (tmp_path / "scenarios").mkdir()
    (tmp_path / "scenarios" / "mine.yaml").touch()
    assert python("import equilot; equilot.load_scenario", folder=tmp_path).returncode == 0
