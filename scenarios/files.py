"""Where input comes from: bundled files, CSV tables and YAML documents, with file and line in every complaint."""

from __future__ import annotations

import csv
import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np
import yaml

from equilibrium.arrays import FloatArray
from equilibrium.errors import InputError

PACKAGE = Path(str(files("scenarios")))
DATA = PACKAGE / "data"
CASES = PACKAGE / "cases"

KeyPath = tuple[str | int, ...]


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
        Folder below ``scenarios/data``: ``feeders``, ``prices``, ...
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
    if name in bundled_names(kind):
        return DATA / kind / f"{name}{suffix}"
    own = (folder or Path()) / Path(name).expanduser()
    if own.is_dir() if not suffix else own.is_file():
        return own
    raise InputError(
        str(own), kind, name, f"an existing {'file' if suffix else 'folder'} or one of {', '.join(bundled_names(kind))}"
    )


def bundled_names(kind: str) -> list[str]:
    """Return the names below ``scenarios/data/<kind>``, sorted."""
    found = (DATA / kind).iterdir()
    return sorted({path.stem for path in found if path.is_dir() or path.with_suffix(".yaml").exists()})


def read_text(path: Path) -> str:
    """Read a UTF-8 text file; :class:`InputError` when it is missing, unreadable or not UTF-8."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(shown(path), f"byte {error.start}", "not UTF-8", "a text file in UTF-8") from None
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
    """

    source: str
    columns: dict[str, list[str]]
    lines: list[int]

    @classmethod
    def read(cls, path: Path, required: Sequence[str] = (), optional: Sequence[str] | None = None) -> Table:
        """Read a CSV file with a header line; blank lines are skipped.

        Parameters
        ----------
        path
            The file.
        required
            Columns that must be there.
        optional
            Further columns that may be there; any other is an error. ``None`` allows all.
        """
        source = shown(path)
        reader = csv.reader(read_text(path).splitlines())
        header: list[str] = []
        rows: list[list[str]] = []
        lines: list[int] = []
        for row in reader:
            cells = [cell.strip() for cell in row]
            if not any(cells):
                continue
            if not header:
                header = cls._header(source, reader.line_num, cells, required, optional)
                continue
            if len(cells) != len(header):
                raise InputError(source, f"line {reader.line_num}", f"{len(cells)} cells", f"{len(header)} cells")
            rows.append(cells)
            lines.append(reader.line_num)
        if not rows:
            raise InputError(source, "file", "no rows", "a header line and at least one row")
        return cls(source, {name: [row[k] for row in rows] for k, name in enumerate(header)}, lines)

    @staticmethod
    def _header(
        source: str, line: int, cells: list[str], required: Sequence[str], optional: Sequence[str] | None
    ) -> list[str]:
        where = f"line {line}"
        for name in required:
            if name not in cells:
                raise InputError(source, where, ",".join(cells), f"a column {name!r}")
        for name in cells:
            if cells.count(name) > 1:
                raise InputError(source, where, name, "each column once")
            if optional is not None and name not in {*required, *optional}:
                raise InputError(source, where, name, f"only the columns {', '.join([*required, *optional])}")
        return cells

    def __len__(self) -> int:
        return len(self.lines)

    def where(self, row: int, column: str) -> str:
        """Return ``line 7, column r_ohm`` for the message about a cell."""
        return f"line {self.lines[row]}, column {column}"

    def error(self, row: int, column: str, value: object, expected: str) -> InputError:
        """Return the complaint about one cell."""
        return InputError(self.source, self.where(row, column), value, expected)

    def text(self, column: str) -> list[str]:
        """Return a column of non-empty cells."""
        for row, cell in enumerate(self.columns[column]):
            if not cell:
                raise self.error(row, column, cell, "a value")
        return self.columns[column]

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
            try:
                value = float(cell)
            except ValueError:
                raise self.error(row, column, cell, expected) from None
            if not (math.isfinite(value) and minimum <= value <= maximum):
                raise self.error(row, column, cell, expected)
            values[row] = value
        return values


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
    """

    source: str
    data: dict[str, object]
    lines: dict[KeyPath, tuple[str, int | None]]

    @classmethod
    def read(cls, path: Path) -> Document:
        """Read a YAML mapping; a key that stands twice is an error, where YAML itself would keep the last."""
        source = shown(path)
        lines: dict[KeyPath, tuple[str, int | None]] = {}
        loader = yaml.SafeLoader(read_text(path))
        try:
            node = loader.get_single_node()
            if not isinstance(node, yaml.MappingNode):
                raise InputError(source, "file", "no mapping", "`key: value` lines")
            _mark(node, (), source, lines)
            data = loader.construct_document(node)
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else 1
            raise InputError(source, f"line {line}", error.problem, "valid YAML") from None
        except yaml.YAMLError as error:
            raise InputError(source, "file", str(error).splitlines()[0], "valid YAML") from None
        finally:
            loader.dispose()
        return cls(source, data, lines)

    def error(self, keys: KeyPath, value: object, expected: str) -> InputError:
        """Return the complaint about the value under ``keys``, with the nearest line that is known."""
        known = next((self.lines[keys[:n]] for n in range(len(keys), 0, -1) if keys[:n] in self.lines), None)
        source, line = known or (self.source, 1)
        return InputError(source, dotted(keys) if line is None else f"line {line}, {dotted(keys)}", value, expected)


def dotted(keys: KeyPath) -> str:
    """Return ``lots[0].bus`` for ``("lots", 0, "bus")``."""
    text = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys)
    return text.removeprefix(".") or "file"


def _mark(node: yaml.Node, keys: KeyPath, source: str, lines: dict[KeyPath, tuple[str, int | None]]) -> None:
    """Note the line of every key below a node."""
    if isinstance(node, yaml.MappingNode):
        for key_node, value_node in node.value:
            key = str(key_node.value)
            line = key_node.start_mark.line + 1
            if key_node.tag == "tag:yaml.org,2002:bool":
                expected = "a key that YAML does not read as true or false: put it into quotes"
                raise InputError(source, f"line {line}, {dotted((*keys, key))}", key, expected)
            if (*keys, key) in lines:
                raise InputError(source, f"line {line}, {dotted((*keys, key))}", key, "each key once")
            lines[(*keys, key)] = (source, line)
            _mark(value_node, (*keys, key), source, lines)
    elif isinstance(node, yaml.SequenceNode):
        for number, item in enumerate(node.value):
            lines[(*keys, number)] = (source, item.start_mark.line + 1)
            _mark(item, (*keys, number), source, lines)
