"""The leader's problem as two linear programs that meet only in complementarity pairs.

A follower minimises ``(c + C prices)'x``. At its optimum that equals its dual objective, so what it pays the leader,
``prices'C'x``, is the dual objective less ``c'x``: every product of a price and a quantity is gone, whatever the prices
are tied to. What is left is a sum: one program over quantities (upstream worth less ``c'x``), one over prices and
multipliers (the dual objective), and pairs of which one is zero. Their sum bounds the leader's profit, and no bound on
a multiplier is needed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from equilibrium.arrays import FloatArray, IntArray
from equilibrium.markets.aggregator.followers import Follower
from equilibrium.markets.aggregator.pieces import Piece
from equilibrium.programs.program import INF, Instance, ProgramBuilder


@dataclass(frozen=True, eq=False)
class Halves:
    """Both programs of a leader's problem, to be minimised, and the pairs that join them.

    Attributes
    ----------
    quantities
        Columns: the followers' quantities that are not fixed, then slacks of their rows.
    prices
        Columns: the leader's prices, then each follower's multipliers.
    quantity, upper, multiplier
        Of every pair: the column of ``quantities``, whether its upper bound is meant, and the column of ``prices`` that
        is zero unless the quantity stands at that bound.
    columns
        Columns of ``prices`` that hold the leader's prices, by name.
    weights
        Columns of ``prices`` that hold the weights of pieces, of which one is in use: an array for each price and
        period, shape ``(pieces, 2)``, by rising price.
    constant
        Part of the leader's profit that nobody decides, currency.
    """

    quantities: Instance
    prices: Instance
    quantity: IntArray
    upper: np.ndarray
    multiplier: IntArray
    columns: Mapping[str, IntArray]
    weights: tuple[IntArray, ...]
    constant: float

    def named(self, point: FloatArray) -> dict[str, FloatArray]:
        """Return the leader's prices of a point of ``prices``, within their caps."""
        low, high = self.prices.col_lower, self.prices.col_upper
        return {name: np.clip(point[at], low[at], high[at]) for name, at in self.columns.items()}

    def differs_in_costs(self, other: Halves) -> bool:
        """Whether another leader's problem is this one but for costs."""
        columns = ("quantity", "upper", "multiplier")
        return (
            all(np.array_equal(getattr(self, name), getattr(other, name)) for name in columns)
            and len(self.weights) == len(other.weights)
            and all(np.array_equal(*each) for each in zip(self.weights, other.weights, strict=True))
            and _same_rows(self.quantities, other.quantities)
            and _same_rows(self.prices, other.prices)
        )

    def reach(self) -> FloatArray:
        """Return how far each column of ``quantities`` can be from its bound, by intervals of the rows it stands in."""
        given = self.quantities
        low, high = given.col_lower, given.col_upper.copy()
        entries = sp.coo_array(given.matrix)
        row, column, weight = entries.row, entries.col, entries.data
        for _ in range(2):  # first outputs by their power rows, then the slacks of all rows
            least = np.where(weight > 0.0, weight * low[column], weight * high[column])
            rest = given.row_upper - np.bincount(row, weights=least, minlength=given.shape[0])
            bound = np.flatnonzero((weight > 0.0) & np.isinf(high[column]) & np.isfinite(rest[row]))
            found = (rest[row[bound]] + least[bound]) / weight[bound]
            np.minimum.at(high, column[bound], found)
        return np.asarray(high - low)


def _same_rows(one: Instance, other: Instance) -> bool:
    """Whether two programs have the same rows and limits of columns."""
    names = ("row_lower", "row_upper", "col_lower", "col_upper")
    return (
        one.shape == other.shape
        and one.matrix.nnz == other.matrix.nnz
        and not (one.matrix != other.matrix).nnz
        and all(np.array_equal(getattr(one, name), getattr(other, name)) for name in names)
    )


@dataclass(frozen=True, eq=False)
class Reduced:
    """A follower without the columns that are fixed and the rows that are left empty.

    Attributes
    ----------
    instance
        At prices of zero.
    rows
        Rows of the whole program that are left.
    port
        What the prices add to the costs, shape ``(columns, price columns)``.
    worth
        Upstream worth of the columns.
    prices
        Index of the price behind each column of ``port``: name and period.
    traded
        What the fixed quantities pay the leader per unit of each price, shape ``(price columns,)``.
    constant
        Upstream worth of the fixed quantities.
    """

    instance: Instance
    rows: IntArray
    port: sp.csr_array
    worth: FloatArray
    prices: tuple[str, ...]
    traded: FloatArray
    constant: float


def reduced(follower: Follower) -> Reduced:
    """Take away what is fixed."""
    whole = follower.unpriced()
    fixed = whole.col_lower == whole.col_upper
    free, held = np.flatnonzero(~fixed), np.where(fixed, whole.col_lower, 0.0)
    matrix = sp.csr_array(whole.matrix[:, free])
    matrix.eliminate_zeros()
    keep = np.flatnonzero(np.diff(matrix.indptr) > 0)
    shift = whole.matrix @ held
    blocks = [follower.program.ports[port].slice for port in follower.prices]
    ports = sp.csr_array(sp.hstack([sp.csc_array(follower.program.cost_port)[:, block] for block in blocks]))
    instance = Instance(
        sp.csr_array(matrix[keep]),
        whole.cost[free],
        (whole.row_lower - shift)[keep],
        (whole.row_upper - shift)[keep],
        whole.col_lower[free],
        whole.col_upper[free],
    )
    return Reduced(
        instance,
        keep,
        sp.csr_array(ports[free]),
        follower.worth[free],
        tuple(follower.prices.values()),
        np.asarray(ports.T @ held),
        float(follower.worth @ held),
    )


