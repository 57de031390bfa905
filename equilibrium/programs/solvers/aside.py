"""Work that mostly waits for solvers, side by side in threads: HiGHS runs without Python's lock.

What comes out does not depend on how many processors there are, or on which task is ready first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

from equilibrium.programs.solvers.choose import takes_threads
from equilibrium.programs.solvers.tally import counted_apart, merge
from equilibrium.programs.solvers.threads import InThread

T = TypeVar("T")


def side_by_side(tasks: Sequence[Callable[[], T]]) -> list[T]:
    """Run tasks that share nothing which they change, and return what they return.

    Where one fails, the others come to their end, and the first error in the order of the tasks is raised. With a
    solver that takes no threads they run one after the other.
    """
    if len(tasks) < 2 or not takes_threads():
        return [task() for task in tasks]
    runs = [InThread(partial(_apart, task)) for task in tasks]
    for run in runs:
        run.wait()
    answers = [run.answer() for run in runs]
    for _, tally in answers:
        merge(tally)
    return [found for found, _ in answers]


def _apart(task: Callable[[], T]) -> tuple[T, Counter[str]]:
    """Return what a task returns, and which programs were solved for it."""
    with counted_apart() as tally:
        return task(), tally
