"""Radial feeders from our own CSV format, bundled or the user's own.

A feeder is a folder with three files:

``feeder.yaml``
    ``base_kv`` (line-to-line, kV), and optionally ``root`` (label of the substation's bus; default the first row of
    ``buses.csv``), ``roots`` (for :mod:`scenarios.readers.meshed`), ``substation_rating_kva``, ``title``, ``source``,
    ``doi``, ``licence``, ``notes``.
``buses.csv``
    ``bus`` (label), ``load_kw``, ``load_kvar`` (three-phase base-case load), and optionally ``voltage_min_pu``,
    ``voltage_max_pu`` and ``note``.
``branches.csv``
    ``from_bus``, ``to_bus``, ``r_ohm``, ``x_ohm``, ``closed`` (1, or 0 for a normally open tie, which radial operation
    leaves out), and optionally ``rating_kva`` (empty where unknown) and ``note``.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from equilibrium.arrays import FloatArray, IntArray
from equilibrium.errors import InputError
from equilibrium.grid.feeder import Feeder, radial_parents
from equilibrium.plain import number_fault
from scenarios.files import Document, Table, bundled_names, bundled_or_own
from scenarios.units import BASE_KV, VOLTAGE_PU, feeder_load_fault, power_fault

_YAML_KEYS = ("base_kv", "root", "roots", "substation_rating_kva", "title", "source", "doi", "licence", "notes")


def feeder_names() -> list[str]:
    """Return the names of the bundled feeders."""
    return bundled_names("feeders")


def feeder_files(name_or_folder: str) -> tuple[Path, Path, Path]:
    """Return the feeder's three files: ``feeder.yaml``, ``buses.csv``, ``branches.csv``."""
    folder = bundled_or_own("feeders", str(name_or_folder), "")
    return folder / "feeder.yaml", folder / "buses.csv", folder / "branches.csv"


def load_feeder(
    name_or_folder: str,
    *,
    rating_kva: float | None = None,
    voltage_min_pu: float = 0.90,
    voltage_max_pu: float = 1.10,
    root_voltage_pu: float = 1.0,
) -> Feeder:
    """Read a feeder and prove that it is a tree.

    Parameters
    ----------
    name_or_folder
        A name of :func:`feeder_names`, or the path of a folder in the same format (see the module's text).
    rating_kva
        Thermal rating where the files give none, kVA; ``None`` is no limit.
    voltage_min_pu, voltage_max_pu
        Voltage band where ``buses.csv`` gives none, per unit.
    root_voltage_pu
        Voltage held at the root, per unit.

    Raises
    ------
    InputError
        With file and line: a cell that is not a number, a negative rating or impedance, a bus that is unknown or named
        twice, a loop, a bus that the root does not reach.
    """
    yaml_file, buses_file, branches_file = feeder_files(name_or_folder)
    folder = yaml_file.parent
    _positive("rating_kva", rating_kva, folder)
    about, base_kv, substation = about_feeder(yaml_file)
    if rating_kva is not None and (fault := power_fault(rating_kva, base_kv, "kVA")) is not None:
        raise InputError(f"feeder {folder.name}", "rating_kva", rating_kva, fault)
    fallback = math.inf if rating_kva is None else rating_kva

    table, labels, order = _buses(buses_file, about)
    parent, r_ohm, x_ohm, rating = _branches(branches_file, labels, fallback, base_kv)
    rating[0] = fallback if substation is None else substation
    low, high = (
        number_column(table, name, order, value)
        for name, value in (("voltage_min_pu", voltage_min_pu), ("voltage_max_pu", voltage_max_pu))
    )
    _check_band(table, order, low, high, root_voltage_pu)
    loads = table.numbers("load_kw"), table.numbers("load_kvar")
    if (fault := feeder_load_fault(*loads, base_kv)) is not None:
        raise InputError(table.source, "column load_kw", f"{np.abs(loads[0]).sum():g} kW in all", fault)
    return Feeder(
        name=folder.name,
        base_kv=base_kv,
        buses=labels,
        parent=parent,
        r_ohm=_fixed(r_ohm),
        x_ohm=_fixed(x_ohm),
        rating_kva=_fixed(rating),
        load_kw=_fixed(loads[0][order]),
        load_kvar=_fixed(loads[1][order]),
        voltage_min_pu=_fixed(low),
        voltage_max_pu=_fixed(high),
        root_voltage_pu=root_voltage_pu,
    )


