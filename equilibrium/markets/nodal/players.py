"""The lots as players of a nodal game: what each may draw, and how it answers."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import scipy.sparse as sp

from equilibrium.arrays import FloatArray
from equilibrium.certificate import NEGLIGIBLE
from equilibrium.errors import InputError, SolverError
from equilibrium.fleet.day import LotDay
from equilibrium.fleet.envelope import allocate
from equilibrium.fleet.split import Cut, EvenSplit, greedy_split, most_kwh
from equilibrium.grid.assets import LotSite
from equilibrium.grid.network import Network
from equilibrium.markets.charging.day import MarketDay
from equilibrium.markets.charging.lots import stacked, subscription_payments
from equilibrium.markets.charging.splitting import LotCut, Split
from equilibrium.markets.nodal.curves import Curve
from equilibrium.markets.nodal.relaxation import FeasiblePowers, Vehicles
from equilibrium.markets.nodal.response import BestResponse, FirstLook, best_response, profit_on_curves
from equilibrium.programs.duality import proved_bound
from equilibrium.programs.program import INF, Instance, stack_rows
from equilibrium.programs.solvers import Status, solve_linear

START = 1e-6
"""Violation of a lot's own limits, relative to ``1 + |value|``, that a start may have."""


class Players:
    """Feasible sets and answers of one day's lots.

    Parameters
    ----------
    network, day
        The sites and what they bring.
    cuts
        What is already known of how their power can be split among vehicles.
    solver
        One of :data:`equilibrium.programs.solvers.SOLVERS`.
    split
        A split of powers from which the lots' answers are not far, for lots with vehicles: searches begin there.
    """

    def __init__(
        self,
        network: Network,
        day: MarketDay,
        cuts: tuple[LotCut, ...],
        solver: str = "auto",
        split: Split | None = None,
    ) -> None:
        self._solver = solver
        self._sites, self._days = network.lots, day.lots
        self.length_h = day.length_h
        self.price = stacked(day.lots, "net_price", day.hours)
        self.power_max = stacked(day.lots, "power_max_kw", day.hours)
        self._own: list[FeasiblePowers] = []
        self._taken: list[FloatArray | None] = [None] * len(day.lots)
        self._first: dict[int, FirstLook | None] = {}
        for k, (site, lot) in enumerate(zip(network.lots, day.lots, strict=True)):
            vehicles = _vehicles(site, lot, split[k] if split is not None else None)
            if vehicles is not None:
                self._taken[k] = vehicles.drawn_kwh.sum(axis=1) / day.length_h
            self._own.append(_own_powers(site, lot, [cut for owner, cut in cuts if owner == k], day.length_h, vehicles))
        self.seconds = 0.0

    def respond(self, lot: int, curves: list[Curve], present: FloatArray) -> tuple[BestResponse | None, float]:
        """Return the lot's best response on its curves, on schedules that its vehicles can take, and what it earns now.

        ``present`` is the schedule that it has, shape ``(hours,)``. It earns minus infinity where the vehicles cannot
        take it: no lot stays there.
        """
        takes, price = self.takes(lot, present), self.price[:, lot]
        own = self._own[lot]
        profit = profit_on_curves(price, curves, present, self.length_h) if takes else -INF
        answer = best_response(price, curves, own, present if takes else None, self._solver, self._first.get(lot))
        if answer is not None:
            self._first[lot] = answer.first
        if answer is not None and answer.drawn_kwh is not None and own.vehicles is not None:
            own.vehicles.drawn_kwh = answer.drawn_kwh
            self._taken[lot] = answer.power_kw
        return answer, profit

    def takes(self, lot: int, power: FloatArray) -> bool:
        """Tell whether the lot's vehicles can take a schedule; a start need not be one that they can."""
        if self._own[lot].vehicles is None:
            return True
        taken = self._taken[lot]
        if taken is not None and np.abs(power - taken).max(initial=0.0) <= NEGLIGIBLE:
            return True
        return not self.cut(lot, power, np.zeros_like(power))

    def at_prices(self, lot: int, price: FloatArray) -> float:
        """Return the most that a lot can earn at given prices, a proven bound: the dual objective's value."""
        own = self._own[lot]
        if own.subscription is not None:
            return self._under_subscription(lot, price)
        if own.vehicles is not None:
            return _most_earned(own.vehicles, self.price[:, lot] - price)
        instance = Instance(
            matrix=own.matrix,
            cost=self.length_h * (price - self.price[:, lot]),
            row_lower=own.lower,
            row_upper=own.upper,
            col_lower=np.zeros(own.power_max_kw.size),
            col_upper=own.power_max_kw,
        )
        solution = solve_linear(instance, self._solver)
        self.seconds += solution.seconds
        if solution.status is not Status.OPTIMAL:
            raise SolverError(f"a price-taking lot's problem ended {solution.status}")
        return -proved_bound(instance, solution.y)

    def _under_subscription(self, lot: int, price: FloatArray) -> float:
        """Return the same with a charge for power above a subscription: a best response at prices that stay."""
        own = self._own[lot]
        curves = [
            Curve(np.array([0.0, most]), np.array([each])).under(own.subscription)
            for most, each in zip(own.power_max_kw.tolist(), price.tolist(), strict=True)
        ]
        answer = best_response(self.price[:, lot], curves, own, solver=self._solver)
        if answer is None:
            raise SolverError("a price-taking lot has no schedule")
        self.seconds += answer.seconds
        return answer.bound

    def earned(self, power: FloatArray, price: FloatArray) -> FloatArray:
        """Return what schedules earn the lots at given prices, both ``(hours, lots)``; currency, shape ``(lots,)``."""
        above = subscription_payments(self._sites, power, self.length_h)
        return np.asarray(((self.price - price) * (self.length_h[:, None] * power)).sum(axis=0) - above)

    def state_of_energy(self, power: FloatArray) -> FloatArray:
        """Return the lots' state of energy at the end of each hour, kWh, shape ``(hours, lots)``."""
        soe, length = np.zeros_like(power), tuple(self.length_h.tolist())
        for k, (site, lot) in enumerate(zip(self._sites, self._days, strict=True)):
            carried = np.cumsum(lot.energy_in_kwh - lot.energy_out_kwh)
            soe[:, k] = carried + _charge_matrix(site.efficiency, site.first_hour, length) @ power[:, k]
        return soe

    def own(self, lot: int) -> FeasiblePowers:
        """Return a lot's own feasible set, with the cuts that are known by now."""
        return self._own[lot]

    def check(self, power: FloatArray) -> None:
        """Refuse schedules that break a lot's own limits: no game can start there."""
        for k, (site, own) in enumerate(zip(self._sites, self._own, strict=True)):
            value = np.concatenate([own.matrix @ power[:, k], power[:, k]])
            lower = np.concatenate([own.lower, np.zeros(power.shape[0])])
            upper = np.concatenate([own.upper, own.power_max_kw])
            excess = np.maximum(lower - value, value - upper) / (1.0 + np.abs(value))
            if excess.max() > START:
                raise InputError(
                    "start_kw", f"lot {site.name}", power[:, k].tolist(), "a schedule that the lot can follow"
                )

    def name(self, lot: int) -> str:
        """Return what a reader calls a lot."""
        return f"lot {self._sites[lot].name}"

    def cut(self, lot: int, power: FloatArray, price: FloatArray) -> bool:
        """Add the cuts of the vehicles that a schedule breaks; return whether there were any."""
        fleet, own = self._days[lot].fleet, self._own[lot]
        if fleet is None or own.vehicles is None:
            return False
        split = allocate(fleet, power, self._sites[lot].efficiency, price)
        if isinstance(split, EvenSplit):
            own.vehicles.drawn_kwh, self._taken[lot] = np.ascontiguousarray(split.energy_kwh.T), power
            return False
        rows = _cut_rows(split, self.length_h)
        self._own[lot] = replace(
            own,
            matrix=stack_rows(own.matrix, rows),
            lower=np.concatenate([own.lower, np.full(len(split), -INF)]),
            upper=np.concatenate([own.upper, [cut.limit_kwh for cut in split]]),
        )
        return True


