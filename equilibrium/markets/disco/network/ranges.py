"""How far the flows of a day can go: the range that the segments of every branch divide.

A square is overestimated by up to a quarter of its segment's square, so the segments should divide what a branch can
carry today and not its rating (docs/disco.md, "How far flows go").
"""

from __future__ import annotations

import numpy as np

from equilibrium.arrays import BoolArray, FloatArray
from equilibrium.fleet.day import VehicleBatch
from equilibrium.grid.flow_range import FlowRange, largest_flows
from equilibrium.grid.network import Network
from equilibrium.markets.disco.day import DiscoDay


def day_range(network: Network, day: DiscoDay, charge: BoolArray, discharge: BoolArray) -> FlowRange:
    """Return the greatest flow of each branch in any period and scenario of a day, shape ``(buses,)``.

    All periods and scenarios share it: so one program serves them all, and it does not matter with which others a
    scenario is cleared.

    Parameters
    ----------
    charge, discharge
        Periods in which vehicles may charge and discharge, shape ``(periods,)``.
    """
    least, greatest, lots = [], [], (day.periods, len(network.lots))
    for scenario in day.scenarios:
        low, high = np.zeros(lots), np.zeros(lots)
        for lot, batch in enumerate(scenario.vehicles):
            low[:, lot] = -_most(batch, batch.discharge_max_kw, discharge)
            high[:, lot] = _most(batch, batch.charge_max_kw, charge)
        least.append(low)
        greatest.append(high)
    count = len(day.scenarios)
    found = largest_flows(
        network,
        load_kw=np.tile(day.load_kw, (count, 1)),
        load_kvar=np.tile(day.load_kvar, (count, 1)),
        renewable_max_kw=np.concatenate([scenario.renewable_kw for scenario in day.scenarios]),
        lot_min_kw=np.concatenate(least),
        lot_max_kw=np.concatenate(greatest),
        at_once=True,
    )
    return FlowRange(found.kw[0], found.kvar[0])


def _most(batch: VehicleBatch, power_kw: FloatArray, allowed: BoolArray) -> FloatArray:
    """Return the sum of the vehicles' greatest powers in each period, kW, shape ``(periods,)``."""
    period = np.arange(allowed.size)
    here = (period >= batch.arrival[:, None]) & (period < batch.departure[:, None]) & allowed
    return np.asarray((batch.count * power_kw) @ here, dtype=np.float64)
