"""What holds at every cleared day of the nodal market, beyond the statements about every market of charging lots."""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np

from equilibrium.arrays import FloatArray
from equilibrium.certificate import RESIDUAL_TOLERANCE
from equilibrium.grid.network import Network
from equilibrium.invariants import PUBLISHED_TOLERANCE, Invariant, most, outside
from equilibrium.markets.charging import invariants as charging
from equilibrium.markets.charging.day import MarketDay
from equilibrium.markets.charging.invariants import price_scale
from equilibrium.markets.charging.lots import stacked, subscription_payments
from equilibrium.markets.nodal.clearing import NodalClearing

Nodal: TypeAlias = Invariant[MarketDay, NodalClearing]

MODULE = "equilibrium/markets/nodal/clearing.py"


def _buses(network: Network) -> list[int]:
    return [site.bus for site in network.lots]


def _charged(network: Network, day: MarketDay, power: FloatArray) -> FloatArray:
    """Return what drivers pay for charging powers, network charges off, currency, shape ``(lots,)``."""
    paid: FloatArray = day.length_h @ (stacked(day.lots, "net_price", day.hours) * power)
    return paid - subscription_payments(network.lots, power, day.length_h)


def _at_bus(network: Network, day: MarketDay, cleared: NodalClearing) -> float:
    return most(abs(cleared.lot_price - cleared.dlmp[:, _buses(network)])) / price_scale(day, cleared)


def _interval(network: Network, day: MarketDay, cleared: NodalClearing) -> float:  # noqa: ARG001 - the same for all
    beyond = outside(cleared.lot_price, cleared.lot_price_low, cleared.lot_price_high)
    return most(beyond) / price_scale(day, cleared)


def _values(network: Network, day: MarketDay, cleared: NodalClearing) -> float:  # noqa: ARG001 - the same for all
    profit, scale = cleared.lot_profit, np.maximum(1.0, abs(cleared.lot_profit))
    return most(outside(profit, cleared.value_pessimistic, cleared.value_optimistic) / scale)


def _paid(network: Network, day: MarketDay, cleared: NodalClearing) -> float:
    lots = day.length_h @ (cleared.lot_price * cleared.lot_kw)
    load = float((day.length_h @ (cleared.dlmp * (day.load_kw - cleared.shed_kw))).sum())
    units = (
        (day.length_h @ (cleared.microturbine_kw * cleared.dlmp[:, [unit.bus for unit in network.microturbines]])).sum()
        + (day.length_h @ (cleared.renewable_kw * cleared.dlmp[:, [unit.bus for unit in network.renewables]])).sum()
        + cleared.network_cost
        - cleared.fuel_cost
    )
    surplus = load + float(lots.sum()) - float(units)
    errors = abs(cleared.lot_payment - lots), abs(cleared.load_payment - load), abs(cleared.network_surplus - surplus)
    return most(*errors) / most(1.0, abs(lots), abs(load), abs(float(units)))


def _competition(network: Network, day: MarketDay, cleared: NodalClearing) -> float:
    price = cleared.competitive_dlmp[:, _buses(network)]
    profit = _charged(network, day, cleared.competitive_kw) - day.length_h @ (price * cleared.competitive_kw)
    best = float(_charged(network, day, cleared.competitive_kw).sum()) - cleared.competitive_cost
    reached = float(_charged(network, day, cleared.lot_kw).sum()) - cleared.network_cost
    scale = most(1.0, abs(best), abs(reached), abs(profit))
    anarchy = 0.0 if math.isnan(cleared.price_of_anarchy) else abs(cleared.price_of_anarchy * reached - best)
    return most(abs(cleared.competitive_profit - profit), max(reached - best, 0.0), anarchy) / scale


def _moved(network: Network, day: MarketDay, cleared: NodalClearing) -> float:  # noqa: ARG001 - the same for all
    here, there = day.length_h[:, None] * cleared.lot_kw, day.length_h[:, None] * cleared.competitive_kw
    less = (there - here).sum(axis=0)
    withheld, shifted = np.maximum(less, 0.0), 0.5 * (abs(here - there).sum(axis=0) - abs(less))
    scale = most(1.0, here.sum(axis=0), there.sum(axis=0))
    return most(abs(cleared.withheld_kwh - withheld), abs(cleared.shifted_kwh - shifted)) / scale


OWN: tuple[Nodal, ...] = (
    Invariant("lot-price", "a lot pays the DLMP at its bus", MODULE, RESIDUAL_TOLERANCE, _at_bus),
    Invariant(
        "price-interval",
        "the price that a lot pays lies in the interval of the prices that support the dispatch",
        MODULE,
        PUBLISHED_TOLERANCE,
        _interval,
    ),
    Invariant(
        "profit-interval",
        "a lot's profit lies between its profits at both ends of the interval",
        MODULE,
        PUBLISHED_TOLERANCE,
        _values,
    ),
    Invariant(
        "money-balance",
        "load and lots pay what generators and the wholesale market receive and what the operator keeps",
        "balance of payments at the DLMPs",
        RESIDUAL_TOLERANCE,
        _paid,
    ),
    Invariant(
        "competition",
        "the competitive outcome is priced at its own DLMPs, and no value is above its value",
        "first welfare theorem",
        PUBLISHED_TOLERANCE,
        _competition,
    ),
    Invariant(
        "market-power",
        "withheld is what is not drawn of the competitive schedule, shifted what is drawn at other times",
        MODULE,
        RESIDUAL_TOLERANCE,
        _moved,
    ),
)

INVARIANTS: tuple[Nodal, ...] = (*charging.INVARIANTS, *OWN)
