"""The README's Python runs as it stands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
BLOCKS = [block for block in re.findall(r"```python\n(.*?)```", README, re.DOTALL) if "read_run" not in block]


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: re.sub(r"\W+", " ", block)[:40])
def test_block(block: str) -> None:
    exec(compile(block, "README.md", "exec"), {})


def test_the_duopoly_has_its_closed_form() -> None:
    block = next(block for block in BLOCKS if "duopoly" in block)
    names: dict[str, object] = {}
    exec(compile(block, "README.md", "exec"), names)
    answer = names["answer"]
    assert str(answer.verdict) == "exact"
    assert answer.variables == pytest.approx({"q": 6.0, "r": 3.0})