def _fixed(values: FloatArray) -> FloatArray:
    values.setflags(write=False)
    return values


def about_feeder(path: Path) -> tuple[Document, float, float | None]:
    """Read ``feeder.yaml``; return it with the base voltage (kV) and the substation's rating (kVA)."""
    about = Document.read(path)
    for key in about.data:
        if key not in _YAML_KEYS:
            raise about.error((key,), key, f"only the keys {', '.join(_YAML_KEYS)}")
    base_kv = _positive_key(about, "base_kv")
    if base_kv is None:
        raise InputError(about.source, "base_kv", None, "the line-to-line voltage in kV")
    if (fault := BASE_KV.fault(base_kv)) is not None:
        raise about.error(("base_kv",), base_kv, fault)
    substation = _positive_key(about, "substation_rating_kva")
    if substation is not None and (fault := power_fault(substation, base_kv, "kVA")) is not None:
        raise about.error(("substation_rating_kva",), substation, fault)
    return about, base_kv, substation


def _positive(key: str, value: float | None, folder: Path) -> None:
    if value is not None and not value > 0:
        raise InputError(f"feeder {folder.name}", key, value, "a number > 0")


def _positive_key(about: Document, key: str) -> float | None:
    """Read a number > 0 from ``feeder.yaml``; ``None`` when the key is absent."""
    value = about.data.get(key)
    if value is None and key not in about.data:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not (math.isfinite(value) and value > 0):
        raise about.error((key,), value, "a number > 0")
    about.check_number((key,), value)
    if (fault := number_fault(value)) is not None:
        raise about.error((key,), value, fault)
    return float(value)


def _buses(path: Path, about: Document) -> tuple[Table, tuple[str, ...], list[int]]:
    """Read ``buses.csv``; return it with the labels, root first, and the row of each."""
    table = Table.read(path, ("bus", "load_kw", "load_kvar"), ("voltage_min_pu", "voltage_max_pu", "note"))
    labels = table.each_once("bus")
    first = {label: row for row, label in enumerate(labels)}
    root = about.text(("root",), about.data.get("root", labels[0]))
    if not isinstance(root, str) or root not in first:
        raise about.error(("root",), root, f"a bus of {path.name}")
    order = [first[root], *(row for row in range(len(labels)) if row != first[root])]
    return table, tuple(labels[row] for row in order), order


def _branches(
    path: Path, labels: tuple[str, ...], fallback: float, base_kv: float
) -> tuple[IntArray, FloatArray, FloatArray, FloatArray]:
    """Read ``branches.csv``; return parents, impedances and ratings by receiving bus."""
    table = Table.read(path, ("from_bus", "to_bus", "r_ohm", "x_ohm", "closed"), ("rating_kva", "note"))
    starts, ends = table.text("from_bus"), table.text("to_bus")
    known, first, state = set(labels), dict[frozenset[str], int](), table.text("closed")
    for row, pair in enumerate(zip(starts, ends, strict=True)):
        for column, label in zip(("from_bus", "to_bus"), pair, strict=True):
            if label not in known:
                raise table.error(row, column, label, "a bus of buses.csv")
        if pair[0] == pair[1]:
            raise table.error(row, "to_bus", pair[1], "two different ends")
        if (before := first.setdefault(frozenset(pair), row)) != row and state[row] == state[before] == "0":
            raise table.error(row, "to_bus", pair[1], f"each tie once (it stands in line {table.lines[before]})")
    r, x = table.numbers("r_ohm", minimum=0.0), table.numbers("x_ohm", minimum=0.0)
    rating = number_column(table, "rating_kva", list(range(len(table))), fallback)
    for row, value in enumerate(rating):
        if (fault := power_fault(float(value), base_kv, "kVA")) is not None:
            raise table.error(row, "rating_kva", table.columns["rating_kva"][row], fault)
    for row, cell in enumerate(state):
        if cell not in {"0", "1"}:
            raise table.error(row, "closed", cell, "1 (closed) or 0 (normally open)")
    closed = [row for row, cell in enumerate(state) if cell == "1"]
    _no_loop(table, closed, starts, ends)
    parent = radial_parents(labels, [(starts[row], ends[row]) for row in closed], table.source)

    index = {label: bus for bus, label in enumerate(labels)}
    by_bus = np.zeros((3, len(labels)))
    for row in closed:
        start, end = index[starts[row]], index[ends[row]]
        receiving = end if parent[end] == start else start
        by_bus[:, receiving] = r[row], x[row], rating[row]
    return parent, by_bus[0], by_bus[1], by_bus[2]


