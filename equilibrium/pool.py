"""Many days at once: clear hours through a pool of vertices whose multipliers stay valid.

Where only loads, renewable potentials and the lots' powers change, the costs of an hour do not, so every dual feasible
vertex ever found stays dual feasible. For new limits the vertex with the largest dual objective is the candidate; its
primal point is checked against every row, and if none is violated, it is optimal: that is the proof. Hours without
such a vertex go on from the best one by the dual simplex, and what they find joins the pool.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from equilibrium.day import MarketDay
from equilibrium.distribution import STATE_COLUMNS, STATE_ROWS, compile_distribution
from equilibrium.errors import InfeasibleError
from equilibrium.network import FloatArray, IntArray, Network
from equilibrium.periods import PeriodData, PeriodModel, bind_many_hours, compile_periods
from equilibrium.program import INF
from equilibrium.vertices import BoolArray, Vertices, start

SAME_OBJECTIVE = 1e-9
"""Dual objectives closer than this, relative to ``1 + |objective|``, are a tie."""

DAYS_AT_ONCE = 40
"""Days in one batch of arrays: enough for long vectors, few enough for the cache."""


@dataclass(frozen=True, eq=False)
class Cleared:
    """Hours cleared through the pool.

    Attributes
    ----------
    y
        Dispatch, shape ``(hours, variables)``.
    price
        DLMP at the lots, currency/kWh, shape ``(hours, lots)``.
    cost
        Cost of each hour, currency, shape ``(hours,)``.
    solved
        False where an hour has no dispatch.
    pooled
        True where a vertex of the pool was the answer as it stood.
    """

    y: FloatArray
    price: FloatArray
    cost: FloatArray
    solved: BoolArray
    pooled: BoolArray


@dataclass(eq=False)
class _Shelf:
    """The vertices of one cost vector."""

    active: IntArray
    side: IntArray
    inverse: FloatArray
    mu: FloatArray


class VertexPool:
    """Dual feasible vertices, one shelf per period of the day.

    Parameters
    ----------
    model
        The matrix that all hours share.
    """

    def __init__(self, model: PeriodModel) -> None:
        self._model = model
        self._shelves: dict[int, _Shelf] = {}
        self._keys: dict[int, set[bytes]] = {}

    def __len__(self) -> int:
        return sum(shelf.mu.shape[0] for shelf in self._shelves.values())

    def add(self, vertices: Vertices, period: IntArray) -> None:
        """Put solved vertices on their shelves; those that are there already are left out."""
        for hour, shelf in enumerate(period.tolist()):
            order = np.argsort(vertices.active[hour])
            key = vertices.active[hour][order].tobytes() + vertices.side[hour][order].tobytes()
            known = self._keys.setdefault(shelf, set())
            if key in known:
                continue
            known.add(key)
            fresh = _Shelf(
                *(getattr(vertices, name)[hour][None].copy() for name in ("active", "side", "inverse", "mu"))
            )
            old = self._shelves.get(shelf)
            self._shelves[shelf] = fresh if old is None else _joined(old, fresh)

    def clear(self, data: PeriodData, given: FloatArray, period: IntArray) -> Cleared:
        """Clear hours whose costs are those of their periods.

        Parameters
        ----------
        data
            Costs and limits, one row per hour; ``data.cost`` must equal the cost of the period's shelf.
        given
            The lots' powers, shape ``(hours, lots)``.
        period
            The shelf of each hour, shape ``(hours,)``; it must hold at least one vertex.
        """
        vertices, pooled = self._candidates(data, given, period)
        solved = pooled.copy()
        rest = np.flatnonzero(~pooled)
        if rest.size:
            part = vertices.at(rest)
            solved[rest] = part.repair()
            vertices.put(rest, part)
            done = rest[solved[rest]]
            self.add(vertices.at(done), period[done])
        return Cleared(vertices.y, vertices.prices(), vertices.cost, solved, pooled)

    def _candidates(self, data: PeriodData, given: FloatArray, period: IntArray) -> tuple[Vertices, BoolArray]:
        """Return a vertex with the largest dual objective for every hour, and whether it is the answer.

        Vertices with the same multipliers tie (they differ in rows that cost nothing): all of them are tried.
        """
        hours, n = given.shape[0], self._model.variables
        found = Vertices(
            self._model,
            data,
            given=given.copy(),
            active=np.zeros((hours, n), dtype=np.int64),
            side=np.zeros((hours, n), dtype=np.int64),
            inverse=np.zeros((hours, n, n)),
            mu=np.zeros((hours, n)),
            y=np.zeros((hours, n)),
        )
        answered = np.zeros(hours, dtype=bool)
        for name in np.unique(period).tolist():
            members, shelf = np.flatnonzero(period == name), self._shelves[name]
            # A whole shelf at once: the right-hand sides of all its tight rows, for all hours of the period.
            right = np.where(shelf.side < 0, data.upper[members][:, shelf.active], data.lower[members][:, shelf.active])
            right -= np.einsum("bc,vnc->bvn", given[members], self._model.n[shelf.active])
            value = np.einsum("bvn,vn->bv", right, shelf.mu)
            ranked = np.argsort(-value, axis=1, kind="stable")
            best = value.max(axis=1)
            for rank in range(shelf.mu.shape[0]):
                pick = ranked[:, rank]
                tie = value[np.arange(members.size), pick] >= best - SAME_OBJECTIVE * (1.0 + np.abs(best))
                here = np.flatnonzero(~answered[members] & (tie if rank else True))
                if not here.size:
                    break
                at, chosen = members[here], pick[here]
                found.active[at], found.side[at] = shelf.active[chosen], shelf.side[chosen]
                found.inverse[at], found.mu[at] = shelf.inverse[chosen], shelf.mu[chosen]
                found.y[at] = np.einsum("bnm,bm->bn", shelf.inverse[chosen], right[here, chosen])
                rows = found.y[at] @ self._model.m.T + given[at] @ self._model.n.T
                fits = (rows >= data.lower[at] - self._model.tolerance).all(axis=1)
                answered[at] = fits & (rows <= data.upper[at] + self._model.tolerance).all(axis=1)
        return found, answered


def _joined(old: _Shelf, fresh: _Shelf) -> _Shelf:
    names = ("active", "side", "inverse", "mu")
    return _Shelf(*(np.concatenate([getattr(old, name), getattr(fresh, name)]) for name in names))


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


class ManyDays:
    """Clears the DSO's program of many days at once; prices and unit availability are those of one template day.

    Parameters
    ----------
    network
        The feeder and its assets.
    template
        Its wholesale prices and availability hold for all days; its hours fill the pool first.
    """

    def __init__(self, network: Network, template: MarketDay) -> None:
        self._network, self._template = network, template
        self._program = compile_distribution(network, 1)
        self._model = compile_periods(self._program, "lot_kw", STATE_COLUMNS, STATE_ROWS)
        self._pool = VertexPool(self._model)
        hours = np.arange(template.hours)
        nothing = np.zeros((template.hours, len(network.lots)))
        data = self._bind(template.load_kw, template.load_kvar, template.renewable_kw, hours)
        vertices, solved = start(self._model, data, nothing)
        if not solved.all():
            raise InfeasibleError(tuple(f"hour {hour}: no dispatch" for hour in np.flatnonzero(~solved)))
        self._pool.add(vertices, hours)

    @property
    def vertices(self) -> int:
        """Number of vertices in the pool."""
        return len(self._pool)

    def clear(
        self, load_kw: FloatArray, load_kvar: FloatArray, renewable_kw: FloatArray, lot_kw: FloatArray
    ) -> DaysCleared:
        """Clear days given as arrays of shape ``(days, hours, ...)``."""
        days, hours = load_kw.shape[:2]
        lots = lot_kw.shape[2]
        cost, price = np.zeros(days), np.zeros((days, hours, lots))
        solved, pooled = np.zeros((days, hours), dtype=bool), np.zeros((days, hours), dtype=bool)
        for first in range(0, days, DAYS_AT_ONCE):
            some = slice(first, min(first + DAYS_AT_ONCE, days))
            count = some.stop - some.start
            flat = [array[some].reshape(count * hours, -1) for array in (load_kw, load_kvar, renewable_kw, lot_kw)]
            period = np.tile(np.arange(hours), count)
            found = self._pool.clear(self._bind(*flat[:3], period), flat[3], period)
            cost[some] = np.where(found.solved, found.cost, 0.0).reshape(count, hours).sum(axis=1)
            price[some] = found.price.reshape(count, hours, lots)
            solved[some], pooled[some] = found.solved.reshape(count, hours), found.pooled.reshape(count, hours)
        return DaysCleared(cost, price, solved, pooled)

    def _bind(self, load_kw: FloatArray, load_kvar: FloatArray, renewable_kw: FloatArray, hour: IntArray) -> PeriodData:
        """Bind hours of many days at once; exports are closed where the price is negative."""
        count, wholesale = hour.size, self._template.wholesale_price[hour]
        lots = np.zeros((count, len(self._network.lots)))
        available = np.where(self._template.microturbine_available, INF, 0.0)
        data = bind_many_hours(
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
        data.upper[wholesale < 0.0, export] = 0.0
        return data
