"""The published method, kept to compare with: the joint stationarity system (8) as a big-M MILP.

Every block of (8) is made mechanically from the compiled joint program, with the low level in the compact form
``min c'y : A y + B p = b (lambda), D y <= d (zeta)``. ``phi^SD`` is fixed at 0 (E2). Two readings:

* ``"as_printed"`` (R2): each lot's conditions lack the multipliers of the low level's inequalities (E1);
* ``"corrected"`` (R1): they have them (``rho``), and (8) becomes a generalised Nash equilibrium problem.

E5: the paper calls M = 1e4 safe "as our problem does not include economic variables". It is not: ``zeta`` are prices
and (5) contains F. Here M is the user's guess, so the answer proves nothing and carries no certificate; it grows by
tens of thousands of binaries at full size and is meant for small instances.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from equilibrium.arrays import FloatArray, IntArray
from equilibrium.grid.network import Network
from equilibrium.markets.charging.day import MarketDay
from equilibrium.markets.charging.joint import compile_joint, joint_ports
from equilibrium.markets.charging.lots import stacked
from equilibrium.markets.charging.stages import LOT_ROWS
from equilibrium.programs.program import INF, Instance, Program, ProgramBuilder
from equilibrium.programs.solvers import MixedSolution, Status, solve_mixed

READINGS = ("as_printed", "corrected")


@dataclass(frozen=True, eq=False)
class PaperSolution:
    """What MILP (8) returns.

    Attributes
    ----------
    status
        ``optimal``, ``infeasible`` or ``limit``.
    network_cost, bound
        Incumbent and proven lower bound of NC, currency.
    lot_kw, lot_profit
        Charging, shape ``(hours, lots)``, and profits, shape ``(lots,)``.
    binaries
        Number of binaries of the model.
    seconds
        Time inside the solver.
    """

    status: Status
    network_cost: float
    bound: float
    lot_kw: FloatArray
    lot_profit: FloatArray
    binaries: int
    seconds: float


@dataclass(frozen=True, eq=False)
class _Compact:
    """One day in compact form.

    The low level ``min c'y : A y + B p = b, D y <= d``, and the lots' ``g_low <= G w <= g_high`` with
    ``w_low <= w <= w_high``, w = (p, SOC).
    """

    cost: FloatArray
    a: sp.csr_array
    b_p: sp.csr_array
    b: FloatArray
    d_y: sp.csr_array
    d: FloatArray
    g_w: sp.csr_array
    g_low: FloatArray
    g_high: FloatArray
    w_low: FloatArray
    w_high: FloatArray


def solve_paper_milp(
    network: Network,
    day: MarketDay,
    *,
    reading: str = "as_printed",
    big_m: float = 1e4,
    solver: str = "auto",
    time_limit_s: float = 600.0,
) -> PaperSolution:
    """Solve (8) for one day.

    Parameters
    ----------
    reading
        One of :data:`READINGS`.
    big_m
        M of (6), in kW, kVA, kV and currency per unit of those. The paper's value is 1e4 in its own units.

    Raises
    ------
    ValueError
        When a wholesale price is negative: the printed low level is then unbounded.
    """
    if reading not in READINGS:
        raise ValueError(f"reading {reading!r} is not one of {READINGS}")
    if (day.wholesale_price < 0.0).any():
        raise ValueError("(8) has no solution at negative wholesale prices: the printed low level is unbounded")
    program = compile_joint(network, day.length_h)
    price = stacked(day.lots, "net_price", day.hours) * day.length_h[:, None]  # of a kW
    milp = _Milp(_compact(program, program.bind(joint_ports(network, day))), price, reading == "corrected", big_m)
    instance = milp.build.compile().bind({})
    integer = np.zeros(instance.shape[1], dtype=bool)
    for binary in milp.binaries:
        integer[binary] = True
    answer = solve_mixed(instance, integer, solver, time_limit_s=time_limit_s)
    return _read(answer, milp, price, int(integer.sum()))


def _read(answer: MixedSolution, milp: _Milp, price: FloatArray, binaries: int) -> PaperSolution:
    power = np.full(price.shape, np.nan)
    if answer.x.size and np.isfinite(answer.objective):
        power = answer.x[milp.power]
    return PaperSolution(
        answer.status, answer.objective, answer.bound, power, (price * power).sum(axis=0), binaries, answer.seconds
    )


def _compact(program: Program, instance: Instance) -> _Compact:
    """Sort the joint instance into the low level's compact form and the lots' own problems."""
    lot_columns = np.concatenate([program.columns[name].index.ravel() for name in ("lot_kw", "soe_kwh")])
    lot_rows = np.concatenate([program.rows[name].index.ravel() for name in LOT_ROWS])
    y = np.setdiff1d(np.arange(program.shape[1]), lot_columns)
    rows = np.setdiff1d(np.arange(program.shape[0]), lot_rows)
    equal = instance.row_lower[rows] == instance.row_upper[rows]
    power = program.columns["lot_kw"].index.ravel()
    identity = sp.identity(y.size, format="csr")
    sides, limits = [], []
    for matrix, low, high in (
        (instance.matrix[rows[~equal], :][:, y], instance.row_lower[rows[~equal]], instance.row_upper[rows[~equal]]),
        (identity, instance.col_lower[y], instance.col_upper[y]),
    ):
        for sign, side in ((-1.0, low), (1.0, high)):
            pick = np.flatnonzero(np.isfinite(side))
            sides.append(sp.csr_array(sign * matrix[pick, :]))
            limits.append(sign * side[pick])
    return _Compact(
        cost=instance.cost[y],
        a=sp.csr_array(instance.matrix[rows[equal], :][:, y]),
        b_p=sp.csr_array(instance.matrix[rows[equal], :][:, power]),
        b=instance.row_lower[rows[equal]],
        d_y=sp.csr_array(sp.vstack(sides, format="csr")),
        d=np.concatenate(limits),
        g_w=sp.csr_array(instance.matrix[lot_rows, :][:, lot_columns]),
        g_low=instance.row_lower[lot_rows],
        g_high=instance.row_upper[lot_rows],
        w_low=instance.col_lower[lot_columns],
        w_high=instance.col_upper[lot_columns],
    )


class _Milp:
    """Builds (8) block by block; ``build`` holds the model, ``binaries`` its integer columns."""

    def __init__(self, compact: _Compact, price: FloatArray, corrected: bool, big_m: float) -> None:
        self.build, self._m = ProgramBuilder(), big_m
        self.binaries: list[IntArray] = []
        self._corrected = corrected
        c = compact
        build = self.build
        self._y = build.columns("y", c.cost.shape, lower=-INF, cost=c.cost)
        w = build.columns("w", c.w_low.shape, lower=c.w_low, upper=c.w_high)
        self.power: IntArray = w[: price.size].reshape(price.shape)
        balance = build.rows("(2b)-(2g)", c.b.shape, lower=c.b, upper=c.b)
        self.build.block(balance, self._y, c.a)
        self.build.block(balance, w[: price.size], c.b_p)
        own = build.rows("(3b)-(3d)", c.g_low.shape, lower=c.g_low, upper=c.g_high)
        self.build.block(own, w, c.g_w)

        dual = build.columns("lambda", c.b.shape, lower=-INF)
        zeta = build.columns("zeta", c.d.shape)
        stationary = build.rows("(4i)-(4v)", c.cost.shape, lower=-c.cost, upper=-c.cost)
        self.build.block(stationary, dual, c.a.T)
        self.build.block(stationary, zeta, c.d_y.T)
        self._slack = build.columns("d - D y", c.d.shape)
        limits = build.rows("(2h)-(2n)", c.d.shape, lower=c.d, upper=c.d)
        self.build.block(limits, self._y, c.d_y)
        build.coefficients(limits, self._slack, 1.0)
        self._complement("(7)", self._slack, zeta)
        for lot in range(price.shape[1]):
            self._lot(lot, c, price, w, zeta)

    def _lot(self, lot: int, c: _Compact, price: FloatArray, w: IntArray, zeta: IntArray) -> None:
        """State (5) of one lot with phi^SD = 0."""
        build, hours = self.build, price.shape[0]
        phi = build.columns(f"phi {lot}", c.b.shape, lower=-INF)
        rows = build.rows(f"(5a)-(5n) {lot}", c.cost.shape, lower=0.0, upper=0.0)
        self.build.block(rows, phi, c.a.T)
        if self._corrected:
            rho = build.columns(f"rho {lot}", c.d.shape)
            self.build.block(rows, rho, c.d_y.T)
            self._complement(f"(2h)-(2n) rho {lot}", self._slack, rho)

        own = np.zeros(price.shape, dtype=bool)
        own[:, lot] = True
        mine = np.flatnonzero(np.concatenate([own.ravel(), own.ravel()]))
        touched = np.flatnonzero(np.diff(c.g_w[:, mine].indptr))
        at_least = c.g_high[touched] == INF  # D3: the multiplier of "SOC_T >= Cend" has a sign
        nu = build.columns(f"nu {lot}", touched.shape, lower=-INF, upper=np.where(at_least, 0.0, INF))
        cost = np.concatenate([price[:, lot], np.zeros(hours)])
        rows = build.rows(f"(5o)-(5q) {lot}", mine.shape, lower=cost, upper=cost)
        self.build.block(rows, nu, c.g_w[touched, :][:, mine].T)
        self.build.block(rows[:hours], phi, c.b_p[:, mine[:hours]].T)
        for name, sign, side in (("low", -1.0, c.w_low), ("high", 1.0, c.w_high)):
            multiplier = build.columns(f"{name} {lot}", mine.shape)
            build.coefficients(rows, multiplier, sign)
            self._complement(
                f"(5aj)-(5am) {name} {lot}", self._distance(f"{name} {lot}", w[mine], sign, side[mine]), multiplier
            )
        for k in np.flatnonzero(at_least):
            self._complement(f"(3d) {lot} {k}", self._excess(lot, touched[k], c, w), self._negated(lot, nu[k : k + 1]))

        xi = build.columns(f"xi {lot}", c.cost.shape, lower=-INF)
        rows = build.rows(f"(5r)-(5w) {lot}", c.b.shape, lower=0.0, upper=0.0)
        self.build.block(rows, xi, c.a)
        kappa = build.columns(f"kappa {lot}", c.d.shape)
        rows = build.rows(f"(5x)-(5ai) {lot}", c.d.shape, lower=0.0, upper=0.0)
        self.build.block(rows, xi, c.d_y)
        build.coefficients(rows, kappa, -1.0)
        self._complement(f"(5an)-(5ay) {lot}", kappa, zeta)

    def _distance(self, name: str, columns: IntArray, sign: float, side: FloatArray) -> IntArray:
        """Return columns that hold the distance of ``columns`` from a side."""
        distance = self.build.columns(f"distance {name}", columns.shape)
        rows = self.build.rows(f"distance {name}", columns.shape, lower=sign * side, upper=sign * side)
        self.build.coefficients(rows, columns, sign)
        self.build.coefficients(rows, distance, 1.0)
        return distance

    def _excess(self, lot: int, row: int, c: _Compact, w: IntArray) -> IntArray:
        excess = self.build.columns(f"excess {lot}", (1,))
        rows = self.build.rows(f"excess {lot}", (1,), lower=c.g_low[row], upper=c.g_low[row])
        self.build.block(rows, w, c.g_w[[row], :])
        self.build.coefficients(rows, excess, -1.0)
        return excess

    def _negated(self, lot: int, column: IntArray) -> IntArray:
        negated = self.build.columns(f"-nu' {lot}", (1,))
        rows = self.build.rows(f"-nu' {lot}", (1,), lower=0.0, upper=0.0)
        self.build.coefficients(rows, column, 1.0)
        self.build.coefficients(rows, negated, 1.0)
        return negated

    def _complement(self, name: str, first: IntArray, second: IntArray) -> None:
        """State (6): ``0 <= first _|_ second >= 0`` with one binary u: first <= M u, second <= M (1 - u)."""
        u = self.build.columns(f"u {name}", first.shape, upper=1.0)
        self.binaries.append(u)
        for side, columns, factor, limit in (("a", first, -self._m, 0.0), ("b", second, self._m, self._m)):
            rows = self.build.rows(f"{side} {name}", first.shape, upper=limit)
            self.build.coefficients(rows, columns, 1.0)
            self.build.coefficients(rows, u, factor)
