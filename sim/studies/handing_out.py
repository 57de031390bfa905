"""Chunks handed out to workers, and what is done when one of them dies."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, wait
from dataclasses import replace

from sim.studies.executors import Workers
from sim.studies.work import Chunk, Done, failure, work

_AHEAD = 2
"""Chunks that are handed out for each worker: one at work and one that waits."""

_LOOK_S = 0.2
"""How often it is asked whether to stop, s."""

_DASK_DIED = "KilledWorker"


class WorkerDiedError(RuntimeError):
    """A worker process died at a run: it was killed, for its memory perhaps, or it crashed."""


def worked(workers: Workers, chunks: Sequence[Chunk], stop: Callable[[], bool] | None) -> Iterator[Done | None]:
    """Yield what comes of the chunks as they finish; ``None`` is the last when the study is to stop.

    Where a worker dies, the chunks that were handed out are tried alone, and the one at which it dies again run by run,
    so that one run fails and all others are done.

    Parameters
    ----------
    workers
        Where they are worked at.
    chunks
        What is left.
    stop
        Asked often whether to stop.
    """
    left = deque(chunks)
    while left:
        suspects: list[Chunk] = []
        for done in _until_one_dies(workers, left, suspects, stop):
            yield done
            if done is None:
                return
        for chunk in suspects:
            if stop is not None and stop():
                yield None
                return
            yield _alone(workers, chunk)


def _until_one_dies(
    workers: Workers, left: deque[Chunk], suspects: list[Chunk], stop: Callable[[], bool] | None
) -> Iterator[Done | None]:
    """Work at chunks until none is left or a worker has died; then ``suspects`` are those that were handed out."""
    pending: dict[Future[Done], Chunk] = {}
    with workers.opened() as executor:
        while left or pending:
            if stop is not None and stop():
                for future in pending:
                    future.cancel()
                yield None
                return
            while left and len(pending) < workers.count * _AHEAD:
                try:
                    pending[executor.submit(work, left[0])] = left[0]
                except BrokenExecutor:
                    break
                left.popleft()
            finished, _ = wait(pending, timeout=_LOOK_S, return_when=FIRST_COMPLETED)
            for future in [each for each in pending if each in finished]:  # in the order of the chunks
                error = future.exception()
                if error is None:
                    pending.pop(future)
                    yield future.result()
                elif isinstance(
                    error, BrokenExecutor
                ):  # a pool ends with its process, so nobody knows whose fault it is
                    suspects += pending.values()
                    return
                elif _died(error):
                    suspects.append(pending.pop(future))
                else:
                    raise error


def _alone(workers: Workers, chunk: Chunk) -> Done:
    """Work at a chunk that a worker may have died of, first whole, then run by run."""
    done = Done(chunk.number)
    parts = [chunk]
    while parts:
        with workers.opened() as executor:
            while parts:
                part = parts.pop(0)
                try:
                    came = executor.submit(work, part).result()
                except Exception as error:
                    if not _died(error):
                        raise
                    if len(part.replications) > 1:
                        parts = [replace(part, replications=(each,)) for each in part.replications]
                    else:
                        died = WorkerDiedError(f"the worker process died at this run ({error})")
                        done.failures.append(failure(part.replications[0], 0, died))
                    break
                done.runs += came.runs
                done.days += came.days
                done.failures += came.failures
    return done


def _died(error: BaseException) -> bool:
    return isinstance(error, BrokenExecutor) or type(error).__name__ == _DASK_DIED
