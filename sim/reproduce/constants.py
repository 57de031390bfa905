"""The numbers that a reproduction rests on: published, fitted to published results, or chosen freely.

Every number of a case is one *input* with a path, such as ``study.lot_bus`` or ``prices.10``. Each constant names the
inputs that it stands for, by patterns; a test holds that no input is left out. Values are read from the case itself, so
that the list cannot say what the case does not.
"""

from __future__ import annotations

import dataclasses
import numbers
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase

Inputs = Mapping[str, float | str | bool | None]


class Origin(StrEnum):
    """Where a constant comes from."""

    PUBLISHED = "published"
    FITTED = "fitted"
    CHOSEN = "chosen"


@dataclass(frozen=True)
class Constant:
    """One constant, or a series of constants of one kind.

    Attributes
    ----------
    name
        What it is, with its unit.
    value
        What the case has, as text.
    origin
        Where it comes from.
    basis
        The paper's table, what it was fitted on, or why it was chosen.
    inputs
        Patterns of the paths of the inputs that it stands for.
    numbers
        How many numbers could be set apart from each other.
    """

    name: str
    value: str
    origin: Origin
    basis: str
    inputs: tuple[str, ...]
    numbers: int = 1

    def covers(self, path: str) -> bool:
        """Whether an input belongs to the constant."""
        return any(fnmatchcase(path, pattern) for pattern in self.inputs)


def flat(name: str, value: object) -> Iterator[tuple[str, float | str | bool | None]]:
    """Yield the numbers and words of a nested value with their paths, below ``name``."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            yield from flat(f"{name}.{field.name}", getattr(value, field.name))
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from flat(f"{name}.{key}", item)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for key, item in enumerate(value):
            named = item.get("name", key) if isinstance(item, Mapping) else key
            yield from flat(f"{name}.{named}", item)
    elif value is None or isinstance(value, (str, bool)):
        yield name, value
    elif isinstance(value, numbers.Real):
        yield name, float(value)
    else:
        raise TypeError(f"{name}: {type(value).__name__} is no number and no word")


def uncovered(constants: Sequence[Constant], inputs: Inputs) -> list[str]:
    """Return the inputs that no constant stands for."""
    return [path for path in inputs if not any(constant.covers(path) for constant in constants)]


def idle(constants: Sequence[Constant], inputs: Inputs) -> list[str]:
    """Return the patterns of constants that stand for no input."""
    patterns = [pattern for constant in constants for pattern in constant.inputs]
    return [pattern for pattern in patterns if not any(fnmatchcase(path, pattern) for path in inputs)]


def count(constants: Sequence[Constant], origin: Origin) -> int:
    """Return how many numbers are of one origin."""
    return sum(constant.numbers for constant in constants if constant.origin is origin)
