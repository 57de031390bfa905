"""Where a study works: in this process, in a pool of processes, or on a Dask cluster, through one interface."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import active_children, get_all_start_methods, get_context, parent_process
from multiprocessing.context import BaseContext
from typing import Any, ParamSpec, TypeVar

from equilibrium.errors import InputError
from sim.collector import collect_seldom

P = ParamSpec("P")
T = TypeVar("T")

ANY_NUMBER = 256
"""Chunks that are handed out at once where nobody says how many workers there are: clusters grow while they work."""

_PRELOADED = ("sim.studies.work", "sim.kinds")
"""What a worker imports before it is asked anything."""

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""What says how many threads a process of linear algebra takes: one, because every core has a worker already."""


_UNWATCHED = {"distributed.worker.profile.enabled": False, "distributed.admin.system-monitor.interval": "10s"}
"""Of a cluster of our own, whose page is off, nobody looks at a profile: to take it costs a twentieth of the work."""


class InProcess(Executor):
    """Does everything at once, in the process that asks."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Call a function and return what came of it."""
        future: Future[T] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - it is the future's
            future.set_exception(error)
        return future


@dataclass(frozen=True)
class Workers:
    """A way to work.

    Attributes
    ----------
    name
        What a manifest calls it.
    count
        How many chunks are worked at at once.
    opened
        Opens the executor; it can be opened again after one of its processes has died.
    """

    name: str
    count: int
    opened: Callable[[], Any]


def in_process() -> Workers:
    """Return the way to work in this process alone."""
    return Workers("in-process", 1, InProcess)


def processes(count: int) -> Workers:
    """Return a pool of processes of this machine, each with one thread.

    Parameters
    ----------
    count
        How many, at least 1.
    """
    if count < 1:
        raise InputError("study", "workers", count, "a whole number, at least 1")

    @contextmanager
    def pool() -> Iterator[Executor]:
        """Start the processes, and end them whatever they do."""
        before = {name: os.environ.get(name) for name in _THREADS}
        os.environ.update(dict.fromkeys(_THREADS, "1"))  # inherited by the workers before they import anything
        others = set(active_children())
        executor = ProcessPoolExecutor(count, mp_context=_context(), initializer=_begin)
        try:
            yield executor
        finally:
            executor.shutdown(wait=False, cancel_futures=True)
            for worker in set(active_children()) - others:  # what is still at work has been given up
                worker.terminate()
            executor.shutdown(wait=True)
            for name, value in before.items():
                os.environ.pop(name) if value is None else os.environ.update({name: value})

    return Workers(f"{count} processes", count, pool)


def dask(address: str | None = None, workers: int = 2) -> Workers:
    """Return a Dask cluster; it needs the extra ``equilot[dask]``.

    Parameters
    ----------
    address
        Of the scheduler of a running cluster, ``tcp://host:8786``; ``None`` starts one on this machine. The workers
        must have the same version of Equilot, and see the scenario's files under the same paths.
    workers
        How many processes a cluster on this machine has.

    Raises
    ------
    InputError
        When Dask is not installed, or nobody answers at the address.
    """
    try:
        from dask import config
        from distributed import Client, LocalCluster
    except ImportError:
        raise InputError("study", "--dask", "not installed", "dask.distributed: pip install 'equilot[dask]'") from None

    @contextmanager
    def cluster() -> Iterator[Executor]:
        """Connect to the scheduler, or start one for this study."""
        try:
            if address is None:
                with config.set(_UNWATCHED):
                    at = LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=None)
                client = Client(at)
                client.run(collect_seldom)  # its workers are ours; those of another's cluster are left alone
            else:
                at, client = None, Client(address, timeout="10s")
        except OSError as error:
            raise InputError("study", "--dask", address, f"the address of a Dask scheduler ({error})") from None
        try:
            yield client.get_executor(pure=False, retries=0)
        finally:
            client.close()
            if at is not None:
                at.close()

    return Workers(f"dask {address or 'local'}", workers if address is None else ANY_NUMBER, cluster)


def _context() -> BaseContext:
    """Return how processes are started: from one that has all imports behind it, where the system has such a thing.

    That process imports once, whatever the number of workers, has no threads, and stays for the next study.
    """
    if "forkserver" not in get_all_start_methods():
        return get_context("spawn")
    context = get_context("forkserver")
    context.set_forkserver_preload(list(_PRELOADED))
    return context


def _begin() -> None:
    """Let Ctrl-C be the matter of the process that asks, and end with it when it is killed."""
    collect_seldom()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    asking = parent_process()
    assert asking is not None

    def watch() -> None:
        asking.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
