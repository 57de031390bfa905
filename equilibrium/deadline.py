"""One limit for everything that an answer needs: a time, a number of nodes, or both."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable

_SPENDING = threading.RLock()  # of parts that go on side by side

Clock = Callable[[], float]
"""Tells the time in seconds since some fixed moment."""


class Deadline:
    """The moment at which a search has to end: a time on a clock, or a number of branch-and-bound nodes.

    A limit of nodes gives the same answer on every machine, a limit of time does not.

    Parameters
    ----------
    seconds
        From now.
    nodes
        That all searches under this deadline may look at together.
    clock
        What tells the time.
    whole
        The deadline of which this one is a part: nodes are spent in both.
    """

    def __init__(
        self,
        seconds: float = math.inf,
        nodes: float = math.inf,
        clock: Clock = time.perf_counter,
        whole: Deadline | None = None,
    ) -> None:
        self._end, self._nodes, self._clock, self._whole = clock() + seconds, nodes, clock, whole

    @property
    def nodes_left(self) -> float:
        """Nodes that are left, at least 0; infinite without a limit."""
        above = math.inf if self._whole is None else self._whole.nodes_left
        return max(0.0, min(self._nodes, above))

    @property
    def left(self) -> float:
        """Seconds that are left, at least 0; 0 as well when no node is left."""
        return max(0.0, self._end - self._clock()) if self.nodes_left > 0 else 0.0

    @property
    def passed(self) -> bool:
        """Whether no time or no node is left."""
        return self.left <= 0.0

    @property
    def what(self) -> str:
        """Which limit ends the search: ``node limit`` when no node is left, else ``time limit``."""
        return "time limit" if self.nodes_left > 0 else "node limit"

    def spend(self, nodes: int) -> None:
        """Count nodes that a search has looked at."""
        with _SPENDING:
            self._nodes -= nodes
            if self._whole is not None:
                self._whole.spend(nodes)

    def part(self, share: float = 1.0, seconds: float = math.inf, nodes: float = math.inf) -> Deadline:
        """Return a deadline for a part of the work: a share of what is left, and at most these seconds and nodes."""
        return Deadline(min(share * self.left, seconds), min(share * self.nodes_left, nodes), self._clock, self)

    def end(self) -> None:
        """Let it be passed from now on."""
        self._end = -math.inf

    def parts(self, count: int) -> list[Deadline]:
        """Return deadlines for parts of the work that go on side by side, in threads too, with equal shares of nodes.

        So none of them can tell what the others have spent.
        """
        left = self.nodes_left
        return [self.part(nodes=left // count if count > 1 and math.isfinite(left) else left) for _ in range(count)]
