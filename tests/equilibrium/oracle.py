"""Slow answers to the questions of the nodal market that share nothing with its method.

The dispatch of an hour is the DSO's program with every row, a best deviation is the lot's MPEC: the DSO replaced by
its KKT conditions, with special ordered sets for complementarity and strong duality for the payment. No price, curve
or vertex of :mod:`equilibrium` is used.
"""

from __future__ import annotations

import functools
from dataclasses import replace

import gurobipy as gp
import numpy as np
import scipy.sparse as sp
from hypothesis import settings
from hypothesis import strategies as st

from equilibrium.day import LotDay, MarketDay
from equilibrium.distribution import STATE_COLUMNS, STATE_ROWS, compile_distribution, distribution_ports
from equilibrium.network import BoolArray, FloatArray, LotSite, Network
from equilibrium.periods import bind_periods, compile_periods
from equilibrium.program import Instance, Program
from equilibrium.residual import Curve
from equilibrium.solvers import Status, open_handle, solve_mixed
from equilibrium.vertices import Vertices, start
from scenarios.strategies import feeders, market_days, networks

DUAL_BOUND = 1e5
"""Bound on multipliers (currency per kW, kvar or kV) in the oracle; :func:`best_deviation` checks that none is near."""


FLOW_BOUND = 1e4
"""Bound on powers (kW, kvar), which keeps the oracle's relaxations bounded; it checks that none is near."""


