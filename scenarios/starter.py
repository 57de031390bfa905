"""A folder to begin with: a commented scenario with a small feeder, prices and sessions of its own."""

from __future__ import annotations

from pathlib import Path

from equilibrium.errors import InputError
from equilibrium.plain import A_NAME, is_name
from scenarios.files import DATA, own_path
from scenarios.loading import FILE_OF_A_FOLDER

_STARTER = DATA / "starter"
_NAME = "NAME"
"""What stands in the files for the name of the folder."""


def new_scenario(folder: str) -> list[Path]:
    """Write a scenario that runs at once, and return its files.

    Parameters
    ----------
    folder
        A folder that does not exist yet, or is empty; its name becomes that of the scenario.

    Raises
    ------
    InputError
        For a folder with something in it, or a name that cannot be one.
    """
    target = own_path(folder)
    name = target.resolve().name
    if not is_name(name):
        raise InputError(folder, "NAME", name, A_NAME)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise InputError(str(target), "NAME", "something that is there already", "a new or an empty folder")
    written = []
    for source in sorted(path for path in _STARTER.rglob("*") if path.is_file()):
        path = target / source.relative_to(_STARTER)
        path.parent.mkdir(parents=True, exist_ok=True)
        text = source.read_text(encoding="utf-8")
        path.write_text(text.replace(_NAME, name) if source.name == FILE_OF_A_FOLDER else text, encoding="utf-8")
        written.append(path)
    return written
