"""Vehicles one by one as one sparse program: (9)-(14) of docs/disco.md.

A *stay* is one vehicle in one of its plugged-in periods. Stay ``k`` has the columns ``3 k`` (charging), ``3 k + 1``
(discharging) and ``3 k + 2`` (energy at the end of the period), and row ``k`` is its energy balance. Nothing is stated
for periods in which a vehicle is away.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import scipy.sparse as sp

from equilibrium.arrays import BoolArray, FloatArray, IntArray
from equilibrium.errors import InputError
from equilibrium.fleet.day import VehicleBatch, VehicleSchedule
from equilibrium.grid.assets import LotSite
from equilibrium.lengths import spread_lengths
from equilibrium.programs.program import FEASIBILITY, Instance

_NUMBERS = (
    "arrival",
    "departure",
    "energy_kwh",
    "wish_kwh",
    "energy_min_kwh",
    "energy_max_kwh",
    "charge_max_kw",
    "discharge_max_kw",
)


@dataclass(frozen=True, eq=False)
class VehicleProgram:
    """The vehicles of all lots in one scenario, row by row, and their program.

    Attributes
    ----------
    lot, count, start
        Lot of each row, how many vehicles it stands for, and its first stay; shape ``(rows,)``, ``start`` one longer.
    energy_kwh, wish_kwh
        Energy at arrival and energy aimed at, shape ``(rows,)``.
    band_kwh, power_max_kw
        Least and greatest energy; greatest charging and discharging power; each of shape ``(rows, 2)``.
    row, period
        Row and period of each stay, shape ``(stays,)``.
    kwh_per_kw
        How much the energy rises with one kW of charging in a stay and falls with one of discharging, ``(stays, 2)``.
    instance
        Feasible set per vehicle: bounds of powers and energies, balances; its cost is zero.
    """

    lot: IntArray
    count: FloatArray
    start: IntArray
    energy_kwh: FloatArray
    wish_kwh: FloatArray
    band_kwh: FloatArray
    power_max_kw: FloatArray
    row: IntArray
    period: IntArray
    kwh_per_kw: FloatArray
    instance: Instance

    @property
    def stays(self) -> int:
        """Number of stays."""
        return int(self.period.size)

    @property
    def charge(self) -> IntArray:
        """Columns of the charging powers, shape ``(stays,)``."""
        return np.arange(0, 3 * self.stays, 3, dtype=np.int64)

    @property
    def discharge(self) -> IntArray:
        """Columns of the discharging powers, shape ``(stays,)``."""
        return np.arange(1, 3 * self.stays, 3, dtype=np.int64)

    @property
    def weight(self) -> FloatArray:
        """How many vehicles each stay stands for, shape ``(stays,)``."""
        return self.count[self.row]

    @cached_property
    def classes(self) -> list[IntArray]:
        """Rows that differ only in their arrival and the energy they bring, class by class."""
        last = self.period[self.start[1:] - 1]
        table = np.column_stack([self.lot, last, self.wish_kwh, self.band_kwh, self.power_max_kw])
        _, group = np.unique(table, axis=0, return_inverse=True)
        group = group.reshape(-1)
        return np.split(np.argsort(group, kind="stable"), np.cumsum(np.bincount(group))[:-1]) if group.size else []

    def cost(self, charge: FloatArray, discharge: FloatArray) -> FloatArray:
        """Return the objective with these costs of powers, one per stay."""
        cost = np.zeros(3 * self.stays)
        cost[0::3], cost[1::3] = charge, discharge
        return cost

    def power_kw(self, x: FloatArray, lots: int, periods: int) -> tuple[FloatArray, FloatArray]:
        """Return charging and discharging by lot, kW, each of shape ``(periods, lots)``."""
        place = self.period * lots + self.lot[self.row]
        charge, discharge = (
            np.bincount(place, self.weight * values, periods * lots).astype(np.float64).reshape(periods, lots)
            for values in (x[0::3], x[1::3])
        )
        return charge, discharge


def reachable_kwh(
    batch: VehicleBatch, site: LotSite, charge: BoolArray, discharge: BoolArray, period_h: float | FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the least and the greatest energy at departure, kWh, each of shape ``(vehicles,)``.

    Full power in every allowed period, within the band: charging alone never has to wait for a discharge.
    """
    before = [np.concatenate([[0.0], np.cumsum(period_h * allowed)]) for allowed in (charge, discharge)]
    hours = [total[batch.departure] - total[batch.arrival] for total in before]
    most = batch.energy_kwh + site.efficiency * batch.charge_max_kw * hours[0]
    least = batch.energy_kwh - batch.discharge_max_kw / site.discharge_efficiency * hours[1]
    return np.maximum(least, batch.energy_min_kwh), np.minimum(most, batch.energy_max_kwh)


def meet_wishes(
    batch: VehicleBatch,
    site: LotSite,
    charge: BoolArray,
    discharge: BoolArray,
    period_h: float | FloatArray,
    *,
    best_effort: bool,
) -> tuple[VehicleBatch, int]:
    """Check every wish against what can be reached.

    Returns
    -------
    tuple
        The batch with wishes that can be met, and how many were changed.

    Raises
    ------
    InputError
        Naming the vehicle and the missing kWh, unless best efforts are served.
    """
    least, most = reachable_kwh(batch, site, charge, discharge, period_h)
    missing, excess = batch.wish_kwh - most, least - batch.wish_kwh
    rounding = FEASIBILITY * (1.0 + batch.wish_kwh)
    bad = (missing > rounding) | (excess > rounding)
    if bad.any() and not best_effort:
        row = int(np.argmax(bad))
        amount, word = (missing[row], "missing") if missing[row] > 0.0 else (excess[row], "too much")
        raise InputError(
            f"lot {site.name}",
            f"vehicle {batch.names[row]}, wish_kwh",
            float(batch.wish_kwh[row]),
            f"a wish that full power can meet: {amount:.3f} kWh {word} ({int(bad.sum())} such vehicles)",
        )
    return replace(batch, wish_kwh=np.clip(batch.wish_kwh, least, most)), int(bad.sum())


