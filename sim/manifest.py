"""``manifest.json``: what a run was made of, so that it can be made again."""

from __future__ import annotations

import json
import os
import platform
import tempfile
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import equilibrium
from equilibrium.errors import InputError

_PACKAGES = ("numpy", "scipy", "pandas", "pyarrow", "mesa", "pydantic", "highspy", "gurobipy")
_OPTIONAL = ("pandapower",)
FORMAT = 3
"""Version of what a run folder holds."""


def versions(*, optional: bool = False) -> dict[str, str]:
    """Return the versions of Equilot, Python and the packages that can change a result.

    Parameters
    ----------
    optional
        Whether the optional extras were used too.
    """
    found = {"equilot": equilibrium.__version__, "python": platform.python_version()}
    for package in _PACKAGES + (_OPTIONAL if optional else ()):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def write_manifest(folder: Path, content: Mapping[str, Any]) -> Path:
    """Write ``manifest.json`` in one step, so that a reader never sees half of it.

    Parameters
    ----------
    folder
        The run folder.
    content
        What to write; ``format`` is added.

    Returns
    -------
    Path
        The file.
    """
    path = folder / "manifest.json"
    write_json(path, {"format": FORMAT, **content})
    return path


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a JSON file beside its place and put it there in one step."""
    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False, default=str)
    put(path, (text + "\n").encode("utf-8"))


def put(path: Path, content: bytes) -> None:
    """Write a file in one step: readers see the old one or the new one.

    The fresh file has a name that nobody can know beforehand, and takes the place of a link instead of following it.

    Parameters
    ----------
    path
        The file.
    content
        All of it.
    """
    number, name = tempfile.mkstemp(prefix=f".{path.name[:100]}-", dir=path.parent)
    fresh = Path(name)
    try:
        with os.fdopen(number, "wb") as file:
            file.write(content)
        fresh.chmod(0o666 & ~_umask())
        fresh.replace(path)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise


@cache
def _umask() -> int:
    """Return which rights new files do not get; the system tells it only to who sets it."""
    umask = os.umask(0o022)
    os.umask(umask)
    return umask


def read_json(path: Path) -> dict[str, Any]:
    """Return the content of a JSON file of a run; empty where there is no file.

    Raises
    ------
    InputError
        When the file cannot be read or holds something else.
    """
    try:
        if not path.exists():
            return {}
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        found = getattr(error, "strerror", None) or str(error)
        raise InputError(str(path), "file", found, "a JSON file as `equilot run` writes it") from None
    if not isinstance(content, dict):
        raise InputError(str(path), "file", content, "a JSON file as `equilot run` writes it")
    return content
