"""The markets of this floor: their models, tables, figures and words.

A new market is one line in :data:`KINDS`, or an entry point in another distribution (:mod:`scenarios.kinds`), whose
object has its kind as the attribute ``market`` (:class:`sim.markets.base.MarketPlugin`).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from equilibrium.errors import InputError
from scenarios.kinds import Kinds, plugins
from sim.markets.base import MarketKind, check_market_kind

KINDS: Mapping[str, str] = {
    "lots-lead": "sim.markets.lots_lead.kind",
    "nodal": "sim.markets.nodal.kind",
    "disco": "sim.markets.disco.kind",
    "aggregator": "sim.markets.aggregator.kind",
    "aggregators": "sim.markets.aggregator.rivals.kind",
    "two-settlement": "sim.markets.two_settlement.kind",
}
"""The module of each of our markets, whose ``KIND`` is its :class:`~sim.markets.base.MarketKind`."""


@cache
def market_kinds() -> Mapping[str, MarketKind[Any, Any]]:
    """Return the kinds of all markets that are installed, by name: :data:`KINDS`, then those of entry points.

    Raises
    ------
    InputError
        When a kind lacks a part, two have one name, or one has another name among the scenarios.
    """
    kinds = Kinds(KINDS, "market", check_market_kind)
    for source, plugin in plugins():
        scenario, market = getattr(plugin, "scenario", None), getattr(plugin, "market", None)
        if getattr(scenario, "name", None) != getattr(market, "name", None):
            expected = f"the name of its scenarios, {getattr(scenario, 'name', None)!r}"
            raise InputError(source, "market.name", getattr(market, "name", None), expected)
    return kinds
