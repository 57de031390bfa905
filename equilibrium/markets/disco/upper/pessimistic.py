"""What the company would get if lots broke their ties against it: an interval with a proven lower end.

The lots' optimal schedules are a polyhedron, and the company's cost over it is convex in the lots' net powers, so the
worst of them is a concave problem. Its cost lies below affine functions that touch it at corners of the range of net
powers; over those the worst schedule is a linear program, whose dual objective bounds the company's profit from below.
Linearising at the schedules that are found gives worse and worse ones, and with them the other end of the interval.
Where the cost is linear, as on a copper plate that imports all day, the two ends meet.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from equilibrium.arrays import FloatArray
from equilibrium.markets.disco.lower.one_way import find_schedules
from equilibrium.markets.disco.lower.optimum import dual_values, solve_vehicles
from equilibrium.markets.disco.network.service import ScenarioSupply
from equilibrium.markets.disco.upper.earliest import weights
from equilibrium.markets.disco.upper.stage import Part, net_power_range
from equilibrium.programs.duality import optimal_face
from equilibrium.programs.program import GAP

MAXIMUM_STEPS = 20
"""Linearisations; each one but the last finds a worse schedule, and the polyhedron has finitely many vertices."""

UNSERVED = "within the limits of single vehicles there are net powers that the network cannot serve"
LIMITED = "limits of the network hold back purchases that are paid for"

MAXIMUM_CORNER_LOTS = 8
"""Most lots for which all corners of the range of net powers are looked at; beyond, no lower end is proved."""


@dataclass(frozen=True, eq=False)
class Worst:
    """The greatest cost of a scenario over the lots' optimal schedules, currency.

    Attributes
    ----------
    bound
        Proven upper bound; infinite where some net powers within the limits of single vehicles cannot be served.
    found
        Cost at a schedule that was found; infinite when the network cannot serve it.
    lot_kw
        Its net powers, shape ``(periods, lots)``.
    reason
        Why no bound is proved; empty where one is.
    """

    bound: float
    found: float
    lot_kw: FloatArray
    reason: str = ""


def idle(supply: ScenarioSupply) -> ScenarioSupply:
    """Return the network without any renewables: what it needs is the most that can be bought without waste."""
    return replace(supply, renewable_kw=np.zeros_like(supply.renewable_kw))


def worst_dispatch(part: Part, solver: str) -> Worst:
    """Find and bound the schedule of the lots that costs the company most, purchases being recourse."""
    slope, constant, reason = _affine_above(part)
    start, most, lot_kw = _worst_at(part, part.price[:, None] * slope, solver)
    bound = np.inf if reason else most + float(part.price @ constant)
    value = _cost(part, start, lot_kw)
    for _ in range(MAXIMUM_STEPS):
        if not np.isfinite(value):
            return Worst(np.inf, value, lot_kw, reason or UNSERVED)
        x, _, other_kw = _worst_at(part, part.price[:, None] * _slope_at(part, lot_kw), solver)
        other = _cost(part, x, other_kw)
        if not other > value + GAP * (1.0 + abs(value)):
            break
        value, lot_kw = other, other_kw
    return Worst(max(bound, value), value, lot_kw, reason)


def worst_payments(part: Part, solver: str) -> tuple[float, float, FloatArray]:
    """Return bound and value of what the company pays for vehicles at most, and the net powers there."""
    periods, lots = part.price.size, part.supply.supply.lot_bus.size
    x, most, lot_kw = _worst_at(part, np.zeros((periods, lots)), solver)
    return most, float(part.feasible.cost @ x), lot_kw


def robust_purchase(parts: Sequence[Part]) -> FloatArray | None:
    """Return a purchase that serves all net powers within the vehicles' limits in every scenario, or ``None``.

    The least purchase is convex, so the corners decide. It can be absorbed by curtailing renewables if no scenario
    needs less without any of them; that need rises with the lots' power.
    """
    need, calm = [], []
    for part in parts:
        for corner in _corners(part):
            need.append(part.supply.serve(corner).need_kw)
            calm.append(idle(part.supply).serve(corner).need_kw)
    if not need or not np.isfinite(need).all() or not np.isfinite(calm).all():
        return None
    bought = np.max(need, axis=0)
    return np.asarray(bought) if (bought <= np.min(calm, axis=0)).all() else None


def _corners(part: Part) -> list[FloatArray]:
    """Return the corners of the range of net powers, each of shape ``(periods, lots)``."""
    periods, lots = part.price.size, part.supply.supply.lot_bus.size
    if lots > MAXIMUM_CORNER_LOTS:
        return []
    least, greatest = net_power_range(part, periods, lots)
    return [np.where(np.array(high), greatest, least) for high in itertools.product((False, True), repeat=lots)]


def _affine_above(part: Part) -> tuple[FloatArray, FloatArray, str]:
    """Return slopes ``(periods, lots)`` and constants ``(periods,)`` of affine functions above the least purchase.

    A convex function minus an affine one is greatest at a corner, so any slope will do; with one lot it is the chord.
    Where a purchase is paid for, the company buys what the network needs without renewables, and the functions are
    planes below that. The last item says why there are none; it is empty where there are.
    """
    corners = _corners(part)
    periods, lots = part.price.size, part.supply.supply.lot_bus.size
    if not corners:
        reason = f"{lots} lots have too many corners of net powers to be looked at (at most {MAXIMUM_CORNER_LOTS} lots)"
        return np.zeros((periods, lots)), np.zeros(periods), reason
    need = np.array([part.supply.serve(corner).need_kw for corner in corners])
    width = corners[-1] - corners[0]
    high = np.array(list(itertools.product((False, True), repeat=lots)))
    finite = np.where(np.isfinite(need), need, 0.0)
    rise = 2.0 * np.einsum("ct,cl->tl", finite, np.where(high, 1.0, -1.0)) / len(corners)
    slope = np.divide(rise, width, out=np.ones_like(width), where=width > 0.0)
    constant = np.max([kw - (slope * corner).sum(axis=1) for kw, corner in zip(need, corners, strict=True)], axis=0)
    earns = part.price < 0.0
    if earns.any():
        at = np.flatnonzero(earns)
        every, calm = np.tile(at, len(corners)), idle(part.supply)
        swept = calm.sweep(every, np.concatenate([corner[at] for corner in corners]), proof=False)
        planes = calm.sweep(at, 0.5 * (corners[0] + corners[-1])[at], proof=False).planes
        if not swept.served.all() or planes.period.size < at.size:
            return slope, constant, LIMITED
        slope[at], constant[at] = planes.slope, planes.constant
    return slope, constant, "" if np.isfinite(constant).all() else UNSERVED


def _worst_at(part: Part, lot_price: FloatArray, solver: str) -> tuple[FloatArray, float, FloatArray]:
    """Maximise the company's cost with net power at given prices; columns, proven bound, net powers."""
    vehicles = part.vehicles
    paid = vehicles.weight * lot_price[vehicles.period, vehicles.lot[vehicles.row]]
    instance = part.feasible.with_cost(-part.feasible.cost - vehicles.cost(paid, -paid))
    if part.one_way is None:
        solved = solve_vehicles(vehicles, instance, solver)
        most = -float(dual_values(vehicles, instance, solved.y).sum())
        face = optimal_face(instance, solved.y).with_cost(weights(vehicles, lot_price.shape[0]))
        x = solve_vehicles(vehicles, face, solver).x
    else:
        found = find_schedules(vehicles, part.one_way, instance.cost)
        x, most = found.x, -float(found.bound.sum())
    charge, discharge = vehicles.power_kw(x, lot_price.shape[1], lot_price.shape[0])
    return x, most, charge - discharge


