"""Where input comes from: bundled files, CSV tables and YAML documents, with file and line in every complaint."""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import io
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

import numpy as np

from equilibrium.arrays import FloatArray
from equilibrium.errors import InputError
from equilibrium.plain import A_NAME, NAME_LIMIT, decimal, is_name, number_fault, obeyed
from scenarios.yaml_tree import KeyPath, dotted, number_as_written, read_tree

PACKAGE = Path(str(files("scenarios")))
DATA = PACKAGE / "data"
CASES = PACKAGE / "cases"

YAML_LIMIT, TABLE_LIMIT = 1_000_000, 64_000_000
"""Most bytes of a YAML file and of a table."""

YEARS = 1990, 2100
"""First and last year of a date in a table."""

_FOLDERS_TOO = frozenset({"prices"})
"""Kinds of files in the place of which a folder of such files may stand."""

CELL_LIMIT, CELLS_LIMIT, COLUMNS_LIMIT = 1_000, 8_000_000, 1_000
"""Most characters of a cell, most cells of a table and most columns."""


def shown(path: Path) -> str:
    """Return the name by which a file is called in messages and manifests: short for bundled files."""
    return path.relative_to(PACKAGE).as_posix() if path.is_relative_to(PACKAGE) else str(path)


def sha256(path: Path) -> str:
    """Return the SHA-256 of the file's bytes, in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def bundled_or_own(kind: str, name: str, suffix: str, folder: Path | None = None) -> Path:
    """Find a data file or folder by its bundled name or by the user's own path.

    Parameters
    ----------
    kind
        Folder below ``scenarios/data``: ``feeders``, ``prices``, ...; ``""`` for files and folders
        of which none is bundled.
    name
        A bundled name such as ``"ieee33"``, or a path.
    suffix
        ``".csv"``, or ``""`` for a folder.
    folder
        What a relative path is relative to; ``None`` is the current folder.

    Raises
    ------
    InputError
        When there is neither; the message lists the bundled names.
    """
    if kind and name in bundled_names(kind):
        return DATA / kind / f"{name}{suffix}"
    own = own_path(name, folder)
    if not kind:
        if own.exists():
            return own
        raise InputError(str(own), "path", name, "an existing file or folder")
    if own.is_dir() if not suffix else own.is_file():
        return own
    if kind in _FOLDERS_TOO and own.is_dir():
        return own
    file_of_a_grid = ", or feeder.file for a file of another program" if kind == "feeders" and own.is_file() else ""
    expected = f"an existing {'file' if suffix else 'folder'} or one of {', '.join(bundled_names(kind))}"
    raise InputError(str(own), kind, name, expected + file_of_a_grid)


def bundled_names(kind: str) -> list[str]:
    """Return the names below ``scenarios/data/<kind>``, sorted."""
    found = (DATA / kind).iterdir()
    return sorted({path.stem for path in found if path.is_dir() or path.with_suffix(".yaml").exists()})


def own_path(name: str, folder: Path | None = None) -> Path:
    """Return the path that a user means by a name: ``~`` is a home folder, the rest is relative to ``folder``.

    Raises
    ------
    InputError
        For what cannot be a path: an unknown user's home, a NUL, a name that the file system has no room for.
    """
    if not name:
        raise InputError("a name", "path", name, "the path of a file or folder")
    try:
        path = (folder or Path()) / Path(name).expanduser()
        path.resolve()
        path.is_file()  # fails in a folder that may not be entered
    except (OSError, ValueError, RuntimeError) as error:
        found = getattr(error, "strerror", None) or str(error)
        raise InputError(name, "path", found, "the path of a file or folder that can be looked at") from None
    return path


def read_text(path: Path, limit: int = TABLE_LIMIT, other: Mapping[str, str] | None = None) -> str:
    """Read a UTF-8 text file; :class:`InputError` when it is missing, unreadable, too large or not UTF-8.

    ``other`` names the encoding of files that may have another one, by what they begin with.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(limit + 1)
        if len(raw) > limit:
            raise InputError(shown(path), "file", f"more than {limit} bytes", f"at most {limit} bytes")
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        for start, encoding in (other or {}).items():
            if raw.startswith(start.encode()):
                return raw.decode(encoding)
        where = "line {}, byte {}".format(raw[: error.start].count(b"\n") + 1, error.start)
        expected = "a text file in UTF-8, which spreadsheets save as CSV UTF-8"
        raise InputError(shown(path), where, "not UTF-8", expected) from None
    except OSError as error:
        raise InputError(shown(path), "file", error.strerror, "a file that can be read") from None


