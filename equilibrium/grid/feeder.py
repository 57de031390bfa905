"""The radial feeder: buses, branches and their limits.

Buses are numbered ``0 .. n-1`` in the order of the feeder's file; bus 0 is the root (substation).
The papers' node label ``@k`` is this index (docs/epec_lots.md). A branch is named by its receiving
bus, so every branch quantity is an array over buses whose entry 0 belongs to the fictitious branch
that feeds the root.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from equilibrium.arrays import FloatArray, IntArray
from equilibrium.errors import InputError
from equilibrium.plain import closest

_LABELS_SHOWN = 600
"""Most characters of all labels of a feeder in a message."""


@dataclass(frozen=True, eq=False)
class Feeder:
    """A radial distribution feeder.

    Attributes
    ----------
    name
        Short name, as in the bundled list.
    base_kv
        Line-to-line voltage, kV.
    buses
        Labels of the buses, root first.
    parent
        Index of the upstream bus, shape ``(buses,)``; -1 at the root.
    r_ohm, x_ohm
        Series impedance of the branch that feeds each bus, ohm, shape ``(buses,)``; 0 at the root.
    rating_kva
        Thermal rating of that branch, kVA, shape ``(buses,)``; entry 0 is the substation's. ``inf`` is no limit.
    load_kw, load_kvar
        Base-case load, kW and kvar, shape ``(buses,)``.
    voltage_min_pu, voltage_max_pu
        Voltage band, per unit of ``base_kv``, shape ``(buses,)``.
    root_voltage_pu
        Voltage held at the root, per unit.
    """

    name: str
    base_kv: float
    buses: tuple[str, ...]
    parent: IntArray
    r_ohm: FloatArray
    x_ohm: FloatArray
    rating_kva: FloatArray
    load_kw: FloatArray
    load_kvar: FloatArray
    voltage_min_pu: FloatArray
    voltage_max_pu: FloatArray
    root_voltage_pu: float = 1.0

    @property
    def size(self) -> int:
        """Number of buses."""
        return len(self.buses)

    @cached_property
    def order(self) -> IntArray:
        """Bus indices, every bus after its parent, shape ``(buses,)``."""
        depth = np.zeros(self.size, dtype=np.int64)
        for bus in range(self.size):
            walk = int(self.parent[bus])
            while walk >= 0:
                depth[bus] += 1
                walk = int(self.parent[walk])
        return np.argsort(depth, kind="stable")

    def index(self, label: str, source: str = "feeder", where: str = "bus") -> int:
        """Return the index of the bus with this label, or raise :class:`InputError`."""
        try:
            return self.buses.index(str(label))
        except ValueError:
            raise InputError(
                source,
                where,
                label,
                f"a bus of feeder {self.name} ({self._labels()}){closest(label, self.buses)}",
            ) from None

    def _labels(self) -> str:
        """Return the labels of all buses where they fit into a message, else the first and the last."""
        every = ", ".join(self.buses)
        return every if len(every) <= _LABELS_SHOWN else f"{self.buses[0]} .. {self.buses[-1]}, {self.size} in all"

    def subtree_sum(self, values: FloatArray) -> FloatArray:
        """Sum ``values`` over each bus and everything downstream of it.

        Parameters
        ----------
        values
            Array of shape ``(..., buses)``.

        Returns
        -------
        FloatArray
            The same shape; with net loads as input this is the lossless branch flow (2d).
        """
        total = np.array(values, dtype=np.float64)
        for bus in self.order[:0:-1]:
            total[..., self.parent[bus]] += total[..., bus]
        return total

    def path_sum(self, values: FloatArray) -> FloatArray:
        """Sum ``values`` over each bus and everything upstream of it, shape ``(..., buses)``."""
        total = np.array(values, dtype=np.float64)
        for bus in self.order[1:]:
            total[..., bus] += total[..., self.parent[bus]]
        return total


def radial_parents(buses: Sequence[str], branches: Sequence[tuple[str, str]], source: str) -> IntArray:
    """Orient closed branches away from the root and prove that they form a tree.

    Parameters
    ----------
    buses
        Labels, root first.
    branches
        Pairs of labels of the closed branches.
    source
        Name of the file, for the error message.

    Returns
    -------
    IntArray
        Parent index of every bus, shape ``(buses,)``; -1 at the root.

    Raises
    ------
    InputError
        When a branch names an unknown bus, closes a loop, or a bus cannot be reached from the root.
    """
    index = {label: k for k, label in enumerate(buses)}
    neighbours: list[list[int]] = [[] for _ in buses]
    for number, (start, end) in enumerate(branches, start=1):
        for label in (start, end):
            if label not in index:
                raise InputError(source, f"branch {number} ({start}-{end})", label, "a bus of buses.csv")
        neighbours[index[start]].append(index[end])
        neighbours[index[end]].append(index[start])
    parent = np.full(len(buses), -2, dtype=np.int64)
    parent[0] = -1
    stack = [0]
    while stack:
        bus = stack.pop()
        skipped_parent = False
        for other in neighbours[bus]:
            if other == parent[bus] and not skipped_parent:
                skipped_parent = True  # a second branch to the parent is a loop
            elif parent[other] != -2:
                raise InputError(
                    source,
                    f"branch {buses[bus]}-{buses[other]}",
                    "a loop",
                    "a radial feeder: open one branch of the loop",
                )
            else:
                parent[other] = bus
                stack.append(other)
    unreached = np.flatnonzero(parent == -2)
    if unreached.size:
        raise InputError(
            source, f"bus {buses[unreached[0]]}", "not connected to the root", "a tree that reaches every bus"
        )
    return parent
