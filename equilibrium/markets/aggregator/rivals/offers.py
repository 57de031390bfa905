"""A follower with several offers: its own program, each traded quantity split among those who offer.

The parts of a quantity add up to it; each part has the prices of one aggregator, and those of strangers the wheeling
fee. So a follower is still one linear program, and for each aggregator a :class:`.followers.Follower` in which its own
prices are open and those of the others are given: all that is known of one leader holds for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp

from equilibrium.arrays import FloatArray, IntArray
from equilibrium.markets.aggregator.day import AggregatorDay
from equilibrium.markets.aggregator.followers import Follower, followers
from equilibrium.markets.aggregator.rivals.day import Prices, RivalsDay
from equilibrium.programs.program import INF, Instance, Program, ProgramBuilder

RESERVE_PORT = "price_reserve"
"""The one price that is not paid for energy."""


@dataclass(frozen=True, eq=False)
class Offered:
    """A follower that everybody makes offers to.

    Attributes
    ----------
    base
        As it is without rivals.
    program
        With parts; the columns of ``base`` come first, at the same places.
    traded
        Columns of ``base`` that have a price.
    paid
        What a unit of each traded column costs the follower per unit of each price, by port, shape
        ``(traded, periods)``.
    fee
        Wheeling fee of a unit of each traded column, currency, shape ``(traded,)``.
    worth
        What a unit of each traded column is worth upstream to each aggregator, shape ``(aggregators, traded)``.
    home
        Its own aggregator.
    """

    base: Follower
    program: Program
    traded: IntArray
    paid: Mapping[str, sp.csr_array]
    fee: FloatArray
    worth: FloatArray
    home: int

    def part(self, who: int) -> IntArray:
        """Return the columns that hold what is traded with an aggregator, in the order of :attr:`traded`."""
        return self.program.columns[f"part {who}"].index

    def at(self, offers: Sequence[Prices]) -> Instance:
        """Return its program at everybody's prices, in the order of the aggregators."""
        return self.program.bind(self._ports(offers, range(len(offers))))

    def view(self, who: int, offers: Sequence[Prices]) -> Follower:
        """Return what aggregator ``who`` leads: its own prices open, those of the others given."""
        worth = np.zeros(self.program.shape[1])
        worth[self.part(who)] = self.worth[who]
        return replace(
            self.base,
            program=self.program,
            given=self._ports(offers, [other for other in range(len(offers)) if other != who]),
            prices={f"{port} {who}": name for port, name in self.base.prices.items()},
            worth=worth,
        )

    def payments(self, x: FloatArray, who: int, prices: Prices) -> dict[str, FloatArray]:
        """Return what the follower pays an aggregator for each traded column, by port, shape ``(traded,)`` each."""
        part = x[self.part(who)]
        return {port: (self.paid[port] @ prices[name]) * part for port, name in self.base.prices.items()}

    def _ports(self, offers: Sequence[Prices], whose: Sequence[int]) -> dict[str, FloatArray]:
        return {f"{port} {who}": offers[who][name] for who in whose for port, name in self.base.prices.items()}


def offered(day: RivalsDay, market: int) -> tuple[Offered, ...]:
    """Return the followers of one aggregator with offers of all of them."""
    return _offered(day, market, [day.seen_by(who, market) for who in range(day.size)])


def offered_in(day: RivalsDay, market: int, period: int) -> tuple[Offered, ...]:
    """Return the generators and the retailer of one aggregator in one period, the first and only one."""
    return _offered(day, market, [_in_period(day.seen_by(who, market), period) for who in range(day.size)])


def _offered(day: RivalsDay, market: int, seen: Sequence[AggregatorDay]) -> tuple[Offered, ...]:
    return tuple(_one(day, market, each) for each in zip(*(followers(each) for each in seen), strict=True))


def _in_period(day: AggregatorDay, period: int) -> AggregatorDay:
    """Return one period of a day without its lots, which no period can do without the others."""
    at, retailer = slice(period, period + 1), day.retailer
    return replace(
        day,
        energy_price=day.energy_price[at],
        reserve_price=day.reserve_price[at],
        call_probability=day.call[at],
        lots=(),
        retailer=replace(retailer, load_kw=retailer.load_kw[at], price=retailer.price[at]),
        period_h=day.length_h[at],
    )


def _one(day: RivalsDay, home: int, seen: Sequence[Follower]) -> Offered:
    """Split the traded columns of a follower, which every aggregator sees with its own worth."""
    base = seen[home]
    given, costs = base.unpriced(), sp.csc_array(base.program.cost_port)
    blocks = {port: sp.csr_array(costs[:, base.program.ports[port].slice]) for port in base.prices}
    traded = np.flatnonzero(sum(np.diff(block.indptr) for block in blocks.values()))
    paid = {port: sp.csr_array(block[traded]) for port, block in blocks.items()}
    energy = np.zeros(traded.size)
    for port, block in paid.items():
        if port != RESERVE_PORT:
            energy += abs(block).sum(axis=1)
    fee = (day.wheeling if np.isfinite(day.wheeling) else 0.0) * energy
    program = _with_parts(base, given, traded, paid, fee, [who == home for who in range(day.size)], day.wheeling)
    return Offered(base, program, traded, paid, fee, np.array([each.worth[traded] for each in seen]), home)


def _with_parts(
    base: Follower,
    given: Instance,
    traded: IntArray,
    paid: Mapping[str, sp.csr_array],
    fee: FloatArray,
    own: Sequence[bool],
    wheeling: float,
) -> Program:
    build, position = ProgramBuilder(), 0
    # Parts are not negative, so neither is their sum: that bound would only add a multiplier that is not unique.
    open_below = np.zeros(given.shape[1], dtype=bool)
    open_below[traded] = (given.col_lower[traded] == 0.0) & (given.col_upper[traded] > 0.0)
    lower = np.where(open_below, -INF, given.col_lower)
    for name, block in base.program.columns.items():
        at = slice(position, position + block.size)
        shaped = [side[at].reshape(block.shape) for side in (lower, given.col_upper, given.cost)]
        build.columns(name, block.shape, lower=shaped[0], upper=shaped[1], cost=shaped[2])
        position += block.size
    if given.shape[0]:
        rows = build.rows("own", (given.shape[0],), lower=given.row_lower, upper=given.row_upper)
        build.block(rows, np.arange(position), given.matrix)
    split = build.rows("split", (traded.size,), lower=0.0, upper=0.0)
    build.coefficients(split, traded, 1.0)
    nothing = given.col_upper[traded] <= 0.0
    for who, home in enumerate(own):
        most = np.where(nothing | (not home and not np.isfinite(wheeling)), 0.0, INF)
        part = build.columns(f"part {who}", (traded.size,), upper=most, cost=0.0 if home else fee)
        build.coefficients(split, part, -1.0)
        for port, block in paid.items():
            entries = sp.coo_array(block)
            prices = build.port(f"{port} {who}", (block.shape[1],))
            build.cost_ports(part[entries.row], prices[entries.col], entries.data)
    return build.compile()