@dataclass(frozen=True)
class Table:
    """A CSV file as text, with the line number of every row.

    Attributes
    ----------
    source
        Name of the file in messages.
    columns
        Stripped cells by column name.
    lines
        Line number in the file of each row.
    row_word
        What a row is called in messages.
    names
        What columns are called in the file, where that is another name.
    """

    source: str
    columns: dict[str, list[str]]
    lines: list[int]
    row_word: str = "line"
    names: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def read(
        cls,
        path: Path,
        required: Sequence[str] = (),
        optional: Sequence[str] | None = None,
        *,
        separator: str = ",",
    ) -> Table:
        """Read a CSV file with a header line; blank lines are skipped.

        Parameters
        ----------
        path
            The file.
        required
            Columns that must be there.
        optional
            Further columns that may be there; any other is an error. ``None`` allows all.
        separator
            What stands between the cells of a row.
        """
        source = shown(path)
        header: list[str] = []
        rows: list[list[str]] = []
        lines: list[int] = []
        for line, cells in table_rows(source, read_text(path), separator):
            if not header:
                header = cls._header(source, line, cells, required, optional)
                continue
            if len(cells) != len(header):
                raise InputError(source, f"line {line}", f"{len(cells)} cells", f"{len(header)} cells")
            rows.append(cells)
            lines.append(line)
            if len(rows) * len(header) > CELLS_LIMIT:
                raise InputError(source, f"line {line}", f"more than {CELLS_LIMIT} cells", f"at most {CELLS_LIMIT}")
        if not rows:
            raise InputError(source, "rows", "none", "a header line and at least one row")
        return cls(source, {name: [row[k] for row in rows] for k, name in enumerate(header)}, lines)

    @staticmethod
    def _header(
        source: str, line: int, cells: list[str], required: Sequence[str], optional: Sequence[str] | None
    ) -> list[str]:
        where = f"line {line}"
        if len(cells) > COLUMNS_LIMIT:
            raise InputError(source, where, f"{len(cells)} columns", f"at most {COLUMNS_LIMIT}")
        for name in required:
            if name not in cells:
                raise InputError(source, where, ",".join(cells), f"a column {name!r}")
        for name in cells:
            if cells.count(name) > 1:
                raise InputError(source, where, name, "each column once")
            if len(name) > NAME_LIMIT:
                raise InputError(source, where, name, A_NAME)
            if optional is not None and name not in {*required, *optional}:
                raise InputError(source, where, name, f"only the columns {', '.join([*required, *optional])}")
        return cells

    def __len__(self) -> int:
        return len(self.lines)

    def where(self, row: int, column: str) -> str:
        """Return ``line 7, column r_ohm`` for the message about a cell; of another word than lines ``item 7, kWh``."""
        of_lines = self.row_word == "line"
        return f"{self.row_word} {self.lines[row]}, {'column ' * of_lines}{self.names.get(column, column)}"

    def error(self, row: int, column: str, value: object, expected: str) -> InputError:
        """Return the complaint about one cell."""
        return InputError(self.source, self.where(row, column), value, expected)

    def text(self, column: str) -> list[str]:
        """Return a column of cells that may be names."""
        for row, cell in enumerate(self.columns[column]):
            if not cell:
                raise self.error(row, column, cell, "a value")
            if not is_name(cell):
                raise self.error(row, column, cell, A_NAME)
        return self.columns[column]

    def each_once(self, column: str) -> list[str]:
        """Return a column of names none of which may stand twice."""
        first: dict[str, int] = {}
        for row, name in enumerate(self.text(column)):
            if name in first:
                before = f"{self.row_word} {self.lines[first[name]]}"
                called = self.names.get(column, column)
                raise self.error(row, column, name, f"each {called} once (it stands in {before})")
            first[name] = row
        return self.columns[column]

    def date(self, row: int, column: str) -> dt.date:
        """Return a cell's date, of the years in which there are sessions and prices."""
        try:
            date = dt.date.fromisoformat(self.columns[column][row])
        except ValueError:
            raise self.error(row, column, self.columns[column][row], "a date such as 2024-06-03") from None
        self._check_year(row, column, date)
        return date

    def time(self, row: int, column: str) -> dt.datetime:
        """Return a cell's local time, of the years in which there are sessions and prices."""
        try:
            time = dt.datetime.fromisoformat(self.columns[column][row])
        except ValueError:
            raise self.error(row, column, self.columns[column][row], "a local time such as 2024-06-03T08:30") from None
        self._check_year(row, column, time)
        return time

    def _check_year(self, row: int, column: str, date: dt.date) -> None:
        first, last = YEARS
        if not first <= date.year <= last:
            expected = f"a date from {first} to {last} (clocks that are not set show other ones, such as 1970-01-01)"
            raise self.error(row, column, self.columns[column][row], expected)

    def numbers(
        self, column: str, minimum: float = -math.inf, maximum: float = math.inf, empty: float | None = None
    ) -> FloatArray:
        """Return a column of finite numbers, shape ``(rows,)``.

        Parameters
        ----------
        column
            Its name.
        minimum, maximum
            Bounds that are allowed themselves.
        empty
            Value of an empty cell; ``None`` makes an empty cell an error.
        """
        expected = "a number" + (f" >= {minimum:g}" if minimum > -math.inf else "")
        expected += f" <= {maximum:g}" if maximum < math.inf else ""
        values = np.empty(len(self))
        for row, cell in enumerate(self.columns[column]):
            if not cell and empty is not None:
                values[row] = empty
                continue
            value = decimal(cell)
            if value is None or not (math.isfinite(value) and minimum <= value <= maximum):
                raise self.error(row, column, cell, expected)
            if (fault := number_fault(value)) is not None:
                raise self.error(row, column, cell, fault)
            values[row] = value
        return values


