"""Chunks that are handed out: how many at once, what is tried again when a worker dies, and when it is stopped."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from equilibrium.errors import InputError
from sim.studies import executors, handing_out
from sim.studies.executors import Workers, in_process, processes
from sim.studies.work import Chunk, Done, Replication


def chunk(number: int, runs: int = 2) -> Chunk:
    found = tuple(Replication(number, {}, k, 10 * number + k) for k in range(runs))
    return Chunk(number, "week-33", 1, None, {}, found)  # type: ignore[arg-type]


def did(part: Chunk) -> Done:
    rows = [{"run": (each.point, each.replication)} for each in part.replications]
    return Done(part.number, runs=rows, days=[{"day": row["run"]} for row in rows], failures=[])


class Killed(Exception):  # noqa: N818 - the name that Dask gives it
    """As Dask tells that a worker has died: the other workers go on."""


Killed.__name__ = "KilledWorker"


class Pool:
    """Executors that note what they are given, and of which some die at some runs."""

    def __init__(self, dies: tuple[tuple[int, int], ...] = (), error: type[Exception] = BrokenProcessPool) -> None:
        self.dies, self.error = dies, error
        self.given: list[list[tuple[int, int]]] = []
        self.opened = 0
        self.cancelled = 0
        self.late: list[Future[Done]] = []
        self.waits = False

    @contextmanager
    def open(self) -> Iterator[Executor]:
        self.opened += 1
        self.broken = False
        yield self  # type: ignore[misc]

    def submit(self, _work: Any, part: Chunk) -> Future[Done]:
        if self.broken:
            raise BrokenProcessPool("broken before")
        runs = [(each.point, each.replication) for each in part.replications]
        self.given.append(runs)
        future: Future[Done] = Future()
        if self.waits:
            self.late.append(future)
        elif any(run in self.dies for run in runs):
            self.broken = self.error is BrokenProcessPool
            future.set_exception(self.error("gone"))
        else:
            future.set_result(did(part))
        return future

    def workers(self, count: int = 1) -> Workers:
        return Workers("pool", count, self.open)


def runs(done: Done | None) -> list[Any]:
    assert done is not None
    assert [row["day"] for row in done.days] == [row["run"] for row in done.runs]
    return [row["run"] for row in done.runs]


def test_two_chunks_are_handed_out_for_each_worker() -> None:
    pool = Pool()
    pool.waits = True
    handed = handing_out.worked(pool.workers(2), [chunk(k) for k in range(9)], stop=None)

    def finish(*_: Any, **__: Any) -> Any:
        first, *pool.late = pool.late
        counts.append(1 + len(pool.late))
        first.set_result(did(chunk(len(counts) - 1)))
        return {first}, set()

    counts: list[int] = []
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(handing_out, "wait", finish)
        assert [done.number for done in handed if done] == list(range(9))
    assert counts == [4, 4, 4, 4, 4, 4, 3, 2, 1]
    assert pool.opened == 1


@pytest.mark.parametrize("error", [BrokenProcessPool, Killed])
def test_a_chunk_at_which_a_worker_died_is_tried_alone_and_then_run_by_run(error: type[Exception]) -> None:
    pool = Pool(dies=((1, 2),), error=error)
    found = list(handing_out.worked(pool.workers(), [chunk(0, 1), chunk(1, 3), chunk(2, 1)], stop=None))
    by_number = {done.number: done for done in found if done}
    assert {number: runs(done) for number, done in by_number.items()} == {0: [(0, 0)], 1: [(1, 0), (1, 1)], 2: [(2, 0)]}
    assert by_number[0].failures == by_number[2].failures == []
    (failed,) = by_number[1].failures
    assert {name: failed[name] for name in ("point", "replication", "seed", "day", "type", "message", "origin")} == {
        "point": 1,
        "replication": 2,
        "seed": 12,
        "day": 0,
        "type": "WorkerDiedError",
        "message": "the worker process died at this run (gone)",
        "origin": "the worker process",
    }
    whole, single = [(1, 0), (1, 1), (1, 2)], [[(1, 0)], [(1, 1)], [(1, 2)]]
    again = pool.given[pool.given.index(whole) + 1 :]
    assert [part for part in again if part[0][0] == 1] == [whole, *single]
    assert pool.opened == (4 if error is BrokenProcessPool else 3)


def test_of_a_broken_pool_all_that_was_handed_out_is_tried_again() -> None:
    pool = Pool(dies=((0, 0),))
    found = list(handing_out.worked(pool.workers(2), [chunk(k, 1) for k in range(3)], stop=None))
    assert {done.number: (runs(done), len(done.failures)) for done in found if done} == {
        0: ([], 1),
        1: ([(1, 0)], 0),
        2: ([(2, 0)], 0),
    }
    assert pool.given == [[(0, 0)], [(0, 0)], [(1, 0)], [(2, 0)]]


def test_an_error_of_our_own_ends_the_study() -> None:
    pool = Pool(dies=((0, 0),), error=ValueError)
    with pytest.raises(ValueError, match="gone"):
        list(handing_out.worked(pool.workers(), [chunk(0)], stop=None))
    died, came = Pool(), [BrokenProcessPool("gone"), ValueError("later")]

    def submit(*_: Any) -> Future[Done]:
        future: Future[Done] = Future()
        future.set_exception(came.pop(0))
        return future

    died.submit = submit  # type: ignore[method-assign]
    with pytest.raises(ValueError, match="later"):
        list(handing_out.worked(died.workers(), [chunk(0, 1)], stop=None))


def stops_after(times: int) -> Callable[[], bool]:
    """Say no so often, and then yes."""
    asked: list[None] = []
    return lambda: asked.append(None) or len(asked) > times  # type: ignore[func-returns-value]


def test_what_waits_is_given_up_when_the_study_is_to_stop() -> None:
    pool = Pool()
    pool.waits = True
    handed = handing_out.worked(pool.workers(), [chunk(0), chunk(1), chunk(2)], stop=stops_after(1))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(handing_out, "_LOOK_S", 0.0)
        assert list(handed) == [None]
    assert [future.cancelled() for future in pool.late] == [True, True]
    assert list(handing_out.worked(Pool().workers(), [chunk(0)], stop=stops_after(0))) == [None]


def test_a_study_is_stopped_before_a_chunk_is_tried_again() -> None:
    pool = Pool(dies=((0, 0),))
    found = list(handing_out.worked(pool.workers(), [chunk(0, 1), chunk(1, 1)], stop=stops_after(1)))
    assert found == [None]
    pool = Pool(dies=((0, 0),))
    found = list(handing_out.worked(pool.workers(), [chunk(0, 1), chunk(1, 1)], stop=stops_after(2)))
    assert [done and done.number for done in found] == [0, None]
    assert pool.given == [[(0, 0)], [(0, 0)]]


# Ways to work


def test_in_this_process_an_error_is_the_future_s() -> None:
    workers = in_process()
    assert (workers.name, workers.count) == ("in-process", 1)
    with workers.opened() as executor:
        assert executor.submit(divmod, 7, 2).result() == (3, 1)
        assert executor.submit(int, "11", base=2).result() == 3
        assert isinstance(executor.submit(divmod, 7, 0).exception(), ZeroDivisionError)


def test_a_pool_has_a_process_or_more() -> None:
    with pytest.raises(InputError, match=r"^study: workers: got 0, expected a whole number, at least 1$"):
        processes(0)
    assert [(each.name, each.count) for each in (processes(1), processes(3))] == [
        ("1 processes", 1),
        ("3 processes", 3),
    ]


def test_where_there_is_no_fork_server_processes_are_spawned(monkeypatch: pytest.MonkeyPatch) -> None:
    def context(name: str) -> Any:
        return SimpleNamespace(name=name, set_forkserver_preload=preloaded.append)

    preloaded: list[list[str]] = []
    monkeypatch.setattr(executors, "get_context", context)
    monkeypatch.setattr(executors, "get_all_start_methods", lambda: ["spawn"])
    assert (executors._context().name, preloaded) == ("spawn", [])  # type: ignore[attr-defined]
    monkeypatch.setattr(executors, "get_all_start_methods", lambda: ["fork", "spawn", "forkserver"])
    assert executors._context().name == "forkserver"  # type: ignore[attr-defined]
    assert preloaded == [list(executors._PRELOADED)]


def test_a_worker_ends_with_who_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    noted: list[Any] = []

    class Thread:
        def __init__(self, target: Callable[[], None], *, daemon: bool) -> None:
            self.target, self.daemon = target, daemon

        def start(self) -> None:
            noted.append(("daemon", self.daemon))
            self.target()

    monkeypatch.setattr(executors, "collect_seldom", lambda: noted.append("seldom"))
    monkeypatch.setattr(executors.signal, "signal", lambda *what: noted.append(what))
    monkeypatch.setattr(executors, "parent_process", lambda: SimpleNamespace(join=lambda: noted.append("joined")))
    monkeypatch.setattr(executors.threading, "Thread", Thread)
    monkeypatch.setattr(executors.os, "_exit", lambda code: noted.append(("exit", code)))
    executors._begin()
    ignored = (executors.signal.SIGINT, executors.signal.SIG_IGN)
    assert noted == ["seldom", ignored, ("daemon", True), "joined", ("exit", 1)]
