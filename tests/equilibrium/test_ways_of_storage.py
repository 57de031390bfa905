"""Which ways of storage are taken up, one after the other, until an operation uses no pair twice: by hand."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from equilibrium.markets.two_settlement import unique
from equilibrium.programs.branching import NEARLY_WHOLE, Pairs
from equilibrium.programs.program import GAP

PAIRS = Pairs(np.array([0, 2, 4]), np.array([1, 3, 5]))
"""Columns 0 and 1, 2 and 3, 4 and 5: of each pair one is to be zero."""

COST = 10.0
EDGE = COST + GAP * (1.0 + COST)
"""The most that an operation may cost beside a schedule of ``COST``."""

Zero = tuple[int, ...]


def operation(x: list[float], cost: float = COST) -> Any:
    return SimpleNamespace(x=np.array(x), objective=cost, gap=0.0)


def published(monkeypatch: pytest.MonkeyPatch, table: dict[Zero, Any]) -> tuple[Any, tuple[str, ...], list[Zero]]:
    """What comes out where columns at zero lead to the operations of a table, none to no operation."""
    asked: list[Zero] = []

    def best(_search: object, _asked: object, _found: object, zero: Zero) -> Any:
        asked.append(zero)
        return table.get(zero)

    monkeypatch.setattr(unique, "_best", best)
    monkeypatch.setattr(unique, "_closest", lambda _search, found: SimpleNamespace(**{**vars(found), "closest": True}))
    found = operation([1.0, 3.0, 2.0, 0.5, 0.0, 0.0])
    out, notes = unique.unique_operation(SimpleNamespace(pairs=PAIRS), None, found)  # type: ignore[arg-type]
    assert out.closest
    return out, notes, asked


FIRST = operation([1.0, 1.0, 4.0, 2.0, 2.0, 3.0])
"""The second and the third pair are used most, with 2 each; the second comes first, and uses column 3 less."""

DONE = operation([0.0, 1.0, 2.0, 0.0, 0.0, 5.0])


def test_what_is_used_less_gives_way_first(monkeypatch: pytest.MonkeyPatch) -> None:
    out, notes, asked = published(monkeypatch, {(): FIRST, (3,): DONE})
    assert (out.x.tolist(), notes, asked) == (DONE.x.tolist(), (), [(), (3,)])


@pytest.mark.parametrize("refused", [None, operation([0.0] * 6, EDGE + 1e-9)], ids=["impossible", "dearer"])
def test_the_other_way_is_taken_where_the_first_costs_more(monkeypatch: pytest.MonkeyPatch, refused: Any) -> None:
    table = {(): FIRST, (3,): refused, (2,): operation([5.0, 4.0, 0.0, 2.0, 0.0, 0.0]), (2, 1): DONE}
    out, notes, asked = published(monkeypatch, table)
    assert (out.x.tolist(), notes, asked) == (DONE.x.tolist(), (), [(), (3,), (2,), (2, 1)])


def test_an_operation_that_costs_as_much_as_it_may_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    out, notes, asked = published(monkeypatch, {(): FIRST, (3,): operation([0.0] * 6, EDGE)})
    assert (out.objective, notes, asked) == (EDGE, (), [(), (3,)])


def test_where_no_way_is_left_or_too_many_were_tried_the_search_s_own_is_published(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its own leaves columns 0, 3 and 5 at zero: what it uses less, of two zeros the second."""
    own = (0, 3, 5)
    out, notes, asked = published(monkeypatch, {(): FIRST, own: DONE})
    assert (out.x.tolist(), asked) == (DONE.x.tolist(), [(), (3,), (2,), own])
    assert notes == (
        f"storage goes the search's way, one of several of this cost: {unique.WAYS} others did not settle it",
    )
    monkeypatch.setattr(unique, "WAYS", 2)
    out, notes, asked = published(monkeypatch, {(): FIRST, (3,): FIRST, own: None})
    assert (out.x.tolist(), asked) == ([1.0, 3.0, 2.0, 0.5, 0.0, 0.0], [(), (3,), own])


def test_a_pair_is_used_where_both_are_more_than_nearly_zero() -> None:
    def used(*x: float) -> tuple[int, int] | None:
        return unique._used(PAIRS, np.array(x))

    near = NEARLY_WHOLE
    assert used(near, 9.0, 0.0, 5.0, near, near) is None
    assert used(0.0, 9.0, 0.0, 5.0, 2.0 * near, 1.0) == (4, 5)
    assert used(1.0, 2.0, 2.0, 1.0 + 0.5 * near, 0.0, 0.0) == (0, 1)  # as much as the second but for rounding
    assert used(1.0, 2.0, 4.0, 3.0, 0.0, 0.0) == (3, 2)
    assert used(2.0, 2.0, 0.0, 0.0, 0.0, 0.0) == (1, 0)
    assert used(2.0, 2.0 + 0.5 * near, 0.0, 0.0, 0.0, 0.0) == (1, 0)
    assert unique._used(Pairs(np.zeros(0, dtype=int), np.zeros(0, dtype=int)), np.zeros(2)) is None


def test_an_open_gap_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unique, "_unique", lambda *_: (operation([0.0]), ()))
    edge = operation([1.0])
    edge.gap = unique.SAME_VALUE
    assert unique.unique_operation(None, None, edge)[1] == ()  # type: ignore[arg-type]
    edge.gap = 1.001 * unique.SAME_VALUE
    found, notes = unique.unique_operation(None, None, edge)  # type: ignore[arg-type]
    assert found is edge
    assert notes == ("the gap is open: what is published is one schedule of those within it",)
