"""The digits of every bundled scenario and of every game are those that were frozen in ``tests/frozen/``.

A change that is meant to change digits writes them again, ``python -m tests.frozen [NAME ...]``, and its commit shows
which ones moved.
"""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from tests.frozen.fingerprints import (
    FOLDER,
    GAMES,
    changes,
    fingerprint,
    freeze_scenario,
    game_changes,
    game_names,
    read,
    same,
    scenario_names,
    solve_game,
)

FROZEN_SCENARIOS = sorted(path.stem for path in FOLDER.glob("*.json") if path.stem != GAMES)


@pytest.mark.parametrize("name", FROZEN_SCENARIOS)
def test_two_days_of_a_scenario_give_the_frozen_digits(name: str, tmp_path: Path) -> None:
    assert changes(read(name), freeze_scenario(name, tmp_path / "run")) == []


@pytest.mark.parametrize("name", game_names())
def test_a_game_has_the_frozen_answer(name: str) -> None:
    assert game_changes(read(GAMES)[name], solve_game(name)) == []


def test_every_scenario_and_every_game_is_frozen() -> None:
    assert sorted(scenario_names()) == FROZEN_SCENARIOS
    assert sorted(read(GAMES)) == game_names()


# The comparison itself


def numbers(*values: float | None) -> pa.ChunkedArray:
    return pa.chunked_array([list(values)], type=pa.float64())


def test_a_fingerprint_sees_order_size_and_holes() -> None:
    frozen = fingerprint(numbers(1.0, 20.0, 300.0, None))
    assert same(frozen, fingerprint(numbers(1.0, 20.0, 300.0 + 1e-9, None)))
    for changed in (
        numbers(20.0, 1.0, 300.0, None),
        numbers(1.0, 20.0, 300.0 + 1e-4, None),
        numbers(1.0, 20.0, None, 300.0),
        numbers(1.0, 20.0, 300.0, 0.0),
        numbers(1.0, 20.0, 300.0, float("inf")),
    ):
        assert not same(frozen, fingerprint(changed))


def test_a_fingerprint_of_text_sees_every_letter() -> None:
    frozen = fingerprint(pa.chunked_array([["lot-1", None, "lot-2"]]))
    assert frozen["count"] == 2
    assert frozen != fingerprint(pa.chunked_array([["lot-2", None, "lot-1"]]))


def test_a_change_is_told_with_table_column_and_both_values() -> None:
    versions = {"highspy": "1"}
    old = {
        "versions": versions,
        "unique": {"days": {"cost": fingerprint(numbers(5.0, 7.0)), "gone": {"count": 0}}},
        "not_unique_yet": {"dispatch": {"q_kvar": fingerprint(numbers(1.0))}},
    }
    new = {
        "versions": versions,
        "unique": {"days": {"cost": fingerprint(numbers(5.0, 8.0)), "fresh": {"count": 0}}},
        "not_unique_yet": {"dispatch": {"q_kvar": fingerprint(numbers(2.0))}},
    }
    cost, gone, fresh, reactive = changes(old, new)
    assert cost.startswith("days.cost (unique): frozen {'count': 2, 'sum': 12.0,")
    assert "new {'count': 2, 'sum': 13.0," in cost
    assert gone == "days.gone (unique): frozen {'count': 0}, new None"
    assert fresh == "days.fresh (unique): frozen None, new {'count': 0}"
    assert reactive.startswith("dispatch.q_kvar (not_unique_yet): frozen")
    assert len(changes(old, new | {"versions": {"highspy": "2"}})) == 3
