"""The equilibrium beside the competitive outcome: what market power moves, withholds and costs."""

from __future__ import annotations

from typing import Any

import numpy as np

from equilibrium.arrays import FloatArray
from equilibrium.grid.network import Network
from equilibrium.markets.charging.day import MarketDay
from equilibrium.markets.charging.lots import subscription_payments
from equilibrium.markets.nodal.efficient import Efficient
from equilibrium.markets.nodal.prices import PublishedPrices


def compare(
    network: Network,
    day: MarketDay,
    welfare: Efficient,
    dispatch: dict[str, Any],
    prices: PublishedPrices,
    charging_price: FloatArray,
) -> dict[str, Any]:
    """Return the fields of a :class:`~.NodalClearing` that set it beside the welfare optimum.

    Parameters
    ----------
    welfare
        The competitive outcome.
    dispatch, prices
        What was cleared, as from :func:`equilibrium.markets.charging.dispatch.read_dispatch`, and at which prices.
    charging_price
        F_t of every lot, currency/kWh, shape ``(hours, lots)``.
    """
    length, competitive = day.length_h[:, None], welfare.dlmp[:, [site.bus for site in network.lots]]
    energy, energy_there = length * dispatch["lot_kw"], length * welfare.power
    payment = (prices.price * energy).sum(axis=0)
    drawn, drawn_there = energy.sum(axis=0), energy_there.sum(axis=0)
    paid_there = (competitive * energy_there).sum(axis=0)
    shifted = 0.5 * (np.abs(energy - energy_there).sum(axis=0) - np.abs(drawn - drawn_there))
    load_payment = float((dispatch["dlmp"] * (length * day.load_kw)).sum())
    receipts = sum(
        float((dispatch["dlmp"][:, [unit.bus for unit in units]] * (length * dispatch[name])).sum())
        for units, name in ((network.microturbines, "microturbine_kw"), (network.renewables, "renewable_kw"))
    )
    trade = dispatch["network_cost"] - dispatch["fuel_cost"]
    above = subscription_payments(network.lots, dispatch["lot_kw"], day.length_h)
    above_there = subscription_payments(network.lots, welfare.power, day.length_h)
    value = float((charging_price * energy).sum() - above.sum()) - dispatch["network_cost"]
    return {
        "lot_payment": payment,
        "value_optimistic": _earned(charging_price - prices.low, energy) - above,
        "value_pessimistic": _earned(charging_price - prices.high, energy) - above,
        "competitive_kw": welfare.power,
        "competitive_dlmp": welfare.dlmp,
        "competitive_profit": ((charging_price - competitive) * energy_there).sum(axis=0) - above_there,
        "competitive_cost": welfare.network_cost,
        "markdown": _mean(paid_there, drawn_there) - _mean(payment, drawn),
        "shifted_kwh": np.maximum(shifted, 0.0),
        "withheld_kwh": np.maximum(drawn_there - drawn, 0.0),
        "load_payment": load_payment,
        "network_surplus": load_payment + float(payment.sum()) - receipts - trade,
        "price_of_anarchy": -welfare.system_cost / value if value > 0.0 else np.nan,
    }


def _earned(margin: FloatArray, energy: FloatArray) -> FloatArray:
    """Return what each lot earns; an infinite margin on no energy is nothing."""
    return np.asarray((np.where(energy > 0.0, margin, 0.0) * energy).sum(axis=0))


def _mean(money: FloatArray, energy: FloatArray) -> FloatArray:
    """Return money per energy, 0 where there is no energy."""
    return np.divide(money, energy, out=np.zeros_like(money), where=energy > 0.0)
