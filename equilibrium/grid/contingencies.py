"""Outages of a grid: one at a time, with what fails next, over a day, and what they leave unserved."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from equilibrium.arrays import FloatArray
from equilibrium.errors import InputError
from equilibrium.grid.meshed import MeshedGrid
from equilibrium.grid.restoration import Hour, Outage, Restored, all_served, check_hour, restore, ways


def single_outages(grid: MeshedGrid, skip: Collection[str] = ()) -> tuple[Outage, ...]:
    """Return the outage of every branch that is closed and of every bus that is not a root.

    Parameters
    ----------
    skip
        Names of those that are left out: ``branch 1-2``, ``bus 7``.

    Raises
    ------
    InputError
        When a name is none of an outage.
    """
    lines = [Outage(f"branch {grid.label(k)}", branches=(k,)) for k in np.flatnonzero(grid.closed).tolist()]
    buses = [Outage(f"bus {grid.buses[bus]}", buses=(bus,)) for bus in range(grid.size) if bus not in grid.roots]
    every = [*lines, *buses]
    for name in skip:
        if name not in {each.name for each in every}:
            raise InputError(f"grid {grid.name}", "outage that is left out", name, f"one such as {every[0].name}")
    return tuple(each for each in every if each.name not in skip)


def cascade(grid: MeshedGrid, restored: Restored) -> Outage:
    """Return the outage together with what is most likely to follow: the branch that carries most after restoration.

    Most is relative to its rating, or in kVA where no branch that carries anything has one.
    """
    load = restored.loading if restored.loading.any() else restored.flow_kva
    if not load.any():
        return restored.outage
    second = int(np.argmax(load))
    first = restored.outage
    return Outage(f"{first.name}, then branch {grid.label(second)}", (*first.branches, second), first.buses)


@dataclass(frozen=True, eq=False)
class Screened:
    """What is known of an outage over some hours without any program.

    Attributes
    ----------
    lower, upper
        Proved bounds of the cost of what is not served, shape ``(hours,)``.
    """

    outage: Outage
    lower: FloatArray
    upper: FloatArray

    @property
    def settled(self) -> bool:
        """Whether both bounds are one in every hour."""
        return bool((self.lower == self.upper).all())

    @property
    def sheds_nothing(self) -> bool:
        """Whether it is proved that everything is served in every hour."""
        return bool((self.upper == 0.0).all())


def screen(grid: MeshedGrid, hours: Sequence[Hour], outage: Outage) -> Screened:
    """Bound what an outage leaves unserved in every hour.

    At least what has no way to a root in any configuration is lost. Where the greatest load of the day at every bus is
    served within all limits by a configuration that loses no more than that, all hours are: a smaller load makes every
    flow and every fall of voltage smaller.
    """
    for hour in hours:
        check_hour(grid, hour)
    options = [forest for _, forest in ways(grid, outage)]
    value = np.array([hour.value * hour.load_kw for hour in hours])
    lost = np.array([value[:, forest.dark].sum(axis=1) for forest in options])
    lower, upper = lost.min(axis=0), value.sum(axis=1)
    peak = Hour(
        np.max([hour.load_kw for hour in hours], axis=0),
        np.max([hour.load_kvar for hour in hours], axis=0),
        hours[0].value,
    )  # sources at rest
    if all((hour.load_kvar >= 0.0).all() for hour in hours):
        for forest, each in zip(options, lost, strict=True):
            if all_served(grid, peak, forest) is not None:
                upper = np.minimum(upper, each)
    return Screened(outage, lower, np.maximum(lower, upper))


@dataclass(frozen=True, eq=False)
class Study:
    """Outages over some hours.

    Attributes
    ----------
    outages
        The outages.
    cost
        Least cost of what is not served, money, shape ``(outages, hours)``.
    energy_kwh
        Energy that is not served, kWh, same shape.
    operations
        Switches that are moved, same shape.
    screened
        Whether an outage was settled without any program, shape ``(outages,)``.
    """

    outages: tuple[Outage, ...]
    cost: FloatArray
    energy_kwh: FloatArray
    operations: FloatArray
    screened: FloatArray

    def expected_energy(self, probability: FloatArray) -> float:
        """Return the mean of the energy not supplied, kWh, given the probability of each outage in each hour.

        Parameters
        ----------
        probability
            Shape ``(outages,)`` or ``(outages, hours)``.

        Raises
        ------
        InputError
            When a probability is negative.
        """
        weight = probability[:, None] if probability.ndim == 1 else probability
        if not (weight >= 0.0).all():
            raise InputError("outages", "probability", float(np.min(weight)), "numbers from 0")
        return float((weight * self.energy_kwh).sum())


def study(grid: MeshedGrid, hours: Sequence[Hour], outages: Sequence[Outage], solver: str = "auto") -> Study:
    """Restore after every outage in every hour, each for itself, and say what screening alone would have settled.

    Raises
    ------
    InputError
        When an hour or an outage does not fit the grid.
    """
    shape = (len(outages), len(hours))
    cost, energy, moved = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    known = np.zeros(len(outages))
    for k, outage in enumerate(outages):
        found = screen(grid, hours, outage)
        known[k] = float(found.settled)
        for t, hour in enumerate(hours):
            answer = restore(grid, hour, outage, solver)
            cost[k, t], energy[k, t], moved[k, t] = answer.cost, answer.shed_kw.sum(), answer.operations
    return Study(tuple(outages), cost, energy, moved, known)
