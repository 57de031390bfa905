"""The company's stage with the network itself stated in some periods, every square between its secants and its chord.

Intervals of net powers and renewables, a *box*, give intervals of all flows; over them a square lies below its chord
(:mod:`equilibrium.grid.segments`). That is a relaxation of exact squares, and exact at the ends. With every square held
on one segment the stage is a linear program whose points are dispatches.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from equilibrium.arrays import BoolArray, FloatArray
from equilibrium.errors import SolverError
from equilibrium.grid.lossy import WATTS_PER_KILOWATT, add_lossy_flow, lossy_branches, square_gaps
from equilibrium.grid.segments import Squares, below_chords, in_segments, within_intervals
from equilibrium.markets.disco.network.service import NoDispatchError
from equilibrium.markets.disco.upper.earliest import lateness
from equilibrium.markets.disco.upper.growth import rates
from equilibrium.markets.disco.upper.master import MAXIMUM_ROUNDS, Master
from equilibrium.markets.disco.upper.stage import Columns, Dispatch, Held, Part, Stage, State, net_power_range
from equilibrium.programs.program import INF, Instance, ProgramBuilder
from equilibrium.programs.solvers import Solution, Status
from equilibrium.programs.solvers.choose import require_optimal, solve_linear

CORNER = 1e-3
"""Share of the widest interval within which a point stands at a corner: the middle is a better place to split then."""

NARROWEST_KW = 1e-6
"""Width of an interval that is not split any more."""


@dataclass(frozen=True, eq=False)
class Box:
    """Intervals of net powers, renewables and compensators, flat; and a bound on the cost inside."""

    low: FloatArray
    high: FloatArray
    bound: float


@dataclass(frozen=True, eq=False)
class Relaxed:
    """The optimum of a box's relaxation."""

    x: FloatArray
    bound: float
    excess: FloatArray


