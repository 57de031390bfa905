"""The literature's way, as a reference: a lot's MPEC as one single-level program over the DSO's optimality conditions.

The DSO's program at given charging is ``min c'y : A y + B p = b (lambda), D y <= d (zeta)``. A lot that pays the DLMP
it causes maximises ``F'p - payment``; with its rivals' powers fixed, strong duality makes the payment linear:

    payment = c'y + lambda'(b - B_rivals p_rivals) + zeta'd     (lambda the negative of the price)

and the complementarity of zeta needs one binary (big-M) or one SOS1 pair per inequality. Big-M is stated here on the
whole feeder, as people write it: HiGHS solves it about a third faster than the program of
:mod:`equilibrium.markets.nodal.second_method`, whose slacks are columns. SOS1 takes that program, on the reduced feeder
with *candidate rows* only: the units' limits and every network row that was ever violated while the lot's cost was
cleared with lazy rows. Candidate rows prove nothing (:mod:`equilibrium.markets.nodal.reaction` says why), but they make
SOS1 fast.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from equilibrium.arrays import FloatArray
from equilibrium.complementarity.sos1 import solve_scip
from equilibrium.deadline import Deadline
from equilibrium.grid.distribution import STATE_COLUMNS, STATE_ROWS, compile_distribution, distribution_ports
from equilibrium.grid.network import Network
from equilibrium.markets.charging.day import MarketDay
from equilibrium.markets.nodal.curves import trace
from equilibrium.markets.nodal.players import Players
from equilibrium.markets.nodal.reaction import reaction_on
from equilibrium.markets.nodal.relaxation import FeasiblePowers
from equilibrium.markets.nodal.second_method import deviation_program
from equilibrium.programs.hourly.periods import PeriodData, PeriodModel, bind_periods, compile_periods
from equilibrium.programs.hourly.vertices import start
from equilibrium.programs.program import INF, Instance, ProgramBuilder
from equilibrium.programs.solvers import open_handle
from equilibrium.programs.solvers.highs import solve_mixed_highs

MEGA = 1000.0
"""Powers in MW and money per MWh keep the big-M model scaled."""

WORST = 6
"""Violated network rows that a clearing adds to an hour at once."""


@dataclass(frozen=True, eq=False)
class Response:
    """A lot's powers in kW, its profit, complementarity pairs, and the solver's seconds; not a number if none came."""

    power_kw: FloatArray
    profit: float
    pairs: int
    seconds: float


@dataclass(frozen=True, eq=False)
class CompactDso:
    """The DSO's program of one day in compact form, in MW and kV."""

    c: FloatArray
    a: sp.csr_array
    b_p: sp.csr_array
    b: FloatArray
    d_y: sp.csr_array
    d: FloatArray
    low: FloatArray
    high: FloatArray


def compact_dso(network: Network, day: MarketDay) -> CompactDso:
    """Sort the compiled DSO program into its compact form; simple bounds stay inequalities with a multiplier."""
    program = compile_distribution(network, day.hours)
    nothing = np.zeros((day.hours, len(network.lots)))
    instance = program.bind(distribution_ports(network, day, nothing, nothing))
    lot = program.columns["lot_kw"].index.ravel()
    y = np.setdiff1d(np.arange(program.shape[1]), lot)
    voltage = np.isin(y, program.columns["voltage_kv"].index.ravel())
    unit = np.where(voltage, 1.0, MEGA)  # value in the program's unit of one unit here
    rows_kv = np.concatenate([program.rows[name].index.ravel() for name in ("voltage_root", "voltage_drop")])
    row_unit = np.full(program.shape[0], MEGA)
    row_unit[rows_kv] = 1.0
    scaled = sp.csr_array(sp.diags_array(1.0 / row_unit) @ instance.matrix)
    equal = instance.row_lower == instance.row_upper
    matrix = sp.csr_array(scaled[:, y] @ sp.diags_array(unit))
    sides, limits = [], []
    low, high = instance.col_lower[y] / unit, instance.col_upper[y] / unit
    identity = sp.identity(y.size, format="csr")
    for block, lower, upper in (
        (matrix[~equal, :], (instance.row_lower / row_unit)[~equal], (instance.row_upper / row_unit)[~equal]),
        (identity, low, high),
    ):
        for sign, side in ((-1.0, lower), (1.0, upper)):
            pick = np.flatnonzero(np.isfinite(side))
            sides.append(sp.csr_array(sign * block[pick, :]))
            limits.append(sign * side[pick])
    return CompactDso(
        c=instance.cost[y] * unit,
        a=sp.csr_array(matrix[equal, :]),
        b_p=sp.csr_array(scaled[equal, :][:, lot] * MEGA),
        b=(instance.row_lower / row_unit)[equal],
        d_y=sp.csr_array(sp.vstack(sides, format="csr")),
        d=np.concatenate(limits),
        low=low,
        high=high,
    )


