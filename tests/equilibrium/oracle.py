"""Slow answers to the questions of the nodal market that share nothing with its method.

The dispatch of an hour is the DSO's program with every row, a best deviation is the lot's MPEC: the DSO replaced by
its KKT conditions (:func:`equilibrium.markets.nodal.second_method.deviation_program`), with special ordered sets for
complementarity and strong duality for the payment. No price, curve or vertex of :mod:`equilibrium` is used.
"""

from __future__ import annotations

import functools
import itertools
from dataclasses import replace

import numpy as np
import scipy.sparse as sp
from hypothesis import settings
from hypothesis import strategies as st

from equilibrium.arrays import BoolArray, FloatArray
from equilibrium.complementarity.branch import End
from equilibrium.complementarity.sos1 import solve_gurobi
from equilibrium.deadline import Deadline
from equilibrium.fleet.day import LotDay
from equilibrium.grid.assets import LotSite
from equilibrium.grid.distribution import STATE_COLUMNS, STATE_ROWS, compile_distribution, distribution_ports
from equilibrium.grid.network import Network
from equilibrium.markets.charging.day import MarketDay
from equilibrium.markets.nodal.apart.game import HoursApart, PlayApart
from equilibrium.markets.nodal.curves import Curve
from equilibrium.markets.nodal.joined.game import HoursJoined, PlayJoined
from equilibrium.markets.nodal.players import Players
from equilibrium.markets.nodal.reaction import reaction_of
from equilibrium.markets.nodal.relaxation import FeasiblePowers
from equilibrium.markets.nodal.second_method import deviation_program
from equilibrium.programs.hourly.periods import bind_periods, compile_periods
from equilibrium.programs.hourly.vertices import Vertices, start
from equilibrium.programs.program import Instance, Program
from equilibrium.programs.solvers import Status, open_handle, solve_mixed
from scenarios.random_markets import feeders, market_days, networks

DUAL_BOUND = 1e5
"""Bound on multipliers (currency per kW, kvar or kV), far above all prices here: it keeps relaxations bounded."""


def examples(count: int) -> settings:
    """Return settings with half of ``count`` examples in the quick tier and five times ``count`` in the long one."""
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

    Every row and column of the DSO's program is there, flows and voltages too, and the lot's own set is stated here.
    """
    program, instance = dispatch_program(network, day, lot_kw)
    reaction = reaction_of(instance, program.columns["lot_kw"].index[:, lot], DUAL_BOUND)
    own = own_powers(network.lots[lot], day.lots[lot])
    outcome = solve_gurobi(deviation_program(reaction, day.lots[lot].charging_price, own), Deadline())
    assert outcome.end is End.OPTIMAL, outcome.end
    assert outcome.v is not None
    return -outcome.value, outcome.v[: day.hours]


def own_powers(site: LotSite, lot: LotDay) -> FeasiblePowers:
    """Return (3b)-(3f) of a lot on its powers, and what its vehicles can take in every set of hours."""
    matrix, lower, upper = schedule_rows(site, lot)
    if lot.fleet is not None:
        need = lot.fleet.need_kwh / site.efficiency
        sets = np.array(list(itertools.product([False, True], repeat=lot.power_max_kw.size))[1:])
        most = np.array([np.minimum(need, lot.fleet.power_kw[:, hours].sum(axis=1)).sum() for hours in sets])
        matrix = np.vstack([matrix, sets])
        upper = np.append(upper, most)
        lower = np.append(lower, np.where(sets.all(axis=1), need.sum(), -np.inf))
    return FeasiblePowers(sp.csr_array(matrix), lower, upper, lot.power_max_kw, subscription=site.subscription)


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
    own = own_powers(site, lot)
    matrix, lower, upper = own.matrix, own.lower, own.upper
    unit = sp.identity(count, format="csr")
    rows = [
        sp.hstack([matrix @ of_hour, sp.csr_array((lower.size, count))]),
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


def game_apart(network: Network, day: MarketDay, power: FloatArray) -> PlayApart:
    """Begin the game of hours apart at some powers, whatever the lots may draw."""
    program, instance = dispatch_program(network, day, power)
    return HoursApart(network, program, day.hours).begin(day, instance, Players(network, day, ()), power)


def game_joined(network: Network, day: MarketDay, power: FloatArray) -> PlayJoined:
    """Begin the game of joined hours at some powers that the lots may draw."""
    players = Players(network, day, ())
    program, instance = dispatch_program(network, day, power)
    free = instance.with_columns(program.columns["lot_kw"].index, 0.0, players.power_max)
    return HoursJoined(network, program, range(day.hours), day.length_h).begin(day, free, players, power)


def solved_hours(network: Network, day: MarketDay, power: FloatArray) -> tuple[Program, Instance, Vertices, BoolArray]:
    """Return the all-day program at given powers, its vertices, and the hours that have a dispatch."""
    program, instance = dispatch_program(network, day, power)
    model = compile_periods(compile_distribution(network, 1), "lot_kw", STATE_COLUMNS, STATE_ROWS)
    data = bind_periods(model, program, instance, day.hours)
    return program, instance, *start(model, data, power)
