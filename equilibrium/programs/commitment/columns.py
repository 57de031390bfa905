"""Where the columns of one unit stand in the program of a commitment."""

from __future__ import annotations

from dataclasses import dataclass

from equilibrium.arrays import IntArray


@dataclass(frozen=True, eq=False)
class StateColumns:
    """Columns of the states of one unit, shape ``(periods,)`` each, and ``(tiers, periods)`` for those of a start."""

    on: IntArray
    start: IntArray
    stop: IntArray
    tier: IntArray


@dataclass(frozen=True, eq=False)
class UnitColumns:
    """Columns of one unit, shape ``(periods,)`` each, ``(periods, segments)`` for the segments of its curve.

    ``reserve`` has one column for each reserve that it may hold, shape ``(reserves, periods)``; ``tier`` one for each
    tier of its start, shape ``(tiers, periods)``; ``own`` are all of them.
    """

    on: IntArray
    start: IntArray
    stop: IntArray
    segment: IntArray
    reserve: IntArray
    tier: IntArray
    own: IntArray
