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

from equilibrium.coupling import joined_hours
from equilibrium.day import MarketDay
from equilibrium.distribution import STATE_COLUMNS, STATE_ROWS, compile_distribution
from equilibrium.errors import InfeasibleError, InputError
from equilibrium.network import FloatArray, IntArray, Network
from equilibrium.periods import Hours, bind_many_hours, compile_periods
from equilibrium.program import INF
from equilibrium.vertices import BoolArray, Vertices, start

SAME_OBJECTIVE = 1e-9
"""Dual objectives closer than this, relative to ``1 + |objective|``, are a tie."""

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
    """The rows below the column bounds that some hour of a batch may reach."""

    keep: IntArray
    place: IntArray
    matrix: FloatArray
    share: FloatArray
    low: FloatArray
    high: FloatArray
    tolerance: FloatArray


class ManyDays:
    """Clears the DSO's program of many days at once; prices and unit availability are those of one template day.

    Parameters
    ----------
    network
        The feeder and its assets.
    template
        Its wholesale prices and availability hold for all days; its hours fill the pool first.

    Raises
    ------
    InfeasibleError
        When an hour of the template has no dispatch.
    InputError
        When the feeder couples hours: a pool of hours cannot clear it.
    """

    def __init__(self, network: Network, template: MarketDay) -> None:
        joined = joined_hours(compile_distribution(network, template.hours), "lot_kw")
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
            count = (some.stop - some.start) * hours
            load, reactive, renewable, power = (
                array[some].reshape(count, array.shape[2]) for array in (load_kw, load_kvar, renewable_kw, lot_kw)
            )
            bound = self._bind(load, reactive, renewable, np.tile(np.arange(hours), count // hours))
            parts.append(self._clear(bound, power, hours))
        cost, price, solved, pooled = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
        return DaysCleared(
            np.where(solved, cost, 0.0).reshape(days, hours).sum(axis=1),
            price.reshape(days, hours, -1),
            solved.reshape(days, hours),
            pooled.reshape(days, hours),
        )

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
        """Find the rows that interval arithmetic does not exclude; rows of known vertices stay."""
        model, n = self._model, self._model.variables
        scale = model.scale[n:]
        matrix = np.concatenate([model.m[n:], model.n[n:]], axis=1)
        low = np.concatenate([bound.low.min(axis=0), given.min(axis=0)])
        high = np.concatenate([bound.high.max(axis=0), given.max(axis=0)])
        up, down = np.maximum(matrix, 0.0), np.minimum(matrix, 0.0)
        plus, minus = model.by_state.maximum(0.0), model.by_state.minimum(0.0)
        least, most = bound.base.min(axis=0), bound.base.max(axis=0)
        top = up @ high + down @ low + (plus @ most + minus @ least) / scale
        bottom = up @ low + down @ high + (plus @ least + minus @ most) / scale
        keep = ~((top <= bound.row_high) & (bottom >= bound.row_low))
        for shelf in self._shelves:
            keep[shelf.active[shelf.active >= n] - n] = True
        index = np.flatnonzero(keep)
        place = np.concatenate([np.arange(n), np.full(keep.size, -1)])
        place[n + index] = n + np.arange(index.size)
        by_state = sp.csr_array(model.by_state[index, :])
        return _Reach(
            keep=index,
            place=place,
            matrix=np.ascontiguousarray(matrix[index].T),
            share=np.ascontiguousarray((by_state @ bound.base.T).T) / scale[index],
            low=bound.row_low[index],
            high=bound.row_high[index],
            tolerance=model.tolerance[n + index],
        )

    def _clear(
        self, bound: Hours, given: FloatArray, hours: int
    ) -> tuple[FloatArray, FloatArray, BoolArray, BoolArray]:
        """Clear the hours of whole days, day by day in the arrays; return cost, price, solved, pooled."""
        count, n = given.shape[0], self._model.variables
        reach = self._reach(bound, given)
        y, chosen = np.zeros((count, n)), np.zeros(count, dtype=np.int64)
        price, pooled = np.zeros(given.shape), np.zeros(count, dtype=bool)
        for hour in range(hours):
            here = slice(hour, None, hours)
            shelf = self._shelves[hour]
            y[here], chosen[here], pooled[here] = self._answer(shelf, bound, given, reach, here)
            price[here] = shelf.price[chosen[here]]
        cost, solved = np.einsum("bn,bn->b", bound.cost, y), pooled.copy()
        rest = np.flatnonzero(~pooled)
        if rest.size:
            vertices = self._vertices(bound, given, rest, chosen, hours)
            solved[rest] = vertices.repair()
            cost[rest], price[rest] = vertices.cost, vertices.prices()
            done = np.flatnonzero(solved[rest])
            self._add(vertices.at(done), rest[done] % hours)
        return cost, price, solved, pooled

    def _answer(
        self, shelf: _Shelf, bound: Hours, given: FloatArray, reach: _Reach, here: slice
    ) -> tuple[FloatArray, IntArray, BoolArray]:
        """Try the shelf's vertices on one hour of all days: dispatch, vertex, and whether it is proved.

        Vertices with the same multipliers tie (they differ in rows that cost nothing): all of them are tried.
        """
        n, model = self._model.variables, self._model
        power, low, high = given[here], bound.low[here], bound.high[here]
        below = np.concatenate([low, reach.low - reach.share[here]], axis=1)
        above = np.concatenate([high, reach.high - reach.share[here]], axis=1)
        tight = reach.place[shelf.active]
        right = np.where(shelf.side < 0, above[:, tight], below[:, tight])
        right -= np.einsum("bc,vnc->bvn", power, model.n[shelf.active])
        value = np.einsum("bvn,vn->bv", right, shelf.mu)
        best = value.max(axis=1)
        ranked = np.argsort(-value, axis=1, kind="stable")
        y, chosen = np.zeros((power.shape[0], n)), ranked[:, 0].copy()
        proved = np.zeros(power.shape[0], dtype=bool)
        margin = np.concatenate([model.tolerance[:n], reach.tolerance])
        for rank in range(shelf.mu.shape[0]):
            pick = ranked[:, rank]
            tie = value[np.arange(pick.size), pick] >= best - SAME_OBJECTIVE * (1.0 + np.abs(best))
            at = np.flatnonzero(~proved & tie)
            if not at.size:
                break
            point = np.einsum("bnm,bm->bn", shelf.inverse[pick[at]], right[at, pick[at]])
            rows = np.concatenate([point, np.concatenate([point, power[at]], axis=1) @ reach.matrix], axis=1)
            fits = (rows >= below[at] - margin).all(axis=1) & (rows <= above[at] + margin).all(axis=1)
            y[at[fits]], chosen[at[fits]] = point[fits], pick[at[fits]]
            proved[at[fits]] = True
        return y, chosen, proved

    def _vertices(self, bound: Hours, given: FloatArray, rest: IntArray, chosen: IntArray, hours: int) -> Vertices:
        """Return the best known vertices of some hours, placed at their new limits."""
        shelves = [self._shelves[hour] for hour in (rest % hours).tolist()]
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
