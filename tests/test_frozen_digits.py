"""The digits of every bundled scenario and of every game are those that were frozen in ``tests/frozen/``.

A change that is meant to change digits writes them again, ``python -m tests.frozen [NAME ...]``, and its commit shows
which ones moved.
"""

from __future__ import annotations

import time
from pathlib import Path

import pyarrow as pa
import pytest

from equilibrium.deadline import Deadline
from equilibrium.programs.solvers.tally import count
from sim.store import Run
from tests.frozen.draws import DRAWS, draw_changes, freeze_draws
from tests.frozen.fingerprints import (
    FOLDER,
    GAMES,
    changes,
    fingerprint,
    freeze_scenario,
    game_changes,
    game_names,
    moved,
    read,
    rounding,
    scenario_names,
    solve_game,
    versions,
)
from tests.frozen.numbers import NUMBERS, freeze_numbers, number_changes
from tests.frozen.published import PUBLISHED, freeze_published, published_changes
from tests.frozen.statements import STATEMENTS
from tests.frozen.work import measured
from tests.sim.timed import times_that_cannot_be

OTHERS = (GAMES, PUBLISHED, NUMBERS, DRAWS, STATEMENTS)
FROZEN_SCENARIOS = sorted(path.stem for path in FOLDER.glob("*.json") if path.stem not in OTHERS)

LONG = ("aggregators-37", "chase_with_own_followers")
"""Scenarios whose two days, and games that, take too long for every run of the suite."""


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.long) if name in LONG else name for name in FROZEN_SCENARIOS]
)
def test_two_days_of_a_scenario_give_the_frozen_digits(name: str, tmp_path: Path) -> None:
    start = time.perf_counter()
    found = changes(read(name), freeze_scenario(name, tmp_path / "run"))
    assert not found, "\n".join(found)
    assert times_that_cannot_be(Run(tmp_path / "run"), time.perf_counter() - start) == []


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.long) if name in LONG else name for name in game_names()]
)
def test_a_game_has_the_frozen_answer(name: str) -> None:
    frozen = read(GAMES)
    same = {"same_versions": frozen["versions"] == versions(), "same_rounding": frozen["rounding"] == rounding()}
    found = game_changes(frozen["answers"][name], solve_game(name), **same)
    assert not found, "\n".join(found)


def test_days_of_two_settlements_are_drawn_with_the_frozen_digits() -> None:
    found = draw_changes(read(DRAWS), freeze_draws())
    assert not found, "\n".join(found)
    old = {"day 0": {"price": fingerprint(numbers(1.0, 2.0)), "gone": {"count": 0}}}
    new = {"day 0": {"price": fingerprint(numbers(2.0, 1.0)), "fresh": {"count": 0}}}
    assert draw_changes(old, new) == ["day 0: price", "day 0: gone", "day 0: fresh"]


def test_no_number_of_a_paper_has_changed() -> None:
    found = published_changes(read(PUBLISHED), freeze_published())
    assert not found, "\n".join(found)
    assert published_changes({"a": {"X": "1", "Y": "2"}}, {"a": {"X": "1", "Y": "3", "Z": "4"}}) == ["a: Y", "a: Z"]


def test_no_named_number_and_no_default_has_changed() -> None:
    frozen, found = read(NUMBERS), freeze_numbers()
    changes = number_changes(frozen, found)
    assert not changes, "\n".join([*changes, "where that is meant: python -m tests.frozen numbers"])
    held = sum(name in found.get(module, {}) for module, names in frozen.items() for name in names)
    assert held >= 0.8 * sum(map(len, found.values())), "python -m tests.frozen numbers"
    assert number_changes({"a": {"X": "1", "Y": "2"}}, {"a": {"X": "2", "Z": "2"}}) == ["a: X was 1, is 2"]


def test_every_scenario_and_every_game_is_frozen() -> None:
    assert sorted(scenario_names()) == FROZEN_SCENARIOS
    assert sorted(read(GAMES)["answers"]) == game_names()


# The comparison itself


def numbers(*values: float | None) -> pa.ChunkedArray:
    return pa.chunked_array([list(values)], type=pa.float64())


