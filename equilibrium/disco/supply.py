"""What the company must buy to serve the lots' net powers: the network as a convex function, by supporting planes.

The network sees the vehicles only through one net power per lot and period, and it couples no two periods. So the least
purchase of a period is a convex piecewise linear function of those powers. Any multipliers that are dual feasible give
a plane below it. They come from a sweep (:mod:`equilibrium.disco.sweep`) as long as no limit binds, and from the
feeder's linear program else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from equilibrium.disco.loaded import load_and_solve, optimum
from equilibrium.disco.sweep import Flows, Sweep, voltage_square
from equilibrium.errors import InputError
from equilibrium.flow_range import FlowRange
from equilibrium.lossy import (
    LOSSY_FAMILIES,
    LOSSY_STATE_COLUMNS,
    LOSSY_STATE_ROWS,
    SIDES,
    WATTS_PER_KILOWATT,
    add_lossy_flow,
    compile_lossy,
    lossy_branches,
    lossy_ports,
    piecewise_square,
)
from equilibrium.network import Feeder, FloatArray, IntArray, Network
from equilibrium.program import INF, Program, ProgramBuilder
from equilibrium.reduction import VIOLATION_TOLERANCE, ReducedModel
from equilibrium.solvers import Status

FLOWS = ("lossy", "copper-plate")
"""The lossy feeder, or no network at all."""


def copper_plate(network: Network) -> Network:
    """Return the network with all that it has on one bus: no losses and no limits."""
    feeder = Feeder(
        name=f"{network.feeder.name} as a copper plate",
        base_kv=network.feeder.base_kv,
        buses=network.feeder.buses[:1],
        parent=np.array([-1]),
        r_ohm=np.zeros(1),
        x_ohm=np.zeros(1),
        rating_kva=np.full(1, INF),
        load_kw=network.feeder.load_kw.sum(keepdims=True),
        load_kvar=network.feeder.load_kvar.sum(keepdims=True),
        voltage_min_pu=network.feeder.voltage_min_pu[:1],
        voltage_max_pu=network.feeder.voltage_max_pu[:1],
        root_voltage_pu=network.feeder.root_voltage_pu,
    )
    return replace(
        network,
        feeder=feeder,
        renewables=tuple(replace(unit, bus=0) for unit in network.renewables),
        compensators=tuple(replace(unit, bus=0) for unit in network.compensators),
        lots=tuple(replace(site, bus=0) for site in network.lots),
    )


@dataclass(frozen=True, eq=False)
class Planes:
    """Planes below the least purchase, or below the distance to what can be served.

    Attributes
    ----------
    period, lot_kw
        Where each plane was found, shapes ``(planes,)`` and ``(planes, lots)``.
    slope, constant
        ``purchase >= slope'p + constant``, shapes ``(planes, lots)`` and ``(planes,)``; for a distance ``0 >= ...``.
    multipliers
        Those of one period's program in kW bought, shape ``(planes, rows)``; ``None`` where a sweep at ``lot_kw`` gives
        them again.
    """

    period: IntArray
    lot_kw: FloatArray
    slope: FloatArray
    constant: FloatArray
    multipliers: FloatArray | None

    def pick(self, flags: NDArray[np.bool_]) -> Planes:
        """Return some of the planes."""
        y = None if self.multipliers is None else self.multipliers[flags]
        return Planes(self.period[flags], self.lot_kw[flags], self.slope[flags], self.constant[flags], y)


@dataclass(frozen=True, eq=False)
class Swept:
    """What a sweep found, one row per point.

    Attributes
    ----------
    planes
        One for every point whose multipliers are dual feasible.
    served
        Which points are within all limits and optimal, shape ``(points,)``.
    columns
        Of one period's program, shape ``(points, columns)``.
    """

    planes: Planes
    served: NDArray[np.bool_]
    columns: FloatArray


@dataclass(frozen=True, eq=False)
class Service:
    """How the network serves given net powers.

    Attributes
    ----------
    need_kw
        Least purchase, shape ``(periods,)``; ``inf`` where the powers cannot be served.
    points
        Columns of one period's program, shape ``(periods, columns)``; not numbers where they cannot be served.
    planes, distances
        Planes of the purchase, tight at the given powers where they can be served, and planes of the distance.
    seconds
        Time inside solvers.
    """

    need_kw: FloatArray
    points: FloatArray
    planes: list[Planes]
    distances: list[Planes]
    seconds: float


class Supply:
    """The network of a market, compiled once.

    Parameters
    ----------
    network, periods
        What is compiled.
    flow
        One of :data:`FLOWS`.
    segments, flow_range, transformer_efficiency
        As in :func:`equilibrium.lossy.add_lossy_flow`.
    solver
        One of :data:`equilibrium.solvers.SOLVERS`.
    """

    def __init__(
        self,
        network: Network,
        periods: int,
        *,
        flow: str = "lossy",
        segments: int = 20,
        flow_range: FlowRange | None = None,
        transformer_efficiency: float = 1.0,
        solver: str = "auto",
    ) -> None:
        if flow not in FLOWS:
            raise InputError("DISCO market", "flow", flow, f"one of {', '.join(FLOWS)}")
        if network.microturbines:
            raise InputError(
                "DISCO market", "microturbines", len(network.microturbines), "none: the company's accounts have no fuel"
            )
        self.buses = network.feeder.size
        self.network = network if flow == "lossy" else copper_plate(network)
        self.periods, self.efficiency, self.solver = periods, transformer_efficiency, solver
        self.segments = segments
        self.flow_range = self._uniform(flow_range) if flow == "lossy" else None
        self.program, self.period_program = self._compiled(periods), self._compiled(1)
        self.model = ReducedModel(
            self.period_program, LOSSY_STATE_COLUMNS, LOSSY_STATE_ROWS, solver, families=LOSSY_FAMILIES
        )
        feeder = self.network.feeder
        self.branches = lossy_branches(self.network)
        given = self.flow_range or FlowRange(feeder.rating_kva, feeder.rating_kva)
        spans = (np.zeros(feeder.size), np.zeros(feeder.size))
        for span, side in zip(spans, (given.kw, given.kvar), strict=True):
            span[self.branches] = side[self.branches]
        self.sweep = Sweep(feeder, *spans, segments)
        self.lot_bus = np.array([site.bus for site in self.network.lots], dtype=np.int64)
        self.renewable_bus = np.array([unit.bus for unit in self.network.renewables], dtype=np.int64)
        self.compensator_bus = np.array([unit.bus for unit in self.network.compensators], dtype=np.int64)
        buses = np.eye(feeder.size)
        self.stands = buses[self.lot_bus], buses[self.renewable_bus]
        self._elastic: Program | None = None

    def _uniform(self, flow_range: FlowRange | None) -> FlowRange | None:
        """Return ranges that hold in every period, shape ``(buses,)``: all periods share one program."""
        if flow_range is None:
            return None
        size = self.network.feeder.size
        return FlowRange(
            *(np.broadcast_to(side, (self.periods, size)).max(axis=0) for side in (flow_range.kw, flow_range.kvar))
        )

    def _compiled(self, periods: int) -> Program:
        return compile_lossy(
            self.network,
            periods,
            segments=self.segments,
            flow_range=self.flow_range,
            transformer_efficiency=self.efficiency,
        )

    def whole(self, rows: FloatArray, *, columns: bool) -> FloatArray:
        """Put vectors of one-period programs together to one of the day's program, period by period."""
        one = self.period_program.columns if columns else self.period_program.rows
        day = self.program.columns if columns else self.program.rows
        return np.concatenate([rows[:, one[name].slice].ravel() for name in day])

    def elastic(self) -> Program:
        """Return one period's program in which the lots may get other powers than they want, at unit cost."""
        if self._elastic is None:
            build = ProgramBuilder()
            lot_kw = add_lossy_flow(
                build,
                self.network,
                1,
                segments=self.segments,
                flow_range=self.flow_range,
                transformer_efficiency=self.efficiency,
            )
            wanted = build.rows("wanted", lot_kw.shape, lower=0.0, upper=0.0)
            build.row_ports(wanted, build.port("wanted_kw", lot_kw.shape), -1.0)
            build.coefficients(wanted, lot_kw, 1.0)
            for name, sign in (("short_kw", 1.0), ("over_kw", -1.0)):
                build.coefficients(wanted, build.columns(name, lot_kw.shape, cost=1.0), sign)
            self._elastic = build.compile()
        return self._elastic

    def scenario(self, load_kw: FloatArray, load_kvar: FloatArray, renewable_kw: FloatArray) -> ScenarioSupply:
        """Return the network in one scenario; arguments as in :class:`equilibrium.disco.day.DiscoDay`."""
        if self.network.feeder.size != self.buses:
            load_kw, load_kvar = load_kw.sum(axis=1, keepdims=True), load_kvar.sum(axis=1, keepdims=True)
        return ScenarioSupply(self, load_kw, load_kvar, renewable_kw)


