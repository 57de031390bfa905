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
from equilibrium.markets.aggregator.hours import Graphs, Hours, Rest
from equilibrium.markets.aggregator.nodes import Prices
from equilibrium.markets.aggregator.point import Point, best_point, with_loss_price
from equilibrium.programs.program import FEASIBILITY

ROUNDS = 10
"""Times that groups are solved, most of them at prices of losses of their own."""

WIDE = 2.0
"""How many times as wide as in the end the gap may be at first: searches go on from one round to the next."""

CLOSER = 0.5
"""Part of the gap that is left by the groups from which on they are solved closer before losses get another price: as
close as in the end at any price, closer still at the price whose bound is the lowest."""

PART = 0.7
"""Part of the allowed gap that the groups of prices may leave; the rest is for the copies of the lots' consumption."""

NEARLY = 0.999
"""Part of the allowed gap at which it is enough: rounding must not make it wider than what is asked for."""

GUESS = 3.0
"""The first prices may miss by this many times as much as those of a proof: they are a beginning."""

EXPLORED = 100
"""Nodes of each scenario that are looked at at the first price of losses, twice as many at each further one."""

EXPLORATIONS = 3
"""Prices of losses at most that are tried with so few nodes."""

GUESSES = 2
"""First prices that are looked for, each at the price of losses that the ones before make."""


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
        self._loss_price = np.zeros((day.periods, len(day.lots)))
        self._points = dict[bytes, Point | None]()
        graphs = self._hours.graphs(self._loss_price)
        self._groups = [self._group(scenarios, graphs) for scenarios in self._members(self._loss_price)]

    def solve(self) -> Solved:
        """Find the best prices.

        Raises
        ------
        InfeasibleError
            When no prices are found that keep the feeder's limits.
        """
        best = None if self.flows is None else self._first()
        bound = np.inf
        self._price(self._loss_price if best is None else best.loss_price)
        wide, tried = 1.0 if self.flows is None else WIDE, list[tuple[float, FloatArray]]()
        for _ in range(1 if self.flows is None else ROUNDS):
            settled, rest = self._round(wide, best)
            here = rest.bound + sum(each.bound for each in settled)
            bound = min(bound, here)
            found = self._found(settled, rest)
            if found is not None and (best is None or found.value > best.value):
                best = found
            if best is None or bound - best.value <= self._allowed(best) or self._deadline.passed:
                break
            left = sum(each.bound - each.value for each in settled)
            closer = wide > 1.0
            if left > CLOSER * (here - best.value) and (closer or here <= bound):
                wide = 1.0 if closer else 0.5 * wide
                continue  # the price of losses is not what leaves the gap
            wide = 1.0
            tried.append((here, self._loss_price))
            loss_price = _next_price(tried, best, found)
            if loss_price is None and not closer:
                break
            if loss_price is not None:
                self._price(loss_price)
        if best is None:
            raise InfeasibleError(("no prices were found at which voltages and currents keep their limits",))
        seconds = sum(group.seconds for group in self._groups) + (0.0 if self.flows is None else self.flows.seconds)
        return Solved(best, max(bound, best.value), sum(group.nodes for group in self._groups), seconds)

    def _first(self) -> Point | None:
        """Return a first point, soon found for the expected scenario, at a price of losses that such points make.

        Losses are not thought of at the beginning. What a point makes of their price is worth more than a guess, and a
        few nodes of one scenario cost less than those of all of them at a price that is not the last one.
        """
        best = None
        for _ in range(GUESSES):
            prices: dict[str, FloatArray] = {name: np.zeros(self.day.periods) for name in self._caps}
            prices |= dict(self._hours.rest(self._loss_price).prices)
            for group in self._groups:
                prices |= dict(group.guess(GUESS * PART * self._allowed(best), self._deadline))
            point = self._point(prices)
            if point is None:
                break
            if best is None or point.value > best.value:
                best = point
            self._price(point.loss_price)
        return best if best is None or self.day.scenarios == 1 else self._explored(best)

    def _explored(self, best: Point) -> Point:
        """Return a better point, from a few nodes of every scenario at the price of losses that points make.

        What prices earn at a price of losses is the least that it can prove. Where that is more than the best point
        earns and the gap allows, another price has to come before searches go deep.
        """
        for time in range(EXPLORATIONS):
            self._price(best.loss_price)
            gap, rest = PART * self._allowed(best) / len(self._groups), self._hours.rest(self._loss_price)
            nodes = EXPLORED * 2**time * self.day.scenarios
            settled = [
                group.explored(gap, self._deadline.part(nodes=nodes), self._prices_of(best, group))
                for group in self._groups
            ]
            found = self._found(settled, rest)
            if found is not None and found.value > best.value:
                best = found
            proved = rest.bound + sum(each.value for each in settled)
            if proved <= best.value + self._allowed(best) or self._deadline.passed:
                break
        return best

    @staticmethod
    def _prices_of(best: Point | None, group: Group) -> list[Prices]:
        """Return the prices of the best point that a group has, where there is a point."""
        return [] if best is None else [{name: best.prices[name] for name in group.caps}]

    def _found(self, settled: Sequence[Settled], rest: Rest) -> Point | None:
        """Return the best point that the groups' prices make."""
        points = [point for prices in self._combined(settled, rest) if (point := self._point(prices)) is not None]
        return max(points, key=lambda point: point.value, default=None)

    def _point(self, prices: Prices) -> Point | None:
        """Return the best point at some prices; scenarios and rounds often want the same ones."""
        name = b"".join(prices[each].tobytes() for each in self._caps)
        if name not in self._points:
            self._points[name] = best_point(self.day, self.followers, prices, self.flows)
        return self._points[name]

    def _allowed(self, best: Point | None) -> float:
        """Return the gap that may be left, currency."""
        day = self.day
        guess = float(np.abs(day.energy_cap - day.energy_price) @ (day.retailer.load_kw * day.length_h))
        return self._gap * (guess if best is None else max(1.0, abs(best.value)))

    def _members(self, loss_price: FloatArray) -> list[list[list[Follower]]]:
        """Return the lots of every group of prices by scenario, at a price of losses."""
        day = self.day
        lots = {lot.name: number for number, lot in enumerate(day.lots)}
        priced = [
            replace(with_loss_price(day, each, loss_price[:, lots[each.name]]), weight=1.0)
            for each in self.followers
            if each.kind == "lot"
        ]
        sets = [priced] if day.uniform else [[each for each in priced if each.name == lot.name] for lot in day.lots]
        return [[[each for each in members if each.scenario == w] for w in range(day.scenarios)] for members in sets]

    def _group(self, scenarios: Sequence[Sequence[Follower]], graphs: Graphs) -> Group:
        """Return the group of the prices that some lots see."""
        seen = {name for members in scenarios for each in members for name in each.prices.values()} | set(graphs)
        caps = {name: cap for name, cap in self._caps.items() if name in seen}
        return Group(scenarios, self.day.probability, caps, self.day.periods, graphs)

    def _price(self, loss_price: FloatArray) -> None:
        """Let the groups of prices go on at a price of losses."""
        if _same(loss_price, self._loss_price):
            return
        self._loss_price, graphs = loss_price, self._hours.graphs(loss_price)
        for group, scenarios in zip(self._groups, self._members(loss_price), strict=True):
            group.costing(scenarios, graphs)

    def _round(self, wide: float, best: Point | None) -> tuple[list[Settled], Rest]:
        """Solve all groups up to a gap that is so many times as wide as it may be in the end."""
        rest = self._hours.rest(self._loss_price)
        settled, allowed = list[Settled](), self._allowed(best)
        for group in self._groups:
            enough = -np.inf
            if best is not None and group is self._groups[-1]:  # of the others it is not known yet what they leave
                enough = best.value + NEARLY * allowed - rest.bound - sum(each.bound for each in settled)
            starts = self._prices_of(best, group)
            settled.append(group.solve(PART * wide * allowed / len(self._groups), self._deadline, starts, enough))
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


def _next_price(tried: Sequence[tuple[float, FloatArray]], best: Point, found: Point | None) -> FloatArray | None:
    """Return the next price of losses, ``None`` where none is new.

    Every price gives a bound, and the bound is convex in the price. The one at which it is lowest lies between those
    that bring two points about, where copies of the lots' consumption jump from one to the other.

    Parameters
    ----------
    tried
        Prices of losses and the bounds that they gave, the last one last.
    best, found
        The best point, whose price comes first, and the one found at the last price: then comes what lies between its
        price and the last one, then what lies between the two prices of the lowest bounds.
    """
    lowest = [price for _, price in sorted(tried, key=lambda each: each[0])[:2]]
    choices = [best.loss_price, *([] if found is None else [0.5 * (tried[-1][1] + found.loss_price)])]
    choices += [0.5 * (lowest[0] + lowest[-1])]
    return next((each for each in choices if not any(_same(each, price) for _, price in tried)), None)


def _same(one: FloatArray, other: FloatArray) -> bool:
    return bool(np.allclose(one, other, rtol=0.0, atol=FEASIBILITY))
