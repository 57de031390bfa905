"""Split a lot's energy among its vehicles as evenly as they allow, or find periods that ask for too much.

Vehicle i draws ``x_it = u_it s_it`` in period t: a share ``s_it`` of what it can draw there. A split meets

    sum_t x_it = e_i ,   sum_i x_it = p_t ,   0 <= s_it <= 1

and among all splits this module takes the one with the least ``sum_it u_it s_it^2``. There is exactly one, because the
sum is strictly convex; it does not depend on how it was found, and it moves continuously with ``p`` (the projection of
a point on a polyhedron whose right-hand side moves). With multipliers ``a_i`` and ``b_t`` of the two sums it is

    s_it = b_t - a_i , kept within 0 .. 1 .

At given levels ``b`` the ``a_i`` follow vehicle by vehicle from ``sum_t x_it = e_i`` (:func:`_shares`), and what is
left over in the periods is the gradient of a convex, piecewise quadratic function of ``b``. Newton's method with a
damping that vanishes with the gradient (Levenberg, Marquardt) finds where it is zero.

Only differences of levels count, and only up to one: where no level lies between ``v`` and ``v + 1``, a vehicle either
draws all it can in the periods A above or draws nothing in those below. Then the vehicles draw exactly ``f(A) = sum_i
min(sum over A of u_it, e_i)`` in A, the most that they ever can, and a split exists only if ``p`` asks for no more. So
levels further apart than one are moved together, and periods above a gap are the cut that proves that there is no
split (max-flow min-cut). Other sets of highest levels are looked at on the way and mostly prove it earlier.

References
----------
K. Levenberg, "A method for the solution of certain non-linear problems in least squares", Quarterly of Applied
Mathematics 2(2), 1944. J. Edmonds, "Submodular functions, matroids, and certain polyhedra", in Combinatorial
Structures and Their Applications, 1970.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from equilibrium.arrays import BoolArray, FloatArray, IntArray
from equilibrium.certificate import NEGLIGIBLE
from equilibrium.errors import SolverError
from equilibrium.programs.program import FEASIBILITY

DAMPING = 0.03
"""Damping of Newton's steps, relative to the energy that is left over: with less, the first steps go too far."""

OVERSHOOT = 0.1
"""Slope that a step may end with, uphill, relative to the one that it begins with, downhill."""

SHORTEN = 0.1
"""Least part of a step that is tried next when it goes too far."""

PATIENCE = 5
"""Steps after the first that leaves no more than :data:`NEGLIGIBLE`: rounding of p may leave that much."""

LAST_DIGITS = 1e-12
"""Change of the function that is rounding, relative to ``1 +`` its size."""

MAXIMUM_STEPS = 500


@dataclass(frozen=True, eq=False)
class Cut:
    """A valid inequality that an energy broke: ``sum of p over the hours <= limit_kwh``."""

    hours: BoolArray
    limit_kwh: float


@dataclass(frozen=True, eq=False)
class EvenSplit:
    """A split.

    Attributes
    ----------
    energy_kwh
        Energy of each vehicle in each period, shape ``(vehicles, periods)``.
    level
        Levels of the periods that it follows from.
    """

    energy_kwh: FloatArray
    level: FloatArray


@dataclass(frozen=True, eq=False)
class Load:
    """What is to be split.

    Attributes
    ----------
    limit_kwh
        u, shape ``(vehicles, periods)``.
    need_kwh
        e, shape ``(vehicles,)``.
    energy_kwh
        p, shape ``(periods,)``; its sum is that of the needs.
    """

    limit_kwh: FloatArray
    need_kwh: FloatArray
    energy_kwh: FloatArray


@dataclass(frozen=True, eq=False)
class _Levels:
    """A point of the search: levels b ``(periods,)``, shares and energies ``(vehicles, periods)``.

    ``excess`` ``(periods,)`` is the gradient, what the vehicles draw beyond p, and ``value`` the function itself.
    """

    level: FloatArray
    share: FloatArray
    energy: FloatArray
    excess: FloatArray
    value: float

    @property
    def left(self) -> float:
        """Largest energy that is left over or missing in a period, kWh."""
        return float(np.abs(self.excess).max(initial=0.0))


def even_split(
    limit_kwh: FloatArray, need_kwh: FloatArray, energy_kwh: FloatArray, level: FloatArray | None = None
) -> EvenSplit | list[Cut]:
    """Split energies among vehicles.

    Parameters
    ----------
    limit_kwh
        The most that each vehicle can draw in each period, shape ``(vehicles, periods)``.
    need_kwh
        What each vehicle needs, shape ``(vehicles,)``; not more than the sum of its limits.
    energy_kwh
        What they draw together in each period, shape ``(periods,)``. Where the sum is less than that of the needs, what
        is missing is shared as if one more period, in which every vehicle could draw all that it needs, took it.
    level
        Levels of a split of nearly the same energies, where the search begins; the answer does not depend on them.

    Returns
    -------
    EvenSplit or list of Cut
        When no split exists, cuts that prove it.

    Raises
    ------
    SolverError
        When the search does not end, which has not been seen.
    """
    missing = float(need_kwh.sum() - energy_kwh.sum())
    if missing < -NEGLIGIBLE:
        return [Cut(np.ones(energy_kwh.size, dtype=bool), float(need_kwh.sum()))]
    if missing <= NEGLIGIBLE:
        return _split(Load(limit_kwh, need_kwh, energy_kwh), level)
    wider = Load(np.column_stack([limit_kwh, need_kwh]), need_kwh, np.append(energy_kwh, missing))
    found = _split(wider, level)
    if isinstance(found, list):
        return [Cut(cut.hours[:-1], cut.limit_kwh) for cut in found]  # with the last, nothing is too much
    return EvenSplit(found.energy_kwh[:, :-1], found.level)


