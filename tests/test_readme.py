"""What README and documents say runs as it stands: Python, commands, make targets; and their links lead somewhere."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from sim import cli

ROOT = Path(__file__).parents[1]
TEXTS = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "README.md", *(ROOT / "docs").glob("*.md"))}
BLOCKS = [
    (name, block)
    for name, text in TEXTS.items()
    for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    if not any(word in block for word in ("read_run", "Study", "dask"))  # needs a run, a study's file, a cluster
]


FENCED = [
    (name, line.strip())
    for name, text in TEXTS.items()
    for language, block in re.findall(r"^```(\S*)\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    if language in ("", "sh")
    for line in block.splitlines()
]
"""Lines of blocks that are not Python."""

INLINE = [("README.md", line) for line in re.findall(r"`(equilot [a-z]+ [^`]+)`", TEXTS["README.md"])]
COMMANDS = [
    (name, line.removeprefix("$ ")) for name, line in [*FENCED, *INLINE] if re.match(r"(?:\$ )?equilot [a-z]+ ", line)
]
README_COMMANDS = [line for name, line in FENCED if name == "README.md" and line.startswith("equilot ")]


def words_of(line: str) -> list[str]:
    """The words of a command behind its name, without what is said of it."""
    return shlex.split(line, comments=True)[1:]


@pytest.mark.parametrize(("name", "line"), COMMANDS, ids=[f"{name} {line}"[:60] for name, line in COMMANDS])
def test_command_is_one(name: str, line: str) -> None:
    assert callable(cli._parser().parse_args(words_of(line)).command), name


def test_make_targets_are_there() -> None:
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    named = {each for text in TEXTS.values() for each in re.findall(r"(?:^|`)make ([a-z-]+)", text, re.MULTILINE)}
    assert named
    assert named <= set(targets)


@pytest.mark.long
def test_the_commands_of_the_readme_run_one_after_the_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert len(README_COMMANDS) >= 4
    later = re.findall(r"`(equilot [a-z]+ runs/[^`]+)`", TEXTS["README.md"])
    for line in [*README_COMMANDS, *later]:
        assert cli.main(words_of(line)) == 0, line


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
