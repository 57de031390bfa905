"""The program of one window of real time, (9) of docs/two_settlement.md, for one configuration of the grid.

Compiled once; a period binds its data. Flows and voltages follow from the powers and are eliminated; of their limits
only violated ones are handed to the solver (:mod:`equilibrium.programs.reduction`). There is always an answer: load,
power of aggregators and output of generators may be given up at the value of lost load.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from equilibrium.arrays import BoolArray, FloatArray, IntArray
from equilibrium.grid.lossy import WATTS_PER_KILOWATT
from equilibrium.grid.restoration import SIDES, Forest, polygon
from equilibrium.markets.two_settlement.system import ActiveSystem
from equilibrium.programs.program import INF, Program, ProgramBuilder
from equilibrium.programs.reduction import ReducedModel

STATES = ("flow", "flow_q", "square")
STATE_ROWS = ("balance", "balance_q", "drop")


class Window:
    """The program of a window, kept in a solver.

    Parameters
    ----------
    system
        The system.
    forest
        Which buses have supply, and along which branches.
    length_h
        Length of the window's periods, shape ``(H,)``.
    bids
        Buses of the aggregators, and the kvar that come with a kW of each.
    solver
        One of :data:`equilibrium.programs.solvers.SOLVERS`.
    """

    def __init__(
        self,
        system: ActiveSystem,
        forest: Forest,
        length_h: FloatArray,
        bids: tuple[IntArray, FloatArray],
        solver: str,
    ) -> None:
        self._system, self.forest = system, forest
        self._length_h = length_h
        self._periods = length_h.size
        self._place = np.full(system.grid.size, -1)
        self._place[forest.order] = np.arange(forest.order.size)
        build = ProgramBuilder()
        self._units(build)
        self._storages(build)
        self._trade(build)
        self._network(build, bids)
        self._reserve(build)
        self.program: Program = build.compile()
        self.model = ReducedModel(self.program, STATES, STATE_ROWS, solver)

    def ideal(self, wishes: Mapping[str, FloatArray]) -> FloatArray:
        """Return where every column would rather stand: blocks by name, all others at 0."""
        ideal = np.zeros(self.program.shape[1])
        for name, values in wishes.items():
            ideal[self.program.columns[name].slice] = values.ravel()
        return ideal

    def on_grid(self, buses: IntArray) -> IntArray:
        """Return which of some units stand at buses that have supply."""
        return np.flatnonzero(self._place[buses] >= 0)

    def _shape(self, count: int) -> tuple[int, int]:
        return self._periods, count

    def _bounded(self, build: ProgramBuilder, name: str, count: int, cost: FloatArray | float = 0.0) -> IntArray:
        """Add columns from 0 to a port of their own."""
        column = build.columns(name, self._shape(count), upper=0.0, cost=cost)
        build.upper_ports(column, build.port(f"{name} most", self._shape(count)), 1.0)
        return column

    def _units(self, build: ProgramBuilder) -> None:
        """State generators and renewable units: bounds by state, ramps, apparent power, distance from the plan."""
        generators = self._system.generators
        count, length = len(generators), self._length_h[:, None]
        cost = length * np.array([each.cost_per_kwh for each in generators])
        output = self._bounded(build, "output", count, cost)
        build.lower_ports(output, build.port("output least", self._shape(count)), 1.0)
        kvar = np.array([each.rating_kva for each in generators])
        output_q = build.columns("output_q", self._shape(count), lower=-kvar, upper=kvar)
        cosine, sine, reach = polygon()
        sides = np.flatnonzero(cosine > 0.0)
        limit = np.broadcast_to((reach * kvar)[:, None], (*self._shape(count), sides.size))
        row = build.rows("apparent", limit.shape, upper=limit)
        build.coefficients(row, output[..., None], cosine[sides])
        build.coefficients(row, output_q[..., None], sine[sides])
        ramp = build.rows("ramp", self._shape(count), lower=0.0, upper=0.0)
        slack = build.columns("ramped", self._shape(count), lower=0.0, upper=0.0)
        build.lower_ports(slack, build.port("ramp least", self._shape(count)), 1.0)
        build.upper_ports(slack, build.port("ramp most", self._shape(count)), 1.0)
        build.coefficients(ramp, output, 1.0)
        build.coefficients(ramp, slack, -1.0)
        build.coefficients(ramp[1:], output[:-1], -1.0)
        build.row_ports(ramp[0], build.port("output before", (count,)), -1.0)
        plan = build.rows("plan", self._shape(count), lower=0.0, upper=0.0)
        build.row_ports(plan, build.port("output planned", self._shape(count)), -1.0)
        build.coefficients(plan, output, 1.0)
        price = build.port("output penalty", (self._periods,))
        for name, sign in (("above plan", -1.0), ("below plan", 1.0)):
            column = build.columns(name, self._shape(count))
            build.coefficients(plan, column, sign)
            build.cost_ports(column, price[:, None], length)
        worst = float(self._system.lost_load_value.max(initial=0.0))
        tripped = build.columns("tripped", self._shape(count), cost=length * worst)
        row = build.rows("trips", self._shape(count), upper=0.0)
        build.coefficients(row, tripped, 1.0)
        build.coefficients(row, output, -1.0)
        self._bounded(build, "renewable", len(self._system.renewables))

    def _storages(self, build: ProgramBuilder) -> None:
        """State storage: energy from period to period, and at the end of the window where the plan has it."""
        storages, length = self._system.storages, self._length_h
        count = len(storages)
        charge, discharge = (self._bounded(build, name, count) for name in ("charge", "discharge"))
        low, high = (np.array([getattr(each, name) for each in storages]) for name in ("energy_min_kwh", "energy_kwh"))
        energy = build.columns("energy", self._shape(count), lower=low, upper=high)
        stock = build.rows("stock", self._shape(count), lower=0.0, upper=0.0)
        build.coefficients(stock, energy, 1.0)
        build.coefficients(stock[1:], energy[:-1], -1.0)
        build.row_ports(stock[0], build.port("energy before", (count,)), -1.0)
        build.coefficients(stock, charge, -length[:, None] * np.array([each.charge_efficiency for each in storages]))
        build.coefficients(
            stock, discharge, length[:, None] / np.array([each.discharge_efficiency for each in storages])
        )
        end = build.rows("end", (count,), lower=0.0, upper=0.0)
        build.coefficients(end, energy[-1], 1.0)
        build.row_ports(end, build.port("energy planned", (count,)), -1.0)
        value = build.port("energy value", (1,))
        for name, sign in (("above end", -1.0), ("below end", 1.0)):
            column = build.columns(name, (1, count))
            build.coefficients(end, column[0], sign)
            build.cost_ports(column[0], value, 1.0)

    def _trade(self, build: ProgramBuilder) -> None:
        """State what passes the roots beside the positions, and what it costs."""
        for kind in ("", " kvar"):
            for name in ("more", "less"):
                column = build.columns(f"{name}{kind}", (self._periods,))
                build.cost_ports(column, build.port(f"{name}{kind} price", (self._periods,)), self._length_h)

    def _network(self, build: ProgramBuilder, bids: tuple[IntArray, FloatArray]) -> None:
        """State LinDistFlow on the forest: balances, voltages, ratings, and the trade at the roots."""
        grid, forest = self._system.grid, self.forest
        n = forest.order.size
        flow, flow_q = (build.columns(name, self._shape(n), lower=-INF) for name in ("flow", "flow_q"))
        root = forest.parent < 0
        if np.isfinite(self._system.trade_max_kw):
            self._root_limits(build, flow, root)
        low, high = ((each[forest.order] * grid.base_kv) ** 2 for each in (grid.voltage_min_pu, grid.voltage_max_pu))
        low, high = np.where(root, -INF, low), np.where(root, INF, high)
        square = build.columns("square", self._shape(n), lower=low, upper=high)
        inner = np.flatnonzero(~root)
        above, branch = self._place[forest.parent[inner]], forest.branch[inner]
        held = np.where(root, (grid.root_voltage_pu * grid.base_kv) ** 2, 0.0)
        drop = build.rows("drop", self._shape(n), lower=held, upper=held)
        build.coefficients(drop, square, 1.0)
        build.coefficients(drop[:, inner], square[:, above], -1.0)
        for name, column, ohm in (("balance", flow, grid.r_ohm), ("balance_q", flow_q, grid.x_ohm)):
            balance = build.rows(name, self._shape(n), lower=0.0, upper=0.0)
            build.row_ports(balance, build.port(f"{name} load", self._shape(n)), -1.0)
            build.coefficients(balance, column, 1.0)
            build.coefficients(balance[:, above], column[:, inner], -1.0)
            build.coefficients(drop[:, inner], column[:, inner], 2.0 * ohm[branch] / WATTS_PER_KILOWATT)
        self._injections(build, bids)
        for kind, column in (("", flow), (" kvar", flow_q)):
            row = build.rows(f"traded{kind}", (self._periods,), lower=0.0, upper=0.0)
            build.row_ports(row, build.port(f"position{kind}", (self._periods,)), -1.0)
            build.coefficients(row[:, None], column[:, root], 1.0)
            build.coefficients(row, build.column_index(f"more{kind}"), -1.0)
            build.coefficients(row, build.column_index(f"less{kind}"), 1.0)
        self._ratings(build, flow, flow_q, inner)

    def _root_limits(self, build: ProgramBuilder, flow: IntArray, root: BoolArray) -> None:
        """Limit what each root may pass."""
        most = self._system.trade_max_kw
        row = build.rows("root", self._shape(int(root.sum())), lower=-most, upper=most)
        build.coefficients(row, flow[:, root], 1.0)

    def _injections(self, build: ProgramBuilder, bids: tuple[IntArray, FloatArray]) -> None:
        """Let everything that gives or takes power stand in the balance of its bus; ports hold the fixed powers."""
        balance, balance_q = build.row_index("balance"), build.row_index("balance_q")
        system, length, value = self._system, self._length_h[:, None], self._system.lost_load_value
        own = {name: build.column_index(name) for name in ("output", "output_q", "renewable", "charge", "discharge")}
        at = np.array([each.bus for each in system.generators], dtype=np.int64)
        here = self.on_grid(at)
        build.coefficients(balance[:, self._place[at[here]]], own["output"][:, here], 1.0)
        build.coefficients(balance[:, self._place[at[here]]], build.column_index("tripped")[:, here], -1.0)
        build.coefficients(balance_q[:, self._place[at[here]]], own["output_q"][:, here], 1.0)
        for units, names in ((system.renewables, ("renewable",)), (system.storages, ("discharge", "charge"))):
            at = np.array([each.bus for each in units], dtype=np.int64)
            here = self.on_grid(at)
            for name, sign in zip(names, (1.0, -1.0), strict=False):
                build.coefficients(balance[:, self._place[at[here]]], own[name][:, here], sign)
        buses, share = bids
        here = self.on_grid(buses)
        called = self._bounded(build, "called", buses.size)
        build.cost_ports(called, build.port("called price", self._shape(buses.size)), length)
        not_taken = self._bounded(build, "not taken", buses.size, cost=length * value[buses])
        not_given = self._bounded(build, "not given", buses.size, cost=length * value[buses])
        for column, sign in ((called, 1.0), (not_taken, 1.0), (not_given, -1.0)):
            build.coefficients(balance[:, self._place[buses[here]]], column[:, here], sign)
            build.coefficients(balance_q[:, self._place[buses[here]]], column[:, here], sign * share[here])
        order = self.forest.order
        shed = self._bounded(build, "shed", order.size, cost=length * value[order])
        nominal = np.maximum(system.grid.load_kw[order], 0.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where(nominal > 0.0, system.grid.load_kvar[order] / nominal, 0.0)
        build.coefficients(balance, shed, 1.0)
        build.coefficients(balance_q, shed, ratio)

    def _ratings(self, build: ProgramBuilder, flow: IntArray, flow_q: IntArray, inner: IntArray) -> None:
        """Limit the apparent power of branches by a polygon inside the circle."""
        rating = self._system.grid.rating_kva[self.forest.branch[inner]]
        rated, rating = inner[np.isfinite(rating)], rating[np.isfinite(rating)]
        if not rated.size:
            return
        cosine, sine, reach = polygon()
        limit = np.broadcast_to((reach * rating)[:, None], (*self._shape(rated.size), SIDES))
        row = build.rows("rating", limit.shape, upper=limit)
        build.coefficients(row, flow[:, rated][..., None], cosine)
        build.coefficients(row, flow_q[:, rated][..., None], sine)

    def _reserve(self, build: ProgramBuilder) -> None:
        """Keep what was sold and what is needed ready, or pay for what is missing."""
        system, length = self._system, self._length_h[:, None]
        short = build.columns("short", (self._periods,))
        build.cost_ports(short, build.port("short price", (self._periods,)), self._length_h)
        ready = self._bounded(build, "ready", len(system.storages))
        row = build.rows("reserve", (self._periods,), lower=0.0)
        build.row_ports(row, build.port("reserve missing", (self._periods,)), -1.0)
        build.coefficients(row, short, 1.0)
        build.coefficients(row[:, None], ready, 1.0)
        build.coefficients(row[:, None], build.column_index("output"), -1.0)
        build.coefficients(row[:, None], build.column_index("called"), -1.0)
        most = np.array([each.discharge_max_kw for each in system.storages])
        room = build.rows("ready power", self._shape(len(system.storages)), upper=most)
        build.coefficients(room, ready, 1.0)
        build.coefficients(room, build.column_index("discharge"), 1.0)
        least = np.array([each.energy_min_kwh for each in system.storages])
        behind = build.rows("ready energy", self._shape(len(system.storages)), upper=-least)
        build.coefficients(behind, build.column_index("energy"), -1.0)
        build.coefficients(behind, ready, length / np.array([each.discharge_efficiency for each in system.storages]))
