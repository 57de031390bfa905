"""The documentation site builds without a warning, and every page is on it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import equilot

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
INDEX = (DOCS / "index.md").read_text(encoding="utf-8")
ON_THE_SITE = [line for block in re.findall(r"```\{toctree\}\n(.*?)```", INDEX, re.DOTALL) for line in block.split()]


def test_every_page_and_notebook_is_on_the_site_once() -> None:
    pages = {path.stem for path in DOCS.glob("*.md")} - {"index", "mutants"}
    notebooks = {f"made/{path.stem}" for path in (ROOT / "notebooks").glob("*.ipynb")}
    made = {f"made/{name}" for name in ("architecture", "changelog", "errata", "measured")}
    listed = [name for name in ON_THE_SITE if not name.startswith(":")]
    listed = [name for name in listed if name in pages | notebooks | made]
    assert sorted(listed) == sorted(pages | notebooks | made)


def test_the_reference_has_every_name_of_the_face() -> None:
    text = (DOCS / "api.md").read_text(encoding="utf-8")
    named = re.findall(r"^   ~equilot\.(\w+)$", text, re.MULTILINE)
    assert sorted([*named, "random_markets"]) == sorted(equilot.__all__)  # that one is a module, and stands among these


@pytest.mark.long
def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    for name in ("sphinx", "numpydoc", "myst_nb"):
        pytest.importorskip(name)
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html", str(DOCS), str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    page = (tmp_path / "concepts.html").read_text(encoding="utf-8")
    assert "math" in page
    assert (tmp_path / "made" / "api" / "equilot.NodalMarket.html").exists()
    assert "R. T. Rockafellar" in (tmp_path / "made" / "api" / "sim.studies.statistics.html").read_text(
        encoding="utf-8"
    )
