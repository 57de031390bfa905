"""Keep a market on schedules that can be split among the vehicles, lot by lot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import scipy.sparse as sp

from equilibrium.arrays import FloatArray
from equilibrium.fleet.envelope import allocate, likely_cuts
from equilibrium.fleet.split import Cut, EvenSplit
from equilibrium.grid.network import Network
from equilibrium.markets.charging.day import MarketDay
from equilibrium.programs.program import FEASIBILITY, INF, Program

MAXIMUM_CUT_ROUNDS = 500

LotCut = tuple[int, Cut]
"""A lot's index and a cut of its charging."""

Split = list[EvenSplit | list[Cut] | None]
"""Per lot: energy of each vehicle, or the cuts that forbid the schedule, or ``None`` without vehicles."""


def split_lots(
    network: Network,
    day: MarketDay,
    power_kw: FloatArray,
    price: FloatArray,
    *,
    near: Split | None = None,
    levels: Mapping[int, FloatArray] | None = None,
    skip: Sequence[int] = (),
) -> Split:
    """Split the lots' power among their vehicles.

    Parameters
    ----------
    power_kw, price
        Powers, and what the next kWh costs in each hour, both of shape ``(hours, lots)``.
    near
        The split of nearly the same powers, to begin with; the answer does not depend on it.
    levels
        By lot, what :func:`likely_levels` has found, for those of which there is no such split.
    skip
        Lots that are left out.
    """
    parts: Split = [None] * len(day.lots)
    for k, (site, lot) in enumerate(zip(network.lots, day.lots, strict=True)):
        if lot.fleet is None or k in skip:
            continue
        known = near[k] if near is not None else None
        level = known.level if isinstance(known, EvenSplit) else (levels or {}).get(k)
        if isinstance(known, EvenSplit) and _splits(known, power_kw[:, k] * day.length_h):
            parts[k] = known
        else:
            parts[k] = allocate(lot.fleet, power_kw[:, k], site.efficiency, price[:, k], level)
    return parts


def likely_levels(
    network: Network,
    day: MarketDay,
    power_kw: FloatArray,
    price: FloatArray,
    *,
    near: Split,
    skip: Sequence[int] = (),
) -> list[LotCut] | dict[int, FloatArray]:
    """Look for cuts of all lots where they are likely, before any lot's power is split.

    Arguments as of :func:`split_lots`.

    Returns
    -------
    list of LotCut or dict
        Without cuts, the levels at which splits may begin.
    """
    cuts, levels = list[LotCut](), dict[int, FloatArray]()
    for k, (site, lot) in enumerate(zip(network.lots, day.lots, strict=True)):
        known = near[k]
        if lot.fleet is None or k in skip:
            continue
        if isinstance(known, EvenSplit) and _splits(known, power_kw[:, k] * day.length_h):
            continue
        found = likely_cuts(lot.fleet, power_kw[:, k], site.efficiency, price[:, k])
        if isinstance(found, list):
            cuts += [(k, cut) for cut in found]
        else:
            levels[k] = found
    return cuts or levels


def _splits(known: EvenSplit, energy_kwh: FloatArray) -> bool:
    """Tell whether a split is one of these energies already."""
    return bool(np.abs(known.energy_kwh.sum(axis=0) - energy_kwh).max(initial=0.0) <= FEASIBILITY)


def broken_cuts(split: Split) -> list[LotCut]:
    """Return the cuts of the lots whose power could not be split."""
    return [(lot, cut) for lot, part in enumerate(split) if isinstance(part, list) for cut in part]


def vehicle_powers(split: Split, length_h: FloatArray) -> tuple[FloatArray | None, ...]:
    """Return the vehicles' powers of a split without cuts; ``length_h`` ``(hours,)`` are the periods' lengths."""
    return tuple(part.energy_kwh / length_h if isinstance(part, EvenSplit) else None for part in split)


def cut_rows(
    program: Program, cuts: Sequence[LotCut], length_h: FloatArray, lots: int
) -> tuple[sp.csr_array, FloatArray, FloatArray]:
    """Return cuts as rows over the columns of ``program``: matrix, lower and upper sides."""
    power = program.columns["lot_kw"].index.reshape(-1, lots)
    hours, owner = np.array([cut.hours for _, cut in cuts]), np.array([lot for lot, _ in cuts])
    row, hour = np.nonzero(hours)
    starts = np.concatenate([[0], np.cumsum(hours.sum(axis=1))])
    matrix = sp.csr_array((length_h[hour], power[hour, owner[row]], starts), shape=(len(cuts), program.shape[1]))
    return matrix, np.full(len(cuts), -INF), np.array([cut.limit_kwh for _, cut in cuts])