def _no_loop(table: Table, closed: list[int], starts: list[str], ends: list[str]) -> None:
    """Name the line of the first closed branch that closes a loop."""
    from scipy.cluster.hierarchy import DisjointSet  # here, because it is slow to import

    joined = DisjointSet([*starts, *ends])
    for row in closed:
        if not joined.merge(starts[row], ends[row]):
            raise table.error(row, "closed", "1", f"a radial feeder: {starts[row]}-{ends[row]} closes a loop")


def number_column(table: Table, name: str, rows: list[int], empty: float) -> FloatArray:
    """Return an optional column of numbers > 0, with ``empty`` where there is none."""
    if name not in table.columns:
        return np.full(len(rows), empty)
    values = table.numbers(name, empty=empty)
    for row, value in enumerate(values):
        if not value > 0:
            raise table.error(row, name, table.columns[name][row], "a number > 0")
    return values[rows]


def _check_band(table: Table, order: list[int], low: FloatArray, high: FloatArray, root_voltage_pu: float) -> None:
    for bus, row in enumerate(order):
        for name, value in (("voltage_min_pu", low[bus]), ("voltage_max_pu", high[bus])):
            if (fault := VOLTAGE_PU.fault(float(value))) is not None:
                raise InputError(table.source, f"line {table.lines[row]}, {name}", float(value), fault)
        if not 0 < low[bus] < high[bus]:
            raise InputError(
                table.source, f"line {table.lines[row]}, voltage_min_pu", float(low[bus]), f"0 < value < {high[bus]:g}"
            )
    if not low[0] <= root_voltage_pu <= high[0]:
        raise InputError(
            table.source,
            "root_voltage_pu",
            root_voltage_pu,
            f"a voltage inside the root's band {low[0]:g} .. {high[0]:g}",
        )


def limited_by_currents(
    feeder: Feeder,
    current_max_a: float | None,
    *,
    trunk: Sequence[str] = (),
    trunk_current_max_a: float | None = None,
    impedance_factor: float = 1.0,
) -> Feeder:
    """Return a feeder whose branches are rated by currents; the substation keeps its rating.

    Parameters
    ----------
    feeder
        The feeder.
    current_max_a
        Limit of the branches, A; ``None`` keeps the feeder's ratings.
    trunk, trunk_current_max_a
        Buses whose feeding branches have a limit of their own, and that limit, A.
    impedance_factor
        Factor on all impedances.

    Raises
    ------
    InputError
        For a bus that the feeder does not have.
    """
    per_ampere = math.sqrt(3.0) * feeder.base_kv
    rating = feeder.rating_kva.copy()
    if current_max_a is not None:
        rating[1:] = per_ampere * current_max_a
    if trunk_current_max_a is not None:
        rating[[feeder.index(label) for label in trunk]] = per_ampere * trunk_current_max_a
    return dataclasses.replace(
        feeder,
        r_ohm=impedance_factor * feeder.r_ohm,
        x_ohm=impedance_factor * feeder.x_ohm,
        rating_kva=rating,
    )
