"""A run folder: what in it is a run's, and who writes it.

What belongs to a run is told by content, never by name alone: ``columns.json`` and ``manifest.json`` say what a run
wrote, and nothing else is ever overwritten or removed. One process at a time writes a folder; the operating system
holds its lock, so that one whose holder has died is free.
"""

from __future__ import annotations

import fcntl
import os
import platform
import re
import shutil
import tempfile
import weakref
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from equilibrium.errors import InputError
from scenarios.files import own_path
from sim.manifest import read_json

COLUMNS, MANIFEST, PARTS, CHECKPOINT, LOCK = "columns.json", "manifest.json", "parts", "checkpoint.json", ".lock"
FIGURES = "figures"

_PART = re.compile(r"\.?\d{6,}")
_A_FREE_FOLDER = "an empty or new folder: nothing but a run is overwritten"


def check_folder(folder: Path, *, force: bool) -> None:
    """Make sure that a run can be written to ``folder``; nothing is left behind or changed.

    Raises
    ------
    InputError
        When the folder is a file, cannot be written, already holds a run and ``force`` is false, or holds files of
        other origin under the names that a run uses.
    """
    own_path(str(folder))
    if folder.exists() and not folder.is_dir():
        raise InputError(str(folder), "output folder", "a file", "a folder, or a name that is free")
    nearest = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    try:
        Path(tempfile.mkdtemp(prefix=".equilot-", dir=nearest)).rmdir()
    except OSError as error:
        found = f"{nearest}: {error.strerror}"
        raise InputError(str(folder), "output folder", found, "a folder that can be written") from None
    left = files_of_run(folder)
    if left and not force:
        raise InputError(
            str(folder), "output folder", f"a run ({left[0].name})", "an empty or new folder, or --force to overwrite"
        )


def files_of_run(folder: Path) -> list[Path]:
    """Return what a run has left in a folder, what says so last; empty where there is none.

    Raises
    ------
    InputError
        When something of other origin has a name that a run uses.
    """
    columns, manifest = (_content(folder / name) for name in (COLUMNS, MANIFEST))
    tables = columns.get("tables")
    described = isinstance(columns.get("format"), int) and isinstance(tables, dict) and "market" in columns
    told = isinstance(manifest.get("format"), int) and (described or "equilot" in _mapping(manifest.get("versions")))
    found: list[Path] = []
    for name in (PARTS, f".{PARTS}"):
        path = folder / name
        if _stands(path):
            inside = [] if path.is_symlink() or not path.is_dir() else sorted(path.iterdir())
            strangers = [each.name for each in inside if not _PART.fullmatch(each.name)]
            if strangers or path.is_symlink() or not path.is_dir() or not (described or told or not inside):
                raise _stranger(folder, f"{name}/{strangers[0]}" if strangers else name)
            found.append(path)
    named = (CHECKPOINT, *_tables(tables if described else None), *_figures(manifest))
    found += [folder / name for name in named if _stands(folder / name)]
    for name, ours in ((COLUMNS, described), (MANIFEST, told)):
        if _stands(folder / name):
            if not ours:
                raise _stranger(folder, name)
            found.append(folder / name)
    return found


def remove_run(folder: Path, tables: Iterable[str]) -> None:
    """Remove a run from a folder; everything else stays.

    Parameters
    ----------
    folder
        The run folder.
    tables
        Tables that are about to be written.

    Raises
    ------
    InputError
        When something of other origin has a name that the new run uses.
    """
    left = files_of_run(folder)
    for name in _tables(dict.fromkeys(tables)):
        if _stands(folder / name) and folder / name not in left:
            raise _stranger(folder, name)
    for path in left:  # what says that it is a run last, so that one that is half removed is still known
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


class FolderLock:
    """The right to write a folder, held by one process at a time; it ends with the process.

    Parameters
    ----------
    folder
        The folder.

    Raises
    ------
    InputError
        When another process writes the folder.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / LOCK
        while True:
            held = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                who = os.read(held, 300).decode("utf-8", "replace").strip() or "another process"
                os.close(held)
                raise InputError(str(folder), "output folder", f"written by {who}", "one run at a time") from None
            if self._path.exists() and os.path.samestat(os.fstat(held), self._path.stat()):
                break
            os.close(held)  # the one who held it has just removed it
        os.ftruncate(held, 0)
        os.write(held, f"process {os.getpid()} on {platform.node()}\n".encode())
        self._close = weakref.finalize(self, os.close, held)

    def release(self) -> None:
        """Give the folder free."""
        if self._close.alive:
            self._path.unlink(missing_ok=True)
            self._close()


def _content(path: Path) -> dict[str, Any]:
    """Return what stands in a JSON file; nothing where it is none of ours."""
    if path.is_symlink():
        return {}
    try:
        return read_json(path)
    except InputError:
        return {}


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _stands(path: Path) -> bool:
    """Return whether a name is taken, be it by a link that leads nowhere."""
    return path.is_symlink() or path.exists()


def _tables(tables: object) -> list[str]:
    """Return the files of tables; a name with a folder in it is none that a run wrote."""
    names = [str(name) for name in tables if Path(str(name)).name == str(name)] if isinstance(tables, dict) else []
    return [file for name in names for file in (f"{name}.parquet", f".{name}.parquet")]


def _figures(manifest: dict[str, Any]) -> list[str]:
    """Return the figures that the manifest names."""
    names = manifest.get(FIGURES)
    names = [name for name in names if isinstance(name, str)] if isinstance(names, list) else []
    return [f"{FIGURES}/{name}" for name in names if Path(name).name == name]


def _stranger(folder: Path, name: str) -> InputError:
    return InputError(str(folder), "output folder", f"{name}, which no run wrote", _A_FREE_FOLDER)