def halve(
    followers: Sequence[Follower],
    caps: Mapping[str, float],
    periods: int,
    graphs: Mapping[str, Sequence[Sequence[Piece]]] | None = None,
) -> Halves:
    """State the leader's problem against some followers.

    Parameters
    ----------
    followers
        They count with their weights.
    caps
        Largest value of each price, by name; prices that none of them sees are left out.
    graphs
        What else a price earns, by its name: the pieces of every period.
    """
    graphs = graphs or {}
    seen = {name for follower in followers for name in follower.prices.values()} | graphs.keys()
    low, high = ProgramBuilder(), ProgramBuilder()
    columns = {name: high.columns(name, (periods,), upper=cap) for name, cap in caps.items() if name in seen}
    cost: list[tuple[IntArray, FloatArray]] = []
    pairs: list[tuple[IntArray, bool, IntArray]] = []
    constant = 0.0
    for number, follower in enumerate(followers):
        own = reduced(follower)
        constant += follower.weight * own.constant
        at = np.concatenate([columns[name] for name in own.prices])
        cost.append((at, -follower.weight * own.traded))
        pairs += _add_follower(low, high, f"{number}", own, follower.weight, at, cost)
    weights = [
        _add_graph(high, f"{name} {period}", int(columns[name][period]), graph, cost)
        for name, each in graphs.items()
        for period, graph in enumerate(each)
    ]
    quantities, prices = low.compile().bind({}), high.compile().bind({})
    total = np.zeros(prices.shape[1])
    for at, value in cost:
        np.add.at(total, at, value)
    empty = np.zeros(0, dtype=np.int64)
    return Halves(
        quantities,
        prices.with_cost(total),
        np.concatenate([empty, *(pair[0] for pair in pairs)]),
        np.concatenate([empty.astype(bool), *(np.full(pair[0].size, pair[1]) for pair in pairs)]),
        np.concatenate([empty, *(pair[2] for pair in pairs)]),
        columns,
        tuple(weights),
        constant,
    )


def _add_follower(
    low: ProgramBuilder,
    high: ProgramBuilder,
    name: str,
    own: Reduced,
    weight: float,
    price: IntArray,
    cost: list[tuple[IntArray, FloatArray]],
) -> list[tuple[IntArray, bool, IntArray]]:
    """Add a follower's rows to one half and its stationarity to the other; return its pairs."""
    given = own.instance
    equal = given.row_lower == given.row_upper
    above = np.flatnonzero(~equal)  # rows of followers are equalities or have an upper side
    x = low.columns(
        f"x{name}",
        (given.shape[1],),
        lower=given.col_lower,
        upper=given.col_upper,
        cost=weight * (given.cost - own.worth),
    )
    slack = low.columns(f"slack{name}", (above.size,))
    rows = low.rows(f"row{name}", (given.shape[0],), lower=given.row_upper, upper=given.row_upper)
    low.block(rows, x, given.matrix)
    low.coefficients(rows[above], slack, 1.0)

    y = high.columns(f"y{name}", (given.shape[0],), lower=-INF, upper=np.where(equal, INF, 0.0))
    cost.append((y, -weight * given.row_upper))
    stationary = high.rows(f"stationary{name}", (given.shape[1],), lower=-given.cost, upper=-given.cost)
    high.block(stationary, price, own.port)
    high.block(stationary, y, -sp.csr_array(given.matrix.T))
    pairs = [(slack, False, y[above])]
    for side, bound, sign in ((False, given.col_lower, 1.0), (True, given.col_upper, -1.0)):
        held = np.flatnonzero(np.isfinite(bound))
        z = high.columns(f"{'above' if side else 'below'}{name}", (held.size,))
        high.coefficients(stationary[held], z, -sign)
        cost.append((z, -weight * sign * bound[held]))
        pairs.append((x[held], side, z))
    return pairs


def _add_graph(
    build: ProgramBuilder, name: str, price: int, graph: Sequence[Piece], cost: list[tuple[IntArray, FloatArray]]
) -> IntArray:
    """Add the hull of one period's pieces as weights on their ends; return the weights."""
    weight = build.columns(f"weight {name}", (len(graph), 2), upper=1.0)
    one = build.rows(f"one {name}", (1,), lower=1.0, upper=1.0)
    same = build.rows(f"price {name}", (1,), lower=0.0, upper=0.0)
    build.coefficients(one, weight, 1.0)
    build.coefficients(same, weight, np.array([[piece.low, piece.high] for piece in graph]))
    build.coefficients(same, np.array([price]), -1.0)
    cost.append((weight.ravel(), -np.array([[piece.at_low, piece.at_high] for piece in graph]).ravel()))
    return weight