def most_kwh(limit_kwh: FloatArray, need_kwh: FloatArray, order: IntArray) -> FloatArray:
    """Return f of the first k periods of an order, k = 1 .. periods: the most that vehicles can draw in them."""
    return np.asarray(np.minimum(np.cumsum(limit_kwh[:, order], axis=1), need_kwh[:, None]).sum(axis=0))


def greedy_split(limit_kwh: FloatArray, need_kwh: FloatArray, order: IntArray) -> FloatArray:
    """Return what vehicles draw that charge as early in an order of the periods as they can, as :func:`most_kwh`."""
    drawn = np.empty_like(limit_kwh)
    drawn[:, order] = np.diff(np.minimum(np.cumsum(limit_kwh[:, order], axis=1), need_kwh[:, None]), prepend=0.0)
    return drawn


def _split(load: Load, level: FloatArray | None) -> EvenSplit | list[Cut]:
    if level is None or level.size != load.energy_kwh.size:
        most = np.minimum(load.limit_kwh, load.need_kwh[:, None]).sum(axis=0)
        level = np.divide(load.energy_kwh, most, out=np.zeros_like(most), where=most > 0.0).clip(0.0, 1.0)
    at = _at(load, level)
    best, waited = at, 0
    for _ in range(MAXIMUM_STEPS):
        order = np.argsort(-at.level, kind="stable")
        broken = _broken(load, order)
        if broken:
            return broken
        best = min(best, at, key=lambda point: point.left)
        waited += best.left <= NEGLIGIBLE
        if best.left <= FEASIBILITY or waited > PATIENCE:
            return EvenSplit(best.energy, best.level)
        at = _step(load, at)
    raise SolverError(f"an energy was neither split among {load.need_kwh.size} vehicles nor proved not to be")


def _broken(load: Load, order: IntArray) -> list[Cut]:
    """Return the sets of highest levels whose energy no vehicles can draw."""
    limit = most_kwh(load.limit_kwh, load.need_kwh, order)
    cuts = []
    for last in np.flatnonzero(np.cumsum(load.energy_kwh[order]) > limit + NEGLIGIBLE):
        hours = np.zeros(order.size, dtype=bool)
        hours[order[: last + 1]] = True
        cuts.append(Cut(hours, float(limit[last])))
    return cuts


def _step(load: Load, at: _Levels) -> _Levels:
    """Go a damped Newton step, less far where that would be far beyond the lowest point on the way."""
    free = np.where((at.share > 0.0) & (at.share < 1.0), load.limit_kwh, 0.0)
    each = free.sum(axis=1)
    hessian = free.T @ (free / np.where(each > 0.0, -each, 1.0)[:, None])
    diagonal = np.arange(at.level.size)
    hessian[diagonal, diagonal] += free.sum(axis=0) + DAMPING * at.left
    way = np.linalg.solve(hessian, -at.excess)
    steep, length = -float(way @ at.excess), 1.0
    while True:
        found = _at(load, _together(at.level + length * way))
        beyond = float(way @ found.excess)
        if beyond <= OVERSHOOT * steep and found.value <= at.value + LAST_DIGITS * (1.0 + abs(at.value)):
            return found
        length *= max(steep / (steep + beyond), SHORTEN) if beyond > 0.0 else 0.5


def _together(level: FloatArray) -> FloatArray:
    """Move levels that are further apart than one together."""
    order = np.argsort(level, kind="stable")
    wider = np.maximum(np.diff(level[order]) - 1.0, 0.0)
    level = level.copy()
    level[order[1:]] -= np.cumsum(wider)
    return level


def _at(load: Load, level: FloatArray) -> _Levels:
    share = _shares(load.limit_kwh, load.need_kwh, level)
    energy = load.limit_kwh * share
    value = float((energy * (level - 0.5 * share)).sum() - load.energy_kwh @ level)
    return _Levels(level, share, energy, energy.sum(axis=0) - load.energy_kwh, value)


def _shares(limit_kwh: FloatArray, need_kwh: FloatArray, level: FloatArray) -> FloatArray:
    """Return the shares of all vehicles at given levels.

    What a vehicle draws falls with a, and is straight between the points ``b_t`` and ``b_t - 1``, which are the same
    for all vehicles.
    """
    point = np.sort(np.concatenate([level - 1.0, level]))
    drawn = limit_kwh @ np.clip(level[:, None] - point, 0.0, 1.0)
    right = np.clip(np.count_nonzero(drawn >= need_kwh[:, None], axis=1), 1, point.size - 1)
    row = np.arange(need_kwh.size)
    high, low = drawn[row, right - 1], drawn[row, right]
    part = np.divide(high - need_kwh, high - low, out=np.zeros_like(need_kwh), where=high > low)
    a = point[right - 1] + np.clip(part, 0.0, 1.0) * (point[right] - point[right - 1])
    return np.asarray(np.clip(level - a[:, None], 0.0, 1.0))
