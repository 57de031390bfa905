"""The errors that a user can cause, and that a user can read."""

from __future__ import annotations

from collections.abc import Sequence

from equilibrium.plain import cut, plain, shown

LINES_LIMIT = 12
"""Most errors of one input that are said at once, so that they fit a screen."""

_SOURCE_LIMIT, _WHERE_LIMIT, _EXPECTED_LIMIT = 320, 240, 900
"""Most characters of the parts of a message, so that it fits a screen."""


class InputError(ValueError):
    """A value in the input cannot be used.

    The message is one line that fits a screen: what is longer is cut, and control characters are written out.

    Parameters
    ----------
    source
        The file, or the name of the object, that holds the value.
    where
        The line, field or key.
    value
        The value as it was found.
    expected
        What would have been accepted, in words.
    """

    def __init__(self, source: str, where: str, value: object, expected: str) -> None:
        self.source = source
        self.where = where
        self.value = value
        self.expected = expected
        parts = (source, _SOURCE_LIMIT), (where, _WHERE_LIMIT), (expected, _EXPECTED_LIMIT)
        source, where, expected = (cut(plain(str(text)), limit) for text, limit in parts)
        super().__init__(f"{source}: {where}: got {shown(value)}, expected {expected}")

    def __reduce__(self) -> tuple[type[InputError], tuple[object, ...]]:
        """Return what makes the error again in another process."""
        return InputError, (self.source, self.where, self.value, self.expected)

    def located(self, source: str, where: str | None = None) -> InputError:
        """Return the same error with the file (and field) that the caller knows."""
        return InputError(source, where or self.where, self.value, self.expected)


class SeveralInputErrors(InputError):  # noqa: N818 - there are several
    """Several values in one input cannot be used: the first as :class:`InputError` has it, and a line for each.

    Parameters
    ----------
    errors
        Two or more of them; beyond the first :data:`LINES_LIMIT` only their number is said.
    """

    def __init__(self, errors: Sequence[InputError]) -> None:
        first = errors[0]
        super().__init__(first.source, first.where, first.value, first.expected)
        self.errors = tuple(errors)
        more = len(errors) - LINES_LIMIT
        rest = (f"and {more} more",) if more > 0 else ()
        self.args = ("\n".join([*map(str, errors[:LINES_LIMIT]), *rest]),)

    def __reduce__(self) -> tuple[type[InputError], tuple[object, ...]]:
        """Return what makes the errors again in another process."""
        return SeveralInputErrors, (self.errors,)


class InfeasibleError(RuntimeError):
    """A day that no dispatch can serve.

    Parameters
    ----------
    reasons
        One sentence for each limit that cannot be met: limit, bus, hour and by how much.
    """

    def __init__(self, reasons: tuple[str, ...]) -> None:
        self.reasons = reasons
        super().__init__("; ".join(reasons) if reasons else "the day is infeasible")


class SolverError(RuntimeError):
    """A solver ended without an answer that can be used (time limit, numerical trouble)."""
