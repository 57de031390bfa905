"""Which operation of a schedule is published, step by step: ways that are tried in order, and what is said else."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

from equilibrium.errors import InfeasibleError, SolverError
from equilibrium.markets.two_settlement import search as searching
from equilibrium.markets.two_settlement import unique
from equilibrium.markets.two_settlement.search import Asked, DaySearch
from equilibrium.programs.branching import Branched, Pairs, Rows
from equilibrium.programs.program import GAP, Instance

INF = float("inf")
PAIRS = Pairs(np.array([0, 2]), np.array([1, 3]))


def instance() -> Instance:
    ones = np.ones(4)
    return Instance(sp.csr_array(ones[None, :]), ones, np.zeros(1), np.full(1, 9.0), 0.0 * ones, 5.0 * ones)


def found(x: list[float], objective: float = 5.0, bound: float = 5.0, y: float = 0.0) -> Branched:
    made = instance()
    return Branched(made, np.array(x), np.array([y]), made, objective, bound, 1, 1, finished=True, seconds=0.0)


@pytest.mark.parametrize(
    ("x", "used"),
    [
        ([1.0, 0.0, 0.0, 2.0], None),
        ([1.0, 1e-6, 0.0, 2.0], None),
        ([1.0, 2.0, 0.0, 2.0], (0, 1)),
        ([2.0, 1.0, 0.0, 2.0], (1, 0)),
        ([1.0, 1.0, 0.0, 2.0], (1, 0)),
        ([1.0, 2.0, 3.0, 4.0], (2, 3)),
        ([3.0, 4.0, 3.0 + 5e-7, 4.0], (0, 1)),  # as much as the first
    ],
)
def test_the_pair_that_is_used_most(x: list[float], used: tuple[int, int] | None) -> None:
    assert unique._used(PAIRS, np.array(x)) == used


def published(
    monkeypatch: pytest.MonkeyPatch, ways: dict[tuple[int, ...], tuple[float, tuple[int, int] | None] | None]
) -> tuple[float, tuple[str, ...], list[tuple[int, ...]]]:
    """Publish a schedule of 5 whose ways have costs and pairs that they use as told; None has no point."""
    tried: list[tuple[int, ...]] = []

    def best(_search: Any, _asked: Any, _found: Any, zero: tuple[int, ...]) -> Branched | None:
        tried.append(zero)
        told = ways.get(zero)
        return None if told is None else found([float(len(tried))] * 4, told[0])

    monkeypatch.setattr(unique, "_best", best)
    monkeypatch.setattr(unique, "_closest", lambda _, each: each)
    monkeypatch.setattr(unique, "_used", lambda *_: (ways[tried[-1]] or (0, None))[1])
    search = SimpleNamespace(pairs=PAIRS)
    answer, said = unique.unique_operation(search, Asked(np.ones(4), np.full(2, INF)), found([1.0, 2.0, 4.0, 3.0]))  # type: ignore[arg-type]
    return answer.objective, said, tried


OWN = (0, 3)
"""What the search itself uses less of each pair."""


def test_ways_are_taken_up_until_no_pair_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    assert published(monkeypatch, {(): (5.0, None)}) == (5.0, (), [()])
    ways = {(): (5.0, (0, 1)), (0,): (5.5, None), (1,): (5.0, (3, 2)), (1, 3): None, (1, 2): (5.0, None)}
    assert published(monkeypatch, ways) == (5.0, (), [(), (0,), (1,), (1, 3), (1, 2)])


@pytest.mark.parametrize(("cost", "taken"), [(5.0 + 5.0 * GAP, True), (5.0 + 7.0 * GAP, False)])
def test_a_way_that_costs_more_is_none(monkeypatch: pytest.MonkeyPatch, cost: float, taken: bool) -> None:
    """More than the gap of 1 + 5."""
    objective, said, tried = published(monkeypatch, {(): (cost, None), OWN: (5.0, None)})
    assert (objective, said == ()) == ((cost, True) if taken else (5.0, False))
    assert tried == ([()] if taken else [(), OWN])


def test_where_nothing_settles_it_the_searchs_ways_are_published(monkeypatch: pytest.MonkeyPatch) -> None:
    told = "storage goes the search's way, one of several of this cost: 60 others did not settle it"
    assert published(monkeypatch, {(): None, OWN: (4.5, None)}) == (4.5, (told,), [(), OWN])
    assert published(monkeypatch, {}) == (5.0, (told,), [(), OWN])
    monkeypatch.setattr(unique, "WAYS", 2)
    ways = {(): (5.0, (0, 1)), (0,): (5.0, (0, 1)), OWN: (5.0, None)}
    assert published(monkeypatch, ways)[2] == [(), (0,), OWN]


def test_an_open_gap_or_a_lost_operation_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    loose = found([1.0, 2.0, 4.0, 3.0], 5.0, 4.0)
    told = ("the gap is open: what is published is one schedule of those within it",)
    assert unique.unique_operation(None, None, loose) == (loose, told)  # type: ignore[arg-type]

    def lost(*_: object) -> None:
        raise SolverError("why")

    monkeypatch.setattr(unique, "_unique", lost)
    tight = found([1.0, 2.0, 4.0, 3.0])
    assert unique.unique_operation(None, None, tight) == (tight, ("the operation is one of several of this cost: why",))  # type: ignore[arg-type]


def test_limits_that_the_closest_point_breaks_are_taken_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two rows come with no multiplier, one after the other; then the point keeps all."""
    seen: list[tuple[int, list[float]]] = []

    def closest(fixed: Instance, _x: np.ndarray, y: np.ndarray, _ideal: np.ndarray) -> np.ndarray:
        seen.append((fixed.shape[0], y.tolist()))
        return np.full(4, float(len(seen)))

    rows = Rows(sp.csr_array(np.eye(1, 4)), np.zeros(1), np.ones(1))
    monkeypatch.setattr(unique, "closest_optimum", closest)
    monkeypatch.setattr(unique, "_rest", lambda *_: np.zeros(4))
    left = iter([rows, rows, None])
    search = SimpleNamespace(broken=lambda _: next(left), compiled=None)
    made = unique._closest(search, found([0.0] * 4, y=7.0))  # type: ignore[arg-type]
    assert seen == [(1, [7.0]), (2, [7.0, 0.0]), (3, [7.0, 0.0, 0.0])]
    assert (made.x.tolist(), made.objective) == ([3.0] * 4, 12.0)
    assert made.fixed.shape == made.instance.shape == (3, 4)
    endless = SimpleNamespace(broken=lambda _: rows, compiled=None)
    with pytest.raises(SolverError, match=f"broke limits of the grid {unique.ROUNDS} times in succession"):
        unique._closest(endless, found([0.0] * 4))  # type: ignore[arg-type]


