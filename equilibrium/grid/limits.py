"""Limits that cannot be met: where, when and by how much, in one sentence each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from equilibrium.arrays import FloatArray, IntArray
from equilibrium.certificate import NEGLIGIBLE
from equilibrium.grid.network import Network

_MAXIMUM_REASONS = 12


@dataclass(frozen=True, eq=False)
class Slack:
    """A family of slacks: its columns and how to say what it found."""

    columns: IntArray
    sentence: str
    scale: float = 1.0


def reasons(network: Network, slacks: Mapping[str, Slack], x: FloatArray) -> tuple[str, ...]:
    """Return one sentence per limit that cannot be met, the largest slacks of each kind first.

    Hours count from 0, as in every table.
    """
    found: list[str] = []
    for slack in slacks.values():
        amount = x[slack.columns]
        hits = np.argwhere(amount * slack.scale > NEGLIGIBLE)
        ranked = sorted(hits.tolist(), key=lambda hit: -amount[hit[0], hit[1]])
        for hour, element in ranked[:_MAXIMUM_REASONS]:
            bus = network.feeder.buses[element] if "{bus}" in slack.sentence else ""
            lot = network.lots[element].name if "{lot}" in slack.sentence else ""
            found.append(slack.sentence.format(bus=bus, lot=lot, hour=hour, amount=amount[hour, element] * slack.scale))
        if len(ranked) > _MAXIMUM_REASONS:
            found.append(f"and {len(ranked) - _MAXIMUM_REASONS} more of this kind")
    return tuple(found)
