"""The literature's way, as a reference: a lot's MPEC as one single-level program over the DSO's optimality conditions.

The program is that of :mod:`equilibrium.nodal_oracle`. Its complementarity takes one binary (big-M) or one SOS1 pair
per inequality: here on the whole feeder program, or on the reduced one with *candidate rows* only. Those are the units'
limits and every network row that was ever violated while the lot's cost was cleared with lazy rows. Candidate rows
prove nothing (:mod:`equilibrium.reaction` says why); they are what makes SOS1 fast in the literature's manner.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from equilibrium.best_response import FeasiblePowers
from equilibrium.day import MarketDay
from equilibrium.distribution import STATE_COLUMNS, STATE_ROWS, compile_distribution, distribution_ports
from equilibrium.games.bigm import bigm_program
from equilibrium.games.oracles import solve_scip
from equilibrium.network import FloatArray, IntArray, Network
from equilibrium.nodal_oracle import deviation_program
from equilibrium.periods import PeriodData, PeriodModel, bind_periods, compile_periods
from equilibrium.players import Players
from equilibrium.program import INF, Instance
from equilibrium.reaction import follower_of, follower_on
from equilibrium.residual import trace
from equilibrium.solvers import open_handle
from equilibrium.solvers.highs import solve_mixed_highs
from equilibrium.vertices import start

MEGA = 1000.0
"""Powers in MW and money per MWh keep the big-M model scaled."""

WORST = 6
"""Violated network rows that a clearing adds to an hour at once."""


def _within(players: Players, lot: int, stay: FloatArray | None, unit: float) -> tuple[FeasiblePowers, FloatArray]:
    """Return a lot's own set and its smallest powers in a unit of kW; with ``stay`` it keeps those powers."""
    own = players.own(lot)
    low, high = (np.zeros_like(own.power_max_kw), own.power_max_kw) if stay is None else (stay, stay)
    return FeasiblePowers(own.matrix, own.lower / unit, own.upper / unit, high / unit), low / unit


@dataclass(frozen=True, eq=False)
class Response:
    """A lot's powers in kW, its profit, complementarity pairs, and the solver's seconds; not a number if none came."""

    power_kw: FloatArray
    profit: float
    pairs: int
    seconds: float


@dataclass(frozen=True, eq=False)
class FullKkt:
    """Best responses on the whole feeder program, in MW and kV.

    Attributes
    ----------
    instance
        The DSO's program of the day.
    lot
        Columns of the lots' powers, shape ``(hours, lots)``.
    """

    instance: Instance
    lot: IntArray

    @classmethod
    def of(cls, network: Network, day: MarketDay) -> FullKkt:
        """Compile the day and scale it."""
        program = compile_distribution(network, day.hours)
        nothing = np.zeros((day.hours, len(network.lots)))
        instance = program.bind(distribution_ports(network, day, nothing, nothing))
        column, row = np.full(program.shape[1], MEGA), np.full(program.shape[0], MEGA)
        column[program.columns["voltage_kv"].slice] = 1.0
        for name in ("voltage_root", "voltage_drop"):
            row[program.rows[name].slice] = 1.0
        scaled = Instance(
            matrix=sp.csr_array(sp.diags_array(1.0 / row) @ instance.matrix @ sp.diags_array(column)),
            cost=instance.cost * column,
            row_lower=instance.row_lower / row,
            row_upper=instance.row_upper / row,
            col_lower=instance.col_lower / column,
            col_upper=instance.col_upper / column,
        )
        return cls(scaled, program.columns["lot_kw"].index)

    def respond(
        self,
        players: Players,
        lot: int,
        power_kw: FloatArray,
        *,
        big_m: float,
        stay: bool = False,
        time_limit_s: float = 600.0,
    ) -> Response:
        """Solve one lot's MPEC with HiGHS and big-M.

        With ``stay`` the lot keeps its present powers: the answer is what they earn.
        """
        fixed = power_kw.ravel() / MEGA
        follower = follower_of(self.instance.with_columns(self.lot.ravel(), fixed, fixed), self.lot[:, lot])
        own, low = _within(players, lot, power_kw[:, lot] if stay else None, MEGA)
        mpcc = deviation_program(follower, MEGA * players.price[:, lot], own, low)
        program, integer = bigm_program(mpcc, np.full(mpcc.pairs.shape, big_m))
        # Presolve on, as anybody would run it: without it one of these takes minutes. Its profit is compared with ours.
        answer = solve_mixed_highs(program, integer, 1e-6, time_limit_s, presolve=True)
        hours, pairs = power_kw.shape[0], mpcc.pairs.shape[0]
        if not answer.x.size or not np.isfinite(answer.objective):
            return Response(np.full(hours, np.nan), np.nan, pairs, answer.seconds)
        return Response(answer.x[:hours] * MEGA, -answer.objective, pairs, answer.seconds)


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
        follower = follower_on(self._model, self._data, power_kw, lot, rows)
        own, low = _within(players, lot, power_kw[:, lot] if stay else None, 1.0)
        mpcc = deviation_program(follower, players.price[:, lot], own, low)
        outcome = solve_scip(mpcc, time_limit_s)
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
