"""The literature's way, as a reference: a lot's MPEC as one single-level program over the DSO's optimality conditions.

The DSO's program at given charging is ``min c'y : A y + B p = b (lambda), D y <= d (zeta)``. A lot that pays the DLMP
it causes maximises ``F'p - payment``; with its rivals' powers fixed, strong duality makes the payment linear:

    payment = c'y + lambda'(b - B_rivals p_rivals) + zeta'd     (lambda the negative of the price)

and the complementarity of zeta needs one binary (big-M) or one SOS1 pair per inequality.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from equilibrium.day import MarketDay
from equilibrium.distribution import compile_distribution, distribution_ports
from equilibrium.network import FloatArray, Network
from equilibrium.players import Players
from equilibrium.program import INF, ProgramBuilder
from equilibrium.solvers.highs import solve_mixed_highs

MEGA = 1000.0
"""Powers in MW and money per MWh keep the big-M model scaled."""


@dataclass(frozen=True, eq=False)
class Follower:
    """The DSO's program of one day in compact form, in MW and kV."""

    c: FloatArray
    a: sp.csr_array
    b_p: sp.csr_array
    b: FloatArray
    d_y: sp.csr_array
    d: FloatArray
    low: FloatArray
    high: FloatArray


def follower(network: Network, day: MarketDay) -> Follower:
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
    return Follower(
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
    follow: Follower,
    players: Players,
    lot: int,
    power_kw: FloatArray,
    *,
    big_m: float = 1e4,
    stay: bool = False,
    time_limit_s: float = 600.0,
) -> tuple[FloatArray, float, float]:
    """Solve one lot's MPEC with HiGHS and big-M; return its powers (kW), its profit, and the solver's seconds.

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
    _place(build, balance, y, f.a)
    _place(build, balance, p, f.b_p[:, mine])
    rows = build.rows("own", own.lower.shape, lower=own.lower / MEGA, upper=own.upper / MEGA)
    _place(build, rows, p, own.matrix)
    dual = build.columns("lambda", f.b.shape, lower=-INF, cost=right)
    zeta = build.columns("zeta", f.d.shape, cost=f.d, upper=big_m)
    stationary = build.rows("stationary", f.c.shape, lower=-f.c, upper=-f.c)
    _place(build, stationary, dual, f.a.T)
    _place(build, stationary, zeta, f.d_y.T)
    binary = build.columns("u", f.d.shape, upper=1.0)
    slack = build.rows("slack", f.d.shape, upper=f.d)
    _place(build, slack, y, f.d_y)
    tight = build.rows("tight", f.d.shape, lower=f.d - big_m)
    _place(build, tight, y, f.d_y)
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
        return np.full(hours, np.nan), np.nan, answer.seconds
    return answer.x[p] * MEGA, -answer.objective, answer.seconds


def _place(build: ProgramBuilder, rows: np.ndarray, columns: np.ndarray, block: sp.csr_array) -> None:
    entries = block.tocoo()
    build.coefficients(rows[entries.row], columns[entries.col], entries.data)
