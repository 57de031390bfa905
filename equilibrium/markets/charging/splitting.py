"""Keep a market on schedules that can be split among the vehicles, lot by lot."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from equilibrium.arrays import FloatArray
from equilibrium.fleet.envelope import Cut, allocate, nested_cuts
from equilibrium.grid.network import Network
from equilibrium.markets.charging.day import MarketDay
from equilibrium.programs.program import INF, Program

MAXIMUM_CUT_ROUNDS = 500

LotCut = tuple[int, Cut]
"""A lot's index and a cut of its charging."""

Split = list[FloatArray | list[Cut] | None]
"""Per lot: power of each vehicle, or the cuts that forbid the schedule, or ``None`` without vehicles."""


def first_cuts(network: Network, day: MarketDay) -> list[LotCut]:
    """Return the cuts that bind if every fleet charges in the hours of lowest wholesale price."""
    return [
        (k, cut)
        for k, (site, lot) in enumerate(zip(network.lots, day.lots, strict=True))
        if lot.fleet is not None
        for cut in nested_cuts(lot.fleet, day.wholesale_price, site.efficiency)
    ]


def split_lots(network: Network, day: MarketDay, power_kw: FloatArray, price: FloatArray) -> Split:
    """Split every lot's power among its vehicles; ``power_kw`` and ``price`` have shape ``(hours, lots)``."""
    return [
        allocate(lot.fleet, power_kw[:, k], site.efficiency, price[:, k]) if lot.fleet is not None else None
        for k, (site, lot) in enumerate(zip(network.lots, day.lots, strict=True))
    ]


def broken_cuts(split: Split) -> list[LotCut]:
    """Return the cuts of the lots whose power could not be split."""
    return [(lot, cut) for lot, part in enumerate(split) if isinstance(part, list) for cut in part]


def vehicle_powers(split: Split) -> tuple[FloatArray | None, ...]:
    """Return the vehicles' powers of a split without cuts."""
    return tuple(part if isinstance(part, np.ndarray) else None for part in split)


def cut_rows(
    program: Program, cuts: list[LotCut], length_h: FloatArray, lots: int
) -> tuple[sp.csr_array, FloatArray, FloatArray]:
    """Return cuts as rows over the columns of ``program``: matrix, lower and upper sides."""
    power = program.columns["lot_kw"].index.reshape(-1, lots)
    columns = [power[cut.hours, lot] for lot, cut in cuts]
    starts = np.cumsum([0, *(index.size for index in columns)])
    index = np.concatenate(columns)
    weight = np.concatenate([length_h[cut.hours] for _, cut in cuts])
    matrix = sp.csr_array((weight, index, starts), shape=(len(cuts), program.shape[1]))
    return matrix, np.full(len(cuts), -INF), np.array([cut.limit_kwh for _, cut in cuts])
