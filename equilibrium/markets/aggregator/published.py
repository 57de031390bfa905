"""The published method: the whole single-level problem as one mixed-integer program, for comparison.

Every follower is replaced by its optimality conditions, products of prices and quantities by strong duality, and each
pair by a binary. The constants on the multipliers' side are proved: some optimal multipliers of a lot stay within
:func:`multiplier_limits`. The feeder is not in it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from equilibrium.arrays import FloatArray
from equilibrium.errors import InputError
from equilibrium.markets.aggregator.day import AggregatorDay
from equilibrium.markets.aggregator.followers import Follower, followers, price_names
from equilibrium.markets.aggregator.halves import Halves, halve, reduced
from equilibrium.markets.aggregator.pools import by_period
from equilibrium.programs.program import GAP, INF, Instance, signed_parts
from equilibrium.programs.solvers import Status, solve_mixed

LARGEST_VALUE = 1e6
"""A constant beyond this is not used: with a solver's tolerance it would leak."""


@dataclass(frozen=True, eq=False)
class PublishedAnswer:
    """What the mixed-integer program says.

    Attributes
    ----------
    value, bound
        The leader's profit at the best point found, and the solver's bound on it, currency.
    prices
        By name; empty where no point was found.
    nodes
        Nodes of the branch and bound.
    seconds
        Time inside the solver.
    finished
        Whether the gap was closed.
    """

    value: float
    bound: float
    prices: dict[str, FloatArray]
    nodes: int
    seconds: float
    finished: bool


def solve_published(
    day: AggregatorDay,
    *,
    solver: str = "auto",
    gap: float = GAP,
    node_limit: float = INF,
    time_limit_s: float = 600.0,
) -> PublishedAnswer:
    """Solve a day without a grid by the published mixed-integer program.

    Parameters
    ----------
    gap, node_limit, time_limit_s
        As in :func:`equilibrium.programs.solvers.solve_mixed`.

    Raises
    ------
    InputError
        When the day has a grid, or a lot for whose multipliers no usable bound is proved.
    """
    if day.grid is not None:
        raise InputError("day", "grid", "a feeder", "none: the published program is stated without it here")
    caps, every = price_names(day), followers(day)
    halves = halve(every, caps, day.periods)
    program, integer = _with_binaries(halves, _limits(day, every, halves))
    answer = solve_mixed(program, integer, solver, gap=gap, node_limit=node_limit, time_limit_s=time_limit_s)
    finished = answer.status is Status.OPTIMAL
    if not answer.x.size or not np.isfinite(answer.objective):
        return PublishedAnswer(-INF, halves.constant - answer.bound, {}, answer.nodes, answer.seconds, finished)
    columns = halves.quantities.shape[1]
    prices = halves.named(answer.x[columns : columns + halves.prices.shape[1]])
    value, bound = halves.constant - answer.objective, halves.constant - answer.bound
    return PublishedAnswer(value, bound, prices, answer.nodes, answer.seconds, finished)


def multiplier_limits(day: AggregatorDay, follower: Follower) -> tuple[FloatArray, FloatArray]:
    """Return limits of a follower's row multipliers that some optimal ones keep, each of shape ``(rows,)``.

    The dual objective of a lot is convex and piecewise linear in the values ``lam`` of its pools' energies; its kinks
    tie values of neighbouring periods, or tie one to a price or tariff. So it has a minimum where every value is tied
    to a price: in the G2V pool to one of ``price / eta_c`` and ``g2v2``; in the V2G pool to one of ``(price + wear) /
    eta_c``, the two payments of ``flex2`` and ``eta_d price``, plus the premia of reserve in the periods after. How far
    below zero a value may be is :func:`_least_values`.

    Raises
    ------
    InputError
        When the limits are too wide to be of use.
    """
    rows = follower.program.shape[0]
    low, high = np.full(rows, -INF), np.full(rows, INF)
    if follower.kind != "lot":
        return low, high
    lot = next(lot for lot in day.lots if lot.name == follower.name)
    block, tariffs, cap, eta = follower.program.rows, lot.tariffs, day.energy_cap, lot.discharge_efficiency
    wear, v2g = (by_period(each, day.periods) for each in (tariffs.degradation, tariffs.v2g))
    terms = day.reserve_of(lot)
    called = terms.delivered * cap - terms.called_cost(wear + v2g)
    premium = float(max(0.0, day.reserve_cap + called.max()))
    anchors = [(cap + wear.max()) / lot.charge_efficiency, v2g.max(), np.max(tariffs.g2v3) + wear.max(), eta * cap]
    least = _least_values(day, follower, eta, float(wear.max()), premium)
    most = max(anchors) + np.arange(day.periods, 0, -1) * eta * premium
    low[block["g2v_balance"].slice] = -max(cap / lot.charge_efficiency, float(np.max(tariffs.g2v2)))
    high[block["g2v_balance"].slice] = 0.0
    low[block["v2g_balance"].slice], high[block["v2g_balance"].slice] = -most, -least
    scarcity = np.maximum(premium, cap - least / eta)
    low[block["output_power"].slice], high[block["output_power"].slice] = -scarcity, 0.0
    low[block["output_stock"].slice], high[block["output_stock"].slice] = -scarcity * eta, 0.0
    return low, high


