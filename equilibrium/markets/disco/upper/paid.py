"""Purchases that are paid for: periods in which the company's stage holds the network itself, squares exact.

At a negative price the company would waste energy in the lines and buy as much as it can, so planes below the least
purchase say nothing, and what may be bought without waste is no convex function. Such periods are stated whole in the
stage, and so are those in which a purchase made ahead would be wasted. Intervals of the lots' net powers and of the
renewables give intervals of all flows; over them a square lies below its chord (:mod:`equilibrium.grid.segments`).
That is a relaxation, and exact at the ends. A best-first search splits the intervals: every node bounds the cost from
below, and its point, with every square held on its segment, is a linear program whose optimum is a dispatch.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from equilibrium.arrays import BoolArray, FloatArray
from equilibrium.certificate import RESIDUAL_TOLERANCE
from equilibrium.deadline import Deadline
from equilibrium.errors import InfeasibleError, SolverError
from equilibrium.grid.lossy import WATTS_PER_KILOWATT, add_lossy_flow, lossy_branches, square_gaps
from equilibrium.grid.segments import Squares, below_chords, in_segments, within_intervals
from equilibrium.markets.disco.network.service import NoDispatchError
from equilibrium.markets.disco.upper.earliest import lateness
from equilibrium.markets.disco.upper.growth import rates
from equilibrium.markets.disco.upper.master import (
    MAXIMUM_ROUNDS,
    Columns,
    Dispatch,
    Held,
    Master,
    Part,
    Stage,
    net_power_range,
)
from equilibrium.markets.disco.upper.waste import wasted, without_waste
from equilibrium.programs.duality import dual_objective, reduced_costs
from equilibrium.programs.program import GAP, INF, Instance, ProgramBuilder
from equilibrium.programs.solvers import Solution, Status
from equilibrium.programs.solvers.choose import require_optimal, solve_linear

ROUGHLY = 1e-6
"""A point within this of the best cost, relative, is followed: other powers in its segments may cost less."""

NARROWEST_KW = 1e-6
"""Width of an interval that is not split any more."""

State = Callable[[ProgramBuilder, Sequence[Part]], Columns]


def paid(parts: Sequence[Part]) -> BoolArray:
    """Return in which periods somebody is paid for buying, shape ``(scenarios, periods)``.

    A purchase that is common to all scenarios is one of the whole column, which does no harm where it is not.
    """
    negative = np.array([part.price < 0.0 for part in parts])
    return np.asarray(np.broadcast_to(negative.any(axis=0), negative.shape))


@dataclass(frozen=True, eq=False)
class Box:
    """Intervals of net powers, renewables and compensators, flat; and a bound on the cost inside."""

    low: FloatArray
    high: FloatArray
    bound: float


@dataclass(frozen=True, eq=False)
class _Relaxed:
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

    def split(self, box: Box, found: _Relaxed) -> tuple[Box, Box] | None:
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
        if inner[pick] <= NARROWEST_KW + 1e-3 * width[case].max():  # at a corner: chords meet L there, but not all
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


def relaxation(parts: Sequence[Part], solver: str, state: State) -> Master:
    """Return a stage that is no harder to please: planes alone, or chords from end to end where purchases are paid for.

    Raises
    ------
    NoDispatchError
        When no dispatch is within the limits.
    """
    exact = paid(parts)
    if not exact.any():
        return Master(parts, solver, state)
    master = NetworkMaster(parts, solver, state, exact)
    relaxed = master.relaxed(master.root())
    if relaxed is None:
        raise NoDispatchError
    master.instance = relaxed
    return master


def solve_convex(parts: Sequence[Part], solver: str, state: State, label: int, deadline: Deadline) -> Stage:
    """Solve the company's stage without wasting energy, over a polyhedron of schedules; as :func:`solve_paid`."""
    if paid(parts).any():
        return solve_paid(parts, solver, state, label, deadline)
    return without_waste(Master(parts, solver, state).solve(), parts, solver, state, label)


