"""Many days at once: clear hours through a pool of vertices whose multipliers stay valid.

Where only loads, renewable potentials and the lots' powers change, the costs of an hour do not, so every dual feasible
vertex ever found stays dual feasible. For new limits the vertex with the largest dual objective is the candidate; if
its primal point violates no row, it is optimal: that is the proof. Rows that no hour of the batch can reach, by
interval arithmetic over all loads and dispatches, need not be looked at. Hours without such a vertex go on from the
best one by the dual simplex, with every row, and what they find joins the pool.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from equilibrium.arrays import BoolArray, FloatArray, IntArray
from equilibrium.errors import InfeasibleError, InputError
from equilibrium.grid.day import GridDay
from equilibrium.grid.distribution import STATE_COLUMNS, STATE_ROWS, compile_distribution
from equilibrium.grid.network import Network
from equilibrium.programs.coupling import joined_hours
from equilibrium.programs.hourly.periods import Hours, Sides, bind_many_hours, compile_periods
from equilibrium.programs.hourly.vertices import Vertices, matvec, start
from equilibrium.programs.program import GAP, INF, signed_parts

DAYS_AT_ONCE = 100
"""Days in one batch of arrays: enough for long vectors, few enough for the cache."""


@dataclass(frozen=True, eq=False)
class DaysCleared:
    """Many days' dispatch at given charging.

    Attributes
    ----------
    cost
        Network cost of each day, currency, shape ``(days,)``; of the solved hours.
    price
        DLMP at the lots, currency/kWh, shape ``(days, hours, lots)``.
    solved
        False where no dispatch exists, shape ``(days, hours)``.
    pooled
        True where a known vertex was verified as the answer, shape ``(days, hours)``.
    """

    cost: FloatArray
    price: FloatArray
    solved: BoolArray
    pooled: BoolArray


@dataclass(eq=False)
class _Shelf:
    """The vertices of one hour of the day, that is of one cost vector; ``price`` is dC/dp at each."""

    active: IntArray
    side: IntArray
    inverse: FloatArray
    mu: FloatArray
    price: FloatArray


@dataclass(frozen=True, eq=False)
class _Reach:
    """The limits that some hour of a batch may reach: ``sign (M y + N p) <= limit - share @ base``.

    ``limit`` and ``tolerance`` have shape ``(sides,)``, ``share`` ``(sides, states)``; the limits of the dispatch
    variables, which differ by hour, come on top.
    """

    sides: Sides
    limit: FloatArray
    share: sp.csr_array
    tolerance: FloatArray

    def room(self, bound: Hours, here: slice) -> FloatArray:
        """Return what some hours leave to every side, shape ``(sides, hours)``."""
        room = np.asarray(self.share @ bound.base[here].T)
        np.subtract(self.limit[:, None], room, out=room)
        n = bound.low.shape[1]
        room[self.sides.upper[:n]], room[self.sides.lower[:n]] = bound.high[here].T, -bound.low[here].T
        return room


class ManyDays:
    """Clears the DSO's program of many days at once; prices and unit availability are those of one template day.

    Parameters
    ----------
    network
        The feeder and its assets.
    template
        Its wholesale prices, availability and lengths of hours hold for all days; its hours fill the pool first.

    Raises
    ------
    InfeasibleError
        When an hour of the template has no dispatch.
    InputError
        When the feeder couples hours: a pool of hours cannot clear it.
    """

    def __init__(self, network: Network, template: GridDay) -> None:
        joined = joined_hours(compile_distribution(network, template.length_h), "lot_kw")
        if len(joined) < template.hours:
            expected = "a network whose program falls apart by hour (no storage, no ramp limits)"
            raise InputError("many days", "network", f"hours {max(joined, key=len)} are joined", expected)
        self._network, self._template = network, template
        self._program = compile_distribution(network, 1)
        self._model = compile_periods(self._program, "lot_kw", STATE_COLUMNS, STATE_ROWS)
        self._keys: list[set[bytes]] = [set() for _ in range(template.hours)]
        hours = np.arange(template.hours)
        bound = self._bind(template.load_kw, template.load_kvar, template.renewable_kw, hours)
        vertices, solved = start(self._model, bound.data(self._model), np.zeros((hours.size, len(network.lots))))
        if not solved.all():
            raise InfeasibleError(tuple(f"hour {hour}: no dispatch" for hour in np.flatnonzero(~solved)))
        none = np.zeros((0, self._model.variables))
        whole = none.astype(np.int64)
        empty = _Shelf(whole, whole, np.zeros((0, *none.shape[1:] * 2)), none, np.zeros((0, len(network.lots))))
        self._shelves: list[_Shelf] = [empty] * template.hours
        self._add(vertices, hours)

    @property
    def vertices(self) -> int:
        """Number of vertices in the pool."""
        return sum(shelf.mu.shape[0] for shelf in self._shelves)

    def clear(
        self, load_kw: FloatArray, load_kvar: FloatArray, renewable_kw: FloatArray, lot_kw: FloatArray
    ) -> DaysCleared:
        """Clear days given as arrays of shape ``(days, hours, ...)``: buses, buses, renewable units and lots."""
        days, hours = load_kw.shape[:2]
        parts = []
        for first in range(0, days, DAYS_AT_ONCE):
            some = slice(first, min(first + DAYS_AT_ONCE, days))
            count = some.stop - some.start
            load, reactive, renewable, power = (
                array[some].swapaxes(0, 1).reshape(hours * count, array.shape[2])
                for array in (load_kw, load_kvar, renewable_kw, lot_kw)
            )
            bound = self._bind(load, reactive, renewable, np.repeat(np.arange(hours), count))
            cleared = self._clear(bound, power, count)
            parts.append([array.reshape(hours, count, *array.shape[1:]).swapaxes(0, 1) for array in cleared])
        cost, price, solved, pooled = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
        total = (np.where(solved, cost, 0.0) * self._template.length_h).sum(axis=1)
        return DaysCleared(total, price, solved, pooled)

    def _bind(self, load_kw: FloatArray, load_kvar: FloatArray, renewable_kw: FloatArray, hour: IntArray) -> Hours:
        """Bind hours of many days at once; exports are closed where the price is negative."""
        count, wholesale = hour.size, self._template.wholesale_price[hour]
        lots = np.zeros((count, len(self._network.lots)))
        available = np.where(self._template.microturbine_available, INF, 0.0)
        bound = bind_many_hours(
            self._model,
            self._program,
            {
                "wholesale_price": wholesale,
                "load_kw": load_kw,
                "load_kvar": load_kvar,
                "renewable_max_kw": renewable_kw,
                "microturbine_max_kva": np.tile(available, (count, 1)),
                "lot_min_kw": lots,
                "lot_max_kw": lots,
            },
        )
        export = int(np.searchsorted(self._model.free, self._program.columns["export_kw"].start))
        bound.high[wholesale < 0.0, export] = 0.0
        return bound

    def _add(self, vertices: Vertices, hour: IntArray) -> None:
        """Put solved vertices on their shelves; those that are there already are left out."""
        for k, shelf in enumerate(hour.tolist()):
            order = np.argsort(vertices.active[k])
            key = vertices.active[k][order].tobytes() + vertices.side[k][order].tobytes()
            if key in self._keys[shelf]:
                continue
            self._keys[shelf].add(key)
            price = -vertices.mu[k] @ self._model.n[vertices.active[k]]
            parts = (vertices.active[k], vertices.side[k], vertices.inverse[k], vertices.mu[k], price)
            old = self._shelves[shelf]
            known = (old.active, old.side, old.inverse, old.mu, old.price)
            self._shelves[shelf] = _Shelf(*(np.concatenate([a, b[None]]) for a, b in zip(known, parts, strict=True)))

    def _reach(self, bound: Hours, given: FloatArray) -> _Reach:
        """Find the limits that interval arithmetic does not exclude; bounds and those of known vertices stay."""
        model, n = self._model, self._model.variables
        sides, scale = model.sides, model.scale[n:]
        matrix = np.concatenate([model.m[n:], model.n[n:]], axis=1)
        low = np.concatenate([bound.low.min(axis=0), given.min(axis=0)])
        high = np.concatenate([bound.high.max(axis=0), given.max(axis=0)])
        up, down = np.maximum(matrix, 0.0), np.minimum(matrix, 0.0)
        plus, minus = signed_parts(model.by_state)
        least, most = bound.base.min(axis=0), bound.base.max(axis=0)
        top = up @ high + down @ low + (plus @ most + minus @ least) / scale
        bottom = up @ low + down @ high + (plus @ least + minus @ most) / scale
        keep = sides.sign != 0
        keep[sides.upper[n:]] = ~(top <= bound.row_high)
        keep[sides.lower[n:]] = ~(bottom >= bound.row_low)
        for shelf in self._shelves:
            keep[_tight(sides, shelf)] = True
        keep[-1] = False
        sides = sides.only(np.flatnonzero(keep))
        row, sign = sides.row, sides.sign
        other = np.flatnonzero((row >= n) & (sign != 0))
        limit = np.full(row.size, INF)
        limit[other] = np.where(sign > 0, bound.row_high[row - n], -bound.row_low[row - n])[other]
        place = sp.csr_array((sign[other] / model.scale[row[other]], (other, row[other] - n)), (row.size, scale.size))
        return _Reach(sides, limit, sp.csr_array(place @ model.by_state), model.tolerance[row])

    def _clear(self, bound: Hours, given: FloatArray, days: int) -> tuple[FloatArray, FloatArray, BoolArray, BoolArray]:
        """Clear the same hours of some days, hour by hour in the arrays; return cost, price, solved, pooled."""
        count, n = given.shape[0], self._model.variables
        reach = self._reach(bound, given)
        y, chosen = np.zeros((count, n)), np.zeros(count, dtype=np.int64)
        price, pooled = np.zeros(given.shape), np.zeros(count, dtype=bool)
        for hour, shelf in enumerate(self._shelves):
            here = slice(hour * days, (hour + 1) * days)
            y[here], chosen[here], pooled[here] = self._answer(shelf, given[here], reach, reach.room(bound, here))
            price[here] = shelf.price[chosen[here]]
        cost, solved = np.einsum("bn,bn->b", bound.cost, y), pooled.copy()
        rest = np.flatnonzero(~pooled)
        if rest.size:
            vertices = self._vertices(bound, given, rest, chosen, days)
            solved[rest] = vertices.repair()
            cost[rest], price[rest] = vertices.cost, vertices.prices()
            done = np.flatnonzero(solved[rest])
            self._add(vertices.at(done), rest[done] // days)
        return cost, price, solved, pooled

    def _answer(
        self, shelf: _Shelf, power: FloatArray, reach: _Reach, room: FloatArray
    ) -> tuple[FloatArray, IntArray, BoolArray]:
        """Try the shelf's vertices on one hour of all days: dispatch, vertex, and whether it is proved.

        Vertices with the same multipliers tie (they differ in rows that cost nothing): all of them are tried.
        """
        tight = _tight(reach.sides, shelf)
        right = reach.sides.sign[tight][:, :, None] * room[tight] - self._model.n[shelf.active] @ power.T
        room += reach.tolerance[:, None]
        value = (shelf.mu[:, None, :] @ right)[:, 0].T
        best = value.max(axis=1)
        ranked = np.argsort(-value, axis=1, kind="stable")
        y, chosen = np.zeros((power.shape[0], self._model.variables)), ranked[:, 0].copy()
        proved = np.zeros(power.shape[0], dtype=bool)
        for rank in range(shelf.mu.shape[0]):
            pick = ranked[:, rank]
            tie = value[np.arange(pick.size), pick] >= best - GAP * (1.0 + np.abs(best))
            at = np.flatnonzero(~proved & tie)
            if not at.size:
                break
            point = matvec(shelf.inverse[pick[at]], right[pick[at], :, at])
            rows = reach.sides.matrix.T @ np.concatenate([point, power[at]], axis=1).T
            fits = (rows <= (room if at.size == pick.size else room[:, at])).all(axis=0)
            y[at[fits]], chosen[at[fits]] = point[fits], pick[at[fits]]
            proved[at[fits]] = True
        return y, chosen, proved

    def _vertices(self, bound: Hours, given: FloatArray, rest: IntArray, chosen: IntArray, days: int) -> Vertices:
        """Return the best known vertices of some hours, placed at their new limits."""
        shelves = [self._shelves[hour] for hour in (rest // days).tolist()]
        parts = {
            name: np.stack([getattr(shelf, name)[k] for shelf, k in zip(shelves, chosen[rest], strict=True)])
            for name in ("active", "side", "inverse", "mu")
        }
        vertices = Vertices(
            self._model,
            bound.data(self._model, rest),
            given=given[rest],
            y=np.zeros((rest.size, self._model.variables)),
            **parts,
        )
        vertices.move(given[rest])
        return vertices


def _tight(sides: Sides, shelf: _Shelf) -> IntArray:
    """Return the sides at which the shelf's rows are tight, ``(vertices, variables)``."""
    return np.where(shelf.side < 0, sides.upper[shelf.active], sides.lower[shelf.active])
