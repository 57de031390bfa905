"""``manifest.json``: what a run was made of, so that it can be made again."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import equilibrium

_PACKAGES = ("numpy", "scipy", "pandas", "pyarrow", "mesa", "pydantic", "highspy", "gurobipy")
_OPTIONAL = ("pandapower",)
FORMAT = 2
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
    fresh = path.with_name(f".{path.name}")
    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False, default=str)
    fresh.write_text(text + "\n", encoding="utf-8")
    fresh.replace(path)


def read_json(path: Path) -> dict[str, Any]:
    """Return the content of a JSON file of a run; empty where there is no file."""
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return content
