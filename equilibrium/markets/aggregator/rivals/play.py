"""Best replies in turn, until nobody changes anything: how an equilibrium of aggregators is looked for and proved.

Every reply is the optimum of one leader's problem with its proven bound (:mod:`.reply`), so the proof of a profile is
what its last round computed: nobody could earn more than its bound, whoever the indifferent followers would prefer.

A reply counts on indifferent followers. Where a rival keeps them, the rival would be undercut by less and less until
one of the two has nothing left to give: the loser's prices go there at once (:attr:`.reply.Market.break_even`), and
the winner answers. That ends a price war in two steps; whether what is left is an equilibrium is decided by the proof.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from equilibrium.arrays import FloatArray
from equilibrium.certificate import EXACT_REGRET, NEGLIGIBLE, SAME_PRICE
from equilibrium.deadline import Deadline
from equilibrium.markets.aggregator.rivals.day import Prices, Profile, RivalsDay
from equilibrium.markets.aggregator.rivals.outcome import MarketOutcome, market_outcome
from equilibrium.markets.aggregator.rivals.reply import Market, Reply

STARTS = ("break-even", "alone")
"""Named starts: strangers offer what brings them nothing; or nothing that anybody would take."""

DIGITS = 8
"""Decimal places of a price by which a profile is known again."""


@dataclass(frozen=True, eq=False)
class Played:
    """How the replies from one start ended.

    Attributes
    ----------
    start
        Name of the start.
    ended
        ``settled`` where nobody changed anything, ``cycle`` where profiles came back, ``round limit``, ``node limit``.
    rounds
        Rounds of replies.
    profile, outcomes
        The last prices, and what happens at them.
    profit, bound
        What every aggregator earns, and a proven bound on what it could earn alone, currency, ``(aggregators,)``.
    """

    start: str
    ended: str
    rounds: int
    profile: Profile
    outcomes: tuple[MarketOutcome, ...]
    profit: FloatArray
    bound: FloatArray

    @property
    def regret(self) -> float:
        """Largest proven regret, relative to ``max(1, |profit|)``."""
        return float((np.maximum(self.bound - self.profit, 0.0) / np.maximum(1.0, np.abs(self.profit))).max())


class Play:
    """The game of one day.

    Parameters
    ----------
    day
        Checked.
    gap
        Relative gap of replies where several scenarios are joined; single scenarios are exact.
    rounds
        Rounds of replies from one start.
    deadline
        Limit of all searches together.
    """

    def __init__(self, day: RivalsDay, gap: float, rounds: int, deadline: Deadline) -> None:
        self.day, self._rounds, self._deadline = day, rounds, deadline
        self.markets = tuple(Market(day, number) for number in range(day.size))
        several = any(market.scenarios > 1 for market in day.markets)
        self._gap = gap if several else 0.0

    def start(self, name: str, draw: Callable[[int], FloatArray] | None = None) -> list[list[Prices]]:
        """Return the prices of a start, by aggregator and market.

        Parameters
        ----------
        name
            One of :data:`STARTS`, or any other with ``draw``.
        draw
            Returns numbers from 0 to 1, so many: prices between nothing and their caps.
        """
        found: list[list[Prices]] = []
        for who in range(self.day.size):
            row: list[Prices] = []
            for market in self.markets:
                prices = {price: value.copy() for price, value in market.break_even[who].items()}
                if name == "alone" and who != market.number:
                    prices = _unattractive(market, who)
                if draw is not None:
                    prices = {price: market.caps[who][price] * draw(value.size) for price, value in prices.items()}
                row.append(prices)
            found.append(row)
        return found

    def play(self, name: str, profile: list[list[Prices]]) -> Played:
        """Let everybody reply in turn from a start."""
        seen, ended, rounds = {_key(profile)}, "round limit", 0
        bound = np.zeros(self.day.size)
        for _ in range(self._rounds):
            rounds += 1
            changed, bound = self._round(profile)
            if not changed:
                ended = "settled"
                break
            key = _key(profile)
            if key in seen:
                ended = "cycle"
                break
            seen.add(key)
            if self._deadline.passed:
                ended = self._deadline.what
                break
        outcomes = tuple(self._outcome(market.number, profile) for market in self.markets)
        if ended != "settled":
            bound = self._bounds(profile)
        profit = sum((each.margins for each in outcomes), np.zeros(self.day.size))
        frozen = tuple(tuple(row) for row in profile)
        return Played(name, ended, rounds, frozen, outcomes, profit, bound)

    def _round(self, profile: list[list[Prices]]) -> tuple[bool, FloatArray]:
        """Let everybody reply once, changing ``profile``; return whether anything changed, and the replies' bounds."""
        changed, bound = False, np.zeros(self.day.size)
        for who in range(self.day.size):
            for market in self.markets:
                reply = self._reply(profile, who, market)
                bound[who] += reply.bound
                prices = self._settled(profile, who, market, reply)
                changed |= _differ(prices, profile[who][market.number])
                profile[who][market.number] = prices
        return changed, bound

    def _bounds(self, profile: list[list[Prices]]) -> FloatArray:
        return np.array(
            [sum(self._reply(profile, who, market).bound for market in self.markets) for who in range(self.day.size)]
        )

    def _reply(self, profile: list[list[Prices]], who: int, market: Market) -> Reply:
        offers = [row[market.number] for row in profile]
        gap = self._gap and self._gap * max(1.0, abs(float(self._outcome(market.number, profile).margins[who])))
        return market.reply(who, offers, gap, self._deadline)

    def _settled(self, profile: list[list[Prices]], who: int, market: Market, reply: Reply) -> Prices:
        """Return the prices after a reply: those in hand where they earn as much, so that nobody wanders.

        Prices at which a rival keeps the followers go to where nothing is left.
        """
        number, least = market.number, reply.value - EXACT_REGRET * max(1.0, abs(reply.value))
        now = self._outcome(number, profile)
        if now.margins[who] >= least:
            return self._rested(profile, who, market, traded_with(now, who), least)
        trial = [list(row) for row in profile]
        trial[who][number] = reply.prices
        got = self._outcome(number, trial)
        if got.margins[who] >= least:
            return reply.prices
        traded, prices = traded_with(got, who), dict(reply.prices)
        for name, claimed in reply.claimed.items():
            lost = claimed > traded.get(name, 0.0) + NEGLIGIBLE
            prices[name] = np.where(lost, market.break_even[who][name], prices[name])
        return prices

    def _rested(
        self, profile: list[list[Prices]], who: int, market: Market, traded: Mapping[str, FloatArray], least: float
    ) -> Prices:
        """Return the prices in hand, those that nobody takes at break-even where that costs nothing."""
        number, prices, even = market.number, profile[who][market.number], market.break_even[who]
        rest = {name: np.where(traded.get(name, 0.0) > NEGLIGIBLE, value, even[name]) for name, value in prices.items()}
        for names in (tuple(prices), *((name,) for name in prices)):
            trial = [list(row) for row in profile]
            trial[who][number] = {name: rest[name] if name in names else value for name, value in prices.items()}
            if not _differ(trial[who][number], prices):
                continue
            if self._outcome(number, trial).margins[who] >= least:
                prices = trial[who][number]
        return prices

    def _outcome(self, number: int, profile: Sequence[Sequence[Prices]]) -> MarketOutcome:
        offers = [row[number] for row in profile]
        return market_outcome(self.day, number, self.markets[number].followers, offers)


