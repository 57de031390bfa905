"""A bound of the loss of all radial configurations in which some branches are held: a linear program that is cut.

Every branch has two arcs, one for each way in which it can be fed. An arc that is used carries

    P, Q   power at its sending end
    l      squared current
    w      squared voltage at its sending end

and one that is not used carries nothing, w = 0 included. Then the branch-flow equations (Baran and Wu 1989) need no
large constant: a bus has one arc that feeds it, so

    v = sum over its arcs of  w - 2 (r P + x Q) + (r^2 + x^2) l

and ``l w = P^2 + Q^2`` holds of arcs of both kinds. Relaxed to ``l w >= P^2 + Q^2`` this is a cone (Farivar and Low
2013), which is the meeting of the half spaces

    l >= 2 a P + 2 b Q - (a^2 + b^2) w      for all a, b,

each of which is tight where ``P = a w`` and ``Q = b w``. Since w of an arc is at most the squared voltage of its bus
times the share in which the arc is used, a flow that is split between two ways pays for the split: that makes the bound
strong. Half spaces are added where a solution breaks them. The bound itself is computed from the multipliers
(:func:`equilibrium.programs.duality.proved_bound`): it holds whatever the solver thinks of its answer.

Inside, a voltage of 1 is that of the roots, a power of 1 all loads together, and a loss of 1 that of a known
configuration.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from equilibrium.arrays import FloatArray, IntArray
from equilibrium.errors import SolverError
from equilibrium.grid.lossy import WATTS_PER_KILOWATT
from equilibrium.grid.meshed import MeshedGrid
from equilibrium.programs.duality import proved_bound
from equilibrium.programs.program import INF, Instance, Program, ProgramBuilder
from equilibrium.programs.solvers import Handle, ModelTooLargeError, Solution, Status, open_handle
from equilibrium.programs.solvers.choose import log_fallback

DIRECTIONS = 16
"""Sides of the polygon that stands for a rating: it lies outside of the circle, and a power flow judges the rest."""

ROUNDS = 60
"""Most rounds of cuts of one bound; a round that lifts it too little ends them earlier."""

_LIFT = 1e-4
"""Share of the bound by which a round of cuts should lift it; three rounds below that are the last ones."""

_CUT = 1e-5
"""Share of the loss by which a branch must break its cone before a cut is worth a row."""

_EMPTY = 1e-6
"""Share of its bus's squared voltage at which the tangent of an arc is taken that is hardly used."""

_STALLS = 2


@dataclass(frozen=True, eq=False)
class Arcs:
    """The ways in which branches can be fed, shape ``(arcs,)`` each: sending bus, receiving bus, branch."""

    start: IntArray
    end: IntArray
    branch: IntArray


@dataclass(frozen=True, eq=False)
class Relaxed:
    """What the relaxation says of a node: a proved bound, kW, and how much each branch is used, or None if it is none.

    ``bound`` is infinite where no configuration is left.
    """

    bound: float
    use: FloatArray | None


def arcs_of(grid: MeshedGrid) -> Arcs:
    """Return the arcs of a grid; none leads into a root, and branches that are open for good have none."""
    usable = np.flatnonzero(grid.closed | grid.switchable)
    start = np.concatenate([grid.start[usable], grid.end[usable]])
    end = np.concatenate([grid.end[usable], grid.start[usable]])
    keep = ~np.isin(end, grid.roots)
    return Arcs(start[keep], end[keep], np.concatenate([usable, usable])[keep])


@dataclass(frozen=True, eq=False)
class _Scaled:
    """A grid in units of its own: loads by bus, impedances by arc, squared voltages by bus, ratings by arc."""

    power_kva: float
    load: FloatArray
    load_q: FloatArray
    r: FloatArray
    x: FloatArray
    low: FloatArray
    high: FloatArray
    rating: FloatArray


def _scaled(grid: MeshedGrid, arcs: Arcs) -> _Scaled:
    """Return the grid in units of its own."""
    power = float(np.abs(grid.load_kw).sum() + np.abs(grid.load_kvar).sum()) or 1.0
    root_kv = grid.root_voltage_pu * grid.base_kv
    ohm = root_kv**2 / (power / WATTS_PER_KILOWATT)
    return _Scaled(
        power_kva=power,
        load=grid.load_kw / power,
        load_q=grid.load_kvar / power,
        r=grid.r_ohm[arcs.branch] / ohm,
        x=grid.x_ohm[arcs.branch] / ohm,
        low=(grid.voltage_min_pu / grid.root_voltage_pu) ** 2,
        high=(grid.voltage_max_pu / grid.root_voltage_pu) ** 2,
        rating=grid.rating_kva[arcs.branch] / power,
    )


@dataclass(frozen=True, eq=False)
class _Limits:
    """What no arc of a configuration exceeds that loses no more than the known one, in the grid's own units."""

    active: tuple[float, float]
    reactive: tuple[float, float]
    current: FloatArray
    square: FloatArray


