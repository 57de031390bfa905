"""The best reply of one aggregator in one market, exact: its own prices open, everybody else's given.

It is the leader's problem of :mod:`equilibrium.markets.aggregator.group` over followers with several offers. Followers
that share no price are apart, and without lots so are the periods.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from equilibrium.arrays import FloatArray
from equilibrium.certificate import NEGLIGIBLE
from equilibrium.deadline import Deadline
from equilibrium.markets.aggregator.followers import Follower, price_names
from equilibrium.markets.aggregator.group import Group
from equilibrium.markets.aggregator.reaction import Reaction, react
from equilibrium.markets.aggregator.rivals.day import Prices, RivalsDay
from equilibrium.markets.aggregator.rivals.offers import RESERVE_PORT, Offered, offered, offered_in
from equilibrium.programs.program import GAP
from equilibrium.reserve import Reserve


@dataclass(frozen=True, eq=False)
class Reply:
    """What an aggregator does best in one market.

    Attributes
    ----------
    prices
        By name.
    value, bound
        What they earn if followers that are indifferent prefer this aggregator, and a proven bound on what any prices
        could earn, currency.
    claimed
        What is traded at each price then, by name, shape ``(periods,)``; kW or kWh.
    """

    prices: Prices
    value: float
    bound: float
    claimed: Mapping[str, FloatArray]


@dataclass(frozen=True, eq=False)
class _Part:
    """Followers that share prices: for each scenario its members, and the periods they are in."""

    scenarios: tuple[tuple[Offered, ...], ...]
    probability: FloatArray
    periods: slice


class Market:
    """The followers of one aggregator, and what everybody could do there.

    Parameters
    ----------
    day
        Checked.
    number
        Whose followers.

    Attributes
    ----------
    followers
        With offers of everybody.
    names
        Of the prices there.
    break_even
        For each aggregator the prices at which trade brings it nothing.
    caps
        For each aggregator the largest value of each price.
    seconds
        Time inside solvers.
    """

    def __init__(self, day: RivalsDay, number: int) -> None:
        self.day, self.number, self.followers = day, number, offered(day, number)
        own = day.markets[number]
        self.names = tuple(price_names(own))
        self.break_even = tuple(self._break_even(who) for who in range(day.size))
        # Nobody has to take a stranger's offer, so it may be dearer than the cap where the stranger's costs are.
        self.caps = tuple(
            {
                name: cap if who == number else max(cap, float(self.break_even[who][name].max()))
                for name, cap in price_names(own).items()
            }
            for who in range(day.size)
        )
        self._parts = self._apart()
        self.seconds = 0.0
        self._known: dict[tuple[int, int, bytes], Reply] = {}

    def _break_even(self, who: int) -> Prices:
        """Return the prices at which trade brings aggregator ``who`` nothing, as near as prices from 0 on allow."""
        seen = self.day.seen_by(who, self.number)
        names = dict.fromkeys(self.names, np.maximum(seen.energy_price, 0.0))
        failing: dict[str, float] = {}
        for each in self.followers:
            if each.base.kind == "lot":
                lot = next(lot for lot in seen.lots if lot.name == each.base.name)
                name = each.base.prices[RESERVE_PORT]
                failing[name] = min(failing.get(name, 1.0), lot.failure_rate)
        for name, failure in failing.items():
            energy = np.maximum(seen.energy_price, 0.0)
            names[name] = Reserve(seen.call, failure).capacity_price(seen.reserve_income, energy)
        if self.day.markets[self.number].uniform and "reserve" not in failing:
            names["reserve"] = np.zeros(seen.periods)
        own = price_names(self.day.markets[self.number])
        home = who == self.number
        return {name: np.clip(each, 0.0, own[name] if home else np.inf) for name, each in names.items()}

    def _apart(self) -> list[_Part]:
        """Return the followers by the prices that they share."""
        own = self.day.markets[self.number]
        if own.uniform:
            return [self._part(self.followers)]
        lots = [each for each in self.followers if each.base.kind == "lot"]
        found = [self._part([each for each in lots if each.base.name == lot.name]) for lot in own.lots]
        for period in range(own.periods):
            at = slice(period, period + 1)
            sets: dict[str, list[Offered]] = {}
            for each in offered_in(self.day, self.number, period):
                sets.setdefault(next(iter(each.base.prices.values())), []).append(each)
            found += [_Part((tuple(members),), np.ones(1), at) for members in sets.values()]
        return found

    def _part(self, members: Sequence[Offered]) -> _Part:
        own = self.day.markets[self.number]
        scenarios = tuple(
            tuple(each for each in members if each.base.kind != "lot" or each.base.scenario == w)
            for w in range(own.scenarios)
        )
        return _Part(scenarios, own.probability, slice(0, own.periods))

    def reply(self, who: int, offers: Sequence[Prices], gap: float, deadline: Deadline) -> Reply:
        """Return the best reply of aggregator ``who`` to the offers of the others.

        Parameters
        ----------
        offers
            Of every aggregator in this market; its own are where its search starts.
        gap
            Absolute gap that may be left, currency.
        """
        prices = {name: value.copy() for name, value in offers[who].items()}
        value = bound = 0.0
        claimed = {name: np.zeros(each.size) for name, each in prices.items()}
        for number, part in enumerate(self._parts):
            here = [{name: each[part.periods] for name, each in offer.items()} for offer in offers]
            known = (who, number, _others(here, who, part))
            if known not in self._known:  # what the others do not change is not searched again
                self._known[known] = self._reply_in(who, part, here, gap / len(self._parts), deadline)
            found = self._known[known]
            for name, each in found.prices.items():
                prices[name][part.periods] = each
            for name, each in found.claimed.items():
                claimed[name][part.periods] = each
            value, bound = value + found.value, bound + found.bound
        return Reply(prices, value, max(bound, value), claimed)

    def _reply_in(self, who: int, part: _Part, here: Sequence[Prices], gap: float, deadline: Deadline) -> Reply:
        """Return the best reply towards some followers."""
        scenarios = [[each.view(who, here) for each in members] for members in part.scenarios]
        seen = {name for members in scenarios for each in members for name in each.prices.values()}
        caps = {name: cap for name, cap in self.caps[who].items() if name in seen}
        group = Group(_light(scenarios), part.probability, caps, part.periods.stop - part.periods.start, {})
        start = {name: np.clip(here[who][name], 0.0, cap) for name, cap in caps.items()}
        settled = group.solve(gap, deadline, [start])
        self.seconds += group.seconds
        best = self._resting(who, scenarios, part, dict(settled.prices), settled.value)
        return Reply(best, settled.value, settled.bound, _traded(_reactions(scenarios, best)))

    def _resting(
        self, who: int, scenarios: Sequence[Sequence[Follower]], part: _Part, prices: Prices, value: float
    ) -> Prices:
        """Put prices that nothing is traded at where trade would bring nothing, as far as that costs nothing.

        It is the best offer that never loses; so a rival meets what would be offered, not what happens to stand there.
        """
        even = {name: self.break_even[who][name][part.periods] for name in prices}

        def tried(now: Prices, names: Sequence[str], at: slice) -> Prices:
            used = _traded(_reactions(scenarios, now))
            trial = {name: each.copy() for name, each in now.items()}
            for name in names:
                idle = used[name][at] <= NEGLIGIBLE
                trial[name][at] = np.where(idle, even[name][at], trial[name][at])
            if all(np.array_equal(trial[name], now[name]) for name in names):
                return now
            earned = sum(
                float(weight) * sum(react(each, trial).margin for each in members)
                for weight, members in zip(part.probability, scenarios, strict=True)
            )
            return trial if earned >= value - GAP * (1.0 + abs(value)) else now

        whole = slice(0, part.periods.stop - part.periods.start)
        moved = tried(prices, list(prices), whole)
        if moved is prices:
            for name in prices:
                again = tried(moved, [name], whole)
                if again is moved:
                    for period in range(whole.stop):
                        again = tried(again, [name], slice(period, period + 1))
                moved = again
        return moved


def _others(here: Sequence[Prices], who: int, part: _Part) -> bytes:
    """Return the offers of the others to the followers of a part, as a key."""
    names = sorted({name for members in part.scenarios for each in members for name in each.base.prices.values()})
    return b"".join(here[other][name].tobytes() for other in range(len(here)) if other != who for name in names)


def _reactions(scenarios: Sequence[Sequence[Follower]], prices: Prices) -> list[Reaction]:
    return [react(each, prices) for members in scenarios for each in members]


def _light(scenarios: Sequence[Sequence[Follower]]) -> list[list[Follower]]:
    """Return the members with weight one: the group weighs scenarios itself."""
    return [[replace(each, weight=1.0) for each in members] for members in scenarios]


def _traded(reactions: Sequence[Reaction]) -> dict[str, FloatArray]:
    """Return what is traded at each price, all followers and scenarios together, shape ``(periods,)`` each."""
    found: dict[str, FloatArray] = {}
    for each in reactions:
        follower, block = each.follower, each.follower.program.cost_port
        for port, name in follower.prices.items():
            entries = abs(block[:, follower.program.ports[port].slice])
            amount = np.asarray(entries.T @ np.abs(each.x))
            found[name] = found.get(name, np.zeros(amount.size)) + amount
    return found
