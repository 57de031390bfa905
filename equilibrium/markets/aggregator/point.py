"""The best that the leader can do at given prices: every follower on its optimal face, the feeder's limits kept.

Without a grid the followers' reactions stand alone. With one, indifferent followers take what is best together: one
linear program over all faces, with losses as planes from below and missed limits as cuts, both from the flows of single
periods. It ends when every plane is tight, so its optimum is exact.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp

from equilibrium.arrays import FloatArray
from equilibrium.errors import SolverError
from equilibrium.markets.aggregator.day import AggregatorDay
from equilibrium.markets.aggregator.flow import Flow, Flows, fixed, within
from equilibrium.markets.aggregator.followers import Follower
from equilibrium.markets.aggregator.reaction import Reaction, expected_margin, face, margin_costs, react_all
from equilibrium.programs.program import GAP, INF, Instance
from equilibrium.programs.solvers import Status, open_handle

_SIGNS = {"charge_g2v_kw": 1.0, "charge_v2g_kw": 1.0, "discharge_kw": -1.0, "output_kw": -1.0, "served_kw": 1.0}

ROUNDS = 200
"""Rounds of planes after which a point is given up; a dozen is usual."""


@dataclass(frozen=True, eq=False)
class Point:
    """Prices with everybody's answer.

    Attributes
    ----------
    prices
        The leader's, by name.
    reactions
        In the order of the followers.
    flows
        Of every period, empty without a grid.
    value
        What the leader earns, losses paid, currency.
    loss_price
        What one more kWh drawn by each lot adds to the loss cost, currency/kWh, shape ``(periods, lots)``; from the
        planes that hold the point up.
    """

    prices: Mapping[str, FloatArray]
    reactions: tuple[Reaction, ...]
    flows: tuple[Flow, ...]
    value: float
    loss_price: FloatArray


def expected_kw(day: AggregatorDay, followers: Sequence[Follower]) -> list[sp.csr_array]:
    """Return for each follower what its columns draw from the grid, shape ``(units * periods, columns)``.

    Units are lots (weighted by probability), generators, the load, as in :attr:`.flow.Powers.stacked`.
    """
    periods = day.periods
    places = [("lot", lot.name) for lot in day.lots] + [("generator", unit.name) for unit in day.generators]
    places.append(("retailer", "retailer"))
    found = []
    for follower in followers:
        start = places.index((follower.kind, follower.name)) * periods
        rows, columns, values = [], [], []
        for name, sign in _SIGNS.items():
            if name in follower.program.columns:
                block = follower.program.columns[name]
                rows.append(start + np.arange(periods))
                columns.append(block.index)
                values.append(np.full(periods, follower.weight * sign))
        shape = (len(places) * periods, follower.program.shape[1])
        triplets = (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns)))
        found.append(sp.csr_array(sp.coo_array(triplets, shape=shape)))
    return found


class _Master:
    """The linear program over all faces, with a loss column a period."""

    def __init__(self, day: AggregatorDay, followers: Sequence[Follower], prices: Mapping[str, FloatArray]) -> None:
        self.day, self.followers = day, followers
        self.instances = [follower.at(prices) for follower in followers]
        faces = [face(instance) for instance in self.instances]
        self.multipliers = [y for _, y, _ in faces]
        self.seconds = sum(seconds for _, _, seconds in faces)
        self.margins = [margin_costs(f, i) for f, i in zip(followers, self.instances, strict=True)]
        sizes = [instance.shape[1] for instance in self.instances]
        self.starts = np.concatenate([[0], np.cumsum(sizes)])
        periods = day.periods
        self.powers = sp.csr_array(
            sp.hstack([*expected_kw(day, followers), sp.csr_array((self._units * periods, periods))])
        )
        cost = [-f.weight * margin for f, margin in zip(followers, self.margins, strict=True)]
        optimal = [each for each, _, _ in faces]
        matrix = sp.block_diag([each.matrix for each in optimal], format="csr")
        self.instance = Instance(
            sp.csr_array(sp.hstack([matrix, sp.csr_array((matrix.shape[0], periods))])),
            np.concatenate([*cost, np.ones(periods)]),
            np.concatenate([each.row_lower for each in optimal]),
            np.concatenate([each.row_upper for each in optimal]),
            np.concatenate([*(each.col_lower for each in optimal), np.zeros(periods)]),
            np.concatenate([*(each.col_upper for each in optimal), np.full(periods, INF)]),
        )
        self.handle = open_handle(self.instance)
        self.cuts: list[tuple[int, FloatArray, bool]] = []

    @property
    def _units(self) -> int:
        return len(self.day.lots) + len(self.day.generators) + 1

    def drawn(self, x: FloatArray) -> FloatArray:
        """Return expected powers, shape ``(units, periods)``."""
        return np.asarray((self.powers @ x).reshape(self._units, self.day.periods))

    def add(self, period: int, flow: Flow, *, loss: bool) -> None:
        """Add a plane below the loss cost of a period, or below its violation, which must be zero."""
        periods = self.day.periods
        rows = self.powers[np.arange(self._units) * periods + period]
        row = sp.csr_array((-flow.gradient[None, :]) @ rows)
        if loss:
            at = sp.csr_array(([1.0], ([0], [self.starts[-1] + period])), shape=(1, self.instance.shape[1]))
            row = sp.csr_array(row + at)
        side = flow.value - float(flow.gradient @ flow.powers)
        self.handle.add_rows(row, np.array([side]), np.array([INF]))
        self.cuts.append((period, flow.gradient, loss))

    def loss_prices(self, y: FloatArray) -> FloatArray:
        """Return the marginal losses by lots that the planes' multipliers make, shape ``(periods, lots)``."""
        found = np.zeros((self.day.periods, len(self.day.lots)))
        for (period, gradient, _), weight in zip(self.cuts, y[self.instance.shape[0] :], strict=True):
            found[period] += weight * gradient[: len(self.day.lots)]
        return found / self.day.length_h[:, None]


