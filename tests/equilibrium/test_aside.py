"""Tasks side by side: all at once, in order, counted, with the first error; and searches that do not depend on it."""

from __future__ import annotations

import math
import threading
from functools import partial
from typing import Any

import pytest

from equilibrium.deadline import Deadline
from equilibrium.markets.aggregator import levels
from equilibrium.markets.aggregator.market import AggregatorMarket
from equilibrium.programs.solvers import aside
from equilibrium.programs.solvers.aside import ASIDE, side_by_side
from equilibrium.programs.solvers.choose import preferring, takes_threads
from equilibrium.programs.solvers.tally import count, counted
from equilibrium.programs.solvers.threads import InThread
from tests.equilibrium.aggregator_days import on_line, random_day

LONG_S = 60.0


def test_tasks_run_at_once_and_answer_in_their_order() -> None:
    both = threading.Barrier(2)

    def task(number: int) -> int:
        both.wait(LONG_S)  # broken where they run one after the other
        return number

    assert side_by_side([lambda: task(3), lambda: task(1)]) == [3, 1]
    assert side_by_side([lambda: 7]) == [7]
    assert side_by_side([]) == []


def test_one_task_and_a_solver_without_threads_stay_where_they_are() -> None:
    here = threading.get_ident()
    assert side_by_side([threading.get_ident]) == [here]
    assert takes_threads()
    with preferring("gurobi"):
        assert not takes_threads()
        assert side_by_side([threading.get_ident, threading.get_ident]) == [here, here]
    assert here not in side_by_side([threading.get_ident, threading.get_ident])


def test_what_is_solved_in_threads_is_counted_outside() -> None:
    def task(number: int) -> None:
        for _ in range(number):
            count("one")
        count(f"of {number}")

    with counted() as outer, counted() as inner:
        count("one")
        side_by_side([lambda: task(200), lambda: task(3)])
    assert inner == outer == {"one": 204, "of 200": 1, "of 3": 1}


def test_the_first_error_in_order_is_raised_when_all_have_ended() -> None:
    ended = list[int]()

    def fails(number: int) -> None:
        ended.append(number)
        raise ValueError(str(number))

    with pytest.raises(ValueError, match="0"):
        side_by_side([lambda: fails(0), lambda: fails(1), lambda: ended.append(2)])
    assert sorted(ended) == [0, 1, 2]


def test_no_more_tasks_than_two_go_on_at_a_time_and_the_next_begins_as_soon_as_one_has_ended() -> None:
    going, most, lock, third = list[int](), list[int](), threading.Lock(), threading.Event()

    def task(number: int) -> int:
        with lock:
            going.append(number)
            most.append(len(going))
        if number == 2:
            third.set()
        elif number == 0:
            assert third.wait(LONG_S)  # the third one begins while the first one still goes on
        with lock:
            going.remove(number)
        return number

    assert side_by_side([partial(task, number) for number in range(6)]) == [*range(6)]
    assert max(most) == ASIDE == 2


def test_an_interrupt_begins_nothing_more_and_waits_for_what_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, ended, going, told = list[int](), list[int](), threading.Barrier(3), threading.Event()

    def task(number: int) -> None:
        begun.append(number)
        going.wait(LONG_S)
        assert told.wait(LONG_S)
        ended.append(number)

    def interrupted(_self: InThread[Any]) -> None:
        going.wait(LONG_S)
        raise KeyboardInterrupt

    monkeypatch.setattr(InThread, "answer", interrupted)
    with pytest.raises(KeyboardInterrupt):
        side_by_side([partial(task, number) for number in range(6)], told.set)
    assert sorted(begun) == sorted(ended) == [0, 1]


def test_what_threads_spend_is_spent_together() -> None:
    whole = Deadline(nodes=1e9)

    def task(limit: Deadline) -> None:
        for _ in range(20_000):
            limit.spend(1)

    side_by_side([partial(task, limit) for limit in whole.parts(4)])
    assert whole.nodes_left == 1e9 - 80_000


@pytest.mark.parametrize("limit", [None, 9])
@pytest.mark.parametrize("pricing", ["pay-as-bid", "uniform"])
def test_a_day_is_the_same_with_and_without_threads(
    pricing: str, limit: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    day = on_line(random_day(5, periods=5, scenarios=3, pricing=pricing))

    def found() -> tuple[Any, ...]:
        cleared = AggregatorMarket(gap=1e-4, node_limit=limit).clear(day)
        return cleared.profit, cleared.bound, cleared.nodes, {k: v.tolist() for k, v in cleared.prices.items()}

    threads = found()
    monkeypatch.setattr(aside, "takes_threads", lambda: False)
    assert found() == threads


def test_an_interrupt_ends_what_still_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = list[Deadline]()

    def interrupted(tasks: Any, stop: Any = None) -> None:
        if any(isinstance(each, Deadline) for task in tasks for each in task.args):
            limits.extend(task.args[0] for task in tasks)
            assert not any(limit.passed for limit in limits)
            stop()
            raise KeyboardInterrupt

    monkeypatch.setattr(levels, "side_by_side", interrupted)
    with pytest.raises(KeyboardInterrupt):
        AggregatorMarket().clear(random_day(5, periods=4, scenarios=2))
    assert limits
    assert all(limit.passed for limit in limits)


def test_parts_that_go_on_side_by_side_share_what_is_left() -> None:
    whole = Deadline(nodes=7)
    first, second, third = whole.parts(3)
    assert [each.nodes_left for each in (first, second, third)] == [2, 2, 2]
    first.spend(2)
    assert first.passed
    assert not second.passed
    assert second.nodes_left == 2
    assert whole.nodes_left == 5
    (alone,) = whole.parts(1)
    assert alone.nodes_left == 5
    assert [each.nodes_left for each in Deadline().parts(2)] == [math.inf, math.inf]
    second.end()
    assert second.passed
    assert not third.passed
    assert Deadline(seconds=0.0).parts(2)[1].passed
