"""The single vehicles of a lot whose arrivals are counted: by arrival, departure and contract."""

from __future__ import annotations

import numpy as np

from equilibrium.arrays import FloatArray
from equilibrium.fleet.day import VehicleBatch
from equilibrium.markets.aggregator.day import CATEGORIES, FIX2, Contracts
from equilibrium.markets.aggregator.vehicles import LotFleet
from scenarios.draws.arrivals import Stays, classes_of
from scenarios.markets.aggregator.case import hour_parts
from scenarios.markets.aggregator.schema import ContractLotSection
from scenarios.time_axis import TimeAxis

ROUNDING = 1e-12
"""Parts of an hour's vehicles below this are rounding."""


def lot_fleet(section: ContractLotSection, contracts: Contracts, stays: Stays, axis: TimeAxis) -> LotFleet:
    """Return the single vehicles of a lot: those of :func:`.case.lot_vehicles` one by one.

    A row stands for as many equal vehicles as its count says, fractions of one where the scenario counts so.

    Parameters
    ----------
    section
        The lot.
    contracts
        Shares and agreed energies.
    stays
        Its vehicles.
    axis
        The periods of the day. Where they are not hours, who comes first in an hour also leaves first in another one.
    """
    classes, part = classes_of(len(section.arrivals.stay_shares), section.contracts.classes_h), hour_parts(axis)
    rows: list[tuple[float, ...]] = []
    for hour, stay in np.argwhere(stays.count > 0.0).tolist():
        gone, kind = hour + stay + 1, int(classes[stay])
        leaves = part[:, gone] if gone < part.shape[1] else np.zeros(0)
        for begin, end, share in _paired(part[:, hour], leaves, axis.size):
            count = float(stays.count[hour, stay]) * share * contracts.share[:, kind]
            rows += [(begin, end, count[k], k, kind, leaves.size) for k in range(len(CATEGORIES)) if count[k] > 0.0]
    table = np.array(rows).reshape(-1, 6)
    begins, ends, categories, kinds = (table[:, k].astype(np.int64) for k in (0, 1, 3, 4))
    energy = np.full(len(rows), section.battery_kwh * section.arrivals.energy_share)
    least = np.where(categories >= FIX2, np.minimum(section.battery_kwh * section.energy_min_share, energy), 0.0)
    batch = VehicleBatch(
        names=tuple(f"{section.name} {number}" for number in range(len(rows))),
        arrival=begins,
        departure=ends,
        energy_kwh=energy,
        wish_kwh=section.battery_kwh * contracts.departure_soc[categories, kinds],
        energy_min_kwh=least,
        energy_max_kwh=np.maximum(section.battery_kwh * section.energy_max_share, energy),
        charge_max_kw=np.full(len(rows), section.charger_kw),
        discharge_max_kw=np.where(categories >= FIX2, section.charger_kw, 0.0),
        count=table[:, 2].copy(),
    )
    return LotFleet(batch, categories, table[:, 5] > 0.0)


def _paired(come: FloatArray, leave: FloatArray, periods: int) -> list[tuple[int, int, float]]:
    """Pair the parts of an hour's arrivals with those of an hour's departures, first in, first out.

    Parameters
    ----------
    come, leave
        Parts by period, each adding up to one; ``leave`` is empty for those who stay beyond the day.
    """
    begins = np.flatnonzero(come)
    if not leave.size:
        return [(int(begin), periods, float(come[begin])) for begin in begins]
    ends = np.flatnonzero(leave)
    marks = [np.concatenate([[0.0], np.cumsum(part[at])]) for part, at in ((come, begins), (leave, ends))]
    found = []
    for first, begin in enumerate(begins):
        for second, end in enumerate(ends):
            share = min(marks[0][first + 1], marks[1][second + 1]) - max(marks[0][first], marks[1][second])
            if share > ROUNDING and end > begin:
                found.append((int(begin), int(end), float(share)))
    return found
