"""Run folders: whose they are, who writes into one, and what an earlier run may lose.

Only what a run of Equilot wrote is ever removed: the tables that its ``columns.json`` names, parts that are made of
such tables, its manifest, its saved state, and the figures that their ``index.json`` names. A file that only has such a
name is left alone, and the folder is refused. One process writes into a folder at a time: it holds a lock, which the
system takes back when the process ends, however it ends.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from equilibrium.errors import InputError
from scenarios.files import own_path
from sim.manifest import read_json, write_json

MANIFEST, COLUMNS, PARTS, CHECKPOINT, FIGURES = "manifest.json", "columns.json", "parts", "checkpoint", "figures"
REPORT, PICTURES = "report.html", "report"
"""The report of a run, if one was written, and the folder of its pictures (:mod:`sim.report.write`)."""

STATE, ARRAYS = "state.json", "state.npz"
"""The two files of a saved state (:mod:`sim.snapshot`)."""

_LOCK, _INDEX = ".lock", "index.json"


def check_folder(folder: Path, *, force: bool, own: Collection[str] = ()) -> None:
    """Make sure that a run can be written to ``folder``; nothing is left behind or changed.

    Parameters
    ----------
    folder
        Where to write.
    force
        Whether an earlier run may be overwritten.
    own
        Names of files that are known to be the writer's although no run is there.

    Raises
    ------
    InputError
        When the folder is a file, cannot be written, holds a file that no run of Equilot wrote and that has the name of
        one that a run writes, or already holds a run and ``force`` is false.
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
    left = leftovers(folder, own=own)
    if left and not force:
        expected = "an empty or new folder, --resume to go on with it, or --force to overwrite"
        raise InputError(str(folder), "output folder", f"a run ({left[0].name})", expected)


def leftovers(folder: Path, tables: Iterable[str] = (), own: Collection[str] = ()) -> list[Path]:
    """Return what an earlier run left in a folder, and with it what a run with ``tables`` would write over.

    Files of the names ``own`` are known to be of Equilot.

    Raises
    ------
    InputError
        When something of that was not written by a run of Equilot.
    """
    columns, manifest = read_json(folder / COLUMNS), read_json(folder / MANIFEST)
    named = columns.get("tables") if isinstance(columns.get("tables"), dict) and "format" in columns else {}
    is_run = bool(named) or ("format" in manifest and bool(manifest.keys() & {"versions", "seed"}))
    names = [MANIFEST, COLUMNS, PARTS, f".{PARTS}", CHECKPOINT, f".{CHECKPOINT}", REPORT]
    names += [name for table in named or {} for name in (f"{table}.parquet", f".{table}.parquet")]
    found = [folder / name for name in names if _exists(folder / name)]
    wanted = [folder / f"{table}.parquet" for table in tables if f"{table}.parquet" not in names]
    foreign = [path for path in wanted if _exists(path)]
    foreign += [path for path in found if path.name not in own and not (is_run and _of_a_run(path))]
    if foreign:
        expected = "a folder without it: no run of Equilot wrote it, so it is not overwritten"
        raise InputError(str(folder), "output folder", foreign[0].name, expected)
    return [*found, *drawn(folder / FIGURES), *drawn(folder / PICTURES)]


def _exists(path: Path) -> bool:
    """Whether something has a name, be it a link that leads nowhere."""
    return path.exists() or path.is_symlink()


def _of_a_run(path: Path) -> bool:
    """Whether a folder holds nothing but what a run writes there; a file or a link is judged by its name."""
    if path.is_symlink() or not path.is_dir():
        return True
    known = (STATE, ARRAYS)
    return all(p.suffix == ".parquet" or p.name in known for p in path.rglob("*") if p.is_symlink() or not p.is_dir())


def drawn(inside: Path) -> list[Path]:
    """Return the files that were drawn of a run into a folder of it, and their list, by that list."""
    index = inside / _INDEX
    if inside.is_symlink() or index.is_symlink() or not index.is_file():
        return []
    names = read_json(index).get(FIGURES)
    own = (
        [name for name in names if isinstance(name, str) and Path(name).name == name] if isinstance(names, list) else []
    )
    return [inside / name for name in (*own, _INDEX) if _exists(inside / name)]


def note_drawn(inside: Path, files: Iterable[Path]) -> None:
    """Put files on the list of those that were drawn of a run into a folder of it."""
    names = {path.name for path in (*drawn(inside), *files)} - {_INDEX}
    write_json(inside / _INDEX, {FIGURES: sorted(names)})


def clear(paths: Iterable[Path]) -> None:
    """Remove files and folders of an earlier run; of a link, the link."""
    for path in paths:
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()


def locked(folder: Path) -> FileLock:
    """Return the lock of a folder, held; the folder must exist.

    Raises
    ------
    InputError
        When another process holds it.
    """
    lock = FileLock(folder / _LOCK, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        expected = "a folder into which nobody else writes: end that run, or choose another with --out"
        raise InputError(str(folder), "output folder", "another run in progress", expected) from None
    return lock


@contextmanager
def let_go_of(lock: FileLock) -> Iterator[None]:
    """Let a folder go where what is done here fails: nobody closes what was never had."""
    try:
        yield
    except BaseException:
        lock.release()
        raise
