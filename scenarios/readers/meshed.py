"""Grids with ties and several roots, from the folders of :mod:`scenarios.readers.feeders` or from a pair of tables.

A folder is a feeder as there; three things more are read:

``feeder.yaml``
    ``roots``: labels of all buses that are fed from outside. A branch between two of them, which makes one tree of them
    for a radial feeder, is left out.
``branches.csv``
    ``switchable``: 1 (the default: it can be opened and closed) or 0.

A pair of tables is named by what their names begin with: ``NAME`` stands for ``NAME_buses.csv`` and
``NAME_branches.csv``, which benchmarks of reconfiguration use.

``NAME_buses.csv``
    ``bus``, ``p_kw``, ``q_kvar``, ``base_kv`` (line-to-line, the same in every row), ``source`` (1 where the bus is fed
    from outside, else 0), and optionally ``voltage_min_pu``, ``voltage_max_pu``, ``g_shunt``, ``b_shunt`` (0: shunts
    are not modelled) and ``note``.
``NAME_branches.csv``
    ``from_bus``, ``to_bus``, ``r_ohm``, ``x_ohm``, ``tie_open_in_base`` (1 where it is normally open), and optionally
    ``branch`` (its label), ``rating_kva``, ``switchable`` and ``note``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from equilibrium.arrays import BoolArray, FloatArray, IntArray
from equilibrium.errors import InputError
from equilibrium.grid.meshed import MeshedGrid
from scenarios.files import DATA, Document, Table, bundled_names, own_path
from scenarios.readers.feeders import about_feeder, number_column
from scenarios.units import BASE_KV, VOLTAGE_PU, feeder_load_fault, power_fault
from scenarios.yaml_tree import KeyPath

LOWEST_PU, HIGHEST_PU = 0.5, 1.5
"""Voltage band of a grid of which none is given: far outside of what any grid is run at."""


@dataclass(frozen=True)
class Limits:
    """Limits where the files give none.

    Attributes
    ----------
    rating_kva
        Thermal rating of every branch, kVA; infinite is no limit.
    voltage_min_pu, voltage_max_pu
        Voltage band, per unit.
    """

    rating_kva: float = math.inf
    voltage_min_pu: float = LOWEST_PU
    voltage_max_pu: float = HIGHEST_PU

    def __post_init__(self) -> None:
        """Refuse what no limit can be."""
        if not self.rating_kva > 0.0:
            raise InputError("limits", "rating_kva", self.rating_kva, "a number > 0")
        for name in ("voltage_min_pu", "voltage_max_pu"):
            if (fault := VOLTAGE_PU.fault(getattr(self, name))) is not None:
                raise InputError("limits", name, getattr(self, name), fault)
        if not 0.0 < self.voltage_min_pu < self.voltage_max_pu:
            expected = f"0 < value < {self.voltage_max_pu:g}"
            raise InputError("limits", "voltage_min_pu", self.voltage_min_pu, expected)


@dataclass(frozen=True)
class _Layout:
    """The files of a grid and what their columns are called."""

    name: str
    buses: Path
    branches: Path
    about: Path | None
    load_kw: str
    load_kvar: str
    more: tuple[str, ...]
    state: str
    closed: str
    """What stands in the column of the state where a branch is closed."""


def load_meshed(name_or_path: str, limits: Limits | None = None) -> MeshedGrid:
    """Read a grid with ties and several roots.

    Parameters
    ----------
    name_or_path
        A bundled feeder, the path of a folder, or the beginning of the names of two tables (see the module's text).
    limits
        Limits where the files give none.

    Raises
    ------
    InputError
        With file and line: a cell that is not a number, a bus that is unknown or named twice, a shunt, no source. What
        :class:`MeshedGrid` refuses, it refuses by bus or branch.
    """
    limits = limits or Limits()
    layout = _find(str(name_or_path))
    columns = ("voltage_min_pu", "voltage_max_pu", "note", *(("g_shunt", "b_shunt") if layout.about is None else ()))
    buses = Table.read(layout.buses, ("bus", layout.load_kw, layout.load_kvar, *layout.more), columns)
    labels = buses.each_once("bus")
    loads = buses.numbers(layout.load_kw), buses.numbers(layout.load_kvar)
    base_kv, roots = _source(layout, buses)
    if (fault := feeder_load_fault(*loads, base_kv)) is not None:
        where = f"column {layout.load_kw}"
        raise InputError(buses.source, where, f"{np.abs(loads[0]).sum():g} kW in all", fault)
    rows = list(range(len(buses)))
    band = [number_column(buses, name, rows, getattr(limits, name)) for name in ("voltage_min_pu", "voltage_max_pu")]
    optional = ("rating_kva", "switchable", "note", "branch")
    table = Table.read(layout.branches, ("from_bus", "to_bus", "r_ohm", "x_ohm", layout.state), optional)
    index = {label: k for k, label in enumerate(labels)}
    start, end = (_ends(table, column, index, buses.source) for column in ("from_bus", "to_bus"))
    rating = number_column(table, "rating_kva", list(range(len(table))), limits.rating_kva)
    for row, value in enumerate(rating.tolist()):
        if "rating_kva" in table.columns and (fault := power_fault(value, base_kv, "kVA")) is not None:
            raise table.error(row, "rating_kva", table.columns["rating_kva"][row], fault)
    closed = _flags(table, layout.state) == (layout.closed == "1")
    switchable = _flags(table, "switchable") if "switchable" in table.columns else np.ones(len(table), dtype=np.bool_)
    held = np.array([index[label] for label in roots])
    inside = ~(np.isin(start, held) & np.isin(end, held))
    return MeshedGrid(
        name=layout.name,
        base_kv=base_kv,
        buses=tuple(labels),
        roots=tuple(held.tolist()),
        start=start[inside],
        end=end[inside],
        r_ohm=table.numbers("r_ohm", minimum=0.0)[inside],
        x_ohm=table.numbers("x_ohm", minimum=0.0)[inside],
        rating_kva=rating[inside],
        closed=closed[inside],
        switchable=switchable[inside],
        load_kw=loads[0],
        load_kvar=loads[1],
        voltage_min_pu=band[0],
        voltage_max_pu=band[1],
    )


def _find(name: str) -> _Layout:
    """Return the layout in which a grid of this name or path is written."""
    bundled = name in bundled_names("feeders")
    path = DATA / "feeders" / name if bundled else own_path(name)
    if path.is_dir():
        files = path / "buses.csv", path / "branches.csv", path / "feeder.yaml"
        return _Layout(path.name, *files, "load_kw", "load_kvar", (), "closed", "1")
    stem = path.name.removesuffix(".csv").removesuffix("_buses").removesuffix("_branches")
    pair = path.with_name(f"{stem}_buses.csv"), path.with_name(f"{stem}_branches.csv")
    if not any(each.is_file() for each in pair):
        expected = f"a bundled feeder ({', '.join(bundled_names('feeders'))}), a folder, or what two files "
        raise InputError(name, "feeder", name, f"{expected}..._buses.csv and ..._branches.csv begin with")
    return _Layout(stem, *pair, None, "p_kw", "q_kvar", ("base_kv", "source"), "tie_open_in_base", "0")


def _source(layout: _Layout, buses: Table) -> tuple[float, Sequence[str]]:
    """Return the base voltage, kV, and the labels of the roots."""
    labels = buses.columns["bus"]
    if layout.about is not None:
        about, base_kv, _ = about_feeder(layout.about)
        return base_kv, _roots(about, labels, layout.buses.name)
    for column in ("g_shunt", "b_shunt"):
        for row in np.flatnonzero(buses.numbers(column, empty=0.0)).tolist() if column in buses.columns else ():
            raise buses.error(row, column, buses.columns[column][row], "0: shunts are not modelled")
    base = buses.numbers("base_kv")
    for row in np.flatnonzero(base != base[0]).tolist():
        raise buses.error(row, "base_kv", buses.columns["base_kv"][row], f"{base[0]:g}, as in the first row")
    if (fault := BASE_KV.fault(float(base[0]))) is not None:
        raise buses.error(0, "base_kv", buses.columns["base_kv"][0], fault)
    roots = [labels[row] for row in np.flatnonzero(_flags(buses, "source")).tolist()]
    if not roots:
        raise InputError(buses.source, "column source", "0 in every row", "1 where a bus is fed from outside")
    return float(base[0]), roots


def _roots(about: Document, labels: list[str], table: str) -> list[str]:
    """Return the labels of the buses that are fed from outside, as ``feeder.yaml`` says."""
    given = about.data.get("roots")
    if given is not None and (not isinstance(given, list) or not given):
        raise about.error(("roots",), given, "a list of labels of buses")
    keys: list[KeyPath] = [("root",)] if given is None else [("roots", k) for k in range(len(given))]
    values = [about.data.get("root", labels[0])] if given is None else given
    roots = [about.text(key, value) for key, value in zip(keys, values, strict=True)]
    for key, root in zip(keys, roots, strict=True):
        if not isinstance(root, str) or root not in labels or roots.count(root) > 1:
            raise about.error(key, root, f"a bus of {table}, each once")
    return [str(root) for root in roots]


def _ends(table: Table, column: str, index: dict[str, int], buses: str) -> IntArray:
    """Return one end of every branch as the index of its bus."""
    for row, label in enumerate(table.text(column)):
        if label not in index:
            raise table.error(row, column, label, f"a bus of {buses}")
    return np.array([index[label] for label in table.columns[column]], dtype=np.int64)


def _flags(table: Table, column: str) -> BoolArray:
    """Return a column of 0 and 1."""
    values: FloatArray = table.numbers(column, 0.0, 1.0)
    for row in np.flatnonzero((values != 0.0) & (values != 1.0)).tolist():
        raise table.error(row, column, table.columns[column][row], "0 or 1")
    return np.asarray(values == 1.0)
