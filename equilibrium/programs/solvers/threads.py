"""Work in a second thread: Ctrl-C is heard meanwhile, and other work can go on beside it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextvars import copy_context
from typing import Generic, TypeVar

T = TypeVar("T")

HEARD_S = 0.1
"""How often the waiting thread looks for a signal, s."""


class InThread(Generic[T]):
    """Work that begins at once in a thread of its own.

    Python handles a signal only between its own instructions, and not while it waits without end. What is left to
    itself when the waiting one is interrupted ends with the process at the latest; :meth:`wait` lets it come to its
    end.
    """

    def __init__(self, work: Callable[[], T]) -> None:
        self._work, self._done = work, threading.Event()
        self._found: list[T] = []
        self._failed: list[BaseException] = []
        threading.Thread(target=copy_context().run, args=(self._run,), daemon=True).start()

    def _run(self) -> None:
        try:
            self._found.append(self._work())
        except BaseException as error:  # noqa: BLE001 - raised again where somebody can catch it
            self._failed.append(error)
        self._done.set()

    def wait(self) -> None:
        """Wait until the work has ended, well or not."""
        while not self._done.wait(HEARD_S):
            pass

    def answer(self) -> T:
        """Wait, and return what the work returns or raise what it raises."""
        self.wait()
        if self._failed:
            raise self._failed[0]
        return self._found[0]
