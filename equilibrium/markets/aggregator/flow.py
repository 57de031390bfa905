"""The feeder in one period, (13) to (17): what losses cost at given powers, and what the powers may be.

The upper level sees expected powers, so there is one flow a period whatever the number of scenarios. Limits are rows
with an excess that is zero, or free where the least violation is asked for: then its gradient is a cut that every
allowed point satisfies.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from equilibrium.arrays import FloatArray, IntArray
from equilibrium.errors import SolverError
from equilibrium.grid.assets import LotSite
from equilibrium.grid.flow_range import FlowRange
from equilibrium.grid.lossy import (
    AXES,
    WATTS_PER_KILOWATT,
    add_lossy_flow,
    loss_kw,
    lossy_branches,
    lossy_ports,
    square_gaps,
    voltage_pu,
)
from equilibrium.grid.network import Network
from equilibrium.markets.aggregator.day import AggregatorDay, Grid
from equilibrium.programs.duality import Residuals, kkt_residuals, reduced_costs
from equilibrium.programs.program import FEASIBILITY, INF, Instance, Program, ProgramBuilder
from equilibrium.programs.solvers import Status, open_handle

ACTIVE, REACTIVE = AXES
RANGED = (*ACTIVE, *REACTIVE)
"""Columns that the range of the pieces limits."""


@dataclass(frozen=True, eq=False)
class Powers:
    """Limits of what the followers draw and give in one period, kW, each a pair (least, most).

    Attributes
    ----------
    lots
        Net consumption of the lots, shape ``(2, lots)``.
    generators
        Outputs, shape ``(2, generators)``.
    served
        Load that is served, shape ``(2,)``.
    """

    lots: FloatArray
    generators: FloatArray
    served: FloatArray

    @property
    def stacked(self) -> FloatArray:
        """Lots, generators given as negative consumption, and load, shape ``(2, lots + generators + 1)``."""
        return np.hstack([self.lots, -self.generators[::-1], self.served[:, None]])


@dataclass(frozen=True, eq=False)
class Flow:
    """An optimal flow of one period.

    Attributes
    ----------
    value
        Loss cost less what the powers were said to earn; or the violation, where that is asked for.
    powers
        Net consumption of lots, generators (negative) and load, kW.
    gradient
        Derivative of the value by fixed powers.
    x, y
        The point of the program, and the multipliers that prove it optimal.
    instance
        The program at the powers.
    """

    value: float
    powers: FloatArray
    gradient: FloatArray
    x: FloatArray
    y: FloatArray
    instance: Instance

    @property
    def residuals(self) -> Residuals:
        """How well the point satisfies the optimality conditions, recomputed from arrays."""
        return kkt_residuals(self.instance, self.x, self.y)


class Flows:
    """The feeder of a day, compiled for one period and solved for each.

    Parameters
    ----------
    day
        With a grid.
    wide
        Let flows go beyond the range of their pieces too, as an excess: a violation is finite then at any powers.
    """

    def __init__(self, day: AggregatorDay, grid: Grid, *, wide: bool = False) -> None:
        self.day, self.grid = day, grid
        self._soft = ("voltage_square_kv2", "current_square", *(RANGED if wide else ()))
        sites = [LotSite(lot.name, lot.bus) for lot in day.lots]
        sites += [LotSite(unit.name, unit.bus) for unit in day.generators]
        self.network = Network(grid.feeder, lots=tuple(sites))
        self.program, self._powers, self._excess = self._compile()
        self._base = self._bound()
        self._handle = open_handle(self._base)
        self.seconds = 0.0

    def _compile(self) -> tuple[Program, IntArray, IntArray]:
        build, grid, feeder = ProgramBuilder(), self.grid, self.grid.feeder
        units = add_lossy_flow(
            build,
            self.network,
            1,
            segments=grid.segments,
            flow_range=grid.flow_range,
            transformer_efficiency=grid.transformer_efficiency,
            receiving=True,
        )
        served = build.columns("served_kw", (1,))
        total = float(feeder.load_kw.sum())
        for row, load in (("active_balance", feeder.load_kw), ("reactive_balance", feeder.load_kvar)):
            build.coefficients(build.row_index(row)[0], served, -load / total)
        excess = [self._soften(build, name) for name in self._soft]
        return build.compile(), np.concatenate([units[0], served]), np.concatenate(excess)

    def _soften(self, build: ProgramBuilder, name: str) -> IntArray:
        """State limits of columns as rows with an excess on either side."""
        column = build.column_index(name).ravel()
        low, high = self._limits(name)
        found = []
        for side, sign, bound in (("low", -1.0, low), ("high", 1.0, high)):
            at = np.flatnonzero(np.isfinite(bound))
            excess = build.columns(f"{name} {side} excess", (at.size,))
            row = build.rows(f"{name} {side}", (at.size,), upper=sign * bound[at])
            build.coefficients(row, column[at], sign)
            build.coefficients(row, excess, -1.0)
            found.append(excess)
        return np.concatenate(found)

    def _limits(self, name: str) -> tuple[FloatArray, FloatArray]:
        feeder, branches = self.grid.feeder, lossy_branches(self.network)
        if name in RANGED:
            given = self.grid.flow_range or FlowRange(feeder.rating_kva, feeder.rating_kva)
            span = np.broadcast_to(given.kw if name in ACTIVE else given.kvar, feeder.size)
            return (-span, span) if name.startswith("flow") else (np.full(branches.size, -INF), span[branches])
        if name == "current_square":
            return np.full(branches.size, -INF), (feeder.rating_kva[branches] / feeder.base_kv) ** 2
        low, high = ((side * feeder.base_kv) ** 2 for side in (feeder.voltage_min_pu, feeder.voltage_max_pu))
        # The root's voltage is held, and needs no limit.
        return np.r_[-INF, low[1:]], np.r_[INF, high[1:]]

    def _bound(self) -> Instance:
        zero = np.zeros((1, self.grid.feeder.size))
        ports = lossy_ports(
            self.network,
            load_kw=zero,
            load_kvar=zero,
            renewable_max_kw=np.zeros((1, 0)),
            upstream_price=np.zeros(1),
        )
        base = self.program.bind(ports)
        # What passes the substation may go either way and has no price; limits of columns are rows here.
        base = base.with_columns(self.program.columns["import_kw"].index, -INF, INF)
        for name in self._soft:
            at = self.program.columns[name].index.ravel()
            base = base.with_columns(at, 0.0 if name.endswith("square") else -INF, INF)
        return base

    def solve(self, period: int, powers: Powers, earn: FloatArray | None = None) -> Flow | None:
        """Return the flow of least loss cost less what the powers earn, or ``None`` where no flow is allowed.

        Parameters
        ----------
        earn
            Currency per kW of each of :attr:`Powers.stacked`; nothing by default.
        """
        cost = np.zeros(self._base.shape[1])
        branches = lossy_branches(self.network)
        price = float(self.grid.loss_price[period] * self.day.length_h[period])
        resistance = self.grid.feeder.r_ohm[branches] / WATTS_PER_KILOWATT
        cost[self.program.columns["current_square"].slice] = price * resistance
        if earn is not None:
            cost[self._powers] -= earn
        return self._solve(self._base.with_columns(self._excess, 0.0, 0.0).with_cost(cost), powers)

    def violation(self, powers: Powers) -> Flow:
        """Return by how much limits are missed at least, in kV^2 and (kVA/kV)^2, summed."""
        cost = np.zeros(self._base.shape[1])
        cost[self._excess] = 1.0
        found = self._solve(self._base.with_cost(cost), powers)
        if found is None:
            return self._beyond.violation(powers)
        return found

    @cached_property
    def _beyond(self) -> Flows:
        """The same feeder for powers that are beyond the range of flows."""
        return Flows(self.day, self.grid, wide=True)

    def _solve(self, instance: Instance, powers: Powers) -> Flow | None:
        asked = instance.with_columns(self._powers, *powers.stacked)
        self._handle.update(asked)
        answer = self._handle.solve()
        self.seconds += answer.seconds
        if answer.status is Status.INFEASIBLE:
            return None
        if answer.status is not Status.OPTIMAL:
            raise SolverError(f"the flow of a period ended {answer.status}")
        gradient = reduced_costs(asked, answer.y)[self._powers]
        value = float(asked.cost @ answer.x)
        return Flow(value, answer.x[self._powers], gradient, answer.x, answer.y, asked)

    def losses_kw(self, flow: Flow) -> FloatArray:
        """Return the losses by receiving bus, kW, shape ``(buses,)``."""
        return np.asarray(loss_kw(self.network, self.program, flow.x)[0])

    def voltage_pu(self, flow: Flow) -> FloatArray:
        """Return the voltages, per unit, shape ``(buses,)``."""
        return np.asarray(voltage_pu(self.network, self.program, flow.x)[0])

    def wasted(self, flow: Flow) -> float:
        """Return the largest gap between a square and its piecewise function, relative to the branch's range."""
        gaps = square_gaps(self.network, self.program, flow.x)
        return float(max(np.max(gap, initial=0.0) for gap in gaps.values()))

    def substation_kw(self, flow: Flow) -> float:
        """Return the power bought upstream of the transformer, kW; negative where it is sold."""
        return float(self.program.value(flow.x, "import_kw")[0])


def fixed(lots: FloatArray, generators: FloatArray, served: float) -> Powers:
    """Return powers that are given, kW."""
    return Powers(np.tile(lots, (2, 1)), np.tile(generators, (2, 1)), np.full(2, served))


def within(flow: Flow, allowed: float = FEASIBILITY) -> bool:
    """Return whether a flow of least violation has none."""
    return flow.value <= allowed
