"""Vehicles and parking lots of one day as numbers, and what the vehicles do."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from equilibrium.arrays import FloatArray, IntArray
from equilibrium.lengths import spread_lengths


@dataclass(frozen=True, eq=False)
class Fleet:
    """The vehicles of one lot during one day, one row per vehicle.

    Attributes
    ----------
    power_kw
        Highest mean power in each period, kW, shape ``(vehicles, hours)``: charger or vehicle limit times the
        share of the period that the vehicle is plugged in; 0 outside its stay.
    energy_kwh
        Energy in the battery at arrival (or at midnight, for a vehicle already there), shape ``(vehicles,)``.
    need_kwh
        Energy to add to the battery within the day, shape ``(vehicles,)``. It must be reachable:
        ``need_kwh <= efficiency * energy_max_kwh.sum(axis=1)``.
    battery_kwh
        Battery size, shape ``(vehicles,)``.
    arrival_hour
        Period in which the vehicle arrives, 0 for those already there, shape ``(vehicles,)``.
    departure_hour
        Period in which it leaves, shape ``(vehicles,)``; their number for those that stay past midnight.
    period_h
        Length of the periods, h: one number for all, or shape ``(hours,)``.
    """

    power_kw: FloatArray
    energy_kwh: FloatArray
    need_kwh: FloatArray
    battery_kwh: FloatArray
    arrival_hour: IntArray
    departure_hour: IntArray
    period_h: float | FloatArray = 1.0

    @cached_property
    def length_h(self) -> FloatArray:
        """Length of each period, h, shape ``(hours,)``."""
        return spread_lengths(self.period_h, self.power_kw.shape[1], "fleet")

    @cached_property
    def energy_max_kwh(self) -> FloatArray:
        """Most that each vehicle can draw in each period, kWh (grid side), shape ``(vehicles, hours)``."""
        return np.asarray(self.power_kw * self.length_h)

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
        State-of-energy band at the end of each period, kWh, shape ``(hours,)``.
    power_max_kw
        Highest mean power of each period, kW, shape ``(hours,)``.
    fleet
        The vehicles behind the envelope; with it the market makes sure that the cleared power can be split
        among the vehicles exactly. ``None`` where only an envelope is known (the paper's case).
    network_charge
        What the lot pays to the network's operator beside the price of energy, currency/kWh drawn, shape
        ``(hours,)``; ``None`` for nothing.
    """

    charging_price: FloatArray
    energy_in_kwh: FloatArray
    energy_out_kwh: FloatArray
    energy_end_kwh: float
    soe_min_kwh: FloatArray
    soe_max_kwh: FloatArray
    power_max_kw: FloatArray
    fleet: Fleet | None = None
    network_charge: FloatArray | None = None

    @property
    def net_price(self) -> FloatArray:
        """What is left of the charging price after the network charge, currency/kWh: F_t of the lot's problem."""
        return self.charging_price if self.network_charge is None else self.charging_price - self.network_charge


@dataclass(frozen=True, eq=False)
class VehicleBatch:
    """The vehicles of one lot in one scenario, one row per vehicle (or per group of identical vehicles).

    A vehicle is plugged in during the periods ``arrival .. departure - 1`` and may charge and discharge then.

    Attributes
    ----------
    names
        One per row; a complaint names the vehicle by it.
    arrival, departure
        First period plugged in and first period gone, shape ``(vehicles,)``; ``0 <= arrival < departure <= periods``.
    energy_kwh
        Energy in the battery at arrival, shape ``(vehicles,)``: SOE^arv.
    wish_kwh
        Energy that must be in it at departure, shape ``(vehicles,)``: SOE^dep.
    energy_min_kwh, energy_max_kwh
        Band of the state of energy, shape ``(vehicles,)``.
    charge_max_kw, discharge_max_kw
        Highest powers, grid side, shape ``(vehicles,)``; ``discharge_max_kw = 0`` is controlled charging (CC).
    count
        How many identical vehicles a row stands for, shape ``(vehicles,)``; powers and energies are per vehicle.
    """

    names: tuple[str, ...]
    arrival: IntArray
    departure: IntArray
    energy_kwh: FloatArray
    wish_kwh: FloatArray
    energy_min_kwh: FloatArray
    energy_max_kwh: FloatArray
    charge_max_kw: FloatArray
    discharge_max_kw: FloatArray
    count: FloatArray

    @property
    def size(self) -> int:
        """Number of rows."""
        return int(self.energy_kwh.size)


@dataclass(frozen=True, eq=False)
class VehicleSchedule:
    """What the vehicles of one lot do in one scenario, row by row as in its batch.

    Attributes
    ----------
    charge_kw, discharge_kw
        Grid side, per vehicle, shape ``(vehicles, periods)``; 0 where a vehicle is not plugged in.
    energy_kwh
        Energy in the battery at the end of each period, shape ``(vehicles, periods)``; not a number before arrival
        and after departure.
    wish_kwh
        Energy at departure that was aimed at, shape ``(vehicles,)``: lower than the driver's wish where that cannot be
        reached and the market serves best efforts.
    """

    charge_kw: FloatArray
    discharge_kw: FloatArray
    energy_kwh: FloatArray
    wish_kwh: FloatArray