def merge_identical(batch: VehicleBatch) -> tuple[VehicleBatch, IntArray]:
    """Merge rows that are equal in every number: exact where the feasible sets are convex.

    Returns
    -------
    tuple
        The merged batch, and the merged row of every row of the original.
    """
    table = np.column_stack([np.asarray(getattr(batch, name), dtype=np.float64) for name in _NUMBERS])
    _, first, group = np.unique(table, axis=0, return_index=True, return_inverse=True)
    group = group.reshape(-1)
    if first.size == batch.size:
        return batch, np.arange(batch.size)
    fields = {name: getattr(batch, name)[first] for name in _NUMBERS}
    names = tuple(batch.names[row] for row in first)
    return VehicleBatch(names=names, count=np.bincount(group, batch.count).astype(np.float64), **fields), group


def state_vehicles(
    batches: Sequence[VehicleBatch],
    sites: Sequence[LotSite],
    charge: BoolArray,
    discharge: BoolArray,
    period_h: float | FloatArray,
) -> VehicleProgram:
    """State the program of all vehicles of a scenario.

    Parameters
    ----------
    batches, sites
        Vehicles and site of each lot.
    charge, discharge
        Periods in which vehicles may charge and discharge, shape ``(periods,)``.
    period_h
        Length of the periods, h: one number for all, or shape ``(periods,)``.
    """
    sizes = [batch.size for batch in batches]
    lot = np.repeat(np.arange(len(sites), dtype=np.int64), sizes)
    data = {
        name: np.concatenate([getattr(batch, name) for batch in batches] or [np.zeros(0)])
        for name in (*_NUMBERS, "count")
    }
    arrival, length = data["arrival"].astype(np.int64), (data["departure"] - data["arrival"]).astype(np.int64)
    start = np.concatenate([[0], np.cumsum(length)]).astype(np.int64)
    row = np.repeat(np.arange(lot.size, dtype=np.int64), length)
    period = np.arange(start[-1], dtype=np.int64) - start[row] + arrival[row]
    last = np.zeros(row.size, dtype=bool)
    last[start[1:] - 1] = True

    efficiency = np.array([site.efficiency for site in sites])[lot]
    drawn = 1.0 / np.array([site.discharge_efficiency for site in sites])[lot]
    stays = row.size
    lower, upper = np.zeros(3 * stays), np.empty(3 * stays)
    upper[0::3] = np.where(charge[period], data["charge_max_kw"][row], 0.0)
    upper[1::3] = np.where(discharge[period], data["discharge_max_kw"][row], 0.0)
    lower[2::3] = np.where(last, data["wish_kwh"][row], data["energy_min_kwh"][row])
    upper[2::3] = np.where(last, data["wish_kwh"][row], data["energy_max_kwh"][row])
    length = spread_lengths(period_h, charge.size)[period]
    per_kw = np.column_stack([length * efficiency[row], length * drawn[row]])
    matrix, first = _balances(start, row, -per_kw[:, 0], per_kw[:, 1])
    right = np.where(first, data["energy_kwh"][row], 0.0)
    instance = Instance(matrix, np.zeros(3 * stays), right, right, lower, upper)
    return VehicleProgram(
        lot=lot,
        count=data["count"],
        start=start,
        energy_kwh=data["energy_kwh"],
        wish_kwh=data["wish_kwh"],
        band_kwh=np.column_stack([data["energy_min_kwh"], data["energy_max_kwh"]]),
        power_max_kw=np.column_stack([data["charge_max_kw"], data["discharge_max_kw"]]),
        row=row,
        period=period,
        kwh_per_kw=per_kw,
        instance=instance,
    )


def _balances(
    start: IntArray, row: IntArray, charge: FloatArray, discharge: FloatArray
) -> tuple[sp.csr_array, BoolArray]:
    """Return the matrix of (12), (13), energy minus energy before minus what flows in, and who begins a stay."""
    stays = row.size
    first = np.zeros(stays, dtype=bool)
    first[start[:-1]] = True
    k = 3 * np.arange(stays, dtype=np.int64)
    index = np.column_stack([k - 1, k, k + 1, k + 2])
    value = np.column_stack([np.full(stays, -1.0), charge, discharge, np.ones(stays)])
    keep = np.ones((stays, 4), dtype=bool)
    keep[:, 0] = ~first
    pointer = np.concatenate([[0], np.cumsum(4 - first)]).astype(np.int32)
    matrix = sp.csr_array((value[keep], index[keep].astype(np.int32), pointer), shape=(stays, 3 * stays))
    return matrix, first


def schedules(
    vehicles: VehicleProgram, x: FloatArray, groups: Sequence[IntArray], periods: int
) -> tuple[VehicleSchedule, ...]:
    """Read the schedules of every lot's vehicles off a point.

    Parameters
    ----------
    groups
        For each lot, the row (within the lot) that stands for each vehicle of its batch.
    """
    tables = [np.zeros((vehicles.lot.size, periods)) for _ in range(2)] + [
        np.full((vehicles.lot.size, periods), np.nan)
    ]
    for offset, table in enumerate(tables):
        table[vehicles.row, vehicles.period] = x[offset::3]
    answer = []
    for number, group in enumerate(groups):
        rows = np.flatnonzero(vehicles.lot == number)[group]
        answer.append(VehicleSchedule(tables[0][rows], tables[1][rows], tables[2][rows], vehicles.wish_kwh[rows]))
    return tuple(answer)
