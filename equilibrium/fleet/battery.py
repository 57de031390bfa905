"""What one battery is worth while it charges or discharges, but not both: exact dynamic programming over its energy.

Every period pays ``a`` per kW charged or ``b`` per kW discharged. With the energy ``s`` at the beginning of a period,

    V_t(s) = max( max_c  a c + V_t+1(s + h_t eta_ch c) ,  max_d  b d + V_t+1(s - h_t d / eta_dch) )

(12), (13), with h_t the length of the period. V is continuous and piecewise linear on an interval, but not concave, so
it is kept as the points between which it is straight. Vehicles that differ only in their arrival and in the energy they
bring share one V: the function is worked out backwards from the departure, once for all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from equilibrium.arrays import FloatArray, IntArray
from equilibrium.errors import SolverError
from equilibrium.fleet.vehicles import VehicleProgram

SAME_KWH = 1e-13
"""Energies closer than this are one point of a value function, relative to ``1 +`` the energy."""

STRAIGHT = 1e-15
"""A point is left out where the function passes it by less than this, relative to its greatest value."""

OUTSIDE_KWH = 1e-6
"""An energy may lie outside what can reach the wish by this much (rounding of the wish); it is then moved inside."""


@dataclass(frozen=True, eq=False)
class Worth:
    """A continuous piecewise linear function of the energy on an interval, by the points between which it is straight.

    Attributes
    ----------
    energy_kwh, value
        Points, energies increasing, shape ``(points,)``.
    """

    energy_kwh: FloatArray
    value: FloatArray

    def at(self, energy_kwh: FloatArray) -> FloatArray:
        """Return the values at some energies of the interval; outside, those at its ends."""
        return np.asarray(np.interp(energy_kwh, self.energy_kwh, self.value))


@dataclass(frozen=True)
class Step:
    """What a battery may do in one period and what it gets for it.

    Attributes
    ----------
    charge_kwh, discharge_kwh
        Greatest rise and fall of the energy.
    charge_worth, discharge_worth
        What a kWh of rise and a kWh of fall pay.
    """

    charge_kwh: float
    discharge_kwh: float
    charge_worth: float
    discharge_worth: float


def before(after: Worth, step: Step, low_kwh: float, high_kwh: float) -> Worth:
    """Return the value function at the beginning of a period, within the band ``low_kwh .. high_kwh``.

    Between two neighbours of the points, moved and not moved, the maximum is that of at most five straight lines: do
    nothing, go as far as possible up or down, or to the best point on the way.
    """
    x = after.energy_kwh
    up, down = step.charge_kwh, step.discharge_kwh
    first, last = max(low_kwh, x[0] - up), min(high_kwh, x[-1] + down)
    moved = np.concatenate([x, x - up, x + down, [first, last]])
    grid = _distinct(moved[(moved >= first) & (moved <= last)])
    if grid.size == 1:
        return Worth(grid, _lines(after, step, grid, grid).max(axis=0)[:, 0])
    left, right = grid[:-1], grid[1:]
    ends = _lines(after, step, left, right)
    best = np.concatenate([[ends[:, 0, 0].max()], np.maximum(ends[:, :-1, 1].max(axis=0), ends[:, 1:, 0].max(axis=0))])
    best = np.append(best, ends[:, -1, 1].max())
    where, height = _crossings(left, right, ends)
    points, order = np.unique(np.concatenate([grid, where]), return_index=True)
    return _straightened(points, np.concatenate([best, height])[order])


def _distinct(values: FloatArray) -> FloatArray:
    values = np.sort(values)
    return np.asarray(values[np.concatenate([[True], np.diff(values) > SAME_KWH * (1.0 + np.abs(values[1:]))])])


def _lines(after: Worth, step: Step, left: FloatArray, right: FloatArray) -> FloatArray:
    """Return the five lines at both ends of every piece, shape ``(5, pieces, 2)``; minus infinity where one is none."""
    x, v = after.energy_kwh, after.value
    middle, ends = 0.5 * (left + right), np.stack([left, right], axis=-1)
    lines = np.full((5, left.size, 2), -np.inf)
    shifts = (0.0, step.charge_kwh, -step.discharge_kwh)
    pays = (0.0, step.charge_worth * step.charge_kwh, step.discharge_worth * step.discharge_kwh)
    room = SAME_KWH * (1.0 + abs(x[-1]))
    for number, (shift, pay) in enumerate(zip(shifts, pays, strict=True)):
        inside = (middle + shift >= x[0] - room) & (middle + shift <= x[-1] + room)
        lines[number, inside] = np.interp(ends[inside] + shift, x, v) + pay
    for number, (low, high, slope) in enumerate(
        (
            (middle, middle + step.charge_kwh, step.charge_worth),
            (middle - step.discharge_kwh, middle, -step.discharge_worth),
        )
    ):
        top = _window_maximum(x, v + slope * x, low, high)
        lines[3 + number] = top[:, None] - slope * ends
    return lines


def _window_maximum(x: FloatArray, w: FloatArray, low: FloatArray, high: FloatArray) -> FloatArray:
    """Return the greatest ``w`` of the points strictly between ``low`` and ``high``, minus infinity where none is."""
    begin, end = np.searchsorted(x, low, side="right"), np.searchsorted(x, high, side="left")
    pairs = np.column_stack([begin, end]).ravel()
    top = np.maximum.reduceat(np.append(w, -np.inf), pairs)[::2]
    return np.where(begin < end, top, -np.inf)


_PAIRS = np.array(list(combinations(range(5), 2)))


def _crossings(left: FloatArray, right: FloatArray, ends: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return where two lines cross on top of all others, strictly inside their piece, and how high."""
    with np.errstate(invalid="ignore", divide="ignore"):
        apart = ends[_PAIRS[:, 0]] - ends[_PAIRS[:, 1]]
        share = apart[..., 0] / (apart[..., 0] - apart[..., 1])
    pair, piece = np.nonzero((share > 0.0) & (share < 1.0))
    share = share[pair, piece]
    with np.errstate(invalid="ignore"):
        every = ends[:, piece, 0] + share * (ends[:, piece, 1] - ends[:, piece, 0])
    every[np.isnan(every)] = -np.inf
    height, own = every.max(axis=0), every[_PAIRS[pair, 0], np.arange(pair.size)]
    top = own >= height - STRAIGHT * (1.0 + np.abs(height))
    where = left[piece] + share * (right[piece] - left[piece])
    return where[top], height[top]


