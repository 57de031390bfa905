"""Which numbers turn a statement over: every number of some results is made wrong, one at a time.

Results are dataclasses, mappings, sequences and namespaces with numbers and arrays in them; a path names a number.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np

from sim.reproduce.verdicts import Statement

Path = tuple[Any, ...]
Judge = Callable[[Any], Sequence[Statement]]


def _parts(value: Any) -> list[tuple[Any, Any]] | None:
    """Names and values inside a value; ``None`` for one without parts."""
    if dataclasses.is_dataclass(value):
        return [(field.name, getattr(value, field.name)) for field in dataclasses.fields(value)]
    if isinstance(value, SimpleNamespace):
        return list(vars(value).items())
    if isinstance(value, Mapping):
        return list(value.items())
    if isinstance(value, (tuple, list)):
        return list(enumerate(value))
    return None


def numbers(value: Any, skip: Collection[str] = (), path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every number and array with its path, without what lies below the names that are skipped.

    An array of zeros stands for what is not known, and is left out.
    """
    parts = _parts(value)
    if parts is not None:
        for name, part in parts:
            if name not in skip:
                yield from numbers(part, skip, (*path, name))
    elif isinstance(value, np.ndarray):
        if value.any():
            yield path, value
    elif isinstance(value, (float, int)) and not isinstance(value, bool):
        yield path, value


def put(value: Any, path: Path, new: Any) -> Any:
    """A copy of a value with another number at a path."""
    if not path:
        return new
    name, rest = path[0], path[1:]
    if dataclasses.is_dataclass(value):
        return dataclasses.replace(value, **{name: put(getattr(value, name), rest, new)})  # type: ignore[type-var]
    if isinstance(value, SimpleNamespace):
        return SimpleNamespace(**{**vars(value), name: put(getattr(value, name), rest, new)})
    if isinstance(value, Mapping):
        return {**value, name: put(value[name], rest, new)}
    changed = [put(part, rest, new) if k == name else part for k, part in enumerate(value)]
    return value._make(changed) if hasattr(value, "_make") else type(value)(changed)


def wrong(value: Any) -> Iterator[Any]:
    """Wrong values for a number or an array: smaller, larger, turned around, and wrong in one hour."""
    if not isinstance(value, np.ndarray):
        yield from (0.5 * value - 1.0, 2.0 * value + 1.0, value + 3000.0, value - 3000.0)
        return
    yield from (0.2 * value, value[::-1].copy(), value + 300.0)
    for hour in range(value.shape[0]):
        one = value.copy()
        one[hour] += 600.0
        yield one


def turned(judge: Judge, results: Any, skip: Collection[str] = ()) -> dict[str, set[Path]]:
    """The numbers that turn each statement over, by its key; each statement is there, with none if none does.

    The form in which a weakened statement was stated first is watched too: its key is followed by ``first``.
    """
    before = outcomes(judge(results))
    found: dict[str, set[Path]] = {key: set() for key in before}
    for path, value in numbers(results, skip):
        for other in wrong(value):
            after = outcomes(judge(put(results, path, other)))
            for key in before:
                if after[key] != before[key]:
                    found[key].add(path)
    return found


def outcomes(statements: Sequence[Statement]) -> dict[str, bool]:
    """Whether each statement holds, and the form in which it was stated first."""
    first = {f"{each.key} first": each.first.holds for each in statements if each.first is not None}
    return {each.key: each.holds for each in statements} | first
