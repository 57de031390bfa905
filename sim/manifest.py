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
_FORMAT = 1


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
    path, fresh = folder / "manifest.json", folder / ".manifest.json"
    text = json.dumps({"format": _FORMAT, **content}, indent=2, ensure_ascii=False, allow_nan=False, default=str)
    fresh.write_text(text + "\n", encoding="utf-8")
    fresh.replace(path)
    return path