def _straightened(x: FloatArray, v: FloatArray) -> Worth:
    """Leave out points that lie on the line between their neighbours, never two neighbours at once."""
    for odd in (1, 0):
        if x.size < 3:
            break
        share = (x[1:-1] - x[:-2]) / (x[2:] - x[:-2])
        off = np.abs(v[:-2] + share * (v[2:] - v[:-2]) - v[1:-1])
        keep = np.ones(x.size, dtype=bool)
        keep[1:-1] = off > STRAIGHT * (1.0 + np.abs(v).max())
        keep[odd::2] = True
        keep[-1] = True
        x, v = x[keep], v[keep]
    return Worth(x, v)


def onward(after: Worth, step: Step, energy_kwh: FloatArray) -> FloatArray:
    """Return the best energy at the end of a period for some energies at its beginning, shape ``(vehicles,)``."""
    x = after.energy_kwh
    inside = np.clip(energy_kwh, x[0] - step.charge_kwh, x[-1] + step.discharge_kwh)
    targets = np.stack([inside, inside + step.charge_kwh, inside - step.discharge_kwh], axis=1)
    targets = np.hstack([targets.clip(x[0], x[-1]), np.broadcast_to(x, (inside.size, x.size))])
    change = targets - inside[:, None]
    room = SAME_KWH * (1.0 + x[-1])
    gain = np.where(change > 0.0, step.charge_worth * change, -step.discharge_worth * change)
    gain = np.where((change <= step.charge_kwh + room) & (-change <= step.discharge_kwh + room), gain, -np.inf)
    choice = np.argmax(gain + after.at(targets), axis=1)
    return np.asarray(targets[np.arange(inside.size), choice])


@dataclass(frozen=True, eq=False)
class Schedules:
    """Best schedules of all rows.

    Attributes
    ----------
    x
        Columns of the vehicles' program.
    value
        The most that each row can earn, by the value functions, shape ``(rows,)``.
    """

    x: FloatArray
    value: FloatArray


def best_schedules(vehicles: VehicleProgram, earned: FloatArray) -> Schedules:
    """Maximise what every row earns, one way at a time.

    Parameters
    ----------
    earned
        What each column earns, shape ``(columns,)``: nothing for energies; for powers the same for all rows of a lot in
        one period.

    Raises
    ------
    SolverError
        When a wish cannot be reached.
    """
    x, value = np.zeros(3 * vehicles.stays), np.zeros(vehicles.lot.size)
    for rows in vehicles.classes:
        _solve_class(vehicles, earned, rows, x, value)
    return Schedules(x, value)


def _solve_class(
    vehicles: VehicleProgram, earned: FloatArray, rows: IntArray, x: FloatArray, value: FloatArray
) -> None:
    """Work out the value functions that some rows share, and write their schedules and values."""
    length = np.diff(vehicles.start)[rows]
    longest = rows[np.argmax(length)]
    steps = _steps(vehicles, earned, int(longest))
    low, high = vehicles.band_kwh[longest].tolist()
    wish = vehicles.wish_kwh[[longest]]
    functions = [Worth(wish, np.zeros(1))]
    for step in reversed(steps):
        functions.append(before(functions[-1], step, low, high))
    functions.reverse()

    energy = np.full(rows.size, np.nan)
    for number, step in enumerate(steps):
        left = len(steps) - number
        new = np.flatnonzero(length == left)
        if new.size:
            energy[new] = _inside(functions[number], vehicles.energy_kwh[rows[new]])
            value[rows[new]] = functions[number].at(energy[new])
        here = np.flatnonzero(length >= left)
        after = onward(functions[number + 1], step, energy[here])
        change = after - energy[here]
        stay = vehicles.start[rows[here] + 1] - left
        column, per_kw = 3 * stay, vehicles.kwh_per_kw[stay]
        x[column] = np.maximum(change, 0.0) / per_kw[:, 0]
        x[column + 1] = np.maximum(-change, 0.0) / per_kw[:, 1]
        x[column + 2] = energy[here] = after


def _steps(vehicles: VehicleProgram, earned: FloatArray, row: int) -> Sequence[Step]:
    """Return what a row may do in its periods."""
    stays = slice(int(vehicles.start[row]), int(vehicles.start[row + 1]))
    columns = slice(3 * stays.start, 3 * stays.stop)
    per_kw = vehicles.kwh_per_kw[stays]
    limit = vehicles.instance.col_upper[columns].reshape(-1, 3)[:, :2] * per_kw
    worth = earned[columns].reshape(-1, 3)[:, :2] / per_kw
    return [Step(*pair) for pair in np.hstack([limit, worth]).tolist()]


def _inside(function: Worth, energy_kwh: FloatArray) -> FloatArray:
    inside = np.clip(energy_kwh, function.energy_kwh[0], function.energy_kwh[-1])
    far = float(np.abs(inside - energy_kwh).max(initial=0.0))
    if far > OUTSIDE_KWH:
        raise SolverError(f"a vehicle cannot reach its wish: {far:.6g} kWh are missing")
    return inside