def examples(count: int) -> settings:
    """Return settings for a test with ``count`` examples in the quick tier and five times as many in the long one."""
    return settings(max_examples=max(1, count * settings.default.max_examples // 100))


@st.composite
def tight_markets(
    draw: st.DrawFn,
    hours: int = 3,
    max_buses: int = 5,
    min_lots: int = 1,
    max_lots: int = 3,
    terminals: tuple[str, ...] = ("eq", "ge"),
    negative_prices: bool = False,
) -> tuple[Network, MarketDay]:
    """Draw a market whose branches and voltages bind: ratings fit the loads and about half of the lots' power."""
    network = draw(networks(feeders(3, max_buses, 80.0), min_lots, max_lots, terminals))
    day = draw(market_days(network, hours, negative_prices))
    feeder = network.feeder
    peak = np.hypot(day.load_kw, day.load_kvar).max(axis=0)
    for site, lot in zip(network.lots, day.lots, strict=True):
        peak[site.bus] += 0.5 * lot.power_max_kw.max()
    room = np.array(draw(st.lists(st.integers(10, 25), min_size=feeder.size, max_size=feeder.size))) / 10.0
    stiffness, band = draw(st.sampled_from([1.0, 10.0])), draw(st.sampled_from([0.005, 0.02]))
    tight = replace(
        feeder,
        rating_kva=room * (feeder.subtree_sum(peak) + 10.0),
        r_ohm=stiffness * feeder.r_ohm,
        x_ohm=stiffness * feeder.x_ohm,
        voltage_min_pu=np.full(feeder.size, 1.0 - band),
        voltage_max_pu=np.full(feeder.size, 1.0 + band),
    )
    return replace(network, feeder=tight, polygon_edges=8), day


@functools.lru_cache(maxsize=8)
def _program(network: Network, hours: int) -> Program:
    return compile_distribution(network, hours)


def dispatch_program(network: Network, day: MarketDay, lot_kw: FloatArray) -> tuple[Program, Instance]:
    """Return the DSO's program with every row; exports are closed in hours of negative price."""
    program = _program(network, day.hours)
    instance = program.bind(distribution_ports(network, day, lot_kw, lot_kw))
    sold = program.columns["export_kw"].index[day.wholesale_price < 0.0]
    return program, instance.with_columns(sold, 0.0, 0.0)


def one_hour(day: MarketDay, hour: int) -> MarketDay:
    """Return a day that consists of one hour; what the lots bring is left out."""
    at = slice(hour, hour + 1)
    return MarketDay(
        day.wholesale_price[at],
        day.load_kw[at],
        day.load_kvar[at],
        day.renewable_kw[at],
        day.microturbine_available,
        (),
    )


class Dispatch:
    """The DSO's program of one hour, with every row."""

    def __init__(self, network: Network, day: MarketDay, hour: int) -> None:
        none = np.zeros((1, len(network.lots)))
        program, self._instance = dispatch_program(network, one_hour(day, hour), none)
        self._lot = program.columns["lot_kw"].index.ravel()
        self._handle = open_handle(self._instance)

    def cost(self, power: FloatArray) -> float:
        """Return the least cost at given powers ``(lots,)``, infinite where there is no dispatch."""
        instance = self._instance.with_columns(self._lot, power, power)
        self._handle.update(instance)
        answer = self._handle.solve()
        return float(instance.cost @ answer.x) if answer.status is Status.OPTIMAL else np.inf

    def slopes(self, power: FloatArray, lot: int, step: float = 1e-3) -> tuple[float, float]:
        """Return the left and the right difference quotient by one lot's power; infinite beyond what is feasible."""
        unit = step * (np.arange(power.size) == lot)
        here = self.cost(power)
        return -(self.cost(power - unit) - here) / step, (self.cost(power + unit) - here) / step


def best_deviation(network: Network, day: MarketDay, lot_kw: FloatArray, lot: int) -> tuple[float, FloatArray]:
    """Return the most that a lot can earn against its rivals' powers, and its schedule, from its MPEC.

    By strong duality its payment ``z p`` (z the reduced cost of its power's column) is the cost less the rest of the
    dual objective, so the whole problem is linear but for the complementarity.
    """
    program, instance = dispatch_program(network, day, lot_kw)
    own = program.columns["lot_kw"].index[:, lot]
    instance = instance.with_columns(own, 0.0, day.lots[lot].power_max_kw)
    fixed_low, fixed_high = instance.col_lower.copy(), instance.col_upper.copy()
    fixed_low[own] = fixed_high[own] = 0.0  # its multiplier is free and is not part of the payment's sum
    with gp.Env(params={"OutputFlag": 0, "Threads": 1, "MIPGap": 1e-9, "FeasibilityTol": 1e-9}) as env:
        model = gp.Model(env=env)
        far = np.full(instance.shape[1], FLOW_BOUND)
        x = model.addMVar(far.size, lb=np.maximum(instance.col_lower, -far), ub=np.minimum(instance.col_upper, far))
        held = np.flatnonzero(instance.row_lower == instance.row_upper)
        matrix = instance.matrix.toarray()  # the oldest scipy and gurobipy do not multiply sparse arrays with variables
        model.addConstr(matrix[held] @ x == instance.row_lower[held])
        row = _Multipliers(model, matrix @ x, instance.row_lower, instance.row_upper)
        column = _Multipliers(model, x, fixed_low, fixed_high)
        model.addConstr(matrix.T @ row.total + column.total == instance.cost)
        state_schedule(model, network.lots[lot], day.lots[lot], x[own])
        payment = instance.cost @ x - row.worth - column.worth
        model.setObjective(day.lots[lot].charging_price @ x[own] - payment, gp.GRB.MAXIMIZE)
        model.optimize()
        assert model.Status == gp.GRB.OPTIMAL, model.Status
        return float(model.ObjVal), np.asarray(x[own].X)


class _Multipliers:
    """Multipliers of ``lower <= value <= upper``, complementary to the slacks by ordered sets."""

    def __init__(self, model: gp.Model, value: gp.MLinExpr | gp.MVar, lower: FloatArray, upper: FloatArray) -> None:
        equal = lower == upper
        self._parts: list[gp.MVar] = []
        self.total: gp.MLinExpr = 0.0
        self.worth: gp.MLinExpr = 0.0
        for pick, sign, side in (
            (np.flatnonzero(equal), 1.0, lower),
            (np.flatnonzero(~equal & np.isfinite(lower)), 1.0, lower),
            (np.flatnonzero(~equal & np.isfinite(upper)), -1.0, upper),
        ):
            free = bool(equal[pick].all()) and pick.size > 0
            part = model.addMVar(pick.size, lb=-DUAL_BOUND if free else 0.0, ub=DUAL_BOUND)
            select = np.zeros((lower.size, pick.size))
            select[pick, np.arange(pick.size)] = sign
            self.total = self.total + select @ part
            self.worth = self.worth + (sign * side[pick]) @ part
            self._parts.append(part)
            if free:
                continue
            slack = model.addMVar(pick.size)
            model.addConstr(slack == sign * (value[pick] - side[pick]))
            for one, other in zip(part.tolist(), slack.tolist(), strict=True):
                model.addSOS(gp.GRB.SOS_TYPE1, [one, other])

    def largest(self) -> float:
        """Return the largest multiplier."""
        return max(float(np.abs(part.X).max(initial=0.0)) for part in self._parts)


def schedule_rows(site: LotSite, lot: LotDay) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return (3b)-(3e) of a lot as rows on its powers: matrix, lower and upper sides."""
    hours = lot.power_max_kw.size
    stored = site.efficiency * np.tril(np.ones((hours, hours)))
    if site.first_hour == "as_printed":
        stored[:, 0] = 0.0
    carried = np.cumsum(lot.energy_in_kwh - lot.energy_out_kwh)
    owed = lot.energy_end_kwh - carried[-1]
    return (
        np.vstack([stored, stored[-1:]]),
        np.append(lot.soe_min_kwh - carried, owed),
        np.append(lot.soe_max_kwh - carried, owed if site.terminal == "eq" else np.inf),
    )


def state_schedule(model: gp.Model, site: LotSite, lot: LotDay, power: gp.MVar) -> None:
    """State (3b)-(3f) of a lot on its powers, and the split among its vehicles if it has any."""
    matrix, lower, upper = schedule_rows(site, lot)
    bounded = np.isfinite(upper)
    model.addConstr(matrix @ power >= lower)
    model.addConstr(matrix[bounded] @ power <= upper[bounded])
    if lot.fleet is not None:
        vehicle = model.addMVar(lot.fleet.power_kw.shape, ub=lot.fleet.power_kw)
        model.addConstr(vehicle.sum(axis=0) == power)
        model.addConstr(site.efficiency * vehicle.sum(axis=1) == lot.fleet.need_kwh)


def violation(site: LotSite, lot: LotDay, power: FloatArray) -> float:
    """Return by how much a schedule breaks (3b)-(3f), kW or kWh."""
    matrix, lower, upper = schedule_rows(site, lot)
    value = matrix @ power
    return float(max((lower - value).max(), (value - upper).max(), (power - lot.power_max_kw).max(), -power.min()))


def segment_milp(price: FloatArray, curves: list[Curve], site: LotSite, lot: LotDay) -> float:
    """Return the best profit on residual curves by a mixed-integer program with a binary for each segment.

    Minus infinity when no schedule fits the curves.
    """
    low = np.concatenate([curve.knots[:-1] for curve in curves])
    high = np.concatenate([curve.knots[1:] for curve in curves])
    slope = np.concatenate([curve.slopes for curve in curves])
    hour = np.repeat(np.arange(len(curves)), [curve.slopes.size for curve in curves])
    count, here = slope.size, np.arange(slope.size)
    of_hour = sp.csr_array((np.ones(count), (hour, here)), shape=(len(curves), count))
    matrix, lower, upper = schedule_rows(site, lot)
    unit = sp.identity(count, format="csr")
    rows = [
        sp.hstack([sp.csr_array(matrix) @ of_hour, sp.csr_array((lower.size, count))]),
        sp.hstack([sp.csr_array(of_hour.shape), of_hour]),
        sp.hstack([unit, -sp.diags_array(low)]),
        sp.hstack([unit, -sp.diags_array(high)]),
    ]
    instance = Instance(
        matrix=sp.csr_array(sp.vstack(rows)),
        cost=np.concatenate([slope - price[hour], np.zeros(count)]),
        row_lower=np.concatenate([lower, np.ones(len(curves)), np.zeros(count), np.full(count, -np.inf)]),
        row_upper=np.concatenate([upper, np.ones(len(curves)), np.full(count, np.inf), np.zeros(count)]),
        col_lower=np.zeros(2 * count),
        col_upper=np.concatenate([high, np.ones(count)]),
    )
    answer = solve_mixed(instance, np.arange(2 * count) >= count, "highs")
    return -answer.objective if answer.status is Status.OPTIMAL else -np.inf


def solved_hours(network: Network, day: MarketDay, power: FloatArray) -> tuple[Program, Instance, Vertices, BoolArray]:
    """Return the all-day program at given powers, its vertices, and the hours that have a dispatch."""
    program, instance = dispatch_program(network, day, power)
    model = compile_periods(compile_distribution(network, 1), "lot_kw", STATE_COLUMNS, STATE_ROWS)
    data = bind_periods(model, program, instance, day.hours)
    return program, instance, *start(model, data, power)