def _most_earned(vehicles: Vehicles, margin: FloatArray) -> float:
    """Return the most that vehicles earn at given margins: those of the best hours first (Edmonds' greedy)."""
    order = np.argsort(-margin, kind="stable")
    most = most_kwh(vehicles.limit_kwh.T, vehicles.drawn_kwh.sum(axis=0), order)
    return float(np.diff(most, prepend=0.0) @ margin[order])


@functools.cache
def _charge_matrix(efficiency: float, first_hour: str, length_h: tuple[float, ...]) -> sp.csr_array:
    """Return the map from powers to energy stored since the start of the day (3b), (3c), with D1."""
    matrix = efficiency * np.tri(len(length_h)) * np.array(length_h)
    if first_hour == "as_printed":
        matrix[:, 0] = 0.0
    return sp.csr_array(matrix)


def _cut_rows(cuts: Sequence[Cut], length_h: FloatArray) -> sp.csr_array:
    """State cuts on a lot's powers."""
    hours = np.array([cut.hours for cut in cuts])
    period = np.nonzero(hours)[1]
    starts = np.concatenate([[0], np.cumsum(hours.sum(axis=1))])
    return sp.csr_array((length_h[period], period, starts), shape=hours.shape)


def _vehicles(site: LotSite, lot: LotDay, near: EvenSplit | list[Cut] | None) -> Vehicles | None:
    """State what the vehicles of a lot can draw together, and how they draw it at first."""
    if lot.fleet is None:
        return None
    limit = lot.fleet.energy_max_kwh.copy()
    if site.first_hour == "as_printed":  # what is drawn there is stored nowhere (D1), so no vehicle can use it
        limit[:, 0] = 0.0
    if isinstance(near, EvenSplit):
        drawn = near.energy_kwh
    else:
        drawn = greedy_split(limit, lot.fleet.need_kwh / site.efficiency, np.arange(limit.shape[1]))
    return Vehicles(np.ascontiguousarray(limit.T), np.ascontiguousarray(drawn.T))


def _own_powers(
    site: LotSite, lot: LotDay, cuts: list[Cut], length_h: FloatArray, vehicles: Vehicles | None
) -> FeasiblePowers:
    """State (3b)-(3f) of one lot on its powers alone."""
    carried = np.cumsum(lot.energy_in_kwh - lot.energy_out_kwh)
    lower, upper = lot.soe_min_kwh - carried, lot.soe_max_kwh - carried
    owed = lot.energy_end_kwh - carried[-1]
    lower[-1] = max(lower[-1], owed)
    if site.terminal == "eq":
        upper[-1] = min(upper[-1], owed)
    matrix = _charge_matrix(site.efficiency, site.first_hour, tuple(length_h.tolist()))
    if cuts:
        matrix = stack_rows(matrix, _cut_rows(cuts, length_h))
    return FeasiblePowers(
        matrix=matrix,
        lower=np.concatenate([lower, np.full(len(cuts), -INF)]),
        upper=np.concatenate([upper, [cut.limit_kwh for cut in cuts]]),
        power_max_kw=lot.power_max_kw,
        period_h=length_h,
        vehicles=vehicles,
        subscription=site.subscription,
    )
