"""Work that mostly waits for solvers, side by side in threads: HiGHS runs without Python's lock.

What comes out does not depend on how many processors there are, or on which task is ready first.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from equilibrium.programs.solvers.choose import takes_threads
from equilibrium.programs.solvers.tally import counted_apart, merge
from equilibrium.programs.solvers.threads import InThread

T = TypeVar("T")

ASIDE = 2
"""Tasks that go on at a time, however many processors there are: Python itself runs one of them only."""


@dataclass(eq=False)
class _Run(Generic[T]):
    """A task, what it returned, the programs that were solved for it, and what it raised."""

    task: Callable[[], T]
    found: list[T] = field(default_factory=list)
    tally: Counter[str] = field(default_factory=Counter)
    failed: BaseException | None = None

    def __call__(self) -> None:
        try:
            with counted_apart() as self.tally:
                self.found.append(self.task())
        except BaseException as error:  # noqa: BLE001 - raised again where somebody can catch it
            self.failed = error


def side_by_side(tasks: Sequence[Callable[[], T]], stop: Callable[[], None] = lambda: None) -> list[T]:
    """Run tasks that share nothing which they change, and return what they return.

    The next one begins as soon as one of :data:`ASIDE` has ended, so the longest should come first. Where one fails,
    the others come to their end, and the first error in the order of the tasks is raised. With a solver that takes no
    threads they run one after the other.

    When the waiting is interrupted, what has not begun does not begin, ``stop`` tells the others to end, and they are
    waited for: a thread that is inside a solver when Python ends takes the whole process down.
    """
    if len(tasks) < 2 or not takes_threads():
        return [task() for task in tasks]
    runs = [_Run(task) for task in tasks]
    left = deque(runs)
    threads = [InThread(lambda: _take(left)) for _ in range(min(ASIDE, len(runs)))]
    try:
        for thread in threads:
            thread.answer()
    except BaseException:  # what tasks raise is kept, so the waiting was interrupted
        left.clear()
        stop()
        for thread in threads:
            thread.wait()
        raise
    for run in runs:
        if run.failed is not None:
            raise run.failed
    for run in runs:
        merge(run.tally)
    return [run.found[0] for run in runs]


def _take(left: deque[_Run[T]]) -> None:
    """Run the tasks that are left, one after the other; other threads may take some of them too."""
    while True:
        try:
            run = left.popleft()
        except IndexError:
            return
        run()