def test_work_is_counted_once_and_in_parts() -> None:
    with measured() as work:
        whole = Deadline(nodes=10)
        whole.spend(1)
        whole.part(nodes=5).spend(2)
        count("HiGHS")
    assert work == {"nodes": 3, "programs": 1}
    Deadline().spend(1)
    assert work == {"nodes": 3, "programs": 1}


def test_a_fingerprint_sees_order_size_and_holes() -> None:
    frozen = fingerprint(numbers(1.0, 20.0, 300.0, None))
    assert moved(frozen, fingerprint(numbers(1.0, 20.0, 300.0 + 1e-9, None))) == []
    assert moved(frozen, fingerprint(numbers(20.0, 1.0, 300.0, None))) == ["wave"]
    for changed in (
        numbers(1.0, 20.0, 300.0 + 1e-4, None),
        numbers(1.0, 20.0, None, 300.0),
        numbers(1.0, 20.0, 300.0, 0.0),
        numbers(1.0, 20.0, 300.0, float("inf")),
    ):
        assert moved(frozen, fingerprint(changed)) != []


def test_a_fingerprint_of_text_sees_every_letter() -> None:
    frozen = fingerprint(pa.chunked_array([["lot-1", None, "lot-2"]]))
    assert frozen["count"] == 2
    assert frozen != fingerprint(pa.chunked_array([["lot-2", None, "lot-1"]]))


def test_a_change_is_told_with_table_and_column_and_both_values() -> None:
    versions = {"highspy": "1"}
    old = {
        "versions": versions,
        "rounding": "a",
        "work": {"nodes": 3, "programs": 4},
        "unique": {"days": {"cost": fingerprint(numbers(5.0, 7.0)), "gone": {"count": 0}}},
        "by_rule": {"dispatch": {"q_kvar": fingerprint(numbers(1.0))}},
    }
    new = {
        "versions": versions,
        "rounding": "a",
        "work": {"nodes": 3, "programs": 5},
        "unique": {"days": {"cost": fingerprint(numbers(5.0, 8.0)), "fresh": {"count": 0}}},
        "by_rule": {"dispatch": {"q_kvar": fingerprint(numbers(2.0))}},
    }
    work, cost, gone, fresh, reactive = changes(old, new)
    assert work == "work, programs: frozen 4, new 5"
    assert cost.startswith("days.cost (unique): sum frozen 12.0, new 13.0; wave frozen")
    assert cost.endswith("; size frozen 12.0, new 13.0; max frozen 7.0, new 8.0")
    assert gone == "days.gone (unique): frozen, and now missing"
    assert fresh == "days.fresh (unique): not frozen"
    assert reactive.startswith("dispatch.q_kvar (by_rule): sum frozen 1.0, new 2.0;")
    assert len(changes(old, new | {"versions": {"highspy": "2"}})) == 3
    assert changes(old, new | {"rounding": "b"}) == [cost, gone, fresh, reactive]


def test_a_change_of_a_game_is_told_with_both_values() -> None:
    old = {
        "exit": 0,
        "verdict": "exact",
        "work": {"nodes": 1, "programs": 2},
        "unique": {"objective.leader": 4.0, "duals.price": [2.0, 1.0, None]},
        "not_known_unique": {"variables.x": 1.0},
    }
    assert game_changes(old, old | {"unique": {**old["unique"], "objective.leader": 4.00001}}, same_versions=True) == []
    new = {
        "exit": 1,
        "verdict": "time-limit",
        "work": {"nodes": 2, "programs": 2},
        "unique": {"objective.leader": 4.1, "duals.price": [2.0, 1.0, 3.0]},
        "not_known_unique": {"variables.x": 0.0},
    }
    expected = [
        "exit: frozen 0, new 1",
        "verdict: frozen exact, new time-limit",
        "work, nodes: frozen 1, new 2",
        "objective.leader (unique): frozen 4.0, new 4.1",
        "duals.price (unique): frozen [2.0, 1.0, None], new [2.0, 1.0, 3.0]",
        "variables.x (not_known_unique): frozen 1.0, new 0.0",
    ]
    assert game_changes(old, new, same_versions=True) == expected
    assert game_changes(old, new, same_versions=False) == [*expected[:2], *expected[3:-1]]
