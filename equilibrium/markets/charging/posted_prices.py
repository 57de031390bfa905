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

import numpy as np
from numpy.typing import ArrayLike

from equilibrium.arrays import FloatArray
from equilibrium.deadline import Deadline
from equilibrium.markets.charging.demand import LogitDemand
from equilibrium.markets.charging.lot_profits import LotProfits
from equilibrium.markets.charging.price_boxes import WIDTHS, Boxes, joined, remaining, unbeaten, whole
from equilibrium.markets.charging.price_count import at_most_one
from equilibrium.markets.charging.price_deviation import best_deviation
from equilibrium.markets.charging.price_grid import PROFILES, check_grids, grid_equilibria, grid_regret
from equilibrium.markets.charging.price_points import (
    NOT_PROVED,
    Completeness,
    PostedPrices,
    PriceEquilibria,
    Yardstick,
    judged,
    told,
)
from equilibrium.markets.charging.price_search import candidates, newton

BOXES = 20_000
"""Boxes of prices that a proof that no equilibrium is missing looks at as a matter of course."""

COMPLETE_LOTS = 4
"""Lots up to which such a proof is tried: boxes multiply with every lot."""

_HEAPS_TRIED = 8
"""Heaps of boxes without an equilibrium in which one is looked for before the boxes are cut further."""


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
        The lots' profits as functions of the prices, types that choose alike gathered.

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
        self.profits = LotProfits.of(demand, cost, price_min, price_max, places, names).gathered()
        self._demand = demand

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the lots."""
        return self.profits.names

    def admitted(self, prices: ArrayLike) -> FloatArray:
        """Return how many drivers of each type each lot admits at posted prices, shape ``(types, lots)``."""
        posted = self.profits.check_prices(prices)
        admitted: FloatArray
        (admitted,) = self._demand.admitted(posted[None], self.profits.places)
        return admitted

    def profit(self, prices: ArrayLike) -> FloatArray:
        """Return what each lot earns at posted prices, currency, shape ``(lots,)``."""
        profit: FloatArray
        (profit,) = self.profits.profits(self.profits.check_prices(prices)[None])
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
        return judged(game, posted, [best_deviation(game, lot, posted, limit) for lot in range(game.lots)])

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
            four lots none is tried.
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
        points, proof = self._completed(points, budget) if allowed > 0 else (points, NOT_PROVED)
        looked, seconds = int(allowed - budget.nodes_left), time.perf_counter() - begin
        return told(points, proof, looked=looked, seconds=seconds)

    def _completed(self, points: list[PostedPrices], budget: Deadline) -> tuple[list[PostedPrices], Completeness]:
        """Return the points with those found on the way, and what is proved of others."""
        game, left, within, counted = self.profits, whole(self.profits), 0.0, True
        for width in WIDTHS:
            heaps = remaining(game, left, width, budget)
            if heaps is None:
                return points, NOT_PROVED
            empty = []
            for number, heap in enumerate(heaps):
                if not _held(points, heap) and number < _HEAPS_TRIED:
                    tried = newton(game, np.mean(heap.hull, axis=0))
                    points = [*points, self.regret(tried)] if tried is not None and heap.hold(tried) else points
                inside = _held(points, heap)
                if not inside:
                    heap = unbeaten(game, heap) if number < _HEAPS_TRIED else heap
                    empty += [heap] if heap.low.size else []
                    continue
                within = max(within, min(map(heap.farthest, inside)))
                counted = counted and len(inside) == 1 and at_most_one(game, *heap.hull)
            if not empty:
                return points, Completeness(within, counted)
            left = joined(empty)
        return points, NOT_PROVED

    def solve_on_grid(self, grids: Sequence[ArrayLike], *, profiles: int = PROFILES) -> PriceEquilibria:
        """Find all pure equilibria of the game in which each lot chooses one of a few prices.

        Parameters
        ----------
        grids
            Prices of each lot, currency/kWh, one sequence a lot; they need not lie between its ends.
        profiles
            Combinations of prices up to which every one is looked at, and the answer is complete. With more, best
            responses in turn find equilibria, and nothing is proved of others.

        Raises
        ------
        InputError
            For a number of grids that is not that of the lots, a grid without prices, a number that is none.
        """
        return grid_equilibria(self.profits, check_grids(self.profits, grids), profiles)

    def regret_on_grid(self, prices: ArrayLike, grids: Sequence[ArrayLike]) -> PostedPrices:
        """Return what each lot could gain alone by another price of its grid.

        Parameters
        ----------
        prices
            Currency/kWh, shape ``(lots,)``.
        grids
            As in :meth:`solve_on_grid`.

        Raises
        ------
        InputError
            As there, and for posted prices of another shape or with a number that is none.
        """
        grid = check_grids(self.profits, grids)
        return grid_regret(self.profits, grid, self.profits.check_prices(prices))

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
        point = self.regret(posted)
        known = answer if answer is not None else self.solve(starts=[point.prices], boxes=boxes)
        nearest = min(known.equilibria, key=lambda each: float(np.abs(each.prices - point.prices).max()), default=None)
        distance = point.prices - nearest.prices if nearest is not None else np.full(point.prices.size, np.nan)
        return Yardstick(point, nearest, distance, known, time.perf_counter() - begin)


def _held(points: Sequence[PostedPrices], heap: Boxes) -> list[FloatArray]:
    """Return the prices of those equilibria that lie in a heap of boxes."""
    return [point.prices for point in points if point.certified and heap.hold(point.prices)]