def _limits(grid: MeshedGrid, arcs: Arcs, own: _Scaled, loss: float) -> _Limits:
    """Bound flows, currents and squared voltages.

    What enters an arc is the load behind it and the losses behind it, so it lies between what all sources feed in and
    all loads with all losses. Its current is the sum of the currents of the loads behind it, whatever is lost there. A
    voltage lies above its sending end's only as far as sources push it up.
    """
    fed_in, fed_in_q = (float(-load[load < 0.0].sum()) for load in (own.load, own.load_q))
    active = float(own.load[own.load > 0.0].sum()) + loss
    lossy = own.r > 0.0
    top = float(np.hypot(own.load, own.load_q).sum()) ** 2 / float(own.low.min())
    reactive = float(own.load_q[own.load_q > 0.0].sum()) + top * float(own.x[~lossy].sum())
    reactive += loss * float(np.max(own.x[lossy] / own.r[lossy], initial=0.0))
    current = np.minimum(top, np.where(lossy, loss / np.where(lossy, own.r, 1.0), INF))
    rise = np.zeros(grid.size)
    np.maximum.at(rise, arcs.end, 2.0 * (own.r * fed_in + own.x * fed_in_q))
    return _Limits((-fed_in, active), (-fed_in_q, reactive), current, np.minimum(1.0 + float(rise.sum()), own.high))


class BranchFlow:
    """The relaxation of a grid, kept in a solver, with the cuts that were found so far.

    Parameters
    ----------
    grid
        The grid.
    loss_kw
        Loss of a configuration that is known, kW: the bound is one of those that lose no more.
    solver
        One of :data:`equilibrium.programs.solvers.SOLVERS`.
    """

    def __init__(self, grid: MeshedGrid, loss_kw: float, solver: str = "auto") -> None:
        self.grid, self.arcs = grid, arcs_of(grid)
        self._loss_kw, own = loss_kw, _scaled(grid, self.arcs)
        limits = _limits(grid, self.arcs, own, loss_kw / own.power_kva)
        self._share = own.r * own.power_kva / loss_kw  # of the known loss, by squared current
        self._program = _compile(grid, self.arcs, own, limits, self._share)
        self._instance: Instance = self._program.bind({})
        self._squares = limits.square[self.arcs.start]
        self._handle: Handle = open_handle(self._instance, solver)
        self._held = grid.closed & ~grid.switchable

    @property
    def cuts(self) -> int:
        """Number of cuts."""
        return self._instance.shape[0] - self._program.shape[0]

    def bound(self, held_open: IntArray, held_closed: IntArray, cutoff: float, rounds: int = ROUNDS) -> Relaxed:
        """Bound the loss of all radial configurations in which some branches are open and some closed.

        Parameters
        ----------
        held_open, held_closed
            Indices of these branches.
        cutoff
            Bound, kW, at which the node needs no more cuts.
        rounds
            Most rounds of cuts.
        """
        low, high = self._held.astype(np.float64), (self.grid.closed | self.grid.switchable).astype(np.float64)
        low[held_closed], high[held_open] = 1.0, 0.0
        self._instance = self._instance.with_columns(self._program.columns["use"].index, low, high)
        best, stalls, use = -INF, 0, None
        for _ in range(rounds):
            try:
                solution = self._solve()
            except SolverError:
                break  # the bound of the rounds before holds
            if solution.status is Status.INFEASIBLE:
                return Relaxed(INF, None)
            if solution.status is not Status.OPTIMAL:
                break
            value = self._loss_kw * proved_bound(self._instance, solution.y)
            stalls = stalls + 1 if value < best + _LIFT * abs(best) else 0
            best = max(best, value)
            use = self._program.value(solution.x, "use")
            if best >= cutoff or stalls > _STALLS or not self._cut(solution.x):
                break
        return Relaxed(best, use)

    def _solve(self) -> Solution:
        """Solve the program as it stands, in HiGHS from the moment at which it outgrows the licence of another."""
        try:
            self._handle.update(self._instance)
            return self._handle.solve()
        except ModelTooLargeError:
            log_fallback(*self._instance.shape)
            self._handle = open_handle(self._instance, "highs")
            return self._handle.solve()

    def _cut(self, x: FloatArray) -> bool:
        """Add the tangents that a solution breaks; False where there is none."""
        flow, flow_q, current, square = (self._program.value(x, name) for name in _ARC_COLUMNS)
        at = np.maximum(square, _EMPTY * self._squares)
        a, b = flow / at, flow_q / at
        missing = 2.0 * (a * flow + b * flow_q) - (a**2 + b**2) * square - current
        broken = np.flatnonzero(missing * self._share > _CUT)
        if not broken.size:
            return False
        columns = np.stack([self._program.columns[name].index[broken] for name in _ARC_COLUMNS], axis=1)
        values = np.stack([2.0 * a, 2.0 * b, np.full(a.size, -1.0), -(a**2 + b**2)], axis=1)[broken]
        pointers = np.arange(0, columns.size + 1, columns.shape[1])
        shape = (broken.size, self._instance.shape[1])
        matrix = sp.csr_array((values.ravel(), columns.ravel(), pointers), shape=shape)
        lower, upper = np.full(broken.size, -INF), np.zeros(broken.size)
        self._instance = self._instance.with_rows(matrix, lower, upper)
        self._handle.add_rows(matrix, lower, upper)
        return True