class NetworkMaster(Master):
    """The company's stage with the network itself in some periods, and planes of it in the others.

    Parameters
    ----------
    exact
        In which periods of which scenarios the network is stated, shape ``(scenarios, periods)``.
    """

    def __init__(self, parts: Sequence[Part], solver: str, state: State, exact: BoolArray) -> None:
        self._exact, self.cases = exact, np.argwhere(exact)
        supply = parts[0].supply.supply
        self._network = supply.network

        def with_network(build: ProgramBuilder, every: Sequence[Part]) -> Columns:
            columns = state(build, every)
            number, period = self.cases.T
            flow = add_lossy_flow(
                build,
                supply.network,
                len(self.cases),
                segments=supply.segments,
                flow_range=supply.flow_range,
                transformer_efficiency=supply.efficiency,
            )
            for name, inside, outside in (
                ("same_power", flow, columns.power[number, period]),
                ("same_purchase", build.column_index("import_kw"), columns.bought[number, period]),
            ):
                same = build.rows(name, inside.shape, lower=0.0, upper=0.0)
                build.coefficients(same, inside, 1.0)
                build.coefficients(same, outside, -1.0)
            return columns

        super().__init__(parts, solver, with_network, self._ports(parts))
        self.seconds = 0.0
        self.squares = Squares.of(self._network, self.program)
        names = ("lot_kw", "renewable_kw", "compensator_kvar")
        self._injected = np.hstack([self.program.columns[name].index for name in names])
        every = [net_power_range(part, supply.periods, supply.lot_bus.size) for part in parts]
        lots = self.program.columns["lot_kw"].index
        ends = [np.array([every[number][side][period] for number, period in self.cases]) for side in (0, 1)]
        self.instance = self.instance.with_columns(lots.ravel(), ends[0].ravel(), ends[1].ravel())

    def _ports(self, parts: Sequence[Part]) -> dict[str, FloatArray]:
        """Return the ports of the network in all stated periods; the purchase is paid outside."""
        supply = parts[0].supply.supply
        shape = (supply.periods, supply.lot_bus.size)
        each = [part.supply.ports(np.zeros(shape), np.zeros(supply.periods)) for part in parts]
        return {name: np.array([each[number][name][period] for number, period in self.cases]) for name in each[0]}

    def by_planes(self, number: int) -> BoolArray:
        """Return for which periods planes stand for the network: those in which it is not stated."""
        return np.asarray(~self._exact[number])

    def root(self) -> Box:
        """Return the intervals from which the search starts."""
        at = self._injected.ravel()
        return Box(self.instance.col_lower[at], self.instance.col_upper[at], -INF)

    def relaxed(self, box: Box) -> Instance | None:
        """Return the stage with every square between its secants and its chord in a box; ``None`` where it is empty."""
        inside = self.instance.with_columns(self._injected.ravel(), box.low, box.high)
        inside = within_intervals(self._network, self.program, inside)
        if (inside.col_lower > inside.col_upper).any():
            return None
        return below_chords(inside, self.squares)

    def held(self, flow: FloatArray) -> Instance | None:
        """Return the stage with every square on the segment of its flow; ``None`` where that is not possible.

        ``flow`` has the flows of all columns of the program.
        """
        every = np.ones(self.squares.square.size, dtype=bool)
        found = in_segments(self.instance, self.squares, every, flow[self.squares.flow])
        return None if (found.col_lower > found.col_upper).any() else found

    def optimum(self, shaped: Callable[[], Instance | None]) -> tuple[Instance, Solution] | None:
        """Solve the stage in some shape, with all planes that it needs; ``None`` when it is infeasible."""
        for _ in range(MAXIMUM_ROUNDS):
            instance = shaped()
            if instance is None:
                return None
            solution = solve_linear(instance, self.solver)
            self.seconds += solution.seconds
            if solution.status is Status.INFEASIBLE:
                return None
            require_optimal(solution, "the company's stage")
            _, rows, spent = self.cut(solution.x)
            self.seconds += spent
            if not rows:
                return instance, solution
        raise SolverError(f"the company's stage: planes were still missing after {MAXIMUM_ROUNDS} rounds")

    def excess(self, x: FloatArray) -> FloatArray:
        """Return what is lost above the secants, kW, shape ``(cases,)``."""
        feeder, branches = self._network.feeder, lossy_branches(self._network)
        gaps = square_gaps(self._network, self.program, x).values()
        span = self.squares.span.reshape(2, len(self.cases), branches.size)
        per_square = feeder.r_ohm[branches] / WATTS_PER_KILOWATT / feeder.base_kv**2
        each = [per_square * side**2 * np.maximum(gap, 0.0) for gap, side in zip(gaps, span, strict=True)]
        return np.asarray(sum(part.sum(axis=1) for part in each))

    def swept(self, x: FloatArray) -> FloatArray:
        """Return the point with the flows of its injections: every square on its piecewise linear function."""
        columns, answer = self.program.columns, x.copy()
        supply, network = self.parts[0].supply.supply, self._network
        lots, renewables = supply.stands
        compensators = np.eye(network.feeder.size)[supply.compensator_bus]
        load = np.array([self.parts[number].supply.load_kw[period] for number, period in self.cases])
        kvar = np.array([self.parts[number].supply.load_kvar[period] for number, period in self.cases])
        load = load + x[columns["lot_kw"].index] @ lots - x[columns["renewable_kw"].index] @ renewables
        flows = supply.sweep.flows(load, kvar - x[columns["compensator_kvar"].index] @ compensators)
        answer[columns["flow_kw"].index], answer[columns["flow_kvar"].index] = flows.flow_kw, flows.flow_kvar
        return answer

    def cost_of(self, swept: FloatArray) -> float:
        """Return what a swept point costs when every stated period buys what its flows need."""
        bought = self.columns.bought[self.cases[:, 0], self.cases[:, 1]]
        x, efficiency = swept.copy(), self.parts[0].supply.supply.efficiency
        x[bought] = swept[self.program.columns["flow_kw"].index[:, 0]] / efficiency
        return float(self.program.cost @ x)

    def split(self, box: Box, found: Relaxed) -> tuple[Box, Box] | None:
        """Split the interval that matters most at the point that was found; ``None`` where none is wide enough."""
        shape = self._injected.shape
        low, high = box.low.reshape(shape), box.high.reshape(shape)
        width = high - low
        worth = found.excess * np.array([abs(self.parts[number].price[period]) for number, period in self.cases])
        open_cases = np.flatnonzero((width > NARROWEST_KW).any(axis=1))
        if not open_cases.size:
            return None
        case = int(open_cases[np.argmax(worth[open_cases])])
        x = found.x[self._injected[case]]
        inner = np.minimum(x - low[case], high[case] - x)
        pick = int(np.argmax(inner))
        at = float(x[pick])
        if inner[pick] <= NARROWEST_KW + CORNER * width[case].max():  # at a corner: chords meet L there, but not all
            pick = int(np.argmax(width[case]))
            at = 0.5 * float(low[case, pick] + high[case, pick])
        place = case * shape[1] + pick
        left, right = box.high.copy(), box.low.copy()
        left[place] = right[place] = at
        return Box(box.low, left, found.bound), Box(right, box.high, found.bound)

    def _weights(self) -> FloatArray:
        """Weigh renewables, too: the one that comes first in the network's order gives way first."""
        weight = super()._weights()
        potential = self.program.columns["renewable_kw"].index
        weight[potential] = -lateness(potential.size)[::-1].reshape(potential.shape)
        return weight

    def _rise(self) -> FloatArray:
        """Let the loads of the stated periods grow, too."""
        rise, rate = super()._rise(), np.array(rates(len(self.parts)))[self.cases[:, 0]]
        for name in ("active_balance", "reactive_balance"):
            rows = self.program.rows[name].index
            rise[rows] = rate[:, None] * self.instance.row_lower[rows]
        return rise

    def _dispatches(self, solution: Solution, services: Sequence[object]) -> tuple[Dispatch, ...]:
        """Read the stated periods off the program, and the others off the planes."""
        answer = list(super()._dispatches(solution, services))  # type: ignore[arg-type]
        one, program = self.parts[0].supply.supply.period_program, self.program
        points = np.hstack(
            [solution.x[program.columns[name].index].reshape(len(self.cases), -1) for name in one.columns]
        )
        network_y = np.hstack([solution.y[program.rows[name].index].reshape(len(self.cases), -1) for name in one.rows])
        weight = -program.multiplier(solution.y, "same_purchase")
        kw, kvar = (self._inside[program.columns[name].index] for name in ("flow_kw", "flow_kvar"))
        for number, dispatch in enumerate(answer):
            mine = self.cases[:, 0] == number
            period, size = self.cases[mine, 1], (dispatch.weight.size, kw.shape[1])
            kept = Held(np.zeros(size[0], dtype=bool), np.zeros(size), np.zeros(size))
            kept.periods[period], kept.flow_kw[period], kept.flow_kvar[period] = True, kw[mine], kvar[mine]
            dispatch.service.points[period], dispatch.network_y[period] = points[mine], network_y[mine]
            dispatch.weight[period] = weight[mine]
            bought = dispatch.bought_kw.copy()
            bought[period] = solution.x[self.columns.bought[number, period]]
            service = replace(dispatch.service, need_kw=bought)
            answer[number] = replace(dispatch, bought_kw=bought, service=service, held=kept)
        return tuple(answer)

    def settled(self, flow: FloatArray) -> Stage:
        """Return the stage in the segments of some flows, as :meth:`Master.solve` does.

        Raises
        ------
        NoDispatchError
            When there is no dispatch in them.
        """
        instance = self.held(flow)
        if instance is None:
            raise NoDispatchError
        self.instance, self._inside = instance, flow
        return self.solve()
