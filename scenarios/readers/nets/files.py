"""Grids of other programs: which reader a file or folder gets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from equilibrium.errors import InputError
from scenarios.files import shown
from scenarios.readers.nets.matpower import read_matpower
from scenarios.readers.nets.net import Net
from scenarios.readers.nets.opendss import opendss_files, read_opendss
from scenarios.readers.nets.pandapower import read_pandapower
from scenarios.readers.nets.pypsa import read_pypsa

READERS: Mapping[str, Callable[[Path], Net]] = {
    ".json": read_pandapower,
    ".m": read_matpower,
    ".dss": read_opendss,
    "": read_pypsa,
}
"""By suffix; a folder has none."""

FORMATS = "a pandapower net (.json), a MATPOWER case (.m), an OpenDSS script (.dss) or a folder of PyPSA's CSV files"


def read_net(path: Path) -> Net:
    """Read a grid that another program wrote.

    Parameters
    ----------
    path
        The file, or the folder of a PyPSA network.

    Raises
    ------
    InputError
        For another format, and for what cannot be used, with its place in the file.
    """
    suffix = "" if path.is_dir() else path.suffix.lower() or "."
    if suffix not in READERS:
        raise InputError(shown(path), "file", path.suffix, FORMATS)
    if not suffix and (path / "branches.csv").is_file():
        expected = "PyPSA's CSV files; a folder of our own has feeder.yaml (base_kv) beside them, under feeder.name"
        raise InputError(shown(path), "folder", "buses.csv and branches.csv", expected)
    return READERS[suffix](path)


def net_files(path: Path) -> tuple[Path, ...]:
    """Return the files that a grid consists of."""
    if path.is_dir():
        return tuple(sorted(path.glob("*.csv")))
    return opendss_files(path) if path.suffix.lower() == ".dss" else (path,)