_ARC_COLUMNS = ("flow", "flow_q", "current", "square")


def _compile(grid: MeshedGrid, arcs: Arcs, own: _Scaled, limits: _Limits, cost: FloatArray) -> Program:
    """State the relaxation without its cuts."""
    build, shape = ProgramBuilder(), arcs.branch.shape
    low, high = own.low.copy(), limits.square.copy()
    low[list(grid.roots)] = high[list(grid.roots)] = 1.0
    used = build.columns("used", shape, upper=1.0)
    flow = build.columns("flow", shape, lower=limits.active[0], upper=limits.active[1])
    flow_q = build.columns("flow_q", shape, lower=limits.reactive[0], upper=limits.reactive[1])
    current = build.columns("current", shape, upper=limits.current, cost=cost)
    square = build.columns("square", shape, upper=high[arcs.start])
    voltage = build.columns("voltage", (grid.size,), lower=low, upper=high)

    use = build.columns("use", (grid.branches,), upper=1.0)
    branch = build.rows("use", use.shape, lower=0.0, upper=0.0)
    build.coefficients(branch[arcs.branch], used, 1.0)
    build.coefficients(branch, use, -1.0)
    fed = np.setdiff1d(np.arange(grid.size), grid.roots)
    rows = np.full((4, grid.size), -1)
    rows[0, fed] = build.rows("feeding", fed.shape, lower=1.0, upper=1.0)
    rows[1, fed] = build.rows("active", fed.shape, lower=own.load[fed], upper=own.load[fed])
    rows[2, fed] = build.rows("reactive", fed.shape, lower=own.load_q[fed], upper=own.load_q[fed])
    rows[3, fed] = build.rows("drop", fed.shape, lower=0.0, upper=0.0)
    build.coefficients(rows[0, arcs.end], used, 1.0)
    inner = rows[1, arcs.start] >= 0
    for k, column, impedance in ((1, flow, own.r), (2, flow_q, own.x)):
        build.coefficients(rows[k, arcs.end], column, 1.0)
        build.coefficients(rows[k, arcs.end], current, -impedance)
        build.coefficients(rows[k, arcs.start[inner]], column[inner], -1.0)
        build.coefficients(rows[3, arcs.end], column, 2.0 * impedance)
    build.coefficients(rows[3, fed], voltage[fed], 1.0)
    build.coefficients(rows[3, arcs.end], square, -1.0)
    build.coefficients(rows[3, arcs.end], current, -(own.r**2 + own.x**2))
    _state_use(build, arcs, own, limits, (low[arcs.start], high[arcs.start]))
    return build.compile()


def _state_use(
    build: ProgramBuilder, arcs: Arcs, own: _Scaled, limits: _Limits, band: tuple[FloatArray, FloatArray]
) -> None:
    """Let an arc carry only as much as it is used; ``band`` is that of the squared voltage of its sending end."""
    shape = arcs.branch.shape
    used, flow, flow_q, current, square = (build.column_index(name) for name in ("used", *_ARC_COLUMNS))
    voltage = build.column_index("voltage")[arcs.start]
    row = build.rows("square_of_bus", shape, upper=0.0)
    build.coefficients(row, square, 1.0)
    build.coefficients(row, voltage, -1.0)
    row = build.rows("square_when_used", shape, lower=-band[1])
    build.coefficients(row, square, 1.0)
    build.coefficients(row, voltage, -1.0)
    build.coefficients(row, used, -band[1])
    nothing = np.zeros(shape)
    for name, column, lowest, highest in (
        ("square", square, *band),
        ("flow", flow, nothing + limits.active[0], nothing + limits.active[1]),
        ("flow_q", flow_q, nothing + limits.reactive[0], nothing + limits.reactive[1]),
        ("current", current, nothing, limits.current),
    ):
        row = build.rows(f"{name}_most", shape, upper=0.0)
        build.coefficients(row, column, 1.0)
        build.coefficients(row, used, -highest)
        if (lowest != 0.0).any():  # else the column's own bound says it
            row = build.rows(f"{name}_least", shape, lower=0.0)
            build.coefficients(row, column, 1.0)
            build.coefficients(row, used, -lowest)
    for name, column, load, impedance in (("load", flow, own.load, own.r), ("load_q", flow_q, own.load_q, own.x)):
        if (load >= 0.0).all():  # then what an arc brings is at least the load of its bus
            row = build.rows(f"{name}_brought", shape, lower=0.0)
            build.coefficients(row, column, 1.0)
            build.coefficients(row, current, -impedance)
            build.coefficients(row, used, -load[arcs.end])
    rated = np.flatnonzero(np.isfinite(own.rating))
    if rated.size:
        angle = 2.0 * np.pi * np.arange(DIRECTIONS) / DIRECTIONS
        row = build.rows("rating", (rated.size, DIRECTIONS), upper=0.0)
        build.coefficients(row, flow[rated][:, None], np.cos(angle))
        build.coefficients(row, flow_q[rated][:, None], np.sin(angle))
        build.coefficients(row, used[rated][:, None], -own.rating[rated][:, None])
