"""A grid with ties and several roots, and the radial configurations in which it can be run.

A configuration says which branches are closed. It is *radial* when every bus is fed from exactly one root along
exactly one path: with all roots seen as one node, the closed branches are a spanning tree. The voltage of every root is
held, so the parts of a radial configuration do not feel each other, and each is a :class:`Feeder` of its own: no link
between the roots is needed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from equilibrium.arrays import BoolArray, FloatArray, IntArray
from equilibrium.errors import InputError
from equilibrium.grid.feeder import Feeder, radial_parents


class Parts:
    """Disjoint sets of nodes."""

    def __init__(self, nodes: int) -> None:
        self._up = list(range(nodes))

    def find(self, node: int) -> int:
        """Return the node that stands for the set of this one."""
        while self._up[node] != node:
            self._up[node] = self._up[self._up[node]]
            node = self._up[node]
        return node

    def join(self, one: int, other: int) -> bool:
        """Join two sets; False where they were one already."""
        one, other = self.find(one), self.find(other)
        self._up[one] = other
        return one != other


@dataclass(frozen=True, eq=False)
class MeshedGrid:
    """Buses, roots and branches of which some can be opened and closed.

    Attributes
    ----------
    name
        Short name, for messages.
    base_kv
        Line-to-line voltage, kV.
    buses
        Labels of the buses.
    roots
        Indices of the buses that are fed from outside.
    start, end
        Buses that each branch joins, shape ``(branches,)``.
    r_ohm, x_ohm
        Series impedance of each branch, ohm, shape ``(branches,)``.
    rating_kva
        Thermal rating of each branch, kVA, shape ``(branches,)``; ``inf`` is no limit.
    closed
        State of each branch in the base configuration, shape ``(branches,)``.
    switchable
        Whether the state can be changed, shape ``(branches,)``: ties are open ones, sectionalisers closed ones.
    load_kw, load_kvar
        Load, kW and kvar, shape ``(buses,)``.
    voltage_min_pu, voltage_max_pu
        Voltage band, per unit, shape ``(buses,)``.
    root_voltage_pu
        Voltage held at every root, per unit.

    Raises
    ------
    InputError
        When a label, root or branch is unknown or double, a number cannot be one of a grid, a bus has no way to a root,
        or no switching makes the grid radial.
    """

    name: str
    base_kv: float
    buses: tuple[str, ...]
    roots: tuple[int, ...]
    start: IntArray
    end: IntArray
    r_ohm: FloatArray
    x_ohm: FloatArray
    rating_kva: FloatArray
    closed: BoolArray
    switchable: BoolArray
    load_kw: FloatArray
    load_kvar: FloatArray
    voltage_min_pu: FloatArray
    voltage_max_pu: FloatArray
    root_voltage_pu: float = 1.0

    def __post_init__(self) -> None:
        """Refuse what cannot be run radially."""
        self._check_buses()
        self._check_branches()
        self._check_radial()

    @property
    def size(self) -> int:
        """Number of buses."""
        return len(self.buses)

    @property
    def branches(self) -> int:
        """Number of branches."""
        return len(self.start)

    @cached_property
    def nodes(self) -> tuple[IntArray, IntArray]:
        """Ends of every branch with all roots seen as one bus, shape ``(branches,)`` each."""
        seen = np.arange(self.size)
        seen[list(self.roots)] = self.roots[0]
        return seen[self.start], seen[self.end]

    def label(self, branch: int) -> str:
        """Return a branch as its two buses."""
        return f"{self.buses[self.start[branch]]}-{self.buses[self.end[branch]]}"

    def _fault(self, where: str, value: object, expected: str) -> InputError:
        return InputError(f"grid {self.name}", where, value, expected)

    def _check_buses(self) -> None:
        """Refuse labels, roots and loads that are none."""
        if len(set(self.buses)) != self.size:
            double = next(label for label in self.buses if self.buses.count(label) > 1)
            raise self._fault(f"bus {double}", "a second bus of this label", "a label of its own for every bus")
        if not self.roots:
            raise self._fault("roots", "none", "at least one bus that is fed from outside")
        for root in self.roots:
            if not 0 <= root < self.size or self.roots.count(root) > 1:
                raise self._fault("roots", root, f"different indices from 0 to {self.size - 1}")
        if len(self.roots) == self.size:
            raise self._fault("roots", "all buses", "a bus that is not fed from outside")
        for value, where in ((self.base_kv, "base_kv"), (self.root_voltage_pu, "root_voltage_pu")):
            if not (np.isfinite(value) and value > 0.0):
                raise self._fault(where, value, "a positive number")
        for name in ("load_kw", "load_kvar", "voltage_min_pu", "voltage_max_pu"):
            values = getattr(self, name)
            if values.shape != (self.size,):
                raise self._fault(name, values.shape, f"one number for each of {self.size} buses")
            for bus in np.flatnonzero(~np.isfinite(values)).tolist():
                raise self._fault(f"{name} of bus {self.buses[bus]}", float(values[bus]), "a finite number")
        low, high = self.voltage_min_pu, self.voltage_max_pu
        for bus in np.flatnonzero(~((low > 0.0) & (low < high))).tolist():
            expected = f"a number above 0 and below {high[bus]:g}"
            raise self._fault(f"voltage_min_pu of bus {self.buses[bus]}", float(low[bus]), expected)
        for root in self.roots:
            if not low[root] <= self.root_voltage_pu <= high[root]:
                expected = f"a voltage inside the band {low[root]:g} .. {high[root]:g} of root {self.buses[root]}"
                raise self._fault("root_voltage_pu", self.root_voltage_pu, expected)

    def _check_branches(self) -> None:
        """Refuse branches that lead nowhere, stand twice or have no impedance that a branch can have."""
        for name in ("end", "r_ohm", "x_ohm", "rating_kva", "closed", "switchable"):
            if getattr(self, name).shape != self.start.shape:
                raise self._fault(name, getattr(self, name).shape, f"one value for each of {self.branches} branches")
        seen: set[frozenset[int]] = set()
        for branch, (start, end) in enumerate(zip(self.start.tolist(), self.end.tolist(), strict=True), start=1):
            for bus in (start, end):
                if not 0 <= bus < self.size:
                    raise self._fault(f"branch {branch}", bus, f"a bus from 0 to {self.size - 1}")
            where = f"branch {branch} ({self.label(branch - 1)})"
            if start == end:
                raise self._fault(where, "one bus at both ends", "two different buses")
            if frozenset((start, end)) in seen:
                raise self._fault(where, "a second branch between the same buses", "one branch between two buses")
            seen.add(frozenset((start, end)))
        for name in ("r_ohm", "x_ohm"):
            values = getattr(self, name)
            for branch in np.flatnonzero(~(np.isfinite(values) & (values >= 0.0))).tolist():
                raise self._fault(f"{name} of branch {self.label(branch)}", float(values[branch]), "a number from 0")
        for branch in np.flatnonzero(~(self.rating_kva > 0.0)).tolist():
            raise self._fault(
                f"rating_kva of branch {self.label(branch)}", float(self.rating_kva[branch]), "a positive number"
            )

    def _check_radial(self) -> None:
        """Refuse a grid that no switching makes radial."""
        parts = Parts(self.size)
        start, end = self.nodes
        for branch in np.flatnonzero(self.closed & ~self.switchable).tolist():
            if not parts.join(int(start[branch]), int(end[branch])):
                raise self._fault(
                    f"branch {self.label(branch)}",
                    "a loop of branches that cannot be opened",
                    "a grid that can be run radially: make one branch of the loop switchable",
                )
        for branch in np.flatnonzero(self.switchable).tolist():
            parts.join(int(start[branch]), int(end[branch]))
        for bus in range(self.size):
            if bus not in self.roots and parts.find(bus) != parts.find(self.roots[0]):
                raise self._fault(
                    f"bus {self.buses[bus]}",
                    "an island without a source",
                    "a way to a root along branches that are closed or can be closed",
                )

    def parts(self) -> Parts:
        """Return every bus alone, for :attr:`nodes` to be joined."""
        return Parts(self.size)

    def is_forest(self, closed: BoolArray) -> bool:
        """Whether the closed branches have no loop and join no two roots; buses may be without supply."""
        parts = Parts(self.size)
        start, end = self.nodes
        return all(parts.join(int(start[k]), int(end[k])) for k in np.flatnonzero(closed))

    def is_radial(self, closed: BoolArray) -> bool:
        """Whether every bus is fed from exactly one root along exactly one path."""
        return int(closed.sum()) == self.size - len(self.roots) and self.is_forest(closed)

    def is_allowed(self, closed: BoolArray) -> bool:
        """Whether only switchable branches differ from the base configuration."""
        return bool(np.all(self.switchable | (closed == self.closed)))

    def supplied(self, closed: BoolArray, failed: Collection[int] = ()) -> BoolArray:
        """Whether each bus that has not failed has a way to a root along closed branches, shape ``(buses,)``."""
        parts = Parts(self.size)
        start, end = self.nodes
        for branch in np.flatnonzero(closed):
            parts.join(int(start[branch]), int(end[branch]))
        source = parts.find(self.roots[0])
        fed = [bus in self.roots or parts.find(bus) == source for bus in range(self.size)]
        return np.array(fed, dtype=np.bool_) & ~np.isin(np.arange(self.size), list(failed))

    def feeders_of(self, closed: BoolArray) -> tuple[Feeder, ...]:
        """Return the feeder of every root in a radial configuration.

        Raises
        ------
        InputError
            When the configuration is not radial or moves a branch that is not switchable.
        """
        if not self.is_allowed(closed):
            moved = int(np.flatnonzero(~self.switchable & (closed != self.closed))[0])
            raise self._fault(f"branch {self.label(moved)}", "another state", "its own: it is not switchable")
        if not self.is_radial(closed):
            raise self._fault("configuration", "not radial", "every bus fed from one root along one path")
        return tuple(self._feeder(root, closed) for root in self.roots)

    def _feeder(self, root: int, closed: BoolArray) -> Feeder:
        """Return what one root feeds, the root first and the other buses in their order."""
        alone = Parts(self.size)
        for branch in np.flatnonzero(closed):
            alone.join(int(self.start[branch]), int(self.end[branch]))
        own = [bus for bus in range(self.size) if bus != root and alone.find(bus) == alone.find(root)]
        place = {bus: k for k, bus in enumerate([root, *own])}
        inside = [k for k in np.flatnonzero(closed).tolist() if int(self.start[k]) in place]
        labels = tuple(self.buses[bus] for bus in place)
        ends = [(self.buses[self.start[k]], self.buses[self.end[k]]) for k in inside]
        parent = radial_parents(labels, ends, f"grid {self.name}")
        feeding = np.full(len(place), -1, dtype=np.int64)
        for k in inside:
            one, other = place[int(self.start[k])], place[int(self.end[k])]
            feeding[one if parent[one] == other else other] = k
        r_ohm, x_ohm, rating = self.r_ohm[feeding], self.x_ohm[feeding], self.rating_kva[feeding]
        r_ohm[0], x_ohm[0], rating[0] = 0.0, 0.0, np.inf
        buses = np.array(list(place), dtype=np.int64)
        loads = self.load_kw[buses], self.load_kvar[buses]
        band = self.voltage_min_pu[buses], self.voltage_max_pu[buses]
        name = self.name if len(self.roots) == 1 else f"{self.name}-{self.buses[root]}"
        return Feeder(name, self.base_kv, labels, parent, r_ohm, x_ohm, rating, *loads, *band, self.root_voltage_pu)

    def radial_configurations(self) -> Iterator[BoolArray]:
        """Enumerate all radial configurations; their number grows exponentially, so this is for small grids."""
        fixed = self.closed & ~self.switchable
        free = np.flatnonzero(self.switchable).tolist()
        yield from (closed for closed in self._forests(fixed, free) if self.is_radial(closed))

    def restorations(self, branches: Collection[int] = (), buses: Collection[int] = ()) -> Iterator[BoolArray]:
        """Enumerate what closing ties can do after an outage, without moving what is closed.

        Every configuration returned is a forest: no loop, no two roots joined, the failed branches and those of failed
        buses open; :meth:`supplied` says which buses have supply. The first one closes no tie.

        Parameters
        ----------
        branches, buses
            Indices of what fails.

        Raises
        ------
        InputError
            When the base configuration has a loop, or what fails is not of this grid.
        """
        for what, failed, count in (("branch", branches, self.branches), ("bus", buses, self.size)):
            for index in failed:
                if not 0 <= index < count:
                    raise self._fault(f"{what} that fails", index, f"an index from 0 to {count - 1}")
        if not self.is_forest(self.closed):
            raise self._fault("closed", "a loop", "a base configuration without a loop")
        dead = np.isin(np.arange(self.branches), list(branches))
        dead |= np.isin(self.start, list(buses)) | np.isin(self.end, list(buses))
        ties = np.flatnonzero(~self.closed & self.switchable & ~dead).tolist()
        yield from self._forests(self.closed & ~dead, ties)

    def _forests(self, closed: BoolArray, free: Iterable[int]) -> Iterator[BoolArray]:
        """All forests that consist of ``closed`` and some of the free branches, fewest of the late ones first."""
        stack = [(closed.copy(), tuple(free))]
        while stack:
            now, left = stack.pop()
            if not left:
                yield now
                continue
            more = now.copy()
            more[left[0]] = True
            if self.is_forest(more):
                stack.append((more, left[1:]))
            stack.append((now, left[1:]))