def _least_values(day: AggregatorDay, follower: Follower, eta: float, wear: float, premium: float) -> FloatArray:
    """Return how low the value of energy in the V2G pool may be, shape ``(periods,)``.

    A value below zero means that energy is in the way: the pool gets full, and until then nothing is charged and
    flexible vehicles take the most. It is tied to what getting rid of it costs, ``-eta (wear + premium)``, or to the
    value before; below that one only where the stock limited the output and yet the pool can get full afterwards.
    """
    given = follower.given
    power, full = given["v2g_power_kw"], given["v2g_most_kwh"]
    stock = given["v2g_least_kwh"] + power * day.length_h / eta
    kept = given["v2g_inflow_kwh"] - given["returned_most_kwh"] - given["bought_most_kwh"]
    anchor, cap = -eta * (wear + premium), day.energy_cap
    least = np.full(day.periods, anchor)
    for first in range(day.periods - 1):
        reached = stock[first] + np.cumsum(kept[first + 1 :])
        least[first + 1] = min(anchor, least[first])
        if power[first] > 0.0 and ((reached >= full[first + 1 :]) & (power[first + 1 :] > 0.0)).any():
            least[first + 1] = min(least[first + 1], least[first] - eta * premium, 2.0 * least[first] - eta * cap)
    if least.min() < -LARGEST_VALUE:
        where = f"lot {follower.name}, scenario {follower.scenario}, value of energy in the V2G pool"
        raise InputError("published method", where, float(least.min()), f"a proved bound above {-LARGEST_VALUE:g}")
    return least


def _limits(day: AggregatorDay, every: tuple[Follower, ...], halves: Halves) -> FloatArray:
    """Return the largest size of every column of ``prices`` that may be needed, shape ``(columns,)``."""
    caps = price_names(day)
    parts = [halves.prices.col_upper[at] for at in halves.columns.values()]
    for follower in every:
        own = reduced(follower)
        low, high = (side[own.rows] for side in multiplier_limits(day, follower))
        cap = np.concatenate([np.full(day.periods, caps[name]) for name in own.prices])
        given = own.instance
        positive, negative = signed_parts(sp.csr_array(given.matrix.T))
        up, down = signed_parts(own.port)
        most = given.cost + up @ cap - (positive @ low + negative @ high)
        least = given.cost + down @ cap - (positive @ high + negative @ low)
        held = np.isfinite(given.col_lower), np.isfinite(given.col_upper)
        parts += [np.maximum(np.abs(low), np.abs(high)), np.maximum(most, 0.0)[held[0]]]
        parts.append(np.maximum(-least, 0.0)[held[1]])
    return np.concatenate(parts)


def _with_binaries(halves: Halves, limits: FloatArray) -> tuple[Instance, np.ndarray]:
    """Join both halves and add a binary for each pair."""
    one, other, pairs = halves.quantities, halves.prices, halves.quantity.size
    width = one.shape[1] + other.shape[1] + pairs
    reach = halves.reach()[halves.quantity]
    most = limits[halves.multiplier]
    at, binary = np.arange(pairs), one.shape[1] + other.shape[1] + np.arange(pairs)
    sign = np.where(halves.upper, -1.0, 1.0)
    bound = np.where(halves.upper, -one.col_upper[halves.quantity], one.col_lower[halves.quantity])
    side = np.where(other.col_upper[halves.multiplier] <= 0.0, -1.0, 1.0)  # rows' multipliers are not positive
    held = sp.coo_array((np.r_[sign, reach], (np.r_[at, at], np.r_[halves.quantity, binary])), shape=(pairs, width))
    free = sp.coo_array(
        (np.r_[side, -most], (np.r_[at, at], np.r_[one.shape[1] + halves.multiplier, binary])), shape=(pairs, width)
    )
    base = sp.block_diag([one.matrix, other.matrix, sp.csr_array((0, pairs))], format="csr")
    matrix = sp.csr_array(sp.vstack([base, held, free], format="csr"))
    size = np.full(pairs, -INF)
    instance = Instance(
        matrix,
        np.concatenate([one.cost, other.cost, np.zeros(pairs)]),
        np.concatenate([one.row_lower, other.row_lower, size, size]),
        np.concatenate([one.row_upper, other.row_upper, bound + reach, np.zeros(pairs)]),
        np.concatenate([one.col_lower, other.col_lower, np.zeros(pairs)]),
        np.concatenate([one.col_upper, other.col_upper, np.ones(pairs)]),
    )
    integer = np.zeros(width, dtype=bool)
    integer[binary] = True
    return instance, integer
