"""What comes out of a game of posted prices: points with their certificates, and what was proved of the game."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from equilibrium.arrays import FloatArray
from equilibrium.certificate import Verdict, largest_gain, verdict
from equilibrium.games.answer import CERTIFIED, GameVerdict
from equilibrium.markets.charging.lot_profits import LotProfits
from equilibrium.markets.charging.price_deviation import Deviation


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
        return GameVerdict(str(self.verdict)) in CERTIFIED

    @property
    def worst_regret(self) -> float:
        """Largest regret, currency."""
        return float(self.regret.max())

    @property
    def epsilon(self) -> float:
        """Largest relative regret."""
        return float(self.relative.max())


@dataclass(frozen=True)
class Completeness:
    """What is proved of equilibria beside those in hand.

    Attributes
    ----------
    within
        None lies farther from one in hand, currency/kWh in each price; infinite where nothing is proved.
    counted
        Whether there is none beside them at all.
    """

    within: float
    counted: bool


NOT_PROVED = Completeness(np.inf, counted=False)
"""Nothing is proved of other equilibria."""


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
    counted
        True when it is proved as well that there are no more than these: at most one within ``within`` of each. That is
        tried where no lot fills.
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
    counted: bool
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


def judged(game: LotProfits, prices: FloatArray, best: list[Deviation]) -> PostedPrices:
    """Put the verdict on posted prices.

    Parameters
    ----------
    game
        The lots and their drivers.
    prices
        Currency/kWh, shape ``(lots,)``.
    best
        Each lot's best deviation, proved.
    """
    (profit,) = game.profits(prices[None])
    regret = np.array([largest_gain(-earned, -each.bound) for earned, each in zip(profit, best, strict=True)])
    relative = regret / np.maximum(1.0, np.abs(profit))
    outside = np.maximum(game.price_min - prices, prices - game.price_max) / (1.0 + np.abs(prices))
    return PostedPrices(
        verdict=verdict(np.maximum(outside, 0.0), relative),
        prices=prices,
        profit=profit,
        best_price=np.array([each.price for each in best]),
        gain=np.maximum([each.profit for each in best] - profit, 0.0),
        regret=regret,
        relative=relative,
        rounding=np.array([each.rounding for each in best]),
        pieces=sum(each.pieces for each in best),
        finished=all(each.finished for each in best),
    )


def told(points: list[PostedPrices], proof: Completeness, *, looked: int, seconds: float) -> PriceEquilibria:
    """Say what was found: the equilibria among points, or that there is none, or that none was found."""
    complete = bool(np.isfinite(proof.within))
    found = sorted((point for point in points if point.certified), key=lambda point: float(point.prices.mean()))
    none = GameVerdict.NO_PURE_EQUILIBRIUM if complete else GameVerdict.NONE_FOUND
    return PriceEquilibria(
        verdict=GameVerdict(str(found[0].verdict)) if found else none,
        equilibria=tuple(found),
        complete=complete,
        within=proof.within,
        counted=proof.counted,
        nearest=None if found else min(points, key=lambda point: point.epsilon, default=None),
        boxes=looked,
        seconds=seconds,
    )
