"""Searches of scenarios side by side, step by step: levels, nodes, and which of them go on in a box of prices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from equilibrium.deadline import Deadline
from equilibrium.markets.aggregator import group as groups
from equilibrium.markets.aggregator import levels
from equilibrium.markets.aggregator.group import _Box
from equilibrium.markets.aggregator.levels import LOWER, lower_all
from equilibrium.programs.program import GAP
from tests.equilibrium.test_aggregator_group_steps import CAP, INF, made, prices

# Searches side by side


@dataclass
class Told:
    """A search whose bound comes as near to its value as is asked for, times ``far``; values are found on the way."""

    bound: float
    value: float = 0.0
    found: list[float] = field(default_factory=list)
    far: list[float] = field(default_factory=list)
    idle: bool = False
    looked: int = 0
    given: list[tuple[float, float]] = field(default_factory=list)

    @property
    def left(self) -> float:
        return self.bound - self.value

    def ended(self, gap: float) -> bool:
        return self.left <= gap

    def run(self, limit: Deadline, gap: float) -> None:
        self.given.append((gap, limit.nodes_left))
        if not self.idle:
            self.looked += 1
            limit.spend(1)
            self.value = self.found.pop(0) if self.found else self.value
            self.bound = min(self.bound, self.value + gap * (self.far.pop(0) if self.far else 1.0))


def lowered(*searches: Told, weights: Sequence[float] = (0.5, 0.5), enough: float = 1.0, **more: Any) -> list[Any]:
    """What each search was given: gaps and nodes."""
    limit = more.pop("deadline", Deadline())
    lower_all(searches, np.array(weights[: len(searches)]), limit, more.pop("gap", 0.1), enough)  # type: ignore[arg-type]
    return [search.given for search in searches]


def test_a_level_is_the_gap_at_which_the_bounds_come_to_what_is_enough() -> None:
    assert lowered(Told(8.0), Told(4.0)) == [[(1.0, INF)], [(1.0, INF)]]
    assert lowered(Told(8.0), Told(4.0), weights=(0.5, 1.5)) == [[(0.5, INF)], [(0.5, INF)]]
    assert lowered(Told(8.0, 0.5), Told(4.0, 0.1)) == [[(0.7, INF)], [(0.7, INF)]]
    assert lowered(Told(8.0), Told(0.5)) == [[(1.0, INF)], []]
    assert lowered(Told(1.0), Told(1.0)) == [[], []]
    assert lowered(Told(INF), Told(1.0), weights=(0.0, 1.0)) == [[], []]
    assert lowered(Told(8.0, -INF, found=[0.5])) == [[(0.1, INF)]]  # nothing is known of it


def test_levels_fall_by_what_is_found_and_by_a_little_at_least() -> None:
    assert lowered(Told(8.0, found=[0.5]), weights=(1.0,)) == [[(1.0, INF), (0.5, INF)]]
    slow = lowered(Told(8.0, far=[1.5]), weights=(1.0,))
    assert slow == [[(1.0, INF), (LOWER, INF)]]


def test_the_last_level_is_the_gap_itself_however_small() -> None:
    assert lowered(Told(8.0), Told(4.0), enough=-5.0) == [[(0.1, INF)]] * 2
    assert lowered(Told(8.0), weights=(1.0,), enough=0.1) == [[(0.1, INF)]]
    assert lowered(Told(8.0), weights=(1.0,), gap=0.0, enough=0.5 * GAP) == [[(0.0, INF)]]
    near = lowered(Told(8.0), weights=(1.0,), gap=0.0, enough=2.0 * GAP)
    assert near == [[(2.0 * GAP, INF)]]


def test_searches_that_look_at_nothing_more_are_left() -> None:
    assert lowered(Told(8.0, idle=True), weights=(1.0,)) == [[(1.0, INF)]]
    one, other = Told(8.0, idle=True), Told(4.0)
    lowered(one, other)  # the first one never gets further: levels fall to the gap for the other's sake
    assert one.given[:2] == other.given[:2] == [(1.0, INF), (LOWER, INF)]
    assert one.given == [*other.given, other.given[-1]]
    assert other.given[-1] == (0.1, INF)


def test_nodes_are_shared_and_the_last_ones_are_left_where_there_are_too_few() -> None:
    assert lowered(Told(8.0, far=[9.0]), Told(4.0), deadline=Deadline(nodes=3)) == [[(1.0, 1)], [(1.0, 1)]]
    five = lowered(Told(8.0, far=[9.0]), Told(4.0, far=[9.0]), deadline=Deadline(nodes=5))
    assert five == [[(1.0, 2), (LOWER, 1)], [(1.0, 2), (LOWER, 1)]]
    spent = Deadline(nodes=2)
    assert lowered(Told(8.0, far=[9.0]), Told(4.0, far=[9.0]), deadline=spent) == [[(1.0, 1)], [(1.0, 1)]]


def test_what_has_no_weight_may_be_infinite() -> None:
    assert levels._sum(np.array([0.0, 2.0]), [INF, 3.0]) == 6.0
    assert levels._level([Told(1.0)], np.zeros(1), 5.0) == -INF  # type: ignore[list-item]


# A box of prices


@dataclass
class Scenario:
    """The search of a scenario: what it knows, and what it was let look at."""

    name: str
    bound: float
    prices: Any = None
    looked: int = 5
    seconds: float = 50.0

    def within(self, low: Any, high: Any) -> Scenario:
        return Scenario(f"{self.name} in {low['price'][0]:g}..{high['price'][0]:g}", self.bound, self.prices)


@dataclass
class Boxed:
    """A group of three scenarios whose searches are told; each that goes on looks at 2 nodes more in 20 s."""

    monkeypatch: pytest.MonkeyPatch
    searches: list[Scenario]
    here: Any = field(default_factory=lambda: made([0.0, 0.4, 0.6]))
    starts: Any = None
    given: Any = None

    def box(self, low: float, high: float, parent: Any, **more: Any) -> _Box:
        def lower(going: Any, weights: Any, _: Deadline, gap: float, enough: float) -> None:
            self.given = [each.name for each in going], weights.tolist(), gap, enough
            for each in going:
                each.looked, each.seconds, each.bound = each.looked + 2, each.seconds + 20.0, each.bound - 1.0

        def look(going: Any, starts: Any) -> None:
            self.starts = [each.name for each in going], [each["price"].tolist() for each in starts]

        self.monkeypatch.setattr(groups, "look_all", look)
        self.monkeypatch.setattr(groups, "lower_all", lower)
        self.here._begun = lambda: self.searches
        limits = prices(low, low), prices(high, high)
        found: _Box = self.here._box(limits, parent, 0.25, Deadline(), [prices(-1.0, 4.0)], **more)
        return found


def test_all_scenarios_are_searched_at_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Prices that some search knows are looked at by all, those that are given too, within the limits."""
    boxed = Boxed(monkeypatch, [Scenario("a", 9.0), Scenario("b", 8.0, prices(99.0, 3.0)), Scenario("c", 7.0)])
    box = boxed.box(0.0, CAP, None)
    assert boxed.starts == (["a", "b", "c"], [[0.0, 4.0], [CAP, 3.0]])
    assert boxed.given == (["a", "b", "c"], [0.0, 0.4, 0.6], 0.25, -INF)
    assert box.bounds.tolist() == [8.0, 7.0, 6.0]
    assert [each["price"].tolist() for each in box.prices] == [[0.0, 0.0], [99.0, 3.0], [0.0, 0.0]]
    assert (boxed.here.nodes, boxed.here.seconds) == (6, 60.0)
    assert (box.low["price"].tolist(), box.high["price"].tolist()) == ([0.0, 0.0], [CAP, CAP])
    assert [each.name for each in box.searches] == ["a", "b", "c"]  # type: ignore[attr-defined]


