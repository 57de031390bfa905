"""The DISCO company's stage as printed, (1)-(14) and (2a)-(2g) of docs/disco.md with every binary, for SciPy's solver.

Nothing of the market's own programs is used: rows are written out one by one from the equations.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import numpy as np
import scipy.sparse as sp
from scipy.optimize import Bounds, LinearConstraint, milp

from equilibrium.grid.flow_range import FlowRange
from equilibrium.grid.network import Network
from equilibrium.markets.disco.day import DiscoDay

INF = np.inf


class _Rows:
    """A mixed-integer program that grows by single columns and rows."""

    def __init__(self) -> None:
        self.cost: list[float] = []
        self.low: list[float] = []
        self.high: list[float] = []
        self.integer: list[int] = []
        self.rows: list[tuple[dict[int, float], float, float]] = []

    def column(self, low: float = 0.0, high: float = INF, cost: float = 0.0, *, integer: bool = False) -> int:
        for side, value in ((self.cost, cost), (self.low, low), (self.high, high)):
            side.append(float(value))
        self.integer.append(int(integer))
        return len(self.cost) - 1

    def row(self, terms: Mapping[int, float], low: float, high: float) -> None:
        self.rows.append((dict(terms), float(low), float(high)))

    def minimum(self, cost: np.ndarray | None = None) -> float:
        matrix = sp.lil_array((len(self.rows), len(self.cost)))
        for number, (terms, _, _) in enumerate(self.rows):
            for column, value in terms.items():
                matrix[number, column] += value
        ends = np.array([(low, high) for _, low, high in self.rows])
        found = milp(
            np.array(self.cost) if cost is None else cost,
            integrality=np.array(self.integer),
            bounds=Bounds(np.array(self.low), np.array(self.high)),
            constraints=LinearConstraint(sp.csr_array(matrix), ends[:, 0], ends[:, 1]),
            options={"mip_rel_gap": 1e-10},
        )
        assert found.status == 0, found.message
        return float(found.fun)


def stage_cost(
    network: Network, day: DiscoDay, flows: FlowRange, segments: int, *, lots_decide: bool, windows: bool, one_way: bool
) -> float:
    """Return the least cost of the company's stage in the one scenario of a day: purchase, and trade with the lots."""
    program, scenario = _Rows(), day.scenarios[0]
    periods, length = range(day.periods), day.length_h
    net: list[list[dict[int, float]]] = [[{} for _ in network.lots] for _ in periods]
    profit: dict[int, float] = {}
    for lot, (site, batch) in enumerate(zip(network.lots, scenario.vehicles, strict=True)):
        for row in range(batch.size):
            before: int | None = None
            for t in range(batch.arrival[row], batch.departure[row]):
                may = (day.charge_window[t] or not windows, day.discharge_window[t] or not windows)
                buys, sells = length[t] * day.tariffs.lot_buys[t], length[t] * day.tariffs.lot_sells[t]
                charge = program.column(0, may[0] * batch.charge_max_kw[row], -buys)
                give = program.column(0, may[1] * batch.discharge_max_kw[row], sells)
                net[t][lot].update({charge: 1.0, give: -1.0})
                profit[charge] = length[t] * (day.tariffs.driver_pays[t] - day.tariffs.lot_buys[t])
                worth = (1.0 - day.tariffs.driver_share) * day.tariffs.lot_sells[t] - day.tariffs.degradation
                profit[give] = length[t] * worth
                last = t == batch.departure[row] - 1
                ends = (batch.wish_kwh[row],) * 2 if last else (batch.energy_min_kwh[row], batch.energy_max_kwh[row])
                energy = program.column(*ends)
                terms = {energy: 1.0, charge: -length[t] * site.efficiency, give: length[t] / site.discharge_efficiency}
                came = batch.energy_kwh[row] if before is None else 0.0
                program.row(terms if before is None else terms | {before: -1.0}, came, came)
                if one_way:
                    way = program.column(0, 1, integer=True)
                    program.row({charge: 1.0, way: -batch.charge_max_kw[row]}, -INF, 0.0)
                    most = batch.discharge_max_kw[row]
                    program.row({give: 1.0, way: most}, -INF, most)
                before = energy
    if lots_decide:
        cost = np.zeros(len(program.cost))
        for column, value in profit.items():
            cost[column] = -value
        program.row(profit, -program.minimum(cost) - 1e-9, INF)
    for t in periods:
        _state_network(program, network, day, t, net[t], flows, segments)
    return program.minimum()


