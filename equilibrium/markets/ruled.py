"""A market under a rule of one's own: a price cap, a fee, a limit on power.

A rule may act in two places. What it changes *before* the market clears (:meth:`MarketRule.before`) is part of the game
that is cleared, so the certificate is that of the game with the rule. What it changes *afterwards*
(:meth:`MarketRule.after`), for instance the prices that are settled, changes what the players earn without their having
answered it: then nothing is proved of the game with the rule, and the certificate says so.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any, Generic, TypeVar, cast

from equilibrium.certificate import Certificate, Verdict
from equilibrium.errors import InputError
from equilibrium.markets.base import Cleared, Market

Day = TypeVar("Day")
Result = TypeVar("Result", bound=Cleared)


class MarketRule(Generic[Day, Result]):
    """A rule that changes a market's day, its outcome, or both; each method changes nothing until it is overridden.

    Attributes
    ----------
    name
        One line for the certificate, for instance ``"charging prices of at most 0.40 EUR/kWh"``.
    """

    name: str = "a rule without a name"

    def before(self, day: Day) -> Day:
        """Return the day that the market clears; must not change ``day`` in place."""
        return day

    def after(self, day: Day, cleared: Result) -> Result:
        """Return the outcome that is settled and published; ``day`` is what was cleared.

        Returning ``cleared`` itself leaves its certificate. Another outcome is published without proof: its verdict
        is ``unproved`` and a note names the rule.
        """
        del day
        return cleared


class RuledMarket(Generic[Day, Result]):
    """A market and a rule; itself a :class:`equilibrium.markets.base.Market`.

    Parameters
    ----------
    market
        The market that clears.
    rule
        The rule.

    Examples
    --------
    >>> class Cap(MarketRule):
    ...     name = "charging prices of at most 0.40 per kWh"
    ...     def before(self, day):
    ...         capped = [lot.charging_price.clip(max=0.40) for lot in day.lots]
    ...         lots = [dataclasses.replace(lot, charging_price=price) for lot, price in zip(day.lots, capped)]
    ...         return dataclasses.replace(day, lots=tuple(lots))
    """

    def __init__(self, market: Market[Day, Result], rule: MarketRule[Day, Result]) -> None:
        self._market = market
        self._rule = rule

    def prepare(self, day: Day, /) -> None:
        """Make a typical day the start, with the rule applied to it."""
        self._market.prepare(self._rule.before(day))

    def clear(self, day: Day, /) -> Result:
        """Clear the rule's game and say in the certificate what is proved of it.

        Raises
        ------
        InputError
            When the rule returns an outcome whose certificate cannot be replaced (not a dataclass).
        """
        changed = self._rule.before(day)
        cleared = self._market.clear(changed)
        outcome = self._rule.after(changed, cleared)
        if outcome is cleared:
            return self._certified(
                outcome, noted(cleared.certificate, f"the game includes the rule: {self._rule.name}")
            )
        return self._certified(outcome, withdrawn(cleared.certificate, self._rule.name))

    def close(self) -> None:
        """Close the market."""
        self._market.close()

    def _certified(self, outcome: Result, certificate: Certificate) -> Result:
        """Return the outcome with another certificate."""
        if not dataclasses.is_dataclass(outcome) or isinstance(outcome, type):
            raise InputError(f"rule {self._rule.name}", "outcome", type(outcome).__name__, "a dataclass")
        return cast("Result", dataclasses.replace(cast("Any", outcome), certificate=certificate))


def noted(certificate: Certificate, note: str) -> Certificate:
    """Return the certificate with one more note."""
    return dataclasses.replace(certificate, notes=(*certificate.notes, note))


def withdrawn(certificate: Certificate, rule: str) -> Certificate:
    """Return what is left of a certificate when a rule has changed the outcome after the proof: nothing is claimed."""
    note = f"certificate withdrawn: the rule '{rule}' changed the outcome after the market had cleared"
    nobody = tuple(math.inf for _ in certificate.regret)
    return dataclasses.replace(
        noted(certificate, note),
        verdict=Verdict.UNPROVED,
        primal=math.nan,
        dual=math.nan,
        complementarity=math.nan,
        gap=math.nan,
        regret=nobody,
        attained=tuple(False for _ in certificate.attained),
        worst_regret=math.inf,
        epsilon=math.inf,
        second=None,
    )