def traded_with(market: MarketOutcome, who: int) -> dict[str, FloatArray]:
    """Return what is traded at each price of an aggregator, all followers and scenarios together, ``(periods,)``."""
    found: dict[str, FloatArray] = {}
    for each in market.choices:
        part = each.with_whom(who)
        for port, name in each.follower.base.prices.items():
            amount = np.asarray(abs(each.follower.paid[port]).T @ np.abs(part))
            found[name] = found.get(name, np.zeros(amount.size)) + amount
    return found


def _unattractive(market: Market, who: int) -> Prices:
    """Return offers that no follower takes; a uniform price is one for both ways, so there it is at break-even."""
    if market.day.markets[market.number].uniform:
        return dict(market.break_even[who])
    taken = {name for name in market.names if name == "retailer" or name.endswith(" in")}
    return {
        name: np.full(value.size, market.caps[who][name] if name in taken else 0.0)
        for name, value in market.break_even[who].items()
    }


def _differ(one: Prices, other: Prices) -> bool:
    return any(bool((np.abs(one[name] - other[name]) > SAME_PRICE).any()) for name in one)


def _key(profile: Sequence[Sequence[Prices]]) -> tuple[bytes, ...]:
    return tuple(
        np.round(value, DIGITS).tobytes() for row in profile for prices in row for _, value in sorted(prices.items())
    )
