"""Work that mostly waits for solvers, side by side in threads: HiGHS runs without Python's lock.

What comes out does not depend on how many processors there are, or on which task is ready first.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from contextvars import copy_context
from typing import Generic, TypeVar

from equilibrium.programs.solvers.choose import takes_threads
from equilibrium.programs.solvers.tally import counted_apart, merge

T = TypeVar("T")

HEARD_S = 0.1
"""How often the waiting thread looks for a signal, s."""


def side_by_side(tasks: Sequence[Callable[[], T]]) -> list[T]:
    """Run tasks that share nothing which they change, and return what they return.

    Where one fails, the others come to their end, and the first error in the order of the tasks is raised. With a
    solver that takes no threads they run one after the other.
    """
    if len(tasks) < 2 or not takes_threads():
        return [task() for task in tasks]
    runs = [_Run(task) for task in tasks]
    for run in runs:
        run.begin()
    for run in runs:
        while not run.done.wait(HEARD_S):
            pass
    return [run.answer() for run in runs]


class _Run(Generic[T]):
    """A task in a thread of its own; it ends with the process at the latest."""

    def __init__(self, task: Callable[[], T]) -> None:
        self._task, self._context, self.done = task, copy_context(), threading.Event()
        self._found: list[tuple[T, Counter[str]]] = []
        self._failed: list[BaseException] = []

    def begin(self) -> None:
        threading.Thread(target=self._context.run, args=(self._work,), daemon=True).start()

    def _work(self) -> None:
        try:
            with counted_apart() as tally:
                self._found.append((self._task(), tally))
        except BaseException as error:  # noqa: BLE001 - raised again where somebody can catch it
            self._failed.append(error)
        finally:
            self.done.set()

    def answer(self) -> T:
        if self._failed:
            raise self._failed[0]
        found, tally = self._found[0]
        merge(tally)
        return found