def best_purchase(part: Part, lot_kw: FloatArray) -> FloatArray:
    """Return what the company buys for net powers, shape ``(periods,)``: the least, or where it is paid for, the most.

    Infinite where the powers cannot be served, and not a number where a limit of the network holds back a purchase that
    is paid for.
    """
    bought, earns = part.supply.serve(lot_kw).need_kw, np.flatnonzero(part.price < 0.0)
    if earns.size:
        program = part.supply.supply.period_program
        swept = idle(part.supply).sweep(earns, lot_kw[earns], proof=False)
        most = swept.columns[:, program.columns["import_kw"].slice].ravel()
        known = np.where(swept.served, most, np.nan)
        bought[earns] = np.where(np.isfinite(bought[earns]), known, np.inf)
    return bought


def _cost(part: Part, x: FloatArray, lot_kw: FloatArray) -> float:
    bought = best_purchase(part, lot_kw)
    if np.isposinf(bought).any():
        return np.inf
    return float(part.feasible.cost @ x + part.price @ bought)


def _slope_at(part: Part, lot_kw: FloatArray) -> FloatArray:
    """Return slopes of the best purchase at net powers that can be served."""
    slope, earns = np.zeros_like(lot_kw), part.price < 0.0
    for planes in part.supply.serve(lot_kw).planes:  # those of linear programs come last, and are tight
        slope[planes.period] = planes.slope
    if earns.any():
        planes = idle(part.supply).sweep(np.flatnonzero(earns), lot_kw[earns], proof=False).planes
        slope[planes.period] = planes.slope
    return slope