def best_response_bigm(
    follow: CompactDso,
    players: Players,
    lot: int,
    power_kw: FloatArray,
    *,
    big_m: float = 1e4,
    stay: bool = False,
    time_limit_s: float = 600.0,
) -> Response:
    """Solve one lot's MPEC with HiGHS and big-M.

    With ``stay`` the lot keeps its present powers: the answer is what they earn.
    """
    hours, lots = power_kw.shape
    build, f = ProgramBuilder(), follow
    y = build.columns("y", f.c.shape, lower=f.low, upper=f.high, cost=f.c)
    own = players.own(lot)
    price = MEGA * players.price[:, lot]
    present = power_kw[:, lot] / MEGA
    low, high = (present, present) if stay else (np.zeros(hours), own.power_max_kw / MEGA)
    p = build.columns("p", (hours,), lower=low, upper=high, cost=-price)
    mine = np.arange(hours) * lots + lot
    others = np.setdiff1d(np.arange(hours * lots), mine)
    right = f.b - f.b_p[:, others] @ (power_kw.ravel()[others] / MEGA)
    balance = build.rows("balance", f.b.shape, lower=right, upper=right)
    build.block(balance, y, f.a)
    build.block(balance, p, f.b_p[:, mine])
    rows = build.rows("own", own.lower.shape, lower=own.lower / MEGA, upper=own.upper / MEGA)
    build.block(rows, p, own.matrix)
    dual = build.columns("lambda", f.b.shape, lower=-INF, cost=right)
    zeta = build.columns("zeta", f.d.shape, cost=f.d, upper=big_m)
    stationary = build.rows("stationary", f.c.shape, lower=-f.c, upper=-f.c)
    build.block(stationary, dual, f.a.T)
    build.block(stationary, zeta, f.d_y.T)
    binary = build.columns("u", f.d.shape, upper=1.0)
    slack = build.rows("slack", f.d.shape, upper=f.d)
    build.block(slack, y, f.d_y)
    tight = build.rows("tight", f.d.shape, lower=f.d - big_m)
    build.block(tight, y, f.d_y)
    build.coefficients(tight, binary, -big_m)  # d - D y <= M (1 - u)
    limit = build.rows("limit", f.d.shape, upper=0.0)
    build.coefficients(limit, zeta, 1.0)
    build.coefficients(limit, binary, -big_m)  # zeta <= M u
    instance = build.compile().bind({})
    integer = np.zeros(instance.shape[1], dtype=bool)
    integer[binary] = True
    # Presolve on, as anybody would run it: without it one of these takes minutes. Its profit is compared with ours.
    answer = solve_mixed_highs(instance, integer, 1e-6, time_limit_s, presolve=True)
    if not answer.x.size or not np.isfinite(answer.objective):
        return Response(np.full(hours, np.nan), np.nan, f.d.size, answer.seconds)
    return Response(answer.x[p] * MEGA, -answer.objective, f.d.size, answer.seconds)


class CandidateKkt:
    """Best responses on the reduced program with candidate rows, complementarity as SOS1 in SCIP."""

    def __init__(self, network: Network, day: MarketDay) -> None:
        hour = compile_distribution(network, 1)
        program = compile_distribution(network, day.hours)
        nothing = np.zeros((day.hours, len(network.lots)))
        instance = program.bind(distribution_ports(network, day, nothing, nothing))
        self._model: PeriodModel = compile_periods(hour, "lot_kw", STATE_COLUMNS, STATE_ROWS)
        self._data: PeriodData = bind_periods(self._model, program, instance, day.hours)
        units = np.concatenate([hour.rows[name].index.ravel() for name in ("active_root", "microturbine_polygon")])
        always = np.zeros(self._model.rows, dtype=bool)
        always[: self._model.variables] = True
        always[self._model.variables + np.flatnonzero(np.isin(self._model.other_rows, units))] = True
        self._rows = np.tile(always, (day.hours, 1))

    def respond(
        self, players: Players, lot: int, power_kw: FloatArray, *, stay: bool = False, time_limit_s: float = 600.0
    ) -> Response:
        """Solve one lot's MPEC with SCIP; with ``stay`` the lot keeps its present powers."""
        self._collect(lot, power_kw, players.power_max[:, lot])
        rows = [np.flatnonzero(kept) for kept in self._rows]
        reaction = reaction_on(self._model, self._data, power_kw, lot, rows, np.ones(power_kw.shape[0]))
        own = players.own(lot)
        low, high = (power_kw[:, lot],) * 2 if stay else (np.zeros(len(rows)), own.power_max_kw)
        within = FeasiblePowers(own.matrix, own.lower, own.upper, high)
        mpcc = deviation_program(reaction, players.price[:, lot], within, low)
        outcome = solve_scip(mpcc, Deadline(time_limit_s))
        hours, pairs = power_kw.shape[0], mpcc.pairs.shape[0]
        if outcome.v is None:
            return Response(np.full(hours, np.nan), np.nan, pairs, outcome.seconds)
        return Response(outcome.v[:hours], -outcome.value, pairs, outcome.seconds)

    def _collect(self, lot: int, power_kw: FloatArray, most: FloatArray) -> None:
        """Clear every hour at all kinks of the lot's cost with lazy rows; rows once violated are kept."""
        vertices, _ = start(self._model, self._data, power_kw)
        for hour, curve in enumerate(trace(vertices, lot, most)):
            for power in curve.kinks:
                given = power_kw[hour].copy()
                given[lot] = power
                self._clear(hour, given)

    def _clear(self, hour: int, given: FloatArray) -> None:
        model, data = self._model, self._data
        share = model.n @ given
        low, high = data.lower[hour] - share, data.upper[hour] - share
        free = np.full(model.variables, INF)
        while True:
            kept = np.flatnonzero(self._rows[hour])
            program = Instance(sp.csr_array(model.m[kept]), data.cost[hour], low[kept], high[kept], -free, free)
            value = model.m @ open_handle(program).solve().x
            excess = np.maximum(low - value, value - high) / model.tolerance
            worst = np.argsort(-excess)[:WORST]
            worst = worst[excess[worst] > 1.0]
            if not worst.size or self._rows[hour][worst].all():
                return
            self._rows[hour][worst] = True
