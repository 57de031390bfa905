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
from equilibrium.programs.program import FEASIBILITY, INF

DAMPING, FIRST_DAMPING = 0.1, 0.01
"""Damping of Newton's steps, relative to the energy that is left over. With little the search is mostly shorter, but
may not end: then it begins anew."""

FIRST_STEPS = 25
"""Steps of the search with little damping, which mostly takes fewer than ten."""

LEAST_DAMPING = 1e-6
"""The same where next to nothing is left over, kWh: levels that nothing ties to others must not drift."""

FAR = 0.2
"""Where levels to begin with leave more than this of the largest energy, those of :func:`filling` may be nearer."""

OVERSHOOT = 0.3
"""Slope that a step may end with, uphill, relative to the one that it begins with, downhill."""

SHORTEN = 0.1
"""Least part of a step that is tried next when it goes too far."""

PATIENCE = 5
"""Steps after the first that leaves no more than :data:`NEGLIGIBLE`: rounding of p may leave that much."""

SLOW = 0.5
"""A step that leaves more than this of what was left makes no headway: perhaps there is no split."""

LAST_DIGITS = 1e-12
"""Change of the function that is rounding, relative to ``1 +`` its size."""

FURTHER = 3
"""Steps beyond the one that finds the first cuts: they find more and deeper ones, and each spares a whole program."""

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


class _Load:
    """What is to be split: u ``(periods, vehicles)``, e ``(vehicles,)`` and p ``(periods,)``; the last has e's sum."""

    def __init__(self, limit_kwh: FloatArray, need_kwh: FloatArray, energy_kwh: FloatArray) -> None:
        self.limit, self.need, self.energy = np.ascontiguousarray(limit_kwh.T), need_kwh, energy_kwh
        self.vehicle, self.diagonal = np.arange(need_kwh.size), np.diag_indices(energy_kwh.size)


@dataclass(frozen=True, eq=False)
class _Levels:
    """A point of the search: levels b ``(periods,)`` and shares ``(periods, vehicles)``.

    ``excess`` ``(periods,)`` is the gradient, what the vehicles draw beyond p, ``left`` its largest entry, and
    ``value`` that of the function itself.
    """

    level: FloatArray
    share: FloatArray
    excess: FloatArray
    left: float
    value: float


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
        return _split(_Load(limit_kwh, need_kwh, energy_kwh), level)
    wider = _Load(np.column_stack([limit_kwh, need_kwh]), need_kwh, np.append(energy_kwh, missing))
    found = _split(wider, level)
    if isinstance(found, list):
        return [Cut(cut.hours[:-1], cut.limit_kwh) for cut in found]  # with the last, nothing is too much
    return EvenSplit(found.energy_kwh[:, :-1], found.level)


def most_kwh(limit_kwh: FloatArray, need_kwh: FloatArray, order: IntArray) -> FloatArray:
    """Return f of the first k periods of an order, k = 1 .. periods: the most that vehicles can draw in them."""
    return _most(limit_kwh, need_kwh, _prefixes(order))


def broken_cuts(
    limit_kwh: FloatArray, need_kwh: FloatArray, energy_kwh: FloatArray, *orders: IntArray
) -> dict[bytes, Cut]:
    """Return the first k periods of some orders, for every k, where they are asked for more than vehicles can draw.

    Each set of periods is there once; the keys are its bytes.
    """
    hours = np.concatenate([_prefixes(order) for order in orders])
    limit = _most(limit_kwh, need_kwh, hours)
    broken = np.flatnonzero(hours @ energy_kwh > limit + NEGLIGIBLE)
    pairs = zip(hours[broken], limit[broken].tolist(), strict=True)
    return {each.tobytes(): Cut(each, most) for each, most in pairs}


def _prefixes(order: IntArray) -> BoolArray:
    """Return in row k the first k + 1 periods of an order."""
    count = np.arange(order.size)
    place = np.empty_like(count)
    place[order] = count
    return np.asarray(place <= count[:, None])


def _most(limit_kwh: FloatArray, need_kwh: FloatArray, hours: BoolArray) -> FloatArray:
    drawn = hours.astype(np.float64) @ limit_kwh.T  # a product takes a third of a cumulative sum
    return np.asarray(np.minimum(drawn, need_kwh, out=drawn).sum(axis=1))


def filling(limit_kwh: FloatArray, need_kwh: FloatArray, energy_kwh: FloatArray) -> FloatArray:
    """Return how full every period is, within 0 .. 1: levels to begin with where nothing better is known."""
    most = np.minimum(limit_kwh, need_kwh[:, None]).sum(axis=0)
    return _between(np.divide(energy_kwh, most, out=np.zeros_like(most), where=most > 0.0))


def greedy_split(limit_kwh: FloatArray, need_kwh: FloatArray, order: IntArray) -> FloatArray:
    """Return what vehicles draw that charge as early in an order of the periods as they can, as :func:`most_kwh`."""
    drawn = np.empty_like(limit_kwh)
    drawn[:, order] = np.diff(np.minimum(np.cumsum(limit_kwh[:, order], axis=1), need_kwh[:, None]), prepend=0.0)
    return drawn