def test_how_the_search_for_a_schedule_may_end(monkeypatch: pytest.MonkeyPatch) -> None:
    search = SimpleNamespace(
        stated=lambda _: instance(),
        integer=np.zeros(4, dtype=bool),
        broken=None,
        pairs=PAIRS,
        gap=0.0,
        deadline=SimpleNamespace(what="node limit"),
        solver="auto",
        found=[],
        nodes=2,
        programs=3,
        seconds=1.0,
    )
    asked = Asked(np.ones(4), np.full(2, INF))
    ends = iter([found([]), found([1.0] * 4)])
    starts = []

    def branch(_: Instance, __: np.ndarray, **options: Any) -> Branched:
        starts.append(len(options["start"]))
        return next(ends)

    monkeypatch.setattr(searching, "branch", branch)
    assert DaySearch.best(search, asked) is None  # type: ignore[arg-type]
    best = DaySearch.best(search, asked)  # type: ignore[arg-type]
    assert search.found == [(asked, best)]
    assert (search.nodes, search.programs, search.seconds) == (4, 5, 1.0)
    cut = found([])
    object.__setattr__(cut, "finished", False)
    ends = iter([found([2.0] * 4), cut])
    given = (np.array([0]), np.array([1.0]))
    assert DaySearch.best(search, asked, given) is not None  # type: ignore[arg-type]
    assert len(search.found) == 1
    with pytest.raises(SolverError, match="no schedule was found within the node limit"):
        DaySearch.best(search, asked)  # type: ignore[arg-type]
    assert starts == [0, 0, 0, 1]


def test_a_day_without_a_schedule_is_told() -> None:
    search = SimpleNamespace(best=lambda _: None)
    with pytest.raises(InfeasibleError, match="no schedule of the day keeps all limits"):
        DaySearch.required(search, np.ones(4))  # type: ignore[arg-type]
    lost = SimpleNamespace(
        best=lambda _: None, costs=np.ones((2, 4)), required=lambda _: (None, found([1.0] * 4, objective=3.0))
    )
    with pytest.raises(SolverError, match="no schedule has the least interruption that was found"):
        DaySearch.least_interruption(lost)  # type: ignore[arg-type]