def solve_paid(parts: Sequence[Part], solver: str, state: State, label: int, deadline: Deadline) -> Stage:
    """Solve the company's stage with exact squares wherever a purchase is paid for, or energy would be wasted.

    Parameters
    ----------
    label
        Number of the first of the scenarios, for the error.
    deadline
        Boxes that may be looked at; when it has passed, the best dispatch is returned with its gap.

    Raises
    ------
    NoDispatchError
        When nothing that the company may choose can be served.
    InfeasibleError
        When nothing can be served without waste.
    """
    exact = paid(parts)
    while True:
        stage = _searched(NetworkMaster(parts, solver, state, exact), label, deadline)
        pairs = zip(parts, stage.dispatches, strict=True)
        loose = np.array([wasted(part, dispatch) for part, dispatch in pairs]) > RESIDUAL_TOLERANCE
        if not (loose & ~exact).any():
            return stage
        exact = exact | loose


def _searched(master: NetworkMaster, label: int, deadline: Deadline) -> Stage:
    """Search the boxes, the one with the least bound first, until none can be better than the best dispatch."""
    boxes, count, closed = [(-INF, 0, master.root())], 1, INF
    best, flow, looked = INF, np.zeros(0), 0
    while boxes and not (looked and deadline.passed):
        bound, number, box = heapq.heappop(boxes)
        if bound >= best - _room(best):
            heapq.heappush(boxes, (bound, number, box))
            break
        deadline.spend(1)
        found = _relaxed(master, box)
        if found is None:
            continue
        looked += 1
        if found.bound < best - _room(best):
            cost, at = _dispatched(master, found, best)
            if cost < best:
                best, flow = cost, at
        parts = None
        if found.bound < best - _room(best) and found.excess.max(initial=0.0) > 0.0:
            parts = master.split(box, found)
        if parts is None:
            closed = min(closed, found.bound)
            continue
        for part in parts:
            heapq.heappush(boxes, (found.bound, count, part))
            count += 1
    if not np.isfinite(best):
        raise _nothing(master, looked, boxes, label)
    stage = master.settled(flow)
    bound = min([stage.cost, closed, *(each[0] for each in boxes)])
    notes = [f"purchases that are paid for: {looked} boxes of net powers were searched with every square exact"]
    if stage.cost - bound > _room(stage.cost):
        notes.append(
            f"the search was ended: another dispatch could gain up to {stage.cost - bound:.3g} for the company"
        )
    seconds = stage.seconds + master.seconds
    return replace(stage, bound=bound, rounds=stage.rounds + looked, seconds=seconds, notes=(*stage.notes, *notes))


def _room(cost: float) -> float:
    return GAP * (1.0 + abs(cost)) if np.isfinite(cost) else 0.0


def _relaxed(master: NetworkMaster, box: Box) -> _Relaxed | None:
    """Solve the relaxation of a box; ``None`` where it is empty."""
    answer = master.optimum(lambda: master.relaxed(box))
    if answer is None:
        return None
    instance, solution = answer
    bound = max(box.bound, dual_objective(instance, solution.y, reduced_costs(instance, solution.y)))
    return _Relaxed(solution.x, bound, master.excess(solution.x))


def _dispatched(master: NetworkMaster, found: _Relaxed, known: float) -> tuple[float, FloatArray]:
    """Return the cost of a dispatch near a relaxation's optimum, and flows in its segments; infinite without one.

    Where every scenario buys for itself, a point that costs more than what is known is not followed.
    """
    best, flow = INF, found.x
    swept = master.swept(found.x)
    if not master.columns.common and master.cost_of(swept) >= known + ROUGHLY * (1.0 + abs(known)):
        return best, flow
    for at in (swept, found.x):
        answer = master.optimum(lambda at=at: master.held(at))  # type: ignore[misc]
        if answer is not None:
            cost = float(answer[0].cost @ answer[1].x)
            if cost < best:
                best, flow = cost, at
            break
    return best, flow


def _nothing(master: NetworkMaster, looked: int, boxes: Sequence[object], label: int) -> Exception:
    """Return the error of a search that found no dispatch."""
    if not looked:
        return NoDispatchError()
    if boxes:
        return SolverError(f"no dispatch without waste was found in {looked} boxes; raise the node limit")
    said = sorted({(label + int(number), int(period)) for number, period in master.cases})
    wording = "scenario {}: in period {} there is more energy than the feeder can use without wasting it in its lines"
    return InfeasibleError(tuple(wording.format(*case) for case in said))
