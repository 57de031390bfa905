"""What stands on a feeder: generators, reactive sources, storage and the connections of parking lots."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from equilibrium.arrays import FloatArray
from equilibrium.errors import InputError


@dataclass(frozen=True)
class Microturbine:
    """A dispatchable generator (MT).

    Attributes
    ----------
    name, bus
        Name and index of its bus.
    rating_kva
        Apparent power that it can give.
    fuel_cost_per_kwh
        Currency/kWh.
    ramp_kw_per_h
        Largest change of its power from one hour to the next, up or down; ``inf`` is no limit. The first hour of a day
        is free: nothing is known of the hour before.
    """

    name: str
    bus: int
    rating_kva: float
    fuel_cost_per_kwh: float
    ramp_kw_per_h: float = np.inf

    def __post_init__(self) -> None:
        """Refuse a ramp that is no limit."""
        if not self.ramp_kw_per_h >= 0.0:
            raise InputError(f"microturbine {self.name}", "ramp_kw_per_h", self.ramp_kw_per_h, "a number >= 0")


@dataclass(frozen=True)
class StaticVarCompensator:
    """A reactive source (SVC) that injects 0 .. ``rating_kvar`` at bus index ``bus`` (2n)."""

    name: str
    bus: int
    rating_kvar: float


@dataclass(frozen=True)
class RenewableUnit:
    """A curtailable renewable generator (RES) at bus index ``bus``; its potential is part of the day."""

    name: str
    bus: int
    rated_kw: float
    kind: str


@dataclass(frozen=True)
class StorageUnit:
    """A battery that the DSO owns and dispatches for least network cost.

    A day ends with the energy that it began with, so days can follow each other in any order.

    Attributes
    ----------
    name, bus
        Name and index of its bus.
    energy_kwh
        Most energy that it holds.
    charge_max_kw, discharge_max_kw
        Power limits, grid side.
    initial_kwh
        Energy at the start and at the end of every day.
    charge_efficiency, discharge_efficiency
        kWh stored per kWh drawn, and kWh given per kWh taken out of the store; in (0, 1].
    energy_min_kwh
        Least energy that it may hold.

    Raises
    ------
    InputError
        For a value that no storage can have; ``where`` is the attribute.
    """

    name: str
    bus: int
    energy_kwh: float
    charge_max_kw: float
    discharge_max_kw: float
    initial_kwh: float
    charge_efficiency: float = 0.95
    discharge_efficiency: float = 0.95
    energy_min_kwh: float = 0.0

    def __post_init__(self) -> None:
        """Check every value."""
        self._require(("energy_kwh", "charge_max_kw", "discharge_max_kw"), 0.0, np.inf, "a finite number >= 0")
        for name in ("charge_efficiency", "discharge_efficiency"):
            if not 0.0 < getattr(self, name) <= 1.0:
                raise InputError(f"storage {self.name}", name, getattr(self, name), "a number > 0 and <= 1")
        most = f"a number from 0 to energy_kwh ({self.energy_kwh:g})"
        self._require(("energy_min_kwh",), 0.0, self.energy_kwh, most)
        between = f"a number from energy_min_kwh ({self.energy_min_kwh:g}) to energy_kwh ({self.energy_kwh:g})"
        self._require(("initial_kwh",), self.energy_min_kwh, self.energy_kwh, between)

    def _require(self, names: tuple[str, ...], low: float, high: float, expected: str) -> None:
        for name in names:
            value = getattr(self, name)
            if not (low <= value <= high and np.isfinite(value)):
                raise InputError(f"storage {self.name}", name, value, expected)


@dataclass(frozen=True)
class Subscription:
    """A subscribed capacity: what a lot draws beyond it costs more.

    Attributes
    ----------
    power_kw
        The capacity, kW.
    charge
        What a kWh above it costs on top of everything else, currency/kWh.
    """

    power_kw: float
    charge: float

    def __post_init__(self) -> None:
        """Check both: a charge below zero would pay for power, and no more for less."""
        for name, value in (("power_kw", self.power_kw), ("charge", self.charge)):
            if not (value >= 0.0 and np.isfinite(value)):
                raise InputError("subscription", name, value, "a finite number >= 0")

    def payment(self, power_kw: FloatArray, length_h: FloatArray) -> float:
        """Return what powers cost, currency.

        Parameters
        ----------
        power_kw, length_h
            Power drawn in each period, kW, and the periods' lengths, h, both of shape ``(periods,)``.
        """
        return float(self.charge * (length_h @ np.maximum(power_kw - self.power_kw, 0.0)))


@dataclass(frozen=True)
class LotSite:
    """A parking lot's connection.

    Attributes
    ----------
    name, bus
        Name of the lot and index of its bus.
    efficiency
        Battery charging efficiency eta, kWh stored per kWh drawn.
    terminal
        ``"eq"`` (the paper's MILP) or ``"ge"`` (the paper's text) for (3d): switch D3.
    first_hour
        ``"corrected"`` counts the first hour's charging in (3c); ``"as_printed"`` leaves it out: switch D1.
    discharge_efficiency
        kWh given to the grid per kWh taken from the battery; used by markets with vehicle-to-grid.
    subscription
        The capacity that it has subscribed to, if there is such a contract; the nodal market knows it.
    """

    name: str
    bus: int
    efficiency: float = 0.95
    terminal: str = "eq"
    first_hour: str = "corrected"
    discharge_efficiency: float = 0.95
    subscription: Subscription | None = None

    def __post_init__(self) -> None:
        """Check the two switches: another word would be taken for one of theirs."""
        for name, words in (("terminal", ("eq", "ge")), ("first_hour", ("corrected", "as_printed"))):
            if getattr(self, name) not in words:
                raise InputError(f"lot {self.name}", name, getattr(self, name), " or ".join(words))
