"""The aggregator's game written down straight from its equations, with pairs as special ordered sets, for Gurobi.

Nothing here uses the package but the numbers of a day: followers in the printed variables, with the absolute value of
(36) to (39), their optimality conditions pair by pair, and the flow of (13) to (17) by branch.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gurobipy as gp
import numpy as np

from equilibrium.markets.aggregator.day import AggregatorDay, Lot

TIGHT = 1e-9
"""Tolerances of the solver."""

Row = tuple[Mapping[int, float], float]
"""Coefficients by column, and the right side."""


class Written:
    """A follower that minimises, row by row."""

    def __init__(self) -> None:
        self.cost: list[float] = []
        self.worth: list[float] = []
        self.equal: list[Row] = []
        self.most: list[Row] = []
        self.paid: list[tuple[str, int, int, float]] = []  # price, period, column, weight in the costs

    def column(self, cost: float = 0.0, worth: float = 0.0) -> int:
        self.cost.append(cost)
        self.worth.append(worth)
        return len(self.cost) - 1

    def between(self, column: int, low: float, high: float) -> None:
        self.most += [({column: -1.0}, -low), ({column: 1.0}, high)]


def written_lot(day: AggregatorDay, lot: Lot, scenario: int, names: tuple[str, str, str]) -> Written:
    """The lot of one scenario, (20) to (39); of its nine columns a period two are drawn power, the third is given."""
    found, before, tariffs = Written(), None, lot.tariffs
    share, soc, vehicles = lot.contracts.share, lot.contracts.departure_soc, lot.vehicles
    call = np.broadcast_to(day.call_probability, (day.periods,))
    g2v2, g2v3, b, wear = (
        float(np.asarray(each)) for each in (tariffs.g2v2, tariffs.g2v3, tariffs.v2g, tariffs.degradation)
    )
    a = g2v3 + wear
    for t, (h, up) in enumerate(zip(day.length_h, day.energy_price, strict=True)):
        parked, leaving = vehicles.parked[scenario, t], lot.battery_kwh * vehicles.departing[scenario, t]
        places = [parked @ (share[0] + share[1]), parked @ (share[2] + share[3])]
        agreed = [float(leaving @ (soc[k] * share[k])) for k in range(4)]
        full = [lot.soc_max * lot.battery_kwh * each for each in places]
        least = lot.soc_min * lot.battery_kwh * places[1]
        power = [lot.charger_kw * each for each in places]
        came = vehicles.arrival_kwh[scenario, t]
        draw1, draw2 = found.column(0.0, -up * h), found.column(wear * h, -up * h)
        give = found.column(wear * h, up * h)
        kept = day.reserve_price[t] + call[t] * (1.0 - day.failure_rate) * up
        ready = found.column(call[t] * (wear + b) * h, kept * h)
        stock1, stock2, left1 = found.column(), found.column(), found.column(-g2v2)
        left2, size = found.column(-(a + b) / 2.0), found.column(abs(b - a) / 2.0)
        found.paid += [(names[0], t, draw1, h), (names[0], t, draw2, h), (names[1], t, give, -h)]
        found.paid += [(names[2], t, ready, -h), (names[1], t, ready, -h * call[t] * (1.0 - lot.failure_rate))]
        eta, out = lot.charge_efficiency, lot.discharge_efficiency
        first = {stock1: 1.0, left1: 1.0, draw1: -eta * h}
        second = {stock2: 1.0, left2: 1.0, draw2: -eta * h, give: h / out}
        if before is not None:
            first[before[0]] = second[before[1]] = -1.0
        found.equal += [(first, came[0] + came[1] - agreed[0]), (second, came[2] + came[3] - agreed[2])]
        found.between(left1, agreed[1], lot.soc_max * float(leaving @ share[1]))
        found.between(left2, agreed[3], lot.soc_max * float(leaving @ share[3]))
        found.between(stock1, 0.0, full[0])
        found.between(stock2, least, full[1])
        found.between(draw1, 0.0, power[0])
        found.between(draw2, 0.0, power[1])
        found.most += [({give: 1.0, ready: 1.0}, power[1]), ({give: h / out, ready: h / out, stock2: -1.0}, -least)]
        found.most += [({give: -1.0}, 0.0), ({ready: -1.0}, 0.0)]
        brought = float(vehicles.brought_kwh[scenario, t, 3])
        found.most += [({left2: 1.0, size: -1.0}, brought), ({left2: -1.0, size: -1.0}, -brought)]
        before = stock1, stock2
    return found


def written_unit(day: AggregatorDay, name: str, cost: Any, sign: float, low: Any, high: Any) -> Written:
    """A generator (``sign`` 1, (40)) or the retailer (-1, (42))."""
    found = Written()
    for t, h in enumerate(day.length_h):
        column = found.column(float(cost[t]) * h, sign * day.energy_price[t] * h)
        found.paid.append((name, t, column, -sign * h))
        found.between(column, float(low[t]), float(high[t]))
    return found


class Card:
    """The game of a day with one model that grows follower by follower."""

    def __init__(self, day: AggregatorDay) -> None:
        env = gp.Env(params={"OutputFlag": 0, "Threads": 1})
        self.day, self.model, self.profit = day, gp.Model(env=env), gp.LinExpr()
        for name in ("FeasibilityTol", "OptimalityTol", "IntFeasTol"):
            self.model.setParam(name, TIGHT)
        self.model.setParam("MIPGap", 0.0)
        self._prices: dict[tuple[str, int], gp.Var] = {}

    def best(self) -> float:
        """The leader's best profit."""
        day, zero = self.day, np.zeros(self.day.periods)
        one = "energy" if day.uniform else ""
        drawn = [[gp.LinExpr() for _ in range(day.periods)] for _ in day.lots]
        for k, lot in enumerate(day.lots):
            names = ("energy", "energy", "reserve") if one else (f"{k} in", f"{k} out", f"{k} reserve")
            for scenario, weight in enumerate(day.probability.tolist()):
                x = self._add(written_lot(day, lot, scenario, names), weight)
                for t in range(day.periods):
                    drawn[k][t] += weight * (x[9 * t] + x[9 * t + 1] - x[9 * t + 2])
        given = [
            self._add(written_unit(day, one or "unit", zero + unit.cost, 1.0, zero, zero + unit.capacity_kw), 1.0)
            for unit in day.generators
        ]
        retailer = day.retailer
        limits = (1.0 - retailer.interruptible_share) * retailer.load_kw, retailer.load_kw
        served = self._add(written_unit(day, one or "load", -retailer.price - retailer.incentive, -1.0, *limits), 1.0)
        if day.grid is not None:
            for t in range(day.periods):
                self._flow(t, [each[t] for each in drawn], [each[t] for each in given], served[t])
        self.model.setObjective(self.profit, gp.GRB.MAXIMIZE)
        self.model.optimize()
        assert self.model.Status == gp.GRB.OPTIMAL
        return float(self.model.ObjVal)

    def _price(self, name: str, period: int) -> gp.Var:
        cap = self.day.reserve_cap if "reserve" in name else self.day.energy_cap
        if (name, period) not in self._prices:
            self._prices[name, period] = self.model.addVar(0.0, cap)
        return self._prices[name, period]

    def _add(self, follower: Written, weight: float) -> list[gp.Var]:
        """State a follower's optimality conditions; what it pays is its dual value less its own costs."""
        model = self.model
        x = [model.addVar(-gp.GRB.INFINITY) for _ in follower.cost]
        slope = [gp.LinExpr(each) for each in follower.cost]
        for name, period, column, size in follower.paid:
            slope[column] += size * self._price(name, period)
        paid = -gp.quicksum(cost * each for cost, each in zip(follower.cost, x, strict=True))
        for rows, low in ((follower.equal, -gp.GRB.INFINITY), (follower.most, 0.0)):
            for row, right in rows:
                y = model.addVar(low)
                slack = model.addVar(0.0, 0.0 if rows is follower.equal else gp.GRB.INFINITY)
                model.addConstr(gp.quicksum(size * x[at] for at, size in row.items()) + slack == right)
                for at, size in row.items():
                    slope[at] += size * y
                paid -= right * y
                if rows is follower.most:
                    model.addSOS(gp.GRB.SOS_TYPE1, [slack, y])
        for each in slope:
            model.addConstr(each == 0.0)
        self.profit += weight * (paid + gp.quicksum(w * each for w, each in zip(follower.worth, x, strict=True)))
        return x

    def _flow(self, t: int, drawn: list[gp.LinExpr], given: list[gp.Var], served: gp.Var) -> None:
        """State (13) to (17) of a period, flows positive away from the root, and pay for losses."""
        day, model, grid = self.day, self.model, self.day.grid
        assert grid is not None
        assert grid.flow_range is not None
        feeder, kv2 = grid.feeder, grid.feeder.base_kv**2
        buses, total = range(1, feeder.size), float(feeder.load_kw.sum())
        square = [model.addVar((feeder.root_voltage_pu**2) * kv2, (feeder.root_voltage_pu**2) * kv2)]
        square += [
            model.addVar(feeder.voltage_min_pu[j] ** 2 * kv2, feeder.voltage_max_pu[j] ** 2 * kv2) for j in buses
        ]
        current: list[Any] = [None, *(model.addVar(0.0, (feeder.rating_kva[j] / feeder.base_kv) ** 2) for j in buses)]
        flows: list[list[Any]] = [[None, None] for _ in range(feeder.size)]
        for j in buses:
            whole = gp.LinExpr()
            for axis, span in enumerate((grid.flow_range.kw[j], grid.flow_range.kvar[j])):
                step = span / grid.segments
                there, back = model.addVar(0.0, span), model.addVar(0.0, span)
                parts = [model.addVar(0.0, step) for _ in range(grid.segments)]
                model.addConstr(there + back == gp.quicksum(parts))
                whole += gp.quicksum((2 * k + 1) * step * part for k, part in enumerate(parts))
                flows[j][axis] = there - back
            model.addConstr(kv2 * current[j] == whole)
        for j in buses:
            r, x, load = feeder.r_ohm, feeder.x_ohm, served / total
            below = [k for k in buses if feeder.parent[k] == j]
            own = gp.quicksum(each for each, lot in zip(drawn, day.lots, strict=True) if lot.bus == j)
            own -= gp.quicksum(each for each, unit in zip(given, day.generators, strict=True) if unit.bus == j)
            for axis, base, ohm, more in ((0, feeder.load_kw, r, own), (1, feeder.load_kvar, x, 0.0)):
                sent = gp.quicksum(flows[k][axis] + ohm[k] * current[k] / 1000.0 for k in below)
                model.addConstr(flows[j][axis] == base[j] * load + more + sent)
            fall = 2.0 * (r[j] * flows[j][0] + x[j] * flows[j][1]) / 1000.0
            fall += (r[j] ** 2 + x[j] ** 2) * current[j] / 1e6
            model.addConstr(square[feeder.parent[j]] - square[j] - fall == 0.0)
            self.profit -= grid.loss_price[t] * day.length_h[t] * r[j] * current[j] / 1000.0