@dataclass(frozen=True, eq=False)
class ScenarioSupply:
    """The network of a scenario: its loads and what sun and wind could give."""

    supply: Supply
    load_kw: FloatArray
    load_kvar: FloatArray
    renewable_kw: FloatArray

    def ports(self, lot_kw: FloatArray, price: FloatArray) -> dict[str, FloatArray]:
        """Return the ports of the day's program with the lots' net powers given."""
        return lossy_ports(
            self.supply.network,
            load_kw=self.load_kw,
            load_kvar=self.load_kvar,
            renewable_max_kw=self.renewable_kw,
            upstream_price=price,
            lot_min_kw=lot_kw,
            lot_max_kw=lot_kw,
        )

    def sweep(self, period: IntArray, lot_kw: FloatArray, *, proof: bool = True) -> Swept:
        """Sweep for many net powers at once.

        Parameters
        ----------
        period, lot_kw
            Periods and net powers, shapes ``(points,)`` and ``(points, lots)``.
        proof
            Whether to work out multipliers.
        """
        supply = self.supply
        lots, renewables = supply.stands
        load = self.load_kw[period] + lot_kw @ lots - self.renewable_kw[period] @ renewables
        flows = supply.sweep.flows(load, self.load_kvar[period])
        columns, inside = _columns(supply, self.renewable_kw[period], flows, lot_kw)
        worth = _worth(supply, flows)
        sound = (worth >= 0.0).all(axis=1) & (flows.price[:, supply.renewable_bus] >= 0.0).all(axis=1)
        sound &= (flows.price_kvar[:, supply.compensator_bus] <= 0.0).all(axis=1)
        slope = flows.price[:, supply.lot_bus] / supply.efficiency
        constant = flows.flow_kw[:, 0] / supply.efficiency - (slope * lot_kw).sum(axis=1)
        pick = np.flatnonzero(sound)
        multipliers = _multipliers(supply, flows, worth, pick) if proof else None
        planes = Planes(period[pick], lot_kw[pick], slope[pick], constant[pick], multipliers)
        return Swept(planes, sound & inside, columns)

    def serve(self, lot_kw: FloatArray) -> Service:
        """Find the least purchase for net powers ``lot_kw``, shape ``(periods, lots)``."""
        every = np.arange(self.supply.periods, dtype=np.int64)
        swept = self.sweep(every, lot_kw, proof=False)
        points, bought = swept.columns, self.supply.period_program.columns["import_kw"].slice
        parts, distances, seconds = [swept.planes], [], 0.0
        for period in np.flatnonzero(~swept.served):
            x, part, distance, spent = self._solve_period(int(period), lot_kw[period])
            seconds += spent
            points[period] = np.nan if x is None else x
            parts += [part] if part is not None else []
            distances += [distance] if distance is not None else []
        need = points[:, bought].ravel()
        return Service(np.where(np.isnan(need), INF, need), points, parts, distances, seconds)

    def _solve_period(
        self, period: int, lot_kw: FloatArray
    ) -> tuple[FloatArray | None, Planes | None, Planes | None, float]:
        """Solve one period by the feeder's program; columns (or ``None``), plane of the purchase, of the distance."""
        supply, program = self.supply, self.supply.period_program
        here = slice(period, period + 1)
        ports = lossy_ports(
            supply.network,
            load_kw=self.load_kw[here],
            load_kvar=self.load_kvar[here],
            renewable_max_kw=self.renewable_kw[here],
            upstream_price=np.ones(1),
            lot_min_kw=lot_kw[None],
            lot_max_kw=lot_kw[None],
        )
        instance = program.bind(ports)
        solution = supply.model.solve(instance)
        where = np.array([period])
        if solution.status is Status.OPTIMAL:
            lots = program.columns["lot_kw"].slice
            slope = (instance.cost - instance.matrix.T @ solution.y)[lots]
            need = float(instance.cost @ solution.x)
            plane = Planes(where, lot_kw[None], slope[None], np.array([need - slope @ lot_kw]), solution.y[None])
            return solution.x, plane, None, solution.seconds
        if solution.status is not Status.INFEASIBLE:
            optimum(solution, f"the network in period {period}")
        distance, seconds = self._distance(ports, where, lot_kw)
        return None, None, distance, solution.seconds + seconds

    def _distance(self, ports: Mapping[str, FloatArray], where: IntArray, lot_kw: FloatArray) -> tuple[Planes, float]:
        """Return the plane that says how far the nearest powers are that can be served."""
        program = self.supply.elastic()
        free = {
            "upstream_price": np.zeros(1),
            "lot_min_kw": np.full((1, lot_kw.size), -INF),
            "lot_max_kw": np.full((1, lot_kw.size), INF),
            "wanted_kw": lot_kw[None],
        }
        instance = program.bind({**ports, **free})
        _, solution = load_and_solve(instance, self.supply.solver)
        optimum(solution, f"the nearest powers that can be served in period {where[0]}")
        slope = program.multiplier(solution.y, "wanted")[0]
        far = float(instance.cost @ solution.x)
        y = solution.y[None, : self.supply.period_program.shape[0]]
        return Planes(where, lot_kw[None], slope[None], np.array([far - slope @ lot_kw]), y), solution.seconds


