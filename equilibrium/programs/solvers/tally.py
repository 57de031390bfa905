"""Which solvers solved how many programs: what a certificate names, counted where programs are solved."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_OPEN: ContextVar[tuple[Counter[str], ...]] = ContextVar("tallies", default=())


@contextmanager
def counted() -> Iterator[Counter[str]]:
    """Count the programs that are solved inside, by the name of the solver; tallies may stand inside each other."""
    mine: Counter[str] = Counter()
    token = _OPEN.set((*_OPEN.get(), mine))
    try:
        yield mine
    finally:
        _OPEN.reset(token)


@contextmanager
def counted_apart() -> Iterator[Counter[str]]:
    """Count the programs that are solved inside, and in no tally outside: for a thread, which merges them later."""
    token = _OPEN.set(())
    try:
        with counted() as mine:
            yield mine
    finally:
        _OPEN.reset(token)


def merge(tally: Counter[str]) -> None:
    """Add what was counted apart to all tallies that are open."""
    for each in _OPEN.get():
        each.update(tally)


def count(name: str) -> None:
    """Note that the solver called ``name`` has solved one program."""
    for tally in _OPEN.get():
        tally[name] += 1


def told(tally: Counter[str], first: str = "") -> str:
    """Return the names of the solvers, ``first`` and then the busiest first."""
    names = sorted(tally, key=lambda name: (-tally[name], name))
    return ", ".join(dict.fromkeys([*(first.split(", ") if first else []), *names]))


__all__ = ["count", "counted", "counted_apart", "merge", "told"]