def best_point(
    day: AggregatorDay, followers: Sequence[Follower], prices: Mapping[str, FloatArray], flows: Flows | None
) -> Point | None:
    """Return the best point at some prices, or ``None`` where the feeder's limits allow none."""
    if flows is None:
        reactions = react_all(followers, prices)
        return Point(prices, reactions, (), expected_margin(reactions), np.zeros((day.periods, len(day.lots))))
    master = _Master(day, followers, prices)
    for _ in range(ROUNDS):
        answer = master.handle.solve()
        if answer.status is Status.INFEASIBLE:
            return None
        if answer.status is not Status.OPTIMAL:
            raise SolverError(f"the program over the followers' faces ended {answer.status}")
        found = _flows(master, flows, answer.x)
        if found is not None:
            return _read(master, prices, answer.x, answer.y, found)
    raise SolverError(f"the losses of a point did not settle in {ROUNDS} rounds")


def _flows(master: _Master, flows: Flows, x: FloatArray) -> list[Flow] | None:
    """Return the flow of every period where all planes are tight; else add planes and return ``None``."""
    day, found, settled = master.day, [], True
    lots, powers = len(day.lots), master.drawn(x)
    for period in range(day.periods):
        drawn = powers[:, period]
        given = fixed(drawn[:lots], -drawn[lots:-1], float(drawn[-1]))
        flow = flows.solve(period, given)
        if flow is None:
            missed = flows.violation(given)
            if within(missed):
                raise SolverError(f"the flow of period {period} is neither allowed nor excluded")
            master.add(period, missed, loss=False)
            settled = False
            continue
        found.append(flow)
        if x[master.starts[-1] + period] < flow.value - GAP * (1.0 + abs(flow.value)):
            master.add(period, flow, loss=True)
            settled = False
    return found if settled else None


def _read(master: _Master, prices: Mapping[str, FloatArray], x: FloatArray, y: FloatArray, flows: list[Flow]) -> Point:
    """Put the followers' shares of a solved program together; the value is what is paid, not what the program says."""
    reactions = []
    for number, follower in enumerate(master.followers):
        own = x[master.starts[number] : master.starts[number + 1]]
        margin = float(master.margins[number] @ own)
        reactions.append(Reaction(follower, master.instances[number], own, master.multipliers[number], margin))
    value = expected_margin(reactions) - sum(flow.value for flow in flows)
    return Point(prices, tuple(reactions), tuple(flows), value, master.loss_prices(y))


def with_loss_price(day: AggregatorDay, follower: Follower, loss_price: FloatArray) -> Follower:
    """Return a lot whose energy also costs marginal losses, currency/kWh, shape ``(periods,)``; not its reserve."""
    worth = follower.worth.copy()
    for name, sign in _SIGNS.items():
        if name in follower.program.columns:
            worth[follower.program.columns[name].slice] -= sign * loss_price * day.length_h
    return replace(follower, worth=worth)