def test_only_scenarios_whose_prices_leave_the_box_are_searched_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the bounds that are kept only those with a weight count for what is enough; no bound may rise."""
    wanted = (prices(2.0, 2.0), prices(6.0, 6.0), prices(3.0, 4.0))
    searches = [Scenario("a", 9.0), Scenario("b", 8.0, prices(3.5, 3.5)), Scenario("c", 7.0)]
    parent = _Box(prices(0.0, 0.0), prices(CAP, CAP), np.array([INF, 6.5, 5.0]), wanted, tuple(searches))  # type: ignore[arg-type]
    boxed = Boxed(monkeypatch, [])
    box = boxed.box(2.0, 5.0, parent, enough=4.0)
    assert boxed.given == (["b in 2..5"], [0.4], 0.25, pytest.approx(4.0 - 0.6 * 5.0))
    assert boxed.starts == (["b in 2..5"], [[2.0, 4.0], [3.5, 3.5]])
    assert box.bounds.tolist() == [INF, 6.5, 5.0]
    assert [each["price"].tolist() for each in box.prices] == [[2.0, 2.0], [3.5, 3.5], [3.0, 4.0]]
    assert [each.name for each in box.searches] == ["a", "b in 2..5", "c"]  # type: ignore[attr-defined]
    assert (boxed.here.nodes, boxed.here.seconds) == (2, 20.0)
    assert parent.bounds.tolist() == [INF, 6.5, 5.0]
