"""Prices where hours share multipliers: the rule of :mod:`equilibrium.nodal_prices` on the whole day's face."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from equilibrium.errors import SolverError
from equilibrium.network import FloatArray
from equilibrium.nodal_prices import DualFace, PublishedPrices, Taker
from equilibrium.program import INF
from equilibrium.solvers import Handle, Status, open_handle


def publish_joined(
    face: DualFace, power: FloatArray, weight: FloatArray, takers: Sequence[Taker] = ()
) -> PublishedPrices:
    """Choose prices by the rule and find the interval of each, one linear program for each end of it.

    Parameters
    ----------
    face
        All multipliers that support the day's dispatch.
    power, weight
        What the lots draw, and what a unit of each price costs the strategic ones, kW, shape ``(hours, lots)``.
    takers
        The price-taking lots. Where no price supports them, the rule goes without them and their regret shows it.

    Returns
    -------
    PublishedPrices
        ``mu`` are the face's own multipliers, shape ``(columns,)``.
    """
    handle, none = open_handle(face.instance), np.zeros_like(power)
    chosen, seconds = face.best_supporting(weight, none, power, takers) if takers else (None, 0.0)
    if chosen is None:
        chosen, spent = _least(face, handle, (face.prices * weight[face.hour]).sum(axis=1))
        seconds += spent
    if chosen is None:
        raise SolverError("no least payment: a strategic lot at the smallest power that leaves a dispatch")
    price, low, high = none.copy(), none.copy(), none.copy()
    for lot in range(power.shape[1]):
        price[:, lot] = np.bincount(face.hour, face.prices[:, lot] * chosen, minlength=power.shape[0])
        for hour in range(power.shape[0]):
            sensitivity = np.where(face.hour == hour, face.prices[:, lot], 0.0)
            for sign, target in ((1.0, low), (-1.0, high)):
                at, spent = _least(face, handle, sign * sensitivity)
                seconds += spent
                target[hour, lot] = -sign * INF if at is None else sensitivity @ at
    return PublishedPrices(chosen, price, low, high, seconds)


def _least(face: DualFace, handle: Handle, cost: FloatArray) -> tuple[FloatArray | None, float]:
    """Minimise ``cost`` over the face, ``None`` where that is unbounded; and the solver's time."""
    handle.update(face.instance.with_cost(cost))
    solution = handle.solve()
    if solution.status is Status.UNBOUNDED:
        return None, solution.seconds
    if solution.status is not Status.OPTIMAL:
        raise SolverError(f"the dual face is {solution.status}: the dispatch is not optimal")
    return solution.x, solution.seconds
