"""Which columns and rows of a day's program are a generator's own; all others are the market's."""

from __future__ import annotations

import numpy as np

from equilibrium.arrays import IntArray
from equilibrium.markets.two_settlement.day_ahead import Compiled
from equilibrium.programs.program import Instance


def own_columns(compiled: Compiled, k: int) -> IntArray:
    """Return the columns of a generator: its states, and its outputs and reserves in every scenario."""
    states = compiled.first.states[k]
    parts = [states.on, states.start, states.stop, states.tier]
    for each in compiled.scenarios:
        parts += [each.above[:, k], each.reactive[:, k], each.reserve[:, :, k]]
    return np.concatenate([part.ravel() for part in parts])


def own_rows(instance: Instance, own: IntArray) -> tuple[IntArray, IntArray]:
    """Return the rows that hold own columns alone, and those that hold others too."""
    inside = np.zeros(instance.shape[1], dtype=np.bool_)
    inside[own] = True
    entries = np.diff(instance.matrix.indptr)
    count = np.asarray((instance.matrix != 0) @ inside.astype(np.float64))
    return np.flatnonzero((count > 0) & (count == entries)), np.flatnonzero((count > 0) & (count < entries))


def unpriced_rows(compiled: Compiled, instance: Instance) -> IntArray:
    """Return the rows that join states to the cost of outages: what they are worth is in no price."""
    states = np.zeros(instance.shape[1])
    for columns in compiled.tabled:
        states[columns] = 1.0
    return np.flatnonzero(np.asarray((instance.matrix != 0) @ states))
