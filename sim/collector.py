"""How often Python looks for cyclic garbage, in the processes that are ours alone."""

from __future__ import annotations

import atexit
import gc

THRESHOLDS = (20_000, 20, 100)
"""New objects before the youngest are looked through, and how often that is before older ones are."""


def collect_seldom() -> None:
    """Look for cyclic garbage less often than Python does by itself.

    A start makes some hundred thousand objects that stay, and a day some ten thousand that go without being looked for.
    As Python is set, every 700 new ones have it look through the youngest: a fifth of a run of one day, a tenth of
    a day of a long one. At its end Python would look through everything more than once, a tenth of such a run, only
    to give back what the system takes anyway. Only for a process of ours: a library leaves this to its user.
    """
    gc.set_threshold(*THRESHOLDS)
    atexit.unregister(gc.freeze)
    atexit.register(gc.freeze)
