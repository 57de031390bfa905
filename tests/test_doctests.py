"""The examples in the documentation of the code run, and give what they say."""

from __future__ import annotations

import doctest
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LAYERS = ("equilibrium", "scenarios", "agents", "sim")
FILES = [ROOT / "equilot.py", *(path for layer in LAYERS for path in (ROOT / layer).rglob("*.py"))]
MODULES = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for path in FILES
    if ">>> " in path.read_text(encoding="utf-8")
)


def test_examples_are_found() -> None:
    assert {"equilot", "equilibrium.games.game", "sim.studies.statistics"} <= set(MODULES)


def test_days_by_hand_are_what_the_markets_clear() -> None:
    """Every number of docs/by_hand.md, its verdicts too."""
    result = doctest.testfile(str(ROOT / "docs" / "by_hand.md"), module_relative=False)
    assert (result.failed, result.attempted > 50) == (0, True)


@pytest.mark.parametrize("name", MODULES)
def test_examples_give_what_they_say(name: str) -> None:
    result = doctest.testmod(import_module(name))
    assert (result.failed, result.attempted > 0) == (0, True)
