"""One element of a foreign file, such as a line or a load: cells by name, and words for where it stands."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from equilibrium.errors import InputError
from equilibrium.plain import A_NAME, decimal, is_name, number_fault

_YES, _NO = frozenset({"true", "1", "1.0"}), frozenset({"false", "0", "0.0"})


@dataclass(frozen=True)
class Record:
    """One element with its cells.

    Attributes
    ----------
    source
        Name of the file in messages.
    where
        Its place there, e.g. ``line 7`` or ``trafo 3``.
    cells
        Numbers, texts and booleans by column; ``None``, NaN and ``""`` are empty.
    """

    source: str
    where: str
    cells: Mapping[str, object]

    def error(self, key: str, value: object, expected: str) -> InputError:
        """Return the complaint about one cell."""
        return InputError(self.source, f"{self.where}, {key}", value, expected)

    def has(self, key: str) -> bool:
        """Return whether a cell is there and not empty."""
        value = self.cells.get(key)
        return not (value is None or value == "" or (isinstance(value, float) and math.isnan(value)))

    def number(
        self, key: str, default: float | None = None, *, minimum: float = -math.inf, infinite: bool = False
    ) -> float:
        """Return a number.

        Parameters
        ----------
        key
            The column.
        default
            Value of an empty cell; ``None`` makes it an error.
        minimum
            Lowest value that is allowed.
        infinite
            Whether an infinite number may stand there.
        """
        at_least = f" >= {minimum:g}" if minimum > -math.inf else ""
        if not self.has(key):
            if default is None:
                raise self.error(key, self.cells.get(key), f"a number{at_least}")
            return default
        given = self.cells[key]
        value: float | None
        if isinstance(given, str):
            value = math.inf if given.strip().lower() in {"inf", "+inf"} else decimal(given.strip())
        else:
            value = None if isinstance(given, bool) or not isinstance(given, int | float) else float(given)
        if value is None or value < minimum:
            raise self.error(key, given, f"a number{at_least}")
        if not (infinite and math.isinf(value)) and (fault := number_fault(value)) is not None:
            raise self.error(key, given, fault)
        return value

    def whole(self, key: str, default: int | None = None, *, minimum: int = 0) -> int:
        """Return a whole number; ``default`` is the value of an empty cell."""
        value = self.number(key, default, minimum=minimum)
        if value != int(value):
            raise self.error(key, self.cells[key], "a whole number")
        return int(value)

    def text(self, key: str, default: str = "") -> str:
        """Return a name; ``default`` where the cell is empty."""
        if not self.has(key):
            return default
        given = self.cells[key]
        text = f"{given:g}" if isinstance(given, float) else str(given).strip()
        if not text:
            return default
        if not is_name(text):
            raise self.error(key, given, A_NAME)
        return text

    def flag(self, key: str, *, default: bool) -> bool:
        """Return a yes or no; ``default`` where the cell is empty."""
        if not self.has(key):
            return default
        given = self.cells[key]
        word = str(given).strip().lower()
        if word not in _YES | _NO:
            raise self.error(key, given, "true or false")
        return word in _YES


def own_labels(wanted: Sequence[str], other: Sequence[str]) -> list[str]:
    """Return a label of its own for each element.

    Parameters
    ----------
    wanted
        What each would be called; empty where it has no name.
    other
        What it is called where its name is empty or another one has it too: different texts.
    """
    count: dict[str, int] = {}
    for name in wanted:
        count[name] = count.get(name, 0) + 1
    return [
        name if name and count[name] == 1 and (name not in other or other[k] == name) else other[k]
        for k, name in enumerate(wanted)
    ]


def renamed(wanted: Sequence[str], labels: Sequence[str]) -> list[str]:
    """Return the sentence about buses that are not called as the file names them, in a list; nothing where all are."""
    others = [f"{name} -> {label}" for name, label in zip(wanted, labels, strict=True) if name and name != label]
    return [f"buses whose name is not theirs alone are called otherwise: {listed(others)}"] * bool(others)


def counted(number: int, one: str, several: str = "") -> str:
    """Return a number with its noun, ``1 bus`` or ``2 buses``; ``several`` where it is not ``one`` with an s."""
    return f"{number} {one if number == 1 else several or one + 's'}"


def listed(names: Iterable[str], most: int | None = None) -> str:
    """Return names for a sentence: all, or the first ones and how many more there are."""
    every = list(names)
    most = len(every) if most is None else most
    more = f" and {len(every) - most} more" if len(every) > most else ""
    return ", ".join(every[:most]) + more
