"""Distribution locational marginal prices and what they are made of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from equilibrium.arrays import FloatArray
from equilibrium.grid.distribution import VOLTS_PER_KILOVOLT, polygon
from equilibrium.grid.network import Network
from equilibrium.programs.program import Program


@dataclass(frozen=True, eq=False)
class NodalPrices:
    """DLMPs in currency/kWh, each ``(hours, buses)``; ``dlmp = energy + congestion + voltage``."""

    dlmp: FloatArray
    energy: FloatArray
    congestion: FloatArray
    voltage: FloatArray


def nodal_prices(network: Network, program: Program, y: FloatArray, length_h: FloatArray) -> NodalPrices:
    """Read the DLMPs off the multipliers and split them along the path from the root.

    Stationarity of the branch flows (4m), (4o) with ``LMP = -lambda^P`` says that from a bus to the next one
    downstream the price changes by the branch's congestion term ``sum_n a_n zeta_n`` and by its voltage term
    ``R/V0`` times the multiplier of the voltage drop. The energy part is the price at the substation.

    Parameters
    ----------
    y
        Multipliers of the rows of ``program``, signs as in :mod:`equilibrium.programs.duality`.
    length_h
        Length of each period, h, shape ``(hours,)``.
    """
    feeder, per_kwh = network.feeder, length_h[:, None]
    dlmp = program.multiplier(y, "active_balance") / per_kwh
    substation = program.multiplier(y, "active_root") / length_h
    congestion = np.zeros_like(dlmp)
    rated = np.flatnonzero(np.isfinite(feeder.rating_kva))
    a, _, _ = polygon(network.polygon_edges)
    congestion[:, rated] = -program.multiplier(y, "branch_polygon") @ a / per_kwh
    voltage = np.zeros_like(dlmp)
    scale = VOLTS_PER_KILOVOLT * feeder.root_voltage_pu * feeder.base_kv
    voltage[:, 1:] = -program.multiplier(y, "voltage_drop") * feeder.r_ohm[1:] / scale / per_kwh
    return NodalPrices(
        dlmp=dlmp,
        energy=np.repeat(substation[:, None], feeder.size, axis=1),
        congestion=feeder.path_sum(congestion),
        voltage=feeder.path_sum(voltage),
    )