def _worth(supply: Supply, flows: Flows) -> FloatArray:
    """Return what one more squared ampere costs at the root, (points, branches): multiplier of the current."""
    feeder = supply.network.feeder
    r, x = feeder.r_ohm / WATTS_PER_KILOWATT, feeder.x_ohm / WATTS_PER_KILOWATT
    worth = (flows.price * r + flows.price_kvar * x) / supply.efficiency
    return np.asarray(worth[:, supply.branches])


def _columns(
    supply: Supply, renewable_kw: FloatArray, flows: Flows, lot_kw: FloatArray
) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Return the columns of one period's program at swept flows, and whether they are within their limits."""
    program, feeder = supply.period_program, supply.network.feeder
    rows = flows.flow_kw.shape[0]
    share = {"kw": np.abs(flows.flow_kw), "kvar": np.abs(flows.flow_kvar)}
    span = {"kw": supply.sweep.span_kw[supply.branches], "kvar": supply.sweep.span_kvar[supply.branches]}
    square = {
        axis: piecewise_square(share[axis][:, supply.branches] / span[axis], supply.segments) * span[axis]
        for axis in ("kw", "kvar")
    }
    values = {
        "import_kw": flows.flow_kw[:, :1] / supply.efficiency,
        "import_kvar": flows.flow_kvar[:, :1],
        "flow_kw": flows.flow_kw,
        "flow_kvar": flows.flow_kvar,
        "current_square": flows.current[:, supply.branches],
        "square_p": square["kw"],
        "square_q": square["kvar"],
        "voltage_square_kv2": voltage_square(feeder, flows),
        "renewable_kw": renewable_kw,
        "lot_kw": lot_kw,
    }
    columns = np.zeros((rows, program.shape[1]))
    for name, value in values.items():
        columns[:, program.columns[name].slice] = value
    given = np.r_[program.columns["renewable_kw"].index.ravel(), program.columns["lot_kw"].index.ravel()]
    low, high = program.col_lower.copy(), program.col_upper.copy()
    low[given], high[given] = -INF, INF
    room = VIOLATION_TOLERANCE
    with np.errstate(invalid="ignore"):
        below = columns < np.where(np.isfinite(low), low - room * (1.0 + np.abs(low)), -INF)
        above = columns > np.where(np.isfinite(high), high + room * (1.0 + np.abs(high)), INF)
    return columns, np.asarray(~(below | above).any(axis=1))


