"""What is said of a game's file with keys that are none, or without one that is needed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from equilibrium.errors import InputError
from equilibrium.games.file import read_game

PLAYER: dict[str, Any] = {
    "name": "a",
    "level": "leader",
    "sense": "min",
    "variables": {"x": [0, 1]},
    "objective": {"x": 1},
}


def said(folder: Path, table: dict[str, Any]) -> str:
    path = folder / "game.json"
    path.write_text(json.dumps(table))
    with pytest.raises(InputError) as caught:
        read_game(path)
    return str(caught.value).replace(str(path), "game.json")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"colour": 1}, "key colour: got 'colour', expected one of "),
        ({"weight": 1, "colour": 1}, "key colour: got 'colour', expected one of "),
        ({"name": None, "level": None}, "key level: got None, expected this key"),
    ],
)
def test_the_first_key_that_is_none_or_missing_is_named(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    player = {key: value for key, value in (PLAYER | changes).items() if value is not None}
    assert words in said(tmp_path, {"name": "game", "players": [player]})