def _state_network(
    program: _Rows,
    network: Network,
    day: DiscoDay,
    t: int,
    net: list[dict[int, float]],
    flows: FlowRange,
    segments: int,
) -> None:
    """State (2a)-(2g) of one period, a purchase at its price, and renewables that may give way."""
    feeder, scenario, size = network.feeder, day.scenarios[0], network.feeder.size
    emission = 0.0
    if day.emissions is not None:
        emission = day.emissions.share * day.emissions.price_per_kg * day.emissions.factor_kg_per_kwh[t]
    bought = program.column(cost=day.length_h[t] * (scenario.upstream_price[t] + emission))
    reactive = program.column(-INF)
    wind = [program.column(0, scenario.renewable_kw[t, k]) for k in range(len(network.renewables))]
    kw, kvar = ([program.column(-INF) for _ in range(size)] for _ in range(2))
    square = [program.column(0, (feeder.rating_kva[b] / feeder.base_kv) ** 2) for b in range(size)]
    band = [(feeder.voltage_min_pu[b] * feeder.base_kv, feeder.voltage_max_pu[b] * feeder.base_kv) for b in range(size)]
    voltage = [program.column(low**2, high**2) for low, high in band]
    program.row({bought: 1.0, kw[0]: -1.0}, 0.0, 0.0)
    program.row({reactive: 1.0, kvar[0]: -1.0}, 0.0, 0.0)
    program.row({voltage[0]: 1.0}, *[(feeder.root_voltage_pu * feeder.base_kv) ** 2] * 2)
    for b in range(size):
        r, x, below = feeder.r_ohm[b], feeder.x_ohm[b], [c for c in range(1, size) if feeder.parent[c] == b]
        active = {kw[b]: 1.0, square[b]: -r / 1000.0} | {kw[c]: -1.0 for c in below}
        for k, unit in enumerate(network.renewables):
            if unit.bus == b:
                active[wind[k]] = 1.0
        for lot, site in enumerate(network.lots):
            if site.bus == b:
                active |= {column: -value for column, value in net[lot].items()}
        program.row(active, day.load_kw[t, b], day.load_kw[t, b])  # (2a)
        program.row(
            {kvar[b]: 1.0, square[b]: -x / 1000.0} | {kvar[c]: -1.0 for c in below},
            *[day.load_kvar[t, b]] * 2,  # (2b)
        )
        if b > 0:  # (2c)
            drop = {voltage[feeder.parent[b]]: -1.0, voltage[b]: 1.0, square[b]: -(r**2 + x**2) / 1e6}
            program.row(drop | {kw[b]: 2.0 * r / 1e3, kvar[b]: 2.0 * x / 1e3}, 0.0, 0.0)
        definition = {square[b]: feeder.base_kv**2}
        for flow, span in ((kw[b], flows.kw[b]), (kvar[b], flows.kvar[b])):
            definition |= _state_square(program, flow, float(span), segments)
        if r > 0.0 or x > 0.0:
            program.row(definition, 0.0, 0.0)  # (2d)


def _state_square(program: _Rows, flow: int, span: float, segments: int) -> dict[int, float]:
    """State (2e), (2f) of one flow, segments filled in order; return minus its square."""
    step = span / segments
    forward, reverse = program.column(0, span), program.column(0, span)
    way = program.column(0, 1, integer=True)
    parts = [program.column(0, step) for _ in range(segments)]
    program.row({flow: 1.0, forward: -1.0, reverse: 1.0}, 0.0, 0.0)
    program.row({forward: 1.0, reverse: 1.0} | dict.fromkeys(parts, -1.0), 0.0, 0.0)
    program.row({forward: 1.0, way: -span}, -INF, 0.0)
    program.row({reverse: 1.0, way: span}, -INF, span)
    for first, second in itertools.pairwise(parts):
        full = program.column(0, 1, integer=True)
        program.row({first: 1.0, full: -step}, 0.0, INF)
        program.row({second: 1.0, full: -step}, -INF, 0.0)
    return {part: -(2.0 * f + 1.0) * step for f, part in enumerate(parts)}
