"""What names, numbers and messages may be, in one place: nothing that a terminal obeys, nothing longer than a screen.

What people write comes from many files: scenarios, tables, games. Whatever reads it asks here whether a text can be a
name and a number can be meant; whatever shows it asks here how it is shown.
"""

from __future__ import annotations

import difflib
import math
import re
import unicodedata
from collections.abc import Iterable

NAME_LIMIT = 255
"""Most characters of a name: as many as the name of a file may have."""

LARGEST = 1e12
"""Largest number that any quantity of a market has, in any unit of the files; beyond it a number is a mistake."""

SMALLEST = 1e-12
"""Smallest size that a number other than 0 has in a file that a person writes."""

SHOWN_LIMIT = 160
"""Most characters of a value in a message."""

A_NAME = f"a name without control characters, of 1 to {NAME_LIMIT} characters"

_CONTROLS = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""Unicode categories that change a line or a terminal instead of standing in it."""

_DIRECTIONS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Characters that turn the order of what stands around them."""

_DECIMAL = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")


def obeyed(character: str) -> bool:
    """Return whether a terminal obeys a character instead of showing it: escape, a new line, a change of direction."""
    return unicodedata.category(character) in _CONTROLS or character in _DIRECTIONS


def plain(text: str) -> str:
    r"""Return a text in which every character that a terminal would obey is written out, such as ``\x1b``."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(each.encode("unicode_escape").decode("ascii") if obeyed(each) else each for each in text)


def cut(text: str, limit: int) -> str:
    """Return a text of at most ``limit`` characters: of a longer one the middle is left out, and its length is said."""
    if len(text) <= limit:
        return text
    note = f" ... ({len(text)} characters) ... "
    kept = max(limit - len(note), 2)
    end = kept // 3
    return text[: kept - end] + note + text[len(text) - end :]


def shown(value: object) -> str:
    """Return a value as a message shows it: on one line, cut to :data:`SHOWN_LIMIT` characters."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # a number of thousands of digits, a nest of thousands of levels
        text = f"a value of type {type(value).__name__} that is too large to be shown"
    return cut(plain(text), SHOWN_LIMIT)


def closest(text: object, known: Iterable[str]) -> str:
    """Return a hint at the known name most like a text, ``(closest: bus-7)`` after a blank; nothing without one."""
    near = difflib.get_close_matches(str(text), list(known), n=1)
    return f" (closest: {near[0]})" if near else ""


def is_name(text: str) -> bool:
    """Return whether a text can be a name: see :data:`A_NAME`."""
    return 0 < len(text) <= NAME_LIMIT and not text.isspace() and not any(map(obeyed, text))


def decimal(text: str) -> float | None:
    """Read a number in plain decimals: digits 0 to 9, a point, an exponent, and nothing else.

    Returns
    -------
    float or None
        The number, infinite where it is too large for one; ``None`` where the text is none, also for what Python would
        read: ``1_000``, digits of other scripts, ``nan``.
    """
    return float(text) if _DECIMAL.fullmatch(text) else None


def number_fault(value: float) -> str | None:
    """Return what was expected in the place of a number that nobody can mean, ``None`` where it can be meant.

    Parameters
    ----------
    value
        The number as it was read.
    """
    if not math.isfinite(value):
        return "a finite number"
    return f"a number of size {LARGEST:g} at most" if abs(value) > LARGEST else None
