"""Strategies that are told what they draw: a module of strategies is loaded again with this in the place of hypothesis.

A draw is a function of a chooser, which picks one of so many: the first of everything, the last, or what a list says.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import wraps
from types import ModuleType
from typing import Any

import pytest

Chooser = Callable[[int], int]
"""Takes the number of what may be picked, and returns which."""


class Told:
    """A strategy: what it gives depends on the chooser alone."""

    def __init__(self, give: Callable[[Chooser], Any]) -> None:
        self.give = give

    def map(self, change: Callable[[Any], Any]) -> Told:
        return Told(lambda choose: change(self.give(choose)))


def integers(low: int, high: int) -> Told:
    return Told(lambda choose: low + choose(high - low + 1))


def sampled_from(values: Sequence[Any]) -> Told:
    return Told(lambda choose: values[choose(len(values))])


def booleans() -> Told:
    return sampled_from((False, True))


def tuples(*parts: Told) -> Told:
    return Told(lambda choose: tuple(part.give(choose) for part in parts))


def lists(each: Told, min_size: int = 0, max_size: int = 0) -> Told:
    return Told(lambda choose: [each.give(choose) for _ in range(min_size + choose(max_size - min_size + 1))])


def composite(function: Callable[..., Any]) -> Callable[..., Told]:
    @wraps(function)
    def strategy(*given: Any, **named: Any) -> Told:
        return Told(lambda choose: function(lambda each: each.give(choose), *given, **named))

    return strategy


def first(count: int) -> int:
    """Pick the first of everything."""
    return min(0, count - 1)


def last(count: int) -> int:
    """Pick the last of everything."""
    return count - 1


def by(picks: Sequence[int]) -> Chooser:
    """Pick what a list says, and fail where it is too short or names one that is not there."""
    left: Iterator[int] = iter(picks)

    def choose(count: int) -> int:
        pick = next(left)
        assert pick < count, f"{pick} of {count}"
        return pick

    return choose


def told(module: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Load a module of strategies once more, beside the one that others use."""
    stand_in = ModuleType("hypothesis.strategies")
    for function in (integers, sampled_from, booleans, tuples, lists, composite):
        setattr(stand_in, function.__name__, function)
    stand_in.__dict__.update(SearchStrategy=Told, DrawFn=Callable)
    package = ModuleType("hypothesis")
    package.__dict__["strategies"] = stand_in
    spec = importlib.util.spec_from_file_location(f"told_{module.__name__.rpartition('.')[2]}", str(module.__file__))
    assert spec is not None
    assert spec.loader is not None
    again = importlib.util.module_from_spec(spec)
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "hypothesis", package)
        patch.setitem(sys.modules, "hypothesis.strategies", stand_in)
        patch.setitem(sys.modules, spec.name, again)
        spec.loader.exec_module(again)
    return again
