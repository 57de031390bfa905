"""What everybody earns: the followers' profits with the constants that their decisions do not change, (20) and (25)."""

from __future__ import annotations

import numpy as np

from equilibrium.arrays import FloatArray
from equilibrium.markets.aggregator.day import FIX1, FIX2, FLEX1, FLEX2, AggregatorDay, Lot
from equilibrium.markets.aggregator.pools import by_period, departing_kwh, fixed_kwh
from equilibrium.markets.aggregator.reaction import Reaction


def payment(reaction: Reaction) -> float:
    """Return what a follower pays the aggregator at the posted prices, currency; negative where it is paid."""
    return float((reaction.instance.cost - reaction.follower.unpriced().cost) @ reaction.x)


def lot_profit(day: AggregatorDay, lot: Lot, reaction: Reaction) -> float:
    """Return what a lot earns in one scenario with its drivers and the aggregator, currency: (20) and (25)."""
    return reaction.profit + lot_constant(day, lot, reaction.follower.scenario)


def lot_constant(day: AggregatorDay, lot: Lot, scenario: int) -> float:
    """Return the part of (25) that no decision changes, currency.

    Energy of ``fix`` contracts, what vehicles had brought, readiness, and parking.
    """
    periods, tariffs, share = day.periods, lot.tariffs, lot.contracts.share
    soc, brought = lot.contracts.departure_soc, lot.vehicles.brought_kwh[scenario]
    g2v1, g2v2, g2v3, v2g, wear, extra, parking = (
        by_period(price, periods)
        for price in (
            tariffs.g2v1,
            tariffs.g2v2,
            tariffs.g2v3,
            tariffs.v2g,
            tariffs.degradation,
            tariffs.extra,
            tariffs.parking,
        )
    )
    ready = share[FLEX2] if day.reading.extra_flex2 == "flex2" else share[FIX2]
    left_kwh: FloatArray = departing_kwh(lot, scenario, (1.0 - soc[FIX2]) * share[FIX2])
    left_kwh = left_kwh + departing_kwh(lot, scenario, (1.0 - soc[FLEX2]) * ready)
    parked = lot.vehicles.parked[scenario].sum(axis=1)
    return float(
        np.sum(
            (fixed_kwh(lot, scenario, FIX1) - brought[:, FIX1]) * g2v1
            - brought[:, FLEX1] * g2v2
            + (fixed_kwh(lot, scenario, FIX2) - brought[:, FIX2]) * (g2v3 + wear)
            - brought[:, FLEX2] * v2g
            - left_kwh * extra
            + parked * parking * day.length_h
        )
    )
