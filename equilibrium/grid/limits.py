"""Limits that cannot be met: where, when and by how much, in one sentence each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from equilibrium.arrays import FloatArray, IntArray
from equilibrium.certificate import NEGLIGIBLE
from equilibrium.grid.network import Network

_MAXIMUM_REASONS = 12


@dataclass(frozen=True, eq=False)
class Slack:
    """A family of slacks: its columns and how to say what it found.

    Attributes
    ----------
    columns
        The slacks, shape ``(periods, elements)``.
    sentence
        What is said of one; ``{amount}`` is the slack times ``scale``, or what ``measured`` says.
    scale
        What a slack of 1 is in the unit of the sentence.
    measured
        Where a slack is no quantity of physics: returns the amounts of a whole solution, of the shape of ``columns``.
    within
        What is said where a limit fails by its slack, but not by the amount that is measured.
    """

    columns: IntArray
    sentence: str
    scale: float = 1.0
    measured: Callable[[FloatArray], FloatArray] | None = None
    within: str = ""


def reasons(network: Network, slacks: Mapping[str, Slack], x: FloatArray) -> tuple[str, ...]:
    """Return one sentence per limit that cannot be met, the largest slacks of each kind first.

    Hours count from 0, as in every table.
    """
    found: list[str] = []
    for slack in slacks.values():
        amount = x[slack.columns]
        hits = np.argwhere(amount * slack.scale > NEGLIGIBLE)
        told = amount * slack.scale if slack.measured is None else slack.measured(x)
        ranked = sorted(hits.tolist(), key=lambda hit: (-told[*hit], -amount[*hit]))
        for hour, element in ranked[:_MAXIMUM_REASONS]:
            bus = network.feeder.buses[element] if "{bus}" in slack.sentence else ""
            lot = network.lots[element].name if "{lot}" in slack.sentence else ""
            sentence = slack.sentence if told[hour, element] > NEGLIGIBLE else slack.within
            found.append(sentence.format(bus=bus, lot=lot, hour=hour, amount=told[hour, element]))
        if len(ranked) > _MAXIMUM_REASONS:
            found.append(f"and {len(ranked) - _MAXIMUM_REASONS} more of this kind")
    return tuple(found)