def _split(load: _Load, level: FloatArray | None) -> EvenSplit | list[Cut]:
    for damping, steps in ((FIRST_DAMPING, FIRST_STEPS), (DAMPING, MAXIMUM_STEPS)):
        found = _damped(load, _begin(load, level), damping, steps)
        if found is not None:
            return found
    raise SolverError(f"an energy was neither split among {load.need.size} vehicles nor proved not to be")


def _damped(load: _Load, at: _Levels, damping: float, maximum_steps: int) -> EvenSplit | list[Cut] | None:
    """Search with one damping; ``None`` where that does not end in time."""
    best = at
    left, waited, further = INF, 0, 0
    cuts: dict[bytes, Cut] = {}
    for _ in range(maximum_steps):
        if cuts or at.left > SLOW * left or left == INF:
            order = np.argsort(-at.level, kind="stable")
            cuts |= broken_cuts(load.limit.T, load.need, load.energy, order)
        if cuts:
            if further == FURTHER:
                return list(cuts.values())
            further, at = further + 1, _step(load, at, damping)
            continue
        left = at.left
        best = at if left < best.left else best
        waited += best.left <= NEGLIGIBLE
        if best.left <= FEASIBILITY or waited > PATIENCE:
            return EvenSplit((load.limit * best.share).T, best.level)
        at = _step(load, at, damping)
    return None


def _begin(load: _Load, level: FloatArray | None) -> _Levels:
    """Return where to begin: at known levels, or where no levels are known or others are lower at :func:`filling`."""
    known = None if level is None or level.size != load.energy.size else _at(load, _together(level))
    if known is not None and known.left <= FAR * load.energy.max():
        return known
    full = _at(load, filling(load.limit.T, load.need, load.energy))
    return full if known is None or full.value < known.value else known


def _step(load: _Load, at: _Levels, damping: float) -> _Levels:
    """Go a damped Newton step, less far where that would be far beyond the lowest point on the way.

    The function falls without end along a gap above which too much is asked for. Where such a gap was closed the end of
    the way may lie higher than its beginning: there a cut is to be found, so no shorter way is looked for.
    """
    free = load.limit * ((at.share > 0.0) & (at.share < 1.0))
    each = free.sum(axis=0)
    each[each == 0.0] = 1.0
    downhill = (free / each) @ free.T
    downhill[load.diagonal] -= free.sum(axis=1) + max(damping * at.left, LEAST_DAMPING)
    way = np.linalg.solve(downhill, at.excess)
    steep, length = -float(way @ at.excess), 1.0
    while True:
        level = at.level + length * way
        found = _at(load, _together(level))
        beyond = float(way @ found.excess)
        lower = found.value <= at.value + LAST_DIGITS * (1.0 + abs(at.value))
        if beyond <= OVERSHOOT * steep and (lower or not np.array_equal(found.level, level)):
            return found
        length *= max(steep / (steep + beyond), SHORTEN) if beyond > OVERSHOOT * steep else 0.5


def _together(level: FloatArray) -> FloatArray:
    """Move levels that are further apart than one together; mostly none are."""
    rising = np.sort(level)
    if (rising[1:] - rising[:-1]).max(initial=0.0) <= 1.0:
        return level
    order = np.argsort(level, kind="stable")
    rising = level[order]
    wider = np.maximum(rising[1:] - rising[:-1] - 1.0, 0.0)
    level = level.copy()
    level[order[1:]] -= np.cumsum(wider)
    return level


def _at(load: _Load, level: FloatArray) -> _Levels:
    share = _shares(load, level)
    energy = load.limit * share
    excess = energy.sum(axis=1) - load.energy
    value = float(excess @ level) - 0.5 * float(np.vdot(energy, share))
    return _Levels(level, share, excess, float(np.abs(excess).max(initial=0.0)), value)


def _shares(load: _Load, level: FloatArray) -> FloatArray:
    """Return the shares of all vehicles at given levels, shape ``(periods, vehicles)``.

    What a vehicle draws falls with a, and is straight between the points ``b_t`` and ``b_t - 1``, which are the same
    for all vehicles.
    """
    point = np.concatenate([level - 1.0, level])
    point.sort()
    drawn = _between(level - point[:, None]) @ load.limit
    above = np.add.reduce((drawn >= load.need).view(np.int8), axis=0, dtype=np.int16)  # a sum of truths takes long
    right = np.minimum(np.maximum(above, 1), point.size - 1)
    high, low = drawn[right - 1, load.vehicle], drawn[right, load.vehicle]
    part = np.divide(high - load.need, high - low, out=np.zeros_like(high), where=high > low)
    start = point[right - 1]
    return _between(level[:, None] - (start + _between(part) * (point[right] - start)))


def _between(values: FloatArray) -> FloatArray:
    """Keep values within 0 .. 1, in place; ``np.clip`` spends as long on its arguments as on small arrays."""
    return np.minimum(np.maximum(values, 0.0, out=values), 1.0, out=values)
