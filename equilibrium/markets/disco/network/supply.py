"""What the company must buy to serve the lots' net powers: the network as a convex function, by supporting planes.

The network sees the vehicles only through one net power per lot and period, and it couples no two periods. So the least
purchase of a period is a convex piecewise linear function of those powers. Any multipliers that are dual feasible give
a plane below it. They come from a sweep (:mod:`equilibrium.grid.sweep`) as long as no limit binds, and from the
feeder's linear program else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from equilibrium.arrays import FloatArray
from equilibrium.errors import InputError
from equilibrium.grid.flow_range import FlowRange
from equilibrium.grid.lossy import (
    LOSSY_FAMILIES,
    LOSSY_STATE_COLUMNS,
    LOSSY_STATE_ROWS,
    add_lossy_flow,
    compile_lossy,
    lossy_branches,
)
from equilibrium.grid.network import Network, copper_plate
from equilibrium.grid.sweep import Sweep
from equilibrium.programs.program import Program, ProgramBuilder
from equilibrium.programs.reduction import ReducedModel

FLOWS = ("lossy", "copper-plate")
"""The lossy feeder, or no network at all."""


class Supply:
    """The network of a market, compiled once for days of some number of periods, however long.

    Parameters
    ----------
    network, periods
        What is compiled.
    flow
        One of :data:`FLOWS`.
    segments, flow_range, transformer_efficiency
        As in :func:`equilibrium.grid.lossy.add_lossy_flow`.
    solver
        One of :data:`equilibrium.programs.solvers.SOLVERS`.
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
        for kind, units, why in (
            ("microturbines", network.microturbines, "the company's accounts have no fuel"),
            ("storage", network.storage, "the company's programs have no state of energy"),
        ):
            if units:
                raise InputError("DISCO market", kind, len(units), f"none: {why}")
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
            *(
                np.broadcast_to(side, (1, size)).max(axis=0) if np.ndim(side) < 2 else side.max(axis=0)
                for side in (flow_range.kw, flow_range.kvar)
            )
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


class Supplies:
    """The network of a market, compiled for the days that come.

    Parameters
    ----------
    network
        What is compiled.
    options
        Keyword arguments of :class:`Supply`. Without a ``flow_range`` every day has its own.

    Raises
    ------
    InputError
        When an option or the network cannot be used.
    """

    def __init__(self, network: Network, options: Mapping[str, Any]) -> None:
        self.network, self._options = network, dict(options)
        one = np.ones(network.feeder.size)
        Supply(network, 1, **{**self._options, "flow_range": self._options["flow_range"] or FlowRange(one, one)})
        self._made: dict[int, Supply] = {}

    @property
    def by_day(self) -> bool:
        """Whether every day has its own range of flows."""
        return self._options["flow"] == "lossy" and self._options["flow_range"] is None

    def of(self, periods: int, flow_range: FlowRange | None) -> Supply:
        """Return the network for days of some number of periods and, where every day has its own, range of flows."""
        made = self._made.get(periods)
        if made is not None and (not self.by_day or _same(made.flow_range, flow_range)):
            return made
        given = {"flow_range": flow_range} if self.by_day else {}
        self._made[periods] = Supply(self.network, periods, **{**self._options, **given})
        return self._made[periods]


def _same(first: FlowRange | None, second: FlowRange | None) -> bool:
    """Whether two ranges are the same; each has one entry a bus."""
    if first is None or second is None:
        return first is second
    return np.array_equal(first.kw, second.kw) and np.array_equal(first.kvar, second.kvar)