def separator_of(text: str) -> str:
    """Return what separates the columns of a table: comma, semicolon or tab, what its first line has most."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    return max(",;\t", key=first.count)


def table_rows(source: str, text: str, separator: str = ",") -> Iterator[tuple[int, list[str]]]:
    """Yield the line number and the stripped cells of every row of a table that has any.

    Parameters
    ----------
    source
        Name of the file in messages.
    text
        Its content.
    separator
        What stands between the cells of a row.

    Raises
    ------
    InputError
        For a row that is none, a cell that is too long, or one with control characters.
    """
    reader = csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=separator)
    while True:
        try:
            row = next(reader, None)
        except csv.Error as error:
            raise InputError(source, f"line {reader.line_num}", str(error), "a row of cells") from None
        if row is None:
            return
        cells = [cell.strip() for cell in row]
        if not any(cells):
            continue
        for cell in cells:
            if len(cell) > CELL_LIMIT:
                found = f"a cell of {len(cell)} characters"
                raise InputError(source, f"line {reader.line_num}", found, f"at most {CELL_LIMIT} characters")
            if not cell.isprintable() and any(map(obeyed, cell)):
                raise InputError(source, f"line {reader.line_num}", cell, "a cell without control characters")
        yield reader.line_num, cells


@dataclass(frozen=True)
class Document:
    """A YAML file as plain data, with the line of every key.

    Attributes
    ----------
    source
        Name of the file in messages.
    data
        Mappings, lists and scalars.
    lines
        File and line number by key path, e.g. ``("lots", 0, "bus")``; no line for what no file says.
    written
        What stands in the file, for each value that YAML does not read as text.
    """

    source: str
    data: dict[str, object]
    lines: dict[KeyPath, tuple[str, int | None]]
    written: dict[KeyPath, str] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> Document:
        """Read a YAML mapping; see :mod:`scenarios.yaml_tree` for what is refused."""
        source = shown(path)
        tree = read_tree(source, read_text(path, YAML_LIMIT))
        return cls(source, tree.data, {keys: (source, line) for keys, line in tree.lines.items()}, tree.written)

    def text(self, keys: KeyPath, value: object) -> object:
        """Return what stands in the file under ``keys``, where ``value`` is what YAML made of it: ``010``, not 8."""
        return self.written.get(keys, value)

    def states(self, keys: KeyPath) -> bool:
        """Return whether this document states the value itself, and no other one that it is laid over."""
        source = self.lines[keys][0] if keys in self.lines else ""
        return source == self.source or source.startswith(f"{self.source} ")

    def check_number(self, keys: KeyPath, value: object) -> None:
        """Refuse a number that YAML reads otherwise than people do, such as ``010`` and ``1_000``."""
        written = self.written.get(keys)
        if written is not None and isinstance(value, int | float) and not isinstance(value, bool):
            expected = number_as_written(written, value)
            if expected is not None:
                raise self.error(keys, written, expected)

    def error(self, keys: KeyPath, value: object, expected: str) -> InputError:
        """Return the complaint about the value under ``keys``, with the nearest line that is known."""
        known = next((self.lines[keys[:n]] for n in range(len(keys), 0, -1) if keys[:n] in self.lines), None)
        source, line = known or (self.source, 1)
        return InputError(source, dotted(keys) if line is None else f"line {line}, {dotted(keys)}", value, expected)
