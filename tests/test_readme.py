"""The Python of the README and of the documents runs as it stands, and their links lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TEXTS = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "README.md", *(ROOT / "docs").glob("*.md"))}
BLOCKS = [
    (name, block)
    for name, text in TEXTS.items()
    for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    if not any(word in block for word in ("read_run", "Study", "dask"))  # needs a run, a study's file, a cluster
]


@pytest.mark.parametrize(("name", "block"), BLOCKS, ids=lambda part: re.sub(r"\W+", " ", part)[:40])
def test_block(name: str, block: str) -> None:
    exec(compile(block, name, "exec"), {})


def test_the_duopoly_has_its_closed_form() -> None:
    block = next(block for _, block in BLOCKS if "duopoly" in block)
    names: dict[str, object] = {}
    exec(compile(block, "games.md", "exec"), names)
    answer = names["answer"]
    assert str(answer.verdict) == "exact"
    assert answer.variables == pytest.approx({"q": 6.0, "r": 3.0})


@pytest.mark.parametrize("name", TEXTS)
def test_links_to_files_lead_somewhere(name: str) -> None:
    folder = ROOT if name == "README.md" else ROOT / "docs"
    links = [link for link in re.findall(r"\]\(([^)#]+)", TEXTS[name]) if "://" not in link]
    assert [link for link in links if not (folder / link).exists()] == []


def test_the_readme_is_short() -> None:
    assert len(TEXTS["README.md"].splitlines()) < 200
