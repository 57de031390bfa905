"""What outages leave unserved in many hours, as a table over the states of the units that are on or off.

After an outage the ties that are closed are chosen anew in every hour, for the least cost of what is not served
(:mod:`equilibrium.grid.restoration`). Given the states of the units this cost is a number, and the trees of a
configuration know few units. So the expected cost over all outages is a sum of tables, each over the states of few
units, and any program can hold a table as it is: one column for each state, of which one is taken
(:func:`equilibrium.programs.tabled.add_table`). Nothing is relaxed, and no constant stands in for an implication.

Where the voltage band is the same everywhere, only configurations to which no tie can be added are looked at: closing
one more supplies more buses and forbids nothing that was possible, since everything behind it may be shed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from equilibrium.arrays import BoolArray, FloatArray, IntArray
from equilibrium.errors import InputError
from equilibrium.grid.meshed import MeshedGrid
from equilibrium.grid.restoration import Hour, Outage, check_hour, ways
from equilibrium.grid.shedding import Tree, Units, least_shedding, states_of, trees_of

UNITS_AT_MOST = 12
"""Units that may matter to one outage together: a table has a number for each of their states."""


@dataclass(frozen=True, eq=False)
class Table:
    """A cost over the states of some units.

    Attributes
    ----------
    units
        Indices of the units, ascending.
    cost
        Cost in every period and state, shape ``(periods, 2 ** units)``: unit ``k`` is on where bit ``k`` is set.
    """

    units: tuple[int, ...]
    cost: FloatArray

    def at(self, on: BoolArray) -> FloatArray:
        """Return the cost of given states of all units ``(periods, all units)``, shape ``(periods,)``."""
        state = on[:, list(self.units)].astype(np.int64) @ (1 << np.arange(len(self.units)))
        return np.asarray(self.cost[np.arange(state.size), state])


@dataclass(frozen=True, eq=False)
class Choice:
    """One configuration after an outage: the buses that are lost in it for certain, and the trees that are left."""

    closed: BoolArray
    dark: IntArray
    trees: tuple[Tree, ...]


class AfterOutages:
    """The configurations that a grid can be brought into after outages, whatever the hour.

    Parameters
    ----------
    grid
        The grid, in its base configuration before an outage.
    outages
        What fails.
    switching
        Whether ties are closed; else what is cut off stays dark.

    Attributes
    ----------
    choices
        The configurations of each outage; doing nothing is the first of all ways.
    common
        The trees that stand in all configurations of each outage.
    """

    def __init__(self, grid: MeshedGrid, outages: Sequence[Outage], *, switching: bool = True) -> None:
        self.grid, self.outages = grid, tuple(outages)
        self.choices = tuple(self._choices(outage, switching) for outage in outages)
        self.common = tuple(set.intersection(*(set(each.trees) for each in choices)) for choices in self.choices)

    def _choices(self, outage: Outage, switching: bool) -> tuple[Choice, ...]:
        options = list(ways(self.grid, outage)) if switching else [next(ways(self.grid, outage))]
        if switching and _one_band(self.grid):
            closed = np.array([option for option, _ in options])
            sub = np.asarray(
                (closed[:, None, :] <= closed[None, :, :]).all(axis=2) & ~np.eye(len(options), dtype=np.bool_)
            )
            options = [option for option, inside in zip(options, np.any(sub, axis=1), strict=True) if not inside]
        return tuple(Choice(closed, forest.dark, trees_of(forest)) for closed, forest in options)


class Unserved:
    """The least cost of what outages leave unserved.

    Parameters
    ----------
    after
        The configurations after every outage.
    hours
        Loads, values of lost load and the sources that are always there; hours of several scenarios follow each other.
    units
        Sources that are on or off.

    Attributes
    ----------
    value
        What the load of each bus is worth in each hour, shape ``(hours, buses)``.

    Raises
    ------
    InputError
        When an hour does not fit the grid, or more than :data:`UNITS_AT_MOST` units matter to one outage.
    """

    def __init__(self, after: AfterOutages, hours: Sequence[Hour], units: Units) -> None:
        for hour in hours:
            check_hour(after.grid, hour)
        self.after, self.grid, self.hours, self.units = after, after.grid, tuple(hours), units
        self.value = np.array([hour.value * hour.load_kw for hour in hours])
        self._shed: dict[Tree, FloatArray] = {}

    def lost(self, choice: Choice) -> FloatArray:
        """Return the cost of what a configuration leaves dark, shape ``(hours,)``."""
        return np.asarray(self.value[:, choice.dark].sum(axis=1))

    def units_in(self, tree: Tree) -> tuple[int, ...]:
        """Return the units of a tree."""
        return tuple(np.flatnonzero(np.isin(self.units.bus, tree.bus)).tolist())

    def shed(self, tree: Tree) -> FloatArray:
        """Return the least cost of shedding in a tree, shape ``(hours, 2 ** its units)``; worked out once."""
        if tree not in self._shed:
            self._shed[tree] = least_shedding(self.grid, tree, self.hours, self.units)
        return self._shed[tree]

    def cost(self, outage: int) -> Table:
        """Return the least cost of an outage in every hour and state of the units that matter to it."""
        return self._sum([self._common(outage), self._rest(outage)])

    def tables(self, weight: FloatArray, period: IntArray) -> tuple[Table, ...]:
        """Return the expected cost of all outages as few tables.

        Parameters
        ----------
        weight
            Weight of each outage in each hour, shape ``(outages, hours)``.
        period
            The period of each hour, shape ``(hours,)``: hours of one period are summed.
        """
        count = int(period.max()) + 1
        parts: dict[tuple[int, ...], FloatArray] = {}
        for k in range(len(self.after.outages)):
            for table in (self._common(k), self._rest(k)):
                own = parts.setdefault(table.units, np.zeros((count, table.cost.shape[1])))
                np.add.at(own, period, weight[k][:, None] * table.cost)
        largest = [each for each in parts if not any(set(each) < set(other) for other in parts)]
        gathered: dict[tuple[int, ...], list[Table]] = {each: [] for each in largest}
        for own_units, cost in parts.items():
            gathered[next(each for each in largest if set(own_units) <= set(each))].append(Table(own_units, cost))
        return tuple(self._sum(tables) for tables in gathered.values())

    def _common(self, outage: int) -> Table:
        """Return what all configurations of an outage cost alike: trees that stand in each."""
        return self._of_trees(sorted(self.after.common[outage], key=lambda tree: tree.branch))

    def _rest(self, outage: int) -> Table:
        """Return the least of what the configurations of an outage cost apart from that."""
        options = []
        for choice in self.after.choices[outage]:
            own = self._of_trees([tree for tree in choice.trees if tree not in self.after.common[outage]])
            options.append(Table(own.units, own.cost + self.lost(choice)[:, None]))
        units = self._all_units(options, self.after.outages[outage].name)
        return Table(units, np.min([_spread(option, units) for option in options], axis=0))

    def _of_trees(self, trees: Sequence[Tree]) -> Table:
        """Return the cost of some trees together; one that sheds nothing in any state knows no unit."""
        tables = [Table((), np.zeros((len(self.hours), 1)))]
        for tree in trees:
            cost = self.shed(tree)
            tables.append(Table(self.units_in(tree), cost) if cost.any() else Table((), cost[:, :1]))
        return self._sum(tables)

    def _sum(self, tables: Sequence[Table]) -> Table:
        units = self._all_units(tables, "several outages")
        return Table(units, np.sum([_spread(table, units) for table in tables], axis=0))

    def _all_units(self, tables: Sequence[Table], name: str) -> tuple[int, ...]:
        units = tuple(sorted(set().union(*(table.units for table in tables))))
        if len(units) > UNITS_AT_MOST:
            raise InputError(
                f"grid {self.grid.name}", f"units that matter to {name}", len(units), f"at most {UNITS_AT_MOST}"
            )
        return units


def chosen_configurations(unserved: Unserved, outage: int, on: BoolArray) -> IntArray:
    """Return which configuration of an outage is best in every hour, the first of several; shape ``(hours,)``.

    Parameters
    ----------
    on
        State of every unit in every hour, shape ``(hours, units)``.
    """
    cost = []
    for choice in unserved.after.choices[outage]:
        total = unserved.lost(choice)
        for tree in choice.trees:
            total += Table(unserved.units_in(tree), unserved.shed(tree)).at(on)
        cost.append(total)
    return np.asarray(np.argmin(cost, axis=0))


def _one_band(grid: MeshedGrid) -> bool:
    """Whether all buses have one voltage band, in which that of the roots lies."""
    return bool(np.ptp(grid.voltage_min_pu) == 0.0 and np.ptp(grid.voltage_max_pu) == 0.0)


def _spread(table: Table, units: tuple[int, ...]) -> FloatArray:
    """Return the cost of a table over the states of more units, shape ``(hours, 2 ** units)``."""
    place = [units.index(unit) for unit in table.units]
    states = states_of(len(units))[:, place].astype(np.int64) @ (1 << np.arange(len(place)))
    return np.asarray(table.cost[:, states])
