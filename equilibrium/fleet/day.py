"""One day of the market as numbers: what the core binds into its compiled programs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from equilibrium.grid.network import FloatArray, IntArray


@dataclass(frozen=True, eq=False)
class Fleet:
    """The vehicles of one lot during one day, one row per vehicle.

    Attributes
    ----------
    power_kw
        Highest mean power in each hour, kW, shape ``(vehicles, hours)``: charger or vehicle limit times the
        share of the hour that the vehicle is plugged in; 0 outside its stay.
    energy_kwh
        Energy in the battery at arrival (or at midnight, for a vehicle already there), shape ``(vehicles,)``.
    need_kwh
        Energy to add to the battery within the day, shape ``(vehicles,)``. It must be reachable:
        ``need_kwh <= efficiency * power_kw.sum(axis=1)``.
    battery_kwh
        Battery size, shape ``(vehicles,)``.
    arrival_hour
        Hour index in which the vehicle arrives, 0 for those already there, shape ``(vehicles,)``.
    departure_hour
        Hour index in which it leaves, shape ``(vehicles,)``; ``hours`` for those that stay past midnight.
    """

    power_kw: FloatArray
    energy_kwh: FloatArray
    need_kwh: FloatArray
    battery_kwh: FloatArray
    arrival_hour: IntArray
    departure_hour: IntArray

    @property
    def size(self) -> int:
        """Number of vehicles."""
        return int(self.energy_kwh.size)


@dataclass(frozen=True, eq=False)
class LotDay:
    """What one lot brings to the market today: the data of (3a)-(3f).

    Attributes
    ----------
    charging_price
        F_t, what drivers pay, currency/kWh drawn, shape ``(hours,)``.
    energy_in_kwh, energy_out_kwh
        Cin_t and Cout_t: energy that arrives and leaves in the vehicles, kWh, shape ``(hours,)``.
        ``energy_in_kwh[0]`` holds the vehicles that are there at midnight; the paper's (3c) has no Cout_1, so
        ``energy_out_kwh[0]`` is subtracted too only when a vehicle does leave in the first hour.
    energy_end_kwh
        Cend: energy owed at the end of the day to the vehicles still plugged in (switch D2), kWh.
    soe_min_kwh, soe_max_kwh
        State-of-energy band at the end of each hour, kWh, shape ``(hours,)``.
    power_max_kw
        Highest mean power of each hour, kW, shape ``(hours,)``.
    fleet
        The vehicles behind the envelope; with it the market makes sure that the cleared power can be split
        among the vehicles exactly. ``None`` where only an envelope is known (the paper's case).
    """

    charging_price: FloatArray
    energy_in_kwh: FloatArray
    energy_out_kwh: FloatArray
    energy_end_kwh: float
    soe_min_kwh: FloatArray
    soe_max_kwh: FloatArray
    power_max_kw: FloatArray
    fleet: Fleet | None = None


@dataclass(frozen=True, eq=False)
class MarketDay:
    """Everything that the market takes as given today.

    Attributes
    ----------
    wholesale_price
        W_t, currency/kWh, shape ``(hours,)``; may be negative.
    load_kw, load_kvar
        Inflexible load, shape ``(hours, buses)``.
    renewable_kw
        Potential of each renewable unit, kW, shape ``(hours, renewables)``.
    microturbine_available
        True where a unit may run today, shape ``(microturbines,)``.
    lots
        One :class:`LotDay` per lot of the network, in its order.
    """

    wholesale_price: FloatArray
    load_kw: FloatArray
    load_kvar: FloatArray
    renewable_kw: FloatArray
    microturbine_available: np.ndarray
    lots: tuple[LotDay, ...]

    @property
    def hours(self) -> int:
        """Number of periods of the day."""
        return int(self.wholesale_price.size)
