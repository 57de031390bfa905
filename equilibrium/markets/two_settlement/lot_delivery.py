"""What a lot's vehicles do in real time: as near to the accepted position as they can, whatever is called.

The vehicles that came are not those that were expected. Before the day, and after every day-ahead period in which
reserve was called or the grid let less pass, a linear program finds the powers with the least energy beside the
position. A wish at departure comes before the position, and a kWh through a battery costs a little more than what its
losses could make up for, so that no vehicle charges and discharges at once.
"""

from __future__ import annotations

import numpy as np

from equilibrium.arrays import FloatArray, IntArray
from equilibrium.certificate import NEGLIGIBLE
from equilibrium.markets.two_settlement.lot_bids import LotZone, Stays, stays_of
from equilibrium.programs.closest import closest_optimum
from equilibrium.programs.program import Instance, Program, ProgramBuilder
from equilibrium.programs.solvers import Solution
from equilibrium.programs.solvers.choose import load_and_solve, require_optimal

MISSING = 1e3
"""Weight of a kWh that is missing at departure; one beside the position weighs 1, and no chain of powers reaches it."""

SURPLUS = 1e2
"""The same for a kWh too much."""

CYCLE = 1e-3
"""What a discharged kWh weighs beyond the losses of its cycle."""


class LotDelivery:
    """A lot in real time; see :class:`equilibrium.markets.two_settlement.real_time.Delivery`.

    Parameters
    ----------
    zone
        With the vehicles that came; their wishes can be met.
    length_h
        Length of the day-ahead periods, shape ``(T,)``.
    quarter_h, hour
        Length of the periods of real time, and the day-ahead period of each, shape ``(Q,)``.
    position_kw
        What was accepted (negative: taken), shape ``(T,)``.
    solver
        One of :data:`equilibrium.programs.solvers.SOLVERS`.

    Raises
    ------
    InputError
        When a wish cannot be met by any charging.
    """

    def __init__(
        self,
        zone: LotZone,
        length_h: FloatArray,
        quarter_h: FloatArray,
        hour: IntArray,
        position_kw: FloatArray,
        solver: str = "auto",
    ) -> None:
        zone.check(length_h)
        self._zone, self._length_h, self._quarter_h, self._hour = zone, length_h, quarter_h, hour
        self._stays: Stays = stays_of(zone, length_h)
        self._vehicles = self._stays.vehicles
        self._program = self._state(position_kw)
        self._what = f"the delivery of aggregator {zone.site.name}"
        self._instance: Instance = self._program.bind({})
        self._handle, solution = load_and_solve(self._instance, solver)
        self._x = self._planned(solution)
        self._last = np.concatenate([np.flatnonzero(np.diff(hour)), [hour.size - 1]])
        self._called_kwh = np.zeros(self._vehicles.stays)
        self._passed_h, self._supplied_h = 0.0, 0.0

    def _state(self, position_kw: FloatArray) -> Program:
        vehicles, build, shape = self._vehicles, ProgramBuilder(), self._length_h.shape
        base, site = vehicles.instance, self._zone.site
        cycle = 1.0 / (site.efficiency * site.discharge_efficiency) - 1.0 + CYCLE
        weight = vehicles.weight * self._length_h[vehicles.period]
        cost = vehicles.cost(np.zeros(vehicles.stays), cycle * weight)
        x = build.columns("stays", base.cost.shape, lower=base.col_lower, upper=base.col_upper, cost=cost)
        rows = build.rows("energy", base.row_lower.shape, lower=base.row_lower, upper=base.row_upper)
        build.block(rows, x, base.matrix)
        leaves = rows[vehicles.start[1:] - 1]
        for name, sign, price in (("missing", -1.0, MISSING), ("surplus", 1.0, SURPLUS)):
            column = build.columns(name, leaves.shape, cost=price * vehicles.count)
            build.coefficients(leaves, column, sign)
        net = build.rows("net", shape, lower=position_kw, upper=position_kw)
        build.coefficients(net[vehicles.period], x[1::3], vehicles.weight)
        build.coefficients(net[vehicles.period], x[0::3], -vehicles.weight)
        for name, sign in (("over", -1.0), ("under", 1.0)):
            build.coefficients(net, build.columns(name, shape, cost=self._length_h), sign)
        return build.compile()

    def _planned(self, solution: Solution) -> FloatArray:
        """Return the plan with the least sum of squares among the best ones."""
        found = require_optimal(solution, self._what)
        return closest_optimum(self._instance, found.x, found.y, np.zeros(found.x.size))

    @property
    def missing_kwh(self) -> float:
        """Energy that was missing at departures, kWh."""
        return float(self._vehicles.count @ self._program.value(self._x, "missing"))

    def net_kw(self, now: int) -> FloatArray:
        """Return the net power that it expects to give from period ``now`` on, kW."""
        own, vehicles = self._program.value(self._x, "stays"), self._vehicles
        power = vehicles.weight * (own[1::3] - own[0::3])
        planned = np.bincount(vehicles.period, power, self._length_h.size)
        return np.asarray(planned[self._hour[now:]])

    def _ready(self, now: int) -> FloatArray:
        """Return what each stay's vehicles could give on top in a period, kW in all, shape ``(stays,)``.

        The battery must hold it, and the vehicle must be able to put it back before it leaves.
        """
        vehicles, own = self._vehicles, self._program.value(self._x, "stays")
        row = vehicles.row
        least = np.maximum(vehicles.band_kwh[row, 0], self._stays.back_kwh(self._zone.site.efficiency))
        behind = (own[2::3] - least) * self._zone.site.discharge_efficiency - self._called_kwh / vehicles.weight
        power = np.minimum(vehicles.power_max_kw[row, 1] - own[1::3], behind / self._quarter_h[now])
        here = vehicles.period == self._hour[now]
        return np.where(here, vehicles.weight * np.maximum(power, 0.0), 0.0)

    def ready_kw(self, now: int) -> float:
        """Return what could be called on top of it in period ``now``, kW."""
        return float(self._ready(now).sum())

    def happened(self, now: int, called_kw: float, supplied: float) -> None:
        """Take in what was called in a period, and which part of its own power the grid let pass."""
        if called_kw > 0.0:
            ready = self._ready(now)
            self._called_kwh += ready * (called_kw * self._quarter_h[now] / ready.sum())
        self._passed_h += self._quarter_h[now]
        self._supplied_h += supplied * self._quarter_h[now]
        if now in self._last:
            self._close(int(self._hour[now]))

    def _close(self, hour: int) -> None:
        """Fix what a day-ahead period brought, and plan the rest again where it brought something else than planned."""
        vehicles, own = self._vehicles, self._program.value(self._x, "stays")
        at = np.flatnonzero(vehicles.period == hour)
        part, called = self._supplied_h / self._passed_h, self._called_kwh[at] / vehicles.weight[at]
        charge = part * own[3 * at]
        discharge = part * own[3 * at + 1] + called / self._length_h[hour]
        change = np.abs(np.concatenate([charge - own[3 * at], discharge - own[3 * at + 1]])).max(initial=0.0)
        self._passed_h, self._supplied_h = 0.0, 0.0
        columns = self._program.columns["stays"].start + 3 * at
        fixed = np.concatenate([columns, columns + 1])
        values = np.concatenate([charge, discharge])
        self._instance = self._instance.with_columns(fixed, values, values)
        if change <= NEGLIGIBLE:
            return
        self._handle.update(self._instance)
        self._x = self._planned(self._handle.solve())
