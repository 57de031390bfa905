"""The markets of this floor: their models, tables, figures and words.

A new market is one line in :data:`KINDS`, or an entry point in another distribution (:mod:`scenarios.kinds`), whose
object has its kind as the attribute ``market`` (:class:`sim.markets.base.MarketPlugin`).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from equilibrium.errors import InputError
from scenarios.kinds import plugins, with_plugins
from sim.markets.aggregator.kind import KIND as AGGREGATOR
from sim.markets.aggregator.rivals.kind import KIND as AGGREGATORS
from sim.markets.base import MarketKind, check_market_kind
from sim.markets.disco.kind import KIND as DISCO
from sim.markets.lots_lead.kind import KIND as LOTS_LEAD
from sim.markets.nodal.kind import KIND as NODAL
from sim.markets.two_settlement.kind import KIND as TWO_SETTLEMENT

KINDS: tuple[MarketKind[Any, Any], ...] = (LOTS_LEAD, NODAL, DISCO, AGGREGATOR, AGGREGATORS, TWO_SETTLEMENT)


@cache
def market_kinds() -> Mapping[str, MarketKind[Any, Any]]:
    """Return the kinds of all markets that are installed, by name: :data:`KINDS`, then those of entry points.

    Raises
    ------
    InputError
        When a kind lacks a part, two have one name, or one has another name among the scenarios.
    """
    kinds = with_plugins(KINDS, "market", check_market_kind)
    for source, plugin in plugins():
        scenario, market = getattr(plugin, "scenario", None), getattr(plugin, "market", None)
        if getattr(scenario, "name", None) != getattr(market, "name", None):
            expected = f"the name of its scenarios, {getattr(scenario, 'name', None)!r}"
            raise InputError(source, "market.name", getattr(market, "name", None), expected)
    return kinds
