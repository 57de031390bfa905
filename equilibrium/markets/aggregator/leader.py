"""The leader's optimum with its proof: groups of prices, the rest, and the feeder that joins them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from equilibrium.arrays import FloatArray
from equilibrium.deadline import Deadline
from equilibrium.errors import InfeasibleError
from equilibrium.markets.aggregator.day import AggregatorDay
from equilibrium.markets.aggregator.flow import Flows
from equilibrium.markets.aggregator.followers import Follower, followers, price_names
from equilibrium.markets.aggregator.group import Group, Settled
from equilibrium.markets.aggregator.hours import Hours, Rest
from equilibrium.markets.aggregator.point import Point, best_point, with_loss_price
from equilibrium.markets.aggregator.search import Prices
from equilibrium.programs.program import FEASIBILITY

ROUNDS = 6
"""Prices of losses that are tried one after the other."""

PART = 0.7
"""Part of the allowed gap that the groups of prices may leave; the rest is for the copies of the lots' consumption."""

GUESS = 10.0
"""The first prices may miss by this many times as much as those of a proof: they are a beginning."""


@dataclass(frozen=True, eq=False)
class Solved:
    """The best prices found, everybody's answer, and what is proved.

    Attributes
    ----------
    point
        Prices and answers.
    bound
        Proven upper bound on what the leader earns at any prices, currency.
    nodes
        Nodes of all searches.
    seconds
        Time inside solvers.
    """

    point: Point
    bound: float
    nodes: int
    seconds: float


class Leader:
    """The leader of one day.

    Parameters
    ----------
    day
        Checked.
    gap
        Relative gap at which it may stop; with one scenario and no grid the answer is exact all the same.
    deadline
        Limit of all searches together.
    """

    def __init__(self, day: AggregatorDay, gap: float, deadline: Deadline) -> None:
        self.day, self._deadline = day, deadline
        self.followers = followers(day)
        self.flows = None if day.grid is None else Flows(day, day.grid)
        self._gap = 0.0 if day.scenarios == 1 and self.flows is None else gap
        self._caps, self._hours = price_names(day), Hours(day, self.flows)
        self._nodes, self._seconds = 0, 0.0

    def solve(self) -> Solved:
        """Find the best prices.

        Raises
        ------
        InfeasibleError
            When no prices are found that keep the feeder's limits.
        """
        best = None if self.flows is None else self._first()
        bound, known = np.inf, [] if best is None else [best.prices]
        tried: list[FloatArray] = []
        loss_price = np.zeros((self.day.periods, len(self.day.lots))) if best is None else best.loss_price
        for _ in range(1 if self.flows is None else ROUNDS):
            settled, rest = self._round(loss_price, self._absolute(best), known)
            bound = min(bound, rest.bound + sum(each.bound for each in settled))
            found = None
            for prices in self._combined(settled, rest):
                point = best_point(self.day, self.followers, prices, self.flows)
                if point is not None and (found is None or point.value > found.value):
                    found = point
            if found is not None and (best is None or found.value > best.value):
                best = found
            known = [] if best is None else [best.prices]
            if best is None or bound - best.value <= self._gap * (1.0 + abs(best.value)) or self._deadline.passed:
                break
            tried.append(loss_price)
            loss_price = _next_price(tried, best, found)
            if any(_same(loss_price, each) for each in tried):
                break
        if best is None:
            raise InfeasibleError(("no prices were found at which voltages and currents keep their limits",))
        if self.flows is not None:
            self._seconds += self.flows.seconds
        return Solved(best, max(bound, best.value), self._nodes, self._seconds)

    def _first(self) -> Point | None:
        """Return a first point without a thought of losses: what it makes of their price is worth more than a guess."""
        loss_price = np.zeros((self.day.periods, len(self.day.lots)))
        prices: dict[str, FloatArray] = {name: np.zeros(self.day.periods) for name in self._caps}
        prices |= dict(self._hours.rest(loss_price).prices)
        for group in self._groups(loss_price):
            prices |= dict(group.guess(GUESS * self._absolute(None), self._deadline))
            self._count(group)
        return best_point(self.day, self.followers, prices, self.flows)

    def _count(self, group: Group) -> None:
        self._nodes, self._seconds = self._nodes + group.nodes, self._seconds + group.seconds

    def _absolute(self, best: Point | None) -> float:
        """Return the gap that all groups together may leave, currency."""
        day = self.day
        guess = float(np.abs(day.energy_cap - day.energy_price) @ (day.retailer.load_kw * day.length_h))
        return PART * self._gap * (guess if best is None else abs(best.value))

    def _groups(self, loss_price: FloatArray) -> list[Group]:
        """Return the groups of prices at a price of losses."""
        day = self.day
        lots = {lot.name: number for number, lot in enumerate(day.lots)}
        priced = [
            replace(with_loss_price(day, each, loss_price[:, lots[each.name]]), weight=1.0)
            for each in self.followers
            if each.kind == "lot"
        ]
        graphs = self._hours.graphs(loss_price)
        sets: list[Sequence[Follower]] = (
            [priced] if day.uniform else [[each for each in priced if each.name == lot.name] for lot in day.lots]
        )
        found = []
        for members in sets:
            seen = {name for each in members for name in each.prices.values()} | set(graphs)
            caps = {name: cap for name, cap in self._caps.items() if name in seen}
            if caps:
                scenarios = [[each for each in members if each.scenario == w] for w in range(day.scenarios)]
                found.append(Group(scenarios, day.probability, caps, day.periods, graphs))
        return found

    def _round(self, loss_price: FloatArray, gap: float, known: Sequence[Prices]) -> tuple[list[Settled], Rest]:
        groups, rest = self._groups(loss_price), self._hours.rest(loss_price)
        settled = []
        for group in groups:
            starts = [{name: prices[name] for name in group.caps} for prices in known]
            settled.append(group.solve(gap / len(groups), self._deadline, starts))
            self._count(group)
        return settled, rest

    def _combined(self, settled: Sequence[Settled], rest: Rest) -> list[Prices]:
        """Return the prices that are worth a look together: the best of each group, with a grid also the others'."""
        base: dict[str, FloatArray] = {name: np.zeros(self.day.periods) for name in self._caps}
        best = base | dict(rest.prices)
        for each in settled:
            best |= dict(each.prices)
        found: list[Prices] = [best]
        if self.flows is not None:
            for number in range(self.day.scenarios):
                other = dict(best)
                for each in settled:
                    other |= dict(each.candidates[number])
                found.append(other)
        return found


def _next_price(tried: Sequence[FloatArray], best: Point, found: Point | None) -> FloatArray:
    """Return the price of losses that the best point makes; where that has been tried, one between the last two.

    Every price gives a bound. The one at which the bound is lowest lies between those that bring two points about,
    where copies of the lots' consumption jump from one to the other.
    """
    if found is None or not any(_same(best.loss_price, each) for each in tried):
        return best.loss_price
    return np.asarray(0.5 * (tried[-1] + found.loss_price))


def _same(one: FloatArray, other: FloatArray) -> bool:
    return bool(np.allclose(one, other, rtol=0.0, atol=FEASIBILITY))
