"""The game of posted prices: lots that compete for drivers, its Nash equilibria, and what any posted price forgoes.

Each lot posts one price a kWh for the day; drivers choose by a logit among the lots that have places and an outside
option (:class:`~equilibrium.markets.charging.demand.LogitDemand`); a kWh costs a lot what the market cleared. This is
price competition with differentiated products (Bertrand) and capacities. With one type and room for all, an equilibrium
has the markup ``price - cost = 1 / (b (1 - share))``.

A pure equilibrium need not exist where lots fill (Edgeworth), and with several types there may be several. So what is
published of a point is a certificate: for each lot a proven bound on what any other price would earn. What is published
of the game is what was proved of it: ``complete`` when no equilibrium lies farther than ``within`` from those listed.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from equilibrium.arrays import FloatArray
from equilibrium.certificate import Verdict, largest_gain, verdict
from equilibrium.deadline import Deadline
from equilibrium.games.answer import CERTIFIED, GameVerdict
from equilibrium.markets.charging.demand import LogitDemand
from equilibrium.markets.charging.lot_profits import LotProfits
from equilibrium.markets.charging.price_boxes import WIDTHS, Boxes, joined, remaining, whole
from equilibrium.markets.charging.price_deviation import best_deviation
from equilibrium.markets.charging.price_search import candidates, newton

BOXES = 2000
"""Boxes of prices that a proof that no equilibrium is missing looks at as a matter of course."""

COMPLETE_LOTS = 3
"""Lots up to which such a proof is tried: boxes multiply with every lot."""

_HEAPS_TRIED = 8
"""Heaps of boxes without an equilibrium in which one is looked for before the boxes are cut further."""


@dataclass(frozen=True, eq=False)
class PostedPrices:
    """Posted prices and their certificate.

    Attributes
    ----------
    verdict
        ``exact`` and ``epsilon-nash`` claim an equilibrium, ``kkt-consistent`` does not; ``unproved``: a price is
        outside the range from which its lot chooses.
    prices
        Currency/kWh, shape ``(lots,)``.
    profit
        What each lot earns, currency, ``(lots,)``.
    best_price
        The best price that was found for each lot while the others stay, currency/kWh, ``(lots,)``.
    gain
        What that price earns more, currency, at least 0, ``(lots,)``.
    regret
        Proven bound on what any price would earn more, rounding included, currency, ``(lots,)``.
    relative
        ``regret`` divided by ``max(1, |profit|)``, ``(lots,)``.
    rounding
        The part of ``regret`` that stands for rounding, currency, ``(lots,)``.
    pieces
        Intervals of prices that the proof looked at.
    finished
        False when a limit ended the proof early; the bounds hold all the same.
    """

    verdict: Verdict
    prices: FloatArray
    profit: FloatArray
    best_price: FloatArray
    gain: FloatArray
    regret: FloatArray
    relative: FloatArray
    rounding: FloatArray
    pieces: int
    finished: bool

    @property
    def certified(self) -> bool:
        """Whether the prices are proved to be an equilibrium, exact or within 1e-6 of the profits."""
        return self.verdict in CERTIFIED

    @property
    def worst_regret(self) -> float:
        """Largest regret, currency."""
        return float(self.regret.max())

    @property
    def epsilon(self) -> float:
        """Largest relative regret."""
        return float(self.relative.max())


@dataclass(frozen=True, eq=False)
class PriceEquilibria:
    """What was found and proved of a game of posted prices.

    Attributes
    ----------
    verdict
        That of the first equilibrium; ``no-pure-equilibrium`` where it is proved that none exists, ``none-found`` where
        none was found and nothing is proved.
    equilibria
        All that were found, by rising mean price.
    complete
        True when it is proved that every equilibrium lies within ``within`` of one of these, or that none exists.
    within
        Currency/kWh in each price; infinite where nothing is proved.
    nearest
        Where none was found: the prices with the least regret that were met.
    boxes
        Boxes of prices that were looked at for the proof; 0 where none was asked for.
    seconds
        Wall time.
    """

    verdict: GameVerdict
    equilibria: tuple[PostedPrices, ...]
    complete: bool
    within: float
    nearest: PostedPrices | None
    boxes: int
    seconds: float

    @property
    def certified(self) -> bool:
        """Whether an equilibrium was found and proved."""
        return self.verdict in CERTIFIED


@dataclass(frozen=True, eq=False)
class Yardstick:
    """Posted prices measured against the equilibrium of their day.

    Attributes
    ----------
    posted
        The prices with their regrets: a proven bound, and what a price in hand would have earned more.
    equilibrium
        The equilibrium nearest to them in the largest difference of a price; None where none was found.
    distance
        Posted less equilibrium price, currency/kWh, shape ``(lots,)``; NaN where none was found.
    answer
        All that was found and proved of the game: its verdict, whether it is complete.
    seconds
        Wall time of all of it.
    """

    posted: PostedPrices
    equilibrium: PostedPrices | None
    distance: FloatArray
    answer: PriceEquilibria
    seconds: float

    @property
    def verdict(self) -> GameVerdict:
        """What is proved of the game."""
        return self.answer.verdict

    @property
    def certified(self) -> bool:
        """Whether the equilibrium is proved."""
        return self.equilibrium is not None


class PostedPriceGame:
    """Lots that post a price each and compete for drivers.

    Parameters
    ----------
    demand
        The drivers: their types, and what they like.
    cost
        What a kWh costs a lot, currency/kWh: one number, shape ``(lots,)``, or ``(types, lots)`` where it depends on
        the hours in which a type charges.
    price_min, price_max
        Prices that a lot may post, currency/kWh: one number or shape ``(lots,)``.
    places
        Drivers that a lot can take in the day: one number or shape ``(lots,)``; infinite for a lot that never fills.
    names
        Names of the lots.

    Attributes
    ----------
    profits
        The lots' profits as functions of the prices.

    Raises
    ------
    InputError
        For a lot without places or without a price to choose, a shape that does not fit, a number that is none.

    References
    ----------
    S. P. Anderson, A. de Palma, J.-F. Thisse, *Discrete Choice Theory of Product Differentiation*, MIT Press, 1992.
    D. M. Kreps, J. A. Scheinkman, "Quantity precommitment and Bertrand competition yield Cournot outcomes", Bell
    Journal of Economics 14(2), 326-337, 1983, for capacities and games without a pure equilibrium.
    """

    def __init__(
        self,
        demand: LogitDemand,
        *,
        cost: ArrayLike,
        price_min: ArrayLike,
        price_max: ArrayLike,
        places: ArrayLike = np.inf,
        names: Sequence[str] = (),
    ) -> None:
        self.profits = LotProfits.of(demand, cost, price_min, price_max, places, names)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the lots."""
        return self.profits.names

    def admitted(self, prices: ArrayLike) -> FloatArray:
        """Return how many drivers of each type each lot admits at posted prices, shape ``(types, lots)``."""
        admitted: FloatArray = self._demand(self.profits.check_prices(prices))
        return admitted

    def _demand(self, prices: FloatArray) -> FloatArray:
        return self.profits.demand.admitted(prices[None], self.profits.places)[0]

    def profit(self, prices: ArrayLike) -> FloatArray:
        """Return what each lot earns at posted prices, currency, shape ``(lots,)``."""
        profit: FloatArray = self.profits.profits(self.profits.check_prices(prices)[None])[0]
        return profit

    def regret(self, prices: ArrayLike, *, deadline: Deadline | None = None) -> PostedPrices:
        """Bound what each lot could gain alone by another price than the posted one.

        Parameters
        ----------
        prices
            Currency/kWh, shape ``(lots,)``.
        deadline
            Limit of the proof, its nodes are intervals of prices; none by default.

        Raises
        ------
        InputError
            For another shape, or a number that is none.
        """
        game, posted = self.profits, self.profits.check_prices(prices)
        limit = deadline or Deadline()
        profit = game.profits(posted[None])[0]
        best = [best_deviation(game, lot, posted, limit) for lot in range(game.lots)]
        regret = np.array([largest_gain(-earned, -each.bound) for earned, each in zip(profit, best, strict=True)])
        relative = regret / np.maximum(1.0, np.abs(profit))
        outside = np.maximum(game.price_min - posted, posted - game.price_max) / (1.0 + np.abs(posted))
        return PostedPrices(
            verdict=verdict(np.maximum(outside, 0.0), relative),
            prices=posted,
            profit=profit,
            best_price=np.array([each.price for each in best]),
            gain=np.maximum([each.profit for each in best] - profit, 0.0),
            regret=regret,
            relative=relative,
            rounding=np.array([each.rounding for each in best]),
            pieces=sum(each.pieces for each in best),
            finished=all(each.finished for each in best),
        )

    def solve(
        self, *, starts: Sequence[ArrayLike] = (), boxes: int = BOXES, deadline: Deadline | None = None
    ) -> PriceEquilibria:
        """Find equilibria, each with its certificate, and prove where few lots play that there is no other.

        Parameters
        ----------
        starts
            Prices from which the search starts too, each of shape ``(lots,)``.
        boxes
            Boxes of prices that the proof that none is missing may look at; 0 for no such proof. With more than
            three lots none is tried.
        deadline
            Limit of the certificates.

        Raises
        ------
        InputError
            For a start of another shape, or with a number that is none.
        """
        begin = time.perf_counter()
        given = [self.profits.check_prices(start) for start in starts]
        points = [self.regret(prices, deadline=deadline) for prices in candidates(self.profits, given)]
        allowed = boxes if self.profits.lots <= COMPLETE_LOTS else 0
        budget = Deadline(nodes=allowed)
        points, within = self._completed(points, budget) if allowed > 0 else (points, np.inf)
        found = sorted((point for point in points if point.certified), key=lambda point: float(point.prices.mean()))
        complete = bool(np.isfinite(within))
        none = GameVerdict.NO_PURE_EQUILIBRIUM if complete else GameVerdict.NONE_FOUND
        return PriceEquilibria(
            verdict=GameVerdict(str(found[0].verdict)) if found else none,
            equilibria=tuple(found),
            complete=complete,
            within=within,
            nearest=None if found else min(points, key=lambda point: point.epsilon, default=None),
            boxes=int(allowed - budget.nodes_left),
            seconds=time.perf_counter() - begin,
        )

    def _completed(self, points: list[PostedPrices], budget: Deadline) -> tuple[list[PostedPrices], float]:
        """Return the points with those found on the way, and how far from them equilibria may lie, infinite unproved."""
        game, left, within = self.profits, whole(self.profits), 0.0
        for width in WIDTHS:
            heaps = remaining(game, left, width, budget)
            if heaps is None:
                return points, np.inf
            empty = []
            for number, heap in enumerate(heaps):
                if not _held(points, heap) and number < _HEAPS_TRIED:
                    tried = newton(game, np.mean(heap.hull, axis=0))
                    points = points if tried is None else [*points, self.regret(tried)]
                inside = _held(points, heap)
                within = max([within, *(min(map(heap.farthest, inside)),)] if inside else [within])
                empty += [] if inside else [heap]
            if not empty:
                return points, within
            left = joined(empty)
        return points, np.inf

    def measure(self, posted: ArrayLike, *, answer: PriceEquilibria | None = None, boxes: int = 0) -> Yardstick:
        """Measure posted prices against the equilibrium.

        Parameters
        ----------
        posted
            Currency/kWh, shape ``(lots,)``.
        answer
            What :meth:`solve` returned for this game; solved here where it is not given, from the posted prices too.
        boxes
            As in :meth:`solve`, where it is called.

        Raises
        ------
        InputError
            For another shape, or a number that is none.
        """
        begin = time.perf_counter()
        judged = self.regret(posted)
        known = answer if answer is not None else self.solve(starts=[judged.prices], boxes=boxes)
        nearest = min(known.equilibria, key=lambda point: float(np.abs(point.prices - judged.prices).max()), default=None)
        distance = judged.prices - nearest.prices if nearest is not None else np.full(judged.prices.size, np.nan)
        return Yardstick(judged, nearest, distance, known, time.perf_counter() - begin)


def _held(points: Sequence[PostedPrices], heap: Boxes) -> list[FloatArray]:
    """Return the prices of those equilibria that lie in a heap of boxes."""
    return [point.prices for point in points if point.certified and heap.hold(point.prices)]