def _multipliers(supply: Supply, flows: Flows, worth: FloatArray, pick: IntArray) -> FloatArray:
    """Return the multipliers of one period's program at swept flows, in kW bought, shape ``(picked, rows)``."""
    program, base = supply.period_program, supply.network.feeder.base_kv**2
    y = np.zeros((pick.size, program.shape[0]))
    y[:, program.rows["active_root"].slice] = 1.0 / supply.efficiency
    y[:, program.rows["active_balance"].slice] = flows.price[pick] / supply.efficiency
    y[:, program.rows["reactive_balance"].slice] = flows.price_kvar[pick] / supply.efficiency
    y[:, program.rows["current_definition"].slice] = worth[pick]
    axes = ((flows.segment_kw, supply.sweep.span_kw, "p"), (flows.segment_kvar, supply.sweep.span_kvar, "q"))
    for segment, span, axis in axes:
        step = segment[np.ix_(pick, supply.branches)].astype(np.int64)
        amount = worth[pick] * span[supply.branches] / base
        for side, sign in SIDES:
            first = program.rows[f"secant_{axis}_{side}"].start
            point, branch = np.nonzero(np.sign(step) == sign)
            place = first + branch * supply.segments + np.abs(step[point, branch]) - 1
            y[point, place] = amount[point, branch]
    return y
