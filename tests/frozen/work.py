"""The work of an answer: nodes that its searches looked at, and programs that its solvers were given.

Where a search looks first, what it cuts off and where it ends changes no answer and can be seen only here: in what a
user waits for, and in what is found when a limit of nodes comes first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from equilibrium.deadline import Deadline
from equilibrium.programs.solvers.tally import counted

Work = dict[str, int]


@contextmanager
def measured() -> Iterator[Work]:
    """Count the work inside; it is known when the block ends."""
    found: Work = {}
    spent: Counter[str] = Counter()
    spend = Deadline.spend

    def noted(self: Deadline, nodes: int) -> None:
        if self._whole is None:  # a part hands on what it spends
            spent["nodes"] += nodes
        spend(self, nodes)

    with patch.object(Deadline, "spend", noted), counted() as tally:
        yield found
    found |= {"nodes": spent["nodes"], "programs": tally.total()}
