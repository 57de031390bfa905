"""The small part of MATLAB in which MATPOWER cases are written: matrices, numbers, and arithmetic on whole columns.

Nothing is executed: statements are read one by one, and one that is none of these is refused with its line.

``mpc.NAME = [...]``, ``mpc.NAME = {...}``, ``mpc.NAME = 'text'``, ``name = expression``, ``mpc.NAME = expression``,
and ``mpc.NAME(rows, columns) = expression`` with ``:`` or a number for the rows, as in the conversions of units at the
end of a case. Expressions have ``+ - * / ^`` (``.*`` and ``./`` too), brackets, numbers, names,
``mpc.NAME(rows, columns)`` and the functions of :data:`FUNCTIONS`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from equilibrium.arrays import FloatArray, IntArray
from equilibrium.errors import InputError
from equilibrium.plain import cut

FUNCTIONS: Mapping[str, Callable[[FloatArray], FloatArray]] = {
    "sin": np.sin, "cos": np.cos, "tan": np.tan, "asin": np.arcsin, "acos": np.arccos, "atan": np.arctan,
    "sqrt": np.sqrt, "abs": np.abs,
}  # fmt: skip

_TOKEN = re.compile(
    r"\s*(?:[0-9]+\.?[0-9]*(?:[eEdD][+-]?[0-9]+)?|\.[0-9]+(?:[eE][+-]?[0-9]+)?"
    r"|[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*|\.\*|\./|\.\^|[-+*/^()\[\],:])"
)
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_ASSIGNED = re.compile(r"([A-Za-z_][\w.]*)\s*(\(.*?\))?\s*=(?!=)\s*(.*)", re.DOTALL)
_SKIPPED = re.compile(r"function\b.*|define_constants|return|end|\[[\w\s,.~]*\]\s*=\s*idx_\w+", re.DOTALL)
_TEXT = re.compile(r"'((?:[^']|'')*)'|\"([^\"]*)\"")
Place = tuple[IntArray, ...]
"""Indices of rows and columns of a matrix."""

_INDEX = re.compile(r"[0-9]{1,9}")
_DEPTH = 40
"""Most brackets and exponents inside each other."""


@dataclass
class MatlabFile:
    """What a file assigns.

    Attributes
    ----------
    source
        Name of the file in messages.
    columns
        Names of the columns of each matrix, numbered from 0.
    matrices
        By name without ``mpc.``, shape ``(rows, columns)``.
    lines
        Line of each row of a matrix.
    texts
        Lists of texts by name.
    numbers
        Single numbers by name.
    """

    source: str
    columns: Mapping[str, Mapping[str, int]]
    matrices: dict[str, FloatArray] = field(default_factory=dict)
    lines: dict[str, list[int]] = field(default_factory=dict)
    texts: dict[str, list[str]] = field(default_factory=dict)
    numbers: dict[str, float] = field(default_factory=dict)

    @classmethod
    def read(cls, source: str, text: str, columns: Mapping[str, Mapping[str, int]]) -> MatlabFile:
        """Read a file.

        Parameters
        ----------
        source
            Its name in messages.
        text
            Its content.
        columns
            Names of the columns of each matrix, numbered from 0.

        Raises
        ------
        InputError
            With the line of a statement that is not of the known kinds, or cannot be computed.
        """
        file = cls(source, columns)
        for line, statement in _statements(source, text):
            file._take(line, statement)
        return file

    def fault(self, line: int, value: object, expected: str) -> InputError:
        """Return the complaint about a line."""
        return InputError(self.source, f"line {line}", value, expected)

    def _take(self, line: int, statement: str) -> None:
        """Carry out one statement."""
        if _SKIPPED.fullmatch(statement):
            return
        found = _ASSIGNED.fullmatch(statement)
        if found is None:
            expected = "an assignment of a matrix, a number or columns, as MATPOWER cases have them"
            raise self.fault(line, cut(statement, 80), expected)
        name, place, value = found[1].removeprefix("mpc."), found[2], found[3].strip()
        if place is not None:
            self._assign(line, name, place, value)
        elif value.startswith("["):
            self._matrix(line, name, value)
        elif value.startswith("{"):
            self.texts[name] = [each[0].replace("''", "'") or each[1] for each in _TEXT.findall(value)]
        elif _TEXT.fullmatch(value):
            self.texts[name] = [value[1:-1]]
        else:
            number = _Expression(self, line, value).value()
            if number.size != 1:
                raise self.fault(line, cut(statement, 80), "a single number")
            self.numbers[name] = float(number.reshape(()))

    def _matrix(self, line: int, name: str, text: str) -> None:
        """Read a matrix of numbers."""
        if not text.endswith("]"):
            raise self.fault(line, cut(text, 80), "a matrix of numbers in [ ]")
        rows: list[list[float]] = []
        lines: list[int] = []
        for number, row_line in enumerate(text[1:-1].split("\n")):
            for row in row_line.split(";"):
                cells = row.replace(",", " ").split()
                if cells:
                    rows.append([self._cell(line + number, cell) for cell in cells])
                    lines.append(line + number)
                if rows and len(rows[-1]) != len(rows[0]):
                    raise self.fault(line + number, f"{len(rows[-1])} numbers", f"{len(rows[0])} numbers in each row")
        self.matrices[name] = np.array(rows, dtype=np.float64).reshape(len(rows), len(rows[0]) if rows else 0)
        self.lines[name] = lines

    def _cell(self, line: int, cell: str) -> float:
        if cell.lower().lstrip("+-") in {"inf", "nan"} or _NUMBER.fullmatch(cell):
            return float(cell)
        found = _Expression(self, line, cell).value()
        if found.size != 1:
            raise self.fault(line, cell, "a number")
        return float(found.reshape(()))

    def _assign(self, line: int, name: str, place: str, value: str) -> None:
        """Put an expression into rows and columns of a matrix."""
        at = _Expression(self, line, place[1:-1]).place(name)
        given = _Expression(self, line, value).value()
        shape = self.matrices[name][at].shape
        if given.size != 1 and given.shape != shape:
            raise self.fault(line, f"{given.shape} values", f"one value, or {shape} of them")
        self.matrices[name][at] = given


def _statements(source: str, text: str) -> Iterator[tuple[int, str]]:
    """Yield statements with the line at which each begins; lines stay apart inside brackets."""
    statement, start, depth, commented = "", 0, 0, 0
    for number, raw in enumerate(text.split("\n"), start=1):
        if raw.strip() in ("%{", "%}"):  # a block of comments; blocks may hold others
            commented = max(0, commented + (1 if raw.strip() == "%{" else -1))
            continue
        if commented:
            continue
        line, continued = _code(raw)
        for character in line:
            if character in "[{(":
                depth += 1
            elif character in "]})":
                depth -= 1
            if depth == 0 and character == ";":
                if statement.strip():
                    yield start, statement.strip()
                statement = ""
                continue
            if not statement.strip():
                start, statement = number, ""
            statement += character
        if depth > 0:
            statement += " " if continued else "\n"
        elif not continued:
            if statement.strip():
                yield start, statement.strip()
            statement = ""
    if depth > 0:
        raise InputError(source, f"line {start}", cut(statement.strip(), 80), "a bracket that is closed")
    if statement.strip():
        yield start, statement.strip()


def _code(line: str) -> tuple[str, bool]:
    """Return a line up to its comment, and whether ``...`` joins the next one to it; inside a text both are letters."""
    quoted = False
    for k, character in enumerate(line):
        if character == "'":
            quoted = not quoted
        elif not quoted and character == "%":
            return line[:k].rstrip(), False
        elif not quoted and line.startswith("...", k):
            return line[:k].rstrip(), True
    return line.rstrip(), False


class _Expression:
    """A reader of one expression, by descent."""

    def __init__(self, file: MatlabFile, line: int, text: str) -> None:
        self._file, self._line, self._text = file, line, text
        self._tokens = list(self._split(text))
        self._at = self._depth = 0

    def value(self) -> FloatArray:
        """Return the value of the whole text."""
        with np.errstate(all="ignore"):
            found = self._sum()
        if self._peek():
            raise self._fault()
        if not np.isfinite(found).all():
            raise self._not_finite()
        return found

    def place(self, name: str) -> Place:
        """Return the rows and columns that ``rows, columns`` name in a matrix."""
        if name not in self._file.matrices:
            raise self._file.fault(self._line, name, "a matrix that was assigned before")
        found = self._place(name)
        if self._peek():
            raise self._fault()
        return found

    def _split(self, text: str) -> Iterator[str]:
        at, text = 0, text.strip()
        while at < len(text):
            found = _TOKEN.match(text, at)
            if found is None:
                raise self._fault()
            yield found[0].strip()
            at = found.end()

    def _fault(self) -> InputError:
        return self._file.fault(self._line, cut(self._text, 80), "an expression of numbers, names and columns")

    def _peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _next(self, wanted: str = "") -> str:
        token = self._peek()
        if not token or (wanted and token != wanted):
            raise self._fault()
        self._at += 1
        return token

    def _deeper(self, read: Callable[[], FloatArray]) -> FloatArray:
        """Read what stands inside: in brackets, or as an exponent."""
        self._depth += 1
        if self._depth > _DEPTH:
            raise self._fault()
        found = read()
        self._depth -= 1
        return found

    def _sum(self) -> FloatArray:
        found = self._product()
        while self._peek() in {"+", "-"}:
            sign = 1.0 if self._next() == "+" else -1.0
            found = self._joined(found, sign * self._product(), np.add)
        return found

    def _product(self) -> FloatArray:
        found = self._signed()
        while self._peek() in {"*", "/", ".*", "./"}:
            sign = self._next()
            other = self._signed()
            alone = other.size == 1 if sign == "/" else min(found.size, other.size) == 1
            if not sign.startswith(".") and not alone:
                raise self._fault()  # a product or quotient of matrices, which no case needs
            found = self._joined(found, other, np.multiply if sign.endswith("*") else np.divide)
        return found

    def _signed(self) -> FloatArray:
        sign = 1.0
        while self._peek() in {"+", "-"}:
            sign = sign if self._next() == "+" else -sign
        found = self._atom()
        if self._peek() in {"^", ".^"}:
            dotted = self._next() == ".^"
            power = self._deeper(self._signed)
            if power.size != 1 or (found.size != 1 and not dotted):
                raise self._fault()
            found = np.asarray(np.power(found, power.reshape(())), dtype=np.float64)
        return sign * found

    def _not_finite(self) -> InputError:
        """Complain about a value that is not finite; where a row of a matrix in the text holds it, about that row."""
        for name, matrix in self._file.matrices.items():
            rows = np.flatnonzero(np.isnan(matrix).any(axis=1))
            if rows.size and re.search(rf"\b{re.escape(name)}\b", self._text):
                return self._file.fault(self._file.lines[name][rows[0]], f"mpc.{name} with NaN", "numbers")
        return self._file.fault(self._line, cut(self._text, 80), "an expression with finite values")

    def _joined(self, one: FloatArray, other: FloatArray, how: Callable[..., FloatArray]) -> FloatArray:
        if one.size != 1 and other.size != 1 and one.shape != other.shape:
            raise self._fault()
        found = np.asarray(how(one, other), dtype=np.float64)
        if not np.isfinite(found).all():
            raise self._not_finite()
        return found

    def _atom(self) -> FloatArray:
        if self._peek() == "(":
            self._next()
            found = self._deeper(self._sum)
            self._next(")")
            return found
        token = self._next()
        if token[0].isdigit() or token[0] == ".":
            return np.array([[float(token.lower().replace("d", "e"))]])
        if not token[0].isalpha():
            raise self._fault()
        return self._named(token.removeprefix("mpc."))

    def _named(self, name: str) -> FloatArray:
        """Return what a name stands for: a number, a function's value, or a part of a matrix."""
        file = self._file
        if name in file.numbers:
            return np.array([[file.numbers[name]]])
        if name == "pi":
            return np.array([[math.pi]])
        if name in file.matrices and self._peek() != "(":
            return file.matrices[name].copy()
        if self._peek() != "(" or name not in {*FUNCTIONS, *file.matrices}:
            raise file.fault(self._line, name, "a number or matrix that was assigned before, or a known function")
        self._next("(")
        found = (
            FUNCTIONS[name](self._deeper(self._sum)) if name in FUNCTIONS else file.matrices[name][self._place(name)]
        )
        self._next(")")
        return found

    def _place(self, name: str) -> Place:
        """Read ``rows, columns``."""
        matrix = self._file.matrices[name]
        rows = self._indices(name, matrix.shape[0])
        self._next(",")
        columns = self._indices(name, matrix.shape[1])
        return np.ix_(rows, columns)

    def _indices(self, name: str, size: int) -> list[int]:
        """Read ``:``, a number, a column's name, or a list of them; return indices from 0."""
        if self._peek() == ":":
            self._next()
            return list(range(size))
        found, inside = [], self._peek() == "["
        if inside:
            self._next("[")
        while True:
            token = self._next()
            known = self._file.columns.get(name, {})
            index = known[token] if token in known else int(token) - 1 if _INDEX.fullmatch(token) else -1
            if not 0 <= index < size:
                raise self._file.fault(self._line, token, f"one of the {size} rows or columns of mpc.{name}")
            found.append(index)
            if not inside:
                return found
            if self._peek() == ",":
                self._next()
            if self._peek() == "]":
                self._next()
                return found
