"""How a run is asked to end: after the day in hand, or at once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

PATIENCE_S = 1.0
"""How long a run that is asked to end may take for the day in hand, s; then the day is given up."""


@contextmanager
def stop_signals() -> Iterator[Callable[[], bool]]:
    """Let Ctrl-C and a polite kill end the run after the day in hand, if that ends soon; a second one does at once."""
    received: list[int] = []
    # To the main thread itself: a signal that another thread gets does not wake it.
    main = threading.main_thread().ident or 0
    patience = threading.Timer(PATIENCE_S, signal.pthread_kill, (main, signal.SIGINT))
    patience.daemon = True

    def note(number: int, _frame: object) -> None:
        if received:
            raise KeyboardInterrupt
        received.append(number)
        patience.start()

    def stop() -> bool:
        if received:
            patience.cancel()  # the day in hand has ended
        return bool(received)

    previous = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        patience.cancel()
        for number, handler in previous.items():
            signal.signal(number, handler)
